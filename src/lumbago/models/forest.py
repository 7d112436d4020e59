"""A random forest whose probabilities are calibrated by the trees that did not see a person."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from lumbago.models.calibration import platt
from lumbago.models.columns import feature_values, groups_of


class CalibratedForest(RandomForestClassifier):
    """`RandomForestClassifier` for two classes with participant-aware out-of-bag calibration.

    Takes the same arguments. ``predict`` and ``predict_proba`` are those of the forest;
    ``decision_function`` is the share of the positive class among its leaves, and
    ``probability`` that share passed through a sigmoid fitted to out-of-bag votes.
    Covariate columns are not used.
    """

    def fit(self, X: Any, y: np.ndarray, sample_weight: Any = None) -> CalibratedForest:
        """Grow the trees, then fit the sigmoid."""
        values = feature_values(X).astype(np.float32, copy=False)
        super().fit(values, y, sample_weight)
        self.sigmoid_ = None
        if len(self.classes_) == 2:
            votes = self._out_of_bag(values, groups_of(X))
            self.sigmoid_ = platt(votes, np.asarray(y) == self.classes_[1])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean class shares of the trees' leaves."""
        return super().predict_proba(feature_values(X).astype(np.float32, copy=False))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the mean share of the positive class, in [0, 1]."""
        return self.predict_proba(X)[:, 1]

    def probability(self, X: Any) -> np.ndarray:
        """Return the calibrated probability of the positive class, NaN if none could be fitted."""
        votes = self.decision_function(X)
        return self.sigmoid_(votes) if self.sigmoid_ is not None else np.full(len(votes), np.nan)

    def _out_of_bag(self, values: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Mean share of the positive class over trees that saw no row of the person."""
        person = np.unique(groups, return_inverse=True)[1].ravel()
        total, count = np.zeros(len(values)), np.zeros(len(values))
        for tree, drawn in zip(self.estimators_, self.estimators_samples_, strict=True):
            inside = np.zeros(person.max() + 1, dtype=bool)
            inside[person[drawn]] = True
            rows = np.flatnonzero(~inside[person])
            if len(rows):
                total[rows] += tree.predict_proba(values[rows])[:, 1]
                count[rows] += 1
        return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)

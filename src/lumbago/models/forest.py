"""A random forest whose probabilities are calibrated by the trees that did not see a person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.ensemble import RandomForestClassifier

from lumbago.models.calibration import platt
from lumbago.models.columns import groups_of, n_features


class CalibratedForest(RandomForestClassifier):
    """`RandomForestClassifier` for two classes with participant-aware out-of-bag calibration.

    Takes the same arguments. ``predict`` and ``predict_proba`` are those of the forest, the
    mean class shares of the trees' leaves; ``probability`` is the share of the positive class
    passed through a sigmoid fitted to out-of-bag votes. Covariate columns are not used.
    """

    def fit(self, X: Any, y: np.ndarray, sample_weight: Any = None) -> CalibratedForest:
        """Grow the trees, then fit the sigmoid."""
        features = _features(X)
        super().fit(features, y, sample_weight)
        self.sigmoid_ = None
        if len(self.classes_) == 2:
            values = features.tocsr() if issparse(features) else np.asarray(features)
            values = values.astype(np.float32, copy=False)
            if not issparse(values):
                values = np.ascontiguousarray(values)
            known = isinstance(X, pd.DataFrame)
            people = groups_of(X) if known else np.arange(values.shape[0]).astype(str)
            votes = self._out_of_bag(values, people)
            self.sigmoid_ = platt(votes, np.ravel(np.asarray(y)) == self.classes_[1])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean class shares of the trees' leaves."""
        return super().predict_proba(_features(X))

    def probability(self, X: Any) -> np.ndarray:
        """Return the calibrated probability of the positive class, NaN if none could be fitted."""
        votes = self.predict_proba(X)[:, -1]
        return self.sigmoid_(votes) if self.sigmoid_ is not None else np.full(len(votes), np.nan)

    def _out_of_bag(self, values: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Mean share of the positive class over trees that saw no row of the person."""
        person = np.unique(groups, return_inverse=True)[1].ravel()
        total, count = np.zeros(len(person)), np.zeros(len(person))
        for tree, drawn in zip(self.estimators_, self.estimators_samples_, strict=True):
            inside = np.zeros(person.max() + 1, dtype=bool)
            inside[person[drawn]] = True
            rows = np.flatnonzero(~inside[person])
            if len(rows):
                # All rows, for copying wide ones costs more than sending a few down in vain.
                total[rows] += tree.predict_proba(values, check_input=False)[rows, 1]
                count[rows] += 1
        return np.divide(total, count, out=np.full(len(person), np.nan), where=count > 0)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that there is one label."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = False
        tags.target_tags.multi_output = False
        return tags


def _features(X: Any) -> Any:
    return X.iloc[:, : n_features(X)] if isinstance(X, pd.DataFrame) else X

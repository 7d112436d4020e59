"""Fitting again with other labels, without repeating what does not read them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from lumbago.models.columns import feature_values, take_rows
from lumbago.models.learner import Learner, TwoClasses
from lumbago.models.rows import Rows
from lumbago.models.search import (
    GroupedSearch,
    best_candidate,
    candidates,
    choose,
    decision_values,
    inner_folds,
    score_candidates,
)
from lumbago.models.threshold import youden_cut

_Rows = tuple[Any, Any]
"""Rows to fit on and rows to predict."""


class Refit:
    """One training and test fold, to be fitted with many permutations of the labels.

    Steps that do not read y (``reads_y = False``) are fitted once per (inner) training
    fold, up to the first that does; everything from there on, tuning and the choice of a
    threshold included, is done anew for every permutation.
    Inner folds are, as the outer ones, those of the true labels.

    Parameters
    ----------
    estimator : Pipeline or GroupedSearch
        Unfitted, as `lumbago.models.pipeline.assemble` gives it.
    X_train, X_test : DataFrame
    y_train : array of shape (n_train,)
        True labels; they decide the inner folds only.
    continuous : bool
    """

    def __init__(
        self, estimator: Any, X_train: Any, y_train: np.ndarray, X_test: Any, *, continuous: bool
    ) -> None:
        search = estimator if isinstance(estimator, GroupedSearch) else None
        self.pipeline = search.estimator if search else estimator
        self.model = clone(self.pipeline[-1])
        self.continuous = continuous
        self.X_train, self.X_test = X_train, X_test
        self.options = candidates(search.grid) if search else [{}]
        self.folds: list[tuple[np.ndarray, np.ndarray]] = []
        self.cut = bool(search and search.cut)
        if search and (len(self.options) > 1 or self.cut):
            self.folds = inner_folds(
                X_train, y_train, search.n_splits, search.seed, continuous=continuous
            )
        n = len(self.pipeline.steps) - 1
        reading = [i for i in range(n) if getattr(self.pipeline[i], "reads_y", True)]
        shared = reading[0] if reading else n
        self.label_free = shared == n
        rows = [(self.X_train, X_test)]
        rows += [(take_rows(X_train, a), take_rows(X_train, b)) for a, b in self.folds]
        true = [y_train, *(y_train[a] for a, _ in self.folds)]
        self._kept = self._prepare(slice(0, shared), rows, true)
        if self.label_free and isinstance(self.model, Learner):
            # The same rows for every permutation: what is known of them is found once.
            self._kept = [(Rows(feature_values(a)), Rows(feature_values(b))) for a, b in self._kept]
        self._anew = slice(shared, n)

    def _prepare(self, which: slice, rows: list[_Rows], labels: list[np.ndarray]) -> list[_Rows]:
        """Return rows after some of the steps, of the whole fold and of the inner ones."""
        if which.start == which.stop:
            return rows
        found = []
        for (X_fit, X_check), y in zip(rows, labels, strict=True):
            steps = clone(self.pipeline[which])
            found.append((steps.fit_transform(X_fit, y), steps.transform(X_check)))
        return found

    def __call__(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fit with labels `y` of the training rows.

        Returns
        -------
        predicted, score : arrays of shape (n_test,)
            As `lumbago.models.pipeline.outputs` gives them.
        """
        if not self.continuous and len(np.unique(y)) < 2:
            return np.full(len(self.X_test), y[0]), np.zeros(len(self.X_test))
        labels = [y, *(y[a] for a, _ in self.folds)]
        outer, *inner = self._prepare(self._anew, self._kept, labels)
        model, threshold = self.model, None
        if self.folds:
            parts = [
                (fit, y[a], check) for (fit, check), (a, _) in zip(inner, self.folds, strict=True)
            ]
            checked = [y[b] for _, b in self.folds]
            scores, values = score_candidates(
                model, self.options, parts, checked, continuous=self.continuous
            )
            best = best_candidate(scores)
            choose(model, self.options[best])
            if self.cut:
                threshold = youden_cut(np.concatenate(values[best]), np.concatenate(checked) == 1)
        else:
            choose(model, self.options[0])
        model.fit(outer[0], y)
        own_cut = isinstance(model, TwoClasses) and type(model).predict is TwoClasses.predict
        if own_cut and threshold is None:
            decision = model.decision_function(outer[1])
            return model.decided(decision), decision
        predicted = np.asarray(model.predict(outer[1]))
        if self.continuous:
            return predicted.astype(float), predicted.astype(float)
        score = decision_values(model, outer[1])
        if threshold is not None:
            predicted = model.classes_[(score >= threshold).astype(int)]
        return predicted, score

"""Fitting again with other labels, without repeating what does not read them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from lumbago.models.columns import take_rows
from lumbago.models.search import (
    GroupedSearch,
    best_candidate,
    candidates,
    choose,
    decision_values,
    inner_folds,
    score_candidates,
)


class Refit:
    """One training and test fold, to be fitted with many permutations of the labels.

    Steps that do not read y (``reads_y = False``) are fitted once per (inner) training
    fold; everything that reads y, tuning included, is done anew for every permutation.
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
        if search and len(self.options) > 1:
            self.folds = inner_folds(
                X_train, y_train, search.n_splits, search.seed, continuous=continuous
            )
        self.label_free = not any(getattr(step, "reads_y", True) for _, step in self._steps)
        self._kept = self._prepare(y_train) if self.label_free else None

    @property
    def _steps(self) -> list[tuple[str, Any]]:
        return list(self.pipeline.steps[:-1])

    def _prepare(self, y: np.ndarray) -> tuple[tuple[Any, Any], list[tuple[Any, Any]]]:
        """Return prepared (fit, check) rows of the whole fold and of the inner ones."""

        def prepared(X_fit: Any, y_fit: np.ndarray, X_check: Any) -> tuple[Any, Any]:
            steps = clone(self.pipeline[:-1])
            return steps.fit_transform(X_fit, y_fit), steps.transform(X_check)

        inner = [
            prepared(take_rows(self.X_train, a), y[a], take_rows(self.X_train, b))
            for a, b in self.folds
        ]
        return prepared(self.X_train, y, self.X_test), inner

    def __call__(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fit with labels `y` of the training rows.

        Returns
        -------
        predicted, score : arrays of shape (n_test,)
            As `lumbago.models.pipeline.outputs` gives them.
        """
        if not self.continuous and len(np.unique(y)) < 2:
            return np.full(len(self.X_test), y[0]), np.zeros(len(self.X_test))
        outer, inner = self._kept or self._prepare(y)
        model = self.model
        if self.folds:
            parts = [
                (fit, y[a], check) for (fit, check), (a, _) in zip(inner, self.folds, strict=True)
            ]
            checked = [y[b] for _, b in self.folds]
            scores, _ = score_candidates(
                model, self.options, parts, checked, continuous=self.continuous
            )
            choose(model, self.options[best_candidate(scores)])
        else:
            choose(model, self.options[0])
        model.fit(outer[0], y)
        predicted = np.asarray(model.predict(outer[1]))
        if self.continuous:
            return predicted.astype(float), predicted.astype(float)
        return predicted, decision_values(model, outer[1])

"""Least squares whose solution exists and is one, whatever the shape of the table."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from lumbago.models.columns import feature_values

SMALLEST = 10 * float(np.finfo(np.float32).eps)
"""Singular values below this share of the largest are rounding of the stored features."""


class LeastSquares(RegressorMixin, BaseEstimator):
    """Linear regression by the pseudo-inverse: of all best weights the shortest.

    Features are kept in single precision: a direction along which the training rows differ
    by less than that (`SMALLEST`) says nothing, and no penalty would keep its weight small;
    it gets none.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : float
    rank_ : int
        Directions that were used.
    """

    def fit(self, X: Any, y: np.ndarray) -> LeastSquares:
        """Solve for the weights."""
        values = feature_values(X).astype(np.float64)
        y = np.asarray(y, dtype=np.float64)
        centre, level = values.mean(axis=0), float(y.mean())
        left, size, right = np.linalg.svd(values - centre, full_matrices=False)
        used = size > SMALLEST * size.max(initial=0.0)
        self.rank_ = int(used.sum())
        self.n_features_in_ = values.shape[1]
        along = (left[:, used].T @ (y - level)) / size[used]
        self.coef_ = along @ right[used]
        self.intercept_ = level - float(centre @ self.coef_)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return values in the unit of the target."""
        return feature_values(X).astype(np.float64) @ self.coef_ + self.intercept_

"""Least squares whose solution exists and is one, whatever the shape of the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from lumbago.models.learner import Regression
from lumbago.models.rows import Rows, centred_svd

SMALLEST = 10 * float(np.finfo(np.float32).eps)
"""Singular values below this share of the largest are rounding of the stored features."""


class LeastSquares(Regression):
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

    called = "linear"

    def fit(self, X: Any, y: np.ndarray) -> LeastSquares:
        """Solve for the weights."""
        values, y = self._training_numbers(X, y)
        centre, left, size, right = (
            X.once("centred_svd", centred_svd) if isinstance(X, Rows) else centred_svd(values)
        )
        level = float(y.mean())
        used = size > SMALLEST * size.max(initial=0.0)
        self.rank_ = int(used.sum())
        along = (left[:, used].T @ (y - level)) / size[used]
        self.coef_ = along @ right[used]
        self.intercept_ = level - float(centre @ self.coef_)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return values in the unit of the target."""
        return self._rows(X) @ self.coef_ + self.intercept_

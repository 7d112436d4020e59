"""Ridge regression from one decomposition of the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from lumbago.models.learner import Regression
from lumbago.models.rows import Rows, centred_svd


class RidgeRegression(Regression):
    """Linear regression minimizing the squared errors + alpha ‖w‖², intercept unpenalized.

    The problem of `sklearn.linear_model.Ridge`, solved by singular values; every `alpha` and
    every target fitted to the same `Rows` shares them.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : float
    """

    called = "ridge"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: Any, y: np.ndarray) -> RidgeRegression:
        """Solve for the weights."""
        values, y = self._training_numbers(X, y)
        centre, left, size, right = (
            X.once("centred_svd", centred_svd) if isinstance(X, Rows) else centred_svd(values)
        )
        level = float(y.mean())
        # A direction without any spread has no weight, whatever the penalty.
        told = size > 1e-15
        share = np.where(told, size, 0.0) / (np.where(told, size, 1.0) ** 2 + self.alpha)
        self.coef_ = (share * (left.T @ (y - level))) @ right
        self.intercept_ = level - float(centre @ self.coef_)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return values in the unit of the target."""
        return self._rows(X) @ self.coef_ + self.intercept_

"""Linear regression with an L1 penalty, told as a share of the one that keeps nothing."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from lumbago.models.columns import feature_values


class SparseLinear(RegressorMixin, BaseEstimator):
    """Minimize mean squared error / 2 + alpha (l1_ratio ‖w‖₁ + ½ (1 - l1_ratio) ‖w‖²).

    alpha is `penalty` times the smallest that gives no feature a weight, so that it means the
    same for any number of rows, any unit of the target and permuted targets. Solved by
    scikit-learn's coordinate descent; the intercept is not penalized.

    Parameters
    ----------
    penalty : float
        In (0, 1).
    l1_ratio : float
        In (0, 1].
    tol : float
        Gap between the objective and a lower bound of it, as a share of the target's variance.
    max_iter : int
        Passes over the features.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : float
    alpha_ : float
    """

    def __init__(
        self,
        penalty: float = 0.1,
        l1_ratio: float = 1.0,
        tol: float = 1e-6,
        max_iter: int = 10_000,
    ) -> None:
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: np.ndarray) -> SparseLinear:
        """Find the minimum.

        Raises
        ------
        ValueError
            If the search does not end.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import ElasticNet

        values = feature_values(X).astype(np.float64)
        y = np.asarray(y, dtype=np.float64)
        centre, level = values.mean(axis=0), float(y.mean())
        values = np.asfortranarray(values - centre)
        self.n_features_in_ = values.shape[1]
        largest = float(np.abs(values.T @ (y - level)).max()) / len(y)
        self.alpha_ = self.penalty * largest / self.l1_ratio
        self.coef_ = np.zeros(values.shape[1])
        if largest > 0:
            solver = ElasticNet(
                alpha=self.alpha_, l1_ratio=self.l1_ratio, tol=self.tol, max_iter=self.max_iter,
                fit_intercept=False,
            )  # fmt: skip
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConvergenceWarning)
                try:
                    self.coef_ = solver.fit(values, y - level).coef_
                except ConvergenceWarning:
                    raise ValueError(
                        f"the sparse fit did not settle in {self.max_iter} passes; scale the "
                        "features, raise penalty or raise max_iter"
                    ) from None
        self.intercept_ = level - float(centre @ self.coef_)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return values in the unit of the target."""
        return feature_values(X).astype(np.float64) @ self.coef_ + self.intercept_

"""Linear regression with an L1 penalty, told as a share of the one that keeps nothing."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from lumbago.models.learner import Regression


class SparseLinear(Regression):
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
    n_iter_ : int
        Passes it took.
    """

    called = "lasso"

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

        values, y = self._training_numbers(X, y)
        centre, level = values.mean(axis=0), float(y.mean())
        values = np.asfortranarray(values - centre)
        largest = float(np.abs(values.T @ (y - level)).max()) / len(y)
        self.alpha_ = self.penalty * largest / self.l1_ratio
        self.coef_, self.n_iter_ = np.zeros(values.shape[1]), 1
        if largest > 0:
            solver = ElasticNet(
                alpha=self.alpha_, l1_ratio=self.l1_ratio, tol=self.tol, max_iter=self.max_iter,
                fit_intercept=False,
            )  # fmt: skip
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConvergenceWarning)
                try:
                    self.coef_ = solver.fit(values, y - level).coef_
                    self.n_iter_ = max(1, int(solver.n_iter_))
                except ConvergenceWarning:
                    raise ValueError(
                        f"the sparse fit did not settle in {self.max_iter} passes; scale the "
                        "features, raise penalty or raise max_iter"
                    ) from None
        self.intercept_ = level - float(centre @ self.coef_)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return values in the unit of the target."""
        return self._rows(X) @ self.coef_ + self.intercept_

"""Regression on the few directions in which features go with the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from lumbago.models.learner import Learner, Regression, TwoClasses

SMALLEST = 1e-10
"""What is left of the features' covariance with the target below this share is rounding."""


class _PartialLeastSquares(Learner):
    """What the regression and the classifier share: weights for one target.

    Parameters
    ----------
    n_components : int
        Fewer where the training rows hold fewer.
    """

    called = "pls"

    def __init__(self, n_components: int = 2) -> None:
        self.n_components = n_components

    def _learn(self, rest: np.ndarray, y: np.ndarray) -> None:
        """Take one direction after the other out of the features (NIPALS for one target)."""
        centre, level = rest.mean(axis=0), float(y.mean())
        rest = rest - centre
        aim = y - level
        weights, loadings, slopes = [], [], []
        first = 0.0
        for _ in range(self.n_components):
            weight = rest.T @ aim
            size = float(np.linalg.norm(weight))
            first = max(first, size)
            if size <= SMALLEST * first or size == 0:
                break
            weight /= size
            score = rest @ weight
            square = float(score @ score)
            loading = rest.T @ score / square
            slope = float(score @ aim) / square
            rest = rest - np.outer(score, loading)
            aim = aim - slope * score
            weights.append(weight)
            loadings.append(loading)
            slopes.append(slope)
        self.n_components_ = len(weights)
        self.coef_ = np.zeros(rest.shape[1])
        if weights:
            W, P = np.array(weights), np.array(loadings)
            self.coef_ = np.linalg.solve(P @ W.T, np.array(slopes)) @ W
        self.intercept_ = level - float(centre @ self.coef_)

    def _value(self, X: Any) -> np.ndarray:
        return self._rows(X) @ self.coef_ + self.intercept_


class PLS1Regressor(Regression, _PartialLeastSquares):
    """Partial least squares of one target, features as they come.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : float
    n_components_ : int
        Components that were found.

    References
    ----------
    .. [1] Wold, Sjöström & Eriksson (2001). Chemom Intell Lab Syst 58, 109-130.
       doi:10.1016/S0169-7439(01)00155-1
    """

    def fit(self, X: Any, y: np.ndarray) -> PLS1Regressor:
        """Find the components and the weights."""
        self._learn(*self._training_numbers(X, y))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return values in the unit of the target."""
        return self._value(X)


class PLS1Classifier(TwoClasses, _PartialLeastSquares):
    """Partial least squares of two classes coded -1 and 1 (discriminant analysis).

    The border lies half way between the mean decision values of the two in training, so that
    it does not lean towards the larger class.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : float
    n_components_ : int
    """

    def fit(self, X: Any, y: np.ndarray) -> PLS1Classifier:
        """Find the components, the weights and the border."""
        values, code = self._training_codes(X, y)
        self._learn(values, 2.0 * code - 1)
        value = values @ self.coef_ + self.intercept_
        self.intercept_ -= (value[code == 0].mean() + value[code == 1].mean()) / 2
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return how far rows lie on the side of the second class."""
        return self._value(X)

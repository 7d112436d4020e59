"""Regression on the few directions in which features go with the target."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from lumbago.models.columns import feature_values

SMALLEST = 1e-10
"""What is left of the features' covariance with the target below this share is rounding."""


class _PartialLeastSquares(BaseEstimator):
    """What the regression and the classifier share: weights for one target.

    Parameters
    ----------
    n_components : int
        Fewer where the training rows hold fewer.
    """

    def __init__(self, n_components: int = 2) -> None:
        self.n_components = n_components

    def _learn(self, X: Any, y: np.ndarray) -> None:
        """Take one direction after the other out of the features (NIPALS for one target)."""
        rest = feature_values(X).astype(np.float64)
        centre, level = rest.mean(axis=0), float(y.mean())
        rest = rest - centre
        self.n_features_in_ = rest.shape[1]
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
        return feature_values(X).astype(np.float64) @ self.coef_ + self.intercept_


class PLSRegression(RegressorMixin, _PartialLeastSquares):
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

    def fit(self, X: Any, y: np.ndarray) -> PLSRegression:
        """Find the components and the weights."""
        self._learn(X, np.asarray(y, dtype=np.float64))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return values in the unit of the target."""
        return self._value(X)


class PLSClassifier(ClassifierMixin, _PartialLeastSquares):
    """Partial least squares of two classes coded -1 and 1 (discriminant analysis).

    The border lies half way between the mean decision values of the two in training, so that
    it does not lean towards the larger class.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : float
    n_components_ : int
    """

    def fit(self, X: Any, y: np.ndarray) -> PLSClassifier:
        """Find the components, the weights and the border."""
        self.classes_, code = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(f"pls needs two classes, got {len(self.classes_)}")
        self._learn(X, 2.0 * code.ravel() - 1)
        value = self._value(X)
        self.intercept_ -= (value[code == 0].mean() + value[code == 1].mean()) / 2
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return how far rows lie on the side of the second class."""
        return self._value(X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class on whose side of the border a row lies."""
        return self.classes_[(self.decision_function(X) > 0).astype(int)]

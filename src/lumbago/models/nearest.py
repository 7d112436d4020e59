"""scikit-learn's neighbours and naive Bayes, made to stand in any training fold."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from lumbago.models.columns import feature_values


class _Nearest(BaseEstimator):
    """What the classifier and the regression share: no more neighbours than rows.

    Parameters
    ----------
    n_neighbors : int
    weights : {"uniform", "distance"}
    """

    def __init__(self, n_neighbors: int = 5, weights: str = "uniform") -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights

    def _asked(self, twin: Any, X: Any, y: np.ndarray) -> None:
        values = feature_values(X).astype(np.float64)
        self.n_features_in_ = values.shape[1]
        k = min(self.n_neighbors, len(values))
        # A tree finds neighbours of equal distance in an order of its own; brute force by row.
        self.found_ = twin(k, weights=self.weights, algorithm="brute").fit(values, y)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class with most votes, the first of equals; or the mean value."""
        return self.found_.predict(feature_values(X).astype(np.float64))


class NearestClassifier(ClassifierMixin, _Nearest):
    """`KNeighborsClassifier` that asks all rows where there are fewer than asked for."""

    def fit(self, X: Any, y: np.ndarray) -> NearestClassifier:
        """Keep the rows."""
        self._asked(KNeighborsClassifier, X, y)
        self.classes_ = self.found_.classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the shares of the classes among the neighbours."""
        return self.found_.predict_proba(feature_values(X).astype(np.float64))


class NearestRegressor(RegressorMixin, _Nearest):
    """`KNeighborsRegressor` that asks all rows where there are fewer than asked for."""

    def fit(self, X: Any, y: np.ndarray) -> NearestRegressor:
        """Keep the rows."""
        self._asked(KNeighborsRegressor, X, np.asarray(y, dtype=np.float64))
        return self


class LogOddsBayes(GaussianNB):
    """`GaussianNB` of two classes that gives log odds.

    Over thousands of features its probabilities are 0 or 1 to the last bit, and would rank
    no one.
    """

    def decision_function(self, X: Any) -> np.ndarray:
        """Return log odds of the second class, shape (n_samples,)."""
        likelihood = self.predict_joint_log_proba(X)
        return likelihood[:, -1] - likelihood[:, 0]

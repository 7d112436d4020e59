"""scikit-learn's neighbours and naive Bayes, made to stand in any training fold."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.utils.multiclass import check_classification_targets

from lumbago.models.learner import Learner, Regression


class _Nearest(Learner):
    """What the classifier and the regression share: no more neighbours than rows.

    Parameters
    ----------
    n_neighbors : int
    weights : {"uniform", "distance"}
    """

    called = "neighbours"

    def __init__(self, n_neighbors: int = 5, weights: str = "uniform") -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights

    def _ask(self, twin: Any, values: np.ndarray, y: np.ndarray) -> None:
        k = min(self.n_neighbors, len(values))
        # A tree finds neighbours of equal distance in an order of its own; brute force by row.
        self.found_ = twin(k, weights=self.weights, algorithm="brute").fit(values, y)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class with most votes, the first of equals; or the mean value."""
        values = self._rows(X)
        return self.found_.predict(values)


class NearestClassifier(ClassifierMixin, _Nearest):
    """`KNeighborsClassifier` that asks all rows where there are fewer than asked for."""

    def fit(self, X: Any, y: np.ndarray) -> NearestClassifier:
        """Keep the rows."""
        values, y = self._training_rows(X, y)
        check_classification_targets(y)
        self._ask(KNeighborsClassifier, values, y)
        self.classes_ = self.found_.classes_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the shares of the classes among the neighbours."""
        values = self._rows(X)
        return self.found_.predict_proba(values)


class NearestRegressor(Regression, _Nearest):
    """`KNeighborsRegressor` that asks all rows where there are fewer than asked for."""

    def fit(self, X: Any, y: np.ndarray) -> NearestRegressor:
        """Keep the rows."""
        self._ask(KNeighborsRegressor, *self._training_numbers(X, y))
        return self


class LogOddsBayes(GaussianNB):
    """`GaussianNB` of two classes that gives log odds.

    Over thousands of features its probabilities are 0 or 1 to the last bit, and would rank
    no one.
    """

    def decision_function(self, X: Any) -> np.ndarray:
        """Return log odds of the second class, shape (n_samples,)."""
        likelihood = self.predict_joint_log_proba(X)
        return likelihood[:, -1] - likelihood[:, 0] if len(self.classes_) == 2 else likelihood

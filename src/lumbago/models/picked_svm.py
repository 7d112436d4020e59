"""A linear support vector machine on the features that an elastic net kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.svm import SVC

from lumbago.models.learner import TwoClasses
from lumbago.models.selectors import ElasticNetSelector


class PickedSVM(TwoClasses):
    """`ElasticNetSelector`, then `sklearn.svm.SVC(kernel="linear")`, in one estimator.

    In one, so that an inner search can weigh the penalty and `C` against each other.

    Parameters
    ----------
    penalty, l1_ratio : float
        Of the elastic net.
    C : float
    class_weight : "balanced" or None
        Of the support vector machine.
    tol : float

    Attributes
    ----------
    coef_ : array of shape (1, n_features)
        0 for features that were not kept.
    intercept_ : array of shape (1,)
    keep_ : boolean array of shape (n_features,)
    """

    called = "elastic_net_svm"

    def __init__(
        self,
        penalty: float = 0.5,
        l1_ratio: float = 0.5,
        C: float = 1.0,
        class_weight: str | None = None,
        tol: float = 1e-6,
    ) -> None:
        self.penalty = penalty
        self.l1_ratio = l1_ratio
        self.C = C
        self.class_weight = class_weight
        self.tol = tol

    def fit(self, X: Any, y: np.ndarray) -> PickedSVM:
        """Pick features by the labels, then fit on them."""
        values, code = self._training_codes(X, y)
        self.keep_ = ElasticNetSelector(self.penalty, self.l1_ratio).fit(values, code).keep_
        machine = SVC(kernel="linear", C=self.C, class_weight=self.class_weight, tol=self.tol)
        machine.fit(values[:, self.keep_], code)
        self.coef_ = np.zeros((1, values.shape[1]))
        self.coef_[0, self.keep_] = machine.coef_[0]
        self.intercept_ = machine.intercept_
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return distances from the border, positive for the second class."""
        return self._rows(X) @ self.coef_[0] + self.intercept_[0]

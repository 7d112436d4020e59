"""What our models share: the rows they are given, checked the way scikit-learn checks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from lumbago.models.columns import n_features
from lumbago.models.rows import Rows


class Learner(BaseEstimator):
    """A model of ours; covariate columns of X are left out.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : array of shape (n_features,)
        Where X had words for names.
    """

    called = "this model"
    """What errors call it."""
    fewest = 1
    """Training rows that it needs."""

    def _training_rows(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return features in double precision and labels, one for every row.

        Raises
        ------
        ValueError
            If a value is missing, or rows are too few.
        """
        if y is None:
            raise ValueError(f"{self.called} requires y to be passed, but the target y is None")
        values = self._taken(X, reset=True)
        if not isinstance(X, Rows):
            y = column_or_1d(y, warn=True)
        if len(y) != len(values):
            raise ValueError(f"{self.called}: expected {len(values)} labels, got {len(y)}")
        if len(values) < self.fewest:
            raise ValueError(
                f"{self.called}: expected {self.fewest} training rows or more, got "
                f"n_samples={len(values)}"
            )
        return values, y

    def _rows(self, X: Any) -> np.ndarray:
        """Return features of any rows, in double precision."""
        if not isinstance(X, Rows):
            check_is_fitted(self)
        return self._taken(X, reset=False)

    def _taken(self, X: Any, *, reset: bool) -> np.ndarray:
        if isinstance(X, Rows):
            if reset:
                self.n_features_in_ = X.values.shape[1]
            return X.values
        if isinstance(X, pd.DataFrame):
            X = X.iloc[:, : n_features(X)]
        values = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite=False)
        # One pass: a sum is not finite where a value is not; only then is a second worth it.
        if not np.isfinite(values.sum()) and not np.isfinite(values).all():
            raise ValueError(
                f"{self.called}: features hold missing values (NaN or infinity); put impute into "
                "the preparation"
            )
        return np.ascontiguousarray(values)


class TwoClasses(ClassifierMixin, Learner):
    """A classifier of two classes by the sign of a decision value.

    Attributes
    ----------
    classes_ : array of shape (2,)
        The second is the one that decision values rise with.
    """

    def _training_codes(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return features and class codes 0 and 1.

        Raises
        ------
        ValueError
            If y does not hold two classes.
        """
        values, y = self._training_rows(X, y)
        if not isinstance(X, Rows):
            check_classification_targets(y)
        self.classes_, code = np.unique(y, return_inverse=True)
        n = len(self.classes_)
        if n > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{type_of_target(y)}: {self.called} needs two classes, got {n}"
            )
        if n < 2:
            raise ValueError(f"{self.called} needs two classes, got {n} class")
        return values, code.ravel()

    def decision_function(self, X: Any) -> np.ndarray:
        """Return what rises with the second class, 0 at the border."""
        raise NotImplementedError

    def predict(self, X: Any) -> np.ndarray:
        """Return the class on whose side of the border a row lies."""
        return self.decided(self.decision_function(X))

    def decided(self, decision: np.ndarray) -> np.ndarray:
        """Return the classes that decision values stand for."""
        return self.classes_[(decision > 0).astype(int)]

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that two classes are all."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


class Regression(RegressorMixin, Learner):
    """A model of numbers."""

    def _training_numbers(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return features and values of the target, both in double precision."""
        values, y = self._training_rows(X, y)
        y = y.astype(np.float64)
        if not np.isfinite(y).all():
            raise ValueError(f"{self.called}: the target holds NaN or infinity; leave it out")
        return values, y

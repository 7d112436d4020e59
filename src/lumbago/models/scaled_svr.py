"""Support vector regression of a target in its training standard deviations."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.svm import SVR
from sklearn.utils.validation import check_X_y


class ScaledSVR(SVR):
    """`sklearn.svm.SVR` fitted to (y - mean) / standard deviation of the training rows.

    Takes the same arguments, `C` and `epsilon` in those units; predicts in the target's own.

    Attributes
    ----------
    centre_, spread_ : float
        Training mean and standard deviation (ddof 0) of the target; 1 where it is constant.
    """

    def fit(self, X: Any, y: np.ndarray) -> ScaledSVR:
        """Scale the target, then fit."""
        _, y = check_X_y(X, y, accept_sparse="csr", y_numeric=True, estimator=self)
        self.centre_, spread = float(y.mean()), float(y.std())
        self.spread_ = spread if spread > 1e-12 * max(1.0, abs(self.centre_)) else 1.0
        super().fit(X, (y - self.centre_) / self.spread_)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return values in the unit of the target."""
        return super().predict(X) * self.spread_ + self.centre_

    @property
    def coef_(self) -> np.ndarray:
        """Weights of a linear kernel, in units of the target, shape (1, n_features)."""
        return super().coef_ * self.spread_

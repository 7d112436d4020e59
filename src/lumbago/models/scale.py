"""Features in units of their training standard deviation."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from lumbago.models.columns import Step
from lumbago.spec import Spec


class Scale(Spec):
    """Centre every feature and divide it by its training standard deviation."""

    kind: Literal["scale"] = "scale"

    def build(self, columns: Any, seed: int) -> Scaler:
        """Return the step, unfitted."""
        return Scaler()


class Scaler(Step):
    """Subtract the training mean and divide by the training standard deviation (ddof 0).

    A feature that is constant in training becomes 0 there and keeps its unit elsewhere.
    Missing values are skipped and stay missing; covariates pass through. Sums run in
    float64 whatever the type of the features.

    Attributes
    ----------
    mean_, scale_ : array of shape (n_features,), float64
    """

    reads_y = False
    takes_missing = True

    def fit(self, X: Any, y: Any = None) -> Scaler:
        """Learn means and standard deviations of the training rows."""
        values = self._open(X).values
        if np.isnan(values).any():
            present = ~np.isnan(values)
            n = np.maximum(present.sum(axis=0), 1)
            self.mean_ = np.where(present, values, 0).sum(axis=0, dtype=np.float64) / n
            off = np.where(present, values - self.mean_, 0)
        else:
            n = np.full(values.shape[1], len(values))
            self.mean_ = values.mean(axis=0, dtype=np.float64)
            off = values - self.mean_
        variance = np.einsum("ij,ij->j", off, off) / n
        # A constant has the variance of its rounding errors, not exactly zero.
        eps = np.finfo(np.float64).eps
        constant = variance <= n * eps * variance + (n * self.mean_ * eps) ** 2
        self.scale_ = np.where(constant, 1.0, np.sqrt(variance))
        self.mean_ = np.where(n > 0, self.mean_, 0.0)
        return self

    def transform(self, X: Any) -> Any:
        """Scale any rows by what training taught."""
        parts = self._reopen(X)
        scaled = (parts.values - self.mean_) / self.scale_
        return parts.with_values(scaled.astype(parts.values.dtype, copy=False))

    def back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of features in their own units."""
        return weights / self.scale_

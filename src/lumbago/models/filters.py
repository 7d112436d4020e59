"""Features that training rows say too little about, dropped without a look at the labels."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.models.keeping import Keeper
from lumbago.spec import Spec


class Coverage(Spec):
    """Drop features that are missing in too many training rows."""

    short: ClassVar[str] = "max_missing"

    kind: Literal["coverage"] = "coverage"
    max_missing: float = Field(0.05, ge=0, lt=1)
    """Largest share of training rows a kept feature may be missing in."""

    def build(self, columns: Any, seed: int) -> CoverageFilter:
        """Return the step, unfitted."""
        return CoverageFilter(max_missing=self.max_missing)


class Variance(Spec):
    """Drop features that hardly vary over the training rows.

    The threshold is in squared units of the feature and means nothing behind `scale`.
    """

    short: ClassVar[str] = "threshold"

    kind: Literal["variance"] = "variance"
    threshold: float = Field(0.0, ge=0)
    """Kept features vary by more than this; 0 drops constant ones only."""
    lowest: float = Field(0.0, ge=0, lt=1)
    """Share of all features to drop, those of the lowest variance."""

    def build(self, columns: Any, seed: int) -> VarianceFilter:
        """Return the step, unfitted."""
        return VarianceFilter(threshold=self.threshold, lowest=self.lowest)


class CoverageFilter(Keeper):
    """Drop features missing in more than a share of the training rows.

    Parameters
    ----------
    max_missing : float
        In [0, 1).

    Attributes
    ----------
    keep_ : boolean array of shape (n_features,)
    dropped_ : list
        Names (positions for an array) of dropped features.
    """

    reads_y = False
    takes_missing = True

    def __init__(self, max_missing: float = 0.05) -> None:
        self.max_missing = max_missing

    def fit(self, X: Any, y: Any = None) -> CoverageFilter:
        """Count the missing values of the training rows."""
        parts = self._open(X)
        self.keep_ = np.isnan(parts.values).mean(axis=0) <= self.max_missing
        if not self.keep_.any():
            raise ValueError(
                f"coverage: every feature is missing in more than {self.max_missing:.0%} of the "
                "training rows; raise max_missing"
            )
        self.dropped_ = self._names(parts, ~self.keep_)
        return self


class VarianceFilter(Keeper):
    """Drop features whose training variance is low; missing values are skipped.

    Parameters
    ----------
    threshold : float
        A variance (ddof 0).
    lowest : float
        Share of features, in [0, 1): the largest whole number of them that is no more. Of
        features that vary alike the earlier ones go.

    Attributes
    ----------
    variances_ : array of shape (n_features,), float64
        0 where a feature is constant up to rounding or has no value.
    keep_ : boolean array of shape (n_features,)
    dropped_ : list
        Names (positions for an array) of dropped features.
    """

    reads_y = False
    takes_missing = True

    def __init__(self, threshold: float = 0.0, lowest: float = 0.0) -> None:
        self.threshold = threshold
        self.lowest = lowest

    def fit(self, X: Any, y: Any = None) -> VarianceFilter:
        """Learn how much every feature varies over the training rows."""
        parts = self._open(X)
        if len(parts.values) < 2:
            raise ValueError("variance: expected 2 training rows or more, got n_samples=1")
        self.variances_ = variances(parts.values)
        self.keep_ = self.variances_ > self.threshold
        # 0.3 of 10 features are 3, whatever floating point makes of the product.
        n_low = int(self.lowest * len(self.keep_) + 1e-9)
        self.keep_[np.argsort(self.variances_, kind="stable")[:n_low]] = False
        if not self.keep_.any():
            raise ValueError("variance: no feature varies by more; lower threshold or lowest")
        self.dropped_ = self._names(parts, ~self.keep_)
        return self


def variances(values: np.ndarray) -> np.ndarray:
    """Return the variance (ddof 0) of every column's present values, exactly 0 for constants.

    Parameters
    ----------
    values : array of shape (n_samples, n_features)
        NaN where missing.
    """
    present = ~np.isnan(values)
    n = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, values, 0).sum(axis=0, dtype=np.float64) / n
    off = np.where(present, values - mean, 0)
    found = np.einsum("ij,ij->j", off, off) / n
    constant = found <= (n * mean * np.finfo(np.float64).eps) ** 2
    return np.where(constant, 0.0, found)

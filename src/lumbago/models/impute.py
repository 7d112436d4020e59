"""Missing values take the training median."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from lumbago.models.columns import Step
from lumbago.spec import Spec


class Impute(Spec):
    """Fill missing values of a feature with its training median (or mean)."""

    short: ClassVar[str] = "strategy"

    kind: Literal["impute"] = "impute"
    strategy: Literal["median", "mean"] = "median"
    """Which middle of the training values stands for a missing one."""

    def build(self, columns: Any, seed: int) -> Imputer:
        """Return the step, unfitted."""
        return Imputer(strategy=self.strategy)


class Imputer(Step):
    """Fill missing feature values with the training median or mean.

    A column without any training value is dropped and listed in ``dropped_``; covariates
    pass through. The medians are learned without y.

    Parameters
    ----------
    strategy : {"median", "mean"}

    Attributes
    ----------
    statistics_ : array of shape (n_features,)
        Training medians, NaN where a column is dropped.
    dropped_ : list
        Names (positions for an array) of dropped columns.
    """

    reads_y = False
    takes_missing = True

    def __init__(self, strategy: str = "median") -> None:
        self.strategy = strategy

    def fit(self, X: Any, y: Any = None) -> Imputer:
        """Learn the medians of the training rows."""
        parts = self._open(X)
        values = parts.values
        finite = np.isfinite(values)
        self.keep_ = finite.any(axis=0)
        n = finite.sum(axis=0)
        if self.strategy == "median":
            self.statistics_ = _medians(values, n)
        else:
            total = np.where(finite, values, 0).sum(axis=0, dtype=np.float64)
            mean = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
            self.statistics_ = mean.astype(values.dtype)
        names = parts.names if parts.names is not None else pd.RangeIndex(values.shape[1])
        self.dropped_ = list(names[~self.keep_])
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing values of any rows."""
        parts = self._reopen(X)
        values, names = parts.values, parts.names
        if not self.keep_.all():
            values = np.ascontiguousarray(values[:, self.keep_])
            names = names[self.keep_] if names is not None else None
        holes = np.isnan(values)
        if holes.any():
            values = np.where(holes, self.statistics_[self.keep_], values)
        return parts.with_values(values, names)

    def back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights of all features from weights of the kept ones, 0 for the others."""
        wide = np.zeros(len(self.keep_))
        wide[self.keep_] = weights
        return wide


def _medians(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the median of the `n` present values of every column, NaN where there is none.

    Sorting beats selecting here: numpy sorts whole rows of columns at once, NaN last.
    """
    ordered = np.sort(values, axis=0)
    low = np.take_along_axis(ordered, np.maximum((n - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(n // 2, len(values) - 1)[None], axis=0)[0]
    return np.where(n > 0, low + (high - low) / 2, np.nan).astype(values.dtype)

"""Training rows that many fits share, with what they all would compute of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

_T = TypeVar("_T")


class Rows:
    """Feature values, checked once, of rows that are fitted or predicted many times.

    A search fits them with many settings, a permutation test with many labels; what depends
    on the values alone (a Gram matrix, a decomposition) is computed once.

    Parameters
    ----------
    values : array of shape (n_samples, n_features)
        Finite; not to be changed any more.
    """

    def __init__(self, values: Any) -> None:
        self.values = np.ascontiguousarray(values, dtype=np.float64)
        if not np.isfinite(self.values).all():
            raise ValueError(
                "features hold missing values (NaN or infinity); put impute into the preparation"
            )
        self._known: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.values)

    def once(self, name: str, compute: Callable[[np.ndarray], _T]) -> _T:
        """Return what `compute` makes of the values, computed the first time it is asked for."""
        if name not in self._known:
            self._known[name] = compute(self.values)
        found: _T = self._known[name]
        return found


def gram(values: np.ndarray) -> np.ndarray:
    """Return products of all pairs of rows."""
    return values @ values.T


def centred_svd(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the column means, and left vectors, sizes and right vectors about them."""
    centre = values.mean(axis=0)
    left, size, right = np.linalg.svd(values - centre, full_matrices=False)
    return centre, left, size, right

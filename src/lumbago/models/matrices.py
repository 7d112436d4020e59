"""Columns that are matrices: features named after two regions, taken together and put back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Matrices:
    """Where in a table the matrices of one feature stand.

    Parameters
    ----------
    feature : str
        ``edges`` of ``edges:a~b``.
    regions : list of str
        In the order of the columns.
    column : array of shape (n_regions, n_regions)
        Column of every pair, symmetric; -1 on a diagonal that the table does not hold.
    """

    feature: str
    regions: list[str]
    column: np.ndarray

    @property
    def diagonal(self) -> bool:
        """Whether the table holds the diagonal: variances, then, with covariances."""
        return bool(self.column[0, 0] >= 0)

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return matrices of all rows, shape (n_samples, n_regions, n_regions)."""
        found = values[:, np.maximum(self.column, 0)]
        if not self.diagonal:
            every = np.arange(len(self.column))
            found[:, every, every] = 1.0
        return found

    def completed(self, values: np.ndarray, called: str) -> np.ndarray:
        """Return matrices of all rows, missing regions marked on the diagonal.

        Without variances the values are correlations: their diagonal is 1, and NaN for a region
        that is NaN with every other.

        Raises
        ------
        ValueError
            If there are no variances, and a value is no correlation.
        """
        found = self.of(values)
        if self.diagonal:
            return found
        if (np.abs(found) > 1 + 1e-6).any():
            raise ValueError(
                f"{called}: expected correlations in [-1, 1] or covariances with their variances; "
                "set fisher_z: false in the feature"
            )
        every = np.arange(len(self.column))
        alone = np.isnan(found).sum(axis=2) == len(every) - 1
        found[:, every, every] = np.where(alone, np.nan, 1.0)
        return found


def find_matrices(names: pd.Index | None, n_features: int, called: str) -> list[Matrices]:
    """Return every feature of pairs of regions in a table.

    Parameters
    ----------
    names : Index or None
        None where X is an array: it is then one upper triangle with its diagonal, row by row.
    n_features : int
    called : str
        What errors call the step.

    Raises
    ------
    ValueError
        If a feature lacks some of its pairs, or an array is no triangle.
    """
    if names is None:
        n = int((np.sqrt(8 * n_features + 1) - 1) / 2)
        if n * (n + 1) // 2 != n_features:
            raise ValueError(
                f"{called}: {n_features} columns fill no upper triangle with its diagonal; name "
                "the columns after pairs of regions"
            )
        pairs = [(i, j) for i in range(n) for j in range(i, n)]
        return [_placed("", [(str(i), str(j), k) for k, (i, j) in enumerate(pairs)], called)]
    found: dict[str, list[tuple[str, str, int]]] = {}
    for column, name in enumerate(map(str, names)):
        feature, _, pair = name.partition(":")
        first, between, second = pair.partition("~")
        if between:
            found.setdefault(feature, []).append((first, second, column))
    return [_placed(feature, pairs, called) for feature, pairs in found.items()]


def _placed(feature: str, pairs: list[tuple[str, str, int]], called: str) -> Matrices:
    place: dict[str, int] = {}
    for first, second, _ in pairs:
        place.setdefault(first, len(place))
        place.setdefault(second, len(place))
    column = np.full((len(place), len(place)), -1)
    for first, second, number in pairs:
        column[place[first], place[second]] = column[place[second], place[first]] = number
    off = ~np.eye(len(place), dtype=bool)
    on = np.diag(column) >= 0
    if (column[off] < 0).any() or (on.any() and not on.all()):
        raise ValueError(
            f"{called}: {feature} lacks some pairs of its {len(place)} regions; put {called} "
            "before the steps that drop features"
        )
    return Matrices(feature, list(place), column)

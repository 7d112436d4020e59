"""From a matrix of associations to a graph: by density, by value, by range of values."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from lumbago.measures.graph.adjacency import checked_square, differ

Sign = Literal["positive", "absolute", "both"]


def threshold(
    matrix: np.ndarray,
    density: float,
    *,
    sign: Sign = "positive",
    binary: bool = True,
    keep_tree: bool = False,
) -> np.ndarray:
    """The strongest edges of a matrix, as many as a density asks for.

    Exactly floor(density * N (N - 1) / 2 + 0.5) edges are kept. Ties are broken by index:
    of equal values the one that comes first in the upper triangle, row by row, is stronger.
    Other tools differ: GRETNA keeps all ties, DPABI none of them and fills up with zeros
    what a density cannot find, bctpy's ``threshold_proportional`` goes on with negative values
    when positive ones run out.

    Parameters
    ----------
    matrix : array of shape (n_nodes, n_nodes)
        Symmetric, any unit; its diagonal is not read. Never changed.
    density : float in [0, 1]
        Share of the N (N - 1) / 2 possible edges.
    sign : {"positive", "absolute", "both"}
        ``positive``: only values above 0 can be edges. ``absolute`` and ``both``: any value but
        0, the strongest by size; the weight is then the size (``absolute``) or the value with
        its sign (``both``).
    binary : bool
        Give booleans, or float64 weights.
    keep_tree : bool
        First take the maximum spanning tree, so that the graph is connected, then the strongest
        of the other edges.

    Returns
    -------
    array of shape (n_nodes, n_nodes), bool or float64, symmetric, diagonal 0.

    Raises
    ------
    ValueError
        If fewer edges of that sign exist than asked for, if the tree does not fit into them or
        does not exist, or if a value off the diagonal is not finite.
    """
    edges = EdgeOrder(matrix, sign=sign, keep_tree=keep_tree, where="threshold")
    return edges.graph(edges.wanted(density), binary=binary)


def threshold_absolute(
    matrix: np.ndarray, minimum: float, *, sign: Sign = "positive", binary: bool = True
) -> np.ndarray:
    """Edges stronger than a value (strictly, as for degree centrality).

    Parameters
    ----------
    matrix, sign, binary
        As in `threshold`.
    minimum : float, at least 0
        In the unit of the matrix; for ``absolute`` and ``both`` the size is compared.

    Returns
    -------
    array of shape (n_nodes, n_nodes), bool or float64, symmetric, diagonal 0.

    Raises
    ------
    ValueError
        If `minimum` is negative, or as in `threshold`.
    """
    return _between(matrix, minimum, math.inf, sign, binary, "threshold_absolute")


def threshold_range(
    matrix: np.ndarray,
    low: float,
    high: float,
    *,
    sign: Sign = "positive",
    binary: bool = True,
) -> np.ndarray:
    """Edges stronger than `low` and no stronger than `high`, so that ranges can be tiled.

    Parameters
    ----------
    matrix, sign, binary
        As in `threshold`.
    low, high : float
        In the unit of the matrix, 0 <= low < high.

    Returns
    -------
    array of shape (n_nodes, n_nodes), bool or float64, symmetric, diagonal 0.

    Raises
    ------
    ValueError
        If the range is empty or below 0, or as in `threshold`.
    """
    return _between(matrix, low, high, sign, binary, "threshold_range")


def _between(
    matrix: np.ndarray, low: float, high: float, sign: Sign, binary: bool, where: str
) -> np.ndarray:
    if not 0 <= low < high:
        raise ValueError(f"{where}: expected 0 <= low < high, got {low} and {high}")
    edges = EdgeOrder(matrix, sign=sign, where=where)
    first, last = np.searchsorted(-edges.strength, [-high, -low])
    return edges.graph(int(last), first=int(first), binary=binary)


class EdgeOrder:
    """The possible edges of a matrix from the strongest to the weakest.

    Sorted once, cut at as many densities as one likes.
    """

    def __init__(
        self,
        matrix: np.ndarray,
        *,
        sign: Sign = "positive",
        keep_tree: bool = False,
        where: str = "threshold",
    ) -> None:
        if sign not in ("positive", "absolute", "both"):
            raise ValueError(f"{where}: sign is 'positive', 'absolute' or 'both', got {sign!r}")
        self._where, self._sign, self._keep_tree = where, sign, keep_tree
        matrix = checked_square(matrix, where)
        self.n_nodes = len(matrix)
        rows, columns = np.triu_indices(self.n_nodes, 1)
        values = matrix[rows, columns].astype(np.float64)
        mirrored = matrix[columns, rows].astype(np.float64)
        if not (np.isfinite(values).all() and np.isfinite(mirrored).all()):
            lost = ~np.isfinite(values) | ~np.isfinite(mirrored)
            raise ValueError(
                f"{where}: {lost.sum()} of {lost.size} pairs of nodes have no finite value (first: "
                f"{rows[lost][0]} and {columns[lost][0]}); drop the nodes without data"
            )
        if values.size and differ(values, mirrored):
            raise ValueError(f"{where}: expected a symmetric matrix")
        size = values if sign == "positive" else np.abs(values)
        order = np.argsort(-size, kind="stable")
        order = order[: np.count_nonzero(size > 0)]
        self.rows, self.columns = rows[order], columns[order]
        self.strength = size[order]
        self._weights = values[order] if sign == "both" else self.strength
        self.n_pairs = len(rows)
        if keep_tree:
            self._tree_first()

    def wanted(self, density: float) -> int:
        """Number of edges a density asks for; ValueError if there are not as many."""
        if not 0 <= density <= 1:
            raise ValueError(f"{self._where}: density is in [0, 1], got {density}")
        n_edges = math.floor(density * self.n_pairs + 0.5)
        if n_edges > len(self.rows):
            raise ValueError(
                f"{self._where}: density {density:g} asks for {n_edges} edges, but only "
                f"{len(self.rows)} of {self.n_pairs} pairs have a "
                f"{'positive' if self._sign == 'positive' else 'non-zero'} value"
            )
        if self._keep_tree and n_edges < self.n_nodes - 1:
            raise ValueError(
                f"{self._where}: density {density:g} asks for {n_edges} edges, a spanning tree of "
                f"{self.n_nodes} nodes has {self.n_nodes - 1}"
            )
        return n_edges

    def graph(self, last: int, *, first: int = 0, binary: bool = True) -> np.ndarray:
        """The edges of ranks `first` to `last` as an adjacency."""
        found = np.zeros((self.n_nodes, self.n_nodes), bool if binary else np.float64)
        at = self.rows[first:last], self.columns[first:last]
        found[at] = True if binary else self._weights[first:last]
        found[at[::-1]] = found[at]
        return found

    def _tree_first(self) -> None:
        # Ranks as lengths: all differ, so there is one tree.
        shape = (self.n_nodes, self.n_nodes)
        lengths = np.arange(1.0, len(self.rows) + 1)
        tree = minimum_spanning_tree(csr_array((lengths, (self.rows, self.columns)), shape))
        at = np.sort(tree.data).astype(np.intp) - 1
        if len(at) < self.n_nodes - 1:
            raise ValueError(
                f"{self._where}: no spanning tree: the edges that may be kept leave the graph in "
                f"{self.n_nodes - len(at)} components"
            )
        rest = np.ones(len(self.rows), bool)
        rest[at] = False
        order = np.concatenate([at, np.flatnonzero(rest)])
        self.rows, self.columns = self.rows[order], self.columns[order]
        self.strength, self._weights = self.strength[order], self._weights[order]

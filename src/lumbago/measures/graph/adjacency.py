"""What counts as a graph: square, symmetric, finite, without self loops."""

from __future__ import annotations

import numpy as np

# A share of the largest value: np.corrcoef is not exactly symmetric.
_ROUNDING = 1e-6


def checked_binary(adjacency: np.ndarray, where: str) -> np.ndarray:
    """A binary graph as booleans; `where` opens the error."""
    graph = checked(adjacency, where)
    if graph.dtype != bool:
        raise ValueError(
            f"{where}: expected a binary adjacency of 0 and 1, got weights; "
            "use threshold(matrix, density) or adjacency != 0"
        )
    return graph


def checked_unsigned(adjacency: np.ndarray, where: str) -> np.ndarray:
    """A graph as booleans, or as exactly symmetric float64 weights that are all at least 0."""
    graph = checked(adjacency, where)
    if graph.dtype == bool:
        return graph
    if graph.min() < 0:
        raise ValueError(
            f"{where}: expected weights of at least 0, got {graph.min():g}; threshold(matrix, "
            "density, sign='positive') drops negative ones, sign='absolute' takes their size"
        )
    return (graph + graph.T) / 2


def checked(adjacency: np.ndarray, where: str) -> np.ndarray:
    """A graph as booleans where every entry is 0 or 1, as float64 weights otherwise."""
    graph = checked_square(adjacency, where)
    if graph.dtype != bool:
        graph = graph.astype(np.float64)
    if graph.diagonal().any():
        raise ValueError(f"{where}: node {np.flatnonzero(graph.diagonal())[0]} has an edge to "
                         "itself; set the diagonal to 0")  # fmt: skip
    if graph.dtype == bool:
        asymmetric = (graph != graph.T).any()
    else:
        if not np.isfinite(graph).all():
            raise ValueError(f"{where}: the adjacency holds values that are not finite")
        asymmetric = differ(graph, graph.T)
    if asymmetric:
        raise ValueError(f"{where}: expected a symmetric adjacency; directed graphs are not for it")
    if graph.dtype == bool:
        return graph
    present = graph == 1
    return present if (present | (graph == 0)).all() else graph


def checked_square(matrix: np.ndarray, where: str) -> np.ndarray:
    """A real square matrix of at least one node."""
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 1:
        raise ValueError(
            f"{where}: expected a square matrix of shape (n_nodes, n_nodes), got {matrix.shape}"
        )
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"{where}: expected real numbers, got {matrix.dtype}")
    return matrix


def differ(values: np.ndarray, mirrored: np.ndarray) -> bool:
    """Whether finite values differ from those on the other side by more than rounding."""
    largest = max(float(np.abs(values).max()), float(np.abs(mirrored).max()))
    return bool(np.abs(values - mirrored).max() > _ROUNDING * largest)

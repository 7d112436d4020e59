"""How many: neighbours of a node, edges of a graph, components and their nodes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from lumbago.measures.graph.adjacency import checked

Part = Literal["all", "positive", "negative", "absolute"]


def degree(adjacency: np.ndarray) -> np.ndarray:
    """Number of edges of every node.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric; weighted edges count as one each.

    Returns
    -------
    array of shape (n_nodes,), int64.
    """
    return np.count_nonzero(checked(adjacency, "degree"), axis=1)


def strength(adjacency: np.ndarray, part: Part = "all") -> np.ndarray:
    """Sum of the weights of every node's edges.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0; weights of any sign.
    part : {"all", "positive", "negative", "absolute"}
        Sum all weights with their signs, the positive ones only, the sizes of the negative ones
        only, or the sizes of all. Rubinov & Sporns keep positive and negative strengths apart.

    Returns
    -------
    array of shape (n_nodes,), float64, in the unit of the weights; the degree of binary graphs.

    Raises
    ------
    ValueError
        If the adjacency is not such a graph or `part` is unknown.

    References
    ----------
    .. [1] Rubinov & Sporns (2011). Weight-conserving characterization of complex functional
       brain networks. NeuroImage 56, 2068-2079. doi:10.1016/j.neuroimage.2011.03.069
    """
    return part_of(checked(adjacency, "strength"), part, "strength").sum(axis=1)


def part_of(weights: np.ndarray, part: Part, where: str) -> np.ndarray:
    """Weights of one sign as float64, at least 0 for all parts but "all"."""
    if part not in ("all", "positive", "negative", "absolute"):
        raise ValueError(f"{where}: part is 'all', 'positive', 'negative' or 'absolute', "
                         f"got {part!r}")  # fmt: skip
    values = weights.astype(np.float64)
    if part == "all":
        return values
    if part == "absolute":
        return np.abs(values)
    return np.maximum(values if part == "positive" else -values, 0.0)


def density(adjacency: np.ndarray) -> float:
    """Share of the N (N - 1) / 2 possible edges that a graph has; weighted ones count as one.

    Returns
    -------
    float in [0, 1]; NaN for a single node.
    """
    n_edges = np.count_nonzero(checked(adjacency, "density"))
    n = len(adjacency)
    return n_edges / (n * (n - 1)) if n > 1 else float("nan")


def component_labels(adjacency: np.ndarray) -> np.ndarray:
    """The component that every node is in.

    Nodes are in one component if a path joins them; weights do not matter.

    Returns
    -------
    array of shape (n_nodes,), int64: 0 for the component of the first node, 1 for that of the
    first node outside it, and so on.
    """
    return _labels(checked(adjacency, "component_labels"))


def _labels(graph: np.ndarray) -> np.ndarray:
    found = connected_components(csr_array(graph != 0), directed=False)[1]
    _, first, labels = np.unique(found, return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return order[labels]


def component_sizes(adjacency: np.ndarray) -> np.ndarray:
    """Nodes of every component, from the largest to the smallest.

    Returns
    -------
    array of shape (n_components,), int64; its sum is the number of nodes.
    """
    return np.sort(np.bincount(_labels(checked(adjacency, "component_sizes"))))[::-1]

"""Shortest paths: how many steps lie between the nodes of a graph.

Where edges have weights, an edge is 1 / weight long and a path as long as its edges together;
the weights are taken as they are, not as shares of the largest.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from lumbago.measures.graph import weights
from lumbago.measures.graph.adjacency import checked_unsigned
from lumbago.measures.graph.bits import to_bits
from lumbago.measures.graph.blocks import by_block
from lumbago.measures.graph.levels import distance_counts, efficiency_among_neighbours
from lumbago.measures.graph.size import component_labels

Disconnected = Literal["infinite", "reachable", "largest"]


def characteristic_path_length(
    adjacency: np.ndarray,
    harmonic: bool = True,
    *,
    disconnected: Disconnected = "infinite",
    n_threads: int | None = None,
) -> float:
    """Mean length of the shortest paths between two nodes: in steps, or in 1 / weight.

    The harmonic mean, N (N - 1) / sum(1 / d), is finite for a disconnected graph too: pairs that
    no path joins add 0 to the sum. It is 1 / `global_efficiency`, and the L of small-worldness.
    The arithmetic mean is what networkx calls average shortest path length (which
    raises on disconnected graphs) and bctpy ``charpath`` (infinite by default, over the
    pairs that reach each other with ``include_infinite=False``).

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.
    harmonic : bool
        Harmonic mean; otherwise the arithmetic one.
    disconnected : {"infinite", "reachable", "largest"}
        What the arithmetic mean of a disconnected graph is: infinite, the mean over the pairs
        that a path joins, or that of the largest component (of several, the one with the first
        node). The harmonic mean needs no such choice and refuses one.
    n_threads : int or None
        Threads to work with; None takes the cores of this process. The value does not
        depend on it.

    Returns
    -------
    float, in steps (at least 1) or in 1 / weight; infinite where there is no edge; NaN for a
    single node and for the arithmetic mean over no pair at all.

    Raises
    ------
    ValueError
        If the adjacency is not such a graph, or `disconnected` is unknown or without effect.

    References
    ----------
    .. [1] Newman (2003). The structure and function of complex networks. SIAM Review 45,
       167-256. doi:10.1137/S003614450342480
    """
    where = "characteristic_path_length"
    graph = checked_unsigned(adjacency, where)
    if disconnected not in ("infinite", "reachable", "largest"):
        raise ValueError(f"{where}: disconnected is 'infinite', 'reachable' or 'largest', "
                         f"got {disconnected!r}")  # fmt: skip
    if harmonic and disconnected != "infinite":
        raise ValueError(f"{where}: the harmonic mean is over all pairs; disconnected="
                         f"{disconnected!r} is for harmonic=False")  # fmt: skip
    if disconnected == "largest":
        labels = component_labels(graph)
        largest = labels == np.bincount(labels).argmax()
        graph = graph[np.ix_(largest, largest)]
    n_pairs = len(graph) * (len(graph) - 1)
    if graph.dtype != bool:
        nearness, farness, reached = weights.distances(graph, n_threads, where)
        if harmonic:
            efficiency = _mean(nearness.sum(), n_pairs)
            return 1 / efficiency if efficiency != 0 else float("inf")
        if reached.sum() < n_pairs and disconnected == "infinite":
            return float("inf")
        return _mean(farness.sum(), reached.sum())
    counts = _distances(graph, n_threads, where)[0]
    if harmonic:
        return harmonic_mean(counts, n_pairs)
    n_joined = int(counts.sum())
    if n_joined < n_pairs and disconnected == "infinite":
        return float("inf")
    return float(counts @ np.arange(len(counts)) / n_joined) if n_joined else float("nan")


def global_efficiency(adjacency: np.ndarray, *, n_threads: int | None = None) -> float:
    """Mean of 1 / distance over all pairs of nodes, 0 for pairs that no path joins.

    The distance is in steps, or in 1 / weight: the value then has the unit of the weights, as
    bctpy's ``efficiency_wei``; networkx reads no weights.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.
    n_threads : int or None
        As in `characteristic_path_length`.

    Returns
    -------
    float in [0, 1], or in [0, largest weight]; NaN for a single node (networkx: 0).

    References
    ----------
    .. [1] Latora & Marchiori (2001). Efficient behavior of small-world networks. Phys Rev Lett
       87, 198701. doi:10.1103/PhysRevLett.87.198701
    """
    graph = checked_unsigned(adjacency, "global_efficiency")
    if graph.dtype != bool:
        return float(nodal_efficiency(graph, n_threads=n_threads).mean())
    counts = _distances(graph, n_threads, "global_efficiency")[0]
    return _efficiency(counts, len(graph) * (len(graph) - 1))


def nodal_efficiency(adjacency: np.ndarray, *, n_threads: int | None = None) -> np.ndarray:
    """Mean of 1 / distance from every node to all others: its closeness, finite if disconnected.

    Not to be taken for DPABI's field NodalEfficiency, which holds `local_efficiency`.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.
    n_threads : int or None
        As in `characteristic_path_length`.

    Returns
    -------
    array of shape (n_nodes,), float64, whose mean is `global_efficiency`; NaN for a single node.

    References
    ----------
    .. [1] Achard & Bullmore (2007). Efficiency and cost of economical brain functional networks.
       PLoS Comput Biol 3, e17. doi:10.1371/journal.pcbi.0030017
    """
    graph = checked_unsigned(adjacency, "nodal_efficiency")
    if graph.dtype == bool:
        nodal = _distances(graph, n_threads, "nodal_efficiency")[1]
    else:
        nodal = weights.distances(graph, n_threads, "nodal_efficiency")[0]
    return nodal / (len(graph) - 1) if len(graph) > 1 else np.full(1, np.nan)


def local_efficiency(adjacency: np.ndarray, *, n_threads: int | None = None) -> np.ndarray:
    """Global efficiency of the graph among every node's neighbours, without the node itself.

    Nodes with fewer than 2 neighbours have 0, as in bctpy's ``efficiency_bin(local=True)``;
    the mean over nodes is networkx's ``local_efficiency``, which reads no weights.

    With weights w it is the mean, over ordered pairs j, h of a node's neighbours, of
    (w_ij w_ih)^(1/3) / d_jh, where d_jh is the shortest path among these neighbours along edges
    that are w^(-1/3) long (Wang): bctpy's ``efficiency_wei(local=True)``. With weights of 0 and 1
    it is the binary measure. bctpy's ``local='original'``, that of the Brain Connectivity Toolbox
    of 2010, is another: it takes the cube root of lengths 1 / w only after summing them, and
    is not the binary measure where weights are 0 and 1. The value has the unit of the weights.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.
    n_threads : int or None
        As in `characteristic_path_length`.

    Returns
    -------
    array of shape (n_nodes,), float64, in [0, 1], or in [0, largest weight].

    References
    ----------
    .. [1] Latora & Marchiori (2001). Efficient behavior of small-world networks. Phys Rev Lett
       87, 198701. doi:10.1103/PhysRevLett.87.198701
    .. [2] Wang et al. (2017). Comparison of different generalizations of clustering coefficient
       and local efficiency for weighted undirected graphs. Neural Comput 29, 313-331.
       doi:10.1162/NECO_a_00914
    """
    graph = checked_unsigned(adjacency, "local_efficiency")
    if graph.dtype != bool:
        return weights.local_efficiency(graph, n_threads)
    bits = to_bits(graph)
    found = np.empty(len(bits))

    def fill(first: int, last: int) -> None:
        efficiency_among_neighbours(bits, first, last, found)

    by_block(fill, len(bits), n_threads, "local_efficiency")
    return found


def path_length_of_bits(bits: np.ndarray) -> float:
    """Harmonic `characteristic_path_length` of an adjacency as bits, in the caller's thread."""
    n = len(bits)
    return harmonic_mean(distance_counts(bits, 0, n, np.empty(n)), n * (n - 1))


def harmonic_mean(counts: np.ndarray, n_pairs: int) -> float:
    """Harmonic mean of distances from the number of ordered pairs at every distance."""
    efficiency = _efficiency(counts, n_pairs)
    return 1 / efficiency if efficiency != 0 else float("inf")


def _efficiency(counts: np.ndarray, n_pairs: int) -> float:
    return _mean((counts[1:] / np.arange(1, len(counts))).sum(), n_pairs)


def _mean(total: float, n_pairs: int) -> float:
    return float(total / n_pairs) if n_pairs else float("nan")


def _distances(
    graph: np.ndarray, n_threads: int | None, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Ordered pairs at every distance, and every node's sum of 1 / distance."""
    bits = to_bits(graph)
    nodal = np.empty(len(bits))
    counts = by_block(
        lambda first, last: distance_counts(bits, first, last, nodal), len(bits), n_threads, where
    )
    return np.sum(counts, axis=0), nodal

"""Who is joined to whom: like to like, the rich to the rich, cores within cores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lumbago.measures.graph.adjacency import checked, checked_binary, checked_unsigned
from lumbago.measures.graph.bits import from_bits
from lumbago.measures.graph.blocks import checked_threads
from lumbago.measures.graph.small_worldness import checked_number, child
from lumbago.measures.nulls.rewiring import Switching


def assortativity(adjacency: np.ndarray) -> float:
    """Correlation of the degrees at the two ends of an edge.

    With weights, of the strengths at the two ends, every edge counting once: bctpy's
    ``assortativity_wei``. networkx's ``degree_assortativity_coefficient`` with a weight is the
    same.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.

    Returns
    -------
    float in [-1, 1]; NaN where all ends are alike (regular graphs) or there is no edge.

    Raises
    ------
    ValueError
        If the adjacency is not such a graph.

    References
    ----------
    .. [1] Newman (2002). Assortative mixing in networks. Phys Rev Lett 89, 208701.
       doi:10.1103/PhysRevLett.89.208701
    """
    graph = checked_unsigned(adjacency, "assortativity")
    strengths = graph.sum(axis=1, dtype=np.float64)
    rows, columns = np.nonzero(graph)
    if not len(rows):
        return float("nan")
    centred = strengths - strengths[rows].mean()
    spread = (centred[rows] ** 2).mean()
    if spread <= (1e-12 * strengths.max()) ** 2:
        return float("nan")
    return float((centred[rows] * centred[columns]).mean() / spread)


def coreness(adjacency: np.ndarray) -> np.ndarray:
    """The largest k for which a node is in the k-core: the largest part where all have k links.

    ``coreness(graph) >= k`` is the k-core. Weighted edges count as one.

    Returns
    -------
    array of shape (n_nodes,), int64; 0 for nodes without an edge.

    References
    ----------
    .. [1] Seidman (1983). Network structure and minimum degree. Soc Networks 5, 269-287.
       doi:10.1016/0378-8733(83)90028-X
    """
    graph = checked(adjacency, "coreness") != 0
    left = graph.sum(axis=1)
    found = np.zeros(len(graph), np.int64)
    alone = len(graph)  # more than any degree: for nodes that were taken away
    k = 0
    for _ in range(len(graph)):
        node = int(left.argmin())
        k = max(k, int(left[node]))
        found[node] = k
        left -= graph[node]
        left[node] = 2 * alone
    return found


@dataclass(frozen=True)
class RichClub:
    """What `rich_club` finds, by k = 0, 1 ... to the largest degree less 1.

    Parameters
    ----------
    k : int64 (n_k,)
    n_nodes : int64 (n_k,)
        Nodes with more than k edges.
    density : float64 (n_k,)
        phi(k): density among these nodes; NaN where fewer than two are left.
    null_density : float64 (n_k,)
        Mean over the nulls.
    normalized : float64 (n_k,)
        density / null_density; NaN where the nulls have no edge there.
    p : float64 (n_k,)
        One-sided: (b + 1) / (n_nulls + 1) with b nulls at least as dense; NaN where density is.
        Every k is a test of its own.
    n_nulls : int
    """

    k: np.ndarray
    n_nodes: np.ndarray
    density: np.ndarray
    null_density: np.ndarray
    normalized: np.ndarray
    p: np.ndarray
    n_nulls: int


def rich_club(
    adjacency: np.ndarray,
    *,
    n_nulls: int = 100,
    swaps_per_edge: float = 10,
    seed: int | np.random.SeedSequence,
    n_threads: int | None = None,
) -> RichClub:
    """Density among the nodes with more than k edges, against rewired graphs.

    bctpy's ``rich_club_bu`` starts at k = 1; networkx leaves out k whose nodes are fewer than
    two. Null i is ``rewire`` with the i-th child of `seed`, the same as in `small_world`.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Binary and symmetric, diagonal 0.
    n_nulls : int, at least 1
    swaps_per_edge : float
        As in `lumbago.measures.nulls.rewire`.
    seed : int or numpy.random.SeedSequence
    n_threads : int or None
        Threads to work with; None takes the cores of this process. No value depends on it.

    Returns
    -------
    RichClub

    Raises
    ------
    ValueError
        If the adjacency is not such a graph or a number is out of its range.

    References
    ----------
    .. [1] Colizza et al. (2006). Detecting rich-club ordering in complex networks. Nat Phys 2,
       110-115. doi:10.1038/nphys209
    .. [2] van den Heuvel & Sporns (2011). Rich-club organization of the human connectome. J
       Neurosci 31, 15775-15786. doi:10.1523/JNEUROSCI.3539-11.2011
    """
    graph = checked_binary(adjacency, "rich_club")
    checked_number(n_nulls, "rich_club")
    threads = checked_threads(n_threads, "rich_club")
    switching = Switching(graph, swaps_per_edge, "rich_club")
    degrees = graph.sum(axis=1)

    def null(index: int) -> np.ndarray:
        return _densities(from_bits(switching.null(child(seed, index))[0]), degrees)

    if threads == 1:
        found = [null(index) for index in range(n_nulls)]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(null, range(n_nulls)))
    nulls, own = np.array(found), _densities(graph, degrees)
    mean = nulls.mean(axis=0)
    ratio = np.divide(own, mean, out=np.full(len(own), np.nan), where=mean > 0)
    p = (1 + (nulls >= own).sum(axis=0)) / (1 + n_nulls)
    k = np.arange(len(own))
    n_nodes = (degrees > k[:, None]).sum(axis=1)
    return RichClub(k, n_nodes, own, mean, ratio, np.where(np.isnan(own), np.nan, p), n_nulls)


def _densities(graph: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """phi(k) for every k below the largest degree."""
    n_k = int(degrees.max())
    rows, columns = np.nonzero(graph)
    poorer = np.minimum(degrees[rows], degrees[columns])
    # Ordered pairs of nodes with more than k edges that are joined; that there are.
    joined = len(rows) - np.cumsum(np.bincount(poorer, minlength=n_k + 1))[:n_k]
    n_nodes = len(degrees) - np.cumsum(np.bincount(degrees, minlength=n_k + 1))[:n_k]
    pairs = n_nodes * (n_nodes - 1)
    return np.divide(joined, pairs, out=np.full(n_k, np.nan), where=pairs > 0)

"""Triangles: how often the neighbours of a node are neighbours themselves."""

from __future__ import annotations

import numpy as np

from lumbago.measures.compiling import kernel
from lumbago.measures.graph import weights
from lumbago.measures.graph.adjacency import checked, checked_unsigned
from lumbago.measures.graph.bits import lowest, population, to_bits

_ONE = np.uint64(1)


def clustering(adjacency: np.ndarray) -> np.ndarray:
    """Clustering coefficient of every node: density of the graph among its neighbours.

    Nodes with fewer than 2 neighbours have 0, as in bctpy's ``clustering_coef_bu`` and networkx.
    The mean over nodes is the C of small-worldness; it is not `transitivity`.

    With weights it is the mean intensity, over pairs of neighbours, of the triangle they form
    with the node: the geometric mean of its weights as shares of the graph's largest weight, 0
    without a third edge (Onnela). So does networkx; bctpy's ``clustering_coef_wu`` leaves the
    weights as they are, its values are the largest weight times ours.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.

    Returns
    -------
    array of shape (n_nodes,), float64, in [0, 1].

    Raises
    ------
    ValueError
        If the adjacency is not such a graph.

    References
    ----------
    .. [1] Watts & Strogatz (1998). Collective dynamics of 'small-world' networks. Nature 393,
       440-442. doi:10.1038/30918
    .. [2] Onnela et al. (2005). Intensity and coherence of motifs in weighted complex networks.
       Phys Rev E 71, 065103. doi:10.1103/PhysRevE.71.065103
    """
    graph = checked_unsigned(adjacency, "clustering")
    if graph.dtype != bool:
        closed, pairs = weights.intensities(graph)
        return closed / np.maximum(pairs, 1)
    return clustering_of_bits(to_bits(graph))


def transitivity(adjacency: np.ndarray) -> float:
    """Share of the paths of two edges in a graph that a third edge closes.

    With weights, the mean intensity of the triangles over these paths, as in `clustering`;
    bctpy's ``transitivity_wu`` is the largest weight times this value, networkx reads no weights.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.

    Returns
    -------
    float in [0, 1]; 0 where no node has two neighbours, as in networkx (bctpy divides by 0).

    Raises
    ------
    ValueError
        If the adjacency is not such a graph.

    References
    ----------
    .. [1] Newman (2003). The structure and function of complex networks. SIAM Review 45,
       167-256. doi:10.1137/S003614450342480
    """
    graph = checked_unsigned(adjacency, "transitivity")
    if graph.dtype == bool:
        degrees = graph.sum(axis=1)
        closed, pairs = _closed_pairs(to_bits(graph)), degrees * (degrees - 1)
    else:
        closed, pairs = weights.intensities(graph)
    return float(closed.sum() / pairs.sum()) if pairs.any() else 0.0


def signed_clustering(adjacency: np.ndarray) -> np.ndarray:
    """Clustering of every node of a graph with weights of both signs.

    The sum over ordered pairs of neighbours of the product of the three weights, over that of
    the sizes of the products of the two at the node (Costantini and Perugini, after Zhang and
    Horvath): negative where triangles hold an odd number of negative edges. It is bctpy's
    ``clustering_coef_wu_sign`` of type ``costantini``, and not `clustering` if all weights are
    positive.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0; weights of any sign.

    Returns
    -------
    array of shape (n_nodes,), float64, within the largest size of a weight; 0 for nodes with
    fewer than 2 neighbours.

    References
    ----------
    .. [1] Costantini & Perugini (2014). Generalization of clustering coefficients to signed
       correlation networks. PLoS ONE 9, e88669. doi:10.1371/journal.pone.0088669
    """
    graph = checked(adjacency, "signed_clustering").astype(np.float64)
    closed = ((graph @ graph) * graph).sum(axis=1)
    sizes = np.abs(graph)
    pairs = sizes.sum(axis=1) ** 2 - (sizes**2).sum(axis=1)
    some = np.count_nonzero(graph, axis=1) > 1
    return np.divide(closed, pairs, out=np.zeros(len(graph)), where=some)


def clustering_of_bits(bits: np.ndarray) -> np.ndarray:
    """`clustering` of an adjacency as bits."""
    degrees = np.bitwise_count(bits).sum(axis=1, dtype=np.float64)
    pairs = degrees * (degrees - 1)
    return _closed_pairs(bits) / np.maximum(pairs, 1)


@kernel
def _closed_pairs(bits: np.ndarray) -> np.ndarray:
    """Ordered pairs of neighbours that are neighbours, by node: twice its triangles."""
    n_nodes, n_words = bits.shape
    closed = np.zeros(n_nodes, np.int64)
    for u in range(n_nodes):
        for word in range(u >> 6, n_words):
            later = bits[u, word]
            while later:
                v = (word << 6) + lowest(later)
                later &= later - _ONE
                if v > u:
                    common = 0
                    for w in range(n_words):
                        common += population(bits[u, w] & bits[v, w])
                    closed[u] += common
                    closed[v] += common
    return closed

"""What eigenvalues and eigenvectors of a graph tell: who is central, what falls into step."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from lumbago.measures.graph.adjacency import checked_unsigned
from lumbago.measures.graph.size import component_labels

# Eigenvalues that differ by less, relative to the largest, count as one.
_SAME = 1e-9


def eigenvector_centrality(adjacency: np.ndarray) -> np.ndarray:
    """Centrality that is proportional to the sum of the neighbours' centralities.

    The eigenvector of the largest eigenvalue, of unit length. Where a graph has several such
    eigenvectors (components with the same largest eigenvalue, no edge at all), it is their
    combination nearest to equal values: what power iteration from equal values tends to. Nodes of
    components with a smaller largest eigenvalue have 0. That a bipartite graph has an eigenvalue
    of the same size with the other sign does not matter (plain power iteration fails there;
    networkx adds the identity). bctpy's ``eigenvector_centrality_und`` is the same for connected
    graphs, and an arbitrary one of several eigenvectors otherwise.

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
    .. [1] Bonacich (1987). Power and centrality: a family of measures. Am J Sociol 92, 1170-1182.
       doi:10.1086/228631
    """
    weights = checked_unsigned(adjacency, "eigenvector_centrality").astype(np.float64)
    n = len(weights)
    values, vectors = eigh(weights, subset_by_index=[max(n - 2, 0), n - 1])
    if n > 2 and values[0] >= values[-1] * (1 - _SAME):
        values, vectors = eigh(weights)
    leading = vectors[:, values >= values[-1] * (1 - _SAME)]
    # Rounding leaves tiny negative values where there is 0.
    found = np.maximum(leading @ leading.sum(axis=0), 0)
    return found / np.linalg.norm(found)


def pagerank(adjacency: np.ndarray, *, damping: float = 0.85) -> np.ndarray:
    """Share of time that a walker spends on every node.

    At each step it follows an edge in proportion to its weight, or, with probability
    1 - `damping` and always from nodes without an edge, jumps to any node. bctpy's
    ``pagerank_centrality`` and networkx's ``pagerank`` are the same, the latter to its tolerance.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.
    damping : float in [0, 1)

    Returns
    -------
    array of shape (n_nodes,), float64, in (0, 1], of sum 1.

    Raises
    ------
    ValueError
        If the adjacency is not such a graph or `damping` is out of its range.

    References
    ----------
    .. [1] Brin & Page (1998). The anatomy of a large-scale hypertextual web search engine. Comput
       Netw ISDN Syst 30, 107-117. doi:10.1016/S0169-7552(98)00110-X
    """
    weights = checked_unsigned(adjacency, "pagerank").astype(np.float64)
    if not 0 <= damping < 1:
        raise ValueError(f"pagerank: damping is in [0, 1), got {damping}")
    strengths = weights.sum(axis=0)
    steps = weights / np.where(strengths > 0, strengths, 1)
    # Jumps from nodes without an edge scale all values alike, so that they can wait till the end.
    found = np.linalg.solve(np.eye(len(weights)) - damping * steps, np.ones(len(weights)))
    return found / found.sum()


def synchronizability(adjacency: np.ndarray) -> float:
    """How easily coupled oscillators on the nodes fall into step.

    The second smallest over the largest eigenvalue of the Laplacian: the inverse of the ratio
    that Barahona and Pecora show must lie below a bound set by the oscillators alone. The larger
    it is, the wider the range of couplings at which all of them keep in step. The inverse is
    finite where the graph is disconnected.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.

    Returns
    -------
    float in [0, 1]: 1 for complete graphs, 0 for disconnected ones; NaN for a single node.

    Raises
    ------
    ValueError
        If the adjacency is not such a graph.

    References
    ----------
    .. [1] Barahona & Pecora (2002). Synchronization in small-world systems. Phys Rev Lett 89,
       054101. doi:10.1103/PhysRevLett.89.054101
    """
    weights = checked_unsigned(adjacency, "synchronizability").astype(np.float64)
    if len(weights) < 2:
        return float("nan")
    if component_labels(weights).any():
        return 0.0
    values = np.linalg.eigvalsh(np.diag(weights.sum(axis=1)) - weights)
    return float(values[1] / values[-1])

"""Hubs, by several signs of one that have to agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbago.measures.graph.adjacency import checked_unsigned
from lumbago.measures.graph.flow import betweenness
from lumbago.measures.graph.paths import nodal_efficiency
from lumbago.measures.graph.size import strength
from lumbago.measures.graph.triangles import clustering


@dataclass(frozen=True)
class Hubs:
    """What `hubs` finds.

    Parameters
    ----------
    score : int64 (n_nodes,)
        Number of criteria met, 0 to 4.
    is_hub : bool (n_nodes,)
        At least as many as asked for.
    criteria : dict of str to bool (n_nodes,)
        Which node meets which.
    """

    score: np.ndarray
    is_hub: np.ndarray
    criteria: dict[str, np.ndarray]


def hubs(
    adjacency: np.ndarray,
    *,
    share: float = 0.2,
    agree: int = 2,
    n_threads: int | None = None,
) -> Hubs:
    """Nodes that rank high on at least two of four signs of a hub.

    The signs are a high degree (strength), a high betweenness, a short path length to the other
    nodes and a low clustering; to rank high is to be among the first fifth. The path length is
    the harmonic mean, finite in disconnected graphs.

    Of nodes that tie across the border of that fifth none ranks high, so that a graph in which
    all nodes are alike has no hub, and no order of nodes matters.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.
    share : float in [0, 1]
        Of the nodes that rank high; their number is rounded.
    agree : int, 1 to 4
        Criteria that a hub meets.
    n_threads : int or None
        Threads to work with; None takes the cores of this process. No value depends on it.

    Returns
    -------
    Hubs

    Raises
    ------
    ValueError
        If the adjacency is not such a graph or a number is out of its range.

    References
    ----------
    .. [1] van den Heuvel et al. (2010). Aberrant frontal and temporal complex network structure
       in schizophrenia: a graph theoretical analysis. J Neurosci 30, 15915-15926.
       doi:10.1523/JNEUROSCI.2874-10.2010
    """
    graph = checked_unsigned(adjacency, "hubs")
    if not 0 <= share <= 1:
        raise ValueError(f"hubs: share is in [0, 1], got {share}")
    if agree not in (1, 2, 3, 4):
        raise ValueError(f"hubs: agree is 1, 2, 3 or 4, got {agree}")
    n_high = round(share * len(graph))
    signs = {
        "degree": strength(graph),
        "betweenness": betweenness(graph, n_threads=n_threads),
        "path_length": nodal_efficiency(graph, n_threads=n_threads),
        "clustering": -clustering(graph),
    }
    criteria = {name: _among_first(values, n_high) for name, values in signs.items()}
    score = np.sum(list(criteria.values()), axis=0)
    return Hubs(score, score >= agree, criteria)


def _among_first(values: np.ndarray, n_high: int) -> np.ndarray:
    """Whether at most so many nodes, the node itself included, have its value or a higher one."""
    # Values that differ by rounding tie.
    values = np.round(values / max(float(np.abs(values).max()), np.finfo(float).tiny), 10)
    return len(values) - np.searchsorted(np.sort(values), values, "left") <= n_high

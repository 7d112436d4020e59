"""Measures that the Brain Connectivity Toolbox has and no other room of ours.

Everything here calls bctpy, the toolbox in Python, and nothing else of Lumbago does. bctpy is
GPL-3-or-later; none of its code is copied here, but whoever passes Lumbago on together with it
passes on a work under the GPL. Only what the tests hold to another implementation or a closed
form is offered. Left out, because bctpy 0.6.1 gets them wrong or breaks on current numpy:
``subgraph_centrality`` (wrong where eigenvalues repeat), ``gtom`` (two steps are as one),
``modularity_und``, ``search_information``, ``agreement``, the motifs, and ``matching_ind_und``
(prints).

References
----------
.. [1] Rubinov & Sporns (2010). Complex network measures of brain connectivity: uses and
   interpretations. NeuroImage 52, 1059-1069. doi:10.1016/j.neuroimage.2009.10.003
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from lumbago.measures.graph.adjacency import checked, checked_unsigned
from lumbago.measures.graph.communities import checked_labels
from lumbago.measures.graph.size import Part, component_labels, part_of
from lumbago.measures.graph.weights import lengths_of


def _bctpy() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # of its docstrings, where not yet compiled
        import bct
    return bct


def edge_betweenness(adjacency: np.ndarray) -> np.ndarray:
    """Share of the shortest paths between any two nodes that lead along each edge.

    Of the N (N - 1) / 2 pairs, as networkx normalizes it; along edges that are 1 / weight long.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.

    Returns
    -------
    array of shape (n_nodes, n_nodes), float64, symmetric, in [0, 1].
    """
    graph = checked_unsigned(adjacency, "edge_betweenness").astype(np.float64)
    n_pairs = len(graph) * (len(graph) - 1)
    if not n_pairs:
        return np.zeros((1, 1))
    found = _bctpy().edge_betweenness_wei(lengths_of(graph))[0]
    return (found + found.T) / n_pairs


def mean_first_passage_times(adjacency: np.ndarray) -> np.ndarray:
    """Steps that a random walker takes on average from one node until it first meets another.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0, connected: binary, or weights of at least 0.

    Returns
    -------
    array of shape (n_nodes, n_nodes), float64: from row to column; 0 on the diagonal.

    Raises
    ------
    ValueError
        If the adjacency is not such a graph; walkers never meet where it is disconnected.
    """
    graph = _connected(adjacency, "mean_first_passage_times")
    found = np.asarray(_bctpy().mean_first_passage_time(graph))
    np.fill_diagonal(found, 0)
    return found


def diffusion_efficiency(adjacency: np.ndarray) -> float:
    """Mean of 1 / `mean_first_passage_times` over all ordered pairs of nodes.

    Returns
    -------
    float in (0, 1].
    """
    graph = _connected(adjacency, "diffusion_efficiency")
    return float(_bctpy().diffusion_efficiency(graph)[0])


def core_periphery(adjacency: np.ndarray, *, seed: int, gamma: float = 1.0) -> np.ndarray:
    """Nodes split into a core with many edges within and a periphery with few.

    By exchanges of single nodes from a random start, which may end in a local optimum.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0, with an edge: binary, or weights of at least 0.
    seed : int
    gamma : float
        The higher, the smaller the core.

    Returns
    -------
    array of shape (n_nodes,), bool: in the core.

    References
    ----------
    .. [1] Borgatti & Everett (2000). Models of core/periphery structures. Soc Networks 21,
       375-395. doi:10.1016/S0378-8733(99)00019-2
    """
    graph = checked_unsigned(adjacency, "core_periphery").astype(np.float64)
    if not graph.any():
        raise ValueError("core_periphery: expected a graph with edges, got none")
    return np.asarray(_bctpy().core_periphery_dir(graph, gamma, seed=seed)[0]).astype(bool)


def diversity(adjacency: np.ndarray, labels: np.ndarray, *, part: Part = "all") -> np.ndarray:
    """Entropy of how every node's strength is spread over the modules, 1 where evenly.

    Parameters
    ----------
    adjacency, labels, part
        As in `participation`; there are at least 2 modules.

    Returns
    -------
    array of shape (n_nodes,), float64, in [0, 1]; 0 for nodes without an edge.

    References
    ----------
    .. [1] Rubinov & Sporns (2011). Weight-conserving characterization of complex functional
       brain networks. NeuroImage 56, 2068-2079. doi:10.1016/j.neuroimage.2011.03.069
    """
    weights = checked_unsigned(
        part_of(checked(adjacency, "diversity"), part, "diversity"), "diversity"
    )
    modules = checked_labels(labels, len(weights), "diversity")
    if not modules.any():
        raise ValueError("diversity: expected at least 2 modules, got 1")
    found = _bctpy().diversity_coef_sign(weights.astype(np.float64), modules + 1)[0]
    return np.asarray(found) + 0.0  # no -0


def local_assortativity(adjacency: np.ndarray) -> np.ndarray:
    """What every node adds to `assortativity`, which is the sum.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.

    Returns
    -------
    array of shape (n_nodes,), float64; NaN for nodes without an edge (they take no part), and
    for all where the assortativity is.
    """
    graph = checked_unsigned(adjacency, "local_assortativity").astype(np.float64)
    found = np.full(len(graph), np.nan)
    joined = graph.any(axis=1)
    if joined.any():
        with np.errstate(divide="ignore", invalid="ignore"):  # it asks for negative weights, too
            found[joined] = _bctpy().local_assortativity_wu_sign(graph[np.ix_(joined, joined)])[0]
    return found


def partition_distance(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """How far two partitions of the same nodes are apart.

    Parameters
    ----------
    one, other : arrays of shape (n_nodes,), of integers
        Modules of at least 2 nodes, as from `modularity`.

    Returns
    -------
    variation : float in [0, 1]
        Variation of information over log(n_nodes); 0 for the same partition.
    information : float in [0, 1]
        Normalized mutual information, 1 for the same partition; NaN where both have one module.

    References
    ----------
    .. [1] Meila (2007). Comparing clusterings - an information based distance. J Multivar Anal
       98, 873-895. doi:10.1016/j.jmva.2006.11.013
    """
    one = checked_labels(one, np.size(one), "partition_distance")
    other = checked_labels(other, len(one), "partition_distance")
    if len(one) < 2:
        raise ValueError("partition_distance: expected at least 2 nodes, got 1")
    with np.errstate(invalid="ignore"):
        variation, information = _bctpy().partition_distance(one, other)
    return float(variation), float(information)


def _connected(adjacency: np.ndarray, where: str) -> np.ndarray:
    graph = checked_unsigned(adjacency, where).astype(np.float64)
    n_components = int(component_labels(graph).max()) + 1
    if n_components > 1 or len(graph) < 2:
        raise ValueError(
            f"{where}: expected a connected graph of at least 2 nodes, got {n_components} "
            f"components of {len(graph)} nodes; measure the largest one by itself"
        )
    return graph

"""To networkx and back."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import networkx as nx
import numpy as np

from lumbago.measures.graph.adjacency import checked


def to_networkx(adjacency: np.ndarray, names: Sequence[Hashable] | None = None) -> nx.Graph:
    """A networkx graph of an adjacency.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0; binary or weights of any sign.
    names : sequence of n_nodes different names, or None
        Of the nodes, in their order; None takes 0, 1, 2 ...

    Returns
    -------
    networkx.Graph
        Edges of weighted graphs have the attribute ``weight``. networkx reads it as a length in
        shortest paths: give those 1 / weight.

    Raises
    ------
    ValueError
        If the adjacency is not such a graph or the names do not fit it.
    """
    matrix = checked(adjacency, "to_networkx")
    names = list(range(len(matrix))) if names is None else list(names)
    if len(names) != len(matrix) or len(set(names)) != len(names):
        raise ValueError(
            f"to_networkx: expected {len(matrix)} different names, one per node, got {len(names)} "
            f"of which {len(set(names))} differ"
        )
    graph = nx.Graph()
    graph.add_nodes_from(names)
    for i, j in np.argwhere(np.triu(matrix)):
        given = {} if matrix.dtype == bool else {"weight": float(matrix[i, j])}
        graph.add_edge(names[i], names[j], **given)
    return graph


def from_networkx(
    graph: nx.Graph, *, names: Sequence[Hashable] | None = None, weight: str | None = "weight"
) -> tuple[np.ndarray, list[Hashable]]:
    """The adjacency of a networkx graph, and the names of its nodes.

    Parameters
    ----------
    graph : networkx.Graph
        Undirected, without parallel edges and self loops.
    names : sequence or None
        The nodes in the order wanted; None takes the graph's own order.
    weight : str or None
        Attribute that holds the weight; edges without it count as 1. None reads no weights.

    Returns
    -------
    adjacency : array of shape (n_nodes, n_nodes)
        bool where all weights are 1, float64 otherwise.
    names : list

    Raises
    ------
    ValueError
        If the graph is directed or has parallel edges or self loops, if a weight is 0 (it would
        vanish) or no number, or if the names are not those of the nodes.
    """
    if not isinstance(graph, nx.Graph):
        raise ValueError(
            f"from_networkx: expected a networkx graph, got {type(graph).__name__}; arrays are "
            "adjacencies as they are"
        )
    if graph.is_directed() or graph.is_multigraph():
        raise ValueError(
            f"from_networkx: expected an undirected graph without parallel edges, got a "
            f"{type(graph).__name__}; networkx.Graph(graph) makes one"
        )
    order = list(graph) if names is None else list(names)
    if len(order) != len(graph) or set(order) != set(graph):
        raise ValueError("from_networkx: names are all nodes of the graph, each once")
    index = {name: i for i, name in enumerate(order)}
    matrix = np.zeros((len(order), len(order)))
    for one, other, value in graph.edges(data=weight, default=1):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if number == 0 or not np.isfinite(number):
            raise ValueError(
                f"from_networkx: the edge {one!r} - {other!r} has {value!r} as its {weight}, "
                "expected a number that is not 0; remove such edges or pass weight=None"
            )
        matrix[index[one], index[other]] = matrix[index[other], index[one]] = number
    return checked(matrix, "from_networkx"), order

"""Graphs that tests of measures.graph and measures.nulls draw: odd ones as often as plain ones."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import strategies as st

ODD = {
    "empty": nx.empty_graph,
    "complete": nx.complete_graph,
    "ring": nx.cycle_graph,
    "path": nx.path_graph,
    "star": lambda n: nx.star_graph(n - 1),
    "two halves": lambda n: nx.disjoint_union(nx.complete_graph(n // 2), nx.path_graph(n - n // 2)),
    "barbell": lambda n: nx.barbell_graph(max(n // 3, 2), max(n - 2 * max(n // 3, 2), 0)),
}


def adjacency_of(graph: nx.Graph) -> np.ndarray:
    """A networkx graph as booleans."""
    return nx.to_numpy_array(graph) != 0


def random_graph(n_nodes: int, density: float, seed: int) -> np.ndarray:
    """Every edge with the same probability."""
    upper = np.triu(np.random.default_rng(seed).random((n_nodes, n_nodes)) < density, 1)
    return upper | upper.T


def ring_lattice(n_nodes: int, n_neighbours: int) -> np.ndarray:
    """Every node joined to its nearest neighbours on a ring, an even number of them."""
    return adjacency_of(nx.watts_strogatz_graph(n_nodes, n_neighbours, 0))


@st.composite
def adjacencies(draw: st.DrawFn, most_nodes: int = 60) -> np.ndarray:
    """Binary graphs of 2 nodes and more: random at any density, or odd, in any order of nodes."""
    n_nodes = draw(st.integers(2, most_nodes))
    seed = draw(st.integers(0, 2**32 - 1))
    kind = draw(st.sampled_from(["random", "random", "random", "sparse", *ODD]))
    if kind == "random":
        return random_graph(n_nodes, draw(st.floats(0, 1)), seed)
    if kind == "sparse":
        return random_graph(n_nodes, 1.5 / n_nodes, seed)
    graph = adjacency_of(ODD[kind](n_nodes))
    order = np.random.default_rng(seed).permutation(len(graph))
    return graph[np.ix_(order, order)]


@st.composite
def weighted(draw: st.DrawFn, most_nodes: int = 60, signed: bool = False) -> np.ndarray:
    """Graphs as `adjacencies` with weights between 0.05 and 2, or of both signs."""
    adjacency = draw(adjacencies(most_nodes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    drawn = np.triu(rng.uniform(0.05, 2, adjacency.shape), 1)
    if signed:
        drawn *= np.where(rng.random(adjacency.shape) < 0.3, -1, 1)
    return adjacency * (drawn + drawn.T)

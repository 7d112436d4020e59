"""The null model that knows least: graphs with as many nodes and edges, any of them."""

from __future__ import annotations

import numpy as np

from lumbago.measures.chance import sequence_of
from lumbago.measures.graph.adjacency import checked
from lumbago.measures.graph.bits import to_bits


def random_graph(adjacency: np.ndarray, *, seed: int | np.random.SeedSequence) -> np.ndarray:
    """A random graph with the nodes and edges of another (Erdős and Rényi's G(n, m)).

    Every graph with that many nodes and edges is equally likely. Degrees are not kept: they come
    out nearly alike, so that hubs, and the clustering that hubs alone bring about, count as a
    finding. `rewire` keeps them.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of any sign. Never changed.
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    array of shape (n_nodes, n_nodes), symmetric, diagonal 0: bool, or float64 where the adjacency
    has weights, which are then dealt to the new edges at random.

    Raises
    ------
    ValueError
        If the adjacency is not such a graph.

    References
    ----------
    .. [1] Humphries & Gurney (2008). Network 'small-world-ness': a quantitative method for
       determining canonical network equivalence. PLoS ONE 3, e0002051.
       doi:10.1371/journal.pone.0002051
    """
    return Uniform(checked(adjacency, "random_graph")).graph(seed)


class Uniform:
    """A graph's size and weights, from which any number of random graphs are drawn.

    Parameters
    ----------
    graph : bool or float64 (n_nodes, n_nodes)
    """

    def __init__(self, graph: np.ndarray) -> None:
        self.rows, self.columns = np.triu_indices(len(graph), 1)
        values = graph[self.rows, self.columns]
        self.weights, self.shape = values[values != 0], graph.shape

    def null(self, seed: int | np.random.SeedSequence) -> tuple[np.ndarray, float]:
        """A random graph, as bits if it is binary; there are no switches to count."""
        found = self.graph(seed)
        return (to_bits(found) if found.dtype == bool else found), np.nan

    def graph(self, seed: int | np.random.SeedSequence) -> np.ndarray:
        """A random graph as an adjacency."""
        # The pairs come in random order, so that weights fall on them at random.
        rng = np.random.default_rng(sequence_of(seed))
        at = rng.choice(len(self.rows), len(self.weights), replace=False, shuffle=True)
        found = np.zeros(self.shape, self.weights.dtype)
        found[self.rows[at], self.columns[at]] = self.weights
        return found | found.T if found.dtype == bool else found + found.T

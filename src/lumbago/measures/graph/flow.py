"""Betweenness: how many of the shortest paths between others lead through a node."""

from __future__ import annotations

import numpy as np

from lumbago.measures.compiling import kernel
from lumbago.measures.graph import weights
from lumbago.measures.graph.adjacency import checked_unsigned
from lumbago.measures.graph.bits import lowest, population, to_bits
from lumbago.measures.graph.blocks import by_block

_ZERO, _ONE = np.uint64(0), np.uint64(1)
# Common neighbours of two nodes, on average, from which pairs are looked at one by one.
_COMMON = 3


def betweenness(adjacency: np.ndarray, *, n_threads: int | None = None) -> np.ndarray:
    """Share of the shortest paths between two other nodes that lead through each node.

    Where several paths are shortest, each counts as one over their number. Normalized as
    networkx does: divided by the (N - 1) (N - 2) / 2 pairs of other nodes, connected or not.
    bctpy's ``betweenness_bin`` is (N - 1) (N - 2) times this value: it counts each pair twice.

    With weights an edge is 1 / weight long, and paths count as equally long if they differ by
    less than rounding (1e-12 of their length). networkx and bctpy compare exactly: of paths that
    are equal but for the order of their edges they may then take only one.

    Parameters
    ----------
    adjacency : array of shape (n_nodes, n_nodes)
        Symmetric, diagonal 0: binary, or weights of at least 0.
    n_threads : int or None
        Threads to work with; None takes the cores of this process. The values do not depend
        on it.

    Returns
    -------
    array of shape (n_nodes,), float64, in [0, 1]; 0 in graphs of fewer than 3 nodes.

    Raises
    ------
    ValueError
        If the adjacency is not such a graph.

    References
    ----------
    .. [1] Freeman (1977). A set of measures of centrality based on betweenness. Sociometry 40,
       35-41. doi:10.2307/3033543
    .. [2] Brandes (2001). A faster algorithm for betweenness centrality. J Math Sociol 25,
       163-177. doi:10.1080/0022250X.2001.9990249
    """
    graph = checked_unsigned(adjacency, "betweenness")
    n = len(graph)
    if n < 3:
        return np.zeros(n)
    if graph.dtype != bool:
        return weights.dependencies(graph, n_threads) / ((n - 1) * (n - 2))
    bits = to_bits(graph)
    distant = np.ones(n, bool)
    total = np.zeros(n)
    # Where two nodes have some common neighbours on average, most pairs are two steps apart.
    by_pairs = np.bitwise_count(bits).sum() ** 2 >= _COMMON * n**3
    if by_pairs:
        found = by_block(
            lambda first, last: _bridges(bits, first, last), n, n_threads, "betweenness"
        )
        total += np.sum([sums for sums, _ in found], axis=0)
        reached = np.bitwise_count(bits).sum(axis=1) + np.sum([near for _, near in found], axis=0)
        distant = reached < n - 1
    nearest = 3 if by_pairs else 2
    total += np.sum(
        by_block(
            lambda first, last: _dependencies(bits, first, last, distant, nearest),
            n,
            n_threads,
            "betweenness",
        ),
        axis=0,
    )
    return total / ((n - 1) * (n - 2))


@kernel
def _bridges(bits: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of shortest paths of two steps, from some nodes to all later ones, both ways.

    Also how many nodes are two steps from each, as far as these pairs tell.
    """
    n_nodes, n_words = bits.shape
    total = np.zeros(n_nodes)
    near = np.zeros(n_nodes, np.int64)
    common = np.empty(n_words, np.uint64)
    for u in range(first, last):
        for v in range(u + 1, n_nodes):
            if (bits[u, v >> 6] >> np.uint64(v & 63)) & _ONE:
                continue
            n_paths = 0
            for w in range(n_words):
                common[w] = bits[u, w] & bits[v, w]
                n_paths += population(common[w])
            if n_paths == 0:
                continue
            near[u] += 1
            near[v] += 1
            share = 2.0 / n_paths
            for w in range(n_words):
                here = common[w]
                while here:
                    total[(w << 6) + lowest(here)] += share
                    here &= here - _ONE
    return total, near


@kernel
def _dependencies(
    bits: np.ndarray, first: int, last: int, wanted: np.ndarray, nearest: int
) -> np.ndarray:
    """Brandes' dependencies of some sources on every node, summed over these sources.

    Of the sources only those that are `wanted`, of the paths only those to nodes at least
    `nearest` steps away. Only edges between neighbouring levels carry paths: they are the
    bits that a row shares with a level, so that no other edge is looked at.
    """
    n_nodes, n_words = bits.shape
    total = np.zeros(n_nodes)
    n_paths = np.zeros(n_nodes)
    dependency = np.zeros(n_nodes)
    levels = np.zeros((n_nodes + 1, n_words), np.uint64)
    unseen = np.empty(n_words, np.uint64)
    for source in range(first, last):
        if not wanted[source]:
            continue
        for w in range(n_words):
            levels[0, w] = _ZERO
            unseen[w] = ~_ZERO
        if n_nodes & 63:
            unseen[-1] = (_ONE << np.uint64(n_nodes & 63)) - _ONE
        levels[0, source >> 6] = _ONE << np.uint64(source & 63)
        unseen[source >> 6] ^= levels[0, source >> 6]
        n_paths[:] = 0.0
        dependency[:] = 0.0
        n_paths[source] = 1.0
        farthest = _spread_paths(bits, levels, unseen, n_paths)
        if farthest < nearest:
            continue
        for d in range(farthest, 1, -1):
            own = 1.0 if d >= nearest else 0.0
            for word in range(n_words):
                here = levels[d, word]
                while here:
                    node = (word << 6) + lowest(here)
                    here &= here - _ONE
                    share = (own + dependency[node]) / n_paths[node]
                    if share == 0.0:
                        continue
                    for w in range(n_words):
                        before = bits[node, w] & levels[d - 1, w]
                        while before:
                            previous = (w << 6) + lowest(before)
                            before &= before - _ONE
                            dependency[previous] += n_paths[previous] * share
        for node in range(n_nodes):
            total[node] += dependency[node]
    return total


@kernel
def _spread_paths(
    bits: np.ndarray, levels: np.ndarray, unseen: np.ndarray, n_paths: np.ndarray
) -> int:
    """Fill the nodes of every level and their numbers of shortest paths; the last level."""
    n_words = bits.shape[1]
    distance = 0
    while True:
        for w in range(n_words):
            levels[distance + 1, w] = _ZERO
        any_new = False
        for word in range(n_words):
            here = levels[distance, word]
            while here:
                node = (word << 6) + lowest(here)
                here &= here - _ONE
                paths = n_paths[node]
                for w in range(n_words):
                    after = bits[node, w] & unseen[w]
                    levels[distance + 1, w] |= after
                    while after:
                        n_paths[(w << 6) + lowest(after)] += paths
                        after &= after - _ONE
                        any_new = True
        if not any_new:
            return distance
        distance += 1
        for w in range(n_words):
            unseen[w] &= ~levels[distance, w]

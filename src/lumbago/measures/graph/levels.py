"""Breadth-first search on bits: how many nodes are one, two, three ... steps away."""

from __future__ import annotations

import numpy as np

from lumbago.measures.compiling import kernel
from lumbago.measures.graph.bits import lowest, population

_ZERO, _ONE = np.uint64(0), np.uint64(1)


@kernel
def _count_levels(
    bits: np.ndarray,
    source: int,
    unseen: np.ndarray,
    frontier: np.ndarray,
    found: np.ndarray,
    counts: np.ndarray,
) -> int:
    """Add to ``counts[d]`` the nodes among `unseen` that are d steps from a source.

    Paths lead through nodes of `unseen` only; it is used up, but for what cannot be reached.
    Returns the largest distance.
    """
    n_words = bits.shape[1]
    new, left = 0, 0
    for w in range(n_words):
        frontier[w] = bits[source, w] & unseen[w]
        unseen[w] ^= frontier[w]
        new += population(frontier[w])
        left += population(unseen[w])
    distance = 0
    while new:
        distance += 1
        counts[distance] += new
        if left == 0:
            break
        for w in range(n_words):
            found[w] = _ZERO
        if 2 * left > new:
            new = _look_ahead(bits, unseen, frontier, found, new)
        if new:
            _look_back(bits, unseen, frontier, found)
        new = 0
        for w in range(n_words):
            unseen[w] ^= found[w]
            frontier[w] = found[w]
            new += population(found[w])
        left -= new
    return distance


@kernel
def _look_ahead(
    bits: np.ndarray, unseen: np.ndarray, frontier: np.ndarray, found: np.ndarray, new: int
) -> int:
    """Unseen neighbours of the frontier, node by node, while that is faster than looking back.

    One node of every word in turn: neighbours in number are neighbours in the brain, and
    nodes from elsewhere find more that is new. What was looked at leaves the frontier; returns
    how many nodes stay in it.
    """
    n_words = bits.shape[1]
    while new:
        missing = 0
        for w in range(n_words):
            missing += population(unseen[w] ^ found[w])
        if 2 * missing < new:
            return new
        for word in range(n_words):
            if frontier[word]:
                node = (word << 6) + lowest(frontier[word])
                frontier[word] &= frontier[word] - _ONE
                new -= 1
                for w in range(n_words):
                    found[w] |= bits[node, w] & unseen[w]
    return 0


@kernel
def _look_back(
    bits: np.ndarray, unseen: np.ndarray, frontier: np.ndarray, found: np.ndarray
) -> None:
    """Unseen nodes that are not found yet, each until one edge to the frontier is."""
    n_words = bits.shape[1]
    for word in range(n_words):
        here = unseen[word] & ~found[word]
        while here:
            bit = here & (~here + _ONE)
            node = (word << 6) + lowest(here)
            here ^= bit
            shared = _ZERO
            if n_words > 4:
                for w in range(n_words):
                    if bits[node, w] & frontier[w]:
                        shared = _ONE
                        break
            else:
                for w in range(n_words):
                    shared |= bits[node, w] & frontier[w]
            found[word] |= bit if shared else _ZERO


@kernel
def distance_counts(bits: np.ndarray, first: int, last: int, nodal: np.ndarray) -> np.ndarray:
    """Ordered pairs at every distance from some sources, int64 (n_nodes + 1,).

    Fills ``nodal[first:last]`` with each source's sum of 1 / distance.
    """
    n_nodes, n_words = bits.shape
    total = np.zeros(n_nodes + 1, np.int64)
    counts = np.zeros(n_nodes + 1, np.int64)
    unseen = np.empty(n_words, np.uint64)
    frontier = np.empty(n_words, np.uint64)
    found = np.empty(n_words, np.uint64)
    for source in range(first, last):
        _all_but(unseen, source, n_nodes)
        farthest = _count_levels(bits, source, unseen, frontier, found, counts)
        nodal[source] = 0.0
        for d in range(1, farthest + 1):
            nodal[source] += counts[d] / d
            total[d] += counts[d]
            counts[d] = 0
    return total


@kernel
def _all_but(nodes: np.ndarray, without: int, n_nodes: int) -> None:
    for w in range(len(nodes)):
        nodes[w] = ~_ZERO
    if n_nodes & 63:
        nodes[-1] = (_ONE << np.uint64(n_nodes & 63)) - _ONE
    nodes[without >> 6] ^= _ONE << np.uint64(without & 63)


@kernel
def efficiency_among_neighbours(
    bits: np.ndarray, first: int, last: int, efficiency: np.ndarray
) -> None:
    """Fill ``efficiency[first:last]`` with the global efficiency of each node's neighbourhood."""
    n_nodes, n_words = bits.shape
    counts = np.zeros(n_nodes + 1, np.int64)
    unseen = np.empty(n_words, np.uint64)
    frontier = np.empty(n_words, np.uint64)
    found = np.empty(n_words, np.uint64)
    room = np.empty(n_nodes * n_words, np.uint64)
    place = np.empty(n_nodes, np.int64)
    for centre in range(first, last):
        n_neighbours, farthest = 0, 0
        for word in range(n_words):
            n_neighbours += population(bits[centre, word])
        n_inner = (n_neighbours + 63) >> 6
        if 4 * n_inner <= n_words:
            # So few that a graph of their own, of shorter rows, pays off.
            inner = room[: n_neighbours * n_inner].reshape(n_neighbours, n_inner)
            _fill_inner(bits, centre, inner, place)
            for source in range(n_neighbours):
                _all_but(unseen[:n_inner], source, n_neighbours)
                reached = _count_levels(inner, source, unseen, frontier, found, counts)
                farthest = max(farthest, reached)
        else:
            for word in range(n_words):
                here = bits[centre, word]
                while here:
                    bit = here & (~here + _ONE)
                    source = (word << 6) + lowest(here)
                    here ^= bit
                    for w in range(n_words):
                        unseen[w] = bits[centre, w]
                    unseen[word] ^= bit
                    reached = _count_levels(bits, source, unseen, frontier, found, counts)
                    farthest = max(farthest, reached)
        total = 0.0
        for d in range(1, farthest + 1):
            total += counts[d] / d
            counts[d] = 0
        efficiency[centre] = total / max(n_neighbours * (n_neighbours - 1), 1)


@kernel
def _fill_inner(bits: np.ndarray, centre: int, inner: np.ndarray, place: np.ndarray) -> None:
    """The graph among the neighbours of a node; `place` (n_nodes) is room to number them."""
    n_words = bits.shape[1]
    inner[:] = _ZERO
    n_placed = 0
    for word in range(n_words):
        here = bits[centre, word]
        while here:
            node = (word << 6) + lowest(here)
            here &= here - _ONE
            i = n_placed
            place[node] = i
            n_placed += 1
            mine = _ONE << np.uint64(i & 63)
            for w in range(word + 1):
                earlier = bits[node, w] & bits[centre, w]
                if w == word:
                    earlier &= (_ONE << np.uint64(node & 63)) - _ONE
                while earlier:
                    j = place[(w << 6) + lowest(earlier)]
                    earlier &= earlier - _ONE
                    inner[i, j >> 6] |= _ONE << np.uint64(j & 63)
                    inner[j, i >> 6] |= mine

"""Shortest paths along edges that have lengths: Dijkstra's search, from every node."""

from __future__ import annotations

import numpy as np

from lumbago.measures.compiling import kernel

# Paths whose lengths differ by less, relative to the longer, count as equally long: sums of
# lengths in another order differ by rounding.
_ROUNDING = 1e-12


def edge_lists(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges node by node, the shortest first.

    Parameters
    ----------
    lengths : float64 (n_nodes, n_nodes), symmetric
        0 where there is no edge.

    Returns
    -------
    starts : int64 (n_nodes + 1,)
        The edges of node i are those from ``starts[i]`` to ``starts[i + 1]``.
    ends : int64 (n_ends,)
        The node at the other end.
    along : float64 (n_ends,)
        Length.
    """
    nodes, ends = np.nonzero(lengths)
    along = lengths[nodes, ends]
    order = np.lexsort((along, nodes))
    starts = np.searchsorted(nodes, np.arange(len(lengths) + 1))
    return starts.astype(np.int64), ends[order].astype(np.int64), along[order]


@kernel
def _search(
    starts: np.ndarray,
    ends: np.ndarray,
    along: np.ndarray,
    source: int,
    distance: np.ndarray,
    order: np.ndarray,
    heap: np.ndarray,
    place: np.ndarray,
) -> int:
    """Distances from a source, infinite where no path leads.

    Fills `order` with the nodes from the nearest to the farthest and gives their number. An
    edge longer than what lies between its node and the farthest distance found so far is of
    no use, nor are those after it.
    """
    n_nodes = len(distance)
    distance[:] = np.inf
    place[:] = -1
    distance[source] = 0.0
    heap[0] = source
    place[source] = 0
    waiting, settled, looked_at = 1, 0, 1
    bound = np.inf
    while waiting:
        node = heap[0]
        order[settled] = node
        settled += 1
        waiting -= 1
        if waiting:
            last = heap[waiting]
            key, at = distance[last], 0
            while True:
                below = 2 * at + 1
                if below >= waiting:
                    break
                if below + 1 < waiting and distance[heap[below + 1]] < distance[heap[below]]:
                    below += 1
                if distance[heap[below]] >= key:
                    break
                heap[at] = heap[below]
                place[heap[at]] = at
                at = below
            heap[at] = last
            place[last] = at
        here = distance[node]
        for edge in range(starts[node], starts[node + 1]):
            there = here + along[edge]
            if there >= bound:
                break
            end = ends[edge]
            if there < distance[end]:
                at = place[end]
                if at < 0:
                    at = waiting
                    waiting += 1
                distance[end] = there
                while at > 0:
                    above = (at - 1) >> 1
                    if distance[heap[above]] <= there:
                        break
                    heap[at] = heap[above]
                    place[heap[at]] = at
                    at = above
                heap[at] = end
                place[end] = at
        if settled == looked_at and settled + waiting == n_nodes:
            bound = distance.max()
        if settled == looked_at:
            looked_at *= 2
    return settled


@kernel
def sum_distances(
    starts: np.ndarray, ends: np.ndarray, along: np.ndarray, first: int, last: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of some sources: sum of 1 / distance, sum of distances, and number of nodes reached."""
    n_nodes = len(starts) - 1
    nearness, farness = np.zeros(last - first), np.zeros(last - first)
    reached = np.zeros(last - first, np.int64)
    distance = np.empty(n_nodes)
    order, heap = np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int64)
    place = np.empty(n_nodes, np.int64)
    for source in range(first, last):
        settled = _search(starts, ends, along, source, distance, order, heap, place)
        for i in range(1, settled):
            nearness[source - first] += 1.0 / distance[order[i]]
            farness[source - first] += distance[order[i]]
        reached[source - first] = settled - 1
    return nearness, farness, reached


@kernel
def efficiency_among_weighted(
    starts: np.ndarray, ends: np.ndarray, along: np.ndarray, first: int, last: int
) -> np.ndarray:
    """Local efficiency of some nodes; `along` are the cube roots of lengths 1 / weight."""
    n_nodes = len(starts) - 1
    efficiency = np.zeros(last - first)
    index = np.full(n_nodes, -1)
    within = np.empty(n_nodes + 1, np.int64)
    near, length = np.empty(len(ends), np.int64), np.empty(len(ends))
    distance = np.empty(n_nodes)
    order, heap = np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int64)
    place = np.empty(n_nodes, np.int64)
    for centre in range(first, last):
        neighbours = ends[starts[centre] : starts[centre + 1]]
        weight = 1.0 / along[starts[centre] : starts[centre + 1]]
        n_neighbours = len(neighbours)
        for i in range(n_neighbours):
            index[neighbours[i]] = i
        found = 0
        for i in range(n_neighbours):
            within[i] = found
            for edge in range(starts[neighbours[i]], starts[neighbours[i] + 1]):
                if index[ends[edge]] >= 0:
                    near[found] = index[ends[edge]]
                    length[found] = along[edge]
                    found += 1
        within[n_neighbours] = found
        total = 0.0
        for i in range(n_neighbours):
            index[neighbours[i]] = -1
            settled = _search(
                within[: n_neighbours + 1],
                near,
                length,
                i,
                distance[:n_neighbours],
                order,
                heap,
                place[:n_neighbours],
            )
            for j in range(1, settled):
                total += weight[i] * weight[order[j]] / distance[order[j]]
        efficiency[centre - first] = total / max(n_neighbours * (n_neighbours - 1), 1)
    return efficiency


@kernel
def weighted_dependencies(
    starts: np.ndarray, ends: np.ndarray, along: np.ndarray, first: int, last: int
) -> np.ndarray:
    """Brandes' dependencies of some sources on every node, summed over these sources."""
    n_nodes = len(starts) - 1
    total, dependency = np.zeros(n_nodes), np.zeros(n_nodes)
    n_paths, distance = np.zeros(n_nodes), np.empty(n_nodes)
    order, heap = np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int64)
    place, rank = np.empty(n_nodes, np.int64), np.empty(n_nodes, np.int64)
    # Which nodes come before which on shortest paths.
    before, from_here = np.empty(len(ends), np.int64), np.empty(n_nodes + 1, np.int64)
    for source in range(first, last):
        settled = _search(starts, ends, along, source, distance, order, heap, place)
        n_paths[source] = 1.0
        rank[:] = n_nodes
        rank[source] = 0
        found = 0
        for i in range(1, settled):
            node = order[i]
            rank[node] = i
            dependency[node] = 0.0
            paths = 0.0
            from_here[i] = found
            tolerance = _ROUNDING * distance[node]
            for edge in range(starts[node], starts[node + 1]):
                left = distance[node] - along[edge]
                if left < -tolerance:
                    break
                other = ends[edge]
                if distance[other] <= left + tolerance and rank[other] < i:
                    paths += n_paths[other]
                    before[found] = other
                    found += 1
            n_paths[node] = paths
        from_here[settled] = found
        for i in range(settled - 1, 0, -1):
            node = order[i]
            share = (1.0 + dependency[node]) / n_paths[node]
            for k in range(from_here[i], from_here[i + 1]):
                dependency[before[k]] += n_paths[before[k]] * share
            total[node] += dependency[node]
        dependency[source] = 0.0
    return total

"""One search for the modules of a graph: nodes move, modules are refined, graphs shrink.

The quality of a module is the sum of the links within it, less what chance would put there:
gamma (P^2 - Q^2), where P and Q sum two amounts over its nodes (Q is 0 without negative weights).
"""

from __future__ import annotations

import numpy as np

from lumbago.measures.compiling import kernel

# starts, ends, links, plus, minus: see `find_modules`.
Graph = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
# Gains that are smaller are rounding: links are shares of a whole that is 1.
_NO_GAIN = 1e-13
# Increment and mixing of splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)


@kernel
def _below(limit: int, state: np.ndarray) -> int:
    """A whole number from 0 to below a limit, which is far smaller than 2^32."""
    state[0] += _STEP
    mixed = state[0]
    mixed = (mixed ^ (mixed >> _S30)) * _MIX1
    mixed = (mixed ^ (mixed >> _S27)) * _MIX2
    mixed = (mixed ^ (mixed >> _S31)) >> _S32
    return int((mixed * np.uint64(limit)) >> _S32)


@kernel
def _shuffle(values: np.ndarray, state: np.ndarray) -> None:
    for i in range(len(values) - 1, 0, -1):
        j = _below(i + 1, state)
        values[i], values[j] = values[j], values[i]


@kernel
def _compress(labels: np.ndarray) -> int:
    """Number labels from 0 in order of appearance, in place; returns how many there are.

    They are below the number of nodes.
    """
    new = np.empty_like(labels)
    for i in range(len(labels)):
        new[i] = -1
    found = 0
    for i in range(len(labels)):
        if new[labels[i]] < 0:
            new[labels[i]] = found
            found += 1
        labels[i] = new[labels[i]]
    return found


def _move(
    graph: Graph, gamma: float, labels: np.ndarray, within: np.ndarray, once: bool,
    state: np.ndarray,
) -> None:  # fmt: skip
    """Move nodes to the module of a neighbour where that is best, until none gains, in place.

    Only to modules of nodes with the same number in `within`. `once`: each node moves at most
    once, and only if it is alone and nobody has joined it, so that modules only grow.
    """
    starts, ends, links, plus, minus = graph
    n = len(plus)
    size = np.bincount(labels, minlength=n)
    empty = np.argsort(size, kind="stable")  # those without nodes first
    _move_all(
        starts, ends, links, plus, minus, gamma, labels, within, once, bool(minus.any()),
        np.bincount(labels, plus, n), np.bincount(labels, minus, n), size, empty,
        int((size == 0).sum()), np.arange(n), np.ones(n, bool), np.zeros(n),
        np.empty(n, np.int64), np.zeros(n, bool), state,
    )  # fmt: skip


@kernel
def _move_all(
    starts: np.ndarray,
    ends: np.ndarray,
    links: np.ndarray,
    plus: np.ndarray,
    minus: np.ndarray,
    gamma: float,
    labels: np.ndarray,
    within: np.ndarray,
    once: bool,
    signed: bool,
    of_plus: np.ndarray,
    of_minus: np.ndarray,
    size: np.ndarray,
    empty: np.ndarray,
    n_empty: int,
    queue: np.ndarray,
    waits: np.ndarray,
    shared: np.ndarray,
    near: np.ndarray,
    seen: np.ndarray,
    state: np.ndarray,
) -> None:
    """`_move`, given room to work in: arrays made here would take their time to compile."""
    n = len(plus)
    _shuffle(queue, state)
    head, waiting = 0, n
    while waiting:
        node = queue[head]
        head = head + 1 if head + 1 < n else 0
        waiting -= 1
        waits[node] = False
        own = labels[node]
        if once and size[own] > 1:
            continue
        n_near = 0
        for edge in range(starts[node], starts[node + 1]):
            other = ends[edge]
            if within[other] != within[node]:
                continue
            c = labels[other]
            if not seen[c]:
                seen[c] = True
                near[n_near] = c
                n_near += 1
            shared[c] += links[edge]
        if signed and not once:
            # Nodes that repel each other less than chance has it may go together without a link.
            for c in range(n):
                if size[c] and not seen[c]:
                    seen[c] = True
                    near[n_near] = c
                    n_near += 1
        p, q = plus[node], minus[node]
        stay = shared[own] - gamma * (p * (of_plus[own] - p) - q * (of_minus[own] - q))
        best, most = own, stay
        # From anywhere on, so that of equal gains not always the same one wins.
        first = _below(n_near, state)
        for k in range(n_near):
            c = near[first + k if first + k < n_near else first + k - n_near]
            if c != own:
                gain = shared[c] - gamma * (p * of_plus[c] - q * of_minus[c])
                if gain > most + _NO_GAIN:
                    best, most = c, gain
            shared[c] = 0.0
            seen[c] = False
        if most < -_NO_GAIN and size[own] > 1 and n_empty:
            best = empty[n_empty - 1]
        if best == own:
            continue
        if size[best] == 0:
            n_empty -= 1
        of_plus[own] -= p
        of_minus[own] -= q
        size[own] -= 1
        of_plus[best] += p
        of_minus[best] += q
        size[best] += 1
        labels[node] = best
        if size[own] == 0:
            of_plus[own] = 0.0
            of_minus[own] = 0.0
            empty[n_empty] = own
            n_empty += 1
        if once:
            continue
        for edge in range(starts[node], starts[node + 1]):
            other = ends[edge]
            if not waits[other] and labels[other] != best:
                waits[other] = True
                queue[(head + waiting) % n] = other
                waiting += 1


def _shrink(graph: Graph, groups: np.ndarray, n_groups: int) -> Graph:
    """The graph whose nodes are groups of nodes; links within a group are left out."""
    starts, ends, links, plus, minus = graph
    first = np.concatenate([[0], np.cumsum(np.bincount(groups))])
    new_starts = np.zeros(n_groups + 1, np.int64)
    new_ends, new_links = np.empty_like(ends), np.empty_like(links)
    found = _join(
        starts, ends, links, groups, first, np.argsort(groups, kind="stable"),
        np.full(n_groups, -1), new_starts, new_ends, new_links,
    )  # fmt: skip
    p, q = np.bincount(groups, plus), np.bincount(groups, minus)
    return new_starts, new_ends[:found], new_links[:found], p, q


@kernel
def _join(
    starts: np.ndarray,
    ends: np.ndarray,
    links: np.ndarray,
    groups: np.ndarray,
    first: np.ndarray,
    members: np.ndarray,
    place: np.ndarray,
    new_starts: np.ndarray,
    new_ends: np.ndarray,
    new_links: np.ndarray,
) -> int:
    """Fill the links between groups; returns their number."""
    found = 0
    for g in range(len(first) - 1):
        start = found
        for m in range(first[g], first[g + 1]):
            for edge in range(starts[members[m]], starts[members[m] + 1]):
                other = groups[ends[edge]]
                if other == g:
                    continue
                if place[other] < start:
                    place[other] = found
                    new_ends[found] = other
                    new_links[found] = 0.0
                    found += 1
                new_links[place[other]] += links[edge]
        new_starts[g + 1] = found
    return found


def find_modules(graph: Graph, gamma: float, most_rounds: int, state: np.ndarray) -> np.ndarray:
    """Labels of modules, int64 (n_nodes,), found from nodes that start alone.

    Rounds are repeated, each from the modules of the last, until one changes nothing.

    Parameters
    ----------
    graph : (starts, ends, links, plus, minus)
        Node by node: the links of node i are those from ``starts[i]`` on, int64, int64, float64.
        What chance is made of: float64 (n_nodes,) each.
    gamma : float
    most_rounds : int
    state : uint64 (1,), of the random numbers, changed
    """
    n_nodes = len(graph[3])
    modules = np.arange(n_nodes)
    for _ in range(most_rounds):
        before = modules.copy()
        level, member, labels = graph, np.arange(n_nodes), modules.copy()
        while True:
            n = len(labels)
            _move(level, gamma, labels, np.zeros(n, np.int64), False, state)
            n_modules = _compress(labels)
            if n_modules == n:
                break
            groups = np.arange(n)
            _move(level, gamma, groups, labels, True, state)
            n_groups = _compress(groups)
            if n_groups == n:
                groups, n_groups = labels.copy(), n_modules
            level = _shrink(level, groups, n_groups)
            outer, labels = labels, np.empty(n_groups, np.int64)
            labels[groups] = outer
            member = groups[member]
        modules = labels[member]
        _compress(modules)
        if np.array_equal(modules, before):
            break
    return modules

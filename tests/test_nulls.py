"""Rewired graphs keep their degrees, and every graph that has them is equally likely."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import bct
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, ttest_ind

from graphs import ODD, adjacencies, adjacency_of, random_graph, ring_lattice
from lumbago.measures import graph, nulls
from lumbago.measures.graph.bits import from_bits, to_bits
from lumbago.measures.nulls.rewiring import Switching
from lumbago.measures.nulls.switching import pack_edges, switch_edges


@given(adjacencies(), st.integers(0, 2**70), st.sampled_from([0, 0.3, 1, 10]))
@settings(deadline=None)
def test_a_null_is_a_simple_graph_of_the_same_degrees(adjacency, seed, swaps_per_edge):
    before = adjacency.copy()
    found = nulls.rewire(adjacency, swaps_per_edge=swaps_per_edge, seed=seed)
    np.testing.assert_array_equal(adjacency, before)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, found.T)
    assert not found.diagonal().any()
    np.testing.assert_array_equal(found.sum(axis=1), adjacency.sum(axis=1))
    if swaps_per_edge == 0:
        np.testing.assert_array_equal(found, adjacency)
    again = nulls.rewire(adjacency, swaps_per_edge=swaps_per_edge, seed=seed)
    np.testing.assert_array_equal(again, found)


def all_graphs_of(degrees: tuple[int, ...]) -> list[np.ndarray]:
    """Every simple graph in which node i has ``degrees[i]`` edges, by trying all graphs."""
    n = len(degrees)
    pairs = np.array(list(combinations(range(n), 2)))
    chosen = (np.arange(2 ** len(pairs))[:, None] >> np.arange(len(pairs))) & 1
    joins = np.zeros((len(pairs), n), int)
    joins[np.arange(len(pairs))[:, None], pairs] = 1
    found = []
    for row in chosen[(chosen @ joins == degrees).all(axis=1)]:
        adjacency = np.zeros((n, n), bool)
        adjacency[tuple(pairs[row == 1].T)] = True
        found.append(adjacency | adjacency.T)
    return found


def n_switches(adjacency: np.ndarray) -> int:
    """Pairs of edges that can be switched, counted one by one."""
    edges = np.argwhere(np.triu(adjacency)).tolist()
    count = 0
    for (a, b), (c, d) in combinations(edges, 2):
        for x, y in ((c, d), (d, c)):
            if len({a, b, c, d}) == 4 and not adjacency[a, y] and not adjacency[x, b]:
                count += 1
    return count


@pytest.mark.parametrize(
    ("degrees", "how_many"), [((2,) * 6, 70), ((3, 3, 3, 3, 4, 4), 31), ((1, 1, 1, 2, 2, 3), 15)]
)
def test_every_graph_of_the_same_degrees_is_equally_likely(degrees, how_many):
    graphs = all_graphs_of(degrees)
    switches = [n_switches(g) for g in graphs]
    assert len(graphs) == how_many
    assert min(switches) < max(switches)  # else stopping by successes were harmless
    index = {to_bits(g).tobytes(): i for i, g in enumerate(graphs)}
    n_drawn = 15_000

    def p_of(last_graphs: list[bytes]) -> float:
        drawn = Counter(index[key] for key in last_graphs)
        return float(chisquare([drawn[i] for i in range(how_many)]).pvalue)

    for start in (graphs[int(np.argmin(switches))], graphs[int(np.argmax(switches))]):
        switching = Switching(start, 10, "test")
        seeds = np.random.SeedSequence(1).spawn(n_drawn)
        assert p_of([switching.null(seed)[0].tobytes() for seed in seeds]) > 1e-3

    def stopped_by_successes(seed: np.random.SeedSequence) -> bytes:
        bits, edges = switching.bits.copy(), switching.edges.copy()
        state = seed.generate_state(4, np.uint64)
        switch_edges(bits, edges, 1_000_000, 10 * len(edges), state)
        return bits.tobytes()

    # What most tools that count successes do: graphs with many switches come more often.
    assert p_of([stopped_by_successes(seed) for seed in seeds]) < 1e-9


@pytest.mark.parametrize("density", [0.02, 0.2, 0.5, 0.8])
def test_as_many_switches_are_made_as_were_aimed_at(density):
    adjacency = random_graph(120, density, 2)
    switching = Switching(adjacency, 10, "test")
    made = switching.null(5)[1] / len(switching.edges)
    assert made == pytest.approx(10, rel=0.08)
    # A structured graph too, whose share of successes changes on the way.
    switching = Switching(ring_lattice(200, 10), 10, "test")
    assert switching.null(5)[1] / len(switching.edges) == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize("name", ["complete", "star", "empty"])
def test_a_graph_that_is_alone_with_its_degrees_stays(name):
    adjacency = adjacency_of(ODD[name](30))
    np.testing.assert_array_equal(nulls.rewire(adjacency, seed=0), adjacency)
    assert Switching(adjacency, 10, "test").attempts == 0


def test_attempts_end_where_switches_are_rare():
    # Nested neighbourhoods but for one pair of edges: there are 2 graphs of these degrees.
    nested = np.add.outer(np.arange(40), np.arange(40)) > 39
    np.fill_diagonal(nested, False)
    assert Switching(nested, 10, "test").attempts == 0
    loose = nested.copy()
    loose[0, 39] = loose[39, 0] = False
    loose[0, 20] = loose[20, 0] = True
    switching = Switching(loose, 10, "test")
    aim = 10 * len(switching.edges)
    assert aim < switching.attempts <= 100 * aim
    assert switching.null(1)[1] > 0


def test_ten_switches_per_edge_forget_the_graph():
    adjacency = ring_lattice(150, 12)
    edges = np.triu(adjacency)
    n_nulls, n_edges = 60, edges.sum()
    found = [nulls.rewire(adjacency, seed=seed) for seed in range(n_nulls)]
    kept = [np.count_nonzero(edges & null) / n_edges for null in found]
    among = [
        np.count_nonzero(edges_of & other) / n_edges
        for edges_of, other in zip(map(np.triu, found[::2]), found[1::2], strict=True)
    ]
    # No more is kept of the graph than two nulls have in common.
    assert ttest_ind(kept, among).pvalue > 1e-3
    barely = [
        np.count_nonzero(edges & nulls.rewire(adjacency, swaps_per_edge=0.5, seed=s)) / n_edges
        for s in range(20)
    ]
    assert np.mean(barely) > np.mean(among) + 0.1


def test_nulls_are_those_of_bctpy_and_networkx():
    adjacency = adjacency_of(nx.barabasi_albert_graph(60, 4, seed=3))
    ours = [graph.transitivity(nulls.rewire(adjacency, seed=seed)) for seed in range(200)]
    theirs = [
        graph.transitivity(bct.randmio_und(adjacency.astype(float), 10, seed=seed)[0])
        for seed in range(20)
    ]
    assert ttest_ind(ours, theirs).pvalue > 1e-3
    for seed in range(20):
        peer = nx.from_numpy_array(adjacency)
        nx.double_edge_swap(peer, 10 * peer.size(), max_tries=10**6, seed=seed)
        theirs[seed] = nx.transitivity(peer)
    assert ttest_ind(ours, theirs).pvalue > 1e-3


def test_the_kernel_does_what_the_words_say():
    """The same switches with Python's integers and sets, and xoshiro256++ from its paper."""
    mask = 2**64 - 1
    adjacency = random_graph(70, 0.3, 4)
    bits, edges = to_bits(adjacency), pack_edges(adjacency)
    state = np.random.SeedSequence(9).generate_state(4, np.uint64)
    s = [int(word) for word in state]
    pairs = [(int(e) >> 16, int(e) & 0xFFFF) for e in edges]
    present = {frozenset(pair) for pair in pairs}
    made, attempted = switch_edges(bits, edges, 3000, 3000, state)
    assert attempted == 3000

    def turned(word: int, by: int) -> int:
        return (word << by | word >> (64 - by)) & mask

    count = 0
    for _ in range(3000):
        drawn = (turned((s[0] + s[3]) & mask, 23) + s[0]) & mask
        shifted = s[1] << 17 & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = turned(s[3], 45)
        i = (drawn & 0xFFFFFFFF) * len(pairs) >> 32
        j, reversed_ = divmod((drawn >> 32) * 2 * len(pairs) >> 32, 2)
        (a, b), (c, d) = pairs[i], pairs[j][::-1] if reversed_ else pairs[j]
        new = frozenset((a, d)), frozenset((c, b))
        if a == d or c == b or new[0] in present or new[1] in present:
            continue
        count += 1
        present -= {frozenset((a, b)), frozenset((c, d))}
        present |= set(new)
        pairs[i], pairs[j] = (a, d), (c, b)
    assert [int(word) for word in state] == s
    assert count == made > 500
    upper = {frozenset(map(int, pair)) for pair in np.argwhere(np.triu(from_bits(bits)))}
    assert upper == present


def test_what_cannot_be_rewired_is_refused():
    adjacency = random_graph(20, 0.4, 0)
    with pytest.raises(ValueError, match="rewire: swaps_per_edge is at least 0 and finite, got -1"):
        nulls.rewire(adjacency, swaps_per_edge=-1, seed=0)
    with pytest.raises(ValueError, match="rewire: expected a binary adjacency"):
        nulls.rewire(adjacency * 0.5, seed=0)
    assert (nulls.rewire(adjacency, seed=1) != nulls.rewire(adjacency, seed=2)).any()
    np.testing.assert_array_equal(
        nulls.rewire(adjacency, seed=1), nulls.rewire(adjacency, seed=np.random.SeedSequence(1))
    )

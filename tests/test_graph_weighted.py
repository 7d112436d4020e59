"""Weighted graphs: clustering, paths, betweenness and strength, against bctpy and networkx."""

from __future__ import annotations

import bct
import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphs import adjacencies, random_graph, ring_lattice, weighted
from lumbago.measures import graph

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def as_networkx(weights):
    """The graph with weights, and with lengths 1 / weight as `length`."""
    found = nx.from_numpy_array(weights)
    for _, _, edge in found.edges(data=True):
        edge["length"] = 1 / edge["weight"]
    return found


def by_node(values):
    return np.array([values[node] for node in sorted(values)])


@given(weighted())
@settings(deadline=None)
def test_weighted_clustering_is_networkx_s_and_bctpy_s_on_shares_of_the_largest(weights):
    found = graph.clustering(weights)
    theirs = by_node(nx.clustering(as_networkx(weights), weight="weight"))
    np.testing.assert_allclose(found, theirs, **EXACT)
    shares = weights / max(weights.max(), 1e-300)
    np.testing.assert_allclose(found, bct.clustering_coef_wu(shares), **EXACT)
    if any(d > 1 for _, d in as_networkx(weights).degree):
        np.testing.assert_allclose(graph.transitivity(weights), bct.transitivity_wu(shares),
                                   **EXACT)  # fmt: skip


@given(weighted(), st.floats(0.1, 10))
@settings(deadline=None)
def test_weighted_clustering_does_not_depend_on_the_unit_and_efficiency_is_in_it(weights, unit):
    np.testing.assert_allclose(graph.clustering(unit * weights), graph.clustering(weights), **EXACT)
    for measure in (graph.nodal_efficiency, graph.local_efficiency, graph.strength):
        np.testing.assert_allclose(measure(unit * weights), unit * measure(weights), **EXACT)
    np.testing.assert_allclose(graph.betweenness(unit * weights), graph.betweenness(weights),
                               **EXACT)  # fmt: skip


@given(weighted(most_nodes=14))
@settings(deadline=None)
def test_weighted_efficiencies_are_bctpy_s(weights):
    np.testing.assert_allclose(graph.global_efficiency(weights), bct.efficiency_wei(weights),
                               **EXACT)  # fmt: skip
    np.testing.assert_allclose(
        graph.local_efficiency(weights), bct.efficiency_wei(weights, local=True), **EXACT
    )


def test_the_older_weighted_local_efficiency_is_another_measure():
    weights = as_weights(ring_lattice(10, 4), 3)
    older = bct.efficiency_wei(weights, local="original")
    assert np.abs(graph.local_efficiency(weights) - older).max() > 0.05


@given(weighted())
@settings(deadline=None)
def test_weighted_path_lengths_are_networkx_s(weights):
    lengths = as_networkx(weights)
    n = len(weights)
    distances = np.full((n, n), np.inf)
    for source, reached in nx.all_pairs_dijkstra_path_length(lengths, weight="length"):
        distances[source, list(reached)] = list(reached.values())
    off = ~np.eye(n, dtype=bool)
    nearness = np.divide(1, distances, out=np.zeros((n, n)), where=off)
    np.testing.assert_allclose(
        graph.nodal_efficiency(weights), nearness.sum(axis=1) / (n - 1), **EXACT
    )
    joined = off & np.isfinite(distances)
    arithmetic = distances[off].mean()
    found = graph.characteristic_path_length(weights, harmonic=False)
    np.testing.assert_allclose(found, arithmetic, **EXACT)
    if joined.any():
        np.testing.assert_allclose(
            graph.characteristic_path_length(weights, harmonic=False, disconnected="reachable"),
            distances[joined].mean(),
            **EXACT,
        )
        np.testing.assert_allclose(
            graph.characteristic_path_length(weights) * graph.global_efficiency(weights), 1
        )
    else:
        assert graph.characteristic_path_length(weights) == np.inf


@given(weighted())
@settings(deadline=None)
def test_weighted_betweenness_is_networkx_s_and_bctpy_s_where_no_paths_tie(weights):
    n = len(weights)
    found = graph.betweenness(weights)
    theirs = by_node(nx.betweenness_centrality(as_networkx(weights), weight="length"))
    np.testing.assert_allclose(found, theirs, **EXACT)
    if 2 < n <= 15 and (weights > 0).any():
        lengths = np.divide(1, weights, out=np.zeros_like(weights), where=weights > 0)
        np.testing.assert_allclose(found * (n - 1) * (n - 2), bct.betweenness_wei(lengths), **EXACT)


def test_paths_that_are_equal_but_for_rounding_all_count():
    # 0 to 3 over 1 and over 2: lengths 0.1 + 0.2 + 0.3 in two orders, which differ in floats.
    assert 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1
    lengths = {(0, 1): 0.1, (1, 2): 0.2, (2, 5): 0.3, (0, 3): 0.3, (3, 4): 0.2, (4, 5): 0.1}
    weights = np.zeros((6, 6))
    for (i, j), length in lengths.items():
        weights[i, j] = weights[j, i] = 1 / length
    found = graph.betweenness(weights)
    np.testing.assert_allclose(found[[1, 2]], found[[4, 3]])
    assert found[1] > 0


@given(adjacencies(), st.floats(0.1, 9))
@settings(deadline=None)
def test_equal_weights_give_the_binary_measures(adjacency, weight):
    assume(weight != 1)
    weights = adjacency * weight
    for name in ("clustering", "betweenness"):
        measure = getattr(graph, name)
        np.testing.assert_allclose(measure(weights), measure(adjacency), **EXACT)
    for name in ("local_efficiency", "nodal_efficiency", "strength"):
        measure = getattr(graph, name)
        np.testing.assert_allclose(measure(weights), weight * measure(adjacency), **EXACT)
    np.testing.assert_allclose(graph.transitivity(weights), graph.transitivity(adjacency), **EXACT)
    for disconnected in ("infinite", "reachable", "largest"):
        arithmetic = [
            graph.characteristic_path_length(g, harmonic=False, disconnected=disconnected)
            for g in (weights, adjacency)
        ]
        np.testing.assert_allclose(arithmetic[0] * weight, arithmetic[1], **EXACT)


def test_threads_change_no_bit_of_a_weighted_measure():
    weights = as_weights(random_graph(150, 0.3, 0), 0)
    for measure in (graph.betweenness, graph.local_efficiency, graph.nodal_efficiency):
        np.testing.assert_array_equal(measure(weights, n_threads=1), measure(weights, n_threads=3))


def test_weights_that_are_not_exactly_symmetric_are_taken_as_their_mean():
    weights = as_weights(random_graph(20, 0.5, 0), 0)
    skewed = weights * (1 + 1e-9 * np.triu(np.ones((20, 20))))
    before = skewed.copy()
    np.testing.assert_allclose(graph.betweenness(skewed), graph.betweenness(weights), atol=1e-12)
    np.testing.assert_array_equal(skewed, before)


def test_a_weighted_path_in_closed_form():
    # 0 - 1 - 2 with weights 1/2 and 1/4: lengths 2 and 4.
    weights = np.array([[0, 1 / 2, 0], [1 / 2, 0, 1 / 4], [0, 1 / 4, 0]])
    assert graph.characteristic_path_length(weights, harmonic=False) == 4
    assert graph.global_efficiency(weights) == pytest.approx((1 / 2 + 1 / 4 + 1 / 6) / 3)
    assert graph.betweenness(weights).tolist() == [0, 1, 0]
    assert graph.strength(weights).tolist() == [0.5, 0.75, 0.25]


def test_a_weighted_triangle_in_closed_form():
    weights = np.array([[0, 8, 1], [8, 0, 1], [1, 1, 0.0]])
    np.testing.assert_allclose(graph.clustering(weights), np.cbrt(1 / 8 * 1 / 8))
    # Of node 2: its neighbours are joined by a weight of 8; of node 0: by a weight of 1.
    np.testing.assert_allclose(graph.local_efficiency(weights), [2, 2, 2])


def test_strengths_keep_signs_apart_as_rubinov_and_sporns_do():
    rng = np.random.default_rng(0)
    weights = np.triu(rng.standard_normal((12, 12)), 1)
    weights += weights.T
    positive, negative, *_ = bct.strengths_und_sign(weights)
    np.testing.assert_allclose(graph.strength(weights, "positive"), positive)
    np.testing.assert_allclose(graph.strength(weights, "negative"), -negative)
    np.testing.assert_allclose(graph.strength(weights), positive + negative)
    np.testing.assert_allclose(graph.strength(weights, "absolute"), positive - negative)
    with pytest.raises(ValueError, match=r"strength: part is 'all', 'positive', .* got 'both'"):
        graph.strength(weights, "both")
    adjacency = random_graph(12, 0.5, 0)
    np.testing.assert_array_equal(graph.strength(adjacency), graph.degree(adjacency))


def as_weights(adjacency, seed):
    """Weights between 0.1 and 1."""
    drawn = np.triu(np.random.default_rng(seed).uniform(0.1, 1, adjacency.shape), 1)
    return adjacency * (drawn + drawn.T)

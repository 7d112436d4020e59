"""What is taken from bctpy is right, and says where it is not for a graph."""

from __future__ import annotations

import bct
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from graphs import adjacency_of, random_graph, ring_lattice, weighted
from lumbago.measures import graph
from lumbago.measures.graph import toolbox

EXACT = {"rtol": 1e-9, "atol": 1e-9}


def connected(n_nodes, seed):
    """A ring with random weights and some more edges."""
    adjacency = random_graph(n_nodes, 0.2, seed) | ring_lattice(n_nodes, 2)
    drawn = np.triu(np.random.default_rng(seed).uniform(0.1, 1, adjacency.shape), 1)
    return adjacency * (drawn + drawn.T)


@given(weighted(most_nodes=14))
@settings(deadline=None, max_examples=40)
def test_edge_betweenness_is_networkx_s(weights):
    made = nx.from_numpy_array(weights)
    for _, _, edge in made.edges(data=True):
        edge["length"] = 1 / edge["weight"]
    expected = np.zeros_like(weights)
    for (i, j), value in nx.edge_betweenness_centrality(made, weight="length").items():
        expected[i, j] = expected[j, i] = value
    np.testing.assert_allclose(toolbox.edge_betweenness(weights), expected, **EXACT)


@pytest.mark.parametrize("n_nodes", [2, 5, 30])
def test_first_passage_times_solve_their_equations(n_nodes):
    weights = connected(n_nodes, n_nodes) if n_nodes > 2 else np.array([[0, 0.5], [0.5, 0]])
    found = toolbox.mean_first_passage_times(weights)
    steps = weights / weights.sum(axis=1, keepdims=True)
    for target in range(n_nodes):
        others = np.arange(n_nodes) != target
        times = np.linalg.solve(
            np.eye(n_nodes - 1) - steps[np.ix_(others, others)], np.ones(n_nodes - 1)
        )
        np.testing.assert_allclose(found[others, target], times, **EXACT)
    off = ~np.eye(n_nodes, dtype=bool)
    assert toolbox.diffusion_efficiency(weights) == pytest.approx((1 / found[off]).mean())


def test_walkers_in_closed_form_and_where_they_never_meet():
    complete = ~np.eye(6, dtype=bool)
    np.testing.assert_allclose(toolbox.mean_first_passage_times(complete), 5 * complete, **EXACT)
    assert toolbox.diffusion_efficiency(complete) == pytest.approx(1 / 5)
    halves = np.kron(np.eye(2), np.ones((3, 3))) - np.eye(6)
    for measure in (toolbox.mean_first_passage_times, toolbox.diffusion_efficiency):
        with pytest.raises(
            ValueError, match=r"expected a connected graph .* got 2 components of 6"
        ):
            measure(halves)


def test_a_clique_with_leaves_is_the_core():
    made = nx.complete_graph(8)
    made.add_edges_from((i, 8 + i) for i in range(8))
    for seed in range(3):
        found = toolbox.core_periphery(adjacency_of(made), seed=seed)
        np.testing.assert_array_equal(found, np.arange(16) < 8)
    with pytest.raises(ValueError, match="core_periphery: expected a graph with edges, got none"):
        toolbox.core_periphery(np.zeros((4, 4)), seed=0)


@given(weighted(signed=True, most_nodes=30), st.integers(0, 999))
@settings(deadline=None, max_examples=40)
def test_diversity_is_an_entropy(weights, seed):
    labels = np.random.default_rng(seed).integers(0, 4, len(weights))
    labels[:2] = [0, 1]
    for part, sign in (("positive", 1), ("negative", -1)):
        found = toolbox.diversity(weights, labels, part=part)
        positive = np.maximum(sign * weights, 0)
        towards = np.stack([positive[:, labels == m].sum(axis=1) for m in np.unique(labels)])
        shares = towards / np.maximum(towards.sum(axis=0), 1e-300)
        logs = np.log(np.where(shares > 0, shares, 1))
        expected = -(shares * logs).sum(axis=0) / np.log(len(towards))
        np.testing.assert_allclose(found, expected, **EXACT)
    with pytest.raises(ValueError, match="diversity: expected at least 2 modules, got 1"):
        toolbox.diversity(weights, np.zeros(len(weights), int), part="positive")


@pytest.mark.parametrize("seed", range(4))
def test_local_assortativities_add_up(seed):
    weights = connected(25, seed)
    weights = np.pad(weights, ((0, 1), (0, 1)))  # a node without an edge
    found = toolbox.local_assortativity(weights)
    assert np.nansum(found) == pytest.approx(graph.assortativity(weights))
    assert np.isnan(found[-1])
    assert not np.isnan(found[:-1]).any()


@given(st.integers(2, 40), st.integers(0, 999))
@settings(deadline=None, max_examples=40)
def test_partition_distance_is_that_of_entropies(n_nodes, seed):
    one, other = np.random.default_rng(seed).integers(0, 4, (2, n_nodes))
    one[0], one[1] = 0, 1
    variation, information = toolbox.partition_distance(one, other)
    shared = mutual_info_score(one, other)
    entropies = mutual_info_score(one, one) + mutual_info_score(other, other)
    assert variation == pytest.approx((entropies - 2 * shared) / np.log(n_nodes), abs=1e-9)
    assert information == pytest.approx(2 * shared / entropies, abs=1e-9)
    assert toolbox.partition_distance(one, one + 3) == pytest.approx((0, 1))


@given(weighted(signed=True, most_nodes=12))
@settings(deadline=None, max_examples=40)
def test_signed_clustering_is_bctpy_s_of_costantini_and_perugini(weights):
    found = graph.signed_clustering(weights)
    theirs = bct.clustering_coef_wu_sign(weights.copy(), "costantini")
    np.testing.assert_allclose(found, theirs, **EXACT)


def test_signed_clustering_in_closed_form():
    weights = np.array([[0, -1, 1], [-1, 0, 1], [1, 1, 0]]) * 0.5
    np.testing.assert_allclose(graph.signed_clustering(weights), -0.5)
    np.testing.assert_allclose(graph.signed_clustering(np.abs(weights)), 0.5)


def test_callers_arrays_stay_as_they_are():
    weights = connected(12, 0)
    before = weights.copy()
    toolbox.core_periphery(weights, seed=0)
    toolbox.local_assortativity(weights)
    toolbox.edge_betweenness(weights)
    np.testing.assert_array_equal(weights, before)

"""Modules, and the roles of nodes in them."""

from __future__ import annotations

import bct
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs import random_graph, weighted
from lumbago.measures import graph
from lumbago.measures.graph.sweeps import _named, density_seed

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def ring_of_cliques(n_cliques, size):
    return nx.to_numpy_array(nx.ring_of_cliques(n_cliques, size))


def planted(n_nodes, seed, signed=False):
    """Correlations of five groups with a signal each; of any sign, or the strongest tenth."""
    rng = np.random.default_rng(seed)
    groups = np.arange(n_nodes) * 5 // n_nodes
    series = rng.standard_normal((150, 5))[:, groups] + 1.5 * rng.standard_normal((150, n_nodes))
    matrix = np.corrcoef(series.T)
    if signed:
        return (matrix + matrix.T) / 2 * (1 - np.eye(n_nodes)), groups
    return graph.threshold(matrix, 0.1, binary=False), groups


def members(labels):
    return [set(np.flatnonzero(labels == label)) for label in np.unique(labels)]


# Quality of a partition


@given(weighted(), st.floats(0.2, 3), st.integers(1, 6), st.integers(0, 999))
@settings(deadline=None)
def test_quality_is_networkx_s(weights, gamma, n_modules, seed):
    labels = np.random.default_rng(seed).integers(0, n_modules, len(weights))
    found = graph.quality(weights, labels, gamma=gamma)
    if not weights.any():
        assert np.isnan(found)
        return
    theirs = nx.community.modularity(nx.from_numpy_array(weights), members(labels),
                                     resolution=gamma)  # fmt: skip
    assert found == pytest.approx(theirs, abs=1e-12)


@given(weighted(signed=True), st.integers(1, 6), st.integers(0, 999))
@settings(deadline=None)
def test_quality_of_signed_graphs_is_bctpy_s_of_rubinov_and_sporns(weights, n_modules, seed):
    labels = np.random.default_rng(seed).integers(0, n_modules, len(weights))
    if not (weights > 0).any():
        return  # bctpy divides by the positive weight
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = bct.modularity_und_sign(weights, labels + 1, "sta")[1]
    assert graph.quality(weights, labels) == pytest.approx(theirs, abs=1e-12)


def test_quality_in_closed_form():
    # Two triangles and an edge between: 6 of 7 edges within, half of the ends on either side.
    weights = nx.to_numpy_array(nx.barbell_graph(3, 0))
    assert graph.quality(weights, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(6 / 7 - 1 / 2)
    assert graph.quality(weights, np.zeros(6, int)) == pytest.approx(0)
    with pytest.raises(ValueError, match=r"quality: expected one whole number per node, .* \(6,\)"):
        graph.quality(weights, np.zeros(6))
    with pytest.raises(ValueError, match="quality: gamma is above 0 and finite, got 0"):
        graph.quality(weights, np.zeros(6, int), gamma=0)


# Search for modules


@pytest.mark.parametrize(("n_cliques", "size"), [(4, 5), (10, 5), (8, 3), (12, 8)])
def test_a_ring_of_cliques_falls_into_its_cliques(n_cliques, size):
    order = np.random.default_rng(n_cliques).permutation(n_cliques * size)
    found = graph.modularity(ring_of_cliques(n_cliques, size)[np.ix_(order, order)], seed=0)
    assert found.n_modules == n_cliques
    truth = order // size
    np.testing.assert_array_equal(found.labels[:, None] == found.labels, truth[:, None] == truth)
    edges = size * (size - 1) / 2
    assert found.quality == pytest.approx(edges / (edges + 1) - 1 / n_cliques)
    assert found.labels[0] == 0


@pytest.mark.parametrize("seed", range(12))
def test_modules_are_as_good_as_networkx_s_louvain(seed):
    rng = np.random.default_rng(seed)
    weights = random_graph(60, rng.uniform(0.05, 0.4), seed) * 1.0
    if seed % 2:
        drawn = np.triu(rng.random(weights.shape), 1)
        weights = weights * (drawn + drawn.T)
    theirs = nx.from_numpy_array(weights)
    best = max(
        nx.community.modularity(theirs, nx.community.louvain_communities(theirs, seed=run))
        for run in range(5)
    )
    found = graph.modularity(weights, seed=seed)
    assert found.quality >= best - 2e-3
    assert found.quality == pytest.approx(graph.quality(weights, found.labels), abs=1e-12)
    assert found.quality == found.qualities.max()


@given(weighted(most_nodes=7), st.booleans())
@settings(deadline=None, max_examples=40)
def test_small_graphs_get_the_best_of_all_partitions(weights, binary):
    weights = weights > 0 if binary else weights
    if weights.any():
        best = max(graph.quality(weights, labels) for labels in partitions(len(weights)))
        assert graph.modularity(weights, seed=0).quality == pytest.approx(best, abs=1e-9)


def partitions(n_nodes):
    """All partitions of n nodes, as labels."""
    grown = [[0]]
    for _ in range(n_nodes - 1):
        grown = [[*labels, new] for labels in grown for new in range(max(labels) + 2)]
    return np.array(grown)


@given(weighted(most_nodes=40))
@settings(deadline=None, max_examples=40)
def test_modules_are_connected_and_no_node_gains_by_leaving(weights):
    found = graph.modularity(weights, seed=1, n_runs=2)
    if not weights.any():
        assert np.isnan(found.quality)
        assert found.n_modules == len(weights)
        return
    for module in range(found.n_modules):
        inside = found.labels == module
        assert len(graph.component_sizes(weights[np.ix_(inside, inside)])) == 1
    for node in range(0, len(weights), 5):
        for other in {*found.labels, found.n_modules}:
            moved = found.labels.copy()
            moved[node] = other
            assert graph.quality(weights, moved) <= found.quality + 1e-10


def test_signed_correlations_fall_into_the_groups_they_were_made_of():
    weights, groups = planted(60, 0, signed=True)
    assert (weights < 0).any()
    found = graph.modularity(weights, seed=0)
    np.testing.assert_array_equal(found.labels, groups)
    theirs = max(
        bct.community_louvain(weights, B="negative_asym", seed=seed)[1] for seed in range(5)
    )
    assert found.quality >= theirs - 1e-10


def test_only_repulsion_puts_every_node_apart_or_with_those_it_repels_least():
    weights = -np.ones((4, 4)) + np.eye(4)
    weights[0, 1] = weights[1, 0] = 0
    found = graph.modularity(weights, seed=0)
    np.testing.assert_array_equal(found.labels, [0, 0, 1, 2])


def test_gamma_sets_the_size_of_modules():
    cliques = ring_of_cliques(12, 4)
    sizes = [graph.modularity(cliques, gamma=g, seed=0).n_modules for g in (0.2, 1, 30)]
    assert sizes[0] < sizes[1] == 12 < sizes[2]


def test_a_seed_is_a_result_whatever_the_threads_and_further_runs():
    weights, _ = planted(120, 2)
    weights = weights * random_graph(120, 0.5, 0)
    one = graph.modularity(weights, seed=5, n_runs=3, n_threads=1)
    more = graph.modularity(weights, seed=5, n_runs=6, n_threads=3)
    np.testing.assert_array_equal(one.qualities, more.qualities[:3])
    np.testing.assert_array_equal(
        one.labels, graph.modularity(weights, seed=5, n_runs=3, n_threads=2).labels
    )
    with pytest.raises(ValueError, match="modularity: n_runs is at least 1, got 0"):
        graph.modularity(weights, seed=5, n_runs=0)


# Roles of nodes


@given(weighted(), st.integers(1, 6), st.integers(0, 999))
@settings(deadline=None)
def test_participation_and_z_are_bctpy_s(weights, n_modules, seed):
    labels = np.random.default_rng(seed).integers(0, n_modules, len(weights))
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = bct.participation_coef(weights, labels + 1)
        their_z = bct.module_degree_zscore(weights, labels + 1)
    np.testing.assert_allclose(graph.participation(weights, labels), theirs, **EXACT)
    found = graph.within_module_z(weights, labels)
    same = found != 0  # bctpy takes rounding for a spread
    np.testing.assert_allclose(found[same], their_z[same], **EXACT)


@given(weighted(signed=True), st.integers(1, 6), st.integers(0, 999))
@settings(deadline=None)
def test_participation_of_either_sign_is_bctpy_s(weights, n_modules, seed):
    labels = np.random.default_rng(seed).integers(0, n_modules, len(weights))
    positive, negative = bct.participation_coef_sign(weights, labels + 1)
    for part, theirs in (("positive", positive), ("negative", negative)):
        np.testing.assert_allclose(graph.participation(weights, labels, part=part), theirs, **EXACT)
    if (weights < 0).any():
        for measure in (graph.participation, graph.within_module_z):
            with pytest.raises(ValueError, match="the graph has negative weights; choose part="):
                measure(weights, labels)


def test_roles_in_closed_form():
    # Node 0 has two edges to each of two modules; node 4 stays in its own.
    adjacency = np.zeros((6, 6))
    for i, j in ((0, 1), (0, 2), (0, 3), (0, 4), (4, 3)):
        adjacency[i, j] = adjacency[j, i] = 1
    labels = np.array([7, 7, 7, 9, 9, 9])
    found = graph.participation(adjacency, labels)
    np.testing.assert_allclose(found, [1 / 2, 0, 0, 1 / 2, 1 / 2, 0])
    z = graph.within_module_z(adjacency, labels)
    np.testing.assert_allclose(z[:3], [np.sqrt(2), -np.sqrt(0.5), -np.sqrt(0.5)])
    np.testing.assert_array_equal(graph.within_module_z(np.ones((4, 4)) - np.eye(4), [0, 0, 0, 0]),
                                  0)  # fmt: skip
    with pytest.raises(ValueError, match="participation: expected one whole number per node"):
        graph.participation(adjacency, labels[:5])


def test_a_sweep_tells_everything_of_the_same_modules():
    matrix = np.corrcoef(np.random.default_rng(0).standard_normal((60, 100)))
    densities = [0.1, 0.2]
    names = ["participation", "modularity", "n_modules", "within_module_z", "hub_score"]
    found = graph.sweep(matrix, densities, measures=names, seed=7).values
    for row, density in enumerate(densities):
        adjacency = graph.threshold(matrix, density)
        seed = _named(density_seed(7, density), "modularity")
        modules = graph.modularity(adjacency, seed=seed)
        assert found["modularity"][row] == modules.quality
        assert found["n_modules"][row] == modules.n_modules
        for name in ("participation", "within_module_z"):
            expected = getattr(graph, name)(adjacency, modules.labels)
            np.testing.assert_array_equal(found[name][row], expected)
        np.testing.assert_array_equal(found["hub_score"][row], graph.hubs(adjacency).score)

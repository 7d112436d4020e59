"""Random graphs have the edges asked for, and every graph that has as many is equally likely."""

from __future__ import annotations

from collections import Counter
from math import comb

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from graphs import adjacencies, adjacency_of, ring_lattice, weighted
from lumbago.measures import graph, nulls
from lumbago.measures.graph.small_worldness import child
from lumbago.measures.graph.sweeps import density_seed


@given(adjacencies(), st.integers(0, 2**70))
@settings(deadline=None)
def test_a_random_graph_is_simple_and_has_as_many_edges(adjacency, seed):
    before = adjacency.copy()
    found = nulls.random_graph(adjacency, seed=seed)
    np.testing.assert_array_equal(adjacency, before)
    assert found.dtype == bool
    assert found.shape == adjacency.shape
    np.testing.assert_array_equal(found, found.T)
    assert not found.diagonal().any()
    assert found.sum() == adjacency.sum()
    np.testing.assert_array_equal(nulls.random_graph(adjacency, seed=seed), found)


@given(weighted(signed=True), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_weights_are_dealt_anew_and_none_is_lost(weights, seed):
    found = nulls.random_graph(weights, seed=seed)
    np.testing.assert_array_equal(found, found.T)
    assert not found.diagonal().any()
    np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(weights, axis=None))


def test_every_graph_of_that_size_is_equally_likely():
    """Five nodes and four edges: 210 graphs, of which a star and a path are two."""
    n = 10_500
    star = adjacency_of(nx.star_graph(4))
    drawn = Counter(nulls.random_graph(star, seed=s).tobytes() for s in range(n))
    assert len(drawn) == comb(10, 4)
    assert chisquare(list(drawn.values())).pvalue > 0.001


def test_every_weight_falls_on_every_pair_equally_often():
    weights = np.zeros((4, 4))
    weights[0, 1], weights[2, 3] = 0.5, 2.0
    weights += weights.T
    drawn = Counter(nulls.random_graph(weights, seed=s).tobytes() for s in range(6_000))
    assert len(drawn) == 6 * 5
    assert chisquare(list(drawn.values())).pvalue > 0.001


def test_one_node_and_no_edge_are_graphs_too():
    for n_nodes in (1, 2, 5):
        empty = np.zeros((n_nodes, n_nodes))
        np.testing.assert_array_equal(nulls.random_graph(empty, seed=0), empty)
    complete = ~np.eye(7, dtype=bool)
    np.testing.assert_array_equal(nulls.random_graph(complete, seed=0), complete)


def test_what_is_no_graph_is_refused():
    for changed, words in (
        (np.ones((3, 3)), "edge to itself"),
        (np.triu(np.ones((3, 3)), 1), "symmetric"),
        (np.full((3, 3), np.nan) * (1 - np.eye(3)), "not finite|edge to itself"),
        (np.ones((2, 3)), "square"),
    ):
        with pytest.raises(ValueError, match=rf"random_graph: .*({words})"):
            nulls.random_graph(changed, seed=0)


@pytest.mark.parametrize("binary", [True, False])
def test_small_worldness_is_the_ratio_to_their_mean(binary):
    adjacency = ring_lattice(60, 8).astype(float)
    if not binary:
        adjacency *= 1 + np.add.outer(np.arange(60), np.arange(60)) / 60
    drawn = [nulls.random_graph(adjacency, seed=child(8, i)) for i in range(6)]
    found = graph.small_world(adjacency, n_nulls=6, seed=8, null="random", n_threads=1)
    gamma = graph.clustering(adjacency).mean() / np.mean([graph.clustering(d) for d in drawn])
    length = graph.characteristic_path_length
    lambda_ = length(adjacency) / np.mean([length(d) for d in drawn])
    assert found.gamma == pytest.approx(gamma, rel=1e-12)
    assert found.sigma == pytest.approx(gamma / lambda_, rel=1e-12)
    assert np.isnan(found.swaps_per_edge)
    again = graph.small_world(adjacency, n_nulls=6, seed=8, null="random", n_threads=3)
    assert (again.gamma, again.sigma, again.null_clustering_sd) == (
        found.gamma, found.sigma, found.null_clustering_sd,
    )  # fmt: skip


def test_a_ring_is_clustered_as_theory_says_and_a_random_graph_is_no_small_world():
    """Clustering 3 (k - 2) / 4 (k - 1) over that of a random graph, which is its density."""
    n, k = 300, 12
    ring = graph.small_world(ring_lattice(n, k), n_nulls=40, seed=1, null="random")
    assert ring.clustering == pytest.approx(3 * (k - 2) / (4 * (k - 1)), rel=1e-12)
    assert ring.null_clustering == pytest.approx(k / (n - 1), rel=0.05)
    assert ring.gamma == pytest.approx(ring.clustering * (n - 1) / k, rel=0.05)
    assert ring.sigma > 5
    drawn = nulls.random_graph(ring_lattice(n, k), seed=99)
    assert graph.small_world(drawn, n_nulls=40, seed=1, null="random").sigma == pytest.approx(
        1, abs=0.1
    )


def test_hubs_alone_are_clustered_against_random_graphs_but_not_against_rewired_ones():
    """Nodes of a core all joined, all others joined to the core: no other graph has its degrees."""
    core = np.arange(40) < 5
    hubs = np.logical_or.outer(core, core) & ~np.eye(40, dtype=bool)
    assert graph.small_world(hubs, n_nulls=10, seed=0).sigma == 1
    assert graph.small_world(hubs, n_nulls=10, seed=0, null="random").sigma > 2


def test_a_sweep_against_them_is_small_world_at_every_density():
    rng = np.random.default_rng(5)
    matrix = np.corrcoef(rng.standard_normal((30, 60)))
    settings_of = {"n_nulls": 4, "seed": 3, "null": "random"}
    names = ["sigma", "omega"]
    found = graph.sweep(matrix, [0.1, 0.3], measures=names, **settings_of)
    for row, density in enumerate((0.1, 0.3)):
        own = graph.small_world(
            graph.threshold(matrix, density), n_nulls=4, seed=density_seed(3, density),
            null="random", omega=True,
        )  # fmt: skip
        assert found.values["sigma"][row] == own.sigma
        assert found.values["omega"][row] == own.omega
    fewer = graph.sweep(matrix, [0.3], measures=["sigma"], **settings_of)
    assert fewer.values["sigma"][0] == found.values["sigma"][1]
    weights = graph.sweep(matrix, [0.3], measures=["sigma"], binary=False, **settings_of)
    assert weights.values["sigma"][0] != fewer.values["sigma"][0]


def test_other_nulls_are_refused_by_name():
    adjacency = ring_lattice(10, 2)
    with pytest.raises(ValueError, match="null is 'rewired' or 'random', got 'erdos'"):
        graph.small_world(adjacency, seed=0, null="erdos")
    with pytest.raises(ValueError, match=r"one of rewired, random, hirschberger.*got 'erdos'"):
        graph.sweep(adjacency, [0.1], seed=0, null="erdos")

"""Weighted nulls keep weights, signs, degrees and, if asked to, strengths."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import bct
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, ttest_ind

from graphs import adjacencies, adjacency_of, random_graph, ring_lattice
from lumbago.measures import graph, nulls
from lumbago.measures.graph.small_worldness import child


def correlations(n_nodes: int, seed: int = 0, n_factors: int = 12) -> np.ndarray:
    """Correlations of signals that share factors: full, signed, clustered."""
    rng = np.random.default_rng(seed)
    loadings = rng.gamma(1, 1, (n_factors, n_nodes)) * (rng.random((n_factors, n_nodes)) < 0.3)
    signals = rng.standard_normal((200, n_factors)) @ loadings
    signals += rng.standard_normal(signals.shape)
    found = np.corrcoef(signals.T)
    np.fill_diagonal(found, 0)
    return found


def weighted(adjacency: np.ndarray, seed: int, signs: str) -> np.ndarray:
    """Weights, no two alike, on the edges of a graph."""
    rng = np.random.default_rng(seed)
    values = np.triu(rng.uniform(0.1, 2, adjacency.shape) * adjacency, 1)
    if signs == "-":
        values *= -1
    if signs == "both":
        values *= rng.choice([-1, 1], values.shape)
    return values + values.T


@given(
    adjacencies(30),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["+", "-", "both"]),
    st.sampled_from(["weights", "strengths"]),
    st.sampled_from([0, 1, 10]),
)
@settings(deadline=None)
def test_a_weighted_null_keeps_weights_signs_and_degrees(adjacency, seed, signs, preserve, swaps):
    weights = weighted(adjacency, seed, signs)
    before = weights.copy()
    found = nulls.rewire_weighted(weights, swaps_per_edge=swaps, seed=seed, preserve=preserve)
    np.testing.assert_array_equal(weights, before)
    np.testing.assert_array_equal(found, found.T)
    assert found.dtype == np.float64
    assert not found.diagonal().any()
    upper = np.triu_indices(len(weights), 1)
    np.testing.assert_array_equal(np.sort(found[upper]), np.sort(weights[upper]))
    for sign in (1, -1):
        np.testing.assert_array_equal((sign * found > 0).sum(1), (sign * weights > 0).sum(1))
    again = nulls.rewire_weighted(weights, swaps_per_edge=swaps, seed=seed, preserve=preserve)
    np.testing.assert_array_equal(again, found)


def test_the_edges_of_a_weighted_null_are_those_of_the_binary_one():
    weights = weighted(random_graph(40, 0.3, 1), 2, "+")
    for preserve in ("weights", "strengths"):
        found = nulls.rewire_weighted(weights, seed=7, preserve=preserve)
        np.testing.assert_array_equal(found != 0, nulls.rewire(weights != 0, seed=7))


@pytest.mark.parametrize(
    ("n_nodes", "density"), [(60, 0.1), (100, 0.05), (120, 0.3), (60, 1), (120, 1)]
)
def test_strengths_come_as_near_as_the_docstring_says(n_nodes, density):
    for seed in range(3):
        full = correlations(n_nodes, seed)
        weights = full if density == 1 else graph.threshold(full, density, binary=False)
        found = nulls.rewire_weighted(weights, seed=seed, preserve="strengths")
        dealt = nulls.rewire_weighted(weights, seed=seed)
        for sign in (1, -1) if density == 1 else (1,):
            own, kept, lost = (np.clip(sign * w, 0, None).sum(1) for w in (weights, found, dealt))
            assert np.corrcoef(own, kept)[0, 1] > 0.99999
            assert np.abs(kept - own).max() < 0.01 * own.mean()
            strong = own > own.mean() / 10
            assert np.abs(kept[strong] / own[strong] - 1).max() < 0.04
            # Degrees alone do not keep them.
            assert np.abs(lost - own).max() > 0.1 * own.mean()
        # What is kept is not the matrix.
        upper = np.triu_indices(n_nodes, 1)
        assert abs(np.corrcoef(weights[upper], found[upper])[0, 1]) < 0.3


def test_every_placing_of_weights_is_equally_likely():
    # A path of three edges between 4 nodes: 2 graphs, and 6 ways to deal its weights to each.
    path = np.zeros((4, 4))
    path[0, 1], path[1, 2], path[2, 3] = 1, 2, 3
    path += path.T
    drawn = Counter(nulls.rewire_weighted(path, seed=seed).tobytes() for seed in range(6000))
    same_degrees = {
        tuple(order) for order in permutations(range(4))
        if (path[np.ix_(order, order)] != 0).sum(1).tolist() == [1, 2, 2, 1]
    }  # fmt: skip
    topologies = {(path[np.ix_(o, o)] != 0).tobytes() for o in same_degrees}
    assert len(drawn) == 6 * len(topologies)
    assert chisquare(list(drawn.values())).pvalue > 1e-3


def test_every_signed_graph_of_the_same_degrees_is_equally_likely():
    # Full graph of 6 nodes, 2 positive edges each: the positive edges are one of 70 graphs.
    ring = ring_lattice(6, 2)
    signs = np.where(ring, 1.0, -1.0)
    np.fill_diagonal(signs, 0)
    drawn = Counter(nulls.rewire_weighted(signs, seed=seed).tobytes() for seed in range(5600))
    assert len(drawn) == 70
    assert chisquare(list(drawn.values())).pvalue > 1e-3
    # With pairs that are absent too: 3 kinds of pairs, the same number everywhere.
    signs[0, 3] = signs[3, 0] = 0
    drawn = Counter(nulls.rewire_weighted(signs, seed=seed).tobytes() for seed in range(5600))
    alike = all_signed_graphs_of(signs)
    assert set(drawn) == alike
    assert chisquare(list(drawn.values())).pvalue > 1e-3


def all_signed_graphs_of(signs: np.ndarray) -> set[bytes]:
    """Graphs of -1, 0 and 1 with the same numbers of each per node, by filling row after row."""
    n = len(signs)
    found: set[bytes] = set()
    plus, minus = (signs > 0).sum(1), (signs < 0).sum(1)

    def fill(matrix: np.ndarray, i: int, j: int) -> None:
        if i == n - 1:
            if ((matrix > 0).sum(1) == plus).all() and ((matrix < 0).sum(1) == minus).all():
                found.add(matrix.tobytes())
            return
        if j == n:
            if (matrix[i] > 0).sum() == plus[i] and (matrix[i] < 0).sum() == minus[i]:
                fill(matrix, i + 1, i + 2)
            return
        for value in (-1.0, 0.0, 1.0):
            matrix[i, j] = matrix[j, i] = value
            fill(matrix, i, j + 1)
        matrix[i, j] = matrix[j, i] = 0

    fill(np.zeros((n, n)), 0, 1)
    return found


def test_bad_settings_are_refused():
    weights = correlations(5)
    with pytest.raises(ValueError, match="preserve is 'weights' or 'strengths', got 'degrees'"):
        nulls.rewire_weighted(weights, seed=0, preserve="degrees")  # type: ignore[arg-type]
    for signed in (weights, np.abs(weights)):
        with pytest.raises(ValueError, match="swaps_per_edge is at least 0 and finite, got -1"):
            nulls.rewire_weighted(signed, swaps_per_edge=-1, seed=0)


@given(adjacencies(40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_a_lattice_keeps_degrees_and_its_edges_are_no_longer(adjacency, seed):
    before = adjacency.copy()
    found = nulls.lattice(adjacency, attempts_per_edge=20, seed=seed)
    np.testing.assert_array_equal(adjacency, before)
    assert found.dtype == bool
    assert not found.diagonal().any()
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(found.sum(1), adjacency.sum(1))
    assert length_on_ring(found) <= length_on_ring(adjacency)
    np.testing.assert_array_equal(nulls.lattice(adjacency, attempts_per_edge=20, seed=seed), found)
    np.testing.assert_array_equal(nulls.lattice(adjacency, attempts_per_edge=0, seed=0), adjacency)


def length_on_ring(adjacency: np.ndarray) -> int:
    """Sum over edges of the steps between their ends."""
    along = np.abs(np.subtract.outer(*[np.arange(len(adjacency))] * 2))
    return int((np.minimum(along, len(adjacency) - along) * adjacency).sum() // 2)


def test_a_scattered_ring_becomes_the_ring_lattice_again():
    ring = ring_lattice(100, 8)
    order = np.random.default_rng(0).permutation(100)
    scattered = ring[np.ix_(order, order)]
    found = nulls.lattice(scattered, seed=1)
    assert length_on_ring(ring) <= length_on_ring(found) < 1.03 * length_on_ring(ring)
    # A ring of k neighbours has clustering 3 (k - 2) / (4 (k - 1)).
    assert graph.clustering(ring).mean() == pytest.approx(3 * 6 / (4 * 7))
    assert graph.clustering(found).mean() == pytest.approx(3 * 6 / (4 * 7), rel=0.06)


def test_bctpy_comes_to_the_same_lattice_where_it_is_given_long_enough():
    adjacency = graph.threshold(correlations(60), 0.1)
    ours = [graph.clustering(nulls.lattice(adjacency, seed=seed)).mean() for seed in range(8)]
    theirs = [
        graph.clustering(bct.latmio_und(adjacency.astype(float), 60, seed=seed)[0]).mean()
        for seed in range(4)
    ]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.05)
    few = graph.clustering(bct.latmio_und(adjacency.astype(float), 5, seed=0)[0]).mean()
    assert few < graph.clustering(adjacency).mean() < np.mean(ours)
    with pytest.raises(ValueError, match="attempts_per_edge is at least 0, got -1"):
        nulls.lattice(adjacency, attempts_per_edge=-1, seed=0)


def test_omega_is_what_its_paper_says_with_harmonic_paths():
    adjacency = graph.threshold(correlations(60), 0.15)
    found = graph.small_world(adjacency, n_nulls=5, seed=3, omega=True)
    lattices = [
        nulls.lattice(adjacency, seed=child(child(3, 1 << 62), index)) for index in range(4)
    ]
    clustered = np.mean([graph.clustering(each).mean() for each in lattices])
    expected = found.null_path_length / found.path_length - found.clustering / clustered
    assert found.omega == pytest.approx(expected, rel=1e-12)
    plain = graph.small_world(adjacency, n_nulls=5, seed=3)
    assert np.isnan(plain.omega)
    assert (plain.sigma, plain.null_clustering_sd) == (found.sigma, found.null_clustering_sd)
    threaded = graph.small_world(adjacency, n_nulls=5, seed=3, omega=True, n_threads=3)
    assert threaded == found


def test_omega_tells_lattices_small_worlds_and_random_graphs_apart():
    ring = ring_lattice(200, 10)
    small = adjacency_of(nx.watts_strogatz_graph(200, 10, 0.15, seed=1))
    lattice, between, random = (
        graph.small_world(each, n_nulls=10, seed=1, omega=True).omega
        for each in (ring, small, random_graph(200, 0.05, 1))
    )
    assert lattice < -0.4
    assert -0.35 < between < 0.35
    assert random > 0.8


def clustered_and_far(weights: np.ndarray) -> tuple[float, float]:
    """Mean clustering and path length of a weighted graph."""
    return float(graph.clustering(weights).mean()), graph.characteristic_path_length(weights)


def test_weighted_nulls_are_those_of_bctpy():
    weights = graph.threshold(correlations(40, 2), 0.2, binary=False, keep_tree=True)
    ours = np.array(
        [clustered_and_far(nulls.rewire_weighted(weights, seed=seed)) for seed in range(120)]
    )
    theirs = np.array(
        [clustered_and_far(bct.randmio_und(weights, 15, seed=seed)[0]) for seed in range(40)]
    )
    assert (ttest_ind(ours, theirs, equal_var=False).pvalue > 1e-3).all()
    # Both forget what the graph itself has.
    assert clustered_and_far(weights)[0] > theirs[:, 0].max()


def test_signed_nulls_are_those_of_bctpy():
    # Two groups, positive within and negative between.
    sides = np.repeat([1.0, -1.0], 10)
    weights = np.outer(sides, sides) + np.random.default_rng(0).normal(0, 0.5, (20, 20))
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    weights[np.abs(weights) < 0.6] = 0

    def closed(null: np.ndarray) -> list[float]:
        return [graph.transitivity(null > 0), graph.transitivity(null < 0)]

    ours = np.array([closed(nulls.rewire_weighted(weights, seed=s)) for s in range(120)])
    theirs = np.array([closed(bct.randmio_und_signed(weights, 10, seed=s)[0]) for s in range(40)])
    assert (ttest_ind(ours, theirs, equal_var=False).pvalue > 1e-3).all()
    assert closed(weights)[0] > ours[:, 0].max()
    assert closed(weights)[1] < ours[:, 1].min()


def test_strengths_come_nearer_than_those_of_bctpy_at_its_most_precise():
    weights = graph.threshold(correlations(40, 4), 0.2, binary=False, keep_tree=True)
    strengths = weights.sum(1)
    theirs, _ = bct.null_model_und_sign(weights, 10, 1, seed=0)
    ours = nulls.rewire_weighted(weights, seed=0, preserve="strengths")
    off = np.abs(ours.sum(1) - strengths).max()
    assert 10 * off < np.abs(theirs.sum(1) - strengths).max()

"""Thresholding, counting and clustering."""

from __future__ import annotations

import math

import bct
import networkx as nx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphs import ODD, adjacencies, adjacency_of, random_graph, ring_lattice
from lumbago.measures import graph
from lumbago.measures.graph.bits import from_bits, to_bits

SIZES = (1, 2, 63, 64, 65, 128, 130)


def associations(n_nodes: int, seed: int = 0) -> np.ndarray:
    """A symmetric matrix of both signs, 1 on the diagonal."""
    return np.corrcoef(np.random.default_rng(seed).standard_normal((n_nodes, 30)))


# Thresholding


@given(
    st.integers(2, 40),
    st.floats(0, 1),
    st.sampled_from(["absolute", "both"]),
    st.integers(0, 999),
)
@settings(deadline=None)
def test_a_density_is_met_to_the_edge_by_the_strongest(n_nodes, density, sign, seed):
    matrix = associations(n_nodes, seed)
    before = matrix.copy()
    found = graph.threshold(matrix, density, sign=sign)
    np.testing.assert_array_equal(matrix, before)
    upper = np.triu_indices(n_nodes, 1)
    n_edges = math.floor(density * len(upper[0]) + 0.5)
    np.testing.assert_array_equal(found, found.T)
    assert found.dtype == bool
    assert found[upper].sum() == n_edges
    assert not found.diagonal().any()
    size = np.abs(matrix[upper])
    if 0 < n_edges < len(size):
        assert size[found[upper]].min() >= size[~found[upper]].max()


def test_ties_go_to_the_first_pairs_of_the_upper_triangle():
    matrix = np.full((5, 5), 0.5)
    np.testing.assert_array_equal(
        np.argwhere(np.triu(graph.threshold(matrix, 0.5))), [[0, 1], [0, 2], [0, 3], [0, 4], [1, 2]]
    )
    matrix[3, 4] = matrix[4, 3] = 0.6
    assert graph.threshold(matrix, 0.1)[3, 4]


def test_signs_say_which_values_are_edges_and_what_they_weigh():
    matrix = np.array([[1, 0.2, -0.9], [0.2, 1, 0.4], [-0.9, 0.4, 1]])
    weights = {
        sign: graph.threshold(matrix, 2 / 3, sign=sign, binary=False)[np.triu_indices(3, 1)]
        for sign in ("positive", "absolute", "both")
    }
    np.testing.assert_array_equal(weights["positive"], [0.2, 0, 0.4])
    np.testing.assert_array_equal(weights["absolute"], [0, 0.9, 0.4])
    np.testing.assert_array_equal(weights["both"], [0, -0.9, 0.4])


def test_a_density_without_enough_edges_is_refused_where_bctpy_takes_negative_ones():
    matrix = np.array([[1, 0.2, -0.9], [0.2, 1, -0.4], [-0.9, -0.4, 1]])
    assert (bct.threshold_proportional(matrix - np.eye(3), 1.0) < 0).any()
    with pytest.raises(ValueError, match=r"asks for 2 edges, but only 1 of 3 pairs have a posit"):
        graph.threshold(matrix, 2 / 3)


@given(st.integers(3, 30), st.integers(0, 999))
@settings(deadline=None)
def test_the_tree_that_is_kept_is_the_maximum_spanning_tree(n_nodes, seed):
    matrix = associations(n_nodes, seed)
    density = 2 / n_nodes  # as many edges as the tree has
    found = graph.threshold(matrix, density, sign="absolute", binary=False, keep_tree=True)
    tree = nx.maximum_spanning_tree(nx.from_numpy_array(np.abs(matrix) * (1 - np.eye(n_nodes))))
    np.testing.assert_allclose(found, nx.to_numpy_array(tree, nodelist=range(n_nodes)))
    more = graph.threshold(matrix, min(3 / n_nodes, 1), sign="absolute", keep_tree=True)
    assert len(graph.component_sizes(more)) == 1
    assert more[found != 0].all()


def test_a_tree_that_does_not_fit_or_does_not_exist_is_refused():
    matrix = associations(20)
    with pytest.raises(ValueError, match="asks for 10 edges, a spanning tree of 20 nodes has 19"):
        graph.threshold(matrix, 10 / 190, sign="absolute", keep_tree=True)
    halves = np.kron(np.eye(2), np.ones((5, 5)))
    with pytest.raises(ValueError, match="in 2 components"):
        graph.threshold(halves, 0.4, keep_tree=True)


def test_values_and_ranges_of_values():
    matrix = np.array([[0, 0.2, -0.9], [0.2, 0, 0.4], [-0.9, 0.4, 0]])
    upper = np.triu_indices(3, 1)
    assert graph.threshold_absolute(matrix, 0.2)[upper].tolist() == [False, False, True]
    assert graph.threshold_absolute(matrix, 0, sign="both")[upper].all()
    low = graph.threshold_range(matrix, 0.2, 0.4, sign="absolute")
    high = graph.threshold_range(matrix, 0.4, 1, sign="absolute")
    assert (low.sum(), high.sum()) == (2, 2)
    np.testing.assert_array_equal(low | high, graph.threshold_absolute(matrix, 0.2, sign="both"))
    with pytest.raises(ValueError, match=r"0 <= low < high, got 0\.5 and 0\.4"):
        graph.threshold_range(matrix, 0.5, 0.4)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: m[:3], r"square matrix .* got \(3, 5\)"),
        (lambda m: np.where(np.eye(5)[[1, 0, 2, 3, 4]] == 1, np.nan, m), "drop the nodes without"),
        (lambda m: m + np.triu(np.ones((5, 5)), 1), "expected a symmetric matrix"),
        (lambda m: m.astype(complex), "real numbers, got complex128"),
    ],
)
def test_matrices_that_are_none_are_refused(damage, message):
    with pytest.raises(ValueError, match=message):
        graph.threshold(damage(associations(5)), 0.2)
    with pytest.raises(ValueError, match=r"density is in \[0, 1\], got 1.2"):
        graph.threshold(associations(5), 1.2)
    with pytest.raises(ValueError, match="sign is 'positive', 'absolute' or 'both', got 'neg"):
        graph.threshold(associations(5), 0.2, sign="negative")


def test_the_rounding_of_corrcoef_and_an_infinite_diagonal_do_not_matter():
    matrix = np.arctanh(associations(30).clip(-0.99, 0.99))
    expected = graph.threshold(matrix, 0.2)
    np.fill_diagonal(matrix, np.inf)
    matrix[np.tril_indices(30, -1)] += 1e-9
    np.testing.assert_array_equal(graph.threshold(matrix, 0.2), expected)


# Graphs


@pytest.mark.parametrize("name", ["clustering", "transitivity", "global_efficiency",
                                  "nodal_efficiency", "local_efficiency", "betweenness",
                                  "characteristic_path_length"])  # fmt: skip
def test_what_is_no_graph_is_refused(name):
    measure = getattr(graph, name)
    adjacency = random_graph(5, 0.5, 0)
    with pytest.raises(ValueError, match=f"^{name}: expected weights of at least 0, got -0.3; "):
        measure(adjacency * -0.3)
    with pytest.raises(ValueError, match=f"^{name}: node 2 has an edge to itself"):
        measure(adjacency | (np.arange(5) == 2) & np.eye(5, dtype=bool))
    with pytest.raises(ValueError, match=f"^{name}: expected a symmetric adjacency"):
        measure(np.triu(np.ones((5, 5)), 1))
    with pytest.raises(ValueError, match=f"^{name}: the adjacency holds values that are not fin"):
        measure(np.where(adjacency, np.nan, 0.0))


@pytest.mark.parametrize("n_nodes", SIZES)
def test_bits_give_the_graph_back(n_nodes):
    adjacency = random_graph(n_nodes, 0.4, 1)
    np.testing.assert_array_equal(from_bits(to_bits(adjacency)), adjacency)
    assert to_bits(adjacency).shape == (n_nodes, -(-n_nodes // 64))


@given(adjacencies())
@settings(deadline=None)
def test_counts_are_those_of_networkx(adjacency):
    peer = nx.from_numpy_array(adjacency)
    assert graph.degree(adjacency).tolist() == [d for _, d in peer.degree]
    assert graph.density(adjacency) == pytest.approx(nx.density(peer), abs=1e-12)
    parts = sorted((len(c) for c in nx.connected_components(peer)), reverse=True)
    assert graph.component_sizes(adjacency).tolist() == parts
    with pytest.raises(ValueError, match=r"^component_sizes: expected a symmetric adjacency"):
        graph.component_sizes(np.triu(np.ones((3, 3)), 1))
    labels = graph.component_labels(adjacency)
    for part in nx.connected_components(peer):
        assert len({labels[i] for i in part}) == 1
    assert np.all(np.diff(np.unique(labels, return_index=True)[1]) > 0)


@given(adjacencies())
@example(random_graph(64, 0.5, 0))
@example(random_graph(65, 0.5, 0))
@example(random_graph(130, 0.2, 0))
@settings(deadline=None)
def test_clustering_is_that_of_bctpy_and_networkx(adjacency):
    peer = nx.from_numpy_array(adjacency)
    found = graph.clustering(adjacency)
    np.testing.assert_allclose(found, list(nx.clustering(peer).values()), atol=1e-12)
    np.testing.assert_allclose(found, bct.clustering_coef_bu(adjacency.astype(float)), atol=1e-12)
    assert graph.transitivity(adjacency) == pytest.approx(nx.transitivity(peer), abs=1e-12)


def test_closed_forms_of_clustering():
    np.testing.assert_array_equal(graph.clustering(adjacency_of(ODD["complete"](9))), 1)
    np.testing.assert_array_equal(graph.clustering(adjacency_of(ODD["star"](9))), 0)
    for k in (2, 4, 8):
        # 3 (k - 2) / 4 (k - 1), Watts & Strogatz' ring lattice
        np.testing.assert_allclose(
            graph.clustering(ring_lattice(40, k)), 3 * (k - 2) / (4 * (k - 1)), atol=1e-15
        )
    # One pair of three closed by a pendant's neighbour: C differs from the transitivity.
    pan = adjacency_of(nx.Graph([(0, 1), (1, 2), (0, 2), (2, 3)]))
    np.testing.assert_allclose(graph.clustering(pan), [1, 1, 1 / 3, 0])
    assert graph.transitivity(pan) == 3 / 5

"""Who is central, who is joined to whom, what falls into step; hubs; networkx and back."""

from __future__ import annotations

import bct
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs import adjacencies, adjacency_of, random_graph, ring_lattice, weighted
from lumbago.measures import graph, nulls
from lumbago.measures.graph.small_worldness import child

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def by_node(values):
    return np.array([values[node] for node in sorted(values)])


# Eigenvectors


@given(weighted())
@settings(deadline=None)
def test_eigenvector_centrality_is_an_eigenvector_of_the_largest_eigenvalue(weights):
    found = graph.eigenvector_centrality(weights)
    largest = np.linalg.eigvalsh(weights)[-1]
    assert np.linalg.norm(found) == pytest.approx(1)
    assert found.min() >= 0
    np.testing.assert_allclose(weights @ found, largest * found, atol=1e-8 * max(largest, 1))


@pytest.mark.parametrize("seed", range(5))
def test_eigenvector_centrality_of_connected_graphs_is_networkx_s_and_bctpy_s(seed):
    adjacency = random_graph(40, 0.3, seed) * 1.0
    found = graph.eigenvector_centrality(adjacency)
    np.testing.assert_allclose(found, bct.eigenvector_centrality_und(adjacency), **EXACT)
    theirs = nx.eigenvector_centrality(nx.from_numpy_array(adjacency), max_iter=9999, tol=1e-14)
    np.testing.assert_allclose(found, by_node(theirs), **EXACT)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (nx.empty_graph(4), [1 / 2] * 4),
        (nx.complete_graph(9), [1 / 3] * 9),
        (nx.star_graph(4), [np.sqrt(1 / 2)] + [np.sqrt(1 / 8)] * 4),  # bipartite
        (nx.disjoint_union(nx.complete_graph(3), nx.complete_graph(2)),
         [np.sqrt(1 / 3)] * 3 + [0] * 2),
        (nx.disjoint_union(nx.complete_graph(2), nx.complete_graph(2)), [1 / 2] * 4),
    ],
)  # fmt: skip
def test_eigenvector_centrality_in_closed_form_and_where_graphs_are_disconnected(made, expected):
    np.testing.assert_allclose(graph.eigenvector_centrality(adjacency_of(made)), expected,
                               atol=1e-12)  # fmt: skip


@given(weighted(), st.sampled_from([0.0, 0.5, 0.85, 0.99]))
@settings(deadline=None)
def test_pagerank_is_networkx_s_and_bctpy_s(weights, damping):
    found = graph.pagerank(weights, damping=damping)
    assert found.sum() == pytest.approx(1)
    theirs = nx.pagerank(nx.from_numpy_array(weights), alpha=damping, tol=1e-14, max_iter=99999)
    np.testing.assert_allclose(found, by_node(theirs), atol=1e-9)
    theirs = bct.pagerank_centrality(weights, damping)
    np.testing.assert_allclose(found, np.ravel(theirs), **EXACT)


def test_pagerank_refuses_a_walker_that_never_jumps():
    with pytest.raises(ValueError, match=r"pagerank: damping is in \[0, 1\), got 1"):
        graph.pagerank(random_graph(5, 0.5, 0), damping=1)


@given(weighted())
@settings(deadline=None)
def test_synchronizability_is_the_ratio_of_networkx_s_laplacian(weights):
    values = np.linalg.eigvalsh(
        nx.laplacian_matrix(nx.from_numpy_array(weights)).toarray().astype(float)
    )
    expected = values[1] / values[-1] if nx.is_connected(nx.from_numpy_array(weights)) else 0
    assert graph.synchronizability(weights) == pytest.approx(expected, abs=1e-10)


def test_synchronizability_in_closed_form():
    assert graph.synchronizability(~np.eye(7, dtype=bool)) == pytest.approx(1)
    assert graph.synchronizability(adjacency_of(nx.star_graph(6))) == pytest.approx(1 / 7)
    ring = 2 - 2 * np.cos(2 * np.pi / 8)
    assert graph.synchronizability(ring_lattice(8, 2)) == pytest.approx(ring / 4)
    assert graph.synchronizability(np.zeros((3, 3))) == 0
    assert np.isnan(graph.synchronizability(np.zeros((1, 1))))


# Mixing


@given(weighted())
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_assortativity_is_a_correlation_over_edges(weights):
    found = graph.assortativity(weights)
    rows, columns = np.nonzero(weights)
    strengths = weights.sum(axis=1)
    if len(rows) == 0 or np.ptp(strengths[rows]) < 1e-9:
        assert np.isnan(found)
        return
    assert found == pytest.approx(np.corrcoef(strengths[rows], strengths[columns])[0, 1], abs=1e-9)
    assert found == pytest.approx(bct.assortativity_wei(weights), abs=1e-9)
    binary = weights > 0
    if np.ptp(binary.sum(axis=1)[rows]):
        theirs = nx.degree_assortativity_coefficient(nx.from_numpy_array(binary))
        assert graph.assortativity(binary) == pytest.approx(theirs, abs=1e-9)


def test_assortativity_in_closed_form():
    assert graph.assortativity(adjacency_of(nx.star_graph(5))) == pytest.approx(-1)
    assert np.isnan(graph.assortativity(ring_lattice(9, 2) * 0.3))
    assert np.isnan(graph.assortativity(np.zeros((3, 3))))


@pytest.mark.parametrize("seed", range(3))
def test_weighted_assortativity_is_networkx_s_too(seed):
    weights = np.triu(np.random.default_rng(seed).random((15, 15)), 1) * random_graph(15, 0.5, seed)
    weights += weights.T
    theirs = nx.degree_assortativity_coefficient(nx.from_numpy_array(weights), weight="weight")
    assert graph.assortativity(weights) == pytest.approx(theirs, abs=1e-10)


@given(adjacencies())
@settings(deadline=None)
def test_coreness_is_networkx_s_and_bctpy_s(adjacency):
    found = graph.coreness(adjacency)
    np.testing.assert_array_equal(found, by_node(nx.core_number(nx.from_numpy_array(adjacency))))
    if len(adjacency) < 20:
        theirs = bct.kcoreness_centrality_bu(adjacency.astype(float))[0]
        np.testing.assert_array_equal(found, theirs)
    np.testing.assert_array_equal(found, graph.coreness(adjacency * 0.5))


@given(adjacencies(most_nodes=30))
@settings(deadline=None, max_examples=40)
def test_the_rich_club_is_networkx_s_and_bctpy_s(adjacency):
    found = graph.rich_club(adjacency, n_nulls=1, seed=0)
    theirs = nx.rich_club_coefficient(nx.from_numpy_array(adjacency), normalized=False)
    assert len(found.k) == adjacency.sum(axis=1).max()
    for k, density, n_nodes in zip(found.k, found.density, found.n_nodes, strict=True):
        assert n_nodes == (adjacency.sum(axis=1) > k).sum()
        if n_nodes < 2:
            assert np.isnan(density)
        else:
            assert density == pytest.approx(theirs[k])
    if len(found.k) > 1:
        with np.errstate(invalid="ignore"):
            level = bct.rich_club_bu(adjacency.astype(float))[0]
        np.testing.assert_allclose(found.density[1:], level[:-1], **EXACT)


def test_a_rich_club_stands_out_against_graphs_of_the_same_degrees():
    adjacency = random_graph(60, 0.15, 0)
    adjacency[:8, :8] = ~np.eye(8, dtype=bool)
    found = graph.rich_club(adjacency, n_nulls=50, seed=3)
    k = 12
    assert found.normalized[k] > 1.3
    assert found.p[k] == 1 / 51
    null = [
        graph.rich_club(nulls.rewire(adjacency, seed=child(3, i)), n_nulls=1, seed=0).density
        for i in range(50)
    ]
    np.testing.assert_allclose(found.null_density, np.mean(null, axis=0))
    again = graph.rich_club(adjacency, n_nulls=50, seed=3, n_threads=1)
    np.testing.assert_array_equal(again.normalized, found.normalized)


def test_a_rich_club_without_other_graphs_of_its_degrees_is_that_of_its_nulls():
    found = graph.rich_club(~np.eye(6, dtype=bool), n_nulls=3, seed=0)
    np.testing.assert_array_equal(found.normalized, 1)
    np.testing.assert_array_equal(found.p, 1)
    with pytest.raises(ValueError, match="rich_club: n_nulls is a whole number"):
        graph.rich_club(~np.eye(6, dtype=bool), n_nulls=0, seed=0)
    with pytest.raises(ValueError, match="rich_club: expected a binary adjacency"):
        graph.rich_club((1 - np.eye(6)) * 0.5, n_nulls=1, seed=0)


# Hubs


def test_the_centres_of_stars_are_hubs_and_a_ring_has_none():
    stars = nx.disjoint_union(nx.star_graph(7), nx.star_graph(7))
    stars.add_edge(0, 8)
    found = graph.hubs(adjacency_of(stars), share=0.125)
    np.testing.assert_array_equal(np.flatnonzero(found.is_hub), [0, 8])
    np.testing.assert_array_equal(found.score[[0, 8]], 3)  # clustering is 0 everywhere
    assert not found.criteria["clustering"].any()
    assert not graph.hubs(ring_lattice(20, 4)).score.any()


@given(weighted())
@settings(deadline=None)
def test_no_criterion_is_met_by_more_nodes_than_asked_for_and_order_does_not_matter(weights):
    found = graph.hubs(weights)
    for met in found.criteria.values():
        assert met.sum() <= round(0.2 * len(weights))
    order = np.random.default_rng(0).permutation(len(weights))
    np.testing.assert_array_equal(graph.hubs(weights[np.ix_(order, order)]).score,
                                  found.score[order])  # fmt: skip


def test_hubs_refuse_shares_and_numbers_that_mean_nothing():
    with pytest.raises(ValueError, match=r"hubs: share is in \[0, 1\], got 20"):
        graph.hubs(random_graph(9, 0.5, 0), share=20)
    with pytest.raises(ValueError, match="hubs: agree is 1, 2, 3 or 4, got 5"):
        graph.hubs(random_graph(9, 0.5, 0), agree=5)


# networkx


@given(weighted(signed=True), st.booleans())
@settings(deadline=None)
def test_a_graph_comes_back_from_networkx(weights, binary):
    adjacency = weights != 0 if binary else weights
    names = [f"region {i}" for i in range(len(weights))]
    made = graph.to_networkx(adjacency, names)
    assert list(made) == names
    found, order = graph.from_networkx(made)
    assert order == names
    np.testing.assert_array_equal(found, adjacency)
    backwards, order = graph.from_networkx(made, names=names[::-1])
    np.testing.assert_array_equal(backwards, adjacency[::-1, ::-1])
    np.testing.assert_array_equal(graph.from_networkx(made, weight=None)[0], weights != 0)
    np.testing.assert_array_equal(nx.to_numpy_array(made), adjacency)


def test_what_is_no_graph_does_not_come_from_networkx():
    with pytest.raises(ValueError, match=r"expected an undirected graph .* got a DiGraph"):
        graph.from_networkx(nx.DiGraph())
    loop = nx.path_graph(3)
    loop.add_edge(1, 1)
    with pytest.raises(ValueError, match="from_networkx: expected a networkx graph, got ndarray"):
        graph.from_networkx(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="from_networkx: node 1 has an edge to itself"):
        graph.from_networkx(loop)
    for value in (0, float("nan"), "strong", None):
        edge = nx.Graph([("a", "b", {"weight": value})])
        with pytest.raises(ValueError, match=f"edge 'a' - 'b' has {value!r} as its weight"):
            graph.from_networkx(edge)
    with pytest.raises(ValueError, match="names are all nodes of the graph, each once"):
        graph.from_networkx(nx.path_graph(3), names=[0, 1, 1])
    with pytest.raises(ValueError, match=r"to_networkx: expected 3 different names, .* got 3"):
        graph.to_networkx(np.zeros((3, 3)), ["a", "b", "a"])


@pytest.mark.parametrize("name", ["eigenvector_centrality", "pagerank", "synchronizability",
                                  "assortativity", "hubs"])  # fmt: skip
def test_negative_weights_are_refused(name):
    with pytest.raises(ValueError, match=f"^{name}: expected weights of at least 0, got -0.5; "):
        getattr(graph, name)(random_graph(6, 0.5, 0) * -0.5)


@pytest.mark.parametrize(
    "adjacency", [np.zeros((1, 1)), np.zeros((3, 3)), np.array([[0, 0.5], [0.5, 0]])]
)
def test_the_smallest_graphs_have_values_or_nan(adjacency):
    n = len(adjacency)
    empty = not adjacency.any()
    np.testing.assert_allclose(graph.pagerank(adjacency), 1 / n)
    np.testing.assert_allclose(graph.eigenvector_centrality(adjacency), 1 / np.sqrt(n))
    assert not graph.hubs(adjacency).score.any()
    assert graph.coreness(adjacency).tolist() == [0 if empty else 1] * n
    assert np.isnan(graph.assortativity(adjacency))
    assert not graph.signed_clustering(adjacency).any()
    assert graph.local_efficiency(adjacency).tolist() == [0] * n
    assert np.isnan(graph.modularity(adjacency, seed=0).quality) == empty
    assert graph.modularity(adjacency, seed=0).n_modules == (n if empty else 1)
    assert len(graph.rich_club(adjacency > 0, n_nulls=1, seed=0).k) == (0 if empty else 1)

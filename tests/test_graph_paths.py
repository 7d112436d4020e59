"""Path lengths, efficiencies, betweenness."""

from __future__ import annotations

import bct
import networkx as nx
import numpy as np
import pytest
from hypothesis import example, given, settings
from scipy.sparse.csgraph import shortest_path

from graphs import ODD, adjacencies, adjacency_of, random_graph, ring_lattice
from lumbago.measures import graph

WORDS = [random_graph(n, s, 3) for n, s in [(63, 0.3), (64, 0.05), (65, 0.6), (130, 0.02)]]


@given(adjacencies())
@example(WORDS[0])
@example(WORDS[1])
@example(WORDS[2])
@example(WORDS[3])
@settings(deadline=None)
def test_distances_are_those_of_scipy_bctpy_and_networkx(adjacency):
    n = len(adjacency)
    with np.errstate(divide="ignore"):
        inverse = 1 / (shortest_path(adjacency, unweighted=True) + np.diag(np.full(n, np.inf)))
    found = graph.global_efficiency(adjacency)
    assert found == pytest.approx(inverse.sum() / (n * (n - 1)), abs=1e-12)
    assert found == pytest.approx(bct.efficiency_bin(adjacency.astype(float)), abs=1e-12)
    peer = nx.from_numpy_array(adjacency)
    assert found == pytest.approx(nx.global_efficiency(peer), abs=1e-12)
    nodal = graph.nodal_efficiency(adjacency)
    np.testing.assert_allclose(nodal, inverse.sum(axis=1) / (n - 1), atol=1e-12)
    harmonic = graph.characteristic_path_length(adjacency)
    if found:
        assert harmonic * found == pytest.approx(1, abs=1e-12)
    else:
        assert harmonic == np.inf


@given(adjacencies())
@settings(deadline=None)
def test_the_arithmetic_mean_names_what_it_does_with_what_is_apart(adjacency):
    peer = nx.from_numpy_array(adjacency)
    distances = bct.distance_bin(adjacency.astype(float))
    if nx.is_connected(peer):
        for disconnected in ("infinite", "reachable", "largest"):
            found = graph.characteristic_path_length(adjacency, False, disconnected=disconnected)
            assert found == pytest.approx(nx.average_shortest_path_length(peer), abs=1e-12)
        return
    assert graph.characteristic_path_length(adjacency, False) == np.inf
    assert np.isinf(bct.charpath(distances)[0])
    reachable = graph.characteristic_path_length(adjacency, False, disconnected="reachable")
    if adjacency.any():
        theirs = bct.charpath(distances, include_infinite=False)[0]
        assert reachable == pytest.approx(theirs, abs=1e-12)
    else:
        assert np.isnan(reachable)
    largest = max(nx.connected_components(peer), key=lambda c: (len(c), -min(c)))
    found = graph.characteristic_path_length(adjacency, False, disconnected="largest")
    if len(largest) > 1:
        expected = nx.average_shortest_path_length(peer.subgraph(largest))
        assert found == pytest.approx(expected, abs=1e-12)
    else:
        assert np.isnan(found)


def test_choices_without_effect_are_refused():
    adjacency = random_graph(9, 0.5, 0)
    with pytest.raises(ValueError, match="the harmonic mean is over all pairs"):
        graph.characteristic_path_length(adjacency, disconnected="largest")
    with pytest.raises(ValueError, match="'reachable' or 'largest', got 'drop'"):
        graph.characteristic_path_length(adjacency, False, disconnected="drop")
    with pytest.raises(ValueError, match="n_threads is at least 1 or None, got 0"):
        graph.global_efficiency(adjacency, n_threads=0)


@given(adjacencies(30))
@example(WORDS[0])
@example(WORDS[1])
@example(WORDS[2])
@example(WORDS[3])
@settings(deadline=None, max_examples=60)
def test_local_efficiency_is_that_of_bctpy_and_networkx(adjacency):
    found = graph.local_efficiency(adjacency)
    theirs = bct.efficiency_bin(adjacency.astype(float), local=True)
    np.testing.assert_allclose(found, theirs, atol=1e-12)
    peer = nx.from_numpy_array(adjacency)
    assert found.mean() == pytest.approx(nx.local_efficiency(peer), abs=1e-12)


@given(adjacencies())
@example(WORDS[0])
@example(WORDS[1])
@example(WORDS[2])
@example(WORDS[3])
@example(adjacency_of(nx.lollipop_graph(60, 7)))
@example(adjacency_of(nx.barbell_graph(35, 3)))
@settings(deadline=None)
def test_betweenness_is_that_of_networkx_and_bctpy(adjacency):
    n = len(adjacency)
    found = graph.betweenness(adjacency)
    theirs = nx.betweenness_centrality(nx.from_numpy_array(adjacency))
    np.testing.assert_allclose(found, list(theirs.values()), atol=1e-12)
    pairs = bct.betweenness_bin(adjacency.astype(float))
    np.testing.assert_allclose(found * (n - 1) * (n - 2), pairs, atol=1e-8)


@pytest.mark.parametrize("n_nodes", [2, 5, 64, 100])
def test_closed_forms_of_the_complete_graph_and_the_star(n_nodes):
    complete = adjacency_of(ODD["complete"](n_nodes))
    assert graph.characteristic_path_length(complete) == 1
    assert graph.characteristic_path_length(complete, harmonic=False) == 1
    assert graph.global_efficiency(complete) == 1
    np.testing.assert_array_equal(graph.local_efficiency(complete), float(n_nodes > 2))
    np.testing.assert_array_equal(graph.betweenness(complete), 0)
    star = adjacency_of(ODD["star"](n_nodes))
    np.testing.assert_array_equal(
        graph.betweenness(star), [float(n_nodes > 2), *[0] * (n_nodes - 1)]
    )
    mean = (2 * (n_nodes - 1) + 2 * (n_nodes - 1) * (n_nodes - 2)) / (n_nodes * (n_nodes - 1))
    assert graph.characteristic_path_length(star, False) == pytest.approx(mean)


def test_closed_forms_of_a_ring():
    # Two nodes at every distance of 1 .. (n - 1) / 2.
    n, reach = 41, np.arange(1, 21)
    ring = adjacency_of(ODD["ring"](n))
    assert graph.characteristic_path_length(ring, False) == pytest.approx(reach.mean())
    np.testing.assert_allclose(graph.nodal_efficiency(ring), (1 / reach).mean())
    # All shortest paths of an odd ring are unique: of d steps each passes d - 1 nodes.
    passed = (reach - 1).sum() * n / n / ((n - 1) * (n - 2) / 2)
    np.testing.assert_allclose(graph.betweenness(ring), passed)
    lattice = ring_lattice(41, 8)
    steps = np.ceil(reach / 4)
    assert graph.characteristic_path_length(lattice, False) == pytest.approx(steps.mean())


@pytest.mark.parametrize(
    "name",
    [
        "characteristic_path_length",
        "global_efficiency",
        "nodal_efficiency",
        "local_efficiency",
        "betweenness",
    ],
)
def test_threads_change_no_bit(name):
    adjacency = random_graph(300, 0.03, 5)
    one = getattr(graph, name)(adjacency, n_threads=1)
    for n_threads in (2, 5):
        np.testing.assert_array_equal(getattr(graph, name)(adjacency, n_threads=n_threads), one)


def test_a_single_node_has_no_paths():
    alone = np.zeros((1, 1), bool)
    assert np.isnan(graph.characteristic_path_length(alone))
    assert np.isnan(graph.global_efficiency(alone))
    assert np.isnan(graph.nodal_efficiency(alone)).all()
    assert graph.local_efficiency(alone).tolist() == [0]
    assert graph.betweenness(alone).tolist() == [0]

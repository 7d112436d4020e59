"""Small-worldness, sweeps over densities and their areas."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from graphs import ODD, adjacency_of, random_graph, ring_lattice
from lumbago.measures import graph, nulls
from lumbago.measures.graph.catalogue import AGAINST_NULLS, MEASURES
from lumbago.measures.graph.small_worldness import child
from lumbago.measures.graph.sweeps import density_seed


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    """Correlations of 45 signals around three sources: some are negative."""
    rng = np.random.default_rng(7)
    sources = rng.standard_normal((3, 100))
    signals = np.repeat(sources, 15, axis=0) + 1.5 * rng.standard_normal((45, 100))
    return np.corrcoef(signals)


def test_random_graphs_are_no_small_worlds():
    found = [
        graph.small_world(random_graph(150, 0.1, seed), n_nulls=20, seed=seed).sigma
        for seed in range(12)
    ]
    assert np.mean(found) == pytest.approx(1, abs=3 * np.std(found, ddof=1) / np.sqrt(12) + 0.01)
    assert np.std(found) < 0.1


def test_a_rewired_ring_is_one():
    small = adjacency_of(nx.watts_strogatz_graph(200, 10, 0.1, seed=1))
    found = graph.small_world(small, n_nulls=20, seed=1)
    assert found.gamma > 5
    assert 1 < found.lambda_ < 1.5
    assert found.sigma == found.gamma / found.lambda_
    assert found.swaps_per_edge == pytest.approx(10, rel=0.05)
    lattice = graph.small_world(ring_lattice(200, 10), n_nulls=20, seed=1)
    assert lattice.lambda_ > 2


def test_small_worldness_is_the_ratio_to_the_mean_of_its_nulls():
    adjacency = random_graph(60, 0.2, 3)
    drawn = [nulls.rewire(adjacency, swaps_per_edge=3, seed=child(8, i)) for i in range(5)]
    spawned = np.random.SeedSequence(8).spawn(5)
    np.testing.assert_array_equal(nulls.rewire(adjacency, swaps_per_edge=3, seed=spawned[4]),
                                  drawn[4])  # fmt: skip
    found = graph.small_world(adjacency, n_nulls=5, swaps_per_edge=3, seed=8)
    clustering = [graph.clustering(null).mean() for null in drawn]
    lengths = [graph.characteristic_path_length(null) for null in drawn]
    assert found.null_clustering == pytest.approx(np.mean(clustering), rel=1e-12)
    assert found.null_path_length_sd == pytest.approx(np.std(lengths, ddof=1), rel=1e-9)
    assert found.gamma == pytest.approx(graph.clustering(adjacency).mean() / np.mean(clustering))
    own = graph.characteristic_path_length(adjacency)
    assert found.lambda_ == pytest.approx(own / np.mean(lengths))
    for n_threads in (1, 3):
        again = graph.small_world(
            adjacency, n_nulls=5, swaps_per_edge=3, seed=8, n_threads=n_threads
        )
        assert again == found


def test_a_disconnected_graph_has_one_where_networkx_has_none():
    halves = np.kron(np.eye(2), random_graph(15, 0.4, 1)) > 0
    with pytest.raises(nx.NetworkXError):
        nx.sigma(nx.from_numpy_array(halves), niter=1, nrand=1)
    found = graph.small_world(halves, n_nulls=10, seed=0)
    assert np.isfinite([found.gamma, found.lambda_, found.sigma]).all()
    assert found.gamma > 1


def test_what_has_no_small_worldness_is_nan():
    empty = graph.small_world(np.zeros((9, 9), bool), n_nulls=3, seed=0)
    assert np.isnan([empty.gamma, empty.lambda_, empty.sigma]).all()
    assert empty.path_length == np.inf
    star = graph.small_world(adjacency_of(ODD["star"](9)), n_nulls=3, seed=0)
    assert np.isnan([star.gamma, star.sigma]).all()
    assert star.lambda_ == pytest.approx(1, abs=1e-12)
    assert star.swaps_per_edge == 0
    complete = graph.small_world(adjacency_of(ODD["complete"](9)), n_nulls=3, seed=0)
    assert [complete.gamma, complete.lambda_, complete.sigma] == pytest.approx([1] * 3, abs=1e-12)
    with pytest.raises(ValueError, match="n_nulls is a whole number of at least 1, got 0"):
        graph.small_world(np.zeros((9, 9), bool), n_nulls=0, seed=0)


def test_a_sweep_is_every_measure_of_every_threshold(matrix):
    before = matrix.copy()
    densities = [0.1, 0.2, 0.4]
    found = graph.sweep(matrix, densities, n_nulls=4, swaps_per_edge=2, seed=5)
    np.testing.assert_array_equal(matrix, before)
    assert set(found.values) == {*MEASURES, *AGAINST_NULLS}
    assert not found.reasons
    for row, density in enumerate(densities):
        adjacency = graph.threshold(matrix, density)
        for name in ("clustering", "betweenness", "local_efficiency", "nodal_efficiency"):
            np.testing.assert_array_equal(found.values[name][row], getattr(graph, name)(adjacency))
        assert found.values["global_efficiency"][row] == graph.global_efficiency(adjacency)
        assert found.values["mean_clustering"][row] == graph.clustering(adjacency).mean()
        assert found.values["n_components"][row] == len(graph.component_sizes(adjacency))
        small = graph.small_world(
            adjacency, n_nulls=4, swaps_per_edge=2, seed=density_seed(5, density)
        )
        assert found.values["sigma"][row] == small.sigma
        assert found.values["lambda"][row] == small.lambda_
    assert found.values["degree"].shape == (3, 45)


def test_more_densities_and_other_measures_change_no_null(matrix):
    few = graph.sweep(matrix, [0.1, 0.3], measures=["sigma"], n_nulls=6, seed=5)
    more = graph.sweep(
        matrix, np.arange(1, 5) * 0.1, measures=["gamma", "degree", "sigma"], n_nulls=6, seed=5,
        n_threads=3,
    )  # fmt: skip
    np.testing.assert_array_equal(more.values["sigma"][[0, 2]], few.values["sigma"])
    other = graph.sweep(matrix, [0.1, 0.3], measures=["sigma"], n_nulls=6, seed=6)
    assert (other.values["sigma"] != few.values["sigma"]).all()
    of_sequence = graph.sweep(
        matrix, [0.1], measures=["sigma"], n_nulls=6, seed=np.random.SeedSequence(5)
    )
    assert of_sequence.values["sigma"][0] == few.values["sigma"][0]


def test_a_density_that_is_not_there_is_nan_with_a_reason(matrix):
    positive = (matrix[np.triu_indices(45, 1)] > 0).mean()
    densities = [0.3, round(positive, 3) + 0.01, 1.0]
    found = graph.sweep(
        matrix, densities, measures=["sigma", "degree", "mean_clustering"], n_nulls=2, seed=0
    )
    for values in found.values.values():
        assert np.isfinite(values[0]).all()
        assert np.isnan(values[1:]).all()
    assert list(found.reasons) == densities[1:]
    assert found.reasons[1.0].startswith("density 1 asks for 990 edges, but only ")
    assert np.isnan(graph.area_under_curve(found)["mean_clustering"])
    whole = graph.sweep(matrix, [1.0], measures=["mean_clustering"], sign="absolute", seed=0)
    assert whole.values["mean_clustering"].tolist() == [1]
    tree = graph.sweep(
        matrix, [0.01, 0.2], measures=["n_components"], keep_tree=True, sign="absolute", seed=0
    )
    assert "a spanning tree of 45 nodes has 44" in tree.reasons[0.01]
    assert tree.values["n_components"][1] == 1


def test_areas_are_those_of_the_trapezoids(matrix):
    found = graph.sweep(matrix, [0.1, 0.2, 0.4], measures=["mean_clustering", "degree"], seed=0)
    areas = graph.area_under_curve(found)
    low, middle, high = found.values["mean_clustering"]
    expected = 0.1 * (low + middle) / 2 + 0.2 * (middle + high) / 2
    assert areas["mean_clustering"] == pytest.approx(expected)
    assert areas["degree"].shape == (45,)
    # Every density adds up to its mean degree: the area of a line.
    assert areas["degree"].mean() == pytest.approx(44 * (0.4**2 - 0.1**2) / 2, rel=0.01)
    one = graph.sweep(matrix, [0.1], measures=["degree"], seed=0)
    with pytest.raises(ValueError, match="at least 2 densities, got 1"):
        graph.area_under_curve(one)


def test_sweeps_that_make_no_sense_are_refused(matrix):
    with pytest.raises(ValueError, match="no measure is called 'sigmma'; there are assortativity,"):
        graph.sweep(matrix, [0.1], measures=["sigmma"], seed=0)
    for densities in ([0.2, 0.1], [0.1, 0.1 + 1e-12], [], [-0.1], [0.5, 1.5], [np.nan]):
        with pytest.raises(ValueError, match=r"^sweep: expected "):
            graph.sweep(matrix, densities, measures=["degree"], seed=0)
    with pytest.raises(ValueError, match="measures is a list of names, got 'sigma'"):
        graph.sweep(matrix, [0.1], measures="sigma", seed=0)
    for n_nulls in (0, 2.5, "5"):
        with pytest.raises(ValueError, match="n_nulls is a whole number of at least 1"):
            graph.sweep(matrix, [0.1], n_nulls=n_nulls, seed=0)
    with pytest.raises(ValueError, match="at least 0 and finite, got inf"):
        graph.sweep(matrix, [0.1], swaps_per_edge=np.inf, seed=0)


@pytest.mark.parametrize("seed", [None, -1, 0.5, "1", np.random.default_rng(0)])
def test_chance_without_a_seed_that_can_be_repeated_is_refused(matrix, seed):
    adjacency = graph.threshold(matrix, 0.2)
    positive = np.abs(matrix)
    for draw in (
        lambda: graph.small_world(adjacency, n_nulls=2, seed=seed),
        lambda: graph.sweep(matrix, [0.1], measures=["modularity"], seed=seed),
        lambda: graph.modularity(adjacency, seed=seed),
        lambda: graph.rich_club(adjacency, n_nulls=2, seed=seed),
        lambda: nulls.rewire(adjacency, seed=seed),
        lambda: nulls.rewire_weighted(positive * adjacency, seed=seed),
        lambda: nulls.random_graph(adjacency, seed=seed),
        lambda: nulls.lattice(adjacency, seed=seed),
        lambda: nulls.hirschberger_qi_steuer(positive, seed=seed),
        lambda: nulls.phase_randomized(matrix, seed=seed),
    ):
        with pytest.raises(ValueError, match="seed: expected a whole number of at least 0"):
            draw()

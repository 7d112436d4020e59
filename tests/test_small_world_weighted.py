"""Small-worldness of weighted graphs, against nulls that keep weights or strengths."""

from __future__ import annotations

import numpy as np
import pytest

from graphs import ring_lattice
from lumbago.measures import graph, nulls
from lumbago.measures.graph.small_worldness import child


def small_world_graph(n_nodes=60, seed=0):
    """A ring of strong edges with some weak ones across."""
    rng = np.random.default_rng(seed)
    across = np.triu(rng.random((n_nodes, n_nodes)) < 0.05, 1) * rng.uniform(0.1, 0.4)
    near = np.triu(ring_lattice(n_nodes, 6), 1) * rng.uniform(0.5, 1, (n_nodes, n_nodes))
    upper = np.maximum(across, near)
    return upper + upper.T


@pytest.mark.parametrize("preserve", ["weights", "strengths"])
def test_weighted_ratios_are_those_to_the_nulls_of_rewire_weighted(preserve):
    weights = small_world_graph()
    found = graph.small_world(weights, n_nulls=8, seed=4, preserve=preserve)
    drawn = [nulls.rewire_weighted(weights, seed=child(4, i), preserve=preserve) for i in range(8)]
    clusterings = [graph.clustering(null).mean() for null in drawn]
    lengths = [graph.characteristic_path_length(null) for null in drawn]
    assert found.gamma == pytest.approx(graph.clustering(weights).mean() / np.mean(clusterings))
    assert found.lambda_ == pytest.approx(
        graph.characteristic_path_length(weights) / np.mean(lengths)
    )
    assert found.null_path_length_sd == pytest.approx(np.std(lengths, ddof=1))
    assert found.sigma > 1.5
    assert found.swaps_per_edge == pytest.approx(10, rel=0.1)
    assert found == graph.small_world(weights, n_nulls=8, seed=4, preserve=preserve, n_threads=1)


def test_one_weight_for_all_edges_gives_the_binary_graph_s_ratios():
    adjacency = small_world_graph() > 0
    binary = graph.small_world(adjacency, n_nulls=5, seed=0)
    weighted = graph.small_world(adjacency * 0.5, n_nulls=5, seed=0)
    assert weighted.gamma == pytest.approx(binary.gamma)
    assert weighted.lambda_ == pytest.approx(binary.lambda_)
    assert weighted.path_length == pytest.approx(2 * binary.path_length)


def test_omega_and_negative_weights_are_refused():
    weights = small_world_graph()
    with pytest.raises(ValueError, match="small_world: omega is for binary graphs, got weights"):
        graph.small_world(weights, n_nulls=1, seed=0, omega=True)
    with pytest.raises(ValueError, match="small_world: expected weights of at least 0, got -"):
        graph.small_world(-weights, n_nulls=1, seed=0)
    with pytest.raises(ValueError, match="small_world: preserve is 'weights' or 'strengths'"):
        graph.small_world(weights, n_nulls=1, seed=0, preserve="degrees")

"""What measures of binary graphs become where edges have weights."""

from __future__ import annotations

import numpy as np

from lumbago.measures.graph.blocks import by_block
from lumbago.measures.graph.lengths import (
    edge_lists,
    efficiency_among_weighted,
    sum_distances,
    weighted_dependencies,
)


def intensities(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Twice the summed intensity of every node's triangles, and its ordered neighbour pairs.

    The intensity of a triangle is the geometric mean of its weights, as shares of the largest.
    """
    roots = np.cbrt(weights / max(weights.max(), np.finfo(float).tiny))
    degrees = np.count_nonzero(weights, axis=1).astype(np.float64)
    return ((roots @ roots) * roots).sum(axis=1), degrees * (degrees - 1)


def distances(
    weights: np.ndarray, n_threads: int | None, where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every node's sum of 1 / distance, sum of distances and nodes reached; lengths 1 / weight."""
    edges = edge_lists(lengths_of(weights))
    found = by_block(
        lambda first, last: sum_distances(*edges, first, last), len(weights), n_threads, where
    )
    nearness, farness, reached = (np.concatenate(part) for part in zip(*found, strict=True))
    return nearness, farness, reached


def local_efficiency(weights: np.ndarray, n_threads: int | None) -> np.ndarray:
    """Efficiency among the neighbours of every node, as `paths.local_efficiency` defines it."""
    edges = edge_lists(np.cbrt(lengths_of(weights)))
    found = by_block(
        lambda first, last: efficiency_among_weighted(*edges, first, last),
        len(weights),
        n_threads,
        "local_efficiency",
    )
    return np.concatenate(found)


def dependencies(weights: np.ndarray, n_threads: int | None) -> np.ndarray:
    """Shares of shortest paths through every node, over ordered pairs of other nodes."""
    edges = edge_lists(lengths_of(weights))
    found = by_block(
        lambda first, last: weighted_dependencies(*edges, first, last),
        len(weights),
        n_threads,
        "betweenness",
    )
    return np.sum(found, axis=0)


def lengths_of(weights: np.ndarray) -> np.ndarray:
    """1 / weight along edges, 0 elsewhere."""
    lengths = np.zeros_like(weights)
    np.divide(1.0, weights, out=lengths, where=weights != 0)
    return lengths

"""Small-worldness of thresholded correlations against random correlations, thresholded alike."""

from __future__ import annotations

import numpy as np

from lumbago.measures.graph.adjacency import checked_square
from lumbago.measures.graph.bits import to_bits
from lumbago.measures.graph.paths import path_length_of_bits
from lumbago.measures.graph.small_worldness import child, in_threads
from lumbago.measures.graph.thresholding import EdgeOrder, Sign
from lumbago.measures.graph.triangles import clustering_of_bits
from lumbago.measures.nulls.correlations import RandomCovariance

# The child that matrices are drawn from; those of densities are numbers up to 10^9.
_MATRICES = 1 << 61


def correlation_nulls(
    matrix: np.ndarray,
    densities: list[float],
    *,
    n_nulls: int,
    seed: int | np.random.SeedSequence,
    sign: Sign,
    keep_tree: bool,
    n_threads: int,
    where: str,
) -> np.ndarray:
    """Clustering and path length of random correlation matrices at several densities.

    Null i is one matrix, ``hirschberger_qi_steuer(matrix, seed=child(child(seed, 2**61), i),
    correlation=True)``, thresholded at every density: densities change no null.

    Returns
    -------
    float64 array of shape (n_densities, n_nulls, 2): mean clustering, path length; NaN where a
    null has too few edges of that sign for the density.
    """
    values = checked_square(matrix, where).astype(np.float64)
    np.fill_diagonal(values, 1)
    if np.abs(values).max() > 1 + 1e-6:
        raise ValueError(
            f"{where}: random correlations are nulls of correlations from -1 to 1, "
            f"got {np.abs(values).max():.4g}"
        )
    moments, parent = RandomCovariance(values, where), child(seed, _MATRICES)

    def null(index: int) -> list[tuple[float, float]]:
        drawn = moments.null(child(parent, index), correlation=True)
        edges = EdgeOrder(drawn, sign=sign, keep_tree=keep_tree, where=where)
        return [_found(edges, density) for density in densities]

    return np.array(in_threads(null, n_nulls, n_threads)).transpose(1, 0, 2)


def _found(edges: EdgeOrder, density: float) -> tuple[float, float]:
    try:
        bits = to_bits(edges.graph(edges.wanted(density)))
    except ValueError:
        return np.nan, np.nan
    return float(clustering_of_bits(bits).mean()), path_length_of_bits(bits)

"""Tangent space: nilearn's against ours, timed in one run; `python bench_tangent.py`.

Both get the same covariances, find their geometric mean and write all of them in its tangent
space, with BLAS on 1 thread and on all cores of the machine. The limit is LAPACK's
decomposition of as many matrices as the mean needs, one after the other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
from nilearn.connectome.connectivity_matrices import _geometric_mean, _map_eigenvalues
from threadpoolctl import threadpool_limits

from lumbago.measures.positive import geometric_mean, tangent


def best(function: Callable[[], object], repeats: int = 3) -> float:
    """Shortest of several runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peer(matrices: np.ndarray) -> np.ndarray:
    """As `ConnectivityMeasure(kind="tangent")` fits and transforms covariances."""
    mean = _geometric_mean(list(matrices), max_iter=30)
    root = _map_eigenvalues(lambda v: 1 / np.sqrt(v), mean)
    return np.array([_map_eigenvalues(np.log, root @ m @ root) for m in matrices])


def ours(matrices: np.ndarray, n_threads: int) -> np.ndarray:
    """The same with ours."""
    return tangent(matrices, geometric_mean(matrices, n_threads=n_threads), n_threads=n_threads)


def main() -> None:
    """Print the ratios."""
    rng = np.random.default_rng(0)
    for n_regions, n_scans in ((20, 100), (100, 60), (200, 30)):
        mix = np.eye(n_regions) + rng.standard_normal((n_regions, n_regions)) / n_regions**0.5
        own = rng.standard_normal((n_scans, n_regions, n_regions)) * 0.15 / n_regions**0.5
        series = rng.standard_normal((n_scans, 400, n_regions)) @ (mix + own)
        matrices = np.array([np.cov(s.T) for s in series])
        cores = os.cpu_count() or 1
        for n_threads in sorted({1, cores}):
            with threadpool_limits(n_threads):
                theirs, mine = (
                    best(lambda m=matrices: peer(m)),
                    best(lambda m=matrices, n=n_threads: ours(m, n)),
                )
                apart = np.abs(peer(matrices) - ours(matrices, n_threads)).max()
            with threadpool_limits(1):
                limit = best(lambda m=matrices: np.linalg.eigh(m))
            print(
                f"{n_scans} × {n_regions} regions, {n_threads} thread(s): peer {theirs:.2f} s, "
                f"ours {mine:.2f} s, {theirs / mine:.1f}x; one decomposition of each "
                f"{limit:.2f} s; largest difference {apart:.0e}"
            )


if __name__ == "__main__":
    main()

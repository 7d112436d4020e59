"""ReHo: what users run today against ours, timed in one run; `python bench_homogeneity.py`.

The peer is the loop of C-PAC's and xcp_d's kind, written as they are used: scipy's ranks of
every voxel, then rank sums over the neighbours of every voxel, one by one. It runs on a slab
and is scaled up, which its linearity allows. The limit is numpy's sort of the same array.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from lumbago.measures.homogeneity import reho

SHAPE, N_VOLUMES, SLAB = (61, 73, 61), 200, 6


def best(function: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peer(volumes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """W of 27 neighbours, voxel by voxel, from scipy's ranks."""
    n = volumes.shape[3]
    ranks = np.zeros(volumes.shape)
    ranks[mask] = rankdata(volumes[mask], axis=1)
    found = np.full(mask.shape, np.nan)
    for x, y, z in np.argwhere(mask):
        block = tuple(slice(max(i - 1, 0), i + 2) for i in (x, y, z))
        series = ranks[block][mask[block]]
        k = len(series)
        if k > 1:
            total = series.sum(axis=0)
            squares = ((total - total.mean()) ** 2).sum()
            found[x, y, z] = 12 * squares / (k**2 * (n**3 - n))
    return found


def main() -> None:
    """Print the ratios."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    mask = (grid**2).sum(axis=0) < 0.638
    volumes = np.zeros((*SHAPE, N_VOLUMES), np.float32)
    volumes[mask] = rng.standard_normal((mask.sum(), N_VOLUMES), np.float32)
    as_images_lie = np.asfortranarray(volumes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reho(volumes, mask)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    slab = slice(30 - SLAB // 2, 30 + SLAB // 2)
    share = mask[slab].sum() / mask.sum()
    theirs = best(lambda: peer(volumes[slab], mask[slab]), 1) / share
    signals = volumes[mask]
    sort = best(lambda: np.sort(signals, axis=1), 3)
    integers = np.round(volumes * 300).astype(np.int16)
    print(f"{mask.sum()} voxels, {N_VOLUMES} volumes, 27 neighbours, float32")
    print(f"scipy ranks, loop over voxels   {theirs:8.3f} s (from {share:.0%} of the voxels)")
    for name, run in {
        "ours": lambda: reho(volumes, mask),
        "ours, 1 thread": lambda: reho(volumes, mask, n_threads=1),
        "ours, time slowest in memory": lambda: reho(as_images_lie, mask),
        "ours, int16, ties corrected": lambda: reho(integers, mask, ties="corrected"),
    }.items():
        seconds = best(run, 5)
        print(f"{name:31} {seconds:8.3f} s, {theirs / seconds:6.0f} x faster")
    print(f"numpy.sort of the same array    {sort:8.3f} s on one core")
    print(f"peak memory above the input     {(after - before) / 2**20:8.2f} GiB")
    np.testing.assert_allclose(
        reho(volumes[slab], mask[slab]), peer(volumes[slab], mask[slab]), rtol=1e-10
    )


if __name__ == "__main__":
    main()

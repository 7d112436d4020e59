"""VMHC: what users run today against ours, timed in one run; `python bench_symmetry.py`.

The peers are a flip of the volume followed by numpy's correlation of every voxel, which runs on
some voxels and is scaled up, and by z-scores of the whole volume in double precision, as
DPABI computes it and as one writes it in a notebook. The limit is one reading of the signals in
the mask: numpy's sum of the same array.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np
from scipy.stats import zscore

from lumbago.measures.symmetry import homotopic_correlation, vmhc

SHAPE, N_VOLUMES, SOME = (61, 73, 61), 200, 4000


def best(function: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def one_by_one(volumes: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Numpy's correlation of each voxel with that of the flipped volume."""
    flipped = volumes[::-1]
    return np.array([np.corrcoef(volumes[x, y, z], flipped[x, y, z])[0, 1] for x, y, z in voxels])


def whole(volumes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean product of z-scores with the flipped volume, and Fisher's z."""
    with np.errstate(invalid="ignore", divide="ignore"):
        z = zscore(volumes.astype(np.float64), axis=3)
        r = (z * z[::-1]).mean(axis=3)
        return np.where(mask, np.arctanh(np.clip(r, -1, 1 - 1e-16)), np.nan)


def turned(affine: np.ndarray) -> np.ndarray:
    """The grid turned by 0.1 about the z axis and 0.2 about the x axis through the origin."""
    about_z = [[np.cos(0.1), -np.sin(0.1), 0], [np.sin(0.1), np.cos(0.1), 0], [0, 0, 1]]
    about_x = [[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]]
    found = affine.copy()
    found[:3] = np.array(about_z) @ about_x @ affine[:3]
    return found


def main() -> None:
    """Print the ratios."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    mask = (grid**2).sum(axis=0) < 0.638
    volumes = np.zeros((*SHAPE, N_VOLUMES), np.float32)
    volumes[mask] = rng.standard_normal((mask.sum(), N_VOLUMES), np.float32)
    as_images_lie = np.asfortranarray(volumes)
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = -3 * (np.array(SHAPE) - 1) / 2
    shifted = affine.copy()
    shifted[0, 3] += 0.7
    signals = np.ascontiguousarray(volumes[mask].T)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    vmhc(volumes, mask, affine)
    exact = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    vmhc(volumes, mask, turned(affine))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    voxels = np.argwhere(mask & mask[::-1])
    voxels = voxels[voxels[:, 0] != SHAPE[0] // 2]
    some = rng.choice(voxels, SOME, replace=False)
    ours = vmhc(volumes, mask, affine, fisher_z=False)[tuple(some.T)]
    apart = np.abs(one_by_one(volumes, some) - ours).max()
    loop = best(lambda: one_by_one(volumes, some), 1) * mask.sum() / SOME
    at_once = best(lambda: whole(volumes, mask), 2)
    limit = best(signals.sum, 5)
    print(f"{mask.sum()} voxels, {N_VOLUMES} volumes, float32; largest difference {apart:.1e}")
    print(f"numpy.corrcoef of every voxel     {loop:8.3f} s (from {SOME} voxels)")
    print(f"z-scores of the whole volume      {at_once:8.3f} s")
    for name, run in {
        "ours": lambda: vmhc(volumes, mask, affine),
        "ours, 1 thread": lambda: vmhc(volumes, mask, affine, n_threads=1),
        "ours, time slowest in memory": lambda: vmhc(as_images_lie, mask, affine),
        "ours, signals of the mask": lambda: homotopic_correlation(signals, mask, affine),
        "ours, plane between voxels": lambda: vmhc(volumes, mask, shifted),
        "ours, oblique": lambda: vmhc(volumes, mask, turned(affine)),
    }.items():
        seconds = best(run, 5)
        print(
            f"{name:33} {seconds:8.3f} s, {loop / seconds:5.0f} and {at_once / seconds:4.0f} x "
            f"faster, {seconds / limit:5.1f} x the limit"
        )
    print(f"one reading of {signals.nbytes / 2**20:3.0f} MiB           {limit:8.3f} s on one core")
    print(f"peak memory above the input       {(exact - before) / 2**20:8.2f} GiB")
    print(f"  where signals are interpolated  {(after - before) / 2**20:8.2f} GiB")


if __name__ == "__main__":
    main()

"""Seed connectivity: nilearn's way for hundreds of seeds against ours; `python bench_seeds.py`.

The peer is nilearn's own example of seed-to-voxel correlation, written for many seeds: signals
of the spheres by NiftiSpheresMasker, of the brain by NiftiMasker, both standardized, and one
np.dot per seed, then arctanh and an image of each map. Ours is the extractor, from the same
image in memory to the same 230 images. Two limits stand beside it: sgemm's time for the
2 * T * V * S operations, and dgemm's, since we correlate in double precision.
"""

from __future__ import annotations

import os
import resource
import time
import warnings
from collections.abc import Callable

import nibabel as nib
import numpy as np
from nilearn.maskers import NiftiMasker, NiftiSpheresMasker
from threadpoolctl import threadpool_limits

from lumbago.extractors import Seed
from lumbago.measures.connectivity import seed_correlation

SHAPE, N_VOLUMES, N_SEEDS, RADIUS = (61, 73, 61), 200, 230, 6.0
AFFINE = nib.affines.from_matvec(np.eye(3) * 3, [-90.0, -126, -72])


def best(function: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak() -> float:
    """Most memory this process has held, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def peer(
    image: nib.Nifti1Image, mask: nib.Nifti1Image, centres: list[tuple[float, ...]]
) -> list[nib.Nifti1Image]:
    """One np.dot per seed, as in nilearn's example."""
    spheres = NiftiSpheresMasker(
        centres, radius=RADIUS, allow_overlap=True, standardize="zscore_sample"
    )
    series = spheres.fit_transform(image)
    brain = NiftiMasker(mask, standardize="zscore_sample").fit()
    voxels = brain.transform(image)
    maps = []
    for seed in series.T:
        r = np.dot(voxels.T, seed) / (len(seed) - 1)
        maps.append(brain.inverse_transform(np.arctanh(r)))
    return maps


def main() -> None:
    """Print the ratios."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    inside = (grid**2).sum(axis=0) < 0.638
    voxels = np.argwhere(inside)
    volumes = np.zeros((*SHAPE, N_VOLUMES), np.float32)
    wave = rng.standard_normal((3, N_VOLUMES), np.float32)
    volumes[inside] = 1000 + 10 * (
        rng.standard_normal((len(voxels), N_VOLUMES), np.float32)
        + rng.random((len(voxels), 3), np.float32) @ wave
    )
    image = nib.Nifti1Image(volumes, AFFINE)
    mask = nib.Nifti1Image(inside.astype(np.uint8), AFFINE)
    places = voxels[rng.choice(len(voxels), N_SEEDS, replace=False)]
    centres = [tuple(map(float, c)) for c in nib.affines.apply_affine(AFFINE, places)]
    seeds = {f"s{i}": c for i, c in enumerate(centres)}
    extractor = Seed(seeds=seeds, radius=RADIUS, denoise=None)
    few = Seed(seeds=dict(list(seeds.items())[:2]), radius=RADIUS, denoise=None)

    def ours(settings: Seed) -> dict[str, nib.Nifti1Image]:
        return settings.on_image(image, mask_img=mask, t_r=2.0).maps

    os.environ["OMP_NUM_THREADS"] = "1"  # our own threads take no more than this
    with threadpool_limits(1):
        ours(few)  # imports
        reading = best(lambda: ours(few), 3)
        before = peak()
        found = ours(extractor)
        print(f"{len(voxels)} voxels, {N_VOLUMES} volumes, {N_SEEDS} seeds, float32, one thread")
        print(f"peak memory above the input      {peak() - before:8.2f} GiB")
        size = sum(np.asarray(m.dataobj).nbytes for m in found.values()) / 2**30
        print(f"of which the maps themselves     {size:8.2f} GiB")
        theirs = best(lambda: peer(image, mask, centres), 1)
        print(f"nilearn, np.dot per seed         {theirs:8.3f} s")
        seconds = best(lambda: ours(extractor), 5)
        print(
            f"ours, image to 230 images        {seconds:8.3f} s, {theirs / seconds:4.1f} x faster"
        )
        print(f"  the same with 2 seeds          {reading:8.3f} s")
        signals = np.ascontiguousarray(volumes[inside].T)
        series = signals[:, rng.choice(len(voxels), N_SEEDS, replace=False)].copy()
        double, seeds64 = signals.astype(np.float64), series.astype(np.float64)
        kernel = best(lambda: seed_correlation(signals, series), 7)
        sgemm = best(lambda: series.T @ signals, 7)
        dgemm = best(lambda: seeds64.T @ double, 7)
        rate = 2 * N_VOLUMES * len(voxels) * N_SEEDS / 1e9
        print(f"  seed_correlation alone         {kernel:8.3f} s")
        print(f"limit: dgemm of that size        {dgemm:8.3f} s, {rate / dgemm:5.0f} GFLOP/s")
        print(f"limit: sgemm of that size        {sgemm:8.3f} s, {rate / sgemm:5.0f} GFLOP/s")
        expected = peer(image, mask, centres[:3])
    for name, one in zip(list(seeds)[:3], expected, strict=True):
        mine, other = found[name].get_fdata()[inside], one.get_fdata()[inside]
        known = np.isfinite(mine)
        np.testing.assert_allclose(mine[known], other[known], atol=2e-4)


if __name__ == "__main__":
    main()

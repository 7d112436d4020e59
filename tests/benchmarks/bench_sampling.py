"""Region means: nilearn's NiftiLabelsMasker and ours on the same scan, in one run.

Both read the same array of a simulated 4 mm scan (150 volumes) into the 200 regions of
lumbago200, brought to the scan's grid; nilearn's masker is fitted beforehand. Run
``python tests/benchmarks/bench_sampling.py``; the last column is nilearn's time over ours.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import nibabel as nib
import numpy as np

from lumbago.reading.atlases import load_atlas
from lumbago.reading.sampling import region_means
from lumbago.simulation.brain import make_brain


def fastest(call: Callable[[], object], times: int = 7) -> float:
    """Shortest of several runs, in seconds; the first, which fills caches, is not counted."""
    call()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def compare(n_volumes: int = 150) -> dict[str, float]:
    """Seconds of both, and whether they agree."""
    from nilearn.maskers import NiftiLabelsMasker

    brain = make_brain(4.0)
    atlas = load_atlas("lumbago200")
    rng = np.random.default_rng(0)
    values = (1000 + 10 * rng.standard_normal((n_volumes, brain.mask.sum()))).astype(np.float32)
    volumes = np.zeros((*brain.mask.shape, n_volumes), dtype=np.float32)
    volumes[brain.mask] = values.T
    image = nib.Nifti1Image(volumes, brain.affine)
    masker = NiftiLabelsMasker(
        atlas.image,
        mask_img=nib.Nifti1Image(brain.mask.astype(np.uint8), brain.affine),
        resampling_target="data",
        standardize=None,
    ).fit()
    theirs = masker.transform(image)
    ours, _ = region_means(values, brain.mask, brain.affine, atlas)
    return {
        "nilearn": fastest(lambda: masker.transform(image), times=3),
        "ours": fastest(lambda: region_means(values, brain.mask, brain.affine, atlas)),
        "difference": float(np.abs(theirs / ours - 1).max()),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = compare()
    print(f"{'nilearn':>10} {'ours':>10} {'ratio':>8}   largest relative difference")
    print(
        f"{found['nilearn'] * 1e3:8.1f}ms {found['ours'] * 1e3:8.1f}ms "
        f"{found['nilearn'] / found['ours']:7.1f}x   {found['difference']:.1e}"
    )

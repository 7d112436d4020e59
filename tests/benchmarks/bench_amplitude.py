"""ALFF and fALFF: what users run today against ours, timed in one run; `python bench_amplitude.py`.

The peers are the whole-volume pass in double precision (junifer's and most scripts': load,
scipy.fft of everything, sum), and for scrubbed series astropy's and scipy's kind of
Lomb-Scargle, voxel by voxel (xcp_d's), on some voxels and scaled up.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np
import scipy.fft
import scipy.signal

from lumbago.measures.amplitude import alff, amplitudes, falff

N_VOXELS, N_VOLUMES, T_R, BAND = 69_798, 200, 2.0, (0.01, 0.1)
SLOW = [(0.01, 0.027), (0.027, 0.073), (0.073, 0.198), (0.198, 0.25)]
SOME = 300


def best(function: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def whole_volume(signals: np.ndarray) -> np.ndarray:
    """AFNI's fALFF of everything at once, detrended linearly, in double precision."""
    detrended = scipy.signal.detrend(signals.astype(np.float64), axis=0)
    amplitude = np.abs(scipy.fft.fft(detrended, axis=0))[1 : N_VOLUMES // 2]
    frequencies = np.arange(1, N_VOLUMES // 2) / (N_VOLUMES * T_R)
    inside = (frequencies >= BAND[0] - 1e-9) & (frequencies <= BAND[1] + 1e-9)
    return amplitude[inside].sum(axis=0) / amplitude.sum(axis=0)


def one_by_one(signals: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Lomb-Scargle of every voxel by scipy."""
    angular = 2 * np.pi * np.arange(1, N_VOLUMES // 2) / (N_VOLUMES * T_R)
    return np.array(
        [
            np.sqrt(scipy.signal.lombscargle(kept * T_R, s, angular))
            for s in scipy.signal.detrend(signals[kept].astype(np.float64), axis=0).T
        ]
    )


def main() -> None:
    """Print the ratios."""
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((N_VOLUMES, N_VOXELS), np.float32) + 100
    kept = np.setdiff1d(np.arange(N_VOLUMES), rng.choice(N_VOLUMES, 30, replace=False))
    settings = {"t_r": T_R, "band": BAND, "convention": "afni", "detrend": "linear"}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours = falff(signals, **settings)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    np.testing.assert_allclose(ours, whole_volume(signals), rtol=2e-5)

    whole = best(lambda: whole_volume(signals), 3)
    passed = best(lambda: scipy.fft.rfft(signals, axis=0), 3)
    print(f"{N_VOXELS} voxels, {N_VOLUMES} volumes, float32")
    print(f"whole volume, double precision   {whole:8.3f} s")
    for name, run in {
        "ours, fALFF": lambda: falff(signals, **settings),
        "ours, ALFF": lambda: alff(signals, **settings),
        "ours, ALFF, DPABI's padding": lambda: alff(signals, t_r=T_R),
    }.items():
        seconds = best(run, 5)
        print(f"{name:32} {seconds:8.3f} s, {whole / seconds:6.1f} x faster")
    image = np.zeros((61, 73, 61, N_VOLUMES), np.float32)
    mask = np.zeros(image.shape[:3], bool)
    mask.ravel()[rng.choice(mask.size, N_VOXELS, replace=False)] = True
    gathered = best(lambda: image[mask].T.copy(), 3)
    print(f"one pass of scipy.fft.rfft       {passed:8.3f} s")
    print(f"the gather out of the volumes    {gathered:8.3f} s")
    for name, bands in {"one band": [BAND], "four bands": SLOW}.items():
        seconds = best(lambda b=bands: amplitudes(signals, t_r=T_R, bands=b), 5)
        print(
            f"ours, ALFF and fALFF, {name:10} {seconds:8.3f} s, "
            f"{seconds / (2 * passed + gathered):6.2f} of twice the pass plus the gather"
        )
    print(f"peak memory above the input      {(after - before) / 2**20:8.2f} GiB")

    scargle = best(lambda: one_by_one(signals[:, :SOME], kept), 1) * N_VOXELS / SOME
    seconds = best(lambda: falff(signals, kept=kept, **settings), 3)
    print(f"scrubbed, scipy voxel by voxel   {scargle:8.3f} s (from {SOME} voxels)")
    print(f"scrubbed, ours                   {seconds:8.3f} s, {scargle / seconds:6.1f} x faster")


if __name__ == "__main__":
    main()

"""Cleaning voxels, filter by filter, against one product; `python bench_cleaning.py`."""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Callable

import numpy as np
from nilearn.signal import clean as nilearn_clean
from scipy.fft import irfft, rfft
from scipy.interpolate import CubicSpline
from scipy.signal import detrend

from lumbago.measures.cleaning import Filter, clean, cleaning_operator

N_VOXELS, N_VOLUMES, N_CONFOUNDS, T_R, BAND = 69_798, 200, 24, 2.0, (0.01, 0.1)


def best(function: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peer(signals: np.ndarray, confounds: np.ndarray, kept: np.ndarray | None) -> np.ndarray:
    """nilearn, as its maskers call it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(
            nilearn_clean(
                signals, confounds=confounds, t_r=T_R, high_pass=BAND[0], low_pass=BAND[1],
                standardize=None, sample_mask=None if kept is None else kept.copy(),
            )
        )  # fmt: skip


def by_fourier(signals: np.ndarray, confounds: np.ndarray, kept: np.ndarray | None) -> np.ndarray:
    """An ideal filter as toolboxes run it: every voxel filled, detrended, transformed, fitted."""

    def filtered(values: np.ndarray) -> np.ndarray:
        if kept is not None:
            values = CubicSpline(kept, values[kept])(np.arange(N_VOLUMES))
        values = detrend(values, axis=0)
        spectrum = rfft(values - values.mean(axis=0), n=256, axis=0)
        frequency = np.arange(129) / (256 * T_R)
        spectrum[(frequency < BAND[0]) | (frequency > BAND[1])] = 0
        values = irfft(spectrum, n=256, axis=0)[:N_VOLUMES]
        return np.asarray(values if kept is None else values[kept])

    columns = filtered(confounds)
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    cleaned = filtered(signals)
    return np.asarray(cleaned - columns @ np.linalg.lstsq(columns, cleaned, rcond=None)[0])


def ours(
    signals: np.ndarray,
    confounds: np.ndarray,
    kept: np.ndarray | None,
    how: Filter = "butterworth",
) -> np.ndarray:
    """Make the operator and apply it."""
    operator = cleaning_operator(
        N_VOLUMES, confounds=confounds, t_r=T_R, band=BAND, kept=kept, filter=how
    )
    return clean(signals, operator)


def main() -> None:
    """Print the ratios."""
    rng = np.random.default_rng(0)
    signals = 1000 + 10 * rng.standard_normal((N_VOLUMES, N_VOXELS), np.float32)
    confounds = rng.normal(size=(N_VOLUMES, N_CONFOUNDS)).cumsum(axis=0)
    few = np.ascontiguousarray(signals[:, :10])
    ours(few, confounds, None)  # imports
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours(signals, confounds, None)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{N_VOXELS} voxels, {N_VOLUMES} volumes, {N_CONFOUNDS} confounds, {BAND} Hz, float32")
    # None of these mirror each other in time: nilearn 0.14 fills the others wrongly.
    kept = np.setdiff1d(np.arange(N_VOLUMES), [10, 11, 57, 58, 59, 120, 121, 180])
    peers = {"butterworth": ("nilearn", peer), "ideal": ("FFT by voxel", by_fourier)}
    for how, (whose, theirs_by) in peers.items():
        for name, mask in (("all volumes", None), ("8 censored", kept)):
            theirs = best(lambda f=theirs_by, m=mask: f(signals, confounds, m), 1)
            seconds = best(lambda m=mask, h=how: ours(signals, confounds, m, h), 3)
            print(f"{how:12} {name:12} {whose} {theirs:6.2f} s, ours {seconds:6.3f} s, "
                  f"{theirs / seconds:4.0f} x faster")  # fmt: skip
            exact = theirs_by(few.astype(np.float64), confounds, mask)
            found = ours(few, confounds, mask, how)
            print(f"{'':25} largest difference {np.abs(found - exact).max() / exact.std():.1e} sd")
    print(f"peak memory above the input {(after - before) / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()

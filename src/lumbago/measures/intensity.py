"""Level and fluctuation of signals: temporal SNR, PerAF, standard deviation of intensity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from lumbago.measures.kept import checked_kept

Trend = Literal["linear", "quadratic"] | None
_DEGREE = {None: 0, "linear": 1, "quadratic": 2}
# Signals measured at once, in double precision.
_BLOCK = 2048
# What is left of a constant, or of a mean that was taken out, is rounding below this many units.
_ROUNDING = 16


def tsnr(
    signals: np.ndarray, *, kept: np.ndarray | None = None, detrend: Trend = None
) -> np.ndarray:
    """Temporal signal-to-noise ratio: the mean of a signal over its standard deviation.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)
        Unfiltered signals with their level, any unit and real type. All volumes.
    kept : array of int or None
        Indices of the volumes that survive scrubbing, increasing; others are never read.
    detrend : {"linear", "quadratic"} or None
        Taken out of the fluctuation, never out of the mean. None is the plain ratio, as nipype
        gives it without ``regress_poly``.

    Returns
    -------
    array of shape (n_signals,), float64, dimensionless; NaN where a signal does not fluctuate, has
    no level above 0, or holds what is not finite. The standard deviation is the square root of
    the mean square (ddof 0).

    Raises
    ------
    ValueError
        If the arguments are out of range, or the volumes too few for the trend.

    >>> tsnr(np.array([[99.0, 100], [101, 104]]))
    array([100.,  51.])
    """
    mean, size = _level_and(_deviation, signals, kept, detrend, "tsnr")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 0, mean / size, np.nan)


def peraf(
    signals: np.ndarray, *, kept: np.ndarray | None = None, detrend: Trend = None
) -> np.ndarray:
    """Percent amplitude of fluctuation: mean of ``|x - mean| / mean``, in percent [1]_.

    Parameters
    ----------
    signals, kept, detrend
        As for `tsnr`; None is the published formula.

    Returns
    -------
    array of shape (n_signals,), float64, in percent of the signal's own mean; 0 for a constant
    signal, NaN where it has no level above 0 or holds what is not finite.

    Raises
    ------
    ValueError
        As `tsnr`.

    References
    ----------
    .. [1] Jia et al. (2020). Percent amplitude of fluctuation: A simple measure for resting-state
       fMRI signal at single voxel level. PLoS ONE 15, e0227021.
       doi:10.1371/journal.pone.0227021

    >>> peraf(np.array([[99.0, 100], [101, 100]]))
    array([1., 0.])
    """
    mean, size = _level_and(_mean_size, signals, kept, detrend, "peraf")
    return 100 * size / mean


def intensity_sd(
    signals: np.ndarray, *, kept: np.ndarray | None = None, detrend: Trend = None
) -> np.ndarray:
    """Standard deviation of signals over time.

    Parameters
    ----------
    signals, kept, detrend
        As for `tsnr`; a level is not needed.

    Returns
    -------
    array of shape (n_signals,), float64, in the unit of the signals (ddof 0); 0 for a constant
    signal, NaN where it holds what is not finite.

    Raises
    ------
    ValueError
        As `tsnr`.
    """
    return _level_and(_deviation, signals, kept, detrend, "intensity_sd")[1]


def _deviation(fluctuation: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.mean(fluctuation**2, axis=0)))


def _mean_size(fluctuation: np.ndarray) -> np.ndarray:
    return np.asarray(np.mean(np.abs(fluctuation), axis=0))


def _level_and(
    size_of: Callable[[np.ndarray], np.ndarray],
    signals: np.ndarray,
    kept: np.ndarray | None,
    detrend: Trend,
    where: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Means (NaN where not above 0) and sizes of the fluctuations around mean and trend."""
    signals = np.asarray(signals)
    if signals.ndim != 2:
        raise ValueError(
            f"{where}: expected signals of shape (n_volumes, n_signals), got {signals.shape}"
        )
    if detrend not in _DEGREE:
        raise ValueError(f"{where}: detrend is None, 'linear' or 'quadratic', got {detrend!r}")
    rows = None if kept is None else checked_kept(kept, len(signals), where)
    times = np.arange(len(signals)) if rows is None else rows
    degree = _DEGREE[detrend]
    if len(times) < degree + 2:
        raise ValueError(
            f"{where}: {len(times)} volumes are too few; at least {degree + 2} are needed"
        )
    scaled = (times - times.mean()) / np.ptp(times)
    trend = np.linalg.qr(np.vander(scaled, degree + 1, increasing=True))[0]
    single = signals.dtype in (np.float16, np.float32)
    digits = np.finfo(np.float32 if single else np.float64).eps
    mean = np.full(signals.shape[1], np.nan)
    size = np.full(signals.shape[1], np.nan)
    for start in range(0, signals.shape[1], _BLOCK):
        some = slice(start, start + _BLOCK)
        values = (signals[:, some] if rows is None else signals[rows, some]).astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            level, largest = values.mean(axis=0), np.abs(values).max(axis=0)
            values -= values[0].copy()
            values -= trend @ (trend.T @ values)
            nothing = np.abs(values).max(axis=0) <= _ROUNDING * digits * largest
            values[:, nothing] = 0
            there = level > _ROUNDING * digits * largest
            size[some] = size_of(values)
        mean[some] = np.where(there & np.isfinite(size[some]), level, np.nan)
    return mean, size

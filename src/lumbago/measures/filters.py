"""Filters over time, the field's two: Butterworth's as nilearn has it, and the ideal one."""

from __future__ import annotations

import re
import warnings
from typing import Literal

import numpy as np

Filter = Literal["butterworth", "ideal"]


def filled(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Fill the gaps between kept volumes by a cubic spline through them."""
    n_span = where[-1] + 1
    if n_span == len(where):
        return values
    from scipy.interpolate import CubicSpline

    return np.asarray(CubicSpline(where, values)(np.arange(n_span)))


def _ideal(
    values: np.ndarray,
    t_r: float | None,
    band: tuple[float | None, float | None],
    detrend: bool,
) -> np.ndarray:
    """Keep the frequencies of a band and nothing else, up to what padding smears."""
    from scipy.fft import irfft, rfft

    assert t_r is not None
    low, high = band
    n_values = len(values)
    n_grid = 1 << (n_values - 1).bit_length()
    # DPABI counts frequencies from 1, and its rounding is of the index so counted.
    first = 0 if low is None else int(np.ceil(low * n_grid * t_r + 1)) - 1
    last = n_grid // 2 if high is None else int(np.floor(high * n_grid * t_r + 1)) - 1
    # The frequency 0 is the mean, of which nothing is left.
    if last < max(first, 1):
        raise ValueError(
            f"cleaning: no frequency of {n_values} volumes every {t_r:g} s lies in the band "
            f"{band} Hz; they are {1 / (n_grid * t_r):.4f} Hz apart"
        )
    if detrend:
        values = detrended(values)
    mean = values.mean(axis=0)
    spectrum = rfft(values - mean, n=n_grid, axis=0)
    spectrum[:first] = 0
    spectrum[last + 1 :] = 0
    inside = irfft(spectrum, n=n_grid, axis=0)[:n_values]
    return np.asarray(inside + mean if low is None and not detrend else inside)


def _butterworth(
    values: np.ndarray,
    t_r: float | None,
    band: tuple[float | None, float | None],
    detrend: bool,
) -> np.ndarray:
    low, high = band
    try:
        return _nilearn_clean(
            values, detrend=detrend, filter="butterworth", high_pass=low, low_pass=high, t_r=t_r
        )
    except ValueError as error:
        # scipy mirrors the ends of the series, and needs that much of it.
        least = re.search(r"padlen, which is (\d+)", str(error))
        more = f"; {int(least[1]) + 1} are needed" if least else f" ({error})"
        raise ValueError(
            f"cleaning: {len(values)} volumes are too few to be filtered to {band} Hz{more}"
        ) from None


def detrended(values: np.ndarray) -> np.ndarray:
    """Take mean and linear trend out of signals (n_volumes, n_signals)."""
    return _nilearn_clean(values, detrend=True)


def _nilearn_clean(values: np.ndarray, **settings: object) -> np.ndarray:
    from nilearn.signal import clean as nilearn_clean

    chosen = {"detrend": False, "filter": False, "t_r": None, **settings}
    with warnings.catch_warnings():
        # nilearn reminds of detrending confounds; they have been, one step earlier.
        warnings.simplefilter("ignore")
        return np.asarray(nilearn_clean(values, standardize=None, **chosen))


FILTERS = {"butterworth": _butterworth, "ideal": _ideal}

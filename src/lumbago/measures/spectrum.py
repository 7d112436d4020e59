"""Amplitude spectra by the conventions of the field, scrubbed or whole (Lomb-Scargle)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from lumbago.measures.kept import checked_kept

Convention = Literal["dpabi", "afni", "std"]
Detrend = Literal["convention", "linear", "quadratic"] | None

_DETREND_OF: dict[str, Literal["linear", "quadratic"] | None] = {
    "dpabi": "linear",
    "afni": "quadratic",
    "std": None,
}
_DEGREE = {None: 0, "linear": 1, "quadratic": 2}
# Signals transformed at once: their spectra stay in cache.
_BLOCK = 1024
# What a polynomial leaves of a signal that it fits is rounding below this many units.
_ROUNDING = 16


class Spectrum:
    """The frequencies of one convention, and the amplitudes of signals at them.

    Sizes are amplitudes of sines in the unit of the signal (their mean squares, for ``std``);
    the scale of a convention is put on by the caller.
    """

    def __init__(
        self,
        signals: np.ndarray,
        t_r: float,
        bands: Sequence[tuple[float, float]],
        convention: Convention,
        detrend: Detrend,
        kept: np.ndarray | None,
        where: str,
    ):
        signals = np.asarray(signals)
        if signals.ndim != 2:
            raise ValueError(
                f"{where}: expected signals of shape (n_volumes, n_signals), got {signals.shape}"
            )
        if convention not in _DETREND_OF:
            raise ValueError(f"{where}: convention is 'dpabi', 'afni' or 'std', got {convention!r}")
        if detrend == "convention":
            detrend = _DETREND_OF[convention]
        if detrend not in _DEGREE:
            raise ValueError(
                f"{where}: detrend is 'convention', None, 'linear' or 'quadratic', got {detrend!r}"
            )
        if not (np.isfinite(t_r) and t_r > 0):
            raise ValueError(f"{where}: t_r is a positive number of seconds, got {t_r}")
        if convention == "std" and kept is not None:
            raise ValueError(
                f"{where}: convention 'std' needs every volume; "
                "use 'dpabi' or 'afni' for scrubbed signals"
            )
        self.signals = signals
        self.convention = convention
        self.n_volumes, self.n_signals = signals.shape
        self.kept = None if kept is None else checked_kept(kept, self.n_volumes, where)
        self.squared = convention == "std"

        times = np.arange(self.n_volumes) if self.kept is None else self.kept
        degree = _DEGREE[detrend]
        if len(times) < degree + 3:
            raise ValueError(
                f"{where}: {len(times)} volumes are too few for a spectrum; "
                f"at least {degree + 3} are needed"
            )
        self.trend = _polynomials(times, degree)
        self.n_grid = self.n_volumes
        if convention == "dpabi":
            self.n_grid = 1 << (self.n_volumes - 1).bit_length()
        last = self.n_grid // 2 - 1 if convention == "afni" else self.n_grid // 2
        self.whole = slice(1, last + 1)
        if not len(bands):
            raise ValueError(f"{where}: at least one band is needed")
        self.inside = [
            _bins(band, t_r, self.n_volumes, self.n_grid, last, convention, where) for band in bands
        ]
        self.fit = None if self.kept is None else _sine_fit(self.kept, self.n_grid)

    def blocks(self, bins: slice) -> Iterator[tuple[slice, np.ndarray]]:
        """Sizes at some frequencies by block of signals, each (n_frequencies, n_block)."""
        single = self.signals.dtype in (np.float16, np.float32)
        dtype = np.float32 if single else np.float64
        trend = self.trend.astype(dtype)
        fit = None if self.fit is None else self.fit[:, bins].astype(dtype)
        for start in range(0, self.n_signals, _BLOCK):
            some = slice(start, min(start + _BLOCK, self.n_signals))
            values = self.signals[:, some] if self.kept is None else self.signals[self.kept, some]
            with np.errstate(invalid="ignore", over="ignore"):
                values = _detrended(values.astype(dtype), trend)
                if fit is None:
                    yield some, self._transformed(values, bins)
                else:
                    yield some, np.hypot(fit[0] @ values, fit[1] @ values)

    def _transformed(self, values: np.ndarray, bins: slice) -> np.ndarray:
        from scipy.fft import rfft  # several times faster along the first axis than numpy's

        size = np.abs(rfft(values, n=self.n_grid, axis=0)[bins])
        size *= 2 / self.n_volumes
        if self.squared:
            # A sine of amplitude A has the mean square A^2 / 2; at the Nyquist frequency there
            # is no sine beside the cosine, and its amplitude is half of what stands here.
            size **= 2
            size /= 2
            if 2 * (bins.stop - 1) == self.n_grid:
                size[-1] /= 2
        return np.asarray(size)


def _bins(
    band: tuple[float, float],
    t_r: float,
    n_volumes: int,
    n_grid: int,
    last: int,
    convention: Convention,
    where: str,
) -> slice:
    """Positions in the spectrum that a band covers, by the convention's rounding."""
    low, high = (float(edge) for edge in band)
    if not 0 <= low < high:
        raise ValueError(f"{where}: a band rises from at least 0 Hz, got {low:g} to {high:g}")
    if convention == "dpabi":
        # DPABI counts from 1, and its rounding is of the index so counted.
        first_bin = int(np.ceil(low * n_grid * t_r + 1)) - 1
        last_bin = int(np.floor(min(high * n_grid * t_r, n_grid) + 1)) - 1
    else:
        first_bin = int(np.rint(low * n_grid * t_r))
        last_bin = int(np.rint(min(high * n_grid * t_r, n_grid)))
    first_bin, last_bin = max(first_bin, 1), min(last_bin, last)
    resolution, nyquist = 1 / (n_volumes * t_r), 0.5 / t_r
    if last_bin < first_bin or high < resolution * (1 - 1e-9) or low > nyquist * (1 + 1e-9):
        raise ValueError(
            f"{where}: no frequency lies in the band {low:g} to {high:g} Hz; "
            f"a series of {n_volumes} volumes every {t_r:g} s "
            f"resolves {resolution:.4f} to {nyquist:.4f} Hz"
        )
    return slice(first_bin, last_bin + 1)


def _polynomials(times: np.ndarray, degree: int) -> np.ndarray:
    """Orthonormal polynomials at the given times, (n_times, degree + 1)."""
    scaled = (times - times.mean()) / np.ptp(times)
    return np.linalg.qr(np.vander(scaled, degree + 1, increasing=True))[0]


def _detrended(values: np.ndarray, trend: np.ndarray) -> np.ndarray:
    """Take polynomials out of signals; what is only rounding afterwards becomes 0."""
    # One of its own values first: a constant is then exactly 0, and single precision is
    # spent on the fluctuations, not on the mean that they ride on.
    values -= values[0].copy()
    size = np.abs(values).max(axis=0)
    values -= trend @ (trend.T @ values)
    nothing = np.abs(values).max(axis=0) <= _ROUNDING * np.finfo(values.dtype).eps * size
    values[:, nothing] = 0
    return values


def _sine_fit(kept: np.ndarray, n_grid: int) -> np.ndarray:
    """Matrices (2, n_frequencies, n_kept) from kept volumes to least-squares cosines and sines.

    At 0 and at the Nyquist frequency of an even grid the sine vanishes, and the cosine that
    is left is doubled there, as the two halves of a spectrum are in 2 |X| / n. Where the kept
    volumes cannot tell sine from cosine the smallest of the solutions is taken.
    """
    # Whole cycles are taken off in integers, so that late volumes keep their digits.
    turns = np.outer(np.arange(n_grid // 2 + 1), kept) % n_grid
    angle = 2 * np.pi * turns / n_grid
    waves = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inner = waves @ waves.transpose(0, 2, 1)
    fit = np.linalg.pinv(inner, rcond=1e-9, hermitian=True) @ waves
    fit[0] *= 2
    if n_grid % 2 == 0:
        fit[-1] *= 2
    return np.asarray(fit.transpose(1, 0, 2))

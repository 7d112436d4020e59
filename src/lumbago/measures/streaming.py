"""A window that slides over volumes as they arrive, and what its values say as feedback."""

from __future__ import annotations

import math

import numpy as np


class SlidingWindow:
    """The last volumes of a series, oldest first, in one piece of memory.

    Every volume is written twice, `width` rows apart, so that any `width` volumes in a row
    lie side by side somewhere: the window is read without being copied or turned.

    Parameters
    ----------
    width : int
        Volumes of the window, at least 1.
    n_signals : int
    dtype : dtype
        Of the values; what is pushed is converted to it.

    Attributes
    ----------
    n_pushed : int
        Volumes pushed so far.

    Raises
    ------
    ValueError
        If a size is out of its range.

    Notes
    -----
    Memory is 2 × width × n_signals values, taken once: 64 MiB for 120 volumes of 70,000 voxels
    in single precision.

    >>> window = SlidingWindow(3, 1)
    >>> for value in (1, 2, 3, 4):
    ...     window.push([value])
    >>> window.values.ravel()
    array([2., 3., 4.], dtype=float32)
    """

    def __init__(self, width: int, n_signals: int, dtype: np.typing.DTypeLike = np.float32):
        if width < 1 or n_signals < 0:
            raise ValueError(
                f"sliding window: expected at least 1 volume and 0 signals, got {width} and "
                f"{n_signals}"
            )
        self.width = int(width)
        self.n_pushed = 0
        self._rows = np.zeros((2 * self.width, n_signals), dtype=dtype)

    def push(self, volume: np.ndarray) -> None:
        """Take the next volume, (n_signals,), in the place of the oldest.

        Raises
        ------
        ValueError
            If its shape is another.
        """
        volume = np.asarray(volume)
        if volume.shape != self._rows.shape[1:]:
            raise ValueError(
                f"sliding window: expected {self._rows.shape[1]} signals of one volume, got shape "
                f"{volume.shape}"
            )
        at = self.n_pushed % self.width
        self._rows[at] = self._rows[at + self.width] = volume
        self.n_pushed += 1

    @property
    def full(self) -> bool:
        """Whether `width` volumes were pushed."""
        return self.n_pushed >= self.width

    @property
    def values(self) -> np.ndarray:
        """The window (n, n_signals), n at most `width`; a read-only view that later pushes change.

        Copy it to keep it.
        """
        first = self.n_pushed % self.width if self.full else 0
        view = self._rows[first : first + min(self.n_pushed, self.width)]
        view.flags.writeable = False
        return view


class RunningMoments:
    """Mean and standard deviation of numbers that come one by one (Welford's recurrence).

    Numbers that are not finite do not count.

    References
    ----------
    .. [1] Welford (1962). Note on a method for calculating corrected sums of squares and
       products. Technometrics 4, 419-420. doi:10.1080/00401706.1962.10490022

    >>> moments = RunningMoments()
    >>> for value in (1.0, float("nan"), 2.0, 3.0):
    ...     moments.add(value)
    >>> moments.n, moments.mean, moments.sd
    (3, 2.0, 1.0)
    """

    def __init__(self) -> None:
        self.n = 0
        self._mean = 0.0
        self._squares = 0.0

    def add(self, value: float) -> None:
        """Take one number."""
        if not math.isfinite(value):
            return
        self.n += 1
        before = value - self._mean
        self._mean += before / self.n
        self._squares += before * (value - self._mean)

    @property
    def mean(self) -> float:
        """Mean; NaN of nothing."""
        return self._mean if self.n else math.nan

    @property
    def sd(self) -> float:
        """Standard deviation, divided by n - 1; NaN of fewer than 2 numbers."""
        return math.sqrt(self._squares / (self.n - 1)) if self.n > 1 else math.nan


def clipped_score(value: float, mean: float, sd: float, limit: float = 3.0) -> float:
    """How many standard deviations a value lies from a baseline, at most `limit` either way.

    Parameters
    ----------
    value, mean, sd : float
        In one unit.
    limit : float
        Larger scores are cut to it; more than 0.

    Returns
    -------
    float in [-limit, limit]; NaN where a number is not finite or `sd` is not above 0.

    Raises
    ------
    ValueError
        If `limit` is not above 0.

    >>> clipped_score(5.0, 2.0, 2.0), clipped_score(-50.0, 2.0, 2.0)
    (1.5, -3.0)
    """
    if not limit > 0:
        raise ValueError(f"clipped score: limit is above 0, got {limit}")
    if not (all(map(math.isfinite, (value, mean, sd))) and sd > 0):
        return math.nan
    return min(max((value - mean) / sd, -limit), limit)

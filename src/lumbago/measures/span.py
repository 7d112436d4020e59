"""Signals of unit length in as few dimensions as they span, and their correlations in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

# Deviations below this share of a signal's size are rounding of a constant.
_CONSTANT = 1e-12
# A correlation may lose this much to the dimensions left out: four units of float32 rounding,
# which is what adding up its products in single precision costs anyway.
_LOST = 4 * float(np.finfo(np.float32).eps)
_AT_ONCE = 1024  # signals prepared by one task
# Rows and columns of a block: large enough for the full speed of a matrix product, small
# enough (2.3 MB) to stay in the cache until it is read. Fixed: the bits depend on no setting.
PANEL = 768


@dataclass(frozen=True)
class Span:
    """Signals as points whose products are their correlations.

    Parameters
    ----------
    points : array of shape (n_known, n_volumes), float32
        Coordinates in the basis that explains most last, so that products add up from small to
        large and round least; rows sorted by how many coordinates they need.
    where : array of shape (n_known,)
        Which signal each point is.
    shares : array of shape (n_panels, n_volumes), float32
        Of each panel of points, the largest share of a signal that lies in coordinates 0 to k.
    """

    points: np.ndarray
    where: np.ndarray
    shares: np.ndarray

    @property
    def n_panels(self) -> int:
        """Number of panels of rows."""
        return len(self.shares)

    def left_out(self, panel: int, other: int) -> int:
        """Coordinates that the correlations between two panels can do without.

        They add to a correlation at most the product of the two lengths that lie in them
        (Cauchy and Schwarz), which stays below the rounding.
        """
        lost = self.shares[panel].astype(np.float64) * self.shares[other]
        return min(int((lost <= _LOST**2).sum()), len(lost) - 1)

    def blocks(self, panel: int) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the correlations of one panel with itself and all that follow.

        Each pair comes once: entries of a pair that comes elsewhere, and of a point with
        itself, are -2. The array is reused by the next block.

        Yields
        ------
        first : int
            The point in the first column of the block.
        block : array of shape (n_rows, n_columns), float32, C order
        """
        rows = self._panel(panel)
        buffer = np.empty(len(rows) * PANEL, np.float32)
        for other in range(panel, self.n_panels):
            columns = self._panel(other)
            k = self.left_out(panel, other)
            block = buffer[: len(rows) * len(columns)].reshape(len(rows), len(columns))
            np.matmul(rows[:, k:], columns[:, k:].T, out=block)
            if other == panel:
                np.copyto(block, -2, where=np.tri(len(rows), dtype=bool))
            yield other * PANEL, block

    def _panel(self, panel: int) -> np.ndarray:
        return self.points[panel * PANEL : (panel + 1) * PANEL]


def span_of(signals: np.ndarray, pool: ThreadPoolExecutor) -> Span:
    """Turn signals to axes of which few hold nearly all of them.

    Filtering and regression leave signals of T volumes in far fewer than T dimensions. A
    turn keeps every correlation; what is left out of one then is bounded for each pair.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)
        Constant ones and ones with a value that is not finite get no point.
    pool : ThreadPoolExecutor
    """
    n_volumes, n_signals = signals.shape
    known = np.zeros(n_signals, bool)
    points = np.empty((n_signals, n_volumes), np.float32)
    starts = range(0, n_signals, _AT_ONCE)

    def normalize(start: int) -> np.ndarray:
        some = slice(start, start + _AT_ONCE)
        unit, known[some] = _unit(signals[:, some])
        points[some] = unit
        return np.asarray(unit.T @ unit)

    gram = np.zeros((n_volumes, n_volumes))
    for part in pool.map(normalize, starts):  # in order, whichever is ready first
        gram += part
    axes = np.linalg.eigh(gram)[1]  # those that hold least first
    needed = np.empty(n_signals, np.int32)

    def turn(start: int) -> None:
        some = slice(start, start + _AT_ONCE)
        points[some] = points[some].astype(np.float64) @ axes
        needed[some] = (_shares(points[some]) > _LOST).sum(axis=1)

    list(pool.map(turn, starts))
    where = np.flatnonzero(known)
    # Those that need many coordinates share panels, and spare the others their cost.
    where = where[np.argsort(needed[where], kind="stable")]
    ordered = np.empty((len(where), n_volumes), np.float32)

    def gather(start: int) -> np.ndarray:
        some = slice(start, start + PANEL)
        ordered[some] = points[where[some]]
        return np.asarray(_shares(ordered[some]).max(axis=0))

    shares = list(pool.map(gather, range(0, len(where), PANEL)))
    return Span(ordered, where, np.array(shares).reshape(len(shares), n_volumes))


def _unit(signals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signals as rows of mean 0 and length 1, and which are known; 0 where they are not."""
    rows = np.array(signals.T, dtype=np.float64, order="C")
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.abs(rows).max(axis=1)
        rows -= rows.mean(axis=1, keepdims=True)
        deviation = np.abs(rows).max(axis=1)
        known = np.isfinite(deviation) & (deviation > _CONSTANT * size)
    rows[~known] = 0
    # Scaling by the largest deviation first keeps squares of tiny signals from vanishing.
    rows /= np.where(known, deviation, 1)[:, None]
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.where(known, length, 1)[:, None]
    return rows, known


def _shares(points: np.ndarray) -> np.ndarray:
    """Share of each point that lies in coordinates 0 to k."""
    squares = np.square(points)
    return np.cumsum(squares, axis=1, out=squares)

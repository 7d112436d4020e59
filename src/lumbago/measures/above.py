"""Compiled passes over a block of correlations: what lies above a threshold, and how much.

Each entry is read once, while the block is still in the cache; numpy would walk over it
five times. Importing this module loads numba, so it is imported where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# The largest correlation in single precision that has a finite Fisher z (8.66).
_NEARLY_ONE = np.nextafter(np.float32(1), np.float32(0))
# Patterns of the positive numbers up to 2, in single precision, have 30 bits.
COARSE_BITS = 16
FINE_BITS = 30 - COARSE_BITS
# So many factors (1 - r) of at least 2**-24 stay within the range of double precision.
_FACTORS = 32


def _compiled(function: Callable[..., None]) -> Any:
    options: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "nsz", "contract"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep the compiled code in, as in read-only containers
        return numba.njit(**options)(function)


@_compiled
def add_above(
    block: np.ndarray,
    threshold: np.float32,
    row_counts: np.ndarray,
    row_sums: np.ndarray,
    column_counts: np.ndarray,
    column_sums: np.ndarray,
) -> None:
    """Add number and sum of the entries above the threshold, by row and by column.

    Parameters
    ----------
    block : array of shape (n_rows, n_columns), float32, C order
    threshold : float32
        Entries must be larger.
    row_counts, column_counts : arrays, int64
    row_sums, column_sums : arrays, float64
        All four are added to.
    """
    n_rows, n_columns = block.shape
    none = np.float32(0)
    row = 0
    # Four rows at a time halve the traffic of the columns' sums and keep all in registers.
    while row + 4 <= n_rows:
        one, two, three, four = block[row], block[row + 1], block[row + 2], block[row + 3]
        n1 = n2 = n3 = n4 = np.int32(0)
        s1 = s2 = s3 = s4 = np.float32(0)
        for j in range(n_columns):
            r1, r2, r3, r4 = one[j], two[j], three[j], four[j]
            i1, i2 = np.int32(r1 > threshold), np.int32(r2 > threshold)
            i3, i4 = np.int32(r3 > threshold), np.int32(r4 > threshold)
            w1 = r1 if r1 > threshold else none
            w2 = r2 if r2 > threshold else none
            w3 = r3 if r3 > threshold else none
            w4 = r4 if r4 > threshold else none
            n1 += i1
            n2 += i2
            n3 += i3
            n4 += i4
            s1 += w1
            s2 += w2
            s3 += w3
            s4 += w4
            column_counts[j] += i1 + i2 + i3 + i4
            column_sums[j] += (w1 + w2) + (w3 + w4)
        row_counts[row] += n1
        row_counts[row + 1] += n2
        row_counts[row + 2] += n3
        row_counts[row + 3] += n4
        row_sums[row] += s1
        row_sums[row + 1] += s2
        row_sums[row + 2] += s3
        row_sums[row + 3] += s4
        row += 4
    for i in range(row, n_rows):
        for j in range(n_columns):
            if block[i, j] > threshold:
                row_counts[i] += 1
                column_counts[j] += 1
                row_sums[i] += block[i, j]
                column_sums[j] += block[i, j]


@_compiled
def add_fisher_above(
    block: np.ndarray,
    threshold: np.float32,
    row_counts: np.ndarray,
    row_sums: np.ndarray,
    column_counts: np.ndarray,
    column_sums: np.ndarray,
) -> None:
    """As `add_above`, adding Fisher's z of the entries; 1 counts as the number below it.

    A sum of z is half the logarithm of the product of (1 + r) / (1 - r), and products of 32
    neither overflow nor vanish in double precision: one logarithm does for 32 entries.
    """
    n_rows, n_columns = block.shape
    none = np.float32(0)
    above, below = np.empty(n_columns), np.empty(n_columns)
    for top in range(0, n_rows, _FACTORS):
        above[:] = 1.0
        below[:] = 1.0
        for i in range(top, min(top + _FACTORS, n_rows)):
            row = block[i]
            count = np.int32(0)
            total = 0.0
            for left in range(0, n_columns, _FACTORS):
                row_above, row_below = 1.0, 1.0
                for j in range(left, min(left + _FACTORS, n_columns)):
                    counts = row[j] > threshold
                    r = np.float64(min(row[j], _NEARLY_ONE) if counts else none)
                    count += np.int32(counts)
                    column_counts[j] += np.int32(counts)
                    row_above *= 1.0 + r
                    row_below *= 1.0 - r
                    above[j] *= 1.0 + r
                    below[j] *= 1.0 - r
                if row_above > 1.0:
                    total += math.log(row_above / row_below)
            row_counts[i] += count
            row_sums[i] += 0.5 * total
        for j in range(n_columns):
            if above[j] > 1.0:
                column_sums[j] += 0.5 * math.log(above[j] / below[j])


@_compiled
def count_coarse(lowest: int, patterns: np.ndarray, counts: np.ndarray) -> None:
    """Count entries from a lowest one on by the leading bits of their pattern.

    Parameters
    ----------
    lowest : int
        Leading bits below these do not count; neither do numbers that are not positive.
    patterns : array of shape (n_rows, n_columns), int32
        The bits of single precision numbers, which order as the positive numbers do.
    counts : array of shape (2**COARSE_BITS,), int64
        Added to.
    """
    first = max(lowest << FINE_BITS, 1)
    for row in patterns:
        for pattern in row:
            if pattern >= first:
                counts[pattern >> FINE_BITS] += 1


@_compiled
def count_fine(coarse: int, patterns: np.ndarray, counts: np.ndarray) -> None:
    """Count the entries that share leading bits by the rest of their pattern, that is by value.

    Parameters
    ----------
    coarse : int
        The leading bits.
    patterns : array of shape (n_rows, n_columns), int32
    counts : array of shape (2**FINE_BITS,), int64
        Added to.
    """
    first = coarse << FINE_BITS
    behind = first + (1 << FINE_BITS)
    for row in patterns:
        for pattern in row:
            if max(first, 1) <= pattern < behind:
                counts[pattern - first] += 1

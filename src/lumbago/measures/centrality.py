"""Degree centrality: with how many others a signal goes along, and how closely."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

import numpy as np
from threadpoolctl import threadpool_limits

from lumbago.measures.span import PANEL, Span, span_of
from lumbago.measures.threads import cores_of_process

# Sums are collected as whole multiples of this: their order then changes nothing, so threads may
# finish as they like. A million signals in Fisher z stay a hundred times below the largest integer.
_UNIT = 2.0**-36
# By so much the sample of pairs is allowed to err in the share that is strong enough.
_MARGIN = 6


def degree_centrality(
    signals: np.ndarray,
    *,
    threshold: float = 0.25,
    weighted: bool = True,
    both: bool = False,
    sparsity: float | None = None,
    fisher_z: bool = False,
    n_threads: int | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Number or summed strength of a signal's positive correlations with all others.

    A signal is never its own neighbour. Negative correlations play no part, which is the
    field's use (DPABI's, AFNI's and C-PAC's). Correlations are single precision products of
    signals turned to the axes they span, as far as a pair needs them: against double precision
    they are off by less than 1e-6 (leaving axes out adds at most 5e-7 to any pair, turning makes
    the products more exact), so that a count can differ by the pairs this near to the threshold.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)
        Cleaned and band-passed, not smoothed, any unit. Never changed. Those that are constant,
        or hold a value that is not finite, take no part.
    threshold : float in [0, 1)
        Correlations must be larger: one that equals it does not count. Not read with `sparsity`.
    weighted : bool
        True sums the correlations above the threshold; False counts them.
    both : bool
        Return both, whatever `weighted` says.
    sparsity : float in (0, 1] or None
        Share of all pairs to keep instead, the strongest. Pairs that tie, in single precision,
        with the weakest one kept are kept as well, so that the order of signals plays no part.
        Three times the work.
    fisher_z : bool
        Sum arctanh(r) instead of r. A correlation of 1 counts as the single precision number
        below it, whose z is 8.66.
    n_threads : int or None
        Threads to work with, each with one of linear algebra; None takes the cores of this
        process. The bits do not depend on it.

    Returns
    -------
    array of shape (n_signals,), float64, or with `both` a pair of them: binary, weighted.
        Binary is a whole number from 0 to n - 1 of the n signals that take part; weighted lies
        between 0 and binary (Fisher z: 8.66 times as much). NaN for a signal that takes no part,
        0 for one that is alone.

    Raises
    ------
    ValueError
        If an argument is out of its range, or fewer pairs correlate positively than
        `sparsity` asks for.

    Notes
    -----
    Memory beyond the input: twice the signals in single precision for a moment, once after that;
    2 MB for each thread, and a few numbers for each signal. The matrix of all pairs is never held.

    References
    ----------
    .. [1] Buckner et al. (2009). Cortical hubs revealed by intrinsic functional connectivity.
       J Neurosci 29, 1860-1873. doi:10.1523/JNEUROSCI.5062-08.2009
    .. [2] Zuo et al. (2012). Network centrality in the human functional connectome.
       Cereb Cortex 22, 1862-1875. doi:10.1093/cercor/bhr269

    >>> wave = np.sin(np.arange(20.0))
    >>> alike = np.column_stack([wave, 2 * wave + 5, -wave, np.ones(20)])
    >>> degree_centrality(alike, weighted=False)
    array([ 1.,  1.,  0., nan])
    """
    signals = np.asarray(signals)
    _check(signals, threshold, sparsity, n_threads)
    binary, strength = np.full((2, signals.shape[1]), np.nan)
    # Threads of ours that each start threads of linear algebra would wait for each other.
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(n_threads or cores_of_process()) as pool,
    ):
        span = span_of(signals, pool)
        above = np.float32(threshold)
        if sparsity is not None:
            above = _weakest_kept(span, sparsity, pool)
        binary[span.where], strength[span.where] = _degrees(span, above, fisher_z, pool)
    if not fisher_z:
        strength = np.minimum(strength, binary)  # rounding lets a correlation of 1 exceed it
    if both:
        return binary, strength
    return strength if weighted else binary


def _degrees(
    span: Span, above: np.float32, fisher_z: bool, pool: ThreadPoolExecutor
) -> tuple[np.ndarray, np.ndarray]:
    """Counts and sums of correlations above a threshold, for each point."""
    from lumbago.measures.above import add_above, add_fisher_above

    add = add_fisher_above if fisher_z else add_above
    n = len(span.points)
    counts, sums = np.zeros((2, n), np.int64)
    lock = threading.Lock()

    def work(panel: int) -> None:
        start = panel * PANEL
        own_counts, own_sums = np.zeros(n - start, np.int64), np.zeros(n - start)
        n_rows = min(PANEL, n - start)
        row_counts, row_sums = np.zeros(n_rows, np.int64), np.zeros(n_rows)
        for first, block in span.blocks(panel):
            columns = slice(first - start, first - start + block.shape[1])
            add(block, above, row_counts, row_sums, own_counts[columns], own_sums[columns])
        own_counts[:n_rows] += row_counts
        own_sums[:n_rows] += row_sums
        whole = np.rint(own_sums / _UNIT).astype(np.int64)
        with lock:
            counts[start:] += own_counts
            sums[start:] += whole

    list(pool.map(work, range(span.n_panels)))
    return counts.astype(np.float64), sums * _UNIT


def _weakest_kept(span: Span, sparsity: float, pool: ThreadPoolExecutor) -> np.float32:
    """Return the largest number that the strongest pairs all exceed.

    Positive numbers order as their bits do: one pass counts by the leading bits, a second
    one by the others among those where the sought rank falls, which is by value.
    """
    from lumbago.measures.above import COARSE_BITS, FINE_BITS, count_coarse, count_fine

    n = len(span.points)
    n_pairs = n * (n - 1) // 2
    wanted = int(np.floor(sparsity * n_pairs + 0.5))
    if not wanted:
        return np.float32(2)
    # A sample tells below which value none of them lies, most likely: counting those too is slow.
    sample = _histogram(span, 2**COARSE_BITS, partial(count_coarse, 0), pool, n_blocks=1)
    lowest, _ = _bin_of_rank(sample, int(_MARGIN * sparsity * sample.sum()) + 1)
    counts = _histogram(span, 2**COARSE_BITS, partial(count_coarse, lowest), pool)
    if counts.sum() < wanted:
        counts = _histogram(span, 2**COARSE_BITS, partial(count_coarse, 0), pool)
    if counts.sum() < wanted:
        raise ValueError(
            f"degree_centrality: sparsity {sparsity:g} asks for {wanted} of {n_pairs} pairs, "
            f"but only {counts.sum()} correlate positively; ask for fewer or give a threshold"
        )
    coarse, still_wanted = _bin_of_rank(counts, wanted)
    counts = _histogram(span, 2**FINE_BITS, partial(count_fine, coarse), pool)
    fine, _ = _bin_of_rank(counts, still_wanted)
    # The pattern below that of the weakest pair kept is the largest number it exceeds.
    return np.int32((coarse << FINE_BITS) + fine - 1).view(np.float32)


def _histogram(
    span: Span,
    n_bins: int,
    count: Callable[[np.ndarray, np.ndarray], None],
    pool: ThreadPoolExecutor,
    n_blocks: int | None = None,
) -> np.ndarray:
    """Count all pairs, or those of the first `n_blocks` blocks of each panel."""
    total = np.zeros(n_bins, np.int64)
    lock = threading.Lock()

    def work(panel: int) -> None:
        found = np.zeros(n_bins, np.int64)
        for _, block in islice(span.blocks(panel), n_blocks):
            count(block.view(np.int32), found)
        with lock:
            total[:] += found

    list(pool.map(work, range(span.n_panels)))
    return total


def _bin_of_rank(counts: np.ndarray, rank: int) -> tuple[int, int]:
    """Bin that holds the value of this rank from the top (-1: none), and the rank within it."""
    from_top = np.cumsum(counts[::-1])
    behind = int(np.searchsorted(from_top, rank))
    before = int(from_top[behind - 1]) if behind else 0
    return len(counts) - 1 - behind, rank - before


def _check(
    signals: np.ndarray, threshold: float, sparsity: float | None, n_threads: int | None
) -> None:
    if signals.ndim != 2 or len(signals) < 2:
        raise ValueError(
            "degree_centrality: expected signals of shape (n_volumes, n_signals) with at least "
            f"2 volumes, got {signals.shape}"
        )
    if not 0 <= threshold < 1:
        raise ValueError(
            f"degree_centrality: threshold lies from 0 to below 1, got {threshold:g}; "
            "negative correlations play no part"
        )
    if sparsity is not None and not 0 < sparsity <= 1:
        raise ValueError(
            "degree_centrality: sparsity is a share of all pairs, above 0 and at most 1, "
            f"got {sparsity:g}"
        )
    if n_threads is not None and n_threads < 1:
        raise ValueError(f"degree_centrality: n_threads is at least 1, got {n_threads}")

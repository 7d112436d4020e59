"""Permutations that respect who belongs together, and the p-value of a permutation test."""

from __future__ import annotations

import numpy as np


def whole_block(
    blocks: np.ndarray,
    rng: np.random.Generator,
    *,
    strata: np.ndarray | None = None,
    constant: bool = False,
) -> np.ndarray:
    """Exchange blocks as wholes: the rows of one block get the values of another one's rows.

    Parameters
    ----------
    blocks : array of shape (n,)
        Block (participant) of each row.
    rng : numpy Generator
    strata : array of shape (n,), optional
        Blocks are exchanged within strata (scanners) only. A block whose rows lie in several
        strata belongs to the stratum of that very combination.
    constant : bool
        The values to be permuted do not vary within a block: blocks of any size are then
        exchanged, each row taking the first row of the other block. Otherwise only blocks of
        equal size are, row by row in order.

    Returns
    -------
    array of shape (n,) of int
        Where each row takes its value from: ``permuted = values[index]``.

    References
    ----------
    .. [1] Winkler, Webster, Vidaurre, Nichols & Smith (2015). NeuroImage 123, 253-268.
       doi:10.1016/j.neuroimage.2015.05.092
    """
    names, block = np.unique(blocks, return_inverse=True)
    block = block.ravel()
    order = np.argsort(block, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(block))[:-1])
    place = np.asarray(strata)
    kinds: dict[tuple[object, ...], list[int]] = {}
    for b in range(len(names)):
        key: tuple[object, ...] = () if constant else (len(rows[b]),)
        if strata is not None:
            key += tuple(sorted(set(place[rows[b]].tolist())))
        kinds.setdefault(key, []).append(b)
    index = np.empty(len(block), dtype=np.int64)
    for key in sorted(kinds, key=repr):
        members = kinds[key]
        for b, other in zip(members, rng.permutation(members), strict=True):
            index[rows[b]] = rows[other][0] if constant else rows[other]
    return index


def within_block(
    blocks: np.ndarray, rng: np.random.Generator, *, strata: np.ndarray | None = None
) -> np.ndarray:
    """Exchange rows within their block (and stratum) only.

    Returns
    -------
    array of shape (n,) of int
        Where each row takes its value from.
    """
    key = np.unique(blocks, return_inverse=True)[1].ravel()
    if strata is not None:
        second = np.unique(strata, return_inverse=True)[1].ravel()
        key = key * (second.max() + 1) + second
    home = np.argsort(key, kind="stable")
    shuffled = rng.permutation(len(key))
    source = shuffled[np.argsort(key[shuffled], kind="stable")]
    index = np.empty(len(key), dtype=np.int64)
    index[home] = source
    return index


def p_value(observed: float, null: np.ndarray) -> float:
    """Share of scores at least as high as the observed, itself among them: (b + 1) / (m + 1).

    Null scores that are NaN are left out of both counts; NaN where nothing is left.

    >>> p_value(0.9, np.array([0.5, 0.6, 0.95]))
    0.5

    References
    ----------
    .. [1] Phipson & Smyth (2010). Stat Appl Genet Mol Biol 9, 39. doi:10.2202/1544-6115.1585
    """
    null = np.asarray(null, dtype=float)
    null = null[np.isfinite(null)]
    if len(null) == 0 or not np.isfinite(observed):
        return float("nan")
    # A score that differs by rounding alone is as high as the observed one.
    slack = 1e-12 * max(1.0, abs(observed))
    return float((np.sum(null >= observed - slack) + 1) / (len(null) + 1))


def max_statistic(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """P-values of several scores, corrected for having looked at all of them.

    Each score is standardized by the mean and spread of its own permutations, the observed
    score counted among them, so that a score with a wide null does not decide for all; the
    largest of each permutation is what every observed score is held against. All scores must
    have seen the same permutations, in the same order. The familywise error is controlled
    whatever their dependence [1]_.

    Parameters
    ----------
    observed : array of shape (n_scores,)
        Higher is better; NaN where a score is undefined.
    null : array of shape (n_permutations, n_scores)
        NaN where a score was undefined in a permutation: it is not the largest there.

    Returns
    -------
    array of shape (n_scores,)
        (b + 1) / (m + 1); NaN where the observed score is undefined or nothing varies.

    References
    ----------
    .. [1] Nichols & Holmes (2002). Human Brain Mapping 15, 1-25. doi:10.1002/hbm.1058
    """
    observed, null = np.asarray(observed, dtype=float), np.asarray(null, dtype=float)
    if null.ndim != 2 or null.shape[1:] != observed.shape:
        raise ValueError(
            f"null must be (n_permutations, {len(observed)}), one column per observed score; "
            f"got {null.shape}"
        )
    if not len(null):
        return np.full(len(observed), np.nan)
    together = np.vstack([observed, null])
    there = np.isfinite(together)
    n = there.sum(axis=0)
    filled = np.where(there, together, 0.0)
    mean = np.divide(filled.sum(axis=0), n, out=np.zeros(len(n)), where=n > 0)
    off = np.where(there, together - mean, 0.0)
    spread = np.sqrt(np.divide((off**2).sum(axis=0), n, out=np.zeros(len(n)), where=n > 0))
    # Rounding leaves a constant with a spread of about its size times 1e-16.
    varies = spread > 1e-12 * np.maximum(1.0, np.abs(mean))
    z = np.divide(off, spread, out=np.zeros_like(off), where=varies)
    z = np.where(there & varies, z, -np.inf)
    largest = z[1:].max(axis=1)
    better = (largest[:, None] >= z[0] - 1e-9).sum(axis=0)
    return np.where(there[0] & varies, (better + 1) / (len(null) + 1), np.nan)

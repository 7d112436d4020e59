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
    kinds: dict[tuple[object, ...], list[int]] = {}
    for b in range(len(names)):
        key: tuple[object, ...] = () if constant else (len(rows[b]),)
        if strata is not None:
            key += tuple(np.unique(np.asarray(strata)[rows[b]]).tolist())
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

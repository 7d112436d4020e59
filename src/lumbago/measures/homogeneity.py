"""Regional homogeneity: how alike neighbouring signals rise and fall."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np

from lumbago.measures.neighbourhood import neighbour_sums
from lumbago.measures.ranks import doubled_ranks
from lumbago.measures.threads import cores_of_process

Ties = Literal["average", "corrected"]
Neighbours = Literal[7, 19, 27, 125]

# Voxels ranked and planes summed by one task; fixed, so that work is cut by size alone.
_VOXELS_AT_ONCE = 1024
_PLANES_AT_ONCE = 8


def kendall_w(signals: np.ndarray, ties: Ties = "average") -> float:
    """Kendall's coefficient of concordance of several signals over time.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)
        Each signal ranks the volumes; tied values share their mean rank.
    ties : {"average", "corrected"}
        ``average`` is DPABI's formula, whose denominator ignores ties; ``corrected`` is the
        textbook's and AFNI's, which takes them into account. Without ties they are equal.

    Returns
    -------
    float in [0, 1]; NaN if any value is not finite, or if every signal is constant and
    ties are corrected.

    Raises
    ------
    ValueError
        If there are fewer than 2 volumes or no signals, or `ties` is unknown.

    References
    ----------
    .. [1] Kendall & Babington Smith (1939). The problem of m rankings. Ann Math Stat 10,
       275-287. doi:10.1214/aoms/1177732186
    .. [2] Zang et al. (2004). Regional homogeneity approach to fMRI data analysis.
       NeuroImage 22, 394-400. doi:10.1016/j.neuroimage.2003.12.030

    >>> round(kendall_w(np.array([[1, 2, 1], [2, 1, 3], [3, 3, 2], [4, 4, 5],
    ...                           [5, 6, 4], [6, 5, 6]])), 6)
    0.873016
    """
    _check_ties(ties)
    signals = np.asarray(signals)
    if signals.ndim != 2 or len(signals) < 2 or signals.shape[1] < 1:
        raise ValueError(
            "kendall_w: expected signals of shape (n_volumes, n_signals) with at least 2 volumes "
            f"and 1 signal, got {signals.shape}"
        )
    if not np.isfinite(signals).all():
        return float("nan")
    n_volumes, n_signals = signals.shape
    ranks, tied = doubled_ranks(np.ascontiguousarray(signals.T), np.int64)
    spread = ranks.sum(axis=0, dtype=np.float64) - n_signals * (n_volumes + 1)
    correction = tied.sum(dtype=np.float64) if ties == "corrected" else 0.0
    with np.errstate(invalid="ignore"):
        return float(_concordance(spread @ spread, float(n_signals), n_volumes, correction))


def reho(
    volumes: np.ndarray,
    mask: np.ndarray,
    neighbours: Neighbours = 27,
    ties: Ties = "average",
    *,
    min_voxels: int = 2,
    n_threads: int | None = None,
) -> np.ndarray:
    """Regional homogeneity: Kendall's W of every voxel with its neighbours.

    Only voxels inside the mask take part, at the border of the volume as well. Constant
    voxels and voxels with a value that is not finite rank nothing: they take no part
    and are NaN themselves.

    Parameters
    ----------
    volumes : array of shape (x, y, z, n_volumes)
        Band-passed, not smoothed, any unit. Never changed.
    mask : boolean array of shape (x, y, z)
    neighbours : {7, 19, 27, 125}
        Voxels of a full neighbourhood, itself included: shared faces (7), faces and edges
        (19), the cube of 3 (27), the cube of 5 (125).
    ties : {"average", "corrected"}
        As in `kendall_w`; ``average`` gives DPABI's values to the last bit.
    min_voxels : int
        Fewer voxels than this do not make a value.
    n_threads : int or None
        Threads to work with; None takes the cores of this process. The values do not
        depend on it: ranks and their sums are whole numbers.

    Returns
    -------
    array of shape (x, y, z), float64, in [0, 1]; NaN outside the mask, where a voxel takes no
    part, and where fewer than `min_voxels` do.

    Raises
    ------
    ValueError
        If shapes differ or an argument is out of its range.

    References
    ----------
    .. [1] Zang et al. (2004). Regional homogeneity approach to fMRI data analysis.
       NeuroImage 22, 394-400. doi:10.1016/j.neuroimage.2003.12.030

    >>> rng = np.random.default_rng(0)
    >>> volumes = rng.normal(size=(5, 5, 5, 60)) + rng.normal(size=60)
    >>> found = reho(volumes, np.ones((5, 5, 5), bool))
    >>> found.shape, bool(found[2, 2, 2] > 0.4)
    ((5, 5, 5), True)
    """
    volumes, mask = np.asarray(volumes), np.asarray(mask)
    if volumes.ndim != 4:
        raise ValueError(
            "reho: expected volumes of shape (x, y, z, n_volumes) with at least 2 volumes, "
            f"got {volumes.shape}"
        )
    _check(volumes.shape[:3], volumes.shape[3], mask, neighbours, ties, min_voxels, n_threads)
    gathered = _by_voxel(volumes, mask)
    result = np.full(mask.shape, np.nan)
    result[mask] = _concordances(gathered, mask, neighbours, ties, min_voxels, n_threads)
    return result


def neighbour_concordance(
    signals: np.ndarray,
    mask: np.ndarray,
    neighbours: Neighbours = 27,
    ties: Ties = "average",
    *,
    min_voxels: int = 2,
    n_threads: int | None = None,
) -> np.ndarray:
    """`reho` of the voxels of a mask.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_voxels)
        Voxels of the mask, in C order; at least 2 volumes. Never changed.
    mask, neighbours, ties, min_voxels, n_threads
        As for `reho`.

    Returns
    -------
    array of shape (n_voxels,), float64

    Raises
    ------
    ValueError
        If shapes differ or an argument is out of its range.
    """
    signals, mask = np.asarray(signals), np.asarray(mask)
    if signals.ndim != 2 or signals.shape[1] != np.count_nonzero(mask):
        raise ValueError(
            f"neighbour_concordance: expected signals of shape (n_volumes, "
            f"{np.count_nonzero(mask)}), one per voxel of the mask, got {signals.shape}"
        )
    _check(mask.shape, len(signals), mask, neighbours, ties, min_voxels, n_threads)
    return _concordances(signals.T, mask, neighbours, ties, min_voxels, n_threads)


def _check(
    shape: tuple[int, ...],
    n_volumes: int,
    mask: np.ndarray,
    neighbours: int,
    ties: str,
    min_voxels: int,
    n_threads: int | None,
) -> None:
    _check_ties(ties)
    if neighbours not in (7, 19, 27, 125):
        raise ValueError(f"reho: neighbours is 7, 19, 27 or 125, got {neighbours}")
    if n_volumes < 2:
        raise ValueError(f"reho: expected at least 2 volumes, got {n_volumes}")
    if mask.dtype != bool or mask.ndim != 3 or mask.shape != shape:
        raise ValueError(
            f"reho: expected a boolean mask of shape {shape}, got {mask.dtype} of {mask.shape}"
        )
    if min_voxels < 1 or (n_threads is not None and n_threads < 1):
        raise ValueError("reho: min_voxels and n_threads are at least 1")


def _concordances(
    gathered: np.ndarray,
    mask: np.ndarray,
    neighbours: int,
    ties: Ties,
    min_voxels: int,
    n_threads: int | None,
) -> np.ndarray:
    """W of every voxel of the mask, from its signals (n_voxels, n_volumes)."""
    if not mask.any():
        return np.empty(0)
    box = tuple(slice(i.min(), i.max() + 1) for i in np.nonzero(mask))
    with ThreadPoolExecutor(n_threads or cores_of_process()) as pool:
        return _reho(gathered, mask[box], neighbours, ties, min_voxels, pool)[mask[box]]


def _reho(
    gathered: np.ndarray,
    mask: np.ndarray,
    neighbours: int,
    ties: Ties,
    min_voxels: int,
    pool: ThreadPoolExecutor,
) -> np.ndarray:
    n_volumes = gathered.shape[1]
    reach = 2 if neighbours == 125 else 1
    padded = tuple(n + 2 * reach for n in mask.shape)
    # Twice a rank is whole even if values tie, and so is every sum below.
    dtype = np.int16 if neighbours * 2 * n_volumes < 2**15 else np.int32
    ranks = np.zeros((*padded, n_volumes), dtype)
    takes_part = np.zeros(padded, np.int32)
    tied = np.zeros(padded, np.float64)

    where = np.nonzero(mask)
    to = np.ravel_multi_index(tuple(i + reach for i in where), padded)

    def rank(start: int) -> None:
        some = slice(start, start + _VOXELS_AT_ONCE)
        signals = np.ascontiguousarray(gathered[some])
        usable = np.isfinite(signals).all(axis=1) & (signals != signals[:, :1]).any(axis=1)
        found, groups = doubled_ranks(signals[usable], dtype)
        at = to[some][usable]
        ranks.reshape(-1, n_volumes)[at] = found
        takes_part.reshape(-1)[at] = 1
        tied.reshape(-1)[at] = groups

    list(pool.map(rank, range(0, len(to), _VOXELS_AT_ONCE)))

    result = np.full(mask.shape, np.nan)
    inner = (slice(reach, -reach),) * 2

    def concordance(start: int) -> None:
        planes = range(start, min(start + _PLANES_AT_ONCE, len(result)))
        sums = neighbour_sums(ranks, planes, neighbours)
        counts = neighbour_sums(takes_part, planes, neighbours)
        groups = neighbour_sums(tied, planes, neighbours)
        for x, summed, count, group in zip(planes, sums, counts, groups, strict=True):
            wanted = (takes_part[x + reach][inner] > 0) & (count >= min_voxels)
            k = count[wanted].astype(np.float64)
            spread = summed[wanted].astype(np.float64)
            spread -= k[:, None] * (n_volumes + 1)
            squares = np.einsum("ij,ij->i", spread, spread)
            correction = group[wanted] if ties == "corrected" else 0.0
            result[x][wanted] = _concordance(squares, k, n_volumes, correction)

    list(pool.map(concordance, range(0, len(result), _PLANES_AT_ONCE)))
    return result


def _concordance(
    squares: np.ndarray | float,
    n_signals: np.ndarray | float,
    n_volumes: int,
    correction: np.ndarray | float,
) -> np.ndarray:
    """W from the squared deviations of doubled rank sums."""
    n = float(n_volumes)
    return np.asarray(3 * squares / (n_signals**2 * (n**3 - n) - n_signals * correction))


def _by_voxel(volumes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Gather the mask's voxels as (n_voxels, n_volumes), in C order of the grid.

    Reading along the memory of the input decides the speed; images keep time slowest.
    """
    if abs(volumes.strides[3]) <= min(abs(s) for s in volumes.strides[:3]):
        return np.asarray(volumes[mask])
    by_volume = np.empty((volumes.shape[3], int(mask.sum())), volumes.dtype)
    for t, row in enumerate(by_volume):
        row[:] = volumes[..., t][mask]
    return by_volume.T


def _check_ties(ties: str) -> None:
    if ties not in ("average", "corrected"):
        raise ValueError(f"ties is 'average' or 'corrected', got {ties!r}")

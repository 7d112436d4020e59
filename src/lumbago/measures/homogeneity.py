"""Regional homogeneity: how alike neighbouring signals rise and fall."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np

Ties = Literal["average", "corrected"]
Neighbours = Literal[7, 19, 27, 125]

# Voxels ranked and planes summed by one task; fixed, so that work is cut by size alone.
_VOXELS_AT_ONCE = 1024
_PLANES_AT_ONCE = 8
# Single precision holds every value of these exactly.
_FITS_FLOAT32 = (np.float16, np.float32, np.int8, np.uint8, np.int16, np.uint16, np.bool_)


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
    ranks, tied = _doubled_ranks(np.ascontiguousarray(signals.T), np.int64)
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
    """
    volumes, mask = np.asarray(volumes), np.asarray(mask)
    _check_ties(ties)
    if neighbours not in (7, 19, 27, 125):
        raise ValueError(f"reho: neighbours is 7, 19, 27 or 125, got {neighbours}")
    if volumes.ndim != 4 or volumes.shape[3] < 2:
        raise ValueError(
            "reho: expected volumes of shape (x, y, z, n_volumes) with at least 2 volumes, "
            f"got {volumes.shape}"
        )
    if mask.dtype != bool or mask.shape != volumes.shape[:3]:
        raise ValueError(
            f"reho: expected a boolean mask of shape {volumes.shape[:3]}, "
            f"got {mask.dtype} of {mask.shape}"
        )
    if min_voxels < 1 or (n_threads is not None and n_threads < 1):
        raise ValueError("reho: min_voxels and n_threads are at least 1")

    result = np.full(mask.shape, np.nan)
    if not mask.any():
        return result
    box = tuple(slice(i.min(), i.max() + 1) for i in np.nonzero(mask))
    with ThreadPoolExecutor(n_threads or _cores()) as pool:
        result[box] = _reho(volumes[box], mask[box], neighbours, ties, min_voxels, pool)
    return result


def _reho(
    volumes: np.ndarray,
    mask: np.ndarray,
    neighbours: int,
    ties: Ties,
    min_voxels: int,
    pool: ThreadPoolExecutor,
) -> np.ndarray:
    n_volumes = volumes.shape[3]
    reach = 2 if neighbours == 125 else 1
    padded = tuple(n + 2 * reach for n in mask.shape)
    # Twice a rank is whole even if values tie, and so is every sum below.
    dtype = np.int16 if neighbours * 2 * n_volumes < 2**15 else np.int32
    ranks = np.zeros((*padded, n_volumes), dtype)
    takes_part = np.zeros(padded, np.int32)
    tied = np.zeros(padded, np.float64)

    where = np.nonzero(mask)
    to = np.ravel_multi_index(tuple(i + reach for i in where), padded)
    gathered = _by_voxel(volumes, mask)

    def rank(start: int) -> None:
        some = slice(start, start + _VOXELS_AT_ONCE)
        signals = np.ascontiguousarray(gathered[some])
        usable = np.isfinite(signals).all(axis=1) & (signals != signals[:, :1]).any(axis=1)
        found, groups = _doubled_ranks(signals[usable], dtype)
        at = to[some][usable]
        ranks.reshape(-1, n_volumes)[at] = found
        takes_part.reshape(-1)[at] = 1
        tied.reshape(-1)[at] = groups

    list(pool.map(rank, range(0, len(to), _VOXELS_AT_ONCE)))

    result = np.full(mask.shape, np.nan)
    inner = (slice(reach, -reach),) * 2

    def concordance(start: int) -> None:
        planes = range(start, min(start + _PLANES_AT_ONCE, len(result)))
        sums = _neighbour_sums(ranks, planes, neighbours)
        counts = _neighbour_sums(takes_part, planes, neighbours)
        groups = _neighbour_sums(tied, planes, neighbours)
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


def _doubled_ranks(signals: np.ndarray, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Twice the mean ranks of each row, and its sum of t^3 - t over groups of t tied values."""
    n_signals, n_volumes = signals.shape
    if signals.dtype in _FITS_FLOAT32:
        order, same = _order_packed(signals)
    else:
        order = np.argsort(signals, axis=1)
        ordered = np.take_along_axis(signals, order, axis=1)
        same = ordered[:, 1:] == ordered[:, :-1]
    places = np.broadcast_to(np.arange(2, 2 * n_volumes + 2, 2, dtype=dtype), signals.shape)
    groups = np.zeros(n_signals)
    uneven = same.any(axis=1)
    if uneven.any():
        places = places.copy()
        places[uneven], groups[uneven] = _shared_places(same[uneven], dtype)
    ranks: np.ndarray = np.empty(signals.shape, dtype)
    np.put_along_axis(ranks, order, places, axis=1)
    return ranks, groups


def _order_packed(signals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of each row, and which neighbours in that order are equal.

    A value's bits, made to sort like the value, and its index share one 64-bit word:
    sorting words is several times faster than sorting indices by values.
    """
    bits = (signals.astype(np.float32) + np.float32(0)).view(np.int32)  # + 0 makes -0 into 0
    # Negative numbers sort backwards by their bits: flip all of theirs, and others' sign.
    keys = (bits ^ ((bits >> 31) | np.int32(-(2**31)))).view(np.uint32)
    words = keys.astype(np.uint64) << np.uint64(32)
    words |= np.arange(signals.shape[1], dtype=np.uint64)
    words.sort(axis=1)
    order = (words & np.uint64(0xFFFFFFFF)).astype(np.intp)
    words >>= np.uint64(32)
    return order, words[:, 1:] == words[:, :-1]


def _shared_places(same: np.ndarray, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Doubled mean ranks in sorted order where values tie, and sums of t^3 - t."""
    n = same.shape[1] + 1
    edge = np.ones((len(same), 1), bool)
    place = np.arange(n)
    first = np.maximum.accumulate(np.where(np.hstack([edge, ~same]), place, 0), axis=1)
    last = np.where(np.hstack([~same, edge]), place, n)[:, ::-1]
    last = np.minimum.accumulate(last, axis=1)[:, ::-1]
    size = (last - first + 1).astype(np.float64)
    # Each member of a group of t brings t^2 - 1, together t^3 - t.
    return (first + last + 2).astype(dtype), (size**2 - 1).sum(axis=1)


def _neighbour_sums(padded: np.ndarray, planes: range, neighbours: int) -> list[np.ndarray]:
    """Sum over each voxel's neighbourhood, for some planes of a grid padded by its reach."""
    if neighbours in (27, 125):
        reach = 1 if neighbours == 27 else 2
        flat = [_square(padded[x], reach) for x in _with_border(planes, reach)]
        return [_total(flat[i : i + 2 * reach + 1]) for i in range(len(planes))]
    slabs = [padded[x] for x in _with_border(planes, 1)]
    middle = [_square(s, 1) if neighbours == 19 else _cross(s) for s in slabs[1:-1]]
    beside = [_cross(s) if neighbours == 19 else s[1:-1, 1:-1] for s in slabs]
    return [_total([m, beside[i], beside[i + 2]]) for i, m in enumerate(middle)]


def _with_border(planes: range, reach: int) -> range:
    return range(planes.start, planes.stop + 2 * reach)


def _square(plane: np.ndarray, reach: int) -> np.ndarray:
    width = 2 * reach + 1
    ny, nz = (n - 2 * reach for n in plane.shape[:2])
    along_y = _total([plane[i : i + ny] for i in range(width)])
    return _total([along_y[:, i : i + nz] for i in range(width)])


def _cross(plane: np.ndarray) -> np.ndarray:
    return _total(
        [plane[1:-1, 1:-1], plane[:-2, 1:-1], plane[2:, 1:-1], plane[1:-1, :-2], plane[1:-1, 2:]]
    )


def _total(parts: list[np.ndarray]) -> np.ndarray:
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total


def _check_ties(ties: str) -> None:
    if ties not in ("average", "corrected"):
        raise ValueError(f"ties is 'average' or 'corrected', got {ties!r}")


def _cores() -> int:
    """Cores of this process, or fewer where several processes share them.

    joblib tells its workers their share the way that linear algebra libraries are told.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    share = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(share))) if share.isdecimal() else cores

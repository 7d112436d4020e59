"""Homotopic connectivity: how a voxel's signal agrees with that of its mirror image."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np

from lumbago.measures.connectivity import fisher_z as to_fisher_z
from lumbago.measures.interpolation import linear_weights
from lumbago.measures.mirror import mirror_matrix, partners
from lumbago.measures.threads import cores_of_process

Midline = Literal["nan", "zero", "keep"]

# Values of one task; fixed, so that work is cut by size alone.
_VALUES_AT_ONCE = 2**17


def vmhc(
    volumes: np.ndarray,
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    fisher_z: bool = True,
    midline: Midline = "nan",
    n_threads: int | None = None,
) -> np.ndarray:
    """Voxel-mirrored homotopic connectivity: the correlation of each voxel with its mirror image.

    Voxels are mirrored about x = 0 of the world, through the affine. Where that leads from
    voxel centre to voxel centre, the two voxels are correlated, and both get the very same
    value. Elsewhere (the plane lies anywhere between voxels, the axes are oblique) the mirrored
    signal is interpolated linearly, between voxels that hold data only; the value is then
    that of a symmetric function of place at the voxel's centre, but of a signal as it stands
    with one that interpolation has smoothed. `mirror.symmetric_grid` and
    `interpolation.resample` treat both alike.

    Parameters
    ----------
    volumes : array of shape (x, y, z, n_volumes)
        Cleaned, not smoothed, any unit, at least 3 volumes. Never changed.
    mask : boolean array of shape (x, y, z)
    affine : array of shape (4, 4)
        Voxel to world. The middle of the brain lies at x = 0, as in any template; the template
        itself should be symmetric.
    fisher_z : bool
        Whether correlations become Fisher's z. A perfect one is first taken as the largest
        number below 1, whose z is 18.7; so does DPABI's limit of 1 - 1e-16 in double precision.
    midline : {"nan", "zero", "keep"}
        What stands in voxels that are part of their own mirror image (those whose centre is less
        than half a voxel from the plane), where the correlation says nothing: NaN, 0 as in
        DPABI, or what comes out, which is 1 where a voxel is its own image.
    n_threads : int or None
        Threads to work with; None takes the cores of this process. The values do not
        depend on it.

    Returns
    -------
    array of shape (x, y, z), float64; NaN outside the mask, for voxels that are constant or hold
    a value that is not finite, and where the mirror image does not hold data (by half of its
    weight, where it is interpolated). DPABI correlates with voxels outside the mask too: give
    it the union of the mask and its mirror image for that.

    Raises
    ------
    ValueError
        If shapes differ or an argument is out of its range.

    References
    ----------
    .. [1] Zuo et al. (2010). Growing together and growing apart: regional and sex differences in
       the lifespan developmental trajectories of functional homotopy. J Neurosci 30,
       15034-15043. doi:10.1523/JNEUROSCI.2612-10.2010

    >>> rng = np.random.default_rng(0)
    >>> half = rng.normal(size=(2, 3, 3, 50))
    >>> volumes = np.concatenate([half, half[::-1]])
    >>> affine = np.diag([4.0, 4.0, 4.0, 1.0])
    >>> affine[0, 3] = -6  # voxels at x = -6, -2, 2 and 6 mm
    >>> r = vmhc(volumes, np.ones((4, 3, 3), bool), affine, fisher_z=False)
    >>> bool(np.allclose(r, 1))
    True
    """
    volumes, mask = np.asarray(volumes), np.asarray(mask)
    if volumes.ndim != 4:
        raise ValueError(
            f"vmhc: expected volumes of shape (x, y, z, n_volumes), got {volumes.shape}"
        )
    _check(volumes, mask, volumes.shape[:3], volumes.shape[3], midline, n_threads)
    result = np.full(mask.shape, np.nan)
    table, rows = _by_voxel(volumes, mask)
    result[mask] = _homotopic(table, rows, mask, affine, fisher_z, midline, n_threads)
    return result


def homotopic_correlation(
    signals: np.ndarray,
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    fisher_z: bool = True,
    midline: Midline = "nan",
    n_threads: int | None = None,
) -> np.ndarray:
    """`vmhc` of the voxels of a mask.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_voxels)
        Voxels of the mask, in C order.
    mask, affine, fisher_z, midline, n_threads
        As for `vmhc`.

    Returns
    -------
    array of shape (n_voxels,), float64

    Raises
    ------
    ValueError
        If shapes differ or an argument is out of its range.
    """
    signals, mask = np.asarray(signals), np.asarray(mask)
    if signals.ndim != 2 or signals.shape[1] != mask.sum():
        raise ValueError(
            f"homotopic_correlation: expected signals of shape (n_volumes, {int(mask.sum())}), "
            f"one per voxel of the mask, got {signals.shape}"
        )
    _check(signals, mask, mask.shape, len(signals), midline, n_threads)
    every = np.arange(signals.shape[1])
    return _homotopic(signals.T, every, mask, affine, fisher_z, midline, n_threads)


def _check(
    values: np.ndarray,
    mask: np.ndarray,
    shape: tuple[int, ...],
    n_volumes: int,
    midline: str,
    n_threads: int | None,
) -> None:
    if n_volumes < 3 or values.dtype.kind not in "iuf":
        raise ValueError(
            f"vmhc: expected real numbers of at least 3 volumes, got {values.dtype} of {n_volumes}"
        )
    if mask.dtype != bool or mask.shape != shape or mask.ndim != 3:
        raise ValueError(
            f"vmhc: expected a boolean mask of shape {shape}, got {mask.dtype} of {mask.shape}"
        )
    if midline not in ("nan", "zero", "keep"):
        raise ValueError(f"vmhc: midline is 'nan', 'zero' or 'keep', got {midline!r}")
    if n_threads is not None and n_threads < 1:
        raise ValueError(f"vmhc: n_threads is at least 1, got {n_threads}")


def _by_voxel(volumes: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A table of voxels by volumes, and the mask's rows in it; a view wherever memory allows."""
    n_volumes = volumes.shape[3]
    if volumes.flags.c_contiguous:
        return volumes.reshape(-1, n_volumes), np.flatnonzero(mask)
    if volumes.flags.f_contiguous:
        rows = np.ravel_multi_index(np.nonzero(mask), mask.shape, order="F")
        return volumes.reshape(-1, n_volumes, order="F"), rows
    return volumes[mask], np.arange(int(mask.sum()))


def _homotopic(
    table: np.ndarray,
    rows: np.ndarray,
    mask: np.ndarray,
    affine: np.ndarray,
    fisher_z: bool,
    midline: Midline,
    n_threads: int | None,
) -> np.ndarray:
    """Correlate rows of a table of voxels by volumes with their mirror images."""
    images = partners(mask, affine)
    with ThreadPoolExecutor(n_threads or cores_of_process()) as pool:
        if images is None:
            r, own = _interpolated(table, rows, mask, affine, pool)
        else:
            r, own = _paired(table, rows, images, pool)
    if midline != "keep":
        r[own & ~np.isnan(r)] = np.nan if midline == "nan" else 0.0
    return to_fisher_z(r) if fisher_z else r


def _paired(
    table: np.ndarray, rows: np.ndarray, images: np.ndarray, pool: ThreadPoolExecutor
) -> tuple[np.ndarray, np.ndarray]:
    """Correlate voxels with voxels, every pair once."""
    number = np.arange(len(rows))
    first = np.flatnonzero(number <= images)
    first = first[np.argsort(rows[first])]  # as they lie in memory
    second = images[first]
    r = np.full(len(rows), np.nan)

    def correlate(some: slice) -> None:
        one, other = first[some], second[some]
        r[one] = _pearson(_fetched(table, rows[one]), _fetched(table, rows[other]))

    _in_blocks(correlate, len(first), table.shape[1], pool)
    r[second] = r[first]
    return r, images == number


def _interpolated(
    table: np.ndarray,
    rows: np.ndarray,
    mask: np.ndarray,
    affine: np.ndarray,
    pool: ThreadPoolExecutor,
) -> tuple[np.ndarray, np.ndarray]:
    """Correlate voxels with signals interpolated at their mirror images."""
    n_volumes = table.shape[1]
    single = (table.dtype.kind == "f" and table.dtype.itemsize <= 4) or table.dtype.itemsize <= 2
    signals = np.empty((len(rows), n_volumes), np.float32 if single else np.float64)
    varies = np.empty(len(rows), bool)
    as_they_lie = np.argsort(rows)

    def gather(some: slice) -> None:
        at = as_they_lie[some]
        block = _fetched(table, rows[at])
        varies[at] = np.isfinite(block).all(axis=1) & block.any(axis=1)
        signals[at] = block

    _in_blocks(gather, len(rows), n_volumes, pool)
    holds = mask.copy()
    holds[mask] = varies
    known = np.flatnonzero(varies)
    matrix = mirror_matrix(affine)
    at = np.argwhere(mask)[known]
    points = at @ matrix[:3, :3].T + matrix[:3, 3]
    weights = linear_weights(points, holds).astype(signals.dtype)
    empty = np.diff(weights.indptr) == 0
    if len(known) < len(rows):
        signals = signals[known]
    r = np.full(len(rows), np.nan)

    def correlate(some: slice) -> None:
        mirrored = (weights[some] @ signals).astype(np.float64)
        found = _pearson(signals[some].astype(np.float64), mirrored)
        found[empty[some]] = np.nan
        r[known[some]] = found

    _in_blocks(correlate, len(known), n_volumes, pool)
    own = np.zeros(len(rows), bool)
    own[known] = weights.diagonal() > 0
    return r, own


def _in_blocks(
    task: Callable[[slice], None], n: int, n_volumes: int, pool: ThreadPoolExecutor
) -> None:
    size = max(1, _VALUES_AT_ONCE // n_volumes)

    def quietly(some: slice) -> None:
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # set for each thread
            task(some)

    list(pool.map(quietly, [slice(i, i + size) for i in range(0, n, size)]))


def _fetched(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows in double precision, as deviations from their first values.

    A signal may ride on a mean thousands of times its fluctuation; what is left of a constant
    is exactly 0.
    """
    if table.flags.c_contiguous:
        block = table[rows]
        return np.subtract(block, block[:, :1], dtype=np.float64)
    turned = np.take(table.T, rows, axis=1)
    return np.subtract(turned, turned[:1], dtype=np.float64).T


def _pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Correlate row by row; NaN where a row is constant or holds NaN."""
    n = x.shape[1]
    sums = x.sum(axis=1), y.sum(axis=1)
    spread = [
        np.einsum("ij,ij->i", v, v) - total * total / n
        for v, total in zip((x, y), sums, strict=True)
    ]
    shared = np.einsum("ij,ij->i", x, y) - sums[0] * sums[1] / n
    r = shared / np.sqrt(spread[0] * spread[1])
    r[~((spread[0] > 0) & (spread[1] > 0))] = np.nan
    return np.clip(r, -1, 1)

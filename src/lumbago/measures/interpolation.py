"""Linear interpolation of signals between the voxels of a mask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lumbago.measures.threads import cores_of_process

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ON_CENTRE = 1e-3
"""Points nearer than this share of a voxel to a centre are the centre: affines are stored in
single precision."""

# Less of a point's weight inside the mask than this is no value.
_HALF = 0.5 - 1e-6


def resample(
    signals: np.ndarray,
    mask: np.ndarray,
    affine: np.ndarray,
    shape: tuple[int, ...],
    to: np.ndarray,
    *,
    n_threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate signals linearly onto another grid, between voxels of the mask only.

    Signals that never change hold no data: they stay in the mask, and are interpolated to 0.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_voxels)
        Voxels of the mask in C order.
    mask : boolean array of shape (x, y, z)
    affine : array of shape (4, 4)
    shape, to : three int, array of shape (4, 4)
        The new grid.
    n_threads : int or None
        Threads to work with; None takes the cores of this process. The values do not
        depend on it.

    Returns
    -------
    signals, mask
        (n_volumes, n_new_voxels) in the type of the signals, single precision at least; and where
        the new grid lies in the old mask.
    """
    varies = np.zeros(signals.shape[1], bool)
    for volume in signals:
        varies |= volume != signals[0]

    matrix = np.linalg.solve(np.asarray(affine, dtype=np.float64), to)
    points = matrix[:3, :3] @ np.indices(shape, dtype=np.float64).reshape(3, -1)
    points = (points + matrix[:3, 3:]).T
    near = np.asarray(((points > -1) & (points < mask.shape)).all(axis=1))
    low = np.floor(points[near]).astype(np.int64) + 1
    near[near] = _cells(mask)[tuple(low.T)]
    weights = linear_weights(points[near], mask)
    inside = np.diff(weights.indptr) > 0
    near[near] = inside
    if varies.all():
        weights = weights[np.flatnonzero(inside)]
    else:
        weights = linear_weights(points[near], mask, varies)
    weights = weights.astype(np.result_type(signals, np.float32))
    found = np.empty((len(signals), weights.shape[0]), weights.dtype)

    def interpolate(t: int) -> None:
        found[t] = weights @ signals[t]  # volume by volume, as signals lie in memory

    with ThreadPoolExecutor(n_threads or cores_of_process()) as pool:
        list(pool.map(interpolate, range(len(signals))))
    return found, near.reshape(shape)


def _cells(mask: np.ndarray) -> np.ndarray:
    """Whether the mask holds any corner of the cells between voxels, those around the grid too."""
    padded = np.pad(mask, 1)
    found = np.zeros(tuple(n + 1 for n in mask.shape), bool)
    for corner in product((slice(None, -1), slice(1, None)), repeat=3):
        found |= padded[corner]
    return found


def linear_weights(
    points: np.ndarray, mask: np.ndarray, holds: np.ndarray | None = None
) -> csr_array:
    """Weights that interpolate between the voxels of a mask.

    Trilinear; voxels outside the mask hold no data, and the others share their weight. A
    point with less than half of its weight on data has no value.

    Parameters
    ----------
    points : array of shape (n_points, 3)
        In voxel indices.
    mask : boolean array of shape (x, y, z)
    holds : boolean array of shape (n_voxels,), optional
        Which voxels of the mask hold data; None takes all.

    Returns
    -------
    sparse array of shape (n_points, n_voxels), rows of sum 1, empty where there is no value
    """
    from scipy.sparse import csr_array

    nearest = np.round(points)
    points = np.where(np.abs(points - nearest) < ON_CENTRE, nearest, points)
    low = np.floor(points).astype(np.int64)
    beyond = points - low
    numbers = numbered(mask, holds)
    rows, columns, weights = [], [], []
    # Along an axis that points follow from centre to centre, there is nothing to share.
    for corner in product(*[(0, 1) if some else (0,) for some in (beyond > 0).any(axis=0)]):
        weight = np.where(corner, beyond, 1 - beyond).prod(axis=1)
        at = low + corner
        takes_part = (weight > 0) & ((at >= 0) & (at < mask.shape)).all(axis=1)
        number = numbers[tuple(at[takes_part].T)]
        known = number >= 0
        rows.append(np.flatnonzero(takes_part)[known])
        columns.append(number[known])
        weights.append(weight[takes_part][known])
    row, column, weight = (np.concatenate(part) for part in (rows, columns, weights))
    total = np.bincount(row, weight, len(points))
    enough = total[row] >= _HALF
    row, column, weight = row[enough], column[enough], weight[enough]
    found = csr_array((weight / total[row], (row, column)), (len(points), int(mask.sum())))
    found.sort_indices()
    return found


def numbered(mask: np.ndarray, holds: np.ndarray | None = None) -> np.ndarray:
    """Number of each voxel among those of the mask, -1 where there is none."""
    number = np.arange(int(mask.sum()))
    numbers = np.full(mask.shape, -1)
    numbers[mask] = number if holds is None else np.where(holds, number, -1)
    return numbers

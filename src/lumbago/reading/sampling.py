"""Means of voxel signals over the regions of an atlas."""

from __future__ import annotations

from collections import OrderedDict
from itertools import product
from typing import Any

import numpy as np

from lumbago.data import Atlas
from lumbago.errors import InputError, ScanRejected
from lumbago.reading.weighting import lattice, share_of_mean, unmixing, weighted

_REMEMBERED = 8  # grids; a study has one, or one per scanner
_BLOCK = 16
_grids: OrderedDict[tuple[Any, ...], tuple[np.ndarray, ...]] = OrderedDict()


def region_means(
    values: np.ndarray,
    mask: np.ndarray,
    affine: np.ndarray,
    atlas: Atlas,
    *,
    min_coverage: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Average voxel signals over each region; the atlas is brought to the data, never the reverse.

    Parameters
    ----------
    values : array of shape (n_volumes, n_voxels)
        Signals of the voxels of `mask`, in C order. A voxel holds no data where it is not
        finite, or where it is the same in every one of several volumes. Volumes without any
        finite value are passed over and stay NaN.
    mask : boolean array of shape (x, y, z)
        Where the signals lie.
    affine : array of shape (4, 4)
        Voxel to world, in mm.
    atlas : Atlas
        Regions; resampled to the grid by nearest voxel, weight maps linearly.
    min_coverage : float
        Least share of a region that must hold data, in [0, 1]; below it the region is NaN.

    Returns
    -------
    means : float32 array of shape (n_volumes, n_regions)
        Columns in the order of the atlas, whatever the mask holds; NaN without data.
    coverage : float64 array of shape (n_regions,)
        Share of each region, or of its weight, that holds data, in [0, 1]; what lies outside
        the field of view counts as missing, and a region that no voxel of this grid falls
        into has 0.

    Raises
    ------
    ScanRejected
        ``E_ATLAS_ELSEWHERE`` if no region reaches into the mask.
    """
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] != np.count_nonzero(mask):
        raise ValueError(
            f"signals: expected (n_volumes, {np.count_nonzero(mask)} voxels of the mask), "
            f"got {values.shape}"
        )
    voxels, regions, share, total = _members(atlas, mask.shape, affine)
    place = np.full(mask.size, -1, dtype=np.int64)
    place[np.flatnonzero(mask)] = np.arange(values.shape[1])
    columns = place[voxels]
    inside = columns >= 0
    if not inside.any():
        raise ScanRejected(
            "E_ATLAS_ELSEWHERE",
            f"atlas {atlas.name} and the brain mask do not overlap; expected both in one space "
            f"(the atlas lies in {atlas.space})",
        )
    columns, regions, share = columns[inside], regions[inside], share[inside]
    whole = values
    if 4 * len(columns) < values.shape[1]:  # a few balls in a brain: the rest is not looked at
        reached, columns = np.unique(columns, return_inverse=True)
        values = values[:, reached]
    rows, good = _data(values, whole)
    if not good.all():
        alive = good[columns]
        columns, regions, share = columns[alive], regions[alive], share[alive]

    count = np.bincount(regions, minlength=len(atlas))
    held = np.bincount(regions, weights=np.abs(share), minlength=len(atlas))
    coverage = np.divide(held, total, out=np.zeros(len(atlas)), where=total > 0)
    means = np.full((len(values), len(atlas)), np.nan, dtype=np.float32)
    filled = (coverage >= min_coverage) & (count > 0)
    if filled.any() and rows.any():
        from scipy.sparse import csr_array

        starts = np.concatenate([[0], np.cumsum(count)])
        average = csr_array((share, columns, starts), shape=(len(atlas), values.shape[1]))
        mixed = atlas.kind == "probabilistic" and atlas.sampling == "least_squares"
        parted = unmixing(average, filled) if mixed else None
        average = average if mixed else share_of_mean(average)
        used = np.flatnonzero(rows)
        # A few volumes at once: their columns stay in cache while they are turned.
        for some in np.split(used, range(_BLOCK, len(used), _BLOCK)):
            turned = np.ascontiguousarray(values[some].T, dtype=np.float64)
            found = (average @ turned)[filled]
            means[np.ix_(some, filled)] = (found if parted is None else parted @ found).T
    return means, coverage


def atlas_on_grid(atlas: Atlas, shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """Place an atlas on a grid: 0 outside, else 1 + the region's row in ``atlas.labels``.

    Parameters
    ----------
    atlas : Atlas
        Where spheres overlap, the later region of the table is shown; of weight maps the one
        with the largest weight.
    shape : (x, y, z)
        Shape of the grid.
    affine : array of shape (4, 4)
        Voxel to world, in mm.

    Returns
    -------
    int32 array of the grid's shape
    """
    voxels, regions, share, _ = _members(atlas, shape, affine)
    labels = np.zeros(shape, dtype=np.int32)
    order = np.argsort(share, kind="stable")
    labels.reshape(-1)[voxels[order]] = regions[order] + 1
    return labels


def space_note(atlas: Atlas, space: str | None) -> str:
    """Say what a reader must know where scan and atlas name different spaces; empty if nothing.

    Variants of MNI space differ by millimetres, and no tool can see that from the images.
    """
    if not space or space == atlas.space or "unknown" in (space, atlas.space):
        return ""
    if space == "scanner":
        return (
            f"the scans lie in the scanner's own space and the atlas {atlas.name} in "
            f"{atlas.space}: its regions hold whatever tissue happens to lie there"
        )
    if space.startswith("MNI") and atlas.space == "MNI":
        return (
            f"the atlas {atlas.name} was published for MNI space without saying which "
            f"of its templates; the scans lie in {space}"
        )
    return (
        f"the atlas {atlas.name} lies in {atlas.space}, the scans in {space}; "
        "regions may be off by some millimetres"
    )


def _data(values: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Volumes that hold anything anywhere, and voxels that hold data in all of those."""
    rows = np.ones(len(values), dtype=bool)
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = values.min(axis=0), values.max(axis=0)
    good = np.isfinite(low) & np.isfinite(high)
    if not good.all():
        rows = np.isfinite(whole).any(axis=1)
        good = np.isfinite(values[rows]).all(axis=0)
        low, high = (
            values[rows].min(axis=0, initial=np.inf),
            values[rows].max(axis=0, initial=-np.inf),
        )
    if np.count_nonzero(rows) > 1:
        good &= low != high
    return rows, good


def _members(atlas: Atlas, shape: tuple[int, ...], affine: np.ndarray) -> tuple[np.ndarray, ...]:
    """Voxels of a grid by region: flat indices, region rows (sorted), weights, and region sizes.

    The size counts the voxels (or adds up their weights) that the grid would have, were it
    large enough for the whole atlas, so that a region half outside the field of view is seen
    as half covered.
    """
    affine = np.asarray(affine, dtype=np.float64)
    # By identity: hashing the voxels would cost more than the averaging.
    key = (atlas, tuple(shape), affine.tobytes())
    if key in _grids:
        _grids.move_to_end(key)
        return _grids[key]
    if atlas.kind == "probabilistic":
        points, regions, share = weighted(atlas, affine)
    else:
        points, regions = (_labelled if atlas.kind == "deterministic" else _balls)(atlas, affine)
        share = np.ones(len(regions))
    total = np.bincount(regions, weights=np.abs(share), minlength=len(atlas))
    inside = ((points >= 0) & (points < np.array(shape))).all(axis=1)
    points, regions, share = points[inside], regions[inside], share[inside]
    flat = np.ravel_multi_index(tuple(points.T), shape)
    order = np.lexsort((flat, regions))
    _grids[key] = flat[order], regions[order], share[order], total
    while len(_grids) > _REMEMBERED:
        _grids.popitem(last=False)
    return _grids[key]


def _labelled(atlas: Atlas, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lattice points (n, 3) of an endless grid whose nearest atlas voxel is labelled."""
    assert atlas.image is not None
    voxels = np.asanyarray(atlas.image.dataobj).astype(np.int64)
    index = atlas.labels["index"].to_numpy(dtype=np.int64)
    if not np.isin(voxels, index).any():
        raise InputError(f"atlas {atlas.name}: no voxel carries a label of its table")
    row = np.full(max(voxels.max(), index.max()) + 1, -1, dtype=np.int64)
    row[index] = np.arange(len(index))
    occupied = np.argwhere(voxels > 0)
    low, high = occupied.min(axis=0) - 0.5, occupied.max(axis=0) + 0.5
    to_grid = np.linalg.inv(affine) @ atlas.image.affine
    first, last = lattice(low, high, to_grid)
    axes = [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
    to_atlas = np.linalg.inv(to_grid)
    nearest = to_atlas[:3, 3].reshape(3, 1, 1, 1) + sum(
        to_atlas[:3, i].reshape(3, 1, 1, 1)
        * axes[i].reshape([-1 if i == j else 1 for j in range(3)])
        for i in range(3)
    )
    # A point on the border of two voxels goes to the upper one, as scipy's order 0 does;
    # the margin keeps rounding in the affines from deciding.
    at = np.floor(nearest + 0.5 + 1e-6).astype(np.int64)
    within = np.all([(at[i] >= 0) & (at[i] < voxels.shape[i]) for i in range(3)], axis=0)
    found = np.full(within.shape, -1, dtype=np.int64)
    found[within] = row[voxels[tuple(at[:, within])]]
    points = np.argwhere(found >= 0)
    return points + first, found[tuple(points.T)]


def _balls(atlas: Atlas, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lattice points within the radius of each centre, and the point nearest to the centre.

    The nearest one counts even when voxels are larger than the ball, as in nilearn.
    """
    inverse = np.linalg.inv(affine)
    centres = atlas.labels[["x", "y", "z"]].to_numpy(dtype=np.float64)
    # The row norms of the inverse bound how far a ball reaches along each grid axis.
    radii = atlas.radii
    reach = np.ceil(radii.max() * np.linalg.norm(inverse[:3, :3], axis=1)).astype(int) + 1
    offsets = np.array(list(product(*[range(-r, r + 1) for r in reach])))
    points, regions = [], []
    for region, (centre, radius) in enumerate(zip(centres, radii, strict=True)):
        at = np.floor(inverse[:3, :3] @ centre + inverse[:3, 3] + 0.5).astype(int)
        near = at + offsets
        world = near @ affine[:3, :3].T + affine[:3, 3]
        inside = np.linalg.norm(world - centre, axis=1) <= radius + 1e-9
        inside |= (offsets == 0).all(axis=1)
        points.append(near[inside])
        regions.append(np.full(np.count_nonzero(inside), region))
    return np.concatenate(points), np.concatenate(regions)

"""Where the regions of an atlas lie on the grid of a scan."""

from __future__ import annotations

from collections import OrderedDict
from itertools import product
from typing import Any

import numpy as np

from lumbago.data import Atlas
from lumbago.errors import InputError
from lumbago.reading.weighting import lattice, weighted

_REMEMBERED = 8  # grids; a study has one, or one per scanner
_grids: OrderedDict[tuple[Any, ...], tuple[np.ndarray, ...]] = OrderedDict()


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
    voxels, regions, share, _ = members(atlas, shape, affine)
    labels = np.zeros(shape, dtype=np.int32)
    order = np.argsort(share, kind="stable")
    labels.reshape(-1)[voxels[order]] = regions[order] + 1
    return labels


def members(atlas: Atlas, shape: tuple[int, ...], affine: np.ndarray) -> tuple[np.ndarray, ...]:
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

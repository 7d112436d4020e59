"""Weight maps of a probabilistic atlas: brought to a grid, and put to voxel signals."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from lumbago.data import Atlas

# Weights below this share of a map's largest are rounding of the interpolation.
_ROUNDING = 1e-9


def weighted(atlas: Atlas, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interpolate every map linearly on an endless grid, as nilearn does.

    Returns
    -------
    points : array of shape (n, 3)
        Lattice points with weight.
    regions : array of shape (n,)
        Rows of the atlas's table.
    weights : float64 array of shape (n,)
    """
    from scipy.ndimage import affine_transform

    assert atlas.image is not None
    maps = np.asanyarray(atlas.image.dataobj)
    to_grid = np.linalg.inv(affine) @ atlas.image.affine
    first, last = lattice(np.full(3, -1.0), np.array(maps.shape[:3], dtype=float), to_grid)
    to_atlas = np.linalg.inv(to_grid)
    start = to_atlas[:3, :3] @ first + to_atlas[:3, 3]
    points, regions, weights = [], [], []
    for region, index in enumerate(atlas.labels["index"]):
        on_grid = affine_transform(
            np.asarray(maps[..., int(index) - 1], dtype=np.float64),
            to_atlas[:3, :3],
            offset=start,
            output_shape=tuple(last - first + 1),
            order=1,
            mode="grid-constant",
        )
        at = np.argwhere(np.abs(on_grid) > _ROUNDING * np.abs(on_grid).max(initial=0))
        points.append(at + first)
        regions.append(np.full(len(at), region))
        weights.append(on_grid[tuple(at.T)])
    return np.concatenate(points), np.concatenate(regions), np.concatenate(weights)


def lattice(low: np.ndarray, high: np.ndarray, to_grid: np.ndarray) -> tuple[Any, Any]:
    """Return the first and last point of a grid's lattice around a box of atlas voxels."""
    corners = np.array(list(product(*zip(low, high, strict=True))))
    corners = corners @ to_grid[:3, :3].T + to_grid[:3, 3]
    first = np.floor(corners.min(axis=0)).astype(int)
    last = np.ceil(corners.max(axis=0)).astype(int)
    return first, last


def share_of_mean(weights: Any) -> Any:
    """Divide each region's weights (n_regions, n_voxels, sparse) by their sum."""
    sums = np.asarray(weights.sum(axis=1)).ravel()
    scaled = weights.copy()
    scale = np.divide(1.0, sums, out=np.zeros(len(sums)), where=sums != 0)
    scaled.data = scaled.data * np.repeat(scale, np.diff(weights.indptr))
    return scaled


def unmixing(weights: Any, filled: np.ndarray) -> np.ndarray:
    """Return what turns weighted sums into least-squares loadings of the filled regions' maps.

    Parameters
    ----------
    weights : sparse array of shape (n_regions, n_voxels)
    filled : boolean array of shape (n_regions,)
        Regions that hold data; the others take no part.

    Returns
    -------
    array of shape (n_filled, n_filled)
        Pseudo-inverse of the maps' products with each other.
    """
    maps = weights[np.flatnonzero(filled)]
    return np.asarray(np.linalg.pinv((maps @ maps.T).toarray(), hermitian=True))

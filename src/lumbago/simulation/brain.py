"""The brain that simulated people share: tissues, regions and baseline on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from lumbago.data.packaged import packaged_atlas

SPACE = "MNI152NLin2009aSym"


@dataclass(frozen=True, eq=False)
class Brain:
    """Tissue and regions of every voxel of the mask, in C order.

    Parameters
    ----------
    mask : boolean array of shape (x, y, z)
    affine : array of shape (4, 4), voxel to world in mm
    grey, white, fluid : float32 arrays of shape (n_voxels,), probabilities
    baseline : float32 array of shape (n_voxels,), mean of the images in scanner units
    moved : float32 array of shape (6, n_voxels)
        Change of the baseline per mm (x, y, z) and per radian (about x, y, z).
    region : int array of shape (n_voxels,), row in `labels`, -1 outside every region
    labels : DataFrame, the regions of lumbago200
    """

    mask: np.ndarray
    affine: np.ndarray
    grey: np.ndarray
    white: np.ndarray
    fluid: np.ndarray
    baseline: np.ndarray
    moved: np.ndarray
    region: np.ndarray
    labels: pd.DataFrame

    @property
    def points(self) -> np.ndarray:
        """World coordinates of the voxels, in mm, (n_voxels, 3)."""
        return np.argwhere(self.mask) @ self.affine[:3, :3].T + self.affine[:3, 3]


@lru_cache(maxsize=4)
def make_brain(voxel_size: float) -> Brain:
    """Bring nilearn's packaged symmetric template and lumbago200 to one grid.

    The grid is mirrored by world x = 0, which lies between two voxels. Each voxel's tissue
    is the template's, smoothed to the size of the voxel before it is read off.

    Parameters
    ----------
    voxel_size : float
        Edge of a voxel, in mm.
    """
    from nilearn import datasets
    from scipy.ndimage import gaussian_filter, map_coordinates

    templates = {
        "head": datasets.load_mni152_template(resolution=1),
        "grey": datasets.load_mni152_gm_template(resolution=1),
        "white": datasets.load_mni152_wm_template(resolution=1),
    }
    # Every second voxel: the template is smooth, and its grid stays symmetric.
    source = templates["head"].affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    coarse = {n: np.asarray(t.dataobj)[::2, ::2, ::2] for n, t in templates.items()}
    head = coarse["head"]
    occupied = np.argwhere(head > 0.1) @ source[:3, :3].T + source[:3, 3]
    low = np.floor(occupied.min(axis=0) / voxel_size) - 1
    high = np.ceil(occupied.max(axis=0) / voxel_size) + 1
    low[0] = -high[0]  # mirrored by x = 0
    shape = tuple((high - low).astype(int))
    affine = np.diag([voxel_size, voxel_size, voxel_size, 1.0])
    affine[:3, 3] = (low + 0.5) * voxel_size

    grid = np.indices(shape).reshape(3, -1)
    to_source = np.linalg.inv(source) @ affine
    at = to_source[:3, :3] @ grid + to_source[:3, 3:]
    sigma = 0.425 * voxel_size / 2  # half as wide as the voxel, in voxels of 2 mm
    read = {
        name: map_coordinates(
            gaussian_filter(tissue.astype(np.float32), sigma), at, order=1
        ).reshape(shape)
        for name, tissue in coarse.items()
    }
    mask = read["head"] > 0.25
    grey, white = np.clip(read["grey"], 0, 1), np.clip(read["white"], 0, 1)
    crowded = np.maximum(grey + white, 1)
    grey, white = grey / crowded, white / crowded
    fluid = np.where(mask, 1 - grey - white, 0)
    # On T2*-weighted images fluid is bright and white matter darker than grey.
    baseline = np.where(mask, 2_000 * (1.0 * grey + 0.8 * white + 1.25 * fluid), 0)

    atlas = packaged_atlas("lumbago200")
    assert atlas.image is not None
    voxels = np.asarray(atlas.image.dataobj).astype(int)
    to_atlas = np.linalg.inv(atlas.image.affine) @ affine
    nearest = np.floor(to_atlas[:3, :3] @ grid + to_atlas[:3, 3:] + 0.5 + 1e-6).astype(int)
    within = ((nearest >= 0) & (nearest < np.array(voxels.shape)[:, None])).all(axis=0)
    region = np.full(grid.shape[1], -1)
    row = np.full(voxels.max() + 1, -1)
    row[atlas.labels["index"]] = np.arange(len(atlas))
    region[within] = row[voxels[tuple(nearest[:, within])]]
    return Brain(
        mask=mask,
        affine=affine,
        grey=grey[mask].astype(np.float32),
        white=white[mask].astype(np.float32),
        fluid=fluid[mask].astype(np.float32),
        baseline=baseline[mask].astype(np.float32),
        moved=_moved(baseline, mask, affine),
        region=region.reshape(shape)[mask],
        labels=atlas.labels,
    )


def _moved(baseline: np.ndarray, mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """First-order change of the image when the head moves: its slope along each movement."""
    slope = np.stack(np.gradient(baseline, affine[0, 0]))[:, mask]
    x, y, z = (np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]).T
    turns = [
        z * slope[1] - y * slope[2],
        x * slope[2] - z * slope[0],
        y * slope[0] - x * slope[1],
    ]
    return np.stack([*-slope, *turns]).astype(np.float32)

"""Where the regions of an atlas lie."""

from __future__ import annotations

import numpy as np

from lumbago.data import Atlas
from lumbago.reading.atlas_images import centres


def region_places(atlas: Atlas) -> np.ndarray:
    """Return the place of every region, in mm.

    Parameters
    ----------
    atlas : Atlas

    Returns
    -------
    array of shape (n_regions, 3), in the order of the atlas
        x, y, z of its table where all are given, else the centre of mass of the region's voxels
        or weights; NaN for a region that the image does not hold.
    """
    table = atlas.labels
    if {"x", "y", "z"} <= set(table) and table[["x", "y", "z"]].notna().all(axis=None):
        return table[["x", "y", "z"]].to_numpy(dtype=np.float64)
    assert atlas.image is not None
    rows = atlas.labels["index"].to_numpy(dtype=np.int64)
    if atlas.kind == "probabilistic":
        return np.asarray(centres(atlas.image)[rows - 1])
    stored = np.asanyarray(atlas.image.dataobj)
    voxels = np.argwhere(stored > 0)
    labels = np.rint(stored[tuple(voxels.T)]).astype(np.int64)
    size = max(int(labels.max(initial=0)), int(rows.max(initial=0))) + 1
    counts = np.bincount(labels, minlength=size).astype(np.float64)
    counts[counts == 0] = np.nan
    sums = [np.bincount(labels, weights=axis, minlength=size) / counts for axis in voxels.T]
    found = np.column_stack(sums)[rows]
    return np.asarray(found @ atlas.image.affine[:3, :3].T + atlas.image.affine[:3, 3])

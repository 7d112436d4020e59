"""Means of voxel signals over the regions of an atlas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbago.data import Atlas
from lumbago.errors import ScanRejected
from lumbago.reading.placing import atlas_on_grid as atlas_on_grid
from lumbago.reading.placing import members
from lumbago.reading.weighting import share_of_mean, unmixing

_BLOCK = 16


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
    columns, regions, share, total = _inside(mask, affine, atlas)
    whole = values
    if 4 * len(columns) < values.shape[1]:  # a few balls in a brain: the rest is not looked at
        reached, columns = np.unique(columns, return_inverse=True)
        values = values[:, reached]
    rows, good = _data(values, whole)
    averaged = _Average(columns, regions, share, total, good, atlas, min_coverage)
    means = np.full((len(values), len(atlas)), np.nan, dtype=np.float32)
    used = np.flatnonzero(rows)
    # A few volumes at once: their columns stay in cache while they are turned.
    for some in np.split(used, range(_BLOCK, len(used), _BLOCK)):
        means[some] = averaged.of(values[some])
    return means, averaged.coverage


def map_means(
    maps: Sequence[np.ndarray],
    mask: np.ndarray,
    affine: np.ndarray,
    atlas: Atlas,
    *,
    min_coverage: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Average still maps over each region: what `region_means` gives of each map alone.

    Parameters
    ----------
    maps : sequence of arrays of shape (n_voxels,)
        Values of the voxels of `mask`, in C order; a voxel holds no data in the maps where it
        is not finite.
    mask, affine, atlas, min_coverage
        As for `region_means`.

    Returns
    -------
    means : float32 array of shape (n_maps, n_regions)
    coverage : float64 array of shape (n_maps, n_regions)

    Raises
    ------
    ScanRejected
        ``E_ATLAS_ELSEWHERE`` if no region reaches into the mask.
    """
    inside = _inside(mask, affine, atlas)
    alike: dict[bytes, list[int]] = {}  # hundreds of maps mostly hold data in the same voxels
    for i, of_voxels in enumerate(maps):
        alike.setdefault(np.packbits(np.isfinite(of_voxels)).tobytes(), []).append(i)
    means = np.full((len(maps), len(atlas)), np.nan, dtype=np.float32)
    coverage = np.zeros((len(maps), len(atlas)))
    for same in alike.values():
        good = np.isfinite(maps[same[0]])
        empty = not good.any()  # such a map says nothing of what the scan covers
        averaged = _Average(*inside, good | empty, atlas, min_coverage)
        coverage[same] = averaged.coverage
        for i in [] if empty else same:  # one by one: maps lie as they are needed
            means[i] = averaged.of(maps[i][None])[0]
    return means, coverage


class _Average:
    """Weights from voxels that hold data to regions that hold enough of them."""

    def __init__(
        self,
        columns: np.ndarray,
        regions: np.ndarray,
        share: np.ndarray,
        total: np.ndarray,
        good: np.ndarray,
        atlas: Atlas,
        min_coverage: float,
    ):
        if not good.all():
            alive = good[columns]
            columns, regions, share = columns[alive], regions[alive], share[alive]
        n_regions = len(atlas)
        count = np.bincount(regions, minlength=n_regions)
        held = np.bincount(regions, weights=np.abs(share), minlength=n_regions)
        self.coverage = np.divide(held, total, out=np.zeros(n_regions), where=total > 0)
        self.filled = (self.coverage >= min_coverage) & (count > 0)
        if not self.filled.any():
            return
        from scipy.sparse import csr_array

        starts = np.concatenate([[0], np.cumsum(count)])
        weights = csr_array((share, columns, starts), shape=(n_regions, len(good)))
        mixed = atlas.kind == "probabilistic" and atlas.sampling == "least_squares"
        self.parted = unmixing(weights, self.filled) if mixed else None
        self.weights = weights if mixed else share_of_mean(weights)

    def of(self, values: np.ndarray) -> np.ndarray:
        """Average some rows (n_rows, n_voxels); NaN in regions without data."""
        means = np.full((len(values), len(self.filled)), np.nan, dtype=np.float32)
        if self.filled.any() and len(values):
            turned = np.ascontiguousarray(values.T, dtype=np.float64)
            found = (self.weights @ turned)[self.filled]
            means[:, self.filled] = (found if self.parted is None else self.parted @ found).T
        return means


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


def _inside(
    mask: np.ndarray, affine: np.ndarray, atlas: Atlas
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns of the mask's voxels by region, their regions and weights, and region sizes."""
    voxels, regions, share, total = members(atlas, mask.shape, affine)
    place = np.full(mask.size, -1, dtype=np.int64)
    where = np.flatnonzero(mask)
    place[where] = np.arange(len(where))
    columns = place[voxels]
    inside = columns >= 0
    if not inside.any():
        raise ScanRejected(
            "E_ATLAS_ELSEWHERE",
            f"atlas {atlas.name} and the brain mask do not overlap; expected both in one space "
            f"(the atlas lies in {atlas.space})",
        )
    return columns[inside], regions[inside], share[inside], total

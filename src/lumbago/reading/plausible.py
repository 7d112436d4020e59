"""Whether a header can be true of a head, and what to put in its place where it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from lumbago.data.scan import fresh_image
from lumbago.errors import ScanRejected
from lumbago.reading.images import open_image

BRAIN_MM = 142.0
"""Smallest of the three extents of the brain that lumbago200 labels, computed from its image."""


@dataclass(frozen=True, eq=False)
class OneImage:
    """A single 4D image and what its header says.

    Parameters
    ----------
    path : Path
    image : Nifti1Image or Path
        What is read: the file, or its voxels on the grid that was given instead of its own.
    affine : array of shape (4, 4)
        That the header gives.
    n_volumes : int
    t_r : float or None
        That the header gives with a unit, in seconds.
    oriented : bool
        Whether sform or qform says which side is left.
    """

    path: Path
    image: nib.Nifti1Image | Path
    affine: np.ndarray
    n_volumes: int
    t_r: float | None
    oriented: bool


def open_one(path: Path | str, *, voxel_size: Sequence[float] | None = None) -> OneImage:
    """Open one 4D image, with voxels of the given size where the header's is wrong.

    Raises
    ------
    ScanRejected
        ``E_GEOMETRY`` if the header's grid cannot hold a head; and as `open_image`.
    """
    path = Path(path)
    oriented = True
    try:
        file = open_image(path, ndim=4)
    except ScanRejected as rejected:
        if rejected.code != "E_NO_XFORM":
            raise
        oriented = False
        file = open_image(path, ndim=4, strict=False)
    image: nib.Nifti1Image | Path = path
    if voxel_size is None:
        doubts = implausible(file.shape, file.affine, oriented=oriented)
    else:
        affine = resized(file.affine, file.shape, voxel_size)
        doubts = implausible(file.shape, affine, oriented=True)
        if not doubts:
            volumes = np.stack(list(file.volumes()), axis=-1)
            image = fresh_image(volumes, affine, file.t_r)
            if file.t_r is None:
                image.header.set_xyzt_units("mm")  # a length of 1 in no unit is no time
    if doubts:
        lacks = "" if file.t_r is not None else "; nor does it give a repetition time with a unit"
        whose = "the header has" if voxel_size is None else "the given size makes"
        raise ScanRejected(
            "E_GEOMETRY",
            f"{path.name}: {whose} {' and '.join(doubts)}{lacks}; "
            "give the true voxel size and repetition time (--voxel-size, --t-r)",
        )
    return OneImage(path, image, file.affine, file.shape[3], file.t_r, oriented)


def implausible(shape: Sequence[int], affine: np.ndarray, *, oriented: bool) -> list[str]:
    """Return why a grid cannot be that of a head; nothing where it can.

    Two signs count: a longest side under half of the brain's smallest extent, and voxels of
    exactly 1 mm without orientation, which is what a header holds that nobody has filled in.

    >>> import numpy as np
    >>> implausible((64, 64, 21), np.diag([4, 4, 6, 1]), oriented=True)
    []
    """
    zooms = np.linalg.norm(np.asarray(affine, dtype=np.float64)[:3, :3], axis=0)
    sides = zooms * np.asarray(shape[:3])
    found = []
    if not oriented and np.array_equal(zooms, np.ones(3)):
        found.append("voxels of exactly 1 × 1 × 1 mm and no orientation, as if never filled in,")
    if not sides.max() >= BRAIN_MM / 2:
        view = " × ".join(f"{side:.4g}" for side in sides)
        found.append(
            f"a field of view of {view} mm, whose longest side is under half of a brain's "
            f"smallest ({BRAIN_MM / 2:g} mm)"
        )
    return found


def resized(affine: np.ndarray, shape: Sequence[int], voxel_size: Sequence[float]) -> np.ndarray:
    """Return an affine with other voxel sizes: same axes, same place of the grid's centre."""
    size = np.asarray(voxel_size, dtype=np.float64)
    if size.shape != (3,) or not (np.isfinite(size) & (size > 0)).all():
        raise ScanRejected("E_GEOMETRY", "a voxel size is three lengths above 0, in mm")
    old = np.asarray(affine, dtype=np.float64)
    axes = old[:3, :3] / np.linalg.norm(old[:3, :3], axis=0)
    middle = (np.asarray(shape[:3]) - 1) / 2
    new = np.eye(4)
    new[:3, :3] = axes * size
    new[:3, 3] = old[:3, :3] @ middle + old[:3, 3] - new[:3, :3] @ middle
    return new


def on_grid_of(mask: Path | str, one: OneImage) -> nib.Nifti1Image | Path:
    """Return a mask for an image: on the given grid where that took the header's place."""
    if isinstance(one.image, Path):
        return Path(mask)
    file = open_image(mask, ndim=3, strict=False)
    if not np.allclose(file.affine, one.affine, rtol=0, atol=1e-3):
        return Path(mask)  # the mask knows better than the image; the grids are compared later
    return fresh_image(next(iter(file.volumes())), np.asarray(one.image.affine))

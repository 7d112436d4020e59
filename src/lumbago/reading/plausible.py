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
LEAST_MM = 1.0
"""No grid is shorter in mm: one that is holds other units, such as metres."""


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
    """Return why a grid cannot be that of a brain; nothing where it can.

    Two signs count: voxels of exactly 1 mm without orientation, which is what a header holds
    that nobody has filled in; and a longest side under half of the human brain's smallest
    extent. The second is no sign where voxels are as fine as small animals need, under
    1 mm along two axes at least (`is_small`).

    >>> import numpy as np
    >>> implausible((64, 64, 21), np.diag([4, 4, 6, 1]), oriented=True)
    []
    >>> implausible((96, 96, 24), np.diag([0.3, 0.3, 1, 1]), oriented=True)
    []
    """
    zooms, sides = _sizes(shape, affine)
    found = []
    if not oriented and np.array_equal(zooms, np.ones(3)):
        found.append("voxels of exactly 1 × 1 × 1 mm and no orientation, as if never filled in,")
    if not sides.max() >= BRAIN_MM / 2 and not is_small(shape, affine):
        view = " × ".join(f"{side:.4g}" for side in sides)
        found.append(
            f"a field of view of {view} mm, whose longest side is under half of a human brain's "
            f"smallest ({BRAIN_MM / 2:g} mm), and voxels too large for a smaller animal's"
            if sides.max() >= LEAST_MM
            else f"a field of view of {view} mm, as if its lengths were not in mm,"
        )
    return found


def is_small(shape: Sequence[int], affine: np.ndarray) -> bool:
    """Tell whether a grid is that of a small animal, or of a part of a human brain seen finely.

    Its longest side is under half of a human brain's smallest extent, and at least two of its
    voxel's sides are under 1 mm: a header that nobody has filled in has voxels of exactly 1 mm.

    >>> import numpy as np
    >>> is_small((96, 96, 24), np.diag([0.3, 0.3, 1, 1]))
    True
    >>> is_small((64, 64, 21), np.eye(4))
    False
    """
    zooms, sides = _sizes(shape, affine)
    return bool(LEAST_MM <= sides.max() < BRAIN_MM / 2 and np.count_nonzero(zooms < 1 - 1e-3) >= 2)


def small_note(shape: Sequence[int], affine: np.ndarray) -> str:
    """Return what a report must say of a grid too small for a human head; empty if it is not."""
    if not is_small(shape, affine):
        return ""
    view = " × ".join(f"{side:.4g}" for side in _sizes(shape, affine)[1])
    return (
        f"a field of view of {view} mm, too small for a human head: taken as a small animal's, or "
        "as a part of a brain"
    )


def _sizes(shape: Sequence[int], affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of the voxels and of the whole grid, in mm."""
    zooms = np.linalg.norm(np.asarray(affine, dtype=np.float64)[:3, :3], axis=0)
    return zooms, zooms * np.asarray(shape[:3])


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

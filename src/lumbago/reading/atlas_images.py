"""Images that divide the brain: labels, or one weight map per region."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from lumbago.data.atlas import Sampling
from lumbago.errors import InputError, ScanRejected
from lumbago.reading.images import read_image

_LARGEST = 2**24  # what float32 counts exactly


def divided(path: Path, sampling: Sampling | None) -> tuple[nib.Nifti1Image, list[int]]:
    """Read an atlas image.

    Parameters
    ----------
    path : Path
    sampling : {"weighted_mean", "least_squares"} or None
        None expects labels, else one map per region.

    Returns
    -------
    image : Nifti1Image
        int32 labels, or float32 maps.
    present : list of int
        Labels that a voxel carries, or places of the maps, from 1.

    Raises
    ------
    InputError
        If the file cannot be read, or holds no such thing.
    """
    try:
        image = read_image(path)
    except ScanRejected as rejected:
        raise InputError(f"atlas image {rejected.reason}") from None
    array, affine = np.asarray(image.dataobj), np.asarray(image.affine, dtype=np.float64)
    if sampling is None:
        return labelled(path.name, array, affine)
    return mapped(path.name, array, affine, sampling)


def labelled(name: str, array: np.ndarray, affine: np.ndarray) -> tuple[nib.Nifti1Image, list[int]]:
    """Check whole-numbered labels and keep them as int32."""
    if array.ndim == 4 and array.shape[3] > 1:
        raise InputError(
            f"atlas image {name}: expected one 3D image of labels, got {array.shape[3]} "
            "maps; a probabilistic atlas cannot be used as labels, say how its maps are sampled "
            "with sampling:"
        )
    raw = array.reshape(array.shape[:3])
    if not (np.isfinite(raw).all() and (raw >= 0).all() and (raw == np.rint(raw)).all()):
        raise InputError(
            f"atlas image {name}: expected whole numbers, 0 or more, as labels; "
            "was it resampled other than by nearest voxel?"
        )
    if raw.max() == 0:
        raise InputError(f"atlas image {name}: every voxel is 0")
    if raw.max() > _LARGEST:
        raise InputError(f"atlas image {name}: expected labels up to {_LARGEST}")
    voxels = raw.astype(np.int32)
    return nib.Nifti1Image(voxels, affine), np.unique(voxels[voxels > 0]).tolist()


def mapped(
    name: str, array: np.ndarray, affine: np.ndarray, sampling: Sampling
) -> tuple[nib.Nifti1Image, list[int]]:
    """Check weight maps and keep them as float32."""
    if array.ndim != 4:
        raise InputError(
            f"atlas image {name}: expected 4D, one map per region, got {array.ndim}D; "
            "labels take no sampling:"
        )
    maps = array.astype(np.float32, copy=False)
    empty = [i + 1 for i in range(maps.shape[3]) if not maps[..., i].any()]
    if empty:
        raise InputError(f"atlas image {name}: map {few(empty)} is 0 everywhere")
    if not np.isfinite(maps).all():
        raise InputError(f"atlas image {name}: expected numbers in every voxel, 0 outside a region")
    if sampling == "weighted_mean" and (maps < 0).any():
        raise InputError(
            f"atlas image {name}: holds negative weights, of which no mean can be taken; "
            "set sampling: least_squares"
        )
    return nib.Nifti1Image(maps, affine), list(range(1, maps.shape[3] + 1))


def centres(image: nib.Nifti1Image) -> np.ndarray:
    """Return the centre of mass of every weight map, in mm: (n_maps, 3)."""
    maps = np.asanyarray(image.dataobj)
    found = np.empty((maps.shape[3], 3))
    for i in range(maps.shape[3]):
        at = np.argwhere(maps[..., i])
        weight = np.abs(maps[..., i][tuple(at.T)].astype(np.float64))
        found[i] = weight @ at / weight.sum()
    return found @ image.affine[:3, :3].T + image.affine[:3, 3]


def few(values: Sequence[Any]) -> str:
    """Return the first five values in words.

    >>> few([1, 2, 3, 4, 5, 6, 7])
    '1, 2, 3, 4, 5 and 2 more'
    """
    shown = ", ".join(str(v) for v in values[:5])
    return shown if len(values) <= 5 else f"{shown} and {len(values) - 5} more"

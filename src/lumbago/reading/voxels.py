"""The voxels of one scan: a 4D image under its brain mask, in single precision."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from lumbago.data import Volume
from lumbago.data.scan import fresh_image
from lumbago.errors import ScanRejected
from lumbago.reading.headers import header_t_r
from lumbago.reading.images import open_image, read_image

MAX_NAN = 0.01
"""Largest share of the brain's voxels that may hold no number."""
GRID_TOLERANCE_MM = 1e-3
"""Two grids are one if no corner differs by more, in mm."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """Signals inside the brain: values (n_volumes, n_voxels) float32, mask, affine, notes."""

    values: np.ndarray
    mask: np.ndarray
    affine: np.ndarray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class BoldSource:
    """A 4D image whose volumes come one at a time.

    Parameters
    ----------
    shape : tuple of four int
    affine : array of shape (4, 4)
    t_r : float or None
        Repetition time of the header in seconds, None where it names no unit of time.
    stream : callable
        Takes a mask (x, y, z) and a list that notes are appended to; yields the voxels of
        the mask, float32, volume by volume.
    notes : tuple of str
    """

    shape: tuple[int, ...]
    affine: np.ndarray
    t_r: float | None
    stream: Callable[[np.ndarray, list[str]], Iterator[np.ndarray]]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, img: nib.Nifti1Image | Path | str, *, strict: bool = False) -> BoldSource:
        """Open a file, or take an image of nibabel.

        Raises
        ------
        ScanRejected
            By `lumbago.reading.images.open_image`; ``E_NOT_4D``; ``E_SHORT`` for one volume.
        """
        if isinstance(img, str | Path):
            file = open_image(img, ndim=4, strict=strict)
            source = cls(file.shape, file.affine, file.t_r, file.voxels, file.notes)
        else:
            source = cls._of_loaded(img)
        if source.shape[3] < 2:
            raise ScanRejected("E_SHORT", "the image holds one volume; a time series needs more")
        return source

    @classmethod
    def _of_loaded(cls, img: nib.Nifti1Image) -> BoldSource:
        shape = tuple(int(n) for n in img.shape)
        if len(shape) != 4:
            raise ScanRejected("E_NOT_4D", f"expected 4 dimensions, got {len(shape)}")
        affine = np.asarray(img.affine, dtype=np.float64)
        t_r = header_t_r(img.header)
        path = img.get_filename() if nib.is_proxy(img.dataobj) else None
        if path is not None and str(path).endswith((".nii", ".nii.gz")):
            # Through the guard: slicing a compressed proxy would decompress it once per volume.
            file = open_image(path, ndim=4, strict=False)
            return cls(shape, affine, t_r, file.voxels, file.notes)
        data = np.asanyarray(img.dataobj)
        if data.dtype.kind not in "iuf":
            raise ScanRejected("E_DTYPE", f"expected real numbers, got {data.dtype}")

        def stream(mask: np.ndarray, _: list[str]) -> Iterator[np.ndarray]:
            return (data[..., t][mask].astype(np.float32) for t in range(shape[3]))

        return cls(shape, affine, t_r, stream)

    def masked(self, mask: np.ndarray | None) -> Voxels:
        """Read the voxels of a mask, in one pass over the file.

        Parameters
        ----------
        mask : boolean array of shape (x, y, z) or None
            None reads everything and lets nilearn's ``compute_epi_mask`` find the brain.

        Raises
        ------
        ScanRejected
            ``E_NAN`` if more than 1 % of the brain's voxels hold no number; ``E_MASK``.
        """
        notes = list(self.notes)
        everywhere = np.ones(self.shape[:3], dtype=bool) if mask is None else mask
        values = np.empty((self.shape[3], int(everywhere.sum())), dtype=np.float32)
        for t, voxels in enumerate(self.stream(everywhere, notes)):
            values[t] = voxels
        if mask is None:
            mask = self._brain(values)
            notes.append("no brain mask: one is computed from the mean image by compute_epi_mask")
            values = values[:, mask.ravel()]
        values, mask = _without_nan(values, mask, notes)
        return Voxels(values, mask, self.affine, tuple(notes))

    def _brain(self, values: np.ndarray) -> np.ndarray:
        from nilearn.masking import compute_epi_mask

        with np.errstate(all="ignore"):
            mean = values.mean(axis=0, dtype=np.float64).reshape(self.shape[:3])
        mean[~np.isfinite(mean)] = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = compute_epi_mask(fresh_image(mean.astype(np.float32), self.affine))
        except Exception:  # nilearn has no class for an image without a brain in it
            raise ScanRejected(
                "E_MASK", "no brain was found in the mean image; give a brain mask"
            ) from None
        mask = np.asarray(found.dataobj) > 0
        if not mask.any():
            raise ScanRejected("E_MASK", "no brain was found in the mean image; give a brain mask")
        return mask


def _without_nan(
    values: np.ndarray, mask: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    # A sum is finite only if all its terms are, and needs no array of booleans as large as they.
    with np.errstate(all="ignore"):
        good = np.isfinite(values.sum(axis=0, dtype=np.float64))
    if good.all():
        return values, mask
    n_bad = int((~good).sum())
    share = n_bad / len(good)
    if share > MAX_NAN:
        raise ScanRejected(
            "E_NAN",
            f"{n_bad} of {len(good)} voxels in the brain ({share:.1%}) hold NaN or infinity at "
            f"some volume, at most {MAX_NAN:.0%} may; mend the image or leave the scan out",
        )
    notes.append(f"{n_bad} voxels ({share:.2%}) held NaN or infinity and left the mask")
    smaller = mask.copy()
    smaller[mask] = good
    return values[:, good], smaller


def read_mask(
    img: nib.Nifti1Image | Path | str, shape: tuple[int, ...], affine: np.ndarray
) -> np.ndarray:
    """Read a brain mask, boolean (x, y, z); it must lie on the grid of the data.

    Raises
    ------
    ScanRejected
        ``E_GRID`` if the grids differ (nothing is resampled behind the user's back),
        ``E_MASK`` if it is empty.
    """
    if isinstance(img, str | Path):
        img = read_image(img, ndim=3)
    data = np.asanyarray(img.dataobj)
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    check_grid("the brain mask", data.shape, np.asarray(img.affine), shape, affine)
    mask = np.isfinite(data) & (data > 0.5)
    if not mask.any():
        raise ScanRejected("E_MASK", "the brain mask is empty; make it again")
    return mask


def check_grid(
    what: str,
    shape: tuple[int, ...],
    affine: np.ndarray,
    expected_shape: tuple[int, ...],
    expected_affine: np.ndarray,
) -> None:
    """Refuse an image that does not lie on the grid of the data (``E_GRID``)."""
    expected = tuple(int(n) for n in expected_shape[:3])
    if tuple(shape) != expected:
        got = " × ".join(map(str, shape))
        raise ScanRejected(
            "E_GRID",
            f"{what} has {got} voxels, the data {' × '.join(map(str, expected))}; nothing is "
            "resampled silently, give one of the same space and resolution",
        )
    difference = np.asarray(affine, dtype=np.float64) - expected_affine
    corners = np.stack(np.meshgrid(*[[0, n - 1] for n in expected]), -1).reshape(-1, 3)
    shift = np.abs(corners @ difference[:3, :3].T + difference[:3, 3]).max()
    if not shift <= GRID_TOLERANCE_MM:
        raise ScanRejected(
            "E_GRID",
            f"{what} and the data lie {shift:.3g} mm apart; nothing is resampled silently, "
            "give one of the same space and resolution",
        )


def read_volume(path: Path | str) -> Volume:
    """Read a still 3D image, float32; NaN stays NaN."""
    image = read_image(path, ndim=3)
    return Volume(np.asarray(image.dataobj, dtype=np.float32), np.asarray(image.affine))

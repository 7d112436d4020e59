"""NIfTI files, checked before they are loaded and read to their last byte."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import nibabel as nib
import numpy as np
from nibabel.volumeutils import apply_read_scaling

from lumbago.data.scan import fresh_image
from lumbago.errors import ScanRejected
from lumbago.reading.headers import (
    beginning,
    check_kind,
    check_shape,
    check_size,
    decode_header,
    header_t_r,
    orientation,
    translated,
)


@dataclass(frozen=True, eq=False)
class ImageFile:
    """A NIfTI file whose header passed the guard; the voxels are still on disk.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        (x, y, z) or (x, y, z, t).
    affine : array of shape (4, 4)
        Voxel to world, in mm.
    t_r : float or None
        Repetition time of the header in seconds, where the header says so with its unit.
    layout : (dtype, offset, slope, intercept)
        How the voxels lie in the file, and what makes numbers of the image's unit of them.
    notes : tuple of str
        What a report must say, without the header's words.
    """

    path: Path
    shape: tuple[int, ...]
    affine: np.ndarray
    t_r: float | None
    layout: tuple[np.dtype, int, float, float]
    notes: tuple[str, ...] = ()

    def volumes(self, notes: list[str] | None = None) -> Iterator[np.ndarray]:
        """Yield each volume (x, y, z) as float32, then make sure that the file ends well.

        Raises
        ------
        ScanRejected
            ``E_TRUNCATED``, ``E_CRC``.
        """
        for stored in self._stored(notes):
            yield np.array(self._scaled(stored).reshape(self.shape[:3], order="F"))

    def voxels(self, mask: np.ndarray, notes: list[str] | None = None) -> Iterator[np.ndarray]:
        """Yield the voxels of a mask, in C order, volume by volume, as float32.

        What lies outside the mask is never converted: several times as fast as `volumes`.
        """
        where = np.ravel_multi_index(np.nonzero(mask), mask.shape, order="F")
        for stored in self._stored(notes):
            yield self._scaled(stored[where])

    def _stored(self, notes: list[str] | None) -> Iterator[np.ndarray]:
        """The numbers of each volume as the file holds them, then its end."""
        dtype, offset, *_ = self.layout
        n_bytes = int(np.prod(self.shape[:3])) * dtype.itemsize
        with _stream(self.path) as stream:
            with translated(self.path.name, otherwise="E_TRUNCATED"):
                stream.seek(offset)
                for _ in range(self.shape[3] if len(self.shape) == 4 else 1):
                    held = stream.read(n_bytes)
                    if len(held) < n_bytes:
                        raise EOFError
                    yield np.frombuffer(held, dtype)
            garbage = _drain(stream, self.path.name)
        if garbage and notes is not None:
            notes.append("an image file holds bytes behind its end; they were not read")

    def _scaled(self, stored: np.ndarray) -> np.ndarray:
        """Numbers of the file in the image's unit, by nibabel's rules of precision."""
        *_, slope, intercept = self.layout
        # A slope of nonsense makes infinities, which are refused as values, with their share.
        with np.errstate(over="ignore"):
            scaled = apply_read_scaling(stored, slope, intercept)
            return np.asarray(scaled, dtype=np.float32)


def open_image(path: Path | str, *, ndim: int | None = None, strict: bool = True) -> ImageFile:
    """Check a NIfTI file without loading its voxels.

    Parameters
    ----------
    path : path
        ``.nii`` or ``.nii.gz``.
    ndim : {3, 4} or None
        What is expected; a fourth axis of length one counts as none.
    strict : bool
        Whether an image without orientation is refused, or read with a note.

    Raises
    ------
    ScanRejected
        ``E_MISSING`` no file or an unfetched pointer; ``E_EMPTY``; ``E_NOT_NIFTI`` content is
        not what the name says; ``E_HEADER`` nonsense in the header; ``E_TRUNCATED`` the header
        claims more than the file can hold; ``E_TOO_LARGE``; ``E_SCALING``; ``E_DTYPE`` complex
        or RGB; ``E_NOT_4D``, ``E_NOT_3D``; ``E_NO_XFORM``, ``E_AFFINE``, ``E_XFORM``.
    """
    path = Path(path)
    name = path.name
    start, size = beginning(path)
    compressed = check_kind(name, start)
    with translated(name), _stream(path) as stream:
        block = stream.read(544)
    header = decode_header(name, block)
    check_size(name, header, size, compressed)
    shape = check_shape(name, header, ndim)
    affine, notes = orientation(name, header, shape, strict)
    with translated(name):
        slope, intercept = header.get_slope_inter()
        layout = (
            header.get_data_dtype(),
            int(header["vox_offset"]),
            slope or 1.0,
            intercept or 0.0,
        )
    return ImageFile(path, shape, affine, header_t_r(header), layout, tuple(notes))


def read_image(path: Path | str, *, ndim: int | None = None) -> nib.Nifti1Image:
    """Load a NIfTI file as float32 with a fresh header that holds geometry only.

    Parameters
    ----------
    path : path
    ndim : {3, 4} or None
        What is expected.

    Raises
    ------
    ScanRejected
        As `open_image`, and ``E_CRC``, ``E_TRUNCATED`` from reading to the end.
    """
    opened = open_image(path, ndim=ndim)
    volumes = list(opened.volumes())
    array = volumes[0] if len(opened.shape) == 3 else np.stack(volumes, axis=-1)
    t_r = opened.t_r if opened.t_r is not None and 0 < opened.t_r < np.inf else None
    return fresh_image(array, opened.affine, t_r)


def read_bold(path: Path | str) -> nib.Nifti1Image:
    """Load a 4D NIfTI file; see `read_image`."""
    return read_image(path, ndim=4)


@contextmanager
def _stream(path: Path) -> Iterator[IO[bytes]]:
    with open(path, "rb") as raw:
        if path.name.endswith(".gz"):
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream  # type: ignore[misc]
        else:
            yield raw


def _drain(stream: IO[bytes], name: str) -> bool:
    """Read to the end, where gzip keeps its checksum; tell whether garbage follows it."""
    try:
        while stream.read(1 << 20):
            pass
    except gzip.BadGzipFile as e:
        if "Not a gzipped file" in str(e):
            return True
        raise ScanRejected("E_CRC", f"{name}: its checksum does not hold; copy it again") from None
    except EOFError:
        raise ScanRejected(
            "E_TRUNCATED", f"{name}: the end of the file is missing; copy it again"
        ) from None
    except zlib.error:
        raise ScanRejected("E_CRC", f"{name}: its content is damaged; copy it again") from None
    return False

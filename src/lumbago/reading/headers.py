"""NIfTI headers behind a guard: sizes, types, scaling and orientation before any voxel is read.

What comes out is numbers and geometry. No text of any header leaves this file,
because descriptions and extensions may name a patient.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from lumbago.errors import ScanRejected
from lumbago.reading.recognize import looks_like

MAX_GB = 8.0
"""Largest image that is loaded, in 1e9 bytes of float32."""
XFORM_NOTE_MM = 0.1
"""sform and qform may differ by this much before it is worth a word, in mm."""

_GZIP = b"\x1f\x8b"
# No deflate stream grows more than 1032-fold (its longest match is 258 bytes in 2 bits).
_DEFLATE_LIMIT = 1032
_POINTERS = (b"/annex/objects", b".git/annex", b"version https://git-lfs")
_TO_SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}


def beginning(path: Path) -> tuple[bytes, int]:
    """Return the first bytes of a file and its size; refuse empty files and pointers."""
    try:
        with open(path, "rb") as f:
            start = f.read(256)
            size = f.seek(0, io.SEEK_END)
    except OSError:
        raise ScanRejected(
            "E_MISSING",
            f"{path.name}: cannot be opened; if it is a datalad link, run datalad get",
        ) from None
    if not size:
        raise ScanRejected("E_EMPTY", f"{path.name}: the file is empty; copy it again")
    if any(mark in start for mark in _POINTERS):
        raise ScanRejected(
            "E_MISSING",
            f"{path.name}: holds a pointer, not an image; run datalad get (or git lfs pull)",
        )
    return start, size


def check_kind(name: str, start: bytes) -> bool:
    """Tell whether the file is compressed; its name must say the same."""
    compressed = start.startswith(_GZIP)
    if not name.endswith((".nii", ".nii.gz")):
        raise ScanRejected(
            "E_NOT_NIFTI",
            f"{name}: expected a .nii or .nii.gz file; looks like {looks_like(start)}",
        )
    if compressed != name.endswith(".gz"):
        is_now = "compressed" if compressed else f"not compressed but {looks_like(start)}"
        raise ScanRejected(
            "E_NOT_NIFTI",
            f"{name}: the content is {is_now}, which its name denies; rename or fetch it again",
        )
    return compressed


@contextmanager
def translated(name: str, otherwise: str = "E_HEADER") -> Iterator[None]:
    """Turn what decompression and decoding raise into the reason of a rejection."""
    try:
        yield
    except ScanRejected:
        raise
    except EOFError:
        raise ScanRejected(
            "E_TRUNCATED", f"{name}: the file ends too early; copy it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error):
        raise ScanRejected("E_CRC", f"{name}: its content is damaged; copy it again") from None
    except MemoryError:
        raise ScanRejected("E_TOO_LARGE", f"{name}: does not fit into memory") from None
    except Exception as e:  # nibabel meets hostile headers with many kinds of exception
        code = "E_TRUNCATED" if isinstance(e, OSError) else otherwise
        raise ScanRejected(
            code, f"{name}: cannot be decoded ({type(e).__name__}); copy or convert it again"
        ) from None


def decode_header(name: str, block: bytes) -> Any:
    """Decode the header of a single-file NIfTI-1 or NIfTI-2 image; extensions are never parsed."""
    sizes = {int.from_bytes(block[:4], order) for order in ("little", "big")}
    if len(block) < 348:
        raise ScanRejected(
            "E_TRUNCATED",
            f"{name}: shorter than any NIfTI header; looks like {looks_like(block)}",
        )
    if 540 in sizes:
        kind, magic = nib.Nifti2Header, block[4:7]
    else:
        kind, magic = nib.Nifti1Header, block[344:347]  # type: ignore[assignment]
    if not sizes & {348, 540} or magic not in (b"n+1", b"n+2"):
        raise ScanRejected(
            "E_NOT_NIFTI",
            f"{name}: does not hold a single-file NIfTI image; looks like {looks_like(block)}",
        )
    with translated(name):
        length = kind.template_dtype.itemsize
        # Extensions follow the header; they are never parsed.
        return kind(block[:length], check=False)


def check_size(name: str, header: Any, size: int, compressed: bool) -> None:
    """Refuse impossible sizes, types and scalings before memory is asked for."""
    with translated(name), np.errstate(all="ignore"):
        dims = [int(d) for d in header["dim"][1 : 1 + int(header["dim"][0])]]
        known = int(header["datatype"]) in header._data_type_codes.value_set()
        dtype = header.get_data_dtype() if known else None
        offset = float(header["vox_offset"])
        slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if not 1 <= len(dims) <= 7 or any(d < 1 for d in dims):
        raise ScanRejected("E_HEADER", f"{name}: the header's dimensions are impossible")
    if dtype is None or dtype.kind not in "iuf":
        raise ScanRejected(
            "E_DTYPE", f"{name}: expected voxels that are real numbers, got another data type"
        )
    if not np.isfinite(offset) or not 348 <= offset < 1e8 or offset != int(offset):
        raise ScanRejected("E_HEADER", f"{name}: the header's voxel offset is impossible")
    if not (np.isfinite(slope) and np.isfinite(inter)):
        raise ScanRejected(
            "E_SCALING", f"{name}: the scaling of the voxels is not finite; convert it again"
        )
    n_voxels = 1
    for d in dims:
        n_voxels *= d
    claimed = int(offset) + n_voxels * dtype.itemsize
    if claimed > size * (_DEFLATE_LIMIT if compressed else 1):
        raise ScanRejected(
            "E_TRUNCATED",
            f"{name}: the header announces {claimed:,} bytes, more than a file of {size:,} "
            "can hold; copy it again",
        )
    if 4 * n_voxels > MAX_GB * 1e9:
        raise ScanRejected(
            "E_TOO_LARGE",
            f"{name}: {4 * n_voxels / 1e9:,.0f} GB when loaded, at most {MAX_GB:g} GB are read",
        )


def check_shape(name: str, header: Any, ndim: int | None) -> tuple[int, ...]:
    """Return the shape, without trailing axes of length one; `ndim` is what is expected."""
    shape = tuple(int(d) for d in header.get_data_shape())
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if ndim == 3 and len(shape) == 4 and shape[3] == 1:
        shape = shape[:3]
    if (ndim is not None and len(shape) != ndim) or len(shape) not in (3, 4):
        raise ScanRejected(
            f"E_NOT_{ndim or 4}D",
            f"{name}: expected {ndim or '3 or 4'} dimensions, got {len(shape)} "
            f"({' × '.join(map(str, shape))})",
        )
    return shape


def orientation(
    name: str, header: Any, shape: tuple[int, ...], strict: bool
) -> tuple[np.ndarray, list[str]]:
    """Return the map from voxels to mm, and notes; `strict` refuses an image without one."""
    notes: list[str] = []
    with translated(name), np.errstate(all="ignore"):
        sform, s_code = header.get_sform(coded=True)
        qform, q_code = header.get_qform(coded=True)
        base = header.get_base_affine()
    if not s_code and not q_code:
        if strict:
            raise ScanRejected(
                "E_NO_XFORM",
                f"{name}: neither sform nor qform says where the voxels lie, so left and right "
                "are unknown; set one from the original scan",
            )
        notes.append("the image has no orientation of its own; positions are a guess")
    affine = np.asarray(sform if s_code else qform if q_code else base, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ScanRejected("E_AFFINE", f"{name}: the map from voxels to mm cannot be inverted")
    if s_code and q_code:
        corners = np.stack(np.meshgrid(*[[0, n - 1] for n in shape[:3]]), -1).reshape(-1, 3)
        other = np.asarray(qform, dtype=np.float64)
        shift = corners @ (affine - other)[:3, :3].T + (affine - other)[:3, 3]
        apart = float(np.linalg.norm(shift, axis=1).max())
        voxel = float(np.linalg.norm(affine[:3, :3], axis=0).min())
        if not apart <= voxel / 2:
            raise ScanRejected(
                "E_XFORM",
                f"{name}: sform and qform place voxels {apart:.2f} mm apart, more than half a "
                f"voxel ({voxel / 2:.2f} mm); set both from the original scan",
            )
        if apart > XFORM_NOTE_MM:
            notes.append(f"sform and qform differ by up to {apart:.2f} mm; the sform is used")
    return affine, notes


def header_t_r(header: Any) -> float | None:
    """Repetition time in seconds; None without a fourth axis or without a unit of time."""
    if not isinstance(header, nib.Nifti1Header) or int(header["dim"][0]) < 4:
        return None
    # Bits 4 to 6 are the unit of time; nibabel's own lookup fails on codes it does not know.
    to_seconds = _TO_SECONDS.get(int(header["xyzt_units"]) & 0b111000)
    return None if to_seconds is None else float(header["pixdim"][4]) * to_seconds

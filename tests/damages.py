"""Every way we know to damage an image."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np

from datasets import AFFINE, bold_image, mask_image


def patched(path: Path, offset: int, content: bytes) -> Path:
    """Write into the uncompressed bytes of a compressed image."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[offset : offset + len(content)] = content
    path.write_bytes(gzip.compress(bytes(data), mtime=0))
    return path


def damaged(path: Path, how: str) -> Path:
    """Damage a good image in one way; return the file to read."""
    content = path.read_bytes()
    if how == "cut in half":
        path.write_bytes(content[: len(content) // 2])
    elif how.startswith("last bytes missing"):
        path.write_bytes(content[: -int(how.split()[-1])])
    elif how == "bit flip":
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 0x10
        path.write_bytes(bytes(flipped))
    elif how == "wrong checksum":
        path.write_bytes(content[:-8] + b"\0\0\0\0" + content[-4:])
    elif how == "gzip named .nii":
        return path.rename(path.with_name("x.nii"))
    elif how == "plain named .nii.gz":
        path.write_bytes(gzip.decompress(content))
    elif how == "html":
        path.write_bytes(b"<!DOCTYPE html><html>404</html>" * 20)
    elif how == "html named .nii":
        path = path.with_name("x.nii")
        path.write_bytes(b"<!DOCTYPE html><html>404</html>" * 20)
    elif how == "annex pointer":
        path.write_bytes(b"/annex/objects/MD5E-s123--d41d8.nii.gz\n")
    elif how == "git lfs pointer":
        path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    elif how == "broken link":
        path.unlink()
        path.symlink_to("../.git/annex/objects/nowhere")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "header only":
        path.write_bytes(gzip.compress(gzip.decompress(content)[:352]))
    elif how == "plain header only":
        path = path.with_name("x.nii")
        path.write_bytes(gzip.decompress(content)[:352])
    elif how == "shorter than a header":
        path.write_bytes(gzip.compress(gzip.decompress(content)[:100]))
    elif how == "131 TB":
        patched(path, 40, struct.pack("<8h", 4, 32767, 32767, 32767, 1, 1, 1, 1))
    elif how == "bomb":
        zeros = bytearray(gzip.decompress(content)[:352])
        zeros[40:56] = struct.pack("<8h", 4, 512, 512, 512, 20, 1, 1, 1)
        zeros[70:74] = struct.pack("<2h", 2, 8)
        path.write_bytes(gzip.compress(bytes(zeros)) + b"\0" * 4_000_000)
    elif how == "negative dimension":
        patched(path, 42, struct.pack("<h", -5))
    elif how == "offset NaN":
        patched(path, 108, struct.pack("<f", float("nan")))
    elif how == "offset 1e9":
        patched(path, 108, struct.pack("<f", 1e9))
    elif how == "data type 9999":
        patched(path, 70, struct.pack("<h", 9999))
    elif how == "slope infinite":
        patched(path, 112, struct.pack("<f", float("inf")))
    elif how == "slope NaN":
        patched(path, 112, struct.pack("<f", float("nan")))
    elif how == "three dimensions":
        mask_image().to_filename(path)
    elif how == "five dimensions":
        nib.Nifti1Image(np.zeros((3, 3, 3, 4, 2), np.float32), AFFINE).to_filename(path)
    elif how == "complex":
        nib.Nifti1Image(np.zeros((3, 3, 3, 4), np.complex64), AFFINE).to_filename(path)
    elif how == "rgb":
        rgb = np.zeros((3, 3, 3, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
        nib.Nifti1Image(rgb, AFFINE).to_filename(path)
    elif how == "one volume":
        bold_image(1).to_filename(path)
    elif how == "sform far from qform":
        image = bold_image(5)
        moved = AFFINE.copy()
        moved[0, 3] += 2
        image.set_sform(moved, 4)
        image.to_filename(path)
    elif how == "no orientation":
        image = bold_image(5)
        image.set_sform(None, 0)
        image.set_qform(None, 0)
        image.to_filename(path)
    elif how == "singular affine":
        patched(path, 280, struct.pack("<12f", *[0.0] * 12))
    elif how == "affine NaN":
        patched(path, 280, struct.pack("<12f", *[float("nan")] * 12))
    elif how == "not an image name":
        return path.rename(path.with_name("x.mgz"))
    return path

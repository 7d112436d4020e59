"""Scans broken on purpose, the ways scans really break."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Literal, get_args

import nibabel as nib
import numpy as np

Damage = Literal[
    "truncated", "lost_tail", "flipped_bit", "not_4d", "no_xform", "wrong_t_r",
    "short_confounds", "no_confounds", "constant", "restless",
]  # fmt: skip
DAMAGE: tuple[str, ...] = get_args(Damage)
_XFORM_CODES = slice(252, 256)  # qform_code and sform_code in a NIfTI-1 header


def damage_files(damage: str, bold: Path, confounds: Path) -> None:
    """Break one scan's files in place.

    Parameters
    ----------
    damage : one of `DAMAGE`
        ``truncated``: the image is cut in half. ``lost_tail``: its last 8 bytes are gone, as
        after an interrupted copy. ``flipped_bit``: one bit is wrong. ``not_4d``: only the
        first volume. ``no_xform``: the header does not say where voxels lie.
        ``wrong_t_r``: the header's repetition time is not the sidecar's.
        ``short_confounds``: half the table's rows. ``no_confounds``: no table.
        ``constant``: every volume is the same. ``restless`` leaves the files alone: the
        person is simulated with violent motion.
    """
    if damage in ("truncated", "lost_tail", "flipped_bit"):
        content = bytearray(bold.read_bytes())
        if damage == "flipped_bit":
            content[len(content) // 2] ^= 16
        else:
            del content[len(content) // 2 if damage == "truncated" else -8 :]
        bold.write_bytes(bytes(content))
    elif damage == "short_confounds":
        lines = confounds.read_text(encoding="utf-8").splitlines(keepends=True)
        confounds.write_text("".join(lines[: len(lines) // 2]), encoding="utf-8")
    elif damage == "no_confounds":
        confounds.unlink()
        confounds.with_suffix(".json").unlink()
    elif damage == "no_xform":
        content = bytearray(gzip.decompress(bold.read_bytes()))
        content[_XFORM_CODES] = bytes(4)
        bold.write_bytes(gzip.compress(bytes(content), compresslevel=1, mtime=0))
    elif damage in ("not_4d", "wrong_t_r", "constant"):
        image = nib.Nifti1Image.from_bytes(gzip.decompress(bold.read_bytes()))
        volumes = np.asarray(image.dataobj)
        if damage == "not_4d":
            volumes = volumes[..., 0]
        if damage == "constant":
            volumes = np.repeat(volumes[..., :1], volumes.shape[-1], axis=-1)
        broken = nib.Nifti1Image(volumes, image.affine, image.header)
        if damage == "wrong_t_r":
            broken.header["pixdim"][4] *= 1.5
        bold.write_bytes(gzip.compress(broken.to_bytes(), compresslevel=1, mtime=0))

"""One entry: a folder of arrays, documents and images, and a manifest of their hashes."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lumbago.errors import InputError
from lumbago.provenance import canonical_json
from lumbago.store.writing import flush_folder

SCHEMA = 1
MANIFEST = "manifest.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, eq=False)
class Entry:
    """What was saved under one key.

    Parameters
    ----------
    key : str
        SHA-256 that names the entry.
    arrays : mapping of str to array
        Named arrays, never of Python objects.
    json : mapping of str to dict
        Named JSON documents.
    images : mapping of str to path
        Named NIfTI files, whose content has been verified.
    """

    key: str
    arrays: Mapping[str, np.ndarray]
    json: Mapping[str, dict[str, Any]]
    images: Mapping[str, Path] = field(default_factory=dict)

    def image(self, name: str) -> Any:
        """Read one image into memory."""
        import nibabel as nib

        image: Any = nib.load(self.images[name])
        return nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine, image.header)


def write_entry(
    folder: Path,
    arrays: Mapping[str, np.ndarray],
    documents: Mapping[str, Mapping[str, Any]],
    images: Mapping[str, Any],
) -> None:
    """Write the files of an entry into an empty folder and flush them to the disk.

    Raises
    ------
    ValueError
        If a name cannot be a file's.
    """
    contents: dict[str, bytes] = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(array), allow_pickle=False)
        contents[f"{name}.npy"] = buffer.getvalue()
    for name, document in documents.items():
        contents[f"{name}.json"] = canonical_json(document).encode()
    for name, image in images.items():
        contents[f"{name}.nii"] = image.to_bytes()
    bad = [name for name in contents if not _NAME.fullmatch(name) or name == MANIFEST]
    if bad:
        raise ValueError(f"store: {bad[0]!r} cannot be a file name of an entry")
    manifest = {
        "schema": SCHEMA,
        "arrays": sorted(arrays),
        "json": sorted(documents),
        "images": sorted(images),
        "sha256": {name: digest_bytes(content) for name, content in contents.items()},
    }
    contents[MANIFEST] = canonical_json(manifest).encode()
    for name, content in contents.items():
        with open(folder / name, "xb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
    flush_folder(folder)


def read_entry(key: str, folder: Path) -> Entry:
    """Return an entry whose every byte is as its manifest says.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, EOFError
        If it is torn or changed.
    InputError
        If it was written by a newer version of Lumbago.
    """
    manifest = json.loads((folder / MANIFEST).read_bytes())
    refuse_newer(manifest["schema"], f"store entry {key[:12]}")
    contents = {}
    for name, expected in manifest["sha256"].items():
        content = (folder / name).read_bytes()
        if digest_bytes(content) != expected:
            raise ValueError(f"{name} is not what was saved")
        if not name.endswith(".nii"):
            contents[name] = content
    return Entry(
        key=key,
        arrays={
            n: np.load(io.BytesIO(contents[f"{n}.npy"]), allow_pickle=False)
            for n in manifest["arrays"]
        },
        json={n: json.loads(contents[f"{n}.json"]) for n in manifest["json"]},
        images={n: folder / f"{n}.nii" for n in manifest["images"]},
    )


def digest_bytes(content: bytes) -> str:
    """SHA-256 of bytes, as ``sha256sum`` prints it."""
    import hashlib

    return hashlib.sha256(content).hexdigest()


def refuse_newer(schema: Any, what: str) -> None:
    """Refuse what a newer version has written, and what is no version at all.

    Raises
    ------
    InputError
        If the schema is newer than this version reads.
    ValueError
        If it is no schema.
    """
    if not isinstance(schema, int) or schema < 1:
        raise ValueError(f"{what}: schema {schema!r} is no version")
    if schema > SCHEMA:
        raise InputError(
            f"{what}: written with schema {schema}, this Lumbago reads up to {SCHEMA}; "
            "update Lumbago or choose another folder with --store"
        )

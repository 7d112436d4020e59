"""The user's own atlases: a folder that makes files of anywhere known by a name."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from lumbago.data import Atlas
from lumbago.data.packaged import packaged_names
from lumbago.errors import EnvironmentProblem, InputError
from lumbago.provenance import digest_file

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def own_root() -> Path:
    """Return where the user's atlases lie.

    ``$LUMBAGO_ATLASES``; else ``lumbago/atlases`` in ``$XDG_DATA_HOME``, which is
    ``~/.local/share`` where it is not set.
    """
    named = os.environ.get("LUMBAGO_ATLASES")
    if named:
        return Path(named).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "lumbago" / "atlases"


def own_folder(name: str) -> Path:
    """Return the folder of one of the user's atlases."""
    return own_root() / name


def own_names() -> tuple[str, ...]:
    """Return the names of the user's atlases, sorted."""
    try:
        return tuple(sorted(p.parent.name for p in own_root().glob("*/atlas.json")))
    except OSError:
        return ()


def check_new_name(name: str) -> None:
    """Refuse a name that no new atlas can have."""
    if not _NAME.fullmatch(name):
        raise InputError(f"atlas {name!r}: expected letters, digits, '_' or '-', a letter first")
    if name in packaged_names():
        raise InputError(f"atlas {name}: comes with lumbago; take another name")
    if own_folder(name).exists():
        raise InputError(f"atlas {name}: there is one already; take another name or delete it")


def add_atlas(name: str, atlas: Atlas, *, read_back: Callable[[str], Atlas]) -> Path:
    """Keep an atlas under a name, so that experiments can call it by that.

    The folder holds ``image.nii.gz`` (int32 labels or float32 maps), ``labels.tsv``, and
    ``atlas.json`` with the image's sha256, which is checked whenever the atlas is read.

    Parameters
    ----------
    name : str
        Letters, digits, ``_`` and ``-``, a letter first; not yet taken.
    atlas : Atlas
        Labelled voxels or weight maps.
    read_back : callable
        Reads an atlas by its name: what was written must be what was meant.

    Returns
    -------
    Path
        The new folder.
    """
    check_new_name(name)
    folder = own_folder(name)
    if atlas.image is None:
        raise InputError(f"atlas {name}: expected labelled voxels or weight maps")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    except OSError as error:
        raise EnvironmentProblem(
            f"atlas {name}: its folder cannot be written ({error.strerror}); set LUMBAGO_ATLASES"
        ) from None
    try:
        _write(atlas, aside)
        aside.chmod(0o755)
        aside.rename(folder)
    except OSError as error:
        raise EnvironmentProblem(
            f"atlas {name}: cannot be written ({error.strerror}); free some space or set "
            "LUMBAGO_ATLASES"
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    if read_back(name).digest != atlas.digest:
        shutil.rmtree(folder)
        raise EnvironmentProblem(f"atlas {name}: what was written is not what was read; try again")
    return folder


def _write(atlas: Atlas, folder: Path) -> None:
    assert atlas.image is not None
    stored = np.int32 if atlas.kind == "deterministic" else np.float32
    image = nib.Nifti1Image(
        np.asanyarray(atlas.image.dataobj).astype(stored, copy=False), atlas.image.affine
    )
    image.header.set_xyzt_units("mm")
    # nibabel's own writing would put the time into the gzip header.
    (folder / "image.nii.gz").write_bytes(gzip.compress(image.to_bytes(), 6, mtime=0))
    columns = ["index", "name", *(c for c in atlas.labels if c not in ("index", "name"))]
    rows = [columns, *atlas.labels[columns].astype(object).values.tolist()]
    cells = [["n/a" if c != c else str(c) for c in row] for row in rows]
    text = "".join("\t".join(row) + "\n" for row in cells)
    (folder / "labels.tsv").write_text(text, encoding="utf-8")
    about: dict[str, Any] = {
        **{k: v for k, v in atlas.about.items() if k != "sha256"},
        "kind": atlas.kind,
        "space": atlas.space,
        "sha256": digest_file(folder / "image.nii.gz"),
    }
    if atlas.about.get("sha256"):
        about["source_sha256"] = atlas.about["sha256"]
    if atlas.kind == "probabilistic":
        about["sampling"] = atlas.sampling
    text = json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / "atlas.json").write_text(text, encoding="utf-8")

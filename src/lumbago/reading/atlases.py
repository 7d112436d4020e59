"""Atlases by name, from a local file, or as spheres around coordinates."""

from __future__ import annotations

import difflib
import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from lumbago.data import Atlas
from lumbago.data.atlas import Sampling
from lumbago.data.features import region_names
from lumbago.data.packaged import packaged_atlas, packaged_names
from lumbago.errors import InputError
from lumbago.provenance import digest_file
from lumbago.reading.atlas_images import centres, divided, few
from lumbago.reading.fetched import FetchedAtlas, fetched_atlas
from lumbago.reading.own_atlases import own_folder, own_names
from lumbago.spec import Spec


class Spheres(Spec):
    """Balls around the coordinates of a packaged atlas or of a local table."""

    coordinates: str
    """``power264``, ``dosenbach160``, ``pain_seeds``, or a table with the columns name, x, y, z
    (mm)."""
    radius: Annotated[float, Field(gt=0, le=50)] = 5.0
    """In mm."""
    space: str = "MNI"
    """Space of a local table's coordinates."""
    derived_from: tuple[str, ...] = ()
    """Cohorts whose scans told where the coordinates lie; an experiment may not have them."""


class LocalAtlas(Spec):
    """Labelled voxels or weight maps in a NIfTI image, and a table of what they mean."""

    image: str
    """3D image of whole numbers, 0 outside; or, with `sampling`, 4D: one map per region."""
    labels: str
    """``.tsv`` with the columns index and name; or text: one ``index name`` a line
    (FreeSurfer's tables), or a line of the name and a line ``index r g b a`` (Workbench)."""
    space: str = "unknown"
    """Space the image lies in, such as ``MNI152NLin2009cAsym``."""
    sha256: str | None = None
    """Of the image file; refused where it differs."""
    sampling: Sampling | None = None
    """How weight maps give regional values: ``weighted_mean`` or ``least_squares``."""
    derived_from: tuple[str, ...] = ()
    """Cohorts whose scans the regions were made from; an experiment may not have them."""


AtlasRef = str | LocalAtlas | Spheres | FetchedAtlas


def atlas_names() -> tuple[str, ...]:
    """Return the names of the packaged atlases, then those of the user's own."""
    return packaged_names() + tuple(n for n in own_names() if n not in packaged_names())


def load_atlas(ref: AtlasRef | Atlas) -> Atlas:
    """Return the atlas that a name, files, spheres or a fetcher stand for; read once.

    Raises
    ------
    InputError
        For an unknown name, or files that do not fit each other; every problem is listed.
    """
    if isinstance(ref, Atlas):
        return ref
    if isinstance(ref, LocalAtlas):
        return _local(ref, stamp(ref.image), stamp(ref.labels))
    if isinstance(ref, Spheres):
        if ref.coordinates in packaged_names():
            return packaged_atlas(ref.coordinates, ref.radius)
        return _local_spheres(ref, stamp(ref.coordinates))
    if isinstance(ref, FetchedAtlas):
        return fetched_atlas(ref)
    if ref in packaged_names():
        return packaged_atlas(ref)
    if ref in own_names():
        return _own(ref)
    near = difflib.get_close_matches(ref, atlas_names(), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InputError(
        f"atlas {ref!r}: expected one of {', '.join(atlas_names())}, "
        f"or image: and labels: of a local one{hint}"
    )


def _own(name: str) -> Atlas:
    folder = own_folder(name)
    files = tuple(str(folder / f) for f in ("atlas.json", "image.nii.gz", "labels.tsv"))
    return _own_read(name, files, tuple(stamp(f) for f in files))


@lru_cache(maxsize=16)
def _own_read(name: str, files: tuple[str, ...], stamps: tuple[tuple[int, ...], ...]) -> Atlas:
    try:
        about = json.loads(Path(files[0]).read_text(encoding="utf-8"))
        ref = LocalAtlas(
            image=files[1], labels=files[2], space=about["space"], sha256=about["sha256"],
            sampling=about.get("sampling"),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"atlas {name}: its atlas.json cannot be read; add the atlas again"
        ) from None
    atlas = load_atlas(ref)
    return replace(atlas, name=name, about={**about, "kind": atlas.kind})


def stamp(path: str) -> tuple[int, ...]:
    """What changes when a file does, so that a changed atlas is read again."""
    try:
        s = Path(path).stat()
    except OSError as error:
        what = error.strerror or "cannot be opened"
        raise InputError(f"atlas file {Path(path).name}: {what}") from None
    return s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns


@lru_cache(maxsize=16)
def _local(ref: LocalAtlas, image_stamp: tuple[int, ...], labels_stamp: tuple[int, ...]) -> Atlas:
    path = Path(ref.image)
    found = digest_file(path)
    if ref.sha256 is not None and found != ref.sha256.lower():
        raise InputError(
            f"atlas image {path.name}: expected sha256 {ref.sha256}, got {found}; "
            "take the file the setting was written for, or change the setting"
        )
    image, present = divided(path, ref.sampling)
    labels = read_labels(Path(ref.labels))
    unnamed = sorted(set(present) - set(labels["index"]))
    absent = labels.loc[~labels["index"].isin(present), "name"].tolist()
    problems = []
    if unnamed:
        problems.append(
            f"atlas labels {Path(ref.labels).name}: no name for {few(unnamed)} of the image "
            f"{path.name}; expected a row for every label"
        )
    if absent:
        problems.append(
            f"atlas labels {Path(ref.labels).name}: {few(absent)} not in the image {path.name}; "
            "expected a table of the image's own labels"
        )
    if problems:
        raise InputError(problems)
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    kind: Literal["deterministic", "probabilistic"]
    kind = "deterministic" if ref.sampling is None else "probabilistic"
    if kind == "probabilistic" and not {"x", "y", "z"} <= set(labels):
        labels[["x", "y", "z"]] = centres(image)[labels["index"].to_numpy() - 1]
    about = {"sha256": found, "kind": kind, "space": ref.space}
    return Atlas(
        name, kind, labels, ref.space, image, about=about, sampling=ref.sampling or "weighted_mean"
    )


def read_labels(path: Path) -> pd.DataFrame:
    """Read what labels mean: columns index and name (made unique), and others of a .tsv.

    Rows of label 0, the outside, are passed over.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"atlas labels {path.name}: expected UTF-8 text") from None
    if "\0" in text:
        raise InputError(f"atlas labels {path.name}: expected text, got binary data")
    lines = [(n, line.strip("\r")) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    lines = [(n, line) for n, line in lines if not line.lstrip().startswith("#")]
    if not lines:
        raise InputError(f"atlas labels {path.name}: holds no row")
    read = _table if "\t" in lines[0][1] or path.suffix == ".tsv" else _text
    labels = read(path.name, lines)
    labels = labels[labels["index"] != 0].reset_index(drop=True)
    twice = {
        what: labels.loc[labels[what].duplicated(), what].tolist() for what in ("index", "name")
    }
    problems = [
        f"atlas labels {path.name}: {what} {few(values)} stands twice"
        for what, values in twice.items()
        if values
    ]
    if problems:
        raise InputError(problems)
    return labels.assign(name=region_names(labels["name"].tolist()))


def _table(name: str, lines: list[tuple[int, str]]) -> pd.DataFrame:
    header = [c.strip() for c in lines[0][1].split("\t")]
    missing = [c for c in ("index", "name") if c not in header]
    if missing or len(set(header)) < len(header):
        raise InputError(
            f"atlas labels {name}:{lines[0][0]}: expected a header with index and name, each "
            f"column once, got {', '.join(header)}"
        )
    rows = []
    for number, line in lines[1:]:
        cells = [c.strip() for c in line.split("\t")]
        if len(cells) != len(header):
            raise InputError(
                f"atlas labels {name}:{number}: expected {len(header)} cells, got {len(cells)}"
            )
        rows.append(dict(zip(header, cells, strict=True)))
    table = pd.DataFrame(rows, columns=header)
    numbers = [n for n, _ in lines[1:]]
    table["index"] = [_whole(name, n, c) for n, c in zip(numbers, table["index"], strict=True)]
    for column in ("x", "y", "z"):
        if column in table:
            table[column] = pd.to_numeric(table[column], errors="coerce")
    return table


def _text(name: str, lines: list[tuple[int, str]]) -> pd.DataFrame:
    words = [(n, line.split()) for n, line in lines]
    if len(words[0][1]) > 1 and words[0][1][0].isdigit():
        rows = []
        for n, row in words:
            # FreeSurfer's rows end in four colours; a name may hold spaces elsewhere.
            coloured = len(row) >= 6 and all(w.lstrip("-").isdigit() for w in row[-4:])
            label = row[1:-4] if coloured else row[1:]
            if not label:
                raise InputError(f"atlas labels {name}:{n}: expected an index and a name")
            rows.append((_whole(name, n, row[0]), " ".join(label)))
    elif len(words) > 1 and len(words[1][1]) == 5 and len(words) % 2 == 0:
        rows = [
            (_whole(name, n, row[0]), label.strip())
            for (_, label), (n, row) in zip(lines[::2], words[1::2], strict=True)
        ]
    else:
        raise InputError(
            f"atlas labels {name}:{words[0][0]}: expected `index name`, or a name above "
            "`index r g b a`; a list without indices cannot be matched to the image"
        )
    return pd.DataFrame(rows, columns=["index", "name"])


@lru_cache(maxsize=16)
def _local_spheres(ref: Spheres, stamp: tuple[int, ...]) -> Atlas:
    path = Path(ref.coordinates)
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")
        missing = [c for c in ("name", "x", "y", "z") if c not in table]
        if missing:
            raise InputError(f"coordinates {path.name}: no column {', '.join(missing)}")
        at = table[["x", "y", "z"]].astype(float)
    except (ValueError, pd.errors.ParserError):
        raise InputError(f"coordinates {path.name}: expected numbers in x, y, z") from None
    if not np.isfinite(at.to_numpy()).all() or table.empty:
        raise InputError(f"coordinates {path.name}: expected a finite x, y, z in every row")
    # The setting's radius holds for all.
    labels = table.drop(columns=["index", "radius"], errors="ignore").assign(
        index=np.arange(1, len(table) + 1), name=region_names(table["name"].tolist()), **at
    )
    return Atlas(path.stem, "spheres", labels, ref.space, radius=ref.radius)


def _whole(name: str, line: int, cell: str) -> int:
    if not cell.isascii() or not cell.isdigit():
        raise InputError(f"atlas labels {name}:{line}: expected a whole number, got {cell!r}")
    return int(cell)

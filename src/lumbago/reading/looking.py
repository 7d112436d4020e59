"""What a folder holds, told by its names: derivatives, raw scans, series, matrices, a table."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from lumbago.errors import InputError
from lumbago.reading.walker import Entry, walk

_LOOKED_AT = 200_000
"""Files of a folder that are looked at before a guess is made."""
_IMAGES = (".nii", ".nii.gz")
_RASTERS = (".npy", ".tsv", ".csv")
_EXPECTED = (
    "fMRIPrep's derivatives (*_desc-preproc_bold.nii.gz), raw BIDS (sub-*/func/*_bold.nii.gz), "
    "*_timeseries.tsv, *_relmat.tsv or .npy, or a table"
)


@dataclass(frozen=True)
class Sight:
    """What a folder looks like.

    Parameters
    ----------
    kind : {"derivatives", "raw", "timeseries", "connectomes", "table"}
    path : Path
        The folder, or the table.
    entities : mapping of entity to Counter
        Values that the scans' names have, and how often.
    """

    kind: Literal["derivatives", "raw", "timeseries", "connectomes", "table"]
    path: Path
    entities: dict[str, Counter[str]] = field(default_factory=dict)

    def most(self, entity: str) -> str | None:
        """The commonest value of an entity, the first by name among equals."""
        counted = self.entities.get(entity)
        return min(counted, key=lambda v: (-counted[v], v)) if counted else None


def look(path: Path | str) -> Sight:
    """Tell what a folder or file holds; opens no scan.

    Raises
    ------
    InputError
        If it is none of what Lumbago reads, with what it holds instead.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix in (".tsv", ".csv"):
            return Sight("table", path)
        raise InputError(f"{path.name}: expected a dataset's folder or a .tsv or .csv table")
    entries = list(islice(walk(path), _LOOKED_AT))
    mine = [e for e in entries if "sub" in e.entities]
    bold = [e for e in mine if e.suffix == "bold" and e.extension in _IMAGES]
    clean = [e for e in bold if e.entities.get("desc") == "preproc"]
    series = [e for e in mine if e.suffix == "timeseries" and e.extension == ".tsv"
              and e.entities.get("desc") != "confounds"]  # fmt: skip
    matrices = [e for e in mine if e.suffix in ("relmat", "connectome", "conmat")
                and e.extension in _RASTERS]  # fmt: skip
    plain = [e for e in mine if not e.suffix]
    series = series or [e for e in plain if e.extension == ".tsv"]
    matrices = matrices or [e for e in plain if e.extension == ".npy"]
    if clean:
        return _sight("derivatives", path, clean)
    if bold:
        return _sight("raw", path, bold)
    if series:
        return _sight("timeseries", path, series)
    if matrices:
        return _sight("connectomes", path, matrices)
    tables = [e for e in entries if not e.folder and e.extension in (".tsv", ".csv")]
    if len(tables) == 1:
        return Sight("table", tables[0].path(path))
    seen = Counter(e.extension or "no extension" for e in entries).most_common(3)
    holds = ", ".join(f"{n} {what}" for what, n in seen) or "nothing"
    raise InputError(f"folder {path.name}: holds {holds}; expected {_EXPECTED}")


def is_derivative(folder: Path) -> bool:
    """Tell whether a dataset is somebody's output: by its description, else by its names."""
    try:
        about = json.loads((folder / "dataset_description.json").read_text(encoding="utf-8"))
        kind = about["DatasetType"]
    except (OSError, ValueError, KeyError, TypeError):
        kind = None
    if kind in ("raw", "derivative"):
        return bool(kind == "derivative")
    return look(folder).kind == "derivatives"


def _sight(
    kind: Literal["derivatives", "raw", "timeseries", "connectomes"],
    path: Path,
    scans: list[Entry],
) -> Sight:
    found: dict[str, Counter[str]] = {}
    for entry in scans:
        for key, value in entry.entities.items():
            if key not in ("sub", "ses", "run"):
                found.setdefault(key, Counter())[value] += 1
    return Sight(kind, path, found)

"""FreeSurfer's text: stats files of one subject, and tables of many.

Layout read off published files: ``# ColHeaders`` names the columns of ``lh.aparc.stats``
(``StructName NumVert SurfArea GrayVol ThickAvg …``) and of ``aseg.stats`` (``Index SegId NVoxels
Volume_mm3 StructName …``), ``# Measure`` lines hold what is one number per brain;
``aparcstats2table`` heads its first column ``lh.aparc.thickness`` and the others
``lh_bankssts_thickness``, ``asegstats2table`` heads it ``Measure:volume``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lumbago.errors import InputError, ScanRejected
from lumbago.reading.recognize import unlike
from lumbago.reading.strict import read_strict

CORTEX = {
    "thickness": "ThickAvg", "area": "SurfArea", "volume": "GrayVol", "thicknessstd": "ThickStd",
    "meancurv": "MeanCurv", "gauscurv": "GausCurv", "foldind": "FoldInd", "curvind": "CurvInd",
}  # fmt: skip
"""Measures of a parcellation as aparcstats2table calls them, and their columns."""
ASEG = "aseg"
"""Name of the volumes of aseg.stats, in mm³."""
_ETIV = ("eTIV", "EstimatedTotalIntraCranialVol")
_WHOLE = re.compile(
    r"Vol($|NotVent|-to-)|SurfaceHoles$|^eTIV$|_(MeanThickness|WhiteSurfArea|NumVert)_"
)
_CORNER = re.compile(r"(?:Measure:(?P<aseg>\w+)|(?P<hemi>[lr]h)\.(?P<parc>[\w.+-]+)\.(?P<of>\w+))")


@dataclass(frozen=True)
class GroupTable:
    """A table of many subjects.

    Parameters
    ----------
    role : str
        ``values:thickness:lh``, ``values:aseg``.
    rows : tuple of (subject, line)
    etiv : tuple of float
        Estimated total intracranial volume of every row, NaN where the table has none.
    """

    role: str
    rows: tuple[tuple[str, int], ...]
    etiv: tuple[float, ...]


def read_stats(path: Path, measure: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Read one measure of every structure of a stats file.

    Raises
    ------
    ScanRejected
        ``E_VALUES`` if it is no stats file, lacks the column, or is cut.
    """
    lines = _lines(path)
    header = next(
        (line.split()[2:] for line in reversed(lines) if line.startswith("# ColHeaders")), None
    )
    if header is None:
        raise ScanRejected("E_VALUES", unlike(path, "a FreeSurfer stats file"))
    column = "Volume_mm3" if measure == ASEG else CORTEX.get(measure, measure)
    if column not in header or "StructName" not in header:
        raise ScanRejected("E_VALUES", f"{path.name}: no column {column}, got {', '.join(header)}")
    at, name_at = header.index(column), header.index("StructName")
    names, values = [], []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if not cells or line.startswith("#"):
            continue
        if len(cells) != len(header):
            raise ScanRejected(
                "E_VALUES",
                f"{path.name}: line {number} has {len(cells)} fields, expected {len(header)}; the "
                "file is cut or damaged",
            )
        names.append(cells[name_at])
        values.append(_number(cells[at], f"{path.name}: line {number}"))
    if not names or len(set(names)) < len(names):
        what = "a structure stands twice" if names else "no structure below its header"
        raise ScanRejected("E_VALUES", f"{path.name}: {what}; make the file again")
    return tuple(names), np.array(values)


def read_etiv(path: Path) -> float:
    """Return the estimated total intracranial volume of a stats file in mm³, NaN if absent."""
    try:
        lines = _lines(path)
    except ScanRejected:
        return float("nan")
    for line in lines:
        if line.startswith("# Measure"):
            cells = [c.strip() for c in line.removeprefix("# Measure").split(",")]
            if len(cells) >= 4 and set(cells[:2]) & set(_ETIV):
                try:
                    return float(cells[3])
                except ValueError:
                    return float("nan")
    return float("nan")


def read_group_table(path: Path) -> GroupTable:
    """Index a table of aparcstats2table or asegstats2table.

    Raises
    ------
    InputError
        If it is none, or with every problem of the table.
    """
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as f:
            corner = re.split(r"[\t,]", f.readline().strip())[0]
    except OSError:
        corner = ""
    found = _CORNER.fullmatch(corner)
    if found is None:
        raise InputError(
            unlike(path, "a table of aparcstats2table or asegstats2table, headed "
                   "lh.aparc.thickness or Measure:volume")
        )  # fmt: skip
    table = read_strict(path)
    cells = table.cells
    etiv = next((cells[c].tolist() for c in _ETIV if c in cells), [None] * len(cells))
    subjects = [str(s).rstrip("/").rsplit("/", 1)[-1] for s in cells[corner]]
    aseg = found["aseg"]
    role = (
        f"values:{found['of'].lower()}:{found['hemi']}"
        if aseg is None
        else f"values:{ASEG}" + ("" if aseg == "volume" else f"_{aseg}")
    )
    return GroupTable(
        role,
        tuple(zip(subjects, table.lines, strict=True)),
        tuple(_number(e or "nan", path.name) for e in etiv),
    )


def read_group_row(path: Path, line: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Read the regions of one subject from one line of a group table.

    Columns of the whole brain (``MeanThickness``, ``eTIV``) are no regions and left out, so that
    the table gives what the subject's own stats files give.
    """
    lines = _lines(path)
    mark = "," if path.suffix == ".csv" else "\t"
    header = [c.strip() for c in lines[0].split(mark)]
    cells = [c.strip() for c in lines[line - 1].split(mark)] if line <= len(lines) else []
    if len(cells) != len(header):
        raise ScanRejected("E_VALUES", f"{path.name}: line {line} is not as long as the header")
    of = _CORNER.fullmatch(header[0])
    suffix = f"_{of['of']}" if of is not None and of["of"] else ""
    use = [
        i
        for i, c in enumerate(header)
        if i and not _WHOLE.search(c) and c not in _ETIV and c.endswith(suffix)
    ]
    where = f"{path.name}: line {line}"
    return (
        tuple(header[i].removesuffix(suffix) for i in use),
        np.array([_number(cells[i], where) for i in use]),
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except (OSError, UnicodeDecodeError):
        raise ScanRejected("E_VALUES", unlike(path, "FreeSurfer's text")) from None


def _number(cell: str, where: str) -> float:
    try:
        return float("nan") if cell == "n/a" else float(cell)
    except ValueError:
        raise ScanRejected("E_VALUES", f"{where}: expected a number, got {cell!r}") from None

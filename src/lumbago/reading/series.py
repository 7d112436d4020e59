"""Time series tables: one column per region, one row per volume."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lumbago.errors import ScanRejected
from lumbago.reading import hdf5
from lumbago.reading.matlab import read_mat
from lumbago.reading.numeric import read_numbers
from lumbago.reading.recognize import is_table


@dataclass(frozen=True, eq=False)
class Series:
    """Region signals of one scan.

    Parameters
    ----------
    values : array of shape (n_volumes, n_regions), float32
        Rows of censored volumes are NaN; so is the column of a region without data.
    names : tuple of str
        Names of the columns.
    coverage : array of shape (n_regions,)
        1 where the region holds data, else 0.
    notes : tuple of str
    """

    values: np.ndarray
    names: tuple[str, ...]
    coverage: np.ndarray
    notes: tuple[str, ...] = ()


def read_series(path: Path, columns: tuple[str, ...] = (), within: str = "") -> Series:
    """Read a time series: a table, a matrix of MATLAB, or one element of junifer's HDF5.

    A row that is ``n/a`` in every column is a censored volume, as XCP-D writes it. A column
    that misses a value in any other row has no usable series: it stays, as NaN.

    Parameters
    ----------
    path : Path
    columns : tuple of str
        Columns to take, in this order; empty takes all. One that is absent is NaN.
    within : str
        Where in an HDF5 file.

    Raises
    ------
    ScanRejected
        ``E_TABLE`` if the table cannot be read, ``E_INF`` if it holds infinity, ``E_SHORT``
        for fewer than two volumes, ``E_EMPTY`` if no column is left.
    """
    table = _table(path, within)
    notes = []
    if columns:
        absent = [c for c in columns if c not in table]
        table = table.reindex(columns=list(columns))
        if absent:
            notes.append(f"{len(absent)} of {len(columns)} regions are not in the table")
    values = np.array(table, dtype=np.float32)
    if np.isinf(values).any():
        raise ScanRejected("E_INF", f"{path.name}: holds infinite values; make the table again")
    if len(values) < 2:
        raise ScanRejected("E_SHORT", f"{path.name}: one volume; a time series needs more")
    rows = np.isfinite(values).any(axis=1)
    whole = np.asarray(np.isfinite(values[rows]).all(axis=0))
    if not rows.any() or not whole.any():
        raise ScanRejected("E_EMPTY", f"{path.name}: no region has a value at every volume")
    holes = int((~whole & np.isfinite(values).any(axis=0)).sum())
    if holes:
        notes.append(f"{holes} regions miss values at single volumes and count as without data")
    values[:, ~whole] = np.nan
    return Series(values, tuple(str(c) for c in table), whole.astype(np.float64), tuple(notes))


def _table(path: Path, within: str) -> pd.DataFrame:
    if path.suffix == ".mat":
        return pd.DataFrame(values := read_mat(path), columns=_numbered(values.shape[1]))
    if path.suffix in hdf5.SUFFIXES:
        names, values = hdf5.read_timeseries(path, within)
        return pd.DataFrame(values, columns=list(names))
    return read_numbers(path, code="E_TABLE")


def _numbered(n: int) -> list[str]:
    return [str(i + 1) for i in range(n)]


def read_header(path: Path) -> tuple[tuple[str, ...], bool]:
    """Return the column names of a time series table, and whether it names them itself.

    A file that is no table names no column: it is its own scan's to be refused.
    """
    if path.suffix == ".mat":
        try:
            return tuple(_numbered(read_mat(path).shape[1])), False
        except ScanRejected:  # said again when the scan is measured
            return (), True
    try:
        with open(path, "rb") as start:
            beginning = start.read(4096)
    except OSError:
        return (), True
    if not is_table(beginning) or b"\0" in beginning:
        return (), True
    with open(path, encoding="utf-8-sig", errors="replace", newline=None) as f:
        line = f.readline().rstrip("\r\n")
    delimiter = {".tsv": "\t", ".csv": ","}.get(path.suffix)
    cells = [cell.strip() for cell in line.split(delimiter)]
    try:
        for cell in cells:
            float(cell)
    except ValueError:
        return tuple(cells), True
    return tuple(_numbered(len(cells))), False


def count_volumes(path: Path) -> int | None:
    """Return how many rows hold a value, without parsing them; None if it cannot be read."""
    if path.suffix in (".mat", *hdf5.SUFFIXES):
        try:
            return len(read_mat(path)) if path.suffix == ".mat" else None
        except ScanRejected:
            return None
    try:
        lines = path.read_bytes().replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    except OSError:
        return None
    _, named = read_header(path)
    return sum(bool(line.strip(b"na/NaN\t, ")) for line in lines[1 if named else 0 :])

"""Tables of numbers: every line as long as the header, every cell a number or n/a."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lumbago.errors import ScanRejected
from lumbago.reading.recognize import is_table, looks_like

MISSING = "n/a"
_BEGINNING = 4096
_DELIMITERS = {".tsv": "\t", ".csv": ","}


def read_numbers(
    path: Path,
    *,
    code: str,
    wanted: Callable[[str], bool] | None = None,
    named_rows: bool = False,
) -> pd.DataFrame:
    """Read a table of numbers strictly.

    Parameters
    ----------
    path : Path
        ``.tsv``, ``.csv``, or anything else for columns parted by white space. A first
        line of numbers only is no header: columns are then called ``1``, ``2``, ...
    code : str
        Code of the rejection.
    wanted : callable or None
        Tells from its name whether a column is read.
    named_rows : bool
        Whether a first column of words (``Node``) names the rows.

    Returns
    -------
    DataFrame of float64; ``n/a`` is NaN.

    Raises
    ------
    ScanRejected
        With `code`, the line and what was expected.
    """
    name = path.name

    def refuse(message: str) -> ScanRejected:
        return ScanRejected(code, f"{name}: {message}")

    delimiter = _DELIMITERS.get(path.suffix)
    split: Callable[[str], list[str]] = (
        (lambda line: line.split(delimiter)) if delimiter else str.split
    )
    lines = _lines(path, refuse)
    header = [cell.strip() for cell in split(lines[0])]
    if not any(header):
        raise refuse("the first line is empty, expected the names of the columns")
    first = 1
    if all(_is_number(cell) for cell in header):
        header = [str(i + 1) for i in range(len(header))]
        first = 0
    if len(lines) <= first:
        raise refuse("expected a header and rows of numbers, got no row")
    if delimiter == "\t" and len(header) == 1 and "," in header[0]:
        raise refuse("looks like CSV, expected tabs between the columns")
    if len(set(header)) < len(header):
        twice = next(c for i, c in enumerate(header) if c in header[:i])
        raise refuse(f"column {twice!r} stands twice")
    rows = []
    for number, line in enumerate(lines[first:], start=first + 1):
        cells = split(line)
        if len(cells) != len(header):
            raise refuse(
                f"line {number} has {len(cells)} fields, expected {len(header)}; "
                "the file is cut or damaged"
            )
        rows.append(cells)
    named = named_rows and not _is_number(rows[0][0])
    use = [
        i for i, c in enumerate(header) if (wanted is None or wanted(c)) and not (named and i == 0)
    ]
    values = np.empty((len(rows), len(use)))
    for at, cells in enumerate(rows):
        try:
            values[at] = [float(cells[i]) for i in use]
        except ValueError:
            values[at] = [_value(cells[i], header[i], at + first + 1, refuse) for i in use]
    index = pd.Index([cells[0].strip() for cells in rows], name=header[0]) if named else None
    return pd.DataFrame(values, index=index, columns=[header[i] for i in use])


def _value(cell: str, column: str, line: int, refuse: Callable[[str], ScanRejected]) -> float:
    if cell.strip() == MISSING:
        return float("nan")
    if not _is_number(cell):
        raise refuse(f"column {column}, line {line}: expected a number or {MISSING}")
    return float(cell)


def _lines(path: Path, refuse: Callable[[str], ScanRejected]) -> list[str]:
    try:
        data = path.read_bytes()
    except OSError:
        raise refuse("cannot be opened; if it is a datalad link, run datalad get") from None
    if data and not is_table(data[:_BEGINNING]):
        raise refuse(f"looks like {looks_like(data[:_BEGINNING])}; expected a table of numbers")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise refuse(
            f"byte {e.start} is not UTF-8; the file looks like latin-1, save it as UTF-8"
        ) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    if lines == [""]:
        raise refuse("the file is empty")
    if "\0" in text:
        raise refuse("holds NUL bytes; expected text, copy it again")
    return lines


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

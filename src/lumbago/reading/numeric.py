"""Tables of numbers: every line as long as the header, every cell a number or n/a."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lumbago.errors import ScanRejected

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
    lines = _lines(path, refuse)
    split = (lambda line: line.split(delimiter)) if delimiter else str.split
    header = [cell.strip() for cell in split(lines[0])]
    if all(_is_number(cell) for cell in header):
        header = [str(i + 1) for i in range(len(header))]
        lines = [(delimiter or " ").join(header), *lines]
    if len(lines) < 2:
        raise refuse("expected a header and rows of numbers, got no row")
    if delimiter == "\t" and len(header) == 1 and "," in header[0]:
        raise refuse("looks like CSV, expected tabs between the columns")
    for number, line in enumerate(lines[1:], start=2):
        fields = line.count(delimiter) + 1 if delimiter else len(line.split())
        if fields != len(header):
            raise refuse(
                f"line {number} has {fields} fields, expected {len(header)}; "
                "the file is cut or damaged"
            )
    if len(set(header)) < len(header):
        twice = next(c for i, c in enumerate(header) if c in header[:i])
        raise refuse(f"column {twice!r} stands twice")
    return _parse(lines, header, delimiter, wanted, named_rows, refuse)


def _parse(
    lines: list[str],
    header: list[str],
    delimiter: str | None,
    wanted: Callable[[str], bool] | None,
    named_rows: bool,
    refuse: Callable[[str], ScanRejected],
) -> pd.DataFrame:
    index = header[0] if named_rows and not _is_number(lines[1].split(delimiter)[0]) else None
    use = [c for c in header if c == index or wanted is None or wanted(c)]
    table = pd.read_csv(
        io.StringIO("\n".join(lines[1:])), sep=delimiter or r"\s+", names=header, usecols=use,
        na_values=["n/a", "NaN", "nan"], keep_default_na=False, quoting=3, low_memory=False,
        dtype=None if index is None else {index: str},
    )  # fmt: skip
    if index is not None:
        table = table.set_index(index)
    for column in table:
        if not pd.api.types.is_numeric_dtype(table[column]):
            numbers = pd.to_numeric(table[column], errors="coerce")
            line = int(np.flatnonzero(numbers.isna() & table[column].notna())[0]) + 2
            raise refuse(f"column {column}, line {line}: expected a number or n/a")
    return table.astype(np.float64)


def _lines(path: Path, refuse: Callable[[str], ScanRejected]) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError:
        raise refuse("cannot be opened; if it is a datalad link, run datalad get") from None
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

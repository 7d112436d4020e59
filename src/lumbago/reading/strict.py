"""Text tables read strictly: strings, `n/a` for missing, and every problem at once."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lumbago.errors import InputError, Problem
from lumbago.reading.recognize import is_table, looks_like

MISSING = "n/a"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_NOTHING = re.compile(r"(?i)na|#n/a|nan|nil|null|none|missing|unknown|[-.?]+", re.ASCII)
"""Words that mean a missing value elsewhere; among numbers they must be written n/a."""
_LEADING_ZERO = re.compile(r"[+-]?0\d", re.ASCII)
_LISTED = 10


@dataclass(frozen=True, eq=False)
class StrictTable:
    """A table as its file says it.

    Parameters
    ----------
    cells : DataFrame of str
        One row per line, None where ``n/a``.
    lines : tuple of int
        Line of the file that each row stands in.
    name : str
        Name of the file.
    notes : tuple of str
    """

    cells: pd.DataFrame
    lines: tuple[int, ...]
    name: str
    notes: tuple[str, ...] = ()


def read_strict(path: Path | str) -> StrictTable:
    """Read a ``.tsv`` or ``.csv``.

    Raises
    ------
    InputError
        With every problem of the table: encoding, columns named twice, lines of another
        length than the header, empty cells, decimal commas, NUL bytes; each with its line.
    """
    path = Path(path)
    text = _decoded(path)
    header, rows = _split(path, text)
    problems = _header_problems(path.name, header)
    good: list[tuple[int, list[str]]] = []
    for line, cells in rows:
        if len(cells) == len(header):
            good.append((line, cells))
            continue
        problems.append(
            Problem(
                f"{path.name}:{line}",
                f"{len(cells)} fields, expected {len(header)} as in the header; look for an "
                "extra or missing separator",
            )
        )
    notes = _stripped(header, good)
    for column, name in enumerate(header):
        problems += _column_problems(path.name, name, [(n, cells[column]) for n, cells in good])
    if not rows:
        problems.append(Problem(path.name, "holds no row below its header"))
    if problems:
        raise InputError(problems)
    frame = pd.DataFrame([cells for _, cells in good], columns=header, dtype=object)
    frame = frame.where(frame != MISSING, None)
    return StrictTable(frame, tuple(n for n, _ in good), path.name, tuple(notes))


def numbers_where_all(frame: pd.DataFrame, words: Collection[str] = ()) -> pd.DataFrame:
    """Turn a column into float64 if every cell that is not missing is a finite number.

    Columns named in `words` stay as they are, and so do codes with leading zeros.
    """
    columns = {}
    for name in frame:
        column = frame[name]
        known = column.dropna()
        numeric = (
            name not in words
            and len(known) > 0
            and all(isinstance(c, str) and _is_number(c) for c in known)
        )
        if numeric:
            columns[name] = pd.Series(
                [np.nan if c is None or c != c else float(c) for c in column], index=column.index
            )
        else:
            columns[name] = column.astype(object).where(column.notna(), np.nan)
    return pd.DataFrame(columns, index=frame.index, columns=frame.columns)


def _odd_among_numbers(source: str, name: str, cells: list[tuple[int, str]]) -> list[Problem]:
    """Complain of NA and the like in a column of numbers: it would turn all of it into words."""
    present = [(line, cell) for line, cell in cells if cell not in ("", MISSING)]
    odd = [(line, cell) for line, cell in present if not _is_number(cell)]
    if not odd or len(odd) == len(present) or not all(_NOTHING.fullmatch(c) for _, c in odd):
        return []
    line, cell = odd[0]
    more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
    return [
        Problem(
            f"{source}:{line}",
            f"column {name!r}: {cell!r}{more} among numbers; write {MISSING} for a missing value",
        )
    ]


def _is_number(cell: str) -> bool:
    if not _NUMBER.fullmatch(cell) or _LEADING_ZERO.match(cell):
        return False
    return bool(np.isfinite(float(cell)))


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as e:
        raise InputError(Problem(path.name, f"cannot be opened ({e.strerror})")) from None
    if not data.strip():
        raise InputError(Problem(path.name, "the file is empty"))
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[1:40:2].count(0) > 10:
        raise InputError(Problem(path.name, "is UTF-16 text, expected UTF-8; save it as UTF-8"))
    if not is_table(data[:4096]):
        raise InputError(
            Problem(path.name, f"looks like {looks_like(data[:4096])}; expected a table")
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = len(re.findall(rb"\r\n|\n|\r", data[: e.start])) + 1
        raise InputError(
            Problem(
                f"{path.name}:{line}",
                f"byte {data[e.start]:#04x} at offset {e.start} is not UTF-8; the file looks "
                "like latin-1 (Windows-1252), save it as UTF-8",
            )
        ) from None
    if "\0" in text:
        line = len(re.findall(r"\r\n|\n|\r", text[: text.index("\0")])) + 1
        raise InputError(
            Problem(f"{path.name}:{line}", "holds a NUL byte, expected text; save it again")
        )
    return text


def _split(path: Path, text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    lines = [(n, line) for n, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1)]
    lines = [(n, line) for n, line in lines if line.strip()]
    if not lines:
        raise InputError(Problem(path.name, "the file is empty"))
    first = lines[0][1]
    if path.suffix.lower() == ".csv":
        if "," not in first and (";" in first or "\t" in first):
            other = "semicolons" if ";" in first else "tabs"
            raise InputError(
                Problem(path.name, f"is parted by {other}, expected commas in a .csv file")
            )
        split = [(n, next(csv.reader([line]))) for n, line in lines]
    else:
        if "\t" not in first and ("," in first or ";" in first):
            raise InputError(
                Problem(
                    path.name, "looks like CSV, expected tabs; save it with tabs or name it .csv"
                )
            )
        split = [(n, line.split("\t")) for n, line in lines]
    return [cell.strip() for cell in split[0][1]], split[1:]


def _header_problems(name: str, header: list[str]) -> list[Problem]:
    problems = [
        Problem(f"{name}:1", f"column {column!r} stands {n} times; rename or remove the copies")
        for column, n in Counter(header).items()
        if n > 1 and column
    ]
    if "" in header:
        problems.append(Problem(f"{name}:1", f"column {header.index('') + 1} has no name"))
    return problems


def _stripped(header: list[str], rows: list[tuple[int, list[str]]]) -> list[str]:
    """Take spaces from the ends of cells, in place, and say where there were any."""
    touched: Counter[str] = Counter()
    for _, cells in rows:
        for i, cell in enumerate(cells):
            if cell != cell.strip():
                cells[i] = cell.strip()
                touched[header[i]] += 1
    return [
        f"column {column}: spaces at the ends of {n} cells were taken away"
        for column, n in touched.items()
    ]


def _column_problems(table: str, column: str, cells: list[tuple[int, str]]) -> list[Problem]:
    problems = []
    empty = [n for n, cell in cells if not cell]
    if empty:
        problems.append(
            Problem(
                f"{table}:{empty[0]}",
                f"column {column!r} is empty in {_listed(empty)}; write {MISSING} where a value "
                "is missing",
            )
        )
    commas = [n for n, cell in cells if _COMMA_NUMBER.fullmatch(cell)]
    rest = [c for _, c in cells if c not in ("", MISSING) and not _COMMA_NUMBER.fullmatch(c)]
    if commas and all(_is_number(c) for c in rest):
        cell = dict(cells)[commas[0]]
        problems.append(
            Problem(
                f"{table}:{commas[0]}",
                f"column {column!r} has decimal commas in {_listed(commas)}, got {cell!r}; "
                "write decimal points",
            )
        )
    return problems + _odd_among_numbers(table, column, cells)


def _listed(lines: list[int]) -> str:
    shown = ", ".join(str(n) for n in lines[:_LISTED])
    more = f" and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{more}"

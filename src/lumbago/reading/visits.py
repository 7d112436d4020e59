"""Tables of participants and of sessions: whose each row is, and what it says."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lumbago.errors import InputError, Problem
from lumbago.reading.recognize import what_is
from lumbago.reading.strict import MISSING, StrictTable, read_strict

ID = "participant_id"
SESSION = "session"
_SESSION_COLUMNS = ("session_id", "session")
_RESERVED = ("cohort",)
_IDENTIFYING = frozenset({
    "name", "first_name", "firstname", "last_name", "lastname", "family_name", "given_name",
    "surname", "initials", "patient_name", "patient_id", "medical_record_number", "mrn", "ssn",
    "birth_date", "birthdate", "birthday", "date_of_birth", "dob", "address", "street",
    "zip_code", "postcode", "phone", "telephone", "email", "e_mail", "acq_time",
})  # fmt: skip
"""Columns that say who somebody is; no measure needs them, so they are never read."""
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9+_.-]*")

Recode = Mapping[str, Mapping[str, str | float]]


@dataclass(frozen=True, eq=False)
class Visits:
    """Rows of one table: whose they are, and what they say as strings.

    Parameters
    ----------
    cells : DataFrame of str
        Index (participant_id, session); the session is empty where the table has none.
    lines : tuple of int
    name : str
        Name of the file.
    by_session : bool
        Whether the table has a column of sessions.
    """

    cells: pd.DataFrame
    lines: tuple[int, ...]
    name: str
    by_session: bool
    notes: tuple[str, ...] = ()


def read_visits(path: Path | str, *, participant: str | None = None, id_column: str = ID) -> Visits:
    """Read a table of participants or of sessions, strictly.

    Parameters
    ----------
    path : path
    participant : str or None
        Whose table it is, where the table does not say (``sub-01_sessions.tsv``).
    id_column : str
        Column with the participants' ids.

    Raises
    ------
    InputError
        With every problem: those of `lumbago.reading.strict.read_strict`, ids that are
        missing, malformed or there twice (with both lines).
    """
    table = read_strict(path)
    cells = table.cells
    problems: list[Problem] = []
    if participant is None and id_column not in cells:
        hint = near(id_column, [str(c) for c in cells])
        if "FreeSurfer" in (kind := what_is(path)):
            hint = f"; looks like {kind}: read it with kind freesurfer"
        raise InputError(
            Problem(
                f"{table.name}:1",
                f"no column {id_column!r}, got {', '.join(map(str, cells))}{hint}",
            )
        )
    problems += [
        Problem(f"{table.name}:1", f"the column name {c!r} is Lumbago's own; rename the column")
        for c in _RESERVED
        if c in cells
    ]
    ids = [participant] * len(cells) if participant else cells[id_column].tolist()
    session_column = next((c for c in _SESSION_COLUMNS if c in cells), None)
    sessions = [""] * len(cells) if session_column is None else cells[session_column].tolist()
    people = _labels(table, ids, "sub-", id_column, problems)
    visits = sessions
    if session_column is not None:
        visits = _labels(table, sessions, "ses-", session_column, problems)
    problems += _twice(table, people, visits)
    if problems:
        raise InputError(problems)
    drop = [c for c in (id_column, session_column) if c in cells]
    private = [str(c) for c in cells if _normalized(str(c)) in _IDENTIFYING and c not in drop]
    drop += private
    notes = [*table.notes, *(f"column {c} may tell who somebody is: not read" for c in private)]
    index = pd.MultiIndex.from_arrays([people, visits], names=[ID, SESSION])
    rest = cells.drop(columns=drop).set_axis(index, axis=0)
    return Visits(rest, table.lines, table.name, session_column is not None, tuple(notes))


def _normalized(column: str) -> str:
    return re.sub(r"[\s.-]+", "_", column.strip().lower())


def _labels(
    table: StrictTable,
    values: Sequence[str | None],
    prefix: str,
    column: str,
    problems: list[Problem],
) -> list[str]:
    labels = []
    for line, value in zip(table.lines, values, strict=True):
        label = "" if value is None else value.removeprefix(prefix)
        if not _LABEL.fullmatch(label):
            got = MISSING if value is None else repr(value)
            problems.append(
                Problem(
                    f"{table.name}:{line}",
                    f"{column}: expected letters and digits, got {got}",
                )
            )
        labels.append(prefix + label)
    return labels


def _twice(table: StrictTable, people: Sequence[str], visits: Sequence[str]) -> list[Problem]:
    first: dict[tuple[str, str], int] = {}
    problems = []
    for line, key in zip(table.lines, zip(people, visits, strict=True), strict=True):
        if key in first:
            problems.append(
                Problem(
                    f"{table.name}:{line}",
                    f"{' '.join(k for k in key if k)} stands in line {first[key]} already; "
                    "one row per participant (and session) is expected",
                )
            )
        first.setdefault(key, line)
    return problems


def changed(
    tables: Sequence[Visits], rename: Mapping[str, str], recode: Recode, where: str
) -> tuple[list[pd.DataFrame], list[str]]:
    """Rename columns, then replace words, in tables that are still strings.

    Returns
    -------
    tables : list of DataFrame
    notes : list of str
        Words to replace that no cell held.

    Raises
    ------
    InputError
        A column that no table has, with the nearest name; two columns of one name.
    """
    known = {str(c) for t in tables for c in t.cells}
    problems = [
        Problem(where, f"rename: no column {old!r}{near(old, known)}")
        for old in rename
        if old not in known
    ]
    frames = [t.cells.rename(columns=dict(rename)) for t in tables]
    for table, frame in zip(tables, frames, strict=True):
        for column in frame.columns[frame.columns.duplicated()]:
            problems.append(Problem(table.name, f"rename makes a second column {column!r}"))
    if problems:
        raise InputError(problems)
    known = {str(c) for f in frames for c in f}
    problems = [
        Problem(where, f"recode: no column {column!r}{near(column, known)}")
        for column in recode
        if column not in known
    ]
    if problems:
        raise InputError(problems)
    notes = []
    for column, words in recode.items():
        mapping = {old: None if new == MISSING else _word(new) for old, new in words.items()}
        met: set[str] = set()
        for frame in frames:
            if column in frame:
                met |= set(frame[column].dropna())
                frame[column] = [mapping.get(c, c) if c else c for c in frame[column]]
        notes += [
            f"recode of {column}: no cell holds {old!r}{near(old, met)}"
            for old in mapping
            if old not in met
        ]
    return frames, notes


def _word(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def near(word: str, known: Collection[str]) -> str:
    """Return a did-you-mean, empty if nothing is near."""
    close = difflib.get_close_matches(word, [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""

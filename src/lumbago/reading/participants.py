"""The people of a cohort: their table, their sessions, and which scans they have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Scan
from lumbago.errors import InputError, Problem
from lumbago.reading.strict import MISSING, StrictTable, numbers_where_all, read_strict

ID = "participant_id"
SESSION = "session"
_SESSION_COLUMNS = ("session_id", "session")
_RESERVED = ("cohort",)
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9+_.-]*")
_LISTED = 20

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


@dataclass(frozen=True, eq=False)
class People:
    """Participants and sessions as a `Cohort` wants them, and who was left out."""

    participants: pd.DataFrame
    sessions: pd.DataFrame
    scans: tuple[Scan, ...]
    excluded: list[tuple[str, str, str, str, str, str, str]]
    notes: list[str] = field(default_factory=list)


def read_visits(
    path: Path | str, *, participant: str | None = None, id_column: str = ID
) -> Visits:
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
        near = difflib.get_close_matches(id_column, list(cells), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(
            Problem(f"{table.name}:1", f"no column {id_column!r}, got {', '.join(cells)}{hint}")
        )
    problems += [
        Problem(f"{table.name}:1", f"the column name {c!r} is Lumbago's own; rename the column")
        for c in _RESERVED
        if c in cells
    ]
    ids = [participant] * len(cells) if participant else list(cells[id_column])
    session_column = next((c for c in _SESSION_COLUMNS if c in cells), None)
    sessions = [""] * len(cells) if session_column is None else list(cells[session_column])
    people = _labels(table, ids, "sub-", id_column, problems)
    visits = sessions
    if session_column is not None:
        visits = _labels(table, sessions, "ses-", session_column, problems)
    problems += _twice(table, people, visits)
    if problems:
        raise InputError(problems)
    drop = [c for c in (id_column, session_column) if c in cells]
    index = pd.MultiIndex.from_arrays([people, visits], names=[ID, SESSION])
    rest = cells.drop(columns=drop).set_axis(index, axis=0)
    return Visits(rest, table.lines, table.name, session_column is not None, table.notes)


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
        Problem(where, f"rename: no column {old!r}{_near(old, known)}")
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
        Problem(where, f"recode: no column {column!r}{_near(column, known)}")
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
            f"recode of {column}: no cell holds {old!r}{_near(old, met)}"
            for old in mapping
            if old not in met
        ]
    return frames, notes


def _word(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _near(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def join(
    name: str,
    tables: Sequence[Visits],
    frames: Sequence[pd.DataFrame],
    scans: Sequence[Scan],
    *,
    site: str | None,
    allow_missing: bool,
    has_scans: bool,
) -> People:
    """Bring people, sessions and scans together by name, never by position.

    Parameters
    ----------
    name : str
        Name of the cohort.
    tables, frames : sequences
        As read, and as changed; the first is that of the participants, if there is any.
    scans : sequence of Scan
    site : str or None
        Column that tells the site.
    allow_missing : bool
        Whether rows without scan and scans without row are left out instead of refused.
    has_scans : bool
        Whether this kind of cohort has scans at all.

    Raises
    ------
    InputError
        With both lists: participants without scan, scans without row.
    """
    listed = tables[0] if tables and not _only_sessions(tables[0]) else None
    rows = set() if listed is None else set(listed.cells.index.get_level_values(ID))
    scanned = {s.participant for s in scans}
    excluded: list[tuple[str, ...]] = []
    notes: list[str] = []
    if has_scans and listed is not None:
        _match(name, rows, scanned, _SCANS, allow_missing, excluded)
        scans = [s for s in scans if s.participant in rows]
        scanned &= rows
    others = [t for t in tables[1:] if not has_scans and not _only_sessions(t)]
    for table in others:
        listed_too = set(table.cells.index.get_level_values(ID))
        _match(name, rows, listed_too, _ROWS, allow_missing, excluded)
        rows &= listed_too
    people = sorted(scanned if has_scans else rows)
    if not people:
        raise InputError(f"cohort {name}: nobody is left, neither scans nor rows match")
    keys = {(s.participant, s.session) for s in scans}
    if not has_scans:
        keys = {tuple(k) for t in tables for k in t.cells.index if k[0] in rows}
    elif any(t.by_session for t in tables):
        unseen = {tuple(k) for t in tables if t.by_session for k in t.cells.index} - keys
        unseen = {k for k in unseen if k[0] in scanned and any(s for _, s in keys)}
        if unseen:
            notes.append(f"{len(unseen)} rows of the session tables have no scan")
    at = pd.MultiIndex.from_tuples(sorted(keys), names=[ID, SESSION])
    words = {site} if site else set()
    fixed, by_session = _columns(frames, tables, people, at)
    participants = numbers_where_all(fixed, words).reset_index(names=ID)
    sessions = numbers_where_all(by_session, words).reset_index()
    participants.insert(0, "cohort", name)
    sessions.insert(0, "cohort", name)
    notes += _add_site(name, participants, sessions, site)
    return People(participants, sessions, tuple(scans), excluded, notes)  # type: ignore[arg-type]


def _only_sessions(table: Visits) -> bool:
    return table.name.endswith("_sessions.tsv")


# What it means to be on one side only: code, words for one, words for the list.
_SCANS = (
    ("E_NO_SCAN", "in the participants table, but without a scan",
     "in the participants table without a scan"),
    ("E_NO_ROW", "has scans, but no row in the participants table",
     "with scans but without a row in the participants table"),
)  # fmt: skip
_ROWS = (
    ("E_NO_ROW", "in the table of features, but not in that of participants",
     "in the table of features, but not in that of participants"),
    ("E_NO_FEATURES", "in the participants table, but not in that of features",
     "in the participants table, but not in that of features"),
)  # fmt: skip


def _match(
    name: str,
    here: set[str],
    there: set[str],
    meaning: Sequence[tuple[str, str, str]],
    allow_missing: bool,
    excluded: list[tuple[str, ...]],
) -> None:
    problems = []
    for who, (code, reason, listed) in zip((here - there, there - here), meaning, strict=True):
        if allow_missing:
            excluded += [(name, w, "", "", "", code, reason) for w in sorted(who)]
        elif who:
            problems.append(
                Problem(
                    f"cohort {name}",
                    f"{len(who)} {listed}: {_few(sorted(who))}; mend the tables, or set "
                    "allow_missing to leave them out",
                )
            )
    if problems:
        raise InputError(problems)


def _columns(
    frames: Sequence[pd.DataFrame],
    tables: Sequence[Visits],
    people: Sequence[str],
    at: pd.MultiIndex,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split columns into those of the person and those that change between sessions."""
    fixed: dict[str, pd.Series] = {}
    varying: dict[str, pd.Series] = {}
    for frame, table in zip(frames, tables, strict=True):
        for column in frame:
            values = frame[column]
            if not table.by_session:
                one = values.droplevel(SESSION)
                _fill(fixed, str(column), one.reindex(people))
            elif not _only_sessions(table) and values.groupby(level=ID).nunique(dropna=False).max() <= 1:
                _fill(fixed, str(column), values.groupby(level=ID).first().reindex(people))
            else:
                _fill(varying, str(column), values.reindex(at))
    return (
        pd.DataFrame(fixed, index=pd.Index(people, name=ID), dtype=object),
        pd.DataFrame(varying, index=at, dtype=object),
    )


def _fill(columns: dict[str, pd.Series], name: str, values: pd.Series) -> None:
    """Add a column, or where it is there already (one table per person) fill its gaps."""
    old = columns.get(name)
    columns[name] = values if old is None else old.where(old.notna(), values)


def _add_site(
    name: str, participants: pd.DataFrame, sessions: pd.DataFrame, site: str | None
) -> list[str]:
    if site is not None and site != "site" and site not in participants and site not in sessions:
        known = [*participants, *sessions]
        raise InputError(f"cohort {name}: no column {site!r} to tell sites{_near(site, known)}")
    notes = []
    if site in participants:
        participants["site"] = participants[site]
    elif site in sessions:
        sessions["site"] = sessions[site]
        first = sessions.dropna(subset=["site"]).groupby(ID)["site"].first()
        participants["site"] = participants[ID].map(first)
    else:
        participants["site"] = name
    missing = participants["site"].isna()
    if missing.any():
        participants.loc[missing, "site"] = "unknown"
        notes.append(f"{int(missing.sum())} participants have no site and are put into 'unknown'")
    participants["site"] = participants["site"].astype(object)
    return notes


def _few(values: Iterable[Any]) -> str:
    values = [str(v) for v in values]
    shown = ", ".join(values[:_LISTED])
    return shown if len(values) <= _LISTED else f"{shown} and {len(values) - _LISTED} more"


def add_motion(
    sessions: pd.DataFrame,
    participants: pd.DataFrame,
    summaries: Mapping[tuple[str, str], Sequence[Mapping[str, float]]],
) -> pd.DataFrame:
    """Fill in motion: what the scans say, else what the tables said.

    Runs of one session add up; their displacement is averaged by length. A column of which
    nothing is known is not added.
    """
    sessions = sessions.copy()
    of_person = participants.set_index(ID)
    for column in ("mean_fd", "n_volumes", "n_volumes_kept", "minutes_kept"):
        values = []
        for who, session in zip(sessions[ID], sessions[SESSION], strict=True):
            values.append(_over_runs(summaries.get((who, session), ()), column))
        found = np.array(values, dtype=np.float64)
        known = None
        if column in sessions:
            known = sessions[column]
        elif column in of_person:
            known = sessions[ID].map(of_person[column])
        if known is not None:
            told = pd.to_numeric(known, errors="coerce").to_numpy(dtype=np.float64)
            found = np.where(np.isfinite(found), found, told)
        if np.isfinite(found).any():
            sessions[column] = found
    return sessions


def _over_runs(runs: Sequence[Mapping[str, float]], column: str) -> float:
    values = np.array([run[column] for run in runs], dtype=np.float64)
    if not len(values) or not np.isfinite(values).all():
        return float("nan")
    if column != "mean_fd":
        return float(values.sum())
    weights = np.array([run["n_volumes"] for run in runs], dtype=np.float64)
    return float(np.average(values, weights=weights))

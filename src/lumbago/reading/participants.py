"""The people of a cohort: their table, their sessions, and which scans they have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Scan
from lumbago.errors import InputError, Problem
from lumbago.reading.confounds import SUMMARY
from lumbago.reading.strict import numbers_where_all
from lumbago.reading.visits import ID, SESSION, Visits, near

_LISTED = 20


@dataclass(frozen=True, eq=False)
class People:
    """Participants and sessions as a `Cohort` wants them, and who was left out."""

    participants: pd.DataFrame
    sessions: pd.DataFrame
    scans: tuple[Scan, ...]
    excluded: list[tuple[str, str, str, str, str, str, str]]
    notes: list[str] = field(default_factory=list)


def join(
    name: str,
    tables: Sequence[Visits],
    frames: Sequence[pd.DataFrame],
    scans: Sequence[Scan],
    *,
    site: str | None,
    lost: Collection[str] = (),
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
    lost : collection of str
        Participants of whom a scan was found that cannot be read; said elsewhere.
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
        _match(name, rows - (set(lost) - scanned), scanned, _SCANS, allow_missing, excluded)
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
        if not any(session for _, session in keys):
            _check_sessions(name, tables)
    at = pd.MultiIndex.from_tuples(sorted(keys), names=[ID, SESSION])
    words = {site} if site else set()
    fixed, by_session = _columns(frames, tables, people, at)
    participants = numbers_where_all(fixed, words).reset_index(names=ID)
    sessions = numbers_where_all(by_session, words).reset_index()
    participants.insert(0, "cohort", name)
    sessions.insert(0, "cohort", name)
    notes += _add_site(name, participants, sessions, site)
    return People(participants, sessions, tuple(scans), excluded, notes)  # type: ignore[arg-type]


def _check_sessions(name: str, tables: Sequence[Visits]) -> None:
    """Refuse scans without session beside tables with several for one person."""
    for table in tables:
        if table.by_session and table.cells.index.get_level_values(ID).duplicated().any():
            raise InputError(
                Problem(
                    table.name,
                    f"tells of several sessions per participant, but the scans of cohort {name} "
                    "name none; name the session in the files (ses-1), or keep one row each",
                )
            )


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
    people: list[str],
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
            elif (
                not _only_sessions(table)
                and values.groupby(level=ID).nunique(dropna=False).max() <= 1
            ):
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
        raise InputError(f"cohort {name}: no column {site!r} to tell sites{near(site, known)}")
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
    for column in SUMMARY:
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


def add_measured(
    sessions: pd.DataFrame,
    participants: pd.DataFrame,
    measured: Mapping[tuple[str, str], Mapping[str, float]],
) -> pd.DataFrame:
    """Add columns that a tool's files hold; those of the tables stay as they are."""
    keys = list(zip(sessions[ID], sessions[SESSION], strict=True))
    added = {
        column: [measured.get(key, {}).get(column, float("nan")) for key in keys]
        for column in dict.fromkeys(c for values in measured.values() for c in values)
        if column not in sessions and column not in participants
    }
    added = {column: values for column, values in added.items() if np.isfinite(values).any()}
    return sessions.assign(**added) if added else sessions


def _over_runs(runs: Sequence[Mapping[str, float]], column: str) -> float:
    values = np.array([run[column] for run in runs], dtype=np.float64)
    if not len(values) or not np.isfinite(values).all():
        return float("nan")
    if column != "mean_fd":
        return float(values.sum())
    weights = np.array([run["n_volumes"] for run in runs], dtype=np.float64)
    return float(np.average(values, weights=weights))

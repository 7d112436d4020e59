"""What a table of people offers to predict, and what must not explain it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from lumbago.errors import InputError
from lumbago.experiment.quoting import as_key, as_word
from lumbago.extraction.choice import near

ABOUT = ("participant_id", "cohort", "session", "site", "mean_fd", "n_volumes", "n_volumes_kept",
          "minutes_kept", "dof_left")  # fmt: skip
PEOPLE = ("age", "sex", "gender", "handedness", "hand")
_GROUPS = ("group", "diagnosis", "dx", "patient", "status", "condition")
_SCORES = ("vas", "pain", "nrs", "odi", "score")
_CONTROLS = ("hc", "control", "controls", "con", "ctrl", "nc", "healthy", "no", "false", "0")
_MOST_LEVELS, _FEWEST_EACH = 5, 3


@dataclass(frozen=True)
class Aim:
    """What to predict, as YAML and in words."""

    yaml: str
    question: str
    column: str
    people: int
    """Participants of the smallest class, or of all where it is a number."""
    continuous: bool


def aim_of(table: pd.DataFrame, wanted: str | None) -> Aim:
    """Return what to predict: the wanted column, else classes before numbers.

    Raises
    ------
    InputError
        If no column can be predicted.
    """
    known = [str(c) for c in table.columns if c not in ABOUT]
    if wanted is not None and wanted not in known:
        raise InputError(f"target {wanted!r}: no such column{near(wanted, known)}; "
                         f"there is {', '.join(known) or 'none'}")  # fmt: skip
    columns = [wanted] if wanted is not None else [c for c in known if c not in PEOPLE]
    classes = [c for c in columns if _levels(table, c)]
    if classes:
        column = min(classes, key=lambda c: (_rank(c, _GROUPS), len(_levels(table, c))))
        return _told_apart(column, _levels(table, column))
    numbers = [c for c in columns if is_number(table, c)]
    if numbers:
        column = min(numbers, key=lambda c: _rank(c, _SCORES))
        n = _people(table[table[column].notna()])
        yaml = f"  {as_key(column)}: {{column: {as_word(column)}, kind: continuous}}"
        return Aim(yaml, f"Do brain measures predict {column}?", column, n, True)
    what = f"column {wanted!r} holds" if wanted else "the tables of participants and sessions hold"
    raise InputError(
        f"{what} neither classes of {_FEWEST_EACH} or more people nor numbers to predict; "
        "add such a column, or name a table with --participants"
    )


def _told_apart(column: str, levels: dict[str, int]) -> Aim:
    order = sorted(levels, key=lambda w: (w.lower() in _CONTROLS, w))
    names = {w: as_key(w) for w in order}
    if len(set(names.values())) < len(names):
        names = {w: f"class{i + 1}" for i, w in enumerate(order)}
    inside = ", ".join(f"{names[w]}: [{as_word(w)}]" for w in order)
    positive = f", positive: {names[order[0]]}" if len(order) == 2 else ""
    counts = ", ".join(f"{n} {w}" for w, n in levels.items())
    yaml = (
        f"  # {counts}. The positive class is the one whose probability is shown.\n"
        f"  {as_key(column)}: {{column: {as_word(column)}, classes: {{{inside}}}{positive}}}"
    )
    question = f"Do brain measures tell {' from '.join(order)}?"
    return Aim(yaml, json.dumps(question), column, min(levels.values()), False)


def _levels(table: pd.DataFrame, column: str) -> dict[str, int]:
    """Return the participants behind each level of a column; nothing if it holds no classes."""
    values = table[column].dropna()
    if is_number(table, column) and values.nunique() > 2:
        return {}
    if not 2 <= values.nunique() <= _MOST_LEVELS:
        return {}
    found = {_written(w): _people(table[table[column] == w]) for w in sorted(values.unique())}
    return found if min(found.values()) >= _FEWEST_EACH else {}


def _written(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def is_number(table: pd.DataFrame, column: str) -> bool:
    """Tell whether a column holds numbers that differ."""
    return bool(pd.api.types.is_numeric_dtype(table[column]) and differs(table, column))


def differs(table: pd.DataFrame, column: str) -> bool:
    """Tell whether a column holds more than one value."""
    return len(table[column].dropna().unique()) > 1


def _people(rows: pd.DataFrame) -> int:
    return len({index[:2] for index in rows.index})


def _rank(column: str, wanted: Sequence[str]) -> int:
    return next((i for i, w in enumerate(wanted) if w in column.lower()), len(wanted))


def covariates_of(table: pd.DataFrame, target: str) -> list[str]:
    """Return what is regressed out: known of nearly all, and differing between them."""
    wanted = ("age", "sex", "gender", "mean_fd")
    there = [c for c in wanted if c in table and c != target]
    return [c for c in there if differs(table, c) and table[c].notna().mean() > 0.9]

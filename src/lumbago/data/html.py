"""How a noun shows itself in a notebook: small tables of counts and group summaries, no people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

MOST_ROWS = 12
"""Rows of a table; what is left over is counted below it."""
FEWEST = 3
"""A mean over fewer people than this would tell somebody's own value."""
_PATH = re.compile(r"(?<![\w/.:<])(?:[A-Za-z]:)?(?:[\\/][^\s\\/'\":,;<>|]+)+[\\/]?")
_FILE = re.compile(r"\bsub-[A-Za-z0-9]+_[\w.+-]*")
_PERSON = re.compile(r"\bsub-[A-Za-z0-9]+")


def card(noun: str, name: str, facts: Iterable[str], *blocks: str) -> str:
    """Return a heading with facts behind it, and tables or lines below; empty ones are left out.

    >>> card("Cohort", "a<b", ["2 participants", ""])
    '<div><p><b>Cohort a&lt;b</b> · 2 participants</p></div>'
    """
    head = " ".join(word for word in (noun, name) if word)
    told = "".join(f" · {escape(fact)}" for fact in facts if fact)
    return f"<div><p><b>{escape(head)}</b>{told}</p>{''.join(blocks)}</div>"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], more: str = "rows") -> str:
    """Return an HTML table of escaped cells, cut after `MOST_ROWS`; empty where there is no row."""
    if not rows:
        return ""
    top = "".join(f"<th>{escape(str(h))}</th>" for h in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(cell))}</td>" for cell in row) + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    left = len(rows) - MOST_ROWS
    below = line(f"… and {left} more {more}") if left > 0 else ""
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{below}"


def line(text: str) -> str:
    """Return one escaped line; empty for an empty text."""
    return f"<p>{escape(text)}</p>" if text else ""


def count(n: int, noun: str) -> str:
    """Write a count with its noun.

    >>> count(1, "session"), count(1200, "edge")
    ('1 session', '1,200 edges')
    """
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def middle(values: Any, digits: int = 2) -> str:
    """Write the median of a group; a dash where it is missing or would tell one person's value.

    >>> middle([0.1, 0.2, 0.4]), middle([0.1, 0.2])
    ('0.20', '–')
    """
    there = pd.to_numeric(pd.Series(values), errors="coerce").dropna().to_numpy(dtype=float)
    return f"{np.median(there):.{digits}f}" if len(there) >= FEWEST else "–"


def without_people(text: str) -> str:
    """Return a sentence without folders, files of a participant, or a participant's name.

    >>> without_people("/home/jane/sub-01_bold.nii.gz: the end of the file is missing")
    'a file: the end of the file is missing'
    """
    text = _PATH.sub(lambda m: re.split(r"[\\/]", m[0].rstrip("\\/"))[-1], text)
    return _PERSON.sub("a participant", _FILE.sub("a file", text))


def left_out(rows: pd.DataFrame, what: str) -> str:
    """Return the reasons of an exclusions table and how often each stands there.

    Parameters
    ----------
    rows : DataFrame
        Columns code and reason; who it was is not read.
    """
    if rows.empty:
        return ""
    reasons = rows["code"].astype(str), rows["reason"].astype(str).map(without_people)
    counted = pd.DataFrame({"code": reasons[0], "reason": reasons[1]}).value_counts().reset_index()
    counted = counted.sort_values(["count", "code", "reason"], ascending=[False, True, True])
    told = counted[["count", "code", "reason"]].to_numpy().tolist()
    return line(f"{what}: {len(rows):,}") + table(("n", "code", "reason"), told, "reasons")


def noted(notes: Sequence[str]) -> str:
    """Return notes as a short list without people."""
    told = list(dict.fromkeys(without_people(note) for note in notes))
    shown = "".join(f"<li>{escape(note)}</li>" for note in told[:5])
    left = f"<li>… and {len(told) - 5} more in .notes</li>" if len(told) > 5 else ""
    return f"<ul>{shown}{left}</ul>" if told else ""


def levels(values: Iterable[Any]) -> str:
    """Write how often each word stands in a column.

    >>> levels(["HC", "CLBP", "HC"])
    'CLBP 1, HC 2'
    """
    counted: Mapping[Any, int] = pd.Series(list(values), dtype=object).value_counts().to_dict()
    told = [f"{word} {n:,}" for word, n in sorted(counted.items(), key=lambda item: str(item[0]))]
    return ", ".join(told[:MOST_ROWS]) + (", …" if len(told) > MOST_ROWS else "")


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return "–"
    if isinstance(value, float | np.floating):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)

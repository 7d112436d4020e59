"""How problems are worded: the nearest known name, a value short enough for a line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any


def near(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the closest known word, or nothing.

    >>> near("svmm", ["svm", "forest"])
    "; did you mean 'svm'?"
    """
    known = list(known)
    same = [k for k in known if k.lower() == word.lower()]
    close = same or difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def unknown(what: str, got: str, known: Iterable[str]) -> str:
    """Return the message about a name that stands for nothing.

    >>> unknown("feature", "allf", ["alff", "reho"])
    "no feature of this name; got 'allf', expected one of alff, reho; did you mean 'alff'?"
    """
    known = list(known)
    if not known:
        return f"no {what} of this name; got {got!r}, and none is defined"
    return (
        f"no {what} of this name; got {got!r}, expected one of {', '.join(known)}{near(got, known)}"
    )


def shown(value: Any) -> str:
    """Return a value short enough for one line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"

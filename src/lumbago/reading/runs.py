"""One file per run, or a word on what tells the candidates apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lumbago.errors import InputError, Problem
from lumbago.reading.walker import Entry

_LISTED = 20


def run_of(entry: Entry) -> tuple[str, str, str]:
    """Return participant, session and run of a file, with their prefixes; empty where absent."""
    sub, ses, run = (
        f"{key}-{entry.entities[key]}" if key in entry.entities else ""
        for key in ("sub", "ses", "run")
    )
    return sub, ses, run


def one_per_run(name: str, candidates: Iterable[Entry]) -> list[Entry]:
    """Return the candidates sorted by run, if there is one for each.

    Raises
    ------
    InputError
        Naming every run with several, and the entity that tells them apart.
    """
    runs: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in candidates:
        runs.setdefault(run_of(entry), []).append(entry)
    problems = [
        Problem(" ".join(k for k in key if k), told_apart(several))
        for key, several in sorted(runs.items())
        if len(several) > 1
    ]
    if problems:
        more = len(problems) - _LISTED
        if more > 0:
            problems = [*problems[:_LISTED], Problem(f"cohort {name}", f"and {more} more runs")]
        raise InputError(problems)
    return [several[0] for _, several in sorted(runs.items())]


def told_apart(several: Sequence[Entry]) -> str:
    """Return what tells several files of one run apart, and how to choose one."""
    keys = sorted({k for e in several for k in e.entities})
    for key in keys:
        values = {e.entities.get(key, "(none)") for e in several}
        if len(values) > 1:
            return (
                f"{len(several)} files fit, told apart by {key} ({', '.join(sorted(values))}); "
                f"choose one with select: {{{key}: ...}}"
            )
    return f"{' and '.join(e.name for e in several)} are both there; remove one"

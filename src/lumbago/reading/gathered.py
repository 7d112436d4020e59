"""Files that belong together: what was found of each run becomes one scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lumbago.data import Scan
from lumbago.errors import InputError, Problem

_LISTED = 20


@dataclass(frozen=True)
class Piece:
    """One file, or one part of a file, of one run.

    Parameters
    ----------
    who : (participant, session, run)
    role : str
        Role of the file in the scan.
    path : Path
    within : str
        Where in the file, if it holds several people.
    """

    who: tuple[str, str, str]
    role: str
    path: Path
    within: str = ""


@dataclass(frozen=True)
class About:
    """What all scans of a cohort share."""

    t_r: float | None = None
    space: str | None = None
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    entities: Mapping[str, str] = field(default_factory=dict)


def gathered(name: str, pieces: Iterable[Piece], about: About, cure: str) -> list[Scan]:
    """Return one scan per run, sorted.

    Parameters
    ----------
    name : str
        Name of the cohort.
    cure : str
        What to do where two files play one role in one run.

    Raises
    ------
    InputError
        Naming every run with two files of one role.
    """
    runs: dict[tuple[str, str, str], dict[str, Piece]] = {}
    problems = []
    for piece in pieces:
        roles = runs.setdefault(piece.who, {})
        other = roles.setdefault(piece.role, piece)
        if other is not piece:
            both = {other.path.name, piece.path.name}
            if len(both) == 1:
                both = {f"{p.path.parent.name}/{p.path.name}" for p in (other, piece)}
            problems.append(
                Problem(
                    " ".join(w for w in piece.who if w),
                    f"{' and '.join(sorted(both))} both give {piece.role}; {cure}",
                )
            )
    if problems:
        more = len(problems) - _LISTED
        tail = [Problem(f"cohort {name}", f"and {more} more")] if more > 0 else []
        raise InputError([*problems[:_LISTED], *tail])
    scans = []
    for who, roles in sorted(runs.items()):
        files = {role: piece.path for role, piece in sorted(roles.items())}
        maps = [role for role in files if role.startswith("map:")]
        if len(maps) == 1:
            files["map"] = files[maps[0]]
        within = {role: piece.within for role, piece in sorted(roles.items()) if piece.within}
        scans.append(
            Scan(*who, name, files, about.t_r, about.space, dict(about.entities), about.columns,
                 about.labels, within)
        )  # fmt: skip
    return scans

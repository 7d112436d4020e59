"""What every cohort reader shares: the people around the scans."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pandas as pd
from pydantic import Field, field_validator

from lumbago.data import Cohort, Scan
from lumbago.data.features import REJECTED_COLUMNS
from lumbago.data.selection import columns_in
from lumbago.errors import InputError
from lumbago.reading.confounds import motion_summary
from lumbago.reading.denoise import Denoise
from lumbago.reading.participants import People, add_measured, add_motion, join
from lumbago.reading.visits import Visits, changed, read_visits
from lumbago.spec import Spec

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, eq=False)
class Found:
    """What a reader found in its folder.

    Parameters
    ----------
    scans : sequence of Scan
    root : Path
        Folder in which a participants table is looked for, then in `beside`.
    beside : sequence of Path
    more_tables : sequence of (participant, path)
        ``sub-01_sessions.tsv`` and the like; no participant where the table names them.
    excluded : list of rows (participant, session, run, code, reason)
    notes : list of str
    measured : mapping of (participant, session) to {column: value}
        Numbers that the tool's files hold of a session as a whole, such as ``eTIV``; a column of
        the tables wins.
    """

    scans: Sequence[Scan]
    root: Path | None = None
    beside: Sequence[Path] = ()
    more_tables: Sequence[tuple[str | None, Path]] = ()
    excluded: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measured: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)


class CohortReader(Spec):
    """One study on disk; `read` turns it into a `Cohort`."""

    has_scans: ClassVar[bool] = True

    kind: str
    participants: Path | None = None
    """Table of the participants, where it does not lie in the folder as participants.tsv."""
    site: str | None = "site"
    """Column that tells the scanner or centre; without it the cohort is one site."""
    rename: dict[str, str] = Field(default_factory=dict)
    """Columns to rename, ``{old: new}``; comes first."""
    recode: dict[str, dict[str, str | float]] = Field(default_factory=dict)
    """Words to replace, ``{column: {old: new}}``; ``n/a`` makes a value missing. Comes second."""
    keep: str | None = None
    """Rule for the sessions that stay: ``mean_fd < 0.5 and n_volumes_kept >= 150``. Comes last."""
    allow_missing: bool = False
    """Whether participants without scan, and scans without row, are left out, with their
    reason, instead of being refused."""

    @field_validator("keep")
    @classmethod
    def _readable(cls, rule: str | None) -> str | None:
        if rule is not None:
            try:
                columns_in(rule)
            except InputError as e:
                raise ValueError(str(e)) from None
        return rule

    def find(self, name: str) -> Found:
        """Find the scans; opens no image."""
        raise NotImplementedError(f"{type(self).__name__} must say how it finds scans")

    def read(
        self, name: str, workspace: Path | None = None, denoise: Denoise | None = None
    ) -> Cohort:
        """Find scans and people, and bring them together.

        Parameters
        ----------
        name : str
            Name of the cohort: letters, digits, ``_``, ``-``.
        workspace : Path or None
            Where a reader may write; those that only read ignore it.
        denoise : Denoise or None
            Its scrubbing decides ``n_volumes_kept`` and ``minutes_kept``.

        Raises
        ------
        InputError
            With everything that is wrong at once.
        """
        if not _NAME.fullmatch(name):
            raise InputError(f"cohort name {name!r}: expected letters, digits, '_' or '-'")
        found = self.find(name)
        tables = self._tables(found)
        frames, notes = changed(tables, self.rename, self.recode, f"cohort {name}")
        people = join(
            name,
            tables,
            frames,
            found.scans,
            site=self.site,
            lost={who for who, *_ in found.excluded},
            allow_missing=self.allow_missing,
            has_scans=self.has_scans,
        )
        sessions = people.sessions
        if self.has_scans:
            sessions = self._with_motion(people, denoise)
            sessions = add_measured(sessions, people.participants, found.measured)
        excluded = [
            *people.excluded,
            *((name, *run, "", code, reason) for *run, code, reason in found.excluded),
        ]
        cohort = Cohort(
            name=name,
            participants=people.participants,
            sessions=sessions,
            scans=people.scans,
            excluded=pd.DataFrame(excluded, columns=list(REJECTED_COLUMNS)),
            notes=tuple(
                dict.fromkeys([*found.notes, *(n for t in tables for n in t.notes), *notes,
                               *people.notes])
            ),
        )  # fmt: skip
        if self.keep is None:
            return cohort
        kept = cohort.keep(self.keep)
        if not len(kept):
            raise InputError(
                f"cohort {name}: none of {len(cohort)} participants meets keep: {self.keep}"
            )
        return kept

    def _tables(self, found: Found) -> list[Visits]:
        tables = []
        problems = []
        main = self._participants_table(found)
        for path, who in [(main, None), *((p, who) for who, p in found.more_tables)]:
            if path is None:
                continue
            try:
                tables.append(read_visits(path, participant=who, id_column=self._id_column))
            except InputError as e:
                problems += e.problems
        if problems:
            raise InputError(problems)
        if main is None and self.has_scans:
            found.notes.append("no participants table: only what the scans tell is known")
        return tables

    @property
    def _id_column(self) -> str:
        return "participant_id"

    def _participants_table(self, found: Found) -> Path | None:
        if self.participants is not None:
            return self.participants
        folders = [f for f in (found.root, *found.beside) if f is not None]
        return next((p for f in folders if (p := f / "participants.tsv").is_file()), None)

    def _with_motion(self, people: People, denoise: Denoise | None) -> pd.DataFrame:
        summaries: dict[tuple[str, str], list[dict[str, float]]] = {}
        for scan in people.scans:
            summary = motion_summary(scan, denoise, self._length(scan))
            summaries.setdefault((scan.participant, scan.session), []).append(summary)
        return add_motion(people.sessions, people.participants, summaries)

    def _length(self, scan: Scan) -> int | None:
        """Number of volumes, where a cheap look tells it."""
        return None

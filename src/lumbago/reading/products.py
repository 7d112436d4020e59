"""Folders in which a tool leaves several products of each run: series, matrices, values, maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from lumbago.data import Scan
from lumbago.data.features import region_names
from lumbago.errors import InputError, Problem
from lumbago.reading.reader import Found
from lumbago.reading.repetition import MAX_T_R, MIN_T_R
from lumbago.reading.runs import run_of, told_apart
from lumbago.reading.series import count_volumes, read_header
from lumbago.reading.sidecars import Sidecars, repetition_time
from lumbago.reading.tables import FolderReader
from lumbago.reading.walker import Entry, walk

_LISTED = 20
_OWN = ("sub", "ses", "run")


class ProductReader(FolderReader):
    """One scan per run with everything the tool has made of it; a subclass names the products."""

    no_part: ClassVar[frozenset[str]] = frozenset()
    """Folders that hold nothing of a single run."""

    t_r: float | None = Field(default=None, ge=MIN_T_R, le=MAX_T_R)
    """Repetition time in seconds; wins over the sidecars."""

    def role(self, entry: Entry) -> str | None:
        """Return the role a file plays in its scan; None for a file that plays none."""
        raise NotImplementedError(f"{type(self).__name__} must say what its files are")

    def find(self, name: str) -> Found:
        """Sort the files of each run by their roles; reads headers of series only.

        Raises
        ------
        InputError
            Nothing there, or several files of one run and role, with what tells them apart.
        """
        entries = list(walk(self.folder, lambda folder, _: folder not in self.no_part))
        of_runs = [e for e in entries if "sub" in e.entities and self._wanted(e)]
        roles: dict[tuple[tuple[str, ...], tuple[str, str, str]], dict[str, list[Entry]]] = {}
        for entry in of_runs:
            role = self.role(entry)
            if role is not None:
                # Two tasks in one session are two scans only by their task.
                key = (entry.entities.get("task", ""),), run_of(entry)
                roles.setdefault(key, {}).setdefault(role, []).append(entry)
        # Values, maps and signals make a scan; a motion table alone is none.
        roles = {k: r for k, r in roles.items() if r.keys() - {"motion", "coverage"}}
        if not roles:
            raise InputError(
                Problem(
                    f"cohort {name}",
                    f"none of {len(of_runs)} files is one of its products; expected "
                    f"{self._expected}",
                )
            )
        self._check(name, roles)
        columns, labels = self._regions(name, roles.values())
        sidecars = Sidecars(self.folder, entries)
        scans = [
            self._scan(name, run, of, sidecars, columns, labels)
            for (_, run), of in sorted(roles.items(), key=lambda item: item[0][1])
        ]
        notes = []
        if columns and any(s.t_r is None for s in scans if "timeseries" in s.files):
            notes.append("no repetition time is known; give t_r to filter or to count minutes")
        return self._found(scans, entries, notes)

    def _wanted(self, entry: Entry) -> bool:
        """Tell whether a file is chosen; an entity that it has not speaks not against it."""
        wanted = {**self.select, **({"task": self.task} if self.task else {})}
        if any(k in entry.entities and entry.entities[k] != v for k, v in wanted.items()):
            return False
        if self.sessions is None:
            return True
        return entry.entities.get("ses", "") in {s.removeprefix("ses-") for s in self.sessions}

    def _check(
        self,
        name: str,
        roles: dict[tuple[tuple[str, ...], tuple[str, str, str]], dict[str, list[Entry]]],
    ) -> None:
        runs = [run for _, run in roles]
        problems = [
            Problem(
                " ".join(part for part in run if part),
                "several tasks; choose one with task",
            )
            for run in sorted(set(runs))
            if runs.count(run) > 1
        ]
        problems += [
            Problem(f"{' '.join(part for part in run if part)} {role}", told_apart(several))
            for (_, run), of in sorted(roles.items())
            for role, several in sorted(of.items())
            if len(several) > 1
        ]
        if problems:
            more = len(problems) - _LISTED
            tail = [Problem(f"cohort {name}", f"and {more} more")] if more > 0 else []
            raise InputError([*problems[:_LISTED], *tail])

    def _regions(
        self, name: str, runs: Iterable[dict[str, list[Entry]]]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Columns of all series in the order of the first, and what their regions are called."""
        series = [of["timeseries"][0] for of in runs if "timeseries" in of]
        headers = [read_header(e.path(self.folder))[0] for e in series]
        columns = tuple(dict.fromkeys(c for header in headers for c in header))
        if not columns:
            return (), ()
        return columns, self._named(name, len(columns), "columns") or region_names(columns)

    def _scan(
        self,
        name: str,
        run: tuple[str, str, str],
        of: dict[str, list[Entry]],
        sidecars: Sidecars,
        columns: tuple[str, ...],
        labels: tuple[str, ...],
    ) -> Scan:
        entries = {role: several[0] for role, several in sorted(of.items())}
        files = {role: e.path(self.folder) for role, e in entries.items()}
        maps = [role for role in files if role.startswith("map:")]
        if len(maps) == 1:
            files["map"] = files[maps[0]]
        main = {r: e for r, e in entries.items() if r not in ("motion", "coverage")}
        shared = reduce(lambda a, b: a & b, (set(e.entities.items()) for e in main.values()))
        spaces = {e.entities["space"] for e in main.values() if "space" in e.entities}
        has_series = "timeseries" in files
        t_r = self.t_r
        if t_r is None:
            told = (
                repetition_time(sidecars.of(e, (e.suffix, "bold", "timeseries")))
                for e in entries.values()
            )
            t_r = next((t for t in told if t is not None), None)
        return Scan(
            *run, name, files, t_r, spaces.pop() if len(spaces) == 1 else None,
            {k: v for k, v in sorted(shared) if k not in _OWN},
            columns if has_series else (), labels if has_series else (),
        )  # fmt: skip

    def _length(self, scan: Scan) -> int | None:
        """Number of volumes that hold data."""
        path = scan.files.get("timeseries")
        return None if path is None else count_volumes(Path(path))


def stat_of(entry: Entry, stats: Sequence[str]) -> str | None:
    """Return an entry's ``stat`` entity, if it is one of those."""
    stat = entry.entities.get("stat")
    return stat if stat in stats else None

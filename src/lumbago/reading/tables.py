"""Cohorts that come as numbers: region time series, connectomes, tables of features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from lumbago.data import Scan
from lumbago.data.features import region_names
from lumbago.errors import InputError, Problem
from lumbago.reading.atlases import AtlasRef, load_atlas
from lumbago.reading.matrices import count_nodes
from lumbago.reading.reader import CohortReader, Found
from lumbago.reading.recognize import unlike
from lumbago.reading.repetition import MAX_T_R, MIN_T_R
from lumbago.reading.runs import one_per_run, run_of
from lumbago.reading.series import count_volumes, read_header
from lumbago.reading.sidecars import Sidecars, repetition_time
from lumbago.reading.walker import Entry, walk

_TABLES = (".tsv", ".csv", ".txt")


class FolderReader(CohortReader):
    """One file per run in a folder, at any depth; whose it is stands in its name."""

    folder: Path
    """Folder with the files; its participants.tsv is read where none is named."""
    atlas: AtlasRef | None = None
    """Atlas whose region names the columns or nodes get, in its order."""
    task: str | None = None
    """Task of the scans; all by default."""
    sessions: list[str] | None = None
    """Sessions to take, with or without ``ses-``; all by default."""
    select: dict[str, str] = Field(default_factory=dict)
    """Entities the files must have, where several would fit: ``{atlas: Schaefer200}``."""

    def _walk(self, name: str, fits: Callable[[Entry], bool]) -> tuple[list[Entry], list[Entry]]:
        """All files of the folder, and the one of each run."""
        entries = list(walk(self.folder))
        wanted = {**self.select, **({"task": self.task} if self.task else {})}
        there = [e for e in entries if "sub" in e.entities and fits(e)]
        chosen = [e for e in there if all(e.entities.get(k) == v for k, v in wanted.items())]
        if self.sessions is not None:
            known = {s.removeprefix("ses-") for s in self.sessions}
            chosen = [e for e in chosen if e.entities.get("ses", "") in known]
        if not chosen:
            what = f"none of {len(there)} files fits {wanted}" if there else "no file found"
            raise InputError(
                Problem(f"cohort {name}", f"{what}; expected {self._expected}, such as "
                        f"sub-01_task-rest_{self._expected.strip('*')}")
            )  # fmt: skip
        return entries, one_per_run(name, chosen)

    @property
    def _expected(self) -> str:
        raise NotImplementedError(f"{type(self).__name__} must say which files it reads")

    def _found(self, scans: Sequence[Scan], entries: Sequence[Entry], notes: list[str]) -> Found:
        tables = [
            (f"sub-{e.entities['sub']}", e.path(self.folder))
            for e in entries
            if e.suffix == "sessions" and e.extension == ".tsv" and "sub" in e.entities
        ]
        return Found(scans, self.folder, [self.folder.parent], tables, notes=notes)

    def _named(self, name: str, n: int, what: str) -> tuple[str, ...]:
        """Names of the atlas' regions; they must be as many as the file holds."""
        if self.atlas is None:
            return ()
        atlas = load_atlas(self.atlas)
        if len(atlas) != n:
            raise InputError(
                Problem(
                    f"cohort {name}",
                    f"the files hold {n} {what}, the atlas {atlas.name} {len(atlas)} regions; "
                    "name the atlas they were made with, or exclude columns",
                )
            )
        return atlas.names


class TimeseriesCohort(FolderReader):
    """Region time series: ``*_timeseries.tsv`` as XCP-D writes them, or plain tables."""

    kind: Literal["timeseries"] = "timeseries"
    exclude: list[str] = Field(default_factory=list)
    """Columns that are no region, such as a global signal."""
    t_r: float | None = Field(default=None, ge=MIN_T_R, le=MAX_T_R)
    """Repetition time in seconds; wins over the sidecars."""
    space: str | None = None
    """Space the regions were sampled in, for the record."""

    @property
    def _expected(self) -> str:
        return "*_timeseries.tsv"

    def find(self, name: str) -> Found:
        """Find the tables; reads their headers only."""
        entries, chosen = self._walk(
            name,
            lambda e: (
                e.suffix in ("timeseries", "")
                and e.extension in _TABLES
                and e.entities.get("desc") != "confounds"
            ),
        )
        columns, notes = self._columns(name, chosen)
        labels = self._named(name, len(columns), "columns") or region_names(columns)
        sidecars = Sidecars(self.folder, entries)
        motion = {
            (e.folder, _who(e)): e
            for e in entries
            if e.suffix == "motion" and e.extension == ".tsv"
        }
        scans = []
        for entry in chosen:
            files = {"timeseries": entry.path(self.folder)}
            moved = motion.get((entry.folder, _who(entry)))
            if moved is not None:
                files["motion"] = moved.path(self.folder)
            told = repetition_time(sidecars.of(entry))
            scans.append(
                _scan(name, entry, files, self.t_r if self.t_r is not None else told,
                      self.space or entry.entities.get("space"), columns, labels)
            )  # fmt: skip
        if any(s.t_r is None for s in scans):
            notes.append("no repetition time is known; give t_r to filter or to count minutes")
        return self._found(scans, entries, notes)

    def _columns(self, name: str, chosen: Sequence[Entry]) -> tuple[tuple[str, ...], list[str]]:
        """Columns of all tables, in the order of the first; only their order may differ."""
        headers = [read_header(e.path(self.folder)) for e in chosen]
        headers = [h for h in headers if h[0]]  # what is no table is refused when it is measured
        if not headers:
            raise InputError(
                Problem(f"cohort {name}", unlike(chosen[0].path(self.folder), "a time series"))
            )
        first = headers[0][0]
        union = dict.fromkeys(c for header, _ in headers for c in header)
        missing = [c for c in self.exclude if c not in union]
        if missing:
            raise InputError(
                Problem(f"cohort {name}", f"exclude: no table has a column {missing[0]!r}")
            )
        columns = tuple(c for c in union if c not in self.exclude)
        if not columns:
            raise InputError(Problem(f"cohort {name}", "exclude leaves no column"))
        notes = []
        differing = sum(set(header) != set(first) for header, _ in headers)
        if differing:
            notes.append(
                f"{differing} of {len(headers)} tables have other columns than the first; a "
                "region that a table lacks has no data there"
            )
        if not all(named for _, named in headers) and self.atlas is None:
            notes.append("tables without column names: regions are numbered")
        return columns, notes

    def _length(self, scan: Scan) -> int | None:
        """Number of volumes that hold data."""
        return count_volumes(Path(scan.files["timeseries"]))


class ConnectomeCohort(FolderReader):
    """Connectivity matrices, functional or structural, one file per run.

    ``.npy`` vectors or squares, ``*_relmat.tsv``, MRtrix's ``*_connectome.csv``, QSIRecon's
    ``*_connectivity.mat``. They must be symmetric; an upper triangle alone is mirrored, and the
    diagonal is never a feature.
    """

    kind: Literal["connectomes"] = "connectomes"
    variable: str | None = None
    """Name of the matrix in ``.mat`` files that hold several."""
    space: str | None = None
    """Space the regions lie in, for the record."""

    @property
    def _expected(self) -> str:
        return "*_relmat.npy"

    def find(self, name: str) -> Found:
        """Find the matrices."""
        entries, chosen = self._walk(
            name,
            lambda e: (
                (
                    e.suffix in ("relmat", "conmat", "connectivity", "")
                    or e.suffix.endswith("connectome")
                )
                and e.extension in (".npy", ".tsv", ".csv", ".mat")
            ),
        )
        labels: tuple[str, ...] = ()
        if self.atlas is not None:
            sizes = [n for e in chosen if (n := count_nodes(e.path(self.folder))) is not None]
            n = max(set(sizes), key=sizes.count) if sizes else 0
            atlas = load_atlas(self.atlas)
            # A vector with its diagonal looks like one of a region more without.
            labels = atlas.names if n == len(atlas) + 1 else self._named(name, n, "nodes")
        scans = [
            _scan(name, e, {"connectome": e.path(self.folder)}, None,
                  self.space or e.entities.get("space"), (), labels,
                  {"connectome": self.variable} if self.variable and e.extension == ".mat" else {})
            for e in chosen
        ]  # fmt: skip
        return self._found(scans, entries, [])


class TableCohort(CohortReader):
    """A table whose columns are the features: one row per participant, or per session."""

    has_scans: ClassVar[bool] = False

    kind: Literal["table"] = "table"
    table: Path
    """``.tsv`` or ``.csv`` with the participants' ids."""
    id: str = "participant_id"
    """Column with the ids."""

    @property
    def _id_column(self) -> str:
        return self.id

    def find(self, name: str) -> Found:
        """There are no scans to find."""
        return Found((), more_tables=[(None, self.participants)] if self.participants else [])

    def _participants_table(self, found: Found) -> Path | None:
        return self.table


def _who(entry: Entry) -> tuple[str | None, ...]:
    return tuple(entry.entities.get(k) for k in ("sub", "ses", "task", "run", "dir", "acq"))


def _scan(
    name: str,
    entry: Entry,
    files: dict[str, Path],
    t_r: float | None,
    space: str | None,
    columns: tuple[str, ...],
    labels: tuple[str, ...],
    within: dict[str, str] | None = None,
) -> Scan:
    participant, session, run = run_of(entry)
    entities = {k: v for k, v in entry.entities.items() if k not in ("sub", "ses", "run")}
    return Scan(participant, session, run, name, files, t_r, space, entities, columns, labels,
                within or {})  # fmt: skip

"""Features that junifer has stored in HDF5, as a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from lumbago.data.features import region_names
from lumbago.errors import InputError, Problem, ScanRejected
from lumbago.reading.gathered import About, Piece, gathered
from lumbago.reading.hdf5 import SUFFIXES, Stored, catalogue
from lumbago.reading.naming import whose
from lumbago.reading.reader import CohortReader, Found
from lumbago.reading.repetition import MAX_T_R, MIN_T_R


class JuniferCohort(CohortReader):
    """What junifer has extracted: vectors for `values`, one matrix or time series for `connectome`.

    Needs the extra ``hdf5``. Features are called as junifer lists them (``type_marker``).
    """

    kind: Literal["junifer"] = "junifer"
    path: Path
    """The collected file, or a folder with one file per element."""
    element: dict[str, str] = Field(default_factory=dict)
    """Which elements to take: ``{task: rest}``; all by default."""
    matrix: str | None = None
    """Which matrix is the connectome, where there are several."""
    timeseries: str | None = None
    """Which time series is meant, where there are several."""
    t_r: float | None = Field(default=None, ge=MIN_T_R, le=MAX_T_R)
    """Repetition time of the time series, in seconds."""

    def find(self, name: str) -> Found:
        """List what is stored; reads no data.

        Raises
        ------
        InputError
            No such file, another kind of file, a choice between several that is not made.
        """
        pieces: list[Piece] = []
        columns: tuple[str, ...] = ()
        problems: list[Problem] = []
        stored: list[tuple[Path, Stored]] = []
        for path in self._files(name):
            try:
                stored += [(path, s) for s in catalogue(path)]
            except ScanRejected as e:
                problems.append(Problem(f"cohort {name}", e.reason))
        chosen = {
            kind: self._one(name, kind, wanted, stored, problems)
            for kind, wanted in (("matrix", self.matrix), ("timeseries", self.timeseries))
        }
        if problems:
            raise InputError(problems)
        roles = {"matrix": "connectome", "timeseries": "timeseries"}
        for path, feature in stored:
            if feature.kind == "vector":
                role = f"values:{feature.name}"
            elif chosen.get(feature.kind) == feature.name:
                role = roles[feature.kind]
            else:
                continue
            if role == "timeseries":
                columns = columns or feature.columns
            for at, element in enumerate(feature.elements):
                if any(element.get(k) != v for k, v in self.element.items()):
                    continue
                pieces.append(Piece(self._who(path, element), role, path, f"{feature.md5}/{at}"))
        if not pieces:
            raise InputError(Problem(f"cohort {name}", self._nothing(stored)))
        notes = []
        if columns and self.t_r is None:
            notes.append("no repetition time is known; give t_r to filter or to count minutes")
        about = About(self.t_r, None, columns, region_names(columns))
        cure = "choose one with element, such as {task: rest}"
        folder = self.path if self.path.is_dir() else self.path.parent
        return Found(gathered(name, pieces, about, cure), folder, [folder.parent], notes=notes)

    def _files(self, name: str) -> list[Path]:
        if not self.path.is_dir():
            return [self.path]
        files = sorted(p for p in self.path.iterdir() if p.suffix in SUFFIXES)
        if not files:
            raise InputError(Problem(f"cohort {name}", "path: no .hdf5 file in the folder"))
        return files

    def _who(self, path: Path, element: dict[str, str]) -> tuple[str, str, str]:
        if "subject" not in element:
            raise InputError(
                Problem(path.name, f"an element without subject, got {', '.join(element)}")
            )
        sub, ses, run = whose(element["subject"])
        session, number = element.get("session"), element.get("run")
        return (
            sub,
            f"ses-{session.removeprefix('ses-')}" if session else ses,
            f"run-{number.removeprefix('run-')}" if number else run,
        )

    def _one(
        self,
        name: str,
        kind: str,
        wanted: str | None,
        stored: Sequence[tuple[Path, Stored]],
        problems: list[Problem],
    ) -> str | None:
        there = sorted({s.name for _, s in stored if s.kind == kind})
        if wanted is None and len(there) < 2:
            return there[0] if there else None
        if wanted in there:
            return wanted
        got = f"no {kind} is called {wanted!r}" if wanted else f"several of {kind}"
        listed = ", ".join(there) or "none"
        problems.append(Problem(f"cohort {name}", f"{got}; there is {listed}; set {kind}"))
        return None

    def _nothing(self, stored: Sequence[tuple[Path, Stored]]) -> str:
        if not stored:
            return "path: the file holds no feature"
        return f"element: no stored element fits {self.element}"

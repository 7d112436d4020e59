"""BIDS datasets: fMRIPrep's derivatives, and raw ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from lumbago.data import Scan
from lumbago.errors import InputError, Problem, ScanRejected
from lumbago.reading.images import open_image
from lumbago.reading.reader import CohortReader, Found
from lumbago.reading.runs import one_per_run, run_of
from lumbago.reading.sidecars import Sidecars, repetition_time
from lumbago.reading.walker import Entry, walk

_IMAGES = (".nii.gz", ".nii")
_GRID = ("space", "res", "den", "desc")


class BidsCohort(CohortReader):
    """Scans of a BIDS dataset: fMRIPrep's derivatives, or a raw dataset as it left the scanner.

    Raw scans have no confounds and lie in the space ``scanner``; their brain mask is computed
    when they are measured.
    """

    kind: Literal["bids"] = "bids"
    derivatives: Path | None = None
    """fMRIPrep's output folder."""
    raw: Path | None = None
    """A raw dataset, instead of derivatives."""
    task: str = "rest"
    """Task of the scans."""
    space: str | None = None
    """Output space of the scans; may be left out where there is only one."""
    desc: str = "preproc"
    """The images' ``desc``."""
    sessions: list[str] | None = None
    """Sessions to take, with or without ``ses-``; all by default."""
    select: dict[str, str] = Field(default_factory=dict)
    """Other entities the scans must have: ``{res: "2", acq: multiband}``."""
    maps: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Still images of the same session, by name and entities (``suffix`` among them):
    ``{gm: {label: GM, suffix: probseg}}``."""

    @model_validator(mode="after")
    def _one_folder(self) -> BidsCohort:
        if (self.derivatives is None) == (self.raw is None):
            raise ValueError("give one of `derivatives` (fMRIPrep's output) and `raw`")
        if self.raw is not None and self.space is not None:
            raise ValueError("a raw dataset has no `space`; its scans lie in the scanner's")
        return self

    @property
    def folder(self) -> Path:
        """Root of the dataset."""
        folder = self.derivatives or self.raw
        assert folder is not None
        return folder

    def find(self, name: str) -> Found:
        """Index the dataset; opens no image.

        Raises
        ------
        InputError
            No such folder, no scan that fits (with what there is instead), several files for
            one run (with the entity that tells them apart), names differing only in case.
        """
        root = self.folder
        notes: list[str] = []
        entries = self._entries(root, notes)
        candidates = [e for e in entries if self._is_scan(e)]
        space = self._resolve_space(name, candidates)
        if self.raw is None:
            candidates = [e for e in candidates if e.entities.get("space") == space]
        chosen = one_per_run(name, candidates)
        if not chosen:
            raise InputError(Problem(f"cohort {name}", self._nothing_found(entries)))
        index = {(e.folder, e.suffix, e.extension, e.names()): e for e in entries}
        sidecars = Sidecars(root, entries)
        maps = self._maps(entries)
        scans = []
        excluded = []
        for entry in chosen:
            scan = self._scan(name, root, entry, index, sidecars, space, maps)
            if scan is None:
                excluded.append(_missing(entry))
            else:
                scans.append(scan)
        notes += self._notes(scans)
        tables = [
            (f"sub-{e.entities['sub']}", e.path(root))
            for e in entries
            if e.suffix == "sessions" and e.extension == ".tsv" and "sub" in e.entities
        ]
        beside = [root.parent.parent] if root.parent.name == "derivatives" else []
        return Found(scans, root, beside, tables, excluded, notes)

    def _entries(self, root: Path, notes: list[str]) -> list[Entry]:
        datatypes = {"func", "anat"} if self.maps else {"func"}

        def enter(folder: str, depth: int) -> bool:
            if depth == 1:
                return folder.startswith("sub-")
            return folder in datatypes or (depth == 2 and folder.startswith("ses-"))

        entries = []
        strangers = 0
        for entry in walk(root, enter):
            home = entry.folder.split("/")[0]
            if home and home != f"sub-{entry.entities.get('sub')}":
                strangers += entry.suffix == "bold"
            else:
                entries.append(entry)
        if strangers:
            notes.append(f"{strangers} files lie in the folder of another participant: not read")
        return entries

    def _is_scan(self, entry: Entry) -> bool:
        own = entry.entities
        if entry.suffix != "bold" or entry.extension not in _IMAGES or "sub" not in own:
            return False
        if own.get("task") != self.task or own.get("desc") != (
            self.desc if self.raw is None else None
        ):
            return False
        if self.sessions is not None and own.get("ses", "") not in {
            s.removeprefix("ses-") for s in self.sessions
        }:
            return False
        return all(own.get(k) == v for k, v in self.select.items())

    def _resolve_space(self, name: str, candidates: Sequence[Entry]) -> str | None:
        if self.raw is not None:
            return "scanner"
        there = sorted({e.entities.get("space", "") for e in candidates})
        if self.space in there:
            return self.space
        if self.space is None and len(there) <= 1:
            return there[0] or None if there else None
        if not there:
            return self.space
        listed = ", ".join(s or "(none)" for s in there)
        near = difflib.get_close_matches(self.space or "", there, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        got = "several spaces" if self.space is None else f"no scan in space {self.space}"
        raise InputError(Problem(f"cohort {name}", f"{got}; there is {listed}{hint}"))

    def _scan(
        self,
        name: str,
        root: Path,
        entry: Entry,
        index: dict[tuple[str, str, str, frozenset[tuple[str, str]]], Entry],
        sidecars: Sidecars,
        space: str | None,
        maps: dict[tuple[str, str], dict[str, Path]],
    ) -> Scan | None:
        bold = entry.path(root)
        if bold.is_symlink() and not bold.exists():
            return None
        participant, session, run = run_of(entry)
        files = {"bold": bold}
        if self.raw is None:
            grid = entry.names("desc") | {("desc", "brain")}
            mask = index.get((entry.folder, "mask", entry.extension, grid))
            table = entry.names(*_GRID) | {("desc", "confounds")}
            confounds = index.get((entry.folder, "timeseries", ".tsv", table)) or index.get(
                (entry.folder, "regressors", ".tsv", table)
            )
            if mask is not None:
                files["mask"] = mask.path(root)
            if confounds is not None:
                files["confounds"] = confounds.path(root)
                told = index.get((confounds.folder, confounds.suffix, ".json", table))
                if told is not None:
                    files["confounds_json"] = told.path(root)
        files.update(maps.get((participant, session), {}))
        return Scan(
            participant, session, run, name, files,
            t_r=repetition_time(sidecars.of(entry)), space=space,
            entities={k: v for k, v in entry.entities.items() if k not in ("sub", "ses", "run")},
        )  # fmt: skip

    def _maps(self, entries: Iterable[Entry]) -> dict[tuple[str, str], dict[str, Path]]:
        found: dict[tuple[str, str], dict[str, Path]] = {}
        for entry in entries:
            if entry.extension not in _IMAGES:
                continue
            own = {**entry.entities, "suffix": entry.suffix}
            for name, wanted in self.maps.items():
                fits = all(own.get(k) == v for k, v in wanted.items())
                if fits and own.get("space") == (wanted.get("space") or self.space):
                    who = (f"sub-{own.get('sub')}", f"ses-{own['ses']}" if "ses" in own else "")
                    roles = found.setdefault(who, {})
                    if f"map:{name}" in roles:
                        raise InputError(
                            Problem(
                                " ".join(w for w in who if w),
                                f"maps: several files fit {name!r}; name more of their entities",
                            )
                        )
                    roles[f"map:{name}"] = roles["map"] = entry.path(self.folder)
        return found

    def _notes(self, scans: Sequence[Scan]) -> list[str]:
        if self.raw is not None:
            return [
                "raw dataset: not preprocessed, in the scanner's space, without confounds; brain "
                "masks are computed by nilearn's compute_epi_mask"
            ]
        notes = []
        for role, what in (("mask", "a brain mask"), ("confounds", "a confounds table")):
            lacking = sum(role not in s.files for s in scans)
            if lacking:
                notes.append(f"{lacking} of {len(scans)} scans come without {what}")
        return notes

    def _nothing_found(self, entries: Sequence[Entry]) -> str:
        bold = [e for e in entries if e.suffix == "bold" and e.extension in _IMAGES]
        wanted = [f"task {self.task}"]
        wanted += [f"{k} {v}" for k, v in self.select.items()]
        if self.raw is None:
            wanted += [f"desc {self.desc}", *([f"space {self.space}"] if self.space else [])]
        tasks = sorted({e.entities.get("task", "(none)") for e in bold})
        if not bold:
            return "no *_bold.nii.gz below sub-*/[ses-*/]func; is this the dataset's root folder?"
        return (
            f"none of {len(bold)} *_bold images has {', '.join(wanted)}; there is task "
            f"{', '.join(tasks)}"
        )

    def _length(self, scan: Scan) -> int | None:
        """Number of volumes of a scan without confounds, from the image's header."""
        if "confounds" in scan.files:
            return None
        try:
            return open_image(scan.files["bold"], ndim=4, strict=False).shape[3]
        except ScanRejected:
            return None


def _missing(entry: Entry) -> tuple[str, str, str, str, str]:
    who = run_of(entry)
    return (*who, "E_MISSING", f"{entry.name}: a broken link; run datalad get")

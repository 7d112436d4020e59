"""FreeSurfer's statistics as a cohort: subjects' folders, or the tables made from them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from lumbago.errors import InputError, Problem
from lumbago.reading.freesurfer_stats import ASEG, CORTEX, read_etiv, read_group_table
from lumbago.reading.gathered import About, Piece, gathered
from lumbago.reading.naming import whose
from lumbago.reading.reader import CohortReader, Found

_AVERAGE = "fsaverage"
_LONG = ".long."


class FreeSurferCohort(CohortReader):
    """Thickness, area and volumes of FreeSurfer, for `values` of thickness, area, volume, aseg.

    Read from ``<subject>/stats/lh.aparc.stats``, ``rh.aparc.stats`` and ``aseg.stats``, or from
    tables of ``aparcstats2table`` and ``asegstats2table``; the feature `values` takes them, and
    both give the same regions: ``lh_bankssts``, ``Left-Hippocampus``. The estimated total
    intracranial volume becomes the column ``eTIV``, to be residualized.
    """

    kind: Literal["freesurfer"] = "freesurfer"
    subjects: Path | None = None
    """Folder of the subjects ($SUBJECTS_DIR); each is called by its participant, ``sub-01`` or
    ``sub-01_ses-1``."""
    tables: list[Path] = Field(default_factory=list)
    """Tables of aparcstats2table and asegstats2table, instead of subjects."""
    parcellation: str = "aparc"
    """Which parcellation of the cortex: ``aparc``, ``aparc.a2009s``, ``aparc.DKTatlas``."""
    longitudinal: bool = False
    """Whether the longitudinal results (``sub-01_ses-1.long.sub-01``) are read, and no others."""

    @model_validator(mode="after")
    def _one_source(self) -> FreeSurferCohort:
        if (self.subjects is None) == (not self.tables):
            raise ValueError("give one of `subjects` ($SUBJECTS_DIR) and `tables`")
        return self

    def find(self, name: str) -> Found:
        """Find the stats.

        Raises
        ------
        InputError
            No stats there, a table of another kind, a subject whose name is no id.
        """
        if self.subjects is None:
            pieces, etiv = self._from_tables()
            root = self.tables[0].parent
        else:
            pieces, etiv = self._from_subjects(name, self.subjects)
            root = self.subjects
        scans = gathered(name, pieces, About(), "keep one of the two")
        measured = {who: {"eTIV": v} for who, v in etiv.items() if math.isfinite(v)}
        return Found(scans, root, [root.parent], measured=measured)

    def _from_subjects(
        self, name: str, subjects: Path
    ) -> tuple[list[Piece], dict[tuple[str, str], float]]:
        if not subjects.is_dir():
            raise InputError(Problem(f"cohort {name}", "subjects: no such folder"))
        pieces: list[Piece] = []
        etiv: dict[tuple[str, str], float] = {}
        for folder in sorted(p for p in subjects.iterdir() if (p / "stats").is_dir()):
            if folder.name.startswith(_AVERAGE) or (_LONG in folder.name) != self.longitudinal:
                continue
            who = whose(folder.name.split(_LONG)[0])
            stats = folder / "stats"
            for side in ("lh", "rh"):
                path = stats / f"{side}.{self.parcellation}.stats"
                if path.is_file():
                    pieces += [Piece(who, f"values:{of}:{side}", path) for of in CORTEX]
            path = stats / "aseg.stats"
            if path.is_file():
                pieces.append(Piece(who, f"values:{ASEG}", path))
                etiv[who[:2]] = read_etiv(path)
        if not pieces:
            raise InputError(
                Problem(
                    f"cohort {name}",
                    f"no <subject>/stats/lh.{self.parcellation}.stats or aseg.stats below "
                    f"{subjects.name}; expected FreeSurfer's folder of subjects",
                )
            )
        return pieces, etiv

    def _from_tables(self) -> tuple[list[Piece], dict[tuple[str, str], float]]:
        pieces: list[Piece] = []
        etiv: dict[tuple[str, str], float] = {}
        problems: list[Problem] = []
        for path in self.tables:
            try:
                table = read_group_table(path)
                for (subject, line), volume in zip(table.rows, table.etiv, strict=True):
                    if (_LONG in subject) == self.longitudinal:
                        who = whose(subject.split(_LONG)[0])
                        pieces.append(Piece(who, table.role, path, str(line)))
                        if math.isfinite(volume):
                            etiv[who[:2]] = volume
            except InputError as e:
                problems += e.problems
        if problems:
            raise InputError(problems)
        return pieces, etiv

"""DPABI's (DPARSF's, REST's) results: maps of measures and signals of regions.

Names verified in the sources of DPABI and in published analyses of the REST-meta-MDD project:
``Results/ReHo_FunImgARCWF/ReHoMap_<ID>.nii``, ``ALFFMap_``, ``fALFFMap_``, ``zVMHCMap_``,
``DegreeCentrality_PositiveWeightedSumBrainMap_``, each also with the prefixes ``m`` (divided by
the mean of the brain), ``z`` (standardized) and ``s`` (smoothed, ``szReHoMap_``); further sessions
in ``S2_Results``; ``ROISignals_<ID>.mat`` (variable ``ROISignals``) and ``.txt``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field

from lumbago.data.features import region_names
from lumbago.errors import InputError, Problem
from lumbago.reading.atlases import AtlasRef, load_atlas
from lumbago.reading.gathered import About, Piece, gathered
from lumbago.reading.naming import whose
from lumbago.reading.reader import CohortReader, Found
from lumbago.reading.repetition import MAX_T_R, MIN_T_R
from lumbago.reading.series import count_volumes, read_header
from lumbago.reading.walker import Entry, walk

_STEMS = {
    "ALFFMap": "alff",
    "fALFFMap": "falff",
    "ReHoMap": "reho",
    "VMHCMap": "vmhc",
    "DegreeCentrality_PositiveWeightedSumBrainMap": "dc_weighted",
    "DegreeCentrality_PositiveBinarizedSumBrainMap": "dc_binarized",
}
_MAP = re.compile(
    r"(?P<variant>s?[mz]?|[mz]s)(?P<stem>" + "|".join(_STEMS) + r")_(?P<id>.+)\.nii(\.gz)?"
)
_SIGNALS = re.compile(r"ROISignals_(?P<id>.+)\.(?P<ending>txt|csv|mat)")
_BEST = ("txt", "csv", "mat")
_RESULTS = re.compile(r"(?:S(?P<session>\d+)_)?(?P<name>Results\w*)")


class DpabiCohort(CohortReader):
    """Results of DPABI: maps called alff, falff, reho, vmhc, dc_weighted, dc_binarized, and series.

    `regional` with ``map: reho`` takes means over regions of a map; `connectome` correlates the
    signals of regions. VMHC is always the map of Fisher's z (``zVMHCMap``).
    """

    kind: Literal["dpabi"] = "dpabi"
    folder: Path
    """DPABI's working directory, or a Results folder in it."""
    variant: Literal["", "m", "z", "s", "sm", "sz"] = ""
    """Prefix of the maps: ``m`` divided by the mean, ``z`` standardized, ``s`` smoothed; none
    takes the measure in its own unit."""
    results: str = "Results"
    """Which folder of results, if there is also ``ResultsS`` or the like."""
    source: str | None = None
    """Which preprocessed images (``FunImgARCWF``), where a measure was taken of several."""
    t_r: float | None = Field(default=None, ge=MIN_T_R, le=MAX_T_R)
    """Repetition time in seconds, of the signals of regions."""
    space: str | None = None
    """Space the maps lie in, for the record."""
    atlas: AtlasRef | None = None
    """Atlas whose region names the signals get, in its order."""

    def find(self, name: str) -> Found:
        """Find maps and signals by their names.

        Raises
        ------
        InputError
            Nothing there, or two files of one person and measure.
        """
        entries = list(walk(self.folder))
        own = _RESULTS.fullmatch(self.folder.name)
        pieces: list[Piece] = []
        signals: dict[tuple[str, str, str], dict[str, Path]] = {}
        variants: set[str] = set()
        several = any(
            (m := _RESULTS.fullmatch(part)) and m["session"]
            for part in {e.folder.split("/")[0] for e in entries}
        )
        for entry in entries:
            parts = entry.folder.split("/") if entry.folder else []
            of = own or (_RESULTS.fullmatch(parts.pop(0)) if parts else None)
            if of is None or (own is None and of["name"] != self.results):
                continue
            if self.source is not None and not any(
                p == self.source or p.endswith(f"_{self.source}") for p in parts
            ):
                continue
            session = f"ses-{of['session'] or 1}" if several and own is None else ""
            if found := _MAP.fullmatch(entry.name):
                measure, variant = _STEMS[found["stem"]], found["variant"]
                variants |= {variant} if measure != "vmhc" else set()
                if variant == ("z" if measure == "vmhc" else self.variant):
                    who = self._who(found["id"], session)
                    pieces.append(Piece(who, f"map:{measure}", entry.path(self.folder)))
            elif found := _SIGNALS.fullmatch(entry.name):
                who = self._who(found["id"], session)
                key = f"{found['ending']} {entry.folder}"
                signals.setdefault(who, {})[key] = entry.path(self.folder)
        pieces += _signals(signals)
        if not pieces or (variants and self.variant not in variants):
            raise InputError(Problem(f"cohort {name}", self._nothing(entries, variants)))
        about, notes = self._about(name, pieces)
        cure = "name the images with source, such as FunImgARCWF"
        return Found(gathered(name, pieces, about, cure), self.folder, [self.folder.parent],
                     notes=notes)  # fmt: skip

    def _who(self, text: str, session: str) -> tuple[str, str, str]:
        sub, ses, run = whose(text)
        return sub, session or ses, run

    def _about(self, name: str, pieces: list[Piece]) -> tuple[About, list[str]]:
        series = [p.path for p in pieces if p.role == "timeseries"]
        if not series:
            return About(space=self.space), []
        columns = next((c for p in series if (c := read_header(p)[0])), ())
        labels = region_names(columns)
        notes = [] if self.t_r else [
            "no repetition time is known; give t_r to filter or to count minutes"
        ]  # fmt: skip
        if self.atlas is not None:
            atlas = load_atlas(self.atlas)
            if len(atlas) != len(columns):
                raise InputError(
                    Problem(f"cohort {name}", f"the signals hold {len(columns)} regions, the atlas "
                            f"{atlas.name} {len(atlas)}; name the atlas they were made with")
                )  # fmt: skip
            labels = atlas.names
        else:
            notes.append("signals without names: regions are numbered")
        return About(self.t_r, self.space, columns, labels), notes

    def _nothing(self, entries: list[Entry], variants: set[str]) -> str:
        if variants:
            there = ", ".join(repr(v) for v in sorted(variants))
            return f"no map has the prefix {self.variant!r}; there is {there}; set variant"
        there = ", ".join(sorted({e.folder.split("/")[0] or e.name for e in entries})[:5])
        return (
            f"no ReHoMap_*, ALFFMap_* or ROISignals_* below {self.results}; there is "
            f"{there or 'nothing'}; give DPABI's working directory"
        )

    def _length(self, scan: object) -> int | None:
        """Number of volumes of the signals of regions."""
        files = getattr(scan, "files", {})
        return count_volumes(Path(files["timeseries"])) if "timeseries" in files else None


def _signals(found: dict[tuple[str, str, str], dict[str, Path]]) -> list[Piece]:
    """Take one form of each signal, which DPABI saves twice: text before MATLAB's."""
    pieces = []
    for who, forms in found.items():
        by_folder: dict[str, list[tuple[int, Path]]] = {}
        for key, path in forms.items():
            ending, _, folder = key.partition(" ")
            by_folder.setdefault(folder, []).append((_BEST.index(ending), path))
        pieces += [Piece(who, "timeseries", min(paths)[1]) for paths in by_folder.values()]
    return pieces

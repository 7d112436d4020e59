"""How good a scan is: motion, what denoising leaves of it, signal over noise, coverage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lumbago.data import Extraction, Signals
from lumbago.errors import ScanRejected
from lumbago.extractors.base import Extractor
from lumbago.measures.intensity import tsnr
from lumbago.reading.atlases import AtlasRef, load_atlas
from lumbago.reading.denoise import Denoise
from lumbago.reading.freedom import freedom_left
from lumbago.reading.sampling import region_means, space_note
from lumbago.reading.scrubbing import DVARS, motion_fd, read_table

if TYPE_CHECKING:
    from lumbago.reading.confounds import Confounds
    from lumbago.reading.recording import Recording

MILD, STRICT = 0.5, 0.2
"""Displacements in mm beyond which volumes are counted: the usual mild and strict limits."""


class Quality(Extractor):
    """Numbers that tell how far a scan can be trusted: motion, length, freedom, signal, coverage.

    ``mean_fd`` and ``max_fd`` (mm), ``fd_above_02`` and ``fd_above_05`` (shares of volumes moved
    by more than 0.2 and 0.5 mm), ``mean_std_dvars`` (1 where the signal changes as its noise
    does), ``n_volumes``, ``n_volumes_kept``, ``minutes_kept``, ``freedom`` (degrees of freedom
    that mean, trend and the denoising leave), ``freedom_lost`` (share of the volumes that they
    are not), ``median_tsnr`` (of the uncleaned voxels) and, with an atlas, ``lowest_coverage``.
    What a scan cannot tell is NaN. A model of these alone answers from motion only.
    """

    needs: ClassVar[frozenset[frozenset[str]]] = frozenset(
        {frozenset({"bold"}), frozenset({"confounds"}), frozenset({"motion"})}
    )
    references: ClassVar[tuple[str, ...]] = ("power2012", "power2014")
    version: ClassVar[int] = 1

    regions_optional: ClassVar[bool] = True
    """Whether a model can be fitted on it without an atlas."""

    kind: Literal["quality"] = "quality"
    atlas: AtlasRef | None = None
    """Regions whose coverage is measured; without it coverage plays no part."""

    def inputs(self, scan: Any) -> tuple[str, ...]:
        """Roles of the scan's files that are looked at, sorted."""
        roles = {"bold", "mask", "confounds", "confounds_json", "motion"}
        return tuple(sorted(roles & set(scan.files)))

    def extract(self, recording: Recording) -> Extraction:
        """Look at one recording; a denoising that it does not allow is a note, not a refusal."""
        raw = recording.uncleaned() if "bold" in recording.scan.files else None
        found, notes = nuisance_of(recording, self.denoise, raw)
        numbers = {
            **motion_numbers(None if found is None else found.fd),
            "mean_std_dvars": _mean(std_dvars(recording, raw)),
            **length_numbers(found, recording, raw),
            "median_tsnr": _median(steady_tsnr(recording, raw)) if raw is not None else np.nan,
        }
        coverage: dict[str, float] = {}
        if self.atlas is not None and raw is not None:
            atlas = load_atlas(self.atlas)
            _, shares = region_means(raw.values[:2], raw.mask, raw.affine, atlas)  # type: ignore[arg-type]
            coverage = dict(zip(atlas.names, map(float, shares), strict=True))
            numbers["lowest_coverage"] = min(coverage.values())
            notes.append(space_note(atlas, recording.scan.space))
        return Extraction(
            names=tuple(f".{name}" for name in numbers),
            values=np.array(list(numbers.values()), dtype=np.float32),
            coverage=coverage,
            notes=tuple(dict.fromkeys(n for n in (*recording.notes, *notes) if n)),
        )


def nuisance_of(
    recording: Recording, denoise: Denoise | None, raw: Signals | None
) -> tuple[Confounds | None, list[str]]:
    """Return what a denoising takes out and keeps, or else motion alone with the reason."""
    n_volumes = None if raw is None else len(raw.values)
    if n_volumes is None:
        n_volumes = _rows(recording)
    if n_volumes is None:
        return None, ["the motion table cannot be read"]
    try:
        return recording.nuisance(denoise or Denoise(strategy="none"), n_volumes), []
    except ScanRejected as rejected:
        reason = f"the denoising is refused ({rejected.code}): {rejected.reason}"
    try:
        found = recording.nuisance(Denoise(strategy="none"), n_volumes)
    except ScanRejected:
        return None, [reason]
    from dataclasses import replace

    return replace(found, kept=np.empty(0, np.int64)), [reason]


def motion_numbers(fd: np.ndarray | None) -> dict[str, float]:
    """Sum up framewise displacement, (n_volumes,) in mm; NaN where unknown."""
    known = np.empty(0) if fd is None else fd[np.isfinite(fd)]
    there = len(known) > 0
    return {
        "mean_fd": float(known.mean()) if there else np.nan,
        "max_fd": float(known.max()) if there else np.nan,
        "fd_above_02": float((known > STRICT).mean()) if there else np.nan,
        "fd_above_05": float((known > MILD).mean()) if there else np.nan,
    }


def length_numbers(
    found: Confounds | None, recording: Recording, raw: Signals | None
) -> dict[str, float]:
    """Count volumes, minutes and degrees of freedom, before and after the denoising."""
    names = ("n_volumes", "n_volumes_kept", "minutes_kept", "freedom", "freedom_lost")
    numbers = dict.fromkeys(names, np.nan)
    if found is None:
        return numbers
    n_volumes = len(found.values)
    kept = n_volumes if found.kept is None else len(found.kept)
    left = max(0, freedom_left(found.values, found.kept)) if kept > 2 else 0
    t_r = recording.t_r
    numbers |= {
        "n_volumes": float(n_volumes),
        "n_volumes_kept": float(kept),
        "minutes_kept": np.nan if t_r is None else kept * t_r / 60,
        "freedom": float(left),
        "freedom_lost": 1 - left / n_volumes,
    }
    return numbers


def std_dvars(recording: Recording, raw: Signals | None) -> np.ndarray | None:
    """Return standardized DVARS, (n_volumes,): fMRIPrep's, or else that of the voxels."""
    table = recording.scan.files.get("confounds")
    if table is not None:
        try:
            columns = read_table(Path(table), (DVARS,))
        except ScanRejected:
            columns = {}  # type: ignore[assignment]
        if DVARS in columns and (raw is None or len(columns) == len(raw.values)):
            return np.asarray(columns[DVARS], dtype=np.float64)
    if raw is None:
        return None
    from lumbago.measures.motion import dvars

    return dvars(raw.values).standardized


def steady_tsnr(recording: Recording, raw: Signals) -> np.ndarray:
    """Return tSNR of the uncleaned signals, (n_signals,), from the first steady volume on."""
    try:
        kept = recording.nuisance(Denoise(strategy="none"), len(raw.values)).kept
    except ScanRejected:
        kept = None
    return tsnr(raw.values, kept=kept)


def _rows(recording: Recording) -> int | None:
    files: Mapping[str, Path] = recording.scan.files
    try:
        if "confounds" in files:
            return len(read_table(Path(files["confounds"]), (DVARS,)))
    except ScanRejected:
        return None
    fd = motion_fd(files["motion"]) if "motion" in files else None
    return None if fd is None else len(fd)


def _mean(values: np.ndarray | None) -> float:
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan

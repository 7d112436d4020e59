"""fMRIPrep's confounds tables: which regressors to take out, which volumes to keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Scan
from lumbago.errors import ScanRejected
from lumbago.reading.columns import chosen_columns
from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.freedom import check_freedom, freedom_left
from lumbago.reading.scrubbing import (
    ABOUT_MOTION,
    COLUMN_OF,
    DVARS,
    NON_STEADY,
    displacement,
    kept_indices,
    motion_fd,
    read_table,
    surviving,
)


@dataclass(frozen=True, eq=False)
class Confounds:
    """What to regress out of one scan and which of its volumes to keep.

    Parameters
    ----------
    values : array of shape (n_volumes, n_confounds), float64
        As fMRIPrep wrote them, the missing first value of a derivative taken from the second.
    names : tuple of str
        Column names.
    kept : array of int or None
        Indices of the kept volumes; None keeps all.
    fd : array of shape (n_volumes,) or None
        Power's framewise displacement, in mm; NaN for the first volume.
    notes : tuple of str
        What is to be said of how they came about.
    """

    values: np.ndarray
    names: tuple[str, ...]
    kept: np.ndarray | None = None
    fd: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def load(
    source: Scan | Path | str | pd.DataFrame | np.ndarray,
    denoise: Denoise,
    n_volumes: int,
    std_dvars: Callable[[], np.ndarray] | None = None,
) -> Confounds:
    """Return the regressors and kept volumes that a denoising asks for.

    Parameters
    ----------
    source : Scan, path, DataFrame or array
        A scan with a confounds file, or that file (an fMRIPrep table, its JSON beside it).
        A DataFrame or array of shape (n_volumes, k) is taken whole, as the user chose it.
        A scan without confounds gives no regressor; its motion table, if any, is scrubbed by.
    denoise : Denoise
    n_volumes : int
        Volumes of the image; the table must have as many rows.
    std_dvars : callable or None
        Called without arguments where scrubbing asks for standardized DVARS, shape
        (n_volumes,), and the table has none.

    Raises
    ------
    ScanRejected
        ``E_CONFOUND_TABLE`` unreadable, ``E_CONFOUND_ROWS`` rows differ from volumes,
        ``E_CONFOUND_COLUMN`` a needed column is missing, ``E_CONFOUND_NAN`` missing values
        beyond the first row, ``E_SCRUBBED`` no volume left, ``E_DOF`` too few degrees of
        freedom left.
    """
    if isinstance(source, pd.DataFrame | np.ndarray):
        confounds = _as_given(source, n_volumes)
    else:
        confounds = _from_files(source, denoise, n_volumes, std_dvars)
    _check_finite(confounds)
    check_freedom(confounds.values, confounds.kept)
    return confounds


def _as_given(table: pd.DataFrame | np.ndarray, n_volumes: int) -> Confounds:
    frame = pd.DataFrame(table)
    _check_rows(len(frame), n_volumes, "the confounds given")
    try:
        values = _without_first_gaps(frame.to_numpy(dtype=np.float64, copy=True))
    except (TypeError, ValueError):
        raise ScanRejected(
            "E_CONFOUND_TABLE", "the confounds given hold cells that are not numbers"
        ) from None
    return Confounds(values, tuple(str(c) for c in frame.columns))


def _from_files(
    source: Scan | Path | str,
    denoise: Denoise,
    n_volumes: int,
    std_dvars: Callable[[], np.ndarray] | None,
) -> Confounds:
    files = source.files if isinstance(source, Scan) else {"confounds": Path(source)}
    scrub = denoise.scrub
    if "confounds" not in files:
        fd = motion_fd(files["motion"], n_volumes) if "motion" in files else None
        if fd is None:
            return Confounds(np.empty((n_volumes, 0)), ())
        moved = None if scrub is None else motion_fd(files["motion"], n_volumes, scrub.fd_kind)
        jumps = std_dvars() if scrub is not None and scrub.std_dvars and std_dvars else None
        kept = kept_indices(surviving(n_volumes, scrub, fd=moved, std_dvars=jumps))
        return Confounds(np.empty((n_volumes, 0)), (), kept, fd)
    path = Path(files["confounds"])
    bold = str(files.get("bold", ""))
    if "aroma" in denoise.strategy.split("_") and "AROMAnonaggr" in Path(bold).name:
        raise ScanRejected(
            "E_CONFOUND_COLUMN",
            f"strategy {denoise.strategy} regresses out components that the image's desc says "
            "are gone already; leave aroma out of it or take the image desc-preproc",
        )
    table = read_table(path)
    _check_rows(len(table), n_volumes, path.name)
    fd = displacement(table)
    moved, jumps, notes = fd, None, list[str]()
    if scrub is not None:
        moved, jumps, notes = _to_scrub_by(table, scrub, std_dvars)
    unsteady = _non_steady(table)
    kept = surviving(n_volumes, scrub, fd=moved, std_dvars=jumps, non_steady=unsteady)
    names, more = chosen_columns(path, denoise)
    values = _regressors(table, names)
    return Confounds(values, names, kept_indices(kept), fd, (*notes, *more))


def _to_scrub_by(
    table: pd.DataFrame, scrub: Scrub, std_dvars: Callable[[], np.ndarray] | None
) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """Return displacement and DVARS as far as scrubbing asks for them, and what to note."""
    moved = jumps = None
    notes = []
    if scrub.fd is not None:
        moved = _checked(displacement(table, scrub.fd_kind), COLUMN_OF[scrub.fd_kind])
    if scrub.std_dvars is not None:
        jumps = _checked(_column(table, DVARS), DVARS)
        if jumps is None and std_dvars is not None:
            jumps = std_dvars()
            notes.append("standardized DVARS was computed from the image: the table has none")
    return moved, jumps, notes


def _regressors(table: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return columns of a table, (n_volumes, n_names)."""
    return _without_first_gaps(table[list(names)].to_numpy(dtype=np.float64, copy=True))


def _without_first_gaps(values: np.ndarray) -> np.ndarray:
    """Take the missing first value of a derivative from its second, in place, as nilearn does."""
    if len(values) > 1:
        missing = np.isnan(values[0])
        values[0, missing] = values[1, missing]
    return values


def _column(table: pd.DataFrame, name: str) -> np.ndarray | None:
    return table[name].to_numpy(dtype=np.float64) if name in table else None


def _checked(values: np.ndarray | None, name: str) -> np.ndarray | None:
    if values is not None and not np.isfinite(values[1:]).all():
        line = int(np.flatnonzero(~np.isfinite(values[1:]))[0]) + 3
        raise ScanRejected(
            "E_CONFOUND_NAN",
            f"the confounds column {name} has a missing value in line {line}; only the first "
            "volume may miss it",
        )
    return values


def _non_steady(table: pd.DataFrame) -> np.ndarray:
    columns = [c for c in table if NON_STEADY in str(c)]
    return (table[columns].to_numpy() != 0).any(axis=1)


def _check_rows(rows: int, n_volumes: int, name: str) -> None:
    if rows != n_volumes:
        raise ScanRejected(
            "E_CONFOUND_ROWS",
            f"{name}: expected one row per volume ({n_volumes}), got {rows}; "
            "the table is cut or belongs to another run",
        )


def _check_finite(confounds: Confounds) -> None:
    bad = ~np.isfinite(confounds.values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ScanRejected(
            "E_CONFOUND_NAN",
            f"the confounds column {confounds.names[column]} has no finite value at volume "
            f"{row + 1}; only the first value of a derivative may be missing",
        )


SUMMARY = ("mean_fd", "n_volumes", "n_volumes_kept", "minutes_kept", "dof_left")
"""Columns of `motion_summary`."""


def motion_summary(
    scan: Scan, denoise: Denoise | None, n_volumes: int | None = None
) -> dict[str, Any]:
    """Summarize the motion of one scan under a denoising.

    Parameters
    ----------
    scan : Scan
    denoise : Denoise or None
    n_volumes : int or None
        Length of the series where a table beside the confounds tells it.

    Returns
    -------
    dict
        ``mean_fd`` (mm, Power's, over all volumes that have one), ``n_volumes``,
        ``n_volumes_kept``, ``minutes_kept``, ``dof_left`` (kept volumes less the rank of mean,
        trend and confounds; a band takes more); NaN where unknown. A broken table gives NaN
        here and its reason when the scan is measured. Where standardized DVARS would have to be
        computed from the image, volumes count as kept that it may leave out.
    """
    summary = dict.fromkeys(SUMMARY, np.nan)
    fd = kept = None
    try:
        if "confounds" in scan.files:
            names = _names_or_none(Path(scan.files["confounds"]), denoise)
            wanted = (*ABOUT_MOTION, *(names or ()))
            table = read_table(Path(scan.files["confounds"]), wanted)
            fd, n_volumes = displacement(table), len(table)
            if denoise is not None:
                kept = _kept_by_table(table, denoise.scrub)
                if names is not None:
                    values = _regressors(table, names)
                    if np.isfinite(values).all():
                        summary["dof_left"] = float(freedom_left(values, np.flatnonzero(kept)))
        elif "motion" in scan.files:
            fd = motion_fd(Path(scan.files["motion"]), n_volumes)
            n_volumes = len(fd) if fd is not None else n_volumes
            if denoise is not None and fd is not None:
                kind = denoise.scrub.fd_kind if denoise.scrub is not None else "power"
                moved = motion_fd(Path(scan.files["motion"]), n_volumes, kind)
                kept = surviving(len(fd), denoise.scrub, fd=moved)
    except ScanRejected:
        pass
    if fd is not None and np.isfinite(fd).any():
        summary["mean_fd"] = float(np.nanmean(fd))
    if n_volumes is not None:
        summary["n_volumes"] = float(n_volumes)
        summary["n_volumes_kept"] = float(n_volumes if kept is None else kept.sum())
        if scan.t_r is not None:
            summary["minutes_kept"] = summary["n_volumes_kept"] * scan.t_r / 60
    return summary


def _names_or_none(path: Path, denoise: Denoise | None) -> tuple[str, ...] | None:
    try:
        return None if denoise is None else chosen_columns(path, denoise)[0]
    except ScanRejected:
        return None


def _kept_by_table(table: pd.DataFrame, scrub: Scrub | None) -> np.ndarray:
    jumps = _column(table, DVARS)
    if scrub is not None and jumps is None:
        scrub = scrub.model_copy(update={"std_dvars": None})
    moved = displacement(table, scrub.fd_kind) if scrub is not None else None
    return surviving(len(table), scrub, fd=moved, std_dvars=jumps, non_steady=_non_steady(table))

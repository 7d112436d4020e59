"""Which volumes of a scan are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lumbago.errors import ScanRejected
from lumbago.measures.motion import Convention, framewise_displacement
from lumbago.reading.denoise import Scrub
from lumbago.reading.numeric import read_numbers

FD = "framewise_displacement"
RMSD = "rmsd"
DVARS = "std_dvars"
NON_STEADY = "non_steady_state"
SIX = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
ABOUT_MOTION = (FD, RMSD, DVARS, *SIX)
"""Columns of a confounds table that scrubbing may read."""

COLUMN_OF: dict[str, str] = {"power": FD, "jenkinson": RMSD}
"""Where fMRIPrep keeps each kind of displacement."""


def surviving(
    n_volumes: int,
    scrub: Scrub | None,
    *,
    fd: np.ndarray | None = None,
    std_dvars: np.ndarray | None = None,
    non_steady: np.ndarray | None = None,
) -> np.ndarray:
    """Tell which volumes are kept, by the rules of nilearn's ``load_confounds``.

    Parameters
    ----------
    n_volumes : int
    scrub : Scrub or None
        None keeps all but the non-steady-state volumes.
    fd, std_dvars : array of shape (n_volumes,) or None
        Framewise displacement in mm, of the kind `scrub` asks for, and standardized DVARS; a
        missing value is no outlier.
    non_steady : boolean array of shape (n_volumes,) or None
        Volumes before the magnetization was steady.

    Returns
    -------
    boolean array of shape (n_volumes,)

    Raises
    ------
    ScanRejected
        ``E_CONFOUND_COLUMN`` if a threshold is set on something the scan does not have.
    """
    moved = np.zeros(n_volumes, dtype=bool)
    if scrub is not None:
        named = f"{COLUMN_OF[scrub.fd_kind]} or the six motion parameters"
        for name, values, limit in ((named, fd, scrub.fd), (DVARS, std_dvars, scrub.std_dvars)):
            if limit is None:
                continue
            if values is None:
                raise ScanRejected(
                    "E_CONFOUND_COLUMN",
                    f"scrubbing at {limit:g} needs the column {name}, which this scan does not "
                    "have; leave the threshold out or set scrub to null",
                )
            # NaN is no outlier, as in nilearn: the first volume has no displacement.
            moved |= np.greater(values, limit, where=np.isfinite(values), out=np.zeros_like(moved))
        moved = _with_neighbours(moved, scrub.before, scrub.after)
        if scrub.min_segment and moved.any():
            edges = np.flatnonzero(np.diff(np.r_[True, moved, True].astype(np.int8)))
            for start, stop in zip(edges[::2], edges[1::2], strict=True):
                if stop - start < scrub.min_segment:
                    moved[start:stop] = True
    return ~moved if non_steady is None else ~moved & ~non_steady


def _with_neighbours(moved: np.ndarray, before: int, after: int) -> np.ndarray:
    """Mark what lies next to a marked volume too."""
    marked = moved.copy()
    for distance in range(1, before + 1):
        marked[:-distance] |= moved[distance:]
    for distance in range(1, after + 1):
        marked[distance:] |= moved[:-distance]
    return marked


def displacement(table: pd.DataFrame, kind: Convention = "power") -> np.ndarray | None:
    """Return framewise displacement (mm): of the table, else of its six motion parameters.

    Parameters
    ----------
    table : DataFrame
        With fMRIPrep's names; translations in mm, rotations in radians.
    kind : {"power", "jenkinson"}
        fMRIPrep took its ``rmsd`` about another centre than the parameters tell, so what is
        computed from them may differ by a tenth.

    Returns
    -------
    array of shape (n_volumes,), NaN for the first volume; None where the table has neither.
    """
    if COLUMN_OF[kind] in table:
        return table[COLUMN_OF[kind]].to_numpy(dtype=np.float64)
    if not set(SIX) <= set(table):
        return None
    return framewise_displacement(table[list(SIX)].to_numpy(), convention=kind)


def kept_indices(kept: np.ndarray) -> np.ndarray | None:
    """Return the indices of kept volumes, None if all are; ``E_SCRUBBED`` if none is."""
    if not kept.any():
        raise ScanRejected(
            "E_SCRUBBED",
            f"scrubbing leaves none of {len(kept)} volumes; raise its thresholds or leave the "
            "participant out",
        )
    return None if kept.all() else np.flatnonzero(kept)


def read_table(path: Path, columns: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Read a confounds table strictly; `columns` limits it to these and the unsteady volumes.

    Raises
    ------
    ScanRejected
        ``E_CONFOUND_TABLE``, with the line.
    """
    if columns is None:
        return read_numbers(path, code="E_CONFOUND_TABLE")
    return read_numbers(
        path, code="E_CONFOUND_TABLE", wanted=lambda c: c in columns or NON_STEADY in c
    )


def motion_fd(
    path: Path, n_volumes: int | None = None, kind: Convention = "power"
) -> np.ndarray | None:
    """Return framewise displacement (mm) of a ``*_motion.tsv``; None where it does not fit.

    A motion table with another number of rows than the series describes other volumes
    (the series was scrubbed before it was shared), so nothing is read from it.
    """
    try:
        table = read_table(Path(path), columns=ABOUT_MOTION)
    except ScanRejected:
        return None
    if n_volumes is not None and len(table) != n_volumes:
        return None
    return displacement(table, kind)


def kept_rows(
    series: np.ndarray, scrub: Scrub | None, motion: Path | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Tell which rows of a table of series are kept, (n_volumes,) boolean, and what to note.

    A row without any value is a volume that the table's makers have censored; of the others,
    those are left out that the motion table tells to be scrubbed, where there is one that fits.
    """
    kept = np.isfinite(series).any(axis=1)
    if scrub is None:
        return kept, ()
    fd = None if motion is None else motion_fd(motion, len(series), scrub.fd_kind)
    if fd is None:
        return kept, ("time series without matching motion table: nothing is scrubbed",)
    return kept & surviving(len(series), scrub, fd=fd), ()

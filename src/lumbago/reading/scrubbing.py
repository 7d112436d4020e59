"""Which volumes of a scan are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lumbago.errors import ScanRejected
from lumbago.reading.denoise import Scrub
from lumbago.reading.numeric import read_numbers

FD = "framewise_displacement"
DVARS = "std_dvars"
NON_STEADY = "non_steady_state"


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
        Framewise displacement in mm, standardized DVARS; a missing value is no outlier.
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
        for name, values, limit in ((FD, fd, scrub.fd), (DVARS, std_dvars, scrub.std_dvars)):
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
        if scrub.min_segment and moved.any():
            edges = np.flatnonzero(np.diff(np.r_[True, moved, True].astype(np.int8)))
            for start, stop in zip(edges[::2], edges[1::2], strict=True):
                if stop - start < scrub.min_segment:
                    moved[start:stop] = True
    return ~moved if non_steady is None else ~moved & ~non_steady


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


def motion_fd(path: Path, n_volumes: int | None = None) -> np.ndarray | None:
    """Return framewise displacement (mm) of a ``*_motion.tsv``; None where it does not fit.

    A motion table with another number of rows than the series describes other volumes
    (the series was scrubbed before it was shared), so nothing is read from it.
    """
    try:
        table = read_table(Path(path), columns=(FD,))
    except ScanRejected:
        return None
    if FD not in table or (n_volumes is not None and len(table) != n_volumes):
        return None
    return table[FD].to_numpy(dtype=np.float64)

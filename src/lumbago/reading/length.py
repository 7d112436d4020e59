"""How long a scan must be once its bad volumes are gone."""

from __future__ import annotations

from lumbago.errors import ScanRejected

MIN_MINUTES = 5.0
MIN_VOLUMES = 100
"""A scan of a cohort needs this many minutes or this many volumes after scrubbing."""


def check_length(
    n_kept: int, t_r: float | None, *, min_minutes: float, min_volumes: int
) -> str | None:
    """Return what is to be noted of a scan's length, None where it is long enough.

    Parameters
    ----------
    n_kept : int
        Volumes left after scrubbing.
    t_r : float or None
        Repetition time in seconds.
    min_minutes, min_volumes : float, int
        One of both must be reached; where both are 0 a short scan is only noted.

    Raises
    ------
    ScanRejected
        ``E_SHORT`` if neither is, or fewer than 2 volumes are left.
    """
    minutes = None if t_r is None else n_kept * t_r / 60
    length = f"{n_kept} volumes" + ("" if minutes is None else f" ({minutes:.1f} minutes)")
    if n_kept < 2:
        raise ScanRejected("E_SHORT", f"{length} are left; a time series needs more")
    if not min_minutes and not min_volumes:
        if _reaches(n_kept, minutes, MIN_MINUTES, MIN_VOLUMES):
            return None
        return f"{length}: fewer than {MIN_VOLUMES} volumes and {MIN_MINUTES:g} minutes"
    if not _reaches(n_kept, minutes, min_minutes, min_volumes):
        raise ScanRejected(
            "E_SHORT",
            f"{length} are left after scrubbing, expected {min_minutes:g} minutes or "
            f"{min_volumes} volumes; scrub less or leave the scan out",
        )
    return None


def _reaches(n_kept: int, minutes: float | None, least_minutes: float, least_volumes: int) -> bool:
    long = minutes is not None and minutes >= least_minutes - 1e-9
    return n_kept >= least_volumes or long

"""The repetition time of a scan, and the bands it resolves."""

from __future__ import annotations

from lumbago.errors import ScanRejected

MIN_T_R, MAX_T_R = 0.1, 10.0
"""Repetition times outside are mistakes of unit, not scans; in seconds."""
T_R_TOLERANCE = 0.0005
"""Sidecar and header may differ by this much, in seconds (the BIDS validator's tolerance)."""


def agreed_t_r(
    declared: float | None, header: float | None, *, strict: bool
) -> tuple[float | None, str]:
    """Return the repetition time that sidecar and image header agree on, and a note.

    Parameters
    ----------
    declared : float or None
        Of the sidecar or of the user, in seconds.
    header : float or None
        Of the image, in seconds; None where the header names no unit of time.
    strict : bool
        Whether a disagreement is refused; otherwise what is declared wins, with a note.

    Raises
    ------
    ScanRejected
        ``E_TR`` outside 0.1 to 10 s, or where the two disagree.
    """
    believed = [(declared, "the sidecar" if strict else "t_r")]
    if declared is None or strict:
        believed.append((header, "the image header"))
    for value, origin in believed:
        if value is not None and not MIN_T_R <= value <= MAX_T_R:
            raise ScanRejected(
                "E_TR",
                f"{origin} says a repetition time of {value:g} s, expected {MIN_T_R:g} to "
                f"{MAX_T_R:g} s; a value in ms must carry that unit",
            )
    if declared is None:
        only_header = header is not None and strict
        return header, "the repetition time stands in the image header only" if only_header else ""
    if header is None or abs(declared - header) <= T_R_TOLERANCE:
        return declared, ""
    if strict:
        raise ScanRejected(
            "E_TR",
            f"the sidecar says a repetition time of {declared:g} s, the image header "
            f"{header:g} s; correct the one that is wrong",
        )
    return declared, f"repetition time {declared:g} s as given; the header says {header:g} s"


def check_band(band: tuple[float | None, float | None] | None, t_r: float | None) -> None:
    """Refuse a band that a repetition time cannot resolve.

    Raises
    ------
    ScanRejected
        ``E_TR`` if the repetition time is unknown, ``E_BAND`` if the band reaches beyond the
        highest frequency it resolves.
    """
    if band is None:
        return
    if t_r is None:
        raise ScanRejected(
            "E_TR",
            "a band needs the repetition time, which neither sidecar nor header tells; "
            "add RepetitionTime to the sidecar or give t_r",
        )
    nyquist = 0.5 / t_r
    if any(end is not None and end >= nyquist for end in band):
        raise ScanRejected(
            "E_BAND",
            f"the band {band[0]} to {band[1]} Hz reaches beyond {nyquist:.4g} Hz, the highest "
            f"frequency that a repetition time of {t_r:g} s resolves; lower the band",
        )

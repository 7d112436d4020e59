"""One scan's cleaning matrix: made, checked for what it leaves, put to its signals."""

from __future__ import annotations

import numpy as np

from lumbago.errors import ScanRejected
from lumbago.measures.cleaning import Filter, clean, cleaning_operator
from lumbago.provenance import canonical_json
from lumbago.reading.denoise import Denoise
from lumbago.reading.freedom import MIN_DOF, effective_freedom
from lumbago.reading.repetition import check_band

Band = tuple[float | None, float | None] | None


def band_operator(
    n_volumes: int,
    regressors: np.ndarray | None,
    kept: np.ndarray | None,
    band: Band,
    t_r: float | None,
    filter: Filter = "butterworth",  # noqa: A002 - nilearn's word
) -> np.ndarray:
    """Return the matrix that takes nuisance and what lies outside the band out of signals.

    Raises
    ------
    ScanRejected
        ``E_CLEANING`` or ``E_DOF`` where nothing, or next to nothing, would be left.
    """
    n_kept = n_volumes if kept is None else len(kept)
    n_confounds = 0 if regressors is None else regressors.shape[1]
    check_band(band, t_r)
    try:
        operator = cleaning_operator(
            n_volumes, confounds=regressors, t_r=t_r, band=band, kept=kept, filter=filter
        )
    except ValueError as e:
        raise ScanRejected("E_CLEANING", str(e)) from None
    if band is not None and n_confounds:
        left = effective_freedom(operator)
        if left < MIN_DOF:
            raise ScanRejected(
                "E_DOF",
                f"{n_confounds} confounds and the band {band[0]} to {band[1]} Hz leave "
                f"{left:.1f} degrees of freedom of {n_kept} kept volumes, at least "
                f"{MIN_DOF} are needed; use fewer confounds, a wider band or none",
            )
    return operator


def applied(operator: np.ndarray | None, values: np.ndarray, kept: np.ndarray | None) -> np.ndarray:
    """Return signals put through a matrix, NaN in volumes that are not kept."""
    if kept is None:
        return (
            values if operator is None else clean(values, operator).astype(np.float32, copy=False)
        )
    cleaned = np.full(values.shape, np.nan, dtype=np.float32)
    cleaned[kept] = values[kept] if operator is None else clean(values, operator)
    return cleaned


def cleaning_key(denoise: Denoise | None, band: Band) -> str:
    """Name one way to clean, so that the same work is done once."""
    return canonical_json([None if denoise is None else denoise.canonical(), band and list(band)])

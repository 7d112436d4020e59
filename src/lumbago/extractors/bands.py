"""Frequencies that settings can name, and what a repetition time leaves of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from lumbago.errors import ScanRejected

SlowBand = Literal["slow5", "slow4", "slow3", "slow2"]

SLOW_BANDS: Mapping[str, tuple[float, float]] = {
    "slow5": (0.01, 0.027),
    "slow4": (0.027, 0.073),
    "slow3": (0.073, 0.198),
    "slow2": (0.198, 0.25),
}
"""Bands of Zuo et al. (2010), in Hz: NeuroImage 49, 1432-1445,
doi:10.1016/j.neuroimage.2009.09.037. Slow-2 ends at 0.25 Hz there, the Nyquist frequency of a
repetition time of 2 s."""

_ROUNDING = 1e-6
"""Share of a frequency that may be lost in writing it down."""


def _in_hz(band: Any) -> Any:
    if isinstance(band, str) and band in SLOW_BANDS:
        return SLOW_BANDS[band]
    if not isinstance(band, list | tuple) or len(band) != 2:
        raise ValueError(
            f"a band is two frequencies in Hz or one of {', '.join(SLOW_BANDS)}, got {band!r}"
        )
    return tuple(band)


def _rising(band: tuple[float, float]) -> tuple[float, float]:
    low, high = band
    if not 0 <= low < high:
        raise ValueError(f"a band rises from at least 0 Hz, got {low:g} to {high:g}")
    return band


def _by_name(bands: Any) -> Any:
    if isinstance(bands, str):
        bands = [bands]
    if not isinstance(bands, list | tuple):
        return bands
    strange = [band for band in bands if not isinstance(band, str)]
    if strange:
        raise ValueError(
            f"a list of bands holds names ({', '.join(SLOW_BANDS)}), got {strange[0]!r}; bands of "
            "your own have names of their own: {low: [0.01, 0.08]}"
        )
    if len(set(bands)) < len(bands):
        raise ValueError("each band is named once")
    return {band: band for band in bands}


Band = Annotated[
    tuple[float, float],
    BeforeValidator(_in_hz, json_schema_input_type=tuple[float, float] | SlowBand),
    AfterValidator(_rising),
]
"""Lowest and highest frequency, in Hz, or the name of a slow band."""
BandName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Bands = Annotated[
    dict[BandName, Band],
    Field(min_length=1),
    BeforeValidator(
        _by_name,
        json_schema_input_type=Annotated[
            dict[BandName, tuple[float, float] | SlowBand], Field(min_length=1)
        ]
        | Annotated[list[SlowBand], Field(min_length=1)],
    ),
]
"""Bands by name, ``{low: [0.01, 0.1]}``, or names of slow bands alone, ``[slow5, slow4]``."""


def refuse_unresolved(band: tuple[float, float], t_r: float, where: str) -> None:
    """Refuse a slow band that a repetition time does not hold whole.

    What goes by the name of a band must be that band in every scan; a band of one's own
    may end at the Nyquist frequency.

    Raises
    ------
    ScanRejected
        ``E_BAND``.
    """
    nyquist = 0.5 / t_r
    for name, slow in SLOW_BANDS.items():
        if tuple(band) == slow and slow[1] > nyquist * (1 + _ROUNDING):
            raise ScanRejected(
                "E_BAND",
                f"{where}: {name} ({slow[0]:g} to {slow[1]:g} Hz) reaches beyond {nyquist:.4g} Hz, "
                f"the highest frequency that a repetition time of {t_r:g} s resolves; leave "
                f"{name} out, or give the frequencies of a band of your own",
            )


def to_filter(
    band: tuple[float, float] | None, t_r: float | None, where: str
) -> tuple[float, float | None] | None:
    """Return the edges that a filter needs for a band: no upper one at the Nyquist frequency.

    Raises
    ------
    ScanRejected
        ``E_BAND`` for a slow band that the repetition time does not resolve.
    """
    if band is None or t_r is None:
        return band
    refuse_unresolved(band, t_r, where)
    nyquist = 0.5 / t_r
    return (band[0], None) if abs(band[1] - nyquist) <= _ROUNDING * nyquist else band

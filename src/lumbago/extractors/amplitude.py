"""Amplitude of low-frequency fluctuations."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.data import Signals
from lumbago.extractors.bands import Bands, refuse_unresolved
from lumbago.extractors.base import VoxelExtractor
from lumbago.measures.amplitude import Amplitudes, Convention, Detrend, amplitudes


class Amplitude(VoxelExtractor):
    """ALFF or fALFF of every voxel, in the units of the signal or as a share.

    The band is read off the spectrum of the unfiltered signals: filtering them
    first would shape the very amplitudes that are measured.
    """

    references: ClassVar[tuple[str, ...]] = ("zang2007", "zou2008")
    version: ClassVar[int] = 1

    kind: Literal["alff", "falff"]
    bands: Bands = Field({"low": (0.01, 0.1)})
    """Frequencies in Hz by name, ``{low: [0.01, 0.1]}``, or slow bands, ``[slow5, slow4]``; each
    name is a variant of the feature."""
    convention: Convention = "dpabi"
    """Whose scale and rounding: ``dpabi``, ``afni`` (3dRSFC), or ``std`` (C-PAC, HALFpipe)."""
    detrend: Detrend = "convention"
    """What is taken out of each signal before its spectrum: ``linear``, ``quadratic``, null for the
    mean alone, or the ``convention``'s own (linear for dpabi, quadratic for afni, the mean for
    std). What `denoise` has taken out, a linear trend among it, stays out."""

    def measure(self, signals: Signals) -> Mapping[str, np.ndarray]:
        """Return the amplitude of every voxel in every band."""
        t_r = repetition_time(signals)
        for band in self.bands.values():
            refuse_unresolved(band, t_r, self.kind)
        found = _amplitudes(
            signals, t_r=t_r, bands=tuple(self.bands.values()), convention=self.convention,
            detrend=self.detrend,
        )  # fmt: skip
        return dict(zip(self.bands, getattr(found, self.kind), strict=True))

    def remarks(self, signals: Signals) -> tuple[str, ...]:
        """Say where a band ends before its upper edge, and what scrubbing does to ALFF."""
        nyquist = 0.5 / repetition_time(signals)
        notes = [
            f"{self.kind}: band {name} ({low:g} to {high:g} Hz) ends at {nyquist:.4f} Hz, "
            "the highest frequency that the repetition time resolves"
            for name, (low, high) in self.bands.items()
            if high > nyquist * (1 + 1e-9)
        ]
        if self.kind == "alff" and signals.n_kept < len(signals.values):
            notes.append(
                "alff: volumes are scrubbed, and the fewer are kept the larger is the "
                "amplitude of noise; prefer falff or take n_volumes_kept as a covariate"
            )
        return tuple(notes)


_last: list[tuple[weakref.ref[Signals], dict[str, Any], Amplitudes]] = []


def _amplitudes(signals: Signals, **settings: Any) -> Amplitudes:
    """ALFF and fALFF of signals, whose spectrum both kinds share when they follow each other."""
    for of, how, found in _last:
        if of() is signals and how == settings:
            return found
    found = amplitudes(signals.values, kept=signals.kept, **settings)
    _last[:] = [(weakref.ref(signals), settings, found)]
    return found


def repetition_time(signals: Signals) -> float:
    """Return the repetition time in seconds, or refuse signals that have none."""
    if signals.t_r is None:
        raise ValueError("the repetition time is unknown; give t_r in seconds")
    return signals.t_r

"""Amplitude of low-frequency fluctuations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.data import Signals
from lumbago.extractors.base import Band, VoxelExtractor
from lumbago.measures.amplitude import Convention, alff, falff

BandName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class Amplitude(VoxelExtractor):
    """ALFF or fALFF of every voxel, in the units of the signal or as a share.

    The band is read off the spectrum of the unfiltered signals: filtering them
    first would shape the very amplitudes that are measured.
    """

    references: ClassVar[tuple[str, ...]] = ("zang2007", "zou2008")
    version: ClassVar[int] = 1

    kind: Literal["alff", "falff"]
    bands: dict[BandName, Band] = Field({"low": (0.01, 0.1)}, min_length=1)
    """Frequencies in Hz by name; each name is a variant of the feature."""
    convention: Convention = "dpabi"
    """Whose scale and rounding: ``dpabi``, ``afni`` (3dRSFC), or ``std`` (C-PAC, HALFpipe)."""

    def measure(self, signals: Signals) -> Mapping[str, np.ndarray]:
        """Return the amplitude of every voxel in every band."""
        of = {"alff": alff, "falff": falff}[self.kind]
        t_r = repetition_time(signals)
        return {
            name: of(
                signals.values, t_r=t_r, band=band, convention=self.convention, kept=signals.kept
            )
            for name, band in self.bands.items()
        }

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


def repetition_time(signals: Signals) -> float:
    """Return the repetition time in seconds, or refuse signals that have none."""
    if signals.t_r is None:
        raise ValueError("the repetition time is unknown; give t_r in seconds")
    return signals.t_r

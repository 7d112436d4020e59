"""Level and fluctuation of every voxel: temporal SNR, PerAF, standard deviation of intensity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from lumbago.data import Signals
from lumbago.errors import ScanRejected
from lumbago.extractors.bands import Band
from lumbago.extractors.base import VoxelExtractor
from lumbago.measures.intensity import intensity_sd, peraf, tsnr

if TYPE_CHECKING:
    from lumbago.reading.recording import Recording


class Intensity(VoxelExtractor):
    """tSNR, PerAF or the standard deviation of every voxel over the kept volumes.

    The level of a voxel is its mean before denoising, which takes every mean away; the
    fluctuation is what denoising leaves. So ``denoise: null`` gives the temporal SNR of the
    images as they are, trend included, and a denoised one is higher. Voxels without a level above
    0 have neither tSNR nor PerAF.
    """

    version: ClassVar[int] = 1

    kind: Literal["tsnr", "peraf", "intensity_sd"]
    band: Band | None = None
    """Frequencies of the fluctuation, in Hz, or a slow band by name; null takes all, as tSNR
    must."""

    @model_validator(mode="after")
    def _noise_is_unfiltered(self) -> Self:
        if self.kind == "tsnr" and self.band is not None:
            raise ValueError("temporal SNR is of unfiltered signals; leave band out")
        return self

    @property
    def filtered_to(self) -> Band | None:
        """The band that signals are filtered to."""
        return self.band

    def signals_of(self, recording: Recording, band: Band | None) -> Signals:
        """Return the cleaned signals, their levels put back."""
        cleaned = super().signals_of(recording, band)
        if self.denoise is None and band is None:
            return cleaned
        raw = replace(recording.uncleaned(), kept=cleaned.kept).kept_values
        level = raw.mean(axis=0, dtype=np.float64)
        return replace(cleaned, values=cleaned.values + level.astype(np.float32))

    def measure(self, signals: Signals) -> Mapping[str, np.ndarray]:
        """Return the measure of every voxel."""
        of = {"tsnr": tsnr, "peraf": peraf, "intensity_sd": intensity_sd}[self.kind]
        found = of(signals.values, kept=signals.kept)
        if self.kind != "intensity_sd" and not np.isfinite(found).any():
            raise ScanRejected(
                "E_NO_LEVEL",
                f"{self.kind}: no voxel has a mean above 0, so the images were demeaned; expected "
                "images that hold their intensities, before filtering and regression",
            )
        return {"": found}

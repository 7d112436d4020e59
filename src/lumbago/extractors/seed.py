"""Connectivity of the whole brain with a few seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from lumbago.data import Atlas, Extraction, Signals
from lumbago.errors import ScanRejected
from lumbago.extractors.bands import Band, Bands
from lumbago.extractors.base import VoxelExtractor
from lumbago.measures.connectivity import seed_correlation
from lumbago.provenance import digest
from lumbago.reading.sampling import region_means, space_note
from lumbago.reading.seeds import Seeds, load_seeds

if TYPE_CHECKING:
    from lumbago.reading.recording import Recording


class Seed(VoxelExtractor):
    """Correlation of every voxel with the mean signal of each seed.

    A seed is a ball around coordinates, a mask image, or a region of an atlas. With an
    ``atlas``, the maps are averaged over its regions (`.seed:Region`); the correlation of
    regional mean signals is what `connectome` gives. A seed of which less than half
    lies in the brain mask has no values.
    """

    references: ClassVar[tuple[str, ...]] = ("biswal1995",)
    version: ClassVar[int] = 1

    kind: Literal["seed"] = "seed"
    seeds: Seeds = Field(min_length=1)
    """By name: ``[x, y, z]`` in mm, ``{image: mask.nii.gz}``, or ``{atlas: lumbago200, region:
    LH_Default_1}``. Or names of the catalogue of pain seeds, ``[VTA_L, S1_back_L]`` (`lumbago
    atlas show pain_seeds` lists them with their sources), or an atlas for all its regions,
    ``pain_seeds``."""
    radius: Annotated[float, Field(gt=0, le=50)] = 5.0
    """Of the balls around coordinates, in mm."""
    space: str = "MNI"
    """Space of the coordinates."""
    derived_from: tuple[str, ...] = ()
    """Cohorts whose scans told where the seeds lie; an experiment may not have them."""
    fisher_z: bool = True
    """Whether correlations become Fisher's z, whose means over voxels, runs and people are
    not pulled towards 0; a voxel that is a whole seed has none. Else Pearson's r."""
    band: Band | None = None
    """Frequencies that are correlated, in Hz, or a slow band by name; null takes all."""
    bands: Bands | None = None
    """Several bands by name, in place of `band`, ``[slow5, slow4]``: the feature's variants are
    then ``<band>.<seed>``."""

    @model_validator(mode="after")
    def _normalized_by_spread_only(self) -> Self:
        if self.band is not None and self.bands is not None:
            raise ValueError("give band for one, or bands for several, not both")
        if self.normalize == "mean":
            raise ValueError("correlations may average 0, which cannot be divided by")
        return self

    @property
    def average(self) -> Literal["mean", "fisher_z"]:
        """Correlations are averaged as Fisher's z; what is z already, as it is."""
        return "mean" if self.fisher_z or self.normalize else "fisher_z"

    @property
    def filtered_to(self) -> Band | None:
        """The band that signals are filtered to."""
        return self.band

    def passbands(self) -> Mapping[str, Band | None]:
        """Return the bands that are correlated, by name where there are several."""
        return super().passbands() if self.bands is None else self.bands

    def load_seeds(self) -> tuple[Atlas, ...]:
        """Return the seeds as atlases; refuses what cannot be read."""
        return load_seeds(self.seeds, self.radius, self.space)

    def atlas_digest(self) -> str:
        """SHA-256 of the seeds' and the atlas's regions."""
        return digest(super().atlas_digest(), *(a.digest for a in self.load_seeds()))

    def public_seeds(self) -> dict[str, Any]:
        """Return the seeds as settings, files by their names without their folders."""
        found: dict[str, Any] = {}
        for name, seed in self.canonical()["seeds"].items():
            found[name] = _without_folders(seed) if isinstance(seed, Mapping) else seed
        return found

    def measure(self, signals: Signals) -> Mapping[str, np.ndarray]:
        """Return the connectivity of every voxel with each seed."""
        if signals.n_kept < 3:
            raise ScanRejected(
                "E_SHORT", f"{signals.n_kept} kept volumes are too few for a correlation"
            )
        values = signals.kept_values
        series = self._series(signals)
        if np.isnan(series).all():
            raise ScanRejected(
                "E_SEED_ELSEWHERE",
                "no seed lies in the brain mask by half at least; expected seeds and scan in one "
                "space",
            )
        found = seed_correlation(values, series, fisher_z=self.fisher_z)
        return dict(zip(self.seeds, found, strict=True))

    def remarks(self, signals: Signals) -> tuple[str, ...]:
        """Say which seeds do not lie in the brain mask."""
        missing = np.isnan(self._series(signals)).all(axis=0)
        return tuple(
            f"less than half of the seed {name} lies in the brain mask: it has no values"
            for name, absent in zip(self.seeds, missing, strict=True)
            if absent
        )

    def _series(self, signals: Signals) -> np.ndarray:
        """Mean signal of each seed over the kept volumes (n_kept, n_seeds), NaN without data."""
        assert signals.mask is not None
        assert signals.affine is not None
        values = signals.kept_values
        found: dict[str, np.ndarray] = {}
        for atlas in self.load_seeds():
            try:
                means, _ = region_means(values, signals.mask, signals.affine, atlas)
            except ScanRejected:  # this one lies elsewhere; others may not
                means = np.full((len(values), len(atlas)), np.nan, dtype=np.float32)
            found.update(zip(atlas.names, means.T, strict=True))
        return np.stack([found[name] for name in self.seeds], axis=1)

    def _measured(self, recording: Recording, *, keep_maps: bool) -> Extraction:
        found = super()._measured(recording, keep_maps=keep_maps)
        spaces = [space_note(a, recording.scan.space) for a in self.load_seeds()]
        notes = dict.fromkeys(n for n in (*found.notes, *spaces) if n)
        return replace(found, notes=tuple(notes))


def _without_folders(settings: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            shown[key] = _without_folders(value)
        elif key in ("image", "labels", "coordinates", "data_dir") and isinstance(value, str):
            shown[key] = Path(value).name
        else:
            shown[key] = value
    return shown

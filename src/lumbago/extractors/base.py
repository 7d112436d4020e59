"""What every extractor is: settings that turn one recording into named features."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from lumbago.data import Extraction, Scan, Signals
from lumbago.errors import ScanRejected
from lumbago.extractors.bands import Band as Band
from lumbago.extractors.bands import to_filter
from lumbago.measures.smoothing import smooth
from lumbago.reading.atlases import AtlasRef, load_atlas
from lumbago.reading.denoise import Denoise
from lumbago.reading.sampling import map_means, space_note
from lumbago.spec import Spec

if TYPE_CHECKING:
    from lumbago.reading.recording import Recording


Normalize = Annotated[
    Literal["mean", "zscore"] | None,
    BeforeValidator(
        lambda value: None if value == "none" else value,
        json_schema_input_type=Literal["none", "mean", "zscore"] | None,
    ),
]

NUISANCE_ROLES = ("confounds", "confounds_json", "motion")
"""Files that decide what is regressed out: the sidecar tells which components count."""


class Extractor(Spec):
    """Features of one scan, from that scan alone.

    Nothing is fitted across participants here; that is a step of a model. A subclass
    says what it needs, and turns a `Recording` into an `Extraction`.
    """

    needs: ClassVar[frozenset[frozenset[str]]] = frozenset()
    """Alternatives of file roles; a scan that offers none of them is not this one's."""

    kind: str
    denoise: Denoise | None = Denoise()
    """What is regressed out and scrubbed first, with the trend; null leaves the signals alone."""

    @property
    def average(self) -> Literal["mean", "fisher_z"]:
        """How the runs of one session become one value."""
        return "mean"

    def applies_to(self, scan: Scan) -> bool:
        """Tell whether the scan offers what this extractor needs."""
        return any(roles <= set(scan.files) for roles in self.needs)

    def inputs(self, scan: Scan) -> tuple[str, ...]:
        """Roles of the scan's files whose content decides the result, sorted."""
        roles = set().union(*(n for n in self.needs if n <= set(scan.files)))
        if roles & {"bold", "timeseries"}:
            roles |= {"mask"} if "bold" in roles else set()
            roles |= set(NUISANCE_ROLES) if self.denoise is not None else set()
        return tuple(sorted(roles & set(scan.files)))

    def atlas_digest(self) -> str:
        """SHA-256 of the regions that decide the result, empty where regions play no part."""
        atlas: AtlasRef | None = getattr(self, "atlas", None)
        return "" if atlas is None else load_atlas(atlas).digest

    def extract(self, recording: Recording) -> Extraction:
        """Measure one recording.

        Raises
        ------
        ScanRejected
            If this recording cannot give this feature; the reason names no participant.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how it measures a recording")

    def on_image(
        self, img: Any, *, mask_img: Any = None, confounds: Any = None, t_r: float | None = None
    ) -> Extraction:
        """Measure one image, outside any cohort.

        Parameters
        ----------
        img : Nifti1Image or path
            4D image, or a 3D one for extractors of still maps.
        mask_img : Nifti1Image or path, optional
            Where the brain lies; computed from the image where not given.
        confounds : DataFrame, path or array, optional
            One row per volume, all of them regressed out.
        t_r : float, optional
            Repetition time, in seconds; the header's where not given.

        Returns
        -------
        Extraction
            Its names begin behind the feature's key; its maps are Nifti1Images.

        Warns
        -----
        UserWarning
            Of everything that a report would note, such as a scan that is short.
        """
        from lumbago.reading.recording import Recording

        recording = Recording.from_image(img, mask_img=mask_img, confounds=confounds, t_r=t_r)
        found = self._measured(recording, keep_maps=True)
        for note in found.notes:
            warnings.warn(f"{self.kind}: {note}", UserWarning, stacklevel=2)
        return found

    def _measured(self, recording: Recording, *, keep_maps: bool) -> Extraction:
        """Measure, keeping voxel maps whatever the settings say; most extractors have none."""
        return self.extract(recording)


class VoxelExtractor(Extractor):
    """One or more values per voxel, as maps, as regional means, or both.

    A subclass only says what is measured in the signals; where they come from and
    where the values go is the same for all. Voxels whose signal never changes hold no data.
    """

    needs: ClassVar[frozenset[frozenset[str]]] = frozenset({frozenset({"bold"})})

    atlas: AtlasRef | None = None
    """Regions whose means become features; without it there are maps only."""
    normalize: Normalize = None
    """Within the mask: divide by the mean (DPABI's mALFF, mReHo), or take the mean away and
    divide by the standard deviation (zALFF, zReHo); null (or none) leaves the measure's own
    unit."""
    smooth: Annotated[float, Field(gt=0, le=100)] | None = None
    """Full width at half maximum of a Gaussian, in mm, that maps are smoothed by, inside the mask
    and after normalizing (DPABI's order); null leaves them as measured. Regional means are
    always those of the unsmoothed map, so that no region holds its neighbours' values."""
    keep_maps: bool = False
    """Whether maps are stored beside regional means."""

    @property
    def filtered_to(self) -> Band | None:
        """The band that signals are filtered to before they are measured; None filters nothing."""
        return None

    def measure(self, signals: Signals) -> Mapping[str, np.ndarray]:
        """Return one value per voxel for each variant; a single unnamed variant is ``""``."""
        raise NotImplementedError(f"{type(self).__name__} must say what it measures in signals")

    def remarks(self, signals: Signals) -> tuple[str, ...]:
        """What a reader of the values must know of the signals they came from."""
        return ()

    def extract(self, recording: Recording) -> Extraction:
        """Measure every voxel, then average over the regions of the atlas."""
        return self._measured(recording, keep_maps=self.keep_maps or self.atlas is None)

    def passbands(self) -> Mapping[str, Band | None]:
        """Return the bands that signals are filtered to, by the variant that each becomes.

        One unnamed variant where there is a single band; the measure is taken in each.
        """
        return {"": self.filtered_to}

    def signals_of(self, recording: Recording, band: Band | None) -> Signals:
        """Return the signals that are measured: cleaned, and filtered to a band."""
        passed = to_filter(band, recording.t_r if band else None, self.kind)
        return recording.voxels(self.denoise, band=passed)

    def _measured(self, recording: Recording, *, keep_maps: bool) -> Extraction:
        measured: dict[str, np.ndarray] = {}
        remarks: list[str] = []
        for name, band in self.passbands().items():
            signals = self.signals_of(recording, band)
            measured |= {_joined(name, n): v for n, v in self._of_voxels(signals).items()}
            remarks += self.remarks(signals)

        maps = {}
        if keep_maps:
            maps = {n or self.kind: self._map(v, signals) for n, v in measured.items()}
        elif self.smooth is not None:
            remarks.append("smooth is for maps, and none are kept: regional means are unsmoothed")
        names: list[str] = []
        values = np.empty(0, np.float32)
        coverage: dict[str, float] = {}
        notes = [*recording.notes, *remarks]
        if self.atlas is not None:
            atlas = load_atlas(self.atlas)
            notes.append(space_note(atlas, recording.scan.space))
            assert signals.mask is not None
            assert signals.affine is not None
            means, covered = map_means(list(measured.values()), signals.mask, signals.affine, atlas)
            regions, values = atlas.names, means.ravel()
            names = [name for variant in measured for name in feature_names(regions, variant)]
            coverage = dict(zip(regions, covered.min(axis=0).tolist(), strict=True))
        return Extraction(
            names=tuple(names),
            values=values,
            maps=maps,
            coverage=coverage,
            notes=tuple(dict.fromkeys(note for note in notes if note)),
        )

    def _of_voxels(self, signals: Signals) -> dict[str, np.ndarray]:
        """One value per voxel and variant, normalized; NaN in voxels without data."""
        # A voxel that never changes is no brain at rest but dropout or padding: it holds no data,
        # and must not pull the mean of its region towards the 0 that it measures.
        dead = _unchanging(signals)
        if dead.all():
            raise ScanRejected(
                "E_FLAT",
                f"{self.kind}: no voxel of the brain changes over the kept volumes; expected the "
                "signals of a scan, so look at the image and its mask",
            )
        try:
            measured = self.measure(signals)
        except ValueError as error:
            raise ScanRejected("E_MEASURE", f"{self.kind}: {error}") from error
        if dead.any():
            measured = {name: np.where(dead, np.nan, of) for name, of in measured.items()}
        return {name: self._normalized(of) for name, of in measured.items()}

    def _map(self, values: np.ndarray, signals: Signals) -> Any:
        found = signals.to_volume(values)
        if self.smooth is not None:
            found = replace(found, array=smooth(found.array, self.smooth, found.affine))
            found = replace(found, array=found.array.astype(np.float32))
        return found.to_image()

    def _normalized(self, values: np.ndarray) -> np.ndarray:
        if self.normalize is None:
            return values
        known = values[np.isfinite(values)]
        spread = 0.0
        if len(known) > 1:
            spread = known.mean() if self.normalize == "mean" else known.std(ddof=1)
        if not spread > 0:
            raise ScanRejected(
                "E_FLAT", f"{self.kind}: the voxels hold nothing that can be normalized"
            )
        centre = known.mean() if self.normalize == "zscore" else 0.0
        return np.asarray((values - centre) / spread)


def _joined(*variants: str) -> str:
    return ".".join(variant for variant in variants if variant)


def _unchanging(signals: Signals) -> np.ndarray:
    """Voxels whose kept values are all the same; all of them are read of few voxels only."""
    values = signals.values
    kept = np.arange(len(values)) if signals.kept is None else signals.kept
    same = np.asarray(values[kept[0]] == values[kept[-1]])
    where = np.flatnonzero(same)
    same[where] = (values[np.ix_(kept, where)] == values[kept[0], where]).all(axis=0)
    return same


def feature_names(regions: Sequence[str], variant: str = "") -> list[str]:
    """Return the names of regional features, or of edges, behind the key.

    >>> feature_names(("insula_L", "insula_R"), "low")
    ['.low:insula_L', '.low:insula_R']
    """
    prefix = f".{variant}" if variant else ""
    return [f"{prefix}:{region}" for region in regions]

"""Connectivity of every pair of regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from lumbago.data import Atlas, Extraction, Scan, Signals
from lumbago.data.features import edge_names
from lumbago.errors import ScanRejected
from lumbago.extractors.bands import Band, Bands, to_filter
from lumbago.extractors.base import NUISANCE_ROLES, Extractor, feature_names
from lumbago.measures.connectivity import (
    correlation,
    covariance,
    fisher_z,
    partial_correlation,
    unvectorize,
    vectorize,
)
from lumbago.reading.atlases import AtlasRef, load_atlas
from lumbago.reading.sampling import space_note

if TYPE_CHECKING:
    from lumbago.reading.recording import Recording


@dataclass(frozen=True, eq=False)
class Squares:
    """The connectivity of one recording as matrices.

    Parameters
    ----------
    matrices : dict of str to float64 array of shape (n_regions, n_regions)
        By variant, ``""`` where there is but one. Symmetric; a region without data is NaN with
        every other. The diagonal is 0, or the variances.
    labels : tuple of str
    coverage : dict of str to float
        Share of each region that holds data; empty where that is not known.
    notes : tuple of str
    """

    matrices: dict[str, np.ndarray]
    labels: tuple[str, ...]
    coverage: dict[str, float]
    notes: tuple[str, ...]


class Connectome(Extractor):
    """Connectivity of every pair of regions, upper triangle row by row.

    Regional signals come from the voxels of a scan through an atlas, or from a table; a
    matrix read from a file is taken as it is, and only for ``correlation`` without `bands`,
    since no file says how its values were computed. A region without data is NaN with every
    other; partial correlations are conditioned on the regions that are there. Covariances come
    with the variances (``a~a``), in squared units of the signals.
    """

    needs: ClassVar[frozenset[frozenset[str]]] = frozenset(
        {frozenset({"bold"}), frozenset({"timeseries"}), frozenset({"connectome"})}
    )
    references: ClassVar[tuple[str, ...]] = ("biswal1995",)
    version: ClassVar[int] = 1

    kind: Literal["connectome"] = "connectome"
    atlas: AtlasRef | None = None
    """Regions of voxel data; tables and connectomes have theirs already."""
    measure: Literal["correlation", "partial_correlation", "covariance"] = "correlation"
    """Pearson's r; r given all other regions; or covariance."""
    shrinkage: Literal["ledoit_wolf", "none"] | None = None
    """How the covariance is estimated: shrunk as Ledoit and Wolf (2004) do, or as it is, which
    partial correlation grants only to scans with at least 2 more kept volumes than regions.
    Default: ledoit_wolf for partial_correlation, none otherwise."""
    fisher_z: bool = False
    """Whether correlations become Fisher's z."""
    band: Band | None = None
    """Frequencies that are correlated, in Hz, or a slow band by name; null takes all."""
    bands: Bands | None = None
    """Several bands by name, in place of `band`, ``[slow5, slow4]``; each is a variant of the
    feature."""

    @model_validator(mode="after")
    def _fits_the_measure(self) -> Self:
        if self.band is not None and self.bands is not None:
            raise ValueError("give band for one, or bands for several, not both")
        if self.measure == "covariance" and self.fisher_z:
            raise ValueError("covariances have no Fisher z; take measure: correlation")
        if self.measure == "correlation" and self.shrinkage == "ledoit_wolf":
            raise ValueError(
                "correlations of two regions need no shrinkage; "
                "it belongs to partial_correlation and covariance"
            )
        return self

    @property
    def average(self) -> Literal["mean", "fisher_z"]:
        """Correlations are averaged as Fisher's z; z and covariances as they are."""
        return "mean" if self.fisher_z or self.measure == "covariance" else "fisher_z"

    def applies_to(self, scan: Scan) -> bool:
        """Tell whether the scan holds connectivity, or signals to take it from."""
        return bool(self._source(scan))

    def inputs(self, scan: Scan) -> tuple[str, ...]:
        """Roles of the scan's files whose content decides the result, sorted."""
        source = self._source(scan)
        roles = {source} if source else set()
        if source == "bold":
            roles.add("mask")
        if source in ("bold", "timeseries") and self.denoise is not None:
            roles |= set(NUISANCE_ROLES)
        return tuple(sorted(roles & set(scan.files)))

    def _source(self, scan: Scan) -> str:
        # What is nearest to the wanted matrix wins; voxels only where an atlas asks for them.
        if self.atlas is not None and "bold" in scan.files:
            return "bold"
        taken = self.measure == "correlation" and self.bands is None
        roles = ("connectome", "timeseries") if taken else ("timeseries",)
        return next((role for role in roles if role in scan.files), "")

    def extract(self, recording: Recording) -> Extraction:
        """Measure the connectivity of one recording."""
        found = self.squares(recording)
        diagonal = self.measure == "covariance"
        pairs = tuple(edge_names(found.labels, diagonal=diagonal))
        edges = [vectorize(matrix, diagonal=diagonal) for matrix in found.matrices.values()]
        return Extraction(
            names=tuple(n for variant in found.matrices for n in feature_names(pairs, variant)),
            values=np.concatenate(edges).astype(np.float32),
            coverage=found.coverage,
            notes=found.notes,
        )

    def squares(self, recording: Recording) -> Squares:
        """Measure the connectivity of one recording as matrices, in float64.

        Raises
        ------
        ScanRejected
            As for `extract`.
        """
        source = self._source(recording.scan)
        coverage: dict[str, float] = {}
        notes = []
        matrices: dict[str, np.ndarray] = {}
        if source == "connectome":
            matrices[""], labels = recording.connectome()
        elif source:
            atlas = load_atlas(self.atlas) if self.atlas is not None and source == "bold" else None
            for name, band in ({"": self.band} if self.bands is None else self.bands).items():
                signals = self._signals(recording, atlas, band)
                matrices[name] = self._matrix(signals.kept_values)
            labels = signals.labels
            if atlas is not None:
                notes.append(space_note(atlas, recording.scan.space))
            if signals.coverage is not None:
                coverage = dict(zip(labels, map(float, signals.coverage), strict=True))
        else:
            raise ScanRejected(
                "E_NO_REGIONS", "voxel data need an atlas to give a connectome; set atlas:"
            )
        return Squares(
            matrices={name: self._prepared(matrix) for name, matrix in matrices.items()},
            labels=labels,
            coverage=coverage,
            notes=tuple(dict.fromkeys(n for n in (*recording.notes, *notes) if n)),
        )

    def _prepared(self, matrix: np.ndarray) -> np.ndarray:
        diagonal = self.measure == "covariance"
        try:
            edges = vectorize(np.asarray(matrix, dtype=np.float64), diagonal=diagonal)
            edges = fisher_z(edges) if self.fisher_z else edges
        except ValueError as error:
            raise ScanRejected("E_MEASURE", f"{self.kind}: {error}") from error
        return unvectorize(edges, diagonal=None if diagonal else 0.0)

    def _signals(self, recording: Recording, atlas: Atlas | None, band: Band | None) -> Signals:
        passed = to_filter(band, recording.t_r if band else None, self.kind)
        signals = recording.regions(atlas, self.denoise, band=passed)
        if signals.n_kept < 3:
            raise ScanRejected(
                "E_SHORT", f"{signals.n_kept} kept volumes are too few for a correlation"
            )
        return signals

    def _matrix(self, signals: np.ndarray) -> np.ndarray:
        try:
            if self.measure == "correlation":
                return correlation(signals)
            if self.measure == "covariance":
                return covariance(
                    signals, "ledoit_wolf" if self.shrinkage == "ledoit_wolf" else None
                )
            return partial_correlation(signals, None if self.shrinkage == "none" else "ledoit_wolf")
        except ValueError as error:
            raise ScanRejected("E_MEASURE", f"{self.kind}: {error}") from error

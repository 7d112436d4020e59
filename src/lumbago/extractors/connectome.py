"""Connectivity of every pair of regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from lumbago.data import Extraction, Scan
from lumbago.data.features import edge_names
from lumbago.errors import ScanRejected
from lumbago.extractors.base import NUISANCE_ROLES, Band, Extractor
from lumbago.measures.connectivity import correlation, fisher_z, vectorize
from lumbago.reading.atlases import AtlasRef, load_atlas
from lumbago.reading.sampling import space_note

if TYPE_CHECKING:
    from lumbago.reading.recording import Recording


class Connectome(Extractor):
    """Pearson correlation of every pair of regions, upper triangle row by row.

    Regional signals come from the voxels of a scan through an atlas, or from a table; a
    connectome read from a file is taken as it is.
    """

    needs: ClassVar[frozenset[frozenset[str]]] = frozenset(
        {frozenset({"bold"}), frozenset({"timeseries"}), frozenset({"connectome"})}
    )
    references: ClassVar[tuple[str, ...]] = ("biswal1995",)
    version: ClassVar[int] = 1

    kind: Literal["connectome"] = "connectome"
    atlas: AtlasRef | None = None
    """Regions of voxel data; tables and connectomes have theirs already."""
    measure: Literal["correlation"] = "correlation"
    fisher_z: bool = False
    """Whether correlations become Fisher's z."""
    band: Band | None = None
    """Frequencies that are correlated, in Hz; null takes all."""

    @property
    def average(self) -> Literal["mean", "fisher_z"]:
        """Correlations are averaged as Fisher's z; values that are z already, as they are."""
        return "mean" if self.fisher_z else "fisher_z"

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
        return next((role for role in ("connectome", "timeseries") if role in scan.files), "")

    def extract(self, recording: Recording) -> Extraction:
        """Correlate the regions of one recording."""
        source = self._source(recording.scan)
        coverage: dict[str, float] = {}
        notes = []
        if source == "connectome":
            matrix, labels = recording.connectome()
        elif source:
            atlas = load_atlas(self.atlas) if self.atlas is not None and source == "bold" else None
            signals = recording.regions(atlas, self.denoise, band=self.band)
            labels = signals.labels
            if signals.n_kept < 3:
                raise ScanRejected(
                    "E_SHORT", f"{signals.n_kept} kept volumes are too few for a correlation"
                )
            matrix = correlation(signals.kept_values)
            if atlas is not None:
                notes.append(space_note(atlas, recording.scan.space))
            if signals.coverage is not None:
                coverage = dict(zip(labels, map(float, signals.coverage), strict=True))
        else:
            raise ScanRejected(
                "E_NO_REGIONS", "voxel data need an atlas to give a connectome; set atlas:"
            )
        try:
            edges = vectorize(matrix)
            edges = fisher_z(edges) if self.fisher_z else edges
        except ValueError as error:
            raise ScanRejected("E_MEASURE", f"{self.kind}: {error}") from error
        return Extraction(
            names=tuple(f":{edge}" for edge in edge_names(labels)),
            values=np.asarray(edges, dtype=np.float32),
            coverage=coverage,
            notes=tuple(dict.fromkeys(n for n in (*recording.notes, *notes) if n)),
        )

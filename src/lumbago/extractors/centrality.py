"""Degree centrality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.data import Signals
from lumbago.extractors.base import Band, VoxelExtractor
from lumbago.measures.centrality import degree_centrality


class Centrality(VoxelExtractor):
    """Degree centrality: with how many voxels of the brain each one correlates, or how strongly.

    Positive correlations only, itself left out. Signals are band-passed first and never
    smoothed: smoothing makes neighbours alike. The value of a voxel depends on how many
    others the mask holds; compare people within one mask, or normalize.
    """

    references: ClassVar[tuple[str, ...]] = ("buckner2009", "zuo2012")
    version: ClassVar[int] = 1

    kind: Literal["degree_centrality"] = "degree_centrality"
    threshold: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Correlations must be larger."""
    sparsity: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of all pairs of voxels to keep, the strongest; takes the place of `threshold`."""
    of: Literal["weighted", "binary", "both"] = "weighted"
    """The sum of the correlations, their number, or both as variants of these names."""
    fisher_z: bool = False
    """Whether Fisher's z of the correlations is summed, and not the correlations."""
    band: Band | None = (0.01, 0.1)
    """Frequencies that are compared, in Hz, or a slow band by name; null compares all."""

    @property
    def filtered_to(self) -> Band | None:
        """The band that signals are filtered to."""
        return self.band

    def measure(self, signals: Signals) -> Mapping[str, np.ndarray]:
        """Return the degree of every voxel."""
        binary, weighted = degree_centrality(
            signals.kept_values,
            threshold=self.threshold,
            sparsity=self.sparsity,
            fisher_z=self.fisher_z,
            both=True,
        )
        if self.of == "both":
            return {"binary": binary, "weighted": weighted}
        return {"": binary if self.of == "binary" else weighted}

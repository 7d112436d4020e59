"""Regional homogeneity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.data import Signals
from lumbago.extractors.bands import Band
from lumbago.extractors.base import VoxelExtractor
from lumbago.measures.homogeneity import Neighbours, Ties, neighbour_concordance


class Homogeneity(VoxelExtractor):
    """ReHo: Kendall's W of every voxel with its neighbours, in [0, 1].

    Signals are band-passed first and never smoothed: smoothing makes neighbours alike.
    """

    references: ClassVar[tuple[str, ...]] = ("zang2004",)
    version: ClassVar[int] = 1

    kind: Literal["reho"] = "reho"
    neighbours: Neighbours = 27
    """Voxels of a full neighbourhood, itself included."""
    ties: Ties = "average"
    """``average`` is DPABI's formula, ``corrected`` the textbook's and AFNI's."""
    min_voxels: Annotated[int, Field(ge=1)] = 2
    """Fewer voxels than this do not make a value."""
    band: Band | None = (0.01, 0.1)
    """Frequencies that are compared, in Hz, or a slow band by name; null compares all."""

    @property
    def filtered_to(self) -> Band | None:
        """The band that signals are filtered to."""
        return self.band

    def measure(self, signals: Signals) -> Mapping[str, np.ndarray]:
        """Return the concordance of every voxel with its neighbours."""
        if signals.mask is None:
            raise ValueError("signals of regions have no neighbours; give voxels")
        found = neighbour_concordance(
            signals.kept_values, signals.mask, self.neighbours, self.ties,
            min_voxels=self.min_voxels,
        )  # fmt: skip
        return {"": found}

"""Values per region that another tool has computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.data import Extraction, Scan
from lumbago.data.features import region_names
from lumbago.errors import ScanRejected
from lumbago.extractors.base import Extractor
from lumbago.reading.denoise import Denoise
from lumbago.reading.values import ROLE, read_values, roles_of

if TYPE_CHECKING:
    from lumbago.reading.recording import Recording


class RegionalValues(Extractor):
    """One number per region, taken as it stands from a table that another tool has made.

    FreeSurfer's thickness, area and volumes; XCP-D's ReHo and ALFF of parcels; vectors of
    junifer. The docs page "Inputs" lists which cohort offers which values.
    """

    needs: ClassVar[frozenset[frozenset[str]]] = frozenset({frozenset({"values"})})
    version: ClassVar[int] = 1

    kind: Literal["values"] = "values"
    of: str = Field(min_length=1)
    """Which values: ``thickness``, ``area``, ``volume``, ``aseg``, ``reho``, ``alff``, or the
    name of a junifer feature."""
    denoise: Denoise | None = None
    """Plays no part: the values are computed already."""

    def applies_to(self, scan: Scan) -> bool:
        """Tell whether the scan comes with these values."""
        return bool(roles_of(self.of, frozenset(scan.files)))

    def inputs(self, scan: Scan) -> tuple[str, ...]:
        """Roles of the values, and of how well each region was covered."""
        roles = roles_of(self.of, frozenset(scan.files))
        return (*(("coverage",) if "coverage" in scan.files else ()), *roles)

    def extract(self, recording: Recording) -> Extraction:
        """Read the values of one scan."""
        names, values = recording.values(self.of)
        if not np.isfinite(values).any():
            raise ScanRejected("E_EMPTY", f"{self.of}: no region has a value")
        coverage: dict[str, float] = {}
        scan = recording.scan
        if "coverage" in scan.files:
            regions, shares = read_values(scan.files["coverage"], f"{ROLE}coverage")
            coverage = dict(zip(region_names(regions), map(float, shares), strict=True))
        return Extraction(
            names=tuple(f":{name}" for name in names),
            values=values.astype(np.float32),
            coverage=coverage,
            notes=tuple(recording.notes),
        )

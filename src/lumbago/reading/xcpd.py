"""XCP-D's outputs.

Names verified in XCP-D's documentation (docs/outputs.rst): below ``sub-*/[ses-*/]func``,
``*_stat-mean_timeseries.tsv``, ``*_stat-pearsoncorrelation_relmat.tsv``,
``*_stat-coverage_bold.tsv``, ``*_stat-reho_bold.tsv``, ``*_stat-alff_bold.tsv``,
``*_stat-reho_boldmap.nii.gz``, ``*_stat-alff[_desc-smooth]_boldmap.nii.gz``, ``*_motion.tsv``. The
atlas is the entity ``atlas`` or, in other versions, ``seg``.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from lumbago.reading.products import ProductReader, stat_of
from lumbago.reading.walker import Entry

_IMAGES = (".nii.gz", ".nii")


class XcpdCohort(ProductReader):
    """Everything XCP-D has made of each run: series, matrices, values of parcels, maps.

    `connectome` takes its correlation matrices, `values` of ``reho`` or ``alff`` its parcels,
    `regional` with ``map: reho`` its maps. Where there are several atlases, choose one with
    ``select: {atlas: 4S156Parcels}`` (or ``seg``).
    """

    no_part: ClassVar[frozenset[str]] = frozenset({"sourcedata", "atlases", "figures", "log"})

    kind: Literal["xcpd"] = "xcpd"

    @property
    def _expected(self) -> str:
        return "*_stat-mean_timeseries.tsv, *_stat-pearsoncorrelation_relmat.tsv and the like"

    def role(self, entry: Entry) -> str | None:
        """Return what a file is, by its suffix and its ``stat``."""
        own = entry.entities
        desc = own.get("desc", "")
        if entry.extension == ".tsv":
            if entry.suffix == "timeseries" and stat_of(entry, ("mean",)) and not desc:
                return "timeseries"
            if entry.suffix == "relmat" and stat_of(entry, ("pearsoncorrelation",)) and not desc:
                return "connectome"
            if entry.suffix == "motion" and not desc:
                return "motion"
            if entry.suffix == "bold" and (stat := stat_of(entry, ("reho", "alff"))):
                return f"values:{stat}"
            if entry.suffix == "bold" and stat_of(entry, ("coverage",)):
                return "coverage"
        elif entry.suffix == "boldmap" and entry.extension in _IMAGES:
            stat = stat_of(entry, ("reho", "alff"))
            if stat and desc in ("", "smooth"):
                return f"map:{stat}_{desc}" if desc else f"map:{stat}"
        return None

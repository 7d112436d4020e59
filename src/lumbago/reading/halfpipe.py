"""HALFpipe's outputs.

Names verified in the tests of HALFpipe and in published analyses of its outputs: below
``sub-*/[ses-*/]func/[task-*/]``, ``*_feature-<name>_atlas-<atlas>_timeseries.tsv`` and
``*_feature-<name>_atlas-<atlas>_desc-correlation_matrix.tsv`` (both without header),
``*_feature-<name>_reho.nii.gz``, ``_alff.nii.gz``, ``_falff.nii.gz``,
``*_feature-<name>_seed-<seed>_stat-z_statmap.nii.gz``. ``*_stat-reho_statmap.nii.gz`` and the like
are read too; no source of theirs was found.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from lumbago.reading.products import ProductReader, stat_of
from lumbago.reading.walker import Entry

_IMAGES = (".nii.gz", ".nii")
_MEASURES = ("reho", "alff", "falff")


class HalfpipeCohort(ProductReader):
    """Everything HALFpipe has made of each run: series, matrices, maps of measures and of seeds.

    `connectome` takes its correlation matrices, `regional` with ``map: reho`` (alff, falff, or a
    seed's name) its maps. Where there are several features of regions, choose one with
    ``feature: corrMatrix1``; other choices (``atlas``) are made with ``select``.
    """

    no_part: ClassVar[frozenset[str]] = frozenset(
        {"grouplevel", "nipype", "fmriprep", "reports", "rawdata", "models"}
    )

    kind: Literal["halfpipe"] = "halfpipe"
    feature: str | None = None
    """Which of the features made with an atlas gives series and matrix."""

    @property
    def _expected(self) -> str:
        return "*_feature-*_atlas-*_timeseries.tsv, *_desc-correlation_matrix.tsv and the like"

    def role(self, entry: Entry) -> str | None:
        """Return what a file is, by its suffix, ``desc`` and ``stat``."""
        own = entry.entities
        if "feature" not in own:
            return None
        if entry.extension == ".tsv" and "atlas" in own:
            if self.feature not in (None, own["feature"]):
                return None
            if entry.suffix == "timeseries":
                return "timeseries"
            if entry.suffix == "matrix" and own.get("desc") == "correlation":
                return "connectome"
        elif entry.extension in _IMAGES:
            if entry.suffix in _MEASURES:
                return f"map:{entry.suffix}"
            if entry.suffix == "statmap":
                if stat := stat_of(entry, _MEASURES):
                    return f"map:{stat}"
                if "seed" in own and stat_of(entry, ("z",)):
                    return f"map:{own['seed']}"
        return None

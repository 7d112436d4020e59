"""Regional means of still maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lumbago.data import Extraction, Scan, Volume
from lumbago.errors import ScanRejected
from lumbago.extractors.base import Extractor, feature_names
from lumbago.reading.atlases import AtlasRef, load_atlas
from lumbago.reading.denoise import Denoise
from lumbago.reading.sampling import region_means, space_note

if TYPE_CHECKING:
    from lumbago.reading.recording import Recording


class Regional(Extractor):
    """Mean of a 3D map over each region, in the map's own unit.

    For maps that another tool has made: grey-matter density, ALFF, ReHo, a contrast. Voxels
    of 0, as files write what lies outside the brain, and voxels that are not finite
    hold no data.
    """

    needs: ClassVar[frozenset[frozenset[str]]] = frozenset({frozenset({"map"})})
    version: ClassVar[int] = 1

    kind: Literal["regional"] = "regional"
    atlas: AtlasRef
    """Regions whose means become features."""
    map: str | None = None
    """Suffix or ``desc`` of the maps that are meant; null takes every map."""
    denoise: Denoise | None = None
    """Plays no part: a still map has nothing to regress out."""

    def applies_to(self, scan: Scan) -> bool:
        """Tell whether the scan holds the map that is meant."""
        return self._role(scan) is not None

    def inputs(self, scan: Scan) -> tuple[str, ...]:
        """Role of the map."""
        role = self._role(scan)
        return () if role is None else (role,)

    def _role(self, scan: Scan) -> str | None:
        if f"map:{self.map}" in scan.files:
            return f"map:{self.map}"
        named = {scan.entities.get("suffix"), scan.entities.get("desc")}
        return "map" if "map" in scan.files and (self.map is None or self.map in named) else None

    def extract(self, recording: Recording) -> Extraction:
        """Average one map over the regions of the atlas."""
        found = self.measure(recording.map(self.map), recording.scan.space)
        return replace(found, notes=tuple(dict.fromkeys((*recording.notes, *found.notes))))

    def on_image(
        self, img: Any, *, mask_img: Any = None, confounds: Any = None, t_r: float | None = None
    ) -> Extraction:
        """Average one 3D image, outside any cohort; `confounds` and `t_r` play no part.

        Parameters
        ----------
        img : Nifti1Image or path
        mask_img : Nifti1Image or path, optional
            Voxels that count, on the same grid; all that hold data where not given.
        """
        from lumbago.reading.voxels import read_mask, read_volume

        if isinstance(img, str | Path):
            volume = read_volume(img)
        else:
            volume = Volume(np.asarray(img.dataobj, dtype=np.float32), np.asarray(img.affine))
        if mask_img is not None:
            mask = read_mask(mask_img, volume.array.shape, volume.affine)
            volume = replace(volume, array=np.where(mask, volume.array, np.nan))
        return self.measure(volume)

    def measure(self, volume: Volume, space: str | None = None) -> Extraction:
        """Average one volume over the regions of the atlas."""
        if volume.array.ndim != 3:
            raise ScanRejected("E_NOT_3D", f"a still map has 3 dimensions, got {volume.array.ndim}")
        mask = np.isfinite(volume.array) & (volume.array != 0)
        if not mask.any():
            raise ScanRejected("E_EMPTY_MAP", "the map holds no finite value other than 0")
        atlas = load_atlas(self.atlas)
        means, coverage = region_means(volume.array[mask][None], mask, volume.affine, atlas)
        note = space_note(atlas, space)
        return Extraction(
            names=tuple(feature_names(atlas.names)),
            values=means[0],
            coverage=dict(zip(atlas.names, coverage.tolist(), strict=True)),
            notes=(note,) if note else (),
        )

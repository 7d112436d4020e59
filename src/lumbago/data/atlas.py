"""A division of the brain into regions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import nibabel as nib
import numpy as np
import pandas as pd

from lumbago.data.features import region_names
from lumbago.provenance import canonical_json, digest, digest_array

Sampling = Literal["weighted_mean", "least_squares"]
"""How the maps of a probabilistic atlas give one value per region: the mean of the voxels
weighted by the region's map, in the unit of the data; or, for all regions at once, the loadings
of the maps on the data (nilearn's NiftiMapsMasker), which parts what overlapping maps share."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """Regions as labelled voxels, as weight maps, or as spheres around coordinates.

    Parameters
    ----------
    name : str
        Name in file names and reports.
    kind : {"deterministic", "probabilistic", "spheres"}
        Labelled voxels, one weight map per region, or balls of `radius` around the
        coordinates of the table.
    labels : DataFrame
        One row per region in the order of the features: ``index`` (the voxels' label,
        or the map's place in the image, from 1),
        ``name`` (unique, without ``:``, ``~``, ``.``), and where known ``hemisphere``,
        ``network``, ``x``, ``y``, ``z`` (mm).
    space : str
        Space the image or the coordinates lie in.
    image : Nifti1Image or None
        Integer labels, 0 outside; 4D weights, 0 outside; None for spheres.
    radius : float or None
        Radius of the spheres, in mm; a column ``radius`` of the table gives each its own.
    about : dict
        Licence, citation, source.
    sampling : {"weighted_mean", "least_squares"}
        How weight maps give one value per region; plays no part for other kinds.
    """

    name: str
    kind: Literal["deterministic", "probabilistic", "spheres"]
    labels: pd.DataFrame
    space: str
    image: nib.Nifti1Image | None = None
    radius: float | None = None
    about: dict[str, Any] = field(default_factory=dict)
    sampling: Sampling = "weighted_mean"

    def __post_init__(self) -> None:
        names = list(self.labels["name"])
        if list(region_names(names)) != names:
            raise ValueError(
                f"atlas {self.name}: region names must be unique, without ':', '~', '.'"
            )
        if self.kind == "deterministic" and self.image is None:
            raise ValueError(f"atlas {self.name}: labelled voxels need an image")
        if self.kind == "probabilistic":
            shape = () if self.image is None else self.image.shape
            if len(shape) != 4 or not self.labels["index"].between(1, shape[3]).all():
                raise ValueError(f"atlas {self.name}: every region needs a map of a 4D image")
        if self.kind == "spheres" and self.radius is None:
            raise ValueError(f"atlas {self.name}: spheres need a radius in mm")
        if self.kind == "spheres" and not (self.radii > 0).all():
            raise ValueError(f"atlas {self.name}: radii are more than 0 mm")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """Region names, in the order of the features."""
        return tuple(self.labels["name"])

    @property
    def radii(self) -> np.ndarray:
        """Radius of each sphere in mm, NaN for regions that are no spheres."""
        if self.kind != "spheres":
            return np.full(len(self), np.nan)
        own = self.labels.get("radius", pd.Series(self.radius, self.labels.index))
        return own.to_numpy(dtype=np.float64)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides the regional values: voxels, maps or spheres, and names."""
        head = {
            "kind": self.kind,
            "names": list(self.names),
            "index": [int(i) for i in self.labels["index"]],
            "space": self.space,
            "radius": self.radius,
        }
        if self.kind == "spheres" and "radius" in self.labels:
            head["radius"] = self.radii.tolist()
        if self.kind == "probabilistic":
            head["sampling"] = self.sampling
        if self.image is not None:
            stored = np.int32 if self.kind == "deterministic" else np.float32
            where = [
                digest_array(np.asanyarray(self.image.dataobj).astype(stored, copy=False)),
                digest_array(np.asarray(self.image.affine, dtype=np.float64)),
            ]
        else:
            where = [digest_array(self.labels[["x", "y", "z"]].to_numpy(dtype=np.float64))]
        return digest(canonical_json(head), *where)

"""A division of the brain into regions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import nibabel as nib
import numpy as np
import pandas as pd

from lumbago.data.features import region_names
from lumbago.provenance import canonical_json, digest, digest_array


@dataclass(frozen=True, eq=False)
class Atlas:
    """Regions as labelled voxels or as spheres around coordinates.

    Parameters
    ----------
    name : str
        Name in file names and reports.
    kind : {"deterministic", "spheres"}
        Labelled voxels, or balls of `radius` around the coordinates of the table.
    labels : DataFrame
        One row per region in the order of the features: ``index`` (the voxels' label),
        ``name`` (unique, without ``:``, ``~``, ``.``), and where known ``hemisphere``,
        ``network``, ``x``, ``y``, ``z`` (mm).
    space : str
        Space the image or the coordinates lie in.
    image : Nifti1Image or None
        Integer labels, 0 outside; None for spheres.
    radius : float or None
        Radius of the spheres, in mm.
    about : dict
        Licence, citation, source.
    """

    name: str
    kind: Literal["deterministic", "spheres"]
    labels: pd.DataFrame
    space: str
    image: nib.Nifti1Image | None = None
    radius: float | None = None
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = list(self.labels["name"])
        if list(region_names(names)) != names:
            raise ValueError(
                f"atlas {self.name}: region names must be unique, without ':', '~', '.'"
            )
        if self.kind == "deterministic" and self.image is None:
            raise ValueError(f"atlas {self.name}: labelled voxels need an image")
        if self.kind == "spheres" and self.radius is None:
            raise ValueError(f"atlas {self.name}: spheres need a radius in mm")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """Region names, in the order of the features."""
        return tuple(self.labels["name"])

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the regional values: voxels or spheres, and names."""
        head = {
            "kind": self.kind,
            "names": list(self.names),
            "index": [int(i) for i in self.labels["index"]],
            "space": self.space,
            "radius": self.radius,
        }
        if self.image is not None:
            where = [
                digest_array(np.asanyarray(self.image.dataobj).astype(np.int32)),
                digest_array(np.asarray(self.image.affine, dtype=np.float64)),
            ]
        else:
            where = [digest_array(self.labels[["x", "y", "z"]].to_numpy(dtype=np.float64))]
        return digest(canonical_json(head), *where)

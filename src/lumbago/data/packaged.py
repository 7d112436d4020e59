"""Atlases that come with the package: where they lie, and how one is read."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from lumbago.data.atlas import Atlas
from lumbago.data.features import region_names
from lumbago.errors import InputError


def atlases_folder() -> Path:
    """Return the folder of the packaged atlases: inside the wheel, or at the checkout's root."""
    here = Path(__file__).resolve()
    for folder in (here.parents[1] / "atlases", here.parents[3] / "atlases"):
        if (folder / "lumbago200" / "atlas.json").is_file():
            return folder
    raise InputError("packaged atlases: not found beside the package; install lumbago again")


def packaged_names() -> tuple[str, ...]:
    """Return the names of the packaged atlases, sorted."""
    return tuple(sorted(p.parent.name for p in atlases_folder().glob("*/atlas.json")))


@lru_cache(maxsize=32)
def packaged_atlas(name: str, radius: float | None = None) -> Atlas:
    """Read a packaged atlas; the same object every time.

    Parameters
    ----------
    name : str
        One of :func:`packaged_names`.
    radius : float, optional
        Radius of the spheres in mm, where the atlas is one of spheres.
    """
    folder = atlases_folder() / name
    about = json.loads((folder / "atlas.json").read_text(encoding="utf-8"))
    if about["kind"] == "spheres":
        if (folder / "labels.tsv").is_file():
            return _places(folder, about, radius)
        return _spheres(about, about["radius"] if radius is None else radius)
    if radius is not None:
        raise InputError(f"atlas {name}: has labelled voxels; a radius belongs to spheres only")
    labels = pd.read_csv(folder / "labels.tsv", sep="\t", keep_default_na=False)
    content = gzip.decompress((folder / "dseg.nii.gz").read_bytes())
    image = nib.Nifti1Image.from_bytes(content)
    voxels = np.asarray(image.dataobj).astype("<i2")
    if hashlib.sha256(voxels.tobytes(order="C")).hexdigest() != about["sha256"]:
        raise InputError(f"atlas {name}: its voxels are not those of its atlas.json; reinstall")
    return Atlas(name, "deterministic", labels, about["space"], image, about=about)


def _places(folder: Path, about: dict[str, Any], radius: float | None) -> Atlas:
    """Spheres of a table of our own; one radius for all takes the place of each one's own."""
    labels = pd.read_csv(folder / "labels.tsv", sep="\t", keep_default_na=False)
    if radius is not None:
        labels = labels.drop(columns="radius")
    return Atlas(
        about["name"], "spheres", labels, about["space"], radius=radius or about["radius"],
        about=about,
    )  # fmt: skip


def _spheres(about: dict[str, Any], radius: float) -> Atlas:
    from nilearn import datasets

    fetch = about["coordinates"].rsplit(".", 1)[-1]
    if fetch == "fetch_coords_dosenbach_2010":
        source = datasets.fetch_coords_dosenbach_2010(ordered_regions=False)
        names = region_names(list(source.labels))
        networks = [str(n) for n in source.networks]
    else:
        source = datasets.fetch_coords_power_2011()
        names = tuple(f"Power_{i}" for i in source.rois["roi"])
        networks = [""] * len(names)
    at = source.rois[["x", "y", "z"]].to_numpy(dtype=float)
    labels = pd.DataFrame(
        {
            "index": np.arange(1, len(names) + 1),
            "name": names,
            "hemisphere": np.select([at[:, 0] < 0, at[:, 0] > 0], ["L", "R"], "M"),
            "network": networks,
            "x": at[:, 0],
            "y": at[:, 1],
            "z": at[:, 2],
        }
    )
    return Atlas(about["name"], "spheres", labels, about["space"], radius=radius, about=about)

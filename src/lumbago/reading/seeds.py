"""Seeds of connectivity maps: balls, mask images, regions of an atlas."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import nibabel as nib
import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field

from lumbago.data import Atlas
from lumbago.errors import InputError, ScanRejected
from lumbago.reading.atlases import AtlasRef, load_atlas, stamp
from lumbago.reading.images import read_image
from lumbago.spec import Spec

Coordinates = tuple[float, float, float]
"""x, y, z of a ball's centre, in mm."""
SeedName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class SeedMask(Spec):
    """The voxels of a mask image, brought to the data by nearest voxel."""

    image: str
    """3D image; what is more than 0 is the seed."""
    space: str = "unknown"
    """Space the image lies in."""


class SeedRegion(Spec):
    """One region of an atlas."""

    atlas: AtlasRef
    region: str
    """Its name there."""


AnySeed = Coordinates | SeedMask | SeedRegion
CATALOGUE = "pain_seeds"
"""The packaged atlas of places that matter in pain, each with its source."""


def _named(seeds: Any) -> Any:
    """Give a name of an atlas all its regions, and names alone their places in the catalogue."""
    if isinstance(seeds, str) and seeds in _known(CATALOGUE).names:
        seeds = [seeds]
    if isinstance(seeds, str):
        return {name: SeedRegion(atlas=seeds, region=name) for name in _known(seeds).names}
    if isinstance(seeds, list | tuple):
        known = _known(CATALOGUE)
        wrong = [name for name in seeds if name not in known.names]
        if wrong:
            raise ValueError(_no_region(known, wrong[0]))
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed stands twice")
        return {name: SeedRegion(atlas=CATALOGUE, region=name) for name in seeds}
    if isinstance(seeds, Mapping):  # JSON has no tuples, and strict reading ends here
        return {name: _placed(name, at) for name, at in seeds.items()}
    return seeds


def _placed(name: Any, at: Any) -> Any:
    if isinstance(at, list | tuple) and len(at) == 3:
        return tuple(at)
    if not isinstance(at, Mapping | Spec):
        raise ValueError(
            f"seed {name}: expected [x, y, z] in mm, {{image: mask.nii.gz}} or "
            f"{{atlas: lumbago200, region: LH_Default_1}}, got {at!r}"
        )
    return at


def _known(name: str) -> Atlas:
    try:
        return load_atlas(name)
    except InputError as error:
        raise ValueError(str(error)) from None


Seeds = Annotated[
    dict[SeedName, AnySeed],
    BeforeValidator(
        _named, json_schema_input_type=dict[SeedName, AnySeed] | list[SeedName] | SeedName
    ),
]
"""By name; or names of the catalogue; or the name of an atlas, for all its regions."""


def load_seeds(seeds: Mapping[str, AnySeed], radius: float, space: str) -> tuple[Atlas, ...]:
    """Return the seeds as atlases, whose regions bear the seeds' names.

    Parameters
    ----------
    seeds : mapping of name to seed
    radius : float
        Of the balls, in mm.
    space : str
        Space of the balls' coordinates.

    Raises
    ------
    InputError
        For masks that cannot be read or regions that no atlas has; every problem is listed.
    """
    centres = tuple((name, *at) for name, at in seeds.items() if isinstance(at, tuple))
    found = [_balls(centres, radius, space)] if centres else []
    regions: list[tuple[Atlas, dict[str, str]]] = []
    problems: list[str] = []
    for name, seed in seeds.items():
        try:
            if isinstance(seed, SeedMask):
                found.append(_mask(name, seed, stamp(seed.image)))
            elif isinstance(seed, SeedRegion):
                _gather(regions, name, load_atlas(seed.atlas), seed.region)
        except InputError as error:
            problems += [f"seed {name}: {problem}" for problem in error.problems]
    if problems:
        raise InputError(problems)
    return (*found, *(_some(atlas, tuple(named.items())) for atlas, named in regions))


@lru_cache(maxsize=32)
def _balls(
    centres: tuple[tuple[str, float, float, float], ...], radius: float, space: str
) -> Atlas:
    labels = pd.DataFrame(centres, columns=["name", "x", "y", "z"])
    labels.insert(0, "index", np.arange(1, len(labels) + 1))
    return Atlas("seeds", "spheres", labels, space, radius=radius)


@lru_cache(maxsize=256)
def _mask(name: str, seed: SeedMask, stamped: tuple[int, ...]) -> Atlas:
    path = Path(seed.image)
    try:
        image = read_image(path, ndim=3)
    except ScanRejected as rejected:
        raise InputError(f"mask {rejected.reason}") from None
    inside = np.asarray(image.dataobj) > 0
    if not inside.any():
        raise InputError(f"mask {path.name}: no voxel is more than 0")
    labels = pd.DataFrame({"index": [1], "name": [name]})
    marked = nib.Nifti1Image(inside.astype(np.uint8), image.affine)
    return Atlas(f"seed {name}", "deterministic", labels, seed.space, marked)


def _gather(
    regions: list[tuple[Atlas, dict[str, str]]], name: str, atlas: Atlas, region: str
) -> None:
    """Put a region beside others of its atlas, which are averaged in one go."""
    if region not in atlas.names:
        raise InputError(_no_region(atlas, region))
    for other, named in regions:
        if other is atlas and region not in named:  # a voxel is of one region only
            named[region] = name
            return
    regions.append((atlas, {region: name}))


def _no_region(atlas: Atlas, region: Any) -> str:
    near = difflib.get_close_matches(str(region), atlas.names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"the atlas {atlas.name} has no region {region!r}{hint}"


@lru_cache(maxsize=64)
def _some(atlas: Atlas, named: tuple[tuple[str, str], ...]) -> Atlas:
    """Return an atlas of some regions only, under the names of the seeds."""
    names = dict(named)
    labels = atlas.labels[atlas.labels["name"].isin(list(names))].reset_index(drop=True)
    labels["name"] = labels["name"].map(names)
    return replace(atlas, labels=labels)

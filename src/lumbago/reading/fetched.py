"""Published atlases through nilearn's fetchers, downloaded only where that is asked for."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from lumbago.data import Atlas
from lumbago.data.atlas import Sampling
from lumbago.data.features import region_names
from lumbago.errors import InputError
from lumbago.provenance import digest_file
from lumbago.reading.atlas_images import centres, divided, few, labelled, mapped
from lumbago.spec import Spec


class FetchedAtlas(Spec):
    """A published atlas, as nilearn fetches it."""

    fetch: Literal["schaefer", "aal", "harvard_oxford", "basc", "msdl", "difumo"]
    """Whose regions: labels, or weight maps (msdl, difumo, harvard_oxford's prob)."""
    options: dict[str, bool | int | str] = Field(default_factory=dict)
    """Arguments of nilearn's fetcher: ``{n_rois: 200}``, ``{dimension: 64}``."""
    data_dir: Path | None = None
    """nilearn's data folder; $NILEARN_DATA or ~/nilearn_data where it is not given."""
    download: bool = False
    """Whether files that are not there may be downloaded."""
    sampling: Sampling | None = None
    """How weight maps give regional values; ``weighted_mean`` where it is not given."""
    sha256: str | None = None
    """Of the image file; refused where it differs."""


@dataclass(frozen=True)
class _Fetcher:
    function: str
    options: Mapping[str, bool | int | str]
    """What may be chosen, with the defaults taken here."""
    folder: str
    """Folder inside nilearn's data folder."""
    files: tuple[str, ...]
    """Files inside it, with the options put in."""


_FETCHERS = {
    "schaefer": _Fetcher(
        "fetch_atlas_schaefer_2018", {"n_rois": 400, "yeo_networks": 7, "resolution_mm": 1},
        "schaefer_2018",
        ("Schaefer2018_{n_rois}Parcels_{yeo_networks}Networks_order.txt",
         "Schaefer2018_{n_rois}Parcels_{yeo_networks}Networks_order_FSLMNI152_{resolution_mm}mm"
         ".nii.gz"),
    ),
    "aal": _Fetcher("fetch_atlas_aal", {"version": "3v2"}, "aal_{version}", ()),
    "harvard_oxford": _Fetcher(
        "fetch_atlas_harvard_oxford",
        {"atlas_name": "cort-maxprob-thr25-2mm", "symmetric_split": False}, "fsl", (),
    ),
    "basc": _Fetcher(
        "fetch_atlas_basc_multiscale_2015", {"resolution": 122, "version": "sym"},
        "basc_multiscale_2015",
        ("template_cambridge_basc_multiscale_nii_{version}/"
         "template_cambridge_basc_multiscale_{version}_scale{resolution:03}.nii.gz",),
    ),
    "msdl": _Fetcher(
        "fetch_atlas_msdl", {}, "msdl_atlas",
        ("MSDL_rois/msdl_rois_labels.csv", "MSDL_rois/msdl_rois.nii"),
    ),
    "difumo": _Fetcher(
        "fetch_atlas_difumo", {"dimension": 64, "resolution_mm": 2}, "difumo_atlases",
        ("{dimension}/labels_{dimension}_dictionary.csv", "{dimension}/{resolution_mm}mm/"
         "maps.nii.gz", "README.md"),
    ),
}  # fmt: skip
_AAL = {
    "3v2": ("AAL3/AAL3v1.nii", "AAL3/AAL3v1.xml"),
    "SPM12": ("aal/atlas/AAL.nii", "aal/atlas/AAL.xml"),
    "SPM8": ("aal_for_SPM8/ROI_MNI_V4.nii", "aal_for_SPM8/ROI_MNI_V4.txt"),
    "SPM5": ("aal_for_SPM5/ROI_MNI_V4.nii", "aal_for_SPM5/ROI_MNI_V4.txt"),
}


def fetch_names() -> tuple[str, ...]:
    """Return the names of the atlases that can be fetched."""
    return tuple(_FETCHERS)


def fetch_options(name: str) -> dict[str, bool | int | str]:
    """Return what can be chosen of a fetched atlas, with its defaults."""
    return dict(_FETCHERS[name].options)


def fetched_atlas(ref: FetchedAtlas) -> Atlas:
    """Return a published atlas; read once.

    Raises
    ------
    InputError
        For unknown options, files that are not there and may not or cannot be downloaded,
        and files of another content than expected.
    """
    fetcher = _FETCHERS[ref.fetch]
    unknown = sorted(set(ref.options) - set(fetcher.options))
    if unknown:
        known = ", ".join(fetcher.options) or "none at all"
        raise InputError(f"atlas {ref.fetch}: no option {few(unknown)}; expected {known}")
    options = {**fetcher.options, **ref.options}
    files = _present(ref, options)
    stamps = tuple((s.st_size, s.st_mtime_ns, s.st_ino) for s in map(Path.stat, files))
    return _read(ref, stamps)


def _present(ref: FetchedAtlas, options: Mapping[str, Any]) -> list[Path]:
    """Find the files where nilearn keeps them; empty where they must be downloaded."""
    from nilearn.datasets import get_data_dirs

    folder = _FETCHERS[ref.fetch].folder.format(**options)
    wanted = _files(ref.fetch, options)
    for root in get_data_dirs(None if ref.data_dir is None else str(ref.data_dir)):
        found = [Path(root) / folder / file for file in wanted]
        if all(f.is_file() for f in found):
            return found
    if not ref.download:
        raise InputError(
            f"atlas {ref.fetch}: its files ({folder}/{few(wanted)}) are not in nilearn's data "
            "folder, and nothing is downloaded unasked; set download: true, or run "
            f"`lumbago atlas add NAME --fetch {ref.fetch}` once"
        )
    return []


def _files(name: str, options: Mapping[str, Any]) -> list[str]:
    if name == "aal":
        return list(_AAL.get(str(options["version"]), ("of no such version",)))
    if name == "harvard_oxford":
        which = str(options["atlas_name"])
        if options["symmetric_split"]:
            which = which.replace("cort-max", "cortl-max")
        kind = "Subcortical" if which.startswith("sub-") else "Cortical"
        kind += "-Lateralized" if which.startswith("cortl") else ""
        root = "data/atlases/HarvardOxford"
        return [f"{root}/HarvardOxford-{which}.nii.gz", f"{root}-{kind}.xml"]
    return [file.format(**options) for file in _FETCHERS[name].files]


@lru_cache(maxsize=8)
def _read(ref: FetchedAtlas, stamps: tuple[tuple[int, ...], ...]) -> Atlas:
    fetcher = _FETCHERS[ref.fetch]
    options = {**fetcher.options, **ref.options}
    bunch = _fetched(ref, fetcher, options)
    probabilistic = bunch["atlas_type"] == "probabilistic"
    if ref.sampling is not None and not probabilistic:
        raise InputError(f"atlas {ref.fetch}: consists of labels, which take no sampling:")
    sampling: Sampling | None = (ref.sampling or "weighted_mean") if probabilistic else None
    file = Path(bunch["filename"] if "filename" in bunch else bunch["maps"])
    found = digest_file(file)
    if ref.sha256 is not None and found != ref.sha256.lower():
        raise InputError(
            f"atlas {ref.fetch}: expected sha256 {ref.sha256} of {file.name}, got {found}"
        )
    if isinstance(bunch["maps"], str | Path):
        image, present = divided(Path(bunch["maps"]), sampling)
    else:
        array = np.asarray(bunch["maps"].dataobj)
        affine = np.asarray(bunch["maps"].affine, dtype=np.float64)
        image, present = (
            labelled(file.name, array, affine)
            if sampling is None
            else mapped(file.name, array, affine, sampling)
        )
    table = _maps_table(bunch, len(present)) if probabilistic else _labels_table(bunch)
    unnamed = sorted(set(present) - set(table["index"]))
    if unnamed:
        raise InputError(f"atlas {ref.fetch}: no name for {few(unnamed)} of {file.name}")
    # Some published tables name regions that their image has no voxel of.
    table = table[table["index"].isin(present)].reset_index(drop=True)
    table["name"] = region_names(table["name"].tolist())
    if probabilistic and "x" not in table:
        table[["x", "y", "z"]] = centres(image)[table["index"].to_numpy() - 1]
    space = str(bunch["template"]).rstrip("?")
    about = {
        "sha256": found, "kind": bunch["atlas_type"], "space": space,
        "source": f"nilearn.datasets.{fetcher.function}", "options": options,
    }  # fmt: skip
    name = "_".join([ref.fetch, *(f"{k}-{v}" for k, v in options.items())])
    return Atlas(
        name, "probabilistic" if probabilistic else "deterministic", table, space, image,
        about=about, sampling=sampling or "weighted_mean",
    )  # fmt: skip


def _fetched(ref: FetchedAtlas, fetcher: _Fetcher, options: Mapping[str, Any]) -> Mapping[str, Any]:
    from nilearn import datasets

    fetch: Callable[..., Mapping[str, Any]] = getattr(datasets, fetcher.function)
    where = None if ref.data_dir is None else str(ref.data_dir)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # labels without voxels are seen to here
            return fetch(**options, data_dir=where, verbose=0)
    except (ValueError, TypeError) as error:
        what = " ".join(str(error).split())
        raise InputError(f"atlas {ref.fetch}: {what}") from None
    except OSError as error:  # requests' exceptions are some
        if not ref.download:
            raise InputError(
                f"atlas {ref.fetch}: its files cannot be read ({type(error).__name__})"
            ) from None
        raise InputError(
            f"atlas {ref.fetch}: cannot be downloaded ({type(error).__name__}); without network, "
            f"copy the folder {fetcher.folder.format(**options)} from a machine that has it into "
            "data_dir:, or give image: and labels: of a local file"
        ) from None


def _labels_table(bunch: Mapping[str, Any]) -> pd.DataFrame:
    lut = bunch["lut"]
    table = pd.DataFrame({"index": lut["index"].astype(int), "name": lut["name"].astype(str)})
    table = table[table["index"] != 0].reset_index(drop=True)
    yeo = [re.fullmatch(r"(?:7|17)Networks_([LR])H_([^_]+)_.*", n) for n in table["name"]]
    if yeo and all(yeo):  # Schaefer's names tell hemisphere and network
        table["hemisphere"] = [m[1] for m in yeo if m]
        table["network"] = [m[2] for m in yeo if m]
        table["name"] = table["name"].str.replace(r"^\d+Networks_", "", regex=True)
    return table


def _maps_table(bunch: Mapping[str, Any], n_maps: int) -> pd.DataFrame:
    labels = bunch["labels"]
    table = pd.DataFrame({"index": np.arange(1, n_maps + 1)})
    if isinstance(labels, pd.DataFrame):
        table["name"] = labels["difumo_names"].astype(str).to_numpy()
        table["network"] = labels["yeo_networks7"].astype(str).to_numpy()
        return table
    names = [str(n) for n in labels]
    if len(names) == n_maps + 1 and names[0] == "Background":
        names = names[1:]
    if len(names) != n_maps:
        raise InputError(f"the atlas has {n_maps} maps and {len(names)} names; expected as many")
    table["name"] = names
    if "networks" in bunch:
        table["network"] = [str(n) for n in bunch["networks"]]
    if "region_coords" in bunch:
        table[["x", "y", "z"]] = np.asarray(bunch["region_coords"], dtype=float)
    return table

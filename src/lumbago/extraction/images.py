"""Measures of one scan outside any experiment, written as files that people open."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lumbago.data import Extraction, Scan
from lumbago.errors import InputError, ScanRejected
from lumbago.extraction.derivatives import (
    Source,
    atlas_entity,
    coverage_product,
    products,
    write_description,
    write_products,
)
from lumbago.extraction.kept import public_spec
from lumbago.extraction.wording import without_paths
from lumbago.extractors import VoxelExtractor
from lumbago.extractors.bands import to_filter
from lumbago.provenance import versions
from lumbago.reading.atlases import load_atlas
from lumbago.reading.length import check_length
from lumbago.reading.plausible import OneImage, implausible, on_grid_of, open_one, small_note
from lumbago.reading.recording import Recording
from lumbago.reading.sidecars import read_sidecar, repetition_time
from lumbago.reading.voxels import BoldSource
from lumbago.reading.walker import parse


@dataclass(frozen=True)
class Written:
    """What came of one scan: its files, what is to be known of them, what could not be had."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]
    rejected: Mapping[str, str]
    """Reason by kind."""


def extract_image(
    image: Path | str,
    extractors: Mapping[str, Any],
    output: Path | str,
    *,
    mask: Path | str | None = None,
    confounds: Path | str | None = None,
    t_r: float | None = None,
    voxel_size: Sequence[float] | None = None,
    space: str | None = None,
) -> Written:
    """Measure one 4D image and write maps, regional values and matrices.

    The repetition time is the given one, else that of a sidecar of the same name, else the
    header's. A short scan is measured and noted.

    Parameters
    ----------
    image : path
    extractors : mapping of name to Extractor
        As `chosen` makes them: maps are kept.
    output : path
    mask, confounds : path, optional
        Brain mask on the image's grid; fMRIPrep's table, or one regressor per column.
    t_r : float, optional
        Repetition time in seconds, in place of the header's.
    voxel_size : three floats, optional
        In mm, in place of the header's.
    space : str, optional
        Where the image lies, if its name does not say so.

    Raises
    ------
    InputError
        If nothing could be measured.
    """
    path = Path(image)
    regions = any(getattr(e, "atlas", None) for e in extractors.values())
    recording, one = open_image(
        path, mask=mask, confounds=confounds, t_r=t_r, voxel_size=voxel_size, space=space,
        regions=regions,
    )  # fmt: skip
    overrides: dict[str, Any] = {}
    if t_r is not None:
        overrides["RepetitionTime"] = {"Given": t_r, "Header": one.t_r}
    if voxel_size is not None:
        header = np.linalg.norm(one.affine[:3, :3], axis=0)
        overrides["VoxelSize"] = {"Given": list(voxel_size), "Header": header.tolist()}
    folder = Path(output)
    write_description(folder, {})
    written = _write(
        recording, extractors, folder, Source(path.name, (path.name,), space), overrides
    )
    if not written.files:
        reasons = "; ".join(dict.fromkeys(written.rejected.values()))
        raise InputError(f"{path.name}: {reasons}")
    return written


def open_image(
    image: Path | str,
    *,
    mask: Path | str | None = None,
    confounds: Path | str | None = None,
    t_r: float | None = None,
    voxel_size: Sequence[float] | None = None,
    space: str | None = None,
    regions: bool = False,
) -> tuple[Recording, OneImage]:
    """Open one 4D image as `extract_image` does, and what its header says of it.

    Parameters
    ----------
    regions : bool
        Whether regions will be laid on it, which needs to know left from right.

    Raises
    ------
    InputError
        If it cannot be read, or its header is not plausible.
    """
    path = Path(image)
    try:
        one = open_one(path, voxel_size=voxel_size)
        given = repetition_time(read_sidecar(_beside(path))) if t_r is None else t_r
        recording = Recording.from_image(
            one.image,
            mask_img=None if mask is None else on_grid_of(mask, one),
            confounds=confounds,
            t_r=given,
        )
        where = space or parse(path.name)[0].get("space")
        recording.scan = replace(recording.scan, space=where)
        recording.notes += _told(recording.source)
    except ScanRejected as rejected:
        raise InputError(rejected.reason) from None
    if not one.oriented and regions:
        raise InputError(
            f"{path.name}: nothing says which side is left, so regions cannot be placed; "
            "leave --atlas out, or set sform or qform from the original scan"
        )
    return recording, one


def extract_scan(
    scan: Scan, extractors: Mapping[str, Any], output: Path, source: Source
) -> Written:
    """Measure one scan of a dataset; a short one is noted, not refused."""
    try:
        recording = Recording(scan, min_minutes=0, min_volumes=2)
        grid = recording.source.shape, recording.source.affine
        doubts = implausible(*grid, oriented=True)
        if doubts:
            raise ScanRejected("E_GEOMETRY", f"{source.name}: the header has {doubts[0]}")
        recording.notes += _told(recording.source)
        return _write(recording, extractors, output, source, {})
    except ScanRejected as rejected:
        reason = without_paths(rejected.reason, tuple(scan.files.values()))
        return Written((), (), dict.fromkeys(extractors, reason))


def _told(source: BoldSource) -> list[str]:
    note = small_note(source.shape, source.affine)
    return [note] if note else []


def _write(
    recording: Recording,
    extractors: Mapping[str, Any],
    output: Path,
    source: Source,
    overrides: Mapping[str, Any],
) -> Written:
    from threadpoolctl import threadpool_limits

    files: list[Path] = []
    rejected: dict[str, str] = {}
    notes: dict[str, None] = {}
    coverage: dict[str, dict[str, float]] = {}
    whole: dict[str, dict[str, Any]] = {}
    place = tuple(recording.scan.files.values())
    for name, extractor in extractors.items():
        try:
            with threadpool_limits(1):
                extractor, found = _measured(extractor, recording)
                about, mask = _about(recording, extractor, overrides)
        except ScanRejected as error:
            rejected[name] = without_paths(error.reason, place)
            continue
        except ValueError as error:
            rejected[name] = without_paths(str(error), place)
            continue
        told = dict.fromkeys([*found.notes, *about["Notes"]])
        about["Notes"] = list(told)
        files += write_products(output, source, products(extractor, found, source, mask), about)
        notes |= told
        if found.coverage:
            shares = coverage.setdefault(atlas_entity(extractor), {})
            for region, share in found.coverage.items():
                shares[region] = min(shares.get(region, 1.0), share)
            whole.setdefault(atlas_entity(extractor), {**about, "Settings": {}})
            whole[atlas_entity(extractor)]["Settings"][name] = about["Settings"]
    for atlas, shares in coverage.items():
        # One table per atlas: of measures that see different voxels, the least counts.
        table = coverage_product(atlas, shares, source)
        files += write_products(output, source, [table], whole[atlas])
    return Written(tuple(files), tuple(notes), rejected)


def _measured(extractor: Any, recording: Recording) -> tuple[Any, Extraction]:
    """Measure; a scan too short for the default band is measured unfiltered, and that is noted."""
    try:
        return extractor, extractor.extract(recording)
    except ScanRejected as rejected:
        band = getattr(extractor, "band", None)
        chosen = "band" in extractor.model_fields_set
        if rejected.code != "E_CLEANING" or band is None or chosen:
            raise
        unfiltered = extractor.model_copy(update={"band": None})
        found = unfiltered.extract(recording)
        note = (
            f"{extractor.kind}: too few volumes for the band {band[0]:g} to {band[1]:g} Hz, so the "
            "unfiltered signals are measured; not to be compared with filtered ones"
        )
        return unfiltered, replace(found, notes=(note, *found.notes))


def _about(
    recording: Recording, extractor: Any, overrides: Mapping[str, Any]
) -> tuple[dict[str, Any], np.ndarray | None]:
    """Return what the sidecars say of how values were made, and the brain they were made in."""
    atlas = getattr(extractor, "atlas", None)
    if isinstance(extractor, VoxelExtractor):
        bands = extractor.passbands()
        signals = extractor.signals_of(recording, next(iter(bands.values())))
    else:
        band = getattr(extractor, "band", None)
        bands = getattr(extractor, "bands", None) or {"": band}
        passed = to_filter(next(iter(bands.values())), recording.t_r, extractor.kind)
        regions = None if atlas is None else load_atlas(atlas)
        signals = (
            recording.voxels(extractor.denoise, passed)
            if regions is None
            else recording.regions(regions, extractor.denoise, passed)
        )
    short = check_length(signals.n_kept, signals.t_r, min_minutes=0, min_volumes=0)
    about: dict[str, Any] = {
        "RepetitionTime": signals.t_r,
        "NumberOfVolumes": len(signals.values),
        "NumberOfVolumesKept": signals.n_kept,
        **_cost(recording, extractor, bands),
        "SpatialReference": recording.scan.space or "n/a",
        "Settings": json.loads(json.dumps(public_spec(extractor))),
        **({"Overrides": dict(overrides)} if overrides else {}),
        "Notes": [short] if short else [],
        "SoftwareVersions": versions(("lumbago", "numpy", "scipy", "nibabel", "nilearn")),
    }
    how = "butterworth" if extractor.denoise is None else extractor.denoise.filter
    filters = {
        f"Bandpass filter {name}".strip(): {"low": band[0], "high": band[1], "kind": how}
        for name, band in bands.items()
        if band is not None
    }
    if filters:
        about["SoftwareFilters"] = filters
    return about, signals.mask


def _cost(recording: Recording, extractor: Any, bands: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many degrees of freedom cleaning leaves, for each band if there are several."""
    left = {}
    for name, band in bands.items():
        passed = to_filter(band, recording.t_r if band else None, extractor.kind)
        cost = recording.freedom(extractor.denoise, passed)
        left[name] = round(cost.left, 1)
    return {
        "NumberOfConfounds": cost.n_confounds,
        "DegreesOfFreedomLeft": left if len(left) > 1 else next(iter(left.values())),
    }


def _beside(image: Path) -> Path:
    stem = image.name.removesuffix(".gz").removesuffix(".nii")
    return image.with_name(f"{stem}.json")

"""Quality of a run's scans: each scan's numbers, and how much of every edge follows motion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Atlas, Cohort, Dataset, FeatureTable
from lumbago.data.features import COVARIATE
from lumbago.errors import LumbagoError
from lumbago.experiment.folder import RunFolder
from lumbago.experiment.schema import Experiment
from lumbago.extractors import Quality
from lumbago.reading.atlases import load_atlas
from lumbago.reading.places import region_places
from lumbago.statistics.qc_fc import QcFc, qc_fc

MIN_PEOPLE = 20
"""Fewest people for QC-FC: with so many, an edge must reach \\|r\\| = 0.44 for p < 0.05, and with
fewer even a strong trace of motion is lost among what chance gives."""
MIN_FREEDOM = 10
"""Fewest degrees of freedom that people must leave once covariates are taken out."""
_KEY = "quality--"


def quality_extractors(experiment: Experiment, cohort: Cohort, used: list[str]) -> dict[str, Any]:
    """Return a `Quality` for each denoising of the features, the experiment's own first.

    A cohort without a scan that tells of motion gives none.
    """
    wanted = [experiment.main_denoise()]
    wanted += [getattr(experiment.features[key], "denoise", wanted[0]) for key in used]
    distinct = [Quality(denoise=d) for i, d in enumerate(wanted) if d not in wanted[:i]]
    there = [q for q in distinct if any(q.applies_to(scan) for scan in cohort.scans)]
    return {f"{_KEY}{i}": quality for i, quality in enumerate(there)}


def write_quality(
    folder: RunFolder,
    experiment: Experiment,
    cohort: Cohort,
    tables: Mapping[str, FeatureTable],
    quality: Mapping[str, FeatureTable],
    dataset: Dataset,
) -> None:
    """Write what the quality page is made of: ``quality.tsv``, ``qc_fc.tsv``, ``quality.json``."""
    folder.write_table("quality", scan_table(experiment, cohort, quality, dataset))
    about: dict[str, Any] = {}
    edges = []
    for name, table in _connectomes(tables):
        about[name], rows = _follow_motion(name, table, experiment, dataset)
        if rows is not None:
            edges.append(rows)
    columns = ["feature", "edge", "distance", "r", "p", "n"]
    folder.write_table(
        "qc_fc",
        pd.concat(edges, ignore_index=True) if edges else pd.DataFrame(columns=columns),
    )
    folder.write_json(
        "quality.json",
        {
            "qc_fc": about,
            "coverage": {k: c for k, t in tables.items() if (c := _coverage(t, dataset))},
            "min_people": MIN_PEOPLE,
        },
    )


def scan_table(
    experiment: Experiment, cohort: Cohort, quality: Mapping[str, FeatureTable], dataset: Dataset
) -> pd.DataFrame:
    """Return one row per analysed session and denoising; runs of a session are averaged."""
    target: Any = dataset.y
    if dataset.target.kind != "continuous":
        target = [dataset.target.classes[code] for code in dataset.y]
    head = pd.DataFrame({"site": dataset.site, "target": target}, index=dataset.X.index)
    parts = []
    for table in quality.values():
        values = table.values.rename(columns=lambda name: str(name).partition(".")[2])
        part = head.join(values.reindex(head.index).astype(float))
        part.insert(2, "denoise", denoise_name(experiment, table.spec.get("denoise")))
        parts.append(part)
    if not parts:
        columns = ["mean_fd", "n_volumes", "n_volumes_kept", "minutes_kept"]
        known = cohort.table.reindex(columns=columns, index=head.index).astype(float)
        parts = [head.assign(denoise="").join(known)]
    return pd.concat(parts).reset_index()


def denoise_name(experiment: Experiment, settings: Mapping[str, Any] | None) -> str:
    """Return the experiment's name of a denoising, or words of its settings."""
    for name, denoise in experiment.denoise.items():
        own = None if denoise is None else {**denoise.canonical()}
        given = None if settings is None else {**settings}
        for one in (own, given):
            if one is not None:
                one.pop("version", None)
        if own == given:
            return name
    if settings is None:
        return "none"
    scrub = settings.get("scrub")
    limit = "" if not scrub or scrub.get("fd") is None else f", FD {scrub['fd']:g} mm"
    return f"{settings['strategy']}{limit}"


def _connectomes(tables: Mapping[str, FeatureTable]) -> Iterator[tuple[str, FeatureTable]]:
    """Yield the edges of every connectome, each band by itself; variances are no edges."""
    for key, table in tables.items():
        if table.spec.get("kind") != "connectome":
            continue
        variants = pd.Index([str(c).partition(":")[0] for c in table.values.columns])
        for name in dict.fromkeys(variants):
            columns = table.values.columns[variants == name]
            pairs = [c.partition(":")[2].partition("~") for c in columns]
            edges = [c for c, (a, tie, b) in zip(columns, pairs, strict=True) if tie and a != b]
            if edges:
                yield name, FeatureTable(key, table.values[edges], table.spec)


def _follow_motion(
    name: str, table: FeatureTable, experiment: Experiment, dataset: Dataset
) -> tuple[dict[str, Any], pd.DataFrame | None]:
    """Return the summary of one connectome's QC-FC and its edges, or why there is none."""
    spec = dict(table.spec)
    about = {
        "spec": spec,
        "denoise": denoise_name(experiment, spec.get("denoise")),
        "n_edges": table.values.shape[1],
    }
    people, motion, covariates, told = _people(dataset)
    if motion is None:
        return about | {"not_available": "no mean_fd"}, None
    freedom = len(people) - covariates.shape[1] - 2
    if len(people) < MIN_PEOPLE or freedom < MIN_FREEDOM:
        reason = f"{len(people)} people with mean_fd, at least {MIN_PEOPLE} are needed"
        if len(people) >= MIN_PEOPLE:
            reason = f"{len(people)} people are too few for {covariates.shape[1]} covariates"
        return about | {"not_available": reason}, None
    values = table.values.reindex(people).to_numpy()
    edges = [str(c).partition(":")[2] for c in table.values.columns]
    distances, why = _distances(edges, table.key, experiment)
    try:
        found = qc_fc(values, motion, distances, covariates)
    except ValueError as error:
        return about | {"not_available": str(error)}, None
    about |= {"n_people": len(people), "covariates": told, **_summary(found)}
    if why:
        about["no_distances"] = why
    rows = pd.DataFrame(
        {
            "feature": name,
            "edge": edges,
            "distance": np.nan if distances is None else np.round(distances, 2),
            "r": np.round(found.r, 6),
            "p": [float(f"{p:.4g}") for p in found.p],
            "n": found.n,
        }
    )
    return about, rows


def _summary(found: QcFc) -> dict[str, Any]:
    numbers = {k: v for k, v in asdict(found).items() if not isinstance(v, np.ndarray)}
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v
            for k, v in numbers.items()}  # fmt: skip


def _people(
    dataset: Dataset,
) -> tuple[pd.Index, np.ndarray | None, np.ndarray, list[str]]:
    """Return each person's first session, mean_fd, and age, sex and site as numbers.

    A covariate that somebody lacks is left out: leaving people out instead would compare
    other people than were analysed.
    """
    table = dataset.X[[c for c in dataset.X if str(c).startswith(COVARIATE)]]
    table = table.rename(columns=lambda c: str(c).removeprefix(COVARIATE)).assign(site=dataset.site)
    table = table[~pd.MultiIndex.from_tuples([row[:2] for row in table.index]).duplicated()]
    none = np.empty((len(table), 0))
    if "mean_fd" not in table:
        return table.index, None, none, []
    table = table[table["mean_fd"].astype(float).notna()]
    if not len(table):
        return table.index, None, none, []
    columns, told = [], []
    for name in ("age", "sex", "site"):
        if name not in table or table[name].isna().any() or table[name].nunique() < 2:
            continue
        told.append(name)
        if pd.api.types.is_numeric_dtype(table[name]):
            columns.append(table[[name]].to_numpy(dtype=float))
        else:
            dummies = pd.get_dummies(table[name].astype(str), drop_first=True, dtype=float)
            columns.append(dummies.to_numpy())
    covariates = np.column_stack(columns) if columns else np.empty((len(table), 0))
    return table.index, table["mean_fd"].to_numpy(dtype=float), covariates, told


def _distances(edges: list[str], key: str, experiment: Experiment) -> tuple[np.ndarray | None, str]:
    """Return the distance of each edge's regions in mm, or why it is unknown."""
    refs = [getattr(experiment.features[key], "atlas", None)]
    refs += [getattr(cohort, "atlas", None) for cohort in experiment.cohorts.values()]
    ref = next((r for r in refs if r is not None), None)
    if ref is None:
        return None, "no atlas tells where the regions lie"
    try:
        atlas: Atlas = load_atlas(ref)
    except LumbagoError:
        return None, "the atlas cannot be read"
    place = dict(zip(atlas.names, region_places(atlas), strict=True))
    nowhere = np.full(3, np.nan)
    ends = [edge.partition("~")[::2] for edge in edges]
    one = np.array([place.get(a, nowhere) for a, _ in ends])
    other = np.array([place.get(b, nowhere) for _, b in ends])
    found = np.linalg.norm(one - other, axis=1)
    if not np.isfinite(found).any():
        return None, f"the regions are none of the atlas {atlas.name}"
    return found, ""


def _coverage(table: FeatureTable, dataset: Dataset) -> dict[str, Any]:
    """Return the median coverage of every region, and in how many samples it is below half."""
    if table.coverage is None:
        return {}
    shares = table.coverage.reindex(dataset.X.index)
    return {
        str(region): [round(float(values.median()), 4), int((values < 0.5).sum())]
        for region, values in shares.items()
        if values.notna().any()
    }

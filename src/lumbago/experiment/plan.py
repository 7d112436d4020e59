"""What a run would do: counts, cost, and who cannot take part. Nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Cohort, Extraction, FeatureTable, Scan
from lumbago.data.features import INDEX
from lumbago.errors import InputError
from lumbago.experiment.checks import features_used
from lumbago.experiment.cohorts import of_cohort, read_cohort, simulated_folder
from lumbago.experiment.costs import (
    BYTES_PER_VALUE,
    COPIES,
    SECONDS_TO_READ,
    SECONDS_TO_SIMULATE,
    n_features,
    n_regions,
    scan_shape,
    scan_size,
    seconds_of_graphs,
    seconds_of_voxels,
    simulated_shape,
    simulated_size,
)
from lumbago.experiment.excluded import counted_reasons
from lumbago.experiment.fit_costs import fits_of, seconds_of
from lumbago.experiment.grid import grid_of, unit_key
from lumbago.experiment.loading import Loaded, load
from lumbago.experiment.locking import locks_of
from lumbago.experiment.run import default_output, default_store, keep_apart, samples_of
from lumbago.experiment.schema import Experiment
from lumbago.experiment.twins import without_twins
from lumbago.extraction import gather, look_up
from lumbago.reading.length import MIN_MINUTES, MIN_VOLUMES
from lumbago.simulation import SimulatedCohort
from lumbago.store import Store


@dataclass(frozen=True)
class FeaturePlan:
    """What a feature asks for: scans in all, in the store, to compute, rejected before."""

    key: str
    kind: str
    scans: int
    stored: int
    rejected: int

    @property
    def missing(self) -> int:
        """Scans to measure."""
        return self.scans - self.stored - self.rejected


@dataclass(frozen=True)
class TargetPlan:
    """What a target asks for; `sure` is False while features are missing."""

    name: str
    samples: int
    participants: int
    units: int
    stored: int
    fits: int
    sure: bool
    not_available: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run would do.

    Parameters
    ----------
    cohorts : DataFrame
        name, kind, participants, sessions, scans, excluded.
    simulated : dict of str to dict
        Simulated cohorts that are still to be written, with n_participants, n_scans, bytes.
    excluded : DataFrame
        Who is left out before measuring: cohort, code, reason, n.
    features, targets : tuple
    seconds, memory, disk : float
        Estimates: core seconds, bytes per process, bytes to be written.
    notes : tuple of str
    """

    name: str
    cohorts: pd.DataFrame
    simulated: dict[str, dict[str, int]]
    excluded: pd.DataFrame
    features: tuple[FeaturePlan, ...]
    targets: tuple[TargetPlan, ...]
    seconds: float
    memory: float
    disk: float
    notes: tuple[str, ...] = ()


def plan_experiment(
    path: str | Path, *, output: str | Path | None = None, store: str | Path | None = None
) -> Plan:
    """Find scans, hash them, ask the store, and estimate the cost of what is missing.

    Parameters
    ----------
    path : path
        A YAML file.
    output, store : path, optional
        As for a run.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If a run could not start either.
    """
    loaded = load(path)
    experiment = loaded.experiment
    folder = Path(output) if output is not None else default_output(experiment.name)
    kept = Store(store if store is not None else default_store(folder))
    keep_apart(folder, kept.root, experiment)
    cohorts, simulated = _cohorts(experiment, kept.root)
    extractors = {key: experiment.features[key] for key in features_used(experiment)}
    alone = without_twins(list(cohorts.values()), extractors, kept)
    cohorts = dict(zip(cohorts, alone, strict=True))
    seconds = disk = 0.0
    memory = 0.0
    for name, size in simulated.items():
        spec = experiment.cohorts[name]
        volume = simulated_size(spec)
        seconds += size["n_scans"] * volume * SECONDS_TO_SIMULATE
        disk += size["bytes"]
    rows = []
    for name in experiment.cohorts:
        cohort = cohorts.get(name)
        if cohort is None:
            size = simulated[name]
            rows.append(
                (name, "simulated", size["n_participants"], size["n_scans"], size["n_scans"], 0)
            )
        else:
            kind = experiment.cohorts[name].kind
            rows.append(
                (name, kind, len(cohort.participants), len(cohort.sessions), len(cohort.scans),
                 len(cohort.excluded))
            )  # fmt: skip
    columns = ["name", "kind", "participants", "sessions", "scans", "excluded"]
    table = pd.DataFrame(rows, columns=columns)
    pooled = Cohort.pool(list(cohorts.values())) if cohorts else None
    features, tables, cost = _features(experiment, pooled, simulated, kept)
    seconds += cost["seconds"]
    disk += cost["disk"]
    memory = max(memory, cost["memory"])
    targets: list[TargetPlan] = []
    notes = [note for cohort in cohorts.values() for note in _too_short(cohort)]
    if pooled is not None and not simulated:
        for name in experiment.evaluation.targets:
            planned, spent = _target(loaded, pooled, tables, features, name, kept)
            targets.append(planned)
            seconds += spent
    else:
        notes.append(
            "units are counted once the simulated cohorts are written; the first run does that"
        )
    return Plan(
        name=experiment.name,
        cohorts=table,
        simulated=simulated,
        excluded=counted_reasons(cohorts),
        features=features,
        targets=tuple(targets),
        seconds=seconds,
        memory=memory,
        disk=disk,
        notes=tuple(notes),
    )


def _cohorts(
    experiment: Experiment, workspace: Path
) -> tuple[dict[str, Cohort], dict[str, dict[str, int]]]:
    found, simulated, problems = {}, {}, []
    for name, spec in sorted(experiment.cohorts.items()):
        unwritten = (
            isinstance(spec, SimulatedCohort) and not simulated_folder(spec, workspace).exists()
        )
        if unwritten:
            simulated[name] = spec.size()
            continue
        try:
            found[name] = read_cohort(
                name, spec, workspace=workspace, denoise=experiment.main_denoise()
            )
        except InputError as error:
            problems += [of_cohort(name, problem) for problem in error.problems]
    if problems:
        raise InputError(problems)
    return found, simulated


def _too_short(cohort: Cohort) -> list[str]:
    """Tell how many sessions cannot be measured, as far as their motion tables tell it."""
    table = cohort.sessions
    if not {"n_volumes_kept", "minutes_kept"} <= set(table):
        return []
    short = (table["n_volumes_kept"] < MIN_VOLUMES) & ~(table["minutes_kept"] >= MIN_MINUTES)
    if not short.any():
        return []
    return [
        f"{cohort.name}: {int(short.sum())} of {len(table)} sessions will be rejected: fewer than "
        f"{MIN_MINUTES:g} minutes and {MIN_VOLUMES} volumes are left after scrubbing (E_SHORT)"
    ]


def _features(
    experiment: Experiment,
    cohort: Cohort | None,
    simulated: Mapping[str, Mapping[str, int]],
    store: Store,
) -> tuple[tuple[FeaturePlan, ...], dict[str, FeatureTable], dict[str, float]]:
    used = {key: experiment.features[key] for key in features_used(experiment)}
    measured = {k: e for k, e in used.items() if not hasattr(e, "extract_table")}
    scans = cohort.scans if cohort is not None else ()
    wanted = [(s, k) for s in scans for k, e in measured.items() if e.applies_to(s)]
    _, found = look_up(wanted, measured, store)
    plans, tables = [], {}
    cost = {"seconds": 0.0, "disk": 0.0, "memory": 0.0}
    busy: dict[int, Scan] = {}
    new_scans = sum(size["n_scans"] for size in simulated.values())
    for key, extractor in used.items():
        if key not in measured:
            if cohort is not None:
                tables[key] = extractor.extract_table(cohort, key)
            plans.append(FeaturePlan(key, extractor.kind, 0, 0, 0))
            continue
        of_key = [s for s, k in wanted if k == key]
        there = [(s, found[id(s), key]) for s in of_key if (id(s), key) in found]
        stored = sum(isinstance(v, Extraction) for _, v in there)
        plan = FeaturePlan(
            key, extractor.kind, len(of_key) + new_scans, stored, len(there) - stored
        )
        plans.append(plan)
        if of_key and len(there) == len(of_key):
            tables[key] = gather(key, extractor, there)
        lacking = [s for s in of_key if (id(s), key) not in found]
        busy.update({id(s): s for s in lacking})
        cost["seconds"] += sum(
            seconds_of_voxels(extractor.kind, *scan_shape(s)) for s in lacking
        ) + sum(
            size["n_scans"]
            * seconds_of_voxels(extractor.kind, *simulated_shape(experiment.cohorts[name]))
            for name, size in simulated.items()
        )
        cost["seconds"] += sum(
            seconds_of_graphs(extractor, n_regions(extractor, s)) for s in lacking
        )
        cost["seconds"] += new_scans * seconds_of_graphs(extractor, n_regions(extractor))
        cost["disk"] += plan.missing * (n_features(extractor) * BYTES_PER_VALUE + 4096)
        if getattr(extractor, "keep_maps", False):
            cost["disk"] += sum(map(scan_size, lacking)) / 100 * BYTES_PER_VALUE
    sizes = [scan_size(s) for s in busy.values()]
    sizes += [simulated_size(experiment.cohorts[n]) for n in simulated]
    cost["memory"] = 3e8 + COPIES * BYTES_PER_VALUE * max(sizes, default=0)
    reading = sum(scan_size(s) for s in busy.values()) + sum(
        size["n_scans"] * simulated_size(experiment.cohorts[n]) for n, size in simulated.items()
    )
    cost["seconds"] += reading * SECONDS_TO_READ
    return tuple(plans), tables, cost


def _target(
    loaded: Loaded,
    cohort: Cohort,
    tables: Mapping[str, FeatureTable],
    features: tuple[FeaturePlan, ...],
    name: str,
    store: Store,
) -> tuple[TargetPlan, float]:
    experiment = loaded.experiment
    sure = all(f.key in tables for f in features)
    if sure:
        known: Mapping[str, FeatureTable] = tables
    else:
        known = {f.key: tables.get(f.key) or _stand_in(f.key, cohort, experiment) for f in features}
    dataset = samples_of(experiment, cohort, known, name).dataset
    locks = locks_of(experiment, dataset, loaded.folder)
    grid = grid_of(experiment, locks.dataset)
    units = [*grid.units, *(unit for look in locks.looks for unit in look.grid.units)]
    stored = [sure and store.has(unit_key(unit)) for unit in units]
    continuous = dataset.target.kind == "continuous"
    seconds = 0.0
    for unit, there in zip(units, stored, strict=True):
        if not there:
            seconds += seconds_of(unit, continuous=continuous)
    fits = sum(
        fits_of(u, continuous=continuous)
        for u, there in zip(units, stored, strict=True)
        if not there
    )
    return (
        TargetPlan(
            name=name,
            samples=len(dataset),
            participants=len(np.unique(dataset.groups)),
            units=len(units),
            stored=sum(stored),
            fits=fits,
            sure=sure,
            not_available=dict(grid.not_available) | locks.closed,
            notes=(*dataset.notes, *grid.notes),
        ),
        seconds,
    )


def _stand_in(key: str, cohort: Cohort, experiment: Experiment) -> FeatureTable:
    """Return a table that says only which sessions have a scan, to count what is to come."""
    extractor: Any = experiment.features[key]
    scans = [s for s in cohort.scans if extractor.applies_to(s)]
    index = sorted({s.index for s in scans})
    n = min(n_features(extractor, scans[0] if scans else None), 50_000)
    columns = pd.Index([f"{key}:{i}" for i in range(n)], dtype=object)
    values = np.zeros((len(index), n), dtype=np.float32)
    rows = pd.MultiIndex.from_tuples(index, names=list(INDEX))
    return FeatureTable(key, pd.DataFrame(values, index=rows, columns=columns), {})

"""The tables and the description of one target's run, as files of its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Cohort, Dataset, FeatureTable
from lumbago.data.features import COVARIATE, INDEX, REJECTED_COLUMNS
from lumbago.evaluation.result import Result
from lumbago.experiment.folder import SCHEMA, RunFolder
from lumbago.experiment.grid import Grid
from lumbago.experiment.loading import Loaded
from lumbago.experiment.locking import Locks
from lumbago.experiment.samples import Samples
from lumbago.experiment.schema import Experiment
from lumbago.experiment.sweeps import run_sweeps
from lumbago.provenance import versions


def write_run(
    folder: RunFolder,
    loaded: Loaded,
    cohorts: Sequence[Cohort],
    tables: Mapping[str, FeatureTable],
    samples: Samples,
    grid: Grid,
    result: Result,
    locks: Locks,
    *,
    damaged: int = 0,
) -> None:
    """Write the tables of one target; ``run.json`` comes last, so that it means a whole run."""
    experiment = loaded.experiment
    dataset = seen_by(locks, samples.dataset)
    changed = [note for look in locks.looks if (note := look.write_scores(result))]
    folder.write_table("participants", participants_of(cohorts, dataset))
    folder.write_table("exclusions", exclusions_of(cohorts, tables, samples))
    splits = grid.splits_json(locks.dataset)
    for look in locks.looks:
        splits += look.grid.splits_json(look.dataset)
    folder.write_json("splits.json", {"schemes": splits})
    folder.write_result(result)
    sweeps = run_sweeps(tables, dataset)
    if sweeps is not None:
        folder.write_table("sweeps", sweeps)
    metrics = grid.metrics
    folder.write_table("scores", result.scores(metrics))
    notes = [*(f"{c.name}: {note}" for c in cohorts for note in c.notes), *result.notes]
    notes += [f"{name}: {reason}" for name, reason in locks.closed.items()] + changed
    if damaged:
        notes.append(f"{damaged} damaged entries of the store were computed again")
    target = dataset.target
    about = {
        "schema": SCHEMA,
        "name": experiment.name,
        "question": experiment.question,
        "hash": loaded.digest,
        "data": dataset.digest,
        "seed": experiment.seed,
        "versions": versions(),
        "experiment": loaded.public,
        "cohorts": [_cohort_json(c, experiment) for c in cohorts],
        "features": {key: _feature_json(key, t, experiment) for key, t in tables.items()},
        "target": {
            "name": target.name,
            "kind": target.kind,
            "classes": list(target.classes),
            "positive": target.positive,
            "column": experiment.targets[target.name].column,
        },
        "baselines_missing": dict(grid.not_available) | locks.closed,
        "looks": [look.as_json() for look in locks.looks],
        "notes": list(dict.fromkeys(notes)),
    }
    folder.write_json("run.json", about)


def seen_by(locks: Locks, dataset: Dataset) -> Dataset:
    """Return the samples that a run may show: all but those of cohorts that stay locked."""
    shown = np.isin(dataset.cohort, [*np.unique(locks.dataset.cohort), *locks.shown])
    return dataset.take(np.flatnonzero(shown)) if not shown.all() else dataset


def participants_of(cohorts: Sequence[Cohort], dataset: Dataset) -> pd.DataFrame:
    """Return one row per analysed sample: who, site, target, covariates; no other column."""
    table = dataset.X[[COVARIATE + c for c in dataset.covariates if c != "site"]]
    table = table.rename(columns=lambda name: name.removeprefix(COVARIATE))
    true: Any = dataset.y
    if dataset.target.kind != "continuous":
        true = [dataset.target.classes[code] for code in dataset.y]
    table.insert(0, "site", dataset.site)
    table.insert(1, "target", true)
    motion = Cohort.pool(cohorts).table.reindex(dataset.X.index)
    for name in ("n_volumes", "n_volumes_kept", "minutes_kept", "dof_left"):
        if name in motion and motion[name].notna().any():
            table[name] = motion[name]
    return table.reset_index()


def exclusions_of(
    cohorts: Sequence[Cohort], tables: Mapping[str, FeatureTable], samples: Samples
) -> pd.DataFrame:
    """Return who is missing and why: before measuring, while measuring, and after."""
    parts = [
        *(cohort.excluded for cohort in cohorts),
        *(table.rejected for table in tables.values()),
        samples.excluded,
    ]
    parts = [part[list(REJECTED_COLUMNS)] for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=list(REJECTED_COLUMNS))
    rows = pd.concat(parts, ignore_index=True).drop_duplicates()
    return rows.sort_values([*INDEX, "run", "feature", "code"], ignore_index=True)


def _cohort_json(cohort: Cohort, experiment: Experiment) -> dict[str, Any]:
    spec = experiment.cohorts[cohort.name]
    spaces = sorted({s.space for s in cohort.scans if s.space})
    return {
        "name": cohort.name,
        "kind": spec.kind,
        "space": ", ".join(spaces),
        "n_participants": len(cohort.participants),
        "n_sessions": len(cohort.sessions),
        "n_scans": len(cohort.scans),
        "notes": list(cohort.notes),
    }


def _feature_json(key: str, table: FeatureTable, experiment: Experiment) -> dict[str, Any]:
    return {
        "spec": dict(table.spec),
        "references": list(type(experiment.features[key]).references),
        "n_features": table.values.shape[1],
        "n_samples": len(table.values),
        "n_rejected": len(table.rejected),
        "notes": list(table.notes),
    }

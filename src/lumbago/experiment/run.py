"""Run an experiment: only what the store lacks is computed, and every piece is kept at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Cohort, Dataset, FeatureTable, html
from lumbago.data.features import COVARIATE, INDEX, REJECTED_COLUMNS
from lumbago.errors import InputError, ScanRejected
from lumbago.evaluation.result import Result
from lumbago.experiment.checks import features_used
from lumbago.experiment.cohorts import read_cohorts
from lumbago.experiment.folder import SCHEMA, RunFolder
from lumbago.experiment.grid import Grid, compute, grid_of
from lumbago.experiment.loading import Loaded, load
from lumbago.experiment.locking import Locks, check_unlock, locks_of
from lumbago.experiment.samples import Samples, gather_samples
from lumbago.experiment.schema import Experiment
from lumbago.experiment.twins import without_twins
from lumbago.extraction import extract
from lumbago.provenance import versions
from lumbago.simulation import SimulatedCohort
from lumbago.store import Store

Progress = Callable[[str, int, int, str], None]
"""Called with stage, number done, number of all, and what was done last."""

BY_RULE = ("E_KEEP", "E_WHERE", "E_TARGET_LEVEL")
"""Codes of who is left out because the experiment says so, not because something is wrong."""


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run.

    Parameters
    ----------
    name : str
        Of the experiment.
    folders : tuple of RunFolder
        One per target.
    """

    name: str
    folders: tuple[RunFolder, ...]

    @property
    def results(self) -> dict[str, Result]:
        """Result of each target, by name."""
        return {folder.run["target"]["name"]: folder.result for folder in self.folders}

    @property
    def failures(self) -> pd.DataFrame:
        """Who is missing for another reason than a rule of the experiment."""
        tables = [folder.exclusions for folder in self.folders]
        rows = pd.concat(tables, ignore_index=True).drop_duplicates(ignore_index=True)
        return rows[~rows["code"].isin(BY_RULE)]

    def _repr_html_(self) -> str:
        """Scores of every target and where its report lies, for notebooks."""
        parts = []
        for folder in self.folders:
            parts.append(folder.result._repr_html_())
            if folder.report.is_file():
                parts.append(html.line(f"Report: {folder.path.name}/{folder.report.name}"))
        facts = (html.count(len(self.folders), "target"),)
        missing = html.left_out(self.failures, "scans without a feature, and people left out")
        return html.card("Run", self.name, facts, *parts, missing)


def default_output(name: str) -> Path:
    """Return the run folder of an experiment where none is asked for."""
    return Path("runs") / name


def default_store(output: Path) -> Path:
    """Return ``$LUMBAGO_STORE``, or ``store`` beside the run folder."""
    named = os.environ.get("LUMBAGO_STORE")
    return Path(named) if named else output.parent / "store"


def run_experiment(
    path: str | Path,
    *,
    output: str | Path | None = None,
    store: str | Path | None = None,
    n_jobs: int = 1,
    rehash: bool = False,
    unlock: Sequence[str] = (),
    progress: Progress | None = None,
) -> Run:
    """Run an experiment file and write its tables; see `lumbago.run`, which adds the report."""
    loaded = load(path)
    experiment = loaded.experiment
    folder = Path(output) if output is not None else default_output(experiment.name)
    kept = Store(store if store is not None else default_store(folder), rehash=rehash)
    keep_apart(folder, kept.root, experiment)
    check_unlock(experiment, unlock)
    cohorts = read_cohorts(experiment, kept.root, n_jobs=n_jobs, progress=progress)
    extractors = {key: experiment.features[key] for key in features_used(experiment)}
    cohorts = without_twins(cohorts, extractors, kept)
    cohort = Cohort.pool(cohorts)

    def measured(done: int, total: int, what: str) -> None:
        if progress is not None:
            progress("measuring", done, total, what)

    tables = extract(
        cohort,
        extractors,
        store=kept,
        n_jobs=n_jobs,
        progress=measured,
    )
    targets = experiment.evaluation.targets
    several = len(targets) > 1
    folders = []
    for target in targets:
        samples = samples_of(experiment, cohort, tables, target)
        locks = locks_of(experiment, samples.dataset, loaded.folder, unlock)
        grid = grid_of(experiment, locks.dataset)
        if not grid.units and not locks.looks:
            raise InputError([f"{name}: {reason}" for name, reason in locks.closed.items()])
        for look in locks.looks:
            look.write(loaded)
        result = compute(
            grid, locks.dataset, kept, n_jobs=n_jobs, progress=progress,
            beside=[(look.grid, look.dataset) for look in locks.looks],
        )  # fmt: skip
        at = RunFolder(folder / target if several else folder)
        write_run(
            at, loaded, cohorts, tables, samples, grid, result, locks, damaged=len(kept.corrupt)
        )
        folders.append(RunFolder(at.path))
    return Run(experiment.name, tuple(folders))


def samples_of(
    experiment: Experiment, cohort: Cohort, tables: Mapping[str, FeatureTable], target: str
) -> Samples:
    """Return the dataset of one target, with every feature set that a model of it runs on."""
    wanted: dict[str, None] = {}
    for model in experiment.models.values():
        for feature in model.features or ():
            if feature.startswith(COVARIATE):
                wanted[feature.removeprefix(COVARIATE)] = None
    for steps in experiment.steps.values():
        for step in steps:
            wanted.update(dict.fromkeys(getattr(step, "reads", ())))
    for model in experiment.models.values():
        if isinstance(model.preparation, tuple):
            for step in model.preparation:
                wanted.update(dict.fromkeys(getattr(step, "reads", ())))
    # A baseline without its column is shown as not available; it stops nothing.
    there = [c for c in experiment.evaluation.clinical if c in cohort.table]
    wanted.update(dict.fromkeys(there))
    for scheme in experiment.evaluation.schemes:
        if matched := getattr(scheme, "matched", None):
            wanted.update(dict.fromkeys([*matched.on, *matched.exact]))
    wanted.pop("cohort", None)  # every dataset has it, and no table need have a column of it
    sets = {**{key: [key] for key in tables}, **experiment.grid}
    return gather_samples(
        cohort,
        tables,
        target,
        experiment.targets,
        covariates=list(wanted),
        groups=experiment.evaluation.groups,
        feature_sets={
            name: inside for name, inside in sets.items() if all(key in tables for key in inside)
        },
    )


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
    for name in ("n_volumes", "n_volumes_kept", "minutes_kept"):
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


def keep_apart(folder: Path, store: Path, experiment: Experiment) -> None:
    """Refuse to write into the folders that are read."""
    for name, cohort in experiment.cohorts.items():
        for field in ("derivatives", "raw", "folder"):
            value = getattr(cohort, field, None)
            if value is None or isinstance(cohort, SimulatedCohort):
                continue
            source = Path(value).resolve()
            for what, place in (("output", folder), ("store", store)):
                here = place.resolve()
                if here == source or source in here.parents:
                    raise InputError(
                        f"cohort {name}: the {what} {place} lies inside its {field}; "
                        f"results never go beside the data, choose another --{what}"
                    )


__all__ = ["Progress", "Run", "ScanRejected", "default_output", "default_store", "run_experiment"]

"""Run an experiment: only what the store lacks is computed, and every piece is kept at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lumbago.data import Cohort, FeatureTable, html
from lumbago.data.features import COVARIATE
from lumbago.errors import InputError, ScanRejected
from lumbago.evaluation.result import Result
from lumbago.experiment.checks import features_used
from lumbago.experiment.cohorts import read_cohorts
from lumbago.experiment.folder import RunFolder
from lumbago.experiment.grid import compute, grid_of
from lumbago.experiment.loading import load
from lumbago.experiment.locking import check_unlock, locks_of
from lumbago.experiment.quality import quality_extractors, write_quality
from lumbago.experiment.samples import Samples, gather_samples
from lumbago.experiment.schema import Experiment
from lumbago.experiment.twins import without_twins
from lumbago.experiment.writing import seen_by, write_run
from lumbago.extraction import extract
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

    quality = quality_extractors(experiment, cohort, list(extractors))
    found = extract(
        cohort,
        {**extractors, **quality},
        store=kept,
        n_jobs=n_jobs,
        progress=measured,
    )
    tables = {key: found[key] for key in extractors}
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
        told = {key: found[key] for key in quality}
        seen = seen_by(locks, samples.dataset)
        write_quality(at, experiment, cohort, tables, told, seen)
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

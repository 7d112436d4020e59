"""The grid of one target: which models run on what under which schemes, as units of work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lumbago.data import Dataset
from lumbago.errors import EnvironmentProblem, InputError
from lumbago.evaluation import Locked, Scheme, Unit, UnitResult, notes_of, plan_units
from lumbago.evaluation.audit import CHECKS
from lumbago.evaluation.baselines import baselines_of
from lumbago.evaluation.designs import design_notes, design_problem
from lumbago.evaluation.metrics import METRICS
from lumbago.evaluation.result import AUDIT_COLUMNS, Result
from lumbago.evaluation.splits import worth_auditing
from lumbago.experiment.checks import suits
from lumbago.experiment.schema import Experiment
from lumbago.extraction import in_parallel
from lumbago.provenance import canonical_json, digest
from lumbago.store import Entry, Store


@dataclass(frozen=True, eq=False)
class Grid:
    """All units of one target.

    Parameters
    ----------
    units : list of Unit
    seed, permutations : int
    audit : bool
        Whether every cell is checked for leakage.
    metrics : list of str or None
        Those of the experiment that fit the target.
    not_available : dict of str to str
        Baselines and schemes that cannot run, with the reason.
    notes : list of str
    """

    units: list[Unit]
    seed: int
    permutations: int
    audit: bool
    metrics: list[str] | None
    not_available: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def splits_json(self, dataset: Dataset) -> list[dict[str, Any]]:
        """Return every split once, with the ids of the tested samples."""
        seen: dict[tuple[str, int], Unit] = {}
        for unit in self.units:
            seen.setdefault((unit.scheme, unit.repeat), unit)
        return [s.as_json(dataset) for unit in seen.values() for s in unit.splits]

    def cells(self) -> list[Unit]:
        """Return one unit per model, feature set and scheme: what an audit looks at."""
        seen: dict[tuple[str, str, str], Unit] = {}
        for unit in self.units:
            first = unit.repeat == 0 and unit.permutations is None
            if first and worth_auditing(unit.scheme):
                seen.setdefault((unit.features, unit.model, unit.scheme), unit)
        return list(seen.values())


def grid_of(
    experiment: Experiment, dataset: Dataset, *, schemes: Sequence[Scheme] | None = None
) -> Grid:
    """Plan the units of an experiment on one target's dataset.

    Parameters
    ----------
    schemes : sequence of Scheme, optional
        Default: those of the experiment that lock no cohort.

    Raises
    ------
    InputError
        If no scheme can run, or a model misses a covariate.
    """
    evaluation = experiment.evaluation
    kind = dataset.target.kind
    if confounded := design_problem(dataset):
        raise InputError(confounded)
    notes = design_notes(dataset)
    missing: dict[str, str] = {}
    if schemes is None:
        schemes = [s for s in evaluation.schemes if not isinstance(s, Locked)]
    able = []
    for scheme in schemes:
        reason = scheme.available(dataset)
        if reason is None:
            able.append(scheme)
            notes += scheme.notes(dataset)
        elif scheme.must_run:
            raise InputError(reason)
        else:
            missing[scheme.label] = reason.removeprefix(f"{scheme.kind}: ")
    if not able and missing:
        raise InputError([f"{name}: {reason}" for name, reason in missing.items()])
    models = {}
    for name, model in experiment.models.items():
        if not suits(model, kind):
            notes.append(f"{name} predicts no {kind} target and is left out for this one")
        elif model.features is None:
            models[name] = model.model_copy(update={"features": tuple(experiment.grid)})
        else:
            models[name] = model
    units = plan_units(
        dataset,
        models,
        able,
        preparation=experiment.steps,
        seed=experiment.seed,
        permutations=evaluation.permutations,
        baselines=evaluation.with_baselines,
        clinical=evaluation.clinical,
        threshold=evaluation.threshold,
    )
    if evaluation.with_baselines:
        missing.update(baselines_of(dataset, evaluation.clinical)[1])
    metrics = evaluation.metrics
    if metrics is not None:
        metrics = [m for m in metrics if kind in METRICS[m].kinds] or None
    return Grid(
        units,
        experiment.seed,
        evaluation.permutations,
        evaluation.audit,
        metrics,
        missing,
        notes,
    )


def unit_key(unit: Unit) -> str:
    """Return the key of a unit in the store."""
    return digest(canonical_json({"unit": "evaluation", **unit.identity()}))


def audit_key(unit: Unit) -> str:
    """Return the key of the leakage check of a unit's cell."""
    return digest(canonical_json({"unit": "audit", "checks": CHECKS, **unit.identity()}))


def compute(
    grid: Grid,
    dataset: Dataset,
    store: Store,
    *,
    n_jobs: int = 1,
    progress: Callable[[str, int, int, str], None] | None = None,
    beside: Sequence[tuple[Grid, Dataset]] = (),
) -> Result:
    """Run the units that the store lacks, each saved as soon as it is done, and gather all.

    Parameters
    ----------
    beside : sequence of (Grid, Dataset)
        Units on other datasets, those with a locked cohort, whose results come in as well.

    Raises
    ------
    EnvironmentProblem
        If a unit ends its process twice, for want of memory most likely.
    """
    units: list[UnitResult] = []
    audits: list[pd.DataFrame] = []
    parts = [(grid, dataset), *beside]
    for of_part, seen in parts:
        keys = [unit_key(unit) for unit in of_part.units]
        found = _finished(
            of_part.units,
            keys,
            seen,
            store,
            run=run_unit,
            read=lambda entry: UnitResult.from_store(entry.arrays, entry.json),
            n_jobs=n_jobs,
            stage="fitting",
            named=lambda unit: unit.name,
            progress=progress,
        )
        units += [found[key] for key in keys]
        if of_part.audit:
            audits.append(_audit(of_part, seen, store, n_jobs, progress))
    missing: dict[str, str] = {}
    notes = [*dataset.notes]
    for of_part, _ in parts:
        missing.update(of_part.not_available)
        notes += [*of_part.notes, *notes_of(of_part.units, of_part.permutations)]
    return Result.from_units(
        units,
        dataset.target,
        seed=grid.seed,
        audit=pd.concat(audits, ignore_index=True) if audits else None,
        notes=list(dict.fromkeys(notes)),
        not_available=missing,
    )


def _finished(
    units: Sequence[Unit],
    keys: Sequence[str],
    dataset: Dataset,
    store: Store,
    *,
    run: Callable[[Unit, Dataset, Store, str], Any],
    read: Callable[[Entry], Any],
    n_jobs: int,
    stage: str,
    named: Callable[[Unit], str],
    progress: Callable[[str, int, int, str], None] | None,
) -> dict[str, Any]:
    """Return what stands behind every key: read from the store, or run now and kept there."""
    found: dict[str, Any] = {}
    for key in keys:
        entry = store.load(key)
        if entry is not None:
            found[key] = read(entry)
    missing = [(u, key) for u, key in zip(units, keys, strict=True) if key not in found]
    tasks = [(unit, dataset, store, key) for unit, key in missing]
    done = len(keys) - len(missing)
    for position, result in in_parallel(run, tasks, n_jobs, died=_died):
        unit, key = missing[position]
        found[key] = result
        done += 1
        if progress is not None:
            progress(stage, done, len(keys), named(unit))
    return found


def run_unit(unit: Unit, dataset: Dataset, store: Store, key: str) -> UnitResult:
    """Run one unit and keep what it found.

    Raises
    ------
    InputError
        If the model cannot be fitted on these samples.
    """
    try:
        result = unit.run(dataset)
    except ValueError as error:
        raise InputError(f"{unit.name}: {error}") from error
    arrays, documents = result.to_store()
    store.save(key, arrays, documents)
    return result


def _audit(
    grid: Grid,
    dataset: Dataset,
    store: Store,
    n_jobs: int,
    progress: Callable[[str, int, int, str], None] | None,
) -> pd.DataFrame:
    cells = grid.cells()
    keys = [audit_key(unit) for unit in cells]
    found = _finished(
        cells,
        keys,
        dataset,
        store,
        run=audit_cell,
        read=lambda entry: _rows_of(entry.json["audit"]),
        n_jobs=n_jobs,
        stage="auditing",
        named=lambda unit: f"{unit.model} on {unit.features}",
        progress=progress,
    )
    tables = [found[key] for key in keys if len(found[key])]
    if not tables:
        return pd.DataFrame(columns=list(AUDIT_COLUMNS))
    return pd.concat(tables, ignore_index=True)


def audit_cell(unit: Unit, dataset: Dataset, store: Store, key: str) -> pd.DataFrame:
    """Poison the test fold of one cell and keep what moved."""
    from threadpoolctl import threadpool_limits

    from lumbago.evaluation.audit import audit

    with threadpool_limits(1):
        rows = audit(dataset, [unit])[list(AUDIT_COLUMNS)]
    store.save(key, json={"audit": {c: [str(v) for v in rows[c]] for c in AUDIT_COLUMNS}})
    return rows


def _rows_of(columns: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame({c: columns[c] for c in AUDIT_COLUMNS}, dtype=object)


def _died(unit: Unit, dataset: Any, store: Any, key: str) -> Any:
    raise EnvironmentProblem(
        f"{unit.name}: the process that ran it ended twice, for want of memory most likely; "
        "everything finished so far is safe, run again with fewer --jobs"
    )

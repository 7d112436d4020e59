"""The grid: every model on every feature set under every scheme, cut into units and run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lumbago.data.dataset import Dataset
from lumbago.data.features import COVARIATE
from lumbago.errors import InputError, Problem
from lumbago.evaluation.audit import audit
from lumbago.evaluation.baselines import BASELINES, LABEL, baselines_of
from lumbago.evaluation.cells import (
    PreparationLike,
    cells_of,
    check_batches,
    check_columns,
    check_model,
    preparation_of,
)
from lumbago.evaluation.designs import design_notes, design_problem
from lumbago.evaluation.result import Result
from lumbago.evaluation.schemes import SCHEMES, Scheme, Split
from lumbago.evaluation.schemes_locked import Locked
from lumbago.evaluation.splits import on_curve
from lumbago.evaluation.units import Unit, UnitResult
from lumbago.models.catalogue import MODELS, Dummy, Model
from lumbago.models.steps import STANDARD
from lumbago.models.threshold import Threshold
from lumbago.spec import Spec, read_kind

CHUNK = 250
"""Permutations in one unit, which share the preparation of its folds: what a kill can lose."""
CHUNK_OF_SLOW = 10

OneModel = Model | str | Mapping[str, Any]
Models = OneModel | Sequence[OneModel] | Mapping[str, OneModel]
OneScheme = Scheme | str | Mapping[str, Any]
Schemes = OneScheme | Sequence[OneScheme]


def plan_units(
    dataset: Dataset,
    models: Models,
    schemes: Schemes,
    *,
    preparation: PreparationLike = (),
    seed: int,
    permutations: int = 0,
    feature_sets: Mapping[str, Sequence[str]] | None = None,
    baselines: bool = True,
    clinical: Sequence[str] = (),
    threshold: Threshold = "default",
) -> list[Unit]:
    """Cut an evaluation into units that can be run in any order, anywhere.

    Parameters
    ----------
    dataset : Dataset
    models : model, sequence of models, or mapping of name to model
        Each a settings object, a kind (``"logistic"``) or ``{"kind": ..., ...}``. Models
        without a name go by their kind.
    schemes : scheme or sequence of schemes
        In the same three forms.
    preparation : sequence of steps, or mapping of name to sequence
        Specs or short forms (``"scale"``). Of a mapping, models take ``standard`` unless
        they name another or bring their own.
    seed : int
    permutations : int
        Label permutations per cell, of repeat 0; forests run at most 100, untuned.
    feature_sets : mapping of str to columns, optional
        Default: the dataset's; without any, ``all``.
    baselines : bool
        Whether to add ``majority``, ``motion_only``, ``site_only`` and ``covariates`` where
        they exist.
    clinical : sequence of str
        Covariates of the dataset that a further baseline, ``clinical``, predicts from.
    threshold : {"default", "youden"}
        Where the classes of a binary target part: at the model's own cut, or where Youden's J
        of inner out-of-fold predictions of the training rows is highest. Other targets have
        none.

    Returns
    -------
    list of Unit
        Per scheme and cell: one unit per repeat, then the permutations in chunks.

    Raises
    ------
    InputError
        If something cannot run; every problem at once.
    """
    named = _named_models(models)
    chosen = _read_schemes(schemes)
    problems = _scheme_problems(chosen)
    if confounded := design_problem(dataset):
        problems.append(Problem("", confounded))
    sets = dict(feature_sets or dataset.feature_sets or {"all": dataset.features})
    cells: list[tuple[str, tuple[str, ...], str, Model, tuple[Spec, ...]]] = []
    for name, spec in named.items():
        try:
            steps = preparation_of(name, spec, preparation)
            check_model(dataset, name, spec, steps)
            for label, columns in cells_of(dataset, name, spec, sets).items():
                check_columns(name, columns, steps)
                cells.append((label, columns, name, spec, steps))
        except InputError as error:
            problems += error.problems
    for name in BASELINES:
        if baselines and name in named:
            problems.append(Problem(f"models.{name}", "the name of an automatic baseline is taken"))
    if baselines:
        for b in baselines_of(dataset, clinical)[0]:
            cells.append((LABEL, b.columns, b.name, b.spec, STANDARD))
    splits: dict[str, list[Split]] = {}
    for scheme in chosen:
        try:
            for split in scheme.splits(dataset, seed):
                splits.setdefault(split.scheme, []).append(split)
        except InputError as error:
            problems += error.problems
    for _, _, name, _, steps in {cell[2]: cell for cell in cells}.values():
        for of_scheme in splits.values():
            try:
                check_batches(dataset, name, steps, of_scheme)
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(problems)
    digests: dict[tuple[str, ...], str] = {}
    cut: Threshold = threshold if dataset.target.kind == "binary" else "default"
    units = []
    for scheme_label, of_scheme in splits.items():
        by_repeat: dict[int, list[Split]] = {}
        for split in of_scheme:
            by_repeat.setdefault(split.repeat, []).append(split)
        for label, columns, name, spec, steps in cells:
            if label == LABEL and on_curve(scheme_label):
                continue
            if columns not in digests:
                digests[columns] = _digest_of(dataset, columns)
            for repeat, folds in by_repeat.items():
                unit = Unit(
                    label, columns, name, spec, steps, scheme_label, repeat, tuple(folds), seed,
                    digests[columns], threshold="default" if isinstance(spec, Dummy) else cut,
                )  # fmt: skip
                units.append(unit)
                if repeat == 0 and not on_curve(scheme_label):
                    units += [
                        replace(unit, permutations=c) for c in _chunks(spec, name, permutations)
                    ]
    return units


def evaluate(
    dataset: Dataset,
    models: Models,
    schemes: Schemes,
    *,
    preparation: PreparationLike = (),
    seed: int,
    permutations: int = 0,
    n_jobs: int = 1,
    feature_sets: Mapping[str, Sequence[str]] | None = None,
    baselines: bool = True,
    clinical: Sequence[str] = (),
    threshold: Threshold = "default",
    audited: bool = True,
    progress: Callable[[int, int, Unit], None] | None = None,
) -> Result:
    """Run models on a dataset under schemes and return every prediction.

    Bits of the result depend on the dataset, the settings and the seed, not on `n_jobs`.

    Parameters
    ----------
    dataset, models, schemes, preparation, seed, permutations, feature_sets
        See `plan_units`.
    baselines, clinical, threshold
        See `plan_units`.
    n_jobs : int
        Processes; each runs one unit at a time on one thread.
    audited : bool
        Whether to run the leakage audit, once per cell.
    progress : callable, optional
        Called with (units done, units in all, the unit just done).

    Returns
    -------
    Result
    """
    if any(isinstance(scheme, Locked) for scheme in _read_schemes(schemes)):
        raise InputError(
            "locked: a locked cohort is looked at by an experiment alone, whose ledger counts the "
            "looks: lumbago.run(file, unlock=[...])"
        )
    units = plan_units(
        dataset, models, schemes, preparation=preparation, seed=seed, permutations=permutations,
        feature_sets=feature_sets, baselines=baselines, clinical=clinical, threshold=threshold,
    )  # fmt: skip
    found = run_units(dataset, units, n_jobs=n_jobs, progress=progress)
    missing = baselines_of(dataset, clinical)[1] if baselines else {}
    scheme_notes = design_notes(dataset)
    scheme_notes += [note for scheme in _read_schemes(schemes) for note in scheme.notes(dataset)]
    return Result.from_units(
        found, dataset.target, seed=seed,
        audit=audit(dataset, units, n_jobs=n_jobs) if audited else None,
        notes=[*dataset.notes, *scheme_notes, *notes_of(units, permutations)],
        not_available=missing,
    )  # fmt: skip


def run_units(
    dataset: Dataset,
    units: Sequence[Unit],
    *,
    n_jobs: int = 1,
    progress: Callable[[int, int, Unit], None] | None = None,
) -> list[UnitResult]:
    """Run units, in their order, over processes."""
    from joblib import Parallel, delayed

    found = []
    stream = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(unit.run)(dataset) for unit in units
    )
    for i, result in enumerate(stream):
        found.append(result)
        if progress is not None:
            progress(i + 1, len(units), units[i])
    return found


def notes_of(units: Sequence[Unit], permutations: int) -> list[str]:
    """Return what a reader must know of how the permutations were run."""
    capped = {
        unit.model: unit.spec.max_permutations
        for unit in units
        if unit.permutations and unit.spec.max_permutations is not None
    }
    return [
        f"{name}: {min(cap, permutations)} permutations, without tuning"
        for name, cap in capped.items()
        if cap < permutations or any(u.spec.tune for u in units if u.model == name)
    ]


def _named_models(models: Models) -> dict[str, Model]:
    if isinstance(models, Mapping) and "kind" not in models:
        return {name: read_kind(model, MODELS, f"model {name}") for name, model in models.items()}
    alone = isinstance(models, Model | str | Mapping)
    named: dict[str, Model] = {}
    for model in [models] if alone else models:
        spec = read_kind(model, MODELS, "model")
        if spec.kind in named:
            raise InputError(f"two models of kind {spec.kind!r}; name them: {{'a': ..., 'b': ...}}")
        named[spec.kind] = spec
    return named


def _read_schemes(schemes: Schemes) -> list[Scheme]:
    alone = isinstance(schemes, Scheme | str | Mapping)
    return [read_kind(scheme, SCHEMES, "scheme") for scheme in ([schemes] if alone else schemes)]


def _scheme_problems(schemes: Sequence[Scheme]) -> list[Problem]:
    labels = [s.label for s in schemes]
    twice = sorted({k for k in labels if labels.count(k) > 1})
    return [
        Problem("schemes", f"{label} stands twice; keep one of them, or give each a name")
        for label in twice
    ]


def _chunks(spec: Model, name: str, permutations: int) -> list[tuple[int, int]]:
    """Cut the permutations into units; guessing has nothing to permute."""
    if name == "majority":
        return []
    cap = spec.max_permutations
    n = permutations if cap is None else min(permutations, cap)
    size = CHUNK if cap is None else CHUNK_OF_SLOW
    return [(start, min(start + size, n)) for start in range(0, n, size)]


def _digest_of(dataset: Dataset, columns: Sequence[str]) -> str:
    """Digest of what a unit on these columns can see: other feature sets have no part in it."""
    features = [c for c in columns if not c.startswith(COVARIATE)]
    X = dataset.X[features + [COVARIATE + c for c in dataset.covariates]]
    return replace(dataset, X=X, feature_sets={}, notes=(), y=np.asarray(dataset.y)).digest

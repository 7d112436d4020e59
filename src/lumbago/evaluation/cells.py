"""Which predictors and which preparation a model gets, and what cannot go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Dataset
from lumbago.data.features import COVARIATE
from lumbago.errors import InputError, Problem
from lumbago.evaluation.disguises import ALWAYS_THERE, tells_the_target
from lumbago.evaluation.schemes import Split
from lumbago.models.catalogue import Model
from lumbago.models.harmonize import Combat, batch_names
from lumbago.models.steps import read_preparation
from lumbago.spec import Spec

PreparationLike = Sequence[Any] | Mapping[str, Sequence[Any]]


def preparation_of(name: str, spec: Model, given: PreparationLike) -> tuple[Spec, ...]:
    """Return the steps of a model: its own, the ones it names, or the default."""
    if isinstance(spec.preparation, tuple):
        return spec.preparation
    if isinstance(given, Mapping):
        wanted = spec.preparation or "standard"
        if wanted not in given:
            if spec.preparation is None and not given:
                return ()
            raise InputError(
                Problem(
                    f"models.{name}.preparation",
                    f"no preparation is called {wanted!r}; there is {', '.join(given) or 'none'}",
                )
            )
        return read_preparation(given[wanted])
    if isinstance(spec.preparation, str):
        raise InputError(
            Problem(
                f"models.{name}.preparation",
                f"{spec.preparation!r} is a name, but preparations have none here; "
                "give a mapping of names to steps",
            )
        )
    return read_preparation(given)


def check_model(dataset: Dataset, name: str, spec: Model, steps: tuple[Spec, ...]) -> None:
    """Refuse a model without a twin for this target, and covariates that cannot be removed."""
    spec.build((), 0, dataset.target.kind)
    for step in steps:
        what = step.kind  # type: ignore[attr-defined]
        reads = getattr(step, "reads", ())
        if dataset.target.name in reads:
            raise InputError(
                Problem(
                    f"models.{name}.preparation",
                    f"{what}: {dataset.target.name} is the target; leave it out",
                )
            )
        missing = [c for c in reads if c not in (*dataset.covariates, *ALWAYS_THERE)]
        if missing:
            raise InputError(
                Problem(
                    f"models.{name}.preparation",
                    f"{what}: the dataset has no covariate {', '.join(missing)}; "
                    f"it has {', '.join(dataset.covariates) or 'none'}",
                )
            )
        for covariate in getattr(step, "preserve", ()):
            if tells_the_target(dataset, covariate):
                raise InputError(
                    Problem(
                        f"models.{name}.preparation",
                        f"{what}: {covariate} is the target under another name and may not be "
                        "preserved; leave it out",
                    )
                )


def check_batches(
    dataset: Dataset, name: str, steps: Sequence[Spec], splits: Sequence[Split]
) -> None:
    """Refuse splits whose batches a harmonizing step cannot treat, before anything is fitted."""
    for step in steps:
        if not isinstance(step, Combat):
            continue
        column = {"site": dataset.site, "cohort": dataset.cohort}.get(step.batch)
        if COVARIATE + step.batch in dataset.X.columns:
            column = dataset.X[COVARIATE + step.batch].to_numpy()
        assert column is not None
        batch = np.array([word or "" for word in batch_names(pd.Series(column))])
        for split in splits:
            met, counts = np.unique(batch[split.train], return_counts=True)
            if len(met) < 2:
                continue  # nothing will be harmonized
            strange = sorted(set(batch[split.test].tolist()) - set(met.tolist()))
            alone = met[counts < 2].tolist()
            why = ""
            if "" in met:
                why = f"{step.batch} is missing in some rows; fill it in or leave them out"
            elif step.reference is not None and step.reference not in met:
                why = (
                    f"the reference {step.reference!r} is not always trained on; "
                    "choose another or none"
                )
            elif strange and step.unseen == "refuse":
                why = (
                    f"{step.batch} {strange[0]!r} is tested and never trained on; "
                    "set unseen: pooled or none"
                )
            elif alone and not step.mean_only and step.unseen == "refuse":
                why = (
                    f"{step.batch} {alone[0]!r} has one training row, which has no variance; "
                    "set mean_only: true, or unseen: pooled or none"
                )
            if why:
                where = f"{split.scheme}, repeat {split.repeat}, fold {split.fold}"
                raise InputError(Problem(f"models.{name}.preparation", f"combat: {where}: {why}"))


def cells_of(
    dataset: Dataset, name: str, spec: Model, sets: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Return label → predictors of one model: feature sets one by one, covariates with each."""
    if spec.features is None:
        return {label: tuple(columns) for label, columns in sets.items()}
    extra = tuple(f for f in spec.features if f.startswith(COVARIATE))
    problems = [
        Problem(f"models.{name}.features", f"the dataset has no {f}; it has {_listed(dataset)}")
        for f in extra
        if f.removeprefix(COVARIATE) not in dataset.covariates
    ]
    problems += [
        Problem(
            f"models.{name}.features",
            f"{f} is the target under another name: a model may not read what it predicts; "
            "leave it out",
        )
        for f in extra
        if f.removeprefix(COVARIATE) in dataset.covariates
        and tells_the_target(dataset, f.removeprefix(COVARIATE))
    ]
    wanted = [f for f in spec.features if not f.startswith(COVARIATE)]
    problems += [
        Problem(f"models.{name}.features", f"no feature set is called {f!r}; got {', '.join(sets)}")
        for f in wanted
        if f not in sets
    ]
    if problems:
        raise InputError(problems)
    if not wanted:
        return {"+".join(extra): extra}
    return {"+".join((label, *extra)): (*sets[label], *extra) for label in wanted}


def _listed(dataset: Dataset) -> str:
    return ", ".join(COVARIATE + c for c in dataset.covariates) or "no covariates"


def check_columns(name: str, columns: Sequence[str], steps: Sequence[Spec]) -> None:
    """Refuse a covariate that is a predictor and taken out of the features at once."""
    for step in steps:
        taken = {"residualize": "residualized", "combat": "harmonized over"}
        word = taken.get(step.kind, "")  # type: ignore[attr-defined]
        if word:
            out = getattr(step, "covariates", ()) or (getattr(step, "batch", ""),)
            both = [c for c in out if COVARIATE + c in columns]
            if both:
                raise InputError(
                    Problem(
                        f"models.{name}",
                        f"{', '.join(both)} is a predictor and {word}; choose one",
                    )
                )

"""Which predictors and which preparation a model gets, and what cannot go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lumbago.data.dataset import Dataset
from lumbago.data.features import COVARIATE
from lumbago.errors import InputError, Problem
from lumbago.models.catalogue import Model
from lumbago.models.residualize import Residualize
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
    known = dataset.covariates
    for step in steps:
        if isinstance(step, Residualize):
            missing = [c for c in step.covariates if c not in known]
            if missing:
                raise InputError(
                    Problem(
                        f"models.{name}.preparation",
                        f"residualize: the dataset has no covariate {', '.join(missing)}; "
                        f"it has {', '.join(known) or 'none'}",
                    )
                )
            if dataset.target.name in step.covariates:
                raise InputError(
                    Problem(
                        f"models.{name}.preparation",
                        f"residualize: {dataset.target.name} is the target; leave it out",
                    )
                )


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
    """Refuse a covariate that is a predictor and residualized at once."""
    for step in steps:
        if isinstance(step, Residualize):
            both = [c for c in step.covariates if COVARIATE + c in columns]
            if both:
                raise InputError(
                    Problem(
                        f"models.{name}",
                        f"{', '.join(both)} is a predictor and residualized; choose one",
                    )
                )

"""What must hold between the parts of an experiment: names that meet, columns that may not."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from lumbago.data.features import COVARIATE
from lumbago.data.selection import columns_in
from lumbago.errors import InputError, Problem
from lumbago.evaluation import Locked
from lumbago.evaluation.metrics import METRICS
from lumbago.experiment.blind_rules import rule_problems
from lumbago.experiment.inner import INNER
from lumbago.experiment.made_designs import design_problems
from lumbago.experiment.origins import origin_problems
from lumbago.experiment.schema import STANDARD, Experiment
from lumbago.experiment.shape import expected_at, is_settings
from lumbago.experiment.tree import Place, Tree
from lumbago.experiment.words import near, unknown
from lumbago.reading.atlases import LocalAtlas, atlas_names, load_atlas
from lumbago.simulation import same_people
from lumbago.spec import kinds_of


def meaning_problems(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Return what contradicts itself in an experiment whose parts are right one by one."""
    yield from _rules(experiment)
    yield from rule_problems(experiment)
    yield from _twins(experiment)
    yield from origin_problems(experiment)
    yield from _features(experiment)
    yield from _models(experiment)
    yield from _columns(experiment)
    yield from _steps(experiment)
    yield from _evaluation(experiment)
    yield from design_problems(experiment)


def _rules(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    rules: list[tuple[Place, str | None]] = [
        (("targets", name, "where"), target.where) for name, target in experiment.targets.items()
    ]
    rules += [
        (("cohorts", name, "keep"), getattr(cohort, "keep", None))
        for name, cohort in experiment.cohorts.items()
    ]
    for place, rule in rules:
        if rule is None:
            continue
        try:
            columns_in(rule)
        except InputError as error:
            yield place, str(error)
            continue
        strange = [n for n in ast.walk(ast.parse(rule.strip(), mode="eval")) if not _in_rules(n)]
        if strange:
            yield (
                place,
                f"rule {rule!r}: {type(strange[0]).__name__} is no part of a rule; "
                "only <, <=, >, >=, ==, !=, in, and, or, not are understood",
            )


def _twins(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    twins = same_people(experiment.cohorts)
    if twins is not None:
        yield (
            ("cohorts", twins[1]),
            f"has the seed of {twins[0]} and so the same people; give it another seed",
        )


def _in_rules(node: ast.AST) -> bool:
    return isinstance(
        node,
        ast.Expression | ast.BoolOp | ast.boolop | ast.UnaryOp | ast.Not | ast.USub | ast.Compare
        | ast.cmpop | ast.Name | ast.Load | ast.Constant | ast.List | ast.Tuple | ast.Set,
    )  # fmt: skip


def _features(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    used = set(features_used(experiment))
    images = [n for n, c in experiment.cohorts.items() if c.kind in ("bids", "simulated")]
    for name, feature in experiment.features.items():
        atlas = getattr(feature, "atlas", None)
        place: Place = ("features", name)
        if hasattr(feature, "load_seeds"):
            try:
                feature.load_seeds()
            except InputError as error:
                yield (*place, "seeds"), str(error)
        if isinstance(atlas, str) and atlas not in atlas_names():
            continue  # told with its line already
        if atlas is not None:
            try:
                load_atlas(atlas)
            except InputError as error:
                yield (*place, "atlas"), str(error)
        elif getattr(feature, "regions_optional", False):
            continue
        elif name in used and ("atlas" in type(feature).model_fields or feature.kind in INNER):
            only_maps = "keep_maps" in type(feature).model_fields
            if only_maps or images:
                why = "gives maps of voxels only" if only_maps else f"cannot divide {images[0]}"
                yield (
                    place,
                    (
                        f"without an atlas it {why}, and a model needs regions; "
                        "add `atlas: lumbago200`, or leave it out of `feature_sets`"
                    ),
                )
    for name, cohort in experiment.cohorts.items():
        if isinstance(atlas := getattr(cohort, "atlas", None), LocalAtlas):
            try:
                load_atlas(atlas)
            except InputError as error:
                yield ("cohorts", name, "atlas"), str(error)


def features_used(experiment: Experiment) -> list[str]:
    """Return the features that some model is fitted on, in the order of the experiment."""
    sets = {**{name: [name] for name in experiment.features}, **experiment.grid}
    wanted: set[str] = set()
    for model in experiment.models.values():
        for name in model.features if model.features is not None else experiment.grid:
            wanted.update(sets.get(name, ()))
    return [name for name in experiment.features if name in wanted]


def _models(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    wanted = {experiment.targets[t].resolved_kind for t in experiment.evaluation.targets}
    for name, model in experiment.models.items():
        if any(suits(model, kind) for kind in wanted):
            continue
        fitting = [
            kind
            for family in expected_at(Experiment, ("models", name))
            if is_settings(family)
            for kind in kinds_of(family)
            if all(k in family.targets for k in wanted)
        ]
        cure = f"expected one of {', '.join(fitting)}"
        if not fitting:
            cure = "no model predicts all of these; give two classes or kind: continuous"
        yield (
            ("models", name, "kind"),
            f"{model.kind} has no twin for a {' or '.join(sorted(wanted))} target; {cure}",
        )


def suits(model: Any, target_kind: str) -> bool:
    """Tell whether a model predicts this kind of target."""
    return bool(model.suits(target_kind))


def steps_of(experiment: Experiment, model: Any) -> tuple[Any, ...]:
    """Return the preparation of a model."""
    if model.preparation is None or isinstance(model.preparation, str):
        return experiment.steps[model.preparation or STANDARD]
    return tuple(model.preparation)


_USED = {"covariates": "residualized", "preserve": "preserved", "batch": "harmonized over"}
"""What a step does with the columns in these fields."""


def as_names(value: Any) -> tuple[str, ...]:
    """Return one name or several as several."""
    return (value,) if isinstance(value, str) else tuple(value)


def _columns(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    targets = {experiment.targets[t].column: t for t in experiment.evaluation.targets}
    columns = {
        column: name
        for name, feature in experiment.features.items()
        for column in getattr(feature, "columns", ())
    }
    told = set()
    for name, model in experiment.models.items():
        named = model.preparation if isinstance(model.preparation, str) else STANDARD
        at: Place = ("preparation", named) if named in experiment.preparation else ("models", name)
        used = {
            column: word
            for step in steps_of(experiment, model)
            for field, word in _USED.items()
            for column in as_names(getattr(step, field, ()))
        }
        for column, word in sorted(used.items()):
            clash = ""
            if column in targets:
                clash = f"the column of target {targets[column]!r}; take it out of the preparation"
            elif column in columns and word != "preserved":
                clash = f"a column of feature {columns[column]!r}; take it out of one of them"
            if clash and (at, column) not in told:
                told.add((at, column))
                yield at, f"{column!r} is {word} and is {clash}"
            if COVARIATE + column in (model.features or ()) and word != "preserved":
                yield (
                    ("models", name),
                    (
                        f"{column!r} is a feature of this model and is {word} by its "
                        "preparation; give the model another, such as `preparation: plain`"
                    ),
                )
        for i, feature in enumerate(model.features or ()):
            if feature.removeprefix(COVARIATE) in targets and feature.startswith(COVARIATE):
                column = feature.removeprefix(COVARIATE)
                yield (
                    ("models", name, "features", i),
                    (
                        f"{column!r} is the column of target {targets[column]!r}: "
                        "a model may not read what it predicts"
                    ),
                )
    for column, feature in columns.items():
        for held in [t for t in targets if fnmatchcase(t, column)]:
            takes = "is" if held == column else f"takes in {held!r},"
            yield (
                ("features", feature, "columns"),
                (
                    f"{column!r} {takes} the column of target {targets[held]!r}: "
                    "a feature may not hold what is predicted"
                ),
            )


def _steps(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Tell what comes in the wrong order, or needs another kind of target."""
    kinds = [experiment.targets[t].resolved_kind for t in experiment.evaluation.targets]
    told = set()
    for name, model in experiment.models.items():
        chosen = model.preparation if isinstance(model.preparation, str) else STANDARD
        at: Place = (
            ("preparation", chosen) if chosen in experiment.preparation else ("models", name)
        )
        before: set[str] = set()
        for step in steps_of(experiment, model):
            what = ""
            if step.kind == "hub_disruption":
                other = next((kind for kind in kinds if kind != "binary"), None)
                if "scale" in before:
                    what = "hub_disruption reads measures in their own unit; put it before scale"
                elif step.reference == "negative" and other and suits(model, other):
                    what = (
                        f"hub_disruption has no negative class in a {other} target; "
                        "take {hub_disruption: {reference: all}}"
                    )
            before.add(step.kind)
            if what and (at, what) not in told:
                told.add((at, what))
                yield at, what


def _evaluation(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    evaluation = experiment.evaluation
    if len(set(evaluation.targets)) < len(evaluation.targets) or not evaluation.targets:
        yield ("evaluation", "target"), "expected names of targets, each once"
    for i, metric in enumerate(evaluation.metrics or ()):
        target_kinds = [experiment.targets[t].resolved_kind for t in evaluation.targets]
        if not any(kind in METRICS[metric].kinds for kind in target_kinds):
            fitting = [m for m, about in METRICS.items() if set(target_kinds) & set(about.kinds)]
            yield (
                ("evaluation", "metrics", i),
                (
                    f"{metric} means nothing for a {target_kinds[0]} target; "
                    f"expected one of {', '.join(fitting)}{near(metric, fitting)}"
                ),
            )
    for i, scheme in enumerate(evaluation.schemes):
        if isinstance(scheme, Locked) and scheme.cohort not in experiment.cohorts:
            what = unknown("cohort", scheme.cohort, list(experiment.cohorts))
            yield ("evaluation", "schemes", i, "cohort"), what
        elif isinstance(scheme, Locked) and len(experiment.cohorts) < 2:
            yield ("evaluation", "schemes", i), "there is no other cohort to train on"
    labels = [s.label for s in evaluation.schemes]
    for i, scheme in enumerate(evaluation.schemes):
        if scheme in evaluation.schemes[:i]:
            yield ("evaluation", "schemes", i), "the same scheme stands above"
        elif scheme.label in labels[:i]:
            what = f"{scheme.label} stands above; give one of the two a `name`"
            yield ("evaluation", "schemes", i), what


def located(problems: Iterable[tuple[Place, str]], tree: Tree) -> list[Problem]:
    """Give problems the line and column they stand at."""
    return [tree.problem(place, message) for place, message in problems]

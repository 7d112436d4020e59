"""Names in an experiment that must stand for something: features, targets, atlases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lumbago.data.features import COVARIATE
from lumbago.errors import Problem
from lumbago.evaluation.metrics import METRICS
from lumbago.experiment.inner import INNER, OF, named
from lumbago.experiment.schema import DEFAULT_DENOISE, STANDARD
from lumbago.experiment.tree import Place, Tree
from lumbago.experiment.words import unknown
from lumbago.reading.atlases import atlas_names


def reference_problems(tree: Tree) -> list[Problem]:
    """Return a problem for every name that stands for nothing; works on unfinished trees."""
    data = tree.data
    names = {
        section: list(data[section]) if isinstance(data.get(section), dict) else []
        for section in ("targets", "denoise", "features", "feature_sets", "preparation", "models")
    }
    found = []
    for what, place, name in _references(data):
        known = {
            "denoising": [*names["denoise"], DEFAULT_DENOISE],
            "feature": names["features"],
            "feature or feature set": [*names["feature_sets"], *names["features"]],
            "preparation": [*names["preparation"], STANDARD],
            "target": names["targets"],
            "metric": list(METRICS),
            "atlas": list(atlas_names()),
        }[what]
        known = list(dict.fromkeys(known))
        if name not in known:
            found.append(tree.problem(place, unknown(what, name, known)))
    for name, wanted, fitting in named(data):
        if wanted not in fitting:
            kinds = " or ".join(INNER[data["features"][name]["kind"]])
            what = unknown(f"feature of kind {kinds}", wanted, fitting)
            found.append(tree.problem(("features", name, OF), what))
    for name in set(names["feature_sets"]) & set(names["features"]):
        if data["feature_sets"][name] != [name]:
            what = "a feature has this name already; call the set something else"
            found.append(tree.problem(("feature_sets", name), what, key=True))
    return found


def _references(data: Mapping[str, Any]) -> Iterator[tuple[str, Place, str]]:
    for name, feature in _entries(data, "features"):
        of = feature.get(OF)
        for place, settings in ((), feature), ((OF,), of if isinstance(of, dict) else {}):
            for key, what in (("denoise", "denoising"), ("atlas", "atlas")):
                if isinstance(settings.get(key), str):
                    yield what, ("features", name, *place, key), settings[key]
    for name, cohort in _entries(data, "cohorts"):
        if isinstance(cohort.get("atlas"), str):
            yield "atlas", ("cohorts", name, "atlas"), cohort["atlas"]
    sets = data.get("feature_sets")
    for name, inside in sets.items() if isinstance(sets, dict) else ():
        for i, feature in enumerate(inside if isinstance(inside, list) else ()):
            if isinstance(feature, str):
                yield "feature", ("feature_sets", name, i), feature
    for name, model in _entries(data, "models"):
        if isinstance(model.get("preparation"), str):
            yield "preparation", ("models", name, "preparation"), model["preparation"]
        wanted = model.get("features")
        for i, feature in enumerate(wanted if isinstance(wanted, list) else ()):
            if isinstance(feature, str) and not feature.startswith(COVARIATE):
                yield "feature or feature set", ("models", name, "features", i), feature
    evaluation = data.get("evaluation")
    if isinstance(evaluation, dict):
        for key, what in (("target", "target"), ("metrics", "metric")):
            value = evaluation.get(key)
            if isinstance(value, str):
                yield what, ("evaluation", key), value
            for i, one in enumerate(value if isinstance(value, list) else ()):
                if isinstance(one, str):
                    yield what, ("evaluation", key, i), one


def _entries(data: Mapping[str, Any], section: str) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = data.get(section)
    if isinstance(entries, dict):
        yield from ((k, v) for k, v in entries.items() if isinstance(v, dict))

"""Regions and seeds that were made from the very people who are to be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lumbago.experiment.schema import Experiment
from lumbago.experiment.tree import Place
from lumbago.spec import Spec

DERIVED = "derived_from"


def origin_problems(experiment: Experiment) -> Iterator[tuple[Place, str]]:
    """Refuse regions or seeds that say they come from a cohort of the experiment.

    A map of the group difference, cut into regions, knows the labels of everybody in it; a
    parcellation of the same scans knows at least their features. No step of a model can undo
    either, since extractors are outside every fold.
    """
    cohorts = set(experiment.cohorts)
    for family in ("features", "cohorts"):
        for place, names in _declared(getattr(experiment, family), (family,)):
            if both := sorted(cohorts & set(names)):
                yield (
                    place,
                    (
                        f"made from the scans of {', '.join(both)}, whose people are tested here; "
                        "take regions of other people, or leave the cohort out"
                    ),
                )


def _declared(value: Any, place: Place) -> Iterator[tuple[Place, tuple[str, ...]]]:
    if isinstance(value, Spec):
        for name in type(value).model_fields:
            inside = getattr(value, name)
            if name == DERIVED:
                yield (*place, name), inside
            else:
                yield from _declared(inside, (*place, name))
    elif isinstance(value, Mapping):
        for name, inside in value.items():
            yield from _declared(inside, (*place, name))

"""Features made of other features: a name in `of` stands for the settings of that feature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from lumbago.experiment.shape import is_settings, options
from lumbago.experiment.tree import Place
from lumbago.extractors import EXTRACTORS
from lumbago.spec import kinds_of

OF = "of"


def _inner_kinds() -> dict[str, tuple[str, ...]]:
    """Kinds of features whose `of` holds another feature, with the kinds it may have."""
    found = {}
    for cls in EXTRACTORS:
        if OF in cls.model_fields:
            inside = [o for o in options(cls.model_fields[OF].annotation) if is_settings(o)]
            if inside:
                words = tuple(kind for option in inside for kind in kinds_of(option))
                found.update(dict.fromkeys(kinds_of(cls), words))
    return found


INNER = _inner_kinds()


def named(data: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Go through the features that name another.

    Yields
    ------
    name, wanted, fitting : str, str, list of str
        The feature, what it names, and the features that it may name.
    """
    features = data.get("features")
    if not isinstance(features, Mapping):
        return
    for name, feature in features.items():
        kinds = INNER.get(str(_get(feature, "kind")), ())
        if kinds and isinstance(wanted := _get(feature, OF), str):
            fitting = [n for n, other in features.items() if _get(other, "kind") in kinds]
            yield name, wanted, fitting


def put_in(data: dict[str, Any]) -> None:
    """Put the settings of a feature where its name stands.

    What is computed is then known from the settings alone, whatever the names. A name that
    stands for nothing is taken out: `reference_problems` tells it with its line.
    """
    for name, wanted, fitting in list(named(data)):
        if wanted in fitting:
            data["features"][name][OF] = deepcopy(data["features"][wanted])
        else:
            del data["features"][name][OF]


def written_at(place: Place, data: Mapping[str, Any]) -> Place:
    """Return where a setting is written: that of a named feature stands at the feature itself."""
    if place[:1] == ("features",) and place[2:3] == (OF,) and len(place) > 3:
        word = _get(_get(_get(data, "features"), place[1]), OF)
        if isinstance(word, str):
            return ("features", word, *place[3:])
    return place


def _get(value: Any, key: Any) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None

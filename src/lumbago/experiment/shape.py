"""What may stand at each place of an experiment: the settings classes, walked beside the tree."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from lumbago.experiment.tree import Place
from lumbago.spec import kinds_of

_MAPPINGS = (dict, Mapping)
_LISTS = (list, tuple, Sequence, frozenset, set)
_PATHS = frozenset({
    "derivatives", "raw", "folder", "participants", "sessions_table", "image", "labels",
})  # fmt: skip
"""Settings of any kind that hold a path, beside those typed as one."""


def places(annotation: Any, data: Any, place: Place = ()) -> Iterator[tuple[Place, Any, Any]]:
    """Walk plain values beside the type they are meant for.

    Yields
    ------
    place, type, value
        The type is a settings class, `Path`, `Literal`, or a plain type; places whose type
        cannot be told (an unknown kind, a wrong shape) are left out with all they hold.
    """
    for option in _nearest_first(options(annotation), data):
        if isinstance(data, Mapping) and is_settings(option):
            if not _fits(option, data):
                continue
            yield place, option, data
            for name, field in option.model_fields.items():
                if name in data:
                    yield from places(field.annotation, data[name], (*place, name))
            return
        origin, inside = get_origin(option), get_args(option)
        if isinstance(data, Mapping) and origin in _MAPPINGS:
            for key, value in data.items():
                yield from places(inside[1], value, (*place, key))
            return
        if isinstance(data, list) and origin in _LISTS:
            one = len(inside) == 1 or inside[-1] is Ellipsis
            for i, value in enumerate(data):
                if one or i < len(inside):
                    yield from places(inside[0 if one else i], value, (*place, i))
            return
    if not isinstance(data, Mapping | list):
        yield place, annotation, data


def _nearest_first(found: list[Any], data: Any) -> list[Any]:
    """Put the settings class first that has most of the names used, where several may stand."""
    if not isinstance(data, Mapping):
        return found
    return sorted(
        found, key=lambda o: -len(set(data) & set(o.model_fields)) if is_settings(o) else 0
    )


def options(annotation: Any) -> list[Any]:
    """Return the members of a union, or the type itself."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return [o for a in get_args(annotation) for o in options(a)]
    return [annotation]


def expected_at(annotation: Any, place: Place) -> list[Any]:
    """Return the types that may stand at a place, whatever stands there."""
    found = options(annotation)
    for part in place:
        inside: list[Any] = []
        for option in found:
            origin, arguments = get_origin(option), get_args(option)
            if is_settings(option):
                if part in option.model_fields:
                    inside += options(option.model_fields[part].annotation)
            elif origin in _MAPPINGS:
                inside += options(arguments[1])
            elif origin in _LISTS and arguments:
                inside += options(arguments[0])
        found = inside
    return found


def is_settings(annotation: Any) -> bool:
    """Tell whether a type is a settings class."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def takes_path(annotation: Any, place: Place, word: str) -> bool:
    """Tell whether a word at this place is a path."""
    if place[-1] == "coordinates":  # the name of packaged ones, or a table
        return Path(word).suffix != ""
    typed = any(isinstance(o, type) and issubclass(o, Path) for o in options(annotation))
    return typed or place[-1] in _PATHS


def _fits(model: type[BaseModel], data: Mapping[str, Any]) -> bool:
    words = kinds_of(model)
    if not words:
        return True
    if "kind" not in data:
        return not model.model_fields["kind"].is_required()
    return data["kind"] in words

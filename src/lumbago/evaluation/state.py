"""What a fitted object has learned, array by array: the fingerprint the audit compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lumbago.provenance import digest, digest_array

_Seen = dict[int, tuple[str, Any]]


def learned_state(fitted: Any) -> dict[str, str]:
    """Return the digest of every value inside a fitted object, by its place.

    Two objects with equal fingerprints hold the same bits in every array, number and word.

    >>> learned_state({"a": [1, 2.0]}) == learned_state({"a": [1, 2.5]})
    False
    """
    found: dict[str, str] = {}
    _walk(fitted, "", found, {})
    return found


def first_difference(one: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    """Return the first place where two fingerprints differ, None where they are equal."""
    for place in sorted(set(one) | set(other)):
        if one.get(place) != other.get(place):
            return place or "the object"
    return None


def _walk(value: Any, place: str, found: dict[str, str], seen: _Seen) -> None:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        found[place] = digest(type(value).__name__, repr(value))
        return
    if id(value) in seen:
        found[place] = f"same as {seen[id(value)][0]}"
        return
    # The value is held as well: were it freed, another could take its id.
    seen[id(value)] = place, value
    if isinstance(value, np.ndarray):
        _walk_array(value, place, found, seen)
    elif isinstance(value, pd.DataFrame):
        for i, name in enumerate(value.columns):
            _walk(value.iloc[:, i].to_numpy(), f"{place}[{name}]", found, seen)
    elif isinstance(value, pd.Index | pd.Series):
        found[place] = digest(*map(repr, value.tolist()))
    elif isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            _walk(value[key], f"{place}[{key}]", found, seen)
    elif isinstance(value, list | tuple):
        found[f"{place}#"] = str(len(value))
        for i, item in enumerate(value):
            _walk(item, f"{place}[{i}]", found, seen)
    elif isinstance(value, set | frozenset):
        found[place] = digest(*sorted(map(repr, value)))
    elif isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        found[place] = f"{value.__module__}.{value.__qualname__}"
    elif isinstance(value, np.random.Generator):
        _walk(value.bit_generator.state, place, found, seen)
    elif isinstance(value, np.random.RandomState):
        _walk(value.get_state(legacy=False), place, found, seen)
    else:
        _walk_object(value, place, found, seen)


def _walk_array(value: np.ndarray, place: str, found: dict[str, str], seen: _Seen) -> None:
    if value.dtype.names:
        # Records have padding between fields, which holds whatever the memory held before.
        for name in value.dtype.names:
            found[f"{place}.{name}"] = digest_array(value[name])
    elif value.dtype.hasobject:
        found[f"{place}#"] = str(value.shape)
        for i, item in enumerate(value.ravel()):
            _walk(item, f"{place}[{i}]", found, seen)
    else:
        found[place] = digest_array(value)


def _walk_object(value: Any, place: str, found: dict[str, str], seen: _Seen) -> None:
    found[f"{place}:"] = f"{type(value).__module__}.{type(value).__qualname__}"
    own = getattr(value, "__dict__", None)
    if own is None:
        # Compiled objects (scikit-learn's trees) say what they hold when they are pickled.
        reduced = value.__reduce_ex__(2)
        own = {"arguments": reduced[1], "state": reduced[2] if len(reduced) > 2 else None}
    for name in sorted(own):
        _walk(own[name], f"{place}.{name}" if place else name, found, seen)

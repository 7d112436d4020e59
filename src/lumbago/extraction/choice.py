"""Extractors from a few words, as a command line has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from lumbago.errors import InputError, Problem
from lumbago.extractors import EXTRACTORS
from lumbago.extractors.base import Extractor
from lumbago.spec import kinds_of

_BY_KIND: dict[str, Any] = {
    k: cls for cls in EXTRACTORS for k in kinds_of(cls) if issubclass(cls, Extractor)
}


def chosen(
    kinds: Sequence[str], settings: Mapping[str, Any] | None = None, *, atlas: str | None = None
) -> dict[str, Extractor]:
    """Return extractors by their kinds, all that know a setting with that setting.

    Parameters
    ----------
    kinds : sequence of str
    settings : mapping
        ``{"neighbours": 19}`` for every kind that has it; ``{"reho": {"neighbours": 19}}`` for
        one, over what is said of every kind. ``band`` is also the only band of amplitudes.
    atlas : str, optional
        Regions for the kinds that take some.

    Raises
    ------
    InputError
        For every unknown kind and every setting that fits none, at once.

    >>> chosen(["reho"], {"band": [0.02, 0.08]})["reho"].band
    (0.02, 0.08)
    """
    problems = []
    made: dict[str, Extractor] = {}
    used: set[str] = set()
    given = dict(settings or {})
    for kind in dict.fromkeys(kinds):
        cls = _BY_KIND.get(kind)
        if cls is None:
            problems.append(f"kind {kind!r}: expected one of {', '.join(_BY_KIND)}"
                            + near(kind, _BY_KIND))  # fmt: skip
            continue
        fields = cls.model_fields
        own: dict[str, Any] = {"kind": kind}
        for name, value in given.items():
            if name == kind and isinstance(value, dict):
                used.add(name)
                continue  # what is said of one kind stands over what is said of all
            if name in fields:
                own[name] = value
            elif name == "band" and "bands" in fields:
                own |= _bands_of({name: value}, fields)
            else:
                continue
            used.add(name)
        if "keep_maps" in fields:
            own["keep_maps"] = True
        if atlas is not None and "atlas" in fields:
            own.setdefault("atlas", atlas)
        named = given.get(kind)
        own = _over(own, _bands_of(named, fields)) if isinstance(named, dict) else own
        try:
            made[kind] = cls(**own)
        except ValidationError as error:
            problems += [str(p) for p in refused(error, kind, cls)]
    known = sorted({f for k in kinds if k in _BY_KIND for f in _BY_KIND[k].model_fields})
    for name in given:
        if name not in used and all(k in _BY_KIND for k in kinds):
            problems.append(
                f"setting {name!r}: none of {', '.join(kinds)} has it{near(name, known)}"
            )
    if problems:
        raise InputError(problems)
    return made


def near(word: str, known: Any) -> str:
    """Return a hint at the nearest known word, or nothing."""
    found = get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _bands_of(settings: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which ``band`` is the only one of the bands, where there is no other."""
    if "band" not in settings or "band" in fields or "bands" not in fields:
        return dict(settings)
    rest = {name: value for name, value in settings.items() if name != "band"}
    return {"bands": {"band": settings["band"]}} | rest


def _over(general: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Lay settings over others, those within settings too."""
    merged = dict(general)
    for name, value in own.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict) and name != "bands":
            value = _over(below, value)
        merged[name] = value
    return merged


def refused(error: ValidationError, what: str, settings: type[BaseModel]) -> list[Problem]:
    """Return what a settings class refuses, one sentence each.

    Parameters
    ----------
    error : ValidationError
    what : str
        What the place of each problem begins with.
    settings : type
        The class that refuses, to tell the nearest name it knows.
    """
    problems = []
    for raised in error.errors(include_url=False):
        place = [str(part) for part in raised["loc"] if part not in (what, "[key]")]
        if place[:2] == ["bands", "band"]:
            place = place[1:]
        problems.append(Problem(".".join([what, *place]), _said(dict(raised), place, settings)))
    return problems


def _said(raised: Mapping[str, Any], place: Sequence[str], settings: type[BaseModel]) -> str:
    kind, got = raised["type"], raised["input"]
    if kind == "missing":
        return "is missing; give it a value"
    if kind == "extra_forbidden":
        known = {name for cls in _holders(settings, place[:-1]) for name in cls.model_fields}
        return f"no such setting{near(place[-1], sorted(known)) if place else ''}"
    if kind == "value_error":
        return str(raised["msg"]).removeprefix("Value error, ")
    if kind in ("model_type", "dict_type") and (inner := _holders(settings, place)):
        names = ", ".join(inner[0].model_fields)
        return f"expected settings of its own ({names}), as {place[-1]}.NAME=VALUE; got {got!r}"
    hint = near(got, re.findall(r"'([^']+)'", raised["msg"])) if isinstance(got, str) else ""
    return f"{raised['msg'].replace('Input should be', 'expected')}; got {got!r}{hint}"


def _holders(settings: type[BaseModel], place: Sequence[str]) -> list[type[BaseModel]]:
    """Return the settings classes that may stand at a place below another."""
    there: list[type[BaseModel]] = [settings]
    for part in place:
        fields = [cls.model_fields[part].annotation for cls in there if part in cls.model_fields]
        there = [cls for annotation in fields for cls in _classes(annotation)]
    return there


def _classes(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [cls for part in get_args(annotation) for cls in _classes(part)]

"""Extractors from a few words, as a command line has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

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
        one. ``band`` is also the only band of amplitudes.
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
                own |= value
            elif name in fields:
                own[name] = value
            elif name == "band" and "bands" in fields:
                own["bands"] = {"band": value}
            else:
                continue
            used.add(name)
        if "keep_maps" in fields:
            own["keep_maps"] = True
        if atlas is not None and "atlas" in fields:
            own.setdefault("atlas", atlas)
        try:
            made[kind] = cls(**own)
        except ValidationError as error:
            problems += [str(p) for p in refused(error, kind)]
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


def refused(error: ValidationError, what: str) -> list[Problem]:
    """Return what a settings class refuses, one sentence each."""
    return [
        Problem(
            ".".join([what, *(str(part) for part in raised["loc"] if part != what)]),
            f"{raised['msg'].removeprefix('Value error, ')}; got {raised['input']!r}",
        )
        for raised in error.errors(include_url=False)
    ]

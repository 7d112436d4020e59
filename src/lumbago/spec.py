"""The base of everything a YAML file can name: settings that are the running object."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from lumbago.errors import InputError
from lumbago.provenance import canonical_json, digest

S = TypeVar("S", bound="Spec")


class Spec(BaseModel):
    """Frozen, closed settings with a ``kind``; YAML and Python build the same object.

    ``version`` rises with every change of the formula behind a kind, so that
    results of the older formula are never served for the newer one.
    ``references`` names entries of the bibliography that the methods text cites.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    version: ClassVar[int] = 1
    references: ClassVar[tuple[str, ...]] = ()

    def canonical(self) -> dict[str, Any]:
        """Return every setting as plain JSON values, with the formula's version."""
        settings = json.loads(self.model_dump_json())
        return {**settings, "version": self.version}

    def digest(self) -> str:
        """SHA-256 of the canonical settings."""
        return digest(canonical_json(self.canonical()))

    def __hash__(self) -> int:
        return hash((type(self), canonical_json(self.canonical())))


def read_kind(value: Any, family: Iterable[type[S]], what: str) -> S:
    """Return settings from themselves, from a kind, or from ``{"kind": ..., ...}``.

    Parameters
    ----------
    value : Spec, str or mapping
    family : iterable of settings classes
    what : str
        What the family is called in an error: ``model``, ``scheme``.

    Raises
    ------
    InputError
        If the kind is unknown.
    pydantic.ValidationError
        If a setting does not fit.
    """
    by_kind: dict[str, type[S]] = {kind: cls for cls in family for kind in kinds_of(cls)}
    for cls in by_kind.values():
        if isinstance(value, cls):
            return value
    settings: Any = {"kind": value} if isinstance(value, str) else value
    kind = settings.get("kind") if isinstance(settings, dict) else None
    if not isinstance(kind, str) or kind not in by_kind:
        near = difflib.get_close_matches(str(kind), by_kind, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        got = repr(kind) if kind is not None else f"a {type(value).__name__}"
        raise InputError(f"{what}: expected one of {', '.join(by_kind)}; got {got}{hint}")
    return by_kind[kind](**settings)


def one_of(family: Sequence[type[Spec]]) -> Any:
    """Return the type of "any of these kinds", told apart by ``kind``."""
    if len(family) == 1:
        return family[0]
    return Annotated[Union[tuple(family)], Field(discriminator="kind")]  # noqa: UP007


def kinds_of(cls: type[BaseModel]) -> tuple[str, ...]:
    """Return the words that `kind` may take in a settings class."""
    field = cls.model_fields.get("kind")
    if field is None or get_origin(field.annotation) is not Literal:
        return ()
    return tuple(str(word) for word in get_args(field.annotation))

"""The base of everything a YAML file can name: settings that are the running object."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from lumbago.provenance import canonical_json, digest


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

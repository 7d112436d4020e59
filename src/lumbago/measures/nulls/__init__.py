"""Null models: what a network would look like if only some of its properties were given."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# What the package offers -> the file it lives in.
_ROOMS = {
    "hirschberger_qi_steuer": "correlations",
    "lattice": "lattices",
    "phase_randomized": "phases",
    "random_graph": "uniform",
    "rewire": "rewiring",
    "rewire_weighted": "weighted",
}

__all__ = sorted(_ROOMS)


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'lumbago.measures.nulls' has no attribute {name!r}")
    return getattr(import_module(f"lumbago.measures.nulls.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_ROOMS)

"""Pure functions on arrays: everything that is measured, without a file or a setting in sight.

``lumbago.measures.homogeneity.reho`` and its like are found without importing each module.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

_MODULES = (
    "amplitude", "centrality", "cleaning", "connectivity", "graph", "homogeneity", "intensity",
    "interpolation", "mirror", "motion", "nulls", "positive", "smoothing", "streaming", "symmetry",
)  # fmt: skip


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return import_module(f"lumbago.measures.{name}")
    raise AttributeError(f"module 'lumbago.measures' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_MODULES)

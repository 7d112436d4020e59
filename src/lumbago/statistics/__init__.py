"""Tests, intervals and correlations on arrays: pure functions, without a file or a setting.

``lumbago.statistics.qc_fc`` and its like are found without importing each module.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

_MODULES = ("difference", "permutation", "qc_fc")


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return import_module(f"lumbago.statistics.{name}")
    raise AttributeError(f"module 'lumbago.statistics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_MODULES)

"""JSON sidecars: what may be known of a scan, and nothing else of what they say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lumbago.reading.walker import Entry

ALLOWED = (
    "RepetitionTime", "SliceTiming", "StartTime", "EchoTime", "TaskName", "SkullStripped",
    "Resolution", "Atlas",
)  # fmt: skip
"""Keys that are read. Everything else may name a patient, a place, a device or a date."""
MAX_BYTES = 5_000_000


def read_sidecar(path: Path) -> dict[str, Any]:
    """Return the allowed keys of one sidecar; nothing if it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {key: content[key] for key in ALLOWED if key in content}


class Sidecars:
    """The sidecars of a dataset, handed down as BIDS says.

    A sidecar holds for a file of the same suffix whose name has all its entities, in its
    folder or below; the nearer one wins.
    """

    def __init__(self, root: Path, entries: Iterable[Entry]):
        self._root = root
        self._by_suffix: dict[tuple[str, str], list[Entry]] = {}
        self._read: dict[str, dict[str, Any]] = {}
        for entry in entries:
            if entry.extension == ".json":
                self._by_suffix.setdefault((entry.folder, entry.suffix), []).append(entry)

    def of(self, entry: Entry, suffixes: Sequence[str] = ()) -> dict[str, Any]:
        """Return the allowed keys that hold for a file."""
        found: dict[str, Any] = {}
        own = set(entry.entities.items())
        for folder in _ancestry(entry.folder):
            sidecars = [
                s
                for suffix in (suffixes or (entry.suffix,))
                for s in self._by_suffix.get((folder, suffix), ())
                if own.issuperset(s.entities.items())
            ]
            for sidecar in sorted(sidecars, key=lambda s: len(s.entities)):
                found.update(self._content(sidecar))
        return found

    def _content(self, sidecar: Entry) -> dict[str, Any]:
        key = f"{sidecar.folder}/{sidecar.name}"
        if key not in self._read:
            self._read[key] = read_sidecar(sidecar.path(self._root))
        return self._read[key]


def repetition_time(sidecar: dict[str, Any]) -> float | None:
    """Return the repetition time in seconds; None if absent or no number."""
    value = sidecar.get("RepetitionTime")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def _ancestry(folder: str) -> list[str]:
    parts = folder.split("/") if folder else []
    return ["/".join(parts[:n]) for n in range(len(parts) + 1)]

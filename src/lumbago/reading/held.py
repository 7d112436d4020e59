"""What the files of one scan hold that others have measured already."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lumbago.data import Scan, Volume
from lumbago.data.features import region_names
from lumbago.errors import ScanRejected
from lumbago.reading.matrices import read_matrix
from lumbago.reading.values import read_values, roles_of
from lumbago.reading.voxels import read_volume


class HeldFiles:
    """Files of one scan, read as they stand: a matrix, a still map, values per region.

    Parameters
    ----------
    scan : Scan

    Attributes
    ----------
    notes : list of str
        What the report must say of this scan, without names, paths, or words of a header.
    """

    def __init__(self, scan: Scan):
        self.scan = scan
        self.notes: list[str] = []

    def connectome(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the scan's connectivity matrix (n, n), diagonal 1, and its nodes' names."""
        matrix, own = read_matrix(
            self._file("connectome"),
            n_nodes=len(self.scan.labels) or None,
            within=self.scan.within.get("connectome", ""),
            notes=self.notes,
        )
        if np.nanmax(np.abs(matrix), initial=0) > 1 + 1e-6:
            self._note("a connectome holds values beyond 1, so they are no plain correlations")
        names = self.scan.labels or own or tuple(f"node{i + 1:03d}" for i in range(len(matrix)))
        return matrix, region_names(names)

    def map(self, name: str | None = None) -> Volume:
        """Return the scan's still image (role ``map``, or ``map:<name>``), NaN where undefined."""
        role = f"map:{name}" if name and f"map:{name}" in self.scan.files else "map"
        return read_volume(self._file(role))

    def values(self, name: str) -> tuple[tuple[str, ...], np.ndarray]:
        """Return what another tool has computed per region (roles ``values:<name>``), and where."""
        labels: list[str] = []
        parts = []
        for role in roles_of(name, frozenset(self.scan.files)):
            own, numbers = read_values(self._file(role), role, self.scan.within.get(role, ""))
            labels += own
            parts.append(numbers)
        if not parts:
            raise ScanRejected("E_ROLE", f"this scan has no values of {name}")
        return region_names(labels), np.concatenate(parts)

    def _file(self, role: str) -> Path:
        if role not in self.scan.files:
            raise ScanRejected("E_ROLE", f"this scan has no {role} file")
        return Path(self.scan.files[role])

    def _note(self, *notes: str) -> None:
        self.notes.extend(note for note in notes if note not in self.notes)

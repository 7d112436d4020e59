"""One window of a stream, opened as a scan of that length is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lumbago.data import Scan
from lumbago.reading.confounds import Confounds
from lumbago.reading.denoise import Denoise
from lumbago.reading.filtering import Band
from lumbago.reading.freedom import check_freedom
from lumbago.reading.recording import Recording
from lumbago.reading.voxels import Voxels

WINDOW = Scan("window", files={"bold": Path("window")})
"""What an extractor is told of a window: voxels, and nothing else."""


class WindowRecording(Recording):
    """The voxels of a window in the place of a file's.

    Parameters
    ----------
    voxels : Voxels
        Values (n_volumes, n_voxels) float32; rows of volumes that are missing are not read.
    t_r : float
        Repetition time, in seconds.
    confounds : array of shape (n_volumes, k) or None
        Regressed out, all of them; finite in missing volumes too, though not read there.
    kept : array of int or None
        Volumes that are there; None if all are.
    operators : dict
        Cleaning matrices that windows share as long as nothing in them depends on the window.
    """

    def __init__(
        self,
        voxels: Voxels,
        t_r: float,
        confounds: np.ndarray | None,
        kept: np.ndarray | None,
        operators: dict[str, tuple[np.ndarray | None, np.ndarray | None]],
    ):
        super().__init__(WINDOW, min_minutes=0, min_volumes=0)
        self._voxels = voxels
        self.t_r = t_r
        self._confounds_given = confounds
        self._there = kept
        if confounds is None and kept is None:
            self._operators = operators

    def nuisance(self, denoise: Denoise, n_volumes: int) -> Confounds:
        """Return what is taken out of the window, and the volumes that are there."""
        found = super().nuisance(denoise, n_volumes)
        if self._there is None:
            return found
        check_freedom(found.values, self._there)
        return replace(found, kept=self._there)

    def _nuisance(
        self, denoise: Denoise | None, n_volumes: int
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        if denoise is None:
            return None, self._there
        return super()._nuisance(denoise, n_volumes)

    def _operator(
        self, n_volumes: int, denoise: Denoise | None, band: Band
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        operator, _ = super()._operator(n_volumes, denoise, band)
        return operator, self._there

"""One scan, and the arrays that come out of its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np


@dataclass(frozen=True)
class Scan:
    """Where one scan of one participant lies; paths and names, never arrays.

    Parameters
    ----------
    participant, session, run : str
        BIDS names with their prefixes (``sub-01``, ``ses-1``, ``run-1``); empty where absent.
    cohort : str
        Name of the cohort.
    files : mapping of role to path
        Roles: bold, mask, confounds, confounds_json, motion, timeseries, connectome, map,
        ``map:<name>``, ``values:<name>``, coverage.
    t_r : float or None
        Repetition time, in seconds.
    space : str or None
        Name of the space the files lie in (``MNI152NLin2009cAsym``, ``scanner``).
    entities : mapping
        Remaining BIDS entities (task, acq, desc, atlas).
    columns : tuple of str
        Columns of a time series table to use, in this order; a column that the table
        lacks is a region without data. Empty takes all, as they stand.
    labels : tuple of str
        Names of the regions (columns, or nodes of a connectome); empty takes the file's own.
    within : mapping of role to str
        Where in a file that holds several people this scan's part is: a line, a group.
    """

    participant: str
    session: str = ""
    run: str = ""
    cohort: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    t_r: float | None = None
    space: str | None = None
    entities: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    within: Mapping[str, str] = field(default_factory=dict)

    @property
    def index(self) -> tuple[str, str, str]:
        """Row of this scan in every table: cohort, participant, session."""
        return self.cohort, self.participant, self.session

    def __str__(self) -> str:
        return " ".join(part for part in (self.participant, self.session, self.run) if part)


@dataclass(frozen=True)
class Volume:
    """One still image: array, affine, unit."""

    array: np.ndarray
    affine: np.ndarray
    unit: str = ""

    def to_image(self) -> nib.Nifti1Image:
        """Return the volume as an image with a fresh header; NaN is kept."""
        return fresh_image(self.array, self.affine)


@dataclass(frozen=True)
class Signals:
    """Time series of voxels or regions, with the way back to an image.

    Parameters
    ----------
    values : array of shape (n_volumes, n_signals), float32
        All volumes, in order. Rows of volumes that are not kept may be NaN.
    t_r : float or None
        Repetition time, in seconds.
    kept : array of int or None
        Indices of the volumes that survive scrubbing; None keeps all.
    mask : boolean array of shape (x, y, z) or None
        Where the signals lie, in C order, if they are voxels.
    affine : array of shape (4, 4) or None
        Voxel to world, in mm.
    labels : tuple of str
        Names of the signals, if they are regions.
    coverage : array of shape (n_signals,) or None
        Share of each region that holds data, in [0, 1].
    """

    values: np.ndarray
    t_r: float | None = None
    kept: np.ndarray | None = None
    mask: np.ndarray | None = None
    affine: np.ndarray | None = None
    labels: tuple[str, ...] = ()
    coverage: np.ndarray | None = None

    @property
    def kept_values(self) -> np.ndarray:
        """The kept volumes only, (n_kept, n_signals)."""
        return self.values if self.kept is None else self.values[self.kept]

    @property
    def n_kept(self) -> int:
        """Number of kept volumes."""
        return len(self.values) if self.kept is None else len(self.kept)

    def volumes(self) -> np.ndarray:
        """Return the kept volumes as (x, y, z, t) float32, 0 outside the mask."""
        if self.mask is None:
            raise ValueError("signals of regions have no voxels to go back to")
        kept = self.kept_values
        volumes = np.zeros((*self.mask.shape, len(kept)), dtype=np.float32)
        volumes[self.mask] = kept.T
        return volumes

    def to_volume(self, values: np.ndarray, unit: str = "") -> Volume:
        """Place one value per voxel back into the grid, NaN outside the mask."""
        if self.mask is None or self.affine is None:
            raise ValueError("signals of regions have no voxels to go back to")
        array = np.full(self.mask.shape, np.nan, dtype=np.float32)
        array[self.mask] = values
        return Volume(array, self.affine, unit)


def fresh_image(array: np.ndarray, affine: np.ndarray, t_r: float | None = None) -> nib.Nifti1Image:
    """Make an image whose header holds geometry and units, and nothing of any input's header.

    Text fields and extensions of a header may name a patient; a header made
    here from the array alone cannot.
    """
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm", "sec" if array.ndim == 4 else None)
    if t_r is not None and array.ndim == 4:
        zooms = image.header.get_zooms()
        image.header.set_zooms((*zooms[:3], t_r))
    return image

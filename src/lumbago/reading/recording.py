"""One opened scan: its files read once, its signals cleaned once per denoising and band."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from lumbago.data import Atlas, Scan, Signals
from lumbago.data.features import region_names
from lumbago.errors import InputError
from lumbago.measures.motion import dvars
from lumbago.reading import confounds as nuisance
from lumbago.reading.denoise import Denoise
from lumbago.reading.filtering import Band, applied, band_operator, cleaning_key
from lumbago.reading.freedom import Freedom, freedom
from lumbago.reading.held import HeldFiles
from lumbago.reading.length import MIN_MINUTES, MIN_VOLUMES, check_length
from lumbago.reading.repetition import agreed_t_r
from lumbago.reading.sampling import region_means
from lumbago.reading.scrubbing import kept_indices, kept_rows
from lumbago.reading.series import read_series
from lumbago.reading.voxels import BoldSource, Voxels, read_mask

_CLEANED = 2


class Recording(HeldFiles):
    """What one scan holds, read when asked for and kept while the scan is measured.

    Parameters
    ----------
    scan : Scan
    min_minutes, min_volumes : float, int
        A scan with fewer minutes and also fewer volumes left after scrubbing is rejected
        (``E_SHORT``); with 0 it is only noted.

    Attributes
    ----------
    notes : list of str
        What the report must say of this scan, without names, paths, or words of a header.
    """

    def __init__(
        self, scan: Scan, *, min_minutes: float = MIN_MINUTES, min_volumes: int = MIN_VOLUMES
    ):
        super().__init__(scan)
        self.min_minutes = min_minutes
        self.min_volumes = min_volumes
        self._source: BoldSource | None = None
        self._mask: Any = None
        self._confounds_given: Any = None
        self._cleaned: OrderedDict[str, Signals] = OrderedDict()
        self._sampled: dict[Atlas | None, tuple[np.ndarray, np.ndarray]] = {}
        self._series_labels: tuple[str, ...] = ()
        self._operators: dict[str, tuple[np.ndarray | None, np.ndarray | None]] = {}
        self._nuisances: dict[Denoise, nuisance.Confounds] = {}

    @classmethod
    def from_image(
        cls,
        img: nib.Nifti1Image | Path | str,
        *,
        mask_img: nib.Nifti1Image | Path | str | None = None,
        confounds: pd.DataFrame | np.ndarray | Path | str | None = None,
        t_r: float | None = None,
    ) -> Recording:
        """Open a single 4D image, as a notebook does: what a cohort refuses is noted here.

        Parameters
        ----------
        img : Nifti1Image or path
        mask_img : Nifti1Image, path or None
            Brain mask on the same grid; None computes one.
        confounds : DataFrame, array (n_volumes, k), path or None
            Regressors, taken whole; or fMRIPrep's table, from which the denoising chooses.
        t_r : float or None
            Repetition time in seconds; wins over the header.
        """
        scan = Scan("image", files={"bold": Path("image")}, t_r=t_r)
        recording = cls(scan, min_minutes=0, min_volumes=0)
        recording._source = BoldSource.of(img)
        recording._mask = mask_img
        if confounds is not None and not isinstance(confounds, pd.DataFrame | np.ndarray):
            confounds = Path(confounds)
        recording._confounds_given = confounds
        return recording

    @property
    def source(self) -> BoldSource:
        """The 4D image, its voxels still on disk."""
        if self._source is None:
            self._source = BoldSource.of(self._file("bold"), strict=True)
            self._note(*self._source.notes)
        return self._source

    @cached_property
    def t_r(self) -> float | None:
        """Repetition time in seconds, None where nothing tells it.

        Raises
        ------
        ScanRejected
            ``E_TR`` if it lies outside 0.1 to 10 s, or sidecar and header disagree.
        """
        header = self.source.t_r if "bold" in self.scan.files else None
        t_r, note = agreed_t_r(self.scan.t_r, header, strict=not self._is_single_image)
        self._note(*([note] if note else []))
        return t_r

    def voxels(self, denoise: Denoise | None, band: Band = None) -> Signals:
        """Return the signals inside the brain, cleaned.

        Parameters
        ----------
        denoise : Denoise or None
            None leaves the signals as they are (but for the band).
        band : (low, high) in Hz or None
            None filters nothing; either end may be None.

        Returns
        -------
        Signals
            Values (n_volumes, n_voxels) float32, NaN in volumes that are not kept; mask and
            affine lead back to an image.

        Raises
        ------
        ScanRejected
            Whatever keeps this scan from being read or cleaned, by code.
        """
        key = cleaning_key(denoise, band)
        if key not in self._cleaned:
            raw = self._voxels
            values, kept = self._clean(raw.values, denoise, band)
            self._cleaned[key] = Signals(values, self.t_r, kept, raw.mask, raw.affine)
            while len(self._cleaned) > _CLEANED:
                self._cleaned.popitem(last=False)
        self._cleaned.move_to_end(key)
        return self._cleaned[key]

    def regions(self, atlas: Atlas | None, denoise: Denoise | None, band: Band = None) -> Signals:
        """Return one signal per region, cleaned.

        Averaging and cleaning are both linear, so the average is taken first: the same
        numbers, for a hundredth of the work.

        Parameters
        ----------
        atlas : Atlas or None
            None reads the scan's time series table, which its makers have denoised: only
            the band is applied, and scrubbing where the motion table fits.
        denoise, band
            As for `voxels`.
        """
        values, coverage = self._regions_of(atlas)
        labels = self._series_labels if atlas is None else atlas.names
        if atlas is None:
            values, kept = self._clean_series(values, denoise, band)
        else:
            values, kept = self._clean(values, denoise, band)
        return Signals(values, self.t_r, kept, labels=labels, coverage=coverage)

    def uncleaned(self) -> Signals:
        """Return the signals inside the brain as they were read, all volumes, however few."""
        raw = self._voxels
        return Signals(raw.values, self.t_r, None, raw.mask, raw.affine)

    def nuisance(self, denoise: Denoise, n_volumes: int) -> nuisance.Confounds:
        """Return what a denoising takes out of the scan, the volumes it keeps, and their motion.

        Raises
        ------
        ScanRejected
            As `lumbago.reading.confounds.load` does.
        """
        given = self._confounds_given
        if given is None and "confounds" not in self.scan.files:
            self._note(
                "no confounds: only mean and linear trend are taken out, no volume is scrubbed"
            )
        if denoise not in self._nuisances:
            source = self.scan if given is None else given
            found = nuisance.load(source, denoise, n_volumes, self._std_dvars)
            self._note(*found.notes)
            self._nuisances[denoise] = found
        return self._nuisances[denoise]

    def freedom(self, denoise: Denoise | None, band: Band = None) -> Freedom:
        """Return what a denoising and a band cost the scan; no voxel is read for it."""
        if "bold" in self.scan.files:
            n_volumes = self.source.shape[3]
            operator, kept = self._operator(n_volumes, denoise, band)
            regressors, _ = self._nuisance(denoise, n_volumes)
        else:
            values, _ = self._regions_of(None)
            n_volumes, regressors = len(values), None
            operator, kept = self._series_operator(values, denoise, band)
        return freedom(operator, regressors, kept, n_volumes)

    @property
    def _is_single_image(self) -> bool:
        return not self.min_minutes and not self.min_volumes

    @cached_property
    def _voxels(self) -> Voxels:
        mask = self._mask if self._mask is not None else self.scan.files.get("mask")
        grid = self.source.shape[:3], self.source.affine
        voxels = self.source.masked(None if mask is None else read_mask(mask, *grid))
        self._note(*voxels.notes)
        return voxels

    def _regions_of(self, atlas: Atlas | None) -> tuple[np.ndarray, np.ndarray]:
        if atlas not in self._sampled:
            if atlas is None:
                series = read_series(
                    self._file("timeseries"),
                    self.scan.columns,
                    self.scan.within.get("timeseries", ""),
                )
                self._note(*series.notes)
                self._series_labels = self.scan.labels or region_names(series.names)
                self._sampled[None] = series.values, series.coverage
            else:
                raw = self._voxels
                self._sampled[atlas] = region_means(raw.values, raw.mask, raw.affine, atlas)
        return self._sampled[atlas]

    def _clean(
        self, values: np.ndarray, denoise: Denoise | None, band: Band
    ) -> tuple[np.ndarray, np.ndarray | None]:
        operator, kept = self._operator(len(values), denoise, band)
        self._long_enough(len(values) if kept is None else len(kept))
        return applied(operator, values, kept), kept

    def _operator(
        self, n_volumes: int, denoise: Denoise | None, band: Band
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        key = cleaning_key(denoise, band)
        if key not in self._operators:
            regressors, kept = self._nuisance(denoise, n_volumes)
            if denoise is None and band is None:
                self._operators[key] = None, None
            else:
                how = "butterworth" if denoise is None else denoise.filter
                operator = band_operator(n_volumes, regressors, kept, band, self.t_r, how)
                self._operators[key] = operator, kept
        return self._operators[key]

    def _nuisance(
        self, denoise: Denoise | None, n_volumes: int
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        if denoise is None:
            if self._confounds_given is not None:
                raise InputError(
                    "confounds were given, but `denoise` is None: give the extractor a Denoise, "
                    "or leave the confounds out"
                )
            return None, None
        found = self.nuisance(denoise, n_volumes)
        return found.values, found.kept

    def _std_dvars(self) -> np.ndarray:
        return dvars(self._voxels.values).standardized

    def _clean_series(
        self, values: np.ndarray, denoise: Denoise | None, band: Band
    ) -> tuple[np.ndarray, np.ndarray | None]:
        operator, indices = self._series_operator(values, denoise, band)
        return applied(operator, values, indices), indices

    def _series_operator(
        self, values: np.ndarray, denoise: Denoise | None, band: Band
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Filter and scrub a table of series; without a band its values stay as they are."""
        key = f"series {cleaning_key(denoise, band)}"
        if key not in self._operators:
            scrub = None if denoise is None else denoise.scrub
            kept, notes = kept_rows(values, scrub, self.scan.files.get("motion"))
            self._note(*notes)
            indices = kept_indices(kept)
            self._long_enough(int(kept.sum()))
            made = None
            if band is not None:
                how = "butterworth" if denoise is None else denoise.filter
                made = band_operator(len(values), None, indices, band, self.t_r, how)
            self._operators[key] = made, indices
        return self._operators[key]

    def _long_enough(self, n_kept: int) -> None:
        note = check_length(
            n_kept, self.t_r, min_minutes=self.min_minutes, min_volumes=self.min_volumes
        )
        self._note(*([note] if note else []))

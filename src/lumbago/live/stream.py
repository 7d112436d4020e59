"""Volumes pushed one by one, and the values of the window that ends with each."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import nibabel as nib
import numpy as np

from lumbago.data import Extraction
from lumbago.errors import InputError, ScanRejected
from lumbago.live.settings import Live
from lumbago.live.window import WINDOW, WindowRecording
from lumbago.measures.streaming import RunningMoments, SlidingWindow, clipped_score
from lumbago.reading.images import read_image
from lumbago.reading.voxels import MAX_NAN, Voxels, check_grid


@dataclass(frozen=True)
class LiveValues:
    """What is known once a volume has come.

    Parameters
    ----------
    volume : int
        Index of the volume, from 0.
    values : mapping of str to float
        Every value of the stream, NaN until the window is full and where undefined.
    feedback : float
        By the rule of `Feedback`; NaN where there is none.
    latency : float
        From the push to the values, in seconds.
    notes : tuple of str
        Why values are missing, one sentence each.
    maps : mapping of str to Nifti1Image
        Voxel maps of measures without regions or with ``keep_maps``, by name.
    """

    volume: int
    values: Mapping[str, float]
    feedback: float
    latency: float
    notes: tuple[str, ...] = ()
    maps: Mapping[str, nib.Nifti1Image] = field(default_factory=dict)


class LiveStream:
    """A running scan: push volumes, get the values of the window that ends with each.

    The window is measured by the extractors themselves, as a scan of its length is: values
    are bit for bit those of ``lumbago extract`` on an image of the same volumes. A window of
    noise is measured first, so that whatever cannot be measured (a band that the window does not
    resolve, regions outside the brain) is refused before the scan begins, and the first
    volume finds everything loaded.

    Parameters
    ----------
    settings : Live
    mask : Nifti1Image or path
        Brain mask; its grid is that of the volumes.

    Attributes
    ----------
    names : tuple of str
        Of the values, in their order: ``<measure>[.<variant>]:<region>``.
    notes : tuple of str
        What must be known of every window, such as a space that differs from an atlas's.

    Raises
    ------
    InputError
        If the mask cannot be read or a measure cannot be had of such windows; every
        problem is listed.

    Notes
    -----
    Memory is 8 bytes × window × voxels of the mask, and while values are made about the same
    again for each way to clean the window.
    """

    def __init__(self, settings: Live, mask: Any):
        from threadpoolctl import ThreadpoolController

        self.settings = settings
        try:
            image = mask if isinstance(mask, nib.Nifti1Image) else read_image(mask, ndim=3)
        except ScanRejected as rejected:
            raise InputError(f"mask: {rejected.reason}") from None
        data = np.asanyarray(image.dataobj)
        self.mask = np.isfinite(data) & (data > 0.5)
        self.affine = np.asarray(image.affine, dtype=np.float64)
        if self.mask.ndim != 3 or not self.mask.any():
            raise InputError("mask: expected a 3D image with voxels above 0.5; make it again")
        self._where = np.flatnonzero(self.mask)
        width = settings.width
        self._window = SlidingWindow(width, len(self._where))
        self._confounds = SlidingWindow(width, settings.confounds, np.float64)
        self._there: deque[bool] = deque(maxlen=width)
        self._holed: deque[bool] = deque(maxlen=width)
        self._operators: dict[str, tuple[np.ndarray | None, np.ndarray | None]] = {}
        self._baseline = RunningMoments()
        self._threads = ThreadpoolController()
        self.notes: tuple[str, ...] = ()
        self.names = self._rehearse()
        self._threads = ThreadpoolController()  # again: the rehearsal loads what was not there
        feedback = settings.feedback
        if feedback is not None and feedback.of not in self.names:
            from difflib import get_close_matches

            near = get_close_matches(feedback.of, self.names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"feedback: no value is called {feedback.of!r}{hint}")

    def push(
        self, volume: np.ndarray | nib.Nifti1Image | None, confounds: Any = None
    ) -> LiveValues:
        """Take the next volume and measure the window that ends with it.

        Parameters
        ----------
        volume : array of shape (x, y, z), Nifti1Image, or None
            On the grid of the mask; None stands for a volume that is missing. A volume that
            cannot be used counts as missing, and `notes` say why; the stream goes on.
        confounds : array of shape (k,), optional
            As many numbers as the settings say, such as motion parameters.

        Returns
        -------
        LiveValues
        """
        began = time.perf_counter()
        index = self._window.n_pushed
        notes: list[str] = []
        row, own = self._usable(volume, confounds, notes)
        self._there.append(row is not None)
        self._holed.append(row is not None and not np.isfinite(row).all())
        nothing = np.full(len(self._where), np.nan, dtype=np.float32)
        self._window.push(nothing if row is None else row)
        self._confounds.push(own)
        values: dict[str, float] = dict.fromkeys(self.names, math.nan)
        maps: dict[str, nib.Nifti1Image] = {}
        if self._window.full:
            recording = self._recording(notes)
            if recording is not None:
                for name, found in self._extractions(recording, notes):
                    values.update(_named(name, found))
                    maps.update({f"{name}.{m}" if m != name else m: i
                                 for m, i in found.maps.items()})  # fmt: skip
        else:
            notes.append(f"the window fills: {self._window.n_pushed} of {self.settings.width}")
        feedback = self._feedback(index, values)
        latency = time.perf_counter() - began
        return LiveValues(index, values, feedback, latency, tuple(notes), maps)

    @property
    def baseline(self) -> tuple[float, float]:
        """Mean and standard deviation that feedback is told against so far."""
        feedback = self.settings.feedback
        if feedback is not None and feedback.mean is not None and feedback.sd is not None:
            return feedback.mean, feedback.sd
        return self._baseline.mean, self._baseline.sd

    def _usable(
        self, volume: Any, confounds: Any, notes: list[str]
    ) -> tuple[np.ndarray | None, np.ndarray]:
        """Return the voxels of the mask, None if unusable, and the confounds, 0 without them."""
        n = self.settings.confounds
        nothing = np.zeros(n)
        where = "the volume"
        if volume is None:
            notes.append(f"{where} is missing")
            return None, nothing
        try:
            own = np.asarray([] if confounds is None else confounds, dtype=np.float64)
            if own.shape != (n,) or not np.isfinite(own).all():
                raise ScanRejected(
                    "E_CONFOUND_ROWS",
                    f"{where}: expected {n} finite confounds, got "
                    f"{'none' if confounds is None else own.tolist()}; it counts as missing",
                )
            affine = self.affine
            if isinstance(volume, nib.spatialimages.SpatialImage):
                affine, volume = np.asarray(volume.affine), volume.dataobj
            data = np.asarray(volume)
            if data.ndim == 4 and data.shape[3] == 1:
                data = data[..., 0]
            check_grid(where, data.shape, affine, self.mask.shape, self.affine)
            if data.dtype.kind not in "iufb":
                raise ScanRejected("E_DTYPE", f"{where}: expected real numbers, got {data.dtype}")
            row = data[self.mask].astype(np.float32)
            bad = int(np.count_nonzero(~np.isfinite(row)))
            if bad > MAX_NAN * len(row):
                raise ScanRejected(
                    "E_NAN",
                    f"{where}: {bad} of {len(row)} voxels in the brain hold NaN or infinity, at "
                    f"most {MAX_NAN:.0%} may; it counts as missing",
                )
        except (ScanRejected, TypeError, ValueError) as error:
            reason = error.reason if isinstance(error, ScanRejected) else f"{where}: {error}"
            notes.append(reason)
            return None, nothing
        return row, own

    def _recording(self, notes: list[str]) -> WindowRecording | None:
        missing = self._there.count(False)
        kept = None
        if missing:
            if self.settings.gaps == "nan":
                notes.append(f"volumes missing in the window: {missing} of {len(self._there)}")
                return None
            kept = np.flatnonzero(self._there)
            if not len(kept):
                notes.append("every volume of the window is missing")
                return None
        values, mask = self._window.values, self.mask
        if any(self._holed):
            good = np.isfinite(values[np.asarray(self._there)]).all(axis=0)
            bad = int(np.count_nonzero(~good))
            if bad > MAX_NAN * len(good):
                notes.append(
                    f"{bad} of {len(good)} voxels in the brain hold NaN or infinity somewhere in "
                    f"the window, at most {MAX_NAN:.0%} may"
                )
                return None
            mask = mask.copy()
            mask.reshape(-1)[self._where[~good]] = False
            values = values[:, good]
        confounds = self._confounds.values if self.settings.confounds else None
        voxels = Voxels(values, mask, self.affine)
        return WindowRecording(voxels, self.settings.t_r, confounds, kept, self._operators)

    def _extractions(
        self, recording: WindowRecording, notes: list[str]
    ) -> list[tuple[str, Extraction]]:
        found = []
        # One thread of the matrix library, as `lumbago extract` has: other counts, other bits.
        with self._threads.limit(limits=1):
            for name, extractor in self.settings.measures.items():
                try:
                    found.append((name, extractor.extract(recording)))
                except ScanRejected as rejected:
                    notes.append(f"{name}: {rejected.reason}")
                except (ValueError, InputError) as error:
                    notes.append(f"{name}: {error}")
        return found

    def _rehearse(self) -> tuple[str, ...]:
        """Measure a window of noise: what comes of it names the values, and refuses in time."""
        settings = self.settings
        rng = np.random.default_rng(0)
        shape = settings.width, len(self._where)
        noise = rng.standard_normal(shape, dtype=np.float32)
        noise += 100
        confounds = rng.standard_normal((settings.width, settings.confounds))
        problems = [
            f"{name}: {getattr(m, 'kind', name)} measures no voxels; take a kind that does, with "
            "the atlas it needs"
            for name, m in settings.measures.items()
            if not getattr(m, "applies_to", lambda _: False)(WINDOW)
        ]
        if problems:
            raise InputError(problems)
        recording = WindowRecording(
            Voxels(noise, self.mask, self.affine), settings.t_r,
            confounds if settings.confounds else None, None, self._operators,
        )  # fmt: skip
        found = self._extractions(recording, problems)
        if problems:
            raise InputError(problems)
        told = dict.fromkeys(note for _, f in found for note in f.notes)
        self.notes = tuple(told)
        return tuple(n for name, f in found for n in _named(name, f))

    def _feedback(self, index: int, values: Mapping[str, float]) -> float:
        feedback = self.settings.feedback
        if feedback is None:
            return math.nan
        value = values[feedback.of]
        if feedback.baseline is not None:
            first, last = feedback.baseline
            if first <= index <= last:
                self._baseline.add(value)
            if index <= last:
                return math.nan
        z = clipped_score(value, *self.baseline, feedback.limit)
        z = -z if feedback.direction == "down" else z
        return z if feedback.scale == "z" else 0.5 + z / (2 * feedback.limit)


def _named(name: str, found: Extraction) -> dict[str, float]:
    return {
        f"{name}{own}": float(value) for own, value in zip(found.names, found.values, strict=True)
    }

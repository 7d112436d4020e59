"""Volumes that a scanner leaves in a folder, one file each, in the order of their numbers."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from lumbago.errors import InputError, ScanRejected
from lumbago.reading.images import open_image

MAX_GAP = 1000
"""A jump in the numbers by more is a mistake of naming, not a loss of volumes."""
_NUMBER = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True, eq=False)
class Arrival:
    """One volume's turn.

    Parameters
    ----------
    number : int
        From the file's name.
    image : Nifti1Image or None
        None if it did not arrive or cannot be read.
    written : float or None
        When the file was last written, in seconds since the epoch.
    beside : path or None
        The text file of the volume's name, which may hold its confounds.
    notes : tuple of str
        What happened in the folder since the last one.
    """

    number: int
    image: nib.Nifti1Image | None
    written: float | None = None
    beside: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _File:
    path: Path
    number: int
    since: float  # when it was first seen
    signature: tuple[int, int] = (-1, -1)
    steady: float = 0.0  # since when the signature is this one
    tried: bool = False
    reason: str = ""


def number_of(name: str) -> int | None:
    """Return the volume's number in a file's name: its last digits; None if not a volume.

    >>> number_of("run2_vol-0012.nii.gz"), number_of("9.nii"), number_of("mask.nii")
    (12, 9, None)
    >>> number_of(".vol_3.nii"), number_of("vol_3.txt")
    (None, None)
    """
    stem = name.removesuffix(".gz")
    if name.startswith(".") or not stem.endswith(".nii"):
        return None
    found = _NUMBER.search(stem.removesuffix(".nii"))
    return int(found[1]) if found else None


@dataclass
class Arrivals:
    """The volumes of a folder, as they come; iterate over it.

    A file is read once its size and time of writing have stood still for `settle` seconds
    and it can be read to its end. Files of whatever lies in the folder at the start come
    first. Volumes come in the order of their numbers, each number once: a volume that is
    missing is waited for, `patience` seconds from when a later one was seen, then passed over
    (its image is None), and a file that comes after its turn is noted and not read.

    Parameters
    ----------
    folder : path
    patience : float
        Seconds to wait for a number that is skipped, or for a file that cannot be read.
    timeout : float
        Seconds without anything new in the folder after which the stream ends.
    first : int or None
        Number of the first volume; None takes the smallest in the folder once there is any.
    count : int or None
        Volumes after which the stream ends.
    stop : str
        Name of a file in the folder that ends the stream once all there is was read.
    settle, poll : float
        Seconds.
    """

    folder: Path
    patience: float
    timeout: float = 60.0
    first: int | None = None
    count: int | None = None
    stop: str = "stop"
    settle: float = 0.05
    poll: float = 0.01

    def __post_init__(self) -> None:
        self._files: dict[Path, _File] = {}
        self._told: list[str] = []
        self._taken: set[int] = set()
        self._ignored: set[Path] = set()
        self._event = 0.0

    def __iter__(self) -> Iterator[Arrival]:
        expected, done = self.first, 0
        self._event = time.monotonic()
        while self.count is None or done < self.count:
            stopping = (self.folder / self.stop).exists()
            self._look(expected)
            if expected is None and self._files:
                expected = min(f.number for f in self._files.values())
            arrival = None if expected is None else self._next(expected)
            if arrival is not None and expected is not None:
                yield arrival
                expected, done = expected + 1, done + 1
                continue
            quiet = time.monotonic() - self._event
            if (stopping and not self._files) or quiet > self.timeout:
                return
            time.sleep(self.poll)

    def _look(self, expected: int | None) -> None:
        """Take note of new files, and of old ones that changed."""
        now = time.monotonic()
        try:
            entries = sorted(os.scandir(self.folder), key=lambda e: e.name)
        except OSError as error:
            raise InputError(
                f"{self.folder.name}: the folder cannot be read ({error.strerror}); give one that "
                "volumes are written to"
            ) from None
        for entry in entries:
            path, number = Path(entry.path), number_of(entry.name)
            if number is None or path in self._ignored:
                continue
            if path not in self._files:
                self._event = now
                if number in self._taken or (expected is not None and number < expected):
                    twin = number in self._taken
                    self._ignore(path, number, "is there twice" if twin else "came after its turn")
                    continue
                self._files[path] = _File(path, number, now)
            file = self._files[path]
            try:
                status = entry.stat()
            except OSError:  # renamed or gone between the two looks
                continue
            signature = status.st_size, status.st_mtime_ns
            if signature != file.signature:
                file.signature, file.steady, file.tried = signature, now, False
                self._event = now
        for path in [p for p in self._files if not p.exists()]:
            del self._files[path]

    def _next(self, expected: int) -> Arrival | None:
        now = time.monotonic()
        files = [f for f in self._files.values() if f.number == expected]
        if not files:
            later = [f for f in self._files.values() if f.number > expected]
            if not later:
                return None
            nearest = min(f.number for f in later)
            if nearest - expected > MAX_GAP:
                raise InputError(
                    f"{self.folder.name}: volume {expected} is followed by number {nearest}; "
                    "expected files numbered one by one, in the last digits of their names"
                )
            if now - min(f.since for f in later) <= self.patience:
                return None
            notes = self._news(f"volume {expected} did not arrive")
            return Arrival(expected, None, notes=notes)
        # A converter may leave a volume twice, packed and plain: the first that can be read counts.
        for file in files:
            image = self._read(file) if now - file.steady >= self.settle else None
            if image is not None:
                break
        if image is None and now - max(f.steady for f in files) <= self.patience:
            return None
        self._taken.add(expected)
        self._ignored.add(file.path)
        for other in files:
            del self._files[other.path]
            if other is not file:
                self._ignore(other.path, expected, "is there twice")
        written = file.signature[1] / 1e9
        if image is None:
            return Arrival(expected, None, written, notes=self._news(file.reason))
        stem = file.path.name.removesuffix(".gz").removesuffix(".nii")
        beside = file.path.with_name(f"{stem}.txt")
        return Arrival(expected, image, written, beside, self._news())

    def _ignore(self, path: Path, number: int, why: str) -> None:
        self._ignored.add(path)
        self._told.append(f"volume {number} {why}; {path.name} is not read")

    def _read(self, file: _File) -> nib.Nifti1Image | None:
        if file.tried:
            return None
        file.tried = True
        try:
            opened = open_image(file.path, ndim=3, strict=False)
            [voxels] = opened.volumes()
        except ScanRejected as rejected:
            file.reason = f"volume {file.number} cannot be read: {rejected.reason}"
            return None
        except OSError as error:
            file.reason = f"volume {file.number} cannot be read ({error.strerror})"
            return None
        return nib.Nifti1Image(np.asarray(voxels), opened.affine)

    def _news(self, *more: str) -> tuple[str, ...]:
        told = (*self._told, *more)
        self._told.clear()
        return told

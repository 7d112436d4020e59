"""Voxel-mirrored homotopic connectivity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from lumbago.data import Extraction, Signals
from lumbago.errors import ScanRejected
from lumbago.extractors.bands import Band
from lumbago.extractors.base import VoxelExtractor
from lumbago.measures.interpolation import resample
from lumbago.measures.mirror import is_symmetric, mirrored_in, symmetric_grid
from lumbago.measures.symmetry import Midline, homotopic_correlation

if TYPE_CHECKING:
    from lumbago.reading.recording import Recording

# More voxels without a mirror image than this are worth a note.
_MANY = 0.1
_OWN_SPACES = ("scanner", "T1w", "T2w", "func", "bold", "individual", "boldref", "orig")


def _as_word(value: Any) -> Any:
    """A command line takes the word nan for a number."""
    return "nan" if isinstance(value, float) and np.isnan(value) else value


class Symmetry(VoxelExtractor):
    """VMHC: the correlation of every voxel with its mirror image in the other hemisphere.

    Voxels are mirrored about x = 0, the middle of the brain in a template and seldom elsewhere
    (`plane` then says where it is). Signals are band-passed first and never smoothed. What mirrors
    voxels knows no anatomy: in an asymmetric template, fMRIPrep's default among them, the mirror
    image of a place is not quite its homologue; normalize to a symmetric one
    (`MNI152NLin2009cSym`) for that.
    """

    references: ClassVar[tuple[str, ...]] = ("zuo2010",)
    version: ClassVar[int] = 1

    kind: Literal["vmhc"] = "vmhc"
    band: Band | None = (0.01, 0.1)
    """Frequencies that are correlated, in Hz, or a slow band by name; null takes all."""
    fisher_z: bool = True
    """Whether correlations become Fisher's z; else Pearson's r."""
    midline: Annotated[Midline, BeforeValidator(_as_word)] = "nan"
    """Voxels that are part of their own mirror image have no value (``nan``), 0 as in DPABI
    (``zero``), or what comes out (``keep``)."""
    plane: Annotated[float, Field(ge=-1000, le=1000)] = 0.0
    """Where the halves of the brain meet, as x in mm: 0 in a template; for scans in a space of
    their own, such as an animal's, where it was seen."""
    symmetric: bool = True
    """Whether signals are brought to the nearest grid that is its own mirror image, by linear
    interpolation, where theirs is not (fMRIPrep's 2 mm grid in its default space is none);
    maps then lie on that grid. It moves voxels, and makes no anatomy symmetric. Otherwise the
    mirror image alone is interpolated, and is smoother than what it is correlated with."""

    @model_validator(mode="after")
    def _normalized_by_spread_only(self) -> Self:
        if self.normalize == "mean":
            raise ValueError("correlations may average 0, which cannot be divided by")
        return self

    @property
    def average(self) -> Literal["mean", "fisher_z"]:
        """Correlations are averaged as Fisher's z; what is z already, as it is."""
        return "mean" if self.fisher_z or self.normalize else "fisher_z"

    @property
    def filtered_to(self) -> Band | None:
        """The band that signals are filtered to."""
        return self.band

    def signals_of(self, recording: Recording, band: Band | None) -> Signals:
        """Return the cleaned signals, on a symmetric grid if that is asked for."""
        signals = super().signals_of(recording, band)
        try:
            return self._on_symmetric_grid(signals) if self.symmetric else signals
        except ValueError as error:
            raise ScanRejected("E_MEASURE", f"{self.kind}: {error}") from error

    def _on_symmetric_grid(self, signals: Signals) -> Signals:
        assert signals.mask is not None
        assert signals.affine is not None
        about_0 = self._about_0(signals.affine)
        shape, affine = symmetric_grid(signals.mask.shape, about_0)
        if np.array_equal(affine, about_0):
            return signals
        kept, mask = resample(signals.kept_values, signals.mask, about_0, shape, affine)
        values = kept
        if signals.kept is not None:
            values = np.full((len(signals.values), kept.shape[1]), np.nan, kept.dtype)
            values[signals.kept] = kept
        affine[0, 3] += self.plane
        return replace(signals, values=values, mask=mask, affine=affine)

    def _about_0(self, affine: np.ndarray) -> np.ndarray:
        """The same grid in a world whose x is 0 on the plane."""
        moved = np.array(affine, dtype=np.float64)
        moved[0, 3] -= self.plane
        return moved

    def measure(self, signals: Signals) -> Mapping[str, np.ndarray]:
        """Return the correlation of every voxel with its mirror image."""
        if signals.mask is None or signals.affine is None:
            raise ValueError("signals of regions have no mirror image; give voxels")
        found = homotopic_correlation(
            signals.kept_values, signals.mask, self._about_0(signals.affine),
            fisher_z=self.fisher_z, midline=self.midline,
        )  # fmt: skip
        if np.isnan(found).all():
            raise ValueError(
                f"no voxel has a mirror image in the brain; x = {self.plane:g} mm must lie "
                "between its halves; set plane"
            )
        return {"": found}

    def remarks(self, signals: Signals) -> tuple[str, ...]:
        """Say where mirror images are missing, or smoother than what they are compared with."""
        assert signals.mask is not None
        assert signals.affine is not None
        affine = self._about_0(signals.affine)
        told = []
        if not is_symmetric(signals.mask.shape, affine):
            told.append(
                "the grid is not its own mirror image, so that mirrored signals are interpolated "
                "and smoother than those they are correlated with; symmetric: true treats both "
                "alike"
            )
        missing = 1 - float(mirrored_in(signals.mask, affine).mean())
        if missing > _MANY:
            told.append(
                f"{missing:.0%} of the voxels have no value: their mirror images lie outside the "
                f"brain mask; is x = {self.plane:g} mm in the middle of the brain?"
            )
        return tuple(told)

    def _off_the_middle(self, signals: Signals) -> str:
        """Say where the middle of the mask lies, if that is not the plane; no template tells it."""
        assert signals.mask is not None
        assert signals.affine is not None
        along_x = signals.affine[0]
        middle = float(along_x @ [*np.argwhere(signals.mask).mean(axis=0), 1])
        if abs(middle - self.plane) <= np.abs(along_x[:3]).max() / 2:
            return ""
        return (
            f"the middle of the brain mask lies at x = {middle:.1f} mm, and voxels are mirrored "
            f"about x = {self.plane:g} mm; see where the halves of the brain meet, and set plane"
        )

    def _measured(self, recording: Recording, *, keep_maps: bool) -> Extraction:
        found = super()._measured(recording, keep_maps=keep_maps)
        space = recording.scan.space
        notes = [*found.notes, symmetry_note(space, self.plane)]
        if space in (None, "", "unknown", *_OWN_SPACES):
            notes.append(self._off_the_middle(super().signals_of(recording, self.filtered_to)))
        source = recording.source
        if self.symmetric and not is_symmetric(source.shape[:3], self._about_0(source.affine)):
            notes.append(
                "the scan's grid is not its own mirror image: signals are interpolated onto one "
                "that is, and maps lie on it"
            )
        return replace(found, notes=tuple(dict.fromkeys(note for note in notes if note)))


def symmetry_note(space: str | None, midplane: float = 0.0) -> str:
    """Say what a reader must know of mirroring voxels in a space; empty in a symmetric one.

    >>> symmetry_note("MNI152NLin2009cSym")
    ''
    """
    plane = f"x = {midplane:g}"
    if not space or space == "unknown":
        return f"the space of the scans is unknown: it is taken to be symmetric about {plane}"
    if "Asym" in space:
        return (
            f"{space} is an asymmetric template: mirrored voxels are not quite homologous; "
            "normalize to a symmetric one, such as MNI152NLin2009cSym"
        )
    if "Sym" in space:
        return ""
    if space in _OWN_SPACES:
        return (
            f"the scans lie in the space {space}, where {plane} need not be the middle of the "
            "brain and no brain is symmetric; normalize to a symmetric template, such as "
            "MNI152NLin2009cSym"
        )
    return f"nothing says whether {space} is a symmetric template; it is taken to be one"

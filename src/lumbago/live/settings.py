"""What a live stream measures, as one frozen object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from lumbago.extractors import EXTRACTORS
from lumbago.reading.repetition import MAX_T_R, MIN_T_R
from lumbago.spec import Spec, one_of

if TYPE_CHECKING:  # unions made from tuples are beyond static types
    AnyMeasure: TypeAlias = Any
else:
    AnyMeasure = one_of(EXTRACTORS)

MeasureName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class Feedback(Spec):
    """One value, told relative to a baseline.

    The rule: z = (value - mean) / sd, with mean and sd (divided by n - 1) of the values whose
    windows end in the baseline block; the sign turned for ``direction: down``; cut to
    [-limit, limit]; and for ``scale: unit`` brought to [0, 1] as 0.5 + z / (2 limit), so
    that the baseline's mean is 0.5. Until the block is over there is no feedback (NaN), and
    none where the value is NaN. Neighbouring windows share volumes, so sd is that of a sliding
    value, smaller than that of separate windows: take a block of several window widths.
    """

    of: str
    """Which value: ``alff.low:insula_L``, ``edges:insula_L~insula_R``."""
    baseline: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] | None = None
    """First and last volume of the block, counted from 0, both within."""
    mean: float | None = None
    """Mean of an earlier baseline, in place of a block."""
    sd: Annotated[float, Field(gt=0)] | None = None
    """Standard deviation of an earlier baseline, in place of a block."""
    scale: Literal["unit", "z"] = "unit"
    """In [0, 1], or in standard deviations."""
    direction: Literal["up", "down"] = "up"
    """Which way the value is to be moved: feedback grows with it, or against it."""
    limit: Annotated[float, Field(gt=0)] = 3.0
    """Standard deviations at which feedback stops growing."""

    @model_validator(mode="after")
    def _one_baseline(self) -> Self:
        known = self.mean is not None, self.sd is not None
        if any(known) != all(known) or (self.baseline is None) != all(known):
            raise ValueError(
                "feedback needs one baseline: a block of volumes (baseline), or mean and sd of "
                "an earlier run"
            )
        return self


class Live(Spec):
    """Measures of the last volumes of a running scan, again with every volume.

    The measures are the extractors of any experiment, and each window is measured as a scan
    of that length would be.
    """

    t_r: Annotated[float, Field(ge=MIN_T_R, le=MAX_T_R)]
    """Repetition time, in seconds."""
    window: Annotated[int, Field(ge=3)] | None = None
    """Width of the sliding window, in volumes."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """Width in seconds, in place of volumes; rounded to the nearest volume."""
    measures: dict[MeasureName, AnyMeasure] = Field(min_length=1)
    """Extractors by name, with regions: ``{alff: {kind: alff, atlas: …}}``."""
    feedback: Feedback | None = None
    """Which value becomes feedback, and against what."""
    confounds: Annotated[int, Field(ge=0)] = 0
    """Numbers that come with every volume (motion parameters) and are regressed out of the
    window, wherever `denoise` is not null."""
    gaps: Literal["nan", "scrub"] = "nan"
    """A window with a volume that is missing or unusable has no values (``nan``), or is measured
    as a scan whose volumes there are scrubbed (``scrub``)."""

    @property
    def width(self) -> int:
        """Volumes of the window."""
        if self.window is not None:
            return self.window
        assert self.seconds is not None
        return int(np.rint(self.seconds / self.t_r))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.window is None) == (self.seconds is None):
            raise ValueError("the width stands in volumes (window) or in seconds, one of both")
        if self.width < 3:
            raise ValueError(
                f"a window of {self.seconds:g} s holds {self.width} volumes, at least 3 are needed"
            )
        for name, measure in self.measures.items():
            scrub = getattr(getattr(measure, "denoise", None), "scrub", None)
            if scrub is not None:
                raise ValueError(
                    f"{name}: a stream brings no framewise displacement to scrub by; leave scrub "
                    "null, and push None for a volume that is not to count (gaps: scrub)"
                )
        block = self.feedback.baseline if self.feedback else None
        if block is not None and block[1] - max(block[0], self.width - 1) < 1:
            raise ValueError(
                f"the baseline block {block[0]} to {block[1]} holds the end of fewer than 2 full "
                f"windows; the first ends at volume {self.width - 1}"
            )
        return self

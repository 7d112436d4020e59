"""What is taken out of a scan before it is measured: nuisance signals and moved volumes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from lumbago.reading.strategies import Strategy, load_confounds_arguments
from lumbago.spec import Spec

Positive = Annotated[float, Field(gt=0)]


class Scrub(Spec):
    """Which volumes are left out because the head moved or the signal jumped."""

    fd: Positive | None = 0.5
    """Largest framewise displacement of a kept volume, in mm; null does not look at it."""
    fd_kind: Literal["power", "jenkinson"] = "power"
    """Power's displacement (fMRIPrep's framewise_displacement) or Jenkinson's relative RMS (its
    rmsd), which is about half as large; read from the table, else from the six parameters."""
    std_dvars: Positive | None = None
    """Largest standardized DVARS of a kept volume; null does not look at it. Read from the
    table, else computed from the image."""
    before: Annotated[int, Field(ge=0)] = 0
    """Volumes left out before each such volume (1 in Power 2012)."""
    after: Annotated[int, Field(ge=0)] = 0
    """Volumes left out behind each such volume (2 in Power 2012)."""
    min_segment: Annotated[int, Field(ge=0)] = 0
    """Stretches of kept volumes shorter than this are left out too (5 in Power 2014)."""


class Denoise(Spec):
    """Nuisance regressors of fMRIPrep's confounds table, scrubbing, and the kind of filter.

    The band is no part of it: it belongs to the measure, and amplitude is read off the
    unfiltered spectrum.

    References
    ----------
    .. [1] Ciric et al. (2017). NeuroImage 154, 174-187. doi:10.1016/j.neuroimage.2017.03.020
    .. [2] Power et al. (2014). NeuroImage 84, 320-341. doi:10.1016/j.neuroimage.2013.08.048
    .. [3] Power et al. (2012). NeuroImage 59, 2142-2154. doi:10.1016/j.neuroimage.2011.10.018
    .. [4] Muschelli et al. (2014). NeuroImage 96, 22-35. doi:10.1016/j.neuroimage.2014.03.028
    .. [5] Pruim et al. (2015). NeuroImage 112, 267-277. doi:10.1016/j.neuroimage.2015.02.064
    """

    references: ClassVar[tuple[str, ...]] = ("ciric2017", "power2014")

    strategy: Strategy = "motion24_acompcor"
    """``none``, ``motion36``, or words joined by ``_`` in this order: ``motion6``, ``motion12``
    (with derivatives), ``motion24`` (with squares) or ``aroma``; ``wmcsf``, ``acompcor``,
    ``acompcor5`` or ``acompcor10``; ``global``. ``wmcsf`` are the means of white matter and CSF,
    ``global`` that of the brain, ``motion36`` all nine expanded as motion24 does six.
    ``acompcor`` are the anatomical components that explain half of the variance of white matter
    and CSF together, ``acompcor5`` and ``acompcor10`` the first 5 or 10 of each; fMRIPrep's
    cosines come with all three. ``aroma`` are the components that ICA-AROMA took for motion,
    regressed out whole (aggressively); its non-aggressive images (cohort setting ``desc``) are
    already free of them and need no word."""
    scrub: Scrub | None = None
    """Which volumes are left out; null keeps all but the non-steady-state ones."""
    filter: Literal["butterworth", "ideal"] = "butterworth"
    """How a measure's band is cut out: forth and back by Butterworth's filter as nilearn does, or
    by the Fourier transform as DPABI does; confounds pass the same filter."""

    def load_confounds_arguments(self) -> dict[str, Any]:
        """Return what the strategy means to ``nilearn.interfaces.fmriprep.load_confounds``."""
        return load_confounds_arguments(self.strategy)

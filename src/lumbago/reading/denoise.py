"""What is taken out of a scan before it is measured: nuisance signals and moved volumes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from lumbago.spec import Spec

Positive = Annotated[float, Field(gt=0)]

Strategy = Literal[
    "none", "motion6", "motion12", "motion24", "motion24_wmcsf", "motion24_acompcor",
    "motion24_wmcsf_global", "motion36",
]  # fmt: skip

# The arguments of nilearn.interfaces.fmriprep.load_confounds that each strategy stands for.
# aCompCor comes with fMRIPrep's cosines because its components were computed after them.
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "none": {"strategy": ()},
    "motion6": {"strategy": ("motion",), "motion": "basic"},
    "motion12": {"strategy": ("motion",), "motion": "derivatives"},
    "motion24": {"strategy": ("motion",), "motion": "full"},
    "motion24_wmcsf": {"strategy": ("motion", "wm_csf"), "motion": "full", "wm_csf": "basic"},
    "motion24_acompcor": {
        "strategy": ("motion", "high_pass", "compcor"),
        "motion": "full",
        "compcor": "anat_combined",
        "n_compcor": "all",
    },
    "motion24_wmcsf_global": {
        "strategy": ("motion", "wm_csf", "global_signal"),
        "motion": "full",
        "wm_csf": "basic",
        "global_signal": "basic",
    },
    "motion36": {
        "strategy": ("motion", "wm_csf", "global_signal"),
        "motion": "full",
        "wm_csf": "full",
        "global_signal": "full",
    },
}


class Scrub(Spec):
    """Which volumes are left out because the head moved or the signal jumped."""

    fd: Positive | None = 0.5
    """Largest framewise displacement of a kept volume, in mm; null does not look at it."""
    std_dvars: Positive | None = None
    """Largest standardized DVARS of a kept volume; null does not look at it."""
    min_segment: Annotated[int, Field(ge=0)] = 0
    """Stretches of kept volumes shorter than this are left out too (5 in Power 2014)."""


class Denoise(Spec):
    """Nuisance regressors of fMRIPrep's confounds table, and scrubbing.

    Filtering is no part of it: the band belongs to the measure, and amplitude is read off
    the unfiltered spectrum.

    References
    ----------
    .. [1] Ciric et al. (2017). NeuroImage 154, 174-187. doi:10.1016/j.neuroimage.2017.03.020
    .. [2] Power et al. (2014). NeuroImage 84, 320-341. doi:10.1016/j.neuroimage.2013.08.048
    """

    references: ClassVar[tuple[str, ...]] = ("ciric2017", "power2014")

    strategy: Strategy = "motion24_acompcor"
    """Six motion parameters; with derivatives (12) and squares (24); with the means of white
    matter and CSF (wmcsf), the retained components of anatomical CompCor and fMRIPrep's
    cosines (acompcor), the global signal; motion36 expands all nine as motion24 does six."""
    scrub: Scrub | None = None
    """Which volumes are left out; null keeps all but the non-steady-state ones."""

    def load_confounds_arguments(self) -> dict[str, Any]:
        """Return what the strategy means to ``nilearn.interfaces.fmriprep.load_confounds``."""
        return dict(_ARGUMENTS[self.strategy])

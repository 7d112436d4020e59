"""The words that name sets of nuisance regressors, and what they stand for."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

# What each word is to nilearn.interfaces.fmriprep.load_confounds. Order is that of its result.
_MOTION = {"motion6": "basic", "motion12": "derivatives", "motion24": "full"}
_COMPONENTS = {
    # As fMRIPrep extracts them: from white matter and CSF together, to half of the variance.
    "acompcor": ("anat_combined", "all"),
    # As the literature counts them: so many of white matter, so many of CSF.
    "acompcor5": ("anat_separated", 5),
    "acompcor10": ("anat_separated", 10),
}
_SAME = {"acompcor50": "acompcor"}
_ORDER = (
    ("", *_MOTION, "aroma"),
    ("", "wmcsf", *_COMPONENTS),
    ("", "global"),
)
_GRAMMAR = (
    "none, motion36, or words joined by _: one of motion6, motion12, motion24, aroma; one of "
    "wmcsf, acompcor, acompcor5, acompcor10; global"
)

STRATEGIES: tuple[str, ...] = (
    "none",
    *(name for parts in product(*_ORDER) if (name := "_".join(filter(None, parts)))),
    "motion36",
)
"""Every strategy, under the name it is stored by."""


@dataclass(frozen=True)
class Parts:
    """What a strategy regresses out."""

    motion: int = 0
    """Parameters of motion: 0, 6, 12 or 24."""
    tissue: str = ""
    """``wmcsf``, ``acompcor``, ``acompcor5``, ``acompcor10`` or nothing."""
    global_signal: bool = False
    aroma: bool = False
    expanded: bool = False
    """Whether tissue means and global signal come with derivatives and squares (motion36)."""


def parts_of(strategy: str) -> Parts:
    """Take a strategy's name apart.

    >>> parts_of("motion24_acompcor5_global")
    Parts(motion=24, tissue='acompcor5', global_signal=True, aroma=False, expanded=False)
    """
    if strategy == "motion36":
        return Parts(24, "wmcsf", True, expanded=True)
    words = strategy.split("_")
    return Parts(
        motion=next((int(w.removeprefix("motion")) for w in words if w in _MOTION), 0),
        tissue=next((w for w in words if w in _ORDER[1]), ""),
        global_signal="global" in words,
        aroma="aroma" in words,
    )


def load_confounds_arguments(strategy: str) -> dict[str, Any]:
    """Return what a strategy is to ``nilearn.interfaces.fmriprep.load_confounds``.

    aCompCor comes with fMRIPrep's cosines because its components were computed after them.
    """
    parts = parts_of(strategy)
    chosen: list[str] = []
    settings: dict[str, Any] = {}
    if parts.motion:
        chosen.append("motion")
        settings["motion"] = _MOTION[f"motion{parts.motion}"]
    means = "full" if parts.expanded else "basic"
    if parts.tissue == "wmcsf":
        chosen.append("wm_csf")
        settings["wm_csf"] = means
    elif parts.tissue:
        chosen += ["high_pass", "compcor"]
        settings["compcor"], settings["n_compcor"] = _COMPONENTS[parts.tissue]
    if parts.global_signal:
        chosen.append("global_signal")
        settings["global_signal"] = means
    if parts.aroma:
        chosen.append("ica_aroma")
        settings["ica_aroma"] = "basic"
    return {"strategy": tuple(chosen), **settings}


def _known(strategy: str) -> str:
    words = strategy.split("_")
    name = "_".join(_SAME.get(word, word) for word in words)
    if name in STRATEGIES:
        return name
    close = difflib.get_close_matches(name, STRATEGIES, n=1, cutoff=0.5)
    again = [word for part in _ORDER for word in part if word and word in name.split("_")]
    if sorted(again) == sorted(name.split("_")) and "_".join(again) in STRATEGIES:
        close = ["_".join(again)]
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"expected {_GRAMMAR}{hint}")


_SYNONYMS = tuple(
    name.replace(word, same)
    for same, word in _SAME.items()
    for name in STRATEGIES
    if word in name.split("_")
)

Strategy = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "enum": [*STRATEGIES, *_SYNONYMS]}),
]
"""Name of a strategy, of `STRATEGIES`; ``acompcor50`` is another word for ``acompcor``."""

"""The methods text on denoising: what was regressed out, left out and filtered how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lumbago.reading.strategies import Parts, parts_of
from lumbago.report.references import cite
from lumbago.report.words import listed

_MOTION = {
    6: "six motion parameters",
    12: "six motion parameters and their derivatives",
    24: "24 motion parameters",
}
_COMPONENTS = {
    "acompcor": "the retained components of anatomical CompCor",
    "acompcor5": "the first five components each of white matter and cerebrospinal fluid "
    "(anatomical CompCor)",
    "acompcor10": "the first ten components each of white matter and cerebrospinal fluid "
    "(anatomical CompCor)",
}


def denoising(run: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each way in which the signals of a run were denoised."""
    used: dict[str, tuple[Any, list[str]]] = {}
    for key, about in run.get("features", {}).items():
        spec = about.get("spec", {})
        spec = spec["of"] if isinstance(spec.get("of"), Mapping) else spec
        if "denoise" in spec:
            used.setdefault(str(spec["denoise"]), (spec["denoise"], []))[1].append(key)
    sentences = []
    for denoise, keys in used.values():
        whose = f" for {listed(keys)}" if len(used) > 1 else ""
        if not denoise:
            sentences.append(f"Signals were not denoised here{whose}.")
            continue
        strategy = str(denoise.get("strategy", "none"))
        if strategy == "none":
            sentence = f"Signals were detrended without nuisance regression{whose}"
        else:
            what, sources = regressors(strategy)
            sentence = f"Where confounds were available, {what} were regressed out{whose}"
            sentence += cite(*sources, "abraham2014")
        sentences.append(f"{sentence}{_scrubbing(denoise.get('scrub') or {})}.")
        if denoise.get("filter") == "ideal":
            sentences.append(
                "Where a band is named, frequencies outside it were set to zero in the Fourier "
                "transform of signals and confounds."
            )
    return sentences


def regressors(strategy: str) -> tuple[str, tuple[str, ...]]:
    """Return what a strategy regresses out, in words, and its sources.

    >>> regressors("motion6_wmcsf")[0]
    'six motion parameters and the mean signals of white matter and cerebrospinal fluid'
    """
    parts = parts_of(strategy)
    if parts.expanded:
        return (
            "36 parameters (six of motion, white matter, cerebrospinal fluid and global signal, "
            "with derivatives and squares)"
        ), ("ciric2017",)
    what, sources = [], []
    if parts.motion:
        what.append(_MOTION[parts.motion])
        sources.append("friston1996")
    if parts.aroma:
        what.append("the components that ICA-AROMA took for motion (aggressively)")
        sources.append("pruim2015")
    if parts.tissue in _COMPONENTS:
        what += [_COMPONENTS[parts.tissue], "fMRIPrep's cosine drift terms"]
        sources += ["behzadi2007", *(() if parts.tissue == "acompcor" else ("muschelli2014",))]
    means = _means(parts)
    if means:
        what.append(means)
        sources.append("ciric2017")
    return listed(what), tuple(sources)


def _means(parts: Parts) -> str:
    tissues = ["white matter", "cerebrospinal fluid"] if parts.tissue == "wmcsf" else []
    if parts.global_signal:
        tissues.append("the whole brain")
    kind = "mean signals" if len(tissues) > 1 else "mean signal"
    return f"the {kind} of {listed(tissues)}" if tissues else ""


def _scrubbing(scrub: Mapping[str, Any]) -> str:
    text = ""
    if scrub.get("fd"):
        jenkinson = scrub.get("fd_kind") == "jenkinson"
        whose = "relative root-mean-square displacement" if jenkinson else "framewise displacement"
        source = cite("jenkinson2002" if jenkinson else "power2012")
        text += f", and volumes with a {whose} above {scrub['fd']:g} mm were left out{source}"
    if scrub.get("std_dvars"):
        also = "as were volumes" if text else "and volumes"
        were = "" if text else " were left out"
        text += f", {also} with standardized DVARS above {scrub['std_dvars']:g}{were}"
    neighbours = [
        f"{scrub[side]} {word}"
        for side, word in (("before", "before"), ("after", "behind"))
        if scrub.get(side)
    ]
    if text and neighbours:
        text += f", with {listed(neighbours)} each"
    if text and scrub.get("min_segment"):
        text += f", and what was left in stretches shorter than {scrub['min_segment']} volumes"
    return text

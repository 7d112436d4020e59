"""The quality page of a run: counts and groups of people, never a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target
from lumbago.experiment.folder import RunFolder
from lumbago.report import tables
from lumbago.report.page import page
from lumbago.report.quality import edges, motion
from lumbago.report.quality.motion import MEASURES, Measure
from lumbago.report.references import BIBLIOGRAPHY, cited, pieces
from lumbago.report.style import Figure
from lumbago.report.words import Scrubber, count, listed, number, p_value, sentence, span
from lumbago.statistics.difference import Difference

_MOTION = MEASURES[0]


def has_quality(folder: RunFolder) -> bool:
    """Tell whether a run knows anything of its scans' quality: a run of an older version does
    not, nor does one of a table without motion."""
    if not (folder.path / "quality.json").is_file():
        return False
    numbers = [m.column for m in MEASURES if m.column in folder.quality]
    return bool(folder.quality[numbers].notna().any(axis=None)) or bool(
        folder.quality_about["coverage"]
    )


def render_quality(
    folder: RunFolder, run: Mapping[str, Any], target: Target, scrubber: Scrubber
) -> str:
    """Return the page as text.

    Parameters
    ----------
    folder : RunFolder
    run : mapping
        ``run.json``, scrubbed.
    target : Target
    scrubber : Scrubber
    """
    scans = folder.quality
    people = motion.one_each(scans)
    about = scrubber.tree(folder.quality_about)
    found = motion.differences(people, target)
    text = methods(about["qc_fc"], found)
    order = cited(text)
    missing = {n: o["not_available"] for n, o in about["qc_fc"].items() if "not_available" in o}
    return page(
        "quality.html.j2",
        name=run["name"],
        version=run["versions"].get("lumbago", ""),
        of_whom=f"The participants who were analysed for {target.name}.",
        report=folder.report.name,
        made_from="quality.tsv, qc_fc.tsv and quality.json",
        grouped=target.kind != "continuous",
        sentences=[unbroken(sentence(s)) for s in findings(people, target, about["qc_fc"], found)],
        facts=facts(people, about["qc_fc"]),
        groups=motion.by_group(people, target),
        spread=motion.spread(people, target),
        denoisings=motion.by_denoising(scans),
        differences=motion.difference_table(found, target),
        no_motion="" if len(_known(people)) else "not available: no mean_fd",
        qc_fc=edges.table(about["qc_fc"]),
        figures=_figures(about["qc_fc"], folder),
        missing=missing,
        no_edges="" if about["qc_fc"] else "not available: the run measured no connectome",
        coverage=edges.lowest(about["coverage"]),
        covered=bool(about["coverage"]),
        excluded=tables.excluded(folder.exclusions, scrubber),
        methods=[pieces(paragraph, order) for paragraph in text],
        references=[(i + 1, BIBLIOGRAPHY[key]) for i, key in enumerate(order)],
    )


def _figures(about: Mapping[str, Any], folder: RunFolder) -> list[Figure]:
    return edges.figures(about, folder.qc_fc) if edges.available(about) else []


def findings(
    people: pd.DataFrame,
    target: Target,
    about: Mapping[str, Mapping[str, Any]],
    found: list[tuple[Measure, str, Difference]],
) -> list[str]:
    """Say what a reader must know of the scans, in as many sentences as there are facts."""
    fd = _known(people)
    told = []
    if len(fd) < tables.SMALL:
        told.append("Head motion is not available: the scans have no mean_fd.")
    else:
        low, mid, high = np.percentile(fd, [25, 50, 75])
        told.append(
            f"Mean framewise displacement is {number(mid)} mm in the median of "
            f"{count(len(fd), 'participant')}, {number(low)} to {number(high)} mm in the middle "
            "half."
        )
    told += [_difference(d, name, target) for m, name, d in found if m is _MOTION]
    related = motion.with_target(people) if target.kind == "continuous" else None
    if related is not None:
        r, low, high, p, n = related
        told.append(
            f"Mean FD and {target.name} correlate with r = {number(r)} (95 % interval "
            f"{span(low, high)}; Spearman’s p = {p_value(p)}; {n} participants)."
        )
    told += [_edges(name, about[name]) for name in edges.available(about)]
    return told


def unbroken(text: str) -> str:
    """Keep numbers with their units and signs on one line.

    >>> unbroken("ρ = 0.1") == "ρ\\u00a0=\\u00a00.1"
    True
    """
    for apart in (" %", " mm", " = ", " < "):
        text = text.replace(apart, apart.replace(" ", "\u00a0"))
    return text


def _difference(d: Difference, name: str, target: Target) -> str:
    rest = "the others" if len(target.classes) > 2 else str(target.classes[0])
    more = "more" if d.difference > 0 else "less"
    moved = (
        f"On average {name} moved {number(abs(d.difference), 3)} mm {more} than {rest} (95 % "
        f"interval of the difference {span(d.ci_low, d.ci_high, 3)} mm; g = {number(d.g)}, "
        f"{span(d.g_low, d.g_high)}; p = {p_value(d.p)})"
    )
    if d.p < 0.05:
        return (
            f"{moved}. Motion alone tells the groups apart to some degree: it must be ruled out "
            "as an explanation of every finding."
        )
    return f"{moved}. No difference is shown; one within that interval is not ruled out."


def _edges(name: str, one: Mapping[str, Any]) -> str:
    excess = one["share_uncorrected"] > 2 * one["alpha"] or one["share_fdr"] > 0
    told = "Motion is left in it." if excess else "That is no more than chance gives."
    rho = one["distance_rho"]
    over = "" if rho is None else f"; over distance, ρ = {number(rho)}"
    return (
        f"In {name} (denoising {one['denoise']}) the median |QC–FC| is {number(one['median_abs'])}"
        f", by chance {number(one['expected_abs'])}; {100 * one['share_uncorrected']:.1f} % of "
        f"edges follow motion at p < 0.05, {100 * one['share_fdr']:.1f} % at a false discovery "
        f"rate of 5 %{over}. {told}"
    )


def facts(
    people: pd.DataFrame, about: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    """Return the page's leading numbers: value, what it is, what belongs to it."""
    found = [(f"{len(people):,}", "Participants", "first session of each")]
    for measure in motion.known(people, ("mean_fd", "minutes_kept", "median_tsnr")):
        values = measure.of(people)
        if len(values) >= tables.SMALL:
            low, mid, high = np.percentile(values, [25, 50, 75])
            half = f"middle half {span(low, high, measure.digits)}"
            found.append((number(mid, measure.digits), measure.label, half))
    names = edges.available(about)
    if names:
        one = about[names[-1]]
        chance = f"{names[-1]}; by chance {number(one['expected_abs'])}"
        found.insert(3, (number(one["median_abs"]), "Median |QC–FC|", chance))
    return found[:4]


def methods(
    about: Mapping[str, Mapping[str, Any]], found: list[tuple[Measure, str, Difference]]
) -> list[str]:
    """Return how the numbers were made, for a methods section."""
    told = [
        "Framewise displacement and standardized DVARS are those of the confounds tables where "
        "these have them [@power2012]. Degrees of freedom are the kept volumes less the rank of "
        "mean, linear trend and nuisance regressors. tSNR is the mean over the standard deviation "
        "in time of the uncleaned signal, median over the voxels of the brain."
    ]
    there = edges.available(about)
    if there:
        taken = about[there[0]]["covariates"]
        given = f", given {listed(taken)}" if taken else ""
        told.append(
            "QC–FC is Pearson’s correlation of every edge with mean FD across participants"
            f"{given}, one session each; its distance dependence is Spearman’s correlation of "
            "these with the distance between the centres of the regions [@ciric2017; "
            "@power2012]. The median by chance is that of correlations of as many independent "
            "normal values. The false discovery rate is Benjamini and Hochberg’s "
            "[@benjamini1995]."
        )
    if found:
        told.append(
            "Groups are compared by Welch’s test [@welch1947] with the interval of the difference, "
            "by Hedges’ g [@hedges1981] with the interval of the noncentral t distribution, and, "
            "as motion is skewed, by the Mann–Whitney test."
        )
    return told


def _known(people: pd.DataFrame) -> np.ndarray:
    return _MOTION.of(people) if "mean_fd" in people else np.empty(0)

"""The sentences and numbers at the head of the page, which claim no more than the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lumbago.evaluation.audit import FAILED
from lumbago.evaluation.compare import ALL_BUT_ONE, place_of
from lumbago.report import power
from lumbago.report.story import Story
from lumbago.report.words import (
    count,
    listed,
    number,
    p_value,
    p_words,
    scheme_words,
    sentence,
    span,
)

_DETAILS = {ALL_BUT_ONE: "cross-validation minus training on one cohort"}
MIXED = (
    "A correlation over all left-out parts mixes models whose training means are lower where the "
    "left-out values are higher, so a model that knows nothing lies below zero, not at it; read "
    "it beside its permutations and part by part."
)


def headline(story: Story, nulls: pd.DataFrame) -> list[str]:
    """Return the main finding in sentences that claim no more than the numbers do."""
    told = [*_alarm(story), *_finding(story), *power.sentences(story, nulls)]
    return [_unbroken(sentence) for sentence in told]


def _alarm(story: Story) -> list[str]:
    failed = story.audit[story.audit["verdict"] == FAILED] if len(story.audit) else story.audit
    if failed.empty:
        return []
    cells = {
        story.name(*c) for c in failed[["features", "model"]].itertuples(index=False, name=None)
    }
    return [
        f"A check against leakage failed for {listed(sorted(cells))}: "
        "these scores must not be trusted."
    ]


def _finding(story: Story) -> list[str]:
    best, metric = story.best, story.metric
    if best is None:
        return [f"No cell of the experiment has a {metric.label}."]
    n = len(story.cells(reference=False))
    cell = story.name(best["features"], best["model"])
    of = f"the best of {n} combinations of features and model" if n > 1 else "the only combination"
    scheme = scheme_words(best["scheme"])
    interval = span(best["ci_low"], best["ci_high"])
    with_interval = f" (95 % interval {interval})" if interval else ""
    lead = (
        f"{scheme}: {cell}, {of}, reaches {metric.label} "
        f"{number(best['score'])}{with_interval} in {count(int(best['n']), 'participant')}."
    )
    sentences = [lead]
    if wide := span(best.get("wide_low", np.nan), best.get("wide_high", np.nan)):
        sentences.append(
            f"Counting what other training samples would have changed, the interval is {wide}, "
            "which is approximate and rather too narrow than too wide."
        )
    beside = [f"{name.lower()} {value}" for name, value in story.references_of(best["scheme"])]
    if metric.chance is not None and not story.mixed:
        beside.insert(0, f"a model that knows nothing {number(metric.chance)}")
    if beside:
        sentences.append("Beside it: " + "; ".join(beside) + ".")
    if verdict := _against_chance(story, best):
        sentences.append(verdict)
    sentences += _looks(story, best)
    sentences += _gap_sentences(story, best)
    if story.mixed:
        sentences.append(MIXED)
    if n > 1:
        sentences.append(
            f"A score picked as the best of {n} is higher than it would be in new people; "
            "all of them are shown below."
        )
    return sentences


def _looks(story: Story, best: Mapping[str, Any]) -> list[str]:
    """Say how often the locked cohort has been looked at: a test counts once."""
    told = []
    for look in story.run.get("looks", ()):
        if look["scheme"] != best["scheme"]:
            continue
        n, models = int(look["looks"]), count(int(look["models"]), "model")
        often = "once" if n == 1 else f"{n} times"
        told.append(
            f"{look['cohort']} is a locked cohort; its ledger says that it has been looked at "
            f"{often}, with {models} in all (reason given: {look['reason'].rstrip('.')})."
        )
        if n > 1 or int(look["models"]) > 1:
            told.append("Only a first look at a single model is a test in people never seen.")
    return told


def _against_chance(story: Story, best: Mapping[str, Any]) -> str:
    words = []
    if story.metric.chance is not None and np.isfinite(best["ci_low"]) and not story.mixed:
        # As printed: an interval shown as 0.50 to 0.77 is not said to lie above 0.50.
        low, high = round(best["ci_low"], 2), round(best["ci_high"], 2)
        above, below = low > story.metric.chance, high < story.metric.chance
        lies = "lies above" if above else "lies below" if below else "does not exclude"
        words.append(f"Its interval {lies} {number(story.metric.chance)} ({best['interval']})")
    if np.isfinite(best["p"]):
        words.append(
            f"against permuted labels {p_words(best['p'], int(best['n_permutations']))}, "
            + _corrected_words(best)
        )
    return sentence("; ".join(words)) + "." if words else ""


def _corrected_words(best: Mapping[str, Any]) -> str:
    """Say what is left of a p-value once every combination looked at is counted."""
    p, n = best.get("p_corrected", np.nan), best.get("n_cells", 0)
    if not np.isfinite(p):
        return "not corrected for the number of combinations"
    if n < 2:
        return "the only combination of features, model and scheme"
    shared = int(best["n_shared"])
    fewer = f" ({shared:,} shared by all)" if shared < best["n_permutations"] else ""
    return f"p = {p_value(p)} corrected over the grid of {int(n)}{fewer}"


def _gap_sentences(story: Story, best: Mapping[str, Any]) -> list[str]:
    mine = story.gaps[
        (story.gaps["features"] == best["features"]) & (story.gaps["model"] == best["model"])
    ]
    return list(mine["words"])


def facts(story: Story) -> list[tuple[str, str, str]]:
    """Return the few numbers for the head of the page: value, what, detail."""
    best = story.best
    if best is None:
        return []
    scheme = best["scheme"]
    interval = span(best["ci_low"], best["ci_high"])
    facts = [
        (number(best["score"]), story.metric.label,
         f"{story.name(best['features'], best['model'])}, "
         f"{scheme_words(scheme).lower()}" + (f"; 95 % {interval}" if interval else "")),
    ]  # fmt: skip
    rivals = [
        (row["score"], story.name(*cell))
        for cell in story.cells(reference=True)
        if (row := story.row(*cell, scheme, story.metric.name)) and np.isfinite(row["score"])
    ]
    if rivals:
        pick = max if story.metric.higher_is_better else min
        value, name = pick(rivals)
        facts.append((number(value), "Best reference", f"{name.lower()}, sees no image"))
    gap = story.gaps[
        (story.gaps["features"] == best["features"]) & (story.gaps["model"] == best["model"])
    ].dropna(subset="gap")
    for row in gap.to_dict("records"):
        between = span(row["ci_low"], row["ci_high"])
        detail = _DETAILS.get(row["left_out"], "cross-validation minus leaving out")
        facts.append(
            (number(row["gap"]), f"Lost on a new {place_of(row['left_out'])}",
             detail + (f"; 95 % {between}" if between else ""))
        )  # fmt: skip
    if np.isfinite(best["p"]):
        facts.append(
            (
                p_value(best["p"]),
                "Permutation p",
                f"{int(best['n_permutations']):,} permutations"
                + (
                    f"; {p_value(best['p_corrected'])} corrected over the grid"
                    if np.isfinite(best.get("p_corrected", np.nan)) and best["n_cells"] > 1
                    else ""
                ),
            )
        )
    return facts


def _unbroken(text: str) -> str:
    """Keep a number and its sign together at the end of a line."""
    return text.replace(" %", "\u00a0%").replace("p = ", "p\u00a0=\u00a0")

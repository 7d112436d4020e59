"""What this many people can find."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumbago.report.story import Story
from lumbago.report.words import number
from lumbago.statistics.power import minimal_auc

ALPHA, POWER = 0.05, 0.8


def smallest(story: Story, nulls: pd.DataFrame) -> tuple[float, float] | None:
    """Return the smallest AUC that four of five studies of this size find.

    Returns
    -------
    (float, float) or None
        Against chance as theory has it for one fitted model, and against the 95th percentile
        of the leading combination's permutations (NaN without any, or out of reach); None
        where the leading score is no AUC.
    """
    best = story.best
    if best is None or story.metric.name != "roc_auc":
        return None
    n, positive = int(best["n"]), int(best["n_positive"])
    if min(positive, n - positive) < 2:
        return None
    theory = minimal_auc(positive, n - positive, alpha=ALPHA, power=POWER)
    permuted = float("nan")
    if not nulls.empty:
        mine = story.same(nulls[nulls["metric"] == "roc_auc"], best)["score"].dropna()
        if len(mine) >= 1 / ALPHA - 1:
            critical = float(np.quantile(mine, 1 - ALPHA, method="higher"))
            if critical < 1:
                permuted = minimal_auc(positive, n - positive, power=POWER, critical=critical)
    return theory, permuted


def sentences(story: Story, nulls: pd.DataFrame) -> list[str]:
    """Say what this many people can find, in one sentence."""
    found = smallest(story, nulls)
    if found is None or not np.isfinite(found[0]):
        return []
    theory, permuted = found
    text = (
        f"With this many people in each class, four of five studies find an AUC of {number(theory)}"
        " or more (one-sided 5 % test of one fitted model); smaller ones are missed more often"
    )
    if np.isfinite(permuted):
        text += f"; against the permutations of this combination, {number(permuted)} or more"
    return [text + "."]

"""Calibration: how often the positive class was true where a probability was given for it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumbago.evaluation.intervals import N_RESAMPLES, draw, strata, too_small
from lumbago.evaluation.metrics import METRICS, score
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.scores import bootstrap_seed
from lumbago.report.story import Story
from lumbago.report.style import (
    BLUE,
    INK,
    LINE,
    ORANGE,
    QUIET,
    Figure,
    bare,
    canvas,
    embed,
    styled,
)  # fmt: skip
from lumbago.report.tables import HIDDEN, SMALL
from lumbago.report.words import number

PEOPLE_PER_BIN, MOST_BINS = 15, 8
_Z = 1.959963984540054  # 97.5th percentile of the normal distribution


def calibration_curve(
    outcomes: Outcomes, n_bins: int, seed: np.random.SeedSequence
) -> pd.DataFrame:
    """Return the bins of a calibration curve.

    Returns
    -------
    DataFrame
        given (mean probability), true (share of the positive class), n (predictions),
        ci_low, ci_high (95 %; NaN where too few people or resamples tell). A bin whose
        people are all of one class is bounded by Wilson's interval.

    References
    ----------
    .. [1] Wilson (1927). J Am Stat Assoc 22, 209-212. doi:10.1080/01621459.1927.10502953
    """
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1, got {n_bins}")
    edges = np.unique(np.quantile(outcomes.prob, np.linspace(0, 1, n_bins + 1)[1:-1]))
    at = np.unique(np.searchsorted(edges, outcomes.prob, side="right"), return_inverse=True)[1]
    k = int(at.max()) + 1
    there, true = np.zeros((2, k, outcomes.n_people))
    np.add.at(there, (at, outcomes.person), 1)
    np.add.at(true, (at, outcomes.person), outcomes.positive)
    given = np.bincount(at, weights=outcomes.prob) / np.bincount(at)
    low = high = np.full(k, np.nan)
    if not too_small(outcomes):
        counts = draw(strata(outcomes), N_RESAMPLES, seed)
        n = counts @ there.T
        drawn = np.divide(counts @ true.T, n, out=np.full(n.shape, np.nan), where=n > 0)
        enough = np.isfinite(drawn).mean(axis=0) > 0.9
        low, high = np.full((2, k), np.nan)
        low[enough], high[enough] = np.nanpercentile(drawn[:, enough], [2.5, 97.5], axis=0)
    share = true.sum(axis=1) / there.sum(axis=1)
    # Resampling people of one class gives no width at all; Wilson's bound says what n allows.
    people = (there > 0).sum(axis=1)
    low = np.where((share == 1) & np.isfinite(low), people / (people + _Z**2), low)
    high = np.where((share == 0) & np.isfinite(high), _Z**2 / (people + _Z**2), high)
    return pd.DataFrame(
        {"given": given, "true": share, "n": np.bincount(at), "ci_low": low, "ci_high": high}
    )


def reliability(story: Story, predictions: pd.DataFrame) -> Figure | None:
    """Draw the reliability diagram of one cell, with how many people each point stands for.

    Rows without a probability are left out; a cell without any gives None.
    """
    outcomes = Outcomes.of(predictions, story.target)
    outcomes = outcomes.take(np.isfinite(outcomes.prob))
    if outcomes.n_people < 2 * SMALL:
        return None
    n_bins = max(2, min(MOST_BINS, outcomes.n_people // PEOPLE_PER_BIN))
    seed = bootstrap_seed(int(story.run["seed"]), story.target, "bins")
    curve = calibration_curve(outcomes, n_bins, seed)
    # A person is predicted once per repeat, or by several cohorts' models.
    each = len(outcomes) / outcomes.n_people
    positive = story.target.positive
    with styled():
        drawn = canvas(4.0, 4.6)
        axes, below = drawn.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        there = curve.dropna(subset="ci_low")
        axes.vlines(there["given"], there["ci_low"], there["ci_high"], color=BLUE, linewidth=1.4)
        axes.plot(curve["given"], curve["true"], "o-", color=BLUE, linewidth=1.2, markersize=5.5)
        for i, point in enumerate(curve.to_dict("records")):
            n = round(point["n"] / each)
            axes.annotate(HIDDEN if n < SMALL else f"{n:,}", (point["given"], 1.0),
                          xytext=(0, -8 - 9 * (i % 2)),
                          textcoords="offset points", ha="center", fontsize=7.5,
                          color=QUIET)  # fmt: skip
        axes.set(ylabel=f"Share truly {positive}", xlim=(-0.01, 1.01), ylim=(-0.01, 1.06),
                 title="Calibration")  # fmt: skip
        edges = np.linspace(0, 1, 21)
        sides = [outcomes.prob[~outcomes.positive], outcomes.prob[outcomes.positive]]
        below.hist(sides, bins=list(edges), stacked=True, color=[LINE, ORANGE],
                   weights=[np.full(len(s), 1 / each) for s in sides],
                   label=[story.target.classes[0], str(positive)])  # fmt: skip
        below.set(xlabel=f"Probability given to {positive}", ylabel="People")
        below.legend(loc="upper right", handlelength=0.9, fontsize=7.5)
        bare(below)
        below.tick_params(axis="y", labelcolor=INK)
        image = embed(drawn)
    brier = score(METRICS["brier"], outcomes)
    return Figure(
        image,
        f"Calibration of {_name(story, predictions)}, Brier score {number(brier)}",
        f"Share of {positive} among people given a like probability, in bins of equal number (how "
        "many above), with 95 % intervals; dashed: what was given came true. Below: the "
        f"probabilities given, by true class. Brier score {number(brier)}.",
        narrow=True,
    )


def _name(story: Story, predictions: pd.DataFrame) -> str:
    first = predictions.iloc[0]
    return story.name(str(first["features"]), str(first["model"]))

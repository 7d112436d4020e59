"""What the probabilities are worth: calibration in numbers, and the decision curve."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumbago.evaluation.calibration import net_benefit
from lumbago.evaluation.intervals import N_RESAMPLES, draw, interval, strata, too_small
from lumbago.evaluation.metrics import METRICS, score, why_undefined
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.scores import bootstrap_seed
from lumbago.report.story import Story
from lumbago.report.style import BLUE, ORANGE, QUIET, Figure, canvas, embed, styled
from lumbago.report.tables import SMALL, Table
from lumbago.report.words import number, span

GRID = np.arange(0.05, 0.951, 0.01)
SHOWN = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_MEANING = {
    "calibration_slope": "1 is right; below, probabilities are too extreme, above too cautious",
    "calibration_intercept": "0 is right; above, {positive} is more frequent than they say",
    "brier": "mean squared error; as good as the prevalence alone: {guess}",
    "ece": "mean distance of given and true shares in ten bins; above 0 by chance alone",
}


def _with_probabilities(story: Story, predictions: pd.DataFrame) -> Outcomes | None:
    if story.target.kind != "binary":
        return None
    outcomes = Outcomes.of(predictions, story.target)
    outcomes = outcomes.take(np.isfinite(outcomes.prob))
    if outcomes.n_people < 2 * SMALL or too_small(outcomes):
        return None
    return outcomes


def _draws(story: Story, outcomes: Outcomes) -> np.ndarray:
    seed = bootstrap_seed(int(story.run["seed"]), story.target, "pooled")
    return draw(strata(outcomes), N_RESAMPLES, seed)


def calibration_table(story: Story, predictions: pd.DataFrame) -> Table | None:
    """Return slope, intercept, Brier score and expected error of one cell with intervals.

    Rows without a probability are left out; a cell with too few others gives None.
    """
    outcomes = _with_probabilities(story, predictions)
    if outcomes is None:
        return None
    counts = _draws(story, outcomes)
    share = float(outcomes.positive.mean())
    words = {"positive": str(story.target.positive), "guess": number(share * (1 - share))}
    rows = []
    for name, meaning in _MEANING.items():
        metric = METRICS[name]
        reason = why_undefined(metric, outcomes)
        if reason:
            rows.append([metric.label, f"not available: {reason}", meaning.format(**words)])
            continue
        low, high, _ = interval(metric, outcomes, counts)
        told = number(score(metric, outcomes))
        between = span(low, high)
        rows.append(
            [metric.label, told + (f"\n{between}" if between else ""), meaning.format(**words)]
        )
    return Table(["Calibration", "Value (95 % interval)", "Reads"], rows, words=frozenset({0, 2}))


def decision_curve(story: Story, predictions: pd.DataFrame) -> tuple[Figure | None, Table | None]:
    """Draw the net benefit of one cell over thresholds, and tell it at some of them."""
    outcomes = _with_probabilities(story, predictions)
    if outcomes is None:
        return None, None
    counts = _draws(story, outcomes)
    ones = np.ones((1, len(outcomes)))
    model, everybody = (v[0] for v in net_benefit(outcomes, ones, GRID))
    drawn, _ = net_benefit(outcomes, counts[:, outcomes.person], GRID)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    share, positive = float(outcomes.positive.mean()), str(story.target.positive)
    with styled():
        sheet = canvas(4.0, 4.0)
        axes = sheet.subplots()
        axes.fill_between(GRID, low, high, color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(GRID, model, color=BLUE, linewidth=2.0, label="This model")
        axes.plot(GRID, everybody, color=ORANGE, linewidth=1.2, label="Everybody")
        axes.axhline(0, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), label="Nobody")
        axes.set(xlim=(0, 1), ylim=(-0.25 * share, 1.12 * share),
                 xlabel=f"Threshold: probability of {positive} to act at",
                 ylabel="Net benefit", title="Decision curve")  # fmt: skip
        axes.legend(loc="upper right", handlelength=1.4)
        image = embed(sheet)
    figure = Figure(
        image,
        f"Decision curve, prevalence {number(share)}",
        "What acting on the model is worth, in found people per person with false alarms taken "
        "off at the threshold's odds; band: 95 %, participants resampled. At the prevalence of "
        f"this sample ({number(share)}), which a clinic does not share.",
        narrow=True,
    )
    return figure, _table(outcomes, counts)


def _table(outcomes: Outcomes, counts: np.ndarray) -> Table:
    at = np.array(SHOWN)
    model, everybody = (v[0] for v in net_benefit(outcomes, np.ones((1, len(outcomes))), at))
    drawn, _ = net_benefit(outcomes, counts[:, outcomes.person], at)
    # Resamples keep the classes' sizes, so that acting on everybody is worth the same in all.
    best = np.maximum(everybody, 0)
    low, high = np.percentile(drawn - best, [2.5, 97.5], axis=0)
    rows = [
        [number(t, 1), number(model[i], 3), number(everybody[i], 3),
         f"{number(model[i] - best[i], 3)}\n{span(low[i], high[i], 3)}"]
        for i, t in enumerate(SHOWN)
    ]  # fmt: skip
    head = ["Threshold", "This model", "Everybody", "Over the better of everybody and nobody"]
    return Table(head, rows)

"""ROC curves whose area is the AUC of the tables, and how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from lumbago.evaluation.outcomes import Outcomes
from lumbago.report.figures import short
from lumbago.report.style import BLUE, LINE, QUIET, SERIES
from lumbago.report.words import number

GRID = np.linspace(0, 1, 401)


def roc_of_model(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return the mean sensitivity of one fitted model within each step of `GRID`.

    A step's mean, not its end, so that the curve's area is the model's AUC whatever the
    number of participants; ties are crossed in a straight line.
    """
    order = np.argsort(-score, kind="stable")
    score, positive = score[order], positive[order]
    ends = np.r_[np.flatnonzero(np.diff(score)), len(score) - 1]
    true = np.r_[0, np.cumsum(positive)[ends]] / positive.sum()
    false = np.r_[0, np.cumsum(~positive)[ends]] / (~positive).sum()
    # The area under a piecewise line, at the ends of the steps; its differences are the means.
    width = np.diff(false)
    area = np.r_[0, np.cumsum(width * (true[1:] + true[:-1]) / 2)]
    at = np.clip(np.searchsorted(false, GRID, side="right") - 1, 0, len(false) - 2)
    into = GRID - false[at]
    slope = np.divide(np.diff(true), width, out=np.zeros(len(width)), where=width > 0)
    flat = width[at] == 0
    into = np.where(flat, 0, into)
    reached = area[at] + into * true[at] + slope[at] * into**2 / 2
    return np.diff(reached) / np.diff(GRID)


def roc_curve(outcomes: Outcomes) -> np.ndarray | None:
    """Return the ROC curve of all fitted models, averaged at equal false-positive rates.

    Each model weighs as many pairs as it ranked, so that the area under the average is the
    AUC of `lumbago.evaluation.metrics.roc_auc`.

    Returns
    -------
    array of shape (len(GRID) - 1,) or None
        Mean sensitivity in each step of `GRID`; None where no model saw both classes.
    """
    curves, pairs = [], []
    for model in np.unique(outcomes.fitted):
        rows = outcomes.fitted == model
        positive = outcomes.positive[rows]
        n = int(positive.sum()) * int((~positive).sum())
        if n:
            curves.append(roc_of_model(positive, outcomes.score[rows]))
            pairs.append(n)
    return np.average(curves, axis=0, weights=pairs) if pairs else None


def draw_roc(
    axes: Axes,
    outcomes: Outcomes,
    parts: Mapping[str, np.ndarray],
    *,
    areas: bool = False,
    interval: str = "",
) -> None:
    """Draw the average curve, and thin ones of the parts, or of the repeats where none fits.

    Parameters
    ----------
    parts : mapping of str to boolean array
        Rows of each part; more parts than there are colours are not drawn.
    areas : bool
        Whether the key tells the area under each part's curve.
    interval : str
        What stands behind the area of the average curve.
    """
    whole = roc_curve(outcomes)
    if whole is None:
        raise ValueError("a ROC curve needs a fitted model that was tested on both classes")
    at = np.r_[0, (GRID[1:] + GRID[:-1]) / 2, 1]
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
    if parts and len(parts) <= len(SERIES) - 1:
        for (name, rows), colour in zip(parts.items(), SERIES[1:], strict=False):
            curve = roc_curve(outcomes.take(rows))
            if curve is not None:
                told = short(name, 18) + (f": {number(float(curve.mean()))}" if areas else "")
                axes.plot(at, np.r_[0, curve, 1], color=colour, linewidth=1.1, label=told)
    else:
        for repeat in np.unique(outcomes.repeat)[:20]:
            curve = roc_curve(outcomes.take(outcomes.repeat == repeat))
            if curve is not None:
                axes.plot(at, np.r_[0, curve, 1], color=LINE, linewidth=0.7, zorder=1)
    told = f"All: {number(float(whole.mean()))}{interval}"
    axes.plot(at, np.r_[0, whole, 1], color=BLUE, linewidth=2.2, label=told, zorder=5)
    axes.set(xlabel="1 − specificity", ylabel="Sensitivity", xlim=(-0.01, 1.01),
             ylim=(-0.01, 1.01), aspect="equal", title="ROC curve")  # fmt: skip
    axes.legend(loc="lower right", handlelength=1.4)

"""Curves of a result: ROC and calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lumbago.errors import InputError
from lumbago.evaluation.metrics import METRICS, score
from lumbago.evaluation.outcomes import CELL, Outcomes
from lumbago.evaluation.result import Result
from lumbago.evaluation.scores import bootstrap_seed, score_cells
from lumbago.report.calibration import calibration_curve
from lumbago.report.plots.sheet import sheet
from lumbago.report.roc import draw_roc
from lumbago.report.style import BLUE, LINE, QUIET, SERIES
from lumbago.report.words import number, span

BASELINE = "baseline"


def plot_roc(
    result: Result,
    *,
    features: str | None = None,
    model: str | None = None,
    scheme: str | None = None,
    title: str = "ROC curve",
    axes: Axes | None = None,
) -> Axes:
    """Draw the ROC curve of one cell, with a thin line for each left-out part or site.

    The curve averages those of the fitted models at equal false-positive rates; the area
    under it is the AUC of `Result.scores`, whose 95 % interval stands in the key.

    Parameters
    ----------
    result : Result
    features, model, scheme : str, optional
        The cell; what there is only one of (baselines aside) need not be named.
    axes : Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If several cells fit, or none; the target is not binary; the model gives no scores.
    """
    predictions, outcomes = _cell(result, features, model, scheme, "a ROC curve")
    if not np.isfinite(outcomes.score).all():
        raise InputError("a ROC curve needs scores; this model says classes only")
    told = score_cells(
        predictions, pd.DataFrame(columns=[*CELL, "metric", "score"]), result.target,
        metrics=["roc_auc"], seed=result.seed,
    ).iloc[0]  # fmt: skip
    interval = span(told["ci_low"], told["ci_high"])
    with sheet(axes, 4.4, 4.4) as axes:
        draw_roc(
            axes, outcomes, parts_of(predictions), areas=True,
            interval=f" ({interval})" if interval else "",
        )  # fmt: skip
        axes.set_title(title)
    return axes


def plot_calibration(
    result: Result,
    *,
    features: str | None = None,
    model: str | None = None,
    scheme: str | None = None,
    n_bins: int = 5,
    title: str = "Calibration",
    axes: Axes | None = None,
) -> Axes:
    """Draw how often the positive class was true, against the probability that was given for it.

    Predictions of all repeats fall into bins of equal number; the bars are 95 % intervals,
    participants resampled with all their predictions. The histogram below shows which
    probabilities were given.

    Parameters
    ----------
    result : Result
    features, model, scheme : str, optional
        The cell; what there is only one of (baselines aside) need not be named.
    n_bins : int
        How many bins; fewer where many probabilities are equal.
    axes : Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        As `plot_roc`; and if the model gives no probabilities.
    """
    _, outcomes = _cell(result, features, model, scheme, "a calibration curve")
    if not np.isfinite(outcomes.prob).all():
        raise InputError("a calibration curve needs probabilities; this model gives none")
    curve = calibration_curve(outcomes, n_bins, bootstrap_seed(result.seed, result.target, "bins"))
    brier = score(METRICS["brier"], outcomes)
    with sheet(axes, 4.4, 4.4) as axes:
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        axes.hist(outcomes.prob, bins=list(np.linspace(0, 1, 41)), color=LINE, zorder=0, alpha=0.8,
                  weights=np.full(len(outcomes), 0.5 / len(outcomes)))  # fmt: skip
        there = curve.dropna(subset="ci_low")
        axes.vlines(there["given"], there["ci_low"], there["ci_high"], color=BLUE, linewidth=1.4)
        axes.plot(curve["given"], curve["true"], "o-", color=BLUE, linewidth=1.4, markersize=6)
        axes.set(xlabel=f"Probability given to {result.target.positive}", xlim=(-0.01, 1.01),
                 ylabel=f"Share truly {result.target.positive}", ylim=(-0.01, 1.01),
                 aspect="equal", title=title)  # fmt: skip
        people = f"{outcomes.n_people} participants"
        axes.text(0.03, 0.97, f"Brier score {number(brier)}\n{people}", transform=axes.transAxes,
                  va="top")  # fmt: skip
    return axes


def parts_of(predictions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the rows of each left-out part; where nothing was left out, of each site or cohort."""
    for column in ("split", "site", "cohort"):
        words = predictions[column].fillna("").astype(str).to_numpy()
        names = [str(name) for name in np.unique(words) if name]
        if 1 < len(names) < len(SERIES):
            return {name: words == name for name in names}
    return {}


def _cell(
    result: Result, features: str | None, model: str | None, scheme: str | None, what: str
) -> tuple[pd.DataFrame, Outcomes]:
    if result.target.kind != "binary":
        raise InputError(
            f"{what} needs two classes; target {result.target.name} is {result.target.kind}"
        )
    rows = result.predictions
    for column, wanted in zip(CELL, (features, model, scheme), strict=True):
        if wanted is not None:
            known = sorted(rows[column].unique())
            rows = rows[rows[column] == wanted]
            if rows.empty:
                raise InputError(f"{column} {wanted!r}: expected one of {', '.join(known)}")
    if features is None and (rows["features"] != BASELINE).any():
        rows = rows[rows["features"] != BASELINE]
    open_ = [column for column in CELL if len(rows[column].unique()) > 1]
    if open_:
        choices = "; ".join(f"{c}: {', '.join(sorted(rows[c].unique()))}" for c in open_)
        raise InputError(f"several cells fit; say which by {' and '.join(open_)} ({choices})")
    return rows, Outcomes.of(rows, result.target)

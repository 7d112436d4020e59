"""Figures of one cell's predictions: ROC, confusion, predicted against observed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumbago.evaluation.outcomes import Outcomes
from lumbago.report.figures import short
from lumbago.report.roc import draw_roc, roc_curve
from lumbago.report.story import Story
from lumbago.report.style import BLUE, INK, QUIET, SERIES, Figure, canvas, embed, styled
from lumbago.report.tables import SMALL
from lumbago.report.words import number


def roc(story: Story, predictions: pd.DataFrame) -> Figure | None:
    """Draw the ROC curve of one cell, and of each left-out part or repeat beside it."""
    outcomes = Outcomes.of(predictions, story.target)
    whole = roc_curve(outcomes) if np.isfinite(outcomes.score).all() else None
    if whole is None:
        return None
    split = predictions["split"].fillna("").astype(str).to_numpy()
    names = [str(name) for name in np.unique(split) if name]
    with styled():
        drawn = canvas(4.0, 4.0)
        draw_roc(drawn.subplots(), outcomes, {name: split == name for name in names})
        image = embed(drawn)
    area = float(whole.mean())
    beside = "Thin: each left-out part." if names else "Thin: each repeat."
    return Figure(
        image,
        f"ROC curve of {story.name(*_names(predictions))}, area {number(area)}",
        "Average of the fitted models' curves at equal false-positive rates; its area is the "
        f"AUC of the table. {beside}",
        narrow=True,
    )


def confusion(story: Story, predictions: pd.DataFrame) -> Figure:
    """Draw how often each true class was given each class, over all repeats."""
    outcomes = Outcomes.of(predictions, story.target)
    classes = story.target.classes
    k, n_repeats = len(classes), len(np.unique(outcomes.repeat))
    counts = np.zeros((k, k))
    np.add.at(counts, (outcomes.truth, outcomes.predicted), 1)
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    per_repeat = counts / n_repeats
    countable = k <= 3 and not ((per_repeat > 0) & (per_repeat < SMALL)).any()
    with styled():
        drawn = canvas(4.0, 4.0)
        axes = drawn.subplots()
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1.15)
        for i in range(k):
            for j in range(k):
                dark = share[i, j] > 0.6
                axes.text(j, i - 0.06, f"{100 * share[i, j]:.0f} %", ha="center", va="center",
                          fontsize=13 if k == 2 else 9, color="white" if dark else INK)  # fmt: skip
                if countable:
                    of = f"{per_repeat[i, j]:.1f} per repeat"
                    axes.text(j, i + 0.2, of if n_repeats > 1 else f"{counts[i, j]:.0f}",
                              ha="center", va="center", fontsize=8,
                              color="white" if dark else QUIET)  # fmt: skip
        names = [short(c, 14) for c in classes]
        axes.set_xticks(range(k), names)
        axes.set_yticks(range(k), names, rotation=90, va="center")
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set(xlabel="Predicted", ylabel="True", title="Confusion")
        image = embed(drawn)
    each = len(outcomes) / (outcomes.n_people * n_repeats)
    several = " Below: predictions; a person may have several." if each > 1 and countable else ""
    told = ", ".join(f"{c}: {100 * share[i, i]:.0f} % right" for i, c in enumerate(classes))
    return Figure(
        image, f"Confusion matrix; {told}",
        f"Share of each true class (rows add up to 100 %).{several}", narrow=True,
    )  # fmt: skip


def scatter(story: Story, predictions: pd.DataFrame) -> Figure:
    """Draw predicted against observed values, one point per sample, coloured by site."""
    keys = ["cohort", "participant_id", "session"]
    means = predictions.groupby(keys, sort=True, dropna=False).agg(
        observed=("y_true", "first"), predicted=("y_pred", "mean"), site=("site", "first")
    )
    observed, predicted = (means[c].to_numpy(dtype=float) for c in ("observed", "predicted"))
    site = means["site"].fillna("").astype(str).to_numpy()
    names = np.unique(site)
    with styled():
        drawn = canvas(5.2, 5.2)
        axes = drawn.subplots()
        coloured = 1 < len(names) <= len(SERIES)
        for name, colour in zip(names, SERIES, strict=False) if coloured else [(None, BLUE)]:
            rows = slice(None) if name is None else site == name
            axes.plot(observed[rows], predicted[rows], "o", markersize=4.5, alpha=0.75,
                      color=colour, markeredgewidth=0,
                      label=None if name is None else short(str(name), 18))  # fmt: skip
        low, high = min(observed.min(), predicted.min()), max(observed.max(), predicted.max())
        room = 0.04 * (high - low)
        line = [low - room, high + room]
        axes.plot(line, line, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        axes.set(xlim=line, ylim=line, aspect="equal", title="Predicted against observed")
        axes.set(xlabel=f"Observed {story.target.name}", ylabel=f"Predicted {story.target.name}")
        told = []
        cell = _names(predictions)
        for metric in ("r", "r2", "mae"):
            row = story.row(*cell, str(predictions["scheme"].iloc[0]), metric)
            if row and np.isfinite(row["score"]):
                name = {"r": "r", "r2": "R²", "mae": "MAE"}[metric]
                told.append(f"{name} = {number(row['score'])}")
        axes.text(0.03, 0.97, "\n".join(told), transform=axes.transAxes, va="top", fontsize=9)
        if coloured:
            axes.legend(loc="lower right", title="Site", handletextpad=0.2)
        image = embed(drawn)
    return Figure(
        image, f"Predicted against observed {story.target.name}; {', '.join(told)}",
        "Each point is a sample; the prediction is the mean over repeats. "
        "Dashed: perfect prediction.",
    )  # fmt: skip


def _names(predictions: pd.DataFrame) -> tuple[str, str]:
    first = predictions.iloc[0]
    return str(first["features"]), str(first["model"])

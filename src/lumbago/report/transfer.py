"""From one cohort to another: a matrix of who was trained on and who was tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lumbago.evaluation.compare import WITHIN
from lumbago.evaluation.schemes import pair_name
from lumbago.report.figures import short
from lumbago.report.story import Story
from lumbago.report.style import DIVERGING, INK, Figure, canvas, embed, styled
from lumbago.report.tables import HIDDEN, MISSING, SMALL, Table
from lumbago.report.words import number, span

SCHEME = "transfer"
MOST = 12
"""Cohorts beyond which a matrix cannot be read."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """Scores of one cell, by the cohort it was trained and the cohort it was tested on.

    Parameters
    ----------
    cohorts : list of str
    rows : mapping of (trained, tested) to a row of the scores table
        On the diagonal, where cross-validation ran, the score of that cohort's people there.
    """

    cohorts: list[str]
    rows: dict[tuple[str, str], dict[str, Any]]

    @property
    def values(self) -> np.ndarray:
        """Scores, shape (trained on, tested on), NaN where there is none."""
        k = len(self.cohorts)
        table = np.full((k, k), np.nan)
        for (trained, tested), row in self.rows.items():
            table[self.cohorts.index(trained), self.cohorts.index(tested)] = row["score"]
        return table


def matrix_of(story: Story, features: str, model: str) -> Matrix | None:
    """Return the leading scores of one cell's transfers; None where it made none."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    mine = story.predictions[story.predictions["scheme"] == SCHEME]
    cohorts = sorted(mine["cohort"].astype(str).unique())
    for trained in cohorts:
        for tested in cohorts:
            scheme, scope = SCHEME, f"pair:{pair_name(trained, tested)}"
            if trained == tested:
                scheme, scope = WITHIN, f"cohort:{tested}"
            row = story.row(features, model, scheme, story.metric.name, scope)
            if row is not None:
                rows[trained, tested] = row
    if not any(a != b for a, b in rows):
        return None
    return Matrix(cohorts, rows)


def section(story: Story) -> dict[str, Any] | None:
    """Return what the report says of transfers: the best cell's matrix and its table."""
    best = story.best_of(SCHEME)
    if best is None:
        return None
    found = matrix_of(story, best["features"], best["model"])
    if found is None:
        return None
    name = story.name(best["features"], best["model"])
    return {
        "name": name,
        "figure": draw(story, found, name) if len(found.cohorts) <= MOST else None,
        "table": pairs(story, found),
    }


def pairs(story: Story, found: Matrix) -> Table:
    """Return one row per transfer."""
    rows = []
    for (trained, tested), row in found.rows.items():
        if trained == tested:
            continue
        score = number(row["score"]) if np.isfinite(row["score"]) else row["reason"] or MISSING
        interval = span(row["ci_low"], row["ci_high"])
        n = int(row["n"])
        rows.append(
            [trained, tested, HIDDEN if 0 < n < SMALL else f"{n:,}",
             score + (f"\n{interval}" if interval else "")]
        )  # fmt: skip
    head = ["Trained on", "Tested on", "Participants tested", story.metric.label]
    return Table(head, rows, words=frozenset({0, 1}))


def draw(story: Story, found: Matrix, name: str) -> Figure:
    """Draw the matrix: rows train, columns test."""
    k = len(found.cohorts)
    size = 1.7 + 0.95 * min(k, 6)
    with styled():
        drawn = canvas(size + 0.9, size)
        axes = drawn.subplots()
        image = draw_matrix(axes, story, found)
        bar = drawn.colorbar(image, ax=axes, shrink=0.75, aspect=18)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0)
        bar.set_label(story.metric.label)
        picture = embed(drawn)
    diagonal = any(a == b for a, b in found.rows)
    inside = (
        " Framed: cross-validation, where people of every cohort train, scored in this one."
        if diagonal else ""
    )  # fmt: skip
    off = [row["score"] for (a, b), row in found.rows.items() if a != b]
    off = [v for v in off if np.isfinite(v)]
    told = f", {number(min(off))} to {number(max(off))}" if off else ""
    chance = story.metric.chance
    means = f" White: {number(chance)}, no knowledge." if chance is not None else ""
    return Figure(
        picture,
        f"{story.metric.label} of {name} trained on one cohort and tested on another{told}",
        f"{story.metric.label} of {name}: rows train, columns are tested; 95 % interval below."
        f"{means}{inside}",
    )


def draw_matrix(axes: Axes, story: Story, found: Matrix) -> Any:
    """Draw scores as coloured cells with their intervals, and return the image."""
    values, k = found.values, len(found.cohorts)
    there = values[np.isfinite(values)]
    metric = story.metric
    if metric.chance is not None:
        reach = max(float(np.abs(there - metric.chance).max(initial=0)), 0.3)
        limits = metric.chance - reach, metric.chance + reach
        image = axes.imshow(values, cmap=DIVERGING, vmin=limits[0], vmax=limits[1])
    else:
        limits = float(there.min(initial=np.inf)), float(there.max(initial=-np.inf))
        if not len(there):
            limits = 0.0, 1.0
        image = axes.imshow(values, cmap="Blues", vmin=limits[0], vmax=limits[1] * 1.15 + 1e-9)
    size = 11 if k <= 5 else 8
    for (trained, tested), row in found.rows.items():
        i, j = found.cohorts.index(trained), found.cohorts.index(tested)
        r, g, b, _ = image.cmap(image.norm(row["score"]))
        # Weights of the eye's three receptors for light, ITU-R BT.601.
        dark = np.isfinite(row["score"]) and 0.299 * r + 0.587 * g + 0.114 * b < 0.55
        interval = span(row["ci_low"], row["ci_high"])
        axes.text(j, i - (0.08 if interval else 0), number(row["score"]), ha="center",
                  va="center", fontsize=size, color="white" if dark else INK)  # fmt: skip
        if interval and k <= 8:
            axes.text(j, i + 0.22, interval, ha="center", va="center", fontsize=6.5,
                      color="white" if dark else INK)  # fmt: skip
        if i == j:
            axes.add_patch(
                Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=INK,
                          linewidth=1.2)
            )  # fmt: skip
    names = [short(c, 14) for c in found.cohorts]
    axes.set_xticks(range(k), names, rotation=0 if k <= 5 else 45)
    axes.set_yticks(range(k), names)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set(xlabel="Tested on", ylabel="Trained on")
    return image

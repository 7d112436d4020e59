"""Figures of the scores: what the models reach, where, and against which chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lumbago.evaluation.compare import place_of
from lumbago.evaluation.metrics import METRICS, Metric, score
from lumbago.evaluation.outcomes import CELL, Outcomes
from lumbago.report.story import Story, scopes_of
from lumbago.report.style import (
    BLUE,
    INK,
    LINE,
    ORANGE,
    QUIET,
    WIDTH,
    Figure,
    bare,
    canvas,
    embed,
    styled,
)
from lumbago.report.words import number, p_value, scheme_words

MOST_ROWS = 40
_BOUNDS = {"roc_auc": (0, 1), "balanced_accuracy": (0, 1), "accuracy": (0, 1),
           "sensitivity": (0, 1), "specificity": (0, 1), "r": (-1, 1)}  # fmt: skip


def short(text: str, most: int = 34) -> str:
    """Cut a label that would push the drawing off the page.

    >>> short("a" * 9, 5)
    'aaaa…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def _limits(metric: Metric, values: Sequence[float]) -> tuple[float, float]:
    there = [v for v in values if np.isfinite(v)]
    there += [metric.chance] if metric.chance is not None else []
    low, high = min(there, default=0.0), max(there, default=1.0)
    room = 0.06 * max(high - low, 0.1)
    bounds = _BOUNDS.get(metric.name, (-np.inf, np.inf))
    return max(low - room, bounds[0] - 0.02), min(high + room, bounds[1] + 0.02)


def _chance(axes: Axes, metric: Metric) -> None:
    if metric.chance is not None:
        axes.axvline(metric.chance, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)


def _interval(
    axes: Axes, y: float, row: dict[str, Any] | None, colour: str, filled: bool = True
) -> None:
    if row is None or not np.isfinite(row["score"]):
        return
    if np.isfinite(row["ci_low"]):
        axes.plot([row["ci_low"], row["ci_high"]], [y, y], color=colour, linewidth=1.6,
                  solid_capstyle="round", zorder=3)  # fmt: skip
    axes.plot(row["score"], y, "o" if filled else "D", markersize=6 if filled else 5,
              color=colour if filled else "white", markeredgecolor=colour,
              markeredgewidth=1.3, zorder=4)  # fmt: skip


def forest(story: Story) -> Figure | None:
    """Every cell's leading score with its interval, one panel per scheme."""
    cells, metric = story.cells(reference=False), story.metric
    left = len(cells) - MOST_ROWS
    if left > 0:
        ranked = sorted(cells, key=lambda c: -_strength(story, c))
        cells = [c for c in cells if c in set(ranked[:MOST_ROWS])]
    references = story.cells(reference=True)
    rows = [*cells, *references]
    if not rows:
        return None
    table = {
        (scheme, cell): story.row(*cell, scheme, metric.name)
        for scheme in story.schemes for cell in rows
    }  # fmt: skip
    reach = [v for r in table.values() if r for v in (r["score"], r["ci_low"], r["ci_high"])]
    with styled():
        drawn = canvas(WIDTH, 0.9 + 0.25 * len(rows) + (0.12 if references else 0))
        panels = np.atleast_1d(drawn.subplots(1, len(story.schemes), sharex=True, sharey=True))
        y_of = {cell: i + (0.5 if cell in references else 0) for i, cell in enumerate(rows)}
        for axes, scheme in zip(panels, story.schemes, strict=True):
            best = story.best_of(scheme)
            top = (best["features"], best["model"]) if best else None
            for cell in rows:
                own = cell not in references
                colour = QUIET if not own else ORANGE if cell == top else BLUE
                row = table[scheme, cell]
                _interval(axes, y_of[cell], row, colour, own)
                if row and np.isfinite(row["score"]) and len(story.schemes) <= 2:
                    axes.annotate(number(row["score"]), (1.01, y_of[cell]),
                                  xycoords=("axes fraction", "data"), va="center", fontsize=8,
                                  color=INK if own else QUIET)  # fmt: skip
            _chance(axes, metric)
            axes.set(title=scheme_words(scheme), xlabel=metric.label)
            axes.grid(axis="x")
            bare(axes)
        panels[0].set_xlim(_limits(metric, reach))
        panels[0].set_ylim(max(y_of.values()) + 0.6, -0.6)
        panels[0].set_yticks(list(y_of.values()), [short(story.name(*c)) for c in rows])
        image = embed(drawn)
    chance = ""
    if metric.chance is not None:
        means = ", no knowledge" if metric.name == "roc_auc" else ""
        chance = f" Dashed: {number(metric.chance)}{means}."
    diamonds = " Diamonds: references that see no image." if references else ""
    cut = f" {left} weaker combinations are in the table only." if left > 0 else ""
    return Figure(
        image,
        f"{metric.label} of every combination of features and model, with intervals",
        f"{metric.label} of every combination, with 95 % intervals (participants resampled). "
        f"Orange: the best of its panel.{diamonds}{chance}{cut}",
    )


def _strength(story: Story, cell: tuple[str, str]) -> float:
    sign = 1 if story.metric.higher_is_better else -1
    scores = [r["score"] for s in story.schemes if (r := story.row(*cell, s, story.metric.name))]
    return max((sign * v for v in scores if np.isfinite(v)), default=-np.inf)


def gap(story: Story) -> Figure | None:
    """Each cell's score with its cohort or site in training, and without."""
    table = story.gaps.dropna(subset="gap").head(MOST_ROWS)
    if table.empty:
        return None
    metric = story.metric
    rows = table.to_dict("records")
    several = len(set(table["left_out"])) > 1
    with styled():
        drawn = canvas(WIDTH, 1.1 + 0.26 * len(rows))
        axes = drawn.subplots()
        for y, row in enumerate(rows):
            axes.plot(
                [row["within"], row["elsewhere"]], [y, y], color=LINE, linewidth=2.2, zorder=2
            )
            axes.plot(row["within"], y, "o", color=BLUE, markersize=6.5, zorder=3,
                      label="Cross-validation" if y == 0 else None)  # fmt: skip
            axes.plot(row["elsewhere"], y, "o", color="white", markeredgecolor=ORANGE,
                      markersize=6.5, markeredgewidth=1.6, zorder=4,
                      label="Left out" if y == 0 else None)  # fmt: skip
        names = [
            short(story.name(r["features"], r["model"]))
            + (f" ({r['left_out']})" if several else "") for r in rows
        ]  # fmt: skip
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(_limits(metric, [*table["within"], *table["elsewhere"]]))
        axes.set_xlabel(metric.label)
        axes.grid(axis="x")
        _chance(axes, metric)
        bare(axes)
        drawn.legend(loc="outside upper left", ncols=2, handletextpad=0.3)
        image = embed(drawn)
    units = " or ".join(dict.fromkeys(map(place_of, table["left_out"])))
    return Figure(
        image,
        f"{metric.label} in cross-validation and leaving a {units} out",
        f"What each combination loses on a {units} that training never saw.",
    )


def by_part(story: Story, features: str, model: str) -> Figure | None:
    """One cell's score in every cohort and site, under every scheme."""
    names = scopes_of(story.scores)
    metric = story.metric
    rows = {
        (scheme, scope): story.row(features, model, scheme, metric.name, scope)
        for scheme in story.schemes for scope in ["pooled", *names]
    }  # fmt: skip
    there = [n for n in names if any(rows[s, n] for s in story.schemes)]
    if not there or len(there) > MOST_ROWS:
        return None
    reach = [v for r in rows.values() if r for v in (r["score"], r["ci_low"], r["ci_high"])]
    scopes = ["pooled", *there]
    with styled():
        drawn = canvas(WIDTH, 1.0 + 0.28 * len(scopes))
        panels = np.atleast_1d(drawn.subplots(1, len(story.schemes), sharex=True, sharey=True))
        for axes, scheme in zip(panels, story.schemes, strict=True):
            for y, scope in enumerate(scopes):
                _interval(axes, y, rows[scheme, scope], INK if scope == "pooled" else BLUE)
            _chance(axes, metric)
            axes.set(title=scheme_words(scheme), xlabel=metric.label)
            axes.grid(axis="x")
            bare(axes)
        labels = ["All"] + [short(n.replace(":", " ", 1)) for n in there]
        panels[0].set_yticks(range(len(scopes)), labels)
        panels[0].set_ylim(len(scopes) - 0.4, -0.6)
        panels[0].set_xlim(_limits(metric, reach))
        image = embed(drawn)
    return Figure(
        image,
        f"{metric.label} of {story.name(features, model)} by cohort and site",
        f"{story.name(features, model)} by cohort and site, with 95 % intervals. "
        "A part without an interval has fewer than five people in a class.",
    )


def null(story: Story, nulls: pd.DataFrame) -> Figure | None:
    """Scores under permuted labels, and the observed score of the same repeat."""
    if nulls.empty or story.best is None:
        return None
    mine = nulls[nulls["metric"] == story.metric.name]
    found = mine.dropna(subset="score")[["features", "model", "scheme"]]
    cells = [c for c in dict.fromkeys(found.itertuples(index=False, name=None))
             if not story.is_reference(c[0], c[1])]  # fmt: skip
    best = (story.best["features"], story.best["model"], story.best["scheme"])
    cells.sort(key=lambda c: (c != best, -_strength(story, c[:2]), c))
    cells = [c for c in cells if story.row(c[0], c[1], c[2], story.metric.name)][:6]
    if not cells:
        return None
    with styled():
        n_columns = min(3, len(cells))
        n_rows = -(-len(cells) // n_columns)
        drawn = canvas(WIDTH if n_columns > 1 else 4.2, 0.4 + 1.9 * n_rows)
        panels = np.atleast_1d(drawn.subplots(n_rows, n_columns, sharex=True)).ravel()
        for axes in panels[len(cells) :]:
            axes.set_visible(False)
        for axes, cell in zip(panels, cells, strict=False):
            scores = mine.loc[(mine[["features", "model", "scheme"]] == list(cell)).all(axis=1),
                              "score"].to_numpy(dtype=float)  # fmt: skip
            observed = first_repeat(story, cell)
            row = story.row(cell[0], cell[1], cell[2], story.metric.name) or {}
            axes.hist(
                scores[np.isfinite(scores)], bins=min(25, max(6, len(scores) // 4)), color=LINE
            )
            axes.axvline(observed, color=ORANGE, linewidth=1.8)
            name = short(story.name(cell[0], cell[1]), 30)
            axes.set_title(f"{name}\n{scheme_words(cell[2]).lower()}\np = {p_value(row['p'])}",
                           fontsize=8.5)  # fmt: skip
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.set_xlabel(story.metric.label)
        image = embed(drawn)
    return Figure(
        image,
        "Distribution of scores under permuted labels",
        f"{story.metric.label} of models trained on permuted labels (grey) and on the true ones "
        "(orange, first repeat).",
    )  # fmt: skip


def first_repeat(story: Story, cell: tuple[str, str, str]) -> float:
    """Return the leading score of a cell's first repeat, the one permutations compare with."""
    rows = story.same(story.predictions, dict(zip(CELL, cell, strict=True)))
    outcomes = Outcomes.of(rows, story.target)
    return score(METRICS[story.metric.name], outcomes.take(outcomes.repeat == 0))

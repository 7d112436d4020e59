"""The learning curve: what the score was with fewer people to learn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lumbago.evaluation.splits import on_curve, share_of
from lumbago.report.figures import short
from lumbago.report.story import Story
from lumbago.report.style import INK, QUIET, SERIES, WIDTH, Figure, canvas, embed, styled
from lumbago.report.tables import Table
from lumbago.report.words import MISSING, number, span

MOST = 8
"""Lines that colours can tell apart."""


def section(story: Story, fits: pd.DataFrame) -> dict[str, Any] | None:
    """Return what the report says of learning curves: a figure and a table of the leading metric.

    Returns
    -------
    dict or None
        ``curves``: a list with ``figure`` and ``table`` of each curve that ran; None without.
    """
    labels = [s for s in dict.fromkeys(story.scores["scheme"]) if on_curve(s)]
    if not labels:
        return None
    named = sorted({label.rsplit(":", 1)[0] for label in labels})
    return {"curves": [_curve(story, fits, name, labels) for name in named]}


def _curve(story: Story, fits: pd.DataFrame, name: str, labels: list[str]) -> dict[str, Any]:
    mine = sorted((s for s in labels if s.rsplit(":", 1)[0] == name), key=share_of)
    trained = fits[fits["scheme"].isin(mine)].groupby("scheme")["n_train"].mean()
    n = [float(trained[s]) for s in mine]
    cells = _ranked(story, mine)
    rows = []
    for label, samples in zip(mine, n, strict=True):
        row = [f"{100 * share_of(label):g} %", number(samples, 0)]
        rows.append(row + [_cell(story.row(*c, label, story.metric.name)) for c in cells])
    head = ["Share of the training fold", "Samples trained on, mean"]
    more = len(story.cells(reference=False)) - len(cells)
    note = f"{more} weaker combinations are in scores.tsv." if more > 0 else ""
    table = Table([*head, *(story.name(*c) for c in cells)], rows, note, words=frozenset({0}))
    return {"figure": _draw(story, cells, mine, n), "table": table}


def _ranked(story: Story, labels: list[str]) -> list[tuple[str, str]]:
    """Return the cells of the curve, the best at its end first."""
    sign = 1 if story.metric.higher_is_better else -1
    ranked = []
    for cell in story.cells(reference=False):
        row = story.row(*cell, labels[-1], story.metric.name)
        if row is not None:
            value = row["score"] if np.isfinite(row["score"]) else -sign * np.inf
            ranked.append((-sign * value, cell))
    return [cell for _, cell in sorted(ranked)][:MOST]


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or not np.isfinite(row["score"]):
        return (row or {}).get("reason") or MISSING
    interval = span(row["ci_low"], row["ci_high"])
    return number(row["score"]) + (f"\n{interval}" if interval else "")


def _draw(story: Story, cells: list[tuple[str, str]], labels: list[str], n: list[float]) -> Figure:
    with styled():
        drawn = canvas(WIDTH, 3.4)
        axes = drawn.subplots()
        for i, cell in enumerate(cells):
            found = [story.row(*cell, s, story.metric.name) for s in labels]
            score = np.array([r["score"] if r else np.nan for r in found], dtype=float)
            colour = SERIES[i % len(SERIES)]
            axes.plot(n, score, "o-", color=colour, linewidth=2 if i == 0 else 1.2,
                      markersize=5 if i == 0 else 3.5, label=short(story.name(*cell)),
                      zorder=4 if i == 0 else 3)  # fmt: skip
            if i == 0:
                low, high = (
                    np.array([r[c] if r else np.nan for r in found], dtype=float)
                    for c in ("ci_low", "ci_high")
                )
                axes.fill_between(n, low, high, color=colour, alpha=0.14, linewidth=0)
        if story.metric.chance is not None:
            axes.axhline(story.metric.chance, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_xlim(left=0)
        axes.set_xlabel("Samples trained on, mean over folds", color=INK)
        axes.set_ylabel(story.metric.label)
        axes.grid(axis="y")
        drawn.legend(loc="outside right upper")
        image = embed(drawn)
    first, last = (story.row(*cells[0], s, story.metric.name) for s in (labels[0], labels[-1]))
    told = " to ".join(number(r["score"]) if r else MISSING for r in (first, last))
    name = story.name(*cells[0])
    return Figure(
        image,
        f"{story.metric.label} of {name} from {n[0]:.0f} to {n[-1]:.0f} training samples: {told}",
        f"{story.metric.label} by the number of samples trained on, the same people tested. "
        f"Shaded: 95 % interval of {name}, participants resampled, models as fitted.",
    )

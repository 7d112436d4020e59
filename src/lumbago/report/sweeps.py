"""Groups compared over the densities of their graphs: figures and a table of the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lumbago.data.dataset import Target
from lumbago.report.graphs import named
from lumbago.report.style import BLUE, ORANGE, SERIES, WIDTH, Figure, canvas, embed, styled
from lumbago.report.tables import Table
from lumbago.report.words import number, span

MOST_PANELS = 12
_BASE = {"sigma": 1.0, "gamma": 1.0, "lambda": 1.0}
"""What a random graph would have, where that is one number."""


def draw_sweep(axes: Axes, rows: pd.DataFrame, *, key: bool = True) -> None:
    """Draw the means of groups over densities, with bands for their intervals.

    Parameters
    ----------
    axes : Axes
    rows : DataFrame
        One feature and measure of `lumbago.experiment.sweeps.sweep_summary`.
    key : bool
        Whether the groups are named in a legend.
    """
    means = rows[(rows["versus"] == "") & rows["density"].notna()]
    groups = list(dict.fromkeys(means["group"]))
    colours = (BLUE, ORANGE) if len(groups) == 2 else SERIES
    measure = str(rows["measure"].iloc[0])
    base = _BASE.get(measure.rpartition(".")[2])
    if base is not None:
        axes.axhline(base, color="0.55", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    for group, colour in zip(groups, colours, strict=False):
        mine = means[means["group"] == group].sort_values("density")
        at = 100 * mine["density"].to_numpy(dtype=float)
        low, high = (mine[c].to_numpy(dtype=float) for c in ("ci_low", "ci_high"))
        axes.fill_between(at, low, high, color=colour, alpha=0.18, linewidth=0, zorder=2)
        axes.plot(at, mine["estimate"].to_numpy(dtype=float), "o-", color=colour, linewidth=1.5,
                  markersize=3.5, zorder=3, label=f"{group} ({int(mine['n'].max())})")  # fmt: skip
    axes.set_xlabel("Density (%)")
    axes.grid(axis="y")
    if key:
        axes.legend(handletextpad=0.4)


def area_words(rows: pd.DataFrame) -> str:
    """Return the difference of the areas under the curves with its interval; empty without one.

    Parameters
    ----------
    rows : DataFrame
        One feature and measure of a summary.
    """
    apart = rows[(rows["versus"] != "") & rows["density"].isna()]
    if apart.empty or not np.isfinite(float(apart["estimate"].iloc[0])):
        return ""
    row = apart.iloc[0]
    digits = _digits(float(row["ci_high"]) - float(row["ci_low"]))
    values = (float(row["ci_low"]), float(row["ci_high"]))
    return f"Δ area {number(float(row['estimate']), digits)} ({span(*values, digits)})"


def section(sweeps: pd.DataFrame, target: Target) -> list[dict[str, Any]]:
    """Return one figure and one table per network of the run."""
    if sweeps.empty or target.kind != "binary":
        return []
    found = []
    for features in dict.fromkeys(sweeps["features"]):
        mine = sweeps[sweeps["features"] == features]
        figure = _figure(mine, features, target)
        if figure is not None:
            found.append({"name": features, "figure": figure, "table": _table(mine)})
    return found


def _figure(mine: pd.DataFrame, features: str, target: Target) -> Figure | None:
    drawn_from = mine[mine["density"].notna() & mine["estimate"].notna()]
    measures = list(dict.fromkeys(drawn_from["measure"]))
    # Those that say most come first, should there be more than a page holds.
    measures.sort(key=lambda m: m.rpartition(".")[2] not in _BASE)
    measures = measures[:MOST_PANELS]
    if not measures:
        return None
    n_columns = min(3, len(measures))
    n_rows = -(-len(measures) // n_columns)
    with styled():
        drawn = canvas(WIDTH if n_columns > 1 else 4.2, 0.5 + 2.3 * n_rows)
        panels = np.atleast_1d(drawn.subplots(n_rows, n_columns, sharex=True)).ravel()
        for axes in panels[len(measures) :]:
            axes.set_visible(False)
        for i, (axes, measure) in enumerate(zip(panels, measures, strict=False)):
            rows = mine[mine["measure"] == measure]
            draw_sweep(axes, rows, key=False)
            axes.set_title(f"{title_of(measure)}\n{area_words(rows)}", fontsize=8.5)
            if i + n_columns < len(measures):
                axes.set_xlabel("")
        handles, labels = panels[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside upper left", ncols=2, handletextpad=0.3)
        image = embed(drawn)
    negative, positive = target.classes
    return Figure(
        image,
        f"Graph measures of {positive} and {negative} over densities",
        f"{features}: means of {positive} and {negative} over the densities of their graphs, with "
        "95 % intervals (Student's t over participants). "
        f"Δ area: {positive} less {negative}, area under the curve, with Welch's 95 % interval. "
        "Dashed: 1, as in null graphs.",
    )


def _table(mine: pd.DataFrame) -> Table:
    areas = mine[mine["density"].isna()]
    measures = list(dict.fromkeys(areas["measure"]))
    groups = list(dict.fromkeys(areas.loc[areas["versus"] == "", "group"]))
    rows = []
    for measure in measures:
        own = areas[areas["measure"] == measure]
        cells = [title_of(measure)]
        apart = own[own["versus"] != ""]
        digits = 4
        if len(apart) and np.isfinite(float(apart["estimate"].iloc[0])):
            digits = _digits(float(apart["ci_high"].iloc[0]) - float(apart["ci_low"].iloc[0]))
        for group in groups:
            cells.append(_cell(own[(own["group"] == group) & (own["versus"] == "")], digits))
        rows.append([*cells, _cell(apart, digits)])
    return Table(
        ["Area under the curve", *groups, "Difference"], rows,
        "Areas by the trapezoid rule, in the unit of the measure times density. Intervals: 95 %, "
        "one measure at a time, not corrected for their number.",
    )  # fmt: skip


def _cell(rows: pd.DataFrame, digits: int) -> str:
    if rows.empty:
        return "–"
    row = rows.iloc[0]
    interval = span(float(row["ci_low"]), float(row["ci_high"]), digits)
    return number(float(row["estimate"]), digits) + (f"\n{interval}" if interval else "")


def _digits(width: float) -> int:
    """Return as many digits as tell the ends of an interval apart."""
    if not np.isfinite(width) or width <= 0:
        return 3
    return int(np.clip(2 - np.floor(np.log10(width)), 1, 6))


def title_of(measure: str) -> str:
    """Return a measure in words that begin a title; a band of the signals comes last.

    >>> title_of("sigma"), title_of("slow5.transitivity")
    ('Small-worldness (sigma)', 'Transitivity, slow5')
    """
    variant, _, name = measure.rpartition(".")
    words = named(name).partition(" (harmonic")[0]
    return words[:1].upper() + words[1:] + (f", {variant}" if variant else "")

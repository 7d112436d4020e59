"""Figures of what a linear model reads: Haufe patterns of regions and edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lumbago.data.dataset import Target
from lumbago.report.figures import short
from lumbago.report.plots.matrix import mark_groups
from lumbago.report.plots.square import EDGE, network_of
from lumbago.report.style import (
    BLUE,
    DIVERGING,
    INK,
    LINE,
    ORANGE,
    WIDTH,
    Figure,
    bare,
    canvas,
    embed,
    styled,
)

STRONGEST = 15


def strongest(weights: pd.DataFrame, n: int = STRONGEST) -> pd.DataFrame:
    """Return the features with the largest absolute pattern, ties in the order of their names."""
    there = weights.dropna(subset="pattern").assign(size=lambda t: t["pattern"].abs())
    there = there.sort_values(["size", "feature"], ascending=[False, True], kind="stable")
    return there.head(n).drop(columns="size").reset_index(drop=True)


def meaning(target: Target) -> str:
    """Say what the sign of a pattern means."""
    if target.kind == "binary":
        return f"positive: higher in {target.positive}"
    return (
        f"positive: higher with more {target.name}" if target.kind == "continuous" else "by class"
    )


def lollipops(weights: pd.DataFrame, target: Target) -> Figure | None:
    """Draw the strongest features' patterns, with their spread over fitted models."""
    top = strongest(weights)
    if top.empty:
        return None
    keys = {str(f).split(":", 1)[0] for f in weights["feature"]}
    names = [_name(str(f), len(keys) > 1) for f in top["feature"]]
    with styled():
        drawn = canvas(WIDTH, 0.8 + 0.25 * len(top))
        axes = drawn.subplots()
        for y, row in enumerate(top.to_dict("records")):
            colour = ORANGE if row["pattern"] > 0 else BLUE
            axes.plot([0, row["pattern"]], [y, y], color=colour, linewidth=1.8, zorder=2)
            if np.isfinite(row["pattern_sd"]):
                ends = row["pattern"] + np.array([-1, 1]) * row["pattern_sd"]
                axes.plot(ends, [y, y], color=INK, linewidth=0.8, zorder=3)
            axes.plot(row["pattern"], y, "o", color=colour, markersize=6, zorder=4)
        axes.axvline(0, color=LINE, linewidth=1)
        axes.set_yticks(range(len(top)), [short(n, 52) for n in names])
        axes.set_ylim(len(top) - 0.4, -0.6)
        axes.set_xlabel(f"Activation pattern ({meaning(target)})")
        axes.grid(axis="x")
        bare(axes)
        image = embed(drawn)
    edges = all(EDGE.match(str(f)) for f in top["feature"])
    what = "edges" if edges else "features"
    return Figure(
        image,
        f"Strongest {what} by activation pattern: {', '.join(names[:5])}",
        f"The {len(top)} strongest of {len(weights):,} {what}: activation pattern, mean over "
        "fitted models; black: ± one standard deviation over them, a measure of stability, not "
        "of error. Patterns show what goes with the target, not what causes it.",
    )


def _name(feature: str, with_key: bool) -> str:
    key, _, region = feature.partition(":")
    if not region:
        return feature
    region = region.replace("~", " ~ ")
    variant = key.partition(".")[2]
    if with_key:
        return f"{region} ({key})"
    return f"{region} ({variant})" if variant else region


def matrix(weights: pd.DataFrame, target: Target) -> Figure | None:
    """Draw the patterns of all edges as a matrix, regions grouped by network where named."""
    edges = [EDGE.match(str(f)) for f in weights["feature"]]
    keys = dict.fromkeys(m["key"] for m in edges if m)
    if not keys:
        return None
    # With several kinds of edges, the one that holds the strongest.
    first = next((m["key"] for f in strongest(weights, len(weights))["feature"]
                  if (m := EDGE.match(str(f)))), next(iter(keys)))  # fmt: skip
    of_key = [(m["a"], m["b"], p) for m, p in zip(edges, weights["pattern"], strict=True)
              if m and m["key"] == first]  # fmt: skip
    regions = list(dict.fromkeys(name for a, b, _ in of_key for name in (a, b)))
    if len(regions) < 6:
        return None
    group = {region: network_of(region) for region in regions}
    sizes = pd.Series(list(group.values())).value_counts()
    grouped = 1 < len(sizes) <= 20 and "" not in sizes
    if grouped:
        regions = sorted(regions, key=lambda r: (group[r], regions.index(r)))
    at = {region: i for i, region in enumerate(regions)}
    values = np.full((len(regions), len(regions)), np.nan)
    for a, b, pattern in of_key:
        values[at[a], at[b]] = values[at[b], at[a]] = pattern
    limit = float(np.nanpercentile(np.abs(values), 99)) or 1.0
    with styled():
        panels = 2 if grouped else 1
        drawn = canvas(WIDTH if grouped else 4.6, 4.6)
        axes = np.atleast_1d(drawn.subplots(1, panels))
        mesh = axes[0].imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit)
        axes[0].set_title("Edges")
        if grouped:
            _networks(axes[0], axes[1], values, [group[r] for r in regions])
        else:
            axes[0].set(xticks=[], yticks=[], xlabel=f"{len(regions)} regions")
        for one in axes:
            one.tick_params(length=0, labelsize=7.5)
            for side in one.spines.values():
                side.set_visible(False)
        bar = drawn.colorbar(mesh, ax=axes[0], location="bottom", shrink=0.7, aspect=30)
        bar.set_label(f"Pattern ({meaning(target)})", fontsize=8)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=7.5)
        image = embed(drawn)
    beside = " Right: means over pairs of networks." if grouped else ""
    return Figure(
        image,
        f"Matrix of activation patterns over {len(regions)} regions",
        f"Activation pattern of every edge of {first}, {len(regions)} regions"
        f"{' in order of network' if grouped else ''}; colours end at the 99th percentile."
        f"{beside}",
    )


def _networks(left: Axes, right: Axes, values: np.ndarray, group: list[str]) -> None:
    names = list(dict.fromkeys(group))
    member = np.array([[g == name for g in group] for name in names])
    labels = [short(name, 16) for name in names]
    mark_groups(left, group)
    there = np.isfinite(values)
    filled = np.where(there, values, 0)
    n = member.astype(float) @ there @ member.T
    total = member.astype(float) @ filled @ member.T
    means = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
    limit = float(np.nanmax(np.abs(means))) or 1.0
    mesh = right.imshow(means, cmap=DIVERGING, vmin=-limit, vmax=limit)
    right.set_title("Means by network")
    right.set_xticks(range(len(names)), labels, rotation=90)
    right.set_yticks(range(len(names)), labels)
    bar = right.figure.colorbar(mesh, ax=right, location="bottom", shrink=0.7, aspect=30)
    bar.set_label("Mean pattern", fontsize=8)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7.5)

"""How much of the connectivity follows motion: tables and figures of QC-FC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from scipy import special

from lumbago.reading.denoise import Strategy
from lumbago.report.style import (
    BLUE,
    INK,
    LINE,
    ORANGE,
    QUIET,
    WIDTH,
    Figure,
    canvas,
    embed,
    styled,
)
from lumbago.report.tables import HIDDEN, SMALL, Table
from lumbago.report.words import MISSING, count, number

MOST_FIGURES = 8
_BINS = 20


def available(about: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the connectomes that have QC-FC, those that differ only in denoising side by side.

    Of such a family the one with less denoising comes first: before stands before after.
    """
    names = [name for name, one in about.items() if "not_available" not in one]
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(family(about[name], name), []).append(name)
    return [
        n for inside in families.values() for n in sorted(inside, key=lambda n: effort(about[n]))
    ]


def family(one: Mapping[str, Any], name: str = "") -> str:
    """Return what connectomes have in common that differ only in their denoising."""
    spec = {k: v for k, v in sorted(dict(one["spec"]).items()) if k != "denoise"}
    variant = name.partition(".")[2]
    return repr((variant, spec))


def effort(one: Mapping[str, Any]) -> tuple[int, bool]:
    """Return how much a denoising takes out: its place among the strategies, and if it scrubs."""
    denoise = one["spec"].get("denoise")
    if denoise is None:
        return -1, False
    strategies = get_args(Strategy)
    strategy = denoise["strategy"]
    place = strategies.index(strategy) if strategy in strategies else len(strategies)
    return place, denoise.get("scrub") is not None


def table(about: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Sum up QC-FC of every connectome, with what chance alone would give."""
    rows = []
    for name in available(about):
        one = about[name]
        rows.append(
            [
                name,
                str(one["denoise"]),
                f"{one['n_people']:,}",
                f"{one['n_edges']:,}",
                f"{number(one['median_abs'])}\nby chance {number(one['expected_abs'])}",
                f"{_percent(one['share_uncorrected'])}\nby chance {_percent(one['alpha'])}",
                _percent(one["share_fdr"]),
                number(one["distance_rho"]),
            ]
        )
    for name, one in about.items():
        if "not_available" in one:
            rows.append([name, str(one["denoise"]), MISSING, f"{one['n_edges']:,}",
                         *[MISSING] * 4])  # fmt: skip
    if not rows:
        return None
    head = ["Connectome", "Denoising", "People", "Edges", "Median |r|", "Edges, p < 0.05",
            "Edges, FDR 5 %", "ρ with distance"]  # fmt: skip
    head = [words.replace(" ", "\u00a0") for words in head[:-1]] + head[-1:]
    note = (
        "r: QC–FC, the correlation of an edge with mean FD across people. FDR: false discovery "
        "rate. "
        "ρ: Spearman’s correlation of QC–FC with the distance between the regions’ centres; "
        "below 0, motion lifts short edges above long ones."
    )
    return Table(head, rows, note, frozenset({0, 1}))


def figures(about: Mapping[str, Mapping[str, Any]], edges: pd.DataFrame) -> list[Figure]:
    """Draw QC-FC of each connectome: all edges, and over distance; one scale for all."""
    names = available(about)[:MOST_FIGURES]
    values = {n: edges[edges["feature"].astype(str) == n].astype({"r": float}) for n in names}
    reach = max((float(v["r"].abs().quantile(0.999)) for v in values.values()), default=0.0)
    reach = min(1.0, 1.1 * max(reach, 0.2))
    return [_figure(n, about[n], values[n], reach) for n in names if values[n]["r"].notna().any()]


def _figure(name: str, one: Mapping[str, Any], edges: pd.DataFrame, reach: float) -> Figure:
    there = edges[["r", "distance"]].apply(pd.to_numeric, errors="coerce").dropna()
    r = edges["r"].dropna().to_numpy()
    with_distance = len(there) > _BINS
    with styled():
        drawn = canvas(WIDTH, 2.9)
        ratios = [1.0, 1.5][: 1 + with_distance]
        panels = drawn.subplots(1, len(ratios), width_ratios=ratios, squeeze=False)[0]
        _histogram(panels[0], r, one, reach)
        panels[0].set_title(f"{name} · {one['denoise']}")
        if with_distance:
            _over_distance(panels[1], there, reach)
            panels[1].set_title(f"ρ = {number(one['distance_rho'])}", fontweight="normal")
        image = embed(drawn)
    told = "" if with_distance else f" Over distance: not available, {one.get('no_distances', '')}."
    return Figure(
        image,
        f"QC-FC of {name} under {one['denoise']}: median size {number(one['median_abs'])}, by "
        f"chance {number(one['expected_abs'])}; rank correlation with distance "
        f"{number(one['distance_rho'])}",
        f"{name}, denoising {one['denoise']}: {count(len(r), 'edge')} of {one['n_people']} people. "
        "Orange: what chance alone would give."
        + (" Right: median and middle half over distance; grey: edges." if with_distance else told),
    )


def _histogram(axes: Axes, r: np.ndarray, one: Mapping[str, Any], reach: float) -> None:
    bins = np.linspace(-reach, reach, 61).tolist()
    axes.hist(np.clip(r, -reach, reach), bins=bins, density=True, color=BLUE, alpha=0.75)
    grid = np.linspace(-reach, reach, 301)
    axes.plot(grid, null_density(grid, one["n_people"] - one["n_covariates"] - 2), color=ORANGE,
              linewidth=1.6)  # fmt: skip
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set(xlabel="QC–FC (r)", xlim=(-reach, reach), yticks=[])
    axes.spines["left"].set_visible(False)


def null_density(r: np.ndarray, df: int) -> np.ndarray:
    """Return the density of r without any relation, for `df` = people less covariates less 2."""
    inside = np.clip(1 - np.asarray(r, dtype=float) ** 2, 0, None)
    return np.asarray(inside ** (df / 2 - 1) / special.beta(0.5, df / 2))


def _over_distance(axes: Axes, edges: pd.DataFrame, reach: float) -> None:
    distance, r = edges["distance"].to_numpy(), edges["r"].to_numpy()
    far = float(distance.max())
    counts, _, _ = np.histogram2d(
        distance, np.clip(r, -reach, reach), bins=(70, 50), range=((0, far), (-reach, reach))
    )
    axes.imshow(np.where(counts > 0, counts, np.nan).T, origin="lower", aspect="auto",
                extent=(0, far, -reach, reach), cmap=colormaps["Greys"],
                norm=LogNorm(0.5, 12 * max(1.0, counts.max())))  # fmt: skip
    centre, marks = running(distance, r)
    axes.fill_between(centre, marks[:, 0], marks[:, 2], color=BLUE, alpha=0.35, linewidth=0)
    axes.plot(centre, marks[:, 1], color="white", linewidth=4)
    axes.plot(centre, marks[:, 1], color=BLUE, linewidth=2.2)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set(xlabel="Distance between regions (mm)", ylabel="QC–FC (r)", ylim=(-reach, reach))
    axes.spines["bottom"].set_color(LINE)


def running(distance: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return median distance and quartiles of r in bins of equally many edges."""
    order = np.argsort(distance, kind="stable")
    parts = np.array_split(order, min(_BINS, len(order)))
    centre = np.array([np.median(distance[p]) for p in parts])
    return centre, np.array([np.percentile(r[p], [25, 50, 75]) for p in parts])


def lowest(coverage: Mapping[str, Mapping[str, Sequence[float]]], most: int = 10) -> Table | None:
    """List the regions that scans cover least, over all features; None where all are covered."""
    worst: dict[str, tuple[float, int]] = {}
    for regions in coverage.values():
        for region, (share, below) in regions.items():
            if region not in worst or share < worst[region][0]:
                worst[region] = float(share), int(below)
    ranked = sorted(((s, -b, r) for r, (s, b) in worst.items() if s < 0.95 or b > 0))[:most]
    if not ranked:
        return None
    rows = [
        [region, _percent(share), HIDDEN if 0 < -below < SMALL else f"{-below:,}"]
        for share, below, region in ranked
    ]
    note = "A region with data in less than half of it is missing in that scan."
    return Table(["Region", "Median coverage", "Samples below half"], rows, note)


def _percent(share: float | None) -> str:
    if share is None or not np.isfinite(share):
        return MISSING
    return f"{100 * share:.{1 if 0 < share < 0.1 else 0}f} %"

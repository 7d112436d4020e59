"""The strongest edges between the places of their regions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D

from lumbago.data import Atlas
from lumbago.data.packaged import packaged_atlas
from lumbago.report.figures import short
from lumbago.report.plots.brain import bar, beside_bar
from lumbago.report.plots.sheet import sheet
from lumbago.report.plots.square import Edges, square, table_of
from lumbago.report.style import BLUE, DIVERGING, ORANGE, QUIET, SERIES

MORE = LinearSegmentedColormap.from_list("orange", ["#f6c6a0", ORANGE, "#7a2e00"])
LESS = LinearSegmentedColormap.from_list("blue", ["#00416b", BLUE, "#a9cfe8"])
"""Edges of one sign: the weakest that is drawn is pale, the strongest dark."""


def plot_connectome(
    edges: Edges,
    *,
    atlas: Atlas | str,
    n_edges: int = 50,
    label: str = "Correlation",
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw the strongest edges on a glass brain, between the places of their regions.

    Parameters
    ----------
    edges : array or DataFrame of shape (n, n), Series, Extraction or FeatureTable
        A symmetric matrix, or edges by name; of a table, the mean over its samples.
    atlas : Atlas or name of a packaged one
        Tells each region's place, and its network where known.
    n_edges : int
        How many edges are drawn, the largest absolute values; ties in the matrix' order.
    label : str
        What the values are.
    axes : Axes, optional
        Where to draw; it is filled by axes of nilearn's. A new figure where not given.

    Returns
    -------
    Axes
    """
    from nilearn import plotting

    values, names = square(edges)
    labels = table_of(atlas, names)
    strong = strongest(values, n_edges)
    used = np.flatnonzero(np.isfinite(strong).any(axis=1))
    drawn = np.nan_to_num(strong[np.ix_(used, used)])
    degree = np.count_nonzero(drawn, axis=1)
    colours, key = _network_colours(labels, used)
    strength = drawn[drawn != 0]
    low, high, edge_colours = (
        -float(np.abs(strength).max()),
        float(np.abs(strength).max()),
        DIVERGING,
    )
    if (strength > 0).all():
        low, edge_colours = float(strength.min()), MORE
    elif (strength < 0).all():
        high, edge_colours = float(strength.max()), LESS
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    with sheet(axes, 8.5, 3.5, free=True) as axes:
        display = plotting.plot_connectome(
            drawn, _places(labels, atlas)[used], node_color=colours, node_size=8 + 8 * degree,
            edge_cmap=edge_colours, edge_vmin=low, edge_vmax=high, alpha=0.4,
            edge_kwargs={"linewidth": 1.5}, node_kwargs={"zorder": 5, "linewidths": 0},
            colorbar=False, annotate=False, **beside_bar(axes),
        )  # fmt: skip
        display.annotate(size=8)
        bar(axes, edge_colours, low, high, label)
        told = f"{title}: " if title else ""
        axes.set_title(f"{told}{np.count_nonzero(drawn) // 2} strongest of "
                       f"{np.count_nonzero(np.isfinite(values)) // 2:,} edges", pad=8)  # fmt: skip
        if key:
            axes.legend(handles=key, loc="upper center", bbox_to_anchor=(0.46, 0.01),
                        ncols=min(len(key), 6), handletextpad=0.1, columnspacing=1.2)  # fmt: skip
    return axes


def strongest(values: np.ndarray, n_edges: int) -> np.ndarray:
    """Return the matrix with all but the strongest edges NaN; edges of 0 are none."""
    if n_edges < 1:
        raise ValueError(f"n_edges must be at least 1, got {n_edges}")
    rows, columns = np.triu_indices(len(values), 1)
    size = np.abs(values[rows, columns])
    size = np.where(np.isfinite(size), size, 0)
    order = np.argsort(-size, kind="stable")[:n_edges]
    order = order[size[order] > 0]
    if not len(order):
        raise ValueError("no edge of the matrix has a value other than 0")
    kept = np.full_like(values, np.nan, dtype=float)
    a, b = rows[order], columns[order]
    kept[a, b] = kept[b, a] = values[a, b]
    return kept


def _places(labels: pd.DataFrame, atlas: Atlas | str) -> np.ndarray:
    if {"x", "y", "z"} <= set(labels.columns) and labels[["x", "y", "z"]].notna().all(axis=None):
        return labels[["x", "y", "z"]].to_numpy(dtype=float)
    found = packaged_atlas(atlas) if isinstance(atlas, str) else atlas
    if found.image is None:
        raise ValueError(f"atlas {found.name} tells no place of its regions: no x, y, z")
    voxels = np.asarray(found.image.dataobj)
    centres = [np.argwhere(voxels == index).mean(axis=0) for index in labels["index"]]
    return np.asarray(centres) @ found.image.affine[:3, :3].T + found.image.affine[:3, 3]


def _network_colours(labels: pd.DataFrame, used: np.ndarray) -> tuple[list[str], list[Line2D]]:
    """Return each used region's colour and the key; a network has one colour in every figure."""
    if "network" not in labels:
        return [QUIET] * len(used), []
    networks = labels["network"].astype(str).to_numpy()
    names, size = np.unique(networks[networks != ""], return_counts=True)
    # The largest networks get a colour of their own, the rest share one.
    chosen = sorted(names[np.argsort(-size, kind="stable")][: len(SERIES)])
    colour = dict(zip(chosen, SERIES, strict=False))
    there = networks[used]
    key = [_dot(short(name, 18), colour[name]) for name in chosen if name in there]
    if key and not np.isin(there, chosen).all():
        key.append(_dot("other", QUIET))
    return [colour.get(network, QUIET) for network in there], key


def _dot(name: str, colour: str) -> Line2D:
    return Line2D([], [], marker="o", linestyle="", color=colour, markersize=5, label=name)

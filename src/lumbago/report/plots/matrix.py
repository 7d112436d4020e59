"""A connectivity matrix, its regions in order of network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from lumbago.data import Atlas
from lumbago.report.figures import short
from lumbago.report.plots.sheet import sheet
from lumbago.report.plots.square import Edges, network_of, square, table_of
from lumbago.report.style import DIVERGING, INK

MOST_NETWORKS = 24


def plot_matrix(
    edges: Edges,
    *,
    atlas: Atlas | str | None = None,
    networks: Sequence[str] | None = None,
    limit: float | None = None,
    label: str = "Correlation",
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw a connectivity matrix, regions put in order of network where networks are known.

    Parameters
    ----------
    edges : array or DataFrame of shape (n, n), Series, Extraction or FeatureTable
        A symmetric matrix, or edges by name; of a table, the mean over its samples.
    atlas : Atlas or name of a packaged one, optional
        Tells each region's network.
    networks : sequence of str, optional
        Network of each region; wins over `atlas`. With neither, networks are read off region
        names such as ``LH_Default_12``.
    limit : float, optional
        Where the colours end, on both sides of 0; the 99th percentile of absolute values.
    label : str
        What the values are.
    axes : Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    Axes
    """
    values, names = square(edges)
    groups = _groups(names, atlas, networks)
    if groups:
        # Networks in the order of their first region, regions of one in their own order.
        first = {group: groups.index(group) for group in groups}
        order = sorted(range(len(names)), key=lambda i: (first[groups[i]], i))
        values, groups = values[np.ix_(order, order)], [groups[i] for i in order]
    known = np.abs(values[np.isfinite(values)])
    if not len(known):
        raise ValueError("the matrix holds no finite value off its diagonal")
    end = float(np.percentile(known, 99)) or 1.0 if limit is None else float(limit)
    with sheet(axes, 5.6, 5.0) as axes:
        mesh = axes.imshow(values, cmap=DIVERGING, vmin=-end, vmax=end, rasterized=True)
        if groups:
            mark_groups(axes, groups)
        else:
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(f"{len(values)} regions")
        for side in axes.spines.values():
            side.set_visible(False)
        axes.tick_params(length=0, labelsize=7.5)
        axes.set_title(title)
        more = "both" if (known > end).any() else "neither"
        bar = axes.figure.colorbar(mesh, ax=axes, shrink=0.6, aspect=24, extend=more)
        bar.set_label(label)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=7.5)
    return axes


def mark_groups(axes: Axes, groups: Sequence[str]) -> None:
    """Name runs of equal groups along both sides of a matrix, with lines between them."""
    names = list(dict.fromkeys(groups))
    member = np.array([[group == name for group in groups] for name in names])
    middles = [np.flatnonzero(rows).mean() for rows in member]
    labels = [short(name, 16) for name in names]
    axes.set_yticks(middles, labels)
    axes.set_xticks(middles, labels, rotation=90)
    for end in np.cumsum(member.sum(axis=1))[:-1]:
        axes.axhline(end - 0.5, color=INK, linewidth=0.5)
        axes.axvline(end - 0.5, color=INK, linewidth=0.5)


def _groups(
    names: Sequence[str], atlas: Atlas | str | None, networks: Sequence[str] | None
) -> list[str]:
    if networks is not None:
        if len(networks) != len(names):
            raise ValueError(f"expected a network for each of {len(names)} regions, got "
                             f"{len(networks)}")  # fmt: skip
        groups = [str(n) for n in networks]
    elif atlas is not None:
        table = table_of(atlas, names)
        groups = [str(n) for n in table["network"]] if "network" in table else []
    else:
        groups = [network_of(name) for name in names]
    told = 1 < len(set(groups)) <= MOST_NETWORKS and "" not in groups
    return groups if told else []

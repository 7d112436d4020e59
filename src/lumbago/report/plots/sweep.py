"""Groups compared over the densities of their graphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lumbago.data import FeatureTable
from lumbago.data.html import FEWEST
from lumbago.errors import InputError
from lumbago.experiment.sweeps import sweep_summary
from lumbago.experiment.words import unknown
from lumbago.report.plots.sheet import sheet
from lumbago.report.sweeps import area_words, draw_sweep, title_of


def plot_sweep(
    table: FeatureTable,
    groups: pd.Series | Sequence[str],
    measure: str = "sigma",
    *,
    order: Sequence[str] | None = None,
    title: str | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw a graph measure of groups over densities: means with 95 % intervals.

    With two groups the difference of the areas under their curves stands in the title, the
    second less the first, with Welch's 95 % interval. Sessions of a person are averaged.

    Parameters
    ----------
    table : FeatureTable
        Of the extractor ``network``.
    groups : Series or sequence of str
        Group of each row of the table; a Series is matched by its index, so that
        ``cohort.table["group"]`` will do. Rows without a group are left out.
    measure : str
        One that gives one number per graph: ``sigma``, ``global_efficiency``, …
    order : sequence of str, optional
        The groups to draw, the reference first; all, by name, where not given.
    title : str, optional
        The measure in words where not given.
    axes : Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the table holds no such measure, or no group has three people.
    """
    summary = sweep_summary(table, _labels(table, groups), order)
    known = list(dict.fromkeys(summary["measure"]))
    if not known:
        raise InputError(
            f"{table.key}: no group has {FEWEST} people with a measure that gives one number per "
            "graph; check `groups`, and that the table is of kind network"
        )
    if measure not in known:
        raise InputError(f"{table.key}: {unknown('measure', measure, known)}")
    rows = summary[summary["measure"] == measure]
    with sheet(axes, 4.8, 3.6) as axes:
        draw_sweep(axes, rows)
        words = area_words(rows)
        head = title_of(measure) if title is None else title
        axes.set_title(f"{head}\n{words}" if words else head)
        axes.set_ylabel(title_of(measure))
    return axes


def _labels(table: FeatureTable, groups: pd.Series | Sequence[str]) -> pd.Series:
    index = table.values.index
    if isinstance(groups, pd.Series):
        if groups.index.names == index.names:
            return groups
        if not groups.index.equals(pd.RangeIndex(len(groups))):
            raise InputError(
                f"groups: expected a Series indexed by {', '.join(map(str, index.names))}, as "
                f"cohort.table is, got one by {', '.join(map(str, groups.index.names))}"
            )
    values = np.asarray(groups, dtype=object)
    if values.shape != (len(index),):
        raise InputError(f"groups: expected {len(index)} words, one per row, got {values.shape}")
    return pd.Series(values, index=index)

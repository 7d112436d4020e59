"""Where a plot is drawn: on the axes that are given, or on a new pyplot figure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib.axes import Axes

from lumbago.report.style import styled


@contextmanager
def sheet(axes: Axes | None, width: float, height: float, *, free: bool = False) -> Iterator[Axes]:
    """Yield axes to draw on, in the report's style.

    Parameters
    ----------
    axes : Axes or None
        None makes a figure through pyplot, so that a notebook shows it at the end of a cell.
    width, height : float
        Of a new figure, in inches.
    free : bool
        Whether the drawing places axes of its own, which a layout engine must not move.
    """
    with styled():
        if axes is None:
            import matplotlib.pyplot as plt

            figure = plt.figure(figsize=(width, height), layout=None if free else "constrained")
            axes = figure.add_axes((0.02, 0.1, 0.94, 0.78)) if free else figure.add_subplot()
        yield axes

"""Figures for a notebook: nouns in, matplotlib axes out; nothing is shown or saved here."""

from lumbago.report.plots.brain import plot_map
from lumbago.report.plots.carpet import plot_carpet
from lumbago.report.plots.connectome import plot_connectome
from lumbago.report.plots.curves import plot_calibration, plot_roc
from lumbago.report.plots.matrix import plot_matrix
from lumbago.report.plots.sweep import plot_sweep

__all__ = [
    "plot_calibration", "plot_carpet", "plot_connectome", "plot_map", "plot_matrix", "plot_roc",
    "plot_sweep",
]  # fmt: skip

"""One look for every figure, and how a figure becomes part of the page."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas

# Okabe & Ito's colours, told apart with any kind of colour vision.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, AMBER, BLACK, YELLOW = "#56B4E9", "#E69F00", "#222222", "#B8A900"
SERIES = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, BLACK, YELLOW)
INK, QUIET, LINE, FAINT = "#1f2933", "#5f6b76", "#c4ccd3", "#eef1f4"
WIDTH = 8.5
"""Width of a figure across the page, in inches."""

DIVERGING = LinearSegmentedColormap.from_list(
    "blue_orange", ["#00416b", BLUE, "#ffffff", ORANGE, "#7a2e00"]
)
"""Signed values: blue below zero, orange above, white at it."""

_FONTS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "lumbago",
    "image.interpolation": "nearest",
}


@dataclass(frozen=True)
class Figure:
    """A drawn figure: an image for the page, words for who cannot see it, a caption."""

    image: str
    """``data:`` address."""
    alt: str
    caption: str
    narrow: bool = False
    """Whether two of them fit side by side."""


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the report's style, whatever the user's matplotlib settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast(Any, _SETTINGS))
        yield


def canvas(width: float, height: float) -> Canvas:
    """Return an empty figure of a size in inches, outside pyplot and its global state."""
    return Canvas(figsize=(width, height), layout="constrained")


def bare(axes: Axes) -> None:
    """Leave only the ticks' labels of the vertical axis."""
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def embed(drawn: Canvas) -> str:
    """Return a figure as a ``data:`` address; equal figures give equal bytes."""
    stream = io.StringIO()
    drawn.savefig(
        stream,
        format="svg",
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        dpi=200,
    )
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("'DejaVu Sans'", _FONTS.replace('"', "'"))
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")

"""Measure how fast null models forget a graph and write it into docs/graphs.md: seconds.

python docs/make_graph_page.py

Everything between the two marks of the page, and docs/figures/null_mixing.svg, is written by this
script; nothing else is changed. Seeds are fixed: the table comes out the same everywhere.
"""

from __future__ import annotations

import io
import re
from functools import cache
from pathlib import Path

import numpy as np

from lumbago.measures import graph, nulls
from lumbago.measures.connectivity import correlation
from lumbago.measures.graph.bits import to_bits
from lumbago.measures.graph.triangles import clustering_of_bits
from lumbago.measures.nulls.rewiring import Switching
from lumbago.report.style import INK, SERIES, WIDTH, canvas, styled

PAGE = Path(__file__).with_name("graphs.md")
FIGURE = PAGE.parent / "figures" / "null_mixing.svg"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
DENSITIES = (0.05, 0.15, 0.30)
SWAPS = (0, 0.25, 0.5, 1, 2, 3, 5, 10, 20)
LONG = 40
N_NULLS = 300
ATTEMPTS = (0, 10, 30, 100, 300, 1000, 3000)


def brain_like(n_nodes: int = 200) -> np.ndarray:
    """Correlations of 200 volumes with 7 networks and a common signal, mostly positive."""
    rng = np.random.default_rng(n_nodes)
    networks = rng.standard_normal((200, 7))[:, np.arange(n_nodes) * 7 // n_nodes]
    common = rng.standard_normal((200, 1))
    return correlation(common + 0.7 * networks + 1.5 * rng.standard_normal((200, n_nodes)))


def rewired(density: float, swaps: float, seeds: range = range(N_NULLS)) -> np.ndarray:
    """Share of the graph's edges that nulls have, and their clustering, means (2,)."""
    adjacency = graph.threshold(brain_like(), density)
    switching, own = Switching(adjacency, swaps, "page"), to_bits(adjacency)
    found = []
    for seed in seeds:
        bits, _ = switching.null(seed)
        kept = np.bitwise_count(bits & own).sum() / adjacency.sum()
        found.append((kept, clustering_of_bits(bits).mean()))
    return np.array(found).mean(axis=0)


def forgetting() -> tuple[np.ndarray, np.ndarray]:
    """By density and switches per edge: autocorrelation of edges, clustering over its limit.

    The first is the share of edges kept beyond that kept after very many switches, 1 for the
    graph itself.
    """
    found = np.array([[forgotten(density, swaps) for swaps in SWAPS] for density in DENSITIES])
    return found[..., 0], found[..., 1]


def forgotten(density: float, swaps: float) -> tuple[float, float]:
    """One density and one number of switches of `forgetting`."""
    kept, clustering = rewired(density, swaps)
    least, limit = long_run(density)
    return (kept - least) / (1 - least), clustering / limit


@cache
def long_run(density: float) -> tuple[float, float]:
    """What very many switches leave, from other seeds and twice as many nulls."""
    kept, clustering = rewired(density, LONG, range(10_000, 10_000 + 2 * N_NULLS))
    return float(kept), float(clustering)


def ordering() -> np.ndarray:
    """Mean clustering of lattices by density and attempts per edge."""
    found = np.zeros((len(DENSITIES), len(ATTEMPTS)))
    for row, density in enumerate(DENSITIES):
        adjacency = graph.threshold(brain_like(), density)
        for column, attempts in enumerate(ATTEMPTS):
            drawn = nulls.lattice(adjacency, attempts_per_edge=attempts, seed=0)
            found[row, column] = graph.clustering(drawn).mean()
    return found


def table(kept: np.ndarray, clustering: np.ndarray, lattices: np.ndarray) -> str:
    """Return the figures as Markdown."""
    head = "| density | what |" + "".join(f" {swaps:g} |" for swaps in SWAPS)
    lines = ["Switches per edge that succeeded:", "", head, "|---" * (len(SWAPS) + 2) + "|"]
    for density, shares, ratios in zip(DENSITIES, kept, clustering, strict=True):
        shown = [f"{value:.2f}".replace("-0.00", "0.00") for value in shares]
        lines += [
            f"| {density:.2f} | autocorrelation of edges | " + " | ".join(shown) + " |",
            "| | clustering / limit | " + " | ".join(f"{value:.2f}" for value in ratios) + " |",
        ]
    head = "| density | what |" + "".join(f" {attempts} |" for attempts in ATTEMPTS)
    lines += ["", "Attempts per edge:", "", head, "|---" * (len(ATTEMPTS) + 2) + "|"]
    for density, values in zip(DENSITIES, lattices, strict=True):
        shown = [f"{value:.2f}" for value in values]
        lines.append(f"| {density:.2f} | clustering of a lattice | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def drawn(
    kept: np.ndarray, clustering: np.ndarray, lattices: np.ndarray, form: str = "svg"
) -> bytes:
    """Return the figure; as SVG it has no date, so that equal figures give equal bytes."""
    with styled():
        figure = canvas(WIDTH, 2.7)
        left, middle, right = figure.subplots(1, 3)
        for density, shares, ratios, values, color in zip(
            DENSITIES, kept, clustering, lattices, SERIES, strict=False
        ):
            label = f"density {density:.2f}"
            left.plot(SWAPS, shares, "o-", color=color, markersize=3, label=label)
            middle.plot(SWAPS, ratios, "o-", color=color, markersize=3)
            right.plot(ATTEMPTS, values / values[-1], "o-", color=color, markersize=3)
        for axes in (left, middle):
            axes.set_xscale("symlog", linthresh=0.25)
            axes.set_xticks([0, 0.5, 1, 2, 5, 10, 20], ["0", "0.5", "1", "2", "5", "10", "20"])
            axes.minorticks_off()
            axes.axvline(10, color=INK, linewidth=0.8, linestyle=":")
            axes.set_xlabel("switches per edge")
        right.set_xscale("symlog", linthresh=10)
        right.set_xticks([0, 10, 100, 1000], ["0", "10", "100", "1000"])
        right.minorticks_off()
        right.axvline(1000, color=INK, linewidth=0.8, linestyle=":")
        right.set_xlabel("attempts per edge")
        left.set_title("Edges: autocorrelation")
        middle.set_title("Clustering / its limit")
        middle.set_ylim(bottom=0)
        right.set_title("Lattice: clustering / last")
        left.legend()
        stream = io.BytesIO()
        undated = {"Date": None, "Creator": None} if form == "svg" else None
        figure.savefig(stream, format=form, metadata=undated)
    if form != "svg":
        return stream.getvalue()
    svg = re.sub(rb"<metadata>.*?</metadata>\s*", b"", stream.getvalue(), flags=re.DOTALL)
    return b"\n".join(line.rstrip() for line in svg.splitlines()) + b"\n"


def main() -> None:
    found = (*forgetting(), ordering())
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table(*found)}\n{END}{after}", encoding="utf-8")
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_bytes(drawn(*found))


if __name__ == "__main__":
    main()

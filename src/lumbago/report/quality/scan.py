"""The quality page of one scan: for the owner of the data, beside the scan's derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from lumbago.data import Signals
from lumbago.errors import ScanRejected
from lumbago.extractors import Quality
from lumbago.extractors.quality import MILD, STRICT, nuisance_of, std_dvars, steady_tsnr
from lumbago.provenance import versions
from lumbago.reading.recording import Recording
from lumbago.report.page import page
from lumbago.report.plots import plot_carpet, plot_map
from lumbago.report.quality.motion import MEASURES
from lumbago.report.style import BLUE, ORANGE, QUIET, WIDTH, Figure, canvas, embed, styled
from lumbago.report.tables import Table
from lumbago.report.words import MISSING, listed, number, sentence

CARPET_ROWS = 400
"""Voxels of a carpet, evenly picked: more are no more legible, only heavier."""


def scan_page(
    recording: Recording, quality: Quality, name: str
) -> tuple[str, dict[str, float], dict[str, float]]:
    """Return the page of one scan, its numbers, and the coverage of its regions.

    Parameters
    ----------
    recording : Recording
        Of an image.
    quality : Quality
        Its denoising is shown beside the uncleaned signals; its atlas tells the coverage.
    name : str
        What the page is headed by, such as the scan's entities.

    Raises
    ------
    ScanRejected
        If the image cannot be read.
    """
    found = quality.extract(recording)
    numbers = {
        n.removeprefix("."): float(v) for n, v in zip(found.names, found.values, strict=True)
    }
    raw = recording.uncleaned()
    nuisance, _ = nuisance_of(recording, quality.denoise, raw)
    fd = None if nuisance is None else nuisance.fd
    kept = None if nuisance is None else nuisance.kept
    drawn = [
        _motion(fd, std_dvars(recording, raw), kept, raw),
        _carpet(replace(raw, kept=kept if kept is None or len(kept) > 1 else None),
                "As acquired", fd),
        _cleaned(recording, quality, fd),
        _tsnr(recording, raw),
    ]  # fmt: skip
    html = page(
        "scan.html.j2",
        name=name,
        facts=_facts(numbers),
        figures=[f for f in drawn if f is not None],
        numbers=_numbers(numbers),
        coverage=_coverage(found.coverage),
        covered=bool(found.coverage),
        notes=found.notes,
        version=versions(["lumbago"])["lumbago"],
    )
    return html, numbers, dict(found.coverage)


def _facts(numbers: Mapping[str, float]) -> list[tuple[str, str, str]]:
    moved = 100 * numbers["fd_above_05"]
    lost = 100 * numbers["freedom_lost"]
    return [
        (number(numbers["mean_fd"]), "Mean FD, mm",
         f"{number(moved, 0)} % of volumes beyond {MILD}" if np.isfinite(moved)
         else "not available: no mean_fd"),
        (number(numbers["n_volumes_kept"], 0), "Volumes kept",
         f"of {number(numbers['n_volumes'], 0)}; {number(numbers['minutes_kept'], 1)} minutes"),
        (number(numbers["freedom"], 0), "Degrees of freedom left", f"{number(lost, 0)} % lost"),
        (number(numbers["median_tsnr"], 0), "Median tSNR", "uncleaned voxels"),
    ]  # fmt: skip


def _numbers(numbers: Mapping[str, float]) -> Table:
    labels = {m.column: m for m in MEASURES}
    rows = [["Maximum FD, mm", number(numbers["max_fd"])]]
    rows += [
        [m.label, number(m.factor * numbers[c], m.digits + (m.digits > 0 or m.factor != 1))]
        for c, m in labels.items()
        if c in numbers
    ]
    if "lowest_coverage" in numbers:
        rows.append(["Coverage of the region covered least, %",
                     number(100 * numbers["lowest_coverage"], 0)])  # fmt: skip
    return Table(["Measure", "Value"], [row for row in rows if row[1] != MISSING])


def _coverage(coverage: Mapping[str, float], most: int = 10) -> Table | None:
    thin = sorted((share, region) for region, share in coverage.items() if share < 0.95)
    if not thin:
        return None
    rows = [[region, f"{100 * share:.0f} %"] for share, region in thin[:most]]
    below = sum(share < 0.5 for share, _ in thin)
    note = f"{below} of {len(coverage)} regions hold data in less than half of them."
    return Table(["Region", "Coverage"], rows, note)


def _motion(
    fd: np.ndarray | None, dvars: np.ndarray | None, kept: np.ndarray | None, raw: Signals
) -> Figure | None:
    """Draw displacement and DVARS over time, scrubbed volumes marked."""
    traces = [(v, label, limits) for v, label, limits in (
        (fd, "FD (mm)", (STRICT, MILD)), (dvars, "DVARS (std.)", (1.0,))
    ) if v is not None and np.isfinite(v).any()]  # fmt: skip
    if not traces:
        return None
    step = raw.t_r or 1.0
    time = (np.arange(len(raw.values)) + 0.5) * step
    scrubbed = np.zeros(len(time), bool)
    if kept is not None:
        scrubbed = ~np.isin(np.arange(len(time)), kept)
    with styled():
        drawn = canvas(WIDTH, 0.7 + 1.15 * len(traces))
        panels = drawn.subplots(len(traces), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (values, label, limits) in zip(panels, traces, strict=True):
            axes.plot(time, values, color=BLUE, linewidth=1.1)
            for limit in limits:
                axes.axhline(limit, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
            for volume in np.flatnonzero(scrubbed):
                axes.axvspan(volume * step, (volume + 1) * step, color=ORANGE, alpha=0.35,
                             linewidth=0)  # fmt: skip
            axes.set_ylabel(label)
            axes.set_xlim(0, len(time) * step)
        if fd is not None:
            panels[0].set_ylim(bottom=0)
        panels[-1].set_xlabel("Time (s)" if raw.t_r else "Volume")
        image = embed(drawn)
    words = {
        "FD (mm)": f"framewise displacement (dashed: {STRICT} and {MILD} mm)",
        "DVARS (std.)": "standardized DVARS (1 where the signal changes as its noise does)",
    }
    told = f" Orange: the {int(scrubbed.sum())} volumes left out." if scrubbed.any() else ""
    what = sentence(listed(words[label] for _, label, _ in traces))
    return Figure(image, f"{what}, over time", f"{what}.{told}")


def _carpet(signals: Signals, title: str, fd: np.ndarray | None) -> Figure | None:
    """Draw voxels as rows of greys; the image is kept at its own resolution."""
    picked = np.linspace(0, signals.values.shape[1] - 1, CARPET_ROWS).round().astype(int)
    few = replace(signals, values=signals.values[:, np.unique(picked)], mask=None, affine=None)
    with styled():
        drawn = canvas(WIDTH, 3.6)
        try:
            axes = plot_carpet(few, fd=fd, title=title, axes=drawn.subplots())
        except ValueError:
            return None
        _lighten(axes)
        axes.set_ylabel("voxels, sorted by global signal")
        image = embed(drawn)
    return Figure(
        image,
        f"Carpet plot, {title.lower()}",
        f"{title}: each row is a voxel, in its own standard deviations; {len(np.unique(picked))} "
        f"of {signals.values.shape[1]:,}, sorted by their correlation with the mean of all.",
    )


def _lighten(axes: Axes) -> None:
    """Let the picture hold the values as they are, not resampled to the size of the page."""
    for mesh in axes.get_images():
        mesh.set_rasterized(False)
        mesh.set_interpolation("none")


def _cleaned(recording: Recording, quality: Quality, fd: np.ndarray | None) -> Figure | None:
    if quality.denoise is None:
        return None
    try:
        return _carpet(recording.voxels(quality.denoise), "After denoising", fd)
    except ScanRejected:
        return None  # the page's notes say why


def _tsnr(recording: Recording, raw: Signals) -> Figure | None:
    values = steady_tsnr(recording, raw)
    if not np.isfinite(values).any():
        return None
    with styled():
        drawn = Canvas(figsize=(WIDTH, 1.9))
        axes = drawn.add_axes((0.01, 0.02, 0.92, 0.92))
        volume = raw.to_volume(np.nan_to_num(np.clip(values, 0, None)))
        plot_map(volume, view="slices", label="tSNR", axes=axes)
        image = embed(drawn)
    return Figure(
        image,
        "Map of the temporal signal-to-noise ratio on axial slices",
        "tSNR: mean over standard deviation in time of the uncleaned signal. Pale or missing "
        "tissue is dropout.",
    )

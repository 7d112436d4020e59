"""All signals of one scan at once, with head motion above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from lumbago.data import Scan, Signals
from lumbago.report.figures import short
from lumbago.report.plots.sheet import sheet
from lumbago.report.plots.square import network_of
from lumbago.report.style import BLUE, LINE, ORANGE

GREYS = colormaps["gray"]
MOST_ROWS = 1200
LIMIT = 2.0
"""Standard deviations at which the greys end."""


def plot_carpet(
    signals: Signals | Scan,
    *,
    fd: Sequence[float] | np.ndarray | None = None,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw every signal as a row of greys (a carpet), with framewise displacement above.

    Each signal is z-scored over the kept volumes. Regions with networks in their names stand by
    network; voxels stand by their correlation with the mean signal, so that what the whole brain
    shares is seen as vertical bands. Scrubbed volumes are marked in orange.

    Parameters
    ----------
    signals : Signals or Scan
        Of a scan, the uncleaned signals of its voxels or regions, and the displacement of its
        confounds.
    fd : array of shape (n_volumes,), optional
        Framewise displacement in mm; NaN where unknown.
    axes : Axes, optional
        Where to draw; a new figure where not given.

    Returns
    -------
    Axes
        Of the carpet; those of the displacement are the last of ``axes.child_axes``.
    """
    if isinstance(signals, Scan):
        signals, own = _of_scan(signals)
        fd = own if fd is None else fd
    rows, groups = carpet_rows(signals)
    n_volumes = len(signals.values)
    if fd is not None and len(fd) != n_volumes:
        raise ValueError(f"expected a displacement for each of {n_volumes} volumes, got {len(fd)}")
    t_r = signals.t_r
    end = n_volumes * (t_r or 1.0)
    with sheet(axes, 8.5, 4.6 if fd is not None else 3.8) as axes:
        mesh = axes.imshow(
            rows, cmap=GREYS, vmin=-LIMIT, vmax=LIMIT, aspect="auto", interpolation="antialiased",
            extent=(0, end, len(rows), 0), rasterized=True,
        )  # fmt: skip
        axes.set_xlabel("Time (s)" if t_r else "Volume")
        _name_rows(axes, groups, signals)
        axes.tick_params(axis="y", length=0, labelsize=7.5)
        beside = axes.inset_axes((1.012, 0.2, 0.01, 0.6))
        bar = axes.figure.colorbar(mesh, cax=beside, extend="both", ticks=[-LIMIT, 0, LIMIT])
        bar.set_label("Signal (SD)")
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=7.5)
        scrubbed = np.ones(n_volumes, bool)
        scrubbed[slice(None) if signals.kept is None else signals.kept] = False
        if fd is not None:
            above = axes.inset_axes((0, 1.04, 1, 0.24), sharex=axes)
            _motion(above, np.asarray(fd, dtype=float), scrubbed, end)
            above.set_title(title)
        else:
            axes.set_title(title)
            for volume in np.flatnonzero(scrubbed):
                axes.axvspan(volume * end / n_volumes, (volume + 1) * end / n_volumes,
                             color=ORANGE, alpha=0.35, linewidth=0)  # fmt: skip
    return axes


def carpet_rows(signals: Signals) -> tuple[np.ndarray, list[str]]:
    """Return z-scored signals as rows in their order, and the network of each where known.

    Returns
    -------
    rows : array of shape (n_rows, n_volumes)
        At most `MOST_ROWS`, evenly picked; constant signals are left out.
    networks : list of str
        Empty where signals are voxels, or a region's name tells no network.
    """
    kept = signals.kept_values.astype(np.float64)
    alive = np.isfinite(kept).all(axis=0) & (np.ptp(kept, axis=0) > 0)
    if not alive.any():
        raise ValueError("no signal changes over time; there is no carpet to draw")
    kept = kept[:, alive]
    mean, spread = kept.mean(axis=0), kept.std(axis=0)
    scaled = (kept - mean) / spread
    names = [network_of(n) for n, a in zip(signals.labels, alive, strict=True) if a] if (
        signals.labels) else []  # fmt: skip
    if names and "" not in names:
        first = {name: names.index(name) for name in names}
        order = np.array(sorted(range(len(names)), key=lambda i: (first[names[i]], i)))
    else:
        names = []
        order = np.argsort(-(scaled.T @ scaled.mean(axis=1)), kind="stable")
    if len(order) > MOST_ROWS:
        order = order[np.linspace(0, len(order) - 1, MOST_ROWS).round().astype(int)]
    whole = signals.values[:, np.flatnonzero(alive)[order]]
    return ((whole - mean[order]) / spread[order]).T, [names[i] for i in order] if names else []


def _name_rows(axes: Axes, groups: list[str], signals: Signals) -> None:
    if not groups:
        what = "regions" if signals.labels else "voxels"
        axes.set_yticks([])
        axes.set_ylabel(f"{signals.values.shape[1]:,} {what}, sorted by global signal")
        return
    names = list(dict.fromkeys(groups))
    at = np.array(groups)
    axes.set_yticks([np.flatnonzero(at == n).mean() + 0.5 for n in names],
                    [short(n, 16) for n in names])  # fmt: skip
    for name in names[1:]:
        axes.axhline(int(np.flatnonzero(at == name)[0]), color="white", linewidth=0.8)


def _motion(axes: Axes, fd: np.ndarray, scrubbed: np.ndarray, end: float) -> None:
    width = end / len(fd)
    middle = (np.arange(len(fd)) + 0.5) * width
    axes.plot(middle, fd, color=BLUE, linewidth=1.1)
    for volume in np.flatnonzero(scrubbed):
        axes.axvspan(volume * width, (volume + 1) * width, color=ORANGE, alpha=0.35, linewidth=0)
    axes.set_xlim(0, end)
    axes.set_ylim(0, max(0.3, float(np.nanmax(fd, initial=0)) * 1.1))
    axes.set_ylabel("FD (mm)")
    axes.tick_params(labelbottom=False, bottom=False)
    known = fd[np.isfinite(fd)]
    if len(known):
        told = f"mean {known.mean():.2f} mm"
        if scrubbed.any():
            told += f", {int(scrubbed.sum())} of {len(fd)} volumes scrubbed"
        axes.set_title(told, loc="right", fontsize=8, fontweight="normal")
    axes.spines["bottom"].set_color(LINE)


def _of_scan(scan: Scan) -> tuple[Signals, np.ndarray | None]:
    from lumbago.reading.confounds import load
    from lumbago.reading.denoise import Denoise
    from lumbago.reading.recording import Recording

    recording = Recording(scan, min_minutes=0, min_volumes=0)
    raw = recording.voxels(None) if "bold" in scan.files else recording.regions(None, None)
    n_volumes = len(raw.values)
    if not {"confounds", "motion"} & set(scan.files):
        return raw, None
    found = load(scan, Denoise(strategy="motion6"), n_volumes)
    return replace(raw, kept=found.kept), found.fd

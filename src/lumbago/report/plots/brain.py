"""A map on a glass brain or on slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import nibabel as nib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize

from lumbago.data import Atlas, Volume
from lumbago.data.packaged import packaged_atlas
from lumbago.data.scan import fresh_image
from lumbago.reading.sampling import atlas_on_grid
from lumbago.report.plots.sheet import sheet
from lumbago.report.style import DIVERGING, QUIET

RISING = LinearSegmentedColormap.from_list(
    "white_blue", ["#e8f1f8", "#9cc7e4", "#3d94cc", "#0072B2", "#00416b", "#001c33"]
)
"""Values that begin at 0: dark is much, in print as on the screen."""
STRONGEST = 80.0
"""Percentile of absolute values from which a glass brain shows a map, unless told otherwise."""


def plot_map(
    image: nib.Nifti1Image | Volume | Mapping[str, float] | pd.Series,
    *,
    atlas: Atlas | str | None = None,
    view: Literal["glass", "slices"] = "glass",
    threshold: float | None = None,
    limit: float | None = None,
    cuts: int | Sequence[float] = 7,
    label: str = "",
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw a map: its strongest voxels through a glass brain, or all of it on axial slices.

    A glass brain is the template's outline, so a map on it must lie in MNI space; slices show
    nothing but the map and serve for any space.

    Parameters
    ----------
    image : Nifti1Image, Volume, or value by region
        3D; NaN and 0 are empty. Values by region (``.names`` of an atlas, or feature names
        such as ``alff.low:LH_Vis_1``) need `atlas`.
    atlas : Atlas or name of a packaged one, optional
        Where regions lie.
    view : {"glass", "slices"}
    threshold : float, optional
        Smaller absolute values are not drawn. On a glass brain, where everything lies over
        everything, the 80th percentile of absolute values; on slices, none.
    limit : float, optional
        Where the colours end; the 99.5th percentile of absolute values.
    cuts : int or sequence of float
        How many slices, or at which world z, in mm.
    label : str
        What the values are, with their unit.
    axes : Axes, optional
        Where to draw; it is filled by axes of nilearn's. A new figure where not given.

    Returns
    -------
    Axes
    """
    from nilearn import plotting

    shown = _image(image, atlas)
    array = np.asarray(shown.dataobj)
    size = np.abs(array[array != 0])
    if not len(size):
        raise ValueError("the map holds no finite value other than 0; there is nothing to draw")
    if threshold is None:
        threshold = float(np.percentile(size, STRONGEST)) if view == "glass" else 0.0
    if limit is None:
        limit = float(np.percentile(size, 99.5))
    limit = max(limit, threshold) or float(size.max())
    # Empty voxels are no small values: without a threshold, everything but 0 is drawn.
    cut = threshold * (1 - 1e-6) or float(size.min()) * 1e-3
    signed, glass = bool((array < 0).any()), view == "glass"
    low = -limit if signed else threshold if threshold < 0.99 * limit else 0.0
    colours: dict[str, Any] = {
        "cmap": DIVERGING if signed else RISING, "vmax": limit, "vmin": low, "threshold": cut,
        "colorbar": False, "annotate": False,
    }  # fmt: skip
    with sheet(axes, 8.5, 2.9 if glass else 1.9, free=True) as axes:
        place = beside_bar(axes)
        if glass:
            display = plotting.plot_glass_brain(
                shown, **place, plot_abs=False, display_mode="lyrz", alpha=0.55, **colours
            )
        else:
            at = cuts if not isinstance(cuts, int) else _heights(shown, cuts)
            display = plotting.plot_img(
                shown, **place, display_mode="z", cut_coords=list(at), bg_img=None,
                black_bg=False, resampling_interpolation="nearest", **colours,
            )  # fmt: skip
            for one in display.axes.values():
                spread(one.ax)
        display.annotate(size=8)
        bar(axes, colours["cmap"], low, limit, label, hidden=threshold if signed else 0)
        axes.set_title(title)
        if threshold:
            axes.text(1, 1.03, f"shown from {threshold:.3g}", transform=axes.transAxes,
                      ha="right", fontsize=8, color=QUIET)  # fmt: skip
    return axes


def beside_bar(axes: Axes) -> dict[str, Any]:
    """Empty the axes and return where nilearn may draw, so that a colour bar fits beside it."""
    axes.set_axis_off()
    x, y, width, height = axes.get_position().bounds
    return {"figure": axes.figure, "axes": (x, y, 0.92 * width, height)}


def bar(
    axes: Axes, colours: Colormap, low: float, high: float, label: str, hidden: float = 0
) -> None:
    """Draw a colour bar at the right end of the axes; values below `hidden` are left white."""
    if hidden:
        table = colours(np.linspace(0, 1, 512))
        table[np.abs(np.linspace(low, high, 512)) < hidden] = 1
        colours = ListedColormap(table)
    drawn = axes.figure.colorbar(
        ScalarMappable(Normalize(low, high), colours), cax=axes.inset_axes((0.955, 0.1, 0.012, 0.8))
    )
    marks = (low, -hidden, hidden, high) if low < 0 < high else tuple(np.linspace(low, high, 4))
    ticks = sorted({float(mark) + 0.0 for mark in marks})
    drawn.set_ticks(ticks, labels=[_tick(tick) for tick in ticks])
    drawn.set_label(label)
    drawn.outline.set_visible(False)
    drawn.ax.tick_params(labelsize=7.5)


def _tick(value: float) -> str:
    """Write a tick with two digits, or whole.

    >>> _tick(-0.123), _tick(183.4)
    ('−0.12', '183')
    """
    return f"{value:.{'0f' if abs(value) >= 100 else '2g'}}".replace("-", "−")


def spread(axes: Axes) -> None:
    """Leave some room around what is drawn, so that neighbours do not touch."""
    for get, put in ((axes.get_xlim, axes.set_xlim), (axes.get_ylim, axes.set_ylim)):
        low, high = get()
        room = 0.06 * (high - low)
        put(low - room, high + room)


def on_regions(values: Mapping[str, float] | pd.Series, atlas: Atlas | str) -> nib.Nifti1Image:
    """Return the image of an atlas with each region's value in its voxels, NaN elsewhere.

    Raises
    ------
    ValueError
        If a name is no region of the atlas, stands twice, or the atlas has no image.
    """
    found = packaged_atlas(atlas) if isinstance(atlas, str) else atlas
    if found.image is None:
        raise ValueError(
            f"atlas {found.name} is one of spheres and fills no brain; use plot_connectome"
        )
    regions = [str(name).rpartition(":")[2] for name in values.keys()]  # noqa: SIM118
    unknown = sorted(set(regions) - set(found.names))
    if unknown:
        raise ValueError(f"atlas {found.name} has no region {unknown[0]!r}")
    if len(set(regions)) < len(regions):
        raise ValueError("a region has several values; give one feature at a time")
    rows = atlas_on_grid(found, found.image.shape[:3], found.image.affine)
    of_row = np.full(len(found) + 1, np.nan, dtype=np.float32)
    row = {name: i for i, name in enumerate(found.names, 1)}
    told = np.asarray(list(values.values) if isinstance(values, pd.Series) else
                      list(values.values()), dtype=np.float32)  # fmt: skip
    of_row[[row[region] for region in regions]] = told
    return fresh_image(of_row[rows], np.asarray(found.image.affine))


def _image(image: Any, atlas: Atlas | str | None) -> nib.Nifti1Image:
    if isinstance(image, Mapping | pd.Series):
        if atlas is None:
            raise ValueError("values by region need atlas= to tell where the regions lie")
        image = on_regions(image, atlas)
    if isinstance(image, Volume):
        image = image.to_image()
    array = np.asarray(image.dataobj, dtype=np.float32)
    if array.ndim != 3:
        raise ValueError(f"a map has 3 dimensions, got {array.ndim}; choose one volume of it")
    # nilearn would warn of NaN and take them for 0 too.
    return fresh_image(np.nan_to_num(array, posinf=0, neginf=0), np.asarray(image.affine))


def _heights(image: nib.Nifti1Image, n: int) -> np.ndarray:
    """Return n world heights, evenly from the lower to the upper part of what holds data."""
    from nibabel.affines import apply_affine

    where = apply_affine(image.affine, np.argwhere(np.asarray(image.dataobj) != 0))[:, 2]
    low, high = where.min(), where.max()
    room = 0.12 * (high - low)
    return np.round(np.linspace(low + room, high - room, n), 1)

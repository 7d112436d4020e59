"""Motion of the head, and the jumps of the signal that come with it.

Framewise displacement is read off the parameters of realignment, DVARS off the images.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

Convention = Literal["power", "jenkinson"]
Order = Literal["fmriprep", "spm", "fsl", "afni"]

RADIUS = {"power": 50.0, "jenkinson": 80.0}
"""Radius of the head in mm: Power et al. (2012), and FSL's ``rmsdiff`` and MCFLIRT."""

# Columns that hold x, y, z and the rotations about x, y, z; whether rotations are degrees.
# AFNI's 3dvolreg writes roll (about z), pitch (x), yaw (y), then S, L, P.
_COLUMNS: dict[str, tuple[tuple[int, ...], bool]] = {
    "fmriprep": ((0, 1, 2, 3, 4, 5), False),
    "spm": ((0, 1, 2, 3, 4, 5), False),
    "fsl": ((3, 4, 5, 0, 1, 2), False),
    "afni": ((4, 5, 3, 1, 2, 0), True),
}
# The interquartile range of a normal distribution in standard deviations, as DVARS.sh has it.
_IQR_OF_NORMAL = 1.349
_BLOCK = 4096


class Dvars(NamedTuple):
    """Change of the signal from each volume to the next."""

    raw: np.ndarray
    """(n_volumes,): root mean square change over signals, in their unit; the first is NaN."""
    standardized: np.ndarray
    """(n_volumes,): over what noise of the signals' spread and autocorrelation would give, so
    that 1 is expected; the first is NaN."""


def framewise_displacement(
    parameters: np.ndarray,
    *,
    convention: Convention = "power",
    order: Order = "fmriprep",
    radius: float | None = None,
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> np.ndarray:
    """Return how far the head moved from each volume to the next.

    Parameters
    ----------
    parameters : array of shape (n_volumes, 6)
        Rigid-body parameters of realignment.
    convention : {"power", "jenkinson"}
        ``power``: the sum of the absolute changes of the six parameters, rotations as arcs on
        a sphere [1]_. ``jenkinson``: the root mean square displacement of all points of a ball,
        which FSL calls relative RMS and fMRIPrep ``rmsd`` [2]_ [3]_; about half as large.
    order : {"fmriprep", "spm", "fsl", "afni"}
        Whose columns these are: x, y, z in mm and three rotations in radians (``fmriprep``:
        trans_x to rot_z; ``spm``: rp_*.txt), rotations first (``fsl``: .par), or roll, pitch,
        yaw in degrees before S, L, P in mm (``afni``: 3dvolreg -1Dfile).
    radius : float or None
        Of the sphere or ball, in mm; None takes 50 for ``power`` and 80 for ``jenkinson``,
        which hold for human heads.
    centre : three floats
        Middle of the ball, in mm from the point the head is rotated about; only for
        ``jenkinson``. MCFLIRT rotates about the centre of gravity but puts the ball into the
        middle of the image, so its numbers differ where the two are apart.

    Returns
    -------
    array of shape (n_volumes,), in mm; the first value is NaN, as fMRIPrep's ``n/a``.

    Raises
    ------
    ValueError
        If the parameters are no such table, or the radius is not positive.

    References
    ----------
    .. [1] Power et al. (2012). NeuroImage 59, 2142-2154. doi:10.1016/j.neuroimage.2011.10.018
    .. [2] Jenkinson (1999). Measuring transformation error by RMS deviation. FMRIB Technical
       Report TR99MJ1.
    .. [3] Jenkinson et al. (2002). NeuroImage 17, 825-841. doi:10.1006/nimg.2002.1132

    >>> moved = np.zeros((3, 6))
    >>> moved[1:, 0] = 0.4  # mm, along x, at the second volume
    >>> framewise_displacement(moved)
    array([nan, 0.4, 0. ])
    """
    if convention not in RADIUS:
        raise ValueError(
            f"framewise displacement: convention is power or jenkinson, got {convention!r}"
        )
    radius = RADIUS[convention] if radius is None else float(radius)
    if not (np.isfinite(radius) and radius > 0):
        raise ValueError(f"framewise displacement: radius is a length in mm, got {radius}")
    moves = _in_spm_order(parameters, order)
    fd = np.full(len(moves), np.nan)
    if convention == "power":
        steps = np.abs(np.diff(moves, axis=0))
        fd[1:] = steps[:, :3].sum(axis=1) + radius * steps[:, 3:].sum(axis=1)
    else:
        fd[1:] = _rms_deviation(moves, radius, np.asarray(centre, dtype=np.float64))
    return fd


def dvars(values: np.ndarray, mask: np.ndarray | None = None) -> Dvars:
    """Return the root mean square change of the signals from each volume to the next.

    Parameters
    ----------
    values : array of shape (n_volumes, n_signals), or (x, y, z, n_volumes) with a mask
        Realigned signals, unfiltered. fMRIPrep scales them to a median of 1000 first, which
        changes the raw values in proportion and the standardized ones not at all.
    mask : boolean array of shape (x, y, z) or None
        Voxels of the brain, where `values` are volumes.

    Returns
    -------
    Dvars
        ``raw`` and ``standardized`` [1]_ [2]_. The noise expected of a signal is its robust
        standard deviation (interquartile range over 1.349, lower order statistics as nipype)
        times ``sqrt(2 (1 - r))``, with r its lag-1 autocorrelation; raw DVARS over the mean of
        that is standardized. Signals that hold a missing value or that have no interquartile
        range take no part; without any other all values are NaN.

    Raises
    ------
    ValueError
        If shapes do not fit or there are fewer than 2 volumes.

    References
    ----------
    .. [1] Nichols (2017, written 2013). Notes on creating a standardized version of DVARS.
       doi:10.48550/arXiv.1704.01469
    .. [2] Afyouni & Nichols (2018). NeuroImage 172, 291-312.
       doi:10.1016/j.neuroimage.2017.12.098

    >>> rng = np.random.default_rng(0)
    >>> signals = rng.normal(1000, 10, (200, 50))
    >>> found = dvars(signals)
    >>> bool(np.isnan(found.raw[0])), round(float(np.nanmean(found.standardized)), 1)
    (True, 1.0)
    """
    signals = _as_signals(values, mask)
    n_volumes, n_signals = signals.shape
    power = np.zeros(n_volumes - 1)
    expected, used = 0.0, 0
    for start in range(0, n_signals, _BLOCK):
        # One signal after the other, in its own precision: sorting is fastest so.
        block = np.ascontiguousarray(signals[:, start : start + _BLOCK].T)
        ordered = np.sort(block, axis=1)
        lower, upper = (
            ordered[:, (n_volumes - 1) * quarter // 4].astype(np.float64) for quarter in (1, 3)
        )
        varies = np.isfinite(block).all(axis=1) & (upper > lower)
        spread = (upper - lower)[varies] / _IQR_OF_NORMAL
        block = block[varies].astype(np.float64)
        block -= block.mean(axis=1, keepdims=True)
        lag1 = np.einsum("it,it->i", block[:, 1:], block[:, :-1])
        lag1 /= np.einsum("it,it->i", block, block)
        expected += float((np.sqrt(2 * (1 - lag1)) * spread).sum())
        change = np.diff(block, axis=1)
        power += np.einsum("it,it->t", change, change)
        used += len(block)
    raw = np.full(n_volumes, np.nan)
    standardized = raw.copy()
    if used:
        raw[1:] = np.sqrt(power / used)
        standardized[1:] = raw[1:] / (expected / used)
    return Dvars(raw, standardized)


def _in_spm_order(parameters: np.ndarray, order: str) -> np.ndarray:
    """Return x, y, z in mm and three rotations in radians."""
    parameters = np.asarray(parameters, dtype=np.float64)
    if parameters.ndim != 2 or parameters.shape[1] != 6:
        raise ValueError(
            "framewise displacement: expected six parameters for each volume, shape "
            f"(n_volumes, 6), got {parameters.shape}"
        )
    if order not in _COLUMNS:
        raise ValueError(
            f"framewise displacement: order is one of {', '.join(_COLUMNS)}; got {order!r}"
        )
    columns, in_degrees = _COLUMNS[order]
    moves = parameters[:, columns]
    if in_degrees:
        moves[:, 3:] = np.deg2rad(moves[:, 3:])
    return moves


def _rms_deviation(moves: np.ndarray, radius: float, centre: np.ndarray) -> np.ndarray:
    """Root mean square displacement of a ball between neighbouring volumes (TR99MJ1)."""
    rotations = _rotations(moves[:, 3:])
    turned = rotations[:-1] @ rotations[1:].transpose(0, 2, 1)
    shifted = moves[:-1, :3] - np.einsum("nij,nj->ni", turned, moves[1:, :3])
    turned -= np.eye(3)
    shifted += turned @ centre
    spread = radius**2 / 5 * (turned**2).sum(axis=(1, 2))
    return np.asarray(np.sqrt(spread + (shifted**2).sum(axis=1)))


def _rotations(angles: np.ndarray) -> np.ndarray:
    """Rotation matrices about x, y, z in turn, with the signs that SPM and FSL share."""
    cos, sin = np.cos(angles), np.sin(angles)
    product = np.broadcast_to(np.eye(3), (len(angles), 3, 3))
    for axis, (one, other) in enumerate([(1, 2), (0, 2), (0, 1)]):
        turn = np.zeros((len(angles), 3, 3))
        turn[:, axis, axis] = 1
        turn[:, one, one] = turn[:, other, other] = cos[:, axis]
        turn[:, one, other] = sin[:, axis] if axis != 1 else -sin[:, axis]
        turn[:, other, one] = -turn[:, one, other]
        product = product @ turn
    return np.asarray(product)


def _as_signals(values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    values = np.asarray(values)
    if mask is not None:
        mask = np.asarray(mask)
        if values.ndim != 4 or values.shape[:3] != mask.shape or mask.dtype != bool:
            raise ValueError(
                "dvars: expected volumes of shape (x, y, z, n_volumes) and a boolean mask "
                f"(x, y, z), got {values.shape} and {mask.dtype} {mask.shape}"
            )
        values = values[mask].T
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(
            "dvars: expected signals of shape (n_volumes, n_signals) with at least 2 volumes, "
            f"got {values.shape}"
        )
    return values

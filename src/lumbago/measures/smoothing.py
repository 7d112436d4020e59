"""Gaussian smoothing that neither reads nor fills what lies outside the mask."""

from __future__ import annotations

import numpy as np

_SIGMAS_OF_FWHM = 1 / (2 * np.sqrt(2 * np.log(2)))


def smooth(volume: np.ndarray, fwhm: float, affine: np.ndarray) -> np.ndarray:
    """Smooth one map by a Gaussian, normalized by the share of it that met values.

    Parameters
    ----------
    volume : array of shape (x, y, z)
        Any real type; NaN and infinity are no value. Never changed.
    fwhm : float
        Full width at half maximum, in mm; 0 changes nothing. The Gaussian is cut off at 4
        standard deviations.
    affine : array of shape (4, 4)
        Voxel to world, in mm: the lengths of its columns are the sizes of the voxels, each
        axis of the grid being smoothed by its own.

    Returns
    -------
    array of shape (x, y, z), float64
        NaN exactly where `volume` has no finite value; elsewhere the mean of the values around,
        weighted by the Gaussian. A constant map stays constant up to the edge of its mask
        and of the volume.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    .. [1] Knutsson & Westin (1993). Normalized and differential convolution. Proc CVPR,
       515-523. doi:10.1109/CVPR.1993.341081

    >>> volume = np.full((5, 5, 5), 2.0)
    >>> volume[0] = np.nan  # outside the brain
    >>> smoothed = smooth(volume, 6, np.diag([3.0, 3.0, 3.0, 1.0]))
    >>> bool(np.allclose(smoothed[1:], 2)), bool(np.isnan(smoothed[0]).all())
    (True, True)
    """
    from scipy.ndimage import gaussian_filter

    values = np.asarray(volume)
    if values.ndim != 3:
        raise ValueError(f"smooth: expected a volume of shape (x, y, z), got {values.shape}")
    if not (np.isfinite(fwhm) and fwhm >= 0):
        raise ValueError(f"smooth: fwhm is at least 0 mm, got {fwhm}")
    affine = np.asarray(affine, dtype=np.float64)
    if affine.shape != (4, 4):
        raise ValueError(f"smooth: expected an affine of shape (4, 4), got {affine.shape}")
    size = np.linalg.norm(affine[:3, :3], axis=0)
    if not (np.isfinite(size) & (size > 0)).all():
        raise ValueError(f"smooth: voxels have sizes above 0 mm, got {size.tolist()}")
    known = np.isfinite(values)
    sigma = fwhm * _SIGMAS_OF_FWHM / size
    weight = gaussian_filter(known.astype(np.float64), sigma, mode="constant")
    total = gaussian_filter(np.where(known, values, 0).astype(np.float64), sigma, mode="constant")
    found = np.full(values.shape, np.nan)
    found[known] = total[known] / weight[known]
    return found

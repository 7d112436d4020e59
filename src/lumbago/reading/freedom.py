"""Degrees of freedom: how much of a series is left once nuisance is taken out."""

from __future__ import annotations

import numpy as np

from lumbago.errors import ScanRejected

MIN_DOF = 15
"""Fewest degrees of freedom that regression may leave: below, residuals are mostly fit."""
MIN_DOF_SHARE = 0.2
"""Smallest share of the scanned volumes that must remain as degrees of freedom."""


def check_freedom(confounds: np.ndarray, kept: np.ndarray | None) -> None:
    """Refuse a regression that would leave mostly fit.

    Parameters
    ----------
    confounds : array of shape (n_volumes, n_confounds)
    kept : array of int or None
        Indices of the kept volumes; None keeps all.

    Raises
    ------
    ScanRejected
        ``E_DOF``, with the figures, where mean, trend and confounds leave fewer degrees of
        freedom than `MIN_DOF` or than `MIN_DOF_SHARE` of all volumes.
    """
    n_volumes, n_confounds = confounds.shape
    n_kept = n_volumes if kept is None else len(kept)
    left = freedom_left(confounds, kept)
    needed = max(MIN_DOF, int(np.ceil(MIN_DOF_SHARE * n_volumes)))
    if n_confounds and left < needed:
        raise ScanRejected(
            "E_DOF",
            f"{n_confounds} confounds, mean and trend leave {left} degrees of freedom of "
            f"{n_kept} kept volumes ({n_volumes} scanned), at least {needed} are needed; "
            "choose a strategy with fewer regressors or milder scrubbing",
        )


def freedom_left(confounds: np.ndarray, kept: np.ndarray | None) -> int:
    """Return the degrees of freedom that mean, trend and confounds leave of the kept volumes.

    Parameters
    ----------
    confounds : array of shape (n_volumes, n_confounds)
    kept : array of int or None
        Indices of the kept volumes; None keeps all.

    >>> freedom_left(np.eye(10)[:, :3], np.arange(8))
    3
    """
    columns = confounds if kept is None else confounds[kept]
    n_kept = len(columns)
    design = np.column_stack([np.ones(n_kept), np.arange(n_kept), columns])
    scale = np.linalg.norm(design, axis=0)
    return n_kept - int(np.linalg.matrix_rank(design / np.where(scale > 0, scale, 1)))


def effective_freedom(operator: np.ndarray) -> float:
    """Degrees of freedom that white noise keeps behind a linear operator.

    The covariance of cleaned white noise is ``C = A A'``; the chi-square with the same
    first two moments as its power has ``tr(C)**2 / tr(C**2)`` degrees of freedom
    (Satterthwaite 1946, doi:10.2307/3002019). For a projection this is its rank.

    Parameters
    ----------
    operator : array of shape (n_kept, n_volumes)

    Returns
    -------
    float, from 0 to n_kept
    """
    covariance = operator @ operator.T
    power = float(np.sum(covariance**2))
    return float(np.trace(covariance) ** 2 / power) if power > 0 else 0.0

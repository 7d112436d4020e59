"""Degrees of freedom: how much of a series is left once nuisance is taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbago.errors import ScanRejected

MIN_DOF = 15
"""Fewest degrees of freedom that regression may leave: below, residuals are mostly fit."""
MIN_DOF_SHARE = 0.2
"""Smallest share of the scanned volumes that must remain as degrees of freedom."""


@dataclass(frozen=True)
class Freedom:
    """What cleaning costs one scan."""

    n_volumes: int
    """Volumes of the series."""
    n_kept: int
    """Volumes that scrubbing and the unsteady beginning leave."""
    n_confounds: int
    """Columns regressed out, mean and trend not among them."""
    regression: int
    """Degrees of freedom that mean, trend and confounds leave of the kept volumes."""
    left: float
    """What the band leaves of those: degrees of freedom of a cleaned signal (Satterthwaite)."""

    def __str__(self) -> str:
        return (
            f"{self.left:.4g} degrees of freedom left of {self.n_volumes} volumes "
            f"({self.n_kept} kept, {self.n_confounds} confounds)"
        )


def freedom(
    operator: np.ndarray | None,
    regressors: np.ndarray | None,
    kept: np.ndarray | None,
    n_volumes: int,
) -> Freedom:
    """Count the degrees of freedom that one scan loses on its way to the measures.

    Parameters
    ----------
    operator : array of shape (n_kept, n_volumes) or None
        What its signals are put through; None leaves them as they are.
    regressors : array of shape (n_volumes, n_confounds) or None
    kept : array of int or None
        Indices of the kept volumes; None keeps all.
    n_volumes : int

    >>> freedom(None, None, None, 200).left
    200.0
    """
    n_kept = n_volumes if kept is None else len(kept)
    if operator is None:
        return Freedom(n_volumes, n_kept, 0, n_kept, float(n_kept))
    columns = np.empty((n_volumes, 0)) if regressors is None else regressors
    left = effective_freedom(operator)
    return Freedom(n_volumes, n_kept, columns.shape[1], freedom_left(columns, kept), left)


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

"""Connectivity between signals: correlation, partial correlation, and their vectors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from lumbago.measures.edges import unvectorize, vectorize
from lumbago.measures.threads import cores_of_process

__all__ = [
    "correlation", "covariance", "fisher_z", "partial_correlation", "seed_correlation",
    "unvectorize", "vectorize",
]  # fmt: skip

Shrinkage = Literal["ledoit_wolf"] | None

# Deviations below this share of a signal's size are rounding of a constant.
_CONSTANT = 1e-12
# The largest correlation that has a finite Fisher z.
_NEARLY_ONE = np.nextafter(1.0, 0.0)
# Beyond it a signal is the seed itself.
_ITSELF = 1 - 1e-7
_BLOCK = 512  # signals: their deviations stay in cache between the passes over them


def correlation(signals: np.ndarray) -> np.ndarray:
    """Pearson correlation of every pair of signals.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)

    Returns
    -------
    array of shape (n_signals, n_signals), float64, in [-1, 1], exactly symmetric, 1 on the
    diagonal; rows and columns of constant signals and of signals with NaN are NaN.

    Raises
    ------
    ValueError
        If there are fewer than 2 volumes.
    """
    unit = _unit(_checked(signals, "correlation"))
    r = np.clip(unit.T @ unit, -1, 1)
    r = (r + r.T) / 2
    _set_diagonal(r, unit)
    return r


def seed_correlation(
    signals: np.ndarray,
    seeds: np.ndarray,
    *,
    fisher_z: bool = False,
    n_threads: int | None = None,
) -> np.ndarray:
    """Pearson correlation of every signal with every seed.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)
    seeds : array of shape (n_volumes, n_seeds)
    fisher_z : bool
        Whether correlations become Fisher's z; NaN beyond 1 - 1e-7, where a signal is the
        seed itself and its z would be infinite.
    n_threads : int or None
        Threads to work with; None takes the cores of this process. The values do not
        depend on it.

    Returns
    -------
    array of shape (n_seeds, n_signals), float64, in [-1, 1] unless `fisher_z`; NaN where a seed
    or a signal is constant or holds NaN.

    Raises
    ------
    ValueError
        If the lengths differ or there are fewer than 2 volumes.

    >>> signals = np.array([[0.0, 2, 1], [1, 1, 1], [2, 0, 4]])
    >>> seed_correlation(signals, signals[:, :1]).round(2)
    array([[ 1.  , -1.  ,  0.87]])
    """
    signals = np.asarray(signals)
    _checked(signals[:, :1] if signals.ndim == 2 else signals, "seed_correlation")
    seeds = _checked(seeds, "seed_correlation")
    if len(signals) != len(seeds):
        raise ValueError(
            f"seed_correlation: signals hold {len(signals)} volumes, seeds {len(seeds)}; "
            "they must be the same"
        )
    unit = np.ascontiguousarray(_unit(seeds).T)
    r = np.empty((seeds.shape[1], signals.shape[1]))

    # A whole brain in double precision several times over would be gigabytes.
    def correlate(first: int) -> None:
        some = slice(first, first + _BLOCK)
        part = unit @ _unit(np.asarray(signals[:, some], dtype=np.float64))
        if fisher_z:
            part[np.abs(part) > _ITSELF] = np.nan
            np.arctanh(part, out=r[:, some])
        else:
            np.clip(part, -1, 1, out=r[:, some])

    # Threads of ours that each start threads of linear algebra would wait for each other.
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(n_threads or cores_of_process()) as pool,
    ):
        list(pool.map(correlate, range(0, signals.shape[1], _BLOCK)))
    return r


def covariance(signals: np.ndarray, shrinkage: Shrinkage = None) -> np.ndarray:
    """Covariance of every pair of signals.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)
    shrinkage : None or "ledoit_wolf"
        None is the unbiased estimate (divided by n_volumes - 1), as numpy.cov.
        ``ledoit_wolf`` shrinks the biased one (divided by n_volumes) towards a multiple of
        the identity as scikit-learn's LedoitWolf does [1]_.

    Returns
    -------
    array of shape (n_signals, n_signals), float64, symmetric, in squared units of the signals.
    Signals with NaN are NaN in their rows and columns and take no part in the shrinkage.

    Raises
    ------
    ValueError
        If there are fewer than 2 volumes, or the shrinkage is unknown.

    References
    ----------
    .. [1] Ledoit & Wolf (2004). A well-conditioned estimator for large-dimensional
       covariance matrices. J Multivar Anal 88, 365-411. doi:10.1016/S0047-259X(03)00096-4
    """
    signals = _checked(signals, "covariance")
    known = np.isfinite(signals).all(axis=0)
    centred = signals[:, known] - signals[:, known].mean(axis=0)
    if shrinkage is None:
        found = centred.T @ centred / (len(signals) - 1)
    elif shrinkage == "ledoit_wolf":
        found = _ledoit_wolf(centred)
    else:
        raise ValueError(f"covariance: shrinkage is None or 'ledoit_wolf', got {shrinkage!r}")
    return _spread((found + found.T) / 2, known)


def partial_correlation(signals: np.ndarray, shrinkage: Shrinkage = "ledoit_wolf") -> np.ndarray:
    """Correlation of every pair of signals given all others.

    Signals are standardized first: shrinking pulls all variances together, so
    without that the units of a signal would decide how much of it is heard.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)
    shrinkage : "ledoit_wolf" or None
        How the covariance is estimated; None needs more volumes than signals.

    Returns
    -------
    array of shape (n_signals, n_signals), float64, in [-1, 1], symmetric, 1 on the diagonal; rows
    and columns of constant signals and of signals with NaN are NaN, the others are
    conditioned on the signals that are left.

    Raises
    ------
    ValueError
        If there are fewer than 2 volumes, or the signals do not suffice for an unshrunk
        estimate: fewer than n_signals + 2 volumes, or linearly dependent (as many confounds
        and a narrow band make them) within the precision of their type.

    References
    ----------
    .. [1] Marrelec et al. (2006). Partial correlation for functional brain interactivity
       investigation in functional MRI. NeuroImage 32, 228-237.
       doi:10.1016/j.neuroimage.2005.12.057
    """
    precise = np.finfo(np.result_type(signals, np.float32)).eps
    signals = _checked(signals, "partial_correlation")
    unit = _unit(signals)
    known = np.isfinite(unit).all(axis=0)
    n_volumes, n_known = len(signals), int(known.sum())
    if shrinkage is None and n_volumes - 1 <= n_known:
        raise ValueError(
            f"partial_correlation: {n_known} signals need more than {n_known + 1} volumes, "
            f"got {n_volumes}; use shrinkage='ledoit_wolf'"
        )
    if shrinkage is None and n_known:
        rank = int(np.linalg.matrix_rank(unit[:, known], rtol=precise * max(n_volumes, n_known)))
        if rank < n_known:
            raise ValueError(
                f"partial_correlation: {n_known} signals hold only {rank} independent ones; "
                "use shrinkage='ledoit_wolf', fewer confounds or a wider band"
            )
    precision = np.linalg.inv(covariance(unit[:, known] * np.sqrt(n_volumes), shrinkage))
    scale = np.sqrt(np.diag(precision))
    found = np.clip(-precision / scale / scale[:, None], -1, 1)
    found = (found + found.T) / 2
    np.fill_diagonal(found, 1)
    return _spread(found, known)


def fisher_z(r: np.ndarray) -> np.ndarray:
    """Fisher's z of correlations, arctanh(r).

    Parameters
    ----------
    r : array
        Correlations in [-1, 1]. A perfect one, such as a diagonal holds, is taken as the
        largest number below 1, whose z is 18.7: finite, and plainly not a measurement.

    Returns
    -------
    array of the same shape, float64; NaN stays NaN.

    Raises
    ------
    ValueError
        If a value lies outside [-1, 1] by more than rounding.
    """
    r = np.asarray(r, dtype=np.float64)
    if (np.abs(r) > 1 + 1e-6).any():
        raise ValueError(
            f"fisher_z: correlations lie in [-1, 1], got {r[np.abs(r) > 1 + 1e-6].flat[0]:g}"
        )
    z = np.clip(r, -_NEARLY_ONE, _NEARLY_ONE)
    return np.asarray(np.arctanh(z, out=z if z.ndim else None))


def _checked(signals: np.ndarray, where: str) -> np.ndarray:
    signals = np.asarray(signals, dtype=np.float64)
    if signals.ndim != 2 or len(signals) < 2:
        raise ValueError(
            f"{where}: expected signals of shape (n_volumes, n_signals) with at least 2 volumes, "
            f"got {signals.shape}"
        )
    return signals


def _unit(signals: np.ndarray) -> np.ndarray:
    """Centre every signal and scale it to unit length; NaN where it is constant or not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.maximum(signals.max(axis=0), -signals.min(axis=0))
        unit = signals - signals.mean(axis=0)
        deviation = np.maximum(unit.max(axis=0), -unit.min(axis=0))
        usable = np.isfinite(deviation) & (deviation > _CONSTANT * size)
        # Scaling by the largest deviation first keeps squares of tiny signals from vanishing.
        unit /= np.where(usable, deviation, np.nan)
        unit /= np.sqrt(np.einsum("ij,ij->j", unit, unit))
    return np.asarray(unit)


def _set_diagonal(r: np.ndarray, unit: np.ndarray) -> None:
    np.fill_diagonal(r, np.where(np.isfinite(unit[0]), 1.0, np.nan))


def _spread(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    full = np.full((len(known), len(known)), np.nan)
    full[np.ix_(known, known)] = found
    return full


def _ledoit_wolf(centred: np.ndarray) -> np.ndarray:
    n_volumes, n_signals = centred.shape
    if n_signals == 0:
        return np.empty((0, 0))
    empirical = centred.T @ centred / n_volumes
    mean_variance = np.trace(empirical) / n_signals
    # Squared distances, per signal: of the estimate from its target, and of its own noise.
    spread = (empirical**2).sum() / n_signals - mean_variance**2
    fourth = ((centred**2).sum(axis=1) ** 2).sum() / n_volumes
    noise = (fourth - (empirical**2).sum()) / (n_volumes * n_signals)
    shrinkage = 0.0 if noise <= 0 else min(noise, spread) / spread if spread > 0 else 1.0
    target = mean_variance * np.eye(n_signals)
    return np.asarray((1 - shrinkage) * empirical + shrinkage * target)

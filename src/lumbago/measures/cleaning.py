"""Removing trends, confounds and unwanted frequencies from signals, as one linear map.

Everything that nilearn's ``signal.clean`` does before it standardizes is linear in
the signals. So one small matrix, made by cleaning the identity, cleans any
number of voxels by a single product.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from lumbago.measures.filters import FILTERS, Filter, detrended, filled
from lumbago.measures.kept import checked_kept
from lumbago.measures.threads import cores_of_process

# Above this share of the largest weight, a constant is taken to survive the operator.
_CONSTANT_SURVIVES = 1e-9
# Below this share of its size, what is left of a confound is rounding.
_NOTHING = 1e-9
# Signals cleaned at once; fixed, so that work is cut by size alone.
_BLOCK = 512


def cleaning_operator(
    n_volumes: int,
    *,
    confounds: np.ndarray | None = None,
    t_r: float | None = None,
    band: tuple[float | None, float | None] | None = None,
    kept: np.ndarray | None = None,
    detrend: bool = True,
    filter: Filter = "butterworth",  # noqa: A002 - nilearn's word
) -> np.ndarray:
    """Return the matrix that cleans signals of `n_volumes` volumes.

    The steps and their order are nilearn's: censored volumes are filled by a cubic
    spline through the kept ones if a filter follows and left out otherwise; signals and
    confounds are detrended, filtered, reduced to the kept volumes; the confounds,
    standardized, are regressed out. Signals and confounds pass the same filter, so that
    regression brings no frequency back [1]_. Censored volumes before the first kept one or
    behind the last are never extrapolated.

    Parameters
    ----------
    n_volumes : int
        Length of the full series.
    confounds : array of shape (n_volumes, n_confounds) or None
        Signals to regress out, any unit. Rows of volumes that are not kept are not read.
    t_r : float or None
        Repetition time, in seconds; needed with `band`.
    band : (float or None, float or None) or None
        Frequencies to keep, in Hz; None at one end leaves that end open. None filters
        nothing.
    kept : array of int or None
        Indices of the volumes that survive scrubbing, increasing; None keeps all.
    detrend : bool
        Whether to remove mean and linear trend.
    filter : {"butterworth", "ideal"}
        ``butterworth``: forth and back, order 5, as nilearn's default. ``ideal``: as DPABI,
        frequencies outside the band are set to zero in the Fourier transform of the series,
        which is brought to mean 0 and padded with zeros to a power of two; the mean is put
        back where the band is open below. An edge that lies on a frequency keeps it.

    Returns
    -------
    array of shape (n_kept, n_volumes), float64; columns of censored volumes are zero.

    Raises
    ------
    ValueError
        If a setting contradicts the series, or nothing would be left of the signals.

    Notes
    -----
    With ``butterworth`` the result is nilearn's to rounding, but for two cases. nilearn 0.14
    filters the values of censored volumes whose mirror image in time is censored too
    (``volumes[~sample_mask]`` with indices counts from the end); here they never count. And of
    confounds that depend on each other it may regress out the rounding noise that is left of
    them; here it never does.

    References
    ----------
    .. [1] Lindquist et al. (2019). Modular preprocessing pipelines can reintroduce
       artifacts into fMRI data. Hum Brain Mapp 40, 2358-2376. doi:10.1002/hbm.24528
    """
    kept = None if kept is None else checked_kept(kept, n_volumes, "cleaning")
    if filter not in FILTERS:
        raise ValueError(f"cleaning: filter is butterworth or ideal, got {filter!r}")
    band = _checked_band(band, t_r)
    if confounds is not None:
        confounds = _checked_confounds(confounds, n_volumes, kept)

    every = np.arange(n_volumes) if kept is None else kept
    signals = np.eye(len(every))
    regressors = None if confounds is None else confounds[every]
    if band is not None:
        where = every - every[0]
        filtered = FILTERS[filter]
        signals = filtered(filled(signals, where), t_r, band, detrend)[where]
        if regressors is not None:
            regressors = filtered(filled(regressors, where), t_r, band, detrend)[where]
    elif detrend:
        signals = detrended(signals)
        if regressors is not None:
            regressors = detrended(regressors)
    if regressors is not None:
        assert confounds is not None
        signals = _regressed(signals, regressors, np.abs(confounds[every]).max(axis=0))

    if not np.abs(signals).max() > 1e-6:
        n_confounds = 0 if regressors is None else regressors.shape[1]
        raise ValueError(
            f"cleaning: {len(every)} kept volumes leave nothing after {n_confounds} confounds"
            f"{' and the trend' if detrend else ''}; use fewer confounds or keep more volumes"
        )
    operator = np.zeros((len(every), n_volumes))
    operator[:, every] = signals
    return operator


def clean(signals: np.ndarray, operator: np.ndarray, *, n_threads: int | None = None) -> np.ndarray:
    """Apply a cleaning operator.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)
        Any unit; volumes that the operator does not use are not read.
    operator : array of shape (n_kept, n_volumes)
        From `cleaning_operator`.
    n_threads : int or None
        Threads to work with; None takes the cores of this process. The values do not
        depend on it.

    Returns
    -------
    array of shape (n_kept, n_signals); float32 for float32 signals, else float64. A
    constant signal whose mean the operator removes is exactly 0, never its rounding noise.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    signals = np.asarray(signals)
    if signals.ndim != 2 or len(signals) != operator.shape[1]:
        raise ValueError(
            f"cleaning: the operator takes signals of shape ({operator.shape[1]}, n_signals), "
            f"got {signals.shape}"
        )
    dtype = np.float32 if signals.dtype in (np.float32, np.float16) else np.float64
    used = np.flatnonzero(operator.any(axis=0))
    weights = operator[:, used]
    of_constant = weights.sum(axis=1)
    survives = np.abs(of_constant).max() > _CONSTANT_SURVIVES * np.abs(weights).max()
    weights = weights.astype(dtype)

    cleaned = np.empty((len(operator), signals.shape[1]), dtype=dtype)
    all_used = len(used) == len(signals)

    def put_through(start: int) -> None:
        block = signals[:, start : start + _BLOCK]
        block = (block if all_used else block[used]).astype(dtype, copy=False)
        # A signal rides on a mean thousands of times its fluctuation; taking one of its own
        # values away first keeps single precision for what fluctuates, and constants exact.
        level = block[0].copy()
        out = weights @ (block - level)
        if survives:
            out += of_constant[:, None] * level
        cleaned[:, start : start + _BLOCK] = out

    # Threads of ours that each start threads of linear algebra would wait for each other.
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(n_threads or cores_of_process()) as pool,
    ):
        list(pool.map(put_through, range(0, signals.shape[1], _BLOCK)))
    return cleaned


def _regressed(signals: np.ndarray, regressors: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Take out what the regressors explain; those that hold nothing of their own do not count.

    `sizes` are what the regressors measured before they were detrended and filtered: what
    is left of a constant afterwards is rounding, and scaled up it would be a random regressor.
    """
    from scipy.linalg import qr

    centred = regressors - regressors.mean(axis=0)
    spread = centred.std(axis=0)
    centred = centred[:, spread > _NOTHING * sizes]
    if not centred.shape[1]:
        return signals
    q, r, _ = qr(centred / centred.std(axis=0), mode="economic", pivoting=True)
    own = np.abs(np.diag(r))
    q = q[:, own > _NOTHING * own[0]]
    return np.asarray(signals - q @ (q.T @ signals))


def _checked_band(
    band: tuple[float | None, float | None] | None, t_r: float | None
) -> tuple[float | None, float | None] | None:
    if band is None or tuple(band) == (None, None):
        return None
    low, high = band
    if t_r is None or not (np.isfinite(t_r) and t_r > 0):
        raise ValueError(f"cleaning: a band needs t_r in seconds, got {t_r}")
    nyquist = 0.5 / t_r
    if (low is not None and not 0 <= low < nyquist) or (high is not None and not (low or 0) < high):
        raise ValueError(
            f"cleaning: band {band} Hz must rise and begin below {nyquist:.4f} Hz, "
            f"the highest frequency that t_r = {t_r} s resolves"
        )
    # A closed end outside what the series holds filters nothing: that end is open.
    if not low:
        low = None
    if high is not None and high >= nyquist:
        high = None
    return None if low is None and high is None else (low, high)


def _checked_confounds(
    confounds: np.ndarray, n_volumes: int, kept: np.ndarray | None
) -> np.ndarray | None:
    confounds = np.asarray(confounds, dtype=np.float64)
    if confounds.ndim == 1:
        confounds = confounds[:, None]
    if confounds.ndim != 2 or len(confounds) != n_volumes:
        raise ValueError(
            f"cleaning: confounds need one row for each of {n_volumes} volumes, "
            f"got shape {confounds.shape}"
        )
    if not np.isfinite(confounds if kept is None else confounds[kept]).all():
        raise ValueError("cleaning: confounds hold missing values in kept volumes; fill them first")
    return confounds if confounds.shape[1] else None

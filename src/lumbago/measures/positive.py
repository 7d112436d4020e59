"""Symmetric positive definite matrices: geometric mean, tangent space, partial correlation."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from lumbago.measures.threads import cores_of_process

TOLERANCE = 1e-9
"""Mean logarithm per entry that is left at the mean; nilearn leaves 1e-7."""
MAX_STEPS = 100
_T = TypeVar("_T")
_AT_ONCE = 8  # matrices: a share of work that does not depend on the number of threads


def geometric_mean(matrices: np.ndarray, *, n_threads: int | None = None) -> np.ndarray:
    """Geometric (Fréchet) mean of positive definite matrices.

    The matrix G with Σ log(G^-½ C G^-½) = 0, where the summed squared affine-invariant
    distances to all C are smallest; found by gradient descent from the arithmetic mean [1]_,
    its steps as long as the curvature met on the way allows.

    Parameters
    ----------
    matrices : array of shape (n_matrices, n, n)
    n_threads : int, optional
        Default: the cores of this process. The result does not depend on it.

    Returns
    -------
    array of shape (n, n), float64, symmetric

    Raises
    ------
    ValueError
        If there is no matrix, one is not positive definite, or the descent does not end.

    References
    ----------
    .. [1] Fletcher & Joshi (2007). Signal Processing 87, 250-262.
       doi:10.1016/j.sigpro.2005.12.018
    """
    matrices = _checked(matrices, "geometric_mean")
    n = matrices.shape[-1]
    with threadpool_limits(1, user_api="blas"):
        # The mean is root @ root.T; logarithms are seen in the frame of that root.
        root = np.linalg.cholesky(matrices.mean(axis=0))
        step, before = 1.0, np.zeros((n, n))
        for turn in range(MAX_STEPS):
            parts = _shared(_sum_of_logs, matrices, np.linalg.inv(root), n_threads)
            slope = np.sum([total for total, _ in parts], axis=0) / len(matrices)
            bend = sum(bends for _, bends in parts) / len(matrices)
            # The objective bends by between 1 and `bend`; how much along the last step is told by
            # what that did to the slope (Barzilai and Borwein), which the frame makes comparable.
            change = float(np.vdot(before, before - slope))
            known = turn > 0 and change > 0
            step = step * float(np.vdot(before, before)) / change if known else 2 / (1 + bend)
            step = min(max(step, 1 / bend), 1.0)
            values, vectors = np.linalg.eigh(slope)
            # Moving the root by half the step carries the frame along without turning it.
            root = root @ (vectors * np.exp(step / 2 * values)) @ vectors.T
            before = slope
            if np.linalg.norm(values) < TOLERANCE * n * n:
                mean = root @ root.T
                return (mean + mean.T) / 2
    raise ValueError(
        f"geometric_mean: the matrices' mean was not found in {MAX_STEPS} steps; they are close "
        "to singular, shrink them"
    )


def tangent(
    matrices: np.ndarray, reference: np.ndarray, *, n_threads: int | None = None
) -> np.ndarray:
    """Logarithms of matrices as seen from a reference: log(G^-½ C G^-½).

    Zero for the reference itself; the norm of each is its affine-invariant distance from the
    reference, whatever basis the signals are written in.

    Parameters
    ----------
    matrices : array of shape (n_matrices, n, n)
        Positive definite.
    reference : array of shape (n, n)
        Positive definite: their geometric mean, say.
    n_threads : int, optional

    Returns
    -------
    array of shape (n_matrices, n, n), float64, symmetric

    References
    ----------
    .. [1] Varoquaux et al. (2010). MICCAI, 200-208. doi:10.1007/978-3-642-15705-9_25
    """
    matrices = _checked(matrices, "tangent")
    with threadpool_limits(1, user_api="blas"):
        values, vectors = np.linalg.eigh(_checked(reference[None], "tangent")[0])
        white = (vectors / np.sqrt(values)) @ vectors.T
        return np.concatenate(_shared(_logs, matrices, white, n_threads))


def shrunk(matrices: np.ndarray, share: float) -> np.ndarray:
    """Return matrices drawn towards a multiple of the identity with the same trace.

    Parameters
    ----------
    matrices : array of shape (..., n, n)
    share : float
        0 leaves them as they are, 1 leaves only the target; in [0, 1].
    """
    matrices = np.asarray(matrices, dtype=np.float64)
    n = matrices.shape[-1]
    level = np.trace(matrices, axis1=-2, axis2=-1)[..., None, None] / n
    return (1 - share) * matrices + share * level * np.eye(n)


def partial_correlations(matrices: np.ndarray, shrinkage: float = 0.0) -> np.ndarray:
    """Partial correlations from covariances or correlations.

    These are brought to correlations first and drawn towards the identity, so that the units
    of a signal do not decide how much of it is heard.

    Parameters
    ----------
    matrices : array of shape (n_matrices, n, n)
        Regions that are NaN on the diagonal take no part.
    shrinkage : float
        Share of the identity, in [0, 1].

    Returns
    -------
    array of the same shape, float64, in [-1, 1], 1 on the diagonal; NaN for missing regions.

    Raises
    ------
    ValueError
        If a matrix is not positive definite once shrunk.
    """
    matrices = np.asarray(matrices, dtype=np.float64)
    found = np.full(matrices.shape, np.nan)
    for row, matrix in enumerate(matrices):
        known = np.flatnonzero(np.isfinite(np.diag(matrix)) & (np.diag(matrix) > 0))
        inside = np.ix_(known, known)
        scale = np.sqrt(np.diag(matrix)[known])
        correlation = matrix[inside] / scale / scale[:, None]
        correlation = (1 - shrinkage) * correlation + shrinkage * np.eye(len(known))
        precision = np.linalg.inv(_checked(correlation[None], "partial_correlations")[0])
        size = np.sqrt(np.diag(precision))
        r = np.clip(-precision / size / size[:, None], -1, 1)
        r = (r + r.T) / 2
        np.fill_diagonal(r, 1)
        found[row][inside] = r
    return found


def completed(matrix: np.ndarray, known: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Fill rows and columns that are missing with what a reference predicts from the others.

    Missing signals are taken to depend on the known ones as in the reference, with its noise
    about that: of all fillings the one nearest to the reference (in Kullback-Leibler
    divergence of normal signals), and positive definite wherever the known part is.

    Parameters
    ----------
    matrix : array of shape (n, n)
    known : boolean array of shape (n,)
    reference : array of shape (n, n)
        Positive definite.

    Returns
    -------
    array of shape (n, n), float64
    """
    have, lack = np.flatnonzero(known), np.flatnonzero(~known)
    slopes = np.linalg.solve(reference[np.ix_(have, have)], reference[np.ix_(have, lack)]).T
    noise = reference[np.ix_(lack, lack)] - slopes @ reference[np.ix_(have, lack)]
    inside = np.asarray(matrix, dtype=np.float64)[np.ix_(have, have)]
    full = np.empty(reference.shape)
    full[np.ix_(have, have)] = inside
    across = slopes @ inside
    full[np.ix_(lack, have)] = across
    full[np.ix_(have, lack)] = across.T
    full[np.ix_(lack, lack)] = across @ slopes.T + (noise + noise.T) / 2
    return full


def _checked(matrices: np.ndarray, where: str) -> np.ndarray:
    """Return matrices in double precision, made sure to be positive definite beyond rounding."""
    given = np.asarray(matrices)
    if given.ndim != 3 or given.shape[1] != given.shape[2] or len(given) == 0:
        raise ValueError(
            f"{where}: expected matrices of shape (n_matrices, n, n), got {given.shape}"
        )
    precise = np.finfo(given.dtype).eps if given.dtype.kind == "f" else np.finfo(float).eps
    matrices = given.astype(np.float64)
    if not np.isfinite(matrices).all():
        raise ValueError(f"{where}: the matrices hold missing values (NaN) or infinity")
    # A bound of the largest eigenvalue: what is smaller by this much may be rounding.
    floor = 2 * precise * np.abs(matrices).sum(axis=-1).max(axis=-1)
    try:
        np.linalg.cholesky(matrices - floor[:, None, None] * np.eye(matrices.shape[-1]))
    except np.linalg.LinAlgError:
        raise ValueError(
            f"{where}: a covariance of {matrices.shape[-1]} signals is not positive definite "
            "beyond rounding, as with fewer volumes than signals; shrink it"
        ) from None
    return matrices


def _whitened(matrices: np.ndarray, white: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eigh(white @ matrices @ white.T)
    return np.log(values), vectors


def _logs(matrices: np.ndarray, white: np.ndarray) -> np.ndarray:
    values, vectors = _whitened(matrices, white)
    logs = (vectors * values[:, None, :]) @ vectors.swapaxes(1, 2)
    return (logs + logs.swapaxes(1, 2)) / 2


def _sum_of_logs(matrices: np.ndarray, white: np.ndarray) -> tuple[np.ndarray, float]:
    """Return summed logarithms and summed bounds of how much each bends the objective."""
    values, vectors = _whitened(matrices, white)
    n = matrices.shape[-1]
    # Side by side: one product instead of one for every matrix.
    wide = vectors.transpose(1, 0, 2).reshape(n, -1)
    half = np.maximum((values[:, -1] - values[:, 0]) / 2, 1e-6)
    return (wide * values.reshape(-1)) @ wide.T, float((half / np.tanh(half)).sum())


def _shared(
    work: Callable[[np.ndarray, np.ndarray], _T],
    matrices: np.ndarray,
    white: np.ndarray,
    n_threads: int | None,
) -> list[_T]:
    """Do the same for some matrices at a time, on several threads."""
    parts = [matrices[i : i + _AT_ONCE] for i in range(0, len(matrices), _AT_ONCE)]
    n = min(len(parts), n_threads or cores_of_process())
    if n == 1:
        return [work(part, white) for part in parts]
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(work, parts, [white] * len(parts)))

"""ComBat: what batches add to features and how they stretch them, shrunk towards a common law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SETTLED = 1e-4
"""Largest relative step at which the parametric search ends, as in the published program."""
MAX_STEPS = 10_000
BLOCK = 1 << 21
"""Likelihoods in memory at a time."""


@dataclass(frozen=True, eq=False)
class BatchEffects:
    """Location and scale of every batch, in units of the pooled standard deviation.

    Parameters
    ----------
    mean : array of shape (n_features,)
        Grand mean, or that of the reference batch.
    scale : array of shape (n_features,)
        Pooled standard deviation; 1 where a feature does not vary.
    slopes : array of shape (n_covariates, n_features)
        Effects of the preserved covariates.
    shift, spread : arrays of shape (n_batches, n_features)
        Shrunk location (standard deviations) and scale (variance ratio) of each batch.
    """

    mean: np.ndarray
    scale: np.ndarray
    slopes: np.ndarray
    shift: np.ndarray
    spread: np.ndarray

    def remove(
        self, values: np.ndarray, covariates: np.ndarray, shift: np.ndarray, spread: np.ndarray
    ) -> np.ndarray:
        """Take a batch's location and scale out of rows.

        Parameters
        ----------
        values : array of shape (n_samples, n_features)
        covariates : array of shape (n_samples, n_covariates)
            Coded as in `fit_batches`.
        shift, spread : arrays of shape (n_features,)
            Rows of the attributes, or a mean of them.

        Returns
        -------
        array of shape (n_samples, n_features), float64
        """
        # (x - e - shift) / s + e with e = mean + covariates @ slopes, in two passes over x.
        narrow = 1 / np.sqrt(spread)
        found = values * narrow
        found += self.mean * (1 - narrow) - shift * self.scale * narrow
        if covariates.shape[1]:
            found += covariates @ (self.slopes * (1 - narrow))
        return found


def fit_batches(
    values: np.ndarray,
    batch: np.ndarray,
    covariates: np.ndarray,
    *,
    method: str = "parametric",
    mean_only: bool = False,
    reference: int | None = None,
) -> BatchEffects:
    """Estimate ComBat's batch effects by empirical Bayes.

    Every feature is standardized by a linear model of batch and covariates; the means and
    variances of the batches are then shrunk towards their distribution over features [1]_.
    Features that do not vary within batches take no part and are left alone.

    Parameters
    ----------
    values : array of shape (n_samples, n_features)
        Without missing values.
    batch : integer array of shape (n_samples,)
        0 to n_batches - 1, each met at least once.
    covariates : array of shape (n_samples, n_covariates)
        What must not be taken for an effect of the batch; may have no columns.
    method : {"parametric", "nonparametric"}
        Shrink by a normal and an inverse gamma law, iterating until no value moves by more
        than `SETTLED`; or by the likelihood of every other feature's estimates, which takes time
        and as the square of the number of features.
    mean_only : bool
        Batches differ in location only.
    reference : int, optional
        A batch that the others are brought to and that is not changed.

    Returns
    -------
    BatchEffects

    Raises
    ------
    ValueError
        If batches and covariates cannot be told apart, or a batch that needs two rows has one.

    References
    ----------
    .. [1] Johnson, Li & Rabinovic (2007). Biostatistics 8, 118-127.
       doi:10.1093/biostatistics/kxj037
    .. [2] Fortin et al. (2018). NeuroImage 167, 104-120. doi:10.1016/j.neuroimage.2017.11.024
    """
    values = np.asarray(values, dtype=np.float64)
    rows = np.bincount(batch)
    n, k = len(values), len(rows)
    one_hot = (batch[:, None] == np.arange(k)).astype(float)
    weight = rows / n if reference is None else np.eye(k)[reference]
    design = np.hstack([one_hot, covariates])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError("batches and preserved covariates cannot be told apart")
    if not mean_only and rows.min() < 2:
        raise ValueError("a batch has one row, which has no variance")
    if n <= design.shape[1]:
        raise ValueError(f"{n} rows cannot tell {design.shape[1]} columns of the design apart")

    slope = np.linalg.solve(design.T @ design, design.T @ values)
    mean, slopes = weight @ slope[:k], slope[k:]
    left = design @ slope
    np.subtract(values, left, out=left)
    # Residuals of a batch sum to zero: their squares are those about the batch's mean.
    square = np.stack([
        np.einsum("ij,ij->j", part, part) for part in (left[batch == i] for i in range(k))
    ])  # fmt: skip
    variance = square.sum(axis=0) / n if reference is None else square[reference] / rows[reference]
    # A constant has the variance of its rounding errors, not exactly zero.
    size = np.maximum(values.max(axis=0), -values.min(axis=0))
    varies = variance > (n * np.finfo(float).eps * size) ** 2
    scale = np.where(varies, np.sqrt(variance, where=varies, out=np.ones_like(variance)), 1.0)

    shift, spread = np.zeros((k, len(mean))), np.ones((k, len(mean)))
    if varies.any():
        batch_mean = (slope[:k, varies] - mean[varies]) / scale[varies]
        square = square[:, varies] / variance[varies]
        for i in range(k):
            if i != reference:
                shift[i, varies], spread[i, varies] = _shrink(
                    batch_mean[i], square[i], int(rows[i]), method=method, mean_only=mean_only
                )
    return BatchEffects(mean, scale, slopes, shift, spread)


def _shrink(
    mean: np.ndarray, square: np.ndarray, n: int, *, method: str, mean_only: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Shrink one batch's means and variances over features.

    Parameters
    ----------
    mean : array of shape (n_features,)
        Means of the standardized rows.
    square : array of shape (n_features,)
        Their summed squares about the mean.
    n : int
        Rows.
    """
    ones = np.ones_like(mean)
    variance = ones if mean_only else square / (n - 1)
    # As in the published program: what is constant in a batch is not stretched.
    variance = np.where(variance <= (n * np.finfo(float).eps) ** 2, 1.0, variance)
    if len(mean) < 2:
        return mean, variance
    if method == "nonparametric":
        return _weigh_by_likelihood(mean, variance, square, n)
    centre, between = mean.mean(), mean.var(ddof=1)
    if mean_only:
        return (between * mean + centre) / (between + 1), ones
    return _settle(mean, variance, square, n, centre, between)


def _settle(
    mean: np.ndarray,
    variance: np.ndarray,
    square: np.ndarray,
    n: int,
    centre: float,
    between: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Alternate between the posterior mean of location and of scale until both stay."""
    typical, scatter = variance.mean(), variance.var(ddof=1)
    if scatter <= (len(mean) * np.finfo(float).eps * typical) ** 2:
        shape = None  # all features alike: the prior is a point
    else:
        shape = typical**2 / scatter + 2
        rate = typical**3 / scatter + typical
    old_shift, old_spread = mean, variance
    for _ in range(MAX_STEPS):
        shift = (between * n * mean + old_spread * centre) / (between * n + old_spread)
        if shape is None:
            spread = np.full_like(old_spread, typical)
        else:
            about = square + n * (mean - shift) ** 2
            spread = (about / 2 + rate) / (n / 2 + shape - 1)
        # The published program divides by the signed value: negative locations never hold it up.
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = np.abs(shift - old_shift) / old_shift
        moved = np.where(shift == old_shift, 0.0, moved)
        still = max(moved.max(), (np.abs(spread - old_spread) / old_spread).max()) <= SETTLED
        old_shift, old_spread = shift, spread
        if still:
            return shift, spread
    raise ValueError(f"the batch effects did not settle in {MAX_STEPS} steps; scale the features")


def _weigh_by_likelihood(
    mean: np.ndarray, variance: np.ndarray, square: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Average all other features' estimates by how well they explain each feature's rows."""
    p = len(mean)
    shift, spread = np.empty(p), np.empty(p)
    constant = -n / 2 * np.log(variance)
    precision = 1 / (2 * variance)
    for start in range(0, p, max(1, BLOCK // p)):
        these = np.arange(start, min(p, start + max(1, BLOCK // p)))
        likely = mean[these, None] - mean
        likely *= likely
        likely *= n
        likely += square[these, None]
        likely *= -precision
        likely += constant
        likely[np.arange(len(these)), these] = -np.inf
        likely -= likely.max(axis=1, keepdims=True)
        np.exp(likely, out=likely)
        total = likely.sum(axis=1)
        shift[these], spread[these] = likely @ mean / total, likely @ variance / total
    return shift, spread

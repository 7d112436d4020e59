"""Does a prediction follow a confounder beyond what the truth explains?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_STEPS = 50


@dataclass(frozen=True)
class Confounded:
    """What the partial confounder test found.

    Parameters
    ----------
    statistic : float
        Share of the prediction's variance that the confounder explains, in [0, 1].
    expected : float
        Its mean over the conditional permutations: what the truth alone brings along.
    p : float
        (b + 1) / (m + 1).
    n, n_permutations : int
    """

    statistic: float
    expected: float
    p: float
    n: int
    n_permutations: int


def partial_confounder_test(
    predicted: np.ndarray,
    truth: np.ndarray,
    confounder: np.ndarray,
    *,
    categorical: bool,
    continuous_truth: bool = False,
    n_permutations: int = 1000,
    seed: np.random.SeedSequence | int,
) -> Confounded:
    """Test whether a prediction is independent of a confounder, given the truth [1]_.

    A model may follow a confounder only as far as the truth does. The confounder is permuted
    so that its relation to the truth is kept and any other to the prediction is broken:
    pairs of people swap values with the odds that the conditional distribution of the
    confounder given the truth gives the swap [2]_. Given classes, that distribution is the
    same within a class, and people of one class exchange values freely, which makes the test
    exact. Given a continuous truth, it is modelled: normal around a quadratic curve for a
    numeric confounder, multinomial with linear log-odds for a categorical one; the test is
    as good as that model.

    Parameters
    ----------
    predicted : array of shape (n,)
        One value per independent person (a decision value, or the mean over repeats).
    truth : array of shape (n,)
        Class codes, or values where `continuous_truth`.
    confounder : array of shape (n,)
        Names where `categorical`, else numbers.
    categorical : bool
    continuous_truth : bool
    n_permutations : int
    seed : SeedSequence or int

    Raises
    ------
    ValueError
        If the arrays do not fit or hold missing values.

    References
    ----------
    .. [1] Spisak (2022). GigaScience 11, giac082. doi:10.1093/gigascience/giac082
    .. [2] Berrett, Wang, Barber & Samworth (2020). J R Stat Soc B 82, 175-197.
       doi:10.1111/rssb.12340
    """
    predicted = np.asarray(predicted, dtype=float)
    truth, confounder = np.asarray(truth), np.asarray(confounder)
    n = len(predicted)
    if truth.shape != (n,) or confounder.shape != (n,) or n < 4:
        raise ValueError(
            f"expected predictions, truth and confounder of the same four people or more; got "
            f"{predicted.shape}, {truth.shape} and {confounder.shape}"
        )
    numbers = [predicted]
    if not categorical:
        confounder = confounder.astype(float)
        numbers.append(confounder)
    if continuous_truth:
        truth = truth.astype(float)
        numbers.append(truth)
    if not all(np.isfinite(v).all() for v in numbers):
        raise ValueError("predictions, truth and confounder must be finite; leave rows out first")
    codes = np.unique(confounder, return_inverse=True)[1].ravel() if categorical else confounder
    rng = np.random.default_rng(seed)
    measure = _Explained(predicted, codes, categorical)
    observed = measure(codes)
    if continuous_truth:
        null = _swapped(measure, codes, truth, categorical, n_permutations, rng)
    else:
        null = np.array([measure(codes[_within(truth, rng)]) for _ in range(n_permutations)])
    b = int(np.sum(null >= observed - 1e-12))
    return Confounded(
        observed, float(null.mean()), (b + 1) / (n_permutations + 1), n, n_permutations
    )


class _Explained:
    """Share of the prediction's variance that groups, or a straight line, explain."""

    def __init__(self, predicted: np.ndarray, confounder: np.ndarray, categorical: bool) -> None:
        self.off = predicted - predicted.mean()
        self.total = float(self.off @ self.off)
        self.categorical = categorical
        if categorical:
            self.sizes = np.bincount(confounder)
        else:
            self.mean = float(confounder.mean())
            self.spread = float(np.sum((confounder - self.mean) ** 2))

    def __call__(self, confounder: np.ndarray) -> float:
        # A constant prediction, up to rounding, has nothing to be explained.
        if self.total <= 1e-24 * len(self.off):
            return 0.0
        if self.categorical:
            sums = np.bincount(confounder, weights=self.off, minlength=len(self.sizes))
            return float(np.sum(sums**2 / self.sizes) / self.total)
        if self.spread <= 0:
            return 0.0
        cross = float(self.off @ (confounder - self.mean))
        return cross**2 / (self.spread * self.total)


def _within(classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return where each row takes its value from: people of the same class."""
    home = np.argsort(classes, kind="stable")
    shuffled = rng.permutation(len(classes))
    index = np.empty(len(classes), dtype=np.int64)
    index[home] = shuffled[np.argsort(classes[shuffled], kind="stable")]
    return index


def _swapped(
    measure: _Explained,
    confounder: np.ndarray,
    truth: np.ndarray,
    categorical: bool,
    n_permutations: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the statistic of conditional permutations drawn by swapping pairs.

    One chain of swaps leads from the data to a hub, and chains of their own from the hub to
    every permutation, which makes the data exchangeable with them.
    """
    density = _log_density(confounder, truth, categorical)
    n = len(truth)

    def walk(order: np.ndarray) -> np.ndarray:
        order = order.copy()
        for _ in range(N_STEPS):
            pairs = rng.permutation(n)[: 2 * (n // 2)].reshape(2, -1)
            i, j = pairs
            gain = (
                density[i, order[j]] + density[j, order[i]]
                - density[i, order[i]] - density[j, order[j]]
            )  # fmt: skip
            swap = rng.random(len(i)) < 1 / (1 + np.exp(-np.clip(gain, -500, 500)))
            a, b = i[swap], j[swap]
            order[a], order[b] = order[b], order[a]
        return order

    hub = walk(np.arange(n))
    return np.array([measure(confounder[walk(hub)]) for _ in range(n_permutations)])


def _log_density(confounder: np.ndarray, truth: np.ndarray, categorical: bool) -> np.ndarray:
    """Return log q(confounder of person j | truth of person i), of shape (n, n)."""
    spread = truth.std()
    x = (truth - truth.mean()) / spread if spread > 0 else np.zeros(len(truth))
    if categorical:
        logs = _multinomial(np.column_stack([np.ones_like(x), x]), confounder)
        return logs[:, confounder]
    design = np.column_stack([np.ones_like(x), x, x**2])
    fitted = design @ np.linalg.lstsq(design, confounder, rcond=None)[0]
    variance = float(np.mean((confounder - fitted) ** 2))
    if variance <= 0:
        return np.zeros((len(x), len(x)))
    return -((confounder[None, :] - fitted[:, None]) ** 2) / (2 * variance)


def _multinomial(design: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Fit log-odds linear in the design, lightly penalized, and return log-probabilities."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax, softmax

    k = int(codes.max()) + 1
    one_hot = np.eye(k)[codes]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        theta = flat.reshape(design.shape[1], k)
        eta = design @ theta
        value = -float(np.sum(log_softmax(eta, axis=1) * one_hot)) + 0.005 * float(flat @ flat)
        gradient = design.T @ (softmax(eta, axis=1) - one_hot) + 0.01 * theta
        return value, gradient.ravel()

    found = minimize(loss, np.zeros(design.shape[1] * k), jac=True, method="L-BFGS-B")
    return log_softmax(design @ found.x.reshape(design.shape[1], k), axis=1)

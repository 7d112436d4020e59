"""The partial confounder test: valid where a model follows the truth alone, strong where not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from lumbago.statistics.confounder import partial_confounder_test


def confounded_study(rng, *, n=80, leak=0.0, categorical=False, continuous=False):
    """Site or motion goes with the truth; the prediction follows the truth, and `leak` of it."""
    if continuous:
        truth = rng.normal(size=n)
        signal = truth
    else:
        truth = rng.permutation(np.arange(n) % 2)
        signal = 1.5 * (truth - 0.5)
    pull = 0.8 * signal + rng.normal(size=n)
    confounder = np.digitize(pull, [-0.5, 0.6]) if categorical else pull
    predicted = signal + leak * pull + rng.normal(size=n)
    return predicted, truth, confounder


DESIGNS = list(itertools.product((False, True), (False, True)))


@pytest.mark.parametrize(("categorical", "continuous"), DESIGNS)
def test_a_model_that_follows_the_truth_alone_is_accused_in_five_of_a_hundred(
    categorical, continuous
):
    """The confounder goes with the truth, so a plain correlation would accuse it mostly."""
    rng = np.random.default_rng([categorical, continuous])
    m = 60 if continuous else 150
    p, naive = [], 0
    for i in range(m):
        predicted, truth, confounder = confounded_study(
            rng, categorical=categorical, continuous=continuous
        )
        p.append(
            partial_confounder_test(
                predicted, truth, confounder, categorical=categorical,
                continuous_truth=continuous, n_permutations=39, seed=i,
            ).p
        )  # fmt: skip
        free = partial_confounder_test(
            predicted, np.zeros(80, dtype=int), confounder, categorical=categorical,
            n_permutations=79, seed=i,
        )  # fmt: skip
        naive += free.p <= 0.05
    rejected = int(np.sum(np.array(p) <= 0.05))
    assert binomtest(rejected, m, 0.05, alternative="greater").pvalue > 0.001
    assert kstest(p, "uniform").pvalue > 0.001
    assert naive > 0.4 * m, "without the condition the control would show nothing"


@pytest.mark.parametrize(("categorical", "continuous"), DESIGNS)
def test_a_model_that_follows_the_confounder_is_caught(categorical, continuous):
    rng = np.random.default_rng(7)
    caught = 0
    for i in range(15):
        predicted, truth, confounder = confounded_study(
            rng, leak=1.0, categorical=categorical, continuous=continuous
        )
        found = partial_confounder_test(
            predicted, truth, confounder, categorical=categorical,
            continuous_truth=continuous, n_permutations=59, seed=i,
        )  # fmt: skip
        caught += found.p <= 0.05
        assert found.statistic > found.expected or found.p > 0.05
    assert caught >= 12


def test_the_statistic_is_the_squared_correlation_or_that_of_the_groups():
    rng = np.random.default_rng(0)
    predicted, truth, confounder = confounded_study(rng)
    found = partial_confounder_test(
        predicted, truth, confounder, categorical=False, n_permutations=9, seed=1
    )
    assert found.statistic == pytest.approx(np.corrcoef(predicted, confounder)[0, 1] ** 2)
    sites = np.array(["a", "b", "c", "c"] * 20)
    found = partial_confounder_test(
        predicted, truth, sites, categorical=True, n_permutations=9, seed=1
    )
    means = {s: predicted[sites == s].mean() for s in "abc"}
    fitted = np.array([means[s] for s in sites])
    assert found.statistic == pytest.approx(fitted.var() / predicted.var())


def test_the_seed_decides_and_the_inputs_are_left_alone():
    rng = np.random.default_rng(3)
    arrays = confounded_study(rng)
    copies = [a.copy() for a in arrays]
    one, two = (
        partial_confounder_test(*arrays, categorical=False, n_permutations=49, seed=5)
        for _ in range(2)
    )
    assert one == two
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_constant_prediction_follows_nothing():
    found = partial_confounder_test(
        np.full(20, 0.1), np.arange(20) % 2, np.arange(20.0), categorical=False,
        n_permutations=19, seed=0,
    )  # fmt: skip
    assert (found.statistic, found.p) == (0.0, 1.0)


def test_missing_values_and_other_lengths_are_refused():
    y = np.arange(6) % 2
    with pytest.raises(ValueError, match="must be finite"):
        partial_confounder_test(
            np.ones(6), y, np.r_[np.nan, np.ones(5)], categorical=False, seed=0
        )  # fmt: skip
    with pytest.raises(ValueError, match="the same four people"):
        partial_confounder_test(np.ones(6), y[:5], np.ones(6), categorical=False, seed=0)

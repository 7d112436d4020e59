"""Intervals against scipy's own, and their limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lumbago.statistics.bootstrap import acceleration, bca
from lumbago.statistics.proportion import wilson
from lumbago.statistics.resampled import corrected_interval


def auc(x, y, axis=-1):
    """Area under the ROC curve, vectorized over leading axes as scipy wants it."""
    x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    kernel = (x[..., :, None] > y[..., None, :]) + 0.5 * (x[..., :, None] == y[..., None, :])
    return kernel.mean(axis=(-1, -2))


@pytest.mark.parametrize("seed", range(4))
def test_two_strata_give_the_interval_of_scipy(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=25) + 1.2, rng.exponential(size=30)
    expected = stats.bootstrap(
        (x, y), auc, method="BCa", n_resamples=2000, rng=np.random.default_rng(1), batch=500
    )
    left = [
        np.array([auc(np.delete(x, i), y) for i in range(len(x))]),
        np.array([auc(x, np.delete(y, i)) for i in range(len(y))]),
    ]
    found = bca(float(auc(x, y)), expected.bootstrap_distribution, left)
    np.testing.assert_allclose(found, expected.confidence_interval, atol=1e-10)


def test_one_stratum_gives_the_interval_of_scipy_for_a_skewed_mean():
    x = np.random.default_rng(0).exponential(size=40)
    expected = stats.bootstrap(
        (x,), np.mean, method="BCa", n_resamples=4000, rng=np.random.default_rng(1)
    )
    left = [np.array([np.delete(x, i).mean() for i in range(len(x))])]
    found = bca(float(x.mean()), expected.bootstrap_distribution, left)
    np.testing.assert_allclose(found, expected.confidence_interval, atol=1e-10)
    low, high = np.percentile(expected.bootstrap_distribution, [2.5, 97.5])
    assert found[0] > low
    assert found[1] > high, "a tail to the right moves the interval to the right"


def test_without_bias_and_skewness_it_is_the_percentile_interval():
    drawn = np.linspace(-1, 1, 2001)
    symmetric = [np.array([-1.0, 1.0, -2.0, 2.0])]
    assert acceleration(symmetric) == 0
    np.testing.assert_allclose(bca(0.0, drawn, symmetric), np.percentile(drawn, [2.5, 97.5]))


def test_a_perfect_score_has_no_corrected_interval():
    assert np.isnan(bca(1.0, np.full(100, 0.9), [np.ones(5)])).all()
    assert np.isnan(bca(np.nan, np.ones(10), [np.ones(5)])).all()
    assert acceleration([np.ones(5)]) == 0


@pytest.mark.parametrize(("k", "n"), [(0, 12), (5, 12), (12, 12), (61, 100)])
def test_wilson_is_the_one_of_scipy(k, n):
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson(k, n), (expected.low, expected.high), atol=1e-12)


def test_wilson_refuses_more_successes_than_people():
    with pytest.raises(ValueError, match="got 5 of 4"):
        wilson(5, 4)


def test_the_corrected_interval_is_wider_by_the_overlap_of_training_sets():
    scores = np.random.default_rng(2).normal(0.7, 0.1, size=50)
    low, high = corrected_interval(scores, 0.25)
    naive = stats.t.interval(0.95, 49, scores.mean(), scores.std(ddof=1) / np.sqrt(50))
    assert (high - low) / (naive[1] - naive[0]) == pytest.approx(np.sqrt((1 / 50 + 0.25) * 50))
    assert (low + high) / 2 == pytest.approx(scores.mean())
    assert np.isnan(corrected_interval(np.array([0.5, np.nan]), 0.25)).all()
    with pytest.raises(ValueError, match="above 0"):
        corrected_interval(scores, 0.0)

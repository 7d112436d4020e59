"""The minimal detectable AUC: by its definition, and by drawing studies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import mannwhitneyu, norm

from lumbago.statistics.power import auc_variance, minimal_auc


def test_without_a_difference_the_variance_is_that_of_the_rank_sum():
    for n, m in ((10, 12), (50, 50), (7, 90)):
        assert auc_variance(0.5, n, m) == pytest.approx((n + m + 1) / (12 * n * m))
    assert auc_variance(1.0, 10, 10) == pytest.approx(0)


def test_the_variance_is_the_one_drawn_from_exponential_scores():
    """Hanley and McNeil's form is exact where both classes are exponential."""
    rng = np.random.default_rng(0)
    n, m, area = 20, 30, 0.75
    rate = area / (1 - area)
    x, y = rng.exponential(rate, size=(6000, n)), rng.exponential(1.0, size=(6000, m))
    drawn = (x[:, :, None] > y[:, None, :]).mean(axis=(1, 2))
    assert drawn.mean() == pytest.approx(area, abs=0.004)
    assert drawn.var() == pytest.approx(auc_variance(area, n, m), rel=0.08)


def test_four_of_five_studies_find_the_minimal_auc():
    rng = np.random.default_rng(4)
    n, m = 40, 50
    area = minimal_auc(n, m)
    apart = np.sqrt(2) * norm.ppf(area)
    found = [
        mannwhitneyu(rng.normal(size=n) + apart, rng.normal(size=m), alternative="greater").pvalue
        <= 0.05
        for _ in range(3000)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


def test_a_wider_null_asks_for_a_larger_auc_and_more_people_for_a_smaller():
    assert minimal_auc(40, 40, critical=0.66) > minimal_auc(40, 40) > minimal_auc(160, 160)
    usual = 0.5 + ndtri(0.95) * np.sqrt(auc_variance(0.5, 40, 40))
    assert minimal_auc(40, 40, critical=usual) == pytest.approx(minimal_auc(40, 40))
    assert np.isnan(minimal_auc(2, 2))
    assert minimal_auc(40, 40, power=0.5) == pytest.approx(usual)


def test_impossible_questions_are_refused():
    with pytest.raises(ValueError, match="power must lie between"):
        minimal_auc(10, 10, power=1.0)
    with pytest.raises(ValueError, match="people in both classes"):
        auc_variance(0.7, 0, 10)

"""DeLong and McNemar: by their definitions, and right under the null."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, kstest
from sklearn.metrics import roc_auc_score

from lumbago.statistics.delong import delong
from lumbago.statistics.mcnemar import mcnemar


def by_definition(positive, scores):
    """Areas and covariance from every single pair, as DeLong and others wrote them in 1988."""
    v10, v01 = [], []
    for score in scores:
        x, y = score[positive], score[~positive]
        kernel = (x[:, None] > y) + 0.5 * (x[:, None] == y)
        v10.append(kernel.mean(axis=1))
        v01.append(kernel.mean(axis=0))
    v10, v01 = np.array(v10), np.array(v01)

    def covariance(v):
        centred = v - v.mean(axis=1, keepdims=True)
        return centred @ centred.T / (v.shape[1] - 1)

    return v10.mean(axis=1), covariance(v10) / v10.shape[1] + covariance(v01) / v01.shape[1]


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_areas_and_covariance_are_those_of_every_pair(seed, ties):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 40))
    positive = rng.permutation(np.arange(n) % 2 == 0)
    scores = rng.normal(size=(3, n)) + positive
    if ties:
        scores = np.round(scores)
    found = delong(positive, scores)
    area, covariance = by_definition(positive, scores)
    np.testing.assert_allclose(found.estimate, area, atol=1e-13)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-13)
    np.testing.assert_allclose(
        found.estimate, [roc_auc_score(positive, s) for s in scores], atol=1e-13
    )
    one = delong(positive, scores[0])
    np.testing.assert_allclose(one.covariance[0, 0], covariance[0, 0], atol=1e-13)


def test_the_interval_stays_inside_and_a_perfect_ranking_has_none():
    positive = np.arange(12) % 2 == 1
    low, high = delong(positive, np.r_[1.0, 0, np.arange(2, 12)] + 3 * positive).interval()
    assert 0 < low < high < 1
    assert np.isnan(delong(positive, positive.astype(float)).interval()).all()


def test_a_score_against_itself_differs_by_nothing():
    rng = np.random.default_rng(0)
    positive = np.arange(30) % 3 == 0
    score = rng.normal(size=30)
    twins = delong(positive, np.stack([score, 2 * score + 1]))
    assert twins.difference() == (0.0, 0.0, 0.0, 1.0)
    assert twins.difference(1, 1) == (0.0, 0.0, 0.0, 1.0)


def test_equal_scores_are_told_apart_in_five_of_a_hundred_samples():
    rng = np.random.default_rng(5)
    positive = np.arange(120) % 2 == 0
    p = []
    for _ in range(1500):
        shared = rng.normal(size=120) + 0.8 * positive
        p.append(delong(positive, shared + 0.7 * rng.normal(size=(2, 120))).difference()[3])
    assert kstest(p, "uniform").pvalue > 0.001
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.018)  # 3.2 SE


@pytest.mark.parametrize(
    ("positive", "scores", "words"),
    [
        (np.array([True, False, False]), np.zeros(3), "two rows or more; got 1 positive"),
        (np.array([True, True, False, False]), np.zeros((2, 3)), "one value per row"),
        (np.array([True, True, False, False]), np.array([0, 1, np.nan, 0]), "must be finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(positive, scores, words):
    with pytest.raises(ValueError, match=words):
        delong(positive, scores)


def test_mcnemar_is_the_sign_test_of_the_discordant():
    one = np.array([True] * 12 + [False] * 3 + [True] * 20)
    other = np.array([False] * 12 + [True] * 3 + [True] * 20)
    found = mcnemar(one, other)
    assert (found.only_one, found.only_other, found.n) == (12, 3, 35)
    assert found.p == pytest.approx(2 * binom.cdf(3, 15, 0.5))
    assert found.difference == pytest.approx(one.mean() - other.mean())
    assert mcnemar(one, one).p == 1.0
    with pytest.raises(ValueError, match="same people"):
        mcnemar(one, other[:3])

"""Motion across people: in every edge, over distances, and between groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lumbago.statistics.difference import small_sample_correction, two_groups
from lumbago.statistics.qc_fc import discovered, expected_median, qc_fc


@pytest.fixture
def people() -> dict[str, np.ndarray]:
    """Sixty people, 300 edges: motion lifts short edges and lowers long ones."""
    rng = np.random.default_rng(5)
    mean_fd = rng.gamma(4, 0.05, 60)
    places = rng.uniform(-60, 60, (25, 3))
    i, j = np.triu_indices(25, 1)
    distances = np.linalg.norm(places[i] - places[j], axis=1)
    slope = 2.5 * (1 - distances / distances.mean())
    edges = 0.3 + np.outer(mean_fd, slope) + rng.normal(0, 0.3, (60, 300))
    age = rng.normal(45, 10, 60)
    return {"edges": edges, "mean_fd": mean_fd, "distances": distances, "age": age}


def test_without_covariates_it_is_pearson_s_r_with_its_p(people):
    found = qc_fc(people["edges"], people["mean_fd"])
    for edge in range(0, 300, 17):
        r, p = stats.pearsonr(people["mean_fd"], people["edges"][:, edge])
        assert found.r[edge] == pytest.approx(r, abs=1e-12)
        assert found.p[edge] == pytest.approx(p, rel=1e-8)
    assert (found.n == 60).all()
    assert np.isnan(found.distance_rho)


def test_with_covariates_it_is_the_t_of_the_regression(people):
    sm = pytest.importorskip("statsmodels.api")

    age = people["age"]
    site = (np.arange(60) % 3)[:, None] == np.arange(3)  # all three dummies: one is redundant
    nuisance = np.column_stack([age, site])
    found = qc_fc(people["edges"], people["mean_fd"], covariates=nuisance)
    assert found.n_covariates == 3
    for edge in (0, 100, 299):
        design = sm.add_constant(np.column_stack([people["mean_fd"], age, site[:, 1:]]))
        fitted = sm.OLS(people["edges"][:, edge], design).fit()
        t = fitted.tvalues[1]
        assert found.r[edge] == pytest.approx(t / np.sqrt(t * t + fitted.df_resid), abs=1e-10)
        assert found.p[edge] == pytest.approx(fitted.pvalues[1], rel=1e-7)


def test_planted_motion_is_found_with_its_dependence_on_distance(people):
    found = qc_fc(people["edges"], people["mean_fd"], people["distances"])
    rho = stats.spearmanr(people["distances"], found.r).statistic
    assert found.distance_rho == pytest.approx(rho, abs=1e-12)
    assert found.distance_rho < -0.5
    assert found.median_abs > 1.5 * found.expected_abs
    assert found.share_uncorrected > 3 * found.alpha
    assert found.share_fdr > 0


def test_without_motion_in_the_edges_there_is_what_chance_gives(people):
    rng = np.random.default_rng(6)
    edges = rng.normal(size=(60, 20_000))
    found = qc_fc(edges, people["mean_fd"], rng.uniform(10, 150, 20_000))
    assert found.median_abs == pytest.approx(found.expected_abs, rel=0.03)
    assert found.share_uncorrected == pytest.approx(0.05, abs=0.006)
    assert found.share_fdr < 0.001
    assert abs(found.distance_rho) < 0.03


def test_the_median_expected_by_chance_is_that_of_the_t_distribution():
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(2, 40_000, 24))
    a, b = (v - v.mean(axis=1, keepdims=True) for v in (a, b))
    r = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    assert np.median(np.abs(r)) == pytest.approx(expected_median(22), rel=0.02)


def test_false_discoveries_are_scipy_s():
    p = np.random.default_rng(8).uniform(0, 1, 500) ** 3
    adjusted = stats.false_discovery_control(p)
    assert discovered(p, 0.05).tolist() == (adjusted <= 0.05).tolist()
    assert not discovered(np.array([0.5, 0.9]), 0.05).any()
    assert discovered(np.empty(0), 0.05).shape == (0,)


def test_people_without_an_edge_are_left_out_of_that_edge_only(people):
    edges = people["edges"].copy()
    edges[:7, 3] = np.nan
    edges[:, 4] = 0.25
    edges[2:, 5] = np.nan
    before = edges.copy()
    found = qc_fc(edges, people["mean_fd"], people["distances"], people["age"][:, None])
    whole = qc_fc(people["edges"], people["mean_fd"], covariates=people["age"][:, None])
    some = qc_fc(
        people["edges"][7:, 3:4], people["mean_fd"][7:], covariates=people["age"][7:, None]
    )
    assert found.r[3] == pytest.approx(some.r[0], abs=1e-12)
    assert found.n[[0, 3, 5]].tolist() == [60, 53, 2]
    assert np.isnan(found.r[[4, 5]]).all()
    assert np.isnan(found.p[[4, 5]]).all()
    others = np.setdiff1d(np.arange(300), [3, 4, 5])
    np.testing.assert_allclose(found.r[others], whole.r[others], atol=1e-12)
    np.testing.assert_array_equal(edges, before)


@given(scale=st.floats(0.1, 50), shift=st.floats(-5, 5), seed=st.integers(0, 50))
def test_scale_and_level_of_edges_and_motion_play_no_part(scale, shift, seed):
    rng = np.random.default_rng(seed)
    edges, fd = rng.normal(size=(15, 12)), rng.gamma(3, 0.1, 15)
    one = qc_fc(edges, fd, covariates=rng.normal(size=(15, 1)))
    rng = np.random.default_rng(seed)
    edges, fd = rng.normal(size=(15, 12)), rng.gamma(3, 0.1, 15)
    other = qc_fc(edges * scale + shift, fd * scale, covariates=rng.normal(size=(15, 1)) * scale)
    np.testing.assert_allclose(one.r, other.r, atol=1e-8)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"mean_fd": np.r_[np.nan, np.ones(59)]}, "mean_fd: expected a number for everyone"),
        ({"mean_fd": np.ones(59)}, "one mean_fd per person"),
        ({"distances": np.ones(299)}, "one for each of 300 edges"),
        ({"covariates": np.ones((58, 1))}, r"covariates: expected \(60 people"),
        ({"covariates": np.random.default_rng(0).normal(size=(60, 58))}, "too few"),
    ],
)
def test_what_cannot_be_meant_is_refused(people, changed, told):
    given = {k: people[k] for k in ("edges", "mean_fd", "distances")} | changed
    with pytest.raises(ValueError, match=told):
        qc_fc(**given)


# Two groups


def test_a_difference_is_welch_s_and_mann_and_whitney_s():
    rng = np.random.default_rng(9)
    one, other = rng.gamma(4, 0.05, 30), rng.gamma(4, 0.03, 21)
    found = two_groups(one, other)
    welch = stats.ttest_ind(one, other, equal_var=False)
    assert found.p == pytest.approx(welch.pvalue, rel=1e-10)
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(welch.confidence_interval()))
    assert found.difference == pytest.approx(one.mean() - other.mean())
    assert found.p_rank == pytest.approx(stats.mannwhitneyu(one, other).pvalue)


def test_hedges_g_is_the_pooled_one_with_the_interval_of_the_noncentral_t():
    meta = pytest.importorskip("statsmodels.stats.meta_analysis")

    rng = np.random.default_rng(10)
    for shift in (-0.2, 0.8, 9.0):
        one, other = rng.normal(shift, 1, 20), rng.normal(0, 1.4, 17)
        found = two_groups(one, other)
        g, _ = meta.effectsize_smd(
            one.mean(), one.std(ddof=1), 20, other.mean(), other.std(ddof=1), 17
        )
        assert found.g == pytest.approx(g, rel=2e-3)  # statsmodels approximates the correction
        root, correction = np.sqrt(20 * 17 / 37), small_sample_correction(35)
        t = found.g / correction * root
        for bound, share in ((found.g_low, 0.975), (found.g_high, 0.025)):
            assert stats.nct.cdf(t, 35, bound / correction * root) == pytest.approx(share, abs=1e-7)


def test_the_interval_of_g_covers_the_truth():
    rng = np.random.default_rng(11)
    hits = [
        d.g_low <= 0.5 <= d.g_high
        for d in (two_groups(rng.normal(0.5, 1, 15), rng.normal(0, 1, 12)) for _ in range(400))
    ]
    assert 0.92 <= np.mean(hits) <= 0.98


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ([1.0], [2.0, 3.0], "at least 2 values"),
        ([1.0, np.nan], [2.0, 3.0], "missing value"),
        ([1.0, 1.0], [2.0, 2.0], "no spread"),
    ],
)
def test_groups_that_cannot_be_compared_are_refused(one, other, told):
    with pytest.raises(ValueError, match=told):
        two_groups(np.array(one), np.array(other))

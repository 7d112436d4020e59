"""Connectome-based predictive modelling: by hand, by another road, and in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats
from sklearn.linear_model import LinearRegression, LogisticRegression

from learning_data import make_dataset
from lumbago.models import CPM
from lumbago.models.network_sums import (
    NetworkSumsClassifier,
    NetworkSumsRegressor,
    correlations,
    critical_correlation,
)
from lumbago.models.pipeline import assemble, linear_weights


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def step_by_step(X, y, p, new, networks="both"):
    """The protocol edge by edge, with scipy's correlation and scikit-learn's regression."""
    found = [stats.pearsonr(x, y) for x in X.T]
    rising = np.array([f.pvalue < p and f.statistic > 0 for f in found])
    falling = np.array([f.pvalue < p and f.statistic < 0 for f in found])
    kept = {"both": [rising, falling], "positive": [rising], "negative": [falling]}[networks]

    def sums(rows):
        return np.column_stack([rows[:, mask].sum(axis=1) for mask in kept])

    return LinearRegression().fit(sums(X), y).predict(sums(new)), rising, falling


@pytest.mark.parametrize("p", [0.01, 0.2])
@pytest.mark.parametrize("networks", ["both", "positive", "negative"])
def test_the_regression_is_the_protocol_step_by_step(rng, p, networks):
    y = rng.normal(50, 10, 60)
    X = rng.standard_normal((60, 200)) + 3
    X[:, :9] += 0.1 * y[:, None]
    X[:, 9:15] -= 0.1 * y[:, None]
    new = rng.standard_normal((5, 200))
    expected, rising, falling = step_by_step(X, y, p, new, networks)
    assert min(rising.sum(), falling.sum()) > 4
    found = NetworkSumsRegressor(p=p, networks=networks).fit(X, y)
    np.testing.assert_allclose(found.predict(new), expected, rtol=1e-9)
    assert (found.n_positive_, found.n_negative_) == (
        rising.sum() * (networks != "negative"),
        falling.sum() * (networks != "positive"),
    )


def test_the_classifier_is_logistic_regression_on_the_two_scaled_sums(rng):
    y = np.arange(50) % 2
    X = rng.standard_normal((50, 120))
    X[:, :5] += y[:, None]
    X[:, 5:9] -= y[:, None]
    _, rising, falling = step_by_step(X, y.astype(float), 0.05, X)
    sums = np.column_stack([X[:, rising].sum(1), X[:, falling].sum(1)])
    scale = sums.std(axis=0)
    theirs = LogisticRegression(C=0.5, tol=1e-10).fit((sums - sums.mean(0)) / scale, y)
    found = NetworkSumsClassifier(p=0.05, C=0.5).fit(X, y)
    np.testing.assert_allclose(
        found.decision_function(X), theirs.decision_function((sums - sums.mean(0)) / scale),
        atol=1e-5,
    )  # fmt: skip


def test_without_an_edge_the_mean_or_the_share_of_classes_is_told(rng):
    X, y = rng.standard_normal((30, 20)), rng.standard_normal(30)
    np.testing.assert_allclose(NetworkSumsRegressor(p=1e-12).fit(X, y).predict(X), y.mean())
    code = (np.arange(30) % 3 == 0).astype(int)
    found = NetworkSumsClassifier(p=1e-12).fit(X, code)
    np.testing.assert_allclose(found.decision_function(X), np.log(10 / 20))


@settings(max_examples=50, deadline=None)
@given(st.integers(4, 200), st.floats(1e-6, 0.5))
def test_the_threshold_is_the_correlation_of_that_p(n, p):
    r = critical_correlation(p, n)
    t = r * np.sqrt((n - 2) / (1 - r**2))
    assert 2 * stats.t.sf(t, n - 2) == pytest.approx(p, rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.integers(3, 30), st.integers(0, 10**6), st.floats(-3, 3), st.floats(-6, 6))
def test_correlations_are_numpys_wherever_the_features_lie(n, seed, log_scale, log_shift):
    rng = np.random.default_rng(seed)
    X = 10**log_scale * (rng.standard_normal((n, 4)) + 10**log_shift)
    y = rng.standard_normal(n) + 100
    expected = np.corrcoef(np.column_stack([X, y]).T)[-1, :-1]
    np.testing.assert_allclose(correlations(X, y), expected, atol=1e-8)
    assert (correlations(np.full((n, 2), 10**log_scale), y) == 0).all()
    assert (correlations(X, np.full(n, 7.0)) == 0).all()


def test_an_r_is_taken_for_a_p_and_edges_are_told_as_weights():
    data = make_dataset(60, 100, signal=1.5, kind="continuous", covariates=False)
    found = assemble(CPM(r=0.5), (), data.features, 0, "continuous").fit(data.X, data.y)
    assert found[-1].threshold_ == 0.5
    weights = linear_weights(found, data.X, data.features)
    assert set(np.flatnonzero(weights.coefficient)) >= {0, 1, 2}
    assert found[-1].n_positive_ + found[-1].n_negative_ == (weights.coefficient != 0).sum()


def test_settings_that_pick_nothing_or_everything_are_refused():
    for wrong in ({"p": 0}, {"p": 1}, {"r": 0}, {"networks": "none"}, {"C": 0}):
        with pytest.raises(ValidationError):
            CPM(**wrong)
    with pytest.raises(ValueError, match="expected 3 training rows or more"):
        NetworkSumsRegressor().fit(np.eye(2), np.arange(2.0))
    with pytest.raises(ValueError, match="cpm needs two classes, got 1"):
        NetworkSumsClassifier().fit(np.eye(4), np.zeros(4))
    with pytest.raises(ValueError, match="put impute into the preparation"):
        NetworkSumsRegressor().fit(np.full((4, 2), np.nan), np.arange(4.0))

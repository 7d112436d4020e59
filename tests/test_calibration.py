"""Calibration against other ways to it: scikit-learn, a root, counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from lumbago.evaluation.calibration import EDGE, net_benefit
from lumbago.evaluation.metrics import METRICS, metrics_of, score, why_undefined
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.result import Result
from predictions import DIAGNOSIS, table


def drawn(n=200, slope=1.0, shift=0.0, seed=0):
    """People whose truth follows from `slope` and `shift`, given other probabilities."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n) * 1.5
    truth = (rng.random(n) < expit(slope * x + shift)).astype(int)
    once = np.zeros(n, dtype=int)
    return Outcomes(
        DIAGNOSIS, truth, (x > 0).astype(int), x, expit(x), once, once, np.arange(n)
    )  # fmt: skip


def weights(n, m=5, seed=1):
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=m).astype(float)


def test_the_slope_is_that_of_a_weighted_logistic_regression():
    outcomes, w = drawn(slope=0.6), weights(200)
    found = METRICS["calibration_slope"].function(outcomes, w)
    for value, of_one in zip(found, w, strict=True):
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10000)
        model.fit(logit(outcomes.prob)[:, None], outcomes.truth, sample_weight=of_one)
        assert value == pytest.approx(model.coef_[0, 0], abs=1e-5)


def test_the_intercept_makes_given_and_true_shares_equal():
    outcomes, w = drawn(shift=0.8), weights(200)
    found = METRICS["calibration_intercept"].function(outcomes, w)
    for value, of_one in zip(found, w, strict=True):
        expected = brentq(
            lambda a, v=of_one: v @ (outcomes.positive - expit(outcomes.score + a)), -5, 5
        )
        assert value == pytest.approx(expected, abs=1e-8)


def test_what_was_planted_comes_out():
    many = drawn(n=200_000, slope=0.5)
    assert score(METRICS["calibration_slope"], many) == pytest.approx(0.5, abs=0.02)
    right = drawn(n=200_000)
    assert score(METRICS["calibration_intercept"], right) == pytest.approx(0, abs=0.02)
    assert score(METRICS["ece"], right) < 0.01 < score(METRICS["ece"], many)


def test_the_expected_error_is_the_one_of_a_loop():
    outcomes = drawn()
    total = 0.0
    for b in range(10):
        rows = (outcomes.prob >= b / 10) & (outcomes.prob < (b + 1) / 10)
        if rows.any():
            apart = outcomes.positive[rows].mean() - outcomes.prob[rows].mean()
            total += abs(apart) * rows.sum() / len(outcomes)
    assert score(METRICS["ece"], outcomes) == pytest.approx(total)


def test_certain_probabilities_have_a_finite_logit():
    outcomes = drawn()
    prob = outcomes.prob.copy()
    prob[:3], prob[3:6] = 0.0, 1.0
    sure = Outcomes(DIAGNOSIS, outcomes.truth, outcomes.predicted, outcomes.score, prob,
                    outcomes.fitted, outcomes.repeat, outcomes.person)  # fmt: skip
    assert np.isfinite(score(METRICS["calibration_slope"], sure))
    assert expit(-9.3) < EDGE


@pytest.mark.parametrize(
    ("metric", "change", "reason"),
    [
        ("calibration_slope", {"y_prob": 0.5}, "everybody is given the same probability"),
        ("calibration_intercept", {"y_true": "patient"}, "no control among the test rows"),
        ("ece", {"y_prob": np.nan}, "the model gives no probabilities"),
    ],
)
def test_what_has_no_calibration_says_why(metric, change, reason):
    outcomes = Outcomes.of(table().assign(**change), DIAGNOSIS)
    assert why_undefined(METRICS[metric], outcomes) == reason
    assert np.isnan(score(METRICS[metric], outcomes))


def test_probabilities_that_part_the_classes_have_no_slope():
    frame = table(n_repeats=1)
    frame["y_prob"] = np.where(frame["y_true"] == "patient", 0.9, 0.1)
    outcomes = Outcomes.of(frame, DIAGNOSIS)
    reason = why_undefined(METRICS["calibration_slope"], outcomes)
    assert reason == "the probabilities part the classes"


def test_they_are_scored_with_intervals_where_they_are_asked_for():
    assert "ece" not in {m.name for m in metrics_of(DIAGNOSIS)}
    asked = ["calibration_slope", "calibration_intercept", "ece"]
    rows = Result(table(n=80, signal=1), DIAGNOSIS, 1).scores(asked)
    pooled = rows[rows["scope"] == "pooled"]
    assert (pooled["ci_low"] < pooled["score"]).all()
    assert list(pooled["metric"]) == asked


def test_net_benefit_counts_the_found_and_the_false_alarms():
    outcomes = drawn(n=50)
    at = np.array([0.2, 0.5])
    model, everybody = net_benefit(outcomes, np.ones((1, 50)), at)
    for i, t in enumerate(at):
        acted = outcomes.prob >= t
        found = (acted & outcomes.positive).sum() / 50
        alarms = (acted & ~outcomes.positive).sum() / 50
        assert model[0, i] == pytest.approx(found - alarms * t / (1 - t))
        sick = outcomes.positive.mean()
        assert everybody[0, i] == pytest.approx(sick - (1 - sick) * t / (1 - t))
    with pytest.raises(ValueError, match="between 0 and 1"):
        net_benefit(outcomes, np.ones((1, 50)), np.array([0.0]))

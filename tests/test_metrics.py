"""Every metric against scikit-learn or against counting by hand."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from lumbago.data.dataset import Target
from lumbago.evaluation.intervals import draw, resampled, strata
from lumbago.evaluation.metrics import METRICS, metrics_of, score, score_table, why_undefined
from lumbago.evaluation.outcomes import Outcomes
from predictions import DIAGNOSIS, PAIN, table

THREE = Target("subtype", "multiclass", ("a", "b", "c"))


def random_outcomes(seed, *, n=60, n_models=4, ties=False, target=DIAGNOSIS, n_repeats=2):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, n).astype(float) if ties else rng.normal(size=n)
    if target.kind == "continuous":
        truth, predicted = rng.normal(50, 20, n), rng.normal(50, 20, n)
    else:
        truth, predicted = rng.integers(0, len(target.classes), (2, n))
    fitted = rng.integers(0, n_models, n)
    return Outcomes(
        target, truth, predicted, values, rng.uniform(size=n), fitted,
        fitted % n_repeats, rng.permutation(n) % (n // 2),
    )  # fmt: skip


def counted_auc(outcomes, weights):
    """Pairs counted one by one: the definition."""
    right = pairs = 0.0
    for i in np.flatnonzero(outcomes.positive):
        for j in np.flatnonzero(~outcomes.positive):
            if outcomes.fitted[i] == outcomes.fitted[j]:
                weight = weights[i] * weights[j]
                pairs += weight
                difference = outcomes.score[i] - outcomes.score[j]
                right += weight * (0.5 if difference == 0 else float(difference > 0))
    return right / pairs


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_auc_counts_the_pairs_of_each_fitted_model(seed, ties):
    outcomes = random_outcomes(seed, ties=ties)
    weights = np.random.default_rng(seed).integers(0, 4, (5, len(outcomes))).astype(float)
    expected = [counted_auc(outcomes, w) for w in weights]
    np.testing.assert_allclose(METRICS["roc_auc"].function(outcomes, weights), expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), ties=st.booleans())
def test_auc_of_one_model_is_the_usual_one_with_weights(seed, ties):
    outcomes = random_outcomes(seed, n_models=1, ties=ties)
    weights = np.random.default_rng(seed).integers(1, 4, len(outcomes)).astype(float)
    expected = oracle.roc_auc_score(outcomes.positive, outcomes.score, sample_weight=weights)
    assert METRICS["roc_auc"].function(outcomes, weights[None])[0] == pytest.approx(expected)


def test_auc_does_not_see_the_origin_and_scale_of_a_fold():
    frame = table(n_repeats=3)
    moved = frame.copy()
    moved["y_score"] = frame["y_score"] * (1 + frame["fold"]) + 100.0 * frame["fold"]
    scores = [score(METRICS["roc_auc"], Outcomes.of(f, DIAGNOSIS)) for f in (frame, moved)]
    assert scores[0] == scores[1]
    assert oracle.roc_auc_score(moved["y_true"] == "patient", moved["y_score"]) < scores[0]


def test_models_of_two_left_out_names_share_no_pair_even_in_the_same_fold_number():
    frame = pd.concat(
        [
            table(n=20, cohort="one").assign(split="one"),
            table(n=20, cohort="two").assign(split="two"),
        ]
    )
    alone = [Outcomes.of(f, DIAGNOSIS) for _, f in frame.groupby("split")]
    assert len(np.unique(Outcomes.of(frame, DIAGNOSIS).fitted)) == sum(
        len(np.unique(o.fitted)) for o in alone
    )


@pytest.mark.parametrize("seed", range(3))
def test_shares_are_those_of_scikit_learn_with_weights(seed):
    outcomes = random_outcomes(seed)
    weights = np.random.default_rng(seed).integers(0, 4, (3, len(outcomes))).astype(float)
    truth, predicted = outcomes.truth, outcomes.predicted
    for name, function in {
        "accuracy": oracle.accuracy_score,
        "balanced_accuracy": oracle.balanced_accuracy_score,
        "sensitivity": lambda t, p, sample_weight: oracle.recall_score(
            t, p, sample_weight=sample_weight
        ),
        "specificity": lambda t, p, sample_weight: oracle.recall_score(
            t, p, pos_label=0, sample_weight=sample_weight
        ),
    }.items():
        expected = [function(truth, predicted, sample_weight=w) for w in weights]
        got = METRICS[name].function(outcomes, weights)
        np.testing.assert_allclose(got, expected, atol=1e-12, err_msg=name)
    expected = [
        oracle.brier_score_loss(outcomes.positive, outcomes.prob, sample_weight=w) for w in weights
    ]
    np.testing.assert_allclose(METRICS["brier"].function(outcomes, weights), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_three_classes_weigh_alike_in_balanced_accuracy(seed):
    outcomes = random_outcomes(seed, target=THREE)
    expected = oracle.balanced_accuracy_score(outcomes.truth, outcomes.predicted)
    assert score(METRICS["balanced_accuracy"], outcomes) == pytest.approx(expected)
    assert [m.name for m in metrics_of(THREE)] == ["balanced_accuracy", "accuracy"]


@pytest.mark.parametrize("seed", range(3))
def test_continuous_scores_are_averages_over_repeats_of_the_usual_ones(seed):
    outcomes = random_outcomes(seed, target=PAIN)
    weights = np.random.default_rng(seed).integers(1, 4, (3, len(outcomes))).astype(float)
    for b, w in enumerate(weights):
        r, r2 = [], []
        for repeat in np.unique(outcomes.repeat):
            rows = outcomes.repeat == repeat
            x, y = outcomes.truth[rows], outcomes.predicted[rows]
            r.append(np.corrcoef(np.repeat(x, w[rows].astype(int)),
                                 np.repeat(y, w[rows].astype(int)))[0, 1])  # fmt: skip
            r2.append(oracle.r2_score(x, y, sample_weight=w[rows]))
        assert METRICS["r"].function(outcomes, weights)[b] == pytest.approx(np.mean(r))
        assert METRICS["r2"].function(outcomes, weights)[b] == pytest.approx(np.mean(r2))
        mae = oracle.mean_absolute_error(outcomes.truth, outcomes.predicted, sample_weight=w)
        assert METRICS["mae"].function(outcomes, weights)[b] == pytest.approx(mae)


def test_correlation_keeps_its_digits_far_from_zero():
    frame = table(PAIN, n_repeats=1)
    far = frame.assign(y_true=frame["y_true"] + 1e8, y_pred=frame["y_pred"] + 1e8)
    near, distant = (score(METRICS["r"], Outcomes.of(f, PAIN)) for f in (frame, far))
    assert distant == pytest.approx(near, abs=1e-6)


def test_the_mean_of_the_training_fold_earns_no_correlation():
    """Training means fall where the held-out values are high: r of -1 would mean nothing."""
    frame = table(PAIN, n_repeats=1, n=20)
    for fold in frame["fold"].unique():
        held_out = frame["fold"] == fold
        frame.loc[held_out, "y_pred"] = frame.loc[~held_out, "y_true"].mean()
    assert np.corrcoef(frame["y_true"], frame["y_pred"])[0, 1] < -0.2
    outcomes = Outcomes.of(frame, PAIN)
    assert np.isnan(score(METRICS["r"], outcomes))
    assert why_undefined(METRICS["r"], outcomes) == "predictions do not vary within a fold"
    assert score(METRICS["r2"], outcomes) < 0


@pytest.mark.parametrize(
    ("metric", "change", "reason"),
    [
        ("roc_auc", {"y_true": "patient"}, "no control among the test rows"),
        ("specificity", {"y_true": "patient"}, "no control among the test rows"),
        ("sensitivity", {"y_true": "control"}, "no patient among the test rows"),
        ("balanced_accuracy", {"y_true": "control"}, "no patient among the test rows"),
        ("brier", {"y_prob": np.nan}, "the model gives no probabilities"),
        ("roc_auc", {"y_score": np.nan}, "rows without a decision value"),
    ],
)
def test_what_cannot_be_scored_is_missing_with_a_reason(metric, change, reason):
    scored = score_table(table().assign(**change), DIAGNOSIS, [metric])
    assert np.isnan(scored.loc[0, "score"])
    assert scored.loc[0, "reason"] == reason


def test_folds_with_one_class_each_hold_no_pair():
    frame = table(n_repeats=1)
    frame["fold"] = (frame["y_true"] == "patient").astype(int)
    scored = score_table(frame, DIAGNOSIS, ["roc_auc", "accuracy"])
    assert np.isnan(scored.loc[0, "score"])
    assert scored.loc[0, "reason"] == "every test fold holds one class only"
    assert np.isfinite(scored.loc[1, "score"])


def test_a_fold_with_one_class_leaves_the_others_pairs_alone():
    frame = table(n_repeats=1)
    lonely = table(n=4, n_repeats=1).assign(y_true="patient", fold=9, cohort="other")
    alone, joined = (
        score(METRICS["roc_auc"], Outcomes.of(f, DIAGNOSIS))
        for f in (frame, pd.concat([frame, lonely]))
    )
    assert alone == joined


def test_the_order_of_rows_changes_nothing():
    frame = table()
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        score_table(frame, DIAGNOSIS), score_table(shuffled, DIAGNOSIS), check_exact=False
    )


def test_the_positive_class_is_the_last_whatever_the_alphabet_says():
    frame = table(signal=3)
    renamed = frame.replace({"control": "z-healthy", "patient": "a-clbp"})
    target = Target("diagnosis", "binary", ("z-healthy", "a-clbp"))
    one, other = score_table(frame, DIAGNOSIS), score_table(renamed, target)
    np.testing.assert_array_equal(one["score"], other["score"])
    assert one.set_index("metric").loc["roc_auc", "score"] > 0.9


def test_a_class_the_target_does_not_have_is_refused():
    with pytest.raises(ValueError, match="the predictions name 'CLBP'"):
        score_table(table().replace("patient", "CLBP"), DIAGNOSIS)


def test_a_metric_of_another_kind_of_target_is_refused():
    with pytest.raises(ValueError, match="metric 'mae' does not exist for the binary target"):
        score_table(table(), DIAGNOSIS, ["mae"])


def test_a_participant_is_drawn_with_all_rows_and_classes_keep_their_size():
    outcomes = Outcomes.of(table(n=30, n_repeats=3), DIAGNOSIS)
    counts = draw(strata(outcomes), 200, np.random.SeedSequence(1))
    weights = counts[:, outcomes.person]
    for person in range(outcomes.n_people):
        rows = np.flatnonzero(outcomes.person == person)
        assert len(rows) == 3
        assert (weights[:, rows] == counts[:, [person]]).all()
    assert (weights[:, outcomes.positive].sum(axis=1) == outcomes.positive.sum()).all()
    assert (counts.sum(axis=1) == 30).all()
    assert counts.std() == pytest.approx(1, abs=0.1)


def test_a_resample_is_the_table_with_its_people_written_that_often():
    frame = table(n=24, n_repeats=2)
    outcomes = Outcomes.of(frame, DIAGNOSIS)
    counts = draw(strata(outcomes), 3, np.random.SeedSequence(2))
    for metric in metrics_of(DIAGNOSIS):
        got = resampled(metric, outcomes, counts)
        for b in range(3):
            written = frame.loc[frame.index.repeat(counts[b, outcomes.person].astype(int))]
            assert got[b] == pytest.approx(score(metric, Outcomes.of(written, DIAGNOSIS)))


@pytest.mark.parametrize(("target", "limit"), [(DIAGNOSIS, 1.0), (PAIN, 1.0)])
def test_a_thousand_resamples_of_twenty_repeats_take_well_under_a_second(target, limit):
    outcomes = Outcomes.of(table(target, n=120, n_repeats=20, n_folds=5), target)
    begin = time.process_time()
    counts = draw(strata(outcomes), 1000, np.random.SeedSequence(1))
    for metric in metrics_of(target):
        assert np.isfinite(resampled(metric, outcomes, counts)).all()
    assert time.process_time() - begin < limit

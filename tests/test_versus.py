"""Pairs of models: the right test where it holds, the bootstrap everywhere else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumbago.evaluation.metrics import METRICS, score
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.versus import BOOTSTRAP, DELONG, MCNEMAR, compare_models
from lumbago.statistics.delong import delong
from predictions import DIAGNOSIS, PAIN, table

ONE, OTHER = ("edges", "svm"), ("edges", "forest")


def both(scheme="within_cohort", strong=2.0, weak=0.3, n=80, target=DIAGNOSIS):
    parts = [
        table(target, signal=strong, n=n, scheme=scheme),
        table(target, signal=weak, n=n, scheme=scheme, model="forest"),
    ]
    if scheme == "within_cohort":
        # Two models share their splits, as the grid's do.
        where = ["repeat", "participant_id"]
        folds = parts[0].set_index(where)["fold"]
        index = pd.MultiIndex.from_frame(parts[1][where])
        parts[1]["fold"] = folds.loc[index].to_numpy()
    return pd.concat(parts, ignore_index=True)


def test_cross_validation_is_compared_by_people_drawn_again():
    frame = both()
    found = compare_models(frame, DIAGNOSIS, [(ONE, OTHER)], "within_cohort", seed=1)
    assert set(found["scope"]) == {"pooled"}
    assert set(found["method"]) == {BOOTSTRAP}
    row = found.set_index("metric").loc["roc_auc"]
    expected = [
        score(METRICS["roc_auc"], Outcomes.of(frame[frame["model"] == m], DIAGNOSIS))
        for m in ("svm", "forest")
    ]
    assert [row["score"], row["score_other"]] == expected
    assert row["difference"] == expected[0] - expected[1]
    assert 0 < row["ci_low"] < row["difference"] < row["ci_high"]
    assert row["p"] == pytest.approx(2 / 1001)
    assert found.set_index("metric").loc["brier", "difference"] > 0


def test_the_other_way_round_is_the_same_with_another_sign():
    there = compare_models(both(), DIAGNOSIS, [(ONE, OTHER)], "within_cohort", seed=1)
    back = compare_models(both(), DIAGNOSIS, [(OTHER, ONE)], "within_cohort", seed=1)
    np.testing.assert_allclose(there["difference"], -back["difference"])
    np.testing.assert_allclose(there["ci_low"], -back["ci_high"])
    np.testing.assert_array_equal(there["p"], back["p"])


def test_a_fitted_model_on_a_left_out_part_is_compared_by_delong_and_mcnemar():
    frame = both("leave_one_site_out")
    found = compare_models(frame, DIAGNOSIS, [(ONE, OTHER)], "leave_one_site_out", seed=1)
    pooled = found[found["scope"] == "pooled"]
    assert set(pooled["method"]) == {BOOTSTRAP}
    part = found[found["scope"] == "part:A"].set_index("metric")
    assert list(part["method"]) == [DELONG, MCNEMAR]
    mine = frame[frame["split"] == "A"].sort_values("participant_id")
    scores = np.stack(
        [mine.loc[mine["model"] == m, "y_score"].to_numpy() for m in ("svm", "forest")]
    )
    positive = (mine.loc[mine["model"] == "svm", "y_true"] == "patient").to_numpy()
    expected = delong(positive, scores).difference()
    row = part.loc["roc_auc"]
    np.testing.assert_allclose(
        row[["difference", "ci_low", "ci_high", "p"]].to_numpy(dtype=float), expected
    )
    assert part.loc["accuracy", "n"] == 40


def test_a_person_with_two_sessions_leaves_no_place_for_tests_of_single_rows():
    frame = both("leave_one_site_out")
    twice = pd.concat([frame, frame.assign(session="ses-2")], ignore_index=True)
    found = compare_models(twice, DIAGNOSIS, [(ONE, OTHER)], "leave_one_site_out", seed=1)
    assert set(found["scope"]) == {"pooled"}
    alone = compare_models(frame, DIAGNOSIS, [(ONE, OTHER)], "leave_one_site_out", seed=1)
    # The second session is a copy: it adds rows, and must not add certainty.
    once, again = (
        f.query("scope == 'pooled' and metric == 'accuracy'").iloc[0] for f in (alone, found)
    )
    assert (once["n"], again["n"]) == (80, 80)
    np.testing.assert_allclose(again["ci_low"], once["ci_low"])


def test_models_on_other_rows_are_not_compared():
    frame = both().drop(index=0)
    found = compare_models(frame, DIAGNOSIS, [(ONE, OTHER)], "within_cohort", seed=1)
    assert set(found["reason"]) == {"not the same rows"}
    with pytest.raises(ValueError, match="ridge on edges has no predictions"):
        compare_models(frame, DIAGNOSIS, [(ONE, ("edges", "ridge"))], "within_cohort", seed=1)


def test_continuous_targets_are_compared_too():
    found = compare_models(
        both(target=PAIN), PAIN, [(ONE, OTHER)], "within_cohort", seed=1, metrics=["mae"]
    )
    assert found["difference"].item() > 0
    assert set(found["method"]) == {BOOTSTRAP}


def test_two_equal_models_are_called_different_in_no_more_than_five_of_a_hundred_samples():
    wrong = 0
    for seed in range(120):
        frames = [table(model=m, n=60, n_repeats=1, seed=seed, signal=0.5) for m in ("svm", "lda")]
        frames[1]["fold"] = frames[0]["fold"].to_numpy()
        # Own noise in both: `table` gives people a fixed part, which the seed must replace.
        for i, frame in enumerate(frames):
            noise = np.random.default_rng([seed, i]).normal(size=60)
            frame["y_score"] = (frame["y_true"] == "patient") * 0.8 + noise
        found = compare_models(
            pd.concat(frames), DIAGNOSIS, [(ONE, ("edges", "lda"))], "within_cohort", seed=seed,
            metrics=["roc_auc"], n_resamples=400,
        )  # fmt: skip
        wrong += found["p"].item() <= 0.05
    assert wrong <= 13, "99.5 % quantile of Binomial(120, .05) is 13"

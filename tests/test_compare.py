"""Scores in context: baselines beside them, and the gap to people never seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumbago.evaluation.compare import gaps, with_baselines
from lumbago.evaluation.result import Result
from predictions import DIAGNOSIS, PAIN, table


def both_schemes(target=DIAGNOSIS, within=2.0, elsewhere=0.2, n=80, model="svm"):
    return pd.concat(
        [
            table(target, signal=within, n=n, model=model),
            table(target, signal=elsewhere, n=n, model=model, scheme="leave_one_site_out"),
        ],
        ignore_index=True,
    )


def test_every_score_has_its_baselines_of_the_same_scheme_scope_and_metric():
    baselines = [table(features="baseline", model=m, signal=0) for m in ("majority", "site_only")]
    scores = Result(pd.concat([table(), *baselines]), DIAGNOSIS, 1).scores()
    beside = with_baselines(scores)
    assert set(beside["model"]) == {"svm"}
    keys = ["scheme", "scope", "metric"]
    theirs = scores[scores["model"] == "majority"].set_index(keys)["score"]
    expected = theirs.loc[list(beside[keys].itertuples(index=False, name=None))]
    np.testing.assert_array_equal(beside["majority"], expected)
    assert beside["motion_only"].isna().all()
    assert len(beside) == (scores["model"] == "svm").sum()


def test_the_gap_is_the_difference_of_the_two_scores():
    frame = both_schemes()
    gap = gaps(frame, DIAGNOSIS, seed=1).set_index("metric")
    scores = Result(frame, DIAGNOSIS, 1).scores()
    pooled = scores[scores["scope"] == "pooled"].set_index(["scheme", "metric"])["score"]
    for metric in ("roc_auc", "brier"):
        row = gap.loc[metric]
        assert row["within"] == pooled["within_cohort", metric]
        assert row["elsewhere"] == pooled["leave_one_site_out", metric]
    auc = gap.loc["roc_auc"]
    assert auc["gap"] == auc["within"] - auc["elsewhere"] > 0.1
    assert gap.loc["brier", "gap"] > 0, "a higher Brier score elsewhere is a loss too"
    assert auc["ci_low"] < auc["gap"] < auc["ci_high"]
    assert auc["words"].startswith("ROC AUC ")
    assert "a loss of" in auc["words"]
    assert "on a site never seen." in auc["words"]


def test_the_interval_of_a_gap_is_paired():
    """Two schemes that predict the same people alike differ by nothing, in every resample."""
    within = table(n_repeats=1, n_folds=2)
    twin = within.assign(scheme="leave_one_site_out")
    row = gaps(pd.concat([within, twin]), DIAGNOSIS, seed=1).iloc[0]
    assert (row["gap"], row["ci_low"], row["ci_high"]) == (0, 0, 0)
    assert "no difference to two decimals" in row["words"]


def test_words_admit_what_the_interval_cannot_tell():
    row = gaps(both_schemes(within=0.5, elsewhere=0.45, n=24), DIAGNOSIS, seed=1).iloc[0]
    assert row["ci_low"] < 0 < row["ci_high"]
    assert "cannot tell from no difference" in row["words"]


def test_a_missing_gap_gives_its_reason():
    reasons = {"leave_one_cohort_out": "one cohort"}
    row = gaps(table(), DIAGNOSIS, seed=1, not_available=reasons).iloc[0]
    assert np.isnan(row["gap"])
    assert row["words"] == "ROC AUC leaving a cohort out is not available: one cohort."
    assert gaps(table(), DIAGNOSIS, seed=1).empty


def test_leaving_out_without_the_pooled_scheme_says_so():
    row = gaps(table(scheme="leave_one_site_out"), DIAGNOSIS, seed=1).iloc[0]
    assert row["reason"] == "within_cohort was not run"


@pytest.mark.parametrize("metric", ["r", "r2", "mae"])
def test_continuous_targets_have_gaps_too(metric):
    row = gaps(both_schemes(PAIN), PAIN, seed=1, metrics=[metric]).iloc[0]
    assert row["gap"] > 0
    assert np.isfinite(row["ci_low"])


def test_baselines_are_no_models_of_their_own_here():
    frame = both_schemes().assign(features="baseline", model="site_only")
    assert gaps(frame, DIAGNOSIS, seed=1).empty

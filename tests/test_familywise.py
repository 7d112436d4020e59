"""P-values corrected over the grid: who is in it, and which permutations count."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lumbago.evaluation.familywise import is_rival
from lumbago.evaluation.result import NULL_COLUMNS, Result
from lumbago.statistics.permutation import max_statistic
from predictions import DIAGNOSIS, PAIN, table

BOTH = ["forest", "svm"]


def nulls(features, model, scheme, n, metric="roc_auc", centre=0.5, seed=0):
    rng = np.random.default_rng([seed, len(features), len(model), len(scheme)])
    rows = [
        (features, model, scheme, i, metric, centre + 0.08 * z)
        for i, z in enumerate(rng.normal(size=n))
    ]
    return pd.DataFrame(rows, columns=list(NULL_COLUMNS))


def grid(**changes):
    cells = [("edges", "svm"), ("edges", "forest"), ("baseline", "site_only")]
    predictions = pd.concat([table(features=f, model=m, signal=0.4) for f, m in cells])
    counts = {"svm": 99, "forest": 39, "site_only": 99} | changes
    null = pd.concat([nulls(f, m, "within_cohort", counts[m]) for f, m in cells])
    return Result(predictions, DIAGNOSIS, 1, nulls=null)


def test_only_permutations_that_all_combinations_ran_are_used():
    found = grid()
    scores = found.scores(["roc_auc"]).query("scope == 'pooled'").set_index("model")
    first = {
        model: Result(frame[frame["repeat"] == 0], DIAGNOSIS, 1)
        .scores(["roc_auc"])
        .query("scope == 'pooled'")["score"]
        .item()
        for model, frame in found.predictions.groupby("model")
    }
    null = [found.nulls.query("model == @m and permutation < 39")["score"] for m in BOTH]
    expected = max_statistic(np.array([first[m] for m in BOTH]), np.column_stack(null))
    np.testing.assert_array_equal(scores.loc[BOTH, "p_corrected"], expected)
    assert (scores.loc[BOTH, "n_shared"] == 39).all()
    assert (scores.loc[BOTH, "n_cells"] == 2).all()


def test_references_are_neither_corrected_nor_corrected_for():
    scores = grid().scores(["roc_auc"]).query("scope == 'pooled'").set_index("model")
    assert np.isnan(scores.loc["site_only", "p_corrected"])
    assert np.isfinite(scores.loc["site_only", "p"])
    assert is_rival("edges+covariate:age")
    assert not is_rival("covariate:age+covariate:sex")


def test_parts_of_the_sample_and_runs_without_permutations_have_no_corrected_p():
    scores = grid().scores(["roc_auc"])
    assert scores.query("scope != 'pooled'")["p_corrected"].isna().all()
    bare = Result(table(), DIAGNOSIS, 1).scores()
    assert bare["p_corrected"].isna().all()
    assert (bare["n_cells"] == 0).all()


def test_an_error_is_better_the_smaller_it_is():
    predictions = table(PAIN, signal=2.0)
    scores = Result(predictions, PAIN, 1).scores(["mae"])
    seen = scores["score"].iloc[0]
    null = nulls("edges", "svm", "within_cohort", 99, "mae", seen + 5)
    low = Result(predictions, PAIN, 1, nulls=null).scores(["mae"]).iloc[0]
    assert low["p_corrected"] == 0.01 == low["p"]


def test_a_combination_without_a_score_in_a_permutation_is_not_the_largest_there():
    found = grid(forest=99)
    hole = (found.nulls["model"] == "forest") & (found.nulls["permutation"] < 5)
    holes = found.nulls.assign(score=found.nulls["score"].mask(hole))
    scores = Result(found.predictions, DIAGNOSIS, 1, nulls=holes).scores(["roc_auc"])
    assert (scores.query("scope == 'pooled' and features == 'edges'")["n_shared"] == 99).all()

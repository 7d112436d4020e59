"""Results: tables that come back bit for bit, intervals that say what they are of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, bootstrap

from lumbago.errors import InputError
from lumbago.evaluation.intervals import draw, percentiles, resampled, strata
from lumbago.evaluation.metrics import METRICS, score
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.result import AUDIT_COLUMNS, TABLES, Result
from lumbago.evaluation.scores import p_value
from lumbago.statistics.resampled import corrected_interval
from predictions import DIAGNOSIS, PAIN, table


@dataclass
class Unit:
    predictions: pd.DataFrame
    fits: pd.DataFrame
    weights: dict[str, Any] | None
    nulls: pd.DataFrame


def unit(repeat=0, model="svm", features="edges", n_features=3):
    frame = table(model=model, features=features, n_repeats=3)
    frame = frame[frame["repeat"] == repeat].reset_index(drop=True)
    rng = np.random.default_rng(repeat)
    names = [f"edges:a~{i}" for i in range(n_features)]
    return Unit(
        frame.astype({"y_score": "float32"}),
        pd.DataFrame({"features": features, "model": model, "scheme": "within_cohort",
                      "repeat": repeat, "fold": range(4), "split": "", "n_train": 30,
                      "settings": '{"C": 1.0}', "seconds": 0.1}),
        {"features": names,
         "coefficient": rng.normal(size=(4, n_features)).astype("float32"),
         "pattern": rng.normal(size=(4, n_features)).astype("float32")},
        pd.DataFrame({"features": features, "model": model, "scheme": "within_cohort",
                      "permutation": range(99), "metric": "roc_auc",
                      "score": rng.uniform(0.3, 0.7, 99)}) if repeat == 0
        else pd.DataFrame(columns=["features", "model", "scheme", "permutation", "metric",
                                   "score"]),
    )  # fmt: skip


def result(**changes):
    settings = {"seed": 1, "notes": ["raw"], "not_available": {"motion_only": "no mean_fd"}}
    return Result.from_units([unit(r) for r in range(3)], DIAGNOSIS, **(settings | changes))


def test_saved_and_loaded_is_the_same_bit_for_bit(tmp_path):
    words = ("edges", "svm", "within_cohort", "poison", "passed", '<b>\t"x"\n')
    audit = pd.DataFrame([words], columns=list(AUDIT_COLUMNS))
    before = result(audit=audit)
    before.predictions.loc[0, "y_prob"] = np.nan
    before.predictions.loc[1, "y_score"] = np.nextafter(0.1, 1)
    after = Result.load(before.save(tmp_path / "r"))
    for name in TABLES:
        pd.testing.assert_frame_equal(
            getattr(before, name), getattr(after, name), check_exact=True, check_column_type=False
        )
    assert (after.target, after.seed, after.notes) == (DIAGNOSIS, 1, ("raw",))
    assert after.not_available == {"motion_only": "no mean_fd"}
    pd.testing.assert_frame_equal(before.scores(), after.scores(), check_exact=True)


def test_continuous_values_come_back_as_numbers(tmp_path):
    before = Result(table(PAIN), PAIN, 1)
    after = Result.load(before.save(tmp_path))
    np.testing.assert_array_equal(before.predictions["y_true"], after.predictions["y_true"])
    assert after.predictions["y_true"].dtype == float


def test_words_that_look_like_numbers_stay_words(tmp_path):
    before = Result(table().assign(site="007", session="01"), DIAGNOSIS, 1)
    after = Result.load(before.save(tmp_path))
    assert set(after.predictions["site"]) == {"007"}
    assert set(after.predictions["session"]) == {"01"}


def test_a_newer_schema_is_refused(tmp_path):
    result().save(tmp_path)
    about = json.loads((tmp_path / "result.json").read_text())
    (tmp_path / "result.json").write_text(json.dumps(about | {"schema": 99}))
    with pytest.raises(InputError, match=r"schema 99, this Lumbago reads up to 1; update"):
        Result.load(tmp_path)


def test_a_folder_without_a_result_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a result's folder with result\.json"):
        Result.load(tmp_path)


def test_neither_order_nor_cut_of_the_units_changes_a_table():
    units = [unit(r, m) for r in range(3) for m in ("svm", "forest")]
    one = Result.from_units(units, DIAGNOSIS, seed=1)
    other = Result.from_units(units[::-1], DIAGNOSIS, seed=1)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


def test_weights_are_moments_over_all_folds_of_all_repeats():
    units = [unit(r) for r in range(3)]
    weights = Result.from_units(units, DIAGNOSIS, seed=1).weights
    stacked = np.vstack([u.weights["coefficient"] for u in units]).astype(float)
    np.testing.assert_allclose(weights["coefficient"], stacked.mean(axis=0))
    np.testing.assert_allclose(weights["coefficient_sd"], stacked.std(axis=0, ddof=1))
    share = (np.sign(stacked) == np.sign(stacked.mean(axis=0))).mean(axis=0)
    np.testing.assert_allclose(weights["sign_consistency"], share)
    assert (weights["n_folds"] == 12).all()


def test_a_feature_dropped_in_one_repeat_is_averaged_over_the_others():
    weights = Result.from_units([unit(0, n_features=2), unit(1)], DIAGNOSIS, seed=1).weights
    assert weights["n_folds"].tolist() == [8, 8, 4]
    alone = unit(1).weights["pattern"][:, 2].astype(float)
    assert weights["pattern"].iloc[2] == pytest.approx(alone.mean())


def test_the_interval_is_the_percentiles_of_people_drawn_again():
    frame = table(n=60, n_repeats=2)
    scores = Result(frame, DIAGNOSIS, 5).scores(["roc_auc"]).set_index("scope")
    row = scores.loc["pooled"]
    outcomes = Outcomes.of(frame, DIAGNOSIS)
    counts = draw(strata(outcomes), 4000, np.random.SeedSequence(77))
    low, high = percentiles(resampled(METRICS["roc_auc"], outcomes, counts))
    assert row["ci_low"] == pytest.approx(low, abs=0.02)
    assert row["ci_high"] == pytest.approx(high, abs=0.02)
    assert row["ci_low"] < row["score"] < row["ci_high"]


def test_more_people_give_a_narrower_interval():
    width = {}
    for n in (40, 640):
        row = Result(table(n=n, signal=0), DIAGNOSIS, 1).scores(["roc_auc"]).iloc[0]
        width[n] = row["ci_high"] - row["ci_low"]
    assert width[640] == pytest.approx(width[40] / 4, rel=0.4)


@pytest.mark.slow
def test_the_interval_of_a_fixed_model_on_a_test_cohort_covers_what_it_says():
    """95 % nominal; 600 cohorts of 80 drawn from a population whose AUC is known."""
    from scipy.stats import norm

    shift, covered = 1.0, []
    truth = norm.cdf(shift / np.sqrt(2))
    frame = table(n=80, scheme="leave_one_cohort_out", n_repeats=1)
    outcomes = Outcomes.of(frame, DIAGNOSIS)
    for cohort in range(600):
        rng = np.random.default_rng(cohort)
        drawn = frame.assign(y_score=rng.normal(size=80) + shift * outcomes.positive)
        sample = Outcomes.of(drawn, DIAGNOSIS)
        counts = draw(strata(sample), 1000, np.random.SeedSequence(cohort))
        low, high = percentiles(resampled(METRICS["roc_auc"], sample, counts))
        covered.append(low <= truth <= high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_intervals_say_what_they_are_of():
    frames = [table(n_repeats=2), table(scheme="leave_one_site_out")]
    scores = Result(pd.concat(frames), DIAGNOSIS, 1).scores(["roc_auc"])
    words = scores.set_index(["scheme", "scope"])["interval"]
    crossed = "participants resampled, models as fitted; given these participants"
    assert words["within_cohort", "pooled"] == crossed
    assert words["within_cohort", "site:A"] == crossed
    once = "participants resampled, models as fitted, each person predicted once"
    assert words["leave_one_site_out", "pooled"] == once
    fixed = "participants resampled, BCa; a fixed model on a test cohort"
    assert words["leave_one_site_out", "site:A"] == fixed
    shares = Result(frames[1], DIAGNOSIS, 1).scores(["accuracy", "sensitivity"])
    shares = shares[shares["scope"] == "site:A"]
    assert set(shares["interval"]) == {"Wilson's; a fixed model on a test cohort"}
    site = frames[1][frames[1]["site"] == "A"]
    right = site["y_true"] == site["y_pred"]
    expected = binomtest(int(right.sum()), len(site)).proportion_ci(method="wilson")
    assert shares["ci_low"].iloc[0] == pytest.approx(expected.low)
    sick = right[site["y_true"] == "patient"]
    expected = binomtest(int(sick.sum()), len(sick)).proportion_ci(method="wilson")
    assert shares["ci_high"].iloc[1] == pytest.approx(expected.high)


def test_the_interval_of_a_fixed_model_is_that_of_scipy():
    frame = table(n=60, scheme="leave_one_cohort_out")
    row = Result(frame, DIAGNOSIS, 1).scores(["roc_auc"], n_resamples=9999).iloc[0]
    sick = (frame["y_true"] == "patient").to_numpy()
    x, y = frame.loc[sick, "y_score"].to_numpy(), frame.loc[~sick, "y_score"].to_numpy()

    def auc(x, y, axis=-1):
        return (x[..., :, None] > y[..., None, :]).mean(axis=(-1, -2))

    expected = bootstrap(
        (x, y), auc, n_resamples=9999, method="BCa", rng=np.random.default_rng(3), batch=500
    ).confidence_interval
    assert row["ci_low"] == pytest.approx(expected.low, abs=0.01)
    assert row["ci_high"] == pytest.approx(expected.high, abs=0.01)


def test_other_training_samples_widen_the_interval_of_a_cross_validation_alone():
    frames = [table(n_repeats=4), table(scheme="leave_one_site_out")]
    scores = Result(pd.concat(frames), DIAGNOSIS, 1).scores(["roc_auc", "accuracy"])
    rows = scores[scores["scope"] == "pooled"].set_index(["scheme", "metric"])
    assert rows.loc["leave_one_site_out", "wide_low"].isna().all()
    assert scores[scores["scope"] != "pooled"]["wide_low"].isna().all()
    outcomes = Outcomes.of(frames[0], DIAGNOSIS)
    each = [score(METRICS["accuracy"], outcomes.take(outcomes.fitted == f)) for f in range(16)]
    row = rows.loc["within_cohort", "accuracy"]
    expected = corrected_interval(np.array(each), 10 / 30)
    np.testing.assert_allclose(row[["wide_low", "wide_high"]].to_numpy(dtype=float),
                               np.clip(expected, 0, 1))  # fmt: skip


def test_too_few_people_get_a_score_without_an_interval():
    scores = Result(table(n=16, sites=("A", "B", "C", "D")), DIAGNOSIS, 1).scores(["accuracy"])
    row = scores.set_index("scope").loc["site:A"]
    assert np.isfinite(row["score"])
    assert np.isnan(row["ci_low"])
    assert row["reason"] == "no interval: fewer than 5 participants in a class"


def test_scores_come_pooled_per_cohort_and_per_site():
    frame = pd.concat([table(cohort="one"), table(cohort="two", sites=("two",))])
    scores = Result(frame, DIAGNOSIS, 1).scores(["accuracy"]).set_index("scope")
    assert list(scores.index) == ["pooled", "cohort:one", "cohort:two", "site:one/A", "site:one/B"]
    assert scores.loc["pooled", "n"] == 80
    assert scores.loc["cohort:one", "n_positive"] == 20
    alone = Result(table(cohort="one"), DIAGNOSIS, 1).scores(["accuracy"])
    assert alone.loc[0, "score"] == scores.loc["cohort:one", "score"]


def test_a_cell_scores_the_same_with_and_without_company():
    one = Result(table(), DIAGNOSIS, 1).scores()
    both = Result(pd.concat([table(), table(model="another")]), DIAGNOSIS, 1).scores()
    mine = both[both["model"] == "svm"].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, mine, check_exact=True)


def test_p_counts_the_observed_score_of_the_first_repeat_in():
    found = result()
    row = found.scores(["roc_auc"]).iloc[0]
    first = found.predictions[found.predictions["repeat"] == 0]
    observed = score(METRICS["roc_auc"], Outcomes.of(first, DIAGNOSIS))
    null = found.nulls["score"]
    assert row["p"] == ((null >= observed).sum() + 1) / 100
    assert row["n_permutations"] == 99
    assert found.scores(["roc_auc"]).iloc[1:]["p"].isna().all()


def test_p_is_never_zero_counts_ties_and_knows_that_low_brier_is_good():
    null = np.array([0.1, 0.2, 0.3])
    assert p_value(0.9, null, METRICS["roc_auc"]) == 0.25
    assert p_value(0.3, null, METRICS["roc_auc"]) == 0.5
    assert p_value(0.1 + 0.2, null, METRICS["roc_auc"]) == 0.5
    assert p_value(0.05, null, METRICS["brier"]) == 0.25
    assert p_value(0.3, null, METRICS["brier"]) == 1.0
    assert np.isnan(p_value(0.9, np.array([]), METRICS["roc_auc"]))


def test_notebooks_see_escaped_html():
    frame = table(model="<script>alert(1)</script>")
    html = Result(frame, DIAGNOSIS, 1)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "ROC AUC" in html


def test_predictions_without_a_needed_column_are_refused():
    with pytest.raises(ValueError, match=r"lacks the columns \['y_prob'\]"):
        Result(table().drop(columns="y_prob"), DIAGNOSIS, 1)

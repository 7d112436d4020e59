"""Calibration and predictions by site, as the report draws them."""

from __future__ import annotations

import base64
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve as sklearn_curve
from statsmodels.stats.proportion import proportion_confint

from lumbago.data.dataset import Target
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.result import Result
from lumbago.report.build import build_report
from lumbago.report.calibration import calibration_curve, reliability
from lumbago.report.sites import by_site, drawn_values
from lumbago.report.story import Story
from predictions import DIAGNOSIS, PAIN, table
from run_folders import whole

EMPTY = pd.DataFrame()


def story_of(predictions, target=DIAGNOSIS):
    scores = Result(predictions, target, 1).scores(n_resamples=20)
    return Story({"seed": 1}, target, scores, predictions, EMPTY)


def words_in(figure):
    """Return the words of a drawing."""
    svg = base64.b64decode(figure.image.split(",")[1]).decode()
    return re.findall(r">([^<>]+)</text>", svg)


def given(probability, truth):
    """Return predictions with these probabilities, one person each."""
    n = len(probability)
    frame = table(n=n, n_repeats=1, n_folds=1)
    names = np.array(DIAGNOSIS.classes, dtype=object)
    return frame.assign(y_prob=probability, y_score=probability, y_true=names[truth])


def test_the_curve_is_scikit_learns_with_equal_numbers_in_the_bins():
    rng = np.random.default_rng(3)
    probability = rng.beta(2, 2, 400)
    truth = (rng.random(400) < probability).astype(int)
    outcomes = Outcomes.of(given(probability, truth), DIAGNOSIS)
    curve = calibration_curve(outcomes, 8, np.random.SeedSequence(0))
    share, mean = sklearn_curve(truth, probability, n_bins=8, strategy="quantile")
    np.testing.assert_allclose(curve["true"], share, atol=0.021)
    np.testing.assert_allclose(curve["given"], mean, atol=0.01)
    assert set(curve["n"]) == {50}
    # What was given came true, so most intervals hold it.
    inside = (curve["ci_low"] <= curve["given"]) & (curve["given"] <= curve["ci_high"])
    assert inside.sum() >= 6


def test_the_intervals_shut_out_probabilities_that_are_too_sure():
    rng = np.random.default_rng(4)
    truth = (rng.random(400) < 0.5).astype(int)
    outcomes = Outcomes.of(given(rng.choice([0.03, 0.97], 400), truth), DIAGNOSIS)
    curve = calibration_curve(outcomes, 8, np.random.SeedSequence(0))
    assert len(curve) == 2
    assert curve["ci_low"].to_numpy()[0] > 0.03
    assert curve["ci_high"].to_numpy()[1] < 0.97


def test_a_bin_of_one_class_is_not_claimed_to_be_certain():
    probability = np.r_[np.full(30, 0.1), np.full(30, 0.9)]
    truth = (probability > 0.5).astype(int)
    outcomes = Outcomes.of(given(probability, truth), DIAGNOSIS)
    curve = calibration_curve(outcomes, 2, np.random.SeedSequence(0))
    expected = proportion_confint(30, 30, method="wilson")
    np.testing.assert_allclose(curve["ci_low"].to_numpy()[1], expected[0], rtol=1e-9)
    np.testing.assert_allclose(curve["ci_high"].to_numpy()[0], 1 - expected[0], rtol=1e-9)


def test_the_numbers_of_the_diagram_are_people_whatever_the_repeats():
    frame = table(n=60, n_repeats=5)
    figure = reliability(story_of(frame), frame)
    words = words_in(figure)
    assert words.count("15") == 4
    assert "Share truly patient" in words
    assert "Brier score" in figure.caption
    again = reliability(story_of(frame), frame)
    assert figure == again


def test_rows_without_a_probability_are_left_out_and_few_make_no_diagram():
    frame = table(n=60, n_repeats=1)
    holed = frame.assign(y_prob=frame["y_prob"].where(frame["fold"] != 0))
    words = words_in(reliability(story_of(holed), holed))
    counts = [int(w) for w in words if w.isdigit() and int(w) > 10]
    assert sum(c for c in counts if c <= 25) in range(44, 47)
    none = frame.assign(y_prob=np.nan)
    assert reliability(story_of(none), none) is None
    few = table(n=9, n_repeats=1, n_folds=1)
    assert reliability(story_of(few), few) is None


def test_what_is_drawn_by_site_is_the_mean_of_a_persons_predictions():
    frame = table(n=40, n_repeats=3, sites=("A", "B"))
    values = drawn_values(story_of(frame), frame)
    assert len(values) == 40
    assert set(values["place"]) == {"A", "B"}
    mine = frame[frame["participant_id"] == "sub-007"]["y_prob"]
    row = values.set_index("participant_id").loc["sub-007"]
    assert row["value"] == pytest.approx(mine.mean())
    pain = table(PAIN, n=40, n_repeats=2)
    errors = drawn_values(story_of(pain, PAIN), pain).set_index("participant_id")["value"]
    one = pain[pain["participant_id"] == "sub-003"]
    assert errors["sub-003"] == pytest.approx((one["y_pred"] - one["y_true"]).mean())


def test_sites_stand_in_rows_and_small_ones_are_not_shown():
    frame = table(n=40, sites=("A", "B"))
    frame.loc[frame["participant_id"].isin(["sub-001", "sub-003"]), "site"] = "tiny"
    figure = by_site(story_of(frame), frame)
    words = words_in(figure)
    assert {"A", "B", "control", "patient", "Probability given to patient"} <= set(words)
    assert "tiny" not in words
    assert "1 of fewer than 5 people not drawn" in figure.caption
    parted = table(n=40).assign(site=lambda t: np.where(t["y_true"] == "control", "A", "B"))
    assert {"control", "patient"} <= set(words_in(by_site(story_of(parted), parted)))
    pain = table(PAIN, n=40)
    assert "Predicted minus observed pain" in words_in(by_site(story_of(pain, PAIN), pain))
    other = pd.concat([frame, table(n=20, sites=("A",), cohort="kiel")])
    assert {"study/A", "study/B", "kiel/A"} <= set(words_in(by_site(story_of(other), other)))


def test_one_site_or_no_probability_makes_no_picture():
    alone = table(n=30, sites=("A",))
    assert by_site(story_of(alone), alone) is None
    blank = table(n=30).assign(y_prob=np.nan)
    assert by_site(story_of(blank), blank) is None
    three = Target("state", "multiclass", ("a", "b", "c"))
    frame = table(n=30).assign(y_true="a", y_pred="b")
    assert by_site(story_of(frame, three), frame) is None


@pytest.mark.parametrize("target", [DIAGNOSIS, PAIN], ids=lambda t: t.name)
def test_the_report_holds_both(tmp_path, target):
    html = build_report(whole(tmp_path / "run", target)).read_text(encoding="utf-8")
    assert ("Calibration of edges" in html) == (target is DIAGNOSIS)
    what = "Probability given to patient" if target is DIAGNOSIS else "Predicted minus observed"
    assert f"{what}{'' if target is DIAGNOSIS else ' pain'}, by site" in html

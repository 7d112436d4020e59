"""Site and motion behind predictions: who counts, once, and what is not tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from lumbago.evaluation.confounding import confounder_tests
from predictions import DIAGNOSIS, PAIN, table

PEOPLE = ["cohort", "participant_id"]


def people(frame, seed=0):
    who = frame[PEOPLE].drop_duplicates().reset_index(drop=True)
    return who.assign(mean_fd=np.random.default_rng(seed).gamma(4, 0.05, size=len(who)))


def found_in(frame, who=None, target=DIAGNOSIS):
    found = confounder_tests(
        frame, people(frame) if who is None else who, target, seed=1, n_permutations=199
    )
    return found.set_index("confounder")


def test_predictions_that_follow_the_scanner_are_accused_of_it_alone():
    frame = table(n=80)
    pull = np.where(frame["site"] == "A", 1.5, -1.5)
    found = found_in(frame.assign(y_prob=expit(frame["y_score"] * 0.3 + pull)))
    assert found.loc["site", "p"] == 0.005
    assert found.loc["site", "statistic"] > 2 * found.loc["site", "expected"]
    assert found.loc["mean_fd", "p"] > 0.05


def test_predictions_that_follow_motion_are_accused_of_it():
    frame = table(n=80)
    who = people(frame)
    moved = frame[PEOPLE].merge(who, on=PEOPLE)["mean_fd"].to_numpy()
    found = found_in(frame.assign(y_prob=np.clip(moved * 2, 0.01, 0.99)), who)
    assert found.loc["mean_fd", "p"] == 0.005
    assert found.loc["mean_fd", "statistic"] > 0.8


def test_repeats_do_not_make_more_people():
    once, often = found_in(table(n=60, n_repeats=1)), found_in(table(n=60, n_repeats=6))
    assert (once["n"] == 60).all()
    assert (often["n"] == 60).all()


def test_a_second_session_of_another_class_is_another_person_and_does_not_count():
    frame = table(n=40, n_repeats=1)
    other = np.where(frame["y_true"] == "patient", "control", "patient")
    later = frame.assign(session="ses-2", y_true=other, y_prob=0.999)
    frame = frame.assign(session="ses-1")
    pd.testing.assert_frame_equal(found_in(pd.concat([frame, later])), found_in(frame))


@pytest.mark.parametrize(
    ("change", "name", "reason"),
    [
        ({"y_prob": np.nan}, "site", "the model gives no probabilities, and scores of folds"),
        ({"site": "A"}, "site", "one site"),
        ({"scheme": "leave_one_site_out"}, "site", "each site left out has models of its own"),
    ],
)
def test_what_cannot_be_tested_says_why(change, name, reason):
    found = found_in(table().assign(**change))
    assert found.loc[name, "reason"].startswith(reason)
    assert np.isnan(found.loc[name, "p"])


def test_motion_that_nobody_measured_is_not_tested():
    frame = table()
    found = found_in(frame, people(frame)[PEOPLE])
    assert found.loc["mean_fd", "reason"] == "no mean_fd"
    assert found.loc["site", "reason"] == ""


def test_a_continuous_target_is_tested_by_its_predicted_value():
    frame = table(PAIN, n=60)
    pull = np.where(frame["site"] == "A", 25.0, -25.0)
    found = found_in(frame.assign(y_pred=frame["y_pred"] + pull), target=PAIN)
    assert found.loc["site", "p"] == 0.005

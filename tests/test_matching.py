"""Matched people: as many pairs as can be, alike in what must not decide."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import lumbago
from learning_data import make_dataset
from lumbago.data.dataset import Dataset
from lumbago.errors import InputError
from lumbago.evaluation import LeaveOneSiteOut, WithinCohort, evaluate
from lumbago.evaluation.audit import split_checks
from lumbago.evaluation.matching import Matched, mean_difference, pair_up
from lumbago.models import Logistic
from table_experiments import made_cohort, write_tables


def by_hand(y, values, words, caliper):
    """Every way to pair, one by one."""
    one, other = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    best = (0, 0.0)
    for n in range(min(len(one), len(other)), 0, -1):
        found = []
        for first in itertools.combinations(one, n):
            for second in itertools.permutations(other, n):
                pairs = list(zip(first, second, strict=True))
                if all(
                    words[a] == words[b] and (abs(values[a] - values[b]) <= caliper).all()
                    for a, b in pairs
                ):
                    found.append(sum(np.linalg.norm(values[a] - values[b]) for a, b in pairs))
        if found:
            return n, min(found)
    return best


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 500), n=st.integers(2, 8), caliper=st.floats(0.1, 2))
def test_pairs_are_the_most_and_of_these_the_nearest(seed, n, caliper):
    rng = np.random.default_rng(seed)
    y = np.r_[0, 1, rng.integers(0, 2, n - 2)]
    values, words = rng.standard_normal((n, 2)), rng.choice(["F", "M"], n)
    pairs = pair_up(y, values, words, caliper)
    number, distance = by_hand(y, values, words, caliper)
    assert len(pairs) == number
    assert len(set(pairs.ravel())) == 2 * number
    for a, b in pairs:
        assert (y[a], y[b]) == (0, 1)
        assert words[a] == words[b]
        assert (np.abs(values[a] - values[b]) <= caliper).all()
    found = sum(np.linalg.norm(values[a] - values[b]) for a, b in pairs)
    assert found == pytest.approx(distance)


def older_patients(n=80, sessions=1, years=8.0) -> Dataset:
    data = make_dataset(n, 4, sessions=sessions, seed=2)
    X = data.X.copy()
    X["covariate:age"] += years * data.y
    # What the features know is age, and nothing else of the diagnosis.
    X["f:r0"] = (X["covariate:age"] / 10 + 0.1 * X["f:r0"]).astype(np.float32)
    return replace(data, X=X)


def test_matching_balances_what_was_unbalanced_and_says_so():
    data = older_patients(sessions=2)
    matched = Matched(on=["age", "mean_fd"], exact=["sex"])
    rows = matched.rows(data)
    part = data.take(rows)
    people = part.X.groupby(level="participant_id")
    label = np.array([part.y[part.participant == p][0] for p in people.groups])
    assert label.mean() == 0.5
    age = people["covariate:age"].mean()
    y = age.map(dict(zip(people.groups, label, strict=True)))
    assert abs(mean_difference(age, y)) < 0.1
    sex = people["covariate:sex"].first().to_numpy()
    assert (sex[label == 0] == "F").sum() == (sex[label == 1] == "F").sum()
    told = matched.in_words(data)
    assert f"{len(label) // 2} pairs, {len(label)} of 80 participants" in told
    assert "age 0." in told
    assert len(rows) == 2 * len(label)  # sessions stay with their person


def test_mean_difference_is_cohens_d():
    data = older_patients()
    age = data.X["covariate:age"]
    y = age * 0 + data.y
    a, b = age[y == 1], age[y == 0]
    expected = (a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    assert mean_difference(age, y) == pytest.approx(expected)


def test_a_score_that_lived_on_age_is_lost_among_the_matched():
    data = older_patients(160, years=12.0)
    matched = Matched(on=["age"])
    schemes = [
        WithinCohort(),
        WithinCohort(name="matched", matched=matched),
        WithinCohort(name="scored", matched=Matched(on=["age"], who="tested")),
    ]
    result = evaluate(data, Logistic(), schemes, seed=3, baselines=False)
    scores = result.scores(["roc_auc"]).query("scope == 'pooled'").set_index("scheme")["score"]
    assert scores["within_cohort"] > 0.65
    assert scores["within_cohort:matched"] < scores["within_cohort"] - 0.1
    assert scores["within_cohort:scored"] < scores["within_cohort"] - 0.05
    assert (result.audit["verdict"] != "failed").all()
    note = next(n for n in result.notes if n.startswith("within_cohort:matched: matched on age"))
    assert "standardized mean difference before to after: age" in note


def test_everybody_trains_where_the_matched_are_tested():
    data = older_patients()
    matched = Matched(on=["age"], who="tested")
    rows = matched.rows(data)
    for scheme in (WithinCohort, LeaveOneSiteOut):
        whole = scheme().splits(data, 1)
        kept = scheme(matched=matched).splits(data, 1)
        for a, b in zip(whole, kept, strict=True):
            assert np.array_equal(a.train, b.train)
            assert np.array_equal(np.intersect1d(a.test, rows), b.test)
        checks = {c.check: c for c in split_checks(data, kept)}
        assert checks["tested_once"].verdict == "passed"
        assert f"{len(data) - len(rows)} not tested, as meant" in checks["tested_once"].detail
        sampled = scheme(matched=Matched(on=["age"])).splits(data, 1)
        assert set(np.concatenate([s.train for s in sampled])) == set(rows)


def test_an_incomplete_scheme_that_did_not_mean_it_is_still_caught():
    data = older_patients()
    splits = WithinCohort().splits(data, 0)[:-1]
    assert {c.check: c.verdict for c in split_checks(data, splits)}["tested_once"] == "failed"


def test_who_lacks_a_covariate_is_left_out_and_nobody_left_is_told():
    data = older_patients()
    X = data.X.copy()
    X.loc[X.index[:5], "covariate:age"] = np.nan
    rows = Matched(on=["age"]).rows(replace(data, X=X))
    assert not set(rows) & set(range(5))
    with pytest.raises(InputError, match="no two people are alike in age"):
        Matched(on=["age"], caliper=1e-12).rows(data)
    with pytest.raises(InputError, match="there is no covariate iq; there is age, sex, mean_fd"):
        Matched(on=["iq"]).rows(data)
    with pytest.raises(InputError, match="sex holds words; put it under `exact`"):
        Matched(on=["sex"]).rows(data)
    with pytest.raises(InputError, match="expected two classes"):
        Matched(on=["age"]).rows(make_dataset(20, 2, kind="continuous"))
    with pytest.raises(ValidationError, match="in `on` or in `exact`"):
        Matched()
    assert "no covariate iq" in WithinCohort(matched=Matched(on=["iq"])).available(data)


def test_features_have_no_part_in_who_is_matched():
    data = older_patients()
    other = replace(data, X=data.X.assign(**{"f:r0": np.float32(1)}))
    matched = Matched(on=["age"], exact=["site"])
    assert np.array_equal(matched.rows(data), matched.rows(other))


def test_an_experiment_brings_the_covariates_along_and_the_report_tells_the_balance(tmp_path):
    cohort = made_cohort(60, seed=1)
    cohort["iq"] = 100 + 6.0 * (cohort["group"] == "CLBP") + np.arange(60) % 13
    schemes = (
        "[{kind: within_cohort, n_splits: 3}, {kind: within_cohort, name: alike, n_splits: 3, "
        "matched: {on: [iq], exact: [sex]}}]"
    )
    file = write_tables(tmp_path, {"boston": cohort}, schemes)
    folder = lumbago.run(file, output=tmp_path / "run").folders[0]
    assert set(folder.predictions["scheme"]) == {"within_cohort", "within_cohort:alike"}
    assert (folder.audit["verdict"] != "failed").all()
    page = (tmp_path / "run" / "report.html").read_text()
    assert "within_cohort:alike: matched on iq within 0.25 standard deviations and exactly" in page
    assert "Cross-validation (alike)" in page
    assert "In within cohort:alike, only pairs of one person of each class" in page

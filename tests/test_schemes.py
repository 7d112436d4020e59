"""Who trains and who is tested."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning_data import make_dataset
from lumbago.errors import InputError
from lumbago.evaluation import (
    SCHEMES,
    LeaveOneCohortOut,
    LeaveOneSiteOut,
    WithinCohort,
    splits_digest,
)
from lumbago.evaluation.splits import kind_of


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(12, 40),
    sessions=st.integers(1, 3),
    sites=st.integers(1, 4),
    n_splits=st.integers(2, 6),
    kind=st.sampled_from(["binary", "continuous"]),
    seed=st.integers(0, 1000),
    lost=st.integers(0, 5),
)
def test_people_stay_whole_and_every_sample_is_tested_once_per_repeat(
    n, sessions, sites, n_splits, kind, seed, lost
):
    data = make_dataset(n, 2, sessions=sessions, sites=sites, kind=kind, seed=seed)
    data = data.take(np.sort(np.random.default_rng(seed).permutation(len(data))[lost:]))
    schemes = [WithinCohort(n_splits=n_splits, n_repeats=2), LeaveOneSiteOut()]
    for scheme in schemes:
        if scheme.available(data) is not None:
            continue
        splits = scheme.splits(data, seed)
        tested = np.zeros((len({s.repeat for s in splits}), len(data)), dtype=int)
        for s in splits:
            assert not set(data.groups[s.train]) & set(data.groups[s.test])
            assert len(s.train) + len(s.test) == len(data)
            tested[s.repeat, s.test] += 1
        assert (tested == 1).all()


def test_classes_are_spread_evenly_over_folds():
    data = make_dataset(66, 2, sites=1)
    for split in WithinCohort().splits(data, 3):
        assert abs(data.y[split.test].sum() - 33 / 5) < 1
        assert 13 <= len(split.test) <= 14


def test_repeats_differ_and_the_seed_decides():
    data = make_dataset(30, 2)
    one = WithinCohort(n_repeats=3)
    splits = one.splits(data, 1)
    tests = {tuple(s.test) for s in splits}
    assert len(tests) == 15
    assert splits_digest(splits) == splits_digest(one.splits(data, 1))
    assert splits_digest(splits) != splits_digest(one.splits(data, 2))
    fewer = WithinCohort(n_repeats=1).splits(data, 1)
    assert splits_digest(fewer) == splits_digest(splits[:5])


def test_values_of_features_have_no_part_in_the_splits():
    data = make_dataset(30, 2)
    other = replace(data, X=data.X.assign(**{"f:r0": np.float32(0)}))
    assert splits_digest(WithinCohort().splits(data, 1)) == splits_digest(
        WithinCohort().splits(other, 1)
    )


def test_too_small_a_class_is_refused_with_figures():
    data = make_dataset(30, 2)
    few = data.take(np.flatnonzero((data.y == 0) | (np.cumsum(data.y) <= 3)))
    with pytest.raises(InputError, match=r"got 15 control, 3 patient; lower n_splits to 3"):
        WithinCohort().splits(few, 0)
    assert "5 folds need 5 participants" in WithinCohort().available(few)
    assert WithinCohort(n_splits=3).available(few) is None


def test_sessions_do_not_make_a_small_class_large():
    data = make_dataset(8, 2, sessions=3)
    with pytest.raises(InputError, match="got 4 control, 4 patient"):
        WithinCohort().splits(data, 0)


def test_a_continuous_target_needs_two_people_per_fold():
    with pytest.raises(InputError, match="9 participants cannot fill 5 folds"):
        WithinCohort().splits(make_dataset(9, 2, kind="continuous"), 0)


def test_each_site_is_left_out_once_under_its_name():
    data = make_dataset(24, 2, sites=3)
    splits = LeaveOneSiteOut().splits(data, 0)
    assert [s.name for s in splits] == ["site0", "site1", "site2"]
    for s in splits:
        assert set(data.site[s.test]) == {s.name}
        assert s.name not in set(data.site[s.train])


def test_sites_of_one_name_in_two_cohorts_are_two_sites():
    data = make_dataset(32, 2, sites=2, cohorts=2)
    names = [s.name for s in LeaveOneSiteOut().splits(data, 0)]
    assert names == ["cohort0/site0", "cohort0/site1", "cohort1/site0", "cohort1/site1"]
    assert [s.name for s in LeaveOneCohortOut().splits(data, 0)] == ["cohort0", "cohort1"]


def test_someone_scanned_at_two_sites_never_trains_the_model_that_tests_them():
    data = make_dataset(20, 2, sessions=2, sites=1)
    site = np.where(data.session == "ses-0", "A", "B").astype(object)
    stayed = data.participant > "sub-005"
    site[stayed] = np.where(data.participant[stayed] > "sub-012", "A", "B")
    data = replace(data, site=site)
    for split in LeaveOneSiteOut().splits(data, 0):
        assert not set(data.groups[split.train]) & set(data.groups[split.test])
        assert len(split.train) < len(data) - len(split.test)


def test_a_left_out_site_may_hold_one_class_the_others_may_not():
    data = make_dataset(20, 2, sites=1)
    site = np.where(data.participant < "sub-014", "B", "C").astype(object)
    site[(data.y == 1) & (data.participant < "sub-010")] = "A"
    assert LeaveOneSiteOut().available(replace(data, site=site)) is None
    apart = replace(data, site=np.where(data.y == 1, "A", "B").astype(object))
    assert LeaveOneSiteOut().available(apart) == (
        "leave_one_site_out: without A, no patient is left to train on"
    )


def test_a_scheme_says_why_it_cannot_run():
    data = make_dataset(20, 2, sites=1)
    assert LeaveOneSiteOut().available(data) == (
        "leave_one_site_out: expected at least two sites, got site0 alone"
    )
    assert "two cohorts, got cohort0 alone" in LeaveOneCohortOut().available(data)


OF_THEMSELVES = [s for s in SCHEMES if not any(f.is_required() for f in s.model_fields.values())]


@pytest.mark.parametrize("scheme", OF_THEMSELVES, ids=lambda s: s.__name__)
def test_splits_name_the_tested_samples_and_hash(scheme):
    data = make_dataset(24, 2, cohorts=2)
    split = scheme().splits(data, 0)[0]
    plain = split.as_json(data)
    assert kind_of(plain["scheme"]) == scheme().kind
    assert plain["test"][0] == list(data.X.index[split.test[0]])
    moved = replace(split, test=split.test[1:])
    assert splits_digest([split]) != splits_digest([moved])

"""Families and pairs: joined through each other, never parted, exchanged as wholes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from learning_data import make_dataset
from lumbago.data import Cohort
from lumbago.errors import InputError
from lumbago.evaluation import LeaveOneSiteOut, WithinCohort, evaluate, plan_units
from lumbago.evaluation.audit import split_checks
from lumbago.evaluation.nulls import permuted_labels
from lumbago.experiment.kinship import kin_of
from lumbago.models import LinearSVM


def cohort_of(**columns):
    n = len(next(iter(columns.values())))
    keys = {"cohort": ["c"] * n, "participant_id": [f"sub-{i}" for i in range(n)]}
    people = pd.DataFrame(keys | columns)
    return Cohort("c", people, pd.DataFrame(keys | {"session": [""] * n}))


def samples(cohort):
    return cohort.table.index


def test_who_shares_a_family_or_a_pair_is_joined_through_others():
    # 0-1 by family, 1-2 by pair, 3 alone, 4-5 by pair; missing values join nobody.
    cohort = cohort_of(family_id=["f", "f", None, None, None, None],
                       pair_id=[None, "p", "p", None, "q", "q"])  # fmt: skip
    kin, notes = kin_of(cohort, samples(cohort), None)
    assert kin.tolist() == ["c/sub-0"] * 3 + ["c/sub-3"] + ["c/sub-4"] * 2
    assert notes == [
        "who shares family_id or pair_id stays together in every split and permutation: "
        "5 participants in 2 groups, of up to 3"
    ]


def test_a_word_in_two_columns_is_two_things_and_numbers_are_words():
    cohort = cohort_of(family_id=[1.0, 2.0, 1.0], pair_id=[2.0, 1.0, 7.0])
    kin, _ = kin_of(cohort, samples(cohort), None)
    assert kin.tolist() == ["c/sub-0", "c/sub-1", "c/sub-0"]


def test_kin_are_joined_through_someone_without_a_sample():
    cohort = cohort_of(family_id=["f", "f", None], pair_id=[None, "p", "p"])
    kin, _ = kin_of(cohort, samples(cohort)[[0, 2]], None)
    assert kin.tolist() == ["c/sub-0", "c/sub-0"]


def test_columns_are_named_or_usual_or_none():
    cohort = cohort_of(family_id=["f", "f", "g"], household=["x", "y", "y"])
    assert kin_of(cohort, samples(cohort), [])[0] is None
    kin, _ = kin_of(cohort, samples(cohort), ["household"])
    assert kin.tolist() == ["c/sub-0", "c/sub-1", "c/sub-1"]
    with pytest.raises(InputError, match=r"evaluation\.groups"):
        kin_of(cohort, samples(cohort), ["houshold"])
    alone = cohort_of(family_id=["f", "g", "h"])
    assert kin_of(alone, samples(alone), None) == (
        None, ["nobody here shares family_id with anybody else"],
    )  # fmt: skip


def with_kin(data, size):
    people = np.unique(data.groups, return_inverse=True)[1].ravel()
    return replace(data, kin=np.array([f"cohort0/family{p // size}" for p in people]))


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 3), seed=st.integers(0, 99), sessions=st.integers(1, 2))
def test_no_scheme_parts_a_family(size, seed, sessions):
    data = with_kin(make_dataset(36, 2, sites=2, sessions=sessions, seed=seed), size)
    for scheme in (WithinCohort(n_splits=3), LeaveOneSiteOut()):
        if scheme.available(data) is None:
            splits = scheme.splits(data, seed)
            assert split_checks(data, splits)[0].verdict == "passed"
            for s in splits:
                assert not set(data.families[s.train]) & set(data.families[s.test])


def test_the_group_guard_catches_a_parted_family():
    data = make_dataset(24, 2)
    splits = WithinCohort().splits(data, 0)
    assert split_checks(data, splits)[0].verdict == "passed"
    assert split_checks(with_kin(data, 2), splits)[0].verdict == "failed"


def test_pairs_of_a_patient_and_a_control_count_for_both_classes():
    data = make_dataset(20, 2, sites=1)
    data = replace(data, y=np.arange(20) % 2)
    assert WithinCohort().available(with_kin(data, 2)) is None
    with pytest.raises(InputError, match="got 4 control, 4 patient"):
        WithinCohort().splits(with_kin(data.take(np.arange(8)), 2), 0)


@pytest.mark.parametrize("sessions", [1, 2])
def test_permutations_exchange_families_of_one_size_as_wholes(sessions):
    data = make_dataset(24, 2, sites=1, sessions=sessions)
    people = np.unique(data.groups, return_inverse=True)[1].ravel()
    # Half in triplets, who are all of one class; half alone, mixed.
    label = np.where(np.arange(24) < 12, (np.arange(24) // 3) % 2, np.arange(24) % 2)
    kin = np.array([f"cohort0/{p // 3 if p < 12 else p + 100}" for p in people])
    data = replace(data, y=label[people], kin=kin)
    seen = set()
    for number in range(40):
        y = permuted_labels(data, 3, number)
        assert y.sum() == data.y.sum()
        assert y[people < 12].sum() == data.y[people < 12].sum()
        for name in set(kin[people < 12]):
            assert len(set(y[kin == name])) == 1
        seen.add(tuple(y))
    assert len(seen) > 20


def test_within_a_pair_the_members_exchange_too():
    data = make_dataset(12, 2, sites=1)
    data = with_kin(replace(data, y=np.arange(12) % 2), 2)
    drawn = np.stack([permuted_labels(data, 0, i) for i in range(60)])
    assert (drawn.reshape(60, 6, 2).sum(axis=2) == 1).all()
    assert len(np.unique(drawn, axis=0)) > 20


def test_nobody_changes_site_by_permutation():
    data = make_dataset(24, 2, sites=2)
    data = with_kin(data, 2)
    for number in range(10):
        y = permuted_labels(data, 1, number)
        for site in np.unique(data.site):
            assert y[data.site == site].sum() == data.y[data.site == site].sum()


def test_families_stay_whole_in_the_inner_search_and_the_audit_passes():
    data = with_kin(make_dataset(36, 5, signal=1.0, sites=1), 2)
    unit = plan_units(data, LinearSVM(), WithinCohort(n_splits=3), seed=1, baselines=False)[0]
    families = unit.design(data).index.get_level_values("participant_id")
    assert families.tolist() == data.families.tolist()
    result = evaluate(data, LinearSVM(), WithinCohort(n_splits=3), seed=1, baselines=False)
    assert (result.audit["verdict"] != "failed").all()
    ids = result.predictions["participant_id"]
    assert sorted(set(ids)) == sorted(set(data.participant))


def test_kin_are_part_of_what_decides_a_result():
    data = make_dataset(12, 2)
    assert with_kin(data, 2).digest != data.digest
    assert replace(data, kin=None).digest == data.digest


def test_families_of_one_class_give_uniform_p_values_where_free_exchange_does_not():
    """Siblings are alike in features and in diagnosis, and nothing else links the two."""
    rng = np.random.default_rng(8)
    n_families, size, m, studies = 14, 3, 39, 150
    family = np.repeat(np.arange(n_families), size)
    data = make_dataset(n_families * size, 2, sites=1, covariates=False)
    data = replace(data, kin=np.array([f"cohort0/{f}" for f in family]))
    free = replace(data, kin=None)
    kept, parted = [], []
    for study in range(studies):
        y = rng.permutation(np.arange(n_families) % 2)[family]
        feature = rng.standard_normal(n_families)[family] + 0.5 * rng.standard_normal(len(family))

        def difference(labels, feature=feature):
            return abs(feature[labels == 1].mean() - feature[labels == 0].mean())

        for found, dataset in ((kept, replace(data, y=y)), (parted, replace(free, y=y))):
            null = [difference(permuted_labels(dataset, study, i)) for i in range(m)]
            found.append((np.sum(np.array(null) >= difference(y) - 1e-12) + 1) / (m + 1))
    # Three standard errors of a share of 5 % among so many studies.
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)
    assert np.mean(np.array(kept) <= 0.05) <= most
    assert np.mean(np.array(parted) <= 0.05) > 2 * most
    assert kstest(kept, "uniform").pvalue > 0.001

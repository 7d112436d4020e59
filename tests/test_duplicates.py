"""One scan under two names: found by its content, and by its features."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments import copy_cohort, write_experiment
from learning_data import make_dataset
from lumbago.evaluation import WithinCohort, evaluate
from lumbago.evaluation.audit import duplicates
from lumbago.evaluation.duplicates import alike_pairs
from lumbago.experiment.plan import plan_experiment
from lumbago.experiment.run import run_experiment
from lumbago.experiment.twins import without_twins
from lumbago.extractors.connectome import Connectome
from lumbago.models import Ridge
from lumbago.reading import read_timeseries
from lumbago.store import Store


def connectomes(n=40, regions=20, seed=0):
    """Correlation matrices of people who share a network structure, as edges."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((regions, 5))
    rows = []
    for _ in range(n):
        own = mixing + 0.3 * rng.standard_normal(mixing.shape)
        series = rng.standard_normal((150, 5)) @ own.T + rng.standard_normal((150, regions))
        rows.append(np.corrcoef(series.T)[np.triu_indices(regions, 1)])
    return np.array(rows)


def test_strangers_with_one_mean_connectome_are_not_taken_for_one():
    edges = connectomes()
    raw = np.corrcoef(edges)
    assert raw[np.triu_indices(40, 1)].min() > 0.5  # alike, for what all people have in common
    pairs, reason = alike_pairs(edges)
    assert (len(pairs), reason) == (0, "")


@pytest.mark.parametrize("noise", [0.0, 1e-4, 1e-2])
def test_a_scan_that_comes_twice_is_found_through_rounding_and_gain(noise):
    edges = connectomes()
    edges[31] = edges[4] + noise * np.random.default_rng(1).standard_normal(edges.shape[1])
    edges[5, 3] = edges[12, 7] = np.nan
    assert alike_pairs(edges)[0].tolist() == [[4, 31]]


def test_one_person_of_huge_values_makes_no_others_alike():
    edges = np.exp(connectomes())
    edges[7] *= 1000
    assert alike_pairs(edges)[0].tolist() == []
    edges[31] = edges[4]
    assert alike_pairs(edges)[0].tolist() == [[4, 31]]


def test_a_visit_of_the_same_person_is_no_duplicate():
    data = make_dataset(20, 60, sessions=2)
    values = data.X[data.features].to_numpy().copy()
    values[1::2] = values[::2]
    X = data.X.copy()
    X[data.features] = values
    found = duplicates(replace(data, X=X), data.features, WithinCohort().splits(data, 0))
    assert (found.verdict, found.detail) == (
        "passed", "no two people's features correlate above 0.99",
    )  # fmt: skip


def test_few_features_say_nothing_and_a_single_factor_says_nothing():
    rng = np.random.default_rng(0)
    pairs, reason = alike_pairs(rng.standard_normal((30, 3)))
    assert (len(pairs), reason) == (0, "fewer than 8 features that vary")
    factors = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 60))
    pairs, reason = alike_pairs(factors)
    assert len(pairs) == 0
    assert "too few to tell people by" in reason


def twice(data, one, other):
    X = data.X.copy()
    values = X[data.features].to_numpy().copy()
    values[other] = values[one]
    X[data.features] = values
    return replace(data, X=X)


def test_the_audit_fails_where_a_split_parts_them_and_names_nobody():
    data = twice(make_dataset(40, 60, cohorts=2, kind="continuous"), 0, 30)
    splits = WithinCohort().splits(data, 1)
    assert data.cohort[0] != data.cohort[30]
    fold = [next(s.fold for s in splits if row in s.test) for row in (0, 30)]
    assert fold[0] != fold[1]
    result = evaluate(data, Ridge(), WithinCohort(), seed=1)
    found = result.audit.query("check == 'duplicates'").set_index("model")
    assert found.loc["ridge", "verdict"] == "failed"
    assert found.loc["ridge", "detail"] == (
        "1 pair of samples under two people's names have features that correlate above 0.99, 1 of "
        "them in two cohorts: one scan twice? 1 train and are tested"
    )
    assert found.loc["majority", "verdict"] == "not applicable"
    kin = data.groups.copy()
    kin[30] = kin[0]
    together = replace(data, kin=kin)
    told = duplicates(together, data.features, WithinCohort().splits(together, 1))
    assert told.verdict == "passed"


def test_a_scan_that_two_people_share_counts_for_neither(tiny_cohort_folder, tmp_path):
    study = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    first, second = sorted(study.rglob("*ses-1*preproc_bold.nii.gz"))[:2]
    second.write_bytes(first.read_bytes())
    file = write_experiment(tmp_path, study, ("permutations: 10", "permutations: 0"))
    plan = plan_experiment(file, output=tmp_path / "run")
    assert plan.excluded.query("code == 'E_DUPLICATE'")["n"].sum() == 2
    run = run_experiment(file, output=tmp_path / "run")
    left = run.failures.query("code == 'E_DUPLICATE'")
    assert sorted(left["participant_id"]) == ["sub-01", "sub-02"]
    assert set(left["session"]) == {"ses-1"}
    assert "that of another participant as well" in left["reason"].iloc[0]
    tested = run.folders[0].predictions[["participant_id", "session"]].drop_duplicates()
    assert not (tested["participant_id"].isin(["sub-01", "sub-02"])
                & (tested["session"] == "ses-1")).any()  # fmt: skip


def test_two_people_of_the_pain_study_came_with_one_scan(tmp_path):
    """Essen's 004 and 005, of other age, sex and motion, have the same time series."""
    shared = os.environ.get("LUMBAGO_SHARED")
    if not shared:
        pytest.skip("needs the resting-state pain study in $LUMBAGO_SHARED")
    folder = Path(shared) / "data" / "rpn"
    cohort = read_timeseries(folder, exclude=["GlobSig"], name="rpn", t_r=2.0)
    edges = {"edges": Connectome(kind="connectome")}
    (alone,) = without_twins([cohort], edges, Store(tmp_path / "store"))
    left = alone.excluded[alone.excluded["code"] == "E_DUPLICATE"]
    assert sorted(left["participant_id"]) == ["sub-essen004", "sub-essen005"]
    assert len(alone.scans) == len(cohort.scans) - 2

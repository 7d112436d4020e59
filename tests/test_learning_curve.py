"""A learning curve: the same people tested, ever more to learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

import lumbago
from learning_data import make_dataset
from lumbago.evaluation import LearningCurve, WithinCohort, evaluate, plan_units
from lumbago.models import Logistic
from table_experiments import made_cohort, write_tables

SHARES = (0.25, 0.5, 1.0)


def by_share(splits):
    found: dict[str, list] = {}
    for s in splits:
        found.setdefault(s.scheme, []).append(s)
    return found


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_shares_are_nested_and_test_the_folds_of_cross_validation(kind):
    data = make_dataset(40, 2, sessions=2, kind=kind)
    curve = LearningCurve(shares=SHARES, n_repeats=2)
    found = by_share(curve.splits(data, 4))
    assert list(found) == ["learning_curve:25%", "learning_curve:50%", "learning_curve:100%"]
    within = WithinCohort(n_repeats=2).splits(data, 4)
    for small, large in zip(found["learning_curve:25%"], found["learning_curve:50%"], strict=True):
        assert set(small.train) < set(large.train)
    for label, share in zip(found, SHARES, strict=True):
        for whole, split in zip(within, found[label], strict=True):
            assert np.array_equal(whole.test, split.test)
            assert set(split.train) <= set(whole.train)
            people = len(set(data.groups[split.train]))
            assert people == round(share * len(set(data.groups[whole.train])))
            assert len(split.train) == 2 * people
            if kind == "binary":
                assert abs(data.y[split.train].mean() - data.y[whole.train].mean()) < 0.6 / people
    for whole, split in zip(within, found["learning_curve:100%"], strict=True):
        assert np.array_equal(whole.train, split.train)


def test_families_come_in_whole():
    data = make_dataset(36, 2, sites=1)
    data = replace(data, kin=np.array([f"c/{i // 3}" for i in range(36)]))
    for split in LearningCurve(n_splits=3).splits(data, 0):
        trained = data.families[split.train]
        assert all((trained == f).sum() == 3 for f in set(trained))


@pytest.mark.parametrize("shares", [(0.5, 0.2, 1.0), (0.2, 0.8), (0.0, 1.0), (1.0,)])
def test_shares_rise_to_all(shares):
    with pytest.raises(ValidationError):
        LearningCurve(shares=shares)


def test_neither_baselines_nor_permutations_are_run_and_the_whole_alone_is_audited():
    data = make_dataset(40, 4, signal=1.0)
    schemes = [LearningCurve(shares=SHARES, n_splits=3, n_repeats=1), WithinCohort(n_splits=3)]
    units = plan_units(data, Logistic(), schemes, seed=1, permutations=20)
    assert {u.scheme for u in units if u.features == "baseline" or u.permutations} == {
        "within_cohort"
    }
    result = evaluate(data, Logistic(), schemes, seed=1)
    assert set(result.audit["scheme"]) == {"within_cohort", "learning_curve:100%"}
    assert (result.audit["verdict"] != "failed").all()
    mine = result.predictions.query("model == 'logistic'").set_index("scheme")
    whole, crossed = mine.loc["learning_curve:100%"], mine.loc["within_cohort"]
    assert np.array_equal(whole["y_score"], crossed["y_score"])


def test_more_people_make_a_better_score_and_the_report_shows_it(tmp_path):
    cohort = made_cohort(120, seed=1, signal=0.8, n_features=20)
    schemes = (
        "[{kind: within_cohort, n_splits: 4}, "
        "{kind: learning_curve, shares: [0.15, 0.4, 1], n_splits: 4, n_repeats: 3}]"
    )
    file = write_tables(tmp_path, {"boston": cohort}, schemes)
    folder = lumbago.run(file, output=tmp_path / "run").folders[0]
    scores = folder.scores.query("scope == 'pooled' and metric == 'roc_auc'")
    by = scores[scores["model"] == "logistic"].set_index("scheme")["score"]
    assert by["learning_curve:15%"] + 0.05 < by["learning_curve:100%"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert '<section id="learning">' in page
    assert "Samples trained on, mean" in page
    assert "<td>36</td>" in page
    assert "The smaller share" not in page
    assert "15 %, 40 % and 100 % of each training fold" in page
    assert "Learning curve (15%)" not in page  # no table of its own among the scores

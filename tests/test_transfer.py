"""From one cohort to another: who trains, who is tested, how it is scored, checked and shown."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from learning_data import make_dataset
from lumbago.data.features import REJECTED_COLUMNS
from lumbago.errors import InputError
from lumbago.evaluation import LeaveOneCohortOut, Transfer, WithinCohort, evaluate, plan_units
from lumbago.evaluation.audit import audit, poison_test, split_checks
from lumbago.evaluation.compare import gaps
from lumbago.experiment.folder import RunFolder
from lumbago.models import STANDARD, Logistic, RbfSVM, Ridge
from lumbago.report.build import build_report
from lumbago.report.story import Story
from lumbago.report.transfer import draw, matrix_of, pairs
from run_folders import people, run_document, write


def named(dataset, names):
    """Return a dataset whose cohorts bear other names."""
    old = sorted(set(dataset.cohort))
    new = dict(zip(old, names, strict=True))
    ids = [(new[c], p, s) for c, p, s in dataset.X.index]
    order = sorted(range(len(ids)), key=lambda i: ids[i])
    index = pd.MultiIndex.from_tuples(ids, names=dataset.X.index.names)
    return replace(
        dataset, X=dataset.X.set_axis(index, axis=0).iloc[order], y=dataset.y[order],
        site=dataset.site[order],
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(12, 50),
    cohorts=st.integers(2, 5),
    sessions=st.integers(1, 3),
    kind=st.sampled_from(["binary", "continuous"]),
    seed=st.integers(0, 1000),
    lost=st.integers(0, 6),
)
def test_every_ordered_pair_stands_once_and_nobody_on_both_sides(
    n, cohorts, sessions, kind, seed, lost
):
    data = make_dataset(n, 2, cohorts=cohorts, sessions=sessions, kind=kind, seed=seed)
    data = data.take(np.sort(np.random.default_rng(seed).permutation(len(data))[lost:]))
    names = sorted(set(data.cohort))
    if Transfer().available(data) is not None:
        return
    splits = Transfer().splits(data, seed)
    assert [s.name for s in splits] == [f"{a} to {b}" for a in names for b in names if a != b]
    assert [(s.repeat, s.fold) for s in splits] == [(0, i) for i in range(len(splits))]
    tested = np.zeros(len(data), dtype=int)
    for s in splits:
        a, b = s.name.split(" to ")
        np.testing.assert_array_equal(s.train, np.flatnonzero(data.cohort == a))
        np.testing.assert_array_equal(s.test, np.flatnonzero(data.cohort == b))
        assert not set(data.groups[s.train]) & set(data.groups[s.test])
        tested[s.test] += 1
    assert (tested == len(names) - 1).all()
    assert {c.verdict for c in split_checks(data, splits)} == {"passed"}


def test_two_cohorts_give_the_splits_of_leaving_each_out():
    data = make_dataset(24, 2, cohorts=2)
    moved = {(tuple(s.train), tuple(s.test)) for s in Transfer().splits(data, 0)}
    assert moved == {(tuple(s.train), tuple(s.test)) for s in LeaveOneCohortOut().splits(data, 0)}


def test_what_cannot_be_a_transfer_is_refused_in_a_sentence():
    assert Transfer().available(make_dataset(20, 2)) == (
        "transfer: expected at least two cohorts, got cohort0 alone"
    )
    data = make_dataset(40, 2, cohorts=3)
    healthy = data.take(np.flatnonzero((data.cohort != "cohort1") | (data.y == 0)))
    assert Transfer().available(healthy) == (
        "transfer: cohort cohort1 has no patient, so nothing can be trained on it alone; "
        "leave it out, or choose leave_one_cohort_out"
    )
    with pytest.raises(InputError, match="cohort1 has no patient"):
        plan_units(healthy, Logistic(), Transfer(), seed=0)
    one = np.flatnonzero(data.cohort == "cohort2")[1:]
    assert "cohort2 has one sample" in Transfer().available(
        data.take(np.setdiff1d(np.arange(len(data)), one))
    )
    three = named(make_dataset(40, 2, cohorts=4), ["a", "a to b", "b to c", "c"])
    assert "two pairs of cohorts read 'a to b to c'" in Transfer().available(three)


def test_a_single_pair_is_what_a_plain_script_finds():
    """Trained by hand on one cohort, scored by hand on the other."""
    data = named(make_dataset(90, 10, cohorts=3, signal=0.5, seed=3), ["boston", "kiel", "nagoya"])
    result = evaluate(data, Logistic(C=0.5), ["transfer", WithinCohort(n_splits=3)], seed=1,
                      preparation=["scale"], baselines=False, audited=False)  # fmt: skip
    scores = result.scores(["roc_auc"], n_resamples=200)
    moved = scores[scores["scheme"] == "transfer"].set_index("scope")
    X = data.X.iloc[:, :10].to_numpy(dtype=float)
    pairs = 0.0
    for a in ("boston", "kiel", "nagoya"):
        for b in ("boston", "kiel", "nagoya"):
            if a == b:
                continue
            train, test = data.cohort == a, data.cohort == b
            scaler = StandardScaler().fit(X[train])
            model = LogisticRegression(C=0.5, tol=1e-8, max_iter=10000)
            model.fit(scaler.transform(X[train]), data.y[train])
            by_hand = roc_auc_score(
                data.y[test], model.decision_function(scaler.transform(X[test]))
            )
            row = moved.loc[f"pair:{a} to {b}"]
            assert row["score"] == pytest.approx(by_hand, abs=1e-9)
            assert row["interval"].endswith("; a fixed model on a test cohort")
            assert row["n"] == test.sum()
            pairs += by_hand
    assert moved.loc["pooled", "score"] == pytest.approx(pairs / 6, abs=0.02)
    assert {"cohort:boston", "cohort:kiel", "cohort:nagoya"} <= set(moved.index)
    within = scores[scores["scheme"] == "within_cohort"]
    assert not within["scope"].str.startswith("pair").any()


@pytest.mark.parametrize(("model", "kind"), [(RbfSVM(), "binary"), (Ridge(), "continuous")])
def test_every_pair_passes_the_audit(model, kind):
    data = make_dataset(45, 8, cohorts=3, kind=kind, holes=True, sessions=2)
    units = plan_units(data, {"m": model}, Transfer(), seed=2, permutations=2, baselines=True,
                       preparation=["impute", {"residualize": ["age"]}, "scale"])  # fmt: skip
    table = audit(data, units)
    assert (table["verdict"] != "failed").all(), table[table["verdict"] == "failed"]
    assert set(table["model"]) == {"m", "majority", "motion_only", "site_only", "covariates"}
    once = table[table["check"] == "tested_once"]["detail"]
    assert once.str.endswith("0 of 90 samples not tested exactly once by each other cohort").all()
    unit = next(u for u in units if u.model == "m" and u.permutations is None)
    for split in unit.splits[1::2]:
        checks = poison_test(unit.fit, data, split, X=unit.design(data))
        assert {c.verdict for c in checks} == {"passed"}, checks


def test_a_pair_that_is_missing_or_stands_twice_fails_the_audit():
    data = make_dataset(30, 2, cohorts=3)
    splits = Transfer().splits(data, 0)
    for wrong in (splits[1:], [*splits, replace(splits[0], fold=6)]):
        verdicts = {c.check: c.verdict for c in split_checks(data, wrong)}
        assert verdicts == {"groups_apart": "passed", "tested_once": "failed"}


def test_the_gap_says_what_one_cohort_alone_is_worth():
    data = make_dataset(90, 6, cohorts=3, signal=0.6)
    result = evaluate(data, Logistic(), [WithinCohort(n_splits=3), Transfer()], seed=1,
                      preparation=STANDARD, permutations=4, audited=False)  # fmt: skip
    row = gaps(result.predictions, result.target, seed=1, metrics=["roc_auc"]).iloc[0]
    pooled = result.scores(["roc_auc"], n_resamples=20).query("scope == 'pooled'")
    pooled = pooled[pooled["model"] == "logistic"].set_index("scheme")
    assert row["left_out"] == "all cohorts but one"
    assert row["elsewhere"] == pooled.loc["transfer", "score"]
    assert pooled.loc["transfer", "n_permutations"] == 4
    assert re.fullmatch(
        r"ROC AUC [\d.]+ with people of every cohort in training, [\d.]+ training on one cohort "
        r"and testing on another: .*", row["words"],
    )  # fmt: skip
    alone = gaps(result.predictions.query("scheme == 'transfer'"), result.target, seed=1)
    assert alone["words"].str.contains("training on one cohort and testing on another is not").all()


def folder_of(tmp_path, kind="binary", schemes=("transfer", "within_cohort")):
    """Run three cohorts and write the run folder of it."""
    data = make_dataset(150, 8, cohorts=3, signal=0.35, kind=kind, seed=5)
    data = named(data, ["boston", "kiel", "nagoya"])
    models = {"svm": RbfSVM(), "log": Logistic()} if kind == "binary" else {"ridge": Ridge()}
    given = [WithinCohort(n_splits=4) if s == "within_cohort" else s for s in schemes]
    result = evaluate(data, models, given, seed=1, preparation=STANDARD)
    empty = pd.DataFrame(columns=list(REJECTED_COLUMNS))
    document = run_document(data.target)
    document["experiment"] = {
        "models": {n: {"kind": m.kind} for n, m in models.items()},
        "evaluation": {"schemes": [{"kind": s} for s in schemes]},
    }
    return write(tmp_path / "run", result, people(result), empty, document), result


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_the_report_shows_who_was_trained_and_who_was_tested(tmp_path, kind):
    path, result = folder_of(tmp_path, kind)
    html = build_report(path).read_text(encoding="utf-8")
    assert 'id="transfer"' in html
    assert "Models trained on one cohort predicted each other cohort in turn" in html
    folder = RunFolder(path)
    story = Story(folder.run, result.target, folder.scores, folder.predictions, folder.audit)
    best = story.best_of("transfer")
    found = matrix_of(story, best["features"], best["model"])
    rows = story.scores[
        (story.scores["metric"] == story.metric.name) & (story.scores["model"] == best["model"])
    ].set_index(["scheme", "scope"])["score"]
    for i, a in enumerate(found.cohorts):
        for j, b in enumerate(found.cohorts):
            where = ("within_cohort", f"cohort:{b}") if a == b else ("transfer", f"pair:{a} to {b}")
            assert found.values[i, j] == rows[where]
    table = pairs(story, found)
    assert [row[:3] for row in table.rows[:2]] == [
        ["boston", "kiel", "50"], ["boston", "nagoya", "50"],
    ]  # fmt: skip
    assert len(table.rows) == 6
    drawing = draw(story, found, "svm")
    assert "rows train, columns are tested" in drawing.caption
    assert "Framed" in drawing.caption
    assert "sub-0" not in html


def test_without_cross_validation_the_diagonal_is_empty(tmp_path):
    path, result = folder_of(tmp_path, schemes=("transfer",))
    folder = RunFolder(path)
    story = Story(folder.run, result.target, folder.scores, folder.predictions, folder.audit)
    assert story.best["scheme"] == "transfer"
    found = matrix_of(story, "all", "log")
    assert np.isnan(np.diag(found.values)).all()
    assert np.isfinite(found.values[~np.eye(3, dtype=bool)]).all()
    assert "Framed" not in draw(story, found, "log").caption
    assert matrix_of(story, "all", "no such model") is None
    html = build_report(path).read_text(encoding="utf-8")
    assert "From one cohort to another (6 pairs)" in html


def test_a_report_without_transfers_says_nothing_of_them(tmp_path):
    path, _ = folder_of(tmp_path, schemes=("within_cohort",))
    html = build_report(path).read_text(encoding="utf-8")
    assert 'id="transfer"' not in html

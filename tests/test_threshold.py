"""The cut chosen in the training fold: right, blind to the test fold, and told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve
from threadpoolctl import threadpool_limits

import lumbago
from learning_data import make_dataset
from lumbago.evaluation import WithinCohort, audit, evaluate, plan_units
from lumbago.evaluation.units import NO_CUT, UnitResult
from lumbago.experiment.fit_costs import fits_of
from lumbago.experiment.grid import unit_key
from lumbago.experiment.schema import Evaluation
from lumbago.models import LinearSVM, Logistic, RandomForest
from lumbago.models.catalogue import Dummy
from lumbago.models.columns import take_rows
from lumbago.models.refit import Refit
from lumbago.models.search import decision_values, inner_folds
from lumbago.models.threshold import youden_cut
from lumbago.report.methods import methods_text
from table_experiments import made_cohort, write_tables

MODELS = {
    "svm": LinearSVM(),
    "logistic": Logistic(tune={"C": (0.01, 1.0)}),
    "forest": RandomForest(n_estimators=8),
}
STEPS = [{"impute": "median"}, "scale"]
SETTINGS = {"preparation": STEPS, "seed": 1}


@pytest.fixture(scope="module")
def data():
    return rare(make_dataset(60, 10, signal=1.2, seed=3))


def rare(dataset):
    """A third of the patients only: a model's own cut then calls nearly everyone healthy."""
    patients = np.flatnonzero(dataset.y == 1)
    return dataset.take(np.setdiff1d(np.arange(len(dataset)), patients[::3]))


def units_of(data, **changes):
    settings = SETTINGS | {"threshold": "youden", "baselines": False} | changes
    return plan_units(data, MODELS, WithinCohort(n_splits=3), **settings)


def j_at(cut, decision, positive):
    called = decision >= cut
    return called[positive].mean() + (~called[~positive]).mean() - 1


def test_the_cut_by_hand():
    # J of the cuts between neighbours: 1/3, 2/3, 1/3, 2/3, 1/3. The second calls four of six
    # rows positive, the fourth two: as near to half of them, so the lower.
    assert youden_cut(*ordered("HHPHPP")) == 1.5
    # One patient more above, and 3.5 has the highest J alone: 3/4 against 2/3.
    assert youden_cut(*ordered("HHPHPPP")) == 3.5
    # J is 1/2 at two cuts; the one that calls four of eight rows positive is taken.
    assert youden_cut(*ordered("HHPHPPHP")) == 3.5
    assert youden_cut(*ordered("HPHHPHPP")) == 3.5


def ordered(people):
    """Decision values 0, 1, 2, ... of patients (P) and healthy people (H)."""
    return np.arange(len(people), dtype=float), np.array([p == "P" for p in people])


def test_there_is_no_cut_without_two_classes_or_better_than_chance():
    decision = np.array([1.0, 2.0, 3.0, 4.0])
    falling = np.array([True, True, False, False])
    assert youden_cut(decision, falling) is None
    assert youden_cut(np.zeros(4), falling) is None
    assert youden_cut(decision, np.ones(4, dtype=bool)) is None
    assert youden_cut(np.full(4, np.nan), falling) is None
    assert youden_cut(np.append(decision, np.nan), np.append(~falling, True)) == 2.5


def test_a_cut_between_neighbouring_floats_parts_them():
    low = 1.0
    high = np.nextafter(low, 2)
    assert youden_cut(np.array([low, high]), np.array([False, True])) == high


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=40),
    st.sampled_from([0.5, 1.0, 8.0]),
)
def test_it_reaches_the_highest_j_of_the_roc_curve(rows, unit):
    decision = np.array([d for d, _ in rows], dtype=float) * unit
    positive = np.array([p for _, p in rows])
    if positive.all() or not positive.any():
        return
    false, true, _ = roc_curve(positive, decision, drop_intermediate=False)
    best = (true - false).max()
    cut = youden_cut(decision, positive)
    if cut is None:
        assert best <= 1e-12
    else:
        assert j_at(cut, decision, positive) == pytest.approx(best)
        assert cut not in decision


def test_predictions_follow_the_cut_of_inner_out_of_fold_values(data):
    """An independent way: the inner folds fitted one by one, the cut searched by trying all."""
    unit = next(u for u in units_of(data) if u.model == "svm")
    X, split = unit.design(data), unit.splits[0]
    train, y = take_rows(X, split.train), data.y[split.train]
    fitted = unit.fit(data, split)
    decided = np.full(len(y), np.nan)
    for fit, check in inner_folds(train, y, 5, unit.fold_seed(split), continuous=False):
        inner = unit.estimator(data, split).estimator.fit(take_rows(train, fit), y[fit])
        decided[check] = decision_values(inner, take_rows(train, check))
    best = max(j_at(cut, decided, y == 1) for cut in decided)
    assert j_at(fitted.threshold_, decided, y == 1) == pytest.approx(best)
    test = take_rows(X, split.test)
    above = fitted.decision_function(test) >= fitted.threshold_
    assert (fitted.predict(test) == above).all()


def test_a_label_of_a_test_row_cannot_move_it(data):
    for unit in units_of(data):
        split = unit.splits[0]
        with threadpool_limits(1):
            cut = unit.fit(data, split).threshold_
            y = data.y.copy()
            y[split.test] = 1 - y[split.test]
            assert unit.fit(replace(data, y=y), split).threshold_ == cut
            # The test can fail: labels of training rows do move it.
            y = data.y.copy()
            y[split.train] = np.roll(y[split.train], 7)
            assert unit.fit(replace(data, y=y), split).threshold_ != cut


def test_the_audit_looks_at_the_cut_and_passes(data):
    units = units_of(data)
    table = audit(data, units)
    assert (table["verdict"] == "passed").all(), table[table["verdict"] != "passed"]


def test_a_cut_that_saw_the_test_labels_is_caught(data):
    from lumbago.evaluation.audit import poison_test

    unit = next(u for u in units_of(data) if u.model == "svm")

    def leaky(dataset, split):
        fitted = unit.fit(dataset, split)
        fitted.threshold_ = youden_cut(
            fitted.decision_function(unit.design(dataset)), dataset.y == 1
        )
        return fitted

    with threadpool_limits(1):
        checks = {c.check: c.verdict for c in poison_test(
            leaky, data, unit.splits[0], X=unit.design(data))}  # fmt: skip
    assert checks["poison_labels"] == "failed"


def test_scores_stay_and_classes_follow(data):
    schemes = WithinCohort(n_splits=3, n_repeats=2)
    own = evaluate(data, MODELS, schemes, audited=False, **SETTINGS)
    cut = evaluate(data, MODELS, schemes, audited=False, threshold="youden", **SETTINGS)
    pd.testing.assert_frame_equal(
        own.predictions.drop(columns="y_pred"), cut.predictions.drop(columns="y_pred"),
        check_exact=True,
    )  # fmt: skip
    assert own.fits["threshold"].isna().all()
    keys = ["model", "scheme", "repeat", "fold"]
    rows = cut.predictions.merge(cut.fits[[*keys, "threshold", "notes"]], on=keys)
    known = rows[rows["threshold"].notna()]
    assert set(known["model"]) >= set(MODELS)
    assert ((known["y_score"] >= known["threshold"]) == (known["y_pred"] == "patient")).all()
    unknown = rows[rows["threshold"].isna() & (rows["model"] != "majority")]
    assert unknown["notes"].str.contains(NO_CUT, regex=False).all()
    wanted = ["roc_auc", "sensitivity", "balanced_accuracy"]
    before, after = (
        r.scores(wanted, n_resamples=20).query("scope == 'pooled'")
        .set_index(["model", "metric"])["score"] for r in (own, cut)
    )  # fmt: skip
    for model in MODELS:
        assert after[model, "roc_auc"] == before[model, "roc_auc"]
    # Patients are rare: the forest's own cut misses them.
    assert after["forest", "sensitivity"] > before["forest", "sensitivity"]


@pytest.mark.parametrize("model", ["svm", "logistic"])
def test_the_true_labels_are_one_of_the_permutations(data, model):
    """What a permutation does with the true labels is what was observed."""
    unit = next(u for u in units_of(data) if u.model == model)
    X = unit.design(data)
    for split in unit.splits:
        refit = Refit(
            unit.estimator(data, split), take_rows(X, split.train), data.y[split.train],
            take_rows(X, split.test), continuous=False,
        )  # fmt: skip
        predicted, _ = refit(data.y[split.train])
        assert (predicted == unit.fit(data, split).predict(take_rows(X, split.test))).all()


def test_permuted_scores_of_classes_follow_as_well(data):
    settings = SETTINGS | {"permutations": 6, "baselines": False, "audited": False}
    scheme = WithinCohort(n_splits=3)
    one = evaluate(data, "linear_svm", scheme, threshold="youden", **settings).nulls
    other = evaluate(data, "linear_svm", scheme, **settings).nulls
    both = one.merge(other, on=["features", "model", "scheme", "metric", "permutation"])
    auc = both["metric"] == "roc_auc"
    assert (both[auc]["score_x"] == both[auc]["score_y"]).all()
    moved = both[both["metric"] == "specificity"]
    assert (moved["score_x"] != moved["score_y"]).any()


def test_the_key_changes_with_the_setting_and_not_without(data):
    plain = units_of(data, threshold="default")
    chosen = units_of(data)
    assert not {unit_key(u) for u in plain} & {unit_key(u) for u in chosen}
    assert all("threshold" not in u.identity() for u in plain)
    guess = {"guess": Dummy()}
    (unit,) = plan_units(data, guess, WithinCohort(), threshold="youden", baselines=False, seed=1)
    assert "threshold" not in unit.identity()  # guessing has nothing to cut
    pain = make_dataset(30, 3, kind="continuous")
    units = plan_units(pain, "ridge", WithinCohort(), threshold="youden", seed=1)
    assert all("threshold" not in u.identity() for u in units)


def test_fits_kept_before_there_were_thresholds_are_read(data):
    found = next(u for u in units_of(data, threshold="default") if u.model == "svm").run(data)
    arrays, values = found.to_store()
    del arrays["fits.threshold"]
    values["result"]["tables"]["fits"]["columns"].remove("threshold")
    back = UnitResult.from_store(arrays, values)
    pd.testing.assert_frame_equal(back.fits, found.fits, check_exact=True, check_dtype=False)


def test_the_plan_counts_the_inner_fits(data):
    asked, own = (
        {u.model: fits_of(u, continuous=False) for u in units_of(data, threshold=threshold)}
        for threshold in ("youden", "default")
    )
    assert (asked["forest"], own["forest"]) == (18, 3)
    assert asked["svm"] == own["svm"] == 18  # its probabilities need them anyway
    assert asked["logistic"] == own["logistic"] == 33


def test_an_experiment_asks_for_it_and_the_methods_say_so():
    plain = {"target": "diagnosis", "schemes": [{"kind": "within_cohort"}]}
    assert Evaluation.model_validate(plain).threshold == "default"
    asked = {**plain, "threshold": "youden"}
    assert Evaluation.model_validate(asked).threshold == "youden"
    with pytest.raises(ValueError, match="'default' or 'youden'"):
        Evaluation.model_validate({**plain, "threshold": "0.5"})
    run = {"seed": 1, "target": {"name": "diagnosis", "kind": "binary"}}
    assert "Youden" not in told(run | {"experiment": {"evaluation": plain}})
    chosen = told(run | {"experiment": {"evaluation": asked}})
    assert "(Youden's J)" in chosen
    assert "youden1950" in chosen
    pain = {"name": "pain", "kind": "continuous"}
    assert "Youden" not in told(run | {"target": pain, "experiment": {"evaluation": asked}})


def told(run):
    return " ".join(methods_text(run, models=(), has_weights=False, has_nulls=True))


def test_from_a_file_to_the_table_of_fits_and_the_report(tmp_path):
    people = made_cohort(60, seed=1, signal=2.0, sites={"one": 0.25})
    file = write_tables(tmp_path, {"boston": people}, "[{kind: within_cohort, n_splits: 3}]")
    file.write_text(file.read_text() + "  threshold: youden\n  permutations: 3\n")
    written = lumbago.run(file, output=tmp_path / "run").folders[0]
    fits = written.fits[written.fits["model"] == "logistic"]
    assert fits["threshold"].notna().all()
    rows = written.predictions.merge(fits[["model", "fold", "threshold"]], on=["model", "fold"])
    assert len(rows) == 60
    assert ((rows["y_score"] >= rows["threshold"]) == (rows["y_pred"] == "patient")).all()
    page = (written.path / "report.html").read_text(encoding="utf-8")
    assert "Youden" in page
    assert "Covariates only" in page
    assert "AID-CNCR2820030106&gt;3.0.CO;2-3" in page

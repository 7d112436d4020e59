"""The grid and its units: results do not depend on how, where or in which order they run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from learning_data import make_dataset
from lumbago.data.dataset import Dataset
from lumbago.errors import InputError
from lumbago.evaluation import (
    LeaveOneSiteOut,
    UnitResult,
    WithinCohort,
    baselines_of,
    evaluate,
    plan_units,
)
from lumbago.evaluation.nulls import null_scores, permuted_labels
from lumbago.evaluation.result import PREDICTION_COLUMNS
from lumbago.models import STANDARD, Dummy, LinearSVM, Logistic, RandomForest, Ridge
from lumbago.provenance import canonical_json
from lumbago.statistics.permutation import p_value

MODELS = {
    "svm": LinearSVM(tune={"C": [0.01, 0.1]}),
    "logistic": Logistic(),
    "forest": RandomForest(n_estimators=8),
}
STEPS = [{"impute": "median"}, {"residualize": ["age", "sex"]}, "scale"]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return make_dataset(30, 40, signal=0.8, sessions=2, holes=True)


def run(data, **changes):
    settings = {"preparation": STEPS, "seed": 5, "permutations": 4, "audited": False} | changes
    models = settings.pop("models", MODELS)
    schemes = settings.pop("schemes", [WithinCohort(n_splits=3, n_repeats=2), LeaveOneSiteOut()])
    return evaluate(data, models, schemes, **settings)


@pytest.fixture(scope="module")
def result(data):
    return run(data)


def cell(table: pd.DataFrame, model: str) -> pd.DataFrame:
    return table[table["model"] == model].reset_index(drop=True)


def test_every_sample_is_predicted_once_per_cell_and_repeat(data, result):
    table = result.predictions
    assert list(table.columns) == list(PREDICTION_COLUMNS)
    counts = table.groupby(["features", "model", "scheme", "repeat"]).size()
    assert (counts == len(data)).all()
    models = {"svm", "logistic", "forest", "majority", "motion_only", "site_only", "covariates"}
    assert {m for _, m, _, _ in counts.index} == models
    keys = ["cohort", "participant_id", "session"]
    one = cell(table, "svm").query("scheme == 'leave_one_site_out'").set_index(keys)
    assert (one.loc[data.X.index, "y_true"] == np.array(data.target.classes)[data.y]).all()
    assert (one["split"] == one["site"]).all()


def test_scores_and_probabilities_point_to_the_positive_class(result):
    for model in MODELS:
        part = cell(result.predictions, model)
        up = part["y_true"] == "patient"
        assert part["y_score"][up].mean() > part["y_score"][~up].mean()
        if model != "forest":  # eight trees are too few to vouch for each other
            assert part["y_prob"][up].mean() > part["y_prob"][~up].mean()
        assert part["y_prob"].between(0, 1).all()


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_bits_do_not_depend_on_the_number_of_processes(data, result, n_jobs):
    again = run(data, n_jobs=n_jobs)
    pd.testing.assert_frame_equal(again.predictions, result.predictions, check_exact=True)
    pd.testing.assert_frame_equal(again.nulls, result.nulls, check_exact=True)
    pd.testing.assert_frame_equal(again.weights, result.weights, check_exact=True)


def test_bits_do_not_depend_on_the_memory_layout_of_the_table(data, result):
    columns = [pd.DataFrame({c: data.X[c].copy()}) for c in data.X.columns]
    scattered = replace(data, X=pd.concat(columns, axis=1))
    again = run(scattered)
    pd.testing.assert_frame_equal(again.predictions, result.predictions, check_exact=True)


def test_bits_do_not_depend_on_the_order_rows_were_given_in(data, result):
    shuffled = np.random.default_rng(0).permutation(len(data))
    X = data.X.iloc[shuffled]
    order = np.array(sorted(range(len(X)), key=lambda i: X.index[i]))
    rebuilt = Dataset(
        X.iloc[order], data.y[shuffled][order], data.target, data.site[shuffled][order]
    )
    again = run(rebuilt)
    pd.testing.assert_frame_equal(again.predictions, result.predictions, check_exact=True)


def test_another_model_scheme_or_feature_set_changes_no_fold(data, result):
    alone = run(data, models={"forest": MODELS["forest"]}, schemes=[WithinCohort(n_splits=3)])
    wanted = cell(result.predictions, "forest")
    wanted = wanted.query("scheme == 'within_cohort' and repeat == 0").reset_index(drop=True)
    pd.testing.assert_frame_equal(cell(alone.predictions, "forest"), wanted, check_exact=True)
    nulls = cell(result.nulls, "forest").query("scheme == 'within_cohort'")
    pd.testing.assert_frame_equal(
        cell(alone.nulls, "forest"), nulls.reset_index(drop=True), check_exact=True
    )


def test_a_unit_survives_the_store_bit_for_bit(data):
    units = plan_units(data, MODELS, WithinCohort(n_splits=3), preparation=STEPS, seed=1,
                       permutations=2)  # fmt: skip
    for unit in [u for u in units if u.model in ("svm", "forest", "site_only")]:
        found = unit.run(data)
        arrays, values = found.to_store()
        assert not any(a.dtype.hasobject for a in arrays.values())
        canonical_json(values)
        back = UnitResult.from_store(arrays, values)
        for name in ("predictions", "fits", "nulls"):
            pd.testing.assert_frame_equal(
                getattr(back, name), getattr(found, name), check_exact=True, check_dtype=False
            )
        assert (back.weights is None) == (found.weights is None)
        if found.weights is not None:
            assert back.weights["features"] == found.weights["features"]
            for what in ("coefficient", "pattern"):
                assert back.weights[what].tobytes() == found.weights[what].tobytes()


def identities(data, **changes):
    settings = {"preparation": STEPS, "seed": 1, "permutations": 2} | changes
    models = settings.pop("models", {"svm": LinearSVM(), "forest": RandomForest()})
    schemes = settings.pop("schemes", [WithinCohort(n_splits=3)])
    units = plan_units(data, models, schemes, baselines=False, **settings)
    return {u.name: canonical_json(u.identity()) for u in units}


def test_the_identity_of_a_unit_holds_all_that_decides_it_and_nothing_else(data):
    base = identities(data)
    assert len(set(base.values())) == len(base) == 4
    assert identities(data) == base
    more = identities(
        data,
        models={"svm": LinearSVM(), "forest": RandomForest(), "logistic": Logistic()},
        schemes=[WithinCohort(n_splits=3, n_repeats=2), LeaveOneSiteOut()],
    )
    assert base.items() <= more.items()

    def all_change(other):
        assert not set(other.values()) & set(base.values())

    all_change(identities(data, seed=2))
    all_change(identities(data, preparation=["impute", "scale"]))
    all_change(identities(data, schemes=[WithinCohort(n_splits=4)]))
    touched = data.X.copy()
    touched.iloc[3, 2] += 1
    all_change(identities(replace(data, X=touched)))
    y = data.y.copy()
    y[:2] = 1 - y[:2]
    all_change(identities(replace(data, y=y)))
    touched = data.X.copy()
    touched.iloc[3, -1] += 1
    all_change(identities(replace(data, X=touched)))
    tuned = identities(data, models={"svm": LinearSVM(C=2), "forest": RandomForest()})
    assert [k for k in base if tuned[k] != base[k]] == [k for k in base if k.startswith("svm")]


def test_a_changed_feature_set_leaves_units_of_the_others_alone(data):
    sets = {"first": data.features[:5], "second": data.features[5:9]}
    data = replace(data, feature_sets=sets)
    base = identities(data)
    touched = data.X.copy()
    touched["f:r6"] += np.float32(1)
    other = identities(replace(data, X=touched))
    assert {k for k in base if other[k] != base[k]} == {k for k in base if "second" in k}


def test_cells_agree_with_a_plain_scikit_learn_script():
    data = make_dataset(50, 20, signal=0.5)
    found = run(
        data, models=Logistic(C=0.1), schemes=WithinCohort(), preparation=STANDARD,
        permutations=0, baselines=False,
    )  # fmt: skip
    predictions = found.predictions.set_index(["cohort", "participant_id", "session"])
    X = data.X[data.features].to_numpy(dtype=float)
    for split in WithinCohort().splits(data, 5):
        plain = make_pipeline(
            SimpleImputer(strategy="median"), StandardScaler(),
            LogisticRegression(C=0.1, tol=1e-10, max_iter=10000),
        ).fit(X[split.train], data.y[split.train])  # fmt: skip
        ours = predictions.loc[data.X.index[split.test]]
        assert (ours["fold"] == split.fold).all()
        np.testing.assert_allclose(
            ours["y_score"], plain.decision_function(X[split.test]), atol=1e-4
        )
        np.testing.assert_allclose(
            ours["y_prob"], plain.predict_proba(X[split.test])[:, 1], atol=1e-4
        )


def test_planted_features_are_the_strongest_patterns():
    data = make_dataset(80, 60, signal=1.2)
    found = run(data, models=LinearSVM(C=0.01), preparation=STANDARD, permutations=0,
                schemes=WithinCohort(), baselines=False)  # fmt: skip
    order = found.weights.reindex(found.weights["pattern"].abs().sort_values().index[::-1])
    assert set(order["feature"].iloc[:3]) == {"f:r0", "f:r1", "f:r2"}
    assert (found.weights["n_folds"] == 5).all()


def test_fits_tell_what_was_chosen_and_dropped():
    data = make_dataset(40, 6)
    X = data.X.copy()
    X["f:r4"] = np.float32(np.nan)
    found = run(
        replace(data, X=X), models={"svm": MODELS["svm"]}, schemes=WithinCohort(n_splits=4),
        permutations=0, preparation=STANDARD,
    )  # fmt: skip
    fits = cell(found.fits, "svm")
    assert list(fits["fold"]) == [0, 1, 2, 3]
    assert set(fits["settings"]) <= {'{"C": 0.01}', '{"C": 0.1}'}
    assert set(fits["dropped"]) == {'["f:r4"]'}
    assert (fits["n_train"] == 30).all()
    assert (fits["seconds"] > 0).all()


# Baselines


def test_motion_and_site_are_held_against_every_model():
    data = make_dataset(60, 5, signal=0.0, sites=2)
    X = data.X.copy()
    X["covariate:mean_fd"] += 2.0 * data.y
    site = np.where(data.y == 1, "new", "old").astype(object)
    site[::6] = "old"
    found = run(replace(data, X=X, site=site), schemes=WithinCohort(), permutations=0)
    scores = found.scores(["roc_auc"], n_resamples=20).set_index(["model", "scope"])["score"]
    assert scores["motion_only", "pooled"] > 0.95
    assert scores["site_only", "pooled"] > 0.8
    assert scores["majority", "pooled"] == 0.5
    features = set(cell(found.weights, "site_only")["feature"])
    assert features == {"covariate:site=new", "covariate:site=old"}


def test_a_baseline_without_its_column_says_so():
    data = make_dataset(40, 5, sites=1, covariates=False)
    found, missing = baselines_of(data)
    assert [b.name for b in found] == ["majority"]
    assert missing == {
        "motion_only": "no mean_fd", "site_only": "one site", "covariates": "no covariates",
    }  # fmt: skip
    result = run(data, models=Logistic(), preparation=STANDARD, schemes=WithinCohort())
    assert result.not_available == missing
    X = make_dataset(40, 5).X.assign(**{"covariate:mean_fd": np.nan})
    assert baselines_of(replace(data, X=X))[1]["motion_only"] == "mean_fd is empty"


def test_a_continuous_target_has_its_baselines_too():
    data = make_dataset(40, 30, signal=1.0, kind="continuous")
    found = run(data, models={"ridge": Ridge(tune={"alpha": [1.0, 10.0, 100.0]})},
                schemes=WithinCohort(), audited=True)  # fmt: skip
    scores = found.scores(["r2"], n_resamples=20).set_index(["model", "scope"])["score"]
    assert scores["ridge", "pooled"] > 0.4
    assert scores["majority", "pooled"] <= 0
    assert found.predictions["y_prob"].isna().all()
    assert (found.audit["verdict"] != "failed").all()
    assert set(found.nulls["metric"]) == {"r", "r2", "mae"}


# The grid


def grid(data, **settings):
    models = settings.pop("models")
    units = plan_units(data, models, WithinCohort(n_splits=3), seed=0, baselines=False,
                       **{"preparation": STANDARD} | settings)  # fmt: skip
    return {(u.model, u.features): u for u in units if u.permutations is None}


def test_each_model_runs_on_each_feature_set_unless_it_names_some(data):
    data = replace(
        data, feature_sets={"a": data.features[:3], "b": data.features[3:9], "all": data.features}
    )
    models = {
        "every": Logistic(),
        "one": Logistic(features="a"),
        "with_age": Logistic(features=("a", "b", "covariate:age")),
        "age": Logistic(features=("covariate:age", "covariate:sex")),
    }
    units = grid(data, models=models)
    assert list(units) == [
        ("every", "a"), ("every", "b"), ("every", "all"), ("one", "a"),
        ("with_age", "a+covariate:age"), ("with_age", "b+covariate:age"),
        ("age", "covariate:age+covariate:sex"),
    ]  # fmt: skip
    assert units["with_age", "a+covariate:age"].columns == ("f:r0", "f:r1", "f:r2", "covariate:age")
    X = units["one", "a"].design(data)
    assert list(X.columns)[:4] == ["f:r0", "f:r1", "f:r2", "covariate:age"]
    other = plan_units(
        data, Logistic(), WithinCohort(n_splits=3), seed=0, feature_sets={"mine": ["f:r7"]}
    )
    assert {u.columns for u in other if u.model == "logistic"} == {("f:r7",)}


def test_preparations_go_by_name(data):
    named = {"standard": STANDARD, "plain": ["scale"]}
    models = {
        "default": Logistic(),
        "named": Logistic(preparation="plain"),
        "own": Logistic(preparation=["impute"]),
    }
    units = grid(data, models=models, preparation=named)
    kinds = {name: [s.kind for s in u.preparation] for (name, _), u in units.items()}
    assert kinds == {"default": ["impute", "scale"], "named": ["scale"], "own": ["impute"]}


def test_all_problems_are_told_at_once(data):
    models = {
        "a": Ridge(),
        "b": Logistic(features="nothing"),
        "c": Logistic(features="covariate:bmi"),
        "d": Logistic(preparation="unknown"),
        "e": Logistic(preparation=[{"residualize": ["weight"]}]),
        "f": Logistic(features="covariate:age", preparation=[{"residualize": ["age"]}]),
        "majority": Dummy(),
    }
    with pytest.raises(InputError) as caught:
        plan_units(data, models, [WithinCohort(n_splits=16)] * 2, seed=0)
    text = str(caught.value)
    for part in (
        "within_cohort stands twice",
        "'ridge' predicts continuous",
        "no feature set is called 'nothing'",
        "no covariate:bmi",
        "'unknown' is a name",
        "no covariate weight; it has age, sex, mean_fd",
        "age is a predictor and residualized",
        "name of an automatic baseline",
        "16 folds need 16 participants",
    ):
        assert part in text
    with pytest.raises(InputError, match="two models of kind 'logistic'"):
        plan_units(data, [Logistic(), Logistic(C=2)], WithinCohort(), seed=0)
    named = {"standard": STANDARD}
    with pytest.raises(InputError, match="no preparation is called 'fancy'; there is standard"):
        plan_units(data, Logistic(preparation="fancy"), WithinCohort(), seed=0, preparation=named)


def test_the_target_may_not_be_residualized(data):
    X = data.X.assign(**{"covariate:diagnosis": data.y.astype(float)})
    with pytest.raises(InputError, match="diagnosis is the target"):
        plan_units(
            replace(data, X=X), Logistic(), WithinCohort(), seed=0,
            preparation=["impute", {"residualize": ["diagnosis"]}],
        )  # fmt: skip


def test_progress_counts_every_unit(data):
    seen = []
    run(data, models={"logistic": Logistic()}, progress=lambda *step: seen.append(step))
    assert [s[0] for s in seen] == list(range(1, len(seen) + 1))
    assert {s[1] for s in seen} == {len(seen)}
    assert seen[0][2].name == "logistic on all, within_cohort, repeat 0"


def test_a_signal_leaves_its_auc_where_scikit_learn_puts_it():
    data = make_dataset(100, 4, signal=1.0)
    found = run(data, models=Logistic(), schemes=WithinCohort(), permutations=0, baselines=False)
    by_fold = [
        roc_auc_score(part["y_true"] == "patient", part["y_score"])
        for _, part in found.predictions.groupby("fold")
    ]
    scores = found.scores(["roc_auc"], n_resamples=20)
    pooled = scores[scores["scope"] == "pooled"]["score"].iloc[0]
    assert pooled == pytest.approx(np.mean(by_fold), abs=0.01)
    assert pooled > 0.85


# Permutations


def test_whole_people_are_exchanged_within_their_site():
    data = make_dataset(30, 2, sessions=2, sites=3)
    for number in range(20):
        y = permuted_labels(data, 1, number)
        for person in np.unique(data.groups):
            assert len(set(y[data.groups == person])) == 1
        for site in np.unique(data.site):
            here = data.site == site
            assert sorted(y[here]) == sorted(data.y[here])
    assert not np.array_equal(permuted_labels(data, 1, 0), permuted_labels(data, 1, 1))


def test_cells_share_their_permutations_and_chunks_do_not_matter(data):
    units = plan_units(data, MODELS, WithinCohort(n_splits=3), preparation=STEPS, seed=1,
                       permutations=520, baselines=False)  # fmt: skip
    chunks = {m: [u.permutations for u in units if u.model == m and u.permutations] for m in MODELS}
    assert chunks["svm"] == [(0, 250), (250, 500), (500, 520)]
    assert chunks["forest"][-1] == (90, 100)
    svm = next(u for u in units if u.model == "svm")
    whole = null_scores(replace(svm, permutations=(0, 4)), data)
    parts = [null_scores(replace(svm, permutations=(i, i + 1)), data) for i in range(4)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole, check_exact=True)


def test_a_permutation_that_changes_nothing_gives_the_observed_score(data, monkeypatch):
    from lumbago.evaluation import nulls

    monkeypatch.setattr(nulls, "permuted_labels", lambda dataset, seed, number: dataset.y)
    for name in ("svm", "logistic", "forest"):
        found = run(data, models={name: MODELS[name]}, permutations=1, baselines=False,
                    schemes=WithinCohort(n_splits=3))  # fmt: skip
        scores = found.scores(n_resamples=20)
        pooled = scores[scores["scope"] == "pooled"].set_index("metric")["score"]
        for row in found.nulls.itertuples():
            assert row.score == pytest.approx(pooled[row.metric], abs=1e-12)


def test_forests_are_permuted_untuned_and_the_result_says_so(data):
    forest = RandomForest(n_estimators=4, tune={"max_depth": [1, 3]})
    found = run(data, models={"forest": forest}, schemes=WithinCohort(n_splits=3), permutations=3)
    assert "forest: 3 permutations, without tuning" in found.notes


def null_p_values(models, n_runs: int, n: int, p: int, permutations: int) -> dict[str, np.ndarray]:
    """p-values of models on data without any signal."""
    found: dict[str, list[float]] = {name: [] for name in models}
    for run_number in range(n_runs):
        data = make_dataset(n, p, sessions=2, sites=2, seed=1000 + run_number)
        result = run(
            data, models=models, schemes=WithinCohort(n_splits=4), preparation=STANDARD,
            permutations=permutations, seed=run_number, baselines=False,
        )  # fmt: skip
        scores = result.scores(["roc_auc"], n_resamples=2)
        pooled = scores[scores["scope"] == "pooled"].set_index("model")["score"]
        for name in models:
            null = cell(result.nulls, name).query("metric == 'roc_auc'")["score"]
            found[name].append(p_value(pooled[name], null.to_numpy()))
    return {name: np.array(values) for name, values in found.items()}


def test_nothing_to_learn_is_seldom_significant():
    models = {"logistic": Logistic(tune={"C": [0.001, 0.1]})}
    for values in null_p_values(models, n_runs=16, n=24, p=30, permutations=19).values():
        assert (values <= 0.05).sum() <= 4  # 99.9 % quantile of Binomial(16, .05)
        assert 0.25 < values.mean() < 0.8


@pytest.mark.slow
def test_the_permutation_test_holds_its_level():
    models = {"svm": LinearSVM(C=0.01), "logistic": Logistic(tune={"C": [0.001, 0.1]})}
    for values in null_p_values(models, n_runs=150, n=30, p=60, permutations=39).values():
        # 99.9 % quantiles of Binomial(150, .05) and Binomial(150, .25).
        assert (values <= 0.05).sum() <= 17
        assert (values <= 0.25).sum() <= 55
        assert (values <= 0.5).mean() > 0.38


def test_models_and_schemes_may_be_named_by_kind():
    data = make_dataset(20, 6, signal=2.0)
    by_kind = evaluate(data, "logistic", "within_cohort", seed=3, baselines=False)
    written = evaluate(
        data, [{"kind": "logistic", "C": 1.0}], [{"kind": "within_cohort"}], seed=3, baselines=False
    )
    built = evaluate(data, {"logistic": Logistic()}, WithinCohort(), seed=3, baselines=False)
    pd.testing.assert_frame_equal(by_kind.predictions, built.predictions)
    pd.testing.assert_frame_equal(written.predictions, built.predictions)
    with pytest.raises(InputError, match=r"got 'logistik'; did you mean 'logistic'\?"):
        evaluate(data, "logistik", "within_cohort", seed=3)
    with pytest.raises(InputError, match="scheme: expected one of within_cohort"):
        evaluate(data, "logistic", ["k_fold"], seed=3)

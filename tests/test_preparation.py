"""Steps that filter, project and select: what they keep, and that folds keep it to themselves."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import decomposition
from sklearn.feature_selection import RFE, f_classif, f_regression
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression
from sklearn.preprocessing import SplineTransformer
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from learning_data import make_dataset
from lumbago.data.features import COVARIATE
from lumbago.evaluation.audit import poison_test, single_row
from lumbago.evaluation.evaluate import evaluate, plan_units
from lumbago.models import PCA, LinearSVM, Logistic, Residualize, Ridge, SelectAnova
from lumbago.models.columns import take_rows
from lumbago.models.components import Components
from lumbago.models.filters import CoverageFilter, VarianceFilter
from lumbago.models.pipeline import assemble, linear_weights
from lumbago.models.refit import Refit
from lumbago.models.residualize import Residualizer
from lumbago.models.scale import Scaler
from lumbago.models.selectors import (
    AnovaSelector,
    ElasticNetSelector,
    RecursiveSelector,
    StabilitySelector,
    f_values,
)
from lumbago.models.steps import STEPS, read_preparation
from lumbago.report.preparing import step_in_words
from lumbago.report.references import BIBLIOGRAPHY


@pytest.fixture(autouse=True)
def one_thread():
    """Small matrices are slower on many threads, and units run on one anyway."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(11)


# Splines


def test_a_spline_takes_out_every_cubic_curve_of_the_covariate():
    X = make_dataset(80, 4).X.copy()
    age = X[COVARIATE + "age"].to_numpy() / 10
    for j, curve in enumerate([age, age**2, age**3 - 4 * age, 2 + 0 * age]):
        X[f"f:r{j}"] = curve
    cleaned = Residualizer(["age"], {"age": 3}).fit(X).transform(X).iloc[:, :4]
    np.testing.assert_allclose(cleaned.std(), 0, atol=1e-5 * X.iloc[:, :4].abs().max().max())
    straight = Residualizer(["age"]).fit(X).transform(X).iloc[:, :4]
    assert straight["f:r1"].std() > 0.1
    np.testing.assert_allclose(cleaned.mean(), X.iloc[:, :4].mean(), rtol=1e-4)


def test_a_spline_is_least_squares_on_scikit_learns_basis():
    X = make_dataset(90, 5).X
    train, test = X.iloc[:60], X.iloc[60:]
    step = Residualizer(["age", "sex", "mean_fd"], {"mean_fd": 4}).fit(train)

    def design(table):
        fd = table[[COVARIATE + "mean_fd"]].to_numpy()
        return np.column_stack([
            table[COVARIATE + "age"], table[COVARIATE + "sex"] == "M",
            basis.transform(fd),
        ]).astype(float)  # fmt: skip

    basis = SplineTransformer(4, knots="quantile", extrapolation="linear", include_bias=False)
    basis.fit(train[[COVARIATE + "mean_fd"]].to_numpy())
    values = train.iloc[:, :5].to_numpy(dtype=float)
    fit = LinearRegression().fit(design(train), values)
    expected = test.iloc[:, :5] - fit.predict(design(test)) + values.mean(axis=0)
    np.testing.assert_allclose(step.transform(test).iloc[:, :5], expected, atol=1e-4)


def test_equal_knots_count_once_and_a_constant_has_no_curve():
    X = make_dataset(40, 3).X.copy()
    X[COVARIATE + "age"] = np.where(np.arange(40) % 10, 30.0, np.arange(40) + 20.0)
    assert np.isfinite(Residualizer(["age"], {"age": 6}).fit(X).effects_).all()
    X[COVARIATE + "age"] = 30.0
    cleaned = Residualizer(["age", "sex"], {"age": 3}).fit(X).transform(X)
    np.testing.assert_allclose(
        cleaned.iloc[:, :3], Residualizer(["sex"]).fit(X).transform(X).iloc[:, :3], atol=1e-6
    )


def test_a_spline_of_words_or_of_no_covariate_is_refused():
    with pytest.raises(ValueError, match="'sex' is words"):
        Residualizer(["sex"], {"sex": 3}).fit(make_dataset(20, 2).X)
    with pytest.raises(ValueError, match="'bmi' has a spline and is no covariate"):
        Residualize(covariates=("age",), spline={"bmi": 3})
    short = read_preparation([{"residualize": {"covariates": ["age"], "spline": {"age": 3}}}])
    assert short == (Residualize(covariates=("age",), spline={"age": 3}),)


# Filters


def test_coverage_counts_training_rows_and_lists_what_it_drops(rng):
    X = make_dataset(20, 4).X.copy()
    X.iloc[:1, 0] = np.nan  # 5 %, which is not more
    X.iloc[:2, 2] = np.nan
    step = CoverageFilter().fit(X)
    assert step.dropped_ == ["f:r2"]
    assert list(step.transform(X).columns[:3]) == ["f:r0", "f:r1", "f:r3"]
    assert CoverageFilter(0.1).fit(X).dropped_ == []
    with pytest.raises(ValueError, match="missing in more than 0% of the training rows"):
        CoverageFilter(0.0).fit(np.where(rng.random((9, 3)) < 0.9, np.nan, 1.0)[:, :1])


def test_variances_are_those_of_numpy_and_constants_have_none(rng):
    X = rng.normal(5, [1, 0.1, 3, 2, 1e-3], (30, 5))
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 4] = 0.1
    step = VarianceFilter().fit(X)
    np.testing.assert_allclose(step.variances_[:4], np.nanvar(X[:, :4], axis=0), rtol=1e-9)
    assert step.variances_[4] == 0
    assert step.dropped_ == [4]
    assert VarianceFilter(0.5).fit(X).dropped_ == [1, 4]
    assert VarianceFilter(lowest=0.6).fit(X).dropped_ == [0, 1, 4]
    with pytest.raises(ValueError, match="no feature varies by more"):
        VarianceFilter(1e9).fit(X)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.floats(0, 0.99))
def test_a_share_drops_the_largest_whole_number_that_is_no_more(p, share):
    X = np.random.default_rng(p).standard_normal((6, p))
    dropped = len(VarianceFilter(lowest=share).fit(X).dropped_)
    assert dropped <= share * p + 1e-6 < dropped + 1 + 1e-6


def test_dropped_columns_are_in_the_table_of_fits():
    data = make_dataset(40, 6)
    X = data.X.copy()
    X.iloc[:, 1] = np.float32(2)
    X.iloc[:30, 4] = np.nan
    result = evaluate(
        replace(data, X=X), Logistic(), "within_cohort", seed=0, baselines=False, audited=False,
        preparation=["coverage", "impute", "variance", "scale"],
    )  # fmt: skip
    assert [sorted(json.loads(d)) for d in result.fits["dropped"]] == [["f:r1", "f:r4"]] * 5


# Components


@pytest.mark.parametrize("shape", [(20, 50), (50, 12)])
@pytest.mark.parametrize("whiten", [False, True])
def test_components_are_scikit_learns(rng, shape, whiten):
    X = rng.standard_normal(shape) @ np.diag(np.linspace(1, 3, shape[1]))
    new = rng.standard_normal((4, shape[1]))
    ours = Components(5, whiten=whiten).fit(X)
    theirs = decomposition.PCA(5, svd_solver="full", whiten=whiten).fit(X)
    found, expected = ours.transform(new), theirs.transform(new)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.explained_, theirs.explained_variance_ratio_, rtol=1e-9)
    largest = np.abs(ours.loadings_).argmax(axis=1)
    assert (ours.loadings_[np.arange(5), largest] > 0).all()


def test_a_share_of_the_variance_takes_as_few_components_as_explain_it(rng):
    X = rng.standard_normal((30, 40))
    share = np.cumsum(Components().fit(X).explained_)
    for n in (1, 7, 29):
        assert len(Components(variance=float(share[n - 1])).fit(X).explained_) == n
    assert share[-1] == pytest.approx(1)


def test_components_do_not_exceed_what_rows_span(rng):
    step = Components(50).fit(rng.standard_normal((10, 30)))
    assert step.loadings_.shape == (9, 30)
    assert step.notes_[0].endswith("50 were asked for")
    flat = Components(whiten=True).fit(np.ones((5, 3)))
    np.testing.assert_array_equal(flat.transform(np.ones((2, 3))), 0)
    with pytest.raises(ValueError, match="got both"):
        PCA(components=3, variance=0.5)


@pytest.mark.parametrize("after", [[], ["scale"], [{"select_anova": 4}, "scale"]])
@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_weights_of_components_are_told_per_feature(after, kind):
    """The decision is the same linear function of the features, whatever it is written in."""
    data = make_dataset(40, 60, signal=1.0, kind=kind)
    steps = read_preparation(["impute", "scale", {"pca": {"components": 8}}, *after])
    spec = Ridge() if kind == "continuous" else LinearSVM()
    fitted = assemble(spec, steps, data.features, 0, kind, tuned=False)
    fitted = getattr(fitted, "estimator", fitted).fit(data.X, data.y)
    weights = linear_weights(fitted, data.X, data.features)
    assert weights.features == data.features
    scaled = Scaler().fit(data.X).transform(data.X).iloc[:, :60].to_numpy(dtype=float)
    decide = fitted.predict if kind == "continuous" else fitted.decision_function
    decided = decide(data.X)
    centred = scaled @ weights.coefficient
    np.testing.assert_allclose(centred - centred.mean(), decided - decided.mean(), atol=1e-4)
    pattern = [np.cov(scaled[:, j], decided, ddof=0)[0, 1] / decided.std() for j in range(60)]
    np.testing.assert_allclose(weights.pattern, pattern, atol=1e-4)


# Selection


def test_f_values_are_scikit_learns(rng):
    X = rng.standard_normal((40, 30))
    for y in (np.arange(40) % 2, np.arange(40) % 3):
        np.testing.assert_allclose(f_values(X, y, continuous=False), f_classif(X, y)[0], rtol=1e-8)
    y = rng.standard_normal(40) + X[:, 0]
    np.testing.assert_allclose(f_values(X, y, continuous=True), f_regression(X, y)[0], rtol=1e-8)
    two = np.arange(40) % 2
    t = stats.ttest_ind(X[two == 1, 3], X[two == 0, 3]).statistic
    assert f_values(X, two, continuous=False)[3] == pytest.approx(t**2)
    X[:, 5] = 0.1
    assert f_values(X, two, continuous=False)[5] == 0


def test_anova_keeps_as_many_as_asked(rng):
    X, y = rng.standard_normal((30, 50)), np.arange(30) % 2
    X[:, 7] += 3 * y
    assert AnovaSelector(k=1).fit(X, y).keep_.nonzero()[0].tolist() == [7]
    assert AnovaSelector(share=0.2).fit(X, y).keep_.sum() == 10
    assert AnovaSelector().fit(X, y).keep_.sum() == 5
    assert AnovaSelector(k=99).fit(X, y).keep_.all()
    with pytest.raises(ValueError, match="got both"):
        SelectAnova(k=3, share=0.5)


def test_the_elastic_net_keeps_what_scikit_learn_gives_a_weight(rng):
    X = rng.standard_normal((50, 30))
    X -= X.mean(axis=0)
    y = X[:, 0] - X[:, 1] + rng.standard_normal(50)
    largest = np.abs(X.T @ (y - y.mean())).max() / 50
    for penalty in (0.2, 0.6):
        kept = ElasticNetSelector(penalty, 0.5).fit(X, y).keep_
        model = ElasticNet(alpha=penalty * largest / 0.5, l1_ratio=0.5, tol=1e-10)
        np.testing.assert_array_equal(kept, model.fit(X, y).coef_ != 0)
    label = (y > 0).astype(int)
    slope = np.abs(X.T @ (label - label.mean())).max()
    # Newer versions read the penalty off l1_ratio, older ones want to be told.
    named = {} if LogisticRegression().penalty == "deprecated" else {"penalty": "elasticnet"}
    model = LogisticRegression(
        C=0.5 / (0.4 * slope), l1_ratio=0.5, solver="saga", tol=1e-9, max_iter=100_000, **named
    )
    expected = model.fit(X, label).coef_[0] != 0
    np.testing.assert_array_equal(ElasticNetSelector(0.4, 0.5).fit(X, label).keep_, expected)


def test_a_penalty_near_the_largest_keeps_the_best_and_never_nothing(rng):
    X, y = rng.standard_normal((40, 20)), np.arange(40) % 2
    kept = ElasticNetSelector(0.999, 1.0).fit(X, y).keep_
    slope = np.abs((X - X.mean(axis=0)).T @ (y - y.mean()))
    assert kept.nonzero()[0].tolist() == [slope.argmax()]


def test_stability_selection_keeps_the_signal_within_its_bound_of_noise():
    """Meinshausen and Bühlmann's bound on the noise kept: q² / ((2 t - 1) p)."""
    q, t, p, kept_noise, kept_signal = 6, 0.75, 60, [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((80, p))
        y = X[:, :3].sum(axis=1) + 0.5 * rng.standard_normal(80)
        keep = StabilitySelector(t, q, 40, seed).fit(X, y).keep_
        kept_signal.append(keep[:3].sum())
        kept_noise.append(keep[3:].sum())
    assert np.mean(kept_signal) == 3
    assert np.mean(kept_noise) <= q**2 / ((2 * t - 1) * p)


def test_halves_are_of_participants_and_seeded(monkeypatch):
    data = make_dataset(20, 10, sessions=2, signal=1.0)
    seen = []
    from lumbago.models import selectors

    first = selectors._first_of_the_path
    monkeypatch.setattr(
        selectors, "_first_of_the_path", lambda v, y, n: seen.append(v) or first(v, y, n)
    )
    step = StabilitySelector(0.6, 3, 6, 5).fit(data.X, data.y)
    values = data.X.iloc[:, :10].to_numpy(dtype=float)
    for half in seen:
        rows = [int(np.flatnonzero((values == row).all(axis=1))[0]) for row in half]
        people = data.participant[rows]
        assert len(rows) == 20
        assert len(set(people)) == 10
    again = StabilitySelector(0.6, 3, 6, 5).fit(data.X, data.y)
    np.testing.assert_array_equal(step.picked_, again.picked_)
    other = StabilitySelector(0.6, 3, 6, 6).fit(data.X, data.y)
    assert (step.picked_ != other.picked_).any()


def test_recursive_elimination_is_scikit_learns_one_at_a_time(rng):
    X, y = rng.standard_normal((40, 12)), np.arange(40) % 2
    X[:, :2] += y[:, None]
    ours = RecursiveSelector(k=3, drop=0.01).fit(X, y).keep_
    theirs = RFE(SVC(kernel="linear"), n_features_to_select=3, step=1).fit(X, y).support_
    np.testing.assert_array_equal(ours, theirs)
    assert RecursiveSelector(k=3, drop=0.7).fit(X, y).keep_.sum() == 3
    assert RecursiveSelector(k=5).fit(X, X[:, 3]).keep_[3]


@pytest.mark.parametrize(
    "step",
    [AnovaSelector(k=1), ElasticNetSelector(0.9, 1.0), RecursiveSelector(k=1),
     StabilitySelector(0.6, 1, 20, 0)],
    ids=lambda s: s.called,
)  # fmt: skip
def test_every_selection_tells_the_one_feature_of_a_class_or_value(step, rng):
    X = rng.standard_normal((60, 15))
    for y in (np.arange(60) % 2, np.arange(60) % 3, np.linspace(-1, 1, 60)):
        signal = X.copy()
        signal[:, 4] = 4.0 * (y == np.max(y)) if y.dtype.kind == "i" else y
        signal[:, 4] += 0.1 * rng.standard_normal(60)
        assert step.fit(signal, y).keep_[4]
        assert step.transform(signal).shape[1] == step.keep_.sum()


def test_where_nothing_is_picked_the_largest_f_stays(rng):
    X, y = rng.standard_normal((30, 40)), np.arange(30) % 2
    step = StabilitySelector(1.0, 1, 30, 0).fit(X, y)
    best = f_values(X, y, continuous=False).argmax()
    assert step.keep_.nonzero()[0].tolist() == [best]
    assert "nothing was picked" in step.notes_[0]
    assert AnovaSelector(k=2).fit(X, np.zeros(30, dtype=int)).keep_.all()


SELECTIONS = [
    {"select_anova": 5}, {"select_elastic_net": 0.7}, {"select_rfe": 5},
    {"select_stable": {"n_halves": 8, "per_half": 3}},
]  # fmt: skip


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda s: next(iter(s)))
def test_selection_sees_the_training_fold_only(selection):
    data = make_dataset(40, 25, signal=1.0, holes=True)
    steps = ["impute", {"residualize": {"covariates": ["age"], "spline": {"age": 3}}}, "scale"]
    unit = plan_units(
        data, {"svm": LinearSVM()}, "within_cohort", preparation=[*steps, selection], seed=0
    )[0]
    split, X = unit.splits[0], unit.design(data)
    assert {c.verdict for c in poison_test(unit.fit, data, split, X=X)} == {"passed"}
    test = take_rows(X, split.test)
    assert single_row(unit.fit(data, split), test, "binary").verdict == "passed"


@pytest.mark.parametrize("step", ["coverage", "variance", {"pca": 6}], ids=str)
def test_label_free_steps_see_the_training_fold_only(step):
    data = make_dataset(40, 25, signal=1.0)
    unit = plan_units(
        data, {"svm": LinearSVM()}, "within_cohort", preparation=[step, "impute", "scale"], seed=0
    )[0]
    X = unit.design(data)
    found = poison_test(unit.fit, data, unit.splits[0], X=X)
    assert {c.verdict for c in found} == {"passed"}


def test_permutations_select_anew_and_prepare_once(monkeypatch):
    data = make_dataset(40, 25, signal=1.0)
    unit = plan_units(
        data, {"svm": LinearSVM(tune={"C": [0.01, 1.0]})}, "within_cohort", seed=0,
        preparation=["impute", "scale", {"select_anova": 5}],
    )[0]  # fmt: skip
    fits = {Scaler: 0, AnovaSelector: 0}
    for cls in fits:
        fit = cls.fit

        def counted(self, X, y=None, cls=cls, fit=fit):
            fits[cls] += 1
            return fit(self, X, y)

        monkeypatch.setattr(cls, "fit", counted)
    split, X = unit.splits[0], unit.design(data)
    y = data.y[split.train]
    refit = Refit(
        unit.estimator(data, split), take_rows(X, split.train), y, take_rows(X, split.test),
        continuous=False,
    )  # fmt: skip
    assert not refit.label_free
    assert fits == {Scaler: 6, AnovaSelector: 0}  # the fold and its five inner ones
    for seed in range(3):
        permuted = np.random.default_rng(seed).permutation(y)
        _, score = refit(permuted)
        whole = unit.estimator(data, split)
        before = dict(fits)
        # Inner folds are those of the true labels: without tuning nothing else differs.
        whole = whole.estimator.set_params(model__C=refit.model.C)
        expected = whole.fit(take_rows(X, split.train), permuted)
        np.testing.assert_allclose(score, expected.decision_function(take_rows(X, split.test)))
        fits.update(before)
    assert fits == {Scaler: 6, AnovaSelector: 18}


def test_selected_features_carry_the_weights_and_are_counted():
    data = make_dataset(40, 25, signal=2.0)
    result = evaluate(
        data, LinearSVM(), "within_cohort", seed=0, baselines=False, audited=False,
        preparation=["scale", {"select_anova": 3}],
    )  # fmt: skip
    assert result.fits["notes"].str.startswith("select_anova: 3 of 25 features kept").all()
    weights = result.weights.set_index("feature")
    assert weights.loc[["f:r0", "f:r1", "f:r2"], "n_folds"].tolist() == [5, 5, 5]
    assert weights["n_folds"].sum() == 15


def test_selection_on_random_labels_stays_at_chance():
    areas = []
    for seed in range(10):
        data = make_dataset(40, 200, seed=seed)
        result = evaluate(
            data, Logistic(), "within_cohort", seed=seed, baselines=False, audited=False,
            preparation=["scale", {"select_anova": 10}],
        )  # fmt: skip
        table = result.scores()
        areas.append(float(table.loc[table["metric"] == "roc_auc", "score"].iloc[0]))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.09)


# The methods text


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.__name__)
def test_every_step_has_words_and_its_sources(step):
    needed = {n: ("age",) for n, f in step.model_fields.items() if f.is_required()}
    settings = step(**needed)
    said = step_in_words(json.loads(settings.model_dump_json()))
    assert said != settings.kind.replace("_", " ")
    for reference in step.references:
        assert reference in BIBLIOGRAPHY
        assert reference in said


def test_words_follow_the_settings():
    combat = {"harmonize": {"batch": "scanner", "preserve": ["age"], "reference": "A",
                            "unseen": "pooled", "mean_only": True}}  # fmt: skip
    said = step_in_words(combat)
    for words in ("of means over scanner", "effects of age", "with A as the reference", "average"):
        assert words in said
    assert "cubic spline of 3 knots" in step_in_words(
        {"residualize": {"covariates": ["age"], "spline": {"age": 3}}}
    )
    assert step_in_words("scale") == "scaling of every feature"
    assert "first 20 principal components" in step_in_words({"pca": 20})
    assert "the 50 features of largest F" in step_in_words({"select_anova": 50})
    assert "lowest" not in step_in_words({"variance": {"lowest": 0.1}})
    assert "10% of features that varied least" in step_in_words({"variance": {"lowest": 0.1}})

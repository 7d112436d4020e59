"""ComBat: the reference's numbers, what it must do to sites, and what it must never see."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning_data import make_dataset
from lumbago.data.features import COVARIATE
from lumbago.errors import InputError
from lumbago.evaluation.audit import poison_test, single_row
from lumbago.evaluation.evaluate import evaluate, plan_units
from lumbago.evaluation.schemes import WithinCohort
from lumbago.models import LinearSVM, Logistic, read_preparation
from lumbago.models.columns import take_rows
from lumbago.models.combat import fit_batches
from lumbago.models.harmonize import Combat, CombatHarmonizer
from lumbago.models.refit import Refit

BATCH = np.array([0] * 5 + [1] * 5)
GENDER = np.array([1.0, 2.0] * 5)[:, None]
NONE = np.zeros((10, 0))


@pytest.fixture(scope="module")
def published():
    """Read input and outputs of the reference program, samples in rows."""
    shared = os.environ.get("LUMBAGO_SHARED")
    if not shared:
        pytest.skip("LUMBAGO_SHARED is not set: no reference outputs of ComBat")
    folder = Path(shared) / "data" / "reference" / "combat"

    def read(name):
        if name == "testdata":
            return np.loadtxt(folder / "testdata.csv", delimiter=",", skiprows=1).T
        return np.loadtxt(folder / f"{name}_python.csv", delimiter=",").T

    return read


def as_table(values, sites, **covariates):
    table = pd.DataFrame(values, columns=[f"f:r{j}" for j in range(values.shape[1])])
    table[COVARIATE + "site"] = pd.Series(list(sites), dtype=object)
    for name, column in covariates.items():
        table[COVARIATE + name] = column
    return table


@pytest.mark.parametrize(
    ("name", "preserve", "options"),
    [
        ("parametric_adjusted", True, {}),
        ("parametric_unadjusted", False, {}),
        ("nonparametric_adjusted", True, {"method": "nonparametric"}),
        ("parametric_adjusted_meanonly", True, {"mean_only": True}),
        ("parametric_adjusted_batchref", True, {"reference": "1"}),
    ],
)
def test_the_reference_program_gives_the_same_to_1e_10(published, name, preserve, options):
    X = as_table(published("testdata"), ["1"] * 5 + ["2"] * 5, gender=GENDER[:, 0])
    step = CombatHarmonizer(preserve=("gender",) if preserve else (), **options)
    found = step.fit(X).transform(X).iloc[:, :200]
    expected = published(f"testdata_combat_{name}")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
    words = X.assign(**{COVARIATE + "gender": ["M", "F"] * 5})
    by_words = step.fit(words).transform(words).iloc[:, :200]
    np.testing.assert_allclose(by_words, expected, rtol=0, atol=1e-10)


def test_new_rows_with_mean_covariates_are_what_the_reference_makes_of_them(published):
    """The reference gives new rows the training mean of the covariates; ours their own."""
    values = published("testdata")
    effects = fit_batches(values, BATCH, GENDER)
    mean = GENDER.mean(axis=0, keepdims=True)
    found = np.vstack([
        effects.remove(values[[i]], mean, effects.shift[BATCH[i]], effects.spread[BATCH[i]])
        for i in (0, 1, 5, 6)
    ])  # fmt: skip
    expected = published("training_test_scenario2")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


# What it does


def two_sites(rng, n=60, p=40, shift=3.0, stretch=2.0):
    sites = np.array(["A", "B"])[np.arange(n) % 2]
    values = rng.standard_normal((n, p))
    b = sites == "B"
    values[b] = stretch * values[b] + shift * rng.standard_normal(p)
    return values, sites


def test_sites_have_like_means_and_variances_afterwards():
    values, sites = two_sites(np.random.default_rng(0), n=400)
    X = as_table(values, sites)
    found = CombatHarmonizer().fit(X).transform(X).iloc[:, :40].to_numpy()
    a, b = found[sites == "A"], found[sites == "B"]
    assert np.abs(values[sites == "A"].mean(0) - values[sites == "B"].mean(0)).max() > 2
    assert np.abs(a.mean(0) - b.mean(0)).max() < 0.05
    assert np.median(b.var(0) / a.var(0)) == pytest.approx(1, abs=0.05)


def test_means_alone_leave_variances():
    values, sites = two_sites(np.random.default_rng(1))
    X = as_table(values, sites)
    found = CombatHarmonizer(mean_only=True).fit(X).transform(X).iloc[:, :40].to_numpy()
    for s in "AB":
        np.testing.assert_allclose(found[sites == s].var(0), values[sites == s].var(0), rtol=1e-9)


def test_the_reference_batch_keeps_its_bits():
    values, sites = two_sites(np.random.default_rng(2))
    X = as_table(values, sites)
    found = CombatHarmonizer(reference="B").fit(X).transform(X).iloc[:, :40].to_numpy()
    np.testing.assert_array_equal(found[sites == "B"], values[sites == "B"])
    a, b = found[sites == "A"], found[sites == "B"]
    assert np.abs(a.mean(0) - b.mean(0)).max() < 0.7


def test_a_preserved_effect_survives_where_sites_differ_in_it():
    rng = np.random.default_rng(3)
    n = 400
    sites = np.repeat(["A", "B"], n // 2)
    age = rng.normal(40, 10, n) + 15 * (sites == "B")
    values = 0.1 * age[:, None] + rng.standard_normal((n, 30)) + 2.0 * (sites == "B")[:, None]
    X = as_table(values, sites, age=age)

    def gap(preserve):
        found = CombatHarmonizer(preserve=preserve).fit(X).transform(X).iloc[:, :30].to_numpy()
        return (found[sites == "B"].mean(0) - found[sites == "A"].mean(0)).mean()

    assert gap(("age",)) == pytest.approx(0.1 * 15, abs=0.3)
    assert abs(gap(())) < 0.1


@settings(deadline=None, max_examples=25)
@given(
    scale=st.floats(0.01, 100), offset=st.floats(-50, 50), seed=st.integers(0, 5),
    method=st.sampled_from(["parametric", "nonparametric"]),
)  # fmt: skip
def test_units_of_a_feature_change_its_values_only(scale, offset, seed, method):
    """Location and scale are estimated in standard deviations: ComBat is affine equivariant."""
    values, sites = two_sites(np.random.default_rng(seed), n=20, p=6)
    step = CombatHarmonizer(method=method)
    X, moved = as_table(values, sites), as_table(scale * values + offset, sites)
    expected = scale * step.fit(X).transform(X).iloc[:, :6] + offset
    np.testing.assert_allclose(
        step.fit(moved).transform(moved).iloc[:, :6], expected, rtol=1e-6, atol=1e-6 * scale
    )


def test_constant_features_stay_and_do_not_disturb_the_others():
    values, sites = two_sites(np.random.default_rng(4), p=10)
    wide = np.insert(values, 3, 0.1, axis=1)
    wide = np.insert(wide, 7, (sites == "B").astype(float), axis=1)  # constant in every site
    step = CombatHarmonizer()
    found = step.fit(as_table(wide, sites)).transform(as_table(wide, sites)).iloc[:, :12].to_numpy()
    np.testing.assert_array_equal(found[:, [3, 7]], wide[:, [3, 7]])
    alone = step.fit(as_table(values, sites)).transform(as_table(values, sites)).iloc[:, :10]
    np.testing.assert_allclose(np.delete(found, [3, 7], axis=1), alone, rtol=1e-12)


def test_one_row_is_treated_as_in_its_batch():
    values, sites = two_sites(np.random.default_rng(5))
    X = as_table(values.astype(np.float32), sites)
    step = CombatHarmonizer().fit(X.iloc[:40])
    together = step.transform(X.iloc[40:]).iloc[:, :40].to_numpy()
    alone = np.vstack([step.transform(X.iloc[[i]]).iloc[:, :40] for i in range(40, 60)])
    np.testing.assert_allclose(alone, together, rtol=1e-6)
    assert together.dtype == np.float32
    assert list(step.transform(X).columns) == list(X.columns)


def test_the_callers_table_is_not_changed():
    values, sites = two_sites(np.random.default_rng(6))
    X = as_table(values, sites)
    before = X.copy()
    CombatHarmonizer().fit(X).transform(X)
    pd.testing.assert_frame_equal(X, before)


# Batches that cannot be treated


def test_an_unseen_site_is_refused_pooled_or_left():
    rng = np.random.default_rng(7)
    values, sites = two_sites(rng)
    X = as_table(values, sites)
    new = as_table(rng.standard_normal((3, 40)), ["C", "A", "C"])
    with pytest.raises(ValueError, match=r"site 'C' was never met in training, only A, B; set un"):
        CombatHarmonizer().fit(X).transform(new)
    left = CombatHarmonizer(unseen="none").fit(X).transform(new)
    known = CombatHarmonizer().fit(X).transform(new.iloc[[1]])
    np.testing.assert_array_equal(left.iloc[[0, 2], :40], new.iloc[[0, 2], :40])
    np.testing.assert_array_equal(left.iloc[[1]], known)
    step = CombatHarmonizer(unseen="pooled", reference="B").fit(X)
    pooled = step.transform(new).iloc[[0, 2], :40].to_numpy()
    e = step.effects_
    shift = (30 * e.shift[0] + 30 * e.shift[1]) / 60
    spread = (30 * e.spread[0] + 30 * e.spread[1]) / 60
    expected = (new.iloc[[0, 2], :40] - e.mean - shift * e.scale) / np.sqrt(spread) + e.mean
    np.testing.assert_allclose(pooled, expected, rtol=1e-12)


def test_one_batch_in_training_is_skipped_and_told():
    values, _ = two_sites(np.random.default_rng(8), n=10)
    X = as_table(values, ["A"] * 10)
    step = CombatHarmonizer().fit(X)
    assert step.notes_ == ["combat: one site in training, nothing was harmonized"]
    pd.testing.assert_frame_equal(step.transform(X), X)


def test_a_batch_of_one_row_is_refused_or_counts_as_unseen():
    values, sites = two_sites(np.random.default_rng(9), n=21)
    sites = sites.astype(object)
    sites[20] = "C"
    X = as_table(values, sites)
    with pytest.raises(ValueError, match="site 'C' has one training row, which has no variance"):
        CombatHarmonizer().fit(X)
    step = CombatHarmonizer(unseen="none").fit(X)
    assert step.batches_ == ["A", "B"]
    assert "1 of 3 batches had one training row" in step.notes_[0]
    without = CombatHarmonizer(unseen="none").fit(X.iloc[:20]).transform(X)
    pd.testing.assert_frame_equal(step.transform(X), without)
    assert CombatHarmonizer(mean_only=True).fit(X).batches_ == ["A", "B", "C"]


def test_what_it_lacks_is_said():
    values, sites = two_sites(np.random.default_rng(10), n=12)
    X = as_table(values, sites)
    holed = X.copy()
    holed.iloc[0, 0] = np.nan
    with pytest.raises(ValueError, match=r"combat: features hold missing values .* put impute"):
        CombatHarmonizer().fit(holed)
    nowhere = X.copy()
    nowhere.loc[2, COVARIATE + "site"] = None
    with pytest.raises(ValueError, match="site is missing in 1 training rows"):
        CombatHarmonizer().fit(nowhere)
    with pytest.raises(ValueError, match=r"the reference 'Z' is not among .* A, B"):
        CombatHarmonizer(reference="Z").fit(X)
    with pytest.raises(ValueError, match=r"\['scanner'\] are needed"):
        CombatHarmonizer(batch="scanner").fit(X)
    twin = X.assign(**{COVARIATE + "coil": np.where(sites == "A", "x", "y")})
    with pytest.raises(ValueError, match="batches and preserved covariates cannot be told apart"):
        CombatHarmonizer(preserve=("coil",)).fit(twin)


def test_a_word_never_met_and_a_missing_number_are_average():
    rng = np.random.default_rng(11)
    values, sites = two_sites(rng, n=40)
    sex = np.array(["F", "M"])[rng.integers(0, 2, 40)]
    X = as_table(values, sites, sex=sex, age=rng.normal(40, 5, 40))
    step = CombatHarmonizer(preserve=("sex", "age")).fit(X)
    new = X.iloc[[0]].assign(**{COVARIATE + "sex": "X", COVARIATE + "age": np.nan})
    assert np.abs(step._covariates(new.iloc[:, 40:].rename(columns=lambda c: c[10:]))).max() < 1e-12


# In the harness


def cohort(**options):
    data = make_dataset(48, 30, **options)
    b = data.site == "site1"
    X = data.X.copy()
    X.iloc[b, :30] = (X.iloc[b, :30] * 2 + 1).astype(np.float32)
    return replace(data, X=X)


STEPS = ["impute", {"harmonize": {"kind": "combat", "preserve": ["age", "sex"]}}, "scale"]


def test_every_way_to_write_it_is_the_same():
    long = read_preparation([{"kind": "combat", "batch": "site", "unseen": "pooled"}])
    assert read_preparation([{"harmonize": {"kind": "combat", "unseen": "pooled"}}]) == long
    assert read_preparation([{"harmonize": {"unseen": "pooled"}}]) == long
    assert read_preparation([{"combat": {"unseen": "pooled"}}]) == long
    assert read_preparation([{"harmonize": "combat"}]) == read_preparation(["combat"])


def test_nothing_of_the_test_rows_is_learned():
    data = cohort(holes=True)
    steps = ["impute", {"harmonize": {"preserve": ["age", "sex"], "unseen": "pooled"}}, "scale"]
    unit = plan_units(data, {"svm": LinearSVM()}, "within_cohort", preparation=steps, seed=0)[0]
    split = unit.splits[0]
    X = unit.design(data)
    verdicts = {c.check: c.verdict for c in poison_test(unit.fit, data, split, X=X)}
    assert set(verdicts.values()) == {"passed"}
    assert "poison_site" in verdicts
    fitted = unit.fit(data, split)
    assert single_row(fitted, take_rows(X, split.test), "binary").verdict == "passed"


def test_harmonizing_all_rows_at_once_is_caught():
    data = cohort()

    def leaky(dataset, split):
        X = dataset.X.assign(**{COVARIATE + "site": pd.Series(dataset.site, dataset.X.index)})
        step = CombatHarmonizer(unseen="none").fit(X)  # on everyone
        model = Logistic().build((), 0, "binary")
        kept = step.transform(X).iloc[:, :30].to_numpy()[split.train]
        return model.fit(kept, dataset.y[split.train])

    split = WithinCohort().splits(data, 0)[0]
    X = data.X.iloc[:, :30].to_numpy(dtype=np.float32)
    found = poison_test(leaky, data, split, X=X, poisons=("values", "site"))
    assert [c.verdict for c in found] == ["failed", "failed"]


def test_permutations_share_one_harmonization(monkeypatch):
    data = cohort()
    unit = plan_units(data, {"svm": LinearSVM()}, "within_cohort", preparation=STEPS, seed=0)[0]
    split, X = unit.splits[0], unit.design(data)
    fits = []
    fit = CombatHarmonizer.fit
    monkeypatch.setattr(
        CombatHarmonizer, "fit", lambda self, X, y=None: fits.append(1) or fit(self, X, y)
    )
    refit = Refit(
        unit.estimator(data, split, tuned=False), take_rows(X, split.train),
        data.y[split.train], take_rows(X, split.test), continuous=False,
    )  # fmt: skip
    assert refit.label_free
    for seed in range(5):
        refit(np.random.default_rng(seed).permutation(data.y[split.train]))
    assert len(fits) == 1


def test_sites_left_out_are_refused_before_anything_is_fitted():
    data = cohort()
    with pytest.raises(InputError, match="site 'site0' is tested and never trained on; set unseen"):
        plan_units(
            replace_sites(data, 3), {"svm": LinearSVM()}, "leave_one_site_out",
            preparation=STEPS, seed=0,
        )  # fmt: skip
    result = evaluate(
        replace_sites(data, 3), {"svm": LinearSVM()}, "leave_one_site_out", seed=0,
        preparation=["impute", {"harmonize": {"unseen": "pooled"}}, "scale"], baselines=False,
    )  # fmt: skip
    assert set(result.audit["verdict"]) <= {"passed", "not applicable"}
    two = evaluate(
        data, {"svm": LinearSVM()}, "leave_one_site_out", seed=0, preparation=STEPS,
        baselines=False, audited=False,
    )  # fmt: skip
    assert two.fits["notes"].str.contains("one site in training").all()
    assert two.notes[-1] == (
        "svm, leave_one_site_out: combat: one site in training, nothing was harmonized "
        "(in 2 of 2 fits)"
    )


def replace_sites(data, n):
    return replace(data, site=np.array([f"site{i % n}" for i in range(len(data))], dtype=object))


def test_the_target_is_never_preserved():
    data = cohort()
    with pytest.raises(InputError, match="combat: diagnosis is the target; leave it out"):
        plan_units(data, "logistic", "within_cohort", seed=0,
                   preparation=[{"combat": {"preserve": ["diagnosis"]}}])  # fmt: skip
    X = data.X.assign(**{COVARIATE + "dx": np.where(data.y == 1, "CLBP", "HC")})
    with pytest.raises(InputError, match="dx is the target under another name"):
        plan_units(replace(data, X=X), "logistic", "within_cohort", seed=0,
                   preparation=[{"combat": {"preserve": ["dx"]}}])  # fmt: skip
    pain = cohort(kind="continuous")
    X = pain.X.assign(**{COVARIATE + "vas": 10 * pain.y - 3})
    with pytest.raises(InputError, match="vas is the target under another name"):
        plan_units(replace(pain, X=X), "ridge", "within_cohort", seed=0,
                   preparation=[{"combat": {"preserve": ["vas"]}}])  # fmt: skip


def test_settings_are_told_apart():
    assert Combat().digest() != Combat(mean_only=True).digest()
    with pytest.raises(ValueError, match="unseen"):
        Combat(unseen="guess")

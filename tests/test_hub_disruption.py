"""Hub disruption: a slope against a reference that is the training fold's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress
from sklearn.base import clone

from lumbago.data.dataset import Dataset, Target
from lumbago.errors import ConfigError
from lumbago.evaluation import WithinCohort, audit, plan_units
from lumbago.experiment.loading import load
from lumbago.models import HubDisruption, Logistic, read_preparation
from lumbago.models.hub_disruption import HubDisruptor, slopes
from lumbago.models.pipeline import assemble, linear_weights

N = 30
COLUMNS = [f"graph.degree.auc:r{i}" for i in range(N)] + ["graph.sigma.auc"]
HUBS = np.random.default_rng(5).gamma(2.0, 2.0, N)


def people(n: int, index: float, seed: int, noise: float = 0.5) -> np.ndarray:
    """Make people whose hubs are disrupted by a known slope."""
    rng = np.random.default_rng(seed)
    exact = HUBS + index * (HUBS - HUBS.mean())
    return exact + rng.normal(0, noise, (n, N))


def table(*groups: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    values = np.concatenate(groups)
    values = np.column_stack([values, np.arange(len(values))]).astype(np.float32)
    y = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    return pd.DataFrame(values, columns=COLUMNS), y


def test_one_column_per_measure_takes_the_place_of_its_regions():
    X, y = table(people(12, 0, 1), people(12, -0.5, 2))
    X["graph.clustering.auc:r0"], X["covariate:age"] = 1.0, 40.0
    found = HubDisruption().build((), 0).fit(X, y).transform(X)
    assert list(found) == [
        "graph.sigma.auc", "graph.degree.auc.hub_disruption",
        "graph.clustering.auc.hub_disruption", "covariate:age",
    ]  # fmt: skip
    assert found["graph.clustering.auc.hub_disruption"].isna().all()
    assert found["graph.sigma.auc"].tolist() == list(range(24))


def test_the_index_is_the_slope_of_a_regression_on_the_reference_mean():
    X, y = table(people(15, 0, 1), people(10, -0.4, 2))
    step = HubDisruptor().fit(X, y)
    found = step.transform(X)["graph.degree.auc.hub_disruption"].to_numpy()
    values = X.to_numpy(dtype=float)[:, :N]
    mean = values[y == 0].mean(axis=0)
    for row in np.flatnonzero(y == 1):
        assert found[row] == pytest.approx(linregress(mean, values[row] - mean).slope, abs=1e-5)
    for row in np.flatnonzero(y == 0):
        others = values[(y == 0) & (np.arange(25) != row)].mean(axis=0)
        expected = linregress(others, values[row] - others).slope
        assert found[row] == pytest.approx(expected, abs=1e-5)


@given(index=st.floats(-2, 1), shift=st.floats(-50, 50))
def test_a_planted_disruption_is_found_whatever_the_level(index, shift):
    rows = HUBS + index * (HUBS - HUBS.mean()) + shift
    assert slopes(rows[None], HUBS[None]) == pytest.approx([index], abs=1e-9)


def test_people_of_the_reference_and_equal_others_come_out_alike():
    """A mean that a person is part of would draw the reference, and it alone, to zero."""
    rng = np.random.default_rng(0)
    gaps, naive = [], []
    for _ in range(60):
        rows = 0.3 * HUBS + rng.normal(0, 2.0, (32, N))
        X, y = table(rows[:16], rows[16:])
        found = HubDisruptor().fit_transform(X, y)["graph.degree.auc.hub_disruption"]
        gaps.append(found[y == 0].mean() - found[y == 1].mean())
        mean = np.tile(rows[:16].mean(axis=0), (32, 1))
        plain = slopes(rows, mean)
        naive.append(plain[:16].mean() - plain[16:].mean())
    # What is left is that a mean of 15 is a little noisier than one of 16.
    assert abs(np.mean(gaps)) < 0.2 * np.mean(naive)
    assert np.mean(naive) > 10 * np.std(naive) / np.sqrt(len(naive))


def test_missing_regions_are_skipped_and_too_few_are_nan():
    X, y = table(people(8, 0, 1), people(8, -0.5, 2))
    step = HubDisruptor().fit(X, y)
    one = X.iloc[[12]].copy()
    whole = step.transform(one)["graph.degree.auc.hub_disruption"].iloc[0]
    one.iloc[0, :5] = np.nan
    mean = X.to_numpy(dtype=float)[:8, :N].mean(axis=0)
    expected = linregress(mean[5:], X.to_numpy(dtype=float)[12, 5:N] - mean[5:]).slope
    found = step.transform(one)["graph.degree.auc.hub_disruption"].iloc[0]
    assert found == pytest.approx(expected, abs=1e-5)
    assert found != whole
    one.iloc[0, : N - 2] = np.nan
    assert np.isnan(step.transform(one)["graph.degree.auc.hub_disruption"].iloc[0])
    X.iloc[:8, 3] = np.nan
    assert np.isfinite(HubDisruptor().fit_transform(X, y).to_numpy()).all()


def test_the_test_rows_teach_it_nothing_and_their_order_matters_not():
    X, y = table(people(10, 0, 1), people(10, -0.5, 2))
    step = HubDisruptor().fit(X, y)
    order = np.random.default_rng(0).permutation(20)
    again = clone(step).fit(X.iloc[order], y[order])
    np.testing.assert_allclose(again.sum_, step.sum_, rtol=1e-12)
    before = X.copy()
    together = step.transform(X)
    pd.testing.assert_frame_equal(X, before)
    pd.testing.assert_frame_equal(step.transform(X.iloc[15:]), together.iloc[15:])
    pd.testing.assert_frame_equal(clone(step).fit_transform(X, y), together)


def test_all_training_rows_can_be_the_reference():
    X, _ = table(people(10, 0, 1), people(10, -0.5, 2))
    step = HubDisruptor(reference="all").fit(X)
    assert step.count_[0] == 20
    assert not step.reads_y
    assert HubDisruptor().reads_y
    assert clone(step).get_params() == {"columns": "*.auc:*", "reference": "all"}


def test_arrays_are_the_regions_of_one_measure():
    X = people(9, 0, 3)
    found = HubDisruptor(reference="all").fit_transform(X)
    assert found.shape == (9, 1)


@pytest.mark.parametrize(
    ("settings", "y", "told"),
    [
        ({}, np.repeat([0, 1, 2], 8), "needs two classes, got 3"),
        ({}, None, "needs labels"),
        ({}, np.r_[0, 0, np.ones(22)], "2 training rows .* are of the reference group"),
        ({"columns": "*.d10:*"}, np.repeat([0, 1], 12), r"none of 31 features fits '\*\.d10:\*'"),
    ],
)
def test_what_it_lacks_is_said(settings, y, told):
    X, _ = table(people(12, 0, 1), people(12, -0.5, 2))
    with pytest.raises(ValueError, match=told):
        HubDisruptor(**settings).fit(X, y)


def test_made_columns_have_weights_under_their_own_names():
    X, y = table(people(20, 0, 1), people(20, -0.5, 2))
    steps = read_preparation(["hub_disruption", "impute", "scale"])
    fitted = assemble(Logistic(), steps, COLUMNS, 0, "binary").fit(X, y)
    weights = linear_weights(fitted, X, COLUMNS)
    assert weights.features == [*COLUMNS, "graph.degree.auc.hub_disruption"]
    assert np.isnan(weights.coefficient[:N]).all()
    assert weights.pattern[-1] < -0.5


def test_the_audit_finds_no_leak_and_the_planted_difference_is_learned():
    X, y = table(people(20, 0, 1, 1.5), people(20, -0.5, 2, 1.5))
    index = pd.MultiIndex.from_tuples(
        [("lab", f"sub-{i:02d}", "") for i in range(40)],
        names=("cohort", "participant_id", "session"),
    )
    site = np.full(40, "lab", dtype=object)
    data = Dataset(X.iloc[:, :N].set_axis(index), y, Target("dx", "binary", ("HC", "FM")), site)
    units = plan_units(
        data, {"m": Logistic()}, WithinCohort(n_splits=4), baselines=False, seed=1,
        preparation=["hub_disruption", "impute", "scale"],
    )  # fmt: skip
    verdicts = audit(data, units)
    assert set(verdicts["verdict"]) <= {"passed", "not applicable"}
    predicted = units[0].run(data).predictions
    assert (predicted["y_true"] == predicted["y_pred"]).mean() > 0.9


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("[{impute: median}, scale, hub_disruption]", "put it before scale"),
        ("[hub_disruption, {impute: median}, scale]", ""),
    ],
)
def test_check_tells_a_wrong_order(tmp_path, steps, told):
    file = tmp_path / "a.yaml"
    file.write_text(
        f"""
name: a
cohorts: {{lab: {{kind: connectomes, folder: m, participants: p.tsv}}}}
targets: {{dx: {{column: g, classes: {{p: [a], c: [b]}}, positive: p}}}}
features: {{graph: {{kind: network}}}}
preparation: {{standard: {steps}}}
models: {{logistic: {{kind: logistic}}}}
evaluation: {{target: dx, schemes: [within_cohort]}}
"""
    )
    if not told:
        assert load(file).experiment.steps["standard"][0] == HubDisruption()
        return
    with pytest.raises(ConfigError, match=f"preparation.standard: .*{told}"):
        load(file)


def test_a_number_as_target_has_no_negative_class(tmp_path):
    file = tmp_path / "a.yaml"
    text = """
name: a
cohorts: {lab: {kind: connectomes, folder: m, participants: p.tsv}}
targets: {pain: {column: vas, kind: continuous}}
features: {graph: {kind: network}}
preparation: {standard: [STEP, {impute: median}, scale]}
models: {ridge: {kind: ridge}}
evaluation: {target: pain, schemes: [within_cohort]}
"""
    file.write_text(text.replace("STEP", "hub_disruption"))
    with pytest.raises(ConfigError, match=r"no negative class in a continuous target"):
        load(file)
    file.write_text(text.replace("STEP", "{hub_disruption: {reference: all}}"))
    assert load(file).experiment.steps["standard"][0].reference == "all"

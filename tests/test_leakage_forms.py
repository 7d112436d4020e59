"""Every known form of leakage has a test: refused, guarded, or proven by poison.

The table is `leakage_forms.FORMS`. What other files of the suite show already is named there; the
rest is shown here. That the audit itself is no blind prover is shown by `test_audit.LEAKY`.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import test_audit
from experiments import write_experiment
from leakage_forms import FORMS, STEPS_PROVEN
from learning_data import make_dataset
from lumbago.data import Cohort, Dataset
from lumbago.data.features import COVARIATE
from lumbago.errors import ConfigError, InputError
from lumbago.evaluation import (
    SCHEMES,
    LeaveOneCohortOut,
    Split,
    Transfer,
    WithinCohort,
    evaluate,
    plan_units,
)
from lumbago.evaluation.disguises import disguised_features
from lumbago.evaluation.metrics import score_table
from lumbago.evaluation.nulls import permuted_labels
from lumbago.evaluation.poison import poisoned
from lumbago.evaluation.state import first_difference, learned_state
from lumbago.experiment.kinship import kin_of
from lumbago.experiment.loading import load
from lumbago.experiment.schema import Evaluation, Experiment
from lumbago.extractors import EXTRACTORS, TableColumns
from lumbago.models import MODELS, STEPS, Logistic, Ridge, read_preparation
from lumbago.models.columns import groups_of
from lumbago.models.pipeline import linear_weights, outputs
from lumbago.reading import COHORT_READERS
from lumbago.spec import kinds_of

TESTS = Path(__file__).parent
PAGE_SCRIPT = TESTS.parent / "docs" / "make_leakage_page.py"


# The table


@cache
def named_tests(file):
    """Tests of a file by name, with the words of their decorators and arguments."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {
        node.name: (
            " ".join(ast.unparse(d) for d in node.decorator_list),
            [a.arg for a in node.args.args],
        )
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("number", FORMS, ids=lambda n: f"{n}: {FORMS[n].name}")
def test_every_form_has_tests_that_exist_and_always_run(number):
    always = 0
    for test in FORMS[number].tests:
        file, _, name = test.partition("::")
        assert name in named_tests(file), f"{test} does not exist"
        decorators, arguments = named_tests(file)[name]
        assert "skip" not in decorators
        assert "xfail" not in decorators
        always += "slow" not in decorators and "shared_data" not in arguments
    assert always > 0, "a form needs a test that runs everywhere and every time"


def test_the_list_is_whole():
    assert list(FORMS) == list(range(1, 39))
    assert len({form.name for form in FORMS.values()}) == 38
    named = {t.partition("::")[2] for form in FORMS.values() for t in form.tests}
    ours = {name for name in named_tests(Path(__file__).name) if name in named}
    assert len(ours) > 15


def test_the_positive_controls_are_there():
    """Ten forms that a pipeline can commit are committed on purpose, and must be caught."""
    numbers = {int(re.match(r"\d+", leak.__doc__)[0]) for leak in test_audit.LEAKY}
    assert numbers >= {1, 3, 4, 7, 8, 12, 13, 19, 20, 21}
    for number in numbers:
        assert "test_audit.py::test_every_leak_is_caught" in FORMS[number].tests
    assert all(caught for caught in test_audit.LEAKY.values())


def test_the_page_is_not_stale():
    spec = importlib.util.spec_from_file_location("make_leakage_page", PAGE_SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text(encoding="utf-8") == script.page()


# What is made of several scans


def problems(tmp_path, *changes):
    with pytest.raises(ConfigError) as caught:
        load(write_experiment(tmp_path, "data", *changes))
    return str(caught.value)


SEED = "seed_map: {{kind: seed, seeds: {{here: [0, 0, 0]}}, atlas: lumbago200{}}}"


def test_regions_made_from_the_tested_people_are_refused(tmp_path):
    def features(derived):
        seed = SEED.format(derived).replace("{{", "{").replace("}}", "}")
        return "features:\n", f"features:\n  {seed}\n"

    told = problems(tmp_path, features(", derived_from: [elsewhere, tiny]"))
    assert "seed_map.derived_from: made from the scans of tiny, whose people are tested" in told
    balls = (
        "atlas: dosenbach160,",
        "atlas: {coordinates: dosenbach160, derived_from: [tiny]},",
    )
    assert "edges.atlas.derived_from: made from the scans of tiny" in problems(tmp_path, balls)
    image = (
        "atlas: dosenbach160,",
        "atlas: {image: a.nii.gz, labels: a.tsv, derived_from: [tiny]},",
    )
    assert "edges.atlas.derived_from: made from the scans of tiny" in problems(tmp_path, image)
    for clean in ("", ", derived_from: [elsewhere]"):
        load(write_experiment(tmp_path, "data", features(clean)))


GROUP_WORDS = (
    "ica", "dictionary", "template", "autoencoder", "backbone", "consensus", "group_mask",
    "dual_regression", "canica", "states",
)  # fmt: skip


def test_no_product_of_the_group_can_be_asked_for():
    """Whoever adds one proves its step by poison and changes forms 4, 5 and 18 of the table."""
    kinds = [k for family in (EXTRACTORS, COHORT_READERS) for c in family for k in kinds_of(c)]
    kinds += [step.model_fields["kind"].default for step in STEPS]
    assert not [k for k in kinds for word in GROUP_WORDS if word in k.split("_") or word == k]
    assert "blocks" not in Dataset.__dataclass_fields__


def test_every_step_is_proven_by_poison():
    assert {step.model_fields["kind"].default for step in STEPS} == set(STEPS_PROVEN)
    for test in STEPS_PROVEN.values():
        file, _, name = test.partition("::")
        assert name in named_tests(file)


OF_SCANS = [e for e in EXTRACTORS if e is not TableColumns]


@pytest.mark.parametrize("extractor", OF_SCANS, ids=lambda e: e.__name__)
def test_extractors_are_given_one_scan_and_keep_nothing(extractor):
    given = inspect.signature(getattr(extractor, "extract")).parameters  # noqa: B009
    assert list(given) == ["self", "recording"]
    assert given["recording"].annotation == "Recording"
    assert not {"fit", "partial_fit", "update"} & set(dir(extractor))
    assert extractor.model_config["frozen"]


def test_columns_of_a_table_are_taken_row_by_row():
    keys = {"cohort": ["c"] * 6, "participant_id": [f"sub-{i}" for i in range(6)]}
    people = pd.DataFrame(keys | {"bdi": [1.0, 5, np.nan, 7, 30, 2], "age": np.arange(6) + 20})
    cohort = Cohort("c", people, pd.DataFrame(keys | {"session": [""] * 6}))
    columns = TableColumns(columns=("bdi", "age"))
    whole = columns.extract_table(cohort).values
    some = columns.extract_table(cohort.keep("age > 22")).values
    pd.testing.assert_frame_equal(some, whole.loc[some.index])
    assert len(some) == 3


def test_no_step_makes_rows():
    """Whoever adds a sampler shows that copies of tested rows never train (form 13)."""
    with pytest.raises(ValidationError, match="'oversample'"):
        read_preparation(["oversample"])
    data = make_dataset(24, 10)
    for step in read_preparation(["impute", "scale", {"pca": 3}, {"select_anova": 4}]):
        built = step.build(data.features, 0).fit(data.X, data.y)
        assert len(built.transform(data.X)) == len(data)
    for step in STEPS:
        made = inspect.signature(step.build).return_annotation
        assert made not in (inspect.Signature.empty, "Any"), f"{step.__name__} says what it builds"
        module = inspect.getmodule(step)
        assert not hasattr(getattr(module, made), "fit_resample")


def test_a_feature_gives_one_row_per_session():
    """Whoever adds windows or runs as samples shows that a person's stay together (form 17)."""
    fields = {f for c in (*EXTRACTORS, *COHORT_READERS) for f in c.model_fields}
    assert not fields & {"window", "windows", "split_halves", "runs"}
    assert Dataset.__dataclass_fields__.keys() >= {"X", "y", "kin"}


# Labels


BLIND = [
    ["impute"], ["impute", "scale"], ["impute", {"residualize": ["age", "sex"]}],
    ["impute", {"combat": {"preserve": ["age"]}}], ["coverage"], ["impute", "variance"],
    ["impute", {"pca": 4}],
]  # fmt: skip


@pytest.mark.parametrize("steps", BLIND, ids=str)
def test_steps_without_labels_learn_the_same_from_any_labels(steps):
    data = make_dataset(30, 12, holes=True)
    X = data.X.assign(**{COVARIATE + "site": pd.Series(data.site, data.X.index, dtype=object)})
    learned = []
    for y in (data.y, 1 - data.y, np.roll(data.y, 7)):
        table = X
        for step in read_preparation(steps):
            built = step.build(data.features, 0).fit(table, y)
            table = built.transform(table)
        learned.append(learned_state(built))
    assert first_difference(learned[0], learned[1]) is None
    assert first_difference(learned[0], learned[2]) is None


def test_labels_of_the_tested_rows_change_no_probability():
    data = make_dataset(40, 8, signal=1.0)
    unit = plan_units(data, Logistic(tune={"C": [0.01, 1]}), WithinCohort(), seed=0)[0]
    split = unit.splits[0]
    spoiled, _ = poisoned(data, split, "labels")
    assert (spoiled.y[split.test] != data.y[split.test]).any()
    X = unit.design(data).iloc[split.test]
    one, other = (outputs(unit.fit(d, split), X, "binary") for d in (data, spoiled))
    assert np.isfinite(one.probability).all()
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.predicted, other.predicted)


# People


def two_cohorts(same_as):
    """Three people of each of two cohorts, and what the second's table says of them."""
    keys = {
        "cohort": ["a"] * 3 + ["b"] * 3,
        "participant_id": [f"sub-{i}" for i in range(3)] * 2,
    }
    people = pd.DataFrame(keys | {"same_as": [None] * 3 + same_as})
    return Cohort("both", people, pd.DataFrame(keys | {"session": [""] * 6}))


def test_one_person_in_two_cohorts_is_joined_by_same_as():
    cohort = two_cohorts(["a/sub-2", "a/0", None])
    index = cohort.table.index
    kin, notes = kin_of(cohort, index, None)
    assert kin.tolist() == ["a/sub-0", "a/sub-1", "a/sub-2", "a/sub-2", "a/sub-0", "b/sub-2"]
    assert "who shares same_as stays together" in notes[0]
    assert kin_of(cohort, index, [])[0] is None
    # Two who are said to be one absent person are one person.
    kin, notes = kin_of(two_cohorts(["c/sub-9", "c/sub-9", None]), index, None)
    assert kin.tolist() == ["a/sub-0", "a/sub-1", "a/sub-2", "b/sub-0", "b/sub-0", "b/sub-2"]
    assert notes[1] == "same_as names 1 participants who are not here"
    with pytest.raises(
        InputError, match=r"same_as: expected cohort/participant_id, .* got 'sub-2'"
    ):
        kin_of(two_cohorts(["sub-2", None, None]), index, None)


def shared_people(n=40, shared=6):
    """Two cohorts of which some people are the same."""
    data = make_dataset(n, 6, cohorts=2, sites=1, signal=1.0)
    first, second = (np.flatnonzero(data.cohort == c) for c in ("cohort0", "cohort1"))
    kin = data.groups.astype(object).copy()
    kin[second[:shared]] = kin[first[:shared]]
    return replace(data, kin=kin.astype(str))


@pytest.mark.parametrize("scheme", [LeaveOneCohortOut(), Transfer(), WithinCohort()])
def test_inner_folds_keep_one_person_of_two_cohorts_whole(scheme):
    data = shared_people()
    for unit in plan_units(data, {"m": Logistic()}, scheme, seed=0, baselines=False):
        inner = groups_of(unit.design(data))
        assert len(set(inner)) == 34
        for split in unit.splits:
            assert not set(data.families[split.train]) & set(data.families[split.test])
            assert not set(inner[split.train]) & set(inner[split.test])


def test_labels_of_one_person_in_two_cohorts_move_together_and_stay_in_their_cohort():
    data = shared_people()
    first = {family: np.flatnonzero(data.families == family) for family in set(data.families)}
    twice = [rows for rows in first.values() if len(rows) == 2]
    assert len(twice) == 6
    pairs = [tuple(data.y[rows]) for rows in twice]
    assert len(set(pairs)) > 1
    moved = 0
    for number in range(30):
        labels = permuted_labels(data, 0, number)
        found = [tuple(labels[rows]) for rows in twice]
        assert sorted(found) == sorted(pairs)
        moved += found != pairs
        for cohort in ("cohort0", "cohort1"):
            there = data.cohort == cohort
            assert sorted(labels[there]) == sorted(data.y[there])
    assert moved > 10


def test_pooled_cohorts_keep_what_one_of_them_says_of_the_other():
    both = two_cohorts(["a/sub-2", None, None])
    parts = []
    for name in ("a", "b"):
        people = both.participants[both.participants["cohort"] == name]
        people = people.drop(columns="same_as") if name == "a" else people
        sessions = both.sessions[both.sessions["cohort"] == name]
        parts.append(Cohort(name, people, sessions))
    pooled = Cohort.pool(parts)
    kin, _ = kin_of(pooled, pooled.table.index, None)
    assert kin.tolist() == ["a/sub-0", "a/sub-1", "a/sub-2", "a/sub-2", "b/sub-1", "b/sub-2"]


# Rules, seeds and settings


RULES = [
    "keep: 'group == HC or mean_fd < 0.2'",
    "keep: 'age > 18 and not (group == CLBP and mean_fd > 0.2)'",
    "keep: '(n_volumes_kept > 50 or group != HC) and mean_fd < 1'",
]


@pytest.mark.parametrize("rule", RULES)
def test_rules_that_ask_the_classes_for_different_quality_are_refused(rule, tmp_path):
    told = problems(tmp_path, ("task: rest", f"task: rest, {rule}"))
    assert "tiny.keep: " in told
    assert re.search(r"asks for another (mean_fd|n_volumes_kept) according to group", told)


def test_a_where_that_does_is_refused_too(tmp_path):
    where = "positive: patient, where: 'diagnosis == control or mean_fd < 0.2'"
    told = problems(tmp_path, ("positive: patient", where))
    assert "asks for another mean_fd according to diagnosis" in told


@pytest.mark.parametrize(
    "rule",
    [
        "group in [CLBP, HC] and mean_fd < 0.5",
        "group == CLBP or group == HC",
        "mean_fd < 0.5 or n_volumes_kept > 200",
        "group == HC or age > 30",
    ],
)
def test_rules_that_treat_everybody_alike_are_taken(rule, tmp_path):
    """What patients alone have, such as how long they are ill, may decide who counts as one."""
    load(write_experiment(tmp_path, "data", ("task: rest", f"task: rest, keep: '{rule}'")))


def test_a_rule_cannot_name_a_prediction():
    cohort = two_cohorts([None] * 3)
    with pytest.raises(InputError, match="y_pred"):
        cohort.keep("y_pred != group")


def test_a_quality_limit_is_one_number_and_no_candidate(tmp_path):
    for old, new in (
        ("fd: 0.5", "fd: [0.2, 0.5]"),
        ("task: rest", "task: rest, keep: ['mean_fd < 0.2', 'mean_fd < 0.5']"),
    ):
        assert "expected" in problems(tmp_path, (old, new))
    with pytest.raises(ValidationError, match="has no setting 'keep'"):
        Logistic(tune={"keep": ["mean_fd < 0.2", "mean_fd < 0.5"]})
    one = load(write_experiment(tmp_path, "data"))
    other = load(write_experiment(tmp_path, "data", ("fd: 0.5", "fd: 0.2")))
    assert one.digest != other.digest


def test_there_is_one_seed_and_every_repeat_counts(tmp_path):
    assert "seed" in problems(tmp_path, ("seed: 7", "seed: [7, 8]"))
    assert not any("seed" in name for c in (*SCHEMES, *MODELS) for name in c.model_fields)
    data = make_dataset(30, 5, signal=0.5)
    result = evaluate(data, "logistic", WithinCohort(n_splits=3, n_repeats=4), seed=1,
                      baselines=False, audited=False)  # fmt: skip
    assert set(result.predictions["repeat"]) == {0, 1, 2, 3}
    whole = score_table(result.predictions, data.target).set_index("metric")["score"]
    each = [
        score_table(of, data.target).set_index("metric")["score"]
        for _, of in result.predictions.groupby("repeat")
    ]
    assert len({e["roc_auc"] for e in each}) > 1
    assert whole["roc_auc"] == pytest.approx(np.mean([e["roc_auc"] for e in each]), abs=1e-12)


# Predictors


def test_covariates_are_no_predictors_until_a_model_names_them():
    data = make_dataset(60, 5)
    hint = np.where(data.y == 1, 60.0, 30.0) + np.random.default_rng(0).normal(0, 1, 60)
    data = replace(data, X=data.X.assign(**{COVARIATE + "age": hint}))
    models = {"blind": Logistic(), "told": Logistic(features=("all", COVARIATE + "age"))}
    result = evaluate(data, models, WithinCohort(), seed=0, baselines=False, audited=False)
    auc = {
        name: score_table(of, data.target).set_index("metric").loc["roc_auc", "score"]
        for name, of in result.predictions.groupby("model")
    }
    assert auc["told"] > 0.95
    assert auc["blind"] < 0.7
    for unit in plan_units(data, {"blind": Logistic()}, WithinCohort(), seed=0, baselines=False):
        assert list(unit.columns) == data.features


@pytest.mark.parametrize("kind", ["binary", "continuous"])
@pytest.mark.parametrize("missing", [False, True])
def test_the_target_under_another_name_is_no_predictor(kind, missing):
    model = Logistic if kind == "binary" else Ridge
    data = make_dataset(30, 5, kind=kind, signal=1.0)
    other = 2.5 - 3 * data.y.astype(float)
    if missing:
        other[4] = np.nan
    named = replace(data, X=data.X.assign(**{COVARIATE + "score": other}))
    plan_units(named, model(), WithinCohort(), seed=0)
    with pytest.raises(InputError, match="covariate:score is the target under another name"):
        plan_units(named, model(features=("all", COVARIATE + "score")), WithinCohort(), seed=0)
    X = data.X.copy()
    X["f:r1"] = other.astype(np.float32)
    hidden = replace(data, X=X)
    assert disguised_features(hidden) == ["f:r1"]
    with pytest.raises(InputError, match=f"f:r1 is {data.target.name} under another name"):
        plan_units(hidden, model(), WithinCohort(), seed=0)
    # One person who differs, and it is a feature like any other.
    X["f:r1"] = X["f:r1"].where(np.arange(30) != 7, -4.0)
    assert disguised_features(replace(data, X=X)) == []


@pytest.mark.parametrize(("pattern", "how"), [("group", "is"), ("gr*", "takes in 'group',")])
def test_the_column_of_the_target_is_no_feature(pattern, how, tmp_path):
    feature = f"features:\n  told: {{kind: columns, columns: ['{pattern}']}}\n"
    told = problems(tmp_path, ("features:\n", feature))
    assert f"told.columns: '{pattern}' {how} the column of target 'diagnosis'" in told
    assert "a feature may not hold what is predicted" in told


# Comparisons


def test_no_test_of_means_is_at_hand_where_models_are_compared():
    folder = Path(inspect.getfile(evaluate)).parent
    for file in folder.glob("*.py"):
        assert not re.search(r"ttest|wilcoxon|f_oneway", file.read_text(encoding="utf-8")), file


def test_leaving_one_out_has_no_auc_and_says_why():
    assert not [k for c in SCHEMES for k in kinds_of(c) if k == "leave_one_out"]
    data = make_dataset(20, 4)
    unit = plan_units(data, {"m": Logistic()}, WithinCohort(), seed=0, baselines=False)[0]
    rows = np.arange(len(data))
    one_out = tuple(Split("one_out", 0, i, "", np.delete(rows, i), rows[[i]]) for i in rows)
    predictions = replace(unit, splits=one_out, scheme="one_out").run(data).predictions
    scores = score_table(predictions, data.target).set_index("metric")
    assert np.isnan(scores.loc["roc_auc", "score"])
    assert scores.loc["roc_auc", "reason"] == "every test fold holds one class only"
    assert np.isfinite(scores.loc["balanced_accuracy", "score"])


# Weights


@pytest.mark.parametrize("what", ["values", "labels", "all"])
def test_weights_and_patterns_are_of_the_training_rows(what):
    data = make_dataset(40, 10, signal=1.0)
    unit = plan_units(data, {"m": Logistic()}, WithinCohort(), seed=0, baselines=False)[0]
    true = unit.splits[0]
    found = []
    for given, split in ((data, true), poisoned(data, true, what)):
        train = unit.design(given).iloc[split.train]
        found.append(linear_weights(unit.fit(given, split), train, unit.columns))
    np.testing.assert_array_equal(found[0].coefficient, found[1].coefficient)
    np.testing.assert_array_equal(found[0].pattern, found[1].pattern)
    assert np.isfinite(found[0].pattern).any()


def test_no_setting_reads_a_result_back():
    """Features cannot be picked by the weights or the scores of an earlier run."""
    fields = set(Experiment.model_fields) | set(Evaluation.model_fields)
    fields |= {f for c in (*STEPS, *MODELS) for f in c.model_fields}
    assert not fields & {"patterns", "result", "results", "run", "from_run", "scores"}

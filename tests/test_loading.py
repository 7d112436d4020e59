"""An experiment file either loads, or every problem is told with its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import TEXT, write_experiment
from lumbago.errors import ConfigError
from lumbago.experiment.loading import load
from lumbago.experiment.schema import default_sets
from lumbago.experiment.tree import MAX_BYTES, parse, public, read_tree
from lumbago.extractors import Amplitude
from lumbago.models import STANDARD
from lumbago.reading.denoise import Denoise, Scrub


def problems(tmp_path, *changes, text=None):
    """Load the small experiment with changes and return its problems as lines."""
    file = write_experiment(tmp_path, "data", *changes)
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}:") for line in lines), lines
    return [line.removeprefix(f"{file}:") for line in lines]


def test_the_small_experiment_loads_with_its_paths_made_absolute(tmp_path):
    loaded = load(write_experiment(tmp_path, "data"))
    experiment = loaded.experiment
    assert experiment.cohorts["tiny"].derivatives == tmp_path / "data"
    assert experiment.features["alff"] == Amplitude(
        kind="alff", atlas="lumbago200", denoise=Denoise(strategy="motion6", scrub=Scrub(fd=0.5))
    )
    assert experiment.grid == {"alff": ["alff"], "edges": ["edges"], "all": ["alff", "edges"]}
    assert experiment.evaluation.targets == ("diagnosis",)


def test_settings_to_be_shown_hold_no_local_path(tmp_path):
    file = write_experiment(tmp_path, "${{WHERE:-/home/jane}}/study".format())
    shown = json.dumps(load(file, {"WHERE": "/data/hospital"}).public)
    assert "${WHERE}/study" in shown
    assert "hospital" not in shown
    assert "jane" not in shown
    assert str(tmp_path) not in shown
    absolute = load(write_experiment(tmp_path, "/data/hospital/study"), {})
    assert absolute.public["cohorts"]["tiny"]["derivatives"] == "study"


def test_the_hash_does_not_depend_on_where_the_data_lie(tmp_path):
    file = write_experiment(tmp_path, "${WHERE}/study")
    one, other = load(file, {"WHERE": "/a"}), load(file, {"WHERE": "/b"})
    assert one.digest == other.digest
    changed = write_experiment(tmp_path / "2", "${WHERE}/study", ("seed: 7", "seed: 8"))
    assert load(changed, {"WHERE": "/a"}).digest != one.digest


def test_every_problem_is_told_at_once_with_its_place(tmp_path):
    found = problems(
        tmp_path,
        ("task: rest", "tsk: rest"),
        ("kind: alff", "kind: allf"),
        ("C: 0.01", "C: much"),
        ("target: diagnosis", "target: diagnosys"),
        ("n_splits: 3", "n_splits: 1"),
        ("fd: 0.5", "fd: -1"),
    )
    assert found == sorted(found, key=lambda line: int(line.split(":")[0]))
    text = "\n".join(found)
    assert "6:" in text
    assert "no such setting; did you mean 'task'?" in text
    assert "did you mean 'alff'?" in text
    assert 'models.logistic.C: expected a valid number; got "much"' in text
    assert "did you mean 'diagnosis'?" in text
    assert "n_splits: expected greater than or equal to 2; got 1" in text
    assert sum("fd: expected greater than 0; got -1" in line for line in found) == 1
    assert len(found) == 6


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("atlas: lumbago200", "atlas: lumbago20", "features.alff.atlas: no atlas of this name"),
        ("atlas: lumbago200", "denoise: dflt, atlas: lumbago200", "did you mean 'default'?"),
        ("features: [alff]", "features: [alf]", "did you mean 'alff'?"),
        ("n_estimators: 10", "preparation: plain", "no preparation of this name; got 'plain'"),
        ("n_estimators: 10", "n_estimators: '10'", "n_estimators: expected a valid integer"),
        ("n_estimators: 10", "n_estimators: true", "n_estimators: expected a valid integer"),
        ("positive: patient", "where: 'age <'", "`positive` is missing"),
        ("positive: patient", "positive: patients", "'patients' is none of the classes"),
        ("  alff: {", "  al.ff: {", "name 'al.ff': expected letters"),
        ("  edges: {", "  'a~b': {", "name 'a~b': expected letters"),
        ("impute: median", "impute: medium", "expected 'median' or 'mean'"),
        ("scale]", "scales]", "did you mean 'scale'?"),
        ("leave_one_site_out", "leave_one_sight_out", "did you mean 'leave_one_site_out'?"),
        ("kind: bids", "kind: bidz", "did you mean 'bids'?"),
        ("kind: bids, ", "", "`kind` is missing; expected one of bids"),
        ("seed: 7", "seed: 7\nsede: 8", "sede: no such setting; did you mean 'seed'?"),
        ("seed: 7", "seed: 7\nseed: 8", "given twice, first in line 4"),
        ("seed: 7", "seed: .inf", "seed"),
        ("name: small", "name: ../small", "name"),
        ("residualize: [age", "residualize: [group, age", "column of target 'diagnosis'"),
        ("{residualize: [age", "{harmonize: {preserve: [group]}}, {residualize: [age",
         "'group' is preserved and is the column of target 'diagnosis'"),
        ("{residualize: [age", "{harmonize: {batch: group}}, {residualize: [age",
         "'group' is harmonized over and is the column of target 'diagnosis'"),
        ("{residualize: [age", "{harmonize: {unseen: guess}}, {residualize: [age", "'refuse'"),
        ("n_estimators: 10", "n_estimators: 10, features: ['covariate:age']", "given twice"),
        ("features: [alff]", "features: ['covariate:age']", "residualized by its preparation"),
        ("features: [alff]", "features: ['covariate:group']", "may not read what it predicts"),
        ("kind: logistic, C: 0.01", "kind: ridge", "ridge has no twin for a binary target"),
        ("control: [HC]", "control: [HC], third: [OA]", "give two classes or kind: continuous"),
        ("kind: alff, atlas: lumbago200", "kind: alff", "maps of voxels only"),
        ("atlas: dosenbach160, ", "", "cannot divide tiny"),
        ("task: rest", "task: rest, keep: 'mean_fd <'", "expected comparisons"),
        ("positive: patient", "positive: patient, where: '__import__(1)'", "where: rule"),
        ("permutations: 10", "metrics: [rocauc]", "did you mean 'roc_auc'?"),
        ("permutations: 10", "metrics: [mae]", "mae means nothing for a binary target"),
        ("control: [HC]", "control: [CLBP]", "belongs to two classes"),
        ("[CLBP]", "CLBP", "expected a valid"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_cure(tmp_path, old, new, told):
    found = problems(tmp_path, (old, new))
    assert any(told in line for line in found), found
    assert all(line.split(":")[0].isdigit() for line in found), found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &x 1\nb: *x", "anchor &x"),
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: !secret 1", "tag !secret"),
        ("a: [1", "not YAML"),
        ("a:\n\t- b", "not YAML"),
        ("- 1", "expected settings"),
        ("", "expected settings"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("a: " + "[" * 30 + "]" * 30, "levels deep"),
        ("a: " + "{a: " * 5000, "levels deep"),
    ],
)
def test_yaml_that_could_surprise_is_refused(tmp_path, text, told):
    assert any(told in line for line in problems(tmp_path, text=text))


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path):
    file = tmp_path / "large.yaml"
    file.write_text("a: " + "x" * MAX_BYTES)
    with pytest.raises(ConfigError, match="at most 1000000"):
        read_tree(file)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_tree(tmp_path / "x.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_tree(tmp_path / "none.yaml")


def test_values_are_those_of_yaml_1_2():
    text = "{a: no, b: 1e-3, c: 010, d: 12:30, on: 1, e: 2020-01-01, f: ~, g: 0x1F, h: true}"
    assert parse(text, "f", {}).data == {
        "a": "no", "b": 0.001, "c": 10, "d": "12:30", "on": 1, "e": "2020-01-01",
        "f": None, "g": 31, "h": True,
    }  # fmt: skip


def test_variables_are_put_in_and_missing_ones_named():
    tree = parse("{a: '${X}/${Y:-y}', b: '${Z}', c: '${no'}", "f", {"X": "x"})
    assert tree.data["a"] == "x/y"
    assert tree.written["a"] == "${X}/${Y:-y}"
    assert [str(p).split(": ", 1)[1] for p in tree.problems] == [
        "b: the environment variable Z is not set; set it, or write ${Z:-a default}",
        "c: expected ${NAME} or ${NAME:-default}",
    ]


def test_a_variable_without_braces_is_told():
    tree = parse("name: x\nfolder: $HOME/data\n", "a.yaml", {})
    assert "write ${HOME} with braces" in str(tree.problems[0])


def test_an_expanded_variable_is_a_value_never_yaml():
    assert parse("a: ${X}", "f", {"X": "{b: 1}"}).data == {"a": "{b: 1}"}


def test_denoising_by_name_is_written_out(tmp_path):
    file = write_experiment(
        tmp_path, "data",
        ("denoise:\n", "denoise:\n  none: null\n  much: {strategy: motion36}\n"),
        ("kind: alff,", "kind: alff, denoise: none,"),
        ("kind: connectome,", "kind: connectome, denoise: much,"),
    )  # fmt: skip
    features = load(file).experiment.features
    assert features["alff"].denoise is None
    assert features["edges"].denoise == Denoise(strategy="motion36")


def test_without_preparation_the_standard_one_serves(tmp_path):
    text = TEXT.format(derivatives="data")
    start, end = text.index("preparation:"), text.index("models:")
    file = tmp_path / "x.yaml"
    file.write_text(text[:start] + text[end:])
    assert load(file).experiment.steps == {"standard": STANDARD}


def test_one_feature_makes_one_set():
    assert default_sets(["alff"]) == {"alff": ["alff"]}


def test_public_words_lose_defaults_and_folders():
    assert public("${A:-/home/jane}/x") == "${A}/x"
    assert public("../x/study.tsv", path=True) == "study.tsv"


words = st.text(st.characters(codec="utf-8"), max_size=30)


@settings(max_examples=150, deadline=None)
@given(text=words | st.lists(words).map("\n".join))
def test_any_text_is_a_tree_or_a_config_error(text):
    try:
        tree = parse(text, "f", {})
    except ConfigError:
        return
    assert isinstance(tree.data, dict)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    section=st.sampled_from(
        ["cohorts", "targets", "denoise", "features", "feature_sets", "preparation", "models",
         "evaluation"]
    ),
    value=trees,
)  # fmt: skip
def test_any_settings_load_or_are_config_errors(tmp_path_factory, section, value):
    from ruamel.yaml import YAML

    tree = dict(parse(TEXT.format(derivatives="data"), "f", {}).data)
    tree[section] = value
    file = tmp_path_factory.mktemp("any") / "any.yaml"
    with file.open("w", encoding="utf-8") as f:
        YAML(typ="safe", pure=True).dump(tree, f)
    try:
        loaded = load(file, {})
    except ConfigError:
        return
    assert loaded.experiment.name == "small"

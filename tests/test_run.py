"""A run computes what is missing, leaves whole tables, and says who is not in them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lumbago
from experiments import copy_cohort, same_tables, write_experiment
from lumbago.data import Cohort, FeatureTable
from lumbago.errors import InputError
from lumbago.experiment import grid as grid_module
from lumbago.experiment.folder import RunFolder
from lumbago.experiment.run import Run, run_experiment
from lumbago.experiment.samples import dataset, site_of
from lumbago.store import Store


class Counted:
    """Progress that remembers how much each stage did."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.first: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int, what: str) -> None:
        self.calls[stage] = self.calls.get(stage, 0) + 1


@pytest.fixture(scope="module")
def finished(tiny_cohort_folder, tmp_path_factory) -> tuple[Path, Run]:
    """The small experiment, run once: its folder and what came of it."""
    folder = tmp_path_factory.mktemp("finished")
    file = write_experiment(folder, tiny_cohort_folder)
    return folder, run_experiment(file, output=folder / "runs" / "one")


def test_the_tables_are_whole(finished):
    folder, _ = finished
    written = RunFolder(folder / "runs" / "one")
    assert written.run["name"] == "small"
    assert written.run["target"] == {
        "name": "diagnosis", "kind": "binary", "classes": ["control", "patient"],
        "positive": "patient", "column": "group",
    }  # fmt: skip
    people = written.participants
    assert set(people["target"]) == {"control", "patient"}
    assert {"age", "sex", "mean_fd", "site", "minutes_kept"} <= set(people.columns)
    assert people["participant_id"].nunique() == 12
    predictions = written.predictions
    assert set(predictions["model"]) == {
        "logistic", "forest", "majority", "motion_only", "site_only", "covariates",
    }  # fmt: skip
    cells = predictions[["model", "features"]].drop_duplicates().apply(tuple, axis=1)
    assert ("forest", "alff") in set(cells)
    assert ("forest", "edges") not in set(cells)
    assert {("logistic", f) for f in ("alff", "edges", "all")} <= set(cells)
    once = predictions.groupby(["model", "features", "scheme", "repeat"])
    assert (once.size() == len(people)).all()
    assert len(written.scores) > 0
    assert not written.weights.empty
    assert set(written.nulls["permutation"]) == set(range(10))


def test_splits_name_everyone_once_per_repeat(finished):
    folder, _ = finished
    written = RunFolder(folder / "runs" / "one")
    everyone = sorted(
        written.participants[["cohort", "participant_id", "session"]].to_numpy().tolist()
    )
    splits = pd.DataFrame(written.splits["schemes"])
    assert set(splits["scheme"]) == {"within_cohort", "leave_one_site_out"}
    for _, rows in splits.groupby(["scheme", "repeat"]):
        assert sorted(row for test in rows["test"] for row in test) == everyone
        people = [{who for _, who, _ in test} for test in rows["test"]]
        assert all(not a & b for i, a in enumerate(people) for b in people[:i])


def test_a_second_run_computes_nothing_and_writes_the_same(finished, tmp_path):
    folder, _ = finished
    progress = Counted()
    before = set(Store(folder / "runs" / "store").keys())
    run_experiment(folder / "small.yaml", output=folder / "runs" / "two", progress=progress)
    assert progress.calls == {}
    assert set(Store(folder / "runs" / "store").keys()) == before
    same_tables(folder / "runs" / "one", folder / "runs" / "two")
    assert (folder / "runs/one/fits.tsv").read_bytes() == (
        folder / "runs/two/fits.tsv"
    ).read_bytes()


def test_a_changed_feature_recomputes_itself_and_what_is_fitted_on_it(finished, monkeypatch):
    folder, _ = finished
    file = folder / "changed.yaml"
    text = (folder / "small.yaml").read_text()
    file.write_text(text.replace("band: [0.01, 0.1]", "band: [0.01, 0.08]"))
    measured, fitted = [], []
    from lumbago.extraction import cohort as cohort_module

    def measure(scan, extractors, keys, store):
        measured.append(tuple(extractors))
        return original(scan, extractors, keys, store)

    def fit(unit, data, store, key):
        fitted.append((unit.model, unit.features))
        return fit_original(unit, data, store, key)

    original, fit_original = cohort_module.measure_scan, grid_module.run_unit
    monkeypatch.setattr(cohort_module, "measure_scan", measure)
    monkeypatch.setattr(grid_module, "run_unit", fit)
    run_experiment(file, output=folder / "runs" / "changed", store=folder / "runs" / "store")
    assert set(measured) == {("edges",)}
    assert set(fitted) == {("logistic", "edges"), ("logistic", "all")}


def test_an_added_model_changes_no_other(finished):
    folder, _ = finished
    file = folder / "more.yaml"
    text = (folder / "small.yaml").read_text()
    file.write_text(text.replace("models:\n", "models:\n  other: {kind: logistic, C: 1}\n"))
    run_experiment(file, output=folder / "runs" / "more")
    old = RunFolder(folder / "runs" / "one").predictions
    new = RunFolder(folder / "runs" / "more").predictions
    new = new[new["model"] != "other"].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, new, check_exact=True)


def test_a_replaced_file_is_measured_again(tiny_cohort_folder, tmp_path):
    study = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    file = write_experiment(
        tmp_path, study, ("permutations: 10", "permutations: 0"),
        ("  edges: {kind: connectome, atlas: dosenbach160, band: [0.01, 0.1]}\n", ""),
        ("  forest: {kind: random_forest, n_estimators: 10, features: [alff]}\n", ""),
    )  # fmt: skip
    run_experiment(file, output=tmp_path / "runs" / "one")
    confounds = sorted(study.rglob("*sub-04*confounds_timeseries.tsv"))[0]
    old = confounds.stat()
    lines = confounds.read_text().split("\n")
    lines[7], lines[8] = lines[8], lines[7]
    replacement = confounds.with_suffix(".new")
    replacement.write_text("\n".join(lines))
    os.utime(replacement, ns=(old.st_atime_ns, old.st_mtime_ns))
    replacement.replace(confounds)
    assert confounds.stat().st_size == old.st_size
    progress = Counted()
    run_experiment(file, output=tmp_path / "runs" / "two", progress=progress)
    assert progress.calls["measuring"] == 1


def test_a_broken_scan_is_listed_and_the_run_completes(tiny_cohort_folder, tmp_path):
    study = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    bold = sorted(study.rglob("*sub-05*preproc_bold.nii.gz"))[0]
    bold.write_bytes(bold.read_bytes()[:5000])
    file = write_experiment(tmp_path, study, ("permutations: 10", "permutations: 0"))
    run = run_experiment(file, output=tmp_path / "runs" / "one")
    failures = run.failures
    assert set(failures["participant_id"]) == {"sub-05"}
    assert set(failures["feature"]) == {"alff", "edges"}
    people = RunFolder(tmp_path / "runs" / "one").participants
    lost = bold.name.split("_")[1]
    assert not ((people["participant_id"] == "sub-05") & (people["session"] == lost)).any()
    assert run.folders[0].run["features"]["alff"]["n_rejected"] == 1


def test_several_targets_have_a_folder_each(tiny_cohort_folder, tmp_path):
    file = write_experiment(
        tmp_path, tiny_cohort_folder,
        ("targets:\n", "targets:\n  age: {column: age, kind: continuous}\n"),
        ("target: diagnosis", "target: [diagnosis, age]"),
        ("residualize: [age, mean_fd]", "residualize: [mean_fd]"),
        ("models:\n", "models:\n  ridge: {kind: ridge, alpha: 100}\n"),
        ("permutations: 10", "permutations: 0"),
        ("leave_one_site_out", "leave_one_cohort_out"),
    )  # fmt: skip
    run = run_experiment(file, output=tmp_path / "runs" / "one")
    assert [f.path.name for f in run.folders] == ["diagnosis", "age"]
    of_age = run.folders[1]
    assert set(of_age.predictions["model"]) >= {"ridge", "forest", "majority"}
    assert "logistic" not in set(of_age.predictions["model"])
    assert any("logistic predicts no continuous target" in n for n in of_age.run["notes"])
    assert any("age is the target" in n for n in of_age.run["notes"])
    assert of_age.predictions["y_true"].dtype == float
    assert "leave_one_cohort_out" in of_age.run["baselines_missing"]
    assert "age" not in of_age.participants.columns


def test_results_never_go_beside_the_data(tiny_cohort_folder, tmp_path):
    study = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    file = write_experiment(tmp_path, study)
    for output in (study, study / "runs" / "x"):
        with pytest.raises(InputError, match="never go beside the data"):
            run_experiment(file, output=output)


def test_a_notebook_sees_scores(finished):
    _, run = finished
    assert "<table>" in run._repr_html_()
    assert list(run.results) == ["diagnosis"]


# the dataset


@pytest.fixture
def cohort() -> Cohort:
    people = pd.DataFrame(
        {
            "cohort": "a",
            "participant_id": [f"sub-{i}" for i in range(1, 7)],
            "group": ["P", "P", "C", "C", "other", None],
            "code": [1.0, 1.0, 2.0, 2.0, 3.0, np.nan],
            "pain": [3.0, 4.0, 0.0, np.nan, 1.0, 2.0],
            "site": ["x", "y", "x", "y", None, "x"],
        }
    )
    sessions = people[["cohort", "participant_id"]].assign(session="")
    return Cohort("a", people, sessions)


def table(key: str, *people: int, seed: int = 0) -> FeatureTable:
    rows = pd.MultiIndex.from_tuples(
        [("a", f"sub-{i}", "") for i in people], names=["cohort", "participant_id", "session"]
    )
    values = np.array([[10 * i, 10 * i + 1] for i in people], dtype=np.float32)
    return FeatureTable(key, pd.DataFrame(values, rows, columns=[f"{key}:u", f"{key}:v"]), {})


CLASSES = {"patient": ["P"], "control": ["C"]}


def test_features_are_joined_by_person_never_by_position(cohort):
    shuffled = table("f", 4, 2, 1, 3)
    data = dataset(
        cohort, shuffled, target={"column": "group", "classes": CLASSES, "positive": "patient"}
    )
    assert data.X["f:u"].tolist() == [10, 20, 30, 40]
    assert [data.target.classes[c] for c in data.y] == ["patient", "patient", "control", "control"]
    assert data.target.positive == "patient"
    assert data.site.tolist() == ["x", "y", "x", "y"]
    assert any("'other'" in note for note in data.notes)
    assert any("group is missing" in note for note in data.notes)


def test_numeric_levels_match_however_they_are_written(cohort):
    for levels in ([1], ["1"], [1.0]):
        data = dataset(
            cohort, table("f", 1, 2, 3, 4),
            target={"column": "code", "classes": {"one": levels, "two": [2]}, "positive": "one"},
        )  # fmt: skip
        assert data.y.tolist() == [1, 1, 0, 0]


def test_a_sample_needs_every_feature(cohort):
    data = dataset(cohort, [table("f", 1, 2, 3), table("g", 2, 3, 4)], target="pain")
    assert [p for _, p, _ in data.X.index] == ["sub-2", "sub-3"]
    assert list(data.feature_sets) == ["f", "g", "all"]
    assert any("no scan of this session gave g" in note for note in data.notes)


def test_infinite_values_are_missing_values_and_said(cohort):
    broken = table("f", 1, 2, 3)
    broken.values.iloc[0, 0] = np.inf
    data = dataset(cohort, broken, target="pain")
    assert np.isnan(data.X.iloc[0, 0])
    assert any("1 infinite" in note for note in data.notes)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("pian", "no column 'pian'; did you mean 'pain'?"),
        ("group", "holds words such as 'P'"),
        (
            {"column": "group", "classes": {"a": ["p"], "b": ["C"]}, "positive": "a"},
            "class a is empty.*did you mean 'P'",
        ),
    ],
)
def test_a_target_that_cannot_be_read_is_told(cohort, target, told):
    with pytest.raises(InputError, match=told):
        dataset(cohort, table("f", 1, 2, 3, 4), target=target)


def test_one_class_left_is_told(cohort):
    target = {"column": "group", "classes": CLASSES, "positive": "patient"}
    with pytest.raises(InputError, match="none is control"):
        dataset(cohort, table("f", 1, 2), target=target)
    with pytest.raises(InputError, match="no sample of a has the target and every feature"):
        dataset(cohort, table("f", 5, 6), target=target)


def test_the_target_is_no_covariate(cohort):
    data = dataset(cohort, table("f", 1, 2, 3), target="pain", covariates=["pain", "code"])
    assert data.covariates == ["code", "site"]
    assert "pain is the target, so it is no covariate" in data.notes


def test_where_may_name_another_target(tiny_cohort_folder, tmp_path):
    file = write_experiment(
        tmp_path, tiny_cohort_folder,
        ("targets:\n", "targets:\n  pain: {column: vas, kind: continuous, "
                       "where: diagnosis == patient}\n"),
        ("target: diagnosis", "target: pain"),
        ("{kind: logistic, C: 0.01}", "{kind: ridge}"),
        ("n_splits: 3", "n_splits: 2"),
        ("{residualize: [age, mean_fd]}, ", ""),
        ("permutations: 10", "permutations: 0"),
        ("  edges: {kind: connectome, atlas: dosenbach160, band: [0.01, 0.1]}\n", ""),
    )  # fmt: skip
    run = run_experiment(file, output=tmp_path / "runs" / "one")
    who = set(run.folders[0].participants["participant_id"])
    raw = pd.read_csv(tiny_cohort_folder / "participants.tsv", sep="\t")
    assert who == set(raw.loc[raw["group"] == "CLBP", "participant_id"])
    assert "E_WHERE" in set(run.folders[0].exclusions["code"])
    assert len(run.failures) == 0


def test_a_model_that_cannot_be_fitted_is_told_with_its_name(tiny_cohort_folder, tmp_path):
    file = write_experiment(
        tmp_path, tiny_cohort_folder,
        ("targets:\n", "targets:\n  pain: {column: vas, kind: continuous, "
                       "where: diagnosis == patient}\n"),
        ("target: diagnosis", "target: pain"),
        ("{kind: logistic, C: 0.01}", "{kind: ridge}"),
        ("n_splits: 3", "n_splits: 2"),
        ("  edges: {kind: connectome, atlas: dosenbach160, band: [0.01, 0.1]}\n", ""),
    )  # fmt: skip
    with pytest.raises(InputError, match=r"logistic on alff, within_cohort.*fewer covariates"):
        run_experiment(file, output=tmp_path / "runs" / "one")


def test_sites_of_two_cohorts_with_one_name_are_two_sites(cohort):
    other = Cohort("b", cohort.participants.assign(cohort="b"), cohort.sessions.assign(cohort="b"))
    sites = site_of(Cohort.pool([cohort, other]))
    assert sorted(set(sites)) == ["a", "a/x", "a/y", "b", "b/x", "b/y"]


def test_the_door_opens_lazily_and_names_what_it_has():
    assert set(lumbago.__all__) <= {*dir(lumbago), "__version__"}
    for name in lumbago.__all__:
        assert getattr(lumbago, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lumbago.nothing


def test_run_json_is_plain_json_without_local_paths(finished, tiny_cohort_folder):
    folder, _ = finished
    text = (folder / "runs" / "one" / "run.json").read_text()
    assert str(tiny_cohort_folder) not in text
    assert str(folder) not in text
    about = json.loads(text)
    assert about["cohorts"][0]["n_participants"] == 12
    assert about["features"]["alff"]["n_features"] == 200
    assert about["versions"]["lumbago"]


def test_covariates_of_words_come_back_from_the_run_folder_as_words(tmp_path):
    folder = RunFolder(tmp_path)
    people = pd.DataFrame(
        {
            "cohort": "a",
            "participant_id": ["s1", "s2"],
            "scanner": ["1.5T", "3T"],
            "age": [40, 41.5],
        }
    )
    folder.write_table("participants", people)
    read = RunFolder(tmp_path).participants
    assert read["scanner"].tolist() == ["1.5T", "3T"]
    assert read["age"].tolist() == [40.0, 41.5]


def test_a_level_written_in_two_ways_is_refused_rather_than_left_out(cohort):
    people = cohort.participants.assign(group=["P", "p", "C", "C", "other", None])
    target = {"column": "group", "classes": CLASSES, "positive": "patient"}
    with pytest.raises(InputError, match="'p' in some rows and 'P' in others"):
        dataset(Cohort("a", people, cohort.sessions), table("f", 1, 2, 3, 4), target=target)


@pytest.mark.parametrize("place", ["output", "store"])
def test_nothing_is_written_beside_the_data(tiny_cohort_folder, tmp_path, place):
    from lumbago.experiment.plan import plan_experiment

    study = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    file = write_experiment(tmp_path, study)
    places = {"output": tmp_path / "run", "store": tmp_path / "store"} | {place: study / "here"}
    for start in (run_experiment, plan_experiment):
        with pytest.raises(InputError, match=f"the {place} .* lies inside its derivatives"):
            start(file, **places)
    assert not (study / "here").exists()


def test_a_damaged_table_of_a_run_is_told(tmp_path):
    from run_folders import whole

    folder = whole(tmp_path / "run")
    (folder / "predictions.tsv").write_text("x\n1\n", encoding="utf-8")
    with pytest.raises(InputError, match="a table of the run is damaged"):
        _ = RunFolder(folder).result


def test_nouns_print_in_one_line(cohort):
    assert repr(cohort) == "Cohort(a: 6 participants, 6 sessions, 0 scans)"
    found = table("f", 1, 2, 3, 4)
    assert repr(found).startswith("FeatureTable(f: 4 samples")
    target = {"column": "group", "classes": CLASSES, "positive": "patient"}
    assert repr(dataset(cohort, found, target=target)).startswith("Dataset(group: 4 samples of 4")

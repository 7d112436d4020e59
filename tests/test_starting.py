"""The first hour: a simulated study, a drafted experiment that runs, a word on the machine."""

from __future__ import annotations

import getpass
import os
import platform
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumbago import cli, read_bids
from lumbago.errors import InputError
from lumbago.experiment import machine
from lumbago.experiment.drafting import draft, write_draft
from lumbago.experiment.loading import load
from lumbago.extractors import EXTRACTORS, VoxelExtractor
from lumbago.reading.looking import is_derivative, look
from lumbago.spec import kinds_of


def call(*arguments: object) -> int:
    """Run the command line in this process and return its exit code."""
    return cli._exit_code([str(a) for a in arguments])


def people(n: int = 24, **columns: object) -> pd.DataFrame:
    """A table of participants: two groups in turn."""
    ids = [f"sub-{i:02d}" for i in range(1, n + 1)]
    base = {"participant_id": ids, "group": ["pain", "HC"] * (n // 2), "age": range(20, 20 + n)}
    return pd.DataFrame({**base, **columns})


def connectomes(folder: Path, table: pd.DataFrame) -> Path:
    """A folder of connectomes whose first edges tell the groups apart."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    for who, group in zip(table["participant_id"], table["group"], strict=True):
        edges = 0.2 * rng.standard_normal(15) + (np.arange(15) < 4) * (group == "pain") * 0.5
        np.save(folder / f"{who}_task-rest_relmat.npy", np.tanh(edges).astype(np.float32))
    table.to_csv(folder / "participants.tsv", sep="\t", index=False)
    return folder


def drafted(data: Path, folder: Path, *words: str) -> Path:
    file = folder / "first.yaml"
    assert call("new", data, "-o", file, *words) == 0
    assert call("check", file) == 0
    return file


def test_simulate_writes_the_study_that_was_asked_for(tmp_path, capsys):
    study = tmp_path / "study"
    arguments = ("simulate", study, "-n", 4, "-e", "insula_alff=0.5", "-s", "n_sites=1",
                 "-s", "voxel_size=10", "-s", "n_volumes=30", "-s", "followup=0")  # fmt: skip
    assert call(*arguments) == 0
    assert "4 participants, 4 scans" in capsys.readouterr().out
    assert len(read_bids(study).scans) == 4
    assert '"insula_alff": 0.5' in (study / "ground_truth.json").read_text()
    before = sorted((p, p.stat().st_mtime_ns) for p in study.rglob("*"))
    assert call(*arguments) == 0  # the very study is there: nothing is written again
    assert sorted((p, p.stat().st_mtime_ns) for p in study.rglob("*")) == before
    assert call("simulate", study, "-n", 6) == 2
    assert "holds something else" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("-n", 1), ("-e", "insula=1"), ("-s", "n_site=2"), ("-s", "x")])
def test_a_study_that_cannot_be_is_a_sentence(tmp_path, capsys, words):
    assert call("simulate", tmp_path / "study", *words) == 2
    told = capsys.readouterr().err
    assert told
    assert "Traceback" not in told
    assert not (tmp_path / "study").exists()


def test_new_looks_at_fmriprep_and_writes_what_check_accepts(tiny_cohort_folder, tmp_path):
    file = drafted(tiny_cohort_folder, tmp_path)
    spec = load(file).experiment
    assert set(spec.features) == {"alff", "falff", "reho", "edges"}
    assert spec.targets["group"].positive == "CLBP"
    assert {s.kind for s in spec.evaluation.schemes} == {"within_cohort", "leave_one_site_out"}
    residualized = [s for s in spec.preparation["standard"] if s.kind == "residualize"]
    assert residualized[0].covariates == ("age", "sex", "mean_fd")
    assert spec.cohorts["study"].space == "MNI152NLin2009aSym"
    assert spec.denoise["default"].strategy == "motion24_acompcor"
    text = file.read_text()
    assert sum(line.lstrip().startswith("#") or "  # " in line for line in text.split("\n")) > 6


@pytest.mark.slow
def test_the_draft_of_fmriprep_runs_to_its_report(tiny_cohort_folder, tmp_path):
    file = drafted(tiny_cohort_folder, tmp_path)
    short = file.read_text().replace("permutations: 20", "permutations: 0")
    file.write_text(short.replace("n_repeats: 5", "n_repeats: 1"))
    assert call("run", file, "-o", tmp_path / "run", "-j", 2, "--strict") == 0
    scores = pd.read_csv(tmp_path / "run/scores.tsv", sep="\t")
    assert {"alff", "falff", "reho", "edges", "all"} <= set(scores["features"])
    assert (tmp_path / "run/report.html").stat().st_size > 10_000


def test_new_of_connectomes_runs_and_finds_what_is_planted(tmp_path):
    data = connectomes(tmp_path / "data", people())
    file = drafted(data, tmp_path)
    short = file.read_text().replace("permutations: 20", "permutations: 0")
    file.write_text(short.replace("n_repeats: 5", "n_repeats: 1"))
    assert call("run", file, "-o", tmp_path / "run", "-j", 1) == 0
    scores = pd.read_csv(tmp_path / "run/scores.tsv", sep="\t")
    mine = scores[(scores["model"] == "svm") & (scores["metric"] == "roc_auc")]
    assert mine.loc[mine["scope"] == "pooled", "score"].iloc[0] > 0.8


def test_new_of_a_table_predicts_a_number_where_there_are_no_groups(tmp_path):
    rng = np.random.default_rng(2)
    table = people(vas=rng.uniform(0, 10, 24).round(1), reho=rng.random(24), alff=rng.random(24))
    file = tmp_path / "features.tsv"
    table.drop(columns="group").to_csv(file, sep="\t", index=False)
    spec = load(drafted(file, tmp_path)).experiment
    assert spec.targets["vas"].kind == "continuous"
    assert spec.features["measures"].columns == ["reho", "alff"]
    assert set(spec.models) == {"ridge", "forest"}


def test_new_of_series_names_what_it_takes_where_several_fit(tmp_path):
    data = tmp_path / "series"
    data.mkdir()
    for who in people()["participant_id"]:
        for atlas in ("A", "B"):
            series = pd.DataFrame(np.random.default_rng(3).random((120, 3)), columns=list("xyz"))
            name = f"{who}_task-rest_atlas-{atlas}_timeseries.tsv"
            series.to_csv(data / name, sep="\t", index=False)
    people().to_csv(data / "participants.tsv", sep="\t", index=False)
    spec = load(drafted(data, tmp_path)).experiment
    assert spec.cohorts["study"].select == {"atlas": "A"}


def test_new_asks_for_what_it_cannot_see(tmp_path, capsys):
    raw = tmp_path / "raw/sub-01/func"
    raw.mkdir(parents=True)
    (raw / "sub-01_task-rest_bold.nii.gz").write_bytes(b"")
    assert call("new", tmp_path / "raw", "-o", tmp_path / "x.yaml") == 2
    assert "preprocess them with fMRIPrep" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert call("new", tmp_path / "empty", "-o", tmp_path / "x.yaml") == 2
    assert "holds nothing; expected fMRIPrep" in capsys.readouterr().err
    data = connectomes(tmp_path / "data", people())
    people()[["participant_id"]].to_csv(data / "participants.tsv", sep="\t", index=False)
    assert call("new", data, "-o", tmp_path / "x.yaml") == 2
    assert "neither classes" in capsys.readouterr().err
    people().to_csv(data / "participants.tsv", sep="\t", index=False)
    assert call("new", data, "-o", tmp_path / "x.yaml", "--target", "grup") == 2
    assert "did you mean 'group'" in capsys.readouterr().err
    assert not (tmp_path / "x.yaml").exists()


def test_new_leaves_a_file_that_is_there_alone(tmp_path, capsys):
    data = connectomes(tmp_path / "data", people())
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    assert call("new", data, "-o", file) == 2
    assert "exists" in capsys.readouterr().err
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    "levels", [("yes", "no"), ("null", "on"), ("1", "0"), ("LBP: acute", "a, b"), ("ä{", "#x")]
)
def test_words_that_yaml_would_take_for_something_else_survive(tmp_path, levels):
    data = connectomes(tmp_path / "data", people())
    table = people(group=list(levels) * 12)
    table.to_csv(data / "participants.tsv", sep="\t", index=False)
    target = next(iter(load(drafted(data, tmp_path)).experiment.targets.values()))
    assert {str(w) for inside in target.classes.values() for w in inside} == set(levels)


def test_the_folder_s_name_stays_out_of_the_cohort_s(tmp_path):
    data = connectomes(tmp_path / "StElsewhere", people())
    text, _ = draft(data, tmp_path / "x.yaml")
    write_draft(tmp_path / "x.yaml", text)
    assert text.count("StElsewhere") == 1  # where the data lie, and nowhere else
    assert list(load(tmp_path / "x.yaml").experiment.cohorts) == ["study"]


def test_a_folder_is_told_by_its_names(tiny_cohort_folder, tmp_path):
    assert look(tiny_cohort_folder).kind == "derivatives"
    assert is_derivative(tiny_cohort_folder)
    copy = tmp_path / "copy"
    shutil.copytree(tiny_cohort_folder, copy, ignore=shutil.ignore_patterns("dataset_desc*"))
    assert is_derivative(copy)
    with pytest.raises(InputError, match=r"expected a dataset's folder or a \.tsv"):
        look(next(copy.rglob("*.nii.gz")))


def test_doctor_tells_what_is_there_and_names_nobody(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("LUMBAGO_SHARED", str(tmp_path))
    assert call("doctor") == 0
    told = capsys.readouterr().out
    for part in (
        "numpy ",
        "threads",
        "GB free",
        "lumbago200 200 regions",
        "run (clustering",
        "extras:",
    ):
        assert part in told
    assert "names no folder with data/" in told
    assert not re.search(r"(?<!\w)/\w", told.replace("data/", ""))
    for word in (str(tmp_path), str(Path.home()), platform.node(), os.getcwd(), getpass.getuser()):
        assert len(word) < 4 or word not in told, word


def test_doctor_says_what_is_wrong_and_exits_with_3(capsys, monkeypatch):
    found = machine.versions()
    monkeypatch.setattr(machine, "versions", lambda: {**found, "numba": "not installed"})
    assert call("doctor") == 3
    assert "problem: not installed: numba" in capsys.readouterr().out


def broken(adjacency):
    raise OSError("no compiler")


@pytest.mark.parametrize(
    ("clustering", "told"),
    [
        (broken, "problem: compiled measures do not run (OSError)"),
        (lambda adjacency: adjacency.sum(axis=1) / 3, "problem: compiled measures are wrong"),
    ],
)
def test_doctor_tries_what_is_compiled(capsys, monkeypatch, clustering, told):
    monkeypatch.setattr("lumbago.measures.graph.triangles.clustering", clustering)
    assert call("doctor") == 3
    said = capsys.readouterr().out
    assert told in said
    assert "compiled measures: run" not in said


def test_a_draft_names_every_measure_of_voxels(tiny_cohort_folder, tmp_path):
    target = tmp_path / "x.yaml"
    assert call("new", tiny_cohort_folder, "-o", target) == 0
    kinds = {k for cls in EXTRACTORS if issubclass(cls, VoxelExtractor) for k in kinds_of(cls)}
    assert kinds <= set(re.findall(r"\w+", target.read_text().split("features:")[1]))

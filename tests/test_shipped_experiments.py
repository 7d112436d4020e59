"""Every shipped experiment: accepted, proven not to leak, finding what was planted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lumbago
from experiments import copy_cohort, write_experiment
from lumbago.data import Cohort
from lumbago.evaluation.state import learned_state
from lumbago.experiment.cohorts import read_cohorts
from lumbago.experiment.grid import grid_of
from lumbago.experiment.loading import load
from lumbago.experiment.run import run_experiment, samples_of
from lumbago.extraction import extract
from lumbago.models.columns import take_rows
from lumbago.models.pipeline import outputs
from lumbago.store import Store

SHIPPED = sorted((Path(__file__).parent.parent / "experiments").glob("*.yaml"))
REAL = [p for p in SHIPPED if p.stem != "demo"]
NULL_SEEDS = 20


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_a_shipped_experiment_is_accepted(path):
    loaded = load(path, environment={"LUMBAGO_SHARED": "somewhere"})
    assert loaded.experiment.name == path.stem
    assert loaded.experiment.evaluation.audit


def shortened(path: Path, folder: Path, *changes: tuple[str, str]) -> Path:
    """Copy an experiment with words replaced."""
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    file = folder / path.name
    file.write_text(text, encoding="utf-8")
    return file


def proven(result) -> None:
    """Assert that every cell was audited by every check, and that none failed."""
    audit = result.audit
    cells = result.predictions[["features", "model", "scheme"]].drop_duplicates()
    checks = audit["check"].unique()
    assert {"poison_values", "poison_missing", "poison_labels", "poison_site"} <= set(checks)
    assert len(audit) == len(cells) * len(checks)
    assert set(audit["verdict"]) <= {"passed", "not applicable"}
    assert (audit.loc[audit["check"] == "poison_labels", "verdict"] == "passed").all()


def without_doubles(path: Path) -> list[tuple[str, str]]:
    """Leave out models that differ from another in one thing that a third tries as well."""
    doubles = {
        "fibromyalgia_models": r" (svm_tangent|svm_partial|logistic_tangent|forest_partial|"
        r"forest_tangent|cpm_partial|cpm_tangent|ridge_partial|ridge_tangent):",
        "rpn_models": r" (svm_tangent|logistic|forest_tangent|cpm_tangent|ridge_tangent):",
    }[path.stem]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [(line, "") for line in lines if re.match(" " + doubles, line)]


@pytest.mark.slow
@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_a_shipped_experiment_on_real_data_passes_the_poison_test(path, shared_data, tmp_path):
    changes = [("n_repeats: 20", "n_repeats: 1"), ("permutations: 200", "permutations: 0")]
    if path.stem.endswith("_models"):
        changes = without_doubles(path)
        changes += [("n_repeats: 5", "n_repeats: 1"), ("permutations: 1000", "permutations: 0")]
        changes += [("n_estimators: 200", "n_estimators: 10")]
    if path.stem == "rpn_models":
        changes += [("features: [edges, partial]", "features: partial")]
        changes += [("n_splits: 5", "n_splits: 3")]
    if "nulls: 100" in path.read_text(encoding="utf-8"):
        changes += [("nulls: 100", "nulls: 2"), ("start: 0.05, stop: 0.5", "start: 0.1, stop: 0.3")]
        changes += [("step: 0.05", "step: 0.1")]
    file = shortened(path, tmp_path, *changes)
    run = run_experiment(file, output=tmp_path / "run", store=tmp_path / "store", n_jobs=2)
    for result in run.results.values():
        proven(result)


@pytest.mark.slow
def test_the_demo_finds_what_was_planted_above_chance_and_without_leaking(tmp_path):
    demo = next(p for p in SHIPPED if p.stem == "demo")
    file = shortened(demo, tmp_path, ("permutations: 100", "permutations: 0"))
    run = lumbago.run(file, output=tmp_path / "run", store=tmp_path / "store", n_jobs=2)
    (result,) = run.results.values()
    proven(result)
    truth = json.loads(next((tmp_path / "store").rglob("ground_truth.json")).read_text())
    insula = set(truth["regions"]["insula"])
    for features in ("alff", "edges"):
        scores = result.scores(["roc_auc"])
        mine = scores[(scores["features"] == features) & (scores["scope"] == "pooled")]
        assert (mine["ci_low"] > 0.5).all(), mine
        for (_, scheme), cell in result.weights[(result.weights["features"] == features)].groupby(
            ["model", "scheme"]
        ):
            top = cell.reindex(cell["pattern"].abs().sort_values(ascending=False).index)[:5]
            ends = [set(f.split(":")[1].split("~")) for f in top["feature"]]
            assert all(regions & insula for regions in ends), (scheme, list(top["feature"]))
    assert (tmp_path / "run" / "report.html").stat().st_size > 50_000


def small_null(folder: Path, seed: int) -> Path:
    """Write the demo's question as a small experiment on people who do not differ."""
    text = f"""
name: nothing
seed: {seed}
cohorts:
  simulated:
    kind: simulated
    n_participants: 24
    n_sites: 2
    followup: 0.2
    voxel_size: 8.0
    n_volumes: 100
    effects: {{insula_alff: 0, default_mode_insula: 0}}
    seed: {seed}
targets:
  diagnosis: {{column: group, classes: {{patient: [CLBP], control: [HC]}}, positive: patient}}
denoise:
  default: {{strategy: motion6}}
features:
  alff: {{kind: alff, atlas: lumbago200, normalize: mean}}
preparation:
  standard: [{{impute: median}}, {{residualize: [age, sex, mean_fd]}}, scale]
models:
  logistic: {{kind: logistic, C: 0.01}}
evaluation:
  target: diagnosis
  schemes: [{{kind: within_cohort, n_splits: 4}}]
  metrics: [roc_auc]
  permutations: 99
  baselines: false
  audit: false
"""
    file = folder / f"nothing{seed}.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.slow
def test_with_nothing_planted_few_of_twenty_studies_are_significant(tmp_path):
    """Above three of twenty, the tests would be wrong: P(more | alpha = .05) is .016."""
    p = []
    for seed in range(1, NULL_SEEDS + 1):
        file = small_null(tmp_path, seed)
        out = {"output": tmp_path / f"run{seed}", "store": tmp_path / f"store{seed}"}
        (result,) = run_experiment(file, n_jobs=2, **out).results.values()
        scores = result.scores(["roc_auc"])
        p.append(float(scores.loc[scores["scope"] == "pooled", "p"].iloc[0]))
    assert len(p) == NULL_SEEDS
    assert np.isfinite(p).all()
    assert sum(value < 0.05 for value in p) <= 3, p


@pytest.mark.slow
def test_files_of_the_test_fold_altered_on_disk_change_nothing_learned(
    tiny_cohort_folder, tmp_path
):
    """From the images on: other brains, other motion, other diagnoses in the test fold."""
    true = copy_cohort(tiny_cohort_folder, tmp_path / "true")
    spoiled = copy_cohort(tiny_cohort_folder, tmp_path / "spoiled")
    file = write_experiment(tmp_path / "a", true)
    other = write_experiment(tmp_path / "b", spoiled)

    def samples(path):
        experiment = load(path).experiment
        cohort = Cohort.pool(read_cohorts(experiment, tmp_path / "workspace"))
        store = Store(tmp_path / "store")
        tables = extract(cohort, dict(experiment.features), store=store)
        return experiment, samples_of(experiment, cohort, tables, "diagnosis").dataset

    experiment, before = samples(file)
    units = [u for u in grid_of(experiment, before).units if u.permutations is None]
    split = next(u for u in units if u.scheme == "within_cohort").splits[0]
    tested = sorted(set(before.participant[split.test]))
    trained = set(before.participant[split.train])
    assert tested
    assert not trained & set(tested)
    donor = sorted(trained)[0]
    for person in tested:
        spoil(spoiled, person, donor)
    _, after = samples(other)
    assert not np.array_equal(before.X.iloc[split.test, :50], after.X.iloc[split.test, :50])
    assert (before.y[split.test] != after.y[split.test]).any()
    pd.testing.assert_frame_equal(before.X.iloc[split.train], after.X.iloc[split.train])
    for unit in units:
        fold = unit.splits[0]
        if unit.scheme != "within_cohort" or unit.repeat:
            continue
        one, two = unit.fit(before, fold), unit.fit(after, fold)
        assert learned_state(one) == learned_state(two), unit.name
        probe = take_rows(unit.design(before), fold.test)
        a, b = (outputs(fitted, probe, "binary") for fitted in (one, two))
        assert np.array_equal(a.score, b.score), unit.name


def spoil(root: Path, person: str, donor: str) -> None:
    """Give a person somebody else's images and confounds, the other diagnosis, another age."""
    table = root / "participants.tsv"
    rows = [line.split("\t") for line in table.read_text().splitlines()]
    head = rows[0]
    for row in rows[1:]:
        if row[0] == person:
            group, age = head.index("group"), head.index("age")
            row[group] = {"CLBP": "HC", "HC": "CLBP"}[row[group]]
            row[age] = "99"
    table.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    for image in (root / person).rglob("*_bold.nii.gz"):
        source = next((root / donor).rglob("*_bold.nii.gz"))
        image.write_bytes(source.read_bytes())
    for confounds in (root / person).rglob("*_desc-confounds_timeseries.tsv"):
        lines = confounds.read_text().splitlines()
        confounds.write_text("\n".join([*lines[:2], *lines[:1:-1]]) + "\n")

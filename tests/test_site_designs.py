"""A site that tells the diagnosis: refused where it is all, told in words where it is much."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import lumbago
from experiments import write_experiment
from learning_data import make_dataset
from lumbago.cli import commands
from lumbago.errors import InputError
from lumbago.evaluation import WithinCohort, evaluate
from lumbago.evaluation.designs import design_notes, design_problem
from lumbago.experiment.plan import plan_experiment
from lumbago.models import Logistic
from table_experiments import made_cohort, write_tables

SCHEMES = "[{kind: within_cohort, n_splits: 5}, leave_one_site_out]"


def test_one_class_at_every_site_is_refused_by_plan_run_and_notebook(tmp_path):
    cohort = made_cohort(40, seed=1, sites={"a": 1.0, "b": 0.0})
    file = write_tables(tmp_path, {"boston": cohort}, SCHEMES)
    sentence = r"site and diagnosis are one and the same \(boston/a has patient alone, boston/b con"
    with pytest.raises(InputError, match=sentence):
        plan_experiment(file, output=tmp_path / "run")
    with pytest.raises(InputError, match=sentence):
        lumbago.run(file, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    data = make_dataset(30, 3)
    apart = replace(data, site=np.where(data.y == 1, "b", "a").astype(object))
    with pytest.raises(InputError, match="one and the same"):
        evaluate(apart, Logistic(), WithinCohort(), seed=1)


def test_cohorts_of_one_class_each_are_refused_too(tmp_path):
    cohorts = {
        "patients": made_cohort(20, seed=1, sites={"x": 1.0}),
        "controls": made_cohort(20, seed=2, sites={"x": 0.0}),
    }
    file = write_tables(tmp_path, cohorts, "[within_cohort]")
    with pytest.raises(InputError, match="controls/x has control alone, patients/x patient"):
        plan_experiment(file, output=tmp_path / "run")


def test_one_mixed_site_is_enough_to_go_on():
    data = make_dataset(30, 3)
    site = np.where(data.y == 1, "b", "a").astype(object)
    site[data.participant < "sub-006"] = "c"
    mixed = replace(data, site=site)
    assert design_problem(mixed) is None
    assert "confounded with site" in design_notes(mixed)[0]
    assert design_notes(data) == []
    assert design_problem(make_dataset(20, 2, kind="continuous")) is None
    assert design_notes(make_dataset(20, 2, sites=1)) == []


def test_tiny_sites_are_not_called_confounded_by_chance():
    warned = 0
    for seed in range(40):
        data = make_dataset(40, 2, sites=1, seed=seed)
        site = np.random.default_rng(seed).integers(0, 12, 40).astype(str).astype(object)
        warned += bool(design_notes(replace(data, site=site)))
    assert warned <= 3


def test_check_refuses_a_simulated_study_whose_sites_are_its_classes(tmp_path):
    file = write_experiment(tmp_path, "unused")
    text = file.read_text()
    start, end = text.index("  tiny:"), text.index("targets:")
    made = "  made: {{kind: simulated, n_participants: 20, n_sites: 2, site_imbalance: {}}}\n"
    file.write_text(text[:start] + made.format(1) + text[end:])
    refused = CliRunner().invoke(commands, ["check", str(file)])
    assert "made/site-a has control alone, made/site-b patient" in str(refused.exception)
    assert "targets.diagnosis" in str(refused.exception)
    file.write_text(text[:start] + made.format(0.6) + text[end:])
    assert CliRunner().invoke(commands, ["check", str(file)]).exit_code == 0


def test_a_confounded_study_scores_by_its_scanner_and_the_report_says_so(tmp_path):
    sites = {"a": 0.9, "b": 0.1, "c": 0.85, "d": 0.15}
    cohort = made_cohort(160, seed=5, signal=0.0, sites=sites)
    shift = np.where(cohort["site"].isin(["a", "c"]), 1.5, 0.0)
    for name in ("r2", "r3", "r4"):
        cohort[name] += shift
    file = write_tables(tmp_path, {"boston": cohort}, SCHEMES)
    folder = lumbago.run(file, output=tmp_path / "run").folders[0]
    pooled = folder.scores.query("scope == 'pooled' and metric == 'roc_auc'")
    scores = pooled.set_index(["model", "scheme"])["score"]
    assert scores["logistic", "within_cohort"] > 0.7
    assert scores["site_only", "within_cohort"] > 0.8
    assert abs(scores["logistic", "leave_one_site_out"] - 0.5) < 0.15
    page = (tmp_path / "run" / "report.html").read_text()
    plain = re.sub(r"\s+", " ", page.replace("\u00a0", " "))
    assert "diagnosis is confounded with site: the site alone gives the class of 88 %" in plain
    found = re.search(r"AUC 0\.\d\d with people of every site in training, 0\.\d\d leaving each "
                      r"site out: a loss of 0\.\d\d", plain)  # fmt: skip
    assert found is not None

"""A locked cohort: nothing sees it, every look is counted, and the count cannot be edited."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import lumbago
from learning_data import make_dataset
from lumbago.cli import commands
from lumbago.errors import ConfigError, InputError
from lumbago.evaluation import Locked, evaluate
from lumbago.evaluation.ledger import FIRST, Ledger
from lumbago.evaluation.versus import compare_models
from lumbago.experiment.plan import plan_experiment
from lumbago.experiment.run import run_experiment
from lumbago.models import Ridge
from table_experiments import made_cohort, write_tables

SCHEMES = (
    "[{kind: within_cohort, n_splits: 3}, leave_one_cohort_out, "
    '{kind: locked, cohort: kyoto, reason: "registered before the data came"}]'
)


@pytest.fixture
def file(tmp_path):
    cohorts = {n: made_cohort(30, seed=i + 1) for i, n in enumerate(["boston", "kyoto", "nagoya"])}
    return write_tables(tmp_path / "study", cohorts, SCHEMES)


def run(file, **settings):
    out = file.parent.parent / "runs" / settings.pop("to", "x")
    return run_experiment(file, output=out, **settings).folders[0]


def ledger(file):
    return file.parent / "looks.jsonl"


def test_until_it_is_opened_nothing_shows_or_uses_the_cohort(file):
    folder = run(file)
    assert not ledger(file).exists()
    for name in ("predictions", "participants", "scores", "fits", "audit", "weights"):
        assert "kyoto" not in (folder.path / f"{name}.tsv").read_text(), name
    assert set(folder.predictions["scheme"]) == {"within_cohort", "leave_one_cohort_out"}
    assert set(folder.predictions["split"]) - {""} == {"boston", "nagoya"}
    assert (folder.audit["verdict"] != "failed").all()
    told = folder.run["baselines_missing"]["locked:kyoto"]
    assert told == "kyoto is locked and was never looked at; open it with --unlock kyoto"
    assert folder.run["looks"] == []


def test_opening_changes_nothing_else_and_writes_down_the_look_before(file):
    closed = run(file, to="closed")
    opened = run(file, to="opened", unlock=["kyoto"])
    keep = opened.predictions[opened.predictions["scheme"] != "locked:kyoto"]
    assert keep.reset_index(drop=True).equals(closed.predictions)
    look = opened.predictions[opened.predictions["scheme"] == "locked:kyoto"]
    assert set(look["cohort"]) == {"kyoto"}
    assert len(look.query("model == 'logistic'")) == 30
    fits = opened.fits.query("scheme == 'locked:kyoto' and model == 'logistic'")
    assert fits["n_train"].tolist() == [60]
    entry, scores = Ledger(ledger(file)).lines()
    assert (entry["event"], entry["cohort"], entry["participants"]) == ("look", "kyoto", 30)
    assert entry["reason"] == "registered before the data came"
    assert "regions · logistic" in entry["models"]
    assert (scores["event"], len(scores["predictions"])) == ("scores", 64)
    assert "sub-2" not in ledger(file).read_text()
    assert opened.run["looks"][0]["looks"] == 1
    assert opened.run["looks"][0]["head"] == scores["hash"]


def test_the_same_look_counts_once_and_needs_no_key_again(file):
    first = run(file, to="a", unlock=["kyoto"])
    lines = ledger(file).read_bytes()
    again = run(file, to="b")
    assert ledger(file).read_bytes() == lines
    assert again.predictions.equals(first.predictions)
    assert again.run["looks"] == first.run["looks"]
    (file.parent.parent / "runs" / "store").rename(file.parent.parent / "runs" / "gone")
    assert run(file, to="c").predictions.equals(first.predictions)
    assert ledger(file).read_bytes() == lines


def test_another_model_is_another_look_and_is_asked_for(file):
    run(file, unlock=["kyoto"])
    file.write_text(file.read_text().replace("kind: logistic}", "kind: logistic, C: 0.01}"))
    told = run(file).run["baselines_missing"]["locked:kyoto"]
    assert "was looked at once" in told
    folder = run(file, unlock=["kyoto"])
    assert folder.run["looks"][0]["looks"] == 2
    assert len(Ledger(ledger(file)).lines()) == 4


def test_the_report_says_how_often_the_cohort_was_looked_at(file):
    out = file.parent.parent / "runs" / "x"
    lumbago.run(file, output=out, unlock=["kyoto"])
    file.write_text(file.read_text().replace("kind: logistic}", "kind: logistic, C: 0.01}"))
    lumbago.run(file, output=out, unlock=["kyoto"])
    page = (out / "report.html").read_text()
    assert "kyoto is a locked cohort; its ledger says that it has been looked at 2 times" in page
    assert "registered before the data came" in page
    assert "The locked cohort (kyoto)" in page


def test_the_same_people_under_another_name_have_been_looked_at(file):
    run(file, unlock=["kyoto"])
    text = (
        file.read_text().replace("  kyoto:", "  osaka:").replace("cohort: kyoto", "cohort: osaka")
    )
    file.write_text(text)
    assert run(file, unlock=["osaka"]).run["looks"][0]["looks"] == 2


def test_neither_check_nor_plan_looks(file):
    assert CliRunner().invoke(commands, ["check", str(file)]).exit_code == 0
    plan = plan_experiment(file, output=file.parent.parent / "runs" / "x")
    assert not ledger(file).exists()
    assert "--unlock kyoto" in plan.targets[0].not_available["locked:kyoto"]


def test_what_is_not_locked_cannot_be_opened(file):
    with pytest.raises(InputError, match=r"--unlock boston: .* it locks kyoto"):
        run(file, unlock=["boston"])
    text = file.read_text()
    file.write_text(text.replace("cohort: kyoto", "cohort: kioto"))
    with pytest.raises(ConfigError, match="did you mean 'kyoto'"):
        run(file)


def test_an_experiment_of_locked_schemes_alone_waits_for_its_key(file):
    text = file.read_text()
    file.write_text(text.replace("{kind: within_cohort, n_splits: 3}, leave_one_cohort_out, ", ""))
    with pytest.raises(InputError, match="open it with --unlock kyoto"):
        run(file)
    folder = run(file, unlock=["kyoto"])
    assert set(folder.predictions["scheme"]) == {"locked:kyoto"}


@pytest.mark.parametrize("damage", ["edit", "cut", "swap", "forge"])
def test_a_ledger_that_was_changed_is_refused(tmp_path, damage):
    book = Ledger(tmp_path / "looks.jsonl")
    for i in range(4):
        book.append("look", {"cohort": "c", "people": "p", "units": [str(i)], "models": []})
    lines = book.path.read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines] == [1, 2, 3, 4]
    assert json.loads(lines[0])["previous"] == FIRST
    if damage == "edit":
        lines[1] = lines[1].replace('"1"', '"7"')
    elif damage == "cut":
        del lines[1]
    elif damage == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        del lines[0]
    book.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"looks\.jsonl:\d: this line is not as it was written"):
        book.looks("c", "p")
    with pytest.raises(InputError):
        book.append("look", {"cohort": "c"})


def test_a_notebook_keeps_no_ledger_and_so_opens_nothing():
    data = make_dataset(24, 2, cohorts=2, kind="continuous")
    scheme = Locked(cohort="cohort1", reason="registered before")
    with pytest.raises(InputError, match="whose ledger counts"):
        evaluate(data, Ridge(), scheme, seed=1)
    split = scheme.splits(data, 0)[0]
    assert set(data.cohort[split.test]) == {"cohort1"}
    assert len(split.train) + len(split.test) == 24
    assert np.intersect1d(split.train, split.test).size == 0


def test_two_models_on_the_locked_cohort_are_compared_by_delong(file):
    text = file.read_text()
    text = text.replace("{kind: within_cohort, n_splits: 3}, leave_one_cohort_out, ", "")
    more = "  logistic: {kind: logistic}\n  firm: {kind: logistic, C: 0.001}\n"
    file.write_text(text.replace("  logistic: {kind: logistic}\n", more))
    result = run(file, unlock=["kyoto"]).result
    pairs = [(("regions", "logistic"), ("regions", "firm"))]
    table = compare_models(result.predictions, result.target, pairs, "locked:kyoto", seed=1)
    assert "part:kyoto" in set(table["scope"])

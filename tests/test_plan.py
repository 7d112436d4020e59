"""A plan counts and estimates, and computes nothing."""

from __future__ import annotations

import pytest

from experiments import copy_cohort, write_experiment
from lumbago.errors import InputError
from lumbago.experiment.costs import scan_size, seconds_of_voxels
from lumbago.experiment.plan import plan_experiment
from lumbago.experiment.run import run_experiment
from lumbago.extractors import Amplitude
from lumbago.store import Store

NO_PERMUTATIONS = ("permutations: 10", "permutations: 0")


def test_a_plan_counts_what_a_run_would_do_and_does_none_of_it(
    tiny_cohort_folder, tmp_path, monkeypatch
):
    def computes(*_: object) -> None:
        raise AssertionError("a plan computed something")

    file = write_experiment(tmp_path, tiny_cohort_folder)
    with monkeypatch.context() as patched:
        patched.setattr(Amplitude, "extract", computes)
        patched.setattr("lumbago.evaluation.units.Unit.run", computes)
        plan = plan_experiment(file, output=tmp_path / "runs" / "x")
    assert not (tmp_path / "runs" / "x").exists()
    assert list(Store(tmp_path / "runs" / "store").keys()) == []
    assert plan.cohorts.iloc[0].tolist()[:3] == ["tiny", "bids", 12]
    n_scans = plan.cohorts["scans"].iloc[0]
    assert [(f.key, f.scans, f.stored, f.missing) for f in plan.features] == [
        ("alff", n_scans, 0, n_scans), ("edges", n_scans, 0, n_scans),
    ]  # fmt: skip
    target = plan.targets[0]
    assert (target.participants, target.stored, target.sure) == (12, 0, False)
    # Cells: logistic on three sets, forest on one, three baselines; two repeats and one,
    # with one chunk of permutations a cell and scheme, but none for guessing.
    assert target.units == 8 * 3 + 7 * 2
    assert plan.seconds > 0
    assert plan.disk > 0
    assert plan.memory > 1e8


def test_after_a_run_nothing_is_left_to_do(tiny_cohort_folder, tmp_path):
    file = write_experiment(tmp_path, tiny_cohort_folder, NO_PERMUTATIONS)
    run_experiment(file, output=tmp_path / "runs" / "x")
    plan = plan_experiment(file, output=tmp_path / "runs" / "x")
    assert [f.missing for f in plan.features] == [0, 0]
    target = plan.targets[0]
    assert target.sure
    assert target.stored == target.units
    assert target.fits == 0
    assert plan.seconds == 0


def test_who_is_left_out_before_measuring_is_told_with_the_reason(tiny_cohort_folder, tmp_path):
    file = write_experiment(
        tmp_path, tiny_cohort_folder, NO_PERMUTATIONS, ("task: rest", "task: rest, keep: age > 40")
    )
    plan = plan_experiment(file, output=tmp_path / "runs" / "x")
    told = plan.excluded
    assert set(told["reason"]) == {"does not meet: age > 40"}
    assert told["n"].sum() == plan.cohorts["excluded"].iloc[0] > 0


def test_a_simulated_cohort_that_is_not_there_is_told_with_its_size(tmp_path):
    file = write_experiment(tmp_path, "unused")
    text = file.read_text()
    start, end = text.index("  tiny:"), text.index("targets:")
    file.write_text(text[:start] + "  made: {kind: simulated, n_participants: 20}\n" + text[end:])
    plan = plan_experiment(file, output=tmp_path / "runs" / "x")
    assert plan.simulated["made"]["n_participants"] == 20
    assert plan.targets == ()
    assert "written" in plan.notes[0]
    assert not (tmp_path / "runs").exists()


def test_a_scan_with_a_broken_header_counts_as_nothing_and_stops_no_plan(
    tiny_cohort_folder, tmp_path
):
    study = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    bold = sorted(study.rglob("*preproc_bold.nii.gz"))[0]
    bold.write_bytes(b"no image")
    from lumbago import read_bids

    scans = read_bids(study, task="rest", space="MNI152NLin2009aSym").scans
    sizes = [scan_size(s) for s in scans if "bold" in s.files]
    assert all(size > 1e5 for size in sizes[1:])
    file = write_experiment(tmp_path, study, NO_PERMUTATIONS)
    assert plan_experiment(file, output=tmp_path / "runs" / "x").features[0].scans > 0


def test_what_stops_a_run_stops_its_plan(tiny_cohort_folder, tmp_path):
    file = write_experiment(tmp_path, tiny_cohort_folder, ("column: group", "column: grup"))
    with pytest.raises(InputError, match="did you mean 'group'"):
        plan_experiment(file, output=tmp_path / "runs" / "x")


def test_sessions_too_short_to_be_measured_are_told_before(tiny_cohort_folder, tmp_path):
    strict = ("scrub: {fd: 0.5}", "scrub: {fd: 0.001}")
    file = write_experiment(tmp_path, tiny_cohort_folder, strict)
    plan = plan_experiment(file, output=tmp_path / "run", store=tmp_path / "store")
    assert any("sessions will be rejected" in note and "E_SHORT" in note for note in plan.notes)


def test_degree_centrality_grows_with_the_square_of_the_voxels():
    box, volumes = 61 * 73 * 61, 200
    large = seconds_of_voxels("degree_centrality", 8 * box, volumes)
    assert large > 40 * seconds_of_voxels("degree_centrality", box, volumes)
    assert seconds_of_voxels("reho", 8 * box, volumes) == pytest.approx(
        8 * seconds_of_voxels("reho", box, volumes)
    )
    # 5.4 core seconds were measured for 69,798 voxels, 200 volumes, cleaned.
    assert 4 < seconds_of_voxels("degree_centrality", box, volumes) < 9

"""Extraction asks the store first, computes what is missing, and stops for no bad scan."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lumbago
from experiments import copy_cohort
from lumbago.data import Cohort, Extraction, Scan
from lumbago.errors import EnvironmentProblem, InputError, ScanRejected
from lumbago.extraction import Rejected, averaged, extract, gather, in_parallel, without_paths
from lumbago.extraction import cohort as cohort_module
from lumbago.extraction.kept import extraction_key
from lumbago.extractors import Amplitude, Connectome, Homogeneity, TableColumns
from lumbago.reading.denoise import Denoise
from lumbago.reading.recording import Recording
from lumbago.store import Store

MOTION = Denoise(strategy="motion6")
ALFF = Amplitude(kind="alff", atlas="lumbago200", denoise=MOTION)
FALFF = Amplitude(kind="falff", atlas="lumbago200", denoise=MOTION)
EDGES = Connectome(atlas="dosenbach160", denoise=MOTION)


def read(folder) -> Cohort:
    return lumbago.read_bids(folder, task="rest", space="MNI152NLin2009aSym", denoise=MOTION)


@pytest.fixture
def cohort(tiny_cohort_folder):
    cohort = read(tiny_cohort_folder)
    return cohort.keep("participant_id in ['sub-01', 'sub-02', 'sub-03']")


@pytest.fixture
def opened(monkeypatch):
    """Scans that are opened, in this process."""
    seen = []

    class Watched(Recording):
        def __init__(self, scan, **settings):
            seen.append(str(scan))
            super().__init__(scan, **settings)

    monkeypatch.setattr("lumbago.reading.recording.Recording", Watched)
    return seen


def test_one_extractor_gives_one_table_of_sorted_sessions(cohort):
    table = extract(cohort, ALFF)
    assert table.key == "alff"
    assert table.values.index.names == ["cohort", "participant_id", "session"]
    assert table.values.index.is_monotonic_increasing
    assert list(table.values.index) == [s.index for s in cohort.scans]
    assert table.values.shape[1] == 200
    assert all(c.startswith("alff.low:") for c in table.values.columns)
    assert (table.values.dtypes == np.float32).all()
    assert table.coverage.shape == (len(table), 200)


def test_values_are_those_of_the_extractor_alone(cohort):
    table = extract(cohort, {"a": ALFF})["a"]
    scan = cohort.scans[1]
    alone = ALFF.extract(Recording(scan)).series("a")
    assert list(table.values.columns) == list(alone.index)
    np.testing.assert_array_equal(table.values.loc[scan.index], alone)


def test_each_scan_is_opened_once_for_all_its_features(cohort, opened):
    extract(cohort, {"alff": ALFF, "falff": FALFF})
    assert opened == [str(s) for s in cohort.scans]


def test_what_is_stored_is_not_computed_again(cohort, opened, tmp_path):
    first = extract(cohort, {"alff": ALFF}, store=Store(tmp_path))
    opened.clear()
    second = extract(cohort, {"alff": ALFF}, store=Store(tmp_path))
    assert opened == []
    pd.testing.assert_frame_equal(first["alff"].values, second["alff"].values, check_exact=True)
    pd.testing.assert_frame_equal(first["alff"].coverage, second["alff"].coverage)
    assert first["alff"].notes == second["alff"].notes


def test_a_changed_setting_computes_that_feature_only(cohort, tmp_path, monkeypatch):
    store = Store(tmp_path)
    extract(cohort, {"alff": ALFF, "edges": EDGES}, store=store)
    before = set(store.keys())
    narrow = ALFF.model_copy(update={"bands": {"low": (0.01, 0.08)}})
    measured = []
    original = cohort_module.measure_scan

    def watched(scan, extractors, keys, store):
        measured.append((str(scan), *extractors))
        return original(scan, extractors, keys, store)

    monkeypatch.setattr(cohort_module, "measure_scan", watched)
    extract(cohort, {"alff": narrow, "edges": EDGES}, store=store)
    assert measured == [(str(s), "alff") for s in cohort.scans]
    assert len(set(store.keys()) - before) == len(cohort.scans)


def test_the_key_does_not_decide_what_is_computed(cohort, opened, tmp_path):
    extract(cohort, {"alff": ALFF}, store=Store(tmp_path))
    opened.clear()
    table = extract(cohort, {"amplitude": ALFF}, store=Store(tmp_path))["amplitude"]
    assert opened == []
    assert table.values.columns[0].startswith("amplitude.low:")


def test_a_file_replaced_under_its_old_time_and_size_is_measured_again(
    tiny_cohort_folder, tmp_path, opened
):
    folder = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    cohort = read(folder).keep("participant_id in ['sub-01', 'sub-02']")
    store = Store(tmp_path / "store")
    before = extract(cohort, ALFF, store=store)
    opened.clear()
    scan = cohort.scans[0]
    confounds = scan.files["confounds"]
    old = confounds.stat()
    text = confounds.read_text()
    lines = text.split("\n")
    lines[5], lines[6] = lines[6], lines[5]
    with confounds.open("r+") as f:
        f.write("\n".join(lines))
    os.utime(confounds, ns=(old.st_atime_ns, old.st_mtime_ns))
    new = confounds.stat()
    assert (new.st_size, new.st_mtime_ns, new.st_ino) == (old.st_size, old.st_mtime_ns, old.st_ino)
    after = extract(cohort, ALFF, store=Store(tmp_path / "store"))
    assert opened == [str(scan)]
    assert not np.array_equal(
        before.values.loc[scan.index], after.values.loc[scan.index], equal_nan=True
    )


def test_the_confounds_sidecar_decides_too_and_is_part_of_the_key(tiny_cohort_folder, tmp_path):
    folder = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    scan = read(folder).scans[0]
    store = Store(tmp_path / "store")
    before = extraction_key(scan, ALFF, store)
    sidecar = scan.files["confounds_json"]
    sidecar.write_text(sidecar.read_text().replace('"Retained": true', '"Retained": false', 1))
    assert extraction_key(scan, ALFF, Store(tmp_path / "store")) != before
    unclean = ALFF.model_copy(update={"denoise": None})
    assert "confounds_json" not in unclean.inputs(scan)


def test_a_broken_scan_is_recorded_and_stops_nothing(tiny_cohort_folder, tmp_path, opened):
    folder = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    cohort = read(folder).keep("participant_id in ['sub-01', 'sub-02', 'sub-03']")
    bold = cohort.scans[0].files["bold"]
    bold.write_bytes(bold.read_bytes()[: bold.stat().st_size // 2])
    store = Store(tmp_path / "store")
    tables = extract(cohort, {"alff": ALFF, "falff": FALFF}, store=store)
    for key, table in tables.items():
        assert len(table) == len(cohort.scans) - 1
        assert list(table.rejected["feature"]) == [key]
        assert list(table.rejected["participant_id"]) == ["sub-01"]
        assert table.rejected["code"].iloc[0].startswith("E_")
        assert str(tmp_path) not in table.rejected["reason"].iloc[0]
    opened.clear()
    again = extract(cohort, {"alff": ALFF}, store=store)["alff"]
    assert opened == []
    pd.testing.assert_frame_equal(again.rejected, tables["alff"].rejected)


def test_a_missing_file_is_recorded_and_not_remembered(tiny_cohort_folder, tmp_path):
    folder = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    cohort = read(folder).keep("participant_id in ['sub-01', 'sub-02']")
    bold = cohort.scans[0].files["bold"]
    aside = bold.rename(tmp_path / "aside")
    store = Store(tmp_path / "store")
    table = extract(cohort, ALFF, store=store)
    assert list(table.rejected["code"]) == ["E_MISSING"]
    aside.rename(bold)
    assert len(extract(cohort, ALFF, store=store).rejected) == 0


def test_an_unforeseen_failure_is_recorded_without_paths_and_tried_again(
    cohort, tmp_path, monkeypatch
):
    def fails(self, recording):
        raise RuntimeError(f"cannot open {tmp_path}/secret/scan.nii")

    store = Store(tmp_path / "store")
    with monkeypatch.context() as patched:
        patched.setattr(Amplitude, "extract", fails)
        table = extract(cohort, ALFF, store=store)
    assert set(table.rejected["code"]) == {"E_FAILED"}
    assert set(table.rejected["reason"]) == {"RuntimeError: cannot open scan.nii"}
    assert len(extract(cohort, ALFF, store=store)) == len(cohort.scans)


def test_a_full_disk_stops_everything(cohort, tmp_path, monkeypatch):
    def full(self, *_: object, **__: object):
        raise EnvironmentProblem("full")

    monkeypatch.setattr(Store, "save", full)
    with pytest.raises(EnvironmentProblem, match="full"):
        extract(cohort, ALFF, store=Store(tmp_path))


def test_a_damaged_entry_is_computed_again(cohort, tmp_path, opened):
    store = Store(tmp_path)
    first = extract(cohort, ALFF, store=store)
    opened.clear()
    entry = next(p for p in tmp_path.glob("*/*/features.npy"))
    entry.write_bytes(entry.read_bytes()[:-1] + b"\x00\x00")
    store = Store(tmp_path)
    again = extract(cohort, ALFF, store=store)
    assert len(opened) == 1
    assert len(store.corrupt) == 1
    pd.testing.assert_frame_equal(first.values, again.values, check_exact=True)


def test_maps_that_nothing_would_keep_are_told(cohort, tmp_path):
    some = cohort.keep("participant_id == 'sub-01'")
    with pytest.warns(UserWarning, match="feature reho: without an atlas .* maps are lost"):
        table = extract(some, Homogeneity(band=None))
    assert table.values.shape[1] == 0
    extract(some, Homogeneity(band=None), store=tmp_path / "store")  # kept there: no warning


def test_no_scan_with_the_needed_files_is_an_error(cohort):
    without = replace(cohort, scans=tuple(replace(s, files={}) for s in cohort.scans))
    with pytest.raises(InputError, match="feature alff: none of the 3 scans of cohort has bold"):
        extract(replace(without, scans=without.scans[:3]), ALFF)


def test_columns_of_the_tables_are_features_without_any_scan(cohort):
    table = extract(cohort, {"who": TableColumns(columns=["age"])})["who"]
    assert list(table.values.columns) == ["who.age"]
    assert (table.values["who.age"] > 18).all()


def test_jobs_do_not_change_a_bit(cohort, tmp_path):
    extractors = {"alff": ALFF, "reho": Homogeneity(atlas="lumbago200", denoise=MOTION)}
    one = extract(cohort, extractors, store=Store(tmp_path / "1"))
    two = extract(cohort, extractors, store=Store(tmp_path / "2"), n_jobs=2)
    for key in extractors:
        pd.testing.assert_frame_equal(one[key].values, two[key].values, check_exact=True)
    names = [list(Store(tmp_path / n).keys()) for n in "12"]
    assert names[0] == names[1]


def test_progress_counts_every_scan(cohort, tmp_path):
    seen = []
    store = Store(tmp_path)
    extract(cohort, ALFF, store=store, progress=lambda *what: seen.append(what))
    assert [done for done, _, _ in seen] == list(range(1, len(cohort.scans) + 1))
    assert {total for _, total, _ in seen} == {len(cohort.scans)}


def scan_of(session: str, run: str = "") -> Scan:
    return Scan("sub-1", session, run, "a")


def extraction_of(**values: float) -> Extraction:
    return Extraction(
        tuple(f":{k}" for k in values), np.array(list(values.values()), dtype=np.float32)
    )


def test_runs_of_a_session_are_averaged_and_a_rejected_run_does_not_cost_the_session():
    found = [
        (scan_of("ses-1", "run-1"), extraction_of(x=1, y=np.nan)),
        (scan_of("ses-1", "run-2"), extraction_of(x=3, y=5)),
        (scan_of("ses-2", "run-1"), Rejected("E_X", "broken")),
        (scan_of("ses-2", "run-2"), extraction_of(x=7, y=8)),
    ]
    table = gather("f", ALFF, found)
    assert table.values.loc[("a", "sub-1", "ses-1")].tolist() == [2, 5]
    assert table.values.loc[("a", "sub-1", "ses-2")].tolist() == [7, 8]
    assert list(table.rejected["run"]) == ["run-1"]


def test_correlations_are_averaged_as_fisher_z():
    runs = np.array([[0.9, 1.0, 0.5], [0.1, 1.0, np.nan]])
    expected = np.tanh((np.arctanh(0.9) + np.arctanh(0.1)) / 2)
    np.testing.assert_allclose(averaged(runs, "fisher_z"), [expected, 1.0, 0.5])
    np.testing.assert_allclose(averaged(runs, "mean"), [0.5, 1.0, 0.5])


def test_features_that_some_scans_lack_are_missing_and_said():
    found = [(scan_of("ses-1"), extraction_of(x=1, y=2)), (scan_of("ses-2"), extraction_of(y=3))]
    table = gather("f", ALFF, found)
    assert np.isnan(table.values.loc[("a", "sub-1", "ses-2"), "f:x"])
    assert table.values.loc[("a", "sub-1", "ses-2"), "f:y"] == 3
    assert "1 of 2 features are not in every scan" in table.notes


def test_paths_leave_messages():
    assert without_paths("no /a/b c/x.nii, and C:\\data\\y.nii") == "no b c/x.nii, and y.nii"
    assert without_paths("0.5/2 of 3 mm") == "0.5/2 of 3 mm"
    hospital = Path("/data/St Mary/x.nii")
    assert without_paths(f"cannot open {hospital}", [hospital]) == "cannot open x.nii"


def suicide(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), 9)
    return number


def died(number: int) -> str:
    return f"{number} died"


def test_a_dying_worker_costs_its_own_task_only():
    tasks = [(i,) for i in range(4)]
    outcome = dict(in_parallel(suicide, tasks, 2, died=died))
    assert outcome == {0: 0, 1: "1 died", 2: 2, 3: 3}


def rejects(number: int) -> int:
    raise ScanRejected("E_X", "reason")


def test_errors_of_workers_come_home():
    with pytest.raises(ScanRejected, match="E_X: reason"):
        list(in_parallel(rejects, [(0,), (1,)], 2, died=died))


def test_a_store_may_be_a_path_and_an_extractor_a_kind(cohort, tmp_path, opened):
    first = extract(cohort, {"low": {"kind": "alff", "atlas": "lumbago200"}}, store=tmp_path / "s")
    assert opened
    opened.clear()
    again = extract(cohort, {"low": ALFF.model_copy(update={"denoise": Denoise()})},
                    store=str(tmp_path / "s"))  # fmt: skip
    assert opened == []
    pd.testing.assert_frame_equal(first["low"].values, again["low"].values)
    with pytest.raises(InputError, match="did you mean 'alff'"):
        extract(cohort, "alf")

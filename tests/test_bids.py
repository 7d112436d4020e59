"""BIDS datasets: what is found, what is refused, and that indexing opens no image."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets import AFFINE, SPACE, bold_image, confounds_table, write_derivatives, write_scan
from lumbago.errors import InputError
from lumbago.reading import BidsCohort, Denoise, Scrub, read_bids
from lumbago.reading.sidecars import ALLOWED, read_sidecar
from lumbago.reading.walker import parse, walk

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
from bench_bids_index import SPACES, make_dataset


def touch(path: Path, content: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def empty_scan(root: Path, name: str, folder: str = "func") -> Path:
    """The name of a scan, and nothing in it."""
    parts = name.split("_")
    session = parts[1] if parts[1].startswith("ses-") else ""
    return touch(root / parts[0] / session / folder / name)


def refused(**settings: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_bids(**settings)
    return str(caught.value)


def test_fmriprep_output_becomes_a_cohort(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path / "fmriprep")
    fd = confounds_table(seed=0)["framewise_displacement"]
    limit = float(fd.quantile(0.9))
    cohort = read_bids(root, name="nagoya", denoise=Denoise(scrub=Scrub(fd=limit)))
    assert [str(s) for s in cohort.scans] == ["sub-01", "sub-02"]
    scan = cohort.scans[0]
    assert sorted(scan.files) == ["bold", "confounds", "confounds_json", "mask"]
    assert scan.files["confounds"].name == "sub-01_task-rest_desc-confounds_timeseries.tsv"
    assert (scan.t_r, scan.space, scan.cohort) == (2.0, SPACE, "nagoya")
    row = cohort.table.loc[("nagoya", "sub-01", "")]
    assert row["mean_fd"] == pytest.approx(fd.mean())
    assert row["n_volumes"] == 120
    assert row["n_volumes_kept"] == 120 - (fd > limit).sum()
    assert row["minutes_kept"] == pytest.approx(row["n_volumes_kept"] / 30)
    assert row["site"] == "nagoya"
    assert cohort.notes == ()


def test_sessions_runs_and_resolutions_are_told_apart(tmp_path: Path) -> None:
    for stem in ("sub-01_ses-1_task-rest_run-1", "sub-01_ses-1_task-rest_run-2",
                 "sub-01_ses-2_task-rest_run-1", "sub-02_ses-1_task-rest"):  # fmt: skip
        write_scan(tmp_path, stem, res="_res-2", n_volumes=10)
    touch(tmp_path / "participants.tsv", "participant_id\tsex\nsub-01\tF\n02\tM\n")
    touch(
        tmp_path / "sub-01" / "sub-01_sessions.tsv",
        "session_id\tvas\nses-1\t6\nses-2\t2.5\nses-3\t1\n",
    )
    cohort = read_bids(tmp_path)
    assert [(s.participant, s.session, s.run) for s in cohort.scans] == [
        ("sub-01", "ses-1", "run-1"), ("sub-01", "ses-1", "run-2"), ("sub-01", "ses-2", "run-1"),
        ("sub-02", "ses-1", ""),
    ]  # fmt: skip
    roles = {"bold", "mask", "confounds", "confounds_json"}
    assert all(set(s.files) == roles for s in cohort.scans)
    assert cohort.scans[0].entities["res"] == "2"
    sessions = cohort.sessions.set_index(["participant_id", "session"])
    np.testing.assert_array_equal(sessions["vas"], [6, 2.5, np.nan])
    np.testing.assert_array_equal(sessions["n_volumes"], [20, 10, 10])
    assert cohort.notes == ("1 rows of the session tables have no scan",)
    second = read_bids(tmp_path, sessions=["2"], allow_missing=True)
    assert [s.session for s in second.scans] == ["ses-2"]
    assert list(second.excluded["code"]) == ["E_NO_SCAN"]


def test_a_raw_dataset_says_what_it_is_not(shared_data: Path) -> None:
    cohort = read_bids(raw=shared_data / "bold" / "rest_bids")
    (scan,) = cohort.scans
    assert sorted(scan.files) == ["bold"]
    assert (scan.t_r, scan.space) == (2.52, "scanner")
    assert "without confounds; brain masks are computed" in cohort.notes[0]
    assert cohort.sessions["n_volumes"].tolist() == [20]
    assert "mean_fd" not in cohort.sessions


def test_the_nearest_sidecar_wins(tmp_path: Path) -> None:
    empty_scan(tmp_path, "sub-01_task-rest_bold.nii.gz")
    empty_scan(tmp_path, "sub-02_task-rest_bold.nii.gz")
    empty_scan(tmp_path, "sub-03_task-rest_bold.nii.gz")
    touch(tmp_path / "task-rest_bold.json", '{"RepetitionTime": 3.0}')
    touch(tmp_path / "task-nback_bold.json", '{"RepetitionTime": 9.0}')
    touch(tmp_path / "sub-02" / "sub-02_task-rest_bold.json", '{"RepetitionTime": 2.0}')
    touch(tmp_path / "sub-03" / "func" / "sub-03_task-rest_bold.json", '{"RepetitionTime": 1.0}')
    assert [s.t_r for s in read_bids(raw=tmp_path).scans] == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("content", ["[1]", "{", "\xff", '{"RepetitionTime": "2"}', "[" * 100_000])
def test_a_sidecar_that_cannot_be_read_tells_nothing(tmp_path: Path, content: str) -> None:
    empty_scan(tmp_path, "sub-01_task-rest_bold.nii.gz")
    touch(tmp_path / "task-rest_bold.json").write_bytes(content.encode("latin-1"))
    assert read_bids(raw=tmp_path).scans[0].t_r is None


def test_only_allowed_keys_of_a_sidecar_are_ever_held(tmp_path: Path) -> None:
    keys = (
        "PatientName", "PatientID", "PatientBirthDate", "InstitutionName", "StationName",
        "DeviceSerialNumber", "AcquisitionDateTime", "OperatorName", "ProcedureStepDescription",
    )  # fmt: skip
    about = dict.fromkeys(keys, "JANE DOE")
    path = touch(tmp_path / "x.json", json.dumps({**about, "RepetitionTime": 2}))
    assert read_sidecar(path) == {"RepetitionTime": 2}
    assert not {k.lower() for k in ALLOWED} & {k.lower() for k in about}
    write_scan(tmp_path / "data", sidecar={**about, "RepetitionTime": 2.0})
    touch(tmp_path / "data" / "dataset_description.json", json.dumps(about))
    cohort = read_bids(tmp_path / "data")
    assert cohort.scans[0].t_r == 2.0
    told = repr(cohort.scans) + repr(cohort.notes) + cohort.table.to_string()
    assert "JANE" not in told


def test_indexing_opens_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_derivatives(tmp_path)
    opened = []
    for module, name in (("builtins", "open"), ("io", "open")):
        import importlib

        real = getattr(importlib.import_module(module), name)

        def spying(file: object, *args: object, real: Any = real, **kwargs: object) -> object:
            opened.append(str(file))
            return real(file, *args, **kwargs)

        monkeypatch.setattr(f"{module}.{name}", spying)
    found = BidsCohort(derivatives=tmp_path).find("x")
    monkeypatch.undo()
    assert len(found.scans) == 2
    assert any(name.endswith(".json") for name in opened), "the spy sees nothing"
    assert not [name for name in opened if ".nii" in name]


def test_a_study_of_realistic_size_is_indexed_whole(tmp_path: Path) -> None:
    n_files = make_dataset(tmp_path, n_subjects=20)
    assert n_files == sum(1 for _ in walk(tmp_path))
    found = BidsCohort(derivatives=tmp_path, space=SPACES[1]).find("x")
    assert len(found.scans) == 20
    assert {len(s.files) for s in found.scans} == {4}
    assert {s.t_r for s in found.scans} == {2.0}


def test_what_is_not_there_is_named_beside_what_is(tmp_path: Path) -> None:
    write_scan(tmp_path, n_volumes=5)
    assert "none of 1 *_bold images has task rst, desc preproc; there is task rest" in refused(
        derivatives=tmp_path, task="rst"
    )
    assert (
        f"no scan in space MNI152NLin2009Asym; there is {SPACE}; did you mean {SPACE}?"
        in refused(derivatives=tmp_path, space="MNI152NLin2009Asym")
    )
    empty_scan(tmp_path, "sub-01_task-rest_space-T1w_desc-preproc_bold.nii.gz")
    assert f"several spaces; there is {SPACE}, T1w" in refused(derivatives=tmp_path)
    (tmp_path / "empty").mkdir()
    assert "is this the dataset's root folder?" in refused(derivatives=tmp_path / "empty")
    told = refused(derivatives=tmp_path / "nowhere")
    assert told == "dataset folder nowhere: does not exist"
    with pytest.raises(ValueError, match="give one of `derivatives`"):
        BidsCohort()
    with pytest.raises(ValueError, match="give one of `derivatives`"):
        BidsCohort(derivatives=tmp_path, raw=tmp_path)


def test_several_files_for_one_run_are_told_apart_not_guessed(tmp_path: Path) -> None:
    for res in ("1", "2"):
        for sub in ("01", "02"):
            empty_scan(
                tmp_path, f"sub-{sub}_task-rest_space-{SPACE}_res-{res}_desc-preproc_bold.nii.gz"
            )
    told = refused(derivatives=tmp_path).splitlines()
    assert told[0] == (
        "sub-01: 2 files fit, told apart by res (1, 2); choose one with select: {res: ...}"
    )
    assert len(told) == 2
    chosen = read_bids(tmp_path, select={"res": "2"}).scans
    assert [s.entities["res"] for s in chosen] == ["2", "2"]
    empty_scan(tmp_path, f"sub-01_task-rest_space-{SPACE}_res-2_desc-preproc_bold.nii")
    assert "are both there; remove one" in refused(derivatives=tmp_path, select={"res": "2"})


def test_people_without_scan_and_scans_without_row_are_both_listed(tmp_path: Path) -> None:
    write_derivatives(tmp_path)
    touch(tmp_path / "participants.tsv", "participant_id\tage\nsub-02\t30\nsub-07\t31\n")
    told = refused(derivatives=tmp_path, name="osaka").splitlines()
    assert told[0].startswith(
        "cohort osaka: 1 in the participants table without a scan: sub-07; mend the tables"
    )
    assert told[1].startswith(
        "cohort osaka: 1 with scans but without a row in the participants table: sub-01;"
    )
    cohort = read_bids(tmp_path, allow_missing=True)
    assert [s.participant for s in cohort.scans] == ["sub-02"]
    left_out = cohort.excluded.set_index("participant_id")["code"].to_dict()
    assert left_out == {"sub-07": "E_NO_SCAN", "sub-01": "E_NO_ROW"}


def test_the_table_of_the_raw_dataset_above_is_found(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path / "derivatives" / "fmriprep")
    (root / "participants.tsv").rename(tmp_path / "participants.tsv")
    assert list(read_bids(root).participants["age"]) == [30, 31]
    (tmp_path / "participants.tsv").unlink()
    cohort = read_bids(root)
    assert len(cohort) == 2
    assert "no participants table: only what the scans tell is known" in cohort.notes


def test_links_in_circles_and_twins_give_every_scan_once(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path / "x")
    (root / "sub-01" / "func" / "loop").symlink_to(root)
    (root / "sub-01" / "ses-1").symlink_to(root / "sub-01")
    (root / "sub-03").symlink_to(root / "sub-01")
    (root / "sub-02" / "ses-9").mkdir()
    (root / "sub-02" / "ses-9" / "func").symlink_to(root / "sub-01" / "func")
    assert [str(s) for s in read_bids(root).scans] == ["sub-01", "sub-02"]


def test_a_file_in_the_folder_of_another_is_not_read(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path)
    touch(root / "sub-01" / "func" / f"sub-09_task-rest_space-{SPACE}_desc-preproc_bold.nii.gz")
    cohort = read_bids(root)
    assert [s.participant for s in cohort.scans] == ["sub-01", "sub-02"]
    assert cohort.notes == ("1 files lie in the folder of another participant: not read",)


def test_a_broken_link_leaves_the_scan_out_with_the_cure(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path)
    bold = next((root / "sub-02").rglob("*preproc_bold.nii.gz"))
    bold.unlink()
    bold.symlink_to("../../.git/annex/objects/gone")
    cohort = read_bids(root)
    assert list(cohort.participants["participant_id"]) == ["sub-01"]
    assert [s.participant for s in cohort.scans] == ["sub-01"]
    (row,) = cohort.excluded.to_dict("records")
    assert (row["participant_id"], row["code"]) == ("sub-02", "E_MISSING")
    assert row["reason"] == f"{bold.name}: a broken link; run datalad get"


def test_sessions_in_a_table_but_not_in_the_scans_are_refused(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path)
    rows = "sub-01\t1\t3\nsub-01\t2\t4\nsub-02\t1\t5\n"
    touch(root / "participants.tsv", f"participant_id\tsession_id\tvas\n{rows}")
    assert "tells of several sessions per participant, but the scans" in refused(derivatives=root)


def test_a_rule_that_nobody_meets_is_refused(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path)
    assert refused(derivatives=root, keep="age > 99") == (
        "cohort cohort: none of 2 participants meets keep: age > 99"
    )


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    write_derivatives(tmp_path, people=("a1", "A1"))
    if len(os.listdir(tmp_path)) < 4:
        pytest.skip("this file system does not tell upper from lower case")
    assert refused(derivatives=tmp_path) == (
        ".: sub-A1 and sub-a1 differ only in case; rename one, or remove the copy"
    )


@pytest.mark.parametrize("name", ["with space", "ünïcode", "x" * 200, "a'\"b"])
def test_odd_folder_names_are_fine(tmp_path: Path, name: str) -> None:
    root = write_derivatives(tmp_path / name)
    assert len(read_bids(root).scans) == 2


def test_still_maps_come_with_the_scans(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path)
    for sub in ("01", "02"):
        for tissue in ("GM", "WM"):
            touch(root / f"sub-{sub}/anat/sub-{sub}_space-{SPACE}_label-{tissue}_probseg.nii.gz")
    settings: dict[str, Any] = {"maps": {"gm": {"label": "GM", "suffix": "probseg"}}}
    scan = read_bids(root, space=SPACE, **settings).scans[0]
    assert scan.files["map:gm"].name == f"sub-01_space-{SPACE}_label-GM_probseg.nii.gz"
    assert "several files fit 'gm'" in refused(
        derivatives=root, space=SPACE, maps={"gm": {"suffix": "probseg"}}
    )


def test_the_data_folder_is_only_read(tmp_path: Path) -> None:
    root = write_derivatives(tmp_path)
    before = sorted((str(p), p.stat().st_mtime_ns) for p in root.rglob("*"))
    read_bids(root)
    assert sorted((str(p), p.stat().st_mtime_ns) for p in root.rglob("*")) == before


label = st.text("abcXYZ019+", min_size=1, max_size=5)


@given(st.dictionaries(st.sampled_from(["sub", "ses", "task", "run", "res", "desc"]), label))
def test_names_are_taken_apart_as_they_were_put_together(entities: dict[str, str]) -> None:
    name = "_".join([*(f"{k}-{v}" for k, v in entities.items()), "bold"]) + ".nii.gz"
    assert parse(name) == (entities, "bold", ".nii.gz")


def test_repetition_time_disagreeing_with_the_header_is_seen_when_opened(tmp_path: Path) -> None:
    from lumbago.errors import ScanRejected
    from lumbago.reading.recording import Recording

    bold = write_scan(tmp_path, t_r=2.0, sidecar={"RepetitionTime": 2.2})
    (scan,) = read_bids(tmp_path).scans
    with pytest.raises(ScanRejected, match=r"sidecar says .* 2.2 s, the image header 2 s"):
        Recording(scan).voxels(None)
    image = bold_image(t_r=2200.0)
    image.header.set_xyzt_units("mm", "msec")
    image.to_filename(bold)
    assert Recording(scan).voxels(None).t_r == 2.2
    assert Recording(scan).source.affine == pytest.approx(AFFINE)

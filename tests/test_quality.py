"""Quality of scans: the numbers of each, and what is told of a cohort."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from datasets import SPACE, write_scan
from lumbago.data import Scan
from lumbago.extractors import Quality
from lumbago.measures.motion import dvars
from lumbago.reading.atlases import load_atlas
from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.recording import Recording


@pytest.fixture
def scan(tmp_path) -> Scan:
    bold = write_scan(tmp_path, "sub-01_task-rest", n_volumes=140, seed=4)
    table = bold.with_name("sub-01_task-rest_desc-confounds_timeseries.tsv")
    found = pd.read_csv(table, sep="\t")
    fd = np.full(140, 0.1)
    fd[[0, 20, 21, 60]] = np.nan, 0.3, 0.7, 1.1
    found["framewise_displacement"] = fd
    found["non_steady_state_outlier00"] = (np.arange(140) == 0).astype(int)
    found.to_csv(table, sep="\t", index=False, na_rep="n/a")
    files = {
        "bold": bold,
        "mask": bold.with_name(bold.name.replace("preproc_bold", "brain_mask")),
        "confounds": table,
        "confounds_json": table.with_suffix(".json"),
    }
    return Scan("sub-01", files=files, t_r=2.0, space=SPACE)


def numbers(extractor: Quality, scan: Scan) -> dict[str, float]:
    found = extractor.extract(Recording(scan))
    return {n.removeprefix("."): v for n, v in zip(found.names, found.values.tolist(), strict=True)}


def test_a_scan_is_summed_up_as_its_files_say(scan):
    found = numbers(Quality(denoise=Denoise(strategy="motion6", scrub=Scrub(fd=0.5))), scan)
    assert found["mean_fd"] == pytest.approx((136 * 0.1 + 0.3 + 0.7 + 1.1) / 139, rel=1e-6)
    assert found["max_fd"] == pytest.approx(1.1)
    assert found["fd_above_02"] == pytest.approx(3 / 139)
    assert found["fd_above_05"] == pytest.approx(2 / 139)
    assert (found["n_volumes"], found["n_volumes_kept"]) == (140, 137)
    assert found["minutes_kept"] == pytest.approx(137 * 2 / 60)
    assert found["freedom"] == 137 - 2 - 6
    assert found["freedom_lost"] == pytest.approx(1 - 129 / 140)
    table = pd.read_csv(scan.files["confounds"], sep="\t")
    assert found["mean_std_dvars"] == pytest.approx(table["std_dvars"].mean(), rel=1e-6)
    data = nib.load(scan.files["bold"]).get_fdata()[1:-1].reshape(-1, 140)[:, 1:]
    ratio = data.mean(axis=1) / data.std(axis=1)
    assert found["median_tsnr"] == pytest.approx(np.median(ratio), rel=1e-5)
    assert "lowest_coverage" not in found


def test_without_a_table_dvars_is_that_of_the_voxels_and_motion_is_unknown(scan):
    bare = Scan("sub-01", files={k: scan.files[k] for k in ("bold", "mask")}, t_r=2.0)
    found = numbers(Quality(), bare)
    data = nib.load(scan.files["bold"]).get_fdata(dtype=np.float32)[1:-1].reshape(-1, 140).T
    expected = np.nanmean(dvars(data).standardized)
    assert found["mean_std_dvars"] == pytest.approx(expected, rel=1e-6)
    assert np.isnan([found["mean_fd"], found["fd_above_05"]]).all()
    assert found["freedom"] == 138


def test_without_an_image_the_table_tells_what_it_can(scan):
    table = Scan("sub-01", files={"confounds": scan.files["confounds"]}, t_r=2.0)
    assert Quality().applies_to(table)
    assert Quality().inputs(table) == ("confounds",)
    found = numbers(Quality(denoise=Denoise(strategy="motion6", scrub=Scrub(fd=0.5))), table)
    assert found["n_volumes_kept"] == 137
    assert np.isnan(found["median_tsnr"])


def test_a_denoising_that_leaves_too_little_is_noted_not_refused(scan):
    harsh = Quality(denoise=Denoise(strategy="motion6", scrub=Scrub(fd=0.05)))
    found = harsh.extract(Recording(scan))
    assert any("E_SCRUBBED" in note or "E_DOF" in note for note in found.notes)
    values = dict(zip(found.names, found.values.tolist(), strict=True))
    assert values[".n_volumes_kept"] == values[".freedom"] == 0
    assert values[".mean_fd"] > 0.1


def test_coverage_is_that_of_the_region_seen_least(scan):
    extractor = Quality(atlas="lumbago200")
    found = extractor.extract(Recording(scan))
    assert set(found.coverage) == set(load_atlas("lumbago200").names)
    values = dict(zip(found.names, found.values.tolist(), strict=True))
    assert values[".lowest_coverage"] == min(found.coverage.values()) == 0


def test_it_is_a_feature_like_any_other(scan, tmp_path: Path):
    from lumbago.extraction import extract
    from lumbago.reading import read_bids

    del tmp_path
    root = scan.files["bold"].parents[2]
    (root / "dataset_description.json").write_text('{"Name": "x", "DatasetType": "derivative"}')
    (root / "participants.tsv").write_text("participant_id\tage\nsub-01\t40\n")
    table = extract(read_bids(root, task="rest", space=SPACE), {"motion": Quality()})["motion"]
    assert len(table) == 1
    assert "motion.mean_fd" in table.values

"""Quality pages of scans are their owner's, among the derivatives; the page of all names nobody."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets import SPACE, write_derivatives
from lumbago.cli import _exit_code
from lumbago.extractors import Quality
from lumbago.reading import BidsCohort
from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.recording import Recording
from lumbago.report.build import POLICY
from lumbago.report.quality.pages import page_path, write_pages
from lumbago.report.quality.scan import scan_page

HARSH = Quality(denoise=Denoise(strategy="motion6", scrub=Scrub(fd=0.2)))


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("JaneDoesHospital") / "JaneDoesStudy"
    write_derivatives(root, [f"{i:02d}" for i in range(1, 7)], n_volumes=130)
    broken = next((root / "sub-06").glob("func/*preproc_bold.nii.gz"))
    broken.write_bytes(broken.read_bytes()[:500])
    return root


@pytest.fixture(scope="module")
def written(study, tmp_path_factory) -> tuple[Path, list[Path]]:
    output = tmp_path_factory.mktemp("out")
    scans = BidsCohort(derivatives=study, task="rest", space=SPACE).find("cohort").scans
    return output, write_pages(scans, output, HARSH)


def test_every_scan_that_can_be_read_has_a_page(written, study):
    output, files = written
    pages = sorted(output.rglob("*_bold.html"))
    assert len(pages) == 5
    assert pages[0].relative_to(output).as_posix() == (
        f"sub-01/func/sub-01_task-rest_space-{SPACE}_desc-quality_bold.html"
    )
    assert set(files) == {*pages, output / "quality.tsv", output / "quality.html"}
    html = pages[0].read_text(encoding="utf-8")
    assert html.count("<img ") == 4  # motion, two carpets, tSNR
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', html))
    assert len(html) < 2_000_000
    assert POLICY.replace("'", "&#39;") in html
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', html) == []
    assert "sub-01" in html
    assert study.name not in html


def test_the_table_holds_what_the_extractor_measures(written, study):
    output, _ = written
    table = pd.read_csv(output / "quality.tsv", sep="\t").set_index("participant_id")
    scans = BidsCohort(derivatives=study, task="rest", space=SPACE).find("cohort").scans
    found = HARSH.extract(Recording(scans[2], min_minutes=0, min_volumes=2))
    for name, value in zip(found.names, found.values, strict=True):
        assert table.loc["sub-03", name.removeprefix(".")] == pytest.approx(value, rel=1e-6)
    assert table["not_available"].notna().tolist() == [False] * 5 + [True]
    assert table["mean_fd"].notna().sum() == 5
    header, first, *_ = (output / "quality.tsv").read_text().splitlines()
    cells = dict(zip(header.split("\t"), first.split("\t"), strict=True))
    assert cells["session"] == cells["run"] == "n/a"  # as BIDS has what is not there
    assert max(len(cell.strip("-").replace(".", "")) for cell in cells.values()) <= 8


def test_the_page_of_all_names_nobody(written, study):
    output, _ = written
    html = (output / "quality.html").read_text(encoding="utf-8")
    assert "sub-0" not in html
    assert study.name not in html
    assert study.parent.name not in html
    assert "Participants" in html
    text = re.sub(r"<[^>]+>", " ", html)
    mean_fd = pd.read_csv(output / "quality.tsv", sep="\t")["mean_fd"]
    assert f"displacement is {np.median(mean_fd.dropna()):.2f}" in text
    assert "an experiment measures" in text


def test_pages_do_not_depend_on_the_number_of_processes(written, study, tmp_path):
    output, files = written
    scans = BidsCohort(derivatives=study, task="rest", space=SPACE).find("cohort").scans
    write_pages(scans, tmp_path, HARSH, n_jobs=2)
    for file in files:
        other = tmp_path / file.relative_to(output)
        assert other.read_bytes() == file.read_bytes(), file.name


def test_a_denoising_that_is_refused_leaves_a_page_that_says_so(study):
    scan = BidsCohort(derivatives=study, task="rest", space=SPACE).find("cohort").scans[0]
    nothing = Quality(denoise=Denoise(strategy="motion6", scrub=Scrub(fd=0.001)))
    html, numbers, _ = scan_page(
        Recording(scan, min_minutes=0, min_volumes=2), nothing, "sub-01 task-rest"
    )
    assert "the denoising is refused (E_DOF)" in html
    assert html.count("<img ") == 3
    assert numbers["freedom"] == 0
    assert page_path(scan, Path("x")).name.endswith("_desc-quality_bold.html")


@pytest.fixture(scope="module")
def two(tiny_cohort_folder, tmp_path_factory) -> Path:
    """Two people of the tiny cohort, whose heads are as large as heads are."""
    study = tmp_path_factory.mktemp("two")
    shutil.copy(tiny_cohort_folder / "dataset_description.json", study)
    for name in ("sub-01", "sub-02"):
        shutil.copytree(tiny_cohort_folder / name, study / name)
    return study


def test_the_command_writes_pages_only_when_asked(two, tmp_path, capsys):
    call = ["extract", str(two), "--kind", "alff", "-o"]
    assert _exit_code([*call, str(tmp_path / "without")]) == 0
    assert not list((tmp_path / "without").rglob("*.html"))
    assert _exit_code([*call, str(tmp_path / "with"), "--quality"]) == 0
    n_scans = len(list(two.rglob("*preproc_bold.nii.gz")))
    assert len(list((tmp_path / "with").rglob("*_bold.html"))) == n_scans
    assert f"quality: {n_scans} pages of scans" in capsys.readouterr().out
    assert "quality.html" in (tmp_path / "with" / ".bidsignore").read_text().split()


def test_a_single_image_has_a_page_too(two, tmp_path, capsys):
    bold = min(two.rglob("sub-01*preproc_bold.nii.gz"))
    table = min(two.rglob("sub-01*timeseries.tsv"))
    call = ["extract", str(bold), "--kind", "alff", "--confounds", str(table), "--quality"]
    assert _exit_code([*call, "-o", str(tmp_path)]) == 0
    assert len(list(tmp_path.rglob("*.html"))) == 1
    assert "desc-quality_bold.html" in capsys.readouterr().out

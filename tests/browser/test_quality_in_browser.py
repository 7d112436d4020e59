"""The quality page in a real browser: every figure is drawn, on a narrow screen too."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from datasets import SPACE, write_derivatives
from lumbago.experiment.folder import RunFolder
from lumbago.extractors import Quality
from lumbago.reading import BidsCohort
from lumbago.reading.denoise import Denoise
from lumbago.report.build import build_report
from lumbago.report.quality.pages import write_pages
from run_folders import DIAGNOSIS, whole
from test_quality_page import planted

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine"),
]
PROBE = (
    "<script>addEventListener('load', () => { document.title = "
    "[...document.images].filter(i => i.naturalWidth > 200).length + '/' + "
    "document.images.length + ' overflow ' + (document.documentElement.scrollWidth > "
    "innerWidth) })</script></head>"
)


def drawn_in(page: Path, folder: Path) -> tuple[int, int, bool]:
    """Return how many figures are drawn, how many there are, and if the page is too wide."""
    html = page.read_text(encoding="utf-8").replace('http-equiv="Content-Security-Policy"', "")
    copy = folder / "probe.html"
    copy.write_text(html.replace("</head>", PROBE), encoding="utf-8")
    found = subprocess.run(
        [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}",
         "--window-size=500,900", "--virtual-time-budget=5000", "--dump-dom", copy.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    told = re.search(r"<title>(\d+)/(\d+) overflow (\w+)</title>", found.stdout)
    assert told is not None
    return int(told[1]), int(told[2]), told[3] == "true"


def test_every_figure_of_a_run_s_page_is_drawn(tmp_path):
    folder = whole(tmp_path / "run")
    planted(folder, DIAGNOSIS)
    build_report(folder)
    assert drawn_in(RunFolder(folder).quality_page, tmp_path) == (3, 3, False)


def test_every_figure_of_a_scan_s_page_is_drawn(tmp_path):
    study = write_derivatives(tmp_path / "study", ["01"], n_volumes=130)
    scans = BidsCohort(derivatives=study, task="rest", space=SPACE).find("cohort").scans
    files = write_pages(scans, tmp_path / "out", Quality(denoise=Denoise(strategy="motion6")))
    assert drawn_in(files[0], tmp_path) == (4, 4, False)

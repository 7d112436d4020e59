"""Each notebook runs from empty, in under two minutes, and shows what it says."""

from __future__ import annotations

import time
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pytest
from scipy.stats import ks_2samp

from lumbago.reading.atlases import load_atlas
from lumbago.reading.sampling import region_means
from notebooks import Shown, cells, run_notebook

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a notebook in an empty folder and look at every figure."""
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUMBAGO_STORE", raising=False)

    def running(name: str) -> Shown:
        started = time.monotonic()
        shown = run_notebook(FOLDER / name)
        assert time.monotonic() - started < 120
        for number, figure in enumerate(shown.figures):
            check(figure)
            figure.savefig(tmp_path / f"{Path(name).stem}_{number}.png", dpi=130)
        for page in shown.pages:
            assert "sub-" not in page
            assert str(tmp_path) not in page
        return shown

    yield running
    plt.close("all")


def check(figure) -> None:
    """Nothing is cut off at the edge, and something is drawn."""
    figure.canvas.draw()
    tight, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(tight.x0, tight.y0) >= -0.02
    assert tight.x1 <= width + 0.02
    assert tight.y1 <= height + 0.02
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    blank = (pixels == 255).all(axis=2)
    assert 0.05 < 1 - blank.mean() < 0.95


def test_there_are_notebooks_and_all_parse():
    assert [p.name for p in NOTEBOOKS] == [
        "first_cohort.py", "first_experiment.py", "first_scan.py",
    ]  # fmt: skip
    for notebook in NOTEBOOKS:
        assert len(cells(notebook)) > 4
        for cell in cells(notebook):
            compile(cell, str(notebook), "exec")


@pytest.mark.slow
def test_the_first_scan(run):
    shown = run("first_scan.py")
    assert len(shown.figures) == 6
    saved = nib.load("alff.nii.gz")
    low = np.asarray(saved.dataobj)
    assert np.nanmean(low) == pytest.approx(1, abs=1e-3)
    # Regions of one network agree more than others do: what the simulation planted.
    atlas, found = load_atlas("lumbago200"), shown.names["edges"]
    network = dict(zip(atlas.names, atlas.labels["network"], strict=True))
    pairs = [name[1:].split("~") for name in found.names]
    same = np.array([network[a] == network[b] for a, b in pairs])
    assert ks_2samp(found.values[same], found.values[~same]).pvalue < 1e-6
    assert found.values[same].mean() > found.values[~same].mean()
    mask = np.isfinite(low)
    means, _ = region_means(low[mask][None], mask, saved.affine, atlas)
    assert np.isfinite(means).mean() > 0.9


@pytest.mark.slow
def test_the_first_cohort(run):
    shown = run("first_cohort.py")
    assert len(shown.figures) == 5
    assert len(shown.pages) == 5
    assert "2 sites" in shown.pages[0]
    # What is planted is found where it is planted, at a scanner never seen.
    scores = shown.names["result"].scores(["roc_auc"])
    scores = scores[scores["scope"] == "pooled"].set_index(["scheme", "features", "model"])["score"]
    assert scores["leave_one_site_out", "alff", "logistic"] > 0.6


@pytest.mark.slow
def test_the_first_experiment(run):
    shown = run("first_experiment.py")
    assert len(shown.figures) == 1
    assert "Report: first/report.html" in shown.pages[0]
    report = shown.names["folder"].report
    assert "Does local activity" in report.read_text(encoding="utf-8")

"""The quality page of a run: what it says is in the tables, and nobody is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats

from experiments import write_experiment
from lumbago.data import Atlas, Cohort, Dataset, FeatureTable
from lumbago.data.dataset import Target
from lumbago.data.features import INDEX, edge_names
from lumbago.experiment.folder import RunFolder
from lumbago.experiment.loading import load
from lumbago.experiment.quality import MIN_PEOPLE, quality_extractors, write_quality
from lumbago.reading.atlases import load_atlas
from lumbago.reading.places import region_places
from lumbago.report.build import POLICY, build_report
from lumbago.report.quality import edges as edges_page
from lumbago.report.quality.motion import MEASURES, by_group, differences, middle
from run_folders import DIAGNOSIS, PAIN, bare, whole

N_REGIONS = 24


def people_of(folder: Path) -> pd.DataFrame:
    return RunFolder(folder).participants.fillna({"session": ""})


def planted(folder: Path, target: Target, n: int | None = None, seed: int = 1) -> RunFolder:
    """Write the quality of a run whose raw edges follow motion, short ones most."""
    run = RunFolder(folder)
    rows = people_of(folder).set_index(list(INDEX)).sort_index().iloc[:n]
    rng = np.random.default_rng(seed)
    experiment = load(
        write_experiment(
            folder / "settings", "/nowhere",
            ("features:\n", "features:\n  raw: {kind: connectome, atlas: dosenbach160, "
                            "band: [0.01, 0.1], denoise: none}\n"),
            ("denoise:\n", "denoise:\n  none: null\n"),
        )
    ).experiment  # fmt: skip
    atlas = load_atlas("dosenbach160")
    names = edge_names(atlas.names[:N_REGIONS])
    places = region_places(atlas)[:N_REGIONS]
    i, j = np.triu_indices(N_REGIONS, 1)
    distance = np.linalg.norm(places[i] - places[j], axis=1)
    fd = rows["mean_fd"].to_numpy()
    noise = rng.normal(0, 0.25, (2, len(rows), len(names)))
    slope = 3.0 * (1.3 - distance / distance.mean())
    raw = 0.2 + np.outer(fd, slope) + noise[0]
    specs = {k: experiment.features[k].canonical() for k in ("raw", "edges")}
    tables = {
        key: FeatureTable(
            key,
            pd.DataFrame(values.astype(np.float32), rows.index, [f"{key}:{n}" for n in names]),
            specs[key],
            coverage=pd.DataFrame(
                np.linspace(0.4, 1, N_REGIONS)[None].repeat(len(rows), 0),
                rows.index, list(atlas.names[:N_REGIONS])),
        )
        for key, values in (("edges", noise[1]), ("raw", raw))
    }  # fmt: skip
    numbers = pd.DataFrame(
        {"mean_fd": fd, "fd_above_02": fd / 2, "fd_above_05": fd / 4, "mean_std_dvars": 1 + fd,
         "n_volumes": 200.0, "n_volumes_kept": 190.0, "minutes_kept": 8 - fd, "freedom": 150.0,
         "freedom_lost": 0.25, "median_tsnr": rng.normal(60, 5, len(rows))},
        rows.index,
    )  # fmt: skip
    quality = {
        f"quality--{i}": FeatureTable(f"quality--{i}", numbers.add_prefix(f"quality--{i}."), spec)
        for i, spec in enumerate(
            ({"denoise": specs["edges"]["denoise"]}, {"denoise": specs["raw"]["denoise"]})
        )
    }
    y = rows["target"].to_numpy()
    if target.kind != "continuous":
        y = np.array([target.classes.index(str(t)) for t in y])
    covariates = rows[["age", "sex", "mean_fd"]].add_prefix("covariate:")
    dataset = Dataset(covariates, y, target, rows["site"].to_numpy(dtype=str))
    cohort = Cohort("x", pd.DataFrame(), pd.DataFrame())
    write_quality(run, experiment, cohort, tables, quality, dataset)
    return RunFolder(folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> RunFolder:
    folder = whole(tmp_path_factory.mktemp("quality") / "run")
    run = planted(folder, DIAGNOSIS)
    build_report(folder)
    return run


def test_planted_motion_is_found_in_the_raw_edges_and_not_in_the_cleaned(finished):
    about = finished.quality_about["qc_fc"]
    raw, clean = about["raw"], about["edges"]
    assert raw["distance_rho"] < -0.6
    assert raw["median_abs"] > 2 * raw["expected_abs"]
    assert abs(clean["distance_rho"]) < 0.25
    assert clean["median_abs"] == pytest.approx(clean["expected_abs"], rel=0.25)
    assert raw["covariates"] == ["age", "sex", "site"]
    assert edges_page.available(about) == ["raw", "edges"]
    rows = finished.qc_fc[finished.qc_fc["feature"] == "raw"]
    rho = stats.spearmanr(rows["distance"], rows["r"]).statistic
    assert raw["distance_rho"] == pytest.approx(rho, abs=1e-4)
    assert raw["median_abs"] == pytest.approx(rows["r"].abs().median(), abs=1e-5)


def test_the_page_tells_what_the_tables_hold(finished):
    html = finished.quality_page.read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")
    about = finished.quality_about["qc_fc"]
    assert f"median |QC–FC| is {about['raw']['median_abs']:.2f}" in text
    assert "Motion is left in it." in text
    assert "no more than chance gives" in text
    assert "Hedges’ g" in text
    assert "What each denoising leaves" in text
    assert html.count("<img ") == 3
    assert all(alt for alt in re.findall(r'<img [^>]*alt="([^"]*)"', html))
    assert text.index("In raw") < text.index("In edges")
    assert len(html) < 1_000_000
    assert "The regions covered least" in text
    assert 'href="quality.html"' in finished.report.read_text(encoding="utf-8")


def test_the_page_names_nobody_and_asks_for_nothing(finished):
    html = finished.quality_page.read_text(encoding="utf-8")
    assert "sub-" not in html
    assert "/srv/clinic" not in html
    assert f'content="{POLICY}"'.replace("'", "&#39;") in html
    outside = re.findall(r'(?:src|href)="(?!data:|#|report\.html")[^"]*"', html)
    assert outside == []
    assert "<script" not in html


def test_equal_tables_give_equal_bytes(finished):
    before = finished.quality_page.read_bytes()
    build_report(finished.path)
    assert finished.quality_page.read_bytes() == before


def test_too_few_people_are_told_and_not_correlated(tmp_path):
    run = planted(whole(tmp_path / "run"), DIAGNOSIS, n=MIN_PEOPLE - 1)
    assert run.qc_fc.empty
    build_report(run.path)
    html = run.quality_page.read_text(encoding="utf-8")
    assert f"not available: {MIN_PEOPLE - 1} people with mean_fd" in html


def test_a_continuous_target_is_correlated_with_motion(tmp_path):
    run = planted(whole(tmp_path / "run", PAIN), PAIN)
    build_report(run.path)
    html = run.quality_page.read_text(encoding="utf-8")
    people = run.participants.drop_duplicates(["cohort", "participant_id"])
    r = np.corrcoef(people["mean_fd"].astype(float), people["target"].astype(float))[0, 1]
    assert f"r = {r:.2f}".replace("-", "−") in html.replace("\u00a0", " ")


def test_a_run_that_knows_nothing_of_quality_has_no_page(tmp_path):
    folder = bare(tmp_path / "run")
    build_report(folder)
    assert not RunFolder(folder).quality_page.exists()
    assert "quality.html" not in RunFolder(folder).report.read_text(encoding="utf-8")


def test_a_study_without_motion_says_so(tmp_path):
    run = planted(whole(tmp_path / "run"), DIAGNOSIS)
    scans = run.quality.assign(mean_fd=np.nan, fd_above_02=np.nan, fd_above_05=np.nan)
    run.write_table("quality", scans)
    about = run.quality_about
    for one in about["qc_fc"].values():
        one.clear()
        one.update({"denoise": "none", "n_edges": 3, "spec": {}, "not_available": "no mean_fd"})
    run.write_json("quality.json", about)
    build_report(run.path)
    html = RunFolder(run.path).quality_page.read_text(encoding="utf-8")
    assert "Head motion: not available: no mean_fd" in html
    assert "raw: not available: no mean_fd" in html


def test_small_groups_are_hidden():
    rows = pd.DataFrame(
        {"cohort": "a", "participant_id": [f"sub-{i}" for i in range(12)], "session": "",
         "site": "s", "target": ["patient"] * 4 + ["control"] * 8, "denoise": "d",
         "mean_fd": np.linspace(0.1, 0.4, 12)}
    )  # fmt: skip
    target = Target("diagnosis", "binary", ("control", "patient"))
    table = by_group(rows, target)
    shown = {row[1]: row[2:] for row in table.rows}
    assert shown["patient"] == ["< 5", "< 5"]
    assert shown["control"][0] == "8"
    assert differences(rows, target) == []
    assert middle(np.empty(0), MEASURES[0]) == "–"


def test_the_density_of_chance_is_that_of_the_t_distribution():
    r = np.linspace(-0.9, 0.9, 7)
    df = 30
    t = r * np.sqrt(df / (1 - r**2))
    jacobian = np.sqrt(df) * (1 - r**2) ** -1.5
    np.testing.assert_allclose(edges_page.null_density(r, df), stats.t.pdf(t, df) * jacobian)


def test_regions_lie_where_their_voxels_do():
    import nibabel as nib

    labels = np.zeros((9, 8, 7), np.int16)
    labels[1:4, 2:5, 1:3], labels[6:, 5:, 4:] = 1, 4
    affine = np.array([[-2.0, 0.1, 0, 9], [0, 3, 0, -4], [0.2, 0, 2.5, 1], [0, 0, 0, 1]])
    table = pd.DataFrame({"index": [4, 1, 2], "name": ["d", "a", "b"]})
    atlas = Atlas("x", "deterministic", table, "unknown", nib.Nifti1Image(labels, affine))
    expected = [np.r_[ndimage.center_of_mass(labels == i), 1] @ affine.T for i in (4, 1)]
    found = region_places(atlas)
    np.testing.assert_allclose(found[:2], np.array(expected)[:, :3])
    assert np.isnan(found[2]).all()
    weights = np.stack([(labels == 1) * 0.5, (labels == 4) * 2.0], axis=-1).astype(np.float32)
    table = pd.DataFrame({"index": [2, 1], "name": ["d", "a"]})
    mixed = Atlas("x", "probabilistic", table, "unknown", nib.Nifti1Image(weights, affine))
    np.testing.assert_allclose(region_places(mixed), found[:2])


def test_each_denoising_is_looked_at_once(tiny_cohort_folder, tmp_path):
    from lumbago.experiment.cohorts import read_cohorts

    file = write_experiment(
        tmp_path, tiny_cohort_folder,
        ("alff: {kind: alff, atlas: lumbago200}",
         "alff: {kind: alff, atlas: lumbago200, denoise: none}"),
        ("denoise:\n", "denoise:\n  none: null\n"),
    )  # fmt: skip
    experiment = load(file).experiment
    cohort = Cohort.pool(read_cohorts(experiment, tmp_path))
    found = quality_extractors(experiment, cohort, ["alff", "edges"])
    assert [q.denoise for q in found.values()] == [experiment.denoise["default"], None]
    nobody = Cohort("x", cohort.participants, cohort.sessions)
    assert quality_extractors(experiment, nobody, ["alff"]) == {}


def test_the_summary_is_plain_json(finished):
    text = (finished.path / "quality.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert json.loads(text)["min_people"] == MIN_PEOPLE

"""Simulated studies: in fMRIPrep's form, always the same, true to their ground truth."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from lumbago.data.features import edge_names
from lumbago.data.packaged import packaged_atlas
from lumbago.errors import InputError
from lumbago.simulation import Effects, SimulatedCohort
from lumbago.simulation.brain import make_brain
from lumbago.simulation.cohorts import planted_regions
from lumbago.simulation.confounds import (
    confounds_table,
    cosine_drifts,
    dvars,
    framewise_displacement,
    simulate_motion,
)
from lumbago.simulation.damage import DAMAGE
from lumbago.simulation.scans import Planted, coloured, region_signals, spectrum

QUICK = SimulatedCohort(n_participants=4, n_sites=2, voxel_size=10, n_volumes=40, followup=0.5)
SPACE = "space-MNI152NLin2009aSym"


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def change(spec: SimulatedCohort, **fields) -> SimulatedCohort:
    return SimulatedCohort(**{**spec.model_dump(), **fields})


def scan_of(root: Path, participant: str, ending: str) -> Path:
    return next((root / participant / "ses-1" / "func").glob(f"*{ending}"))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    return QUICK.write(tmp_path_factory.mktemp("quick") / "study")


@pytest.fixture(scope="module")
def truth(tiny_cohort_folder):
    return json.loads((tiny_cohort_folder / "ground_truth.json").read_text())


# Files


def test_a_session_holds_the_files_fmriprep_leaves(tiny_cohort_folder):
    func = tiny_cohort_folder / "sub-01" / "ses-1" / "func"
    stem = "sub-01_ses-1_task-rest"
    assert {p.name for p in func.iterdir()} == {
        f"{stem}_{SPACE}_desc-preproc_bold.nii.gz",
        f"{stem}_{SPACE}_desc-preproc_bold.json",
        f"{stem}_{SPACE}_desc-brain_mask.nii.gz",
        f"{stem}_{SPACE}_desc-brain_mask.json",
        f"{stem}_desc-confounds_timeseries.tsv",
        f"{stem}_desc-confounds_timeseries.json",
    }
    description = json.loads((tiny_cohort_folder / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"


def test_images_say_where_and_when_they_are(tiny_cohort_folder):
    bold = nib.load(scan_of(tiny_cohort_folder, "sub-01", "bold.nii.gz"))
    mask = nib.load(scan_of(tiny_cohort_folder, "sub-01", "mask.nii.gz"))
    assert bold.shape == (*mask.shape, 150)
    assert bold.header.get_zooms() == (8, 8, 8, 2)
    assert bold.header.get_xyzt_units() == ("mm", "sec")
    assert int(bold.header["sform_code"]) == int(bold.header["qform_code"]) == 4
    np.testing.assert_array_equal(bold.affine, mask.affine)
    x = bold.affine[0, 0] * np.arange(bold.shape[0]) + bold.affine[0, 3]
    np.testing.assert_array_equal(x, -x[::-1])
    inside = np.asarray(mask.dataobj) > 0
    values = np.asarray(bold.dataobj)
    assert values[inside].min() > 0
    assert not values[~inside].any()
    sidecar = json.loads(scan_of(tiny_cohort_folder, "sub-01", "bold.json").read_text())
    assert sidecar["RepetitionTime"] == 2.0
    about = (values[inside].mean(axis=1) / values[inside].std(axis=1)).mean()
    assert 40 < about < 150  # temporal signal-to-noise ratio


def test_headers_and_gzip_carry_no_text_and_no_time(tiny_cohort_folder):
    path = scan_of(tiny_cohort_folder, "sub-01", "bold.nii.gz")
    assert path.read_bytes()[4:8] == bytes(4)
    header = nib.load(path).header
    assert not header.extensions
    for text in ("descrip", "aux_file", "db_name", "intent_name"):
        assert bytes(header[text]).strip(b"\0") == b""


def test_tables_of_people_and_of_sessions_agree_with_the_folders(tiny_cohort_folder, tiny_cohort):
    people = pd.read_csv(tiny_cohort_folder / "participants.tsv", sep="\t")
    assert list(people.columns) == ["participant_id", "group", "site", "age", "sex"]
    n_scans = 0
    for participant in people["participant_id"]:
        home = tiny_cohort_folder / participant
        sessions = pd.read_csv(home / f"{participant}_sessions.tsv", sep="\t")
        assert set(sessions["session_id"]) == {p.name for p in home.glob("ses-*")}
        n_scans += len(sessions)
    size = tiny_cohort.size()
    assert size["n_participants"] == len(people) == 12
    assert size["n_scans"] == n_scans
    assert 12 < n_scans < 24
    taken = sum(len(content) for content in files(tiny_cohort_folder).values())
    assert taken == pytest.approx(size["bytes"], rel=0.25)


@pytest.mark.parametrize(
    "strategy",
    [
        {"strategy": ["motion"], "motion": "full"},
        {"strategy": ["motion", "wm_csf", "global_signal"], "wm_csf": "full"},
        {"strategy": ["motion", "high_pass", "compcor"], "compcor": "anat_combined"},
        {"strategy": ["high_pass", "compcor"], "compcor": "anat_separated", "n_compcor": 3},
        {"strategy": ["motion", "scrub"], "fd_threshold": 0.5, "std_dvars_threshold": 3},
    ],
)
def test_nilearn_loads_the_confounds(tiny_cohort_folder, strategy):
    from nilearn.interfaces.fmriprep import load_confounds

    path = str(scan_of(tiny_cohort_folder, "sub-01", "bold.nii.gz"))
    confounds, _ = load_confounds(path, **strategy)
    assert len(confounds) == 150
    assert np.isfinite(confounds.to_numpy()).all()


# Confounds


def test_differences_are_missing_in_the_first_row_and_nowhere_else(tiny_cohort_folder):
    text = scan_of(tiny_cohort_folder, "sub-02", "timeseries.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in text]
    header, first, later = rows[0], rows[1], rows[2:]
    missing = {name for name, cell in zip(header, first, strict=True) if cell == "n/a"}
    expected = {n for n in header if "derivative1" in n}
    assert missing == expected | {"framewise_displacement", "dvars", "std_dvars"}
    assert not any("n/a" in row for row in later)
    table = pd.read_csv(scan_of(tiny_cohort_folder, "sub-02", "timeseries.tsv"), sep="\t")
    np.testing.assert_allclose(table["rot_x"].diff()[1:], table["rot_x_derivative1"][1:], atol=1e-9)
    np.testing.assert_allclose(table["csf"] ** 2, table["csf_power2"], rtol=1e-7)
    np.testing.assert_allclose(
        table["csf_derivative1"][1:] ** 2, table["csf_derivative1_power2"][1:], rtol=1e-6, atol=1e-9
    )


def test_the_sidecar_describes_every_component(tiny_cohort_folder):
    path = scan_of(tiny_cohort_folder, "sub-01", "timeseries.tsv")
    header = path.read_text().split("\n", 1)[0].split("\t")
    about = json.loads(path.with_suffix(".json").read_text())
    parts = [n for n in header if "_comp_cor_" in n]
    assert len(parts) == 18
    assert {about[n]["Mask"] for n in parts} == {"CSF", "WM", "combined"}
    shares = [about[f"a_comp_cor_{i:02d}"]["VarianceExplained"] for i in range(6)]
    assert shares == sorted(shares, reverse=True)
    assert about["a_comp_cor_05"]["CumulativeVarianceExplained"] == pytest.approx(sum(shares))


def test_displacement_equals_fsls(shared_data):
    folder = shared_data / "reference" / "motion"
    fsl = np.loadtxt(folder / "fsl_mcflirt_movpar.txt")
    expected = np.loadtxt(folder / "fsl_motion_outliers_fd.txt")
    found = framewise_displacement(fsl[:, [3, 4, 5, 0, 1, 2]])
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], expected, atol=1e-6)


def test_dvars_is_the_root_mean_square_change_and_about_one_for_noise():
    values = np.random.default_rng(3).standard_normal((400, 500)) * 20 + 1000
    standard, plain = dvars(values)
    assert plain[5] == pytest.approx(np.sqrt(((values[5] - values[4]) ** 2).mean()))
    assert np.nanmean(standard) == pytest.approx(1, abs=0.02)


def test_drifts_are_orthonormal_and_slower_than_128_s():
    drifts = cosine_drifts(150, 2.0)
    assert drifts.shape == (150, 3)
    np.testing.assert_allclose(drifts.T @ drifts, np.eye(3), atol=1e-12)
    assert cosine_drifts(40, 2.0).shape == (40, 0)


def test_restless_people_move_more():
    def moved(restlessness):
        rngs = [np.random.default_rng(i) for i in range(10)]
        return np.nanmean(
            [framewise_displacement(simulate_motion(r, 150, restlessness)) for r in rngs]
        )

    calm, restless = moved(0.7), moved(2.0)
    assert 0.04 < calm < 0.15
    assert restless > 3 * calm


def test_motion_enters_the_images(tiny_cohort_folder):
    path = scan_of(tiny_cohort_folder, "sub-01", "timeseries.tsv")
    table = pd.read_csv(path, sep="\t", na_values="n/a")[1:]
    jerk = table["framewise_displacement"] > 0.5
    assert 0 < jerk.sum() < 60
    assert table["std_dvars"][jerk].mean() > 1.3 * table["std_dvars"][~jerk].mean()
    outliers = table.filter(like="motion_outlier")
    assert (outliers.sum() == 1).all()
    assert (outliers.sum(axis=1) == 1)[jerk].all()


def test_components_of_a_known_tissue_signal_find_it():
    brain = make_brain(10.0)
    rng = np.random.default_rng(0)
    hidden = np.sin(np.arange(100) * 0.9)
    values = 1000 + rng.standard_normal((100, brain.mask.sum()))
    values += hidden[:, None] * (brain.white > 0.5)
    table, _ = confounds_table(values, brain, simulate_motion(rng, 100, 1.0), t_r=2.0)
    assert abs(np.corrcoef(table["w_comp_cor_00"], hidden)[0, 1]) > 0.95


# Signals


def test_signals_have_the_spectrum_that_was_asked_for():
    shape = spectrum(150, 2.0, knee=0.01, exponent=1.0, cutoff=0.1)
    found = coloured(np.random.default_rng(0), 4000, 150, shape)
    assert found.var() == pytest.approx(1, rel=0.02)
    power = (np.abs(np.fft.rfft(found, axis=1)) ** 2).mean(axis=0)
    expected = shape**2
    expected[-1] *= 2  # of one part where the others have two; counted once in the variance
    np.testing.assert_allclose(
        power[1:-1] / power[1:-1].sum(), expected[1:-1] / expected[1:-1].sum(), rtol=0.15
    )
    assert power[0] < 1e-3 * power[1]


def test_a_planted_amplitude_multiplies_the_insula_and_nothing_else():
    brain = make_brain(10.0)
    insula = tuple(planted_regions(brain)["insula"])

    def signals(amplitude):
        planted = Planted(insula, "Default", amplitude, 0.2)
        return region_signals(np.random.default_rng(5), brain, planted, 60, 2.0)

    before, after = signals(0.0), signals(0.5)
    others = [i for i in range(200) if i not in insula]
    np.testing.assert_array_equal(before[others], after[others])
    np.testing.assert_allclose(after[list(insula)], 1.5 * before[list(insula)], rtol=1e-5)


def test_a_planted_coupling_raises_correlations_and_keeps_variances():
    brain = make_brain(10.0)
    places = planted_regions(brain)
    insula, default = places["insula"], places["default_mode"]

    def moments(coupling):
        planted = Planted(tuple(insula), "Default", 0.0, coupling)
        found = [
            region_signals(np.random.default_rng(i), brain, planted, 150, 2.0) for i in range(20)
        ]
        r = np.mean([np.corrcoef(s) for s in found], axis=0)
        return r[np.ix_(insula, default)].mean(), np.mean([s[insula].var() for s in found])

    (r_off, var_off), (r_on, var_on) = moments(0.0), moments(0.4)
    # The default regions share NETWORK + EVERYWHERE of their variance with that signal.
    assert r_on - r_off == pytest.approx(0.4 * np.sqrt(0.25), abs=0.06)
    assert var_on == pytest.approx(var_off, rel=0.05)


def test_effects_change_patients_images_and_leave_controls_as_they_were(quick, tmp_path):
    off = change(QUICK, effects=Effects(insula_alff=0, default_mode_insula=0))
    other = files(off.write(tmp_path / "off"))
    people = pd.read_csv(quick / "participants.tsv", sep="\t").set_index("participant_id")
    ours = files(quick)
    bold = [name for name in ours if name.endswith("bold.nii.gz")]
    assert bold
    for name in bold:
        same = ours[name] == other[name]
        assert same == (people.loc[name[:6], "group"] == "HC")


def test_planted_amplitude_shows_in_the_images_of_patients(
    tiny_cohort_folder, tiny_cohort, tmp_path
):
    loud = change(
        tiny_cohort, n_participants=6, n_sites=1, followup=0, effects=Effects(insula_alff=1)
    )
    quiet = change(loud, effects=Effects(insula_alff=0))
    brain = make_brain(8.0)
    region = brain.region[None]
    insula = np.isin(region, planted_regions(brain)["insula"])[0]

    def spread(root):
        bold = nib.load(scan_of(root, "sub-02", "bold.nii.gz"))
        values = np.asarray(bold.dataobj)[brain.mask].astype(float)
        return values.std(axis=1)

    raised = spread(loud.write(tmp_path / "loud")) / spread(quiet.write(tmp_path / "quiet"))
    assert np.median(raised[insula]) > 1.15
    assert np.median(raised[~insula]) == pytest.approx(1, abs=0.01)


# Design


def test_sites_hold_as_many_patients_as_controls():
    people = SimulatedCohort().people()
    counts = pd.crosstab([p.site for p in people], [p.group for p in people])
    assert (counts.to_numpy() == 8).all()


def test_imbalance_ties_diagnosis_to_site():
    people = SimulatedCohort(site_imbalance=1).people()
    counts = pd.crosstab([p.site for p in people], [p.group for p in people])["CLBP"]
    assert list(counts) == [0, 8, 16]


def test_patients_and_controls_are_matched_in_age_sex_and_motion():
    people = SimulatedCohort(n_participants=240).people()
    table = pd.DataFrame(
        [(p.group, p.age, p.sex == "F", np.log(p.visits[0].restlessness)) for p in people],
        columns=["group", "age", "female", "restless"],
    )
    mean = table.groupby("group").mean()
    gap = (mean.loc["CLBP"] - mean.loc["HC"]).abs()
    assert gap["age"] < 0.5
    assert gap["female"] == 0
    assert gap["restless"] < 0.06


def test_pain_follows_severity_in_patients_and_is_near_zero_in_controls():
    people = SimulatedCohort(n_participants=200).people()
    patients = [p.visits[0] for p in people if p.group == "CLBP"]
    controls = [p.visits[0] for p in people if p.group == "HC"]
    assert min(v.vas for v in patients) > 0
    assert max(v.vas for v in controls) <= 1
    r = np.corrcoef([v.severity for v in patients], [v.vas for v in patients])[0, 1]
    assert 0.6 < r < 0.98
    assert all(v.severity == v.amplitude == 0 for v in controls)


def test_patients_get_better_between_visits():
    people = SimulatedCohort(n_participants=200, followup=1).people()
    gain = [p.visits[0].severity - p.visits[1].severity for p in people if p.group == "CLBP"]
    assert np.mean(gain) > 0.1
    assert all(60 < p.visits[1].day < 110 for p in people)


def test_the_ground_truth_names_regions_edges_and_everybody(truth, tiny_cohort):
    names = packaged_atlas("lumbago200").names
    planted = truth["effects"]
    assert set(planted["insula_alff"]["regions"]) <= set(names)
    assert len(planted["insula_alff"]["regions"]) == 8
    assert set(planted["default_mode_insula"]["edges"]) <= set(edge_names(names))
    assert len(planted["default_mode_insula"]["edges"]) == 8 * 56
    assert truth["settings"] == tiny_cohort.canonical()
    for person in truth["people"].values():
        for session in person["sessions"].values():
            raised = session["insula_amplitude"] - 1
            expected = planted["insula_alff"]["strength"] * session["severity"]
            assert raised == pytest.approx(expected)
            assert (raised > 0) == (person["group"] == "CLBP")


def test_the_insula_is_where_the_insula_is():
    brain = make_brain(4.0)
    at = brain.labels.iloc[planted_regions(brain)["insula"]]
    assert at["x"].abs().between(30, 45).all()
    assert at["y"].between(-30, 25).all()
    assert at["z"].between(-8, 20).all()


# Sameness


def test_the_same_settings_give_the_same_bytes_with_any_number_of_jobs(quick, tmp_path):
    assert files(QUICK.write(tmp_path / "again", n_jobs=2)) == files(quick)


def test_adding_people_changes_nobody(quick, tmp_path):
    more = files(change(QUICK, n_participants=6).write(tmp_path / "more"))
    before = {n: c for n, c in files(quick).items() if n.startswith("sub-")}
    assert before
    assert {n: more[n] for n in before} == before


def test_another_seed_gives_other_people(quick, tmp_path):
    other = files(change(QUICK, seed=7).write(tmp_path / "other"))
    name = next(n for n in files(quick) if n.endswith("bold.nii.gz"))
    assert other[name] != files(quick)[name]


def test_how_a_study_is_read_does_not_change_what_is_written():
    assert change(QUICK, keep="age > 30", folder="x").content() == QUICK.content()
    assert change(QUICK, seed=1).content() != QUICK.content()


# Completeness


def test_a_complete_study_is_left_as_it_is_and_another_is_refused(tmp_path):
    root = QUICK.write(tmp_path / "study")
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    assert QUICK.write(root) == root
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before
    with pytest.raises(InputError, match="holds something else"):
        change(QUICK, seed=1).write(root)
    with pytest.raises(InputError, match="holds something else"):
        QUICK.write(tmp_path)


def test_a_failed_writing_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("lumbago.simulation.cohorts.write_study", fail)
    with pytest.raises(OSError, match="disk full"):
        QUICK.write(tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_aside_is_swept(tmp_path):
    left = tmp_path / ".study.tmp-4194304"  # beyond the largest process id of Linux
    left.mkdir()
    (left / "half").write_text("")
    QUICK.write(tmp_path / "study")
    assert [p.name for p in tmp_path.iterdir()] == ["study"]


def test_progress_counts_everyone(tmp_path):
    seen = []
    QUICK.write(tmp_path / "study", progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


# Canaries and damage


def test_canaries_sit_where_scanners_write_names(tmp_path, quick):
    root = change(QUICK, canary="Zanzibar42").write(tmp_path / "study")
    header = nib.load(scan_of(root, "sub-01", "bold.nii.gz")).header
    for text in ("descrip", "aux_file", "db_name", "intent_name"):
        assert b"Zanzibar42" in bytes(header[text])
    assert b"Zanzibar42" in header.extensions[0].get_content()
    assert "Zanzibar42" in scan_of(root, "sub-01", "bold.json").read_text()
    assert "Zanzibar42 sub-01" in (root / "participants.tsv").read_text()
    assert not any(b"Zanzibar42" in content for content in files(quick).values())
    ours, plain = (
        np.asarray(nib.load(scan_of(r, "sub-01", "bold.nii.gz")).dataobj) for r in (root, quick)
    )
    np.testing.assert_array_equal(ours, plain)


def test_every_damage_breaks_its_scan_and_no_other(tmp_path, quick):
    spec = change(QUICK, n_participants=len(DAMAGE) + 2, followup=0)
    whole = files(spec.write(tmp_path / "whole"))
    of = {f"sub-{i:02d}": damage for i, damage in enumerate(DAMAGE, 1)}
    root = change(spec, damage=of).write(tmp_path / "broken")
    broken = files(root)
    changed = {n for n in whole if broken.get(n) != whole[n]}
    assert {n[:6] for n in changed if n.startswith("sub-")} == set(of)

    at = {damage: participant for participant, damage in of.items()}

    def bold(damage):
        return scan_of(root, at[damage], "bold.nii.gz")

    for damage in ("truncated", "lost_tail", "flipped_bit"):
        with pytest.raises(
            (EOFError, OSError, Exception), match=r"(?i)ended|crc|invalid|incomplete"
        ):
            gzip.decompress(bold(damage).read_bytes())
    assert len(nib.load(bold("not_4d")).shape) == 3
    header = nib.load(bold("no_xform")).header
    assert int(header["sform_code"]) == int(header["qform_code"]) == 0
    assert nib.load(bold("wrong_t_r")).header.get_zooms()[3] == 3.0
    assert not np.ptp(np.asarray(nib.load(bold("constant")).dataobj), axis=3).any()
    short = scan_of(root, at["short_confounds"], "timeseries.tsv").read_text()
    assert 1 < len(short.splitlines()) < 40
    func = root / at["no_confounds"] / "ses-1" / "func"
    assert not list(func.glob("*confounds*"))
    restless = scan_of(root, at["restless"], "timeseries.tsv")
    table = pd.read_csv(restless, sep="\t", na_values="n/a")
    assert table["framewise_displacement"].mean() > 0.5


@pytest.mark.parametrize(
    "settings",
    [
        {"damage": {"sub-99": "truncated"}},
        {"damage": {"sub-01": "melted"}},
        {"canary": "two words"},
        {"n_participants": 1},
        {"effects": {"insula_alff": -1}},
        {"voxelsize": 4},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(ValidationError):
        SimulatedCohort(**settings)


# What an analysis finds


def ranked(table: pd.DataFrame, group: pd.Series) -> pd.Series:
    """Features by the size of Welch's t between patients and controls, largest first."""
    first = table.xs("ses-1", level="session")
    is_patient = (group.loc[first.index] == "CLBP").to_numpy()
    a, b = first[is_patient], first[~is_patient]
    t = (a.mean() - b.mean()) / np.sqrt(a.var() / len(a) + b.var() / len(b))
    return t.abs().sort_values(ascending=False)


@pytest.mark.slow
@pytest.mark.parametrize("planted", [True, False])
def test_the_default_study_shows_what_was_planted_and_nothing_where_nothing_was(tmp_path, planted):
    import lumbago
    from lumbago.extractors import Amplitude, Connectome

    effects = Effects() if planted else Effects(insula_alff=0, default_mode_insula=0)
    cohort = lumbago.simulate_cohort(tmp_path / "study", effects=effects, followup=0.0, n_jobs=2)
    truth = json.loads((tmp_path / "study" / "ground_truth.json").read_text())["effects"]
    tables = lumbago.extract(
        cohort,
        {
            "slow": Amplitude(kind="alff", atlas="lumbago200"),
            "edges": Connectome(kind="connectome", atlas="lumbago200"),
        },
        n_jobs=2,
    )
    group = cohort.participants.set_index(["cohort", "participant_id"])["group"]
    regions = {f"slow.low:{name}" for name in truth["insula_alff"]["regions"]}
    edges = {f"edges:{name}" for name in truth["default_mode_insula"]["edges"]}
    for table, expected in ((tables["slow"].values, regions), (tables["edges"].values, edges)):
        t = ranked(table, group)
        assert expected <= set(t.index)
        if planted:
            assert set(t.index[:5]) <= expected
        else:
            assert len(set(t.index[:5]) & expected) <= 2
            assert t[list(expected)].median() < 1.5

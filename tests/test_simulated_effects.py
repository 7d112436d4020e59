"""What a simulated study can hold besides: each effect comes out, and is absent at 0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networkx as nx
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML
from scipy.sparse.csgraph import floyd_warshall

import lumbago
from lumbago.errors import ConfigError, InputError
from lumbago.extractors import Amplitude, Connectome
from lumbago.simulation import Effects, Muscles, SimulatedCohort, Treatment, same_people, several
from lumbago.simulation.brain import make_brain
from lumbago.simulation.cohorts import planted_regions
from lumbago.simulation.covariance import planted_correlation
from lumbago.simulation.folder import participants_table
from lumbago.simulation.muscles import AREA, FAT, LEVELS
from lumbago.simulation.people import share_of_patients
from lumbago.simulation.scans import NATURAL_AMPLITUDE, Planted, region_signals

QUICK: dict[str, Any] = {"voxel_size": 10.0, "n_volumes": 40, "n_sites": 2}
NOTHING = {"insula_alff": 0.0, "default_mode_insula": 0.0}
UPPER = np.triu_indices(200, 1)


def planted(**values: Any) -> Planted:
    places = planted_regions(make_brain(10.0))
    usual = {"amplitude": 0.0, "coupling": 0.0, "painful": tuple(places["cingulate"])}
    return Planted(tuple(places["insula"]), "Default", **{**usual, **values})


def path_length(r: np.ndarray) -> float:
    """Mean shortest path where positive correlations are edges of length 1 / r."""
    lengths = np.where(r > 1e-6, 1 / np.maximum(r, 1e-6), 0)
    np.fill_diagonal(lengths, 0)
    return float(floyd_warshall(lengths)[UPPER].mean())


def contents(root: Path, ending: str) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob(f"*{ending}")}


def clinical(spec: SimulatedCohort) -> tuple[pd.DataFrame, np.ndarray]:
    people = participants_table(spec, spec.people())
    return people, (people["group"] == "CLBP").to_numpy()


def effect_size(values: pd.Series, patient: np.ndarray) -> float:
    a, b = values[patient], values[~patient]
    return float((a.mean() - b.mean()) / np.sqrt((a.var() + b.var()) / 2))


def without(values: pd.Series, *others: pd.Series) -> pd.Series:
    design = np.column_stack([np.ones(len(values)), *(np.asarray(o, float) for o in others)])
    return values - design @ np.linalg.lstsq(design, values.to_numpy(), rcond=None)[0]


# What was there before


def test_the_usual_study_is_the_one_of_version_1(tmp_path):
    root = SimulatedCohort(n_participants=3, followup=0, **QUICK).write(tmp_path / "s")
    assert SimulatedCohort.version == 1
    bold = next((root / "sub-03").rglob("*bold.nii.gz"))
    values = np.asarray(nib.load(bold).dataobj)[make_brain(10.0).mask]
    # Rounding of float32 may differ by processor, and with it a scanner's unit.
    np.testing.assert_allclose(values[::400, ::13], GOLDEN, atol=1)


def test_tables_treatment_and_gaps_change_no_first_scan(tmp_path):
    usual = {"n_participants": 4, "followup": 0.9, **QUICK}
    plain = SimulatedCohort(**usual).write(tmp_path / "plain")
    more = SimulatedCohort(
        **usual,
        muscles=Muscles(),
        missing=0.3,
        treatment=Treatment(relief=0.9),
        effects=Effects(path_length=0, vas_amplitude=0),
    ).write(tmp_path / "more")
    before, after = contents(plain, ".nii.gz"), contents(more, ".nii.gz")
    assert before.keys() == after.keys()
    changed = {name[:12] for name in before if before[name] != after[name]}
    people = pd.read_csv(plain / "participants.tsv", sep="\t").set_index("participant_id")
    patients = {p for p, group in people["group"].items() if group == "CLBP"}
    assert changed
    assert changed <= {f"{p}/ses-2" for p in patients}


# Path length


def test_the_planted_correlation_is_that_of_the_signals():
    brain = make_brain(10.0)
    for values in ({}, {"apart": 0.8}, {"apart": 0.5, "coupling": 0.6}):
        it = planted(**values)
        expected = planted_correlation(brain, it)
        found = np.mean(
            [
                np.corrcoef(region_signals(np.random.default_rng(i), brain, it, 400, 2.0))
                for i in range(30)
            ],
            axis=0,
        )
        assert np.abs(found - expected).mean() < 0.015
        assert np.abs(found - expected).max() < 0.1
        assert np.linalg.eigvalsh(expected).min() > 0


def test_paths_of_the_planted_correlations_grow_and_networks_hold_together():
    brain = make_brain(10.0)
    network = brain.labels["network"].to_numpy()
    within = network[:, None] == network
    usual, apart = (planted_correlation(brain, planted(apart=a)) for a in (0.0, 0.6))
    np.testing.assert_allclose(apart[within], usual[within], atol=1e-12)
    np.testing.assert_allclose(apart[~within], 0.4 * usual[~within], atol=1e-12)
    lengths = [
        path_length(planted_correlation(brain, planted(apart=a))) for a in (0, 0.2, 0.4, 0.6, 0.8)
    ]
    assert lengths == sorted(lengths)
    graph = nx.from_numpy_array(np.where(np.eye(200), 0, 1 / usual))
    assert lengths[0] == pytest.approx(np.asarray(nx.floyd_warshall_numpy(graph))[UPPER].mean())
    assert lengths[-1] > 1.5 * lengths[0]


def test_longer_paths_leave_amplitudes_alone():
    brain = make_brain(10.0)
    spread = [
        np.mean(
            [
                region_signals(np.random.default_rng(i), brain, planted(apart=a), 150, 2.0).std()
                for i in range(20)
            ]
        )
        for a in (0.0, 0.9)
    ]
    assert spread[1] == pytest.approx(spread[0], rel=0.02)


# Images: two studies, with and without, of the same people


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    root = tmp_path_factory.mktemp("effects")
    found = {}
    for name, strength in (("with", 0.9), ("without", 0.0)):
        cohort = lumbago.simulate_cohort(
            root / name,
            n_jobs=2,
            prevalence=0.65,
            effects={**NOTHING, "path_length": strength, "vas_amplitude": strength},
            **{**QUICK, "n_participants": 60, "n_volumes": 105, "followup": 0},
        )
        features = {
            "alff": Amplitude(kind="alff", atlas="lumbago200"),
            "edges": Connectome(kind="connectome", atlas="lumbago200"),
        }
        tables = lumbago.extract(cohort, features, n_jobs=2)
        truth = json.loads((root / name / "ground_truth.json").read_text())
        found[name] = (cohort.table, {k: t.values for k, t in tables.items()}, truth)
    return found


def test_paths_of_measured_connectomes_are_longer_in_patients(analysed):
    def difference(name):
        table, features, _ = analysed[name]
        lengths = []
        ill = (table["group"].loc[features["edges"].index] == "CLBP").to_numpy()
        for row in features["edges"].to_numpy(float):
            r = np.zeros((200, 200))
            r[UPPER] = row
            lengths.append(path_length(r + r.T))
        return effect_size(pd.Series(lengths), ill)

    assert difference("with") > 0.7
    assert abs(difference("without")) < 0.5


def test_amplitude_of_the_cingulate_follows_pain_in_patients(analysed):
    def found(name):
        table, features, truth = analysed[name]
        places = truth["effects"]["vas_amplitude"]["regions"]
        assert places == truth["regions"]["cingulate"]
        alff = features["alff"]
        values = alff[[f"alff.low:{p}" for p in places]].mean(axis=1) / alff.mean(axis=1)
        ill = table["group"].loc[values.index] == "CLBP"
        return np.corrcoef(np.log(values[ill]), table["vas"].loc[values.index][ill])[0, 1]

    assert found("with") > 0.4
    assert abs(found("without")) < 0.3


@pytest.mark.parametrize("r", [0.0, 0.5, 0.8])
def test_amplitudes_have_the_stated_correlation_with_pain(r):
    brain = make_brain(10.0)
    rows = planted_regions(brain)["cingulate"]
    others = np.delete(np.arange(200), rows)
    pain = np.linspace(-2, 2, 9)
    raised = []
    for i, felt in enumerate(pain):
        found, plain = (
            region_signals(np.random.default_rng(i), brain, it, 60, 2.0)
            for it in (planted(follows=r, pain=felt), planted())
        )
        np.testing.assert_array_equal(found[others], plain[others])
        raised.append(np.log(found[rows].std(axis=1) / plain[rows].std(axis=1)))
    slope = np.polyfit(pain, raised, 1)[0]
    # Pain of spread 1 beside what is natural: their shares make the correlation.
    np.testing.assert_allclose(slope / np.hypot(slope, NATURAL_AMPLITUDE), r, atol=1e-3)


# Treatment


def test_responders_lose_the_stated_share_of_pain_and_of_what_is_planted():
    spec = SimulatedCohort(
        n_participants=600,
        followup=1,
        treatment=Treatment(responders=0.4, relief=0.6),
        effects=Effects(path_length=0.5),
    )
    plain = SimulatedCohort(n_participants=600, followup=1, effects=Effects(path_length=0.5))
    people = spec.people()
    ill = [p for p in people if p.group == "CLBP"]
    assert {p.responder for p in people if p.group == "HC"} == {None}
    assert np.mean([p.responder for p in ill]) == pytest.approx(0.4, abs=0.06)
    for responds, left in ((True, 0.4), (False, 1.0)):
        visits = [p.visits for p in ill if p.responder is responds]
        for first, second in visits:
            assert second.severity == pytest.approx(left * first.severity)
            assert second.amplitude == pytest.approx(left * first.amplitude)
            assert second.apart == pytest.approx(left * first.apart)
        pain = np.mean([[v.vas for v in both] for both in visits], axis=0)
        assert pain[1] / pain[0] == pytest.approx(left, abs=0.04)
        coupling = np.mean([a.coupling - b.coupling for a, b in visits])
        assert coupling == pytest.approx((1 - left) * 0.42, abs=0.03)
    assert [p.visits[0] for p in people] == [p.visits[0] for p in plain.people()]


def test_the_table_says_who_responded():
    people, ill = clinical(SimulatedCohort(n_participants=60, followup=0.5, treatment=Treatment()))
    assert set(people["responder"].dropna()) == {"yes", "no"}
    assert people["responder"][~ill].isna().all()
    came_back = [
        len(p.visits) == 2 for p in SimulatedCohort(n_participants=60, followup=0.5).people()
    ]
    assert (people["responder"].notna() == (ill & np.array(came_back))).all()
    assert "responder" not in clinical(SimulatedCohort(n_participants=4))[0]


# Muscles


def test_muscles_of_people_without_pain_are_the_published_ones():
    spec = SimulatedCohort(n_participants=999, prevalence=0, muscles=Muscles(group=0, age=0, bmi=0))
    people, _ = clinical(spec)
    for sex, rows in people.groupby("sex"):
        for muscle, published in FAT.items():
            levels = rows[[f"fat_fraction_{muscle}_{level}" for level in LEVELS]]
            mean, spread = published[sex]
            assert 100 * levels.mean().mean() == pytest.approx(mean, rel=0.07)
            assert 100 * levels["fat_fraction_" + muscle + "_L3"].std() == pytest.approx(
                spread, rel=0.2
            )
        assert rows["fat_fraction_multifidus_L5"].mean() > rows["fat_fraction_multifidus_L1"].mean()
    for muscle, (mean, spread) in AREA.items():
        values = people[f"csa_{muscle}_L4"]
        assert values.mean() == pytest.approx(mean, rel=0.03)
        assert values.std() == pytest.approx(spread, rel=0.1)
    fat = people.filter(like="fat_fraction_")
    assert fat.shape[1] == 15
    assert ((fat > 0) & (fat < 1)).all().all()


@pytest.mark.parametrize("strength", [True, False])
def test_fat_and_size_go_with_group_age_and_body_mass_as_stated(strength):
    plan = Muscles(group=0.6, age=0.5, bmi=0.3) if strength else Muscles(group=0, age=0, bmi=0)
    people, ill = clinical(SimulatedCohort(n_participants=999, muscles=plan))
    sex = people["sex"] == "F"
    fat = without(np.log(people["fat_fraction_multifidus_L4"]), sex)
    area = people["csa_extensors_L4"]
    # Severity has a spread of its own, which dilutes the group's difference a little.
    assert effect_size(fat, ill) == pytest.approx(plan.group, abs=0.13)
    assert effect_size(area, ill) == pytest.approx(-plan.group, abs=0.13)
    for name in ("age", "bmi"):
        r = np.corrcoef(without(fat, pd.Series(ill)), people[name])[0, 1]
        assert r == pytest.approx(getattr(plan, name), abs=0.09)
        r = np.corrcoef(without(area, pd.Series(ill)), people[name])[0, 1]
        assert r == pytest.approx(-getattr(plan, name), abs=0.09)


# Missing cells, heavy motion


def test_cells_are_missing_where_the_ground_truth_says_and_nowhere_else(tmp_path):
    usual = {"n_participants": 6, "followup": 0.5, "muscles": Muscles(), **QUICK}
    whole = SimulatedCohort(**usual).write(tmp_path / "whole")
    holes = SimulatedCohort(**usual, missing=0.25).write(tmp_path / "holes")
    truth = json.loads((holes / "ground_truth.json").read_text())["missing"]
    full, found = (
        pd.read_csv(r / "participants.tsv", sep="\t", dtype=str).set_index("participant_id")
        for r in (whole, holes)
    )
    gaps = {p: list(row.index[row.isna()]) for p, row in found.iterrows()}
    assert {p: c for p, c in gaps.items() if c} == {p: c for p, c in truth.items() if "/" not in p}
    assert found.fillna(full).equals(full)
    assert found[["group", "site", "sex"]].notna().all().all()
    for person in full.index:
        name = f"{person}/{person}_sessions.tsv"
        a, b = (pd.read_csv(r / name, sep="\t", dtype=str) for r in (whole, holes))
        lost = b["vas"].isna()
        assert {f"{person}/{s}" for s in b["session_id"][lost]} == {
            w for w in truth if w.startswith(f"{person}/")
        }
        assert b.fillna(a).equals(a)
    assert json.loads((whole / "ground_truth.json").read_text())["missing"] == {}
    cohort = lumbago.simulate_cohort(tmp_path / "holes", **usual, missing=0.25)
    assert cohort.participants["age"].isna().sum() == found["age"].isna().sum()


def test_about_the_stated_share_of_cells_is_missing():
    people, _ = clinical(SimulatedCohort(n_participants=400, muscles=Muscles(), missing=0.2))
    cells = people[["age", "bmi", *people.filter(like="csa_")]]
    assert cells.isna().mean().mean() == pytest.approx(0.2, abs=0.02)


def test_scans_of_heavy_motion_lose_volumes_and_the_others_are_untouched(tmp_path):
    usual = {"n_participants": 6, "followup": 0, **QUICK, "effects": NOTHING}
    calm = SimulatedCohort(**usual).write(tmp_path / "calm")
    spec = SimulatedCohort(**usual, heavy_motion=0.5)
    moved = spec.write(tmp_path / "moved")
    heavy = {p.participant_id for p in spec.people() if p.visits[0].heavy_motion}
    assert 0 < len(heavy) < 6
    before, after = contents(calm, "bold.nii.gz"), contents(moved, "bold.nii.gz")
    assert {n[:6] for n in before if before[n] != after[n]} == heavy
    for person in heavy:
        table = pd.read_csv(
            next((moved / person).rglob("*timeseries.tsv")), sep="\t", na_values="n/a"
        )
        assert (table["framewise_displacement"] > 0.5).mean() > 0.25
    shares = [
        v.heavy_motion
        for p in SimulatedCohort(n_participants=500, heavy_motion=0.3).people()
        for v in p.visits
    ]
    assert np.mean(shares) == pytest.approx(0.3, abs=0.05)


# Prevalence, sites, several cohorts


@given(st.floats(0, 1), st.floats(0, 1), st.integers(2, 26))
def test_shares_of_patients_spread_around_the_prevalence(prevalence, imbalance, n_sites):
    shares = [share_of_patients(prevalence, imbalance, i, n_sites) for i in range(n_sites)]
    assert np.mean(shares) == pytest.approx(prevalence, abs=1e-9)
    assert min(shares) >= -1e-12
    assert max(shares) <= 1 + 1e-12
    assert shares == sorted(shares)
    if imbalance == 1 and prevalence == 0.5:
        assert shares[0] == 0
        assert shares[-1] == 1


@pytest.mark.parametrize("prevalence", [0.2, 0.5, 0.75])
def test_the_prevalence_is_that_of_every_site(prevalence):
    people = SimulatedCohort(n_participants=240, prevalence=prevalence).people()
    counts = pd.crosstab([p.site for p in people], [p.group for p in people])["CLBP"]
    assert list(counts) == [80 * prevalence] * 3


def test_cohorts_share_effects_and_differ_in_the_rest(tmp_path):
    cohort = lumbago.simulate_cohorts(
        tmp_path,
        {"boston": {"prevalence": 0.25, "t_r": 0.8}, "nagoya": {"voxel_size": 9.0, "n_sites": 1}},
        effects=Effects(insula_alff=0.5),
        **{**QUICK, "n_participants": 8, "followup": 0},
    )
    people = cohort.participants
    assert people.groupby("cohort").size().to_dict() == {"boston": 8, "nagoya": 8}
    share = (people["group"] == "CLBP").groupby(people["cohort"]).mean()
    assert share.to_dict() == {"boston": 0.25, "nagoya": 0.5}
    truths = {
        n: json.loads((tmp_path / n / "ground_truth.json").read_text())
        for n in ("boston", "nagoya")
    }
    assert truths["boston"]["sites"]["site-a"] != truths["nagoya"]["sites"]["site-a"]
    assert {t["effects"]["insula_alff"]["strength"] for t in truths.values()} == {0.5}
    assert len({t["settings"]["seed"] for t in truths.values()}) == 2
    bold = {n: nib.load(next((tmp_path / n).rglob("*bold.nii.gz"))).header for n in truths}
    assert bold["boston"].get_zooms() == pytest.approx((10, 10, 10, 0.8))
    assert bold["nagoya"].get_zooms() == pytest.approx((9, 9, 9, 2))


def test_adding_a_cohort_changes_no_other_and_twins_are_refused(tmp_path):
    two = several(tmp_path, {"a": {}, "b": {}}, seed=3, n_participants=4)
    three = several(tmp_path, {"c": {}, "a": {}, "b": {}}, seed=3, n_participants=4)
    assert two == {n: three[n] for n in two}
    assert two["a"].people() != two["b"].people()
    with pytest.raises(InputError, match="hold the same people"):
        several(tmp_path, {"a": {"seed": 1}, "b": {"seed": 1, "t_r": 1.0}}, seed=3)


@pytest.mark.slow
def test_a_scanner_that_goes_with_diagnosis_is_found_out_by_leaving_sites_out(tmp_path):
    def scores(imbalance):
        cohort = lumbago.simulate_cohort(
            tmp_path / str(imbalance),
            n_jobs=2,
            site_imbalance=imbalance,
            site_effects=3.0,
            effects=NOTHING,
            **{**QUICK, "n_sites": 3, "n_participants": 60, "n_volumes": 105, "followup": 0},
        )
        alff = lumbago.extract(cohort, Amplitude(kind="alff", atlas="lumbago200"), n_jobs=2)
        target = {
            "column": "group",
            "classes": {"ill": ["CLBP"], "well": ["HC"]},
            "positive": "ill",
        }
        result = lumbago.evaluate(
            lumbago.dataset(cohort, alff, target=target),
            [{"kind": "logistic", "C": 0.01}],
            [{"kind": "within_cohort", "n_splits": 4, "n_repeats": 3}, "leave_one_site_out"],
            preparation=["scale"],
            seed=1,
            audited=False,
            baselines=False,
        )
        found = result.scores(["roc_auc"], n_resamples=50)
        found = found[found["scope"] == "pooled"].set_index("scheme")["score"]
        return found["within_cohort"], found["leave_one_site_out"]

    within, across = scores(1.0)
    assert within > 0.68
    assert across < within - 0.1
    balanced, _ = scores(0.0)
    assert balanced < within - 0.2


def test_an_experiment_with_the_same_people_twice_is_refused(tmp_path):
    from experiments import write_experiment
    from lumbago.experiment.loading import load

    def with_seeds(*seeds):
        cohorts = "\n".join(
            f"  {name}: {{kind: simulated, prevalence: 0.{i + 3}, seed: {seed}}}"
            for i, (name, seed) in enumerate(zip("ab", seeds, strict=True))
        )
        tiny = '  tiny: {kind: bids, derivatives: "x", task: rest, space: MNI152NLin2009aSym}'
        return write_experiment(tmp_path / f"{seeds}", "x", (tiny, cohorts))

    assert set(load(with_seeds(1, 2)).experiment.cohorts) == {"a", "b"}
    with pytest.raises(ConfigError, match="the same people"):
        load(with_seeds(1, 1))


# Settings


@pytest.mark.parametrize(
    "settings",
    [
        {"prevalence": 1.5},
        {"effects": {"path_length": -0.1}},
        {"effects": {"vas_amplitude": 1.1}},
        {"treatment": {"relief": 2}},
        {"treatment": {}, "followup": 0},
        {"muscles": {"age": 0.9, "bmi": 0.9}},
        {"missing": 1.0},
        {"heavy_motion": 2},
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings):
    with pytest.raises(ValidationError):
        SimulatedCohort(**settings)


def test_the_page_on_simulation_shows_settings_that_exist_and_figures():
    page = (Path(__file__).parent.parent / "docs" / "simulation.md").read_text(encoding="utf-8")
    example = YAML(typ="safe").load(page.split("```yaml\n")[1].split("```")[0])
    specs = {n: SimulatedCohort(**settings) for n, settings in example["cohorts"].items()}
    assert same_people(specs) is None
    figures = page.split("<!-- measured: begin -->")[1].split("<!-- measured: end -->")[0]
    for name in Effects.model_fields:
        assert f"| `effects.{name}` | " in figures


GOLDEN = np.array(
    [
        [2281, 2350, 2351, 2276],
        [2257, 2201, 2250, 2235],
        [2304, 2344, 2377, 2332],
        [2116, 2077, 2091, 2103],
        [2226, 2226, 2199, 2194],
    ]
)

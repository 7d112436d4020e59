"""Graph measures as features: named, placed, reproducible, and resolved from an experiment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import lumbago
from lumbago.data import Cohort, Scan
from lumbago.errors import ConfigError
from lumbago.experiment.costs import n_features, seconds_of_graphs
from lumbago.experiment.loading import load
from lumbago.extraction.kept import extraction_key, public_spec
from lumbago.extractors import Connectome, Network
from lumbago.extractors.network import (
    AGAINST_NULLS,
    LOST_REGIONS,
    NODAL,
    Densities,
    Metric,
    density_name,
    density_of,
)
from lumbago.measures.graph import (
    area_under_curve,
    catalogue,
    clustering,
    small_world,
    sweep,
    threshold,
)
from lumbago.measures.graph.sweeps import density_seed
from lumbago.reading.recording import Recording
from lumbago.report.graphs import named
from lumbago.store import Store

N = 24
SOME = ["mean_clustering", "transitivity", "global_efficiency", "sigma", "degree"]
BRIEF = {"densities": [0.1, 0.2, 0.3], "measures": SOME, "nulls": 5}


def correlations(seed: int, n: int = N) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(3, 60))
    signals = rng.normal(size=(n, 60)) + shared[np.arange(n) % 3] + 0.5 * rng.normal(size=60)
    return np.corrcoef(signals)


def scan_of(folder: Path, matrix: np.ndarray, name: str = "sub-01", **settings) -> Scan:
    file = folder / f"{name}.npy"
    np.save(file, matrix)
    return Scan(name, cohort="lab", files={"connectome": file}, **settings)


def cohort_of(folder: Path, matrices: dict[str, np.ndarray]) -> Cohort:
    scans = tuple(scan_of(folder, m, name) for name, m in matrices.items())
    people = pd.DataFrame(
        {"cohort": "lab", "participant_id": list(matrices), "group": ["a", "b"] * (len(scans) // 2)}
    )
    sessions = people[["cohort", "participant_id"]].assign(session="")
    return Cohort("lab", people, sessions, scans)


def measured(scan: Scan, **settings) -> pd.Series:
    return Network(**{**BRIEF, **settings}).extract(Recording(scan)).series("graph")


# What is measured is what the ground floor measures, under its name


def test_the_measures_are_those_that_can_be_swept():
    against = {**catalogue.AGAINST_NULLS, **catalogue.ON_REQUEST}
    known = {**catalogue.MEASURES, **against}
    assert set(get_args(Metric)) == set(known)
    assert set(NODAL) == {name for name, m in catalogue.MEASURES.items() if m.nodal}
    assert set(AGAINST_NULLS) == set(against)
    assert set(Network().measures) <= set(known)
    assert all("_" not in named(name) for name in known)


def test_features_are_the_sweep_by_name(tmp_path):
    matrix = correlations(1)
    found = measured(scan_of(tmp_path, matrix))
    swept = sweep(matrix, [0.1, 0.2, 0.3], measures=SOME, n_nulls=5, seed=0)
    areas = area_under_curve(swept)
    assert len(found) == 4 * 4 + 4 * N
    assert found.index.is_unique
    for row, at in enumerate(("d10", "d20", "d30")):
        assert found[f"graph.sigma.{at}"] == np.float32(swept.values["sigma"][row])
        mine = found.filter(like=f"graph.degree.{at}:")
        assert list(mine.index) == [f"graph.degree.{at}:node{i + 1:03d}" for i in range(N)]
        np.testing.assert_array_equal(mine, swept.values["degree"][row].astype(np.float32))
    assert found["graph.transitivity.auc"] == np.float32(areas["transitivity"])
    np.testing.assert_array_equal(
        found.filter(like="graph.degree.auc:"), areas["degree"].astype(np.float32)
    )


def test_transitivity_and_degree_are_networkx_on_the_strongest_edges(tmp_path):
    matrix = correlations(2)
    found = measured(scan_of(tmp_path, matrix))
    strongest = np.sort(matrix[np.triu_indices(N, 1)])[::-1]
    graph = nx.from_numpy_array((matrix >= strongest[round(0.2 * N * (N - 1) / 2) - 1]).astype(int))
    graph.remove_edges_from(nx.selfloop_edges(graph))
    assert found["graph.transitivity.d20"] == pytest.approx(nx.transitivity(graph), abs=1e-6)
    assert found["graph.mean_clustering.d20"] == pytest.approx(
        nx.average_clustering(graph), abs=1e-6
    )
    degrees = [degree for _, degree in graph.degree]
    assert found.filter(like=".degree.d20:").tolist() == degrees


@pytest.mark.parametrize(
    ("density", "name"), [(0.05, "d05"), (0.1, "d10"), (0.125, "d12_5"), (1.0, "d100")]
)
def test_a_density_and_its_name_are_one(density, name):
    assert density_name(density) == name
    assert density_of(name) == density
    assert density_of("auc") is None


def test_densities_from_a_range_have_no_rounding_errors():
    found = Densities(start=0.05, stop=0.5, step=0.05).values()
    assert found == [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
    assert Network(densities=Densities(start=0.1, stop=0.1, step=0.1)).levels == [0.1]
    with pytest.raises(ValidationError, match="ascending"):
        Network(densities=[0.2, 0.1])
    with pytest.raises(ValidationError, match="starts above"):
        Densities(start=0.3, stop=0.2, step=0.1)


def test_one_density_has_no_area(tmp_path):
    found = measured(scan_of(tmp_path, correlations(3)), densities=[0.2])
    assert not [name for name in found.index if ".auc" in name]


# What a matrix cannot give


def test_a_region_without_data_is_left_out_of_its_own_graph(tmp_path):
    matrix = correlations(4)
    holed = matrix.copy()
    holed[5], holed[:, 5] = np.nan, np.nan
    extraction = Network(**BRIEF).extract(Recording(scan_of(tmp_path, holed)))
    found = extraction.series("graph")
    rest = np.delete(np.arange(N), 5)
    whole = measured(scan_of(tmp_path, matrix[np.ix_(rest, rest)], "sub-02"))
    assert found.filter(like=":").isna().sum() == 4
    assert np.isnan(found["graph.degree.d10:node006"])
    np.testing.assert_array_equal(found.dropna().to_numpy(), whole.to_numpy())
    assert LOST_REGIONS in extraction.notes


def test_a_pair_without_data_rejects_the_scan(tmp_path):
    matrix = correlations(4)
    matrix[2, 3] = matrix[3, 2] = np.nan
    table = lumbago.extract(cohort_of(tmp_path, {"s1": matrix, "s2": matrix}), Network(**BRIEF))
    assert table.rejected["code"].tolist() == ["E_MEASURE", "E_MEASURE"]
    assert "1 of 276 pairs" in table.rejected["reason"].iloc[0]
    matrix[0] = matrix[:, 0] = np.nan
    table = lumbago.extract(cohort_of(tmp_path, {"s3": matrix, "s4": matrix}), Network(**BRIEF))
    assert (
        table.rejected["reason"]
        .iloc[0]
        .endswith("1 of 253 pairs of regions with data have no value (first: node003 and node004)")
    )


def test_a_density_without_enough_edges_is_nan_with_a_note(tmp_path):
    matrix = np.where(correlations(5) > 0.35, correlations(5), -0.01)
    share = (matrix[np.triu_indices(N, 1)] > 0).mean()
    assert 0.1 < share < 0.3
    extraction = Network(**BRIEF).extract(Recording(scan_of(tmp_path, matrix)))
    found = extraction.series("graph")
    assert np.isfinite(found["graph.transitivity.d10"])
    assert np.isnan(found["graph.transitivity.d30"])
    assert np.isnan(found["graph.transitivity.auc"])
    assert any("density 0.3 has too few edges" in note for note in extraction.notes)
    absolute = measured(scan_of(tmp_path, matrix), sign="absolute")
    assert np.isfinite(absolute["graph.transitivity.d30"])


def test_a_scan_without_any_density_is_rejected_with_the_reason(tmp_path):
    empty = np.eye(N)
    table = lumbago.extract(cohort_of(tmp_path, {"s1": empty, "s2": empty}), Network(**BRIEF))
    assert table.rejected["code"].tolist() == ["E_DENSITY", "E_DENSITY"]
    assert "only 0 of 276 pairs have a positive value" in table.rejected["reason"].iloc[0]


def test_counts_of_streamlines_are_graphs_like_any_other(tmp_path):
    rng = np.random.default_rng(6)
    counts = np.triu(rng.poisson(400, (N, N)) * (rng.random((N, N)) < 0.4), 1).astype(float)
    counts += counts.T
    extraction = Network(**BRIEF).extract(Recording(scan_of(tmp_path, counts)))
    found = extraction.series("graph")
    expected = threshold(counts, 0.2).sum(axis=0)
    assert found.filter(like=".degree.d20:").tolist() == expected.tolist()
    assert any("beyond 1" in note for note in extraction.notes)


# The same bits, whatever runs beside


def test_other_densities_nulls_and_measures_change_no_value(tmp_path):
    scan = scan_of(tmp_path, correlations(7))
    one, more = measured(scan), measured(scan, densities=[0.05, 0.1, 0.2, 0.3])
    assert one["graph.sigma.d20"] == more["graph.sigma.d20"]
    alone = measured(scan, measures=["sigma"])
    assert one["graph.sigma.d20"] == alone["graph.sigma.d20"]
    assert one["graph.sigma.d20"] != measured(scan, seed=1)["graph.sigma.d20"]


def test_processes_change_no_bit(tmp_path):
    cohort = cohort_of(tmp_path, {f"s{i}": correlations(i) for i in range(4)})
    one = lumbago.extract(cohort, {"graph": Network(**BRIEF)})["graph"]
    two = lumbago.extract(cohort, {"graph": Network(**BRIEF)}, n_jobs=2)["graph"]
    pd.testing.assert_frame_equal(one.values, two.values, check_exact=True)


def test_the_strongest_r_and_the_strongest_z_make_one_graph(tmp_path):
    scan = scan_of(tmp_path, correlations(8))
    assert measured(scan).equals(measured(scan, of=Connectome(fisher_z=True)))


# Its key holds the connectome


def test_the_key_in_the_store_holds_the_connectome_and_its_version(tmp_path, monkeypatch):
    scan = scan_of(tmp_path, correlations(1))
    store = Store(tmp_path / "store")
    key = extraction_key(scan, Network(), store)
    assert key != extraction_key(scan, Network(of=Connectome(fisher_z=True)), store)
    assert key != extraction_key(scan, Network(nulls=50), store)
    assert public_spec(Network())["of"]["version"] == Connectome.version
    monkeypatch.setattr(Connectome, "version", Connectome.version + 1)
    assert key != extraction_key(scan, Network(), store)


def test_an_atlas_of_ones_own_shows_no_path_in_the_key():
    spec = Network(of={"kind": "connectome", "atlas": "lumbago200"})
    assert spec.atlas_digest() == Connectome(atlas="lumbago200").atlas_digest() != ""
    spheres = {"coordinates": "power264", "radius": 5}
    shown = public_spec(Network(of={"kind": "connectome", "atlas": spheres}))
    assert isinstance(shown["of"]["atlas"], str)


def test_it_applies_where_its_connectome_does(tmp_path):
    scan = scan_of(tmp_path, correlations(1))
    assert Network().applies_to(scan)
    assert Network().inputs(scan) == ("connectome",)
    partial = Connectome(measure="partial_correlation")
    assert not Network(of=partial).applies_to(scan)
    assert not Network().applies_to(replace(scan, files={"map": Path("x.nii.gz")}))


def test_the_value_of_a_network_changes_only_together_with_its_version(tmp_path):
    assert Network.version == 1
    found = measured(scan_of(tmp_path, correlations(9)), nulls=20)
    pinned = {
        "graph.mean_clustering.d20": PINNED[0], "graph.sigma.d20": PINNED[1],
        "graph.sigma.auc": PINNED[2], "graph.degree.auc:node003": PINNED[3],
    }  # fmt: skip
    assert found[list(pinned)].tolist() == pytest.approx(list(pinned.values()), rel=1e-5)


PINNED = (0.7055556, 1.9636654, 0.4279854, 0.45)


# In an experiment


EXPERIMENT = """
name: networks
cohorts:
  lab: {kind: connectomes, folder: matrices, participants: people.tsv}
targets:
  diagnosis: {column: group, classes: {patient: [a], control: [b]}, positive: patient}
denoise:
  mild: {strategy: motion6}
features:
  edges: {kind: connectome, denoise: mild, fisher_z: true}
  graph: {kind: network, of: edges, nulls: 5}
models:
  logistic: {kind: logistic}
evaluation: {target: diagnosis, schemes: [within_cohort]}
"""


def experiment(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in EXPERIMENT
    file = folder / "networks.yaml"
    file.write_text(EXPERIMENT.replace(old, new, 1) if old else EXPERIMENT, encoding="utf-8")
    return file


def test_the_name_of_a_connectome_becomes_its_settings(tmp_path):
    found = load(experiment(tmp_path))
    features = found.experiment.features
    assert features["graph"].of == features["edges"]
    assert features["graph"].of.denoise.strategy == "motion6"
    assert features["graph"].denoise is None
    assert found.public["features"]["graph"]["of"]["fisher_z"] is True


def test_settings_in_place_of_a_name_are_the_same_feature(tmp_path):
    named_ = load(experiment(tmp_path)).experiment.features["graph"]
    inline = "of: {kind: connectome, denoise: mild, fisher_z: true}"
    assert load(experiment(tmp_path, "of: edges", inline)).experiment.features["graph"] == named_


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("of: edges", "of: egdes",
         r":11:30: features.graph.of: no feature of kind connectome of this name; got 'egdes', "
         r"expected one of edges; did you mean 'edges'\?"),
        ("of: edges", "of: graph", r":11:30: features.graph.of: no feature of kind connectome"),
        ("of: edges", "of: 5", r":11:30: features.graph.of: expected an object; got 5"),
        ("of: edges", "of: {kind: connectome, bond: 1}",
         r"features.graph.of.bond: no such setting; did you mean 'band'\?"),
        ("of: edges", "of: {kind: connectome, atlas: lumbago20}",
         r"features.graph.of.atlas: no atlas of this name"),
        ("of: edges", "of: {kind: connectome, denoise: mlid}",
         r"features.graph.of.denoise: no denoising of this name; .* did you mean 'mild'\?"),
        ("of: edges", "of: edges, measures: [sigam]",
         r"features.graph.measures\[0\]: .*did you mean 'sigma'\?"),
        ("of: edges", "of: edges, densities: {start: 0.3, stop: 0.1, step: 0.1}",
         r"features.graph.densities: starts above its stop"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_once_with_its_line(tmp_path, old, new, told):
    with pytest.raises(ConfigError, match=told) as caught:
        load(experiment(tmp_path, old, new))
    assert len(caught.value.problems) == 1


def test_a_fault_of_the_named_connectome_is_told_there_only(tmp_path):
    with pytest.raises(ConfigError, match=r"features\.edges\.fisher_z") as caught:
        load(experiment(tmp_path, "fisher_z: true", "fisher_z: 7"))
    assert len(caught.value.problems) == 1


def test_voxel_data_need_an_atlas(tmp_path):
    cohort = "{kind: bids, derivatives: d, task: rest, space: MNI152NLin2009cAsym}"
    file = experiment(
        tmp_path, "{kind: connectomes, folder: matrices, participants: people.tsv}", cohort
    )
    with pytest.raises(ConfigError, match=r"features.graph: without an atlas it cannot divide lab"):
        load(file)


def test_the_cost_grows_with_regions_nulls_and_densities():
    brief = Network(measures=["sigma", "degree"], densities=[0.1, 0.2], nulls=10)
    assert n_features(brief) == 3 * 201
    assert seconds_of_graphs(brief, 264) > 3 * seconds_of_graphs(brief, 132)
    more = brief.model_copy(update={"nulls": 100})
    assert seconds_of_graphs(more, 264) > 5 * seconds_of_graphs(brief, 264)
    assert seconds_of_graphs(Connectome(), 264) == 0


@pytest.mark.slow
def test_real_connectomes_are_small_worlds(shared_data):
    folder = shared_data / "fibromyalgia"
    cohort = lumbago.read_connectomes(
        folder / "connectomes", participants=folder / "participants.tsv", atlas="power264"
    )
    some = replace(cohort, scans=cohort.scans[::11])
    found = lumbago.extract(some, Network(nulls=20, densities=[0.2, 0.3]), n_jobs=2)
    assert len(found) == 6
    assert not len(found.rejected)
    assert np.isfinite(found.values.to_numpy()).all()
    assert (found.values[["network.sigma.d20", "network.sigma.d30"]] > 1).all(axis=None)
    degrees = found.values.filter(like=".degree.d20:").to_numpy()
    assert (degrees.sum(axis=1) == 2 * round(0.2 * 264 * 263 / 2)).all()


def test_a_null_of_random_correlations_needs_correlations(tmp_path):
    scan = scan_of(tmp_path, correlations(1))
    other = measured(scan, null="hirschberger_qi_steuer")
    one = measured(scan)
    assert other["graph.sigma.d20"] < one["graph.sigma.d20"]
    assert other["graph.degree.d20:node001"] == one["graph.degree.d20:node001"]
    with pytest.raises(ValidationError, match="fisher_z: false"):
        Network(null="hirschberger_qi_steuer", of=Connectome(fisher_z=True))


def test_what_a_graph_without_edges_has_not_is_nan_with_a_note(tmp_path):
    scan = scan_of(tmp_path, correlations(1))
    names = ["characteristic_path_length", "sigma", "global_efficiency"]
    settings = {**BRIEF, "measures": names, "densities": [0.001, 0.1]}
    found = Network(**settings).extract(Recording(scan))
    values = found.series("graph")
    assert not np.isinf(values).any()
    assert values["graph.global_efficiency.d00_1"] == 0
    assert np.isnan(values["graph.characteristic_path_length.d00_1"])
    assert np.isnan(values["graph.characteristic_path_length.auc"])
    assert values["graph.characteristic_path_length.d10"] > 1
    assert found.notes == (
        "density 0.001: characteristic_path_length, sigma not defined, NaN",
    )  # fmt: skip


def test_a_measure_stands_once():
    with pytest.raises(ValidationError, match="got sigma more than once"):
        Network(measures=["sigma", "degree", "sigma"])


def test_a_null_of_random_graphs_is_that_of_the_sweep(tmp_path):
    matrix = correlations(1)
    found = measured(scan_of(tmp_path, matrix), null="random", edges="weighted")
    own = small_world(
        threshold(matrix, 0.2, binary=False), n_nulls=5, seed=density_seed(0, 0.2), null="random"
    )
    assert found["graph.sigma.d20"] == np.float32(own.sigma)
    cost = {"measures": ["sigma"], "nulls": 1000}
    assert seconds_of_graphs(Network(null="random", **cost), 264) < seconds_of_graphs(
        Network(**cost), 264
    )


def test_weighted_graphs_keep_the_weights_of_the_connectome(tmp_path):
    matrix = correlations(3)
    scan = scan_of(tmp_path, matrix)
    found = measured(scan, edges="weighted")
    graph = threshold(matrix, 0.2, binary=False)
    own = small_world(graph, n_nulls=5, seed=density_seed(0, 0.2))
    assert found["graph.sigma.d20"] == np.float32(own.sigma)
    assert found["graph.mean_clustering.d20"] == np.float32(clustering(graph).mean())
    assert found["graph.degree.d20:node001"] == measured(scan)["graph.degree.d20:node001"]
    z = measured(scan, edges="weighted", of=Connectome(fisher_z=True))
    assert z["graph.sigma.d20"] != found["graph.sigma.d20"]
    with pytest.raises(ValidationError, match="makes binary graphs"):
        Network(edges="weighted", null="hirschberger_qi_steuer")

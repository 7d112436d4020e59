"""Groups over densities: what a run keeps of them, and how they are drawn."""

from __future__ import annotations

import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp, ttest_ind

import lumbago
from lumbago.data import FeatureTable
from lumbago.data.dataset import Target
from lumbago.errors import InputError
from lumbago.experiment.sweeps import SWEEP_COLUMNS, run_sweeps, sweep_summary
from lumbago.extractors import Network
from lumbago.report.graphs import graphs
from lumbago.report.references import BIBLIOGRAPHY, cited
from lumbago.report.sweeps import area_words, section, title_of

DENSITIES = {"d05": 0.05, "d10": 0.1, "d12_5": 0.125}
TARGET = Target("diagnosis", "binary", ("control", "patient"))


def features(n: int = 20, sessions: int = 1, seed: int = 0) -> FeatureTable:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_tuples(
        [("lab", f"sub-{i:02d}", f"ses-{s}") for i in range(n) for s in range(sessions)],
        names=("cohort", "participant_id", "session"),
    )
    columns = [f"graph.{m}.{at}" for m in ("sigma", "transitivity") for at in (*DENSITIES, "auc")]
    columns += [f"graph.degree.d10:r{i}" for i in range(3)]
    values = rng.normal(1.5, 0.2, (len(index), len(columns))).astype(np.float32)
    return FeatureTable("graph", pd.DataFrame(values, index, columns), {"kind": "network"})


def groups_of(table: FeatureTable) -> pd.Series:
    people = table.values.index.get_level_values("participant_id")
    words = np.where(people.str[-1].astype(int) % 2, "patient", "control")
    return pd.Series(words, index=table.values.index)


def row(summary: pd.DataFrame, measure: str, density: float, group: str, versus: str) -> pd.Series:
    at = summary["density"].isna() if np.isnan(density) else summary["density"] == density
    mine = summary[
        (summary["measure"] == measure) & at
        & (summary["group"] == group) & (summary["versus"] == versus)
    ]  # fmt: skip
    assert len(mine) == 1
    return mine.iloc[0]


def test_means_and_differences_are_those_of_t_tests():
    table = features()
    groups = groups_of(table)
    found = sweep_summary(table, groups, TARGET.classes)
    assert list(found) == list(SWEEP_COLUMNS)
    assert len(found) == 2 * 4 * 3
    for at, density in {**DENSITIES, "auc": np.nan}.items():
        values = table.values[f"graph.sigma.{at}"].astype(float)
        one, other = values[groups == "patient"], values[groups == "control"]
        mean = row(found, "sigma", density, "patient", "")
        interval = ttest_1samp(one, 0).confidence_interval()
        assert mean["n"] == 10
        assert mean["estimate"] == pytest.approx(one.mean())
        assert (mean["ci_low"], mean["ci_high"]) == pytest.approx(tuple(interval))
        apart = row(found, "sigma", density, "patient", "control")
        interval = ttest_ind(one, other, equal_var=False).confidence_interval()
        assert apart["estimate"] == pytest.approx(one.mean() - other.mean())
        assert (apart["ci_low"], apart["ci_high"]) == pytest.approx(tuple(interval))


def test_a_person_counts_once_however_many_sessions():
    table = features(sessions=3)
    found = sweep_summary(table, groups_of(table), TARGET.classes)
    assert set(found.loc[found["versus"] == "", "n"]) == {10}
    values = table.values["graph.sigma.d10"].astype(float)
    person = values.groupby(["cohort", "participant_id"]).mean()
    odd = person.index.get_level_values(1).str[-1].astype(int) % 2 == 1
    assert row(found, "sigma", 0.1, "patient", "")["estimate"] == pytest.approx(person[odd].mean())


def test_nobody_is_shown_alone():
    table = features(6)
    groups = groups_of(table)
    groups.iloc[1:4:2] = np.nan
    found = sweep_summary(table, groups, TARGET.classes)
    assert set(found["group"]) == {"control"}
    assert found["n"].min() == 3
    table.values.iloc[0, 0] = np.nan
    found = sweep_summary(table, groups, TARGET.classes)
    assert np.isnan(row(found, "sigma", 0.05, "control", "")["estimate"])
    assert section(found, TARGET)[0]["table"].rows[0][0] == "Small-worldness (sigma)"


def test_only_networks_of_two_classes_are_compared():
    table = features()
    index = table.values.index

    class Data:
        X = table.values
        y = (groups_of(table) == "patient").astype(int).to_numpy()
        target = TARGET

    assert len(run_sweeps({"graph": table}, Data)) == 24
    other = FeatureTable("alff", table.values, {"kind": "alff"})
    assert run_sweeps({"alff": other}, Data) is None
    Data.target = Target("pain", "continuous")
    assert run_sweeps({"graph": table}, Data) is None
    assert section(pd.DataFrame(), TARGET) == []
    assert len(index)


def test_the_section_holds_a_figure_and_every_area():
    table = features()
    summary = sweep_summary(table, groups_of(table), TARGET.classes)
    (found,) = section(summary, TARGET)
    assert found["name"] == "graph"
    assert found["figure"].image.startswith("data:image/svg+xml;base64,")
    assert found["table"].head == ["Area under the curve", "control", "patient", "Difference"]
    assert [r[0] for r in found["table"].rows] == ["Small-worldness (sigma)", "Transitivity"]
    words = found["table"].rows[0][3].split("\n")[0].replace("−", "-")
    apart = row(summary, "sigma", np.nan, "patient", "control")["estimate"]
    assert float(words) == pytest.approx(apart, abs=0.006)
    assert section(summary, TARGET)[0]["figure"].image == found["figure"].image


def test_a_constant_measure_has_a_difference_without_width():
    table = features()
    table.values.loc[:, "graph.sigma.auc"] = np.float32(1.5)
    found = sweep_summary(table, groups_of(table), TARGET.classes)
    apart = row(found, "sigma", np.nan, "patient", "control")
    assert (apart["estimate"], apart["ci_low"], apart["ci_high"]) == (0, 0, 0)
    assert area_words(found[found["measure"] == "sigma"]) == "Δ area 0.000 (0.000 to 0.000)"


@pytest.fixture
def backend():
    mpl.use("agg")
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


@pytest.mark.usefixtures("backend")
def test_a_plot_draws_the_means_at_their_densities():
    table = features()
    groups = groups_of(table)
    axes = lumbago.plot_sweep(table, groups, order=TARGET.classes)
    control, patient = [line for line in axes.lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(control.get_xdata(), [5, 10, 12.5])
    means = [table.values.loc[groups == "patient", f"graph.sigma.{at}"].mean() for at in DENSITIES]
    np.testing.assert_allclose(patient.get_ydata(), means, rtol=1e-5)
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["control (10)", "patient (10)"]
    assert re.search(r"Δ area −?\d\.\d+ \(", axes.get_title(loc="left"))
    _, own = plt.subplots()
    same = lumbago.plot_sweep(table, list(groups), "transitivity", title="T", axes=own)
    assert same is own
    assert own.get_title(loc="left").startswith("T\n")


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("groups", "measure", "told"),
    [
        (["a", "b"] * 10, "sigam", "did you mean 'sigma'"),
        (["a", "b"], "sigma", "expected 20 words, one per row"),
        ([f"g{i}" for i in range(20)], "sigma", "no group has 3 people"),
        (pd.Series("a", index=list("abcdefghijklmnopqrst")), "sigma", "expected a Series indexed"),
    ],
)
def test_a_plot_says_what_it_lacks(groups, measure, told):
    with pytest.raises(InputError, match=told):
        lumbago.plot_sweep(features(), groups, measure)


def test_titles_are_words():
    assert title_of("slow5.characteristic_path_length") == "Characteristic path length, slow5"


def test_methods_say_what_was_done_and_cite_it():
    text = graphs(Network(nulls=7).canonical(), "Pearson correlation between regions")
    assert "densities from 0.05 to 0.5 in steps of 0.05" in text
    assert "mean of 7 graphs rewired [@maslov2002] with the same degrees, 10 switches" in text
    assert {"freeman1977", "humphries2008", "traag2019"} <= set(cited([text]))
    brief = Network(measures=["sigma"], densities=[0.1, 0.2], null="hirschberger_qi_steuer")
    text = graphs(brief.canonical(), "r")
    assert "at the densities 0.1 and 0.2" in text
    assert "graphs made of random correlations [@zalesky2012]" in text
    text = graphs(Network(null="random", nulls=9).canonical(), "r")
    assert "mean of 9 random graphs with as many nodes and edges [@humphries2008]" in text
    assert "switches" not in text
    text = graphs(Network(sign="absolute", keep_tree=True, measures=["degree"]).canonical(), "r")
    assert "strongest values by size of the r, the spanning tree" in text
    assert "normalized" not in text
    assert all(key in BIBLIOGRAPHY for key in Network.references)

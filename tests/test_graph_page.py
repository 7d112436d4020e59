"""The page on graphs and nulls shows what its script measures, and code that runs."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lumbago.measures import graph, nulls
from lumbago.measures.connectivity import unvectorize

DOCS = Path(__file__).parent.parent / "docs"
STALE = "docs/graphs.md is stale: run python docs/make_graph_page.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("make_graph_page", DOCS / "make_graph_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page() -> str:
    return (DOCS / "graphs.md").read_text(encoding="utf-8")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_is_what_the_script_measures(script, page):
    lines = page.split(script.BEGIN)[1].split(script.END)[0].split("\n")
    tables = [cells(line) for line in lines if line.startswith("|")]
    assert tables[0][2:] == [f"{swaps:g}" for swaps in script.SWAPS], STALE
    kept, clustering = (tables[2 + 2 * script.DENSITIES.index(0.15) + i] for i in range(2))
    assert kept[0] == "0.15"
    for swaps in (0, 0.5, 2):
        column = 2 + script.SWAPS.index(swaps)
        found = script.forgotten(0.15, swaps)
        assert float(kept[column]) == pytest.approx(found[0], abs=0.0051), STALE
        assert float(clustering[column]) == pytest.approx(found[1], abs=0.0051), STALE
    header = 2 + 2 * len(script.DENSITIES)
    assert tables[header][2:] == [str(attempts) for attempts in script.ATTEMPTS], STALE
    adjacency = graph.threshold(script.brain_like(), 0.15)
    shown = tables[header + 2 + script.DENSITIES.index(0.15)]
    for attempts in (10, 100):
        made = nulls.lattice(adjacency, attempts_per_edge=attempts, seed=0)
        column = 2 + script.ATTEMPTS.index(attempts)
        expected = graph.clustering(made).mean()
        assert float(shown[column]) == pytest.approx(expected, abs=0.0051), STALE


def test_the_default_switches_forget_the_graph_as_the_page_says(page, script):
    lines = page.split(script.BEGIN)[1].split(script.END)[0].split("\n")
    of_default = 2 + script.SWAPS.index(10)
    rows = [cells(line) for line in lines if "autocorrelation" in line]
    assert len(rows) == len(script.DENSITIES)
    assert all(abs(float(row[of_default])) <= 0.01 for row in rows)


def test_the_figure_is_there_and_small(page, script):
    assert "(figures/null_mixing.svg)" in page
    svg = script.FIGURE.read_text(encoding="utf-8")
    assert len(svg) < 60_000
    for density in script.DENSITIES:
        assert f"density {density:.2f}" in svg, STALE


def test_the_code_of_the_page_runs_and_the_nulls_it_names_exist(page, script):
    names: dict[str, object] = {"matrix": script.brain_like(40)}
    exec(page.split("```python\n")[1].split("```")[0], names)
    areas = names["areas"]
    assert isinstance(areas, dict)
    assert np.isfinite(areas["sigma"])
    named = {line.split("`")[1] for line in page.split("\n") if line.startswith("| `nulls.")}
    assert named == {f"nulls.{name}" for name in dir(nulls)}


def test_real_connectomes_are_forgotten_as_fast_as_the_page_says(shared_data):
    files = sorted((shared_data / "fibromyalgia" / "connectomes").glob("*.npy"))
    for file in files[:3]:
        adjacency = graph.threshold(unvectorize(np.load(file).astype(float)), 0.15)
        shares = {
            swaps: np.mean(
                [
                    nulls.rewire(adjacency, swaps_per_edge=swaps, seed=seed)[adjacency].mean()
                    for seed in range(20)
                ]
            )
            for swaps in (1, 2, 10, 40)
        }
        left = {s: (share - shares[40]) / (1 - shares[40]) for s, share in shares.items()}
        assert 0.005 < left[1] < 0.1
        assert left[2] < 0.012
        assert abs(left[10]) < 0.005


def test_a_brain_that_is_a_small_world_only_against_random_graphs_is_one_as_the_page_says(
    shared_data,
):
    file = (
        shared_data / "fibromyalgia" / "connectomes" / "sub-006_task-rest_atlas-Power264_relmat.npy"
    )
    matrix = unvectorize(np.load(file).astype(float))
    sigma = {
        null: graph.sweep(matrix, [0.05], measures=["sigma"], n_nulls=20, seed=0, null=null)
        for null in ("rewired", "random")
    }
    assert sigma["rewired"].values["sigma"] == pytest.approx(0.76, abs=0.02)
    assert sigma["random"].values["sigma"] > 2.18

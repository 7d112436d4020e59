"""The schema that editors read says what `check` says, short forms included."""

from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from experiments import write_experiment
from json_schema import problems
from lumbago.evaluation import SCHEMES
from lumbago.experiment.loading import complete, load
from lumbago.experiment.tree import read_tree
from lumbago.extractors import EXTRACTORS
from lumbago.models import MODELS, STEPS
from lumbago.reading import COHORT_READERS
from lumbago.spec import kinds_of

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "experiments" / "schema.json").read_text(encoding="utf-8"))
SHIPPED = sorted((ROOT / "experiments").glob("*.yaml"))


def told(data: Any) -> list[str]:
    return problems(data, SCHEMA, SCHEMA)


def small(tmp_path: Path) -> dict[str, Any]:
    return read_tree(write_experiment(tmp_path, "data")).data


def put(data: dict[str, Any], place: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(data)
    node: Any = changed
    for part in place[:-1]:
        node = node[part]
    node[place[-1]] = value
    return changed


def test_the_schema_is_not_stale():
    spec = importlib.util.spec_from_file_location("make_schema", ROOT / "docs" / "make_schema.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "experiments" / "schema.json").read_text(encoding="utf-8")
    assert written == module.text(), (
        "experiments/schema.json is stale: run python docs/make_schema.py"
    )


@pytest.mark.parametrize("file", SHIPPED, ids=lambda p: p.stem)
def test_shipped_experiments_fit_and_name_the_schema(file):
    assert told(read_tree(file, {"LUMBAGO_SHARED": "x"}).data) == []
    assert "# yaml-language-server: $schema=schema.json" in file.read_text(encoding="utf-8")


def test_what_the_tests_run_fits_written_short_and_written_out(tmp_path):
    data = small(tmp_path)
    assert told(data) == []
    assert told(complete(data, tmp_path)) == []


STANDARD = ("preparation", "standard")
SCHEME = ("evaluation", "schemes", 0)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (STANDARD, ["scale", "impute"]), (STANDARD, [{"impute": "median"}, {"scale": None}]),
        (STANDARD, [{"impute": {"strategy": "mean"}}]), (STANDARD, [{"kind": "impute"}]),
        (STANDARD, [{"residualize": ["age"]}]), (STANDARD, []),
        (SCHEME, "within_cohort"), (SCHEME, {"kind": "within_cohort", "n_splits": 4}),
        (("features", "alff", "denoise"), "default"), (("features", "alff", "denoise"), None),
        (("models", "logistic", "features"), "alff"),
        (("models", "logistic", "preparation"), "standard"),
        (("models", "logistic", "preparation"), [{"impute": "median"}, "scale"]),
        (("targets", "pain"), {"column": "vas", "kind": "continuous"}),
        (("features", "alff", "bands"), {"slow5": [0.01, 0.027]}),
        (("features", "alff", "atlas"), {"coordinates": "power264", "radius": 4}),
    ],
)  # fmt: skip
def test_every_short_form_that_check_accepts_fits(tmp_path, place, value):
    data = put(small(tmp_path), place, value)
    file = tmp_path / "changed.yaml"
    file.write_text(json.dumps(data), encoding="utf-8")
    load(file)
    assert told(data) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("sed",), 1), (("seed",), "x"), (("seed",), -1), (("features", "alff", "kind"), "allf"),
        (("features", "alff", "normalise"), "mean"), (("features", "a b"), {"kind": "alff"}),
        (STANDARD, ["scael"]), (STANDARD, ["residualize"]), (STANDARD, [{"impute": "mode"}]),
        (STANDARD, [{"impute": "median", "scale": None}]), (SCHEME, "within"),
        (SCHEME, {"n_splits": 4}), (SCHEME, {"kind": "within_cohort", "n_splits": 1}),
        (("models", "logistic", "C"), 0), (("models",), {}), (("cohorts", "tiny", "kind"), "bid"),
        (("evaluation", "permutations"), 1.5), (("name",), "a b"),
    ],
)  # fmt: skip
def test_what_check_refuses_by_its_shape_does_not_fit(tmp_path, place, value):
    data = put(small(tmp_path), place, value)
    assert told(data) != []


def test_every_kind_is_in_it():
    text = json.dumps(SCHEMA)
    for family in (EXTRACTORS, MODELS, STEPS, SCHEMES, COHORT_READERS):
        for kind in (k for cls in family for k in kinds_of(cls)):
            assert f'"{kind}"' in text

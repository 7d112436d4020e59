"""What `plan` says an evaluation will cost: how it grows with what is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from learning_data import make_dataset
from lumbago.evaluation import Unit, WithinCohort, plan_units
from lumbago.experiment.fit_costs import SECONDS_PER_PERMUTATION, fits_of, seconds_of
from lumbago.models import CPM, LinearSVM, Logistic, RandomForest

DATA = make_dataset(60, 435)


def unit(model: Any, preparation: Any = ("scale",), permutations: int = 0) -> Unit:
    """Return the first unit of a cell: of its permutations, where there are any."""
    units = plan_units(
        DATA, {"model": model}, WithinCohort(n_splits=4), preparation=preparation, seed=0,
        permutations=permutations, baselines=False,
    )  # fmt: skip
    return next(u for u in units if bool(u.permutations) == bool(permutations))


def test_fits_are_counted_with_those_of_the_inner_folds():
    assert fits_of(unit(Logistic()), continuous=False) == 4
    assert fits_of(unit(Logistic(tune={"C": [0.1, 1.0, 10.0]})), continuous=False) == 4 * (
        1 + 5 * 3
    )
    assert fits_of(unit(LinearSVM()), continuous=False) == 4 * (
        1 + 5
    )  # its probabilities need them
    assert fits_of(unit(CPM()), continuous=True) == 4  # there are no probabilities of numbers
    assert (
        fits_of(unit(LinearSVM(), permutations=20), continuous=False) == 4 * 20
    )  # its permutations do not
    assert (
        fits_of(unit(LinearSVM(tune={"C": [0.1, 1.0]}), permutations=20), continuous=False)
        == 4 * 20 * 11
    )


def test_forests_are_permuted_untuned():
    tuned = unit(RandomForest(tune={"max_depth": [1, 3]}), permutations=10)
    plain = unit(RandomForest(), permutations=10)
    assert fits_of(tuned, continuous=False) == fits_of(plain, continuous=False) == 40


def test_permutations_share_a_preparation_that_reads_no_labels():
    few, many = (seconds_of(unit(Logistic(), permutations=n), continuous=False) for n in (10, 200))
    assert few < many < 20 * few
    picking = [{"kind": "select_anova", "k": 20}, "scale"]
    few, many = (seconds_of(unit(Logistic(), picking, n), continuous=False) for n in (10, 200))
    assert many == pytest.approx(20 * few)
    shared = seconds_of(unit(Logistic(), permutations=200), continuous=False)
    assert many > 4 * shared > 4 * 200 * SECONDS_PER_PERMUTATION


def test_matrices_cost_more_than_numbers_and_the_tangent_space_more_than_inverses():
    plain, partial, tangent = (
        seconds_of(unit(Logistic(), steps), continuous=False)
        for steps in (["scale"], ["partial", "scale"], ["tangent", "scale"])
    )
    assert plain < partial < tangent


def test_a_forest_grows_with_its_trees_and_cpm_with_its_edges():
    small, large = (
        seconds_of(unit(RandomForest(n_estimators=n)), continuous=False) for n in (100, 500)
    )
    assert 3 < large / small < 5
    one = unit(CPM(), permutations=50)
    wide = replace(one, columns=tuple(f"f:{i}" for i in range(43_500)))
    assert seconds_of(wide, continuous=False) > 5 * seconds_of(one, continuous=False)

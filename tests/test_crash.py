"""Kills at any moment end, after resuming, in the same store and the same predictions."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import same_tables, write_experiment
from lumbago.experiment.run import run_experiment
from lumbago.store import Store

LESS = (("permutations: 10", "permutations: 4"), ("n_estimators: 10", "n_estimators: 3"))


def run(file: Path, output: Path, store: Path) -> subprocess.Popen[str]:
    """Start a run in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "lumbago.cli", "run", str(file), "-o", str(output),
         "--store", str(store), "-j", "1"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def kill_and_resume(file: Path, folder: Path, kills: int, seed: int) -> int:
    """Kill a run so many times at random moments, then let it end; return how many died."""
    chance = random.Random(seed)
    died = 0
    for _ in range(kills):
        process = run(file, folder / "run", folder / "store")
        # Killed after a random number of finished pieces, or a moment before the first:
        # moments spread over the work, however fast the machine is.
        pieces = chance.randint(0, 3)
        while pieces and process.stderr.readline():
            pieces -= 1
        try:
            process.wait(chance.uniform(0, 0.3))
        except subprocess.TimeoutExpired:
            process.kill()
            died += 1
        process.communicate()
    process = run(file, folder / "run", folder / "store")
    _, told = process.communicate()
    assert process.returncode == 0, told
    return died


def assert_same_stores(one: Path, other: Path) -> None:
    """Assert that two stores hold the same entries and, but for times, the same values."""
    a, b = Store(one), Store(other)
    assert list(a.keys()) == list(b.keys())
    for key in a.keys():  # noqa: SIM118
        x, y = a.load(key), b.load(key)
        assert x is not None
        assert y is not None
        assert set(x.arrays) == set(y.arrays)
        for name in x.arrays:
            if name != "fits.seconds":
                np.testing.assert_array_equal(x.arrays[name], y.arrays[name])
        assert x.json == y.json
    assert a.corrupt == b.corrupt == []
    assert not [p for root in (one, other) for p in root.rglob(".tmp-*")]


def check(tiny_cohort_folder: Path, tmp_path: Path, kills: int) -> None:
    file = write_experiment(tmp_path, tiny_cohort_folder, *LESS)
    whole = tmp_path / "whole"
    run_experiment(file, output=whole / "run", store=whole / "store")
    broken = tmp_path / "broken"
    died = kill_and_resume(file, broken, kills, seed=kills)
    assert died > 0
    same_tables(whole / "run", broken / "run")
    assert_same_stores(whole / "store", broken / "store")


def test_three_kills_change_nothing(tiny_cohort_folder, tmp_path):
    check(tiny_cohort_folder, tmp_path, 3)


@pytest.mark.slow
def test_twenty_kills_change_nothing(tiny_cohort_folder, tmp_path):
    check(tiny_cohort_folder, tmp_path, 20)

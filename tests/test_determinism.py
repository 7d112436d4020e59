"""Jobs, order of rows, hash seed and locale change no bit of a prediction."""

from __future__ import annotations

import os
import subprocess
import sys

import pandas as pd
import pytest

from experiments import copy_cohort, same_tables, write_experiment
from lumbago.experiment.run import run_experiment


def test_jobs_and_the_order_of_the_table_change_no_bit(tiny_cohort_folder, tmp_path):
    file = write_experiment(tmp_path, tiny_cohort_folder)
    run_experiment(file, output=tmp_path / "one" / "run", store=tmp_path / "one" / "store")
    study = copy_cohort(tiny_cohort_folder, tmp_path / "study")
    table = study / "participants.tsv"
    rows = pd.read_csv(table, sep="\t", dtype=str, keep_default_na=False)
    shuffled = rows.sample(frac=1, random_state=3)
    assert list(shuffled["participant_id"]) != list(rows["participant_id"])
    shuffled.to_csv(table, sep="\t", index=False)
    other = write_experiment(tmp_path / "other", study)
    run_experiment(other, output=tmp_path / "two" / "run", store=tmp_path / "two" / "store",
                   n_jobs=2)  # fmt: skip
    same_tables(tmp_path / "one" / "run", tmp_path / "two" / "run")
    keys = [
        sorted(p.name for p in (tmp_path / which / "store").glob("[0-9a-f][0-9a-f]/*"))
        for which in ("one", "two")
    ]
    assert keys[0] == keys[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "LANG": "C", "TZ": "Asia/Tokyo", "OMP_NUM_THREADS": "4"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "de_DE.UTF-8", "OPENBLAS_NUM_THREADS": "2"},
    ],
)
def test_the_environment_changes_no_bit(tiny_cohort_folder, tmp_path, environment):
    file = write_experiment(tmp_path, tiny_cohort_folder)
    run_experiment(file, output=tmp_path / "one" / "run", store=tmp_path / "one" / "store")
    subprocess.run(
        [sys.executable, "-m", "lumbago.cli", "run", str(file), "-o", str(tmp_path / "two/run"),
         "--store", str(tmp_path / "two/store"), "-j", "2"],
        check=True, env={**os.environ, **environment}, capture_output=True,
    )  # fmt: skip
    same_tables(tmp_path / "one" / "run", tmp_path / "two" / "run")

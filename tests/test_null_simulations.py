"""Nothing to find, and nothing found too often: permutations through the whole evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, kstest

from lumbago.data.dataset import Dataset, Target
from lumbago.evaluation.evaluate import evaluate
from lumbago.statistics.permutation import p_value

DIAGNOSIS = Target("diagnosis", "binary", ("control", "patient"))
N_SETS, N_PERMUTATIONS = 120, 39


def made(people, values, y, site):
    """Return a dataset of rows in their order; sessions are counted per person."""
    session = pd.Series(people).groupby(people).cumcount()
    index = pd.MultiIndex.from_arrays(
        [np.full(len(people), "study"), [f"sub-{i:03d}" for i in people],
         [f"ses-{s}" for s in session]],
        names=("cohort", "participant_id", "session"),
    )  # fmt: skip
    X = pd.DataFrame(values.astype(np.float32), index, [f"f:r{j}" for j in range(values.shape[1])])
    return Dataset(X, y.astype(np.int64), DIAGNOSIS, np.asarray(site, dtype=object))


def free(rng):
    """One row per person, one site."""
    y = rng.permutation(np.arange(36) % 2)
    return made(np.arange(36), rng.standard_normal((36, 6)), y, ["a"] * 36)


def block(rng):
    """Three sessions per person that are nearly the same: 24 people, not 72."""
    people = np.repeat(np.arange(24), 3)
    y = rng.permutation(np.arange(24) % 2)[people]
    values = rng.standard_normal((24, 6))[people] + 0.2 * rng.standard_normal((72, 6))
    return made(people, values, y, ["a"] * 72)


def site(rng):
    """Two scanners that shift every feature, and more patients in one: nothing but the site."""
    where = np.repeat([0, 1], 20)
    y = np.r_[rng.permutation(np.r_[np.ones(14), np.zeros(6)]),
              rng.permutation(np.r_[np.ones(6), np.zeros(14)])]  # fmt: skip
    values = rng.standard_normal((40, 6)) + 1.0 * where[:, None]
    return made(np.arange(40), values, y, np.array(["a", "b"])[where])


@pytest.mark.slow
@pytest.mark.parametrize("design", [free, block, site])
def test_p_is_uniform_and_five_of_a_hundred_null_studies_are_significant(design):
    p, corrected, inflated = [], [], 0
    for i in range(N_SETS):
        data = design(np.random.default_rng([i, len(design.__name__)]))
        found = evaluate(
            data,
            {"weak": {"kind": "logistic", "C": 0.01}, "strong": {"kind": "logistic", "C": 1.0}},
            [{"kind": "within_cohort", "n_splits": 3}],
            preparation=["scale"], seed=i, permutations=N_PERMUTATIONS,
            baselines=False, audited=False,
        )  # fmt: skip
        scores = found.scores(["roc_auc"], n_resamples=20)
        row = scores[scores["scope"] == "pooled"].set_index("model")
        p.append(row.loc["weak", "p"])
        corrected.append(row["p_corrected"].min())
        inflated += row.loc["weak", "score"] > 0.6
    # P-values come in steps of 1/40: a step's place within itself is drawn.
    within = np.random.default_rng(0).uniform(size=N_SETS) / (N_PERMUTATIONS + 1)
    assert kstest(np.array(p) - within, "uniform").pvalue > 0.001
    for values in (p, corrected):
        rejected = int(np.sum(np.array(values) <= 0.05))
        assert binomtest(rejected, N_SETS, 0.05).pvalue > 0.001
    if design is site:
        assert inflated > 0.5 * N_SETS, "the site alone must lift the score, or nothing is shown"


def test_the_site_design_would_deceive_who_permutes_across_sites():
    """The control of the test above: labels shuffled over both scanners find the scanner."""
    rejected = 0
    for i in range(40):
        rng = np.random.default_rng(i)
        data = site(rng)
        x = data.X.to_numpy(dtype=float).mean(axis=1)
        gap = [
            x[y == 0].mean() - x[y == 1].mean()
            for y in (data.y, *(rng.permutation(data.y) for _ in range(39)))
        ]
        rejected += p_value(gap[0], np.array(gap[1:])) <= 0.05
    assert rejected > 12

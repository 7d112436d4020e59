"""Whether predictions follow the scanner or head motion beyond what the truth explains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target
from lumbago.evaluation.baselines import MOTION
from lumbago.evaluation.compare import LEFT_OUT
from lumbago.evaluation.outcomes import place_of
from lumbago.provenance import task_seed
from lumbago.statistics.confounder import partial_confounder_test

N_PERMUTATIONS = 1000
MIN_PEOPLE = 20
CONFOUNDER_COLUMNS = (
    "confounder", "statistic", "expected", "p", "n", "n_permutations", "reason",
)  # fmt: skip
_PERSON = ["cohort", "participant_id"]


def confounder_tests(
    predictions: pd.DataFrame,
    participants: pd.DataFrame,
    target: Target,
    *,
    seed: int,
    n_permutations: int = N_PERMUTATIONS,
) -> pd.DataFrame:
    """Run the partial confounder test of one cell for site and motion.

    A person counts once: the mean over repeats (and sessions of the same truth) of what
    models of different folds can be compared by, the calibrated probability or the predicted
    value. Where a site is left out whole, its people have a model of their own, and a
    difference between sites is one between models: there is no test for the site then.

    Parameters
    ----------
    predictions : DataFrame
        Rows of one cell of `Result.predictions`.
    participants : DataFrame
        cohort, participant_id and, where known, mean_fd.
    target : Target
    seed : int

    Returns
    -------
    DataFrame
        confounder ("site", "mean_fd"), statistic (share of the predictions' variance that
        the confounder explains), expected (the same of conditional permutations: what the
        truth brings along), p, n, n_permutations, reason (why there is no test).
    """
    people, reason = _people(predictions, target)
    if MOTION in participants and people is not None:
        motion = participants.groupby(_PERSON, sort=True)[MOTION].mean()
        people = people.join(motion, on=_PERSON)
    rows: list[dict[str, Any]] = []
    for name in ("site", MOTION):
        why = reason or _why_not(name, people, predictions)
        if why or people is None:
            nan = float("nan")
            rows.append({"confounder": name, "statistic": nan, "expected": nan, "p": nan,
                         "n": 0, "n_permutations": 0, "reason": why})  # fmt: skip
            continue
        there = people.dropna(subset=name)
        found = partial_confounder_test(
            there["predicted"].to_numpy(dtype=float), there["truth"].to_numpy(),
            there[name].to_numpy(), categorical=name == "site",
            continuous_truth=target.kind == "continuous", n_permutations=n_permutations,
            seed=task_seed(seed, "confounder", name),
        )  # fmt: skip
        rows.append({
            "confounder": name, "statistic": found.statistic, "expected": found.expected,
            "p": found.p, "n": found.n, "n_permutations": found.n_permutations, "reason": "",
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(CONFOUNDER_COLUMNS))


def _people(predictions: pd.DataFrame, target: Target) -> tuple[pd.DataFrame | None, str]:
    """Return one row per person, or why there is none."""
    if target.kind == "multiclass":
        return None, "several classes have no single prediction"
    column = "y_pred" if target.kind == "continuous" else "y_prob"
    values = pd.to_numeric(predictions[column], errors="coerce")
    if not np.isfinite(values).all():
        return None, "the model gives no probabilities, and scores of folds do not compare"
    table = predictions.assign(predicted=values, session=predictions["session"].fillna(""))
    table = table.sort_values([*_PERSON, "session"], kind="stable")
    first = table.drop_duplicates(_PERSON).set_index(_PERSON)["y_true"]
    # Of a person whose sessions differ in class, those like the first count.
    same = (
        table["y_true"].to_numpy() == first.loc[pd.MultiIndex.from_frame(table[_PERSON])].to_numpy()
    )
    if target.kind == "continuous":
        same = np.ones(len(table), dtype=bool)
    grouped = table[same].groupby(_PERSON, sort=True)
    people = grouped.agg(predicted=("predicted", "mean"), site=("site", "first")).reset_index()
    truth = grouped["y_true"].mean() if target.kind == "continuous" else grouped["y_true"].first()
    people["truth"] = truth.to_numpy()
    people["site"] = [
        place_of(str(c), str(s)) for c, s in zip(people["cohort"], people["site"], strict=True)
    ]
    return people, ""


def _why_not(name: str, people: pd.DataFrame | None, predictions: pd.DataFrame) -> str:
    if people is None or name not in people:
        return f"no {name}"
    there = people.dropna(subset=name)
    if len(there) < MIN_PEOPLE:
        return f"fewer than {MIN_PEOPLE} participants with {name}"
    if there[name].nunique() < 2:
        return "one site" if name == "site" else f"{name} does not vary"
    if name == "site" and predictions["scheme"].isin(LEFT_OUT).any():
        return "each site left out has models of its own"
    return ""


def in_words(row: Mapping[Any, Any], truth: str) -> str:
    """Say what a test found, in one sentence that claims no more than it.

    >>> in_words({"p": 0.6, "reason": ""}, "diagnosis")
    'no sign that it follows it beyond diagnosis'
    """
    if row["reason"]:
        return f"not available: {row['reason']}"
    if row["p"] <= 0.05:
        return f"follows it beyond what {truth} explains"
    return f"no sign that it follows it beyond {truth}"

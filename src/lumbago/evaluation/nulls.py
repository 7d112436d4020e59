"""Scores under permuted labels: what a model reaches when there is nothing to learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lumbago.data.dataset import Dataset
from lumbago.evaluation.metrics import OF_PROBABILITIES, metrics_of, score
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.result import NULL_COLUMNS
from lumbago.models.columns import take_rows
from lumbago.models.refit import Refit
from lumbago.provenance import task_seed
from lumbago.statistics.permutation import whole_block, within_block

if TYPE_CHECKING:
    from lumbago.evaluation.units import Unit

NOT_PERMUTED = OF_PROBABILITIES
"""They would need a calibration in every permutation."""


def permuted_labels(dataset: Dataset, seed: int, number: int) -> np.ndarray:
    """Return y with its values exchanged between whole participants of the same site.

    Where people are joined (families, pairs), families of equal size exchange theirs as
    wholes, and then members among themselves: what they share is never told apart. A
    permutation is known by its number: every cell of a grid sees the same ones, so that
    their maximum over cells is meaningful.
    """
    groups, y = dataset.groups, dataset.y
    names, first, person = np.unique(groups, return_index=True, return_inverse=True)
    person = person.ravel()
    constant = bool((y == y[first][person]).all())
    places = np.array([f"{c}/{s}" for c, s in zip(dataset.cohort, dataset.site, strict=True)])
    rng = np.random.default_rng(task_seed(seed, "permutation", str(number)))
    if dataset.kin is None:
        return y[whole_block(groups, rng, strata=places, constant=constant)]
    if not constant:
        return y[whole_block(dataset.families, rng, strata=places)]
    # One row per person from here on; a person seen at two places is a place of their own.
    seen: dict[int, set[str]] = {}
    for who, where in zip(person.tolist(), places.tolist(), strict=True):
        seen.setdefault(who, set()).add(where)
    place = np.array(["+".join(sorted(seen[who])) for who in range(len(names))])
    family, label = dataset.families[first], y[first]
    label = label[whole_block(family, rng, strata=place)]
    label = label[within_block(family, rng, strata=place)]
    return label[person]


def null_scores(unit: Unit, dataset: Dataset) -> pd.DataFrame:
    """Score a unit's permutations: labels permuted, everything that reads labels fitted anew.

    Splits stay those of the true table. A kind whose every permutation costs a whole fit
    (``max_permutations``) is not tuned.

    Returns
    -------
    DataFrame
        features, model, scheme, permutation, metric, score.
    """
    assert unit.permutations is not None
    numbers = range(*unit.permutations)
    labels = np.stack([permuted_labels(dataset, unit.seed, m) for m in numbers])
    continuous = dataset.target.kind == "continuous"
    X = unit.design(dataset)
    tuned = unit.spec.max_permutations is None
    rows = np.concatenate([s.test for s in unit.splits])
    predicted = np.empty((len(numbers), len(rows)), dtype=labels.dtype)
    decided = np.empty((len(numbers), len(rows)))
    done = 0
    for split in unit.splits:
        refit = Refit(
            unit.estimator(dataset, split, tuned=tuned), take_rows(X, split.train),
            dataset.y[split.train], take_rows(X, split.test), continuous=continuous,
        )  # fmt: skip
        here = slice(done, done + len(split.test))
        for i, y in enumerate(labels):
            predicted[i, here], decided[i, here] = refit(y[split.train])
        done += len(split.test)
    fold = np.concatenate([np.full(len(s.test), i) for i, s in enumerate(unit.splits)])
    person = np.unique(dataset.groups[rows], return_inverse=True)[1].ravel()
    metrics = [m for m in metrics_of(dataset.target) if m.name not in NOT_PERMUTED]
    table = []
    for i, number in enumerate(numbers):
        outcomes = Outcomes(
            dataset.target, labels[i][rows], predicted[i], decided[i],
            np.full(len(rows), np.nan), fold, np.zeros(len(rows), dtype=int), person,
        )  # fmt: skip
        for metric in metrics:
            cell = (unit.features, unit.model, unit.scheme)
            table.append((*cell, number, metric.name, score(metric, outcomes)))
    return pd.DataFrame(table, columns=list(NULL_COLUMNS))

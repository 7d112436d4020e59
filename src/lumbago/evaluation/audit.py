"""Proof, on the data at hand, that what is tested had no part in what was learned.

Scores on random labels cannot show every leak: scaling, imputing or regressing covariates
over all rows leaves them at chance. Here the rows outside the training fold are spoiled,
in every way that could matter, and the same fold is fitted again: learned values and
predictions must be the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Dataset
from lumbago.evaluation.duplicates import parted_duplicates
from lumbago.evaluation.poison import POISONS, poisoned
from lumbago.evaluation.result import AUDIT_COLUMNS
from lumbago.evaluation.schemes import tests_per_sample
from lumbago.evaluation.splits import Split, kind_of, worth_auditing
from lumbago.evaluation.state import first_difference, learned_state
from lumbago.evaluation.units import Unit
from lumbago.models.columns import take_rows
from lumbago.models.pipeline import Outputs, outputs

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"
N_SINGLE = 5
"""Rows predicted one at a time."""
CHECKS = 2
"""Rises with every change of what an audit checks; stored ones of older checks do not serve."""
Fit = Callable[[Dataset, Split], Any]


@dataclass(frozen=True)
class Check:
    """One check, its verdict and what was found, in words without any participant's name."""

    check: str
    verdict: str
    detail: str


def audit(dataset: Dataset, units: Sequence[Unit], *, n_jobs: int = 1) -> pd.DataFrame:
    """Audit every cell of a grid: fold 0 of repeat 0 is fitted again on spoiled data.

    Parameters
    ----------
    dataset : Dataset
    units : sequence of Unit
        Of `plan_units`; one unit per cell is used, permutations are not.
    n_jobs : int
        Processes.

    Returns
    -------
    DataFrame
        features, model, scheme, check, verdict ("passed", "failed", "not applicable"), detail.
    """
    from joblib import Parallel, delayed

    first = [u for u in units if u.repeat == 0 and u.permutations is None]
    cells = [u for u in first if worth_auditing(u.scheme)]
    tables = Parallel(n_jobs=n_jobs)(delayed(audit_unit)(dataset, unit) for unit in cells)
    if not tables:
        return pd.DataFrame(columns=list(AUDIT_COLUMNS))
    return pd.concat(tables, ignore_index=True)


def audit_unit(dataset: Dataset, unit: Unit) -> pd.DataFrame:
    """Run every check on one unit, on one thread."""
    from threadpoolctl import threadpool_limits

    X = unit.design(dataset)
    split = unit.splits[0]
    with threadpool_limits(1):
        checks = [
            *split_checks(dataset, unit.splits),
            duplicates(dataset, unit.columns, unit.splits),
            *poison_test(unit.fit, dataset, split, X=X),
            single_row(unit.fit(dataset, split), take_rows(X, split.test), dataset.target.kind),
        ]
    rows = [(unit.features, unit.model, unit.scheme, c.check, c.verdict, c.detail) for c in checks]
    return pd.DataFrame(rows, columns=list(AUDIT_COLUMNS))


def poison_test(
    fit: Fit,
    dataset: Dataset,
    split: Split,
    *,
    X: pd.DataFrame | None = None,
    poisons: Sequence[str] = POISONS,
) -> list[Check]:
    """Fit a fold on true and on spoiled data and compare what was learned, bit by bit.

    Parameters
    ----------
    fit : callable
        ``fit(dataset, split)`` returns a fitted estimator. It is handed everything, test rows
        included: that it does not use them is what is tested.
    dataset : Dataset
        The true one.
    split : Split
        Made from the true one.
    X : DataFrame, optional
        What the estimator predicts from; default ``dataset.X``. Predictions of the true test
        rows, and of some training rows, are compared.
    poisons : sequence of str
        See `lumbago.evaluation.poison.poisoned`.

    Returns
    -------
    list of Check
        One per poison.
    """
    X = dataset.X if X is None else X
    probe = take_rows(X, np.concatenate([split.test, split.train[:3]]))
    reference = fit(dataset, split)
    learned = learned_state(reference)
    said = outputs(reference, probe, dataset.target.kind)
    checks = []
    for what in poisons:
        name = f"poison_{what}"
        if what.startswith("covariates") and not dataset.covariates:
            checks.append(Check(name, NOT_APPLICABLE, "no covariates"))
            continue
        spoiled, moved = poisoned(dataset, split, what)
        try:
            again = fit(spoiled, moved)
        except Exception as error:
            # A fit that stumbles over rows it must not read has read them.
            why = f"fitting fails once the test rows are spoiled: {type(error).__name__}"
            checks.append(Check(name, FAILED, why))
            continue
        difference = first_difference(learned, learned_state(again))
        if difference is None:
            difference = _changed(said, outputs(again, probe, dataset.target.kind))
        if difference is None:
            detail = f"{len(learned)} learned values, {len(probe)} predictions bit-equal"
            checks.append(Check(name, PASSED, detail))
        else:
            checks.append(Check(name, FAILED, f"{difference} depends on the test rows"))
    return checks


def _changed(one: Outputs, other: Outputs) -> str | None:
    for what in ("predicted", "score", "probability"):
        if getattr(one, what).tobytes() != getattr(other, what).tobytes():
            return f"the {what} of fixed rows"
    return None


def single_row(fitted: Any, X: pd.DataFrame, target_kind: Any) -> Check:
    """Predict rows one at a time: nothing may be learned from the batch they come in."""
    rows = min(N_SINGLE, len(X))
    batch = outputs(fitted, X, target_kind)
    worst = 0.0
    for i in range(rows):
        alone = outputs(fitted, take_rows(X, np.array([i])), target_kind)
        for what in ("predicted", "score", "probability"):
            a = np.asarray(getattr(alone, what), dtype=float)[0]
            b = np.asarray(getattr(batch, what), dtype=float)[i]
            if np.isnan(a) != np.isnan(b):
                worst = np.inf
            elif not np.isnan(a):
                worst = max(worst, abs(a - b) / max(1.0, abs(b)))
    # Sums over one row and over many may be added up in another order, no more.
    verdict = PASSED if worst <= 1e-9 else FAILED
    return Check("single_row", verdict, f"{rows} rows alone and in a batch differ by {worst:.1e}")


def duplicates(dataset: Dataset, columns: Sequence[str], splits: Sequence[Split]) -> Check:
    """Check that no scan trains under one name and is tested under another."""
    detail, parted = parted_duplicates(dataset, columns, splits)
    verdict = NOT_APPLICABLE if parted is None else FAILED if parted else PASSED
    return Check("duplicates", verdict, detail)


def split_checks(dataset: Dataset, splits: Sequence[Split]) -> list[Check]:
    """Check that nobody trains and is tested, and that every sample is tested as often as meant."""
    shared = [len(set(dataset.families[s.train]) & set(dataset.families[s.test])) for s in splits]
    guard = Check(
        "groups_apart",
        FAILED if any(shared) else PASSED,
        f"{sum(shared)} participants on both sides of {len(splits)} splits",
    )
    wrong = left = 0
    found: dict[tuple[str, int], list[Split]] = {}
    for s in splits:
        found.setdefault((s.scheme, s.repeat), []).append(s)
    for (scheme, _), of_repeat in found.items():
        times = np.zeros(len(dataset), dtype=int)
        for s in of_repeat:
            times[s.test] += 1
        partial = any(s.partial for s in of_repeat)
        meant = None if partial else tests_per_sample(scheme, dataset)
        wrong += int((times > 1).sum() if meant is None else (times != meant).sum())
        left += int((times == 0).sum()) if meant is None else 0
    how = (
        "by each other cohort" if any(kind_of(k) == "transfer" for k, _ in found) else "per repeat"
    )
    detail = f"{wrong} of {len(dataset)} samples not tested exactly once {how}"
    if left:
        detail = (
            f"{wrong} of {len(dataset)} samples tested twice {how}; {left} not tested, as meant"
        )
    return [guard, Check("tested_once", FAILED if wrong else PASSED, detail)]

"""What evaluating a model costs: seconds of one core, estimated before it is done.

The figures were measured on whole units of real experiments, on one core of 2024.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lumbago.evaluation import Unit

SECONDS_PER_FOLD = 8e-3
"""Taking a fold apart, cloning steps, gathering what it gave: whatever its size."""
SECONDS_PER_VALUE = 15e-9
"""Preparing one value: filling, scaling, residualizing, copying."""
SECONDS_TO_ROTATE = 2.5e-10
"""Per value and row beside it: products of all pairs of rows, and a basis from them."""
SECONDS_PER_COLUMN = 4e-6
"""Carrying a column's name to a model whose rows are not rotated."""
SECONDS_PER_MATRIX: Mapping[str, float] = {"partial": 4e-10, "tangent": 5e-9}
"""Per matrix of n regions and n³."""
SECONDS_PER_PERMUTATION = 1e-3
"""Exchanging the labels and scoring what they gave."""
SECONDS_PER_TREE_FEATURE = 9e-9
"""Per tree and tried feature, and n log² n of the rows."""
SECONDS_TO_FIT: Mapping[str, float] = {
    "dummy": 1e-4, "rbf_svm": 2e-3, "svr": 2e-3, "elastic_net_logistic": 0.02, "lasso": 0.03,
    "elastic_net": 0.03, "elastic_net_svm": 0.15, "decision_tree": 0.05, "gradient_boosting": 4.0,
    "naive_bayes": 0.01, "neighbours": 0.01, "pls": 2e-3, "sklearn": 1.0,
}  # fmt: skip
"""Per fit of 100 rows and 1,000 features, where nothing below tells more."""


def seconds_of(unit: Unit, *, continuous: bool) -> float:
    """Estimate the core seconds of one unit, of a continuous target or of classes."""
    inner, permutations = _inner_folds(unit, continuous), _times(unit)
    n_train = sum(len(s.train) for s in unit.splits) / max(len(unit.splits), 1)
    n_rows = sum(len(s.train) + len(s.test) for s in unit.splits) / max(len(unit.splits), 1)
    # Every inner fold holds most of the training rows, and its rest is prepared as well.
    once = _preparing(unit, n_train, n_rows) + inner * _preparing(unit, 0.8 * n_train, n_train)
    if unit.permutations is None and (unit.spec.linear or unit.spec.kind == "cpm"):
        once += _preparing(unit, 0.0, n_train)  # once more, for the patterns
    if any(getattr(step, "reads_y", False) for step in _built(unit)):
        once *= permutations
    fits = fits_of(unit, continuous=continuous) / max(len(unit.splits), 1)
    scored = 0.0 if unit.permutations is None else permutations * SECONDS_PER_PERMUTATION
    return len(unit.splits) * (once + fits * _fitting(unit, n_train)) + scored


def fits_of(unit: Unit, *, continuous: bool) -> int:
    """Count the fits of one unit, those of its inner search included."""
    inner = _inner_folds(unit, continuous) * max(_candidates(unit), 1)
    return len(unit.splits) * _times(unit) * (1 + inner)


def _times(unit: Unit) -> int:
    return unit.permutations[1] - unit.permutations[0] if unit.permutations else 1


def _candidates(unit: Unit) -> int:
    if unit.permutations is not None and unit.spec.max_permutations is not None:
        return 0
    return math.prod(len(v) for v in unit.spec.tune.values()) if unit.spec.tune else 0


def _inner_folds(unit: Unit, continuous: bool) -> int:
    """Return how many inner folds a fold has: for tuning, probabilities or a cut."""
    tuned = _candidates(unit) > (0 if unit.permutations is None else 1)
    calibrated = unit.spec.calibrated_outside and not continuous and unit.permutations is None
    cut = unit.threshold != "default" and not continuous
    return 5 if tuned or calibrated or cut else 0


def _built(unit: Unit) -> list[Any]:
    return [step.build(unit.columns, 0) for step in unit.preparation]  # type: ignore[attr-defined]


def _preparing(unit: Unit, n_train: float, n_rows: float) -> float:
    """Estimate the seconds of preparing one fold."""
    p = len(unit.columns)
    seconds = SECONDS_PER_FOLD + n_rows * p * SECONDS_PER_VALUE
    if (unit.spec.linear or unit.spec.by_distance) and p > n_train:
        seconds += n_train * n_rows * p * SECONDS_TO_ROTATE
    if not unit.spec.linear and not unit.spec.by_distance:
        seconds += p * SECONDS_PER_COLUMN
    regions = math.sqrt(2 * p)
    for step in unit.preparation:
        each = SECONDS_PER_MATRIX.get(step.kind, 0.0)  # type: ignore[attr-defined]
        seconds += each * n_rows * regions**3
    return seconds


def _fitting(unit: Unit, n: float) -> float:
    """Estimate the seconds of one fit of prepared rows."""
    spec: Any = unit.spec
    p = len(unit.columns)
    if spec.kind == "linear_svm":
        return 2e-4 + 2e-8 * n**2
    if spec.kind == "logistic":
        return 3e-4 + 1e-9 * min(n, p) ** 2 * n
    if spec.kind in ("ridge", "linear"):
        return 1e-4 + 3e-9 * min(n, p) ** 2
    if spec.kind == "cpm":
        return 2e-4 + 1e-9 * n * p
    if spec.kind == "random_forest":
        tried = _tried(spec.max_features, p)
        grown = SECONDS_PER_TREE_FEATURE * tried * n * math.log2(max(n, 2)) ** 2
        return float(spec.n_estimators * (6e-4 + grown))
    growth = (n / 100) ** 1.5
    if not spec.linear and not spec.by_distance:
        growth *= 0.5 + 0.5 * p / 1000
    return SECONDS_TO_FIT.get(spec.kind, 0.2) * growth


def _tried(wanted: Any, p: int) -> float:
    """Return how many features a split of a tree looks at."""
    if wanted == "sqrt":
        return math.sqrt(p)
    if wanted == "log2":
        return math.log2(max(p, 2))
    return p if wanted is None else max(1.0, float(wanted) * p)

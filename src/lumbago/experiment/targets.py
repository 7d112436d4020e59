"""What is predicted: a target's settings and a cohort's table become values per session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from lumbago.data import Cohort, Target
from lumbago.data.selection import matching
from lumbago.errors import InputError
from lumbago.experiment.excluded import Excluded
from lumbago.experiment.schema import TargetSpec
from lumbago.experiment.words import near

TargetLike = TargetSpec | Mapping[str, Any] | str


def read_target(target: TargetLike) -> tuple[str, TargetSpec]:
    """Return the name and the settings of a target given in any of the usual ways."""
    if isinstance(target, TargetSpec):
        return target.column, target
    if isinstance(target, str):
        return target, TargetSpec(column=target, kind="continuous")
    settings = dict(target)
    name = settings.pop("name", settings.get("column", ""))
    return name, TargetSpec(**settings)


def rows_that_count(
    table: pd.DataFrame, name: str, targets: Mapping[str, TargetSpec], excluded: Excluded
) -> np.ndarray:
    """Tell which rows the target's ``where`` lets in; the others are excluded."""
    rule = targets[name].where
    if rule is None:
        return np.ones(len(table), dtype=bool)
    seen = table.copy()
    for other, spec in targets.items():
        if spec.classes and spec.column in table:
            codes = _codes(table[spec.column], spec)
            words = np.array([*_ordered(spec), None], dtype=object)
            seen[other] = words[codes]
    kept = matching(seen, rule)
    excluded.add(table.index[~kept], "", "E_WHERE", f"not part of target {name}: {rule}")
    return kept


def target_values(
    table: pd.DataFrame,
    name: str,
    spec: TargetSpec,
    cohort: Cohort,
    counted: np.ndarray,
    excluded: Excluded,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the target of every row, as number or class code, and which rows have one.

    Raises
    ------
    InputError
        If the column is missing or holds words for numbers, or a class is empty.
    """
    column = column_of(table, spec.column, f"target {name}", cohort)
    if spec.classes is None:
        if not pd.api.types.is_numeric_dtype(column):
            example = next((v for v in column if isinstance(v, str)), "")
            raise InputError(
                f"target {name}: column {spec.column!r} holds words such as {example!r}, expected "
                "numbers; give `classes:` or correct the table"
            )
        y = column.to_numpy(dtype=np.float64)
        known = np.isfinite(y)
        missing = table.index[counted & ~known]
        excluded.add(missing, "", "E_TARGET", f"{spec.column} is missing")
        return y, known
    codes = _codes(column, spec)
    present = column.notna().to_numpy()
    words = column.map(as_word)
    known = {w.casefold(): w for levels in _levels(spec) for w in levels}
    for level in sorted(set(words[counted & present & (codes < 0)])):
        meant = known.get(level.strip().casefold())
        if meant is not None and (words == meant).any():
            raise InputError(
                f"target {name}: {spec.column} is {level!r} in some rows and {meant!r} in others; "
                f"correct the table, or list both in `classes`, or use `recode`"
            )
        rows = table.index[counted & (codes < 0) & (words == level).to_numpy()]
        reason = f"{spec.column} is {level!r}, which belongs to no class of {name}"
        excluded.add(rows, "", "E_TARGET_LEVEL", reason)
    excluded.add(table.index[counted & ~present], "", "E_TARGET", f"{spec.column} is missing")
    held = sorted(set(words[present]))
    for code, (cls, levels) in enumerate(zip(_ordered(spec), _levels(spec), strict=True)):
        if not (codes == code).any():
            hint = near(levels[0], held)
            raise InputError(
                f"target {name}: class {cls} is empty, no row of {cohort.name} has "
                f"{spec.column} {' or '.join(levels)}; it holds {', '.join(held[:10])}{hint}"
            )
    return codes.astype(np.int64), codes >= 0


def _ordered(spec: TargetSpec) -> tuple[str, ...]:
    """Return class names in the order of their codes: a binary target's positive class last."""
    classes = list(spec.classes or {})
    if spec.positive in classes:
        classes.remove(spec.positive)
        classes.append(spec.positive)
    return tuple(classes)


def _levels(spec: TargetSpec) -> list[list[str]]:
    return [[as_word(level) for level in (spec.classes or {})[c]] for c in _ordered(spec)]


def _codes(column: pd.Series, spec: TargetSpec) -> np.ndarray:
    code_of = {w: code for code, words in enumerate(_levels(spec)) for w in words}
    return np.array([code_of.get(as_word(v), -1) for v in column], dtype=np.int64)


def as_word(value: Any) -> str:
    """Write a level as one word, so that 1, 1.0 and "1" are the same; empty if missing."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def target_of(name: str, spec: TargetSpec) -> Target:
    """Return the target as the dataset holds it."""
    kind = cast(Literal["binary", "multiclass", "continuous"], spec.resolved_kind)
    return Target(name, kind, _ordered(spec))


def require_classes(target: Target, y: np.ndarray, cohort: Cohort) -> None:
    """Refuse samples that leave nothing to predict.

    Raises
    ------
    InputError
        If a class has no sample, or every number is the same.
    """
    if target.kind == "continuous":
        if np.ptp(y) == 0:
            raise InputError(f"target {target.name}: every sample of {cohort.name} has {y[0]:g}")
        return
    left = [target.classes[code] for code in np.unique(y)]
    if len(left) < len(target.classes):
        gone = [c for c in target.classes if c not in left]
        raise InputError(
            f"target {target.name}: of the samples with every feature none is {gone[0]}; "
            "there is nothing to tell apart"
        )


def column_of(table: pd.DataFrame, name: str, what: str, cohort: Cohort) -> pd.Series:
    """Return a column of a cohort's table.

    Raises
    ------
    InputError
        If there is none of this name; `what` says who asks for it.
    """
    if name not in table:
        known = [str(c) for c in table.columns]
        raise InputError(
            f"{what}: cohort {cohort.name} has no column {name!r}{near(name, known)}; "
            f"it has {', '.join(known[:20])}"
        )
    return table[name]

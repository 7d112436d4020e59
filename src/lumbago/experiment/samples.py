"""Which samples count and what is predicted of them: feature tables and cohort become a Dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from lumbago.data import Cohort, Dataset, FeatureTable, Target
from lumbago.data.features import COVARIATE, INDEX, REJECTED_COLUMNS
from lumbago.data.selection import matching
from lumbago.errors import InputError
from lumbago.experiment.schema import TargetSpec, default_sets
from lumbago.experiment.words import near

USUAL_COVARIATES = ("age", "sex", "mean_fd", "site")
"""Taken along wherever a cohort has them: the report and the baselines need them."""

TargetLike = TargetSpec | Mapping[str, Any] | str


@dataclass(frozen=True, eq=False)
class Samples:
    """A dataset, and who did not get into it.

    Parameters
    ----------
    dataset : Dataset
    excluded : DataFrame
        cohort, participant_id, session, run, feature, code, reason.
    """

    dataset: Dataset
    excluded: pd.DataFrame


def dataset(
    cohort: Cohort,
    tables: FeatureTable | Iterable[FeatureTable] | Mapping[str, FeatureTable],
    *,
    target: TargetLike,
    covariates: Sequence[str] = (),
) -> Dataset:
    """Join features, target and covariates by participant and session.

    Parameters
    ----------
    cohort : Cohort
        Gives target and covariates; pool several with ``Cohort.pool``.
    tables : FeatureTable, or several
        A sample needs every one of them; within a table single values may be missing.
    target : str or dict
        The name of a numeric column, or ``dict(column=..., classes={"patient": ["CLBP"],
        "control": ["HC"]}, positive="patient")``, with ``name=`` if it shall have another
        than its column's.
    covariates : sequence of str
        Columns to take along as ``covariate:<name>``; age, sex, mean_fd and site come
        anyway where the cohort has them.

    Returns
    -------
    Dataset
        Its notes say how many rows were left out and why.

    Raises
    ------
    InputError
        If a column is missing, or no sample or only one class is left.
    """
    name, spec = read_target(target)
    return gather_samples(cohort, tables, name, {name: spec}, covariates=covariates).dataset


def read_target(target: TargetLike) -> tuple[str, TargetSpec]:
    """Return the name and the settings of a target given in any of the usual ways."""
    if isinstance(target, TargetSpec):
        return target.column, target
    if isinstance(target, str):
        return target, TargetSpec(column=target, kind="continuous")
    settings = dict(target)
    name = settings.pop("name", settings.get("column", ""))
    return name, TargetSpec(**settings)


def gather_samples(
    cohort: Cohort,
    tables: FeatureTable | Iterable[FeatureTable] | Mapping[str, FeatureTable],
    name: str,
    targets: Mapping[str, TargetSpec],
    *,
    covariates: Sequence[str] = (),
    feature_sets: Mapping[str, Sequence[str]] | None = None,
) -> Samples:
    """Build the dataset of one target; `targets` are those that its ``where`` may name."""
    features = _by_key(tables)
    spec = targets[name]
    table = cohort.table
    excluded = _Excluded(cohort)
    counted = _where(table, name, targets, excluded)
    y, known = _target_values(table, name, spec, cohort, counted, excluded)
    counted &= known
    for key, feature in features.items():
        there = table.index.isin(feature.values.index)
        told = set(map(tuple, feature.rejected[list(INDEX)].to_numpy()))
        missing = [i for i in table.index[counted & ~there] if i not in told]
        excluded.add(missing, key, "E_NO_FEATURE", f"no scan of this session gave {key}")
        counted &= there
    index = table.index[counted]
    if not len(index):
        raise InputError(
            f"target {name}: no sample of {cohort.name} has the target and every feature; "
            f"{excluded.summary(features.values())}"
        )
    y = y[counted]
    target = _target(name, spec)
    _require_classes(target, y, cohort)
    notes = [*excluded.notes()]
    X, infinite = _values(features, index)
    if infinite:
        notes.append(f"{infinite} infinite values count as missing")
    site = site_of(cohort).reindex(index).to_numpy(dtype=str)
    beside, told_columns = _covariates(table.loc[index], site, spec.column, covariates, cohort)
    sets = feature_sets if feature_sets is not None else default_sets(list(features))
    return Samples(
        Dataset(
            X=pd.concat([X, beside], axis=1),
            y=y,
            target=target,
            site=site,
            feature_sets={
                key: [c for f in inside for c in features[f].values.columns]
                for key, inside in sets.items()
            },
            notes=(*notes, *told_columns),
        ),
        excluded.table(),
    )


def site_of(cohort: Cohort) -> pd.Series:
    """Return the site of every session: the column ``site``, or the cohort where it is missing.

    Sites of two cohorts that bear one name are told apart as ``cohort/site``.
    """
    table = cohort.table
    own = pd.Series(table.index.get_level_values("cohort"), index=table.index, dtype=object)
    if "site" not in table:
        return own
    named = table["site"].map(_word)
    site = named.where(named != "", own)
    cohorts_of: dict[str, set[str]] = {}
    for name, where in zip(site, own, strict=True):
        cohorts_of.setdefault(name, set()).add(where)
    shared = {name for name, where in cohorts_of.items() if len(where) > 1}
    return pd.Series(
        [f"{c}/{s}" if s in shared else s for c, s in zip(own, site, strict=True)],
        index=table.index,
        dtype=object,
    )


class _Excluded:
    """Collects who is left out of a dataset."""

    def __init__(self, cohort: Cohort):
        self.cohort = cohort
        self.rows: list[tuple[str, ...]] = []
        self.counts: dict[str, int] = {}

    def add(self, index: Iterable[Any], feature: str, code: str, reason: str) -> None:
        rows = [(*i, "", feature, code, reason) for i in index]
        self.rows += rows
        if rows:
            self.counts[reason] = self.counts.get(reason, 0) + len(rows)

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=list(REJECTED_COLUMNS))

    def notes(self) -> list[str]:
        return [
            f"{n} {'session is' if n == 1 else 'sessions are'} left out: {reason}"
            for reason, n in self.counts.items()
        ]

    def summary(self, features: Iterable[FeatureTable]) -> str:
        counts = [f"{n} × {reason}" for reason, n in self.counts.items()]
        for feature in features:
            for (code, reason), rows in feature.rejected.groupby(["code", "reason"]):
                counts.append(f"{len(rows)} × {feature.key} {code}: {reason}")
        return "; ".join(counts[:8]) if counts else "its table has no sessions"


def _by_key(tables: Any) -> dict[str, FeatureTable]:
    if isinstance(tables, FeatureTable):
        tables = [tables]
    listed = list(tables.values()) if isinstance(tables, Mapping) else list(tables)
    features = {table.key: table for table in listed}
    if len(features) < len(listed):
        raise InputError("two feature tables have the same key; extract them under different ones")
    if not features:
        raise InputError("a dataset needs at least one feature table")
    return features


def _where(
    table: pd.DataFrame, name: str, targets: Mapping[str, TargetSpec], excluded: _Excluded
) -> np.ndarray:
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


def _target_values(
    table: pd.DataFrame,
    name: str,
    spec: TargetSpec,
    cohort: Cohort,
    counted: np.ndarray,
    excluded: _Excluded,
) -> tuple[np.ndarray, np.ndarray]:
    column = _column(table, spec.column, f"target {name}", cohort)
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
    words = column.map(_word)
    for level in sorted(set(words[counted & present & (codes < 0)])):
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
    return [[_word(level) for level in (spec.classes or {})[c]] for c in _ordered(spec)]


def _codes(column: pd.Series, spec: TargetSpec) -> np.ndarray:
    code_of = {w: code for code, words in enumerate(_levels(spec)) for w in words}
    return np.array([code_of.get(_word(v), -1) for v in column], dtype=np.int64)


def _word(value: Any) -> str:
    """Write a level as one word, so that 1, 1.0 and "1" are the same; empty if missing."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _target(name: str, spec: TargetSpec) -> Target:
    kind = cast(Literal["binary", "multiclass", "continuous"], spec.resolved_kind)
    return Target(name, kind, _ordered(spec))


def _require_classes(target: Target, y: np.ndarray, cohort: Cohort) -> None:
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


def _values(features: Mapping[str, FeatureTable], index: pd.Index) -> tuple[pd.DataFrame, int]:
    parts = [f.values.reindex(index) for f in features.values()]
    X = pd.concat(parts, axis=1) if len(parts) > 1 else parts[0].copy()
    twice = X.columns[X.columns.duplicated()]
    if len(twice):
        raise InputError(f"feature {twice[0]!r} stands in two tables; give them different keys")
    values = X.to_numpy(dtype=np.float32)
    infinite = np.isinf(values)
    if infinite.any():
        X = pd.DataFrame(np.where(infinite, np.nan, values), index=X.index, columns=X.columns)
    return X.astype(np.float32), int(infinite.sum())


def _covariates(
    table: pd.DataFrame, site: np.ndarray, target: str, named: Sequence[str], cohort: Cohort
) -> tuple[pd.DataFrame, list[str]]:
    notes = []
    wanted = dict.fromkeys([*named, *USUAL_COVARIATES])
    if target in wanted:
        del wanted[target]
        notes.append(f"{target} is the target, so it is no covariate")
    columns = {}
    for name in wanted:
        if name == "site":
            if name in named or len(set(site)) > 1:
                columns[COVARIATE + name] = pd.Series(site, index=table.index, dtype=object)
            continue
        if name in named:
            column = _column(table, name, "covariates", cohort)
        elif name in table and table[name].notna().any():
            column = table[name]
        else:
            continue
        numeric = pd.api.types.is_numeric_dtype(column)
        columns[COVARIATE + name] = column.astype(np.float64 if numeric else object)
    return pd.DataFrame(columns, index=table.index), notes


def _column(table: pd.DataFrame, name: str, what: str, cohort: Cohort) -> pd.Series:
    if name not in table:
        known = [str(c) for c in table.columns]
        raise InputError(
            f"{what}: cohort {cohort.name} has no column {name!r}{near(name, known)}; "
            f"it has {', '.join(known[:20])}"
        )
    return table[name]

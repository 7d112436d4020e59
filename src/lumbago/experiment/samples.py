"""Which samples count and what is predicted of them: feature tables and cohort become a Dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data import Cohort, Dataset, FeatureTable
from lumbago.data.features import COVARIATE, INDEX
from lumbago.errors import InputError
from lumbago.experiment.excluded import Excluded
from lumbago.experiment.kinship import kin_of
from lumbago.experiment.schema import TargetSpec, default_sets
from lumbago.experiment.targets import (
    TargetLike,
    as_word,
    column_of,
    read_target,
    require_classes,
    rows_that_count,
    target_of,
    target_values,
)

USUAL_COVARIATES = ("age", "sex", "mean_fd", "site")
"""Taken along wherever a cohort has them: the report and the baselines need them."""


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
    groups: Sequence[str] | None = None,
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
    groups : sequence of str, optional
        Columns that join people no split may part; family_id, pair_id and same_as where the
        cohort has them and none are named.

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
    return gather_samples(
        cohort, tables, name, {name: spec}, covariates=covariates, groups=groups
    ).dataset


def gather_samples(
    cohort: Cohort,
    tables: FeatureTable | Iterable[FeatureTable] | Mapping[str, FeatureTable],
    name: str,
    targets: Mapping[str, TargetSpec],
    *,
    covariates: Sequence[str] = (),
    feature_sets: Mapping[str, Sequence[str]] | None = None,
    groups: Sequence[str] | None = None,
) -> Samples:
    """Build the dataset of one target; `targets` are those that its ``where`` may name."""
    features = _by_key(tables)
    spec = targets[name]
    table = cohort.table
    excluded = Excluded()
    counted = rows_that_count(table, name, targets, excluded)
    y, known = target_values(table, name, spec, cohort, counted, excluded)
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
    target = target_of(name, spec)
    require_classes(target, y, cohort)
    notes = [*excluded.notes()]
    X, infinite = _values(features, index)
    if infinite:
        notes.append(f"{infinite} infinite values count as missing")
    site = site_of(cohort).reindex(index).to_numpy(dtype=str)
    beside, told_columns = _covariates(table.loc[index], site, spec.column, covariates, cohort)
    kin, told_kin = kin_of(cohort, index, groups)
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
            notes=(*notes, *told_columns, *told_kin),
            kin=kin,
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
    named = table["site"].map(as_word)
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
            column = column_of(table, name, "covariates", cohort)
        elif name in table and table[name].notna().any():
            column = table[name]
        else:
            continue
        numeric = pd.api.types.is_numeric_dtype(column)
        columns[COVARIATE + name] = column.astype(np.float64 if numeric else object)
    return pd.DataFrame(columns, index=table.index), notes

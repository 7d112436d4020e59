"""Columns of the participants and sessions tables as features."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from lumbago.data import Cohort, FeatureTable, Scan
from lumbago.data.features import INDEX, REJECTED_COLUMNS, check_key, region_names
from lumbago.errors import InputError, Problem
from lumbago.spec import Spec


class TableColumns(Spec):
    """Numbers that a study already has: questionnaires, ages, measures of another tool.

    It reads tables, not scans: `extract_table` takes a whole cohort at once.
    """

    version: ClassVar[int] = 1
    needs: ClassVar[frozenset[frozenset[str]]] = frozenset()

    kind: Literal["columns"] = "columns"
    columns: Annotated[list[str], Field(min_length=1)]
    """Names of columns that hold numbers; ``pcs_*`` takes every such column of numbers."""

    def applies_to(self, scan: Scan) -> bool:
        """Tell that no scan is needed."""
        return False

    def extract_table(self, cohort: Cohort, key: str = "columns") -> FeatureTable:
        """Return the columns as features, one row per session.

        Sessions without any of the numbers are listed as rejected; single missing
        numbers stay NaN.

        Raises
        ------
        InputError
            For every column that the cohort does not have or that holds words.
        """
        check_key(key)
        table = cohort.table
        columns = list(dict.fromkeys(c for wanted in self.columns for c in _fitting(table, wanted)))
        problems = [p for column in columns for p in _problems(cohort, table, column)]
        if problems:
            raise InputError(problems)
        names = [f"{key}.{name}" for name in region_names(columns)]
        values = table[columns].astype(np.float32).set_axis(names, axis=1)
        empty = values.isna().all(axis=1)
        rejected = pd.DataFrame(
            [
                (*row, "", key, "E_NO_VALUE", "none of the columns holds a value")
                for row in values.index[empty]
            ],
            columns=list(REJECTED_COLUMNS),
        )
        values = values[~empty]
        values.index.names = list(INDEX)
        return FeatureTable(key, values, self.canonical(), rejected)


def _fitting(table: pd.DataFrame, wanted: str) -> list[str]:
    """Return the columns of numbers that a pattern stands for, or the name as it is."""
    if "*" not in wanted or wanted in table:
        return [wanted]
    numeric = [str(c) for c in table if pd.api.types.is_numeric_dtype(table[c])]
    return [c for c in numeric if fnmatchcase(c, wanted)] or [wanted]


def _problems(cohort: Cohort, table: pd.DataFrame, column: str) -> list[Problem]:
    where = f"cohort {cohort.name}"
    if column not in table and "*" in column:
        return [Problem(where, f"no column fits {column!r}, or none that holds numbers")]
    if column not in table:
        near = difflib.get_close_matches(column, [str(c) for c in table.columns], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return [Problem(where, f"no column {column!r} to take features from{hint}")]
    if not pd.api.types.is_numeric_dtype(table[column]):
        return [Problem(where, f"column {column!r} holds words; recode it to numbers")]
    return []

"""Pairs of a patient and a control who are alike in what must not decide: age, sex, motion."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from lumbago.data.dataset import Dataset
from lumbago.data.features import COVARIATE
from lumbago.errors import InputError
from lumbago.spec import Spec


class Matched(Spec):
    """Who is matched with whom: one person of each class, by optimal assignment.

    As many pairs as can be are made, and of all ways to make so many, the one with the least
    distance in all. Whoever finds nobody is left out. Covariates are means over a person's
    sessions, in standard deviations within classes; who lacks one is left out.
    """

    on: list[str] = Field(default_factory=list)
    """Covariates that hold numbers."""
    exact: list[str] = Field(default_factory=list)
    """Covariates that must be equal: sex, site."""
    caliper: Annotated[float, Field(gt=0)] = 0.25
    """Largest difference within a pair in every covariate of `on`, in standard deviations."""
    who: Literal["sample", "tested"] = "sample"
    """``sample``: matched people alone train and are tested. ``tested``: everybody trains, and
    matched people are scored."""

    @model_validator(mode="after")
    def _something_to_match(self) -> Matched:
        if not self.on and not self.exact:
            raise ValueError("expected covariates in `on` or in `exact`")
        return self

    def rows(self, dataset: Dataset) -> np.ndarray:
        """Return the positions of matched people's samples, sorted.

        Raises
        ------
        InputError
            If the target has not two classes, a covariate is missing, or nobody can be matched.
        """
        people, values, words = self._people(dataset)
        pairs = pair_up(people["class"].to_numpy(), values, words, self.caliper)
        if not len(pairs):
            raise InputError(
                f"matched: no two people are alike in {', '.join([*self.on, *self.exact])}; "
                "widen the caliper or match on less"
            )
        chosen = people.index[np.sort(pairs.ravel())]
        return np.flatnonzero(np.isin(dataset.groups, chosen.to_numpy(dtype=str)))

    def in_words(self, dataset: Dataset) -> str:
        """Say who is left, and how far apart the classes are before and after."""
        people, _, _ = self._people(dataset)
        rows = self.rows(dataset)
        left = people.index.isin(np.unique(dataset.groups[rows]))
        told = []
        for name in self.on:
            before = mean_difference(people[name], people["class"])
            after = mean_difference(people.loc[left, name], people.loc[left, "class"])
            told.append(f"{name} {before:.2f} to {after:.2f}")
        what = []
        if self.on:
            what.append(f"on {', '.join(self.on)} within {self.caliper:g} standard deviations")
        if self.exact:
            what.append(f"exactly on {', '.join(self.exact)}")
        n = len(np.unique(dataset.groups))
        balance = (
            f"; standardized mean difference before to after: {', '.join(told)}" if told else ""
        )
        return (
            f"matched {' and '.join(what)}: {int(left.sum()) // 2} pairs, {int(left.sum())} of {n} "
            f"participants{balance}".replace("-", "−")
        )

    def _people(self, dataset: Dataset) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        """Return one row per person, their standardized covariates, and the words to be equal."""
        if dataset.target.kind != "binary":
            raise InputError(
                f"matched: expected two classes to match; {dataset.target.name} is "
                f"{dataset.target.kind}"
            )
        table = pd.DataFrame({"class": dataset.y}, index=dataset.groups)
        for name in [*self.on, *self.exact]:
            table[name] = self._column(dataset, name)
        grouped = table.groupby(level=0, sort=True)
        people = pd.DataFrame({"class": grouped["class"].first()})
        for name in self.on:
            people[name] = grouped[name].mean()
        for name in self.exact:
            people[name] = grouped[name].first()
        people = people.dropna()
        numbers = people[self.on].to_numpy(dtype=float)
        spread = np.array([_spread(people[c], people["class"]) for c in self.on])
        values = numbers / np.where(spread > 0, spread, 1.0)
        words = people[self.exact].astype(str).agg("\x1f".join, axis=1).to_numpy(dtype=str)
        return people, values, words if self.exact else np.zeros(len(people), dtype=str)

    def _column(self, dataset: Dataset, name: str) -> np.ndarray:
        if COVARIATE + name in dataset.X:
            column = dataset.X[COVARIATE + name]
        elif name in ("site", "cohort"):
            column = pd.Series(dataset.site if name == "site" else dataset.cohort, dtype=object)
        else:
            there = ", ".join(dataset.covariates) or "none"
            raise InputError(f"matched: there is no covariate {name}; there is {there}")
        if name in self.on and not pd.api.types.is_numeric_dtype(column):
            raise InputError(f"matched: {name} holds words; put it under `exact`")
        return column.to_numpy()


def pair_up(y: np.ndarray, values: np.ndarray, words: np.ndarray, caliper: float) -> np.ndarray:
    """Pair people of two classes.

    Parameters
    ----------
    y : array of shape (n,)
        0 or 1.
    values : array of shape (n, n_covariates)
        May have no column.
    words : array of shape (n,) of str
        Equal within a pair.
    caliper : float
        Largest difference in any column.

    Returns
    -------
    array of shape (n_pairs, 2) of int
        Positions of class 0 and of class 1: of the largest number of pairs, those with the
        smallest sum of Euclidean distances.
    """
    from scipy.optimize import linear_sum_assignment

    one, other = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    apart = np.abs(values[one][:, None, :] - values[other][None, :, :])
    allowed = (words[one][:, None] == words[other][None, :]) & (apart <= caliper).all(axis=2)
    cost = np.sqrt((apart**2).sum(axis=2))
    # One forbidden pair costs more than all allowed ones together.
    far = 1.0 + float(cost[allowed].sum()) if allowed.any() else 1.0
    first, second = linear_sum_assignment(np.where(allowed, cost, far))
    kept = allowed[first, second]
    return np.column_stack([one[first[kept]], other[second[kept]]])


def mean_difference(values: pd.Series, y: pd.Series) -> float:
    """Standardized mean difference of class 1 and class 0: in their pooled standard deviation."""
    spread = _spread(values, y)
    difference = float(values[y == 1].mean() - values[y == 0].mean())
    return difference / spread if spread > 0 else 0.0


def _spread(values: pd.Series, y: pd.Series) -> float:
    variances = [float(values[y == code].var(ddof=1)) for code in (0, 1)]
    return float(np.sqrt(np.nanmean(variances))) if np.isfinite(variances).any() else 0.0

"""How the score grows with the number of people to learn from."""

from __future__ import annotations

import itertools
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from lumbago.data.dataset import Dataset
from lumbago.evaluation.schemes_within import WithinCohort
from lumbago.evaluation.splits import Scheme, Split, check_splits
from lumbago.models.folds import labels_of_people
from lumbago.provenance import task_seed


class LearningCurve(Scheme):
    """Cross-validation with ever larger shares of each training fold.

    The folds are those of `within_cohort`, and every share is tested on the same people. The
    smaller share of a fold lies within the larger one, classes in equal parts; families
    stay whole. Tables call each share a scheme of its own, ``learning_curve:40%``. No baseline
    and no permutation is run, and no curve is fitted through the scores: a handful of points
    on the same people does not carry a forecast.
    """

    references: ClassVar = ("varoquaux2017",)

    kind: Literal["learning_curve"] = "learning_curve"
    shares: tuple[float, ...] = Field((0.2, 0.4, 0.6, 0.8, 1.0), min_length=2)
    """Shares of the training fold, rising to 1."""
    n_splits: int = Field(5, ge=2)
    n_repeats: int = Field(5, ge=1)

    @field_validator("shares")
    @classmethod
    def _rise_to_one(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        rising = all(a < b for a, b in itertools.pairwise(shares))
        if not rising or shares[0] <= 0 or shares[-1] != 1:
            raise ValueError(f"shares must rise from above 0 to 1; got {list(shares)}")
        return shares

    def label_of(self, share: float) -> str:
        """What tables call one share."""
        return f"{self.label}:{100 * share:g}%"

    def splits(self, dataset: Dataset, seed: int) -> list[Split]:
        """Return the splits of every share, the smallest first.

        Raises
        ------
        InputError
            If a class has fewer participants than there are folds, or none in some share.
        """
        folds = WithinCohort(n_splits=self.n_splits, n_repeats=self.n_repeats)
        whole = folds.splits(dataset, seed)
        orders = [self._order(dataset, split, seed) for split in whole]
        found = []
        for share in self.shares:
            for split, (families, members) in zip(whole, orders, strict=True):
                first = families[: max(1, round(share * len(families)))]
                train = np.sort(split.train[np.isin(members, first)])
                found.append(
                    Split(self.label_of(share), split.repeat, split.fold, "", train, split.test)
                )
        check_splits(found, dataset)
        return found

    def _order(self, dataset: Dataset, split: Split, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the training families in the order in which they come in, and the rows' families.

        Each class comes in at an even pace; of a continuous target, people in any order.
        """
        members = np.unique(dataset.families[split.train], return_inverse=True)[1].ravel()
        n = int(members.max()) + 1
        sequence = task_seed(seed, "splits", self.kind, str(split.repeat), str(split.fold))
        lot = np.random.default_rng(sequence).permutation(n)
        if dataset.target.kind == "continuous":
            return lot, members
        label = labels_of_people(dataset.y[split.train], members, n)[lot]
        pace = np.empty(n)
        for code in np.unique(label):
            there = np.flatnonzero(label == code)
            pace[there] = (np.arange(len(there)) + 0.5) / len(there)
        return lot[np.argsort(pace, kind="stable")], members

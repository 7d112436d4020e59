"""Schemes that can be kept to people matched between the classes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import numpy as np

from lumbago.data.dataset import Dataset
from lumbago.errors import InputError
from lumbago.evaluation.matching import Matched
from lumbago.evaluation.splits import Scheme, Split


class Matchable(Scheme):
    """A scheme whose sample, or whose tested people, may be matched."""

    matched: Matched | None = None
    """Keep to pairs of one person of each class who are alike in age, sex, motion, …"""

    @abstractmethod
    def _splits(self, dataset: Dataset, seed: int) -> list[Split]:
        """Return the splits of everybody."""

    def splits(self, dataset: Dataset, seed: int) -> list[Split]:
        """Return the splits, of everybody or of matched people.

        Who is matched follows from labels and covariates of the true table, once; values of
        features have no part in it. Where everybody trains and matched people are tested,
        the folds are those of everybody.

        Raises
        ------
        InputError
            If the scheme cannot run, or nobody can be matched.
        """
        if self.matched is None:
            return self._splits(dataset, seed)
        rows = self.matched.rows(dataset)
        if self.matched.who == "sample":
            return [
                replace(s, train=rows[s.train], test=rows[s.test], partial=True)
                for s in self._splits(dataset.take(rows), seed)
            ]
        found = [
            replace(s, test=s.test[np.isin(s.test, rows)], partial=True)
            for s in self._splits(dataset, seed)
        ]
        found = [s for s in found if len(s.test)]
        if not found:
            raise InputError(f"{self.label}: nobody who is matched is tested")
        return found

    def notes(self, dataset: Dataset) -> list[str]:
        """Say who is left and how alike the classes are."""
        if self.matched is None:
            return []
        return [f"{self.label}: {self.matched.in_words(dataset)}"]

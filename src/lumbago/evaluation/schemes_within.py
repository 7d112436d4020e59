"""Cross-validation: everybody is tested by models that others trained."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.data.dataset import Dataset
from lumbago.errors import InputError
from lumbago.evaluation.schemes_matched import Matchable
from lumbago.evaluation.splits import Split, check_splits
from lumbago.models.folds import deal_folds, labels_of_people
from lumbago.provenance import task_seed


class WithinCohort(Matchable):
    """Repeated k-fold over all participants, classes and sites spread evenly.

    A participant's sessions stay in one fold. Participants are dealt class by class and,
    within a class, site by site; a continuous target is dealt in blocks of neighbouring values.
    Every sample is tested once per repeat.
    """

    references: ClassVar = ("varoquaux2017",)

    kind: Literal["within_cohort"] = "within_cohort"
    n_splits: int = Field(5, ge=2)
    n_repeats: int = Field(1, ge=1)

    def _splits(self, dataset: Dataset, seed: int) -> list[Split]:
        """Deal participants anew in every repeat.

        Raises
        ------
        InputError
            If the smallest class has fewer participants than there are folds.
        """
        continuous = dataset.target.kind == "continuous"
        self._check_size(dataset, continuous)
        places = np.array([f"{c}/{s}" for c, s in zip(dataset.cohort, dataset.site, strict=True)])
        found = []
        for repeat in range(self.n_repeats):
            rng = np.random.default_rng(task_seed(seed, "splits", self.kind, str(repeat)))
            fold = deal_folds(
                dataset.y,
                dataset.families,
                self.n_splits,
                rng,
                continuous=continuous,
                strata=places,
            )
            for k in range(self.n_splits):
                train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
                found.append(Split(self.label, repeat, k, "", train, test))
        check_splits(found, dataset)
        return found

    def _check_size(self, dataset: Dataset, continuous: bool) -> None:
        people, person = np.unique(dataset.families, return_inverse=True)
        if continuous:
            if len(people) < 2 * self.n_splits:
                raise InputError(
                    f"within_cohort: {len(people)} participants cannot fill {self.n_splits} folds "
                    f"with two each; use at most {max(2, len(people) // 2)} folds"
                )
            return
        if dataset.kin is None:
            label = labels_of_people(dataset.y, person.ravel(), len(people))
            families = [label == code for code in range(len(dataset.target.classes))]
        else:
            # A family may hold several classes, and counts for each.
            families = [np.isin(people, dataset.families[dataset.y == code])
                        for code in range(len(dataset.target.classes))]  # fmt: skip
        counts = {
            name: int(held.sum())
            for name, held in zip(dataset.target.classes, families, strict=True)
        }
        smallest = min(counts, key=lambda name: counts[name])
        if counts[smallest] < self.n_splits:
            listed = ", ".join(f"{n} {name}" for name, n in counts.items())
            raise InputError(
                f"within_cohort: {self.n_splits} folds need {self.n_splits} participants of each "
                f"class, got {listed}; lower n_splits to {max(2, counts[smallest])} or find more"
                f" {smallest}"
            )

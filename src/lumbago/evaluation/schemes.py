"""Who trains and who is tested: splits, made once from the true table."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from lumbago.data.dataset import Dataset
from lumbago.errors import InputError
from lumbago.models.folds import deal_folds, labels_of_people
from lumbago.provenance import canonical_json, digest, task_seed
from lumbago.spec import Spec


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of the rows that train and of the rows that are tested.

    Parameters
    ----------
    scheme : str
        The scheme's kind.
    repeat, fold : int
        Counted from 0.
    name : str
        The site or cohort left out, ``<trained on> to <tested on>`` of a transfer, empty where
        folds have no name.
    train, test : array of int
        Sorted positions in the dataset.
    """

    scheme: str
    repeat: int
    fold: int
    name: str
    train: np.ndarray
    test: np.ndarray

    def as_json(self, dataset: Dataset | None = None) -> dict[str, object]:
        """Return plain values, with the samples' ids where a dataset is given."""
        tested: list[object] = [int(i) for i in self.test]
        if dataset is not None:
            tested = [list(dataset.X.index[i]) for i in self.test]
        return {
            "scheme": self.scheme, "repeat": self.repeat, "fold": self.fold,
            "name": self.name, "n_train": len(self.train), "test": tested,
        }  # fmt: skip


def splits_digest(splits: Sequence[Split]) -> str:
    """SHA-256 of who trains and who is tested."""
    return digest(
        *(
            canonical_json([s.scheme, s.repeat, s.fold, s.name, s.train.tolist(), s.test.tolist()])
            for s in splits
        )
    )


class Scheme(Spec):
    """A way to part a dataset into rows that train and rows that are tested."""

    kind: str

    def available(self, dataset: Dataset) -> str | None:
        """Say why the scheme cannot run on this dataset, None where it can."""
        try:
            self.splits(dataset, seed=0)
        except InputError as error:
            return "; ".join(p.message for p in error.problems)
        return None

    @abstractmethod
    def splits(self, dataset: Dataset, seed: int) -> list[Split]:
        """Return all splits, in order of repeat and fold."""


class WithinCohort(Scheme):
    """Repeated k-fold over all participants, classes and sites spread evenly.

    A participant's sessions stay in one fold. Participants are dealt class by class and,
    within a class, site by site; a continuous target is dealt in blocks of neighbouring values.
    Every sample is tested once per repeat.
    """

    references: ClassVar = ("varoquaux2017",)

    kind: Literal["within_cohort"] = "within_cohort"
    n_splits: int = Field(5, ge=2)
    n_repeats: int = Field(1, ge=1)

    def splits(self, dataset: Dataset, seed: int) -> list[Split]:
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
                dataset.y, dataset.groups, self.n_splits, rng, continuous=continuous, strata=places
            )
            for k in range(self.n_splits):
                train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
                found.append(Split(self.kind, repeat, k, "", train, test))
        _check_classes(found, dataset)
        return found

    def _check_size(self, dataset: Dataset, continuous: bool) -> None:
        people, person = np.unique(dataset.groups, return_inverse=True)
        if continuous:
            if len(people) < 2 * self.n_splits:
                raise InputError(
                    f"within_cohort: {len(people)} participants cannot fill {self.n_splits} folds "
                    f"with two each; use at most {max(2, len(people) // 2)} folds"
                )
            return
        label = labels_of_people(dataset.y, person.ravel(), len(people))
        counts = {
            name: int((label == code).sum()) for code, name in enumerate(dataset.target.classes)
        }
        smallest = min(counts, key=lambda name: counts[name])
        if counts[smallest] < self.n_splits:
            listed = ", ".join(f"{n} {name}" for name, n in counts.items())
            raise InputError(
                f"within_cohort: {self.n_splits} folds need {self.n_splits} participants of each "
                f"class, got {listed}; lower n_splits to {max(2, counts[smallest])} or find more"
                f" {smallest}"
            )


class _LeaveOneOut(Scheme):
    """One place is tested, all others train; a place with one class alone can be tested."""

    what: ClassVar[str]

    @abstractmethod
    def _places(self, dataset: Dataset) -> np.ndarray:
        """Return the place of every sample."""

    def splits(self, dataset: Dataset, seed: int) -> list[Split]:
        """Leave out each place in turn, in the order of their names.

        A participant who was at two places does not train the model that is tested on them.

        Raises
        ------
        InputError
            If there are fewer than two places, or the others hold one class alone.
        """
        places = self._places(dataset)
        names = np.unique(places)
        if len(names) < 2:
            raise InputError(
                f"{self.kind}: expected at least two {self.what}s, got {', '.join(names)} alone"
            )
        found = []
        for fold, name in enumerate(names):
            there = places == name
            test = np.flatnonzero(there)
            train = np.flatnonzero(~there & ~np.isin(dataset.groups, dataset.groups[there]))
            found.append(Split(self.kind, 0, fold, str(name), train, test))
        _check_classes(found, dataset)
        return found


class LeaveOneSiteOut(_LeaveOneOut):
    """Train on all sites but one, test on that one."""

    what: ClassVar = "site"

    kind: Literal["leave_one_site_out"] = "leave_one_site_out"

    def _places(self, dataset: Dataset) -> np.ndarray:
        """Sites by name; with their cohort's where several cohorts share a site's name."""
        pairs = np.array([f"{c}/{s}" for c, s in zip(dataset.cohort, dataset.site, strict=True)])
        shared = len(np.unique(pairs)) > len(np.unique(dataset.site))
        return pairs if shared else dataset.site.astype(str)


class LeaveOneCohortOut(_LeaveOneOut):
    """Train on all cohorts but one, test on that one."""

    what: ClassVar = "cohort"

    kind: Literal["leave_one_cohort_out"] = "leave_one_cohort_out"

    def _places(self, dataset: Dataset) -> np.ndarray:
        return dataset.cohort


class Transfer(Scheme):
    """Train on one cohort, test on another, for every ordered pair.

    What one study alone can tell of the people of another; with two cohorts the same splits as
    leaving each out. Every sample is tested once by each other cohort. Cohorts that hold
    one class alone can be tested, not trained on: with one among them the scheme does not run.
    """

    kind: Literal["transfer"] = "transfer"

    def splits(self, dataset: Dataset, seed: int) -> list[Split]:
        """Return one split per ordered pair of cohorts, in the order of their names.

        Raises
        ------
        InputError
            If there are fewer than two cohorts, a cohort holds one class alone or one
            sample, or names of cohorts make two pairs read alike.
        """
        names = [str(name) for name in np.unique(dataset.cohort)]
        if len(names) < 2:
            raise InputError(f"transfer: expected at least two cohorts, got {names[0]} alone")
        self._check_cohorts(dataset, names)
        found: list[Split] = []
        for trained, tested in itertools.permutations(names, 2):
            test = np.flatnonzero(dataset.cohort == tested)
            apart = ~np.isin(dataset.groups, dataset.groups[test])
            train = np.flatnonzero((dataset.cohort == trained) & apart)
            name = pair_name(trained, tested)
            found.append(Split(self.kind, 0, len(found), name, train, test))
        pairs = [split.name for split in found]
        alike = next((name for name in pairs if pairs.count(name) > 1), None)
        if alike is not None:
            raise InputError(f"transfer: two pairs of cohorts read {alike!r}; rename a cohort")
        _check_classes(found, dataset)
        return found

    @staticmethod
    def _check_cohorts(dataset: Dataset, names: Sequence[str]) -> None:
        for name in names:
            there = dataset.cohort == name
            if int(there.sum()) < 2:
                raise InputError(f"transfer: cohort {name} has one sample, too few to train on")
            if dataset.target.kind == "continuous":
                continue
            present = np.unique(dataset.y[there])
            absent = [c for code, c in enumerate(dataset.target.classes) if code not in present]
            if absent:
                raise InputError(
                    f"transfer: cohort {name} has no {' and no '.join(absent)}, so nothing can be "
                    "trained on it alone; leave it out, or choose leave_one_cohort_out"
                )


def pair_name(trained: str, tested: str) -> str:
    """Return the name of a transfer's split.

    >>> pair_name("boston", "nagoya")
    'boston to nagoya'
    """
    return f"{trained} to {tested}"


def tests_per_sample(scheme: str, dataset: Dataset) -> int:
    """Return how often a repeat of a scheme tests each sample."""
    return len(np.unique(dataset.cohort)) - 1 if scheme == "transfer" else 1


def _check_classes(splits: Sequence[Split], dataset: Dataset) -> None:
    """Refuse a training fold that a model cannot learn from."""
    for split in splits:
        where = f"{split.scheme}: without {split.name or f'fold {split.fold}'}"
        groups = set(dataset.groups[split.train]) & set(dataset.groups[split.test])
        if groups:
            raise AssertionError(f"{where}, {len(groups)} participants train and are tested")
        if len(split.train) < 2:
            raise InputError(f"{where}, {len(split.train)} samples are left to train on")
        if dataset.target.kind == "continuous":
            continue
        present = np.unique(dataset.y[split.train])
        absent = [c for code, c in enumerate(dataset.target.classes) if code not in present]
        if absent:
            raise InputError(f"{where}, no {' and no '.join(absent)} is left to train on")


SCHEMES: tuple[type[Scheme], ...] = (
    WithinCohort, LeaveOneSiteOut, LeaveOneCohortOut, Transfer,
)  # fmt: skip

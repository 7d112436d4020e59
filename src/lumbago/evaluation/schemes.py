"""Who trains and who is tested: splits, made once from the true table."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from lumbago.data.dataset import Dataset
from lumbago.errors import InputError
from lumbago.evaluation.schemes_curve import LearningCurve
from lumbago.evaluation.schemes_fixed import Fixed
from lumbago.evaluation.schemes_locked import Locked
from lumbago.evaluation.schemes_matched import Matchable
from lumbago.evaluation.schemes_within import WithinCohort
from lumbago.evaluation.splits import Scheme, Split, check_splits, kind_of, splits_digest


class _LeaveOneOut(Matchable):
    """One place is tested, all others train; a place with one class alone can be tested."""

    what: ClassVar[str]

    @abstractmethod
    def _places(self, dataset: Dataset) -> np.ndarray:
        """Return the place of every sample."""

    def _splits(self, dataset: Dataset, seed: int) -> list[Split]:
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
            train = np.flatnonzero(~there & ~np.isin(dataset.families, dataset.families[there]))
            found.append(Split(self.label, 0, fold, str(name), train, test))
        check_splits(found, dataset)
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
            apart = ~np.isin(dataset.families, dataset.families[test])
            train = np.flatnonzero((dataset.cohort == trained) & apart)
            name = pair_name(trained, tested)
            found.append(Split(self.label, 0, len(found), name, train, test))
        pairs = [split.name for split in found]
        alike = next((name for name in pairs if pairs.count(name) > 1), None)
        if alike is not None:
            raise InputError(f"transfer: two pairs of cohorts read {alike!r}; rename a cohort")
        check_splits(found, dataset)
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
    """Return how often a repeat of a scheme tests each sample, unless it is a partial one."""
    return len(np.unique(dataset.cohort)) - 1 if kind_of(scheme) == "transfer" else 1


SCHEMES: tuple[type[Scheme], ...] = (
    WithinCohort, LeaveOneSiteOut, LeaveOneCohortOut, Transfer, Fixed, Locked,
    LearningCurve,
)  # fmt: skip

__all__ = ["SCHEMES", "Scheme", "Split", "splits_digest"]

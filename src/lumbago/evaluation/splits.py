"""What a scheme is: splits, made once from the true table, and whom they may not part."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator

from lumbago.data.dataset import Dataset
from lumbago.errors import InputError
from lumbago.provenance import canonical_json, digest
from lumbago.spec import Spec

_LISTED = 20
"""People named in one sentence."""


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of the rows that train and of the rows that are tested.

    Parameters
    ----------
    scheme : str
        The scheme's label: its kind, with its name where it has one.
    repeat, fold : int
        Counted from 0.
    name : str
        The site or cohort left out, ``<trained on> to <tested on>`` of a transfer, empty where
        folds have no name.
    train, test : array of int
        Sorted positions in the dataset.
    partial : bool
        Whether the scheme means to test some of the samples only, each at most once per repeat.
    """

    scheme: str
    repeat: int
    fold: int
    name: str
    train: np.ndarray
    test: np.ndarray
    partial: bool = False

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

    must_run: ClassVar[bool] = False
    """Whether a run stops where the scheme cannot run, instead of going on without it."""

    kind: str
    name: str | None = Field(
        None, max_length=40, json_schema_extra={"pattern": r"^[A-Za-z][A-Za-z0-9_-]*$"}
    )
    """Tells two schemes of one kind apart: tables call it ``kind:name``."""

    @field_validator("name")
    @classmethod
    def _is_a_word(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
            raise ValueError(f"name {name!r}: expected letters, digits, '_' or '-', a letter first")
        return name

    @property
    def label(self) -> str:
        """What tables call the scheme: its kind, with its name where it has one."""
        return f"{self.kind}:{self.name}" if self.name else self.kind

    def notes(self, dataset: Dataset) -> list[str]:
        """Say what a reader must know of how this dataset was split."""
        return []

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


def kind_of(label: str) -> str:
    """Return the kind of a scheme from what its tables call it.

    >>> kind_of("within_cohort:ten_folds"), kind_of("transfer")
    ('within_cohort', 'transfer')
    """
    return label.split(":", 1)[0]


def on_curve(label: str) -> bool:
    """Tell whether a scheme is a part of a learning curve.

    >>> on_curve("learning_curve:40%"), on_curve("within_cohort")
    (True, False)
    """
    return kind_of(label) == "learning_curve"


def share_of(label: str) -> float:
    """Return the share of the training fold that a part of a learning curve uses.

    >>> share_of("learning_curve:mine:40%")
    0.4
    """
    return float(label.rsplit(":", 1)[1].removesuffix("%")) / 100


def worth_auditing(label: str) -> bool:
    """Tell whether a scheme's pipelines are not those of another: of a curve, its end alone is.

    >>> worth_auditing("learning_curve:40%"), worth_auditing("learning_curve:100%")
    (False, True)
    """
    return not on_curve(label) or share_of(label) == 1


def own_name(label: str) -> str:
    """Return the name of a scheme, empty where it has none.

    >>> own_name("within_cohort:ten_folds"), own_name("transfer")
    ('ten_folds', '')
    """
    return label.partition(":")[2]


def people_in_words(ids: Sequence[str]) -> str:
    """List people, each once, so that all can be looked up.

    >>> people_in_words(["b", "a", "b"])
    'a, b'
    """
    names = sorted(set(ids))
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def check_splits(splits: Sequence[Split], dataset: Dataset) -> None:
    """Refuse a training fold that a model cannot learn from."""
    for split in splits:
        where = f"{split.scheme}: without {split.name or f'fold {split.fold}'}"
        torn = set(dataset.families[split.train]) & set(dataset.families[split.test])
        if torn:
            raise AssertionError(f"{where}, {len(torn)} participants train and are tested")
        if len(split.train) < 2:
            raise InputError(f"{where}, {len(split.train)} samples are left to train on")
        if dataset.target.kind == "continuous":
            continue
        present = np.unique(dataset.y[split.train])
        absent = [c for code, c in enumerate(dataset.target.classes) if code not in present]
        if absent:
            raise InputError(f"{where}, no {' and no '.join(absent)} is left to train on")

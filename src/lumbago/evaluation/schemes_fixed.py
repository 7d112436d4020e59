"""Splits that a file names: those of a published study, or of a data challenge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd

from lumbago.data.dataset import Dataset
from lumbago.errors import InputError, Problem
from lumbago.evaluation.splits import Scheme, Split, check_splits, people_in_words

if TYPE_CHECKING:
    from lumbago.reading.strict import StrictTable

_COLUMNS = ("participant_id", "cohort", "session", "repeat", "fold")
_SIDES = {"train", "test"}


class Fixed(Scheme):
    """Splits from a table: who is in which fold, or who trains and who is tested.

    One row per participant, in columns ``participant_id`` and ``fold``; ``cohort`` where one id
    stands in several cohorts, ``session`` where sessions have rows of their own, ``repeat``
    (0, 1, …) where there are several ways to split. Folds are words: each is tested in turn and
    all others train; where the only words are ``train`` and ``test``, there is one split per
    repeat. ``n/a`` as a fold: in neither part. Every sample needs a row, and every row a sample.
    """

    must_run: ClassVar[bool] = True

    kind: Literal["fixed"] = "fixed"
    file: Path
    """A TSV."""
    absent: Literal["refuse", "ignore"] = "refuse"
    """What to do with people of the table who have no sample here, for want of a scan, say."""

    def splits(self, dataset: Dataset, seed: int) -> list[Split]:
        """Return the splits of the table, in order of repeat and fold; the seed has no part.

        Raises
        ------
        InputError
            If the table and the samples name different people, a row stands twice, or a split
            would train and test one person, or people who must stay together.
        """
        words = self._folds(dataset)
        found: list[Split] = []
        for repeat, column in enumerate(words.T):
            present = {word for word in column if word is not None}
            tested = ["test"] if present <= _SIDES else sorted(present, key=_order)
            for fold, word in enumerate(tested):
                test = np.flatnonzero(column == word)
                train = np.flatnonzero([w is not None and w != word for w in column])
                self._check(dataset, repeat, word, train, test)
                name = "" if word.isdigit() or word == "test" else word
                found.append(Split(self.label, repeat, fold, name, train, test, partial=True))
        check_splits(found, dataset)
        return found

    def notes(self, dataset: Dataset) -> list[str]:
        """Say how many rows of the table, and how many samples, have no part."""
        table = self._read()
        asked = table.cells[_ids(table)].drop_duplicates()
        unused = len(asked) - sum(_fits(row, dataset).any() for row in asked.to_dict("records"))
        nowhere = int((self._folds(dataset) == None).all(axis=1).sum())  # noqa: E711
        told = []
        if unused:
            told.append(f"{self.label}: {unused} of {len(asked)} in {table.name} have no sample")
        if nowhere:
            told.append(f"{self.label}: {nowhere} of {len(dataset)} samples are in no fold")
        return told

    def _read(self) -> StrictTable:
        from lumbago.reading.strict import read_strict

        table = read_strict(self.file)
        strange = [c for c in table.cells if c not in _COLUMNS]
        missing = [c for c in ("participant_id", "fold") if c not in table.cells]
        problems = [
            Problem(table.name, f"column {c!r} is missing; a table of splits needs it")
            for c in missing
        ]
        if strange:
            what = f"column {strange[0]!r} is none of {', '.join(_COLUMNS)}; take it out"
            problems.append(Problem(table.name, what))
        for column in set(_COLUMNS[:-1]) & set(table.cells):
            empty = [n for n, v in zip(table.lines, table.cells[column], strict=True) if v is None]
            if empty:
                what = f"column {column!r} is n/a; only a fold may be"
                problems.append(Problem(f"{table.name}:{empty[0]}", what))
        if "repeat" in table.cells and not missing:
            told = {str(r) for r in table.cells["repeat"]}
            if told != {str(i) for i in range(len(told))}:
                what = f"repeats are {', '.join(sorted(told))}; expected 0, 1, … without a gap"
                problems.append(Problem(table.name, what))
        if problems:
            raise InputError(problems)
        return table

    def _folds(self, dataset: Dataset) -> np.ndarray:
        """Return the word of every sample in every repeat, shape (n_samples, n_repeats)."""
        table = self._read()
        cells = table.cells
        repeats = cells["repeat"].astype(int) if "repeat" in cells else pd.Series(0, cells.index)
        words = np.full((len(dataset), int(repeats.max()) + 1), None, dtype=object)
        lines = np.zeros(words.shape, dtype=int)
        problems, unknown = [], []
        rows = zip(table.lines, repeats, cells.to_dict("records"), strict=True)
        for line, repeat, row in rows:
            there = _fits(row, dataset)
            if not there.any():
                unknown.append(str(row["participant_id"]))
                continue
            if len(set(dataset.cohort[there])) > 1:
                what = f"{row['participant_id']} is in several cohorts; add a column `cohort`"
                problems.append(Problem(f"{table.name}:{line}", what))
            if (lines[there, repeat] > 0).any():
                before = int(lines[there, repeat].max())
                what = f"{row['participant_id']} stands in line {before} already"
                problems.append(Problem(f"{table.name}:{line}", what))
            words[there, repeat], lines[there, repeat] = row["fold"], line
        if unknown and self.absent == "refuse":
            what = (
                f"names {len(set(unknown))} without a sample: {people_in_words(unknown)}; "
                "correct the table, or set absent: ignore"
            )
            problems.append(Problem(table.name, what))
        for repeat in range(words.shape[1]):
            lost = dataset.participant[lines[:, repeat] == 0].tolist()
            if lost:
                which = f" in repeat {repeat}" if words.shape[1] > 1 else ""
                what = (
                    f"lacks {len(set(lost))} who have a sample{which}: {people_in_words(lost)}; "
                    "give each a fold, n/a to leave them out"
                )
                problems.append(Problem(table.name, what))
            if all(word is None for word in words[:, repeat]):
                problems.append(Problem(table.name, f"repeat {repeat} has no fold"))
        if problems:
            raise InputError(problems)
        return words

    def _check(
        self, dataset: Dataset, repeat: int, word: str, train: np.ndarray, test: np.ndarray
    ) -> None:
        both = np.intersect1d(dataset.families[train], dataset.families[test])
        who = dataset.participant[np.isin(dataset.families, both)].tolist()
        where = f"{self.label}: {self.file.name}: repeat {repeat}, fold {word}"
        if len(both):
            raise InputError(
                f"{where}: {people_in_words(who)} would train and be tested, themselves or by "
                "someone they must stay with; give them one fold"
            )
        if not len(test) or not len(train):
            side = "tested" if not len(test) else "left to train on"
            raise InputError(f"{where}: nobody is {side}")


def _ids(table: StrictTable) -> list[str]:
    return [c for c in _COLUMNS[:3] if c in table.cells]


def _fits(row: Mapping[Any, Any], dataset: Dataset) -> np.ndarray:
    """Tell which samples a row of the table means."""
    there = _same(dataset.participant, row["participant_id"], "sub-")
    if "cohort" in row:
        there = there & (dataset.cohort == row["cohort"])
    if "session" in row:
        there = there & _same(dataset.session, row["session"], "ses-")
    return there


def _same(ids: np.ndarray, word: str, prefix: str) -> np.ndarray:
    return (ids == word) | (ids == prefix + word)


def _order(word: str) -> tuple[int, str]:
    return (int(word), "") if word.isdigit() else (-1, word)

"""Who must stay together: one person in two cohorts, people of one family or matched pair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lumbago.data import Cohort
from lumbago.errors import InputError
from lumbago.experiment.targets import as_word, column_of

USUAL = ("family_id", "pair_id")
"""Columns that join people wherever a cohort has them."""
SAME = "same_as"
"""Column that names the participant of another cohort who is the same person, as ``cohort/id``;
read wherever a cohort has it."""


def kin_of(
    cohort: Cohort, index: pd.Index, named: Sequence[str] | None
) -> tuple[np.ndarray | None, list[str]]:
    """Join participants who share a value in any of the columns, directly or through others.

    Parameters
    ----------
    cohort : Cohort
    index : Index of (cohort, participant_id, session)
        The samples.
    named : sequence of str or None
        Columns; None takes `USUAL` and `SAME` where they are there. Values are read within a
        cohort, as ids are, but for those of `SAME`; a missing one joins nobody.

    Returns
    -------
    kin : array of shape (n_samples,) of str, or None
        Whom each sample belongs to, as ``cohort/first of them``; None where nobody is joined.
    notes : list of str

    Raises
    ------
    InputError
        For a column that is not there, or a value of `SAME` that is no ``cohort/id``.
    """
    table = cohort.table
    columns = {}
    for name in (*USUAL, SAME) if named is None else named:
        if named is not None:
            columns[name] = column_of(table, name, "evaluation.groups", cohort)
        elif name in table and table[name].notna().any():
            columns[name] = table[name]
    if not columns:
        return None, []
    joined = _Union()
    known = {(where, who) for where, who, _ in table.index}
    absent: set[tuple[str, str]] = set()
    # Everybody of the cohort has a say: two cousins are kin, whether the aunt has a scan or not.
    for name, column in columns.items():
        for (where, who, _), value in zip(table.index, column, strict=True):
            word = as_word(value)
            if word and name == SAME:
                other = _named_elsewhere(word, known)
                joined.join((where, who), other)
                absent |= {other} - known
            elif word:
                joined.join((where, who), (where, name, word))
    people: dict[tuple[str, ...], set[tuple[str, str]]] = {}
    for where, who, _ in index:
        people.setdefault(joined.root((where, who)), set()).add((where, who))
    names = {root: "/".join(min(members)) for root, members in people.items()}
    kin = np.array([names[joined.root((where, who))] for where, who, _ in index])
    several = [len(members) for members in people.values() if len(members) > 1]
    which = " or ".join(columns)
    told = [f"{SAME} names {len(absent)} participants who are not here"] if absent else []
    if not several:
        return None, [f"nobody here shares {which} with anybody else", *told]
    note = (
        f"who shares {which} stays together in every split and permutation: {sum(several)} "
        f"participants in {len(several)} groups, of up to {max(several)}"
    )
    return kin, [note, *told]


def _named_elsewhere(word: str, known: set[tuple[str, str]]) -> tuple[str, str]:
    """Return cohort and participant that a value of `SAME` names, with or without ``sub-``."""
    where, _, who = word.partition("/")
    if not where or not who:
        raise InputError(
            f"{SAME}: expected cohort/participant_id, such as boston/sub-01, got {word!r}"
        )
    prefixed = (where, f"sub-{who}")
    return prefixed if (where, who) not in known and prefixed in known else (where, who)


class _Union:
    """Disjoint sets, joined one by one."""

    def __init__(self) -> None:
        self._above: dict[tuple[str, ...], tuple[str, ...]] = {}

    def root(self, one: tuple[str, ...]) -> tuple[str, ...]:
        while (above := self._above.get(one, one)) != one:
            self._above[one] = self._above.get(above, above)
            one = above
        return one

    def join(self, one: tuple[str, ...], other: tuple[str, ...]) -> None:
        first, second = sorted((self.root(one), self.root(other)))
        self._above[second] = first

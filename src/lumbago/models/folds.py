"""Dealing participants into folds: never parting one, classes and strata spread evenly."""

from __future__ import annotations

import numpy as np


def deal_folds(
    y: np.ndarray,
    groups: np.ndarray,
    n_splits: int,
    rng: np.random.Generator,
    *,
    continuous: bool = False,
    strata: np.ndarray | None = None,
) -> np.ndarray:
    """Deal participants into folds like cards, class by class.

    Participants of one class (and within it of one stratum) are shuffled and dealt in
    turn, going on where the last class stopped: folds differ by at most one participant
    in size and by at most one in every class. A participant whose rows differ in class
    counts as of the most frequent one (of equals the later); a continuous target is cut
    into groups of `n_splits` neighbours in value, dealt one to each fold.

    Parameters
    ----------
    y : array of shape (n_samples,)
        Class codes, or values where `continuous`.
    groups : array of shape (n_samples,) of str
        Participant of each row.
    n_splits : int
    rng : numpy Generator
    continuous : bool
    strata : array of shape (n_samples,), optional
        A second thing to spread evenly, best effort: the scanner, say. A participant's
        first row counts.

    Returns
    -------
    array of shape (n_samples,)
        Fold of each row, 0 to n_splits - 1.
    """
    people, first, person = np.unique(groups, return_index=True, return_inverse=True)
    person = person.ravel()
    if continuous:
        mean = np.bincount(person, weights=y) / np.bincount(person)
        # Shuffled before the stable sort, so that equal values are not dealt by name.
        order = rng.permutation(len(people))
        order = order[np.argsort(mean[order], kind="stable")]
        fold = np.empty(len(people), dtype=np.int64)
        for start in range(0, len(people), n_splits):
            block = order[start : start + n_splits]
            fold[block] = rng.permutation(n_splits)[: len(block)]
        return fold[person]
    label = labels_of_people(y, person, len(people))
    stratum = np.zeros(len(people), dtype=np.int64)
    if strata is not None:
        stratum = np.unique(strata, return_inverse=True)[1].ravel()[first]
    order = rng.permutation(len(people))
    order = order[np.lexsort((stratum[order], label[order]))]
    fold = np.empty(len(people), dtype=np.int64)
    fold[order] = rng.permutation(n_splits)[np.arange(len(people)) % n_splits]
    return fold[person]


def labels_of_people(y: np.ndarray, person: np.ndarray, n_people: int) -> np.ndarray:
    """Return the most frequent class of each participant, of equals the later class."""
    classes = np.unique(y)
    counts = np.stack(
        [np.bincount(person, weights=(y == c).astype(float), minlength=n_people) for c in classes]
    )
    return classes[len(classes) - 1 - np.argmax(counts[::-1], axis=0)]

"""Whether the scanner or a column tells the diagnosis: what no split can undo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumbago.data.dataset import Dataset
from lumbago.evaluation.disguises import disguised_features

STRONG = 0.1
"""Gain, as a share of people, from which on a reader is warned. Our choice."""
UNLIKELY = 0.01
"""So rarely may people spread over sites at random, where a reader is warned. Our choice."""


def same_thing(places: Sequence[str], classes: Sequence[str]) -> str | None:
    """Say so where every place holds one class alone.

    Parameters
    ----------
    places, classes : sequence of str
        Of every person.

    Returns
    -------
    str or None
        None where some place holds several classes, or there is one place or one class.

    Examples
    --------
    >>> same_thing(["a", "a", "b"], ["control", "control", "patient"])
    'a has control alone, b patient'
    >>> same_thing(["a", "a", "b"], ["control", "patient", "patient"]) is None
    True
    """
    held: dict[str, set[str]] = {}
    for place, name in zip(places, classes, strict=True):
        held.setdefault(str(place), set()).add(str(name))
    if len(held) < 2 or len(set(classes)) < 2 or any(len(names) > 1 for names in held.values()):
        return None
    told = [f"{place} {next(iter(names))}" for place, names in sorted(held.items())]
    told[0] = told[0].replace(" ", " has ", 1) + " alone"
    more = f" and {len(told) - 6} more" if len(told) > 6 else ""
    return ", ".join(told[:6]) + more


def refusal(told: str, target: str) -> str:
    """Return the sentence that refuses a design in which site and target are one thing."""
    return (
        f"site and {target} are one and the same ({told}): no scheme can tell the people from "
        "their scanner; add people of another class from a site that is there, or ask another "
        "question"
    )


def design_problem(dataset: Dataset) -> str | None:
    """Return why nothing can be learned of the target: it is the site, or a feature; else None."""
    if told := disguised_features(dataset):
        return (
            f"{told[0]} is {dataset.target.name} under another name: a feature may not hold what "
            "is predicted; leave it out"
        )
    if dataset.target.kind == "continuous":
        return None
    names = np.array(dataset.target.classes, dtype=object)[dataset.y]
    one = same_thing(_places(dataset).tolist(), names.tolist())
    return None if one is None else refusal(one, dataset.target.name)


def design_notes(dataset: Dataset) -> list[str]:
    """Warn where the site says much of the class.

    Compared are guessing every site's commonest class and guessing the commonest of all, in
    participants; that classes differ between sites by more than chance is asked of the
    chi-squared test.
    """
    if dataset.target.kind == "continuous":
        return []
    from scipy.stats import chi2_contingency

    first = np.unique(dataset.groups, return_index=True)[1]
    place = np.unique(_places(dataset)[first], return_inverse=True)[1].ravel()
    label = np.unique(dataset.y[first], return_inverse=True)[1].ravel()
    table = np.zeros((place.max() + 1, label.max() + 1))
    np.add.at(table, (place, label), 1)
    if min(table.shape) < 2:
        return []
    n = table.sum()
    by_site, by_guess = table.max(axis=1).sum() / n, table.sum(axis=0).max() / n
    if by_site - by_guess < STRONG or chi2_contingency(table).pvalue > UNLIKELY:
        return []
    return [
        f"{dataset.target.name} is confounded with site: the site alone gives the class of "
        f"{100 * by_site:.0f} % of the participants, the commonest class of "
        f"{100 * by_guess:.0f} %; cross-validation over all sites can live on that, "
        "leave_one_site_out cannot"
    ]


def _places(dataset: Dataset) -> np.ndarray:
    return np.array([f"{c}/{s}" if not str(s).startswith(f"{c}/") and c != s else str(s)
                     for c, s in zip(dataset.cohort, dataset.site, strict=True)])  # fmt: skip

"""McNemar's exact test: do two classifiers err on the same people equally often?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest


@dataclass(frozen=True)
class Discordance:
    """People whom exactly one of two classifiers gets right.

    Parameters
    ----------
    only_one, only_other : int
        How many each alone gets right.
    n : int
        People in all.
    p : float
        Exact, two-sided; 1 where they agree on everybody.
    """

    only_one: int
    only_other: int
    n: int
    p: float

    @property
    def difference(self) -> float:
        """Accuracy of the first minus that of the second."""
        return (self.only_one - self.only_other) / self.n


def mcnemar(right_one: np.ndarray, right_other: np.ndarray) -> Discordance:
    """Compare who is classified rightly by two classifiers, person by person.

    Under the null a discordant person is as likely to be one's as the other's: a sign test.

    Parameters
    ----------
    right_one, right_other : array of shape (n_people,) of bool

    References
    ----------
    .. [1] McNemar (1947). Psychometrika 12, 153-157. doi:10.1007/BF02295996
    """
    one, other = np.asarray(right_one, dtype=bool), np.asarray(right_other, dtype=bool)
    if one.shape != other.shape or one.ndim != 1 or not len(one):
        raise ValueError(
            f"expected two arrays of the same people; got shapes {one.shape} and {other.shape}"
        )
    first, second = int((one & ~other).sum()), int((other & ~one).sum())
    p = binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    return Discordance(first, second, len(one), float(p))

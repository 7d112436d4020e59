"""Wilson's interval of a proportion."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share of independent people.

    Parameters
    ----------
    successes, n : int
        Out of how many.

    Raises
    ------
    ValueError
        If there is nobody, or more successes than people.

    References
    ----------
    .. [1] Wilson (1927). J Am Stat Assoc 22, 209-212. doi:10.1080/01621459.1927.10502953
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"expected 0 to n successes of n ≥ 1 people, got {successes} of {n}")
    z2 = ndtri((1 + level) / 2) ** 2
    middle = (successes + z2 / 2) / (n + z2)
    half = np.sqrt(z2 * (successes * (n - successes) / n + z2 / 4)) / (n + z2)
    return float(middle - half), float(middle + half)

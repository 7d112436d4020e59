"""What random numbers start from: always a seed that was given, so that they can be had again."""

from __future__ import annotations

from numbers import Integral

import numpy as np


def sequence_of(seed: int | np.random.SeedSequence) -> np.random.SeedSequence:
    """The sequence of a seed; without one, numpy would take another with every call.

    Raises
    ------
    ValueError
        If the seed is neither a whole number of at least 0 nor a sequence.
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if not isinstance(seed, Integral) or seed < 0:
        raise ValueError(
            f"seed: expected a whole number of at least 0 or a numpy SeedSequence, got {seed!r}"
        )
    return np.random.SeedSequence(int(seed))

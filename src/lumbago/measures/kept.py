"""Volumes that survive scrubbing, as the measures take them."""

from __future__ import annotations

import numpy as np


def checked_kept(kept: np.ndarray, n_volumes: int, where: str) -> np.ndarray:
    """Return the indices of kept volumes, which increase within the full series.

    Raises
    ------
    ValueError
        If they are no such indices; the message begins with `where`.
    """
    kept = np.asarray(kept)
    if kept.ndim != 1 or not np.issubdtype(kept.dtype, np.integer):
        raise ValueError(f"{where}: kept holds volume indices, got an array of {kept.dtype}")
    if not len(kept) or kept[0] < 0 or kept[-1] >= n_volumes or (np.diff(kept) < 1).any():
        raise ValueError(
            f"{where}: kept holds increasing volume indices from 0 to {n_volumes - 1}, at least one"
        )
    return kept

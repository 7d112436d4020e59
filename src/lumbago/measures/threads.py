"""How many threads a measure may start."""

from __future__ import annotations

import os


def cores_of_process() -> int:
    """Cores of this process, or fewer where several processes share them.

    joblib tells its workers their share the way that linear algebra libraries are told.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    share = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(share))) if share.isdecimal() else cores

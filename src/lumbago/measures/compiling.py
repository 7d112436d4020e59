"""How loops are compiled: once per machine, released from the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function on first use and keep the result on disk.

    numba keeps it beside the source, or in the user's cache folder where that is read-only, so
    that other processes load it instead of compiling again. Where neither can be written, as in
    some containers, every process compiles for itself. Threads are the caller's: kernels release
    the lock and never start any.
    """
    try:
        return numba.njit(function, cache=True, nogil=True)
    except RuntimeError as why:
        if "no locator available" not in str(why):
            raise
        return numba.njit(function, nogil=True)

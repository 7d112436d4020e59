"""Matrices of MATLAB's own files, before its version 7.3; nothing in them can run."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from lumbago.errors import ScanRejected
from lumbago.reading.recognize import unlike, what_is


def read_mat(path: Path, variable: str | None = None, *, code: str = "E_TABLE") -> np.ndarray:
    """Read one matrix of real numbers.

    Parameters
    ----------
    path : Path
    variable : str or None
        Its name; None takes the only matrix there is (DPABI's ``ROISignals``).
    code : str
        Code of the rejection.

    Returns
    -------
    array of shape (n, m), float64
    """
    from scipy.io import loadmat

    if "MATLAB 7.3" in what_is(path):
        raise ScanRejected(
            code, f"{path.name}: a MATLAB 7.3 file; save it with save(..., '-v7') to be read"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = loadmat(path)
    except MemoryError:
        raise ScanRejected(code, f"{path.name}: does not fit into memory") from None
    except Exception:  # the parser meets damaged files with many kinds of exception
        raise ScanRejected(code, unlike(path, "a whole MATLAB file")) from None
    matrices = {
        str(name): np.asarray(value, dtype=np.float64)
        for name, value in content.items()
        if not name.startswith("__")
        and isinstance(value, np.ndarray)
        and value.dtype.kind in "iuf"
        and value.ndim == 2
        and value.size > 1
    }
    if variable is None and len(matrices) == 1:
        return next(iter(matrices.values()))
    if variable is None or variable not in matrices:
        wanted = "one matrix" if variable is None else f"a matrix {variable!r}"
        there = ", ".join(matrices) or "none"
        raise ScanRejected(code, f"{path.name}: expected {wanted}; there is {there}")
    return matrices[variable]

"""Connectivity matrices on disk: vectors, squares, tables."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from lumbago.errors import ScanRejected
from lumbago.reading import hdf5
from lumbago.reading.matlab import read_mat
from lumbago.reading.numeric import read_numbers
from lumbago.reading.recognize import unlike, what_is

SYMMETRY_TOLERANCE = 1e-4
"""A matrix may differ from its transpose by this much (single precision, rounded tables)."""
MAX_NODES = 20_000


def read_matrix(
    path: Path,
    *,
    n_nodes: int | None = None,
    within: str = "",
    notes: list[str] | None = None,
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Read one connectivity matrix.

    Parameters
    ----------
    path : Path
        ``.npy``: a square matrix, or its upper triangle row by row (without the diagonal; with
        it only where `n_nodes` says so). ``.tsv``, ``.csv``: a square table, with or without
        node names in header and first column; lines that begin with ``#`` (MRtrix writes its
        command there) are passed over, and white space parts as well as commas do.
        ``.mat``: a variable of MATLAB. ``.hdf5``: a matrix of junifer.
        A matrix of which only the upper triangle is filled, as tck2connectome writes it without
        ``-symmetric``, is mirrored.
    n_nodes : int or None
        How many nodes are expected.
    within : str
        Name of the variable, or place in the HDF5 file.
    notes : list of str or None
        Takes what the report must say.

    Returns
    -------
    matrix : array of shape (n, n), float64
        Symmetric; 1 on the diagonal where a vector has none. NaN where a region had no data.
    names : tuple of str or None
        Names of the nodes, where the file tells them.

    Raises
    ------
    ScanRejected
        ``E_OBJECTS`` Python objects inside (never loaded), ``E_MATRIX`` no such matrix,
        ``E_INF`` infinite values.
    """
    path = Path(path)
    names: tuple[str, ...] | None = None
    if path.suffix == ".npy":
        array = _load(path)
    elif path.suffix == ".mat":
        array = read_mat(path, within or None, code="E_MATRIX")
    elif path.suffix in hdf5.SUFFIXES:
        names, array = hdf5.read_square(path, within)
    elif (bare := _bare(path)) is not None:
        array = bare
    else:
        table = read_numbers(path, code="E_MATRIX", named_rows=True)
        array = table.to_numpy()
        words = tuple(str(c) for c in table)
        named = words != tuple(str(i + 1) for i in range(len(words)))
        names = words if named else None
        rows = tuple(str(r) for r in table.index)
        if names is not None and table.index.name is not None and rows != names:
            raise ScanRejected(
                "E_MATRIX", f"{path.name}: rows and columns name different nodes, or in another "
                "order")  # fmt: skip
    if array.ndim == 2 and _is_half(array):
        array = array + np.triu(array, 1).T
        if notes is not None:
            notes.append("a connectome holds its upper triangle only; it was mirrored")
    matrix = _square(array, path.name, n_nodes)
    if np.isinf(matrix).any():
        raise ScanRejected("E_INF", f"{path.name}: holds infinite values; make the matrix again")
    if not np.isfinite(matrix[~np.eye(len(matrix), dtype=bool)]).any():
        raise ScanRejected("E_MATRIX", f"{path.name}: holds no number outside its diagonal")
    return matrix, names


def _is_half(array: np.ndarray) -> bool:
    """Tell whether a square matrix is empty below its diagonal, but not above."""
    square = array.shape[0] == array.shape[1] > 1
    return square and not np.tril(array, -1).any() and bool(np.triu(array, 1).any())


def _bare(path: Path) -> np.ndarray | None:
    """Read a square of numbers without names, if this is one; None leaves it to the tables."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = []
    try:
        for line in lines:
            if "," in line:
                cells = line.split(",")
            else:
                cells = line.split("\t") if "\t" in line.strip() else line.split()
            rows.append([np.nan if c.strip() == "n/a" else float(c) for c in cells])
    except ValueError:
        return None
    if not rows or {len(row) for row in rows} != {len(rows)}:
        return None
    return np.array(rows)


def count_nodes(path: Path) -> int | None:
    """Return how many nodes a file holds, from its header alone; None where it is unclear."""
    try:
        if path.suffix == ".npy":
            array = _load(path)
            return len(array) if array.ndim == 2 else _nodes_of(len(array))
        if path.suffix in (".mat", *hdf5.SUFFIXES):
            return None
        bare = _bare(path)
        return len(read_numbers(path, code="E_MATRIX", named_rows=True) if bare is None else bare)
    except ScanRejected:
        return None


def _load(path: Path) -> np.ndarray:
    name = path.name
    try:
        # A mapped file never runs what it holds, and its size is checked against its header.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise ScanRejected(
            "E_MATRIX", f"{name}: cannot be opened; if it is a datalad link, run datalad get"
        ) from None
    except Exception as e:  # damaged headers reach numpy's parser and fail there in many ways
        kind = what_is(path)
        if not kind.startswith(("a numpy array", "a Python pickle", "binary data")):
            raise ScanRejected("E_MATRIX", unlike(path, "a numpy array")) from None
        if isinstance(e, ValueError) and ("object" in str(e).lower() or "pickle" in str(e).lower()):
            raise ScanRejected(
                "E_OBJECTS",
                f"{name}: holds Python objects, which could run code; save plain numbers with "
                "numpy.save(..., allow_pickle=False)",
            ) from None
        raise ScanRejected("E_MATRIX", f"{name}: cut or damaged; copy it again") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise ScanRejected("E_MATRIX", f"{name}: expected real numbers")
    if array.ndim not in (1, 2) or array.size > MAX_NODES**2:
        raise ScanRejected(
            "E_MATRIX",
            f"{name}: expected a vector or a square matrix, got shape {tuple(array.shape)}",
        )
    return array


def _nodes_of(n_edges: int) -> int | None:
    n = round((1 + np.sqrt(1 + 8 * n_edges)) / 2)
    return n if n * (n - 1) // 2 == n_edges and n > 1 else None


def _square(array: np.ndarray, name: str, n_nodes: int | None) -> np.ndarray:
    expected = "" if n_nodes is None else f" of {n_nodes} nodes"
    if array.ndim == 1 or 1 in array.shape:
        vector = array.ravel()
        with_diagonal = n_nodes is not None and len(vector) == n_nodes * (n_nodes + 1) // 2
        n = n_nodes if with_diagonal else _nodes_of(len(vector))
        if n is None or (n_nodes is not None and n != n_nodes):
            raise ScanRejected(
                "E_MATRIX",
                f"{name}: {len(vector)} values are not the upper triangle of a matrix{expected}",
            )
        matrix = np.eye(n)
        upper = np.triu_indices(n, 0 if with_diagonal else 1)
        matrix[upper] = vector
        matrix.T[upper] = vector
        return matrix
    matrix = np.array(array, dtype=np.float64)
    if matrix.shape[0] != matrix.shape[1] or (n_nodes is not None and len(matrix) != n_nodes):
        raise ScanRejected(
            "E_MATRIX",
            f"{name}: expected a square matrix{expected}, got "
            f"{matrix.shape[0]} × {matrix.shape[1]}",
        )
    missing = np.isnan(matrix)
    with np.errstate(invalid="ignore"):
        apart = np.nanmax(np.abs(matrix - matrix.T), initial=0.0)
    if (missing != missing.T).any() or apart > SYMMETRY_TOLERANCE:
        raise ScanRejected(
            "E_MATRIX", f"{name}: not symmetric (differs by {apart:.3g}); directed matrices are "
            "not supported")  # fmt: skip
    return (matrix + matrix.T) / 2

"""HDF5 as junifer's storage writes it: a catalogue, and one group for each feature.

Layout verified in the sources of junifer's ``HDF5FeatureStorage`` and of h5io, which writes it:
``meta`` holds a dictionary {MD5: {name, …}}; each MD5 names a group with ``element`` (a list of
dictionaries: subject, session, …), ``kind`` (vector, matrix, timeseries), ``column_headers``,
``data`` (vectors (features, elements); matrices (rows, columns, elements); time series a list of
(volumes, regions)) and for matrices ``row_headers``, ``matrix_kind`` and ``diagonal``. A dictionary
is a group whose children are called ``key_…``, a list one with ``idx_0`` …; the attribute
``TITLE`` says which, and small ones may be JSON in bytes. Collected files hold the same, written
in chunks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lumbago.errors import EnvironmentProblem, ScanRejected
from lumbago.reading.recognize import unlike, what_is

SUFFIXES = (".hdf5", ".h5")
_UNLIKE = (KeyError, IndexError, TypeError, AttributeError, ValueError, OSError, RuntimeError)
EXPECTED = "an HDF5 file of junifer's storage"


@dataclass(frozen=True)
class Stored:
    """One feature in a file: where it lies and of whom it tells."""

    md5: str
    name: str
    kind: str
    elements: tuple[dict[str, str], ...]
    columns: tuple[str, ...]


def catalogue(path: Path) -> list[Stored]:
    """List the features of a file; reads no data.

    Raises
    ------
    ScanRejected
        ``E_HDF5`` if the file is none of junifer's.
    """
    with _opened(path) as file:
        if "meta" not in file:
            raise ScanRejected("E_HDF5", f"{path.name}: an HDF5 file without junifer's `meta`")
        features = []
        for md5, about in sorted(_decoded(file["meta"]).items()):
            if md5 not in file:
                continue
            group = file[md5]
            elements = tuple(
                {str(k): str(v) for k, v in e.items()} for e in _decoded(group["key_element"])
            )
            columns = tuple(str(c) for c in _decoded(group["key_column_headers"]) or ())
            kind = str(_decoded(group["key_kind"]))
            features.append(Stored(md5, str(about["name"]), kind, elements, columns))
    return features


def read_vector(path: Path, within: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Read the vector of one element; `within` is ``<md5>/<number of the element>``."""
    with _element(path, within) as (group, at):
        values = np.asarray(group["key_data"][:, at], dtype=np.float64)
        names = _decoded(group["key_column_headers"]) or range(1, len(values) + 1)
    return _named(path, names, len(values)), values


def read_square(path: Path, within: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Read the matrix of one element; one triangle alone is mirrored."""
    with _element(path, within) as (group, at):
        matrix = np.array(group["key_data"][:, :, at], dtype=np.float64)
        names = _decoded(group["key_column_headers"])
        rows = _decoded(group["key_row_headers"])
        kind = str(_decoded(group["key_matrix_kind"]))
        diagonal = bool(np.all(_decoded(group["key_diagonal"])))
    if matrix.shape[0] != matrix.shape[1] or list(names) != list(rows):
        raise ScanRejected("E_MATRIX", f"{path.name}: rows and columns are not the same nodes")
    if kind in ("triu", "tril"):
        half = np.triu(matrix, 1) if kind == "triu" else np.tril(matrix, -1).T
        matrix = half + half.T + np.diag(np.diag(matrix) if diagonal else np.ones(len(matrix)))
    return _named(path, names, len(matrix)), matrix


def read_timeseries(path: Path, within: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Read the time series (n_volumes, n_regions) of one element."""
    with _element(path, within) as (group, at):
        data = group["key_data"]
        values = np.asarray(data[f"idx_{at}"], dtype=np.float64)
        names = _decoded(group["key_column_headers"]) or range(1, values.shape[1] + 1)
    return _named(path, names, values.shape[1]), values


def _named(path: Path, names: Any, n: int) -> tuple[str, ...]:
    named = tuple(str(c) for c in names)
    if len(named) != n:
        raise ScanRejected("E_HDF5", f"{path.name}: {len(named)} names for {n} values")
    return named


@contextmanager
def _element(path: Path, within: str) -> Iterator[tuple[Any, int]]:
    md5, _, at = within.partition("/")
    with _opened(path) as file:
        yield file[md5], int(at)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import h5py  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise EnvironmentProblem(
            "HDF5 files need h5py; install it with: pip install 'lumbago[hdf5]'"
        ) from None
    try:
        file = h5py.File(path, "r")
    except OSError:
        if "HDF5" in what_is(path):
            raise ScanRejected("E_HDF5", f"{path.name}: cut or damaged; copy it again") from None
        raise ScanRejected("E_HDF5", unlike(path, EXPECTED)) from None
    with file:
        try:
            yield file
        except _UNLIKE as e:
            raise ScanRejected(
                "E_HDF5", f"{path.name}: not as junifer stores it ({type(e).__name__})"
            ) from None


def _decoded(node: Any) -> Any:
    title = node.attrs.get("TITLE", "")
    title = title.decode() if isinstance(title, bytes) else str(title)
    if hasattr(node, "keys"):
        if title == "dict" or (node.keys() and all(k.startswith("key_") for k in node)):
            return {k.removeprefix("key_"): _decoded(node[k]) for k in node}
        return [_decoded(node[f"idx_{i}"]) for i in range(len(node))]
    if title == "json":
        return json.loads(node[()].tobytes())
    if title in ("unicode", "ascii"):
        return node[()].tobytes().decode()
    if title == "None":
        return None
    value = node[()]
    if np.ndim(value) == 0:
        return value.decode() if isinstance(value, bytes) else value
    if title in ("int", "float") or title.startswith("np_"):
        return value[0]
    return [v.decode() if isinstance(v, bytes) else v for v in value.tolist()]

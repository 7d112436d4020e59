"""Hashes, seeds and versions: what makes a result traceable and repeatable."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

RECORDED_LIBRARIES = (
    "lumbago", "numpy", "scipy", "pandas", "scikit-learn", "nibabel", "nilearn",
    "networkx", "bctpy", "numba", "joblib", "pydantic", "matplotlib",
)  # fmt: skip


def canonical_json(value: Any) -> str:
    """Write a JSON value the one way that equal values share.

    >>> canonical_json({"b": 1, "a": [1.0, None]})
    '{"a":[1.0,null],"b":1}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(*parts: bytes | str) -> str:
    """SHA-256 of the parts, each preceded by its length so that no two lists collide."""
    h = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        h.update(len(data).to_bytes(8, "little"))
        h.update(data)
    return h.hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def digest_array(array: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and values."""
    array = np.ascontiguousarray(array)
    return digest(str(array.dtype), str(array.shape), array.tobytes())


def task_seed(seed: int, *name: str) -> np.random.SeedSequence:
    """Return the seed of one named task: adding a task never changes another's.

    >>> task_seed(1, "svm", "repeat 0") == task_seed(1, "svm", "repeat 1")
    False
    """
    return np.random.SeedSequence([seed, int(digest(*name), 16)])


def integer_seed(sequence: np.random.SeedSequence) -> int:
    """Return the seed as scikit-learn's ``random_state`` takes it, below 2**32."""
    return int(sequence.generate_state(1, np.uint32)[0])


def versions(libraries: Iterable[str] = RECORDED_LIBRARIES) -> dict[str, str]:
    """Return the versions a result was computed with, Python's first."""
    found = {"python": platform.python_version()}
    for library in libraries:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = "not installed"
    return found

"""Edges by name, and the square matrix they are the upper triangle of."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lumbago.data import Atlas, Extraction, FeatureTable
from lumbago.data.packaged import packaged_atlas

EDGE = re.compile(r"^(?P<key>[^:]+):(?P<a>[^~]+)~(?P<b>[^~]+)$")
_SIDE = frozenset({"L", "R", "LH", "RH", "Left", "Right", "left", "right"})

Edges = np.ndarray | pd.DataFrame | pd.Series | Extraction | FeatureTable
"""A square matrix, or edges by name; of a table, the mean over its samples."""


def network_of(region: str) -> str:
    """Return the network in a region's name, empty where the name has none.

    >>> network_of("LH_Default_12"), network_of("Default_RH_3"), network_of("precuneus")
    ('Default', 'Default', '')
    """
    parts = [part for part in region.split("_") if part not in _SIDE]
    return parts[0] if len(parts) > 1 and parts[-1].isdigit() else ""


def square(edges: Edges) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a symmetric matrix with an empty diagonal, and its regions' names.

    Parameters
    ----------
    edges : array or DataFrame of shape (n, n), Series, Extraction, or FeatureTable
        Without names, regions are called 1, 2, …

    Raises
    ------
    ValueError
        If a matrix is not square and symmetric, or no column is the name of an edge.
    """
    if isinstance(edges, FeatureTable):
        edges = edges.values.mean(axis=0)
    if isinstance(edges, Extraction):
        edges = edges.series("edges")
    if isinstance(edges, pd.Series):
        return _from_names(edges)
    values = np.array(edges, dtype=float)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise ValueError(f"expected a square matrix of regions, got shape {values.shape}")
    if not np.allclose(values, values.T, equal_nan=True, atol=1e-6):
        raise ValueError("expected a symmetric matrix: the value of a~b is that of b~a")
    np.fill_diagonal(values, np.nan)
    named = isinstance(edges, pd.DataFrame)
    names = tuple(str(c) for c in edges.columns) if named else ()  # type: ignore[union-attr]
    return values, names or tuple(str(i + 1) for i in range(len(values)))


def _from_names(edges: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    found = [EDGE.match(str(name)) for name in edges.index]
    keys = list(dict.fromkeys(m["key"] for m in found if m))
    if len(keys) != 1:
        got = f"those of {', '.join(keys[:4])}" if keys else f"{str(edges.index[0])!r} and the like"
        raise ValueError(f"expected the edges of one feature, named key:a~b, got {got}")
    there = [(m["a"], m["b"], v) for m, v in zip(found, edges.to_numpy(float), strict=True) if m]
    names = tuple(dict.fromkeys(name for a, b, _ in there for name in (a, b)))
    at = {name: i for i, name in enumerate(names)}
    values = np.full((len(names), len(names)), np.nan)
    for a, b, value in there:
        values[at[a], at[b]] = values[at[b], at[a]] = value
    return values, names


def table_of(atlas: Atlas | str, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows of an atlas' table that belong to a matrix, in the matrix' order.

    Regions without name are the atlas' own, in its order.
    """
    found = packaged_atlas(atlas) if isinstance(atlas, str) else atlas
    labels = found.labels.set_index("name", drop=False)
    unnamed = list(names) == [str(i + 1) for i in range(len(names))]
    if unnamed and len(names) == len(labels):
        return labels
    missing = [name for name in names if name not in labels.index]
    if missing:
        raise ValueError(
            f"atlas {found.name} with {len(labels)} regions has no region {missing[0]!r} of this "
            f"matrix of {len(names)}; give the atlas that the matrix was made with"
        )
    return labels.loc[list(names)]

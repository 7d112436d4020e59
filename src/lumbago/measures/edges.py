"""Symmetric matrices as vectors of their edges, and back."""

from __future__ import annotations

import numpy as np


def vectorize(matrix: np.ndarray, diagonal: bool = False) -> np.ndarray:
    """Upper triangle of symmetric matrices, row by row: the order of the edge names.

    Parameters
    ----------
    matrix : array of shape (..., n, n)
        Symmetric; NaN may stand in both halves.
    diagonal : bool
        Whether the diagonal belongs to the vector.

    Returns
    -------
    array of shape (..., n (n - 1) / 2), or (..., n (n + 1) / 2) with the diagonal

    Raises
    ------
    ValueError
        If the matrices are not square or not symmetric.

    >>> vectorize(np.array([[1, 2, 3], [2, 1, 4], [3, 4, 1]]))
    array([2, 3, 4])
    """
    matrix = np.asarray(matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"vectorize: expected square matrices, got shape {matrix.shape}")
    if not np.allclose(matrix, np.swapaxes(matrix, -1, -2), rtol=1e-5, atol=1e-6, equal_nan=True):
        raise ValueError("vectorize: expected symmetric matrices; the halves differ")
    rows, columns = np.triu_indices(matrix.shape[-1], k=0 if diagonal else 1)
    return matrix[..., rows, columns]


def unvectorize(vector: np.ndarray, diagonal: float | None = 1.0) -> np.ndarray:
    """Symmetric matrices from their upper triangles; the inverse of `vectorize`.

    Parameters
    ----------
    vector : array of shape (..., n_edges)
        Upper triangles, row by row.
    diagonal : float or None
        What to put on the diagonal; None if the vector holds it.

    Returns
    -------
    array of shape (..., n, n)

    Raises
    ------
    ValueError
        If no matrix has that many entries above (or from) its diagonal.

    >>> unvectorize(np.array([2.0, 3.0, 4.0]))
    array([[1., 2., 3.], [2., 1., 4.], [3., 4., 1.]])
    """
    vector = np.asarray(vector)
    if vector.ndim < 1:
        raise ValueError("unvectorize: expected a vector, got a single number")
    n_edges = vector.shape[-1]
    n = round((np.sqrt(8 * n_edges + 1) + (1 if diagonal is not None else -1)) / 2)
    offset = 0 if diagonal is None else 1
    rows, columns = np.triu_indices(n, k=offset)
    if len(rows) != n_edges:
        raise ValueError(
            f"unvectorize: {n_edges} values fill no upper triangle "
            f"{'with' if diagonal is None else 'without'} its diagonal"
        )
    filled = 0 if diagonal is None else diagonal
    matrix = np.full((*vector.shape[:-1], n, n), filled, dtype=np.result_type(vector, np.float32))
    matrix[..., rows, columns] = vector
    matrix[..., columns, rows] = vector
    return matrix

"""Sums over the neighbours of every voxel."""

from __future__ import annotations

import numpy as np


def neighbour_sums(padded: np.ndarray, planes: range, neighbours: int) -> list[np.ndarray]:
    """Sum over each voxel's neighbourhood, for some planes of a grid padded by its reach."""
    if neighbours in (27, 125):
        reach = 1 if neighbours == 27 else 2
        flat = [_square(padded[x], reach) for x in _with_border(planes, reach)]
        return [_total(flat[i : i + 2 * reach + 1]) for i in range(len(planes))]
    slabs = [padded[x] for x in _with_border(planes, 1)]
    middle = [_square(s, 1) if neighbours == 19 else _cross(s) for s in slabs[1:-1]]
    beside = [_cross(s) if neighbours == 19 else s[1:-1, 1:-1] for s in slabs]
    return [_total([m, beside[i], beside[i + 2]]) for i, m in enumerate(middle)]


def _with_border(planes: range, reach: int) -> range:
    return range(planes.start, planes.stop + 2 * reach)


def _square(plane: np.ndarray, reach: int) -> np.ndarray:
    width = 2 * reach + 1
    ny, nz = (n - 2 * reach for n in plane.shape[:2])
    along_y = _total([plane[i : i + ny] for i in range(width)])
    return _total([along_y[:, i : i + nz] for i in range(width)])


def _cross(plane: np.ndarray) -> np.ndarray:
    return _total(
        [plane[1:-1, 1:-1], plane[:-2, 1:-1], plane[2:, 1:-1], plane[1:-1, :-2], plane[1:-1, 2:]]
    )


def _total(parts: list[np.ndarray]) -> np.ndarray:
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total

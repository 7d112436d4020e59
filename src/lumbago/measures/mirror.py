"""The mirror image of a grid of voxels: left becomes right about the plane x = 0 of the world."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from lumbago.measures.interpolation import ON_CENTRE, numbered


def mirror_matrix(affine: np.ndarray) -> np.ndarray:
    """Voxel indices to those of the mirror image, from voxel indices to the world.

    Parameters
    ----------
    affine : array of shape (4, 4)
        Voxel to world; x runs from one side of the head to the other, 0 in its middle.

    Returns
    -------
    array of shape (4, 4), its own inverse

    Raises
    ------
    ValueError
        If the affine is not finite or flattens the grid.

    >>> mirror_matrix(np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0] * 3 + [1]]))
    array([[-1.,  0.,  0., 90.],
           [ 0.,  1.,  0.,  0.],
           [ 0.,  0.,  1.,  0.],
           [ 0.,  0.,  0.,  1.]])
    """
    affine = np.asarray(affine, dtype=np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise ValueError(f"mirror: expected a finite affine of shape (4, 4), got {affine.shape}")
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if not abs(np.linalg.det(affine[:3, :3])) > 1e-6 * sizes.prod():
        raise ValueError("mirror: the affine flattens the grid; give that of the image")
    flip = np.diag([-1.0, 1, 1, 1])
    return np.asarray(np.linalg.solve(affine, flip @ affine)) + 0.0


def is_symmetric(shape: tuple[int, ...], affine: np.ndarray) -> bool:
    """Whether the mirror image of every voxel centre is a voxel centre, in the grid or beyond."""
    return _whole(shape, affine) is not None


def partners(mask: np.ndarray, affine: np.ndarray) -> np.ndarray | None:
    """Number of each voxel's mirror image among the voxels of a mask, in C order.

    Returns
    -------
    int array of shape (n_voxels,), -1 where the image lies outside the mask; None where voxel
    centres are not mirrored onto voxel centres.
    """
    whole = _whole(mask.shape, affine)
    if whole is None:
        return None
    at = np.argwhere(mask) @ whole[:3, :3].T + whole[:3, 3]
    inside = ((at >= 0) & (at < mask.shape)).all(axis=1)
    found = np.full(len(at), -1)
    found[inside] = numbered(mask)[tuple(at[inside].T)]
    return found


def mirrored_in(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Tell of each voxel of a mask whether the voxel nearest to its mirror image is in it too.

    Returns
    -------
    boolean array of shape (n_voxels,), in C order
    """
    matrix = mirror_matrix(affine)
    at = np.argwhere(mask) @ matrix[:3, :3].T + matrix[:3, 3]
    at = np.round(at).astype(np.int64)
    found = ((at >= 0) & (at < mask.shape)).all(axis=1)
    found[found] = mask[tuple(at[found].T)]
    return found


def _whole(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray | None:
    """The mirror as whole numbers, if no corner of the grid is moved by rounding it so."""
    matrix = mirror_matrix(affine)
    whole = np.round(matrix)
    corners = np.array([[*corner, 1] for corner in product(*[(0, n - 1) for n in shape])])
    moved = np.abs(corners @ (matrix - whole).T).max()
    return whole.astype(np.int64) if moved < ON_CENTRE else None


def symmetric_grid(
    shape: tuple[int, ...], affine: np.ndarray
) -> tuple[tuple[int, ...], np.ndarray]:
    """A grid of the same voxel size on which every voxel centre has a mirror image.

    Where an axis of the grid runs along x, it is only shifted along x, by a quarter of a voxel
    at most; otherwise the axes become those of the world. The new grid holds the old one.

    Parameters
    ----------
    shape : three int
    affine : array of shape (4, 4)

    Returns
    -------
    shape, affine
        The given ones where they are symmetric already.

    Raises
    ------
    ValueError
        If the grid lies on one side of x = 0.
    """
    shape = tuple(int(n) for n in shape[:3])
    affine = np.array(affine, dtype=np.float64)
    if is_symmetric(shape, affine):
        return shape, affine
    corners = np.array([[*corner, 1] for corner in product(*[(0, n - 1) for n in shape])])
    world = (corners @ affine.T)[:, :3]
    low, high = world.min(axis=0), world.max(axis=0)
    if not low[0] < 0 < high[0]:
        raise ValueError(
            f"mirror: the grid runs from x = {low[0]:g} to {high[0]:g} mm, expected both sides of "
            "0; bring the scan to a space whose origin lies between the halves of the brain"
        )

    linear = affine[:3, :3]
    sizes = np.linalg.norm(linear, axis=0)
    axis = int(np.argmax(np.abs(linear[0]) / sizes))
    others = [k for k in range(3) if k != axis]
    off = np.abs([*linear[0, others], *linear[1:, axis]]).max() / sizes.min()
    along_x = off * max(shape) < ON_CENTRE
    if not along_x:
        directions = linear / sizes
        order = max(
            permutations(range(3)),
            key=lambda p: sum(abs(directions[p[k], k]) for k in range(3)),
        )
        linear = np.zeros((3, 3))
        for k in range(3):
            linear[order[k], k] = np.copysign(sizes[k], directions[order[k], k])
        axis = order.index(0)
        others = [k for k in range(3) if k != axis]

    size = abs(linear[0, axis])
    reach = max(-low[0], high[0]) / size
    # Centres at whole multiples of the size, or between them: whichever is nearer to the old ones.
    phase = affine[0, 3] / size % 1
    odd = not along_x or min(phase, 1 - phase) <= abs(phase - 0.5) + 1e-9
    n = 2 * int(np.ceil(reach - 0.5 - 1e-6)) + 1 if odd else 2 * int(np.ceil(reach - 1e-6))
    counts, origin = list(shape), affine[:3, 3].copy()
    counts[axis] = n
    origin[0] = -np.sign(linear[0, axis]) * size * (n - 1) / 2
    if not along_x:
        for k in others:
            step = linear[order[k], k]
            extent = high[order[k]] - low[order[k]]
            counts[k] = int(np.ceil(extent / abs(step) - 1e-6)) + 1
            middle = (low[order[k]] + high[order[k]]) / 2
            origin[order[k]] = middle - step * (counts[k] - 1) / 2
    new = np.eye(4)
    new[:3, :3], new[:3, 3] = linear, origin
    if along_x:
        # Not a rounding of the axis survives, or the new grid would not be symmetric to the bit.
        new[1:3, axis] = new[0, others] = 0
    return tuple(counts), new

"""VMHC against brute force on grids of every kind, and the mirror that it obeys."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from lumbago.data import Signals
from lumbago.errors import ScanRejected
from lumbago.extractors import Symmetry
from lumbago.extractors.symmetry import symmetry_note
from lumbago.measures.interpolation import linear_weights, resample
from lumbago.measures.mirror import (
    is_symmetric,
    mirror_matrix,
    mirrored_in,
    partners,
    symmetric_grid,
)
from lumbago.measures.symmetry import homotopic_correlation, vmhc
from lumbago.reading.recording import Recording

SHAPE = (7, 6, 5)
T_R = 2.0


def grid(*, first: float, step: float = 3.0) -> np.ndarray:
    """Axes along the world's, the first voxel's centre at x = `first`."""
    affine = np.diag([step, 3.0, 3.0, 1.0])
    affine[:3, 3] = first, -8, -6
    return affine


def turned(affine: np.ndarray, angles: tuple[float, float, float], shape=SHAPE) -> np.ndarray:
    """Turn a grid about the world's origin, which is brought to its middle first."""
    a, b, c = angles
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    found = np.eye(4)
    found[:3, :3] = np.array(about_z) @ about_y @ about_x @ affine[:3, :3]
    found[:3, 3] = -found[:3, :3] @ ((np.array(shape) - 1) / 2)
    return found


ODD = grid(first=-9)
GRIDS = {
    "odd": ODD,
    "even": grid(first=-10.5),
    "las": grid(first=9, step=-3),
    "shifted by voxels": grid(first=-6),
    "between voxels": grid(first=-9.75),
    "shifted a little": grid(first=-8.4),
    "las, shifted": grid(first=9.9, step=-3),
    "oblique": turned(ODD, (0.2, 0.1, -0.15)),
    "pitched": turned(ODD, (0.3, 0, 0)),
    "far turned": turned(ODD, (0.1, 0.2, np.pi / 4)),
}


def by_hand(volumes, mask, affine):
    """Pearson's r voxel by voxel: scipy interpolates, the mask's weight shared by what is in it."""
    volumes = volumes.astype(np.float64)
    usable = mask & np.isfinite(volumes).all(axis=3)
    usable &= np.ptp(np.nan_to_num(volumes), axis=3) > 0
    filled = np.where(usable[..., None], volumes, 0)
    flip = np.linalg.inv(affine) @ np.diag([-1, 1, 1, 1]) @ affine
    found = np.full(mask.shape, np.nan)
    own = np.zeros(mask.shape, bool)
    for at in np.argwhere(usable):
        image = np.round((flip @ [*at, 1])[:3], 9)[:, None]
        own[tuple(at)] = (np.abs(image[:, 0] - at) < 1).all()

        def there(of, image=image):
            return map_coordinates(of, image, order=1, mode="grid-constant")[0]

        weight = there(usable.astype(float))
        if weight < 0.5 - 1e-9:
            continue
        mirrored = [there(filled[..., t]) / weight for t in range(volumes.shape[3])]
        found[tuple(at)] = np.corrcoef(volumes[tuple(at)], mirrored)[0, 1]
    return found, own


@pytest.fixture
def volumes() -> np.ndarray:
    """Noise on a level, a third of it shared by all; one constant voxel, one that holds a NaN."""
    rng = np.random.default_rng(5)
    made = 900 + 3 * rng.normal(size=(*SHAPE, 25)) + rng.normal(size=25)
    made = made.astype(np.float32)
    made[1, 2, 2] = 904.2
    made[5, 3, 3, 7] = np.nan
    return made


@pytest.fixture
def mask() -> np.ndarray:
    """Most of the volume, up to its border, with holes that no mirror maps onto each other."""
    made = np.random.default_rng(6).random(SHAPE) < 0.85
    made[1, 2, 2] = made[5, 3, 3] = True
    return made


# Where the mirror image is


@pytest.mark.parametrize("name", GRIDS)
def test_the_mirror_reflects_the_world(name):
    affine = GRIDS[name]
    matrix = mirror_matrix(affine)
    at = np.random.default_rng(0).uniform(0, 7, (4, 20))
    at[3] = 1
    expected = affine @ at
    expected[0] *= -1
    np.testing.assert_allclose(affine @ matrix @ at, expected, atol=1e-9)
    np.testing.assert_allclose(matrix @ matrix, np.eye(4), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "symmetric"),
    [("odd", True), ("even", True), ("las", True), ("shifted by voxels", True),
     ("between voxels", False), ("shifted a little", False), ("las, shifted", False),
     ("oblique", False), ("pitched", True), ("far turned", False)],
)  # fmt: skip
def test_centres_meet_centres_on_some_grids_only(mask, name, symmetric):
    assert is_symmetric(SHAPE, GRIDS[name]) is symmetric
    assert (partners(mask, GRIDS[name]) is not None) is symmetric


def test_axes_that_the_mirror_swaps_meet_centres_too():
    affine = turned(grid(first=-9), (0, 0, np.pi / 4), (6, 6, 5))
    assert is_symmetric((6, 6, 5), affine)
    image = partners(np.ones((6, 6, 5), bool), affine).reshape(6, 6, 5)
    assert image[1, 2, 3] == np.ravel_multi_index((2, 1, 3), (6, 6, 5))


def test_the_grid_of_fmripreps_default_space_at_2_mm_lies_between_its_mirror_image():
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -96.5, -132.5, -78.5
    assert not is_symmetric((97, 115, 97), affine)
    shape, new = symmetric_grid((97, 115, 97), affine)
    assert shape == (97, 115, 97)
    np.testing.assert_array_equal(new[:3, 3], [-96, -132.5, -78.5])
    assert is_symmetric(shape, new)


def test_affines_of_single_precision_still_meet_centres():
    affine = np.diag([3.3, 3.3, 3.3, 1.0])
    affine[:3, 3] = -3.3 * 30, -100, -70
    assert is_symmetric((61, 73, 61), affine.astype(np.float32).astype(float))


@pytest.mark.parametrize("name", GRIDS)
def test_voxels_know_whether_their_mirror_image_is_in_the_mask(mask, name):
    affine = GRIDS[name]
    matrix = mirror_matrix(affine)
    expected = []
    for at in np.argwhere(mask):
        image = np.round(matrix @ [*at, 1])[:3].astype(int)
        inside = ((image >= 0) & (image < SHAPE)).all()
        expected.append(bool(inside and mask[tuple(image)]))
    np.testing.assert_array_equal(mirrored_in(mask, affine), expected)


# The correlation


@pytest.mark.parametrize("order", ["C", "F", "strided"])
@pytest.mark.parametrize("name", GRIDS)
def test_vmhc_is_the_correlation_with_the_signal_at_the_mirror_image(volumes, mask, name, order):
    expected, own = by_hand(volumes, mask, GRIDS[name])
    laid = {"C": np.ascontiguousarray, "F": np.asfortranarray,
            "strided": lambda v: np.repeat(v, 2, axis=3)[..., ::2]}[order](volumes)  # fmt: skip
    kept = vmhc(laid, mask, GRIDS[name], fisher_z=False, midline="keep")
    np.testing.assert_allclose(kept, expected, atol=1e-6)
    assert np.isfinite(expected).mean() > 0.1
    expected[own] = np.nan
    found = vmhc(laid, mask, GRIDS[name], fisher_z=False)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(vmhc(laid, mask, GRIDS[name]), np.arctanh(expected), atol=2e-6)


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("name", ["odd", "shifted a little", "oblique"])
def test_the_order_and_direction_of_the_axes_change_nothing(volumes, mask, name, axes):
    affine = GRIDS[name]
    found = vmhc(volumes, mask, affine)
    other = np.eye(4)
    other[:3, :3], other[:3, 3] = affine[:3, list(axes)], affine[:3, 3]
    turned_round = vmhc(volumes.transpose(*axes, 3), mask.transpose(axes), other)
    np.testing.assert_allclose(turned_round, found.transpose(axes), atol=1e-6)
    backwards = affine @ np.diag([-1, 1, 1, 1])
    backwards[:3, 3] = (affine @ [SHAPE[0] - 1, 0, 0, 1])[:3]
    flipped = vmhc(volumes[::-1], mask[::-1], backwards)
    np.testing.assert_allclose(flipped[::-1], found, atol=1e-6)


def test_on_a_symmetric_grid_the_map_is_symmetric_to_the_bit(volumes, mask):
    for affine in (GRIDS["odd"], GRIDS["las"]):
        found = vmhc(volumes, mask, affine)
        np.testing.assert_array_equal(found[::-1], found)
    even = vmhc(volumes[:6], mask[:6], grid(first=-7.5))
    np.testing.assert_array_equal(even[::-1], even)


def test_dpabis_numbers_on_a_symmetric_grid(volumes):
    """Its formula in its steps: the union of both masks, z-scores, a flip, 0 at the midline."""
    rng = np.random.default_rng(8)
    volumes = rng.normal(size=volumes.shape)
    mask = rng.random(SHAPE) < 0.7
    union = mask | mask[::-1]
    centred = volumes - volumes.mean(axis=3, keepdims=True)
    z = centred / volumes.std(axis=3, ddof=1, keepdims=True)
    r = (z * z[::-1]).sum(axis=3) / (volumes.shape[3] - 1)
    r[SHAPE[0] // 2] = 0
    expected = np.where(union, np.arctanh(np.where(r >= 1, 1 - 1e-16, r)), np.nan)
    found = vmhc(volumes, union, ODD, midline="zero")
    np.testing.assert_allclose(found, expected, atol=1e-12)
    within = vmhc(volumes, mask, ODD, midline="zero")
    both = mask & mask[::-1]
    np.testing.assert_allclose(within[both], expected[both], atol=1e-12)
    assert np.isnan(within[~both]).all()


@pytest.mark.parametrize("name", GRIDS)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_the_mirror_image_of_a_brain_has_the_mirror_image_of_its_map(name, seed):
    rng = np.random.default_rng(seed)
    volumes = rng.normal(size=(*SHAPE, 9))
    mask = rng.random(SHAPE) < 0.8
    affine = GRIDS[name]
    # The same voxels, lying where their mirror images lay.
    mirrored = np.diag([-1.0, 1, 1, 1]) @ affine
    np.testing.assert_allclose(vmhc(volumes, mask, mirrored), vmhc(volumes, mask, affine))
    if name in ("odd", "even", "las") and SHAPE[0] % 2 == (name != "even"):
        flipped = vmhc(volumes[::-1], mask[::-1], affine)
        np.testing.assert_allclose(flipped[::-1], vmhc(volumes, mask, affine), atol=1e-12)


@given(st.floats(1e-3, 1e3), st.floats(-1e4, 1e4), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_scale_and_level_of_a_signal_do_not_matter(scale, level, seed):
    volumes = np.random.default_rng(seed).normal(size=(*SHAPE, 12))
    mask = np.ones(SHAPE, bool)
    for name in ("odd", "shifted a little"):
        found = vmhc(volumes, mask, GRIDS[name], fisher_z=False)
        again = vmhc(scale * volumes + level, mask, GRIDS[name], fisher_z=False)
        np.testing.assert_allclose(again, found, atol=1e-7)
        np.testing.assert_allclose(vmhc(-volumes, mask, GRIDS[name], fisher_z=False), found)


@pytest.mark.parametrize("name", GRIDS)
def test_the_brain_of_a_rat_is_a_small_one(volumes, mask, name):
    small = np.diag([0.07, 0.07, 0.07, 1]) @ GRIDS[name]
    np.testing.assert_allclose(
        vmhc(volumes, mask, small), vmhc(volumes, mask, GRIDS[name]), atol=1e-6
    )
    shape, affine = symmetric_grid(SHAPE, small)
    large_shape, large = symmetric_grid(SHAPE, GRIDS[name])
    assert shape == large_shape
    np.testing.assert_allclose(affine[:3], 0.07 * large[:3], atol=1e-9)


def test_a_symmetric_brain_agrees_with_itself_and_noise_with_nothing():
    rng = np.random.default_rng(3)
    volumes = rng.normal(size=(7, 8, 9, 400))
    mask = np.ones(volumes.shape[:3], bool)
    noise = vmhc(volumes, mask, ODD, fisher_z=False)
    assert abs(np.nanmean(noise)) < 0.01
    assert np.nanstd(noise) == pytest.approx(1 / np.sqrt(400), rel=0.1)
    volumes[4:] = volumes[2::-1]
    alike = vmhc(volumes, mask, ODD, fisher_z=False)
    assert np.isnan(alike[3]).all()
    np.testing.assert_allclose(np.delete(alike, 3, axis=0), 1, atol=1e-12)
    perfect = np.delete(vmhc(volumes, mask, ODD), 3, axis=0)
    assert (perfect > 15).all()
    assert (perfect < 18.72).all()
    volumes[4:] *= -2
    opposed = vmhc(volumes, mask, ODD, fisher_z=False, midline="zero")
    np.testing.assert_allclose(np.delete(opposed, 3, axis=0), -1, atol=1e-12)
    assert (opposed[3] == 0).all()


def test_an_interpolated_mirror_of_a_smooth_symmetric_field_agrees_nearly():
    rng = np.random.default_rng(4)
    waves = rng.normal(size=(2, 60))
    for name in ("between voxels", "shifted a little", "oblique"):
        affine = GRIDS[name]
        x = np.moveaxis(np.indices(SHAPE), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
        field = np.cos(0.1 * x[..., :1]) * waves[0] + np.sin(0.1 * x[..., 1:2]) * waves[1]
        found = vmhc(field, np.ones(SHAPE, bool), affine, fisher_z=False)
        assert np.nanmin(found) > 0.99
        assert np.isfinite(found).sum() > 60


def test_the_midline_is_what_is_part_of_its_own_mirror_image():
    volumes = np.random.default_rng(0).normal(size=(*SHAPE, 10))
    mask = np.ones(SHAPE, bool)
    for first, gone in ((-9, [3]), (-10.5, []), (-8.4, [3]), (-9.75, [3]), (-7.6, [3])):
        affine = grid(first=first)
        x = affine[0, 0] * np.arange(7) + first
        assert np.flatnonzero(np.abs(x) < 1.5 - 1e-9).tolist() == gone
        kept = vmhc(volumes, mask, affine, midline="keep")
        changed = [i for i in range(7) if np.isnan(vmhc(volumes, mask, affine)[i]).all()
                   and np.isfinite(kept[i]).all()]  # fmt: skip
        assert changed == gone
        zero = vmhc(volumes, mask, affine, midline="zero")
        assert [i for i in range(7) if (zero[i] == 0).all()] == gone
    # A plane one voxel aside is mirrored into the next, however near that is.
    assert np.isfinite(vmhc(volumes, mask, grid(first=-10.5))[[3, 4]]).all()


# The edge of the brain


def test_voxels_without_data_or_mirror_image_have_no_value(volumes, mask):
    found = vmhc(volumes, mask, ODD)
    assert np.isnan(found[~mask]).all()
    assert np.isnan(found[~mask[::-1]]).all()
    for at in ((1, 2, 2), (5, 2, 2), (5, 3, 3), (1, 3, 3)):
        assert np.isnan(found[at])
    good = mask & mask[::-1]
    for at in ((1, 2, 2), (5, 2, 2), (5, 3, 3), (1, 3, 3)):
        good[at] = False
    good[3] = False
    np.testing.assert_array_equal(np.isfinite(found), good)
    changed = volumes.copy()
    changed[~mask] = np.nan
    changed[1, 2, 2] = -17
    for name in ("odd", "between voxels", "oblique"):
        before = vmhc(volumes, mask, GRIDS[name])
        np.testing.assert_array_equal(vmhc(changed, mask, GRIDS[name]), before)


@pytest.mark.parametrize("name", ["odd", "between voxels", "oblique"])
def test_masks_of_one_voxel_or_none_give_a_map_of_nothing(volumes, name):
    for voxels in ((), ((0, 1, 1),), ((3, 3, 2),)):
        mask = np.zeros(SHAPE, bool)
        for at in voxels:
            mask[at] = True
        assert np.isnan(vmhc(volumes, mask, GRIDS[name])).all()


@pytest.mark.parametrize("name", ["odd", "between voxels", "oblique"])
def test_every_number_type_gives_the_same(mask, name):
    volumes = np.random.default_rng(3).integers(-2000, 2000, (*SHAPE, 30)).astype(np.int16)
    found = vmhc(volumes, mask, GRIDS[name])
    for dtype in (np.float32, np.float64, np.int32, np.int64, np.uint16):
        of_type = (volumes + (2000 if dtype is np.uint16 else 0)).astype(dtype)
        again = vmhc(of_type, mask, GRIDS[name])
        np.testing.assert_allclose(again, found, atol=1e-14 if name == "odd" else 1e-6)
    extremes = np.array([-32768, 32767, 0, 32767, -32768], np.int16)
    both = np.broadcast_to(extremes, (*SHAPE, 5))
    r = vmhc(both, np.ones(SHAPE, bool), GRIDS[name], fisher_z=False, midline="keep")
    np.testing.assert_allclose(r[np.isfinite(r)], 1, atol=1e-6)


@pytest.mark.parametrize("name", ["odd", "between voxels", "oblique"])
def test_the_bits_do_not_depend_on_threads_and_volumes_are_never_changed(name):
    rng = np.random.default_rng(9)
    shape = (21, 20, 19)
    volumes = rng.normal(size=(*shape, 60)).astype(np.float32)
    mask = rng.random(shape) < 0.9
    affine = turned(ODD, (0.1, 0.2, 0.1), shape) if name == "oblique" else GRIDS[name].copy()
    if name != "oblique":
        affine[0, 3] -= 21
    volumes.setflags(write=False)
    before, mask_before, affine_before = volumes.copy(), mask.copy(), affine.copy()
    found = vmhc(volumes, mask, affine, n_threads=1)
    assert np.isfinite(found).sum() > 2000
    for n_threads in (2, 5, None):
        np.testing.assert_array_equal(vmhc(volumes, mask, affine, n_threads=n_threads), found)
    signals = np.ascontiguousarray(volumes[mask].T)
    of_signals = homotopic_correlation(signals, mask, affine)
    np.testing.assert_allclose(of_signals, found[mask], atol=1e-6)
    np.testing.assert_array_equal(volumes, before)
    np.testing.assert_array_equal(mask, mask_before)
    np.testing.assert_array_equal(affine, affine_before)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"midline": "drop"}, "midline is 'nan', 'zero' or 'keep', got 'drop'"),
        ({"mask": np.ones(SHAPE)}, r"boolean mask of shape \(7, 6, 5\), got float64"),
        ({"mask": np.ones((6, 7, 5), bool)}, r"boolean mask of shape \(7, 6, 5\)"),
        ({"volumes": np.zeros(SHAPE)}, r"shape \(x, y, z, n_volumes\)"),
        ({"volumes": np.zeros((*SHAPE, 2))}, "at least 3 volumes, got float64 of 2"),
        ({"volumes": np.zeros((*SHAPE, 5), complex)}, "real numbers"),
        ({"n_threads": 0}, "at least 1"),
        ({"affine": np.eye(3)}, r"finite affine of shape \(4, 4\), got \(3, 3\)"),
        ({"affine": np.full((4, 4), np.nan)}, "finite affine"),
        ({"affine": np.diag([3.0, 3, 0, 1])}, "flattens the grid"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_sentence(volumes, mask, changed, message):
    with pytest.raises(ValueError, match=message) as caught:
        vmhc(**{"volumes": volumes, "mask": mask, "affine": ODD, **changed})
    assert "\n" not in str(caught.value)


def test_signals_belong_to_the_voxels_of_the_mask(volumes, mask):
    with pytest.raises(ValueError, match="one per voxel of the mask"):
        homotopic_correlation(volumes[mask].T[:, 1:], mask, ODD)


# Symmetric grids


@given(
    st.tuples(*[st.integers(2, 9)] * 3),
    st.tuples(*[st.floats(-0.4, 0.4)] * 3),
    st.floats(-0.4, 0.4),
    st.tuples(*[st.sampled_from([-3.0, -2.0, 2.5, 3.0])] * 3),
    st.permutations(range(3)),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_a_symmetric_grid_is_symmetric_and_holds_the_old_one(
    shape, angles, shift, sizes, axes, straight
):
    base = np.eye(4)
    base[:3, :3] = np.diag(sizes)[:, axes]
    affine = turned(base, (0, 0, 0) if straight else angles, shape)
    lengths = (np.array(shape) - 1) @ np.abs(affine[0, :3])
    affine[0, 3] += shift * lengths
    new_shape, new = symmetric_grid(shape, affine)
    assert is_symmetric(new_shape, new)
    corners = np.array(np.meshgrid(*[[0, n - 1] for n in shape], [1], indexing="ij"))
    at = np.linalg.solve(new, affine @ corners.reshape(4, -1))[:3]
    assert (at > -0.51).all()
    assert (at.T - new_shape < -0.49).all()
    np.testing.assert_allclose(
        sorted(np.linalg.norm(new[:3, :3], axis=0)), sorted(np.abs(sizes)), rtol=1e-6
    )
    again_shape, again = symmetric_grid(new_shape, new)
    assert again_shape == new_shape
    np.testing.assert_array_equal(again, new)
    if straight:  # only moved along x, and by a quarter of a voxel at most
        axis = int(np.argmax(np.abs(affine[0, :3])))
        moved = (np.linalg.solve(new, affine) - np.eye(4))[:, 3]
        assert abs(moved[axis] - round(moved[axis])) <= 0.25 + 1e-6
        assert np.abs(np.delete(moved, axis)).max() < 1e-9
        np.testing.assert_allclose(new[:3, :3], affine[:3, :3], atol=1e-9)


def test_a_grid_on_one_side_has_no_symmetric_one():
    with pytest.raises(ValueError, match=r"from x = 3\.5 to 21\.5 mm, expected both sides of 0"):
        symmetric_grid(SHAPE, grid(first=3.5))


@pytest.mark.parametrize("name", ["between voxels", "las, shifted", "oblique"])
def test_resampling_is_scipys_linear_interpolation_within_the_mask(volumes, name):
    volumes = np.where(np.isfinite(volumes), volumes, 3).astype(np.float32)
    mask = np.random.default_rng(1).random(SHAPE) < 0.8
    mask[1, 2, 2] = True  # never changes
    affine = GRIDS[name]
    shape, new = symmetric_grid(SHAPE, affine)
    signals, there = resample(volumes[mask].T, mask, affine, shape, new)
    points = np.indices(shape).reshape(3, -1)
    points = (np.linalg.inv(affine) @ new @ np.vstack([points, np.ones(points.shape[1])]))[:3]
    points = np.round(points, 9)

    def at_points(of):
        return map_coordinates(of, points, order=1, mode="grid-constant")

    np.testing.assert_array_equal(there.ravel(), at_points(mask.astype(float)) > 0.5 - 1e-6)
    holds = mask & (np.ptp(volumes, axis=3) > 0)
    weight = at_points(holds.astype(float))
    known = weight > 0.5 - 1e-6
    assert signals.dtype == np.float32
    for t in (0, 24):
        expected = at_points(np.where(holds, volumes[..., t].astype(float), 0))
        expected = np.where(known, expected / np.where(known, weight, 1), 0)[there.ravel()]
        np.testing.assert_allclose(signals[t], expected, rtol=1e-5)
    rows = np.diff(linear_weights(points.T, mask, holds[mask]).indptr) > 0
    np.testing.assert_array_equal(rows, known)
    assert known.sum() < there.sum()
    for n_threads in (1, 3):
        again, _ = resample(volumes[mask].T, mask, affine, shape, new, n_threads=n_threads)
        np.testing.assert_array_equal(again, signals)


# Scans


def image(volumes: np.ndarray, affine: np.ndarray) -> nib.Nifti1Image:
    made = nib.Nifti1Image(volumes, affine)
    made.header.set_xyzt_units("mm", "sec")
    made.header.set_zooms((*made.header.get_zooms()[:3], T_R))
    return made


@pytest.fixture(scope="module")
def scan() -> np.ndarray:
    """Slow signals: halves that share a little, on a level."""
    rng = np.random.Generator(np.random.PCG64(2))
    shape = (8, 9, 7)
    half = rng.normal(size=(4, 9, 7, 160))
    both = np.concatenate([half, half[::-1]])
    return (500 + 2 * both + 4 * rng.normal(size=(*shape, 160))).astype(np.float32)


def measured(extractor: Symmetry, volumes: np.ndarray, affine: np.ndarray, mask: np.ndarray):
    """Measure an image as a notebook does: the result, and what it was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = extractor.on_image(
            image(volumes, affine), mask_img=nib.Nifti1Image(mask.astype(np.uint8), affine)
        )
    return found, [str(w.message) for w in caught if w.category is UserWarning]


def test_an_extractor_measures_filtered_signals_in_fisher_z(scan):
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -14, -20, -12
    mask = np.ones(scan.shape[:3], bool)
    mask[0, 0] = False
    found, warned = measured(Symmetry(denoise=None, band=None), scan, affine, mask)
    of_map = found.maps["vmhc"].get_fdata()
    np.testing.assert_allclose(of_map, vmhc(scan, mask, affine), atol=1e-5)
    assert np.nanmean(of_map) == pytest.approx(np.arctanh(0.2), abs=0.02)
    assert any("space of the scans is unknown" in w for w in warned)
    assert not any("interpolated" in w for w in warned)
    slow, _ = measured(Symmetry(denoise=None), scan, affine, mask)
    assert np.nanstd(slow.maps["vmhc"].get_fdata()) > 1.5 * np.nanstd(of_map)
    r, _ = measured(Symmetry(denoise=None, band=None, fisher_z=False), scan, affine, mask)
    np.testing.assert_allclose(r.maps["vmhc"].get_fdata(), np.tanh(of_map), atol=1e-6)


def test_a_scan_between_its_mirror_image_is_brought_to_a_symmetric_grid_or_noted(scan):
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -14.6, -20, -12
    mask = np.ones(scan.shape[:3], bool)
    mask[2, 3, 3] = False
    volumes = scan.copy()
    volumes[5, 5, 5] = 321  # holds no data
    found, warned = measured(Symmetry(denoise=None, band=None), volumes, affine, mask)
    of_map = found.maps["vmhc"]
    np.testing.assert_allclose(of_map.affine[:3, 3], [-14, -20, -12])
    values = of_map.get_fdata()
    np.testing.assert_array_equal(values, values[::-1])
    assert any("interpolated onto one that is" in w for w in warned)
    mask[5, 5, 5] = False
    centred = volumes - volumes.mean(axis=3, keepdims=True)
    signals, there = resample(centred[mask].T, mask, affine, (8, 9, 7), of_map.affine)
    expected = np.full(there.shape, np.nan)
    expected[there] = homotopic_correlation(signals, there, of_map.affine)
    np.testing.assert_allclose(values, expected, atol=1e-5)

    plain = Symmetry(denoise=None, band=None, symmetric=False)
    found, warned = measured(plain, scan, affine, mask)
    np.testing.assert_array_equal(found.maps["vmhc"].affine, affine)
    np.testing.assert_allclose(found.maps["vmhc"].get_fdata(), vmhc(scan, mask, affine), atol=1e-5)
    assert any("smoother than those they are correlated with" in w for w in warned)


def test_scrubbed_volumes_leave_the_map_to_the_kept_ones(scan):
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    mask = np.ones(scan.shape[:3], bool)
    kept = np.setdiff1d(np.arange(160), [0, 7, 90])
    values = scan[mask].T.copy()
    values[[0, 7, 90]] = np.nan
    for first in (-14, -14.6):
        affine[0, 3] = first
        scrubbed = Signals(values, T_R, kept, mask, affine)
        short = Signals(values[kept], T_R, None, mask, affine)
        found = []
        for signals in (scrubbed, short):
            recording = SimpleNamespace(voxels=lambda *_, s=signals, **__: s)
            moved = Symmetry().signals_of(recording, None)
            assert len(moved.values) == len(signals.values)
            found.append(Symmetry().measure(moved)[""])
        np.testing.assert_array_equal(*found)
        assert np.isfinite(found[0]).all()


def test_scans_whose_halves_do_not_meet_are_rejected_or_noted(scan):
    mask = np.ones(scan.shape[:3], bool)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    for first in (10.0, 11.3):  # beside the plane, on a symmetric grid and on none
        affine[0, 3] = first
        with pytest.raises(ScanRejected, match=r"E_MEASURE.*vmhc: .*x = ?"):
            measured(Symmetry(denoise=None, band=None), scan, affine, mask)
    affine[0, 3] = -10
    _, warned = measured(Symmetry(denoise=None, band=None), scan, affine, mask)
    assert any("25% of the voxels have no value" in w for w in warned)


def test_the_plane_of_a_scan_in_a_space_of_its_own_can_be_told(scan):
    mask = np.ones(scan.shape[:3], bool)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -14, -20, -12
    expected, warned = measured(Symmetry(denoise=None, band=None), scan, affine, mask)
    assert not any("the middle of the brain mask" in w for w in warned)
    for off in (7.0, 100.0):
        aside = affine.copy()
        aside[0, 3] += off
        told = Symmetry(denoise=None, band=None, plane=off)
        found, warned = measured(told, scan, aside, mask)
        assert not any("the middle of the brain mask" in w for w in warned)
        np.testing.assert_array_equal(
            found.maps["vmhc"].get_fdata(), expected.maps["vmhc"].get_fdata()
        )
        np.testing.assert_array_equal(found.maps["vmhc"].affine, aside)
    between = affine.copy()
    between[0, 3] += 8
    found, warned = measured(Symmetry(denoise=None, band=None, plane=7.6), scan, between, mask)
    assert not any("the middle of the brain mask" in w for w in warned)
    np.testing.assert_allclose(found.maps["vmhc"].affine[0, 3], -14 + 7.6)
    _, warned = measured(Symmetry(denoise=None, band=None), scan, between, mask)
    assert any("middle of the brain mask lies at x = 8.0 mm" in w for w in warned)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ("MNI152NLin2009cSym", ""),
        ("MNI152NLin6Sym", ""),
        ("MNI152NLin2009cAsym", "asymmetric template"),
        ("MNI152NLin6Asym", "asymmetric template"),
        ("MNI152NLin2009cAsym_res-2", "asymmetric template"),
        ("scanner", "need not be the middle of the brain"),
        ("T1w", "no brain is symmetric"),
        ("WHS", "nothing says whether WHS is a symmetric template"),
        ("unknown", "space of the scans is unknown"),
        (None, "space of the scans is unknown"),
    ],
)
def test_a_report_says_what_mirroring_means_in_the_space_of_a_scan(scan, space, words):
    note = symmetry_note(space)
    assert words in note
    assert bool(note) is bool(words)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -14, -20, -12
    recording = Recording.from_image(
        image(scan[..., :60], affine),
        mask_img=nib.Nifti1Image(np.ones(scan.shape[:3], np.uint8), affine),
    )
    recording.scan = replace(recording.scan, space=space)
    notes = Symmetry(denoise=None, band=None).extract(recording).notes
    assert (note in notes) or not note


def test_the_command_writes_maps_on_the_symmetric_grid_0_outside_the_mask(scan, tmp_path):
    from lumbago import cli

    affine = np.diag([-18.0, 18.0, 18.0, 1.0])
    affine[:3, 3] = 60, -70, -50
    mask = np.ones(scan.shape[:3], bool)
    mask[:, 0] = False
    volumes = scan.copy()
    volumes[4, 4, 4] = 11  # holds no data
    source = tmp_path / "sub-01_task-rest_space-MNI152NLin6Asym_bold.nii.gz"
    for file, data in ((source, volumes), (tmp_path / "mask.nii.gz", mask.astype(np.uint8))):
        made = image(data, affine) if data.ndim == 4 else nib.Nifti1Image(data, affine)
        made.set_sform(affine, 4)
        nib.save(made, file)
    call = ["extract", source, "-k", "vmhc", "--mask", tmp_path / "mask.nii.gz", "-o", tmp_path]
    call += ["-s", "denoise=null", "-s", "midline=nan", "-s", "plane=0"]
    assert cli._exit_code([str(a) for a in call]) == 0
    stem = "sub-01_task-rest_space-MNI152NLin6Asym_stat-vmhc_desc-fisherz_boldmap"
    found = nib.load(tmp_path / f"sub-01/func/{stem}.nii.gz")
    np.testing.assert_allclose(found.affine[:3, 3], [63, -70, -50])
    values = found.get_fdata()
    assert (values[:, 0] == 0).all()
    np.testing.assert_array_equal(values, values[::-1])
    assert (values[:, 1:] != 0).all()
    assert np.argwhere(np.isnan(values)).tolist() == [[3, 4, 4], [4, 4, 4]]
    told = json.loads((tmp_path / f"sub-01/func/{stem}.json").read_text())
    assert told["SpatialReference"] == "MNI152NLin6Asym"
    assert any("asymmetric template" in note for note in told["Notes"])
    assert any("maps lie on it" in note for note in told["Notes"])


def test_correlations_are_not_divided_by_their_mean():
    with pytest.raises(ValueError, match="may average 0"):
        Symmetry(normalize="mean")
    assert Symmetry().average == "mean"
    assert Symmetry(fisher_z=False).average == "fisher_z"
    assert Symmetry(fisher_z=False, normalize="zscore").average == "mean"


# Real data


def test_vmhc_of_a_real_run_is_numpys_correlation_at_200_voxels(shared_data):
    path = shared_data / "bold" / "whole_brain" / "filtered_func_data.nii.gz"
    volumes = np.asarray(nib.load(path).dataobj)
    mean = volumes.mean(axis=3)
    mask = (mean > 0.3 * mean.max()) & (np.ptp(volumes, axis=3) > 0)
    affine = np.diag([-4.0, 4.0, 6.0, 1.0])  # the header says 1 mm and centres the grid
    affine[:3, 3] = 126, -126, -60
    found = vmhc(volumes, mask, affine, fisher_z=False)
    rng = np.random.default_rng(0)
    for x, y, z in rng.choice(np.argwhere(mask & mask[::-1]), 200, replace=False):
        expected = np.corrcoef(volumes[x, y, z], volumes[63 - x, y, z])[0, 1]
        assert found[x, y, z] == pytest.approx(expected, abs=1e-9)
    assert np.nanmean(found) > 0.1
    elsewhere = vmhc(volumes, mask, affine @ np.diag([1, 1, 1, 1.0]) + np.eye(4, k=3) * 8)
    assert np.nanmean(np.tanh(elsewhere)) < np.nanmean(found)

    affine[0, 3] += 1.4
    found = vmhc(volumes, mask, affine, fisher_z=False)
    inside = np.argwhere(np.isfinite(found))
    usable = mask.astype(float)
    for x, y, z in rng.choice(inside, 200, replace=False):
        at = np.array([[63.7 - x], [y], [z]])
        weight = map_coordinates(usable, at, order=1)[0]
        low, high = int(np.floor(at[0, 0])), int(np.floor(at[0, 0])) + 1
        pair = [volumes[i, y, z] * float(mask[i, y, z]) for i in (low, high)]
        share = at[0, 0] - low
        mirrored = ((1 - share) * pair[0] + share * pair[1]) / weight
        expected = np.corrcoef(volumes[x, y, z], mirrored)[0, 1]
        assert found[x, y, z] == pytest.approx(expected, abs=1e-5)

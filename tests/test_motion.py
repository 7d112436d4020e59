"""Framewise displacement and DVARS: closed forms, FSL's numbers, fMRIPrep's tables."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from lumbago.measures.motion import dvars, framewise_displacement

SIX = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
STEPS = arrays(np.float64, (12, 6), elements=st.floats(-2, 2, width=32))


def test_power_is_what_fsl_computes(shared_data: Path) -> None:
    folder = shared_data / "reference" / "motion"
    parameters = np.loadtxt(folder / "fsl_mcflirt_movpar.txt")
    expected = np.loadtxt(folder / "fsl_motion_outliers_fd.txt")
    found = framewise_displacement(parameters, order="fsl")
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], expected, atol=5.0001e-7)


def test_power_is_what_fmriprep_writes(shared_data: Path) -> None:
    folder = shared_data / "confounds_fmriprep"
    table = pd.read_csv(folder / "test-v21_desc-confounds_timeseries.tsv", sep="\t")
    found = framewise_displacement(table[SIX].to_numpy())
    np.testing.assert_allclose(found, table["framewise_displacement"], atol=1e-12)


def test_jenkinson_is_mcflirts_relative_rms_of_a_ball_elsewhere(shared_data: Path) -> None:
    """The three coordinates of the ball's middle are all that the table does not tell."""
    folder = shared_data / "confounds_fmriprep"
    table = pd.read_csv(folder / "test-v21_desc-confounds_timeseries.tsv", sep="\t")
    parameters, rmsd = table[SIX].to_numpy(), table["rmsd"].to_numpy()

    def difference(centre: np.ndarray) -> np.ndarray:
        found = framewise_displacement(parameters, convention="jenkinson", centre=tuple(centre))
        return (found - rmsd)[1:]

    fitted = least_squares(difference, np.zeros(3))
    assert len(rmsd) == 30
    assert np.abs(fitted.fun).max() < 2.5e-5 < 0.1 < np.abs(difference(np.zeros(3))).max()
    assert np.linalg.norm(fitted.x) < 30


@given(STEPS)
def test_a_translation_is_summed_by_power_and_measured_by_jenkinson(moves: np.ndarray) -> None:
    moves[:, 3:] = 0
    steps = np.diff(moves[:, :3], axis=0)
    power = framewise_displacement(moves)
    jenkinson = framewise_displacement(moves, convention="jenkinson", centre=(3, -40, 7))
    np.testing.assert_allclose(power[1:], np.abs(steps).sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(jenkinson[1:], np.linalg.norm(steps, axis=1), atol=1e-9)


@given(st.floats(-3, 3), st.integers(0, 2), st.floats(1, 100))
def test_a_turn_is_an_arc_by_power_and_a_ball_by_jenkinson(
    angle: float, axis: int, radius: float
) -> None:
    moves = np.zeros((2, 6))
    moves[1, 3 + axis] = angle
    power = framewise_displacement(moves, radius=radius)
    jenkinson = framewise_displacement(moves, convention="jenkinson", radius=radius)
    assert power[1] == pytest.approx(radius * abs(angle))
    # Points at distance r from the axis move by 2 r sin(angle / 2); over a ball the mean of
    # their squared distance from an axis is 2 R^2 / 5.
    expected = 2 * abs(np.sin(angle / 2)) * radius * np.sqrt(2 / 5)
    assert jenkinson[1] == pytest.approx(expected, abs=1e-9)


def test_jenkinson_is_the_displacement_of_many_points_of_a_ball() -> None:
    rng = np.random.default_rng(0)
    moves = rng.normal(0, [1, 1, 1, 0.1, 0.1, 0.1], (4, 6))
    centre = np.array([5.0, -10.0, 20.0])
    points = rng.normal(size=(400_000, 3))
    points *= 80 * rng.random((len(points), 1)) ** (1 / 3) / np.linalg.norm(points, axis=1)[:, None]
    points += centre
    found = framewise_displacement(moves, convention="jenkinson", centre=tuple(centre))
    for i in range(3):
        # SPM and FSL turn the other way than scipy, about x, y and z of the moving frame.
        one, other = (Rotation.from_euler("XYZ", -m[3:]) for m in moves[i : i + 2])
        there = one.apply(other.inv().apply(points - moves[i + 1, :3])) + moves[i, :3]
        rms = np.sqrt(((there - points) ** 2).sum(axis=1).mean())
        assert found[i + 1] == pytest.approx(rms, rel=3e-3)


@given(STEPS)
def test_standing_still_is_no_motion_and_time_may_run_backwards(moves: np.ndarray) -> None:
    for convention in ("power", "jenkinson"):
        still = framewise_displacement(np.repeat(moves[:1], 5, axis=0), convention=convention)
        assert np.isnan(still[0])
        np.testing.assert_allclose(still[1:], 0, atol=1e-6)
    forth = framewise_displacement(moves)[1:]
    np.testing.assert_allclose(framewise_displacement(moves[::-1])[1:], forth[::-1], atol=1e-12)


def test_every_order_of_columns_tells_the_same_motion() -> None:
    rng = np.random.default_rng(1)
    spm = rng.normal(0, [1, 1, 1, 0.02, 0.02, 0.02], (20, 6))
    degrees = np.rad2deg(spm[:, 3:])
    tables = {
        "fmriprep": spm,
        "fsl": spm[:, [3, 4, 5, 0, 1, 2]],
        # roll (about z), pitch (x), yaw (y), then S (z), L (x), P (y).
        "afni": np.column_stack([degrees[:, [2, 0, 1]], spm[:, [2, 0, 1]]]),
    }
    before = {name: table.copy() for name, table in tables.items()}
    for convention in ("power", "jenkinson"):
        expected = framewise_displacement(spm, convention=convention, order="spm")
        for name, table in tables.items():
            found = framewise_displacement(table, convention=convention, order=name)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
            np.testing.assert_array_equal(table, before[name])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"parameters": np.zeros((5, 7))}, r"shape \(n_volumes, 6\), got \(5, 7\)"),
        ({"order": "nipy"}, "fmriprep, spm, fsl, afni"),
        ({"convention": "vandijk"}, "power or jenkinson"),
        ({"radius": 0}, "length in mm"),
    ],
)
def test_what_is_no_motion_table_is_refused(wrong: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        framewise_displacement(**{"parameters": np.zeros((5, 6)), **wrong})


def test_dvars_is_what_fsl_computes(shared_data: Path) -> None:
    folder = shared_data / "reference" / "motion"
    volumes = nib.load(folder / "ds003_sub-01_mc.nii.gz").get_fdata()
    mask = nib.load(folder / "ds003_sub-01_mc_brainmask.nii.gz").get_fdata() > 0
    expected = np.loadtxt(folder / "ds003_sub-01_mc.DVARS")
    found = dvars(volumes, mask)
    np.testing.assert_allclose(found.raw[1:], expected[:, 1], atol=5e-6)
    # FSL's quartiles interpolate otherwise and its images are float32 in between.
    np.testing.assert_allclose(found.standardized[1:], expected[:, 0], rtol=4e-3)
    flat = dvars(volumes[mask].T)
    np.testing.assert_array_equal(found.raw, flat.raw)
    np.testing.assert_array_equal(found.standardized, flat.standardized)


def test_dvars_by_hand() -> None:
    signals = np.array([[0.0, 10], [1, 10], [3, 14], [2, 12], [5, 11]])
    raw = np.sqrt((np.diff(signals, axis=0) ** 2).mean(axis=1))
    expected = []
    for x in signals.T:
        ordered = np.sort(x)
        c = x - x.mean()
        lag1 = (c[1:] @ c[:-1]) / (c @ c)
        expected.append((ordered[3] - ordered[1]) / 1.349 * np.sqrt(2 * (1 - lag1)))
    found = dvars(signals)
    np.testing.assert_allclose(found.raw, [np.nan, *raw])
    np.testing.assert_allclose(found.standardized[1:], raw / np.mean(expected))


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 1000), st.floats(-1e4, 1e4))
def test_raw_dvars_scales_with_the_signal_and_standardized_does_not(
    scale: float, level: float
) -> None:
    signals = np.random.default_rng(2).normal(size=(60, 30)).cumsum(axis=0)
    one, other = dvars(signals), dvars(scale * signals + level)
    np.testing.assert_allclose(other.raw, scale * one.raw, rtol=1e-6)
    np.testing.assert_allclose(other.standardized, one.standardized, rtol=1e-6)


def test_noise_of_any_colour_has_a_standardized_dvars_of_one_and_a_jump_stands_out() -> None:
    rng = np.random.default_rng(3)
    for share in (0.0, 0.4, 0.8):
        noise = rng.normal(size=(400, 600))
        for t in range(1, 400):
            noise[t] += share * noise[t - 1]
        found = dvars(noise * rng.uniform(0.9, 1.1, 600)).standardized[1:]
        assert found.mean() == pytest.approx(1, abs=0.04)
    noise[200] += 50
    found = dvars(noise).standardized
    assert set(np.argsort(np.nan_to_num(found))[-2:]) == {200, 201}


def test_signals_without_spread_or_with_holes_take_no_part() -> None:
    good = np.random.default_rng(4).normal(size=(50, 5000)).astype(np.float32)
    bad = np.column_stack([np.full(50, 7.0), np.full(50, np.nan), good[:, 0]])
    bad[3, 2] = np.inf
    both = np.column_stack([bad, good])
    kept = both.copy()
    for one, other in zip(dvars(both), dvars(good), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_array_equal(both, kept)
    assert np.isnan(dvars(bad)).all()
    with pytest.raises(ValueError, match="at least 2 volumes"):
        dvars(good[:1])
    with pytest.raises(ValueError, match="boolean mask"):
        dvars(np.zeros((2, 2, 2, 9)), np.ones((2, 2, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, ">f4"])
def test_dvars_of_any_number_type_is_that_of_its_values(dtype: str) -> None:
    signals = np.random.default_rng(6).normal(500, 30, (41, 300)).astype(np.int16).astype(dtype)
    kept = signals.copy()
    found, expected = dvars(signals), dvars(kept.astype(np.float64))
    np.testing.assert_array_equal(found.raw, expected.raw)
    np.testing.assert_array_equal(found.standardized, expected.standardized)
    np.testing.assert_array_equal(signals, kept)
    quartiles = np.percentile(kept.astype(float), [75, 25], axis=0, method="lower")
    centred = kept - kept.astype(float).mean(axis=0)
    lag1 = (centred[1:] * centred[:-1]).sum(axis=0) / (centred**2).sum(axis=0)
    noise = np.sqrt(2 * (1 - lag1)) * (quartiles[0] - quartiles[1]) / 1.349
    np.testing.assert_allclose(found.standardized[1:], found.raw[1:] / noise.mean(), rtol=1e-12)

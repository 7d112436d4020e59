"""tSNR, PerAF and the standard deviation of intensity: their definitions, and extractors' means."""

from __future__ import annotations

import warnings

import nibabel as nib
import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbago.errors import ScanRejected
from lumbago.extractors.intensity import Intensity
from lumbago.measures.cleaning import clean, cleaning_operator
from lumbago.measures.intensity import intensity_sd, peraf, tsnr

MEASURES = {"tsnr": tsnr, "peraf": peraf, "intensity_sd": intensity_sd}


def noise(n_volumes=90, n_signals=7, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    trend = np.outer(np.linspace(-1, 1, n_volumes), rng.normal(0, 30, n_signals))
    return rng.uniform(300, 2000, n_signals) + trend + rng.normal(0, 9, (n_volumes, n_signals))


def test_each_is_its_written_definition():
    signals = noise()
    mean = signals.mean(axis=0)
    np.testing.assert_allclose(tsnr(signals), mean / signals.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        peraf(signals), 100 * np.abs((signals - mean) / mean).mean(axis=0), rtol=1e-12
    )
    np.testing.assert_allclose(intensity_sd(signals), signals.std(axis=0), rtol=1e-12)


@pytest.mark.parametrize(("detrend", "degree"), [("linear", 1), ("quadratic", 2)])
def test_a_trend_leaves_the_fluctuation_and_never_the_mean(detrend, degree):
    signals = noise()
    time = np.arange(len(signals))
    left = np.stack([s - np.polyval(np.polyfit(time, s, degree), time) for s in signals.T], axis=1)
    if degree == 1:
        np.testing.assert_allclose(left, scipy.signal.detrend(signals, axis=0), atol=1e-9)
    mean = signals.mean(axis=0)
    np.testing.assert_allclose(intensity_sd(signals, detrend=detrend), left.std(axis=0))
    np.testing.assert_allclose(tsnr(signals, detrend=detrend), mean / left.std(axis=0))
    np.testing.assert_allclose(
        peraf(signals, detrend=detrend), 100 * np.abs(left).mean(axis=0) / mean
    )


def test_a_square_wave_and_a_sine_have_the_values_of_their_closed_forms():
    square = 200 + 4 * np.tile([1.0, -1.0], 50)[:, None]
    sine = 200 + 4 * np.sin(2 * np.pi * 5 * (np.arange(1000) + 0.5) / 1000)[:, None]
    assert tsnr(square)[0] == pytest.approx(50)
    assert peraf(square)[0] == pytest.approx(2)
    assert intensity_sd(square)[0] == pytest.approx(4)
    assert tsnr(sine)[0] == pytest.approx(50 * np.sqrt(2))
    assert peraf(sine)[0] == pytest.approx(2 * 2 / np.pi, rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.01, 1000), st.integers(0, 1000))
def test_ratios_ignore_the_unit_and_the_deviation_has_it(scale, seed):
    signals = noise(seed=seed)
    np.testing.assert_allclose(tsnr(scale * signals), tsnr(signals), rtol=1e-9)
    np.testing.assert_allclose(peraf(scale * signals), peraf(signals), rtol=1e-9)
    np.testing.assert_allclose(intensity_sd(scale * signals), scale * intensity_sd(signals))
    np.testing.assert_allclose(intensity_sd(signals + 77), intensity_sd(signals), rtol=1e-9)
    # The mean of sizes is at most the root of the mean square.
    assert (peraf(signals) <= 100 / tsnr(signals) * (1 + 1e-12)).all()


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_volumes_that_are_not_kept_are_never_read(measure):
    signals = noise()
    kept = np.setdiff1d(np.arange(90), [3, 4, 50])
    spoilt = signals.copy()
    spoilt[[3, 4, 50]] = np.nan
    np.testing.assert_array_equal(measure(spoilt, kept=kept), measure(signals[kept]))
    # A trend lies over the times at which volumes were taken, not over their count.
    line = 500 + np.outer(np.arange(90.0), [2.0])
    assert intensity_sd(line, kept=kept, detrend="linear")[0] == 0


def test_signals_without_fluctuation_or_level_have_no_ratio():
    signals = noise(n_signals=5)
    signals[:, 0] = 0.1
    signals[:, 1] -= signals[:, 1].mean()
    signals[:, 2] -= 5000
    signals[5, 3] = np.nan
    assert np.isnan(tsnr(signals)).tolist() == [True, True, True, True, False]
    assert np.isnan(peraf(signals)).tolist() == [False, True, True, True, False]
    assert peraf(signals)[0] == 0
    assert np.isnan(intensity_sd(signals)).tolist() == [False, False, False, True, False]
    assert intensity_sd(signals)[0] == 0
    single = signals.astype(np.float32)
    assert np.isnan(tsnr(single)).tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
@pytest.mark.parametrize(
    ("signals", "changed", "message"),
    [
        (np.ones(5), {}, r"\(n_volumes, n_signals\), got \(5,\)"),
        (np.ones((1, 2)), {}, "1 volumes are too few; at least 2"),
        (np.ones((3, 2)), {"detrend": "quadratic"}, "3 volumes are too few; at least 4"),
        (np.ones((9, 2)), {"detrend": "cubic"}, "None, 'linear' or 'quadratic', got 'cubic'"),
        (np.ones((9, 2)), {"kept": [8, 9]}, "increasing volume indices from 0 to 8"),
    ],
)
def test_settings_that_make_no_sense_are_refused(measure, signals, changed, message):
    with pytest.raises(ValueError, match=message):
        measure(signals, **changed)


# Extractors: what denoising takes from the mean comes back


SHAPE, N_VOLUMES = (5, 6, 4), 130


@pytest.fixture(scope="module")
def volumes() -> np.ndarray:
    return noise(N_VOLUMES, int(np.prod(SHAPE))).T.reshape(*SHAPE, N_VOLUMES).astype(np.float32)


def measured(kind, volumes, **settings) -> np.ndarray:
    confounds = settings.pop("confounds", None)
    image = nib.Nifti1Image(volumes, np.diag([20.0, 20, 20, 1]))
    mask = nib.Nifti1Image(np.ones(SHAPE, np.uint8), image.affine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = Intensity(kind=kind, **settings).on_image(
            image, mask_img=mask, confounds=confounds, t_r=2.0
        )
    return found.maps[kind].get_fdata()


@pytest.mark.parametrize("kind", MEASURES)
def test_images_as_they_are_have_the_plain_measure(volumes, kind):
    signals = volumes.reshape(-1, N_VOLUMES).T
    found = measured(kind, volumes, denoise=None)
    np.testing.assert_allclose(found.ravel(), MEASURES[kind](signals), rtol=1e-6)


@pytest.mark.parametrize("kind", MEASURES)
@pytest.mark.parametrize("band", [None, "slow4"])
def test_the_fluctuation_is_denoised_and_the_level_is_the_raw_mean(volumes, kind, band):
    if kind == "tsnr" and band:
        with pytest.raises(ValueError, match="unfiltered signals; leave band out"):
            Intensity(kind=kind, band=band)
        return
    confounds = np.random.default_rng(3).normal(size=(N_VOLUMES, 2))
    signals = volumes.reshape(-1, N_VOLUMES).T.astype(np.float64)
    edges = (0.027, 0.073) if band else None
    operator = cleaning_operator(N_VOLUMES, confounds=confounds, t_r=2.0, band=edges)
    left, mean = clean(signals, operator), signals.mean(axis=0)
    expected = {
        "tsnr": mean / left.std(axis=0),
        "peraf": 100 * np.abs(left).mean(axis=0) / mean,
        "intensity_sd": left.std(axis=0),
    }[kind]
    found = measured(kind, volumes, confounds=confounds, band=band)
    # A filtered fluctuation has a mean of its own, which is no part of it here.
    np.testing.assert_allclose(found.ravel(), expected, rtol=2e-2 if band else 2e-4)


@pytest.mark.parametrize("kind", ["tsnr", "peraf"])
def test_images_without_their_means_are_refused(volumes, kind):
    demeaned = volumes - volumes.mean(axis=3, keepdims=True, dtype=np.float64).astype(np.float32)
    with pytest.raises(ScanRejected, match="no voxel has a mean above 0") as caught:
        measured(kind, demeaned - 1, denoise=None)
    assert caught.value.code == "E_NO_LEVEL"


PINNED = {"tsnr": (1, 209.691315), "peraf": (1, 0.3854656), "intensity_sd": (1, 9.266268)}


@pytest.mark.parametrize("kind", PINNED)
def test_values_change_only_together_with_the_version_of_their_formula(volumes, kind):
    version, value = PINNED[kind]
    assert Intensity.version == version
    assert measured(kind, volumes)[0, 0, 0] == pytest.approx(value, rel=1e-4)

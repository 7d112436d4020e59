"""The cleaning operator against nilearn's signal.clean, step by step and whole."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from nilearn.signal import clean as nilearn_clean
from scipy.interpolate import CubicSpline

from lumbago.measures.cleaning import clean, cleaning_operator

N = 120
T_R = 2.0
BANDS = {None: {}, (0.01, 0.1): {"high_pass": 0.01, "low_pass": 0.1},
         (None, 0.1): {"low_pass": 0.1}, (0.01, None): {"high_pass": 0.01}}  # fmt: skip

# No two of these volumes mirror each other in time, nor themselves: nilearn 0.14 fills only
# censored volumes whose mirror image is kept (see test_censored_volumes_never_count).
CENSORED = [5, 6, 30, 77, 78, 101]


@pytest.fixture
def signals() -> np.ndarray:
    """Signals on a level, with trends."""
    rng = np.random.default_rng(0)
    trend = np.outer(np.linspace(0, 1, N), rng.normal(0, 10, 9))
    return 500 + trend + rng.normal(0, 3, (N, 9)).cumsum(axis=0)


@pytest.fixture
def confounds() -> np.ndarray:
    """Six confounds of very different units."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(N, 6)).cumsum(axis=0) * np.logspace(-3, 3, 6) + 10


def by_nilearn(signals, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nilearn_clean(signals, standardize=None, t_r=T_R, **settings)


@pytest.mark.parametrize("kept", [None, np.setdiff1d(np.arange(N), CENSORED)], ids=["all", "kept"])
@pytest.mark.parametrize("band", BANDS, ids=str)
@pytest.mark.parametrize("with_confounds", [False, True])
@pytest.mark.parametrize("detrend", [False, True])
def test_one_product_equals_nilearns_clean(signals, confounds, kept, band, with_confounds, detrend):
    chosen = confounds if with_confounds else None
    operator = cleaning_operator(
        N, confounds=chosen, t_r=T_R, band=band, kept=kept, detrend=detrend
    )
    # nilearn changes a mask that it is given.
    mask = None if kept is None else kept.copy()
    expected = by_nilearn(
        signals, detrend=detrend, confounds=chosen, sample_mask=mask, **BANDS[band]
    )
    found = clean(signals, operator)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-8 * np.abs(signals).max())


def test_censored_volumes_never_count(signals, confounds):
    # 11 and 108 mirror each other; so do 59 and 60. nilearn 0.14 would filter their values.
    censored = [11, 108, 59, 60, 20]
    kept = np.setdiff1d(np.arange(N), censored)
    settings = {"confounds": confounds, "t_r": T_R, "band": (0.01, 0.1), "kept": kept}
    operator = cleaning_operator(N, **settings)
    assert not operator[:, censored].any()
    spoilt, spoilt_confounds = signals.copy(), confounds.copy()
    spoilt[censored] = np.nan
    spoilt_confounds[censored] = np.nan
    np.testing.assert_array_equal(
        cleaning_operator(N, **{**settings, "confounds": spoilt_confounds}), operator
    )
    np.testing.assert_array_equal(clean(spoilt, operator), clean(signals, operator))


def test_gaps_are_filled_by_a_spline_before_the_filter(signals, confounds):
    kept = np.setdiff1d(np.arange(N), [11, 108, 59, 60, 20])
    at = np.arange(N)
    filled, filled_confounds = (CubicSpline(kept, v[kept])(at) for v in (signals, confounds))
    expected = by_nilearn(
        filled, confounds=filled_confounds, sample_mask=kept.copy(), high_pass=0.01, low_pass=0.1
    )
    operator = cleaning_operator(N, confounds=confounds, t_r=T_R, band=(0.01, 0.1), kept=kept)
    np.testing.assert_allclose(clean(signals, operator), expected, atol=1e-6)


def test_volumes_before_the_first_and_behind_the_last_kept_one_are_not_made_up(signals):
    kept = np.setdiff1d(np.arange(N), [0, 1, 2, 3, 50, 118, 119])
    inside = slice(4, 118)
    whole = cleaning_operator(N, t_r=T_R, band=(0.01, 0.1), kept=kept)
    part = cleaning_operator(114, t_r=T_R, band=(0.01, 0.1), kept=kept - 4)
    np.testing.assert_array_equal(whole[:, inside], part)
    np.testing.assert_allclose(clean(signals, whole), clean(signals[inside], part))


def test_without_a_filter_kept_volumes_alone_are_detrended_and_regressed(signals, confounds):
    kept = np.array([0, 1, 2, 5, 8, *range(40, 110)])
    found = clean(signals, cleaning_operator(N, confounds=confounds, kept=kept))
    time = np.arange(len(kept))
    centred = confounds[kept] - confounds[kept].mean(axis=0)
    design = np.column_stack([np.ones(len(kept)), time, centred / centred.std(axis=0)])
    expected = signals[kept] - design @ np.linalg.lstsq(design, signals[kept], rcond=None)[0]
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_what_is_left_has_no_trend_and_no_confound(signals, confounds):
    found = clean(signals, cleaning_operator(N, confounds=confounds))
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-8)
    np.testing.assert_allclose(np.arange(N) @ found, 0, atol=1e-6)
    scaled = confounds / np.abs(confounds).max(axis=0)
    np.testing.assert_allclose(scaled.T @ found, 0, atol=1e-6)


def test_cleaning_twice_changes_nothing_more_without_a_filter(signals, confounds):
    operator = cleaning_operator(N, confounds=confounds)
    np.testing.assert_allclose(operator @ operator, operator, atol=1e-10)


def test_the_band_passes_what_it_names():
    time = T_R * np.arange(300)
    waves = np.stack([np.sin(2 * np.pi * f * time) for f in (0.002, 0.05, 0.2)], axis=1)
    power = clean(waves, cleaning_operator(300, t_r=T_R, band=(0.01, 0.1))).std(axis=0)
    assert power[1] == pytest.approx(waves[:, 1].std(), rel=0.02)
    assert (power[[0, 2]] < 0.1).all()


def test_an_end_beyond_what_the_series_holds_is_open(signals):
    operators = [
        cleaning_operator(N, t_r=T_R, band=band) for band in ((0.01, None), (0.01, 0.25), (0.01, 5))
    ]
    np.testing.assert_array_equal(operators[0], operators[1])
    np.testing.assert_array_equal(operators[0], operators[2])
    np.testing.assert_array_equal(
        cleaning_operator(N, t_r=T_R, band=(0.0, None)), cleaning_operator(N)
    )


def test_single_precision_keeps_the_fluctuations_of_a_large_mean(signals, confounds):
    operator = cleaning_operator(N, confounds=confounds, t_r=T_R, band=(0.01, 0.1))
    single = (signals + 30_000).astype(np.float32)
    found = clean(single, operator)
    assert found.dtype == np.float32
    exact = operator @ single.astype(np.float64)
    np.testing.assert_allclose(found, exact, atol=2e-6 * exact.std() * 100)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.1, 12345.678])
def test_a_constant_is_nothing_once_its_mean_is_taken_out(confounds, dtype, value):
    operator = cleaning_operator(N, confounds=confounds, t_r=T_R, band=(0.01, 0.1))
    np.testing.assert_array_equal(clean(np.full((N, 2), value, dtype), operator), 0)


def test_a_mean_that_nobody_asked_to_remove_stays(signals):
    operator = cleaning_operator(N, detrend=False, t_r=T_R, band=(None, 0.1))
    found = clean(signals.astype(np.float32), operator)
    np.testing.assert_allclose(found.mean(axis=0), signals.mean(axis=0), rtol=0.02)
    np.testing.assert_allclose(found, operator @ signals, rtol=1e-4)


def test_a_broken_signal_spoils_only_itself(signals):
    operator = cleaning_operator(N)
    expected = clean(signals, operator)
    signals[17, 2] = np.nan
    found = clean(signals, operator)
    assert np.isnan(found[:, 2]).all()
    others = np.delete(np.arange(9), 2)
    np.testing.assert_allclose(found[:, others], expected[:, others], atol=1e-10)


def test_nothing_given_is_changed(signals, confounds):
    kept = np.arange(3, 100)
    for array in (signals, confounds, kept):
        array.setflags(write=False)
    before = signals.copy(), confounds.copy(), kept.copy()
    clean(signals, cleaning_operator(N, confounds=confounds, t_r=T_R, band=(0.01, 0.1), kept=kept))
    for array, old in zip((signals, confounds, kept), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_signals_beyond_one_block_are_cleaned_alike(signals):
    many = np.tile(signals, 1000)
    operator = cleaning_operator(N)
    np.testing.assert_allclose(
        clean(many, operator)[:, [0, 511, 512, 8999]],
        clean(many[:, [0, 511, 512, 8999]], operator),
        atol=1e-9,
    )
    one, several = (clean(many, operator, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one, several)


def test_confounds_that_take_everything_are_refused():
    rng = np.random.default_rng(2)
    with pytest.raises(ValueError, match="20 kept volumes leave nothing after 30 confounds"):
        cleaning_operator(20, confounds=rng.normal(size=(20, 30)))
    with pytest.raises(ValueError, match="2 kept volumes leave nothing after 0 confounds and the"):
        cleaning_operator(20, kept=np.array([3, 9]))


def test_confounds_that_repeat_each_other_are_taken_out_once(signals, confounds):
    twice = np.column_stack([confounds, confounds[:, ::-1] * 3, np.ones(N)])
    np.testing.assert_allclose(
        cleaning_operator(N, confounds=twice), cleaning_operator(N, confounds=confounds), atol=1e-8
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"band": (0.01, 0.1)}, "a band needs t_r in seconds, got None"),
        ({"band": (0.1, 0.01), "t_r": 2.0}, "must rise"),
        ({"band": (0.3, 0.4), "t_r": 2.0}, "begin below 0.2500 Hz"),
        ({"band": (-0.1, 0.1), "t_r": 2.0}, "must rise"),
        ({"confounds": np.zeros((119, 2))}, "one row for each of 120 volumes"),
        ({"confounds": np.full((120, 2), np.nan)}, "missing values in kept volumes"),
        ({"kept": np.array([], dtype=int)}, "at least one"),
        ({"kept": np.array([4, 3])}, "increasing"),
        ({"kept": np.array([0, 120])}, "from 0 to 119"),
        ({"kept": np.ones(120, bool)}, "got an array of bool"),
        ({"kept": np.arange(9), "band": (0.01, 0.1), "t_r": 2.0}, "too few to be filtered"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changed, message):
    with pytest.raises(ValueError, match=message) as caught:
        cleaning_operator(N, **changed)
    assert "\n" not in str(caught.value)


def test_an_operator_of_another_length_is_refused(signals):
    with pytest.raises(ValueError, match=r"takes signals of shape \(100, n_signals\)"):
        clean(signals, cleaning_operator(100))


def by_fourier(signals: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    """The ideal filter by hand: a padded transform, every frequency asked for by its value."""
    n = len(signals)
    grid = 2 ** int(np.ceil(np.log2(n)))
    centred = signals - signals.mean(axis=0)
    spectrum = np.fft.fft(np.concatenate([centred, np.zeros((grid - n, signals.shape[1]))]), axis=0)
    frequency = np.abs(np.fft.fftfreq(grid, T_R))
    outside = (frequency < (low or 0) - 1e-12) | (frequency > (high or 1) + 1e-12)
    spectrum[outside] = 0
    return np.fft.ifft(spectrum, axis=0).real[:n]


def detrended(signals: np.ndarray) -> np.ndarray:
    line = np.column_stack([np.ones(len(signals)), np.arange(len(signals))])
    return signals - line @ np.linalg.lstsq(line, signals, rcond=None)[0]


@pytest.mark.parametrize("n", [64, N, 128, 129])
@pytest.mark.parametrize("band", [(0.01, 0.1), (None, 0.1), (0.01, None), (0.03125, 0.125)])
def test_the_ideal_filter_is_fouriers(n: int, band: tuple[float | None, float | None]) -> None:
    signals = 500 + np.random.default_rng(5).normal(0, 3, (n, 7)).cumsum(axis=0)
    operator = cleaning_operator(n, t_r=T_R, band=band, filter="ideal")
    expected = by_fourier(detrended(signals), *band)
    np.testing.assert_allclose(clean(signals, operator), expected, atol=1e-9)
    plain = cleaning_operator(n, t_r=T_R, band=band, filter="ideal", detrend=False)
    expected = by_fourier(signals, *band) + (signals.mean(axis=0) if band[0] is None else 0)
    np.testing.assert_allclose(clean(signals, plain), expected, atol=1e-9)


def test_without_padding_the_ideal_filter_keeps_a_sine_whole_or_not_at_all() -> None:
    t = np.arange(128) * T_R
    inside, outside = (np.sin(2 * np.pi * k / 256 * t) for k in (12, 40))
    operator = cleaning_operator(128, t_r=T_R, band=(0.01, 0.1), filter="ideal", detrend=False)
    np.testing.assert_allclose(operator @ operator, operator, atol=1e-12)
    np.testing.assert_allclose(operator @ (3 * inside + outside + 7), 3 * inside, atol=1e-12)
    # Frequencies 3/256 to 25/256 Hz, a sine and a cosine each.
    assert np.linalg.matrix_rank(operator) == 2 * (25 - 3 + 1)


@pytest.mark.parametrize("kept", [None, np.setdiff1d(np.arange(N), CENSORED)], ids=["all", "kept"])
def test_ideally_filtered_confounds_leave_nothing_of_themselves(confounds, kept) -> None:
    """Both pass the filter, so the residual is orthogonal and brings no frequency back."""
    rng = np.random.default_rng(6)
    signals = rng.normal(size=(N, 5)) + confounds / confounds.std(axis=0) @ rng.normal(size=(6, 5))
    settings = {"t_r": T_R, "band": (0.01, 0.1), "kept": kept, "filter": "ideal"}
    found = clean(signals, cleaning_operator(N, confounds=confounds, **settings))
    where = np.arange(N) if kept is None else kept

    def filled(values: np.ndarray) -> np.ndarray:
        return CubicSpline(where, values[where])(np.arange(N))

    y = by_fourier(detrended(filled(signals)), 0.01, 0.1)[where]
    x = by_fourier(detrended(filled(confounds)), 0.01, 0.1)[where]
    x = x - x.mean(axis=0)
    x /= x.std(axis=0)
    expected = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(found, expected, atol=1e-8 * np.abs(y).max())
    np.testing.assert_allclose(found.T @ x, 0, atol=1e-7 * np.abs(y).max())


def test_more_ideal_confounds_than_the_band_has_frequencies_are_told_by_rank() -> None:
    rng = np.random.default_rng(7)
    narrow = {"t_r": T_R, "band": (0.03, 0.05), "filter": "ideal", "detrend": False}
    inside = cleaning_operator(128, **narrow)
    rank = np.linalg.matrix_rank(inside)
    assert rank == 10
    with pytest.raises(ValueError, match="leave nothing"):
        cleaning_operator(128, confounds=rng.normal(size=(128, 30)), **narrow)
    some = cleaning_operator(128, confounds=rng.normal(size=(128, 4)), **narrow)
    assert np.linalg.matrix_rank(some, tol=1e-9) == rank - 4


def test_a_band_between_two_frequencies_and_an_unknown_filter_are_refused() -> None:
    with pytest.raises(ValueError, match=r"they are 0\.0039 Hz apart"):
        cleaning_operator(N, t_r=T_R, band=(0.0400, 0.0405), filter="ideal")
    with pytest.raises(ValueError, match="butterworth or ideal"):
        cleaning_operator(N, filter="fir")

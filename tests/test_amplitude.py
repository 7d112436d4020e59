"""ALFF and fALFF against their definitions, written again, and against known sines."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbago.measures.amplitude import alff, amplitudes, falff

T_R = 2.0
CONVENTIONS = ("dpabi", "afni", "std")


@pytest.fixture
def sine() -> np.ndarray:
    """256 volumes of a sine of amplitude 3, at the 20th frequency of the series (0.039 Hz)."""
    return 3 * np.sin(2 * np.pi * 20 * np.arange(256) / 256)[:, None]


def noise(n_volumes: int, n_signals: int = 6, seed: int = 0) -> np.ndarray:
    """Signals on a high mean, with a trend."""
    rng = np.random.default_rng(seed)
    trend = np.outer(np.linspace(-1, 1, n_volumes), rng.normal(0, 30, n_signals))
    return 1000 + trend + rng.normal(0, 5, (n_volumes, n_signals))


# The definitions, written from the formulas that reference/numerics.md quotes, one by one.


def dpabi(signals, t_r, band):
    n = len(signals)
    padded = 2 ** int(np.ceil(np.log2(n)))
    detrended = scipy.signal.detrend(signals, axis=0)
    amplitude = (
        2 * np.abs(np.fft.fft(np.vstack([detrended, np.zeros((padded - n, 6))]), axis=0)) / n
    )
    low = int(np.ceil(band[0] * padded * t_r + 1))
    high = int(np.fix(band[1] * padded * t_r + 1)) if band[1] < 0.5 / t_r else padded // 2 + 1
    inside = amplitude[low - 1 : high]
    return inside.mean(axis=0), inside.sum(axis=0) / amplitude[1 : padded // 2 + 1].sum(axis=0)


def afni(signals, t_r, band):
    n = len(signals)
    time = np.arange(n) / n
    detrended = signals - np.array([np.polyval(np.polyfit(time, s, 2), time) for s in signals.T]).T
    amplitude = np.abs(np.fft.fft(detrended, axis=0))
    low, high = (int(np.rint(edge * n * t_r)) for edge in band)
    inside = amplitude[max(low, 1) : min(high, n // 2 - 1) + 1].sum(axis=0)
    return 2 * inside / np.sqrt(n), inside / amplitude[1 : n // 2].sum(axis=0)


def std(signals, t_r, band):
    n = len(signals)
    low, high = (np.rint(edge * n * t_r) for edge in band)
    spectrum = np.fft.fft(signals - signals.mean(axis=0), axis=0)
    bins = np.abs(np.rint(np.fft.fftfreq(n) * n))
    passed = np.fft.ifft(spectrum * ((bins >= low) & (bins <= high))[:, None], axis=0).real
    return passed.std(axis=0), passed.std(axis=0) / signals.std(axis=0)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("band", [(0.01, 0.1), (0.027, 0.073), (0.01, 0.25), (0.198, 0.25)])
@pytest.mark.parametrize("n_volumes", [128, 150, 201])
def test_every_convention_is_its_written_definition(convention, band, n_volumes):
    signals = noise(n_volumes)
    expected_alff, expected_falff = {"dpabi": dpabi, "afni": afni, "std": std}[convention](
        signals, T_R, band
    )
    settings = {"t_r": T_R, "band": band, "convention": convention}
    np.testing.assert_allclose(alff(signals, **settings), expected_alff, rtol=1e-10)
    np.testing.assert_allclose(falff(signals, **settings), expected_falff, rtol=1e-10)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"convention": "afni", "detrend": None}, 48.0),
        ({"convention": "afni"}, 51.387950),
        ({"convention": "dpabi"}, 0.0694319),
        ({"convention": "dpabi", "detrend": None}, 0.0652174),
        ({"convention": "std"}, 3 / np.sqrt(2)),
    ],
)
def test_alff_of_a_sine_in_every_convention(sine, settings, expected):
    np.testing.assert_allclose(alff(sine, t_r=T_R, **settings), expected, rtol=1e-6)


def test_alff_of_a_sine_is_its_amplitude_shared_over_the_band(sine):
    n_bins = 46
    assert alff(sine, t_r=T_R, detrend=None) * n_bins == pytest.approx(3)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_all_of_a_sine_lies_inside_a_band_around_it_and_nothing_elsewhere(sine, convention):
    settings = {"t_r": T_R, "convention": convention, "detrend": None}
    assert falff(sine, band=(0.03, 0.05), **settings) == pytest.approx(1)
    assert falff(sine, band=(0.06, 0.1), **settings) == pytest.approx(0, abs=1e-12)


def test_detrending_removes_the_trend_it_names():
    time = np.linspace(-1, 1, 200)
    wave = np.sin(2 * np.pi * 10 * np.arange(200) / 200)
    for detrend, trend in (("linear", 50 * time), ("quadratic", 50 * time + 20 * time**2)):
        with_trend = alff((wave + trend)[:, None], t_r=T_R, detrend=detrend)
        without = alff(wave[:, None], t_r=T_R, detrend=detrend)
        np.testing.assert_allclose(with_trend, without, rtol=1e-10)
    assert alff((wave + 50 * time)[:, None], t_r=T_R, detrend=None) > 2 * without


@given(
    scale=st.floats(0.01, 1000),
    offset=st.floats(-1e4, 1e4),
    convention=st.sampled_from(CONVENTIONS),
)
@settings(max_examples=30, deadline=None)
def test_alff_scales_with_the_signal_and_falff_does_not(scale, offset, convention):
    signals = noise(120, 3)
    settings = {"t_r": T_R, "convention": convention}
    changed = scale * signals + offset
    np.testing.assert_allclose(
        alff(changed, **settings), scale * alff(signals, **settings), rtol=1e-6
    )
    np.testing.assert_allclose(falff(changed, **settings), falff(signals, **settings), rtol=1e-6)


@given(
    seed=st.integers(0, 10_000),
    n_volumes=st.integers(60, 160),
    edges=st.tuples(st.floats(0.0, 0.2), st.floats(0.03, 0.1)),
    convention=st.sampled_from(CONVENTIONS),
)
@settings(max_examples=40, deadline=None)
def test_falff_is_a_share(seed, n_volumes, edges, convention):
    band = (edges[0], edges[0] + edges[1])
    signals = noise(n_volumes, 4, seed)
    share = falff(signals, t_r=T_R, band=band, convention=convention)
    assert ((share >= 0) & (share <= 1)).all()
    whole = falff(signals, t_r=T_R, band=(0.0, 0.25), convention=convention)
    np.testing.assert_allclose(whole, 1, rtol=1e-12)


@pytest.mark.parametrize("convention", ["dpabi", "afni"])
def test_neighbouring_bands_add_up(convention):
    signals = noise(200)
    shares = [
        falff(signals, t_r=T_R, band=band, convention=convention)
        for band in ((0.0, 0.1011), (0.1013, 0.25))
    ]
    np.testing.assert_allclose(np.sum(shares, axis=0), 1, rtol=1e-12)


# Scrubbed series


def fitted(signals, kept, frequencies, degree):
    """Amplitudes by least squares at each frequency alone, after a polynomial."""
    time = np.asarray(kept, dtype=float)
    scaled = time / time.max()
    basis = np.vander(scaled, degree + 1)
    rest = signals[kept] - basis @ np.linalg.lstsq(basis, signals[kept], rcond=None)[0]
    amplitudes = []
    for f in frequencies:
        design = np.column_stack([np.cos(2 * np.pi * f * time), np.sin(2 * np.pi * f * time)])
        amplitudes.append(np.hypot(*np.linalg.lstsq(design, rest, rcond=None)[0]))
    return np.array(amplitudes)


def test_scrubbed_amplitudes_are_least_squares_fits_at_the_conventions_frequencies():
    signals = noise(150)
    kept = np.setdiff1d(np.arange(150), [0, 1, 40, 41, 42, 90, 149])
    found = alff(signals, t_r=T_R, kept=kept)
    at = np.arange(6, 52) / 256  # DPABI's bins of 0.01 to 0.1 Hz, padded to 256
    np.testing.assert_allclose(found, fitted(signals, kept, at, 1).mean(axis=0), rtol=1e-9)

    found = alff(signals, t_r=T_R, kept=kept, convention="afni")
    at = np.arange(3, 31) / 150
    expected = fitted(signals, kept, at, 2).sum(axis=0) * np.sqrt(150)
    np.testing.assert_allclose(found, expected, rtol=1e-9)

    found = falff(signals, t_r=T_R, kept=kept, convention="afni")
    whole = fitted(signals, kept, np.arange(1, 75) / 150, 2).sum(axis=0) * np.sqrt(150)
    np.testing.assert_allclose(found, expected / whole, rtol=1e-9)


@pytest.mark.parametrize(
    ("convention", "n_volumes"), [("dpabi", 128), ("afni", 150), ("afni", 151)]
)
@pytest.mark.parametrize("band", [(0.01, 0.1), (0.0, 0.25)])
@pytest.mark.parametrize("measure", [alff, falff])
def test_keeping_every_volume_is_the_same_as_not_scrubbing(measure, convention, n_volumes, band):
    signals = noise(n_volumes)
    settings = {"t_r": T_R, "band": band, "convention": convention}
    everything = measure(signals, kept=np.arange(n_volumes), **settings)
    np.testing.assert_allclose(everything, measure(signals, **settings), rtol=1e-10)


@pytest.mark.parametrize("measure", [alff, falff])
def test_volumes_that_are_not_kept_are_never_read(measure):
    signals = noise(150)
    scrubbed = [3, 4, 70, 146]
    kept = np.setdiff1d(np.arange(150), scrubbed)
    broken = signals.copy()
    broken[scrubbed] = np.nan
    np.testing.assert_array_equal(
        measure(broken, t_r=T_R, kept=kept), measure(signals, t_r=T_R, kept=kept)
    )


def test_a_sine_keeps_its_amplitude_when_a_quarter_of_the_volumes_is_scrubbed(sine):
    rng = np.random.default_rng(3)
    kept = np.sort(rng.choice(256, 192, replace=False))
    only_its_frequency = (20 / 512 - 1e-4, 20 / 512 + 1e-4)
    found = alff(sine, t_r=T_R, band=only_its_frequency, kept=kept)
    assert found == pytest.approx(3, rel=0.02)


def test_scrubbing_inflates_the_alff_of_noise_and_not_its_falff():
    white = np.random.default_rng(4).normal(size=(256, 1500))
    kept = np.sort(np.random.default_rng(5).choice(256, 192, replace=False))
    ratio = alff(white, t_r=T_R, kept=kept).mean() / alff(white, t_r=T_R).mean()
    assert ratio == pytest.approx(1 / np.sqrt(192 / 256), rel=0.02)
    change = falff(white, t_r=T_R, kept=kept).mean() - falff(white, t_r=T_R).mean()
    assert abs(change) < 0.01


def test_volumes_too_regular_to_tell_sine_from_cosine_still_give_finite_values():
    every_second = np.arange(0, 128, 2)
    found = falff(noise(128), t_r=T_R, band=(0.0, 0.25), kept=every_second)
    assert np.isfinite(found).all()


# Edges of what can be measured


def test_a_band_the_series_cannot_resolve_is_refused(sine):
    for measure in (alff, falff):
        for band in ((0.3, 0.5), (0.0001, 0.002)):
            for convention in CONVENTIONS:
                with pytest.raises(ValueError, match=r"resolves 0\.0025 to 0\.2500 Hz"):
                    measure(sine[:200], t_r=T_R, band=band, convention=convention)


def test_a_band_that_ends_above_the_nyquist_frequency_ends_there():
    signals = noise(150)
    np.testing.assert_array_equal(
        alff(signals, t_r=T_R, band=(0.1, 0.4)), alff(signals, t_r=T_R, band=(0.1, 0.25))
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("value", [0, 7, 12345])
def test_a_constant_signal_has_no_amplitude_and_no_share(dtype, convention, value):
    signals = np.full((100, 2), value, dtype=dtype)
    settings = {"t_r": T_R, "convention": convention}
    np.testing.assert_array_equal(alff(signals, **settings), 0)
    assert np.isnan(falff(signals, **settings)).all()


def test_a_straight_line_is_nothing_once_the_line_is_taken_out():
    line = (0.1 + 0.3 * np.arange(100))[:, None]
    assert alff(line, t_r=T_R)[0] == 0
    assert np.isnan(falff(line, t_r=T_R)[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("at", [0, 50])
def test_a_value_that_is_not_finite_spoils_its_own_signal_only(bad, at):
    signals = noise(100, 3)
    clean = alff(signals, t_r=T_R)
    signals[at, 1] = bad
    for measure in (alff, falff):
        found = measure(signals, t_r=T_R)
        assert np.isnan(found[1])
        assert np.isfinite(found[[0, 2]]).all()
    np.testing.assert_allclose(alff(signals, t_r=T_R)[[0, 2]], clean[[0, 2]], rtol=1e-10)


def test_single_precision_loses_nothing_that_matters():
    signals = (noise(200) + 10_000).astype(np.float32)
    for measure in (alff, falff):
        double = measure(signals.astype(np.float64), t_r=T_R)
        np.testing.assert_allclose(measure(signals, t_r=T_R), double, rtol=5e-6)


def test_a_signal_is_measured_the_same_whatever_stands_beside_it():
    many = noise(64, 2500)
    alone = np.array([alff(many[:, [i]], t_r=T_R)[0] for i in (0, 1023, 1024, 2499)])
    np.testing.assert_allclose(alff(many, t_r=T_R)[[0, 1023, 1024, 2499]], alone, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signals_are_never_changed(dtype):
    signals = noise(100).astype(dtype)
    signals.setflags(write=False)
    before = signals.copy()
    alff(signals, t_r=T_R)
    falff(signals, t_r=T_R, kept=np.arange(5, 90))
    np.testing.assert_array_equal(signals, before)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"band": (0.1, 0.01)}, "a band rises"),
        ({"band": (-0.1, 0.1)}, "a band rises"),
        ({"band": (np.nan, 0.1)}, "a band rises"),
        ({"t_r": 0.0}, "t_r is a positive number of seconds"),
        ({"t_r": np.nan}, "t_r is a positive number of seconds"),
        ({"convention": "spm"}, "convention is 'dpabi', 'afni' or 'std'"),
        ({"detrend": "cubic"}, "detrend is"),
        ({"kept": np.array([], dtype=int)}, "increasing volume indices"),
        ({"kept": np.array([3, 2, 1, 0])}, "increasing volume indices"),
        ({"kept": np.array([0, 1, 1, 2])}, "increasing volume indices"),
        ({"kept": np.array([0, 1, 2, 100])}, "increasing volume indices"),
        ({"kept": np.array([-1, 1, 2, 3])}, "increasing volume indices"),
        ({"kept": np.ones(100, dtype=bool)}, "volume indices, got an array of bool"),
        ({"kept": np.arange(90), "convention": "std"}, "'std' needs every volume"),
        ({"kept": np.arange(3)}, "too few for a spectrum"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_sentence(changed, message):
    for measure, name in ((alff, "alff"), (falff, "falff")):
        with pytest.raises(ValueError, match=message) as caught:
            measure(noise(100), **{"t_r": T_R, **changed})
        assert str(caught.value).startswith(f"{name}: ")
        assert "\n" not in str(caught.value)


def test_a_single_signal_must_still_be_a_column():
    with pytest.raises(ValueError, match=r"shape \(n_volumes, n_signals\), got \(100,\)"):
        alff(noise(100)[:, 0], t_r=T_R)


SLOW = [(0.01, 0.027), (0.027, 0.073), (0.073, 0.198), (0.198, 0.25)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scrubbed", [False, True])
@pytest.mark.parametrize(
    "changed",
    [{}, {"convention": "afni"}, {"convention": "std"}, {"detrend": "quadratic"}],
    ids=["dpabi", "afni", "std", "quadratic"],
)
def test_both_measures_of_several_bands_are_each_alone(dtype, changed, scrubbed):
    if scrubbed and "std" in changed.values():
        pytest.skip("std refuses scrubbed signals")
    signals = noise(200).astype(dtype)
    kept = np.setdiff1d(np.arange(200), [3, 50, 51]) if scrubbed else None
    found = amplitudes(signals, t_r=T_R, bands=SLOW, kept=kept, **changed)
    assert found.alff.shape == found.falff.shape == (4, 6)
    # To the bit; a product with more of the scrubbed frequencies at once is rounded anew.
    rtol = 50 * np.finfo(dtype).eps if scrubbed else 0
    for band, size, share in zip(SLOW, found.alff, found.falff, strict=True):
        one = {"t_r": T_R, "band": band, "kept": kept, **changed}
        np.testing.assert_allclose(size, alff(signals, **one), rtol=rtol)
        np.testing.assert_allclose(share, falff(signals, **one), rtol=rtol)


def test_several_bands_take_one_spectrum(monkeypatch):
    import scipy.fft

    calls = []
    original = scipy.fft.rfft
    monkeypatch.setattr(scipy.fft, "rfft", lambda *a, **k: calls.append(1) or original(*a, **k))
    amplitudes(noise(200), t_r=T_R, bands=SLOW)
    assert len(calls) == 1


def test_no_band_is_no_question():
    with pytest.raises(ValueError, match="at least one band is needed"):
        amplitudes(noise(200), t_r=T_R, bands=[])

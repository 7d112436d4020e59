"""Bands by name and several at once: what they are, where they end, and what they make."""

from __future__ import annotations

import warnings

import nibabel as nib
import numpy as np
import pytest
import scipy.fft
from pydantic import ValidationError

from lumbago.errors import ScanRejected
from lumbago.extractors import Amplitude, Connectome, Homogeneity, Intensity, Seed
from lumbago.extractors.bands import SLOW_BANDS, to_filter
from lumbago.measures.amplitude import alff
from lumbago.measures.cleaning import clean, cleaning_operator
from lumbago.reading.atlases import LocalAtlas
from lumbago.reading.recording import Recording

SHAPE, N_VOLUMES = (6, 5, 4), 240
AFFINE = np.diag([20.0, 20.0, 20.0, 1.0])
REGIONS = ("a", "b", "c")


@pytest.fixture(scope="module")
def volumes() -> np.ndarray:
    rng = np.random.default_rng(7)
    shared = rng.normal(size=N_VOLUMES)
    made = 300 + 5 * rng.normal(size=(*SHAPE, N_VOLUMES)) + 3 * shared
    return made.astype(np.float32)


@pytest.fixture(scope="module")
def atlas(tmp_path_factory) -> LocalAtlas:
    folder = tmp_path_factory.mktemp("bands")
    labels = np.zeros(SHAPE, np.int16)
    labels[:2], labels[2:4], labels[4:] = 1, 2, 3
    nib.save(nib.Nifti1Image(labels, AFFINE), folder / "three.nii.gz")
    rows = "".join(f"{i + 1}\t{name}\n" for i, name in enumerate(REGIONS))
    (folder / "three.tsv").write_text(f"index\tname\n{rows}")
    return LocalAtlas(
        image=str(folder / "three.nii.gz"), labels=str(folder / "three.tsv"), space="unknown"
    )


def measured(extractor, volumes, t_r=2.0):
    image = nib.Nifti1Image(volumes, AFFINE)
    mask = nib.Nifti1Image(np.ones(SHAPE, np.uint8), AFFINE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return extractor.on_image(image, mask_img=mask, t_r=t_r)


# Settings


def test_a_name_stands_for_its_frequencies_and_makes_the_same_settings():
    assert Homogeneity(band="slow4") == Homogeneity(band=(0.027, 0.073))
    both = Amplitude(kind="alff", bands={"slow5": (0.01, 0.027), "slow4": (0.027, 0.073)})
    assert Amplitude(kind="alff", bands=["slow5", "slow4"]) == both
    assert Amplitude(kind="alff", bands={"slow5": "slow5", "slow4": "slow4"}).digest() == (
        both.digest()
    )
    text = '{"kind": "alff", "bands": ["slow5", "slow4"], "normalize": "none"}'
    assert Amplitude.model_validate_json(text, strict=True) == both
    text = '{"kind": "reho", "band": "slow4", "normalize": null}'
    assert Homogeneity.model_validate_json(text, strict=True) == Homogeneity(band="slow4")


def test_slow_bands_follow_each_other_without_a_gap():
    edges = list(SLOW_BANDS.values())
    assert [low for low, _ in edges[1:]] == [high for _, high in edges[:-1]]
    assert list(SLOW_BANDS) == ["slow5", "slow4", "slow3", "slow2"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Amplitude(kind="alff", bands=["slow9"]), "one of slow5, slow4, slow3, slow2"),
        (lambda: Amplitude(kind="alff", bands=["slow5", "slow5"]), "each band is named once"),
        (lambda: Amplitude(kind="alff", bands=[(0.01, 0.1)]), "names of their own"),
        (lambda: Amplitude(kind="alff", bands=[]), "at least 1"),
        (lambda: Homogeneity(band="slow"), "one of slow5"),
        (lambda: Connectome(band="slow5", bands=["slow4"]), "band for one, or bands for several"),
        (
            lambda: Seed(seeds={"s": (0, 0, 0)}, band="slow5", bands=["slow4"]),
            "band for one, or bands for several",
        ),
        (lambda: Homogeneity(normalize="median"), "'mean' or 'zscore'"),
        (lambda: Homogeneity(smooth=0), "greater than 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_words(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


# What a repetition time resolves


@pytest.mark.parametrize(
    "extractor",
    [
        Amplitude(kind="alff", bands=["slow5", "slow2"]),
        Amplitude(kind="falff", bands={"mine": (0.198, 0.25)}),
        Homogeneity(band="slow2"),
        Intensity(kind="peraf", band="slow2"),
        Seed(seeds={"s": (40, 40, 20)}, radius=30, bands=["slow4", "slow2"]),
    ],
    ids=["alff", "falff", "reho", "peraf", "seed"],
)
def test_slow_2_is_refused_where_the_repetition_time_does_not_hold_it_whole(extractor, volumes):
    with pytest.raises(
        ScanRejected, match=r"slow2 \(0\.198 to 0\.25 Hz\) reaches beyond 0\.2 Hz"
    ) as e:
        measured(extractor, volumes, t_r=2.5)
    assert e.value.code == "E_BAND"
    # At 2 s it ends at the Nyquist frequency, and above it there is nothing to filter out.
    found = measured(extractor, volumes, t_r=2.0)
    assert all(np.isfinite(m.get_fdata()).any() for m in found.maps.values())


def test_slow_2_of_a_connectome_is_refused_or_measured_alike(volumes, atlas):
    extractor = Connectome(atlas=atlas, bands=["slow5", "slow2"])
    with pytest.raises(ScanRejected, match="E_BAND"):
        measured(extractor, volumes, t_r=2.5)
    assert np.isfinite(measured(extractor, volumes, t_r=2.0).values).all()


def test_a_band_of_ones_own_may_end_at_the_nyquist_frequency():
    assert to_filter((0.1, 0.3), 2.0, "x") == (0.1, 0.3)  # refused by the filter, with its reason
    assert to_filter((0.1, 0.25), 2.0, "x") == (0.1, None)
    assert to_filter((0.198, 0.25), 1.0, "x") == (0.198, 0.25)
    assert to_filter(None, None, "x") is None


# Several bands


def test_bands_of_a_connectome_are_variants_and_each_is_its_band_alone(volumes, atlas):
    found = measured(Connectome(atlas=atlas, bands=["slow5", "slow4"]), volumes)
    pairs = ["a~b", "a~c", "b~c"]
    assert list(found.names) == [f".{b}:{p}" for b in ("slow5", "slow4") for p in pairs]
    for i, band in enumerate(("slow5", "slow4")):
        alone = measured(Connectome(atlas=atlas, band=band), volumes)
        assert list(alone.names) == [f":{p}" for p in pairs]
        np.testing.assert_array_equal(found.values[3 * i : 3 * i + 3], alone.values)
        operator = cleaning_operator(N_VOLUMES, t_r=2.0, band=SLOW_BANDS[band])
        means = volumes.reshape(3, -1, N_VOLUMES).mean(axis=1, dtype=np.float64).T
        r = np.corrcoef(clean(means, operator), rowvar=False)
        np.testing.assert_allclose(alone.values, r[np.triu_indices(3, 1)], atol=1e-4)
    assert not np.allclose(found.values[:3], found.values[3:])


def test_bands_of_seeds_are_variants_around_the_seeds_own(volumes, atlas):
    seeds = {"one": (20, 20, 20), "two": (80, 60, 40)}
    extractor = Seed(
        seeds=seeds, radius=25, bands={"low": (0.01, 0.1), "slow3": "slow3"}, atlas=atlas
    )
    found = measured(extractor, volumes)
    assert list(found.maps) == ["low.one", "low.two", "slow3.one", "slow3.two"]
    assert list(found.names[:4]) == [".low.one:a", ".low.one:b", ".low.one:c", ".low.two:a"]
    alone = measured(Seed(seeds=seeds, radius=25, band="slow3", atlas=atlas), volumes)
    np.testing.assert_array_equal(found.values[6:], alone.values)
    for name in seeds:
        np.testing.assert_array_equal(
            found.maps[f"slow3.{name}"].get_fdata(), alone.maps[name].get_fdata()
        )


def test_a_matrix_that_is_there_already_has_no_bands():
    from lumbago.data import Scan

    scan = Scan("sub-01", files={"connectome": "r.tsv"})
    assert Connectome().applies_to(scan)
    assert not Connectome(bands=["slow5"]).applies_to(scan)


def test_every_band_is_counted_before_anything_is_measured(volumes, atlas):
    from lumbago.experiment.costs import n_features

    seeds = {"one": (20, 20, 20), "two": (80, 60, 40)}
    for extractor in (
        Connectome(atlas=atlas),
        Connectome(atlas=atlas, bands=["slow5", "slow4"]),
        Seed(seeds=seeds, radius=25, atlas=atlas),
        Seed(seeds=seeds, radius=25, atlas=atlas, bands=["slow5", "slow4", "slow3"]),
        Amplitude(kind="alff", atlas=atlas, bands=["slow5", "slow4"]),
        Intensity(kind="peraf", atlas=atlas),
    ):
        assert n_features(extractor) == len(measured(extractor, volumes).names)


def test_the_methods_text_tells_bands_and_cites_the_slow_ones():
    from lumbago.report.methods import _measure

    told = _measure(Amplitude(kind="falff", bands=["slow5"]).canonical())
    assert told.startswith("fractional amplitude")
    assert "0.01–0.027 Hz (slow5) [@zuobands2010]" in told
    assert "zuobands" not in _measure(Amplitude(kind="alff").canonical())
    told = _measure(Connectome(bands=["slow5", "slow4"]).canonical())
    assert "filtered to 0.01–0.027 Hz (slow5) and 0.027–0.073 Hz (slow4)" in told
    assert "[@jia2020]" in _measure(Intensity(kind="peraf").canonical())


# Amplitudes


def test_detrending_reaches_the_measure(volumes):
    signals = clean(volumes.reshape(-1, N_VOLUMES).T, cleaning_operator(N_VOLUMES))
    for detrend in (None, "linear", "quadratic", "convention"):
        found = measured(Amplitude(kind="alff", detrend=detrend, convention="afni"), volumes)
        expected = alff(signals, t_r=2.0, convention="afni", detrend=detrend)
        np.testing.assert_allclose(
            found.maps["low"].get_fdata().ravel(), expected, rtol=1e-4, err_msg=str(detrend)
        )
    plain = measured(Amplitude(kind="alff", convention="afni", detrend=None), volumes)
    assert not np.allclose(plain.maps["low"].get_fdata().ravel(), expected, rtol=1e-6)


def test_alff_and_falff_of_one_scan_share_the_spectrum_of_all_their_bands(volumes, monkeypatch):
    calls = []
    original = scipy.fft.rfft
    monkeypatch.setattr(scipy.fft, "rfft", lambda *a, **k: calls.append(1) or original(*a, **k))
    image = nib.Nifti1Image(volumes, AFFINE)
    mask = nib.Nifti1Image(np.ones(SHAPE, np.uint8), AFFINE)
    recording = Recording.from_image(image, mask_img=mask, t_r=2.0)
    bands = ["slow5", "slow4", "slow3", "slow2"]
    for kind in ("alff", "falff"):
        Amplitude(kind=kind, bands=bands).extract(recording)
    assert len(calls) == 1
    Amplitude(kind="falff", bands=bands, detrend=None).extract(recording)
    assert len(calls) == 2
    Amplitude(kind="alff", bands=bands).extract(Recording.from_image(image, mask_img=mask, t_r=2.0))
    assert len(calls) == 3

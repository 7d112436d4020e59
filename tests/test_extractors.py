"""Extractors: settings that say what to measure, and leave the measuring to the ground floor."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from lumbago.data import Cohort, Scan
from lumbago.data.features import edge_names
from lumbago.errors import InputError, ScanRejected
from lumbago.extractors import (
    EXTRACTORS,
    Amplitude,
    Centrality,
    Connectome,
    Extractor,
    Homogeneity,
    Intensity,
    Network,
    Quality,
    Regional,
    RegionalValues,
    Seed,
    Symmetry,
    TableColumns,
)
from lumbago.measures.amplitude import alff, falff
from lumbago.measures.cleaning import clean, cleaning_operator
from lumbago.measures.connectivity import fisher_z
from lumbago.measures.homogeneity import reho
from lumbago.reading.atlases import LocalAtlas
from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.recording import Recording

SHAPE = (8, 9, 7)
N_VOLUMES = 160
T_R = 2.0
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
AFFINE[:3, 3] = [-16, -20, -12]
REGIONS = ("left", "right", "nowhere_in_the_mask")


@pytest.fixture(scope="module")
def volumes() -> np.ndarray:
    """Noise on a level, with a slow wave shared by all voxels; the same on every machine."""
    rng = np.random.Generator(np.random.PCG64(11))
    time = T_R * np.arange(N_VOLUMES)
    wave = np.sin(2 * np.pi * 0.04 * time)
    return (500 + 5 * wave + rng.normal(0, 4, (*SHAPE, N_VOLUMES))).astype(np.float32)


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    """All but one side of the volume."""
    inside = np.ones(SHAPE, bool)
    inside[:, :, 5:] = False
    return inside


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """Two regions inside the mask, one outside of it."""
    found = np.zeros(SHAPE, np.int16)
    found[1:4, 1:8, 1:5] = 1
    found[5:8, 1:8, 1:6] = 2  # a fifth of it lies beyond the mask
    found[1:4, 1:8, 6] = 3
    return found


@pytest.fixture(scope="module")
def atlas(tmp_path_factory, labels) -> LocalAtlas:
    folder = tmp_path_factory.mktemp("atlas")
    nib.save(nib.Nifti1Image(labels, AFFINE), folder / "three_dseg.nii.gz")
    rows = "".join(f"{i + 1}\t{name}\n" for i, name in enumerate(REGIONS))
    (folder / "three.tsv").write_text(f"index\tname\n{rows}")
    return LocalAtlas(
        image=str(folder / "three_dseg.nii.gz"), labels=str(folder / "three.tsv"), space="unknown"
    )


@pytest.fixture(scope="module")
def image(volumes) -> nib.Nifti1Image:
    made = nib.Nifti1Image(volumes, AFFINE)
    made.header.set_xyzt_units("mm", "sec")
    made.header.set_zooms((4, 4, 4, T_R))
    return made


@pytest.fixture(scope="module")
def mask_image(mask) -> nib.Nifti1Image:
    return nib.Nifti1Image(mask.astype(np.uint8), AFFINE)


@pytest.fixture(scope="module")
def confounds() -> pd.DataFrame:
    """Two regressors, in the form that a notebook hands over."""
    rng = np.random.Generator(np.random.PCG64(12))
    return pd.DataFrame(rng.normal(size=(N_VOLUMES, 2)), columns=["a", "b"])


@pytest.fixture(scope="module")
def cleaned(volumes, mask, confounds) -> np.ndarray:
    """What the recording should hand to a measure that wants no band."""
    return clean(volumes[mask].T, cleaning_operator(N_VOLUMES, confounds=confounds.to_numpy()))


@pytest.fixture
def measure(image, mask_image, confounds):
    """Measure the image with some extractor, as a notebook would, without its warnings."""

    def measured(extractor):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return extractor.on_image(image, mask_img=mask_image, confounds=confounds, t_r=T_R)

    return measured


# What is measured is what the ground floor measures


@pytest.mark.parametrize(("kind", "of"), [("alff", alff), ("falff", falff)])
def test_amplitude_maps_are_the_measures_of_unfiltered_signals(measure, cleaned, mask, kind, of):
    bands = {"slow5": (0.01, 0.027), "slow4": (0.027, 0.073)}
    found = measure(Amplitude(kind=kind, bands=bands))
    assert list(found.maps) == ["slow5", "slow4"]
    for name, band in bands.items():
        values = found.maps[name].get_fdata()
        assert np.isnan(values[~mask]).all()
        np.testing.assert_allclose(values[mask], of(cleaned, t_r=T_R, band=band), rtol=1e-4)
    assert found.names == ()
    assert len(found.values) == 0


def test_homogeneity_is_measured_in_the_band_it_names(measure, volumes, mask, confounds):
    operator = cleaning_operator(
        N_VOLUMES, confounds=confounds.to_numpy(), t_r=T_R, band=(0.01, 0.1)
    )
    filtered = np.zeros(volumes.shape, np.float32)
    filtered[mask] = clean(volumes[mask].T, operator).T
    found = measure(Homogeneity(neighbours=19)).maps["reho"].get_fdata()
    np.testing.assert_allclose(found, reho(filtered, mask, 19), rtol=1e-3)
    assert np.nanmean(found) > np.nanmean(measure(Homogeneity(band=None)).maps["reho"].get_fdata())


def test_regional_features_are_means_over_the_regions_inside_the_mask(measure, atlas, labels, mask):
    found = measure(Homogeneity(atlas=atlas))
    values = found.maps["reho"].get_fdata()
    assert found.names == tuple(f":{name}" for name in REGIONS)
    expected = [values[(labels == i) & mask].mean() for i in (1, 2)]
    np.testing.assert_allclose(found.values[:2], expected, rtol=1e-5)
    assert np.isnan(found.values[2])
    np.testing.assert_allclose(list(found.coverage.values()), [1, 0.8, 0])
    assert tuple(found.coverage) == REGIONS


def test_bands_and_regions_make_the_names_of_amplitude_features(measure, atlas):
    one = measure(Amplitude(kind="falff", atlas=atlas))
    assert one.names == tuple(f".low:{name}" for name in REGIONS)
    two = measure(
        Amplitude(kind="falff", atlas=atlas, bands={"low": (0.01, 0.1), "high": (0.1, 0.2)})
    )
    assert two.names == one.names + tuple(f".high:{name}" for name in REGIONS)
    np.testing.assert_array_equal(two.values[:3], one.values)
    assert list(one.series("amp").index) == [f"amp.low:{name}" for name in REGIONS]
    assert one.values.dtype == np.float32


def test_maps_are_stored_only_where_asked_for_or_where_nothing_else_is_left(
    image, mask_image, confounds, atlas
):
    def maps(**settings):
        recording = Recording.from_image(image, mask_img=mask_image, confounds=confounds, t_r=T_R)
        return list(Homogeneity(**settings).extract(recording).maps)

    assert maps(atlas=atlas) == []
    assert maps(atlas=atlas, keep_maps=True) == ["reho"]
    assert maps() == ["reho"]


@pytest.mark.parametrize(
    "extractor", [Amplitude(kind="alff"), Amplitude(kind="falff"), Homogeneity()], ids=str
)
def test_voxels_that_never_change_hold_no_data(volumes, mask_image, confounds, atlas, extractor):
    dropout = volumes.copy()
    dropout[1:3, 1:8, 1:5] = 77.0  # two thirds of the left region
    image = nib.Nifti1Image(dropout, AFFINE)
    extractor = extractor.model_copy(update={"atlas": atlas})
    found = extractor.on_image(image, mask_img=mask_image, confounds=confounds, t_r=T_R)
    values = next(iter(found.maps.values())).get_fdata()
    assert np.isnan(values[1:3, 1:8, 1:5]).all()
    assert np.isfinite(values[3, 1:8, 1:5]).all()
    assert found.coverage["left"] == pytest.approx(1 / 3)
    assert np.isnan(found.values[0])
    assert np.isfinite(found.values[1])


@pytest.mark.parametrize("normalize", ["mean", "zscore"])
def test_normalized_maps_are_those_of_the_papers(measure, mask, normalize):
    plain = measure(Amplitude(kind="alff")).maps["low"].get_fdata()[mask]
    found = measure(Amplitude(kind="alff", normalize=normalize)).maps["low"].get_fdata()[mask]
    expected = plain / plain.mean()
    if normalize == "zscore":
        expected = (plain - plain.mean()) / plain.std(ddof=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_connectome_correlates_regional_means(measure, volumes, labels, mask, confounds, atlas):
    operator = cleaning_operator(
        N_VOLUMES, confounds=confounds.to_numpy(), t_r=T_R, band=(0.008, 0.09)
    )
    regions = np.array([volumes[(labels == i) & mask].mean(axis=0) for i in (1, 2)])
    expected = np.corrcoef((operator @ regions.T).T)[0, 1]
    found = measure(Connectome(atlas=atlas, band=(0.008, 0.09)))
    assert found.names == tuple(f":{e}" for e in edge_names(REGIONS))
    np.testing.assert_allclose(found.values, [expected, np.nan, np.nan], atol=1e-5)
    z = measure(Connectome(atlas=atlas, band=(0.008, 0.09), fisher_z=True))
    np.testing.assert_allclose(z.values[0], fisher_z(expected), atol=1e-4)


def test_a_still_map_is_averaged_where_it_holds_data(tmp_path, labels, atlas):
    values = np.random.default_rng(0).normal(10, 1, SHAPE).astype(np.float32)
    values[5:8, 1:3] = 0  # outside the brain of this map
    values[1, 1, 1] = np.nan
    nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / "gm.nii.gz")
    extractor = Regional(atlas=atlas)
    holds = np.isfinite(values) & (values != 0)
    expected = [values[(labels == i) & holds].mean() for i in (1, 2, 3)]
    scan = Scan("sub-01", files={"map": tmp_path / "gm.nii.gz"})
    for found in (
        extractor.extract(Recording(scan)),
        extractor.on_image(tmp_path / "gm.nii.gz"),
        extractor.on_image(nib.Nifti1Image(values, AFFINE)),
    ):
        np.testing.assert_allclose(found.values, expected, rtol=1e-5)
        assert found.names == tuple(f":{name}" for name in REGIONS)
        assert found.coverage["right"] == pytest.approx(5 / 7)
    masked = extractor.on_image(
        nib.Nifti1Image(values, AFFINE), mask_img=nib.Nifti1Image((labels == 1) * 1.0, AFFINE)
    )
    assert np.isnan(masked.values[1])
    with pytest.raises(ScanRejected, match="E_EMPTY_MAP"):
        extractor.on_image(nib.Nifti1Image(np.zeros(SHAPE), AFFINE))


# Scrubbing


MOVED = Denoise(strategy="motion6", scrub=Scrub(fd=0.5))


@pytest.fixture(scope="module")
def moved_scan(volumes, mask, tmp_path_factory) -> tuple[Scan, np.ndarray, np.ndarray]:
    """A scan with jumps where the head moved; its kept volumes, and the operator of `MOVED`."""
    rng = np.random.default_rng(3)
    fd = np.where(rng.random(N_VOLUMES) < 0.1, 0.9, 0.1)
    fd[0] = np.nan
    table = pd.DataFrame({"framewise_displacement": fd})
    for axis in ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"):
        table[axis] = rng.normal(size=N_VOLUMES)
    spoilt = volumes.copy()
    spoilt[..., fd > 0.5] += 1e4
    folder = tmp_path_factory.mktemp("moved")
    stem = "sub-01_task-rest"
    paths = {
        "bold": folder / f"{stem}_space-MNI_desc-preproc_bold.nii.gz",
        "mask": folder / f"{stem}_space-MNI_desc-brain_mask.nii.gz",
        "confounds": folder / f"{stem}_desc-confounds_timeseries.tsv",
    }
    image = nib.Nifti1Image(spoilt, AFFINE)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((4, 4, 4, T_R))
    nib.save(image, paths["bold"])
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), AFFINE), paths["mask"])
    table.to_csv(paths["confounds"], sep="\t", index=False, na_rep="n/a")
    kept = np.flatnonzero(~(fd > 0.5))
    motion = table.drop(columns="framewise_displacement").to_numpy()
    operator = cleaning_operator(N_VOLUMES, confounds=motion, kept=kept)
    return Scan("sub-01", files=paths, t_r=T_R), kept, operator


def test_scrubbed_volumes_leave_amplitudes_to_the_kept_ones(volumes, mask, moved_scan):
    scan, kept, operator = moved_scan
    signals = np.full((N_VOLUMES, mask.sum()), np.nan)
    signals[kept] = clean(volumes[mask].T, operator)
    expected = falff(signals, t_r=T_R, kept=kept)
    found = Amplitude(kind="falff", denoise=MOVED).extract(Recording(scan))
    np.testing.assert_allclose(found.maps["low"].get_fdata()[mask], expected, rtol=1e-3)
    assert not any("scrubbed" in note for note in found.notes)
    alff_notes = Amplitude(kind="alff", denoise=MOVED).extract(Recording(scan)).notes
    assert any("take n_volumes_kept as a covariate" in note for note in alff_notes)


def test_scrubbed_volumes_leave_connectomes_and_homogeneity_to_the_kept_ones(
    volumes, mask, labels, moved_scan, atlas
):
    scan, _, operator = moved_scan
    means = np.array([volumes[(labels == i) & mask].mean(axis=0) for i in (1, 2)])
    expected = np.corrcoef((operator @ means.T).T)[0, 1]
    found = Connectome(atlas=atlas, denoise=MOVED).extract(Recording(scan))
    assert found.values[0] == pytest.approx(expected, abs=1e-5)
    cleaned = np.zeros((*SHAPE, len(operator)), np.float32)
    cleaned[mask] = clean(volumes[mask].T, operator).T
    homogeneity = Homogeneity(denoise=MOVED, band=None).extract(Recording(scan))
    np.testing.assert_allclose(homogeneity.maps["reho"].get_fdata(), reho(cleaned, mask), rtol=1e-3)


# What a scan must offer, and what decides a result


BOLD = {"bold": Path("b"), "mask": Path("m"), "confounds": Path("c"), "sidecar": Path("s")}


@pytest.mark.parametrize(
    ("extractor", "files", "inputs"),
    [
        (Amplitude(kind="alff"), BOLD, ("bold", "confounds", "mask")),
        (Amplitude(kind="alff", denoise=None), BOLD, ("bold", "mask")),
        (Homogeneity(), {"bold": Path("b")}, ("bold",)),
        (Homogeneity(), {"timeseries": Path("t")}, None),
        (Connectome(), BOLD, None),
        (Connectome(atlas="power264"), BOLD, ("bold", "confounds", "mask")),
        (
            Connectome(),
            {"timeseries": Path("t"), "motion": Path("m")},
            ("motion", "timeseries"),
        ),
        (Connectome(denoise=None), {"timeseries": Path("t"), "motion": Path("m")}, ("timeseries",)),
        (Connectome(), {"connectome": Path("n")}, ("connectome",)),
        (Connectome(), {**BOLD, "connectome": Path("n")}, ("connectome",)),
        (Regional(atlas="power264"), {"map": Path("p")}, ("map",)),
        (Regional(atlas="power264", map="gm"), {"map:gm": Path("p")}, ("map:gm",)),
        (Regional(atlas="power264", map="gm"), {"map": Path("p")}, None),
        (Regional(atlas="power264"), BOLD, None),
    ],
)
def test_a_scan_is_an_extractors_own_or_silently_not(extractor, files, inputs):
    scan = Scan("sub-01", files=files)
    assert extractor.applies_to(scan) is (inputs is not None)
    if inputs is not None:
        assert extractor.inputs(scan) == inputs


def test_a_map_is_known_by_its_suffix_or_desc():
    extractor = Regional(atlas="power264", map="GM")
    scan = Scan("sub-01", files={"map": Path("p")}, entities={"suffix": "GM"})
    assert extractor.applies_to(scan)
    assert not extractor.applies_to(replace(scan, entities={"desc": "wm"}))


def test_the_atlas_decides_the_digest_that_a_store_asks_by(atlas):
    assert Homogeneity().atlas_digest() == ""
    assert len(Homogeneity(atlas=atlas).atlas_digest()) == 64
    assert Homogeneity(atlas=atlas).atlas_digest() != Homogeneity(atlas="power264").atlas_digest()


def test_correlations_are_averaged_as_z_and_everything_else_as_it_is():
    assert Connectome().average == "fisher_z"
    assert Connectome(fisher_z=True).average == "mean"
    assert Homogeneity().average == Amplitude(kind="alff").average == "mean"


def test_voxels_without_an_atlas_give_no_connectome(image, mask_image):
    with pytest.raises(ScanRejected, match="E_NO_REGIONS"):
        Connectome().on_image(image, mask_img=mask_image, t_r=T_R)


def test_a_band_that_this_scan_cannot_resolve_rejects_the_scan(image, mask_image):
    extractor = Amplitude(kind="alff", bands={"fast": (0.3, 0.4)})
    with pytest.raises(ScanRejected, match=r"resolves 0\.0031 to 0\.2500 Hz") as caught:
        extractor.on_image(image, mask_img=mask_image, t_r=T_R)
    assert caught.value.code == "E_MEASURE"


def test_maps_that_do_not_vary_cannot_be_normalized(image, mask_image, measure):
    flat = nib.Nifti1Image(np.full((*SHAPE, N_VOLUMES), 3.0, np.float32), AFFINE)
    with pytest.raises(ScanRejected, match="E_FLAT"):
        Amplitude(kind="alff", normalize="mean").on_image(flat, mask_img=mask_image, t_r=T_R)


def test_one_image_is_measured_however_short_with_a_word_of_warning(volumes, mask_image, confounds):
    short = nib.Nifti1Image(volumes[..., :60], AFFINE)
    with pytest.warns(UserWarning, match="fewer than 100 volumes and 5 minutes"):
        found = Homogeneity(band=None).on_image(
            short, mask_img=mask_image, confounds=confounds[:60], t_r=T_R
        )
    assert np.isfinite(found.maps["reho"].get_fdata()).any()


def test_a_band_that_ends_above_the_nyquist_frequency_is_noted(image, mask_image, confounds):
    extractor = Amplitude(kind="falff", bands={"slow2": (0.198, 0.3)})
    with pytest.warns(UserWarning, match=r"band slow2 .* ends at 0\.2500 Hz"):
        extractor.on_image(image, mask_img=mask_image, confounds=confounds, t_r=T_R)


# Columns


@pytest.fixture
def cohort() -> Cohort:
    participants = pd.DataFrame(
        {"cohort": "a", "participant_id": ["sub-01", "sub-02"], "age": [40.0, 50.0],
         "sex": ["F", "M"]}
    )  # fmt: skip
    sessions = pd.DataFrame(
        {"cohort": "a", "participant_id": ["sub-02", "sub-01", "sub-01"],
         "session": ["ses-1", "ses-1", "ses-2"], "vas": [3.0, 5.0, np.nan]}
    )  # fmt: skip
    return Cohort("a", participants, sessions)


def test_columns_become_features_row_by_row(cohort):
    table = TableColumns(columns=["vas", "age"]).extract_table(cohort, "clinic")
    assert list(table.values.columns) == ["clinic.vas", "clinic.age"]
    assert table.values.index.to_list() == [
        ("a", "sub-01", "ses-1"), ("a", "sub-01", "ses-2"), ("a", "sub-02", "ses-1"),
    ]  # fmt: skip
    np.testing.assert_array_equal(table.values, [[5, 40], [np.nan, 40], [3, 50]])
    assert (table.values.dtypes == np.float32).all()
    assert table.rejected.empty


def test_a_session_without_any_number_is_listed_as_rejected(cohort):
    table = TableColumns(columns=["vas"]).extract_table(cohort)
    assert len(table) == 2
    assert table.rejected[["participant_id", "session", "code"]].to_numpy().tolist() == [
        ["sub-01", "ses-2", "E_NO_VALUE"]
    ]


def test_columns_that_are_missing_or_hold_words_are_refused_together(cohort):
    with pytest.raises(InputError) as caught:
        TableColumns(columns=["vos", "sex"]).extract_table(cohort)
    assert [str(p) for p in caught.value.problems] == [
        "cohort a: no column 'vos' to take features from; did you mean 'vas'?",
        "cohort a: column 'sex' holds words; recode it to numbers",
    ]


# Settings


EXAMPLES = {
    "alff": Amplitude(kind="alff", atlas="power264"),
    "falff": Amplitude(kind="falff", bands={"slow5": (0.01, 0.027)}, convention="afni"),
    "degree_centrality": Centrality(sparsity=0.1, of="both", fisher_z=True),
    "reho": Homogeneity(neighbours=7, ties="corrected", band=None),
    "peraf": Intensity(kind="peraf", band="slow4", smooth=6),
    "connectome": Connectome(fisher_z=True, denoise=None),
    "network": Network(of=Connectome(atlas="power264"), densities=[0.1, 0.2], measures=["sigma"]),
    "bands": Connectome(bands=["slow5", "slow4"], atlas="power264"),
    "seed": Seed(seeds={"ball": (0, 4, 8)}, radius=6, band=(0.01, 0.1)),
    "vmhc": Symmetry(band=None, midline="zero", fisher_z=False, symmetric=False),
    "regional": Regional(atlas="power264", map="gm"),
    "values": RegionalValues(of="thickness"),
    "quality": Quality(atlas="power264", denoise=None),
    "columns": TableColumns(columns=["vas"]),
}


@pytest.mark.parametrize("extractor", EXAMPLES.values(), ids=EXAMPLES)
def test_settings_survive_json_and_are_refused_when_unknown(extractor):
    kind = type(extractor)
    text = extractor.model_dump_json()
    assert kind.model_validate_json(text, strict=True) == extractor
    assert TypeAdapter(kind).json_schema()["properties"]["kind"]
    with pytest.raises(ValidationError, match="neighbors"):
        kind.model_validate_json(text[:-1] + ', "neighbors": 27}', strict=True)


def test_every_class_that_a_file_can_name_is_listed_once():
    kinds = [
        k for e in EXTRACTORS for k in e.model_json_schema()["properties"]["kind"].get("enum", [e])
    ]
    assert len(kinds) == len(set(kinds))
    assert {type(e) for e in EXAMPLES.values()} == set(EXTRACTORS)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Amplitude, {"kind": "alff", "bands": {}}),
        (Amplitude, {"kind": "alff", "bands": {"low": (0.1, 0.01)}}),
        (Amplitude, {"kind": "alff", "bands": {"a.b": (0.01, 0.1)}}),
        (Amplitude, {"kind": "alff", "bands": {"low": (-1, 0.1)}}),
        (Amplitude, {"kind": "alff", "convention": "fsl"}),
        (Homogeneity, {"neighbours": 26}),
        (Homogeneity, {"min_voxels": 0}),
        (Homogeneity, {"band": (0.1, 0.1)}),
        (Centrality, {"threshold": -0.1}),
        (Centrality, {"sparsity": 0}),
        (Connectome, {"measure": "tangent"}),
        (Regional, {}),
        (TableColumns, {"columns": []}),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind, settings):
    with pytest.raises(ValidationError):
        kind(**settings)


def test_an_extractor_that_does_not_say_how_it_measures_says_so():
    class Nothing(Extractor):
        kind: str = "nothing"

    with pytest.raises(NotImplementedError, match="Nothing must say how"):
        Nothing().extract(None)


def test_importing_the_extractors_brings_no_heavy_library():
    heavy = "{'sklearn', 'nilearn', 'scipy.stats', 'scipy.signal', 'numba', 'matplotlib'}"
    code = f"import sys, lumbago.extractors; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


# A changed formula must change its version: these values belong to the versions beside them.

PINNED = {
    "alff": (1, [0.7713990, 0.7803576]),
    "falff": (1, [0.4376274, 0.4411628]),
    "reho": (1, [0.7269869, 0.7264569]),
    "connectome": (1, [0.9851958]),
    "degree_centrality": (1, [248.74785, 248.29250]),
    "vmhc": (1, [0.8453214, 0.8453214]),
    "quality": (1, [np.nan] * 4 + [0.9481900, 160, 160, 5.3333335, 156, 0.025, 94.3188, 0]),
}


@pytest.mark.parametrize("kind", PINNED)
def test_values_change_only_together_with_the_version_of_their_formula(measure, atlas, kind):
    extractor = {
        "alff": Amplitude(kind="alff", atlas=atlas),
        "falff": Amplitude(kind="falff", atlas=atlas),
        "reho": Homogeneity(atlas=atlas),
        "connectome": Connectome(atlas=atlas),
        "degree_centrality": Centrality(atlas=atlas),
        "vmhc": Symmetry(atlas=atlas),
        "quality": Quality(atlas=atlas),
    }[kind]
    version, values = PINNED[kind]
    assert extractor.version == version
    np.testing.assert_allclose(measure(extractor).values[: len(values)], values, rtol=1e-4)


def test_the_value_of_a_still_map_changes_only_together_with_its_version(atlas):
    assert Regional.version == 1
    values = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    found = Regional(atlas=atlas).on_image(nib.Nifti1Image(values, AFFINE))
    np.testing.assert_allclose(found.values[:2], [156.5, 409.0])


def test_the_value_of_a_column_changes_only_together_with_its_version(cohort):
    assert TableColumns.version == 1
    table = TableColumns(columns=["age"]).extract_table(cohort, "x")
    assert table.values["x.age"].tolist() == [40, 40, 50]

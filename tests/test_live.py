"""A stream of pushed volumes against the same window measured as a scan, to the last bit."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.ndimage import binary_dilation
from threadpoolctl import threadpool_limits

from lumbago.errors import InputError
from lumbago.extractors import EXTRACTORS, Amplitude
from lumbago.live import Feedback, Live, LiveStream
from lumbago.measures.amplitude import alff
from lumbago.measures.cleaning import clean, cleaning_operator
from lumbago.measures.connectivity import fisher_z, seed_correlation
from lumbago.measures.homogeneity import reho
from lumbago.reading.recording import Recording
from lumbago.spec import read_kind

FEAT = "bold/whole_brain/filtered_func_data.nii.gz"
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
SHAPE = (8, 7, 6)
BAND = (0.02, 0.1)
WIDE = (0.02, 0.24)  # leaves a short window degrees of freedom for confounds


def regions(folder, mask, affine=AFFINE):
    """Write an atlas of the mask's left and right half; return its settings."""
    half = mask.shape[0] // 2
    labels = np.zeros(mask.shape, np.int32)
    labels[:half], labels[half:] = 1, 2
    nib.save(nib.Nifti1Image(labels * mask, affine), folder / "halves.nii.gz")
    (folder / "halves.tsv").write_text("index\tname\n1\tone\n2\ttwo\n")
    return {"image": str(folder / "halves.nii.gz"), "labels": str(folder / "halves.tsv")}


def every_measure(atlas, band=BAND):
    return {
        "alff": {"kind": "alff", "atlas": atlas, "bands": {"low": band}},
        "falff": {"kind": "falff", "atlas": atlas, "bands": {"low": band}, "denoise": None},
        "reho": {"kind": "reho", "atlas": atlas, "band": band},
        "seed": {"kind": "seed", "atlas": atlas, "band": band,
                 "seeds": {"left": {"atlas": atlas, "region": "one"}}},
        "edges": {"kind": "connectome", "atlas": atlas, "band": band, "fisher_z": True},
    }  # fmt: skip


def offline(measures, volumes, mask_image, t_r, confounds=None):
    """Every value of a window, as `lumbago extract` has them."""
    found = {}
    image = nib.Nifti1Image(volumes, mask_image.affine)
    for name, measure in measures.items():
        extractor = read_kind(measure, EXTRACTORS, "measure")
        own = None if extractor.denoise is None else confounds
        recording = Recording.from_image(image, mask_img=mask_image, confounds=own, t_r=t_r)
        with threadpool_limits(1):
            extraction = extractor.extract(recording)
        found |= {f"{name}{n}": v for n, v in zip(extraction.names, extraction.values, strict=True)}
    return found


def bits(values):
    return {name: np.float32(value).tobytes() for name, value in values.items()}


@pytest.fixture(scope="module")
def brain():
    mask = np.ones(SHAPE, bool)
    mask[0, 0, :3] = mask[4, 3, 2] = False
    return mask


@pytest.fixture(scope="module")
def mask_image(brain):
    return nib.Nifti1Image(brain.astype(np.uint8), AFFINE)


@pytest.fixture(scope="module")
def atlas(tmp_path_factory, brain):
    return regions(tmp_path_factory.mktemp("atlas"), brain)


@pytest.fixture(scope="module")
def scan():
    rng = np.random.default_rng(4)
    slow = np.cumsum(rng.standard_normal((*SHAPE, 70)), axis=3) / 5
    return (800 + slow + rng.standard_normal((*SHAPE, 70))).astype(np.float32)


def test_windows_of_a_real_run_are_measured_to_the_bit_as_scans_are(shared_data, tmp_path):
    image = nib.load(shared_data / FEAT)
    volumes = np.asarray(image.dataobj, dtype=np.float32)
    mean = volumes.mean(axis=3)
    mask = (mean > 0.4 * np.percentile(mean, 98)) & (np.ptp(volumes, axis=3) > 0)
    mask_image = nib.Nifti1Image(mask.astype(np.uint8), image.affine)
    measures = every_measure(regions(tmp_path, mask, image.affine))
    stream = LiveStream(Live(t_r=3, window=50, measures=measures), mask_image)
    found = [stream.push(volumes[..., t]) for t in range(volumes.shape[3])]
    assert all(math.isnan(v) for f in found[:49] for v in f.values.values())
    for end in (50, 57, 64):
        window = volumes[..., end - 50 : end]
        expected = offline(measures, window, mask_image, 3)
        assert bits(found[end - 1].values) == bits(expected)
        assert all(map(math.isfinite, found[end - 1].values.values()))
    # And by the array functions alone.
    cleaned = clean(window[mask].T, cleaning_operator(50))
    one = np.arange(mask.shape[0])[np.nonzero(mask)[0]] < mask.shape[0] // 2
    got = found[-1].values
    assert got["alff.low:one"] == pytest.approx(alff(cleaned, t_r=3, band=BAND)[one].mean(), 1e-4)
    filtered = clean(window[mask].T, cleaning_operator(50, t_r=3, band=BAND))
    grid = np.zeros((*mask.shape, 50), np.float32)
    grid[mask] = filtered.T
    assert got["reho:two"] == pytest.approx(reho(grid, mask)[mask][~one].mean(), 1e-4)
    r = seed_correlation(filtered, filtered[:, one].mean(axis=1)[:, None])[0]
    assert got["seed.left:two"] == pytest.approx(fisher_z(r)[~one].mean(), 1e-3)
    edge = np.corrcoef(filtered[:, one].mean(axis=1), filtered[:, ~one].mean(axis=1))[0, 1]
    assert got["edges:one~two"] == pytest.approx(np.arctanh(edge), 1e-3)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(width=st.integers(40, 60), more=st.integers(0, 10), n_confounds=st.integers(0, 3))
def test_any_width_and_length_equals_the_last_window_as_a_scan(
    width, more, n_confounds, atlas, mask_image, scan
):
    measures = every_measure(atlas, WIDE)
    confounds = np.random.default_rng(1).standard_normal((70, n_confounds))
    stream = LiveStream(
        Live(t_r=2, window=width, measures=measures, confounds=n_confounds), mask_image
    )
    for t in range(width + more):
        found = stream.push(scan[..., t], confounds[t])
    assert found.volume == width + more - 1
    some = slice(more, more + width)
    own = confounds[some] if n_confounds else None
    assert bits(found.values) == bits(offline(measures, scan[..., some], mask_image, 2, own))


def test_volumes_as_images_integers_and_arrays_give_the_same(atlas, mask_image, scan):
    measures = {"alff": every_measure(atlas)["alff"]}
    whole = np.round(scan).astype(np.int16)
    before = whole.copy()
    streams = [LiveStream(Live(t_r=2, window=30, measures=measures), mask_image) for _ in "abc"]
    for t in range(30):
        one = streams[0].push(whole[..., t])
        two = streams[1].push(nib.Nifti1Image(whole[..., t], AFFINE))
        three = streams[2].push(whole[..., t, None].astype(np.float64))
    assert one.values == two.values == three.values
    np.testing.assert_array_equal(whole, before)


def test_maps_are_those_of_the_scan(mask_image, scan):
    stream = LiveStream(Live(t_r=2, window=40, measures={"alff": {"kind": "alff"}}), mask_image)
    assert stream.names == ()
    for t in range(45):
        found = stream.push(scan[..., t])
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", UserWarning)
        scanned = Amplitude(kind="alff").on_image(
            nib.Nifti1Image(scan[..., 5:45], AFFINE), mask_img=mask_image, t_r=2
        )
    [(name, live)], [of_scan] = found.maps.items(), scanned.maps.values()
    assert name.startswith("alff")
    np.testing.assert_array_equal(np.asarray(live.dataobj), np.asarray(of_scan.dataobj))


BAD = {
    "missing": (lambda v: None, "the volume is missing"),
    "shape": (lambda v: v[:5], "the volume has 5 × 7 × 6 voxels, the data 8 × 7 × 6"),
    "affine": (lambda v: nib.Nifti1Image(v, np.diag([3, 3, 3.1, 1])), "lie 0.5 mm apart"),
    "nan": (lambda v: np.full_like(v, np.nan), "of 332 voxels in the brain hold NaN"),
    "complex": (lambda v: v.astype(complex), "expected real numbers, got complex128"),
    "words": (lambda v: "volume.nii", "the volume has"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_unusable_volume_is_told_and_leaves_windows_without_values(
    case, atlas, mask_image, scan
):
    make, sentence = BAD[case]
    measures = {"alff": every_measure(atlas)["alff"]}
    stream = LiveStream(Live(t_r=2, window=30, measures=measures), mask_image)
    found = [stream.push(make(scan[..., t]) if t == 31 else scan[..., t]) for t in range(63)]
    assert sentence in found[31].notes[0]
    lost = [f.volume for f in found if math.isnan(f.values["alff.low:one"])]
    assert lost == [*range(29), *range(31, 61)]
    assert found[60].notes == ("volumes missing in the window: 1 of 30",)
    assert found[61].notes == ()
    expected = offline(measures, scan[..., 32:62], mask_image, 2)
    assert bits(found[61].values) == bits(expected)


@pytest.mark.parametrize("strategy", ["none", "motion6"])
def test_gaps_may_be_scrubbed_to_the_bit_as_those_of_a_scan_are(
    strategy, atlas, mask_image, scan, tmp_path
):
    n = 6 if strategy == "motion6" else 0
    motion = np.random.default_rng(1).standard_normal((70, 6))
    denoise = {"strategy": strategy}
    measures = {k: {**m, "denoise": denoise} for k, m in every_measure(atlas, WIDE).items()}
    stream = LiveStream(
        Live(t_r=2, window=50, measures=measures, gaps="scrub", confounds=n), mask_image
    )
    gaps = (20, 33, 34)
    for t in range(60):
        found = stream.push(None if t in gaps else scan[..., t], motion[t, :n])
    names = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
    table = pd.DataFrame(motion[10:60], columns=names)
    table["framewise_displacement"] = [9.0 * (t in gaps) for t in range(10, 60)]
    table.to_csv(tmp_path / "confounds.tsv", sep="\t", index=False)
    denoise["scrub"] = {"fd": 0.5}
    expected = offline(measures, scan[..., 10:60], mask_image, 2, tmp_path / "confounds.tsv")
    assert bits(found.values) == bits(expected)
    assert all(map(math.isfinite, found.values.values()))


def test_a_window_of_gaps_has_no_values_and_says_why(atlas, mask_image, scan):
    measures = {"falff": every_measure(atlas)["falff"]}
    stream = LiveStream(Live(t_r=2, window=30, measures=measures, gaps="scrub"), mask_image)
    found = [stream.push(scan[..., t] if t < 30 else None) for t in range(60)]
    assert math.isfinite(found[40].values["falff.low:one"])
    assert math.isnan(found[58].values["falff.low:one"])
    assert found[58].notes[1].startswith("falff: ")
    assert found[59].notes[1] == "every volume of the window is missing"


def test_a_few_holes_leave_the_mask_as_in_a_scan(atlas, mask_image, scan):
    measures = every_measure(atlas)
    stream = LiveStream(Live(t_r=2, window=40, measures=measures), mask_image)
    holed = scan.copy()
    holed[2, 2, 2, 20] = np.nan
    holed[6, 3, 3, 41] = np.inf
    for t in range(50):
        found = stream.push(holed[..., t])
    expected = offline(measures, holed[..., 10:50], mask_image, 2)
    assert bits(found.values) == bits(expected)
    assert bits(expected) != bits(offline(measures, scan[..., 10:50], mask_image, 2))
    holed[3:5, 2, 2, 50], holed[3:5, 2, 4, 51] = np.nan, np.nan  # few in each, many together
    stream.push(holed[..., 50])
    found = stream.push(holed[..., 51])
    assert math.isnan(found.values["reho:one"])
    assert "voxels in the brain hold NaN or infinity somewhere in the window" in found.notes[0]


def test_confounds_that_do_not_fit_make_a_volume_unusable(atlas, mask_image, scan):
    stream = LiveStream(
        Live(t_r=2, window=30, measures={"alff": every_measure(atlas)["alff"]}, confounds=2),
        mask_image,
    )
    for t, bad in enumerate((None, [1.0], [1.0, math.nan], [["a"]])):
        notes = stream.push(scan[..., t], bad).notes
        assert notes[0].startswith("the volume: "), notes
    assert stream.push(scan[..., 5], [1.0, 2.0]).notes == ("the window fills: 5 of 30",)


def ramp(stream, scan, n):
    return [stream.push(scan[..., t]) for t in range(n)]


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("scale", ["unit", "z"])
def test_feedback_is_the_clipped_score_against_the_block(scale, direction, atlas, mask_image, scan):
    of = "edges:one~two"
    feedback = Feedback(of=of, baseline=(25, 45), scale=scale, direction=direction, limit=1.5)
    measures = {"edges": {"kind": "connectome", "atlas": atlas}}
    stream = LiveStream(Live(t_r=2, seconds=60, measures=measures, feedback=feedback), mask_image)
    found = ramp(stream, scan, 70)
    values = np.array([f.values[of] for f in found])
    block = values[29:46]  # the first full window ends at volume 29
    z = np.clip((values - block.mean()) / block.std(ddof=1), -1.5, 1.5)
    z = -z if direction == "down" else z
    expected = z if scale == "z" else 0.5 + z / 3
    told = np.array([f.feedback for f in found])
    assert np.isnan(told[:46]).all()
    np.testing.assert_allclose(told[46:], expected[46:], rtol=1e-9)
    assert np.ptp(told[46:]) > 0.1
    assert stream.baseline == pytest.approx((block.mean(), block.std(ddof=1)))


def test_feedback_against_an_earlier_run_begins_with_the_first_window(atlas, mask_image, scan):
    feedback = Feedback(of="alff.low:one", mean=1.0, sd=2.0, scale="z", limit=100)
    stream = LiveStream(
        Live(t_r=2, window=30, measures={"alff": every_measure(atlas)["alff"]}, feedback=feedback),
        mask_image,
    )
    found = ramp(stream, scan, 31)
    assert math.isnan(found[28].feedback)
    assert found[29].feedback == (found[29].values["alff.low:one"] - 1) / 2


def test_what_cannot_be_measured_is_refused_before_the_scan(atlas, mask_image):
    def refused(match, **changes):
        measures = changes.pop("measures", {"alff": {"kind": "alff", "atlas": atlas}})
        with pytest.raises(InputError, match=match):
            LiveStream(Live(**{"t_r": 2, "window": 30, "measures": measures, **changes}),
                       changes.pop("mask", mask_image))  # fmt: skip

    slow = {"kind": "alff", "atlas": atlas, "bands": {"slow": (0.001, 0.005)}}
    refused("slow: .*no frequency lies in the band", measures={"slow": slow})
    refused("edges: connectome measures no voxels", measures={"edges": {"kind": "connectome"}})
    refused("degrees of freedom", confounds=20)
    refused("did you mean 'alff.low:one'", feedback=Feedback(of="alff.low:on", mean=0, sd=1))
    empty = nib.Nifti1Image(np.zeros(SHAPE, np.uint8), AFFINE)
    with pytest.raises(InputError, match="mask: expected a 3D image with voxels"):
        LiveStream(Live(t_r=2, window=30, measures={"alff": {"kind": "alff"}}), empty)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"window": None}, "one of both"),
        ({"seconds": 60}, "one of both"),
        ({"window": None, "seconds": 3.0}, "holds 2 volumes, at least 3"),
        ({"measures": {"a": {"kind": "alff", "denoise": {"scrub": {"fd": 0.5}}}}}, "leave scrub"),
        ({"feedback": {"of": "a", "baseline": (0, 29)}}, "fewer than 2 full windows"),
        ({"feedback": {"of": "a"}}, "one baseline"),
        ({"feedback": {"of": "a", "mean": 1.0}}, "one baseline"),
        ({"feedback": {"of": "a", "mean": 1.0, "sd": 1.0, "baseline": (40, 50)}}, "one baseline"),
        ({"t_r": 2000}, "less than or equal to 10"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(changes, match):
    whole = {"t_r": 2, "window": 30, "measures": {"a": {"kind": "alff"}}, **changes}
    with pytest.raises(ValidationError, match=match):
        Live(**whole)


def test_settings_are_hashable_and_read_back():
    live = Live(t_r=2, seconds=61, measures={"a": {"kind": "reho", "neighbours": 19}})
    assert live.width == 30
    settings = live.canonical()
    del settings["version"]
    assert Live(**settings) == live
    assert len({live, Live(**settings)}) == 1


def test_the_example_of_the_page_runs(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parent.parent / "docs/live.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "live"}
    exec(compile(block, "docs/live.md", "exec"), names)
    amplitude, feedback, latency = map(float, capsys.readouterr().out.split())
    assert amplitude > 0
    assert 0 <= feedback <= 1
    assert latency > 0


def test_a_mask_of_the_targets_and_their_neighbours_gives_the_same_values(
    atlas, mask_image, scan, brain, tmp_path
):
    labels = np.zeros(SHAPE, np.int32)
    labels[2:4, 2:4, 2:4], labels[6, 3:5, 3] = 1, 2
    nib.save(nib.Nifti1Image(labels, AFFINE), tmp_path / "targets.nii.gz")
    (tmp_path / "targets.tsv").write_text("index\tname\n1\tone\n2\ttwo\n")
    targets = {
        "image": str(tmp_path / "targets.nii.gz"), "labels": str(tmp_path / "targets.tsv")
    }  # fmt: skip
    near = binary_dilation(labels > 0, np.ones((3, 3, 3))) & brain
    assert near.sum() < 0.5 * brain.sum()
    settings = Live(t_r=2, window=40, measures=every_measure(targets))
    small = nib.Nifti1Image(near.astype(np.uint8), AFFINE)
    found = []
    for mask in (mask_image, small):
        stream = LiveStream(settings, mask)
        for t in range(45):
            last = stream.push(scan[..., t])
        found.append(last.values)
    assert found[0] == pytest.approx(found[1], rel=1e-5)

"""Images behind their guard: what is read, what is refused, and that no header text leaves."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nibabel.nifti1 import Nifti1Extension

from damages import damaged
from datasets import AFFINE, SHAPE, bold_image, mask_image
from lumbago.errors import ScanRejected
from lumbago.reading.images import open_image, read_bold, read_image
from lumbago.reading.voxels import BoldSource, check_grid, read_mask, read_volume

CANARY = "JANE DOE 1970"


@pytest.fixture
def bold(tmp_path: Path) -> Path:
    path = tmp_path / "sub-01_bold.nii.gz"
    bold_image(20).to_filename(path)
    return path


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f4", "<f8", "u1"])
def test_voxels_are_those_of_nibabel(tmp_path: Path, kind: type, suffix: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    values = (rng.random((*SHAPE, 7)) * 200).astype(dtype)
    image = kind(values, AFFINE, header=nib.Nifti1Header(endianness=dtype[0].replace("u", "<")))
    image.header.set_slope_inter(0.5, -3) if dtype[1:] == "i2" else None
    path = tmp_path / f"x{suffix}"
    image.to_filename(path)
    ours = read_bold(path)
    assert ours.get_data_dtype() == np.float32
    np.testing.assert_array_equal(ours.get_fdata(), nib.load(path).get_fdata(dtype=np.float32))
    np.testing.assert_allclose(ours.affine, AFFINE)
    mask = rng.random(SHAPE) < 0.4
    in_mask = np.stack(list(open_image(path).voxels(mask)))
    assert in_mask.dtype == np.float32
    np.testing.assert_array_equal(in_mask, ours.get_fdata()[mask].T)


@pytest.mark.parametrize(
    ("name", "strict"),
    [
        ("bold/rest_bids/sub-001/func/sub-001_task-rest_bold.nii.gz", True),
        ("bold/whole_brain/filtered_func_data.nii.gz", False),
        ("bold/long_runs/run-001_res-25mm_bold.nii.gz", True),
        ("bold/long_runs/run-001_slice_bold.nii.gz", True),
    ],
)
def test_real_images_are_those_of_nibabel(shared_data: Path, name: str, strict: bool) -> None:
    opened = open_image(shared_data / name, ndim=4, strict=strict)
    theirs = nib.load(shared_data / name)
    np.testing.assert_array_equal(
        np.stack(list(opened.volumes()), -1), theirs.get_fdata(dtype=np.float32)
    )
    np.testing.assert_allclose(opened.affine, theirs.affine)
    if not strict:
        with pytest.raises(ScanRejected, match="E_NO_XFORM"):
            open_image(shared_data / name, ndim=4)
        assert opened.t_r is None, "a header without a unit of time tells no repetition time"


@pytest.mark.parametrize(("unit", "stored"), [("sec", 2.5), ("msec", 2500.0), ("usec", 2.5e6)])
def test_the_unit_of_the_repetition_time_counts(tmp_path: Path, unit: str, stored: float) -> None:
    image = bold_image(5)
    image.header.set_zooms((3, 3, 3, stored))
    image.header.set_xyzt_units("mm", unit)
    image.to_filename(tmp_path / "x.nii")
    assert open_image(tmp_path / "x.nii").t_r == pytest.approx(2.5)


def test_no_text_of_a_header_reaches_what_is_read(tmp_path: Path) -> None:
    image = bold_image(5)
    header = image.header
    header["descrip"], header["aux_file"] = CANARY, CANARY
    header["db_name"], header["intent_name"] = CANARY, CANARY
    header.extensions.append(Nifti1Extension("comment", CANARY.encode()))
    image.to_filename(tmp_path / "x.nii.gz")
    assert CANARY.encode() in gzip.decompress((tmp_path / "x.nii.gz").read_bytes())
    read = read_image(tmp_path / "x.nii.gz")
    assert CANARY.encode()[:8] not in read.to_bytes()
    assert not read.header.extensions
    voxels = BoldSource.of(tmp_path / "x.nii.gz").masked(np.ones(SHAPE, dtype=bool))
    assert "JANE" not in repr(voxels) + repr(BoldSource.of(tmp_path / "x.nii.gz"))


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("cut in half", "E_TRUNCATED"),
        ("last bytes missing 4", "E_TRUNCATED"),
        ("last bytes missing 8", "E_TRUNCATED"),
        ("bit flip", "E_CRC"),
        ("wrong checksum", "E_CRC"),
        ("gzip named .nii", "E_NOT_NIFTI"),
        ("plain named .nii.gz", "E_NOT_NIFTI"),
        ("html", "E_NOT_NIFTI"),
        ("html named .nii", "E_NOT_NIFTI"),
        ("annex pointer", "E_MISSING"),
        ("git lfs pointer", "E_MISSING"),
        ("broken link", "E_MISSING"),
        ("empty", "E_EMPTY"),
        ("header only", "E_TRUNCATED"),
        ("plain header only", "E_TRUNCATED"),
        ("shorter than a header", "E_TRUNCATED"),
        ("131 TB", "E_TRUNCATED"),
        ("bomb", "E_TOO_LARGE"),
        ("negative dimension", "E_HEADER"),
        ("offset NaN", "E_HEADER"),
        ("offset 1e9", "E_HEADER"),
        ("data type 9999", "E_DTYPE"),
        ("slope infinite", "E_SCALING"),
        ("slope NaN", "E_SCALING"),
        ("three dimensions", "E_NOT_4D"),
        ("five dimensions", "E_NOT_4D"),
        ("complex", "E_DTYPE"),
        ("rgb", "E_DTYPE"),
        ("one volume", "E_SHORT"),
        ("sform far from qform", "E_XFORM"),
        ("no orientation", "E_NO_XFORM"),
        ("singular affine", "E_AFFINE"),
        ("affine NaN", "E_AFFINE"),
        ("not an image name", "E_NOT_NIFTI"),
    ],
)
def test_a_bad_image_is_refused_by_name(bold: Path, how: str, code: str) -> None:
    path = damaged(bold, how)
    with pytest.raises(ScanRejected) as refused:
        BoldSource.of(path, strict=True).masked(np.ones(SHAPE, dtype=bool))
    assert refused.value.code == code, refused.value.reason
    assert str(path.parent) not in refused.value.reason


def test_a_header_that_claims_too_much_costs_no_memory(bold: Path) -> None:
    damaged(bold, "bomb")
    tracemalloc.start()
    with pytest.raises(ScanRejected, match="at most 8 GB are read"):
        open_image(bold, ndim=4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


def test_bytes_behind_the_end_are_noted(bold: Path) -> None:
    bold.write_bytes(bold.read_bytes() + b"garbage")
    notes: list[str] = []
    assert len(list(open_image(bold).volumes(notes))) == 20
    assert notes == ["an image file holds bytes behind its end; they were not read"]


def test_a_small_difference_of_sform_and_qform_is_noted(bold: Path) -> None:
    image = bold_image(5)
    moved = AFFINE.copy()
    moved[0, 3] += 0.5
    image.set_sform(moved, 4)
    image.to_filename(bold)
    opened = open_image(bold)
    assert opened.notes == ("sform and qform differ by up to 0.50 mm; the sform is used",)
    np.testing.assert_allclose(opened.affine, moved)


def test_a_qform_alone_is_an_orientation(bold: Path) -> None:
    image = bold_image(5)
    image.set_sform(None, 0)
    image.to_filename(bold)
    np.testing.assert_allclose(open_image(bold).affine, AFFINE, atol=1e-5)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 347), st.binary(min_size=1, max_size=16), st.booleans())
@example(113, b"\x00\x00{", False)  # a slope that no single precision number times data can hold
def test_any_header_gives_an_image_or_a_reason(
    tmp_path: Path, offset: int, noise: bytes, cut: bool
) -> None:
    data = bytearray(bold_image(4, shape=(3, 3, 3)).to_bytes())
    data[offset : offset + len(noise)] = noise
    path = tmp_path / "x.nii"
    path.write_bytes(bytes(data[: offset + 1] if cut else data))
    # Anything but an image or this one exception fails here.
    with contextlib.suppress(ScanRejected):
        assert read_image(path).ndim in (3, 4)


def test_a_mask_of_another_grid_is_refused_not_resampled(tmp_path: Path) -> None:
    mask = mask_image()
    assert read_mask(mask, SHAPE, AFFINE).sum() == 4 * 5 * 4
    with pytest.raises(ScanRejected, match=r"6 × 5 × 4 voxels, the data 7 × 5 × 4; nothing is"):
        read_mask(mask, (7, 5, 4), AFFINE)
    shifted = AFFINE.copy()
    shifted[1, 3] += 1
    with pytest.raises(ScanRejected, match="lie 1 mm apart; nothing is resampled silently"):
        read_mask(mask, SHAPE, shifted)
    with pytest.raises(ScanRejected, match="the brain mask is empty"):
        read_mask(nib.Nifti1Image(np.zeros(SHAPE, np.uint8), AFFINE), SHAPE, AFFINE)
    check_grid("it", SHAPE, AFFINE + 1e-5, SHAPE, AFFINE)


def test_voxels_without_number_leave_the_mask_and_too_many_refuse_the_scan() -> None:
    image = bold_image(30, shape=(12, 12, 12))
    image.get_fdata()[...] = 0
    data = np.asarray(image.dataobj)
    data[3, 3, 3, 7], data[4, 4, 4, :] = np.inf, np.nan
    mask = np.ones(data.shape[:3], dtype=bool)
    read = BoldSource.of(image).masked(mask)
    assert read.values.shape == (30, 12**3 - 2)
    assert not read.mask[3, 3, 3]
    assert not read.mask[4, 4, 4]
    assert np.isfinite(read.values).all()
    assert "2 voxels (0.12%) held NaN or infinity" in read.notes[0]
    assert mask.all(), "the mask given was changed"
    data[:2, 0, :, 5] = np.nan
    with pytest.raises(ScanRejected, match="E_NAN"):
        BoldSource.of(image).masked(mask)


def test_reading_holds_the_brain_once_in_single_precision(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    rng = np.random.default_rng(0)
    data = rng.integers(0, 3, (40, 40, 30, 200)).astype(np.int16)
    nib.Nifti1Image(data, AFFINE).to_filename(path)
    mask = np.zeros(data.shape[:3], dtype=bool)
    mask[10:30, 10:30] = True
    needed = mask.sum() * 200 * 4
    tracemalloc.start()
    read = BoldSource.of(path).masked(mask)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(read.values, data[mask].T)
    assert peak < 1.25 * needed, f"{peak / needed:.2f} times the brain"


def test_a_still_map_keeps_its_nan(tmp_path: Path) -> None:
    data = np.ones(SHAPE, dtype=np.float32)
    data[0] = np.nan
    nib.Nifti1Image(data[..., None], AFFINE).to_filename(tmp_path / "m.nii.gz")
    volume = read_volume(tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(volume.array, data)
    np.testing.assert_allclose(volume.affine, AFFINE)

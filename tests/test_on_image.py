"""Single images, as a notebook hands them over: maps of real scans against the array functions."""

from __future__ import annotations

import warnings

import nibabel as nib
import numpy as np
import pytest

from lumbago.extractors import Amplitude, Homogeneity
from lumbago.measures.amplitude import alff, falff
from lumbago.measures.cleaning import clean, cleaning_operator
from lumbago.measures.homogeneity import reho
from lumbago.reading.denoise import Denoise

RAW = "bold/rest_bids/sub-001/func/sub-001_task-rest_bold.nii.gz"
FEAT = "bold/whole_brain/filtered_func_data.nii.gz"
T_R = {RAW: 2.52, FEAT: 3.0}


def mapped(extractor, image, t_r, mask=None) -> nib.Nifti1Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = extractor.on_image(image, mask_img=mask, t_r=t_r)
    [(_, of_image)] = found.maps.items()
    return of_image


@pytest.mark.parametrize("name", [RAW, FEAT])
def test_maps_of_a_real_scan_are_those_of_the_array_functions(shared_data, name):
    image = nib.load(shared_data / name)
    volumes = np.asarray(image.dataobj, dtype=np.float32)
    mean = volumes.mean(axis=3)
    mask = (mean > 0.4 * np.percentile(mean, 98)) & (np.ptp(volumes, axis=3) > 0)
    mask_image = nib.Nifti1Image(mask.astype(np.uint8), image.affine)
    t_r = T_R[name]
    cleaned = clean(volumes[mask].T, cleaning_operator(volumes.shape[3]))
    for kind, measure in (("alff", alff), ("falff", falff)):
        made = mapped(Amplitude(kind=kind), image, t_r, mask_image)
        got = np.asarray(made.dataobj)
        np.testing.assert_allclose(got[mask], measure(cleaned, t_r=t_r), rtol=1e-4)
        assert np.isnan(got[~mask]).all()
        np.testing.assert_array_equal(made.affine, image.affine)
    grid = np.zeros((*mask.shape, volumes.shape[3]), dtype=np.float32)
    grid[mask] = cleaned.T
    made = mapped(Homogeneity(band=None), image, t_r, mask_image)
    np.testing.assert_allclose(np.asarray(made.dataobj)[mask], reho(grid, mask)[mask], atol=1e-5)


@pytest.mark.parametrize("name", [RAW, FEAT])
def test_a_map_without_a_given_mask_looks_like_a_brain(shared_data, name):
    image = nib.load(shared_data / name)
    made = np.asarray(mapped(Homogeneity(band=None, denoise=Denoise()), image, T_R[name]).dataobj)
    inside = np.isfinite(made)
    mean = np.asarray(image.dataobj, dtype=np.float32).mean(axis=3)
    assert 0.05 < inside.mean() < 0.7
    assert mean[inside].mean() > 3 * mean[~inside].mean()
    assert np.nanmin(made) >= 0
    assert np.nanmax(made) <= 1
    # Neighbours agree more than they do once each one's volumes are shuffled, where W is 1 / 27.
    volumes = np.zeros(image.shape, dtype=np.float32)
    voxels = np.asarray(image.dataobj, dtype=np.float32)[inside]
    volumes[inside] = np.random.default_rng(0).permuted(voxels, axis=1)
    by_chance = reho(volumes, inside)[inside]
    assert (made[inside] > np.nanpercentile(by_chance, 95)).mean() > 3 * 0.05


def test_no_word_of_the_header_comes_along(shared_data):
    image = nib.load(shared_data / RAW)
    image.header["descrip"] = b"JANEDOE"
    made = mapped(Amplitude(kind="alff"), image, T_R[RAW])
    assert b"JANEDOE" not in made.header.binaryblock
    assert made.header.extensions == []

"""Measures of real volumes against scipy's, at 200 voxels drawn at random."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import scipy.signal
import scipy.stats

from lumbago.measures.amplitude import amplitudes
from lumbago.measures.homogeneity import reho
from lumbago.measures.intensity import intensity_sd, peraf, tsnr

RUNS = {
    "rest": ("bold/rest_bids/sub-001/func/sub-001_task-rest_bold.nii.gz", 2.52),
    "feat": ("bold/whole_brain/filtered_func_data.nii.gz", 3.0),
}
N_VOXELS = 200


@pytest.fixture(scope="module", params=RUNS)
def run(request, shared_data):
    """Volumes as they are, a mask of the brain, and the repetition time."""
    name, t_r = RUNS[request.param]
    volumes = np.asarray(nib.load(shared_data / name).dataobj)
    mean = volumes.mean(axis=3)
    return volumes, (mean > 0.4 * np.percentile(mean, 98)) & (np.ptp(volumes, axis=3) > 0), t_r


def drawn(mask: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).choice(np.count_nonzero(mask), N_VOXELS, replace=False)


@pytest.mark.parametrize("convention", ["dpabi", "afni", "std"])
def test_spectra_are_scipys_periodograms(run, convention):
    volumes, mask, t_r = run
    signals = volumes[mask].T
    bands = [(0.01, 0.1), (0.01, 0.027), (0.027, 0.073)]
    found = amplitudes(signals, t_r=t_r, bands=bands, convention=convention, detrend="linear")
    some = drawn(mask)
    n = len(signals)
    n_grid = 2 ** int(np.ceil(np.log2(n))) if convention == "dpabi" else n
    frequency, power = scipy.signal.periodogram(
        signals[:, some].astype(np.float64), fs=1 / t_r, nfft=n_grid, detrend="linear",
        scaling="spectrum", axis=0,
    )  # fmt: skip
    for i, (low, high) in enumerate(bands):
        step = frequency[1]
        if convention == "dpabi":
            inside = (frequency >= low - 1e-9) & (frequency <= high + 1e-9)
        else:
            first, last = np.rint(low / step), np.rint(high / step)
            inside = (np.arange(len(frequency)) >= first) & (np.arange(len(frequency)) <= last)
        if convention == "std":
            size = np.sqrt(power[inside].sum(axis=0))
            share = size / np.sqrt(power.sum(axis=0))
        else:
            # Amplitudes of sines; at the Nyquist frequency scipy does not double the power.
            sines = np.sqrt(2 * power)
            if n_grid % 2 == 0:
                sines[-1] *= np.sqrt(2)
            if convention == "afni":
                sines = sines[: (n_grid + 1) // 2 if n_grid % 2 else n_grid // 2]
                inside = inside[: len(sines)]
            size = sines[inside].mean(axis=0)
            if convention == "afni":
                size = sines[inside].sum(axis=0) * np.sqrt(n)
            share = sines[inside].sum(axis=0) / sines[1:].sum(axis=0)
        np.testing.assert_allclose(found.alff[i, some], size, rtol=2e-4)
        np.testing.assert_allclose(found.falff[i, some], share, rtol=2e-4)


@pytest.mark.parametrize("neighbours", [7, 19, 27])
def test_reho_is_scipys_friedman_with_ties_and_spearman_without(run, neighbours):
    volumes, mask, _ = run
    corrected = reho(volumes, mask, neighbours, "corrected")
    # Where nothing is tied, W is a mean of Spearman's correlations; noise breaks the ties.
    n = volumes.shape[3]
    free = volumes + np.random.default_rng(2).uniform(0, 1, volumes.shape)
    untied = reho(free, mask, neighbours)
    steps = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    near = steps[np.abs(steps).sum(axis=1) <= {7: 1, 19: 2, 27: 3}[neighbours]]
    for voxel in np.argwhere(mask)[drawn(mask)]:
        at = voxel + near
        at = at[((at >= 0) & (at < mask.shape)).all(axis=1)]
        at = at[mask[tuple(at.T)]]
        k = len(at)
        if k < 3:
            continue
        chi_square = scipy.stats.friedmanchisquare(*volumes[tuple(at.T)].T)[0]
        assert corrected[tuple(voxel)] == pytest.approx(chi_square / (k * (n - 1)), rel=1e-9)
        r = scipy.stats.spearmanr(free[tuple(at.T)], axis=1)[0]
        expected = (1 + (k - 1) * r[np.triu_indices(k, 1)].mean()) / k
        assert untied[tuple(voxel)] == pytest.approx(expected, abs=1e-9)


def test_levels_and_fluctuations_are_numpys(run):
    volumes, mask, _ = run
    signals = volumes[mask].T
    some = drawn(mask)
    exact = signals[:, some].astype(np.float64)
    mean, left = exact.mean(axis=0), scipy.signal.detrend(exact, axis=0)
    np.testing.assert_allclose(
        tsnr(signals, detrend="linear")[some], mean / left.std(axis=0), rtol=1e-9
    )
    np.testing.assert_allclose(
        peraf(signals)[some], 100 * np.abs(exact / mean - 1).mean(axis=0), rtol=1e-9
    )
    np.testing.assert_allclose(intensity_sd(signals)[some], exact.std(axis=0), rtol=1e-9)
    # Plausible for grey matter at 3 T, and far from what an error of unit would give.
    assert 20 < np.median(tsnr(signals, detrend="linear")) < 2000

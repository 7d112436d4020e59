"""Partial correlation and covariance of regions: nilearn's, scikit-learn's, and numpy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.covariance import LedoitWolf

from lumbago.data import Scan
from lumbago.data.features import edge_names
from lumbago.errors import ScanRejected
from lumbago.experiment.costs import n_features
from lumbago.extraction.sessions import averaged
from lumbago.extractors import Connectome
from lumbago.measures.connectivity import partial_correlation
from lumbago.reading.recording import Recording

N_VOLUMES, N_REGIONS = 130, 6
NAMES = [f"r{i}" for i in range(N_REGIONS)]


@pytest.fixture(scope="module")
def series() -> np.ndarray:
    rng = np.random.default_rng(5)
    mixed = rng.normal(size=(N_VOLUMES, N_REGIONS)) @ rng.normal(size=(N_REGIONS, N_REGIONS))
    return (mixed * np.logspace(0, 2, N_REGIONS)).astype(np.float32)


@pytest.fixture
def extract(series, tmp_path):
    def extracted(values=series, **settings):
        path = tmp_path / "sub-01_timeseries.tsv"
        pd.DataFrame(values, columns=NAMES[: values.shape[1]]).to_csv(
            path, sep="\t", index=False, na_rep="n/a"
        )
        scan = Scan("sub-01", files={"timeseries": path}, t_r=2.0)
        return Connectome(denoise=None, **settings).extract(Recording(scan))

    return extracted


def upper(matrix, k=1):
    return matrix[np.triu_indices(len(matrix), k)]


def standardized(series):
    values = series.astype(np.float64)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def test_partial_correlation_is_nilearns_of_standardized_signals(extract, series):
    from nilearn.connectome import ConnectivityMeasure

    oracle = ConnectivityMeasure(kind="partial correlation", standardize=False)
    expected = oracle.fit_transform([standardized(series)])[0]
    found = extract(measure="partial_correlation")
    np.testing.assert_allclose(found.values, upper(expected), atol=1e-6)
    assert found.names == tuple(f":{e}" for e in edge_names(NAMES))


def test_unshrunk_partial_correlation_is_the_inverse_of_numpys_correlations(extract, series):
    inverse = np.linalg.inv(np.corrcoef(series.T.astype(np.float64)))
    scale = np.sqrt(np.diag(inverse))
    expected = -inverse / np.outer(scale, scale)
    found = extract(measure="partial_correlation", shrinkage="none", fisher_z=True)
    np.testing.assert_allclose(found.values, np.arctanh(upper(expected)), atol=1e-5)


def test_covariance_is_numpys_or_scikit_learns_and_brings_the_variances(extract, series):
    found = extract(measure="covariance")
    np.testing.assert_allclose(found.values, upper(np.cov(series.T.astype(float)), 0), rtol=1e-5)
    assert found.names[:2] == (":r0~r0", ":r0~r1")
    shrunk = extract(measure="covariance", shrinkage="ledoit_wolf")
    expected = LedoitWolf().fit(series.astype(np.float64)).covariance_
    np.testing.assert_allclose(shrunk.values, upper(expected, 0), rtol=1e-5)


@pytest.mark.parametrize("shrinkage", ["ledoit_wolf", "none"])
def test_a_region_without_data_is_nan_and_the_others_are_conditioned_on_those_present(
    extract, series, shrinkage
):
    holed = series.copy()
    holed[:, 2] = np.nan
    found = extract(holed, measure="partial_correlation", shrinkage=shrinkage)
    absent = np.array(["r2" in name for name in found.names])
    assert np.isnan(found.values[absent]).all()
    alone = extract(np.delete(series, 2, axis=1), measure="partial_correlation",
                    shrinkage=shrinkage)  # fmt: skip
    np.testing.assert_allclose(found.values[~absent], alone.values, atol=1e-6)
    covariance = extract(holed, measure="covariance")
    assert np.isnan(covariance.values[["r2" in n for n in covariance.names]]).all()


def test_too_few_volumes_need_shrinkage(series):
    for n_volumes, refused in ((N_REGIONS + 1, True), (N_REGIONS + 2, False)):
        some = series[:n_volumes]
        if refused:
            with pytest.raises(ValueError, match="6 signals need more than 7 volumes, got 7"):
                partial_correlation(some, shrinkage=None)
        else:
            assert np.isfinite(partial_correlation(some, shrinkage=None)).all()
        assert np.isfinite(partial_correlation(some)).all()


def test_signals_that_cleaning_made_dependent_need_shrinkage(extract):
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(N_VOLUMES, 4)))[0]
    values = (basis @ rng.normal(size=(4, N_REGIONS)) * 50 + 3).astype(np.float32)
    with pytest.raises(ScanRejected, match=r"only [45] independent ones") as caught:
        extract(values, measure="partial_correlation", shrinkage="none")
    assert caught.value.code == "E_MEASURE"
    assert np.isfinite(extract(values, measure="partial_correlation").values).all()


@pytest.mark.parametrize(
    "settings",
    [{"measure": "covariance", "fisher_z": True}, {"shrinkage": "ledoit_wolf"},
     {"measure": "partial_correlation", "shrinkage": "oas"}],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(settings):
    with pytest.raises(ValidationError):
        Connectome(**settings)


def test_runs_are_averaged_as_z_unless_they_are_no_correlations():
    assert Connectome(measure="partial_correlation").average == "fisher_z"
    assert Connectome(measure="partial_correlation", fisher_z=True).average == "mean"
    assert Connectome(measure="covariance").average == "mean"
    runs = np.array([[0.2], [0.8]])
    expected = np.tanh((np.arctanh(0.2) + np.arctanh(0.8)) / 2)
    np.testing.assert_allclose(averaged(runs, "fisher_z"), expected)


def test_a_matrix_from_a_file_stands_for_correlation_only():
    files = {"connectome": Path("n"), "timeseries": Path("t")}
    both = Scan("sub-01", files=files)
    assert Connectome(denoise=None).inputs(both) == ("connectome",)
    partial = Connectome(measure="partial_correlation", denoise=None)
    assert partial.inputs(both) == ("timeseries",)
    assert not partial.applies_to(Scan("sub-01", files={"connectome": Path("n")}))


def test_the_plan_counts_the_variances_of_a_covariance():
    assert n_features(Connectome(atlas="lumbago200")) == 19900
    assert n_features(Connectome(atlas="lumbago200", measure="covariance")) == 20100

"""Figures for a notebook: what is drawn is what the nouns hold."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lumbago
from lumbago.data import Atlas, Extraction, FeatureTable, Scan, Signals
from lumbago.data.features import edge_names
from lumbago.data.packaged import packaged_atlas
from lumbago.errors import InputError
from lumbago.evaluation.metrics import METRICS, score
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.result import Result
from lumbago.measures.connectivity import vectorize
from lumbago.report.plots.brain import on_regions
from lumbago.report.plots.carpet import MOST_ROWS, carpet_rows
from lumbago.report.plots.connectome import strongest
from lumbago.report.plots.curves import calibration_curve
from lumbago.report.plots.square import square
from predictions import DIAGNOSIS, PAIN, table

NAMES = tuple(packaged_atlas("lumbago200").names)


@pytest.fixture(autouse=True)
def backend():
    mpl.use("agg")
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


def matrix(n: int, seed: int = 0) -> np.ndarray:
    return np.corrcoef(np.random.default_rng(seed).normal(size=(n, 40)))


def whole(axes) -> np.ndarray:
    """Draw the figure; return its pixels, once no word of it is cut off by its edge."""
    figure = axes.figure
    figure.canvas.draw()
    tight, inches = figure.get_tightbbox(), figure.get_size_inches()
    assert tight.x0 >= -0.02
    assert tight.y0 >= -0.02
    assert tight.x1 <= inches[0] + 0.02
    assert tight.y1 <= inches[1] + 0.02
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    return pixels


# edges


@given(n=st.integers(2, 12), seed=st.integers(0, 99))
def test_edges_by_name_make_the_matrix_they_came_from(n, seed):
    values = matrix(n, seed)
    names = tuple(f"r{i}" for i in range(n))
    edges = Extraction(
        tuple(f":{e}" for e in edge_names(names)), vectorize(values).astype(np.float32)
    )
    got, labels = square(edges)
    np.fill_diagonal(values, np.nan)
    np.testing.assert_allclose(got, values, atol=1e-6)
    assert labels == names


def test_a_table_of_edges_is_drawn_as_its_mean():
    names = [f"e:{e}" for e in edge_names(["a", "b", "c"])]
    index = pd.MultiIndex.from_tuples(
        [("s", f"sub-{i}", "") for i in range(2)], names=["cohort", "participant_id", "session"]
    )
    frame = pd.DataFrame([[1, 2, 3], [3, 4, 5]], index, names, dtype=np.float32)
    assert square(FeatureTable("e", frame, {}))[0][0, 2] == 3.0


@pytest.mark.parametrize(
    ("edges", "why"),
    [
        (np.zeros((2, 3)), "square matrix"),
        (np.array([[0, 1], [2, 0]]), "symmetric"),
        (pd.Series([1.0], ["reho:a"]), "'reho:a' and the like"),
        (pd.Series([1.0, 2.0], ["x:a~b", "y:a~b"]), "those of x, y"),
    ],
)
def test_what_is_no_matrix_is_refused(edges, why):
    with pytest.raises(ValueError, match=why):
        square(edges)


@given(n=st.integers(3, 15), k=st.integers(1, 30), seed=st.integers(0, 99))
def test_the_strongest_edges_are_those_a_sort_finds(n, k, seed):
    values = matrix(n, seed)
    kept = strongest(values, k)
    size = np.sort(np.abs(vectorize(values)))[::-1][:k]
    got = np.abs(kept[np.triu_indices(n, 1)])
    np.testing.assert_array_equal(np.sort(got[np.isfinite(got)])[::-1], size)


def test_a_matrix_stands_in_order_of_network():
    shuffled = np.array(["x", "y", "x", "y", "z", "x"])
    values = matrix(6)
    axes = lumbago.plot_matrix(values, networks=shuffled, label="r")
    order = [0, 2, 5, 1, 3, 4]
    drawn = axes.images[0].get_array().filled(np.nan)
    np.testing.assert_array_equal(drawn[0, 1:], values[0, order][1:])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["x", "y", "z"]
    whole(axes)


def test_networks_are_read_off_the_names_of_the_regions():
    values = pd.DataFrame(matrix(200), NAMES, NAMES)
    axes = lumbago.plot_matrix(values, title="All")
    assert "Default" in [t.get_text() for t in axes.get_xticklabels()]
    by_atlas = lumbago.plot_matrix(matrix(200), atlas="lumbago200")
    np.testing.assert_array_equal(axes.images[0].get_array(), by_atlas.images[0].get_array())
    whole(axes)


def test_a_connectome_tells_how_many_edges_it_shows():
    axes = lumbago.plot_connectome(matrix(200), atlas="lumbago200", n_edges=12)
    assert axes.get_title(loc="left") == "12 strongest of 19,900 edges"
    whole(axes)


def test_another_atlas_is_refused():
    with pytest.raises(ValueError, match="has no region '1' of this matrix of 9"):
        lumbago.plot_connectome(matrix(9), atlas="lumbago200")


# maps


def test_values_by_region_fill_their_voxels():
    image = on_regions(pd.Series({f"reho:{NAMES[3]}": 0.5, f"reho:{NAMES[7]}": -2.0}), "lumbago200")
    atlas = packaged_atlas("lumbago200")
    labels, values = np.asarray(atlas.image.dataobj), np.asarray(image.dataobj)
    index = atlas.labels["index"].to_numpy()
    assert set(values[labels == index[3]]) == {0.5}
    assert set(values[labels == index[7]]) == {-2.0}
    assert np.isnan(values[~np.isin(labels, index[[3, 7]])]).all()


@pytest.mark.parametrize("view", ["glass", "slices"])
def test_a_map_is_drawn_in_both_views(view):
    values = pd.Series(np.linspace(-1, 1, 200), NAMES)
    whole(lumbago.plot_map(values, atlas="lumbago200", view=view, label="z", title="A map"))


def test_the_same_map_scaled_looks_the_same_but_for_its_numbers():
    values = pd.Series(np.linspace(0.1, 1, 200), NAMES)
    small, large = (
        lumbago.plot_map(values * k, atlas="lumbago200", view="slices") for k in (1, 100)
    )
    left = int(0.85 * whole(small).shape[1])  # the rest is the bar
    np.testing.assert_array_equal(whole(small)[:, :left], whole(large)[:, :left])


@pytest.mark.parametrize(
    ("image", "atlas", "why"),
    [
        (nib.Nifti1Image(np.zeros((4, 4, 4), np.float32), np.eye(4)), None, "no finite value"),
        (nib.Nifti1Image(np.ones((4, 4, 4, 2), np.float32), np.eye(4)), None, "3 dimensions"),
        ({"a": 1.0}, None, "need atlas="),
        ({"a": 1.0}, "lumbago200", "has no region 'a'"),
        ({"a": 1.0}, "dosenbach160", "use plot_connectome"),
    ],
)
def test_what_is_no_map_is_refused(image, atlas, why):
    with pytest.raises(ValueError, match=why):
        lumbago.plot_map(image, atlas=atlas)


# curves


def result(**made) -> Result:
    return Result(table(**made), DIAGNOSIS, 1)


def test_the_key_of_a_roc_curve_tells_the_tables_auc():
    found = result(n=80)
    axes = lumbago.plot_roc(found)
    auc = score(METRICS["roc_auc"], Outcomes.of(found.predictions, DIAGNOSIS))
    row = found.scores(["roc_auc"]).iloc[0]
    words = [t.get_text() for t in axes.get_legend().get_texts()]
    assert words[-1] == f"All: {auc:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
    whole(axes)


def test_each_site_has_a_thin_curve():
    frame = table(n=80)
    frame["site"] = np.where(frame["participant_id"].str[-1].isin(list("01234")), "here", "there")
    axes = lumbago.plot_roc(Result(frame, DIAGNOSIS, 1))
    words = [t.get_text().split(":")[0] for t in axes.get_legend().get_texts()]
    assert words == ["here", "there", "All"]
    here = Outcomes.of(frame[frame["site"] == "here"], DIAGNOSIS)
    told = axes.get_legend().get_texts()[0].get_text()
    assert told == f"here: {score(METRICS['roc_auc'], here):.2f}"


def test_calibration_bins_hold_what_a_loop_finds():
    frame = table(n=60)
    rng = np.random.default_rng(5)
    frame["y_prob"] = rng.random(len(frame))
    outcomes = Outcomes.of(frame, DIAGNOSIS)
    curve = calibration_curve(outcomes, 4, np.random.SeedSequence(1))
    order = np.argsort(outcomes.prob)
    for row, part in zip(curve.to_dict("records"), np.array_split(order, 4), strict=True):
        assert row["given"] == pytest.approx(outcomes.prob[part].mean(), abs=0.02)
        assert row["true"] == pytest.approx(outcomes.positive[part].mean(), abs=0.03)
        assert row["ci_low"] <= row["true"] <= row["ci_high"]
    assert curve["n"].sum() == len(outcomes)


def test_honest_probabilities_lie_on_the_diagonal():
    frame = pd.concat([table(n=400)], ignore_index=True)
    rng = np.random.default_rng(6)
    frame["y_prob"] = rng.random(len(frame))
    frame["y_true"] = np.where(rng.random(len(frame)) < frame["y_prob"], *DIAGNOSIS.classes[::-1])
    curve = calibration_curve(Outcomes.of(frame, DIAGNOSIS), 5, np.random.SeedSequence(1))
    assert np.abs(curve["given"] - curve["true"]).max() < 0.1


def test_a_calibration_plot_tells_the_brier_score():
    found = result(n=60)
    axes = lumbago.plot_calibration(found)
    brier = score(METRICS["brier"], Outcomes.of(found.predictions, DIAGNOSIS))
    assert f"Brier score {brier:.2f}" in axes.texts[0].get_text()
    whole(axes)


def test_a_cell_must_be_clear():
    both = Result(pd.concat([table(model="a"), table(model="b")]), DIAGNOSIS, 1)
    with pytest.raises(InputError, match=r"say which by model \(model: a, b\)"):
        lumbago.plot_roc(both)
    with pytest.raises(InputError, match="model 'c': expected one of a, b"):
        lumbago.plot_roc(both, model="c")
    lumbago.plot_roc(both, model="b")
    with pytest.raises(InputError, match="needs two classes; target pain is continuous"):
        lumbago.plot_calibration(Result(table(target=PAIN), PAIN, 1))


# carpets


def signals(n_volumes: int = 60, n: int = 30, **more) -> Signals:
    rng = np.random.default_rng(3)
    values = 500 + rng.normal(size=(n_volumes, n)) * rng.uniform(1, 9, n)
    return Signals(values.astype(np.float32), 2.0, **more)


def test_rows_of_a_carpet_are_standardized_over_the_kept_volumes():
    kept = np.arange(5, 60)
    rows, networks = carpet_rows(signals(kept=kept))
    np.testing.assert_allclose(rows[:, kept].mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(rows[:, kept].std(axis=1), 1, atol=1e-4)
    assert rows.shape == (30, 60)
    assert networks == []


def test_voxels_stand_in_order_of_their_correlation_with_the_mean():
    rows, _ = carpet_rows(signals())
    r = [np.corrcoef(row, rows.mean(axis=0))[0, 1] for row in rows]
    assert np.all(np.diff(r) < 1e-6)
    assert len(carpet_rows(signals(n=3 * MOST_ROWS))[0]) == MOST_ROWS


def test_regions_stand_by_network_and_dead_ones_are_left_out():
    given = signals(n=6, labels=("LH_A_1", "LH_B_1", "LH_C_1", "RH_A_1", "RH_B_1", "RH_C_1"))
    given.values[:, 5] = 7
    rows, networks = carpet_rows(given)
    assert networks == ["A", "A", "B", "B", "C"]
    assert len(rows) == 5
    with pytest.raises(ValueError, match="no carpet"):
        carpet_rows(Signals(np.ones((9, 4), np.float32)))


def test_motion_stands_above_the_carpet_and_must_fit_it():
    fd = np.r_[np.nan, np.linspace(0, 1, 59)]
    axes = lumbago.plot_carpet(signals(kept=np.arange(40)), fd=fd, title="A scan")
    above = axes.child_axes[-1]
    np.testing.assert_array_equal(above.lines[0].get_ydata(), fd)
    assert above.get_title(loc="right") == "mean 0.50 mm, 20 of 60 volumes scrubbed"
    whole(axes)
    with pytest.raises(ValueError, match="each of 60 volumes, got 59"):
        lumbago.plot_carpet(signals(), fd=fd[1:])


def test_a_scan_is_its_own_carpet(tiny_cohort_folder):
    bold = sorted(tiny_cohort_folder.rglob("*desc-preproc_bold.nii.gz"))[0]
    confounds = f"{str(bold).split('_space')[0]}_desc-confounds_timeseries.tsv"
    scan = Scan("sub-01", files={"bold": bold, "confounds": confounds}, t_r=2.0)
    axes = lumbago.plot_carpet(scan)
    assert len(axes.child_axes[-1].lines[0].get_ydata()) == axes.get_xlim()[1] / 2.0
    whole(axes)


# axes


def test_given_axes_are_drawn_on_and_returned_and_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("a plot was shown"))
    sphere = Atlas(
        "two", "spheres",
        pd.DataFrame({"index": [1, 2], "name": ["a", "b"], "x": [-20.0, 20], "y": 0.0, "z": 10.0}),
        "MNI", radius=5.0,
    )  # fmt: skip
    pair = np.array([[1, 0.5], [0.5, 1]])
    drawings = [
        lambda axes: lumbago.plot_map(dict.fromkeys(NAMES, 1.0), atlas="lumbago200", axes=axes),
        lambda axes: lumbago.plot_matrix(matrix(5), axes=axes),
        lambda axes: lumbago.plot_connectome(pair, atlas=sphere, axes=axes),
        lambda axes: lumbago.plot_roc(result(), axes=axes),
        lambda axes: lumbago.plot_calibration(result(), axes=axes),
        lambda axes: lumbago.plot_carpet(signals(), axes=axes),
    ]
    for draw in drawings:
        figure, axes = plt.subplots()
        assert draw(axes) is axes
        assert plt.get_fignums() == [figure.number]
        plt.close(figure)

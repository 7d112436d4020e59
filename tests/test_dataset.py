"""What the learning wing is given, and the names of features."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbago.data import Atlas, Dataset, Extraction, Target
from lumbago.data.features import check_key, edge_names, region_names


def make(values=None, rows=4) -> Dataset:
    index = pd.MultiIndex.from_tuples(
        [("c", f"sub-{i // 2}", f"ses-{i % 2}") for i in range(rows)],
        names=["cohort", "participant_id", "session"],
    )
    values = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2) if values is None else values
    X = pd.DataFrame(values, index=index, columns=["f:a", "f:b"])
    X["covariate:age"] = np.arange(rows, dtype=float)
    X["covariate:site"] = ["x", "y"] * (rows // 2)
    target = Target("diagnosis", "binary", ("control", "patient"))
    return Dataset(X, np.array([0, 0, 1, 1]), target, np.array(["s"] * rows), {"all": ["f:a"]})


def test_groups_are_people_not_sessions():
    data = make()
    assert data.groups.tolist() == ["c/sub-0", "c/sub-0", "c/sub-1", "c/sub-1"]
    assert data.features == ["f:a", "f:b"]
    assert data.covariates == ["age", "site"]
    assert data.columns_of("all") == ["f:a", "covariate:age", "covariate:site"]
    assert data.target.positive == "patient"


def test_rows_must_be_unique_sorted_and_as_many_as_labels():
    data = make()
    with pytest.raises(ValueError, match="sorted"):
        Dataset(data.X.iloc[::-1], data.y, data.target, data.site)
    with pytest.raises(ValueError, match="twice"):
        Dataset(data.X.iloc[[0, 0, 1, 2]], data.y, data.target, data.site)
    with pytest.raises(ValueError, match="4 rows, y 3"):
        Dataset(data.X, data.y[:3], data.target, data.site)
    with pytest.raises(ValueError, match="indexed by"):
        Dataset(data.X.reset_index(drop=True), data.y, data.target, data.site)


@pytest.mark.parametrize("change", ["value", "label", "covariate", "site", "set"])
def test_the_digest_sees_every_change_that_can_reach_a_result(change):
    data = make()
    before = data.digest
    X, y, site, sets = data.X.copy(), data.y.copy(), data.site.copy(), {"all": ["f:a"]}
    if change == "value":
        X.iloc[0, 0] += 1
    elif change == "label":
        y[0] = 1
    elif change == "covariate":
        X.iloc[0, 2] += 1
    elif change == "site":
        site[0] = "t"
    else:
        sets = {"all": ["f:b"]}
    assert Dataset(X, y, data.target, site, sets).digest != before
    assert make().digest == before


def test_taking_rows_keeps_labels_with_their_people():
    part = make().take(np.array([3, 1]))
    assert part.participant.tolist() == ["sub-0", "sub-1"]
    assert part.y.tolist() == [0, 1]


@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=8))
def test_region_names_are_unique_and_free_of_the_marks_of_feature_names(labels):
    try:
        names = region_names(labels)
    except ValueError:
        return
    assert len(set(names)) == len(labels)
    assert not any(mark in name for name in names for mark in ":~.")
    assert region_names(names) == names


def test_edges_stand_in_the_order_of_the_upper_triangle():
    labels = ["a", "b", "c", "d"]
    rows, columns = np.triu_indices(4, 1)
    assert edge_names(labels) == [
        f"{labels[i]}~{labels[j]}" for i, j in zip(rows, columns, strict=True)
    ]
    assert len(edge_names(labels, diagonal=True)) == 10


@pytest.mark.parametrize("key", ["a:b", "a~b", "a.b", "", "1a", "a b", "covariate:x"])
def test_keys_that_would_make_names_ambiguous_are_refused(key):
    with pytest.raises(ValueError, match="feature name"):
        check_key(key)


def test_an_extraction_takes_its_key_in_front():
    extraction = Extraction((".low:a", ".low:b"), np.array([1, np.nan], dtype=np.float32))
    assert list(extraction.series("alff").index) == ["alff.low:a", "alff.low:b"]


def test_an_atlas_needs_clean_names_and_somewhere_to_look():
    labels = pd.DataFrame({"index": [1, 2], "name": ["a", "b"], "x": 0, "y": 0, "z": 0})
    spheres = Atlas("balls", "spheres", labels, "MNI", radius=5.0)
    assert len(spheres) == 2
    assert spheres.digest != Atlas("balls", "spheres", labels, "MNI", radius=6.0).digest
    with pytest.raises(ValueError, match="need a radius"):
        Atlas("balls", "spheres", labels, "MNI")
    with pytest.raises(ValueError, match="need an image"):
        Atlas("balls", "deterministic", labels, "MNI")
    with pytest.raises(ValueError, match="unique"):
        Atlas("balls", "spheres", labels.assign(name=["a", "a"]), "MNI", radius=5.0)

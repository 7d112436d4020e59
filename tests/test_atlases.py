"""Atlases: ours is what its method says, others are read strictly."""

from __future__ import annotations

import gzip
import json
import runpy
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbago.data import packaged
from lumbago.data.packaged import atlases_folder, packaged_atlas
from lumbago.errors import InputError
from lumbago.reading.atlases import LocalAtlas, Spheres, atlas_names, load_atlas, read_labels

AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])


@pytest.fixture(autouse=True)
def no_atlases_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("LUMBAGO_ATLASES", str(tmp_path / "none"))


@pytest.fixture
def local(tmp_path):
    """A sound local atlas of three regions; its image and table may be replaced."""
    voxels = np.zeros((6, 5, 4), dtype=np.int16)
    voxels[0], voxels[2], voxels[4] = 1, 2, 7
    image, labels = tmp_path / "three_dseg.nii.gz", tmp_path / "three.tsv"
    nib.save(nib.Nifti1Image(voxels, AFFINE), image)
    labels.write_text("index\tname\n1\tleft\n2\tmid dle\n7\tright\n")
    return image, labels


def ref(local, **settings):
    return LocalAtlas(image=str(local[0]), labels=str(local[1]), **settings)


# Ours


def test_every_packaged_atlas_loads_and_is_read_once():
    assert atlas_names() == ("dosenbach160", "lumbago200", "pain_seeds", "power264")
    sizes = {name: len(load_atlas(name)) for name in atlas_names()}
    assert sizes == {"dosenbach160": 160, "lumbago200": 200, "pain_seeds": 42, "power264": 264}
    assert load_atlas("lumbago200") is load_atlas("lumbago200")


def test_lumbago200_is_its_own_mirror_image_voxel_by_voxel():
    atlas = load_atlas("lumbago200")
    voxels = np.asarray(atlas.image.dataobj).astype(int)
    x = atlas.image.affine[0, 0] * np.arange(voxels.shape[0]) + atlas.image.affine[0, 3]
    assert np.array_equal(x, -x[::-1])
    mirrored = voxels[::-1]
    expected = np.where(mirrored > 100, mirrored - 100, np.where(mirrored > 0, mirrored + 100, 0))
    assert np.array_equal(voxels, expected)
    assert voxels[x < 0].max() == 100
    assert voxels[x > 0][voxels[x > 0] > 0].min() == 101
    assert not voxels[x == 0].any()


def test_lumbago200_names_pairs_alike_and_agrees_with_its_voxels():
    atlas = load_atlas("lumbago200")
    table = atlas.labels
    left, right = table[:100], table[100:]
    assert [n.removeprefix("LH_") for n in left["name"]] == [
        n.removeprefix("RH_") for n in right["name"]
    ]
    voxels = np.asarray(atlas.image.dataobj).astype(int)
    assert list(np.bincount(voxels.ravel(), minlength=201)[1:]) == list(table["n_voxels"])
    at = np.argwhere(voxels > 0) @ atlas.image.affine[:3, :3].T + atlas.image.affine[:3, 3]
    centre = pd.DataFrame(at).groupby(voxels[voxels > 0]).mean().to_numpy()
    np.testing.assert_allclose(centre, table[["x", "y", "z"]], atol=0.006)


def test_lumbago200_networks_are_those_of_the_nearest_dosenbach_coordinate():
    ours, theirs = load_atlas("lumbago200").labels, load_atlas("dosenbach160").labels
    here, there = (t[["x", "y", "z"]].to_numpy(copy=True) for t in (ours, theirs))
    here[:, 0], there[:, 0] = abs(here[:, 0]), abs(there[:, 0])
    away = np.linalg.norm(here[:, None] - there, axis=2)
    network = theirs["network"].to_numpy()[away.argmin(axis=1)]
    assert [n.replace("-", "") for n in network] == [n.lower() for n in ours["network"]]
    np.testing.assert_allclose(away.min(axis=1), ours["distance"], atol=0.02)


def test_lumbago200_covers_the_grey_matter_of_the_template_it_names():
    from nilearn.datasets import load_mni152_gm_template

    grey = np.asarray(load_mni152_gm_template(resolution=2).dataobj)
    # nilearn's documentation calls its template asymmetrical; its file, "sym_09a", is not.
    np.testing.assert_allclose(grey, grey[::-1], atol=1e-5)
    grey = (grey.astype(np.float64) + grey[::-1]) / 2
    voxels = np.asarray(load_atlas("lumbago200").image.dataobj)
    off_midline = np.arange(grey.shape[0]) != 49
    assert np.array_equal((voxels > 0)[off_midline], (grey >= 0.5)[off_midline])


def test_the_packaged_image_is_small_and_its_gzip_names_no_time_and_no_file():
    content = (atlases_folder() / "lumbago200" / "dseg.nii.gz").read_bytes()
    assert len(content) < 300_000
    flags, mtime = content[3], content[4:8]
    assert flags == 0
    assert mtime == bytes(4)


def test_altered_voxels_of_a_packaged_atlas_are_noticed(tmp_path, monkeypatch):
    shutil.copytree(atlases_folder() / "lumbago200", tmp_path / "lumbago200")
    path = tmp_path / "lumbago200" / "dseg.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[len(content) // 2] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))
    monkeypatch.setattr(packaged, "atlases_folder", lambda: tmp_path)
    packaged_atlas.cache_clear()
    try:
        with pytest.raises(InputError, match=r"not those of its atlas\.json"):
            packaged_atlas("lumbago200")
    finally:
        packaged_atlas.cache_clear()


@pytest.mark.slow
def test_the_script_makes_lumbago200_again_bit_by_bit(tmp_path):
    folder = atlases_folder() / "lumbago200"
    runpy.run_path(str(folder / "make.py"))["make"](tmp_path)
    for name in ("atlas.json", "labels.tsv"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    made, kept = (gzip.decompress((f / "dseg.nii.gz").read_bytes()) for f in (tmp_path, folder))
    assert made == kept


def test_spheres_lie_at_the_published_coordinates():
    from nilearn.datasets import fetch_coords_power_2011

    power = load_atlas("power264")
    assert (power.kind, power.radius) == ("spheres", 5.0)
    expected = fetch_coords_power_2011().rois[["x", "y", "z"]].to_numpy()
    np.testing.assert_array_equal(power.labels[["x", "y", "z"]], expected)
    assert load_atlas("dosenbach160").names[:2] == ("vmPFC_1", "aPFC_2")


def test_a_radius_makes_another_atlas():
    wider = load_atlas(Spheres(coordinates="power264", radius=6))
    assert wider.radius == 6
    assert wider.digest != load_atlas("power264").digest
    with pytest.raises(InputError, match="a radius belongs to spheres only"):
        load_atlas(Spheres(coordinates="lumbago200", radius=6))


def test_an_unknown_name_is_refused_with_the_nearest_known():
    with pytest.raises(InputError, match="did you mean 'power264'"):
        load_atlas("power246")


# Local files


def test_a_local_atlas_keeps_the_order_of_its_table(local):
    local[1].write_text("index\tname\tnetwork\n7\tright\tA\n1\tleft\tB\n2\tmid dle\tA\n")
    atlas = load_atlas(ref(local, space="MNI152NLin6Asym"))
    assert atlas.names == ("right", "left", "mid_dle")
    assert list(atlas.labels["index"]) == [7, 1, 2]
    assert atlas.space == "MNI152NLin6Asym"
    assert list(atlas.labels["network"]) == ["A", "B", "A"]


@pytest.mark.parametrize(
    "text",
    [
        "index\tname\n0\tBackground\n1\tleft\n2\tmid dle\n7\tright\n",
        "\ufeffindex\tname\r\n1\tleft\r\n2\tmid dle\r\n7\tright\r\n",
        "1 left\n2 mid dle\n7 right\n",
        "# a comment\n0 Unknown 0 0 0 0\n1 left 1 2 3 0\n2 mid dle 4 5 6 0\n7 right 7 8 9 0\n",
        "left\n1 171 243 85 255\nmid dle\n2 86 162 74 255\nright\n7 1 1 1 255\n",
    ],
    ids=["tsv", "bom-crlf", "plain", "freesurfer", "workbench"],
)
def test_tables_of_every_form_say_the_same(local, tmp_path, text):
    path = tmp_path / ("labels.tsv" if "\t" in text else "labels.txt")
    path.write_bytes(text.encode())
    assert load_atlas(ref((local[0], path))).names == ("left", "mid_dle", "right")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("index\tname\n1\tleft\n2\tmid\n", "no name for 7 of the image"),
        ("index\tname\n1\tl\n2\tm\n7\tr\n8\tx\n", "x not in the image"),
        ("index\tname\n1\tl\n2\tm\n7\tr\n7\ts\n", "index 7 stands twice"),
        ("index\tname\n1\tl\n2\tl\n7\tr\n", "name l stands twice"),
        ("index\tname\n1\tl\n2\tm\textra\n7\tr\n", r":3: expected 2 cells, got 3"),
        ("index\tname\n1.5\tl\n2\tm\n7\tr\n", r":2: expected a whole number, got '1.5'"),
        ("number\tlabel\n1\tl\n", "expected a header with index and name"),
        ("left\nmid\nright\n", "without indices cannot be matched"),
        ("\n\n", "holds no row"),
        ("index\tname\n1\tl\0\n", "got binary data"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_a_sentence(local, text, reason):
    local[1].write_text(text)
    if "\t" not in text:
        local = (local[0], local[1].rename(local[1].with_suffix(".txt")))
    with pytest.raises(InputError, match=reason):
        load_atlas(ref(local))


def test_every_problem_of_an_atlas_is_told_at_once(local):
    local[1].write_text("index\tname\n1\tleft\n2\tmid\n9\tother\n")
    with pytest.raises(InputError) as caught:
        load_atlas(ref(local))
    assert len(caught.value.problems) == 2


def _image(path, array, affine=AFFINE):
    nib.save(nib.Nifti1Image(array, affine), path)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.full((3, 3, 3), 1.5, np.float32), "expected whole numbers"),
        (np.full((3, 3, 3), -1, np.int16), "expected whole numbers, 0 or more"),
        (np.full((3, 3, 3), np.nan, np.float32), "expected whole numbers"),
        (np.zeros((3, 3, 3), np.int16), "every voxel is 0"),
        (np.ones((3, 3, 3, 2), np.float32), "a probabilistic atlas cannot be used as labels"),
        (np.ones((3, 3), np.int16), "dimensions, got 2"),
    ],
)
def test_an_image_that_holds_no_labels_is_refused(local, array, reason):
    _image(local[0], array)
    with pytest.raises(InputError, match=reason):
        load_atlas(ref(local))


def test_whole_numbers_stored_as_floats_are_labels(local):
    voxels = np.asarray(nib.load(local[0]).dataobj).astype(np.float32)
    _image(local[0], voxels[..., None])
    assert len(load_atlas(ref(local))) == 3


@pytest.mark.parametrize("end", [0, 20, 60, -8])
def test_a_broken_image_is_refused_without_its_path(local, end):
    local[0].write_bytes(local[0].read_bytes()[:end])
    with pytest.raises(InputError, match=r"three_dseg\.nii\.gz") as caught:
        load_atlas(ref(local))
    assert str(local[0].parent) not in str(caught.value)


def test_a_missing_file_is_said_by_name(local):
    with pytest.raises(InputError, match=r"nowhere\.tsv: No such file"):
        load_atlas(ref((local[0], "nowhere.tsv")))


def test_the_fingerprint_of_a_local_image_is_checked(local):
    found = load_atlas(ref(local)).about["sha256"]
    assert len(load_atlas(ref(local, sha256=found.upper()))) == 3
    with pytest.raises(InputError, match="expected sha256 00ff"):
        load_atlas(ref(local, sha256="00ff"))


def test_a_changed_file_is_read_again(local):
    before = load_atlas(ref(local))
    assert load_atlas(ref(local)) is before
    text = local[1].read_text()
    local[1].unlink()
    local[1].write_text(text.replace("left", "port"))
    assert load_atlas(ref(local)).names == ("port", "mid_dle", "right")


def test_local_coordinates_become_spheres(tmp_path):
    path = tmp_path / "seeds.tsv"
    path.write_text("name\tx\ty\tz\nleft insula\t-36\t18\t2\nPCC\t-5\t-43\t25\n")
    atlas = load_atlas(Spheres(coordinates=str(path), radius=4, space="MNI152NLin6Asym"))
    assert atlas.names == ("left_insula", "PCC")
    assert (atlas.radius, atlas.space) == (4, "MNI152NLin6Asym")
    path.write_text("name\tx\ty\tz\nPCC\t-5\tfar\t25\n")
    with pytest.raises(InputError, match="expected numbers in x, y, z"):
        load_atlas(Spheres(coordinates=str(path)))


@given(st.binary(max_size=200), st.sampled_from([".tsv", ".txt"]))
def test_any_bytes_give_a_table_or_a_refusal(tmp_path_factory, content, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content)
    try:
        table = read_labels(path)
    except InputError:
        return
    assert (table["index"] > 0).all()
    assert table["index"].is_unique
    assert table["name"].is_unique


def test_schaefer_with_tian_reads_as_published(shared_data: Path):
    stem = "Schaefer2018_200Parcels_7Networks_order_Tian_Subcortex_S1"
    atlas = load_atlas(
        LocalAtlas(
            image=str(shared_data / f"atlases/{stem}_3T_MNI152NLin2009cAsym_2mm.nii.gz"),
            labels=str(shared_data / f"atlases/{stem}_label.txt"),
            space="MNI152NLin2009cAsym",
        )
    )
    assert len(atlas) == 216
    assert atlas.names[:2] == ("HIP-rh", "AMY-rh")
    assert sum("Default" in name for name in atlas.names) == 46


def test_the_licence_and_source_of_every_atlas_are_told():
    for name in atlas_names():
        about = json.loads((atlases_folder() / name / "atlas.json").read_text())
        assert about.keys() >= {"name", "kind", "space", "licence", "citation", "method"}
        assert "doi:10." in about["citation"]

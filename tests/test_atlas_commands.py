"""`lumbago atlas`: what it lists is what an experiment may name."""

from __future__ import annotations

import json
import os
import re

import nibabel as nib
import numpy as np
import pytest

from experiments import write_experiment
from lumbago import cli
from lumbago.errors import ConfigError, InputError
from lumbago.experiment.loading import load
from lumbago.extraction.kept import public_spec
from lumbago.extractors import Amplitude
from lumbago.reading.atlases import LocalAtlas, atlas_names, load_atlas
from lumbago.reading.own_atlases import add_atlas, own_root

AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    folder = tmp_path / "own"
    monkeypatch.setenv("LUMBAGO_ATLASES", str(folder))
    monkeypatch.setenv("NILEARN_DATA", str(tmp_path / "nilearn"))
    monkeypatch.delenv("NILEARN_SHARED_DATA", raising=False)
    return folder


@pytest.fixture
def files(tmp_path):
    voxels = np.zeros((6, 5, 4), np.int16)
    voxels[0], voxels[2], voxels[4] = 3, 1, 700
    image, labels = tmp_path / "private_dseg.nii.gz", tmp_path / "private.tsv"
    nib.save(nib.Nifti1Image(voxels, AFFINE), image)
    labels.write_text('name\tindex\tnetwork\tx\na"b\t3\tA\t-1.5\nc\t1\tB\t\nd\t700\tA\t0.1\n')
    return image, labels


@pytest.fixture
def call(capsys):
    def called(*arguments):
        code = cli._exit_code(["atlas", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


def test_a_name_of_ones_own_stands_for_the_same_regions_everywhere(call, files, own, tmp_path):
    image, labels = files
    code, out, _ = call("add", "mine", "--image", image, "--labels", labels, "--space", "MNIx")
    assert code == 0
    assert "3 regions, labelled voxels, space MNIx" in out
    assert sorted(os.listdir(own)) == ["mine"]
    assert sorted(os.listdir(own / "mine")) == ["atlas.json", "image.nii.gz", "labels.tsv"]
    local = load_atlas(LocalAtlas(image=str(image), labels=str(labels), space="MNIx"))
    image.unlink()
    labels.unlink()
    atlas = load_atlas("mine")
    assert atlas.digest == local.digest
    assert atlas.name == "mine"
    assert list(atlas.labels["network"]) == ["A", "B", "A"]
    np.testing.assert_array_equal(atlas.labels["x"], [-1.5, np.nan, 0.1])
    assert load_atlas("mine") is atlas
    assert atlas.about["source_sha256"] == local.about["sha256"]
    experiment = write_experiment(tmp_path, "data", ("atlas: lumbago200", "atlas: mine"))
    feature = load(experiment).experiment.features["alff"]
    assert feature.atlas_digest() == atlas.digest
    assert public_spec(feature)["atlas"] == "mine"
    with pytest.raises(ConfigError, match="did you mean 'mine'"):
        load(write_experiment(tmp_path, "data", ("atlas: lumbago200", "atlas: mins")))


def test_list_and_show_tell_what_there_is(call, files):
    call("add", "mine", "--image", files[0], "--labels", files[1], "--space", "MNIx")
    code, out, _ = call("list")
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    packaged = ["dosenbach160", "lumbago200", "pain_seeds", "power264"]
    assert [r[0] for r in rows[:5]] == [*packaged, "mine"] == list(atlas_names())
    assert rows[2][2] == "42 regions, spheres of 1.5 to 5.0 mm, space MNI"
    assert rows[4][1:] == ["yours", "3 regions, labelled voxels, space MNIx"]
    assert "n_rois: 400" in next(r[2] for r in rows if r[0] == "{fetch: schaefer}")
    code, out, _ = call("show", "mine")
    assert 'a"b' in out
    assert "700\td\tA" in out
    short, whole = (call("show", "lumbago200", *o)[1] for o in ((), ("--all",)))
    assert "licence: " in short
    assert "… and 190 more" in short
    assert whole.count("\n") - short.count("\n") == 189
    code, _, err = call("show", "lumbago20")
    assert code == 2
    assert "did you mean 'lumbago200'" in err


def test_weight_maps_keep_their_convention(call, tmp_path):
    maps = np.zeros((6, 5, 4, 2), np.float32)
    maps[1:3, ..., 0], maps[2:5, ..., 1] = 0.3, 0.1
    nib.save(nib.Nifti1Image(maps, AFFINE), tmp_path / "m.nii.gz")
    (tmp_path / "m.tsv").write_text("index\tname\n1\ta\n2\tb\n")
    files = ("--image", tmp_path / "m.nii.gz", "--labels", tmp_path / "m.tsv", "--space", "MNI")
    code, _, err = call("add", "soft", *files)
    assert code == 2
    assert "say how its maps are sampled" in err
    assert call("add", "soft", *files, "--sampling", "least_squares")[0] == 0
    atlas = load_atlas("soft")
    assert (atlas.kind, atlas.sampling) == ("probabilistic", "least_squares")
    np.testing.assert_array_equal(np.asarray(atlas.image.dataobj), maps)


def test_a_fetched_atlas_gets_a_name_and_needs_nilearn_no_more(call, tmp_path):
    folder = tmp_path / "nilearn/msdl_atlas/MSDL_rois"
    folder.mkdir(parents=True)
    maps = np.zeros((6, 5, 4, 2), np.float32)
    maps[1:3, ..., 0], maps[2:5, ..., 1] = 0.3, 0.1
    nib.save(nib.Nifti1Image(maps, AFFINE), folder / "msdl_rois.nii")
    (folder / "msdl_rois_labels.csv").write_text(
        "x,y,z,name,net name\n1,2,3,L Aud,Aud\n4,5,6,R Aud,Aud\n"
    )
    code, out, _ = call("add", "msdl", "--fetch", "msdl")
    assert code == 0
    assert "weight maps (weighted_mean)" in out
    folder.rename(folder.with_name("gone"))
    atlas = load_atlas("msdl")
    assert atlas.names == ("L_Aud", "R_Aud")
    assert atlas.about["source"] == "nilearn.datasets.fetch_atlas_msdl"
    assert len(Amplitude(kind="alff", atlas="msdl").atlas_digest()) == 64


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("lumbago200", "--fetch", "msdl"), "comes with lumbago"),
        (("a b", "--fetch", "msdl"), "expected letters, digits"),
        (("x", "--fetch", "msdll"), "expected one of schaefer"),
        (("x", "--fetch", "schaefer", "--set", "n_rois=1,2"), "n_rois: expected a word or a whole"),
        (("x", "--fetch", "schaefer", "--space", "MNI"), "leave these out"),
        (("x", "--set", "n_rois=100"), "which is not there"),
        (("x",), "expected --image, --labels and --space, or --fetch"),
        (("x", "--image", "no.nii", "--labels", "no.tsv", "--space", "MNI"), r"no\.nii: No such"),
    ],
)
def test_what_cannot_be_added_is_refused_in_a_sentence(call, own, arguments, reason):
    code, _, err = call("add", *arguments)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert re.search(reason, err)
    assert not own.exists()


def test_an_atlas_is_never_overwritten_and_a_changed_copy_is_noticed(call, files, own):
    add = ("add", "mine", "--image", files[0], "--labels", files[1], "--space", "MNIx")
    assert call(*add)[0] == 0
    code, _, err = call(*add)
    assert code == 2
    assert "there is one already" in err
    about = json.loads((own / "mine/atlas.json").read_text())
    about["sha256"] = "0" * 64
    (own / "mine/atlas.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="expected sha256 000"):
        load_atlas("mine")
    (own / "mine/atlas.json").write_text("{}")
    with pytest.raises(InputError, match=r"its atlas\.json cannot be read"):
        load_atlas("mine")
    assert "cannot be used" in call("list")[1]


def test_the_same_atlas_added_twice_gives_the_same_bytes(files, own):
    atlas = load_atlas(LocalAtlas(image=str(files[0]), labels=str(files[1]), space="MNIx"))
    one, other = (add_atlas(n, atlas, read_back=load_atlas) for n in ("one", "other"))
    for name in os.listdir(one):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_where_ones_own_atlases_lie(monkeypatch, tmp_path):
    monkeypatch.delenv("LUMBAGO_ATLASES")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert own_root() == tmp_path / "lumbago" / "atlases"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert own_root() == tmp_path / "home/.local/share/lumbago/atlases"


def test_a_folder_that_cannot_be_written_is_an_environment_problem(call, files, own):
    own.write_text("a file stands in the way")
    code, _, err = call("add", "mine", "--image", files[0], "--labels", files[1], "--space", "MNIx")
    assert code == 3
    assert "set LUMBAGO_ATLASES" in err


def test_regions_and_files_that_are_not_there_are_told_with_their_line(tmp_path):
    seeds = "seeds: {a: {atlas: lumbago200, region: LH_Sensorimotor_99}, b: {image: no.nii.gz}}"
    file = write_experiment(
        tmp_path, "data",
        ("kind: alff, atlas: lumbago200", f"kind: seed, atlas: lumbago200, {seeds}"),
        ("atlas: dosenbach160", "atlas: {fetch: schaefer, options: {n_rois: 100}}"),
    )  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        load(file)
    said = str(caught.value)
    assert "seed a: the atlas lumbago200 has no region 'LH_Sensorimotor_99'; did you mean" in said
    assert "seed b: atlas file no.nii.gz: No such file" in said
    assert "nothing is downloaded unasked" in said
    assert {p.where.rsplit(":", 2)[-2] for p in caught.value.problems} == {"12", "13"}


def test_an_experiment_shows_no_folder_of_its_seeds_and_atlases(tmp_path, files):
    for file in files:
        file.rename(tmp_path / file.name)
    seeds = "seeds: {b: {image: private_dseg.nii.gz}}"
    loaded = load(write_experiment(
        tmp_path, "data",
        ("kind: alff, atlas: lumbago200", f"kind: seed, atlas: lumbago200, {seeds}"),
    ))  # fmt: skip
    assert loaded.experiment.features["alff"].seeds["b"].image == str(tmp_path / files[0].name)
    assert str(tmp_path) not in json.dumps(loaded.public)

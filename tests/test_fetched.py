"""Published atlases: nilearn's own fetchers read generated files in nilearn's own layout."""

from __future__ import annotations

import warnings

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn import datasets
from requests.exceptions import ConnectionError as Unreachable

from lumbago.errors import InputError
from lumbago.extraction.kept import public_spec
from lumbago.extractors import Connectome
from lumbago.provenance import digest_file
from lumbago.reading.atlases import load_atlas
from lumbago.reading.fetched import FetchedAtlas, fetch_names, fetch_options

AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
AFFINE[:3, 3] = [-18, -20, -12]


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """A machine without network and with an empty nilearn folder."""

    def unreachable(*args, **kwargs):
        raise Unreachable("no route to host")

    monkeypatch.setattr("requests.sessions.Session.send", unreachable)
    monkeypatch.setenv("NILEARN_DATA", str(tmp_path / "empty"))
    monkeypatch.delenv("NILEARN_SHARED_DATA", raising=False)


def labels_image(path, values, affine=AFFINE):
    """Slabs of labels along x, four voxels of background around."""
    voxels = np.zeros((10, 8, 6), np.int16)
    for i, value in enumerate(values):
        voxels[i % 10, 2 + i // 10] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return voxels


def maps_image(path, n):
    maps = np.zeros((10, 8, 6, n), np.float32)
    for i in range(n):
        maps[i % 10, i // 10, 1:5, i] = [0.2, 1, 0.7, 0.1]
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(maps, AFFINE), path)
    return maps


def xml(path, rows, indexed=False):
    body = "".join(
        f'<label index="{i}" x="1" y="1" z="1">{name}</label>' if indexed
        else f"<label><index>{i}</index><name>{name}</name></label>"
        for i, name in rows
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<atlas><data>{body}</data></atlas>")


def schaefer(root):
    folder = root / "schaefer_2018"
    labels_image(folder / "Schaefer2018_100Parcels_7Networks_order_FSLMNI152_2mm.nii.gz", [1, 2, 3])
    rows = ["7Networks_LH_Vis_1", "7Networks_LH_Default_PFC_1", "7Networks_RH_Vis_1"]
    text = "".join(f"{i}\t{name}\t120\t18\t131\t0\n" for i, name in enumerate(rows, 1))
    (folder / "Schaefer2018_100Parcels_7Networks_order.txt").write_text(text)


def aal(root):
    labels_image(root / "aal_SPM12/aal/atlas/AAL.nii", [2001, 2002, 9170])
    rows = [(2001, "Precentral_L"), (2002, "Precentral_R"), (9170, "Vermis_10"), (9180, "None")]
    xml(root / "aal_SPM12/aal/atlas/AAL.xml", rows)


def harvard_oxford(root):
    folder = root / "fsl/data/atlases"
    labels_image(folder / "HarvardOxford/HarvardOxford-sub-maxprob-thr25-2mm.nii.gz", [1, 2, 3])
    maps_image(folder / "HarvardOxford/HarvardOxford-sub-prob-2mm.nii.gz", 3)
    xml(
        folder / "HarvardOxford-Subcortical.xml",
        [(0, "Left Thalamus"), (1, "Left Lateral Ventrical"), (2, "Brain-Stem")], indexed=True,
    )  # fmt: skip


def basc(root):
    stem = "template_cambridge_basc_multiscale"
    folder = root / "basc_multiscale_2015" / f"{stem}_nii_asym"
    labels_image(folder / f"{stem}_asym_scale007.nii.gz", range(1, 8))


def msdl(root):
    maps_image(root / "msdl_atlas/MSDL_rois/msdl_rois.nii", 3)
    rows = "x,y,z,name,net name\n-53.28,-8.88,32.36, L Aud, Aud\n53.47,-6.49,27.52,R Aud,Aud\n"
    path = root / "msdl_atlas/MSDL_rois/msdl_rois_labels.csv"
    path.write_text(rows + "1.2,-74.5,10.8,Striate,Striate\n")


def difumo(root):
    folder = root / "difumo_atlases/64"
    maps_image(folder / "3mm/maps.nii.gz", 64)
    table = pd.DataFrame({"Component": range(1, 65), "Difumo_names": "Cuneus", "GM": 0.5})
    table.loc[0, "Difumo_names"] = "Superior frontal sulcus"
    table["Yeo_networks7"] = table["Yeo_networks17"] = "VisCent"
    table.to_csv(folder / "labels_64_dictionary.csv", index=False)
    (root / "difumo_atlases/README.md").write_text("about")


CASES = {
    "schaefer": (schaefer, {"n_rois": 100, "resolution_mm": 2}, ["LH_Vis_1", "LH_Default_PFC_1",
                 "RH_Vis_1"], [1, 2, 3], "MNI152NLin6Asym"),
    "aal": (aal, {"version": "SPM12"}, ["Precentral_L", "Precentral_R", "Vermis_10"],
            [2001, 2002, 9170], "MNIColin27"),
    "harvard_oxford": (harvard_oxford, {"atlas_name": "sub-maxprob-thr25-2mm"},
                       ["Left_Thalamus", "Left_Lateral_Ventricle", "Brain-Stem"], [1, 2, 3],
                       "MNI152NLin6Asym"),
    "basc": (basc, {"resolution": 7, "version": "asym"}, list("1234567"), list(range(1, 8)),
             "MNI152asym"),
    "msdl": (msdl, {}, ["L_Aud", "R_Aud", "Striate"], [1, 2, 3], "MNI"),
    "difumo": (difumo, {"dimension": 64, "resolution_mm": 3},
               ["Superior_frontal_sulcus", "Cuneus", *(f"Cuneus_{i}" for i in range(2, 64))],
               list(range(1, 65)), "MNI152NLin6Asym"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_fetchers_files_become_an_atlas(name, tmp_path):
    make, options, names, index, space = CASES[name]
    make(tmp_path)
    ref = FetchedAtlas(fetch=name, options=options, data_dir=tmp_path)
    atlas = load_atlas(ref)
    assert list(atlas.names) == names
    assert list(atlas.labels["index"]) == index
    assert atlas.space == space
    assert atlas.kind == ("probabilistic" if name in ("msdl", "difumo") else "deterministic")
    assert len(atlas.about["sha256"]) == 64
    assert load_atlas(ref) is atlas
    assert str(tmp_path) not in str(public_spec(Connectome(atlas=ref)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nilearns = getattr(datasets, atlas.about["source"].rsplit(".", 1)[-1])(
            **{**fetch_options(name), **options}, data_dir=str(tmp_path), verbose=0
        )
    theirs = nib.load(nilearns.maps) if isinstance(nilearns.maps, str) else nilearns.maps
    np.testing.assert_array_equal(
        np.asarray(atlas.image.dataobj), np.asarray(theirs.dataobj).reshape(atlas.image.shape)
    )
    np.testing.assert_array_equal(atlas.image.affine, theirs.affine)


def test_tables_bring_what_they_know_of_regions(tmp_path):
    schaefer(tmp_path)
    msdl(tmp_path)
    _, options, *_ = CASES["schaefer"]
    table = load_atlas(FetchedAtlas(fetch="schaefer", options=options, data_dir=tmp_path)).labels
    assert list(table["hemisphere"]) == ["L", "L", "R"]
    assert list(table["network"]) == ["Vis", "Default", "Vis"]
    table = load_atlas(FetchedAtlas(fetch="msdl", data_dir=tmp_path)).labels
    assert table.loc[1, ["x", "y", "z", "network"]].tolist() == [53.47, -6.49, 27.52, "Aud"]


def test_weight_maps_of_harvard_oxford_lose_their_background_and_choose_a_convention(tmp_path):
    harvard_oxford(tmp_path)
    options = {"atlas_name": "sub-prob-2mm"}
    ref = FetchedAtlas(
        fetch="harvard_oxford", options=options, data_dir=tmp_path, sampling="least_squares"
    )
    atlas = load_atlas(ref)
    assert (atlas.kind, atlas.sampling) == ("probabilistic", "least_squares")
    assert list(atlas.names) == CASES["harvard_oxford"][2]
    labelled = {"atlas_name": "sub-maxprob-thr25-2mm"}
    with pytest.raises(InputError, match="labels, which take no sampling"):
        load_atlas(ref.model_copy(update={"options": labelled}))


def test_nothing_is_downloaded_unasked(tmp_path, monkeypatch):
    def never(**kwargs):
        raise AssertionError("a fetcher was called")

    for name in fetch_names():
        function = {"schaefer": "schaefer_2018", "basc": "basc_multiscale_2015"}.get(name, name)
        monkeypatch.setattr(datasets, f"fetch_atlas_{function}", never)
        with pytest.raises(InputError, match="nothing is downloaded unasked") as caught:
            load_atlas(FetchedAtlas(fetch=name, data_dir=tmp_path / "none"))
        assert str(tmp_path) not in str(caught.value)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", CASES)
def test_without_network_the_cure_is_told(name, tmp_path, capsys):
    with pytest.raises(InputError, match=r"cannot be downloaded \(\w+\); without network") as told:
        load_atlas(FetchedAtlas(fetch=name, data_dir=tmp_path, download=True))
    assert len(str(told.value).splitlines()) == 1
    assert str(tmp_path) not in str(told.value)


def test_files_arriving_later_are_seen(tmp_path):
    ref = FetchedAtlas(fetch="msdl", data_dir=tmp_path)
    with pytest.raises(InputError, match="not in nilearn's data folder"):
        load_atlas(ref)
    msdl(tmp_path)
    assert len(load_atlas(ref)) == 3


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"n_roi": 100}, "no option n_roi; expected n_rois, yeo_networks, resolution_mm"),
     ({"n_rois": 150}, "n_rois")],
)  # fmt: skip
def test_options_that_nilearn_does_not_know_are_refused(tmp_path, options, reason):
    with pytest.raises(InputError, match=reason):
        load_atlas(
            FetchedAtlas(fetch="schaefer", options=options, data_dir=tmp_path, download=True)
        )


def test_another_file_than_expected_is_refused(tmp_path):
    msdl(tmp_path)
    found = digest_file(tmp_path / "msdl_atlas/MSDL_rois/msdl_rois.nii")
    assert len(load_atlas(FetchedAtlas(fetch="msdl", data_dir=tmp_path, sha256=found))) == 3
    with pytest.raises(InputError, match="expected sha256 00ff"):
        load_atlas(FetchedAtlas(fetch="msdl", data_dir=tmp_path, sha256="00ff"))

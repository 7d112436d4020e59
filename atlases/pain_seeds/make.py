"""Make pain_seeds: where connectivity of pain is looked for, each place with its source.

Run ``python atlases/pain_seeds/make.py FOLDER``, FOLDER being the one that holds the two label
files named in `COMPUTED`; it rewrites the files beside it, byte by byte the same.

Method
------
1. *computed*: the centre of mass of a structure's voxels in a published label image, in the
   image's world coordinates. Where that point is no voxel of the structure (a bent one), the
   voxel of the structure nearest to it stands instead, and ``place`` says so. The ball has the
   volume of the structure, but at most `LARGEST` mm radius, so that it does not spill over.
2. *quoted*: a coordinate as its publication's table gives it. Dosenbach's are read from the
   copy that nilearn ships, by their number there. Left out are those of its labels that do not
   lie where they say: ``left_out`` of atlas.json names them.
3. *transcribed*: a coordinate that someone else's method or code prints, naming the
   publication. We have read the transcript (``source``), not the publication: check it before
   you build on it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.datasets import fetch_coords_dosenbach_2010

LARGEST = 5.0
COMPUTED = {
    "CIT168_primary_p50_labels.nii.gz": {
        "doi": "10.1038/sdata.2018.63",
        "licence": "CC BY 4.0",
        "structures": {
            "VTA": ("Ventral Tegmental Area", 21, 22),
            "parabrachial_pigmented": ("Parabrachial Pigmented nucleus", 19, 20),
            "habenula": ("Habenular Nucleus", 25, 26),
            "accumbens": ("Nucleus Accumbens", 5, 6),
        },
    },
    "Thalamus7_HCP_primary_p50_labels.nii.gz": {
        "doi": "10.1038/sdata.2018.270",
        "licence": "CC BY-SA 4.0",
        "structures": {
            "thalamus_anterior": ("Anterior", 2, 9),
            "thalamus_mediodorsal": ("Medio_Dorsal", 3, 10),
            "thalamus_ventral_anterior": ("Ventral_Anterior", 6, 13),
            "thalamus_ventral_latero_dorsal": ("Ventral_Latero_Dorsal", 4, 11),
            "thalamus_ventral_latero_ventral": ("Ventral_Latero_Ventral", 7, 14),
            "thalamus_central_lateral": (
                "Central_Lateral-Lateral_Posterior-Medial_Pulvinar", 5, 12,
            ),
            "thalamus_pulvinar": ("Pulvinar", 1, 8),
        },
    },
}  # fmt: skip
# By number, where a name has several places on one side.
DOSENBACH = {
    "insula_anterior_L": 28, "insula_anterior_R": 26,
    "insula_mid_44_R": 44, "insula_mid_48_L": 48, "insula_mid_55_R": 55, "insula_mid_56_L": 56,
    "insula_posterior_R": 70,
    "ACC_14_R": 14, "ACC_19_L": 19, "ACC_21_L": 21, "dACC_R": 27,
    "mPFC": 4, "vmPFC_L": 7, "vmPFC_R": 13,
    "DLPFC_16_R": 16, "DLPFC_22_R": 22, "DLPFC_24_L": 24,
}  # fmt: skip
TRANSCRIBED = (
    {
        "name": "PAG", "structure": "periaqueductal grey", "at": (1.0, -29.0, -12.0),
        "radius": 3.0, "doi": "10.1016/j.neuroimage.2011.11.095",
        "source": "Linnman et al. (2012), as printed in section 2.5 of the README of "
        "tvarkevi/RS_FMRI ('a set of coordinates derived from a recent meta-analysis by Linnman "
        "et al.'); radius: the 3 mm that Fenske et al. (2020) put around a published coordinate, "
        "by their abstract",
        "note": "published coordinates from responses to pain appear to lie several millimetres "
        "anterior of the anatomical structure (Fenske et al. 2020, NeuroImage: Clinical, "
        "abstract)",
    },
    *(
        {
            "name": f"S1_back_{side}", "structure": "S1, back", "at": (x, -38.0, 72.0),
            "radius": 4.0, "doi": "10.1097/j.pain.0000000000001417",
            "source": "Lee et al. (2019), chronic low back pain, as printed with the radius in "
            "make_S1back_ROIs_Lee2018.m of canlab/Neuroimaging_Pattern_Masks ('peak coordinates "
            "given in paper (bilateral)')",
            "note": "",
        }
        for side, x in (("L", -18.0), ("R", 18.0))
    ),
)  # fmt: skip
MISSING = {
    "mid-cingulate cortex": "no coordinate under that name in a source that could be read; "
    "dACC_R is what Dosenbach calls dACC",
    "left posterior insula": "see left_out",
    "insula by Deen et al. (2011)": "doi:10.1093/cercor/bhq186; its coordinates could not be read",
    "mPFC and accumbens by Baliki et al. (2012)": "doi:10.1038/nn.3153; not readable either",
}
LEFT_OUT = {
    "mid insula 59": "lies in the putamen of CIT168 and of Tian",
    "mid insula 61": "lies in the putamen of CIT168 and of Tian",
    "post insula 76": "12 % grey matter within 5 mm in the ICBM 152 2009a template",
    "basal ganglia 30": "lies at (-6, 17, 34), in the cingulate",
}
COLUMNS = [
    "index", "name", "hemisphere", "network", "structure", "x", "y", "z", "radius", "verified",
    "place", "doi", "licence", "source", "note",
]  # fmt: skip


def centre(voxels: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, str]:
    """Place of a structure (n, 3 indices) in mm, and what kind of place that is."""
    middle = voxels.mean(axis=0)
    place = "centre of mass"
    if not (voxels == np.rint(middle)).all(axis=1).any():
        size = np.linalg.norm(affine[:3, :3], axis=0)
        middle = voxels[np.linalg.norm((voxels - middle) * size, axis=1).argmin()]
        place = "voxel of the structure nearest to its centre of mass"
    return affine[:3, :3] @ middle + affine[:3, 3], place


def computed(folder: Path) -> list[dict[str, object]]:
    """Centres of the structures of the label files."""
    rows = []
    for name, about in COMPUTED.items():
        image = nib.load(folder / name)
        labels = np.asarray(image.dataobj)
        volume = abs(np.linalg.det(image.affine[:3, :3]))
        for seed, (structure, *indices) in about["structures"].items():
            for side, index in zip("LR", indices, strict=True):
                voxels = np.argwhere(labels == index)
                at, place = centre(voxels, image.affine)
                if (at[0] < 0) != (side == "L"):
                    raise SystemExit(f"{name}: label {index} lies on the other side of {side}")
                radius = (3 * len(voxels) * volume / (4 * np.pi)) ** (1 / 3)
                rows.append({
                    "name": f"{seed}_{side}", "hemisphere": side, "structure": structure,
                    **dict(zip("xyz", at, strict=True)), "radius": min(radius, LARGEST),
                    "verified": "computed", "place": place, "doi": about["doi"],
                    "licence": about["licence"], "note": "",
                    "source": f"{name}, label {index}, {len(voxels)} voxels of {volume:g} mm3",
                })  # fmt: skip
    return rows


def quoted() -> list[dict[str, object]]:
    """Coordinates of Dosenbach et al., by their numbers."""
    found = fetch_coords_dosenbach_2010(ordered_regions=False)
    at = found.rois[["x", "y", "z"]].to_numpy(dtype=float)
    by_number = {
        int(label.split()[-1]): (label, *where)
        for label, *where in zip(found.labels, at, found.networks, strict=True)
    }
    rows = []
    for seed, number in DOSENBACH.items():
        label, at, network = by_number[number]
        rows.append({
            "name": seed, "hemisphere": "L" if at[0] < 0 else "R" if at[0] > 0 else "M",
            "network": str(network), "structure": label.rsplit(" ", 1)[0],
            **dict(zip("xyz", at, strict=True)), "radius": 5.0,
            "verified": "quoted", "place": "published coordinate",
            "doi": "10.1126/science.1194144", "licence": "a fact of the publication",
            "source": f"Dosenbach et al. (2010), {label!r} of the 160 regions, as nilearn ships "
            "them",
            "note": "",
        })  # fmt: skip
    return rows


def transcribed() -> list[dict[str, object]]:
    """Coordinates that others print."""
    return [
        {
            "name": t["name"], "hemisphere": {"L": "L", "R": "R"}.get(t["name"][-1:], "M"),
            "structure": t["structure"], **dict(zip("xyz", t["at"], strict=True)),
            "radius": t["radius"], "verified": "transcribed", "place": "published coordinate",
            "doi": t["doi"], "licence": "a fact of the publication", "source": t["source"],
            "note": t["note"],
        }
        for t in TRANSCRIBED
    ]  # fmt: skip


def make(sources: Path, folder: Path) -> None:
    """Write labels.tsv and atlas.json into a folder."""
    table = pd.DataFrame([*computed(sources), *transcribed(), *quoted()])
    table["network"] = table["network"].fillna("")
    table["index"] = np.arange(1, len(table) + 1)
    table[["x", "y", "z", "radius"]] = table[["x", "y", "z", "radius"]].astype(float).round(1)
    table[COLUMNS].to_csv(folder / "labels.tsv", sep="\t", index=False, lineterminator="\n")
    sha256 = {n: hashlib.sha256((sources / n).read_bytes()).hexdigest() for n in COMPUTED}
    about = {
        "name": "pain_seeds",
        "kind": "spheres",
        "space": "MNI",
        "radius": LARGEST,
        "licence": "computed places: CC BY 4.0 (CIT168) and CC BY-SA 4.0 (thalamus), as the "
        "label files they come from; the others are facts of their publications. The column "
        "licence says which",
        "citation": "Pauli et al. (2018), doi:10.1038/sdata.2018.63; Najdenovska et al. (2018), "
        "doi:10.1038/sdata.2018.270; Dosenbach et al. (2010), doi:10.1126/science.1194144; "
        "Linnman et al. (2012), doi:10.1016/j.neuroimage.2011.11.095; Lee et al. (2019), "
        "doi:10.1097/j.pain.0000000000001417",
        "method": "verified = computed: centres of mass of labelled structures, balls of their "
        "volume; quoted: a published table; transcribed: printed by others, naming the "
        "publication, which was not read. See make.py.",
        "spaces": "The headers of the label files name no template (sform code 2). CIT168 is "
        "published in MNI152NLin2009cAsym among others, the thalamic nuclei in the 2009a "
        "nonlinear symmetric template. Tian's putamen of MNI152NLin2009cAsym and that of CIT168 "
        "overlap by a Dice coefficient of 0.83 on both sides (0.79 and 0.84 for Tian's of "
        "MNI152NLin6Asym). No variant is stated for the published coordinates. So the space is "
        "MNI without a variant, good to some millimetres, which is much for nuclei this small.",
        "sha256_of_label_files": sha256,
        "missing": MISSING,
        "left_out": LEFT_OUT,
    }
    (folder / "atlas.json").write_text(json.dumps(about, indent=2) + "\n")
    print(table[["name", "x", "y", "z", "radius", "verified", "place"]].to_string())


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("usage: make.py FOLDER_OF_LABEL_FILES [FOLDER_TO_WRITE]")
    make(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)

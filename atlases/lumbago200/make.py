"""Make lumbago200: the grey matter of the symmetric MNI template cut into 2 x 100 compact regions.

Run ``python atlases/lumbago200/make.py``; it rewrites the files beside it, bit by bit the same.

Method
------
1. nilearn's packaged grey-matter template (``mni_icbm152_gm_tal_nlin_sym_09a``) at 2 mm is
   averaged with its mirror image across world x = 0; voxels of at least `GREY` are kept. The
   plane x = 0 belongs to neither hemisphere and is left out.
2. The left half is cut by k-means of the voxels' world coordinates (k-means++ from `SEED`,
   then Lloyd's steps until no voxel moves). Mirroring gives the right half, so the regions
   of a pair hold mirrored voxels, one by one.
3. A region is named by the network of the nearest of the Dosenbach 160 coordinates, both
   folded onto one hemisphere so that a pair has one name. Within a network, regions count
   from front to back. ``dosenbach`` and ``distance`` (mm) say which coordinate it was.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.datasets import fetch_coords_dosenbach_2010, load_mni152_gm_template
from scipy.spatial import cKDTree

SEED = 200
PER_HEMISPHERE = 100
GREY = 0.5
NETWORKS = {
    "default": "Default",
    "fronto-parietal": "FrontoParietal",
    "cingulo-opercular": "CinguloOpercular",
    "sensorimotor": "Sensorimotor",
    "occipital": "Occipital",
    "cerebellum": "Cerebellum",
}


def kmeans(points: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Cut points (n, 3) into k compact clusters; returns labels (n,), the same on every machine.

    Sums run in the order of the points and distances need no matrix product, so that
    neither threads nor the linear-algebra library can change a label.
    """
    rng = np.random.default_rng(seed)
    centres = [points[int(rng.random() * len(points))]]
    nearest = np.full(len(points), np.inf)
    for _ in range(k - 1):
        nearest = np.minimum(nearest, ((points - centres[-1]) ** 2).sum(axis=1))
        total = np.cumsum(nearest)
        centres.append(points[int(np.searchsorted(total, rng.random() * total[-1]))])
    labels = np.full(len(points), -1)
    while True:
        moved = cKDTree(np.array(centres)).query(points)[1]
        if np.array_equal(moved, labels):
            return labels
        labels = moved
        size = np.bincount(labels, minlength=k)
        centres = list(
            np.column_stack([np.bincount(labels, points[:, i], minlength=k) for i in range(3)])
            / size[:, None]
        )


def left_voxels() -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int, int]]:
    """Voxels of the left grey matter: their indices, their mirrors' x indices, affine, shape."""
    template = load_mni152_gm_template(resolution=2)
    grey = np.asarray(template.dataobj, dtype=np.float64)
    affine = template.affine
    x = affine[0, 0] * np.arange(grey.shape[0]) + affine[0, 3]
    mirror = np.rint((-x - affine[0, 3]) / affine[0, 0]).astype(int)
    if not np.array_equal(x[mirror], -x):
        raise SystemExit("the template's grid is not symmetric about x = 0")
    symmetric = (grey + grey[mirror]) / 2
    inside = (symmetric >= GREY) & (x < 0)[:, None, None]
    voxels = np.argwhere(inside)
    return voxels, mirror[voxels[:, 0]], affine, grey.shape


def nearest_dosenbach(centres: np.ndarray) -> pd.DataFrame:
    """Network, label and distance of the Dosenbach coordinate nearest to each left centre."""
    source = fetch_coords_dosenbach_2010(ordered_regions=False)
    folded = source.rois[["x", "y", "z"]].to_numpy(dtype=float)
    folded[:, 0] = -np.abs(folded[:, 0])
    distance, at = cKDTree(folded).query(centres)
    return pd.DataFrame(
        {
            "network": [NETWORKS[str(np.asarray(source.networks)[i])] for i in at],
            "dosenbach": [str(np.asarray(source.labels)[i]) for i in at],
            "distance": distance,
        }
    )


def make(folder: Path) -> None:
    """Write dseg.nii.gz, labels.tsv and atlas.json into a folder."""
    voxels, mirrored_x, affine, shape = left_voxels()
    world = voxels @ affine[:3, :3].T + affine[:3, 3]
    cluster = kmeans(world, PER_HEMISPHERE, SEED)
    size = np.bincount(cluster)
    centres = np.column_stack([np.bincount(cluster, world[:, i]) for i in range(3)])
    centres = centres / size[:, None]

    left = nearest_dosenbach(centres)
    left[["x", "y", "z"]] = centres
    left["n_voxels"] = size
    left["cluster"] = np.arange(PER_HEMISPHERE)
    left = left.sort_values(["network", "y", "cluster"], ascending=[True, False, True])
    left["index"] = np.arange(1, PER_HEMISPHERE + 1)
    left["count"] = left.groupby("network").cumcount() + 1
    right = left.assign(index=left["index"] + PER_HEMISPHERE, x=-left["x"])
    table = pd.concat([left.assign(hemisphere="L"), right.assign(hemisphere="R")])
    table["name"] = [
        f"{h}H_{n}_{c}"
        for h, n, c in zip(table["hemisphere"], table["network"], table["count"], strict=True)
    ]
    columns = ["index", "name", "hemisphere", "network", "x", "y", "z"]
    table = table[[*columns, "n_voxels", "dosenbach", "distance"]].round(2)

    index = np.empty(PER_HEMISPHERE, dtype=np.int16)
    index[left["cluster"]] = left["index"]
    labels = np.zeros(shape, dtype=np.int16)
    labels[tuple(voxels.T)] = index[cluster]
    labels[mirrored_x, voxels[:, 1], voxels[:, 2]] = index[cluster] + PER_HEMISPHERE
    image = nib.Nifti1Image(labels, affine)
    image.header.set_xyzt_units("mm")
    image.header.set_sform(affine, code="mni")
    image.header.set_qform(affine, code="mni")

    content = gzip.compress(image.to_bytes(), compresslevel=9, mtime=0)
    (folder / "dseg.nii.gz").write_bytes(content)
    table.to_csv(folder / "labels.tsv", sep="\t", index=False, lineterminator="\n")
    about = {
        "name": "lumbago200",
        "kind": "deterministic",
        "space": "MNI152NLin2009aSym",
        "licence": "BSD-3-Clause",
        "citation": "Lumbago (this project); template: Fonov et al. (2011), "
        "doi:10.1016/j.neuroimage.2010.07.033; network names after the nearest coordinate of "
        "Dosenbach et al. (2010), doi:10.1126/science.1194144",
        "method": "Seeded k-means of the world coordinates of the left grey matter of nilearn's "
        "packaged ICBM 152 2009a symmetric template at 2 mm (probability >= 0.5 after averaging "
        "with its mirror image), mirrored across world x = 0; see make.py.",
        "template": "mni_icbm152_gm_tal_nlin_sym_09a_converted.nii.gz, packaged with nilearn",
        "seed": SEED,
        # The voxels, not the file: compression differs between versions of zlib.
        "sha256": hashlib.sha256(labels.astype("<i2").tobytes(order="C")).hexdigest(),
    }
    (folder / "atlas.json").write_text(json.dumps(about, indent=2) + "\n")
    print(f"{len(table)} regions, {size.min()} to {size.max()} voxels, {len(content)} bytes")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)

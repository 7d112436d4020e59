"""A live window: milliseconds from a volume to its values; `python bench_live.py`.

The peer does what a user of nilearn would for the same values: clean the window of images
under the mask (NiftiMasker, once per band), then numpy's spectrum, and correlations; without
ReHo, which nilearn has not. The limit is a repetition time of 0.8 s.
"""

from __future__ import annotations

import os
import resource
import tempfile
import threading
import time
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.maskers import NiftiMasker

from lumbago.live import Feedback, Live, LiveStream, watch

SHAPE, T_R, AFFINE = (61, 73, 61), 0.8, np.diag([3.0, 3.0, 3.0, 1.0])
AFFINE[:3, 3] = -90, -126, -72
BALLS = {"acc": (0.0, 24.0, 30.0), "insula": (38.0, 2.0, -4.0)}
BAND = (0.01, 0.1)


def peer(volumes: list[np.ndarray], mask: nib.Nifti1Image, balls: dict[str, np.ndarray]) -> object:
    """ALFF of the balls, their correlation, and a seed's map averaged over the other ball."""
    image = nib.Nifti1Image(np.stack(volumes, axis=-1), AFFINE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = {"mask_img": mask, "t_r": T_R, "standardize": None, "detrend": True}
        whole = NiftiMasker(**settings).fit_transform(image)
        band = NiftiMasker(high_pass=BAND[0], low_pass=BAND[1], **settings).fit_transform(image)
    n = 1 << (len(whole) - 1).bit_length()
    frequencies = np.fft.rfftfreq(n, T_R)
    inside = (frequencies >= BAND[0]) & (frequencies <= BAND[1])
    amplitude = 2 / len(whole) * np.abs(np.fft.rfft(whole, n, axis=0))[inside].mean(axis=0)
    series = {name: band[:, where].mean(axis=1) for name, where in balls.items()}
    unit = (band - band.mean(axis=0)) / band.std(axis=0)
    seed = series["acc"]
    r = (seed - seed.mean()) / seed.std() @ unit / len(unit)
    return (
        {name: amplitude[where].mean() for name, where in balls.items()},
        np.corrcoef(*series.values())[0, 1],
        np.arctanh(np.clip(r, -0.999999, 0.999999))[balls["insula"]].mean(),
    )


def watched(
    folder: Path, volumes: list[np.ndarray], ending: str, measures: dict[str, dict], mask: object
) -> pd.Series:
    """Seconds from the last writing of each file to its row, once the window is full."""
    folder.mkdir()

    def scan() -> None:
        for t, volume in enumerate(volumes):
            aside = folder / f".{t}{ending}"
            nib.save(nib.Nifti1Image(np.round(volume).astype(np.int16), AFFINE), aside)
            aside.rename(folder / f"{t}{ending}")
            os.utime(folder / f"{t}{ending}")
            time.sleep(T_R if t >= 55 else 0)

    stream = LiveStream(Live(t_r=T_R, window=60, measures=measures), mask)
    scanner = threading.Thread(target=scan)
    scanner.start()
    table = folder / "values.tsv"
    watch(folder, stream, table, count=len(volumes), patience=20)
    scanner.join()
    return pd.read_csv(table, sep="\t", na_values="n/a")["delay"][60:]


def main(folder: str) -> None:
    """Print the milliseconds."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    inside = (grid**2).sum(axis=0) < 0.638
    mask = nib.Nifti1Image(inside.astype(np.uint8), AFFINE)
    table = Path(folder) / "balls.tsv"
    rows = ["name\tx\ty\tz", *("\t".join(map(str, (n, *at))) for n, at in BALLS.items())]
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    atlas = {"coordinates": str(table), "radius": 8.0}
    world = np.argwhere(inside) @ AFFINE[:3, :3] + AFFINE[:3, 3]
    balls = {n: np.linalg.norm(world - at, axis=1) <= 8 for n, at in BALLS.items()}
    measures = {
        "alff": {"kind": "alff", "atlas": atlas, "bands": {"low": BAND}},
        "reho": {"kind": "reho", "atlas": atlas, "band": BAND},
        "edges": {"kind": "connectome", "atlas": atlas, "band": BAND},
        "seed": {"kind": "seed", "seeds": {"acc": BALLS["acc"]}, "radius": 8.0, "atlas": atlas,
                 "band": BAND},
    }  # fmt: skip
    one, cores = os.getloadavg()[0], os.cpu_count()
    print(f"{inside.sum()} voxels, all measures; load {one:.1f} on {cores} cores")
    for width in (60, 120):
        volumes = [
            (1000 + 10 * rng.standard_normal(SHAPE, np.float32)) * inside for _ in range(width + 20)
        ]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        feedback = Feedback(of="edges:acc~insula", baseline=(width - 1, width + 4))
        stream = LiveStream(Live(t_r=T_R, window=width, measures=measures, feedback=feedback), mask)
        taken = [stream.push(volume) for volume in volumes]
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ours = [found.latency * 1000 for found in taken[width - 1 :]]
        alone = {}
        for name, measure in measures.items():
            single = LiveStream(Live(t_r=T_R, window=width, measures={name: measure}), mask)
            found = [single.push(volume) for volume in volumes[: width + 5]]
            alone[name] = min(f.latency for f in found[width - 1 :]) * 1000
        start = time.perf_counter()
        theirs = peer(volumes[-width:], mask, balls)
        seconds = time.perf_counter() - start
        last = taken[-1].values
        print(f"window of {width}:")
        print(f"  ours, every value            {np.median(ours):7.0f} ms (worst {max(ours):.0f})")
        for name, ms in alone.items():
            print(f"    {name:<8} alone             {ms:7.0f} ms")
        print(f"  nilearn, without ReHo        {seconds * 1000:7.0f} ms")
        print(f"  one TR                       {T_R * 1000:7.0f} ms")
        print(f"  peak memory above the input  {(after - before) / 2**20:7.2f} GiB")
        np.testing.assert_allclose(
            [last["alff.low:acc"], last["edges:acc~insula"], last["seed.acc:insula"]],
            [theirs[0]["acc"], theirs[1], theirs[2]], rtol=0.02, atol=2e-3,
        )  # fmt: skip
    for ending in (".nii", ".nii.gz"):
        delays = watched(Path(folder) / ending.strip("."), volumes[:80], ending, measures, mask)
        print(
            f"a {ending} every {T_R} s, window of 60: from the written file to its row "
            f"{delays.median() * 1000:.0f} ms (worst {delays.max() * 1000:.0f})"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        main(own)

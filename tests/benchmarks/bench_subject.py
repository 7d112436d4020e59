"""One subject through everything that is measured in voxels; `python bench_subject.py`.

A simulated scan takes the way that every scan of a cohort takes (`extraction.scans.measure_scan`,
no store): read, cleaned of 24 confounds, filtered, and measured by every extractor of voxels and
regions, with 230 seeds and the regions of lumbago200. Each case runs in a process of its own,
whose peak memory is told, twice: the first round imports, compiles, and resamples atlases, as
the first scan of a cohort does. The yardstick is Python's own gunzip of the same file, in the
same process. What lies outside the brain is 0, which gunzip passes over fastest.

With ``--peer``, what users run today for the shared parts is timed too: nilearn's NiftiMasker,
NiftiLabelsMasker and NiftiSpheresMasker, and one matrix product (half a minute). With ``--large``,
a scan of 91 x 109 x 91 voxels of 2 mm and 400 volumes goes through every kind (minutes).
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BAND = (0.01, 0.1)
T_R = 2.0
SMALL, LARGE = ((61, 73, 61), 3.0, 200), ((91, 109, 91), 2.0, 400)
CENTRALITY = "degree centrality"


def make(folder: Path, grid: tuple[tuple[int, int, int], float, int], dtype: str, end: str) -> Path:
    """Write a scan whose voxels share a few smooth sources, and its mask and confounds."""
    import nibabel as nib
    import numpy as np
    import pandas as pd
    from scipy.ndimage import gaussian_filter

    shape, size, n_volumes = grid
    rng = np.random.default_rng(0)
    axes = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))
    mask = (axes**2).sum(axis=0) < 0.638
    affine = np.diag([size, size, size, 1.0])
    affine[:3, 3] = -size * (np.array(shape) - 1) / 2
    maps = [gaussian_filter(rng.standard_normal(shape), 12 / size) for _ in range(12)]
    loadings = np.stack([m[mask] / m[mask].std() for m in maps]).astype(np.float32)
    courses = gaussian_filter(rng.standard_normal((n_volumes, 12)), (2, 0)).astype(np.float32)
    courses *= 40 / courses.std()
    level = np.float32(10000) + 1000 * loadings[0]

    header = nib.Nifti1Image(np.zeros((1, 1, 1, 2), dtype), affine).header
    header.set_data_shape((*shape, n_volumes))
    header.set_zooms((size, size, size, T_R))
    header.set_xyzt_units("mm", "sec")
    header["sform_code"] = header["qform_code"] = 4
    header.set_slope_inter(1, 0)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    stem = folder / "sub-01_task-rest_space-MNI152NLin2009cSym_"
    bold = stem.with_name(f"{stem.name}desc-preproc_bold{end}")
    with gzip.open(bold, "wb", compresslevel=1) if end.endswith("gz") else bold.open("wb") as file:
        file.write(header.binaryblock + bytes(4))
        volume = np.zeros(shape, dtype)
        for course in courses:
            noise = 100 * rng.standard_normal(int(mask.sum()), dtype=np.float32)
            volume[mask] = (level + course @ loadings + noise).astype(dtype)
            file.write(volume.tobytes(order="F"))
    brain = nib.Nifti1Image(mask.astype(np.uint8), affine)
    brain.header["sform_code"] = brain.header["qform_code"] = 4
    nib.save(brain, stem.with_name(f"{stem.name}desc-brain_mask.nii.gz"))

    walk = rng.standard_normal((n_volumes, 6)).cumsum(axis=0) * 0.01
    table = pd.DataFrame()
    for i, name in enumerate(f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"):
        course = walk[:, i] * (1 if i < 3 else 0.01)
        change = np.r_[np.nan, np.diff(course)]
        table[name], table[f"{name}_derivative1"] = course, change
        table[f"{name}_power2"], table[f"{name}_derivative1_power2"] = course**2, change**2
    table["framewise_displacement"] = np.r_[np.nan, np.abs(np.diff(walk[:, :3], axis=0)).sum(1)]
    table["std_dvars"] = np.r_[np.nan, np.ones(n_volumes - 1)]
    table.to_csv(folder / "confounds.tsv", sep="\t", index=False, na_rep="n/a")
    (folder / "confounds.json").write_text("{}")
    return bold


def seeds() -> dict[str, tuple[float, float, float]]:
    """230 coordinates in the brain."""
    import numpy as np

    found = np.random.default_rng(1).uniform(-35, 35, (230, 3))
    return {f"s{i:03d}": (float(x), float(y), float(z)) for i, (x, y, z) in enumerate(found)}


def measuring(*, large: bool) -> dict[str, Any]:
    """Steps by name, in the order in which they are taken."""
    from lumbago import extractors as e
    from lumbago.reading import Denoise

    how = {"denoise": Denoise(strategy="motion24"), "atlas": "lumbago200"}
    steps: dict[str, Any] = {
        "ALFF": e.Amplitude(kind="alff", **how),
        "fALFF": e.Amplitude(kind="falff", **how),
        "ReHo": e.Homogeneity(band=BAND, **how),
        "VMHC": e.Symmetry(band=BAND, **how),
        "230 seeds": e.Seed(seeds=seeds(), band=BAND, **how),
        "region means, connectome": e.Connectome(band=BAND, **how),
    }
    if large:
        for kind in ("tsnr", "peraf", "intensity_sd"):
            steps[kind] = e.Intensity(kind=kind, **how)
    steps[CENTRALITY] = e.Centrality(band=BAND, **how)
    return steps


class Timed:
    """An extractor that notes what it takes; or a step before any extractor."""

    def __init__(self, name: str, call: Any, taken: dict[str, float]):
        self.name, self.call, self.taken = name, call, taken

    def extract(self, recording: Any) -> Any:
        """Measure, and note the seconds."""
        start = time.perf_counter()
        found = self.call(recording)
        self.taken[self.name] = time.perf_counter() - start
        return found


def rounds(folder: Path, *, large: bool, n_rounds: int) -> Iterator[dict[str, float]]:
    """Seconds of each step, round by round; the first is cold."""
    from lumbago.data import Scan
    from lumbago.extraction.scans import measure_scan
    from lumbago.reading import Denoise

    bold = next(folder.glob("*bold.nii*"))
    files = {
        "bold": bold, "mask": next(folder.glob("*mask.nii.gz")),
        "confounds": folder / "confounds.tsv", "confounds_json": folder / "confounds.json",
    }  # fmt: skip
    scan = Scan("sub-01", files=files, t_r=T_R, space="MNI152NLin2009cSym")
    steps = measuring(large=large)
    motion24 = Denoise(strategy="motion24")
    before = {
        "read": lambda recording: recording.uncleaned(),
        "clean": lambda recording: recording.voxels(motion24),
        "clean and filter": lambda recording: recording.voxels(motion24, BAND),
    }
    for _ in range(n_rounds):
        taken: dict[str, float] = {}
        timed = {name: Timed(name, call, taken) for name, call in before.items()}
        timed |= {name: Timed(name, step.extract, taken) for name, step in steps.items()}
        start = time.perf_counter()
        found = measure_scan(scan, timed, {}, None)
        whole = time.perf_counter() - start
        for name in steps:
            outcome: Any = found[name]
            if not hasattr(outcome, "values"):
                raise SystemExit(f"{name} was refused: {outcome}")
        taken["without degree centrality"] = whole - taken[CENTRALITY]
        taken["all"] = whole
        yield taken


def gunzip(path: Path) -> float:
    """Seconds that Python takes to unpack a file; of a plain one, to read it."""
    start = time.perf_counter()
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        buffer = bytearray(1 << 22)
        while file.readinto(buffer):  # type: ignore[union-attr]
            pass
    return time.perf_counter() - start


def case(folder: Path, *, large: bool, n_rounds: int) -> dict[str, Any]:
    """All rounds of one scan, gunzip before each, and the peak memory of this process."""
    bold = next(folder.glob("*bold.nii*"))
    told: list[dict[str, float]] = []
    unpacked = [gunzip(bold)]
    for taken in rounds(folder, large=large, n_rounds=n_rounds):
        told.append(taken)
        unpacked.append(gunzip(bold))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"rounds": told, "gunzip": min(unpacked), "peak": peak}


def nilearn(folder: Path) -> float:
    """Seconds of nilearn's maskers for cleaned voxels, regions and seeds, as users call them."""
    from nilearn import maskers

    from lumbago.reading.atlases import load_atlas
    from lumbago.reading.denoise import Denoise
    from lumbago.reading.recording import Recording

    bold, mask = next(folder.glob("*bold.nii*")), next(folder.glob("*mask.nii.gz"))
    confounds = Recording.from_image(bold, confounds=folder / "confounds.tsv")
    regressors = confounds.nuisance(Denoise(strategy="motion24"), SMALL[2]).values
    how: dict[str, Any] = {
        "mask_img": str(mask), "detrend": True, "standardize": "zscore_sample",
        "low_pass": BAND[1], "high_pass": BAND[0], "t_r": T_R,
    }  # fmt: skip
    start = time.perf_counter()
    voxels = maskers.NiftiMasker(**how).fit_transform(str(bold), confounds=regressors)
    regions = maskers.NiftiLabelsMasker(load_atlas("lumbago200").image, **how)
    regions.fit_transform(str(bold), confounds=regressors)
    spheres = maskers.NiftiSpheresMasker(
        list(seeds().values()), radius=5, allow_overlap=True, **how
    )
    of_seeds = spheres.fit_transform(str(bold), confounds=regressors)
    _ = of_seeds.T @ voxels / len(voxels)
    return time.perf_counter() - start


def run(*arguments: str) -> Any:
    """Run a part of this file in a process of its own, so that memory is its own."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, check=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def show(title: str, found: dict[str, Any], *, compressed: bool) -> None:
    """Print one case."""
    first, *others = found["rounds"]
    unpack = found["gunzip"]
    fastest = {name: min(r[name] for r in others or [first]) for name in first}
    print(f"\n{title}\n{'':28}{'first':>8}{'warm':>8}")
    for name, seconds in fastest.items():
        print(f"{name:28}{first[name]:8.2f}{seconds:8.2f} s")
    print(f"{'gunzip' if compressed else 'bytes read':28}{'':8}{unpack:8.2f} s")
    if compressed:
        print(f"{'3 x gunzip + 0.5 s':28}{'':8}{3 * unpack + 0.5:8.2f} s")
    print(f"{'peak memory':28}{'':8}{found['peak']:8.2f} GiB")


def main() -> None:
    """Print every case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="the 2 mm scan of 400 volumes too")
    parser.add_argument("--peer", action="store_true", help="nilearn's maskers too")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.one is not None:
        what, folder, dtype, end = told.one
        warnings.simplefilter("ignore")
        grid = LARGE if what.endswith("large") else SMALL
        if what.startswith("make"):
            done: Any = str(make(Path(folder), grid, dtype, end))
        elif what == "peer":
            done = nilearn(Path(folder))
        else:
            done = case(Path(folder), large=grid is LARGE, n_rounds=told.rounds)
        print(json.dumps(done))
        return
    cases = [(SMALL, "float32", ".nii.gz"), (SMALL, "int16", ".nii.gz"), (SMALL, "int16", ".nii")]
    cases += [(LARGE, "float32", ".nii.gz")] if told.large else []
    for grid, dtype, end in cases:
        size = "-large" if grid is LARGE else ""
        with tempfile.TemporaryDirectory() as folder:
            run("--one", f"make{size}", folder, dtype, end)
            n_rounds = "1" if size else str(told.rounds)
            found = run("--rounds", n_rounds, "--one", f"case{size}", folder, dtype, end)
            shape = " x ".join(map(str, (*grid[0], grid[2])))
            show(f"{shape}, {dtype}, {end}", found, compressed=end == ".nii.gz")
            if told.peer and not size and end == ".nii":
                seconds = run("--one", "peer", folder, dtype, end)
                steps = ("read", "clean and filter", "230 seeds", "region means, connectome")
                ours = min(sum(r[s] for s in steps) for r in found["rounds"][1:])
                print(
                    f"nilearn's maskers: cleaned voxels, regions, seeds {seconds:6.2f} s, "
                    f"ours {ours:.2f} s: {seconds / ours:.0f} x faster"
                )


if __name__ == "__main__":
    main()

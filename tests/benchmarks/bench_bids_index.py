"""How long it takes to index 300 subjects, 8,400 files: ours, and the plain walk beneath.

Run: python tests/benchmarks/bench_bids_index.py
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from lumbago.reading import BidsCohort

N_SUBJECTS = 300
SPACES = ("MNI152NLin2009cAsym", "MNI152NLin6Asym", "T1w")


def make_dataset(root: Path, n_subjects: int = N_SUBJECTS) -> int:
    """Write the names (and sidecars) of an fMRIPrep output; return the number of files."""
    rows = ["participant_id\tage"]
    n_files = 2
    (root / "dataset_description.json").write_text("{}")
    for i in range(1, n_subjects + 1):
        sub = f"sub-{i:03d}"
        func, anat = root / sub / "func", root / sub / "anat"
        func.mkdir(parents=True)
        anat.mkdir()
        stem = f"{sub}_task-rest"
        names = [f"{stem}_desc-confounds_timeseries.tsv", f"{stem}_desc-confounds_timeseries.json"]
        for space in SPACES:
            for what in ("desc-preproc_bold", "desc-brain_mask", "boldref"):
                names += [f"{stem}_space-{space}_{what}.nii.gz"]
            names += [f"{stem}_space-{space}_desc-preproc_bold.json"]
            names += [f"{stem}_space-{space}_desc-brain_mask.json"]
        for name in names:
            content = '{"RepetitionTime": 2.0}' if name.endswith("bold.json") else ""
            (func / name).write_text(content)
        others = [f"{sub}_label-{t}_probseg.nii.gz" for t in ("GM", "WM", "CSF")]
        others += [f"{sub}_desc-{d}_T1w.{e}" for d in ("preproc",) for e in ("nii.gz", "json")]
        others += [f"{sub}_desc-{d}_mask.nii.gz" for d in ("brain", "ribbon", "aseg", "aparc")]
        others += [f"{sub}_hemi-{h}_pial.surf.gii" for h in ("L", "R")]
        for name in others:
            (anat / name).write_text("")
        n_files += len(names) + len(others)
        rows.append(f"{sub}\t40")
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    return n_files


def plain_walk(root: Path) -> int:
    """List every file, and do nothing with it."""
    return sum(len(files) for _, _, files in os.walk(root))


def seconds(what: object, repeats: int = 7) -> float:
    """Median time of a call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        what()  # type: ignore[operator]
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print both times and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        n = make_dataset(root)
        reader = BidsCohort(derivatives=root, space=SPACES[0])
        assert len(reader.find("bench").scans) == N_SUBJECTS
        walk, ours = seconds(lambda: plain_walk(root)), seconds(lambda: reader.find("bench"))
        print(f"{n} files: os.walk {walk:.3f} s, index {ours:.3f} s, ratio {ours / walk:.1f}")


if __name__ == "__main__":
    main()

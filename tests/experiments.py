"""A small experiment on the tiny cohort, for every test that runs one."""

from __future__ import annotations

import shutil
from pathlib import Path

TEXT = """
name: small
question: Does local activity tell patients from controls?
seed: 7
cohorts:
  tiny: {{kind: bids, derivatives: "{derivatives}", task: rest, space: MNI152NLin2009aSym}}
targets:
  diagnosis: {{column: group, classes: {{patient: [CLBP], control: [HC]}}, positive: patient}}
denoise:
  default: {{strategy: motion6, scrub: {{fd: 0.5}}}}
features:
  alff: {{kind: alff, atlas: lumbago200}}
  edges: {{kind: connectome, atlas: dosenbach160, band: [0.01, 0.1]}}
preparation:
  standard: [{{impute: median}}, {{residualize: [age, mean_fd]}}, scale]
models:
  logistic: {{kind: logistic, C: 0.01}}
  forest: {{kind: random_forest, n_estimators: 10, features: [alff]}}
evaluation:
  target: diagnosis
  schemes: [{{kind: within_cohort, n_splits: 3, n_repeats: 2}}, leave_one_site_out]
  permutations: 10
  audit: false
"""


def write_experiment(folder: Path, derivatives: Path | str, *changes: tuple[str, str]) -> Path:
    """Write the small experiment, with words replaced, and return its file."""
    text = TEXT.format(derivatives=derivatives)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "small.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def copy_cohort(source: Path, target: Path) -> Path:
    """Copy a cohort's folder, to be changed by a test."""
    shutil.copytree(source, target)
    return target


def same_tables(one: Path, other: Path) -> None:
    """Assert that two run folders hold the same bytes, but for the seconds a fit took."""
    for name in ("predictions", "nulls", "weights", "scores", "participants", "exclusions"):
        a, b = (folder / f"{name}.tsv" for folder in (one, other))
        assert a.read_bytes() == b.read_bytes(), name
    assert (one / "splits.json").read_bytes() == (other / "splits.json").read_bytes()

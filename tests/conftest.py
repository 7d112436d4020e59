"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lumbago.simulation import SimulatedCohort

TINY = SimulatedCohort(n_participants=12, voxel_size=8.0, followup=0.3)


@pytest.fixture(scope="session")
def tiny_cohort() -> SimulatedCohort:
    """The settings of the tiny study."""
    return TINY


@pytest.fixture(scope="session")
def tiny_cohort_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 12 people at 8 mm, as fMRIPrep would have left it; not to be written into."""
    return TINY.write(tmp_path_factory.mktemp("simulated") / "tiny")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data that are not part of the repository."""
    shared = os.environ.get("LUMBAGO_SHARED", "")
    if not shared:
        pytest.skip("LUMBAGO_SHARED is not set: no real data here")
    folder = Path(shared) / "data"
    if not folder.is_dir():
        pytest.skip("LUMBAGO_SHARED names no folder with data/")
    return folder

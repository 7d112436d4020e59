"""A simulated study of chronic low back pain, written as fMRIPrep would have left it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from lumbago.errors import InputError
from lumbago.provenance import canonical_json, digest
from lumbago.simulation.brain import SPACE, Brain, make_brain
from lumbago.simulation.damage import DAMAGE, Damage
from lumbago.simulation.folder import compressed_size, write_person, write_study
from lumbago.simulation.muscles import Muscles
from lumbago.simulation.people import Person, make_person
from lumbago.spec import Spec

Strength = Annotated[float, Field(ge=0, le=1)]
NEAR = 10.0  # mm


class Effects(Spec):
    """What is different in patients, and by how much; 0 plants nothing."""

    insula_alff: Strength = 0.32
    """Mean share by which the amplitude of the insula's signal is raised in patients."""
    default_mode_insula: Strength = 0.42
    """Mean correlation of the insula with the default mode's common signal that is added."""
    path_length: Strength = 0.0
    """Mean share of the coupling between networks that is lost, so that paths grow longer;
    coupling within networks and all amplitudes stay."""
    vas_amplitude: Annotated[float, Field(ge=0, le=0.95)] = 0.0
    """Correlation, among patients, of the pain score with the logarithm of the amplitude of the
    dorsal anterior cingulate's signal, before a scan's chance and noise weaken it."""


class Treatment(Spec):
    """What happens between the visits, instead of everybody's getting a little better."""

    responders: Strength = 0.5
    """Probability that a patient who comes back has got better; the others stay as they were."""
    relief: Strength = 0.6
    """Share by which responders' pain and all that is planted in their brains has fallen."""


class SimulatedCohort(Spec):
    """People with and without chronic low back pain, several scanners, one resting scan a visit.

    Images lie in the space of nilearn's packaged symmetric template, in folders and under
    names as fMRIPrep 24 gives them, with its confounds tables and sidecars. Beside them,
    ``ground_truth.json`` says what was planted, where, how strongly, and in whom.

    The insula is every lumbago200 region whose nearest Dosenbach coordinate (2010,
    doi:10.1126/science.1194144, as packaged with nilearn) is called insula and at most
    10 mm away; the default mode is every region of the network Default. In patients the
    amplitude of the insula's signal is multiplied by ``1 + insula_alff * severity``, and
    the common signal of the default mode is mixed into it with a correlation raised by
    ``default_mode_insula * severity``; severity has mean 1 and spread .3, and drives the
    pain score too. The dorsal anterior cingulate is found as the insula is (dACC).

    Several cohorts differ by ``seed`` (two of one seed are the same people), prevalence,
    ``t_r``, ``voxel_size`` and scanners, which come from the seed as well.

    Everything follows from ``seed``; each person draws from a seed of their own, so that
    adding people, or jobs, changes nobody, and that an effect of strength 0 changes no image.
    """

    kind: Literal["simulated"] = "simulated"
    n_participants: Annotated[int, Field(ge=2, le=999)] = 48
    prevalence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of patients."""
    n_sites: Annotated[int, Field(ge=1, le=26)] = 3
    followup: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Probability that a person has a second session, about twelve weeks later."""
    treatment: Treatment | None = None
    """Between the visits; adds the column ``responder``, yes or no, of patients who came back."""
    voxel_size: Annotated[float, Field(ge=2, le=10)] = 4.0
    """In mm."""
    n_volumes: Annotated[int, Field(ge=20, le=2000)] = 150
    t_r: Annotated[float, Field(ge=0.3, le=5)] = 2.0
    """In seconds."""
    effects: Effects = Effects()
    site_effects: Annotated[float, Field(ge=0, le=3)] = 1.0
    """Strength of the scanners' differences in gain, noise and smoothness; 0 for none."""
    site_imbalance: Annotated[float, Field(ge=0, le=1)] = 0.0
    """0: patients are the same share of every site; 1: none at the first site, all at the last
    (with a prevalence other than a half, as far from each other as it allows)."""
    muscles: Muscles | None = None
    """Paraspinal muscles, as columns of the participants' table; none where it is not given."""
    missing: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Share of the cells of age, pain, body mass index and muscles that are empty."""
    heavy_motion: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the scans with violent motion, most of whose volumes scrubbing takes away."""
    seed: Annotated[int, Field(ge=0)] = 20261120
    canary: Annotated[str, Field(max_length=16, pattern=r"^[A-Za-z0-9]*$")] = ""
    """A string to plant wherever a scanner may write a patient's name: header texts, a header
    comment, sidecars, columns ``name`` and ``comment``. To show that no output repeats it."""
    damage: dict[str, Damage] = Field(default_factory=dict)
    """Scans to be broken on purpose, by participant: ``{sub-03: truncated}``."""

    folder: str | None = None
    """Where to write; in the run's workspace where it is not given."""
    keep: str | None = None
    rename: dict[str, str] = Field(default_factory=dict)
    recode: dict[str, dict[str, str]] = Field(default_factory=dict)
    site: str | None = "site"

    version: ClassVar[int] = 1
    references: ClassVar[tuple[str, ...]] = ()
    space: ClassVar[str] = SPACE
    task: ClassVar[str] = "rest"

    @field_validator("damage")
    @classmethod
    def _known_people(cls, damage: dict[str, Damage], info: Any) -> dict[str, Damage]:
        n = info.data.get("n_participants", 0)
        strangers = sorted(set(damage) - {f"sub-{i:02d}" for i in range(1, n + 1)})
        if strangers:
            raise ValueError(
                f"damage: no participant {strangers[0]!r}; expected sub-01 to sub-{n:02d}"
            )
        return damage

    @model_validator(mode="after")
    def _comes_back(self) -> SimulatedCohort:
        if self.treatment is not None and self.followup == 0:
            raise ValueError("treatment: nobody comes back to show it; give followup above 0")
        return self

    def people(self) -> list[Person]:
        """Return everyone, with their visits; draws no image."""
        return [make_person(i, self) for i in range(1, self.n_participants + 1)]

    def size(self) -> dict[str, int]:
        """Return the numbers of participants and scans, and about how many bytes they take."""
        people = self.people()
        n_scans = sum(len(p.visits) for p in people)
        return {
            "n_participants": len(people),
            "n_scans": n_scans,
            "bytes": n_scans * compressed_size(self.voxel_size, self.n_volumes),
        }

    def content(self) -> str:
        """SHA-256 of what decides the files: every setting but where and how they are read."""
        reading = ("folder", "keep", "rename", "recode", "site")
        kept = {k: v for k, v in self.canonical().items() if k not in reading}
        return digest(canonical_json(kept))

    def write(
        self,
        folder: str | Path,
        n_jobs: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Write the study into a folder; one that is there and complete is left as it is.

        Parameters
        ----------
        folder : path
            Appears only when every file in it is complete.
        n_jobs : int
            Processes; the files do not depend on it.
        progress : callable, optional
            Called with the number of people done and of all.

        Returns
        -------
        Path, the folder

        Raises
        ------
        InputError
            If the folder exists and is not this very study.
        """
        folder = Path(folder)
        if folder.exists():
            return self._complete(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        aside = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
        aside.mkdir()
        try:
            self._fill(aside, n_jobs, progress)
            try:
                aside.rename(folder)
            except OSError:
                # Another process may have finished the same study first.
                return self._complete(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return folder

    def _fill(self, aside: Path, n_jobs: int, progress: Callable[[int, int], None] | None) -> None:
        from joblib import Parallel, delayed

        people = self.people()
        brain = make_brain(self.voxel_size)
        places = planted_regions(brain)
        jobs = (delayed(write_person)(aside, self, brain, places, p) for p in people)
        done = Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
        for i, _ in enumerate(done, 1):
            if progress is not None:
                progress(i, len(people))
        write_study(aside, self, brain, places, people)

    def _complete(self, folder: Path) -> Path:
        try:
            found = json.loads((folder / "ground_truth.json").read_text(encoding="utf-8"))
            same = found["content"] == self.content()
        except (OSError, ValueError, KeyError, TypeError):
            same = False
        if not same:
            raise InputError(
                f"simulated cohort: the folder {folder.name!r} exists and holds something else; "
                "expected an empty place or this very study; remove it or name another"
            )
        return folder


def planted_regions(brain: Brain) -> dict[str, list[int]]:
    """Rows of the insula's, the default mode's and the cingulate's regions in the atlas's table."""
    labels = brain.labels
    near = labels["distance"] <= NEAR
    of = {
        "insula": near & labels["dosenbach"].str.contains("insula"),
        "default_mode": labels["network"] == "Default",
        "cingulate": near & labels["dosenbach"].str.contains("dACC"),
    }
    return {name: [int(i) for i in np.flatnonzero(rows)] for name, rows in of.items()}


def _sweep(folder: Path) -> None:
    """Remove what killed processes left aside."""
    for left in folder.parent.glob(f".{folder.name}.tmp-*"):
        pid = left.name.rsplit("-", 1)[-1]
        if pid.isdigit() and int(pid) != os.getpid() and not _alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


__all__ = ["DAMAGE", "Effects", "SimulatedCohort", "Treatment", "planted_regions"]

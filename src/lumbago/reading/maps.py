"""Still images in plain folders: grey matter, perfusion, contrasts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from lumbago.errors import InputError, Problem
from lumbago.reading.gathered import About, Piece, gathered
from lumbago.reading.naming import compiled, whose
from lumbago.reading.reader import CohortReader, Found
from lumbago.reading.recognize import unlike
from lumbago.reading.walker import Entry, walk


class MapsCohort(CohortReader):
    """Maps that another tool has made, one file per participant, found by their names.

    ``{gm: "mwp1{participant}_T1w.nii", cbf: "sub-{participant}_*_cbf.nii.gz"}`` reads CAT12's
    grey matter and ASLPrep's perfusion; `regional` with ``map: gm`` takes means over regions.
    """

    kind: Literal["maps"] = "maps"
    folder: Path
    """Folder with the images, at any depth; its participants.tsv is read where none is named."""
    maps: dict[str, str] = Field(min_length=1)
    """Names of maps and of their files: ``*`` is anything, ``**/`` any folders; ``{participant}``,
    ``{session}`` and ``{run}`` are taken from the name. Without ``{participant}`` it is the
    ``sub-`` of the name or of a folder. A pattern without ``/`` fits at any depth."""
    space: str | None = None
    """Space the maps lie in (``MNI152NLin2009cAsym``), for the record."""

    @field_validator("maps")
    @classmethod
    def _patterns(cls, maps: dict[str, str]) -> dict[str, str]:
        for pattern in maps.values():
            compiled(pattern)
        return maps

    def find(self, name: str) -> Found:
        """Find the maps by their names; opens none.

        Raises
        ------
        InputError
            A pattern that no file fits, two files of one person, a file that is no image.
        """
        entries = list(walk(self.folder))
        pieces = []
        problems = []
        for of, pattern in sorted(self.maps.items()):
            expression = compiled(pattern)
            fitting = 0
            for entry in entries:
                path = f"{entry.folder}/{entry.name}" if entry.folder else entry.name
                found = expression.fullmatch(path)
                if found is None:
                    continue
                fitting += 1
                if not entry.name.endswith((".nii", ".nii.gz")):
                    problems.append(
                        Problem(f"maps: {of}", unlike(entry.path(self.folder), "a NIfTI image"))
                    )
                    continue
                try:
                    who = _who(entry, found.groupdict())
                except InputError as e:
                    problems += e.problems
                else:
                    pieces.append(Piece(who, f"map:{of}", entry.path(self.folder)))
            if not fitting:
                problems.append(
                    Problem(
                        f"cohort {name}",
                        f"maps: no file fits {of}: {pattern!r}{_example(entries)}",
                    )
                )
        if problems:
            raise InputError(problems)
        scans = gathered(name, pieces, About(space=self.space), "make the pattern narrower")
        return Found(scans, self.folder, [self.folder.parent])


def _who(entry: Entry, taken: dict[str, str | None]) -> tuple[str, str, str]:
    text = taken.get("participant")
    if text is None:
        places = [entry.name, *reversed(entry.folder.split("/"))]
        text = next((p for p in places if p.startswith("sub-") or "_sub-" in p), None)
        if text is None:
            raise InputError(
                Problem(
                    entry.name,
                    "whose it is stands nowhere in its name; put {participant} into the pattern",
                )
            )
        text = text[text.index("sub-") :]
        sub, ses, run = whose(text)
        ses = ses or next((p for p in entry.folder.split("/") if p.startswith("ses-")), "")
    else:
        sub, ses, run = whose(text)
    session, number = taken.get("session"), taken.get("run")
    return (
        sub,
        f"ses-{session.removeprefix('ses-')}" if session else ses,
        f"run-{number.removeprefix('run-')}" if number else run,
    )


def _example(entries: list[Entry]) -> str:
    images = [e for e in entries if e.name.endswith((".nii", ".nii.gz"))]
    if not images:
        return "; there is no NIfTI image in the folder"
    return f"; {len(images)} NIfTI images there are called like {images[0].name}"

"""Every look at a locked cohort, in a file that only grows and tells if it was changed."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from lumbago.errors import InputError, cannot_write
from lumbago.provenance import canonical_json, digest

FIRST = "0" * 64
"""What the first line follows."""
LOOK, SCORES = "look", "scores"


@dataclass(frozen=True)
class Ledger:
    """A file of JSON lines, each holding the hash of the line before and its own.

    A line that was changed, taken out or put in breaks the chain, and the ledger is refused.
    Lines taken off the end leave no trace here; but every run folder keeps the hash of the
    last line that it saw. Kept under version control, the file has a witness of its own.

    Parameters
    ----------
    path : Path
        Need not be there yet.
    """

    path: Path

    def lines(self) -> list[dict[str, Any]]:
        """Return every entry, oldest first.

        Raises
        ------
        InputError
            If a line was changed after it was written.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self.path.name}: cannot be read as a ledger ({error})") from None
        return self._checked(text)

    def _checked(self, text: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        previous = FIRST
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                entry = json.loads(line)
                said = {k: v for k, v in entry.items() if k != "hash"}
                whole = entry["previous"] == previous and entry["hash"] == _hash(said)
            except (ValueError, KeyError, AttributeError, TypeError):
                whole = False
            if not whole:
                raise InputError(
                    f"{self.path.name}:{number}: this line is not as it was written, or one "
                    "before it is missing; bring the ledger back from version control, or begin "
                    "another and report that this one was lost"
                )
            previous = entry["hash"]
            found.append(entry)
        return found

    def looks(self, cohort: str, people: str) -> list[dict[str, Any]]:
        """Return the looks at a cohort, under this name or at these people under another."""
        return [
            e for e in self.lines()
            if e["event"] == LOOK and (e["cohort"] == cohort or e["people"] == people)
        ]  # fmt: skip

    @property
    def head(self) -> str:
        """Hash of the last line."""
        lines = self.lines()
        return str(lines[-1]["hash"]) if lines else FIRST

    def append(self, event: str, entry: Mapping[str, Any]) -> None:
        """Write one line at the end, whole and on the disk before this returns.

        Raises
        ------
        EnvironmentProblem
            If the file cannot be written; then nothing may be looked at.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a+", encoding="utf-8", newline="\n") as file, _alone(file):
                file.seek(0)
                lines = self._checked(file.read())
                told = {
                    "n": len(lines) + 1,
                    "date": datetime.now(UTC).isoformat(timespec="seconds"),
                    "event": event,
                    **entry,
                    "previous": lines[-1]["hash"] if lines else FIRST,
                }
                file.write(canonical_json(told | {"hash": _hash(told)}) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(error, f"the ledger {self.path.name}", "ledger:") from error


def people_digest(ids: Sequence[str]) -> str:
    """Return a hash of who is in a cohort, whatever its name and in whatever order."""
    return digest(canonical_json(sorted(set(ids))))


def _hash(entry: Mapping[str, Any]) -> str:
    return digest(canonical_json(dict(entry)))


@contextlib.contextmanager
def _alone(file: IO[str]) -> Iterator[None]:
    """Keep other runs from writing meanwhile, where the system can."""
    try:
        import fcntl
    except ImportError:  # not on this system; two runs at once would break the chain, and show
        yield
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)

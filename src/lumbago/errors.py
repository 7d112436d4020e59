"""The errors Lumbago raises, and the problems it collects before it gives up."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass


class LumbagoError(Exception):
    """Anything Lumbago refuses, in one sentence: where, expected, got, cure."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a configuration or an input, and where it stands."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class InputError(LumbagoError):
    """Data or settings that cannot be used; holds every problem found, not only the first."""

    def __init__(self, problems: str | Problem | Iterable[str | Problem]):
        if isinstance(problems, str | Problem):
            problems = [problems]
        self.problems = [p if isinstance(p, Problem) else Problem("", p) for p in problems]
        super().__init__("\n".join(str(p) for p in self.problems))


class ConfigError(InputError):
    """An experiment file that does not say what it must."""


class EnvironmentProblem(LumbagoError):
    """The machine stands in the way: a full disk, a missing permission."""

    exit_code = 3


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None)


def cannot_write(error: OSError, place: str, option: str) -> EnvironmentProblem:
    """Return what to raise where the machine does not let us write, with the cure that fits.

    Parameters
    ----------
    error : OSError
    place : str
        What could not be written.
    option : str
        The setting that names another place.
    """
    # numpy tells of a full disk without a number.
    why = error.strerror or "the disk took only a part of it"
    cure = "free some space or choose" if error.errno in _FULL else "choose"
    return EnvironmentProblem(
        f"{place}: cannot write ({why}); everything finished so far is safe, {cure} another "
        f"folder with {option} and run again to resume"
    )


class ScanRejected(LumbagoError):
    """This scan cannot give this feature; recorded with its code and reason, never fatal.

    Parameters
    ----------
    code : str
        Short stable name of the reason, such as ``E_TRUNCATED``.
    reason : str
        One sentence for a person, without any local path.
    """

    def __init__(self, code: str, reason: str):
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")

    def __reduce__(self) -> tuple[type[ScanRejected], tuple[str, str]]:
        return type(self), (self.code, self.reason)

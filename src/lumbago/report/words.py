"""Numbers and names as a reader wants them, and what no report may show."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

SCHEMES = {
    "within_cohort": "Cross-validation",
    "leave_one_site_out": "Leaving each site out",
    "leave_one_cohort_out": "Leaving each cohort out",
    "transfer": "From one cohort to another",
    "fixed": "Splits of a file",
    "locked": "The locked cohort",
    "learning_curve": "Learning curve",
}
BASELINES = {
    "majority": "Majority class",
    "motion_only": "Head motion only",
    "site_only": "Site only",
    "covariates": "Covariates only",
    "clinical": "Clinical columns only",
}
MISSING = "–"
_PATH = re.compile(
    r"(?<![\w/.:}$<])(?:file://)?(?:[A-Za-z]:[\\/]|\\\\|~?/)(?:[^\s/\\:*?\"'<>|]+[\\/])+([^\s/\\:*?\"'<>|,;]*)"
)


def number(value: Any, digits: int = 2) -> str:
    """Write a number with a true minus sign; a dash where it is missing.

    >>> number(-0.123), number(float("nan"))
    ('−0.12', '–')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def span(low: float, high: float, digits: int = 2) -> str:
    """Write an interval; empty where it is missing.

    >>> span(0.5, 0.75)
    '0.50 to 0.75'
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{number(low, digits)} to {number(high, digits)}"


def p_words(p: float, m: int) -> str:
    """Write a permutation p-value, never as zero.

    >>> p_words(0.000999, 1000)
    'p = 0.0010 (1,000 permutations)'
    """
    return f"p = {p_value(p)} ({m:,} permutations)" if math.isfinite(p) else ""


def p_value(p: float) -> str:
    """Write a p-value with the digits that carry something.

    >>> p_value(0.4129), p_value(0.0149), p_value(0.000999)
    ('0.41', '0.015', '0.0010')
    """
    return f"{p:.{2 if p >= 0.1 else 3 if p >= 0.01 else 4}f}"


def sentence(text: str) -> str:
    """Begin a text with a capital.

    >>> sentence("against permuted labels")
    'Against permuted labels'
    """
    return text[:1].upper() + text[1:]


def listed(words: Iterable[str]) -> str:
    """Join words as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def count(n: int, noun: str) -> str:
    """Write a count with its noun.

    >>> count(1, "session"), count(1200, "edge")
    ('1 session', '1,200 edges')
    """
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def scheme_words(scheme: str) -> str:
    """Return a scheme's name for people.

    >>> scheme_words("within_cohort:ten_folds")
    'Cross-validation (ten folds)'
    """
    kind, _, name = scheme.partition(":")
    words = SCHEMES.get(kind, kind.replace("_", " "))
    return f"{words} ({name.replace('_', ' ')})" if name else words


def cell_words(features: str, model: str, *, continuous: bool = False) -> str:
    """Return a cell's name for people."""
    if features == "baseline":
        if model == "majority" and continuous:
            return "Training mean"
        return BASELINES.get(model, model)
    return f"{features} · {model}"


class Scrubber:
    """Takes participants and local paths out of words that others wrote.

    Parameters
    ----------
    participants : iterable of str
        Ids that must not be shown, with or without their ``sub-``.
    """

    def __init__(self, participants: Iterable[str]):
        ids = {str(p) for p in participants if str(p)}
        # The longest first: sub-10 must not leave the 0 of sub-100 behind.
        longest = sorted(ids, key=lambda p: (-len(p), p))
        names = "|".join(re.escape(p) for p in longest)
        self._ids = re.compile(rf"(?<![A-Za-z0-9])(?:{names})(?![A-Za-z0-9])") if names else None

    def text(self, text: str) -> str:
        """Return the text with file names for paths and "a participant" for ids."""
        text = _PATH.sub(lambda m: m[1] or "a folder", text)
        text = re.sub(r"(?<![A-Za-z0-9])sub-[A-Za-z0-9]+", "a participant", text)
        return self._ids.sub("a participant", text) if self._ids else text

    def tree(self, value: Any) -> Any:
        """Return JSON values with every word scrubbed, keys included."""
        if isinstance(value, Mapping):
            return {self.text(str(k)): self.tree(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(v) for v in value]
        return self.text(value) if isinstance(value, str) else value

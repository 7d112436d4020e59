"""What the methods text says of denoising: every strategy in words, with its sources."""

from __future__ import annotations

import pytest

from lumbago.reading.denoise import Denoise, Scrub
from lumbago.reading.strategies import STRATEGIES
from lumbago.report.denoising import denoising, regressors
from lumbago.report.references import BIBLIOGRAPHY


def told(*denoises: Denoise | None) -> str:
    specs = [None if d is None else d.canonical() for d in denoises]
    return " ".join(
        denoising({"features": {f"f{i}": {"spec": {"denoise": s}} for i, s in enumerate(specs)}})
    )


@pytest.mark.parametrize("strategy", STRATEGIES[1:])
def test_every_strategy_has_words_of_its_own_and_known_sources(strategy: str) -> None:
    what, sources = regressors(strategy)
    assert what
    assert sources
    assert set(sources) <= set(BIBLIOGRAPHY)
    assert sum(regressors(s)[0] == what for s in STRATEGIES[1:]) == 1


def test_scrubbing_is_told_as_it_was_asked_for() -> None:
    scrub = Scrub(fd=0.25, fd_kind="jenkinson", std_dvars=1.5, before=1, after=2, min_segment=5)
    text = told(Denoise(strategy="motion6", scrub=scrub, filter="ideal"))
    assert text.startswith("Where confounds were available, six motion parameters were")
    assert (
        "relative root-mean-square displacement above 0.25 mm were left out [@jenkinson2002]"
        in text
    )
    assert "as were volumes with standardized DVARS above 1.5, with 1 before and 2 behind" in text
    assert "stretches shorter than 5 volumes" in text
    assert "set to zero in the Fourier transform" in text
    alone = told(Denoise(strategy="none", scrub=Scrub(fd=None, std_dvars=2.0)))
    assert alone == (
        "Signals were detrended without nuisance regression, and volumes with standardized DVARS "
        "above 2 were left out."
    )


def test_what_differs_between_features_is_told_apart() -> None:
    text = told(Denoise(strategy="aroma_wmcsf"), None)
    assert "ICA-AROMA took for motion (aggressively) and the mean signals" in text
    assert "regressed out for f0 [@pruim2015; @ciric2017; @abraham2014]." in text
    assert "Signals were not denoised here for f1." in text

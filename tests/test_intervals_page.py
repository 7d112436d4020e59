"""The page on intervals keeps the promise it prints, and prints what is measured."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "make_intervals_page.py"


def script():
    spec = importlib.util.spec_from_file_location("make_intervals_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed():
    """Rows of both tables, as shares with the words before them."""
    text = SCRIPT.with_name("intervals.md").read_text(encoding="utf-8")
    text = text.split("<!-- measured: begin -->")[1].split("<!-- measured: end -->")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if "%" in line]
    shares = [[float(re.match(r"[\d.]+", cell)[0]) / 100 for cell in row[2:]] for row in rows]
    return [row[:2] for row in rows], shares


def test_a_fixed_model_is_covered_as_often_as_the_page_and_the_level_say():
    heads, shares = printed()
    make = script()
    assert heads[: len(make.COHORTS)] == [[f"{a:.2f}", f"{n}"] for a, n in make.COHORTS]
    fixed = np.array(shares[: len(make.COHORTS)])
    assert fixed.shape == (4, 3)
    assert ((fixed >= 0.93) & (fixed <= 0.97)).all()


def test_the_page_prints_what_cross_validation_does_not_cover():
    heads, shares = printed()
    make = script()
    assert heads[4:] == [[f"{d:g}", f"{n}"] for d, n in make.STUDIES]
    given, wider = np.array(shares[4:])[:, :2], np.array(shares[4:])[:, 2:]
    assert (given < wider).all()


@pytest.mark.slow
def test_measured_again_the_page_is_not_stale():
    """Fewer samples than the page's, so within four standard errors of it."""
    make, n = script(), 120
    _, shares = printed()
    again = [list(make.test_cohorts(a, people, n).values()) for a, people in make.COHORTS]
    again += [list(make.studies(d, people, n).values()) for d, people in make.STUDIES]
    for row, covered in zip(shares, again, strict=True):
        for p, of_column in zip(row, covered, strict=True):
            assert abs(np.mean(of_column) - p) < 4 * np.sqrt(p * (1 - p) / n) + 1e-9

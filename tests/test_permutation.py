"""Permutations that keep blocks together: by their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbago.statistics.permutation import p_value, whole_block, within_block

tables = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=30).map(
    lambda rows: tuple(np.array(column) for column in zip(*rows, strict=True))
)


@settings(max_examples=60)
@given(tables, st.integers(0, 100))
def test_whole_blocks_move_together_within_their_stratum(table, seed):
    blocks, strata = table
    index = whole_block(blocks, np.random.default_rng(seed), strata=strata)
    assert sorted(index) == list(range(len(blocks)))
    for b in np.unique(blocks):
        rows = np.flatnonzero(blocks == b)
        source = index[rows]
        assert len(set(blocks[source])) == 1
        assert len(rows) == (blocks == blocks[source][0]).sum()
        assert list(source) == sorted(source)
        assert set(strata[rows]) == set(strata[source])


@settings(max_examples=60)
@given(tables, st.integers(0, 100))
def test_constant_blocks_of_any_size_exchange_their_value(table, seed):
    blocks, _ = table
    value = blocks * 10
    moved = value[whole_block(blocks, np.random.default_rng(seed), constant=True)]
    per_block = [set(moved[blocks == b]) for b in np.unique(blocks)]
    assert all(len(values) == 1 for values in per_block)
    assert sorted(v for values in per_block for v in values) == sorted(set(value))


@settings(max_examples=60)
@given(tables, st.integers(0, 100))
def test_rows_within_blocks_stay_within_them(table, seed):
    blocks, strata = table
    index = within_block(blocks, np.random.default_rng(seed), strata=strata)
    assert sorted(index) == list(range(len(blocks)))
    assert (blocks[index] == blocks).all()
    assert (strata[index] == strata).all()


def test_every_arrangement_is_equally_likely():
    rng = np.random.default_rng(0)
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(6000):
        key = tuple(whole_block(np.arange(3), rng))
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 6
    assert min(counts.values()) > 850
    counts = {}
    for _ in range(4000):
        key = tuple(within_block(np.array([0, 0, 1, 1]), rng))
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 4
    assert min(counts.values()) > 850


def test_free_permutation_of_repeated_scans_would_reject_too_often():
    """Labels of persons, values alike within a person: whole blocks keep the level."""
    rng = np.random.default_rng(3)
    blocks = np.repeat(np.arange(20), 4)
    label = (np.arange(20) % 2)[blocks]
    rejected = {"free": 0, "whole": 0}
    for _ in range(200):
        x = rng.standard_normal(20)[blocks] + 0.2 * rng.standard_normal(80)

        def gap(y, x=x):
            return abs(x[y == 1].mean() - x[y == 0].mean())

        free = np.array([gap(rng.permutation(label)) for _ in range(39)])
        whole = np.array([gap(label[whole_block(blocks, rng, constant=True)]) for _ in range(39)])
        rejected["free"] += p_value(gap(label), free) <= 0.05
        rejected["whole"] += p_value(gap(label), whole) <= 0.05
    assert rejected["free"] > 40
    assert rejected["whole"] <= 19  # 99.5 % quantile of Binomial(200, .05)


def test_p_counts_the_observed_score_among_the_permuted():
    null = np.linspace(0, 1, 99)
    assert p_value(2.0, null) == pytest.approx(0.01)
    assert p_value(-1.0, null) == 1.0
    assert p_value(1.0, null) == pytest.approx(0.02)
    assert np.isnan(p_value(np.nan, null))
    assert np.isnan(p_value(0.5, np.array([np.nan])))
    assert p_value(0.5, np.array([np.nan, 0.4])) == 0.5


def test_p_is_uniform_under_the_null():
    rng = np.random.default_rng(1)
    p = np.array([p_value(rng.random(), rng.random(19)) for _ in range(4000)])
    for level in (0.05, 0.25, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=0.02)

"""Permutations that keep blocks together: by their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from lumbago.statistics.permutation import max_statistic, p_value, whole_block, within_block

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


def test_the_maximum_is_the_one_of_a_loop_and_never_below_the_uncorrected():
    rng = np.random.default_rng(3)
    scale = np.array([1.0, 10.0, 0.1, 1.0])
    null = rng.normal(size=(99, 4)) * scale
    observed = np.array([2.5, 5.0, 0.31, 0.0])
    found = max_statistic(observed, null)
    for i in range(4):
        b = 0
        for row in null:
            z = []
            for j in range(4):
                pool = np.append(null[:, j], observed[j])
                z.append((row[j] - pool.mean()) / pool.std())
            mine = np.append(null[:, i], observed[i])
            b += max(z) >= (observed[i] - mine.mean()) / mine.std()
        assert found[i] == (b + 1) / 100
        assert found[i] >= p_value(observed[i], null[:, i]) - 1e-12


def test_one_score_alone_needs_no_correction():
    rng = np.random.default_rng(0)
    null = rng.normal(size=(199, 1))
    assert max_statistic(np.array([1.3]), null)[0] == p_value(1.3, null[:, 0])


def test_scores_that_cannot_vary_or_are_missing_take_no_part():
    rng = np.random.default_rng(1)
    null = np.column_stack([rng.normal(size=49), np.full(49, 0.5), rng.normal(size=49)])
    null[:20, 2] = np.nan
    found = max_statistic(np.array([1.0, 0.5, np.nan]), null)
    assert np.isnan(found[1:]).all()
    alone = max_statistic(np.array([1.0]), null[:, :1])
    assert found[0] >= alone[0]
    with pytest.raises(ValueError, match="one column per observed score"):
        max_statistic(np.zeros(2), null)


def test_the_familywise_error_is_the_level_where_many_dependent_scores_are_looked_at():
    """40 scores that share half of their variance, 600 null data sets: 5 % have any p ≤ .05."""
    rng = np.random.default_rng(11)
    n_sets, rejected, careless = 600, 0, 0
    for _ in range(n_sets):
        shared = rng.normal(size=(100, 1))
        scores = (shared + rng.normal(size=(100, 40))) * rng.uniform(0.1, 9, size=40)
        corrected = max_statistic(scores[0], scores[1:])
        rejected += corrected.min() <= 0.05
        careless += p_value(scores[0, 0], scores[1:, 0]) <= 0.05 or any(
            p_value(scores[0, j], scores[1:, j]) <= 0.05 for j in range(40)
        )
    assert binomtest(rejected, n_sets, 0.05).pvalue > 0.001
    assert careless > 0.3 * n_sets, "without the correction the control would show nothing"

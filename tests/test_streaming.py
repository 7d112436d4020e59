"""The sliding window against slices of the series, the moments and scores in closed form."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lumbago.measures.streaming import RunningMoments, SlidingWindow, clipped_score

numbers = st.integers(-(10**9), 10**9).map(lambda n: n / 1000)


@given(
    width=st.integers(1, 9),
    series=arrays(np.float32, st.tuples(st.integers(0, 40), st.integers(0, 3))),
)
def test_the_window_holds_the_last_volumes_in_order(width, series):
    window = SlidingWindow(width, series.shape[1])
    for t, volume in enumerate(series):
        window.push(volume)
        expected = series[max(0, t + 1 - width) : t + 1]
        np.testing.assert_array_equal(window.values, expected)
        assert window.full == (t + 1 >= width)
        assert window.values.flags.c_contiguous
    assert window.n_pushed == len(series)


def test_the_window_is_a_view_that_nobody_writes_through():
    window = SlidingWindow(3, 2)
    for t in range(5):
        window.push(np.full(2, t))
    assert np.shares_memory(window.values, window._rows)
    with pytest.raises(ValueError, match="read-only"):
        window.values[0] = 7
    window.push(np.full(2, 5.0))  # and it still takes volumes afterwards
    assert window.values[:, 0].tolist() == [3, 4, 5]


def test_memory_is_twice_the_window():
    assert SlidingWindow(120, 700)._rows.nbytes == 2 * 120 * 700 * 4


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="at least 1 volume"):
        SlidingWindow(0, 3)
    window = SlidingWindow(2, 3)
    with pytest.raises(ValueError, match=r"expected 3 signals of one volume, got shape \(4,\)"):
        window.push(np.zeros(4))
    assert window.n_pushed == 0


@given(st.lists(numbers, min_size=2, max_size=50))
def test_running_moments_are_those_of_the_whole_list(values):
    moments = RunningMoments()
    for value in values:
        moments.add(value)
        moments.add(math.nan)
    assert moments.n == len(values)
    size = max(map(abs, values)) or 1
    assert moments.mean == pytest.approx(statistics.mean(values), abs=1e-9 * size)
    assert moments.sd == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-7 * size)


def test_moments_of_too_few_numbers_are_nan():
    moments = RunningMoments()
    assert math.isnan(moments.mean)
    moments.add(3.0)
    assert moments.mean == 3
    assert math.isnan(moments.sd)


@given(value=numbers, mean=numbers, sd=st.floats(1e-3, 1e6), limit=st.floats(0.1, 10))
def test_scores_are_odd_clipped_and_free_of_units(value, mean, sd, limit):
    z = clipped_score(value, mean, sd, limit)
    assert -limit <= z <= limit
    assert clipped_score(-value, -mean, sd, limit) == -z
    assert clipped_score(value * 4, mean * 4, sd * 4, limit) == z
    if abs(value - mean) < 0.99 * limit * sd:
        assert z == pytest.approx((value - mean) / sd)


@pytest.mark.parametrize(
    "arguments", [(math.nan, 0, 1), (1, math.nan, 1), (1, 0, 0), (1, 0, math.nan), (1, 0, -1)]
)
def test_no_score_without_numbers_or_spread(arguments):
    assert math.isnan(clipped_score(*arguments))


def test_a_limit_must_be_above_0():
    with pytest.raises(ValueError, match="limit is above 0"):
        clipped_score(1, 0, 1, 0)

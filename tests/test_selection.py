"""The rules of `keep` and `where`."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbago.data.selection import columns_in, matching
from lumbago.errors import InputError


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "mean_fd": [0.1, 0.6, np.nan, 0.3],
            "site": ["essen", "bochum", "essen", np.nan],
            "n_volumes": [200.0, 150.0, 90.0, 150.0],
        }
    )


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("mean_fd < 0.5", [True, False, False, True]),
        ("mean_fd < 0.5 and n_volumes >= 200", [True, False, False, False]),
        ("site == essen or n_volumes < 160", [True, True, True, True]),
        ("site == 'essen'", [True, False, True, False]),
        ("site != essen", [False, True, False, False]),
        ("not site == essen", [False, True, False, False]),
        ("not mean_fd < 0.5", [False, True, False, False]),
        ("0.05 < mean_fd <= 0.3", [True, False, False, True]),
        ("site in [essen, szeged]", [True, False, True, False]),
        ("site not in ['essen']", [False, True, False, False]),
        ("mean_fd > -1", [True, True, False, True]),
    ],
)
def test_rules_keep_what_they_say_and_never_a_missing_value(table, rule, kept):
    assert matching(table, rule).tolist() == kept


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("mean_df < 0.5", "did you mean 'mean_fd'"),
        ("mean_fd", "not a comparison"),
        ("mean_fd < ", "expected comparisons"),
        ("__import__('os').system('true') == 0", "not a column, number or word"),
        ("mean_fd < 'low'", "holds numbers but is compared with words"),
        ("site == 3", "holds words but is compared with numbers"),
        ("site in essen", "needs a list"),
        ("mean_fd is 3", "are understood"),
    ],
)
def test_rules_that_cannot_be_read_are_refused_in_a_sentence(table, rule, says):
    with pytest.raises(InputError, match=says):
        matching(table, rule)


@given(st.text(max_size=30))
def test_no_text_does_anything_but_select_or_refuse(text):
    table = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    try:
        kept = matching(table, text)
    except InputError:
        return
    assert kept.shape == (2,)
    assert kept.dtype == bool


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.floats(-5, 5))
def test_a_rule_and_its_negation_part_the_known_rows(values, cut):
    table = pd.DataFrame({"x": values})
    low = matching(table, f"x < {cut!r}")
    assert np.array_equal(matching(table, f"not x < {cut!r}"), ~low)


def test_columns_of_a_rule_are_listed():
    assert columns_in("mean_fd < 0.5 and site in ['essen']") == {"mean_fd", "site"}

"""Hashes, seeds, versions, and the settings they describe."""

import pickle
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lumbago.errors import InputError, Problem, ScanRejected
from lumbago.provenance import (
    canonical_json,
    digest,
    digest_array,
    integer_seed,
    task_seed,
    versions,
)
from lumbago.spec import Spec


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_no_two_lists_of_parts_share_a_digest(a, b):
    assert (digest(*a) == digest(*b)) == (a == b)


def test_an_arrays_digest_sees_type_shape_and_values():
    x = np.arange(6, dtype=np.float32)
    assert digest_array(x) == digest_array(x.copy())
    assert digest_array(x) == digest_array(np.arange(12, dtype=np.float32)[::2] / 2)
    different = {digest_array(a) for a in (x, x.reshape(2, 3), x.astype(float), x + 1)}
    assert len(different) == 4


def test_canonical_json_refuses_what_json_has_not():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})


def test_a_tasks_seed_depends_on_its_name_alone():
    assert integer_seed(task_seed(1, "svm", "0")) == integer_seed(task_seed(1, "svm", "0"))
    names = [("svm", "0"), ("svm", "1"), ("forest", "0"), ("svm0",)]
    assert len({integer_seed(task_seed(1, *n)) for n in names}) == len(names)
    assert integer_seed(task_seed(1, "svm")) != integer_seed(task_seed(2, "svm"))


def test_versions_name_python_and_the_libraries_that_count():
    found = versions()
    assert found["numpy"] == np.__version__
    assert "not installed" not in found.values()
    assert versions(["no-such-library"])["no-such-library"] == "not installed"


class Band(Spec):
    """Settings of a test."""

    kind: Literal["band"] = "band"
    low: float = 0.01
    edges: tuple[float, float] = (0.0, 1.0)


def test_settings_are_closed_frozen_and_hashed_with_their_formulas_version():
    assert Band().canonical() == {"kind": "band", "low": 0.01, "edges": [0.0, 1.0], "version": 1}
    assert Band() == Band(low=0.01)
    assert hash(Band()) == hash(Band(low=0.01))
    assert Band().digest() != Band(low=0.02).digest()
    with pytest.raises(ValidationError, match="frozen"):
        Band().low = 1.0
    with pytest.raises(ValidationError, match="Extra inputs"):
        Band(hgih=1.0)
    with pytest.raises(ValidationError, match="finite"):
        Band(low=float("nan"))


def test_a_changed_formula_changes_the_digest_of_equal_settings():
    before = Band().digest()
    Band.version = 2
    try:
        assert Band().digest() != before
    finally:
        Band.version = 1


def test_errors_hold_every_problem_and_travel_between_processes():
    error = InputError([Problem("a.tsv:3", "two rows for sub-01"), "no column 'age'"])
    assert str(error) == "a.tsv:3: two rows for sub-01\nno column 'age'"
    rejected = pickle.loads(pickle.dumps(ScanRejected("E_SHORT", "2 volumes")))
    assert (rejected.code, rejected.reason) == ("E_SHORT", "2 volumes")

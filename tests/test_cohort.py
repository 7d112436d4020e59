"""Cohorts: who is in, who was left out, and pooling."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumbago.data import Cohort, Scan
from lumbago.errors import InputError


def make(name: str, fd: list[float]) -> Cohort:
    ids = [f"sub-{i:02}" for i in range(len(fd))]
    participants = pd.DataFrame({"cohort": name, "participant_id": ids, "site": "a", "dx": "lbp"})
    sessions = pd.DataFrame(
        {"cohort": name, "participant_id": ids, "session": "ses-1", "mean_fd": fd}
    )
    scans = tuple(
        Scan(participant=i, session="ses-1", cohort=name, files={"bold": Path(i)}) for i in ids
    )
    return Cohort(name, participants, sessions, scans)


def test_keep_drops_sessions_people_and_scans_and_says_why():
    cohort = make("boston", [0.1, 0.9, np.nan]).keep("mean_fd < 0.5")
    assert list(cohort.participants.participant_id) == ["sub-00"]
    assert [s.participant for s in cohort.scans] == ["sub-00"]
    assert list(cohort.excluded.participant_id) == ["sub-01", "sub-02"]
    assert set(cohort.excluded.code) == {"E_KEEP"}
    assert "mean_fd < 0.5" in cohort.excluded.reason[0]


def test_a_person_stays_while_one_session_stays():
    cohort = make("boston", [0.1])
    more = pd.DataFrame(
        {"cohort": "boston", "participant_id": ["sub-00"], "session": "ses-2", "mean_fd": [2.0]}
    )
    two = Cohort("boston", cohort.participants, pd.concat([cohort.sessions, more]), cohort.scans)
    kept = two.keep("mean_fd < 0.5")
    assert len(kept.participants) == 1
    assert list(kept.sessions.session) == ["ses-1"]


def test_pooling_keeps_equal_ids_of_two_studies_apart():
    pool = Cohort.pool([make("boston", [0.1, 0.2]), make("nagoya", [0.3])])
    assert pool.name == "boston+nagoya"
    assert len(pool) == 3
    assert list(pool.table.index) == sorted(pool.table.index)
    assert [s.index for s in pool.scans] == sorted(s.index for s in pool.scans)


def test_pooling_a_study_with_itself_is_refused():
    with pytest.raises(InputError, match="different names"):
        Cohort.pool([make("boston", [0.1]), make("boston", [0.2])])


def test_rename_and_recode_bring_studies_to_one_language():
    cohort = make("boston", [0.1]).recode({"dx": {"lbp": "CLBP"}}).rename({"dx": "group"})
    assert list(cohort.participants.group) == ["CLBP"]
    with pytest.raises(InputError, match="no column 'diagnosis'"):
        cohort.rename({"diagnosis": "group"})
    with pytest.raises(InputError, match="no column 'diagnosis'"):
        cohort.recode({"diagnosis": {"a": "b"}})


def test_a_sessions_own_column_wins_over_the_participants():
    cohort = make("boston", [0.1])
    people = cohort.participants.assign(mean_fd=9.0, age=40.0)
    table = Cohort("boston", people, cohort.sessions).table
    assert table.mean_fd.iloc[0] == 0.1
    assert table.age.iloc[0] == 40.0

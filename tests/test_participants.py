"""Tables of people: read strictly, all problems at once, and joined by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumbago.errors import InputError
from lumbago.reading import read_table
from lumbago.reading.strict import numbers_where_all, read_strict

TABLE = "participant_id\tage\tgroup\tsite\nsub-01\t30\tCLBP\tNA\nsub-02\t41.5\tHC\tNone\n"


def write(folder: Path, content: str | bytes, name: str = "participants.tsv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_only_n_a_is_missing_and_ids_stay_words(tmp_path: Path) -> None:
    text = (
        "participant_id\tsite\tgroup\tage\tcode\n"
        "001\tNA\tNone\t30\t007\n1e5\tnan\tnull\tn/a\t012\nsub-3\tn/a\tTrue\t2e1\t1\n"
    )
    cohort = read_table(write(tmp_path, text))
    people = cohort.participants.set_index("participant_id")
    assert list(people.index) == ["sub-001", "sub-1e5", "sub-3"]
    assert list(people["site"]) == ["NA", "nan", "unknown"]
    assert list(people["group"]) == ["None", "null", "True"]
    assert people["age"].dtype == np.float64
    np.testing.assert_array_equal(people["age"], [30, np.nan, 20])
    assert list(people["code"]) == ["007", "012", "1"], "leading zeros are codes, not numbers"
    assert "1 participants have no site" in cohort.notes[0]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_bom_line_ends_and_empty_lines_are_fine(tmp_path: Path, end: str) -> None:
    content = b"\xef\xbb\xbf" + (TABLE + "\n\n").replace("\n", end).encode()
    assert list(read_table(write(tmp_path, content)).participants["age"]) == [30, 41.5]


def test_spaces_at_the_ends_are_taken_away_and_said(tmp_path: Path) -> None:
    cohort = read_table(write(tmp_path, TABLE.replace("CLBP", "CLBP ").replace("HC", " HC")))
    assert list(cohort.participants["group"]) == ["CLBP", "HC"]
    assert "column group: spaces at the ends of 2 cells were taken away" in cohort.notes


def test_a_csv_with_quotes_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,thickness,"a, b"\n1,2.5,x\n2,n/a,"y, z"\n', "features.csv")
    people = read_table(path, id="id").participants
    assert list(people["participant_id"]) == ["sub-1", "sub-2"]
    assert list(people["a, b"]) == ["x", "y, z"]
    np.testing.assert_array_equal(people["thickness"], [2.5, np.nan])


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        "participant_id\tage\tage\tvas\nsub-01\t30\t1\t2,5\nsub-02\t\t31\t1\t3\nsub-03\t\t1\t3,5\n"
    )
    with pytest.raises(InputError) as refused:
        read_table(write(tmp_path, text))
    told = [str(p) for p in refused.value.problems]
    assert told == [
        "participants.tsv:1: column 'age' stands 2 times; rename or remove the copies",
        "participants.tsv:3: 5 fields, expected 4 as in the header; look for an extra or missing "
        "separator",
        "participants.tsv:4: column 'age' is empty in line 4; write n/a where a value is missing",
        "participants.tsv:2: column 'vas' has decimal commas in lines 2, 4, got '2,5'; write "
        "decimal points",
    ]


def test_several_tables_tell_their_problems_together(tmp_path: Path) -> None:
    first = write(tmp_path, "participant_id\tx\nsub-1\t1\nsub-1\t2\n", "a.tsv")
    second = write(tmp_path, "participant_id\ty\nsub-1\t\n", "b.tsv")
    with pytest.raises(InputError) as refused:
        read_table(first, participants=second)
    assert [p.where for p in refused.value.problems] == ["a.tsv:3", "b.tsv:2"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TABLE + "sub-01\t30\tHC\tx\n", "sub-01 stands in line 2 already"),
        (TABLE + "01\t30\tHC\tx\n", "participants.tsv:4: sub-01 stands in line 2 already"),
        (TABLE + "sub-03\t30\tHC\tx\t1\n", "participants.tsv:4: 5 fields, expected 4"),
        (TABLE + "sub-03\t30\tHC\n", "participants.tsv:4: 3 fields, expected 4"),
        (TABLE + "n/a\t30\tHC\tx\n", "participants.tsv:4: participant_id: expected letters"),
        (TABLE + "../x\t30\tHC\tx\n", "expected letters and digits, got '../x'"),
        (TABLE.replace("\t", ","), "looks like CSV, expected tabs"),
        (TABLE.replace("\t", ";"), "looks like CSV, expected tabs"),
        (TABLE.replace("HC", "Schüler").encode("latin-1"), "participants.tsv:3: byte 0xfc at"),
        (TABLE.encode("utf-16"), "is UTF-16 text, expected UTF-8"),
        (TABLE.encode("utf-16-le"), "is UTF-16 text, expected UTF-8"),
        (TABLE.replace("HC", "H\0C"), "participants.tsv:3: holds a NUL byte"),
        (TABLE.replace("age", "group"), "column 'group' stands 2 times"),
        (TABLE.replace("age", ""), "participants.tsv:1: column 2 has no name"),
        (TABLE.replace("41.5", "41,5"), "decimal commas in line 3, got '41,5'"),
        (TABLE.replace("participant_id", "participants_id"), "did you mean 'participants_id'?"),
        (TABLE.replace("site", "cohort"), "the column name 'cohort' is Lumbago's own"),
        ("", "the file is empty"),
        ("participant_id\tage\n", "holds no row below its header"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError) as refused:
        read_table(path)
    assert words in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.text("abc\t\n,;01./-\xe4", max_size=120)))
def test_any_bytes_give_a_table_or_an_input_error(tmp_path: Path, content: str | bytes) -> None:
    data = content if isinstance(content, bytes) else f"participant_id\t{content}".encode()
    path = write(tmp_path, data)
    try:
        table = read_strict(path)
    except InputError as refused:
        table = None
        told = str(refused)
    else:
        told = table.name
    assert "participants.tsv" in told
    assert str(tmp_path) not in told


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_numbers_survive_as_they_were_written(values: list[float | None]) -> None:
    import pandas as pd

    cells = pd.DataFrame({"x": [None if v is None else repr(v) for v in values]}, dtype=object)
    read = numbers_where_all(cells)["x"]
    known = [v for v in values if v is not None]
    if known:
        assert read.dtype == np.float64
    assert [v for v in read if v == v] == known


@pytest.mark.parametrize("word", ["1_000", "inf", "nan", "0x10", "1e999", "١", "1 000", "--1"])
def test_what_python_takes_for_a_number_may_be_a_word(word: str) -> None:
    import pandas as pd

    read = numbers_where_all(pd.DataFrame({"x": [word, "2"]}, dtype=object))["x"]
    assert list(read) == [word, "2"]


def test_columns_that_change_between_sessions_belong_to_the_session(tmp_path: Path) -> None:
    text = "participant_id\tsession_id\tsex\tvas\n01\t1\tF\t5\n01\t2\tF\t3\n02\tses-1\tM\tn/a\n"
    cohort = read_table(write(tmp_path, text))
    assert list(cohort.participants) == ["cohort", "participant_id", "sex", "site"]
    assert list(cohort.sessions) == ["cohort", "participant_id", "session", "vas"]
    assert list(cohort.sessions["session"]) == ["ses-1", "ses-2", "ses-1"]
    np.testing.assert_array_equal(cohort.sessions["vas"], [5, 3, np.nan])
    with pytest.raises(InputError, match=r"sub-01 ses-2 stands in line 3 already"):
        read_table(write(tmp_path, text + "sub-01\t2\tF\t4\n"))


def test_renaming_comes_first_then_recoding_then_keeping(tmp_path: Path) -> None:
    text = "participant_id\tdx\tcentre\tage\n01\t1\tA\t30\n02\t2\tB\t40\n03\t9\tA\t89+\n"
    cohort = read_table(
        write(tmp_path, text),
        rename={"dx": "group", "centre": "site"},
        recode={"group": {"1": "patient", "2": "control", "9": "n/a"}, "age": {"89+": 89}},
        keep="group in [patient, control] and age < 60",
    )
    people = cohort.participants.set_index("participant_id")
    assert list(people["group"]) == ["patient", "control"]
    assert list(people["site"]) == ["A", "B"]
    assert people["age"].dtype == np.float64
    assert list(cohort.excluded["participant_id"]) == ["sub-03"]
    assert list(cohort.excluded["code"]) == ["E_KEEP"]


def test_recoding_numbers_to_words_works_before_they_are_numbers(tmp_path: Path) -> None:
    text = "participant_id\tsex\n01\t0\n02\t1\n"
    cohort = read_table(write(tmp_path, text), recode={"sex": {"0": "M", "1": "F"}})
    assert list(cohort.participants["sex"]) == ["M", "F"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rename": {"grop": "dx"}}, "rename: no column 'grop'; did you mean 'group'?"),
        ({"rename": {"age": "group"}}, "rename makes a second column 'group'"),
        ({"recode": {"grup": {"HC": "x"}}}, "recode: no column 'grup'; did you mean 'group'?"),
        ({"site": "centre"}, "no column 'centre' to tell sites"),
    ],
)
def test_a_column_that_is_not_there_is_named(
    tmp_path: Path, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(InputError) as refused:
        read_table(write(tmp_path, TABLE), **fields)
    assert words in str(refused.value)


def test_a_word_to_replace_that_nobody_has_is_noted(tmp_path: Path) -> None:
    cohort = read_table(write(tmp_path, TABLE), recode={"group": {"CLPB": "patient"}})
    assert "recode of group: no cell holds 'CLPB'; did you mean 'CLBP'?" in cohort.notes


def test_a_rule_that_cannot_be_read_is_refused_with_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected comparisons joined by and"):
        read_table(write(tmp_path, TABLE), keep="age <")


@pytest.mark.parametrize("name", ["../x", "a b", "", "-x", "a/b", "a\n"])
def test_a_cohort_name_that_could_be_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="expected letters, digits"):
        read_table(write(tmp_path, TABLE), name=name)


def test_without_a_site_the_cohort_is_one(tmp_path: Path) -> None:
    text = "participant_id\tage\n01\t30\n02\t31\n"
    assert set(read_table(write(tmp_path, text), name="nagoya").participants["site"]) == {"nagoya"}


def test_numbered_sites_stay_words(tmp_path: Path) -> None:
    text = "participant_id\tsite\n01\t1\n02\t2\n"
    assert list(read_table(write(tmp_path, text)).participants["site"]) == ["1", "2"]


def test_columns_that_say_who_somebody_is_are_not_read(tmp_path: Path) -> None:
    text = "participant_id\tName\tdate of birth\tage\n01\tJANE DOE\t1970-01-01\t30\n"
    cohort = read_table(write(tmp_path, text))
    assert list(cohort.participants) == ["cohort", "participant_id", "age", "site"]
    assert "JANE" not in repr(cohort)
    assert "column Name may tell who somebody is: not read" in cohort.notes


def test_two_tables_must_name_the_same_people(tmp_path: Path) -> None:
    features = write(tmp_path, "participant_id\tx\n01\t1\n02\t2\n", "f.tsv")
    people = write(tmp_path, "participant_id\tage\n02\t40\n03\t50\n", "p.tsv")
    with pytest.raises(InputError) as refused:
        read_table(features, participants=people)
    assert "1 in the table of features, but not in that of participants: sub-01" in str(
        refused.value
    )
    assert "1 in the participants table, but not in that of features: sub-03" in str(refused.value)
    cohort = read_table(features, participants=people, allow_missing=True)
    assert list(cohort.participants["participant_id"]) == ["sub-02"]
    assert list(cohort.participants["age"]) == [40]
    assert sorted(cohort.excluded["code"]) == ["E_NO_FEATURES", "E_NO_ROW"]


@pytest.mark.parametrize("word", ["NA", "NaN", "null", "-", "."])
def test_another_tools_word_for_missing_among_numbers_is_refused(tmp_path: Path, word: str) -> None:
    file = tmp_path / "participants.tsv"
    file.write_text(f"participant_id\tage\nsub-1\t40\nsub-2\t{word}\nsub-3\t41\n")
    with pytest.raises(InputError, match=r"participants.tsv:3: column 'age'.*write n/a"):
        read_strict(file)


def test_the_same_word_among_words_is_a_word(tmp_path: Path) -> None:
    file = tmp_path / "participants.tsv"
    file.write_text("participant_id\tsite\nsub-1\tNA\nsub-2\tEU\n")
    assert read_strict(file).cells["site"].tolist() == ["NA", "EU"]

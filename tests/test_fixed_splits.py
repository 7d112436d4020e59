"""Splits that a file names: read strictly, and never parting those who belong together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from learning_data import make_dataset
from lumbago.errors import InputError
from lumbago.evaluation import Fixed, evaluate
from lumbago.evaluation.audit import split_checks
from lumbago.models import Ridge


def write(tmp_path, rows, header="participant_id\tfold"):
    file = tmp_path / "splits.tsv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def rows_of(data, fold=lambda i: str(i % 3)):
    return [f"{p}\t{fold(i)}" for i, p in enumerate(dict.fromkeys(data.participant))]


def test_each_word_is_tested_in_turn_and_all_others_train(tmp_path):
    data = make_dataset(12, 2)
    splits = Fixed(file=write(tmp_path, rows_of(data))).splits(data, 0)
    assert [(s.repeat, s.fold, s.name) for s in splits] == [(0, 0, ""), (0, 1, ""), (0, 2, "")]
    for k, s in enumerate(splits):
        assert s.test.tolist() == [i for i in range(12) if i % 3 == k]
        assert s.train.tolist() == [i for i in range(12) if i % 3 != k]
    assert [
        s.test.tolist() for s in Fixed(file=write(tmp_path, rows_of(data))).splits(data, 9)
    ] == [s.test.tolist() for s in splits]


def test_folds_of_words_keep_them_and_ten_comes_after_nine(tmp_path):
    data = make_dataset(36, 2)
    file = write(tmp_path, rows_of(data, lambda i: str(i % 12)))
    tested = [s.test[0] for s in Fixed(file=file).splits(data, 0)]
    assert tested == list(range(12))
    file = write(tmp_path, rows_of(data, lambda i: "south" if i % 4 < 2 else "north"))
    assert [s.name for s in Fixed(file=file).splits(data, 0)] == ["north", "south"]


def test_train_and_test_are_one_split_per_repeat_and_n_a_is_in_neither(tmp_path):
    data = make_dataset(12, 2)
    people = list(data.participant)
    rows = [f"{p}\t0\t{'test' if i < 4 else 'train'}" for i, p in enumerate(people)]
    rows += [f"{p}\t1\t{'n/a' if i < 4 else 'test' if i < 8 else 'train'}"
             for i, p in enumerate(people)]  # fmt: skip
    scheme = Fixed(file=write(tmp_path, rows, "participant_id\trepeat\tfold"))
    splits = scheme.splits(data, 0)
    assert [(s.repeat, s.fold, s.test.tolist()) for s in splits] == [
        (0, 0, [0, 1, 2, 3]), (1, 0, [4, 5, 6, 7]),
    ]  # fmt: skip
    assert splits[1].train.tolist() == [8, 9, 10, 11]
    checks = {c.check: c for c in split_checks(data, splits)}
    assert checks["tested_once"].verdict == "passed"
    assert "16 not tested, as meant" in checks["tested_once"].detail
    twice = [replace(splits[0], test=splits[0].train), splits[0], splits[0]]
    assert {c.check: c.verdict for c in split_checks(data, twice)}["tested_once"] == "failed"


def test_ids_may_lack_their_prefix_and_sessions_follow_their_person(tmp_path):
    data = make_dataset(12, 2, sessions=2)
    rows = [
        f"{p.removeprefix('sub-')}\t{i % 2}" for i, p in enumerate(sorted(set(data.participant)))
    ]
    splits = Fixed(file=write(tmp_path, rows)).splits(data, 0)
    assert [len(s.test) for s in splits] == [12, 12]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-2], r"splits.tsv: lacks 2 who have a sample: sub-010, sub-011; give"),
        (lambda rows: [*rows, "sub-777\t0", "sub-778\t1"],
         r"names 2 without a sample: sub-777, sub-778; correct the table"),
        (lambda rows: [*rows, rows[0]], r"splits.tsv:14: sub-000 stands in line 2 already"),
        (lambda rows: [r.split("\t")[0] + "\tn/a" for r in rows], "repeat 0 has no fold"),
        (lambda rows: [r.split("\t")[0] + "\ttrain" for r in rows], "nobody is tested"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_is_refused_with_everybody_named(tmp_path, change, message):
    data = make_dataset(12, 2)
    scheme = Fixed(file=write(tmp_path, change(rows_of(data))))
    with pytest.raises(InputError, match=message):
        scheme.splits(data, 0)


def test_columns_must_be_known_and_repeats_count_from_nought(tmp_path):
    data = make_dataset(12, 2)
    with pytest.raises(InputError, match=r"column 'fold' is missing.*\n.*'part' is none of"):
        Fixed(file=write(tmp_path, rows_of(data), "participant_id\tpart")).splits(data, 0)
    rows = [f"{r}\t2" for r in rows_of(data)]
    with pytest.raises(InputError, match="repeats are 2; expected 0, 1"):
        Fixed(file=write(tmp_path, rows, "participant_id\tfold\trepeat")).splits(data, 0)


def test_one_id_in_two_cohorts_needs_the_cohort(tmp_path):
    data = make_dataset(12, 2, cohorts=2)
    ids = data.X.index.to_frame()
    ids["participant_id"] = [f"sub-{i % 6:03d}" for i in range(12)]
    index = data.X.index.from_frame(ids)
    data = replace(data, X=data.X.set_axis(index, axis=0))
    rows = [f"sub-{i:03d}\t{i % 2}" for i in range(6)]
    with pytest.raises(InputError, match="sub-000 is in several cohorts; add a column `cohort`"):
        Fixed(file=write(tmp_path, rows)).splits(data, 0)
    rows = [f"{c}\t{p}\t{i % 2}" for i, (c, p, _) in enumerate(data.X.index)]
    splits = Fixed(file=write(tmp_path, rows, "cohort\tparticipant_id\tfold")).splits(data, 0)
    assert sum(len(s.test) for s in splits) == 12


def test_families_in_two_folds_are_refused_by_name(tmp_path):
    data = make_dataset(12, 2)
    kin = data.groups.copy()
    kin[1] = kin[0]
    data = replace(data, kin=kin)
    with pytest.raises(InputError, match=r"repeat 0, fold 0: sub-000, sub-001 would train and be"):
        Fixed(file=write(tmp_path, rows_of(data))).splits(data, 0)


def test_absent_people_are_counted_where_they_are_let_pass(tmp_path):
    data = make_dataset(30, 4, kind="continuous")
    file = write(tmp_path, [*rows_of(data), "sub-777\t0"])
    with pytest.raises(InputError):
        evaluate(data, Ridge(), Fixed(file=file), seed=1)
    result = evaluate(data, Ridge(), Fixed(file=file, absent="ignore", name="paper"), seed=1)
    assert "fixed:paper: 1 of 31 in splits.tsv have no sample" in result.notes
    assert set(result.predictions["scheme"]) == {"fixed:paper"}
    assert len(result.predictions.query("model == 'ridge'")) == 30
    assert (result.audit["verdict"] != "failed").all()
    assert np.isfinite(result.scores(["r"])["score"]).any()

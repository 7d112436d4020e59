"""What nouns show of themselves in a notebook: counts and summaries, escaped, nobody's own data."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning_data import make_dataset
from lumbago.data import Cohort, FeatureTable, html
from lumbago.data.features import REJECTED_COLUMNS

EVIL = "<script>alert('x')</script>"


class Page(HTMLParser):
    """Tags and words of a page; every tag that opens must close."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def cohort(n: int = 8, site: str = "a") -> Cohort:
    ids = [f"sub-{i:02d}" for i in range(n)]
    people = pd.DataFrame(
        {"cohort": "study", "participant_id": ids, "age": np.arange(n) + 31.5, "site": site}
    )
    people.loc[:1, "site"] = EVIL
    sessions = pd.DataFrame(
        {"cohort": "study", "participant_id": ids, "session": "", "mean_fd": np.arange(n) / 7}
    )
    excluded = pd.DataFrame(
        [
            ("study", "sub-90", "", "", "", "E_CRC", "sub-90_task-rest_bold.nii.gz: damaged"),
            ("study", "sub-91", "", "", "", "E_CRC", "sub-91_task-rest_bold.nii.gz: damaged"),
            ("study", "sub-92", "", "", "", "E_MISSING", "/home/jane/data/x.nii: no such file"),
        ],
        columns=list(REJECTED_COLUMNS),
    )
    return Cohort("study", people, sessions, (), excluded, ("sub-07 lay in /home/jane/data/in",))


def test_a_cohort_shows_sites_motion_and_exclusions_by_reason():
    page = Page(cohort()._repr_html_())
    assert "8 participants" in page.text
    assert "2 sites" in page.text
    assert page.words[page.words.index("a") : page.words.index("a") + 4] == ["a", "6", "6", "0.64"]
    assert page.words[page.words.index("E_CRC") - 1 :][:3] == ["2", "E_CRC", "a file: damaged"]
    assert "left out: 3" in page.text


def test_a_site_of_two_people_shows_no_motion():
    page = Page(cohort()._repr_html_())
    assert page.words[page.words.index(EVIL) :][:4] == [EVIL, "2", "2", "–"]


def test_nobody_and_no_place_is_named():
    shown = [
        cohort()._repr_html_(),
        FeatureTable("f", table(), {"kind": "reho"}, cohort().excluded, notes=cohort().notes),
        make_dataset(n=6),
    ]
    for one in shown:
        text = one if isinstance(one, str) else one._repr_html_()
        assert "sub-" not in text
        assert "jane" not in text
        assert "script" not in Page(text).tags


def table(n: int = 4) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(
        [("study", f"sub-{i}", "") for i in range(n)],
        names=["cohort", "participant_id", "session"],
    )
    values = np.full((n, 3), 2.0, np.float32)
    values[0, 2] = np.nan
    return pd.DataFrame(values, index, ["f.slow:a", "f.slow:b", f"f.fast:{EVIL}"])


def test_a_feature_table_shows_each_kind_of_column():
    page = Page(FeatureTable("f", table(), {"kind": "falff"})._repr_html_())
    row = page.words[page.words.index("f.slow") :][:5]
    assert row == ["f.slow", "2", "2", "0", "0.0 %"]
    assert page.words[page.words.index("f.fast") :][4] == "25.0 %"


def test_two_people_have_no_mean_that_is_shown():
    page = Page(FeatureTable("f", table(2), {"kind": "falff"})._repr_html_())
    assert page.words[page.words.index("f.slow") :][:4] == ["f.slow", "2", "–", "–"]


def test_a_dataset_counts_classes_by_site():
    data = make_dataset(n=40, sites=2)
    page = Page(data._repr_html_())
    n, patients = len(data), int(data.y.sum())
    assert page.words[page.words.index("all") :][:4] == [
        "all",
        str(n),
        str(n - patients),
        str(patients),
    ]
    assert "positive: patient" in page.text


def test_a_continuous_target_shows_its_middle():
    data = make_dataset(n=40, kind="continuous")
    page = Page(data._repr_html_())
    assert f"{np.median(data.y):.3g}" in page.words[page.words.index("all") :][:3]


def test_large_things_stay_small():
    big = make_dataset(n=600, p=300, sites=100)
    assert len(big._repr_html_()) < 4000
    many = [f"site{i}" for i in range(50)]
    assert "and 38 more sites" in html.table(("site",), [[s] for s in many], "sites")


@given(st.text(max_size=40), st.lists(st.text(max_size=20), max_size=4))
def test_whatever_the_words_the_page_holds_them_as_words(name, cells):
    page = Page(html.card("Cohort", name, cells, html.table(["x"], [[c] for c in cells])))
    assert set(page.tags) <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("/data/clinic/sub-01/x.nii: empty", "x.nii: empty"),
        ("C:\\clinic\\jane\\x.nii: empty", "x.nii: empty"),
        ("sub-01_ses-1_desc-preproc_bold.nii.gz: empty", "a file: empty"),
        ("sub-01 has no row; 3/4 mm", "a participant has no row; 3/4 mm"),
    ],
)
def test_sentences_lose_people_and_folders(told, shown):
    assert html.without_people(told) == shown

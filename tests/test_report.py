"""The report: whole where the run is whole, honest where it is not, and closed to the outside."""

from __future__ import annotations

import base64
import importlib
import json
import pkgutil
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import lumbago
from lumbago.data.dataset import Target
from lumbago.errors import InputError
from lumbago.evaluation.metrics import METRICS, score
from lumbago.evaluation.outcomes import Outcomes
from lumbago.evaluation.result import Result
from lumbago.experiment.folder import RunFolder
from lumbago.report import tables
from lumbago.report.build import POLICY, build_report
from lumbago.report.effects import strongest
from lumbago.report.methods import methods_text
from lumbago.report.references import BIBLIOGRAPHY
from lumbago.report.roc import roc_curve
from lumbago.report.words import Scrubber
from lumbago.spec import Spec
from predictions import DIAGNOSIS, PAIN, table
from run_folders import bare, people, run_document, whole, write

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><b>",
    "{{ 7*7 }}",
]


class Page(HTMLParser):
    """Tags, attributes and visible words of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self.ids, self.words = [], [], [], []
        self.attributes = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            self.attributes.append((tag, name, value))
            if name in ("src", "href", "srcset", "action", "data", "poster", "background"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_data(self, data):
        if self.tags and self.tags[-1] != "style":
            self.words.append(data)


def images(html):
    """Return the drawings of a page as SVG text."""
    found = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", html)
    return [base64.b64decode(image).decode() for image in found]


def built(folder):
    return build_report(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every kind of run folder, and its page."""
    root = tmp_path_factory.mktemp("runs")
    folders = {
        "whole": whole(root / "whole"),
        "pain": whole(root / "pain", PAIN),
        "bare": bare(root / "bare"),
        "bare pain": bare(root / "bare-pain", PAIN),
        "hostile": hostile(root / "hostile"),
        "three classes": three(root / "three"),
    }
    return {name: (folder, built(folder)) for name, folder in folders.items()}


def hostile(folder):
    script, image, style, template = HOSTILE
    target = Target(script, "binary", ("healthy", image))
    frame = table(target, features=style, model=template, sites=(script, image), cohort=script)
    frame["participant_id"] = "sub-" + frame["participant_id"]
    scores = Result(frame, target, 1)
    loaded = pd.DataFrame(
        [(style, template, "within_cohort", f"{script}:{image}~{i}", 0.1, 0.1, i / 9, 0.1, 1.0, 8)
         for i in range(9)],
        columns=["features", "model", "scheme", "feature", "coefficient", "coefficient_sd",
                 "pattern", "pattern_sd", "sign_consistency", "n_folds"],
    )  # fmt: skip
    scores = Result(frame, target, 1, weights=loaded)
    exclusions = pd.DataFrame(
        [(script, "sub-1", "", "", style, image, script)],
        columns=["cohort", "participant_id", "session", "run", "feature", "code", "reason"],
    )
    document = run_document(target, name=script, question=image, notes=HOSTILE, cohorts=[
        {"name": script, "kind": image, "space": style, "n_participants": 40, "n_sessions": 40,
         "n_scans": 40, "notes": HOSTILE}])  # fmt: skip
    document["features"] = {
        script: {"spec": {"kind": image, "atlas": style}, "references": [], "n_features": 1,
                 "n_rejected": 0, "notes": HOSTILE}
    }  # fmt: skip
    return write(folder, scores, people(scores), exclusions, document)


def three(folder):
    target = Target("subtype", "multiclass", ("a", "b", "c"))
    frame = table(n=60, n_repeats=2)
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 60)[frame["participant_id"].str[-3:].astype(int)]
    predicted = np.where(rng.uniform(size=len(frame)) < 0.6, truth, rng.integers(0, 3, len(frame)))
    names = np.array(["a", "b", "c"], dtype=object)
    frame = frame.assign(y_true=names[truth], y_pred=names[predicted], y_score=np.nan,
                         y_prob=np.nan, target="subtype")  # fmt: skip
    result = Result(frame, target, 1)
    none = pd.DataFrame(columns=["cohort", "participant_id", "session", "run", "feature", "code",
                                 "reason"])  # fmt: skip
    return write(folder, result, people(result), none, run_document(target))


KINDS = ("whole", "pain", "bare", "bare pain", "hostile", "three classes")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_refers_to_nothing_outside_itself(pages, kind):
    _, html = pages[kind]
    page = Page(html)
    assert ("meta", "content", POLICY) in page.attributes
    for link in page.links:
        assert link.startswith(("#", "data:image/svg+xml;base64,")), link
    for link in (found for found in page.links if found.startswith("#")):
        assert link[1:] in page.ids
    assert not {"script", "iframe", "object", "embed", "link", "base", "form"} & set(page.tags)
    assert not re.search(r"@import|url\s*\(", html)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    for svg in images(html):
        inside = Page(svg)
        links = [value for _, name, value in inside.attributes if name.endswith("href")]
        assert not [v for v in links if not v.startswith(("#", "data:image/png;base64,"))]
        assert "script" not in inside.tags
        assert "metadata" not in inside.tags


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_and_no_path_is_named(pages, kind):
    folder, html = pages[kind]
    everything = html + "".join(images(html))
    ids = set(RunFolder(folder).participants["participant_id"])
    ids |= set(RunFolder(folder).exclusions["participant_id"].astype(str))
    assert ids
    assert not [i for i in ids if re.search(rf"(?<![A-Za-z0-9-]){re.escape(i)}\b", everything)]
    assert "sub-" not in everything
    assert str(folder) not in everything
    assert "/srv/clinic" not in everything
    assert not re.search(r"(?:/home/|/tmp/|/root/|/Users/)", everything)


@pytest.mark.parametrize("kind", ["whole", "hostile"])
def test_equal_tables_give_equal_bytes(pages, kind):
    folder, html = pages[kind]
    assert built(folder) == html


def test_hostile_names_stay_words(pages):
    _, html = pages["hostile"]
    page = Page(html)
    assert page.tags.count("img") == len(images(html)) > 2
    assert page.tags.count("b") == 0
    assert page.tags.count("style") == 1
    for name in HOSTILE:
        assert name in page.text
    assert "49" not in page.text.split("Provenance")[0].replace("0.49", "")


def test_the_whole_report_tells_everything_it_should(pages):
    folder, html = pages["whole"]
    text = Page(html).text
    run = RunFolder(folder).run
    for section in ("finding", "people", "scores", "best", "pairs", "gap", "patterns", "null",
                    "confounders", "checks", "methods", "provenance"):  # fmt: skip
        assert section in Page(html).ids
    for words in (run["question"], run["hash"], "20261120", "numpy 2.3.1", "ROC AUC",
                  "Majority class", "Head motion only", "Site only", "95 % interval",
                  "3 scans have no confounds", "little coverage in 4 scans", "E_KEPT_SHORT",
                  "10.1016/j.neuroimage.2013.10.067", "10.2202/1544-6115.1585",
                  "framewise displacement above 0.5 mm", "the best of 4 combinations",
                  "corrected over the grid of", "paired bootstrap", "DeLong",
                  "2 repeats of 4 folds"):  # fmt: skip
        assert words in text, words
    for words in ("Calibration slope", "Expected calibration error", "Net benefit in numbers",
                  "four of five studies find an AUC", "against the permutations of"):  # fmt: skip
        assert words in text, words
    assert len(images(html)) == 11


def test_the_headline_is_the_best_cell_of_the_most_demanding_scheme(pages):
    folder, html = pages["whole"]
    scores = RunFolder(folder).scores
    own = scores[(scores["scope"] == "pooled") & (scores["metric"] == "roc_auc")
                 & (scores["features"] != "baseline")
                 & (scores["scheme"] == "leave_one_site_out")]  # fmt: skip
    best = own.loc[own["score"].idxmax()]
    first = Page(html).text.split("Finding", 2)[2][:400]
    assert f"{best['features']} · {best['model']}" in first
    assert f"{best['score']:.2f} (95 % interval {best['ci_low']:.2f} to" in first


def test_every_score_of_the_table_is_on_the_page(pages):
    for kind in ("whole", "pain"):
        folder, html = pages[kind]
        text = Page(html).text
        scores = RunFolder(folder).scores
        for row in scores[scores["scope"] == "pooled"].to_dict("records"):
            shown = f"{row['score']:.2f} {row['ci_low']:.2f} to {row['ci_high']:.2f}"
            assert shown.replace("-", "−").replace("−0.00", "0.00") in text


def test_what_a_run_lacks_is_said(pages):
    text = Page(pages["bare"][1]).text
    assert "Head motion only not available: no mean_fd" in text
    assert "leaving a site out is not available: one site" in text
    assert "the only combination" in text
    assert "Nobody and nothing was left out." in text
    assert "No check was run." in text
    assert "there is nothing to compare between them" in text
    assert "null" not in Page(pages["bare"][1]).ids


def test_a_failed_check_stands_first(tmp_path):
    folder = whole(tmp_path)
    run = RunFolder(folder)
    audit = run.audit.copy()
    audit.loc[0, ["verdict", "detail"]] = ["failed", "scaler saw the test rows"]
    run.write_table("audit", audit)
    text = Page(built(folder)).text
    finding = text.split("Finding", 2)[2]
    assert finding.strip().startswith("A check against leakage failed for edges · svm")


def test_a_correlation_over_left_out_parts_is_shown_with_its_trap(pages):
    text = Page(pages["pain"][1]).text
    assert "mixes models whose training means are lower" in text
    assert "a model that knows nothing 0.00" not in text
    assert "mixes models" not in Page(pages["whole"][1]).text


def test_methods_tell_of_models_that_ran_only(pages):
    document = run_document(DIAGNOSIS)
    told = " ".join(methods_text(document, models={"svm"}, has_weights=False, has_nulls=False))
    assert "Model svm was a linear support vector machine" in told
    assert "random forest" not in told
    assert "haufe2014" not in told
    assert "(b + 1)/(m + 1)" not in told
    assert "10.1023/A:1010933404324" in pages["whole"][1]


def test_continuous_targets_get_a_scatter_and_no_confusion(pages):
    html = pages["pain"][1]
    assert 'alt="Predicted against observed pain; r = ' in html
    assert "MAE = " in html
    assert "Confusion" not in html
    assert "Training mean" in html
    drawn = next(svg for svg in images(html) if "Predicted against observed" in svg)
    assert all(site in drawn for site in ("scanner 1", "scanner 2", "nagoya"))


def test_area_under_the_drawn_curve_is_the_auc_of_the_table():
    for ties in (False, True):
        frame = table(n=37, n_repeats=2, signal=0.5)
        if ties:
            frame["y_score"] = frame["y_score"].round()
        outcomes = Outcomes.of(frame, DIAGNOSIS)
        auc = score(METRICS["roc_auc"], outcomes)
        assert roc_curve(outcomes).mean() == pytest.approx(auc, abs=1e-12)


def test_drawn_curves_never_fall():
    curve = roc_curve(Outcomes.of(table(n=37, signal=0.3), DIAGNOSIS))
    assert (np.diff(curve) >= -1e-12).all()


def participants(n_small=3):
    n = 20 + n_small
    return pd.DataFrame(
        {
            "cohort": "c", "participant_id": [f"p{i}" for i in range(n)], "session": "",
            "site": ["A"] * 20 + ["B"] * n_small,
            "target": (["control", "patient"] * n)[:20] + ["patient"] * n_small,
            "age": 77.0, "sex": ["F"] * 9 + ["M"] * (n - 9),
        }
    )  # fmt: skip


def test_small_cells_are_hidden_and_cannot_be_worked_out():
    shown = tables.sites(participants(), DIAGNOSIS)
    assert shown.rows == [["A", "10", "not shown"], ["B", "0", "< 5"]]
    lonely = participants().assign(target=["control"] * 20 + ["patient"] * 3)
    row = tables.people(lonely, DIAGNOSIS).rows[1]
    assert row == ["c", "patient", "< 5", "–", "–"]
    assert tables.describe(pd.Series(["F"] * 9 + ["M"] * 2)) == "not shown"
    assert tables.describe(pd.Series([80.0] * 4)) == "< 5"
    assert tables.describe(pd.Series([80.0] * 5)) == "80.0 (0.0)"


def test_people_are_counted_once_and_sessions_beside():
    twice = pd.concat([participants(0).assign(session=s) for s in ("ses-1", "ses-2")])
    rows = tables.people(twice, DIAGNOSIS).rows
    assert [row[2:4] for row in rows] == [["10", "20"], ["10", "20"]]


def test_exclusions_are_counted_by_reason_not_by_name(pages):
    text = Page(pages["whole"][1]).text
    assert "E_KEPT_SHORT 2.1 minutes are left after scrubbing; 5 are needed 6 6" in text
    assert "a participant_bold.nii.gz ends early" in text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("read /home/jane/data/sub-01_bold.nii.gz twice", "read a participant_bold.nii.gz twice"),
        ("C:\\Users\\jane\\x.tsv is bad", "x.tsv is bad"),
        ("P100 and P10", "a participant and a participant"),
        ("doi:10.1016/j.neuroimage.2013.10.067", "doi:10.1016/j.neuroimage.2013.10.067"),
        ("${LUMBAGO_SHARED}/data/rpn", "${LUMBAGO_SHARED}/data/rpn"),
        ("2.1 mm/s and 3/4", "2.1 mm/s and 3/4"),
        ("XP10 stays", "XP10 stays"),
    ],
)
def test_words_of_others_lose_ids_and_paths(text, clean):
    assert Scrubber(["P10", "P100"]).text(text) == clean


def test_strongest_patterns_are_by_size_whatever_the_sign():
    weights = pd.DataFrame({"feature": list("abcd"), "pattern": [0.1, -0.9, np.nan, 0.5]})
    assert list(strongest(weights, 3)["feature"]) == ["b", "d", "a"]


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a run folder"):
        build_report(tmp_path)


def test_a_newer_run_is_refused(tmp_path):
    folder = bare(tmp_path)
    document = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(document | {"schema": 99}))
    with pytest.raises(InputError, match="update Lumbago"):
        build_report(folder)


def all_specs(base=Spec):
    for module in pkgutil.walk_packages(lumbago.__path__, "lumbago."):
        if "__main__" not in module.name:
            importlib.import_module(module.name)
    for found in base.__subclasses__():
        yield found
        yield from all_specs(found)


def test_every_reference_named_by_a_setting_is_in_the_bibliography():
    named = {key for spec in all_specs() for key in spec.references}
    assert named
    assert not named - set(BIBLIOGRAPHY)


def test_entries_of_the_bibliography_are_whole():
    for key, reference in BIBLIOGRAPHY.items():
        assert key.endswith(str(reference.year))
        assert reference.authors.split(",")[0].split("-")[0].lower()[:3] in key
        assert not reference.doi or re.fullmatch(r"10\.\d{4,}/\S+", reference.doi)
        assert reference.bibtex(key).count("{") == reference.bibtex(key).count("}")


def test_spheres_of_a_packaged_atlas_are_named_with_their_source() -> None:
    from lumbago.report.methods import _regions

    words = _regions({"atlas": {"coordinates": "power264", "radius": 4.0}})
    assert words.startswith(", over 4 mm spheres of power264")
    assert words != ", over 4 mm spheres of power264"
    fetched = _regions({"atlas": "schaefer_n_rois-200_yeo_networks-7_resolution_mm-2"})
    assert "schaefer2018" in fetched
    assert "schaefer2018" not in _regions({"atlas": "schaeferlike"})
    assert _regions({"atlas": {"image": "a.nii.gz"}}) == ", over an atlas of the study's own"


def test_a_scheme_that_could_not_run_is_not_claimed_in_the_methods() -> None:
    document = run_document(DIAGNOSIS)
    document["experiment"]["evaluation"]["schemes"] = [
        {"kind": "within_cohort"}, {"kind": "leave_one_cohort_out"},
    ]  # fmt: skip
    document["baselines_missing"] = {"leave_one_cohort_out": "one cohort"}
    text = str(methods_text(document, models=["svm"], has_weights=False, has_nulls=False))
    assert "Cross-validation had" in text
    assert "Each cohort in turn" not in text


def test_partial_correlation_and_seeds_are_told_with_their_sources() -> None:
    from lumbago.report.methods import _measure

    partial = _measure({"kind": "connectome", "measure": "partial_correlation", "shrinkage": None})
    assert "ledoit2004" in partial
    assert "marrelec2006" in partial
    unshrunk = {"kind": "connectome", "measure": "partial_correlation", "shrinkage": "none"}
    assert "ledoit2004" not in _measure(unshrunk)
    assert "ledoit2004" not in _measure({"kind": "connectome", "measure": "correlation"})
    words = _measure({"kind": "seed", "seeds": {"a": [1, 2, 3], "b": [4, 5, 6]}, "fisher_z": True})
    assert words.startswith("correlation of every voxel with the seeds a and b, Fisher z")

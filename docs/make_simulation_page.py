"""Measure what simulated studies hold and write it into docs/simulation.md: minutes on two cores.

python docs/make_simulation_page.py [--jobs 2]

Everything between the two marks of the page is written by this script; nothing else is changed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

import lumbago
from lumbago.data import Cohort
from lumbago.data.packaged import packaged_atlas
from lumbago.extractors import Amplitude, Connectome
from lumbago.simulation.brain import make_brain
from lumbago.simulation.cohorts import planted_regions
from lumbago.simulation.covariance import planted_correlation
from lumbago.simulation.scans import Planted

PAGE = Path(__file__).with_name("simulation.md")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
QUICK: dict[str, Any] = {"voxel_size": 10.0, "n_volumes": 150, "n_participants": 80}
SESSIONS = ("ses-1", "ses-2")
NOTHING = {"insula_alff": 0.0, "default_mode_insula": 0.0}
DIAGNOSIS = {
    "name": "diagnosis",
    "column": "group",
    "classes": {"patient": ["CLBP"], "control": ["HC"]},
    "positive": "patient",
}
FEATURES = {
    "alff": Amplitude(kind="alff", atlas="lumbago200"),
    "edges": Connectome(kind="connectome", atlas="lumbago200"),
}


class Study:
    """One simulated study with its features and its ground truth."""

    def __init__(self, folder: Path, n_jobs: int, **settings: Any) -> None:
        self.cohort: Cohort = lumbago.simulate_cohort(
            folder, n_jobs=n_jobs, **{**QUICK, **settings}
        )
        self.truth = json.loads((folder / "ground_truth.json").read_text(encoding="utf-8"))
        self.n_jobs = n_jobs
        self.table = self.cohort.table.droplevel("cohort")

    def _features(self, name: str) -> pd.DataFrame:
        table = lumbago.extract(self.cohort, {name: FEATURES[name]}, n_jobs=self.n_jobs)[name]
        return table.values.droplevel("cohort")

    @cached_property
    def alff(self) -> pd.DataFrame:
        """Amplitudes over their mean over regions: a scanner's gain is no effect of a person."""
        values = self._features("alff")
        return values.div(values.mean(axis=1), axis=0)

    @cached_property
    def edges(self) -> pd.DataFrame:
        """Correlations of all pairs of regions."""
        return self._features("edges")

    def people(self, session: str = "ses-1") -> pd.DataFrame:
        """Clinical columns of one session, by participant."""
        return self.table.xs(session, level="session")

    def amplitude(self, place: str, session: str = "ses-1") -> pd.Series:
        """Mean amplitude of a planted place, over the mean of the brain."""
        alff = self.alff.xs(session, level="session")
        return alff[[f"alff.low:{r}" for r in self.truth["regions"][place]]].mean(axis=1)

    def coupling(self, session: str = "ses-1") -> pd.Series:
        """Mean correlation of the insula with the default mode."""
        edges = self.truth["effects"]["default_mode_insula"]["edges"]
        values = self.edges.xs(session, level="session")
        return values[[f"edges:{e}" for e in edges]].mean(axis=1)

    def paths(self) -> pd.Series:
        """Characteristic path length of every first scan."""
        edges = self.edges.xs("ses-1", level="session")
        return pd.Series([path_length(row) for row in edges.to_numpy()], index=edges.index)

    def is_patient(self, values: pd.Series) -> np.ndarray:
        """Whose of the values are patients'; scans that an extractor rejected have none."""
        return (self.people()["group"].loc[values.index] == "CLBP").to_numpy()


def path_length(correlations: np.ndarray) -> float:
    """Mean shortest path where positive correlations r are edges of length 1/r, by networkx."""
    n = int((1 + np.sqrt(1 + 8 * len(correlations))) / 2)
    lengths = np.zeros((n, n))
    with np.errstate(divide="ignore"):
        lengths[np.triu_indices(n, 1)] = np.where(
            correlations > 1e-6, 1 / np.maximum(correlations, 1e-6), 0
        )
    graph = nx.from_numpy_array(lengths + lengths.T)
    shortest = np.asarray(nx.floyd_warshall_numpy(graph))[np.triu_indices(n, 1)]
    return float(shortest[np.isfinite(shortest)].mean())


def auc(values: pd.Series, positive: np.ndarray) -> float:
    """Share of pairs in which the positive one has the larger value."""
    a, b = values.to_numpy()[positive], values.to_numpy()[~positive]
    return float((a[:, None] > b).mean() + (a[:, None] == b).mean() / 2)


def effect_size(values: pd.Series, positive: np.ndarray) -> float:
    """Hedges' g."""
    a, b = values.to_numpy()[positive], values.to_numpy()[~positive]
    n = len(a) + len(b)
    spread = np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (n - 2))
    return float((a.mean() - b.mean()) / spread * (1 - 3 / (4 * n - 9)))


def contrast(values: pd.Series, positive: np.ndarray) -> str:
    """Group difference in words."""
    return f"AUC {auc(values, positive):.2f}, g {effect_size(values, positive):+.2f}"


def correlation(x: pd.Series, y: pd.Series) -> str:
    """Pearson's r in words."""
    return f"r {np.corrcoef(x, y)[0, 1]:+.2f}, n {len(x)}"


def residual(values: pd.Series, *others: pd.Series) -> pd.Series:
    """What a linear model of the others leaves."""
    design = np.column_stack([np.ones(len(values)), *(o.to_numpy(float) for o in others)])
    return values - design @ np.linalg.lstsq(design, values.to_numpy(float), rcond=None)[0]


def planted_paths(strength: float) -> tuple[float, float]:
    """Path lengths of the correlations planted in controls and in patients of severity 1."""
    brain = make_brain(QUICK["voxel_size"])
    insula = tuple(planted_regions(brain)["insula"])
    upper = np.triu_indices(len(packaged_atlas("lumbago200")), 1)
    found = [
        path_length(planted_correlation(brain, Planted(insula, "Default", 0, 0, apart))[upper])
        for apart in (0.0, strength)
    ]
    return found[0], found[1]


def imaging_rows(root: Path, n_jobs: int) -> Iterable[tuple[str, str, str, str, str]]:
    """What comes out of images."""
    usual = Study(root / "usual", n_jobs, followup=0)
    nothing = Study(root / "nothing", n_jobs, followup=0, effects=NOTHING)
    for name, place in (("insula_alff", "amplitude"), ("default_mode_insula", "coupling")):
        found = []
        for study in (usual, nothing):
            values = study.amplitude("insula") if place == "amplitude" else study.coupling()
            found.append(contrast(values, study.is_patient(values)))
        strength = usual.truth["effects"][name]["strength"]
        measured = {
            "amplitude": "ALFF of the insula over the brain's mean, patients against controls",
            "coupling": "mean insula~default edge, patients against controls",
        }[place]
        yield f"`effects.{name}`", str(strength), measured, *found

    paths = Study(root / "paths", n_jobs, followup=0, effects={**NOTHING, "path_length": 0.8})
    controls, patients = planted_paths(0.8)
    yield (
        "`effects.path_length`", "0.8", "path length (edges of length 1/r) of the planted "
        "correlations, controls → patients", f"{controls:.2f} → {patients:.2f}",
        f"{controls:.2f} → {controls:.2f}",
    )  # fmt: skip
    long, short = paths.paths(), nothing.paths()
    for what, show in (
        ("the same of measured connectomes, mean of controls → patients",
         lambda v, p: f"{v[~p].mean():.2f} → {v[p].mean():.2f}"),
        ("the same, patients against controls", contrast),
    ):  # fmt: skip
        yield (
            "", "", what, show(long, paths.is_patient(long)), show(short, nothing.is_patient(short))
        )  # fmt: skip

    follows = Study(root / "follows", n_jobs, followup=0, effects={**NOTHING, "vas_amplitude": 0.8})
    found = []
    for study in (follows, nothing):
        values = study.amplitude("cingulate")
        values = values[study.is_patient(values)]
        found.append(correlation(values, study.people()["vas"].loc[values.index]))
    yield (
        "`effects.vas_amplitude`", "0.8", "ALFF of the dACC over the brain's mean with the pain "
        "score, among patients", *found,
    )  # fmt: skip

    treated = Study(
        root / "treated", n_jobs, followup=1, treatment={"responders": 0.5, "relief": 0.6}
    )
    first = treated.people()["responder"]
    measures = {
        "mean pain, first → second visit: responders; in the last column the other patients": [
            treated.people(session)["vas"] for session in SESSIONS
        ],
        "insula ALFF over the brain's mean, likewise": [
            treated.amplitude("insula", session) for session in SESSIONS
        ],
        "insula~default edges, likewise": [treated.coupling(session) for session in SESSIONS],
    }
    for i, (what, (early, late)) in enumerate(measures.items()):
        both = early.index.intersection(late.index)
        shown = []
        for word in ("yes", "no"):
            whose = both[first.loc[both] == word]
            shown.append(f"{early[whose].mean():.2f} → {late[whose].mean():.2f}")
        yield (
            "" if i else "`treatment`", "" if i else "responders 0.5, relief 0.6", what, *shown
        )  # fmt: skip

    still = Study(root / "still", n_jobs, n_participants=40, followup=0, heavy_motion=0.3)
    people = still.truth["people"]
    heavy = [p for p, about in people.items() if about["sessions"]["ses-1"]["heavy_motion"]]
    lost = pd.Series({p: _share_scrubbed(root / "still", p) for p in people})
    yield (
        "`heavy_motion`", "0.3", f"volumes above 0.5 mm, median of the {len(heavy)} scans of 40 "
        "that move much; in the last column of the others",
        f"{lost[heavy].median():.0%}", f"{lost.drop(heavy).median():.0%}",
    )  # fmt: skip


def _share_scrubbed(root: Path, participant: str) -> float:
    file = next((root / participant).rglob("*timeseries.tsv"))
    moved = pd.read_csv(file, sep="\t", na_values="n/a")["framewise_displacement"]
    return float((moved > 0.5).mean())


def table_rows() -> Iterable[tuple[str, str, str, str, str]]:
    """What comes out of tables; no image is needed, so that more people cost nothing."""
    from lumbago.simulation import SimulatedCohort
    from lumbago.simulation.folder import participants_table

    def table(**settings: Any) -> tuple[pd.DataFrame, np.ndarray]:
        spec = SimulatedCohort(n_participants=900, **settings)
        people = participants_table(spec, spec.people())
        return people, (people["group"] == "CLBP").to_numpy()

    planted, none = ({"group": 0.5, "age": 0.4, "bmi": 0.2}, {"group": 0, "age": 0, "bmi": 0})
    fat, area = [f"fat_fraction_multifidus_L{i}" for i in range(1, 6)], "csa_extensors_L4"
    both = [table(muscles=m) for m in (planted, none)]
    logs = [np.log(t[fat]).mean(axis=1) for t, _ in both]
    yield (
        "`muscles.group`", "0.5", "log fat fraction of the multifidus, patients against controls",
        *(contrast(v, p) for v, (_, p) in zip(logs, both, strict=True)),
    )  # fmt: skip
    yield (
        "", "", "area of the extensors at L4, likewise",
        *(contrast(t[area], p) for t, p in both),
    )  # fmt: skip
    for name in ("age", "bmi"):
        found = []
        for values, (people, patient) in zip(logs, both, strict=True):
            left = residual(values, pd.Series(patient), people["sex"] == "F")
            found.append(correlation(left, people[name]))
        yield (
            f"`muscles.{name}`", str(planted[name]),
            f"log fat fraction of the multifidus with {name}, group and sex taken out", *found,
        )  # fmt: skip
    holes = [
        table(muscles=planted, missing=m)[0].drop(
            columns=["participant_id", "group", "site", "sex"]
        )
        for m in (0.1, 0)
    ]
    yield (
        "`missing`", "0.1", "empty cells of age, body mass index and muscles",
        *(f"{h.isna().mean().mean():.1%}" for h in holes),
    )  # fmt: skip


def confounded_rows(root: Path, n_jobs: int) -> Iterable[tuple[str, str, str, str, str]]:
    """What a study without any effect shows when diagnosis goes with the scanner."""
    spec = {"effects": NOTHING, "site_effects": 2.0, "followup": 0}
    found = []
    for imbalance in (0.8, 0.0):
        wide = {**spec, "site_effects": 3.0, "n_participants": 120}
        study = Study(root / f"imbalance{imbalance}", n_jobs, site_imbalance=imbalance, **wide)
        found.append(_gap(study.cohort, n_jobs, "leave_one_site_out"))
    yield (
        "`site_imbalance`", "0.8", "no effect planted, 120 people, `site_effects` 3, logistic "
        "regression on ALFF: AUC of 5-fold cross-validation / of sites left out", *found,
    )  # fmt: skip
    found = []
    for low, high in ((0.2, 0.8), (0.5, 0.5)):
        cohort = lumbago.simulate_cohorts(
            root / f"several{low}",
            {"low": {"prevalence": low, "t_r": 1.5}, "high": {"prevalence": high, "t_r": 2.5}},
            n_jobs=n_jobs,
            **{**QUICK, **spec, "n_participants": 40, "n_sites": 1},
        )
        found.append(_gap(cohort, n_jobs, "leave_one_cohort_out"))
    yield (
        "`prevalence`", "0.2 and 0.8", "no effect planted, two cohorts with t_r 1.5 and 2.5 s: "
        "AUC of 5-fold cross-validation / of cohorts left out", *found,
    )  # fmt: skip


def _gap(cohort: Cohort, n_jobs: int, scheme: str) -> str:
    """AUC within and across, of amplitudes as the scanner gave them."""
    tables = {"alff": lumbago.extract(cohort, FEATURES["alff"], n_jobs=n_jobs)}
    result = lumbago.evaluate(
        lumbago.dataset(cohort, tables, target=DIAGNOSIS),
        [{"kind": "logistic", "C": 0.01}],
        [{"kind": "within_cohort", "n_splits": 5, "n_repeats": 4}, scheme],
        preparation=[{"impute": "median"}, "scale"],
        seed=1,
        audited=False,
        baselines=False,
        n_jobs=n_jobs,
    )
    scores = result.scores(["roc_auc"], n_resamples=100)
    pooled = scores[scores["scope"] == "pooled"].set_index("scheme")["score"]
    return f"{pooled['within_cohort']:.2f} / {pooled[scheme]:.2f}"


def measured(n_jobs: int) -> str:
    """Return the table as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        rows = [*imaging_rows(root, n_jobs), *confounded_rows(root, n_jobs), *table_rows()]
    head = ["| setting | planted | measured | comes out | at 0 |", "|---|---|---|---|---|"]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    table = measured(parser.parse_args().jobs)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

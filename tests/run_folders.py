"""Run folders made by hand, for the tests of the report: whole, bare and hostile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lumbago.data.features import REJECTED_COLUMNS, edge_names
from lumbago.evaluation.result import AUDIT_COLUMNS, NULL_COLUMNS, Result
from lumbago.experiment.folder import RunFolder
from predictions import DIAGNOSIS, PAIN, table

NETWORKS = ("Default", "CinguloOpercular", "Sensorimotor", "Occipital")
REGIONS = [f"{side}_{net}_{i}" for side in ("LH", "RH") for net in NETWORKS for i in range(1, 6)]


def weights(features, model, scheme, names, seed=0):
    rng = np.random.default_rng(seed)
    pattern = rng.normal(size=len(names)) * 0.05
    pattern[:3] += [0.35, -0.3, 0.28]
    return pd.DataFrame(
        {
            "features": features, "model": model, "scheme": scheme, "feature": names,
            "coefficient": pattern / 10, "coefficient_sd": 0.01, "pattern": pattern,
            "pattern_sd": np.abs(rng.normal(size=len(names))) * 0.03,
            "sign_consistency": 1.0, "n_folds": 10,
        }
    )  # fmt: skip


def run_document(target, **changes):
    document = {
        "schema": 1,
        "name": "clbp-across-cohorts",
        "question": "Do resting-state features tell chronic low back pain from controls in a "
        "cohort never seen?",
        "hash": "3f9c0d3e7a" * 6 + "beef",
        "seed": 20261120,
        "versions": {"python": "3.12.4", "lumbago": "0.1.0", "numpy": "2.3.1",
                     "scikit-learn": "1.7.2", "nilearn": "0.14.0"},
        "experiment": {
            "cohorts": {"boston": {"kind": "bids", "derivatives": "${DATA}/boston",
                                   "keep": "mean_fd < 0.5"},
                        "nagoya": {"kind": "bids", "derivatives": "${DATA}/nagoya"}},
            "preparation": {"standard": [{"kind": "impute", "strategy": "median"},
                                         {"kind": "residualize", "covariates": ["age", "sex"]},
                                         {"kind": "scale"}]},
            "models": {"svm": {"kind": "linear_svm", "tune": {"C": [0.01, 0.1, 1]}},
                       "forest": {"kind": "random_forest"}},
            "evaluation": {"schemes": [{"kind": "within_cohort", "n_splits": 4, "n_repeats": 2},
                                       {"kind": "leave_one_site_out"}],
                           "permutations": 199},
        },
        "cohorts": [
            {"name": "boston", "kind": "bids", "space": "MNI152NLin2009cAsym",
             "n_participants": 60, "n_sessions": 60, "n_scans": 60,
             "notes": ["3 scans have no confounds: their signals were detrended only"]},
            {"name": "nagoya", "kind": "bids", "space": "MNI152NLin2009cAsym",
             "n_participants": 40, "n_sessions": 40, "n_scans": 40, "notes": []},
        ],
        "features": {
            "edges": {"spec": {"kind": "connectome", "atlas": "lumbago200",
                               "measure": "correlation", "band": [0.008, 0.09],
                               "denoise": {"strategy": "motion24_acompcor",
                                           "scrub": {"fd": 0.5}}},
                      "references": [], "n_features": 780, "n_rejected": 2, "notes": []},
            "low": {"spec": {"kind": "falff", "atlas": "lumbago200",
                             "bands": {"slow5": [0.01, 0.027], "slow4": [0.027, 0.073]},
                             "denoise": {"strategy": "motion24_acompcor",
                                         "scrub": {"fd": 0.5}}},
                    "references": ["zou2008"], "n_features": 40, "n_rejected": 0,
                    "notes": ["region RH_Occipital_5 has little coverage in 4 scans"]},
        },
        "target": {"name": target.name, "kind": target.kind, "classes": list(target.classes),
                   "positive": target.positive},
        "baselines_missing": {},
        "notes": [],
    }  # fmt: skip
    return document | changes


def cells(target, features, models, schemes, *, cohorts, sites, signals=(1.6, 0.9, 0.6)):
    """Return predictions of the whole grid, weaker where people are left out."""
    frames = []
    for i, feature in enumerate(features):
        for j, model in enumerate(models):
            for scheme in schemes:
                loss = 0.6 if scheme.startswith("leave") else 1.0
                for k, (cohort, n) in enumerate(cohorts.items()):
                    mine = [s for s in sites if s[0] == cohort] or [(cohort, cohort)]
                    frames.append(
                        table(target, n=n, signal=loss * signals[i] * (1 - 0.2 * j),
                              features=feature, model=model, scheme=scheme, cohort=cohort,
                              sites=[s for _, s in mine], seed=10 * i + j + k)
                    )  # fmt: skip
    return frames


def whole(folder: Path, target=DIAGNOSIS, **changes) -> Path:
    """Write a run with everything: two cohorts, three sites, permutations, patterns, checks."""
    sites = [("boston", "scanner 1"), ("boston", "scanner 2")]
    cohorts = {"boston": 60, "nagoya": 40}
    schemes = ("within_cohort", "leave_one_site_out")
    models = ("svm", "forest")
    frames = cells(target, ("edges", "low"), models, schemes, cohorts=cohorts, sites=sites)
    frames += cells(target, ("baseline",), ("majority", "motion_only", "site_only"), schemes,
                    cohorts=cohorts, sites=sites, signals=(0.25,))  # fmt: skip
    rng = np.random.default_rng(3)
    metric = {"binary": "roc_auc", "multiclass": "balanced_accuracy"}.get(target.kind, "r")
    centre = 0.0 if metric == "r" else 0.5
    nulls = pd.DataFrame(
        [(f, m, s, i, metric, centre + 0.07 * rng.normal())
         for f in ("edges", "low") for m in models for s in schemes for i in range(199)],
        columns=list(NULL_COLUMNS),
    )  # fmt: skip
    patterns = [
        weights("edges", "svm", s, ["edges:" + e for e in edge_names(REGIONS)]) for s in schemes
    ] + [weights("low", "svm", s, [f"low.slow5:{r}" for r in REGIONS], 1) for s in schemes]
    audit = pd.DataFrame(
        [(f, m, "within_cohort", "poison", "passed",
          "learned arrays and probe predictions unchanged")
         for f in ("edges", "low") for m in models],
        columns=list(AUDIT_COLUMNS),
    )  # fmt: skip
    result = Result(pd.concat(frames, ignore_index=True), target, 1, weights=pd.concat(patterns),
                    nulls=nulls, audit=audit)  # fmt: skip
    exclusions = pd.DataFrame(
        [("boston", f"sub-9{i:02d}", "", "run-1", "", "E_KEPT_SHORT",
          "2.1 minutes are left after scrubbing; 5 are needed") for i in range(6)]
        + [("nagoya", "sub-077", "ses-1", "", "edges", "E_TRUNCATED",
            "sub-077_bold.nii.gz ends early, read from /srv/clinic/nagoya/sub-077_bold.nii.gz")],
        columns=list(REJECTED_COLUMNS),
    )  # fmt: skip
    return write(folder, result, people(result), exclusions, run_document(target, **changes))


def people(result: Result, **changes) -> pd.DataFrame:
    """Return the participants table that goes with predictions."""
    rows = result.predictions.drop_duplicates(["cohort", "participant_id", "session"])
    table = rows[["cohort", "participant_id", "session", "site"]].copy()
    rng = np.random.default_rng(11)
    table["target"] = rows["y_true"]
    table["age"] = rng.normal(45, 11, len(table)).round()
    table["sex"] = np.where(rng.uniform(size=len(table)) < 0.6, "F", "M")
    table["mean_fd"] = rng.gamma(4, 0.04, len(table))
    table["minutes_kept"] = 8 - rng.gamma(2, 0.4, len(table))
    return table.assign(**changes).reset_index(drop=True)


def write(folder, result, participants, exclusions, document) -> Path:
    """Write the tables of one run."""
    run = RunFolder(folder)
    run.path.mkdir(parents=True, exist_ok=True)
    result.save(run.path)
    run.write_table("participants", participants)
    run.write_table("exclusions", exclusions)
    run.write_table("scores", result.scores(n_resamples=200))
    run.write_json("run.json", document)
    return run.path


def bare(folder: Path, target=DIAGNOSIS, **changes) -> Path:
    """Write the least a run can be: one cohort, one site, one cell, nothing around it."""
    frame = table(target, n=30, features="all", model="forest", sites=("only",), cohort="only")
    result = Result(frame, target, 1)
    document = run_document(target, features={}, experiment={}, question="", cohorts=[
        {"name": "only", "kind": "table", "space": "", "n_participants": 30, "n_sessions": 30,
         "n_scans": 0, "notes": []}],
        baselines_missing={"motion_only": "no mean_fd", "site_only": "one site",
                           "leave_one_site_out": "one site"})  # fmt: skip
    participants = people(result)[["cohort", "participant_id", "session", "site", "target"]]
    exclusions = pd.DataFrame(columns=list(REJECTED_COLUMNS))
    return write(folder, result, participants, exclusions, document | changes)


__all__ = ["DIAGNOSIS", "PAIN", "bare", "people", "run_document", "whole", "write"]

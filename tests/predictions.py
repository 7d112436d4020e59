"""Predictions tables made by hand, for the tests of scores and of the report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lumbago.data.dataset import Target

DIAGNOSIS = Target("diagnosis", "binary", ("control", "patient"))
PAIN = Target("pain", "continuous")


def table(
    target: Target = DIAGNOSIS,
    *,
    n: int = 40,
    signal: float = 1.0,
    features: str = "edges",
    model: str = "svm",
    scheme: str = "within_cohort",
    n_repeats: int = 2,
    n_folds: int = 4,
    sites: Sequence[str] = ("A", "B"),
    cohort: str = "study",
    seed: int = 0,
) -> pd.DataFrame:
    """Return predictions of one cell; people, classes and sites depend on `n` and `sites` only."""
    who = np.arange(n)
    site = np.array(sites, dtype=object)[who % len(sites)]
    rng = np.random.default_rng([seed, len(model), len(features), len(scheme)])
    truth = np.random.default_rng(99).permutation(who % 2)
    people = np.random.default_rng(7).normal(size=n)
    if target.kind == "continuous":
        truth = 40 + 20 * np.random.default_rng(98).normal(size=n)
    parts = []
    for repeat in range(1 if scheme.startswith("leave") else n_repeats):
        fold = rng.permutation(who % n_folds)
        split = np.full(n, "", dtype=object)
        if scheme == "leave_one_site_out":
            fold, split = who % len(sites), site
        if scheme == "leave_one_cohort_out":
            fold, split = np.zeros(n, dtype=int), np.full(n, cohort, dtype=object)
        noise = people + 0.3 * rng.normal(size=n)
        # Each fitted model has a scale and an origin of its own, as decision values do.
        shift = rng.normal(size=64)[fold]
        if target.kind == "continuous":
            score = 40 + signal * (truth - 40) * 0.5 + 8 * noise
            true, predicted, prob = truth, score, np.full(n, np.nan)
        else:
            decision = signal * (truth - 0.5) * 2 + noise
            score = decision + shift
            names = np.array(target.classes, dtype=object)
            true, predicted = names[truth], names[(decision > 0).astype(int)]
            prob = 1 / (1 + np.exp(-decision))
        parts.append(
            pd.DataFrame(
                {
                    "target": target.name, "features": features, "model": model,
                    "scheme": scheme, "repeat": repeat, "fold": fold, "split": split,
                    "cohort": cohort, "participant_id": [f"sub-{i:03d}" for i in who],
                    "session": "", "site": site, "y_true": true, "y_pred": predicted,
                    "y_score": score, "y_prob": prob,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)

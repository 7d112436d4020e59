"""Measure how often the intervals cover the truth and write it into docs/intervals.md.

python docs/make_intervals_page.py [--samples 1000]

Everything between the two marks of the page is written by this script; nothing else is changed.
Minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from scipy.stats import norm

from lumbago.data.dataset import Target
from lumbago.evaluation.intervals import draw, interval, strata, wider
from lumbago.evaluation.metrics import METRICS
from lumbago.evaluation.outcomes import Outcomes
from lumbago.models.folds import deal_folds
from lumbago.statistics.delong import delong

PAGE = Path(__file__).with_name("intervals.md")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
DIAGNOSIS = Target("diagnosis", "binary", ("control", "patient"))
N_RESAMPLES = 1000
N_FEATURES, N_FOLDS, N_REPEATS, PENALTY = 40, 5, 5, 20.0
COHORTS = ((0.65, 40), (0.65, 100), (0.80, 40), (0.80, 100))
STUDIES = ((0.0, 60), (0.9, 60), (0.9, 120))
"""Distance between the classes over all features, and participants."""
Covered = dict[str, list[bool]]


def outcomes(truth: np.ndarray, score: np.ndarray, fitted: np.ndarray, repeat: np.ndarray,
             person: np.ndarray) -> Outcomes:  # fmt: skip
    """Return predictions of models whose decision values change sign at the border."""
    return Outcomes(
        DIAGNOSIS, truth, (score > 0).astype(int), score, np.full(len(truth), np.nan), fitted,
        repeat, person,
    )  # fmt: skip


def intervals(found: Outcomes, seed: int, metric: str) -> tuple[float, float, str]:
    """Return the interval of the scores table."""
    counts = draw(strata(found), N_RESAMPLES, np.random.SeedSequence(seed))
    return interval(METRICS[metric], found, counts)


def test_cohorts(area: float, n: int, samples: int) -> Covered:
    """Test cohorts of a fixed model whose AUC and accuracy in the population are known."""
    apart = np.sqrt(2) * norm.ppf(area)
    right = norm.cdf(apart / 2)
    truth = np.arange(n) % 2
    once = np.zeros(n, dtype=int)
    covered: Covered = {"DeLong, AUC": [], "BCa, AUC": [], "Wilson, accuracy": []}
    for sample in range(samples):
        rng = np.random.default_rng([1, n, round(100 * area), sample])
        score = rng.normal(size=n) + apart * (truth - 0.5)
        found = outcomes(truth, score, once, once, np.arange(n))
        low, high = delong(truth == 1, score).interval()
        covered["DeLong, AUC"].append(low <= area <= high)
        low, high, _ = intervals(found, sample, "roc_auc")
        covered["BCa, AUC"].append(low <= area <= high)
        low, high, words = intervals(found, sample, "accuracy")
        assert "Wilson" in words
        covered["Wilson, accuracy"].append(low <= right <= high)
    return covered


def ridge(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return weights and border of a ridge classifier."""
    mean = X.mean(axis=0)
    centred = X - mean
    w = np.linalg.solve(centred.T @ centred + PENALTY * np.eye(X.shape[1]), centred.T @ (y - 0.5))
    return w, float(mean @ w)


def studies(apart: float, n: int, samples: int) -> Covered:
    """Cross-validations of a ridge classifier whose true AUC is known for every fitted model.

    Features are independent and normal with unit variance; a tenth of them differs between
    the classes. A model with weights w then has the AUC Φ(w·δ / (√2 |w|)).
    """
    delta = np.zeros(N_FEATURES)
    delta[: N_FEATURES // 10] = apart / np.sqrt(N_FEATURES // 10)
    truth = np.arange(n) % 2
    people = np.arange(n).astype(str)
    spans: list[tuple[tuple[float, float], tuple[float, float]]] = []
    at_hand = []
    for sample in range(samples):
        rng = np.random.default_rng([2, n, round(100 * apart), sample])
        X = rng.normal(size=(n, N_FEATURES)) + (truth - 0.5)[:, None] * delta
        rows, scores, fitted, repeats, true = [], [], [], [], []
        for repeat in range(N_REPEATS):
            fold = deal_folds(truth, people, N_FOLDS, rng)
            for k in range(N_FOLDS):
                train, test = fold != k, np.flatnonzero(fold == k)
                w, border = ridge(X[train], truth[train])
                rows.append(test)
                scores.append(X[test] @ w - border)
                fitted.append(np.full(len(test), repeat * N_FOLDS + k))
                repeats.append(np.full(len(test), repeat))
                true.append(norm.cdf(w @ delta / (np.sqrt(2) * np.linalg.norm(w))))
        person = np.concatenate(rows)
        found = outcomes(
            truth[person], np.concatenate(scores), np.concatenate(fitted),
            np.concatenate(repeats), person,
        )  # fmt: skip
        given = intervals(found, sample, "roc_auc")[:2]
        spans.append((given, wider(METRICS["roc_auc"], found)))
        at_hand.append(float(np.mean(true)))
    expected = float(np.mean(at_hand))
    return {
        "given these participants, of the models at hand": [
            g[0] <= a <= g[1] for (g, _), a in zip(spans, at_hand, strict=True)
        ],
        "given these participants, of the recipe": [g[0] <= expected <= g[1] for g, _ in spans],
        "wider, of the models at hand": [
            w[0] <= a <= w[1] for (_, w), a in zip(spans, at_hand, strict=True)
        ],
        "wider, of the recipe": [w[0] <= expected <= w[1] for _, w in spans],
    }


def share(covered: list[bool]) -> str:
    """Write a share with its Monte-Carlo standard error."""
    p = float(np.mean(covered))
    return f"{100 * p:.1f} % ± {100 * np.sqrt(p * (1 - p) / len(covered)):.1f}"


def fixed_rows(samples: int) -> Iterator[list[str]]:
    """What a fixed model's intervals cover."""
    for area, n in COHORTS:
        covered = test_cohorts(area, n, samples)
        yield [f"{area:.2f}", f"{n}", *(share(c) for c in covered.values())]


def crossed_rows(samples: int) -> Iterator[list[str]]:
    """What cross-validation's intervals cover."""
    for apart, n in STUDIES:
        covered = studies(apart, n, samples)
        yield [f"{apart:g}", f"{n}", *(share(c) for c in covered.values())]


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def measured(samples: int) -> str:
    """Return both tables."""
    fixed = table(
        ["true AUC", "participants", "DeLong, AUC", "BCa, AUC", "Wilson, accuracy"],
        fixed_rows(samples),
    )
    crossed = table(
        ["distance", "participants", "given these participants: models at hand",
         "given these participants: recipe", "wider: models at hand", "wider: recipe"],
        crossed_rows(max(2, samples // 2)),
    )  # fmt: skip
    return (
        f"### A fixed model on a test cohort ({samples:,} cohorts per row)\n\n{fixed}\n\n"
        f"### Cross-validation ({max(2, samples // 2):,} studies per row)\n\n{crossed}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    tables = measured(parser.parse_args().samples)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

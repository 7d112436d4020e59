"""What the learning wing sees: features, target, groups, and where each row comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from lumbago.data import html
from lumbago.data.features import COVARIATE, INDEX
from lumbago.provenance import canonical_json, digest, digest_array


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Parameters
    ----------
    name : str
        Name of the target in the experiment.
    kind : {"binary", "multiclass", "continuous"}
        A binary target always names its positive class.
    classes : tuple of str
        Class names in the order of their codes; a binary target's positive class is last.
    """

    name: str
    kind: Literal["binary", "multiclass", "continuous"]
    classes: tuple[str, ...] = ()

    @property
    def positive(self) -> str | None:
        """The positive class of a binary target."""
        return self.classes[-1] if self.kind == "binary" else None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features and target of every sample, joined by participant, never by position.

    Parameters
    ----------
    X : DataFrame
        Index (cohort, participant_id, session), unique and sorted. Feature columns are
        float32 and come first; covariates follow as ``covariate:<name>`` (float64, or
        object for words).
    y : array of shape (n_samples,)
        Class codes (int64; positions in ``target.classes``) or float64 values.
    target : Target
        What y means.
    site : array of shape (n_samples,) of str
        Scanner or centre of each sample; the cohort's name where none is known.
    feature_sets : mapping of str to sequence of str
        Named lists of feature columns; the grid of an experiment runs over them.
    notes : tuple of str
        What happened on the way (rows without a target, covariates removed).
    kin : array of shape (n_samples,) of str, optional
        Who must stay together beyond the participant: families, matched pairs. Rows of one
        participant have one value.
    """

    X: pd.DataFrame
    y: np.ndarray
    target: Target
    site: np.ndarray
    feature_sets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    kin: np.ndarray | None = None

    def __post_init__(self) -> None:
        if tuple(self.X.index.names) != INDEX:
            raise ValueError(f"X must be indexed by {INDEX}, got {tuple(self.X.index.names)}")
        if not self.X.index.is_unique:
            twice = self.X.index[self.X.index.duplicated()][0]
            raise ValueError(f"sample {twice} stands twice in X")
        if not self.X.index.is_monotonic_increasing:
            raise ValueError("X must be sorted by its index, so that no result depends on order")
        if not len(self.X) == len(self.y) == len(self.site):
            raise ValueError(
                f"X has {len(self.X)} rows, y {len(self.y)}, site {len(self.site)}; "
                "they must describe the same samples"
            )
        if self.kin is not None and len(self.kin) != len(self.X):
            raise ValueError(f"X has {len(self.X)} rows, kin {len(self.kin)}")

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.target.name}: {len(self)} samples of {len(set(self.groups))} "
            f"participants, {len(self.features)} features, covariates "
            f"{', '.join(self.covariates) or 'none'})"
        )

    def _repr_html_(self) -> str:
        """Counts of people, target by site, and what the columns are, for notebooks."""
        target, known = self.target, np.isfinite(self.X[self.features].to_numpy(dtype=float))
        missing = f"{100 * (1 - known.mean()):.1f} % of values missing" if known.size else ""
        facts = (
            html.count(len(np.unique(self.groups)), "participant"), html.count(len(self), "sample"),
            html.count(len(self.features), "feature"), missing,
        )  # fmt: skip
        rows = [self._about(where, self.site == where) for where in np.unique(self.site)]
        if len(rows) > 1:
            rows.append(self._about("all", np.ones(len(self), dtype=bool)))
        what = target.classes if target.kind != "continuous" else ("median", "quartiles")
        sets = ", ".join(f"{name} ({len(c):,})" for name, c in self.feature_sets.items())
        beside = ", ".join(self.covariates)
        positive = f"; positive: {target.positive}" if target.positive else ""
        return html.card(
            "Dataset", "", facts,
            html.line(f"target: {target.name} ({target.kind}{positive})"),
            html.table(("site", "samples", *what), rows, "sites"),
            html.line(f"feature sets: {sets}" if sets else ""),
            html.line(f"covariates: {beside}" if beside else ""),
            html.noted(self.notes),
        )  # fmt: skip

    def _about(self, name: str, rows: np.ndarray) -> list[Any]:
        y = self.y[rows]
        if self.target.kind != "continuous":
            return [name, len(y), *(int((y == k).sum()) for k in range(len(self.target.classes)))]
        if len(np.unique(self.groups[rows])) < html.FEWEST:
            return [name, len(y), "–", "–"]
        low, half, high = np.nanpercentile(y, [25, 50, 75])
        return [name, len(y), float(half), f"{low:.3g} to {high:.3g}"]

    @cached_property
    def features(self) -> list[str]:
        """Names of the feature columns."""
        return [c for c in self.X.columns if not c.startswith(COVARIATE)]

    @cached_property
    def covariates(self) -> list[str]:
        """Names of the covariates, without their prefix."""
        return [c.removeprefix(COVARIATE) for c in self.X.columns if c.startswith(COVARIATE)]

    @property
    def cohort(self) -> np.ndarray:
        """Cohort of each sample."""
        return self.X.index.get_level_values("cohort").to_numpy(dtype=str)

    @property
    def participant(self) -> np.ndarray:
        """Participant of each sample, as its cohort names them."""
        return self.X.index.get_level_values("participant_id").to_numpy(dtype=str)

    @property
    def session(self) -> np.ndarray:
        """Session of each sample, empty where there is none."""
        return self.X.index.get_level_values("session").to_numpy(dtype=str)

    @cached_property
    def groups(self) -> np.ndarray:
        """The participant behind each sample: rows of one person never part ways.

        Ids are read within their cohort: ``sub-01`` of two cohorts are two people.
        """
        return np.array([f"{c}/{p}" for c, p in zip(self.cohort, self.participant, strict=True)])

    @cached_property
    def families(self) -> np.ndarray:
        """Whom no split and no permutation may part: participants, or those whom `kin` joins."""
        return self.groups if self.kin is None else np.asarray(self.kin, dtype=str)

    def columns_of(self, feature_set: str) -> list[str]:
        """Return the columns of one feature set, then all covariates."""
        features = list(self.feature_sets[feature_set])
        return features + [COVARIATE + c for c in self.covariates]

    def take(self, rows: np.ndarray) -> Dataset:
        """Return the samples at the given positions (kept in order)."""
        rows = np.sort(np.asarray(rows))
        kin = None if self.kin is None else self.kin[rows]
        return replace(self, X=self.X.iloc[rows], y=self.y[rows], site=self.site[rows], kin=kin)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that can influence a result."""
        values = self.X[self.features].to_numpy(dtype=np.float32)
        words = self.X[[COVARIATE + c for c in self.covariates]].map(repr).to_numpy().tolist()
        head = {
            "columns": list(self.X.columns),
            "index": [list(row) for row in self.X.index],
            "site": self.site.tolist(),
            "target": [self.target.name, self.target.kind, *self.target.classes],
            "feature_sets": {k: list(v) for k, v in self.feature_sets.items()},
            "covariates": words,
        }
        if self.kin is not None:
            head["kin"] = [str(name) for name in self.kin]
        return digest(canonical_json(head), digest_array(values), digest_array(self.y))

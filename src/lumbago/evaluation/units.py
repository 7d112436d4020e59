"""One unit of evaluation: one cell of the grid, one repeat, run and stored as a whole."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lumbago.data.dataset import Dataset
from lumbago.data.features import COVARIATE
from lumbago.evaluation.result import NULL_COLUMNS, PREDICTION_COLUMNS
from lumbago.evaluation.schemes import Split, splits_digest
from lumbago.models.catalogue import Model
from lumbago.models.columns import take_rows
from lumbago.models.pipeline import (
    Weights,
    assemble,
    dropped_columns,
    fit_notes,
    linear_weights,
    outputs,
)
from lumbago.models.search import GroupedSearch
from lumbago.models.threshold import Threshold
from lumbago.provenance import integer_seed, task_seed
from lumbago.spec import Spec

VERSION = 3
"""Rises with every change of what a unit computes; stored results of older ones are not served."""
FIT_COLUMNS = (
    "target", "features", "model", "scheme", "repeat", "fold", "split",
    "n_train", "n_test", "n_features", "settings", "threshold", "dropped", "notes", "seconds",
)  # fmt: skip
NO_CUT = "no cut of inner predictions beat chance: the model's own cut was kept"


@dataclass(frozen=True, eq=False)
class Unit:
    """One model on one feature set under one scheme, in one repeat.

    Parameters
    ----------
    features : str
        Label of the feature set; ``baseline`` for the automatic baselines.
    columns : tuple of str
        Predictors; ``covariate:<name>`` among them are made features inside the fold.
    model : str
        Name of the model in the experiment.
    spec : Model
    preparation : tuple of step settings
    scheme : str
    repeat : int
    splits : tuple of Split
        All folds of this repeat.
    seed : int
        The experiment's.
    data : str
        Digest of everything of the dataset that this unit can see.
    permutations : (int, int) or None
        Numbers [start, stop) of the label permutations to run instead of the true labels.
    threshold : {"default", "youden"}
        Where the classes of a binary target part; see `lumbago.models.pipeline.assemble`.
    """

    features: str
    columns: tuple[str, ...] = field(repr=False)
    model: str
    spec: Model
    preparation: tuple[Spec, ...]
    scheme: str
    repeat: int
    splits: tuple[Split, ...] = field(repr=False)
    seed: int
    data: str
    permutations: tuple[int, int] | None = None
    threshold: Threshold = "default"

    @property
    def name(self) -> str:
        """A short name for progress and logs."""
        text = f"{self.model} on {self.features}, {self.scheme}, repeat {self.repeat}"
        if self.permutations:
            text += f", permutations {self.permutations[0]} to {self.permutations[1] - 1}"
        return text

    def identity(self) -> dict[str, Any]:
        """Return everything that decides the result, as JSON values: the key of the store."""
        spec = {k: v for k, v in self.spec.canonical().items() if k not in ("features",)}
        spec.pop("preparation")
        # Only where it is chosen: results at the models' own cuts keep the keys they have.
        cut = {} if self.threshold == "default" else {"threshold": self.threshold}
        return cut | {
            "kind": "evaluation",
            "version": VERSION,
            "data": self.data,
            "features": self.features,
            "model": self.model,
            "spec": spec,
            "preparation": [step.canonical() for step in self.preparation],
            "scheme": self.scheme,
            "repeat": self.repeat,
            "splits": splits_digest(self.splits),
            "seed": self.seed,
            "permutations": list(self.permutations) if self.permutations else None,
        }

    def design(self, dataset: Dataset) -> pd.DataFrame:
        """Return X of this unit: its features first, then every covariate.

        A site-only baseline and a harmonizing step read ``covariate:site`` or
        ``covariate:cohort``, which any dataset can give.
        """
        features = [c for c in self.columns if not c.startswith(COVARIATE)]
        names = [name for step in self.preparation for name in getattr(step, "reads", ())]
        read = {COVARIATE + name for name in names}
        X = dataset.X
        whole = features == dataset.features
        covariates = X[[COVARIATE + c for c in dataset.covariates]]
        for name, words in (("site", dataset.site), ("cohort", dataset.cohort)):
            if COVARIATE + name in read | set(self.columns) and COVARIATE + name not in X.columns:
                covariates = covariates.assign(**{COVARIATE + name: words})
        values = np.ascontiguousarray(
            (X.iloc[:, : len(features)] if whole else X[features]).to_numpy(dtype=np.float32)
        )
        table = pd.DataFrame(values, index=X.index, columns=pd.Index(features), copy=False)
        table = pd.concat([table, covariates], axis=1)
        if dataset.kin is not None:
            # What keeps participants whole inside a fold reads them off the index.
            table.index = _by_family(dataset)
        return table

    def fold_seed(self, split: Split) -> int:
        """Return the seed of one fold: other units and folds have no part in it."""
        sequence = task_seed(
            self.seed, self.features, self.model, self.scheme, str(split.repeat), str(split.fold)
        )
        return integer_seed(sequence)

    def estimator(self, dataset: Dataset, split: Split, *, tuned: bool = True) -> Any:
        """Return the unfitted estimator of one fold."""
        return assemble(
            self.spec, self.preparation, self.columns, self.fold_seed(split), dataset.target.kind,
            tuned=tuned, threshold=self.threshold,
        )  # fmt: skip

    def fit(self, dataset: Dataset, split: Split, X: pd.DataFrame | None = None) -> Any:
        """Fit one fold; the estimator is given training rows and nothing else."""
        X = self.design(dataset) if X is None else X
        return self.estimator(dataset, split).fit(
            take_rows(X, split.train), dataset.y[split.train].copy()
        )

    def run(self, dataset: Dataset) -> UnitResult:
        """Fit and predict every fold on one thread, or score the permutations."""
        from sklearn import config_context
        from threadpoolctl import threadpool_limits

        # Thousands of small fits: checking their settings would cost more than they do.
        with threadpool_limits(1), config_context(skip_parameter_validation=True):
            if self.permutations:
                from lumbago.evaluation.nulls import null_scores

                return UnitResult(_no_rows(PREDICTION_COLUMNS), _no_rows(FIT_COLUMNS),
                                  None, null_scores(self, dataset))  # fmt: skip
            return self._run(dataset)

    def _run(self, dataset: Dataset) -> UnitResult:
        X = self.design(dataset)
        predictions, fits, weights = [], [], []
        for split in self.splits:
            start = time.perf_counter()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                fitted = self.fit(dataset, split, X)
            found = outputs(fitted, take_rows(X, split.test), dataset.target.kind)
            predictions.append(self._predictions(dataset, split, found))
            weights.append(linear_weights(fitted, take_rows(X, split.train), self.columns))
            dropped = dropped_columns(fitted)
            search = fitted if isinstance(fitted, GroupedSearch) else None
            settings = search.best_params_ if search else {}
            threshold = search.threshold_ if search else None
            notes = [*fit_notes(fitted)]
            if self.threshold == "youden" and threshold is None:
                notes.append(NO_CUT)
            fits.append(
                (
                    *self._cell(dataset),
                    split.fold,
                    split.name,
                    len(split.train),
                    len(split.test),
                    len(self.columns),
                    json.dumps(settings, sort_keys=True),
                    float("nan") if threshold is None else threshold,
                    json.dumps(dropped),
                    "; ".join(
                        [
                            *dict.fromkeys(notes),
                            *sorted({f"{w.category.__name__}: {w.message}" for w in caught}),
                        ]
                    ),
                    time.perf_counter() - start,
                )
            )
        return UnitResult(
            pd.concat(predictions, ignore_index=True),
            pd.DataFrame(fits, columns=list(FIT_COLUMNS)),
            _gather(weights),
            _no_rows(NULL_COLUMNS),
        )

    def _cell(self, dataset: Dataset) -> tuple[Any, ...]:
        return dataset.target.name, self.features, self.model, self.scheme, self.repeat

    def _predictions(self, dataset: Dataset, split: Split, found: Any) -> pd.DataFrame:
        rows, target = split.test, dataset.target
        true, predicted = dataset.y[rows], found.predicted
        if target.kind != "continuous":
            names = np.array(target.classes, dtype=object)
            true, predicted = names[true], names[predicted]
        table = pd.DataFrame(
            {
                "fold": split.fold,
                "split": split.name,
                "cohort": dataset.cohort[rows].astype(object),
                "participant_id": dataset.participant[rows].astype(object),
                "session": dataset.session[rows].astype(object),
                "site": dataset.site[rows].astype(object),
                "y_true": true,
                "y_pred": predicted,
                "y_score": found.score.astype(float),
                "y_prob": found.probability.astype(float),
            }
        )
        head = ("target", "features", "model", "scheme", "repeat")
        for name, value in reversed(list(zip(head, self._cell(dataset), strict=True))):
            table.insert(0, name, value)
        return table


def _by_family(dataset: Dataset) -> pd.MultiIndex:
    # Families go across cohorts, so the cohort's name must not tell their members apart.
    levels = [np.full(len(dataset), ""), dataset.families, dataset.session]
    return pd.MultiIndex.from_arrays(levels, names=list(dataset.X.index.names))


def _gather(folds: Sequence[Weights | None]) -> dict[str, Any] | None:
    """Put the folds' weights under one list of features, NaN where a fold lacks one."""
    present = [w for w in folds if w is not None]
    if not present:
        return None
    features = list(dict.fromkeys(name for w in present for name in w.features))
    table: dict[str, Any] = {"features": features}
    for what in ("coefficient", "pattern"):
        values = np.full((len(present), len(features)), np.nan, dtype=np.float32)
        for row, w in zip(values, present, strict=True):
            if w.features == features:
                row[:] = getattr(w, what)
            else:
                row[pd.Index(features).get_indexer(pd.Index(w.features))] = getattr(w, what)
        table[what] = values
    return table


def _no_rows(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))


@dataclass(frozen=True, eq=False)
class UnitResult:
    """What one unit found.

    Parameters
    ----------
    predictions, fits, nulls : DataFrame
        The columns of `Result`'s tables; no rows where there is nothing.
    weights : mapping or None
        ``features`` (names), ``coefficient`` and ``pattern`` of shape (n_folds, n_features),
        float32.
    """

    predictions: pd.DataFrame
    fits: pd.DataFrame
    weights: Mapping[str, Any] | None
    nulls: pd.DataFrame

    def to_store(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays (numbers) and JSON values (words) that hold everything."""
        arrays: dict[str, np.ndarray] = {}
        words: dict[str, Any] = {"tables": {}, "weights": None}
        for name in ("predictions", "fits", "nulls"):
            table = getattr(self, name)
            spec: dict[str, Any] = {"columns": list(table.columns), "n": len(table), "text": {}}
            for column in table.columns:
                if table[column].dtype.kind in "iufb" and len(table):
                    arrays[f"{name}.{column}"] = table[column].to_numpy()
                else:
                    spec["text"][column] = [str(v) for v in table[column]]
            words["tables"][name] = spec
        if self.weights is not None:
            words["weights"] = list(self.weights["features"])
            arrays["weights.coefficient"] = np.asarray(self.weights["coefficient"])
            arrays["weights.pattern"] = np.asarray(self.weights["pattern"])
        return arrays, {"result": words}

    @classmethod
    def from_store(cls, arrays: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> UnitResult:
        """Read what `to_store` gave; every number comes back bit for bit."""
        words = values["result"]
        tables = {}
        for name, spec in words["tables"].items():
            tables[name] = pd.DataFrame(
                {
                    c: pd.Series(spec["text"][c], dtype=object)
                    if c in spec["text"]
                    else np.array(arrays[f"{name}.{c}"])
                    for c in spec["columns"]
                },
                columns=spec["columns"],
            )
        fits = tables["fits"]
        if len(fits) and "threshold" not in fits:  # kept before thresholds could be chosen
            fits.insert(list(fits.columns).index("settings") + 1, "threshold", np.nan)
        weights = None
        if words["weights"] is not None:
            weights = {
                "features": list(words["weights"]),
                "coefficient": np.array(arrays["weights.coefficient"]),
                "pattern": np.array(arrays["weights.pattern"]),
            }
        return cls(tables["predictions"], fits, weights, tables["nulls"])

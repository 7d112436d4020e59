"""What an evaluation found, as tables: predictions first, scores derived."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from lumbago.data import html
from lumbago.data.dataset import Target
from lumbago.errors import InputError
from lumbago.evaluation.intervals import N_RESAMPLES
from lumbago.evaluation.metrics import METRICS
from lumbago.evaluation.outcomes import CELL
from lumbago.evaluation.scores import score_cells
from lumbago.evaluation.skipped import skipped_notes
from lumbago.evaluation.weights import WEIGHT_COLUMNS, gather_weights
from lumbago.store import write_file

SCHEMA = 1
TABLES = ("predictions", "fits", "weights", "nulls", "audit")
PREDICTION_COLUMNS = (
    "target", *CELL, "repeat", "fold", "split", "cohort", "participant_id", "session",
    "site", "y_true", "y_pred", "y_score", "y_prob",
)  # fmt: skip
NULL_COLUMNS = (*CELL, "permutation", "metric", "score")
AUDIT_COLUMNS = (*CELL, "check", "verdict", "detail")
_LEADING = {
    "binary": ("roc_auc", "balanced_accuracy", "brier"),
    "multiclass": ("balanced_accuracy", "accuracy"),
    "continuous": ("r", "mae"),
}
"""What a notebook shows; `Result.scores` has every metric."""


class UnitTables(Protocol):
    """What one unit of evaluation hands over (one cell, one repeat)."""

    @property
    def predictions(self) -> pd.DataFrame: ...
    @property
    def fits(self) -> pd.DataFrame: ...
    @property
    def weights(self) -> Mapping[str, Any] | None: ...
    @property
    def nulls(self) -> pd.DataFrame: ...


def _empty(columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))


@dataclass(frozen=True, eq=False)
class Result:
    """Tables of one evaluation; scores, figures and reports derive from them.

    Parameters
    ----------
    predictions : DataFrame
        One row per tested sample, model and repeat: target, features, model, scheme, repeat,
        fold, split (left-out name), cohort, participant_id, session, site, y_true, y_pred,
        y_score (comparable within one fitted model only), y_prob (calibrated in the training
        fold, or NaN).
    target : Target
        What was predicted.
    seed : int
        Seed of the evaluation; the bootstrap draws from it.
    fits, weights, nulls, audit : DataFrame
        One row per fitted model; per feature and cell; per permutation; per check.
    notes : tuple of str
        What a reader must know.
    not_available : mapping of str to str
        Baselines and schemes that could not run, with the reason.
    """

    predictions: pd.DataFrame
    target: Target
    seed: int
    fits: pd.DataFrame = field(default_factory=pd.DataFrame)
    weights: pd.DataFrame = field(default_factory=lambda: _empty(WEIGHT_COLUMNS))
    nulls: pd.DataFrame = field(default_factory=lambda: _empty(NULL_COLUMNS))
    audit: pd.DataFrame = field(default_factory=lambda: _empty(AUDIT_COLUMNS))
    notes: tuple[str, ...] = ()
    not_available: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = [c for c in PREDICTION_COLUMNS if c not in self.predictions]
        if missing:
            raise ValueError(f"the predictions table lacks the columns {missing}")

    @classmethod
    def from_units(
        cls,
        units: Iterable[UnitTables],
        target: Target,
        *,
        seed: int,
        audit: pd.DataFrame | None = None,
        notes: Sequence[str] = (),
        not_available: Mapping[str, str] | None = None,
    ) -> Result:
        """Put units together; neither their order nor their cut changes a table."""
        units = list(units)
        predictions = _stack([u.predictions for u in units], PREDICTION_COLUMNS)
        order = [c for c in PREDICTION_COLUMNS if not c.startswith("y_")]
        predictions = predictions.sort_values(order, kind="stable", ignore_index=True)
        fits = _stack([u.fits for u in units], ())
        fit_order = [c for c in (*CELL, "repeat", "fold", "split") if c in fits]
        if fit_order:
            fits = fits.sort_values(fit_order, kind="stable", ignore_index=True)
        nulls = _stack([u.nulls for u in units], NULL_COLUMNS)
        nulls = nulls.sort_values([*CELL, "metric", "permutation"], ignore_index=True)
        return cls(
            predictions, target, seed, fits, gather_weights(units), nulls,
            audit if audit is not None else _empty(AUDIT_COLUMNS),
            (*notes, *skipped_notes(fits)), dict(not_available or {}),
        )  # fmt: skip

    def scores(
        self, metrics: Sequence[str] | None = None, *, n_resamples: int = N_RESAMPLES
    ) -> pd.DataFrame:
        """Score every cell, pooled and per cohort, site and transfer, with 95 % intervals.

        Returns
        -------
        DataFrame
            features, model, scheme, scope ("pooled", "cohort:x", "site:x",
            "pair:x to y" of a transfer), metric, score,
            ci_low, ci_high, interval (what it is an interval of), wide_low, wide_high (of
            cross-validation, pooled: the interval in which other training samples are
            counted, Nadeau and Bengio's), n and n_positive
            (participants), p (pooled only, (b + 1) / (m + 1) against permuted labels, of the
            first repeat), n_permutations, p_corrected (the same corrected over the n_cells
            combinations of features, model and scheme by their maximum, from the n_shared
            permutations that all of them ran), reason (why something is missing).
        """
        return score_cells(
            self.predictions, self.nulls, self.target,
            metrics=metrics, seed=self.seed, n_resamples=n_resamples,
        )  # fmt: skip

    def save(self, folder: str | Path) -> Path:
        """Write the tables as TSV (``n/a`` where missing) and ``result.json`` beside them."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        types = {}
        for name in TABLES:
            table: pd.DataFrame = getattr(self, name)
            types[name] = {c: _type_of(table[c]) for c in table.columns}
            text = table.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
            write_file(folder / f"{name}.tsv", text.encode())
        about = {
            "schema": SCHEMA,
            "target": {
                "name": self.target.name,
                "kind": self.target.kind,
                "classes": list(self.target.classes),
            },
            "seed": self.seed,
            "notes": list(self.notes),
            "not_available": dict(self.not_available),
            "columns": types,
        }
        # Last, so that a folder with result.json is a whole one.
        write_file(folder / "result.json", json.dumps(about, indent=1).encode())
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Result:
        """Read what `save` wrote; every float comes back bit for bit.

        Raises
        ------
        InputError
            If the folder holds no result, or one of a newer schema.
        """
        folder = Path(folder)
        try:
            about = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            raise InputError(
                f"{folder}: expected a result's folder with result.json, as Result.save writes it"
            ) from None
        if about["schema"] > SCHEMA:
            raise InputError(
                f"{folder.name}: result.json has schema {about['schema']}, "
                f"this Lumbago reads up to {SCHEMA}; update Lumbago"
            )
        target = Target(**(about["target"] | {"classes": tuple(about["target"]["classes"])}))
        try:
            tables = {
                name: _read_table(folder / f"{name}.tsv", about["columns"][name]) for name in TABLES
            }
        except (KeyError, ValueError) as error:
            raise InputError(
                f"{folder.name}: a table of the run is damaged ({error}); run again, what is "
                "finished comes from the store"
            ) from None
        return cls(
            target=target, seed=about["seed"], notes=tuple(about["notes"]),
            not_available=about["not_available"], **tables,
        )  # fmt: skip

    def __repr__(self) -> str:
        cells = self.predictions[list(CELL)].drop_duplicates()
        return (
            f"Result({self.target.name}: {len(cells)} cells, {len(self.predictions)} predictions)"
        )

    def _repr_html_(self) -> str:
        """Leading pooled scores under each scheme: the best cells, then the baselines."""
        leading = _LEADING[self.target.kind]
        scores = self.scores(leading, n_resamples=200)
        pooled = scores[scores["scope"] == "pooled"]
        head = ("features", "model", *(METRICS[m].label for m in leading), "p")
        blocks = []
        for scheme, of_scheme in pooled.groupby("scheme", sort=True):
            cells = [_told(c, f) for c, f in of_scheme.groupby(["features", "model"], sort=True)]
            own = sorted((c for c in cells if c[1] != "baseline"), key=lambda c: -c[0])
            references = [c for c in cells if c[1] == "baseline"]
            shown = own[: html.MOST_ROWS - len(references)] + references
            more = (
                f"; {len(cells) - len(shown)} more in .scores()" if len(cells) > len(shown) else ""
            )
            blocks.append(html.line(f"{scheme}{more}"))
            blocks.append(html.table(head, [cell[1:] for cell in shown]))
        n = len(self.predictions[["cohort", "participant_id"]].drop_duplicates())
        facts = (self.target.name, html.count(n, "participant"), "95 % intervals")
        missing = [f"{name} is not available: {why}" for name, why in self.not_available.items()]
        return html.card("Result", "", facts, *blocks, html.noted([*missing, *self.notes]))


def _told(cell: Any, frame: pd.DataFrame) -> list[Any]:
    """Return what sorts a cell, then its row: names, scores with intervals, p."""
    told = []
    for row in frame.to_dict("records"):
        span = f" ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
        known = np.isfinite(row["score"])
        text = f"{row['score']:.2f}" if known else f"– {row['reason']}"
        told.append(text + (span if known and np.isfinite(row["ci_low"]) else ""))
    first = frame.iloc[0]
    rank = float(first["score"]) if np.isfinite(first["score"]) else -np.inf
    return [rank, *cell, *told, f"{first['p']:.4f}" if np.isfinite(first["p"]) else ""]


def _stack(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    tables = [t for t in tables if t is not None and len(t)]
    if not tables:
        return _empty(columns)
    table = pd.concat(tables, ignore_index=True)
    # float64 throughout: a float32 would not survive being written in decimals and read back.
    narrow = table.select_dtypes("float32").columns
    return table.astype(dict.fromkeys(narrow, "float64"))


def _type_of(column: pd.Series) -> str:
    kind = column.dtype.kind
    return str(column.dtype) if kind in "fiub" else "str"


def _read_table(path: Path, types: Mapping[str, str]) -> pd.DataFrame:
    if not types:
        return pd.DataFrame()
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, na_values=["n/a"])
    # Python's own reading of decimals is exact; that of pandas depends on its version.
    for column, kind in types.items():
        if kind == "bool":
            table[column] = table[column] == "True"
        elif kind != "str":
            words = table[column].astype(object).to_numpy()
            table[column] = words.astype(float if "float" in kind else int).astype(kind)
    return table

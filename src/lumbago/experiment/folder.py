"""The run folder: the tables one run leaves behind, and nothing but tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from lumbago.errors import InputError, cannot_write
from lumbago.evaluation.result import Result
from lumbago.store import write_file

SCHEMA = 1
_WORDS = (
    "target", "features", "model", "scheme", "split", "cohort", "participant_id", "session",
    "run", "site", "feature", "code", "reason", "metric", "scope", "interval", "check",
    "verdict", "detail", "sex", "group", "denoise", "edge",
    "measure", "versus",
)  # fmt: skip
"""Columns that hold words in every table, whatever they look like."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class RunFolder:
    """What a run wrote, read table by table when asked.

    Parameters
    ----------
    path : path
        The folder; it holds ``run.json``, ``splits.json`` and the tables
        ``participants``, ``exclusions``, ``predictions``, ``fits``, ``weights``,
        ``nulls``, ``audit``, ``scores`` as ``.tsv`` with ``n/a`` for missing values, what
        tells of the scans' quality (``quality.tsv``, ``qc_fc.tsv``, ``quality.json``), and
        ``sweeps`` where graphs of two classes were compared.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @cached_property
    def run(self) -> dict[str, Any]:
        """``run.json``: name, question, hash, seed, versions, experiment, cohorts, features, …

        Raises
        ------
        InputError
            If the folder holds no run, or one written by a newer Lumbago.
        """
        about = self._document("run.json")
        if about.get("schema", 0) > SCHEMA:
            raise InputError(
                f"{self.path.name}: run.json has schema {about['schema']}, "
                f"this Lumbago reads up to {SCHEMA}; update Lumbago"
            )
        return about

    @property
    def splits(self) -> dict[str, Any]:
        """``splits.json``: every split of every scheme, by participant and session."""
        return self._document("splits.json")

    @cached_property
    def participants(self) -> pd.DataFrame:
        """One row per analysed sample: who, site, target, covariates."""
        return self._table("participants")

    @cached_property
    def exclusions(self) -> pd.DataFrame:
        """Who was left out: cohort, participant_id, session, run, feature, code, reason."""
        return self._table("exclusions")

    @cached_property
    def result(self) -> Result:
        """Predictions and what derives from them, as the run computed them."""
        return Result.load(self.path)

    @property
    def predictions(self) -> pd.DataFrame:
        """One row per model, scheme, repeat and tested sample."""
        return self.result.predictions

    @property
    def fits(self) -> pd.DataFrame:
        """One row per fitted model: training size, chosen settings, dropped columns, seconds."""
        return self.result.fits

    @property
    def weights(self) -> pd.DataFrame:
        """Coefficients and Haufe patterns by feature, means over folds."""
        return self.result.weights

    @property
    def nulls(self) -> pd.DataFrame:
        """Scores under permuted labels, one row per permutation and metric."""
        return self.result.nulls

    @property
    def audit(self) -> pd.DataFrame:
        """What the leakage checks found: features, model, scheme, check, verdict, detail."""
        return self.result.audit

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Scores with intervals, pooled and per cohort and site."""
        return self._table("scores")

    @cached_property
    def sweeps(self) -> pd.DataFrame:
        """Graph measures over densities by group; empty where no network was compared."""
        if not (self.path / "sweeps.tsv").is_file():
            return pd.DataFrame()
        return self._table("sweeps")

    @cached_property
    def quality(self) -> pd.DataFrame:
        """One row per analysed session and denoising: motion, length, freedom, signal over noise.

        Raises
        ------
        InputError
            If the run was made by a Lumbago that did not look at quality.
        """
        return self._table("quality")

    @cached_property
    def qc_fc(self) -> pd.DataFrame:
        """One row per edge of each connectome: its correlation with motion across people."""
        return self._table("qc_fc")

    @cached_property
    def quality_about(self) -> dict[str, Any]:
        """``quality.json``: QC-FC of each connectome in numbers, coverage of each region."""
        return self._document("quality.json")

    @property
    def quality_page(self) -> Path:
        """Where the page on the quality of the scans lies once it is built."""
        return self.path / "quality.html"

    @property
    def report(self) -> Path:
        """Where the report lies once it is built."""
        return self.path / "report.html"

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Write one JSON file, whole or not at all."""
        text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True, allow_nan=False)
        self._write(name, text + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write one table as ``<name>.tsv``; numbers keep every bit, missing values are n/a."""
        text = table.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
        self._write(f"{name}.tsv", text)

    def write_result(self, result: Result) -> None:
        """Write the tables of a result."""
        with self._writing():
            result.save(self.path)

    def _write(self, name: str, text: str) -> None:
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
            write_file(self.path / name, text.encode())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise cannot_write(error, str(self.path), "--output") from error

    def _document(self, name: str) -> dict[str, Any]:
        try:
            document = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"{self.path}: expected a run folder with {name}, as `lumbago run` writes it"
            ) from None
        except ValueError as error:
            raise InputError(f"{self.path / name}: not JSON ({error}); run again") from None
        if not isinstance(document, dict):
            raise InputError(f"{self.path / name}: expected a JSON object; run again")
        return document

    def _table(self, name: str) -> pd.DataFrame:
        path = self.path / f"{name}.tsv"
        try:
            table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, na_values=["n/a"])
        except FileNotFoundError:
            raise InputError(
                f"{self.path}: expected a run folder with {path.name}, as `lumbago run` writes it"
            ) from None
        for column in table.columns:
            table[column] = table[column].astype(object)
            if column not in _WORDS:
                table[column] = _numbers(table[column])
        for column in ("session", "run"):
            if column in table:
                table[column] = table[column].fillna("")
        return table


def _numbers(column: pd.Series) -> pd.Series:
    """Return a column as numbers if each of its words is one; Python reads decimals exactly."""
    present = column.notna()
    if not present.any() or not all(_NUMBER.fullmatch(word) for word in column[present]):
        return column
    if present.all() and all(word.isdigit() for word in column):
        return column.astype(int)
    return column.astype(float)

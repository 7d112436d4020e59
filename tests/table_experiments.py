"""Experiments on tables of made-up features, for tests of how people are split and shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

TEXT = """
name: {name}
seed: 3
cohorts:
{cohorts}
targets:
  diagnosis: {{column: group, classes: {{patient: [CLBP], control: [HC]}}, positive: patient}}
features:
  regions: {{kind: columns, columns: [{columns}]}}
models:
  logistic: {{kind: logistic}}
evaluation:
  target: diagnosis
  schemes: {schemes}
"""


def made_cohort(
    n: int,
    *,
    seed: int,
    signal: float = 1.0,
    sites: dict[str, float] | None = None,
    site_shift: float = 0.0,
    n_features: int = 6,
) -> pd.DataFrame:
    """Make people with features; `sites` gives each site's share of patients."""
    rng = np.random.default_rng(seed)
    sites = sites or {"one": 0.5}
    names = list(sites)
    site = np.array([names[i % len(names)] for i in range(n)])
    patient = np.zeros(n, dtype=bool)
    for name, share in sites.items():
        there = np.flatnonzero(site == name)
        patient[there[: round(share * len(there))]] = True
    values = rng.standard_normal((n, n_features))
    values[:, :2] += signal * patient[:, None]
    values[:, 2:] += site_shift * np.array([names.index(s) for s in site])[:, None]
    table = pd.DataFrame(values, columns=[f"r{j}" for j in range(n_features)])
    table.insert(0, "participant_id", [f"sub-{seed}{i:03d}" for i in range(n)])
    table.insert(1, "group", np.where(patient, "CLBP", "HC"))
    table.insert(2, "site", site)
    table.insert(3, "age", rng.normal(45, 10, n).round(1))
    table.insert(4, "sex", np.where(rng.random(n) < 0.5, "F", "M"))
    return table


def write_tables(
    folder: Path, cohorts: dict[str, pd.DataFrame], schemes: str, name: str = "made"
) -> Path:
    """Write one table per cohort, and the experiment on them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, columns = [], []
    for cohort, table in cohorts.items():
        where = folder / f"{cohort}.tsv"
        table.to_csv(where, sep="\t", index=False, na_rep="n/a")
        lines.append(f'  {cohort}: {{kind: table, table: "{where}"}}')
        columns = [c for c in table if c.startswith("r") and c[1:].isdigit()]
    file = folder / f"{name}.yaml"
    file.write_text(
        TEXT.format(
            name=name, cohorts="\n".join(lines), columns=", ".join(columns), schemes=schemes
        ),
        encoding="utf-8",
    )
    return file

# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # First experiment
#
# One YAML file holds the question, the cohorts, the features and the evaluation. Running it gives
# tables and a report. Takes about a minute.

# %%
from pathlib import Path

import lumbago

# %%
EXPERIMENT = """\
name: first
question: Does local activity tell simulated chronic low back pain from controls?
seed: 20261120

cohorts:
  simulated: {kind: simulated, n_participants: 36, n_sites: 2, voxel_size: 8.0,
              effects: {insula_alff: 0.5}, keep: mean_fd < 0.5}

targets:
  diagnosis:
    column: group
    classes: {patient: [CLBP], control: [HC]}
    positive: patient

features:
  alff: {kind: alff, atlas: lumbago200, normalize: mean}
  reho: {kind: reho, atlas: lumbago200}

preparation:
  standard: [{impute: median}, {residualize: [age, sex, mean_fd]}, scale]

models:
  logistic: {kind: logistic, C: 0.01}

evaluation:
  target: diagnosis
  schemes: [{kind: within_cohort, n_splits: 5, n_repeats: 4}, leave_one_site_out]
  metrics: [roc_auc, balanced_accuracy, brier]
  permutations: 100
"""
Path("first.yaml").write_text(EXPERIMENT, encoding="utf-8")

# %% [markdown]
# `lumbago check first.yaml` would name every mistake with its line; `lumbago plan first.yaml` says
# who is in and what it will cost. `run` computes what is not in the store yet.

# %%
run = lumbago.run("first.yaml", output="runs/first")
run

# %% [markdown]
# The report is one page without references to other files.

# %%
[folder] = run.folders
folder.report

# %% [markdown]
# Every number of it comes from tables that lie beside it.

# %%
scores = folder.scores
scores.loc[(scores["scope"] == "pooled") & (scores["metric"] == "roc_auc"),
           ["features", "model", "scheme", "score", "ci_low", "ci_high", "p"]]  # fmt: skip

# %%
result = run.results["diagnosis"]
lumbago.plot_roc(result, features="alff", model="logistic", scheme="leave_one_site_out")

# %% [markdown]
# A second run finds everything in the store: only what you change is computed again.

# %%
again = lumbago.run("first.yaml", output="runs/first")
assert again.results["diagnosis"].predictions.equals(result.predictions)

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
# # First cohort
#
# From a folder of fMRIPrep derivatives to an honest answer: do these features tell patients with
# chronic low back pain from controls? Takes about a minute on a simulated study.

# %%
import lumbago
from lumbago.extractors import Amplitude, Connectome

# %% [markdown]
# ## A study
#
# 48 people, two scanners, coarse voxels to be quick. In patients, the insula fluctuates more and
# is coupled more closely to the default mode.

# %%
lumbago.simulate_cohort(
    "study", n_participants=48, n_sites=2, voxel_size=8.0, followup=0.0,
    effects={"insula_alff": 0.35, "default_mode_insula": 0.6},
)  # fmt: skip

# %% [markdown]
# What follows is the same for a study of your own: give the folder of the derivatives.

# %%
cohort = lumbago.read_bids("study", task="rest", space="MNI152NLin2009aSym").keep("mean_fd < 0.5")
cohort

# %% [markdown]
# ## Features
#
# Each scan is read once for all features. With a store, nothing is measured twice.

# %%
store = lumbago.Store("store")
extractors = {
    "alff": Amplitude(kind="alff", atlas="lumbago200", normalize="mean"),
    "edges": Connectome(atlas="lumbago200", band=(0.01, 0.1), fisher_z=True),
}
tables = lumbago.extract(cohort, extractors, store=store)
tables["alff"]

# %%
lumbago.plot_matrix(tables["edges"], label="Fisher z", title="Mean over all participants")

# %% [markdown]
# ## A dataset
#
# Features, target and covariates are joined by participant, never by position.

# %%
data = lumbago.dataset(
    cohort, tables,
    target={"name": "diagnosis", "column": "group", "positive": "patient",
            "classes": {"patient": ["CLBP"], "control": ["HC"]}},
)  # fmt: skip
data

# %% [markdown]
# ## An evaluation
#
# Whatever is fitted across participants is fitted inside the training folds: filling gaps, taking
# out age, sex and motion, scaling. Beside your model run baselines that see no image.

# %%
result = lumbago.evaluate(
    data, {"logistic": {"kind": "logistic", "C": 0.01}},
    [{"kind": "within_cohort", "n_repeats": 4}, "leave_one_site_out"],
    preparation=[{"impute": "median"}, {"residualize": ["age", "sex", "mean_fd"]}, "scale"],
    seed=1,
)  # fmt: skip
result

# %%
cell = {"features": "alff", "model": "logistic"}
lumbago.plot_roc(result, **cell, scheme="leave_one_site_out", title="A scanner never seen")

# %%
lumbago.plot_calibration(result, **cell, scheme="within_cohort")

# %% [markdown]
# ## What the model reads
#
# Weights of a linear model mix signal and noise; activation patterns (Haufe et al., 2014) say what
# goes with the diagnosis. Positive: more in patients.

# %%
cells = ["features", "model", "scheme"]
weights = result.weights.set_index([*cells, "feature"])["pattern"]
alff = weights.loc["alff", "logistic", "within_cohort"]
lumbago.plot_map(alff, atlas="lumbago200", view="slices", label="Pattern", title="ALFF")

# %%
lumbago.plot_connectome(
    weights.loc["edges", "logistic", "within_cohort"], atlas="lumbago200", n_edges=40,
    label="Pattern", title="Connectivity",
)  # fmt: skip

# %% [markdown]
# Next: the same as a file that anyone can run again, in `first_experiment.py`.

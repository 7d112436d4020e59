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
# # First scan
#
# From one preprocessed resting-state scan to maps of local activity and a connectome. Takes less
# than a minute. Everything below works on a file of your own: `on_image` takes a NIfTI image or
# its path, a brain mask, and fMRIPrep's confounds table.

# %%
import nibabel as nib

import lumbago
from lumbago.extractors import Amplitude, Connectome, Homogeneity

# %% [markdown]
# A simulated study stands in for your data. Its folders and files are named as fMRIPrep names
# them, and what is planted in them is known.

# %%
cohort = lumbago.simulate_cohort("study", n_participants=2, n_sites=1, voxel_size=4.0, seed=7)
scan = cohort.scans[0]
bold, mask, confounds = (scan.files[role] for role in ("bold", "mask", "confounds"))

# %% [markdown]
# ## Look at it first
#
# Every voxel is a row of greys, with head motion above. Dark stripes through the whole carpet are
# volumes in which the head moved.

# %%
lumbago.plot_carpet(scan, title="Before cleaning")

# %% [markdown]
# ## Local activity
#
# ALFF is the amplitude of slow fluctuations; divided by its mean over the brain it can be compared
# between scanners. ReHo is the agreement of a voxel with its neighbours. Motion and the signals
# of white matter and CSF are regressed out first. The band of ALFF is read off the unfiltered
# spectrum, and ReHo is measured before any smoothing.

# %%
alff = Amplitude(kind="alff", normalize="mean")
low = alff.on_image(bold, mask_img=mask, confounds=confounds, t_r=scan.t_r).maps["low"]
lumbago.plot_map(low, view="slices", label="mALFF", title="ALFF, 0.01 to 0.1 Hz")

# %%
reho = Homogeneity().on_image(bold, mask_img=mask, confounds=confounds, t_r=scan.t_r).maps["reho"]
lumbago.plot_map(reho, view="slices", label="Kendall's W", title="ReHo")

# %% [markdown]
# On a glass brain only the strongest fifth of the voxels is shown, since everything lies over
# everything there.

# %%
lumbago.plot_map(low, label="mALFF", title="Strongest ALFF")

# %% [markdown]
# Maps are images of nibabel, NaN outside the brain, with a header that holds geometry only.

# %%
nib.save(low, "alff.nii.gz")

# %% [markdown]
# ## Connectivity
#
# With an atlas, voxels become regions. `lumbago200` comes with the package.

# %%
connectome = Connectome(atlas="lumbago200", band=(0.01, 0.1))
edges = connectome.on_image(bold, mask_img=mask, confounds=confounds, t_r=scan.t_r)
lumbago.plot_matrix(edges, title="200 regions by network")

# %%
lumbago.plot_connectome(edges, atlas="lumbago200", n_edges=80)

# %% [markdown]
# Next: many scans and one question, in `first_cohort.py`.

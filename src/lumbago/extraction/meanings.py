"""What sidecars say that values are: words and units of each kind, band and seed of each file."""

from __future__ import annotations

from typing import Any

STATISTICS = {"correlation": "pearsoncorrelation", "seed": "seedfc"}
UNITS = {"alff": "units of the image", "intensity_sd": "units of the image",
         "peraf": "percent", "covariance": "units of the image, squared"}  # fmt: skip
DESCRIPTIONS = {
    "alff": "ALFF: amplitude of the signal's fluctuations within a band, of every voxel.",
    "falff": "fALFF: share of a band in the amplitudes of all frequencies, of every voxel.",
    "tsnr": "tSNR: mean over standard deviation of the signal in time, of every voxel.",
    "peraf": "PerAF: mean distance of the signal from its mean, in percent of it, of every voxel.",
    "intensity_sd": "Standard deviation of the signal in time, of every voxel.",
}
"""Of kinds that share a class; of others the class says it."""
_QUALITY = {
    "mean_fd": ("Mean framewise displacement.", "mm"),
    "max_fd": ("Largest framewise displacement.", "mm"),
    "fd_above_02": ("Share of volumes moved by more than 0.2 mm.", "1"),
    "fd_above_05": ("Share of volumes moved by more than 0.5 mm.", "1"),
    "mean_std_dvars": ("Mean standardized DVARS.", "1"),
    "n_volumes": ("Volumes of the scan.", "1"),
    "n_volumes_kept": ("Volumes that scrubbing keeps.", "1"),
    "minutes_kept": ("Length of the kept volumes.", "min"),
    "freedom": ("Degrees of freedom that mean, trend and denoising leave.", "1"),
    "freedom_lost": ("Share of the volumes that are no degrees of freedom any more.", "1"),
    "median_tsnr": ("Median over voxels of the mean over the standard deviation in time.", "1"),
    "lowest_coverage": ("Share with data of the region that has least.", "1"),
}


def meaning(kind: str, extractor: Any, variant: str, *, scaled: bool) -> dict[str, Any]:
    """Return what the values of one file are.

    Parameters
    ----------
    kind : str
        The measure.
    extractor : Extractor
        Its settings name the bands and the seeds.
    variant : str
        As the extraction names it: ``slow5``, ``VTA_L``, ``slow5.VTA_L``, or nothing of these.
    scaled : bool
        Whether the values have lost their units.

    Returns
    -------
    dict
        ``Measure``, ``Description``, ``Units``; ``Band`` and ``Seed`` where the variant is one;
        a key per column for a table of quality, as BIDS has it.
    """
    own = (extractor.__doc__ or "").strip().splitlines()
    found: dict[str, Any] = {
        "Measure": kind,
        "Description": DESCRIPTIONS.get(kind, own[0] if own else kind),
        "Units": "1" if scaled else UNITS.get(kind, "1"),
    }
    if kind == "quality":
        del found["Units"]
        columns = {name: {"Description": d, "Units": u} for name, (d, u) in _QUALITY.items()}
        if extractor.atlas is None:
            del columns["lowest_coverage"]
        return found | columns
    bands = getattr(extractor, "bands", None) or {}
    band, _, seed = variant.partition(".")
    if band in bands:
        low, high = bands[band]
        found["Band"] = {"Name": band, "Low": low, "High": high, "Units": "Hz"}
    else:
        seed = variant
    if seed in (getattr(extractor, "seeds", None) or {}):
        found["Seed"] = seed
    return found

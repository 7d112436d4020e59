"""Amplitude of low-frequency fluctuations, absolute (ALFF) and as a share (fALFF)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lumbago.measures.spectrum import Convention, Detrend, Spectrum


def alff(
    signals: np.ndarray,
    *,
    t_r: float,
    band: tuple[float, float] = (0.01, 0.1),
    convention: Convention = "dpabi",
    detrend: Detrend = "convention",
    kept: np.ndarray | None = None,
) -> np.ndarray:
    """Amplitude of the fluctuations of each signal inside `band`.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals)
        Unfiltered signals, any unit. All volumes, also those that are not kept.
    t_r : float
        Repetition time, in seconds.
    band : (float, float)
        Lowest and highest frequency, in Hz. What lies above the Nyquist frequency does
        not exist and is not missed; 0 is the mean and never counts.
    convention : {"dpabi", "afni", "std"}
        - ``dpabi``: zero-padding to a power of 2; mean over the band of 2 |X| / n_volumes, with
          edges rounded inwards [2]_.
        - ``afni``: no padding; sum over the band of 2 |X| / sqrt(n_volumes), edges rounded to
          the nearest frequency, as 3dRSFC [3]_, but the two edges count whole (the band-pass
          of 3dRSFC halves them).
        - ``std``: standard deviation (divided by n_volumes) of the ideally band-passed signal.
    detrend : {"convention", "linear", "quadratic"} or None
        What to remove first; the convention's own is linear for ``dpabi``, quadratic for
        ``afni``, the mean for ``std``. None removes the mean.
    kept : array of int or None
        Indices of the volumes that survive scrubbing, increasing. Amplitudes then come from
        fitting a sine and a cosine at each of the convention's frequencies to the kept
        volumes (Lomb-Scargle), in the convention's scale for the full series. Volumes that
        are not kept are never read.

    Returns
    -------
    array of shape (n_signals,), float64, in the unit of the signals; 0 for a constant signal,
    NaN where a kept value is not finite.

    Raises
    ------
    ValueError
        If the band holds no frequency that the series resolves, ``std`` is asked for
        scrubbed signals, or an argument is out of its range.

    Notes
    -----
    Fewer volumes estimate each amplitude less surely, and what is unsure adds to its size: of
    white noise, ALFF grows as 1 / sqrt(share of volumes kept), while fALFF, whose whole grows
    alike, stays. Where people differ in how much they are scrubbed, prefer fALFF, or take
    the number of kept volumes as a covariate.

    References
    ----------
    .. [1] Zang et al. (2007). Altered baseline brain activity in children with ADHD revealed
       by resting-state functional MRI. Brain Dev 29, 83-91. doi:10.1016/j.braindev.2006.07.002
    .. [2] Yan et al. (2016). DPABI: data processing & analysis for (resting-state) brain
       imaging. Neuroinformatics 14, 339-351. doi:10.1007/s12021-016-9299-4
    .. [3] Taylor & Saad (2013). FATCAT: (an efficient) functional and tractographic
       connectivity analysis toolbox. Brain Connect 3, 523-535. doi:10.1089/brain.2013.0154

    A sine of amplitude 1 and 0.05 Hz lies in the band, and doubling a signal doubles its ALFF:

    >>> sine = np.sin(2 * np.pi * 0.05 * 2.0 * np.arange(200))[:, None]
    >>> once, twice = (alff(k * sine, t_r=2.0)[0] for k in (1, 2))
    >>> bool(np.isclose(twice, 2 * once))
    True
    """
    spectrum = Spectrum(signals, t_r, [band], convention, detrend, kept, "alff")
    return _scaled(_sums(spectrum, spectrum.inside[0])[0], spectrum)[0]


def falff(
    signals: np.ndarray,
    *,
    t_r: float,
    band: tuple[float, float] = (0.01, 0.1),
    convention: Convention = "dpabi",
    detrend: Detrend = "convention",
    kept: np.ndarray | None = None,
) -> np.ndarray:
    """Share of the amplitude spectrum that lies inside `band`.

    Parameters
    ----------
    signals, t_r, band, detrend, kept
        As for `alff`. The signals must not have been filtered.
    convention : {"dpabi", "afni", "std"}
        As for `alff`. The whole is the sum over all frequencies but 0 (``dpabi``), without
        the highest as well (``afni``), or the standard deviation of the unfiltered signal
        (``std``: a ratio of powers under a root, not of amplitudes).

    Returns
    -------
    array of shape (n_signals,), dimensionless, in [0, 1]; NaN where a signal is constant or a
    kept value is not finite.

    Raises
    ------
    ValueError
        If the band holds no frequency that the series resolves, ``std`` is asked for
        scrubbed signals, or an argument is out of its range.

    References
    ----------
    .. [1] Zou et al. (2008). An improved approach to detection of amplitude of low-frequency
       fluctuation (ALFF) for resting-state fMRI: fractional ALFF. J Neurosci Methods 172,
       137-141. doi:10.1016/j.jneumeth.2008.04.012

    >>> sine = np.sin(2 * np.pi * 0.05 * 2.0 * np.arange(200))[:, None]
    >>> share = falff(sine, t_r=2.0, band=(0.01, 0.1), convention="afni")
    >>> bool(share[0] > 0.9)
    True
    """
    spectrum = Spectrum(signals, t_r, [band], convention, detrend, kept, "falff")
    return _shares(*_sums(spectrum, spectrum.whole), spectrum)[0]


@dataclass(frozen=True, eq=False)
class Amplitudes:
    """ALFF and fALFF of several bands: arrays (n_bands, n_signals), float64."""

    alff: np.ndarray
    falff: np.ndarray


def amplitudes(
    signals: np.ndarray,
    *,
    t_r: float,
    bands: Sequence[tuple[float, float]] = ((0.01, 0.1),),
    convention: Convention = "dpabi",
    detrend: Detrend = "convention",
    kept: np.ndarray | None = None,
) -> Amplitudes:
    """ALFF and fALFF of every signal in every band, from one spectrum.

    Parameters
    ----------
    signals, t_r, convention, detrend, kept
        As for `alff`. The signals must not have been filtered.
    bands : sequence of (float, float)
        Lowest and highest frequencies, in Hz, at least one pair.

    Returns
    -------
    Amplitudes
        What `alff` and `falff` give band by band, to the bit where no volume is scrubbed.

    Raises
    ------
    ValueError
        As `alff` does, for any of the bands.
    """
    spectrum = Spectrum(signals, t_r, bands, convention, detrend, kept, "amplitudes")
    parts, total = _sums(spectrum, spectrum.whole)
    return Amplitudes(_scaled(parts, spectrum), _shares(parts, total, spectrum))


def _sums(spectrum: Spectrum, bins: slice) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the sizes inside each band (n_bands, n_signals), and over all of `bins`."""
    parts = np.empty((len(spectrum.inside), spectrum.n_signals))
    total = np.empty(spectrum.n_signals)
    for some, size in spectrum.blocks(bins):
        total[some] = size.sum(axis=0, dtype=np.float64)
        for part, inside in zip(parts, spectrum.inside, strict=True):
            within = size[inside.start - bins.start : inside.stop - bins.start]
            part[some] = total[some] if inside == bins else within.sum(axis=0, dtype=np.float64)
    return parts, total


def _scaled(parts: np.ndarray, spectrum: Spectrum) -> np.ndarray:
    """Sums inside bands in the scale of the convention's ALFF."""
    if spectrum.convention == "std":
        return np.sqrt(parts)
    if spectrum.convention == "afni":
        return parts * np.sqrt(spectrum.n_volumes)
    return parts / np.array([[inside.stop - inside.start] for inside in spectrum.inside])


def _shares(parts: np.ndarray, total: np.ndarray, spectrum: Spectrum) -> np.ndarray:
    """Sums inside bands as shares of the whole, in [0, 1]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.minimum(parts / total, 1)
    return np.sqrt(share) if spectrum.convention == "std" else share

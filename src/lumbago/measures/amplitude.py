"""Amplitude of low-frequency fluctuations, absolute (ALFF) and as a share (fALFF)."""

from __future__ import annotations

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
    """
    spectrum = Spectrum(signals, t_r, band, convention, detrend, kept, "alff")
    found = np.empty(spectrum.n_signals)
    for some, size in spectrum.blocks(spectrum.inside):
        total = size.sum(axis=0, dtype=np.float64)
        if convention == "std":
            found[some] = np.sqrt(total)
        elif convention == "afni":
            found[some] = total * np.sqrt(spectrum.n_volumes)
        else:
            found[some] = total / len(size)
    return found


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
    """
    spectrum = Spectrum(signals, t_r, band, convention, detrend, kept, "falff")
    inside = slice(
        *(i - spectrum.whole.start for i in (spectrum.inside.start, spectrum.inside.stop))
    )
    found = np.empty(spectrum.n_signals)
    for some, size in spectrum.blocks(spectrum.whole):
        part = size[inside].sum(axis=0, dtype=np.float64)
        total = size.sum(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.minimum(part / total, 1)
        found[some] = np.sqrt(share) if convention == "std" else share
    return found

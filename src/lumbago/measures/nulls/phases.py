"""Null models of signals: the same spectra, other phases."""

from __future__ import annotations

import numpy as np

from lumbago.measures.chance import sequence_of


def phase_randomized(
    signals: np.ndarray, *, seed: int | np.random.SeedSequence, together: bool = False
) -> np.ndarray:
    """Random signals with the amplitude spectra of others.

    Every frequency's phase is turned by an angle drawn from the whole circle. The mean, and in
    series of even length the highest frequency, keep theirs: their phases can only be 0 or half
    a turn.

    Parameters
    ----------
    signals : array of shape (n_volumes, n_signals) or (n_volumes,)
        At regular times: censored volumes must not have been taken out. Never changed.
    seed : int or numpy.random.SeedSequence
    together : bool
        Turn all signals by the same angles, which keeps their correlations, at any lag around the
        series [1]_: a null of constant connectivity, for what is said to change over time.
        Otherwise angles are drawn for every signal: a null of no connectivity that keeps
        autocorrelation.

    Returns
    -------
    array of the same shape, float64, any unit: that of the signals.

    Raises
    ------
    ValueError
        If there are fewer than 3 volumes or values that are not finite.

    References
    ----------
    .. [1] Prichard & Theiler (1994). Generating surrogate data for time series with several
       simultaneously measured variables. Phys Rev Lett 73, 951-954.
       doi:10.1103/PhysRevLett.73.951
    """
    values = np.asarray(signals)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"phase_randomized: expected real numbers, got {values.dtype}")
    values = values.astype(np.float64)
    if values.ndim not in (1, 2) or len(values) < 3:
        raise ValueError(
            "phase_randomized: expected signals of shape (n_volumes, n_signals) with at least 3 "
            f"volumes, got {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("phase_randomized: the signals hold values that are not finite")
    n_volumes = len(values)
    columns = values.reshape(n_volumes, -1)
    spectrum = np.fft.rfft(columns, axis=0)
    last = len(spectrum) - 1 if n_volumes % 2 == 0 else len(spectrum)
    shape = (last - 1, 1 if together else columns.shape[1])
    angles = np.random.default_rng(sequence_of(seed)).uniform(0, 2 * np.pi, shape)
    spectrum[1:last] *= np.exp(1j * angles)
    return np.fft.irfft(spectrum, n_volumes, axis=0).reshape(values.shape)

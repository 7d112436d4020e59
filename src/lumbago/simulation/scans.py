"""One simulated resting-state scan: from latent values to volumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lumbago.simulation.brain import Brain

# Shares of a region's variance: what all regions have in common, its network, the pair of
# left and right, and its own. They give correlations of .1 between networks, .35 within one
# and .55 between mirrored regions.
EVERYWHERE, NETWORK, PAIR = 0.10, 0.25, 0.20
SIGNAL = 0.9  # standard deviation of a region's signal, in per cent of the baseline
NOISE = 1.1  # of a voxel's noise, in per cent
BREATHING = 0.4  # of the fluctuation that fluid and white matter share with all tissue
NATURAL_AMPLITUDE = 0.12  # spread of log amplitude between people, region by region
REMAINING = 0.1  # share of the movement that realignment leaves in the images
SPIN_HISTORY = 0.015  # loss of signal per mm of displacement just made


@dataclass(frozen=True)
class Scanner:
    """How one site's images differ from another's."""

    name: str
    gain: float
    """Factor on the signal's scale."""
    noise: float
    """Factor on the noise."""
    fwhm: float
    """Full width at half maximum of the images' smoothness, in mm."""


@dataclass(frozen=True)
class Planted:
    """What distinguishes this scan's brain, as rows of the atlas and latent values."""

    insula: tuple[int, ...]
    default_mode: str
    """Name of the network whose common signal reaches the insula."""
    amplitude: float
    """The insula's amplitude is multiplied by 1 + this."""
    coupling: float
    """Correlation of the insula with the default-mode signal, within (-1, 1)."""
    apart: float = 0.0
    """Share of the variance common to all networks that each network keeps to itself."""
    painful: tuple[int, ...] = ()
    """Regions whose amplitude follows pain."""
    follows: float = 0.0
    """Correlation of their natural log amplitude with pain, within (-1, 1)."""
    pain: float = 0.0
    """The person's pain in standard deviations of the patients', from the patients' mean."""


def spectrum(
    n_volumes: int, t_r: float, *, knee: float, exponent: float, cutoff: float
) -> np.ndarray:
    """Amplitudes of a coloured signal of unit variance, by frequency of ``numpy.fft.rfft``.

    Parameters
    ----------
    n_volumes : int
    t_r : float
        In seconds.
    knee : float
        In Hz; below it the power no longer grows as 1/f.
    exponent : float
        Of 1/f; 0 is white.
    cutoff : float
        In Hz; above it the power falls with the fourth power.
    """
    f = np.fft.rfftfreq(n_volumes, t_r)
    power = 1 / (knee + f) ** exponent / (1 + (f / cutoff) ** 4)
    power[0] = 0
    return np.sqrt(power / power.sum())


def coloured(
    rng: np.random.Generator, n_signals: int, n_volumes: int, amplitudes: np.ndarray
) -> np.ndarray:
    """Gaussian signals of a spectrum, (n_signals, n_volumes) float32, of about unit variance."""
    n = len(amplitudes)
    waves = rng.standard_normal((n_signals, n, 2), dtype=np.float32).view(np.complex64)[..., 0]
    scale = amplitudes * n_volumes / 2
    if n_volumes % 2 == 0:
        scale[-1] *= np.sqrt(2)  # the highest frequency has no imaginary part
    waves *= scale.astype(np.float32)
    from scipy.fft import irfft

    return np.asarray(irfft(waves, n_volumes, axis=1))


def region_signals(
    rng: np.random.Generator, brain: Brain, planted: Planted, n_volumes: int, t_r: float
) -> np.ndarray:
    """Signals of the regions, (n_regions, n_volumes), unit variance times their amplitude.

    A planted coupling mixes the default mode's common signal into the insula and leaves
    the insula's variance as it was, so that connectivity changes and amplitude does not.
    Networks that are apart swap what all regions share for signals of their own: only
    correlations between networks fall. Amplitudes that follow pain do so beside what is
    natural to them.
    """
    slow = spectrum(n_volumes, t_r, knee=0.01, exponent=1.0, cutoff=0.1)
    networks = sorted(set(brain.labels["network"]))
    n_regions, n_pairs = len(brain.labels), len(brain.labels) // 2
    common = coloured(rng, 1, n_volumes, slow)
    by_network = coloured(rng, len(networks), n_volumes, slow)
    by_pair = coloured(rng, n_pairs, n_volumes, slow)
    own = coloured(rng, n_regions, n_volumes, slow)
    net = brain.labels["network"].map(networks.index).to_numpy()
    pair = np.arange(n_regions) % n_pairs
    # People differ in how tightly each network holds together.
    share = NETWORK * np.exp(0.2 * rng.standard_normal(len(networks)))[net]
    swapped = EVERYWHERE * planted.apart
    signals = (
        np.sqrt(EVERYWHERE - swapped) * common
        + np.sqrt(share + swapped)[:, None] * by_network[net]
        + np.sqrt(PAIR) * by_pair[pair]
        + np.sqrt(1 - EVERYWHERE - PAIR - share)[:, None] * own
    )
    insula = list(planted.insula)
    c = planted.coupling
    if c != 0:
        default = by_network[networks.index(planted.default_mode)]
        signals[insula] = np.sqrt(1 - c**2) * signals[insula] + c * default
    natural = rng.standard_normal(n_regions)
    if planted.follows != 0:
        # Beside what is natural, as much of pain as makes both correlate by `follows`.
        natural[list(planted.painful)] += (
            planted.follows / np.sqrt(1 - planted.follows**2) * planted.pain
        )
    amplitude = np.exp(NATURAL_AMPLITUDE * natural)
    amplitude *= np.exp(0.05 * rng.standard_normal())
    amplitude[insula] *= 1 + planted.amplitude
    return (signals * amplitude[:, None]).astype(np.float32)


def simulate_scan(
    rng: np.random.Generator,
    brain: Brain,
    scanner: Scanner,
    planted: Planted,
    motion: np.ndarray,
    displacement: np.ndarray,
    *,
    t_r: float,
) -> np.ndarray:
    """Volumes of one scan.

    Parameters
    ----------
    rng : Generator
        Nothing else is random.
    brain, scanner, planted
        Whose brain, in which scanner, with what effect.
    motion : array of shape (n_volumes, 6)
        Translations in mm and rotations in radians; a remainder of them moves edges in the
        images.
    displacement : array of shape (n_volumes,)
        Framewise displacement in mm, which costs signal in the volume it leads to.
    t_r : float
        In seconds.

    Returns
    -------
    int16 array of shape (x, y, z, n_volumes), 0 outside the mask
    """
    n_volumes, n_voxels = len(motion), len(brain.grey)
    regions = region_signals(rng, brain, planted, n_volumes, t_r)
    thermal = spectrum(n_volumes, t_r, knee=0.004, exponent=0.4, cutoff=10.0)
    noise = _smooth(coloured(rng, n_voxels, n_volumes, thermal), brain, scanner.fwhm)
    # Noise is strongest where there is fluid and weakest in white matter.
    size = NOISE * scanner.noise * (0.8 + 0.2 * brain.grey + 0.5 * brain.fluid)
    noise *= (size / noise.std(axis=1))[:, None]
    breath = coloured(
        rng, 2, n_volumes, spectrum(n_volumes, t_r, knee=0.02, exponent=0.5, cutoff=0.3)
    )

    change = noise
    labelled = brain.region >= 0
    change[labelled] += (SIGNAL * brain.grey[labelled, None]) * regions[brain.region[labelled]]
    change += (BREATHING * (0.3 + brain.fluid))[:, None] * breath[0]
    change += (BREATHING * brain.white)[:, None] * breath[1]
    change -= (100 * SPIN_HISTORY * displacement).astype(np.float32)
    volumes = brain.baseline[:, None] * (1 + change / np.float32(100))
    moved = (REMAINING * (motion - motion.mean(axis=0))).astype(np.float32)
    for slope, along in zip(brain.moved, moved.T, strict=True):
        volumes += slope[:, None] * along
    volumes *= np.float32(scanner.gain)
    stored = np.zeros((*brain.mask.shape, n_volumes), dtype=np.int16)
    stored[brain.mask] = np.rint(np.clip(volumes, 1, 32_767))
    return stored


def _smooth(values: np.ndarray, brain: Brain, fwhm: float) -> np.ndarray:
    """Smooth voxel signals in space, (n_voxels, n_volumes), by a Gaussian of `fwhm` mm."""
    from scipy.ndimage import gaussian_filter1d

    sigma = fwhm / np.sqrt(8 * np.log(2)) / brain.affine[0, 0]
    grid = np.zeros((*brain.mask.shape, values.shape[1]), dtype=np.float32)
    grid[brain.mask] = values
    for axis in range(3):
        grid = gaussian_filter1d(grid, sigma, axis=axis, mode="constant", truncate=3.0)
    return np.asarray(grid[brain.mask])

"""The emulator of one study: from a table of simulations, the mean and the scatter of its summaries for any parameters, in microseconds.

    emulators = emulate_each(z, tables)             # z [row, p] standard normal under the prior; a table [row, s] a study, NaN allowed
    mean, sd = predict(emulators[0], z_new)         # [n, s] each; the correlation of the scatter is emulator.correlation [s, s]

Mean: Gaussian-process regression with a linear trend and a squared-exponential kernel, on a few hundred landmarks (Nystrom; Williams and
Seeger 2001; Rasmussen and Williams 2006), its length scales in proportion to 1 / sqrt(relevance) of each parameter (`ridge.relevance`),
the common length and the noise chosen by leave-one-out error. Scatter (context and luck of a study of its size, and what the mean misses):
log variances linear in z and quadratic in the mean (`spread`), fitted to the leave-one-out errors; their correlation is constant.
Beyond `REACH` prior standard deviations a parameter counts as at REACH: no simulations lie there.
Tried on a toy with 38 parameters, 3 to 8 of them in each of 12 studies, scatter as wide as the effects: of the variance of the true mean
a plain quadratic ridge on 3,000 rows explains .73, one with relevance .91, with cubes .92, this .96 (2,000 rows .95, 8,000 rows .97).
Rows near the posterior help (.90 to .93 there with 1,000 more); giving them more weight than the others does not.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.calibrating.apart import apart
from experiments.calibrating.ridge import Ridge, relevance, ridge
from experiments.calibrating.spread import log_variance
from simulation.parameters import InputError

REACH = 3.0
LANDMARKS = 300
#: inverse squared lengths tried, for a parameter of relevance 1
SHARPNESS = (0.03, 0.1, 0.3, 1.0, 3.0)
#: parameters of less relevance enter the trend only
RELEVANT = 1e-3
#: rows below which nothing is fitted
FEWEST = 20
JITTER = 1e-6


class Emulator(NamedTuple):
    """landmarks [m, a] and sharpness [a] of the active parameters `active` [a]; kernel [m, s], trend [p, s], intercept [s]: the mean.

    spread_slopes [p + 2, s], spread_intercept [s], spread_range [2, s]: log variances; mean_center, mean_scale [s] standardize the mean for
    them. correlation [s, s]. explained [s]: share of the summaries' variance that the mean explains, scatter included, leave-one-out.
    relevance [p]; rows: how many were used."""

    active: np.ndarray
    sharpness: np.ndarray
    landmarks: np.ndarray
    kernel: np.ndarray
    trend: np.ndarray
    intercept: np.ndarray
    spread_slopes: np.ndarray
    spread_intercept: np.ndarray
    spread_range: np.ndarray
    mean_center: np.ndarray
    mean_scale: np.ndarray
    correlation: np.ndarray
    explained: np.ndarray
    relevance: np.ndarray
    rows: int


def emulate_each(
    z: np.ndarray,
    tables: Sequence[np.ndarray],
    weights: np.ndarray | None = None,
    *,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Emulator]:
    """`emulate` of several tables [row, s] of the same parameters z [row, p]: the same digits for any number of processes."""
    return apart(functools.partial(emulate, z, weights=weights), tables, processes=processes, progress=progress)


def emulate(z: np.ndarray, summaries: np.ndarray, weights: np.ndarray | None = None) -> Emulator:
    """An emulator of summaries [row, s] for parameters z [row, p]. Rows with a NaN are left out; weights [row]: how much each row counts.

    Draws nothing. Raises InputError where shapes do not fit or fewer than FEWEST rows remain.
    """
    x, y, weights = _usable(z, summaries, weights)
    share = weights / weights.sum()
    level = share @ y
    scale = np.sqrt(share @ (y - level) ** 2)
    scale[scale < 1e-9] = 1.0
    y = (y - level) / scale
    relevant = relevance(x, y, weights)
    active = np.flatnonzero(relevant >= RELEVANT)
    places = _landmarks(x[:, active], share)
    fits = [_fitted(x, y, weights, relevant, active, sharpness, places) for sharpness in SHARPNESS]
    sharpness, landmarks, turn, fit = min(fits, key=lambda found: found[3].loss.sum())
    size = len(landmarks)
    trend = np.sqrt(relevant)[:, None] * fit.coefficients[size:]
    mean = _kernel(x[:, active], sharpness, landmarks) @ (turn @ fit.coefficients[:size]) + x @ trend + fit.intercept
    center = share @ mean
    width = np.sqrt(share @ (mean - center) ** 2)
    width[width < 1e-9] = 1.0
    spread = [log_variance(_spread_features(x, mean, center, width, j), fit.errors[:, j] ** 2, weights) for j in range(y.shape[1])]
    slopes, intercepts = np.stack([s for s, _ in spread], axis=1), np.array([i for _, i in spread])
    logs = np.stack([_spread_features(x, mean, center, width, j) @ slopes[:, j] + intercepts[j] for j in range(y.shape[1])], axis=1)
    unit = fit.errors * np.exp(-logs / 2)
    products = (unit * share[:, None]).T @ unit
    own = np.sqrt(np.maximum(np.diag(products), 1e-300))
    correlation = np.where(np.eye(len(own), dtype=bool), 1.0, products / np.outer(own, own))
    natural = 2 * np.log(scale)
    return Emulator(
        *(active, sharpness, landmarks, turn @ fit.coefficients[:size] * scale, trend * scale, fit.intercept * scale + level),
        *(slopes, intercepts + natural, np.stack([logs.min(axis=0), logs.max(axis=0)]) + natural),
        *(center * scale + level, width * scale, correlation, 1 - fit.loss, relevant, len(x)),
    )


def predict(emulator: Emulator, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean, sd) [n, s] of the summaries for parameters z [n, p]."""
    x = np.clip(z, -REACH, REACH)
    near = _kernel(x[:, emulator.active], emulator.sharpness, emulator.landmarks)
    mean = near @ emulator.kernel + x @ emulator.trend + emulator.intercept
    unit = np.clip((mean - emulator.mean_center) / emulator.mean_scale, -REACH, REACH)
    p = x.shape[1]
    slopes = emulator.spread_slopes
    logs = x @ slopes[:p] + unit * slopes[p] + unit**2 * slopes[p + 1] + emulator.spread_intercept
    return mean, np.exp(np.clip(logs, *emulator.spread_range) / 2)


class Check(NamedTuple):
    """How an emulator does on rows it has not seen; arrays [s]. explained: share of variance; unit_sd: standard deviation of error / sd
    (1 is right); within: share of errors inside the 90 % interval; correlation_error: largest miss of a correlation."""

    explained: np.ndarray
    unit_sd: np.ndarray
    within: np.ndarray
    correlation_error: float


def check(emulator: Emulator, z: np.ndarray, summaries: np.ndarray) -> Check:
    """The emulator against simulations that were held out."""
    known = np.isfinite(summaries).all(axis=1)
    z, y = z[known], summaries[known]
    mean, sd = predict(emulator, z)
    unit = (y - mean) / sd
    seen = np.corrcoef(unit, rowvar=False).reshape(emulator.correlation.shape)
    within = (np.abs(unit) < 1.6448536269514722).mean(axis=0)
    miss = float(np.abs(seen - emulator.correlation).max())
    return Check(1 - ((y - mean) ** 2).mean(axis=0) / y.var(axis=0), np.sqrt((unit**2).mean(axis=0)), within, miss)


def _usable(z, summaries, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Complete rows with a weight: parameters within reach, summaries, weights of mean 1."""
    z, y = np.asarray(z, float), np.asarray(summaries, float)
    weights = np.ones(len(z)) if weights is None else np.asarray(weights, float)
    if z.ndim != 2 or y.ndim != 2 or len(z) != len(y) or weights.shape != (len(z),):
        raise InputError(f"z {z.shape}, summaries {y.shape}, weights {weights.shape}: not allowed; allowed: [row, p], [row, s], [row]")
    if not np.isfinite(z).all() or not (weights >= 0).all():
        raise InputError("z or weights: not allowed; allowed: finite z and weights from 0")
    kept = np.isfinite(y).all(axis=1) & (weights > 0)
    if kept.sum() < FEWEST:
        raise InputError(f"summaries: {kept.sum()} complete rows of {len(y)} have a weight; needed: {FEWEST} or more")
    weights = weights[kept]
    return np.clip(z[kept], -REACH, REACH), y[kept], weights / weights.mean()


def _landmarks(x: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Rows where the kernel stands, evenly through the table by weight."""
    count = min(LANDMARKS, len(x) // 2)
    rows = np.unique(np.searchsorted(np.cumsum(share), (np.arange(count) + 0.5) / count).clip(0, len(x) - 1))
    return x[rows]


def _fitted(x, y, weights, relevant, active, sharpness, places) -> tuple[np.ndarray, np.ndarray, np.ndarray, Ridge]:
    """(sharpness [a], scaled landmarks, what makes kernel values orthonormal, regression) for one common sharpness."""
    root = np.sqrt(sharpness * relevant[active])
    landmarks = places * root
    values, vectors = np.linalg.eigh(_kernel(places, root, landmarks) + JITTER * np.eye(len(places)))
    turn = vectors / np.sqrt(np.maximum(values, JITTER))
    features = np.hstack([_kernel(x[:, active], root, landmarks) @ turn, x * np.sqrt(relevant)])
    return root, landmarks, turn, ridge(features, y, weights)


def _kernel(x: np.ndarray, root: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Squared-exponential kernel [n, m] of x [n, a] with (scaled) landmarks [m, a]."""
    scaled = x * root
    exponent = scaled @ landmarks.T
    exponent -= (scaled**2).sum(axis=1)[:, None] / 2
    exponent -= (landmarks**2).sum(axis=1) / 2
    return np.exp(np.minimum(exponent, 0.0, out=exponent), out=exponent)


def _spread_features(x: np.ndarray, mean: np.ndarray, center: np.ndarray, width: np.ndarray, j: int) -> np.ndarray:
    unit = np.clip((mean[:, j] - center[j]) / width[j], -REACH, REACH)
    return np.column_stack([x, unit, unit**2])

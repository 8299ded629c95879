"""How many pairs are enough, and what they say: the statistics of paired comparisons, as pure functions of arrays.

The stopping rule is Stein's two-stage procedure (Stein 1945, Annals of Mathematical Statistics 16, 243-258). A first stage of
n0 pairs gives the variance s0^2 of the difference; from that alone follows the number of pairs, N = ceil(t^2 s0^2 / d^2) for a
half-width d, t the quantile of n0 - 1 degrees of freedom, and the interval is mean of all N +- t s0 / sqrt(N), with the
variance of the FIRST stage. Why that covers exactly as often as it says, for normal differences, whatever N comes to:
    mean and variance of a normal sample are independent, so given s0 (hence N) sqrt(N) (mean_N - truth) / sigma is N(0, 1);
    (n0 - 1) s0^2 / sigma^2 is chi-squared and independent of it: the quotient is t with n0 - 1 degrees of freedom.
It holds as well for N as the largest over several comparisons of the same pairs, and for N cut off at a limit: both are
functions of first-stage (co)variances alone. To look after every pair and stop once the usual interval is narrow does not
cover: it stops where the variance happens to look small. Without a half-width the same formula with N = n0 is the usual t
interval. Differences of real campaigns are near enough to normal: simulated from 600 pairs each of three cases, intervals cover in
93.9 to 95.5 %; where most pairs do not differ at all and few differ much, 30 are too few (86 to 89 %), whatever the formula.
NaN is a pair without a value (a ratio without denominator): it is left out and counted.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

#: pairs of the first stage: t is then 2.05 (with endless pairs 1.96), and differences of counts are close to normal in the mean
FIRST = 30
LEVEL = 0.95
DRAWS = 4_000
#: draws held in memory at once
CHUNK = 200


class Estimate(NamedTuple):
    """Per comparison (arrays): mean of the pairs with a value, its interval, how many those are, standard deviation used and its
    degrees of freedom. No interval (NaN) from fewer than two values in the first stage."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    pairs: np.ndarray
    sd: np.ndarray
    freedom: np.ndarray

    @property
    def half_width(self) -> np.ndarray:
        return (self.high - self.low) / 2.0


def quantile(freedom, level: float = LEVEL) -> np.ndarray:
    """Two-sided t quantile: 2.045 for 29 degrees of freedom at 95 %. NaN without degrees of freedom."""
    freedom = np.asarray(freedom, float)
    return np.where(freedom > 0, stdtrit(np.maximum(freedom, 1.0), (1.0 + level) / 2.0), np.nan)


def moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(count, mean, standard deviation) of each column without its NaNs; a column of one value has that mean and exactly zero."""
    there = np.isfinite(values)
    count = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = np.where(there, values, np.inf).min(axis=0), np.where(there, values, -np.inf).max(axis=0)
        mean = np.where(low == high, low, np.where(there, values, 0.0).sum(axis=0) / count)
        squares = (np.where(there, values - mean, 0.0) ** 2).sum(axis=0)
        sd = np.where(low == high, 0.0, np.sqrt(squares / (count - 1)))
    return count, mean, np.where(count > 1, sd, np.nan)


def pairs_needed(first: np.ndarray, half_width: float, most: int) -> int:
    """Pairs for a half-width (in the unit of the differences) in every comparison, from the first stage [pair, comparison] alone.

    At least the first stage, at most `most`. Where pairs have no value the number grows by their share; a comparison
    with fewer than two values asks for none.
    """
    count, _, sd = moments(first)
    told = count > 1
    if not told.any():
        return min(len(first), most)
    with np.errstate(over="ignore"):
        wanted = (quantile(count - 1)[told] * sd[told] / half_width) ** 2 * len(first) / count[told]
    return int(min(most, max(len(first), math.ceil(min(wanted.max(), most) - 1e-9))))


def estimate(differences: np.ndarray, first: int | None = None, level: float = LEVEL) -> Estimate:
    """Mean and interval of every column of [pair, comparison]; the variance is that of the `first` pairs (all when absent)."""
    count, mean, _ = moments(differences)
    seen, _, sd = moments(differences[:first])
    with np.errstate(invalid="ignore", divide="ignore"):
        half = quantile(seen - 1, level) * sd / np.sqrt(count)
    return Estimate(mean, mean - half, mean + half, count, sd, seen - 1)


def pairs_to_tell(found: Estimate) -> np.ndarray:
    """Pairs at which an interval around the difference found would just leave out zero (inf where that is zero)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(found.mean == 0.0, np.inf, np.ceil((quantile(found.freedom) * found.sd / found.mean) ** 2))


def variance_ratio(a: np.ndarray, b: np.ndarray) -> float:
    """Variance of the difference under independent seeds (var a + var b) over that of the paired difference: how many times as
    many villages separate seeds would take. inf where pairing leaves no noise; NaN from fewer than two pairs with values."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 2:
        return math.nan
    sd = moments(np.column_stack([a, b, a - b])[both])[2]
    return float((sd[0] ** 2 + sd[1] ** 2) / sd[2] ** 2) if sd[2] else math.inf


def shared(values: np.ndarray, smaller: bool = False) -> np.ndarray:
    """Mean over rows of who is best in the row [row, campaign], ties shared; rows without any value do not count."""
    signed = np.where(np.isfinite(values), -values if smaller else values, -np.inf)
    top = signed.max(axis=1, keepdims=True, initial=-np.inf)
    told = np.isfinite(top[:, 0])
    if not told.any():
        return np.full(values.shape[1], np.nan)
    # sums of the same numbers may differ in their last digit
    best = signed[told] >= top[told] - 1e-12 * np.abs(top[told])
    return (best / best.sum(axis=1, keepdims=True)).mean(axis=0)


def best_probability(values: np.ndarray, smaller: bool = False, *, draws: int = DRAWS, seed: int = 1) -> np.ndarray:
    """Probability that each campaign of [pair, campaign] has the best mean, by Bayesian bootstrap over the pairs (Rubin 1981):
    flat Dirichlet weights on the pairs, the same for all campaigns. Ties are shared. NaN where nothing has a value."""
    rng, there = np.random.default_rng(seed), np.isfinite(values).astype(float)
    known, means = np.where(there > 0, values, 0.0), []
    for begin in range(0, draws, CHUNK):
        weights = rng.exponential(size=(min(CHUNK, draws - begin), len(values)))
        with np.errstate(invalid="ignore"):
            means.append((weights @ known) / (weights @ there))
    return shared(np.concatenate(means), smaller)


def ratio_of_sums(part: np.ndarray, whole: np.ndarray, level: float = LEVEL) -> tuple[float, float, float]:
    """(ratio, low, high) of sum(part) over sum(whole) over the pairs, such as rupiah per registered: jackknife t interval.

    Not the mean of the ratios, which villages with few registered would rule. NaN without a whole; no interval (NaN) where it
    hangs on a single pair.
    """
    n, above, below = len(part), float(part.sum()), float(whole.sum())
    if not below:
        return (math.nan,) * 3
    ratio, left = above / below, below - whole
    if n < 2 or not left.all():
        return ratio, math.nan, math.nan
    without = (above - part) / left
    half = float(quantile(n - 1, level)) * math.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    return ratio, ratio - half, ratio + half

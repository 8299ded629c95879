"""Luck against what is unknown of behavior: which share of the variance of runs, or of differences, is which.

Each replicate has a draw of behavior and luck of its own: the variance over replicates holds both. Twins tell them apart: the
first replicates are run a second time with the same draw and other luck (another replicate number), so that half the mean
squared difference of twins is the variance of luck; the rest is behavior. Ten twins say little, hence an interval:
luck over total is near to its share times F(twins, runs - 1), as for independent normal variances. Tried on 20,000 normal samples
each, 4 to 1000 runs, shares from 0 to 1: it covers in 95 to 100 %.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import fdtri

#: replicates that get a twin, and the fewest it is worth while for
TWINS, FEWEST = 10, 4
#: added to a replicate's number for its twin's luck
OTHER = 2**31
LEVEL = 0.95


class Luck(NamedTuple):
    """Per column (arrays): share of luck in the variance (the rest is behavior), its interval, pairs of twins with values in both.
    NaN where there is no variance, or too few twins."""

    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    twins: np.ndarray


def twins_of(replicates: int) -> int:
    """How many of the first replicates get a twin."""
    return 0 if replicates < FEWEST else min(TWINS, replicates)


def luck(values: np.ndarray, twins: np.ndarray | None) -> Luck:
    """Shares of luck in the variance of each column of values [replicate, column]; twins [twin, column] are of the first replicates."""
    columns = values.shape[1]
    if twins is None or not len(twins):
        return Luck(*(np.full(columns, np.nan) for _ in range(3)), np.zeros(columns, int))
    off = values[: len(twins)] - twins
    told = np.isfinite(off)
    count, runs = told.sum(axis=0), np.isfinite(values).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = np.where(told, off**2, 0.0).sum(axis=0) / count / 2.0
        mean = np.where(np.isfinite(values), values, 0.0).sum(axis=0) / runs
        total = np.where(np.isfinite(values), (values - mean) ** 2, 0.0).sum(axis=0) / (runs - 1)
        ratio = np.where((count >= FEWEST) & (total > 0.0), chance / total, np.nan)
        tail, freedom = (1.0 - LEVEL) / 2.0, (np.maximum(count, 1), np.maximum(runs - 1, 1))
        low, high = ratio / fdtri(*freedom, 1.0 - tail), ratio / fdtri(*freedom, tail)
    return Luck(*(np.minimum(x, 1.0) for x in (ratio, low, high)), count)

"""The statistics of the village's calibration: summaries made by regression, nearness, and draws moved along a local regression.

Approximate Bayesian computation with regression adjustment (Beaumont, Zhang and Balding 2002); the summaries are regressions of what is
asked for on the data (Fearnhead and Prangle 2012), by the ridge regression of `ridge`. All arrays are [run, column], weights [run].
Nothing here knows of villages.
"""

from typing import NamedTuple

import numpy as np

from experiments.calibrating.ridge import ridge

#: summaries whose spread, in units of what they leave unexplained, is smaller say nothing
LEAST_SPREAD = 0.1
MOST_SUMMARIES = 12
#: effective runs that each summary of a local regression should have
RUNS_EACH = 10


class Adjusted(NamedTuple):
    """weights [run], summing to one, zero for runs that are too far from the data; values [run, target]: targets moved to the data;
    surprise: share of the runs (by weight) that are as unlike the others as the data are, or more (small: no run looks like them)."""

    weights: np.ndarray
    values: np.ndarray
    surprise: float


def adjusted(features: np.ndarray, seen: np.ndarray, targets: np.ndarray, weights: np.ndarray, share: float) -> Adjusted:
    """The targets given that the features are `seen`: the nearest `share` of the runs (by weight), moved along a local regression."""
    weights = weights / weights.sum()
    summaries, place = _summaries(features, seen, targets, weights, max(1, int(effective(weights) * share / RUNS_EACH)))
    distance = np.sqrt(((summaries - place) ** 2).sum(axis=1))
    kernel = weights * np.clip(1.0 - (distance / _reach(distance, weights, share)) ** 2, 0.0, None)  # Epanechnikov
    kernel = kernel / kernel.sum()
    near = kernel > 0
    _, here, errors = _linear(summaries[near], place, targets[near], kernel[near])
    values = targets.copy()
    values[near] = here + errors  # of runs that were left out: errors of the fit itself are too small
    scale = np.sqrt(weights @ summaries**2)
    unlike, ours = ((summaries / scale) ** 2).sum(axis=1), ((place / scale) ** 2).sum()
    return Adjusted(kernel, values, float(weights[unlike >= ours].sum()))


def _summaries(features, seen, targets, weights, most: int) -> tuple[np.ndarray, np.ndarray]:
    """What the features say of the targets, in few columns of mean zero, for the runs and for the data: expected targets in units of what
    is left unexplained, turned so that the first columns vary most."""
    expected, here, errors = _linear(features, seen, targets, weights)
    left = np.sqrt(np.maximum(weights @ errors**2, 1e-12))
    middle = weights @ expected
    known, here = (expected - middle) / left, (here - middle) / left
    size, axes = np.linalg.eigh(known.T @ (known * weights[:, None]))
    axes = axes[:, np.argsort(size)[::-1]]
    kept = max(1, min(most, MOST_SUMMARIES, int((np.sqrt(np.maximum(size, 0.0)) > LEAST_SPREAD).sum())))
    return known @ axes[:, :kept], here @ axes[:, :kept]


def _linear(features, seen, targets, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets expected of each run [run, target] and of the data [target], and leave-one-out errors of the runs [run, target]."""
    middle = weights @ features / weights.sum()
    spread = np.sqrt(weights @ (features - middle) ** 2 / weights.sum())
    spread[spread < 1e-9] = 1.0
    x = (features - middle) / spread
    found = ridge(x, targets, weights)
    at = lambda x: found.intercept + x @ found.coefficients  # noqa: E731
    return at(x), at((seen - middle) / spread), found.errors


def _reach(distance: np.ndarray, weights: np.ndarray, share: float) -> float:
    """Distance within which `share` of the weight lies."""
    order = np.argsort(distance, kind="stable")
    place = min(int(np.searchsorted(np.cumsum(weights[order]), share)), len(order) - 1)
    return max(float(distance[order[place]]), 1e-12)


def effective(weights: np.ndarray) -> float:
    """Effective number of runs (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def quantiles(values: np.ndarray, weights: np.ndarray, at) -> np.ndarray:
    """Weighted quantiles of each column: [quantile, column], on the line through the middles of the steps."""
    out = np.empty((len(at), values.shape[1]))
    for k, column in enumerate(values.T):
        order = np.argsort(column, kind="stable")
        steps = weights[order]
        out[:, k] = np.interp(np.asarray(at) * steps.sum(), np.cumsum(steps) - steps / 2, column[order])
    return out

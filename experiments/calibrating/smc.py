"""Tempered sequential Monte Carlo (Del Moral, Doucet and Jasra 2006): from draws of the prior N(0, I) to draws of the posterior.

    found = sample(log_likelihood, 38, seed=1)      # log_likelihood: z [n, p] -> [n]
    found.z                                         # [particles, p], equally weighted; found.log_evidence, found.stages

The likelihood is let in by powers 0 < t < 1, each chosen so that half of the particles count (effective sample size); they are
resampled (systematic) and moved by Metropolis-Hastings sweeps until they have forgotten where they started. Moves are fitted to the
particles: mostly autoregressive ones that leave their multivariate t unchanged (preconditioned Crank-Nicolson: Cotter et al. 2013;
with t: Kamatani 2018, Grumitt, Karamanis and Seljak 2024), whose steps need not shrink as parameters become many; every third sweep a
random walk, which needs no such fit. Steps are adapted to an acceptance of ACCEPTANCE.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simulation.parameters import InputError

ESS_SHARE = 0.5
ACCEPTANCE = 0.3
DEGREES = 10.0
#: sweeps end when the largest correlation of a (whitened) coordinate with its start is below this plus what chance alone makes of it: on
#: the way, and at the end. Tried on 12 studies and 38 parameters: (.5, .1) makes variances 10 % too small, these 1 %.
FORGOTTEN = (0.05, 0.0)
FEWEST_SWEEPS = 3
MOST_SWEEPS = (60, 200)
MOST_STAGES = 200


class Stage(NamedTuple):
    """One temperature: the power of the likelihood, effective sample size, share of moves accepted, sweeps, and the largest correlation of
    a coordinate with where it started."""

    temperature: float
    ess: float
    acceptance: float
    sweeps: int
    correlation: float


class Sample(NamedTuple):
    """Equally weighted draws z [particles, p], log_likelihood [particles]; log_evidence: log of the likelihood's mean under the prior."""

    z: np.ndarray
    log_likelihood: np.ndarray
    log_evidence: float
    stages: tuple[Stage, ...]


class _Cloud(NamedTuple):
    """Center, root of the covariance and its inverse: what moves are fitted to."""

    center: np.ndarray
    root: np.ndarray
    inverse: np.ndarray


def sample(log_likelihood: Callable[[np.ndarray], np.ndarray], parameters: int, *, seed: int, particles: int = 1000) -> Sample:
    """Draws of N(0, I) x exp(log_likelihood), the same for the same seed. Raises InputError where no draw of the prior has a likelihood."""
    rng = np.random.Generator(np.random.PCG64(seed))
    z = rng.standard_normal((particles, parameters))
    logs = _finite(log_likelihood(z))
    if not np.isfinite(logs).any():
        raise InputError("log likelihood: no draw of the prior has a finite one; look at the observed values and their errors")
    temperature, evidence, stages, steps = 0.0, 0.0, [], {"follow": 0.5, "walk": 2.38 / np.sqrt(parameters)}
    while temperature < 1.0 and len(stages) < MOST_STAGES:
        weights, following, gain = _next(logs, temperature)
        evidence += gain
        cloud = _cloud(z, weights)
        rows = _systematic(weights, rng)
        temperature, ess = following, 1.0 / float((weights**2).sum())
        z, logs, moved = _moved(z[rows], logs[rows], temperature, cloud, steps, log_likelihood, rng)
        stages.append(Stage(temperature, ess, *moved))
    if temperature < 1.0:
        raise InputError(f"log likelihood: {MOST_STAGES} temperatures do not reach the posterior (the last is {temperature:.3g})")
    return Sample(z, logs, evidence, tuple(stages))


def _next(logs: np.ndarray, temperature: float) -> tuple[np.ndarray, float, float]:
    """(weights, next temperature, gain of log evidence): the highest one that leaves ESS_SHARE of the particles' weight."""

    def weighed(step: float) -> np.ndarray:
        return np.exp(step * (logs - logs.max()))

    def ess(step: float) -> float:
        weights = weighed(step)
        return float(weights.sum() ** 2 / (weights**2).sum())

    low, high = 0.0, 1.0 - temperature
    if ess(high) < ESS_SHARE * len(logs):
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if ess(middle) >= ESS_SHARE * len(logs) else (low, middle)
        step = max(low, 1e-12)
        following = temperature + step
    else:
        step, following = high, 1.0
    weights = weighed(step)
    return weights / weights.sum(), following, float(np.log(weights.mean()) + step * logs.max())


def _systematic(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows drawn in proportion to their weights, with one random number."""
    places = (np.arange(len(weights)) + rng.random()) / len(weights)
    return np.searchsorted(np.cumsum(weights), places).clip(0, len(weights) - 1)


def _cloud(z: np.ndarray, weights: np.ndarray) -> _Cloud:
    """Weighted center and covariance, drawn a little to its diagonal, the more the fewer particles there are."""
    center = weights @ z
    covariance = ((z - center) * weights[:, None]).T @ (z - center)
    drawn = z.shape[1] / (z.shape[1] + len(z))
    covariance = (1 - drawn) * covariance + drawn * np.diag(np.diag(covariance)) + 1e-10 * np.eye(z.shape[1])
    root = np.linalg.cholesky(covariance)
    return _Cloud(center, root, np.linalg.inv(root))


def _moved(z, logs, temperature, cloud, steps, log_likelihood, rng) -> tuple[np.ndarray, np.ndarray, tuple[float, int, float]]:
    """Particles after as many sweeps as they need, and (acceptance, sweeps, correlation with the start)."""
    final = temperature >= 1.0
    start = y = (z - cloud.center) @ cloud.inverse.T
    accepted, correlation, sweep = [], 1.0, 0
    enough = FORGOTTEN[final] + np.sqrt(2 * np.log(2 * z.shape[1]) / len(z))
    while sweep < MOST_SWEEPS[final] and (correlation > enough or sweep < FEWEST_SWEEPS):
        kind = "walk" if sweep % 3 == 2 else "follow"
        ahead, balance = (_walked if kind == "walk" else _followed)(y, steps[kind], rng)
        proposal = cloud.center + ahead @ cloud.root.T
        proposed = _finite(log_likelihood(proposal))
        ratio = temperature * (proposed - logs) + ((z**2).sum(axis=1) - (proposal**2).sum(axis=1)) / 2 + balance
        taken = np.log(rng.random(len(z))) < ratio
        z, y, logs = np.where(taken[:, None], proposal, z), np.where(taken[:, None], ahead, y), np.where(taken, proposed, logs)
        share = float(taken.mean())
        steps[kind] = float(np.clip(steps[kind] * np.exp(share - ACCEPTANCE), 0.01, 1.0))
        accepted.append(share)
        correlation = _correlation(start, y)
        sweep += 1
    return z, logs, (float(np.mean(accepted)), sweep, correlation)


def _followed(y: np.ndarray, step: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(proposals, log of the proposals' balance): an autoregression that leaves the t distribution with DEGREES unchanged."""
    p = y.shape[1]
    squares = (y**2).sum(axis=1)
    mixing = (DEGREES + squares) / rng.chisquare(DEGREES + p, len(y))
    ahead = np.sqrt(1 - step**2) * y + step * np.sqrt(mixing)[:, None] * rng.standard_normal(y.shape)
    return ahead, (DEGREES + p) / 2 * np.log((DEGREES + (ahead**2).sum(axis=1)) / (DEGREES + squares))


def _walked(y: np.ndarray, step: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return y + step * rng.standard_normal(y.shape), np.zeros(len(y))


def _correlation(start: np.ndarray, now: np.ndarray) -> float:
    """The largest correlation of a coordinate with its start."""
    a, b = start - start.mean(axis=0), now - now.mean(axis=0)
    return float(((a * b).sum(axis=0) / np.sqrt(np.maximum((a**2).sum(axis=0) * (b**2).sum(axis=0), 1e-300))).max())


def _finite(logs: np.ndarray) -> np.ndarray:
    """NaN as impossible."""
    return np.where(np.isnan(logs), -np.inf, logs)

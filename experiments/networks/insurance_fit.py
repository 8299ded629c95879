"""cai: who buys, where friends pass on what they learnt in a session.

    model = fit(farmers)
    model.tie_prob, model.taught           # chance that one friend passes it on in three days; what knowing does (in standard deviations)

A farmer who knows buys with chance Phi(x + taught + village), one who does not with Phi(x + village); Phi is the normal distribution, as
in the simulation, where perceived value is spread normally in logs. Who was in an intensive session knows; a farmer of the second round
may have been told, with chance 1 - (1 - q)^m by m friends who were in an intensive session of the first. Villages have normal effects,
integrated over; what the first round tells of a village's effect is used to predict its second.
"""

from typing import NamedTuple

import numpy as np

from experiments.networks.hazards import GRADIENT, MOST, QUADRATURE
from experiments.networks.insurance import Farmers
from experiments.networks.shrinking import ROUNDS, scaled, scaling, supported

#: tie_prob: flat; taught and community_sd: half-normal with this spread, vague
BROAD = 1.0
EDGE = 1e-9


class Buying(NamedTuple):
    """A fitted model. weights: constant first, then scaled covariates, shrunk by `sd`."""

    weights: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    tie_prob: float
    taught: float
    community_sd: float
    log_posterior: float
    sd: float

    def linear(self, farmers: Farmers) -> np.ndarray:
        return self.weights[0] + scaled(farmers.covariates, self.center, self.scale) @ self.weights[1:]


def told_prob(tie_prob: float, farmers: Farmers) -> np.ndarray:
    """Chance to know: 1 for who was in an intensive session."""
    return np.where(farmers.intensive, 1.0, 1.0 - (1.0 - tie_prob) ** farmers.friends)


def fit(farmers: Farmers, network: bool = True, tie_prob: float | None = None, start: Buying | None = None) -> Buying:
    """The most likely model. network: with friends and effects of villages, or (False) covariates and sessions alone; tie_prob: held."""
    from scipy.optimize import minimize

    center, scale = scaling(farmers.covariates)
    x = np.column_stack([np.ones(len(farmers.second)), scaled(farmers.covariates, center, scale)])
    guess, sd = np.concatenate([np.zeros(x.shape[1]), [-2.0, -1.0, -1.0]]), 0.3
    if start is not None:
        odds = np.log(max(start.tie_prob, EDGE) / max(1.0 - start.tie_prob, EDGE))
        guess, sd = np.concatenate([start.weights, [odds], np.log(np.maximum([start.taught, start.community_sd], EDGE))]), start.sd
    for _ in range(1 if start else ROUNDS):
        lost = lambda v: _loss(v, x, farmers, network, tie_prob, sd)  # noqa: B023, E731
        found = minimize(lost, guess, jac=True, method="BFGS", options=dict(gtol=GRADIENT))
        guess = found.x
        sd = sd if start else _supported(guess, x, sd)
    weights, q, taught, spread = _split(guess, network, tie_prob)
    return Buying(weights, center, scale, q, taught, spread, -float(found.fun), sd)


def _split(values: np.ndarray, network: bool, tie_prob: float | None):
    from scipy.special import expit

    q = expit(values[-3]) if tie_prob is None else tie_prob
    taught, spread = np.exp(np.minimum(values[-2:], MOST)) * (1.0, network)
    return values[:-3], float(q * network), float(taught), float(spread)


def _supported(values: np.ndarray, x: np.ndarray, sd: float) -> float:
    from scipy.special import ndtr

    linear = x @ values[:-3]
    buys = np.clip(ndtr(linear), EDGE, 1.0 - EDGE)
    information = _density(linear) ** 2 / (buys * (1.0 - buys))
    return supported(values[1:-3], (x[:, 1:] * information[:, None]).T @ x[:, 1:], sd)


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)


def chances(linear: np.ndarray, told: np.ndarray, taught: float, effects: np.ndarray) -> np.ndarray:
    """Chance to buy, [farmer, effect of the village]."""
    from scipy.special import ndtr

    value, told = linear[:, None] + effects, told[:, None]
    return np.clip((1.0 - told) * ndtr(value) + told * ndtr(value + taught), EDGE, 1.0 - EDGE)


def _loss(values, x, farmers: Farmers, network: bool, tie_prob: float | None, sd: float):
    """Minus the log posterior, effects of villages integrated over, and its gradient."""
    from scipy.special import logsumexp, ndtr

    weights, q, taught, spread = _split(values, network, tie_prob)
    nodes, log_mass = QUADRATURE if network else (np.zeros(1), np.zeros(1))
    told, linear = told_prob(q, farmers), x @ weights
    chance = chances(linear, told, taught, spread * nodes)
    bought = farmers.bought[:, None]
    total = np.array([np.bincount(farmers.village, column) for column in np.log(np.where(bought, chance, 1.0 - chance)).T]).T
    village = logsumexp(total + log_mass, axis=1)
    share = np.exp(total + log_mass - village[:, None])[farmers.village]
    slope = share * np.where(bought, 1.0 / chance, -1.0 / (1.0 - chance))
    value = linear[:, None] + spread * nodes
    known, unknown = told[:, None] * _density(value + taught), (1.0 - told[:, None]) * _density(value)
    by_value = slope * (known + unknown)
    more_told = np.where(farmers.intensive, 0.0, farmers.friends * (1.0 - q) ** np.maximum(farmers.friends - 1, 0))
    by_q = ((slope * (ndtr(value + taught) - ndtr(value))).sum(axis=1) @ more_told) * q * (1.0 - q) * (network and tie_prob is None)
    ends = np.array([by_q, (slope * known).sum() * taught, (by_value * nodes).sum() * spread])
    gradient = np.concatenate([x.T @ by_value.sum(axis=1), ends])
    penalty = 0.5 * (weights[1:] @ weights[1:] / sd**2 + (taught**2 + spread**2) / BROAD**2) + 0.0005 * np.square(values[-3:]).sum()
    slopes = np.concatenate([[0.0], weights[1:] / sd**2, [0.0, taught**2 / BROAD**2, spread**2 / BROAD**2]])
    slopes[-3:] += 0.001 * values[-3:]
    return penalty - village.sum(), slopes - gradient


def predicted(model: Buying, farmers: Farmers) -> np.ndarray:
    """Chance of each farmer to buy: in the first round knowing nothing of the village, in the second knowing its first round."""
    nodes, log_mass = QUADRATURE
    chance = chances(model.linear(farmers), told_prob(model.tie_prob, farmers), model.taught, model.community_sd * nodes)
    log = np.log(np.where(farmers.bought[:, None], chance, 1.0 - chance))
    out = chance @ np.exp(log_mass)
    for village in range(len(farmers.villages)):
        first, second = ((farmers.village == village) & (farmers.second == r) for r in (False, True))
        mass = log_mass + log[first].sum(axis=0)
        share = np.exp(mass - mass.max())
        out[second] = chance[second] @ (share / share.sum())
    return out


def tie_interval(farmers: Farmers, model: Buying, drop: float = 1.92) -> tuple[float, float]:
    """95 % likelihood interval of the chance that a friend passes on what he learnt: where the likelihood has fallen by `drop`."""
    grid = np.linspace(0.0, 1.0 - 1e-6, 21)
    heights = np.array([fit(farmers, tie_prob=float(q), start=model).log_posterior for q in grid])
    fine = np.linspace(0.0, 1.0, 1001)
    inside = fine[np.interp(fine, grid, heights) >= max(heights.max(), model.log_posterior) - drop]
    return float(inside[0]), float(inside[-1])

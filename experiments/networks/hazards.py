"""The kernel's hearing rule as a likelihood: when people of real villages adopt, given when their ties did.

    model = fit(train, TIES)
    model.tie_prob                                # chance through one tie, per period
    predicted(model, test)                        # chance of each person and period at risk, a period ahead
    rate_interval(train, fit(train, COMMUNITIES))

A person who has not adopted does so in period t with chance 1 - (1 - p) (1 - q)^m: p is the chance from outside, q the chance through one
tie, m how many ties had adopted by the end of period t - 1. From outside: -log(1 - p) = exp(baseline of the period + covariates).
Through ties: -log(1 - q) = tie_rate.

A common liking of a village looks like influence along its ties. Where the rate itself is asked for, villages therefore get effects
(COMMUNITIES: community_sd x standard normal, added in the exponent, integrated over). Predictions of other villages go without: left
out one by one, with effects their log-loss was better by .0005 at most, and their curves no better or (brfarmers) worse.

What keeps few villages from being overfitted: the baseline is a random walk, and covariates' weights are shrunk towards zero, both as
much as the data say (the spreads maximize the marginal likelihood: MacKay 1992). A set whose covariates tell nothing loses little.
"""

from typing import NamedTuple

import numpy as np

from experiments.networks.reading import Dated
from experiments.networks.shrinking import LEAST, ROUNDS, scaled, scaling, supported

#: the baseline's level (log hazard); tie rate (exponential, mean) and community_sd (half-normal): all vague
LEVEL, LEVEL_SD, TIE_RATE_MEAN, COMMUNITY_SD_SCALE = -3.0, 3.0, 0.1, 0.5
#: keeps the logarithms of rates that are zero finite
LOG_FLOOR, LOG_STRENGTH = -2.0, 2e-3
#: a standard normal at even steps: with many people to a village its effect is known to a fraction of Gauss and Hermite's wide steps
QUADRATURE = (lambda z: (z, np.log(np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum())))(np.linspace(-4.0, 4.0, 33))
NO_EFFECT = np.zeros(1), np.zeros(1)
TINY = 1e-12
#: a search may try rates beyond all reason: their logarithms are taken as this
MOST = 5.0
#: how exactly the ends of an interval, and the maximum, are found (slope of the log posterior)
FINE, GRADIENT = 2e-4, 1e-3


class Terms(NamedTuple):
    """What a model may use besides the period."""

    covariates: bool = False
    community: bool = False
    ties: bool = False


PERIOD = Terms()
COVARIATES = Terms(covariates=True)
TIES = Terms(covariates=True, ties=True)
COMMUNITIES = Terms(covariates=True, ties=True, community=True)


class Prior(NamedTuple):
    """Spread of covariates' weights, and of the baseline's steps from period to period (log hazard)."""

    weight_sd: float
    walk_sd: float


FIRST = Prior(0.3, 1.0)


class Hazard(NamedTuple):
    """A fitted model. baseline [period], weights [covariate] of (x - center) / scale; log_posterior: at its maximum."""

    terms: Terms
    baseline: np.ndarray
    weights: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    tie_rate: float
    community_sd: float
    prior: Prior
    log_posterior: float

    @property
    def tie_prob(self) -> float:
        """Chance that one tie that has adopted brings a person to adopt, per period."""
        return float(-np.expm1(-self.tie_rate))


class Risk(NamedTuple):
    """A row for each person and period (from 0) in which he had not adopted before.

    told: how many of his ties had adopted before; adopters: how many in his village had.
    """

    person: np.ndarray
    period: np.ndarray
    village: np.ndarray
    adopts: np.ndarray
    told: np.ndarray
    adopters: np.ndarray


def at_risk(people: Dated) -> Risk:
    """Persons and periods in which they could adopt."""
    before = people.adopted[:, None] < np.arange(1, people.periods + 1)
    told = np.zeros(before.shape)
    for one, other in (people.ties, people.ties[::-1]):
        np.add.at(told, one, before[other])
    members = np.array([before[people.village == v].sum(axis=0) for v in range(len(people.villages))])
    person, period = np.nonzero(~before)
    village = people.village[person]
    return Risk(person, period, village, people.adopted[person] == period + 1, told[person, period], members[village, period])


def fit(train: Dated, terms: Terms, tie_rate: float | None = None, start: Hazard | None = None) -> Hazard:
    """The most likely model with these terms. tie_rate: held at this value; start: a model to begin from."""
    from scipy.optimize import minimize

    center, scale = scaling(train.covariates)
    x = scaled(train.covariates, center, scale)
    risk, prior = at_risk(train), FIRST
    guess = np.concatenate([np.full(train.periods, -2.5), np.zeros(x.shape[1]), [-4.0, -1.0]])
    if start is not None:
        rates = np.log(np.maximum([start.tie_rate, start.community_sd], TINY))
        guess, prior = np.concatenate([start.baseline, start.weights, rates]), start.prior
    for _ in range(1 if start else ROUNDS):
        lost = lambda v: _loss(v, x, risk, train.periods, terms, prior, tie_rate)  # noqa: B023, E731
        found = minimize(lost, guess, jac=True, method="BFGS", options=dict(gtol=GRADIENT))
        guess = found.x
        prior = prior if start else _supported(guess, x, risk, train.periods, prior)
    baseline, weights, rate, sd = _split(guess, train.periods, terms, tie_rate)
    return Hazard(terms, baseline, weights, center, scale, float(rate), float(sd), prior, -float(found.fun))


def _split(values: np.ndarray, periods: int, terms: Terms, tie_rate: float | None):
    """baseline, weights, tie rate, community sd from one vector (the last two in logs)."""
    rate, sd = np.exp(np.minimum(values[-2:], MOST)) * (terms.ties, terms.community)
    return values[:periods], values[periods:-2] * terms.covariates, rate if tie_rate is None else tie_rate, sd


def _loss(values, x, risk: Risk, periods: int, terms: Terms, prior: Prior, tie_rate: float | None):
    """Minus the log posterior, effects of villages integrated over, and its gradient."""
    from scipy.special import logsumexp

    baseline, weights, rate, sd = _split(values, periods, terms, tie_rate)
    rows, (nodes, log_mass) = x[risk.person], QUADRATURE if terms.community else NO_EFFECT
    outside = np.exp(np.minimum((baseline[risk.period] + rows @ weights)[:, None] + sd * nodes, MOST))
    hazard = outside + (rate * risk.told)[:, None] + TINY
    adopts, chance = risk.adopts[:, None], -np.expm1(-hazard)
    total = np.zeros((risk.village.max() + 1, len(nodes)))
    np.add.at(total, risk.village, np.where(adopts, np.log(chance), -hazard))
    village = logsumexp(total + log_mass, axis=1)
    share = np.exp(total + log_mass - village[:, None])[risk.village]
    slope = share * np.where(adopts, (1.0 - chance) / chance, -1.0)
    from_outside = (slope * outside).sum(axis=1)
    gradient = np.concatenate([
        np.bincount(risk.period, from_outside, periods), rows.T @ from_outside * terms.covariates,
        [(slope.sum(axis=1) @ risk.told) * rate * (tie_rate is None), (slope * outside * nodes).sum() * sd],
    ])  # fmt: skip
    penalty, slopes = _penalty(values, baseline, rate if tie_rate is None else 0.0, sd, periods, prior)
    return penalty - village.sum(), slopes - gradient


def _penalty(values, baseline, rate: float, sd: float, periods: int, prior: Prior):
    """Minus the log prior and its gradient."""
    steps, level, weights = np.diff(baseline), baseline - LEVEL, values[periods:-2]
    logs = values[-2:] - LOG_FLOOR
    value = 0.5 * (np.square(steps).sum() / prior.walk_sd**2 + np.square(level).sum() / LEVEL_SD**2)
    value += 0.5 * np.square(weights).sum() / prior.weight_sd**2
    value += rate / TIE_RATE_MEAN + 0.5 * (sd / COMMUNITY_SD_SCALE) ** 2 + 0.5 * LOG_STRENGTH * np.square(logs).sum()
    walk = -np.diff(steps, prepend=0.0, append=0.0) / prior.walk_sd**2 + level / LEVEL_SD**2
    ends = np.array([rate / TIE_RATE_MEAN, (sd / COMMUNITY_SD_SCALE) ** 2]) + LOG_STRENGTH * logs
    return value, np.concatenate([walk, weights / prior.weight_sd**2, ends])


def _supported(values, x, risk: Risk, periods: int, prior: Prior) -> Prior:
    """The spreads that the data support: squares of what was found, plus what is not known of it, a piece at a time."""
    rows, baseline, weights = x[risk.person], values[:periods], values[periods:-2]
    expected = np.exp(baseline[risk.period] + rows @ weights)
    weight_sd = supported(weights, (rows * expected[:, None]).T @ rows, prior.weight_sd)
    step = np.diff(np.eye(periods), axis=0)
    curvature = np.diag(np.bincount(risk.period, expected, periods) + 1 / LEVEL_SD**2) + step.T @ step / prior.walk_sd**2
    steps = step @ baseline
    walk = (steps @ steps + np.trace(step @ np.linalg.inv(curvature) @ step.T) + LEAST**2) / periods
    return Prior(weight_sd, float(np.sqrt(walk)))


def outside_rate(model: Hazard, people: Dated) -> np.ndarray:
    """-log(1 - p), [person, period]. Periods beyond those fitted are like the last."""
    period = np.minimum(np.arange(people.periods), len(model.baseline) - 1)
    linear = scaled(people.covariates, model.center, model.scale) @ model.weights
    return np.exp(model.baseline[period] + linear[:, None])


def predicted(model: Hazard, people: Dated) -> np.ndarray:
    """Chance to adopt for each row of `at_risk(people)`, told who had adopted before that period."""
    risk = at_risk(people)
    return -np.expm1(-(outside_rate(model, people)[risk.person, risk.period] + model.tie_rate * risk.told + TINY))


def rate_interval(train: Dated, model: Hazard, drop: float = 1.92) -> tuple[float, float]:
    """95 % likelihood interval of the tie rate: where the maximum over all else has fallen by `drop` (half of chi-square's 95 %)."""
    from scipy.optimize import brentq

    def fallen(rate: float) -> float:
        return best - fit(train, model.terms, tie_rate=rate, start=model).log_posterior - drop

    best = fit(train, model.terms, tie_rate=model.tie_rate, start=model).log_posterior
    high = max(2.0 * model.tie_rate, 0.002)
    while fallen(high) < 0:
        high *= 2.0
    high = brentq(fallen, model.tie_rate, high, xtol=FINE)
    low = 0.0 if fallen(0.0) < 0 else brentq(fallen, 0.0, model.tie_rate, xtol=FINE)
    return float(low), float(high)

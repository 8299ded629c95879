"""bcdj: rates of hearing by simulated likelihood, choices by covariates, villages predicted by what was learnt in others.

    points = design(64, seed=1)
    reached = [reach(villages, point, copies=4, seed=1) for point in points]       # played once, without a look at take-up
    village_scores = judged(train, test, points, reached of the households of train, ...)

The kernel is played over a spread of rates with one chance of joining for all. That tells how often each household hears by each period.
Given that, the likelihood of who joined in the end and of when villages joined is a formula; the choice model is fitted under each point
of the design and the best point is taken. The final predictions are played anew with the rates and choices so found.
"""

from typing import NamedTuple

import numpy as np

from experiments.networks.baselines import pooled_bass, pooled_hazard
from experiments.networks.hazards import GRADIENT
from experiments.networks.lending import Lending
from experiments.networks.lending_play import Rates, play
from experiments.networks.scoring import OURS, Village, log_loss
from experiments.networks.shrinking import ROUNDS, scaled, scaling, supported

#: range of each rate that is looked at (logs): outside, joined, informed over joined, boost; and of the chance to join
RANGES = ((0.002, 0.2), (0.002, 0.2), (0.03, 1.0), (1.0, 40.0), (0.12, 0.45))
EDGE = 1e-9


class Point(NamedTuple):
    rates: Rates
    joins: float


class Choice(NamedTuple):
    """Chance to join once informed: logistic in scaled covariates."""

    constant: float
    weights: np.ndarray
    center: np.ndarray
    scale: np.ndarray

    def chance(self, covariates: np.ndarray) -> np.ndarray:
        from scipy.special import expit

        return expit(self.constant + scaled(covariates, self.center, self.scale) @ self.weights)


def design(points: int, seed: int) -> list[Point]:
    """Sobol's points over the ranges (a power of two of them)."""
    from scipy.stats import qmc

    unit = qmc.Sobol(len(RANGES), seed=seed).random(points)
    low, high = np.log(np.array(RANGES)).T
    values = np.exp(low + unit * (high - low))
    return [Point(Rates(o, q, q * ratio, boost), joins) for o, q, ratio, boost, joins in values.tolist()]


def reach(villages: Lending, point: Point, copies: int, seed: int) -> np.ndarray:
    """How surely each household is informed by the end of each period, [household, 0..], kept off 0 and 1 by half a copy."""
    informed, _ = play(villages, np.full(len(villages.village), point.joins), point.rates, copies, seed)
    return ((informed.sum(axis=0) + 0.5) / (copies + 1.0)).astype(np.float32)


def at_end(values: np.ndarray, villages: Lending) -> np.ndarray:
    """[household] of [household, 0..]: the value after the last period of the household's village."""
    return values[np.arange(len(values)), villages.periods[villages.village]]


def choose(covariates: np.ndarray, joined: np.ndarray, informed: np.ndarray) -> Choice:
    """The most likely choice model where each household was informed with these chances; weights shrunk as the data say."""
    from scipy.optimize import minimize
    from scipy.special import expit

    center, scale = scaling(covariates)
    x, sd = scaled(covariates, center, scale), 0.3
    rows, found = np.column_stack([np.ones(len(x)), x]), np.zeros(x.shape[1] + 1)
    for _ in range(ROUNDS):

        def loss(values, sd=sd):
            yes = expit(rows @ values)
            chance = informed * yes
            slope = np.where(joined, 1.0 - yes, -chance * (1.0 - yes) / np.maximum(1.0 - chance, EDGE))
            value = -np.log(np.maximum(np.where(joined, chance, 1.0 - chance), EDGE)).sum() + 0.5 * values[1:] @ values[1:] / sd**2
            return value, -(slope @ rows) + np.concatenate([[0.0], values[1:]]) / sd**2

        found = minimize(loss, found, jac=True, method="BFGS", options=dict(gtol=GRADIENT)).x
        yes = expit(rows @ found)
        information = informed * yes * (1.0 - yes) ** 2 / (1.0 - informed * yes)
        sd = supported(found[1:], (x * information[:, None]).T @ x, sd)
    return Choice(float(found[0]), found[1:], center, scale)


def likelihood(villages: Lending, choice: Choice, informed: np.ndarray) -> np.ndarray:
    """[village] log likelihood: who joined in the end (by household), and in which period those joined who did (by village)."""
    yes, last = choice.chance(villages.covariates), at_end(informed, villages)
    who = np.log(np.where(villages.joined, last * yes, 1.0 - last * yes))
    total = np.bincount(villages.village, who)
    for v, counts in enumerate(villages.first_joined()):
        rows, periods = villages.village == v, villages.periods[v]
        new = np.diff(yes[rows] @ informed[rows, : periods + 1]) + 0.5 / rows.sum()
        total[v] += counts[:periods] @ np.log(new / new.sum())
    return total


def table(villages: Lending, reached: list[np.ndarray]) -> tuple[list[Choice], np.ndarray]:
    """Under each point of the design: the choice model, and the likelihood [point, village]."""
    choices = [choose(villages.covariates, villages.joined, at_end(informed, villages).astype(float)) for informed in reached]
    return choices, np.array([likelihood(villages, choice, informed) for choice, informed in zip(choices, reached)])


def judged(train: Lending, test: Lending, points: list[Point], reached: list[np.ndarray], copies: int, seed: int) -> list[Village]:
    """Each village of `test`, predicted from `train`, of whose households `reached` tells under each point. Nothing of `test` is known
    but people, ties and leaders: log-loss is that of who has joined in the end, by household."""
    choices, likelihoods = table(train, reached)
    best = int(likelihoods.sum(axis=1).argmax())
    decide = choices[best].chance(test.covariates)
    informed, joined = play(test, decide, points[best].rates, copies, seed)
    ours = at_end(informed.mean(axis=0), test) * decide  # who hears does not hang on his own choice: exact, and without its noise
    alone = choose(train.covariates, train.joined, np.ones(len(train.joined)) - 1e-9).chance(test.covariates)
    first, size = train.first_joined(), train.size[:, None]
    watched = np.isfinite(train.takeup[:, 1:])
    before = np.cumsum(first, axis=1) - first
    rates = pooled_hazard(first.sum(axis=0), ((size - before) * watched).sum(axis=0))
    bass = pooled_bass(first, (size - before) * watched, before, size)
    grown = np.concatenate([[0.0], 1.0 - np.cumprod(1.0 - _extended(rates, test.takeup.shape[1] - 1))])
    return [_village(test, v, joined, ours, alone, grown, bass) for v in range(len(test.villages))]


def _extended(rates: np.ndarray, periods: int) -> np.ndarray:
    return rates[np.minimum(np.arange(periods), len(rates) - 1)]


def _village(test: Lending, v: int, joined: np.ndarray, ours: np.ndarray, alone: np.ndarray, grown: np.ndarray, bass) -> Village:
    rows, periods = test.village == v, int(test.periods[v])
    size, happened, observed = int(rows.sum()), test.joined[rows], test.takeup[v, : periods + 1]
    runs, grown = joined[:, rows, : periods + 1], grown[: periods + 1]
    spread = runs.mean(axis=1)
    curves = {OURS: spread.mean(axis=0), "hazard": grown, "Bass": bass.curve(size, periods)}
    curves["covariates"] = alone[rows].mean() * grown / grown[-1]
    chance = {model: np.full(size, curve[-1]) for model, curve in curves.items()}
    chance |= {OURS: ours[rows], "covariates": alone[rows]}
    loss = {model: log_loss(values, happened) for model, values in chance.items()}
    low, high = np.quantile(spread, (0.1, 0.9), axis=0)
    return Village(test.villages[v], size, loss, observed, curves, low, high)

"""Is there influence along ties? A score test against networks in which people stand at other places of their village.

    found = test(people, permutations=2000, seed=1)
    found.z, found.p, found.p_low, found.p_high

What is tested: of those in a village who could adopt in a period, did they adopt who had named more people that had adopted before? Each
village and period is a stratum of its own (Cox's partial likelihood), so neither common shocks nor differences between villages nor the
shape of the curve can be taken for influence. Held besides: the person's covariates (people alike name each other and adopt at the same
time), and how many he named.

Ties are taken as they were named. The number one names is set by the questionnaire; the number of those who name one is popularity, and the
popular adopt early for reasons of their own, so ties that are named from the other side would bring that in.

The reference distribution: within each village people (with their covariates and dates) change places in the network at random. The
statistic is the efficient score, standardized by its information in each permuted network anew.
"""

from typing import NamedTuple

import numpy as np

from experiments.networks.reading import Dated
from experiments.networks.shrinking import scaled, scaling

TINY = 1e-300


class Influence(NamedTuple):
    """z: standardized score, positive where those told more adopt sooner; p one-sided, with the 95 % interval of its Monte Carlo error."""

    z: float
    p: float
    p_low: float
    p_high: float
    permutations: int


class Strata(NamedTuple):
    """What stays as it is when people change places, [person, period]: weight (0 where not at risk), adopts, and who had adopted before."""

    member: np.ndarray
    weight: np.ndarray
    adopts: np.ndarray
    before: np.ndarray


def test(people: Dated, permutations: int, seed: int, covariates: bool = True) -> Influence:
    """The test of one set. covariates: held, or (False) only villages, periods and how many were named.

    Raises ValueError for a set without ties.
    """
    if not people.named.size:
        raise ValueError(f"{people.name}: nobody named anybody")
    strata = _strata(people, covariates)
    rng = np.random.Generator(np.random.PCG64(seed))
    names, size = _matrix(people), len(people.adopted)
    observed = score(strata, names, np.arange(size))
    rows = [np.flatnonzero(people.village == v) for v in range(len(people.villages))]
    above = 0
    for _ in range(permutations):
        place = np.empty(size, int)
        for row in rows:
            place[row] = rng.permutation(row)
        above += score(strata, names, place) >= observed
    return Influence(observed, (above + 1) / (permutations + 1), *clopper_pearson(above, permutations), permutations)


def clopper_pearson(count: int, of: int) -> tuple[float, float]:
    """Exact 95 % interval of a share."""
    from scipy.stats import beta

    low = beta.ppf(0.025, count, of - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, of - count) if count < of else 1.0
    return float(low), float(high)


def score(strata: Strata, names, place: np.ndarray) -> float:
    """Standardized efficient score of being told, given how many were named, where person i stands at `place[i]` of the network.

    names: sparse [place, place], 1 where the first names the second.
    """
    at = np.empty_like(place)
    at[place] = np.arange(len(place))
    told = (names @ strata.before[at])[place]
    named = np.log1p(np.asarray(names.sum(axis=1)).ravel()[place])[:, None]
    scale = np.maximum(strata.member @ strata.weight, TINY)
    events = strata.member @ strata.adopts
    mean = lambda x: strata.member @ (strata.weight * x) / scale  # noqa: E731
    gap = lambda x: float((strata.member @ (strata.adopts * x) - events * mean(x)).sum())  # noqa: E731
    joint = lambda x, y: float((events * (mean(x * y) - mean(x) * mean(y))).sum())  # noqa: E731
    free = joint(named, named)
    slope = joint(told, named) / free if free > 0 else 0.0
    information = joint(told, told) - slope * joint(told, named)
    return (gap(told) - slope * gap(named)) / information**0.5 if information > 1e-9 else 0.0


def _matrix(people: Dated):
    from scipy.sparse import csr_array

    size = len(people.adopted)
    return csr_array((np.ones(people.named.shape[1]), tuple(people.named)), shape=(size, size))


def _strata(people: Dated, covariates: bool) -> Strata:
    periods = np.arange(1, people.periods + 1)
    before, adopts = people.adopted[:, None] < periods, people.adopted[:, None] == periods
    member = (people.village == np.arange(len(people.villages))[:, None]).astype(float)
    x = scaled(people.covariates, *scaling(people.covariates))
    weight = np.ones(len(x))
    if covariates:
        weight = np.exp(x @ _weights(x, member, ~before, adopts.astype(float)))
    return Strata(member, weight[:, None] * ~before, adopts.astype(float), before.astype(float))


def _weights(x: np.ndarray, member: np.ndarray, at_risk: np.ndarray, adopts: np.ndarray) -> np.ndarray:
    """Weights of covariates in the partial likelihood (Breslow's form for ties in time), without the network; shrunk a little."""
    from scipy.optimize import minimize

    events, total = member @ adopts, x.T @ adopts.sum(axis=1)

    def loss(weights):
        strength = np.exp(x @ weights)[:, None] * at_risk
        scale = np.maximum(member @ strength, TINY)
        expected = strength * (member.T @ (events / scale))
        value = float((events * np.log(scale)).sum() - total @ weights + 0.5 * weights @ weights)
        return value, x.T @ expected.sum(axis=1) - total + weights

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="BFGS", options=dict(gtol=1e-4)).x

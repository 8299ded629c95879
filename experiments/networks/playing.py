"""The production kernel on a real network: whom a fitted hazard would bring to adopt, from nothing.

    joined = play(model, people, copies=200, seed=7)        # [copy, person] period of adoption, -1 never
    shares(joined, people)                                  # [copy, village, 0..periods]

A limiting setting, as in experiments/checks: a step is a period, whoever hears adopts, and a tie's weight is the chance to hear through
it. The outside is one more member, tied to everybody; what he says changes from period to period, so the weights of his ties are set
anew before each step. Everything else is the kernel's: who hears whom, in which order, by which draws.
"""

import numpy as np

from experiments.checks import worlds
from experiments.networks.hazards import Hazard, outside_rate
from experiments.networks.reading import Dated


def play(model: Hazard, people: Dated, copies: int, seed: int) -> np.ndarray:
    """[copy, person] period of adoption, -1 for who has not by the end."""
    outside = -np.expm1(-outside_rate(model, people))
    return spread(np.broadcast_to(outside, (copies, *outside.shape)), people.ties, model.tie_prob, seed)


def spread(outside: np.ndarray, ties: np.ndarray, tie_prob: float, seed: int) -> np.ndarray:
    """Play chances `outside` [copy, person, period] and one chance for all ties (2, pairs). Returns [copy, person] as in `play`."""
    copies, size, periods = outside.shape
    everybody = np.array([np.arange(size), np.full(size, size)])
    members, pairs = worlds.copied({"enrolled": worlds.flags(size + 1, [size])}, np.hstack([ties, everybody]), copies)
    world = worlds.play(
        periods, people=members, ties=pairs, behavior=dict(talk_enrolled_prob=1.0, talk_aware_prob=0.0), limits=worlds.SPREAD,
        replicate=seed,
    )  # fmt: skip
    row = np.repeat(np.arange(world.people.size), np.diff(world.network.indptr))
    place, copy = row % (size + 1), row // (size + 1)
    from_outside = np.flatnonzero((world.network.indices % (size + 1) == size) & (place < size))
    weight = world.village.ties["weight"]
    weight[:] = tie_prob
    for period in range(periods):
        weight[from_outside] = outside[copy[from_outside], place[from_outside], period]
        world.advance(period + 1)
    return worlds.dates(world, copies)[:, :size]


def shares(joined: np.ndarray, people: Dated) -> np.ndarray:
    """Share that has adopted, [copy, village, 0..periods]."""
    villages = range(len(people.villages))
    return np.stack([worlds.curves(joined[:, people.village == v], people.periods) / (people.village == v).sum() for v in villages], axis=1)

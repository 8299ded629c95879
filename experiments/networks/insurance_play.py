"""The production kernel in cai: a first round of sessions, two steps in which friends may tell, a second round.

    bought = play(model, farmers, copies=100, seed=1)         # [copy, farmer, 0..2] had bought after no round, the first, the second

A limiting setting as in experiments/checks. Perceived value is spread normally around the price; a session brings understanding from 0
to 1, and so does the word of a friend who knows; each farmer weighs once: when a friend tells him, or when his own round comes. Friends
who live in villages that are not played stand beside as people who went to the same session.
"""

import datetime as dt

import numpy as np

from experiments.checks import worlds
from experiments.checks.microfinance import INCOME_WEIGHT, VALUE_SD, incomes
from experiments.checks.worlds import PRICE_RP, START, copied, lever
from experiments.networks.insurance import Farmers
from experiments.networks.insurance_fit import Buying
from simulation.stages import ENROLLED

#: the second round is held two steps after the first; friends tell in both of these, so that each has half the chance (in logs)
TALKS, LAST = 2, 2
#: the widest spread between communities that the simulation takes, over that between persons
WIDEST = 0.9


def play(model: Buying, farmers: Farmers, copies: int, seed: int) -> np.ndarray:
    """Whether each farmer had bought [copy, farmer, 0..2]. In each copy villages have effects of their own."""
    from scipy.special import ndtr

    size, known = len(farmers.second), np.bincount(farmers.ties[0], minlength=len(farmers.second))
    outside = farmers.friends - known
    strangers = int(outside.max(initial=0))
    listener = np.repeat(np.arange(size), outside)
    stranger = size + np.arange(len(listener)) - np.repeat(np.cumsum(outside) - outside, outside)
    chance = np.concatenate([ndtr(model.linear(farmers) + model.taught), np.full(strangers, 0.5)])
    session = np.concatenate([farmers.intensive, np.ones(strangers, bool)])
    second = np.concatenate([farmers.second, np.zeros(strangers, bool)])
    groups = {"pkh": session & ~second, "waste_bank": ~session & ~second, "farmer_group": session & second, "arisan": ~session & second}
    village = np.concatenate([farmers.village, np.full(strangers, len(farmers.villages))])
    people = {"income_rp": incomes(np.clip(chance, 1e-4, 1.0 - 1e-4)), "community": village} | {k: v.astype(int) for k, v in groups.items()}
    people, ties = copied(people, np.hstack([farmers.ties, [listener, stranger]]), copies)
    people["community"] += np.repeat(np.arange(copies), size + strangers) * (len(farmers.villages) + 1)
    passing = 1.0 - (1.0 - model.tie_prob) ** (1.0 / TALKS)
    behavior = dict(
        talk_enrolled_prob=passing, talk_aware_prob=passing, value_sd=VALUE_SD, community_sd_ratio=min(WIDEST, model.community_sd),
        understanding_weight=VALUE_SD * model.taught, income_weight=INCOME_WEIGHT, risk_weight=0.0, trust_weight=0.0, own_money_weight=1.0,
        death_fund_weight=0.0, session_intensity=1.0, talk_intensity=1.0, media_intensity=0.0, bonding_credibility=1.0,
    )  # fmt: skip
    later = START + dt.timedelta(weeks=LAST)
    world = worlds.play(
        LAST + 1, people=people, ties=ties, village=dict(median_value_rp=float(PRICE_RP), understanding_mean=0.0), behavior=behavior,
        limits=dict(billing_months=0), replicate=seed,
        levers=[_round("pkh", "session", START), _round("waste_bank", "media", START), _round("farmer_group", "session", later),
                _round("arisan", "media", later)],
    )  # fmt: skip
    out = np.zeros((copies, size, 3), bool)
    for column, until in ((1, 1), (2, LAST + 1)):
        world.advance(until)
        out[:, :, column] = np.isin(world.village.workers["stage"], ENROLLED).reshape(copies, -1)[:, :size]
    return out


def _round(group: str, channel: str, start: dt.date):
    return lever(group, start, contact=dict(channel=channel, weekly_prob=1.0, events=1), target=dict(membership=[group]))

"""The production kernel in bcdj: leaders are told in person, the lender is heard of for a period, ties pass word, each decides once.

    informed, joined = play(villages, decide, Rates(0.02, 0.03, 0.005, 10.0), copies=20, seed=1)

A step is a week. As in experiments/checks/microfinance.py each household that hears decides at once and once, with its own chance
`decide` (a perceived value around the price), and from the next week on talks to each tie, more if it joined. What is added: the talk of
leaders is boosted for the first weeks, as that of all whom a campaign reaches in person, for take-up jumps in the first four months;
and in these months everybody may hear from outside, for households without ties join too.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np

from experiments.checks import worlds
from experiments.checks.microfinance import INCOME_WEIGHT, VALUE_SD, incomes
from experiments.checks.worlds import PRICE_RP, copied, lever
from experiments.networks.lending import Lending
from simulation.stages import ENROLLED, Stage

WEEKS = 17
#: a Monday after which the contribution stays the same for more than three years: a falling price would reopen decisions
START = dt.date(2022, 5, 2)
BOOST_WEEKS = 8
#: decisions nearer to certain than this are taken as this
SURE = 0.001


class Rates(NamedTuple):
    """Per week: chance to hear from outside (first period only), to pass word to a tie if joined and if only informed; boost of leaders."""

    outside: float
    joined: float
    informed: float
    boost: float


def play(villages: Lending, decide: np.ndarray, rates: Rates, copies: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each household was informed, and had joined, after periods 0, 1, ...: two arrays [copy, household, 0..]."""
    income = incomes(np.clip(decide, SURE, 1.0 - SURE))
    people, ties = copied({"community": villages.village, "income_rp": income, "pkh": villages.leader.astype(int)}, villages.ties, copies)
    levers = [
        lever("leaders", START, contact=dict(channel="session", weekly_prob=1.0, events=1), target=dict(membership=["pkh"])),
        lever("lender", START, contact=dict(channel="media", weekly_prob=rates.outside, events=WEEKS)),
    ]  # fmt: skip
    behavior = dict(
        talk_enrolled_prob=rates.joined, talk_aware_prob=rates.informed, talk_boost=rates.boost, talk_boost_weeks=BOOST_WEEKS,
        value_sd=VALUE_SD, community_sd_ratio=0.0, income_weight=INCOME_WEIGHT, risk_weight=0.0, trust_weight=0.0, own_money_weight=1.0,
    )  # fmt: skip
    periods = int(villages.periods.max())
    world = worlds.play(
        periods * WEEKS, people=people, ties=ties, village=dict(median_value_rp=float(PRICE_RP)), behavior=behavior,
        limits=dict(billing_months=0, exposure_weeks=(villages.periods * WEEKS).tolist()), levers=levers, start=START, replicate=seed,
    )  # fmt: skip
    out = np.zeros((2, copies, len(decide), periods + 1), bool)
    for period in range(1, periods + 1):
        world.advance(period * WEEKS)
        stage = world.village.workers["stage"].reshape(copies, -1)
        out[:, :, :, period] = stage != Stage.UNAWARE, np.isin(stage, ENROLLED)
    return out[0], out[1]

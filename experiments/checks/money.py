"""Small worlds in which every rupiah is reckoned by hand: the whole ledger, and the pay slips of a Perisai.

Twenty workers hear of it in the first week of January 2018 and register at once. The contribution is Rp 16,800; first due
dates are the first month starts at least 28 days later, so in a year without lapse everybody pays once in each calendar month.
"""

import datetime as dt

import numpy as np

from experiments.checks import worlds
from experiments.checks.worlds import MUTE, START, Found, lever
from simulation.stages import Item, Payer

WORKERS = 20
MONTH_RP = 336_000  # 20 x 16,800
FAITHFUL = MUTE | dict(forget_start_prob=0.0, forget_floor_prob=0.0, solidarity_prob=0.0)


def session(start=START, **cost):
    """Everybody is told once, in the first week."""
    return lever("session", start=start, contact=dict(channel="session", weekly_prob=1.0, events=1), cost=cost)


def books(world, expected: dict, note: str) -> Found:
    """Every cell of the ledger against `expected` {(lever or None, item, payer): rupiah of each month}; a cell left out is 0."""
    world.advance()
    names = [one.name for one in world.parameters.campaign.levers]
    by_hand = np.zeros_like(world.village.ledger)
    for (name, item, payer), months in expected.items():
        by_hand[: len(months), len(names) if name is None else names.index(name), item, payer] = months
    wrong = int((by_hand != world.village.ledger).sum())
    note = f"{note}; {wrong} of {by_hand.size} cells of the ledger differ"
    return Found(int(by_hand.sum()), int(world.village.ledger.sum()), 0, "Rp", 1, note, wrong == 0)


def year(levers, *, start=START, workers=WORKERS, **settings):
    return worlds.play(52, village=dict(workers=workers), behavior=FAITHFUL, levers=levers, start=start, **settings)


OWN = (None, Item.CONTRIBUTION, Payer.WORKER)


def costs() -> Found:
    """Fixed, monthly and event costs, contacts, help with registering, gifts; and what the workers pay."""
    told = session(fixed_rp=7_000, monthly_rp=500, event_rp=1_000, contact_rp=100, registration_rp=2_500)
    gift = lever("gift", gift=dict(value_rp=5_000), payer="village")
    expected = {
        OWN: [MONTH_RP] * 12,
        ("session", Item.FIXED, Payer.BRANCH): [7_500] + [500] * 11,
        ("session", Item.EVENT, Payer.BRANCH): [1_000],
        ("session", Item.CONTACT, Payer.BRANCH): [2_000],
        ("session", Item.REGISTRATION, Payer.BRANCH): [50_000],
        ("gift", Item.GIFT, Payer.VILLAGE): [100_000],
    }
    return books(year([told, gift]), expected, "12 x 336,000 + 7,000 + 12 x 500 + 1,000 + 20 x (100 + 2,500 + 5,000)")


def free_months() -> Found:
    """Three months are paid by the regency, nine by the workers."""
    free = lever("free", price=dict(months=3), payer="regency")
    expected = {OWN: [0, 0, 0] + [MONTH_RP] * 9, ("free", Item.SUBSIDY, Payer.REGENCY): [MONTH_RP] * 3}
    return books(year([session(), free]), expected, "3 + 9 months x 336,000")


def partial_subsidy() -> Found:
    """A quarter of four months is paid by the branch: 4,200 of 16,800."""
    quarter = lever("quarter", price=dict(months=4, discount_share=0.25))
    expected = {OWN: [252_000] * 4 + [MONTH_RP] * 8, ("quarter", Item.SUBSIDY, Payer.BRANCH): [84_000] * 4}
    return books(year([session(), quarter]), expected, "4 x (252,000 + 84,000) + 8 x 336,000")


def sponsored() -> Found:
    """The village puts everybody on a list and pays for all twelve months."""
    village = lever("list", sponsor=dict(term_months=12), payer="village")
    return books(year([village]), {("list", Item.SUBSIDY, Payer.VILLAGE): [MONTH_RP] * 12}, "12 x 336,000")


def relief() -> Found:
    """The decree of April to December 2026 halves what self-payers owe: 8,400 from April on (dated rules as shipped)."""
    first = dt.date(2026, 2, 2)
    expected = {OWN: [MONTH_RP] * 2 + [168_000] * 9 + [MONTH_RP]}
    return books(year([session(first)], start=first), expected, "February, March and January in full, nine months half")


def budget() -> Found:
    """A budget of Rp 33,000 pays for the first 6 of 20 gifts of Rp 5,000; what is left pays for none."""
    gift = lever("gift", gift=dict(value_rp=5_000))
    world = year([session(), gift], campaign=dict(budget_rp=33_000))
    world.advance()
    spent = world.village.ledger[:, :, :, : Payer.COMPANY + 1].sum()
    return Found(30_000, int(spent), 0, "Rp", 1, "6 gifts; budget 33,000")


# ------------------------------------------------------------------ Perisai


def slips(members: int, months: int, start=START) -> list[int]:
    """Pay in each calendar month, by month from `start`: one agent visits everybody in the first week, and collects from then on."""
    agent = lever("perisai", start=start, agents=dict(number=1, visits_per_week=500, reserve_income_rp=0, leave_prob=0.0), payer="scheme")
    village = dict(workers=members, agent_candidates_per_1000=1000.0 / members)
    world = worlds.play(months * 365 // 84 + 1, village=village, behavior=FAITHFUL, levers=[agent], start=start)
    world.advance()
    return world.village.ledger[:, 0, Item.COMMISSION, Payer.SCHEME].tolist()


def paid(expected: list[int], got: list[int], note: str) -> Found:
    """Pay slips, all of them."""
    got = got[: len(expected)]
    return Found(sum(expected), sum(got), 0, "Rp", 1, f"{note}; {len(expected)} slips", got == expected)


def perisai_2018_bonus() -> Found:
    """50 new members: 500,000 and 7.5 % of 50 x 16,800; then 7.5 % every month."""
    return paid([0, 563_000] + [63_000] * 10, slips(50, 12), "500,000 + 11 x 7.5 % of 50 x 16,800")


def perisai_2018_below() -> Found:
    """49 new members: no bonus."""
    return paid([0] + [61_740] * 11, slips(49, 12), "no bonus, 11 x 7.5 % of 49 x 16,800")


NEW_RULE = dt.date(2022, 4, 4)


def perisai_2022() -> Found:
    """25 new members: 10,000 each; 15 % in their months 1 to 24, 5 % to 60, of half the price in April to December 2026."""
    by_hand = [0, 313_000] + [63_000] * 23 + [21_000] * 24 + [10_500] * 9 + [21_000] * 3 + [0] * 4
    return paid(by_hand, slips(25, 66, NEW_RULE), "25 x 10,000 + 24 x 63,000 + 27 x 21,000 + 9 x 10,500")


def perisai_2022_below() -> Found:
    """24 new members: nothing per head."""
    return paid([0] + [60_480] * 11, slips(24, 12, NEW_RULE), "nothing per head, 11 x 15 % of 24 x 16,800")


def struck_off() -> Found:
    """Three barren months strike an agent off, six months later he is back: January to March, October to December."""
    agent = lever("perisai", agents=dict(number=1, visits_per_week=0, reserve_income_rp=0, leave_prob=0.0), payer="scheme")
    world = worlds.play(52, village=dict(workers=100, agent_candidates_per_1000=10.0), behavior=FAITHFUL, levers=[agent])
    active = []
    while world.running:
        world.advance(world.week + 1)
        if world.village.weeks["month_start"][world.week - 1]:
            active.append(int(world.village.agents[0].active))
    sound = active == [1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]
    return Found(6, sum(active), 0, "months active of 12", 1, "January to March, October to December", sound)

"""Small worlds for tests: parameters with one line, and what a run left behind."""

import datetime as dt

import numpy as np

from simulation import world
from simulation.parameters import Behavior, Campaign, Lever, Limits, Occupation, Parameters, Scheme, SchemeRule, Village

START = dt.date(2018, 1, 1)
RULE = SchemeRule(
    start=dt.date(2017, 1, 1), price_rp=16_800, death_benefit_rp=24_000_000, waiting_months=0, waiting_benefit_rp=10_000_000,
    accident_claim_rp=8_000_000, grace_months=3, relief_share=0.0, agent_bonus_members=50, agent_bonus_rp=500_000, agent_per_member_rp=0,
    agent_early_bp=750, agent_late_bp=0, agent_early_months=600, agent_late_months=600, agent_idle_months=3, agent_return_months=6,
)  # fmt: skip
SCHEME = Scheme(rules=[RULE])

#: a village with no surprises: one occupation, always cash, nobody out of reach
PLAIN = dict(
    occupations=[Occupation(name="worker", share=1.0, income_median_rp=10_000_000, income_cv=0.0, need_share=0.0)], income_sd=0.0,
    never_share=0.0, misbelief_share=0.0, documents_prob=1.0, system_prob=1.0, form_prob=1.0, travel_rp=0, hassle_rp=0,
    baseline_coverage_share=0.0, median_value_rp=9_000_000.0, understanding_mean=1.0, forget_prob=0.0, start_coverage_share=0.0,
)  # fmt: skip
#: nothing happens but what the test sets
QUIET = dict(claims=False, turnover=False)
#: 7.1 to 7.5 certain in one step
CERTAIN = dict(kit_attention_prob=1.0, teach_ceiling_share=1.0, self_persuasion_prob=1.0, compare_prob=1.0, attempt_prob=1.0, recompare_ratio=1.0, discourage_prob=0.0, fade_prob=0.0)


def lever(name="lever", start=START, **keys) -> Lever:
    return Lever.model_validate({"name": name, "start": start, **keys})


def parameters(weeks=52, village=None, behavior=None, limits=None, levers=(), campaign=None, scheme=SCHEME, burn_in=0, start=START) -> Parameters:
    return Parameters(
        start=start, until=start + dt.timedelta(days=weeks * (limits or {}).get("step_days", 7)), burn_in_weeks=burn_in,
        village=Village(**(village or {})), behavior=Behavior(**(behavior or {})), limits=Limits(**(limits or {})), scheme=scheme,
        campaign=Campaign(levers=list(levers), **(campaign or {})),
    )  # fmt: skip


def run(p: Parameters, seed=1, replicate=0) -> world.World:
    w = world.build(p, seed, replicate)
    w.advance()
    return w


def events(w) -> np.ndarray:
    """Events of the run's own weeks, summed."""
    return w.village.events[w.calendar.burn_in :].sum(axis=0)


def counts(w) -> np.ndarray:
    """[week, measure] over the run's own weeks, all groups."""
    return w.village.counts[w.calendar.burn_in :].sum(axis=1)


def same(a, b, ignore=("segment", "group")) -> bool:
    """Do two runs agree to the last bit in every worker's column (but how segments are numbered) and every event?"""
    one, two = a.village.workers, b.village.workers
    columns = [c for c in one.dtype.names if c not in ignore]
    return all(np.array_equal(one[c], two[c]) for c in columns) and np.array_equal(a.village.events, b.village.events)

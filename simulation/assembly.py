"""A village made ready to run: people, network, tables and books put together for the kernel, at step 0.

Two layers. The `Blueprint` holds what the scenario fixes and is kept from replicate to replicate; `assemble` adds what
luck draws and copies what it takes, so that two worlds never share anything that a run, or a caller, may change.
"""

import dataclasses
import functools
import math
from dataclasses import dataclass

import numpy as np

from simulation import cache

cache.prepare()

from simulation import campaign, kernel, network, population, records, rng, threads  # noqa: E402
from simulation.parameters import Parameters  # noqa: E402
from simulation.stages import ACTIVE, BELIEVED, MISBELIEF, PAID_OWN, REGISTERED, Contact, Source, Stage  # noqa: E402
from simulation.timeline import NEVER, Timeline, per_step, probability, timeline  # noqa: E402

MAX_GROUPS = 64
#: scenarios whose blueprint is kept (a quarter of a megabyte each, more where targets cut a village into many segments)
KEPT = 32


@dataclass
class World:
    """One village under one campaign. `week` counts steps, burn-in included; `calendar.burn_in` is the run's first.

    past_ceilings: (step, rupiah or None) of other monthly ceilings that held until that step, in order: a branch may change it.
    """

    parameters: Parameters
    seed: int
    replicate: int
    people: population.People
    network: network.Network
    calendar: Timeline
    tables: campaign.Tables
    village: kernel.Village
    week: int = 0
    past_ceilings: tuple[tuple[int, int | None], ...] = ()

    @property
    def running(self) -> bool:
        return self.week < self.calendar.steps

    def advance(self, until: int | None = None, *, workers: int = 1) -> None:
        """Run the weeks up to (not including) step `until`; to the end when absent. Steps past the end do nothing.

        `workers`: threads over blocks of rows. The digits are the same for any number; it pays from about 100,000 people.
        """
        last = self.calendar.steps if until is None else min(until, self.calendar.steps)
        if last > self.week:
            if workers > 1:
                threads.run(self.village, self.week, last, workers)
            else:
                kernel.run(self.village, self.week, last)
            self.week = last


@dataclass(frozen=True)
class Blueprint:
    """What the scenario fixes of a world: calendar, campaign, and templates of the kernel's tables. Never handed out, always copied."""

    parameters: Parameters
    calendar: Timeline
    campaign: campaign.Draft
    par: np.ndarray
    occupations: np.ndarray
    worker: np.ndarray


class Content:
    """Parameters as a key, known by what they say: a list in them that somebody changed in place makes them another scenario."""

    def __init__(self, parameters: Parameters):
        self.parameters, self.text = parameters, parameters.model_dump_json(warnings=False)

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other) -> bool:
        return self.text == other.text


@functools.lru_cache(KEPT)
def blueprint(content: Content) -> Blueprint:
    """Work out what a scenario fixes, from a copy of its own."""
    parameters = content.parameters.model_copy(deep=True)
    calendar = timeline(parameters)
    village = parameters.village
    return Blueprint(parameters, calendar, campaign.draft(parameters, calendar), _par(parameters), _occupations(village), _worker(village))


def assemble(parameters: Parameters, seed: int, replicate: int, like: World | None = None) -> World:
    """Build everything at step 0, before the burn-in. `village.median_value_rp` and `.forget_prob` must be set.

    `like`: a world of the same village, behavior, seed and replicate (the campaign may differ), whose people and network are taken over.
    Raises InputError for files or campaigns that do not fit the village.
    """
    key = (int(seed), int(replicate))
    fixed = blueprint(Content(parameters))
    people = like.people if like else population.synthesize(parameters, key)
    ties = like.network if like else network.synthesize(parameters, people, key)
    calendar = dataclasses.replace(fixed.calendar, dates=list(fixed.calendar.dates), rules=list(fixed.calendar.rules))
    tables = campaign.tables(fixed.campaign, people, key)
    workers = _workers(fixed, people, ties, tables.segments)
    par = fixed.par.copy()
    par["key0"], par["key1"] = key
    par["workers"], par["segments"], par["leaders"] = people.workers, tables.segments.count, len(people.leader_kind)
    public = records.table(records.PUBLIC, people.size)
    public["standing"][people.workers : people.workers + len(people.leader_kind)] = people.leader_enrolled
    table = records.table(records.TIE, len(ties.indices))
    table["other"], table["weight"], table["linking"] = ties.indices, ties.weight, (ties.kind == 2) | (ties.indices >= people.workers)
    months, levers = int(calendar.ledger_month.max()) + 1, len(tables.levers)
    groups, steps, n = int(workers["group"].max()) + 1, calendar.steps, people.workers
    village = kernel.Village(
        par=par.view(np.recarray), workers=workers.view(np.recarray), ties=table, public=public, occupations=fixed.occupations.copy().view(np.recarray),
        rows=tables.rows, places=tables.places, weeks=tables.weeks, contacts=tables.contacts, levers=tables.levers, plan=tables.plan,
        segment_levers=tables.segments.levers, offers=tables.offers, groups=tables.groups, agents=tables.agents, lists=tables.lists,
        leader_on=tables.leader_on, claims=records.table(records.CLAIM, 64 + n), misfortunes=records.table(records.MISFORTUNE, n + 1),
        day=records.table(records.DAY, 1), ledger=records.ledger(months, levers), events=np.zeros((steps, records.EVENTS), np.int64),
        passages=np.zeros((steps, 8, 8), np.int64), counts=np.zeros((steps, groups, records.MEASURES), np.int64),
        priority=np.zeros(n, np.int64), words=np.zeros((4, 4, kernel.BLOCK_ROWS), np.uint32),
    )  # fmt: skip
    return World(parameters, *key, people, ties, calendar, tables, village)


# ------------------------------------------------------------------ what the scenario fixes

#: of a village, set by `assemble`
DRAWN = ("key0", "key1", "workers", "segments", "leaders")


def first_dues(draws: np.ndarray, opens: np.ndarray, billing_months: int) -> np.ndarray:
    """When members of old owe next: spread over the first billing period by a uniform draw each; NEVER where it begins after the end."""
    turn = (draws * billing_months).astype(np.int64)
    return np.where(turn < len(opens), opens[np.minimum(turn, len(opens) - 1)], NEVER)


def _par(parameters: Parameters) -> np.ndarray:
    """The kernel's scalars from the typed parameters; weekly chances become chances per step, yearly rates per month."""
    b, v, limits, c = parameters.behavior, parameters.village, parameters.limits, parameters.campaign
    step = lambda p: per_step(p, limits.step_days)  # noqa: E731
    yearly = lambda per_1000: probability(per_1000 / 1000, 1 / 12)  # noqa: E731
    values = dict(
        log_value=round(math.log(v.median_value_rp), 9), forget_prob=step(v.forget_prob),
        talk_enrolled=step(b.talk_enrolled_prob), talk_aware=step(b.talk_aware_prob), talk_boost=b.talk_boost,
        boost_weeks=round(b.talk_boost_weeks * 7 / limits.step_days), peer_intensity=b.talk_intensity,
        bonding_credibility=b.bonding_credibility, linking_credibility=b.linking_credibility, understanding_weight=b.understanding_weight,
        trust_weight=b.trust_weight, trust_reference=b.trust_reference, imitation_weight=b.imitation_weight, misbelief_weight=b.misbelief_weight,
        risk_weight=b.risk_weight, clearing_ratio=b.belief_clearing_ratio, paid_count=b.paid_claim_count, bad_count=b.bad_claim_count,
        sour_count=b.sour_talk_count, learning=b.learning_share, teach_ceiling=b.teach_ceiling_share, learning_clearing=b.learning_clearing_ratio * b.learning_share,
        seen_risk_step=b.seen_risk_step, seen_risk_keep=1.0 - b.seen_risk_fade_share, self_persuasion=step(b.self_persuasion_prob),
        compare_prob=step(b.compare_prob), recompare_ratio=b.recompare_ratio, reopen_margin=b.reopen_margin, attempt_prob=step(b.attempt_prob),
        discourage_prob=b.discourage_prob, fade_prob=step(b.fade_prob), subsidized_habit=b.subsidized_habit_ratio,
        collector_ratio=b.collector_forgetting_ratio, auto_debit_ratio=b.auto_debit_forgetting_ratio, resentment=b.resentment_ratio,
        cash_multiple=b.cash_multiple, solidarity_prob=b.solidarity_prob, confirm_months=b.confirm_months,
        death_prob=yearly(v.death_per_1000_year), migration_prob=yearly(v.migration_per_1000_year), formal_prob=yearly(v.formal_per_1000_year),
        late_days=v.claim_late_days, leader_understanding=v.leader_understanding, trust_alpha=v.trust_mean * v.trust_strength,
        trust_beta=(1 - v.trust_mean) * v.trust_strength, understanding_mean=v.understanding_mean, understanding_spread=v.understanding_spread,
        misbelief_share=v.misbelief_share, awareness_share=v.baseline_awareness_share, never_share=v.never_share, value_sd=b.value_sd,
        own_risk_sd=b.own_risk_sd, silence_prob=limits.silence_prob, lapse_prob=limits.lapse_prob, billing_months=limits.billing_months,
        step_days=limits.step_days, late_fee_rp=limits.late_fee_rp, owes_arrears=limits.owes_arrears, claims_on=limits.claims,
        turnover_on=limits.turnover, pass_once=limits.pass_once, join_on_hearing=limits.join_on_hearing, threshold_rule=limits.threshold,
        budget_rp=-1 if c.budget_rp is None else c.budget_rp, ceiling_rp=-1 if c.monthly_ceiling_rp is None else c.monthly_ceiling_rp,
        levers=len(c.levers), intensity=_intensities(b), **_curves(b),
    )  # fmt: skip
    par = np.zeros(1, records.PAR)
    for name, value in values.items():
        par[name] = value
    missing = set(records.PAR.names) - set(values) - set(DRAWN)
    if missing:
        raise AssertionError(f"kernel scalars never set: {sorted(missing)}")
    return par


def _intensities(b) -> list[float]:
    by_class = {
        Contact.SESSION: b.session_intensity, Contact.VISIT: b.visit_intensity, Contact.TALK: b.talk_intensity,
        Contact.SERVICE: b.kit_intensity, Contact.MEDIA: b.media_intensity, Contact.KIT: b.kit_intensity,
    }  # fmt: skip
    return [by_class.get(k, 0.0) for k in range(8)]


def _curves(b) -> dict[str, np.ndarray]:
    """Tables in place of exponentials and powers: forgetting by habit, arrears, worn reminders, quantiles."""
    habit = [h / 4.0 for h in range(records.HABIT_CELLS)]
    fall = b.forget_start_prob - b.forget_floor_prob
    wear = 1.0 - b.reminder_wear_share
    return {
        "forget": np.array([round(b.forget_floor_prob + fall * math.exp(-h / b.habit_months), 12) for h in habit]),
        "missed": np.array([round((1.0 - b.missed_month_ratio) ** k, 12) for k in range(128)]),
        "reminder": np.array([1.0] + [round(1.0 - (1.0 - b.reminder_forgetting_ratio) * wear**k, 12) for k in range(255)]),
        "normal": rng.NORMAL, "mid": population.mid_quantiles(), "risk_table": population.exp_table(b.own_risk_sd, mean_one=True),
        "wait": _wait(),
    }  # fmt: skip


@functools.cache
def _wait() -> np.ndarray:
    """Quantiles of the exponential of mean one, in the middle of the cells."""
    return np.array([round(-math.log(1.0 - (k + 0.5) / rng.KNOTS), 9) for k in range(rng.KNOTS)])


def _occupations(village) -> np.ndarray:
    table = np.zeros(len(village.occupations), records.OCCUPATION)
    for k, o in enumerate(village.occupations):
        table["need"][k] = o.need_share
        table["accident_prob"][k] = probability(o.risk_ratio * village.accident_per_1000_year / 1000, 1 / 12)
        table["season"][k] = o.season
        table["shock"][k] = population.exp_table(math.sqrt(math.log(1 + o.income_cv**2)), mean_one=True)
    return table


#: columns of a worker that do not start at zero
FILL = {
    "offer": -1, "next_due": -1, "reached_week": kernel.LONG_AGO, "told_week": kernel.LONG_AGO, "joined_week": -1, "first_week": -1,
    "stop_week": -1, "first_stop": -1, "first_source": Source.NONE, "last_source": Source.NONE, "agent": -1, "visitor": -1, "visited": -1, "listed": -1,
}  # fmt: skip


def _worker(village) -> np.ndarray:
    """One worker as all start."""
    w = np.zeros(1, records.WORKER)
    for name, value in FILL.items():
        w[name] = value
    w["alpha"], w["beta"] = village.trust_mean * village.trust_strength, (1 - village.trust_mean) * village.trust_strength
    return w


# ------------------------------------------------------------------ what luck draws


def _workers(fixed: Blueprint, people, ties, segments) -> np.ndarray:
    """The workers' table at step 0: awareness and membership as the scenario targets say; the burn-in makes it stationary."""
    n, limits, calendar = people.workers, fixed.parameters.limits, fixed.calendar
    w = np.repeat(fixed.worker, n)
    w["first"], w["last"] = ties.indptr[:n], ties.indptr[1 : n + 1]
    w["segment"] = segments.of
    w["group"] = segments.of if segments.count <= MAX_GROUPS else 0
    for name in ("community", "occupation", "value", "value_slot", "risk", "known_draw", "threshold", "understanding_start"):
        w[name] = getattr(people, name)
    w["understanding"] = people.understanding_start
    w["income_rp"] = people.income_rp.clip(1, 2**31 - 1)
    w["arisan"] = (people.membership & 2) > 0
    exposure = np.full(people.communities, NEVER, np.int64)
    given = limits.exposure_weeks[: people.communities]
    exposure[: len(given)] = np.array(given, np.int64) + calendar.burn_in
    w["exposure"] = exposure[people.community]
    member = people.enrolled == 1
    w["stage"] = np.where(member, Stage.IMPLEMENTATION, np.where(people.aware == 1, Stage.KNOWLEDGE, Stage.UNAWARE))
    w["marks"] = np.where(member, np.uint16(REGISTERED | ACTIVE | PAID_OWN), people.misbelief.astype(np.uint16) * np.uint16(MISBELIEF | BELIEVED))
    months = 1 + (people.months_draw[member] * 48).astype(np.int16)
    w["own_months"][member] = months
    gap = np.cumprod(np.full(64, 1.0 - fixed.parameters.behavior.learning_share))
    w["understanding"][member] = 1.0 - (1.0 - people.understanding_start[member].astype(np.float64)) * gap[months]
    for name in ("joined_week", "first_week"):
        w[name][member] = 0
    for name in ("first_source", "last_source"):
        w[name][member] = Source.BASELINE
    opens = np.flatnonzero(calendar.month_start)
    if len(opens) and limits.billing_months:  # members of old: their next dues are spread over a billing period
        w["next_due"][member] = first_dues(people.months_draw[member], opens, limits.billing_months)
    return w

"""Outcomes: what a planner asks of a run, as pure functions of the recorded arrays and of `Snapshot`s of the workers.

Three flags stay apart: *registered* (ever, of those present), *active* (cover in force), *paying* (active by own money).
Only workers are counted. Whoever leaves (death, migration, formal job) takes his record along and a newcomer takes the
place: measures of people speak of those present, measures of events (registrations, stops, claims) of everybody.
What has no denominator is NaN, never a made-up number. A measure has the key (measure, group_kind, group), for all
workers together (measure, "all", "all"); `MEASURES` gives its unit, denominator and meaning.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulation import ledger
from simulation.ledger import share
from simulation.parameters import Parameters
from simulation.stages import ACTIVE, LEGAL_PASSAGES, MISBELIEF, PAID_OWN, REGISTERED, Event, Measure, Membership, Source, Stage
from simulation.timeline import NEVER, Timeline

DAYS_PER_MONTH = 30.4375
STAGES, SOURCES, EVENTS = ([code.name.lower() for code in kind] for kind in (Stage, Source, Event))
REACHED = STAGES[Stage.KNOWLEDGE : Stage.CONFIRMATION + 1]
#: how far who stands in a stage has come at least: REJECTED and LAPSED have been through PERSUASION
FURTHEST = np.array([0, 1, 2, 3, 4, 5, 2, 2])
FLAGS = ("registered", "active", "paying")
PASSAGES = sorted((int(a), int(b)) for a, b in LEGAL_PASSAGES)
#: columns of the weekly table; understanding and trust as sums in 1/65,536
WEEKLY = [*STAGES, *(m.name.lower() for m in Measure), *(f"{STAGES[a]}_to_{STAGES[b]}" for a, b in PASSAGES), *EVENTS]
CATEGORIES = ("innovator", "early_adopter", "early_majority", "late_majority", "laggard")
#: Rogers (2003): 2.5, 13.5, 34, 34 and 16 % of all workers, in the order of registration
CUTS = np.array([0.025, 0.16, 0.5, 0.84, 1.0])
CONTRIBUTIONS = 26
#: with more communities than this only their spread is reported
MOST_COMMUNITIES = 256
#: measure -> (unit, denominator or population, meaning)
MEASURES: dict[str, tuple[str, str, str]] = {
    "workers": ("workers", "", "places for workers in the village (whoever leaves is replaced)"),
    "aware": ("workers", "", "not UNAWARE at the date"),
    "registered": ("workers", "", "present and registered at some time"),
    "active": ("workers", "", "with cover in force at the date"),
    "paying": ("workers", "", "active, the last contribution from their own money"),
    **{f"{flag}_share": ("share", "workers", f"{flag} over workers (of the group)") for flag in ("aware", *FLAGS)},
    "understanding_mean": ("share", "workers", "mean understanding K"),
    "trust_mean": ("share", "workers", "mean belief that a claim would be paid"),
    "misbelief_share": ("share", "workers", "workers with a misbelief"),
    "in_stage": ("workers", "", "at the date in the stage"),
    "reached": ("workers", "", "present who have come at least as far as the stage (see `funnel`)"),
    "reached_share": ("share", "workers", "the same over workers"),
    "concentration_index": ("index", "active", "-1 all cover with the poorest, 0 equal, 1 with the richest; by rank of income"),
    "erreygers_index": ("index", "workers", "4 x active_share x concentration_index: comparable between levels of coverage"),
    "community_sd": ("share", "communities", "standard deviation of active_share between communities"),
    "attempted": ("workers", "", "present who ever tried to register themselves"),
    "attempted_registered_share": ("share", "attempted", "of those who ever tried, the registered"),
    "attempt_failure_share": ("share", "attempts since the start", "attempts that failed, for want of cash included"),
    "joined_since": ("workers", "", "present whose first registration lies after the start"),
    "left_since": ("workers", "", "first registered after the start, and gone since (death, migration, formal job)"),
    "retained": ("workers", "", "joined_since and active at the date"),
    "persistency_13": ("share", "persistency_13_cohort", "first spell of cover paid up to and with the 13th month, by date of stopping"),
    "persistency_13_cohort": ("workers", "", "joined_since whose 13th monthly contribution fell due by the date; leavers are left out"),
    "stock_retention_12": ("share", "paying 12 months ago", "of those who paid by own money 12 months ago and are present, active now"),
    "at_risk": ("workers", "", "joined_since, first spell of cover not stopped before this contribution fell due"),
    "stopped": ("workers", "", "of those at risk, stopped with this contribution (1st: registration)"),
    "first_channel": ("registrations and returns", "", "since the start, by what the worker first heard by"),
    "last_channel": ("registrations and returns", "", "since the start, by what reached the worker last"),
    "first_channel_share": ("share", "registrations and returns since the start", "first_channel over all"),
    "last_channel_share": ("share", "registrations and returns since the start", "last_channel over all"),
    "adopters": ("workers", "", "Rogers' categories: places 2.5, 13.5, 34, 34, 16 % of all workers, filled in order of first registration"),
    "adopter_week": ("weeks", "category", "median first registration, weeks from the start (before it: 0)"),
    "adopter_women_share": ("share", "category", "women"),
    "adopter_income_fifth": ("fifth", "category", "mean income fifth, 1 poorest"),
    "same_people": ("workers", "", "present since the start; reached in person since by the campaign: yes, no"),
    "understanding_before": ("share", "same_people", "their mean understanding at the start"),
    "understanding_after": ("share", "same_people", "their mean understanding at the date"),
    **{name: ("events", "", f"{name.replace('_', ' ')} since the start") for name in EVENTS},
    "active_person_months": ("person-months", "", "cover in force since the start, all workers (of 30.4375 days)"),
    "new_person_months": ("person-months", "", "the same, workers first registered since the start"),
    **ledger.MEASURES,
}  # fmt: skip


def mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64)) if len(values) else float("nan")


# ------------------------------------------------------------------ what is looked at


@dataclass(frozen=True)
class Snapshot:
    """Copied columns of the workers' table at the end of step `step` (burn-in included; `burn_in` is the run's first step).

    Weeks are step numbers, -1 for never. `identity` (three rows of float32 drawn at a worker's birth) differs once a
    newcomer has taken the place.
    """

    step: int
    burn_in: int
    stage: np.ndarray
    marks: np.ndarray
    understanding: np.ndarray
    trust: np.ndarray
    attempts: np.ndarray
    own_months: np.ndarray
    first_week: np.ndarray
    stop_week: np.ndarray
    first_stop: np.ndarray
    reached_week: np.ndarray
    first_source: np.ndarray
    identity: np.ndarray

    def flag(self, name: str) -> np.ndarray:
        """Boolean column: registered, active or paying."""
        want = {"registered": REGISTERED, "active": ACTIVE, "paying": ACTIVE | PAID_OWN}[name]
        return self.marks & want == want

    @property
    def joined_since(self) -> np.ndarray:
        """First registered since the start of the run."""
        return joined_since({"first_week": self.first_week, "first_source": self.first_source}, self.burn_in)

    @property
    def spell_end(self) -> np.ndarray:
        """Step at which the first spell of cover stopped: of the first lapse, else of a stop not made good so far; NEVER without."""
        return np.where(self.first_stop >= 0, self.first_stop, np.where(self.stop_week >= 0, self.stop_week, NEVER))

    def same_person(self, before: "Snapshot") -> np.ndarray:
        return (self.identity == before.identity).all(axis=0)


def snapshot(world) -> Snapshot:
    """The workers as they are now (after step `world.week - 1`)."""
    w = world.village.workers
    plain = "stage marks understanding attempts own_months first_week stop_week first_stop reached_week first_source"
    alpha = w["alpha"].astype(np.float64)
    return Snapshot(
        world.week - 1, world.calendar.burn_in, trust=alpha / (alpha + w["beta"]), **{name: np.array(w[name]) for name in plain.split()},
        identity=np.stack([w["value"], w["risk"], w["understanding_start"]]),
    )  # fmt: skip


@dataclass(frozen=True)
class Traits:
    """What belongs to the place, not the date. `groups`: kind -> (codes of the workers, names of the groups), communities last;
    `income_rank`: see `fractional_rank`; `stacked`: the codes of all kinds in one array, each kind's after the last, times 8."""

    groups: dict[str, tuple[np.ndarray, list[str]]]
    income_rank: np.ndarray
    stacked: np.ndarray
    names: list[tuple[str, str]]

    @classmethod
    def of(cls, groups: dict, income_rp: np.ndarray) -> "Traits":
        table = {kind: (np.asarray(codes, np.int64), names) for kind, (codes, names) in groups.items()}
        offsets = np.cumsum([0, *(len(names) for _, names in table.values())])
        stacked = np.concatenate([8 * (codes + offset) for (codes, _), offset in zip(table.values(), offsets)])
        return cls(table, fractional_rank(income_rp), stacked, [(kind, name) for kind, (_, names) in table.items() for name in names])

    @property
    def workers(self) -> int:
        return len(self.income_rank)


def traits(world) -> Traits:
    """Sex, occupation, income fifth, phone, membership of associations and community of every worker."""
    people = world.people
    groups = {
        "sex": (people.sex, ["male", "female"]), "occupation": (people.occupation, [o.name for o in world.parameters.village.occupations]),
        "income_fifth": (people.income_fifth - 1, ["1", "2", "3", "4", "5"]), "phone": (people.phone, ["no", "yes"]),
        **{bit.name.lower(): ((people.membership & bit) > 0, ["no", "yes"]) for bit in Membership},
        "community": (people.community, [str(c) for c in range(people.communities)]),
    }  # fmt: skip
    return Traits.of(groups, people.income_rp)


def fractional_rank(values: np.ndarray) -> np.ndarray:
    """(rank - 1/2) / n from the smallest to the largest, equal values share their mean rank; the mean is 1/2."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return ((np.cumsum(count) - count / 2) / len(values))[place.ravel()]


# ------------------------------------------------------------------ measures of people at a date


def levels(now: Snapshot) -> dict:
    """How many are aware, registered, active, paying; means of understanding and trust; who stands in which stage."""
    n = len(now.stage)
    stages = np.bincount(now.stage, minlength=8)
    count = {"aware": n - int(stages[Stage.UNAWARE])} | {name: int(now.flag(name).sum()) for name in FLAGS}
    out = {"workers": n} | count | {f"{name}_share": share(k, n) for name, k in count.items()}
    out |= {"understanding_mean": mean(now.understanding), "trust_mean": mean(now.trust)}
    out |= {"misbelief_share": mean(now.marks & MISBELIEF != 0)}
    return _all(out) | {("in_stage", "stage", name): float(k) for name, k in zip(STAGES, stages)}


def funnel(now: Snapshot, confirm_months: int) -> dict[str, int]:
    """How many of those present have come at least as far as each stage: each contains the next.

    implementation: ever registered; confirmation: in it, or registered with `confirm_months` own-paid months; decision: in it,
    or ever tried; persuasion: in it, or REJECTED; knowledge: not UNAWARE. Who forgot everything without a try counts no more.
    """
    level = FURTHEST[now.stage]
    level = np.maximum(level, 3 * (now.attempts > 0))
    registered = now.flag("registered")
    level = np.maximum(level, np.where(registered & (now.own_months >= confirm_months), 5, 4 * registered))
    return dict(zip(REACHED, np.bincount(level, minlength=6)[::-1].cumsum()[::-1][1:].tolist()))


def coverage(now: Snapshot, places: Traits) -> dict:
    """Registered, active and paying shares of every group (of communities, the last kind, active alone), and how equal they are."""
    bits = sum(now.flag(name).astype(np.int64) << k for k, name in enumerate(FLAGS))
    every, names = len(places.groups), places.names
    table = np.bincount(places.stacked + np.tile(bits, every), minlength=8 * len(names)).reshape(-1, 8)
    size = table.sum(axis=1)
    with np.errstate(invalid="ignore"):
        shares = {flag: table[:, (np.arange(8) >> k & 1) == 1].sum(axis=1) / size for k, flag in enumerate(FLAGS)}
    ends = len(names) - len(places.groups["community"][1])
    communities = shares["active"][ends:]
    out = _all({"community_sd": communities.std(ddof=1) if len(communities) > 1 else float("nan")})
    for measure, values in (("workers", size), *((f"{flag}_share", shares[flag]) for flag in FLAGS)):
        shown = names if measure == "active_share" and len(communities) <= MOST_COMMUNITIES else names[:ends]
        out |= {(measure, kind, name): float(x) for (kind, name), x in zip(shown, values.tolist())}
    index = concentration_index(now.flag("active"), places.income_rank)
    return out | _all({"concentration_index": index, "erreygers_index": 4.0 * mean(now.flag("active")) * index})


def concentration_index(covered: np.ndarray, rank: np.ndarray) -> float:
    """2 cov(covered, fractional rank) / mean(covered) (Kakwani, Wagstaff and van Doorslaer 1997); NaN if nobody is covered."""
    return 2.0 * mean(rank[np.asarray(covered) > 0]) - 1.0


def adopters(now: Snapshot, places: Traits) -> dict:
    """Rogers' categories by order of first registration (ties by row), with timing, women and income of each."""
    joined = np.flatnonzero(now.flag("registered"))
    order = joined[np.argsort(now.first_week[joined], kind="stable")]
    category = np.searchsorted(CUTS * places.workers, np.arange(len(order)) + 0.5)
    out = {("adopters", "adopter", "not_registered"): float(places.workers - len(order))}
    for k, name in enumerate(CATEGORIES):
        who = order[category == k]
        weeks = np.maximum(0, now.first_week[who] - now.burn_in)
        out |= {
            ("adopters", "adopter", name): float(len(who)),
            ("adopter_week", "adopter", name): float(np.median(weeks)) if len(who) else float("nan"),
            ("adopter_women_share", "adopter", name): mean(places.groups["sex"][0][who]),
            ("adopter_income_fifth", "adopter", name): mean(places.groups["income_fifth"][0][who] + 1),
        }
    return out


def understanding(start: Snapshot, now: Snapshot) -> dict:
    """Before and after, of the same people, by whether the campaign has reached them in person since the start."""
    same, met = now.same_person(start), now.reached_week >= now.burn_in
    out = {}
    for name, who in (("yes", same & met), ("no", same & ~met)):
        out["same_people", "reached_in_person", name] = float(who.sum())
        out["understanding_before", "reached_in_person", name] = mean(start.understanding[who])
        out["understanding_after", "reached_in_person", name] = mean(now.understanding[who])
    return out


# ------------------------------------------------------------------ staying


def due_steps(calendar: Timeline, contributions: int = CONTRIBUTIONS) -> np.ndarray:
    """[step of registration, k]: step at which contribution k + 1 of an unbroken spell falls due (NEVER: not in this calendar)."""
    table = np.full((calendar.steps, contributions), NEVER, np.int64)
    table[:, 0] = np.arange(calendar.steps)
    table[:, 1] = calendar.due_from_join
    for k in range(2, contributions):
        inside = table[:, k - 1] < NEVER
        table[inside, k] = calendar.due_from_due[table[inside, k - 1]]
    return table


def persistency(now: Snapshot, due: np.ndarray, contribution: int = 13) -> tuple[float, int]:
    """(share, cohort): of the workers first registered since the start whose `contribution`-th fell due by now, those who
    had not stopped by then. A stop is dated at the first unpaid month; a month made good before the lapse is no stop, a
    stop still open now is one. Leavers are in neither number (their record left with them)."""
    who = now.joined_since
    at = due[now.first_week[who], contribution - 1]
    cohort = at <= now.step
    return share((now.spell_end[who] > at)[cohort].sum(), cohort.sum()), int(cohort.sum())


def stops(now: Snapshot, due: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(at risk, stopped) at contribution 2, 3, ...: how the stops are spread over the months since registering (first spells)."""
    who = now.joined_since
    at = due[now.first_week[who]]
    end = now.spell_end[who][:, None]
    risk = (at[:, 1:] <= now.step) & (end > at[:, :-1])
    return risk.sum(axis=0), (risk & (end <= at[:, 1:])).sum(axis=0)


def stock_retention(before: Snapshot, now: Snapshot) -> float:
    """Of those who paid by own money `before` and are still present, the share with cover in force `now`."""
    who = before.flag("paying") & now.same_person(before)
    return mean(now.flag("active")[who])


# ------------------------------------------------------------------ events


def flows(events: np.ndarray, joined_by: np.ndarray) -> dict:
    """Sums since the start. events: [step, Event] of the run's own steps; joined_by: [first/last channel, Source]."""
    total = events.sum(axis=0)
    out = _all(dict(zip(EVENTS, total.tolist())))
    failed = total[Event.FAILURES] + total[Event.CASH_FAILURES]
    out |= _all({"attempt_failure_share": share(failed, total[Event.ATTEMPTS])})
    for which, row in zip(("first_channel", "last_channel"), joined_by):
        out |= {(which, "source", name): float(k) for name, k in zip(SOURCES, row)}
        out |= {(f"{which}_share", "source", name): share(k, row.sum()) for name, k in zip(SOURCES, row)}
    return out


# ------------------------------------------------------------------ week by week


def weekly(world) -> np.ndarray:
    """The run's own weeks so far, all groups together: int64 [week, WEEKLY]."""
    v, steps = world.village, slice(world.calendar.burn_in, world.week)
    of, to = np.array(PASSAGES).T
    counts = v.counts[steps].sum(axis=1)[:, : 8 + len(Measure)]
    return np.hstack([counts, v.passages[steps][:, of, to], v.events[steps]]).astype(np.int64)


def weekly_frame(table: np.ndarray, parameters: Parameters, replicates: list[int] | None = None) -> pd.DataFrame:
    """`weekly` ([week, column] or, with `replicates`, [run, week, column]) as a tidy frame: one row a week.

    week (from 0), date (first day of the week; counts are of its end), then WEEKLY; understanding and trust as means.
    """
    runs = table.reshape(-1, *table.shape[-2:])
    weeks = runs.shape[1]
    days = np.datetime64(parameters.start, "ms") + np.arange(weeks) * np.timedelta64(parameters.limits.step_days * 86_400_000, "ms")
    out = {} if replicates is None else {"replicate": np.repeat(np.asarray(replicates, np.int64), weeks)}
    out |= {"week": np.tile(np.arange(weeks), len(runs)), "date": np.tile(days, len(runs))}
    flat = runs.reshape(-1, len(WEEKLY))
    workers = flat[:, : len(STAGES)].sum(axis=1)
    for k, name in enumerate(WEEKLY):
        out[name] = flat[:, k] / (65_536.0 * workers) if name in ("understanding", "trust") else flat[:, k]
    return pd.DataFrame(out)


def at_date(table: np.ndarray, measure: str, day, parameters: Parameters) -> float:
    """A level (registered, active, paying, aware: workers; understanding: mean) at the end of the week that holds `day`; the day
    after the last week counts to it, any other day outside of the run gives NaN."""
    width = parameters.limits.step_days
    days = (day - parameters.start).days
    if not 0 <= days <= width * len(table):
        return float("nan")
    row = table[min(days // width, len(table) - 1)]
    workers = row[: len(STAGES)].sum()
    if measure == "aware":
        return float(workers - row[Stage.UNAWARE])
    value = float(row[WEEKLY.index(measure)])
    return value / (65_536.0 * workers) if measure == "understanding" else value


def members_before(world) -> int:
    """Workers with cover in force who were not first registered since the start."""
    w = world.village.workers
    return int(((w["marks"] & ACTIVE > 0) & ~joined_since(w, world.calendar.burn_in)).sum())


def joined_since(workers, burn_in: int) -> np.ndarray:
    """First registered since the start; members from before the burn-in have step 0 for their first week, so their source tells."""
    return (workers["first_week"] >= burn_in) & (workers["first_source"] != Source.BASELINE)


def problems(world) -> list[str]:
    """What does not add up in a run's counts of people, one line each; empty when all is well."""
    v, begin = world.village, world.calendar.burn_in
    counts, events, passages = v.counts[: world.week].sum(axis=1), v.events[: world.week], v.passages[: world.week]
    illegal = [f"{STAGES[a]} to {STAGES[b]}" for a, b in np.argwhere(passages.any(axis=0)).tolist() if (a, b) not in PASSAGES]
    flags = counts[:, [Measure.PAYING, Measure.ACTIVE, Measure.REGISTERED]]
    left = events[:, Event.EXIT_DEATH : Event.NEWCOMERS].sum(axis=1)
    joined = events[begin:, [Event.REGISTRATIONS, Event.REENTRIES]].sum(axis=0)
    checks = {
        "stage counts do not sum to the workers": (counts[:, :8].sum(axis=1) == world.people.workers).all(),
        "more paying than active, or active than registered": (np.diff(flags) >= 0).all(),
        f"passages that are not legal: {', '.join(illegal)}": not illegal,
        "newcomers do not match those who left": (left == events[:, Event.NEWCOMERS]).all(),
        "more workers joined since the start than registrations": joined_since(v.workers, begin).sum() <= joined[0],
        "registrations and returns do not match their channels": (v.day[0].joined_by.sum(axis=1) == joined.sum()).all(),
    }
    return [text for text, holds in checks.items() if not holds]


def _all(values: dict) -> dict:
    return {(name, "all", "all"): float(x) for name, x in values.items()}

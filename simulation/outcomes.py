"""Outcomes: what a planner asks of a run, as pure functions of the recorded arrays and of `Snapshot`s of the workers.

Three flags stay apart: *registered* (ever, of those present), *active* (cover in force), *paying* (active by own money).
Only workers are counted. Whoever leaves (death, migration, formal job) takes his record along and a newcomer takes the
place: measures of people speak of those present, measures of events (registrations, stops, claims) of everybody.
What has no denominator is NaN, never a made-up number. A measure has the key (measure, group_kind, group), for all
workers together (measure, "all", "all"); `MEASURES` gives its unit, denominator and meaning.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from simulation import ledger
from simulation.ledger import share
from simulation.parameters import Parameters
from simulation.snapshot import Snapshot, Traits, glance, joined_since
from simulation.stages import LEGAL_PASSAGES, MISBELIEF, Event, Measure, Source, Stage
from simulation.timeline import Timeline

if TYPE_CHECKING:  # who only measures need not wait for it
    import pandas as pd

DAYS_PER_MONTH = 30.4375
STAGES, SOURCES, EVENTS = ([code.name.lower() for code in kind] for kind in (Stage, Source, Event))
REACHED = STAGES[Stage.KNOWLEDGE : Stage.CONFIRMATION + 1]
FLAGS = ("registered", "active", "paying")
PASSAGES = sorted((int(a), int(b)) for a, b in LEGAL_PASSAGES)
#: their places among all 8 x 8, and where no passage may be
LEGAL = np.array([8 * a + b for a, b in PASSAGES])
ILLEGAL = ~np.isin(np.arange(64), LEGAL)
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
    """NaN of nothing."""
    return share(np.add.reduce(values, dtype=np.float64), len(values))


# ------------------------------------------------------------------ measures of people at a date


def levels(world) -> np.ndarray:
    """[stages, Measure]: how many are in each stage, registered, active ... as recorded at the end of the last week of the run's own.
    At the start they are counted here (understanding and trust are left out): nothing need be recorded yet."""
    return world.village.counts[world.week - 1].sum(axis=0) if world.week > world.calendar.burn_in else tally(glance(world))


def tally(now: Snapshot) -> np.ndarray:
    out = np.zeros(8 + len(Measure), np.int64)
    out[:8] = np.bincount(now["stage"], minlength=8)
    out[[Measure.REGISTERED, Measure.ACTIVE, Measure.PAYING]] = [np.count_nonzero(getattr(now, name)) for name in FLAGS]
    out[Measure.MISBELIEF] = np.count_nonzero(now["marks"] & MISBELIEF)
    return out


def counts(levels: np.ndarray) -> dict[str, float]:
    """How many are aware, registered, active, paying, and their shares of all workers."""
    *stages, registered, active, paying = levels[: Measure.PAYING + 1].tolist()
    n = sum(stages)
    count = {"aware": n - stages[Stage.UNAWARE], "registered": registered, "active": active, "paying": paying}
    return {"workers": n} | count | {f"{name}_share": share(k, n) for name, k in count.items()}


def _furthest() -> np.ndarray:
    """[stage + 8 tried + 16 registered + 32 confirmed]: how far who is all that has come at least."""
    stage, tried, registered, confirmed = (np.arange(64) & 7, *(np.arange(64) >> k & 1 for k in (3, 4, 5)))
    by_stage = np.array([0, 1, 2, 3, 4, 5, 2, 2])[stage]  # REJECTED and LAPSED have been through PERSUASION
    return np.maximum.reduce([by_stage, 3 * tried, registered * (4 + confirmed)])


#: [cell of funnel, stage of REACHED]
HAS_REACHED = (_furthest()[:, None] > np.arange(len(REACHED))).astype(np.int64)


def funnel(now: Snapshot, confirm_months: int) -> list[int]:
    """How many of those present have come at least as far as each stage of REACHED: each contains the next.

    implementation: ever registered; confirmation: in it, or registered with `confirm_months` own-paid months; decision: in it,
    or ever tried; persuasion: in it, or REJECTED; knowledge: not UNAWARE. Who forgot everything without a try counts no more.
    """
    cell = now["stage"].copy()
    for k, flag in ((3, now.tried), (4, now.registered), (5, now.table["own_months"] >= confirm_months)):
        cell |= flag.view(np.uint8) << np.uint8(k)
    return (np.bincount(cell, minlength=64) @ HAS_REACHED).tolist()


def attempts(now: Snapshot) -> dict[str, float]:
    number = np.count_nonzero(now.tried)
    return {"attempted": number, "attempted_registered_share": share(np.count_nonzero(now.registered & now.tried), number)}


#: [three bits, flag]
BITS = np.arange(8)[:, None] >> np.arange(len(FLAGS)) & 1


def coverage(now: Snapshot, places: Traits) -> np.ndarray:
    """[flag, group]: registered, active and paying share of every group, in the order of `places`."""
    some = np.flatnonzero(now.registered | now.active)  # who is neither need not be counted
    bits = np.zeros(len(some), np.uint8)
    for k, name in enumerate(FLAGS):
        bits |= getattr(now, name)[some].view(np.uint8) << np.uint8(k)
    cells = places.cells.take(some, axis=0)
    cells += bits[:, None]
    count = np.bincount(cells.ravel(), minlength=8 * len(places.size)).reshape(-1, 8) @ BITS
    with np.errstate(invalid="ignore"):
        return count.T / places.size


def spread(values: np.ndarray) -> float:
    """Standard deviation of a sample, NaN of fewer than two; the digits of values.std(ddof=1) without its detours."""
    n = len(values)
    off = values - np.add.reduce(values) / n
    return math.sqrt(np.add.reduce(off * off) / (n - 1)) if n > 1 else float("nan")


def concentration_index(covered: np.ndarray, rank: np.ndarray) -> float:
    """2 cov(covered, fractional rank) / mean(covered) (Kakwani, Wagstaff and van Doorslaer 1997); NaN if nobody is covered."""
    return 2.0 * mean(rank[covered]) - 1.0


def equity(covered: np.ndarray, rank: np.ndarray) -> tuple[float, float]:
    """Concentration index, and Erreygers (2009): 4 x mean(covered) x concentration index."""
    index = concentration_index(covered, rank)
    return index, 4.0 * share(np.count_nonzero(covered), len(covered)) * index


def adopters(now: Snapshot, places: Traits) -> list[tuple[float, float, float, float]]:
    """Rogers' categories by order of first registration (ties by row): workers, median week, share of women, mean income fifth."""
    joined = np.flatnonzero(now.registered)
    first = now.table["first_week"][joined]
    order = np.argsort(first, kind="stable")
    weeks = np.maximum(0, first[order] - now.burn_in)
    ends = np.searchsorted(np.arange(len(order)) + 0.5, CUTS * places.workers, side="right").tolist()
    sizes = [b - a for a, b in zip([0, *ends], ends)]
    category = np.repeat(np.arange(len(sizes)), sizes)
    sums = lambda kind: np.bincount(category, places.groups[kind][0][joined[order]], minlength=len(sizes)).tolist()  # noqa: E731
    middles = [(weeks[b - n + (n - 1) // 2] + weeks[b - n + n // 2]) / 2 if n else float("nan") for n, b in zip(sizes, ends)]
    rows = zip(sizes, middles, sums("sex"), sums("income_fifth"))
    return [(n, middle, share(women, n), share(fifths + n, n)) for n, middle, women, fifths in rows]


def same_people(start: Snapshot, now: Snapshot) -> list[tuple[float, float, float]]:
    """Of those whom the campaign has reached in person since the start, and of the others: how many are still the same people as
    at the start, their mean understanding then, and now."""
    same, met = now.same_person(start), now.table["reached_week"] >= now.burn_in
    groups = (np.flatnonzero(same & met), np.flatnonzero(same & ~met))
    return [(len(who), mean(start["understanding"][who]), mean(now["understanding"][who])) for who in groups]


# ------------------------------------------------------------------ staying


def due_steps(calendar: Timeline, contributions: int = CONTRIBUTIONS) -> np.ndarray:
    """[k, step of registration]: step at which contribution k + 1 of an unbroken spell falls due; `calendar.steps` where it never does."""
    never = calendar.steps
    after = np.minimum(np.append(calendar.due_from_due, never), never)  # never is followed by never
    table = np.empty((contributions, never), np.int64)
    table[0], table[1] = np.arange(never), np.minimum(calendar.due_from_join, never)
    for k in range(2, contributions):
        table[k] = after[table[k - 1]]
    return table


def persistency(now: Snapshot, due: np.ndarray) -> tuple[float, int]:
    """(share, cohort): of the workers first registered since the start for whom a contribution fell due by now, those who had not
    stopped by then. due: its row of `due_steps`. A stop is dated at the first unpaid month; a month made good before the lapse is no
    stop, a stop still open now is one. Leavers are in neither number (their record left with them)."""
    at = due[now.joined]
    cohort = at <= now.step
    number = np.count_nonzero(cohort)
    return share(np.count_nonzero((now.spell_end > at) & cohort), number), number


def stops(now: Snapshot, due: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(at risk, stopped) at contribution 2, 3, ...: how the stops are spread over the months since registering (first spells)."""
    at = due.take(now.joined, axis=1)
    risk = (at[1:] <= now.step) & (now.spell_end > at[:-1])
    return np.count_nonzero(risk, axis=1), np.count_nonzero(risk & (now.spell_end <= at[1:]), axis=1)


def stock_retention(payers: np.ndarray, before: Snapshot, now: Snapshot) -> float:
    """Of those who paid by own money `before` (these rows) and are still present, the share with cover in force `now`."""
    still = payers[now.same_person(before, payers)]
    return share(np.count_nonzero(now.active[still]), len(still))


# ------------------------------------------------------------------ events


def channels(joined_by: np.ndarray) -> dict[str, list[float]]:
    """Registrations and returns by source, and their shares. joined_by: [first/last channel, Source]."""
    out = {}
    for which, row in zip(("first_channel", "last_channel"), joined_by.tolist()):
        whole = sum(row)
        out |= {which: row, f"{which}_share": [share(k, whole) for k in row]}
    return out


# ------------------------------------------------------------------ week by week


def weekly(world) -> np.ndarray:
    """The run's own weeks so far, all groups together: int64 [week, WEEKLY]."""
    v, steps = world.village, slice(world.calendar.burn_in, world.week)
    counted, passages, events = v.counts[steps].sum(axis=1), v.passages[steps], v.events[steps]
    out = np.empty((len(events), len(WEEKLY)), np.int64)
    levels, flows = 8 + len(Measure), len(WEEKLY) - events.shape[1]
    out[:, :levels] = counted[:, :levels]
    out[:, levels:flows] = passages.reshape(len(passages), -1)[:, LEGAL]
    out[:, flows:] = events
    return out


def weekly_frame(table: np.ndarray, parameters: Parameters, replicates: list[int] | None = None) -> "pd.DataFrame":
    """`weekly` ([week, column] or, with `replicates`, [run, week, column]) as a tidy frame: one row a week.

    week (from 0), date (first day of the week; counts are of its end), then WEEKLY; understanding and trust as means.
    """
    import pandas as pd

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


def problems(world) -> list[str]:
    """What does not add up in a run's counts of people, one line each; empty when all is well."""
    v, begin, total = world.village, world.calendar.burn_in, np.add.reduce
    counted, events, joined_by = total(v.counts[: world.week], axis=1), v.events[: world.week], v.day[0]["joined_by"]
    passed = np.bitwise_or.reduce(v.passages[: world.week], axis=0).ravel() != 0
    illegal = [f"{STAGES[k // 8]} to {STAGES[k % 8]}" for k in np.flatnonzero(passed & ILLEGAL)]
    registered, active, paying = counted[:, Measure.REGISTERED], counted[:, Measure.ACTIVE], counted[:, Measure.PAYING]
    registrations, returns = total(events[begin:, Event.REGISTRATIONS : Event.REENTRIES + 1], axis=0).tolist()
    exits, newcomers = events[:, Event.EXIT_DEATH : Event.NEWCOMERS], events[:, Event.NEWCOMERS]
    since = np.count_nonzero(joined_since(np.asarray(v.workers), begin))
    checks = {
        "stage counts do not sum to the workers": (total(counted[:, :8], axis=1) == world.people.workers).all(),
        "more paying than active, or active than registered": ((paying <= active) & (active <= registered)).all(),
        f"passages that are not legal: {', '.join(illegal)}": not illegal,
        "newcomers do not match those who left": (total(exits, axis=1) == newcomers).all(),
        "more workers joined since the start than registrations": since <= registrations,
        "registrations and returns do not match their channels": (total(joined_by, axis=1) == registrations + returns).all(),
    }
    return [text for text, holds in checks.items() if not holds]

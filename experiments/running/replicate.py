"""One replicate, run and measured: the unit of work of runs and sweeps."""

import datetime as dt
import functools
import hashlib
import time
from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np

from experiments.running.families import ALWAYS, FAMILIES, LATER, Course, Layout, Look
from experiments.running.keys import HEADLINES, Key, key_of, text_of
from scenarios.loader import Observation
from simulation import ledger, outcomes
from simulation.parameters import InputError, Parameters
from simulation.timeline import Timeline, add_months
from simulation.world import World, build

__all__ = ["HEADLINES", "MONTHS", "Check", "checkpoints", "key_of", "measured", "one", "text_of"]

MONTHS = (4, 12, 24)
#: for the step twelve months before a date: that lies before the start
BEFORE = -2


def one(parameters: Parameters, seed: int = 1, replicate: int = 0, *, months=MONTHS, observed=(), keep_weekly: bool = True) -> dict:
    """Build one replicate, run and measure it: see `measured`. `seconds` are of all three."""
    began = time.perf_counter()
    found = measured(build(parameters, seed, replicate), months=months, observed=observed, keep_weekly=keep_weekly)
    return found | {"seconds": time.perf_counter() - began}


def measured(
    world: World,
    *,
    months: Iterable[int] = MONTHS,
    observed: Iterable[Observation] = (),
    keep_weekly: bool = True,
    wanted: Collection[Key] | None = None,
) -> dict:
    """Run a world that stands at the start of its run to the end, and measure it. Plain, small and picklable. Keys:

    replicate; values {(measure, month, group_kind, group): float}, month "0" (the start), each of `months` that lies in the
    run, and "end"; weekly int64 [week, outcomes.WEEKLY] or None; ledger int64 [entry, (month, lever, item, payer, rupiah)];
    observed: the simulated value of each Observation; digest of all counts and rupiah; problems: what does not add up
    (nothing should); seconds of wall time.

    wanted: only these values, at their own months (`months` is not looked at); the rest of the answer is the same. What the run
    does not have (a month after its end, a lever of another campaign) is absent. Raises InputError for keys that no run can have.
    """
    began = time.perf_counter()
    calendar, parameters = world.calendar, world.parameters
    if world.week != calendar.burn_in:
        raise ValueError(f"measured: the world stands at step {world.week}, needed: the start of its run, step {calendar.burn_in}")
    wanted = None if wanted is None else frozenset(wanted)
    dates = checkpoints(calendar, parameters.limits.step_days, months if wanted is None else _months(wanted))
    values = _follow(world, [Check("0", world.week - 1, BEFORE), *dates], wanted)
    weekly, entries = outcomes.weekly(world), ledger.entries(world.village.ledger)
    return {
        "replicate": world.replicate, "values": values, "weekly": weekly if keep_weekly else None, "ledger": entries,
        "observed": [_simulated(weekly, o, parameters) for o in observed],
        "digest": hashlib.sha256(b"".join((weekly, entries))).hexdigest(),
        "problems": outcomes.problems(world) + ledger.problems(world), "seconds": time.perf_counter() - began,
    }  # fmt: skip


class Check(NamedTuple):
    """A date at which a run is measured: after step `step`; `year_ago` is the step twelve months before (or BEFORE)."""

    label: str
    step: int
    year_ago: int


def checkpoints(calendar: Timeline, step_days: int, months: Iterable[int | str] = MONTHS) -> list[Check]:
    """The months (numbers) and dates (such as "2019-03-01") that lie in the run, and its end."""
    first = calendar.dates[calendar.burn_in]
    end = calendar.dates[-1] + dt.timedelta(days=step_days)
    days = [(str(m), dt.date.fromisoformat(m) if isinstance(m, str) else add_months(first, m)) for m in months]
    days = [(label, day) for label, day in days if first < day <= end] + [("end", end)]
    ago = [(label, day, add_months(day, -12)) for label, day in days]
    return [Check(label, calendar.week_of(day) - 1, calendar.week_of(then) - 1 if then >= first else BEFORE) for label, day, then in ago]


def _follow(world: World, checks: list[Check], wanted: frozenset[Key] | None) -> dict[Key, float]:
    """Run the world to its end and measure it on the way."""
    layout, course, values = Layout.of(world.parameters, world.people.communities), Course(world), {}
    due = {check: families for check in checks if (families := _families(layout, check.label, wanted))[0]}

    def needing(what: str) -> list[Check]:
        return [check for check, (names, _) in due.items() if any(what in FAMILIES[name].needs for name in names)]

    year_ago = {check.year_ago for check in needing("year")} - {BEFORE}
    bends = set(course.steps) if needing("members") else set()
    if needing("start"):
        course.keep_start()
    for step in sorted({*year_ago, *bends, *(check.step for check in due)}):
        world.advance(step + 1)
        if step in year_ago:
            course.keep_payers()
        look = functools.cache(functools.partial(Look, course))  # two dates may fall into the same week
        for check in (check for check in due if check.step == step):
            names, keys = due[check]
            values.update(zip(keys, look(check.year_ago).values(names), strict=True))
        if step in bends:
            course.pass_by()
    world.advance()
    return values if wanted is None else {key: value for key, value in values.items() if key in wanted}


@functools.lru_cache(maxsize=1024)
def _families(layout: Layout, month: str, wanted: frozenset[Key] | None) -> tuple[list[str], list[Key]]:
    """The families to be measured at a month, and all their keys."""
    names, all_keys = [], []
    for name, family in FAMILIES.items():
        if family.dates == ALWAYS or month == "end" or (family.dates == LATER and month != "0"):
            keys = [(measure, month, kind, group) for measure, kind, group in family.keys(layout)]
            if wanted is None or not wanted.isdisjoint(keys):
                names.append(name)
                all_keys += keys
    return names, all_keys


@functools.lru_cache(maxsize=256)
def _months(wanted: frozenset[Key]) -> list[int | str]:
    """The months and dates of keys, which are checked."""
    for key in wanted:
        if not (isinstance(key, tuple) and len(key) == 4 and key_of(text_of(key)) == key):
            raise InputError(f"wanted: {key!r} is no outcome key; key_of makes one of a name such as {HEADLINES[1]}@12")
    found = {month for _, month, _, _ in wanted} - {"0", "end"}
    return [*sorted(int(month) for month in found if month.isdecimal()), *sorted(month for month in found if not month.isdecimal())]


def _simulated(weekly: np.ndarray, seen: Observation, parameters: Parameters) -> float:
    """What the run has in the place of an observation, in its unit (workers or share)."""
    value = outcomes.at_date(weekly, seen.measure, seen.date, parameters)
    share = seen.kind == "share" and seen.measure != "understanding"
    return value / weekly[0, : len(outcomes.STAGES)].sum() if share else value

"""One replicate, run and measured: the unit of work of runs and sweeps."""

import datetime as dt
import hashlib
import math
import time
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from scenarios.loader import Observation
from simulation import ledger, outcomes
from simulation.parameters import Parameters
from simulation.stages import Event, Measure
from simulation.timeline import Timeline, add_months
from simulation.world import build

MONTHS = (4, 12, 24)


def one(parameters: Parameters, seed: int = 1, replicate: int = 0, *, months=MONTHS, observed=(), keep_weekly: bool = True) -> dict:
    """Run one replicate and measure it: the unit of work of runs and sweeps. Plain, small and picklable. Keys:

    replicate; values {(measure, month, group_kind, group): float}, month "0" (the start), each of `months` that lies in the
    run, and "end"; weekly int64 [week, outcomes.WEEKLY] or None; ledger int64 [entry, (month, lever, item, payer, rupiah)];
    observed: the simulated value of each Observation; digest of all counts and rupiah; problems: what does not add up
    (nothing should); seconds of wall time.
    """
    began = time.perf_counter()
    world = build(parameters, seed, replicate)
    places, due, start = outcomes.traits(world), outcomes.due_steps(world.calendar), outcomes.snapshot(world)
    values = _dated("0", _people(world, start, places))
    checks = checkpoints(world.calendar, parameters.limits.step_days, months)
    kept, before = {start.step: start}, Integral(world)
    for step in sorted({*before.steps, *(c.step for c in checks), *(c.year_ago for c in checks if c.year_ago > start.step)}):
        world.advance(step + 1)
        due_now = [c for c in checks if c.step == step]
        if due_now or any(c.year_ago == step for c in checks):
            kept[step] = now = outcomes.snapshot(world)
        for check in due_now:
            found = _people(world, now, places) | _since(world, start, now, due, before.until(world))
            kept_on = outcomes.stock_retention(kept[check.year_ago], now) if check.year_ago in kept else math.nan
            found |= _whole({"stock_retention_12": kept_on})
            values |= _dated(check.label, found | (_ending(now, places, due) if check.label == "end" else {}))
        before.pass_by(world)
        kept = {s: x for s, x in kept.items() if any(c.year_ago == s and c.step > step for c in checks)}
    weekly, entries = outcomes.weekly(world), ledger.entries(world.village.ledger)
    return {
        "replicate": replicate, "values": values, "weekly": weekly if keep_weekly else None, "ledger": entries,
        "observed": [_simulated(weekly, o, parameters) for o in observed],
        "digest": hashlib.sha256(weekly.tobytes() + entries.tobytes()).hexdigest(),
        "problems": outcomes.problems(world) + ledger.problems(world), "seconds": time.perf_counter() - began,
    }  # fmt: skip


class Integral:
    """Person-months of cover, since the start, of those who did not join since: trapezoids over every 182 days and the date asked for
    (this count moves slowly, so the dates asked for hardly matter; the weekly count of all members is exact)."""

    def __init__(self, world) -> None:
        every = max(1, 182 // world.parameters.limits.step_days)
        self.steps = range(world.week + every - 1, world.calendar.steps, every)
        self.unit = world.parameters.limits.step_days / outcomes.DAYS_PER_MONTH / 2
        self.week, self.members, self.total = world.week, outcomes.members_before(world), 0.0

    def until(self, world) -> float:
        return self.total + (self.members + outcomes.members_before(world)) * (world.week - self.week) * self.unit

    def pass_by(self, world) -> None:
        """To be called after each step of `steps`; other steps change nothing."""
        if world.week - 1 in self.steps:
            self.total, self.members, self.week = self.until(world), outcomes.members_before(world), world.week


class Check(NamedTuple):
    """A date at which a run is measured: after step `step`; `year_ago` is the step twelve months before (-2: before the start)."""

    label: str
    step: int
    year_ago: int


def checkpoints(calendar: Timeline, step_days: int, months: Iterable[int] = MONTHS) -> list[Check]:
    """The months that lie in the run, and its end."""
    first = calendar.dates[calendar.burn_in]
    end = calendar.dates[-1] + dt.timedelta(days=step_days)
    days = [(str(m), add_months(first, m)) for m in months if add_months(first, m) <= end] + [("end", end)]
    ago = [(label, day, add_months(day, -12)) for label, day in days]
    return [Check(label, calendar.week_of(day) - 1, calendar.week_of(then) - 1 if then >= first else -2) for label, day, then in ago]


def _dated(month: str, values: dict) -> dict:
    return {(name, month, kind, group): x for (name, kind, group), x in values.items()}


def _whole(values: dict) -> dict:
    return {(name, "all", "all"): float(x) for name, x in values.items()}


def _people(world, now: outcomes.Snapshot, places: outcomes.Traits) -> dict:
    """Everything that can be seen from the workers as they are."""
    found = outcomes.levels(now) | outcomes.coverage(now, places)
    for name, count in outcomes.funnel(now, world.parameters.behavior.confirm_months).items():
        found |= {("reached", "stage", name): float(count), ("reached_share", "stage", name): outcomes.share(count, places.workers)}
    tried = now.attempts > 0
    return found | _whole({"attempted": tried.sum(), "attempted_registered_share": outcomes.mean(now.flag("registered")[tried])})


def _since(world, start: outcomes.Snapshot, now: outcomes.Snapshot, due: np.ndarray, before: float) -> dict:
    """Everything that has happened since the start. `before`: person-months of cover of those who joined before it."""
    v, steps, limits = world.village, slice(now.burn_in, now.step + 1), world.parameters.limits
    events, active = v.events[steps], v.counts[steps, :, Measure.ACTIVE].sum()
    joined = int(events[:, Event.REGISTRATIONS].sum())
    person_months = float(active) * limits.step_days / outcomes.DAYS_PER_MONTH
    stayed = now.joined_since
    contribution = -(-13 // limits.billing_months) if limits.billing_months else 0
    persistency = outcomes.persistency(now, due, contribution) if contribution > 1 else (math.nan, 0)
    counts = {"registrations": joined, "new_person_months": person_months - before, "retained": int((stayed & now.flag("active")).sum())}
    found = outcomes.flows(events, v.day[0].joined_by) | outcomes.understanding(start, now)
    found |= ledger.costs(v.ledger, ledger.names(world.parameters), ledger.unmet(world), counts)
    return found | _whole(
        counts | {"active_person_months": person_months, "joined_since": stayed.sum(), "left_since": joined - stayed.sum(),
                  "persistency_13": persistency[0], "persistency_13_cohort": persistency[1]}
    )  # fmt: skip


def _ending(now: outcomes.Snapshot, places: outcomes.Traits, due: np.ndarray) -> dict:
    """What is worth asking once: how stops are spread over the months since registering, and who came when."""
    found = outcomes.adopters(now, places)
    for k, (risk, stopped) in enumerate(zip(*outcomes.stops(now, due)), start=2):
        found |= {("at_risk", "contribution", str(k)): float(risk), ("stopped", "contribution", str(k)): float(stopped)}
    return found


def _simulated(weekly: np.ndarray, seen: Observation, parameters: Parameters) -> float:
    """What the run has in the place of an observation, in its unit (workers or share)."""
    value = outcomes.at_date(weekly, seen.measure, seen.date, parameters)
    share = seen.kind == "share" and seen.measure != "understanding"
    return value / weekly[0, : len(outcomes.STAGES)].sum() if share else value

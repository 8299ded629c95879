"""The calendar of a run: dates of the steps, months, due dates, and the scheme's dated rules step by step."""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from simulation.parameters import Parameters

NEVER = 1 << 30
RULE_KEYS = (
    "agent_bonus_members", "agent_bonus_rp", "agent_per_member_rp", "agent_early_bp", "agent_late_bp", "agent_early_months",
    "agent_late_months", "agent_idle_months", "agent_return_months",
)  # fmt: skip


def probability(hazard: float, time: float = 1.0) -> float:
    """Chance of at least one event in `time` at constant `hazard` (the one place where a hazard becomes a probability)."""
    return round(1.0 - math.exp(-hazard * time), 12)


def per_step(weekly_prob: float, step_days: int) -> float:
    """A chance per week as a chance per step of `step_days` days."""
    return weekly_prob if step_days == 7 else round(1.0 - (1.0 - weekly_prob) ** (step_days / 7.0), 12)


@dataclass(frozen=True)
class Timeline:
    """Arrays over all steps, burn-in first: `steps` = burn_in + steps of the run."""

    burn_in: int
    dates: list[dt.date]
    month_start: np.ndarray
    month_week: np.ndarray
    calendar_month: np.ndarray
    ledger_month: np.ndarray
    due_from_join: np.ndarray
    due_from_due: np.ndarray
    rules: list
    rule_index: np.ndarray

    @property
    def steps(self) -> int:
        return len(self.dates)

    def week_of(self, day: dt.date) -> int:
        """First step on or after `day` (the last step + 1 when `day` lies beyond)."""
        first = self.dates[self.burn_in]
        width = (self.dates[1] - self.dates[0]).days if len(self.dates) > 1 else 7
        return min(self.steps, max(self.burn_in, self.burn_in + -((first - day).days // width)))

    def month_end(self, month: int) -> int:
        """Last step of the first `month` months of the run (month 4: the step before the day four months after the start)."""
        first = self.dates[self.burn_in]
        return min(self.steps, self.week_of(add_months(first, month))) - 1


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day `months` months later (the month's last day where it has fewer)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return dt.date(year, month + 1, last)
        except ValueError:
            continue
    raise ValueError(day)


def timeline(parameters: Parameters) -> Timeline:
    """Lay out the steps of a run. The first step of a calendar month is the first one dated in it."""
    width = parameters.limits.step_days
    burn_in = parameters.burn_in_weeks
    length = math.ceil((parameters.until - parameters.start).days / width)
    dates = [parameters.start + dt.timedelta(days=width * (t - burn_in)) for t in range(burn_in + length)]
    steps = len(dates)
    months = np.array([d.year * 12 + d.month - 1 for d in dates])
    before = parameters.start - dt.timedelta(days=width * (burn_in + 1))
    start = np.empty(steps, np.uint8)
    start[0] = months[0] != before.year * 12 + before.month - 1
    start[1:] = months[1:] != months[:-1]
    opens = np.flatnonzero(start)
    week = np.maximum.accumulate(np.where(start, np.arange(steps), 0))
    zero = parameters.start.year * 12 + parameters.start.month - 1
    ledger = np.where(np.arange(steps) >= burn_in, months - zero, -1)
    join, due = _due_steps(parameters, dates, opens)
    rules = [parameters.scheme.at(r.start) for r in parameters.scheme.rules]
    starts = [r.start for r in rules]
    index = [max([k for k, s in enumerate(starts) if s <= d], default=0) for d in dates]
    columns = (start, week.astype(np.int32), (months % 12).astype(np.int8), ledger.astype(np.int32), join, due)
    index = np.array(index, np.int32)
    for column in (*columns, index):
        column.flags.writeable = False  # worlds share them
    return Timeline(burn_in, dates, *columns, rules, index)


def _due_steps(parameters: Parameters, dates, opens):
    """Next due step after joining (first month start at least 28 days later) and after a due step, by billing months."""
    billing = parameters.limits.billing_months
    join = np.full(len(dates), NEVER, np.int64)
    due = np.full(len(dates), NEVER, np.int64)
    if billing == 0:
        return join, due
    days = np.array([d.toordinal() for d in dates])
    ahead = np.append(opens, np.full(billing, NEVER))  # past the last month start nothing is due
    join[:] = ahead[np.searchsorted(days[opens], days + 28) + billing - 1]
    due[:] = ahead[np.searchsorted(opens, np.arange(len(dates)), side="right") + billing - 1]
    return join, due

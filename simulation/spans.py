"""A campaign's levers laid on the calendar: which steps each runs in, when its events fall, and what it offers for how long."""

import dataclasses
import datetime as dt

import numpy as np

from simulation.parameters import Lever, Parameters
from simulation.stages import Payer
from simulation.timeline import Timeline

#: payers whose money the campaign's budget binds
BOUND = (Payer.BRANCH, Payer.VILLAGE, Payer.REGENCY, Payer.COMPANY)


@dataclasses.dataclass(frozen=True)
class Span:
    """One lever on the calendar: its steps (first to last - 1), event steps, workers in its target, and its offer's number or -1."""

    index: int
    lever: Lever
    first: int
    last: int
    events: np.ndarray
    targets: int
    offer: int = -1

    def aimed(self, targets: int) -> "Span":
        """The same lever in a village where `targets` workers are in its target."""
        return Span(self.index, self.lever, self.first, self.last, self.events, targets, self.offer)


def spans(parameters: Parameters, calendar: Timeline, targets: np.ndarray) -> list[Span]:
    """Levers on the calendar. A lever that starts before the run starts with it."""
    out: list[Span] = []
    offers = 0
    for k, lever in enumerate(parameters.campaign.levers):
        first = calendar.week_of(lever.start)
        last = calendar.steps if lever.end is None else calendar.week_of(lever.end + dt.timedelta(days=1))
        if first >= last and (lever.end is None or lever.end >= parameters.start) and lever.start < parameters.until:
            first = last - 1  # a lever of a few days between two steps runs in the step that holds them
        events = np.zeros(calendar.steps, bool)
        every = lever.contact.every_weeks if lever.contact else lever.group.every_weeks if lever.group else 0
        if every and first < last:
            step = max(1, round(every * 7 / parameters.limits.step_days))
            at = np.arange(first, last, step)
            if lever.contact and lever.contact.events is not None:
                at = at[: lever.contact.events]
            events[at] = True
        events.flags.writeable = False  # worlds share it
        offers_something = bool(lever.sponsor or lever.group or (lever.price and lever.price.months))
        out.append(Span(k, lever, first, last, events, int(targets[k]), offers if offers_something else -1))
        offers += offers_something
    return out


def bits(levers) -> int:
    """The bit set of some levers' spans."""
    return sum(1 << s.index for s in levers)


def offered_months(lever: Lever) -> int:
    """Months of an offer that runs from registration: a price cut for a time, or a sponsor's term."""
    return lever.sponsor.term_months if lever.sponsor else lever.price.months or 0 if lever.price else 0


def offered_share(lever: Lever) -> float:
    """Share of the contribution that a price cut or a sponsor takes over."""
    return 1.0 if lever.sponsor else lever.price.discount_share


def for_new_members(lever: Lever) -> bool:
    """Is the offer for new members only?"""
    if lever.sponsor:
        return False
    return lever.price.months is not None and lever.price.new_members_only if lever.price else lever.gift.new_members_only

"""Families of measures: which outcomes there are, and how each family of them is read off a run at a date.

A family is computed as a whole, and only when one of its outcomes is wanted. `keys` and `values` of a family have the same order.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np

from simulation import ledger, outcomes
from simulation.outcomes import CATEGORIES, CONTRIBUTIONS, EVENTS, FLAGS, REACHED, SOURCES, STAGES
from simulation.snapshot import IDENTITY, Snapshot, Traits, glance, group_names, joined_since, traits
from simulation.stages import ACTIVE, Event, Measure

#: dates at which a family is measured: always, at all dates but the start, at the end alone
ALWAYS, LATER, END = "always", "later", "end"


class Layout(NamedTuple):
    """What the outcomes of a run depend on: names of its occupations and levers, and how many communities it has."""

    occupations: tuple[str, ...]
    levers: tuple[str, ...]
    communities: int

    @classmethod
    def of(cls, parameters, communities: int) -> "Layout":
        village, campaign = parameters.village, parameters.campaign
        return cls(tuple(o.name for o in village.occupations), tuple(lever.name for lever in campaign.levers), communities)


class Course:
    """A run on its way: what its later dates need of the earlier ones, and what is the same at all dates.

    new_person_months needs the cover, since the start, of those who did not join since: `person_months` integrates it by trapezoids
    over every 182 days and the date asked for (it moves slowly, so the dates asked for hardly matter; the weekly count of all
    members is exact). `steps` are the ends of the trapezoids; `pass_by` is to be called after each of them.
    """

    def __init__(self, world) -> None:
        days, self.world = world.parameters.limits.step_days, world
        every = max(1, 182 // days)
        self.steps, self.unit = range(world.week + every - 1, world.calendar.steps, every), days / outcomes.DAYS_PER_MONTH / 2
        self.rows = np.flatnonzero(glance(world).registered)  # nobody else can have cover without joining
        self.week, self.members, self.total = world.week, self.members_before(), 0.0
        self.start: Snapshot | None = None
        self.payers: dict[int, tuple[np.ndarray, Snapshot]] = {}

    def members_before(self) -> int:
        """Workers with cover in force who did not join since the start."""
        workers = np.asarray(self.world.village.workers)
        active = self.rows[workers["marks"][self.rows] & ACTIVE > 0]
        return len(active) - np.count_nonzero(joined_since(workers, self.world.calendar.burn_in, active))

    def person_months(self) -> float:
        return self.total + (self.members + self.members_before()) * (self.world.week - self.week) * self.unit

    def pass_by(self) -> None:
        now = self.members_before()
        self.total += (self.members + now) * (self.world.week - self.week) * self.unit
        self.members, self.week = now, self.world.week

    def keep_start(self) -> None:
        self.start = glance(self.world).keep("understanding", *IDENTITY)

    def keep_payers(self) -> None:
        """Remember who pays by own money, for the dates twelve months later."""
        now = glance(self.world)
        rows = np.flatnonzero(now.paying)
        self.payers[now.step] = rows, now.keep(*IDENTITY, rows=rows)

    @cached_property
    def due(self) -> np.ndarray:
        return outcomes.due_steps(self.world.calendar)

    @cached_property
    def places(self) -> Traits:
        return traits(self.world)


class Look:
    """A run at a date, as the families see it; what several of them need is worked out once. `year_ago`: step twelve months before."""

    def __init__(self, course: Course, year_ago: int) -> None:
        self.course, self.payers, self.world = course, course.payers.get(year_ago), course.world
        self.read: dict[str, list[float]] = {}
        self.village, self.parameters = self.world.village, self.world.parameters
        self.now = glance(self.world)
        self.own_steps = slice(self.now.burn_in, self.now.step + 1)

    def values(self, names: Iterable[str]) -> Iterable[float]:
        """Those of the families of these names, one after the other."""
        for name in names:
            if name not in self.read:
                self.read[name] = list(FAMILIES[name].values(self))
        return map(float, chain.from_iterable(map(self.read.get, names)))

    @cached_property
    def levels(self) -> np.ndarray:
        return outcomes.levels(self.world)

    @cached_property
    def events(self) -> np.ndarray:
        return self.village.events[self.own_steps].sum(axis=0)

    @cached_property
    def joined(self) -> dict[str, float]:
        active = self.village.counts[self.own_steps, :, Measure.ACTIVE].sum()
        person_months = float(active) * self.parameters.limits.step_days / outcomes.DAYS_PER_MONTH
        joiners = self.now.joiners
        return {
            "registrations": self.events[Event.REGISTRATIONS],
            "new_person_months": person_months - self.course.person_months(),
            "retained": np.count_nonzero(self.now.active[joiners]),
            "active_person_months": person_months,
            "joined_since": len(joiners),
            "left_since": self.events[Event.REGISTRATIONS] - len(joiners),
        }


class Family(NamedTuple):
    """dates: ALWAYS, LATER or END. keys(layout): (measure, group_kind, group) in the order of values(look). needs: columns kept from
    the start ("start"), from twelve months before ("year"), or the person-months of earlier members ("members")."""

    dates: str
    keys: Callable[[Layout], list[tuple[str, str, str]]]
    values: Callable[[Look], Iterable[float]]
    needs: tuple[str, ...] = ()


def _all(*measures: str) -> Callable:
    return lambda layout: [(name, "all", "all") for name in measures]


def _by(kind: str, groups: Iterable[str], *measures: str) -> Callable:
    return lambda layout: [(name, kind, group) for group in groups for name in measures]


def _group_keys(layout: Layout) -> list:
    """Communities only by active_share, and only where they are few."""
    kinds = group_names(layout.occupations, layout.communities)
    places = [(kind, group) for kind, groups in kinds.items() for group in groups if kind != "community"]
    communities = [("community", group) for group in kinds["community"]] if layout.communities <= outcomes.MOST_COMMUNITIES else []
    shown = {"workers": places} | {f"{flag}_share": places for flag in FLAGS} | {"active_share": places + communities}
    return [("community_sd", "all", "all"), *((measure, *place) for measure, named in shown.items() for place in named)]


def _groups(look: Look) -> list[float]:
    places = look.course.places
    first, size, shares = places.offsets[-2], places.size.tolist(), outcomes.coverage(look.now, places)
    registered, active, paying = shares.tolist()
    shown = len(size) if len(size) - first <= outcomes.MOST_COMMUNITIES else first
    spread = outcomes.spread(shares[FLAGS.index("active"), first:])
    return [spread, *size[:first], *registered[:first], *active[:shown], *paying[:first]]


def _funnel(look: Look) -> Iterable[float]:
    reached = outcomes.funnel(look.now, look.parameters.behavior.confirm_months)
    return chain.from_iterable((k, ledger.share(k, len(look.now))) for k in reached)


def _events(look: Look) -> list[float]:
    failed = look.events[Event.FAILURES] + look.events[Event.CASH_FAILURES]
    return [*look.events.tolist(), ledger.share(failed, look.events[Event.ATTEMPTS])]


def _money(look: Look) -> list[float]:
    books = ledger.booked(look.village.ledger)
    return [*ledger.costs(books, look.joined).values(), *ledger.by_lever(books), *ledger.unmet(look.world)]


def _persistency(look: Look) -> tuple[float, float]:
    months = look.parameters.limits.billing_months
    contribution = -(-13 // months) if months else 0
    return outcomes.persistency(look.now, look.course.due[contribution - 1]) if contribution > 1 else (float("nan"), 0)


def _stock_retention(look: Look) -> list[float]:
    return [outcomes.stock_retention(*look.payers, look.now) if look.payers else float("nan")]


def _adopters(look: Look) -> list[float]:
    rows = outcomes.adopters(look.now, look.course.places)
    return [look.course.places.workers - sum(row[0] for row in rows), *chain.from_iterable(rows)]


_MONEY = [name for name in ledger.MEASURES if name not in ("lever_rp", "unmet_rp")]
_CHANNELS = [f"{which}_channel{what}" for which in ("first", "last") for what in ("", "_share")]

FAMILIES: dict[str, Family] = {
    "counts": Family(
        ALWAYS,
        _all("workers", "aware", *FLAGS, "aware_share", *(f"{flag}_share" for flag in FLAGS)),
        lambda x: outcomes.counts(x.levels).values(),
    ),
    "understanding": Family(ALWAYS, _all("understanding_mean"), lambda x: [outcomes.mean(x.now["understanding"])]),
    "minds": Family(
        ALWAYS,
        _all("trust_mean", "misbelief_share"),
        lambda x: (outcomes.mean(x.now.trust), ledger.share(x.levels[Measure.MISBELIEF], len(x.now))),
    ),
    "stages": Family(ALWAYS, _by("stage", STAGES, "in_stage"), lambda x: x.levels[: len(STAGES)].tolist()),
    "groups": Family(ALWAYS, _group_keys, _groups),
    "equity": Family(
        ALWAYS,
        _all("concentration_index", "erreygers_index"),
        lambda x: outcomes.equity(x.now.active, x.course.places.income_rank),
    ),
    "funnel": Family(ALWAYS, _by("stage", REACHED, "reached", "reached_share"), _funnel),
    "attempts": Family(ALWAYS, _all("attempted", "attempted_registered_share"), lambda x: outcomes.attempts(x.now).values()),
    "events": Family(LATER, _all(*EVENTS, "attempt_failure_share"), _events),
    "channels": Family(
        LATER,
        lambda layout: [(measure, "source", source) for measure in _CHANNELS for source in SOURCES],
        lambda x: chain.from_iterable(outcomes.channels(x.village.day[0]["joined_by"]).values()),
    ),
    "same_people": Family(
        LATER,
        _by("reached_in_person", ("yes", "no"), "same_people", "understanding_before", "understanding_after"),
        lambda x: chain.from_iterable(outcomes.same_people(x.course.start, x.now)),
        needs=("start",),
    ),
    "money": Family(
        LATER,
        lambda layout: [
            *((name, "all", "all") for name in _MONEY),
            *((name, "lever", lever) for name in ("lever_rp", "unmet_rp") for lever in layout.levers),
        ],
        _money,
        needs=("members",),
    ),
    "joined": Family(
        LATER,
        _all("new_person_months", "retained", "active_person_months", "joined_since", "left_since"),
        lambda x: list(x.joined.values())[1:],
        needs=("members",),
    ),
    "persistency": Family(LATER, _all("persistency_13", "persistency_13_cohort"), _persistency),
    "stock": Family(LATER, _all("stock_retention_12"), _stock_retention, needs=("year",)),
    "adopters": Family(
        END,
        lambda layout: [
            ("adopters", "adopter", "not_registered"),
            *_by("adopter", CATEGORIES, "adopters", "adopter_week", "adopter_women_share", "adopter_income_fifth")(layout),
        ],
        _adopters,
    ),
    "stops": Family(
        END,
        _by("contribution", [str(k) for k in range(2, CONTRIBUTIONS + 1)], "at_risk", "stopped"),
        lambda x: chain.from_iterable(zip(*map(np.ndarray.tolist, outcomes.stops(x.now, x.course.due)))),
    ),
}  # fmt: skip

"""Same past, different policy: a world that goes on under another campaign, and the state of a world as plain arrays.

What a run changes is its *state* (`state`): the workers, what others may read of them, the day book, open claims, the sums that
levers and agents carry, and the records of the weeks gone by. All else is tables, made from (parameters, seed, replicate) by
`assemble`. A branch is new tables under an old state, so a branch without a change goes on exactly as the run it left.
"""

import datetime as dt
from dataclasses import dataclass, fields

import numpy as np

from simulation.assembly import first_dues
from simulation.baseline import SOLVED
from simulation.parameters import Group, InputError, Lever, Parameters
from simulation.stages import Source
from simulation.timeline import NEVER
from simulation.world import World, assemble

#: what makes the people and the burn-in: all parameters but the campaign and the day the run ends
PAST = tuple(name for name in Parameters.model_fields if name not in ("campaign", "until"))
#: columns of the levers' and agents' tables that a run changes; their other columns come from the campaign
LEVER_SUMS = ("owed_once_rp", "owed_month_rp", "unmet_rp")
AGENT_STATE = ("active", "new_members", "commissions_rp", "portfolio", "income_rp", "idle_months", "away_months", "collect_prob")
#: columns of the workers that a campaign's targets give, and the sets of levers that are kept as bits
OF_TARGETS = ("segment", "group")
LEVER_SETS = {"day": ("off", "never", "off_month", "spent_out"), "workers": ("denied_contact", "denied_claim")}
#: keys of a campaign that bind from the branch on
LIMITS = ("budget_rp", "monthly_ceiling_rp")
#: keys of a lever that say nothing about what it has done so far
FREE_KEYS = {"end", "title", "source", "grade", "preset"}


def fork(world: World, parameters: Parameters) -> World:
    """A new world under `parameters` that stands where `world` stands; the two share people and ties, and nothing that changes.

    All parameters but campaign and `until` must be those of the past (solved numbers that are absent are taken over from it), and
    the campaign must have the same past: a lever that has run keeps name, start and content (to change it, end it and start
    another), but may end sooner or later from now on; other levers start now or later. Budget and ceiling may differ and bind
    from now on: what was spent counts, and what was promised (terms, months off) must fit. `until` may be any day that the past
    has not passed. At the start of the run no lever has run: then any campaign will do, and the fork equals a world built for it.

    A lever is known by its name, but its luck (who is served when money is short, whether a sponsor renews) goes with its place
    in the list: keep the levers in order of their start, as the scenario loader does, and the places do not change. Where the
    targets of the two campaigns cut the workers into different groups, the weekly counts so far are kept in group 0: totals over
    groups hold. Raises InputError naming the first key or lever that differs, and what is allowed.
    """
    new = _prepared(world, parameters)
    _go_over(world, new)
    return new


def switched(world: World, week: int, parameters: Parameters) -> World:
    """A copy of `world` that lives through its own past up to step `week` and then goes on as its fork to `parameters` at that step.

    For what measures a run from its start on: measures since the start need to see the past go by. It has the levers of `parameters`
    from now on, for those that start later change nothing before; the past's budget and ceiling hold until `week`. Refuses what
    `fork` would refuse at that step, and levers that change places.
    """
    later = _prepared(world, parameters)
    last = min(world.calendar.steps, later.calendar.steps)
    if not world.week <= week <= last:
        raise InputError(f"the day of the branch must lie from {_day(world, world.week)} to {_day(world, last)}")
    for a, b in zip(*_begun_levers(world, later, week)):
        if a != b:
            name = world.parameters.campaign.levers[a].name
            raise InputError(f"campaign.levers.{name}: stands in another place than in the past; list the levers in the order of start")
    limits = {name: getattr(world.parameters.campaign, name) for name in LIMITS}
    between = parameters.model_copy(update={"campaign": parameters.campaign.model_copy(update=limits)})
    if between == parameters:
        _go_over(world, later)
        return later
    now = fork(world, between)
    out = Switching(**{field.name: getattr(now, field.name) for field in fields(World)}, switch=week, later=later)
    out.advance(out.week)
    return out


@dataclass
class Switching(World):
    """A world that takes over the parameters and tables of `later` when it comes to step `switch`."""

    switch: int = 0
    later: World | None = None

    def advance(self, until: int | None = None, *, workers: int = 1) -> None:
        last = self.calendar.steps if until is None else min(until, self.calendar.steps)
        if self.later is not None and last >= self.switch:
            super().advance(self.switch, workers=workers)
            new, self.later = self.later, None
            _go_over(self, new)
            for name in ("parameters", "calendar", "tables", "village", "past_ceilings"):
                setattr(self, name, getattr(new, name))
        super().advance(last, workers=workers)


def same_past(past: Parameters, now: Parameters) -> bool:
    """Do two sets of solved parameters differ by campaign and `until` alone, so that one burnt-in village serves both?"""
    return all(getattr(past, name) == getattr(now, name) for name in PAST)


def state(world: World) -> dict[str, np.ndarray]:
    """A copy of all that a run changes, with `week`; together with (parameters, seed, replicate) it is the world."""
    ceilings = [(step, -1 if rupiah is None else rupiah) for step, rupiah in world.past_ceilings]
    out = {"week": np.array(world.week), "past_ceilings": np.array(ceilings, np.int64).reshape(-1, 2)}
    for name, part in _parts(world).items():  # into zeros: a plain copy leaves chance bytes between the columns, and files would differ
        out[name] = np.zeros(part.shape, part.dtype)
        out[name][...] = part
    return out


def restore(parameters: Parameters, seed: int, replicate: int, state: dict[str, np.ndarray]) -> World:
    """The world that `state` was taken of, given its parameters (solved), seed and replicate. Raises InputError if they do not fit."""
    new = assemble(parameters, seed, replicate)
    new.week = min(int(state["week"]), new.calendar.steps)
    for name, part in _parts(new).items():
        given = state.get(name, np.empty(0))
        if given.dtype != part.dtype or (name != "claims" and given.shape != part.shape):
            raise InputError(f"the state does not fit these parameters: {name} was made for others, or by another version of the model")
    every = np.arange(len(new.village.levers))
    _settle(new, state, every, every, new.village.offers["lever"])
    ceilings = np.asarray(state.get("past_ceilings", ())).tolist()
    new.past_ceilings = tuple((step, None if rupiah < 0 else rupiah) for step, rupiah in ceilings)
    return new


# ------------------------------------------------------------------ may it go on from here?


def _prepared(world: World, parameters: Parameters) -> World:
    """Tables for the new parameters, standing at the old world's week without its state; refuses another village."""
    past = world.parameters
    absent = {name: getattr(past.village, name) for name in SOLVED if getattr(parameters.village, name) is None}
    if absent:
        parameters = parameters.model_copy(update={"village": parameters.village.model_copy(update=absent)})
    for name in PAST:
        if found := _difference(getattr(past, name), getattr(parameters, name), name):
            key, then, now = found
            only = "only campaign and until may differ"
            raise InputError(f"{key} = {_short(now)}: not allowed in a branch, the past has {_short(then)}; {only}")
    new = assemble(parameters, world.seed, world.replicate, like=world)
    new.week = world.week
    if new.calendar.steps < world.week:
        last = world.calendar.dates[world.week - 1]
        raise InputError(f"until = {parameters.until}: not allowed in a branch, the past has come further; allowed: a day after {last}")
    return new


def _difference(past, now, key: str):
    """(key, past, now) of the first value that differs, or None."""
    if past == now:
        return None
    if isinstance(past, Group) and type(past) is type(now):
        parts = ((getattr(past, name), getattr(now, name), f"{key}.{name}") for name in type(past).model_fields)
    elif isinstance(past, list) and isinstance(now, list) and len(past) == len(now):
        parts = ((a, b, f"{key}.{getattr(a, 'name', k)}") for k, (a, b) in enumerate(zip(past, now)))
    else:
        return key, past, now
    return next(found for a, b, where in parts if (found := _difference(a, b, where)))


def _short(value) -> str:
    text = str(value) if isinstance(value, dt.date | Group) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _begun_levers(world: World, new: World, week: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the levers that run before `week`, in the old and in the new tables, once it is sure that they are the same."""
    old, now = world.parameters.campaign.levers, new.parameters.campaign.levers
    before, after = (w.village.plan["running"][:week] for w in (world, new))
    here, begun = np.flatnonzero(before.any(axis=0)), np.flatnonzero(after.any(axis=0))
    number = {lever.name: k for k, lever in enumerate(now)}
    day = _day(world, week)
    for k in here:
        _same_lever(old[k], now[number[old[k].name]] if old[k].name in number else None, day)
    there = np.array([number[old[k].name] for k in here], np.int64)
    for k in np.setdiff1d(begun, there):
        raise InputError(f"campaign.levers.{now[k].name}: start = {now[k].start}: lies in the past of the branch; allowed: {day} or later")
    for a, b in zip(here, there):
        if (before[:, a] != after[:, b]).any():
            runs = f"{old[a].name}: end = {now[b].end}: not allowed in a branch, the past has end = {old[a].end}"
            allowed = f"{day - dt.timedelta(days=1)} or later" if before[-1, a] else "the same"
            raise InputError(f"campaign.levers.{runs}; allowed: {allowed}")
    _same_agents(world, new, here, there)
    return here, there


def _day(world: World, week: int) -> dt.date:
    """First day of a step; of the one after the last, where it would begin."""
    dates = world.calendar.dates
    return dates[week] if week < len(dates) else dates[-1] + dt.timedelta(days=world.parameters.limits.step_days)


def _same_lever(past: Lever, now: Lever | None, day: dt.date) -> None:
    where = f"campaign.levers.{past.name}"
    if now is None:
        ends = f"it may end from {day - dt.timedelta(days=1)} on"
        raise InputError(f"{where}: has run since {past.start} and is not in the campaign of the branch; keep it, {ends}")
    for name in Lever.model_fields:
        if name not in FREE_KEYS and (found := _difference(getattr(past, name), getattr(now, name), name)):
            key, a, b = found
            raise InputError(
                f"{where}.{key} = {_short(b)}: not allowed in a branch, the lever has run since {past.start} with {_short(a)}; "
                f"end it and start another on {day} or later"
            )


def _same_agents(world: World, new: World, here: np.ndarray, there: np.ndarray) -> None:
    """An agent's number says who he is among the people: those who have worked must keep theirs."""
    old, now = world.village.agents["lever"], new.village.agents["lever"]
    for a, b in zip(here, there):
        if not np.array_equal(np.flatnonzero(old == a), np.flatnonzero(now == b)):
            name = new.parameters.campaign.levers[b].name
            raise InputError(
                f"campaign.levers.{name}.agents: would be other people than in the past; list the levers in the order of start"
            )


def _same_promises(world: World, new: World) -> None:
    """Budget and ceiling may change, but not so that what was spent and promised breaks them."""
    past, now, day = world.parameters.campaign, new.parameters.campaign, world.village.day[0]
    least = ((int(day.spent_rp), int(day.committed_rp)), (0, int(day.obligation_rp)))
    for name, (spent, promised) in zip(LIMITS, least):
        given = getattr(now, name)
        if given is not None and given != getattr(past, name) and given < spent + promised:
            told = f"the past has spent Rp {spent:,} and promised" if spent else "the past has promised"
            allowed = f"{spent + promised:_} or more"
            raise InputError(f"campaign.{name} = {given:_}: not allowed in a branch, {told} Rp {promised:,}; allowed: {allowed}")


# ------------------------------------------------------------------ handing over the state


def _parts(world: World) -> dict[str, np.ndarray]:
    """Views of all that a run changes. Beyond these rows the tables are empty, and scratch (words, priority, misfortunes) is no state."""
    v, week = world.village, world.week
    months = int(world.calendar.ledger_month[week - 1]) + 1 if week else 0
    return {
        "workers": v.workers, "public": v.public, "day": v.day, "claims": v.claims[: int(v.day["claims"][0])],
        "levers": v.levers, "agents": v.agents, "ledger": v.ledger[:months],
        "events": v.events[:week], "passages": v.passages[:week], "counts": v.counts[:week],
    }  # fmt: skip


def _go_over(world: World, new: World) -> None:
    """Bring the state of a world into tables that were prepared for its campaign to come."""
    new.week = world.week
    _same_promises(world, new)
    then, now = (w.parameters.campaign.monthly_ceiling_rp for w in (world, new))
    new.past_ceilings = world.past_ceilings + (() if then == now else ((world.week, then),))
    _settle(new, _parts(world), *_begun_levers(world, new, world.week), world.village.offers["lever"])
    if new.calendar.steps != world.calendar.steps:
        _due_again(new)


def _settle(new: World, past: dict[str, np.ndarray], here: np.ndarray, there: np.ndarray, offers: np.ndarray) -> None:
    """Copy a past into fresh tables. `here`, `there`: numbers of its levers in the old and the new tables; `offers`: lever of each
    of the old offers. Levers and offers are known by number everywhere, so that where numbers move all are renumbered."""
    v, week = new.village, new.week
    targets = {name: v.workers[name].copy() for name in OF_TARGETS}
    groups = len(past["counts"]) and past["counts"].shape[1:] == v.counts.shape[1:] and (past["workers"]["group"] == targets["group"]).all()
    for name in ("workers", "public", "day"):  # whole rows as bytes: NumPy would copy field by field, thirty times slower
        np.asarray(getattr(v, name)).view(np.uint8)[:] = np.asarray(past[name]).view(np.uint8)
    for name, column in targets.items():
        v.workers[name] = column
    if (here != there).any():
        _renumber(v, here, there, offers)
    if v.par["budget_rp"][0] < 0 and v.par["ceiling_rp"][0] < 0:  # nobody is denied anything, and nobody will look again
        for name in LEVER_SETS["workers"]:
            v.workers[name] = 0
    v.claims[: len(past["claims"])] = past["claims"]
    for name in LEVER_SUMS:
        v.levers[name][there] = past["levers"][name][here]
    working = np.flatnonzero(np.isin(past["agents"]["lever"], here))
    for name in AGENT_STATE:
        v.agents[name][working] = past["agents"][name][working]
    months = min(len(v.ledger), len(past["ledger"]))
    v.ledger[:months, there] = past["ledger"][:months, here]
    v.ledger[:months, -1] = past["ledger"][:months, -1]
    v.events[:week], v.passages[:week] = past["events"], past["passages"]
    if groups:
        v.counts[:week] = past["counts"]
    else:
        v.counts[:week, 0] = past["counts"].sum(axis=1)


def _renumber(v, here: np.ndarray, there: np.ndarray, offers: np.ndarray) -> None:
    """Levers moved in the list: their bits in sets, the lists workers are on, the offers they took."""
    place = dict(zip(here.tolist(), there.tolist()))
    for table, names in LEVER_SETS.items():
        for name in names:
            bits = getattr(v, table)[name]
            moved = np.zeros_like(bits)
            for a, b in place.items():
                moved |= (bits >> np.uint64(a) & np.uint64(1)) << np.uint64(b)
            getattr(v, table)[name] = moved
    number = {int(lever): k for k, lever in enumerate(v.offers["lever"])}
    for name, table in (("listed", place), ("offer", {k: number[place[int(x)]] for k, x in enumerate(offers) if int(x) in place})):
        column = v.workers[name]
        v.workers[name] = np.array([table.get(k, -1) for k in range(-1, int(column.max()) + 1)], column.dtype)[column + 1]


def _due_again(new: World) -> None:
    """A due month beyond the end of a shorter calendar was written as NEVER: find it in this one."""
    calendar, w = new.calendar, new.village.workers
    if new.parameters.limits.billing_months == 0:
        return
    opens = np.flatnonzero(calendar.month_start)
    unknown = (w["next_due"] == NEVER) | ((w["next_due"] < 0) & (w["first_source"] == Source.BASELINE))
    who = np.flatnonzero(unknown & (w["joined_week"] >= 0))
    if len(who) == 0 or len(opens) == 0:
        return
    joined = w["joined_week"][who]
    founder = (joined == 0) & (w["first_source"][who] == Source.BASELINE)
    first = first_dues(new.people.months_draw[who], opens, new.parameters.limits.billing_months)
    due = np.where(founder, first, calendar.due_from_join[joined])
    while (gone := due < new.week).any():
        due[gone] = calendar.due_from_due[due[gone]]
    w["next_due"][who] = due

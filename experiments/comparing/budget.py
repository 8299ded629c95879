"""Equal budgets: the levers of a campaign made larger or smaller until it spends, on average, the rupiah asked for.

What is spent is `ledger.money`'s campaign_rp: what the payers pay whom the budget binds (branch, village, regency, company).
A lever has one natural size, the one that moves its money:

    contact     people met: events where each costs something (then people per event as the remainder), else people per event
                or the weekly chance
    agents      their number, and with it the monthly pay
    sponsor     the share that is put on the list
    otherwise   the share of the target

Costs that no size moves (a gate, a training day, a monthly fee) stay as they are. Shares and chances stop at 1, events at
what fits the calendar, people at the target, agents at the village's candidates.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from experiments.comparing.campaigns import gone_on, step_of
from experiments.running.behavior import solved
from experiments.running.replicate import checkpoints
from experiments.screens import words
from scenarios.errors import nearest
from scenarios.posterior import Posterior
from simulation import ledger
from simulation.branch import fork, switched
from simulation.parameters import InputError, Lever, Parameters
from simulation.segments import members
from simulation.spans import spans
from simulation.stages import Payer
from simulation.timeline import Timeline, timeline
from simulation.world import World, build

#: replicates on which the spending is measured
PILOTS = 10
TOLERANCE = 0.01
#: trials of a factor, at most, and the step below which factors count as the same
TRIALS = 40
FINEST = 1e-3
#: sizes that are whole numbers
WHOLE = ("attendance", "number")


class Size(NamedTuple):
    """What is scaled of a lever: the field `key` from `now` up to `most`. Of contacts also the number of events as it is, and the
    most that fit the calendar (`room`); room 0 where an event as such costs nothing: then their number stays."""

    lever: str
    key: str
    now: float
    most: float
    events: int
    room: int


class Scaled(NamedTuple):
    """A campaign made to fit a budget. changes: dicts lever, key, before, after; within: spend_rp meets asked_rp to 1 %."""

    parameters: Parameters
    factor: float
    changes: list[dict]
    asked_rp: int
    spend_rp: float
    within: bool
    pilots: int

    def report(self) -> dict:
        """All but the parameters, as plain values."""
        return {name: value for name, value in self._asdict().items() if name != "parameters"}


def scalable(parameters: Parameters) -> list[str]:
    """Names of the levers whose size moves money of a payer whom the budget binds."""
    return [lever.name for lever in parameters.campaign.levers if _bound(lever) and _key(lever)]


def scale(parameters: Parameters, lever_names: Iterable[str], factor: float) -> Parameters:
    """The campaign with the named levers (all that can be scaled, when none are named) `factor` times as large, each as far as
    calendar and fields allow; at factor 0 they are left out. Raises InputError for levers that are not there or have no size."""
    if not 0 <= factor < math.inf:
        raise InputError(f"factor = {factor!r}: not allowed; allowed: a number from 0")
    return _scaled(parameters, _sizes(parameters, _named(parameters, lever_names)), factor)


def to_budget(
    parameters: Parameters,
    rupiah: int,
    *,
    levers: Iterable[str] = (),
    seed: int = 1,
    pilots: int = PILOTS,
    at: str = "end",
    own: Parameters | None = None,
    since: dt.date | None = None,
    posterior: Posterior | None = None,
    title: str = "",
    progress: Callable[[int], None] | None = None,
) -> Scaled:
    """Scale the named levers (all that can be scaled, when none are named) by one factor so that the mean spending up to `at` ("end"
    or a month such as "12") over replicates 0 to pilots - 1 of the seed is `rupiah`, to 1 % where whole numbers allow it.

    own, since: the villages go on under the campaign of `own` until `since`, and only then under this one (what was spent before
    counts). posterior: each replicate has its draw of behavior. The parameters returned are those of the whole campaign. progress is
    called with the number of factors tried so far. Raises InputError where the budget is out of reach, saying what the campaign can
    spend at least and at most.
    """
    if isinstance(rupiah, bool) or not isinstance(rupiah, int | np.integer) or rupiah <= 0:
        raise InputError(f"budget = {rupiah!r}: not allowed; allowed: a whole number of rupiah above 0")
    sizes = _sizes(parameters, _named(parameters, levers))
    past = _with_levers(parameters, []) if since is None else parameters.model_copy(update={"campaign": own.campaign})
    pasts = [build(solved(past, posterior, seed, r), seed, r) for r in range(pilots)]
    sizes, step = _fitted(parameters, sizes, pasts), _step(pasts[0], at)
    tried: dict[tuple[float, float | None], float] = {}

    def spend(factor: float, held: float | None = None) -> float:
        if (factor, held) not in tried:
            tried[factor, held] = _spent(pasts, _scaled(parameters, sizes, factor, held), step, since)
            if progress:
                progress(len(tried))
        return tried[factor, held]

    off = lambda way: abs(tried[way] - rupiah)  # noqa: E731
    largest = max(1.0, *(_largest(size) for size in sizes))
    _check_reach(int(rupiah), spend(0.0), spend(largest), title or parameters.campaign.title, parameters)
    low, high = (0.0, 1.0) if spend(1.0) >= rupiah else (1.0, largest)
    low, high = _search(spend, rupiah, low, high)
    if min(map(off, tried)) > TOLERANCE * rupiah and low > 0 and any(size.room for size in sizes):
        _search(lambda factor: spend(factor, low), rupiah, low, largest)  # between n events and n + 1: n, with more people at each
    factor, held = min(tried, key=off)
    within = off((factor, held)) <= TOLERANCE * rupiah
    changes = _changes(sizes, factor, held)
    return Scaled(_scaled(parameters, sizes, factor, held), factor, changes, int(rupiah), tried[factor, held], bool(within), pilots)


def _search(spend: Callable[[float], float], target: float, low: float, high: float) -> tuple[float, float]:
    """Narrow a bracket of factors around the one that spends `target`, by turns where the line crosses it and in the middle."""
    for trial in range(TRIALS):
        below, above = spend(low), spend(high)
        if min(abs(below - target), abs(above - target)) <= TOLERANCE / 4 * target or high - low <= FINEST * high:
            break
        share = (target - below) / (above - below) if trial % 2 == 0 and below < target < above else 0.5
        middle = low + (high - low) * min(max(share, 0.02), 0.98)
        low, high = (middle, high) if spend(middle) < target else (low, middle)
    return low, high


def _check_reach(rupiah: int, least: float, most: float, title: str, parameters: Parameters) -> None:
    limit = parameters.campaign.budget_rp
    if rupiah > most * (1 + TOLERANCE):
        why = f" under its own budget of {words.rupiah(limit)}" if limit is not None else ""
        raise InputError(f"campaign {title!r} can spend at most {words.rupiah(most)} at full size{why}; asked: {words.rupiah(rupiah)}")
    if rupiah < least * (1 - TOLERANCE):
        without = "even without the levers that are scaled"
        raise InputError(f"campaign {title!r} spends at least {words.rupiah(least)}, {without}; asked: {words.rupiah(rupiah)}")


def _spent(pasts: list[World], parameters: Parameters, step: int, since: dt.date | None) -> float:
    """Mean rupiah spent by the end of `step` under the campaign of `parameters`, in the villages of `pasts`."""
    if since is not None:
        week, parameters = step_of(parameters, since), gone_on(pasts[0].parameters, parameters, since)
    total = 0
    for past in pasts:
        given = past.parameters.model_copy(update={"campaign": parameters.campaign})  # behavior is the past's own
        world = fork(past, given) if since is None else switched(past, week, given)
        world.advance(step + 1)
        total += ledger.money(ledger.booked(world.village.ledger))["campaign_rp"]
    return total / len(pasts)


def _step(world: World, at: str) -> int:
    """Last step before the date asked for."""
    months = [] if at == "end" else [int(at) if at.isdecimal() else at]
    return next(c.step for c in checkpoints(world.calendar, world.parameters.limits.step_days, months) if c.label == at)


# ------------------------------------------------------------------ sizes


def _bound(lever: Lever) -> bool:
    return Payer[lever.payer.upper()] in ledger.BOUND


def _key(lever: Lever) -> str | None:
    """The field that is a lever's natural size; None where no size moves its money."""
    cost = lever.cost
    if lever.contact and (cost.event_rp or cost.contact_rp):
        return "contact.weekly_prob" if lever.contact.attendance is None else "contact.attendance"
    if lever.agents and (cost.monthly_rp or cost.contact_rp):
        return "agents.number"
    if lever.sponsor:
        return "sponsor.share"
    by_person = cost.registration_rp or (lever.requirement and cost.contact_rp) or (lever.group and lever.group.fund_months)
    return "target.share" if lever.price or lever.gift or by_person else None


def _named(parameters: Parameters, names: Iterable[str]) -> list[str]:
    """The levers to scale, or InputError."""
    known, names, able = {lever.name: lever for lever in parameters.campaign.levers}, list(dict.fromkeys(names)), scalable(parameters)
    choice = f"can be scaled: {', '.join(able) or 'none'}"
    for name in names:
        if name not in known:
            raise InputError(f"scale: no lever {name!r}{nearest(name, known)}; {choice}".replace("?; ", "? "))
        if not _bound(known[name]):
            raise InputError(f"scale: the lever {name!r} is paid by: {known[name].payer}, whom no budget binds; {choice}")
        if not _key(known[name]):
            raise InputError(f"scale: what the lever {name!r} costs does not depend on a size; {choice}")
    if not names and not able:
        raise InputError(f"campaign {parameters.campaign.title!r}: none of its levers can be made to spend more or less")
    return names or able


def _sizes(parameters: Parameters, names: list[str]) -> list[Size]:
    """The sizes of the named levers, with the limits that the calendar and the fields themselves set."""
    calendar, found = timeline(parameters), []
    for lever in parameters.campaign.levers:
        if lever.name in names:
            key = _key(lever)
            group, field = key.split(".")
            events, room = (_events(parameters, lever, calendar, n) for n in (lever.contact.events, None)) if group == "contact" else (1, 0)
            most = math.inf if field in WHOLE else 1.0
            found.append(
                Size(lever.name, key, getattr(getattr(lever, group), field), most, max(events, 1), room if lever.cost.event_rp else 0)
            )
    return found


def _events(parameters: Parameters, lever: Lever, calendar: Timeline, events: int | None) -> int:
    """How many events of a lever fall into the run, of the number given (None: as many as fit)."""
    alone = _with_levers(parameters, [_with(lever, "contact", events=events)])
    return int(spans(alone, calendar, np.zeros(1, np.int64))[0].events.sum())


def _fitted(parameters: Parameters, sizes: list[Size], pasts: list[World]) -> list[Size]:
    """Sizes with the limits of the villages: people at an event are of the target, agents are found among the candidates."""
    levers = {lever.name: lever for lever in parameters.campaign.levers}
    scaled = sum(size.now for size in sizes if size.key == "agents.number")
    others = sum(lever.agents.number for lever in levers.values() if lever.agents) - scaled
    room = min(len(past.people.agent_community) for past in pasts) - others
    out = []
    for size in sizes:
        if size.key == "contact.attendance":
            size = size._replace(most=max(int(members(levers[size.lever], parameters, past.people).sum()) for past in pasts))
        elif size.key == "agents.number":
            size = size._replace(most=room * size.now // max(scaled, 1))
        out.append(size._replace(most=max(size.most, size.now)))
    return out


def _largest(size: Size) -> float:
    """The factor from which on a lever does not grow."""
    return size.most * max(size.room, size.events) / (size.now * size.events) if size.now else 1.0


def _at(size: Size, factor: float, held: float | None) -> tuple[float, int]:
    """(size, events) of a lever at a factor: as many events as `held` (else the factor) asks for, the rest is people at each."""
    wanted = math.ceil((factor if held is None else held) * size.events - 1e-9)
    events = min(size.room, max(1, wanted)) if size.room else size.events
    value = min(size.most, size.now * factor * size.events / events)
    return (round(value) if size.key.split(".")[1] in WHOLE else round(value, 6)), events


def _scaled(parameters: Parameters, sizes: list[Size], factor: float, held: float | None = None) -> Parameters:
    by_name, levers = {size.lever: size for size in sizes}, []
    for lever in parameters.campaign.levers:
        size = by_name.get(lever.name)
        if size is None or factor > 0:
            levers.append(lever if size is None else _resized(lever, size, *_at(size, factor, held)))
    return _with_levers(parameters, levers)


def _resized(lever: Lever, size: Size, value: float, events: int) -> Lever:
    group, field = size.key.split(".")
    if field == "number" and size.now:
        lever = _with(lever, "cost", monthly_rp=round(lever.cost.monthly_rp * value / size.now))
    return _with(lever, group, **{field: value}, **({"events": events} if events != size.events else {}))


def _changes(sizes: list[Size], factor: float, held: float | None) -> list[dict]:
    """What became of each size, as plain values; at factor 0 the lever is left out."""
    out = []
    for size in sizes:
        value, events = _at(size, factor, held) if factor > 0 else (0, 0)
        out.append({"lever": size.lever, "key": size.key, "before": size.now, "after": value})
        if size.room:
            out.append({"lever": size.lever, "key": "contact.events", "before": size.events, "after": events})
    return out


def _with(lever: Lever, group: str, **values) -> Lever:
    """The lever with some fields of one of its groups changed, checked like any other."""
    data = lever.model_dump()
    return Lever.model_validate({**data, group: {**data[group], **values}})


def _with_levers(parameters: Parameters, levers: list[Lever]) -> Parameters:
    return parameters.model_copy(update={"campaign": parameters.campaign.model_copy(update={"levers": levers})})

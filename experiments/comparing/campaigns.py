"""The campaigns of a comparison: by name, file or value, laid into one case, so that they differ by nothing but the campaign."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from scenarios.loader import Scenario
from scenarios.loader import load as load_scenario
from simulation.branch import FREE_KEYS
from simulation.parameters import InputError, Lever, Parameters
from simulation.spans import spans
from simulation.timeline import timeline

#: the case's own campaign
OWN = "own"
MOST = 50


class Campaigns(NamedTuple):
    """Campaigns in one case. parameters: of each, alike but for the campaign; own: those under the case's own campaign."""

    title: str
    names: tuple[str, ...]
    parameters: tuple[Parameters, ...]
    own: Parameters


def in_case(case, campaigns, until=None, overrides=(), village=None) -> Campaigns:
    """The campaigns laid into the case, case and campaigns as in `compare.compare`. A single campaign comes after the case's own; names
    that come twice get a number. Raises InputError for what is not there or does not fit."""
    campaigns = [campaigns] if isinstance(campaigns, str | Path | Scenario | Parameters) else list(campaigns)
    campaigns = [str(c) if isinstance(c, Path) else c for c in campaigns]
    if not 1 <= len(campaigns) <= MOST:
        raise InputError(f"campaigns: {len(campaigns)} given; needed: 1 to {MOST}, such as {OWN!r}, 'none', or a file")
    campaigns = [OWN, *campaigns] if len(campaigns) == 1 else campaigns
    for campaign in campaigns:
        if not isinstance(campaign, str | Scenario | Parameters):
            raise InputError(f"campaigns: needed are names, files, Scenarios or Parameters, got {type(campaign).__name__}")
    title, found = _found(case, [*campaigns, OWN], until, overrides if isinstance(overrides, Mapping) else list(overrides), village)
    return Campaigns(title, tuple(_unique([_name(c) for c in campaigns])), tuple(found[:-1]), found[-1])


def gone_on(own: Parameters, other: Parameters, day: dt.date) -> Parameters:
    """The campaign of `other` from the first step on or after `day` on, after the past of `own` (alike but for the campaign).

    A lever of `own` that has begun goes on where `other` has the same one (at the end that `other` gives it); else it ends the
    day before. Other levers of `other` begin then or later, their events counted from there, under another name where theirs is taken
    by the past.
    """
    calendar = timeline(own)
    week = step_of(own, day)
    first, eve = calendar.dates[week], calendar.dates[week] - dt.timedelta(days=1)
    laid = spans(own, calendar, np.zeros(len(own.campaign.levers), np.int64))
    begun = {span.lever.name: span for span in laid if span.first < min(span.last, week)}
    new, levers = {lever.name: lever for lever in other.campaign.levers}, []
    for name, span in begun.items():
        lever = span.lever
        if span.last >= week:  # runs on the eve
            same = name in new and _content(new[name]) == _content(lever)
            end = new.pop(name).end if same else eve
            lever = lever.model_copy(update={"end": end if end is None else max(end, eve)})
        levers.append(lever)
    for lever in new.values():
        if lever.end is None or lever.end >= first:
            name = f"{lever.name}_from_{first}" if lever.name in begun else lever.name
            levers.append(lever.model_copy(update={"name": name, "start": max(lever.start, first)}))
    return _with(other, "campaign", {**dict(other.campaign), "levers": levers})


def step_of(parameters: Parameters, day: dt.date) -> int:
    """The first step on or after a day that lies within the run, or InputError."""
    calendar = timeline(parameters)
    if not calendar.dates[calendar.burn_in] < day <= calendar.dates[-1]:
        first, last = calendar.dates[calendar.burn_in] + dt.timedelta(days=1), calendar.dates[-1]
        raise InputError(f"since = {day}: not in the run; allowed: a date from {first} to {last}")
    return calendar.week_of(day)


def _content(lever: Lever) -> dict:
    """All of a lever that a branch may not change."""
    return {key: value for key, value in dict(lever).items() if key not in FREE_KEYS}


def idle(parameters: Parameters) -> list[str]:
    """Levers that lie outside of the run: they do nothing."""
    inside = lambda lever: lever.start < parameters.until and (lever.end is None or lever.end >= parameters.start)  # noqa: E731
    return [lever.name for lever in parameters.campaign.levers if not inside(lever)]


def _found(case, campaigns, until, overrides, village) -> tuple[str, list[Parameters]]:
    """Title of the case, and its parameters under each campaign."""
    if isinstance(case, str | Path):
        return _from_files(str(case), campaigns, until, overrides, village)
    if not isinstance(case, Scenario | Parameters):
        raise InputError(f"compare: needs a scenario's name or file, a Scenario or Parameters, got {type(case).__name__}")
    if overrides or village is not None:
        raise InputError("overrides and village go with a case's name or file; for a Scenario give them to scenarios.loader.load")
    own = case.parameters if isinstance(case, Scenario) else case
    if until is not None:
        own = _with(own, "until", date_of("until", until))
    found = [own if isinstance(c, str) and c == OWN else _with(own, "campaign", _own_of(c).campaign) for c in campaigns]
    return case.title if isinstance(case, Scenario) else own.village.title, found


def _from_files(case: str, campaigns: list, until, overrides, village) -> tuple[str, list[Parameters]]:
    """The same for a case by name or file. Where the case has no date of its own, all start with the earliest lever of any campaign."""

    def read(extra) -> list[tuple[Scenario, Parameters]]:
        found = []
        for campaign in campaigns:
            named = [campaign] if isinstance(campaign, str) and campaign != OWN else []
            scenario = load_scenario(case, campaigns=named, overrides=extra, until=until, village=village)
            given = None if isinstance(campaign, str) else _own_of(campaign).campaign
            found.append((scenario, scenario.parameters if given is None else _with(scenario.parameters, "campaign", given)))
        return found

    found = read(overrides)
    starts = {parameters.start for _, parameters in found}
    if len(starts) > 1:
        first = min((p.start for _, p in found if p.campaign.levers), default=min(starts))
        found = read({**overrides, "start": first} if isinstance(overrides, Mapping) else [*overrides, f"start={first}"])
    return found[0][0].title, [parameters for _, parameters in found]


def _own_of(given: str | Scenario | Parameters) -> Parameters:
    given = load_scenario(given) if isinstance(given, str) else given
    return given.parameters if isinstance(given, Scenario) else given


def _name(campaign) -> str:
    """What a campaign is called in tables."""
    if isinstance(campaign, str):
        return Path(campaign).stem
    return campaign.name if isinstance(campaign, Scenario) else campaign.campaign.title


def _unique(names: list[str]) -> list[str]:
    """Names that come twice get a number."""
    seen: Counter = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def _with(parameters: Parameters, key: str, value) -> Parameters:
    """The parameters with one part changed, checked like any other."""
    try:
        return Parameters.model_validate({**dict(parameters), key: value})
    except ValidationError as error:
        raise InputError("; ".join(found["msg"].removeprefix("Value error, ") for found in error.errors())) from None


def date_of(name: str, given: dt.date | str) -> dt.date:
    """A date, as text or as it is, or InputError."""
    try:
        return dt.date.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        raise InputError(f"{name} = {given!r}: not allowed; allowed: a date such as 2019-12-31") from None

"""What a scenario says before any run: its village, its levers on the calendar, and the money that is certain without a run.

    plan = lay_out(load("lerep"))
    facts(plan), calendar(plan), budget(plan)      # plain tables (lists of dicts), the same that `sadar show --json` prints

The people are those of seed 1, replicate 0. Nothing here needs the compiled kernel.
"""

import json
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.screens.words import number, rupiah, text
from scenarios.diff import diff
from scenarios.errors import ScenarioError, line_of, shown, text_of
from scenarios.loader import Scenario
from simulation import campaign, network, population
from simulation.parameters import Group, InputError, Lever
from simulation.stages import Membership, Payer
from simulation.timeline import Timeline, timeline

KEY = (1, 0)
MECHANISMS = tuple(name for name, field in Lever.model_fields.items() if "Mechanism" in str(field.annotation))


@dataclass(frozen=True)
class Plan:
    """A scenario laid on the calendar of one drawn village."""

    scenario: Scenario
    people: population.People
    ties: network.Network
    calendar: Timeline
    tables: campaign.Tables


def lay_out(scenario: Scenario, overrides=()) -> Plan:
    """People, network and compiled campaign; what does not fit the village, or its budget, is a ScenarioError with its place.

    `overrides` are the `--set` texts behind the scenario, only to name the right place in a message."""
    affordable(scenario, overrides)
    with placed(scenario, overrides):
        people = population.synthesize(scenario.parameters, KEY)
        ties = network.synthesize(scenario.parameters, people, KEY)
        days = timeline(scenario.parameters)
        return Plan(scenario, people, ties, days, campaign.compile_tables(scenario.parameters, people, days, KEY))


def affordable(scenario: Scenario, overrides=()) -> None:
    """A budget or ceiling below what a lever needs in its first week is a slip, not a plan: ScenarioError."""
    given = scenario.parameters.campaign
    limits = {name: getattr(given, name) for name in ("budget_rp", "monthly_ceiling_rp") if getattr(given, name) is not None}
    for span in campaign.spans(scenario.parameters, timeline(scenario.parameters), np.zeros(len(given.levers))) if limits else ():
        cost = span.lever.cost
        needed = cost.fixed_rp + cost.monthly_rp + (cost.event_rp if span.events.any() else 0)
        for name, limit in limits.items():
            if span.first < span.last and Payer[span.lever.payer.upper()] in campaign.BOUND and needed > limit:
                key = f"campaign.{name}"
                where = place_of_key(scenario, key, overrides)
                raise ScenarioError(text("too_small", place=where, key=key, value=limit, lever=span.lever.name, needed=needed))


@contextmanager
def placed(scenario: Scenario, overrides=()):
    """An InputError from the simulation that starts with a key gets the file and line the key stands at in front."""
    try:
        yield
    except ScenarioError:
        raise
    except InputError as error:
        key = str(error).partition(":")[0].partition(" ")[0]
        known = key.partition(".")[0] in type(scenario.parameters).model_fields
        raise ScenarioError(f"{place_of_key(scenario, key, overrides)}: {error}" if known else str(error)) from None


def place_of_key(scenario: Scenario, key: str, overrides=()) -> str:
    """Where a key path of the resolved scenario was written: '--set', or the first file that has it, with the line."""
    given = [str(item).partition("=")[0].strip() for item in overrides]
    if any(key == item or key.startswith(item + ".") for item in given):
        return "--set"
    head, *rest = key.split(".")
    path = ["lever", *rest[1:]] if rest[:1] == ["levers"] else rest or [head]
    for depth in range(len(path), 0, -1):
        for file in scenario.files:
            if _stands_in(file, path[:depth]):
                return f"{shown(file)}, line {line_of(file, '.'.join(path[:depth]))}"
    return shown(scenario.files[0])


def _stands_in(file: Path, path: list[str]) -> bool:
    """Does this file itself write the key? Levers go by name or preset."""
    try:
        node = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False
    if path[0] == "lever" and len(path) > 1:
        levers = [x for x in node.get("lever", []) if isinstance(x, dict)]
        node, path = next((x for x in levers if x.get("name", x.get("preset")) == path[1]), None), path[2:]
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    return node is not None


# ------------------------------------------------------------------ facts


def facts(plan: Plan) -> dict:
    """Size, context and network of the village, and the levers with the number of workers each is for."""
    scenario, people, parameters = plan.scenario, plan.people, plan.scenario.parameters
    given, village = parameters.campaign, parameters.village
    groups = {bit.name.lower(): int(((people.membership & bit) > 0).sum()) for bit in Membership}
    occupations = np.bincount(people.occupation, minlength=len(village.occupations))
    return {
        "name": scenario.name,
        "title": scenario.title,
        "scenario_hash": scenario.content_hash,
        "files": [shown(file) for file in scenario.files],
        "start": parameters.start.isoformat(),
        "until": parameters.until.isoformat(),
        "steps": plan.calendar.steps - plan.calendar.burn_in,
        "burn_in": plan.calendar.burn_in,
        "village": {
            "title": village.title,
            "workers": people.workers,
            "households": len(np.unique(people.household)),
            "communities": people.communities,
            "leaders": len(people.leader_kind),
            "agent_candidates": len(people.agent_community),
            "women": int((people.sex == 1).sum()),
            "occupations": {o.name: int(n) for o, n in zip(village.occupations, occupations)},
            "members_of": groups,
        },
        "network": {name: round(float(value), 4) for name, value in network.statistics(plan.ties, people).items()},
        "network_targets": {name: getattr(village, name) for name in ("degree_mean", "clustering", "bridging_share")},
        "campaign": {name: getattr(given, name) for name in ("title", "budget_rp", "monthly_ceiling_rp")},
        "segments": plan.tables.segments.count,
        "levers": [_lever(span) for span in plan.tables.spans],
        "observed": [o.model_dump(mode="json") for o in scenario.observed],
    }


def _lever(span) -> dict:
    lever = span.lever
    return {
        "name": lever.name,
        "title": lever.title or lever.name,
        "start": lever.start.isoformat(),
        "end": lever.end.isoformat() if lever.end else None,
        "payer": lever.payer,
        "grade": lever.grade,
        "workers": span.targets,
        "does": does(lever),
        "cost": {name: value for name, value in lever.cost.model_dump().items() if value},
    }


def does(lever) -> dict[str, dict]:
    """The mechanisms a lever sets, each with the values that are not the default."""
    return {name: _set_values(getattr(lever, name)) for name in MECHANISMS if getattr(lever, name) is not None}


def _set_values(group: Group) -> dict:
    standard = {name: field.default for name, field in type(group).model_fields.items()}
    return {name: value for name, value in group.model_dump(mode="json").items() if value != standard[name]}


def resolved(scenario: Scenario) -> dict:
    """Every value of the scenario, as it would run (JSON types)."""
    return json.loads(scenario.parameters.model_dump_json())


def values(scenario: Scenario):
    """(key path, value, unit, grade, source) of every single value, levers and occupations by name, rules by date."""
    yield from _values("", scenario.parameters)


def _values(path: str, group: Group):
    for name, field in type(group).model_fields.items():
        value, here = getattr(group, name), f"{path}.{name}" if path else name
        if isinstance(value, Group):
            yield from _values(here, value)
        elif isinstance(value, list) and value and isinstance(value[0], Group):
            for entry in value:
                yield from _values(f"{here}.{getattr(entry, 'name', None) or entry.start}", entry)
        elif value is not None:
            extra = field.json_schema_extra or {}
            yield here, value, extra.get("unit", "-"), extra.get("grade", ""), extra.get("source", "")


def differences(scenario: Scenario, other: Scenario) -> list[dict]:
    """What `scenario` has otherwise than `other`: key path, value there, value here."""
    return [{"key": key, "other": _word(there), "this": _word(here)} for key, there, here in diff(other, scenario)]


def _word(value):
    return value if value is None or isinstance(value, int | float | str) else text_of(value)


# ------------------------------------------------------------------ calendar and money


def calendar(plan: Plan) -> list[dict]:
    """Each lever's weeks: first and last step dates and the weeks with an event, with the step numbers of the run (from 0)."""
    days, zero = plan.calendar.dates, plan.calendar.burn_in
    rows = []
    for span in plan.tables.spans:
        runs = span.first < span.last
        events = np.flatnonzero(span.events)
        rows.append(
            {
                "lever": span.lever.name,
                "first": days[span.first].isoformat() if runs else None,
                "last": days[span.last - 1].isoformat() if runs else None,
                "from_week": int(span.first - zero) if runs else None,
                "to_week": int(span.last - 1 - zero) if runs else None,
                "event_weeks": [int(week - zero) for week in events],
                "workers": span.targets,
            }
        )
    return rows


def budget(plan: Plan) -> dict:
    """Money without a run. `certain`: rupiah by lever, payer and month (what is fixed, monthly, and for events). `depends`: by
    lever, what contacts cost if all who are expected come, and the worst case of take-up. `limits`: against budget and ceiling."""
    tables, days = plan.tables, plan.calendar
    months = days.ledger_month
    certain, depends = [], []
    total_by_month: dict[str, int] = {}
    for span in plan.tables.spans:
        mine = tables.plan[:, span.index]
        rp = mine["once_rp"] + mine["monthly_rp"] + mine["event_rp"]
        for month in sorted(set(months[rp > 0].tolist())):
            name, amount = _month(plan, month), int(rp[months == month].sum())
            certain.append({"lever": span.lever.name, "payer": span.lever.payer, "month": name, "rp": amount})
            if tables.levers[span.index].bound:
                total_by_month[name] = total_by_month.get(name, 0) + amount
        depends += _depends(plan, span)
    given = plan.scenario.parameters.campaign
    total, top = sum(total_by_month.values()), max(total_by_month.values(), default=0)
    limits = {"budget_rp": given.budget_rp, "certain_rp": total, "monthly_ceiling_rp": given.monthly_ceiling_rp, "highest_month_rp": top}
    return {"certain": certain, "depends": depends, "limits": limits}


def _month(plan: Plan, number: int) -> str:
    start = plan.scenario.parameters.start
    year, month = divmod(start.year * 12 + start.month - 1 + number, 12)
    return f"{year}-{month + 1:02d}"


def _depends(plan: Plan, span) -> list[dict]:
    """What of a lever's money hangs on people: each kind with the most it can come to, and how that was reckoned."""
    if span.first >= span.last:
        return []
    lever, row, tables, days, people = span.lever, plan.tables.levers[span.index], plan.tables, plan.calendar, span.targets
    running = len(set(days.ledger_month[span.first : span.last].tolist()))
    left = len(set(days.ledger_month[span.first :].tolist()))
    rows = []

    def add(kind: str, most: int, **how):
        if most > 0:
            payer = Payer.SCHEME.name.lower() if kind == "commission" else lever.payer
            rows.append({"lever": lever.name, "payer": payer, "kind": kind, "rp": int(most), "how": text(f"how_{kind}", **how)})

    if lever.contact and row.contact_rp:
        weeks = int(span.events.sum())
        each = min(lever.contact.attendance, people) if lever.contact.attendance is not None else round(lever.contact.weekly_prob * people)
        add("contacts", weeks * each * row.contact_rp, weeks=weeks, each=number(each), unit=rupiah(row.contact_rp))
    everyone, month = number(people), rupiah(row.month_unit_rp)
    add("registrations", people * row.registration_rp, people=everyone, unit=rupiah(row.registration_rp))
    add("gifts", people * row.gift_rp, people=everyone, unit=rupiah(row.gift_rp))
    if lever.sponsor:
        listed = sum(int(offer.last - offer.first) for offer in tables.offers if offer.lever == span.index)
        add("sponsored", listed * row.month_unit_rp * left, people=number(listed), unit=month, months=left)
    elif lever.price and lever.price.months:
        add("months_off", people * row.month_unit_rp * lever.price.months, people=everyone, unit=month, months=lever.price.months)
    add("discount", people * row.discount_rp * running, people=everyone, unit=rupiah(row.discount_rp), months=running)
    price = max(rule.price_rp for rule in days.rules)
    if lever.group:
        months = lever.group.fund_months
        add("group_fund", people * price * months, people=everyone, unit=rupiah(price), months=months)
    if lever.agents and lever.agents.commission:
        rules = [days.rules[k] for k in sorted(set(days.rule_index[span.first : span.last].tolist()))]
        bonus, head, share = (max(getattr(r, name) for r in rules) for name in ("agent_bonus_rp", "agent_per_member_rp", "agent_early_bp"))
        most = lever.agents.number * bonus * running + people * head + people * price * running * share // 10_000
        add("commission", most, people=everyone, months=running)
    return rows

"""What a scenario says before any run: its village, its levers on the calendar, and the money that is certain without a run.

    plan = lay_out(load("lerep"))
    facts(plan), calendar(plan), budget(plan)      # plain tables (lists of dicts), the same that `sadar show --json` prints

The people are those of seed 1, replicate 0. Nothing here needs the compiled kernel.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.tables import rupiah, text
from scenarios.diff import diff
from scenarios.errors import ScenarioError, line_of, shown, text_of
from scenarios.loader import Scenario
from simulation import campaign, network, population
from simulation.parameters import Group, InputError
from simulation.stages import Payer
from simulation.timeline import Timeline, timeline

KEY = (1, 0)
MECHANISMS = ("contact", "price", "sponsor", "gift", "procedure", "channel", "requirement", "publicity", "service", "agents", "leaders", "group")


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
    parameters = scenario.parameters
    try:
        people = population.synthesize(parameters, KEY)
        ties = network.synthesize(parameters, people, KEY)
        days = timeline(parameters)
        tables = campaign.compile_tables(parameters, people, days, KEY)
    except ScenarioError:
        raise
    except InputError as error:
        raise ScenarioError(_placed(scenario, str(error), overrides)) from None
    plan = Plan(scenario, people, ties, days, tables)
    _affordable(plan, overrides)
    return plan


def _placed(scenario: Scenario, message: str, overrides) -> str:
    """The message with the file and line its key stands at in front, where it starts with a key."""
    key = message.partition(":")[0].partition(" ")[0]
    place = place_of_key(scenario, key, overrides) if key.startswith(("campaign", "village", "scheme", "behavior", "limits")) else ""
    return f"{place}: {message}" if place else message


def place_of_key(scenario: Scenario, key: str, overrides=()) -> str:
    """Where a key path of the resolved scenario was written: '--set', or 'file, line n' of the first file that has it, else ''."""
    if any(str(given).split("=")[0].strip() in (key, *_above(key)) for given in overrides):
        return "--set"
    parts = key.split(".")
    inside = ["lever", *parts[2:]] if parts[:2] == ["campaign", "levers"] else parts[1:] if len(parts) > 1 else parts
    written, above = ".".join(inside), ".".join(inside[:2]) if inside[0] == "lever" else ""
    for wanted in filter(None, (written, above)):
        for file in scenario.files:
            if _stands_in(file, wanted.split(".")):
                return f"{shown(file)}, line {line_of(file, wanted)}"
    return shown(scenario.files[0]) if scenario.files else ""


def _above(key: str):
    while "." in key:
        key = key.rpartition(".")[0]
        yield key


def _stands_in(file: Path, path: list[str]) -> bool:
    """Does this file itself write the key (a lever by its name or preset)?"""
    import tomllib

    try:
        node = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False
    if path[0] == "lever":
        levers = [x for x in node.get("lever", []) if isinstance(x, dict)]
        node, path = next((x for x in levers if x.get("name", x.get("preset")) == path[1]), None), path[2:]
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    return node is not None


def _affordable(plan: Plan, overrides) -> None:
    """A budget or ceiling that can never pay for a lever's first week is a slip, not a plan."""
    given = plan.scenario.parameters.campaign
    for name, limit in (("budget_rp", given.budget_rp), ("monthly_ceiling_rp", given.monthly_ceiling_rp)):
        for span in plan.tables.spans:
            first = plan.tables.plan[span.first, span.index] if span.first < span.last else None
            if limit is None or first is None or not plan.tables.levers[span.index].bound:
                continue
            needed = int(first.once_rp + first.monthly_rp + first.event_rp)
            if needed > limit:
                where = place_of_key(plan.scenario, f"campaign.{name}", overrides)
                raise ScenarioError(text("too_small", place=where, key=f"campaign.{name}", value=limit, lever=span.lever.name, needed=needed))


# ------------------------------------------------------------------ facts


def facts(plan: Plan) -> dict:
    """Size, context and network of the village, and the levers with the number of workers each is for."""
    scenario, people, parameters = plan.scenario, plan.people, plan.scenario.parameters
    mask = {name: int(((people.membership & bit) > 0).sum()) for name, bit in (("waste_bank", 1), ("arisan", 2), ("farmer_group", 4), ("pkh", 8))}
    occupations = np.bincount(people.occupation, minlength=len(parameters.village.occupations))
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
            "title": parameters.village.title,
            "workers": people.workers,
            "households": len(np.unique(people.household)),
            "communities": people.communities,
            "leaders": len(people.leader_kind),
            "agent_candidates": len(people.agent_community),
            "women": int((people.sex == 1).sum()),
            "occupations": {o.name: int(n) for o, n in zip(parameters.village.occupations, occupations)},
            "members_of": mask,
        },
        "network": {name: round(float(value), 4) for name, value in network.statistics(plan.ties, people).items()},
        "network_targets": {name: getattr(parameters.village, name) for name in ("degree_mean", "clustering", "bridging_share")},
        "campaign": {"title": parameters.campaign.title, "budget_rp": parameters.campaign.budget_rp, "monthly_ceiling_rp": parameters.campaign.monthly_ceiling_rp},
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
    return None if value is None else value if isinstance(value, int | float | bool) else text_of(value) if not isinstance(value, str) else value


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
            rows.append({"lever": lever.name, "payer": lever.payer, "kind": kind, "rp": int(most), "how": text(f"how_{kind}", **how)})

    if lever.contact and row.contact_rp:
        weeks = int(span.events.sum())
        each = min(lever.contact.attendance, people) if lever.contact.attendance is not None else round(lever.contact.weekly_prob * people)
        add("contacts", weeks * each * row.contact_rp, weeks=weeks, each=each, rp=rupiah(row.contact_rp))
    add("registrations", people * row.registration_rp, people=people, rp=rupiah(row.registration_rp))
    add("gifts", people * row.gift_rp, people=people, rp=rupiah(row.gift_rp))
    if lever.sponsor:
        listed = sum(int(o.last - o.first) for o in tables.offers if o.lever == span.index)
        add("sponsored", listed * row.month_unit_rp * left, people=listed, rp=rupiah(row.month_unit_rp), months=left)
    elif row.month_unit_rp:
        add("months_off", people * row.month_unit_rp * lever.price.months, people=people, rp=rupiah(row.month_unit_rp), months=lever.price.months)
    add("discount", people * row.discount_rp * running, people=people, rp=rupiah(row.discount_rp), months=running)
    price = max(rule.price_rp for rule in days.rules)
    if lever.group:
        add("group_fund", people * price * lever.group.fund_months, people=people, rp=rupiah(price), months=lever.group.fund_months)
    if lever.agents and lever.agents.commission:
        rules = [days.rules[k] for k in sorted(set(days.rule_index[span.first : span.last].tolist()))]
        bonus, head, share = (max(getattr(r, name) for r in rules) for name in ("agent_bonus_rp", "agent_per_member_rp", "agent_early_bp"))
        most = lever.agents.number * bonus * running + people * head + people * price * running * share // 10_000
        rows.append({"lever": lever.name, "payer": Payer.SCHEME.name.lower(), "kind": "commission", "rp": int(most), "how": text("how_commission", people=people, months=running)})
    return rows

"""A campaign (data) becomes the tables that the kernel looks up, in two steps.

`draft` compiles what the scenario fixes: the levers on the calendar, their prices and plan, the sheets behind the rows.
`tables` adds what luck draws: who is in which segment, what waste yields, who is on a list, in a group, in a territory.
A draft serves any number of replicates: `tables` copies what it takes from it, so that no two villages share a table.
The kernel knows the mechanisms, never the levers' names.
"""

import math
from dataclasses import dataclass

import numpy as np

from simulation import records, rng
from simulation.parameters import InputError, Parameters
from simulation.population import People
from simulation.rows import RowDraft, rows
from simulation.segments import Segments, any_of, relief_of_occupations, segment
from simulation.sheets import safe_log
from simulation.spans import BOUND, Span, offered_months, offered_share, spans
from simulation.stages import Contact, LeaderKind, Payer, Purpose
from simulation.timeline import NEVER, RULE_KEYS, Timeline


@dataclass(frozen=True)
class Draft:
    """What the scenario fixes of a campaign's tables. Nobody writes in it but `rows`, which remembers sheets it has made."""

    parameters: Parameters
    laid: list[Span]
    relief_of: np.ndarray
    rows: RowDraft
    weeks: np.ndarray
    levers: np.ndarray
    plan: np.ndarray
    offers: np.ndarray
    agents: dict[int, np.ndarray]
    leader_weeks: np.ndarray


@dataclass
class Tables:
    """The compiled campaign of one village: record tables as the kernel names them, and the segments."""

    segments: Segments
    weeks: np.recarray
    rows: np.recarray
    places: np.recarray
    contacts: np.recarray
    levers: np.recarray
    plan: np.recarray
    offers: np.recarray
    groups: np.recarray
    agents: np.recarray
    lists: np.ndarray
    leader_on: np.ndarray
    spans: list[Span]


def compile_tables(parameters: Parameters, people: People, calendar: Timeline, key: tuple[int, int]) -> Tables:
    """Compile the campaign and the calendar for a village. Raises InputError for what does not fit it."""
    return tables(draft(parameters, calendar), people, key)


def draft(parameters: Parameters, calendar: Timeline) -> Draft:
    """Compile what holds for every village of the scenario."""
    laid = spans(parameters, calendar, np.zeros(len(parameters.campaign.levers), np.int64))
    levers, plan = _levers(parameters, calendar, laid)
    return Draft(
        parameters, laid, relief_of_occupations(parameters, calendar), RowDraft(parameters, calendar, laid), _weeks(parameters, calendar),
        levers, plan, _offers(parameters, calendar, laid), _agents(parameters, laid), _leader_weeks(parameters, calendar, laid),
    )  # fmt: skip


def tables(fixed: Draft, people: People, key: tuple[int, int]) -> Tables:
    """The tables of one village. Raises InputError for too many segments, offers at once, or agents."""
    segments, masks = segment(fixed.parameters, people, fixed.relief_of)
    laid = [span.aimed(count) for span, count in zip(fixed.laid, segments.targets.tolist())]
    met = rows(fixed.rows, segments, laid)
    weeks = fixed.weeks.copy()
    weeks["period"], weeks["contact_blocks"] = met.period, met.contact_blocks[met.period]
    lists = Lists()
    offers = _listed(fixed, people, masks, lists)
    groups = _grouped(fixed, masks, lists)
    agents = _territories(fixed, people, masks, lists)
    plain = (weeks, met.rows, met.places, met.contacts, fixed.levers.copy(), fixed.plan.copy(), offers, groups, agents)
    return Tables(segments, *(t.view(np.recarray) for t in plain), lists.joined(), _leaders_on(fixed, people, key), laid)


# ------------------------------------------------------------------ what the scenario fixes


def _weeks(parameters, calendar) -> np.ndarray:
    """The calendar by step, all but period and contact_blocks."""
    weeks = np.zeros(calendar.steps, records.WEEK)
    step = np.arange(calendar.steps) - calendar.burn_in
    until = parameters.limits.sale_until_week
    weeks["week"] = np.arange(calendar.steps)
    for name in ("month_start", "month_week", "calendar_month", "ledger_month", "due_from_join", "due_from_due"):
        weeks[name] = getattr(calendar, name)
    # a sale window shuts the burn-in too: nobody is a member by it before the sale
    windowed = until is not None or parameters.limits.sale_from_week > 0
    weeks["on_sale"] = (step >= (parameters.limits.sale_from_week if windowed else -NEVER)) & (step < (NEVER if until is None else until))
    for name in ("death_benefit_rp", "waiting_benefit_rp", "waiting_months", "accident_claim_rp", "grace_months"):
        weeks[name] = np.array([getattr(r, name) for r in calendar.rules])[calendar.rule_index]
    weeks["agent_rule"] = np.array([[getattr(r, k) for k in RULE_KEYS] for r in calendar.rules])[calendar.rule_index]
    return weeks


def _levers(parameters, calendar, laid) -> tuple[np.ndarray, np.ndarray]:
    """Lever records (payer, unit costs, worst-case cost of one claim) and the weekly plan of what is fixed."""
    behavior, billing, top = parameters.behavior, max(1, parameters.limits.billing_months), _top_price(calendar)
    levers = np.zeros(len(laid), records.LEVER)
    plan = np.zeros((calendar.steps, len(laid)), records.PLAN)
    constants = {
        "bonding": behavior.bonding_credibility,
        "linking": behavior.linking_credibility,
        "institution": behavior.institution_credibility,
    }
    for s in laid:
        lever, row, cost = s.lever, levers[s.index], s.lever.cost
        payer = Payer[lever.payer.upper()]
        row["payer"], row["bound"] = payer, payer in BOUND
        row["credibility"] = constants[lever.contact.credibility if lever.contact else "institution"]
        row["helps"] = bool(lever.contact and lever.contact.helps)
        row["asks"] = bool(lever.contact and lever.contact.asks)
        row["contact_rp"], row["registration_rp"] = cost.contact_rp, cost.registration_rp
        row["gift_rp"] = lever.gift.value_rp if lever.gift else 0
        row["kind"] = Contact[lever.contact.channel.upper()] if lever.contact else Contact.SERVICE
        unit = math.ceil(top * offered_share(lever)) if lever.price or lever.sponsor else 0
        months = offered_months(lever)
        row["month_unit_rp"] = unit * billing if months else 0
        row["discount_rp"] = unit * billing if lever.price and not months else 0
        row["claim_rp"] = row["registration_rp"] + row["gift_rp"] + unit * max(months, billing)
        if lever.group:
            row["claim_rp"] += top * max(lever.group.fund_months, billing) if lever.group.fund_months else 0
            row["month_unit_rp"] = top * billing if lever.group.fund_months else 0
        row["visits"] = lever.agents.number * _visits(parameters, lever.agents) if lever.agents else 0
        mine = plan[:, s.index]
        mine["running"][s.first : s.last] = 1
        if s.first < s.last:
            mine["once_rp"][s.first] = cost.fixed_rp
            begins = (calendar.month_start == 1) | (np.arange(calendar.steps) == s.first)
            mine["monthly_rp"] = np.where(begins & (mine["running"] == 1), cost.monthly_rp, 0)
            mine["event_rp"] = np.where(s.events, cost.event_rp, 0)
    return levers, plan


def _top_price(calendar) -> int:
    return max(r.price_rp for r in calendar.rules)


def _visits(parameters, mechanism) -> int:
    """Visits in one step."""
    return round(mechanism.visits_per_week * parameters.limits.step_days / 7)


def _offers(parameters, calendar, laid) -> np.ndarray:
    """Offers that run from registration: months off, a sponsor's term, a group fund's help. Without the sponsors' lists."""
    mine = [s for s in laid if s.offer >= 0]
    offers = np.zeros(len(mine), records.OFFER)
    offers["list_week"], offers["term"] = NEVER, 1
    for s in mine:
        row, lever = offers[s.offer], s.lever
        share = offered_share(lever) if lever.price or lever.sponsor else 1.0
        row["lever"] = s.index
        row["months"] = offered_months(lever) or (lever.group.fund_months if lever.group else 0)
        row["basis_points"] = round(share * 10000)
        row["unit_rp"] = math.ceil(_top_price(calendar) * share)
        row["bill_rp"] = row["unit_rp"] * max(1, parameters.limits.billing_months)
        row["log_own"] = safe_log(1.0 - share) if share < 1 else 0.0
        if lever.sponsor:
            row["renewal_prob"] = lever.sponsor.renewal_prob
            row["term"] = max(1, round(lever.sponsor.term_months * 30.4375 / parameters.limits.step_days))
            row["list_week"] = s.first if s.first < s.last else NEVER
    return offers


def _agents(parameters, laid) -> dict[int, np.ndarray]:
    """By lever: the record of each of its agents, without territory and own row."""
    out = {}
    for s in laid:
        mechanism = s.lever.agents
        if mechanism:
            out[s.index] = row = np.zeros(mechanism.number, records.AGENT)
            row["lever"], row["from_week"], row["until_week"] = s.index, s.first, s.last if s.first < s.last else -1
            row["visits"] = _visits(parameters, mechanism)
            for name in ("candidates", "collects", "commission", "leave_prob"):
                row[name] = getattr(mechanism, name)
            row["per_visit"], row["reserve_rp"] = mechanism.collections_per_visit, mechanism.reserve_income_rp
            row["preferred"] = sum(1 << k for k, o in enumerate(parameters.village.occupations) if o.name in mechanism.preferred_occupation)
            row["away_months"] = -1
    return out


def _leader_weeks(parameters, calendar, laid) -> np.ndarray:
    """By step: bits of the levers that leaders speak for: while engaged, and `talk_boost_weeks` longer."""
    out = np.zeros(calendar.steps, np.uint64)
    after = max(1, round(parameters.behavior.talk_boost_weeks * 7 / parameters.limits.step_days))
    for s in laid:
        if s.lever.leaders and s.first < s.last:
            out[s.first : min(calendar.steps, s.last + after)] |= np.uint64(1 << s.index)
    return out


# ------------------------------------------------------------------ what luck draws


class Lists:
    """Lists of workers, end to end in one array."""

    def __init__(self):
        self.parts: list[np.ndarray] = []
        self.length = 0

    def add(self, who: np.ndarray, sizes) -> tuple[np.ndarray, np.ndarray]:
        """Append lists of `sizes`, which stand in `who` one after the other; returns the first and last + 1 place of each."""
        last = self.length + np.cumsum(sizes, dtype=np.int64)
        self.parts.append(who)
        self.length += len(who)
        return last - sizes, last

    def joined(self) -> np.ndarray:
        """All lists, and a last element, for the kernel's tables are never empty."""
        return np.concatenate([*self.parts, np.zeros(1, np.int64)]).astype(np.int64)


def _listed(fixed: Draft, people: People, masks: list[np.ndarray], lists: Lists) -> np.ndarray:
    """Offers with the workers whom sponsors put on their lists."""
    offers = fixed.offers.copy()
    for s in fixed.laid:
        if s.lever.sponsor:
            draw = (people.target_draw - s.lever.target.share_from) / max(s.lever.target.share, 1e-9)
            who = np.flatnonzero(masks[s.index] & (draw < s.lever.sponsor.share))
            here = slice(s.offer, s.offer + 1)
            offers["first"][here], offers["last"][here] = lists.add(who, [len(who)])
    return offers


def _grouped(fixed: Draft, masks: list[np.ndarray], lists: Lists) -> np.ndarray:
    """Associations that decide together: members in row order, `group_size` at a time."""
    size, found = fixed.parameters.village.group_size, [np.zeros(0, records.GROUP)]
    for s in fixed.laid:
        if s.lever.group and s.first < s.last:
            who = np.flatnonzero(masks[s.index])
            groups = np.zeros(math.ceil(len(who) / size), records.GROUP)
            groups["lever"], groups["from_week"], groups["until_week"] = s.index, s.first, s.last
            groups["every"] = max(1, round(s.lever.group.every_weeks * 7 / fixed.parameters.limits.step_days))
            groups["offer"], groups["leave_prob"] = s.offer if s.lever.group.fund_months > 0 else -1, s.lever.group.leave_prob
            edges = np.append(np.arange(0, len(who), size), len(who))
            groups["first"], groups["last"] = lists.add(who, np.diff(edges))
            found.append(groups)
    return np.concatenate(found)


def _territories(fixed: Draft, people: People, masks: list[np.ndarray], lists: Lists) -> np.ndarray:
    """Agents with their territories: communities dealt out among them, or all of the target where there are fewer communities."""
    found, room = [np.zeros(0, records.AGENT)], len(people.agent_community)
    for index, template in fixed.agents.items():
        number, lever = len(template), fixed.laid[index].lever
        if number > room:
            raise InputError(
                f"campaign.levers.{lever.name}.agents.number: {number} agents are asked for, but the village has "
                f"{room} candidates left; raise village.agent_candidates_per_1000"
            )
        room -= number
        who = np.flatnonzero(masks[index])
        agents = template.copy()
        if people.communities >= number > 0:
            whose = people.community[who] % number
            who, sizes = who[np.argsort(whose, kind="stable")], np.bincount(whose, minlength=number)
        else:
            who, sizes = np.tile(who, number), np.full(number, len(who))
        agents["first"], agents["last"] = lists.add(who, sizes)
        found.append(agents)
    agents = np.concatenate(found)
    agents["row"] = people.workers + len(people.leader_kind) + np.arange(len(agents))
    return agents


def _leaders_on(fixed: Draft, people: People, key: tuple[int, int]) -> np.ndarray:
    """Bits of the levers for which each leader speaks, by step and leader."""
    engaged = [s for s in fixed.laid if s.lever.leaders and s.first < s.last]
    count = len(people.leader_kind)
    speaks = np.zeros(count, np.uint64)
    if any(s.lever.leaders.share < 1.0 for s in engaged):  # a draw is below one
        draw = rng.uniforms(np.arange(count), 0, 6, Purpose.PEOPLE, key)[2]
    for s in engaged:
        chosen = any_of(people.leader_kind, [LeaderKind[k.upper()] for k in s.lever.leaders.kinds])
        if s.lever.leaders.share < 1.0:
            chosen &= draw < s.lever.leaders.share
        speaks |= chosen.astype(np.uint64) << np.uint64(s.index)
    return fixed.leader_weeks[:, None] & speaks

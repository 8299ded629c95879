"""A campaign (data) becomes mechanism tables [period x segment] that the kernel looks up.

A *segment* is a set of workers whom the campaign's targets cannot tell apart; a *period* is a stretch of weeks in
which nothing changes. Row = period * segments + segment. The kernel knows the mechanisms, never the levers' names.
All logarithms are taken here, on the host, and rounded, so that the kernel needs none.
"""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from simulation import records, rng
from simulation.parameters import InputError, Lever, Parameters
from simulation.population import People
from simulation.stages import Channel, Contact, LeaderKind, Membership, Payer, Purpose
from simulation.timeline import NEVER, RULE_KEYS, Timeline, per_step

MAX_SEGMENTS = 4096
#: log threshold of an offer that costs nothing; above population.NEVER_VALUE, so that some never join
FREE = -500.0
BOUND = (Payer.BRANCH, Payer.VILLAGE, Payer.REGENCY, Payer.COMPANY)
WASTE_CLASSES = 16


def safe_log(x: float) -> float:
    return round(math.log(x), 9) if x > 0 else FREE


@dataclass
class Segments:
    """Which levers (bits), relief and waste-yield class each segment has; `of` gives each worker's segment."""

    of: np.ndarray
    levers: np.ndarray
    relief: np.ndarray
    yields: np.ndarray
    targets: np.ndarray

    @property
    def count(self) -> int:
        return len(self.levers)


def members(lever: Lever, parameters: Parameters, people: People) -> np.ndarray:
    """Boolean mask of the workers a lever is for."""
    target = lever.target
    mask = np.ones(people.workers, bool)
    if target.occupation:
        codes = [i for i, o in enumerate(parameters.village.occupations) if o.name in target.occupation]
        mask &= np.isin(people.occupation, codes)
    if target.sex:
        mask &= np.isin(people.sex, [1 if s == "female" else 0 for s in target.sex])
    if target.membership:
        mask &= (people.membership & sum(Membership[m.upper()] for m in set(target.membership))) > 0
    if target.phone is not None:
        mask &= (people.phone == 1) == target.phone
    if target.income_fifth:
        mask &= np.isin(people.income_fifth, target.income_fifth)
    if target.community:
        mask &= np.isin(people.community, target.community)
    if lever.channel and lever.channel.kind == "waste_bank":
        mask &= (people.membership & Membership.WASTE_BANK) > 0
    if lever.group:
        mask &= (people.membership & Membership[lever.group.membership.upper()]) > 0
    return mask & (people.target_draw < target.share) if target.share < 1.0 else mask


def segment(parameters: Parameters, people: People) -> Segments:
    """Sort workers into segments; raises InputError above 4,096."""
    levers = parameters.campaign.levers
    bits = np.zeros(people.workers, np.uint64)
    targets = np.zeros(max(1, len(levers)), np.int64)
    for k, lever in enumerate(levers):
        mask = members(lever, parameters, people)
        targets[k] = mask.sum()
        bits |= mask.astype(np.uint64) << np.uint64(k)
    waste = np.zeros(people.workers, np.int64)
    if any(lever.channel and lever.channel.kind == "waste_bank" for lever in levers):
        savers = (people.membership & Membership.WASTE_BANK) > 0
        order = np.sort(people.waste_yield_rp[savers])
        edges = order[(np.arange(1, WASTE_CLASSES) * len(order)) // WASTE_CLASSES] if len(order) else np.empty(0)
        waste[savers] = 1 + np.searchsorted(edges, people.waste_yield_rp[savers], side="right")
    relief = np.zeros(people.workers, np.int64)
    for k, rule in enumerate(parameters.scheme.at(r.start) for r in parameters.scheme.rules):
        if rule.relief_share and rule.relief_occupations:
            codes = [i for i, o in enumerate(parameters.village.occupations) if o.name in rule.relief_occupations]
            relief |= np.isin(people.occupation, codes).astype(np.int64) << k
    table = np.stack([bits, relief.astype(np.uint64), waste.astype(np.uint64)], axis=1)
    unique, of = np.unique(table, axis=0, return_inverse=True)
    of = of.ravel()
    if len(unique) > MAX_SEGMENTS:
        raise InputError(
            f"campaign: the targets cut the workers into {len(unique)} segments, at most {MAX_SEGMENTS} are possible; "
            "use fewer or coarser targets"
        )
    yields = np.zeros(len(unique), np.int64)
    for s in np.flatnonzero(unique[:, 2]):
        yields[s] = int(np.sort(people.waste_yield_rp[of == s])[(of == s).sum() // 2])
    return Segments(of.astype(np.int32), unique[:, 0].astype(np.uint64), unique[:, 1].astype(np.int64), yields, targets)


@dataclass
class Span:
    """One lever laid on the calendar: its steps, event steps and derived prices."""

    index: int
    lever: Lever
    first: int
    last: int
    events: np.ndarray
    targets: int
    offer: int = -1

    def runs(self, week: int) -> bool:
        return self.first <= week < self.last


def spans(parameters: Parameters, calendar: Timeline, targets: np.ndarray) -> list[Span]:
    """Levers on the calendar. A lever that starts before the run starts with it."""
    out = []
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
        out.append(Span(k, lever, first, last, events, int(targets[k])))
    offers = [s for s in out if s.lever.sponsor or s.lever.group or (s.lever.price and s.lever.price.months)]
    for k, span in enumerate(offers):
        span.offer = k
    return out


@dataclass
class Tables:
    """The compiled campaign: record tables as the kernel names them, and the segments."""

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
    segments = segment(parameters, people)
    laid = spans(parameters, calendar, segments.targets)
    rows, places, contacts, period = _rows(parameters, calendar, segments, laid)
    weeks = _weeks(parameters, calendar)
    weeks["period"] = period
    weeks["contact_blocks"] = _contact_blocks(rows, places, segments.count)[period]
    levers, plan = _levers(parameters, calendar, segments, laid)
    lists: list[np.ndarray] = []
    offers = _offers(parameters, people, calendar, laid, lists)
    groups = _groups(parameters, people, laid, lists)
    agents = _agents(parameters, people, laid, lists)
    leader_on = _leader_weeks(parameters, people, calendar, laid, key)
    joined = np.concatenate([*lists, np.zeros(1, np.int64)]).astype(np.int64)
    return Tables(segments, weeks, rows, places, contacts, levers, plan, offers, groups, agents, joined, leader_on, laid)


def _weeks(parameters, calendar) -> np.recarray:
    weeks = records.table(records.WEEK, calendar.steps)
    step = np.arange(calendar.steps) - calendar.burn_in
    until = parameters.limits.sale_until_week
    rules = [calendar.rules[k] for k in calendar.rule_index]
    weeks["week"] = np.arange(calendar.steps)
    for name in ("month_start", "month_week", "calendar_month", "ledger_month", "due_from_join", "due_from_due"):
        weeks[name] = getattr(calendar, name)
    # a sale window shuts the burn-in too: nobody is a member by it before the sale
    windowed = until is not None or parameters.limits.sale_from_week > 0
    weeks["on_sale"] = (step >= (parameters.limits.sale_from_week if windowed else -NEVER)) & (step < (NEVER if until is None else until))
    for name in ("death_benefit_rp", "waiting_benefit_rp", "waiting_months", "accident_claim_rp", "grace_months"):
        weeks[name] = [getattr(r, name) for r in rules]
    weeks["agent_rule"] = [[getattr(r, k) for k in RULE_KEYS] for r in rules]
    return weeks


# ------------------------------------------------------------------ rows: what a segment meets in a period


def _price(parameters, rule, relief_bits: int, index: int) -> int:
    """Contribution for one month under `rule`, after the decree's relief for this segment, in rupiah."""
    share = rule.relief_share or 0.0
    if share and rule.relief_occupations and not relief_bits >> index & 1:
        share = 0.0
    return rule.price_rp - round(rule.price_rp * share)


def _path(parameters, calendar, week: int, relief_bits: int) -> tuple[int, ...]:
    """Monthly price over the horizon as a worker sees it in `week`: today's decree, for nobody foresees the next one."""
    months = math.ceil(max(parameters.behavior.horizon_months, parameters.limits.billing_months))
    k = int(calendar.rule_index[week])
    return (_price(parameters, calendar.rules[k], relief_bits, k),) * months


def _rows(parameters, calendar, segments, laid):
    """Rows for every distinct period, where they stand, the contact shares they point into, and each week's period."""
    periods: dict = {}
    period = np.empty(calendar.steps, np.int64)
    rows: list[dict] = []
    places: list[tuple[int, list[int]]] = []
    shares: list[tuple[int, float]] = []
    priced: dict = {}
    reliefs = sorted(set(segments.relief.tolist()))
    for week in range(calendar.steps):
        active = [s for s in laid if s.runs(week)]
        paths = {r: _path(parameters, calendar, week, r) for r in reliefs}
        signature = (tuple((s.index, bool(s.events[week])) for s in active), tuple(paths.values()))
        if signature not in periods:
            periods[signature] = len(periods)
            _period_rows(parameters, segments, active, paths, week, rows, places, shares, priced)
        period[week] = periods[signature]
    table = records.table(records.ROW, len(rows))
    for name in records.ROW.names:
        table[name] = [row[name] for row in rows]
    contacts = records.table(records.CONTACT_SHARE, len(shares) + 1)
    contacts["lever"] = [lever for lever, _ in shares] + [0]
    contacts["cumulative"] = [cumulative for _, cumulative in shares] + [2.0]
    where = records.table(records.PLACE, len(places))
    where["row"] = [row for row, _ in places]
    where["levers"] = [masks for _, masks in places]
    return table, where, contacts, period


def _period_rows(parameters, segments, active, paths, week, rows, places, shares, priced) -> None:
    """Append the rows of one period, one per segment and variant; segments that meet the same levers share them."""
    made: dict = {}
    for s in range(segments.count):
        mine = [a for a in active if int(segments.levers[s]) >> a.index & 1]
        same = (tuple(a.index for a in mine), int(segments.relief[s]), int(segments.yields[s]))
        if same not in made:
            groups = _standing(parameters, mine)
            made[same] = (len(rows), [sum(1 << k for k in g) for g in groups] + [0] * (records.STANDING - len(groups)))
            for variant in range(1 << len(groups)):
                gone = {k for bit, g in enumerate(groups) if variant >> bit & 1 for k in g}
                left = [a for a in mine if a.index not in gone]
                path = paths[int(segments.relief[s])]
                known = (tuple(a.index for a in left), path, int(segments.yields[s]))
                if known not in priced:  # prices do not change with the weeks of events, contacts do
                    priced[known] = _row(parameters, left, path, int(segments.yields[s]))
                contacts, totals = _contacts(parameters, left, week)
                starts = []
                for kind in range(8):
                    starts.append(len(shares))
                    shares += contacts.get(kind, [])
                blocks = (1 if any(totals[:4]) else 0) | (2 if any(totals[4:6]) else 0)
                rows.append(priced[known] | {"contact": totals, "contact_blocks": blocks, "contact_from": starts})
        places.append(made[same])


def _standing(parameters, active: list[Span]) -> list[list[int]]:
    """Levers whose standing effect (procedure, channel, publicity, service) ends when they cannot be paid, in at most four groups."""
    campaign = parameters.campaign
    if campaign.budget_rp is None and campaign.monthly_ceiling_rp is None:
        return []
    groups = []
    for a in active:
        lever = a.lever
        costs = any(lever.cost.model_dump().values()) and Payer[lever.payer.upper()] in BOUND
        if costs and (lever.procedure or lever.channel or lever.publicity or lever.service or lever.requirement):
            groups.append([a.index])
    while len(groups) > records.STANDING:
        last = groups.pop()
        groups[-1] = groups[-1] + last
    return groups


def _row(parameters, active: list[Span], path: tuple[int, ...], yields: int) -> dict:
    """One segment under some levers: prices, procedure, channel; all of a row but its contacts."""
    village, limits = parameters.village, parameters.limits
    due = path[0] * max(1, limits.billing_months)
    channel, window, source_share = _channel(active, yields)
    weighted = _weighting(parameters.behavior, channel, yields, source_share)
    base = village.documents_prob * max(_given(active, "procedure", "system_prob"), default=village.system_prob)
    form = max(_given(active, "procedure", "form_prob"), default=village.form_prob)
    slots = _slots(active)
    running = max((a for a in active if a.lever.price and not _months(a.lever)), key=lambda a: a.lever.price.discount_share, default=None)
    discount = round(due * running.lever.price.discount_share) if running else 0
    threshold, first_due, subset_offer = _routes(parameters, active, path, slots, running, weighted)
    full = safe_log(weighted(path[0]))
    source_rp = min(due, yields * max(1, limits.billing_months)) if source_share is None else round(due * source_share)
    return {
        "threshold": threshold, "success": (base * form, base), "first_due_rp": first_due, "subset_offer": subset_offer,
        "slot_levers": [sum(1 << a.index for a in g[0]) for g in slots], "slot_since": [g[1] for g in slots],
        "slot_known": [g[2] for g in slots], "slot_fresh": [bool(g[0]) and all(_fresh(a.lever) for a in g[0]) for g in slots],
        "due_rp": due, "source_rp": source_rp, "channel": channel, "window": window,
        "discount_rp": discount, "discount_lever": running.index if running else -1,
        "pay_threshold": (full, safe_log(weighted(path[0] * (1 - discount / due))) - full if discount and due else 0.0),
        "visibility": max(_given(active, "publicity", "visibility_share"), default=0.0),
        "refused_share": min([village.claim_refused_share, *_given(active, "service", "claim_refused_share")]),
        "claim_days": min([village.claim_days_mean, *_given(active, "service", "claim_days_mean")]),
        "announces": any(_given(active, "publicity", "announces_claims")),
        "complaints": any(_given(active, "service", "answers_complaints")),
        "paid_levers": sum(1 << a.index for a in active if a.lever.cost.registration_rp),
    }  # fmt: skip


def _given(active: list[Span], mechanism: str, field: str) -> list:
    """What the running levers say of one field of a mechanism."""
    values = [getattr(getattr(a.lever, mechanism), field) for a in active if getattr(a.lever, mechanism)]
    return [v for v in values if v is not None]


def _weighting(behavior, channel, yields: int, source_share: float | None):
    """7.3: rupiah of a contribution as they weigh: own money in hand more than money taken before it is held."""
    own_weight = behavior.auto_debit_money_weight if channel == Channel.AUTO_DEBIT else behavior.own_money_weight

    def weighted(own: float) -> float:
        at_source = min(own, yields if source_share is None else own * source_share) if channel == Channel.SOURCE else 0.0
        return own_weight * (own - at_source) + at_source

    return weighted


def _routes(parameters, active, path, slots, running, weighted):
    """Thresholds L of every route (known offers, helped, asked, registered before), first contributions and offers by subset."""
    village, behavior, limits = parameters.village, parameters.behavior, parameters.limits
    due = path[0] * max(1, limits.billing_months)
    travel = min([village.travel_rp, *_given(active, "procedure", "travel_rp")])
    worth = max(_given(active, "requirement", "worth_rp"), default=0)
    late = limits.late_fee_rp + (parameters.scheme.at(parameters.start).grace_months * due if limits.owes_arrears else 0)
    subsets = records.SUBSETS
    threshold, first_due, subset_offer = np.empty(8 * subsets), np.empty(subsets, np.int64), np.empty(subsets, np.int64)
    used = sum(1 << k for k, group in enumerate(slots) if group[0])
    for subset in range(subsets):
        if subset & ~used:  # a slot without an offer changes nothing
            first_due[subset], subset_offer[subset] = first_due[subset & used], subset_offer[subset & used]
            threshold[subset::subsets] = threshold[subset & used :: subsets]
            continue
        known = [a for k, group in enumerate(slots) if subset >> k & 1 for a in group[0]]
        offer = max((a for a in known if _months(a.lever)), key=lambda a: _share(a.lever) * _months(a.lever), default=None)
        subset_offer[subset] = offer.offer if offer else -1
        share, months = (_share(offer.lever), _months(offer.lever)) if offer else (0.0, 0)
        cut = running.lever.price.discount_share if running in known else 0.0
        first_due[subset] = due - (due * round(share * 10000) // 10000 if offer else round(due * cut))
        gift = sum(a.lever.gift.value_rp for a in known if a.lever.gift)
        mean, span = _mean_price(behavior, limits, path, months, share, cut, weighted)
        for helped in (0, 1):
            trouble = -village.hassle_rp if limits.default_in else village.hassle_rp + (0 if helped else travel)
            for asked in (0, 1):
                for back in (0, 1):
                    value = mean + (trouble + behavior.own_money_weight * late * back - gift - asked * worth) / span
                    threshold[subset + subsets * (helped + 2 * asked + 4 * back)] = safe_log(value)
    return threshold, first_due, subset_offer


def _months(lever: Lever) -> int:
    """Months of an offer that runs from registration: a price cut for a time, or a sponsor's term."""
    return lever.sponsor.term_months if lever.sponsor else lever.price.months or 0 if lever.price else 0


def _fresh(lever: Lever) -> bool:
    """Is the offer for new members only?"""
    if lever.sponsor:
        return False
    return lever.price.months is not None and lever.price.new_members_only if lever.price else lever.gift.new_members_only


def _share(lever: Lever) -> float:
    return 1.0 if lever.sponsor else lever.price.discount_share


def _slots(active: list[Span]) -> list:
    """Up to four slots of offers a worker may know of: (spans, first week, share who know unasked)."""
    slots = []
    for a in active:
        if a.lever.sponsor:
            slots.append(([a], NEVER, -1.0))
        elif a.lever.price or a.lever.gift:
            slots.append(([a], a.first, a.lever.price.known_share if a.lever.price else 0.0))
    if len(slots) > records.SLOTS:
        names = ", ".join(a.lever.name for group in slots for a in group[0])
        raise InputError(f"campaign.levers: {names} offer money to the same workers at the same time; at most {records.SLOTS} offers can")
    return slots + [([], NEVER, -1.0)] * (records.SLOTS - len(slots))


def _channel(active: list[Span], yields: int):
    """Best pay channel on offer: (channel, months whose cash counts, share taken at source; None: the waste's yield)."""
    kinds = {a.lever.channel.kind: a.lever.channel for a in active if a.lever.channel}
    window = max([c.window_months for c in kinds.values()], default=1)
    if "harvest" in kinds or "group_fund" in kinds:
        return Channel.SOURCE, window, 1.0
    if "waste_bank" in kinds and yields:
        return Channel.SOURCE, window, None
    if "auto_debit" in kinds:
        return Channel.AUTO_DEBIT, window, 0.0
    return (Channel.COLLECTOR if "collector" in kinds else Channel.CASH), window, 0.0


def _mean_price(behavior, limits, path, months, share, cut, weighted) -> tuple[float, float]:
    """7.3: mean weighted price over the horizon, given an offer for `months` months and a running discount; and the horizon."""
    span = max(behavior.horizon_months, float(limits.billing_months))
    total = 0.0
    for m, price in enumerate(path):
        weight = min(1.0, span - m)
        total += weight * weighted(price * (1.0 - (share if m < months else cut)))
    return total / span, span


def _contacts(parameters, active: list[Span], week: int):
    """Chance of each channel class this week, and who is behind it: cumulative chances for attribution by thinning."""
    contacts: dict[int, list] = {}
    totals = np.zeros(8)
    for a in active:
        for kind, prob in _reach(parameters, a, week):
            totals[kind] = round(1.0 - (1.0 - totals[kind]) * (1.0 - prob), 12)
            contacts.setdefault(kind, []).append((a.index, totals[kind]))
    return contacts, totals


def _reach(parameters, span: Span, week: int):
    lever, limits = span.lever, parameters.limits
    if lever.contact and span.events[week]:
        contact = lever.contact
        if contact.attendance is not None:
            prob = min(1.0, contact.attendance / span.targets) if span.targets else 0.0
        else:
            prob = per_step(contact.weekly_prob, limits.step_days)
        if prob > 0:
            yield Contact[contact.channel.upper()], prob
    if lever.requirement:
        monthly = parameters.village.service_contact_prob
        prob = (1.0 - (1.0 - monthly) ** (limits.step_days / 30.4375)) * lever.requirement.asked_share
        if prob > 0:
            yield Contact.SERVICE, round(prob, 12)


# ------------------------------------------------------------------ levers, offers, groups, agents, leaders


def _contact_blocks(rows, places, segments: int) -> np.ndarray:
    """By period: which contact blocks any segment needs drawn (1 sessions to services, 2 media to reminders)."""
    needed = rows["contact_blocks"] | (2 * (rows["contact"][:, Contact.REMINDER] > 0)).astype(np.uint8)
    # variants of a row can only have fewer contacts than the first
    return np.bitwise_or.reduce(needed[places["row"]].reshape(-1, segments), axis=1)


def _levers(parameters, calendar, segments, laid):
    """Lever records (payer, unit costs, worst-case cost of one claim) and the weekly plan of what is fixed."""
    behavior = parameters.behavior
    levers = records.table(records.LEVER, len(laid))
    plan = records.table(records.PLAN, (calendar.steps, len(laid)))
    constants = {
        "bonding": behavior.bonding_credibility,
        "linking": behavior.linking_credibility,
        "institution": behavior.institution_credibility,
    }
    for s in laid:
        lever, row, cost = s.lever, levers[s.index], s.lever.cost
        row.payer = Payer[lever.payer.upper()]
        row.bound = row.payer in BOUND
        row.credibility = constants[lever.contact.credibility if lever.contact else "institution"]
        row.helps = bool(lever.contact and lever.contact.helps)
        row.contact_rp, row.registration_rp = cost.contact_rp, cost.registration_rp
        row.gift_rp = lever.gift.value_rp if lever.gift else 0
        row.kind = Contact[lever.contact.channel.upper()] if lever.contact else Contact.SERVICE
        billing = max(1, parameters.limits.billing_months)
        unit = math.ceil(_top_price(calendar) * _share(lever)) if lever.price or lever.sponsor else 0
        months = _months(lever)
        row.month_unit_rp = unit * billing if months else 0
        row.discount_rp = unit * billing if lever.price and not months else 0
        row.claim_rp = row.registration_rp + row.gift_rp + unit * max(months, billing)
        if lever.group:
            row.claim_rp += _top_price(calendar) * max(lever.group.fund_months, billing) if lever.group.fund_months else 0
            row.month_unit_rp = _top_price(calendar) * billing if lever.group.fund_months else 0
        row.visits = lever.agents.number * _visits(parameters, lever.agents) if lever.agents else 0
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


def _offers(parameters, people, calendar, laid, lists) -> np.recarray:
    """Offers that run from registration: months off, a sponsor's term, a group fund's help."""
    mine = [s for s in laid if s.offer >= 0]
    offers = records.table(records.OFFER, len(mine))
    offers["list_week"], offers["term"] = NEVER, 1
    for s in mine:
        row, lever = offers[s.offer], s.lever
        share = _share(lever) if lever.price or lever.sponsor else 1.0
        row.lever = s.index
        row.months = _months(lever) or (lever.group.fund_months if lever.group else 0)
        row.basis_points = round(share * 10000)
        row.unit_rp = math.ceil(_top_price(calendar) * share)
        row.bill_rp = row.unit_rp * max(1, parameters.limits.billing_months)
        row.log_own = safe_log(1.0 - share) if share < 1 else 0.0
        if lever.sponsor:
            row.renewal_prob = lever.sponsor.renewal_prob
            row.term = max(1, round(lever.sponsor.term_months * 30.4375 / parameters.limits.step_days))
            row.list_week = s.first if s.first < s.last else NEVER
            draw = people.target_draw / max(lever.target.share, 1e-9)
            row.first, row.last = _add(lists, np.flatnonzero(members(lever, parameters, people) & (draw < lever.sponsor.share)))
    return offers


def _add(lists: list[np.ndarray], who: np.ndarray) -> tuple[int, int]:
    """Append a list of workers to the common array; returns its place."""
    first = sum(map(len, lists))
    lists.append(who)
    return first, first + len(who)


def _groups(parameters, people, laid, lists) -> np.recarray:
    """Associations that decide together: members in row order, `group_size` at a time."""
    rows = []
    for s in laid:
        if s.lever.group and s.first < s.last:
            who = np.flatnonzero(members(s.lever, parameters, people))
            every = max(1, round(s.lever.group.every_weeks * 7 / parameters.limits.step_days))
            fund = s.offer if s.lever.group.fund_months > 0 else -1
            for start in range(0, len(who), parameters.village.group_size):
                place = _add(lists, who[start : start + parameters.village.group_size])
                rows.append((s.index, s.first, s.last, every, fund, *place, s.lever.group.leave_prob))
    return np.array(rows, records.GROUP).view(np.recarray)


def _agents(parameters, people, laid, lists) -> np.recarray:
    """Agents with their territories: communities dealt out among them, or all of the target where there are fewer communities."""
    rows = []
    room = len(people.agent_community)
    for s in laid:
        mechanism = s.lever.agents
        if not mechanism:
            continue
        if len(rows) + mechanism.number > room:
            raise InputError(
                f"campaign.levers.{s.lever.name}.agents.number: {mechanism.number} agents are asked for, but the village has "
                f"{room - len(rows)} candidates left; raise village.agent_candidates_per_1000"
            )
        who = np.flatnonzero(members(s.lever, parameters, people))
        favorites = sum(1 << k for k, o in enumerate(parameters.village.occupations) if o.name in mechanism.preferred_occupation)
        for a in range(mechanism.number):
            row = np.zeros(1, records.AGENT).view(np.recarray)[0]
            mine = who[people.community[who] % mechanism.number == a] if people.communities >= mechanism.number else who
            row.first, row.last = _add(lists, mine)
            row.lever, row.from_week, row.until_week = s.index, s.first, s.last if s.first < s.last else -1
            row.row = people.workers + len(people.leader_kind) + len(rows)
            row.visits, row.candidates, row.collects = _visits(parameters, mechanism), mechanism.candidates, mechanism.collects
            row.per_visit, row.commission, row.reserve_rp = (
                mechanism.collections_per_visit,
                mechanism.commission,
                mechanism.reserve_income_rp,
            )
            row.leave_prob, row.preferred, row.away_months = mechanism.leave_prob, favorites, -1
            rows.append(row)
    out = records.table(records.AGENT, len(rows))
    for k, row in enumerate(rows):
        out[k] = row
    return out


def _leader_weeks(parameters, people, calendar, laid, key) -> np.ndarray:
    """Bits of the levers for which each leader speaks, by week: while engaged, and `talk_boost_weeks` longer."""
    leaders = len(people.leader_kind)
    out = np.zeros((calendar.steps, leaders), np.uint64)
    draw = rng.uniforms(np.arange(leaders), 0, 6, Purpose.PEOPLE, key)[2]
    after = max(1, round(parameters.behavior.talk_boost_weeks * 7 / parameters.limits.step_days))
    for s in laid:
        if s.lever.leaders and s.first < s.last:
            kinds = [LeaderKind[k.upper()] for k in s.lever.leaders.kinds]
            chosen = np.isin(people.leader_kind, kinds) & (draw < s.lever.leaders.share)
            out[s.first : min(calendar.steps, s.last + after), chosen] |= np.uint64(1 << s.index)
    return out

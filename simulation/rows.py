"""Rows: what each segment meets in each period, as the kernel looks it up.

A *period* is a stretch of weeks in which nothing changes. In each, segments that meet the same levers share a row (and,
with levers that may be switched off for want of money, its variants). The scenario fixes periods, sheets and variants
(`RowDraft`, filled as villages ask for them); luck draws which segments there are, what their waste yields, and how
many people stand behind "fifty came".
"""

import functools
from typing import NamedTuple

import numpy as np

from simulation import records
from simulation.parameters import Parameters
from simulation.segments import Segments
from simulation.sheets import Sheet, settle, sheet
from simulation.spans import BOUND, Span, bits
from simulation.stages import Contact, Payer
from simulation.timeline import Timeline, per_step

#: sheets a draft remembers (some two kilobytes each): more than all but the most cut-up campaigns have
KEPT = 4096


class Periods(NamedTuple):
    """`of` gives each step's period; by period: bits of running levers and of events, and the monthly price by relief."""

    of: np.ndarray
    active: np.ndarray
    events: list[int]
    prices: list[tuple[int, ...]]


class Variants(NamedTuple):
    """Of a set of levers, those that go off together (`masks`, four), and what is `left` of the set by variant: bit k of a
    variant's number says that mask k is off."""

    masks: list[int]
    left: list[int]


class RowDraft:
    """What the scenario fixes of the rows. `periods`, `variants` and `sheet` remember what they made, up to a bound."""

    def __init__(self, parameters: Parameters, calendar: Timeline, laid: list[Span]):
        self.parameters, self.calendar, self.laid = parameters, calendar, laid
        steps = range(calendar.steps)
        self._active = [bits(s for s in laid if s.first <= week < s.last) for week in steps]
        self._events = [bits(s for s in laid if s.events[week]) for week in steps]
        self._standing = _standing_levers(parameters, laid)
        self.by_waste = bits(s for s in laid if s.lever.channel and s.lever.channel.kind == "waste_bank")
        self.periods = functools.lru_cache(16)(self._periods)
        self.variants = functools.lru_cache(KEPT)(self._variants)
        self.sheet = functools.lru_cache(KEPT)(self._sheet)

    def _periods(self, reliefs: tuple[int, ...]) -> Periods:
        """Periods of a village in which these reliefs (bits of rules) are found, numbered as they come."""
        by_rule = [tuple(_price(rule, relief >> k & 1) for relief in reliefs) for k, rule in enumerate(self.calendar.rules)]
        found: dict[tuple, int] = {}
        signs = zip(self._active, self._events, [by_rule[k] for k in self.calendar.rule_index.tolist()])
        of = np.array([found.setdefault(sign, len(found)) for sign in signs])
        active, events, prices = zip(*found)
        return Periods(of, np.array(active, np.uint64), list(events), list(prices))

    def _variants(self, levers: int) -> Variants:
        masks = [1 << k for k in range(levers.bit_length()) if levers & self._standing & 1 << k]
        if len(masks) > records.STANDING:
            masks[records.STANDING - 1 :] = [sum(masks[records.STANDING - 1 :])]
        left = [levers & ~sum(m for k, m in enumerate(masks) if variant >> k & 1) for variant in range(1 << len(masks))]
        return Variants(masks + [0] * (records.STANDING - len(masks)), left)

    def _sheet(self, levers: int, price: int, earns: bool) -> Sheet:
        """`earns`: for those whose waste yields something, under levers that take it."""
        return sheet(self.parameters, [s for s in self.laid if levers >> s.index & 1], price, earns)


def _price(rule, relieved: int) -> int:
    """Contribution for one month under `rule` in rupiah, for those its relief is for or not: a worker sees today's decree only."""
    share = rule.relief_share or 0.0
    if rule.relief_occupations and not relieved:
        share = 0.0
    return rule.price_rp - round(rule.price_rp * share)


def _standing_levers(parameters: Parameters, laid: list[Span]) -> int:
    """Bits of levers whose standing effect (procedure, channel, publicity, service) ends when they cannot be paid."""
    if parameters.campaign.budget_rp is None and parameters.campaign.monthly_ceiling_rp is None:
        return 0
    lasting = ("procedure", "channel", "publicity", "service", "requirement")
    costly = (s for s in laid if any(v for _, v in s.lever.cost) and Payer[s.lever.payer.upper()] in BOUND)
    return bits(s for s in costly if any(getattr(s.lever, name) for name in lasting))


# ------------------------------------------------------------------ what luck draws


class Rows(NamedTuple):
    """Tables of a village (records.ROW, PLACE by [period * segments + segment], CONTACT_SHARE), each step's period and
    by period the contact blocks that any segment needs drawn (1 sessions to services, 2 media to reminders)."""

    rows: np.ndarray
    places: np.ndarray
    contacts: np.ndarray
    period: np.ndarray
    contact_blocks: np.ndarray


def rows(fixed: RowDraft, segments: Segments, laid: list[Span]) -> Rows:
    """The rows of the segments that luck drew, numbered by period and then as segments first meet them."""
    reliefs, relief = np.unique(segments.relief, return_inverse=True)
    periods = fixed.periods(tuple(reliefs.tolist()))
    group, scene, yields, scenes = _meet(segments, relief, periods.active)
    # every scene's variants: their sheets and the crowds behind their contacts, by number
    chances = _chances(fixed.parameters, laid)
    reaching = [_reaching(laid, chances, events) for events in periods.events]
    sheets: dict[Sheet, int] = {}
    crowds: dict[int, int] = {}
    variants, masks, count = [], [], []
    for period, levers, r, earns in scenes:
        off, lefts = fixed.variants(levers)
        for left in lefts:
            page = fixed.sheet(left, periods.prices[period][r], earns and left & fixed.by_waste > 0)
            variants.append((sheets.setdefault(page, len(sheets)), crowds.setdefault(left & reaching[period], len(crowds))))
        masks.append(off)
        count.append(len(lefts))
    # the rows: group after group, the variants of its scene
    begin, size = (np.cumsum(count) - count)[scene], np.array(count)[scene]
    start = np.cumsum(size) - size
    of_group = np.repeat(np.arange(len(size)), size)
    page, crowd = np.array(variants)[np.arange(len(of_group)) + (begin - start)[of_group]].T
    table = np.array([s.words for s in sheets])[page].view(records.ROW).ravel()
    _earn(fixed.parameters, table, list(sheets), page, yields[of_group])
    contacts = _contacts(table, [_crowd(chances, levers) for levers in crowds], crowd)
    places = np.zeros(len(group), records.PLACE)
    places["row"], places["levers"] = start[group], np.array(masks, np.uint64)[scene[group]]
    # variants of a row can only have fewer contacts than the first
    blocks = table["contact_blocks"] | (table["contact"][:, Contact.REMINDER] > 0) * np.uint8(2)
    return Rows(table, places, contacts, periods.of, np.bitwise_or.reduce(blocks[start[group]].reshape(-1, segments.count), axis=1))


def _meet(segments: Segments, relief: np.ndarray, active: np.ndarray):
    """Who shares what: segments share rows in a period with the same levers, relief and yield (a *group*), and sheets in
    a period with the same levers and relief, whatever the yield above zero (a *scene*).

    `relief` is each segment's relief by number. Returns the group of every [period * segments + segment], each group's
    scene and yield, and the scenes: (period, levers, relief by number, does waste yield anything); numbered as they come.
    """
    shape = (len(active), segments.count)
    levers = (segments.levers & active[:, None]).ravel()
    yields, yielding = np.unique(segments.yields, return_inverse=True)
    sets, of_set = np.unique(levers, return_inverse=True)
    period, relief, yielding = np.repeat(np.arange(shape[0]), shape[1]), np.tile(relief, shape[0]), np.tile(yielding, shape[0])
    same = (period * len(sets) + of_set) * segments.count + relief
    first, group = _as_they_come(same * len(yields) + yielding)
    earned = yields[yielding[first]]
    of_scene, scene = _as_they_come(same[first] * 2 + (earned > 0))
    at = first[of_scene]
    scenes = zip(period[at].tolist(), levers[at].tolist(), relief[at].tolist(), (earned[of_scene] > 0).tolist())
    return group, scene, earned, scenes


def _as_they_come(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys numbered as they first come: where each first stands, and the number of every element's key."""
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return first[order], number[which]


def _earn(parameters: Parameters, table: np.ndarray, sheets: list[Sheet], page: np.ndarray, yields: np.ndarray) -> None:
    """Settle the rows whose contribution is taken from what waste yields."""
    terms = {k: s.terms for k, s in enumerate(sheets) if s.terms}
    if terms:
        number = np.full(len(sheets), -1)
        number[list(terms)] = np.arange(len(terms))
        mine = np.flatnonzero(number[page] >= 0)
        for name, values in settle(parameters, list(terms.values()), number[page[mine]], yields[mine].astype(np.float64)).items():
            table[name][mine] = values


# ------------------------------------------------------------------ contacts


def _chances(parameters: Parameters, laid: list[Span]) -> dict[int, tuple[Contact, float]]:
    """By lever that reaches anybody: its channel class, and the chance of one in its target to be reached in a step it reaches out."""
    limits, out = parameters.limits, {}
    for span in laid:
        lever, prob = span.lever, 0.0
        kind = Contact[lever.contact.channel.upper()] if lever.contact else Contact.SERVICE
        if lever.contact and lever.contact.attendance is not None:
            prob = min(1.0, lever.contact.attendance / span.targets) if span.targets else 0.0
        elif lever.contact:
            prob = per_step(lever.contact.weekly_prob, limits.step_days)
        elif lever.requirement:
            monthly = parameters.village.service_contact_prob
            prob = (1.0 - (1.0 - monthly) ** (limits.step_days / 30.4375)) * lever.requirement.asked_share
        if kind == Contact.KIT and not lever.contact.asks:  # left with people, not talked over
            prob = round(prob * parameters.behavior.kit_attention_prob, 12)
        if prob > 0:
            out[span.index] = (kind, round(prob, 12) if lever.requirement else prob)
    return out


def _reaching(laid: list[Span], chances: dict, events: int) -> int:
    """Bits of the levers that reach out in a period with these events: services always, the others at events."""
    return bits(s for s in laid if s.index in chances and (events >> s.index & 1 or not s.lever.contact))


class Crowd(NamedTuple):
    """What some levers' reaching out together comes to: chance by channel class, and who is behind it (lever, cumulative
    chance), class after class, each beginning at `start`, for attribution by thinning."""

    total: np.ndarray
    start: list[int]
    levers: list[int]
    cumulative: list[float]


def _crowd(chances: dict[int, tuple[Contact, float]], levers: int) -> Crowd:
    total, behind = np.zeros(8), [[] for _ in range(8)]  # NumPy's numbers, and so NumPy's way to round
    for k, (kind, prob) in chances.items():
        if levers >> k & 1:
            total[kind] = round(1.0 - (1.0 - total[kind]) * (1.0 - prob), 12)
            behind[kind].append((k, total[kind]))
    start = [sum(map(len, behind[:kind])) for kind in range(8)]
    flat = [share for shares in behind for share in shares]
    return Crowd(total, start, [k for k, _ in flat], [c for _, c in flat])


def _contacts(table: np.ndarray, crowds: list[Crowd], of: np.ndarray) -> np.ndarray:
    """Write the contacts of the rows, row r those of crowds[of[r]]; returns the shares they point into, one stretch a row."""
    total = np.array([c.total for c in crowds])
    counts = np.array([len(c.levers) for c in crowds])
    size = counts[of]
    begin = np.cumsum(size) - size
    table["contact"] = total[of]
    table["contact_blocks"] = ((total[:, :4] > 0).any(axis=1) | (total[:, 4:6] > 0).any(axis=1) * np.uint8(2))[of]
    table["contact_from"] = np.array([c.start for c in crowds])[of] + begin[:, None]
    from_crowd = np.arange(int(size.sum())) + np.repeat((np.cumsum(counts) - counts)[of] - begin, size)
    contacts = np.zeros(len(from_crowd) + 1, records.CONTACT_SHARE)
    contacts["lever"][:-1] = np.array([k for c in crowds for k in c.levers], np.int64)[from_crowd]
    contacts["cumulative"][:-1] = np.array([x for c in crowds for x in c.cumulative], np.float64)[from_crowd]
    contacts["cumulative"][-1] = 2.0
    return contacts

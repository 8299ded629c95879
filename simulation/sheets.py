"""Sheets: what a set of levers at one monthly price means to whoever meets it. Fixed by the scenario, but for one thing.

A sheet is a row of the kernel without its contacts. Where the waste bank takes the contribution, what it can take hangs
on what the saver's waste yields, which luck draws: such a sheet keeps its `Terms`, and `settle` gives the thresholds of
its rows once the yields are known. All logarithms are taken here, on the host, and rounded, so that the kernel needs none.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulation import records
from simulation.parameters import InputError, Parameters
from simulation.spans import Span, bits, for_new_members, offered_months, offered_share
from simulation.stages import Channel
from simulation.timeline import NEVER

#: log threshold of an offer that costs nothing; above population.NEVER_VALUE, so that some never join
FREE = -500.0


def safe_log(x: float) -> float:
    return round(math.log(x), 9) if x > 0 else FREE


def safe_logs(x: np.ndarray) -> np.ndarray:
    """`safe_log` of every element, to the same bit.

    NumPy's logarithm may differ from the host's in its last bits, which nine decimals hide but next to a tie: those are asked singly.
    """
    billionths = np.log(np.where(x > 0, x, 1.0)) * 1e9
    whole = np.rint(billionths)
    out = np.where(x > 0, whole / 1e9, FREE)
    for k in np.flatnonzero(np.abs(billionths - whole) > 0.499).tolist():
        out.flat[k] = safe_log(float(x.flat[k]))
    return out


class Terms(NamedTuple):
    """The prices behind a sheet's thresholds: distinct columns (rupiah a month during an offer, months it lasts, rupiah a month
    without it, what else weighs), which of them each route has, rupiah of a month as due and as cut, weight of own money."""

    columns: np.ndarray
    place: np.ndarray
    pay_rp: tuple[float, float]
    own_weight: float


@dataclass(frozen=True, eq=False)
class Sheet:
    """`words`: a row (records.ROW) as int64 words, to be copied fast; `terms`: set where the row hangs on the yield of waste."""

    words: np.ndarray
    terms: Terms | None


def sheet(parameters: Parameters, active: list[Span], price: int, earns: bool) -> Sheet:
    """The levers `active` at `price` rupiah a month, for those whose waste yields something (`earns`) or nothing. Raises InputError."""
    village, billing = parameters.village, max(1, parameters.limits.billing_months)
    due = price * billing
    channel, window, source_rp = _channel(active, earns)
    slots = _slots(active)
    cuts = (a for a in active if a.lever.price and not offered_months(a.lever))
    running = max(cuts, key=lambda a: a.lever.price.discount_share, default=None)
    discount = round(due * running.lever.price.discount_share) if running else 0
    base = village.documents_prob * max(_given(active, "procedure", "system_prob"), default=village.system_prob)
    form = max(_given(active, "procedure", "form_prob"), default=village.form_prob)
    columns, place, first_due, subset_offer = _routes(parameters, active, price, slots, running)
    weight = parameters.behavior.auto_debit_money_weight if channel == Channel.AUTO_DEBIT else parameters.behavior.own_money_weight
    terms = Terms(columns, place, (price, price * (1 - discount / due) if discount and due else price), weight)
    values = {
        "success": (base * form, base), "first_due_rp": first_due, "subset_offer": subset_offer,
        "slot_levers": [bits(g[0]) for g in slots], "slot_since": [g[1] for g in slots], "slot_known": [g[2] for g in slots],
        "slot_fresh": [bool(g[0]) and all(for_new_members(a.lever) for a in g[0]) for g in slots],
        "due_rp": due, "channel": channel, "window": window, "discount_rp": discount, "discount_lever": running.index if running else -1,
        "visibility": max(_given(active, "publicity", "visibility_share"), default=0.0),
        "refused_share": min([village.claim_refused_share, *_given(active, "service", "claim_refused_share")]),
        "claim_days": min([village.claim_days_mean, *_given(active, "service", "claim_days_mean")]),
        "announces": any(_given(active, "publicity", "announces_claims")),
        "complaints": any(_given(active, "service", "answers_complaints")),
        "paid_levers": bits(a for a in active if a.lever.cost.registration_rp),
    }  # fmt: skip
    if source_rp is not None:
        values |= settle(parameters, [terms], np.zeros(1, np.int64), np.array([source_rp]))
    row = np.zeros(1, records.ROW)
    for name, value in values.items():
        row[name] = value
    return Sheet(row.view(np.int64), terms if source_rp is None else None)


def _given(active: list[Span], mechanism: str, field: str) -> list:
    """What the running levers say of one field of a mechanism."""
    values = [getattr(getattr(a.lever, mechanism), field) for a in active if getattr(a.lever, mechanism)]
    return [v for v in values if v is not None]


def _channel(active: list[Span], earns: bool) -> tuple[Channel, int, float | None]:
    """Best pay channel on offer: (channel, months whose cash counts, rupiah a month it can take at source; None: what the waste yields)."""
    kinds = {a.lever.channel.kind: a.lever.channel for a in active if a.lever.channel}
    window = max([c.window_months for c in kinds.values()], default=1)
    if "harvest" in kinds or "group_fund" in kinds:
        return Channel.SOURCE, window, math.inf
    if "waste_bank" in kinds and earns:
        return Channel.SOURCE, window, None
    if "auto_debit" in kinds:
        return Channel.AUTO_DEBIT, window, 0.0
    return (Channel.COLLECTOR if "collector" in kinds else Channel.CASH), window, 0.0


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


def _routes(parameters, active, price, slots, running):
    """Columns of `Terms` and the column of every route (known offers, helped, asked, registered before); first contributions
    and offers by subset of known offers."""
    village, behavior, limits = parameters.village, parameters.behavior, parameters.limits
    due = price * max(1, limits.billing_months)
    travel = min([village.travel_rp, *_given(active, "procedure", "travel_rp")])
    worth = max(_given(active, "requirement", "worth_rp"), default=0)
    late = limits.late_fee_rp + (parameters.scheme.at(parameters.start).grace_months * due if limits.owes_arrears else 0)
    span = horizon(parameters)
    subsets = records.SUBSETS
    place, first_due, subset_offer = np.empty(8 * subsets, np.int64), np.empty(subsets, np.int64), np.empty(subsets, np.int64)
    columns: dict[tuple[float, float, float, float], int] = {}
    used = sum(1 << k for k, group in enumerate(slots) if group[0])
    for subset in range(subsets):
        if subset & ~used:  # a slot without an offer changes nothing
            first_due[subset], subset_offer[subset] = first_due[subset & used], subset_offer[subset & used]
            place[subset::subsets] = place[subset & used :: subsets]
            continue
        known = [a for k, group in enumerate(slots) if subset >> k & 1 for a in group[0]]
        lasting = (a for a in known if offered_months(a.lever))
        offer = max(lasting, key=lambda a: offered_share(a.lever) * offered_months(a.lever), default=None)
        subset_offer[subset] = offer.offer if offer else -1
        share, months = (offered_share(offer.lever), offered_months(offer.lever)) if offer else (0.0, 0)
        cut = running.lever.price.discount_share if running in known else 0.0
        first_due[subset] = due - (due * round(share * 10000) // 10000 if offer else round(due * cut))
        gift = sum(a.lever.gift.value_rp for a in known if a.lever.gift)
        prices = (price * (1.0 - share), price * (1.0 - cut), months)
        for route in range(8):
            helped, asked, back = route & 1, route >> 1 & 1, route >> 2
            trouble = -village.hassle_rp if limits.default_in else village.hassle_rp + (0 if helped else travel)
            more = (trouble + behavior.own_money_weight * late * back - gift - asked * worth) / span
            place[subset + subsets * route] = columns.setdefault((*prices, more), len(columns))
    return np.array(list(columns)).T, place, first_due, subset_offer


# ------------------------------------------------------------------ prices as they weigh


def horizon(parameters: Parameters) -> float:
    """Months over which price and one-off values are averaged."""
    return max(parameters.behavior.horizon_months, float(parameters.limits.billing_months))


def settle(parameters: Parameters, terms: list[Terms], of: np.ndarray, source_rp: np.ndarray) -> dict[str, np.ndarray]:
    """Columns threshold, pay_threshold and source_rp of rows; row r has terms[of[r]], its channel takes up to source_rp[r] a month."""
    counts = [t.columns.shape[1] for t in terms]
    size, start = np.array(counts)[of], np.cumsum([0, *counts])[of]
    begin = np.cumsum(size) - size
    row = np.repeat(np.arange(len(of)), size)  # from here on one element for each row and distinct column of its terms
    during, after, months, more = np.concatenate([t.columns for t in terms], axis=1)[:, np.arange(len(row)) + (start - begin)[row]]
    weight = np.array([t.own_weight for t in terms])[of]
    source, own, span = source_rp[row], weight[row], horizon(parameters)
    month = np.arange(math.ceil(span))[:, None]
    weighed = np.where(month < months, weighted(during, source, own), weighted(after, source, own)) * np.minimum(1.0, span - month)
    logs = safe_logs(np.add.accumulate(weighed)[-1] / span + more)
    price, cut = np.array([t.pay_rp for t in terms])[of].T
    pay = safe_logs(np.stack([weighted(price, source_rp, weight), weighted(cut, source_rp, weight)], axis=1))
    pay[:, 1] -= pay[:, 0]
    return {
        "threshold": logs[np.array([t.place for t in terms])[of] + begin[:, None]], "pay_threshold": pay,
        "source_rp": np.minimum(price, source_rp) * max(1, parameters.limits.billing_months),
    }  # fmt: skip


def weighted(own_rp, source_rp, own_weight):
    """7.3: rupiah of a contribution as they weigh: own money in hand more than money taken before it is held."""
    at_source = np.minimum(own_rp, source_rp)
    return own_weight * (own_rp - at_source) + at_source

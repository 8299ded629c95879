"""Rupiah: the ledger of a run as a tidy table, its totals, and the checks that the books balance.

The kernel books integer rupiah in `ledger[month, lever, item, payer]`; the last lever row holds what belongs to no
lever (contributions, claims). Months count calendar months from the month in which the run starts; the burn-in is
not booked. Kinds of money: see `money`. Nothing here changes a run.
"""

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from simulation.parameters import Parameters
from simulation.stages import Event, Item, Payer
from simulation.timeline import add_months

if TYPE_CHECKING:  # who only adds up need not wait for it
    import pandas as pd

#: payers whom the campaign's budget and monthly ceiling bind
BOUND = (Payer.BRANCH, Payer.VILLAGE, Payer.REGENCY, Payer.COMPANY)
PAYERS = {payer.name.lower(): int(payer) for payer in Payer}
#: lever name of the last row
NO_LEVER = "(no lever)"
COLUMNS = ("month", "lever", "item", "payer", "rupiah")
#: cost of what, and the count it is divided by
COSTED = ("campaign", "levers")
RESULTS = {"registered": "registrations", "person_month": "new_person_months", "retained": "retained"}

#: measure -> (unit, denominator, meaning); all sums since the start (see outcomes.MEASURES)
MEASURES: dict[str, tuple[str, str, str]] = {
    "campaign_rp": ("Rp", "", "paid by the payers whom the budget binds: branch, village, regency, company"),
    "commission_rp": ("Rp", "", "paid to agents by the scheme"),
    "scheme_rp": ("Rp", "", "other cost of levers borne by the scheme"),
    "group_rp": ("Rp", "", "cost of levers borne by group funds"),
    "worker_rp": ("Rp", "", "cost of levers borne by workers"),
    "levers_rp": ("Rp", "", "cost of all levers, whoever pays"),
    "subsidies_rp": ("Rp", "", "contributions paid by levers (part of levers_rp)"),
    "contributions_rp": ("Rp", "", "contributions paid by workers and their ties, late fees included"),
    "ties_rp": ("Rp", "", "the part that ties and group mates paid for them"),
    "paid_in_rp": ("Rp", "", "contributions and subsidies"),
    "claims_rp": ("Rp", "", "claims paid by the scheme"),
    "claims_ratio": ("ratio", "paid_in_rp", "claims over contributions and subsidies"),
    "lever_rp": ("Rp", "", "cost of the lever since the start"),
    "unmet_rp": ("Rp", "", "what budget or ceiling kept the lever from spending"),
    **{f"{cost}_per_{result}_rp": ("Rp", count, f"{cost}_rp over {count}") for cost in COSTED for result, count in RESULTS.items()},
}  # fmt: skip


def share(part: float, whole: float) -> float:
    """part / whole, NaN where there is no whole."""
    return float(part) / float(whole) if whole else float("nan")


def names(parameters: Parameters) -> list[str]:
    """Lever names in the order of the ledger's rows, the row of no lever last."""
    return [lever.name for lever in parameters.campaign.levers] + [NO_LEVER]


def first_days(parameters: Parameters, months: int) -> list[dt.date]:
    """First day of each of the ledger's `months` calendar months."""
    return [add_months(parameters.start.replace(day=1), m) for m in range(months)]


def entries(table: np.ndarray) -> np.ndarray:
    """The entries of a ledger that are not zero: int64 (entry, [month, lever, item, payer, rupiah])."""
    flat = table.ravel()
    place = np.flatnonzero(flat != 0)
    out = np.empty((len(place), len(COLUMNS)), np.int64)
    out[:, -1] = flat[place]
    for column, size in zip((3, 2, 1), table.shape[:0:-1]):
        place, out[:, column] = np.divmod(place, size)
    out[:, 0] = place
    return out


def frame(found: np.ndarray, parameters: Parameters, replicates: np.ndarray | int | None = None) -> "pd.DataFrame":
    """`entries` as a tidy frame: [replicate,] month (index), date (first day of the month), lever, item, payer (names), rupiah."""
    import pandas as pd

    found = np.asarray(found, np.int64).reshape(-1, len(COLUMNS))
    month, lever, item, payer, rupiah = found.T
    days = np.array(first_days(parameters, int(month.max()) + 1 if len(month) else 0), "datetime64[ms]")
    text = lambda kind: np.array([code.name.lower() for code in kind], object)  # noqa: E731
    out = {
        "month": month, "date": days[month], "lever": np.array(names(parameters), object)[lever], "item": text(Item)[item],
        "payer": text(Payer)[payer], "rupiah": rupiah,
    }  # fmt: skip
    return pd.DataFrame(out if replicates is None else {"replicate": replicates, **out})


def totals(table: "pd.DataFrame", *by: str) -> "pd.DataFrame":
    """Rupiah of a frame summed by any of its columns, such as totals(frame, "lever", "payer") or totals(frame, "month")."""
    if not by:
        raise ValueError(f"totals: by which columns? known: {', '.join(c for c in table.columns if c != 'rupiah')}")
    return table.groupby(list(by), as_index=False, sort=True)["rupiah"].sum()


def booked(table: np.ndarray) -> np.ndarray:
    """[lever, item, payer]: the books of all months together."""
    return table.sum(axis=0)


def money(books: np.ndarray) -> dict[str, int]:
    """Kinds of money in rupiah, from `booked`.

    campaign_rp + commission_rp + scheme_rp + group_rp + worker_rp = levers_rp; with contributions_rp and claims_rp
    that is every rupiah in the books. A subsidy is the campaign's cost and the scheme's income at once.
    """
    levers, rest = books[:-1].sum(axis=0).tolist(), books[-1].tolist()  # [item][payer]
    payer = [sum(column) for column in zip(*levers)]
    commission, subsidies, contributions = sum(levers[Item.COMMISSION]), sum(levers[Item.SUBSIDY]), sum(rest[Item.CONTRIBUTION])
    return {
        "campaign_rp": sum(payer[p] for p in BOUND),
        "commission_rp": commission,
        "scheme_rp": payer[Payer.SCHEME] - commission,
        "group_rp": payer[Payer.GROUP],
        "worker_rp": payer[Payer.WORKER] + payer[Payer.TIES],
        "levers_rp": sum(payer),
        "subsidies_rp": subsidies,
        "contributions_rp": contributions,
        "ties_rp": rest[Item.CONTRIBUTION][Payer.TIES],
        "paid_in_rp": contributions + subsidies,
        "claims_rp": sum(rest[Item.CLAIM]),
    }


def costs(books: np.ndarray, counts: dict[str, float]) -> dict[str, float]:
    """Kinds of money, and what a result cost. counts: registrations, new_person_months, retained."""
    found = money(books)
    each = {f"{cost}_per_{result}_rp": share(found[f"{cost}_rp"], counts[of]) for cost in COSTED for result, of in RESULTS.items()}
    return found | {"claims_ratio": share(found["claims_rp"], found["paid_in_rp"])} | each


def by_lever(books: np.ndarray) -> list[int]:
    """What each lever cost."""
    return books[:-1].sum(axis=(1, 2)).tolist()


def unmet(world) -> list[int]:
    """Rupiah of each lever that budget or monthly ceiling left unspent (what could not be run), since the start."""
    return np.asarray(world.village.levers)["unmet_rp"].tolist()


# ------------------------------------------------------------------ do the books balance?


def problems(world) -> list[str]:
    """What does not balance in a run's books, one line each; empty when all is well. Takes a World run to any week."""
    table, parameters = world.village.ledger, world.parameters
    books = booked(table)
    found = [] if table.min() >= 0 else ["a negative entry"]
    found += _rows(books, parameters)
    found += _units(books, parameters, len(table))
    found += _premiums(table, world)
    found += _limits(table, world)
    return found + _claims(books, world)


def _rows(books: np.ndarray, parameters: Parameters) -> list[str]:
    """Who may pay for what: each lever's own payer, the scheme for commissions and claims, workers and ties for contributions."""
    levers = parameters.campaign.levers
    payers = [PAYERS[lever.payer] for lever in levers]
    no_lever = {(Item.CONTRIBUTION, Payer.WORKER), (Item.CONTRIBUTION, Payer.TIES), (Item.CLAIM, Payer.SCHEME)}

    def allowed(k: int, item: int, payer: int) -> bool:
        if k == len(levers):
            return (item, payer) in no_lever
        if item == Item.COMMISSION:
            return payer == Payer.SCHEME and levers[k].agents is not None
        return item < Item.CONTRIBUTION and payer == payers[k]

    wrong = [place for place in np.argwhere(books).tolist() if not allowed(*place)]
    return [f"{names(parameters)[k]}: {Item(i).name.lower()} booked to {Payer(p).name.lower()}" for k, i, p in wrong]


def _units(books: np.ndarray, parameters: Parameters, months: int) -> list[str]:
    """What is paid by the piece is a multiple of its price, and no more is fixed than was planned."""
    ordinal = lambda day: day.year * 12 + day.month  # noqa: E731
    first = ordinal(parameters.start)
    found = []
    for lever, by_item in zip(parameters.campaign.levers, books.sum(axis=2).tolist()):
        cost = lever.cost
        gift = lever.gift.value_rp if lever.gift else 0
        units = {Item.EVENT: cost.event_rp, Item.CONTACT: cost.contact_rp, Item.GIFT: gift, Item.REGISTRATION: cost.registration_rp}
        for item, unit in units.items():
            if by_item[item] % unit if unit else by_item[item]:
                found.append(f"{lever.name}: {by_item[item]:,} of {item.name.lower()} is no multiple of {unit:,}")
        begins = max(0, ordinal(lever.start) - first)
        ends = months if lever.end is None else min(months, ordinal(lever.end) - first + 1)
        if by_item[Item.FIXED] > cost.fixed_rp + cost.monthly_rp * max(0, ends - begins):
            found.append(f"{lever.name}: {by_item[Item.FIXED]:,} fixed, more than planned")
    return found


def _premiums(table: np.ndarray, world) -> list[str]:
    """Contributions and subsidies of a month are its payments times the price in force (a range where some have relief)."""
    limits, calendar = world.parameters.limits, world.calendar
    if limits.late_fee_rp or limits.owes_arrears or limits.join_on_hearing:
        return []  # fees and arrears come on top; who is enrolled on hearing pays nothing at first
    own = slice(calendar.burn_in, world.week)
    month, rule = calendar.ledger_month[own], calendar.rule_index[own]
    paid = (world.village.events[own, Event.PAYMENTS_OWN] + world.village.events[own, Event.PAYMENTS_OTHER]) * max(1, limits.billing_months)
    relieved = [r.price_rp - round(r.price_rp * (r.relief_share or 0.0)) for r in calendar.rules]
    full = [r.price_rp if r.relief_occupations else price for r, price in zip(calendar.rules, relieved)]
    low, high = np.zeros(len(table), np.int64), np.zeros(len(table), np.int64)
    for worth, prices in ((low, relieved), (high, full)):
        np.add.at(worth, month, paid * np.array(prices)[rule])
    paid_in = table[:, -1, Item.CONTRIBUTION].sum(axis=1) + table[:, :-1, Item.SUBSIDY].sum(axis=(1, 2))
    wrong = np.flatnonzero((paid_in < low) | (paid_in > high))
    return [f"month {m}: {paid_in[m]:,} paid in, but the payments are worth {low[m]:,} to {high[m]:,}" for m in wrong]


def _limits(table: np.ndarray, world) -> list[str]:
    """The budget and the monthly ceiling hold for what the bound payers pay. A branch may lower the budget no further than what has been
    spent; a month is held against the highest ceiling that was in force in it."""
    budget, ceiling = world.parameters.campaign.budget_rp, world.parameters.campaign.monthly_ceiling_rp
    if budget is None and ceiling is None and not world.past_ceilings:
        return []
    months, found = table[..., list(BOUND)].sum(axis=(1, 2, 3)), []
    if budget is not None and months.sum() > budget:
        found.append(f"{months.sum():,} spent of a budget of {budget:,}")
    first, most, free = world.calendar.burn_in, np.zeros(len(months), np.int64), np.iinfo(np.int64).max
    for until, rupiah in (*world.past_ceilings, (world.week, ceiling)):
        np.maximum.at(most, world.calendar.ledger_month[first:until], free if rupiah is None else rupiah)
        first = max(first, until)
    over = np.flatnonzero(months > most)
    return found + [f"{months[m]:,} spent in month {m}, the ceiling is {most[m]:,}" for m in over]


def _claims(books: np.ndarray, world) -> list[str]:
    """Claims booked lie between the smallest and the largest benefit times the claims paid."""
    events = world.village.events[world.calendar.burn_in :]
    count = int(events[:, Event.CLAIMS_PAID : Event.CLAIMS_LATE + 1].sum())
    benefits = [b for r in world.calendar.rules for b in (r.death_benefit_rp, r.waiting_benefit_rp, r.accident_claim_rp)]
    paid = int(books[-1, Item.CLAIM].sum())
    inside = count * min(benefits) <= paid <= count * max(benefits)
    return [] if inside else [f"{paid:,} of claims for {count} claims paid"]

"""Rupiah: the ledger of a run as a tidy table, its totals, and the checks that the books balance.

The kernel books integer rupiah in `ledger[month, lever, item, payer]`; the last lever row holds what belongs to no
lever (contributions, claims). Months count calendar months from the month in which the run starts; the burn-in is
not booked. Kinds of money: see `money`. Nothing here changes a run.
"""

import datetime as dt

import numpy as np
import pandas as pd

from simulation.parameters import Parameters
from simulation.stages import Event, Item, Payer
from simulation.timeline import add_months

#: payers whom the campaign's budget and monthly ceiling bind
BOUND = (Payer.BRANCH, Payer.VILLAGE, Payer.REGENCY, Payer.COMPANY)
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
    place = np.nonzero(table)
    return np.column_stack([*place, table[place]]).astype(np.int64)


def frame(found: np.ndarray, parameters: Parameters, replicates: np.ndarray | int | None = None) -> pd.DataFrame:
    """`entries` as a tidy frame: [replicate,] month (index), date (first day of the month), lever, item, payer (names), rupiah."""
    found = np.asarray(found, np.int64).reshape(-1, len(COLUMNS))
    month, lever, item, payer, rupiah = found.T
    days = np.array(first_days(parameters, int(month.max()) + 1 if len(month) else 0), "datetime64[ms]")
    text = lambda kind: np.array([code.name.lower() for code in kind], object)  # noqa: E731
    out = {
        "month": month, "date": days[month], "lever": np.array(names(parameters), object)[lever], "item": text(Item)[item],
        "payer": text(Payer)[payer], "rupiah": rupiah,
    }  # fmt: skip
    return pd.DataFrame(out if replicates is None else {"replicate": replicates, **out})


def totals(table: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Rupiah of a frame summed by any of its columns, such as totals(frame, "lever", "payer") or totals(frame, "month")."""
    if not by:
        raise ValueError(f"totals: by which columns? known: {', '.join(c for c in table.columns if c != 'rupiah')}")
    return table.groupby(list(by), as_index=False, sort=True)["rupiah"].sum()


def money(table: np.ndarray) -> dict[str, int]:
    """Kinds of money in rupiah, from ledger[month, lever, item, payer] or a sum of it over months.

    campaign_rp + commission_rp + scheme_rp + group_rp + worker_rp = levers_rp; with contributions_rp and claims_rp
    that is every rupiah in the books. A subsidy is the campaign's cost and the scheme's income at once.
    """
    t = table.reshape(-1, *table.shape[-3:]).sum(axis=0)
    levers = t[:-1].sum(axis=0)
    by_payer = levers.sum(axis=0)
    commission = int(levers[Item.COMMISSION].sum())
    contributions, subsidies = int(t[-1, Item.CONTRIBUTION].sum()), int(levers[Item.SUBSIDY].sum())
    return {
        "campaign_rp": int(by_payer[list(BOUND)].sum()),
        "commission_rp": commission,
        "scheme_rp": int(by_payer[Payer.SCHEME]) - commission,
        "group_rp": int(by_payer[Payer.GROUP]),
        "worker_rp": int(by_payer[[Payer.WORKER, Payer.TIES]].sum()),
        "levers_rp": int(levers.sum()),
        "subsidies_rp": subsidies,
        "contributions_rp": contributions,
        "ties_rp": int(t[-1, Item.CONTRIBUTION, Payer.TIES]),
        "paid_in_rp": contributions + subsidies,
        "claims_rp": int(t[-1, Item.CLAIM].sum()),
    }


def costs(table: np.ndarray, levers: list[str], unmet_rp: dict[str, int], counts: dict[str, float]) -> dict[tuple[str, str, str], float]:
    """(measure, group_kind, group) -> value: kinds of money since the start, and what a result cost.

    table: ledger[month, lever, item, payer] so far; levers: names of its rows; counts: registrations, new_person_months, retained.
    """
    found = money(table)
    out = found | {"claims_ratio": share(found["claims_rp"], found["paid_in_rp"])}
    out |= {f"{cost}_per_{result}_rp": share(found[f"{cost}_rp"], counts[of]) for cost in COSTED for result, of in RESULTS.items()}
    rows = {(name, "all", "all"): float(x) for name, x in out.items()}
    rows |= {("lever_rp", "lever", name): float(rp) for name, rp in zip(levers[:-1], table.sum(axis=(0, 2, 3)))}
    return rows | {("unmet_rp", "lever", name): float(rp) for name, rp in unmet_rp.items()}


def unmet(world) -> dict[str, int]:
    """Rupiah by lever that budget or monthly ceiling left unspent (what could not be run), since the start."""
    return dict(zip(names(world.parameters), world.village.levers["unmet_rp"].tolist(), strict=False))


# ------------------------------------------------------------------ do the books balance?


def problems(world) -> list[str]:
    """What does not balance in a run's books, one line each; empty when all is well. Takes a World run to any week."""
    table, parameters = world.village.ledger, world.parameters
    found = [] if (table >= 0).all() else ["a negative entry"]
    found += _rows(table, parameters)
    found += _units(table, world)
    found += _premiums(table, world)
    found += _limits(table, parameters)
    return found + _claims(table, world)


def _rows(table: np.ndarray, parameters: Parameters) -> list[str]:
    """Who may pay for what: each lever's own payer, the scheme for commissions and claims, workers and ties for contributions."""
    allowed = np.zeros(table.shape[1:], bool)
    for k, lever in enumerate(parameters.campaign.levers):
        allowed[k, : Item.CONTRIBUTION, Payer[lever.payer.upper()]] = True
        allowed[k, Item.COMMISSION] = False
        allowed[k, Item.COMMISSION, Payer.SCHEME] = lever.agents is not None
    allowed[-1, Item.CONTRIBUTION, [Payer.WORKER, Payer.TIES]] = True
    allowed[-1, Item.CLAIM, Payer.SCHEME] = True
    where = np.argwhere((table != 0).any(axis=0) & ~allowed)
    return [f"{names(parameters)[k]}: {Item(i).name.lower()} booked to {Payer(p).name.lower()}" for k, i, p in where]


def _units(table: np.ndarray, world) -> list[str]:
    """What is paid by the piece is a multiple of its price, and no more is fixed than was planned."""
    by_item = table.sum(axis=(0, 3))
    first = first_days(world.parameters, len(table))
    found = []
    for k, lever in enumerate(world.parameters.campaign.levers):
        cost = lever.cost
        gift = lever.gift.value_rp if lever.gift else 0
        units = {Item.EVENT: cost.event_rp, Item.CONTACT: cost.contact_rp, Item.GIFT: gift, Item.REGISTRATION: cost.registration_rp}
        for item, unit in units.items():
            if by_item[k, item] % unit if unit else by_item[k, item]:
                found.append(f"{lever.name}: {by_item[k, item]:,} of {item.name.lower()} is no multiple of {unit:,}")
        months = sum(add_months(day, 1) > lever.start and (lever.end is None or day <= lever.end) for day in first)
        if by_item[k, Item.FIXED] > cost.fixed_rp + cost.monthly_rp * months:
            found.append(f"{lever.name}: {by_item[k, Item.FIXED]:,} fixed, more than planned")
    return found


def _premiums(table: np.ndarray, world) -> list[str]:
    """Contributions and subsidies of a month are its payments times the price in force (a range where some have relief)."""
    limits, calendar = world.parameters.limits, world.calendar
    if limits.late_fee_rp or limits.owes_arrears or limits.join_on_hearing:
        return []  # fees and arrears come on top; who is enrolled on hearing pays nothing at first
    own = slice(calendar.burn_in, world.week)
    paid = world.village.events[own, Event.PAYMENTS_OWN] + world.village.events[own, Event.PAYMENTS_OTHER]
    relieved = np.array([r.price_rp - round(r.price_rp * (r.relief_share or 0.0)) for r in calendar.rules])
    full = np.where([bool(r.relief_occupations) for r in calendar.rules], [r.price_rp for r in calendar.rules], relieved)
    low, high = np.zeros(len(table), np.int64), np.zeros(len(table), np.int64)
    for worth, price in ((low, relieved), (high, full)):
        np.add.at(worth, calendar.ledger_month[own], paid * price[calendar.rule_index[own]] * max(1, limits.billing_months))
    booked = table[:, -1, Item.CONTRIBUTION].sum(axis=1) + table[:, :-1, Item.SUBSIDY].sum(axis=(1, 2))
    wrong = np.flatnonzero((booked < low) | (booked > high))
    return [f"month {m}: {booked[m]:,} paid in, but the payments are worth {low[m]:,} to {high[m]:,}" for m in wrong]


def _limits(table: np.ndarray, parameters: Parameters) -> list[str]:
    """The budget and the monthly ceiling hold for what the bound payers pay."""
    campaign, months = parameters.campaign, table[..., list(BOUND)].sum(axis=(1, 2, 3))
    found = []
    if campaign.budget_rp is not None and months.sum() > campaign.budget_rp:
        found.append(f"{months.sum():,} spent of a budget of {campaign.budget_rp:,}")
    if campaign.monthly_ceiling_rp is not None and months.max() > campaign.monthly_ceiling_rp:
        found.append(f"{months.max():,} spent in month {months.argmax()}, the ceiling is {campaign.monthly_ceiling_rp:,}")
    return found


def _claims(table: np.ndarray, world) -> list[str]:
    """Claims booked lie between the smallest and the largest benefit times the claims paid."""
    events = world.village.events[world.calendar.burn_in :]
    count = int(events[:, [Event.CLAIMS_PAID, Event.CLAIMS_LATE]].sum())
    benefits = [b for r in world.calendar.rules for b in (r.death_benefit_rp, r.waiting_benefit_rp, r.accident_claim_rp)]
    booked = int(table[:, -1, Item.CLAIM].sum())
    inside = count * min(benefits) <= booked <= count * max(benefits)
    return [] if inside else [f"{booked:,} of claims for {count} claims paid"]

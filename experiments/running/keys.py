"""Names of outcomes, for people to write: `measure[@month][/group_kind=group]`, such as `registered`, `active@12`,
`active_share@end/sex=female`, `active@2019-03-01`. Without a month or date it is the end of the run, without a group all workers."""

import datetime as dt
import functools

from experiments.running.families import ALWAYS, END, FAMILIES, Layout
from scenarios.errors import nearest
from simulation.parameters import InputError, Parameters

Key = tuple[str, str, str, str]

#: what a planner asks first, in the order of asking: who is covered, who stays, what it costs
HEADLINES = (
    "aware", "registered", "active", "paying", "active_share", "understanding_mean", "registrations", "retained", "active_person_months",
    "new_person_months", "persistency_13", "stock_retention_12", "campaign_rp", "levers_rp", "contributions_rp", "claims_rp",
    "campaign_per_registered_rp", "campaign_per_person_month_rp", "campaign_per_retained_rp", "levers_per_registered_rp",
    "levers_per_person_month_rp", "levers_per_retained_rp",
)  # fmt: skip
MOST_MONTHS = 1200


def text_of(key: Key) -> str:
    """The name of an outcome: ("active_share", "12", "sex", "female") is active_share@12/sex=female."""
    measure, month, kind, group = key
    return measure + (f"@{month}" if month != "end" else "") + (f"/{kind}={group}" if kind != "all" else "")


def key_of(text: str, parameters: Parameters | None = None) -> Key:
    """(measure, month, group_kind, group) of a name; month is "0" (the start), a whole number of months, or "end".

    With `parameters`, occupations and levers must be among theirs. A community's number is never checked: replicates differ.
    Raises InputError for what no run can have.
    """
    head, grouped, place = str(text).strip().partition("/")
    measure, dated, month = head.partition("@")
    kind, _, group = place.partition("=") if grouped else ("all", "", "all")
    try:
        dates, groups = _measured_by(measure, kind)
        month = _month(measure, month if dated else "end", dates)
        if kind in ("occupation", "lever"):
            groups = getattr(Layout.of(parameters, 0), f"{kind}s") if parameters else None
        _check_group(kind, group, groups)
    except InputError as problem:
        raise InputError(f"outcome {text!r}: {problem}") from None
    return measure, month, kind, group


@functools.cache
def catalog() -> dict[str, dict[str, tuple[str, list[str]]]]:
    """measure -> group_kind -> (dates at which it is measured, groups); of occupations, levers and communities one stands for all."""
    found: dict = {}
    for family in FAMILIES.values():
        for measure, kind, group in family.keys(Layout(("NAME",), ("NAME",), 1)):
            found.setdefault(measure, {}).setdefault(kind, (family.dates, []))[1].append(group)
    return found


def _measured_by(measure: str, kind: str) -> tuple[str, list[str]]:
    if measure not in catalog():
        raise InputError(f"unknown measure {measure!r}" + (nearest(measure, catalog()) or f"; known: {', '.join(catalog())}"))
    kinds = catalog()[measure]
    if kind in kinds:
        return kinds[kind]
    known = [f"{name}={groups[0]}" for name, (_, groups) in kinds.items() if name != "all"]
    if kind == "all":
        raise InputError(f"{measure} needs a group, such as {measure}/{known[0]}")
    allowed = f"allowed: {', '.join(known)} ..." if known else f"{measure} is of all workers alone"
    raise InputError(f"no group kind {kind!r} of {measure}{nearest(kind, kinds)}; {allowed}")


def _month(measure: str, month: str, dates: str) -> str:
    """The month or date as the keys have it."""
    if month != "end":
        number = month.isascii() and month.isdecimal() and len(month) < 9 and int(month) <= MOST_MONTHS
        if not number and not _is_date(month):
            allowed = f"a whole number of months from 1 to {MOST_MONTHS}, a date such as 2019-03-01, 0 (the start) or end"
            raise InputError(f"month {month!r}: not allowed; allowed: {allowed}")
        month = str(int(month)) if number else month
        if dates == END:
            raise InputError(f"{measure} is measured at the end alone, not at {month if _is_date(month) else f'month {month}'}")
    if month == "0" and dates != ALWAYS:
        raise InputError(f"{measure} adds up from the start on, there is none at month 0")
    return month


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _check_group(kind: str, group: str, groups: list[str] | None) -> None:
    """groups: those known, None where any name may be one."""
    if kind == "community":
        fits, known = group.isascii() and group.isdecimal() and group == str(int(group)), "its number"
    elif groups is None:
        fits, known = group, f"the name of the {kind}"
    else:
        fits, known = group in groups, ", ".join(groups) or "none"
    if not fits:
        raise InputError(f"no {kind} {group!r}{nearest(group, groups or ())}; allowed: {known}")

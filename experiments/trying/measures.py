"""The language in which trial files say what was measured, and its reading from a world.

    registered@12                       share of the arm registered (ever) twelve months after the start
    registered@14 | not registered@12   the same among those who were not registered after month 12
    active@36 | active@7                share of those with cover at month 7 who have it at month 36
    registered@0d                       after the first step (day 0); @6d: after the step of day 6; @end; @start: before the first step
    stopped3@end | registered@6         of those registered by month 6, who stopped paying within 3 months of joining (seen at the end)
    understanding@end                   mean of understanding, of trust
    sd(registered@end)                  standard deviation between communities; icc(...): intra-class correlation
    slope(registered@end ~ friends A)   least-squares slope on the share of one's close ties that belong to arm A
    slope(registered@end ~ centrality A)  communities' rates on the mean diffusion centrality of A's people (in sd)

Flags: aware, considering, attempted, registered, active, paying, lapsed, stopped<months>; numbers: understanding, trust.
"""

import datetime as dt
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from simulation.parameters import InputError
from simulation.stages import ACTIVE, PAID_OWN, REGISTERED, Stage
from simulation.timeline import Timeline, add_months
from simulation.world import World

WEEKS_A_MONTH = 365.25 / 12 / 7
STOPPED = re.compile(r"stopped(\d+)$")
TERM = re.compile(r"\s*(not\s+)?([a-z_0-9]+)@(start|end|\d+d?)\s*$")
WHOLE = re.compile(r"\s*(?:(sd|icc|slope)\((.*)\)|(.*))\s*$")
REGRESSOR = re.compile(r"\s*(friends|centrality)\s+(\S.*?)\s*$")
FLAGS = {
    "aware": lambda w: w["stage"] != Stage.UNAWARE,
    "considering": lambda w: (w["stage"] == Stage.PERSUASION) | (w["stage"] == Stage.DECISION),
    "attempted": lambda w: w["attempts"] > 0,
    "registered": lambda w: (w["marks"] & REGISTERED) > 0,
    "active": lambda w: (w["marks"] & ACTIVE) > 0,
    "paying": lambda w: (w["marks"] & (ACTIVE | PAID_OWN)) == (ACTIVE | PAID_OWN),
    "lapsed": lambda w: w["stage"] == Stage.LAPSED,
    "understanding": lambda w: w["understanding"].astype(float),
    "trust": lambda w: w["alpha"].astype(float) / (w["alpha"].astype(float) + w["beta"]),
}


class Term(NamedTuple):
    """One flag at one date; `negated` in conditions only."""

    flag: str
    when: str
    negated: bool


class Measure(NamedTuple):
    """kind: mean, sd, icc or slope; of `term` among those for whom all `given` hold; `regressor` (what, arm) of a slope."""

    kind: str
    term: Term
    given: tuple[Term, ...]
    regressor: tuple[str, str] | None


@lru_cache(maxsize=1024)
def parse(text: str) -> Measure:
    """A measure from its text. Raises InputError."""
    kind, inside, plain = WHOLE.match(text).groups()
    inside, regressor = (plain if kind is None else inside), None
    if kind == "slope":
        inside, sign, right = inside.partition("~")
        found = REGRESSOR.match(right)
        if not sign or not found:
            raise InputError(f"measure {text!r}: not allowed; allowed: slope(flag@date ~ friends ARM) or ... ~ centrality ARM)")
        regressor = found.groups()
    term, *given = (_term(part, text) for part in inside.split("|"))
    return Measure(kind or "mean", term, tuple(given), regressor)


def _term(part: str, text: str) -> Term:
    from scenarios.errors import nearest

    found = TERM.match(part)
    if not found:
        raise InputError(
            f"measure {text!r}: {part.strip()!r}: not allowed; allowed: flag@date, such as registered@12, active@30d, paying@end"
        )
    negated, flag, when = found.groups()
    if flag not in FLAGS and not STOPPED.match(flag):
        known = (*FLAGS, "stopped<months>")
        raise InputError(f"measure {text!r}: no flag {flag!r}{nearest(flag, known)}; known: {', '.join(known)}")
    return Term(flag, when, bool(negated))


def terms(measure: Measure) -> tuple[Term, ...]:
    """All flags and dates that a measure needs."""
    return (measure.term, *measure.given)


def step_of(calendar: Timeline, when: str) -> int:
    """Step after which a world is looked at. Raises InputError for a date after the run's end."""
    if when == "start":
        return calendar.burn_in - 1
    if when == "end":
        return calendar.steps - 1
    if when.endswith("d"):
        width = (calendar.dates[1] - calendar.dates[0]).days if calendar.steps > 1 else 1
        step = calendar.burn_in + int(when[:-1]) // width
    else:
        day = add_months(calendar.dates[calendar.burn_in], int(when))
        step = calendar.week_of(day) - 1
        if day > calendar.dates[-1] + (calendar.dates[-1] - calendar.dates[-2] if calendar.steps > 1 else dt.timedelta(days=1)):
            step = calendar.steps
    if step >= calendar.steps:
        raise InputError(f"measure @{when}: lies after the end of the run, {calendar.dates[-1]}; give a later `until`")
    return step


def followed(world: World, wanted: Iterable[Term]) -> dict[tuple[str, str], np.ndarray]:
    """Run a world as far as needed; each wanted flag as a column of all workers, by (flag, date)."""
    wanted = {(t.flag, t.when) for t in wanted}
    by_step: dict[int, list] = {}
    for flag, when in wanted:
        by_step.setdefault(step_of(world.calendar, when), []).append((flag, when))
    columns = {}
    for step in sorted(by_step):
        world.advance(step + 1)
        workers = world.village.workers
        for flag, when in by_step[step]:
            found = STOPPED.match(flag)
            columns[flag, when] = _stopped(workers, int(found.group(1))) if found else FLAGS[flag](workers)
    return columns


def _stopped(workers, months: int) -> np.ndarray:
    """Whose first unpaid month of the spell that ended membership, or that still lasts, lies at most so many months after joining."""
    stop = np.where(workers["first_stop"] >= 0, workers["first_stop"], workers["stop_week"])
    return (stop >= 0) & (stop - workers["first_week"] <= months * WEEKS_A_MONTH + 1.0)


def value(measure: Measure, world: World, columns: dict, arm: np.ndarray, arms: dict[str, np.ndarray]) -> float:
    """The measure for the workers of `arm` (mask); `arms` are the masks of all arms of this world. NaN where nobody is counted.

    Raises InputError where a slope's arm does not live in this world.
    """
    who = arm.copy()
    for term in measure.given:
        holds = columns[term.flag, term.when].astype(bool)
        who &= ~holds if term.negated else holds
    y = columns[measure.term.flag, measure.term.when].astype(float)
    if not who.any():
        return float("nan")
    if measure.kind == "mean":
        return float(y[who].mean())
    if measure.kind in ("sd", "icc"):
        return _between(y[who], world.people.community[who], measure.kind)
    what, name = measure.regressor
    if name not in arms:
        raise InputError(f"measure ~ {what} {name}: no such arm in the same world; known: {', '.join(arms)}")
    if what == "friends":
        x = friends(world, arms[name])
        return _slope(x[who], y[who])
    return _slope(*_communities(world, y, who, arms[name]))


def friends(world: World, arm: np.ndarray) -> np.ndarray:
    """Share of each worker's close ties who belong to `arm` (NaN without any)."""
    ties, n = world.network, world.people.workers
    source = np.repeat(np.arange(len(ties.indptr) - 1), np.diff(ties.indptr))
    close = (source < n) & (ties.indices < n) & (ties.weight >= ties.weight.max() * (1 - 1e-6))
    count = np.bincount(source[close], minlength=n)[:n]
    inside = np.bincount(source[close], weights=arm[ties.indices[close]].astype(float), minlength=n)[:n]
    return np.where(count > 0, inside / np.maximum(count, 1), np.nan)


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    good = np.isfinite(x) & np.isfinite(y)
    x, y = x[good], y[good]
    spread = ((x - x.mean()) ** 2).sum() if len(x) else 0.0
    return float(((x - x.mean()) * (y - y.mean())).sum() / spread) if spread > 0 else float("nan")


def _between(y: np.ndarray, community: np.ndarray, kind: str) -> float:
    """Standard deviation of communities' means, or the intra-class correlation (analysis of variance, unequal sizes)."""
    size = np.bincount(community)
    mean = np.bincount(community, weights=y)[size > 0] / size[size > 0]
    size = size[size > 0]
    k, n = len(size), len(y)
    if k < 2:
        return float("nan")
    if kind == "sd":
        return float(mean.std(ddof=1))
    within = ((y - np.repeat(mean, size)[np.argsort(np.argsort(community, kind="stable"), kind="stable")]) ** 2).sum() / max(n - k, 1)
    between = (size * (mean - y.mean()) ** 2).sum() / (k - 1)
    typical = (n - (size**2).sum() / n) / (k - 1)
    part = (between - within) / typical
    return float(part / (part + within)) if part + within > 0 else float("nan")


def _communities(world: World, y: np.ndarray, who: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean diffusion centrality of each community's seeds in standard deviations, rate of its people in `who`).

    Diffusion centrality (Banerjee et al. 2013): sum over t = 1..T of (q A)^t 1, with q one over the largest eigenvalue of the community's
    ties, and T the four-month periods that it is followed.
    """
    from scipy.sparse import csr_matrix

    ties, people = world.network, world.people
    n, community = people.workers, people.community
    source = np.repeat(np.arange(len(ties.indptr) - 1), np.diff(ties.indptr))
    inside = (source < n) & (ties.indices < n)
    inside[inside] &= community[source[inside]] == community[ties.indices[inside]]
    graph = csr_matrix((np.ones(inside.sum()), (source[inside], ties.indices[inside])), shape=(n, n))
    weeks = world.village.workers["exposure"] - world.calendar.burn_in
    last = world.calendar.steps - world.calendar.burn_in
    periods = np.ceil(np.minimum(weeks, last) * world.parameters.limits.step_days / 121.75)
    score, reach, q = np.zeros(n), np.ones(n), _rates(graph, community)
    for t in range(1, int(periods.max()) + 1):
        reach = q * (graph @ reach)
        score += reach * (periods >= t)
    mean = lambda values, mask: np.bincount(community[mask], weights=values[mask], minlength=people.communities)  # noqa: E731
    count, seeded = mean(np.ones(n), who), mean(np.ones(n), seeds)
    good = (count > 0) & (seeded > 0)
    x = mean(score, seeds)[good] / seeded[good]
    return (x - x.mean()) / x.std(), mean(y, who)[good] / count[good]


def _rates(graph, community: np.ndarray, steps: int = 60) -> np.ndarray:
    """One over the largest eigenvalue of each community's ties, for each worker (power iteration)."""
    vector = np.ones(len(community))
    norm = np.ones(int(community.max()) + 1)
    for _ in range(steps):
        vector = graph @ vector + 1e-12
        norm = np.sqrt(np.bincount(community, weights=vector**2))
        vector /= norm[community]
    return 1.0 / np.maximum(norm, 1e-9)[community]

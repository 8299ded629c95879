"""Campaigns compared in the same villages with the same luck: `compare` gives a `Comparison`, `plan` says before what it takes.

    found = compare("lerep", ["own", "none", "my/campaign.toml"], at=24, half_width=20)
    print(found.verdict()); found.differences(); found.campaigns(); found.save("out/compared")

A pair is a replicate: one village, one luck, one draw of behavior, every campaign. People, ties and burn-in are the same for all,
so they are made once. The first campaign is the reference; all are compared with each other. With a half-width the first stage of 30 pairs
decides how many there will be (stopping.py says why that is valid). Pairs 0, 1, ... of a seed are always the same, so what
comes out is a function of the seed and of what was asked, never of the number of processes.
"""

import contextlib
import datetime as dt
import functools
import hashlib
import itertools
import json
import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments import branch
from experiments.comparing import budget as budgets
from experiments.comparing import comparison, stopping
from experiments.comparing.campaigns import date_of, gone_on, idle, in_case, step_of
from experiments.comparing.comparison import Comparison, load
from experiments.engines import CODE, Lost, available, local
from experiments.recipes import remember
from experiments.replay import Again, behavior_of
from experiments.run import versions
from experiments.running import behavior as behaviors
from experiments.running.grades import grades
from experiments.running.keys import Key, key_of, text_of
from experiments.running.luck import OTHER, twins_of
from experiments.running.replicate import measured
from scenarios.loader import Scenario, content_hash
from scenarios.posterior import Posterior
from simulation import ledger
from simulation.baseline import SOLVED
from simulation.branch import fork, switched
from simulation.parameters import Campaign, InputError, Parameters
from simulation.timeline import add_months
from simulation.world import build, solve

__all__ = ["Comparison", "Plan", "compare", "load", "plan"]

#: pairs of a comparison where nothing is said, with a half-width and without; the most there can be
USUAL_MOST, USUAL_PAIRS, MOST_PAIRS = 1000, 50, 1_000_000
#: what is left to do is done in this process if it takes less: starting others takes a second or two
SERIAL_SECONDS, START_SECONDS = 3.0, 2.0
NO_BUDGET = "scale: names levers to scale to a budget; give a budget"
#: factors tried until a budget is met, as a rule
USUAL_TRIALS = 12
#: what is kept of every run besides the outcome asked for
PEOPLE = (
    "workers", "aware", "registered", "active", "paying", "aware_share", "registered_share", "active_share", "paying_share", "retained",
    "registrations", "new_person_months", "active_person_months", "persistency_13", "concentration_index",
)  # fmt: skip
MONEY = tuple(name for name in ledger.MEASURES if name not in ("lever_rp", "unmet_rp"))


class Plan(NamedTuple):
    """What a comparison takes, from one timed pair. first: pairs that are run in any case; most: the most there can be; seconds of wall
    time of one pair, of the first and of the most pairs with the processes there are, and (about) of fitting the budget before."""

    campaigns: tuple[str, ...]
    first: int
    most: int
    processes: int
    pair_seconds: float
    first_seconds: float
    most_seconds: float
    budget_seconds: float


class Setup(NamedTuple):
    """A comparison that was asked for, checked: names and parameters of the campaigns, what is compared, how many pairs."""

    title: str
    names: tuple[str, ...]
    parameters: tuple[Parameters, ...]
    outcome: Key
    at: dict
    better: str
    keys: tuple[Key, ...]
    half_width: float | None
    first: int
    most: int
    seed: int
    own: Parameters
    since: dt.date | None
    behavior: str | Posterior = behaviors.POINT
    posterior: Posterior | None = None

    @property
    def twins(self) -> int:
        """How many of the first pairs are run once more with other luck."""
        return twins_of(self.first) if self.posterior else 0


def compare(
    case: str | Path | Scenario | Parameters | branch.Past,
    campaigns: Iterable[str | Path | Scenario | Parameters],
    *,
    outcome: str = "active",
    at: str | int | dt.date = "end",
    half_width: float | None = None,
    max_pairs: int | None = None,
    pairs: int | None = None,
    seed: int = 1,
    budget: int | None = None,
    scale: Iterable[str] = (),
    until: dt.date | str | None = None,
    months: Iterable[int] = (),
    overrides: Iterable[str] | Mapping = (),
    village: str | Path | None = None,
    since: dt.date | str | None = None,
    better: str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    processes: int | None = None,
    behavior: str | Posterior = behaviors.POSTERIOR,
) -> Comparison:
    """Compare campaigns in the villages of a case.

    case: a scenario's name or file, a Scenario or Parameters, or a past that `branch.save` kept (its folder; it brings its seed and
    date with it, see since); campaigns: names or files of campaigns ("own": the case's, "none":
    nothing is done), or the campaign of a Scenario or Parameters; a single one is compared with the case's own. outcome: as
    `measure[@month][/group_kind=group]`; at: "end", a month, or a date. half_width: in the unit of
    the outcome, how narrow all intervals of differences shall be, with at most max_pairs pairs (1000); without it there are `pairs`
    (50). Of a past there are no more pairs than it has replicates.
    budget: rupiah that every campaign with levers shall spend up to `at`, by scaling the levers named in `scale` (a campaign that
    has none of them: all it can scale). months: further months to keep. since: the case's own campaign runs until this day, then
    each campaign takes over (see `campaigns.gone_on`): same past, different policy. better: "more" or "less" of the outcome (None:
    by measure). behavior: as in `run.run`; campaigns of a pair share the draw, and a past brings its own.
    progress is called in this thread with (done, total, stage), stage "budget", "first" or "rest". Raises InputError for bad input.
    """
    asked = (case, campaigns, outcome, at, half_width, max_pairs, pairs, seed, until, months, overrides, village, since, better, behavior)
    setup = _setup(*asked)
    processes = None if processes is None else _whole("processes", processes, 1, 1024)
    told = progress or (lambda done, total, stage: None)
    setup, fitted = _fit(setup, budget, tuple(scale), told)
    found = _run(setup, fitted, told, processes)
    remember("compare", found.provenance["run_id"], found.recipe())
    return found


def again(recipe: dict, *, progress: Callable[[int, int], None] | None = None, processes: int | None = None) -> Again:
    """A comparison that was kept (`Comparison.recipe`), run again: for `experiments.replay`."""
    read = lambda given: Parameters.model_validate_json(json.dumps(given))  # noqa: E731
    setup = Setup(
        title=recipe["title"], names=tuple(recipe["names"]), parameters=tuple(map(read, recipe["parameters"])), own=read(recipe["own"]),
        outcome=tuple(recipe["outcome_key"]), at=recipe["at"], better=recipe["better"], keys=tuple(map(tuple, recipe["keys"])),
        half_width=recipe["half_width"], first=recipe["first_pairs"], most=recipe["max_pairs"], seed=recipe["seed"],
        since=recipe["since"] and dt.date.fromisoformat(recipe["since"]), behavior=behavior_of(recipe),
        posterior=behaviors.choose(behavior_of(recipe)),
    )  # fmt: skip
    told = (lambda done, total, stage: progress(done, total)) if progress else (lambda done, total, stage: None)
    found = _run(setup, recipe["budget"], told, processes)
    return Again(found.provenance["digest"], found.recipe()["values"], found)


def _run(setup: Setup, fitted: dict | None, told: Callable, processes: int | None) -> Comparison:
    """Run the pairs, and put together what comes of them. fitted: the report of the budget."""
    started, began = dt.datetime.now(dt.UTC), time.perf_counter()
    answers, needed = _gather(_work(setup), setup, told, processes)
    values = np.stack([answer["values"] for answer in answers])
    twins = np.stack([answer["twin"] for answer in answers[: setup.twins]]) if setup.twins else None
    posterior = behaviors.used(setup.posterior, setup.seed, setup.most)  # when run again, pairs may be begun that are not needed
    provenance = _provenance(setup, answers, fitted) | {
        "pairs": len(answers), "pairs_needed": needed, "versions": versions(), "started": started.isoformat(timespec="seconds"),
        "wall_seconds": round(time.perf_counter() - began, 3),
    }  # fmt: skip
    if provenance["problems"]:
        warnings.warn("what was counted does not add up: " + "; ".join(provenance["problems"][:5]), stacklevel=3)
    asked = (setup.names, setup.parameters, setup.own, setup.outcome, setup.better, setup.keys)
    return Comparison(*asked, values, setup.first, provenance, posterior, twins)


def plan(
    case,
    campaigns,
    *,
    outcome="active",
    at="end",
    half_width=None,
    max_pairs=None,
    pairs=None,
    seed=1,
    budget=None,
    scale=(),
    until=None,
    months=(),
    overrides=(),
    village=None,
    since=None,
    better=None,
    progress=None,
    processes=None,
    behavior=behaviors.POSTERIOR,
) -> Plan:
    """What `compare` with the same arguments will take; runs two pairs, the first of which may compile, and times the second."""
    asked = (case, campaigns, outcome, at, half_width, max_pairs, pairs, seed, until, months, overrides, village, since, better, behavior)
    setup = _setup(*asked)
    processes = None if processes is None else _whole("processes", processes, 1, 1024)
    if budget is not None:
        for parameters, names in zip(setup.parameters, _to_scale(setup, tuple(scale))):
            if parameters.campaign.levers:
                budgets.scale(parameters, names, 1.0)  # raises where it cannot be
    elif scale:
        raise InputError(NO_BUDGET)
    work = _work(_branched(setup))
    one = [work(pair)["seconds"] for pair in (0, 1)][1]

    def wall(count: int) -> float:
        seconds = (count + setup.twins) * one + behaviors.solving_seconds(setup.own, setup.posterior, setup.seed, count)
        alone = seconds <= SERIAL_SECONDS if processes is None else processes == 1
        return seconds if alone else START_SECONDS + seconds / min(processes or available(), count)

    fitting = 0.0 if budget is None else USUAL_TRIALS * budgets.PILOTS * one
    working = processes or (available() if setup.first * one > SERIAL_SECONDS else 1)
    return Plan(setup.names, setup.first, setup.most, working, one, wall(setup.first), wall(setup.most), fitting)


# ------------------------------------------------------------------ the unit of work


def _work(setup: Setup) -> Callable[[int], dict]:
    solve(setup.own)  # once, for all processes: of village, scheme and behavior, which all share; draws start from what is known of it
    campaigns = tuple(p.campaign for p in setup.parameters)
    week = None if setup.since is None else step_of(setup.own, setup.since)
    return functools.partial(_pair, campaigns, setup.own, setup.posterior, setup.twins, week, setup.seed, setup.keys)


def _pair(
    campaigns: tuple[Campaign, ...], own: Parameters, posterior: Posterior | None, twins: int, week: int | None, seed: int,
    keys: tuple[Key, ...], replicate: int,
) -> dict:  # fmt: skip
    """One village under every campaign: values float64 [campaign, key] (NaN: no denominator), digests and problems of the runs, seconds
    of wall time. Each run is the one that `replicate.one` would make of its campaign; with `week`, that of `own` before this step. The
    first `twins` pairs also give `twin`: the values with the same draw and other luck."""
    began = time.perf_counter()
    own = behaviors.solved(own, posterior, seed, replicate)
    found = _under(campaigns, own, week, seed, keys, replicate)
    found |= {"solved": {name: getattr(own.village, name) for name in SOLVED}, "seconds": time.perf_counter() - began}
    if replicate < twins:
        twin = _under(campaigns, own, week, seed, keys, replicate + OTHER)
        found |= {"twin": twin["values"], "problems": found["problems"] + twin["problems"]}
    return found


def _under(campaigns: tuple[Campaign, ...], own: Parameters, week: int | None, seed: int, keys: tuple[Key, ...], replicate: int) -> dict:
    """One village, burnt in once, under every campaign."""
    past = build(own, seed, replicate)
    given = [own.model_copy(update={"campaign": campaign}) for campaign in campaigns]
    worlds = (fork(past, p) if week is None else switched(past, week, p) for p in given)
    found = [measured(world, keep_weekly=False, wanted=keys) for world in worlds]
    values = np.array([[run["values"].get(key, np.nan) for key in keys] for run in found])
    return {"values": values, "digests": [run["digest"] for run in found], "problems": [text for run in found for text in run["problems"]]}


def _gather(work: Callable, setup: Setup, told: Callable, processes: int | None) -> tuple[list[dict], int]:
    """Answers of pairs 0, 1, ..., as many as are needed; and how many the half-width would need had there been no limit.

    Until the first stage is in, pairs beyond it may be begun; what is not needed in the end is dropped.
    """
    done: dict[int, dict] = {}
    wanted, needed, solid = setup.most, None, 0  # solid: so many from the first on are in
    total = lambda: setup.first if needed is None else wanted  # noqa: E731

    def take(pair: int, answer: dict | Lost) -> bool:
        """Keep an answer; is there enough?"""
        nonlocal wanted, needed, solid
        if isinstance(answer, Lost):
            raise RuntimeError(f"pair {pair}: {answer.reason}")
        done[pair] = answer
        while solid in done:
            solid += 1
        if needed is None and solid >= setup.first:
            needed = _needed(np.stack([done[k]["values"] for k in range(setup.first)]), setup)
            wanted = min(needed, setup.most)
        told(min(len(done), total()), total(), "first" if needed is None else "rest")
        return needed is not None and solid >= wanted

    told(0, total(), "first")
    here = 2 if processes is None else 0  # the first may compile, the second is timed
    if any(take(pair, work(pair)) for pair in range(here)):
        return [done[k] for k in range(wanted)], needed
    if processes is None:
        ahead = behaviors.solving_seconds(setup.own, setup.posterior, setup.seed, total())
        processes = 1 if ahead + (total() - here) * done[1]["seconds"] <= SERIAL_SECONDS else available()
    todo = itertools.takewhile(lambda pair: pair < wanted, itertools.count(here))
    with contextlib.closing(local(work, todo, processes=min(processes, setup.most - here))) as coming:
        any(take(pair, answer) for pair, answer in coming)
    return [done[k] for k in range(wanted)], needed


def _needed(first: np.ndarray, setup: Setup) -> int:
    """Pairs for the half-width from the first stage [pair, campaign, key]."""
    if setup.half_width is None:
        return setup.first
    values = first[:, :, setup.keys.index(setup.outcome)]
    which = list(combinations(range(len(setup.names)), 2))
    return stopping.pairs_needed(comparison.differences(values, which), setup.half_width, MOST_PAIRS)


# ------------------------------------------------------------------ what was asked


def _setup(
    case, campaigns, outcome, at, half_width, max_pairs, pairs, seed, until, months, overrides, village, since, better, behavior
) -> Setup:
    """Everything checked before anything runs."""
    posterior = behaviors.choose(behavior)
    case, seed, since, has, behavior, posterior = _past(case, seed, since, behavior, posterior)
    title, names, parameters, own = in_case(case, campaigns, until, overrides, village)
    for name, given in zip(names, parameters):
        if lost := idle(given):
            warnings.warn(f"campaign {name}: lies outside of the run ({given.start} to {given.until}): {', '.join(lost)}", stacklevel=3)
    seed = _whole("seed", seed, 0, 2**32 - 1)
    if half_width is not None and (isinstance(half_width, bool | str) or not 0 < half_width < math.inf):
        raise InputError(f"half_width = {half_width!r}: not allowed; allowed: a number above 0, in the unit of the outcome")
    if half_width is None:
        first = most = _pairs("pairs", pairs, USUAL_PAIRS, has)
    else:
        most = _pairs("max_pairs", max_pairs, USUAL_MOST, has)
        first = min(stopping.FIRST, most)
    if better not in (None, "more", "less"):
        raise InputError(f"better = {better!r}: not allowed; allowed: more, less")
    head, grouped, group = str(outcome).partition("/")
    measure, dated, month = head.partition("@")
    if dated:
        if at not in ("end", month) and str(at) != month:
            raise InputError(f"outcome = {outcome!r} and at = {at!r} name two dates; give one of them")
        at = month
    where = _date(at, own)
    if since is not None:
        since = date_of("since", since)
        step_of(own, since)
        if dt.date.fromisoformat(where["date"]) <= since:
            raise InputError(f"at = {at!r}: not after since = {since}; until then all campaigns are the same")
    later = [str(m) for m in months if add_months(parameters[0].start, _whole("months", m, 1, 1200)) <= parameters[0].until]
    dated = "" if where["label"] == "end" else f"@{where['label']}"
    key = key_of(f"{measure}{dated}{grouped}{group}", parameters[0])
    kept = [k for label in dict.fromkeys([where["label"], "end", *later]) for k in _headline(parameters[0], label)]
    keys = tuple(dict.fromkeys([key, *kept]))
    better = better or comparison.better_of(key)
    return Setup(title, names, parameters, key, where, better, keys, half_width, first, most, seed, own, since, behavior, posterior)


def _past(case, seed: int, since, behavior, posterior):
    """(case, seed, since, replicates, behavior, posterior) of a folder that `branch.save` made, or of a `branch.Past`; anything else as it
    is, without end."""
    if isinstance(case, str | Path) and (Path(case) / "state.json").is_file():
        case = branch.load(case)
    if not isinstance(case, branch.Past):
        return case, seed, since, MOST_PAIRS, behavior, posterior
    if since is not None and date_of("since", since) != case.at:
        raise InputError(f"since = {since}: not allowed with a past that was kept on {case.at}; allowed: that day, or none")
    if case.posterior is not None and behavior == behaviors.POINT:
        raise InputError(f"behavior = {behavior!r}: not allowed with a past whose replicates have draws; save it again with that behavior")
    if case.posterior is None:
        return case.parameters, case.seed, case.at, case.replicates, behaviors.POINT, None
    return case.parameters, case.seed, case.at, case.replicates, behaviors.POSTERIOR, case.posterior


def _pairs(name: str, given: int | None, usual: int, has: int) -> int:
    """How many pairs: what was asked for, else the usual number. has: replicates of the past."""
    wanted = min(usual, has) if given is None else _whole(name, given, 2, MOST_PAIRS)
    if not 2 <= wanted <= has:
        allowed = f"allowed: 2 to {has}, or save it with more" if has > 1 else "a comparison takes 2: save it with more"
        raise InputError(f"{name} = {wanted}: the past was kept with {has} replicate{'s' * (has > 1)}; {allowed}")
    return wanted


def _headline(parameters: Parameters, label: str) -> list[Key]:
    """What is kept of every run at a date."""
    groups = {"sex": ("female", "male"), "occupation": [o.name for o in parameters.village.occupations], "income_fifth": "12345"}
    people = [("active_share", label, kind, name) for kind, names in groups.items() for name in names]
    return [*((name, label, "all", "all") for name in (*PEOPLE, *MONEY)), *people]


def _date(at, parameters: Parameters) -> dict:
    """Where in the run the outcome is taken: label ("end" or a month), date, and what was asked for."""
    start, until = parameters.start, parameters.until
    dates = {"end": until} | {str(m): add_months(start, m) for m in range(1, 1201) if add_months(start, m) <= until}
    asked = at if isinstance(at, str | dt.date) else str(_whole("at", at, 1, 1200))
    if isinstance(asked, str) and asked.count("-") == 2:
        with contextlib.suppress(ValueError):
            asked = dt.date.fromisoformat(asked)
    if isinstance(asked, dt.date):
        if not start < asked <= until:
            raise InputError(f"at = {asked}: not in the run; allowed: a date after {start}, up to {until}")
        label = next((label for label, day in dates.items() if day == asked), asked.isoformat())
        dates[label] = asked
    else:
        label = asked.strip()
        if label not in dates:
            last = max((int(m) for m in dates if m != "end"), default=0)
            months = f"a month from 1 to {last}, " if last else ""
            raise InputError(f"at = {at!r}: not in the run; allowed: end, {months}a date after {start}, up to {until}")
    return {"label": label, "date": dates[label].isoformat(), "asked": str(at)}


def _whole(name: str, value, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise InputError(f"{name} = {value!r}: not allowed; allowed: a whole number from {low} to {high}")
    return int(value)


# ------------------------------------------------------------------ equal budgets, provenance


def _to_scale(setup: Setup, names: tuple[str, ...]) -> list[list[str]]:
    """The levers to scale of each campaign: those of the names that it has (none of them: all that can be scaled)."""
    known = {lever.name for p in setup.parameters for lever in p.campaign.levers}
    for name in names:
        if name not in known:
            budgets.scale(next(p for p in setup.parameters if p.campaign.levers), [name], 1.0)  # says what there is
    return [[lever.name for lever in p.campaign.levers if lever.name in names] for p in setup.parameters]


def _fit(setup: Setup, budget: int | None, scale: tuple[str, ...], told: Callable) -> tuple[Setup, dict | None]:
    """The setup with campaigns that spend the budget, and a report; campaigns without levers (nothing is done) stay as they are."""
    if budget is None and scale:
        raise InputError(NO_BUDGET)
    if budget is None:
        return _branched(setup), None
    out, report = [], {}
    pilots = budgets.PILOTS if setup.posterior is None else min(budgets.PILOTS, len(setup.posterior.rows))  # a past has those of its own
    for name, parameters, levers in zip(setup.names, setup.parameters, _to_scale(setup, scale)):
        if parameters.campaign.levers:
            fitted = budgets.to_budget(
                parameters, budget, levers=levers, seed=setup.seed, at=setup.at["label"], own=setup.own, since=setup.since,
                posterior=setup.posterior, pilots=pilots, title=name,
                progress=lambda tried: told(tried, max(tried, USUAL_TRIALS), "budget"),
            )  # fmt: skip
            parameters, report[name] = parameters.model_copy(update={"campaign": fitted.parameters.campaign}), fitted.report()
        out.append(parameters)
    return _branched(setup._replace(parameters=tuple(out))), {"rupiah": int(budget), "campaigns": report}


def _branched(setup: Setup) -> Setup:
    """The setup with the campaigns as they run: with `since`, after the past of the case's own."""
    if setup.since is None:
        return setup
    return setup._replace(parameters=tuple(gone_on(setup.own, p, setup.since) for p in setup.parameters))


def _provenance(setup: Setup, answers: list[dict], fitted: dict | None) -> dict:
    """Where the numbers come from. run_id: twelve hex digits that name what is computed."""
    about = []
    for name, given in zip(setup.names, setup.parameters):
        about.append({"name": name, "title": given.campaign.title, "hash": content_hash(given), "idle": idle(given)})
    asked = {"outcome": text_of(setup.outcome), "half_width": setup.half_width, "max_pairs": setup.most, "first_pairs": setup.first}
    asked["since"] = setup.since and setup.since.isoformat()
    keys = [text_of(key) for key in setup.keys]
    past = setup.since and content_hash(setup.own)
    identity = [[c["hash"] for c in about], past, CODE, setup.seed, setup.better, asked, keys]
    identity += [setup.posterior.digest] if setup.posterior else []
    digests = "".join(digest for answer in answers for digest in answer["digests"])
    problems = Counter(text for answer in answers for text in answer["problems"])
    return {
        "run_id": hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:12], "title": setup.title, "campaigns": about, "code": CODE,
        "seed": setup.seed, **asked, "at": setup.at, "better": setup.better, "budget": fitted,
        "pair_seconds": round(float(np.median([answer["seconds"] for answer in answers])), 4),
        "digest": hashlib.sha256(digests.encode()).hexdigest()[:16],
        "solved": {name: float(np.median([answer["solved"][name] for answer in answers])) for name in SOLVED},
        "behavior": behaviors.about(setup.behavior, setup.posterior, setup.own, setup.twins),
        "grades": grades(setup.parameters, setup.posterior),
        "problems": [f"{n} runs of {len(answers) * len(about)}: {text}" for text, n in problems.items()],
    }  # fmt: skip

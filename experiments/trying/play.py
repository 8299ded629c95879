"""One draw of a trial: its open context drawn, one number of it fitted to one arm, all arms simulated, everything measured.

    played = play(trial, behavior={"value_sd": 0.9}, seed=1, replicate=7)
    played.values["ID-JKN-1"]            the simulated effect of this draw

The people of each village are drawn anew for each village of each draw. The fitted arm keeps its people while its number is sought. What
was measured there is itself uncertain: every draw is fitted to another value within its standard error. Villages are larger than small
trials were, so that a draw shows the effect and little luck; the trial's own luck is in the standard errors of what was measured.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from experiments.trying.measures import followed, parse, step_of, terms, value
from scenarios.errors import ScenarioError, shown
from scenarios.trials import Fit, Trial, changed, concerns, load_trial
from simulation.parameters import InputError
from simulation.timeline import timeline
from simulation.world import World, build

#: evaluations of the fitted arm at most, and the share (of the range in logarithms) below which the search ends
TRIES, NARROW = 12, 1e-3
#: a fit is good when the arm shows what was measured within this, or within one person
CLOSE = 0.004
#: villages of one draw have replicate numbers of their own
WORLDS = 64


class Played(NamedTuple):
    """values by id of what was measured (NaN where nobody is counted); levels by (arm, measure); context by key; fitted: the value of the
    fitted number, and its miss: simulated less what it was fitted to (0 without a fit)."""

    values: dict[str, float]
    levels: dict[tuple[str, str], float]
    context: dict[str, float]
    fitted: float
    miss: float


def read(name_or_path) -> Trial:
    """A trial of `load_trial` whose measures are understood and lie in its run. Raises ScenarioError."""
    trial = load_trial(name_or_path)
    fit = trial.head.fit
    entries = [(f"measured.{m.id}.measure", arm, m.measure) for m in trial.head.measured for arm in m.weights]
    entries += [(f"measured.{m.id}.over_measure", arm, m.over_measure or m.measure) for m in trial.head.measured for arm in m.over]
    for where, arm, text in entries + ([("fit.measure", fit.arm, fit.measure)] if fit else []):
        try:
            measure = parse(text)
            for term in terms(measure):
                step_of(timeline(trial.worlds[_world(trial, arm)]), term.when)
            if measure.regressor and measure.regressor[1] not in _neighbors(trial, arm):
                raise InputError(
                    f"measure {text!r}: no arm {measure.regressor[1]!r} in the world of {arm}; known: {', '.join(_neighbors(trial, arm))}"
                )
        except InputError as error:
            raise ScenarioError(f"{shown(trial.files[0])}: {where}: {error}") from None
    return trial


def play(trial: Trial, behavior: Mapping[str, float] | None = None, *, seed: int = 1, replicate: int = 0) -> Played:
    """Simulate a trial once under a behavior (keys that differ from the default), with the context drawn by (seed, replicate)."""
    context = drawn(trial, seed, replicate)
    changes = {f"behavior.{key}": x for key, x in (behavior or {}).items()} | context
    own = {name: {key for arm in trial.head.arm if (arm.world or arm.name) == name for key in arm.change} for name in trial.worlds}
    mine = lambda name, p: {key: x for key, x in changes.items() if key not in own[name] and concerns(p, key)}  # noqa: E731
    worlds = {name: changed(p, mine(name, p)) for name, p in trial.worlds.items()}
    number = {name: replicate * WORLDS + k for k, name in enumerate(worlds)}
    wanted = _wanted(trial)
    shown: dict[str, tuple] = {}
    fitted, miss = float("nan"), 0.0
    fit = trial.head.fit
    if fit:
        home = _world(trial, fit.arm)

        def seen(x: float) -> tuple:
            world = build(changed(worlds[home], {fit.key: x}), seed, number[home])
            return world, followed(world, wanted[home])

        aim = fit.value + fit.se * float(np.random.Generator(np.random.PCG64([seed, replicate, 1])).standard_normal())
        fitted, miss, shown[home] = _fitted(fit, aim, seen, lambda at: _level(trial, fit.arm, fit.measure, *at))
        worlds = {name: changed(parameters, {fit.key: fitted}) for name, parameters in worlds.items()}
    for name, parameters in worlds.items():
        if name not in shown:
            world = build(parameters, seed, number[name])
            shown[name] = world, followed(world, wanted[name])
    levels = {pair: _level(trial, *pair, *shown[_world(trial, pair[0])]) for pair in pairs(trial)}
    values = {m.id: _combined(m, levels) for m in trial.head.measured}
    return Played(values, levels, context, fitted, miss)


def drawn(trial: Trial, seed: int, replicate: int) -> dict[str, float]:
    """The open context of one draw, by key."""
    rng = np.random.Generator(np.random.PCG64([seed, replicate]))
    out = {}
    for entry, u in zip(trial.head.context, rng.random(len(trial.head.context))):
        if entry.shape == "loguniform":
            x = math.exp(math.log(entry.low) + u * (math.log(entry.high) - math.log(entry.low)))
        else:
            x = entry.low + u * (entry.high - entry.low)
        out |= dict.fromkeys(entry.key.split(), float(x))
    return out


def pairs(trial: Trial) -> list[tuple[str, str]]:
    """(arm, measure) of everything that has to be known."""
    found = {}
    for m in trial.head.measured:
        found |= {(arm, m.measure): None for arm in m.weights}
        found |= {(arm, m.over_measure or m.measure): None for arm in m.over}
    return list(found)


def people(world: World, arm) -> np.ndarray:
    """Mask of an arm's workers."""
    draw = world.people.target_draw
    return (draw >= arm.band[0]) & (draw < arm.band[1]) if arm.band != [0.0, 1.0] else np.ones(len(draw), bool)


def _world(trial: Trial, arm: str) -> str:
    return trial.arms[arm].world or arm


def _neighbors(trial: Trial, arm: str) -> list[str]:
    """Arms that live in the same world."""
    return [name for name in trial.arms if _world(trial, name) == _world(trial, arm)]


def _wanted(trial: Trial) -> dict[str, set]:
    """What has to be looked at in each world."""
    asked = pairs(trial) + ([(trial.head.fit.arm, trial.head.fit.measure)] if trial.head.fit else [])
    out: dict[str, set] = {name: set() for name in trial.worlds}
    for arm, text in asked:
        out[_world(trial, arm)] |= set(terms(parse(text)))
    return out


def _level(trial: Trial, arm: str, text: str, world: World, columns: dict) -> float:
    arms = {name: people(world, trial.arms[name]) for name in _neighbors(trial, arm)}
    return value(parse(text), world, columns, arms[arm], arms)


def _combined(m, levels: dict) -> float:
    top = sum(weight * levels[arm, m.measure] for arm, weight in m.weights.items())
    if not m.over:
        return top
    bottom = sum(weight * levels[arm, m.over_measure or m.measure] for arm, weight in m.over.items())
    return top / bottom if bottom else float("nan")


@lru_cache(maxsize=4096)
def _probit(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(min(max(share, 1e-4), 1 - 1e-4))


def _fitted(fit: Fit, aim: float, seen, level) -> tuple[float, float, tuple]:
    """(value, miss, what was seen there): secant steps in (logarithm, probit), kept inside a bracket, bisection where they stall.

    The level is taken to rise with the number; luck is fixed, so it is a staircase. Where the range does not reach, its nearest end.
    """
    low, high = math.log(fit.low), math.log(fit.high)
    x, best = (low + high) / 2, None
    slope = 1.0
    last = None
    for _ in range(TRIES):
        at = seen(math.exp(x))
        got = level(at)
        gap = got - aim
        if best is None or abs(gap) < abs(best[1]):
            best = (x, gap, at)
        one = 1.0 / at[0].people.workers
        if abs(gap) <= max(CLOSE, one) or high - low < NARROW:
            break
        low, high = (low, x) if gap > 0 else (x, high)
        if last is not None and abs(x - last[0]) > 1e-9 and _probit(got) != _probit(last[1]):
            slope = max(0.05, (_probit(got) - _probit(last[1])) / (x - last[0]))
        last = (x, got)
        x = x + (_probit(aim) - _probit(got)) / slope
        if not low + 0.02 * (high - low) < x < high - 0.02 * (high - low):
            x = (low + high) / 2
    return math.exp(best[0]), best[1], best[2]

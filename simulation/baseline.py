"""The context that makes the no-campaign world stationary: three numbers nobody measures, solved from targets.

A village file says what is known before a campaign: the share of workers who know the program and the share with
cover in force. Solved for are `forget_prob` (awareness stays where it is), `median_value_rp` (as many join as stop)
and `start_coverage_share` (members at the first step of the burn-in, so that the run starts at the target). Method:
stochastic approximation (Robbins and Monro 1951; Polyak and Juditsky 1992 for the averaging): short no-campaign runs
of the kernel, each with another replicate of one fixed key, the three numbers moved against the gap with falling gain.
Of another behavior than the default the search starts where that of the default ended, and takes few steps that use how the
numbers answer to the gaps. The answer is a function of village, scheme and behavior alone, the same for every seed,
replicate and campaign, and whatever was solved before.
"""

import datetime as dt
import functools
import hashlib
import json
import math
import os
from pathlib import Path

from simulation import cache
from simulation.assembly import assemble
from simulation.parameters import Behavior, Campaign, Parameters

ROUNDS = 48
#: the same from a known neighbor, and how boldly it begins
NEAR_ROUNDS, NEAR_GAIN = 12, 1.0
#: how far each number (in logs) is moved for a gap of one, at first, and at most
GAINS, STEP = {"median_value_rp": 0.4, "forget_prob": 0.6, "start_coverage_share": 0.6}, 0.4
SAMPLE_WORKERS = 3000
SEED = 20181205
#: steps before and during the two years whose drift is brought to zero
BEFORE, DURING = 104, 104
SOLVED = ("median_value_rp", "forget_prob", "start_coverage_share")
BOUNDS = {"median_value_rp": (1.0, 10_000_000.0), "forget_prob": (1e-5, 0.5), "start_coverage_share": (0.0005, 0.8)}


def solve(parameters: Parameters) -> Parameters:
    """Parameters with the three numbers of `village` filled in (what is given is kept).

    Where limits switch the everyday rules off (section 9) nothing is stationary: nobody forgets, the median value is
    the price and members start at their target. The same where the coverage target is zero or there are no ties.
    """
    village, limits = parameters.village, parameters.limits
    if all(getattr(village, name) is not None for name in SOLVED):
        return parameters
    everyday = not (limits.join_on_hearing or limits.threshold or limits.pass_once or limits.silence_prob or limits.lapse_prob)
    everyday &= limits.billing_months > 0 and limits.sale_until_week is None and limits.sale_from_week == 0 and limits.turnover
    if everyday and village.baseline_coverage_share > 0.0 and village.degree_mean > 0.0:
        found = _stored(_question(parameters))
    else:
        price = float(max(1, parameters.scheme.at(parameters.start).price_rp))
        found = {"median_value_rp": price, "forget_prob": 0.0, "start_coverage_share": village.baseline_coverage_share}
    given = {name: getattr(village, name) for name in SOLVED if getattr(village, name) is not None}
    return parameters.model_copy(update={"village": village.model_copy(update=found | given)})


def known(parameters: Parameters) -> bool:
    """Is there nothing to solve, or is the answer kept on this machine?"""
    path = None if all(getattr(parameters.village, name) is not None for name in SOLVED) else _place(_question(parameters))
    return path is None or path.exists()


def _question(parameters: Parameters) -> str:
    """What the answer depends on, as canonical JSON: the village at sample size, behavior, the rule in force, step length."""
    village = parameters.village
    workers = village.workers if village.people_file else SAMPLE_WORKERS
    asked = parameters.model_copy(
        update={
            "village": village.model_copy(update={"workers": workers, "title": ""}),
            "scheme": parameters.scheme.model_copy(update={"rules": [parameters.scheme.at(parameters.start)]}),
            "campaign": Campaign(),
            "burn_in_weeks": BEFORE,
            "until": min(parameters.start + dt.timedelta(days=DURING * parameters.limits.step_days), dt.date(9999, 1, 1)),
            "limits": parameters.limits.model_copy(update={"exposure_weeks": []}),
        }
    )
    return json.dumps(asked.model_dump(mode="json"), sort_keys=True)


@functools.lru_cache(maxsize=1024)
def _stored(question: str) -> dict[str, float]:
    """The answer, kept beside the compiled kernel: the folder's name changes with the code, the file's with the question."""
    path = _place(question)
    try:
        return json.loads(path.read_text())
    except (AttributeError, OSError, ValueError):
        pass
    found = _answer(Parameters.model_validate_json(question))
    try:
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.write_text(json.dumps(found))
        part.replace(path)
    except (AttributeError, OSError):
        pass  # an unwritable cache costs a second, no more
    return found


def _place(question: str) -> Path | None:
    """The file of an answer; None where there is no folder for it."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    name = hashlib.sha256((_model_hash() + question).encode()).hexdigest()[:24]
    return Path(folder) / f"baseline-{name}.json" if folder else None


@functools.cache
def _model_hash() -> str:
    return cache.model_hash()


def _answer(parameters: Parameters) -> dict[str, float]:
    """From the default behavior's answer where that is a start and all three numbers are asked for; else from afar."""
    usual = parameters.model_copy(update={"behavior": Behavior()})
    if parameters == usual or any(getattr(parameters.village, name) is not None for name in SOLVED):
        return _approximate(parameters)
    return _from_neighbor(parameters, _stored(json.dumps(usual.model_dump(mode="json"), sort_keys=True)))


def _approximate(parameters: Parameters) -> dict[str, float]:
    """The three numbers by stochastic approximation; each round is one replicate of burn-in and two years."""
    village = parameters.village
    now = {
        "median_value_rp": math.log(village.median_value_rp or 2.5 * max(1, parameters.scheme.rules[0].price_rp)),
        "forget_prob": math.log(village.forget_prob or 0.02),
        "start_coverage_share": _logit(village.start_coverage_share or village.baseline_coverage_share),
    }
    return _settled(parameters, now, ROUNDS, 1.0)


def _from_neighbor(parameters: Parameters, known: dict[str, float]) -> dict[str, float]:
    """The same from numbers that are near, in fewer rounds."""
    now = {"median_value_rp": math.log(known["median_value_rp"]), "forget_prob": math.log(known["forget_prob"])}
    return _settled(parameters, now | {"start_coverage_share": _logit(known["start_coverage_share"])}, NEAR_ROUNDS, NEAR_GAIN)


def _settled(parameters: Parameters, now: dict[str, float], rounds: int, gain: float) -> dict[str, float]:
    """The numbers (logarithms, logit) moved against their gaps with falling gain; the mean of the later half of the rounds."""
    village, kept = parameters.village, []
    edges = _edges(village)
    for turn in range(rounds):
        gaps = _gaps(parameters, now, turn)
        falling = gain / (1.0 + turn / 6.0) ** 0.7
        for name in SOLVED:
            if getattr(village, name) is None:
                now[name] = _clip(now[name] + _clip(-GAINS[name] * falling * gaps[name], (-STEP, STEP)), edges[name])
        if turn >= rounds // 2:
            kept.append(dict(now))
    mean = {name: sum(k[name] for k in kept) / len(kept) for name in SOLVED}
    return {name: round(value, 6) for name, value in _natural(mean).items()}


def _gaps(parameters: Parameters, now: dict[str, float], turn: int) -> dict[str, float]:
    """Run once with these numbers: what each of them answers for, less its target (differences of logits).

    The value answers for coverage at the end, the members of the first step for coverage when the run begins: where stopping is quick they
    have little to say there, and the value alone brings both to the target.
    """
    village = parameters.village
    asked = parameters.model_copy(update={"village": village.model_copy(update=_natural(now))})
    run = assemble(asked, SEED, turn)
    run.advance()
    counts = run.village.counts.sum(axis=1) / run.people.workers
    first, last = counts[BEFORE - 13 : BEFORE + 13, 9].mean(), counts[-26:, 9].mean()
    target = _logit(village.baseline_coverage_share)
    return {
        "median_value_rp": _logit(last) - target, "start_coverage_share": _logit(first) - target,
        "forget_prob": _logit(village.baseline_awareness_share) - _logit(1.0 - counts[BEFORE:, 0].mean()),
    }  # fmt: skip


def _natural(now: dict[str, float]) -> dict[str, float]:
    share = 1.0 / (1.0 + math.exp(-now["start_coverage_share"]))
    return {"median_value_rp": math.exp(now["median_value_rp"]), "forget_prob": math.exp(now["forget_prob"]), "start_coverage_share": share}


def _edges(village) -> dict[str, tuple[float, float]]:
    """Where the numbers are sought: members of the first step within four times the target, either way."""
    target = village.baseline_coverage_share
    start = (max(BOUNDS["start_coverage_share"][0], target / 4), min(BOUNDS["start_coverage_share"][1], 4 * target))
    edges = {name: (math.log(low), math.log(high)) for name, (low, high) in BOUNDS.items()}
    return edges | {"start_coverage_share": (_logit(start[0]), _logit(start[1]))}


def _logit(share: float) -> float:
    share = _clip(share, (0.001, 0.999))
    return math.log(share / (1.0 - share))


def _clip(x: float, bounds: tuple[float, float]) -> float:
    return min(max(x, bounds[0]), bounds[1])

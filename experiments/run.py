"""One scenario, many replicates: `run` gives a `Result`, `one` is its unit of work, `load` reads a saved Result.

    result = run("lerep", replicates=20, seed=1)       # a name, a file, a Scenario or Parameters
    result.table(["registered", "active", "paying"], group_kind="all")
    result.save("out/lerep")

Replicates 0, 1, ... of one seed, in this process or in several: the numbers are the same whatever the number of processes. Each has
a draw of behavior from the posterior and luck of its own (`behavior="point"`: the scenario's behavior, so that luck alone differs).
"""

import contextlib
import datetime as dt
import functools
import hashlib
import json
import platform
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

import numpy as np

from experiments.engines import CODE, Lost, available, local
from experiments.recipes import of_run, remember
from experiments.running import behavior as behaviors
from experiments.running.grades import grades
from experiments.running.luck import OTHER, twins_of
from experiments.running.replicate import MONTHS, checkpoints, one
from experiments.running.result import Result, load, refuse_others, spread
from scenarios.loader import Scenario, content_hash
from scenarios.loader import load as load_scenario
from scenarios.posterior import Posterior
from simulation.baseline import SOLVED, solve
from simulation.parameters import InputError, Parameters

#: work estimated to take less is done in this process: starting others takes a second or two
SERIAL_SECONDS = 3.0
__all__ = ["MONTHS", "Result", "checkpoints", "load", "one", "refuse_others", "run", "run_id", "spread", "versions"]


def run(
    scenario: Scenario | Parameters | str | Path,
    *,
    replicates: int = 20,
    seed: int = 1,
    until: dt.date | str | None = None,
    months: Iterable[int] = MONTHS,
    keep_weekly: bool = True,
    progress: Callable[[int, int], None] | None = None,
    processes: int | None = None,
    behavior: str | Posterior = behaviors.POSTERIOR,
) -> Result:
    """Run replicates 0 to `replicates` - 1 of a scenario under one seed and measure them.

    behavior: "posterior" (a draw for each replicate; where none is shipped as "point"), "point" (that of the scenario), or draws of
    one's own (`scenarios.posterior.read`). Some replicates are then run twice, see `running.luck`; that changes no number of the run.
    until replaces the day the run ends before; months after it are left out of the measures. progress is called in this
    thread with (done, total). processes: None decides by the work left after two replicates; what it raises ends the run.
    Raises InputError (a ValueError) for what cannot be run.
    """
    told = progress or (lambda done, total: None)
    scenario, observed, about = _scenario(scenario, until)
    months = tuple(sorted({_whole_number("months", m, 1, 1200) for m in months}))
    replicates, seed = _whole_number("replicates", replicates, 1, 2**32), _whole_number("seed", seed, 0, 2**32 - 1)
    processes = None if processes is None else _whole_number("processes", processes, 1, 1024)
    posterior = behaviors.choose(behavior)
    twins = twins_of(replicates) if posterior else 0
    started, began = dt.datetime.now(dt.UTC), time.perf_counter()
    told(0, replicates)
    solve(scenario)  # once, for all processes: their draws start from what is known of the default behavior
    work = functools.partial(_one, scenario, posterior, twins, seed, months=months, observed=observed, keep_weekly=keep_weekly)
    ahead = behaviors.solving_seconds(scenario, posterior, seed, replicates) if processes is None else 0.0
    done = _distributed(work, replicates, told, processes, ahead)
    identity = {"scenario": about["hash"], "code": CODE, "seed": seed, "replicates": replicates, "months": months}
    identity["posterior"] = posterior and posterior.digest
    provenance = {
        "run_id": run_id(**identity), "scenario": about, "code": CODE, "seed": seed, "replicates": replicates, "months": list(months),
        "versions": versions(), "started": started.isoformat(timespec="seconds"), "wall_seconds": round(time.perf_counter() - began, 3),
        "replicate_seconds": round(float(np.median([d["seconds"] for d in done])), 4),
        "digest": hashlib.sha256("".join(d["digest"] for d in done).encode()).hexdigest()[:16],
        "problems": [f"{n} of {replicates} replicates: {text}" for text, n in Counter(t for d in done for t in d["problems"]).items()],
        "solved": {name: float(np.median([d["solved"][name] for d in done])) for name in SOLVED},
        "behavior": behaviors.about(behavior, posterior, scenario, twins), "grades": grades([scenario], posterior),
    }  # fmt: skip
    if provenance["problems"]:
        warnings.warn("what was counted does not add up: " + "; ".join(provenance["problems"][:5]), stacklevel=2)
    result = Result.of(done, scenario, observed, provenance, behaviors.used(posterior, seed, replicates))
    remember("run", provenance["run_id"], of_run(result))
    return result


def _one(scenario: Parameters, posterior: Posterior | None, twins: int, seed: int, replicate: int, **how) -> dict:
    """`one` with the replicate's draw, and with `solved`; the first `twins` replicates also with `twin`: values under other luck."""
    began = time.perf_counter()
    parameters = behaviors.solved(scenario, posterior, seed, replicate)
    found = one(parameters, seed, replicate, **how)
    found |= {"solved": {name: getattr(parameters.village, name) for name in SOLVED}, "seconds": time.perf_counter() - began}
    if replicate < twins:
        twin = one(parameters, seed, replicate + OTHER, months=how["months"], keep_weekly=False)
        found |= {"twin": twin["values"], "problems": list(dict.fromkeys(found["problems"] + twin["problems"]))}
    return found


def _distributed(work: Callable, replicates: int, told: Callable, processes: int | None, ahead: float) -> list[dict]:
    """Payloads of all replicates in order: two made here, the rest by other processes where that saves time. ahead: seconds of work
    that are known of beforehand."""
    done: dict[int, dict] = {}

    def make(wanted: range, processes: int) -> None:
        with contextlib.closing(local(work, wanted, processes=min(processes, max(1, len(wanted))))) as made:
            for replicate, payload in made:
                if isinstance(payload, Lost):
                    raise RuntimeError(f"replicate {replicate} cannot be run: {payload.reason}")
                done[replicate] = payload
                told(len(done), replicates)

    if processes is None:
        make(range(min(2, replicates)), 1)  # the first may compile, the second is timed
        much = ahead + (replicates - len(done)) * done[len(done) - 1]["seconds"] > SERIAL_SECONDS
        processes = available() if much else 1
    make(range(len(done), replicates), processes)
    return [done[r] for r in range(replicates)]


def run_id(scenario: str, code: str, seed: int, replicates: int, months: Iterable[int], posterior: str | None = None) -> str:
    """Twelve hex digits that name what is computed: scenario hash, code version, seed, replicates, months reported, and the digest of
    the draws of behavior, where there are any."""
    identity = [scenario, code, seed, replicates, list(months), *([posterior] if posterior else [])]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:12]


def versions() -> dict[str, str]:
    """Versions of everything that could move a digit."""
    found = {"python": platform.python_version()}
    for name in ("sadar", "numpy", "numba", "mesa", "pandas"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _scenario(given, until) -> tuple[Parameters, tuple, dict]:
    """Parameters, observations and what the result remembers of where they came from."""
    if isinstance(given, str | Path):
        given = load_scenario(given)
    parameters = given.parameters if isinstance(given, Scenario) else given
    if not isinstance(parameters, Parameters):
        raise InputError(f"run: needs a scenario's name or file, a Scenario or Parameters, got {type(given).__name__}")
    if until is not None:
        try:
            day = dt.date.fromisoformat(until) if isinstance(until, str) else until
        except ValueError:
            raise InputError(f"until = {until!r}: not allowed; allowed: a date such as 2019-12-31") from None
        if day <= parameters.start:
            raise InputError(f"until = {day}: not allowed; allowed: a date after the start, {parameters.start}")
        parameters = parameters.model_copy(update={"until": day})
    name, title = (given.name, given.title) if isinstance(given, Scenario) else ("", parameters.village.title)
    about = {"name": name, "title": title, "campaign": parameters.campaign.title, "hash": content_hash(parameters)}
    return parameters, given.observed if isinstance(given, Scenario) else (), about


def _whole_number(name: str, value, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise InputError(f"{name} = {value!r}: not allowed; allowed: a whole number from {low} to {high}")
    return int(value)

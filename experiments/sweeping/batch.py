"""The unit of work of sweeps: some runs in a row, each built, run and measured; what fails becomes a row with its reason.

A worker gets plain values and gives plain values back, whichever engine carries them. Runs beside each other that differ
by their campaign alone share people, network and burn-in: the same past is forked, not run again.
"""

import contextlib
import functools
import hashlib
import json
import time
from typing import NamedTuple

import numpy as np

from experiments.engines import CODE
from experiments.running.replicate import measured
from experiments.sweeping.paths import parameters_of
from scenarios.loader import content_hash
from simulation.baseline import solve
from simulation.branch import fork
from simulation.parameters import Parameters
from simulation.world import World, build

OK, FAILED = "ok", "failed"


class Run(NamedTuple):
    """One run of a sweep: its number, the design point, the replicate, and what the point says."""

    number: int
    point: int
    replicate: int
    base: int
    overrides: dict


class Frame(NamedTuple):
    """What all runs of a sweep share. `bases`: resolved parameters as JSON text; `keys`: what is measured, as `keys.key_of` gives it."""

    bases: tuple[str, ...]
    seed: int
    keys: tuple[tuple[str, str, str, str], ...]
    weekly: bool


def run_batch(runs: tuple[Run, ...], frame: Frame) -> dict:
    """Run some runs. Gives `columns` as lists (run, point, replicate, run_id, scenario, status, reason, digest), `values` float64
    [run, key], `weekly` (int64 [step, column] for each run, None where it failed; None where none are kept), `seconds` of wall time
    without what is done once for a point (solving for its baseline)."""
    seconds, rows, values, weekly, past = 0.0, [], np.full((len(runs), len(frame.keys)), np.nan), [], None
    for k, run in enumerate(runs):
        with contextlib.suppress(Exception):  # the row will say what is wrong
            _point(*_asked(run, frame))
        began = time.perf_counter()
        again = k + 1 < len(runs) and runs[k + 1].replicate == run.replicate
        row, found, past = _row(run, frame, past, again)
        seconds += time.perf_counter() - began
        rows.append(row)
        if found:
            values[k] = [found["values"].get(key, np.nan) for key in frame.keys]
        weekly.append(found["weekly"] if found else None)
    return _batch(rows, values, weekly if frame.weekly else None, seconds)


def failed(runs: tuple[Run, ...], frame: Frame, reason: str) -> dict:
    """What `run_batch` would give had every run failed for one reason (its process died)."""
    rows = [_about(run) | {"reason": reason} for run in runs]
    return _batch(rows, np.full((len(runs), len(frame.keys)), np.nan), [None] * len(runs) if frame.weekly else None, 0.0)


def _batch(rows: list[dict], values: np.ndarray, weekly: list | None, seconds: float) -> dict:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return {"columns": columns, "values": values, "weekly": weekly, "seconds": seconds}


def _row(run: Run, frame: Frame, past: World | None, again: bool) -> tuple[dict, dict | None, World | None]:
    """One run as a row, what was measured, and the burnt-in village where the next run may share it (`again`)."""
    row = _about(run)
    try:
        parameters, row["scenario"] = _point(*_asked(run, frame))
        row["run_id"] = run_id(row["scenario"], frame.seed, run.replicate)
        if past is None or past.replicate != run.replicate or not _same_past(past.parameters, parameters):
            past = build(parameters, frame.seed, run.replicate)
        world = fork(past, parameters) if again or past.parameters is not parameters else past
        found = measured(world, keep_weekly=frame.weekly, wanted=frame.keys)
        if found["problems"]:
            raise ArithmeticError("what was counted does not add up: " + "; ".join(found["problems"][:3]))
    except Exception as error:  # a row with its reason, so that the rest goes on
        return row | {"reason": f"{type(error).__name__}: {error}"[:2000]}, None, None
    return row | {"status": OK, "digest": found["digest"]}, found, past if again else None


def _same_past(a: Parameters, b: Parameters) -> bool:
    return all(getattr(a, name) == getattr(b, name) for name in Parameters.model_fields if name not in ("campaign", "until"))


def _about(run: Run) -> dict:
    about = {"run": run.number, "point": run.point, "replicate": run.replicate}
    return about | {"run_id": "", "scenario": "", "status": FAILED, "reason": "", "digest": ""}


def _asked(run: Run, frame: Frame) -> tuple[str, str]:
    return frame.bases[run.base], json.dumps(run.overrides, sort_keys=True)


@functools.lru_cache(maxsize=64)
def _point(base: str, overrides: str) -> tuple[Parameters, str]:
    """Solved parameters of a design point, and the hash of what was asked."""
    asked = parameters_of(json.loads(base), json.loads(overrides))
    return solve(asked), content_hash(asked)


def run_id(scenario: str, seed: int, replicate: int, code: str = CODE) -> str:
    """Twelve hex digits that name one run: scenario hash, code version, seed, replicate."""
    return hashlib.sha256(json.dumps([scenario, code, seed, replicate]).encode()).hexdigest()[:12]

"""One scenario, many replicates: `run` gives a `Result`, `one` is its unit of work, `load` reads a saved Result.

    result = run("lerep", replicates=20, seed=1)       # a name, a file, a Scenario or Parameters
    result.table(["registered", "active", "paying"], group_kind="all")
    result.save("out/lerep")

Replicates 0, 1, ... of one seed, in this process or in several: the numbers are the same whatever the number of processes.
"""

import contextlib
import datetime as dt
import functools
import glob
import hashlib
import json
import math
import multiprocessing
import os
import platform
import secrets
import shutil
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from multiprocessing import connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from scenarios.loader import Observation, Scenario, content_hash
from scenarios.loader import load as load_scenario
from simulation import cache, ledger, outcomes
from simulation.baseline import SOLVED, solve
from simulation.parameters import InputError, Parameters
from simulation.stages import Event, Measure
from simulation.timeline import Timeline, add_months
from simulation.world import build

KIND, FORMAT = "sadar run", 1
MONTHS = (4, 12, 24)
#: version of the simulation that this process has loaded
CODE = cache.model_hash()
KEY = ("measure", "month", "group_kind", "group")
#: room for rounding where a value stands on the edge of a tolerance
ROUNDING = 1e-9
#: work estimated to take less is done in this process: starting others takes a second or two
SERIAL_SECONDS = 3.0
#: runs from which a 5-95 % range can be read off the runs themselves
ENOUGH = 19
#: what a folder of ours may hold beside the files that its run.json names, and what file managers leave behind
OURS = {"summary.json", "weekly.parquet", "ledger.parquet", "run.json", "figure.png"}
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


# ------------------------------------------------------------------ one replicate


def one(parameters: Parameters, seed: int = 1, replicate: int = 0, *, months=MONTHS, observed=(), keep_weekly: bool = True) -> dict:
    """Run one replicate and measure it: the unit of work of runs and sweeps. Plain, small and picklable. Keys:

    replicate; values {(measure, month, group_kind, group): float}, month "0" (the start), each of `months` that lies in the
    run, and "end"; weekly int64 [week, outcomes.WEEKLY] or None; ledger int64 [entry, (month, lever, item, payer, rupiah)];
    observed: the simulated value of each Observation; digest of all counts and rupiah; problems: what does not add up
    (nothing should); seconds of wall time.
    """
    began = time.perf_counter()
    world = build(parameters, seed, replicate)
    places, due, start = outcomes.traits(world), outcomes.due_steps(world.calendar), outcomes.snapshot(world)
    values = _dated("0", _people(world, start, places))
    checks = checkpoints(world.calendar, parameters.limits.step_days, months)
    kept, before = {start.step: start}, Integral(world)
    for step in sorted({*before.steps, *(c.step for c in checks), *(c.year_ago for c in checks if c.year_ago > start.step)}):
        world.advance(step + 1)
        due_now = [c for c in checks if c.step == step]
        if due_now or any(c.year_ago == step for c in checks):
            kept[step] = now = outcomes.snapshot(world)
        for check in due_now:
            found = _people(world, now, places) | _since(world, start, now, due, before.until(world))
            kept_on = outcomes.stock_retention(kept[check.year_ago], now) if check.year_ago in kept else math.nan
            found |= _whole({"stock_retention_12": kept_on})
            values |= _dated(check.label, found | (_ending(now, places, due) if check.label == "end" else {}))
        before.pass_by(world)
        kept = {s: x for s, x in kept.items() if any(c.year_ago == s and c.step > step for c in checks)}
    weekly, entries = outcomes.weekly(world), ledger.entries(world.village.ledger)
    return {
        "replicate": replicate, "values": values, "weekly": weekly if keep_weekly else None, "ledger": entries,
        "observed": [_simulated(weekly, o, parameters) for o in observed],
        "digest": hashlib.sha256(weekly.tobytes() + entries.tobytes()).hexdigest(),
        "problems": outcomes.problems(world) + ledger.problems(world), "seconds": time.perf_counter() - began,
    }  # fmt: skip


class Integral:
    """Person-months of cover, since the start, of those who did not join since: trapezoids over every 182 days and the date asked for
    (this count moves slowly, so the dates asked for hardly matter; the weekly count of all members is exact)."""

    def __init__(self, world) -> None:
        every = max(1, 182 // world.parameters.limits.step_days)
        self.steps = range(world.week + every - 1, world.calendar.steps, every)
        self.unit = world.parameters.limits.step_days / outcomes.DAYS_PER_MONTH / 2
        self.week, self.members, self.total = world.week, outcomes.members_before(world), 0.0

    def until(self, world) -> float:
        return self.total + (self.members + outcomes.members_before(world)) * (world.week - self.week) * self.unit

    def pass_by(self, world) -> None:
        """To be called after each step of `steps`; other steps change nothing."""
        if world.week - 1 in self.steps:
            self.total, self.members, self.week = self.until(world), outcomes.members_before(world), world.week


class Check(NamedTuple):
    """A date at which a run is measured: after step `step`; `year_ago` is the step twelve months before (-2: before the start)."""

    label: str
    step: int
    year_ago: int


def checkpoints(calendar: Timeline, step_days: int, months: Iterable[int] = MONTHS) -> list[Check]:
    """The months that lie in the run, and its end."""
    first = calendar.dates[calendar.burn_in]
    end = calendar.dates[-1] + dt.timedelta(days=step_days)
    days = [(str(m), add_months(first, m)) for m in months if add_months(first, m) <= end] + [("end", end)]
    ago = [(label, day, add_months(day, -12)) for label, day in days]
    return [Check(label, calendar.week_of(day) - 1, calendar.week_of(then) - 1 if then >= first else -2) for label, day, then in ago]


def _dated(month: str, values: dict) -> dict:
    return {(name, month, kind, group): x for (name, kind, group), x in values.items()}


def _whole(values: dict) -> dict:
    return {(name, "all", "all"): float(x) for name, x in values.items()}


def _people(world, now: outcomes.Snapshot, places: outcomes.Traits) -> dict:
    """Everything that can be seen from the workers as they are."""
    found = outcomes.levels(now) | outcomes.coverage(now, places)
    for name, count in outcomes.funnel(now, world.parameters.behavior.confirm_months).items():
        found |= {("reached", "stage", name): float(count), ("reached_share", "stage", name): outcomes.share(count, places.workers)}
    tried = now.attempts > 0
    return found | _whole({"attempted": tried.sum(), "attempted_registered_share": outcomes.mean(now.flag("registered")[tried])})


def _since(world, start: outcomes.Snapshot, now: outcomes.Snapshot, due: np.ndarray, before: float) -> dict:
    """Everything that has happened since the start. `before`: person-months of cover of those who joined before it."""
    v, steps, limits = world.village, slice(now.burn_in, now.step + 1), world.parameters.limits
    events, active = v.events[steps], v.counts[steps, :, Measure.ACTIVE].sum()
    joined = int(events[:, Event.REGISTRATIONS].sum())
    person_months = float(active) * limits.step_days / outcomes.DAYS_PER_MONTH
    stayed = now.joined_since
    contribution = -(-13 // limits.billing_months) if limits.billing_months else 0
    persistency = outcomes.persistency(now, due, contribution) if contribution > 1 else (math.nan, 0)
    counts = {"registrations": joined, "new_person_months": person_months - before, "retained": int((stayed & now.flag("active")).sum())}
    found = outcomes.flows(events, v.day[0].joined_by) | outcomes.understanding(start, now)
    found |= ledger.costs(v.ledger, ledger.names(world.parameters), ledger.unmet(world), counts)
    return found | _whole(
        counts | {"active_person_months": person_months, "joined_since": stayed.sum(), "left_since": joined - stayed.sum(),
                  "persistency_13": persistency[0], "persistency_13_cohort": persistency[1]}
    )  # fmt: skip


def _ending(now: outcomes.Snapshot, places: outcomes.Traits, due: np.ndarray) -> dict:
    """What is worth asking once: how stops are spread over the months since registering, and who came when."""
    found = outcomes.adopters(now, places)
    for k, (risk, stopped) in enumerate(zip(*outcomes.stops(now, due)), start=2):
        found |= {("at_risk", "contribution", str(k)): float(risk), ("stopped", "contribution", str(k)): float(stopped)}
    return found


def _simulated(weekly: np.ndarray, seen: Observation, parameters: Parameters) -> float:
    """What the run has in the place of an observation, in its unit (workers or share)."""
    value = outcomes.at_date(weekly, seen.measure, seen.date, parameters)
    share = seen.kind == "share" and seen.measure != "understanding"
    return value / weekly[0, : len(outcomes.STAGES)].sum() if share else value


# ------------------------------------------------------------------ many replicates


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
) -> "Result":
    """Run replicates 0 to `replicates` - 1 of a scenario under one seed and measure them.

    until replaces the day the run ends before; months after it are left out of the measures. progress is called in this
    thread with (done, total). processes: None decides by the work left after two replicates; what it raises ends the run.
    Raises InputError (a ValueError) for what cannot be run.
    """
    told = progress or (lambda done, total: None)
    scenario, observed, about = _scenario(scenario, until)
    months = tuple(sorted({_whole_number("months", m, 1, 1200) for m in months}))
    replicates, seed = _whole_number("replicates", replicates, 1, 2**32), _whole_number("seed", seed, 0, 2**32 - 1)
    processes = None if processes is None else _whole_number("processes", processes, 1, 1024)
    started, began = dt.datetime.now(dt.UTC), time.perf_counter()
    told(0, replicates)
    solved = solve(scenario)
    work = functools.partial(one, solved, seed, months=months, observed=observed, keep_weekly=keep_weekly)
    done = _work(work, replicates, told, processes)
    identity = {"scenario": about["hash"], "code": CODE, "seed": seed, "replicates": replicates, "months": months}
    provenance = {
        "run_id": run_id(**identity), "scenario": about, "code": CODE, "seed": seed, "replicates": replicates, "months": list(months),
        "versions": versions(), "started": started.isoformat(timespec="seconds"), "wall_seconds": round(time.perf_counter() - began, 3),
        "replicate_seconds": round(float(np.median([d["seconds"] for d in done])), 4),
        "digest": hashlib.sha256("".join(d["digest"] for d in done).encode()).hexdigest()[:16],
        "problems": [f"{n} of {replicates} replicates: {text}" for text, n in Counter(t for d in done for t in d["problems"]).items()],
        "solved": {name: getattr(solved.village, name) for name in SOLVED},
    }  # fmt: skip
    if provenance["problems"]:
        warnings.warn("what was counted does not add up: " + "; ".join(provenance["problems"][:5]), stacklevel=2)
    return Result.of(done, scenario, observed, provenance)


def run_id(scenario: str, code: str, seed: int, replicates: int, months: Iterable[int]) -> str:
    """Twelve hex digits that name what is computed: scenario hash, code version, seed, replicates, months reported."""
    return hashlib.sha256(json.dumps([scenario, code, seed, replicates, list(months)]).encode()).hexdigest()[:12]


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


def _work(work: Callable, replicates: int, told: Callable, processes: int | None) -> list[dict]:
    """Payloads of all replicates in order: some made here, the rest by other processes where that saves time."""
    done: dict[int, dict] = {}

    def take(payloads: Iterable[dict]) -> None:
        for payload in payloads:
            done[payload["replicate"]] = payload
            told(len(done), replicates)

    here = lambda several: take(work(replicate=r) for r in several)  # noqa: E731
    left = lambda: [r for r in range(replicates) if r not in done]  # noqa: E731
    if processes is None:
        here(range(min(2, replicates)))  # the first may compile, the second is timed
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        much = len(left()) * done[len(done) - 1]["seconds"] > SERIAL_SECONDS
        processes = cores if much and not multiprocessing.current_process().daemon else 1
    if min(processes, len(left())) > 1:
        with contextlib.closing(_elsewhere(work, left(), processes)) as payloads:
            take(payloads)
        if left():
            warnings.warn("a working process died; the rest is run in this one", stacklevel=3)
    here(left())
    return [done[r] for r in range(replicates)]


def _elsewhere(work: Callable, todo: list[int], processes: int):
    """Yield payloads as other processes make them; those of a process that dies are missing. All end when the caller stops asking.

    One pipe to each process: its death is the end of its pipe, whatever it was writing (a pool's shared queue would wait for ever).
    """
    context, workers, todo = multiprocessing.get_context("spawn"), {}, todo[::-1]
    try:
        for _ in range(min(processes, len(todo))):
            ours, theirs = context.Pipe()
            workers[ours] = context.Process(target=_serve, args=(theirs, work, CODE), daemon=True)
            with _bare_start():
                workers[ours].start()
            theirs.close()
            _hand(ours, todo)
        while workers:
            made = []
            for pipe in connection.wait(list(workers)):
                try:
                    made.append(pipe.recv())
                    _hand(pipe, todo)
                except (EOFError, OSError):  # finished, or dead
                    workers.pop(pipe).join()
                    pipe.close()
            for payload in made:
                if isinstance(payload, BaseException):
                    raise payload
                yield payload
    finally:
        for process in workers.values():
            if process.pid is not None:
                process.kill()
                process.join()


def _hand(pipe, todo: list[int]) -> None:
    """Give a process its next replicate, or word that there is none. One that has died says so when it is listened to."""
    with contextlib.suppress(OSError):
        pipe.send(todo.pop() if todo else None)


@contextlib.contextmanager
def _bare_start():
    """Spawn without running the caller's script again (so it needs no __main__ guard) and with one thread a process."""
    main = sys.modules["__main__"]
    kept = {name: main.__dict__[name] for name in ("__file__", "__spec__") if name in main.__dict__}
    threads = {name: os.environ.get(name) for name in THREADS}
    main.__dict__.pop("__file__", None)
    main.__spec__ = None
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        main.__dict__.update(kept)
        for name, value in threads.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _serve(pipe, work: Callable, code: str) -> None:
    """In another process: answer replicate numbers with payloads, or with what went wrong, until None comes.

    Ctrl-C is left to the parent; when that ends, however it ends, so does this process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=lambda: (multiprocessing.parent_process().join(), os._exit(1)), daemon=True).start()
    try:
        if code != CODE:
            raise InputError("the sources of the simulation have changed since the run began; start it again")
        while (replicate := pipe.recv()) is not None:
            pipe.send(work(replicate=replicate))
    except (EOFError, OSError):
        pass  # nobody listens any more
    except Exception as error:
        error.add_note(traceback.format_exc())
        pipe.send(error)


# ------------------------------------------------------------------ the result


@dataclass
class Result:
    """What a run gives. `keys` name the columns of `values` [replicate, key]; see `outcomes.MEASURES` for units."""

    parameters: Parameters
    observations: tuple[Observation, ...]
    keys: list[tuple[str, str, str, str]]
    values: np.ndarray
    simulated: np.ndarray
    weekly: pd.DataFrame | None
    ledger: pd.DataFrame
    provenance: dict

    @classmethod
    def of(cls, done: list[dict], parameters: Parameters, observed, provenance: dict) -> "Result":
        """Put the payloads of `one` together."""
        keys = list(dict.fromkeys(key for d in done for key in d["values"]))
        values = np.array([[d["values"].get(key, np.nan) for key in keys] for d in done])
        simulated = np.array([d["observed"] for d in done], float).reshape(len(done), len(observed))
        names = [d["replicate"] for d in done]
        kept = done[0]["weekly"] is not None
        weekly = outcomes.weekly_frame(np.stack([d["weekly"] for d in done]), parameters, names) if kept else None
        money = ledger.frame(np.concatenate([d["ledger"] for d in done]), parameters, np.repeat(names, [len(d["ledger"]) for d in done]))
        return cls(parameters, tuple(observed), keys, values, simulated, weekly, money, provenance)

    @functools.cached_property
    def summary(self) -> pd.DataFrame:
        """Tidy: replicate, measure, month ("0", "4", ..., "end"), group_kind, group, value; NaN where there is no denominator."""
        runs = len(self.values)
        columns = {name: np.tile(np.array(x, object), runs) for name, x in zip(KEY, zip(*self.keys))}
        table = pd.DataFrame({"replicate": np.repeat(np.arange(runs), len(self.keys)), **columns, "value": self.values.ravel()})
        absent = (table["group_kind"] == "community") & table["value"].isna()  # replicates differ in their number of communities
        return table[~absent].reset_index(drop=True)

    def table(self, measures: Iterable[str] | None = None, months: Iterable | None = None, group_kind: str | None = None) -> pd.DataFrame:
        """Median and range over the runs: measure, month, group_kind, group, median, low, high, runs (with a value), unit.

        low to high is the 5-95 % range (quantiles at rank p (R + 1), of R runs), from fewer than 19 runs smallest to largest: see `note`.
        """
        for name in measures or ():
            if name not in outcomes.MEASURES:
                raise InputError(f"no measure {name!r}; known: {', '.join(outcomes.MEASURES)}")
        wanted = [set(map(str, x)) if x is not None else None for x in (measures, months, None if group_kind is None else [group_kind])]
        columns = [k for k, key in enumerate(self.keys) if all(w is None or part in w for w, part in zip(wanted, key))]
        low, median, high = spread(self.values[:, columns])
        out = pd.DataFrame([self.keys[k] for k in columns], columns=list(KEY))
        runs = np.isfinite(self.values[:, columns]).sum(axis=0)
        return out.assign(median=median, low=low, high=high, runs=runs, unit=[outcomes.MEASURES[m][0] for m in out["measure"]])

    @property
    def note(self) -> str:
        """How far the ranges can be trusted."""
        runs = len(self.values)
        if runs == 1:
            return "One run: what luck does cannot be seen."
        if runs < ENOUGH:
            held = f"on average these hold {100 * (runs - 1) / (runs + 1):.0f} % of what further runs would give"
            return f"Median of {runs} runs, and the smallest and largest of them: {held}. A 5-95 % range takes {ENOUGH} runs."
        few = "; its ends rest on one or two runs each, 100 runs give steadier ones" if runs < 60 else ""
        return f"Median and 5-95 % range of {runs} runs that differ by luck alone{few}."

    def observed(self) -> pd.DataFrame:
        """Simulated beside observed, misses included: within (the median lies in the tolerance), share_within (of the runs), miss_share
        (median over observed, minus 1). Where only words were observed these are missing."""
        low, median, high = spread(self.simulated)
        rows = []
        for k, seen in enumerate(self.observations):
            told = seen.value is not None and seen.tolerance_share is not None and math.isfinite(median[k])
            off = np.abs(self.simulated[:, k] - seen.value) - seen.tolerance_share * seen.value if told else None
            row = {name: getattr(seen, name) for name in ("measure", "date", "kind")} | {"observed": seen.value}
            row |= {"tolerance_share": seen.tolerance_share, "median": median[k], "low": low[k], "high": high[k]}
            row["within"] = bool(abs(median[k] - seen.value) <= seen.tolerance_share * seen.value + ROUNDING) if told else None
            row["share_within"] = float((off <= ROUNDING).mean()) if told else None
            row["miss_share"] = median[k] / seen.value - 1.0 if seen.value else None
            rows.append(row | {name: getattr(seen, name) for name in ("text", "source", "grade")})
        return pd.DataFrame(rows)

    def document(self) -> dict:
        """The result for people and programs, as plain values: provenance, note, observed, table (without single communities),
        and what the measures mean."""
        used, table = {key[0] for key in self.keys}, self.table()
        return {
            **self.provenance, "note": self.note, "observed": _records(self.observed()),
            "table": _records(table[table["group_kind"] != "community"]),
            "measures": [{"measure": m, "unit": u, "of": of, "meaning": x} for m, (u, of, x) in outcomes.MEASURES.items() if m in used],
        }  # fmt: skip

    def save(self, directory: str | Path, figures: Callable[["Result", Path], None] | None = None) -> Path:
        """Write summary.json, weekly.parquet (if kept), ledger.parquet and run.json to a folder, all or nothing.

        The files are made in a folder beside it and renamed when complete. An older result is replaced, any other folder that
        is not empty is refused with InputError. `figures(result, folder)` may add files to the unfinished folder.
        """
        target = Path(directory).resolve()
        _recover(target)
        refuse_others(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        for litter in target.parent.glob(f".{glob.escape(target.name)}.draft-*"):
            if time.time() - litter.stat().st_mtime > 3600:  # left by a run that was killed
                shutil.rmtree(litter, ignore_errors=True)
        draft = target.parent / f".{target.name}.draft-{os.getpid()}-{secrets.token_hex(4)}"
        draft.mkdir()
        try:
            if self.weekly is not None:
                self.weekly.to_parquet(draft / "weekly.parquet", index=False)
            self.ledger.to_parquet(draft / "ledger.parquet", index=False)
            values = {"keys": self.keys, "values": _finite(self.values), "simulated": _finite(self.simulated)}
            (draft / "summary.json").write_text(_lines(self.document() | values), encoding="utf-8")
            if figures:
                figures(self, draft)
            files = sorted(p.name for p in draft.iterdir())
            seen = [o.model_dump(mode="json") for o in self.observations]
            about = {"kind": KIND, "format": FORMAT, **self.provenance, "files": files, "observations": seen}
            about["parameters"] = self.parameters.model_dump(mode="json")
            (draft / "run.json").write_text(json.dumps(about, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            _swap(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return target


def load(directory: str | Path) -> Result:
    """Read what `Result.save` wrote. Raises InputError naming the folder or file that is not a sound result."""
    folder = Path(directory).resolve()
    _recover(folder)
    about = _run_json(folder)
    if about is None:
        raise InputError(f"{folder}: no result of `sadar run` (no run.json of its kind)")
    try:
        told = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        weekly = pd.read_parquet(folder / "weekly.parquet") if "weekly.parquet" in about["files"] else None
        parameters = Parameters.model_validate_json(json.dumps(about.pop("parameters")))
        seen = tuple(Observation.model_validate_json(json.dumps(o)) for o in about.pop("observations"))
        values, simulated = np.array(told["values"], float), np.array(told["simulated"], float).reshape(-1, len(seen))
        provenance = {name: x for name, x in about.items() if name not in ("kind", "format", "files")}
        money = pd.read_parquet(folder / "ledger.parquet")
        return Result(parameters, seen, [tuple(key) for key in told["keys"]], values, simulated, weekly, money, provenance)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{folder}: the result cannot be read ({problem})") from None


def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """5 % quantile, median and 95 % quantile of each column of [run, column] without its NaNs; quantile p at rank p (R + 1), at
    most the extremes, so that few runs give their smallest and largest. NaN where no run has a value."""
    if not values.size:
        return (np.full(values.shape[1], np.nan),) * 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanquantile(values, [0.05, 0.95], axis=0, method="weibull")
        return low, np.nanmedian(values, axis=0), high


# ------------------------------------------------------------------ files


def _finite(values: np.ndarray) -> list:
    return [[x if math.isfinite(x) else None for x in row] for row in values.tolist()]


def _records(table: pd.DataFrame) -> list[dict]:
    """Rows as dicts of plain values, None for what is missing."""
    plain = lambda x: None if x is None or x != x else x.isoformat() if isinstance(x, dt.date) else getattr(x, "item", lambda: x)()  # noqa: E731
    return [{name: plain(x) for name, x in zip(table.columns, row)} for row in table.itertuples(index=False)]


def _lines(told: dict) -> str:
    """JSON with one line for each element of a list: small, and readable by people."""
    rows = lambda x: "[\n  " + ",\n  ".join(json.dumps(r, ensure_ascii=False, allow_nan=False) for r in x) + "\n ]" if x else "[]"  # noqa: E731
    return "{\n" + ",\n".join(f" {json.dumps(k)}: {rows(x) if isinstance(x, list) else json.dumps(x)}" for k, x in told.items()) + "\n}\n"


def _run_json(folder: Path) -> dict | None:
    """The run.json of a result of ours, or None."""
    try:
        found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == KIND and isinstance(found.get("files"), list) else None


def refuse_others(target: Path) -> None:
    """Only an empty folder, or one with nothing but an older result in it, may be replaced."""
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target}: is a file; results go to a folder")
    present = {p.name for p in target.iterdir()} - LITTER
    about = _run_json(target)
    foreign = sorted(present - OURS - set(about["files"]) if about else present)
    if foreign:
        kind = "holds other files" if about else "is not empty and holds no earlier result"
        raise InputError(f"{target}: {kind} ({', '.join(foreign[:3])}); nothing was overwritten, choose another folder")


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _recover(target: Path) -> None:
    """A run that was killed between the two renames of `_swap` left the older result under its other name: put it back."""
    if not target.exists() and _old(target).exists():
        os.rename(_old(target), target)


def _swap(draft: Path, target: Path) -> None:
    """Put the finished folder in the place of what is there."""
    shutil.rmtree(_old(target), ignore_errors=True)
    if target.exists():
        os.rename(target, _old(target))
    try:
        os.rename(draft, target)
    except BaseException:  # Ctrl-C too
        _recover(target)
        raise
    shutil.rmtree(_old(target), ignore_errors=True)

"""A sweep: every run of a design into a folder that survives whatever happens, and more of them later.

    found = sweep("lerep_sessions", "out/sessions")       # a shipped design, a file, a mapping
    found = resume("out/sessions")                        # after Ctrl-C, a power cut, a full disk
    found = extend("out/sessions", replicates=50)         # more luck for the same points
    found = results("out/sessions")                       # works while the sweep runs

Each gives a tidy pandas frame, a row for each run. Engines and the number of processes change no digit.
"""

import functools
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.engines import CODE, Lost, available, batch_seconds, engine
from experiments.run import versions
from experiments.running.keys import key_of
from experiments.running.result import spread
from experiments.sweeping import design, store
from experiments.sweeping.batch import FAILED, Frame, Run, failed, run_batch
from experiments.sweeping.design import GROUPS, Plan
from experiments.sweeping.sweep_recipe import digest_of, remember_folder, sweep_id
from simulation.baseline import BEFORE, DURING, NEAR_ROUNDS, ROUNDS, SAMPLE_WORKERS, SOLVED
from simulation.parameters import InputError, Parameters

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Progress", "estimate", "extend", "plan", "results", "resume", "sweep", "sweep_id"]

#: points whose size is looked at to say how long a sweep will take
LOOKED_AT = 200
#: runs timed in this process before the engine starts: the first may compile
TIMED = 2
#: runs of one task at most: what is lost when a process dies stays small
MOST_RUNS = 512


class Progress(NamedTuple):
    """How far a sweep is: runs done (those of earlier sessions included) and failed, of how many; of this session: runs and seconds;
    `left_seconds` of wall time, None until a run has been timed."""

    done: int
    failed: int
    total: int
    session_runs: int
    session_seconds: float
    left_seconds: float | None

    @property
    def per_second(self) -> float:
        return self.session_runs / self.session_seconds if self.session_seconds else 0.0


Told = Callable[[Progress], None]
plan = design.plan


def sweep(
    source,
    folder: str | Path,
    *,
    engine: str = "local",
    scheduler: str | None = None,
    processes: int | None = None,
    progress: Told | None = None,
) -> "pd.DataFrame":
    """Run every run of a design (a name, file, mapping, Design or Plan) into a folder and give `results`.

    engine "local" (processes of this machine) or "dask" (scheduler: the address of one; none: workers on this machine).
    A folder that has some of the runs already is completed. Raises InputError before anything runs where the design, the
    folder or the engine will not do, StoreError when the disk does not take a result; what is finished is kept, always.
    """
    made = source if isinstance(source, Plan) else design.plan(source)
    given = _engine(engine, scheduler, processes)
    with store.locked(folder, make=True):
        kept = store.create(
            folder, made, outcomes=made.design.columns, replicates=made.design.replicates, code=CODE, versions=versions(),
            weekly=_weekly_names() if made.design.weekly else None,
        )  # fmt: skip
        _set_aside(kept)
        _work_off(kept, made, given, progress)
    return _finished(folder)


def resume(
    folder: str | Path,
    *,
    retry_failed: bool = False,
    engine: str = "local",
    scheduler: str | None = None,
    processes: int | None = None,
    progress: Told | None = None,
) -> "pd.DataFrame":
    """Go on with a sweep: runs that are missing or whose part is damaged; with `retry_failed` also those that failed."""
    given = _engine(engine, scheduler, processes)
    with store.locked(folder):
        kept = store.open(folder, CODE)
        _set_aside(kept)
        _work_off(kept, _plan_of(kept), given, progress, retry_failed)
    return _finished(folder)


def extend(
    folder: str | Path,
    replicates: int,
    *,
    engine: str = "local",
    scheduler: str | None = None,
    processes: int | None = None,
    progress: Told | None = None,
) -> "pd.DataFrame":
    """Bring a sweep to so many replicates in all. The same bytes as if it had been begun with them."""
    given = _engine(engine, scheduler, processes)
    with store.locked(folder):
        kept = store.open(folder, CODE)
        made = _plan_of(kept)
        if len(made.points) * replicates > design.MAX_RUNS:
            raise InputError(
                f"replicates = {replicates:,}: {len(made.points) * replicates:,} runs; at most {design.MAX_RUNS:,} in one sweep"
            )
        kept = store.extend(kept, replicates)
        _set_aside(kept)
        _work_off(kept, made, given, progress)
    return _finished(folder)


def results(folder: str | Path) -> "pd.DataFrame":
    """A row for each run that is done, sorted by run: what was varied, the outcomes, run_id, status and reason. `attrs` hold sweep_id,
    title, runs, missing and, once none is missing, the digest of all. Parts that are damaged are left out with a warning; other
    versions of the simulation are pointed out."""
    kept = store.open(folder)
    found = store.read(kept)
    total = kept.total
    changed = kept.changes(CODE, versions())
    if changed:
        warnings.warn(f"{folder}: computed by other versions ({'; '.join(changed)})", stacklevel=2)
    asked = kept.manifest["design"]
    found.attrs = {"sweep_id": sweep_id(kept.manifest), "title": asked.get("title") or asked["scenario"], "runs": total}
    found.attrs |= {"missing": total - len(found), "outcomes": list(kept.manifest["outcomes"])}
    found.attrs |= {"digest": digest_of(found["digest"])} if len(found) == total else {}
    found.attrs |= {group: list(asked.get(group, ())) for group in GROUPS}
    return found


def _finished(folder: str | Path) -> "pd.DataFrame":
    """The results of a sweep; one that is complete is remembered (`sadar replay`)."""
    found = results(folder)
    if not found.attrs["missing"]:
        remember_folder(folder)
    return found


def summary(table: "pd.DataFrame") -> "pd.DataFrame":
    """A row for each choice of levers, over states of the world and luck: the levers, runs, failed, and of each outcome `mean`, `low`
    and `high` (5 and 95 % of the runs, where they are 19 or more; else the smallest and largest)."""
    import pandas as pd

    levers, names = table.attrs["levers"], table.attrs["outcomes"]
    rows = []
    for _, runs in table.groupby("lever_point"):
        row = {path: runs[path].iloc[0] for path in levers} | {"runs": len(runs), "failed": int((runs["status"] == FAILED).sum())}
        low, _, high = spread(runs[names].to_numpy(float))
        for name, *values in zip(names, runs[names].mean(), low, high):
            row |= {f"{name} {part}": value for part, value in zip(("mean", "low", "high"), values)}
        rows.append(row)
    found = pd.DataFrame(rows)
    found.attrs = dict(table.attrs)
    return found


def influence(table: "pd.DataFrame") -> "pd.DataFrame":
    """How strongly each varied path moves each outcome over all runs: path, and for each outcome the rank correlation (Spearman), for
    paths whose values are text the correlation ratio (Fisher's eta of the ranks, 0 to 1). Strongest of the first outcome first."""
    import pandas as pd

    names = table.attrs["outcomes"]
    paths = [path for path in table.attrs["levers"] + table.attrs["uncertainties"] if table[path].nunique() > 1]
    ranks = table[names].rank()
    rows = []
    for path in paths:
        if pd.api.types.is_numeric_dtype(table[path]):
            rows.append({"path": path, **ranks.corrwith(table[path].rank()).to_dict()})
        else:
            between = ranks.groupby(table[path]).transform("mean").where(ranks.notna()).var(ddof=0)
            rows.append({"path": path, **np.sqrt(between / ranks.var(ddof=0)).to_dict()})
    found = pd.DataFrame(rows, columns=["path", *names])
    order = found[names[0]].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order].reset_index(drop=True)


# ------------------------------------------------------------------ how long


def estimate(made: Plan, run_seconds: float, processes: int) -> float:
    """Seconds that a whole sweep takes, given the time of its first run: by size of the points, with the contexts that must be solved."""
    sizes = [_size(made.parameters(point)) for point in _some(len(made.points))]
    mean, first = sum(sizes) / len(sizes), _size(made.parameters(0))
    solving = SAMPLE_WORKERS * (BEFORE + DURING) / first * _rounds(made)
    return run_seconds * (made.runs * mean / first + solving) / processes


def _some(count: int) -> list[int]:
    return sorted({round(k * (count - 1) / max(1, LOOKED_AT - 1)) for k in range(min(count, LOOKED_AT))})


def _size(parameters: Parameters) -> float:
    """Worker-weeks, with those of the burn-in."""
    weeks = math.ceil((parameters.until - parameters.start).days / parameters.limits.step_days) + parameters.burn_in_weeks
    return max(1, weeks * parameters.village.workers)


def _rounds(made: Plan) -> int:
    """Rounds of solving for villages that stand still; one that all points share is solved by the time this is asked."""
    if all(base["village"].get(name) is not None for base in made.bases for name in SOLVED):
        return 0

    def others(*parts: str) -> int:
        columns = [path for path in made.design.varied if path.split(".")[0] in parts]
        return len(made.points[columns].drop_duplicates()) - 1 if columns else 0

    afar = others("village", "scheme", "limits", "start")
    return ROUNDS * afar + NEAR_ROUNDS * (others("village", "scheme", "limits", "start", "behavior") - afar)


# ------------------------------------------------------------------ work


def _engine(name: str, scheduler, processes) -> tuple[Callable, int, float]:
    """(the engine, about how many work at once, seconds of work in a task)."""
    many = processes or available()
    if scheduler is not None and name == "dask":
        from experiments import cluster

        many = max(1, cluster.answers(scheduler))
    return engine(name, scheduler=scheduler, processes=processes), many, batch_seconds(name)


def _weekly_names() -> list[str]:
    from simulation.outcomes import WEEKLY

    return list(WEEKLY)


def _plan_of(kept: store.Store) -> Plan:
    """The plan that a folder was made from. Raises InputError where a file of people or ties has changed since."""
    made = Plan.of(kept.manifest, kept.points.to_pandas())
    try:
        if made.hash == kept.manifest["plan"]:
            return made
        problem = "a file of people or ties has changed since the sweep began"
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}"
    raise InputError(f"{kept.folder}: {problem}; put the old one back")


def _set_aside(kept: store.Store) -> None:
    for name, problem in store.check(kept, repair=True):
        warnings.warn(f"{kept.folder}: {name} {problem}; moved to damaged/, its runs are done again", stacklevel=3)


def _work_off(kept: store.Store, made: Plan, given: tuple, progress: Told | None, retry: bool = False) -> None:
    """Do what is missing, write each piece as it comes, tell how far it is."""
    carry, many, seconds = given
    keys = tuple(key_of(name) for name in kept.manifest["outcomes"])
    frame = Frame(tuple(map(json.dumps, made.bases)), made.design.seed, keys, made.design.weekly)
    run = lambda number: Run(number, number % len(made.points), number // len(made.points), *_of_point(made, number % len(made.points)))  # noqa: E731
    again, gaps, levers = store.failed(kept), store.missing(kept), int(made.points["lever_point"].max()) + 1
    watch = _Watch(progress, kept.total, kept.total - sum(b - a + 1 for a, b in gaps), len(again), made, many)
    watch.tell()
    work = functools.partial(run_batch, frame=frame)

    def finish(answers, write) -> list[tuple[Run, ...]]:
        """Write what an engine brings; gives the tasks it lost."""
        lost = []
        for task, answer in answers:
            if isinstance(answer, Lost) and len(task) > 1:
                lost.append(task)
                continue
            found = failed(task, frame, answer.reason) if isinstance(answer, Lost) else answer
            write(task, found)
            watch.saw(len(task), found["columns"]["status"].count(FAILED), found["seconds"])
        return lost

    def add(task, found) -> None:
        store.write(kept, task[0].number, _table(kept, found), found["weekly"])

    def put(task, found) -> None:
        store.replace(kept, _table(kept, found), found["weekly"])
        watch.failed -= len(task)
        watch.done -= len(task)

    if gaps:  # timed here, so that how long it takes is known before others start
        first, last = gaps[0]
        for number in range(first, min(first + TIMED, last + 1)):
            finish([((task := (run(number),)), work(task))], add)
    for todo, write in ((_tasks(store.missing(kept), run, watch.size(seconds), levers), add), (_singles(again if retry else (), run), put)):
        lost = finish(carry(work, todo), write)
        finish(carry(work, ((one,) for task in lost for one in task)), write)  # which of them it was
    if not store.missing(kept):
        store.compact(kept)


def _of_point(made: Plan, point: int) -> tuple[int, dict]:
    return made.base(point), made.overrides(point)


def _tasks(gaps, run: Callable[[int], Run], size: Callable[[int], int], levers: int) -> Iterator[tuple[Run, ...]]:
    """Missing runs in pieces, cut as they are asked for; where there is room, between villages: the lever points of one share its past."""
    left = sum(last - first + 1 for first, last in gaps)
    for first, last in gaps:
        while first <= last:
            end = first + min(size(left), last - first + 1)
            count = max(end - end % levers, first) - first or end - first
            yield tuple(run(number) for number in range(first, first + count))
            first, left = first + count, left - count


def _singles(numbers, run: Callable[[int], Run]) -> Iterator[tuple[Run, ...]]:
    return ((run(number),) for number in numbers)


def _table(kept: store.Store, found: dict):
    import pyarrow as pa

    columns = dict(found["columns"]) | dict(zip(kept.manifest["outcomes"], found["values"].T.copy()))
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in kept.schema})


class _Watch:
    """Counts runs and time, says how far the sweep is and how large the next task should be."""

    def __init__(self, progress, total: int, done: int, failed: int, made: Plan, many: int) -> None:
        self.progress, self.total, self.done, self.failed = progress, total, done, failed
        self.made, self.many = made, many
        self.began, self.runs, self.run_seconds = time.perf_counter(), 0, None

    def saw(self, runs: int, failed: int, seconds: float) -> None:
        self.done, self.failed, self.runs = self.done + runs, self.failed + failed, self.runs + runs
        if seconds and failed < runs:  # the first run may have compiled: a later one overrules it
            late = self.run_seconds if self.runs > TIMED + 1 else None
            self.run_seconds = seconds / runs if late is None else 0.8 * late + 0.2 * seconds / runs
        self.tell()

    def tell(self) -> None:
        if self.progress:
            spent = time.perf_counter() - self.began
            self.progress(Progress(self.done, self.failed, self.total, self.runs, spent, self._left(spent)))

    def _left(self, spent: float) -> float | None:
        """By what the first runs took, then by the rate so far."""
        left = self.total - self.done
        if self.runs < TIMED or self.run_seconds is None:
            return 0.0 if not left else None
        if self.runs == TIMED:
            return estimate(self.made, self.run_seconds, self.many) * left / max(1, self.made.runs)
        return left * spent / self.runs

    def size(self, seconds: float) -> Callable[[int], int]:
        """Runs of the next task, given how many are left: so many seconds of work, and enough tasks at the end for all to share."""

        def count(left: int) -> int:
            fits = int(seconds / self.run_seconds) if self.run_seconds else 1
            return max(1, min(fits, MOST_RUNS, left // (3 * self.many)))

        return count

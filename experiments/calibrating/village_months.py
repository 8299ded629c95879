"""Runs of one village for draws of its context, read the way an office counts: by calendar month.

A week that lies in two months counts to each by its days; members at a month's end lie on the line between two weeks' ends.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from typing import NamedTuple

import numpy as np

from experiments.calibrating.village_context import Uncertain, with_context
from experiments.engines import Lost, available, local
from simulation.parameters import Parameters
from simulation.stages import Event, Measure, Stage
from simulation.timeline import add_months

#: draws in one task: about half a second of work
TASK_DRAWS = 12
YEAR_WEEKS = 52


class Runs(NamedTuple):
    """series: float [run, series, month], in the order of village_observed.SERIES. covered, aware: workers a year before the start, and at
    the start [run, 2]."""

    series: np.ndarray
    covered: np.ndarray
    aware: np.ndarray

    @classmethod
    def together(cls, parts: Iterable["Runs"]) -> "Runs":
        return cls(*(np.concatenate(columns) for columns in zip(*parts)))


def play(
    parameters: Parameters,
    context: list[Uncertain],
    standard: np.ndarray,
    behavior: list[Mapping[str, float]],
    *,
    seed: int,
    first: int = 0,
    progress: Callable[[int], None] | None = None,
    processes: int | None = None,
) -> Runs:
    """Run each draw once: standard values [run, context] and a row of behavior (which may be empty) for each. Run k is replicate first + k
    of the seed.

    The numbers are the same whatever the number of processes. progress(runs done) is called in this thread.
    """
    starts = range(0, len(standard), TASK_DRAWS)
    tasks = [(start, standard[start : start + TASK_DRAWS], behavior[start : start + TASK_DRAWS]) for start in starts]
    processes = min(processes or available(), max(1, len(tasks) // 3))  # starting one takes a second or two
    done: dict[int, Runs] = {}
    with closing(local(partial(_play, parameters, context, seed, first), tasks, processes=processes)) as made:
        for task, found in made:
            if isinstance(found, Lost):
                raise RuntimeError(f"draws {first + task[0]} and following cannot be run: {found.reason}")
            done[task[0]] = found
            if progress:
                progress(sum(len(part.series) for part in done.values()))
    return Runs.together(done[start] for start in starts)


def _play(parameters: Parameters, context: list[Uncertain], seed: int, first: int, task) -> Runs:
    """One task, in whatever process."""
    from simulation.world import build

    start, standard, behavior = task
    found = []
    for k, (values, row) in enumerate(zip(standard, behavior)):
        world = build(with_context(parameters, context, values, row), seed, first + start + k, burn_in=False)
        world.advance()
        found.append(_read(world))
    return Runs(*(np.array(column) for column in zip(*found)))


def _read(world) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The months of a finished run, and who was covered and aware a year before the start and at the start."""
    begin, parameters = world.calendar.burn_in, world.parameters
    counts = world.village.counts.sum(axis=1)
    shares, ends = _calendar(parameters.start, parameters.until, parameters.limits.step_days)
    levels = counts[begin - 1 :]
    at_end = [np.interp(ends, np.arange(len(levels)), levels[:, measure]) for measure in (Measure.ACTIVE, Measure.PAYING)]
    joined = shares @ world.village.events[begin:, Event.REGISTRATIONS]
    now = [begin - 1 - YEAR_WEEKS, begin - 1]
    return np.array([joined, *at_end]), counts[now, Measure.ACTIVE], world.people.workers - counts[now, Stage.UNAWARE]


def _calendar(start: dt.date, until: dt.date, step_days: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of each step that lies in each month [month, step], and the months' ends in steps since the start, the first of a month."""
    months = (until.year - start.year) * 12 + until.month - start.month
    edges = np.array([add_months(start, k).toordinal() - start.toordinal() for k in range(months + 1)], float) / step_days
    steps = np.arange(int(np.ceil(edges[-1])))
    inside = np.minimum(edges[1:, None], steps + 1) - np.maximum(edges[:-1, None], steps)
    return np.clip(inside, 0.0, None), edges[1:]

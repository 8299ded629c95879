"""The pieces of a network fit: each can be done by itself, in any process, with the same result.

    for task in first(names, job): result = do(job, task)
    for task in after(names, job): result = lend(job, reached, task)

`do` reads what it needs from the folders (once for each process), so that a task is no more than names and a number.
"""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.networks import dated, influence, insurance, insurance_score, lending, lending_fit, rates, reading

#: groups of villages that are left out together, where leaving out each by itself would take too long
GROUPS = 10
DATED = tuple(reading.SOURCES)
NAMES = (*DATED, lending.NAME, insurance.NAME)


class Effort(NamedTuple):
    """How much is played: copies of each village left out (by kind of set), permutations, points of the design and copies of each."""

    dated_copies: int = 200
    lending_copies: int = 40
    farmer_copies: int = 60
    permutations: int = 2000
    points: int = 64
    point_copies: int = 4


class Job(NamedTuple):
    """Where the data are, where to learn from (None: from the other villages of `data`), and how much to do."""

    data: Path
    train: Path | None
    seed: int
    effort: Effort


class Task(NamedTuple):
    """name: of a set; step: what is to be done, `number`: of which village, group or point of the design."""

    name: str
    step: str
    number: int = 0


def files(name: str) -> tuple[str, tuple[str, ...]]:
    """Folder of a set and the files it needs there."""
    if name in DATED:
        return reading.SOURCES[name].folder, ("nodes.csv", "edges.csv")
    module = lending if name == lending.NAME else insurance
    return module.FOLDER, module.FILES


@functools.lru_cache(maxsize=16)
def people(name: str, data: Path, seed: int):
    """A set as it is read; missing ties of bcdj are filled in."""
    if name in DATED:
        return reading.read(reading.SOURCES[name], data)
    return lending.filled(lending.read(data), seed) if name == lending.NAME else insurance.read(data)


def absent(name: str, data: Path) -> Path | None:
    folder, needed = files(name)
    return reading.missing(Path(data) / folder, needed)


def groups(name: str, job: Job) -> int:
    """In how many pieces the villages of a set are left out."""
    villages = len(people(name, job.data, job.seed).villages)
    return villages if name in DATED else min(GROUPS, villages)


def split(name: str, job: Job, number: int):
    """The people to learn from, those to predict, and [person] which of their set the first are."""
    everybody = people(name, job.data, job.seed)
    left = everybody.village % groups(name, job) == number
    if job.train is None:
        return everybody.part(~left), everybody.part(left), ~left
    train = people(name, job.train, job.seed)
    return train, everybody.part(left), np.ones(len(train.village), bool)


def teacher(name: str, job: Job):
    """All people to learn from, where none need be left out."""
    return people(name, job.train or job.data, job.seed)


def first(names, job: Job) -> list[Task]:
    """All that can be done at once: everything but bcdj's villages, which wait for its points."""
    out = [Task(name, "influence", held) for name in names if name in DATED for held in (1, 0)]
    out += [Task(name, "rates") for name in names if name != lending.NAME]
    if lending.NAME in names:
        out += [Task(lending.NAME, "point", k) for k in range(job.effort.points)]
    return out + [Task(name, "left out", k) for name in names if name != lending.NAME for k in range(groups(name, job))]


def do(job: Job, task: Task):
    """What a task gives: villages (left out), rows of a table (rates, influence), or how well households are reached (point)."""
    if task.step == "influence":
        held = bool(task.number)
        return influence.test(people(task.name, job.data, job.seed), job.effort.permutations, job.seed, held)
    if task.step == "point":
        point = lending_fit.design(job.effort.points, job.seed)[task.number]
        return lending_fit.reach(teacher(task.name, job), point, job.effort.point_copies, job.seed)
    if task.step == "rates":
        if task.name == insurance.NAME:
            return rates.of_farmers(teacher(task.name, job))
        return rates.of_dated(teacher(task.name, job), reading.SOURCES[task.name].period_weeks)
    train, test, _ = split(task.name, job, task.number)
    if task.name == insurance.NAME:
        return insurance_score.judged(train, test, job.effort.farmer_copies, job.seed)
    return [dated.judged(train, test, job.effort.dated_copies, job.seed)]


def after(names, job: Job) -> list[Task]:
    """What waits for bcdj's points."""
    if lending.NAME not in names:
        return []
    return [Task(lending.NAME, "rates"), *(Task(lending.NAME, "left out", k) for k in range(groups(lending.NAME, job)))]


def lend(job: Job, reached: list[np.ndarray], task: Task):
    """The same for bcdj, when all points have been played: reached by point."""
    points = lending_fit.design(job.effort.points, job.seed)
    if task.step == "rates":
        return rates.of_lending(points, lending_fit.table(teacher(task.name, job), reached)[1], job.seed)
    train, test, rows = split(task.name, job, task.number)
    return lending_fit.judged(train, test, points, [informed[rows] for informed in reached], job.effort.lending_copies, job.seed)

"""Work done in processes of its own, with one thread of linear algebra each, so that digits do not depend on the number of cores.

With several threads a matrix product adds in another order; the last digit of a likelihood then differs, sooner or later a Metropolis
step falls the other way, and from there on all draws. (On busy cores one thread is also ten times faster.)
"""

import contextlib
import functools
from collections.abc import Callable, Iterable

from experiments.engines import Lost, available, local


def apart(work: Callable, tasks: Iterable, *, processes: int | None = None, progress: Callable[[int, int], None] | None = None) -> list:
    """[work(task) for task in tasks], each in a process started for it (None: as many as there are cores); work and tasks are pickled.

    progress is told (done, total); with one process only when all is done. What work raises is raised here; RuntimeError where processes
    die of a task. In a process that may not start others, which has one thread already, work is done there.
    """
    tasks = list(tasks)
    count = processes or available()
    if count == 1:  # local would work in this process
        work, jobs = functools.partial(_in_turn, work), [(0, tasks)]
    else:
        work, jobs = functools.partial(_numbered, work), list(enumerate(tasks))
    found = {}
    with contextlib.closing(local(work, jobs, processes=max(count, 2))) as made:
        for (number, _), answer in made:
            if isinstance(answer, Lost):
                raise RuntimeError(f"task {number + 1} of {len(jobs)}: {answer.reason}")
            found[number] = answer
            if progress:
                progress(len(tasks) if count == 1 else len(found), len(tasks))
    return found[0] if count == 1 else [found[number] for number in range(len(tasks))]


def _numbered(work: Callable, job: tuple):
    return work(job[1])


def _in_turn(work: Callable, job: tuple) -> list:
    return [work(task) for task in job[1]]

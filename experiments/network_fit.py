"""Does the kernel's rule of hearing predict how real villages adopt? Fits on five diffusion studies, judged on villages left out.

    found = network_fit()                                 # the sets in ../shared/data beside the repository
    found = network_fit(Path("new/villages"), train=Path("../shared/data"))
    found.scores; found.differences; found.influence; found.rates; found.curves; found.notes
    save(found, "network.png")                            # experiments.networks.figure

A folder holds kfamily/, brfarmers/, med_innovations/, bcdj_microfinance/ and cai_insurance/ (see the READMEs there); a set that is
missing is left out and `notes` says so. Villages are predicted from the other villages of the folder or, with `train`, all of them from
the villages there, which must be others. Curves are played by the production kernel (playing.py, lending_play.py and insurance_play.py in
networks/). Baselines are pooled hazard, pooled Bass and covariates only. The influence test stands by itself (networks/influence.py).
"""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from experiments.screens.words import text
from experiments.verify import DATA
from simulation.parameters import InputError

SEED = 1
#: what each score is the score of
LOSSES = {
    "bcdj": "who has joined in the end, by household",
    "cai": "second-round purchase, told the village's first round",
}
A_PERIOD_AHEAD = "adoption by person and period at risk, told the past of the village"
#: the influence test finds influence below this p
LEVEL = 0.05


class NetworkFit(NamedTuple):
    """pandas tables. scores: set x model, log_loss and curve_error with intervals; differences: network less each baseline, with a verdict;

    influence: set x what is held, z, p and whether found; rates: chance per tie and week; curves: set x village x period, observed and
    predicted shares; notes: what was skipped, and why.
    """

    scores: object
    differences: object
    influence: object
    rates: object
    curves: object
    notes: tuple[str, ...]
    seed: int


def network_fit(
    data: Path | None = None, seed: int = SEED, progress: Callable | None = None, train: Path | None = None, effort=None,
    processes: int | None = None,
) -> NetworkFit:  # fmt: skip
    """Fit, predict and test. The same digits for the same data, seed and effort, whatever the number of processes.

    data: folder of the sets (DATA where absent); train: folder of the villages to learn from (absent: the other villages of `data`);
    progress: told (done, total, what is next); effort: networks.tasks.Effort. Raises InputError for a folder that is none, or a file that
    cannot be read.
    """
    from experiments.networks import tasks

    data = DATA if data is None else Path(data)
    for key, folder in (("--data", data), ("--train", train)):
        if folder is not None and not Path(folder).is_dir():
            wanted = ", ".join(f"{tasks.files(name)[0]}/" for name in tasks.NAMES)
            raise InputError(f"{key} {folder}: no such folder; needed: one that holds {wanted} or some of them")
    job = tasks.Job(data, None if train is None else Path(train), seed, effort or tasks.Effort())
    names, notes = _there(job)
    first, later = tasks.first(names, job), tasks.after(names, job)
    tell = _Teller(progress, len(first) + len(later))
    done = _all(functools.partial(tasks.do, job), first, tell, processes)
    reached = [done[task] for task in first if task.step == "point"]
    done |= _all(functools.partial(tasks.lend, job, reached), later, tell, processes)
    tell("")
    return _tables(job, names, notes, [*first, *later], done)


class _Teller:
    """Tells the progress: how many tasks are done, of how many."""

    def __init__(self, progress: Callable | None, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, name: str) -> None:
        if self.progress:
            self.progress(self.done, self.total, name)


def _all(work: Callable, wanted: list, tell: _Teller, processes: int | None) -> dict:
    """{task: result}, done by the processes of this machine."""
    from experiments.engines import Lost, local

    done = {}
    if wanted:
        tell(wanted[0].name)
        with contextlib.closing(local(work, wanted, processes=processes)) as made:
            for task, result in made:
                if isinstance(result, Lost):
                    raise RuntimeError(f"{task.name}, {task.step} {task.number}: {result.reason}")
                done[task] = result
                tell.done += 1
                tell(task.name)
    return done


def _there(job) -> tuple[list[str], tuple[str, ...]]:
    """Sets that can be judged, and a sentence for each that cannot."""
    from experiments.networks import tasks

    names, notes = [], []
    for name in tasks.NAMES:
        missing = tasks.absent(name, job.data) or (job.train and tasks.absent(name, job.train))
        if missing:
            notes.append(text("network_missing", name=name, missing=missing))
        elif job.train is None and tasks.groups(name, job) < 2:
            notes.append(text("network_one_village", name=name, data=job.data))
        else:
            names.append(name)
    return names, tuple(notes)


def _tables(job, names, notes, wanted, done) -> NetworkFit:
    """All results as tables, in the order of the tasks."""
    import pandas as pd

    from experiments.networks import scoring

    scores, differences, curves, influence, passing = [], [], [], [], []
    for name in names:
        villages = [v for task in wanted if task.name == name and task.step == "left out" for v in done[task]]
        scores += [row | {"loss_of": LOSSES.get(name, A_PERIOD_AHEAD)} for row in scoring.score_rows(name, villages, job.seed)]
        differences += scoring.difference_rows(name, villages, job.seed)
        curves += scoring.curve_rows(name, villages)
        passing += [row for task in wanted if task.name == name and task.step == "rates" for row in done[task]]
    for task in (task for task in wanted if task.step == "influence"):
        held = "villages, periods, number named" + (", covariates" if task.number else "")
        influence.append({"set": task.name, "held": held} | done[task]._asdict() | {"found": done[task].p < LEVEL})
    return NetworkFit(*(pd.DataFrame(rows) for rows in (scores, differences, influence, passing, curves)), notes, job.seed)

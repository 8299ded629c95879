"""Many draws of many trials, in several processes: row r of every answer is played under behaviors[r]."""

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from experiments.engines import Lost, local
from experiments.trying.play import play
from scenarios.trials import Trial

#: draws of one trial in one task
BATCH = 4
#: in place of an id: what the fitted arm missed
MISS = "miss"


def table(
    trials: Sequence[Trial],
    behaviors: Sequence[Mapping[str, float]],
    *,
    seed: int,
    first: int = 0,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """Simulated values [draw] by trial and id, and what the fitted arm missed (MISS). Draw r has the luck of (seed, first + r).

    The numbers are the same for any number of processes. progress is told (done, total) draws of trials.
    """
    tasks = [(k, at) for at in range(0, len(behaviors), BATCH) for k in range(len(trials))]
    out = {t.name: {name: np.full(len(behaviors), np.nan) for name in (*(m.id for m in t.head.measured), MISS)} for t in trials}
    work = functools.partial(_play, tuple(trials), tuple(dict(b) for b in behaviors), seed, first)
    total, done = len(trials) * len(behaviors), 0
    with contextlib.closing(local(work, tasks, processes=processes)) as made:
        for (k, at), rows in made:
            if isinstance(rows, Lost):
                raise RuntimeError(f"trial {trials[k].name}, draws {at} to {at + BATCH - 1}: cannot be played: {rows.reason}")
            for r, row in enumerate(rows):
                for name, value in row.items():
                    out[trials[k].name][name][at + r] = value
            done += len(rows)
            if progress:
                progress(done, total)
    return out


def _play(trials: tuple[Trial, ...], behaviors: tuple[dict, ...], seed: int, first: int, task: tuple[int, int]) -> list[dict[str, float]]:
    k, at = task
    rows = []
    for r in range(at, min(at + BATCH, len(behaviors))):
        played = play(trials[k], behaviors[r], seed=seed, replicate=first + r)
        rows.append(played.values | {MISS: played.miss})
    return rows

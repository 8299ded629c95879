"""Simulated rows of trials for calibration: kept in a folder, a file a trial, so that what is there is not simulated again.

    summaries = simulated(trial, z, priors, seed=1, folder=Path("out/tables"))      # [row, s] for parameters z [row, p]

Row r is the draw with number r: the same z, number, seed, code and trial file give the same summaries. A file holds the rows of one trial
as far as they were simulated; of another z it gives the rows up to the first that differs.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.calibrating import priors as believing
from experiments.engines import CODE
from experiments.trying.batch import MISS, table
from scenarios.trials import Measured, Trial

#: rows simulated between two writes
PART = 256
#: a draw whose context cannot show the fitted arm within this says nothing of the others
FARTHEST_MISS = 0.05


def targets_of(trial: Trial) -> list[Measured]:
    """The numbers of a trial that calibration looks at."""
    return [m for m in trial.head.measured if m.calibrate and m.value is not None]


def simulated(
    trial: Trial,
    z: np.ndarray,
    priors: believing.Priors,
    *,
    seed: int,
    folder: Path | None = None,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Summaries [row, s] of a trial for z [row, p]: NaN where the fitted arm was missed. progress is told (done, total) rows."""
    wanted = targets_of(trial)
    path, key = folder and folder / f"{trial.name}.npz", key_of(trial, seed)
    known_z, known = _stored(path, key, z.shape[1], len(wanted))
    same = (known_z[: len(z)] == z[: len(known_z)]).all(axis=1)
    have = int(np.argmin(same)) if len(same) and not same.all() else len(same)
    out = known[:have]
    behaviors = [believing.as_behavior(priors, row) for row in believing.to_natural(priors, z)]
    for at in range(have, len(z), PART):
        played = table([trial], behaviors[at : at + PART], seed=seed, first=at, processes=processes)[trial.name]
        missed = np.abs(played[MISS]) > FARTHEST_MISS
        out = np.concatenate([out, np.stack([np.where(missed, np.nan, played[m.id]) for m in wanted], axis=1)])
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".part.npz")
            np.savez_compressed(draft, key=key, z=z[: len(out)], summaries=out)
            draft.replace(path)
        if progress:
            progress(len(out), len(z))
    return out


def key_of(trial: Trial, seed: int) -> str:
    """Changes with everything that makes a trial's rows, but the parameters: its files, the code, the seed."""
    files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in trial.files]
    said = [CODE, playing(), seed, files, [m.id for m in targets_of(trial)]]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@functools.cache
def playing() -> str:
    """The code that plays trials."""
    here = Path(__file__).resolve().parents[2]
    sources = (
        here / "scenarios" / "trials.py",
        *(here / "experiments" / "trying" / f"{name}.py" for name in ("play", "measures", "batch")),
    )
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()


def _stored(path: Path | None, key: str, parameters: int, summaries: int) -> tuple[np.ndarray, np.ndarray]:
    nothing = np.empty((0, parameters)), np.empty((0, summaries))
    if not path or not path.is_file():
        return nothing
    with np.load(path) as stored:
        return (stored["z"], stored["summaries"]) if str(stored["key"]) == key else nothing

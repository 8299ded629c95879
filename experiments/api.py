"""All that the `sadar` command does, each a function of the same name: for notebooks and scripts.

    from experiments.api import compare, load, run, sweep

    run("lerep").table(["active"])                          a Result
    compare("lerep", ["own", "none"]).differences()         a Comparison; plan_compare(...) says before what it takes
    sweep("lerep_sessions", "out/sessions")                 a frame, a row for each run; plan_sweep(...).points before
    resume("out/sessions"); extend("out/sessions", 50); results("out/sessions")
    branch("lerep", "2019-01-01", "out/past")               a Past: compare("out/past", [...]) goes on from it
    replay("3f2a")                                          the same again? .verdict, .differences
    verify()                                                a frame: known mathematics beside what the kernel gives
    trials(); cases(); network(); forecast("id-tk-p")       frames: field trials, real cases, diffusion data, a trial to come
    calibrate(); calibrate_village("lerep", "monthly.csv")  behavior from trials, a village from its office's table
    load("out/lerep")                                       what a folder holds

Tables are pandas frames. `one` is the unit of work: one replicate, measured. These functions live in the modules of the same
names (`experiments.compare.compare`), which is why the package itself cannot have them: `experiments.compare` is the module.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.branch import Past
from experiments.branch import load as _past
from experiments.branch import save as branch
from experiments.calibrate import calibrate
from experiments.calibrating.village import calibrate_village
from experiments.cases import cases
from experiments.compare import compare
from experiments.compare import plan as plan_compare
from experiments.comparing import comparison
from experiments.comparing.comparison import Comparison
from experiments.evidence import write as evidence
from experiments.forecast import make as forecast
from experiments.network_fit import network_fit as network
from experiments.replay import Replay, replay
from experiments.run import run
from experiments.running import result
from experiments.running.drafts import recover
from experiments.running.replicate import one
from experiments.running.result import Result
from experiments.sweep import extend, influence, results, resume, summary, sweep
from experiments.sweep import plan as plan_sweep
from experiments.trials import trials
from experiments.verify import verify
from simulation.parameters import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Comparison", "Past", "Replay", "Result", "branch", "calibrate", "calibrate_village", "cases", "compare", "evidence", "extend",
    "forecast", "influence", "load", "network", "one", "plan_compare", "plan_sweep", "replay", "results", "resume", "run",
    "summary", "sweep", "trials", "verify",
]  # fmt: skip

#: the file that says what a folder holds -> what reads it
READ = {"run.json": result.load, "comparison.json": comparison.load, "manifest.json": results, "parts": results, "state.json": _past}


def load(folder: str | Path) -> "Result | Comparison | pd.DataFrame | Past":
    """What a folder holds: the `Result` of a run, a `Comparison`, the frame of a sweep (as of `results`) or the `Past` of `branch`.

    Raises InputError where it holds none of these, or one that is not sound.
    """
    place = Path(folder).resolve()
    recover(place)
    for name, read in READ.items():
        if (place / name).exists():
            return read(place)
    if not place.is_dir():
        raise InputError(f"{folder}: {'is a file; results are folders' if place.exists() else 'no such folder'}")
    raise InputError(f"{folder}: holds nothing of sadar, neither a run, a comparison nor a sweep, nor a past (no {', '.join(READ)})")

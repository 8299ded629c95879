"""Pasts on disk: a case run to a date, kept, and gone on from under many campaigns. "Same past, different policy."

save("lerep", "2019-01-01", "out/past", replicates=20)
past = load("out/past")
world = past.worlds(0, other)           # replicate 0 on that day, from now on under the campaign of `other`
measured(past.from_start(0, other))     # the same branch, measured from the start of its run

out/past/  0000.npz  0001.npz  ...  state.json      a file for each replicate; state.json comes last: with it, all is there
"""

import contextlib
import datetime as dt
import functools
import hashlib
import io
import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.engines import CODE, Lost, local
from experiments.recipes import remember
from experiments.replay import Again, behavior_of
from experiments.run import versions
from experiments.running import behavior as behaviors
from experiments.sweeping import files
from scenarios.loader import Scenario, content_hash
from scenarios.loader import load as load_scenario
from scenarios.posterior import Posterior, of_document
from simulation.branch import fork, restore, same_past, state, switched
from simulation.parameters import InputError, Parameters
from simulation.timeline import timeline
from simulation.world import World, build, solve

KIND, FORMAT = "sadar past", 1
FILE = re.compile(r"\d{4,}\.npz")


def save(
    case: Scenario | Parameters | str | Path,
    at: dt.date | str,
    folder: str | Path,
    *,
    replicates: int = 20,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
    processes: int = 1,
    behavior: str | Posterior = behaviors.POSTERIOR,
) -> "Past":
    """Run replicates 0 to `replicates` - 1 of a case to the day `at` and keep their states in a folder; gives `load(folder)`.

    The branch is at the first step on or after that day. The folder must be new, empty, or left by a `save` that was interrupted.
    behavior: as in `run.run`; what goes on from the past goes on with it. progress is called with (done, total). Raises InputError for
    what cannot be run or a folder that holds something else.
    """
    parameters, about = _case(case)
    target, week = Path(folder).resolve(), step_of(parameters, at)
    replicates, seed = _whole("replicates", replicates, 1, 10**6), _whole("seed", seed, 0, 2**32 - 1)
    _refuse_others(target)
    with files.told(target, "cannot be made"):
        target.mkdir(parents=True, exist_ok=True)
    posterior = behaviors.used(behaviors.choose(behavior), seed, replicates)
    kept, hashes = parameters if posterior else solve(parameters), {}  # with draws each replicate is solved for its own
    files.write(target / "state.json", _lines({"kind": KIND, "format": FORMAT, "complete": False}))
    with contextlib.closing(local(functools.partial(_kept, kept, posterior, seed, week), range(replicates), processes=processes)) as made:
        for replicate, data in made:
            if isinstance(data, Lost):
                raise RuntimeError(f"replicate {replicate} cannot be run: {data.reason}")
            files.write(target / _name(replicate), data)
            hashes[replicate] = hashlib.sha256(data).hexdigest()
            if progress:
                progress(len(hashes), replicates)
    told = {
        "kind": KIND, "format": FORMAT, "complete": True,
        "scenario": about, "code": CODE, "seed": seed, "replicates": replicates, "week": week,
        "at": str(_calendar_day(kept, week)), "files": {_name(r): hashes[r] for r in range(replicates)},
        "versions": versions(), "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "parameters": kept.model_dump(mode="json"),
        "behavior": behaviors.about(behavior, posterior, parameters), **({"draws": posterior.document()} if posterior else {}),
    }  # fmt: skip
    told |= {"solved_hash": content_hash(kept), "digest": _digest(told["files"])}
    files.write(target / "state.json", _lines({"run_id": _run_id(told), **told}))
    remember("past", _run_id(told), {**told, "when": told["made"], "folder": str(target)})
    return load(target)


def again(recipe: dict, *, progress: Callable[[int, int], None] | None = None, processes: int | None = None) -> Again:
    """A past that was kept, saved once more in a temporary folder: for `experiments.replay`. Nothing but its digest is left of it."""
    parameters = Parameters.model_validate_json(json.dumps(recipe["parameters"]))
    at = min(recipe["at"], str(parameters.until))  # after the last step there is no day of the run
    asked = {"replicates": recipe["replicates"], "seed": recipe["seed"], "progress": progress, "processes": processes or 1}
    asked["behavior"] = behavior_of(recipe)
    with tempfile.TemporaryDirectory(prefix="sadar-replay-") as place:
        return Again(save(parameters, at, Path(place) / "again", **asked).about["digest"], None, None)


@dataclass(frozen=True)
class Past:
    """What `save` kept. parameters, seed and replicates of the runs; at: first day of the step `week` that comes next.

    posterior: the draws that the replicates have; None: all have the behavior of `parameters`, which then are solved.
    """

    folder: Path
    parameters: Parameters
    seed: int
    replicates: int
    week: int
    at: dt.date
    about: dict
    posterior: Posterior | None = None

    def parameters_of(self, replicate: int, parameters: Parameters | None = None) -> Parameters:
        """What a replicate was run with; or, of `parameters` that differ from those of the past by campaign and `until` alone, the
        same for it."""
        if self.posterior is None or (parameters is not None and not same_past(self.parameters, parameters)):
            return parameters or self.parameters
        return behaviors.solved(parameters or self.parameters, self.posterior, self.seed, replicate)

    def worlds(self, replicate: int, parameters: Parameters | None = None) -> World:
        """A replicate on the day of the branch, under other parameters where given: see `simulation.branch.fork`. A new one each time."""
        self._check(replicate)
        world = restore(self.parameters_of(replicate), self.seed, replicate, self._state(replicate))
        return world if parameters is None else fork(world, self.parameters_of(replicate, parameters))

    def from_start(self, replicate: int, parameters: Parameters | None = None) -> World:
        """The same branch standing at the start of its run, to be measured from there: see `simulation.branch.switched`. The past is
        run again for it."""
        self._check(replicate)
        return switched(build(self.parameters_of(replicate), self.seed, replicate), self.week, self.parameters_of(replicate, parameters))

    def _check(self, replicate: int) -> None:
        if not 0 <= replicate < self.replicates:
            raise InputError(f"replicate = {replicate!r}: not in {self.folder}; allowed: 0 to {self.replicates - 1}")

    def _state(self, replicate: int) -> dict[str, np.ndarray]:
        path = self.folder / _name(replicate)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); save the past again") from None
        if hashlib.sha256(data).hexdigest() != self.about["files"][path.name]:
            raise InputError(f"{path}: is truncated or damaged; save the past again")
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            return dict(found)


def load(folder: str | Path) -> Past:
    """Read what `save` wrote. Raises InputError where it is not whole, or was made by another version of the simulation."""
    folder = Path(folder).resolve()
    path = folder / "state.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder}: {'keeps no past (no state.json)' if folder.is_dir() else 'no such folder'}") from None
    except (OSError, ValueError) as problem:
        raise InputError(f"{path}: cannot be read ({problem}); save the past again") from None
    if not isinstance(told, dict) or told.get("kind") != KIND or told.get("format") != FORMAT:
        raise InputError(f"{path}: is not of a past that this version of sadar reads")
    if not told.get("complete"):
        raise InputError(f"{folder}: was interrupted while it was saved; save the past again, into the same folder")
    if told.get("code") != CODE:
        changed = f"made by version {told.get('code')} of the simulation, this is {CODE}"
        raise InputError(f"{folder}: {changed}; it would go on differently: save the past again")
    try:
        parameters = Parameters.model_validate_json(json.dumps(told["parameters"]))
        whole = told["run_id"] == _run_id(told) and told["digest"] == _digest(told["files"])
        same = content_hash(parameters) == told["solved_hash"]
        posterior = of_document(told["draws"]) if "draws" in told else None
        at = dt.date.fromisoformat(told["at"])
    except OSError as error:
        raise InputError(f"{error.filename}: is gone or cannot be read ({error.strerror}); the past was made with it") from None
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InputError(f"{path}: is damaged ({problem}); save the past again") from None
    if not whole or not same:
        csv = [name for name in (parameters.village.people_file, parameters.village.ties_file) if name]
        what = f"{path} or {' or '.join(csv)}" if csv and whole else str(path)
        raise InputError(f"{what}: has changed since the past was made; save it again")
    return Past(folder, parameters, told["seed"], told["replicates"], told["week"], at, told, posterior)


def past_world(parameters: Parameters, at: dt.date | str, seed: int = 1, replicate: int = 0) -> World:
    """A replicate run under its own campaign to the first step on or after a day, to be forked; nothing is written."""
    week = step_of(parameters, at)
    world = build(parameters, seed, replicate)
    world.advance(week)
    return world


def step_of(parameters: Parameters, at: dt.date | str) -> int:
    """The first step on or after a day of the run (its last day: the step count, when all is over). Raises InputError outside of it."""
    try:
        day = dt.date.fromisoformat(at) if isinstance(at, str) else at.date() if isinstance(at, dt.datetime) else at
    except ValueError:
        raise InputError(f"at = {at!r}: not allowed; allowed: a date such as {parameters.start}") from None
    if not isinstance(day, dt.date) or not parameters.start <= day <= parameters.until:
        raise InputError(f"at = {at}: not in the run; allowed: a date from {parameters.start} to {parameters.until}")
    return timeline(parameters).week_of(day)


# ------------------------------------------------------------------ parts


def _kept(parameters: Parameters, posterior: Posterior | None, seed: int, week: int, replicate: int) -> bytes:
    """The state of one replicate at a step, as the bytes of its file."""
    world = build(behaviors.solved(parameters, posterior, seed, replicate), seed, replicate)
    world.advance(week)
    file = io.BytesIO()
    np.savez_compressed(file, **state(world))
    return file.getvalue()


def _name(replicate: int) -> str:
    return f"{replicate:04d}.npz"


def _calendar_day(parameters: Parameters, week: int) -> dt.date:
    calendar = timeline(parameters)
    return calendar.dates[calendar.burn_in] + (week - calendar.burn_in) * dt.timedelta(days=parameters.limits.step_days)


def _case(given) -> tuple[Parameters, dict]:
    given = load_scenario(given) if isinstance(given, str | Path) else given
    parameters = given.parameters if isinstance(given, Scenario) else given
    if not isinstance(parameters, Parameters):
        raise InputError(f"save: needs a scenario's name or file, a Scenario or Parameters, got {type(given).__name__}")
    name, title = (given.name, given.title) if isinstance(given, Scenario) else ("", parameters.village.title)
    return parameters, {"name": name, "title": title, "campaign": parameters.campaign.title, "hash": content_hash(parameters)}


def _run_id(told: dict) -> str:
    """Twelve hex digits that name what is kept."""
    identity = ["past", told["scenario"]["hash"], told["solved_hash"], told["code"], told["seed"], told["replicates"], told["week"]]
    identity += [told["draws"]] if "draws" in told else []
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:12]


def _digest(hashes: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(hashes.items())).encode()).hexdigest()[:16]


def _refuse_others(target: Path) -> None:
    """Only a folder that is new or empty, or was left by an interrupted `save`, may be written to."""
    if target.exists() and not target.is_dir():
        raise InputError(f"{target}: is a file; a past goes to a folder")
    names = sorted(os.listdir(target)) if target.exists() else []
    try:
        told = json.loads((target / "state.json").read_text(encoding="utf-8"))
        ours, complete = told["kind"] == KIND, told["complete"]
    except (OSError, ValueError, KeyError, TypeError):
        ours, complete = False, False
    if ours and complete:
        raise InputError(f"{target}: holds a past already; choose another folder, or remove it")
    foreign = [n for n in names if not (files.temporary(n) or ours and (n == "state.json" or FILE.fullmatch(n)))]
    if foreign:
        raise InputError(f"{target}: is not empty ({', '.join(foreign[:3])}); choose another folder")


def _lines(told: dict) -> bytes:
    return (json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _whole(name: str, value, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise InputError(f"{name} = {value!r}: not allowed; allowed: a whole number from {low} to {high}")
    return int(value)

"""Runs, comparisons, sweeps and pasts run again, from the recipes that are kept of them: does the same come out?

    found = replay("3f2a")                    # any unique beginning of a run id: see `experiments.recipes`
    found.identical, found.verdict, found.differences, found.result

The verdict tells an upgrade that changed numbers from one that did not, and both from a record that was altered.
"""

import importlib
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.engines import CODE
from experiments.recipes import find, input_files, inputs, means, silent
from experiments.screens.words import text
from simulation.parameters import InputError, Parameters

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.posterior import Posterior

#: values closer than this share of their size are the same: it is the digest that sees every digit
ROUNDING = 1e-9


class Again(NamedTuple):
    """What running a recipe again gave: digest, values by name (or None), and the result itself."""

    digest: str
    values: dict[str, float] | None
    result: Any


#: kind -> "module:function" that runs a recipe of this kind again: (recipe, progress=..., processes=...) -> Again
REPLAYS: dict[str, str] = {
    "run": "experiments.replay:run_again",
    "one": "experiments.replay:one_again",
    "compare": "experiments.compare:again",
    "sweep": "experiments.sweeping.sweep_recipe:again",
    "past": "experiments.branch:again",
}


@dataclass(frozen=True)
class Replay:
    """A recipe run again. identical: the digest, and all values that were kept, are the same; code_same: so is the simulation's code.
    differences: key, then, now, change of the values that are not; result: what came out now, such as a `Result`."""

    kind: str
    run_id: str
    identical: bool
    code_same: bool
    differences: "pd.DataFrame"
    result: Any
    changes: list[str]
    compared: int

    @property
    def verdict(self) -> str:
        """One sentence: the same or not, and what an upgrade has to do with it."""
        upgrade = "; ".join(self.changes)
        if self.identical and self.code_same:
            return text("replay_same", run_id=self.run_id)
        if self.identical:
            return text("replay_same_upgraded", run_id=self.run_id, upgrade=upgrade)
        count = text("replay_count", differ=len(self.differences), compared=self.compared) if self.compared else ""
        key = "replay_upgraded" if not self.code_same else "replay_moved" if upgrade else "replay_altered"
        return text(key, run_id=self.run_id, upgrade=upgrade, count=count)

    def document(self) -> dict:
        """The finding as plain values."""
        plain = [{k: None if v != v else v for k, v in row.items()} for row in self.differences.to_dict("records")]
        return {
            "kind": self.kind, "run_id": self.run_id, "identical": self.identical, "code_same": self.code_same, "verdict": self.verdict,
            "changes": self.changes, "compared": self.compared, "differences": plain,
        }  # fmt: skip


def replay(
    run_id: str,
    *,
    folders: Iterable[str | Path] = (".",),
    progress: Callable[[int, int], None] | None = None,
    processes: int | None = None,
) -> Replay:
    """Find a recipe (see `find`), run it again, and compare. Raises InputError where it is not known or can no longer be run."""
    import pandas as pd

    from experiments.run import versions

    recipe = find(run_id, folders)
    again = _function(recipe)
    if not recipe.get("digest"):
        raise InputError(f"{recipe['run_id']}: its record has no digest to compare with")
    _check_inputs(recipe)
    with silent():
        made = again(recipe, progress=progress, processes=processes)
    then = recipe.get("values") or {}
    now = {name: (made.values or {}).get(name) for name in then}
    rows = [(name, _number(then[name]), _number(now[name])) for name in then if not _same(then[name], now[name])]
    differences = pd.DataFrame([(*row, row[2] - row[1]) for row in rows], columns=["key", "then", "now", "change"])
    before, here = ({"simulation": code, **(found or {})} for code, found in ((recipe["code"], recipe.get("versions")), (CODE, versions())))
    other = [name for name in here if name in before and before[name] != here[name]]
    changes = [text("replay_version", name=name, before=before[name], now=here[name]) for name in other]
    identical = made.digest == recipe["digest"] and not rows
    return Replay(recipe["kind"], recipe["run_id"], identical, recipe["code"] == CODE, differences, made.result, changes, len(then))


def _number(value) -> float:
    return math.nan if value is None else float(value)


def _same(a, b) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= ROUNDING * max(1.0, abs(a), abs(b))


# ------------------------------------------------------------------ running again


def run_again(recipe: dict, *, progress=None, processes=None) -> Again:
    from experiments.run import run
    from scenarios.loader import Observation, Scenario

    about = recipe["scenario"]
    seen = tuple(_made(Observation, o) for o in recipe["observations"])
    scenario = Scenario(about["name"], about["title"], _made(Parameters, recipe["parameters"]), seen, (), about["hash"])
    result = run(
        scenario, replicates=recipe["replicates"], seed=recipe["seed"], months=recipe["months"], keep_weekly=recipe["weekly"],
        progress=progress, processes=processes, behavior=behavior_of(recipe),
    )  # fmt: skip
    return Again(result.provenance["digest"], means(result.keys, result.values.tolist()), result)


def behavior_of(recipe: dict) -> "str | Posterior":
    """The behavior that a recipe was made with: its own draws, whatever posterior is shipped now."""
    from scenarios.posterior import of_document

    return of_document(recipe["draws"]) if recipe.get("draws") else "point"


def one_again(recipe: dict, *, progress=None, processes=None) -> Again:
    """A single replicate, such as a run of a sweep; the values kept are looked for at their own months."""
    from experiments.running.replicate import one

    months = {int(name.partition("@")[2].partition("/")[0]) for name in recipe.get("values") or {} if "@" in name and "@end" not in name}
    found = one(_made(Parameters, recipe["parameters"]), recipe["seed"], recipe["replicate"], months=sorted(months - {0}))
    values = {}
    for (measure, month, kind, group), value in found["values"].items():
        dated = measure if month == "end" else f"{measure}@{month}"
        values[dated if kind == "all" else f"{dated}/{kind}={group}"] = None if value != value else value
    return Again(found["digest"], values, found)


def _made(kind: type, given: dict):
    try:
        return kind.model_validate_json(json.dumps(given))
    except ValueError as problem:
        first = str(problem).splitlines()[1:3]
        raise InputError(f"the record is of another version, whose {kind.__name__} this one does not take: {' '.join(first)}") from None


def _function(recipe: dict) -> Callable:
    module, _, name = REPLAYS.get(recipe["kind"], "").partition(":")
    found = getattr(importlib.import_module(module), name, None) if module else None
    if found is None:
        raise InputError(f"{recipe['run_id']} is a {recipe['kind']}, which this version of sadar cannot run again")
    return found


def _check_inputs(recipe: dict) -> None:
    """The files that were read must be as they were: by the hashes of a recipe, else (same code) by that of the scenario."""
    names, kept = input_files(recipe), recipe.get("inputs")
    if not names:
        return
    try:
        now = inputs(recipe)
    except OSError as error:
        raise InputError(
            f"{error.filename}: {recipe['run_id']} was made with it, it is gone or cannot be read ({error.strerror})"
        ) from None
    changed = [name for name in names if kept and kept.get(name) != now[name]]
    if not kept and recipe["code"] == CODE:
        from scenarios.loader import content_hash

        given, told = recipe["parameters"], recipe.get("campaigns") or [recipe["scenario"]]
        given = given if isinstance(given, list) else [given]
        if any(content_hash(_made(Parameters, p)) != about["hash"] for p, about in zip(given, told)):
            changed = names
    if changed:
        raise InputError(f"{' or '.join(changed)}: has changed since {recipe['run_id']} was made; bring the old file back to run it again")

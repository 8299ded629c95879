"""Run ids and what they stand for: recipes kept on this machine, found by id, and run again to see whether the same comes out.

    remember("run", run_id, recipe)           # every run, comparison and sweep does so; never fails one
    found = replay("3f2a")                    # any unique beginning of an id
    found.identical, found.verdict, found.differences, found.result

A recipe is plain data: kind, run_id, when, code, versions, digest (of all that was counted), inputs (hashes of the files of people and
ties), and what its kind needs to run again, the resolved parameters above all: no scenario file is read again. `values`, where
there are any, are numbers by name, so that a difference can be told. Results in folders are recipes too.
"""

import contextlib
import contextvars
import datetime as dt
import difflib
import gzip
import hashlib
import importlib
import json
import math
import os
import re
import secrets
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.engines import CODE
from simulation.parameters import InputError, Parameters

if TYPE_CHECKING:
    import pandas as pd

    from experiments.result import Result

#: recipes kept on this machine, the newest; how deep below a folder results are looked for, and in how many folders at most
KEPT, DEPTH, FOLDERS = 1000, 3, 10_000
#: values closer than this share of their size are the same: it is the digest that sees every digit
ROUNDING = 1e-9
SUFFIX = ".json.gz"
_warned: set[str] = set()
_replaying = contextvars.ContextVar("replaying", default=False)


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
    "sweep": "experiments.sweep:again",
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
            return f"identical: {self.run_id} gives the same numbers again, to the last digit"
        if self.identical:
            return f"identical: the program has changed ({upgrade}), the numbers of {self.run_id} have not"
        count = f"; {len(self.differences)} of {self.compared} values differ" if self.compared else ""
        if not self.code_same:
            return f"NOT identical: an upgrade has changed the numbers of {self.run_id} ({upgrade}){count}"
        if upgrade:
            return f"NOT identical: the simulation is the same, but not what it runs on ({upgrade}){count}"
        return (
            f"NOT identical, though the program is the same: what is kept of {self.run_id} was altered, or another machine made it{count}"
        )

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
    silent = _replaying.set(True)
    try:
        made = again(recipe, progress=progress, processes=processes)
    finally:
        _replaying.reset(silent)
    then = recipe.get("values") or {}
    now = {name: (made.values or {}).get(name) for name in then}
    rows = [(name, _number(then[name]), _number(now[name])) for name in then if not _same(then[name], now[name])]
    differences = pd.DataFrame([(*row, row[2] - row[1]) for row in rows], columns=["key", "then", "now", "change"])
    before, here = ({"simulation": code, **(found or {})} for code, found in ((recipe["code"], recipe.get("versions")), (CODE, versions())))
    changes = [f"{name} {before[name]}, now {here[name]}" for name in here if name in before and before[name] != here[name]]
    identical = made.digest == recipe["digest"] and not rows
    return Replay(recipe["kind"], recipe["run_id"], identical, recipe["code"] == CODE, differences, made.result, changes, len(then))


def _number(value) -> float:
    return math.nan if value is None else float(value)


def _same(a, b) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= ROUNDING * max(1.0, abs(a), abs(b))


# ------------------------------------------------------------------ remembering


def remember(kind: str, run_id: str, recipe: dict) -> None:
    """Keep a recipe on this machine (Parameters in it are made plain). Warns, once, where that cannot be done; never raises.

    Where the same id has given another digest before, it says so: an upgrade of a library, or the machine, has changed results.
    """
    if _replaying.get():
        return
    try:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        told = {"when": now, "code": CODE, **recipe, "kind": kind, "run_id": run_id, "inputs": recipe.get("inputs") or _inputs(recipe)}
        text = json.dumps(told, default=_plain, allow_nan=False)
        folder = registry()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{run_id}{SUFFIX}"
        with contextlib.suppress(InputError, FileNotFoundError):
            _compare(_read(path), told)
        draft = folder / f".{run_id}.{os.getpid()}-{secrets.token_hex(4)}"
        try:
            draft.write_bytes(gzip.compress(text.encode(), mtime=0))
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _forget_oldest(folder)
    except (OSError, RuntimeError, ValueError, TypeError) as problem:
        _warn_once("unwritable", f"what was run is not remembered for `sadar replay` ({problem})")


def registry() -> Path:
    """The folder of recipes: SADAR_STATE, else %LOCALAPPDATA%\\sadar, $XDG_STATE_HOME/sadar or ~/.local/state/sadar; in it, runs."""
    if given := os.environ.get("SADAR_STATE"):
        return Path(given).expanduser() / "runs"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "sadar" / "runs"


def _compare(old: dict, new: dict) -> None:
    if old.get("digest") and new.get("digest") and old["digest"] != new["digest"]:
        before, now = old.get("versions") or {}, new.get("versions") or {}
        why = [f"{name} {before[name]}, now {now[name]}" for name in now if name in before and before[name] != now[name]]
        warnings.warn(
            f"run {new['run_id']} gave other numbers on {old.get('when')} ({'; '.join(why) or 'the same versions'})", stacklevel=4
        )


def _forget_oldest(folder: Path) -> None:
    names = os.listdir(folder)
    if len(names) <= KEPT:
        return
    ages = []
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # another process forgets too
            ages.append(((folder / name).stat().st_mtime_ns, name))
    for _, name in sorted(ages)[: max(0, len(ages) - KEPT)]:
        (folder / name).unlink(missing_ok=True)


def _warn_once(what: str, text: str) -> None:
    if what not in _warned:
        _warned.add(what)
        warnings.warn(text, stacklevel=3)


def _plain(value):
    """For json: what recipes hold besides plain values."""
    if isinstance(value, Parameters):
        return value.model_dump(mode="json")
    if hasattr(value, "item"):
        return value.item()
    return str(value)


# ------------------------------------------------------------------ finding


def find(run_id: str, folders: Iterable[str | Path] = (".",)) -> dict:
    """The recipe of an id, or of its beginning (four digits or more): of the results in `folders` and below, else of this machine's
    registry. Raises InputError, with the nearest ids, where it is not known or could be several."""
    wanted = str(run_id).strip().lower()
    if not re.fullmatch(r"[0-9a-f]{4,64}", wanted):
        raise InputError(f"run id {run_id!r}: not allowed; allowed: the hexadecimal digits of an id, or the first four or more of them")
    folders = [Path(folder) for folder in folders]
    known: dict[str, Callable[[], dict]] = {}
    for found, read in (*_in_folders(folders), *_in_registry()):
        known.setdefault(found, read)
    matches = [wanted] if wanted in known else sorted(found for found in known if found.startswith(wanted))
    if not matches:
        for found, read in _in_sweeps(folders, wanted):
            known.setdefault(found, read)
        matches = sorted(found for found in known if found.startswith(wanted))
    if len(matches) > 1:
        several = ", ".join(matches[:6]) + (" ..." if len(matches) > 6 else "")
        raise InputError(f"run id {wanted!r}: could be {several}; give more digits")
    if not matches:
        near = difflib.get_close_matches(wanted, known, 3, 0.5)
        nearest = f"; nearest: {', '.join(near)}" if near else ""
        where = ", ".join(str(folder) for folder in folders)
        raise InputError(f"run id {wanted!r}: not known, neither in {registry()} nor in results below {where}{nearest}")
    return known[matches[0]]()


def _in_registry() -> Iterator[tuple[str, Callable]]:
    folder = registry()
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if name.endswith(SUFFIX) and not name.startswith("."):
                yield name.removesuffix(SUFFIX), lambda path=folder / name: _read(path)


def _read(path: Path) -> dict:
    try:
        found = json.loads(gzip.decompress(path.read_bytes()))
        if found["kind"] and found["run_id"] and found["code"]:
            return found
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error):
        pass
    raise InputError(f"{path}: the recipe cannot be read; remove the file")


def _in_folders(folders: Iterable[Path]) -> Iterator[tuple[str, Callable]]:
    """(id, how to get the recipe) of the results in folders and below."""
    for folder, name, told in _results(folders):
        if name == "run.json" and told.get("kind") == "sadar run" and told.get("run_id"):
            yield told["run_id"], lambda folder=folder, told=told: _of_folder(folder, told)
        elif name == "comparison.json" and isinstance(told.get("provenance"), dict) and told["provenance"].get("run_id"):
            about = {key: value for key, value in told.items() if key not in ("kind", "provenance", "document")}
            recipe = {**about, **told["provenance"], "kind": "compare", "folder": str(folder)}
            yield recipe["run_id"], lambda recipe=recipe: recipe
        elif name == "manifest.json" and told.get("kind") == "sadar sweep":
            with contextlib.suppress(ImportError, KeyError):
                from experiments.sweep import sweep_id

                recipe = {**told, "kind": "sweep", "run_id": sweep_id(told), "folder": str(folder)}
                yield recipe["run_id"], lambda recipe=recipe: recipe


def _results(folders: Iterable[Path]) -> Iterator[tuple[Path, str, dict]]:
    """(folder, file name, content) of what may describe a result, nearest folders first."""
    todo, seen = [(Path(folder).resolve(), 0) for folder in folders], 0
    while todo and seen < FOLDERS:
        (folder, depth), todo, seen = todo[0], todo[1:], seen + 1
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name in ("run.json", "comparison.json", "manifest.json"):
                with contextlib.suppress(OSError, ValueError):
                    told = json.loads(Path(entry.path).read_text(encoding="utf-8"))
                    if isinstance(told, dict):
                        yield folder, entry.name, told
            elif depth < DEPTH and not entry.name.startswith((".", "__")) and entry.is_dir(follow_symlinks=False):
                if entry.name not in ("parts", "weekly", "damaged", "node_modules", "site-packages"):
                    todo.append((Path(entry.path), depth + 1))


def _of_folder(folder: Path, told: dict) -> dict:
    """The recipe of a saved `Result`: its run.json, with the values of its summary.json."""
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        values, about = _means(summary["keys"], summary["values"]), {"when": told["started"], "weekly": "weekly.parquet" in told["files"]}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{folder}: the result cannot be read ({problem})") from None
    return {**told, **about, "kind": "run", "values": values, "folder": str(folder)}


def _in_sweeps(folders: Iterable[Path], wanted: str) -> Iterator[tuple[str, Callable]]:
    """Single runs of the sweeps in folders and below: looked for last, for a sweep may have millions."""
    for folder, name, told in _results(folders):
        if name != "manifest.json" or told.get("kind") != "sadar sweep":
            continue
        from experiments import store

        kept = store.open(folder)
        rows = store.read(kept)
        for row in rows[rows["run_id"].str.startswith(wanted)].to_dict("records"):
            yield row["run_id"], lambda kept=kept, row=row: _of_row(kept, row)


def _of_row(kept, row: dict) -> dict:
    """The recipe of one run of a sweep."""
    from experiments.design import Plan

    plan = Plan.of(kept.manifest, kept.points.to_pandas())
    values = {name: None if row[name] != row[name] else float(row[name]) for name in kept.manifest["outcomes"]}
    return {
        "kind": "one", "run_id": row["run_id"], "digest": row["digest"], "seed": plan.design.seed, "replicate": row["replicate"],
        "code": kept.manifest["code"], "versions": kept.manifest["versions"], "scenario": {"hash": row["scenario"]},
        "parameters": plan.parameters(row["point"]).model_dump(mode="json"), "values": values,
        "folder": str(kept.folder), "point": row["point"], "run": row["run"],
    }  # fmt: skip


# ------------------------------------------------------------------ running again


def of_run(result: "Result") -> dict:
    """The recipe of a result of `experiments.run.run`: give it to `remember`."""
    about = result.provenance
    keep = ("run_id", "scenario", "code", "seed", "replicates", "months", "versions", "digest", "solved")
    return {name: about[name] for name in keep} | {
        "when": about["started"], "weekly": result.weekly is not None, "parameters": result.parameters.model_dump(mode="json"),
        "observations": [seen.model_dump(mode="json") for seen in result.observations],
        "values": _means(result.keys, result.values.tolist()),
    }  # fmt: skip


def _means(keys: Iterable, rows: list[list]) -> dict[str, float | None]:
    """Mean over the replicates (rows) of every measure of all workers, by outcome key."""
    out = {}
    for (measure, month, kind, _), column in zip(keys, zip(*rows), strict=True):
        if kind == "all":
            found = [x for x in column if x is not None and x == x]
            out[measure if month == "end" else f"{measure}@{month}"] = math.fsum(found) / len(found) if found else None
    return out


def run_again(recipe: dict, *, progress=None, processes=None) -> Again:
    from experiments.run import run
    from scenarios.loader import Observation, Scenario

    about = recipe["scenario"]
    seen = tuple(_made(Observation, o) for o in recipe["observations"])
    scenario = Scenario(about["name"], about["title"], _made(Parameters, recipe["parameters"]), seen, (), about["hash"])
    result = run(
        scenario, replicates=recipe["replicates"], seed=recipe["seed"], months=recipe["months"], keep_weekly=recipe["weekly"],
        progress=progress, processes=processes,
    )  # fmt: skip
    return Again(result.provenance["digest"], _means(result.keys, result.values.tolist()), result)


def one_again(recipe: dict, *, progress=None, processes=None) -> Again:
    """A single replicate, such as a run of a sweep; the values kept are looked for at their own months."""
    from experiments.replicate import one

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


# ------------------------------------------------------------------ files of people and ties


def _files(recipe: dict) -> list[str]:
    given = recipe.get("parameters") or []
    several = [_plain(p) if isinstance(p, Parameters) else p for p in (given if isinstance(given, list | tuple) else [given])]
    found = [p.get("village", {}).get(key) for p in several if isinstance(p, dict) for key in ("people_file", "ties_file")]
    return sorted({name for name in found if name})


def _inputs(recipe: dict) -> dict[str, str]:
    return {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in _files(recipe)}


def _check_inputs(recipe: dict) -> None:
    """The files that were read must be as they were: by the hashes of a recipe, else (same code) by that of the scenario."""
    names, kept = _files(recipe), recipe.get("inputs")
    if not names:
        return
    try:
        now = _inputs(recipe)
    except OSError as error:
        raise InputError(
            f"{error.filename}: {recipe['run_id']} was made with it, it is gone or cannot be read ({error.strerror})"
        ) from None
    changed = [name for name in names if kept and kept.get(name) != now[name]]
    if not kept and recipe["code"] == CODE and isinstance(recipe["parameters"], dict):
        from scenarios.loader import content_hash

        if content_hash(_made(Parameters, recipe["parameters"])) != recipe["scenario"]["hash"]:
            changed = names
    if changed:
        raise InputError(f"{' or '.join(changed)}: has changed since {recipe['run_id']} was made; bring the old file back to run it again")

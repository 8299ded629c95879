"""Recipes: what is kept on this machine of every run, comparison, sweep and past, and how it is found again by its id.

    remember("run", run_id, recipe)           # never fails what was run
    recipe = find("3f2a")                     # any unique beginning of an id; results in folders are recipes too

A recipe is plain data: kind, run_id, when, code, versions, digest (of all that was counted), inputs (hashes of the files of people and
ties), and what its kind needs to run again, the resolved parameters above all: no scenario file is read again. `values`, where
there are any, are numbers by name, so that a difference can be told.
"""

import contextlib
import contextvars
import datetime as dt
import difflib
import gzip
import hashlib
import json
import math
import os
import re
import secrets
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.engines import CODE
from simulation.parameters import InputError, Parameters

if TYPE_CHECKING:
    from experiments.running.result import Result

#: recipes kept on this machine, the newest; how deep below a folder results are looked for, and in how many folders at most
KEPT, DEPTH, FOLDERS = 1000, 3, 10_000
SUFFIX = ".json.gz"
#: the files that say what a folder holds
HOLDS = ("run.json", "comparison.json", "manifest.json", "state.json")
_warned: set[str] = set()
#: whether something is being run again: that leaves the records alone
_silent = contextvars.ContextVar("silent", default=False)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Nothing is remembered within: else a digest that differs would take the place of the one it differs from."""
    before = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(before)


# ------------------------------------------------------------------ remembering


def remember(kind: str, run_id: str, recipe: dict) -> None:
    """Keep a recipe on this machine (Parameters in it are made plain). Warns, once, where that cannot be done; never raises.

    Where the same id has given another digest before, it says so: an upgrade of a library, or the machine, has changed results.
    """
    if _silent.get():
        return
    try:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        told = {"when": now, "code": CODE, **recipe, "kind": kind, "run_id": run_id, "inputs": recipe.get("inputs") or inputs(recipe)}
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
    if any(old.get(key) != new.get(key) for key in ("replicates", "failed")):
        return  # a sweep that was extended, or whose failed runs were done again
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
        elif name == "manifest.json" and told.get("kind") == "sadar sweep" and told.keys() >= {"plan", "code"}:
            from experiments.sweeping import sweep_recipe

            yield sweep_recipe.sweep_id(told), lambda folder=folder: sweep_recipe.of_folder(folder)
        elif name == "state.json" and told.get("kind") == "sadar past" and told.get("run_id"):
            scenario = {**told["scenario"], "hash": told["solved_hash"]}  # of the parameters as they stand here
            recipe = {**told, "kind": "past", "when": told["made"], "scenario": scenario, "folder": str(folder)}
            yield told["run_id"], lambda recipe=recipe: recipe


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
            if entry.name in HOLDS:
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
        values, about = means(summary["keys"], summary["values"]), {"when": told["started"], "weekly": "weekly.parquet" in told["files"]}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{folder}: the result cannot be read ({problem})") from None
    return {**told, **about, "kind": "run", "values": values, "folder": str(folder)}


def _in_sweeps(folders: Iterable[Path], wanted: str) -> Iterator[tuple[str, Callable]]:
    """Single runs of the sweeps in folders and below: looked for last, for a sweep may have millions."""
    for folder, name, told in _results(folders):
        if name == "manifest.json" and told.get("kind") == "sadar sweep":
            from experiments.sweeping import store, sweep_recipe

            kept = store.open(folder)
            for row in store.named(kept, wanted).to_dict("records"):
                yield row["run_id"], lambda kept=kept, row=row: sweep_recipe.of_run(kept, row)


# ------------------------------------------------------------------ what is kept of a run


def of_run(result: "Result") -> dict:
    """The recipe of a result of `experiments.run.run`: give it to `remember`."""
    about = result.provenance
    keep = ("run_id", "scenario", "code", "seed", "replicates", "months", "versions", "digest", "solved", "behavior")
    draws = {} if result.posterior is None else {"draws": result.posterior.document()}
    return draws | {name: about[name] for name in keep} | {
        "when": about["started"], "weekly": result.weekly is not None, "parameters": result.parameters.model_dump(mode="json"),
        "observations": [seen.model_dump(mode="json") for seen in result.observations],
        "values": means(result.keys, result.values.tolist()),
    }  # fmt: skip


def means(keys: Iterable, rows: list[list]) -> dict[str, float | None]:
    """Mean over the replicates (rows) of every measure of all workers, by outcome key."""
    out = {}
    for (measure, month, kind, _), column in zip(keys, zip(*rows), strict=True):
        if kind == "all":
            found = [x for x in column if x is not None and x == x]
            out[measure if month == "end" else f"{measure}@{month}"] = math.fsum(found) / len(found) if found else None
    return out


def input_files(recipe: dict) -> list[str]:
    given = recipe.get("parameters") or []
    several = [_plain(p) if isinstance(p, Parameters) else p for p in (given if isinstance(given, list | tuple) else [given])]
    found = [p.get("village", {}).get(key) for p in several if isinstance(p, dict) for key in ("people_file", "ties_file")]
    return sorted({name for name in found if name})


def inputs(recipe: dict) -> dict[str, str]:
    return {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in input_files(recipe)}

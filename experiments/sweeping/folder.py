"""The folder of a sweep, opened by one process to write and by any number to read: lock, manifest, what it may hold."""

import contextlib
import datetime as dt
import functools
import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock
import pyarrow as pa

from experiments.sweeping import files
from experiments.sweeping.files import KIND, Foreign, StoreError, Unsound
from simulation.parameters import InputError

FORMAT = 1
NAME = re.compile(r"part-(\d{10})-(\d{10})\.parquet")
#: columns of every row, before the outcomes
FIXED = {"run": pa.int64(), "point": pa.int32(), "replicate": pa.int32()}
TEXTS = ("run_id", "scenario", "status", "reason", "digest")
#: what a folder may hold before its manifest is written, and what file managers leave behind
FRESH = {"plan.parquet", "parts", "weekly", "damaged", ".lock", ".holder.json", ".DS_Store", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Store:
    """An opened folder."""

    folder: Path
    manifest: dict

    @property
    def total(self) -> int:
        """Runs of the whole sweep."""
        return self.manifest["points"] * self.manifest["replicates"]

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """Of a part's rows; nothing in it is ever null."""
        types = FIXED | dict.fromkeys(TEXTS, pa.string()) | dict.fromkeys(self.manifest["outcomes"], pa.float64())
        return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])

    @functools.cached_property
    def weekly_schema(self) -> pa.Schema | None:
        names = self.manifest["weekly"]
        return None if names is None else pa.schema([pa.field(name, pa.int64(), nullable=False) for name in ("run", "step", *names)])

    @functools.cached_property
    def points(self) -> pa.Table:
        """The points of the plan, a row each. Raises InputError where their file is not sound."""
        path = self.folder / "plan.parquet"
        try:
            return files.sound(path, self.identity).read().replace_schema_metadata().combine_chunks()
        except (Unsound, FileNotFoundError) as problem:
            why = problem if isinstance(problem, Unsound) else "is gone"
            raise InputError(f"{path}: {why}; run the same design into this folder again, that restores it") from None

    @property
    def identity(self) -> dict:
        """What every file of the sweep says of itself."""
        return _identity(self.manifest["plan"], self.manifest["code"], self.manifest["outcomes"], self.manifest["weekly"])

    def changes(self, code: str, versions: dict[str, str] | None = None) -> list[str]:
        """What differs between the program that made the sweep and this one, in words."""
        then, now = {"simulation": self.manifest["code"], **self.manifest["versions"]}, {"simulation": code, **(versions or {})}
        return [f"{name} {then[name]}, now {now[name]}" for name in now if name in then and then[name] != now[name]]


# ------------------------------------------------------------------ opening


@contextlib.contextmanager
def locked(folder: str | Path, make: bool = False) -> Iterator[Path]:
    """Hold the lock of a folder; everything but reading needs it. What a killed process left unfinished is removed.

    `make`: the folder may be new. Raises InputError where another process holds the lock or this is no folder of a sweep.
    """
    folder = Path(folder).resolve()
    if not make and not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    _refuse_others(folder)
    with files.told(folder, "cannot be made"):
        folder.mkdir(parents=True, exist_ok=True)
    lock, holder = filelock.FileLock(folder / ".lock", timeout=0, thread_local=False), folder / ".holder.json"
    with files.told(folder, "cannot be locked"):
        try:
            lock.acquire()
        except filelock.Timeout:
            raise InputError(f"{folder}: in use by {_holder(holder)}; wait for it to end, or stop it") from None
    try:
        with contextlib.suppress(OSError):  # it serves the message only
            holder.write_text(json.dumps({"process": os.getpid(), "host": platform.node(), "since": _now()}))
        _clean(folder)
        yield folder
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def create(folder: str | Path, plan, *, outcomes: Sequence[str], replicates: int, code: str, versions=None, weekly=None) -> Store:
    """Begin the sweep of a `Plan`, or take over what the folder has of the same plan already (its manifest may be gone). Needs the lock.

    weekly: names of the weekly columns; None keeps none. Replicates only grow. Raises InputError where the folder holds another sweep.
    """
    folder, outcomes, weekly = Path(folder).resolve(), list(outcomes), None if weekly is None else list(weekly)
    _refuse_others(folder)
    identity, old = _identity(plan.hash, code, outcomes, weekly), _manifest(folder)
    if old:
        _refuse_another(folder, old, plan.hash, code, outcomes, weekly)
    last = -1 if old else _last_taken_over(folder, identity)
    manifest = {
        "kind": KIND, "format": FORMAT, "plan": plan.hash, "code": code, "points": len(plan.points),
        "replicates": max(replicates, old["replicates"] if old else 0, -(-(last + 1) // len(plan.points))),
        "created": old["created"] if old else _now(), "versions": old["versions"] if old else dict(versions or {}),
        "outcomes": outcomes, "weekly": weekly, **plan.document(),
    }  # fmt: skip
    with files.told(folder, "cannot be made"):
        for name in ["parts"] if weekly is None else ["parts", "weekly"]:
            (folder / name).mkdir(exist_ok=True)
    points = pa.Table.from_pandas(plan.points, preserve_index=False)
    files.write(folder / "plan.parquet", files.encoded(points, identity, compression="zstd"))
    _write_manifest(folder, manifest)
    return Store(folder, manifest)


def open(folder: str | Path, code: str | None = None) -> Store:
    """An existing sweep. code: the version that is to compute more runs; another than the sweep's is refused. Raises InputError."""
    folder = Path(folder).resolve()
    manifest = _manifest(folder)
    if manifest is None and done(folder):
        what = f"manifest.json is {'damaged' if (folder / 'manifest.json').exists() else 'gone'}"
        raise InputError(f"{folder}: {what}; the finished parts are kept: run the same design into this folder again, it takes them over")
    if manifest is None:
        raise InputError(f"{folder}: {'no sweep in this folder' if folder.is_dir() else 'no such folder'}")
    if code is not None and code != manifest["code"]:
        raise InputError(f"{folder}: {_other_code(manifest['code'], code)}")
    return Store(folder, manifest)


def extend(store: Store, replicates: int) -> Store:
    """The store with so many replicates in all, whose runs are then missing. Needs the lock."""
    now = store.manifest["replicates"]
    if replicates < now:
        raise InputError(f"{store.folder}: has {now:,} replicates, {replicates:,} would be fewer; nothing was changed")
    manifest = {**store.manifest, "replicates": replicates}
    _write_manifest(store.folder, manifest)
    return Store(store.folder, manifest)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _identity(plan: str, code: str, outcomes: list[str], weekly: list[str] | None) -> dict:
    """What files of one sweep share: plan, version of the simulation, columns."""
    return {"plan": plan, "code": code, "columns": hashlib.sha256(json.dumps([outcomes, weekly]).encode()).hexdigest()[:16]}


def _refuse_another(folder: Path, old: dict, plan: str, code: str, outcomes: list[str], weekly: list[str] | None) -> None:
    if old["plan"] != plan:
        title = old["design"].get("title") or old["design"]["scenario"]
        raise InputError(f"{folder}: holds the sweep of another design ({title}); choose another folder")
    if old["code"] != code:
        raise InputError(f"{folder}: {_other_code(old['code'], code)}")
    if (old["outcomes"], old["weekly"]) != (outcomes, weekly):
        raise InputError(f"{folder}: keeps other outcomes than this version of sadar measures; choose another folder")


def _other_code(then: str, now: str) -> str:
    return f"made by version {then} of the simulation, this is {now}; results would differ: start a new sweep in another folder"


def _manifest(folder: Path) -> dict | None:
    """The manifest of a sweep, None where there is none that can be read."""
    try:
        found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise StoreError(f"{folder / 'manifest.json'}: could not be read ({error.strerror})") from None
    if not isinstance(found, dict) or found.get("kind") != KIND:
        return None
    if isinstance(found.get("format"), int) and found["format"] > FORMAT:
        raise InputError(f"{folder}: written in format {found['format']} by a newer version of sadar; this one reads format {FORMAT}")
    if found.pop("checksum", None) != _checksum(found):
        return None
    return found


def _write_manifest(folder: Path, manifest: dict) -> None:
    """One line for each key: small, and readable by people. A changed digit of a parameter would change results: so a checksum."""
    whole = manifest | {"checksum": _checksum(manifest)}
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(x, ensure_ascii=False)}" for key, x in whole.items())
    files.write(folder / "manifest.json", f"{{\n{lines}\n}}\n".encode())


def _checksum(manifest: dict) -> str:
    return hashlib.sha256(json.dumps(manifest).encode()).hexdigest()[:16]


def _refuse_others(folder: Path) -> None:
    """Only a folder that is new, empty or a sweep's may be written to."""
    if not folder.exists() or folder.is_dir() and (_manifest(folder) or done(folder)):
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: is a file; a sweep goes to a folder")
    foreign = sorted(name for name in os.listdir(folder) if name not in FRESH and not files.temporary(name))
    if foreign:
        raise InputError(f"{folder}: is not empty and holds no sweep ({', '.join(foreign[:3])}); choose another folder")


def _last_taken_over(folder: Path, identity: dict) -> int:
    """The last run in sound parts that have lost their manifest, -1 without any. Those of another sweep are refused; what is damaged says
    nothing."""
    found = -1
    for first, last, name in done(folder):
        try:
            files.sound(folder / "parts" / name, identity | {"first": first, "last": last})
            found = max(found, last)
        except Foreign as problem:
            raise InputError(f"{folder}: has no manifest, and {name} {problem}; nothing was changed, choose another folder") from None
        except Unsound:
            continue
    return found


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text())
        return f"process {found['process']} on {found['host']} since {found['since']}"
    except (OSError, ValueError, KeyError):
        return "another process"


def _clean(folder: Path) -> None:
    """Remove what a process that is gone left unfinished: drafts, and curves whose part was never written."""
    with files.told(folder, "cannot be cleaned"):
        parts = {name for _, _, name in done(folder)}
        for place in (folder, folder / "parts", folder / "weekly"):
            for name in os.listdir(place) if place.is_dir() else ():
                if files.temporary(name) or place.name == "weekly" and NAME.fullmatch(name) and name not in parts:
                    (place / name).unlink()


def done(folder: Path) -> list[tuple[int, int, str]]:
    """(first run, last run, name) of every part, in order, by their names alone."""
    try:
        names = os.listdir(folder / "parts")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((int(m[1]), int(m[2]), name) for name in names if (m := NAME.fullmatch(name)))

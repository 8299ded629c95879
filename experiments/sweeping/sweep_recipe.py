"""What is kept of a sweep that is complete, and a sweep or one of its runs done again from it: for `experiments.replay`.

A complete sweep has a digest, of the digests of its runs. Its recipe holds all it takes to run it again: where its folder is and, as
long as they are small, its points; no design and no scenario file is read again.
"""

import base64
import contextlib
import dataclasses
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from experiments.engines import CODE
from experiments.recipes import remember
from experiments.replay import Again
from experiments.sweeping import store
from experiments.sweeping.design import Plan
from simulation.parameters import InputError

#: bytes of points that are kept on this machine beside the folder, as compressed Parquet: some 100,000 points
MOST_POINTS = 2_000_000


def sweep_id(manifest: dict) -> str:
    """Twelve hex digits that name what a sweep computes: its plan and the code version; more replicates are the same sweep."""
    return hashlib.sha256(json.dumps([manifest["plan"], manifest["code"]]).encode()).hexdigest()[:12]


def digest_of(digests: Iterable[str]) -> str:
    """Sixteen hex digits over the digests of runs, in their order; that of a failed run is empty."""
    found = hashlib.sha256()
    for digest in digests:
        found.update(f"{digest}\n".encode())
    return found.hexdigest()[:16]


def of_folder(folder: str | Path) -> dict:
    """The recipe of the sweep in a folder. Raises InputError where runs are missing or not sound: only what is complete has a digest."""
    kept = store.open(folder)
    missing = sum(last - first + 1 for first, last in store.missing(kept))
    manifest, name = kept.manifest, sweep_id(kept.manifest)
    if missing:
        raise InputError(f"{kept.folder}: sweep {name} is not complete, {missing:,} of {kept.total:,} runs are missing; resume it first")
    told = {key: manifest[key] for key in ("code", "versions", "plan", "replicates", "outcomes", "design", "parts", "bases")}
    values = _means(kept)
    digests = (digest for table in store.parts(kept, ["digest"]) for digest in table["digest"].to_pylist())
    return {
        "kind": "sweep", "run_id": name, "when": manifest["created"], **told, "title": _title(manifest), "folder": str(kept.folder),
        "digest": digest_of(digests), "values": values, "failed": values["failed runs"],
    }  # fmt: skip


def remember_folder(folder: str | Path) -> None:
    """Keep the recipe of a complete sweep on this machine, so that it is found by its id from anywhere."""
    with contextlib.suppress(InputError):  # damaged meanwhile: reading says so
        recipe = of_folder(folder)
        points = io.BytesIO()
        store.open(folder).points.to_pandas().to_parquet(points, compression="zstd")
        small = len(points.getvalue()) <= MOST_POINTS
        remember("sweep", recipe["run_id"], recipe | {"points": base64.b64encode(points.getvalue()).decode() if small else None})


def of_run(kept: store.Store, row: dict) -> dict:
    """The recipe of one run of a sweep, given its row. Raises InputError for a run that failed."""
    if row["status"] != "ok":
        raise InputError(f"{row['run_id']}: run {row['run']} of {kept.folder} failed, there is nothing to compare with: {row['reason']}")
    plan = Plan.of(kept.manifest, kept.points.to_pandas())
    return {
        "kind": "one", "run_id": row["run_id"], "digest": row["digest"], "seed": plan.design.seed, "replicate": row["replicate"],
        "code": kept.manifest["code"], "versions": kept.manifest["versions"], "scenario": {"hash": row["scenario"]},
        "parameters": plan.parameters(row["point"]).model_dump(mode="json"),
        "values": {name: None if row[name] != row[name] else float(row[name]) for name in kept.manifest["outcomes"]},
        "folder": str(kept.folder), "point": row["point"], "run": row["run"],
    }  # fmt: skip


def again(recipe: dict, *, progress: Callable[[int, int], None] | None = None, processes: int | None = None) -> Again:
    """All runs of a sweep computed again into a temporary folder. The result is their frame, as of `sweep.results`."""
    from experiments.sweep import sweep

    told = (lambda found: progress(found.done, found.total)) if progress else None
    made = _plan(recipe)
    kept = {"replicates": recipe["replicates"], "outcomes": recipe["outcomes"], "months": None, "weekly": False}
    made = dataclasses.replace(made, design=made.design.model_copy(update=kept))  # which may have been extended since it was planned
    with tempfile.TemporaryDirectory(prefix="sadar-replay-") as place:
        table = sweep(made, Path(place) / "again", processes=processes, progress=told)
        return Again(table.attrs["digest"], _means(store.open(Path(place) / "again")), table)


def _plan(recipe: dict) -> Plan:
    """The plan of a recipe: of its folder where that still holds it, else of the points that were kept."""
    import pandas as pd

    points = None
    with contextlib.suppress(InputError):
        kept = store.open(recipe["folder"])
        points = kept.points.to_pandas() if sweep_id(kept.manifest) == recipe["run_id"] else None
    if points is None and recipe.get("points"):
        points = pd.read_parquet(io.BytesIO(base64.b64decode(recipe["points"])))
    if points is None:
        raise InputError(f"{recipe['run_id']}: {recipe['folder']} does not hold this sweep any more, and its points are kept nowhere else")
    made, gone = Plan.of(recipe, points), f"{recipe['run_id']} was made with it, it is gone or cannot be read"
    try:
        same = made.hash == recipe["plan"]
    except OSError as error:
        raise InputError(f"{error.filename}: {gone} ({error.strerror})") from None
    if not same and recipe["code"] == CODE:
        raise InputError(f"{recipe['run_id']}: a file of people or ties has changed since; bring the old one back to run it again")
    return made


def _title(manifest: dict) -> str:
    return manifest["design"].get("title") or manifest["design"]["scenario"]


def _means(kept: store.Store) -> dict[str, float | None]:
    """Mean of every outcome over the runs that have it, and how many runs failed."""
    import numpy as np

    names, failed = kept.manifest["outcomes"], 0
    sums, runs = np.zeros(len(names)), np.zeros(len(names), np.int64)
    for table in store.parts(kept, ["status", *names]):
        values = np.array([table[name].to_numpy() for name in names])
        sums, runs = sums + np.nansum(values, axis=1), runs + np.isfinite(values).sum(axis=1)
        failed += table["status"].to_pylist().count("failed")
    means = {name: total / count if count else None for name, total, count in zip(names, sums.tolist(), runs.tolist())}
    return means | {"failed runs": float(failed)}

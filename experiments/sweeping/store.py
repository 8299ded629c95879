"""The folder of a sweep: a manifest, the plan, and one Parquet part for each piece of work that is finished.

    manifest.json  plan.parquet  parts/part-<first run>-<last run>.parquet  weekly/(the same names)  damaged/  .lock
    results.parquet  weekly.parquet      made by `compact`: the same bytes however the parts were cut, ordered or interrupted

A run is done when a part that holds it is there: parts are written whole under another name and renamed, by the one process that
holds the lock, and know when a bit of them has changed. Reading needs no lock and never sees half a part. A failed run is a row too.
"""

import contextlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from experiments.sweeping import files
from experiments.sweeping.files import KIND, StoreError, Unsound
from experiments.sweeping.folder import FIXED, NAME, Store, create, done, extend, locked, open
from simulation.parameters import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Store", "StoreError", "check", "compact", "create", "done", "extend", "failed", "frames", "locked", "missing", "named", "open",
           "parts", "read", "read_weekly", "replace", "write"]  # fmt: skip

ROWS = {"compression": "lz4", "use_dictionary": False}  # of a part: a hundred rows are written and read twice as fast as with zstd
#: of curves, a row a run and step: smaller than lists (4 KB a run of 105 weeks), and every tool reads them
CURVES = {"compression": "zstd", "use_dictionary": False, "use_byte_stream_split": True}
#: rows of a row group of the compacted files
GROUP, WEEKLY_GROUP = 1 << 16, 1 << 15


# ------------------------------------------------------------------ what is done


def missing(store: Store, total: int | None = None) -> list[tuple[int, int]]:
    """(first, last) of the runs below `total` (all of the sweep) that are in no part."""
    total, gaps, here = store.total if total is None else total, [], 0
    for first, last, _ in done(store.folder):
        if here < min(first, total):
            gaps.append((here, min(first, total) - 1))
        here = max(here, last + 1)
    return gaps + ([(here, total - 1)] if here < total else [])


def write(store: Store, first: int, table: pa.Table, weekly: Sequence[np.ndarray | None] | None = None) -> None:
    """Add the rows of runs first, first + 1, ... as one part. Needs the lock. Raises StoreError where the disk does not take it.

    table: the columns of `store.schema`. weekly, where the sweep keeps it: for each row its curves, int64 [step, column], or None.
    """
    table = _plain(table, store.schema)
    runs = table["run"].to_numpy()
    if not len(runs) or not np.array_equal(runs, np.arange(first, first + len(runs))):
        raise ValueError(f"a part needs the rows of runs {first}, {first + 1}, ... in order")
    if (weekly is None) != (store.weekly_schema is None):
        raise ValueError(f"weekly curves {'are missing' if weekly is None else 'are not kept by this sweep'}")
    _write_part(store, table, None if weekly is None else _curves(store, runs, weekly))


def _write_part(store: Store, table: pa.Table, weekly: pa.Table | None) -> None:
    first, last = table["run"][0].as_py(), table["run"][-1].as_py()
    name, about = f"part-{first:010d}-{last:010d}.parquet", store.identity | {"first": first, "last": last}
    if weekly is not None:  # before the part: what is done has its curves
        files.write(store.folder / "weekly" / name, files.encoded(weekly, about, **CURVES))
    files.write(store.folder / "parts" / name, files.encoded(table, about, **ROWS))


def _plain(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of a schema in its order and types; no number is NaN and no text is empty text."""
    empty = {pa.float64(): float("nan"), pa.string(): ""}
    columns = [table[field.name].cast(field.type) for field in schema]
    return pa.table([x.fill_null(empty[x.type]) if x.null_count else x for x in columns], schema=schema)


def _curves(store: Store, runs: np.ndarray, weekly: Sequence[np.ndarray | None]) -> pa.Table:
    schema = store.weekly_schema
    curves = [np.zeros((0, len(schema) - 2), np.int64) if x is None else np.asarray(x, np.int64) for x in weekly]
    steps = [len(x) for x in curves]
    columns = [np.repeat(runs, steps), np.concatenate([np.arange(n) for n in steps]), *np.concatenate(curves).T]
    return pa.table([pa.array(np.ascontiguousarray(x)) for x in columns], schema=schema)


# ------------------------------------------------------------------ failed runs


def failed(store: Store) -> list[int]:
    """The runs that have failed so far."""
    tables = _tables(store, columns=["run", "status"])
    return [run for table in tables for run, status in zip(*table.to_pydict().values()) if status == "failed"]


def replace(store: Store, table: pa.Table, weekly: Sequence[np.ndarray | None] | None = None) -> None:
    """Put new rows in the place of those of the same runs (failed ones done again), part by part. Needs the lock."""
    table = _plain(table, store.schema)
    runs = table["run"].to_numpy()
    keep = lambda old: old.filter(pa.array(~np.isin(old["run"].to_numpy(), runs)))  # noqa: E731
    for first, last, name in done(store.folder):
        rows = np.flatnonzero((runs >= first) & (runs <= last))
        if not len(rows):
            continue
        try:
            merged, curves = pa.concat_tables([keep(_part(store, name)), table.take(rows)]).sort_by("run"), None
            if store.weekly_schema:
                new = _curves(store, runs[rows], [weekly[row] for row in rows])
                curves = pa.concat_tables([keep(_part(store, name, "weekly")), new])
                curves = curves.sort_by([("run", "ascending"), ("step", "ascending")])
        except (Unsound, FileNotFoundError) as problem:
            raise InputError(f"{store.folder}: {name} {problem}; resume first, that does its runs again") from None
        _write_part(store, merged, curves)


# ------------------------------------------------------------------ soundness


def check(store: Store, repair: bool = False) -> list[tuple[str, str]]:
    """(part, what is wrong with it) of every part that is not sound. repair: they are moved to damaged/, so that their runs are missing;
    it needs the lock."""
    found, covered = [], -1
    for first, last, name in done(store.folder):
        problem = _problem(store, first, last, name, covered)
        if problem:
            found.append((name, problem))
        else:
            covered = last
    for name, _ in found if repair else ():
        _set_aside(store.folder, name)
    return found


def _problem(store: Store, first: int, last: int, name: str, covered: int) -> str:
    identity = store.identity | {"first": first, "last": last}
    try:
        rows = files.sound(store.folder / "parts" / name, identity).metadata.num_rows
    except (Unsound, FileNotFoundError) as problem:
        return str(problem) if isinstance(problem, Unsound) else ""  # moved away by another process
    if rows != last - first + 1:
        return f"has {rows} rows"
    if first <= covered:
        return "holds runs that another part holds too"
    try:
        if store.weekly_schema:
            files.sound(store.folder / "weekly" / name, identity)
    except (Unsound, FileNotFoundError) as problem:
        return f"its weekly curves: {problem if isinstance(problem, Unsound) else 'gone'}"
    return ""


def _set_aside(folder: Path, name: str) -> None:
    """Move a part and its curves to damaged/, beside what is there already."""
    with files.told(folder, "a damaged part could not be moved"):
        for kind in ("parts", "weekly"):
            file, number = folder / kind / name, 0
            while (target := folder / "damaged" / f"{kind}-{name}{f'.{number}' if number else ''}").exists():
                number += 1
            if file.exists():
                target.parent.mkdir(exist_ok=True)
                os.replace(file, target)


# ------------------------------------------------------------------ reading


def read(store: Store) -> "pd.DataFrame":
    """A row for each run that is done, in order: run, point, replicate, lever_point, uncertainty_point, the paths that were varied,
    run_id, scenario, status ("ok" or "failed"), reason, digest, and a column for each outcome (NaN where the run failed)."""
    return _joined(store, pa.concat_tables([store.schema.empty_table(), *_tables(store)])).to_pandas()


def frames(store: Store) -> "Iterator[pd.DataFrame]":
    """The same in pieces of 65,536 rows, for what is too large to hold."""
    return (table.to_pandas() for table in files.cut(_joined_parts(store), GROUP))


def read_weekly(store: Store, runs: Iterable[int] | None = None) -> "pd.DataFrame":
    """The weekly curves of some runs or all: run, step (from 0), columns. Raises InputError where the sweep keeps none."""
    if not store.weekly_schema:
        raise InputError(f"{store.folder}: this sweep keeps no weekly curves; a design asks for them with weekly = true")
    if runs is None:
        return pa.concat_tables([store.weekly_schema.empty_table(), *_tables(store, "weekly")]).to_pandas()
    asked = np.unique(np.fromiter(runs, np.int64))
    tables = _tables(store, "weekly", wanted=lambda first, last: np.searchsorted(asked, first) < np.searchsorted(asked, last, "right"))
    kept = [table.filter(pa.array(np.isin(table["run"].to_numpy(), asked))) for table in tables]
    return pa.concat_tables([store.weekly_schema.empty_table(), *kept]).to_pandas()


def parts(store: Store, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The rows of all parts in order, as they are kept, a table each. Raises InputError at a part that is not sound."""
    return _tables(store, columns=columns, strict=True)


def named(store: Store, beginning: str) -> "pd.DataFrame":
    """The rows, as of `read`, of the runs whose run_id begins so. Little else is read: the ids, and the parts that hold these runs."""
    pieces = _tables(store, columns=["run", "run_id"])
    with contextlib.suppress(OSError, pa.ArrowException):  # all ids in one file, if they are all there
        table = pq.read_table(store.folder / "results.parquet", columns=["run", "run_id"])
        pieces = [table] if len(table) == store.total else pieces
    found = [table.filter(pc.starts_with(table["run_id"], beginning))["run"] for table in pieces]
    runs = np.unique(np.concatenate([np.zeros(0, np.int64), *(column.to_numpy() for column in found)]))
    wanted = lambda first, last: np.searchsorted(runs, first) < np.searchsorted(runs, last, "right")  # noqa: E731
    tables = [table.filter(pa.array(np.isin(table["run"].to_numpy(), runs))) for table in _tables(store, wanted=wanted)]
    rows = _joined(store, pa.concat_tables([store.schema.empty_table(), *tables]))
    return rows.filter(pc.starts_with(rows["run_id"], beginning)).to_pandas()


def _part(store: Store, name: str, kind: str = "parts", columns: list[str] | None = None) -> pa.Table:
    first, last = map(int, NAME.fullmatch(name).groups())
    file = files.sound(store.folder / kind / name, store.identity | {"first": first, "last": last})
    schema = store.schema if kind == "parts" else store.weekly_schema
    schema = schema if columns is None else pa.schema([schema.field(x) for x in columns])
    table = file.read(columns=columns, use_threads=False)
    return table if table.schema.equals(schema) else table.cast(schema)


def _tables(
    store: Store, kind: str = "parts", columns: list[str] | None = None, wanted: Callable | None = None, strict: bool = False
) -> Iterator[pa.Table]:
    """The tables of all sound parts (that are `wanted`), in order. Of the others tells a warning or, if strict, an InputError."""
    bad, covered = [], -1
    for first, last, name in done(store.folder):
        if first <= covered or wanted and not wanted(first, last):
            continue
        try:
            table = _part(store, name, kind, columns)
        except FileNotFoundError:  # moved away meanwhile: its runs are missing
            continue
        except Unsound as problem:
            bad.append(f"{name} {problem}")
            if strict:
                raise InputError(f"{store.folder}: {bad[0]}; resume does its runs again") from None
            continue
        covered = last
        yield table
    if bad:
        more = f" (and {len(bad) - 3} more)" if len(bad) > 3 else ""
        warnings.warn(f"{store.folder}: left out: {'; '.join(bad[:3])}{more}; resume does their runs again", stacklevel=3)


def _joined(store: Store, table: pa.Table) -> pa.Table:
    """Rows with the columns of their points after the replicate."""
    points = store.points.drop_columns(["point", "base"]).take(table["point"])
    names = [name for name in table.column_names if name not in FIXED]
    pieces = [table.select(list(FIXED)), points, table.select(names)]
    return pa.table({name: piece[name] for piece in pieces for name in piece.column_names})


def _joined_parts(store: Store, strict: bool = False) -> Iterator[pa.Table]:
    return (_joined(store, table) for table in _tables(store, strict=strict))


# ------------------------------------------------------------------ compaction


def compact(store: Store) -> list[Path]:
    """Write results.parquet (rows as of `read`) and, where kept, weekly.parquet; gives the files. Needs the lock.

    Their bytes depend on the results alone. Memory stays flat. A part that is not sound ends it with InputError, older files stay.
    """
    empty = _joined(store, store.schema.empty_table())
    repeated = [field.name for field in empty.schema if field.type == pa.string() and field.name not in ("run_id", "digest")]
    options = {"compression": "zstd", "use_dictionary": repeated}
    made = [_compacted(store, "results.parquet", empty, _joined_parts(store, strict=True), GROUP, **options)]
    if store.weekly_schema:
        empty, tables = store.weekly_schema.empty_table(), _tables(store, "weekly", strict=True)
        made.append(_compacted(store, "weekly.parquet", empty, tables, WEEKLY_GROUP, **CURVES))
    return made


def _compacted(store: Store, name: str, empty: pa.Table, tables: Iterator[pa.Table], rows: int, **options) -> Path:
    path, about = store.folder / name, {"sadar": json.dumps({"kind": KIND, **store.identity})}
    with files.replacing(path) as file, pq.ParquetWriter(file, empty.schema, **files.PARQUET, **options) as writer:
        writer.add_key_value_metadata(about)
        for table in files.cut(tables, rows):
            writer.write_table(table, row_group_size=rows)
    return path

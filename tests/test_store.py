"""The folder of a sweep: what is finished survives kills, full disks and flipped bits, and the final tables are the same bytes."""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.sweeping import files, store
from experiments.sweeping.design import Plan, plan
from simulation.parameters import InputError

ROOT = Path(__file__).parent.parent
OUTCOMES, CURVES = ["registered", "active@12"], ["a", "b"]
PLAN = plan({
    "scenario": "lerep", "replicates": 3, "title": "test",
    "levers": {"village.workers": [10, 20, 30, 40], "campaign": ["none", "lerep-2018"], "campaign.budget_rp": ["unset", 7]},
})  # fmt: skip
RUNS = PLAN.runs  # 48
KEEP = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows(first: int, last: int, bad=()) -> pa.Table:
    """Results made of the run's number; those in `bad` have failed."""
    runs = list(range(first, last + 1))
    return pa.table({
        "active@12": [None if r in bad else np.sqrt(r) for r in runs], "registered": [None if r in bad else r * 2.0 for r in runs],
        "run": runs, "point": [r % 16 for r in runs], "replicate": [r // 16 for r in runs],
        "run_id": [f"{r:012x}" for r in runs], "scenario": [f"s{r % 16}" for r in runs], "digest": [None if r in bad else f"d{r}" for r in runs],
        "status": ["failed" if r in bad else "ok" for r in runs], "reason": ["too hot" if r in bad else None for r in runs],
    })  # fmt: skip


def curves(first: int, last: int, bad=()) -> list:
    return [None if r in bad else np.arange(2 * (r % 5 + 1)).reshape(-1, 2) * 2**33 + r for r in range(first, last + 1)]


def begin(folder, weekly=False, made: Plan = PLAN, code="code", **keys) -> store.Store:
    return store.create(folder, made, **{"outcomes": OUTCOMES, "replicates": 3, "code": code, "weekly": CURVES if weekly else None, **keys})


def fill(s: store.Store, pieces, bad=()) -> None:
    for first, last in pieces:
        store.write(s, first, rows(first, last, bad), curves(first, last, bad) if s.weekly_schema else None)


@pytest.fixture
def folder(tmp_path):
    with store.locked(tmp_path / "sweep", make=True) as path:
        yield path


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """name -> bytes of the compacted files of a sweep that nothing happened to."""
    path = tmp_path_factory.mktemp("unbroken") / "sweep"
    with store.locked(path, make=True):
        s = begin(path, weekly=True)
        fill(s, [(0, RUNS - 1)], bad=(5,))
        return {p.name: p.read_bytes() for p in store.compact(s)}


def names(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir())


# ------------------------------------------------------------------ rows in, rows out


def test_what_is_written_is_read_with_the_columns_of_its_point(folder):
    s = begin(folder, weekly=True)
    fill(s, [(16, 40), (0, 9)], bad=(5, 20))
    found = store.read(s)
    assert list(found["run"]) == [*range(10), *range(16, 41)]
    paths = ["lever_point", "uncertainty_point", "village.workers", "campaign", "campaign.budget_rp"]
    assert list(found.columns) == ["run", "point", "replicate", *paths, "run_id", "scenario", "status", "reason", "digest", *OUTCOMES]
    for row in found.to_dict("records"):
        point = PLAN.points.iloc[row["run"] % 16]
        assert all(row[name] == point[name] for name in paths) and row["replicate"] == row["run"] // 16
        if row["run"] in (5, 20):
            assert (row["status"], row["reason"], row["digest"]) == ("failed", "too hot", "") and np.isnan(row["registered"])
        else:
            assert (row["status"], row["reason"], row["registered"]) == ("ok", "", row["run"] * 2.0)
            assert row["active@12"] == np.sqrt(row["run"])  # to the last bit
    assert store.failed(s) == [5, 20]
    assert [len(x) for x in store.frames(s)] == [len(found)] and next(store.frames(s)).equals(found)
    weekly = store.read_weekly(s)
    assert weekly.equals(weekly.sort_values(["run", "step"])) and list(weekly.columns) == ["run", "step", "a", "b"]
    assert not set(weekly["run"]) & {5, 20, 10}
    for run in (0, 9, 16, 39):
        assert np.array_equal(weekly.loc[weekly["run"] == run, CURVES].to_numpy(), curves(run, run)[0])
    some = store.read_weekly(s, [39, 4, 5, 12])
    assert set(some["run"]) == {4, 39} and some.equals(weekly[weekly["run"].isin([4, 39])].reset_index(drop=True))


def test_an_empty_sweep_reads_as_an_empty_table(folder):
    s = begin(folder)
    assert store.read(s).shape == (0, 15) and store.failed(s) == [] and list(store.frames(s)) == []
    assert pq.read_table(store.compact(s)[0]).num_rows == 0
    with pytest.raises(InputError, match="keeps no weekly curves"):
        store.read_weekly(s)


def test_a_part_must_be_what_it_says(folder):
    s = begin(folder)
    with pytest.raises(ValueError, match="in order"):
        store.write(s, 1, rows(0, 3))
    with pytest.raises(ValueError, match="in order"):
        store.write(s, 0, rows(0, 3).take([0, 2, 1, 3]))
    with pytest.raises(ValueError, match="not kept"):
        store.write(s, 0, rows(0, 3), curves(0, 3))
    with pytest.raises(KeyError):
        store.write(s, 0, rows(0, 3).drop_columns(["registered"]))
    assert names(folder / "parts") == []


@given(st.lists(st.integers(0, 1), min_size=1, max_size=60), st.integers(0, 70), st.randoms())
@KEEP
def test_missing_runs_are_the_gaps_between_parts(tmp_path_factory, here, total, chance):
    folder = tmp_path_factory.mktemp("gaps")
    (folder / "parts").mkdir()
    runs, first = [k for k, x in enumerate(here) if x], 0
    while first < len(here):  # cut what is there at random
        last = first + chance.randrange(5)
        last = next((k - 1 for k in range(first, last + 1) if k >= len(here) or not here[k]), last)
        if last >= first:
            (folder / "parts" / f"part-{first:010d}-{last:010d}.parquet").touch()
        first = max(last, first) + 1
    (folder / "parts" / ".part-0000000000-0000000099.parquet.tmp-1").touch()
    gaps = store.missing(store.Store(folder, {}), total)
    assert [k for a, b in gaps for k in range(a, b + 1)] == [k for k in range(total) if k not in runs]
    assert all(a <= b for a, b in gaps) and all(b + 1 < c for (_, b), (c, _) in zip(gaps, gaps[1:]))


def test_missing_runs_beside_parts_that_overlap(tmp_path):
    (tmp_path / "parts").mkdir()
    for first, last in ((0, 9), (2, 3), (12, 13)):
        (tmp_path / "parts" / f"part-{first:010d}-{last:010d}.parquet").touch()
    assert store.missing(store.Store(tmp_path, {}), 15) == [(10, 11), (14, 14)]


# ------------------------------------------------------------------ the same bytes


@given(st.sets(st.integers(1, RUNS - 1)), st.randoms(), st.booleans(), st.sets(st.integers(0, RUNS - 1), max_size=6))
@KEEP
def test_compacted_bytes_do_not_depend_on_cuts_order_or_retries(unbroken, cuts, chance, retry, hot):
    import tempfile

    with tempfile.TemporaryDirectory() as path, store.locked(path, make=True) as folder:
        s = begin(folder, weekly=True)
        edges = [0, *sorted(cuts), RUNS]
        pieces = [(a, b - 1) for a, b in zip(edges, edges[1:])]
        chance.shuffle(pieces)
        fill(s, pieces, bad={5, *hot} if retry else {5})
        again = sorted(hot - {5}) if retry else []
        if again:
            assert store.failed(s) == sorted({5, *hot})
            table = pa.concat_tables([rows(r, r) for r in again])
            store.replace(s, table, [curves(r, r)[0] for r in again])
        assert store.failed(s) == [5] and store.missing(s) == [] and store.check(s) == []
        assert {p.name: p.read_bytes() for p in store.compact(s)} == unbroken


def test_row_groups_do_not_depend_on_the_parts(folder, monkeypatch):
    monkeypatch.setattr(store, "GROUP", 7)
    monkeypatch.setattr(store, "WEEKLY_GROUP", 11)
    s = begin(folder, weekly=True)
    fill(s, [(0, 2), (3, 3), (4, 40), (41, RUNS - 1)])
    found = [pq.ParquetFile(p) for p in store.compact(s)]
    for file, size in zip(found, (7, 11)):
        groups = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
        assert set(groups[:-1]) == {size} and groups[-1] <= size
    assert found[0].read().to_pandas().equals(store.read(s))
    assert found[1].read().to_pandas().equals(store.read_weekly(s))
    assert [len(x) for x in store.frames(s)] == [7] * 6 + [6]


def test_a_part_is_replaced_only_where_a_run_was_done_again(folder):
    s = begin(folder)
    fill(s, [(0, 9), (10, 19), (20, 29)], bad=(3, 4, 25))
    before = {p.name: p.stat().st_mtime_ns for p in (folder / "parts").iterdir()}
    store.replace(s, pa.concat_tables([rows(4, 4), rows(3, 3, bad=(3,))], promote_options="permissive"))
    after = {p.name: p.stat().st_mtime_ns for p in (folder / "parts").iterdir()}
    assert [name for name in before if before[name] != after[name]] == ["part-0000000000-0000000009.parquet"] and len(after) == 3
    assert store.failed(s) == [3, 25] and store.check(s) == []


# ------------------------------------------------------------------ soundness


def test_truncated_and_empty_parts_are_named_left_out_and_done_again(folder):
    s = begin(folder, weekly=True)
    fill(s, [(0, 9), (10, 19), (20, 29), (30, 39), (40, 47)])
    parts = folder / "parts"
    whole = (parts / "part-0000000010-0000000019.parquet").read_bytes()
    (parts / "part-0000000010-0000000019.parquet").write_bytes(whole[: len(whole) // 2])
    (parts / "part-0000000020-0000000029.parquet").write_bytes(b"")
    (folder / "weekly" / "part-0000000040-0000000047.parquet").unlink()
    with pytest.warns(UserWarning, match="part-0000000010-0000000019.parquet is truncated or damaged"):
        assert sorted(set(store.read(s)["run"])) == [*range(10), *range(30, 48)]
    with pytest.raises(InputError, match="part-0000000010-0000000019.parquet is truncated or damaged; resume"):
        store.compact(s)
    assert "results.parquet" not in names(folder) and not [n for n in names(folder) if files.temporary(n)]
    found = store.check(s)
    assert [name[5:15] for name, _ in found] == ["0000000010", "0000000020", "0000000040"] and "weekly curves: gone" in found[2][1]
    assert store.missing(s) == []  # looking changes nothing
    assert store.check(s, repair=True) == found and store.check(s) == []
    assert store.missing(s) == [(10, 29), (40, 47)]
    assert len(names(folder / "damaged")) == 5  # three parts, two of them with their curves
    fill(s, [(10, 29), (40, 47)])
    (parts / "part-0000000010-0000000029.parquet").write_bytes(b"x")
    store.check(s, repair=True)
    assert len(names(folder / "damaged")) == 7


@given(st.integers(0, 10**9), st.integers(0, 7), st.sampled_from(["parts", "weekly"]))
@settings(KEEP, max_examples=100)
def test_a_single_flipped_bit_is_found(tmp_path_factory, place, bit, kind):
    folder = _once(tmp_path_factory)
    s = store.open(folder)
    path = folder / kind / "part-0000000000-0000000009.parquet"
    data = bytearray(path.read_bytes())
    whole = bytes(data)
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(data)
    try:
        assert [name for name, _ in store.check(s)] == [path.name]
        with pytest.warns(UserWarning, match="resume does their runs again"):
            read = store.read(s) if kind == "parts" else store.read_weekly(s)
        assert set(read["run"]) == set(range(10, 20))
    finally:
        path.write_bytes(whole)
    assert store.check(s) == []


FLIPPED = []


def _once(factory) -> Path:
    if not FLIPPED:
        path = factory.mktemp("flipped") / "sweep"
        with store.locked(path, make=True):
            fill(begin(path, weekly=True), [(0, 9), (10, 19)])
        FLIPPED.append(path)
    return FLIPPED[0]


def test_overlapping_renamed_and_foreign_parts_are_set_aside(folder, tmp_path):
    s = begin(folder)
    fill(s, [(0, 9), (5, 14), (20, 24), (30, 39)])
    os.rename(folder / "parts" / "part-0000000020-0000000024.parquet", folder / "parts" / "part-0000000025-0000000029.parquet")
    with store.locked(tmp_path / "other", make=True) as other:
        o = begin(other, outcomes=["active@12", "registered"])
        fill(o, [(40, 47)])
        shutil.copy(other / "parts" / "part-0000000040-0000000047.parquet", folder / "parts")
    with pytest.warns(UserWarning, match="holds other runs.*other outcomes"):
        assert sorted(store.read(s)["run"]) == [*range(10), *range(30, 40)]
    problems = dict(store.check(s, repair=True))
    assert "another part holds too" in problems["part-0000000005-0000000014.parquet"]
    assert "other runs" in problems["part-0000000025-0000000029.parquet"]
    assert "other outcomes" in problems["part-0000000040-0000000047.parquet"] and len(problems) == 3
    assert store.missing(s) == [(10, 29), (40, 47)]


def test_page_checksums_are_on(folder):
    s = begin(folder, weekly=True)
    fill(s, [(0, RUNS - 1)])
    for path in [*folder.glob("*/part-*.parquet"), *store.compact(s)]:
        data = bytearray(path.read_bytes())
        pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True).read()
        column = pq.ParquetFile(path).metadata.row_group(0).column(0)
        data[column.data_page_offset + column.total_compressed_size - 1] ^= 1  # the last byte of the last page
        with pytest.raises(OSError):
            pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True).read()


# ------------------------------------------------------------------ opening


def test_a_deleted_manifest_is_made_again_from_the_same_design(folder):
    s = begin(folder)
    fill(s, [(0, 9), (10, 70)])  # extended before
    (folder / "parts" / "part-0000000000-0000000009.parquet").write_bytes(b"")
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match="manifest.json is gone; the finished parts are kept: run the same design into this folder again"):
        store.open(folder)
    for keys in ({"made": plan({"scenario": "lerep"})}, {"code": "other"}, {"outcomes": ["active"]}, {"weekly": True}):
        with pytest.raises(InputError, match="belongs to .* nothing was changed"):
            begin(folder, **keys)
    assert "manifest.json" not in names(folder)
    s = begin(folder)
    assert s.manifest["replicates"] == 5 and len(store.done(folder)) == 2  # as many as the sound parts reach into
    assert [name for name, _ in store.check(s, repair=True)] == ["part-0000000000-0000000009.parquet"]
    assert store.missing(s) == [(0, 9), (71, 79)] and store.open(folder).manifest == s.manifest


@pytest.mark.parametrize("harm", ["{", '{"kind": "sadar sweep"}', "[]", "digit"])
def test_a_damaged_manifest_is_not_believed(folder, harm):
    s = begin(folder)
    fill(s, [(0, 9)])
    text = (folder / "manifest.json").read_text()
    changed = text.replace('"female_share": 0.', '"female_share": 1.', 1)
    assert changed != text
    (folder / "manifest.json").write_text(changed if harm == "digit" else harm)
    with pytest.raises(InputError, match="manifest.json is damaged; the finished parts are kept"):
        store.open(folder)
    assert begin(folder).manifest | {"created": ""} == s.manifest | {"created": ""}


def test_the_same_design_again_goes_on_and_another_is_refused(folder):
    s = begin(folder, versions={"numpy": "1"})
    fill(s, [(0, 9)])
    more = begin(folder, replicates=4, versions={"numpy": "2"})
    assert more.total == 64 and more.manifest["versions"] == {"numpy": "1"} and more.manifest["created"] == s.manifest["created"]
    assert begin(folder, replicates=2).total == 64
    with pytest.raises(InputError, match=r"another design \(test\)"):
        begin(folder, made=plan({"scenario": "lerep"}))
    with pytest.raises(InputError, match="made by version code of the simulation, this is other; results would differ"):
        begin(folder, code="other")
    with pytest.raises(InputError, match="other outcomes"):
        begin(folder, outcomes=["active"])
    assert store.missing(store.open(folder)) == [(10, 63)]


def test_another_version_may_read_but_not_go_on(folder):
    begin(folder, versions={"numpy": "1", "numba": "3"})
    assert store.open(folder, code="code").changes("code", {"numpy": "1"}) == []
    with pytest.raises(InputError, match="made by version code of the simulation, this is new"):
        store.open(folder, code="new")
    assert store.open(folder).changes("new", {"numpy": "2", "numba": "3", "mesa": "9"}) == ["simulation code, now new", "numpy 1, now 2"]


def test_extending_appends_and_never_shrinks(folder):
    s = begin(folder)
    fill(s, [(0, RUNS - 1)])
    s = store.extend(s, 5)
    assert store.missing(s) == [(48, 79)] and store.open(folder).total == 80
    with pytest.raises(InputError, match="has 5 replicates, 4 would be fewer"):
        store.extend(s, 4)


def test_a_plan_that_is_kept_is_the_plan_that_was_made(folder):
    s = begin(folder)
    again = Plan.of(store.open(folder).manifest, s.points.to_pandas())
    assert again.hash == PLAN.hash and again.parameters(7) == PLAN.parameters(7)
    (folder / "plan.parquet").write_bytes(b"")
    for harm in (lambda: None, (folder / "plan.parquet").unlink):
        harm()
        with pytest.raises(InputError, match="plan.parquet: .* run the same design into this folder again"):
            store.read(store.open(folder))
    assert begin(folder).points.equals(s.points)


def test_foreign_folders_are_refused_and_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "results.parquet").write_text("precious")
    (tmp_path / "file").write_text("precious")
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "manifest.json").write_text('{"kind": "sadar sweep", "format": 2}')
    for name, message in (
        ("mine", "holds no sweep"),
        ("file", "is a file"),
        ("newer", "format 2 by a newer version of sadar; this one reads format 1"),
    ):
        with pytest.raises(InputError, match=message), store.locked(tmp_path / name, make=True):
            pass
        with pytest.raises(InputError, match=message):
            begin(tmp_path / name)
    assert names(tmp_path / "mine") == ["results.parquet"] and names(tmp_path / "newer") == ["manifest.json"]
    for name, message in (("mine", "no sweep in this folder"), ("nothing", "no such folder")):
        with pytest.raises(InputError, match=message):
            store.open(tmp_path / name)
    with pytest.raises(InputError, match="no such folder"), store.locked(tmp_path / "nothing"):
        pass
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").touch()
    with store.locked(tmp_path / "empty"):
        begin(tmp_path / "empty")


# ------------------------------------------------------------------ two processes, and none

WRITER = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
import test_store as t
from experiments.sweeping import store
with store.locked({folder!r}, make=True):
    s = t.begin({folder!r}, weekly=True, replicates=2000)
    print("begun", flush=True)
    for first, last in store.missing(s):
        for r in range(first, last + 1, 3):
            t.fill(s, [(r, min(r + 2, last))])
"""


def writer(folder) -> subprocess.Popen:
    """Another process that fills the folder in parts of three runs."""
    code = WRITER.format(root=str(ROOT), tests=str(ROOT / "tests"), folder=str(folder))
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "begun\n"
    return other


def test_kill_9_leaves_only_sound_parts_and_frees_the_lock(tmp_path):
    folder, chance, seen = tmp_path / "sweep", random.Random(1), 0
    for _ in range(3):
        other = writer(folder)
        try:
            with pytest.raises(InputError, match=f"in use by process {other.pid} on .* since"), store.locked(folder):
                pass
            time.sleep(chance.uniform(0.05, 0.4))
        finally:
            other.send_signal(signal.SIGKILL)
            other.wait()
            other.stdout.close()
        with store.locked(folder):
            s = store.open(folder)
            assert store.check(s) == []
            runs = list(store.read(s)["run"])
            assert runs == list(range(len(runs))) and len(runs) > seen and store.missing(s)[0][0] == len(runs)
            assert names(folder / "parts") == names(folder / "weekly")  # no drafts, no curves without their part
            assert not [name for name in names(folder) if files.temporary(name)]
            seen = len(runs)


def test_curves_without_their_part_and_drafts_are_cleaned(tmp_path):
    with store.locked(tmp_path / "s", make=True) as folder:
        fill(begin(folder, weekly=True), [(0, 9)])
        shutil.copy(folder / "weekly" / "part-0000000000-0000000009.parquet", folder / "weekly" / "part-0000000010-0000000019.parquet")
        for place in (folder, folder / "parts", folder / "weekly"):
            (place / ".x.parquet.tmp-123").touch()
    with store.locked(folder):
        assert names(folder / "parts") == names(folder / "weekly") == ["part-0000000000-0000000009.parquet"]
        assert ".x.parquet.tmp-123" not in names(folder)


def test_curves_are_there_before_their_part(folder, monkeypatch):
    s, order, write = begin(folder, weekly=True), [], files.write
    monkeypatch.setattr(files, "write", lambda path, data: (order.append(path.parent.name), write(path, data)))
    fill(s, [(0, 9)], bad=(2,))
    store.replace(s, rows(2, 2), curves(2, 2))
    assert order == ["weekly", "parts"] * 2


def test_the_lock_is_held_by_one_even_in_one_process(tmp_path):
    with store.locked(tmp_path / "s", make=True) as folder:
        begin(folder)
        with pytest.raises(InputError, match=f"in use by process {os.getpid()} "), store.locked(folder):
            pass
        assert store.open(folder)  # reading needs none
    with store.locked(folder):
        assert ".holder.json" in names(folder)
    assert ".holder.json" not in names(folder)


def test_reading_while_another_process_writes(tmp_path):
    other = writer(tmp_path / "s")
    try:
        s, before, looks = store.open(tmp_path / "s"), 0, 0
        until = time.monotonic() + 1.5
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a part that is not sound would be told
            while time.monotonic() < until:
                found = store.read(s)
                assert list(found["run"]) == list(range(len(found))) and len(found) >= before
                assert (found["registered"] == found["run"] * 2.0).all()
                before, looks = len(found), looks + 1
                assert set(store.read_weekly(s, found["run"])["run"]) == set(found["run"])
        assert looks > 2 and before > 0
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


def test_reading_while_parts_are_replaced_and_moved(folder):
    s, stop, found = begin(folder), threading.Event(), []
    fill(s, [(0, 9), (10, 19)], bad=(3,))

    def look():
        while not stop.is_set():
            found.append(set(store.read(s)["run"]))

    reader = threading.Thread(target=look)
    reader.start()
    for k in range(40):
        store.replace(s, rows(3, 3, bad=(3,) if k % 2 else ()))
        store._set_aside(folder, "part-0000000010-0000000019.parquet")
        fill(s, [(10, 19)])
    stop.set()
    reader.join()
    assert found and all(runs in (set(range(10)), set(range(20))) for runs in found)


# ------------------------------------------------------------------ a full disk


def test_a_full_disk_ends_in_one_message_and_keeps_what_is_sound(tmp_path):
    """On a file system of 400 KiB, mounted where nobody but a process of ours sees it."""
    private = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=400k tmpfs "$0" && exec "$@"', str(tmp_path)]
    try:
        if subprocess.run([*private, "true"], capture_output=True).returncode:
            pytest.skip("no small file system can be mounted here")
    except FileNotFoundError:
        pytest.skip("no unshare here")
    code = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]; import test_store; test_store.fill_the_disk({str(tmp_path)!r})"
    done = subprocess.run([*private, sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "all of it\n" and names(tmp_path) == []


def fill_the_disk(disk: str) -> None:
    with store.locked(Path(disk) / "sweep", make=True) as folder:
        s, first = begin(folder, weekly=True, replicates=1000), 0
        with pytest.raises(store.StoreError) as caught:
            while True:
                fill(s, [(first, first + 9)])
                first += 10
        text = str(caught.value)
        assert isinstance(caught.value, InputError) and isinstance(caught.value, OSError) and str(folder) in text and "\n" not in text
        assert text.endswith("could not be written (No space left on device); what was finished before is kept: make room, then resume")
        assert first > 50 and store.check(s) == [] and list(store.read(s)["run"]) == list(range(first))
        with pytest.raises(store.StoreError, match="results.parquet: could not be written.*make room"):
            store.compact(s)
        s.manifest["versions"]["much"] = "x" * 1_000_000
        with pytest.raises(store.StoreError, match="manifest.json: could not be written"):
            store.extend(s, 2000)
        s = store.open(folder)
        assert store.missing(s)[0] == (first, 15_999)
        assert not [n for p in (folder, folder / "parts", folder / "weekly") for n in names(p) if files.temporary(n)]
    print("all of it")


LIMITED = """
import resource, sys
sys.path[:0] = [{root!r}, {tests!r}]
import test_store as t
from experiments.sweeping import store
with store.locked({folder!r}) as folder:
    s = store.open(folder)
    for size in (0, 1000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        for work in (lambda: t.fill(s, [(10, 19)]), lambda: store.compact(s), lambda: store.extend(s, 9), lambda: store.replace(s, t.rows(3, 3))):
            try:
                work()
            except store.StoreError as error:
                print(error)
"""


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path):
    """RLIMIT_FSIZE: real writes that fail after some bytes, also where nothing can be mounted."""
    with store.locked(tmp_path / "s", make=True) as folder:
        fill(begin(folder), [(0, 9)])
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    code = LIMITED.format(root=str(ROOT), tests=str(ROOT / "tests"), folder=str(folder))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert len(told) == 8 and all("could not be written (File too large)" in line and "make room" in line for line in told)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_a_failing_disk_is_told_when_bytes_reach_it(folder, monkeypatch):
    s = begin(folder)

    def fsync(fd):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(store.StoreError, match=r"could not be written \(Input/output error\)$"):
        fill(s, [(0, 9)])
    assert names(folder / "parts") == []


def test_ctrl_c_while_writing_leaves_no_draft(folder, monkeypatch):
    s = begin(folder)
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fill(s, [(0, 9)])
    assert names(folder / "parts") == []


# ------------------------------------------------------------------ cost


def test_ten_thousand_parts_are_listed_and_a_part_is_written_quickly(folder):
    s = begin(folder, replicates=10**6)
    fill(s, [(0, 99)])
    for k in range(1, 10_000):
        (folder / "parts" / f"part-{k * 100:010d}-{k * 100 + 99:010d}.parquet").touch()
    assert min(_seconds(lambda: store.missing(s)) for _ in range(3)) < 0.3  # 20 ms
    table = rows(10**6, 10**6 + 99)
    assert min(_seconds(lambda: store.write(s, 10**6, table)) for _ in range(10)) < 0.01  # 1 ms


def _seconds(work) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def test_memory_of_compaction_does_not_grow_with_the_runs(folder, monkeypatch):
    """Arrow's tables alive while compacting: about a row group and a part, however many parts there are."""
    monkeypatch.setattr(store, "WEEKLY_GROUP", 1000)
    s = begin(folder, weekly=True, replicates=10**6)
    curve = np.zeros((500, 2), np.int64)
    for first in range(0, 400, 4):
        store.write(s, first, rows(first, first + 3), [curve] * 4)
    whole, most, cut = 400 * 500 * 4 * 8, [], files.cut

    def watched(tables, size):
        for table in cut(tables, size):
            most.append(pa.total_allocated_bytes() - base)
            yield table

    monkeypatch.setattr(files, "cut", watched)
    base = pa.total_allocated_bytes()
    store.compact(s)
    assert max(most) < whole / 10

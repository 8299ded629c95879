"""Sweeps: no finished run is ever lost or done twice, and neither engines nor interruptions change a byte."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import toys
from clusters import shared  # noqa: F401

from experiments import sweep as sweeps
from experiments.running.keys import key_of
from experiments.running.replicate import one
from experiments.sweep import _Watch, extend, influence, results, resume, summary, sweep
from experiments.sweeping.design import plan
from simulation.baseline import solve
from simulation.branch import fork
from simulation.parameters import InputError
from simulation.world import build

LEVER = """
[[lever]]
name = "session"
start = 2018-03-01
grade = "guess"
source = "a test"
contact.channel = "session"
contact.attendance = 10
contact.every_weeks = 2
cost.event_rp = 50_000
"""


@pytest.fixture
def design(tmp_path):
    """Three sizes of a session x two of a habit x four replicates in a village of 60: 24 runs of a few milliseconds."""
    (tmp_path / "session.toml").write_text(f'kind = "campaign"\ntitle = "sessions"\n{LEVER}', encoding="utf-8")
    (tmp_path / "small.toml").write_text(
        f'kind = "case"\ntitle = "small"\ncampaigns = ["{tmp_path}/session.toml"]\nstart = 2018-03-01\nuntil = 2018-09-01\n'
        'burn_in_weeks = 20\n[village]\nextends = "desa"\nworkers = 60\nmedian_value_rp = 20_000.0\nforget_prob = 0.01\n'
        "start_coverage_share = 0.1\n",
        encoding="utf-8",
    )
    return {
        "title": "a small sweep", "scenario": str(tmp_path / "small.toml"), "replicates": 4, "seed": 3, "months": [3],
        "outcomes": ["registered", "active@3", "aware", "campaign_rp", "campaign_per_retained_rp"],
        "levers": {"campaign.levers.session.contact.attendance": [5, 10, 20]},
        "uncertainties": {"behavior.talk_enrolled_prob": {"low": 0.01, "high": 0.3, "scale": "log", "levels": 2}},
    }  # fmt: skip


def written(folder) -> bytes:
    return (Path(folder) / "results.parquet").read_bytes()


def same(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    pd.testing.assert_frame_equal(a, b)
    return True


# ------------------------------------------------------------------ what a row is


def test_every_row_is_the_run_it_says(design, tmp_path):
    table = sweep(design, tmp_path / "out", processes=1)
    made = plan(design)
    assert list(table["run"]) == list(range(24)) and (table["status"] == "ok").all() and table.attrs["missing"] == 0
    for row in table.iloc[[0, 1, 5, 7, 23]].itertuples():
        alone = one(made.parameters(row.point), 3, row.replicate, months=(3,))
        wanted = [alone["values"][key_of(name)] for name in design["outcomes"]]
        assert np.array_equal(table.loc[row.Index, design["outcomes"]].to_numpy(float), wanted, equal_nan=True)
        assert row.digest == alone["digest"]
    assert table["run_id"].is_unique
    told = table.groupby("lever_point")["campaign.levers.session.contact.attendance"].first()
    assert list(told) == [5, 10, 20]
    assert (table.groupby("lever_point")["campaign_rp"].mean() > 0).all()


def test_runs_that_share_a_past_are_the_runs_alone(design):
    """Neighbors fork one burnt-in village; this is what makes it safe."""
    made = plan(design)
    first, second = (solve(made.parameters(point)) for point in (0, 2))
    past = build(first, 3, 1)
    shared = fork(past, second)
    alone = build(second, 3, 1)
    for world in (shared, alone):
        world.advance()
    assert np.array_equal(shared.village.counts.sum(axis=1), alone.village.counts.sum(axis=1))
    assert shared.village.workers.tobytes() == alone.village.workers.tobytes()


def test_processes_and_cuts_change_no_byte(design, tmp_path, monkeypatch):
    sweep(design, tmp_path / "one", processes=1)
    sweep(design, tmp_path / "two", processes=2)
    monkeypatch.setattr(sweeps, "MOST_RUNS", 1)
    monkeypatch.setattr(sweeps, "TIMED", 0)
    sweep(design, tmp_path / "singles", processes=1)
    assert len(list((tmp_path / "singles" / "parts").iterdir())) == 24 > len(list((tmp_path / "one" / "parts").iterdir()))
    assert written(tmp_path / "one") == written(tmp_path / "two") == written(tmp_path / "singles")


def test_weekly_curves_are_those_of_the_runs(design, tmp_path):
    from experiments.sweeping import store
    from simulation import outcomes

    sweep({**design, "weekly": True}, tmp_path / "out", processes=1)
    curves = store.read_weekly(store.open(tmp_path / "out"), [5])
    alone = one(plan(design).parameters(5), 3, 0, months=(3,))["weekly"]
    assert np.array_equal(curves[list(outcomes.WEEKLY)].to_numpy(), alone)


# ------------------------------------------------------------------ what survives


SESSION = """
import sys
from experiments.sweep import resume
resume(sys.argv[1], processes=int(sys.argv[2]))
"""


def test_killed_twenty_times_the_results_are_the_same_bytes(design, tmp_path):
    """kill -9 at random moments; every part that was there stays as it was, so no finished run was done again."""
    design = {**design, "replicates": 400}  # 2,400 runs: enough for twenty sessions
    sweep(design, tmp_path / "whole", processes=2)
    folder = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        sweep(design, folder, processes=1, progress=_stop_after(3))
    luck, seen, kills = random.Random(20), {}, 0
    while kills < 20:
        session = subprocess.Popen([sys.executable, "-c", SESSION, str(folder), str(1 + kills % 2)], start_new_session=True)
        parts = len(seen)
        until = time.time() + 60
        while session.poll() is None and len(_parts(folder)) <= parts and time.time() < until:
            time.sleep(0.01)
        time.sleep(luck.random() * 0.25)
        if session.poll() is not None:
            break
        os.kill(session.pid, signal.SIGKILL)  # the process alone: its workers must end by themselves
        session.wait()
        kills += 1
        now = _parts(folder)
        assert seen.items() <= now.items(), "a finished part was written again"
        seen = now
    assert kills == 20, f"done after {kills} sessions: give the sweep more runs"
    table = resume(folder, processes=2)
    assert seen.items() <= _parts(folder).items()
    assert len(table) == 2400 and written(folder) == written(tmp_path / "whole")


def _parts(folder: Path) -> dict:
    """name -> (inode, time of change): a part that is written again has others."""
    return {p.name: (s.st_ino, s.st_mtime_ns) for p in (folder / "parts").glob("part-*") if (s := p.stat())}


def _stop_after(runs: int):
    def told(found):
        if found.session_runs >= runs:
            raise KeyboardInterrupt

    return told


def test_stopped_in_the_middle_and_resumed(design, tmp_path):
    whole = sweep(design, tmp_path / "whole", processes=1)
    with pytest.raises(KeyboardInterrupt):
        sweep(design, tmp_path / "out", processes=1, progress=_stop_after(9))
    some = results(tmp_path / "out")
    assert 9 <= len(some) < 24 and some.attrs["missing"] == 24 - len(some)
    same(some, whole.loc[some["run"]].reset_index(drop=True))
    assert not (tmp_path / "out" / "results.parquet").exists()
    same(resume(tmp_path / "out", processes=1), whole)
    assert written(tmp_path / "out") == written(tmp_path / "whole")
    began = _parts(tmp_path / "out")
    resume(tmp_path / "out")  # nothing to do
    assert _parts(tmp_path / "out") == began


def test_extended_is_begun_with_more(design, tmp_path):
    sweep(design, tmp_path / "out", processes=1)
    before = _parts(tmp_path / "out")
    more = extend(tmp_path / "out", 6, processes=1)
    whole = sweep({**design, "replicates": 6}, tmp_path / "whole", processes=1)
    assert before.items() <= _parts(tmp_path / "out").items()
    assert same(more, whole) and written(tmp_path / "out") == written(tmp_path / "whole")
    with pytest.raises(InputError, match="fewer"):
        extend(tmp_path / "out", 5)


def test_two_processes_on_one_folder(design, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        sweep(design, tmp_path / "out", processes=1, progress=_stop_after(2))
    hold = "import sys, time; from experiments.sweeping import store\nwith store.locked(sys.argv[1]): print('held', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path / "out")], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"in use by process {other.pid}"):
            resume(tmp_path / "out")
        assert len(results(tmp_path / "out")) >= 2  # reading needs no lock
    finally:
        other.kill()
        other.wait()
    assert len(resume(tmp_path / "out", processes=1)) == 24


def test_a_damaged_part_is_told_and_done_again(design, tmp_path):
    sweep(design, tmp_path / "out", processes=1)
    bytes_ = written(tmp_path / "out")
    part = sorted((tmp_path / "out" / "parts").iterdir())[-1]
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 4
    part.write_bytes(data)
    with pytest.warns(UserWarning, match=part.name):
        left = results(tmp_path / "out")
    assert len(left) < 24
    with pytest.warns(UserWarning, match="damaged"):
        resume(tmp_path / "out", processes=1)
    assert written(tmp_path / "out") == bytes_ and list((tmp_path / "out" / "damaged").iterdir())


def test_a_manifest_that_is_gone(design, tmp_path):
    sweep(design, tmp_path / "out", processes=1)
    bytes_, parts = written(tmp_path / "out"), _parts(tmp_path / "out")
    (tmp_path / "out" / "manifest.json").unlink()
    for act in (results, resume):
        with pytest.raises(InputError, match="manifest.json is gone; the finished parts are kept"):
            act(tmp_path / "out")
    sweep(design, tmp_path / "out", processes=1)  # the same design takes the parts over
    assert _parts(tmp_path / "out") == parts and written(tmp_path / "out") == bytes_


def test_other_versions_are_refused_or_pointed_out(design, tmp_path, monkeypatch):
    sweep(design, tmp_path / "out", processes=1)
    monkeypatch.setattr(sweeps, "CODE", "0" * 16)
    for act in (resume, lambda folder: extend(folder, 9), lambda folder: sweep(design, folder)):
        with pytest.raises(InputError, match="results would differ"):
            act(tmp_path / "out")
    with pytest.warns(UserWarning, match="computed by other versions"):
        assert len(results(tmp_path / "out")) == 24


# ------------------------------------------------------------------ one machine or many


@pytest.mark.filterwarnings("ignore")
def test_dask_with_a_worker_killed_and_one_joining_late_gives_the_same_bytes(design, tmp_path, shared, monkeypatch):
    """The workers are on a scheduler that is not ours; the one that runs a task when a tenth is done is killed, another joins."""
    sweep(design, tmp_path / "local", processes=1)
    first = shared.join(1, "--no-nanny")
    happened = []

    def told(found):
        if found.session_runs >= 4 and not happened:
            shared.leave(first)
            happened.append(shared.join(1))

    monkeypatch.setattr(sweeps, "run_batch", toys.slow_batch)
    monkeypatch.setattr(_Watch, "size", lambda self, seconds: lambda left: 2)
    table = sweep(design, tmp_path / "dask", engine="dask", scheduler=shared.address, progress=told)
    assert happened and (table["status"] == "ok").all()
    assert written(tmp_path / "dask") == written(tmp_path / "local")


# ------------------------------------------------------------------ what fails


def test_failed_runs_are_rows_and_the_rest_goes_on(design, tmp_path):
    agents = '[[lever]]\npreset = "perisai"\nname = "agents"\nstart = 2018-03-01\nagents.number = 1\n'
    (tmp_path / "session.toml").write_text(f'kind = "campaign"\ntitle = "agents"\n{agents}', encoding="utf-8")
    design = {**design, "levers": {"campaign.levers.agents.agents.number": [1, 50]}}  # the village has one candidate
    table = sweep(design, tmp_path / "out", processes=2)
    bad = table[table["status"] == "failed"]
    assert len(table) == 16 and len(bad) == 8 and set(bad["lever_point"]) == {1} and bad["registered"].isna().all()
    assert bad["reason"].str.contains("InputError: campaign.levers.agents.agents.number: 50 agents are asked for").all()
    assert table[table["status"] == "ok"]["registered"].notna().all() and list(summary(table)["failed"]) == [0, 8]
    parts = _parts(tmp_path / "out")
    same(resume(tmp_path / "out", processes=1), table)
    assert _parts(tmp_path / "out") == parts  # not retried unasked
    bytes_ = written(tmp_path / "out")
    same(resume(tmp_path / "out", retry_failed=True, processes=1), table)
    assert _parts(tmp_path / "out") != parts and written(tmp_path / "out") == bytes_


def test_a_people_file_that_changes_stops_the_sweep(design, tmp_path):
    people, small = tmp_path / "people.csv", tmp_path / "small.toml"
    people.write_text("id\n" + "\n".join(map(str, range(60))), encoding="utf-8")
    small.write_text(small.read_text() + 'people_file = "people.csv"\n', encoding="utf-8")
    sweep(design, tmp_path / "out", processes=1)
    people.write_text("id\n" + "\n".join(map(str, range(61))), encoding="utf-8")
    with pytest.raises(InputError, match="people or ties has changed"):
        extend(tmp_path / "out", 9)
    people.unlink()
    with pytest.raises(InputError, match="people.csv"):
        extend(tmp_path / "out", 9)


@pytest.mark.filterwarnings("ignore:a working process died")
def test_a_run_that_kills_its_process_is_one_failed_row(design, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(sweeps, "run_batch", toys.deadly_batch)
        patched.setattr(_Watch, "size", lambda self, seconds: lambda left: 6)
        table = sweep(design, tmp_path / "out", processes=2)
    assert list(table.loc[table["status"] == "failed", "run"]) == [17] and len(table) == 24
    assert "died" in table["reason"][17] and table["run_id"][17] == ""
    again = resume(tmp_path / "out", retry_failed=True, processes=1)
    sweep(design, tmp_path / "whole", processes=1)
    assert (again["status"] == "ok").all() and written(tmp_path / "out") == written(tmp_path / "whole")


def test_bad_requests_are_refused_before_anything_is_written(design, tmp_path, monkeypatch):
    huge = {**design, "replicates": 10_000_000}
    wrong = {**design, "levers": {"campaign.levers.sesion.contact.attendance": [1]}}
    for bad, told in ((huge, "runs; at most 10,000,000"), (wrong, "session"), ({**design, "outcomes": ["activ"]}, "active")):
        with pytest.raises(InputError, match=told):
            sweep(bad, tmp_path / "out")
    with pytest.raises(InputError, match="local"):
        sweep(design, tmp_path / "out", engine="locale")
    pytest.importorskip("distributed")
    monkeypatch.setattr("experiments.cluster.REACH", 0.5)
    with pytest.raises(InputError, match="no Dask scheduler answers there"):
        sweep(design, tmp_path / "out", engine="dask", scheduler="tcp://127.0.0.1:1")
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------ tables


def test_summary_and_influence(design, tmp_path):
    table = sweep({**design, "replicates": 8}, tmp_path / "out", processes=1)
    found = summary(table)
    assert list(found["runs"]) == [16, 16, 16]
    mine = table[table["lever_point"] == 1]["aware"]
    assert found["aware mean"][1] == mine.mean() and found["aware low"][1] <= mine.median() <= found["aware high"][1]
    moved = influence(table).set_index("path")
    assert moved.loc["campaign.levers.session.contact.attendance", "aware"] > 0.3  # more seats, more who know
    assert set(moved.index) == {"campaign.levers.session.contact.attendance", "behavior.talk_enrolled_prob"}

"""Runs: the same numbers from any number of processes, results that survive a kill, ranges and misses told as they are."""

import dataclasses
import datetime as dt
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import pytest

import experiments
from experiments import run as layer
from experiments.engines import Lost
from experiments.run import Result, load, one, run
from scenarios.loader import Observation
from scenarios.loader import load as load_scenario
from simulation import outcomes
from simulation.parameters import InputError, Lever

SMALL = [
    "village.workers=300",
    "burn_in_weeks=20",
    "village.median_value_rp=27000.0",
    "village.forget_prob=0.02",
    "village.start_coverage_share=0.04",
]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes in /proc")


@pytest.fixture(scope="module")
def scenario():
    return load_scenario("lerep", overrides=SMALL, until="2019-09-01")


@pytest.fixture(scope="module")
def result(scenario):
    return run(scenario, replicates=4, seed=3, processes=1)


def assert_same(a: Result, b: Result) -> None:
    assert a.keys == b.keys and a.provenance["digest"] == b.provenance["digest"]
    np.testing.assert_array_equal(a.values, b.values)
    np.testing.assert_array_equal(a.simulated, b.simulated)
    for name in ("summary", "weekly", "ledger"):
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name), check_exact=True)
    pd.testing.assert_frame_equal(a.observed(), b.observed())


def made_of(values, observations=(), simulated=None, months=("end",)) -> Result:
    """A result with these values [replicate, k] of the measures aware, registered, active, paying."""
    values = np.array(values, float)
    keys = [(name, months[0], "all", "all") for name in ("aware", *outcomes.FLAGS)[: values.shape[1]]]
    simulated = np.array(simulated if simulated is not None else np.empty((len(values), 0)), float).reshape(len(values), -1)
    empty = pd.DataFrame({"rupiah": []})
    return Result(load_scenario("desa").parameters, tuple(observations), keys, values, simulated, None, empty, {})


def python(code: str, *args, **keywords) -> subprocess.Popen:
    code = textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keywords
    )


# ------------------------------------------------------------------ runs


def test_same_numbers_from_one_and_two_processes(scenario, result):
    assert_same(run(scenario, replicates=4, seed=3, processes=2), result)
    assert sorted(result.summary["replicate"].unique()) == [0, 1, 2, 3]
    for replicate in range(1, 4):
        assert (result.values[replicate] != result.values[0]).any()


def test_a_replicate_does_not_depend_on_how_many_there_are(scenario, result):
    fewer = run(scenario, replicates=2, seed=3, processes=1)
    both = [key for key in fewer.keys if key[2] != "community"]
    column = {key: k for k, key in enumerate(result.keys)}
    np.testing.assert_array_equal(fewer.values[:, [fewer.keys.index(k) for k in both]], result.values[:2, [column[k] for k in both]])
    pd.testing.assert_frame_equal(fewer.weekly, result.weekly[result.weekly["replicate"] < 2])
    assert run(scenario, replicates=2, seed=4, processes=1).provenance["digest"] != fewer.provenance["digest"]


def test_payload_of_one_is_what_the_result_shows(scenario, result):
    payload = one(scenario.parameters, 3, 2, observed=scenario.observed)
    assert payload["observed"] == result.simulated[2].tolist()
    mine = result.summary[result.summary["replicate"] == 2]
    shown = dict(zip(zip(mine["measure"], mine["month"], mine["group_kind"], mine["group"]), mine["value"]))
    assert len(shown) == len(payload["values"])
    for key, value in payload["values"].items():
        assert shown[key] == value or (math.isnan(value) and math.isnan(shown[key]))


def test_summary_has_one_row_for_each_replicate_and_measure(result):
    table = result.summary
    assert list(table) == ["replicate", "measure", "month", "group_kind", "group", "value"]
    assert not table.duplicated(["replicate", "measure", "month", "group_kind", "group"]).any()
    assert not table[table["group_kind"] == "community"]["value"].isna().any()
    end = table[(table["month"] == "end") & (table["group_kind"] == "all")].pivot(index="replicate", columns="measure", values="value")
    last = result.weekly.groupby("replicate").last()
    for name in outcomes.FLAGS:
        assert (end[name] == last[name]).all()
    spent = result.ledger[result.ledger["payer"].isin(["branch", "village", "regency", "company"])].groupby("replicate")["rupiah"].sum()
    assert (end["campaign_rp"] == spent).all() and (spent > 0).all()


def test_communities_that_a_replicate_does_not_have_are_left_out():
    found = dataclasses.replace(made_of([[1.0, math.nan], [2.0, 3.0]]))
    found.keys = [("active_share", "end", "community", "0"), ("active_share", "end", "community", "60")]
    assert found.summary["value"].tolist() == [1.0, 2.0, 3.0] and found.summary["replicate"].tolist() == [0, 1, 1]
    assert found.table()["runs"].tolist() == [2, 1]


def test_months_after_the_end_are_left_out(scenario, result):
    assert list(dict.fromkeys(key[1] for key in result.keys)) == ["0", "4", "12", "end"]
    short = run(scenario, replicates=1, seed=3, until="2018-12-01", months=(4, 2), keep_weekly=False)
    assert list(dict.fromkeys(key[1] for key in short.keys)) == ["0", "2", "4", "end"] and short.weekly is None
    assert short.provenance["months"] == [2, 4] and short.parameters.until == dt.date(2018, 12, 1)
    month = {key: x for key, x in zip(short.keys, short.values[0])}
    assert month["registered", "4", "all", "all"] == month["registered", "end", "all", "all"]
    whole = dict(zip(result.keys, result.values[0]))
    for key in (k for k in month if k[1] == "4"):
        assert month[key] == whole[key] or math.isnan(whole[key])  # a month's measures do not depend on what comes after
    other = run(scenario, replicates=1, seed=3, until="2018-12-01", months=(3,))
    assert other.provenance["digest"] == short.provenance["digest"] and other.provenance["run_id"] != short.provenance["run_id"]
    before = run(scenario, replicates=1, seed=3, until="2018-11-20")
    assert np.isnan(before.simulated).all()  # the award lies after the end
    assert list(dict.fromkeys(key[1] for key in before.keys)) == ["0", "end"]


def test_stock_retention_needs_a_year():
    scenario = load_scenario("lerep", overrides=SMALL)
    values = run(scenario, replicates=1, months=(12, 18, 24)).summary.query("measure == 'stock_retention_12'").set_index("month")["value"]
    again = run(scenario, replicates=1, months=(24,)).summary.query("measure == 'stock_retention_12'").set_index("month")["value"]
    assert values.isna().to_dict() == {"12": False, "18": False, "24": False, "end": False}
    assert again["24"] == values["24"] and 0 < values["24"] < 1 and values["24"] != values["18"]


@pytest.mark.parametrize("processes", [1, 2])
def test_progress_is_told_and_can_stop_the_run(scenario, processes):
    told = []
    run(scenario, replicates=3, processes=processes, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]

    def stop(done, total):
        if done == 2:
            raise RuntimeError("enough")

    began = time.perf_counter()
    with pytest.raises(RuntimeError, match="enough"):
        run(scenario, replicates=5000, processes=processes, progress=stop)
    assert time.perf_counter() - began < 60 and not multiprocessing.active_children()


@pytest.mark.parametrize(
    "keywords, text",
    [
        ({"replicates": 0}, "replicates = 0"), ({"replicates": 2.5}, "replicates = 2.5"), ({"replicates": True}, "replicates = True"),
        ({"seed": -1}, "seed = -1"), ({"seed": 2**32}, "seed ="), ({"months": (0,)}, "months = 0"), ({"months": ("4",)}, "months = '4'"),
        ({"processes": 0}, "processes = 0"), ({"until": "soon"}, "until = 'soon'"), ({"until": "2018-08-01"}, "after the start"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_before_anything_runs(scenario, keywords, text, monkeypatch):
    monkeypatch.setattr(layer, "one", None)
    with pytest.raises(InputError) as caught:
        run(scenario, **keywords)
    assert text in str(caught.value) and "allowed" in str(caught.value)


def test_a_run_takes_names_scenarios_and_parameters(scenario, result):
    with pytest.raises(InputError, match="lerrep"):
        run("lerrep")
    with pytest.raises(InputError, match="list"):
        run([scenario])
    bare = run(scenario.parameters, replicates=1, seed=3)
    assert bare.observed().empty and bare.provenance["scenario"]["hash"] == result.provenance["scenario"]["hash"]
    np.testing.assert_array_equal(bare.values[0, :5], result.values[0, :5])


def test_little_work_starts_no_process_and_much_does(scenario, monkeypatch):
    asked = []
    here = layer.local
    monkeypatch.setattr(
        layer, "local", lambda work, todo, processes: asked.append((list(todo), processes)) or here(work, todo, processes=1)
    )
    run(scenario, replicates=4)
    assert asked == [([0, 1], 1), ([2, 3], 1)]
    monkeypatch.setattr(layer, "SERIAL_SECONDS", 0.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2}, raising=False)
    asked.clear()
    assert len(run(scenario, replicates=6).values) == 6
    assert asked == [([0, 1], 1), ([2, 3, 4, 5], 3)]


def test_a_replicate_that_kills_its_processes_ends_the_run(scenario, monkeypatch):
    monkeypatch.setattr(layer, "local", lambda work, todo, processes: ((r, Lost("three died") if r == 2 else work(r)) for r in todo))
    with pytest.raises(RuntimeError, match="replicate 2 cannot be run: three died"):
        run(scenario, replicates=4, processes=2)


def test_runs_that_do_not_add_up_say_so(scenario, monkeypatch):
    monkeypatch.setattr(outcomes, "problems", lambda world: ["a worker too many"])
    with pytest.warns(UserWarning, match="2 of 2 replicates: a worker too many"):
        found = run(scenario, replicates=2, processes=1)
    assert found.provenance["problems"] == ["2 of 2 replicates: a worker too many"]


def test_run_id_names_what_is_computed(result):
    about = {"scenario": "a", "code": "b", "seed": 1, "replicates": 2, "months": (4,)}
    ids = {layer.run_id(**about)} | {layer.run_id(**(about | change)) for change in ({"scenario": "c"}, {"code": "c"}, {"seed": 2})}
    ids |= {layer.run_id(**(about | change)) for change in ({"replicates": 3}, {"months": (4, 12)})}
    assert len(ids) == 6 and layer.run_id(**about) == layer.run_id(**(about | {"months": [4]}))
    assert len(result.provenance["run_id"]) == 12 and set(result.provenance["versions"]) >= {"python", "numpy", "numba", "mesa", "sadar"}


# ------------------------------------------------------------------ processes that die


@linux
def test_a_killed_worker_costs_nothing_but_time(scenario, result):
    def kill(done, total):
        if done == 1:
            for child in multiprocessing.active_children():  # our own workers
                os.kill(child.pid, signal.SIGKILL)

    with pytest.warns(UserWarning, match="a working process died"):
        found = run(scenario, replicates=4, seed=3, processes=2, progress=kill)
    assert_same(found, result)


def test_what_goes_wrong_in_a_process_is_told(scenario):
    agents = {"name": "many", "start": dt.date(2018, 8, 1), "agents": {"number": 1000}}
    crowded = scenario.parameters.campaign.model_copy(update={"levers": [Lever.model_validate(agents)]})
    with pytest.raises(InputError, match="1000 agents") as caught:
        run(scenario.parameters.model_copy(update={"campaign": crowded}), replicates=4, processes=2)
    assert any("campaign.py" in note for note in caught.value.__notes__)
    assert not multiprocessing.active_children()


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "print('started', flush=True)\nfrom experiments.run import run\nfrom scenarios.loader import load\n"
        f"print(len(run(load('lerep', overrides={SMALL!r}, until='2018-10-01'), replicates=3, processes=2).values))\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": root}, timeout=300)
    assert done.stdout.split() == ["started", "3"], done.stderr


# ------------------------------------------------------------------ tables


def test_ranges_of_nineteen_runs_are_the_extremes():
    values = np.arange(19)[::-1, None] * 1.0
    row = made_of(values).table().iloc[0]
    assert (row["low"], row["median"], row["high"], row["runs"], row["unit"]) == (0.0, 9.0, 18.0, 19, "workers")
    row = made_of(np.arange(99)[:, None]).table().iloc[0]  # rank p (R + 1) of 99 runs: the 5th and the 95th
    assert (row["low"], row["median"], row["high"]) == pytest.approx((4.0, 49.0, 94.0))


def test_ranges_of_few_runs_are_smallest_and_largest_and_the_note_says_so():
    few = made_of([[1.0], [5.0], [3.0]])
    row = few.table().iloc[0]
    assert (row["low"], row["median"], row["high"]) == (1.0, 3.0, 5.0)
    assert "3 runs" in few.note and "50 %" in few.note and "19" in few.note  # (R - 1) / (R + 1)
    assert "5-95 %" in made_of(np.zeros((19, 1))).note and "one or two runs" in made_of(np.zeros((19, 1))).note
    assert "one or two" not in made_of(np.zeros((100, 1))).note
    assert made_of([[1.0]]).note.startswith("One run")


def test_what_is_undefined_stays_undefined():
    table = made_of([[1.0, math.nan], [math.nan, math.nan], [2.0, math.nan]]).table()
    assert table["runs"].tolist() == [2, 0]
    assert table["median"][0] == 1.5 and table[["low", "median", "high"]].iloc[1].isna().all()


def test_table_picks_measures_months_and_groups(result):
    table = result.table(["active_share"], [12, "end"], "sex")
    assert set(table["measure"]) == {"active_share"} and table["month"].tolist() == ["12", "12", "end", "end"]
    assert set(table["group"]) == {"female", "male"}
    with pytest.raises(InputError, match="no measure 'activ'"):
        result.table(["activ"])
    everything = result.table()
    assert len(everything) == len(result.keys) and (everything["runs"] <= 4).all()


def test_observed_beside_simulated_with_its_misses():
    def seen(**keys):
        return Observation(measure="registered", date=dt.date(2018, 3, 1), source="test", grade="guess", **keys)

    observations = [
        seen(kind="count", value=100.0, tolerance_share=0.2), seen(kind="count", value=100.0, tolerance_share=0.1),
        seen(kind="count", value=100.0), seen(kind="qualitative", text="more"), seen(kind="count", value=100.0, tolerance_share=0.2),
    ]  # fmt: skip
    simulated = [[80.0, 80.0, 80.0, 80.0, math.nan], [85.0, 85.0, 85.0, 85.0, math.nan], [130.0, 130.0, 130.0, 130.0, math.nan]]
    table = made_of([[1.0]] * 3, observations, simulated).observed()
    assert table["within"].tolist()[:2] == [True, False] and table["within"].isna().tolist() == [False, False, True, True, True]
    assert table["share_within"].tolist()[:2] == [pytest.approx(2 / 3), 0.0] and table["share_within"].isna().tolist()[2:] == [True] * 3
    assert table["miss_share"].tolist()[:3] == pytest.approx([-0.15] * 3) and math.isnan(table["miss_share"][3])
    assert table["median"].tolist()[:4] == [85.0] * 4 and table["low"][0] == 80.0 and table["high"][0] == 130.0


def test_lerep_is_compared_at_the_day_of_the_award(result):
    table = result.observed()
    week = result.weekly[result.weekly["date"] <= pd.Timestamp(2018, 12, 5)].groupby("replicate").last()
    assert table.loc[0, "observed"] == 1500 and table.loc[0, "median"] == week["registered"].median()
    assert table.loc[0, "within"] is False or not table.loc[0, "within"]  # 300 workers cannot be 1,500


# ------------------------------------------------------------------ files


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def test_round_trip(result, tmp_path):
    folder = result.save(tmp_path / "deep" / "out")
    assert files(folder) == ["ledger.parquet", "run.json", "summary.json", "weekly.parquet"] and files(folder.parent) == ["out"]
    back = load(folder)
    assert_same(back, result)
    assert (back.parameters, back.observations, back.provenance) == (result.parameters, result.observations, result.provenance)
    pd.testing.assert_frame_equal(back.table(), result.table())
    assert experiments.load(folder).keys == result.keys
    told = json.loads((folder / "summary.json").read_text())
    assert told["run_id"] == json.loads((folder / "run.json").read_text())["run_id"] == result.provenance["run_id"]
    assert {row["measure"] for row in told["table"]} == {row["measure"] for row in told["measures"]} and told["note"] == result.note


def test_a_saved_run_can_be_replayed(result, tmp_path):
    back = load(result.save(tmp_path / "out"))
    again = run(back.parameters, replicates=back.provenance["replicates"], seed=back.provenance["seed"], months=back.provenance["months"])
    assert again.provenance["digest"] == back.provenance["digest"] and again.provenance["run_id"] == back.provenance["run_id"]


def test_without_weekly_curves(scenario, tmp_path):
    bare = run(scenario, replicates=1, keep_weekly=False)
    folder = bare.save(tmp_path / "out")
    assert "weekly.parquet" not in files(folder) and load(folder).weekly is None


def test_an_older_result_is_replaced_and_nothing_else_is(result, tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    result.save(target)  # an empty folder may be used
    (target / ".DS_Store").touch()
    newer = dataclasses.replace(result, provenance=result.provenance | {"run_id": "newer"})
    newer.save(target, figures=lambda found, folder: (folder / "figure.png").write_bytes(b"png"))
    assert load(target).provenance["run_id"] == "newer" and "figure.png" in files(target) and files(tmp_path) == ["out"]
    result.save(target)  # the figure of the older result goes with it
    assert "figure.png" not in files(target)
    (target / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="notes.txt"):
        newer.save(target)
    assert load(target).provenance["run_id"] == result.provenance["run_id"] and (target / "notes.txt").read_text() == "mine"
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("x")
    with pytest.raises(InputError, match="chapter.tex"):
        result.save(other)
    (other / "run.json").write_text('{"kind": "other"}')
    with pytest.raises(InputError, match="no earlier result"):
        result.save(other)
    with pytest.raises(InputError, match="is a file"):
        result.save(other / "chapter.tex")
    assert files(other) == ["chapter.tex", "run.json"]


def test_a_failed_save_leaves_the_older_result(result, tmp_path, monkeypatch):
    target = result.save(tmp_path / "out")
    newer = dataclasses.replace(result, provenance=result.provenance | {"run_id": "newer"})

    def fail(found, folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        newer.save(target, figures=fail)
    real = os.rename
    monkeypatch.setattr(os, "rename", lambda a, b: fail(a, b) if "draft" in str(a) else real(a, b))
    with pytest.raises(OSError, match="No space"):
        newer.save(target)
    monkeypatch.undo()
    assert_same(load(target), result)
    assert load(target).provenance["run_id"] == result.provenance["run_id"] and files(tmp_path) == ["out"]


KILLED = """
import os, pathlib, shutil, signal, sys
from experiments import run as layer
from experiments.engines import Lost
folder, when = pathlib.Path(sys.argv[1]), sys.argv[2]
result = layer.load(folder)
result.provenance["run_id"] = "newer"
die = lambda *ignored, **also: os.kill(os.getpid(), signal.SIGKILL)
if when == "while writing":
    pathlib.Path.write_text = die
if when == "between the renames":
    real = os.rename
    os.rename = lambda a, b: die() if "draft" in str(a) else real(a, b)
if when == "before clearing up":
    shutil.rmtree = lambda path, **keywords: die() if str(path).endswith(".old") and os.path.exists(path) else None
result.save(folder, figures=die if when == "in the figure" else None)
"""


@linux
@pytest.mark.parametrize(
    "when, left",
    [("while writing", "older"), ("in the figure", "older"), ("between the renames", "older"), ("before clearing up", "newer")],
)
def test_a_kill_during_save_leaves_a_whole_result(result, tmp_path, when, left):
    older = dataclasses.replace(result, provenance=result.provenance | {"run_id": "older"})
    target = older.save(tmp_path / "out")
    killed = python(KILLED, target, when)
    assert killed.wait(timeout=300) == -signal.SIGKILL, killed.communicate()[1]
    killed.communicate()
    assert len(os.listdir(tmp_path)) == 2  # the kill came in the middle
    found = load(target)
    assert found.provenance["run_id"] == left
    assert_same(found, older)
    for litter in tmp_path.glob(".out.draft-*"):
        os.utime(litter, (0, 0))  # an hour later
    result.save(target)
    assert files(tmp_path) == ["out"] and load(target).provenance["run_id"] == result.provenance["run_id"]


@pytest.mark.parametrize("name", ["run.json", "summary.json", "weekly.parquet", "ledger.parquet"])
def test_a_damaged_result_is_named(result, tmp_path, name):
    folder = result.save(tmp_path / "out")
    (folder / name).write_bytes((folder / name).read_bytes()[:40])
    with pytest.raises(InputError, match="out"):
        load(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match="out"):
        load(folder)
    with pytest.raises(InputError, match="nowhere"):
        load(tmp_path / "nowhere")

"""Run ids: what was run is remembered, found and run again; a changed digit, file or program does not go unnoticed."""

import datetime as dt
import gzip
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from test_exactness import rich

from experiments import branch, compare, engines, recipes
from experiments import replay as replays
from experiments import sweep as sweeps
from experiments.recipes import find, of_run, registry, remember
from experiments.replay import Again, replay
from experiments.run import run
from experiments.running import replicate
from experiments.sweeping import store, sweep_recipe
from experiments.sweeping.batch import run_batch
from scenarios.loader import load as load_scenario
from simulation import cache
from simulation.parameters import InputError

SMALL = [
    "village.workers=120",
    "burn_in_weeks=6",
    "village.median_value_rp=27000.0",
    "village.forget_prob=0.02",
    "village.start_coverage_share=0.04",
]


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SADAR_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(recipes, "_warned", set())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state" / "runs"


@pytest.fixture(scope="module")
def scenario():
    return load_scenario("lerep", overrides=SMALL, until="2019-01-15")


@pytest.fixture(scope="module")
def result(scenario, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SADAR_STATE", str(tmp_path_factory.mktemp("state")))
        return run(scenario, replicates=2, seed=3, months=[4], processes=1)


@pytest.fixture
def kept(result):
    """The id of a run that is remembered."""
    run_id = result.provenance["run_id"]
    remember("run", run_id, of_run(result))
    return run_id


def note(run_id, digest="d" * 16, **more):
    remember("toy", run_id, {"digest": digest, **more})


def altered(path: Path, change) -> None:
    told = json.loads(gzip.decompress(path.read_bytes()))
    change(told)
    path.write_bytes(gzip.compress(json.dumps(told).encode()))


# ------------------------------------------------------------------ replay


def test_a_run_is_made_again_to_the_last_digit(result, kept):
    found = replay(kept[:6], processes=1)
    assert found.identical and found.code_same and found.kind == "run" and found.run_id == kept
    assert found.changes == [] and len(found.differences) == 0 and found.compared > 50
    assert found.result.provenance["run_id"] == kept and found.result.provenance["digest"] == result.provenance["digest"]
    assert found.result.summary.equals(result.summary) and found.result.weekly.equals(result.weekly)
    assert found.result.observed().equals(result.observed())
    assert found.verdict == f"identical: {kept} gives the same numbers again, to the last digit"
    assert json.loads(json.dumps(found.document(), allow_nan=False))["identical"] is True


def test_every_run_is_remembered(scenario):
    made = run(scenario, replicates=1, seed=8, months=[4], keep_weekly=False, processes=1)
    found = replay(made.provenance["run_id"], folders=(), processes=1)
    assert found.identical and found.result.weekly is None and found.result.summary.equals(made.summary)


def test_a_result_in_a_folder_is_made_again(result, tmp_path, state):
    result.save(tmp_path / "out" / "deep" / "lerep")
    found = replay(result.provenance["run_id"], processes=1)
    assert found.identical and found.compared > 50 and not state.exists()
    assert found.result.weekly.equals(result.weekly) and found.result.observed().equals(result.observed())


def test_values_altered_in_the_folder_are_found_though_the_digest_was_not(result, tmp_path):
    folder = result.save(tmp_path / "out")
    path = folder / "summary.json"
    told = json.loads(path.read_text())
    column = [tuple(k) for k in told["keys"]].index(("registered", "end", "all", "all"))
    told["values"][0][column] += 8.0
    path.write_text(json.dumps(told))
    found = replay(result.provenance["run_id"], processes=1)
    assert not found.identical and found.differences.to_dict("records") == [
        {"key": "registered", "then": result.values[:, column].mean() + 4.0, "now": result.values[:, column].mean(), "change": -4.0}
    ]
    assert "NOT identical, though the program is the same" in found.verdict and f"1 of {found.compared} values differ" in found.verdict


def test_a_digest_that_was_altered_is_not_identical(kept, state):
    altered(state / f"{kept}.json.gz", lambda told: told.update(digest="0" * 16))
    found = replay(kept, processes=1)
    assert not found.identical and found.code_same and len(found.differences) == 0 and "was altered" in found.verdict


def test_an_upgrade_that_changes_nothing_and_one_that_does(kept, state, monkeypatch):
    monkeypatch.setattr(replays, "CODE", "f" * 16)
    found = replay(kept, processes=1)
    assert found.identical and not found.code_same and len(found.changes) == 1
    assert found.verdict.startswith("identical: the program has changed (simulation ") and "now " + "f" * 16 in found.verdict
    altered(state / f"{kept}.json.gz", lambda told: told["values"].update({"registered": 0.0, "gone@4": 2.0}))
    found = replay(kept, processes=1)
    assert not found.identical and set(found.differences["key"]) == {"registered", "gone@4"}
    table = found.differences.set_index("key")
    assert math.isnan(table.loc["gone@4", "now"]) and table.loc["registered", "then"] == 0.0 < table.loc["registered", "change"]
    assert found.verdict.startswith("NOT identical: an upgrade has changed") and "2 of" in found.verdict
    assert [row["now"] for row in found.document()["differences"] if row["key"] == "gone@4"] == [None]


def test_a_library_that_was_upgraded_is_named(kept, state):
    altered(state / f"{kept}.json.gz", lambda told: (told["versions"].update(numpy="1.0"), told.update(digest="0" * 16)))
    assert "NOT identical: the simulation is the same, but not what it runs on (numpy 1.0, now " in replay(kept, processes=1).verdict


def test_running_again_leaves_the_record_alone(kept, state, monkeypatch):
    """Else a digest that differs would be the one that is kept, and the next replay would find nothing wrong."""
    monkeypatch.setitem(replays.REPLAYS, "run", "test_replay:runs_and_remembers")
    before = (state / f"{kept}.json.gz").read_bytes()
    assert not replay(kept).identical
    assert (state / f"{kept}.json.gz").read_bytes() == before
    note("abcd" * 3)
    assert len(list(state.iterdir())) == 2  # and afterwards all is remembered again


def runs_and_remembers(recipe, progress=None, processes=None):
    remember("run", recipe["run_id"], {**recipe, "digest": "other"})
    return Again("other", None, None)


def test_one_replicate_such_as_a_run_of_a_sweep(scenario):
    made = replicate.one(scenario.parameters, 3, 1, months=[2])
    key = ("active_share", "2", "sex", "female")
    values = {"registered": made["values"]["registered", "end", "all", "all"], "active_share@2/sex=female": made["values"][key]}
    recipe = {"parameters": scenario.parameters, "seed": 3, "replicate": 1, "digest": made["digest"], "values": values}
    remember("one", "0123456789ab", recipe)
    found = replay("0123")
    assert found.identical and found.compared == 2 and found.result["digest"] == made["digest"]
    remember("one", "ba9876543210", {**recipe, "seed": 4})
    assert not replay("ba98").identical


def test_what_cannot_be_run_again_is_refused(kept, state):
    note("aaaa11112222")
    remember("one", "bbbb11112222", {"seed": 1})
    altered(state / f"{kept}.json.gz", lambda told: told["parameters"]["behavior"].update(no_such_key=1.0))
    (state / "cccc11112222.json.gz").write_bytes(b"half a rec")
    for run_id, why in (("aaaa", "is a toy, which this version"), ("bbbb", "no digest"), ("cccc", "cccc11112222.json.gz: the recipe cannot be read"),
                        (kept, "of another version, whose Parameters this one does not take: behavior.no_such_key")):  # fmt: skip
        with pytest.raises(InputError, match=why):
            replay(run_id)


@pytest.mark.parametrize("by", ["recipe", "folder"])
def test_people_from_a_file_must_be_those_of_the_run(by, tmp_path):
    file = tmp_path / "people.csv"
    text = "id,sex\n" + "".join(f"{k},{'female' if k % 3 else 'male'}\n" for k in range(40))
    file.write_text(text)
    p = rich(weeks=6)
    p = p.model_copy(update={"village": p.village.model_copy(update={"people_file": str(file), "workers": 40})})
    with warnings.catch_warnings(action="ignore"):
        made = run(p, replicates=1, months=[1], processes=1)
    run_id = made.provenance["run_id"]
    if by == "recipe":
        remember("run", run_id, of_run(made))
    else:
        made.save(tmp_path / "out")
    assert replay(run_id, processes=1).identical
    file.write_text(text.replace("1,female", "1,male"))
    with pytest.raises(InputError, match="people.csv: has changed since"):
        replay(run_id)
    file.unlink()
    with pytest.raises(InputError, match="people.csv: .* is gone"):
        replay(run_id)


# ------------------------------------------------------------------ finding


def test_by_the_whole_id_or_its_beginning(result, kept, tmp_path):
    note("abcd00000001")
    note("abcd00000002")
    note("abcd")
    assert find("abcd00000001")["run_id"] == "abcd00000001" == find("ABCD00000001 ")["run_id"]
    assert find("abcd")["run_id"] == "abcd"  # a whole id is not ambiguous
    with pytest.raises(InputError, match="'abcd0': could be abcd00000001, abcd00000002; give more digits"):
        find("abcd0")
    with pytest.raises(InputError, match="'abcd00000003': not known, .*nearest: abcd0000000[12]"):
        find("abcd00000003")
    for wrong in ("abc", "lerep", "", "xyz00000", "ab/../cd", 17):
        with pytest.raises(InputError, match="hexadecimal digits"):
            find(wrong)
    assert find(kept)["parameters"]["village"]["workers"] == 120 and find(kept)["kind"] == "run"


def test_results_are_looked_for_below_the_folders_given(result, tmp_path):
    folder = result.save(tmp_path / "a" / "b" / "c")
    run_id = result.provenance["run_id"]
    assert find(run_id)["folder"] == str(folder) == find(run_id, [folder])["folder"]
    folder.rename(tmp_path / "a" / "b" / "c2")
    too_deep = tmp_path / "1" / "2" / "3" / "4" / "5"
    too_deep.parent.mkdir(parents=True)
    (tmp_path / "a" / "b" / "c2").rename(too_deep)
    with pytest.raises(InputError, match="not known"):
        find(run_id)
    remember("run", run_id, {"digest": "of the registry"})
    assert find(run_id)["digest"] == "of the registry"
    too_deep.rename(tmp_path / "near")
    assert find(run_id)["digest"] == result.provenance["digest"]  # what one has in hand comes before
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "near").rename(tmp_path / ".hidden" / "near")
    (tmp_path / "run.json").write_text("[]")
    (tmp_path / "run.json.d").mkdir()
    assert find(run_id)["digest"] == "of the registry"


def test_a_comparison_in_a_folder_is_known(tmp_path):
    (tmp_path / "compared").mkdir()
    told = {
        "kind": "sadar comparison",
        "names": ["a", "b"],
        "parameters": [{}, {}],
        "provenance": {"run_id": "fedcba987654", "digest": "x", "code": "y"},
    }
    (tmp_path / "compared" / "comparison.json").write_text(json.dumps(told))
    found = find("fedc")
    assert (found["kind"], found["names"], found["digest"], found["code"]) == ("compare", ["a", "b"], "x", "y")


# ------------------------------------------------------------------ sweeps


@pytest.fixture
def design(tmp_path):
    """Two budgets, two replicates: four runs."""
    numbers = "\n".join(f"{x.removeprefix('village.').replace('=', ' = ')}" for x in SMALL if x.startswith("village."))
    (tmp_path / "small.toml").write_text(
        f'kind = "case"\nextends = "lerep"\nuntil = 2019-01-15\nburn_in_weeks = 6\n[village]\nextends = "lerep"\n{numbers}\n'
    )
    path = tmp_path / "design.toml"
    path.write_text(
        'kind = "design"\nscenario = "small.toml"\nreplicates = 2\nseed = 5\noutcomes = ["registered", "active"]\nmonths = [2]\nweekly = true\n'
        '[levers]\n"campaign.budget_rp" = [10_000_000, 90_000_000]\n'
    )
    return path


def test_a_sweep_is_made_again_from_its_folder_and_from_what_is_remembered(design, tmp_path, state):
    table = sweeps.sweep(design, tmp_path / "swept", processes=1)
    run_id, digest = table.attrs["sweep_id"], table.attrs["digest"]
    assert digest == hashlib.sha256("".join(f"{x}\n" for x in table["digest"]).encode()).hexdigest()[:16]
    (tmp_path / "small.toml").unlink()  # no scenario is read again
    told = []
    found = replay(run_id[:6], processes=1, progress=lambda *done: told.append(done))
    assert found.identical and found.kind == "sweep" and found.compared == 5 and told[-1] == (4, 4)
    columns = [name for name in table.columns if name != "scenario"]
    assert found.result[columns].equals(table[columns]) and found.result.attrs["digest"] == digest
    shutil.rmtree(tmp_path / "swept")
    found = replay(run_id, processes=1)
    assert found.identical and found.result["active@2"].equals(table["active@2"])
    altered(state / f"{run_id}.json.gz", lambda told: told["values"].update({"active@2": 0.0}))
    found = replay(run_id, processes=1)
    assert not found.identical and list(found.differences["key"]) == ["active@2"]
    altered(state / f"{run_id}.json.gz", lambda told: told.update(points=None))
    with pytest.raises(InputError, match="swept does not hold this sweep any more"):
        replay(run_id)


def test_one_run_that_comes_out_otherwise_changes_the_sweep(design, tmp_path, state, monkeypatch):
    run_id = sweeps.sweep(design, tmp_path / "swept", processes=1).attrs["sweep_id"]
    monkeypatch.setattr(sweeps, "run_batch", third_otherwise)
    found = replay(run_id, processes=1)
    assert not found.identical and len(found.differences) == 0 and "was altered, or another machine made it" in found.verdict


def third_otherwise(runs, frame):
    found = run_batch(runs, frame)
    found["columns"]["digest"] = ["f" * 64 if run.number == 2 else x for run, x in zip(runs, found["columns"]["digest"])]
    return found


def test_an_extended_sweep_is_the_same_sweep_with_another_digest(design, tmp_path, state):
    first = sweeps.sweep(design, tmp_path / "swept", processes=1)
    with warnings.catch_warnings(action="error"):  # more replicates are no other numbers
        more = sweeps.extend(tmp_path / "swept", 3, processes=1)
    assert more.attrs["sweep_id"] == first.attrs["sweep_id"] and more.attrs["digest"] != first.attrs["digest"]
    found = replay(first.attrs["sweep_id"], folders=(), processes=1)  # of the registry, which knows where the folder is
    assert found.identical and len(found.result) == 6


def test_a_sweep_that_is_not_complete_is_refused(design, tmp_path, state):
    def stop(progress):
        if progress.session_runs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweeps.sweep(design, tmp_path / "swept", processes=1, progress=stop)
    half = sweeps.results(tmp_path / "swept")
    assert "digest" not in half.attrs and not state.exists()
    with pytest.raises(InputError, match=r"swept: sweep .* is not complete, 2 of 4 runs are missing; resume it first"):
        replay(half.attrs["sweep_id"])
    assert replay(half["run_id"][1], processes=1).identical  # one of its runs can be
    whole = sweeps.resume(tmp_path / "swept", processes=1)
    assert replay(whole.attrs["sweep_id"], processes=1).identical


def test_a_run_of_a_sweep_is_found_without_reading_the_whole(design, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "MOST_RUNS", 1)
    table = sweeps.sweep(design, tmp_path / "swept", processes=1)
    row, read, part = table.iloc[2], [], store._part
    monkeypatch.setattr(store, "_part", lambda kept, name, *more: (read.append(name), part(kept, name, *more))[1])
    found = find(row["run_id"])
    assert (found["kind"], found["run"], found["folder"], len(read)) == ("one", 2, str(tmp_path / "swept"), 1)
    (tmp_path / "swept" / "results.parquet").write_bytes(b"half")  # of the parts, then
    assert find(row["run_id"]) == found and len(read) == 1 + len(table) + 1
    found = replay(row["run_id"][:7])
    assert found.identical and found.kind == "one" and found.compared == 4
    with pytest.raises(InputError, match="not known"):
        find("0" * 12)


def test_a_run_that_failed_and_people_that_changed_are_told(design, tmp_path, state):
    people = tmp_path / "people.csv"
    text = "id,sex\n" + "".join(f"{k},{'female' if k % 3 else 'male'}\n" for k in range(120))
    people.write_text(text)
    small = tmp_path / "small.toml"
    small.write_text(small.read_text() + 'people_file = "people.csv"\n')
    with warnings.catch_warnings(action="ignore"):
        table = sweeps.sweep(design, tmp_path / "swept", processes=1)
        people.write_text(text.replace("1,female", "1,male"))
        with pytest.raises(InputError, match="a file of people or ties has changed since"):
            replay(table.attrs["sweep_id"])
        people.unlink()
        with pytest.raises(InputError, match="people.csv: .* was made with it, it is gone"):
            replay(table.attrs["sweep_id"])
        row = {**table.iloc[0].to_dict(), "status": "failed", "reason": "ValueError: no"}
        with pytest.raises(InputError, match="run 0 of .*swept failed, there is nothing to compare with: ValueError: no"):
            sweep_recipe.of_run(store.open(tmp_path / "swept"), row)


# ------------------------------------------------------------------ comparisons, pasts


def test_a_comparison_of_people_from_a_file_needs_that_file(tmp_path):
    file = tmp_path / "people.csv"
    text = "id,sex\n" + "".join(f"{k},{'female' if k % 3 else 'male'}\n" for k in range(40))
    file.write_text(text)
    p = rich(weeks=6)
    p = p.model_copy(update={"village": p.village.model_copy(update={"people_file": str(file), "workers": 40})})
    with warnings.catch_warnings(action="ignore"):
        made = compare.compare(p, ["own", "none"], pairs=2, processes=1)
        made.save(tmp_path / "compared")
        for folders in ((), (tmp_path,)):
            assert replay(made.provenance["run_id"], folders=folders, processes=1).identical
        file.write_text(text.replace("1,female", "1,male"))
        for folders in ((), (tmp_path,)):
            with pytest.raises(InputError, match="people.csv: has changed since"):
                replay(made.provenance["run_id"], folders=folders, processes=1)


@pytest.mark.parametrize("at", ["2018-03-01", "2018-05-11"])
def test_a_past_is_saved_again(at, tmp_path):
    p = rich(workers=60, weeks=20).model_copy(update={"until": dt.date(2018, 5, 11)})  # in the middle of a step
    kept = branch.save(p, at, tmp_path / "past", replicates=2, seed=4)
    for folders in ((tmp_path,), ()):
        found = replay(kept.about["run_id"], folders=folders)
        assert found.identical and found.kind == "past" and found.code_same
        shutil.rmtree(tmp_path / "past", ignore_errors=True)


def test_a_past_of_people_from_a_file_needs_that_file(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("id,sex\n" + "".join(f"{k},{'female' if k % 3 else 'male'}\n" for k in range(40)))
    p = rich(weeks=6)
    p = p.model_copy(update={"village": p.village.model_copy(update={"people_file": str(file), "workers": 40})})
    with warnings.catch_warnings(action="ignore"):
        kept = branch.save(p, "2018-02-01", tmp_path / "past", replicates=1)
        told = json.loads((tmp_path / "past" / "state.json").read_text())
        told["scenario"]["hash"] = "f" * 64  # of a case that had to be solved: what is kept has another
        (tmp_path / "past" / "state.json").write_text(json.dumps(told))
        assert replay(kept.about["run_id"]).identical
        file.write_text(file.read_text().replace("1,female", "1,male"))
        with pytest.raises(InputError, match="people.csv: has changed since"):
            replay(kept.about["run_id"])


# ------------------------------------------------------------------ the version of the code


def test_what_is_measured_is_part_of_the_code_version(tmp_path, monkeypatch):
    """All that the unit of work imports of experiments makes its numbers, and so does which behavior it has."""
    root, todo, used = Path(engines.__file__).parent.parent, ["replicate.py", "behavior.py"], set()
    while todo:
        name = todo.pop()
        used.add(name)
        text = (root / "experiments" / "running" / name).read_text()
        modules = re.findall(r"^(?:from|import) experiments\.running\.(\w+)", text, re.M)
        todo += [f"{m}.py" for m in modules if f"{m}.py" not in used]
    used = {f"experiments/running/{name}" for name in used} | {"scenarios/posterior.py"}
    assert used == set(engines.MEASURING)
    monkeypatch.setattr(engines, "__file__", str(tmp_path / "experiments" / "engines.py"))
    copies = tmp_path
    for name in used:
        (copies / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, copies / name)
    assert engines.code_version() == engines.CODE != cache.model_hash()
    for name in used:
        with (copies / name).open("a") as file:
            file.write("#")
    found = {engines.code_version() for name in used if (copies / name).write_bytes((root / name).read_bytes())}
    assert len(found) == len(used)  # each of them counts, the last gives the version of old again
    monkeypatch.setattr(cache, "model_hash", lambda: "0" * 16)
    assert engines.code_version() not in {*found, engines.CODE}


# ------------------------------------------------------------------ remembering


def test_recipes_are_small_and_whole(kept, state):
    path = state / f"{kept}.json.gz"
    assert [p.name for p in state.iterdir()] == [path.name] and path.stat().st_size < 20_000
    told = json.loads(gzip.decompress(path.read_bytes()))
    assert set(told) >= {
        "kind",
        "run_id",
        "when",
        "code",
        "versions",
        "digest",
        "inputs",
        "parameters",
        "seed",
        "replicates",
        "months",
        "values",
    }


def test_the_newest_are_kept(state, monkeypatch):
    monkeypatch.setattr(recipes, "KEPT", 5)
    for k in range(9):
        note(f"{k:012x}")
        os.utime(state / f"{k:012x}.json.gz", ns=(k * 10**9, k * 10**9))
    assert sorted(p.name[:12] for p in state.iterdir()) == [f"{k:012x}" for k in range(4, 9)]
    note(f"{4:012x}")  # run again: now the newest
    note(f"{9:012x}")
    assert f"{4:012x}.json.gz" in os.listdir(state) and f"{5:012x}.json.gz" not in os.listdir(state)


def test_the_same_id_with_other_numbers_is_told(kept, result):
    with warnings.catch_warnings(action="error"):
        remember("run", kept, of_run(result))
        note("abcd00000001", "of nine runs", failed=1)
        note("abcd00000001", "of all ten", failed=0)  # the tenth was done again
    with pytest.warns(UserWarning, match="run abcd00000001 gave other numbers on .*the same versions"):
        note("abcd00000001", "of others", failed=0)
    versions = result.provenance["versions"] | {"numpy": "9.9"}
    with pytest.warns(UserWarning, match=rf"run {kept} gave other numbers on .*numpy .*, now 9\.9"):
        remember("run", kept, of_run(result) | {"digest": "other", "versions": versions})


def test_a_registry_that_cannot_be_written_fails_no_run(state, monkeypatch, tmp_path):
    state.parent.mkdir()
    state.write_text("in the way")
    with pytest.warns(UserWarning, match="not remembered for `sadar replay`") as told:
        note("abcd00000001")
        note("abcd00000002")
    assert len(told) == 1
    with pytest.raises(InputError, match="not known"):
        find("abcd00000001")
    state.unlink()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recipes, "_warned", set())
    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="No space left"):
        patch.setattr(recipes.os, "replace", full)
        note("abcd00000003")
    assert list(state.iterdir()) == []  # no draft is left behind
    monkeypatch.setattr(recipes, "_warned", set())
    with pytest.warns(UserWarning, match="not remembered"):
        note("abcd00000004", value=math.nan)


def test_where_the_registry_is(monkeypatch, tmp_path):
    assert registry() == tmp_path / "state" / "runs"
    monkeypatch.delenv("SADAR_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert registry() == tmp_path / "xdg" / "sadar" / "runs"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert registry() == tmp_path / "home" / ".local" / "state" / "sadar" / "runs"
    monkeypatch.setattr(recipes.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert registry() == tmp_path / "local" / "sadar" / "runs"


WRITER = """
from experiments import recipes
recipes.KEPT = 20
for k in range(60):
    recipes.remember("toy", f"{number:04x}{k:08x}", dict(digest="of one"))
    recipes.remember("toy", "eeee0000eeee", dict(digest="of all"))
"""


def test_several_processes_write_at_once(state):
    root = Path(recipes.__file__).parents[1]
    several = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", f"number = {n}{WRITER}"], cwd=root, stderr=subprocess.PIPE) for n in range(3)
    ]
    assert [process.communicate(timeout=120)[1] for process in several] == [b"", b"", b""]
    names = os.listdir(state)
    assert 15 <= len(names) <= 23 and all(name.endswith(".json.gz") for name in names)
    assert all(find(name.removesuffix(".json.gz"))["digest"] for name in names)

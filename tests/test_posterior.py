"""Behavior drawn from the posterior: the same draw for every campaign, any number of processes and replicates; luck told apart."""

import csv
import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from worlds import lever, parameters

from experiments import branch, compare
from experiments import run as layer
from experiments.cli import app
from experiments.comparing import budget, stopping
from experiments.replay import replay
from experiments.run import load, one, run, run_id
from experiments.running import behavior, luck
from experiments.running.grades import grades
from experiments.screens.figures import save_figure
from experiments.screens.sure import behavior_line, grades_line
from scenarios import posterior
from scenarios.loader import load as load_scenario
from simulation.baseline import solve
from simulation.model import EnrollmentModel
from simulation.parameters import Behavior, InputError

SMALL = [
    "village.workers=150",
    "burn_in_weeks=10",
    "village.median_value_rp=27000.0",
    "village.forget_prob=0.02",
    "village.start_coverage_share=0.04",
]
KEYS = ("own_money_weight", "talk_enrolled_prob", "talk_boost_weeks")


def write(path: Path, rows, keys=KEYS) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([keys, *rows])
    return path


@pytest.fixture
def draws(tmp_path, monkeypatch) -> Path:
    """Twelve draws, in use."""
    rng = np.random.Generator(np.random.PCG64(5))
    path = write(tmp_path / "draws.csv", [(rng.uniform(1, 4), rng.uniform(0.005, 0.3), rng.uniform(2, 16)) for _ in range(12)])
    monkeypatch.setenv(posterior.VARIABLE, str(path))
    return path


@pytest.fixture(scope="module")
def scenario():
    return load_scenario("lerep", overrides=SMALL, until="2019-01-15")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("SADAR_STATE", str(tmp_path / "state"))


def compared(scenario, campaigns=("own", "none"), **options):
    return compare.compare(scenario, campaigns, **{"pairs": 5, "processes": 1} | options)


# ------------------------------------------------------------------ the file


def test_a_file_is_read_and_whole_numbers_are_rounded(draws):
    found = posterior.shipped()
    rows = list(csv.reader(draws.open()))[1:]
    assert found.count == 12 == len(posterior.draws()) and found.keys == KEYS and found.digest == posterior.digest()
    for row, told in zip(rows, posterior.draws(), strict=True):
        assert list(told.values()) == [float(row[0]), float(row[1]), round(float(row[2]))] and isinstance(told["talk_boost_weeks"], int)
    assert posterior.of_document(json.loads(json.dumps(found.document()))) == found
    some = found.only([3, 1, 3])
    assert list(some.rows) == [1, 3] and posterior.of_document(some.document()) == some


def test_another_content_is_read_anew(draws):
    before = posterior.digest()
    write(draws, [(1.5, 0.1, 3)])
    assert posterior.digest() != before and posterior.draws() == ({"own_money_weight": 1.5, "talk_enrolled_prob": 0.1, "talk_boost_weeks": 3},)


def test_none_is_none(monkeypatch, tmp_path):
    assert posterior.shipped() is None and posterior.draws() is None and posterior.digest() is None
    monkeypatch.delenv(posterior.VARIABLE)
    monkeypatch.setattr(posterior, "FILE", tmp_path / "posterior.csv")
    assert posterior.shipped() is None
    write(tmp_path / "posterior.csv", [(1.5, 0.1, 3)])
    assert posterior.shipped().count == 1
    with pytest.raises(InputError, match="no posterior is shipped; SADAR_POSTERIOR can name a file"):
        monkeypatch.setenv(posterior.VARIABLE, "none")
        posterior.drawn(parameters(), 0)


BAD = {
    "own_money_wight\n1.0\n": "line 1: unknown key 'own_money_wight', did you mean 'own_money_weight'?",
    "value_sd,value_sd\n1,1\n": "line 1: the key 'value_sd' stands twice",
    "value_sd\n1.0\n2.5\n": r"line 3: value_sd = 2.5: not allowed; allowed: a number from 0.3 to 2",
    "value_sd\none\n": "line 2: value_sd = one: not allowed; allowed: a number from 0.3 to 2",
    "value_sd\nnan\n": "line 2: value_sd = nan: not allowed",
    "talk_boost_weeks\n52.6\n": "line 2: talk_boost_weeks = 52.6: not allowed; allowed: a number from 0 to 52",
    "talk_boost_weeks\ninf\n": "line 2: talk_boost_weeks = inf: not allowed",
    "value_sd,trust_weight\n1.0\n": "line 2: 1 values; needed: 2",
    "value_sd\n": "holds no draws",
    "": "holds no draws",
    "value_sd\n\udcff\n": "is no CSV file",
}


@pytest.mark.parametrize(("content", "message"), BAD.items())
def test_a_bad_file_is_one_clear_message(content, message, draws, capsys):
    draws.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError, match=message) as caught:
        posterior.shipped()
    assert "draws.csv" in str(caught.value)
    code = app(["run", "lerep", "--replicates", "1"], prog_name="sadar", standalone_mode=False)
    out, err = capsys.readouterr()
    assert (code, out) == (2, "") and err.splitlines()[-1].startswith("sadar") and "draws.csv" in err and "Traceback" not in err


def test_a_file_that_is_not_there(draws):
    draws.unlink()
    with pytest.raises(InputError, match="draws.csv: cannot be read"):
        run("lerep")
    run(load_scenario("lerep", overrides=SMALL, until="2018-09-01"), replicates=1, behavior="point")  # is not asked for


# ------------------------------------------------------------------ who gets which


def test_the_draw_of_a_replicate():
    assert [posterior.place(1, r, 300) for r in (0, 1, 199, 200)] == [101, 102, 0, 1]
    assert {posterior.place(3, r, 7) for r in range(7)} == set(range(7))
    assert behavior.used(None, 1, 5) is None


def test_keys_that_the_scenario_sets_are_kept(draws):
    plain, given = parameters(), parameters(behavior=dict(own_money_weight=1.7, trust_weight=0.9))
    row = posterior.draws()[4]
    assert posterior.drawn(plain, 4).behavior == Behavior(**row)
    assert posterior.drawn(given, 4).behavior == Behavior(**row | {"own_money_weight": 1.7, "trust_weight": 0.9})
    told = behavior.about("posterior", posterior.shipped(), given)
    assert told["kept"] == ["own_money_weight"] and told["keys"] == list(KEYS[1:])
    assert "as the scenario sets them: own_money_weight" in behavior_line({"behavior": told})


def test_a_set_key_stays_in_the_run(draws, scenario):
    fixed = load_scenario("lerep", overrides=[*SMALL, "behavior.own_money_weight=1.25"], until="2018-10-01")
    assert set(run(fixed, replicates=3, processes=1).behaviors()["own_money_weight"]) == {1.25}
    table = run(scenario, replicates=3, processes=1).behaviors()
    assert table["talk_boost_weeks"].nunique() > 1 and list(table.columns) == list(KEYS)
    assert table.to_dict("records") == [posterior.draws()[posterior.place(1, r, 12)] for r in range(3)]


def test_campaigns_of_a_pair_share_the_draw(draws, scenario):
    """Each run is the one that its draw gives alone: so `own` twice is the same, and so is `own` among others."""
    found = compared(scenario, ("own", "none", "own"))
    assert (found.values[:, 0] == found.values[:, 2])[np.isfinite(found.values[:, 0])].all()
    alone = run(scenario, replicates=5, processes=1)
    column = {key: k for k, key in enumerate(alone.keys)}
    shared = [k for k, key in enumerate(found.keys) if key in column]
    np.testing.assert_array_equal(found.values[:, 0, shared], alone.values[:, [column[found.keys[k]] for k in shared]])
    for pair in range(5):
        given = solve(posterior.drawn(found.parameters[1], posterior.place(1, pair, 12)))
        there = one(given, 1, pair, months=())["values"]
        np.testing.assert_array_equal(found.values[pair, 1], [there.get(key, np.nan) for key in found.keys])


def test_the_same_from_any_number_of_processes_and_replicates(draws, scenario):
    few, many = run(scenario, replicates=4, processes=1), run(scenario, replicates=7, processes=2)
    assert len({tuple(row) for row in many.behaviors().to_numpy()}) == 7
    both = [key for key in few.keys if key[2] != "community"]
    np.testing.assert_array_equal(few.values[:, [few.keys.index(k) for k in both]], many.values[:4, [many.keys.index(k) for k in both]])
    np.testing.assert_array_equal(few.twins[:, [few.keys.index(k) for k in both]], many.twins[:4, [many.keys.index(k) for k in both]])
    assert run(scenario, replicates=7, processes=1).provenance["digest"] == many.provenance["digest"]
    a, b = compared(scenario, pairs=4), compared(scenario, pairs=6, processes=2)
    assert a.values.tobytes() == b.values[:4].tobytes() and a.twins.tobytes() == b.twins[:4].tobytes()


def test_one_set_of_numbers_is_what_it_was(draws, scenario, monkeypatch):
    """With "point", and while no posterior is shipped: the digits, the id and the luck of the scenario's own behavior."""
    point = run(scenario, replicates=4, behavior="point", processes=1)
    for replicate in range(4):
        payload = one(scenario.parameters, 1, replicate)
        np.testing.assert_array_equal(point.values[replicate], [payload["values"].get(key, np.nan) for key in point.keys])
    about = point.provenance
    assert about["run_id"] == run_id(about["scenario"]["hash"], about["code"], 1, 4, (4, 12, 24))
    assert point.posterior is None and point.twins is None and point.luck().empty and point.behaviors().empty
    assert "luck alone" in dataclasses.replace(point, values=np.repeat(point.values, 5, axis=0)).note
    drawn = run(scenario, replicates=4, processes=1)
    assert drawn.provenance["digest"] != about["digest"] and drawn.provenance["run_id"] != about["run_id"]
    assert "unknown about behavior" in dataclasses.replace(drawn, values=np.repeat(drawn.values, 5, axis=0)).note
    before = drawn.provenance["run_id"]
    write(draws, [(2.0, 0.025, 8)])
    assert run(scenario, replicates=4, processes=1).provenance["run_id"] != before  # of another posterior
    same = compared(scenario, behavior="point")
    monkeypatch.setenv(posterior.VARIABLE, "none")
    found = run(scenario, replicates=4, processes=1)
    assert {key: found.provenance[key] for key in ("run_id", "digest")} == {key: about[key] for key in ("run_id", "digest")}
    assert compared(scenario).provenance["run_id"] == same.provenance["run_id"] and same.twins is None
    assert behavior_line(found.provenance) == "behavior: one set of numbers; no posterior is shipped"
    assert behavior_line(about) == "behavior: one set of numbers (--behavior point)"


def test_draws_of_ones_own(draws, scenario):
    own = posterior.read(write(draws.with_name("own.csv"), [(3.0, 0.2, 4)]))
    found = run(scenario, replicates=2, behavior=own, processes=1)
    assert found.behaviors().to_dict("records") == [own.rows[0]] * 2 and found.provenance["behavior"]["posterior"] == own.digest
    for bad in ("posterier", None, 3):
        with pytest.raises(InputError, match="behavior = .*: not allowed.* allowed: posterior or point"):
            run(scenario, behavior=bad)


def test_mesa_gives_the_same_digits(draws, scenario):
    found = run(scenario, replicates=3, processes=1)
    given = posterior.drawn(scenario.parameters, posterior.place(1, 2, 12))
    model = EnrollmentModel(parameters=given, rng=1, replicate=2, collect=False)
    while model.running:
        model.step()
    last = model.world.village.counts[-1].sum(axis=0)
    ends = dict(zip(found.keys, found.values[2]))
    assert (last[8], last[9]) == (ends["registered", "end", "all", "all"], ends["active", "end", "all", "all"])


# ------------------------------------------------------------------ again


def test_what_was_drawn_is_replayed(draws, scenario, tmp_path, monkeypatch):
    """From the registry and from folders, though the posterior is gone since; also where more pairs are begun than needed."""
    monkeypatch.setattr(stopping, "FIRST", 5)
    made, pairs = run(scenario, replicates=5, processes=1), compared(scenario, half_width=40, max_pairs=12)
    assert len(pairs.values) < 12
    past = branch.save(scenario, "2018-10-03", tmp_path / "past", replicates=2)
    made.save(tmp_path / "made")
    pairs.save(tmp_path / "pairs")
    draws.unlink()
    for name, folders, processes in ((made, (), 1), (made, [tmp_path / "made"], 1), (pairs, (), 2), (pairs, [tmp_path / "pairs"], 1)):
        found = replay(name.provenance["run_id"], folders=folders, processes=processes)
        assert found.identical and found.result.values.tobytes() == name.values.tobytes()
        assert found.result.twins.tobytes() == name.twins.tobytes()
        assert found.result.provenance["run_id"] == name.provenance["run_id"]
    assert replay(past.about["run_id"], folders=()).identical


def test_saved_and_read_again(draws, scenario, tmp_path):
    made, pairs = run(scenario, replicates=5, processes=1), compared(scenario)
    back = load(made.save(tmp_path / "made", figures=lambda found, folder: save_figure(found, folder / "figure.png")))
    assert back.posterior == made.posterior and back.twins.tobytes() == made.twins.tobytes() and back.document() == made.document()
    assert len(made.luck()) and len(made.document()["luck"]) == len(made.luck())
    again = compare.load(pairs.save(tmp_path / "pairs"))
    assert again.posterior == pairs.posterior and again.twins.tobytes() == pairs.twins.tobytes() and again.document() == pairs.document()
    pairs.save(tmp_path / "pairs")  # its own files are replaced
    assert {path.name for path in (tmp_path / "pairs").iterdir()} == {"comparison.json", "pairs.parquet", "twins.parquet"}


def test_a_past_keeps_its_draws(draws, scenario, tmp_path):
    past = branch.save(scenario, "2018-10-03", tmp_path / "past", replicates=4, seed=9)
    kept, whole = compared(tmp_path / "past", pairs=4), compared(scenario, since="2018-10-03", seed=9, pairs=4)
    assert kept.values.tobytes() == whole.values.tobytes() and kept.provenance["digest"] == whole.provenance["digest"]
    write(draws, [(2.0, 0.025, 8)])
    assert compared(branch.load(tmp_path / "past"), pairs=4, processes=2).values.tobytes() == kept.values.tobytes()
    none = scenario.parameters.model_copy(update={"campaign": whole.parameters[1].campaign})
    world = past.worlds(2, none)
    world.advance()
    start = past.from_start(2, none)
    start.advance()
    active = ("active", "end", "all", "all")
    counts = [w.village.counts[-1].sum(axis=0)[9] for w in (world, start)]
    assert counts == [whole.values[2, 1, whole.keys.index(active)]] * 2
    with pytest.raises(InputError, match="behavior = 'point': not allowed with a past whose replicates have draws"):
        compared(tmp_path / "past", pairs=4, behavior="point")
    with pytest.raises(InputError, match="village.workers|only campaign and until"):
        past.worlds(0, none.model_copy(update={"village": none.village.model_copy(update={"workers": 151})}))
    point = branch.save(scenario, "2018-10-03", tmp_path / "point", replicates=4, seed=9, behavior="point")
    assert point.about["run_id"] != past.about["run_id"] and point.posterior is None
    assert compared(point, pairs=4).provenance["behavior"]["used"] == "point"  # it brings its own behavior
    text = (tmp_path / "past" / "state.json").read_text()
    (tmp_path / "past" / "state.json").write_text(text.replace('"count": 12', '"count": 11'))
    with pytest.raises(InputError, match="has changed since|damaged"):
        branch.load(tmp_path / "past")


def test_budgets_are_spent_on_average_over_draws(draws, scenario):
    fitted = budget.to_budget(scenario.parameters, 12_000_000, pilots=3, posterior=posterior.shipped())
    given = [solve(posterior.drawn(fitted.parameters, posterior.place(1, r, 12))) for r in range(3)]
    spent = [one(p, 1, r, months=())["values"]["campaign_rp", "end", "all", "all"] for r, p in enumerate(given)]
    assert np.mean(spent) == pytest.approx(fitted.spend_rp)
    found = compared(scenario, budget=12_000_000, pairs=2)
    assert found.provenance["budget"]["campaigns"]["own"]["within"]


# ------------------------------------------------------------------ luck


def test_twins_change_no_number_of_the_run(draws, scenario, monkeypatch):
    made, pairs = run(scenario, replicates=5, processes=1), compared(scenario)
    monkeypatch.setattr(luck, "TWINS", 0)
    alone, apart = run(scenario, replicates=5, processes=1), compared(scenario)
    assert made.twins.shape == made.values.shape and pairs.twins.shape == pairs.values.shape
    assert alone.twins is None and apart.twins is None and apart.differences()["luck_share"].isna().all()
    for a, b in ((made, alone), (pairs, apart)):
        assert a.values.tobytes() == b.values.tobytes()
        assert {k: a.provenance[k] for k in ("run_id", "digest")} == {k: b.provenance[k] for k in ("run_id", "digest")}
    assert made.weekly.equals(alone.weekly) and made.ledger.equals(alone.ledger)


def test_twins_share_the_draw_and_nothing_else(draws, scenario):
    made, pairs = run(scenario, replicates=5, processes=1), compared(scenario)
    given = solve(posterior.drawn(scenario.parameters, posterior.place(1, 3, 12)))
    twin = one(given, 1, 3 + luck.OTHER)["values"]
    np.testing.assert_array_equal(made.twins[3], [twin.get(key, np.nan) for key in made.keys])
    np.testing.assert_array_equal(pairs.twins[3, 0], [twin.get(key, np.nan) for key in pairs.keys])
    assert made.provenance["behavior"]["twins"] == 5 and run(scenario, replicates=3, processes=1).twins is None


def share_of_luck(p, rows, keys, tmp_path, runs=60) -> float:
    found = run(p, replicates=runs, behavior=posterior.read(write(tmp_path / "toy.csv", rows, keys)), processes=1)
    return found.luck(["registered"]).set_index("month")["luck_share"]["end"]


def test_luck_is_all_where_behavior_does_nothing_and_nothing_where_it_decides(tmp_path, monkeypatch):
    """Reminders that nobody gets; persuasion that comes for certain or never. Twins of all runs, for the share to be near."""
    monkeypatch.setattr(luck, "TWINS", 60)
    village = dict(workers=200, median_value_rp=80_000.0, forget_prob=0.02, start_coverage_share=0.05)
    quiet = parameters(20, village, levers=[lever("talk", contact=dict(channel="session", attendance=20))])
    idle = share_of_luck(quiet, [(x,) for x in np.linspace(0.1, 0.9, 8)], ("reminder_wear_share",), tmp_path)
    assert idle > 0.7
    sure = dict(workers=80, median_value_rp=9_000_000.0, forget_prob=0.0, start_coverage_share=0.0, baseline_awareness_share=0.9, never_share=0.0)
    decided = share_of_luck(parameters(20, sure), [(x, x) for x in (0.0, 1.0)], ("self_persuasion_prob", "compare_prob"), tmp_path)
    assert decided < 0.15


# ------------------------------------------------------------------ grades, screens


def test_grades_by_hand(draws):
    """Drawn: three measured keys. Set: workers (expert), network's clustering (measured). Levers: guess, measured; alike ones once."""
    first = lever("a", contact=dict(channel="session", attendance=8))
    levers = [[first], [first, lever("b", grade="measured", gift=dict(value_rp=5))]]
    given = [parameters(village=dict(workers=77, clustering=0.2, title="x", forget_prob=0.1), levers=some) for some in levers]
    found = grades(given, posterior.shipped())
    assert found["parts"] == {
        "behavior": {"measured": 3, "expert": 0, "guess": 0}, "village": {"measured": 1, "expert": 1, "guess": 0},
        "levers": {"measured": 1, "expert": 0, "guess": 1},
    }  # fmt: skip
    assert found["inputs"] == 7 and found["measured"] == 5 / 7 and found["guess"] == 1 / 7
    assert grades_line({"grades": found}) == "Key inputs: 71% measured, 14% expert, 14% guess (7: behavior 3, village 2, levers 2)."
    bare = grades([parameters()], None)
    assert sum(bare["parts"]["behavior"].values()) == len(posterior.believed()) > 20 and bare["parts"]["levers"]["guess"] == 0


@pytest.fixture
def sadar(capsys):
    def sadar(*args):
        capsys.readouterr()
        code = app([str(arg) for arg in args], prog_name="sadar", standalone_mode=False)
        return code, *capsys.readouterr()

    return sadar


def test_the_screen_says_which_behavior_and_what_is_luck(draws, sadar, tmp_path):
    quick = [part for item in SMALL for part in ("--set", item)] + ["--until", "2019-01-15"]
    code, out, err = sadar("run", "lerep", *quick, "--replicates", "4", "--out", tmp_path / "out")
    said = " ".join(out.split())
    assert code == 0 and "a draw of its own for each run, of 12 in the posterior" in said and "luck only" not in said
    assert "Why the runs differ" in said and "from 4 runs done twice" in said and "Key inputs: " in said and "guess" in said
    assert max(map(len, out.splitlines())) <= 120
    told = json.loads(sadar("run", "lerep", *quick, "--replicates", "4", "--json")[1])
    assert told["behavior"]["used"] == "posterior" and told["behavior"]["keys"] == list(KEYS) and told["grades"]["inputs"] > 5
    rows = {(row["measure"], row["month"]): row for row in told["luck"]}
    row = rows["active", "end"]
    assert 0 <= row["luck_low"] <= row["luck_share"] <= row["luck_high"] <= 1 and row["behavior_share"] == 1 - row["luck_share"]
    code, out, err = sadar("run", "lerep", *quick, "--replicates", "4", "--behavior", "point")
    assert "one set of numbers (--behavior point)" in out and "luck only" in " ".join(out.split()) and "Why the runs differ" not in out
    compared = ["compare", "lerep", *quick[:-2], "--until", "2019-01-15", "--with", "own", "--with", "none", "--pairs", "4"]
    code, out, err = sadar(*compared)
    said = " ".join(out.split())
    assert code == 0 and "a draw of behavior of its own, the same for all campaigns" in said and "from 4 done twice" in said
    found = json.loads(sadar(*compared, "--json")[1])
    assert 0 <= found["differences"][0]["luck_share"] <= 1 and found["behavior"]["twins"] == 4
    said = " ".join(sadar(*compared, "--behavior", "point")[1].split())
    assert "intervals are luck over villages of one kind" in said and "done twice" not in said
    code, out, err = sadar("branch", "lerep", *quick, "--at", "2018-10-03", "--out", tmp_path / "past", "--replicates", 2, "--behavior", "point")
    assert code == 0 and branch.load(tmp_path / "past").posterior is None
    for command in (["run", "lerep"], compared, ["branch", "lerep", "--at", "2018-10-03", "--out", tmp_path / "new"]):
        code, out, err = sadar(*command, "--behavior", "pont")
        assert (code, out) == (2, "") and "--behavior pont: not allowed; allowed: posterior or point" in err


def test_new_draws_are_work_that_is_known_of_beforehand(draws, monkeypatch):
    given = load_scenario("lerep").parameters
    monkeypatch.setattr(behavior, "known", lambda p: p.behavior.own_money_weight > 2)
    new = sum(row["own_money_weight"] <= 2 for row in posterior.draws())
    seconds = behavior.solving_seconds(given, posterior.shipped(), 1, 500)
    assert 0 < new < 12 and seconds == pytest.approx(new * behavior.NEW_SECONDS)
    assert behavior.solving_seconds(given, None, 1, 500) == 0.0
    asked = []
    monkeypatch.setattr(layer, "available", lambda: 2)
    monkeypatch.setattr(layer, "local", lambda work, todo, processes: asked.append(processes) or ((r, work(r)) for r in todo))
    small = load_scenario("lerep", overrides=SMALL, until="2018-10-01")
    run(small, replicates=4)
    monkeypatch.setattr(behavior, "NEW_SECONDS", 60.0)
    run(small, replicates=4)
    assert asked == [1, 1, 1, 2] and os.environ[posterior.VARIABLE] == str(draws)

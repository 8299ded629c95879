"""The Mesa front: the same digits as the batch path, agents as views on the tables, and Mesa's own tools at work on them."""

import datetime as dt
import functools
import gc
import inspect
import math
import pickle
import subprocess
import sys
import weakref
from collections import Counter

import mesa
import numpy as np
import pytest
from mesa.agent import AgentSet
from mesa.discrete_space import Network

from simulation import EnrollmentModel, Leader, PerisaiAgent, Worker, world
from simulation.agents import COLUMNS, ArrayAgentSet, Person
from simulation.model import default_parameters, stored_layout
from simulation.parameters import AgentsMechanism, Campaign, LeadersMechanism, Lever, Limits, PriceMechanism
from simulation.stages import ENROLLED, Membership, Source, Stage, TieKind

LAZY = ("columns", "views", "_everybody", "graph", "grid")


@functools.cache
def village(workers=260, step_days=7):
    """A small village with a busy year: sessions, an agent, and price cuts, so that every table moves."""
    p = default_parameters()
    levers = [
        *p.campaign.levers,
        Lever(name="more_agents", start=dt.date(2018, 3, 1), agents=AgentsMechanism(number=2)),
        Lever(name="leaders", start=dt.date(2018, 5, 1), end=dt.date(2018, 5, 31), leaders=LeadersMechanism(kinds=["community_head"])),
        Lever(name="half_price", start=dt.date(2018, 4, 1), price=PriceMechanism(discount_share=0.5, months=6, known_share=1.0)),
    ]
    solved = {"median_value_rp": 60_000.0, "forget_prob": 0.01, "start_coverage_share": 0.03}
    home = p.village.model_copy(update={"workers": workers, "agent_candidates_per_1000": 60.0, **solved})
    campaign = p.campaign.model_copy(update={"levers": levers})
    limits = Limits(step_days=step_days)
    return p.model_copy(update={"village": home, "campaign": campaign, "limits": limits, "until": dt.date(2019, 1, 1), "burn_in_weeks": 20})


def bits(w: world.World) -> dict[str, bytes]:
    """Every column of every table of a run, as bytes."""
    out = {"week": str(w.week).encode()}
    for name, table in w.village._asdict().items():
        for column in table.dtype.names or [None]:
            out[f"{name}.{column}"] = np.ascontiguousarray(table[column] if column else table).tobytes()
    return out


@pytest.fixture(scope="module")
def batch():
    """The batch path: built and run in one call each."""
    w = world.build(village(), 7, 2)
    w.advance()
    return bits(w)


@pytest.fixture(scope="module")
def model():
    """A model stopped in the middle of its campaign; tests must not change it."""
    m = EnrollmentModel(parameters=village(), rng=7)
    m.run_until(dt.date(2018, 9, 1))
    return m


def plain(model) -> AgentSet:
    """Mesa's own AgentSet of the same agents: what ours must agree with."""
    return AgentSet(list(model.agents), random=model.random)


# ------------------------------------------------------------------ the same digits


def test_stepping_by_hand_gives_the_digits_of_the_batch_path(batch):
    m = EnrollmentModel(parameters=village(), rng=7, replicate=2)
    while m.running:
        m.step()
    assert bits(m.world) == batch
    tables = m.world.village
    assert tables.ledger.any() and tables.agents["portfolio"].any() and tables.counts[-1, :, Stage.CONFIRMATION].any()


def test_run_until_gives_the_digits_of_the_batch_path(batch):
    m = EnrollmentModel(parameters=village(), rng=7, replicate=2, collect=False)
    m.run_until(9)
    m.run_until(dt.date(2018, 7, 15))
    m.run_until()
    assert bits(m.world) == batch


def test_looking_and_drawing_random_numbers_changes_no_digit(batch):
    m = EnrollmentModel(parameters=village(), rng=7, replicate=2, agent_reporters={"stage": "stage"})
    while m.running:
        m.step()
        if m.steps % 10 == 0:
            m.agents.shuffle_do("step").groupby("stage").agg("trust", np.mean)
            m.random.random(), m.rng.random(), m.grid
    assert bits(m.world) == batch


def test_seed_and_replicate_are_told_apart(batch):
    keys = [dict(rng=7, replicate=1), dict(rng=8, replicate=2)]
    for key in keys:
        m = EnrollmentModel(parameters=village(), **key)
        m.run_until()
        other = bits(m.world)
        assert other["ledger.None"] != batch["ledger.None"] and other["counts.None"] != batch["counts.None"]


def test_comparison_notices_one_flipped_bit(batch):
    w = world.build(village(), 7, 2)
    w.advance()
    assert bits(w) == batch
    w.village.workers["value"].view(np.int32)[5] ^= 1
    assert bits(w) != batch


# ------------------------------------------------------------------ making a model


def test_defaults_make_a_village_with_workers_leaders_and_an_agent():
    m = EnrollmentModel()
    assert (m.world.seed, m.world.replicate, m.world.people.workers) == (0, 0, 400)
    assert Counter(type(a) for a in m.agents) == {Worker: 400, Leader: len(m.world.people.leader_kind), PerisaiAgent: 1}
    with pytest.raises(TypeError):
        EnrollmentModel(village())


SEEDS = [({}, 0), ({"rng": None}, 0), ({"rng": np.int64(5)}, 5), ({"seed": 5}, 5), ({"rng": 5, "seed": 5}, 5)]
BAD_SEEDS = [
    ({"rng": "x"}, TypeError, "whole number"), ({"rng": 1.5}, TypeError, "1.5"), ({"rng": 1, "seed": 2}, ValueError, "differ"),
    ({"rng": -1}, ValueError, "-1"), ({"replicate": 2**32}, ValueError, "replicate"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "seed"), SEEDS)
def test_the_seed_under_mesas_names(given, seed):
    m = EnrollmentModel(parameters=village(60), **given)
    assert m.world.seed == seed


@pytest.mark.parametrize(("given", "error", "says"), BAD_SEEDS)
def test_a_seed_that_cannot_be_used(given, error, says):
    with pytest.raises(error, match=says):
        EnrollmentModel(parameters=village(60), **given)


def test_time_runs_from_start_to_until():
    m = EnrollmentModel(parameters=village(60))
    calendar = m.world.calendar
    assert (m.steps, m.week, m.date, m.running) == (0, calendar.burn_in, dt.date(2018, 1, 1), True)
    m.step()
    assert (m.steps, m.week, m.date) == (1, calendar.burn_in + 1, dt.date(2018, 1, 8))
    m.run_until(dt.date(2018, 2, 1))
    assert m.date == dt.date(2018, 2, 5)  # the first step that begins on or after the day comes next
    m.run_until(dt.datetime(2018, 2, 5, 12))
    assert m.date == dt.date(2018, 2, 5)
    m.run_until(3)
    assert m.steps == 5  # what is past stays past
    m.run_until(30)
    assert m.steps == 30 and m.running
    m.run_model()
    assert (m.steps, m.week, m.date, m.running) == (53, calendar.steps, dt.date(2019, 1, 7), False)


def test_nothing_happens_after_the_end():
    m = EnrollmentModel(parameters=village(60))
    m.run_until()
    before, rows = bits(m.world), len(m.datacollector.get_model_vars_dataframe())
    m.step()
    assert bits(m.world) == before and m.steps == 53 and rows == 54 == len(m.datacollector.get_model_vars_dataframe())


def test_steps_of_other_lengths():
    m = EnrollmentModel(parameters=village(60, step_days=30), rng=1)
    m.run_until()
    assert m.steps == 13 and m.date == dt.date(2018, 1, 1) + dt.timedelta(days=390)


# ------------------------------------------------------------------ nothing made that nobody asked for


def test_a_headless_run_makes_no_agent(monkeypatch):
    def refuse(*_):
        raise AssertionError("a view was made")

    monkeypatch.setattr(Person, "__init__", refuse)
    m = EnrollmentModel(parameters=village(60))
    m.run_until()
    assert not set(LAZY) & set(m.__dict__)
    assert m.registered == m.world.village.counts[-1, :, 8].sum()
    with pytest.raises(AssertionError, match="a view was made"):
        next(iter(m.agents))


def test_importing_the_simulation_is_cheap():
    code = (
        "import sys, simulation.parameters; assert 'EnrollmentModel' in dir(simulation)\n"
        "assert not {'mesa', 'numba', 'networkx'} & set(sys.modules), 'parameters'\n"
        "import simulation.world; assert 'mesa' not in sys.modules, 'world'\n"
        "from simulation import EnrollmentModel; assert 'mesa' in sys.modules\n"
        "try: simulation.Nonsense\nexcept AttributeError: print('fine')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr


def test_dropped_models_are_collected():
    kept = []
    for seed in range(8):
        m = EnrollmentModel(parameters=village(60), rng=seed, agent_reporters={"stage": "stage"})
        m.run_until(2)
        m.agents.groupby("stage")
        m.grid[0].neighborhood, m.agents[0].cell.get_neighborhood(radius=2)
        kept.append(weakref.ref(m))
    del m
    gc.collect()
    assert [r() for r in kept] == [None] * 8


# ------------------------------------------------------------------ the agent set, against Mesa's own


def test_agents_are_workers_then_leaders_then_perisai(model):
    people, agents = model.world.people, model.agents
    assert isinstance(agents, AgentSet) and isinstance(agents, ArrayAgentSet)
    assert [type(a) for a in agents] == [Worker] * people.workers + [Leader] * len(people.leader_kind) + [PerisaiAgent] * 3
    assert [a.unique_id for a in agents] == list(range(1, len(agents) + 1))
    assert model.world.village.agents["row"].tolist() == [a.row for a in model.agents_by_type[PerisaiAgent]]
    assert model.agent_types == [Worker, Leader, PerisaiAgent] and sum(map(len, model.agents_by_type.values())) == len(agents)
    assert all(isinstance(a, mesa.Agent) and a.model is model and a.random is model.random for a in agents)


def test_a_village_without_campaign_has_no_perisai_and_empty_sets_are_sets():
    m = EnrollmentModel(parameters=village(60).model_copy(update={"campaign": Campaign()}))
    assert m.agent_types == [Worker, Leader] and PerisaiAgent not in m.agents_by_type
    nobody = m.agents.select(agent_type=PerisaiAgent)
    assert (len(nobody), list(nobody), nobody.get("stage"), nobody.agg("trust", sum), nobody.groupby("stage").count()) == (0, [], [], 0, {})
    assert list(nobody.sort("trust")) == list(nobody.shuffle()) == nobody.get("portfolio") == []


def test_views_are_made_once(model):
    first = list(model.agents)
    model.agents.shuffle()
    assert all(a is b for a, b in zip(first, model.agents, strict=True)) and model.agents[3] is first[3] and first[3] in model.agents
    assert model.agents[-2:] == first[-2:] == model.agents.to_list()[-2:]
    assert len(AgentSet(model.agents, random=model.random)) == len(first)  # Mesa's own set holds them weakly


OPERATIONS = {
    "get": lambda s: s.get("understanding"),
    "get several": lambda s: s.get(["stage", "occupation", "community"]),
    "get missing": lambda s: s.get("portfolio", handle_missing="default", default_value=-1),
    "agg": lambda s: s.agg("registered", sum),
    "agg several": lambda s: s.agg("community", [min, max, np.mean]),
    "agg names": lambda s: sorted(s.agg("occupation", Counter).items(), key=str),
    "select": lambda s: list(s.select(lambda a: a.stage == Stage.REJECTED and a.sex == "female")),
    "first n": lambda s: list(s.select(at_most=7)),
    "first share": lambda s: list(s.select(at_most=0.1)),
    "type": lambda s: list(s.select(agent_type=Leader)),
    "all three": lambda s: list(s.select(lambda a: a.community == 1, at_most=3, agent_type=Worker)),
    "count": lambda s: s.groupby("stage").count(),
    "group order": lambda s: list(s.groupby("memberships").count()),
    "groups": lambda s: {k: list(g) for k, g in s.groupby("phone")},
    "group lists": lambda s: s.groupby("sex", result_type="list").groups,
    "group function": lambda s: s.groupby(lambda a: (a.role, a.community)).count(),
    "group agg": lambda s: s.groupby("occupation").agg("understanding", sum),
    "group map": lambda s: s.groupby("stage").map(len),
    "group foreign": lambda s: s.groupby("role").agg("pos", max),
    "sort": lambda s: list(s.sort("understanding")),
    "sort up": lambda s: list(s.sort("community", ascending=True)),
    "sort flag": lambda s: list(s.sort("active")),
    "sort function": lambda s: list(s.sort(lambda a: -a.row)),
    "map": lambda s: s.map(lambda a, plus: a.row + plus, 5),
    "map method": lambda s: s.map("ties_by", None),
    "in": lambda s: s[5] in s,
    "both": lambda s: {a.row for a in s & s.select(at_most=4)},
    "either": lambda s: {a.row for a in s.select(at_most=4) | s.select(agent_type=Leader)},
    "without": lambda s: {a.row for a in s - s.select(at_most=9)},
    "one of two": lambda s: {a.row for a in s.select(at_most=9) ^ s.select(at_most=4)},
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore:No Agents specified")
def test_an_operation_gives_what_mesas_own_set_gives(model, name):
    ours, mesas = OPERATIONS[name](model.agents), OPERATIONS[name](plain(model))
    assert ours == mesas or np.allclose(list(ours.values()), list(mesas.values()), rtol=1e-12), name
    assert OPERATIONS[name](model.agents.select(at_most=40)) is not None


@pytest.mark.parametrize("name", ["trust", "income_rp", "stage"])
def test_sorting_puts_what_is_missing_last(model, name):
    up, down = model.agents.sort(name, ascending=True), model.agents.sort(name)
    workers = len(model.agents_by_type[Worker])
    assert [a.role for a in up][workers:] == [a.role for a in down][workers:] == [a.role for a in model.agents][workers:]
    assert up.get(name)[:workers] == sorted(model.agents_by_type[Worker].get(name)) == down.get(name)[:workers][::-1]


def test_random_orders_are_mesas(model):
    for go in (lambda s: list(s.shuffle()), lambda s: s.shuffle_do(lambda a, out: out.append(a), out := []) and out):
        model.random.seed(4)
        ours = go(model.agents)
        model.random.seed(4)
        assert ours == go(plain(model)) != list(model.agents)


def test_every_method_that_reads_mesas_storage_is_replaced():
    def reads(function):
        return inspect.isfunction(function) and "_agents" in function.__code__.co_names

    inherited = {name for kind in AgentSet.__mro__ for name, function in vars(kind).items() if reads(function)}
    assert len(inherited) > 10
    assert not [name for name in inherited if getattr(ArrayAgentSet, name) is getattr(AgentSet, name)]


def test_select_by_columns_equals_select_by_function(model):
    by_column = model.agents.select(where=lambda c: (c["stage"] == Stage.REJECTED) & (c["trust"] < 0.6) & (c["occupation"] == "farmer"))
    by_view = model.agents.select(lambda a: a.stage == Stage.REJECTED and a.trust < 0.6 and a.occupation == "farmer")
    assert 0 < len(by_column) < 200 and list(by_column) == list(by_view)
    arisan = model.agents.select(where=lambda c: c["memberships"] & Membership.ARISAN > 0)
    assert 0 < len(arisan) < 200 and list(arisan) == list(model.agents.select(lambda a: "arisan" in a.memberships))
    assert len(model.agents.select(where=lambda c: ~c["active"], agent_type=Leader, at_most=2)) == 2
    with pytest.raises(KeyError, match="understanding"):
        model.agents.select(where=lambda c: c["understandin"] > 0)
    with pytest.raises(ValueError, match="one bool per agent"):
        model.agents.select(where=lambda c: c["stage"])


def test_changing_a_set_in_place_is_for_copies(model):
    some = model.agents.copy()
    assert some.select(at_most=5, inplace=True) is some and len(some) == 5
    some.remove(some[0])
    some.add(model.agents[100])
    some.add(model.agents[100])
    assert [a.row for a in some] == [1, 2, 3, 4, 100]
    with pytest.raises(KeyError):
        some.remove(model.agents[0])
    first = model.agents[0]
    changes = [lambda s: s.shuffle(inplace=True), lambda s: s.discard(first), lambda s: s.add(first), lambda s: s.sort("row", inplace=True)]
    for change in changes:
        with pytest.raises(TypeError, match="copy"):
            change(model.agents)
    with pytest.raises(NotImplementedError):
        model.agents[0].remove()
    with pytest.raises(TypeError, match="tables"):
        mesa.Agent(model)


# ------------------------------------------------------------------ views


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_what_the_views_say(model, name):
    def key(x):
        return "nan" if isinstance(x, float) and math.isnan(x) else x

    views, column = [key(getattr(a, name)) for a in model.agents], [key(x) for x in model.agents.get(name)]
    assert views == column
    workers = model.agents_by_type[Worker]
    assert [getattr(a, name) for a in workers] == workers.get(name) == views[: len(workers)]
    assert {type(x) for x in workers.get(name)} == {type(getattr(a, name)) for a in workers}
    assert workers.values(name).dtype in (bool, np.int64, np.float64, object)  # no 16-bit arithmetic for users


def test_worker_properties_read_the_tables(model):
    table, people = model.world.village.workers, model.world.people
    names = [o.name for o in model.parameters.village.occupations]
    for a in model.agents_by_type[Worker]:
        row, w = a.row, table[a.row]
        assert a.stage is Stage(w["stage"]) and a.understanding == float(w["understanding"]) and a.income_rp == w["income_rp"]
        assert a.trust == float(w["alpha"]) / (float(w["alpha"]) + float(w["beta"]))
        registered, active, own = (bool(w["marks"] & mark) for mark in (32, 16, 128))
        assert (a.registered, a.active, a.paying) == (registered, active, active and own)
        assert a.occupation == names[w["occupation"]] and (a.sex == "female") == (people.sex[row] == 1)
        assert (a.community, a.household) == (people.community[row], people.household[row])
        assert sum(Membership[m.upper()] for m in a.memberships) == people.membership[row]
        assert a.months_paid == a.own_months + a.other_months == int(w["own_months"]) + int(w["other_months"])
        assert a.first_channel == (None if w["first_source"] == Source.NONE else Source(w["first_source"]).name.lower())
        assert a.joined_date == (None if w["joined_week"] < 0 else model.world.calendar.dates[w["joined_week"]])
    assert {"agent", "peer"} <= set(model.agents.get("last_channel"))
    unaware = EnrollmentModel(parameters=village(60)).agents.select(lambda a: a.stage is Stage.UNAWARE)
    assert None in unaware.get("first_channel") and "none" not in unaware.get("first_channel")


def test_ties_are_the_rows_of_the_network(model):
    network, known = model.world.network, len(model.agents)
    hidden = 0
    for a in model.agents:
        rows = network.ties(a.row)
        hidden += (rows >= known).sum()
        assert [b.row for b in a.ties] == [r for r in rows.tolist() if r < known] and list(a.neighbors) == list(a.ties)
        assert all(a in b.ties for b in a.ties.select(at_most=2))
        assert sum(len(a.ties_by(kind)) for kind in TieKind) == len(a.ties)
    assert hidden > 0  # candidates who are no agents are nobody's neighbor in Mesa


def test_leaders_and_agents_have_their_own_properties(model):
    agents, leaders = model.agents_by_type[PerisaiAgent], model.agents_by_type[Leader]
    assert [a.lever for a in agents] == ["perisai", "more_agents", "more_agents"] and any(a.working for a in agents)
    assert [len(a.members) for a in agents] == [a.portfolio for a in agents] and sum(a.portfolio for a in agents) > 0
    assert all(m.perisai is a and m.stage in ENROLLED for a in agents for m in a.members)
    assert sum(len(a.territory) for a in agents[1:]) == len(model.agents_by_type[Worker]) and sum(a.pay_rp for a in agents) > 0
    assert leaders[0].kind == "village_head" and Counter(a.kind for a in leaders)["community_head"] == model.world.people.communities
    assert [a.enrolled for a in leaders] == (model.world.people.leader_enrolled == 1).tolist()
    assert not any(a.engaged for a in leaders)
    early = EnrollmentModel(parameters=village(60))
    for day, speak in ((dt.date(2018, 4, 20), False), (dt.date(2018, 5, 7), True)):
        early.run_until(day)
        assert all(a.engaged == (speak and a.kind == "community_head") for a in early.agents_by_type[Leader])
    assert leaders[0].stage is None and math.isnan(leaders[0].trust) and leaders[0].understanding == 0.7 and not leaders[0].active


def test_writing_reaches_the_tables():
    m = EnrollmentModel(parameters=village(60), rng=3)
    table, worker = m.world.village.workers, m.agents.select(where=lambda c: c["stage"] == Stage.UNAWARE)[0]
    worker.stage, worker.understanding, worker.trust, worker.misbelief, worker.income_rp = Stage.KNOWLEDGE, 0.25, 0.75, True, 900_000
    row = table[worker.row]
    assert (row["stage"], row["stage_week"], row["understanding"], row["income_rp"]) == (Stage.KNOWLEDGE, m.week, 0.25, 900_000)
    assert worker.trust == pytest.approx(0.75) and row["alpha"] + row["beta"] == pytest.approx(4.0) and row["marks"] & 1
    workers = m.agents_by_type[Worker]
    assert workers.set("misbelief", False).agg("misbelief", sum) == 0 and not (table["marks"] & 1).any()
    workers.set("understanding", 0.5)
    assert (table["understanding"] == 0.5).all()
    worker.note = "mine"
    assert m.agents[worker.row].note == "mine"


def test_writing_moves_the_run():
    runs = [EnrollmentModel(parameters=village(60), rng=3) for _ in range(3)]
    runs[1].agents_by_type[Worker].set("value", 5.0)
    for m in runs:
        m.run_until(30)
    assert bits(runs[0].world) == bits(runs[2].world) and runs[1].registered > runs[0].registered


NONSENSE = [
    ("understanding", 1.2, ValueError), ("trust", 0.0, ValueError), ("value", math.nan, ValueError), ("income_rp", 0, ValueError),
    ("stage", Stage.CONFIRMATION, ValueError), ("stage", Stage.LAPSED, ValueError), ("stage", 9, ValueError),
    ("active", True, AttributeError),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "error"), NONSENSE)
def test_writing_nonsense_is_refused(name, value, error):
    m = EnrollmentModel(parameters=village(60), rng=3)
    before = bits(m.world)
    with pytest.raises(error):
        setattr(m.agents.select(where=lambda c: c["stage"] == Stage.UNAWARE)[0], name, value)
    with pytest.raises(error):
        m.agents.select(where=lambda c: c["stage"] == Stage.UNAWARE).set(name, value)
    assert bits(m.world) == before


def test_members_leave_and_leaders_change_only_by_the_model(model):
    with pytest.raises(ValueError, match="enrolled"):
        model.agents.select(where=lambda c: c["active"])[0].stage = Stage.UNAWARE
    with pytest.raises(AttributeError, match="workers only"):
        model.agents_by_type[Leader][0].understanding = 0.1
    with pytest.raises(AttributeError, match="workers only"):
        model.agents.set("understanding", 0.1)


# ------------------------------------------------------------------ counts and Mesa's collector


def test_counts_are_the_kernels(model):
    counts = model.world.village.counts[model.week - 1].sum(axis=0)
    assert [model.stage_counts[s] for s in Stage] == counts[:8].tolist()
    assert [model.registered, model.active, model.paying] == counts[8:11].tolist()
    assert [sum(model.agents.get(name)) for name in ("registered", "active", "paying")] == counts[8:11].tolist()
    assert sum(model.stage_counts.values()) == model.world.people.workers


def test_the_collector_keeps_every_step():
    m = EnrollmentModel(parameters=village(), rng=7)
    m.run_until()
    frame, burn_in = m.datacollector.get_model_vars_dataframe(), m.world.calendar.burn_in
    counts = m.world.village.counts[burn_in - 1 :].sum(axis=1)
    for place, name in enumerate([s.name.lower() for s in Stage] + ["registered", "active", "paying"]):
        assert frame[name].tolist() == counts[:, place].tolist(), name
    assert frame["date"].tolist() == [*m.world.calendar.dates[burn_in:], m.date]
    assert frame["registered"].iloc[-1] > frame["registered"].iloc[0]
    assert EnrollmentModel(parameters=village(60), collect=False).datacollector.get_model_vars_dataframe().empty


def test_agent_reporters_keep_every_agent():
    m = EnrollmentModel(parameters=village(60), rng=7, agent_reporters={"stage": "stage", "pay": "pay_rp", "twice": lambda a: 2 * a.row})
    seen = [m.agents.get("stage")]
    for _ in range(4):
        m.step()
        seen.append(m.agents.get("stage"))
    frame = m.datacollector.get_agent_vars_dataframe()
    assert frame["stage"].fillna(-1).tolist() == [-1 if s is None else s for week in seen for s in week]  # pandas makes None NaN
    assert frame.index.names == ["Step", "AgentID"] and seen[0] != seen[-1]
    assert frame["twice"].tolist() == [2 * a.row for a in m.agents] * 5
    assert frame["pay"].notna().sum() == 5 * len(m.agents_by_type[PerisaiAgent])
    with pytest.raises(ValueError, match="did you mean 'stage'"):
        EnrollmentModel(parameters=village(60), agent_reporters={"stage": "stag"})


def test_a_collector_of_ones_own_works_as_in_any_mesa_model():
    m = EnrollmentModel(parameters=village(60), rng=7, collect=True)
    m.datacollector = mesa.DataCollector(
        model_reporters={"n": lambda m: len(m.agents), "active": "active"},
        agent_reporters={"stage": "stage"},
        agenttype_reporters={Worker: {"trust": "trust"}, PerisaiAgent: {"load": "portfolio"}},
    )
    m.run_until(3)
    assert m.datacollector.get_model_vars_dataframe()["n"].tolist() == [len(m.agents)] * 3
    assert len(m.datacollector.get_agenttype_vars_dataframe(Worker)) == 3 * 60
    loads = m.datacollector.get_agenttype_vars_dataframe(PerisaiAgent)["load"].tolist()
    assert loads[-3:] == [a.portfolio for a in m.agents_by_type[PerisaiAgent]]
    assert len(m.datacollector.get_agent_vars_dataframe()) == 3 * len(m.agents)


def test_batch_run_reports_what_the_models_do():
    keys = {"rng": [1, 2], "replicate": range(2)}
    rows = mesa.batch_run(EnrollmentModel, {"parameters": [village(60)], **keys}, number_processes=1, max_steps=20, display_progress=False)
    direct = {}
    for seed, replicate in [(1, 0), (1, 1), (2, 0), (2, 1)]:
        m = EnrollmentModel(parameters=village(60), rng=seed, replicate=replicate)
        m.run_until(20)
        direct[seed, replicate] = m.totals
    assert {(r["rng"], r["replicate"]): {k: r[k] for k in m.totals} for r in rows} == direct and len({str(d) for d in direct.values()}) > 1


def test_mesas_newer_clock_runs_the_model(batch):
    m = EnrollmentModel(parameters=village(), rng=7, replicate=2)
    if not hasattr(m, "run_for"):
        pytest.skip("Mesa before 3.5")
    called = []

    def watch():
        called.append(m.steps)

    m.schedule_event(watch, at=9.5)
    m.run_for(12)
    assert (m.steps, m.time, called) == (12, 12.0, [9])
    m.run_until()
    assert bits(m.world) == batch and m.time == 53.0


def test_a_pickled_model_goes_on_with_the_same_digits(batch):
    m = EnrollmentModel(parameters=village(), rng=7, replicate=2)
    m.run_until(20)
    m.agents[0].note = "kept"
    again = pickle.loads(pickle.dumps(m))
    assert again.agents[0].note == "kept" and again.agents[0].model is again and again.agents.get("stage") == m.agents.get("stage")
    again.run_until()
    assert bits(again.world) == batch and m.steps == 20
    assert again.agents_by_type[Worker].get("understanding") == again.world.village.workers["understanding"].tolist()


# ------------------------------------------------------------------ space and pictures


def test_grid_is_mesas_network_with_one_agent_a_cell(model):
    assert isinstance(model.grid, Network) and model.space is model.grid is model.grid and model.grid.agents is model.agents
    for a in model.agents:
        assert a.cell.coordinate == a.pos == a.row and a.cell.agents == [a]
    worker = model.agents[17]
    assert {c.agents[0] for c in worker.cell.neighborhood} == set(worker.ties)
    assert len(worker.cell.get_neighborhood(radius=2)) > len(worker.ties)
    kinds = Counter(kind for _, _, kind in model.graph.edges(data="kind"))
    inside = model.world.network.indices < len(model.agents)
    rows = np.repeat(np.arange(model.world.people.size), np.diff(model.world.network.indptr)) < len(model.agents)
    assert [kinds[k.name.lower()] for k in TieKind] == (np.bincount(model.world.network.kind[inside & rows], minlength=3) // 2).tolist()


def test_everybody_has_a_place_near_the_own_community(model):
    places = np.array(list(stored_layout(model.graph, seed=0).values()))
    assert places.shape == (len(model.agents), 2) and np.isfinite(places).all() and len(np.unique(places.round(6), axis=0)) == len(places)
    heads = {a.community: places[a.row] for a in model.agents_by_type[Leader] if a.kind == "community_head"}
    for a in model.agents_by_type[Worker]:
        assert min(heads, key=lambda c: np.hypot(*(places[a.row] - heads[c]))) == a.community


@pytest.fixture
def drawing():
    """Mesa's visualization, without a browser; it needs the dashboard extra."""
    pytest.importorskip("solara")
    pytest.importorskip("altair")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    return pytest.importorskip("mesa.visualization")


def portray(agent):
    from mesa.visualization.components import AgentPortrayalStyle

    return AgentPortrayalStyle(color="tab:blue" if agent.active else "tab:gray", size=9)


@pytest.mark.filterwarnings("ignore")
def test_mesas_renderer_draws_the_village(model, drawing):
    from matplotlib import pyplot
    from mesa.visualization.mpl_space_drawing import draw_space
    from mesa.visualization.space_renderer import SpaceRenderer

    renderer = SpaceRenderer(model, backend="matplotlib")
    renderer.draw_agents(portray)
    assert len(renderer.backend_renderer.ax.collections[0].get_offsets()) == len(model.agents)
    axes = draw_space(model.grid, portray, layout_alg=stored_layout, ax=pyplot.figure().add_subplot())
    dots = axes.collections[0]
    assert np.allclose(np.asarray(dots.get_offsets()), list(stored_layout(model.graph).values()))
    blue = (dots.get_facecolors()[:, 2] > 0.6).tolist()
    assert blue == model.agents.get("active") and any(blue)
    pyplot.close("all")


@pytest.mark.filterwarnings("ignore")
def test_solaraviz_shows_and_steps_the_model(drawing):
    import ipyvuetify
    import ipywidgets
    import solara

    m = EnrollmentModel(parameters=village(60), rng=1)
    parts = [drawing.make_space_component(portray, layout_alg=stored_layout), drawing.make_plot_component(["registered", "active"])]
    knobs = {"rng": {"type": "SliderInt", "value": 1, "label": "seed", "min": 0, "max": 9, "step": 1}, "parameters": m.parameters}

    @solara.component
    def page():
        drawing.SolaraViz(solara.use_reactive(m), components=parts, model_params=knobs, name="Desa")

    _, context = solara.render(solara.AppLayout(children=[page()]), handle_error=False)
    try:
        (button,) = [b for b in context.find(ipyvuetify.Btn).widgets if b.children and "Step" in str(b.children)]
        button.click()
        assert m.steps == 1 and len(context.find(ipywidgets.Image).widgets) == 2
    finally:
        context.close()

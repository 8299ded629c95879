"""People and ties: compiled and in NumPy they are the same, and both are what the docstrings tell, in plain Python."""

import inspect
import math
import random
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import parameters

from simulation import kernel, network, plain, population, rng
from simulation.parameters import Occupation
from simulation.stages import LeaderKind, Purpose, TieKind

# ------------------------------------------------------------------ compiled and not


@pytest.fixture(params=["compiled", "numpy"])
def loops(request, monkeypatch):
    """Both ways to build: with the kernel's loops and, as in a command that did not load it, with NumPy's."""
    if request.param == "numpy":
        monkeypatch.delitem(sys.modules, "simulation.kernel")
    assert (rng.compiled() is None) == (request.param == "numpy")


word = st.integers(-5, 2**40)


@given(st.integers(0, 700), word, st.integers(0, 200), st.sampled_from(list(Purpose)), st.tuples(word, word))
@settings(max_examples=40, deadline=None)
def test_compiled_draws_are_those_of_numpy(count, week, block, purpose, key):
    assert rng.compiled() is kernel
    assert np.array_equal(rng.first(count, week, block, purpose, key), rng.uniforms(np.arange(count), week, block, purpose, key))


def test_the_loops_in_numpy_stand_for_those_of_the_kernel():
    for name, loop in inspect.getmembers(plain, inspect.isfunction):
        theirs = getattr(kernel, name)
        assert inspect.signature(loop) == inspect.signature(getattr(theirs, "py_func", theirs)), name


@pytest.mark.parametrize("workers", [1, 60, 3000])
def test_with_and_without_the_kernel_the_village_is_the_same(workers, monkeypatch):
    def build():
        people = population.synthesize(p, (3, 4))
        return people, network.synthesize(p, people, (3, 4))

    p = village(random.Random(1), workers=workers, degree_mean=9.0, bridging_share=0.3)
    one = build()
    monkeypatch.delitem(sys.modules, "simulation.kernel")
    for mine, other in zip(one, build()):
        for name, column in vars(mine).items():
            there = getattr(other, name)
            assert np.array_equal(column, there) and getattr(column, "dtype", None) == getattr(there, "dtype", None), name


# ------------------------------------------------------------------ villages


def village(dice: random.Random, **keys):
    """A small village with everything random that shapes people and ties."""
    drawn = dict(
        workers=dice.choice([1, 2, 3, 9, 40, 130]), households_per_community=dice.choice([2, 5, 20, 2000]), workers_per_household=dice.uniform(1, 3),
        degree_mean=dice.choice([0.0, 0.8, 3.0, 8.0, 13.0]), bridging_share=dice.choice([0.0, 0.2, 0.6, 1.0]), clustering=dice.uniform(0, 0.7),
        broker_inequality=dice.uniform(0, 3), close_ties=dice.randint(0, 6), linking_share=dice.random(), village_linking_share=dice.random() / 3,
        religious_leaders=dice.randint(0, 3), group_leaders=dice.randint(0, 3), agent_candidates_per_1000=dice.choice([0.0, 50.0, 200.0]),
        waste_bank_share=dice.random() / 2, arisan_share=dice.random(), start_coverage_share=dice.choice([0.0, 0.3, 1.0]), never_share=dice.random() / 2,
        income_sd=dice.choice([0.0, 0.5]),
    )  # fmt: skip
    return parameters(village=drawn | keys, behavior=dict(close_tie_ratio=dice.uniform(1, 6)))


VILLAGES = {
    "one community": dict(households_per_community=2000, workers=90),
    "no ties": dict(degree_mean=0.0, linking_share=0.0, village_linking_share=0.0),
    "no leaders, no candidates": dict(religious_leaders=0, group_leaders=0, agent_candidates_per_1000=0.0),
    "only bridges": dict(bridging_share=1.0, workers=130, degree_mean=8.0, households_per_community=5),
    "no bridges": dict(bridging_share=0.0, workers=130, degree_mean=8.0, households_per_community=20),
    "brokers": dict(broker_inequality=3.0, bridging_share=0.6, workers=130, degree_mean=8.0, households_per_community=5),
    "nobody close": dict(close_ties=0, workers=130, degree_mean=8.0),
}


# ------------------------------------------------------------------ the network in plain Python


#: what the second word of a broker's draw is worth
LOW = 2.0**-32


def drawn(n, week, block, key):
    """Four uniforms for each of n ids, as lists of Python floats."""
    return rng.uniforms(np.arange(n), week, block, Purpose.NETWORK, key).T.tolist() if n else []


def slow_network(p, people, key):
    """Rows of (other, kind, weight) by person, from the text of network.py: dictionaries, sets and `sorted`."""
    v, n = p.village, people.workers
    community = people.community.tolist()
    rings: dict = {}
    for i, c in enumerate(community):
        rings.setdefault(c, []).append(i)
    ties: dict = {}

    def tie(a, b, kind):
        pair = (min(a, b), max(a, b))
        ties[pair] = min(kind, ties.get(pair, kind))

    bonding = v.degree_mean * (1.0 - v.bridging_share)
    rewired = network._rewire_prob(v.degree_mean, bonding, v.clustering)
    for step in range(1, math.ceil(bonding / 2) + 1):
        u = drawn(n, 0, step, key)
        for ring in rings.values():
            for place, i in enumerate(ring):
                near, far = ring[(place + step) % len(ring)], ring[int(u[i][1] * len(ring))]
                end = far if u[i][0] < rewired else near
                if len(ring) > step and u[i][2] < bonding / 2 - (step - 1) and end != i:
                    tie(i, end, TieKind.BONDING)
    wanted = round(n * v.degree_mean * v.bridging_share / 2)
    if n > 1:
        for a, b in bridges(v, people, rings, wanted, key):
            tie(a, b, TieKind.BRIDGING)
    rows = close_and_far(p, people, rings, ties)
    ties.clear()
    for i, u in enumerate(drawn(n, 0, 110, key)):
        if u[0] < v.linking_share:
            tie(i, n + 1 + community[i], TieKind.LINKING)
    for k, kind in enumerate(people.leader_kind.tolist()):
        for i, u in enumerate(drawn(n, k + 1, 111, key)):
            if kind != LeaderKind.COMMUNITY_HEAD and u[0] < v.village_linking_share:
                tie(i, n + k, TieKind.LINKING)
    home = people.leader_community.tolist() + people.agent_community.tolist()
    for step in range(round(v.degree_mean)):
        for k, u in enumerate(drawn(len(home), step, 112, key)):
            tie(rings[home[k]][int(u[0] * len(rings[home[k]]))], n + k, TieKind.BONDING)
    for (a, b), kind in ties.items():
        rows[a].append((b, kind, 1.0))
        rows[b].append((a, kind, 1.0))
    return [sorted(row) for row in rows]


def bridges(v, people, rings, wanted, key):
    """Pairs across communities: a broker, and a fellow member of his first association with others in it, or a broker."""
    n, member = people.workers, people.membership.tolist()
    cells = [int(u[0] * 1024) for u in drawn(n, 0, 101, key)]
    weights = [round(1000.0 * (1.0 - (c + 0.5) / 1024) ** (-v.broker_inequality / 3.0)) for c in cells]

    def broker(u):
        draw, total = int(u * sum(weights)), 0
        for i, weight in enumerate(weights):
            total += weight
            if total > draw:
                return i
        return n - 1

    for u, more, fine in zip(drawn(wanted, 0, 102, key), drawn(wanted, 0, 103, key), drawn(wanted, 0, 104, key)):
        fine = [x * LOW for x in fine]
        one = broker(u[0] + fine[0])
        fellow = one
        for bit in (1, 2, 4):
            group = [i for i in range(n) if member[i] & bit]
            if fellow == one and member[one] & bit:
                fellow = group[int(u[2] * len(group))]
        tries = [fellow if u[1] < 0.5 else broker(u[3] + fine[1])]
        tries += [broker(more[k] + fine[(k + 2) % 4]) for k in range(4)]
        fits = [i for i in tries if i != one and (len(rings) == 1 or people.community[i] != people.community[one])]
        if fits:
            yield one, fits[0]


def close_and_far(p, people, rings, ties):
    """Rows of the ties between workers: the closest bonding ties on the ring weigh more, the mean stays one."""
    place = {i: (k, len(ring)) for ring in rings.values() for k, i in enumerate(ring)}
    rows: list = [[] for _ in range(people.size)]
    for (a, b), kind in ties.items():
        rows[a].append((b, kind))
        rows[b].append((a, kind))

    def gap(i, j):
        between = abs(place[i][0] - place[j][0])
        return min(between, place[i][1] - between)

    close = [
        set(sorted((gap(i, j), j) for j, kind in row if kind == TieKind.BONDING)[: p.village.close_ties]) for i, row in enumerate(rows)
    ]
    close = [{j for _, j in near} for near in close]
    ratio = p.behavior.close_tie_ratio
    count, entries = sum(map(len, close)), sum(map(len, rows))
    other = 1.0 / (1.0 + (ratio - 1.0) * (count / entries if entries else 0.0))
    return [[(j, kind, float(np.float32(ratio * other if j in near else other))) for j, kind in row] for row, near in zip(rows, close)]


def rows_of(ties):
    """The network as lists of (other, kind, weight)."""
    columns = (ties.indices.tolist(), ties.kind.tolist(), ties.weight.tolist())
    return [list(zip(*(c[a:b] for c in columns))) for a, b in zip(ties.indptr[:-1].tolist(), ties.indptr[1:].tolist())]


@pytest.mark.parametrize("case", [*VILLAGES, *range(25)])
def test_the_network_is_the_one_told_in_plain_python(case, loops):
    p = village(random.Random(str(case)), **VILLAGES.get(case, {}))
    people = population.synthesize(p, (7, 2))
    assert rows_of(network.synthesize(p, people, (7, 2))) == slow_network(p, people, (7, 2))


def test_every_try_has_low_digits_of_its_own(monkeypatch, loops):
    """They tell in villages of millions: here the first word is worth half of a draw and the second the other half."""

    def halves(count, week, block, purpose, key):
        u = (rng.philox(np.arange(count), week, block, purpose, key) + 0.5) * 2.0**-32
        u[{102: [0, 3], 103: [0, 1, 2, 3]}.get(block, [])] *= 0.5
        return u

    monkeypatch.setattr(rng, "first", halves)
    monkeypatch.setattr(rng, "SCALE", 0.5)
    monkeypatch.setitem(globals(), "LOW", 0.5)
    monkeypatch.setitem(globals(), "drawn", lambda n, week, block, key: halves(n, week, block, Purpose.NETWORK, key).T.tolist())
    p = village(random.Random(3), **VILLAGES["brokers"])
    people = population.synthesize(p, (1, 0))
    assert rows_of(network.synthesize(p, people, (1, 0))) == slow_network(p, people, (1, 0))


def test_communities_need_not_stand_together(loops):
    """People of a file: rings are of the community's workers, wherever their rows stand."""
    p = village(random.Random(5), **VILLAGES["no bridges"])
    people = population.synthesize(p, (1, 1))
    people = replace(people, community=people.community[np.random.default_rng(1).permutation(people.workers)])
    ties = network.synthesize(p, people, (1, 1))
    assert (np.diff(ties.weight) != 0).any() and rows_of(ties) == slow_network(p, people, (1, 1))


@pytest.mark.parametrize("workers", [3, 50, 3000])
def test_every_tie_stands_once_in_both_rows(workers, loops):
    p = village(random.Random(2), workers=workers, degree_mean=8.0, bridging_share=0.2, households_per_community=20)
    people = population.synthesize(p, (1, 0))
    ties = network.synthesize(p, people, (1, 0))
    row = np.repeat(np.arange(people.size), np.diff(ties.indptr))
    assert len(ties.indptr) == people.size + 1 and ties.indptr[-1] == len(ties.indices) == len(ties.kind) == len(ties.weight)
    assert [x.dtype.str[1:] for x in (ties.indptr, ties.indices, ties.kind, ties.weight)] == ["i8", "i4", "u1", "f4"]
    assert (row != ties.indices).all()
    assert (np.diff(row * people.size + ties.indices) > 0).all()  # rows sorted, nobody twice
    there = set(zip(row.tolist(), ties.indices.tolist(), ties.kind.tolist()))
    assert {(b, a, kind) for a, b, kind in there} == there
    among = (row < workers) & (ties.indices < workers)
    assert abs(ties.weight[among].astype(float).mean() - 1.0) < 1e-6 and (ties.weight[~among] == 1.0).all()


# ------------------------------------------------------------------ ties from a file


def from_file(tmp_path, text, **behavior):
    people, ties = tmp_path / "people.csv", tmp_path / "ties.csv"
    people.write_text("id\na\nb\nc\nd\n")
    ties.write_text(text)
    keys = dict(people_file=str(people), ties_file=str(ties), linking_share=0.0, village_linking_share=0.0, close_ties=1, degree_mean=0.0)
    p = parameters(village=keys, behavior=behavior)
    return rows_of(network.synthesize(p, population.synthesize(p, (1, 0)), (1, 0)))[:4]


def test_a_tie_said_twice_is_kept_once_with_the_lowest_kind_then_the_largest_weight(tmp_path, loops):
    text = "source,target,kind,weight\nb,a,linking,9\na,b,bridging,2\nb,a,bridging,3\na,b,bridging,1\nd,c,bonding,0.5\n"
    assert from_file(tmp_path, text) == [[(1, 1, 3.0)], [(0, 1, 3.0)], [(3, 0, 0.5)], [(2, 0, 0.5)]]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0, 0)], ids=str)
def test_close_belongs_to_its_tie_in_whatever_order_ties_are_given(tmp_path, order, loops):
    lines = ["a,b,0", "d,a,1", "b,c,0"]
    rows = from_file(tmp_path, "source,target,close\n" + "\n".join(lines[k] for k in order) + "\n", close_tie_ratio=3.0)
    near, far = max(w for row in rows for *_, w in row), min(w for row in rows for *_, w in row)
    assert near == pytest.approx(3 * far) and rows[0] == [(1, 0, far), (3, 0, near)] and rows[3] == [(0, 0, near)]


# ------------------------------------------------------------------ people


@pytest.mark.parametrize("case", range(12))
def test_fifths_are_by_income_then_row(case):
    p = village(
        random.Random(case), occupations=[Occupation(name="a", share=0.6, income_median_rp=900 + case), Occupation(name="b", share=0.4)]
    )
    people = population.synthesize(p, (case, 0))
    n = people.workers
    order = sorted(range(n), key=lambda i: (people.income_rp[i], i))
    assert [people.income_fifth[i] for i in order] == [1 + 5 * k // n for k in range(n)]


@pytest.mark.parametrize("case", range(12))
def test_first_members_score_highest(case, monkeypatch):
    """Who is enrolled at first: the best by value, noise and chance of dry months; of equals the first rows."""
    given = {}
    monkeypatch.setattr(population, "_dry_spells", lambda p, occupation, incomes: given["dry"])
    dice = np.random.default_rng(case)
    n, p = 60, village(random.Random(case), start_coverage_share=[0.0, 0.1, 0.5, 1.0][case % 4])
    given["dry"] = dice.integers(0, 3, n) / 4.0
    value = dice.choice([population.NEVER_VALUE, -0.5, 0.0, 0.5], n).astype(np.float32)
    noise = dice.choice([0.2, 0.5, 0.8], n)  # so that many are equal
    enrolled = population._first_members(p, {"value": value, "occupation": None}, None, noise)
    score = value + rng.normal(noise) - 4.0 * given["dry"]
    wanted = min(round(p.village.start_coverage_share * n), int((value > population.NEVER_VALUE).sum()))
    assert np.flatnonzero(enrolled).tolist() == sorted(sorted(range(n), key=lambda i: (-score[i], i))[:wanted])


def test_dry_spells_by_table_are_those_by_worker():
    """The chance of three months without cash, by the table of incomes that can occur and as if incomes came from a file."""
    season = [0.4, 0.6, 1.9, 2.4, 1.2, 0.8, 1.1, 1.2, 1.0, 0.7, 0.4, 0.3]
    occupations = [Occupation(name="a", share=0.5, income_cv=0.8, season=season, income_median_rp=40_000), Occupation(name="b", share=0.5)]
    p = village(random.Random(1), occupations=occupations, workers=130, income_sd=0.5)
    people = population.synthesize(p, (1, 0))
    incomes = population._incomes(p.village, people.occupation, rng.uniforms(np.arange(130), 0, 0, Purpose.PEOPLE, (1, 0))[3], {})
    assert np.array_equal(incomes.rp, people.income_rp) and np.array_equal(incomes.levels[incomes.level], people.income_rp)
    by_table, by_worker = (population._dry_spells(p, people.occupation, x) for x in (incomes, incomes._replace(cell=None)))
    assert np.array_equal(by_table, by_worker) and len(np.unique(by_table)) > 5
    for i in range(0, 130, 10):
        assert by_table[i] == pytest.approx(dry(occupations[people.occupation[i]], int(people.income_rp[i]), 16_800 * p.behavior.cash_multiple), abs=1e-12)


def dry(occupation, income_rp, price_rp) -> float:
    """Worst chance of three months in a row in which mean income x season x shock is below needs and the contribution."""
    shock = population.exp_table(math.sqrt(math.log(1 + occupation.income_cv**2)), mean_one=True).tolist()
    needed = occupation.need_share + price_rp / income_rp
    short = [sum(s < needed / max(m, 1e-9) for s in shock) / len(shock) for m in occupation.season]
    return max(short[k] * short[k - 1] * short[k - 2] for k in range(12))

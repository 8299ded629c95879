"""Network fit: readers, likelihoods against brute force, the kernel against exact enumeration, the influence test's size and power."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

from experiments import network_fit as front
from experiments.network_fit import network_fit
from experiments.networks import (
    baselines,
    dated,
    figure,
    hazards,
    influence,
    insurance,
    insurance_fit,
    insurance_play,
    insurance_score,
    lending,
    lending_fit,
    lending_play,
    playing,
    reading,
    scoring,
    tasks,
)  # fmt: skip
from simulation.parameters import InputError

SMALL = tasks.Effort(dated_copies=8, lending_copies=4, farmer_copies=4, permutations=19, points=2, point_copies=2)


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def made(villages=4, size=25, degree=4.0, periods=8, seed=0, covariates=2) -> reading.Dated:
    """People on random networks within villages, nobody of whom has adopted."""
    r, village = rng(seed), np.repeat(np.arange(villages), size)
    one, other = np.nonzero((village[:, None] == village) & (r.random((villages * size,) * 2) < degree / 2 / size))
    named = np.array([one, other])[:, one != other]
    x = r.standard_normal((villages * size, covariates))
    names = tuple(str(v) for v in range(villages))
    return reading.Dated("made", names, village, np.full(len(village), reading.NEVER), periods, x, reading.undirected(named), named)


def model_for(people, baseline=-3.0, weights=(0.0, 0.0), tie_rate=0.0, community_sd=0.0, terms=hazards.TIES) -> hazards.Hazard:
    zeros = np.zeros(people.covariates.shape[1])
    prior = hazards.FIRST
    return hazards.Hazard(terms, np.full(people.periods, baseline), np.array(weights), zeros, zeros + 1.0, tie_rate, community_sd, prior, 0.0)


def adopting(people, model, seed=1, named=None) -> reading.Dated:
    """The same people with dates played by the kernel. named: directed nominations made to agree with the ties."""
    joined = playing.play(model, people, 1, seed)[0]
    return people._replace(adopted=np.where(joined < 0, reading.NEVER, joined))


# ------------------------------------------------------------------ reading


def dated_folder(folder: Path, name="kfamily", villages=3, size=12, seed=0, extra=None) -> Path:
    source, r = reading.SOURCES[name], rng(seed)
    (folder / source.folder).mkdir(parents=True, exist_ok=True)
    ids = np.array([100 * (v + 1) + k for v in range(villages) for k in range(size)])
    nodes = pd.DataFrame({"id": ids, "village": ids // 100} | {c: r.integers(1, 5, len(ids)) for c in source.covariates})
    toa = r.integers(1, source.periods + 3, len(ids)).astype(float)
    nodes["toa"] = np.where(toa > source.periods, np.nan, toa)
    ego = np.repeat(ids, 3)
    edges = pd.DataFrame({"ego": ego, "alter": ego // 100 * 100 + r.integers(0, size, len(ego)), "relation": "friend"})
    nodes.to_csv(folder / source.folder / "nodes.csv", index=False)
    pd.concat([edges, extra] if extra is not None else [edges]).to_csv(folder / source.folder / "edges.csv", index=False)
    return folder


def lending_folder(folder: Path, villages=3, size=20, seed=0) -> Path:
    r = rng(seed)
    (folder / lending.FOLDER).mkdir(parents=True, exist_ok=True)
    village = np.repeat(np.arange(villages) + 1, size)
    homes = pd.DataFrame({"village": village, "hh": np.tile(np.arange(size) + 1, villages), "leader": r.random(len(village)) < 0.2})
    homes["leader"] = homes["leader"].astype(int)
    homes["adopted"], homes["surveyed"] = (r.random((2, len(village))) < [[0.3], [0.5]]).astype(int)
    homes["hh_size"] = 4
    for c in lending.PLAIN:
        homes[c] = r.integers(1, 4, len(village))
    homes.to_csv(folder / lending.FOLDER / "households.csv", index=False)
    edges = [(v, i, j) for v in range(1, villages + 1) for i in range(1, size + 1) for j in range(i + 1, size + 1) if r.random() < 0.15]
    pd.DataFrame(edges, columns=["village", "i", "j"]).to_csv(folder / lending.FOLDER / "edges.csv", index=False)
    total = homes.groupby("village")["adopted"].mean()
    panel = [(v, t, total[v] * (0, 0.5, 1.0)[t]) for v in total.index for t in range(3)]
    pd.DataFrame(panel, columns=["village", "t", "takeup_emp"]).to_csv(folder / lending.FOLDER / "panel_takeup.csv", index=False)
    return folder


def farmer_folder(folder: Path, villages=4, size=20, seed=0) -> Path:
    r = rng(seed)
    (folder / insurance.FOLDER).mkdir(parents=True, exist_ok=True)
    ids = np.arange(villages * size) + 1000
    people = pd.DataFrame({"id": ids, "nat_village": np.repeat(np.arange(villages), size)})
    for c in (*insurance.ARMS, "takeup", "male", "literacy"):
        people[c] = r.integers(0, 2, len(ids))
    for c in insurance.TRAITS:
        people[c] = r.integers(1, 5, len(ids))
    ego = np.repeat(ids, 3)
    alter = 1000 + (ego - 1000) // size * size + r.integers(0, size, len(ego))
    edges = pd.DataFrame({"ego": ego, "alter": alter})[ego != alter].drop_duplicates()
    people["network_obs"], people["rate_preintensive"] = 5, 0.4
    people.to_csv(folder / insurance.FOLDER / "households.csv", index=False)
    edges.to_csv(folder / insurance.FOLDER / "edges.csv", index=False)
    return folder


def test_people_dates_and_ties_are_read(tmp_path):
    (tmp_path / "kfamily").mkdir()
    source = reading.SOURCES["kfamily"]
    nodes = pd.DataFrame({"id": [11, 12, 21, 22], "village": [1, 1, 2, 2], "toa": [3, None, 10, 1]} | {c: [0, 1, 2, 3] for c in source.covariates})
    nodes.to_csv(tmp_path / "kfamily/nodes.csv", index=False)
    pd.DataFrame({"ego": [11, 12, 11, 11, 21], "alter": [12, 11, 11, 12, 22]}).to_csv(tmp_path / "kfamily/edges.csv", index=False)
    people = reading.read(source, tmp_path)
    assert people.villages == ("1", "2")
    assert people.adopted.tolist() == [3, reading.NEVER, 10, 1]
    assert people.ties.T.tolist() == [[0, 1], [2, 3]]
    assert people.named.T.tolist() == [[0, 1], [1, 0], [2, 3]]  # twice named is once, oneself is nobody
    assert np.isnan(people.covariates[0, 0]) and people.covariates[0, 2] == 0  # nobody is 0 years old, but one may have no sons
    second = people.part(people.village == 1)
    assert (second.villages, second.adopted.tolist(), second.ties.T.tolist()) == (("2",), [10, 1], [[0, 1]])
    assert np.allclose(second.curves()[0], [0, *[0.5] * 9, 1.0])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("toa", 11, "line 3, column toa: 11 is not allowed"), ("id", 100, "id 100 stands twice"), ("age", "old", "line 3, column age: 'old' is not a number")],
)
def test_what_does_not_fit_is_said(tmp_path, column, value, said):
    path = dated_folder(tmp_path) / "kfamily/nodes.csv"
    nodes = pd.read_csv(path, dtype=object)
    nodes.loc[1, column] = value
    nodes.to_csv(path, index=False)
    with pytest.raises(InputError, match=said):
        reading.read(reading.SOURCES["kfamily"], tmp_path)


def test_unknown_people_and_missing_columns_are_said(tmp_path):
    dated_folder(tmp_path, extra=pd.DataFrame({"ego": [100], "alter": [999]}))
    with pytest.raises(InputError, match="column alter: 999 is not among the people"):
        reading.read(reading.SOURCES["kfamily"], tmp_path)
    path = tmp_path / "kfamily/nodes.csv"
    pd.read_csv(path).rename(columns={"agemar": "agemarried"}).to_csv(path, index=False)
    with pytest.raises(InputError, match="column 'agemar' is missing.*agemarried"):
        reading.read(reading.SOURCES["kfamily"], tmp_path)


def test_ties_nobody_was_asked_about_are_filled(tmp_path):
    r, size = rng(2), 200
    asked = np.arange(size) < 100
    one, other = np.triu_indices(size, 1)
    tied = (r.random(len(one)) < 0.1) & (asked[one] | asked[other] & (r.random(len(one)) < 0.5))
    none = np.zeros(size, bool)
    thin = lending.Lending(("1",), np.zeros(size, int), none, none, asked, np.zeros((size, 1)), np.array([one[tied], other[tied]]), np.zeros((1, 2)))
    full = lending.filled(thin, 1)
    degree = np.bincount(full.ties.ravel(), minlength=size)
    assert len(np.unique(full.ties, axis=1).T) == full.ties.shape[1]  # none twice
    assert abs(degree[asked].mean() / degree[~asked].mean() - 1) < 0.12
    assert np.bincount(thin.ties.ravel(), minlength=size)[~asked].mean() < 0.7 * degree[~asked].mean()


def test_friends_outside_the_folder_count(tmp_path):
    farmers = insurance.read(farmer_folder(tmp_path))
    assert (farmers.friends[farmers.second] >= 2).all() and not farmers.friends[~farmers.second].any()
    assert farmers.second[farmers.ties[0]].all() and not farmers.second[farmers.ties[1]].any() and farmers.intensive[farmers.ties[1]].all()
    half = farmers.part(farmers.village < 2)
    assert half.friends.tolist() == farmers.friends[farmers.village < 2].tolist()


# ------------------------------------------------------------------ the likelihood


def brute_hazard(model, people, effect=0.0):
    """{(person, period from 0): chance}, by the formula of the docstring, one at a time."""
    out = {}
    for i in range(len(people.adopted)):
        for t in range(people.periods):
            if people.adopted[i] >= t + 1:
                outside = 1 - np.exp(-np.exp(model.baseline[t] + people.covariates[i] @ model.weights + model.community_sd * effect))
                silent = 1.0
                for a, b in people.ties.T:
                    other = b if a == i else a if b == i else None
                    if other is not None and people.adopted[other] <= t:
                        silent *= 1 - model.tie_prob
                out[i, t] = 1 - (1 - outside) * silent
    return out


def test_chances_are_those_of_the_formula():
    people = made(2, 10, periods=5)
    people = people._replace(adopted=rng(3).integers(1, 8, 20))
    people = people._replace(adopted=np.where(people.adopted > 5, reading.NEVER, people.adopted))
    model = model_for(people, -2.0, (0.3, -0.2), 0.2)
    brute, risk = brute_hazard(model, people), hazards.at_risk(people)
    got = dict(zip(zip(risk.person.tolist(), risk.period.tolist()), hazards.predicted(model, people)))
    assert got.keys() == brute.keys()
    assert np.allclose([got[k] for k in brute], list(brute.values()), atol=1e-9)
    assert [people.adopted[i] == t + 1 for i, t in zip(risk.person, risk.period)] == risk.adopts.tolist()


def test_likelihood_integrates_the_effect_of_the_village():
    people = made(2, 10, periods=4)
    people = people._replace(adopted=np.where(rng(4).random(20) < 0.6, rng(5).integers(1, 5, 20), reading.NEVER))
    model = model_for(people, -1.5, (0.3, -0.2), 0.2, 0.7, hazards.COMMUNITIES)
    values = np.concatenate([model.baseline, model.weights, np.log([0.2, 0.7])])
    risk, x = hazards.at_risk(people), people.covariates
    flat = hazards._loss(values, x, risk, 4, model.terms, hazards.FIRST, None)[0] - hazards._penalty(values, model.baseline, 0.2, 0.7, 4, hazards.FIRST)[0]
    grid, expected = np.linspace(-7, 7, 401), 0.0
    for v in range(2):
        mine = people.part(people.village == v)
        heights = []
        for z in grid:
            brute = brute_hazard(model, mine, z)
            heights.append(np.prod([h if mine.adopted[i] == t + 1 else 1 - h for (i, t), h in brute.items()]) * np.exp(-z * z / 2))
        expected -= np.log(np.trapezoid(heights, grid) / np.sqrt(2 * np.pi))
    assert flat == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("terms", [hazards.PERIOD, hazards.COVARIATES, hazards.TIES, hazards.COMMUNITIES])
def test_gradient_of_the_likelihood(terms):
    people = made(3, 15, periods=5)
    people = people._replace(adopted=np.where(rng(6).random(45) < 0.7, rng(7).integers(1, 6, 45), reading.NEVER))
    values, x, risk = np.concatenate([rng(8).normal(-2, 0.4, 5), [0.2, -0.1], [-3.0, -0.5]]), people.covariates, hazards.at_risk(people)
    loss = lambda v: hazards._loss(v, x, risk, 5, terms, hazards.FIRST, None)  # noqa: E731
    assert np.allclose(loss(values)[1], approx_fprime(values, lambda v: loss(v)[0], 1e-6), atol=2e-3)


def test_insurance_likelihood_gradient_and_chances(tmp_path):
    farmers = insurance.read(farmer_folder(tmp_path, villages=6))
    x = np.column_stack([np.ones(len(farmers.second)), insurance_fit.scaled(farmers.covariates, *insurance_fit.scaling(farmers.covariates))])
    values = np.concatenate([rng(1).normal(0, 0.1, x.shape[1]), [-1.0, -0.6, -0.5]])
    for network in (True, False):
        loss = lambda v: insurance_fit._loss(v, x, farmers, network, None, 0.3)  # noqa: B023, E731
        assert np.allclose(loss(values)[1], approx_fprime(values, lambda v: loss(v)[0], 1e-6), atol=2e-3)  # noqa: B023
    told = insurance_fit.told_prob(0.3, farmers)
    assert (told[farmers.intensive] == 1).all()
    late = farmers.second & ~farmers.intensive
    assert np.allclose(told[late], 1 - 0.7 ** farmers.friends[late])


def test_shrinkage_leaves_what_is_there_and_takes_what_is_not():
    people = made(6, 40, periods=8, seed=3)
    told = hazards.fit(adopting(people, model_for(people, -2.0, (0.8, 0.0))), hazards.COVARIATES)
    nothing = hazards.fit(adopting(people, model_for(people, -2.0)), hazards.COVARIATES)
    assert told.weights[0] * told.scale[0] ** -1 == pytest.approx(0.8, abs=0.2)
    assert np.abs(nothing.weights).max() < 0.15
    assert nothing.prior.weight_sd < told.prior.weight_sd


def test_planted_rates_are_recovered_from_kernel_runs():
    """Outside chance and chance through a tie, planted in the production kernel, come back within their errors."""
    people = made(14, 40, degree=5.0, periods=10, seed=4)
    data = adopting(people, model_for(people, np.log(0.04), tie_rate=-np.log(0.9)), seed=5)
    model = hazards.fit(data, hazards.TIES)
    low, high = hazards.rate_interval(data, model)
    assert model.tie_prob == pytest.approx(0.1, abs=0.03)
    assert low < -np.log(0.9) < high and high - low < 0.1
    assert np.exp(model.baseline[:6]).mean() == pytest.approx(0.04, abs=0.012)
    assert hazards.fit(adopting(people, model_for(people, np.log(0.04)), seed=6), hazards.TIES).tie_prob < 0.02


# ------------------------------------------------------------------ the kernel


def exact(outside, ties, q, size, periods):
    """Chance of each person to have adopted after each period, by enumeration of all states."""
    states = np.array(list(itertools.product((0, 1), repeat=size)))
    law, out = np.zeros(len(states)), []
    law[0] = 1.0
    for t in range(periods):
        new = np.zeros_like(law)
        for state, mass in zip(states, law):
            silent = np.ones(size)
            for a, b in ties.T:
                silent[a] *= 1 - q * state[b]
                silent[b] *= 1 - q * state[a]
            chance = np.where(state, 1.0, 1 - (1 - outside[:, t]) * silent)
            new += mass * np.prod(np.where(states, chance, 1 - chance) * np.where(state & ~states & 1, 0.0, 1.0), axis=1)
        law = new
        out.append(law @ states)
    return np.array(out).T


@pytest.mark.parametrize(("q", "right"), [(0.3, True), (0.36, False)])
def test_kernel_on_a_small_network_is_exact(q, right):
    ties, copies = np.array([[0, 1, 2, 0], [1, 2, 3, 2]]), 6000
    outside = np.array([[0.3, 0.0, 0.1], [0.0, 0.05, 0.0], [0.0, 0.0, 0.2], [0.02, 0.0, 0.0]])
    joined = playing.spread(np.broadcast_to(outside, (copies, 4, 3)), ties, q, 3)
    got = np.array([((joined >= 0) & (joined <= t)).mean(axis=0) for t in (1, 2, 3)]).T
    expected = exact(outside, ties, 0.3, 4, 3)
    error = np.sqrt(expected * (1 - expected) / copies) + 1e-9
    assert ((np.abs(got - expected) / error).max() < 4.2) == right


def test_curves_are_by_village():
    people = made(2, 10, periods=3)
    joined = np.full((1, 20), -1)
    joined[0, :5], joined[0, 10] = 1, 3
    assert np.allclose(playing.shares(joined, people), [[[0, 0.5, 0.5, 0.5], [0, 0, 0, 0.1]]])


def test_lending_without_ties_is_hearing_times_choice():
    """Two years: also that no decision is taken anew."""
    n = 4000
    leader = np.arange(n) % 4 == 0
    takeup = np.zeros((1, 9))
    villages = lending.Lending(("1",), np.zeros(n, int), leader, leader, leader, np.zeros((n, 1)), np.empty((2, 0), int), takeup)
    informed, joined = lending_play.play(villages, np.full(n, 0.3), lending_play.Rates(0.02, 0.1, 0.1, 5.0), 1, 1)
    assert informed[0, leader, 1:].all() and not informed[:, :, 0].any()
    heard = 1 - 0.98**lending_play.WEEKS
    assert informed[0, ~leader, 1].mean() == pytest.approx(heard, abs=0.04)
    assert (informed[0, :, 1] == informed[0, :, -1]).all()
    assert (joined[0, :, 1] == joined[0, :, -1]).all()
    assert joined[0, leader, -1].mean() == pytest.approx(0.3, abs=0.06)
    assert joined[0, ~leader, -1].mean() == pytest.approx(0.3 * heard, abs=0.03)


def test_words_pass_along_ties_in_lending():
    n = 2000
    leader, ties = np.arange(n) % 2 == 0, np.array([np.arange(0, n, 2), np.arange(1, n, 2)])
    villages = lending.Lending(("1",), np.zeros(n, int), leader, leader, leader, np.zeros((n, 1)), ties, np.zeros((1, 2)))
    sure = np.where(leader, 1.0, 0.5)
    informed, _ = lending_play.play(villages, sure, lending_play.Rates(0.0, 0.01, 0.0, 4.0), 1, 1)
    weeks = lending_play.BOOST_WEEKS
    expected = 1 - 0.96**weeks * 0.99 ** (lending_play.WEEKS - 1 - weeks)
    assert informed[0, ~leader, 1].mean() == pytest.approx(expected, abs=0.04)


def test_farmers_in_the_kernel_buy_as_the_formula_says(tmp_path):
    farmers = insurance.read(farmer_folder(tmp_path, villages=3, size=40))
    width = farmers.covariates.shape[1]
    model = insurance_fit.Buying(np.concatenate([[-0.4], np.zeros(width)]), np.zeros(width), np.ones(width), 0.3, 0.8, 0.4, 0.0, 0.3)
    copies = 300
    bought = insurance_play.play(model, farmers, copies, 1)
    nodes, mass = hazards.QUADRATURE
    chance = insurance_fit.chances(model.linear(farmers), insurance_fit.told_prob(0.3, farmers), 0.8, 0.4 * nodes) @ np.exp(mass)
    assert not bought[:, farmers.second, 1].any() and (bought[:, ~farmers.second, 1] == bought[:, ~farmers.second, 2]).all()
    for group in (~farmers.second & ~farmers.intensive, ~farmers.second & farmers.intensive, farmers.second & ~farmers.intensive, farmers.second & farmers.intensive):
        assert bought[:, group, 2].mean() == pytest.approx(chance[group].mean(), abs=0.025)


# ------------------------------------------------------------------ baselines and scores


def test_baselines_by_hand():
    assert np.allclose(baselines.pooled_hazard(np.array([3, 0]), np.array([10, 7])), [3.5 / 11, 0.5 / 8])
    bass = baselines.Bass(0.1, 0.5)
    assert bass.chance(np.array([0, 2]), 10) == pytest.approx([0.1, 1 - 0.9 * 0.95**2])
    assert bass.curve(1, 3) == pytest.approx([0, 0.1, 0.19, 0.271])
    people = made(1, 4, periods=3)
    flat = dated.outside_only(model_for(people, np.log(0.2)), people)
    assert flat == pytest.approx(1 - np.exp(-0.2 * np.arange(4)))


def test_bass_rates_are_recovered():
    size = np.full((200, 1), 50)
    r, adopters, bass = rng(1), np.zeros((200, 1)), baselines.Bass(0.02, 0.4)
    before, new = [], []
    for _ in range(8):
        before.append(adopters)
        new.append(r.binomial((size - adopters).astype(int), bass.chance(adopters, size)))
        adopters = adopters + new[-1]
    before, new = np.hstack(before), np.hstack(new)
    found = baselines.pooled_bass(new, size - before, before, size)
    assert (found.outside, found.talk) == (pytest.approx(0.02, rel=0.1), pytest.approx(0.4, rel=0.1))


def village(loss, gap, observations=10):
    curves = {m: np.array([0.0, 0.5]) + (gap if m == scoring.OURS else 0.2) for m in scoring.MODELS}
    losses = {m: (loss if m == scoring.OURS else 5.0) for m in scoring.MODELS}
    return scoring.Village("1", observations, losses, np.array([0.0, 0.5]), curves, curves["Bass"], curves["Bass"])


def test_scores_differences_and_verdicts():
    villages = [village(4.0 + 0.1 * k, 0.1) for k in range(6)]
    rows = {row["model"]: row for row in scoring.score_rows("s", villages, 1)}
    assert rows["network"]["log_loss"] == pytest.approx(4.25 / 10) and rows["Bass"]["log_loss"] == pytest.approx(0.5)
    assert rows["network"]["curve_error"] == pytest.approx(0.1)
    assert rows["network"]["log_loss_low"] < 0.425 < rows["network"]["log_loss_high"]
    assert {row["verdict"] for row in scoring.difference_rows("s", villages, 1)} == {"better"}
    mixed = [village(4.0 if k % 2 else 6.1, 0.1) for k in range(6)]
    assert {row["verdict"] for row in scoring.difference_rows("s", mixed, 1) if row["score"] == "log_loss"} == {"no difference shown"}
    worse = [village(7.0, 0.4) for k in range(6)]
    assert {row["verdict"] for row in scoring.difference_rows("s", worse, 1)} == {"worse"}
    assert np.isnan(scoring.score_rows("s", villages[:1], 1)[0]["log_loss_low"])


def test_fewer_villages_wider_intervals():
    r = rng(1)
    few, many = (np.concatenate([[0.0], r.standard_normal(20_000)]) for _ in range(2))
    width = lambda values, n: np.subtract(*scoring.interval(values, n)[:0:-1])  # noqa: E731
    assert width(few, 5) > 1.5 * width(many, 200) and width(many, 200) == pytest.approx(2 * 1.98, rel=0.05)


def test_log_loss_of_nothing_known_is_log_two():
    assert scoring.log_loss(np.full(4, 0.5), np.array([True, False, True, True])) == pytest.approx(4 * np.log(2))


# ------------------------------------------------------------------ the influence test


def test_score_is_the_partial_likelihoods():
    """One village, one period, nobody named but once: hypergeometric mean and variance by hand."""
    people = made(1, 6, periods=2, covariates=1)
    named = np.array([[0, 1, 2, 3, 4, 5], [5, 5, 5, 4, 4, 4]])
    people = people._replace(named=named, adopted=np.array([2, reading.NEVER, reading.NEVER, reading.NEVER, reading.NEVER, 1]))
    strata = influence._strata(people, False)
    told = np.array([1, 1, 1, 0, 0])  # of those at risk in period 2; in period 1 nobody is told
    z = (1 - told.mean()) / told.std()
    assert influence.score(strata, influence._matrix(people), np.arange(6)) == pytest.approx(z)


def influenced(seed, tie_rate, villages=6, size=40):
    people = made(villages, size, degree=6.0, periods=8, seed=seed)
    return adopting(people, model_for(people, np.log(0.05), (0.3, 0.0), tie_rate), seed=seed + 100)


def test_planted_influence_is_found():
    assert sum(influence.test(influenced(seed, 0.25), 99, 1).p < 0.05 for seed in range(5)) >= 4


def pvalues(sets, make, permutations=99):
    return np.array([influence.test(make(seed), permutations, seed).p for seed in range(sets)])


def shocked(seed):
    """Villages that differ, and years that differ between villages: no influence."""
    people, r = made(6, 30, degree=6.0, periods=6, seed=seed), rng(seed + 50)
    rate = np.exp(r.normal(-2.2, 0.8, (6, 6)))[people.village]
    hit = r.random(rate.shape) < 1 - np.exp(-rate)
    return people._replace(adopted=np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, reading.NEVER))


def popular(seed):
    """Those whom many name adopt early, and like those they name in a trait: no influence."""
    people, r = made(6, 30, degree=6.0, periods=6, seed=seed), rng(seed + 50)
    fame = np.bincount(people.named[1], minlength=180)
    rate = np.exp(-2.5 + 0.25 * (fame - fame.mean()) + 0.8 * people.covariates[:, 0])[:, None] * np.ones(6)
    hit = r.random(rate.shape) < 1 - np.exp(-rate)
    return people._replace(adopted=np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, reading.NEVER))


def test_common_shocks_are_no_influence():
    p = pvalues(20, shocked)
    assert (p < 0.05).sum() <= 4 and 0.3 < p.mean() < 0.7


@pytest.mark.slow
@pytest.mark.parametrize("make", [shocked, popular, lambda seed: influenced(seed, 0.0)])
def test_size_of_the_influence_test(make):
    from scipy.stats import binomtest, kstest

    p = pvalues(150, make)
    assert kstest(p, "uniform").pvalue > 0.001
    assert binomtest(int((p <= 0.05).sum()), 150, 0.05, alternative="greater").pvalue > 0.001


def real(name) -> reading.Dated:
    source = reading.SOURCES[name]
    if reading.missing(front.DATA / source.folder, ("nodes.csv", "edges.csv")):
        pytest.skip(f"no {front.DATA / source.folder}")
    return reading.read(source, front.DATA)


@pytest.mark.parametrize("covariates", [True, False])
def test_influence_in_brfarmers_none_in_medical_innovations(covariates):
    assert influence.test(real("brfarmers"), 400, 1, covariates).p < 0.05
    assert influence.test(real("medInnovations"), 400, 1, covariates).p > 0.05


def test_influence_vanishes_where_labels_are_permuted():
    """brfarmers with people at other places of their village: what the test finds in the real one is gone."""
    people, p = real("brfarmers"), []
    for seed in range(8):
        r, place = rng(seed), np.arange(len(people.adopted))
        for v in range(len(people.villages)):
            rows = np.flatnonzero(people.village == v)
            place[rows] = r.permutation(rows)
        p.append(influence.test(people._replace(named=place[people.named]), 99, seed).p)
    assert sum(x < 0.05 for x in p) <= 2 and max(p) > 0.3


# ------------------------------------------------------------------ the front


def everything(folder: Path, seed=0) -> Path:
    for k, name in enumerate(reading.SOURCES):
        dated_folder(folder, name, villages=2, seed=seed + k)
    return farmer_folder(lending_folder(folder, seed=seed), seed=seed)


def test_all_sets_of_a_folder(tmp_path):
    told = []
    found = network_fit(everything(tmp_path), seed=3, effort=SMALL, processes=1, progress=lambda *a: told.append(a))
    assert list(dict.fromkeys(found.scores["set"])) == list(tasks.NAMES) and not found.notes
    assert len(found.scores) == 4 * 5 and len(found.differences) == 6 * 5 and len(found.influence) == 6
    assert np.isfinite(found.scores[["log_loss", "curve_error"]]).all(axis=None)
    assert set(found.rates["set"]) == set(tasks.NAMES)
    assert ((found.rates["low"] <= found.rates["per_week"]) & (found.rates["per_week"] <= found.rates["high"])).all()
    assert told[0][0] == 0 and told[-1][0] == told[-1][1] and [a[0] for a in told] == sorted(a[0] for a in told)
    assert figure.save(found, tmp_path / "f.png").stat().st_size > 10_000


@pytest.mark.slow
def test_processes_do_not_matter(tmp_path):
    one, other = (network_fit(everything(tmp_path), seed=3, effort=SMALL, processes=n) for n in (1, 2))
    for table, same in zip(one[:5], other[:5]):
        pd.testing.assert_frame_equal(table, same)


def test_what_is_missing_is_skipped_and_said(tmp_path):
    found = network_fit(dated_folder(tmp_path, villages=1), effort=SMALL, processes=1)
    assert len(found.notes) == 5 and "one village only" in found.notes[0] and "brfarmers: skipped" in found.notes[1]
    assert not len(found.scores)
    assert figure.draw(found).texts
    with pytest.raises(InputError, match="--data .*nowhere: no such folder; needed: one that holds kfamily/"):
        network_fit(tmp_path / "nowhere")


def test_villages_of_one_folder_predicted_from_another(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    for folder, seed in ((new, 5), (old, 9)):
        lending_folder(dated_folder(folder, villages=2, seed=seed), seed=seed)
    found = network_fit(new, train=old, effort=SMALL, processes=1)
    assert found.scores.groupby("set")["villages"].first().to_dict() == {"kfamily": 2, "bcdj": 3}
    single = dated_folder(tmp_path / "single", villages=1)
    alone = network_fit(single, train=old, effort=SMALL, processes=1)
    assert alone.scores["villages"].tolist() == [1] * 4 and set(alone.differences["verdict"]) == {"no difference shown"}


def test_a_village_left_out_teaches_nothing(tmp_path):
    """What happens in a village changes nothing in how it is predicted from the others (curves), only how it is scored."""
    people = adopting(made(4, 25, seed=2), model_for(made(4, 25, seed=2), -2.5, tie_rate=0.1))
    left = people.village == 0
    one = dated.judged(people.part(~left), people.part(left), 10, 1)
    changed = people._replace(adopted=np.where(left, reading.NEVER, people.adopted))
    other = dated.judged(changed.part(~left), changed.part(left), 10, 1)
    assert all(np.array_equal(one.curves[m], other.curves[m]) for m in scoring.MODELS)
    assert one.loss != other.loss and other.observed.max() == 0


def test_choice_where_not_all_are_informed():
    x = rng(1).standard_normal((6000, 2))
    informed = rng(2).uniform(0.3, 1.0, len(x))
    joined = rng(3).random(len(x)) < informed / (1 + np.exp(0.5 - 1.2 * x[:, 0]))
    choice = lending_fit.choose(x, joined, informed)
    assert choice.constant == pytest.approx(-0.5, abs=0.2) and choice.weights[0] == pytest.approx(1.2, abs=0.2) and abs(choice.weights[1]) < 0.1
    points = lending_fit.design(8, 1)
    assert all(low <= value <= high for p in points for value, (low, high) in zip((p.rates.outside, p.rates.joined), lending_fit.RANGES))


def test_rounds_of_insurance(tmp_path):
    farmers = insurance.read(farmer_folder(tmp_path))
    bought, asked = insurance_score.rounds(farmers)
    assert asked.sum() == len(farmers.second) and bought[1, 1] == (farmers.bought & farmers.second & (farmers.village == 1)).sum()

"""Field trials as data: what a file may say, what is measured, what a draw plays, how it is scored."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.trying import baselines
from experiments.trying.batch import MISS, table
from experiments.trying.measures import Term, followed, friends, parse, step_of, value
from experiments.trying.play import drawn, pairs, people, play, read
from experiments.trying.score import scored, summary
from scenarios.errors import ScenarioError
from scenarios.reading import names
from scenarios.trials import changed, load_trial
from simulation.parameters import InputError
from simulation.stages import ACTIVE, REGISTERED, Stage
from simulation.world import build

FILE = """
kind = "trial"
study = "TOY"
title = "A toy"
source = "nobody"
scheme = "trial"
price_rp = 10_000
start = 2015-01-01
until = 2015-07-01
burn_in_weeks = 0
limits = { household_decides = true, claims = false, turnover = false }
village = { extends = "trial", workers = 600 }

[fit]
key = "village.median_value_rp"
low = 500.0
high = 500_000.0
arm = "control"
measure = "registered@3"
value = 0.2

[[context]]
key = "village.form_prob"
low = 0.6
high = 0.9
source = "guess"

[[lever]]
name = "survey"
start = 2015-01-01
end = 2015-01-01
contact = { channel = "kit", weekly_prob = 1.0, events = 1, asks = true }

[[arm]]
name = "control"

[[arm]]
name = "same"

[[arm]]
name = "free"
world = "offers"
band = [0.0, 0.5]
[[arm.lever]]
name = "offer"
start = 2015-01-01
end = 2015-02-01
contact = { channel = "visit", weekly_prob = 1.0, events = 1, asks = true }
price = { discount_share = 1.0, months = 4 }

[[arm]]
name = "neighbors"
world = "offers"
band = [0.5, 1.0]

[[measured]]
id = "T-1"
measure = "registered@3"
arm = "free"
against = "control"
value = 0.3
se = 0.05
lever = "price"
grade = "A"

[[measured]]
id = "T-2"
measure = "registered@3"
arm = "same"
against = "control"
value = 0.0
se = 0.02
role = "null"
lever = "information"
grade = "A"

[[measured]]
id = "T-3"
measure = "active@5 | registered@3"
contrast = { free = 1.0 }
over = { control = 1.0 }
unit = "ratio"
role = "level"
grade = "C"
"""


@pytest.fixture
def trial_file(tmp_path):
    def write(text=FILE, name="toy.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


# ------------------------------------------------------------------ files


def test_every_shipped_trial_is_read_and_says_where_its_numbers_come_from():
    found = [name for name, _, _ in names("trial")]
    assert {"id-jkn", "cn-rice"} <= set(found)
    ids = [m.id for name in found for m in read(name).head.measured]
    assert len(ids) == len(set(ids))


def test_arms_live_in_worlds_and_levers_reach_their_band_only(trial_file):
    trial = load_trial(trial_file())
    assert list(trial.worlds) == ["control", "same", "offers"]
    levers = {lever.name: lever.target for lever in trial.worlds["offers"].campaign.levers}
    assert set(levers) == {"survey", "free_offer"}
    assert (levers["survey"].share, levers["survey"].share_from) == (1.0, 0.0)
    assert (levers["free_offer"].share, levers["free_offer"].share_from) == (0.5, 0.0)
    assert trial.worlds["control"].scheme.rules[0].price_rp == 10_000
    world = build(changed(trial.worlds["offers"], {"village.median_value_rp": 9_000.0}), 1, 0)
    masks = [people(world, trial.arms[name]) for name in ("free", "neighbors")]
    assert (masks[0] ^ masks[1]).all()


def test_an_arm_in_the_second_half_gets_its_levers_there(trial_file):
    text = FILE.replace('band = [0.5, 1.0]\n', 'band = [0.5, 1.0]\n[[arm.lever]]\nname = "kit"\nstart = 2015-01-01\ncontact = { channel = "kit", weekly_prob = 1.0 }\n')
    levers = {lever.name: lever.target for lever in load_trial(trial_file(text)).worlds["offers"].campaign.levers}
    assert (levers["neighbors_kit"].share, levers["neighbors_kit"].share_from) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('arm = "free"\nagainst', 'arm = "fre"\nagainst', "measured.T-1: no arm 'fre', did you mean 'free'"),
        ('arm = "control"\nmeasure', 'arm = "none"\nmeasure', "fit.arm: no arm 'none'"),
        ('key = "village.form_prob"', 'key = "village.form_prb"', "village.form_prb: no such parameter"),
        ("high = 0.9", "high = 1.9", "out of range; allowed: 0 to 1"),
        ("high = 0.9", "high = 0.1", "low must not lie above high"),
        ('name = "same"', 'name = "control"', "the name 'control' stands twice"),
        ('contrast = { free = 1.0 }', 'arm = "free"\ncontrast = { free = 1.0 }', "give either arm"),
        ("se = 0.05", "", "a value needs se"),
        ('role = "null"', 'role = "nul"', "role"),
        ("[fit]", "[fits]", "fits"),
        ("band = [0.0, 0.5]", "band = [0.5, 0.5]", "band needs two shares"),
        ('measure = "registered@3"\nvalue = 0.2', 'measure = "registerd@3"\nvalue = 0.2', "no flag 'registerd', did you mean 'registered'"),
        ('measure = "active@5 | registered@3"', 'measure = "active@5 | registered"', "allowed: flag@date"),
        ('measure = "active@5 | registered@3"', 'measure = "slope(active@5 ~ friends nobody)"', "no arm 'nobody'"),
    ],
)
def test_a_slip_is_one_message_with_its_place(trial_file, old, new, said):
    assert FILE.count(old) >= 1
    with pytest.raises((ScenarioError, InputError)) as raised:
        read(trial_file(FILE.replace(old, new, 1)))
    text = str(raised.value).replace('"', "'")
    assert said in text, text
    assert "toy.toml" in text


def test_a_changed_number_is_where_the_key_says_and_nowhere_else(trial_file):
    given = load_trial(trial_file()).worlds["control"]
    other = changed(given, {"village.occupations.worker.need_share": 0.1, "village.workers": 500.4, "behavior.value_sd": 0.7})
    assert (other.village.occupations[0].need_share, other.village.workers, other.behavior.value_sd) == (0.1, 500, 0.7)
    assert given.village.occupations[0].need_share == 0.5
    assert changed(other, {"village.occupations.*.need_share": 0.5, "village.workers": 600, "behavior.value_sd": given.behavior.value_sd}) == given
    with pytest.raises(KeyError):
        changed(given, {"village.occupations.nobody.need_share": 0.1})


# ------------------------------------------------------------------ measures


def hand_made(communities=(0, 0, 1, 1, 1), registered=(1, 0, 1, 1, 0), active=(1, 0, 0, 1, 0)):
    """Five workers and what the kernel would have left of them."""
    world = SimpleNamespace(people=SimpleNamespace(community=np.array(communities), workers=5, communities=2))
    columns = {("registered", "12"): np.array(registered, bool), ("active", "20"): np.array(active, bool)}
    return world, columns


def test_shares_conditions_and_negations():
    world, columns = hand_made()
    everybody, few = np.ones(5, bool), np.array([1, 1, 1, 0, 0], bool)
    got = lambda text, arm: value(parse(text), world, columns, arm, {})  # noqa: E731
    assert got("registered@12", everybody) == pytest.approx(3 / 5)
    assert got("registered@12", few) == pytest.approx(2 / 3)
    assert got("active@20 | registered@12", everybody) == pytest.approx(2 / 3)
    assert got("active@20 | not registered@12", everybody) == 0.0
    assert np.isnan(got("active@20 | registered@12 | not registered@12", everybody))


def test_spread_between_communities():
    world, columns = hand_made()
    y, groups = np.array([1, 0, 1, 1, 0.0]), [np.array([1, 0.0]), np.array([1, 1, 0.0])]
    everybody = np.ones(5, bool)
    assert value(parse("sd(registered@12)"), world, columns, everybody, {}) == pytest.approx(np.std([0.5, 2 / 3], ddof=1))
    within = sum(((g - g.mean()) ** 2).sum() for g in groups) / 3
    between = sum(len(g) * (g.mean() - y.mean()) ** 2 for g in groups) / 1
    part = (between - within) / ((5 - (4 + 9) / 5) / 1)
    assert value(parse("icc(registered@12)"), world, columns, everybody, {}) == pytest.approx(part / (part + within))


def test_the_intra_class_correlation_finds_what_was_planted():
    rng = np.random.default_rng(1)
    community = rng.permutation(np.repeat(np.arange(300), 20))
    y = rng.normal(size=300)[community] * np.sqrt(0.2) + rng.normal(size=6000) * np.sqrt(0.8)
    world = SimpleNamespace(people=SimpleNamespace(community=community, workers=6000, communities=300))
    got = value(parse("icc(understanding@end)"), world, {("understanding", "end"): y}, np.ones(6000, bool), {})
    assert got == pytest.approx(0.2, abs=0.04)


def test_friends_are_close_ties_and_the_slope_is_that_of_least_squares(trial_file):
    trial = load_trial(trial_file())
    world = build(changed(trial.worlds["offers"], {"village.median_value_rp": 9_000.0}), 1, 0)
    arms = {name: people(world, trial.arms[name]) for name in ("free", "neighbors")}
    share = friends(world, arms["free"])
    ties, heavy = world.network, world.network.weight.max()
    for i in range(0, 600, 37):
        mine = range(ties.indptr[i], ties.indptr[i + 1])
        close = [ties.indices[e] for e in mine if ties.weight[e] > 0.999 * heavy and ties.indices[e] < 600]
        assert share[i] == pytest.approx(np.mean([arms["free"][j] for j in close])) if close else np.isnan(share[i])
    columns = followed(world, [Term("understanding", "end", False)])
    got = value(parse("slope(understanding@end ~ friends free)"), world, columns, arms["neighbors"], arms)
    good = arms["neighbors"] & np.isfinite(share)
    assert got == pytest.approx(np.polyfit(share[good], columns["understanding", "end"][good], 1)[0])


def test_diffusion_centrality_is_that_of_the_matrix(trial_file):
    trial = load_trial(trial_file(FILE.replace("workers = 600", "workers = 160, bridging_share = 0.0")))
    world = build(changed(trial.worlds["offers"], {"village.median_value_rp": 9_000.0}), 1, 0)
    arms = {name: people(world, trial.arms[name]) for name in ("free", "neighbors")}
    columns = followed(world, [Term("registered", "end", False)])
    got = value(parse("slope(registered@end ~ centrality free)"), world, columns, arms["neighbors"], arms)
    x, y = [], []
    for c in range(world.people.communities):
        rows = np.flatnonzero(world.people.community == c)
        matrix = np.array([[j in set(world.network.ties(i)) for j in rows] for i in rows], float)
        q, score, reach = 1 / np.abs(np.linalg.eigvalsh(matrix)).max(), 0.0, np.ones(len(rows))
        for _ in range(2):  # half a year: two periods of four months
            reach = q * matrix @ reach
            score = score + reach
        if arms["free"][rows].any() and arms["neighbors"][rows].any():
            x.append(score[arms["free"][rows]].mean())
            y.append(columns["registered", "end"][rows][arms["neighbors"][rows]].mean())
    x = (np.array(x) - np.mean(x)) / np.std(x)
    assert got == pytest.approx(np.polyfit(x, y, 1)[0], rel=1e-3)


def test_flags_are_read_at_their_dates(trial_file):
    trial = load_trial(trial_file())
    parameters = changed(trial.worlds["offers"], {"village.median_value_rp": 9_000.0})
    columns = followed(build(parameters, 1, 0), [Term("registered", w, False) for w in ("start", "0d", "3", "end")] + [Term("active", "3", False)])
    world = build(parameters, 1, 0)
    for when in ("start", "0d", "3", "end"):
        world.advance(step_of(world.calendar, when) + 1)
        assert (columns["registered", when] == ((world.village.workers["marks"] & REGISTERED) > 0)).all()
        if when == "3":
            assert (columns["active", "3"] == ((world.village.workers["marks"] & ACTIVE) > 0)).all()
            assert world.calendar.dates[world.week - 1].isoformat() < "2015-04-01" <= world.calendar.dates[world.week].isoformat()
    with pytest.raises(InputError, match="lies after the end"):
        step_of(world.calendar, "7")


def test_stopping_is_dated_from_joining(trial_file):
    trial = load_trial(trial_file())
    forgetful = changed(trial.worlds["offers"], {"village.median_value_rp": 50_000.0, "behavior.forget_start_prob": 0.6})
    world = build(forgetful, 1, 0)
    columns = followed(world, [Term(f"stopped{k}", "end", False) for k in (1, 3, 5)])
    one, three, five = (columns[f"stopped{k}", "end"] for k in (1, 3, 5))
    assert one.sum() < three.sum() < five.sum()
    assert not (one & ~three).any() and not (three & ~five).any()
    lapsed = world.village.workers["stage"] == Stage.LAPSED
    assert (five | ~lapsed).all()


# ------------------------------------------------------------------ playing


def test_a_draw_is_a_function_of_its_number_and_the_fit_is_met(trial_file):
    trial = load_trial(trial_file())
    one, again, other = (play(trial, {}, seed=1, replicate=r) for r in (3, 3, 4))
    assert one == again and one.values != other.values
    assert abs(one.miss) <= 0.004
    assert one.levels["control", "registered@3"] == pytest.approx(0.2, abs=0.005)
    assert one.context == drawn(trial, 1, 3) and 0.6 <= one.context["village.form_prob"] <= 0.9
    assert one.values["T-1"] == pytest.approx(one.levels["free", "registered@3"] - one.levels["control", "registered@3"])
    assert one.values["T-3"] == pytest.approx(one.levels["free", "active@5 | registered@3"] / one.levels["control", "active@5 | registered@3"])
    assert set(pairs(trial)) == set(one.levels)


def test_an_arm_without_a_lever_has_no_effect_but_luck(trial_file):
    trial = load_trial(trial_file())
    gaps = [play(trial, {}, seed=2, replicate=r).values["T-2"] for r in range(24)]
    assert abs(np.mean(gaps)) < 4 * np.std(gaps, ddof=1) / np.sqrt(24)
    assert 0 < np.std(gaps) < 0.06
    free = [play(trial, {}, seed=2, replicate=r).values["T-1"] for r in range(4)]
    assert np.mean(free) > 0.1


def test_a_fit_spreads_by_the_error_of_what_was_measured(trial_file):
    trial = load_trial(trial_file(FILE.replace("value = 0.2\n", "value = 0.2\nse = 0.05\n", 1)))
    levels = np.array([play(trial, {}, seed=1, replicate=r).levels["control", "registered@3"] for r in range(40)])
    assert np.std(levels) == pytest.approx(0.05, rel=0.4)
    assert abs(levels.mean() - 0.2) < 4 * 0.05 / np.sqrt(40)


def test_a_level_out_of_reach_is_a_miss_that_is_told(trial_file):
    trial = load_trial(trial_file(FILE.replace("high = 500_000.0", "high = 600.0")))
    assert play(trial, {}, seed=1, replicate=0).miss < -0.1


def test_the_table_is_the_same_for_any_number_of_processes(trial_file):
    loaded = [load_trial(trial_file()), load_trial(trial_file(FILE.replace('"TOY"', '"TWO"'), "other.toml"))]
    behaviors = [{"value_sd": 0.8 + k / 20} for k in range(6)]
    one = table(loaded, behaviors, seed=5, processes=1)
    two = table(loaded, behaviors, seed=5, processes=2)
    assert {t: {k: v.tolist() for k, v in c.items() if k != "T-3"} for t, c in one.items()} == {
        t: {k: v.tolist() for k, v in c.items() if k != "T-3"} for t, c in two.items()
    }
    assert one["toy"]["T-1"][4] == play(loaded[0], behaviors[4], seed=5, replicate=4).values["T-1"]
    assert set(one["toy"]) == {"T-1", "T-2", "T-3", MISS}


def test_a_number_of_a_lever_is_drawn_where_that_lever_is(trial_file):
    reach = '''[[context]]
key = "campaign.levers.free_offer.contact.weekly_prob"
low = 0.0
high = 0.0
source = "nobody came"

[[lever]]'''
    trial = read(trial_file(FILE.replace("[[lever]]", reach, 1)))
    without, visited = (play(t, {}, seed=1, replicate=0) for t in (trial, read(trial_file())))
    assert without.context["campaign.levers.free_offer.contact.weekly_prob"] == 0.0  # they know of the offer by the survey, nobody visits
    assert without.values["T-1"] < visited.values["T-1"] and without.levels["control", "registered@3"] == visited.levels["control", "registered@3"]
    with pytest.raises(ScenarioError, match="no such parameter"):
        read(trial_file(FILE.replace("[[lever]]", reach.replace("free_offer", "no_offer"), 1)))


# ------------------------------------------------------------------ scoring


def test_scores_by_hand(trial_file):
    trial = load_trial(trial_file())
    draws = {"toy": {"T-1": np.array([0.2, 0.3, 0.4]), "T-2": np.array([0.05, 0.05, 0.05]), "T-3": np.array([np.nan, 1.0, 2.0])}}
    rows = scored([trial], draws).set_index("id")
    assert rows.loc["T-1", "simulated"] == pytest.approx(0.3) and rows.loc["T-1", "sd"] == pytest.approx(0.1)
    assert rows.loc["T-2", "z_3"] == pytest.approx(0.05 / np.sqrt(0.02**2 + 0.03**2))
    assert rows.loc["T-2", "z_0"] == pytest.approx(2.5)
    assert bool(rows.loc["T-1", "inside"]) and not bool(rows.loc["T-2", "inside"])
    assert bool(rows.loc["T-1", "sign_right"]) and not bool(rows.loc["T-2", "null_holds"])
    assert rows.loc["T-3", "simulated"] == pytest.approx(1.5) and rows.loc["T-3", ["measured", "z_0"]].isna().all()
    total = summary(rows.reset_index()).set_index("study").loc["all"]
    assert total["mae"] == pytest.approx((0.0 + 0.05) / 2) and total["mae_zero"] == pytest.approx(0.15)
    silent = rows.reset_index().assign(logit=[np.nan, 0.1, np.nan])  # who is compared is compared on the same rows
    assert summary(silent).set_index("study").loc["all", ["effects", "mae", "mae_zero"]].tolist() == pytest.approx([1, 0.05, 0.0])
    assert (total["rows"], total["measured"], total["effects"], total["nulls"], total["null_share"]) == (3, 2, 2, 1, 0.0)


def test_no_baseline_sees_the_study_that_it_predicts(trial_file):
    mine = load_trial(trial_file())
    text = re.sub(r"value = 0.3\nse = 0.05", "value = 0.1\nse = 0.05", FILE.replace('"TOY"', '"TWO"').replace('"T-', '"U-'))
    other = load_trial(trial_file(text, "other.toml"))
    found = baselines.baselines([mine, other], range(6))
    assert found["same_lever"][0] == pytest.approx(0.1) and found["same_lever"][3] == pytest.approx(0.3)
    assert found["logit"][0] == pytest.approx(0.3 - 0.2) and found["logit"][3] == pytest.approx(0.5 - 0.2)
    assert found["zero"][0] == 0.0 and np.isnan(found["zero"][2])
    half = read(trial_file(FILE.replace('lever = "price"', 'lever = "price"\ndose = 0.5\nbase = 0.4', 1).replace('"T-', '"V-').replace('"TOY"', '"THREE"'), "third.toml"))
    told = baselines.baselines([half, other], range(6))  # from .2 to .3 a unit there: half of that in log-odds, from .4
    gain = np.log(0.3 / 0.7) - np.log(0.2 / 0.8)
    assert told["logit"][0] == pytest.approx(1 / (1 + np.exp(-(np.log(0.4 / 0.6) + gain / 2))) - 0.4)
    alone = baselines.baselines([mine], range(3))
    assert alone["same_lever"][0] == 0.0 and alone["logit"][0] == pytest.approx(0.0)

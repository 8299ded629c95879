"""Comparisons: the same villages and the same luck, the same digits from any number of processes, a verdict that may be "not told apart"."""

import dataclasses
import datetime as dt
import hashlib
import itertools
import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from worlds import QUIET, lever, parameters

from experiments import branch, compare, replay
from experiments.compare import load, plan
from experiments.comparing import budget, campaigns, comparison, stopping
from experiments.comparing.comparison import Comparison
from experiments.engines import Lost
from experiments.running.replicate import one
from scenarios.loader import load as load_scenario
from simulation.baseline import solve
from simulation.branch import switched
from simulation.parameters import InputError
from simulation.world import build

SMALL = [
    "village.workers=150",
    "burn_in_weeks=20",
    "village.median_value_rp=27000.0",
    "village.forget_prob=0.02",
    "village.start_coverage_share=0.04",
]
UNTIL = "2019-02-01"
#: nothing to solve for
EASY = dict(workers=80, median_value_rp=25_000.0, forget_prob=0.02, start_coverage_share=0.04)
LESS = "campaign.levers.waste_bank_fund.sponsor.share=0.2"


@pytest.fixture(scope="module", autouse=True)
def state(tmp_path_factory):
    """What is remembered of runs goes to a folder of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SADAR_STATE", str(tmp_path_factory.mktemp("state")))
        yield


def small(*more):
    return load_scenario("lerep", overrides=[*SMALL, *more], until=UNTIL)


def compared(campaigns, case=None, **options):
    return compare.compare(case or small(), campaigns, **{"pairs": 6, "processes": 1} | options)


@pytest.fixture(scope="module")
def found():
    """The case's own campaign, one that is a little smaller, and none."""
    return compared(["own", small(LESS), "none"], months=(4,), pairs=12)


def made(values, outcome=("active", "end", "all", "all"), better="more", first=None, half_width=None) -> Comparison:
    """A comparison with these values [pair, campaign] of one outcome."""
    values = np.asarray(values, float)
    p = small().parameters
    names = ("A", "B", "C", "D")[: values.shape[1]]
    about = {"half_width": half_width, "pairs_needed": len(values)}
    return Comparison(names, (p,) * len(names), p, outcome, better, (outcome,), values[:, :, None], first or len(values), about)


def priced(active, spend) -> Comparison:
    """The same with what each run cost."""
    found = made(active)
    keys = (found.outcome, ("campaign_rp", "end", "all", "all"))
    return dataclasses.replace(found, keys=keys, values=np.stack([found.values[:, :, 0], np.asarray(spend, float)], axis=2))


def test_what_each_further_one_costs():
    """Extra money over extra workers, sums over all villages; only where the campaigns are told apart."""
    active, spend = [[10, 30], [12, 36], [8, 29], [11, 31]], [[0, 200], [10, 210], [0, 190], [0, 220]]
    row = priced(active, spend).differences().iloc[0]
    assert row["more_rp"] == (200 + 200 + 190 + 220) / 4 and row["rp_per_more"] == pytest.approx(810 / (20 + 24 + 21 + 20))
    assert row["rp_per_more_low"] < row["rp_per_more"] < row["rp_per_more_high"]
    same = priced([[10, 11], [12, 10], [9, 9], [10, 11]], spend).differences().iloc[0]
    assert not same["clear"] and math.isnan(same["rp_per_more"]) and same["more_rp"] > 0
    cheaper = priced(active, [row[::-1] for row in spend]).differences().iloc[0]
    assert cheaper["rp_per_more"] < 0 and cheaper["mean"] > 0
    assert math.isnan(made(active).differences()["rp_per_more"][0])  # without money, and of shares, there is none


# ------------------------------------------------------------------ the same villages, the same luck


def test_a_campaign_against_itself_is_exactly_zero_in_every_key():
    found = compared(["own", "own", small()], half_width=5)
    assert found.names == ("own", "own (2)", "lerep")
    for key in found.keys:
        values = found.of(key)
        assert (values == values[:, :1])[np.isfinite(values)].all() and (np.isnan(values).sum(axis=1) % 3 == 0).all(), key
    table = found.differences()
    assert (table[["mean", "low", "high", "sd"]] == 0.0).all(axis=None) and not table["clear"].any()
    assert (table["variance_ratio"] == math.inf).all() and (table["wins"] == 0.5).all()
    assert found.campaigns()["best_prob"].tolist() == pytest.approx([1 / 3] * 3)
    assert "cannot be told apart" in found.verdict() and "exactly the same" in found.verdict() and len(found.values) == 30
    json.dumps(found.document(), allow_nan=False)


def test_values_are_those_of_each_campaign_run_alone(found):
    """Byte for byte, and so is all that was counted and booked."""
    digests = ""
    for pair in range(12):
        for k, given in enumerate(found.parameters):
            alone = one(solve(given), 1, pair, months=(4,))
            digests += alone["digest"]
            there = np.array([alone["values"].get(key, np.nan) for key in found.keys])
            assert found.values[pair, k].tobytes() == there.tobytes()
    assert hashlib.sha256(digests.encode()).hexdigest()[:16] == found.provenance["digest"]
    assert np.isfinite(found.values).mean() > 0.9  # the keys are there


def test_the_same_from_one_process_and_from_two():
    """With a second stage, so that pairs are begun before it is known how many are needed."""
    asked = {"half_width": 0.6, "max_pairs": 100, "seed": 4}
    alone = compared(["own", small(LESS)], **asked)
    both = compared(["own", small(LESS)], **asked | {"processes": 2})
    assert 30 < len(alone.values) == alone.provenance["pairs_needed"] < 100
    assert alone.values.tobytes() == both.values.tobytes() and alone.verdict() == both.verdict()
    assert {k: alone.provenance[k] for k in ("run_id", "digest", "pairs")} == {k: both.provenance[k] for k in ("run_id", "digest", "pairs")}


def test_pairing_takes_noise_out(found):
    """Two campaigns that are alike meet most of their luck in common."""
    table = found.differences()
    assert table["variance_ratio"][0] > 3
    a, b = found.of()[:, 1], found.of()[:, 0]
    assert table["variance_ratio"][0] == pytest.approx((a.var(ddof=1) + b.var(ddof=1)) / (a - b).var(ddof=1))


def test_more_people_at_sessions_never_leave_fewer_aware():
    """Pair by pair, under the conditions in which the model guarantees it (test_limits)."""
    village = dict(workers=200, median_value_rp=25_000.0, forget_prob=0.0, start_coverage_share=0.02)
    behavior = dict(recompare_ratio=1.0, discourage_prob=0.0, fade_prob=0.0, confirm_months=1)
    session = lambda people: lever("session", contact=dict(channel="session", attendance=people, every_weeks=2))  # noqa: E731
    case = [parameters(10, village, behavior, dict(QUIET, billing_months=0), [session(n)]) for n in (3, 10, 40)]
    found = compare.compare(case[0], case, outcome="aware", pairs=10, processes=1)
    assert (np.diff(found.of(), axis=1) >= 0).all() and (np.diff(found.of("registered"), axis=1) >= 0).all()
    assert (found.differences()["mean"] > 2).all()


# ------------------------------------------------------------------ how many pairs


def test_number_of_pairs_follows_from_the_first_stage():
    found = compared(["own", small(LESS), "none"], half_width=1.5, max_pairs=500)
    which = [(1, 0), (2, 0), (2, 1)]
    first = comparison.differences(found.of()[:30], which)
    needed = stopping.pairs_needed(first, 1.5, 10**6)
    assert 35 < needed == len(found.values) == found.provenance["pairs_needed"]
    t, sd = 2.045229642132703, first.std(axis=0, ddof=1)
    table = found.differences()
    assert ((table["high"] - table["low"]) / 2).to_numpy() == pytest.approx(t * sd / math.sqrt(needed))
    assert found.precision["met"] and found.precision["reached"] <= 1.5
    assert table["mean"].tolist() == pytest.approx(comparison.differences(found.of(), which).mean(axis=0).tolist())


def test_a_limit_on_pairs_is_kept_and_told():
    found = compared(["own", "none"], half_width=0.1, max_pairs=32)
    assert len(found.values) == 32 and found.provenance["pairs_needed"] > 1000
    assert not found.precision["met"] and found.precision["reached"] > 0.1
    few = compared(["own", "none"], half_width=0.1, max_pairs=5)
    assert len(few.values) == few.first == 5
    assert few.values.tobytes() == found.values[:5].tobytes()


def test_pairs_begun_too_many_are_dropped(monkeypatch):
    """Whatever the order in which an engine gives the pairs, and however far ahead it has run."""

    def hasty(work, tasks, **options):
        for task in reversed(list(itertools.islice(tasks, 36))):
            yield task, work(task)
        yield from ((task, work(task)) for task in tasks)

    asked = {"half_width": 1000.0, "max_pairs": 10**6}
    alone = compared(["own", "none"], **asked)
    monkeypatch.setattr(compare, "local", hasty)
    ahead = compared(["own", "none"], **asked)
    assert len(ahead.values) == 30 and ahead.values.tobytes() == alone.values.tobytes()


def test_progress_tells_the_stages():
    told = []
    found = compared(["own", "none"], half_width=1.5, progress=lambda *step: told.append(step))
    assert told[0] == (0, 30, "first") and told[-1] == (len(found.values), len(found.values), "rest")
    assert [done for done, _, _ in told] == list(range(len(found.values) + 1))
    assert {total for done, total, _ in told if done < 30} == {30}


def test_plan_says_what_it_takes():
    told = plan(small(), ["own", "none"], half_width=3, max_pairs=400, processes=1)
    assert (told.campaigns, told.first, told.most, told.processes, told.budget_seconds) == (("own", "none"), 30, 400, 1, 0.0)
    assert told.first_seconds == 30 * told.pair_seconds and told.most_seconds == 400 * told.pair_seconds > 0
    told = plan(small(), ["none"], pairs=7, budget=30_000_000, processes=1)
    assert told.first == told.most == 7 and told.budget_seconds > 0
    with pytest.raises(InputError, match="no lever 'sesions'"):
        plan(small(), ["none"], budget=30_000_000, scale=["sesions"])


def test_a_pair_that_cannot_be_run_ends_the_comparison(monkeypatch):
    monkeypatch.setattr(compare, "local", lambda work, tasks, **options: ((task, Lost("killed")) for task in tasks))
    with pytest.raises(RuntimeError, match="pair 0: killed"):
        compared(["own", "none"])


# ------------------------------------------------------------------ what is said


def test_verdict_of_two_campaigns_that_differ(found):
    assert compared(["none", "own"], outcome="active@4").verdict().startswith("own brings ")
    said = made([[10, 41 + k % 3] for k in range(30)]).verdict()
    assert said == "B brings 32 more active workers than A at the end of the run (95 % interval 32 to 32)"
    said = made([[100 + k, 141 + 7 * (-1) ** k + k] for k in range(30)], outcome=("active", "12", "all", "all")).verdict()
    assert said == "B brings 41 more active workers than A at month 12 (95 % interval 38 to 44)"


def test_verdict_of_two_campaigns_that_cannot_be_told_apart():
    values = np.array([[100, 101 + 10 * (-1) ** k] for k in range(30)])
    found = made(values)
    said = found.verdict()
    enough = (2.045229642 * math.sqrt(30 * 100 / 29) / 1.0) ** 2
    assert said.startswith("B and A cannot be told apart: the number of active workers at the end of the run differs by 1, ")
    assert "95 % interval -2.8 to 4.8" in said and f"about {math.ceil(enough)} pairs of villages, 30 were run" in said
    assert not found.differences()["clear"].any()
    assert "no difference at all" in made([[1, 3], [3, 1]]).verdict()


def test_verdict_of_costs_says_less_is_better():
    key = ("campaign_per_retained_rp", "end", "all", "all")
    found = made([[250_000 + k, 200_000 + 3 * k] for k in range(20)], outcome=key, better="less")
    assert found.verdict().startswith(
        "campaign per retained is Rp 49.981 lower under B than under A at the end of the run (95 % interval Rp 49.9"
    )
    assert comparison.better_of(key) == "less" and comparison.better_of("active") == "more"
    table = made([[0.2, 0.25 + 0.001 * k] for k in range(9)], outcome=("active_share", "end", "sex", "female"))
    assert table.verdict().startswith("active share (sex female) is 5.4 percentage points higher under B than under A")


def test_verdict_of_several_campaigns():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, (40, 3))
    clear = made(np.array([100, 130, 120]) + noise)
    assert clear.verdict().startswith(
        "B does best of 3 campaigns at the end of the run: the number of active workers is 10 higher than under C, the next"
    )
    close = made(np.array([100, 130, 130.1]) + noise)
    assert "which of 3 campaigns is best cannot be told" in close.verdict()


def test_several_comparisons_at_once_are_held_to_more():
    """Just clear alone, not among six comparisons: 'clear' is Bonferroni's."""
    d = np.array([1.0, -1.0] * 15)
    d = d - d.mean() + 2.2 * d.std(ddof=1) / math.sqrt(30)
    assert made(np.column_stack([0 * d, d])).differences()["clear"].tolist() == [True]
    table = made(np.column_stack([0 * d, d, 0 * d - 9, 0 * d - 9])).differences()
    assert table["low"][0] > 0 and not table["clear"][0]


def test_pairs_without_a_value_are_told():
    nan = math.nan
    found = made([[1, 2], [nan, 3], [1, 4], [nan, nan], [1, 3]])
    row = found.differences().iloc[0]
    assert (row["pairs"], row["missing"], row["mean"], row["wins"]) == (3, 2, 2.0, 1.0)
    assert found.verdict().endswith("; 2 of 5 pairs have no value")
    assert made([[nan, 1]] * 4).verdict().startswith("nothing can be said")


def test_tables(found):
    table = found.differences()
    assert list(zip(table["campaign"], table["against"])) == [("lerep", "own"), ("none", "own"), ("none", "lerep")]
    assert table["mean"].tolist() == pytest.approx([(found.of()[:, a] - found.of()[:, b]).mean() for a, b in ((1, 0), (2, 0), (2, 1))])
    each = found.campaigns()
    total = lambda name: found.of(name).sum(axis=0)  # noqa: E731
    assert each["spend_rp"].tolist() == pytest.approx(found.of("campaign_rp").mean(axis=0).tolist())
    for result, count in (("registered", "registrations"), ("person_month", "new_person_months"), ("retained", "retained")):
        assert each[f"rp_per_{result}"].tolist() == pytest.approx((total("campaign_rp") / total(count)).tolist(), nan_ok=True)
        told = each[each["spend_rp"] > 0]
        assert (told[f"rp_per_{result}_low"] <= told[f"rp_per_{result}"]).all() and len(told) == 2
    assert each["spend_rp"][2] == 0 and each["best_prob"].sum() == pytest.approx(1) and each["wins_share"].sum() == pytest.approx(1)
    assert found.campaigns("levers_rp")["best_prob"].tolist() == [0.0, 0.0, 1.0]  # less is better
    assert found.differences("active@4")["mean"][1] < 0
    for group in ("sex=female", "occupation=farmer", "income_fifth=1"):
        assert np.isfinite(found.of(f"active_share/{group}")).any()
    assert found.table().shape == (36, 2 + len(found.keys))
    with pytest.raises(InputError, match="not kept"):
        found.of("heard")


# ------------------------------------------------------------------ what is asked


def test_campaigns_by_name_file_and_scenario_start_on_one_day(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('kind = "campaign"\ntitle = "Mine"\n[[lever]]\npreset = "session"\nname = "talks"\nstart = 2018-09-01\n')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare.compare("desa", [file, "none", "lerep-2018"], pairs=2, overrides=SMALL, processes=1)
    assert found.names == ("mine", "none", "lerep-2018")
    assert {p.start for p in found.parameters} == {dt.date(2018, 8, 1)} and {p.until for p in found.parameters} == {dt.date(2020, 8, 1)}
    assert len({p.model_copy(update={"campaign": found.parameters[0].campaign}).model_dump_json() for p in found.parameters}) == 1
    mixed = compare.compare(
        "lerep", [load_scenario(file), "own"], pairs=2, overrides={"village.workers": 120, "burn_in_weeks": 10}, until=UNTIL
    )
    assert [p.campaign.title for p in mixed.parameters] == ["Mine", "Lerep 2018: waste bank, village shop, leaders"]
    dated = compare.compare("desa", ["none", "lerep-2018"], pairs=2, overrides={"village.workers": 120, "burn_in_weeks": 10})
    assert {p.start for p in dated.parameters} == {dt.date(2018, 8, 1)}
    single = compare.compare(small(), "none", pairs=2, processes=1)
    assert single.names == ("own", "none")


def test_levers_outside_of_the_run_are_told():
    with pytest.warns(UserWarning, match="kadugenep-2017: lies outside of the run .*coupons"):
        found = compared(["own", "kadugenep-2017"], case=small("village.agent_candidates_per_1000=20.0"), pairs=2)
    assert "coupons" in found.provenance["campaigns"][1]["idle"] and found.provenance["campaigns"][0]["idle"] == []


@pytest.mark.parametrize(
    ("at", "label", "date"),
    [
        ("end", "end", "2019-02-01"),
        (4, "4", "2018-12-01"),
        ("4", "4", "2018-12-01"),
        ("2018-12-01", "4", "2018-12-01"),
        ("2018-12-05", "2018-12-05", "2018-12-05"),
        (dt.date(2019, 2, 1), "end", "2019-02-01"),
        (dt.date(2018, 8, 9), "2018-08-09", "2018-08-09"),
    ],
)
def test_dates(at, label, date):
    found = compared(["own", "none"], at=at, pairs=2)
    assert found.outcome == ("active", label, "all", "all")
    assert found.provenance["at"] == {"label": label, "date": date, "asked": str(at)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(campaigns=[]), "campaigns: 0 given"),
        (dict(campaigns=["own", 7]), "got int"),
        (dict(campaigns=["own", "lerep-2081"]), "did you mean 'lerep-2018'"),
        (dict(outcome="activ"), "did you mean 'active'"),
        (dict(outcome="active_share/sex=men"), "men"),
        (dict(outcome="active@4", at=2), "two dates"),
        (dict(outcome="active@7"), "at = '7': not in the run; allowed: end, a month from 1 to 6"),
        (dict(at=0), "at = 0: not allowed"),
        (dict(at="2018-08-01"), "a date after 2018-08-01, up to 2019-02-01"),
        (dict(at="2019-03-01"), "at = 2019-03-01: not in the run"),
        (dict(at="soon"), "at = 'soon': not in the run"),
        (dict(half_width=0), "half_width = 0: not allowed; allowed: a number above 0"),
        (dict(half_width=math.nan), "half_width = nan"),
        (dict(half_width=True), "half_width = True"),
        (dict(half_width=1, max_pairs=1), "max_pairs = 1: not allowed"),
        (dict(pairs=1), "pairs = 1: not allowed; allowed: a whole number from 2"),
        (dict(seed=-1), "seed = -1"),
        (dict(processes=0), "processes = 0"),
        (dict(better="bigger"), "better = 'bigger': not allowed; allowed: more, less"),
        (dict(months=[0]), "months = 0"),
        (dict(until="2018-01-01"), "until 2018-01-01 must lie after start"),
        (dict(until="tomorrow"), "until = 'tomorrow'"),
        (dict(overrides=["village.workers=9"]), "overrides and village go with"),
        (dict(since="2018-08-01"), "since = 2018-08-01: not in the run; allowed: a date from 2018-08-02 to"),
        (dict(since="2019-02-01"), "since = 2019-02-01: not in the run"),
        (dict(since="later"), "since = 'later'"),
        (dict(since="2018-12-05", at=4), "at = 4: not after since = 2018-12-05; until then all campaigns are the same"),
        (dict(case=3), "compare: needs a scenario's name"),
        (dict(scale=["hamlet_sessions"]), "give a budget"),
        (dict(budget=0), "budget = 0: not allowed"),
        (dict(budget=10**7, scale=["hamlet_sesions"]), "no lever 'hamlet_sesions', did you mean 'hamlet_sessions'"),
        (
            dict(budget=10**7, scale=["officials"]),
            "what the lever 'officials' costs does not depend on a size; can be scaled: hamlet_sessions",
        ),
        (dict(budget=10**7, scale=["waste_bank_fund"]), "paid by: group, whom no budget binds"),
        (dict(budget=10**12), "'own' can spend at most Rp .* at full size; asked: Rp 1.000.000.000.000"),
        (dict(budget=1000), "'own' spends at least Rp 3.207.000, even without"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(options, message, monkeypatch):
    monkeypatch.setattr(compare, "_pair", lambda *given: pytest.fail("a pair was run"))
    with pytest.raises(InputError, match=message):
        compared(**{"campaigns": ["own", "none"], "case": small()} | options)


# ------------------------------------------------------------------ equal budgets


def test_both_campaigns_spend_the_budget():
    other = small("campaign.levers.hamlet_sessions.contact.events=3", "campaign.levers.togoro.price.discount_share=0.9")
    found = compared(["own", other, "none"], budget=20_000_000, pairs=budget.PILOTS)
    spend = found.campaigns()["spend_rp"]
    assert abs(spend[:2] / 20e6 - 1).max() < 0.01 and spend[2] == 0.0
    report = found.provenance["budget"]
    assert report["rupiah"] == 20_000_000 and set(report["campaigns"]) == {"own", "lerep"}
    for name, k in (("own", 0), ("lerep", 1)):
        told = report["campaigns"][name]
        assert told["within"] and told["spend_rp"] == pytest.approx(spend[k])
        levers = {x.name: x for x in found.parameters[k].campaign.levers}
        for change in told["changes"]:
            group, field = change["key"].split(".")
            assert getattr(getattr(levers[change["lever"]], group), field) == change["after"]
    assert found.parameters[0].campaign.levers != small().parameters.campaign.levers


def test_budget_up_to_the_date_compared():
    fitted = budget.to_budget(small().parameters, 12_000_000, at="2", pilots=3)
    spent = [one(fitted.parameters, 1, r, months=(2,))["values"]["campaign_rp", "2", "all", "all"] for r in range(3)]
    assert np.mean(spent) == pytest.approx(fitted.spend_rp) == pytest.approx(12e6, rel=0.01)


def test_only_the_named_levers_are_scaled():
    given = small().parameters
    fitted = budget.to_budget(given, 25_000_000, levers=["hamlet_sessions"], pilots=3)
    before, after = ({x.name: x for x in p.campaign.levers} for p in (given, fitted.parameters))
    assert {name for name in before if before[name] != after[name]} == {"hamlet_sessions"}
    assert {change["lever"] for change in fitted.changes} == {"hamlet_sessions"}


def scaled(factor, contact=None, cost=None, **mechanisms):
    """One lever of ten weeks at another size."""
    parts = ({"contact": {"channel": "session", **contact}} if contact else {}) | mechanisms
    given = parameters(20, EASY, levers=[lever("x", end=dt.date(2018, 3, 11), cost=cost or {}, **parts)])
    return budget.scale(given, ["x"], factor).campaign.levers


@pytest.mark.parametrize(
    ("factor", "events", "attendance"),
    [(1, 4, 30), (0.5, 2, 30), (0.6, 3, 24), (0.1, 1, 12), (1.25, 5, 30), (2.5, 5, 60)],
)
def test_sessions_that_cost_something_are_held_more_or_less_often(factor, events, attendance):
    """Every second week of ten there is room for five; beyond that more people come to each."""
    contact = scaled(factor, dict(attendance=30, every_weeks=2, events=4), dict(event_rp=1000, contact_rp=10))[0].contact
    assert (contact.events, contact.attendance) == (events, attendance)


def test_natural_sizes_of_other_levers():
    assert scaled(0.5, dict(attendance=30, events=4), dict(contact_rp=10))[0].contact.attendance == 15
    assert scaled(0.5, dict(attendance=30, events=4), dict(contact_rp=10))[0].contact.events == 4
    assert scaled(2.0, dict(weekly_prob=0.3), dict(contact_rp=10))[0].contact.weekly_prob == 0.6
    assert scaled(9.0, dict(weekly_prob=0.3), dict(contact_rp=10))[0].contact.weekly_prob == 1.0
    agents = scaled(3, agents=dict(number=2), cost=dict(monthly_rp=500))[0]
    assert (agents.agents.number, agents.cost.monthly_rp) == (6, 1500)
    assert scaled(2, sponsor=dict(share=0.3))[0].sponsor.share == 0.6
    assert scaled(0.25, price=dict(months=3), target=dict(share=0.8))[0].target.share == 0.2
    assert scaled(0.25, gift=dict(value_rp=5))[0].target.share == 0.25
    assert scaled(0.0, gift=dict(value_rp=5)) == []


def test_between_two_events_more_people_come_to_each():
    """Where one more event would jump over the budget, the events that fit are better attended."""
    given = parameters(20, EASY, levers=[lever("x", contact=dict(channel="session", attendance=10, events=4), cost=dict(event_rp=10**6, contact_rp=50_000))])  # fmt: skip
    fitted = budget.to_budget(given, 3_900_000, pilots=4)
    assert fitted.within and fitted.changes[1]["after"] == 2 and fitted.changes[0]["after"] > 15


def test_agents_are_found_among_the_candidates():
    given = parameters(10, dict(EASY, agent_candidates_per_1000=50.0), levers=[lever("x", agents=dict(number=1), cost=dict(monthly_rp=10**6))])  # fmt: skip
    with pytest.raises(InputError, match="can spend at most Rp 12.000.000"):  # four agents, three calendar months
        budget.to_budget(given, 10**9, pilots=2)
    assert budget.to_budget(given, 9_000_000, pilots=2).parameters.campaign.levers[0].agents.number == 3
    off = budget.to_budget(given, 7_500_000, pilots=2)
    assert not off.within and off.spend_rp in (6e6, 9e6)


# ------------------------------------------------------------------ same past, different policy


@pytest.mark.filterwarnings("ignore:.*the ceiling is")  # the check of the books holds a new ceiling against the past
def test_campaigns_part_at_a_date():
    """Until then they are the same in all that is measured; who keeps the case's own campaign runs on as if nothing had been."""
    asked = dict(months=(1, 2, 4), pairs=5)
    tight = small("campaign.monthly_ceiling_rp=3000000")  # binds from the date on, not before
    parted = compared(["own", "none", small(LESS), tight], since="2018-10-03", **asked)
    whole = compared(["own", "none", small(LESS), tight], **asked)
    assert parted.values[:, 0].tobytes() == whole.values[:, 0].tobytes()
    early = [k for k, key in enumerate(parted.keys) if key[1] in ("1", "2")]
    assert parted.values[:, 1:, early].tobytes() == parted.values[:, [0, 0, 0]][:, :, early].tobytes()
    for month in ("4", "end"):
        assert (parted.of(f"active@{month}")[:, 1] < parted.of(f"active@{month}")[:, 0]).all()
    assert (parted.of("registered")[:, 1] > whole.of("registered")[:, 1]).all()  # what the campaign did before it ended stays
    assert (parted.of("campaign_rp")[:, 0] > parted.of("campaign_rp")[:, 3]).all()
    assert (parted.of("campaign_rp")[:, 3] > whole.of("campaign_rp")[:, 3]).all()
    assert parted.provenance["since"] == "2018-10-03" and parted.provenance["run_id"] != whole.provenance["run_id"]


def test_a_past_on_disk_says_case_seed_and_date(tmp_path):
    branch.save(small(), "2018-10-03", tmp_path / "past", replicates=2, seed=9)
    kept = compare.compare(tmp_path / "past", ["own", "none"], pairs=2, processes=1)
    again = compared(["own", "none"], since="2018-10-03", seed=9, pairs=2)
    assert kept.values.tobytes() == again.values.tobytes() and kept.provenance["digest"] == again.provenance["digest"]
    with pytest.raises(InputError, match="not allowed with a past that was kept on 2018-10-03"):
        compare.compare(str(tmp_path / "past"), ["own", "none"], since="2018-11-01")


def test_what_becomes_of_levers_at_the_date():
    day = lambda month, of=1: dt.date(2018, month, of)  # noqa: E731
    talk = lambda name, people=10, **dates: lever(name, contact=dict(channel="talk", attendance=people), **dates)  # noqa: E731
    old = [talk("gone", end=day(2)), talk("kept"), talk("changed"), talk("dropped"), talk("cut"), talk("late", start=day(8))]
    never = talk("never", start=dt.date(2017, 1, 1), end=dt.date(2017, 6, 1))
    own = parameters(40, EASY, levers=[*old, never])
    new = [talk("kept", end=day(7)), talk("changed", 20), talk("gone", end=day(6)), talk("cut", end=day(2))]
    new += [talk("before", end=day(3)), talk("new", start=day(6, 15))]
    other = own.model_copy(update={"campaign": own.campaign.model_copy(update={"levers": new, "budget_rp": 5})})
    on = campaigns.gone_on(own, other, day(5, 4)).campaign  # the step of 7 May is the first
    assert on.budget_rp == 5
    assert [(x.name, x.start, x.end) for x in on.levers] == [
        ("gone", day(1), day(2)), ("kept", day(1), day(7)), ("changed", day(1), day(5, 6)), ("dropped", day(1), day(5, 6)),
        ("cut", day(1), day(5, 6)),
        ("changed_from_2018-05-07", day(5, 7), None), ("gone_from_2018-05-07", day(5, 7), day(6)), ("new", day(6, 15), None),
    ]  # fmt: skip
    assert on.levers[2].contact.attendance == 10 and on.levers[5].contact.attendance == 20
    past = build(own, 1, 0)
    world = switched(past, campaigns.step_of(own, day(5, 4)), own.model_copy(update={"campaign": on}))  # is taken
    assert world.week == past.week


@pytest.mark.filterwarnings("ignore:.*the ceiling is")  # the check of the books holds a new ceiling against the past
def test_equal_budgets_after_a_common_past():
    asked = dict(since="2018-08-20", pairs=budget.PILOTS, budget=25_000_000)
    found = compared(["own", small("campaign.levers.togoro.price.discount_share=0.9", "campaign.monthly_ceiling_rp=7000000")], **asked)
    assert abs(found.campaigns()["spend_rp"] / 25e6 - 1).max() < 0.01


# ------------------------------------------------------------------ files


def test_a_comparison_is_remembered_and_comes_out_the_same_again(tmp_path):
    made = compared(["own", small(LESS)], half_width=3, budget=25_000_000, since="2018-09-05", months=(4,))
    found = replay.replay(made.provenance["run_id"], folders=())
    assert found.identical and found.compared == 2 * len(made.keys) and found.result.values.tobytes() == made.values.tobytes()
    folder = made.save(tmp_path / "kept")
    assert replay.replay(made.provenance["run_id"][:6], folders=[tmp_path]).identical
    told = json.loads((folder / "comparison.json").read_text())
    last = told["parameters"][1]["campaign"]["levers"][-1]
    assert last["name"] == "waste_bank_fund_from_2018-09-05"
    last["sponsor"]["share"] = 0.1
    (folder / "comparison.json").write_text(json.dumps(told))
    other = replay.replay(made.provenance["run_id"], folders=[tmp_path])
    assert not other.identical and len(other.differences) > 5


def test_saved_and_read_again(found, tmp_path):
    folder = found.save(tmp_path / "a" / "b")
    back = load(folder)
    assert (back.names, back.parameters, back.own, back.outcome, back.better, back.keys, back.first) == (
        found.names, found.parameters, found.own, found.outcome, found.better, found.keys, found.first,
    )  # fmt: skip
    assert back.values.tobytes() == found.values.tobytes() and back.document() == found.document()
    pd.testing.assert_frame_equal(back.campaigns(), found.campaigns(), check_exact=True)
    found.save(folder, figures=lambda given, draft: (draft / "figure.png").write_text("x"))  # an older one is replaced
    assert {p.name for p in folder.iterdir()} == {"comparison.json", "pairs.parquet", "figure.png"}
    found.save(folder)
    assert not (folder / "figure.png").exists() and [p.name for p in folder.parent.iterdir()] == ["b"]


def test_other_folders_are_left_alone(found, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="is not empty and holds no earlier comparison"):
        found.save(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        found.save(tmp_path / "letter.txt")
    with pytest.raises(InputError, match="no result of `sadar compare`"):
        load(tmp_path)
    folder = found.save(tmp_path / "x")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        found.save(folder)
    (folder / "pairs.parquet").write_bytes(b"half")
    with pytest.raises(InputError, match="cannot be read"):
        load(folder)


def test_a_save_that_fails_leaves_nothing(found, tmp_path):
    def fails(given, draft):
        raise OSError("disk full")

    with pytest.raises(OSError):
        found.save(tmp_path / "x", figures=fails)
    assert list(tmp_path.iterdir()) == []


def test_run_id_names_what_is_computed():
    ids = [compared(["own", "none"], pairs=2).provenance["run_id"] for _ in range(2)]
    others = [compared(*given, **{"pairs": 2} | options).provenance["run_id"] for given, options in (
        ((["none", "own"],), {}), ((["own", "none"],), {"seed": 2}), ((["own", "none"],), {"pairs": 3}), ((["own", "none"],), {"at": 4}),
        ((["own", "none"],), {"outcome": "paying"}), ((["own", small(LESS)],), {}),
    )]  # fmt: skip
    assert ids[0] == ids[1] and len({*ids, *others}) == 7

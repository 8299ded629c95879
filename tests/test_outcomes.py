"""Every measure against an oracle made by hand, every check of people and money against books that were tampered with."""

import datetime as dt
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.run import one
from experiments.running.families import FAMILIES, Layout
from scenarios.loader import Observation, load
from simulation import ledger, outcomes, world
from simulation.parameters import Campaign, Cost, Lever
from simulation.snapshot import IDENTITY, Snapshot, Traits, fractional_rank, group_names, snapshot
from simulation.stages import ACTIVE, MISBELIEF, PAID_OWN, REGISTERED, Event, Item, Measure, Payer, Source, Stage
from simulation.timeline import timeline

ALL = ("all", "all")
SOLVED = ["village.median_value_rp=27000.0", "village.forget_prob=0.02", "village.start_coverage_share=0.04"]
SMALL = ["village.workers=400", "burn_in_weeks=30", *SOLVED]


def people(n: int, step: int = 200, burn_in: int = 100, **columns) -> Snapshot:
    """A snapshot of n workers who never did anything, but for the columns given."""
    blank = {
        "stage": np.zeros(n, np.uint8), "marks": np.zeros(n, np.uint16), "understanding": np.zeros(n, np.float32), "alpha": np.ones(n, np.float32),
        "beta": np.ones(n, np.float32), "attempts": np.zeros(n, np.int16), "own_months": np.zeros(n, np.int16), "first_week": np.full(n, -1, np.int32),
        "stop_week": np.full(n, -1, np.int32), "first_stop": np.full(n, -1, np.int32), "reached_week": np.full(n, -10000, np.int32),
        "first_source": np.full(n, Source.NONE, np.uint8), **{name: np.arange(n, dtype=np.float32) for name in ("value", "risk", "understanding_start")},
    }  # fmt: skip
    given = {name: np.asarray(x, blank[name].dtype) for name, x in columns.items()}
    return Snapshot(step, burn_in, blank | given)


def places(income, **groups) -> Traits:
    """Everybody a man of one community; of other kinds the codes are given."""
    n = len(income)
    codes = {"sex": np.zeros(n, np.int8), **{kind: np.array(x) for kind, x in groups.items()}, "community": np.zeros(n, np.int32)}
    return Traits({kind: (x, 2 if kind == "sex" else int(x.max()) + 1) for kind, x in codes.items()}, np.asarray(income))


def calendar(months: int, overrides=()):
    scenario = load("desa", overrides=["burn_in_weeks=0", *overrides], until=f"{2018 + months // 12}-{months % 12 + 1:02}-01")
    return timeline(scenario.parameters)


def closely(found, wanted):
    assert found == pytest.approx(wanted, abs=1e-12, nan_ok=True)


# ------------------------------------------------------------------ levels, stages, groups


def test_the_three_flags_stay_apart():
    marks = [0, REGISTERED, REGISTERED | ACTIVE, REGISTERED | ACTIVE | PAID_OWN, REGISTERED | PAID_OWN, MISBELIEF]
    stage = [Stage.UNAWARE, Stage.LAPSED, Stage.IMPLEMENTATION, Stage.CONFIRMATION, Stage.IMPLEMENTATION, Stage.KNOWLEDGE]
    now = people(6, marks=marks, stage=stage, alpha=[1] * 6, beta=[9] * 6)
    wanted = {"workers": 6, "aware": 5, "registered": 4, "active": 2, "paying": 1, "registered_share": 4 / 6, "paying_share": 1 / 6}
    levels = outcomes.tally(now)
    closely(outcomes.counts(levels), wanted | {"aware_share": 5 / 6, "active_share": 2 / 6})
    assert levels[:8].tolist() == [1, 1, 0, 0, 2, 1, 0, 1] and levels[Measure.MISBELIEF] == 1
    closely(now.trust.tolist(), [0.1] * 6)


@pytest.mark.parametrize(
    "stage, marks, attempts, own_months, furthest",
    [
        (Stage.UNAWARE, 0, 0, 0, 0), (Stage.KNOWLEDGE, 0, 0, 0, 1), (Stage.PERSUASION, 0, 0, 0, 2), (Stage.REJECTED, 0, 0, 0, 2),
        (Stage.REJECTED, 0, 1, 0, 3), (Stage.UNAWARE, 0, 1, 0, 3), (Stage.DECISION, 0, 0, 0, 3),
        (Stage.IMPLEMENTATION, REGISTERED, 2, 3, 4),
        (Stage.LAPSED, REGISTERED, 1, 5, 4), (Stage.LAPSED, REGISTERED, 1, 6, 5), (Stage.CONFIRMATION, REGISTERED, 0, 0, 5),
        (Stage.KNOWLEDGE, REGISTERED, 0, 0, 4),
    ],
)  # fmt: skip
def test_funnel_counts_how_far_a_worker_came(stage, marks, attempts, own_months, furthest):
    found = outcomes.funnel(people(1, stage=[stage], marks=[marks], attempts=[attempts], own_months=[own_months]), confirm_months=6)
    assert outcomes.REACHED == ["knowledge", "persuasion", "decision", "implementation", "confirmation"]
    assert found == [int(furthest > k) for k in range(5)]


def test_funnel_adds_up_over_workers():
    found = outcomes.funnel(
        people(4, stage=[Stage.UNAWARE, Stage.KNOWLEDGE, Stage.REJECTED, Stage.CONFIRMATION], marks=[0, 0, 0, REGISTERED]), 6
    )
    assert found == [3, 2, 1, 1, 1]


def test_coverage_by_group_has_the_group_for_denominator():
    village = places([1, 2, 3, 4], occupation=[0, 0, 0, 1])
    now = people(4, marks=[REGISTERED | ACTIVE | PAID_OWN, REGISTERED | ACTIVE, REGISTERED, 0])
    found = outcomes.coverage(now, village)
    assert village.size.tolist() == [4, 0, 3, 1, 4]  # men, women, two occupations, one community
    assert outcomes.FLAGS == ("registered", "active", "paying")
    closely(found[:, 2].tolist(), [1.0, 2 / 3, 1 / 3])
    closely(found[:, 3].tolist(), [0.0, 0.0, 0.0])
    assert np.isnan(found[:, 1]).all()  # there are no women
    closely(found[:, 4].tolist(), [0.75, 0.5, 0.25])


def test_cover_without_a_registration_is_counted_all_the_same():
    found = outcomes.coverage(people(2, marks=[ACTIVE, 0]), places([1, 2]))
    assert found[:, 0].tolist() == [0.0, 0.5, 0.0]


def measured_groups(workers: int, communities: int, marks) -> dict:
    """{(measure, group_kind, group): value} of the family "groups" of workers who are spread over communities."""
    kinds = {kind: len(names) for kind, names in group_names(["farmer"], communities).items()}
    codes = {kind: np.zeros(workers, np.int64) for kind in kinds} | {"community": np.arange(workers) * communities // workers}
    village = Traits({kind: (codes[kind], kinds[kind]) for kind in kinds}, np.arange(workers))
    look = SimpleNamespace(now=people(workers, marks=marks), course=SimpleNamespace(places=village))
    family = FAMILIES["groups"]
    return dict(zip(family.keys(Layout(("farmer",), (), communities)), family.values(look), strict=True))


def test_spread_between_communities():
    found = measured_groups(8, 4, [ACTIVE, ACTIVE, ACTIVE, 0, 0, 0, 0, 0])
    closely([found["active_share", "community", c] for c in "0123"], [1.0, 0.5, 0.0, 0.0])
    closely(found["community_sd", *ALL], np.std([1.0, 0.5, 0.0, 0.0], ddof=1))
    assert found["workers", "sex", "male"] == 8 and ("workers", "community", "0") not in found
    assert math.isnan(measured_groups(8, 1, [0] * 8)["community_sd", *ALL])  # one community has no spread


def test_many_communities_are_not_listed(monkeypatch):
    monkeypatch.setattr(outcomes, "MOST_COMMUNITIES", 3)
    found = measured_groups(4, 4, [0] * 4)
    assert not [key for key in found if key[1] == "community"] and found["community_sd", *ALL] == 0.0


# ------------------------------------------------------------------ equity


def test_fractional_rank_shares_the_rank_of_equals():
    closely(fractional_rank(np.array([30, 10, 20, 20])).tolist(), [3.5 / 4, 0.5 / 4, 2 / 4, 2 / 4])


@pytest.mark.parametrize("n, k", [(10, 1), (10, 3), (7, 7), (1, 1)])
def test_concentration_index_closed_form(n, k):
    """Cover for the k richest of n: 1 - k / n; for the k poorest: the negative."""
    rank = fractional_rank(np.arange(n))
    covered = np.arange(n) >= n - k
    closely(outcomes.concentration_index(covered, rank), 1 - k / n)
    closely(outcomes.concentration_index(covered[::-1], rank), k / n - 1)


def test_concentration_index_is_twice_the_covariance_over_the_mean():
    rng = np.random.default_rng(3)
    income, covered = rng.integers(1, 30, 500), rng.random(500) < 0.3
    rank = fractional_rank(income)
    closely(outcomes.concentration_index(covered, rank), 2 * np.cov(covered, rank, bias=True)[0, 1] / covered.mean())
    assert math.isnan(outcomes.concentration_index(np.zeros(500, bool), rank))


def test_erreygers_index_is_in_coverage():
    closely(outcomes.equity(np.array([False, False, False, True]), fractional_rank(np.arange(4))), (0.75, 4 * 0.25 * 0.75))


# ------------------------------------------------------------------ staying


def test_due_steps_follow_the_calendar():
    days = calendar(30)
    due = outcomes.due_steps(days)
    date = lambda k: days.dates[due[k, 0]] if due[k, 0] < days.steps else None  # noqa: E731
    assert date(0) == dt.date(2018, 1, 1)
    assert [date(k) for k in (1, 2, 11, 12, 13)] == [
        dt.date(2018, 2, 5), dt.date(2018, 3, 5), dt.date(2018, 12, 3), dt.date(2019, 1, 7), dt.date(2019, 2, 4)
    ]  # fmt: skip
    third_week = [days.dates[step] for step in due[:3, 3]]  # 22 January + 28 days = 19 February: March
    assert third_week == [dt.date(2018, 1, 22), dt.date(2018, 3, 5), dt.date(2018, 4, 2)]
    assert due[1, -1] == days.steps


def test_persistency_is_by_date_of_stopping():
    days = calendar(30)
    table = outcomes.due_steps(days)
    due = table[:, 0]
    last = days.steps - 1
    member = REGISTERED | ACTIVE
    rows = [  # first week, first stop, stop, marks, source: kept?
        (0, -1, -1, member, Source.PEER),  # kept
        (0, -1, due[13], REGISTERED, Source.PEER),  # stopped with the 14th: kept
        (0, due[13], due[13], REGISTERED, Source.PEER),  # and lapsed: kept
        (0, -1, due[12], REGISTERED, Source.PEER),  # did not pay the 13th
        (0, due[12], due[12], REGISTERED, Source.PEER),  # did not pay the 13th and lapsed
        (0, due[4], -1, member, Source.PEER),  # lapsed after four, back and covered now: the first spell counts
        (0, due[4], due[20], REGISTERED, Source.PEER),  # a second stop does not hide the first
        (0, -1, -1, member, Source.BASELINE),  # member from before: not in the cohort
        (-1, -1, -1, 0, Source.NONE),  # never joined, or a newcomer in a leaver's place
        (last - 30, -1, -1, member, Source.PEER),  # registered too late to tell
    ]
    first, lapsed, stop, marks, source = map(list, zip(*rows))
    now = people(len(rows), last, 0, first_week=first, first_stop=lapsed, stop_week=stop, marks=marks, first_source=source)
    share, cohort = outcomes.persistency(now, table[12])
    assert cohort == 7
    closely(share, 3 / 7)
    before = Snapshot(int(due[12]) - 1, 0, now.table)  # the 13th is not yet due
    share, cohort = outcomes.persistency(before, table[12])
    assert cohort == 0 and math.isnan(share)


def test_stops_by_contribution():
    days = calendar(8)
    table = outcomes.due_steps(days)
    due = table[:, 0]
    n = 6
    now = people(
        n, int(due[4]), 0, first_week=[0] * 5 + [-1], stop_week=[-1, due[1], due[1], due[3], due[2] + 1, -1],
        first_source=[Source.PEER] * n, marks=[REGISTERED] * 5 + [0],
    )  # fmt: skip
    risk, stopped = outcomes.stops(now, table)
    assert risk[:5].tolist() == [5, 3, 3, 1, 0]  # the sixth contribution is not due yet
    assert stopped[:5].tolist() == [2, 0, 2, 0, 0]  # a stop between two due dates counts with the next
    assert stopped.sum() == (now["stop_week"] >= 0).sum()


def test_stock_retention_follows_the_same_people():
    paying = REGISTERED | ACTIVE | PAID_OWN
    before = people(5, marks=[paying, paying, paying, REGISTERED | ACTIVE, 0])
    now = people(5, marks=[REGISTERED | ACTIVE, REGISTERED, 0, REGISTERED | ACTIVE, paying])
    now.table["risk"][2] += 0.5  # the third has left: in neither number
    payers = np.flatnonzero(before.paying)
    closely(outcomes.stock_retention(payers, before.keep(*IDENTITY, rows=payers), now), 1 / 2)
    assert math.isnan(outcomes.stock_retention(payers[:0], before.keep(*IDENTITY, rows=payers[:0]), now))


def test_joined_since_needs_a_registration_in_the_run():
    now = people(4, burn_in=0, first_week=[0, 0, 5, -1], first_source=[Source.BASELINE, Source.PEER, Source.PEER, Source.PEER])
    assert now.joiners.tolist() == [1, 2] and now.joined.tolist() == [0, 5]
    assert people(2, burn_in=10, first_week=[9, 10]).joiners.tolist() == [1]


# ------------------------------------------------------------------ adopters, understanding, events


def test_adopter_categories_fill_in_order_of_registration():
    n = 40  # places: 1, 5.4, 13.6, 13.6, 6.4
    first = np.full(n, -1)
    first[:8] = [107, 106, 105, 104, 103, 102, 101, 90]
    village = places(np.arange(n), income_fifth=[k * 5 // n for k in range(n)])
    found = outcomes.adopters(people(n, burn_in=100, first_week=first, marks=np.where(first >= 0, REGISTERED, 0)), village)
    count, week, women, fifth = zip(*found)
    assert count == (1, 5, 2, 0, 0)
    closely(week, (0, 3, 6.5, math.nan, math.nan))
    closely(women, (0, 0, 0, math.nan, math.nan))
    closely(fifth, (1, 1, 1, math.nan, math.nan))


def test_adopters_of_a_category_are_described_by_their_own_traits():
    rng = np.random.default_rng(5)
    n = 300
    first = np.where(rng.random(n) < 0.7, rng.integers(80, 190, n), -1)
    village = places(np.arange(n), income_fifth=rng.integers(0, 5, n))
    village.groups["sex"][0][:] = rng.integers(0, 2, n)
    found = outcomes.adopters(people(n, burn_in=100, first_week=first, marks=np.where(first >= 0, REGISTERED, 0)), village)
    order = sorted(np.flatnonzero(first >= 0), key=lambda i: (first[i], i))
    edges = np.array([0, 0.025, 0.16, 0.5, 0.84, 1.0]) * n
    for k, row in enumerate(found):
        who = [i for place, i in enumerate(order) if edges[k] < place + 0.5 <= edges[k + 1]]
        if who:
            sex, fifths = village.groups["sex"][0][who], village.groups["income_fifth"][0][who] + 1
            closely(row, (len(who), np.median(np.maximum(0, first[who] - 100)), sex.mean(), fifths.mean()))
        else:
            assert row[0] == 0 and np.isnan(row[1:]).all()
    assert sum(row[0] for row in found) == len(order) and found[3][0] > 0


def test_understanding_before_and_after_is_of_the_same_people():
    start = people(4, understanding=[0.125, 0.25, 0.5, 0.375])
    now = people(4, burn_in=100, understanding=[0.5, 0.75, 0.875, 0.375], reached_week=[120, 99, 130, -10000])
    now.table["value"][2] = -1.0  # a newcomer
    assert outcomes.same_people(start, now) == [(1, 0.125, 0.5), (2, 0.3125, 0.5625)]


def test_attempts_that_failed_and_shares_of_channels():
    total = np.zeros(len(Event), np.int64)
    total[Event.ATTEMPTS], total[Event.FAILURES], total[Event.CASH_FAILURES] = 10, 3, 1
    family = FAMILIES["events"]
    found = dict(zip(family.keys(None), family.values(SimpleNamespace(events=total)), strict=True))
    assert found["attempts", *ALL] == 10 and found["failures", *ALL] == 3 and found["claims_paid", *ALL] == 0
    closely(found["attempt_failure_share", *ALL], 0.4)
    assert math.isnan(family.values(SimpleNamespace(events=total * 0))[-1])
    joined = np.zeros((2, len(Source)), np.int64)
    joined[0, Source.PEER], joined[0, Source.VISIT], joined[1, Source.AGENT] = 3, 1, 4
    found = outcomes.channels(joined)
    closely([found["first_channel_share"][k] for k in (Source.PEER, Source.VISIT, Source.AGENT)], [0.75, 0.25, 0.0])
    assert found["last_channel"][Source.AGENT] == 4 and sum(found["last_channel"]) == 4
    assert math.isnan(outcomes.channels(joined * 0)["first_channel_share"][Source.PEER])


# ------------------------------------------------------------------ money


def books() -> np.ndarray:
    table = np.zeros((2, 3, len(Item), len(Payer)), np.int64)  # levers: a visit paid by the branch, agents; no lever
    table[0, 0, Item.CONTACT, Payer.BRANCH], table[1, 0, Item.SUBSIDY, Payer.VILLAGE] = 1_000, 500
    table[1, 1, Item.COMMISSION, Payer.SCHEME], table[1, 1, Item.FIXED, Payer.SCHEME] = 70, 30
    table[0, 1, Item.SUBSIDY, Payer.GROUP] = 9
    table[0, -1, Item.CONTRIBUTION, Payer.WORKER], table[0, -1, Item.CONTRIBUTION, Payer.TIES] = 4_000, 200
    table[1, -1, Item.CLAIM, Payer.SCHEME] = 10_000
    return table


def test_kinds_of_money_add_up_to_the_books():
    found = ledger.money(books().sum(axis=0))
    assert found == {
        "campaign_rp": 1_500, "commission_rp": 70, "scheme_rp": 30, "group_rp": 9, "worker_rp": 0, "levers_rp": 1_609, "subsidies_rp": 509,
        "contributions_rp": 4_200, "ties_rp": 200, "paid_in_rp": 4_709, "claims_rp": 10_000,
    }  # fmt: skip
    assert found["levers_rp"] + found["contributions_rp"] + found["claims_rp"] == books().sum()


def test_cost_of_a_result_is_missing_where_there_is_none():
    counts = {"registrations": 10, "new_person_months": 50.0, "retained": 0}
    found = ledger.costs(books().sum(axis=0), counts)
    closely([found[f"campaign_per_{x}_rp"] for x in ("registered", "person_month", "retained")], [150.0, 30.0, math.nan])
    closely([found[f"levers_per_{x}_rp"] for x in ("registered", "person_month", "retained")], [160.9, 32.18, math.nan])
    closely(found["claims_ratio"], 10_000 / 4_709)
    assert ledger.by_lever(books().sum(axis=0)) == [1_500, 109]
    assert math.isnan(ledger.costs(books()[0] * 0, counts)["claims_ratio"])


def test_entries_of_a_ledger_are_all_that_is_not_zero():
    table = np.random.default_rng(1).integers(-2, 3, (3, 4, len(Item), len(Payer)))
    found = ledger.entries(table)
    assert found.dtype == np.int64 and (found[:, 4] != 0).all() and len(found) == np.count_nonzero(table)
    assert [tuple(row[:4]) for row in found.tolist()] == [tuple(place) for place in np.argwhere(table).tolist()]
    assert (table[tuple(found[:, :4].T)] == found[:, 4]).all()


def test_ledger_as_a_tidy_table():
    parameters = load("ajibarang", overrides=["start=2025-01-31", "campaign.levers.perisai.start=2025-01-31"]).parameters  # one lever
    table = np.zeros((3, 2, len(Item), len(Payer)), np.int64)
    table[2, 0, Item.COMMISSION, Payer.SCHEME], table[0, 1, Item.CONTRIBUTION, Payer.WORKER] = 7, 5
    frame = ledger.frame(ledger.entries(table), parameters)
    assert frame.to_dict("records") == [
        {"month": 0, "date": dt.datetime(2025, 1, 1), "lever": "(no lever)", "item": "contribution", "payer": "worker", "rupiah": 5},
        {"month": 2, "date": dt.datetime(2025, 3, 1), "lever": "perisai", "item": "commission", "payer": "scheme", "rupiah": 7},
    ]
    assert ledger.totals(frame, "payer").to_dict("records") == [{"payer": "scheme", "rupiah": 7}, {"payer": "worker", "rupiah": 5}]
    assert ledger.frame(ledger.entries(table * 0), parameters).empty


# ------------------------------------------------------------------ a real run


CASES = {
    "lerep": [],
    "kadugenep": [],
    "hessa": [],
    "bunutin": [],
    "ajibarang": [],
    "relief": ["start=2026-01-01", "until=2027-01-01"],
}


@pytest.fixture(scope="module", params=CASES)
def finished(request):
    name = "ajibarang" if request.param == "relief" else request.param
    scenario = load(name, overrides=[*SMALL, *CASES[request.param]])
    run = world.build(scenario.parameters, 5, 0)
    start = snapshot(run)
    run.advance()
    return run, start, scenario


def test_people_and_money_are_conserved(finished):
    run, _, _ = finished
    assert outcomes.problems(run) == [] and ledger.problems(run) == []
    counts = run.village.counts.sum(axis=1)
    assert (counts[:, :8].sum(axis=1) == run.people.workers).all() and counts[-1, Measure.REGISTERED] > 0
    assert ledger.money(run.village.ledger.sum(axis=0))["paid_in_rp"] > 0


def test_weekly_table_is_what_was_recorded(finished):
    run, _, scenario = finished
    table = outcomes.weekly(run)
    frame = outcomes.weekly_frame(table, scenario.parameters)
    v, first = run.village, run.calendar.burn_in
    assert list(frame) == ["week", "date", *outcomes.WEEKLY] and len(frame) == run.calendar.steps - first
    assert frame["date"].dt.date.tolist() == run.calendar.dates[first:]
    assert (frame[outcomes.STAGES].sum(axis=1) == run.people.workers).all()
    assert frame["registrations"].tolist() == v.events[first:, Event.REGISTRATIONS].tolist()
    assert frame["knowledge_to_persuasion"].sum() == v.passages[first:, Stage.KNOWLEDGE, Stage.PERSUASION].sum() > 0
    assert frame.filter(like="_to_").to_numpy().sum() == v.passages[first:].sum()
    now = snapshot(run)
    last = frame.iloc[-1]
    levels = outcomes.tally(now)
    assert [last[name] for name in outcomes.FLAGS] == [outcomes.counts(levels)[name] for name in outcomes.FLAGS]
    counted = [k for k in range(len(levels)) if k not in (Measure.UNDERSTANDING, Measure.TRUST)]
    assert outcomes.levels(run)[counted].tolist() == levels[counted].tolist() and levels[Measure.ACTIVE] > 0
    assert last["understanding"] == pytest.approx(now["understanding"].mean(), abs=2e-5) and last["trust"] == pytest.approx(
        now.trust.mean(), abs=2e-5
    )


def test_everyone_who_registered_is_here_or_has_left(finished):
    run, start, _ = finished
    now = snapshot(run)
    registrations = run.village.events[run.calendar.burn_in :, Event.REGISTRATIONS].sum()
    gone = ~now.same_person(start)
    exits = run.village.events[run.calendar.burn_in :, Event.NEWCOMERS].sum()
    assert 0 < gone.sum() <= exits  # who left after having come in the run is counted twice among the exits
    assert 0 < len(now.joiners) <= registrations
    assert not (start.registered & ~gone)[now.joiners].any()


def test_values_of_a_run_agree_with_its_weekly_table():
    scenario = load("lerep", overrides=SMALL, until="2019-10-16")
    found = one(scenario.parameters, 5, 0, months=(4, 12), observed=scenario.observed)
    values, frame = found["values"], outcomes.weekly_frame(found["weekly"], scenario.parameters)
    assert found["problems"] == [] and {key[1] for key in values} == {"0", "4", "12", "end"}
    ends = {"4": dt.date(2018, 12, 1), "12": dt.date(2019, 8, 1), "end": dt.date(2019, 10, 16)}
    for month, day in ends.items():
        past = frame[frame["date"].dt.date < day]
        for name in outcomes.FLAGS:
            assert values[name, month, *ALL] == past[name].iloc[-1]
        for name in outcomes.EVENTS:
            assert values[name, month, *ALL] == past[name].sum()
        closely(values["active_person_months", month, *ALL], past["active"].sum() * 7 / 30.4375)
        assert values["joined_since", month, *ALL] + values["left_since", month, *ALL] == past["registrations"].sum()
        channels = sum(x for key, x in values.items() if key[:2] == ("last_channel", month))
        assert channels == past["registrations"].sum() + past["reentries"].sum()
        assert 0 < values["new_person_months", month, *ALL] < values["active_person_months", month, *ALL]
    award = frame[frame["date"].dt.date <= dt.date(2018, 12, 5)]
    assert found["observed"] == [award["registered"].iloc[-1]]
    money = dict.fromkeys(("campaign_rp", "levers_rp"), 0)
    for _, lever, _, payer, rupiah in found["ledger"].tolist():
        if lever < len(scenario.parameters.campaign.levers):
            money["levers_rp"] += rupiah
            money["campaign_rp"] += rupiah * (payer <= Payer.COMPANY)
    assert money == {name: values[name, "end", *ALL] for name in money} and money["campaign_rp"] > 0
    assert 0 < values["campaign_rp", "4", *ALL] < values["campaign_rp", "end", *ALL]
    closely(values["campaign_per_registered_rp", "end", *ALL], money["campaign_rp"] / frame["registrations"].sum())


def test_values_that_need_the_past_agree_with_a_run_followed_week_by_week():
    scenario = load("kadugenep", overrides=[*SMALL, "village.workers=1500"])
    told = {"date": dt.date(2018, 3, 1), "kind": "share", "value": 0.1, "source": "test", "grade": "guess"}
    seen = [Observation(measure=measure, **told) for measure in ("active", "understanding")]
    found = one(scenario.parameters, 5, 0, months=(24,), observed=seen)
    run = world.build(scenario.parameters, 5, 0)
    past = {}
    for day in run.calendar.dates[run.calendar.burn_in :]:
        run.advance(run.week + 1)
        past[day] = snapshot(run)
    until = lambda day: [x for d, x in past.items() if d < day][-1]  # noqa: E731
    year, end = until(dt.date(2018, 7, 16)), until(dt.date(2019, 7, 16))
    new = sum(x.active[x.joiners].sum() for d, x in past.items() if d < dt.date(2019, 7, 16)) * 7 / 30.4375
    at = lambda name: found["values"][name, "24", *ALL]  # noqa: E731
    assert at("new_person_months") == pytest.approx(new, rel=0.01) and new > 1000  # earlier members are followed by months
    assert at("retained") == end.active[end.joiners].sum() > 0
    assert at("campaign_per_retained_rp") == at("campaign_rp") / at("retained")
    who = year.paying & np.logical_and.reduce([year[name] == end[name] for name in ("value", "risk", "understanding_start")])
    assert at("stock_retention_12") == end.active[who].mean() and 0 < at("stock_retention_12") < 1
    spring = [x for d, x in past.items() if d <= dt.date(2018, 3, 1)][-1]
    assert found["observed"] == pytest.approx([spring.active.mean(), spring["understanding"].mean()], abs=2e-5)


def test_staying_agrees_with_the_workers_followed_week_by_week():
    """Persistency and stops from one snapshot, against the history of every worker and dates counted by hand."""
    run = world.build(load("kadugenep", overrides=[*SMALL, "village.workers=1500"]).parameters, 5, 0)
    first, dates = run.calendar.burn_in, run.calendar.dates
    past = []
    for step in range(first, run.calendar.steps + 1):
        run.advance(step)
        past.append((run.village.workers["marks"].copy(), run.village.workers["stage"].copy()))
    marks, stage = (np.array(x) for x in zip(*past))
    opens = [d for d, before in zip(dates[1:], dates) if d.month != before.month]
    kept, cohort, stops = 0, 0, {}
    for i in np.flatnonzero((marks[-1] & REGISTERED > 0) & (run.village.workers["first_source"] != Source.BASELINE)):
        out = np.flatnonzero(marks[:, i] & REGISTERED == 0)
        if len(out) == 0:
            continue  # registered in the burn-in
        joined = out[-1] + 1  # row 0 is the state before the first week
        active, lapsed = marks[joined:, i] & ACTIVE > 0, np.flatnonzero(stage[joined:, i] == Stage.LAPSED)
        spell = active[: lapsed[0] + 1] if len(lapsed) else active
        ends = np.flatnonzero(spell[:-1] & ~spell[1:]) + 1
        stopped = None if spell[-1] else dates[first + joined - 1 + ends[-1]]
        later = [d for d in opens if d >= dates[first + joined - 1] + dt.timedelta(days=28)]
        if len(later) >= 12:
            cohort += 1
            kept += stopped is None or stopped > later[11]
        if stopped is not None:
            stops[later.index(stopped) + 2] = stops.get(later.index(stopped) + 2, 0) + 1
    now, due = snapshot(run), outcomes.due_steps(run.calendar)
    assert cohort > 50 and 0 < kept < cohort
    assert outcomes.persistency(now, due[12]) == (kept / cohort, cohort)
    risk, stopped = outcomes.stops(now, due)
    assert {k: n for k, n in enumerate(stopped.tolist(), start=2) if n} == stops
    assert risk[0] > risk[5] > stopped[5]


def test_new_person_months_are_all_of_them_where_nobody_was_a_member_before():
    nobody = ["village.baseline_coverage_share=0.0", "village.start_coverage_share=0.0", "burn_in_weeks=0"]
    values = one(load("lerep", overrides=[*SMALL, *nobody], until="2019-08-01").parameters, 5, 0)["values"]
    assert values["registered", "0", *ALL] == 0 and values["new_person_months", "end", *ALL] > 100
    closely(values["new_person_months", "end", *ALL], values["active_person_months", "end", *ALL])


def test_every_measure_is_documented():
    values = one(load("kadugenep", overrides=SMALL).parameters, 5, 0)["values"]
    assert {key[0] for key in values} == set(outcomes.MEASURES)
    assert all(len(x) == 3 and x[0] and x[2] for x in outcomes.MEASURES.values())


def test_levels_at_a_date():
    parameters = load("desa", until="2018-02-01").parameters
    table = np.zeros((5, len(outcomes.WEEKLY)), np.int64)
    table[:, Stage.UNAWARE], table[:, Stage.KNOWLEDGE] = [9, 8, 7, 6, 5], [1, 2, 3, 4, 5]
    table[:, Measure.REGISTERED], table[:, Measure.UNDERSTANDING] = range(5), 327_680
    at = lambda day, measure="registered": outcomes.at_date(table, measure, dt.date(2018, *day), parameters)  # noqa: E731
    assert [at((1, 1)), at((1, 7)), at((1, 8)), at((2, 4)), at((2, 5))] == [0, 0, 1, 4, 4]
    assert math.isnan(at((2, 6))) and math.isnan(outcomes.at_date(table, "active", dt.date(2017, 12, 31), parameters))
    assert at((1, 9), "aware") == 2 and at((1, 9), "understanding") == 0.5


# ------------------------------------------------------------------ the checks can fail


def tampered(change):
    limits = ["campaign.budget_rp=2000000000", "campaign.monthly_ceiling_rp=1000000000"]
    scenario = load("kadugenep", overrides=[*SMALL, *limits])
    run = world.build(scenario.parameters, 5, 0)
    run.advance()
    assert outcomes.problems(run) == [] and ledger.problems(run) == []
    change(run.village, [lever.name for lever in scenario.parameters.campaign.levers].index)
    return outcomes.problems(run) + ledger.problems(run)


def add(table, place, what):
    table[place] += what


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda v, at: add(v.counts, (40, 0, Stage.UNAWARE), 1), "do not sum"),
        (lambda v, at: add(v.counts, (40, 0, Measure.PAYING), 400), "more paying"),
        (lambda v, at: add(v.passages, (40, Stage.UNAWARE, Stage.CONFIRMATION), 1), "unaware to confirmation"),
        (lambda v, at: add(v.events, (40, Event.NEWCOMERS), 1), "newcomers"),
        (lambda v, at: add(v.events, (40, Event.REGISTRATIONS), 1), "channels"),
        (lambda v, at: v.workers["first_week"].__setitem__(slice(None), 100), "joined since"),
        (lambda v, at: add(v.ledger, (0, at("gapura"), Item.FIXED, Payer.BRANCH), -(10**9)), "negative"),
        (lambda v, at: add(v.ledger, (0, at("coupons"), Item.GIFT, Payer.VILLAGE), 50_000), "coupons: gift booked to village"),
        (lambda v, at: add(v.ledger, (0, -1, Item.CLAIM, Payer.WORKER), 8_000_000), "claim booked to worker"),
        (lambda v, at: add(v.ledger, (0, at("coupons"), Item.COMMISSION, Payer.SCHEME), 100), "coupons: commission"),
        (lambda v, at: add(v.ledger, (0, at("coupons"), Item.COMMISSION, Payer.BRANCH), 100), "coupons: commission booked to branch"),
        (lambda v, at: add(v.ledger, (0, at("coupons"), Item.GIFT, Payer.BRANCH), 1), "no multiple of 50,000"),
        (lambda v, at: add(v.ledger, (0, at("gapura"), Item.CONTACT, Payer.BRANCH), 100), "no multiple of 0"),
        (lambda v, at: add(v.ledger, (0, at("gapura"), Item.FIXED, Payer.BRANCH), 15_000_000), "more than planned"),
        (lambda v, at: add(v.ledger, (3, -1, Item.CONTRIBUTION, Payer.WORKER), 16_800), "month 3:"),
        (lambda v, at: add(v.events, (40, Event.PAYMENTS_OWN), 1), "paid in"),
        (lambda v, at: add(v.ledger, (3, at("registration"), Item.REGISTRATION, Payer.BRANCH), 2 * 10**9), "of a budget"),
        (lambda v, at: add(v.ledger, (3, at("registration"), Item.REGISTRATION, Payer.BRANCH), 10**9), "in month 3, the ceiling"),
        (lambda v, at: add(v.ledger, (3, -1, Item.CLAIM, Payer.SCHEME), 10**9), "claims for"),
    ],
)
def test_tampered_books_are_found(change, text):
    assert any(text in problem for problem in tampered(change)), tampered(change)


@settings(max_examples=60, deadline=None)
@given(
    first=st.dates(dt.date(2017, 6, 1), dt.date(2020, 6, 1)), days=st.one_of(st.none(), st.integers(0, 900)), months=st.integers(1, 30),
    start=st.dates(dt.date(2018, 1, 1), dt.date(2018, 12, 31)),
)  # fmt: skip
def test_fixed_costs_are_those_of_the_calendar_months_in_which_a_lever_runs(first, days, months, start):
    lever = Lever(name="one", start=first, end=days if days is None else first + dt.timedelta(days), cost=Cost(fixed_rp=7, monthly_rp=100))
    parameters = load("desa").parameters.model_copy(update={"start": start, "campaign": Campaign(levers=[lever])})
    opens = ledger.first_days(parameters, months)
    runs = [
        day
        for day, after in zip(opens, ledger.first_days(parameters, months + 1)[1:])
        if after > first and (lever.end is None or day <= lever.end)
    ]
    table = np.zeros((2, len(Item), len(Payer)), np.int64)
    table[0, Item.FIXED, Payer.BRANCH] = 7 + 100 * len(runs)
    assert ledger._units(table, parameters, months) == []
    table[0, Item.FIXED, Payer.BRANCH] += 1
    assert ledger._units(table, parameters, months) == [f"one: {8 + 100 * len(runs):,} fixed, more than planned"]

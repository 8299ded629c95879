"""Same past, different policy: a branch without change goes on as if nothing had been, another campaign meets the past it should."""

import datetime as dt
import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_exactness import EVERYTHING, rich
from test_properties import one_lever, scenarios
from worlds import START, lever, parameters

from experiments import branch as past
from experiments import compare
from experiments.running import replicate
from scenarios.loader import load
from simulation import branch, kernel, ledger, outcomes, world
from simulation.branch import fork, restore, state, switched
from simulation.parameters import Behavior, Campaign, InputError, Lever
from simulation.stages import Item

SOLVED = ["village.median_value_rp=27000.0", "village.forget_prob=0.02", "village.start_coverage_share=0.04", "burn_in_weeks=30"]
CASES = ("lerep", "kadugenep", "hessa", "ajibarang", "bunutin")
SCRATCH = {"words", "priority", "misfortunes"}
TABLES = [name for name in kernel.Village._fields if name not in SCRATCH]
WEEK = dt.timedelta(days=7)


def campaign(*levers, **keys) -> Campaign:
    return Campaign(levers=list(levers), **keys)


#: every mechanism, and not money enough for any of them
LEVERS = [
    lever("session", contact=dict(channel="session", attendance=30, helps=True), cost=dict(event_rp=100_000, contact_rp=25_000)),
    lever("office", procedure=dict(form_prob=0.9), cost=dict(fixed_rp=2_500_000, monthly_rp=900_000)),
    *EVERYTHING[1:],
]


def tight(workers=150, weeks=40):
    return rich(workers, weeks).model_copy(update={"campaign": campaign(*LEVERS, budget_rp=40_000_000, monthly_ceiling_rp=2_600_000)})


def differing(a, b, folded=0) -> list[str]:
    """Tables and columns in which two worlds differ. `folded`: weeks whose counts are compared by their totals over groups."""
    out = [] if a.week == b.week else ["week"]
    for name in TABLES:
        one, two = np.asarray(getattr(a.village, name)), np.asarray(getattr(b.village, name))
        if name == "claims":
            one, two = one[: a.village.day["claims"][0]], two[: b.village.day["claims"][0]]
        if name == "counts":
            out += [] if np.array_equal(one[:folded].sum(axis=1), two[:folded].sum(axis=1)) else ["counts, totals"]
            one, two = one[folded:], two[folded:]
        columns = one.dtype.names
        out += [f"{name}.{c}" for c in columns or () if not np.array_equal(one[c], two[c])]
        out += [name] if one.shape != two.shape or (not columns and not np.array_equal(one, two)) else []
    return out


def ran(p, seed=1, replicate=0):
    w = world.build(p, seed, replicate)
    w.advance()
    return w


def ran_on(w):
    w.advance()
    return w


def built(p, week, seed=1):
    w = world.build(p, seed)
    w.advance(week)
    return w


def under(p, *levers, **keys):
    return p.model_copy(update={"campaign": campaign(*levers, **keys)})


def digest(w) -> str:
    """As `replicate.one` has it."""
    return hashlib.sha256(outcomes.weekly(w).tobytes() + ledger.entries(w.village.ledger).tobytes()).hexdigest()


def moments(w) -> dict[str, int]:
    """Weeks at which a branch could go wrong."""
    c = w.calendar
    opens = np.flatnonzero(c.month_start[c.burn_in + 8 :]) + c.burn_in + 8
    return {"start": c.burn_in, "soon": c.burn_in + 3, "before a month": int(opens[0]), "after its first step": int(opens[0]) + 1,
            "middle": (c.burn_in + c.steps) // 2, "last step": c.steps - 1, "end": c.steps}  # fmt: skip


# ------------------------------------------------------------------ no change


def test_whatever_a_run_changes_is_state():
    """Found out from the kernel, not from the list: a new table or column that a run writes must be handed over."""
    changed = {}
    for p in (rich(), tight(), load("lerep", overrides=[*SOLVED, "village.workers=400"]).parameters):
        w = world.build(p, 1)
        w.advance()
        fresh = world.assemble(w.parameters, 1, 0)
        for name in kernel.Village._fields:
            one, two = np.asarray(getattr(w.village, name)), np.asarray(getattr(fresh.village, name))
            columns = [c for c in one.dtype.names or () if not np.array_equal(one[c], two[c])]
            if columns or (not one.dtype.names and not np.array_equal(one, two)):
                changed.setdefault(name, set()).update(columns)
    assert changed.pop("levers") == set(branch.LEVER_SUMS) and changed.pop("agents") <= set(branch.AGENT_STATE)
    assert not changed.pop("workers") & set(branch.OF_TARGETS)
    assert set(changed) - SCRATCH == {"public", "day", "claims", "ledger", "events", "passages", "counts"}


@pytest.mark.parametrize("case", CASES)
def test_a_branch_without_change_goes_on_as_the_unbroken_run(case):
    p = load(case, overrides=SOLVED).parameters
    whole, base = ran(p), world.build(p, 1)
    made = replicate.one(p, 1, 0)["digest"]
    for moment, week in moments(base).items():
        base.advance(week)
        same = fork(base, p)
        assert differing(same, base) == [], moment
        assert differing(ran_on(same), whole) == [] and digest(same) == made, moment
    assert differing(base, whole) == []  # and the forks have left no trace in the world they came from


@pytest.mark.parametrize("p", [rich(), tight(), tight(workers=400, weeks=60)], ids=["rich", "tight", "larger"])
def test_the_same_with_every_mechanism_and_short_money(p):
    whole, base = ran(p), world.build(p, 1, burn_in=False)
    for week in (0, 5, *sorted(moments(base).values())):
        base.advance(week)
        assert differing(ran_on(fork(base, p)), whole) == [], week


def test_a_fork_of_a_fork_of_a_fork():
    w = built(tight(), 14)
    for week in (17, 22, 23, 30):
        w = fork(w, tight())
        w.advance(week)
    assert differing(ran_on(w), ran(tight())) == []


def test_the_original_is_untouched_and_forks_are_independent():
    base = built(tight(), 25)
    before = {name: np.array(getattr(base.village, name)) for name in kernel.Village._fields}
    one, two = fork(base, tight()), fork(base, tight())
    for a in (one, two):
        shared = [n for n in ("workers", "public", "day", "levers", "agents", "ledger", "events", "passages", "counts", "claims")
                  if np.shares_memory(getattr(a.village, n), getattr(base.village, n))]  # fmt: skip
        assert shared == []
    one.advance()
    for name, table in before.items():
        assert np.array_equal(table, getattr(base.village, name)), name
    assert differing(two, base) == [] and differing(ran_on(two), one) == []
    assert one.people is base.people and one.network is base.network


# ------------------------------------------------------------------ another campaign


CAMPAIGNS = {
    "none": campaign(), "everything": rich().campaign, "short": tight().campaign,
    "no limit": campaign(*EVERYTHING), "backwards": campaign(*EVERYTHING[::-1], budget_rp=30_000_000),
    "agents": campaign(lever("a", agents=dict(number=3, visits_per_week=4)), lever("b", agents=dict(number=1, visits_per_week=9))),
    "sponsors": campaign(lever("s", sponsor=dict(share=0.7, term_months=2, renewal_prob=0.4), payer="village"), lever("t", sponsor=dict(share=1.0))),
    "groups": campaign(lever("g", group=dict(membership="arisan", every_weeks=2, fund_months=2)), lever("c", channel=dict(kind="group_fund"))),
    "waste": campaign(lever("w", channel=dict(kind="waste_bank")), lever("f", price=dict(months=2), target=dict(membership=["waste_bank"]))),
    "later": campaign(lever("l", start=START + 9 * WEEK, contact=dict(channel="media", weekly_prob=0.3), target=dict(sex=["female"]))),
}  # fmt: skip


@pytest.mark.parametrize("past", ["none", "short", "waste"])
def test_at_the_start_any_campaign_meets_the_past_it_would_have_had(past):
    base = world.build(rich().model_copy(update={"campaign": CAMPAIGNS[past]}), 1)
    for name, new in CAMPAIGNS.items():
        p = rich().model_copy(update={"campaign": new})
        w = fork(base, p)
        fresh = world.build(p, 1)
        # what is left of the money is reckoned anew at the beginning of each step, from what was spent
        assert set(differing(w, fresh, folded=fresh.week)) <= {"day.left_rp", "day.spent_out"}, name
        assert differing(ran_on(w), ran_on(fresh), folded=fresh.calendar.burn_in) == [], name
        assert digest(w) == digest(fresh)


@pytest.mark.parametrize("case", CASES)
def test_at_the_start_of_a_shipped_case_too(case):
    cases = [load(case, overrides=SOLVED).parameters, load(case, campaigns=["none"], overrides=SOLVED).parameters]
    for before, p in (cases, cases[::-1]):
        w = ran_on(fork(world.build(before, 2, 3), p))
        assert digest(w) == digest(ran(p, 2, 3)) == replicate.one(p, 2, 3)["digest"]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(), scenarios(), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_random_villages(p, other, seed, part):
    """A fork of a random world at a random week equals the unbroken run; at the start, the world built for the other campaign."""
    base, whole = world.build(p, seed, 0), ran(p, seed)
    other = p.model_copy(update={"campaign": other.campaign})
    try:
        fresh = world.build(other, seed, 0)
    except InputError:
        fresh = None  # more agents than candidates
    if fresh:
        assert differing(ran_on(fork(base, other)), ran_on(fresh), folded=base.week) == []
    base.advance(base.week + int(part * (base.calendar.steps - base.week)))
    assert differing(ran_on(fork(base, p)), whole) == []
    assert differing(ran_on(restore(base.parameters, seed, 0, state(base))), whole) == []


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(), st.lists(one_lever, max_size=3), st.integers(0, 2**32 - 1), st.floats(0, 1), st.randoms())
def test_random_futures(p, more, seed, part, random):
    """With other levers from a week on: the past holds, and without a limit on money all is as if the levers had always been planned."""
    levers = sorted(p.campaign.levers, key=lambda x: x.start)
    p = under(p, *levers)
    base = world.build(p, seed, 0)
    week = base.calendar.burn_in + int(part * (base.calendar.steps - base.calendar.burn_in))
    base.advance(week)
    begun = [k for k in range(len(levers)) if base.village.plan["running"][:week, k].any()]
    kept = [levers[k] for k in begun]
    if kept and base.village.plan["running"][week - 1, begun[-1]]:  # one of those that run is ended now
        kept[-1] = kept[-1].model_copy(update={"end": branch._day(base, week) - dt.timedelta(days=1)})
    first = branch._day(base, week)
    for k, (_, length, parts) in enumerate(more):
        for name in [name for name in ("agents", "requirement", "contact") if name in parts][1:]:
            del parts[name]
        start = first + dt.timedelta(days=random.randrange(60))
        end = None if length is None else start + dt.timedelta(days=length)
        kept.append(Lever.model_validate(dict(name=f"new{k}", start=start, end=end, **parts)))
    new = under(p, *kept)
    try:
        fresh = world.build(new, seed, 0)
    except InputError:
        return  # more agents than candidates, or too many offers at once
    w = fork(base, new)
    assert differing(ran_on(w), ran_on(fresh), folded=week) == []


def test_levers_that_change_places_are_known_by_their_names():
    p = tight()
    base = built(p, 31)
    have = {name: base.village.workers[name] for name in ("offer", "listed", "denied_claim", "denied_contact")}
    assert (have["offer"] >= 0).any() and (have["listed"] > 0).any() and have["denied_claim"].any() and have["denied_contact"].any()
    money = dict(budget_rp=p.campaign.budget_rp, monthly_ceiling_rp=p.campaign.monthly_ceiling_rp)
    extra = [lever("z", start=START + 60 * WEEK, gift=dict(value_rp=1)), lever("y", start=START + 25 * WEEK, leaders=dict(kinds=["group"]))]
    moved = under(p, extra[0], *LEVERS[::-1], extra[1], **money)
    there = fork(base, moved)
    number = {x.name: k for k, x in enumerate(moved.campaign.levers)}
    v, new = base.village, there.village
    for a, one in enumerate(LEVERS):
        b = number[one.name]
        assert np.array_equal(v.ledger[:, a], new.ledger[:, b])
        assert all(v.levers[name][a] == new.levers[name][b] for name in branch.LEVER_SUMS)
        assert np.array_equal(v.workers["listed"] == a, new.workers["listed"] == b)
        for table, names in branch.LEVER_SETS.items():
            for name in names:
                assert np.array_equal(*(getattr(x, table)[name] >> np.uint64(k) & np.uint64(1) for x, k in ((v, a), (new, b))))
        offers = [np.flatnonzero(x.offers["lever"] == k) for x, k in ((v, a), (new, b))]
        if len(offers[0]):
            assert np.array_equal(v.workers["offer"] == offers[0][0], new.workers["offer"] == offers[1][0])
    assert v.ledger.sum() == new.ledger.sum() and v.day["off"] != new.day["off"]
    back = fork(there, p)
    assert differing(back, base, folded=31) == [] and differing(ran_on(back), ran(p), folded=31) == []


def test_who_was_denied_is_not_denied_for_ever_once_money_is_free():
    base = built(tight(), 31)
    w = fork(base, under(tight(), *LEVERS))
    assert base.village.workers["denied_claim"].any() and base.village.workers["denied_contact"].any()
    assert not w.village.workers["denied_claim"].any() and not w.village.workers["denied_contact"].any()
    owed = base.village.levers["owed_once_rp"][1]
    assert owed > 0 and ran_on(w).village.ledger[:, 1, Item.FIXED].sum() >= owed  # what was owed is paid now


def test_a_new_budget_binds_from_now_on_and_what_was_spent_and_promised_counts():
    base = built(under(rich(), *EVERYTHING), 31)
    day, paid = base.village.day[0], lambda w: w.village.ledger[:, :, :, :4].sum()
    least = int(day.spent_rp + day.committed_rp)
    assert day.spent_rp == paid(base) < least
    for budget in (least, least + 5_000_000):
        w = ran_on(fork(base, under(rich(), *EVERYTHING, budget_rp=budget)))
        assert paid(base) < paid(w) <= budget and ledger.problems(w) == []
    assert paid(w) > least
    for limit, low in (("budget_rp", least), ("monthly_ceiling_rp", int(day.obligation_rp))):
        with pytest.raises(InputError, match=f"campaign.{limit} = .*promised Rp .*allowed: {low:_} or more"):
            fork(base, under(rich(), *EVERYTHING, **{limit: low - 1}))
    w = ran_on(fork(base, under(rich(), *EVERYTHING, monthly_ceiling_rp=2_000_000)))
    assert w.village.ledger[7:, :, :, :4].sum(axis=(1, 2, 3)).max() <= 2_000_000 < w.village.ledger[:5, :, :, :4].sum(axis=(1, 2, 3)).min()


@pytest.mark.parametrize(("week", "then"), [(10, 2_000_000), (27, 9_000_000), (28, 9_000_000)])
def test_each_month_is_held_against_the_ceilings_of_its_own_time(week, then):
    """One that is lowered in a branch says nothing of the months before; what breaks the one then in force is seen."""
    plenty, little = (under(rich(), *EVERYTHING, monthly_ceiling_rp=most) for most in (9_000_000, 2_000_000))
    lowered = fork(built(plenty, week), little)
    raised = fork(built(little, week), plenty)
    late = fork(built(under(rich(), *EVERYTHING), week), little)  # there was none before
    back = fork(lowered, plenty)
    for w in (switched(world.build(plenty, 1), week, little), lowered, raised, late, back):
        assert ledger.problems(w) == [] == ledger.problems(ran_on(w)) == ledger.problems(restore(w.parameters, 1, 0, state(w)))
    books = lowered.village.ledger
    paid = books[:, :, :, :4].sum(axis=(1, 2, 3))
    assert (paid[1] > 2_000_000) == (week > 10) and paid[5:].max() <= 2_000_000
    for month, ceiling in ((1, then), (5, 2_000_000)):
        books[month, 1, Item.FIXED, 0] += ceiling + 1 - paid[month]
    found = [text for text in ledger.problems(lowered) if "ceiling" in text]
    assert found == [f"{c + 1:,} spent in month {m}, the ceiling is {c:,}" for m, c in ((1, then), (5, 2_000_000))]
    late.village.ledger[1, 1, Item.FIXED, 0] = 10**9
    assert ("ceiling" in str(ledger.problems(late))) == (week == 10)


def test_weekly_counts_of_another_segmentation_keep_their_totals():
    base = built(under(rich(), EVERYTHING[4], lever("f", target=dict(sex=["female"]), gift=dict(value_rp=5))), 30)
    w = fork(base, under(rich(), EVERYTHING[4], lever("f", target=dict(sex=["female"]), gift=dict(value_rp=5)),
                         lever("m", start=START + 30 * WEEK, target=dict(phone=True), contact=dict(channel="media", weekly_prob=0.2))))  # fmt: skip
    assert base.village.counts.shape[1] != w.village.counts.shape[1]
    assert np.array_equal(base.village.counts.sum(axis=1)[:30], w.village.counts.sum(axis=1)[:30])
    assert not w.village.counts[:30, 1:].any() and outcomes.problems(ran_on(w)) == [] == ledger.problems(w)
    assert np.array_equal(outcomes.weekly(w)[:20], outcomes.weekly(base))
    start = built(under(rich(), lever("f", target=dict(sex=["female"]), gift=dict(value_rp=5))), 10)
    w = fork(start, under(rich(), lever("f", target=dict(phone=True), gift=dict(value_rp=5))))  # as many groups, but of others
    assert start.village.counts.shape == w.village.counts.shape and not w.village.counts[:10, 1:].any()


# ------------------------------------------------------------------ longer


@pytest.mark.parametrize("limits", [{}, dict(billing_months=3), dict(billing_months=12), dict(billing_months=0)], ids=str)
@pytest.mark.parametrize("weeks", [(2, 2), (30, 30), (30, 17), (41, 40)], ids=str)
def test_a_run_may_be_made_longer(limits, weeks):
    """Contributions that fell due after the end were never written down: they are found again."""
    short, week = weeks
    start = START if short == 41 else dt.date(2018, 1, 10)  # then members of the first step pay in other months than who joins in it
    p = parameters(weeks=90, village=dict(workers=120, median_value_rp=40_000.0, forget_prob=0.02, start_coverage_share=0.4),
                   levers=EVERYTHING[:6], limits=limits, start=start)  # fmt: skip
    until = p.start + short * WEEK
    base = built(p.model_copy(update={"until": until}), week)
    w = fork(base, p)
    assert differing(w, built(p, week)) == [] and differing(ran_on(w), ran(p)) == []
    cut = fork(w := built(p, week), p.model_copy(update={"until": until}))  # and shorter again
    assert digest(ran_on(cut)) == digest(ran(p.model_copy(update={"until": until}))) and cut.calendar.steps < w.calendar.steps


# ------------------------------------------------------------------ what is refused


def changed(p, group, **keys):
    return p.model_copy(update={group: getattr(p, group).model_copy(update=keys)})


LATE = START + 30 * WEEK
REFUSED = {
    "village": (lambda p: changed(p, "village", workers=151), ["village.workers = 151", "past has 150", "only campaign and until"]),
    "occupation": (
        lambda p: changed(p, "village", occupations=[p.village.occupations[0], p.village.occupations[1].model_copy(update={"need_share": 0.9})]),
        ["village.occupations.b.need_share = 0.9"],
    ),
    "solved": (lambda p: changed(p, "village", forget_prob=0.5), ["village.forget_prob = 0.5"]),
    "behavior": (lambda p: changed(p, "behavior", talk_boost=3.0), ["behavior.talk_boost = 3.0", f"{Behavior().talk_boost}"]),
    "scheme": (lambda p: p.model_copy(update={"scheme": p.scheme.model_copy(update={"rules": p.scheme.rules * 2})}), ["scheme.rules"]),
    "limits": (lambda p: changed(p, "limits", claims=False), ["limits.claims = False"]),
    "start": (lambda p: p.model_copy(update={"start": p.start + WEEK}), ["start = 2018-01-08", "2018-01-01"]),
    "burn-in": (lambda p: p.model_copy(update={"burn_in_weeks": 11}), ["burn_in_weeks = 11"]),
    "until": (lambda p: p.model_copy(update={"until": p.start + 20 * WEEK}), ["until = 2018-05-21", "a day after 2018-05-21"]),
    "lever gone": (lambda p: under(p, *EVERYTHING[1:]), ["campaign.levers.session: has run since 2018-01-01 and is not in"]),
    "lever other": (
        lambda p: under(p, lever("session", contact=dict(channel="session", attendance=31, helps=True), cost=dict(event_rp=1_000_000, contact_rp=5_000)), *EVERYTHING[1:]),
        ["campaign.levers.session.contact.attendance = 31", "since 2018-01-01 with 30", "start another on 2018-05-28 or later"],
    ),
    "lever target": (
        lambda p: under(p, EVERYTHING[0], lever("media", contact=dict(channel="media", weekly_prob=0.1)), *EVERYTHING[2:]),
        ["campaign.levers.media.target.phone = None"],
    ),
    "lever ended": (
        lambda p: under(p, EVERYTHING[0].model_copy(update={"end": START + 19 * WEEK}), *EVERYTHING[1:]),
        ["campaign.levers.session: end = 2018-05-14", "the past has end = None", "2018-05-27 or later"],
    ),
    "new lever": (
        lambda p: under(p, *EVERYTHING, lever("late", start=START + 19 * WEEK, leaders=dict(kinds=["group"]))),
        ["campaign.levers.late: start = 2018-05-14", "2018-05-28 or later"],
    ),
    "other agents": (
        lambda p: under(p, lever("x", start=LATE, agents=dict(number=1, visits_per_week=1)), *EVERYTHING),
        ["campaign.levers.perisai.agents", "in the order of start"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_the_same_past_is_refused(what):
    change, texts = REFUSED[what]
    base = built(under(rich(), *EVERYTHING), 31)  # 21 steps after the start: 2018-05-28 comes next
    with pytest.raises(InputError) as error:
        fork(base, change(base.parameters))
    assert all(text in str(error.value) for text in texts), str(error.value)
    with pytest.raises(InputError):
        switched(world.build(under(rich(), *EVERYTHING), 1), 31, change(base.parameters))


def test_what_says_nothing_about_the_past_may_change():
    base = built(under(rich(), *EVERYTHING), 31)
    ends = EVERYTHING[0].model_copy(
        update={"end": START + 21 * WEEK - dt.timedelta(days=1), "title": "t", "source": "s", "grade": "expert"}
    )
    w = ran_on(fork(base, under(rich(), ends, *EVERYTHING[1:], lever("now", start=START + 21 * WEEK, leaders=dict(kinds=["group"])))))
    assert w.village.ledger[:, 0, 1].sum() == base.village.ledger[:, 0, 1].sum() > 0  # events: none since
    absent = base.parameters.village.model_copy(update={"median_value_rp": None, "forget_prob": None})
    taken = fork(base, base.parameters.model_copy(update={"village": absent}))
    assert taken.parameters == base.parameters


def test_a_lever_that_ended_stays_as_it_was():
    over = lever("over", end=START + 10 * WEEK, contact=dict(channel="media", weekly_prob=0.3))
    base = built(under(rich(), over), 31)
    for end in (START + 9 * WEEK, START + 20 * WEEK, None):
        with pytest.raises(InputError, match="campaign.levers.over: end = .*allowed: the same"):
            fork(base, under(rich(), over.model_copy(update={"end": end})))
    # one that ended with the last step may go on
    on = built(under(rich(), over.model_copy(update={"end": None})), 31)
    just = built(under(rich(), over.model_copy(update={"end": START + 21 * WEEK - dt.timedelta(days=1)})), 31)
    assert differing(ran_on(fork(just, on.parameters)), ran_on(on)) == []


# ------------------------------------------------------------------ on disk, and from the start on


@pytest.mark.parametrize("week", [0, 10, 33, 50])
def test_a_state_written_and_read_is_the_world(week):
    w = world.build(rich(), 5, 7, burn_in=False)
    w.advance(week)
    file = io.BytesIO()
    np.savez_compressed(file, **state(w))
    file.seek(0)
    read = dict(np.load(file, allow_pickle=False))
    again = restore(w.parameters, 5, 7, read)
    assert differing(again, w) == []
    assert differing(ran_on(again), ran_on(w)) == []
    copied = restore(w.parameters, 5, 7, read)
    assert copied.week == week  # the state read was copied, not taken over


def test_a_state_for_other_parameters_is_refused():
    kept = state(built(rich(), 25))
    for other in (rich(workers=151), under(rich(), *EVERYTHING[:-1]), rich(weeks=10)):
        with pytest.raises(InputError, match="does not fit"):
            restore(world.build(other, 1).parameters, 1, 0, kept)
    with pytest.raises(InputError, match="counts"):
        restore(rich(), 1, 0, {name: part for name, part in kept.items() if name != "counts"})


@pytest.mark.parametrize("week", [10, 27, 50])
def test_a_world_that_lives_through_its_past_is_measured_from_its_start(week, monkeypatch):
    """The measures of a branch that look back to the start are those of a run that had the levers planned all along."""
    past = under(rich(), *EVERYTHING[:8], lever("dropped", start=START + (week - 9) * WEEK, leaders=dict(kinds=["group"])))
    new = under(rich(), *EVERYTHING[:8], lever("more", start=START + (week - 10) * WEEK, contact=dict(channel="session", weekly_prob=0.4)))
    base = world.build(past, 1)
    before = state(base)
    for p in (new, past):
        expected = replicate.one(p, 1, 0, months=(2, 6))
        with monkeypatch.context() as patch:
            patch.setattr(replicate, "build", lambda *_, p=p: switched(base, week, p))
            got = replicate.one(p, 1, 0, months=(2, 6))
        assert got["digest"] == expected["digest"] and got["problems"] == []
        np.testing.assert_equal(got["values"], expected["values"])
    assert all(np.array_equal(before[name], part) for name, part in state(base).items())
    w = switched(base, week, new)
    w.advance(week)
    assert w.parameters.campaign == new.campaign and differing(w, fork(built(past, week), new), folded=week) == []


@pytest.mark.parametrize("week", [10, 27, 49])
def test_another_budget_binds_from_the_branch_on(week):
    p = tight()
    more = p.model_copy(update={"campaign": p.campaign.model_copy(update={"budget_rp": 50_000_000, "monthly_ceiling_rp": None})})
    base = world.build(p, 1)
    w = switched(base, week, more)
    assert (w.parameters.campaign == more.campaign) == (week == base.week)
    w.advance(week - 1)
    w.advance()
    assert w.parameters == more and differing(w, ran_on(fork(built(p, week), more))) == []
    assert week == base.week or differing(w, ran(more)) != []
    less = p.model_copy(update={"campaign": p.campaign.model_copy(update={"budget_rp": 1})})
    if week > base.week:
        w = switched(base, week, less)  # known only when it comes to that
        with pytest.raises(InputError, match="campaign.budget_rp = 1"):
            w.advance()


def test_a_world_cannot_switch_outside_of_its_run_nor_with_levers_in_other_places():
    base = world.build(tight(), 1)
    for week in (9, 51):
        with pytest.raises(InputError, match="from 2018-01-01 to 2018-10-08"):
            switched(base, week, tight())
    money = dict(budget_rp=40_000_000, monthly_ceiling_rp=2_600_000)
    with pytest.raises(InputError, match="campaign.levers.session: stands in another place"):
        switched(base, 20, under(tight(), LEVERS[1], LEVERS[0], *LEVERS[2:], **money))


def test_what_shares_its_past():
    p = world.solve(rich())
    assert branch.same_past(p, under(p).model_copy(update={"until": START + 500 * WEEK}))
    for group, keys in (("village", dict(workers=151)), ("behavior", dict(talk_boost=3.0)), ("limits", dict(claims=False))):
        assert not branch.same_past(p, changed(p, group, **keys))


def test_codes_kept_as_bits_cover_every_set_of_levers():
    """A new column of lever bits must be renumbered with the others."""
    village = world.assemble(world.solve(rich()), 1, 0).village
    tables = {name: getattr(village, name).dtype for name in ("day", "workers")}
    bits = {(table, name) for table, kind in tables.items() for name in kind.names if kind[name] == np.uint64}
    assert bits == {(table, name) for table, names in branch.LEVER_SETS.items() for name in names}


# ------------------------------------------------------------------ experiments.branch: pasts in a folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return past.save(rich(), "2018-06-01", tmp_path_factory.mktemp("pasts") / "rich", replicates=3, seed=4)


def copied(kept, tmp_path):
    return Path(shutil.copytree(kept.folder, tmp_path / "copy"))


def edited(folder, **changes):
    path = folder / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def test_a_past_is_kept_in_a_folder(kept):
    base = world.build(rich(), 4, 2)
    base.advance(kept.week)
    assert kept.at == dt.date(2018, 6, 4) == base.calendar.dates[kept.week] and kept.replicates == 3
    assert sorted(p.name for p in kept.folder.iterdir()) == ["0000.npz", "0001.npz", "0002.npz", "state.json"]
    assert differing(kept.worlds(2), base) == []
    assert differing(ran_on(kept.worlds(2, rich())), ran(rich(), 4, 2)) == []
    new = under(rich(), *EVERYTHING, lever("more", start=kept.at, leaders=dict(kinds=["group"])))
    assert digest(ran_on(kept.worlds(1, new))) == digest(ran_on(fork(kept.worlds(1), new))) == digest(ran_on(kept.from_start(1, new)))
    assert kept.from_start(1, new).week == base.calendar.burn_in and len(kept.about["run_id"]) == 12
    same = past.past_world(rich(), dt.date(2018, 6, 1), 4, 2)
    assert differing(same, base) == []
    with pytest.raises(InputError, match="replicate = 3: .*allowed: 0 to 2"):
        kept.worlds(3)


def test_a_past_saved_twice_or_by_two_processes_is_the_same_bytes(kept, tmp_path):
    again = past.save(rich(), kept.at, tmp_path / "again", replicates=3, seed=4, processes=2)
    assert again.about["digest"] == kept.about["digest"] and again.about["run_id"] == kept.about["run_id"]
    assert past.save(rich(), "2018-10-08", tmp_path / "end", replicates=1).worlds(0).running is False
    assert past.save(rich(), "2018-01-01", tmp_path / "start", replicates=1).week == 10


def test_a_past_that_is_not_whole_is_refused_by_name(kept, tmp_path):
    folder = copied(kept, tmp_path)
    data = bytearray((folder / "0001.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "0001.npz").write_bytes(data)
    (folder / "0002.npz").unlink()
    found = past.load(folder)
    assert found.worlds(0).week == kept.week
    for number, why in ((1, "0001.npz: is truncated or damaged"), (2, "0002.npz: cannot be read")):
        with pytest.raises(InputError, match=why):
            found.worlds(number)
    (folder / "0001.npz").write_bytes(b"")
    with pytest.raises(InputError, match="0001.npz"):
        found.worlds(1)
    for change, why in (
        (dict(code="0" * 16), f"made by version {'0' * 16} of the simulation, this is {past.CODE}"), (dict(week=20), "state.json: has changed"),
        (dict(seed=5), "state.json: has changed"), (dict(files={}), "state.json: has changed"), (dict(parameters={}), "state.json: is damaged"),
        (dict(format=2), "this version of sadar"), (dict(kind="sadar run"), "this version of sadar"), (dict(complete=False), "was interrupted"),
        (dict(at="June"), "state.json: is damaged"),
        (dict(parameters=kept.about["parameters"] | {"burn_in_weeks": 11}), "state.json: has changed"),
    ):  # fmt: skip
        again = edited(copied(kept, tmp_path / str(change)[:40].replace("/", "")), **change)
        with pytest.raises(InputError, match=why):
            past.load(again)
    (folder / "state.json").write_text("{")
    for place, why in ((folder, "state.json: cannot be read"), (tmp_path, "keeps no past"), (tmp_path / "nowhere", "no such folder")):
        with pytest.raises(InputError, match=why):
            past.load(place)


def test_nothing_of_others_is_overwritten_and_an_interrupted_save_can_be_repeated(kept, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "0000.npz").write_bytes(b"of another program")
    (tmp_path / "file").write_bytes(b"")
    for place, why in (
        (kept.folder, "holds a past already"),
        (tmp_path / "mine", r"is not empty \(0000.npz\)"),
        (tmp_path / "file", "is a file"),
    ):
        with pytest.raises(InputError, match=why):
            past.save(rich(), kept.at, place)

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        past.save(rich(), kept.at, tmp_path / "half", replicates=3, seed=4, progress=stop)
    with pytest.raises(InputError, match="was interrupted"):
        past.load(tmp_path / "half")
    assert past.save(rich(), kept.at, tmp_path / "half", replicates=3, seed=4).about["digest"] == kept.about["digest"]


def test_a_past_of_people_from_a_file_needs_that_file(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("id,sex\n" + "".join(f"{k},{'female' if k % 3 else 'male'}\n" for k in range(40)))
    p = changed(rich(), "village", people_file=str(file), workers=40)
    found = past.save(p, "2018-03-01", tmp_path / "past", replicates=1)
    assert digest(ran_on(found.worlds(0))) == digest(ran(p))
    file.write_text(file.read_text().replace("1,female", "1,male"))
    with pytest.raises(InputError, match="people.csv: has changed"):
        past.load(tmp_path / "past")
    file.unlink()
    with pytest.raises(InputError, match="people.csv: is gone"):
        past.load(tmp_path / "past")


def test_campaigns_go_on_from_a_kept_past(kept, monkeypatch):
    """Case, seed and date come from the folder; the numbers are those of the same comparison without it."""
    other = under(rich(), lever("more", start=kept.at, contact=dict(channel="session", weekly_prob=0.4)))
    found = compare.compare(kept.folder, ["own", other], processes=1)
    alone = compare.compare(rich(), ["own", other], since=kept.at, seed=4, pairs=3, processes=1)
    assert found.values.shape[0] == 3 and found.values.tobytes() == alone.values.tobytes()
    assert found.provenance["digest"] == alone.provenance["digest"] and (found.of()[:, 0] != found.of()[:, 1]).any()
    assert compare.plan(str(kept.folder), ["own", other], half_width=1.0).most == 3
    for asked in (dict(pairs=4), dict(half_width=5, max_pairs=1000)):
        with pytest.raises(InputError, match=f"{[*asked][-1]} = .*: the past was kept with 3 replicates; allowed: 2 to 3, or save it"):
            compare.compare(kept, ["own", other], **asked)
    monkeypatch.setattr(past, "CODE", "0" * 16)
    with pytest.raises(InputError, match="made by version .*: save the past again"):
        compare.compare(kept.folder, ["own", other])


def test_a_past_of_one_replicate_is_none_to_compare_in(tmp_path):
    past.save(rich(), "2018-06-01", tmp_path / "one", replicates=1)
    with pytest.raises(InputError, match="kept with 1 replicate; a comparison takes 2"):
        compare.compare(tmp_path / "one", ["own", "none"])


@pytest.mark.parametrize("at", ["2017-12-31", "2018-10-09", "soon", 5, dt.date(2030, 1, 1)])
def test_a_date_outside_of_the_run_is_refused(at, tmp_path):
    with pytest.raises(InputError, match="at = .*allowed: a date"):
        past.save(rich(), at, tmp_path / "past")
    for wrong in (dict(replicates=0), dict(seed=-1), dict(replicates=2.5)):
        with pytest.raises(InputError, match=f"{next(iter(wrong))} = "):
            past.save(rich(), "2018-02-01", tmp_path / "past", **wrong)
    assert not (tmp_path / "past").exists()

"""Patterns P1 to P11 (model.md section 1): the direction of each on the default parameters. Sizes come with calibration.

Every comparison is paired: same villages, same draws, only the lever differs.
"""

import numpy as np
import pytest
from worlds import counts, events, lever, parameters, run

from simulation import world
from simulation.stages import REGISTERED, Event, LeaderKind

REPLICATES = 4
N = 1300


def outcome(levers=(), weeks=26, measure=8, village=None, behavior=None, limits=None, replicates=REPLICATES, week=-1):
    """Share of workers by replicate: `measure` (8 registered, 9 active, 10 paying) at the end of `week`."""
    setup = parameters(weeks=weeks, village=dict(workers=N) | (village or {}), behavior=behavior, limits=limits, levers=levers, burn_in=52)
    return np.array([counts(run(setup, replicate=r))[week, measure] / N for r in range(replicates)])


def gain(levers, **how):
    """Mean paired gain over no campaign, in percentage points."""
    return 100 * (outcome(levers, **how) - outcome((), **how)).mean()


SESSIONS = lever("sessions", contact=dict(channel="session", weekly_prob=0.05))
KIT = lever("kit", contact=dict(channel="kit", weekly_prob=0.5))


def knowledge(levers, village=None):
    setup = parameters(weeks=26, village=dict(workers=N) | (village or {}), levers=levers, burn_in=52)
    c = counts(run(setup))
    return 1 - c[-1, 0] / N, c[-1, 11] / 65536 / N


def test_p1_information_alone_raises_knowledge_and_hardly_enrollment():
    aware, _ = knowledge((KIT,))
    before, _ = knowledge(())
    assert aware - before > 0.3
    assert -0.5 < gain((KIT,)) < 4.0


def test_p1_it_works_face_to_face_where_people_misunderstand():
    assert gain((SESSIONS,)) > gain((KIT,)) + 1.0 and gain((SESSIONS,)) > 3 * gain((KIT,))
    context = dict(median_value_rp=50_000.0, forget_prob=0.02, start_coverage_share=0.03)
    poorly = gain((SESSIONS,), village=dict(context, understanding_mean=0.25))
    # those who understand already have nothing to learn: same value to an informed worker, no gap to close
    well = gain((SESSIONS,), village=dict(context, understanding_mean=0.95, understanding_spread=0.0, misbelief_share=0.0, median_value_rp=50_000.0 * np.exp(-0.854)))
    assert poorly > well


def test_p2_knowledge_travels_along_ties():
    """Sessions for half of the communities: the other half learns through ties, and not at all without."""
    half = lever("half", contact=dict(channel="session", weekly_prob=0.05), target=dict(community=list(range(0, 40, 2))))

    def aware_elsewhere(levers, **village):
        context = dict(workers=N, median_value_rp=45_000.0, forget_prob=0.02, start_coverage_share=0.03)
        w = run(parameters(weeks=26, village=context | village, levers=levers, burn_in=20))
        elsewhere = w.people.community % 2 == 1
        return (w.village.workers["stage"][elsewhere] > 0).mean()

    assert aware_elsewhere((half,)) > aware_elsewhere(()) + 0.03
    alone = dict(degree_mean=0.0, linking_share=0.0, village_linking_share=0.0)
    assert aware_elsewhere((half,), **alone) == aware_elsewhere((), **alone)


def test_p2_enrollment_of_others_persuades_only_where_it_is_public():
    village = dict(baseline_coverage_share=0.15, baseline_awareness_share=0.5)
    unseen = lever("unseen", publicity=dict(visibility_share=0.0))
    seen = lever("seen", publicity=dict(visibility_share=1.0))
    assert np.array_equal(outcome((SESSIONS, unseen), village=village), outcome((SESSIONS,), village=village))
    assert (outcome((SESSIONS, seen), village=village) - outcome((SESSIONS,), village=village)).mean() > 0.005


def test_p3_a_price_cut_works_where_price_is_near_what_people_would_pay():
    half = lever("half_price", price=dict(discount_share=0.5, months=12, known_share=1.0))

    def effect(value):
        village = dict(median_value_rp=value, forget_prob=0.02, start_coverage_share=0.03)
        return (outcome((SESSIONS, half), village=village) - outcome((SESSIONS,), village=village)).mean()

    near, far = effect(50_000.0), effect(5_000.0)
    assert near > 0.05 and near > 2 * far


def test_p4_taking_money_at_the_moment_of_income_beats_a_discount_and_a_gift():
    at_source = lever("harvest", channel=dict(kind="harvest"))
    discount = lever("discount", price=dict(discount_share=0.3, months=3, known_share=1.0))
    gift = lever("gift", gift=dict(value_rp=16_800))
    # the same three months for the discount, one month's price for the gift (KE-CANE: one premium)
    best = gain((SESSIONS, at_source))
    assert best > gain((SESSIONS, discount)) + 1.0
    assert best > gain((SESSIONS, gift)) + 1.0


def test_p5_most_attempts_fail_and_help_works_as_far_as_it_removes_that():
    w = run(parameters(weeks=26, village=dict(workers=N), levers=[SESSIONS], burn_in=52))
    e = events(w)
    assert (e[Event.FAILURES] + e[Event.CASH_FAILURES]) / e[Event.ATTEMPTS] > 0.5
    helped = lever("sessions", contact=dict(channel="session", weekly_prob=0.05, helps=True))
    assert gain((helped,)) > gain((SESSIONS,)) + 1.0
    # where the papers are what fails, help with the form mends nothing
    paperless = dict(documents_prob=0.0, median_value_rp=45_000.0, forget_prob=0.02, start_coverage_share=0.0)
    assert gain((helped,), village=paperless) == 0.0


FREE = lever("free", price=dict(months=3, known_share=0.0))


def test_p6_enrollment_falls_when_the_subsidy_ends_and_less_so_where_members_learn():
    def remaining(learning):
        behavior = dict(learning_share=learning)
        village = dict(median_value_rp=45_000.0, forget_prob=0.02, start_coverage_share=0.0)
        stop = lever("sessions", contact=dict(channel="session", weekly_prob=0.1, events=8))
        during = outcome((stop, FREE), week=12, weeks=60, measure=9, behavior=behavior, village=village).mean()
        after = outcome((stop, FREE), week=40, weeks=60, measure=9, behavior=behavior, village=village).mean()
        return during, after

    during, after = remaining(0.02)
    assert after < 0.7 * during
    _, learnt = remaining(0.06)
    _, unlearnt = remaining(0.0)
    assert learnt > unlearnt


def test_p7_lapse_is_front_loaded():
    """Stops among self-payers who joined in the run, dated at the first unpaid month."""
    first = later = at_risk_first = at_risk_later = 0
    for r in range(REPLICATES):
        w = run(parameters(weeks=104, village=dict(workers=N), levers=[lever("s", contact=dict(channel="session", weekly_prob=0.1, events=20))], burn_in=52), replicate=r)
        a = w.village.workers
        mine = (a["first_week"] >= w.calendar.burn_in) & (a["first_week"] < w.calendar.steps - 53)
        stop = np.where(a["first_stop"] >= 0, a["first_stop"], np.where(a["stop_week"] >= 0, a["stop_week"], 10**6))
        age = (stop - a["first_week"])[mine]
        first += (age <= 13).sum()
        at_risk_first += len(age)
        later += ((age > 39) & (age <= 52)).sum()
        at_risk_later += (age > 39).sum()
    assert at_risk_first > 100
    assert first / at_risk_first > 1.5 * later / at_risk_later
    assert 0.15 < (first + 0) / at_risk_first < 0.7


def reached_by_leaders(kind, village):
    setup = parameters(weeks=17, village=dict(workers=N, median_value_rp=45_000.0, forget_prob=0.02, start_coverage_share=0.03) | village, burn_in=10,
                       levers=[lever("leaders", leaders=dict(kinds=[kind]))])  # fmt: skip
    return np.mean([1 - counts(run(setup, replicate=r))[-1, 0] / N for r in range(REPLICATES)])


def test_p8_a_leaders_position_matters():
    near = reached_by_leaders("community_head", dict(linking_share=0.6))
    far = reached_by_leaders("community_head", dict(linking_share=0.05))
    assert near > far + 0.05


def test_p8_the_title_does_not():
    """Religious and group leaders with the same ties: swapping the titles moves no digit."""
    village = dict(workers=600, religious_leaders=3, group_leaders=3, median_value_rp=45_000.0, forget_prob=0.02, start_coverage_share=0.03)
    setup = parameters(weeks=20, village=village, levers=[lever("leaders", leaders=dict(kinds=["religious"]))])
    one = run(setup)
    swapped = world.build(parameters(weeks=20, village=village, levers=[lever("leaders", leaders=dict(kinds=["group"]))]), 1, 0)
    kinds = one.people.leader_kind
    assert (kinds == LeaderKind.RELIGIOUS).sum() == (kinds == LeaderKind.GROUP).sum() == 3
    swapped.village.leader_on[:] = one.village.leader_on
    swapped.advance()
    assert np.array_equal(one.village.workers["stage"], swapped.village.workers["stage"])


def test_p9_claims_paid_in_sight_raise_demand_and_refused_ones_lower_it():
    village = dict(accident_per_1000_year=150.0, baseline_coverage_share=0.15, baseline_awareness_share=0.5, median_value_rp=60_000.0, forget_prob=0.02, start_coverage_share=0.2)
    paid = lever("ceremony", publicity=dict(announces_claims=True), service=dict(claim_refused_share=0.0, claim_days_mean=1.0))
    refused = dict(village, claim_refused_share=1.0)
    base = outcome((SESSIONS,), weeks=52, village=village)
    assert (outcome((SESSIONS, paid), weeks=52, village=village) - base).mean() > 0.005
    assert (outcome((SESSIONS,), weeks=52, village=refused) - base).mean() < -0.002


def spread(levers, weeks=140, **behavior):
    """Cumulative share of final awareness-driven adoption, four-month periods; nobody forgets, nobody lapses (IN-MF43 set-up)."""
    village = dict(workers=N, median_value_rp=400_000.0, forget_prob=0.0, start_coverage_share=0.0, baseline_awareness_share=0.01, misbelief_share=0.0, never_share=0.5)
    limits = dict(billing_months=0, claims=False, turnover=False)
    setup = parameters(weeks=weeks, village=village, behavior=dict(self_persuasion_prob=0.3, compare_prob=0.5) | behavior, limits=limits, levers=levers)
    curve = np.mean([counts(run(setup, replicate=r))[:, 8] / N for r in range(REPLICATES)], axis=0)
    return curve / curve[-1]


def test_p10_leaders_told_first_give_a_concave_curve_and_without_a_push_it_is_slow_and_s_shaped():
    told = lever("leaders", leaders=dict(kinds=["village_head", "community_head", "religious", "group"]))
    pushed, quiet = spread((told,)), spread((), weeks=400, talk_boost=1.0)  # without a push it takes years
    periods = np.diff(np.concatenate([[0.0], pushed[17::17]]))
    assert periods[0] == periods.max() and periods[0] > 1.3 * periods[1] > 1.3 * periods[2], "leaders told first: the curve should be concave"
    assert quiet[17] < 0.5 * pushed[17] and quiet[34] < 0.5 * pushed[34], "without a push it should be slow"
    steps = np.diff(quiet[::8])
    assert 0 < np.argmax(steps) < len(steps) - 1, "without a push growth should first rise, then fall"


def excess(**behavior) -> float:
    """Variance of registered shares between places of some 40 workers, over what people's own draws give."""
    ratios = []
    for r in range(8):
        w = run(parameters(weeks=26, village=dict(workers=N, median_value_rp=60_000.0, forget_prob=0.02, start_coverage_share=0.0), behavior=behavior, levers=[SESSIONS]), replicate=r)
        joined, community = (w.village.workers["marks"] & REGISTERED) > 0, w.people.community
        size = np.bincount(community)
        share, whole = (np.bincount(community, weights=joined) / size)[size > 30], joined.mean()
        ratios.append(share.var(ddof=1) / (whole * (1 - whole) * np.mean(1 / size[size > 30])))
    return float(np.mean(ratios))


def test_p11_places_differ_more_than_peoples_draws_explain():
    assert excess() > 1.5
    assert excess(community_sd_ratio=0.0) < 1.3


@pytest.mark.parametrize("key", ["session", "talk", "visit"])
def test_repeated_contact_buys_timing_more_than_conversion(key):
    """Stated in the ODD: the second contact adds far less than the first."""
    once = gain((lever("c", contact=dict(channel=key, weekly_prob=0.03)),), weeks=52)
    thrice = gain((lever("c", contact=dict(channel=key, weekly_prob=0.09)),), weeks=52)
    assert once > 0 and thrice < 3 * once

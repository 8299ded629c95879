"""The production kernel in limiting settings, against mathematics: SI, Bass, geometric lapse, certainty, isolation, monotony."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import CERTAIN, PLAIN, QUIET, counts, events, lever, parameters, run, same

from simulation.assembly import first_dues
from simulation.stages import ENROLLED, Event, Stage
from simulation.timeline import NEVER

SPREAD = dict(talk_boost=1.0, talk_aware_prob=0.0)
OFF = dict(billing_months=0, join_on_hearing=True, **QUIET)


def files(tmp_path, n, edges, seeds):
    """People and ties on disk: workers 0..n-1, ties of weight 1, `seeds` enrolled."""
    people, ties = tmp_path / "people.csv", tmp_path / "ties.csv"
    people.write_text("id,enrolled,aware\n" + "".join(f"{i},{int(i in seeds)},0\n" for i in range(n)))
    ties.write_text("source,target,weight\n" + "".join(f"{a},{b},1\n" for a, b in edges))
    return dict(PLAIN, people_file=str(people), ties_file=str(ties), linking_share=0.0, village_linking_share=0.0)


def layers(n, edges, seeds):
    """Distance of every node from the seeds (breadth first)."""
    near = {i: set() for i in range(n)}
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    distance, queue = {s: 0 for s in seeds}, deque(seeds)
    while queue:
        i = queue.popleft()
        for j in near[i] - distance.keys():
            distance[j] = distance[i] + 1
            queue.append(j)
    return distance


@given(st.integers(5, 40), st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_si_with_certain_transmission_is_breadth_first_search(tmp_path_factory, n, salt):
    rng = np.random.default_rng(salt)
    edges = [(i, i + 1) for i in range(n - 1)] + [tuple(sorted(rng.choice(n, 2, replace=False).tolist())) for _ in range(n)]
    seeds = {int(rng.integers(n))}
    village = files(tmp_path_factory.mktemp("si"), n, edges, seeds)
    w = run(parameters(weeks=n, village=village, behavior=dict(SPREAD, talk_enrolled_prob=1.0), limits=OFF))
    expected = layers(n, edges, seeds)
    joined = w.village.workers["joined_week"]
    for i in range(n):
        assert joined[i] == (0 if i in seeds else expected[i] - 1 if i in expected else -1)


def test_si_rate_on_one_tie_is_the_passing_chance(tmp_path):
    """2,000 separate pairs, one end enrolled: the other joins after a geometric time with the chance per week and tie."""
    pairs, q = 2000, 0.2
    edges = [(2 * k, 2 * k + 1) for k in range(pairs)]
    village = files(tmp_path, 2 * pairs, edges, {2 * k for k in range(pairs)})
    w = run(parameters(weeks=10, village=village, behavior=dict(SPREAD, talk_enrolled_prob=q), limits=OFF))
    joined = w.village.workers["joined_week"][1::2]
    for week in range(4):
        share = (joined[joined != -1] <= week).sum() / pairs
        expected = 1 - (1 - q) ** (week + 1)
        assert abs(share - expected) < 4 * (expected * (1 - expected) / pairs) ** 0.5


def test_bass_on_complete_mixing(tmp_path):
    """Everybody tied to everybody: the mean curve follows the discrete Bass recursion within four standard errors."""
    n, p, q, weeks = 150, 0.01, 0.15, 40
    edges = [(i, j) for i in range(n) for j in range(i)]
    village = files(tmp_path, n, edges, set())
    media = lever(contact=dict(channel="media", weekly_prob=p))
    setup = parameters(weeks=weeks, village=village, behavior=dict(SPREAD, talk_enrolled_prob=q / n), limits=OFF, levers=[media])
    curves = np.array([counts(run(setup, replicate=r))[:, 9] / n for r in range(30)])
    share, expected = 0.0, []
    for _ in range(weeks):
        share += (1 - share) * (1 - (1 - p) * (1 - q / n) ** (n * share))
        expected.append(share)
    error = curves.std(axis=0, ddof=1) / len(curves) ** 0.5
    # the recursion is the limit of many people; 1.5 points allow for 150
    assert np.all(np.abs(curves.mean(axis=0) - expected) < 4 * error + 0.015)
    assert curves[:, -1].mean() > 0.6


def test_pass_once_with_certainty_reaches_the_same_layers(tmp_path):
    edges = [(i, i + 1) for i in range(9)]
    village = files(tmp_path, 10, edges, {0})
    w = run(parameters(weeks=12, village=village, behavior=dict(SPREAD, talk_enrolled_prob=1.0), limits=dict(OFF, pass_once=True)))
    # the seed joined in step 0 by declaration, so it speaks in step 1, and everybody one step after having joined
    assert w.village.workers["joined_week"].tolist() == [0, *range(1, 10)]


def test_threshold_rule_spreads_where_the_share_is_reached(tmp_path):
    """Star: the hub joins when half of its leaves have; leaves (threshold 1) follow the hub."""
    village = files(tmp_path, 5, [(0, k) for k in range(1, 5)], {1, 2})
    people = tmp_path / "people.csv"
    people.write_text("id,enrolled,aware,threshold\n0,0,0,0.5\n1,1,0,1\n2,1,0,1\n3,0,0,1\n4,0,0,1\n")
    w = run(parameters(weeks=4, village=village, limits=dict(OFF, threshold=True)))
    assert w.village.workers["joined_week"].tolist() == [0, 0, 0, 1, 1]
    people.write_text("id,enrolled,aware,threshold\n0,0,0,0.51\n1,1,0,1\n2,1,0,1\n3,0,0,1\n4,0,0,1\n")
    assert counts(run(parameters(weeks=4, village=village, limits=dict(OFF, threshold=True))))[-1, 9] == 2


def test_lapse_and_silence_per_step_are_geometric():
    p = 0.1
    village = dict(PLAIN, workers=4000, degree_mean=0.0, linking_share=0.0, village_linking_share=0.0, start_coverage_share=1.0)
    w = run(parameters(weeks=10, village=village, limits=dict(OFF, lapse_prob=p)))
    share = counts(w)[:, 9] / 4000
    expected = (1 - p) ** np.arange(1, 11)
    assert np.all(np.abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000))


def test_forgetting_alone_makes_lapse_geometric():
    """Constant chance to forget, one month of grace, no habit, no cash worry: survival falls by that factor each due month."""
    f, n = 0.2, 5000
    village = dict(PLAIN, workers=n, start_coverage_share=1.0, degree_mean=0.0, linking_share=0.0, village_linking_share=0.0)
    behavior = dict(forget_start_prob=f, forget_floor_prob=f, solidarity_prob=0.0, recompare_ratio=0.0, compare_prob=0.0)
    rule = SCHEME_ONE_MONTH
    w = run(parameters(weeks=30, village=village, behavior=behavior, limits=QUIET, scheme=rule))
    weeks = w.village.weeks
    active = counts(w)[:, 9] / n
    due = np.cumsum(weeks["month_start"])
    expected = (1 - f) ** due
    assert np.all(np.abs(active - expected) < 4 * np.sqrt(expected * (1 - expected) / n) + 1e-9)


def test_certain_hazards_take_everybody_through_in_the_first_week():
    session = lever(contact=dict(channel="session", weekly_prob=1.0))
    w = run(parameters(weeks=2, village=dict(PLAIN, workers=300), behavior=CERTAIN, limits=QUIET, levers=[session]))
    assert counts(w)[0, 8] == 300
    assert set(w.village.workers["stage"]) == {Stage.IMPLEMENTATION}
    assert events(w)[Event.ATTEMPTS] == 300 and events(w)[Event.FAILURES] == 0


@pytest.mark.parametrize("zero", ["attempt_prob", "compare_prob"])
def test_a_zero_hazard_stops_everybody_there(zero):
    behavior = dict(CERTAIN, talk_enrolled_prob=0.0, talk_aware_prob=0.0, fade_prob=0.0) | {zero: 0.0}
    media = lever(contact=dict(channel="media", weekly_prob=1.0))
    w = run(parameters(weeks=6, village=dict(PLAIN, workers=300), behavior=behavior, limits=QUIET, levers=[media]))
    assert counts(w)[-1, 8] == 0
    assert set(w.village.workers["stage"]) == {Stage.DECISION if zero == "attempt_prob" else Stage.PERSUASION}


def test_who_is_asked_weighs_it_and_with_help_tries_at_once():
    """Nobody would consider it unasked (no persuasion of any kind), and nobody would try this week (attempt_prob 0)."""
    deaf = dict(CERTAIN, self_persuasion_prob=0.0, attempt_prob=0.0, institution_credibility=0.0)

    def reached(**told):
        session = lever("session", contact=dict(channel="session", weekly_prob=1.0, **told))
        w = run(parameters(weeks=1, village=dict(PLAIN, workers=50), behavior=deaf, limits=QUIET, levers=[session]))
        return np.bincount(w.village.workers["stage"], minlength=8)

    assert reached()[Stage.KNOWLEDGE] == 50
    assert reached(helps=True)[Stage.KNOWLEDGE] == 50
    assert reached(asks=True)[Stage.DECISION] == 50
    assert reached(asks=True, helps=True)[Stage.IMPLEMENTATION] == 50


def test_bands_of_a_random_share_part_the_village():
    bands = [lever(f"b{k}", target=dict(share=0.25, share_from=k / 4), contact=dict(channel="kit", weekly_prob=1.0)) for k in range(4)]
    halves = [lever(f"h{k}", target=dict(share=0.5, share_from=k / 2), sponsor=dict(share=0.5)) for k in range(2)]
    w = run(parameters(weeks=1, village=dict(workers=400), limits=QUIET, levers=bands + halves))
    segments = w.tables.segments
    assert segments.targets[:4].sum() == 400 and segments.targets[:4].min() > 60
    assert not (segments.levers & 3 == 3).any() and segments.targets[4:].sum() == 400
    for k, offer in enumerate(w.village.offers):
        draws = w.people.target_draw[w.village.lists[offer["first"] : offer["last"]]]
        assert ((draws >= k / 2) & (draws < k / 2 + 0.25)).all() and len(draws) > 60


def test_an_office_that_never_works_registers_nobody():
    session = lever(contact=dict(channel="session", weekly_prob=1.0, helps=True))
    w = run(parameters(weeks=6, village=dict(PLAIN, workers=300, documents_prob=0.0), behavior=CERTAIN, limits=QUIET, levers=[session]))
    assert events(w)[Event.REGISTRATIONS] == 0 and events(w)[Event.FAILURES] == events(w)[Event.ATTEMPTS] > 300


def test_isolated_workers_hear_nothing():
    village = dict(workers=400, degree_mean=0.0, linking_share=0.0, village_linking_share=0.0, agent_candidates_per_1000=0.0)
    w = run(parameters(weeks=52, village=village))
    assert events(w)[Event.HEARD] == 0


MONOTONE = dict(recompare_ratio=1.0, discourage_prob=0.0, fade_prob=0.0, confirm_months=1)


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.5), st.floats(0.0, 0.5), st.sampled_from(["session", "media", "talk", "kit"]), st.integers(0, 16_800))
@settings(max_examples=25, deadline=None)
def test_more_reach_and_a_lower_price_unenroll_nobody(seed, low, more, channel, gift):
    """Worker by worker, same draws, under the conditions of model.md section 9."""
    village = dict(workers=250, baseline_coverage_share=0.02, start_coverage_share=0.02, median_value_rp=25_000.0, forget_prob=0.0)
    limits = dict(QUIET, billing_months=0)

    def joined(reach, value):
        levers = [lever("reach", contact=dict(channel=channel, weekly_prob=reach))]
        levers.append(lever("gift", gift=dict(value_rp=value), target=dict(sex=["female", "male"])))
        w = run(parameters(weeks=25, village=village, behavior=MONOTONE, limits=limits, levers=levers), seed=seed)
        return np.isin(w.village.workers["stage"], ENROLLED)

    base = joined(low, 0)
    assert not np.any(base & ~joined(min(1.0, low + more), 0)), "more reach un-enrolled somebody"
    assert not np.any(base & ~joined(low, gift)), "a gift un-enrolled somebody"


def test_two_years_without_campaign_move_coverage_by_less_than_a_point():
    setup = parameters(weeks=104, village=dict(workers=3000), burn_in=104)
    gaps, levels, aware = [], [], []
    for r in range(6):
        c = counts(run(setup, replicate=r)) / 3000
        gaps.append(c[-4:, 9].mean() - c[:4, 9].mean())
        levels.append(c[:, 9].mean())
        aware.append(1 - c[:, 0].mean())
    assert abs(np.mean(gaps)) < 0.01 and max(map(abs, gaps)) < 0.02
    assert abs(np.mean(levels) - 0.03) < 0.01, "coverage is not at its target"
    assert abs(np.mean(aware) - 0.3) < 0.05, "awareness is not at its target"


def test_an_empty_campaign_and_a_lever_that_reaches_nobody_move_no_digit():
    village = dict(workers=500)
    none = run(parameters(weeks=60, village=village, burn_in=20))
    nobody = lever("nobody", contact=dict(channel="session", weekly_prob=0.9), gift=dict(value_rp=50_000), target=dict(community=[9999]))
    assert same(none, run(parameters(weeks=60, village=village, burn_in=20, levers=[nobody])))
    some = lever("some", contact=dict(channel="session", weekly_prob=0.2), price=dict(months=3), cost=dict(contact_rp=100))
    with_some = run(parameters(weeks=60, village=village, burn_in=20, levers=[some]))
    assert not same(none, with_some)
    assert same(with_some, run(parameters(weeks=60, village=village, burn_in=20, levers=[nobody, some])))


from worlds import RULE, SCHEME  # noqa: E402

SCHEME_ONE_MONTH = SCHEME.model_copy(update={"rules": [RULE.model_copy(update={"grace_months": 1})]})


def test_members_of_old_owe_next_at_any_month_of_the_first_billing_period():
    opens = np.array([0, 4, 9, 13])
    assert first_dues(np.array([0.0, 0.99]), opens, 1).tolist() == [0, 0]
    assert first_dues(np.array([0.0, 0.3, 0.6, 0.99]), opens, 3).tolist() == [0, 0, 4, 9]
    assert first_dues(np.array([0.1, 0.9]), opens, 12).tolist() == [4, NEVER]  # after the end

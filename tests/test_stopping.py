"""The statistics of comparisons: intervals cover as often as they say, stopping included, and the rule that would not is seen to fail."""

import math

import numpy as np
import pytest

from experiments.comparing.stopping import (
    FIRST,
    best_probability,
    estimate,
    moments,
    pairs_needed,
    pairs_to_tell,
    quantile,
    ratio_of_sums,
    shared,
    variance_ratio,
)

BAND = (0.93, 0.97)


def normal(rng, n):
    return rng.normal(12.0, 40.0, n)


def poisson(rng, n):
    return rng.poisson(9.0, n) - rng.poisson(6.0, n).astype(float)


def villages(rng, n):
    """What runs give: villages that differ more than counts do, and a campaign that reaches some more of the same people."""
    size = rng.negative_binomial(8, 8 / (8 + 120), n)
    without = rng.binomial(size, 0.3)
    return rng.binomial(size - without, 0.15).astype(float)


def overdispersed(rng, n):
    return rng.negative_binomial(4, 4 / (4 + 40), n) - rng.negative_binomial(4, 4 / (4 + 25), n).astype(float)


#: differences with a known mean, and half-widths for which the first stage is enough, or a third of the work, or a tenth
KNOWN = {normal: (12.0, (20, 9, 5)), poisson: (3.0, (2, 0.9, 0.5)), villages: (12.6, (3, 1.2, 0.7)), overdispersed: (15.0, (15, 6, 4))}


def stein(draw, rng, half_width, most):
    """One comparison with the two-stage rule, as `compare` does it."""
    first = draw(rng, min(FIRST, most))
    pairs = pairs_needed(first[:, None], half_width, most)
    found = estimate(np.concatenate([first, draw(rng, pairs - len(first))])[:, None], len(first))
    return pairs, float(found.low[0]), float(found.high[0])


def naive(draw, rng, half_width, most):
    """Look after every pair from the second on, and stop when the usual t interval is narrow enough: wrong."""
    x, n = draw(rng, most), np.arange(1, most + 1)
    mean = x.cumsum() / n
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.maximum(0, ((x**2).cumsum() - n * mean**2) / (n - 1)))
        half = quantile(n - 1) * sd / np.sqrt(n)
    stop = np.flatnonzero((half <= half_width) & (n >= 2))
    k = int(stop[0]) if len(stop) else most - 1
    return k + 1, mean[k] - half[k], mean[k] + half[k]


def covered(rule, draw, half_width, most, times, seed=1):
    """(share of intervals that hold the truth, mean number of pairs)."""
    rng, truth = np.random.default_rng(seed), KNOWN[draw][0]
    found = [rule(draw, rng, half_width, most) for _ in range(times)]
    return np.mean([low <= truth <= high for _, low, high in found]), np.mean([pairs for pairs, _, _ in found])


# ------------------------------------------------------------------ coverage


@pytest.mark.parametrize("size", [0, 1, 2], ids=["first stage", "some more", "many more"])
@pytest.mark.parametrize("draw", KNOWN)
def test_500_comparisons_with_sequential_stopping_cover_in_93_to_97_percent(draw, size):
    half_width = KNOWN[draw][1][size]
    share, pairs = covered(stein, draw, half_width, 10_000, 500, seed=size)
    assert BAND[0] <= share <= BAND[1]
    assert (pairs > 1.3 * FIRST) == (size > 0)  # the second stage is really there


@pytest.mark.parametrize("draw", KNOWN)
def test_500_comparisons_with_a_fixed_number_of_pairs_cover(draw):
    rng, truth = np.random.default_rng(3), KNOWN[draw][0]
    found = estimate(draw(rng, (50, 500)))  # a column each
    assert BAND[0] <= np.mean((found.low <= truth) & (truth <= found.high)) <= BAND[1]


def test_coverage_is_nominal_to_the_half_point_for_normal_differences():
    """6,000 comparisons: standard error 0.28 points."""
    share, pairs = covered(stein, normal, 9, 10_000, 6000)
    assert 0.9425 <= share <= 0.9575 and pairs > 60


def test_a_limit_on_pairs_does_not_hurt_coverage():
    """A limit below, and one above the first stage; the half-width is not met, the interval is still valid."""
    for most in (12, 45):
        share, pairs = covered(stein, normal, 3, most, 4000)
        assert pairs == most and 0.941 <= share <= 0.959


def test_stopping_when_the_interval_looks_narrow_does_not_cover():
    """What these tests would say of the naive rule: it fails them."""
    for draw, half_width in ((normal, 20), (villages, 2), (poisson, 2)):
        share, pairs = covered(naive, draw, half_width, 300, 1500)
        assert share < BAND[0] - 0.02 and pairs > 10


def test_several_comparisons_of_the_same_pairs_cover_each():
    """The number of pairs is the largest that any asks for; each interval still covers."""
    rng, held = np.random.default_rng(8), []
    mix = np.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.0, 0.3, 2.0]]) * 10
    for _ in range(3000):
        first = rng.normal(size=(FIRST, 3)) @ mix.T
        pairs = pairs_needed(first, 4.0, 10_000)
        found = estimate(np.concatenate([first, rng.normal(size=(pairs - FIRST, 3)) @ mix.T]), FIRST)
        assert found.half_width.max() <= 4.0 + 1e-12
        held.append((found.low <= 0) & (0 <= found.high))
    assert (np.abs(np.mean(held, axis=0) - 0.95) < 0.012).all()


# ------------------------------------------------------------------ the formulas


def test_number_of_pairs_and_interval_by_hand():
    """t(.975, 29) = 2.0452; the second stage moves the mean, never the width."""
    first = np.array([0.0, 20.0] * 15)
    s0 = math.sqrt(30 * 100 / 29)
    assert pairs_needed(first[:, None], 2.0, 1000) == math.ceil((2.045229642 * s0 / 2.0) ** 2) == 109
    wild = np.concatenate([first, np.full(79, 1000.0)])[:, None]
    found = estimate(wild, 30)
    assert found.mean[0] == pytest.approx((300 + 79_000) / 109)
    assert found.half_width[0] == pytest.approx(2.045229642 * s0 / math.sqrt(109)) and found.half_width[0] <= 2.0
    assert found.pairs[0] == 109 and found.freedom[0] == 29
    assert estimate(wild).half_width[0] > 50  # the usual interval of all is another


def test_pairs_are_at_least_the_first_stage_and_at_most_the_limit():
    first = np.random.default_rng(1).normal(0, 1, (FIRST, 1))
    assert pairs_needed(first, 100.0, 1000) == FIRST
    assert pairs_needed(first, 1e-9, 1000) == 1000
    assert pairs_needed(first, 1e-300, 10**9) == 10**9
    assert pairs_needed(first[:10], 100.0, 10) == 10


@pytest.mark.parametrize("value", [0.0, 0.1, 7.0])
def test_no_variance_is_no_width(value):
    found = estimate(np.full((30, 1), value))
    assert (found.low[0], found.mean[0], found.high[0], found.sd[0]) == (value, value, value, 0.0)
    assert pairs_needed(np.full((30, 1), value), 0.001, 1000) == 30


def test_pairs_without_a_value_are_left_out_and_counted():
    values = np.array([[1.0, np.nan, np.nan], [2.0, 5.0, np.nan], [3.0, 7.0, np.nan], [4.0, np.nan, 1.0]])
    count, mean, sd = moments(values)
    assert count.tolist() == [4, 2, 1] and mean.tolist() == [2.5, 6.0, 1.0]
    assert sd[:2] == pytest.approx([math.sqrt(5 / 3), math.sqrt(2)]) and math.isnan(sd[2])
    found = estimate(values)
    assert found.pairs.tolist() == [4, 2, 1] and np.isnan(found.low).tolist() == [False, False, True]
    assert found.half_width[1] == pytest.approx(12.7062 * math.sqrt(2) / math.sqrt(2), rel=1e-4)
    gaps = np.random.default_rng(1).normal(0, 10, (30, 1))
    gaps[::2] = np.nan  # twice as many pairs are needed where every second has no value
    assert pairs_needed(gaps, 1.0, 10**6) == math.ceil(2 * (2.144787 * gaps[1::2].std(ddof=1)) ** 2)
    assert pairs_needed(np.full((30, 1), np.nan), 1.0, 1000) == 30


def test_pairs_to_tell_a_difference_of_the_size_found():
    values = np.random.default_rng(2).normal(1.0, 10.0, (30, 1))
    found = estimate(values)
    enough = float(pairs_to_tell(found)[0])
    assert quantile(29) * found.sd[0] / math.sqrt(enough) <= abs(found.mean[0]) < quantile(29) * found.sd[0] / math.sqrt(enough - 1)
    assert pairs_to_tell(estimate(np.array([[1.0], [-1.0]])))[0] == math.inf


def test_variance_ratio():
    rng = np.random.default_rng(4)
    village, a, b = rng.normal(0, 3, 200_000), rng.normal(0, 1, 200_000), rng.normal(0, 2, 200_000)
    assert variance_ratio(village + a, village + b) == pytest.approx((10 + 13) / 5, rel=0.02)
    assert variance_ratio(a, b) == pytest.approx(1.0, rel=0.02)
    assert variance_ratio(a, a) == math.inf and variance_ratio(a[:3] * 0, b[:3] * 0) == math.inf
    assert math.isnan(variance_ratio(a[:1], b[:1])) and math.isnan(variance_ratio(a[:3], np.full(3, np.nan)))


# ------------------------------------------------------------------ who is best


def test_probability_of_being_best_is_that_of_the_mean():
    """For two campaigns it comes close to the normal tail of mean over standard error."""
    rng = np.random.default_rng(5)
    a = rng.normal(100, 10, 60)
    d = rng.normal(0, 5, 60)
    b = a + (d - d.mean()) + 1.0 * d.std() / math.sqrt(60)  # one standard error ahead
    found = best_probability(np.column_stack([a, b]))
    assert found.sum() == pytest.approx(1.0) and found[1] == pytest.approx(0.841, abs=0.03)
    assert best_probability(np.column_stack([a, b]), smaller=True) == pytest.approx(found[::-1])
    assert (best_probability(np.column_stack([a, b])) == found).all()  # the same luck each time


def test_equal_campaigns_share():
    rng = np.random.default_rng(6)
    a = rng.normal(100, 10, 41) / 3
    assert best_probability(np.column_stack([a, a])).tolist() == [0.5, 0.5]
    assert shared(np.array([[0.1 + 0.2, 0.3]])).tolist() == [0.5, 0.5]  # sums of the same numbers in another order
    assert best_probability(np.column_stack([a, a - 50, a, a])) == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3])
    assert shared(np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]])).tolist() == [0.25, 0.75, 0.0]
    assert shared(np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]]), smaller=True).tolist() == [0.5, 0.0, 0.5]


def test_who_has_no_value_is_not_best():
    values = np.array([[np.nan, 1.0], [np.nan, 2.0], [np.nan, np.nan]])
    assert shared(values).tolist() == [0.0, 1.0] and best_probability(values).tolist() == [0.0, 1.0]
    assert best_probability(values, smaller=True).tolist() == [0.0, 1.0]
    assert np.isnan(shared(values * np.nan)).all() and np.isnan(best_probability(values * np.nan)).all()


# ------------------------------------------------------------------ costs


def test_ratio_of_sums_is_no_mean_of_ratios():
    ratio, low, high = ratio_of_sums(np.array([100.0, 100.0, 400.0]), np.array([1.0, 1.0, 8.0]))
    assert ratio == 60.0
    without = np.array([500 / 9, 500 / 9, 200 / 2])  # leaving out each
    half = 4.302652730 * math.sqrt(2 / 3 * ((without - without.mean()) ** 2).sum())
    assert (low, high) == pytest.approx((60 - half, 60 + half))
    assert ratio_of_sums(np.full(5, 30.0), np.full(5, 2.0)) == (15.0, 15.0, 15.0)
    assert all(map(math.isnan, ratio_of_sums(np.ones(3), np.zeros(3))))
    only = ratio_of_sums(np.array([9.0, 0.0]), np.array([3.0, 0.0]))
    assert only[0] == 3.0 and math.isnan(only[1])


def test_intervals_of_costs_cover():
    rng, held = np.random.default_rng(9), []
    for _ in range(3000):
        joined = rng.negative_binomial(8, 8 / (8 + 120), 30)
        spent = 5_000_000 + 20_000 * joined + rng.normal(0, 300_000, 30)
        _, low, high = ratio_of_sums(spent, joined.astype(float))
        held.append(low <= 5_000_000 / 120 + 20_000 <= high)
    assert 0.935 <= np.mean(held) <= 0.965


# ------------------------------------------------------------------ the model itself


@pytest.mark.slow
def test_intervals_cover_the_difference_between_real_campaigns():
    """2,000 pairs of a village of 60 say what a smaller fund does; experiments of 30 pairs, and sequential ones drawn from
    the 2,000, cover it."""
    from experiments.compare import compare
    from scenarios.loader import load

    small = ["village.workers=60", "burn_in_weeks=20"]
    own = load("lerep", overrides=small, until="2019-02-01")
    more = load("lerep", overrides=[*small, "campaign.levers.waste_bank_fund.sponsor.share=0.3"], until="2019-02-01")
    values = compare(own, [own, more], outcome="active", pairs=2000, seed=11).of()
    difference = values[:, 1] - values[:, 0]
    apart = estimate(difference[:1980].reshape(66, 30).T)
    assert 0.86 <= np.mean((apart.low <= difference.mean()) & (difference.mean() <= apart.high)) <= 1.0

    def drawn(rng, n):
        return rng.choice(difference, n)

    KNOWN[drawn] = difference.mean(), ()
    for part in (2.5, 6, 12):
        share, pairs = covered(stein, drawn, difference.std() / part, 5000, 4000)
        assert BAND[0] <= share <= BAND[1]
    assert pairs > 400

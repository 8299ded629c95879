"""The statistics of calibration against answers that are known: conjugate posteriors, two modes, planted truths, refitted regressions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.calibrating import coverage as covering
from experiments.calibrating import emulate as emulating
from experiments.calibrating import identify, infer, priors, smc
from experiments.calibrating.emulate import Emulator, check, emulate, emulate_each, predict
from experiments.calibrating.likelihood import log_likelihood, normal_log_density, target
from experiments.calibrating.ridge import quadratic, relevance, ridge
from experiments.calibrating.spread import log_variance
from scenarios.errors import ScenarioError
from simulation.parameters import Behavior, InputError

BELIEFS = priors.read()


def rng_of(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def emulators(z, *tables) -> list[Emulator]:
    """In a process with one thread: on busy cores linear algebra with several takes ten times as long."""
    return emulate_each(z, tables, processes=1)


def linear(slopes, sd, correlation=None, level=0.0) -> Emulator:
    """The emulator that knows: summaries are N(level + z slopes, sd^2) with slopes [p, s]."""
    slopes = np.asarray(slopes, float)
    p, s = slopes.shape
    logs = np.full(s, 2 * np.log(sd))
    mean = (np.array([0]), np.ones(1), np.zeros((1, 1)), np.zeros((1, s)), slopes, np.full(s, level))
    scatter = (np.zeros((p + 2, s)), logs, np.stack([logs, logs]), np.zeros(s), np.ones(s))
    return Emulator(*mean, *scatter, np.eye(s) if correlation is None else np.asarray(correlation), np.ones(s), np.ones(p), 100)


def conjugate(slopes, noise, observed):
    """(mean, covariance, log evidence) of z ~ N(0, I) after observed ~ N(z slopes, noise)."""
    slopes = np.asarray(slopes, float)
    covariance = np.linalg.inv(np.eye(len(slopes)) + slopes @ np.linalg.solve(noise, slopes.T))
    evidence = stats.multivariate_normal(np.zeros(len(noise)), slopes.T @ slopes + noise).logpdf(observed)
    return covariance @ slopes @ np.linalg.solve(noise, observed), covariance, evidence


# ------------------------------------------------------------------ priors


def entry(**changes) -> priors.Prior:
    return priors.Prior(**{"shape": "uniform", "low": 1.0, "high": 4.0, "source": "test"} | changes)


ENTRIES = {
    "value_sd": entry(),
    "talk_boost": entry(shape="loguniform", low=5.0, high=60.0),
    "own_money_weight": entry(shape="normal", low=1.0, high=5.0, center=2.0, sd=1.5),
    "habit_months": entry(shape="lognormal", low=1.5, high=12.0, center=4.0, sd=0.6),
    "talk_boost_weeks": entry(low=2, high=16),
}
FOUR = priors.together(ENTRIES)
LAWS = (
    stats.uniform(1, 3), stats.loguniform(5, 60), stats.truncnorm((1 - 2) / 1.5, (5 - 2) / 1.5, 2, 1.5),
    stats.truncnorm(np.log(1.5 / 4) / 0.6, np.log(12 / 4) / 0.6, np.log(4), 0.6), stats.uniform(2, 14),
)  # fmt: skip


def test_priors_have_the_distributions_they_say():
    theta = priors.to_natural(FOUR, priors.draw(FOUR, 4096, rng_of(1)))
    theta[:, 3] = np.log(theta[:, 3])
    for column, law in zip(theta.T, LAWS):
        assert stats.kstest(column, law.cdf).statistic < 0.005  # far below chance: draws are spread evenly


@given(st.lists(st.floats(-6, 6), min_size=5, max_size=5))
def test_values_and_scores_are_two_names_of_one_thing(z):
    theta = priors.to_natural(FOUR, np.array(z))
    assert (theta >= FOUR.low).all() and (theta <= FOUR.high).all()
    assert priors.to_z(FOUR, theta) == pytest.approx(np.array(z), abs=1e-5)


def test_a_score_is_the_normal_quantile_of_the_priors_probability():
    theta = np.array([1.3, 50.0, 4.0, 6.0, 9.0])
    shares = [law.cdf(np.log(x) if k == 3 else x) for k, (law, x) in enumerate(zip(LAWS, theta))]
    assert priors.to_z(FOUR, theta) == pytest.approx(stats.norm.ppf(shares))


def test_shipped_beliefs_are_behaviors_at_their_ends_too():
    assert set(BELIEFS.names) <= set(Behavior.model_fields)
    for z in (-9.0, 0.0, 9.0, *priors.draw(BELIEFS, 50, rng_of(2))):
        theta = priors.to_natural(BELIEFS, np.broadcast_to(z, len(BELIEFS.names)))
        behavior = Behavior(**priors.as_behavior(BELIEFS, theta))
        assert isinstance(behavior.talk_boost_weeks, int)
    assert np.isfinite(priors.to_z(BELIEFS, np.stack([BELIEFS.low, BELIEFS.high]))).all()


def test_draws_are_the_seeds_and_evenly_spread():
    first, second = (priors.draw(BELIEFS, 100, rng_of(3)) for _ in range(2))
    assert (first == second).all() and first.shape == (100, len(BELIEFS.names))
    assert (priors.draw(BELIEFS, 100, rng_of(4)) != first).any()
    counts = np.histogram(stats.norm.cdf(priors.draw(BELIEFS, 64, rng_of(3))[:, 5]), np.linspace(0, 1, 65))[0]
    assert (counts == 1).all()


def test_a_value_outside_its_prior_is_refused():
    with pytest.raises(InputError, match=r"talk_boost = 61: outside its prior; allowed: from 5 to 60"):
        priors.to_z(FOUR, np.array([2.0, 61.0, 2.0, 2.0, 2.0]))
    with pytest.raises(InputError, match="5 columns"):
        priors.to_natural(FOUR, np.zeros(4))


GOOD = '[trust_weight]\nshape = "normal"\ncenter = 1.0\nsd = 0.5\nlow = 0.0\nhigh = 1.5\nsource = "guess"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("trust_weight", "trust_wait"), "trust_wait: unknown key 'trust_wait', did you mean 'trust_weight'"),
        (GOOD.replace("high = 1.5", "high = 3.5"), r"line 7: trust_weight.high = 3.5: out of range; allowed: from 0 to 3"),
        (GOOD.replace("low = 0.0", "low = 1.5"), "trust_weight.low = 1.5: an empty range; allowed: below high = 1.5"),
        (GOOD.replace('"normal"', '"lognormal"'), "trust_weight.low = 0.0: not allowed with shape 'lognormal'; allowed: above 0"),
        (GOOD.replace('"normal"', '"norml"'), "trust_weight.shape = \"norml\": .*uniform.*did you mean 'normal'"),
        (GOOD.replace('"normal"', '"uniform"'), "trust_weight.center = 1.0: has no place with shape 'uniform'"),
        (GOOD.replace("center = 1.0\n", ""), "trust_weight.center: missing; needed with shape 'normal'"),
        (GOOD.replace("center = 1.0", "center = 1.6"), "center = 1.6: not allowed; allowed: from low = 0 to high = 1.5"),
        (GOOD.replace("sd = 0.5", "sd = 0"), "trust_weight.sd = 0: not allowed; allowed: above 0"),
        (GOOD.replace("sd =", "spread ="), "trust_weight.spread: unknown key 'spread'"),
        (GOOD.replace('source = "guess"\n', ""), "trust_weight.source: missing"),
        (GOOD.replace("low = 0.0", "low = nan"), "trust_weight.low = nan: out of range; allowed: a number"),
        (GOOD.replace("low = 0.0", 'low = "0"'), 'trust_weight.low = "0": not allowed; allowed: a number.*without quotes'),
        ("trust_weight = 1.0", "trust_weight = 1.0: not allowed; allowed: a table"),
        ("", "no priors; needed: a table"),
    ],
)
def test_a_broken_file_of_priors_gets_one_clear_message(tmp_path, text, message):
    path = tmp_path / "beliefs.toml"
    path.write_text(f'kind = "priors"\n{text}')
    with pytest.raises(ScenarioError, match=message) as raised:
        priors.read(path)
    assert "beliefs.toml" in str(raised.value)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "beliefs.toml"
    path.write_text(f'kind = "village"\n{GOOD}')
    with pytest.raises(ScenarioError, match='kind = "village"; needed here: kind = "priors"'):
        priors.read(path)


# ------------------------------------------------------------------ regression


def test_leave_one_out_errors_are_those_of_leaving_one_out():
    rng = rng_of(5)
    x, y, weights = rng.standard_normal((30, 4)), rng.standard_normal((30, 2)), rng.uniform(0.5, 2.0, 30)
    weights /= weights.mean()
    fit = ridge(x, y, weights)
    share = weights / weights.sum()
    for j in range(2):  # by brute force, with the center that ridge regards as given plus a free constant for its removal
        center, level = share @ x, share @ y[:, j]
        a, b = x - center, y[:, j] - level
        gram = (a * share[:, None]).T @ a
        penalties = np.linalg.eigvalsh(gram)[-1] * 10.0 ** np.arange(-8, 4.1, 0.5)
        losses = []
        for penalty in penalties:
            errors = []
            for i in range(30):
                kept = np.arange(30) != i
                full = np.column_stack([np.ones(29), a[kept]])
                curve = (full * share[kept, None]).T @ full + penalty * np.diag([0, 1, 1, 1, 1])
                found = np.linalg.solve(curve, (full * share[kept, None]).T @ b[kept])
                errors.append(b[i] - found[0] - a[i] @ found[1:])
            losses.append((share * np.square(errors)).sum())
            if np.argmin(losses) == len(losses) - 1:
                best = np.array(errors)
        assert fit.errors[:, j] == pytest.approx(best, rel=1e-6, abs=1e-9)
        assert fit.loss[j] == pytest.approx(min(losses))


def test_relevance_finds_the_parameters_that_matter():
    rng = rng_of(6)
    x = rng.standard_normal((800, 17))
    y = x[:, [3]] + x[:, [7]] * x[:, [11]] + 0.5 * x[:, [15]] ** 2 + 0.7 * rng.standard_normal((800, 1))
    found = relevance(x, (y - y.mean()) / y.std(), np.ones(800))
    assert set(np.argsort(-found)[:4]) == {3, 7, 11, 15}
    assert np.sort(found)[-5] < 0.02 < 0.1 < np.sort(found)[-4]


def test_scatter_that_varies_is_found():
    rng = rng_of(7)
    x = rng.standard_normal((4000, 6))
    planted = np.array([0.8, 0, -0.5, 0, 0, 0])
    slopes, intercept = log_variance(x, (np.exp((x @ planted - 6) / 2) * rng.standard_normal(4000)) ** 2, np.ones(4000))
    assert slopes == pytest.approx(planted, abs=0.1)
    assert intercept == pytest.approx(-6, abs=0.1)


def test_scatter_that_does_not_vary_is_left_alone():
    rng = rng_of(12)
    x = rng.standard_normal((300, 30))
    slopes, intercept = log_variance(x, 0.01 * rng.standard_normal(300) ** 2, np.ones(300))
    assert (x @ slopes).std() < 0.2  # without a penalty chance alone makes it .45
    assert intercept == pytest.approx(np.log(0.01), abs=0.2)


# ------------------------------------------------------------------ emulator


def share_toy(z, rng):
    """Effects on take-up, as a trial's: normal shares, a threshold, a product; luck shared between summaries and growing with the effect."""
    base = -1 + 0.2 * rng.standard_normal(len(z))
    luck = rng.standard_normal(len(z))
    first = stats.norm.cdf(base + np.exp(0.5 * z[:, 0] + 0.3 * z[:, 1] - 0.5)) - stats.norm.cdf(base)
    second = first * stats.norm.cdf((z[:, 2] + 0.5) / 0.5)
    third = 0.1 * z[:, 3] * (1 + 0.5 * z[:, 0])
    own = rng.standard_normal((len(z), 3))
    return np.stack([first, second, third], axis=1) + 0.03 * (0.7 * luck[:, None] + 0.7 * own)


@pytest.fixture(scope="module")
def toy():
    """(z, summaries, emulator of the first 2,000 rows) of a simulator with 12 parameters of which 4 matter."""
    rng = rng_of(8)
    z = rng.standard_normal((6000, 12))
    summaries = share_toy(z, rng)
    return z, summaries, *emulators(z[:2000], summaries[:2000])


def test_the_emulator_recovers_a_quadratic():
    rng = rng_of(9)
    z = rng.uniform(-2.9, 2.9, (1200, 5))
    y = 0.2 + 0.1 * z[:, [0]] - 0.05 * z[:, [1]] * z[:, [2]] + 0.03 * z[:, [3]] ** 2
    (emulator,) = emulators(z[:900], y[:900])
    assert check(emulator, z[900:], y[900:]).explained[0] > 0.9999
    features, _ = quadratic(z, np.arange(5))
    fit = ridge(features[:900], y[:900], np.ones(900))
    assert features[900:] @ fit.coefficients + fit.intercept == pytest.approx(y[900:], abs=1e-6)


def test_the_emulator_finds_the_mean_behind_the_scatter(toy):
    z, _, emulator = toy
    z = z[2000:2500]
    truth = np.mean([share_toy(z, rng_of(100 + r)) for r in range(200)], axis=0)
    mean, _ = predict(emulator, z)
    assert (((mean - truth) ** 2).mean(axis=0) < 0.06 * truth.var(axis=0)).all()


def test_scatter_is_calibrated_on_rows_it_has_not_seen(toy):
    z, summaries, emulator = toy
    found = check(emulator, z[2000:], summaries[2000:])
    assert found.unit_sd == pytest.approx(1, abs=0.06)
    assert found.within == pytest.approx(0.9, abs=0.025)
    assert found.correlation_error < 0.07
    assert found.explained == pytest.approx(emulator.explained, abs=0.05)
    _, sd = predict(emulator, z[2000:])
    wide = sd[:, 0] > np.median(sd[:, 0])
    error = (summaries[2000:] - predict(emulator, z[2000:])[0])[:, 0]
    said = np.sqrt((sd[wide, 0] ** 2).mean() / (sd[~wide, 0] ** 2).mean())
    assert said > 1.1 and error[wide].std() / error[~wide].std() == pytest.approx(said, rel=0.06)  # where it says so, scatter is wider


def test_rows_without_a_value_or_a_weight_do_not_count(toy):
    z, summaries, _ = toy
    z, summaries = z[:400], summaries[:400].copy()
    whole = emulate(z[:300], summaries[:300])
    weightless = emulate(z, summaries, np.r_[np.ones(300), np.zeros(100)])
    summaries[300:, 1] = np.nan
    unknown = emulate(z, summaries)
    for other in (weightless, unknown):
        assert all(np.array_equal(a, b) for a, b in zip(whole, other))
    weighted, doubled = emulate(z[:300], summaries[:300], np.full(300, 7.0)), predict(whole, z[:20])
    assert predict(weighted, z[:20])[0] == pytest.approx(doubled[0], abs=1e-9)


def test_noise_is_not_explained_and_a_constant_is_no_trouble():
    rng = rng_of(10)
    z = rng.standard_normal((800, 10))
    emulator = emulate(z[:600], np.column_stack([rng.standard_normal(600), np.full(600, 0.3)]))
    mean, sd = predict(emulator, z[600:])
    assert emulator.explained[0] < 0.05
    assert sd[:, 0] == pytest.approx(1, abs=0.35)
    assert mean[:, 1] == pytest.approx(0.3, abs=1e-6) and (sd[:, 1] < 1e-6).all()
    one = target("noise", emulator, [0.1, 0.3], 0.02)
    assert np.isfinite(log_likelihood([one], z[600:])).all()


def test_beyond_its_reach_the_emulator_stays_where_it_is(toy):
    emulator = toy[2]
    far = np.full((1, 12), 3.0)
    assert all(np.array_equal(a, b) for a, b in zip(predict(emulator, far), predict(emulator, 3 * far)))


@pytest.mark.parametrize("change", [{"z": np.zeros((5, 3))}, {"weights": -np.ones(40)}, {"summaries": np.full((40, 2), np.nan)}])
def test_a_table_that_cannot_be_used_is_refused(change):
    with pytest.raises(InputError, match="not allowed|needed: 20 or more"):
        emulate(**{"z": np.zeros((40, 3)), "summaries": np.ones((40, 2))} | change)


# ------------------------------------------------------------------ likelihood


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(0, 10_000))
def test_the_density_is_the_multivariate_normals(size, seed):
    rng = rng_of(seed)
    root = rng.standard_normal((size, size + 2))
    correlation = root @ root.T
    correlation /= np.sqrt(np.outer(np.diag(correlation), np.diag(correlation)))
    sd, error, deviation = rng.uniform(0.01, 0.1, (3, size)), rng.uniform(0.01, 0.1, size), 0.1 * rng.standard_normal((3, size))
    found = normal_log_density(deviation, sd, correlation, error)
    for k in range(3):
        covariance = np.outer(sd[k], sd[k]) * correlation + np.diag(error**2)
        assert found[k] == pytest.approx(stats.multivariate_normal(np.zeros(size), covariance).logpdf(deviation[k]), abs=1e-7)


def test_what_was_not_observed_says_nothing():
    slopes = np.array([[0.1, 0.0, 0.05], [0.0, 0.1, 0.05]])
    mixed = np.array([[1, 0.3, 0.5], [0.3, 1, 0.2], [0.5, 0.2, 1]])
    whole = target("all", linear(slopes, 0.05, mixed), [0.1, np.nan, 0.2], [0.02, np.nan, 0.01])
    part = target("part", linear(slopes[:, [0, 2]], 0.05, mixed[np.ix_([0, 2], [0, 2])]), [0.1, 0.2], [0.02, 0.01])
    z = rng_of(11).standard_normal((20, 2))
    assert log_likelihood([whole], z) == pytest.approx(log_likelihood([part], z))
    assert whole.error_sd[0] == pytest.approx(np.hypot(0.02, 0.03))


# ------------------------------------------------------------------ sampler


def slopes_of(seed: int, p: int, s: int) -> np.ndarray:
    return 0.05 * rng_of(seed).standard_normal((p, s))


def test_the_posterior_of_a_linear_model_is_the_conjugate_one():
    p = 12
    mixed = np.array([[1, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 1]])
    parts = [(slopes_of(k, p, 3), rng_of(20 + k).normal(0, 0.1, 3)) for k in range(4)]
    targets = [target(f"study {k}", linear(a, 0.04, mixed), o, 0.02, 0.03) for k, (a, o) in enumerate(parts)]
    one = 0.04**2 * mixed + np.diag(np.full(3, 0.02**2 + 0.03**2))
    mean, covariance, evidence = conjugate(np.hstack([a for a, _ in parts]), np.kron(np.eye(4), one), np.hstack([o for _, o in parts]))
    found = infer.infer(targets, seed=1, particles=2000, draws=2000)
    sd = np.sqrt(np.diag(covariance))
    assert (found.z.mean(axis=0) - mean) / sd == pytest.approx(0, abs=0.1)
    assert np.cov(found.z, rowvar=False) / np.outer(sd, sd) == pytest.approx(covariance / np.outer(sd, sd), abs=0.12)
    assert found.log_evidence == pytest.approx(evidence, abs=0.25)
    assert found.stages[-1].temperature == 1.0
    assert len(np.unique(found.z[:, 0])) > 1900


def test_without_data_the_posterior_is_the_prior():
    found = smc.sample(lambda z: np.zeros(len(z)), 5, seed=2, particles=1000)
    assert found.log_evidence == 0.0
    assert found.z.mean(axis=0) == pytest.approx(0, abs=0.12)
    assert found.z.var(axis=0) == pytest.approx(1, abs=0.17)


def test_both_of_two_modes_are_found_in_their_weight():
    def two(z):
        return np.logaddexp(np.log(0.3) - (z[:, 0] + 1.5) ** 2 / 0.08, np.log(0.7) - (z[:, 0] - 1.5) ** 2 / 0.08)

    shares = [(smc.sample(two, 6, seed=seed, particles=1500).z[:, 0] < 0).mean() for seed in range(3)]
    assert np.mean(shares) == pytest.approx(0.3, abs=0.04)


def test_a_banana_has_the_moments_of_its_integral():
    def banana(z):
        return -((z[:, 1] - z[:, 0] ** 2 + 1) ** 2) / (2 * 0.2**2)

    grid = np.linspace(-6, 6, 1201)
    a, b = np.meshgrid(grid, grid, indexing="ij")
    flat = np.stack([a.ravel(), b.ravel()], axis=1)
    logs = banana(flat) - (flat**2).sum(axis=1) / 2
    weights = np.exp(logs)
    weights /= weights.sum()
    mean = weights @ flat
    sd = np.sqrt(weights @ (flat - mean) ** 2)
    found = smc.sample(banana, 10, seed=3, particles=2000)
    assert (found.z[:, :2].mean(axis=0) - mean) / sd == pytest.approx(0, abs=0.1)
    assert found.z[:, :2].std(axis=0) == pytest.approx(sd, rel=0.1)
    assert found.log_evidence == pytest.approx(np.log(np.exp(logs).sum() * 1e-4 / (2 * np.pi)), abs=0.15)
    assert found.z[:, 2:].var(axis=0) == pytest.approx(1, abs=0.15)


def test_draws_are_the_seeds():
    def peak(z):
        return -((z - 0.5) ** 2).sum(axis=1) * 10

    first, second, third = (smc.sample(peak, 3, seed=seed, particles=200).z for seed in (4, 4, 5))
    assert (first == second).all() and (first != third).any()


def test_an_impossible_likelihood_is_said():
    with pytest.raises(InputError, match="no draw of the prior has a finite one"):
        smc.sample(lambda z: np.full(len(z), np.nan), 2, seed=1, particles=100)


# ------------------------------------------------------------------ inference


@pytest.fixture(scope="module")
def two_studies():
    """Two targets of four parameters: "sum" sees z0 + z1, "third" sees z2; nobody sees z3."""
    seen = target("sum", linear([[0.1], [0.1], [0], [0]], 0.01), [0.05], 0.0, 0.01)
    third = target("third", linear([[0], [0], [0.1], [0]], 0.03), [0.1], 0.0, 0.03)
    return [seen, third]


def test_what_is_left_out_has_no_say(two_studies):
    both = infer.infer(two_studies, seed=1, particles=800)
    one = infer.infer(two_studies, seed=1, particles=800, left_out=["third"])
    alone = infer.infer(two_studies[:1], seed=1, particles=800)
    assert np.array_equal(one.z, alone.z) and one.names == ("sum",)
    assert both.z[:, 2].var() < 0.4 < 0.8 < one.z[:, 2].var()
    assert both.z.shape == (infer.DRAWS, 4)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"left_out": ["thrid"]}, "no study called 'thrid', did you mean 'third'"),
        ({"left_out": ["sum", "third"]}, "no study remains"),
        ({"particles": 100, "draws": 200}, "draws = 200: not allowed; allowed: from 1 to 100"),
    ],
)
def test_inference_that_cannot_be_is_refused(two_studies, keys, message):
    with pytest.raises(InputError, match=message):
        infer.infer(two_studies, seed=1, **keys)


def test_what_the_data_do_not_identify_is_named(two_studies):
    some = priors.together({name: ENTRIES[name] for name in ("value_sd", "talk_boost", "own_money_weight", "habit_months")})
    z = infer.infer(two_studies, seed=2, particles=1500, draws=1500).z
    rows = identify.learned(some, z)
    assert [row.verdict for row in rows] == ["weakly", "weakly", "identified", "not identified by these data"]
    exact = 1 - 0.0018 / (0.01 + 0.0018)  # of z2: variances .01 of the effect under the prior, .03^2 + .03^2 of error
    assert rows[2].contraction == pytest.approx(exact, abs=0.04)
    assert rows[2].shift == pytest.approx(exact * 1.0, abs=0.05)
    assert all(row.low < row.median < row.high for row in rows)
    low, high = priors.to_natural(some, np.array([[0, 0, 0, stats.norm.ppf(q)] for q in (0.05, 0.95)]))[:, 3]
    assert (rows[3].low, rows[3].high) == (pytest.approx(low, rel=0.1), pytest.approx(high, rel=0.1))
    (pair,) = identify.together(some.names, z)
    assert (pair.one, pair.other) == ("value_sd", "talk_boost")
    assert pair.correlation == pytest.approx(-0.98, abs=0.02)


def test_the_study_that_taught_a_parameter_is_found(two_studies):
    lost = identify.taught_by(two_studies, seed=3, particles=800, processes=1)
    assert lost == pytest.approx(np.array([[0.495, 0.495, 0, 0], [0, 0, 0.847, 0]]), abs=0.12)


def test_an_observation_that_does_not_fit_is_seen(two_studies):
    odd = two_studies[0]._replace(name="odd", observed=np.array([0.4]))
    z = infer.infer(two_studies, seed=4, particles=800).z
    found = {fit.study: fit for fit in infer.fits([*two_studies, odd], z, seed=1)}
    assert found["odd"].surprise < 0.01 < 0.2 < found["sum"].surprise
    assert found["third"].low < 0.1 < found["third"].high
    assert not found["odd"].low < 0.4 < found["odd"].high
    width = 2 * 1.645 * np.sqrt(0.1**2 * z[:, 2].var() + 0.03**2 + 0.03**2)  # of the parameter, the scatter and the error
    assert found["third"].high - found["third"].low == pytest.approx(width, rel=0.12)


# ------------------------------------------------------------------ coverage


def overconfident(one):
    """A target whose scatter is said to have a tenth of its variance."""
    emulator = one.emulator
    return one._replace(
        emulator=emulator._replace(spread_intercept=emulator.spread_intercept - np.log(10), spread_range=emulator.spread_range - np.log(10))
    )


@pytest.fixture(scope="module")
def worlds():
    """(targets made without the worlds, z of the worlds, their summaries): six parameters, two studies, three summaries each."""
    rng = rng_of(30)
    z = rng.standard_normal((1100, 6))
    tables = [share_toy(z[:, order], rng) for order in ([0, 1, 2, 3], [4, 2, 1, 0])]
    training, held = covering.hold_out(1100, 100, seed=1)
    assert not set(training) & set(held) and len(training) == 1000 and len(held) == 100
    made = emulators(z[training], *(table[training] for table in tables))
    targets = [target(f"study {k}", emulator, np.zeros(3), 0.005, 0.01) for k, emulator in enumerate(made)]
    return targets, z[held], [table[held] for table in tables]


def test_intervals_cover_what_was_planted(worlds):
    found = covering.coverage(*worlds, seed=1, particles=300, processes=1)
    assert found.passed
    assert 0.86 < found.overall < 0.94 and found.interval[0] < 0.9 < found.interval[1] + 0.01
    assert 0.84 < found.informed < 0.95 and found.informed_count > 150
    assert (found.uneven > 1e-4).all()
    assert found.contraction[:, 5].mean() < 0.1 < 0.4 < found.contraction[:, 0].mean()  # no study sees the last
    assert found.share == pytest.approx(found.covered.mean(axis=0))


def test_intervals_of_a_likelihood_that_is_too_sure_do_not(worlds):
    targets, z, summaries = worlds
    few = [z[:50], [table[:50] for table in summaries]]
    found = covering.coverage([overconfident(one) for one in targets], *few, seed=1, particles=200, processes=1)
    assert not found.passed
    assert found.informed < 0.75 and found.informed_interval[1] < 0.85


def test_coverage_is_the_same_for_any_number_of_processes(worlds):
    targets, z, summaries = worlds
    few = [z[:4], [table[:4] for table in summaries]]
    one, two = (covering.coverage(targets, *few, seed=2, particles=100, processes=n) for n in (1, 2))
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, two))


def test_an_exact_inference_has_even_ranks():
    """A linear model of known scatter, from the emulator that knows: nothing is fitted, so any unevenness is the sampler's."""
    slopes = slopes_of(40, 4, 3)
    rng = rng_of(41)
    z = rng.standard_normal((200, 4))
    simulated = z @ slopes + 0.03 * rng.standard_normal((200, 3))
    known = target("known", linear(slopes, 0.03), np.zeros(3), 0.0, 0.02)
    found = covering.coverage([known], z, [simulated], seed=1, particles=200, processes=1)
    assert (found.uneven > 1e-3).all()
    assert found.overall == pytest.approx(0.9, abs=0.03)


def test_each_world_has_luck_of_its_own(two_studies):
    same = np.zeros((5, 4))
    sure = [one._replace(error_sd=np.zeros(1)) for one in two_studies]
    found = covering.coverage(sure, same, [np.zeros((5, 1))] * 2, seed=1, particles=50, processes=1)
    assert len(np.unique(found.ranks[:, 3])) > 1


def test_tables_that_do_not_fit_the_worlds_are_refused(worlds):
    targets, z, summaries = worlds
    with pytest.raises(InputError, match="one table for each of 2 targets, of 100 rows"):
        covering.coverage(targets, z, summaries[:1], seed=1)
    with pytest.raises(InputError, match="worlds = 10: not allowed"):
        covering.hold_out(10, 10, seed=1)


def test_landmarks_follow_the_weights():
    x = np.arange(1000.0)[:, None]
    share = np.r_[np.full(500, 1.0), np.full(500, 3.0)] / 2000
    found = emulating._landmarks(x, share)[:, 0]
    assert (found >= 500).mean() == pytest.approx(0.75, abs=0.02)

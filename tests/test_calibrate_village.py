"""A village calibrated to its office's table: reading the table, the statistics against known answers, and the whole on a small village."""

import datetime as dt

import numpy as np
import pytest

from experiments.calibrating import village_context, village_months, village_recording, village_regression, village_score
from experiments.calibrating.village import calibrate_village, prepared
from experiments.calibrating.village_behavior import believed
from experiments.calibrating.village_check import check, plant, summary, write_table
from experiments.calibrating.village_file import parent_of
from experiments.calibrating.village_observed import SERIES, Observed, read_observed, refuse_more_than
from scenarios.loader import load
from simulation.parameters import InputError

# ------------------------------------------------------------------ the office's table


def table(tmp_path, text, name="office.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_table_is_read_with_its_gaps(tmp_path):
    found = read_observed(table(tmp_path, "month,active,new_members\n2019-03,40,\n2018-12,10,3\n\n2019-01,,0\n"))
    assert found.months == [dt.date(2018, 12, 1), dt.date(2019, 1, 1), dt.date(2019, 2, 1), dt.date(2019, 3, 1)]
    assert found.end == dt.date(2019, 4, 1)
    nan = np.nan
    np.testing.assert_array_equal(found.values, [[3, 0, nan, nan], [10, nan, nan, 40], [nan] * 4])
    assert found.lines == [3, 5, 0, 2]


def test_a_spreadsheet_with_semicolons_and_a_byte_order_mark_is_the_same(tmp_path):
    plain = read_observed(table(tmp_path, "month,active,paying\n2019-01,12,10\n2019-02,,\n"))
    excel = read_observed(table(tmp_path, b"\xef\xbb\xbfmonth;active;paying\r\n2019-01;12;10\r\n2019-02;;\r\n", "excel.csv"))
    np.testing.assert_array_equal(plain.values, excel.values)
    assert plain.months == excel.months


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("month,activ\n2019-01,3\n", ["line 1", "'activ'", "did you mean 'active'?"]),
        ("month,active,active\n2019-01,3,3\n", ["line 1", "active stands twice"]),
        ("active\n3\n", ["line 1", "no column month"]),
        ("month\n2019-01\n", ["no column of numbers"]),
        ("month,active\n", ["no table", "header"]),
        ("month,active\n2019-13,3\n", ["line 2, column month: '2019-13'", "2019-03"]),
        ("month,active\n2019-1,3\n", ["line 2, column month: '2019-1'"]),
        ("month,active\n2019-01,3\n2019-01,4\n", ["line 3", "2019-01 stands in line 2"]),
        ("month,active\n2019-01,-3\n", ["line 2, column active: '-3'", "whole number from 0"]),
        ("month,active\n2019-01,1.200\n", ["line 2, column active: '1.200'", "without points"]),
        ("month,active\n2019-01,3,9\n", ["line 2: 3 cells", "2 columns"]),
        ("month,active,paying\n2019-01,3,4\n", ["line 2, column paying: 4", "at most the active members of that month, 3"]),
        ("month,active\n2019-01,\n2019-02,\n", ["no numbers"]),
        (b"month,active\n2019-01,3\xff\n", ["not UTF-8"]),
    ],
)
def test_a_bad_table_gets_one_message_that_says_where(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        read_observed(table(tmp_path, text))
    message = str(caught.value)
    assert "office.csv" in message and "\n" not in message
    assert [word for word in words if word not in message] == []


def test_more_members_than_workers_are_refused_with_their_line(tmp_path):
    found = read_observed(table(tmp_path, "month,active\n2019-01,300\n2019-03,301\n"))
    with pytest.raises(InputError, match=r"line 3, column active: 301: .*at most .* 300 "):
        refuse_more_than(found, 300)
    refuse_more_than(found, 301)


# ------------------------------------------------------------------ from weeks to months


def test_every_day_of_a_run_counts_to_one_month():
    start, until = dt.date(2019, 11, 1), dt.date(2020, 4, 1)
    shares, ends = village_months._calendar(start, until, 7)
    np.testing.assert_allclose(shares.sum(axis=1) * 7, [30, 31, 31, 29, 31])
    np.testing.assert_allclose(shares.sum(axis=0)[:-1], 1.0)  # the last week goes on beyond the run
    np.testing.assert_allclose(ends * 7, np.cumsum([30, 31, 31, 29, 31]))


def test_months_of_a_run_are_its_weeks(small):
    """Registrations of whole weeks are shared out, none lost; members at the end of a month that ends with a week are those of that week."""
    from simulation.stages import Event, Measure
    from simulation.world import build

    scenario, _ = small
    levers = scenario.parameters.model_copy(update={"start": dt.date(2021, 2, 1), "until": dt.date(2021, 4, 1)})  # February: four whole weeks
    world = build(levers, 3, 0, burn_in=False)
    world.advance()
    series, covered, aware = village_months._read(world)
    begin = world.calendar.burn_in
    counts = world.village.counts.sum(axis=1)
    joined = world.village.events[begin:, Event.REGISTRATIONS]
    assert series[0].tolist() == pytest.approx([joined[:4].sum(), joined[4:8].sum() + joined[8] * 3 / 7]) and joined.sum() > 0
    assert series[1, 0] == counts[begin + 3, Measure.ACTIVE] and series[2, 0] == counts[begin + 3, Measure.PAYING]
    assert series[1, 1] == pytest.approx(counts[begin + 7, Measure.ACTIVE] * 4 / 7 + counts[begin + 8, Measure.ACTIVE] * 3 / 7)
    assert covered[1] == counts[begin - 1, Measure.ACTIVE] and aware[1] == 600 - counts[begin - 1, 0]


# ------------------------------------------------------------------ statistics with known answers


def gaussian(runs, seed=1):
    """theta ~ N(0, I) in two dimensions; features: theta[0] + noise of sd 0.5, twice; nothing of theta[1]."""
    rng = np.random.Generator(np.random.PCG64(seed))
    theta = rng.normal(size=(runs, 2))
    features = theta[:, :1] + 0.5 * rng.normal(size=(runs, 2))
    return features, theta


@pytest.mark.parametrize("seen", [0.0, 1.5, -2.0])
def test_regression_adjustment_gives_the_posterior_of_a_linear_gaussian_model(seen):
    features, theta = gaussian(6000)
    found = village_regression.adjusted(features, np.full(2, seen), theta, np.ones(6000), 0.5)
    low, middle, high = village_regression.quantiles(found.values, found.weights, (0.05, 0.5, 0.95))
    precision = 1.0 + 2 / 0.25
    mean, sd = 2 * seen / 0.25 / precision, precision**-0.5
    np.testing.assert_allclose(middle, [mean, 0.0], atol=0.07)
    np.testing.assert_allclose((high - low) / 3.29, [sd, 1.0], rtol=0.07)


def test_weights_of_the_prior_are_kept():
    """Runs from a prior twice as wide, weighted back, give the same posterior."""
    rng = np.random.Generator(np.random.PCG64(2))
    theta = 2 * rng.normal(size=(8000, 1))
    features = theta + rng.normal(size=(8000, 1))
    weights = np.exp(-0.5 * theta[:, 0] ** 2 * (1 - 1 / 4))
    found = village_regression.adjusted(features, np.array([2.0]), theta, weights, 0.5)
    low, middle, high = village_regression.quantiles(found.values, found.weights, (0.05, 0.5, 0.95))[:, 0]
    assert middle == pytest.approx(1.0, abs=0.06) and (high - low) / 3.29 == pytest.approx(0.5**0.5, rel=0.08)


def test_a_table_that_no_run_looks_like_is_a_surprise():
    features, theta = gaussian(2000)
    far, near = (village_regression.adjusted(features, np.full(2, at), theta, np.ones(2000), 0.5).surprise for at in (6.0, 0.0))
    assert far == 0.0 and near > 0.9


def test_weighted_quantiles_are_those_of_the_repeated_sample():
    rng = np.random.Generator(np.random.PCG64(4))
    values, times = rng.normal(size=(40, 3)), rng.integers(1, 6, 40)
    found = village_regression.quantiles(values, times.astype(float), (0.1, 0.5, 0.9))
    many = np.repeat(values, times * 200, axis=0)
    np.testing.assert_allclose(found, np.quantile(many, (0.1, 0.5, 0.9), axis=0), atol=0.12)
    assert village_regression.effective(np.array([1.0, 1.0, 0.0])) == 2.0


def test_an_office_without_error_writes_what_happened_and_errors_have_mean_one():
    rng = np.random.Generator(np.random.PCG64(5))
    series = np.full((4000, 3, 2), 400.0)
    series[:, :, 1] = 0.0
    exact = village_recording.recorded(series, np.full((4000, 2), 1e-9), rng)
    np.testing.assert_array_equal(exact, series)
    rough = village_recording.recorded(series, np.tile([0.3, 0.05], (4000, 1)), rng)[:, :, 0] / 400
    np.testing.assert_allclose(rough.mean(axis=0), 1.0, atol=0.02)
    np.testing.assert_allclose(rough.std(axis=0), [0.3, 0.05, 0.05], rtol=0.08)
    counts = np.array([0, 1, 7, 5000])
    np.testing.assert_allclose(village_recording.from_scale(village_recording.to_scale(counts)), counts, atol=1e-9)


def test_naive_forecasts_by_hand():
    values = np.array([5, 6, 7, 8, 9, 10, 20, 30, 40, 50, 60, 70, np.nan, 90, 1, 1], float)
    found = village_score.naive(values, 14)
    np.testing.assert_array_equal(found["last"], [90, 90])
    np.testing.assert_allclose(found["trend"], [100, 110])  # 40 50 60 70 . 90: ten a month
    np.testing.assert_array_equal(found["seasonal"], [7, 8])
    assert np.isnan(village_score.naive(values[:9], 7)["seasonal"]).all()


def test_the_score_says_when_a_naive_forecast_was_better():
    values = np.array([[10.0] * 8 + [10, 10, 10, 14], [100.0 + k for k in range(12)], [np.nan] * 12])
    flat = np.broadcast_to(np.array([12.0, 108.0, 1.0])[:, None], values.shape)
    rows = village_score.score(values, village_score.Bands(flat - 3, flat - 1, flat, flat + 1, flat + 3), 8)
    assert [row["series"] for row in rows] == ["new_members", "active"] and [row["points"] for row in rows] == [4, 4]
    assert rows[0]["inside_90"] == 1.0 and rows[0]["inside_50"] == 0.0 and rows[0]["error"] == 2.0 and rows[0]["error_last"] == 1.0
    assert rows[1]["error_trend"] == pytest.approx(0.0, abs=1e-9) and rows[1]["error"] == pytest.approx(1.5)
    told = village_score.verdicts(rows)
    assert len(told) == 2 and told[0].startswith("new_members") and "worse than by the last value" in told[0]
    assert village_score.verdicts([{**rows[0], "error": 0.5}]) == []


# ------------------------------------------------------------------ the context


def test_nothing_drawn_is_the_scenario_and_reach_moves_the_levers_alone(small):
    parameters = small[0].parameters
    context = village_context.uncertain(parameters)
    keys = [thing.key for thing in context]
    assert keys[-2:] == ["need_share", "reach_ratio"]
    zero = village_context.with_context(parameters, context, np.zeros(len(keys)))
    assert zero.behavior == parameters.behavior and zero.campaign == parameters.campaign
    assert village_context.COVERAGE not in keys  # all that follows from it is stated
    for key in village_context.VILLAGE:
        assert getattr(zero.village, key) == pytest.approx(getattr(parameters.village, key))
    more = np.zeros(len(keys))
    more[-1] = np.log(2) / village_context.REACH.sd
    wide = village_context.with_context(parameters, context, more)
    assert wide.village.model_dump() == zero.village.model_dump()
    assert [lever.contact.attendance for lever in wide.campaign.levers if lever.contact] == [2 * lever.contact.attendance for lever in parameters.campaign.levers if lever.contact]
    again = load("lerep", overrides=village_context.overrides(wide)).parameters.campaign
    assert [lever.contact for lever in again.levers] == [lever.contact for lever in wide.campaign.levers]


def test_a_share_of_nothing_or_all_is_known_and_draws_stay_within_bounds(small):
    village = small[0].parameters.village.model_copy(update={"never_share": 0.0, "form_prob": 1.0})
    context = village_context.uncertain(small[0].parameters.model_copy(update={"village": village}))
    assert {"never_share", "form_prob"}.isdisjoint(thing.key for thing in context)
    for thing in context:
        drawn = thing.natural(np.linspace(-40, 40, 33))
        assert (np.diff(drawn) >= 0).all() and drawn[0] >= thing.low and drawn[-1] <= thing.high


def test_what_is_solved_moves_along_with_coverage():
    """On the line between the anchors and beyond; nothing else is moved."""
    coverage = village_context.Uncertain("baseline_coverage_share", "logit", (0.5,), 0.8, 0, 1, "", "")
    value = village_context.Uncertain("median_value_rp", "log", (1.0, 2.0, 4.0, 5.0, 9.0), 0.3, 0, 1e9, "", "")
    other = village_context.Uncertain("never_share", "logit", (-1.0,), 0.5, 0, 1, "", "")
    found = village_context.scaled([coverage, value, other], np.array([[-2.0, 0, 1], [0.5, 1, 0], [3.0, 0, 0], [-3.0, 0, 0], [0, 0, 0]]))
    np.testing.assert_allclose(found, [[-1.1, 1.0, -0.5], [0.9, 4.8, -1.0], [2.9, 13.0, -1.0], [-1.9, 0.0, -1.0], [0.5, 4.0, -1.0]])


def test_a_solved_scenario_is_the_middle_of_its_draws():
    """Nothing drawn: the scenario that baseline.solve gives; another coverage: nearly what it would give there."""
    from simulation.baseline import solve

    parameters = load("lerep").parameters
    context, solved = village_context.uncertain(parameters), solve(parameters).village
    assert context[0].key == "baseline_coverage_share" and len(context[0].centers) == 1
    zero = village_context.with_context(parameters, context, np.zeros(len(context))).village
    assert [getattr(zero, key) for key in village_context.VILLAGE] == pytest.approx([getattr(solved, key) for key in village_context.VILLAGE])
    high = np.zeros(len(context))
    high[0] = 1.0
    drawn = village_context.with_context(parameters, context, high).village
    there = solve(parameters.model_copy(update={"village": village_context.covered(parameters.village, drawn.baseline_coverage_share)})).village
    assert drawn.baseline_coverage_share > 1.8 * 0.03 and drawn.median_value_rp == pytest.approx(there.median_value_rp)


def test_standing_still_weighs_most():
    at = village_context.stillness(50, np.array([25, 50, 100]), 1000)
    assert at[1] == 0.0 and at[0] < -0.5 and at[2] < -0.5
    assert village_context.stillness(2, 4, 1000) > village_context.stillness(200, 400, 1000)  # few people tell little


def test_rows_of_behavior_are_checked(small):
    parameters = small[0].parameters
    rows = village_context.behavior_rows({"value_sd": np.array([0.8, 1.2]), "talk_boost_weeks": np.array([4.0, 8.0])}, parameters)
    assert rows == [{"value_sd": 0.8, "talk_boost_weeks": 4}, {"value_sd": 1.2, "talk_boost_weeks": 8}]
    assert village_context.behavior_rows({}, parameters) == [{}]
    for bad, words in (({"value_ds": [1.0]}, "did you mean 'value_sd'"), ({"value_sd": [9.0]}, "row 0: value_sd = 9.0"), ({"value_sd": [1.0], "trust_weight": [1.0, 2.0]}, r"columns of \[1, 2\] rows")):
        with pytest.raises(InputError, match=words):
            village_context.behavior_rows(bad, parameters)


def test_behavior_is_that_of_the_posterior_in_use_else_of_the_priors(small, tmp_path, monkeypatch):
    path = table(tmp_path, "value_sd,talk_boost_weeks,trust_weight\n0.8,4,0.2\n1.2,8.4,0.9\n", "posterior.csv")
    monkeypatch.setenv("SADAR_POSTERIOR", str(path))
    columns, source = believed(small[0].parameters, 1)
    assert {key: column.tolist() for key, column in columns.items()} == {"value_sd": [0.8, 1.2], "talk_boost_weeks": [4, 8], "trust_weight": [0.2, 0.9]}
    assert "2 draws of posterior" in source
    assert "trust_weight" not in believed(load("lerep", overrides=["behavior.trust_weight=0.1"]).parameters, 1)[0]
    monkeypatch.setenv("SADAR_POSTERIOR", "none")
    columns, source = believed(small[0].parameters, 1)
    assert "priors.toml" in source and len(columns) > 20
    assert len(village_context.behavior_rows(columns, small[0].parameters)) == len(columns["value_sd"])


# ------------------------------------------------------------------ the whole, on a small village

DRAWS = 300
FIRST = dt.date(2018, 5, 1)


@pytest.fixture(scope="module")
def behavior():
    rng = np.random.Generator(np.random.PCG64(8))
    return {"value_sd": rng.uniform(0.8, 1.3, 50), "forget_start_prob": rng.uniform(0.2, 0.4, 50)}


@pytest.fixture(scope="module")
def small():
    """A small Lerep, with the three solved numbers stated (nothing is solved), and what it is called."""
    given = ["village.workers=600", "village.median_value_rp=40000.0", "village.forget_prob=0.03", "village.start_coverage_share=0.06"]
    return load("lerep", overrides=given), "lerep"


@pytest.fixture(scope="module")
def office(small, behavior, tmp_path_factory):
    """A planted table of 14 months: its file and values."""
    parameters = small[0].parameters
    months = [dt.date(2018 + k // 12, k % 12 + 1, 1) for k in range(4, 18)]  # three months before the campaign, ten with it
    empty = Observed(None, months, np.full((3, 14), np.nan), [0] * 14)
    ready, context, _ = prepared(parameters, empty)
    planted = plant(ready, context, village_context.behavior_rows(behavior, parameters), 6, 1, 1)
    path = tmp_path_factory.mktemp("office") / "lerep.csv"
    write_table(path, months[0], planted.tables[1])
    at_start = planted.truths["coverage_at_start"][1]
    return path, planted.tables[1], 1 / (1 + np.exp(-at_start))


@pytest.fixture(scope="module")
def fit(small, office, behavior):
    told = []
    found = calibrate_village(small[0], office[0], holdout_months=4, draws=DRAWS, behavior=behavior, processes=1, progress=lambda *x: told.append(x))
    assert told[-1] == (DRAWS, DRAWS) and [x for x, _ in told] == sorted(x for x, _ in told)
    return found


def test_the_run_is_laid_around_the_table(small, office, tmp_path):
    parameters, context, values = prepared(small[0].parameters, read_observed(office[0]))
    assert (parameters.start, parameters.until, parameters.burn_in_weeks) == (FIRST, dt.date(2019, 7, 1), 104)
    np.testing.assert_array_equal(values, office[1])
    later = read_observed(table(tmp_path, "month,active\n2018-12,30\n2019-02,31\n"))
    parameters, context, values = prepared(small[0].parameters, later)
    assert (parameters.start, parameters.until) == (dt.date(2018, 8, 1), dt.date(2019, 3, 1)) and values.shape == (3, 7)
    assert np.isnan(values[:, :4]).all() and values[1, 4] == 30
    earlier = read_observed(table(tmp_path, "month,active\n2018-01,9\n2018-12,30\n"))
    assert prepared(small[0].parameters, earlier)[0].start == dt.date(2018, 1, 1)


@pytest.mark.parametrize(("first", "share"), [("2018-08,30,8", 0.03), ("2018-08,130,10", 0.2), ("2018-08,0,", 0.002), ("2018-09,300,", 0.03)])
def test_a_first_month_far_from_the_file_moves_the_middle_of_coverage(small, tmp_path, first, share):
    """Members less those who joined; not where the run begins before the table, or where the file is near enough."""
    told = read_observed(table(tmp_path, f"month,active,new_members\n{first}\n2018-10,,1\n"))
    assert prepared(small[0].parameters, told)[0].village.baseline_coverage_share == pytest.approx(share)


def test_what_a_fit_gives(fit, office):
    assert fit.draws["weight"].sum() == pytest.approx(1.0) and (fit.draws["weight"] > 0).all()
    assert (fit.context["low"] <= fit.context["median"]).all() and (fit.context["median"] <= fit.context["high"]).all()
    assert list(fit.score["series"]) == list(SERIES) and (fit.score["points"] == 4).all()
    told = fit.months.pivot(index="series", columns="month", values="observed").loc[list(SERIES)].to_numpy()
    np.testing.assert_array_equal(told, office[1])
    order = fit.months[["low_90", "low_50", "median", "high_50", "high_90"]].to_numpy()
    assert (np.diff(order, axis=1) >= 0).all() and (order >= 0).all()
    coverage = fit.context.set_index("key").loc["coverage_at_start"]
    assert coverage["identified"] and coverage["low"] <= office[2] <= coverage["high"]
    assert "coverage_at_start" not in fit.not_identified and "documents_prob" in fit.not_identified
    assert all(word in fit.report() for word in ("not identified", "4 months held out", "reach_ratio"))
    assert not any("does not give a table" in remark for remark in fit.remarks)
    seen = fit.months[fit.months["part"] == "training"]
    assert ((seen["low_90"] <= seen["observed"]) & (seen["observed"] <= seen["high_90"])).mean() > 0.8


def test_what_is_held_out_is_not_looked_at(fit, small, office, behavior, tmp_path):
    """Other numbers in the held-out months change the score and nothing else: here the last value is a perfect forecast, which is said."""
    values = office[1].copy()
    values[:, 10:] = values[:, 9:10]
    write_table(tmp_path / "other.csv", FIRST, values)
    other = calibrate_village(small[0], tmp_path / "other.csv", holdout_months=4, draws=DRAWS, behavior=behavior, processes=1)
    assert other.draws.equals(fit.draws) and other.context.equals(fit.context)
    assert other.months.drop(columns="observed").equals(fit.months.drop(columns="observed"))
    assert not other.score.equals(fit.score) and other.fitted == fit.fitted
    assert sum("worse than by the last value" in remark for remark in other.remarks) == 3


def test_a_shorter_table_without_two_columns_is_fitted_too(small, office, behavior, tmp_path):
    values = office[1].copy()
    values[1, 3:6] = np.nan
    write_table(tmp_path / "gaps.csv", FIRST, values, series=("active",))
    found = calibrate_village(small[0], tmp_path / "gaps.csv", holdout_months=0, draws=DRAWS, behavior=behavior, processes=1)
    assert found.score.empty and (found.months["part"] == "training").all()
    assert found.months["median"].notna().all()


def test_the_same_numbers_from_any_number_of_processes(small, behavior):
    parameters = small[0].parameters.model_copy(update={"until": dt.date(2019, 1, 1), "burn_in_weeks": 104})
    context = village_context.uncertain(parameters)
    standard = np.random.Generator(np.random.PCG64(3)).normal(size=(80, len(context)))
    rows = [village_context.behavior_rows(behavior, parameters)[k % 50] for k in range(80)]
    alone, two = (village_months.play(parameters, context, standard, rows, seed=4, processes=n) for n in (1, 2))
    for a, b in zip(alone, two):
        np.testing.assert_array_equal(a, b)
    part = village_months.play(parameters, context, standard[60:], rows[60:], seed=4, first=60, processes=1)
    np.testing.assert_array_equal(part.series, alone.series[60:])


def test_the_written_village_is_the_fitted_one(fit, small, tmp_path):
    folder = fit.save(tmp_path / "fit")
    assert sorted(path.name for path in folder.iterdir()) == sorted(["village.toml", "draws.csv", "context.csv", "months.csv", "score.csv", "fit.png", "fit.json"])
    again = load("lerep", village=folder / "village.toml", overrides=fit.overrides).parameters
    for key, value in fit.fitted.village.model_dump().items():
        found = getattr(again.village, key)
        if key == "occupations":
            assert [o.need_share for o in found] == pytest.approx([o["need_share"] for o in value])
        else:
            assert found == pytest.approx(value, rel=1e-5) if isinstance(value, float) else found == value
    assert [lever.contact for lever in again.campaign.levers] == [lever.contact for lever in fit.fitted.campaign.levers]
    text = (folder / "village.toml").read_text()
    assert 'extends = "lerep"' in text and "not identified" in text and "Seed 1" in text
    fit.save(folder)  # an older fit is replaced
    (folder / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="mine.txt"):
        fit.save(folder)
    assert (folder / "mine.txt").read_text() == "kept"


def test_the_written_village_extends_what_it_came_from(tmp_path):
    case = tmp_path / "case.toml"
    case.write_text('kind = "case"\nextends = "lerep"\nuntil = 2019-08-01\n')
    mine = tmp_path / "mine.toml"
    mine.write_text('kind = "village"\nextends = "desa"\nworkers = 700\n')
    own, table_ = tmp_path / "own.toml", tmp_path / "table.toml"
    own.write_text('kind = "case"\nvillage = "mine.toml"\n')
    table_.write_text('kind = "case"\n[village]\nextends = "lerep"\nworkers = 700\n')
    told = [parent_of(load(name)) for name in ("lerep", "lerep-2018", case, mine, own, table_)]
    assert told == ["lerep", "desa", "lerep", str(mine), str(mine), "desa"]


def test_the_written_village_gives_the_table(fit):
    """Runs of the written village come nearer to the training months than those of the village that was given."""
    seen = fit.months[(fit.months["part"] == "training") & (fit.months["series"] != "new_members")]
    context = village_context.uncertain(fit.parameters)
    given = village_months.play(fit.parameters, context, np.zeros((24, len(context))), [{}] * 24, seed=1, first=DRAWS, processes=1).series.mean(axis=0)
    before = np.abs(given[1:, :10].ravel() - seen["observed"]).mean()
    assert np.abs(seen["village_file"] - seen["observed"]).mean() < before


def test_a_table_that_the_scenario_cannot_give_is_said_to_be_one(small, office, behavior):
    """The campaign that was going on is left out of the scenario."""
    given = ["village.workers=600", "village.median_value_rp=40000.0", "village.forget_prob=0.03", "village.start_coverage_share=0.06"]
    found = calibrate_village(load("lerep", campaigns=["none"], overrides=given), office[0], holdout_months=4, draws=DRAWS, behavior=behavior, processes=1)
    assert "does not give a table like this one" in found.remarks[0]
    assert (found.months[["low_90", "high_90"]] <= 600).all(axis=None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"holdout_months": 9}, "5 months with numbers before the 9 that are held out; needed: at least 6"),
        ({"holdout_months": -1}, "holdout_months = -1: not allowed"),
        ({"draws": 10}, "draws = 10: not allowed; allowed: a whole number from 300"),
        ({"behavior": {"value_ds": [1.0]}}, "did you mean 'value_sd'"),
        ({"scenario": "lerap"}, "did you mean 'lerep'"),
        ({"scenario": load("lerep", overrides=["village.workers=20"])}, "at most the village's informal workers, 20"),
        ({"scenario": load("lerep", overrides=["limits.sale_until_week=9"])}, "limits: .* count from the start"),
    ],
)
def test_what_cannot_be_fitted_is_refused_before_anything_runs(small, office, change, words):
    with pytest.raises(InputError, match=words):
        calibrate_village(**{"scenario": small[0], "observed": office[0], "behavior": {}} | change)


@pytest.mark.slow
def test_intervals_cover_what_was_planted():
    """A hundred villages: 90 % intervals of the context and 90 % bands of the held-out months cover 85 to 95 %, none of them much less."""
    found = summary(check(load("kadugenep", overrides=["village.workers=800"]), villages=100, draws=2400)).set_index(["kind", "key"])
    assert found.loc[[("context", "all"), ("held_out", "all")], "inside_90"].between(0.85, 0.95).all()
    assert (found["inside_90"] > 0.78).all()
    assert (found.loc["held_out", "error_over_last"] < 1.0).all()

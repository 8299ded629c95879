"""Calibration to trials, forecasts and the evidence page: on toy trials, with real files."""

import json

import numpy as np
import pandas as pd
import pytest
from test_trials import FILE

from experiments import calibrate as front
from experiments import evidence, forecast, trials
from experiments.calibrating import priors as believing
from experiments.calibrating import rows as kept
from experiments.trying.batch import table
from experiments.trying.play import read
from scenarios import posterior
from simulation.parameters import InputError

SMALL = FILE.replace("workers = 600", "workers = 300").replace("until = 2015-07-01", "until = 2015-06-02")


@pytest.fixture
def toy(tmp_path):
    def write(name="toy", study="TOY", value=0.3):
        path = tmp_path / f"{name}.toml"
        path.write_text(SMALL.replace('"TOY"', f'"{study}"').replace("value = 0.3\nse = 0.05", f"value = {value}\nse = 0.02"))
        return path

    return write


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A posterior of twelve draws of one key."""
    path = tmp_path / "posterior.csv"
    path.write_text("value_sd\n" + "".join(f"{0.6 + k / 20}\n" for k in range(12)))
    monkeypatch.setenv("SADAR_POSTERIOR", str(path))
    return path


def test_rows_are_those_of_the_table_and_are_not_simulated_twice(toy, tmp_path, monkeypatch):
    trial, priors = read(toy()), believing.read()
    z = believing.draw(priors, 16, np.random.default_rng(1))
    made = kept.simulated(trial, z, priors, seed=3, folder=tmp_path / "tables", processes=1)
    behaviors = [believing.as_behavior(priors, row) for row in believing.to_natural(priors, z)]
    whole = table([trial], behaviors, seed=3, processes=1)["toy"]
    met = np.abs(whole["miss"]) <= kept.FARTHEST_MISS
    assert [m.id for m in kept.targets_of(trial)] == ["T-1", "T-2"]
    assert np.array_equal(made[met], np.stack([whole["T-1"], whole["T-2"]], axis=1)[met]) and np.isnan(made[~met]).all()
    asked = []
    monkeypatch.setattr(kept, "table", lambda t, b, **how: asked.append((len(b), how["first"])) or table(t, b, **how))
    assert np.array_equal(kept.simulated(trial, z, priors, seed=3, folder=tmp_path / "tables", processes=1), made, equal_nan=True)
    assert asked == []
    other = z.copy()
    other[12:] += 0.1
    again = kept.simulated(trial, other, priors, seed=3, folder=tmp_path / "tables", processes=1)
    assert asked == [(4, 12)] and np.array_equal(again[:12], made[:12], equal_nan=True)
    kept.simulated(trial, z[:4], priors, seed=4, folder=tmp_path / "tables", processes=1)
    assert asked[1:] == [(4, 0)]  # another seed


def test_a_row_whose_context_cannot_show_the_control_arm_says_nothing(tmp_path):
    path = tmp_path / "far.toml"
    path.write_text(SMALL.replace("high = 500_000.0", "high = 600.0"))
    priors = believing.read()
    assert np.isnan(kept.simulated(read(path), believing.draw(priors, 4, np.random.default_rng(1)), priors, seed=1, processes=1)).all()


def test_calibration_moves_toward_what_was_measured_and_leaves_studies_out(toy, tmp_path, monkeypatch):
    files = [toy("high", "HIGH", 0.62), toy("low", "LOW", 0.62)]
    made = front.calibrate(files, waves=(96, 32), draws=64, worlds=0, seed=2, processes=2, tables=tmp_path / "tables")
    prior = front.Rows(None, {})._replace(z=believing.draw(believing.read(), 96, np.random.Generator(np.random.PCG64([2, 0]))))
    before = kept.simulated(read(files[0]), prior.z, believing.read(), seed=2, folder=tmp_path / "tables", processes=1)[:, 0]
    assert np.nanmean(before) < 0.5
    middle = next(fit for fit in made.fits if fit.study == "high" and fit.summary == 0).mean
    assert abs(middle - 0.62) < 0.8 * abs(np.nanmean(before) - 0.62)
    assert set(made.without) == {"HIGH", "LOW"} and made.coverage is None
    assert list(made.draws.columns) == list(believing.read().names) and len(made.draws) == 64
    again = front.calibrate(files, waves=(96, 32), draws=64, worlds=0, seed=2, processes=1, tables=tmp_path / "tables")
    pd.testing.assert_frame_equal(made.draws, again.draws)
    path = made.write(tmp_path / "beliefs")
    found = posterior.read(path)
    assert found.count == 64 and found.rows[5] == {k: pytest.approx(v) for k, v in made.draws.iloc[5].items()}
    monkeypatch.setattr(trials, "BELIEFS", tmp_path / "beliefs")
    assert len(trials.without("HIGH")) == front.DRAWS_WITHOUT and trials.without("NEVER SEEN") is None
    assert 'kind = "posterior"' in (tmp_path / "beliefs" / "posterior.toml").read_text()


def test_nothing_to_calibrate_to_is_said(toy, tmp_path):
    path = tmp_path / "none.toml"
    path.write_text(SMALL.replace('grade = "A"', 'grade = "A"\ncalibrate = false'))
    with pytest.raises(InputError, match="calibrate = true"):
        front.calibrate([path])


def test_trials_are_scored_under_the_posterior(toy, drawn):
    scores = trials.trials([toy()], draws=6, seed=1, processes=1)
    assert scores.provenance["posterior"] == posterior.digest() and list(scores.rows["id"]) == ["T-1", "T-2", "T-3"]
    members = posterior.draws()
    whole = table([read(toy())], members[:6], seed=1, processes=1)["toy"]["T-1"]
    assert scores.rows.loc[0, "simulated"] == pytest.approx(whole.mean())
    point = trials.trials([toy()], draws=6, seed=1, behavior="point", processes=1)
    assert point.rows.loc[0, "simulated"] != scores.rows.loc[0, "simulated"]
    with pytest.raises(InputError, match="allowed: posterior or point"):
        trials.trials([toy()], behavior="best")


def test_a_forecast_is_dated_hashed_and_never_written_over(tmp_path, drawn):
    path = tmp_path / "ahead.toml"
    path.write_text(SMALL.replace("value = 0.3\nse = 0.05\n", "").replace('"TOY"', '"AHEAD"'))
    import datetime as dt

    made = forecast.make(path, draws=8, seed=1, date=dt.date(2026, 1, 2), processes=1)
    assert [row["id"] for row in made.document["rows"]] == ["T-1", "T-3"]
    assert made.document["sha256"] == forecast.make(path, draws=8, seed=1, date=dt.date(2026, 1, 2), processes=1).document["sha256"]
    written = forecast.write(made, tmp_path / "forecasts")
    assert written.name == "2026-01-02-ahead.json" and forecast.check(written)
    assert written.with_suffix(".png").stat().st_size > 5000 and made.document["sha256"] in written.with_suffix(".md").read_text()
    told = json.loads(written.read_text())
    told["rows"][0]["median"] += 0.01
    written.write_text(json.dumps(told))
    assert not forecast.check(written)
    with pytest.raises(InputError, match="not written over"):
        forecast.write(forecast.make(path, draws=8, seed=2, date=dt.date(2026, 1, 2), processes=1), tmp_path / "forecasts")
    low, high = made.document["rows"][0]["interval_90"]
    assert low <= made.document["rows"][0]["median"] <= high
    with pytest.raises(InputError, match="measured already"):
        forecast.make("cn-rice", draws=1)


def test_without_a_posterior_it_is_said_what_to_do(toy, monkeypatch):
    monkeypatch.setenv("SADAR_POSTERIOR", "none")
    with pytest.raises(InputError, match="sadar calibrate"):
        trials.trials([toy()], draws=1)
    with pytest.raises(InputError, match="sadar calibrate"):
        forecast.make("id-tk-p", draws=1)


def test_the_defaults_of_behavior_are_the_medians_of_the_shipped_posterior():
    """One set of numbers and the draws tell the same story: whoever calibrates again has to move the defaults too."""
    from simulation.parameters import Behavior

    usual, shipped = Behavior(), posterior.read(posterior.FILE)
    for row in json.loads((evidence.FOLDER / "calibration.json").read_text())["parameters"]:
        drawn = [x[row["key"]] for x in shipped.rows.values()]
        assert getattr(usual, row["key"]) == pytest.approx(row["median"], rel=0.006, abs=0.5 if row["key"] == "talk_boost_weeks" else 0), row["key"]
        assert np.median(drawn) == pytest.approx(row["median"], rel=0.01, abs=0.5 if row["key"] == "talk_boost_weeks" else 0), row["key"]

"""`sadar trials`, `forecast`, `calibrate` on the command line: the digits of the functions, one message and exit code 2 for bad input."""

import json

import pytest
from test_calibrate import SMALL
from typer.testing import CliRunner

from experiments import trials
from experiments.cli import app
from scenarios import posterior


def sadar(*words: str):
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.toml").write_text(SMALL)
    (tmp_path / "ahead.toml").write_text(SMALL.replace("value = 0.3\nse = 0.05\n", "").replace('"TOY"', '"AHEAD"'))
    draws = tmp_path / "posterior.csv"
    draws.write_text("value_sd\n" + "".join(f"{0.6 + k / 20}\n" for k in range(8)))
    monkeypatch.setenv("SADAR_POSTERIOR", str(draws))
    return tmp_path


def test_json_has_the_digits_of_the_function_and_the_table_shows_every_row(place):
    told = json.loads(sadar("trials", "toy.toml", "--draws", "4", "--json", "--processes", "1").stdout)
    scores = trials.trials(["toy.toml"], draws=4, processes=1)
    assert [row["simulated"] for row in told["rows"]] == scores.rows["simulated"].tolist()
    assert told["provenance"]["posterior"] == posterior.digest()
    shown = sadar("trials", "toy.toml", "--draws", "4", "--out", "found", "--processes", "1")
    assert shown.exit_code == 0 and all(f"T-{k}" in shown.stdout for k in (1, 2, 3))
    assert {p.name for p in (place / "found").iterdir()} == {"scores.csv", "summary.csv", "fits.csv", "provenance.json", "forest.png"}


def test_a_forecast_is_written_and_told(place):
    made = sadar("forecast", "ahead.toml", "--draws", "4", "--out", "ahead", "--processes", "1")
    assert made.exit_code == 0, made.output
    (path,) = (place / "ahead").glob("*.json")
    assert json.loads(path.read_text())["sha256"] in made.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trials", "nothing"], "no trial called"),
        (["trials", "toy.toml", "--draws", "0"], "--draws 0: not allowed"),
        (["trials", "toy.toml", "--behavior", "best"], "allowed: posterior or point"),
        (["trials", "toy.toml", "--processes", "x"], "--processes x: not allowed"),
        (["forecast", "toy2.toml"], "no such file"),
        (["forecast", "cn-rice"], "measured already"),
        (["calibrate", "lerep"], "--observed: missing"),
        (["calibrate", "--observed", "x.csv"], "without a village"),
        (["calibrate", "--waves", "5"], "--waves 5: not allowed"),
        (["run", "cn-rice"], "cn-rice"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_a_slip_is_one_line_and_exit_code_2(place, words, said):
    done = sadar(*words)
    assert done.exit_code == 2, done.output
    assert said in done.output.replace("\n", " ") and "Traceback" not in done.output
    assert not (place / "out").exists()


def test_trials_are_listed():
    assert "id-jkn" in sadar("list", "trials").stdout

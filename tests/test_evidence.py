"""The page that says how far to trust the model: made from what lies beside it, nothing left out."""

import json

import pandas as pd
import pytest
from test_trials import FILE

from experiments import cases as case_front
from experiments import evidence
from experiments.trials import trials
from simulation.parameters import InputError


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Results of a toy trial, as `collect` would leave them."""
    folder = tmp_path / "evidence"
    monkeypatch.setattr(evidence, "FOLDER", folder)
    monkeypatch.setattr(evidence, "PAGE", tmp_path / "EVIDENCE.md")
    path = tmp_path / "toy.toml"
    path.write_text(FILE.replace("value = 0.3", "value = 0.9"))  # a miss that nobody explains
    for name in ("trials", "left_out"):
        trials([path], draws=4, seed=1, behavior="point", processes=1).save(folder / name)
    return folder


def test_every_row_stands_on_the_page_and_misses_are_named(results):
    page = evidence.page()
    rows = pd.read_csv(results / "trials" / "scores.csv")
    for row in rows.itertuples():
        assert f"| {row.id} |" in page
    assert "**T-1**" in page and "not explained yet" in page
    (results / "misses.toml").write_text('general = ["all toys"]\n[row]\nT-1 = "nothing works nine times in ten"\n')
    page = evidence.page()
    assert "nothing works nine times in ten" in page and "not explained yet" not in page and "* all toys" in page
    assert "Perisai agents" in page  # only mechanism
    assert evidence.write().read_text() == page


def test_a_page_without_results_is_short_and_does_not_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "FOLDER", tmp_path)
    page = evidence.page()
    assert "Only mechanism" in page and "Predicted" not in page


def test_the_shipped_page_is_that_of_the_shipped_results():
    if not (evidence.FOLDER / "trials" / "scores.csv").is_file():
        pytest.skip("no results are shipped")
    assert evidence.PAGE.read_text(encoding="utf-8") == evidence.page()
    assert "not explained yet" not in evidence.page()
    told = json.loads((evidence.FOLDER / "trials" / "provenance.json").read_text())
    assert told["draws"] >= 100 and told["behavior"] == "posterior"


def test_cases_are_held_against_the_tail_that_they_were_picked_from():
    table = case_front.cases(("lerep", "ajibarang"), replicates=6, seed=1, behavior="point", processes=1)
    lerep = table[(table["case"] == "lerep") & (table["measure"] == "registered")].iloc[0]
    assert lerep["low"] <= lerep["median"] <= lerep["high"] and lerep["picked_median"] >= lerep["median"]
    assert bool(lerep["inside"]) == (lerep["picked_low"] <= lerep["observed"] <= lerep["picked_high"])
    assert bool(lerep["within"]) == (abs(lerep["picked_median"] - 1500) <= 0.3 * 1500)
    words = table[table["case"] == "ajibarang"].iloc[0]
    assert pd.isna(words["observed"]) and pd.isna(words["picked_median"]) and words["within"] is None and words["inside"] is None


def test_the_second_best_of_many_is_the_order_statistic():
    import numpy as np

    values = np.random.default_rng(1).normal(size=4000)
    low, middle, high = case_front.second_best(values, 201, 1)
    # second largest of n draws: the quantile of a Beta(n - 1, 2)
    from scipy.stats import beta

    assert middle == pytest.approx(np.quantile(values, beta(200, 2).median()), abs=0.05)
    assert low < middle < high
    with pytest.raises(InputError):
        trials(["no-such-trial"])

"""What the command line does, as functions: each by its name, and one that reads whatever a folder holds."""

import datetime as dt
import inspect
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from test_exactness import rich

import experiments
from experiments import api
from experiments.cli import COMMANDS
from simulation.parameters import InputError

#: commands about scenarios, which `scenarios` answers
OF_SCENARIOS = {"list", "check", "show", "schedule", "glossary"}


@pytest.fixture
def case():
    return rich(workers=60, weeks=12)


def test_a_folder_gives_what_it_holds(case, tmp_path):
    made = api.run(case, replicates=2, processes=1)
    made.save(tmp_path / "run")
    compared = api.compare(case, ["own", "none"], pairs=2, processes=1)
    compared.save(tmp_path / "compared")
    kept = api.branch(case, "2018-02-01", tmp_path / "past", replicates=2)
    asked = {
        "scenario": "lerep",
        "until": dt.date(2018, 9, 15),
        "replicates": 1,
        "levers": {"campaign.budget_rp": [10_000_000, 90_000_000]},
    }
    table = api.sweep(asked, tmp_path / "swept", processes=1)
    found = [experiments.load(tmp_path / name) for name in ("run", "compared", "past", "swept")]
    assert [type(x) for x in found] == [api.Result, api.Comparison, api.Past, pd.DataFrame]
    assert found[0].summary.equals(made.summary) and np.array_equal(found[1].values, compared.values, equal_nan=True)
    assert found[2].week == kept.week and found[3].equals(table) and found[3].attrs == table.attrs
    assert api.compare(found[2], ["own", "none"]).provenance["since"] == str(kept.at)
    for run_id in (made.provenance["run_id"], compared.provenance["run_id"], kept.about["run_id"], table.attrs["sweep_id"]):
        assert api.replay(run_id, processes=1).identical  # all are remembered
    (tmp_path / "swept" / "manifest.json").unlink()
    with pytest.raises(InputError, match="manifest.json is gone; the finished parts are kept"):
        api.load(tmp_path / "swept")
    (tmp_path / "run").rename(tmp_path / ".run.old")  # a save was killed between two renames
    assert api.load(tmp_path / "run").keys == made.keys


def test_a_folder_that_holds_nothing_of_sadar(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    for name, why in (
        ("", "neither a run, a comparison nor a sweep, nor a past"),
        ("file", "is a file"),
        ("no", "no such folder"),
        ("run", "no result of `sadar run`"),
    ):
        with pytest.raises(InputError, match=why):
            api.load(tmp_path / name)


def test_every_command_is_a_function_of_that_name():
    assert set(COMMANDS) - OF_SCENARIOS <= set(api.__all__)
    for name in set(api.__all__) - {"Comparison", "Past", "Replay", "Result"}:
        assert inspect.isfunction(getattr(api, name)) and getattr(api, name).__doc__, name
    assert all(name in api.__all__ and getattr(experiments, name) is getattr(api, name) for name in experiments.NAMES)
    assert not [name for name in experiments.NAMES if name in dir(experiments) and inspect.ismodule(getattr(experiments, name))]
    with pytest.raises(AttributeError, match="no attribute 'nothing'; what the command line does is in experiments.api"):
        _ = experiments.nothing


def test_the_package_is_light():
    code = "import experiments, sys; print([x for x in ('numpy', 'pandas', 'numba', 'experiments.api') if x in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"

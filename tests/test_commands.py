"""The command line of experiments: what it prints is what the functions give, trouble is one line, and nothing finished is lost."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest

from experiments import compare, sweep
from experiments.cli import app
from experiments.screens import words
from experiments.screens.figure_compare import comparison_figure, leading
from experiments.screens.figure_sweep import luck, sweep_figure
from experiments.screens.labels import amount, distinct, duration, interval, of_difference, short_paths, stacked
from experiments.sweeping import store

SADAR = [sys.executable, "-m", "experiments.cli"]
ROOT = Path(__file__).parent.parent
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals")
LEVER = """
[[lever]]
name = "{}"
start = 2018-03-01
grade = "guess"
source = "a test"
contact.channel = "session"
contact.attendance = {}
contact.every_weeks = 2
cost.event_rp = {}
"""
CAMPAIGN, SMALL, DESIGN = "session.toml", "small.toml", "design.toml"
FOUND = ["comparison.json", "figure.png", "pairs.parquet"]
ATTENDANCE, TALK = "campaign.levers.session.contact.attendance", "behavior.talk_enrolled_prob"
CLOCK = ("started", "wall_seconds", "pair_seconds")


def campaign(name: str, attendance: int = 10, cost: int = 50_000, lever: str = "session") -> None:
    Path(f"{name}.toml").write_text(f'kind = "campaign"\ntitle = "{name}"\n{LEVER.format(lever, attendance, cost)}', encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a village of 60 workers, its campaign, and a design of 3 x 2 points x 2 replicates."""
    monkeypatch.chdir(tmp_path)
    campaign("session")
    Path(SMALL).write_text(
        'kind = "case"\ntitle = "small"\ncampaigns = ["session.toml"]\nstart = 2018-03-01\nuntil = 2018-09-01\nburn_in_weeks = 20\n'
        '[village]\nextends = "desa"\nworkers = 60\nmedian_value_rp = 20_000.0\nforget_prob = 0.01\nstart_coverage_share = 0.1\n',
        encoding="utf-8",
    )
    design(DESIGN)
    return tmp_path


def design(name: str, replicates: int = 2, levers=f'"{ATTENDANCE}" = [5, 10, 20]', states=f'"{TALK}" = [0.01, 0.3]', more: str = "") -> str:
    Path(name).write_text(
        f'kind = "design"\ntitle = "sessions in a small village"\nscenario = "small.toml"\nreplicates = {replicates}\nseed = 3\n'
        + (more or 'outcomes = ["registered", "active@3", "active_share", "campaign_rp", "campaign_per_retained_rp"]')
        + f"\n[levers]\n{levers}\n[uncertainties]\n{states}\n",
        encoding="utf-8",
    )
    return name


@pytest.fixture
def sadar(place, capsys, monkeypatch):
    """Run a command in this process, in `place`: (exit code, stdout, stderr)."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def sadar(*args: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = app(list(args), prog_name="sadar", standalone_mode=False)
        return code, *capsys.readouterr()

    return sadar


@pytest.fixture
def told(sadar):
    """The one JSON document of a command that ends well."""

    def told(*args: str) -> dict:
        code, out, err = sadar(*args, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return told


def shown(answer: tuple[int, str, str]) -> str:
    """What people see of a command that ends well: within 120 signs a line."""
    code, out, err = answer
    assert code == 0, err
    assert "warning" not in err and "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 120
    return out


def real(*args: str):
    """A command as a process of its own, in the current folder; a group of its own, as in a terminal."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    return subprocess.Popen([*SADAR, *args], env=env, start_new_session=True, **pipes)


def written() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(".").rglob("*") if path.is_file() and path.name != ".lock"}


# ------------------------------------------------------------------ compare


def test_compare_shows_and_tells_what_the_function_gives(sadar, told):
    campaign("larger", 20)
    asked = ["compare", SMALL, "--with", "own", "--with", "none", "--with", "larger.toml", "--pairs", "12", "--at", "3"]
    found = compare.compare(SMALL, ["own", "none", "larger.toml"], pairs=12, at=3)
    document = told(*asked, "--out", "out")
    assert {k: v for k, v in document.items() if k not in CLOCK} == {k: v for k, v in found.document().items() if k not in CLOCK}
    assert sorted(path.name for path in Path("out").iterdir()) == FOUND
    pd.testing.assert_frame_equal(pd.read_parquet("out/pairs.parquet"), found.table())
    _, _, err = answer = sadar(*asked)
    out = shown(answer)
    assert err.startswith("own, none, larger: 12 pairs of villages, about ") and err.count("\n") == 1
    assert f"Verdict: {found.verdict()}." in " ".join(out.split()) and f"run id {document['run_id']}" in out and "month 3" in out
    for row in found.campaigns().itertuples():
        line = next(line for line in out.splitlines() if line.startswith(f" {row.campaign} "))
        assert line.split()[1:] == [*interval(amount("active"), row.mean, row.low, row.high).split(), words.percent(row.best_prob),
                                    words.percent(row.wins_share)]  # fmt: skip
    for row in found.differences().itertuples():
        line = next(line for line in out.splitlines() if line.startswith(f" {row.campaign} - {row.against} "))
        assert interval(of_difference("active")[0], row.mean, row.low, row.high) in line
        assert (words.text("not_told_apart") in line) != row.clear
    spent = {row.campaign: row.spend_rp for row in found.campaigns().itertuples()}
    money = out.split(words.TEXT["result_cost_title"])[1].split(words.TEXT["difference"])[0]
    assert words.dots(spent["own"]) in money and re.search(r"\n none +0 +- +- +- *\n", money)


def test_a_campaign_against_itself_is_zero_and_looks_it(sadar):
    out = shown(sadar("compare", SMALL, "--with", "own", "--pairs", "5"))
    line = next(line for line in out.splitlines() if line.startswith(" own (2) - own"))
    assert line.split()[4:] == ["0", "cannot", "be", "told", "apart", "50%", "all", "luck"]
    assert "cannot be told apart" in out.split("Verdict:")[1]


def test_compare_goes_on_to_the_half_width_and_spends_the_budget(sadar, told):
    asked = ["compare", SMALL, "--with", "none", "--with", "own"]
    found = told(*asked, "--half-width", "2.5", "--max-pairs", "60")
    assert found["precision"]["met"] and found["pairs"] >= 30 and found["precision"]["reached"] <= 2.5
    _, _, err = answer = sadar(*asked, "--half-width", "0.02", "--max-pairs", "40")
    assert "30 pairs of villages first" in err and "at most 40" in err and "raise --max-pairs" in shown(answer)
    out = shown(sadar(*asked, "--budget", "600.000", "--pairs", "5", "--since", "2018-05-01"))
    assert "Rp 600.000 on average" in out and "session." in out
    out = shown(sadar(*asked, "--outcome", "active_share/sex=female", "--pairs", "5"))
    assert "in percentage points" in out and "sex female" in out


def test_campaigns_with_long_names_fit_the_screen(sadar):
    names = [f"a_campaign_with_a_very_long_name_indeed_that_ends_in_{k}" for k in range(12)]
    for name in names:
        campaign(name)
    out = shown(sadar("compare", SMALL, *(part for name in names for part in ("--with", f"{name}.toml")), "--pairs", "2"))
    assert all(f"ends_in_{k} " in out for k in range(12)) and "51 more" in out
    assert out.split("Verdict")[0].count(words.text("not_told_apart")) == 15  # no row of a pair is broken


# ------------------------------------------------------------------ sweeps


def test_a_sweep_from_its_start_to_its_files(sadar, told):
    _, _, err = answer = sadar("sweep", DESIGN, "--out", "out")
    out, table = shown(answer), sweep.results("out")
    assert "3 choices of levers x 2 states of the world x 2 replicates = 12 runs" in err and "runs to do, about" in err
    assert f"sweep {table.attrs['sweep_id']}: 12 of 12 runs done, 0 failed" in out
    for row in sweep.summary(table).to_dict("records"):
        line = next(line for line in out.splitlines() if line.startswith(f" {row[ATTENDANCE]} "))
        for name in ("registered", "active@3", "active_share", "campaign_per_retained_rp"):
            assert interval(amount(name.partition("@")[0]), *(row[f"{name} {part}"] for part in ("mean", "low", "high"))) in line
    document = told("results", "out", "--export", "all.csv", "--figure", "all.png")
    rows = sweep.summary(table).to_dict("records")
    assert document["summary"] == [{key: None if x != x else x for key, x in row.items()} for row in rows]
    assert {key: document[key] for key in table.attrs} == table.attrs and document["written"] == ["all.csv", "all.png"]
    told("results", "out", "--export", "deep/down/all.parquet", "--figure", "all.svg")
    pd.testing.assert_frame_equal(pd.read_csv("all.csv").assign(reason=""), table, check_dtype=False)
    pd.testing.assert_frame_equal(pd.read_parquet("deep/down/all.parquet"), table)
    assert Path("all.png").read_bytes()[:4] == b"\x89PNG" and b"<svg" in Path("all.svg").read_bytes()[:1000]
    assert not list(Path(".").rglob(".*all*"))
    assert told("resume", "out")["done"] == told("sweep", DESIGN, "--out", "out")["done"] == 12
    assert words.text("sweep_nothing") in sadar("resume", "out")[2]
    assert told("extend", "out", "--replicates", "3")["done"] == 18 and "0 failed" in shown(sadar("extend", "out", "--replicates", "3"))
    pd.testing.assert_frame_equal(sweep.results("out")[:12], table)


def test_a_dry_run_writes_nothing(sadar, told):
    before = written()
    out = shown(sadar("sweep", "lerep_sessions", "--dry-run"))
    assert "9 choices of levers x 16 states of the world x 2 replicates = 288 runs" in " ".join(out.split())
    assert "0.01 to 0.06 (log), 16 drawn (Sobol)" in out
    document = told("sweep", DESIGN, "--dry-run")
    assert (document["runs"], document["points"], document["replicates"]) == (12, 6, 2) and document["plan"] == sweep.plan(DESIGN).hash
    assert written() == before


def test_a_sweep_of_everything_by_default_fits_the_screen(sadar, told):
    levers = "\n".join(f'"campaign.levers.{name}" = [true, false]' for name in ("session", "gift_of_the_village_to_its_members", "third"))
    text = Path(CAMPAIGN).read_text()
    Path(CAMPAIGN).write_text(text + "".join(LEVER.format(name, 5, 0) for name in ("gift_of_the_village_to_its_members", "third")))
    design("wide.toml", 1, levers, '"behavior.talk_enrolled_prob" = [0.1]', "months = [3]")
    out = shown(sadar("sweep", "wide.toml", "--out", "wide"))
    assert re.search(r"\n yes +no +yes ", out) and "Also kept" in out and out.count("registered") > 1
    assert len(told("results", "wide")["summary"][0]) == 3 + 2 + 3 * len(sweep.plan("wide.toml").design.columns)


def test_failed_runs_are_said_and_tried_again(sadar, told):
    agents = '[[lever]]\npreset = "perisai"\nname = "agents"\nstart = 2018-03-01\nagents.number = 1\n'
    Path(CAMPAIGN).write_text(f'kind = "campaign"\ntitle = "agents"\n{agents}', encoding="utf-8")
    design(DESIGN, 1, '"campaign.levers.agents.agents.number" = [1, 50]')
    out = shown(sadar("sweep", DESIGN, "--out", "out"))
    assert "4 of 4 runs done, 2 failed" in out and "2 x InputError: campaign.levers.agents.agents.number: 50" in " ".join(out.split())
    assert "sadar resume out --retry-failed" in " ".join(out.split())
    document = told("resume", "out", "--retry-failed")
    assert [row["point"] for row in document["failed"]] == [1, 3] and document["summary"][1]["registered mean"] is None


def test_a_sweep_of_which_nothing_is_done_yet(sadar, told):
    made = sweep.plan(DESIGN)
    with store.locked("out", make=True):
        store.create("out", made, outcomes=made.design.columns, replicates=2, code=sweep.CODE, versions={})
        assert words.text("results_none", title="sessions in a small village") in shown(sadar("results", "out", "--figure", "none.png"))
        document = told("results", "out", "--export", "none.csv")
    assert document["done"] == 0 and document["missing"] == 12 and document["summary"] == [] and Path("none.png").stat().st_size > 1000
    assert len(pd.read_csv("none.csv")) == 0


# ------------------------------------------------------------------ branch and replay


def test_a_past_is_kept_and_compared_from(sadar, told):
    asked = ["branch", SMALL, "--at", "2018-05-01", "--replicates", "3"]
    document = told(*asked, "--out", "one")
    assert (document["replicates"], document["seed"], document["folder"]) == (3, 1, "one") and len(document["files"]) == 3
    out = shown(sadar(*asked, "--out", "two"))
    assert document["run_id"] in out and "sadar compare two --with" in out
    found = told("compare", "two", "--with", "own", "--with", "none")
    assert found["since"] == document["at"] and found["pairs"] == 3 and found["differences"][0]["mean"] <= 0


def test_a_run_is_replayed_and_a_difference_is_told(sadar, told):
    run_id = told("run", SMALL, "--replicates", "2", "--seed", "9", "--out", "out")["run_id"]
    assert shown(sadar("replay", run_id)).startswith(f"identical: {run_id}")
    document = told("replay", run_id[:6], "--in", "out")
    assert document["identical"] and document["run_id"] == run_id and document["differences"] == []
    summary = json.loads(Path("out/summary.json").read_text())
    column = summary["keys"].index(["registered", "end", "all", "all"])
    for row in summary["values"]:
        row[column] += 1
    Path("out/summary.json").write_text(json.dumps(summary))
    code, out, err = sadar("replay", run_id)
    assert (code, err) == (1, "") and out.startswith("NOT identical") and re.search(r"registered\S* .* -1 *\n", out)
    code, out, err = sadar("replay", run_id, "--json")
    assert (code, err) == (1, "") and [row["change"] for row in json.loads(out)["differences"]] == [-1.0]


# ------------------------------------------------------------------ bad input


COMPARE = ["compare", SMALL, "--with", "own", "--with", "none", "--pairs", "2"]
BAD = [
    (["compare", SMALL, "--with", "lerep-2019"], ["--with", "lerep-2019", "did you mean 'lerep-2018'"]),
    (["compare", SMALL, "--with", "nowhere.toml"], ["nowhere.toml", "no such file"]),
    (["compare", SMALL], ["--with"]),
    ([*COMPARE, "--outcome", "actve"], ["actve", "did you mean 'active'"]),
    ([*COMPARE, "--outcome", "active_share/sex=girl"], ["active_share/sex=girl", "female"]),
    ([*COMPARE, "--at", "2031-01-01"], ["2031-01-01", "2018-03-01", "2018-09-01"]),
    ([*COMPARE, "--at", "soon"], ["soon", "a month from 1 to 6"]),
    ([*COMPARE, "--since", "2018-13-01"], ["since", "2018-13-01", "2019-12-31"]),
    ([*COMPARE, "--half-width", "-1"], ["--half-width -1", "above 0"]),
    ([*COMPARE, "--half-width", "narrow"], ["--half-width narrow", "above 0"]),
    ([*COMPARE, "--pairs", "1"], ["--pairs 1", "from 2"]),
    ([*COMPARE, "--budget", "1,5"], ["--budget 1,5", "whole number"]),
    ([*COMPARE, "--budget", "900000000000"], ["'own'", "Rp 900.000.000.000", "at most"]),
    ([*COMPARE, "--scale", "session"], ["scale", "budget"]),
    ([*COMPARE, "--budget", "1000000", "--scale", "sesion"], ["sesion", "session"]),
    ([*COMPARE, "--out", "foreign"], ["--out foreign", "notes.txt"]),
    ([*COMPARE, "--out", SMALL], ["--out small.toml", "file"]),
    (["sweep", "lerep_parst"], ["lerep_parst", "did you mean 'lerep_parts'"]),
    (["sweep", "nowhere.toml"], ["nowhere.toml", "no such file"]),
    (["sweep", SMALL], ["small.toml", 'kind = "design"']),
    (["sweep", "slip.toml"], ["slip.toml, line 8", "attendence", "did you mean 'attendance'"]),
    (["sweep", "slip.toml", "--dry-run"], ["slip.toml, line 8", "attendence"]),
    (["sweep", "many.toml"], ["many.toml", "60,000,000", "at most 10,000,000"]),
    (["sweep", DESIGN, "--engine", "desk"], ["desk", "did you mean 'dask'"]),
    (["sweep", DESIGN, "--scheduler", "tcp://10.0.0.1:8786"], ["scheduler", "dask"]),
    (["sweep", DESIGN, "--processes", "0"], ["--processes 0", "from 1"]),
    (["sweep", DESIGN, "--out", "foreign"], ["foreign", "notes.txt"]),
    (["sweep", DESIGN, "--out", SMALL], ["small.toml", "is a file"]),
    (["resume", "foreign"], ["foreign", "notes.txt"]),
    (["resume", "nowhere"], ["nowhere", "no such folder"]),
    (["resume", "empty"], ["empty", "no sweep"]),
    (["extend", "nowhere", "--replicates", "3"], ["nowhere", "no such folder"]),
    (["extend", "done", "--replicates", "1"], ["2 replicates", "fewer"]),
    (["extend", "done", "--replicates", "few"], ["--replicates few", "whole number"]),
    (["extend", "done"], ["--replicates"]),
    (["resume", "done", "--engine", "desk"], ["desk", "did you mean 'dask'"]),
    (["results", "nowhere"], ["nowhere", "no such folder"]),
    (["results", "foreign"], ["foreign", "no sweep"]),
    (["results", "done", "--export", "all.xls"], ["--export all.xls", ".csv"]),
    (["results", "done", "--figure", "all.xls"], ["--figure all.xls", ".png"]),
    (["results", "done", "--export", "small.toml/all.csv"], ["--export small.toml/all.csv"]),
    (["results", "done", "--figure", "small.toml/all.png"], ["--figure small.toml/all.png"]),
    (["branch", SMALL, "--at", "2031-01-01", "--out", "new"], ["2031-01-01", "2018-09-01"]),
    (["branch", SMALL, "--at", "soon", "--out", "new"], ["soon", "2018-03-01"]),
    (["branch", SMALL, "--at", "2018-05-01", "--out", "foreign"], ["foreign", "notes.txt"]),
    (["branch", SMALL, "--at", "2018-05-01", "--out", "new", "--replicates", "0"], ["--replicates 0"]),
    (["replay", "0123456789ab"], ["0123456789ab", "not known"]),
    (["replay", "lerep"], ["lerep", "hexadecimal"]),
]


@pytest.fixture(scope="module")
def done(tmp_path_factory, request):
    """The folder of a finished sweep, to be copied."""
    return tmp_path_factory.mktemp("done") / "out"


@pytest.mark.parametrize(("args", "said"), BAD, ids=[" ".join(args) for args, _ in BAD])
def test_bad_input_is_one_line_exit_code_2_and_no_file(args, said, sadar, done):
    if not done.exists():
        sweep.sweep(DESIGN, done, processes=1)
    shutil.copytree(done, "done")
    Path("foreign").mkdir()
    Path("empty").mkdir()
    Path("foreign/notes.txt").write_text("not ours")
    design("slip.toml", levers='"campaign.levers.session.contact.attendence" = [5, 10]')
    design("many.toml", 10_000_000)
    before, folders = written(), sorted(Path(".").iterdir())
    for more in ([], ["--json"]):
        code, out, err = sadar(*args, *more)
        line = err.splitlines()[-1]
        assert (code, out) == (2, "") and line.startswith("sadar") and "Traceback" not in err and "pydantic" not in err
        assert err.count("\n") == 1 or (args[-2] == "--budget" and not more)  # which says first what it will take
        for word in said:
            assert word in line
    assert written() == before and sorted(Path(".").iterdir()) == folders


def test_a_folder_in_use_is_left_alone(sadar, told):
    told("sweep", DESIGN, "--out", "out")
    before = written()
    with store.locked("out"):
        for args in (["sweep", DESIGN, "--out", "out"], ["resume", "out"], ["extend", "out", "--replicates", "9"]):
            code, out, err = sadar(*args)
            assert (code, out) == (2, "") and err.count("\n") == 1 and f"in use by process {os.getpid()}" in err
        assert told("results", "out")["done"] == 12
    assert written() == before


def test_our_own_errors_are_one_line_and_leave_no_file(sadar, monkeypatch):
    from experiments.screens import figure_compare, figure_sweep

    monkeypatch.setattr(figure_compare, "comparison_figure", lambda found: 1 / 0)
    monkeypatch.setattr(figure_sweep, "sweep_figure", lambda table: 1 / 0)
    sweep.sweep(DESIGN, "out", processes=1)
    before = written()
    for args in ([*COMPARE, "--out", "new"], ["results", "out", "--figure", "all.png"]):
        code, out, err = sadar(*args)
        last = err.splitlines()[-1]
        assert (code, out) == (1, "") and "ZeroDivisionError" in last
        Path(last.rsplit(" ", 1)[1]).unlink()
    assert written() == before


# ------------------------------------------------------------------ Ctrl-C


@posix
def test_ctrl_c_keeps_what_is_done_and_resume_completes(place, told):
    design("long.toml", 700)  # 4,200 runs
    process = real("sweep", "long.toml", "--out", "out", "--processes", "2")
    said = [process.stderr.readline() for _ in range(5)]  # the plan, and how long
    assert "4,200 runs" in said[0] and "runs to do, about" in said[-1]
    seen = real("results", "out", "--json")  # another process looks while the first works
    out, err = seen.communicate(timeout=60)
    assert seen.returncode == 0 and err == "" and json.loads(out)["runs"] == 4200 and process.poll() is None
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and time.monotonic() - began < 2
    kept = int(re.fullmatch(r"sadar: stopped; ([\d,]+) of 4,200 runs are kept; go on with: sadar resume out\n", err)[1].replace(",", ""))
    table = sweep.results("out")
    assert len(table) == kept and 2 <= kept < 4200
    document = told("resume", "out")
    assert document["done"] == 4200 and document["missing"] == 0
    rows = table.set_index("run")
    pd.testing.assert_frame_equal(sweep.results("out").set_index("run").loc[rows.index], rows)


@posix
@pytest.mark.parametrize("processes", ["1", "2"])
def test_ctrl_c_in_a_comparison_leaves_nothing(processes, place):
    before = written()
    process = real("compare", SMALL, "--with", "own", "--pairs", "100000", "--out", "out", "--processes", processes)
    assert "100,000 pairs of villages, about" in process.stderr.readline()
    time.sleep(0.5)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", f"sadar: {words.TEXT['stopped']}\n") and time.monotonic() - began < 2
    assert written() == before


@posix
def test_ctrl_c_while_a_past_is_saved_is_said(sadar, monkeypatch):
    from experiments import branch

    stop = lambda done, total: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
    save = branch.save
    asked = ["branch", SMALL, "--at", "2018-05-01", "--out", "past", "--replicates", "3"]
    with monkeypatch.context() as patched:
        patched.setattr(branch, "save", lambda *args, **more: save(*args, **{**more, "progress": stop}))
        assert sadar(*asked) == (130, "", f"sadar: {words.text('branch_stopped', folder='past')}\n")
    code, _, err = sadar("compare", "past", "--with", "own")
    assert code == 2 and "interrupted" in err
    assert sadar(*asked)[0] == 0


# ------------------------------------------------------------------ figures


def overlaps(figure, name: str) -> list[str]:
    """What is wrong with the texts of a figure: cut off, or over another or over a panel. The picture is kept where PICTURES says."""
    from matplotlib.text import Text

    if os.environ.get("PICTURES"):
        figure.savefig(Path(os.environ["PICTURES"]) / f"{name}.png", dpi=130, facecolor="white")
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    outside = set()
    for axes in figure.axes:  # marks beyond what an axis shows are not drawn
        low, high = axes.get_xlim()
        outside |= {mark.label1 for mark in axes.xaxis.get_major_ticks() if not low <= mark.get_loc() <= high}
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip() and text not in outside]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    inside = figure.bbox
    edges = lambda box: (box.x0 - inside.x0, inside.x1 - box.x1, box.y0 - inside.y0, inside.y1 - box.y1)  # noqa: E731
    wrong = [f"cut off: {words}" for words, box in boxes if min(edges(box)) < 5]
    over = lambda a, b: min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1  # noqa: E731
    wrong += [f"{a!r} over {b!r}" for (a, x), (b, y) in combinations(boxes, 2) if over(x, y)]
    wrong += [f"{words!r} over a panel" for words, box in boxes for axes in figure.axes if over(box, axes.bbox)]
    wide = min(axes.bbox.width for axes in figure.axes) / figure.dpi if figure.axes else 9
    return wrong + ([f"a panel of {wide:.1f} inches"] if wide < 0.9 else [])


def test_the_check_sees_what_is_wrong():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    FigureCanvasAgg(figure)
    figure.add_axes((0.4, 0.4, 0.2, 0.2)).set_yticks([])
    for x, y, words_ in ((0.1, 0.1, "one"), (0.11, 0.1, "two"), (0.95, 0.9, "cut off here"), (0.45, 0.5, "three")):
        figure.text(x, y, words_)
    assert [found.split(":")[0] for found in overlaps(figure, "wrong")] == ["cut off", "'one' over 'two'", "'three' over a panel"]


@pytest.mark.parametrize(
    ("count", "outcome"),
    [(2, "active"), (3, "active_share/occupation=construction_worker"), (6, "levers_rp"), (12, "active"), (40, "active")],
)
def test_a_figure_of_campaigns_with_long_names(count, outcome, place):
    names = ["own", "none"] if count == 2 else [f"{'every hamlet and market and mosque ' * (k % 3)}number {k}" for k in range(count)]
    given = [name if name in ("own", "none") else f"{name}.toml" for name in names]
    for k, name in enumerate(names):
        campaign(name, 5 + k, 1_000_000 * k)
    found = compare.compare(SMALL, given, pairs=8 if count < 40 else 2, outcome=outcome if "occupation" not in outcome else "active_share")
    assert not overlaps(comparison_figure(found), f"compare-{count}")


def test_a_figure_of_campaigns_that_do_nothing_or_the_same(place):
    found = compare.compare(SMALL, ["none", "none"], pairs=3, outcome="persistency_13")  # nobody's 13th month falls due
    assert not overlaps(comparison_figure(found), "compare-nothing")
    found = compare.compare(SMALL, ["own", "none", "own"], pairs=12, outcome="aware")
    best = leading(found, found.campaigns(), found.differences())
    assert best == {"own": "may be best", "none": "", "own (2)": "may be best"}
    figure = comparison_figure(found)
    assert not overlaps(figure, "compare-same")
    marks = [line for line in figure.axes[-1].lines if line.get_marker() == "o"]
    assert [mark.get_markerfacecolor() == "white" for mark in marks] == [not clear for clear in found.differences()["clear"]]
    found.better = "less"
    assert leading(found, found.campaigns(), found.differences()) == {"own": "", "none": "best", "own (2)": ""}


STATES = f'"{TALK}" = {{low = 0.01, high = 0.3}}\n"behavior.talk_aware_prob" = {{low = 0.001, high = 0.1}}\n[sampling]\n'
SWEEPS = {
    "one lever": {},
    "no levers": {"levers": "", "states": STATES + 'uncertainties = "sobol"\npoints = 8', "more": "months = [3]"},
    "only luck": {"levers": "", "states": "", "replicates": 6},
    "many choices": {
        "levers": f'"{ATTENDANCE}" = {{low = 5, high = 50}}', "states": '[sampling]\nlevers = "latin_hypercube"\npoints = 30',
        "more": 'outcomes = ["campaign_per_retained_rp", "active_share@3/income_fifth=1", "campaign_per_person_month_rp"]',
    },
    "text and truth": {
        "levers": 'campaign = ["none", "session.toml", ["session.toml", "other_sessions_of_the_village.toml"]]\n'
        '"village.name_of_a_choice" = 1', "states": '"behavior.talk_enrolled_prob" = [0.01, 0.3]',
    },
    "many levers": {"replicates": 1, "states": ""},
}  # fmt: skip


@pytest.mark.parametrize("kind", SWEEPS)
def test_a_figure_of_a_sweep(kind, place):
    given = dict(SWEEPS[kind])
    if kind == "text and truth":
        campaign("other_sessions_of_the_village", 20, 0, "others")
        given["levers"] = given["levers"].replace('"village.name_of_a_choice" = 1', '"behavior.talk_aware_prob" = [0.001, 0.1]')
    if kind == "many levers":
        names = [f"sessions_for_the_members_of_group_{k}" for k in range(6)]
        Path(CAMPAIGN).write_text('kind = "campaign"\ntitle = "many"\n' + "".join(LEVER.format(name, 5, 10_000) for name in names))
        given["levers"] = "\n".join(f'"campaign.levers.{name}" = [true, false]' for name in names)
    table = sweep.sweep(design("this.toml", **given), "out", processes=1)
    assert (table["status"] == "ok").all()
    assert not overlaps(sweep_figure(table), f"sweep-{kind.replace(' ', '-')}")
    partly = table[table["lever_point"] > 0].reset_index(drop=True)
    partly.attrs = table.attrs | {"missing": len(table) - len(partly)}
    assert not overlaps(sweep_figure(partly), f"sweep-{kind.replace(' ', '-')}-partly")
    table.loc[table["lever_point"] == 0, ["status", "reason"]] = "failed", "a reason"
    table.loc[table["lever_point"] == 0, table.attrs["outcomes"]] = float("nan")
    assert not overlaps(sweep_figure(table), f"sweep-{kind.replace(' ', '-')}-failed")


def test_what_luck_alone_does_is_hollow(place):
    """A path that moves nothing stays below the line 19 times of 20, one that does is above it."""
    import numpy as np

    rng, above = np.random.default_rng(5), 0
    for _ in range(300):
        table = pd.DataFrame({"lever_point": 0, "uncertainty_point": np.repeat(np.arange(16), 10), "x": np.repeat(rng.random(16), 10)})
        table["z"] = np.repeat(rng.random(16), 10)
        table["y"] = table["z"] + 0.05 * rng.random(160)  # moved by what was drawn with it
        table.attrs = {"levers": [], "uncertainties": ["x", "z"]}
        above += abs(table["x"].corr(table["y"], method="spearman")) > luck(table, "x")
        assert abs(table["z"].corr(table["y"], method="spearman")) > luck(table, "z")
    assert 0.02 < above / 300 < 0.09


# ------------------------------------------------------------------ words


def test_numbers_and_names_by_hand():
    show, points = of_difference("active_share")
    assert points and interval(show, -0.032, -0.0501, 0.0004) == "-3.2 (-5.0 to 0.0)" and show(0.1) == "+10.0"
    show, points = of_difference("active")
    assert not points and interval(show, 0.0, 0.0, 0.0) == "0" and interval(show, 81, 76, 86) == "+81 (+76 to +86)"
    assert interval(amount("campaign_rp"), 1_250_000, 900_000, 1_500_000) == "1.250.000 (900.000–1.500.000)"
    assert interval(amount("concentration_index"), -0.2, -0.3, 0.1) == "-0.2 (-0.3 to 0.1)"
    assert amount("active")(float("nan")) == amount("campaign_rp")(None) == "-"
    assert [duration(s) for s in (0.2, 12, 200, 9000, 300_000)] == ["1 s", "12 s", "3.3 min", "2.5 h", "3 days"]
    assert distinct(["a", "a long name one", "a long name two", "a lord's own one"], 9) == ["a", "a lon… 2", "a lo… two", "a lor… 4"]
    assert short_paths([ATTENDANCE, "campaign.levers.togoro", TALK, "a.x", "b.x"]) == [
        "session attendance",
        "togoro",
        "talk_enrolled_prob",
        "a.x",
        "b.x",
    ]
    assert stacked("campaign_per_retained_rp", 12) == "campaign_\nper_\nretained_rp"


def test_a_scheduler_that_is_lost_is_no_crash(sadar, monkeypatch):
    from experiments.cluster import SchedulerLost

    def gone(*_, **__):
        raise SchedulerLost("the scheduler at tcp://x is lost")

    monkeypatch.setattr(sweep, "_work_off", gone)
    code, _, err = sadar("sweep", DESIGN, "--out", "out")
    assert code == 1 and "the scheduler at tcp://x is lost; the runs that are finished are kept: sadar resume DIR" in err
    assert "traceback" not in err

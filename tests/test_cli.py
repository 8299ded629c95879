"""The command line: what it prints is what the files hold, bad input is one line and exit code 2, Ctrl-C leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from experiments import cli
from experiments.cli import app
from experiments.screens import show, tables, words
from scenarios.loader import load as load_scenario
from scenarios.reading import names
from simulation.stages import Stage

CASES = [name for name, _, _ in names("case")]
SOLVED = ["village.median_value_rp=27000.0", "village.forget_prob=0.02", "village.start_coverage_share=0.04"]
SMALL = ["village.workers=300", "burn_in_weeks=20", *SOLVED]
QUICK = [part for item in SMALL for part in ("--set", item)] + ["--until", "2018-12-20"]
FILES = ["figure.png", "ledger.parquet", "run.json", "summary.json", "weekly.parquet"]
SADAR = [sys.executable, "-m", "experiments.cli"]
ROOT = Path(__file__).parent.parent
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals")


@pytest.fixture
def sadar(capsys, tmp_path, monkeypatch):
    """Run a command in this process, in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")

    def sadar(*args: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = app(list(args), prog_name="sadar", standalone_mode=False)
        return code, *capsys.readouterr()

    return sadar


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run as a process of its own: its JSON and its folder."""
    folder = tmp_path_factory.mktemp("cli") / "out"
    done = real("run", "lerep", *QUICK, "--replicates", "3", "--seed", "7", "--out", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    return done, folder


def real(*args: str, command=SADAR):
    """Run a command as a process of its own."""
    return subprocess.run([*command, *args], capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=300)


def written(tmp_path: Path) -> set[str]:
    return {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}


# ------------------------------------------------------------------ run


def test_json_is_one_document_with_the_digits_of_the_files(finished):
    done, folder = finished
    assert done.stderr == "" and "\x1b" not in done.stdout
    told = json.loads(done.stdout)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    summary, about = (json.loads((folder / name).read_text(encoding="utf-8")) for name in ("summary.json", "run.json"))
    assert {key: summary[key] for key in told} == told
    assert {key: about[key] for key in ("run_id", "seed", "replicates")} == {"run_id": told["run_id"], "seed": 7, "replicates": 3}
    rows = {(r["measure"], r["month"], r["group_kind"], r["group"]): r for r in told["table"]}
    column = summary["keys"].index(["registered", "4", "all", "all"])
    values = sorted(row[column] for row in summary["values"])
    row = rows["registered", "4", "all", "all"]
    assert (row["low"], row["median"], row["high"]) == tuple(values) and row["median"] > 10
    assert told["observed"][0]["within"] is False and told["observed"][0]["median"] < 300


def test_screen_shows_the_same_digits_every_part_and_the_miss(finished, sadar):
    told = json.loads(finished[0].stdout)
    code, out, err = sadar("run", "lerep", *QUICK, "--replicates", "3", "--seed", "7")
    assert code == 0 and "\x1b" not in out and err.count("\n") == 1
    rows = {(r["measure"], r["month"], r["group"]): r for r in told["table"]}
    for measure, label in (("registered", "registered, ever"), ("active", "active: cover in force"), ("attempts", "attempts")):
        row = rows[measure, "4", "all"]
        shown = next(line for line in out.splitlines() if line.strip().startswith(label) and "start" not in line)
        assert f"{words.number(row['median'])} ({words.number(row['low'])}–{words.number(row['high'])})" in shown
    for part in "people funnel attempts staying cost cover channel observed money".split():
        assert words.TEXT[f"{part}_title"].split("{")[0] in out
    for word in ("sex: female", "occupation: farmer", "income fifth: 5 richest", "13th-month persistency", "MISS -", "seed 7"):
        assert word in out
    assert told["run_id"] in out and "luck only" in out and "smallest and largest" in out  # how sure: few runs, not calibrated
    assert f"{words.dots(rows['lever_rp', 'end', 'officials']['median'])}" in out


def test_seed_replicates_campaign_and_set_reach_the_run(sadar):
    def told(*args):
        code, out, err = sadar("run", "lerep", *QUICK, "--replicates", "1", "--json", *args)
        assert (code, err) == (0, "")
        return json.loads(out)

    first, again, other, none = told(), told(), told("--seed", "2"), told("--campaign", "none")
    assert first["table"] == again["table"] and first["run_id"] == again["run_id"]
    assert other["seed"] == 2 and other["table"] != first["table"] and other["run_id"] != first["run_id"]
    money = {(r["measure"], r["month"]): r["median"] for r in none["table"] if r["group_kind"] == "all"}
    assert money["levers_rp", "end"] == 0 and not [r for r in none["table"] if r["measure"] == "lever_rp"]
    smaller = told("--set", "village.workers=210")["table"]
    assert {r["median"] for r in smaller if (r["measure"], r["group"]) == ("workers", "all")} == {210.0}


def test_what_the_budget_could_not_pay_is_shown(sadar):
    code, out, _ = sadar("run", "lerep", *QUICK, "--replicates", "2", "--set", "campaign.budget_rp=4_000_000")
    assert code == 0 and words.TEXT["unmet_title"] in out
    assert re.search(r"hamlet_sessions\s+[\d.]{9,}", out.split(words.TEXT["unmet_title"])[1])
    code, out, _ = sadar("run", "lerep", *QUICK, "--replicates", "2", "--set", "campaign.budget_rp=4_000_000_000")
    assert code == 0 and words.TEXT["unmet_none"] in out


def test_a_match_is_told_from_a_miss(sadar, tmp_path, finished):
    seen = json.loads(finished[0].stdout)["observed"][0]["median"]
    (tmp_path / "mine.toml").write_text(
        'kind = "case"\nextends = "lerep"\n[[observed]]\nmeasure = "registered"\ndate = 2018-12-05\nkind = "count"\n'
        f'value = {seen}\ntolerance_share = 0.5\nsource = "here"\ngrade = "measured"\n',
        encoding="utf-8",
    )
    code, out, _ = sadar("run", "mine.toml", *QUICK, "--replicates", "3", "--seed", "7")
    assert code == 0 and "within, 100% of runs within" in out and "MISS" not in out


# ------------------------------------------------------------------ start


PROBE = """import sys
from experiments.cli import app
app(sys.argv[1:], prog_name="sadar", standalone_mode=False)
print(*sys.modules, file=sys.stderr)"""


@pytest.mark.parametrize("line", ["--help", "run --help", "--version", "list", "list levers", "run lerpe"])
def test_light_commands_import_nothing_heavy(line):
    done = real(*line.split(), command=[sys.executable, "-c", PROBE])
    assert done.returncode == 0
    assert not {"numba", "numpy", "pandas", "matplotlib", "mesa", "pyarrow"} & set(done.stderr.split())


def test_the_probe_sees_heavy_modules():
    assert "numpy" in real("check", "bunutin", command=[sys.executable, "-c", PROBE]).stderr.split()


@posix
def test_a_terminal_gets_a_bar_before_the_model_is_imported():
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen([*SADAR, "run", "lerep", *QUICK, "--replicates", "2"], stdout=subprocess.PIPE, stderr=slave, cwd=ROOT)
    os.close(slave)
    seen = b""
    while True:
        try:
            seen += os.read(master, 65536)
        except OSError:  # the other end was closed
            break
    out = process.communicate(timeout=300)[0]
    os.close(master)
    assert process.returncode == 0 and b"seed 1" in out and b"\x1b" not in out  # the bar goes to stderr, tables to stdout
    assert b"0/2" in seen and b"2/2" in seen


# ------------------------------------------------------------------ list, check, show, schedule


def test_version_and_list(sadar):
    assert sadar("--version") == (0, f"sadar {metadata.version('sadar')}\n", "")
    assert json.loads(sadar("--version", "--json")[1]) == {"version": metadata.version("sadar")}
    everything = json.loads(sadar("list", "--json")[1])
    assert [row["name"] for row in everything["cases"]] == CASES and len(everything["levers"]) >= 30
    for word, kind in (("cases", "case"), ("case", "case"), ("villages", "village"), ("campaigns", "campaign"), ("levers", "lever")):
        code, out, err = sadar("list", word)
        listed = [line.split()[0] for line in out.splitlines() if line.startswith(" ") and line.strip()]
        assert (code, err, listed[0]) == (0, "", "name") and listed[2:] == [name for name, _, _ in names(kind)]
    code, out, _ = sadar()
    assert code == 0 and "Usage" in out and "schedule" in out


@pytest.mark.parametrize("case", CASES)
def test_check_and_show_every_case(case, sadar):
    code, out, err = sadar("check", case)
    assert (code, err) == (0, "") and out.startswith(f"{case}: valid") and "clustering" in out
    told = json.loads(sadar("check", case, "--json")[1])
    p = load_scenario(case).parameters
    assert told["valid"] and told["village"]["workers"] == p.village.workers == sum(told["village"]["occupations"].values())
    assert [lever["name"] for lever in told["levers"]] == [lever.name for lever in p.campaign.levers]
    assert abs(told["network"]["degree_mean"] - p.village.degree_mean) < 0.5
    code, out, err = sadar("show", case, "--against", "lerep", "--full")
    assert (code, err) == (0, "") and words.TEXT["values_title"] in out and "behavior.value_sd" in out
    assert ("nothing differs from lerep" in out) == (case == "lerep")
    shown = json.loads(sadar("show", case, "--json")[1])
    assert shown["parameters"]["village"]["workers"] == p.village.workers and shown["differences"]


CAMPAIGN = """kind = "campaign"
title = "by hand"
[[lever]]
name = "talks"
start = 2018-08-08
end = 2018-10-31
payer = "branch"
contact = { channel = "session", attendance = 20, every_weeks = 2, events = 3 }
cost = { fixed_rp = 1_000_000, monthly_rp = 200_000, event_rp = 50_000, contact_rp = 1_000, registration_rp = 7_000 }
[[lever]]
name = "gifts"
start = 2018-09-01
payer = "village"
gift = { value_rp = 10_000 }
"""


def test_calendar_and_certain_money_by_hand(sadar, tmp_path):
    (tmp_path / "hand.toml").write_text(CAMPAIGN, encoding="utf-8")
    shown = json.loads(sadar("show", "lerep", "--campaign", "hand.toml", *QUICK, "--json")[1])
    talks, gifts = shown["calendar"]
    assert (talks["from_week"], talks["to_week"], talks["event_weeks"]) == (1, 13, [1, 3, 5])
    assert (gifts["from_week"], gifts["event_weeks"], gifts["last"]) == (5, [], "2018-12-19")
    # August: fixed, a month, events of the 8th and 22nd; September: a month, the event of the 5th; October: a month
    by_month = {row["month"]: row["rp"] for row in shown["money"]["certain"]}
    assert by_month == {"2018-08": 1_000_000 + 200_000 + 2 * 50_000, "2018-09": 250_000, "2018-10": 200_000}
    assert shown["money"]["limits"]["certain_rp"] == 1_750_000 and shown["money"]["limits"]["highest_month_rp"] == 1_300_000
    depends = {(row["lever"], row["kind"]): row["rp"] for row in shown["money"]["depends"]}
    assert depends == {("talks", "contacts"): 60_000, ("talks", "registrations"): 2_100_000, ("gifts", "gifts"): 3_000_000}
    out = sadar("show", "lerep", "--campaign", "hand.toml", *QUICK)[1]
    assert "·■─■─■────────······" in out and "·····───────────────" in out and "1.300.000" in out


def test_certain_money_is_what_a_run_books(sadar, tmp_path):
    import pandas as pd

    (tmp_path / "hand.toml").write_text(CAMPAIGN, encoding="utf-8")
    given = ["lerep", "--campaign", "hand.toml", *QUICK]
    money = json.loads(sadar("show", *given, "--json")[1])["money"]
    assert sadar("run", *given, "--replicates", "1", "--out", "out")[0] == 0
    ledger = pd.read_parquet("out/ledger.parquet")
    booked = ledger[ledger["item"].isin(["fixed", "event"])].assign(when=lambda x: x["date"].dt.strftime("%Y-%m"))
    assert booked.groupby(["lever", "when"])["rupiah"].sum().to_dict() == {(r["lever"], r["month"]): r["rp"] for r in money["certain"]}
    most = {(row["lever"], row["kind"]): row["rp"] for row in money["depends"]}
    for (lever, item), rp in ledger.groupby(["lever", "item"])["rupiah"].sum().items():
        kind = {"gift": "gifts", "registration": "registrations"}.get(item)
        assert kind is None or 0 < rp <= most[lever, kind]


def test_a_budget_below_the_certain_costs_is_told(sadar):
    code, out, _ = sadar("show", "hessa", "--set", "campaign.budget_rp=5_000_000")
    assert code == 0 and "MORE than there is" in out
    assert "MORE" not in sadar("show", "hessa", "--set", "campaign.budget_rp=500_000_000")[1]


def test_schedule_is_the_models(sadar):
    from simulation.document import SCHEDULE

    assert [step["function"] for step in json.loads(sadar("schedule", "--json")[1])] == [step.function for step in SCHEDULE]
    code, out, _ = sadar("schedule")
    assert code == 0 and all(step.function in out for step in SCHEDULE)


# ------------------------------------------------------------------ bad input


FILES_WITH_SLIPS = {
    "slip.toml": 'kind = "campaign"\n[[lever]]\npreset = "sesion"\nstart = 2018-08-01\n',
    "broken.toml": 'kind = "case"\nvillage = "lerep\n',
    "agents.toml": 'kind = "campaign"\n[[lever]]\npreset = "perisai"\nstart = 2018-08-01\nagents.number = 900\n',
    "poor.toml": 'kind = "campaign"\nbudget_rp = 1_000\n[[lever]]\npreset = "banner"\nstart = 2018-08-01\n',
    "ties.toml": 'kind = "case"\n[village]\nextends = "desa"\nties_file = "ties.csv"\n',
    "ties.csv": "source,target\n0,nobody\n",
    "circle.toml": 'kind = "campaign"\nextends = "circle.toml"\n',
    "notes.txt": "not ours",
}
BAD = [
    (["run", "lerpe"], ["lerpe", "did you mean 'lerep'"]),
    (["run", "nowhere/file.toml"], ["nowhere/file.toml", "no such file"]),
    (["run", "lerep", "--seed", "abc"], ["--seed abc", "whole number", "4,294,967,295"]),
    (["run", "lerep", "--seed", "-1"], ["--seed -1", "whole number"]),
    (["run", "lerep", "--seed", "4294967296"], ["--seed 4294967296"]),
    (["run", "lerep", "--replicates", "0"], ["--replicates 0", "from 1 to 1,000"]),
    (["run", "lerep", "--replicates", "1000000000"], ["--replicates 1000000000", "from 1 to 1,000"]),
    (["run", "lerep", "--processes", "two"], ["--processes two", "whole number"]),
    (["run", "lerep", "--until", "2018-07-01"], ["--until", "2018-07-01", "after start 2018-08-01"]),
    (["run", "lerep", "--until", "soon"], ["--until soon", "2019-12-31"]),
    (["run", "lerep", "--out", "notes.txt"], ["--out notes.txt", "file"]),
    (["run", "lerep", "--out", "notes.txt/sub"], ["--out notes.txt/sub", "file"]),
    (["run", "lerep", "--out", "."], ["--out .", "not empty"]),
    (["run", "lerep", "--out", ""], ["--out", "allowed"]),
    (["run", "lerep", "--set", "village.worker=5"], ["--set", "village.worker", "did you mean 'workers'"]),
    (["run", "lerep", "--set", "village.workers=0"], ["--set", "village.workers = 0", "from 1 to"]),
    (["run", "lerep", "--set", "village.workers"], ["--set village.workers", "key=value"]),
    (["run", "lerep", "--set", "village.female_share=42"], ["out of range", "write 42 % as 0.42"]),
    (["run", "lerep", "--campaign", "slip.toml"], ["slip.toml, line 3", "sesion", "did you mean 'session'"]),
    (["run", "lerep", "--campaign", "hessa"], ['"hessa"', "did you mean 'hessa-2018'"]),
    (["run", "lerep", "--set", "campaign.budget_rp=5"], ["--set", "campaign.budget_rp = 5", "hamlet_sessions", "2_850_000"]),
    (["run", "poor.toml"], ["poor.toml, line 2", "campaign.budget_rp = 1000", "banner", "350_000"]),
    (["run", "agents.toml"], ["agents.toml, line 5", "agents.number", "900", "13 candidates"]),
    (["run", "ties.toml"], ["ties.csv, line 2", "column target", "nobody"]),
    (["check", "agents.toml"], ["agents.toml, line 5", "13 candidates"]),
    (["check", "broken.toml"], ["broken.toml", "broken TOML", "line 2"]),
    (["check", "circle.toml"], ["circular extends"]),
    (["show", "lerep", "--against", "hesa"], ["did you mean 'hessa'"]),
    (["list", "casses"], ["casses", "did you mean 'cases'"]),
    (["rum"], ["rum", "run"]),
    (["run", "lerep", "--sead", "3"], ["--sead", "--seed"]),
    (["run"], ["CASE_OR_FILE"]),
    (["check", "lerep", "hessa"], ["hessa"]),
]


@pytest.mark.parametrize(("args", "words"), BAD, ids=[" ".join(args) for args, _ in BAD])
def test_bad_input_is_one_line_and_exit_code_2(args, words, sadar, tmp_path):
    for name, content in FILES_WITH_SLIPS.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    before = written(tmp_path)
    for more in ([], ["--json"]) if args[0] == "run" else ([],):
        code, out, err = sadar(*args, *more)
        assert (code, out) == (2, "") and err.count("\n") == 1 and err.startswith("sadar")
        assert "Traceback" not in err and "pydantic" not in err
        for word in words:
            assert word in err
    assert written(tmp_path) == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a folder nobody may write to")
def test_a_folder_that_cannot_be_written(sadar):
    code, out, err = sadar("run", "lerep", *QUICK, "--out", "/proc/results")
    assert (code, out) == (2, "") and err.count("\n") == 1 and "/proc/results" in err


def test_bad_input_of_a_real_process(tmp_path):
    done = real("run", "lerep", "--set", "village.worker=5", "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1 and "did you mean 'workers'" in done.stderr
    assert not written(tmp_path)


def test_our_own_errors_are_one_line_and_the_traceback_goes_to_a_file(sadar, monkeypatch):
    monkeypatch.setattr(show, "facts", lambda plan: 1 / 0)
    code, out, err = sadar("check", "lerep")
    assert (code, out) == (1, "") and err.count("\n") == 1 and "ZeroDivisionError" in err
    kept = Path(err.rsplit(" ", 1)[1].strip())
    assert "Traceback" in kept.read_text(encoding="utf-8")
    kept.unlink()


def test_a_run_that_cannot_finish_writing_leaves_nothing_and_keeps_the_old(sadar, tmp_path, monkeypatch):
    from experiments.screens import figures

    run = ["run", "lerep", *QUICK, "--replicates", "1", "--out", "out"]
    whole = figures.save_figure

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figures, "save_figure", full)
    code, out, err = sadar(*run)
    assert code == 1 and "No space left" in err and not written(tmp_path)
    Path(err.rsplit(" ", 1)[1].strip()).unlink()
    monkeypatch.setattr(figures, "save_figure", whole)
    assert sadar(*run)[0] == 0
    old = (tmp_path / "out/run.json").read_bytes()
    monkeypatch.setattr(figures, "save_figure", full)
    _, _, err = sadar(*run, "--seed", "2")
    Path(err.rsplit(" ", 1)[1].strip()).unlink()
    assert (tmp_path / "out/run.json").read_bytes() == old and written(tmp_path) == {"out", *(f"out/{name}" for name in FILES)}


# ------------------------------------------------------------------ Ctrl-C


@posix
@pytest.mark.parametrize("processes", ["1", "2"])
def test_ctrl_c_ends_at_once_and_leaves_nothing(processes, tmp_path):
    args = ["run", "lerep", "--replicates", "1000", "--processes", processes, "--out", str(tmp_path / "out")]
    process = subprocess.Popen([*SADAR, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    first = process.stderr.readline()  # it runs
    time.sleep(1.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and "lerep" in first
    assert err == f"sadar: {words.TEXT['stopped']}\n" and time.monotonic() - began < 20
    assert not written(tmp_path)


@posix
@pytest.mark.parametrize("goes_on", [True, False], ids=["goes on", "breaks"])
def test_a_ctrl_c_that_python_drops_still_ends_the_run(goes_on, sadar, monkeypatch):
    from experiments import run as layer

    def dropping(scenario, progress, **_):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            pass  # as in a callback from C
        if not goes_on:
            raise RuntimeError("what comes of it")
        progress(1, 2)
        reached.append(True)

    reached = []
    monkeypatch.setattr(layer, "run", dropping)
    code, out, err = sadar("run", "lerep", *QUICK, "--json")
    assert (code, out, err) == (130, "", f"sadar: {words.TEXT['stopped']}\n")
    assert not reached and signal.getsignal(signal.SIGINT) is signal.default_int_handler


# ------------------------------------------------------------------ figure and words


@pytest.mark.parametrize(
    ("case", "until", "levers"), [("kadugenep", "2018-09-01", 0), ("hessa", "2018-10-01", 0), ("lerep", "2019-01-10", 25)]
)
def test_figure_cuts_nothing_off_and_labels_do_not_overlap(case, until, levers, tmp_path):
    from matplotlib.text import Text

    from experiments.run import run
    from experiments.screens.figures import figure

    campaign = [tmp_path / "long.toml"] if levers else []
    for file in campaign:  # many levers with long names, with and without cost
        lever = '[[lever]]\nname = "something_for_hamlet_{}"\nstart = 2018-08-01\nservice.answers_complaints = true\ncost.fixed_rp = {}\n'
        title = f'kind = "campaign"\ntitle = "{"much of everything " * 12}"\n'
        file.write_text(title + "".join(lever.format(n, n % 2 * 1_000_000 * n) for n in range(levers)), encoding="utf-8")
    made = figure(run(load_scenario(case, campaigns=campaign, overrides=SMALL, until=until), replicates=3))
    renderer = made.canvas.get_renderer()
    made.draw(renderer)
    inside = made.bbox
    texts = [text for text in made.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), Text.get_window_extent(text, renderer)) for text in texts]  # without the arrow
    ticks = re.compile(r"[\d.,]+|[A-Z][a-z]{2}")  # marks of an axis beyond what it shows are not drawn
    for label, box in boxes:
        whole = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
        assert whole or ticks.fullmatch(label), label
    stages = "|".join(stage.name.lower() for stage in Stage)
    named = [box for label, box in boxes if re.match(rf"({stages}|{words.TEXT['ever']}) \d", label)]
    assert len(named) == 9
    named.sort(key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 + 1.0 for below, above in zip(named, named[1:]))


def test_figure_money_is_the_ledgers(finished):
    from experiments.run import load
    from experiments.screens.figures import juta, lever_money

    result = load(finished[1])
    found = lever_money(result).set_index("lever")["median"]
    told = result.table(["lever_rp"], ["end"]).set_index("group")["median"]
    assert found["hamlet_sessions"] == told["hamlet_sessions"] > 0 and found["officials"] == told["officials"] == 3_207_000
    amounts = {850_000: "Rp 850.000", 12_540_000: "Rp 12,5 juta", 117_000_000: "Rp 117 juta", 1_260_000_000: "Rp 1,3 miliar"}
    assert {rp: juta(rp) for rp in amounts} == amounts


def test_words_stand_in_one_place():
    files = Path(cli.__file__).parent.rglob("*.py")
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    used = set(re.findall(r'\btext\("(\w+)"', code))
    assert len(used) > 40 and not used - set(words.TEXT)
    assert all(f"how_{kind}" in words.TEXT and kind in words.TEXT for kind in re.findall(r'add\("(\w+)"', code))
    for measure, _ in (*tables.PEOPLE, *tables.ATTEMPTS, *tables.STAYING, *tables.COSTS):
        assert measure in words.TEXT
    assert (words.rupiah(1_250_000), words.number(1500.4), words.number(2.5)) == ("Rp 1.250.000", "1,500", "2.5")
    assert (words.percent(0.256), words.percent(0.0256), words.number(float("nan"))) == ("26%", "2.6%", "-")

"""The `sadar` command: thin, every command calls one function that a notebook can call too.

    sadar run lerep                 experiments.run.run("lerep"), Result.document(), Result.save()
    sadar list, check, show         scenarios.reading.names, experiments.show
    sadar schedule                  simulation.document.SCHEDULE

Heavy modules are imported inside the commands, so that `sadar --help` is there at once. Bad input ends in one line on stderr
and exit code 2, Ctrl-C in 130, an error of our own in 1 with the traceback in a file. Every word stands in words.TEXT.
"""

import json
import os
import signal
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from experiments.words import text

MAX_SEED, MAX_REPLICATES, MAX_PROCESSES = 2**32 - 1, 1_000, 256
KINDS = {"cases": "case", "villages": "village", "campaigns": "campaign", "schemes": "scheme", "behaviors": "behavior", "levers": "lever"}
USAGE = typer.BadParameter.__mro__[2]  # click's error of any wrong use; some versions of typer carry their own copy of click


class BadInput(ValueError):
    """What the user gave cannot be used; the text is the message."""


class Sadar(TyperGroup):
    """The command group, with one way to end in trouble."""

    def main(self, *args, standalone_mode: bool = True, **extra):
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal that cannot write a sign gets a question mark, not a crash
        with interruptible() as pressed:
            try:
                code = super().main(*args, standalone_mode=False, **extra) or 0
            except USAGE as error:
                code = fail(error.format_message(), 2, getattr(error, "ctx", None))
            except (typer.Abort, KeyboardInterrupt):
                code = 130
            except Exception as error:
                code = 130 if pressed else explained(error)
        if code == 130:
            exec("")  # or Python would end by the signal itself when Ctrl-C fell into an exec() of some import
            fail(text("stopped"), code)
        if standalone_mode:
            sys.exit(code)
        return code


PRESSED: list[int] = []


@contextmanager
def interruptible():
    """Ctrl-C raises KeyboardInterrupt as ever, and is noted in PRESSED: where the compiler calls back from C, Python drops it."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    hook = sys.unraisablehook
    PRESSED.clear()

    def press(number, frame):
        PRESSED.append(number)
        raise KeyboardInterrupt

    if ours:
        signal.signal(signal.SIGINT, press)
        sys.unraisablehook = lambda dropped: None if PRESSED else hook(dropped)
    try:
        yield PRESSED
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.unraisablehook = hook


def fail(message: str, code: int, context=None) -> int:
    """One line on stderr."""
    words = " ".join(str(message).split()).replace("?; ", "? ")
    print(f"{getattr(context, 'command_path', None) or 'sadar'}: {words}", file=sys.stderr)
    return code


def explained(error: Exception) -> int:
    """Bad input says itself what is wrong (2); of our own errors the traceback goes to a file (1)."""
    import traceback

    from simulation.parameters import InputError

    if isinstance(error, BadInput | InputError):
        return fail(str(error), 2)
    if isinstance(error, MemoryError):
        return fail(text("too_large", why=error), 2)
    with tempfile.NamedTemporaryFile("w", prefix="sadar-error-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))
    return fail(text("crashed", error=f"{type(error).__name__}: {error}", path=file.name), 1)


app = typer.Typer(cls=Sadar, add_completion=False, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})


def option(name: str, metavar: str | None, words: str):
    return typer.Option(name, metavar=metavar, help=words)


Case = Annotated[str, typer.Argument(metavar="CASE_OR_FILE", help="a name from `sadar list`, or a TOML file")]
Campaigns = Annotated[list[str] | None, option("--campaign", "FILE", "campaign in place of the case's own; repeat to join several")]
Sets = Annotated[list[str] | None, option("--set", "KEY=VALUE", "change one value, such as village.workers=500; repeatable")]
Until = Annotated[str | None, option("--until", "DATE", "the run ends before this day, such as 2019-12-31")]
Json = Annotated[bool, option("--json", None, "one JSON document on stdout, nothing else")]
FILES = "write summary.json, weekly.parquet, ledger.parquet, run.json and figure.png to this folder"


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context, version: Annotated[bool, option("--version", None, "show the version")] = False, json_: Json = False
) -> None:
    """How a village comes to know, join and keep paying for social security."""
    if version:
        from importlib import metadata

        found = metadata.version("sadar")
        emit({"version": found}) if json_ else print(f"sadar {found}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


@app.command("run")
def run_command(
    case: Case,
    campaign: Campaigns = None,
    replicates: Annotated[str, option("--replicates", "N", "runs with different luck")] = "20",
    seed: Annotated[str, option("--seed", "S", "the same seed gives the same digits")] = "1",
    until: Until = None,
    set_: Sets = None,
    out: Annotated[str | None, option("--out", "DIR", FILES)] = None,
    processes: Annotated[str | None, option("--processes", "N", "working processes (default: as many as pay)")] = None,
    json_: Json = False,
) -> None:
    """Run a village under a campaign: who registers, who keeps paying, what it costs."""
    options = {
        "replicates": whole("--replicates", replicates, 1, MAX_REPLICATES, text("replicates_why")),
        "seed": whole("--seed", seed, 0, MAX_SEED),
        "processes": None if processes is None else whole("--processes", processes, 1, MAX_PROCESSES),
    }
    scenario = _load(case, campaign, set_, until)
    if out is not None:
        check_out(out)
    result = watched(scenario, options, quiet=json_, overrides=set_ or ())
    from experiments.tables import closing, run_tables

    written = _save(result, out) if out is not None else ""
    if json_:
        emit(result.document())
    else:
        show_parts([*run_tables(result), *closing(result, written)])


def watched(scenario, options: dict, quiet: bool = False, overrides=()):
    """`experiments.run.run` behind a progress bar on stderr; warnings become lines there, an error gets its file and line."""
    import warnings

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    screen = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    live = screen.is_terminal and not quiet
    with Progress(*columns, console=screen, transient=True, disable=not live) as progress, warnings.catch_warnings(record=True) as told:
        from simulation import cache

        cache.prepare()
        compiled = any(Path(os.environ.get("NUMBA_CACHE_DIR", ".")).rglob("*.nbi"))
        waiting = text("prepare" if compiled else "compile")
        task = progress.add_task(waiting, total=options["replicates"])
        from experiments import show
        from experiments.run import run

        show.lay_out(scenario, overrides)  # what does not fit the village is said before anything else
        if not (live or quiet):
            print(f"{text('runs', name=scenario.name)}: {waiting}", file=sys.stderr, flush=True)

        def step(done: int, total: int) -> None:
            if PRESSED:
                raise KeyboardInterrupt
            progress.update(task, completed=done, description=text("runs", name=scenario.name) if done else waiting)

        with show.placed(scenario, overrides):
            result = run(scenario, progress=step, **options)
    for warning in told:
        if not issubclass(warning.category, DeprecationWarning | FutureWarning):
            fail(text("warning", what=warning.message), 0)
    return result


@app.command("list")
def list_command(
    kind: Annotated[str | None, typer.Argument(metavar=f"[{'|'.join(KINDS)}]", help="all when absent")] = None, json_: Json = False
) -> None:
    """What comes with sadar: cases, villages, campaigns, schemes, levers."""
    from scenarios.errors import nearest, shown
    from scenarios.reading import names

    plural = next((p for p, k in KINDS.items() if kind in (p, k)), None)
    if kind is not None and plural is None:
        raise BadInput(text("unknown", what="list", value=kind, hint=nearest(kind, KINDS), known=", ".join(KINDS)))
    found = {p: [{"name": n, "title": t, "file": shown(f)} for n, t, f in names(KINDS[p])] for p in ([plural] if plural else KINDS)}
    if json_:
        return emit(found)
    from experiments.tables import names_table

    show_parts([*(names_table(p, rows) for p, rows in found.items()), text("list_hint")])


@app.command("check")
def check_command(file: Case, campaign: Campaigns = None, until: Until = None, set_: Sets = None, json_: Json = False) -> None:
    """Is a scenario valid? Size, levers and network of its village, or the one thing that is wrong."""
    scenario = _load(file, campaign, set_, until)
    from experiments import show
    from experiments.tables import facts_lines, levers_table

    facts = show.facts(show.lay_out(scenario, set_ or ()))
    if json_:
        return emit({"valid": True, **facts})
    show_parts([text("valid", name=file), *facts_lines(facts), levers_table(facts)])


@app.command("show")
def show_command(
    file: Case,
    against: Annotated[str, option("--against", "OTHER", "scenario to compare with")] = "desa",
    full: Annotated[bool, option("--full", None, "also every single value with unit, evidence and source")] = False,
    campaign: Campaigns = None,
    until: Until = None,
    set_: Sets = None,
    json_: Json = False,
) -> None:
    """A scenario as it would run: what differs from another, its levers week by week, and the money that is certain."""
    scenario, other = _load(file, campaign, set_, until), _load(against)
    from experiments import show, tables

    plan = show.lay_out(scenario, set_ or ())
    facts, weeks, money = show.facts(plan), show.calendar(plan), show.budget(plan)
    differs = show.differences(scenario, other)
    if json_:
        about = {"parameters": show.resolved(scenario), "against": against, "differences": differs}
        return emit({**facts, **about, "calendar": weeks, "money": money})
    parts = [*tables.facts_lines(facts), tables.levers_table(facts), tables.diff_table(differs, against)]
    parts += tables.gantt(weeks, plan.calendar.dates[plan.calendar.burn_in :], console().width)
    show_parts([*parts, *tables.budget_tables(money), *([tables.values_table(show.values(scenario))] if full else [])])


@app.command("schedule")
def schedule_command(json_: Json = False) -> None:
    """What happens in one week of the model, in order."""
    from simulation.document import SCHEDULE

    steps = [step._asdict() for step in SCHEDULE]
    if json_:
        return emit(steps)
    from experiments.tables import grid

    heads = [text("step_does" if key == "does" else key) for key in steps[0]]
    show_parts([grid(text("schedule"), heads, [list(step.values()) for step in steps])])


# ------------------------------------------------------------------ input and output


def whole(name: str, value: str, low: int, high: int, why: str = "") -> int:
    """A whole number in its range, or BadInput."""
    try:
        found = int(value)
    except ValueError:
        found = None
    if found is None or not low <= found <= high:
        raise BadInput(text("range", option=name, value=value, allowed=text("whole", low=low, high=high) + why))
    return found


def _load(name: str, campaigns=None, overrides=None, until=None):
    from scenarios.loader import load

    return load(name, campaigns=campaigns or (), overrides=overrides or (), until=until)


def check_out(given: str) -> None:
    """Refuse a folder for results that is a file, holds something else or cannot be written, before anything runs."""
    if not given.strip():
        raise BadInput(text("out_denied", path='""', why="no name"))
    folder = Path(given).absolute()
    above = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    if not above.is_dir():
        raise BadInput(text("out_file", path=given))
    try:
        tempfile.TemporaryFile(dir=above).close()
        from experiments.run import refuse_others

        refuse_others(folder)
    except (OSError, ValueError) as error:
        raise BadInput(text("out_denied", path=given, why=getattr(error, "strerror", None) or error)) from None


def _save(result, out: str) -> str:
    """All files of a result with its figure, or none; gives their names in words."""
    from experiments.figures import save_figure

    folder = result.save(out, figures=lambda found, draft: save_figure(found, draft / "figure.png"))
    return f"{out}: {', '.join(sorted(file.name for file in folder.iterdir()))}"


def emit(document) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False))


def console():
    """The screen; 120 signs wide where stdout is a file or a pipe."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)


def show_parts(parts) -> None:
    screen = console()
    for part in parts:
        screen.print(part, markup=False)


def main() -> None:
    app(prog_name="sadar")


if __name__ == "__main__":
    main()

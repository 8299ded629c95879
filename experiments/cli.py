"""The `sadar` command: thin, every command calls one function that a notebook can call too.

    sadar run lerep                     experiments.run.run(load("lerep"))
    sadar list | check | show           scenarios.reading.names, experiments.show
    sadar schedule                      simulation.document.SCHEDULE

Heavy modules are imported inside the commands, so that `sadar --help` is there at once. Bad input ends in one line on
stderr and exit code 2, Ctrl-C in 130, an error of our own in 1 with the traceback in a file. Words stand in tables.TEXT.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from experiments.tables import text

MAX_SEED = 2**32 - 1
MAX_REPLICATES = 10_000
MAX_PROCESSES = 256
KINDS = {"cases": "case", "villages": "village", "campaigns": "campaign", "schemes": "scheme", "behaviors": "behavior", "levers": "lever"}
USAGE = typer.BadParameter.__mro__[2]  # click's error of any wrong use; typer may carry its own copy of click


class BadInput(ValueError):
    """What the user gave cannot be used; the text is the message."""


class Sadar(TyperGroup):
    """The command group, with one way to end in trouble."""

    def main(self, *args, standalone_mode: bool = True, **extra):
        from simulation.parameters import InputError

        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal that cannot write a sign gets a question mark, not a crash
        try:
            code = super().main(*args, standalone_mode=False, **extra) or 0
        except USAGE as error:
            code = fail(error.format_message(), 2, getattr(error, "ctx", None))
        except (BadInput, InputError) as error:
            code = fail(str(error), 2)
        except (typer.Abort, KeyboardInterrupt):
            code = 130
        except MemoryError as error:
            code = fail(text("too_large", why=error), 2)
        except Exception as error:
            code = fail(text("crashed", error=f"{type(error).__name__}: {error}", path=_keep_traceback()), 1)
        if code == 130:
            fail(text("stopped"), 130)
        if standalone_mode:
            sys.exit(code)
        return code


def fail(message: str, code: int, context=None) -> int:
    """One line on stderr."""
    command = getattr(context, "command_path", None) or "sadar"
    print(f"{command}: {' '.join(str(message).split())}", file=sys.stderr)
    return code


def _keep_traceback() -> str:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="sadar-error-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(traceback.format_exc())
    return file.name


app = typer.Typer(cls=Sadar, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})

Case = Annotated[str, typer.Argument(metavar="CASE_OR_FILE", help="a name from `sadar list`, or a TOML file")]
Campaigns = Annotated[list[str] | None, typer.Option("--campaign", metavar="FILE", help="campaign in place of the case's own; repeat to join several")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change one value, e.g. village.workers=500; repeatable")]
Until = Annotated[str | None, typer.Option("--until", metavar="DATE", help="the run ends before this day, e.g. 2019-12-31")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout, nothing else")]


@app.callback()
def top(version: Annotated[bool, typer.Option("--version", is_eager=True, callback=lambda given: _version(given), help="show the version")] = False) -> None:
    """How a village comes to know, join and keep paying for social security."""


def _version(given: bool) -> None:
    if given:
        from importlib.metadata import version

        print(f"sadar {version('sadar')}")
        raise typer.Exit()


@app.command("run")
def run_command(
    case: Case,
    campaign: Campaigns = None,
    replicates: Annotated[str, typer.Option(metavar="N", help="runs with different luck")] = "20",
    seed: Annotated[str, typer.Option(metavar="S", help="the same seed gives the same digits")] = "1",
    until: Until = None,
    set_: Sets = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="write summary.json, weekly.parquet, ledger.parquet, run.json, figure.png")] = None,
    processes: Annotated[str | None, typer.Option(metavar="N", help="worker processes (default: as many as pay)")] = None,
    json_: Json = False,
) -> None:
    """Run a village under a campaign: who registers, who keeps paying, what it costs."""
    count = whole("--replicates", replicates, 1, MAX_REPLICATES, text("replicates_why"))
    options = {"replicates": count, "seed": whole("--seed", seed, 0, MAX_SEED)}
    options["processes"] = None if processes is None else whole("--processes", processes, 1, MAX_PROCESSES)
    scenario = _load(case, campaign, set_, until)
    if out is not None:
        check_out(out)
    result = _run(scenario, set_, options, quiet=json_)
    if json_:
        if out is not None:
            write(result, out)
        emit(result.document())
        return
    from experiments.tables import run_tables

    show_parts(run_tables(result))
    files = write(result, out) if out is not None else []
    show_parts(closing(result, files))


def _run(scenario, overrides, options: dict, quiet: bool):
    """The run behind a progress bar; what does not fit the village is placed in its file."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task(text("prepare"), total=options["replicates"])
        from simulation import cache

        cache.prepare()
        ...


@app.command("list")
def list_command(
    kind: Annotated[str | None, typer.Argument(metavar="[cases|villages|campaigns|schemes|behaviors|levers]", help="all when absent")] = None,
    json_: Json = False,
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

    show_parts([names_table(p, rows) for p, rows in found.items()] + [text("list_hint")])


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
    against: Annotated[str, typer.Option(metavar="OTHER", help="scenario to compare with (default: the generic village without campaign)")] = "desa",
    full: Annotated[bool, typer.Option("--full", help="also every single value with unit, grade and source")] = False,
    campaign: Campaigns = None,
    until: Until = None,
    set_: Sets = None,
    json_: Json = False,
) -> None:
    """A scenario as it would run: what differs from another, its levers week by week, and the money that is certain."""
    scenario, other = _load(file, campaign, set_, until), _load(against)
    from experiments import show, tables

    plan = show.lay_out(scenario, set_ or ())
    facts, lines, money, differs = show.facts(plan), show.calendar(plan), show.budget(plan), show.differences(scenario, other)
    if json_:
        return emit({**facts, "parameters": show.resolved(scenario), "against": against, "differences": differs, "calendar": lines, "money": money})
    parts = [*tables.facts_lines(facts), tables.levers_table(facts), tables.diff_table(differs, against)]
    parts += [tables.gantt(lines, plan.calendar.dates[plan.calendar.burn_in :], width())]
    parts += [*tables.budget_tables(money), *([tables.values_table(show.values(scenario))] if full else [])]
    show_parts(parts)


@app.command("schedule")
def schedule_command(json_: Json = False) -> None:
    """What happens in one week of the model, in order."""
    from simulation.document import SCHEDULE

    steps = [step._asdict() for step in SCHEDULE]
    if json_:
        return emit(steps)
    from experiments.tables import grid

    show_parts([grid(text("schedule"), [text(f"step_{key}") for key in steps[0]], [step.values() for step in steps])])


# ------------------------------------------------------------------ input and output


def whole(option: str, value: str, low: int, high: int, why: str = "") -> int:
    """A whole number within its range, or BadInput."""
    try:
        found = int(value)
    except ValueError:
        found = None
    if found is None or not low <= found <= high:
        raise BadInput(text("range", option=option, value=value, allowed=text("whole", low=low, high=high) + why))
    return found


def _load(name: str, campaigns=None, overrides=None, until=None):
    from scenarios.loader import load

    return load(name, campaigns=campaigns or (), overrides=overrides or (), until=until)


def check_out(folder: Path) -> None:
    """Refuse a folder for results that is a file, is not ours, or cannot be written; nothing is left behind."""
    import tempfile

    try:
        if folder.exists() and not folder.is_dir():
            raise BadInput(text("out_file", path=folder))
        if folder.is_dir() and any(folder.iterdir()) and not (folder / "run.json").is_file():
            raise BadInput(text("out_other", path=folder))
        above = folder.absolute()
        while not above.exists():
            above = above.parent
        tempfile.TemporaryFile(dir=above).close()
    except OSError as error:
        raise BadInput(text("out_denied", path=folder, why=error.strerror or error)) from None


def write(result, folder: Path) -> list[Path]:
    """All files of a result, complete or not at all: made beside their place, then moved there with Ctrl-C held back."""
    import shutil
    import signal
    import tempfile

    from experiments.figures import save_figure

    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        result.save(made)
        save_figure(result, made / "figure.png")
        held = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            folder.mkdir(exist_ok=True)
            for file in sorted(made.iterdir()):
                os.replace(file, folder / file.name)
        finally:
            signal.signal(signal.SIGINT, held)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return sorted(folder / name for name in FILES)


def emit(document) -> None:
    """One JSON document on stdout; what is not a number is null."""
    print(json.dumps(_finite(document), ensure_ascii=False, indent=2, allow_nan=False))


def _finite(value):
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not float("-inf") < value < float("inf") else value


def console():
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)


def width() -> int:
    return console().width


def show_parts(parts) -> None:
    screen = console()
    for part in parts:
        screen.print(part, markup=False)


def main() -> None:
    app(prog_name="sadar")

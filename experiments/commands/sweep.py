"""`sadar sweep`, `resume`, `extend`, `results`: many runs into a folder."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.terminal import (
    MAX_PROCESSES,
    MAX_RUNS,
    BadInput,
    Json,
    Processes,
    console,
    emit,
    given,
    if_stopped,
    live,
    option,
    preparing,
    show_parts,
    whole,
    write_file,
)  # fmt: skip
from experiments.screens.words import number, text

Engine = Annotated[str, option("--engine", "local|dask", "local: processes of this machine; dask: workers of a Dask scheduler")]
Scheduler = Annotated[str | None, option("--scheduler", "ADDRESS", "with dask: scheduler to use, such as tcp://10.0.0.1:8786")]
Folder = Annotated[str, typer.Argument(metavar="DIR", help="folder of a sweep")]


def sweep_command(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="a design file (TOML), or the name of one from `sadar list designs`")],
    out: Annotated[str | None, option("--out", "DIR", "folder for the results (default: out/NAME)")] = None,
    dry_run: Annotated[bool, option("--dry-run", None, "only say what would be run")] = False,
    engine: Engine = "local",
    scheduler: Scheduler = None,
    processes: Processes = None,
    json_: Json = False,
) -> None:
    """Run a design, levers x states of the world x luck, into a folder that survives interruptions.

    Behavior is the scenario's one set of numbers, unless the design varies it.
    """
    from experiments import sweep
    from experiments.screens.tables_sweep import plan_lines

    made, folder = sweep.plan(design), out or f"out/{Path(design).stem}"
    outcomes = made.design.columns
    lines = plan_lines(made, outcomes)
    if dry_run:
        about = {"runs": made.runs, "points": len(made.points), "replicates": made.design.replicates, "outcomes": outcomes}
        return emit({"design": made.document()["design"], "plan": made.hash, **about}) if json_ else show_parts(lines)
    swept(lambda **options: sweep.sweep(made, folder, **options), folder, engine, scheduler, processes, json_, lines)


def resume_command(
    folder: Folder,
    retry_failed: Annotated[bool, option("--retry-failed", None, "also do the runs that failed again")] = False,
    engine: Engine = "local",
    scheduler: Scheduler = None,
    processes: Processes = None,
    json_: Json = False,
) -> None:
    """Go on with a sweep that was stopped; damaged parts are done again."""
    from experiments import sweep

    swept(lambda **options: sweep.resume(folder, retry_failed=retry_failed, **options), folder, engine, scheduler, processes, json_)


def extend_command(
    folder: Folder,
    replicates: Annotated[str, option("--replicates", "N", "replicates of every point, in all")],
    engine: Engine = "local",
    scheduler: Scheduler = None,
    processes: Processes = None,
    json_: Json = False,
) -> None:
    """Add replicates to a sweep; the same bytes as if it had been begun with them."""
    from experiments import sweep

    count = whole("--replicates", replicates, 1, MAX_RUNS)
    swept(lambda **options: sweep.extend(folder, count, **options), folder, engine, scheduler, processes, json_)


def results_command(
    folder: Folder,
    export: Annotated[str | None, option("--export", "FILE", "write all rows to this .csv or .parquet file")] = None,
    figure: Annotated[str | None, option("--figure", "FILE", "draw the results to this .png, .svg or .pdf file")] = None,
    json_: Json = False,
) -> None:
    """What a sweep has found so far, also while it runs."""
    from experiments import sweep

    for name, kinds, problem in ((export, EXPORTS, "export_name"), (figure, PICTURES, "figure_name")):
        if name is not None and Path(name).suffix.lower() not in kinds:
            raise BadInput(text(problem, path=name))
    with live(json_):
        table = sweep.results(folder)
    written = [write_file(export, "--export", {kind: partial(_export, table, kind) for kind in EXPORTS})] if export else []
    if figure:
        from experiments.screens.figure_sweep import save_sweep

        written.append(write_file(figure, "--figure", {kind: partial(save_sweep, table, kind=kind[1:]) for kind in PICTURES}))
    show_results(table, folder, json_, written)


EXPORTS, PICTURES = (".csv", ".parquet"), (".png", ".svg", ".pdf")


def _export(table, kind: str, path: Path) -> None:
    table.to_csv(path, index=False) if kind == ".csv" else table.to_parquet(path, index=False)


def swept(work, folder: str, engine: str, scheduler, processes, quiet: bool, lines=()) -> None:
    """A sweep behind a progress bar; `lines` are said when it starts. Ctrl-C says what is kept."""
    from experiments.screens.labels import duration

    many = given("--processes", processes, 1, MAX_PROCESSES)
    waiting = preparing()
    with live(quiet, waiting) as told:
        todo, announced = list(lines), False

        def step(found) -> None:
            nonlocal announced
            while todo:
                told.say(todo.pop(0))
            if found.session_runs == 0:
                return told.say(text("sweep_nothing")) if found.done == found.total else None
            if found.left_seconds and not announced:
                announced = True
                told.say(text("sweep_time", left=number(found.total - found.done), time=duration(found.left_seconds)))
            words = [text("sweep_runs"), text("sweep_rate", rate=found.per_second)]
            told.step(found.done, found.total, ", ".join(words + ([text("sweep_failed", failed=found.failed)] if found.failed else [])))

        with if_stopped(lambda: _kept(folder)):
            table = work(engine=engine, scheduler=scheduler, processes=many, progress=step)
    show_results(table, folder, quiet)


def _kept(folder: str) -> str:
    """How much of a sweep that was stopped is there, and how to go on."""
    from experiments.sweeping import store
    from simulation.parameters import InputError

    try:
        kept = store.open(folder)
        left = sum(last - first + 1 for first, last in store.missing(kept))
    except InputError:  # stopped before there was a sweep
        return text("stopped")
    return text("sweep_stopped", done=number(kept.total - left), runs=number(kept.total), folder=folder)


def show_results(table, folder: str, json_: bool, written=()) -> None:
    from experiments.screens.tables_sweep import results_lines, results_tables
    from experiments.sweep import summary

    if json_:
        rows = [{key: None if x != x else x for key, x in row.items()} for row in summary(table).to_dict("records")] if len(table) else []
        failures = table.loc[table["status"] == "failed", ["run", "point", "replicate", "reason"]].to_dict("records")
        return emit({**table.attrs, "done": len(table), "failed": failures, "summary": rows, "written": list(written)})
    files = [text("written", files=", ".join(written))] if written else []
    show_parts([*results_tables(table, console().width), *results_lines(table, folder), *files])

"""The screen and the keyboard: options that commands share, one way to end in trouble, progress, and what is printed.

Bad input ends in one line on stderr and exit code 2, Ctrl-C in 130, an error of our own in 1 with the traceback in a file.
"""

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import typer
from typer.core import TyperGroup

from experiments.commands.helping import Talking, asked, translate
from experiments.screens.names import problem
from experiments.screens.words import speaking, text

MAX_SEED, MAX_REPLICATES, MAX_PROCESSES, MAX_PAIRS, MAX_RUNS = 2**32 - 1, 1_000, 256, 1_000_000, 10_000_000
USAGE = typer.BadParameter.__mro__[2]  # click's error of any wrong use; some versions of typer carry their own copy of click


class BadInput(ValueError):
    """What the user gave cannot be used; the text is the message."""


class Sadar(Talking, TyperGroup):
    """The command group, with one way to end in trouble, in the language that --lang or SADAR_LANG asks for."""

    def main(self, args=None, *rest, standalone_mode: bool = True, **extra):
        try:
            chosen = asked(sys.argv[1:] if args is None else list(args))
        except ValueError as error:  # InputError
            with speaking("en"):
                code = fail(str(error), 2)
        else:
            with speaking(chosen):
                translate(self)
                code = self._main(args, *rest, **extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _main(self, *args, **extra) -> int:
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
            fail(STOPPED[0] if STOPPED else text("stopped"), code)
        return code


PRESSED: list[int] = []
STOPPED: list[str] = []


@contextmanager
def interruptible():
    """Ctrl-C raises KeyboardInterrupt as ever, and is noted in PRESSED: where the compiler calls back from C, Python drops it."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    hook = sys.unraisablehook
    PRESSED.clear()
    STOPPED.clear()

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


@contextmanager
def if_stopped(words: Callable[[], str]):
    """What Ctrl-C says that falls in here."""
    try:
        yield
    except BaseException as error:
        if PRESSED or isinstance(error, KeyboardInterrupt):
            STOPPED[:] = [words()]
        raise


def fail(message: str, code: int, context=None) -> int:
    """One line on stderr."""
    words = problem(" ".join(str(message).split()).replace("?; ", "? "))
    print(f"{getattr(context, 'command_path', None) or 'sadar'}: {words}", file=sys.stderr)
    return code


def explained(error: Exception) -> int:
    """Bad input says itself what is wrong (2); of our own errors the traceback goes to a file (1)."""
    import traceback

    from simulation.parameters import InputError

    if isinstance(error, BadInput | InputError):
        return fail(str(error), 2)
    if isinstance(error, ConnectionError):  # the scheduler of a sweep is gone
        return fail(text("scheduler_lost", why=error), 1)
    if isinstance(error, MemoryError):
        return fail(text("too_large", why=error), 2)
    with tempfile.NamedTemporaryFile("w", prefix="sadar-error-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))
    return fail(text("crashed", error=f"{type(error).__name__}: {error}", path=file.name), 1)


def option(name: str, metavar: str | None, words: str):
    return typer.Option(name, metavar=metavar, help=words)


Case = Annotated[str, typer.Argument(metavar="CASE_OR_FILE", help="a name from `sadar list`, or a TOML file")]
Campaigns = Annotated[list[str] | None, option("--campaign", "FILE", "campaign in place of the case's own; repeat to join several")]
Sets = Annotated[list[str] | None, option("--set", "KEY=VALUE", "change one value, such as village.workers=500; repeatable")]
Until = Annotated[str | None, option("--until", "DATE", "the run ends before this day, such as 2019-12-31")]
Json = Annotated[bool, option("--json", None, "one JSON document on stdout, nothing else")]
Processes = Annotated[str | None, option("--processes", "N", "working processes (default: as many as pay)")]
Behavior = Annotated[str, option("--behavior", "posterior|point", "of people: a draw of the posterior for each run; point: one for all")]
Seed = Annotated[str, option("--seed", "S", "the same seed gives the same digits")]


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


def given(name: str, value: str | None, low: int, high: int) -> int | None:
    """The same where an option is there, else None."""
    return None if value is None else whole(name, value, low, high)


def behavior_of(given: str) -> str:
    """One of the two ways to have behavior, or BadInput."""
    from scenarios.posterior import CHOICES

    if given not in CHOICES:
        raise BadInput(text("range", option="--behavior", value=given, allowed=f" {text('or_word')} ".join(CHOICES)))
    return given


def load(name: str, campaigns=None, overrides=None, until=None):
    from scenarios.loader import load

    return load(name, campaigns=campaigns or (), overrides=overrides or (), until=until)


def decimal(name: str, value: str) -> float:
    """A number above 0, or BadInput."""
    try:
        found = float(value)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise BadInput(text("range", option=name, value=value, allowed=text("above_zero")))
    return found


def check_out(given: str, refuse: Callable[[Path], None]) -> None:
    """Refuse a folder for results that is a file, cannot be written or (`refuse`) holds something else, before anything runs."""
    if not given.strip():
        raise BadInput(text("out_denied", path='""', why=text("no_name")))
    folder = Path(given).absolute()
    above = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    if not above.is_dir():
        raise BadInput(text("out_file", path=given))
    try:
        tempfile.TemporaryFile(dir=above).close()
        refuse(folder)
    except (OSError, ValueError) as error:
        raise BadInput(text("out_denied", path=given, why=getattr(error, "strerror", None) or error)) from None


def write_file(name: str, option_: str, kinds: dict[str, Callable[[Path], None]]) -> str:
    """A file, whole or not at all, by the function for its ending; gives its name."""
    target = Path(name).absolute()
    draft = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        kinds[target.suffix.lower()](draft)
        os.replace(draft, target)
    except OSError as error:
        raise BadInput(text("file_denied", option=option_, path=name, why=error.strerror or error)) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return name


def save(result, out: str, draw: Callable) -> str:
    """All files of a result with its figure, or none; gives their names in words. draw: (result, path of the figure)."""
    folder = result.save(out, figures=lambda found, draft: draw(found, draft / "figure.png"))
    return f"{out}: {', '.join(sorted(file.name for file in folder.iterdir()))}"


@contextmanager
def live(quiet: bool, waiting: str = ""):
    """Progress on stderr while something long runs, and its warnings as lines there: gives an object with say(line) and
    step(done, total, words). `quiet` (--json): warnings only. `waiting`: what is said until the first step."""
    import warnings

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    screen = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    shown = screen.is_terminal and not quiet
    with Progress(*columns, console=screen, transient=True, disable=not shown) as progress, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        task = progress.add_task(waiting, total=None)

        def say(line: str) -> None:
            if shown:
                progress.console.print(line, markup=False, highlight=False)
            elif not quiet:
                print(line, file=sys.stderr, flush=True)

        def step(done: int, total: int, words: str) -> None:
            if PRESSED:
                raise KeyboardInterrupt
            progress.update(task, completed=done, total=total, description=words, refresh=done == 0)

        yield SimpleNamespace(say=say, step=step, shown=shown)
    for line in dict.fromkeys(str(w.message) for w in caught if not issubclass(w.category, DeprecationWarning | FutureWarning)):
        fail(text("warning", what=line), 0)


def preparing() -> str:
    """What the first seconds go by with: the model is compiled once on each machine."""
    from simulation import cache

    cache.prepare()
    compiled = any(Path(os.environ.get("NUMBA_CACHE_DIR", ".")).rglob("*.nbi"))
    return text("prepare" if compiled else "compile")


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

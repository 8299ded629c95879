"""Replicates over the processes of one machine: one pipe a worker, lost work done again here, no worker outlives its parent."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable
from multiprocessing import connection

from simulation import cache
from simulation.parameters import InputError

#: version of the simulation that this process has loaded
CODE = cache.model_hash()
#: work estimated to take less is done in this process: starting others takes a second or two
SERIAL_SECONDS = 3.0
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def distribute(work: Callable, replicates: int, told: Callable, processes: int | None) -> list[dict]:
    """Payloads of all replicates in order: some made here, the rest by other processes where that saves time."""
    done: dict[int, dict] = {}

    def take(payloads: Iterable[dict]) -> None:
        for payload in payloads:
            done[payload["replicate"]] = payload
            told(len(done), replicates)

    here = lambda several: take(work(replicate=r) for r in several)  # noqa: E731
    left = lambda: [r for r in range(replicates) if r not in done]  # noqa: E731
    if processes is None:
        here(range(min(2, replicates)))  # the first may compile, the second is timed
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        much = len(left()) * done[len(done) - 1]["seconds"] > SERIAL_SECONDS
        processes = cores if much and not multiprocessing.current_process().daemon else 1
    if min(processes, len(left())) > 1:
        with contextlib.closing(_elsewhere(work, left(), processes)) as payloads:
            take(payloads)
        if left():
            warnings.warn("a working process died; the rest is run in this one", stacklevel=3)
    here(left())
    return [done[r] for r in range(replicates)]


def _elsewhere(work: Callable, todo: list[int], processes: int):
    """Yield payloads as other processes make them; those of a process that dies are missing. All end when the caller stops asking.

    One pipe to each process: its death is the end of its pipe, whatever it was writing (a pool's shared queue would wait for ever).
    """
    context, workers, todo = multiprocessing.get_context("spawn"), {}, todo[::-1]
    try:
        for _ in range(min(processes, len(todo))):
            ours, theirs = context.Pipe()
            workers[ours] = context.Process(target=_serve, args=(theirs, work, CODE), daemon=True)
            with _bare_start():
                workers[ours].start()
            theirs.close()
            _hand(ours, todo)
        while workers:
            made = []
            for pipe in connection.wait(list(workers)):
                try:
                    made.append(pipe.recv())
                    _hand(pipe, todo)
                except (EOFError, OSError):  # finished, or dead
                    workers.pop(pipe).join()
                    pipe.close()
            for payload in made:
                if isinstance(payload, BaseException):
                    raise payload
                yield payload
    finally:
        for process in workers.values():
            if process.pid is not None:
                process.kill()
                process.join()


def _hand(pipe, todo: list[int]) -> None:
    """Give a process its next replicate, or word that there is none. One that has died says so when it is listened to."""
    with contextlib.suppress(OSError):
        pipe.send(todo.pop() if todo else None)


@contextlib.contextmanager
def _bare_start():
    """Spawn without running the caller's script again (so it needs no __main__ guard) and with one thread a process."""
    main = sys.modules["__main__"]
    kept = {name: main.__dict__[name] for name in ("__file__", "__spec__") if name in main.__dict__}
    threads = {name: os.environ.get(name) for name in THREADS}
    main.__dict__.pop("__file__", None)
    main.__spec__ = None
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        main.__dict__.update(kept)
        for name, value in threads.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _serve(pipe, work: Callable, code: str) -> None:
    """In another process: answer replicate numbers with payloads, or with what went wrong, until None comes.

    Ctrl-C is left to the parent; when that ends, however it ends, so does this process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=lambda: (multiprocessing.parent_process().join(), os._exit(1)), daemon=True).start()
    try:
        if code != CODE:
            raise InputError("the sources of the simulation have changed since the run began; start it again")
        while (replicate := pipe.recv()) is not None:
            pipe.send(work(replicate=replicate))
    except (EOFError, OSError):
        pass  # nobody listens any more
    except Exception as error:
        error.add_note(traceback.format_exc())
        pipe.send(error)

"""Engines: where work is done. `local` uses the processes of this machine, `dask` those of a Dask cluster; the results are the same.

    for task, result in engine("local", processes=2)(work, tasks): ...

An engine is a generator of (task, work(task)) in any order. `work` and the tasks are sent by pickle, `work` once to each worker; tasks
are drawn as workers need them. A task whose worker died goes to another; one that keeps killing its workers yields (task, Lost(why)).
What `work` raises is raised here. Closing the generator ends what is being done, and no worker outlives its parent.
"""

import contextlib
import functools
import hashlib
import importlib.util
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path

from simulation import cache
from simulation.parameters import InputError

#: what makes numbers besides the simulation: how a run is measured, and which behavior it has
MEASURING = (*(f"experiments/running/{name}.py" for name in ("behavior", "families", "keys", "replicate")), "scenarios/posterior.py")
#: a task is given up when so many workers have died of it; so is the whole when so many in a row die before they can work
DEATHS = 3
#: Windows waits for at most 63 things at once
MOST = 60 if sys.platform == "win32" else 1024
SENDABLE = "a function at the top of a module that can be imported (not of a notebook or script), or a partial of one"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def code_version() -> str:
    """Sixteen hex digits that change when a source changes that makes numbers: any of the simulation, and those that measure it."""
    root = Path(__file__).parent.parent
    sources = (cache.model_hash().encode(), *((root / name).read_bytes() for name in MEASURING))
    return hashlib.sha256(b"\0".join(sources)).hexdigest()[:16]


#: version of the code that this process has loaded; run ids, manifests and workers carry it
CODE = code_version()


@dataclass(frozen=True)
class Lost:
    """In place of a result: the task's workers died, and why."""

    reason: str


def engine(name: str, *, scheduler: str | None = None, processes: int | None = None) -> Callable[[Callable, Iterable], Iterator]:
    """The engine of this name, to be called with (work, tasks). Raises InputError where it cannot be had.

    scheduler: address of a Dask scheduler, such as tcp://10.0.0.1:8786; without one, dask starts workers of its own on this machine.
    processes: working processes to start (all cores); 1 with local works in this process.
    """
    if name not in ENGINES:
        from scenarios.errors import nearest

        raise InputError(f"engine = {name!r}: no such engine{nearest(name, ENGINES)}; known: {', '.join(ENGINES)}".replace("?; ", "? "))
    if processes is not None and processes < 1:
        raise InputError(f"processes = {processes!r}: not allowed; allowed: a whole number from 1")
    if name == "local":
        if scheduler is not None:
            raise InputError(f"scheduler = {scheduler!r}: not allowed with the engine local; allowed: with the engine dask")
        return functools.partial(local, processes=processes)
    if scheduler is not None and processes is not None:
        raise InputError(f"processes = {processes!r}: not allowed with a scheduler, whose workers are as many as have joined it")
    if importlib.util.find_spec("distributed") is None:
        raise InputError("engine = 'dask': Dask distributed is not installed; pip install sadar[cluster]")
    if scheduler is not None:
        from experiments import cluster

        cluster.answers(scheduler)  # said now, not when the first runs are done
    return functools.partial(dask, scheduler=scheduler, processes=processes)


def dask(work: Callable, tasks: Iterable, *, scheduler: str | None = None, processes: int | None = None) -> Iterator[tuple]:
    """Tasks done by the workers of the Dask scheduler at this address, or (None) by `processes` that are started on this machine."""
    from experiments import cluster

    return cluster.dask(work, tasks, scheduler=scheduler, processes=processes)


def batch_seconds(name: str) -> float:
    """Seconds of work that a task should hold, so that handing it out costs well under 5 %.

    A task costs 0.05 ms of processor time (local) or 6 to 15 ms (dask: client, scheduler and worker), with 300 figures of each run.
    """
    return {"local": 0.5, "dask": 2.0}[name]


def available() -> int:
    """Processes that this one may keep busy: its cores; 1 in a process that may not start others."""
    if multiprocessing.current_process().daemon:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ------------------------------------------------------------------ what both engines send


def packed(work: Callable) -> bytes:
    """`work` as it is sent to workers."""
    try:
        return pickle.dumps(work)
    except Exception as error:
        raise InputError(f"work = {work!r}: cannot be sent to other processes ({error}); allowed: {SENDABLE}") from error


@functools.lru_cache(maxsize=8)
def unpacked(work: bytes) -> Callable:
    cache.prepare()  # before anything imports numba
    try:
        return pickle.loads(work)
    except (AttributeError, ImportError) as error:
        raise InputError(f"work: cannot be read by a working process ({error}); allowed: {SENDABLE}") from error


def attempt(work: bytes, task: bytes) -> bytes:
    """In a worker: a task's answer as it is sent back, (True, result) or (False, what went wrong)."""
    try:
        return pickle.dumps((True, unpacked(work)(pickle.loads(task))))
    except Exception as error:
        return failure(error)


def failure(error: Exception) -> bytes:
    """An error as it is sent back, with the story of where it happened."""
    story = "".join(traceback.format_exception(error))
    error.add_note("in a working process:\n" + story)
    try:
        answer = pickle.dumps((False, error))
        pickle.loads(answer)  # some errors can be written but not read
        return answer
    except Exception:
        return pickle.dumps((False, RuntimeError(story)))


def result_of(answer: bytes):
    """What a worker's answer says: a result, or an error that is raised."""
    good, result = pickle.loads(answer)
    if not good:
        raise result
    return result


# ------------------------------------------------------------------ the processes of this machine


@dataclass
class Worker:
    """One process at work. jobs: [task, workers that died of it]; the first is being done, the second waits at the worker."""

    process: multiprocessing.Process
    pipe: connection.Connection
    ready: bool = False
    jobs: deque = field(default_factory=deque)

    def give(self, job: list) -> None:
        self.jobs.append(job)
        self.say(pickle.dumps(job[0]))

    def say(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # one that has died says so when it is listened to
            self.pipe.send_bytes(message)


def local(work: Callable, tasks: Iterable, *, processes: int | None = None) -> Iterator[tuple]:
    """Tasks done by other processes of this machine (None: as many as there are cores), or in this one where one is asked for.

    One pipe to each process: its death is the end of its pipe, whatever it was writing (a pool's shared queue would wait for ever).
    A worker has one task to do and the next one waiting, so that it need not wait while its result is taken in here.
    """
    most = 1 if multiprocessing.current_process().daemon else min(processes or available(), MOST)
    if most == 1:
        for task in tasks:
            yield task, work(task)
        return
    work, tasks, again, staff, stillborn = packed(work), iter(tasks), deque(), {}, 0

    def jobs(wanted: int) -> Iterator[list]:
        for _ in range(wanted):
            if job := again.popleft() if again else next(([task, 0] for task in tasks), None):
                yield job

    try:
        while True:
            _occupy(staff, most, work, jobs)
            if not any(worker.jobs for worker in staff.values()):
                return
            results = []
            for worker in [staff[pipe] for pipe in connection.wait(list(staff))]:
                answer = _heard(worker)
                if answer is None:
                    del staff[worker.pipe]
                    why, stillborn = _buried(worker), 0 if worker.ready else stillborn + 1
                    if stillborn == DEATHS:
                        raise RuntimeError(f"working processes end before they can work: {why}")
                    warnings.warn(f"a working process died ({why}); what it was doing is done again", stacklevel=2)
                    if worker.ready and worker.jobs and _lethal(worker.jobs[0]):
                        results.append((worker.jobs.popleft()[0], Lost(f"{DEATHS} working processes died of it, the last {why}")))
                    again.extendleft(reversed(worker.jobs))
                elif worker.ready:
                    results.append((worker.jobs.popleft()[0], answer))
                    for job in jobs(1):
                        worker.give(job)
                else:
                    result_of(answer)
                    worker.ready, stillborn = True, 0
            for task, answer in results:
                yield task, answer if isinstance(answer, Lost) else result_of(answer)
    finally:
        for worker in staff.values():
            if worker.process.pid is not None:
                worker.process.kill()
        for worker in staff.values():
            _buried(worker)


def _occupy(staff: dict, most: int, work: bytes, jobs: Callable) -> None:
    """See that there are workers for the work there is, that each has a task, and then that each has its next."""
    for worker in staff.values():
        for job in jobs(0 if worker.jobs else 1):
            worker.give(job)
    fresh = []
    for job in jobs(most - len(staff)):
        fresh.append((_hired(staff), job))
    for worker, job in fresh:  # when all have been started: a long word has to wait until it is listened to
        worker.say(work)
        worker.give(job)
    for worker in staff.values():
        for job in jobs(2 - len(worker.jobs)):
            worker.give(job)


def _hired(staff: dict) -> Worker:
    """A new process, entered in `staff` {pipe: worker} before it starts."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    staff[ours] = worker = Worker(context.Process(target=_serve, args=(theirs, CODE), daemon=True), ours)
    with _bare_start():
        worker.process.start()
    theirs.close()
    return worker


def _heard(worker: Worker) -> bytes | None:
    """What a worker has to say; None: it is dead."""
    try:
        return worker.pipe.recv_bytes()
    except (EOFError, OSError):
        return None


def _lethal(job: list) -> bool:
    """Whether one more death is one too many."""
    job[1] += 1
    return job[1] >= DEATHS


def _buried(worker: Worker) -> str:
    """How a worker ended, when it has."""
    worker.pipe.close()
    if worker.process.pid is None:
        return "before it started"
    worker.process.join(5)
    worker.process.kill()  # one that lives on without its pipe is of no use
    worker.process.join()
    code = worker.process.exitcode
    if code >= 0:
        return f"with exit code {code}"
    return f"by signal {signal.Signals(-code).name}" + (", perhaps for want of memory" if code == -9 else "")


@contextlib.contextmanager
def _bare_start():
    """Spawn without running the caller's script again (so it needs no __main__ guard), with one thread a process, deaf to Ctrl-C."""
    main = sys.modules["__main__"]
    kept = {name: main.__dict__[name] for name in ("__file__", "__spec__") if name in main.__dict__}
    threads = {name: os.environ.get(name) for name in ONE_THREAD}
    deaf = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    main.__dict__.pop("__file__", None)
    main.__spec__ = None
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        main.__dict__.update(kept)
        for name, value in threads.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
        if deaf is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, deaf)


def _serve(pipe: connection.Connection, code: str) -> None:
    """In another process: answer word that the work can be read, and then tasks, until the parent ends, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inbox = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, inbox), daemon=True).start()
    work = inbox.get()
    with contextlib.suppress(OSError):  # nobody listens any more
        pipe.send_bytes(_readiness(work, code))
        while True:
            pipe.send_bytes(attempt(work, inbox.get()))


def _readiness(work: bytes, code: str) -> bytes:
    try:
        if code != CODE:
            raise InputError("the sources of the simulation have changed since the run began; start it again")
        unpacked(work)
        return pickle.dumps((True, None))
    except Exception as error:
        return failure(error)


def _listen(pipe: connection.Connection, inbox: queue.SimpleQueue) -> None:
    """Take in what the parent sends, so that it never waits; end this process at once when the parent has gone."""
    try:
        while True:
            inbox.put(pipe.recv_bytes())
    except (EOFError, OSError):
        os._exit(1)


ENGINES = {"local": local, "dask": dask}

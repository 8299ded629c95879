"""The engine `dask`: work done by the workers of a Dask scheduler, on one machine or many; experiments/engines.py says what an engine is.

Results come back through the scheduler. Tasks of a worker that dies are done by others, and one that joins late gets work. The work itself
is a plugin of the scheduler's: each worker is given it once, before its first task. A worker does one task at a time, and none if its
simulation is not ours. A scheduler that is not ours is left as it was. Not imported unless asked for: needs `pip install sadar[cluster]`.
"""

import atexit
import contextlib
import functools
import itertools
import json
import logging
import math
import os
import pickle
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from importlib import metadata

import dask as settings
import distributed
from distributed.scheduler import KilledWorker

from experiments.engines import CODE, ONE_THREAD, Lost, attempt, available, failure, packed, result_of
from simulation.parameters import InputError

#: tasks that the scheduler has been given ahead, for each worker
AHEAD = 4
#: seconds: to reach a scheduler; until a want of workers is told; between two counts of them; between two looks for results
REACH, PATIENCE, COUNT, LOOK = 10.0, 10.0, 1.0, 0.01
#: our own cluster: two workers may die with a task before it is tried alone; it watches itself less, which costs 3 % of a core as shipped
OWN = {
    "distributed.scheduler.allowed-failures": 1, "distributed.admin.tick.interval": "1s", "distributed.admin.tick.limit": "60s",
    "distributed.admin.system-monitor.interval": "5s", "distributed.worker.profile.enabled": False,
}  # fmt: skip
#: what the process of our own cluster runs
HOST = "import json, sys; sys.path[:], given = json.loads(sys.stdin.readline()); from experiments.cluster import _host; _host(*given)"


class SchedulerLost(ConnectionError):
    """The scheduler has gone, or has dropped what it was given."""


def dask(work: Callable, tasks: Iterable, *, scheduler: str | None = None, processes: int | None = None) -> Iterator[tuple]:
    """Tasks done by the workers of the scheduler at this address, or (None) by `processes` (all cores) that are started on this machine.

    Raises InputError where no scheduler answers or a worker has another simulation, SchedulerLost where it answers no more.
    """
    with contextlib.ExitStack() as ends:
        atexit.register(ends.close)  # while Dask's threads still run: one that nobody closes would wait for them for ever
        ends.callback(atexit.unregister, ends.close)
        name, work = f"sadar-{uuid.uuid4().hex}", packed(work)
        address = scheduler or ends.enter_context(_own_cluster(processes or available()))
        client = ends.enter_context(_connected(address))
        ends.enter_context(_given(client, address, Work(name, work)))
        yield from _exchange(client, address, name, iter(tasks))


def _exchange(client: distributed.Client, address: str, name: str, tasks: Iterator) -> Iterator[tuple]:
    """Keep the workers busy and yield what they make.

    Dask gives up a task that was among those given to several workers that died, guilty or not. So it is tried once more at the end
    with nothing else about, and only what kills then is Lost.
    """
    doing, suspects, known = {}, deque(), set()
    workers = _counted(client, address)

    def submit(task, alone: bool = False) -> None:
        future = client.submit(_do, name, CODE, pickle.dumps(task), key=f"{name}-{uuid.uuid4().hex}", pure=False)
        doing[future] = task, alone

    while True:
        for task in itertools.islice(tasks, max(0, AHEAD * max(1, workers()) - len(doing))):
            submit(task)
        if suspects and not doing:
            submit(suspects.popleft(), alone=True)
        if not doing:
            return
        future = next(filter(distributed.Future.done, doing), None)
        if future is None:
            time.sleep(LOOK)  # Dask's callbacks, from threads, cost more and outlive the interpreter
            continue
        task, alone = doing.pop(future)
        try:
            with _reached(address):
                about, answer = future.result()
        except KilledWorker as error:
            if alone:
                yield task, Lost(f"the workers that were given it died, the last at {error.last_worker.address}")
            else:
                suspects.append(task)
            continue
        if about not in known:
            known.add(about)
            _compare(*about)
        yield task, result_of(answer)


def _counted(client: distributed.Client, address: str) -> Callable[[], int]:
    """A function that tells how many workers there are, asked now and then; it warns when there have been none for long."""
    workers, asked, had = 0, -math.inf, time.monotonic()

    def count() -> int:
        nonlocal workers, asked, had
        if (now := time.monotonic()) > asked + COUNT:
            with _reached(address):
                workers, asked = len(client.nthreads()), now
            had = now if workers else had
            if now > had + PATIENCE:
                warnings.warn(f"the scheduler at {address} has no workers; waiting for some to join", stacklevel=4)
                had = math.inf
        return workers

    return count


@contextlib.contextmanager
def _reached(address: str) -> Iterator[None]:
    """Dask's many ways to fail, as two: the scheduler has gone or has forgotten us, or what was sent cannot be read there."""
    try:
        yield
    except KilledWorker:
        raise
    except (OSError, CancelledError) as error:
        raise SchedulerLost(f"the scheduler at {address} is lost ({error or type(error).__name__})") from None
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        text = f"the cluster at {address} cannot read the work ({why}); install the same sadar[cluster] for its scheduler and every worker"
        raise InputError(text) from error


def _compare(address: str, threads: int, versions: tuple) -> None:
    """Say what of a worker may change digits or costs time."""
    other = [f"{name} {there} (here {here})" for (name, there), (_, here) in zip(versions, _versions()) if there != here]
    if other:
        warnings.warn(f"the worker at {address} has {', '.join(other)}: digits may differ", stacklevel=4)
    if threads > 1:
        text = f"the worker at {address} uses one of its {threads} threads; start it with --nthreads 1 --nworkers {threads}"
        warnings.warn(text, stacklevel=4)


# ------------------------------------------------------------------ in a worker

WORKS: dict[str, bytes] = {}
ONE_AT_A_TIME = threading.Lock()


class Work(distributed.WorkerPlugin):
    """What tasks are done with; each worker has it before its first task, one that joins later too."""

    def __init__(self, name: str, work: bytes):
        self.name, self.work = name, work

    def setup(self, worker) -> None:
        WORKS[self.name] = self.work

    def teardown(self, worker) -> None:
        WORKS.pop(self.name, None)


def _do(name: str, code: str, task: bytes) -> tuple[tuple, bytes]:
    """Who does a task, and the answer."""
    address, threads, versions = about = _about()
    if code != CODE:
        text = f"the worker at {address} has another version of the simulation ({CODE}, here {code}); install the same, start it again"
        return about, failure(InputError(text))
    with ONE_AT_A_TIME:
        return about, attempt(WORKS[name], task)


@functools.cache
def _about() -> tuple[str, int, tuple]:
    worker = distributed.get_worker()
    return worker.address, worker.state.nthreads, _versions()


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    """What may move a digit, apart from the simulation."""
    python = ".".join(platform.python_version_tuple()[:2])
    return ("python", python), *((name, metadata.version(name)) for name in ("numpy", "numba"))


# ------------------------------------------------------------------ schedulers


def answers(address: str) -> int:
    """How many workers the scheduler at an address has; raises InputError where none answers."""
    with _connected(address) as client:
        return len(client.nthreads())


@contextlib.contextmanager
def _connected(address: str) -> Iterator[distributed.Client]:
    logger = logging.getLogger("distributed.client")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what goes wrong is raised, or put right
    try:
        client = distributed.Client(address, timeout=REACH, set_as_default=False, name="sadar")
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"scheduler = {address!r}: no Dask scheduler answers there ({type(error).__name__}: {error}); allowed: the address that "
            "`dask scheduler` prints, such as tcp://10.0.0.1:8786"
        ) from None
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=1)  # the scheduler drops what nobody wants any more
        logger.setLevel(level)


@contextlib.contextmanager
def _given(client: distributed.Client, address: str, work: Work) -> Iterator[None]:
    """All workers have the work, those to come included."""
    with _reached(address):
        client.register_plugin(work)
    lost = False
    try:
        yield
    except SchedulerLost:
        lost = True  # there is nobody to take it back from, and Dask would look for long
        raise
    finally:
        if not lost:
            with contextlib.suppress(Exception):
                client.unregister_worker_plugin(work.name)


@contextlib.contextmanager
def _own_cluster(processes: int) -> Iterator[str]:
    """Address of a scheduler with workers on this machine: in a process of its own, which the caller's script does not disturb."""
    with tempfile.TemporaryDirectory(prefix="sadar-dask-", ignore_cleanup_errors=True) as folder, open(f"{folder}/log", "w+") as log:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "text": True}
        host = subprocess.Popen([sys.executable, "-c", HOST], env=os.environ | ONE_THREAD, **pipes)
        try:
            host.stdin.write(json.dumps([sys.path, [processes, folder]]) + "\n")
            host.stdin.flush()
            address = host.stdout.readline().strip()
            if not address:
                log.seek(0)
                raise RuntimeError(f"Dask does not start on this machine: {log.read()[-2000:]}")
            yield address
        finally:
            host.kill()  # its workers see it and end
            host.wait()
            host.stdout.close()
            with contextlib.suppress(OSError):
                host.stdin.close()


def _host(processes: int, folder: str) -> None:
    """Be the scheduler of some workers until the parent ends, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=lambda: (sys.stdin.read(), shutil.rmtree(folder, ignore_errors=True), os._exit(1)), daemon=True).start()
    settings.config.set(OWN | {"temporary-directory": folder})
    cluster = distributed.LocalCluster(
        n_workers=processes, threads_per_worker=1, processes=True, host="127.0.0.1", memory_limit=0, local_directory=folder,
        dashboard_address=None, scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
    )  # fmt: skip
    print(cluster.scheduler_address, flush=True)
    threading.Event().wait()

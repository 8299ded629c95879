"""Engines: every task is answered once whatever dies, with the same digits; nothing is left behind; what is wrong is told.

Real processes, a real Dask scheduler and real workers on the loopback.
"""

import contextlib
import functools
import importlib.util
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
from clusters import HERE, PATH, Cluster, shared, started, wait_for  # noqa: F401
from toys import Stillborn, echo, fatal, half_a_word, nap, nested, square, unreadable, wrong

from experiments import engines
from experiments.engines import Lost, dask, engine, local
from simulation.parameters import InputError

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes in /proc")
no_dask = importlib.util.find_spec("distributed") is None
needs_dask = pytest.mark.skipif(no_dask, reason="Dask distributed is not installed: pip install sadar[cluster]")
both = pytest.mark.parametrize("name", ["local", pytest.param("dask", marks=needs_dask)])
#: for tests of processes that are ours: Dask has one more for its scheduler
PROCESSES = {"local": 2, "dask": 1}

# ------------------------------------------------------------------ processes


def family(pid: int) -> set[int]:
    """The processes started by this one, and by those."""
    parents = {}
    for other in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{other}/stat") as file:
            parents[int(other)] = int(file.read().rsplit(")", 1)[1].split()[1])
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def is_tracker(pid: int) -> bool:
    """Python starts one such process for itself; it ends with its parent."""
    with open(f"/proc/{pid}/cmdline") as file:
        return "resource_tracker" in file.read()


def running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def all_gone(pids, seconds: float) -> bool:
    until = time.time() + seconds
    while any(map(running, pids)) and time.time() < until:
        time.sleep(0.02)
    return not any(map(running, pids))


@pytest.fixture
def on(request):
    """on(name) is the engine of this name with two workers; Dask's are of a scheduler that all tests share."""

    def engine_of(name: str):
        if name == "local":
            return engine("local", processes=2)
        cluster = request.getfixturevalue("shared")
        wait_for(lambda: cluster.workers() == 2)
        return engine("dask", scheduler=cluster.address)

    return engine_of


# ------------------------------------------------------------------ both engines


@both
def test_every_task_is_answered_once_and_all_workers_work(name, on):
    found = list(on(name)(square, iter(range(60))))
    assert sorted((task, result[0]) for task, result in found) == [(x, x * x) for x in range(60)]
    pids = {result[1] for _, result in found}
    assert len(pids) == 2 and os.getpid() not in pids
    assert list(on(name)(square, [])) == []


@linux
@both
@pytest.mark.filterwarnings("ignore:a working process died")
def test_a_killed_worker_costs_nothing_but_time(name, on):
    found, killed = {}, set()
    for task, (result, pid) in on(name)(square, range(150)):
        assert task not in found
        found[task] = result
        if len(found) in (20, 60):
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
    assert found == {x: x * x for x in range(150)} and len(killed) == 2


@linux
@both
@pytest.mark.filterwarnings("ignore:a working process died")
def test_a_task_that_kills_is_lost_and_the_rest_goes_on(name, on):
    found = dict(on(name)(fatal, range(20)))
    lost = found.pop(3)
    assert isinstance(lost, Lost) and "died" in lost.reason
    assert found == {x: x for x in range(20) if x != 3}


@both
def test_what_goes_wrong_is_raised_with_its_story(name, on):
    with pytest.raises(ZeroDivisionError) as caught:
        list(on(name)(wrong, range(100)))
    assert any("toys.py" in note for note in caught.value.__notes__)
    with pytest.raises(RuntimeError, match="Unreadable: this"):
        list(on(name)(unreadable, [1]))
    assert not multiprocessing.active_children()


@both
def test_tasks_are_drawn_as_they_are_needed(name, on):
    drawn = []
    with contextlib.closing(on(name)(square, (drawn.append(x) or x for x in itertools.count()))) as made:
        for taken, _ in enumerate(itertools.islice(made, 30), start=1):
            ahead = len(drawn) - taken
            assert ahead in range(2, 9) if name == "dask" else ahead in (4, 5)  # two for each worker, and what has come in meanwhile


@both
def test_long_words_both_ways(name, on):
    """Parent and worker may be writing at the same time."""
    words = [bytes([k]) * 3_000_000 for k in range(8)]
    assert all(result == word for word, result in on(name)(functools.partial(echo), words))


@both
def test_work_that_cannot_be_sent_is_refused(name, on):
    with pytest.raises(InputError, match="cannot be sent .* allowed: a function"):
        list(on(name)(lambda x: x, [1]))


@pytest.fixture(scope="module")
def replicate():
    """Work, and the digests of what it makes in this process."""
    from experiments.running.replicate import one
    from scenarios.loader import load
    from simulation.baseline import solve

    small = ["village.workers=200", "burn_in_weeks=10", "village.median_value_rp=27000.0", "village.forget_prob=0.02"]
    scenario = load("lerep", overrides=[*small, "village.start_coverage_share=0.04"], until="2018-10-01")
    work = functools.partial(one, solve(scenario.parameters), 3, keep_weekly=False)
    return work, {task: payload["digest"] for task, payload in local(work, range(3), processes=1)}


@both
def test_a_replicate_has_the_same_digits_everywhere(name, on, replicate):
    work, here = replicate
    assert {task: payload["digest"] for task, payload in on(name)(work, range(3))} == here and len(set(here.values())) == 3


# ------------------------------------------------------------------ the processes of this machine


def test_one_process_is_this_one():
    assert {pid for _, pid in local(nap, [0, 0], processes=1)} == {os.getpid()}


@linux
def test_a_killed_process_is_told_and_replaced():
    with pytest.warns(UserWarning, match="a working process died .by signal SIGKILL"):
        pids = {pid for x, (_, pid) in local(square, range(40), processes=2) if x != 10 or not os.kill(pid, signal.SIGKILL)}
    assert len(pids) == 3


@linux
def test_three_processes_may_die_of_a_task():
    with pytest.warns(UserWarning) as told:
        found = dict(local(fatal, range(8), processes=2))
    assert len(told) == 3 and "3 working processes died of it, the last by signal SIGKILL" in found[3].reason


@linux
@pytest.mark.filterwarnings("ignore:a working process died")
def test_a_worker_killed_in_the_middle_of_a_word(tmp_path):
    found = [task for task, _ in local(functools.partial(half_a_word, str(tmp_path)), range(6), processes=2)]
    assert sorted(found) == list(range(6)) and (tmp_path / "died").exists() and not multiprocessing.active_children()


@pytest.mark.filterwarnings("ignore:a working process died")
def test_processes_that_cannot_start_end_the_whole():
    with pytest.raises(RuntimeError, match="before they can work.*code 7"):
        list(local(Stillborn(), range(1000), processes=2))
    assert not multiprocessing.active_children()


def test_a_worker_starts_no_others():
    assert list(local(nested, [-1, -2], processes=2))[0][1][0] in (1, 2)


def test_other_sources_are_refused(monkeypatch):
    monkeypatch.setattr(engines, "CODE", "0" * 16)
    with pytest.raises(InputError, match="sources of the simulation have changed"):
        list(local(square, range(4), processes=2))


# ------------------------------------------------------------------ nothing is left behind


@linux
@both
def test_closing_ends_all_processes(name):
    others = family(os.getpid())
    made = engine(name, processes=PROCESSES[name])(nap, [0, 0, *[600] * 6])
    pids = {pid for _, pid in itertools.islice(made, 2)}
    mine = {pid for pid in family(os.getpid()) - others if not is_tracker(pid)}
    assert pids <= mine and len(mine) == 2
    made.close()
    assert all_gone(mine, 2)


PARENT = """
import sys, toys
from experiments.engines import engine
print("started", flush=True)
for task, pid in engine(sys.argv[1], processes=int(sys.argv[2]))(toys.nap, [0, 0, *[600] * 6]):
    print(pid, flush=True)
"""


@linux
@both
def test_no_worker_outlives_a_killed_parent(name, tmp_path):
    """At once, in the middle of their work. The parent is a script without a __main__ guard."""
    (tmp_path / "script.py").write_text(PARENT)
    with started(tmp_path / "script.py", name, PROCESSES[name], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == "started\n"
        pids = {int(parent.stdout.readline()) for _ in range(2)}
        everyone = family(parent.pid)
        assert pids < everyone
        parent.kill()
        parent.wait()
        assert all_gone(everyone, 3)


FORGETFUL = """
import sys, toys
from experiments.engines import engine
made = engine(sys.argv[1], processes=int(sys.argv[2]))(toys.nap, [0, *[600] * 6])
next(made)
sys.exit(3)
"""


@both
def test_a_generator_that_nobody_closes_does_not_hold_up_the_end(name):
    with started("-c", FORGETFUL, name, PROCESSES[name], stderr=subprocess.PIPE) as forgetful:
        assert (forgetful.communicate(timeout=60)[1], forgetful.returncode) == ("", 3)


SCRIPT = """
print("started", flush=True)
import operator
from experiments.engines import local
print(sorted(local(operator.neg, [1, 2, 3], processes=2)))
"""
OWN_WORK = """
from experiments.engines import local
def mine(x):
    return x
try:
    list(local(mine, [1, 2], processes=2))
except ValueError as error:
    print(error)
"""


def script(code: str, stdin: bool, folder) -> list[str]:
    (folder / "script.py").write_text(code)
    keywords = {"capture_output": True, "text": True, "env": os.environ | PATH, "timeout": 120, "cwd": folder}
    done = subprocess.run([sys.executable, "-" if stdin else "script.py"], input=code, **keywords)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("stdin", [False, True], ids=["file", "stdin"])
def test_a_script_needs_no_main_guard(stdin, tmp_path):
    assert script(SCRIPT, stdin=stdin, folder=tmp_path) == ["started", "[(1, -1), (2, -2), (3, -3)]"]


def test_work_of_a_script_itself_is_refused(tmp_path):
    (said,) = script(OWN_WORK, stdin=False, folder=tmp_path)
    assert "cannot be read by a working process" in said and "not of a notebook or script" in said


# ------------------------------------------------------------------ a scheduler of others

WITHOUT = """
import sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("experiments"):
            raise ModuleNotFoundError("No module named 'experiments'")
sys.meta_path.insert(0, Nowhere())
"""


@needs_dask
def test_a_late_worker_gets_work_and_one_with_other_sources_ends_it(shared, on, tmp_path):
    with contextlib.closing(on("dask")(square, itertools.count())) as made:
        first = {next(made)[1][1] for _ in range(40)}
        late = shared.join(1, "--no-nanny")
        until = time.time() + 20
        while {next(made)[1][1]} <= first:
            assert time.time() < until
        shared.leave(late)
        next(made)
        (tmp_path / "older.py").write_text("from experiments import engines\nengines.CODE = 'older'\n")
        late = shared.join(1, "--no-nanny", "--preload", tmp_path / "older.py")
        with pytest.raises(InputError, match="worker at .* another version of the simulation .older"):
            for _ in made:
                assert time.time() < until
    shared.leave(late)


@needs_dask
def test_closing_leaves_a_scheduler_of_others_as_it_was(shared, on):
    def left(client):
        mine = client.run_on_scheduler(lambda dask_scheduler: [name for name in dask_scheduler.worker_plugins if "sadar" in name])
        tasks = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
        works = client.run(lambda: len(sys.modules["experiments.cluster"].WORKS))
        return len(mine) + tasks + sum(works.values())

    assert left(shared.client) == 0  # whatever the tests before have done
    made = on("dask")(nap, [0, *[0.5] * 100])
    next(made)
    assert left(shared.client) > 5
    made.close()
    wait_for(lambda: left(shared.client) == 0, 5)
    assert shared.workers() == 2


@needs_dask
def test_workers_without_sadar_and_a_lost_scheduler_are_told(tmp_path):
    (tmp_path / "without.py").write_text(WITHOUT)
    cluster = Cluster(tmp_path)
    try:
        without = cluster.join(1, "--no-nanny", "--preload", tmp_path / "without.py")
        run = functools.partial(engine("dask", scheduler=cluster.address), square)
        with pytest.raises(InputError, match="cannot read the work .*No module named 'experiments'.* install the same"):
            list(run([1]))
        cluster.leave(without)
        cluster.join(1, "--no-nanny")
        made = run(itertools.count())
        next(made)
        cluster.started[0].kill()
        with pytest.raises(ConnectionError, match="the scheduler at tcp"):
            list(itertools.islice(made, 1000))
    finally:
        cluster.end()


@needs_dask
def test_what_of_a_worker_matters_is_told():
    from experiments import cluster

    mine = cluster._versions()
    other = tuple((name, "1.0" if name == "numpy" else version) for name, version in mine)
    with pytest.warns(UserWarning, match="tcp://x has numpy 1.0 .here .*digits may differ"):
        cluster._compare("tcp://x", 1, other)
    with pytest.warns(UserWarning, match="tcp://x uses one of its 4 threads"):
        cluster._compare("tcp://x", 4, mine)


@needs_dask
def test_a_want_of_workers_is_told_once(monkeypatch):
    from experiments import cluster

    class Client:
        def nthreads(self):
            return {}

    monkeypatch.setattr(cluster, "COUNT", -1.0)
    monkeypatch.setattr(cluster, "PATIENCE", 0.0)
    count = cluster._counted(Client(), "tcp://x")
    with pytest.warns(UserWarning, match="tcp://x has no workers; waiting") as told:
        assert [count() for _ in range(3)] == [0, 0, 0]
    assert len(told) == 1


# ------------------------------------------------------------------ what cannot be had


@pytest.mark.parametrize(
    "keywords, text",
    [
        ({"name": "locale"}, "'locale': no such engine, did you mean 'local'"),
        ({"name": "local", "scheduler": "tcp://1.2.3.4:1"}, "not allowed with the engine local"),
        ({"name": "local", "processes": 0}, "processes = 0: not allowed"),
        ({"name": "dask", "scheduler": "tcp://1.2.3.4:1", "processes": 2}, "processes = 2: not allowed with a scheduler"),
    ],
)
def test_bad_requests_are_refused(keywords, text):
    with pytest.raises(InputError, match=text):
        engine(**keywords)


def test_dask_is_an_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install sadar\[cluster\]"):
        engine("dask")


@needs_dask
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "127.0.0.1"])
def test_no_scheduler_there(address, monkeypatch):
    from experiments import cluster

    monkeypatch.setattr(cluster, "REACH", 0.5)
    with pytest.raises(InputError, match="scheduler = .*no Dask scheduler answers there"):
        list(dask(square, [1], scheduler=address))

"""A real Dask scheduler with real workers on the loopback, for the tests of engines and sweeps."""

import json
import os
import subprocess
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = {"PYTHONPATH": os.pathsep.join([os.path.dirname(HERE), HERE])}


def started(*args, **keywords) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, *map(str, args)], env=os.environ | PATH, text=True, **keywords)


class Cluster:
    """A scheduler that is not ours, with workers of its own."""

    def __init__(self, folder):
        from distributed import Client

        self.folder, self.started = folder, []
        file = folder / "scheduler.json"
        os.environ["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "1"
        self.run("scheduler", "--port", 0, "--no-dashboard", "--scheduler-file", file)
        wait_for(file.exists)
        self.address = json.loads(file.read_text())["address"]
        self.client = Client(self.address, set_as_default=False)

    def run(self, what: str, *args) -> subprocess.Popen:
        log = open(self.folder / "log", "a")
        keywords = {"stdout": log, "stderr": log, "cwd": self.folder}
        self.started.append(started("-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1", *args, **keywords))
        log.close()
        return self.started[-1]

    def join(self, number: int, *args) -> subprocess.Popen:
        """More workers, which have joined when this returns."""
        before = self.workers()
        process = self.run("worker", self.address, "--nworkers", number, "--nthreads", 1, "--no-dashboard", *args)
        wait_for(lambda: self.workers() == before + number)
        return process

    def leave(self, process: subprocess.Popen) -> None:
        before = self.workers()
        process.kill()
        process.wait()
        wait_for(lambda: self.workers() < before)

    def workers(self) -> int:
        return len(self.client.nthreads())

    def end(self) -> None:
        self.client.close()
        for process in self.started:
            process.kill()  # workers end with their nanny
        for process in self.started:
            process.wait()


def wait_for(what, seconds: float = 30) -> None:
    until = time.time() + seconds
    while not what():
        assert time.time() < until, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    pytest.importorskip("distributed", reason="Dask distributed is not installed: pip install sadar[cluster]")
    cluster = Cluster(tmp_path_factory.mktemp("dask"))
    try:
        cluster.join(2)
        yield cluster
    finally:
        cluster.end()

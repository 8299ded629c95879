"""Work for the tests of engines, in a file that a working process imports quickly."""

import os
import signal
import struct
import time
from multiprocessing import connection

from experiments.engines import local


def square(x: int) -> tuple[int, int]:
    time.sleep(0.01)
    return x * x, os.getpid()


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def fatal(x: int) -> int:
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.01)
    return x


def wrong(x: int) -> int:
    return 1 // (x - 5)


def echo(x: bytes) -> bytes:
    return x


def half_a_word(folder: str, x: int) -> bytes:
    """Number 1 dies while it writes its answer, once."""

    def send(pipe, data):
        os.write(pipe.fileno(), struct.pack("!i", len(data)) + bytes(data[: len(data) // 2]))
        os.kill(os.getpid(), signal.SIGKILL)

    if x == 1 and not os.path.exists(f"{folder}/died"):
        open(f"{folder}/died", "w").close()
        connection.Connection._send_bytes = send
    return bytes(100_000)


def nested(x: int) -> list:
    return [result for _, result in local(abs, [x], processes=2)]


class Unreadable(Exception):
    """Can be written by pickle and not be read."""

    def __init__(self, what, why):
        super().__init__(what)


def unreadable(x: int) -> None:
    raise Unreadable("this", "that")


class Stillborn:
    """Work that ends the process which reads it."""

    def __reduce__(self):
        return os._exit, (7,)


def deadly_batch(runs, frame):
    """`run_batch`, but for run 17."""
    from experiments.sweeping.batch import run_batch

    if any(run.number == 17 for run in runs):
        os.kill(os.getpid(), signal.SIGKILL)
    return run_batch(runs, frame)


def slow_batch(runs, frame):
    """`run_batch`, slow enough that a worker can be killed in the middle."""
    from experiments.sweeping.batch import run_batch

    time.sleep(0.1 * len(runs))
    return run_batch(runs, frame)

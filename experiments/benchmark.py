"""How fast sweeps are, as ratios measured side by side in one run: `python -m experiments.benchmark [--runs N] [--case NAME]`.

The yardstick is the kernel itself: seconds that `kernel.run` takes for one run on one core of this machine, now. A sweep on
`cores` cores could at best do cores / seconds runs a second; what it reaches of that is its efficiency.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WORKERS, WEEKS = 3000, 104


def design(case: str, runs: int) -> dict:
    """One village of 3,000 workers over two years, `runs` times with other luck."""
    return {"title": f"benchmark {case}", "scenario": case, "replicates": runs, "uncertainties": {"village.workers": [WORKERS]}}


def kernel_seconds(case: str, runs: int = 40) -> float:
    """Median seconds of the kernel for one run, burn-in included, alone on a core."""
    from experiments.sweeping.design import plan
    from simulation.assembly import assemble
    from simulation.baseline import solve

    parameters = solve(plan(design(case, 1)).parameters(0))
    seconds = []
    for replicate in range(runs + 2):
        world = assemble(parameters, 1, replicate)
        began = time.perf_counter()
        world.advance()
        seconds.append(time.perf_counter() - began)
    return sorted(seconds[2:])[runs // 2]


def throughput(case: str, runs: int, engine: str = "local", processes: int | None = None) -> dict:
    """A sweep's runs a second of wall time, start of the workers included, and the most memory that all its processes held together."""
    from experiments.engines import available
    from experiments.sweep import plan, sweep

    made, cores = plan(design(case, runs)), processes or available()
    with tempfile.TemporaryDirectory() as folder, Memory() as memory:
        began = time.perf_counter()
        table = sweep(made, folder, engine=engine, processes=processes)
        seconds = time.perf_counter() - began
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
    assert (table["status"] == "ok").all()
    return {"engine": engine, "processes": cores, "runs": runs, "seconds": seconds, "runs_per_second": runs / seconds,
            "peak_mib": memory.peak / 2**20, "disk_mib": size / 2**20}  # fmt: skip


class Memory:
    """Peak of the memory that this process and all it started hold, shared pages counted once (Linux; elsewhere 0)."""

    def __enter__(self) -> "Memory":
        self.peak, self.over = 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.over.wait(0.5):
            self.peak = max(self.peak, sum(map(_held, _family(os.getpid()))))


def _family(pid: int) -> set[int]:
    parents = {}
    for other in filter(str.isdigit, os.listdir("/proc") if Path("/proc").is_dir() else ()):
        try:
            parents[int(other)] = int(Path(f"/proc/{other}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found, new = set(), {pid}
    while new:
        found, new = found | new, {child for child, parent in parents.items() if parent in new} - found
    return found


def _held(pid: int) -> int:
    """Proportional set size in bytes."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 0


def alone(call: str) -> dict | float:
    """What an expression of this module gives in a process of its own."""
    code = f"import json\nfrom experiments.benchmark import *\nif __name__ == '__main__':\n    print(json.dumps({call}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m experiments.benchmark", description="how fast sweeps are, as ratios")
    words.add_argument("--runs", type=int, default=2000, help="runs of each sweep (default 2,000; the goal is stated for 10,000)")
    words.add_argument("--case", default="lerep", help="village and campaign (default lerep)")
    words.add_argument("--engines", default="local,dask", help="engines to time, with commas")
    given = words.parse_args()
    one = alone(f"kernel_seconds({given.case!r})")
    print(f"kernel, {given.case}, {WORKERS} workers x {WEEKS} weeks and burn-in: {1000 * one:.1f} ms a run on one core")
    for engine in given.engines.split(","):
        for processes in (1, 2) if engine == "local" else (2,):
            found = alone(f"throughput({given.case!r}, {given.runs}, {engine!r}, {processes})")
            reached = found["runs_per_second"] * one / processes
            print(
                f"{engine}, {processes} processes, {given.runs:,} runs: {found['seconds']:.1f} s, {found['runs_per_second']:.1f} runs/s, "
                f"{reached:.0%} of {processes} x kernel; peak {found['peak_mib']:.0f} MiB; on disk {found['disk_mib']:.1f} MiB"
            )


if __name__ == "__main__":
    main()

"""Experiments: what we wanted to know. `from experiments.run import run`; `experiments.load(folder)` reads a saved result.

Nothing is imported until it is asked for, so that a worker of a sweep starts quickly.
"""


def __getattr__(name: str):
    if name in ("Result", "load", "one"):
        from experiments import run

        return getattr(run, name)
    raise AttributeError(f"module 'experiments' has no attribute {name!r}")

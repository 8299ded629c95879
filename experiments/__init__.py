"""Experiments: what we wanted to know. `from experiments.api import run, compare, sweep, ...` has all that the command line does;
`experiments.load(folder)` reads what a folder holds.

Here are those functions of `experiments.api` that share no name with a module: `experiments.compare`, say, is the module. Nothing is
imported until it is asked for, so that a worker of a sweep starts quickly.
"""

NAMES = ("Comparison", "Past", "Result", "extend", "load", "one", "results", "resume")


def __getattr__(name: str):
    if name in NAMES:
        from experiments import api

        return getattr(api, name)
    raise AttributeError(f"module 'experiments' has no attribute {name!r}; what the command line does is in experiments.api")


def __dir__() -> list[str]:
    return sorted([*globals(), *NAMES])

"""One village, its people, and a campaign that brings social security to them.

`from simulation import EnrollmentModel` is the Mesa front. Names are fetched when asked for, so that
`import simulation.parameters`, or a sweep worker, imports neither Mesa nor the kernel.
"""

from importlib import import_module

_HOMES = {
    "EnrollmentModel": "model",
    "Worker": "agents",
    "Leader": "agents",
    "PerisaiAgent": "agents",
    "Parameters": "parameters",
    "Stage": "stages",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"simulation.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

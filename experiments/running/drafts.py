"""A folder of results that is written whole or not at all: made beside its place, then renamed."""

import glob
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def drafted(target: Path, refuse: Callable[[Path], None]) -> Iterator[Path]:
    """An empty folder that takes the place of `target` when the block ends well; else nothing is left of it.

    `refuse(target)` raises InputError where something stands there that may not be replaced.
    """
    recover(target)
    refuse(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    for litter in target.parent.glob(f".{glob.escape(target.name)}.draft-*"):
        if time.time() - litter.stat().st_mtime > 3600:  # left by a process that was killed
            shutil.rmtree(litter, ignore_errors=True)
    draft = target.parent / f".{target.name}.draft-{os.getpid()}-{secrets.token_hex(4)}"
    draft.mkdir()
    try:
        yield draft
        _swap(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def recover(target: Path) -> None:
    """A run that was killed between the two renames of `_swap` left the older result under its other name: put it back."""
    if not target.exists() and _old(target).exists():
        os.rename(_old(target), target)


def _swap(draft: Path, target: Path) -> None:
    """Put the finished folder in the place of what is there."""
    shutil.rmtree(_old(target), ignore_errors=True)
    if target.exists():
        os.rename(target, _old(target))
    try:
        os.rename(draft, target)
    except BaseException:  # Ctrl-C too
        recover(target)
        raise
    shutil.rmtree(_old(target), ignore_errors=True)

"""Where numba keeps compiled code: a folder named by a hash of the sources the kernel reads.

numba's cache does not notice an edited constant in another file and would silently run the old code, so the hash
covers kernel.py, records.py and stages.py. Call `prepare()` before numba is imported. A folder the user set is respected.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

SOURCES = ("kernel.py", "records.py", "stages.py")


def source_hash() -> str:
    """Sixteen hex digits that change when the kernel or the codes it reads change."""
    here = Path(__file__).parent
    return hashlib.sha256(b"\0".join((here / name).read_bytes() for name in SOURCES)).hexdigest()[:16]


def prepare() -> None:
    """Point NUMBA_CACHE_DIR at the first writable of: the user's cache folder, the temporary folder."""
    if "numba" in sys.modules or os.environ.get("NUMBA_CACHE_DIR"):
        return
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    user = os.environ.get("USER") or str(getattr(os, "getuid", lambda: "user")())
    for base in (Path(home) / "sadar", Path(tempfile.gettempdir()) / f"sadar-{user}"):
        folder = base / f"kernel-{source_hash()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".write-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError:
            continue
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        return


def model_hash() -> str:
    """Sixteen hex digits that change when any source of the simulation changes (results may then change)."""
    here = Path(__file__).parent
    return hashlib.sha256(b"\0".join(p.read_bytes() for p in sorted(here.glob("*.py")))).hexdigest()[:16]

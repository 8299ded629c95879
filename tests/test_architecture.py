"""Who may import whom, and what must stay light: the arrows of the design, held."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(p for folder in ("simulation", "scenarios", "experiments") for p in (ROOT / folder).rglob("*.py"))

#: inside simulation: each file may import only files of lower rank
RANK = {
    "stages": 0, "rng": 0, "cache": 0, "plain": 1, "parameters": 1, "records": 1, "timeline": 2, "population": 2, "snapshot": 3, "network": 3, "spans": 3, "segments": 3,
    "sheets": 4, "kernel": 4, "rows": 5, "threads": 5, "campaign": 6, "assembly": 7, "baseline": 8, "world": 9, "branch": 10, "ledger": 10,
    "outcomes": 12, "agents": 12, "model": 13, "document": 13, "__init__": 14,
}  # fmt: skip


def imports(path: Path, late: bool = False) -> set[str]:
    """Dotted names a file imports at its top level (with `late`, also inside functions)."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree) if late else tree.body:
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return found


def of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=of)
def test_arrows_between_the_three_packages(path):
    package = path.relative_to(ROOT).parts[0]
    forbidden = {"simulation": ("scenarios", "experiments"), "scenarios": ("experiments",), "experiments": ()}[package]
    assert not [n for n in imports(path, late=True) if n.split(".")[0] in forbidden]


@pytest.mark.parametrize("path", [p for p in MODULES if p.parent.name == "simulation"], ids=of)
def test_arrows_inside_the_simulation(path):
    assert path.stem in RANK, f"{path.name} has no place in the order of rooms"
    mine = {n.split(".")[1] for n in imports(path) if n.startswith("simulation.")} & RANK.keys()
    assert {m for m in mine if RANK[m] >= RANK[path.stem] and m != path.stem} == set()


def test_only_the_kernel_imports_numba_and_only_the_front_imports_mesa():
    numba = {of(p) for p in MODULES if any(n.split(".")[0] == "numba" for n in imports(p))}
    mesa = {of(p) for p in MODULES if any(n.split(".")[0] == "mesa" for n in imports(p))}
    assert numba == {"simulation.kernel"}
    assert mesa <= {"simulation.agents", "simulation.model"} and mesa


def test_no_module_takes_names_from_its_own_package():
    """`from simulation import kernel` is a submodule; a name made in __init__ would be a circle."""
    for path in MODULES:
        package = ".".join(path.relative_to(ROOT).parts[:-1])
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == package:
                assert all((path.parent / f"{a.name}.py").is_file() for a in node.names), of(path)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("simulation.world", ("mesa", "matplotlib", "solara", "rich", "typer")),
        ("simulation.parameters", ("numba", "pandas", "mesa", "numpy")),
        ("experiments.cli", ("numba", "pandas", "matplotlib", "mesa", "numpy")),
        ("scenarios.loader", ("numba", "pandas", "mesa", "numpy")),
    ],
)
def test_what_stays_light(module, heavy):
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_tracked_files_name_no_registry_and_no_machine():
    for path in [*ROOT.glob("*.toml"), *ROOT.glob("*.txt"), ROOT / "Makefile", ROOT / ".ci" / "run"]:
        text = path.read_text()
        assert not any(host in text for host in ("pypi" + ".org", "python" + "hosted", "/" + "root/")), path.name

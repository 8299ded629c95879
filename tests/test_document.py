"""The ODD (simulation/README.md) and the code say the same: tables fresh, every parameter sourced, every process and lane named."""

import ast
import re
from pathlib import Path
from typing import get_args, get_origin

import numpy as np
import pytest

from simulation import document, records
from simulation.assembly import kernel  # by way of assembly: numba then caches where it should
from simulation.parameters import Group, Lever, walk
from simulation.stages import LEGAL_PASSAGES, Block, Event, Item, Measure, Purpose, Stage

README = document.README.read_text(encoding="utf-8")
KERNEL = Path(document.__file__).with_name("kernel.py").read_text(encoding="utf-8")
TREE = ast.parse(KERNEL)
#: the compiled functions: the processes of the model, and the loops that build a village
FUNCTIONS = {node.name: node for node in TREE.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
PARAMETERS = [(path, info) for path, info in walk() if not document.group_of(info.annotation)]


def section(number: int) -> str:
    """Text of one main section of the ODD."""
    start = README.index(f"\n## {number}. ")
    end = README.find(f"\n## {number + 1}. ", start)
    return README[start : end if end > 0 else None]


def table(name: str) -> list[list[str]]:
    """Rows of a generated table as they stand in the text."""
    found = re.search(rf"<!-- generated: {name} -->\n(.*?)<!-- end: {name} -->", README, re.DOTALL)
    assert found, f"no block {name}"
    lines = [line.strip("| \n").split(" | ") for line in found[1].splitlines() if line.startswith("|")]
    return lines[2:]


# ------------------------------------------------------------------ text


def test_generated_tables_are_fresh():
    assert document.render(README) == README, "run: python -m simulation.document"


def test_every_block_stands_once_in_the_text():
    blocks = [m[2] for m in document.BLOCK.finditer(README)]
    assert sorted(blocks) == sorted([*document.TABLES, "parameters"])
    assert README.count("<!-- generated:") == README.count("<!-- end:") == len(blocks)


def test_a_stale_table_is_noticed(tmp_path, monkeypatch):
    stale = tmp_path / "README.md"
    stale.write_text(README.replace("has not heard, or has forgotten", "something else"), encoding="utf-8")
    monkeypatch.setattr(document, "README", stale)
    assert document.main(["--check"]) == 1
    assert document.main([]) == 0
    assert stale.read_text(encoding="utf-8") == README
    assert document.main(["--check"]) == 0


def test_sections_follow_the_odd_protocol():
    titles = re.findall(r"^## \d\. (.*)$", README, re.MULTILINE)
    assert titles == [
        "Purpose and patterns", "Entities, state variables, scales", "Process overview and scheduling", "Design concepts",
        "Initialization", "Input data", "Submodels", "Known limits",
    ]  # fmt: skip
    assert re.findall(r"^\| (P\d+) \|", section(1), re.MULTILINE) == [f"P{k}" for k in range(1, 12)]


def test_functions_named_in_the_text_exist():
    modules = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in document.README.parent.glob("*.py")}
    names = {m: {n.name for n in ast.walk(t) if isinstance(n, ast.FunctionDef | ast.ClassDef)} for m, t in modules.items()}
    written = document.BLOCK.sub("", README)
    rooms = "kernel|campaign|rows|sheets|segments|spans|assembly|world|timeline|population|network|baseline"
    for module, name in re.findall(rf"`({rooms})\.(\w+)`", written):
        assert name == "py" or name in names[module], f"{module}.{name} is named in the ODD and does not exist"


# ------------------------------------------------------------------ parameters


@pytest.mark.parametrize(("path", "info"), PARAMETERS, ids=[path for path, _ in PARAMETERS])
def test_every_parameter_has_unit_range_meaning_source_and_grade(path, info):
    extra = info.json_schema_extra or {}
    assert info.description and info.description.strip(), path
    assert extra.get("source", "").strip(), path
    assert extra.get("grade") in ("measured", "expert", "guess"), path
    plain = {info.annotation} if get_origin(info.annotation) is list else {info.annotation, *get_args(info.annotation)}
    if plain & {int, float}:
        low, high = document.bounds(info)
        assert low is not None and high is not None and low < high, f"{path}: a number needs both bounds"
        assert extra.get("unit", "-") != "-", f"{path}: a number needs a unit"
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        assert default is None or low <= default <= high, f"{path}: the default lies outside its own range"
    else:
        assert extra.get("unit") == "-", f"{path}: a choice has no unit"


def test_every_parameter_stands_in_the_text():
    stands = [(row[0], row[1]) for row in document.parameter_rows()]
    assert len(stands) == len(set(stands)) == len(list(walk()))
    text = re.search(r"<!-- generated: parameters -->(.*?)<!-- end: parameters -->", README, re.DOTALL)[1]
    for group, key in stands:
        part = text.split(f"**`{group}`**")[1].split("\n**`")[0]
        assert f"| {key} |" in part, f"{group}.{key}"


# ------------------------------------------------------------------ processes


def test_every_kernel_function_has_a_docstring_or_is_one_line():
    bare = [name for name, node in FUNCTIONS.items() if not ast.get_docstring(node) and len(node.body) > 1]
    assert not bare, f"kernel functions without docstring: {bare}"


def test_submodels_name_every_kernel_function():
    text = section(7)
    missing = [name for name in FUNCTIONS if not re.search(rf"`(kernel\.)?{name}\b", text)]
    assert not missing, f"kernel functions that section 7 does not name: {missing}"


def test_processes_are_headed_in_submodels():
    text = section(7)
    headings = " ".join(line for line in text.splitlines() if line.startswith("### "))
    missing = [s.function for s in document.SCHEDULE if f"`kernel.{s.function}`" not in headings]
    assert not missing, f"processes without a heading: {missing}"


def called(name: str) -> list[str]:
    """Compiled functions that a function calls, in the order of the lines."""
    nodes = [n for n in ast.walk(FUNCTIONS[name]) if isinstance(n, ast.Call)]
    return [name for _, name in sorted((n.lineno, n.func.id) for n in nodes if getattr(n.func, "id", "") in FUNCTIONS)]


def test_schedule_is_the_order_of_the_week():
    """Whole-numbered steps are what `kernel.run` does in a week, in order; all others exist and are called from their step."""
    for parts in (called("run"), sum((called(f) for f in ("run_open", "run_rows", "run_close")), [])):
        assert parts == ["open_week", "live_rows", "close_week"]
    main = [s.function for s in document.SCHEDULE if "." not in s.number]
    assert called("open_week") + ["live_rows"] + called("close_week") == main
    for step in document.SCHEDULE:
        head = next(s.function for s in document.SCHEDULE if s.number == step.number.split(".")[0])
        assert step.function == head or step.function in reached_from(head), step
    numbers = [tuple(map(int, s.number.split("."))) for s in document.SCHEDULE]
    assert numbers == sorted(set(numbers))


def reached_from(name: str, seen=None) -> set[str]:
    seen = set() if seen is None else seen
    for node in ast.walk(FUNCTIONS[name]):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FUNCTIONS and node.func.id not in seen:
            seen.add(node.func.id)
            reached_from(node.func.id, seen)
    return seen


# ------------------------------------------------------------------ lanes


def test_every_lane_stands_once():
    places = [(x.purpose, x.block, x.lane) for x in document.LANES]
    assert len(places) == len(set(places))
    for purpose, block, _ in places:
        assert [lane for p, b, lane in places if (p, b) == (purpose, block)] == [0, 1, 2, 3]
    assert {x.purpose for x in document.LANES} == {p.name for p in Purpose}
    assert [b.name for b in Block] == list(dict.fromkeys(x.block for x in document.LANES if x.purpose == "WORKER"))
    uses = [(x.purpose, x.use) for x in document.LANES if x.use != "free" and x.purpose != "NETWORK"]
    assert len(uses) == len(set(uses))


def constants() -> dict[str, int]:
    """Plain integer constants of kernel.py (codes of blocks and lanes)."""
    return {name: int(value) for name, value in vars(kernel).items() if isinstance(value, int | np.integer) and not isinstance(value, bool)}


def drawn_lanes() -> dict[tuple[str, str], set[tuple[int, str]]]:
    """(purpose, block as written) -> (lane, function) of every `draw`, `drawn` and `philox` call of kernel.py, read from the source."""
    found: dict = {}
    for function, node in FUNCTIONS.items():
        if function in ("draw", "draw_ahead", "drawn", "philox", "fill_uniforms"):  # the generators themselves
            continue
        parents = {child: parent for parent in ast.walk(node) for child in ast.iter_child_nodes(parent)}
        for call in ast.walk(node):
            name = getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""
            if name not in ("draw", "drawn", "philox"):
                continue
            arguments = [ast.unparse(a) for a in call.args]
            if name == "drawn":
                place, lanes = ("P_WORKER", arguments[1]), lanes_written(arguments[2])
            else:
                place = (arguments[4], arguments[3]) if name == "draw" else (arguments[3], arguments[2])
                lanes = lanes_taken(parents[call])
            found.setdefault(place, set()).update((lane, function) for lane in lanes)
    return found


def lanes_written(text: str) -> set[int]:
    """Lane numbers an expression stands for; `lane` runs over all four, `kind` over the classes a member goes to."""
    loops = {"lane": set(range(4)), "kind": set(range(kernel.SERVICE))}
    return loops.get(text) or {eval(text, {}, constants())}


def lanes_taken(parent) -> set[int]:
    """Lanes that a statement takes from the four uniforms (or words) of a draw."""
    if isinstance(parent, ast.Subscript):
        return {parent.slice.value}
    target = parent.targets[0]
    return {k for k, e in enumerate(target.elts) if e.id != "_"} if isinstance(target, ast.Tuple) else set(range(4))


#: how kernel.py writes the blocks that are not constants of their own name
WRITTEN = {
    ("P_AGENT", "k"): [("AGENT", "visit number")],
    ("P_AGENT", "PAY_BLOCK"): [("AGENT", "0xFFFF")],
    ("P_AGENT", "MEET_BLOCK"): [("AGENT", "0xFFFE")],
    ("P_LEVER", "0"): [("LEVER", "0")],
    ("P_LEVER", "RENEWAL_BLOCK"): [("LEVER", "0")],
    ("P_CLAIM", "kind"): [("CLAIM", "kind")],
    ("np.uint64(P_ALLOT)", "np.uint64(k)"): [("ALLOT", "lever")],
    ("P_WORKER", "CONTACT_A + half"): [("WORKER", "CONTACT_A"), ("WORKER", "CONTACT_B")],
    ("P_WORKER", "CONTACT_A + kind // 4"): [("WORKER", "CONTACT_A"), ("WORKER", "CONTACT_B")],
    ("P_WORKER", "GROUP_BLOCK"): [("WORKER", "GROUP")],
}
#: a channel's uniform is the same fact for those without cover, for members, and for the money set aside for it
SAME_FACT = {"meet", "member", "reached"}


def test_lanes_of_the_text_are_the_lanes_the_kernel_draws():
    drawn: dict = {}
    for (purpose, block), lanes in drawn_lanes().items():
        for place in WRITTEN.get((purpose, block), [(purpose.removeprefix("P_"), block)]):
            # lane 3 of CONTACT_B belongs to no class: `meet` goes up to the kit, `reached` up to the reminder
            taken = {x for x in lanes if place[1] != "CONTACT_B" or x[0] < (2 if x[1] == "meet" else 3)}
            drawn.setdefault(place, set()).update(taken)
    for place, lanes in drawn.items():
        numbers = {lane for lane, _ in lanes}
        for number in numbers:
            users = {function for lane, function in lanes if lane == number}
            assert len(users) == 1 or users <= SAME_FACT, f"{place}: lane {number} is drawn by {sorted(users)}"
        told = {x.lane for x in document.LANES if (x.purpose, x.block) == place and x.use != "free"}
        assert numbers == told, f"{place}: the kernel draws {sorted(numbers)}, the text says {sorted(told)}"
    weekly = {(x.purpose, x.block) for x in document.LANES if x.purpose not in ("PEOPLE", "NETWORK")}
    assert set(drawn) == weekly


def test_block_numbers_of_the_text_are_those_of_the_kernel():
    assert (kernel.PAY_BLOCK, kernel.MEET_BLOCK) == (0xFFFF, 0xFFFE)
    assert [int(b) for b in Block] == list(range(len(Block)))


# ------------------------------------------------------------------ codes and records


def test_passages_of_the_text_are_the_legal_ones():
    assert {(Stage[a], Stage[b]) for a, b, _ in table("passages")} == set(LEGAL_PASSAGES)


def test_codes_of_the_text_are_the_codes():
    assert [row[1] for row in table("stages")] == [s.name for s in Stage]
    assert [row[1] for row in table("events")] == [e.name for e in Event]
    assert [row[1] for row in table("measures")] == [s.name for s in Stage] + [m.name for m in Measure]
    assert [row[2] for row in table("ledger") if row[0] == "item"] == [i.name for i in Item]


def test_every_field_of_every_record_is_explained():
    kinds = {name for name, kind in vars(records).items() if isinstance(kind, np.dtype)}
    assert set(document.RECORDS) == kinds - {"PAR"}
    for name, meanings in document.RECORDS.items():
        assert set(meanings) == set(getattr(records, name).names), name


def test_scalars_of_the_kernel_are_parameters_or_explained():
    text = section(7)
    known = {path.rpartition(".")[2] for path, _ in walk()}
    for name in records.PAR.names:
        short = name.removesuffix("_prob").removesuffix("_ratio").removesuffix("_weight").removesuffix("_share")
        assert name in known or name in text or any(k.startswith(short) for k in known), f"kernel scalar {name} is explained nowhere"


def test_mechanisms_are_the_fields_of_a_lever():
    groups = {name for name, info in Lever.model_fields.items() if (g := document.group_of(info.annotation)) and issubclass(g, Group)}
    assert set(document.MECHANISMS) == groups - {"target", "cost"}
    for _, functions in document.MECHANISMS.values():
        assert set(functions.split(", ")) <= set(FUNCTIONS)

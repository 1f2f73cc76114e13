"""Every name of PyTorch/XLA that engines on it use is in its recorded contract."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import ttbench_core

CONTRACT = json.loads(
    (Path(__file__).parents[2] / "helpers" / "xla_contract.json").read_text(encoding="utf-8")
)["torch_xla"]
BACKENDS = Path(ttbench_core.__file__).parent / "backends"
FOLDERS = (BACKENDS / "shared" / "xla", BACKENDS / "xla")
#: Functions whose first argument names something that the contract has, and where.
NAMED = {
    "torch_xla.debug.metrics.counter_value": "counters",
    "torch_xla.debug.metrics.metric_data": "metrics",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.py")):
            yield f"{folder.name}/{path.name}", ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> dict[str, str]:
    """Give the modules of PyTorch/XLA by the name that they have in a module."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            ours = [one for one in node.names if one.name.partition(".")[0] == "torch_xla"]
            found.update({one.asname or "torch_xla": one.asname and one.name for one in ours})
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch_xla"):
            prefix = node.module
            found.update({one.asname or one.name: f"{prefix}.{one.name}" for one in node.names})
    return found


def dotted(node: ast.expr, modules: dict[str, str]) -> str | None:
    """Give `torch_xla.runtime.device_type` for such a chain of names."""
    if isinstance(node, ast.Name):
        return modules.get(node.id, "") or (node.id if node.id in modules else None)
    if isinstance(node, ast.Attribute):
        base = dotted(node.value, modules)
        return base and f"{base}.{node.attr}"
    return None


def used() -> Iterator[tuple[str, str]]:
    """Give every name that is used, and where."""
    for file, tree in sources():
        modules = imported(tree)
        for node in ast.walk(tree):
            name = dotted(node, modules) if isinstance(node, ast.Attribute) else None
            if name and not name.endswith((".__name__", ".__version__")):
                yield name, f"{file}:{node.lineno}"


def calls() -> Iterator[tuple[str, ast.Call]]:
    for _, tree in sources():
        modules = imported(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (name := dotted(node.func, modules)):
                yield name, node


def test_every_name_that_is_used_is_recorded():
    found = dict(used())
    assert len(found) > 10
    recorded = set(CONTRACT["names"])
    assert {name: where for name, where in found.items() if name not in recorded} == {}


def test_every_keyword_and_position_of_a_call_is_recorded():
    checked = 0
    for name, call in calls():
        parameters = CONTRACT["parameters"].get(name, [])
        assert len(call.args) <= len(parameters), name
        assert {one.arg for one in call.keywords} <= set(parameters), name
        checked += bool(call.args or call.keywords)
    assert checked > 3


def test_every_counter_and_metric_that_is_read_is_recorded():
    found = {(name, call.args[0].value) for name, call in calls() if name in NAMED}
    assert {read for _, read in found} == {
        "CompileTime",
        "ExecuteReplicatedTime",
        "ExecuteTime",
        "UncachedCompile",
    }
    assert all(read in CONTRACT[NAMED[name]] for name, read in found)


def test_every_variable_that_is_set_or_read_is_recorded():
    (tree,) = [tree for file, tree in sources() if file == "xla/runtime.py"]
    named = {
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id.endswith("_VARIABLE")
        and isinstance(node.value, ast.Constant)
    }
    assert len(named) == 4
    assert named <= set(CONTRACT["variables"])


def test_a_name_that_is_not_recorded_is_found():
    tree = ast.parse("import torch_xla.runtime as xr\nxr.no_such_function()")
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call))
    name = dotted(call.func, imported(tree))
    assert name == "torch_xla.runtime.no_such_function"
    assert name not in CONTRACT["names"]

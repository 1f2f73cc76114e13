"""Every name of PyBuda that the backend uses is in the recorded contract of PyBuda."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ttbench_core

CONTRACT = json.loads(
    (Path(__file__).parents[2] / "packs" / "pybuda" / "contract.json").read_text()
)
SOURCE = Path(ttbench_core.__file__).parent / "backends" / "pybuda"
#: Modules of PyBuda, by the name that the backend imports them under.
MODULES = {"pybuda": "pybuda", "tti_data_parallel": "pybuda.tools.tti_data_parallel"}
PARTS = {"pybuda.config", "pybuda.tools", "pybuda.tools.tti_data_parallel"}
#: Expressions of the backend that are objects of PyBuda, and of which classes.
OBJECTS = {
    r"(.*\.)?pipeline\.(first|last|device)": ("pybuda.TTDevice", "pybuda.CPUDevice"),
    r"devices\[-1\]|device": ("pybuda.TTDevice", "pybuda.CPUDevice"),
    r"config": ("pybuda.CompilerConfig",),
    r"self\._runner": ("pybuda.tools.tti_data_parallel.MultiCardRunner",),
    r"self\._runner\.run\(.*\)": ("pybuda.tools.tti_data_parallel.RunResult",),
    r"image": ("pybuda.TTDeviceImage",),
}
#: Attributes of torch and of the backend's own objects whose expression looks like one above.
OWN = {"index", "arch", "kind"}


def sources() -> dict[str, ast.Module]:
    return {path.name: ast.parse(path.read_text()) for path in sorted(SOURCE.glob("*.py"))}


def dotted(node: ast.expr) -> str | None:
    """Give `pybuda.config.PerfTraceLevel.NONE` for such a chain of names."""
    if isinstance(node, ast.Name):
        return MODULES.get(node.id)
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return base and f"{base}.{node.attr}"
    return None


def used() -> Iterator[tuple[str, str]]:
    """Give every name of PyBuda's modules that the backend uses, and where."""
    for file, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and (name := dotted(node)):
                yield name, f"{file}:{node.lineno}"


def used_of_objects() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Give every attribute of PyBuda's objects that the backend uses, their classes, and where."""
    for file, tree in sources().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            base = ast.unparse(node.value)
            for pattern, classes in OBJECTS.items():
                if re.fullmatch(pattern, base) and node.attr not in OWN:
                    yield node.attr, classes, f"{file}:{node.lineno}"


def is_recorded(name: str) -> bool:
    owner, _, last = name.rpartition(".")
    if name in PARTS | CONTRACT["functions"].keys() | CONTRACT["classes"].keys():
        return True
    if name in CONTRACT["enums"] or last in CONTRACT["enums"].get(owner, {}).get("members", ()):
        return True
    if last in CONTRACT["classes"].get(owner, {}).get("methods", ()):
        return True
    return owner == "pybuda" and last in CONTRACT["top_level_names"]


def has(owner: str, attribute: str) -> bool:
    methods = CONTRACT["classes"][owner]["methods"]
    fields = [field[0] for field in CONTRACT["dataclass_fields"].get(owner, ())]
    return attribute in methods or attribute in fields


def test_every_name_of_pybuda_that_the_backend_uses_is_recorded():
    found = dict(used())
    assert len(found) > 50
    assert {name: where for name, where in found.items() if not is_recorded(name)} == {}


def test_every_method_and_attribute_of_its_objects_is_recorded():
    found = list(used_of_objects())
    assert {attribute for attribute, _, _ in found} >= {
        "push_to_inputs",
        "push_to_target_inputs",
        "place_loss_module",
        "set_active_subgraph",
        "compile_to_image",
        "place_on_new_epoch",
        "run",
        "outputs",
        "get_input_shapes",
        "default_df_override",
    }
    unknown = [
        (attribute, where)
        for attribute, classes, where in found
        if not any(has(owner, attribute) for owner in classes)
    ]
    assert unknown == []


def test_a_name_that_is_not_recorded_is_found():
    assert not is_recorded("pybuda.run_forwards")
    assert not is_recorded("pybuda.DataFormat.Float8")
    assert not has("pybuda.TTDevice", "push")


@pytest.mark.parametrize("pack", ["ttbench_models_nlp", "ttbench_models_vision"])
def test_every_setting_of_a_pack_is_one_of_the_compilers(pack):
    found = importlib.util.find_spec(pack)
    if found is None or found.origin is None:
        pytest.skip(f"{pack} is not installed")
    file = json.loads((Path(found.origin).parent / "tuning.json").read_text())
    rules = [rule for rules in file["pybuda"].values() for rule in rules]
    attributes = {name for rule in rules for name in rule.get("set", {})}
    calls = {call["name"] for rule in rules for call in rule.get("calls", ())}
    assert attributes
    assert calls
    assert all(has("pybuda.CompilerConfig", name) for name in attributes)
    functions = {name.rpartition(".")[2] for name in CONTRACT["functions"]}
    assert calls <= functions | CONTRACT["classes"]["pybuda.CompilerConfig"]["methods"].keys()
    assert calls <= callable_by_rules()


def callable_by_rules() -> set[str]:
    """Give the functions that the backend lets rules call."""
    for node in ast.walk(sources()["compiler_settings.py"]):
        if isinstance(node, ast.FunctionDef) and node.name == "_callable_functions":
            (table,) = [part for part in ast.walk(node) if isinstance(part, ast.Dict)]
            return {key.value for key in table.keys}
    raise AssertionError("compiler_settings.py has no table of functions")

"""Every name of tt-xla's packages that its backend uses is in the recorded contract."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import ttbench_core
from ttbench_core.backends.protocol import CompileOptions, Device
from ttbench_core.backends.tt_xla import cards, device_status
from ttbench_core.backends.tt_xla.options import TtXlaOptions, compiler_options, dynamo_options
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.options import MathFidelity

CONTRACT = json.loads((Path(__file__).parents[2] / "helpers" / "xla_contract.json").read_text())
BACKENDS = Path(ttbench_core.__file__).parent / "backends"
SOURCES = [BACKENDS / "tt_xla", BACKENDS / "shared" / "xla"]
ROOTS = ("torch_xla", "tt_torch", "torch_plugin_tt", "pjrt_plugin_tt")
RECORDED = {name for part in CONTRACT.values() for name in part.get("names", ())}
COMPILE_OPTIONS = CONTRACT["pjrt_plugin_tt"]["compile_options"]
CHIP = Device("tt", 0, "Tenstorrent Wormhole_b0", "wormhole_b0")


def used_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Give every name of these packages that a module uses, and its line."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.name.partition(".")[0] in ROOTS:
                    names[one.asname or one.name.partition(".")[0]] = (
                        one.name if one.asname else one.name.partition(".")[0]
                    )
                    yield one.name, node.lineno
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ROOTS:
            for one in node.names:
                yield f"{node.module}.{one.name}", node.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (base := ast.unparse(node.value)) in names:
            yield f"{names[base]}.{node.attr}", node.lineno
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("hasattr", "getattr")
            and ast.unparse(node.args[0]) in names
        ):
            yield (
                f"{names[ast.unparse(node.args[0])]}.{ast.literal_eval(node.args[1])}",
                node.lineno,
            )


def used() -> dict[str, str]:
    """Give every name that the backend uses, and where."""
    return {
        name: f"{file.name}:{line}"
        for folder in SOURCES
        for file in sorted(folder.glob("*.py"))
        for name, line in used_in(ast.parse(file.read_text()))
    }


def test_every_name_that_the_backend_uses_is_recorded():
    found = used()
    assert "torch_xla.set_custom_compile_options" in found
    assert "torch_xla.runtime.use_spmd" in found
    assert {name: where for name, where in found.items() if name not in RECORDED} == {}


def test_a_name_that_is_not_recorded_is_found():
    source = "import torch_xla.runtime as xr\nxr.set_device('TT')\nhasattr(xr, 'nothing')"
    found = {name for name, _ in used_in(ast.parse(source))}
    assert found - RECORDED == {"torch_xla.runtime.set_device", "torch_xla.runtime.nothing"}


def test_the_stand_in_has_what_the_backend_uses_and_no_more_than_is_recorded(tt_cards):
    pytest.importorskip("torch")
    own = ("torch_xla_of_tenstorrent", "torch_plugin_tt", "pjrt_plugin_tt")
    for name in {*used(), *(name for part in own for name in CONTRACT[part]["names"])}:
        module, _, last = name.rpartition(".")
        assert importable(name) or last in importable(module), name
    for module in ("torch_xla", "torch_xla.runtime", "torch_xla.distributed.spmd"):
        found = importlib.import_module(module)
        own_names = [name for name, value in vars(found).items() if is_of(value, found)]
        assert {f"{module}.{name}" for name in own_names} <= RECORDED


def is_of(value: object, module: object) -> bool:
    return (
        callable(value)
        and getattr(value, "__module__", None) == module.__name__
        and (not value.__name__.startswith("_"))
    )


def importable(name: str) -> list[str]:
    try:
        return dir(importlib.import_module(name))
    except ImportError:
        return []


def test_every_option_is_one_of_the_compilers_with_its_default():
    other = {"optimization_level": 2, "experimental_kv_cache_dtype": "bfp_bf8"}
    for field in dataclasses.fields(TtXlaOptions):
        value = other.get(field.name, not field.default)
        level = {"optimization_level": 1} if field.name == "enable_create_d2m_subgraphs" else {}
        asked = options(engine=TtXlaOptions(**{**level, field.name: value}))
        handed = {**compiler_options(asked), **dynamo_options(asked)}
        (name,) = handed.keys() - level.keys()
        assert name.replace("-", "_") == field.name
        assert handed[name] == value
        if name.startswith("tt_"):
            assert CONTRACT["tt_torch"]["torch_compile_options"][name] == field.default
        else:
            known = COMPILE_OPTIONS[name]
            unset = None if field.default == "model" else field.default
            assert known["default"] == unset
            assert value in known.get("choices", [value])


def options(**changed):
    defaults = {"math_fidelity": None, "opt_level": 0, "training": False, "devices": (CHIP,)}
    return CompileOptions(**{"data_format": DataFormat.FP16_B, **defaults, **changed})


@pytest.mark.parametrize("fidelity", list(MathFidelity))
def test_every_fidelity_is_one_of_the_compilers(fidelity):
    asked = compiler_options(options(math_fidelity=fidelity))
    assert asked["math_fidelity"] in COMPILE_OPTIONS["math_fidelity"]["choices"]


@pytest.mark.parametrize("data_format", [DataFormat.BFP8_B, DataFormat.BFP4_B])
def test_every_format_of_weights_is_one_of_the_compilers(data_format):
    asked = compiler_options(options(data_format=data_format))
    known = COMPILE_OPTIONS["experimental_weight_dtype"]["choices"]
    assert asked["experimental_weight_dtype"] in known


def test_the_variables_that_are_set_are_recorded():
    used = {cards.VISIBLE, cards.TRACE_REGION, *cards.EMULATORS}
    assert used <= set(CONTRACT["pjrt_plugin_tt"]["environment"])


def test_what_is_read_of_a_card_is_recorded():
    keys = set(device_status._TEXTS) | set(device_status._NUMBERS) | {"index"}
    assert keys <= set(CONTRACT["tenstorrent"]["device_keys"])
    assert "devices" in CONTRACT["tenstorrent"]["keys"]

"""The core keeps its structure: short modules, no circles, and the layers that its page shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import ttbench_core

CORE = Path(ttbench_core.__file__).parent
ROOT = Path(__file__).parents[2]


def module_name(file: Path) -> str:
    parts = file.relative_to(CORE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(file): file for file in CORE.rglob("*.py")}


def imported_by(file: Path) -> Iterator[str]:
    """Every import counts: those inside functions and those for type checking, too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str | None:
    """Give the module that a dotted name is in; None outside the core."""
    while name and name not in FILES:
        name = name.rpartition(".")[0]
    return name or None


def test_no_modules_import_each_other_in_a_circle():
    imports = {
        module: {found for name in imported_by(file) if (found := module_of(name))} - {module}
        for module, file in FILES.items()
    }
    # raises CycleError, with the circle
    assert len(list(TopologicalSorter(imports).static_order())) == len(FILES)


def test_no_module_is_longer_than_250_lines():
    lengths = {name: len(file.read_text().splitlines()) for name, file in FILES.items()}
    assert {name: length for name, length in lengths.items() if length > 250} == {}


def test_at_most_eight_modules_are_in_no_package():
    assert len(list(CORE.glob("*.py"))) <= 8


def test_the_page_on_architecture_shows_the_layers_of_the_contract():
    contract = (ROOT / "pyproject.toml").read_text().partition("layers = [")[2].partition("]")[0]
    page = (ROOT / "docs" / "architecture.md").read_text()
    shown = page.partition("## Layers")[2].split("```")[1]
    layers = [line.strip() for line in re.findall(r'"(.+)"', contract)]
    assert shown.split("\n")[1:-1] == [line for line in layers if line != "__main__"]


def test_the_page_on_architecture_lists_every_package_and_module():
    page = (ROOT / "docs" / "architecture.md").read_text().partition("## Packages")[2]
    words = set(re.findall(r"\w+", page.partition("## Words")[0]))
    names = {part for name in FILES for part in name.split(".")[1:] if "migrations" not in name}
    assert names - words == set()

"""Whether the module of a loader can have its class: read from its text, before it is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from ttbench_core.errors import PackContractError
from ttbench_core.models.loaders.finding import Found

__all__ = ["check_class", "missing_class"]

_METHODS: Final = frozenset({"load_model", "load_inputs"})
#: Calls and functions that can make a name which the text does not show.
_DYNAMIC: Final = frozenset({"__getattr__", "exec", "globals", "setattr", "vars"})
#: The suffix of a file, typed after the name of a module.
_SUFFIX: Final = "py"


def check_class(tree: ast.Module, found: Found) -> None:
    """Refuse a module whose text has no way to the class; raises `PackContractError`."""
    if not any(name in (found.class_name, "*") or name in _DYNAMIC for name in _names(tree)):
        raise PackContractError(found.where, missing_class(found, _loaders(tree)))


def missing_class(found: Found, others: list[str]) -> str:
    """Word that a module lacks the class.

    Args:
        found: the module, and the class that it lacks.
        others: other classes of the module that could be meant.
    """
    fault = f"has no class {found.class_name}"
    if found.class_name == _SUFFIX:
        return f"{fault}: write {found.where}, without .{_SUFFIX}"
    if not others:
        return f"{fault}: a loader is a class with load_model and load_inputs"
    return f"{fault}; write {' or '.join(f'{found.where}.{name}' for name in others)}"


def _names(tree: ast.Module) -> Iterator[str]:
    """Yield every name that the module may come to have, and calls that can make others."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (one.asname or one.name for one in node.names)
        elif isinstance(node, ast.Name) and (
            isinstance(node.ctx, ast.Store) or node.id in _DYNAMIC
        ):
            yield node.id


def _loaders(tree: ast.Module) -> list[str]:
    """Give the classes with both methods, and those that are derived from one of these."""
    found: list[str] = []
    for one in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        methods = {part.name for part in one.body if isinstance(part, ast.FunctionDef)}
        bases = {base.id for base in one.bases if isinstance(base, ast.Name)}
        if methods >= _METHODS or bases & set(found):
            found.append(one.name)
    return found

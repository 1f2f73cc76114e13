"""Whether the source of a loader runs code of others: read from its text."""

from __future__ import annotations

import ast
from typing import Final

__all__ = ["runs_hub_code", "trusts_remote_code"]

_HUB_LOADS: Final = frozenset({"torch.hub.load", "hub.load"})


def trusts_remote_code(tree: ast.Module) -> bool:
    """Return whether it asks for code that comes with weights."""
    return any(_trusts(one) for one in ast.walk(tree))


def runs_hub_code(tree: ast.Module) -> bool:
    """Return whether it runs code of a repository by `torch.hub.load`."""
    return any(_loads_from_hub(one) for one in ast.walk(tree))


def _trusts(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "trust_remote_code" and _is_true(node.value)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return any(_is_name(key) and _is_true(value) for key, value in pairs)
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        return isinstance(target, ast.Subscript) and _is_name(target.slice) and _is_true(node.value)
    return False


def _loads_from_hub(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or ast.unparse(node.func) not in _HUB_LOADS:
        return False
    sources = (word.value for word in node.keywords if word.arg == "source")
    return not any(isinstance(one, ast.Constant) and one.value == "local" for one in sources)


def _is_name(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value == "trust_remote_code"


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True

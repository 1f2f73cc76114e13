"""What the source of a loader says of it: read from its text, so that nothing is imported.

What cannot be read, because it is computed, is left out: then the class itself is asked, when the
model is built.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ttbench_core.errors import AmbiguousNameError
from ttbench_core.models.loaders.class_check import check_class
from ttbench_core.models.loaders.finding import Found
from ttbench_core.models.loaders.others_code import runs_hub_code, trusts_remote_code

__all__ = ["LoaderText", "read_loader", "read_loader_file"]

#: Classes whose members are what a `ModelInfo` is given.
_INFO_CLASSES: Final = {
    "task": "ModelTask",
    "source": "ModelSource",
    "group": "ModelGroup",
    "framework": "Framework",
}
_TABLE: Final = "_VARIANTS"
_DEFAULT: Final = "DEFAULT_VARIANT"
_METHODS: Final = frozenset({"__init__", "load_model", "load_inputs"})
#: The frameworks of the enumeration that are not PyTorch.
_OTHER_FRAMEWORKS: Final = frozenset({"JAX", "ONNX", "PADDLE", "NUMPY"})


@dataclass(frozen=True)
class LoaderText:
    """What the text of a loader says."""

    #: In the order of the table of variants; empty where there are none, or they are computed.
    variants: tuple[str, ...] = ()
    default: str | None = None
    #: Such as `cv_image_cls`.
    task: str | None = None
    #: The framework where it is not PyTorch.
    other_framework: str | None = None
    #: Parameters of its constructor, `load_model` and `load_inputs`.
    parameters: frozenset[str] = frozenset()
    #: The top packages that those methods import.
    imported: frozenset[str] = frozenset()
    #: Whether it asks for code that comes with weights.
    trusts_remote_code: bool = False
    #: Whether it runs code of a repository by `torch.hub.load`.
    runs_hub_code: bool = False


def read_loader(found: Found) -> LoaderText:
    """Read the file of a loader; one that cannot be parsed says nothing: importing it says where.

    Raises `AmbiguousNameError` for two classes of its name, and `PackContractError` for a file
    that cannot have one.
    """
    tree = _parsed(found.file)
    if tree is None:
        return LoaderText()
    check_class(tree, found)
    return _read_class(tree, found.file, found.class_name) or LoaderText()


def read_loader_file(file: Path, class_name: str) -> LoaderText | None:
    """Read a file; None for one that has no class of that name, or cannot be parsed.

    Raises `AmbiguousNameError` where the file has two of them.
    """
    tree = _parsed(file)
    return None if tree is None else _read_class(tree, file, class_name)


def _parsed(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _read_class(tree: ast.Module, file: Path, class_name: str) -> LoaderText | None:
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef)]
    loaders = [one for one in classes if one.name == class_name]
    if not loaders:
        return None
    if len(loaders) > 1:
        lines = ", ".join(str(one.lineno) for one in loaders)
        raise AmbiguousNameError(
            f"{file.name} has {len(loaders)} classes {class_name} (lines {lines}), of which Python"
            " keeps the last: give the others names of their own"
        )
    return _read(tree, loaders[0], [*classes, *_classes_in(loaders[0])])


def _read(tree: ast.Module, loader: ast.ClassDef, classes: list[ast.ClassDef]) -> LoaderText:
    members = {one.name: _texts_of(one) for one in classes}
    variants, default = _variants(tree, loader, members)
    framework = _info(tree, "framework")
    return LoaderText(
        variants=variants,
        default=default,
        task=_lower(_info(tree, "task")),
        other_framework=_lower(framework) if framework in _OTHER_FRAMEWORKS else None,
        parameters=frozenset(_parameters(loader)),
        imported=frozenset(_imported(loader)),
        trusts_remote_code=trusts_remote_code(tree),
        runs_hub_code=runs_hub_code(tree),
    )


def _classes_in(loader: ast.ClassDef) -> list[ast.ClassDef]:
    return [one for one in loader.body if isinstance(one, ast.ClassDef)]


def _assignments(of: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for one in of.body:
        if isinstance(one, ast.Assign):
            yield from ((to.id, one.value) for to in one.targets if isinstance(to, ast.Name))
        elif isinstance(one, ast.AnnAssign) and one.value and isinstance(one.target, ast.Name):
            yield one.target.id, one.value


def _texts_of(enumeration: ast.ClassDef) -> dict[str, str]:
    return {
        name: value.value
        for name, value in _assignments(enumeration)
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def _variants(
    tree: ast.Module, loader: ast.ClassDef, members: dict[str, dict[str, str]]
) -> tuple[tuple[str, ...], str | None]:
    """Give the texts of the variants and the default; none where the text may not show all."""
    values = dict(_assignments(loader))
    table, named = values.get(_TABLE), values.get(_DEFAULT)
    if not isinstance(table, ast.Dict) or _has_more(tree, loader):
        return (), None
    texts = [_member(key, members) for key in table.keys]
    known = tuple(dict.fromkeys(text for text in texts if text))
    if None in texts or "" in texts:
        return (), None
    if _is_none(named):
        return known, None
    default = _member(named, members)
    # a base in another file may have the default
    inherits = named is None and bool(loader.bases)
    if inherits or (named is not None and default not in known):
        return (), None
    return known, default


def _has_more(tree: ast.Module, loader: ast.ClassDef) -> bool:
    """Return whether a table or a default is changed after, or beside, its assignment."""
    once: dict[str, int] = {_TABLE: 0, _DEFAULT: 0}
    for one in loader.body:
        if isinstance(one, ast.FunctionDef):
            if one.name == "query_available_variants":
                return True
            continue
        for node in ast.walk(one):
            if isinstance(node, ast.Name) and node.id in once:
                once[node.id] += 1
    values = dict(_assignments(loader))
    if any(count > (name in values) for name, count in once.items()):
        return True
    outside = [one for one in tree.body if not isinstance(one, (ast.FunctionDef, ast.ClassDef))]
    nodes = (node for one in outside for node in ast.walk(one))
    return any(isinstance(node, ast.Attribute) and node.attr in once for node in nodes)


def _is_none(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _member(value: ast.expr | None, members: dict[str, dict[str, str]]) -> str | None:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        return members.get(value.value.id, {}).get(value.attr)
    return None


def _info(tree: ast.Module, field: str) -> str | None:
    """Give the member that a `ModelInfo` is given for a field; None unless it is one alone."""
    found = {
        word.value.attr
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for word in call.keywords
        if word.arg == field
        and isinstance(word.value, ast.Attribute)
        and isinstance(word.value.value, ast.Name)
        and word.value.value.id == _INFO_CLASSES[field]
    }
    return found.pop() if len(found) == 1 else None


def _methods(loader: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    for one in loader.body:
        if isinstance(one, ast.FunctionDef) and one.name in _METHODS:
            yield one


def _parameters(loader: ast.ClassDef) -> Iterator[str]:
    for one in _methods(loader):
        yield from (word.arg for word in (*one.args.args, *one.args.kwonlyargs))


def _imported(loader: ast.ClassDef) -> Iterator[str]:
    for method in _methods(loader):
        for one in ast.walk(method):
            if isinstance(one, ast.Import):
                yield from (of.name.partition(".")[0] for of in one.names)
            elif isinstance(one, ast.ImportFrom) and one.module and not one.level:
                yield one.module.partition(".")[0]


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()

"""Asking the class of a loader: its variants, its default, and what it says of itself."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from ttbench_core.errors import PackContractError, UnknownNameError, one_line, suggestion
from ttbench_core.models.loaders.class_check import missing_class
from ttbench_core.models.loaders.failures import LoaderError, import_failures_named
from ttbench_core.models.loaders.finding import Found, search_from_here

__all__ = [
    "WEIGHTS",
    "call_with_known",
    "default_of",
    "facts_of",
    "import_loader",
    "parameters_of",
    "variant_of",
    "variants_of",
]

#: The field of a variant's configuration that names its weights.
WEIGHTS: Final = "pretrained_model_name"
_FACTS: Final = ("name", "group", "task", "source", "framework")
#: Longer texts are no names.
_MAX_TEXT: Final = 200


def import_loader(found: Found) -> Any:
    """Import the module of a loader, and give its class.

    Raises `LoaderError` for a library that is missing, and where Python has the module of another
    file than the one that was found, `PackLoadError` for what else importing it
    raises, and `PackContractError` where it has no such class.
    """
    search_from_here()
    with import_failures_named(found):
        module = importlib.import_module(found.module)
    _check_file(module, found)
    loader = getattr(module, found.class_name, None)
    if loader is None:
        raise PackContractError(found.where, missing_class(found, _own(found, vars(module))))
    if not _is_loader(loader):
        raise PackContractError(
            found.where, f"{found.class_name} is no loader: a class with load_model and load_inputs"
        )
    return loader


def variant_of(loader: Any, text: str | None, found: Found) -> Any:
    """Give the variant with a text, as the class has it; None for its default.

    Raises `UnknownNameError` with the variants that there are.
    """
    if text is None:
        return default_of(loader)
    known = {text_of(one): one for one in variants_of(loader)}
    if text in known:
        return known[text]
    if not known:
        raise UnknownNameError(f"{found.where} has no variants: leave out -c {text}")
    raise UnknownNameError(
        f"{found.where} has no variant {text!r}: one of {', '.join(known)}{suggestion(text, known)}"
    )


def variants_of(loader: Any) -> Mapping[Any, Any]:
    """Give the table of variants of a class, empty for none."""
    query = getattr(loader, "query_available_variants", None)
    found = query() if callable(query) else getattr(loader, "_VARIANTS", None)
    return found if isinstance(found, Mapping) else dict.fromkeys(found or ())


def default_of(loader: Any) -> Any:
    """Give the variant that runs without `-c`: the default, else the first; None for no variants.

    Such as the text of a loader is read.
    """
    default = getattr(loader, "DEFAULT_VARIANT", None)
    return next(iter(variants_of(loader)), None) if default is None else default


def facts_of(loader: Any, variant: Any, found: Found) -> tuple[dict[str, str], list[str]]:
    """Give what a class says of itself and of a variant, as texts for a record, and notes."""
    facts, notes = {"module": found.module, "class": found.class_name}, []
    if variant is not None:
        facts["variant"] = text_of(variant)[:_MAX_TEXT]
    try:
        facts.update(_info_of(loader, variant))
    except Exception as error:  # noqa: BLE001 - it is optional, and a loader may raise anything
        notes.append(f"its get_model_info failed ({one_line(error)[:_MAX_TEXT]})")
    weights = getattr(variants_of(loader).get(variant), WEIGHTS, None)
    if isinstance(weights, str):
        facts[WEIGHTS] = weights[:_MAX_TEXT]
    return facts, notes


def text_of(value: Any) -> str:
    """Give the text of a member of an enumeration, or of a plain text."""
    return str(value.value if isinstance(value, Enum) else value)


def parameters_of(function: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    """Give the names of what a function takes, and whether it takes any other keyword."""
    parameters = inspect.signature(function).parameters.values()
    names = frozenset(
        one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    )
    return names, any(one.kind is one.VAR_KEYWORD for one in parameters)


def call_with_known(function: Callable[..., Any], what: str, found: Found, **known: Any) -> Any:
    """Call a method of a loader with those of the keywords that its signature names.

    Raises `PackContractError` for one that needs something else.
    """
    names, _ = parameters_of(function)
    given = {name: value for name, value in known.items() if name in names and value is not None}
    for one in inspect.signature(function).parameters.values():
        variadic = one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        if one.default is one.empty and not variadic and one.name not in given:
            raise PackContractError(
                found.where, f"its {what} needs {one.name!r}, which no option of a run gives"
            )
    return function(**given)


def _check_file(module: ModuleType, found: Found) -> None:
    """Refuse a module of another file: its text was not what variants were read from."""
    file = getattr(module, "__file__", None)
    if file is None or Path(file).resolve() != found.file.resolve():
        raise LoaderError(
            f"{found.where} is imported from {file}, and found in {found.file}: give one of them"
            " another name, or remove the other from Python's path"
        )


def _info_of(loader: Any, variant: Any) -> dict[str, str]:
    ask = getattr(loader, "get_model_info", None)
    info = ask(variant) if callable(ask) else None
    values = {name: getattr(info, name, None) for name in _FACTS}
    return {name: text_of(value)[:_MAX_TEXT] for name, value in values.items() if value is not None}


def _is_loader(value: Any) -> bool:
    return isinstance(value, type) and all(
        callable(getattr(value, method, None)) for method in ("load_model", "load_inputs")
    )


def _own(found: Found, members: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, value in members.items()
        if _is_loader(value) and value.__module__ == found.module
    ]

"""The recorded contract (contract.json): functions, classes, enums and dataclasses made from it.

What carries a recorded name gets its recorded signature, so that a wrong keyword is a TypeError,
and every call is noted. What has no behaviour here still has its signature and says so when called.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pybuda import standin

CONTRACT: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "contract.json").read_text(encoding="utf-8")
)
REQUIRED = "<required>"
KINDS = {
    "p": inspect.Parameter.POSITIONAL_ONLY,
    "pk": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "k": inspect.Parameter.KEYWORD_ONLY,
    "*": inspect.Parameter.VAR_POSITIONAL,
    "**": inspect.Parameter.VAR_KEYWORD,
}
PLAIN = {"None": None, "True": True, "False": False}
QUIET = {"pybuda.PyTorchModule.forward"}  # called for each input by the stand-in's own work
# what the texts of the defaults speak of; values.py adds the enums
NAMES: dict[str, Any] = {
    "os": os,
    "field": dataclasses.field,
    **dict.fromkeys(["as_json", "list_as_json", "dict_as_json", "optional_as_json"], lambda _: {}),
    **dict.fromkeys(["PlacerBreaksAsJson", "PlacerOpOverridesAsJson", "DramQueueConfigOverride"]),
    **dict.fromkeys(["NopInsertionInstruction", "AMPNodeProperties"]),
    "pybalancer": SimpleNamespace(OpOverride=None),
}


def value_of(text: str) -> Any:
    """Evaluate the text of a default."""
    if text in PLAIN:
        return PLAIN[text]
    return eval(text, dict(NAMES))  # noqa: S307 - the text is the fixture's own


def _parameter(name: str, kind: str, default: str) -> inspect.Parameter:
    if default == REQUIRED or kind in ("*", "**"):
        return inspect.Parameter(name, KINDS[kind])
    return inspect.Parameter(name, KINDS[kind], default=value_of(default))


def signature(recorded: list[list[str]], *first: str) -> inspect.Signature:
    """Make the signature of recorded parameters; `first` are those that the record leaves out."""
    own = [inspect.Parameter(name, KINDS["pk"]) for name in first]
    return inspect.Signature([*own, *(_parameter(*entry) for entry in recorded)])


def _bound(
    name: str, signed: inspect.Signature, behaviour: Callable[..., Any], first: int
) -> Callable[..., Any]:
    """Make the callable that checks its arguments, notes the call and does what it should."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signed.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
        given.apply_defaults()
        if name not in QUIET:
            standin.record(name, dict(list(given.arguments.items())[first:]))
        return behaviour(*given.args, **given.kwargs)

    call.__name__ = call.__qualname__ = name.rpartition(".")[2]
    call.__doc__ = behaviour.__doc__
    call.__signature__ = signed
    call.behaviour = behaviour  # for classes that inherit it
    return call


def nothing(name: str) -> Callable[..., Any]:
    """Make the behaviour of what the stand-in does not imitate."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"{name} exists in PyBuda and is not imitated by the stand-in")

    return refuse


def function(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a behaviour the recorded signature of a function."""
    signed = signature(CONTRACT["functions"][name]["params"])
    return lambda behaviour: _bound(name, signed, behaviour, 0)


def recorded_class(name: str) -> Callable[[type], type]:
    """Give the methods of a class their recorded signatures; those that it lacks say so."""

    def shape(owner: type) -> type:
        for method, entry in CONTRACT["classes"][name]["methods"].items():
            found = inspect.getattr_static(owner, method, None)
            if method == "__init__" and found is object.__init__:
                found = None
            setattr(owner, method, _method(f"{name}.{method}", entry, found))
        owner.__qualname__ = owner.__name__ = name.rpartition(".")[2]
        return owner

    return shape


def _method(name: str, entry: dict[str, Any], found: Any) -> Any:
    kind = entry["kind"]
    if kind == "property":
        return found if isinstance(found, property) else property(nothing(name))
    behaviour = getattr(found, "__func__", found) or nothing(name)
    behaviour = getattr(behaviour, "behaviour", behaviour)
    first = {"staticmethod": [], "classmethod": ["cls"]}.get(kind, ["self"])
    call = _bound(name, signature(entry["params"], *first), behaviour, len(first))
    return {"staticmethod": staticmethod, "classmethod": classmethod}.get(kind, lambda it: it)(call)


def enumeration(name: str, module: str, base: type = enum.Enum) -> Any:
    """Make a recorded enum; members without a recorded value are numbered."""
    entry = CONTRACT["enums"][name]
    texts = entry.get("values", {})
    members = {
        member: value_of(texts[member]) if member in texts else number
        for number, member in enumerate(entry["members"])
    }
    short = name.rpartition(".")[2]
    made = base(short, members, module=module, qualname=short)
    NAMES[short] = made
    return made


def dataclass_of(name: str, module: str, base: type, *, leave_out: tuple[str, ...] = ()) -> Any:
    """Make a recorded dataclass on top of its behaviour; defaults are evaluated now."""
    entries = []
    for field, kind, default in CONTRACT["dataclass_fields"][name]:
        if field in leave_out:
            continue
        if default == REQUIRED:
            entries.append((field, kind))
            continue
        value = value_of(default)
        plain = not isinstance(value, dataclasses.Field)
        entries.append((field, kind, dataclasses.field(default=value) if plain else value))
    short = name.rpartition(".")[2]
    made = dataclasses.make_dataclass(short, entries, bases=(base,))
    made.__module__ = module
    return made

"""The rules in a pack's `tuning.json`: reading the file, and checking the form of a rule.

For each backend and model the file has a list of rules. A rule has conditions
(`when`) and what it asks for where they hold: variables (`env`), attributes
(`set`) and function calls (`calls`), which may be repeated for `layers`.
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from ttbench_core.errors import PackContractError, suggestion

__all__ = ["FILE_NAME", "LAYER_PLACEHOLDER", "check_rule", "read_rules"]

FILE_NAME: Final = "tuning.json"
#: A part of a text that is replaced by a number for each layer: `{layer}`, `{2+53*layer}`.
LAYER_PLACEHOLDER: Final = re.compile(r"\{(?:(\d+)\+)?(?:(\d+)\*)?layer\}")
#: A part that looks like a placeholder. No quotes, so that no object of JSON looks like one.
_PLACEHOLDER_LIKE: Final = re.compile(r'\{[^{}"]*layer[^{}"]*\}')
_KEYS: Final = ("when", "env", "set", "calls", "layers")
#: Conditions on a fact and the type of their alternatives; each also exists as `<fact>_not`.
_FACTS: Final[Mapping[str, type]] = {
    "config": str,
    "dataformat": str,
    "math_fidelity": str,
    "backend_opt_level": int,
    "arch": str,
    "balancer_policy": str,
    "training": bool,
    "chips": int,
}
_CONDITIONS: Final = (*_FACTS, *(f"{fact}_not" for fact in _FACTS), "env_set", "env_unset")
_LAYER_CHOICES: Final = ("all", "odd", "first_of_chip", "rest_of_chip")
_TYPE_NAMES: Final = {
    str: "a text",
    int: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def read_rules(builder_module: str, model: str, backend: str) -> Sequence[Mapping[str, Any]]:
    """Read the rules for a model of a pack, by its registered name, on one backend.

    The file is in the top package of the module that has the builder.
    Gives () where there is no package, no file, or nothing in it for the
    backend or the model. Raises `PackContractError` for a file of another form
    than `{backend: {model: [rule, ...]}}`.
    """
    package = builder_module.partition(".")[0]
    try:
        text = _file_text(package)
        if text is None:
            return ()
        file = _object("the file", json.loads(text, object_pairs_hook=_without_duplicates))
        models = _object(repr(backend), file.get(backend, {}))
        rules = _of_type(list, repr(model), models.get(model, []))
        return [_object("a rule", rule) for rule in rules]
    except (OSError, ValueError) as error:
        fault = f"cannot be read: {error}; its form is {{backend: {{model: [rule, ...]}}}}"
        raise PackContractError(f"{package}/{FILE_NAME}", fault) from error


def check_rule(rule: object) -> None:
    """Raise `ValueError` for a rule that has another form than this module's."""
    parts = _object("a rule", rule, _KEYS)
    for name, alternatives in _object("'when'", parts.get("when", {}), _CONDITIONS).items():
        # the conditions on no fact, env_set and env_unset, list names of variables
        kind = _FACTS.get(name.removesuffix("_not"), str)
        for alternative in _of_type(list, repr(name), alternatives) or [None]:
            _of_type(kind, f"each of the alternatives of {name!r}", alternative)
    for name, value in _object("'env'", parts.get("env", {})).items():
        _of_type(str, f"the value of {name}", value)
    _object("'set'", parts.get("set", {}))
    if "layers" in parts:
        layers = _object("'layers'", parts["layers"], ("default", "which"))
        _of_type(int, "'default' of 'layers'", layers.get("default"))
        if layers.get("which") not in _LAYER_CHOICES:
            raise ValueError(f"'which' of 'layers' must be one of {', '.join(_LAYER_CHOICES)}")
    _check_calls(_of_type(list, "'calls'", parts.get("calls", [])), "layers" in parts)


def _check_calls(calls: list[object], has_layers: bool) -> None:
    for call in calls:
        parts = _object("a call", call, ("name", "args", "kwargs"))
        _of_type(str, "'name' of a call", parts.get("name"))
        _of_type(list, "'args' of a call", parts.get("args", []))
        _object("'kwargs' of a call", parts.get("kwargs", {}))
    for part in _PLACEHOLDER_LIKE.findall(json.dumps(calls)):
        if not LAYER_PLACEHOLDER.fullmatch(part):
            raise ValueError(f"{part} is no number of a layer: write it like {{2+53*layer}}")
        if not has_layers:
            raise ValueError(f"{part} is a number of each layer: say which ones with 'layers'")


def _object(name: str, value: object, keys: Collection[str] | None = None) -> Mapping[str, Any]:
    """Give a JSON object as it is; raises `ValueError` for others, and for keys not in `keys`."""
    found: Mapping[str, Any] = _of_type(dict, name, value)
    for key in found:
        if keys is not None and key not in keys:
            hint = suggestion(key, keys)
            raise ValueError(f"unknown {key!r} in {name}{hint}: it takes {', '.join(keys)}")
    return found


def _of_type(kind: type, name: str, value: object) -> Any:
    """Give a value as it is; raises `ValueError` for one of another type."""
    # not isinstance: to that, true is a whole number
    if type(value) is not kind:
        raise ValueError(f"{name} must be {_TYPE_NAMES[kind]}, not {value!r}")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise ValueError(f"{name!r} stands twice in one object")
        read[name] = value
    return read


def _file_text(package: str) -> str | None:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None  # a notebook: its `__main__` has no spec
    if spec is None or spec.submodule_search_locations is None:
        return None
    file = importlib.resources.files(package).joinpath(FILE_NAME)
    return file.read_text(encoding="utf-8") if file.is_file() else None

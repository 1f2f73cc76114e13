"""Settings that a pack keeps for its models and an engine, as data: which of them hold for a run.

A pack has them in `tuning.json`: for each backend and model a list of rules,
every one with conditions and with what it asks for where they hold. Conditions
are about what was asked at the start: no rule sees what another one did. This
module knows no engine: the backend applies names and values as it finds them.
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ttbench_core.errors import PackContractError, suggestion

__all__ = ["Facts", "Setting", "Tuning", "read_rules", "settle"]

_FILE: Final = "tuning.json"
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
_IN_WORDS: Final = {
    str: "a text",
    int: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}
_WHICH: Final = ("all", "odd", "first_of_chip", "rest_of_chip")
#: A part of a text that stands for a number of each layer: `{layer}`, `{2+53*layer}`.
_NUMBER: Final = re.compile(r"\{(?:(\d+)\+)?(?:(\d+)\*)?layer\}")
#: No quotes, so that no object of JSON looks like one.
_MEANT_AS_NUMBER: Final = re.compile(r'\{[^{}"]*layer[^{}"]*\}')


@dataclass(frozen=True)
class Facts:
    """What the conditions of rules are about: the request, and what it runs on."""

    config: str | None
    #: As PyBuda's benchmark spells it, like `Bfp8_b`.
    dataformat: str
    math_fidelity: str | None
    backend_opt_level: int
    #: Family of the chips, like `wormhole_b0`.
    arch: str
    #: As asked: `default` where the user asked for none.
    balancer_policy: str
    training: bool
    #: Chips that the model is spread over, counted: 1 or more.
    chips: int
    #: As asked; None is the rule's own default.
    layers: int | None
    #: Variables that are set before any rule, for `env_set` and `env_unset`.
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Setting:
    """One change of an engine's settings: an attribute that is set, or a call.

    As a string it is what a record says of it, such as `balancer_policy=Ribbon`.
    """

    #: Of the attribute or the function, as the engine spells it.
    name: str
    #: Of the attribute, as JSON has it: members of enumerations are their names.
    value: object = None
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    is_call: bool = False

    def __str__(self) -> str:
        if not self.is_call:
            return f"{self.name}={_readable(self.value)}"
        words = [_readable(value) for value in self.args]
        words += [f"{name}={_readable(value)}" for name, value in self.kwargs.items()]
        return f"{self.name}({', '.join(words)})"


@dataclass(frozen=True)
class Tuning:
    """What the rules that hold ask for.

    The environment is a default: a variable that the user has set keeps its
    value, which the backend sees to, so that no rule needs a condition for it.
    """

    environment: Mapping[str, str]
    #: In the order in which they are to be applied; of one attribute the last wins.
    settings: tuple[Setting, ...]


def read_rules(builder_module: str, model: str, backend: str) -> Sequence[Mapping[str, Any]]:
    """Read the rules for a model of a pack, by its registered name, on one backend.

    The file lies in the top package of the module that holds the builder.
    Gives () where there is no package, no file, or nothing in it for the
    backend or the model. Raises `PackContractError` for a file of another form
    than `{backend: {model: [rule, ...]}}`.
    """
    package = builder_module.partition(".")[0]
    try:
        text = _text_in(package)
        if text is None:
            return ()
        file = _object("the file", json.loads(text, object_pairs_hook=_each_once))
        models = _object(repr(backend), file.get(backend, {}))
        rules = _is_a(list, repr(model), models.get(model, []))
        return [_object("a rule", rule) for rule in rules]
    except (OSError, ValueError) as error:
        fault = f"cannot be read: {error}; its form is {{backend: {{model: [rule, ...]}}}}"
        raise PackContractError(f"{package}/{_FILE}", fault) from error


def settle(rules: Sequence[Mapping[str, Any]], facts: Facts, where: str) -> Tuning:
    """Say which rules hold and what they ask for, in order.

    Every rule is checked, also those that do not hold. Raises
    `PackContractError` for one that cannot be read, with `where` as its place.
    """
    environment: dict[str, str] = {}
    settings: list[Setting] = []
    for number, rule in enumerate(rules, 1):
        try:
            _check(rule)
        except ValueError as fault:
            raise PackContractError(where, f"rule {number} in its {_FILE}: {fault}") from fault
        if all(_is_met(name, wanted, facts) for name, wanted in rule.get("when", {}).items()):
            environment.update(rule.get("env", {}))
            settings += [Setting(name, value) for name, value in rule.get("set", {}).items()]
            settings += _calls(rule, facts)
    return Tuning(environment, tuple(settings))


def _is_met(name: str, wanted: Sequence[object], facts: Facts) -> bool:
    if name == "env_set":
        return all(variable in facts.environment for variable in wanted)
    if name == "env_unset":
        return not any(variable in facts.environment for variable in wanted)
    is_among = getattr(facts, name.removesuffix("_not")) in wanted
    return is_among != name.endswith("_not")


def _calls(rule: Mapping[str, Any], facts: Facts) -> Iterator[Setting]:
    for layer in _layers(rule["layers"], facts) if "layers" in rule else [0]:
        for call in rule.get("calls", []):
            args = tuple(_of_layer(value, layer) for value in call.get("args", []))
            kwargs = _of_layer(call.get("kwargs", {}), layer)
            yield Setting(call["name"], args=args, kwargs=kwargs, is_call=True)


def _layers(rule: Mapping[str, Any], facts: Facts) -> Sequence[int]:
    layers = range(rule["default"] if facts.layers is None else facts.layers)
    of_a_chip = math.ceil(len(layers) / facts.chips) or 1
    chosen: dict[str, Sequence[int]] = {
        "all": layers,
        "odd": layers[1::2],
        "first_of_chip": layers[::of_a_chip],
        "rest_of_chip": [layer for layer in layers if layer % of_a_chip],
    }
    return chosen[rule["which"]]


def _of_layer(value: Any, layer: int) -> Any:
    if isinstance(value, str):
        return _NUMBER.sub(lambda part: str(int(part[1] or 0) + int(part[2] or 1) * layer), value)
    if isinstance(value, list):
        return [_of_layer(part, layer) for part in value]
    if isinstance(value, Mapping):
        return {name: _of_layer(part, layer) for name, part in value.items()}
    return value


def _check(rule: object) -> None:
    known = _object("a rule", rule, _KEYS)
    for name, wanted in _object("'when'", known.get("when", {}), _CONDITIONS).items():
        # those that are no facts, env_set and env_unset, list names of variables
        kind = _FACTS.get(name.removesuffix("_not"), str)
        for alternative in _is_a(list, repr(name), wanted) or [None]:
            _is_a(kind, f"each of the alternatives of {name!r}", alternative)
    for name, value in _object("'env'", known.get("env", {})).items():
        _is_a(str, f"the value of {name}", value)
    _object("'set'", known.get("set", {}))
    if "layers" in known:
        layers = _object("'layers'", known["layers"], ("default", "which"))
        _is_a(int, "'default' of 'layers'", layers.get("default"))
        if layers.get("which") not in _WHICH:
            raise ValueError(f"'which' of 'layers' must be one of {', '.join(_WHICH)}")
    _check_calls(_is_a(list, "'calls'", known.get("calls", [])), "layers" in known)


def _check_calls(calls: list[object], once_a_layer: bool) -> None:
    for call in calls:
        parts = _object("a call", call, ("name", "args", "kwargs"))
        _is_a(str, "'name' of a call", parts.get("name"))
        _is_a(list, "'args' of a call", parts.get("args", []))
        _object("'kwargs' of a call", parts.get("kwargs", {}))
    for part in _MEANT_AS_NUMBER.findall(json.dumps(calls)):
        if not _NUMBER.fullmatch(part):
            raise ValueError(f"{part} is no number of a layer: write it like {{2+53*layer}}")
        if not once_a_layer:
            raise ValueError(f"{part} is a number of each layer: say which ones with 'layers'")


def _object(name: str, value: object, keys: Collection[str] | None = None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _is_a(dict, name, value)
    for key in found:
        if keys is not None and key not in keys:
            hint = suggestion(key, keys)
            raise ValueError(f"unknown {key!r} in {name}{hint}: it takes {', '.join(keys)}")
    return found


def _is_a(kind: type, name: str, value: object) -> Any:
    # not isinstance: to that, true is a whole number
    if type(value) is not kind:
        raise ValueError(f"{name} must be {_IN_WORDS[kind]}, not {value!r}")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise ValueError(f"{name!r} stands twice in one object")
        read[name] = value
    return read


def _text_in(package: str) -> str | None:
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None  # a notebook: its `__main__` has no spec
    if found is None or found.submodule_search_locations is None:
        return None
    file = importlib.resources.files(package).joinpath(_FILE)
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _readable(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_readable(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_readable(part) for part in value) + "]"
    return str(value)

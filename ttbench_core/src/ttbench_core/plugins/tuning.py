"""Settings that packs keep for their models and an engine: which of them hold for a run.

Conditions of rules are about the request as it was at the start: no rule sees
what another one did. This module knows no engine: the backend applies names
and values as it finds them. The rules themselves are read by `tuning_rules`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ttbench_core.errors import PackContractError
from ttbench_core.plugins.tuning_rules import FILE_NAME, LAYER_PLACEHOLDER, check_rule

__all__ = ["Facts", "Setting", "Tuning", "evaluate_rules"]


@dataclass(frozen=True)
class Facts:
    """What the conditions of rules are about: the request, and the devices that it runs on."""

    config: str | None
    #: As PyBuda's benchmark spells it, like `Bfp8_b`.
    dataformat: str
    math_fidelity: str | None
    backend_opt_level: int
    #: Family of the chips, like `wormhole_b0`.
    arch: str
    #: As requested: `default` where the user requested none.
    balancer_policy: str
    training: bool
    #: Chips that the model is spread over, counted: 1 or more.
    chips: int
    #: As requested; None is the rule's own default.
    layers: int | None
    #: Variables that are set before any rule, for `env_set` and `env_unset`.
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Setting:
    """One change of an engine's settings: an attribute that is set, or a call.

    As a string it is its text in a record, such as `balancer_policy=Ribbon`.
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
            return f"{self.name}={_text(self.value)}"
        arguments = [_text(value) for value in self.args]
        arguments += [f"{name}={_text(value)}" for name, value in self.kwargs.items()]
        return f"{self.name}({', '.join(arguments)})"


@dataclass(frozen=True)
class Tuning:
    """What the rules that hold ask for.

    The environment is a default: a backend keeps the value of a variable that the
    user has set, so that no rule needs a condition for it.
    """

    environment: Mapping[str, str]
    #: In the order in which they are to be applied; of one attribute the last wins.
    settings: tuple[Setting, ...]


def evaluate_rules(rules: Sequence[Mapping[str, Any]], facts: Facts, where: str) -> Tuning:
    """Find the rules whose conditions hold, and collect what they ask for, in order.

    Every rule is checked, also those that do not hold. Raises
    `PackContractError` for one of another form, with `where` as its place.
    """
    environment: dict[str, str] = {}
    settings: list[Setting] = []
    for number, rule in enumerate(rules, 1):
        try:
            check_rule(rule)
        except ValueError as fault:
            raise PackContractError(where, f"rule {number} in its {FILE_NAME}: {fault}") from fault
        conditions = rule.get("when", {}).items()
        if all(_holds(name, alternatives, facts) for name, alternatives in conditions):
            environment.update(rule.get("env", {}))
            settings += [Setting(name, value) for name, value in rule.get("set", {}).items()]
            settings += _calls(rule, facts)
    return Tuning(environment, tuple(settings))


def _holds(condition: str, alternatives: Sequence[object], facts: Facts) -> bool:
    if condition == "env_set":
        return all(variable in facts.environment for variable in alternatives)
    if condition == "env_unset":
        return not any(variable in facts.environment for variable in alternatives)
    is_among = getattr(facts, condition.removesuffix("_not")) in alternatives
    return is_among != condition.endswith("_not")


def _calls(rule: Mapping[str, Any], facts: Facts) -> Iterator[Setting]:
    for layer in _layers(rule["layers"], facts) if "layers" in rule else [0]:
        for call in rule.get("calls", []):
            args = tuple(_fill_in(value, layer) for value in call.get("args", []))
            kwargs = _fill_in(call.get("kwargs", {}), layer)
            yield Setting(call["name"], args=args, kwargs=kwargs, is_call=True)


def _layers(choice: Mapping[str, Any], facts: Facts) -> Sequence[int]:
    layers = range(choice["default"] if facts.layers is None else facts.layers)
    layers_per_chip = math.ceil(len(layers) / facts.chips) or 1
    by_name: dict[str, Sequence[int]] = {
        "all": layers,
        "odd": layers[1::2],
        "first_of_chip": layers[::layers_per_chip],
        "rest_of_chip": [layer for layer in layers if layer % layers_per_chip],
    }
    return by_name[choice["which"]]


def _fill_in(value: Any, layer: int) -> Any:
    """Replace the placeholders in all texts of a value by the numbers for a layer."""
    if isinstance(value, str):
        return LAYER_PLACEHOLDER.sub(
            lambda match: str(int(match[1] or 0) + int(match[2] or 1) * layer), value
        )
    if isinstance(value, list):
        return [_fill_in(part, layer) for part in value]
    if isinstance(value, Mapping):
        return {name: _fill_in(part, layer) for name, part in value.items()}
    return value


def _text(value: object) -> str:
    """Give a value as a record shows it: JSON without quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_text(part) for part in value) + "]"
    return str(value)

"""Builders: the functions that build models, and what they declare of them beforehand.

Packs import these names from `ttbench_core.model`, which has all of them too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, overload

__all__ = ["Builder", "Declared", "benchmark_model", "check_configs", "check_declarations"]


@dataclass(frozen=True)
class Declared:
    """What a pack declares of a configuration, so that it is listed without being built."""

    #: Parameters, shared ones counted once.
    parameters: int | None = None
    #: Samples an input by default.
    microbatch: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("parameters", self.parameters), ("microbatch", self.microbatch)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise TypeError(f"{name} {value!r} is no whole number")


def check_declarations(name: str, task: object, declared: object) -> None:
    """Raise `TypeError` where what is declared of a whole model has another type.

    Args:
        name: of the model or its builder, for messages.
        task: a text or None.
        declared: a `Declared` or None.
    """
    if task is not None and not isinstance(task, str):
        raise TypeError(f"{name}: the task {task!r} is no text")
    if declared is not None and not isinstance(declared, Declared):
        raise TypeError(f"{name}: declared is a {type(declared).__name__}, not a Declared")


def check_configs(
    name: str, configs: Iterable[str] | Mapping[str, Declared], default_config: str | None
) -> tuple[str, ...]:
    """Return the names of declared configurations.

    Args:
        name: of the model or its builder, for messages.
        configs: as `benchmark_model` takes them.
        default_config: the one that runs without `-c`, if it is declared.

    Raises `ValueError` where they contradict each other, `TypeError` where they are no list, or
    a mapping to something else than `Declared`.
    """
    if isinstance(configs, str):
        raise TypeError(f"{name}: configs is a list of names, not a name")
    names = tuple(configs)
    if not all(isinstance(config, str) and config for config in names):
        raise TypeError(f"{name}: configs {list(names)} are not names")
    if isinstance(configs, Mapping):
        for declared in configs.values():
            if not isinstance(declared, Declared):
                kind = type(declared).__name__
                raise TypeError(f"{name}: what is declared of a configuration is a {kind}")
    if len(set(names)) != len(names):
        raise ValueError(f"{name}: a configuration is named twice")
    if default_config is not None and default_config not in names:
        raise ValueError(f"{name}: the default {default_config!r} is not in configs")
    return names


class Builder:
    """A builder function, and what `ttbench --list` shows of it.

    Calling it calls the function. `benchmark_model` makes it; `name` is for a function that
    builds many models.

    Raises `ValueError` where the declared configurations contradict each other,
    `TypeError` where what is declared has another type.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        configs: Iterable[str] | Mapping[str, Declared] = (),
        default_config: str | None = None,
        *,
        task: str | None = None,
        declared: Declared | None = None,
        name: str | None = None,
    ) -> None:
        named = function
        while isinstance(named, functools.partial):
            named = named.func
        functools.update_wrapper(self, named)
        self.__wrapped__ = function
        #: What messages call it.
        self.__name__ = name or str(getattr(named, "__name__", type(named).__name__))
        self.__qualname__ = name or str(getattr(named, "__qualname__", type(named).__name__))
        #: What the model does, in a few words.
        self.task = task
        #: What is declared of the model, where it has no configurations.
        self.declared = declared
        check_declarations(self.__qualname__, task, declared)
        #: What is declared of each configuration.
        self.declared_of: Mapping[str, Declared] = (
            dict(configs) if isinstance(configs, Mapping) else {}
        )
        self.function = function
        #: The configurations, in the author's order; empty if the model has none.
        self.configs: tuple[str, ...] = check_configs(self.__qualname__, configs, default_config)
        self._default_config = default_config

    @property
    def default_config(self) -> str | None:
        """What runs without `-c`: the declared default, else the first configuration."""
        return self._default_config or (self.configs[0] if self.configs else None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<builder {self.__qualname__} configs={list(self.configs)}>"


@overload
def benchmark_model(function: Callable[..., Any], /) -> Builder: ...


@overload
def benchmark_model(
    *,
    configs: Iterable[str] | Mapping[str, Declared] = (),
    default_config: str | None = None,
    task: str | None = None,
    declared: Declared | None = None,
) -> Callable[[Callable[..., Any]], Builder]: ...


def benchmark_model(
    function: Callable[..., Any] | None = None,
    /,
    *,
    configs: Iterable[str] | Mapping[str, Declared] = (),
    default_config: str | None = None,
    task: str | None = None,
    declared: Declared | None = None,
) -> Builder | Callable[[Callable[..., Any]], Builder]:
    """Mark a function as the builder of a model.

    The function is called with those of the following keywords that its signature
    has: `training`, `config`, `microbatch`, `force_num_layers`, `data_type`,
    `math_fidelity`, `arch`, `devtype`, `seq_len`, `image_size`, `generative`,
    `new_tokens`, `weights`. It returns modules and inputs:
    `[cpu_pre, device, cpu_post], [tensor, ...]`, or a `BenchmarkModel`. The inputs may also be a
    dict, passed by name; `ttbench_core.model.Inputs` says what is in them.

    Args:
        configs: the configurations, or a mapping of them to what is `Declared` of each.
        default_config: the one that runs without `-c`; the first if not given.
        task: what the model does, in a few words, for `ttbench --list`.
        declared: what is declared of a model without configurations.

    For a model without configurations it can be used without parentheses.
    """
    if function is not None:
        return Builder(function)

    def decorate(decorated: Callable[..., Any]) -> Builder:
        return Builder(decorated, configs, default_config, task=task, declared=declared)

    return decorate

"""Zoos: many models behind one entry point of the group `ttbench.zoos`.

Packs import these names from `ttbench_core.model`, which has all of them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ttbench_core.builder import Declared, check_configs, check_declarations

__all__ = ["Zoo", "ZooModel"]


@dataclass(frozen=True)
class ZooModel:
    """What a zoo lists of one of its models; the model itself is not built for it.

    Raises `ValueError` for a name that `-m` cannot take and for configurations that contradict
    each other, `TypeError` where what is listed has another type.
    """

    #: What `-m` takes. Without a colon, which stands between pack and name.
    name: str
    #: The configurations, or a mapping of them to what is `Declared` of each; empty for none.
    configs: Iterable[str] | Mapping[str, Declared] = ()
    #: What runs without `-c`; the first configuration if None.
    default_config: str | None = None
    #: What the model does, in a few words.
    task: str | None = None
    #: What is declared of a model without configurations.
    declared: Declared | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or ":" in self.name:
            raise ValueError(f"{self.name!r} is no name of a model: a text without a colon is")
        if not isinstance(self.configs, (str, Mapping)):
            # an iterator could be read only once
            object.__setattr__(self, "configs", tuple(self.configs))
        check_configs(self.name, self.configs, self.default_config)
        check_declarations(self.name, self.task, self.declared)


class Zoo(Protocol):
    """**Protocol:** what the callable that is registered under `ttbench.zoos` returns.

    The callable takes no arguments: a class, or a function. It and `models` are called whenever
    models are listed, and for a name that no pack registers by itself, so neither may import
    torch. `builder` is called once for the model that runs.
    """

    def models(self) -> Iterable[ZooModel]:
        """List the models, each name once, in any order."""

    def builder(self, name: str) -> Callable[..., Any]:
        """Make the builder of one of them.

        Args:
            name: as it is listed.

        Returns:
            A function as `benchmark_model` takes it. What it may be asked for is what the
            `ZooModel` declares, also where it is decorated.
        """

"""Where the builder of a model comes from: an installed pack, or the caller's own code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ttbench_core.model import Builder
from ttbench_core.models.loaders.builders import builder_of
from ttbench_core.models.loaders.finding import find_loader, is_loader
from ttbench_core.plugins.catalogue import as_builder, find_model

__all__ = ["Source", "find_source", "name_of"]


@dataclass(frozen=True)
class Source:
    """A builder, and where it came from."""

    builder: Builder
    #: Name and version of its distribution; None for a builder that was passed in.
    pack: str | None
    version: str | None
    #: Its object reference, `module:attribute`, of a zoo with the model's name; or its own name.
    value: str
    #: What readers of its numbers must know of its name, in a sentence each.
    notes: tuple[str, ...] = ()
    #: What a record says of a model that another interpreter has built; None reads it here.
    identity: Mapping[str, Any] | None = None
    #: Whether another process finds it by the name of the model.
    is_named: bool = False

    @property
    def where(self) -> str:
        """Pack and builder, for messages."""
        return f"{self.pack}: {self.value}" if self.pack else self.value


def find_source(model: str | Callable[..., Any]) -> Source:
    """Find the builder of an installed model or of a loader, or take the one that is given.

    Raises `UnknownNameError`, `AmbiguousNameError`, `PackLoadError` and `PackContractError`.
    """
    if isinstance(model, str) and is_loader(model):
        builder = builder_of(find_loader(model))
        return Source(builder, None, None, model, is_named=True)
    if isinstance(model, str):
        found = find_model(model)
        plugin = found.plugin
        origin = plugin.pack, plugin.version, found.value, found.notes
        return Source(found.builder, *origin, is_named=True)
    return Source(as_builder(model, name_of(model)), None, None, name_of(model))


def name_of(model: str | Callable[..., Any]) -> str:
    """Give what a model is called in messages and records: its name, or that of its builder."""
    if isinstance(model, str):
        return model
    return str(getattr(model, "__qualname__", type(model).__name__)).replace("<locals>.", "")

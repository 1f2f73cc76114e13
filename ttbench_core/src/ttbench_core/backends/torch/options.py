"""The options of the torch backend: `-B NAME=VALUE`. It imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ttbench_core.backends.protocol import CompileOptions, engine_option

__all__ = ["CacheKind", "TorchOptions", "torch_options"]

#: What a model generates with: its own past, or the cache that it declares.
CacheKind: TypeAlias = Literal["dynamic", "static"]


@dataclass(frozen=True)
class TorchOptions:
    """What only PyTorch is asked."""

    cache: CacheKind = engine_option(
        "dynamic",
        help="What a model generates with: its own past, which grows, or the cache of fixed shapes"
        " that it declares, which -opt 2 can compile",
    )


def torch_options(options: CompileOptions) -> TorchOptions:
    """Give the options of this backend in what will be run."""
    return options.engine if isinstance(options.engine, TorchOptions) else TorchOptions()

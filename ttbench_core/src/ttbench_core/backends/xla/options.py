"""The options of the PyTorch/XLA backend: `-B NAME=VALUE`. It imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ttbench_core.backends.protocol import CompileOptions, engine_option

__all__ = ["CacheKind", "XlaOptions", "xla_options"]

#: What a model generates with: the cache that it declares, or its own past.
CacheKind: TypeAlias = Literal["static", "dynamic"]


@dataclass(frozen=True)
class XlaOptions:
    """What only PyTorch/XLA is asked."""

    cache: CacheKind = engine_option(
        "static",
        help="What a model generates with: the cache of fixed shapes that it declares, or its own"
        " past, which grows, so that each token has a graph of its own",
    )


def xla_options(options: CompileOptions) -> XlaOptions:
    """Give the options of this backend in what will be run."""
    return options.engine if isinstance(options.engine, XlaOptions) else XlaOptions()

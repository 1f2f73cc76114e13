"""The options of the torch backend: `-B NAME=VALUE`. It imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ttbench_core.backends.protocol import CompileOptions, engine_option

__all__ = ["CacheKind", "ChannelsLast", "TorchOptions", "torch_options"]

#: What a model generates with: its own past, or the cache that it declares.
CacheKind: TypeAlias = Literal["dynamic", "static"]
#: Whether the weights of convolutions are channels last.
ChannelsLast: TypeAlias = Literal["level", "on", "off"]


@dataclass(frozen=True)
class TorchOptions:
    """What only PyTorch is asked."""

    cache: CacheKind = engine_option(
        "dynamic",
        help="What a model generates with: its own past, which grows, or the cache of fixed shapes"
        " that it declares, which -opt 2 can compile",
    )
    dynamic: bool = engine_option(
        default=False,
        help="Compile for any microbatch instead of this one, from -opt 2 on; with -opt 3 on AMD"
        " processors this can be twice as fast",
    )
    autocast: bool = engine_option(
        default=False,
        help="With -df Fp16_b: weights stay float32, and torch.autocast computes in bfloat16",
    )
    channels_last: ChannelsLast = engine_option(
        "level",
        help="Whether weights of 2-d convolutions are stored channels last; level: from -opt 1 on",
    )


def torch_options(options: CompileOptions) -> TorchOptions:
    """Give the options of this backend in what will be run."""
    return options.engine if isinstance(options.engine, TorchOptions) else TorchOptions()

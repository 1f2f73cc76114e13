"""The options of the OpenVINO backend: `-B NAME=VALUE`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ttbench_core.backends.protocol import CompileOptions, engine_option

__all__ = ["Hint", "OpenvinoOptions", "openvino_options"]

Hint: TypeAlias = Literal["latency", "throughput"]


@dataclass(frozen=True)
class OpenvinoOptions:
    """What only OpenVINO is asked."""

    hint: Hint = engine_option(
        "latency",
        help="latency: one input at a time on all threads; throughput: several at a time, each on"
        " a stream of its own",
    )
    streams: int = engine_option(
        0, help="streams that the threads are divided among; 0 leaves the number to the hint"
    )


def openvino_options(options: CompileOptions) -> OpenvinoOptions:
    """Give the options of this backend in what will be run."""
    return options.engine if isinstance(options.engine, OpenvinoOptions) else OpenvinoOptions()

"""The option of the compile check: `-B NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ttbench_core.backends.protocol import CompileOptions, engine_option
from ttbench_core.errors import OptionError

__all__ = [
    "PATIENCE_S",
    "REPLACED",
    "UNSET",
    "TtCompileOptions",
    "refuse_replaced_variables",
    "tt_compile_options",
]

#: Seconds that a step may take unless `--timeout` says otherwise: building the kernels of a large
#: model takes many minutes on a few cores.
PATIENCE_S: Final = 1800.0
#: Environment variables that would choose a device, or another description: the run unsets them.
UNSET: Final = (
    *("TT_VISIBLE_DEVICES", "TT_METAL_VISIBLE_DEVICES", "TT_METAL_SIMULATOR"),
    "TT_COMPILE_ONLY_SYSTEM_DESC",
)
#: Those whose values do not count: the described card has its own.
REPLACED: Final = (
    *UNSET,
    *("TT_METAL_MOCK_CLUSTER_DESC_PATH", "TT_METAL_CACHE", "TT_METAL_LOGS_PATH"),
    *("TT_METAL_INSPECTOR", "TT_METAL_INSPECTOR_RPC", "JAX_PLATFORMS"),
)


@dataclass(frozen=True)
class TtCompileOptions:
    """What only the compile check is asked."""

    kernels: bool = engine_option(
        False,
        help="also build the kernels of the program, which takes minutes, and count them",
        compared=False,
    )


def refuse_replaced_variables(environment: Mapping[str, str]) -> None:
    """Raise `OptionError` for a variable of `--env` that would not count."""
    for name in REPLACED:
        if name in environment:
            raise OptionError(
                f"--env {name}: backend 'tt_compile' compiles for its own described card and sets"
                " this variable itself: leave it out"
            )


def tt_compile_options(options: CompileOptions) -> TtCompileOptions:
    """Give the options of this backend in what will be run."""
    given = options.engine
    return given if isinstance(given, TtCompileOptions) else TtCompileOptions()

"""The option of the compile check: `-B NAME=VALUE`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ttbench_core.backends.protocol import CompileOptions, engine_option

__all__ = ["PATIENCE_S", "TtCompileOptions", "tt_compile_options"]

#: Seconds that a step may take unless `--timeout` says otherwise: building the kernels of a large
#: model takes many minutes on a few cores.
PATIENCE_S: Final = 1800.0


@dataclass(frozen=True)
class TtCompileOptions:
    """What only the compile check is asked."""

    kernels: bool = engine_option(
        False,
        help="also build the kernels of the program, which takes minutes, and count them",
        compared=False,
    )


def tt_compile_options(options: CompileOptions) -> TtCompileOptions:
    """Give the options of this backend in what will be run."""
    given = options.engine
    return given if isinstance(given, TtCompileOptions) else TtCompileOptions()

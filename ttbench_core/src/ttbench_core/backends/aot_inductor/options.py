"""The options of the AOTInductor backend: `-B NAME=VALUE`."""

from __future__ import annotations

from dataclasses import dataclass

from ttbench_core.backends.protocol import CompileOptions, engine_option

__all__ = ["AotInductorOptions", "aot_inductor_options"]


@dataclass(frozen=True)
class AotInductorOptions:
    """What only AOTInductor is asked."""

    package: str | None = engine_option(
        None,
        help="file that keeps the compiled package, for torch._inductor.aoti_load_package; its name"
        " ends in .pt2",
        metavar="FILE.pt2",
        compared=False,
    )
    replace: bool = engine_option(False, help="replace that file", compared=False)


def aot_inductor_options(options: CompileOptions) -> AotInductorOptions:
    """Give the options of this backend in what will be run."""
    given = options.engine
    return given if isinstance(given, AotInductorOptions) else AotInductorOptions()

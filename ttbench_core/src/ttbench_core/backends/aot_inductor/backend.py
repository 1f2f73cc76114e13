"""The entry point of the AOTInductor backend."""

from __future__ import annotations

import os
import shutil
from typing import Final

from ttbench_core.backends.aot_inductor.options import AotInductorOptions
from ttbench_core.backends.aot_inductor.packages import check_package_file
from ttbench_core.backends.protocol import Availability, CompileOptions, Session
from ttbench_core.backends.shared.exported_backend import (
    CPU_FORMATS,
    ExportedBackend,
    exported_capabilities,
)
from ttbench_core.errors import OptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.options import RunOptions

__all__ = ["AotInductorBackend"]


class AotInductorBackend(ExportedBackend):
    """AOTInductor on `cpu`, in Fp32 and bfloat16."""

    name: Final = "aot_inductor"
    _capabilities = exported_capabilities(
        CPU_FORMATS, options=AotInductorOptions, variables=("TORCHINDUCTOR_*", "AOT_*")
    )

    def availability(self) -> Availability:
        """Report whether torch can be imported, and its compiler for the host is here."""
        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler) is None:
            return Availability(
                False,
                f"the C++ compiler {compiler} is not on the path",
                "install one (Debian: g++), or name yours in CXX",
            )
        return super().availability()

    def check(self, options: RunOptions, engine: AotInductorOptions) -> None:
        """Refuse a file that the package cannot be kept in."""
        if engine.package is not None:
            check_package_file(
                engine.package, may_replace=engine.replace, processes=options.processes
            )
        elif engine.replace:
            raise OptionError("-B replace=true goes with -B package=FILE.pt2, which is missing")

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        from ttbench_core.backends.aot_inductor.compiling import compile_session

        return compile_session(model, options)

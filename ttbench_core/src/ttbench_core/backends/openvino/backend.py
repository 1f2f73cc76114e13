"""The entry point of the OpenVINO backend."""

from __future__ import annotations

import sys
from typing import Any, Final

from ttbench_core.backends.openvino.formats import (
    INT8_DYN,
    quantisation_of,
    quantised_formats,
    require_nncf,
)
from ttbench_core.backends.openvino.options import OpenvinoOptions
from ttbench_core.backends.protocol import CompileOptions, Device, Peak, Session
from ttbench_core.backends.shared.exported_backend import (
    CPU_FORMATS,
    ExportedBackend,
    exported_capabilities,
)
from ttbench_core.errors import OptionError, UnsupportedOptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.formats import NumberFormat
from ttbench_core.request.options import RunOptions

__all__ = ["OpenvinoBackend"]


class OpenvinoBackend(ExportedBackend):
    """OpenVINO on `cpu`, in Fp32 and bfloat16, and with weights in integers."""

    name: Final = "openvino"
    modules = ("openvino",)
    distributions = ("torch", "openvino")
    extra = "openvino"
    _capabilities = exported_capabilities(
        (*CPU_FORMATS, *quantised_formats()),
        options=OpenvinoOptions,
        variables=("OV_*", "OPENVINO_*", "ONEDNN_*"),
    )

    def before_import(self) -> None:
        """Keep its telemetry from being imported: it would write a file and send statistics."""
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

    def check(self, options: RunOptions, engine: Any) -> None:
        """Refuse a number of streams that cannot be, and a format whose library is missing."""
        if engine.streams < 0:
            raise OptionError(f"-B streams={engine.streams} must be 0 or more")
        if quantisation_of(options.dataformat):
            require_nncf(options.dataformat)

    def peak(self, device: Device, data_format: NumberFormat, threads: int | None) -> Peak:
        """Measure the peak; raises `UnsupportedOptionError` for products of 8-bit numbers."""
        if data_format == INT8_DYN:
            raise UnsupportedOptionError(
                f"{data_format} multiplies in 8 bits, and only 16 and 32 bits are measured"
            )
        return super().peak(device, data_format, threads)

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run; see `compiling`."""
        self.before_import()
        from ttbench_core.backends.openvino.compiling import compile_session

        return compile_session(model, options)

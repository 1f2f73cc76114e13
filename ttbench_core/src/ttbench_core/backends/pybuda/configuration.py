"""PyBuda's configuration for a run: the user's options, and the folder that it builds in."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pybuda
import pybuda.config

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.enums import fidelity_of, format_of, trace_of
from ttbench_core.backends.pybuda.options import BalancerPolicy, DevType, PybudaOptions
from ttbench_core.request.options import Trace

__all__ = [
    "SEQUENTIAL_VARIABLE",
    "build_folder",
    "configure_compiler",
    "configure_runtime",
    "engine_options",
    "is_data_parallel",
    "is_sequential",
    "output_folder",
]

#: The environment variable that makes PyBuda compute in the calling thread.
SEQUENTIAL_VARIABLE: Final = "PYBUDA_FORCE_SEQUENTIAL"


def engine_options(options: CompileOptions) -> PybudaOptions:
    """Give the options that only this engine has."""
    return options.engine if isinstance(options.engine, PybudaOptions) else PybudaOptions()


def is_sequential(options: CompileOptions) -> bool:
    """Report whether PyBuda computes in the calling thread: without a card, or if forced to."""
    return options.devices[0].kind != DevType.SILICON or SEQUENTIAL_VARIABLE in os.environ


def is_data_parallel() -> bool:
    """Report whether both chips of an n300 run the model, each with half of the microbatch."""
    return os.environ.get("PYBUDA_N300_DATA_PARALLEL") == "1"


def configure_compiler(
    options: CompileOptions, *, trace: Trace = Trace.NONE, folder: str = ""
) -> None:
    """Set PyBuda's options for compiling; before any device is made.

    Args:
        options: what will be run.
        trace: what the card records.
        folder: where PyBuda writes its output; its own choice if empty.
    """
    asked = engine_options(options)
    if asked.balancer_policy is not BalancerPolicy.DEFAULT:
        pybuda.set_configuration_options(balancer_policy=asked.balancer_policy.value)
    pybuda.set_configuration_options(
        default_df_override=format_of(options.data_format),
        math_fidelity=fidelity_of(options.math_fidelity) if options.math_fidelity else None,
        backend_opt_level=options.opt_level,
        performance_trace=trace_of(trace),
        backend_output_dir=folder or None,
        backend_runtime_params_path=asked.runtime_params_yaml,
        device_config=asked.device_config.value if asked.device_config else None,
        enable_auto_fusing=False if "PYBUDA_DISABLE_FUSE_OPS" in os.environ else None,
        enable_recompute=asked.recompute or None,
        enable_auto_transposing_placement=asked.auto_transpose or None,
    )


def configure_runtime(options: CompileOptions, *, trace: Trace) -> None:
    """Set again the options that do not concern compiling: loading an image has replaced all.

    The output folder stays that of the image: its compiled binaries are there.

    Args:
        options: what will be run.
        trace: what the card records.
    """
    pybuda.set_configuration_options(
        backend_opt_level=options.opt_level, performance_trace=trace_of(trace)
    )


def output_folder() -> Path:
    """Give the folder that PyBuda writes its output into: with an image, that of the image."""
    config = pybuda.config._get_global_compiler_config()  # noqa: SLF001 - as PyBuda's own benchmark
    return Path(config.backend_output_dir)


@contextlib.contextmanager
def build_folder() -> Iterator[str]:
    """Give a folder that PyBuda may empty and build in, for this run alone; removed at the end.

    PyBuda's own choice can be the same folder for two runs, and one would empty that of the
    other. The path is empty if the user has chosen a folder.
    """
    if "PYBUDA_BUILD_DIR" in os.environ:
        yield ""
        return
    with tempfile.TemporaryDirectory(
        prefix="ttbench-pybuda-", ignore_cleanup_errors=True
    ) as folder:
        yield str(Path(folder) / "build")

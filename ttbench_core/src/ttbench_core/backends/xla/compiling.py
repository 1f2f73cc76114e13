"""From a model to a session of PyTorch/XLA."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch_xla

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.shared.host_threads import host_threads
from ttbench_core.backends.shared.xla.checks import refuse_model
from ttbench_core.backends.shared.xla.facts import device_facts
from ttbench_core.backends.shared.xla.opening import LazyEngine, open_session
from ttbench_core.backends.xla.formats import compute_dtype
from ttbench_core.backends.xla.options import xla_options
from ttbench_core.backends.xla.precision import ROUNDING, matmul_precision
from ttbench_core.model import BenchmarkModel

__all__ = ["compile_session"]


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Compile a model for the device that was chosen.

    Raises `UnsupportedOptionError` for a model that PyTorch/XLA cannot run as it is asked to;
    what it raises itself passes through.
    """
    static_cache = xla_options(options).cache == "static"
    refuse_model(model, options, "xla", static_cache=static_cache)
    settings = contextlib.ExitStack()
    with contextlib.ExitStack() as undo:
        undo.callback(settings.close)
        settings.enter_context(host_threads(options.threads))
        precision = settings.enter_context(matmul_precision(options.math_fidelity))
        device = torch_xla.device(options.devices[0].index)
        if options.asked is not None:
            torch_xla.manual_seed(options.asked.seed, device)
        dtype = compute_dtype(options.data_format)
        engine = LazyEngine(
            device=device,
            dtype=dtype,
            static_cache=static_cache,
            effective={**device_facts(options, dtype), "matmul_precision": precision},
            notes=tuple(_notes(options, dtype)),
        )
        session = open_session(model, options, engine, settings)
        undo.pop_all()
    return session


def _notes(options: CompileOptions, dtype: torch.dtype) -> Iterator[str]:
    if options.math_fidelity is not None and dtype is not torch.float32:
        yield (
            f"math fidelity {options.math_fidelity} changes float32 products only, not those of"
            f" {options.data_format}"
        )
    elif options.math_fidelity in ROUNDING and options.devices[0].kind == "cpu":
        yield (
            f"math fidelity {options.math_fidelity} changes nothing here: XLA multiplies float32 in"
            " full on a processor"
        )
    if options.devices[0].kind != "cpu":
        yield "backend 'xla' has been tested on processors alone"

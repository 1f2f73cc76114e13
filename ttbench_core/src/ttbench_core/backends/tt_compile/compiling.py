"""From an exported stage to a program for a described card: torchax, then a plugin of JAX."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.tt_compile.compiled_only import CompiledOnly
from ttbench_core.backends.tt_compile.described_card import CardFolder, described_card
from ttbench_core.backends.tt_compile.options import PATIENCE_S, tt_compile_options
from ttbench_core.errors import SessionError, one_line
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.exported.exporting import ExportedStage, export_stage
from ttbench_core.models.exported.quiet import quiet_conversion

if TYPE_CHECKING:
    import torch

__all__ = ["compile_only"]

_PLATFORM: Final = "tt"
_MAX_REASON: Final = 300
_NOTE: Final = (
    "compiled for a Blackhole P150 that is described in a file: no card was there, nothing was"
    " measured, and that a model compiles does not say that it fits a card or runs right on it"
)


def compile_only(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Export a model and compile it for a described card.

    Raises `UnsupportedOptionError` for a model that cannot be exported, `SessionError` for one
    that does not compile, with the reason: that is what was asked, so it is in the record.
    """
    stage = export_stage(model)
    timeout_s = (options.asked.timeout if options.asked else None) or PATIENCE_S
    with described_card() as card, CALL_DEADLINE.within(timeout_s, "compiling"):
        facts = _compile(stage, card, with_kernels=tt_compile_options(options).kernels)
    notes = [f"{name} is replaced by the described card" for name in card.replaced]
    return CompiledOnly({**stage.record(), **facts}, (_NOTE, *notes))


def _compile(stage: ExportedStage, card: CardFolder, *, with_kernels: bool) -> dict[str, object]:
    started_s = time.perf_counter()
    import jax
    import torchax.export
    import torchax.ops.jaten  # registers the operators

    device = jax.devices(_PLATFORM)[0]
    opened_s = time.perf_counter()
    with _naming_the_reason("compile the model"):
        _names, states, function = torchax.export.exported_program_to_jax(
            stage.program, export_raw=True
        )
        arguments = ([_shape(one, device) for one in part] for part in (states, stage.example))
        lowered = jax.jit(function).lower(*arguments)
        lowered_s = time.perf_counter()
        compiled = lowered.compile()
        compiled_s = time.perf_counter()
    facts = {
        "device_kind": str(device.device_kind),
        "device_open_s": opened_s - started_s,
        "lower_s": lowered_s - opened_s,
        "engine_compile_s": compiled_s - lowered_s,
    }
    if with_kernels:
        facts |= _build_kernels(compiled, states, stage.example, device, card)
    return facts


@contextlib.contextmanager
def _naming_the_reason(what: str) -> Iterator[None]:
    """Work quietly; what fails is a `SessionError` with its first reason."""
    try:
        with quiet_conversion():
            yield
    except (OSError, MemoryError):  # they say nothing of the model
        raise
    except Exception as error:
        reason = one_line(error)[:_MAX_REASON]
        raise SessionError(
            f"torchax and jax-tt-plugin cannot {what} for a Blackhole P150: {reason}"
        ) from error


def _build_kernels(
    compiled: Any,
    states: Sequence[torch.Tensor],
    inputs: Sequence[torch.Tensor],
    device: Any,
    card: CardFolder,
) -> dict[str, object]:
    """Call the program once, which builds its kernels; the outputs mean nothing."""
    import jax

    before = card.kernel_count()
    started_s = time.perf_counter()
    with _naming_the_reason("build the kernels of the model"):
        values = ([_zeros(one, device) for one in part] for part in (states, inputs))
        jax.block_until_ready(compiled(*values))
    return {
        "kernels": card.kernel_count() - before,
        "kernel_build_s": time.perf_counter() - started_s,
    }


def _shape(tensor: torch.Tensor, device: Any) -> Any:
    import jax

    place = jax.sharding.SingleDeviceSharding(device)
    return jax.ShapeDtypeStruct(tuple(tensor.shape), _type_of(tensor), sharding=place)


def _zeros(tensor: torch.Tensor, device: Any) -> Any:
    import jax
    import numpy as np

    return jax.device_put(np.zeros(tuple(tensor.shape), _type_of(tensor)), device)


def _type_of(tensor: torch.Tensor) -> Any:
    """Give the type that JAX computes in: 64-bit numbers become 32-bit ones, as on a card."""
    import jax

    return jax.dtypes.canonicalize_dtype(str(tensor.dtype).removeprefix("torch."))

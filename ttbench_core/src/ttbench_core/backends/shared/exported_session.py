"""A session around an exported device stage: what each such engine adds is its compiler.

Stages on the host run by PyTorch in Fp32, before an input is handed to the engine and after its
outputs came back.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import torch

from ttbench_core.backends.protocol import CompileOptions, Session, Tensors
from ttbench_core.backends.shared.host_threads import host_threads
from ttbench_core.errors import SessionError
from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.exported.exporting import ExportedStage, export_stage, stage_tensors
from ttbench_core.models.inputs import call_with, map_tensors
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.models.reference.stages import float32_copy, in_float32

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "CompiledStage",
    "ExportedSession",
    "StageEngine",
    "compile_exported",
]


class StageEngine(Protocol):
    """**Protocol:** a compiled device stage; inputs and outputs are tensors on the host."""

    @property
    def slots(self) -> int:
        """Inputs that it runs at a time, 1 or more."""

    def start(self, slot: int, tensors: Sequence[torch.Tensor], /) -> None:
        """Begin with one input; `finish` of the same slot comes before the next one there."""

    def finish(self, slot: int, /) -> Tensors:
        """Wait for the outputs of a slot; they are the caller's to keep."""

    def close(self) -> None:
        """Free what was compiled."""


@dataclass(frozen=True)
class CompiledStage:
    """What an engine made of an exported stage."""

    engine: StageEngine
    #: How it really runs, as the engine itself reports it: precision, threads, streams.
    effective: Mapping[str, object]
    notes: Sequence[str] = field(default_factory=tuple)


def compile_exported(
    model: BenchmarkModel,
    options: CompileOptions,
    compiler: Callable[[ExportedStage, int], CompiledStage],
    dtype: torch.dtype = torch.float32,
) -> Session:
    """Export the device stage of a model, compile it by an engine, and give its session.

    Args:
        model: as built.
        options: what will be run.
        compiler: gives a compiled stage for an exported one and a number of threads.
        dtype: of the parameters of the graph, and of its inputs that are floats.

    Raises `UnsupportedOptionError` for a stage that cannot be exported; what an engine raises
    passes through.
    """
    with contextlib.ExitStack() as undo:
        undo.enter_context(host_threads(options.threads))
        stage = export_stage(model, dtype)
        started_s = time.perf_counter()
        compiled = compiler(stage, torch.get_num_threads())
        compile_s = time.perf_counter() - started_s
        undo.callback(compiled.engine.close)
        effective = {**stage.record(), "engine_compile_s": compile_s, **compiled.effective}
        return ExportedSession(model, compiled, effective, dtype, undo.pop_all())


class ExportedSession:
    """The `Session` of a model whose device stage an engine has compiled.

    Args:
        model: its stages on the host are `torch.nn.Module`.
        compiled: its device stage.
        effective: how it really runs, for the record.
        dtype: of inputs of the device stage that are floats.
        undo: closed with the session.
    """

    is_reference: Final = False

    def __init__(
        self,
        model: BenchmarkModel,
        compiled: CompiledStage,
        effective: Mapping[str, object],
        dtype: torch.dtype,
        undo: contextlib.ExitStack,
    ) -> None:
        self.depth: Final = compiled.engine.slots
        self.effective: Final = dict(effective)
        self.notes: Final = tuple(compiled.notes)
        self._engine: Final = compiled.engine
        self._before, self._after = (
            None if module is None else float32_copy(module)
            for module in (model.stages.cpu_pre, model.stages.cpu_post)
        )
        self._dtype: Final = dtype
        self._undo: Final = undo
        self._free: Final = deque(range(self.depth))
        self._in_flight: Final[deque[int]] = deque()
        self._is_closed = False
        undo.enter_context(torch.inference_mode())

    def push(self, inputs: Inputs) -> None:
        """Hand over one input; raises `SessionError` where `depth` of them are in flight."""
        if self._is_closed:
            raise SessionError("push on a closed session")
        if not self._free:
            raise SessionError(f"{self.depth} inputs are in flight already: pop before pushing")
        if self._before is not None:
            inputs = as_tensors(call_with(self._before, in_float32(inputs)))
        slot = self._free.popleft()
        self._in_flight.append(slot)
        self._engine.start(slot, stage_tensors(map_tensors(self._converted, inputs)))

    def pop(self) -> Tensors:
        """Wait for the oldest input's outputs; raises `SessionError` where none is in flight."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        slot = self._in_flight.popleft()
        try:
            outputs = self._engine.finish(slot)
        finally:
            self._free.append(slot)
        if self._after is None:
            return outputs
        return as_tensors(self._after(*in_float32(outputs)))

    def device_peak_bytes(self) -> int | None:
        """Give None: the host's memory is measured for the whole process."""
        return None

    def close(self) -> None:
        """Free what was compiled and restore torch's settings; may be called twice."""
        if not self._is_closed:
            self._is_closed = True
            while self._in_flight:
                with contextlib.suppress(Exception):
                    self._engine.finish(self._in_flight.popleft())
            self._undo.close()

    def _converted(self, tensor: Any) -> Any:
        return tensor.to(self._dtype) if tensor.is_floating_point() else tensor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

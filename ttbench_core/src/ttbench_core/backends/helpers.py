"""What most backends need beside their engine; importing it imports no torch.

`docs/backends.md` shows them in a backend. Those that work with modules or random numbers
import PyTorch when they are called.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.protocol import Device, Tensors
from ttbench_core.backends.replicas import ReplicatedSession
from ttbench_core.errors import SessionError
from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.inputs import map_tensors
from ttbench_core.record.environment import cpu_name, total_memory_bytes

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "CALL_DEADLINE",
    "ReplicatedSession",
    "SyncSession",
    "cpu_device",
    "cpu_name",
    "flat_outputs",
    "map_tensors",
    "private_copy",
    "seeded",
    "staged_run",
]


def seeded(seed: int, devices: Sequence[Device] = ()) -> AbstractContextManager[None]:
    """Give the context of `Backend.seeded` for an engine that runs modules of PyTorch.

    Args:
        seed: of weights, inputs and dropout.
        devices: those of the run; the generators of CUDA devices are restored like the host's.
    """
    from ttbench_core.models.reference.seeding import seeded as seeded_torch

    return seeded_torch(seed, [device.index for device in devices if device.kind == "cuda"])


def private_copy(module: Any) -> Any:
    """Copy a `torch.nn.Module`, so that what an engine does to it leaves the original as it is.

    Parameters of the copy are new objects over the memory of the original's, so no weight is in
    memory twice. Give one a new tensor (`parameter.data = rounded`, `copy.half()`); writing into
    it (`parameter.data.round_()`) would change the original too. Buffers are copied.

    Raises `TypeError` for a module that cannot be copied, naming its class.
    """
    from ttbench_core.models.reference.copies import private_copy as copy_of

    return copy_of(module)


def flat_outputs(returned: Any) -> tuple[Any, ...]:
    """Give the tensors in what a module returned, in order: what `Session.pop` gives.

    Reads tensors, (nested) lists and tuples, and mappings such as the model outputs of
    transformers; drops None. Raises `TypeError` where there is none.
    """
    from ttbench_core.models.reference.outputs import as_tensors

    return as_tensors(returned)


def staged_run(
    model: BenchmarkModel, run_device: Callable[..., Any]
) -> Callable[[Inputs], Tensors]:
    """Make a function that runs one input through all stages of a model, without its loss.

    `cpu_pre` and `cpu_post` run on the CPU in float32 and eval mode, as private copies. Outputs
    are tensors on the host. With it an engine of a device stage has `host_stages`.

    Args:
        model: its stages on the host are `torch.nn.Module`.
        run_device: the engine's own device stage, called as the module is (by name for a model
            whose inputs have names); may return anything that `flat_outputs` reads.

    Raises `TypeError` for a module that cannot be copied.
    """
    from ttbench_core.models.reference.host_stages import run_around

    return run_around(model, run_device)


def cpu_device(kind: str = "cpu", index: int = 0) -> Device:
    """Give this machine's processor as a device, with its name, architecture and memory.

    Args:
        kind: what `-d` names.
        index: counts the devices of that kind.
    """
    return Device(kind, index, cpu_name(), platform.machine(), total_memory_bytes())


class SyncSession:
    """The `Session` of an engine that runs one input at a time, when it is pushed.

    Args:
        run: gives the outputs of an input, both on the host; see `staged_run`.
        effective: how it really runs, for the record.
        notes: sentences that a reader of the result must know.
        is_reference: whether it computes what verification would compare it with.
        peak_bytes: gives the peak of the device's memory since compiling; None for a device
            without memory of its own.
        on_close: frees what was compiled; called once.
    """

    depth: Final = 1

    def __init__(
        self,
        run: Callable[[Inputs], Tensors],
        *,
        effective: Mapping[str, object],
        notes: Sequence[str] = (),
        is_reference: bool = False,
        peak_bytes: Callable[[], int | None] | None = None,
        on_close: Callable[[], object] | None = None,
    ) -> None:
        self.effective: Final = dict(effective)
        self.notes: Final = tuple(notes)
        self.is_reference: Final = is_reference
        self._run: Callable[[Inputs], Tensors] | None = run
        self._outputs: Tensors | None = None
        self._peak_bytes: Final = peak_bytes
        self._on_close = on_close

    def push(self, inputs: Inputs) -> None:
        """Run one input; raises `SessionError` while there are outputs to be popped."""
        if self._run is None:
            raise SessionError("push on a closed session")
        if self._outputs is not None:
            raise SessionError("1 input is in flight already: pop before pushing")
        self._outputs = self._run(inputs)

    def pop(self) -> Tensors:
        """Give the outputs of the input that was pushed; raises `SessionError` without one."""
        outputs, self._outputs = self._outputs, None
        if outputs is None:
            raise SessionError("nothing is in flight: push before popping")
        return outputs

    def device_peak_bytes(self) -> int | None:
        """Give the peak of the device's memory since compiling; None if it has none of its own."""
        return self._peak_bytes() if self._peak_bytes is not None else None

    def close(self) -> None:
        """Free everything; may be called twice."""
        self._run = self._outputs = None
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

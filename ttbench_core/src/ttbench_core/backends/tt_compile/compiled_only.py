"""The session of a model that was compiled and cannot be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ttbench_core.backends.protocol import Tensors
from ttbench_core.errors import SessionError
from ttbench_core.model import Inputs

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CompiledOnly"]


class CompiledOnly:
    """The `Session` of a backend that measures nothing: it says how the model was compiled.

    Args:
        effective: for the record.
        notes: the same.
    """

    depth: Final = 1
    is_reference: Final = False

    def __init__(self, effective: Mapping[str, object], notes: Sequence[str] = ()) -> None:
        self.effective: Final = dict(effective)
        self.notes: Final = tuple(notes)

    def push(self, _inputs: Inputs) -> None:
        """Raise `SessionError`: there is no device."""
        raise SessionError("the model was compiled only: there is no device that runs it")

    def pop(self) -> Tensors:
        """Raise `SessionError`: nothing was pushed."""
        raise SessionError("nothing is in flight: the model was compiled only")

    def device_peak_bytes(self) -> int | None:
        """Give None: no device has memory."""
        return None

    def close(self) -> None:
        """Do nothing: what was compiled is not kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

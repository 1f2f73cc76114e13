"""Several devices as one session: each input goes to the next device in turn."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ttbench_core.backends.protocol import Session, TracingSession
from ttbench_core.errors import SessionError
from ttbench_core.model import Inputs
from ttbench_core.request.options import Trace

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ReplicatedSession"]


class ReplicatedSession:
    """One copy of a model per device, fed round robin; outputs come in the order of the inputs.

    Args:
        replicas: one session per device, at least one; closed with this one.
    """

    def __init__(self, replicas: Sequence[Session]) -> None:
        self._replicas: Final = tuple(replicas)
        self._in_flight: deque[Session] = deque()
        self._pushed_count = 0
        self.depth: Final = sum(replica.depth for replica in replicas)
        self.effective: Final[Mapping[str, object]] = dict(replicas[0].effective)
        self.notes: Final = tuple(replicas[0].notes)
        self.is_reference: Final = all(replica.is_reference for replica in replicas)

    def push(self, inputs: Inputs) -> None:
        """Hand one input to the device whose turn it is."""
        if len(self._in_flight) == self.depth:
            raise SessionError(f"{self.depth} inputs are in flight already: pop before pushing")
        replica = self._replicas[self._pushed_count % len(self._replicas)]
        replica.push(inputs)
        self._pushed_count += 1
        self._in_flight.append(replica)

    def pop(self) -> Sequence[Any]:
        """Wait for the oldest input, on whichever device it is."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        return self._in_flight.popleft().pop()

    def device_peak_bytes(self) -> int | None:
        """Give the sum over the devices."""
        peaks = [replica.device_peak_bytes() for replica in self._replicas]
        known = [peak for peak in peaks if peak is not None]
        return sum(known) if known else None

    def trace(self, inputs: Inputs, level: Trace, folder: Path) -> Sequence[Path]:
        """Trace the first device: the others run the same."""
        first = self._replicas[0]
        if not isinstance(first, TracingSession):
            raise SessionError("these sessions record no trace")
        return first.trace(inputs, level, folder)

    def close(self) -> None:
        """Close every replica, also when closing one of them fails."""
        with contextlib.ExitStack() as stack:
            for replica in self._replicas:
                stack.callback(replica.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

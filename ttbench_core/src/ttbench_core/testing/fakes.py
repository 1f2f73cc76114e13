"""A clock and a session whose times are known."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ttbench_core.errors import SessionError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FakeClock", "FakeSession"]


class FakeClock:
    """A clock that moves only when it is told to; call it for the time in ns."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        """Give the time."""
        return self.now_ns

    def advance(self, ns: int) -> None:
        """Let time go by."""
        self.now_ns += ns


class FakeSession:
    """A session that takes known times on a `FakeClock` and gives back its inputs.

    Args:
        clock: the clock to move.
        push_ns: how long a push takes.
        pop_ns: how long a pop takes.
        depth: inputs in flight.
        fail_at: raises at this pop, counted from 1 over the session's life.
        error: what it raises there; None gives None instead of outputs.
        is_reference: whether it says that it needs no verification.
    """

    def __init__(
        self,
        clock: FakeClock,
        *,
        push_ns: int = 0,
        pop_ns: int = 0,
        depth: int = 1,
        fail_at: int | None = None,
        error: BaseException | None = None,
        is_reference: bool = False,
    ) -> None:
        self.depth = depth
        self.is_reference = is_reference
        self.effective: dict[str, object] = {}
        self.notes: tuple[str, ...] = ()
        self.pushed = 0
        self.popped = 0
        self.closed = False
        self._clock = clock
        self._push_ns = push_ns
        self._pop_ns = pop_ns
        self._fail_at = fail_at
        self._error = error
        self._in_flight: deque[Sequence[Any]] = deque()

    def push(self, inputs: Sequence[Any]) -> None:
        """Take one input."""
        if len(self._in_flight) == self.depth:
            raise SessionError("too many inputs in flight")
        self._clock.advance(self._push_ns)
        self._in_flight.append(inputs)
        self.pushed += 1

    def pop(self) -> Any:
        """Give the oldest input back."""
        if not self._in_flight:
            raise SessionError("nothing in flight")
        self._clock.advance(self._pop_ns)
        self.popped += 1
        outputs = self._in_flight.popleft()
        if self.popped == self._fail_at:
            if self._error is not None:
                raise self._error
            return None
        return outputs

    def device_peak_bytes(self) -> int | None:
        """It has no memory of its own."""
        return None

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

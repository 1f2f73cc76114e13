"""One pass: a number of inputs driven end to end through a session.

The clock is `time.perf_counter_ns`: monotonic, and the finest that Python has.
A pass starts just before its first push, with nothing in flight, and ends just
after its last output is on the host. Nothing else happens in between: no
growing allocation, no logging, no garbage collection, no statistics.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from ttbench_core.errors import ClockError, LostOutputError
from ttbench_core.model import Inputs

__all__ = [
    "CLOCK",
    "Clock",
    "DrivableSession",
    "ExpectingSession",
    "Pass",
    "PassCutShortError",
    "TokenTimingSession",
    "drive",
    "frozen_heap",
]

#: Gives nanoseconds since an arbitrary moment.
Clock: TypeAlias = Callable[[], int]
CLOCK: Final[Clock] = time.perf_counter_ns


class DrivableSession(Protocol):
    """**Protocol:** the part of a session that a pass needs."""

    @property
    def depth(self) -> int:
        """Inputs in flight that keep it busy."""

    def push(self, inputs: Inputs) -> None:
        """Hand over one input."""

    def pop(self) -> Sequence[Any]:
        """Wait for the oldest input's outputs."""


@runtime_checkable
class ExpectingSession(Protocol):
    """**Protocol:** a session that needs the number of inputs in advance."""

    def expect(self, count: int) -> None:
        """Get ready for `count` inputs, none of which has been pushed yet; runs nothing."""


@runtime_checkable
class TokenTimingSession(Protocol):
    """**Protocol:** a session that generates tokens, and times each of them."""

    @property
    def token_ns(self) -> Sequence[int]:
        """When each token of the last popped input was on the host, by the clock of `drive`."""


@dataclass(frozen=True)
class Pass:
    """The times of one pass, in ns since the call of its first push."""

    #: When the push of each input was called; the first is 0.
    push_ns: tuple[int, ...]
    #: When each input's outputs were on the host.
    pop_ns: tuple[int, ...]
    #: When each token of each input was on the host; empty where none are generated.
    token_ns: tuple[tuple[int, ...], ...] = ()

    @property
    def e2e_ns(self) -> int:
        """End-to-end time: from the first push to the last output."""
        return self.pop_ns[-1]

    @property
    def latency_ns(self) -> tuple[int, ...]:
        """Per input from push to output, waiting for others in flight included."""
        return tuple(pop - push for push, pop in zip(self.push_ns, self.pop_ns, strict=True))

    @property
    def interval_ns(self) -> tuple[int, ...]:
        """From each output to the next; one fewer than there are inputs."""
        return tuple(after - before for before, after in itertools.pairwise(self.pop_ns))


class PassCutShortError(Exception):
    """A pass ended before its last output; `partial` has the inputs that were complete.

    `cause` is what ended it: an error of the session, `ClockError`, or `KeyboardInterrupt`.
    """

    def __init__(self, partial: Pass | None, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.partial = partial
        self.cause = cause


def drive(
    session: DrivableSession,
    inputs: Inputs,
    count: int,
    clock: Clock = CLOCK,
    *,
    in_flight: int | None = None,
) -> Pass:
    """Push the same inputs `count` times and pop every output.

    Keeps as many inputs in flight as the session's depth, or `in_flight` if that is
    fewer. Raises `PassCutShortError` when the session fails, loses an output, the clock
    goes back or stands still, or Ctrl-C comes.
    """
    push_ns = [0] * count
    pop_ns = [0] * count
    pushed = popped = 0
    depth = min(session.depth, in_flight or session.depth)
    push, pop = session.push, session.pop
    if isinstance(session, ExpectingSession):
        session.expect(count)
    token_timer = session if isinstance(session, TokenTimingSession) else None
    token_ns: list[Sequence[int]] = []
    with _garbage_collection_disabled():
        try:
            while popped < count:
                if pushed < count and pushed - popped < depth:
                    push_ns[pushed] = clock()
                    push(inputs)
                    pushed += 1
                else:
                    # not kept: live outputs would move the next ones to other memory
                    lost = pop() is None
                    pop_ns[popped] = clock()
                    if token_timer is not None:
                        token_ns.append(token_timer.token_ns)
                    if lost:
                        raise LostOutputError(f"output {popped + 1} of {count} never came")
                    popped += 1
        except (Exception, KeyboardInterrupt) as cause:
            partial = _relative_to_start(push_ns[:popped], pop_ns[:popped], token_ns[:popped])
            raise PassCutShortError(_if_timed(partial), cause) from cause
    finished = _relative_to_start(push_ns, pop_ns, token_ns)
    if finished is None:
        raise ValueError("a pass needs at least one input")
    if (fault := _clock_fault(finished)) is not None:
        raise PassCutShortError(None, fault) from fault
    return finished


def _relative_to_start(
    push_ns: Sequence[int], pop_ns: Sequence[int], token_ns: Sequence[Sequence[int]]
) -> Pass | None:
    if not pop_ns:
        return None
    start = push_ns[0]
    return Pass(
        tuple(t - start for t in push_ns),
        tuple(t - start for t in pop_ns),
        tuple(tuple(t - start for t in tokens) for tokens in token_ns),
    )


def _if_timed(partial: Pass | None) -> Pass | None:
    return None if partial is None or _clock_fault(partial) is not None else partial


def _clock_fault(timed: Pass) -> ClockError | None:
    """Give what is wrong with the clock's readings; no rate can be computed of such a pass."""
    steps = [*timed.interval_ns, *timed.latency_ns]
    steps += [after - before for before, after in itertools.pairwise(timed.push_ns)]
    if min(steps) < 0:
        return ClockError(
            f"the clock went back by {-min(steps):,} ns or more within a pass: this machine's"
            " monotonic clock cannot be trusted; see its clock source"
        )
    if timed.e2e_ns == 0:
        return ClockError(
            "the clock stood still during a pass; give it more to measure: a larger --loop_count"
        )
    return None


@contextlib.contextmanager
def frozen_heap() -> Iterator[None]:
    """Keep all present objects out of later garbage collections, until the context ends.

    The collection before a pass then visits newer objects only, and takes microseconds.
    Through everything that torch has loaded it takes 100 ms, in which caches go cold and
    waiting threads go to sleep: a pass of 5 short inputs was 30 % slower for it. Objects that
    the caller had frozen are unfrozen with the rest: Python does not distinguish them.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def _garbage_collection_disabled() -> Iterator[None]:
    """Collect garbage now and not again within the context, so that no pass pays for another."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

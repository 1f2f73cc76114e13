"""One pass: a number of inputs driven end to end through a session.

The clock is `time.perf_counter_ns`: monotonic, and the finest that Python has.
A pass starts just before its first push, with nothing in flight, and ends just
after its last output is on the host. Nothing else happens in between: no
allocation that grows, no logging, no garbage collection, no statistics.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from ttbench_core.errors import LostOutputError

__all__ = [
    "CLOCK",
    "Clock",
    "Driven",
    "Expecting",
    "Pass",
    "PassCutShortError",
    "TimingTokens",
    "drive",
    "frozen_heap",
]

#: Gives nanoseconds since an arbitrary moment.
Clock: TypeAlias = Callable[[], int]
CLOCK: Final[Clock] = time.perf_counter_ns


class Driven(Protocol):
    """**Protocol:** the part of a session that a pass needs."""

    @property
    def depth(self) -> int:
        """Inputs in flight that keep it busy."""

    def push(self, inputs: Sequence[Any]) -> None:
        """Hand over one input."""

    def pop(self) -> Sequence[Any]:
        """Wait for the oldest input's outputs."""


@runtime_checkable
class Expecting(Protocol):
    """**Protocol:** a session that wants to know how many inputs come before they do."""

    def expect(self, count: int) -> None:
        """Get ready for so many inputs, of which none has been pushed yet; runs nothing."""


@runtime_checkable
class TimingTokens(Protocol):
    """**Protocol:** a session that generates, and knows when each token was on the host."""

    @property
    def token_ns(self) -> Sequence[int]:
        """Times of the tokens of the input that was popped last, by the clock of `drive`."""


@dataclass(frozen=True)
class Pass:
    """The times of one pass, in ns after its first push was entered."""

    #: When each input's push was entered; the first is 0.
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
        """Per input from push to output, waiting behind others in flight included."""
        return tuple(pop - push for push, pop in zip(self.push_ns, self.pop_ns, strict=True))

    @property
    def interval_ns(self) -> tuple[int, ...]:
        """From each output to the next; one fewer than there are inputs."""
        return tuple(after - before for before, after in itertools.pairwise(self.pop_ns))


class PassCutShortError(Exception):
    """A pass ended before its last output; `partial` holds the inputs that were through.

    `cause` is what ended it: an error of the session, or `KeyboardInterrupt`.
    """

    def __init__(self, partial: Pass | None, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.partial = partial
        self.cause = cause


def drive(
    session: Driven,
    inputs: Sequence[Any],
    count: int,
    clock: Clock = CLOCK,
    *,
    in_flight: int | None = None,
) -> Pass:
    """Push the same inputs `count` times and pop every output.

    Keeps as many inputs in flight as the session's depth, or `in_flight` if that is
    fewer. Raises `PassCutShortError` when the session fails, loses an output, or
    Ctrl-C comes.
    """
    push_ns = [0] * count
    pop_ns = [0] * count
    pushed = popped = 0
    depth = min(session.depth, in_flight or session.depth)
    push, pop = session.push, session.pop
    if isinstance(session, Expecting):
        session.expect(count)
    timing = session if isinstance(session, TimingTokens) else None
    token_ns: list[Sequence[int]] = []
    with _no_collection():
        try:
            while popped < count:
                if pushed < count and pushed - popped < depth:
                    push_ns[pushed] = clock()
                    push(inputs)
                    pushed += 1
                else:
                    # not kept: outputs that live on make the next ones go elsewhere in memory
                    lost = pop() is None
                    pop_ns[popped] = clock()
                    if timing is not None:
                        token_ns.append(timing.token_ns)
                    if lost:
                        raise LostOutputError(f"output {popped + 1} of {count} never came")
                    popped += 1
        except (Exception, KeyboardInterrupt) as cause:
            raise PassCutShortError(
                _since_start(push_ns[:popped], pop_ns[:popped], token_ns[:popped]), cause
            ) from cause
    finished = _since_start(push_ns, pop_ns, token_ns)
    if finished is None:
        raise ValueError("a pass needs at least one input")
    return finished


def _since_start(
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


@contextlib.contextmanager
def frozen_heap() -> Iterator[None]:
    """Keep what is there now out of later garbage collections, until the context ends.

    The collection before a pass then looks at what the runs since have left, and takes
    microseconds. Through everything that torch has loaded it takes 100 ms, in which caches
    go cold and waiting threads go to sleep: a pass of 5 short inputs was 30 % slower for it.
    What the caller has frozen is thawed with the rest: Python cannot tell the two apart.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Collect garbage now and none until the end, so that no pass pays for another."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

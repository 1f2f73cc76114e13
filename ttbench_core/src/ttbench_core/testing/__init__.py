"""What authors of packs, backends and sinks test theirs with.

from ttbench_core.testing import check_builder
from my_pack.models import my_model

def test_my_model_follows_the_contract():
    check_builder(my_model, microbatch=1)
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.errors import SessionError
from ttbench_core.measure.passes import DrivableSession
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.building import build_model, choose_config
from ttbench_core.plugins.catalogue import as_builder
from ttbench_core.record.result import Result
from ttbench_core.request.options import RunOptions

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FakeClock", "FakeSession", "check_builder", "check_session", "example_result"]


def check_builder(
    builder: Callable[..., Any], *, backend: str | None = None, **options: Any
) -> dict[str | None, BenchmarkModel]:
    """Build every configuration of a builder, check it, and run one input through it.

    Args:
        builder: the decorated builder, or a plain function.
        backend: the backend to run with; the best that is usable if not given.
        options: any field of `RunOptions` but `model`, such as `microbatch=1`,
            `layers=2`, `training=True`; with `config`, that one alone.

    Returns:
        The model of each configuration; under None if there is none.

    Raises whatever `run` would raise before measuring.
    """
    made = as_builder(builder, "builder")
    engine = choose_backend(backend)
    configs: Sequence[str | None] = made.configs or (None,)
    if "config" in options:
        configs = (options.pop("config"),)
    models: dict[str | None, BenchmarkModel] = {}
    for asked in configs:
        where = f"{getattr(made, '__name__', 'builder')} {asked or ''}".strip()
        config = choose_config(made, asked, where)
        request = RunOptions(model="checked", config=config, **options)
        compiled = plan(request, engine)
        with engine.seeded(request.seed, compiled.devices):
            model = build_model(made, request, compiled.for_builder(), where)
            with engine.compile(model, compiled) as session:
                check_session(session, model.inputs)
        models[config] = model
    return models


def check_session(session: DrivableSession, inputs: Sequence[Any]) -> None:
    """Check that a session follows its contract with these inputs; leaves it empty.

    Raises `AssertionError` naming the promise that was broken, and whatever
    the session raises.
    """
    _promise(session.depth >= 1, "depth is 1 or more")
    for _ in range(session.depth):
        session.push(inputs)
    _promise(_refuses(lambda: session.push(inputs)), "a push beyond depth raises SessionError")
    for _ in range(session.depth):
        _promise(session.pop() is not None, "every input has outputs")
    _promise(_refuses(session.pop), "a pop with nothing in flight raises SessionError")


def example_result(**changes: Any) -> Result:
    """Give a small whole Result, to try a sink or a report with.

    Args:
        changes: fields to replace.
    """
    values: dict[str, Any] = {
        "status": "ok",
        "total_time": 0.5,
        "total_samples": 40,
        "samples_per_sec": 80.0,
        "args": {"model": "example", "config": "small", "loop_count": 5, "microbatch": 8},
        "arch": "x86_64",
        "machine_name": "example-host",
        "hash": None,
        "date": None,
        "run_id": "0" * 32,
        "started_at": "2026-01-01T00:00:00+00:00",
        "passes": [{"e2e_ns": 500_000_000, "push_ns": [0], "pop_ns": [500_000_000]}],
    }
    return Result(**{**values, **changes})


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


def _refuses(action: Callable[..., Any]) -> bool:
    with _expected_refusal() as refused:
        action()
    return bool(refused)


@contextlib.contextmanager
def _expected_refusal() -> Iterator[list[SessionError]]:
    refused: list[SessionError] = []
    try:
        yield refused
    except SessionError as error:
        refused.append(error)


def _promise(kept: bool, sentence: str) -> None:
    if not kept:
        raise AssertionError(f"a session breaks its contract: {sentence}")

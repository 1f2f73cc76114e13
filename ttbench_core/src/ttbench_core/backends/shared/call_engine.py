"""A compiled stage that is a function: it runs when it is started."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ttbench_core.backends.protocol import Tensors

__all__ = ["CallEngine"]


class CallEngine:
    """The `StageEngine` of a function from tensors to tensors, which runs one input at a time.

    Args:
        run: the function.
        on_close: called once, after the function was forgotten.
    """

    slots: Final = 1

    def __init__(
        self,
        run: Callable[[Sequence[Any]], Tensors],
        *,
        on_close: Callable[[], object] | None = None,
    ) -> None:
        self._run: Callable[[Sequence[Any]], Tensors] | None = run
        self._on_close = on_close
        self._outputs: Tensors = ()

    def start(self, _slot: int, tensors: Sequence[Any]) -> None:
        """Run one input."""
        if self._run is not None:
            self._outputs = self._run(tensors)

    def finish(self, _slot: int) -> Tensors:
        """Give its outputs."""
        outputs, self._outputs = self._outputs, ()
        return outputs

    def close(self) -> None:
        """Forget the function."""
        self._run = None
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()

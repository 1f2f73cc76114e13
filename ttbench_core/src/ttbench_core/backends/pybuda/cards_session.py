"""One image on every card: each runs its share of every input (`--parallel_tti`)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from pybuda.tools import tti_data_parallel

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.generating import generation_of
from ttbench_core.backends.pybuda.images import compile_to
from ttbench_core.backends.pybuda.modules import narrowed
from ttbench_core.backends.pybuda.names import arch_of
from ttbench_core.backends.pybuda.placing import sample_inputs
from ttbench_core.backends.pybuda.sessions import Facts
from ttbench_core.backends.pybuda.settings import engine_options
from ttbench_core.backends.pybuda.waiting import bounded
from ttbench_core.counting import microbatch_of, samples_of_input
from ttbench_core.errors import SessionError, UnsupportedOptionError
from ttbench_core.lifeline import LIFELINE
from ttbench_core.model import BenchmarkModel

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CardsSession", "open_cards"]

_IMAGE: Final = "parallel_tti_run.tti"
#: Seconds that the cards may take for a pass: they say nothing before its end.
_PATIENCE_S: Final = 1800.0
_SHUTDOWN_S: Final = 10.0


def open_cards(model: BenchmarkModel, options: CompileOptions) -> Any:
    """Load an image on every card; gives PyBuda's runner.

    The image is that of `--load_tti`, or made of the model for one card's share of
    an input. Raises `UnsupportedOptionError` for a model that cannot be shared out.
    """
    asked, cards = engine_options(options), len(options.devices)
    _refuse_unshareable(model, cards)
    folder = Path(str(asked.parallel_tti))
    inputs = _for_all(model, sample_inputs(model), cards)
    image = asked.load_tti
    if image is None:
        image = str(folder / _IMAGE)
        share = tti_data_parallel.split_tensor_batch(inputs, cards)[0]
        compile_to(Path(image), model, options, tuple(share))
    mode = tti_data_parallel.RunMode
    return tti_data_parallel.initialize_multicard_runner(
        arch=arch_of(options.devices[0].arch),
        device_ids=[[device.index] for device in options.devices],
        run_mode=mode.GENERATIVE if model.generation else mode.FORWARD,
        compile_inputs=inputs,
        precompiled_tti_path=image,
        output_dir=str(folder),
        # true would add two seconds to every pass, in which inputs go to the cards untimed
        benchmark_perf=False,
    )


class CardsSession:
    """Every card runs its share of each input; a pass is one call of PyBuda's runner.

    Args:
        runner: PyBuda's, with the image loaded.
        model: what it runs.
        options: what will be run.
        facts: what the session says of itself.
    """

    is_reference: Final = False

    def __init__(
        self, runner: Any, model: BenchmarkModel, options: CompileOptions, facts: Facts
    ) -> None:
        self.depth: Final = 1 if model.generation else options.loop_count
        # inputs of a pass come back together: nothing is known of each
        self.effective: Final = {**facts.effective, "whole_passes": True}
        self.notes: Final = facts.notes
        self._facts: Final = facts
        self._runner: Final = runner
        self._generation: Final = generation_of(model) if model.generation else None
        self._cards: Final = len(options.devices)
        # every card generates for a row of its own
        rows = self._cards if model.generation else 1
        self.samples_per_input: Final = samples_of_input(model) * rows
        asked_s = options.asked.timeout if options.asked is not None else None
        self._patience_s: Final = asked_s or _PATIENCE_S
        self._waiting: list[Sequence[Any]] = []
        self._done: list[Sequence[Any]] = []
        self._expected = 0
        self._seen: Sequence[Any] | None = None
        self._ready: Sequence[torch.Tensor] = ()
        self._open = True

    def expect(self, count: int) -> None:
        """Get ready for so many inputs."""
        self._expected = min(count, self.depth)

    def push(self, inputs: Sequence[Any]) -> None:
        """Hand over one input; the last that is expected makes the cards run all of them."""
        if len(self._waiting) + len(self._done) == self.depth:
            raise SessionError(f"{self.depth} inputs are in flight already: pop before pushing")
        self._waiting.append(inputs)
        if len(self._waiting) == self._expected:
            self._run()

    def pop(self) -> Sequence[Any]:
        """Give the oldest input's outputs; makes the cards run what they have until now."""
        if not self._done and self._waiting:
            self._run()
        if not self._done:
            raise SessionError("nothing is in flight: push before popping")
        return self._done.pop(0)

    def device_peak_bytes(self) -> int | None:
        """PyBuda does not tell what a card's memory holds."""
        return None

    def close(self) -> None:
        """Let go of the cards; may be called twice."""
        try:
            if self._open:
                self._open = False
                bounded(self._runner.shutdown, _SHUTDOWN_S, "letting go of the cards")
        finally:
            self._facts.undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        # what goes wrong at the end of a run that has failed would hide why
        with contextlib.suppress(Exception) if any(exc_info) else contextlib.nullcontext():
            self.close()

    def _run(self) -> None:
        inputs, self._waiting = self._waiting, []
        given = self._given([self._prepared(one) for one in inputs])
        with LIFELINE.within(self._patience_s, "running on the cards"):
            outputs = self._runner.run(all_inputs=given).outputs
        self._done = outputs if self._generation is None else [_tokens(outputs)]

    def _prepared(self, inputs: Sequence[Any]) -> Sequence[torch.Tensor]:
        """Give an input as the cards take it; the same one is pushed again and again."""
        if inputs is not self._seen:
            rows = self._cards if self._generation is not None else 1
            self._seen = inputs
            self._ready = [torch.cat([tensor] * rows) for tensor in narrowed(inputs)]
        return self._ready

    def _given(self, inputs: list[Any]) -> Any:
        if self._generation is None:
            return tti_data_parallel.ForwardInputs(run_inputs=inputs)
        return tti_data_parallel.GenerativeInputs(
            run_inputs=inputs[0],
            num_tokens_to_generate=self._generation.tokens,
            write_index=self._generation.write_index,
            first_current_index=self._generation.first_current_index,
            pad_token_id=self._generation.pad_token_id,
        )


def _for_all(model: BenchmarkModel, inputs: Sequence[Any], cards: int) -> Sequence[Any]:
    """Give every card a row to generate for; other inputs are shared out as they are."""
    return _repeated(inputs, cards) if model.generation else list(inputs)


def _repeated(inputs: Any, times: int) -> Any:
    if isinstance(inputs, torch.Tensor):
        return torch.cat([inputs] * times)
    return [_repeated(one, times) for one in inputs]


def _tokens(outputs: Sequence[Any]) -> Sequence[Any]:
    """Give the tokens of each card as a row; nothing where a model's outputs are no tokens."""
    rows = [torch.stack(list(tokens)) for tokens in outputs if len(tokens)]
    return [torch.stack(rows)] if rows else []


def _refuse_unshareable(model: BenchmarkModel, cards: int) -> None:
    staged = [name for name in model.stages.present(training=False) if name != "device"]
    if staged:
        raise UnsupportedOptionError(
            f"--parallel_tti runs the device stage alone, and this model has {', '.join(staged)}"
        )
    if not model.generation and microbatch_of(model) % cards:
        raise UnsupportedOptionError(
            f"--parallel_tti shares each input out over {cards} cards, and {microbatch_of(model)}"
            f" samples cannot be: use -mb {cards} or a multiple of it"
        )

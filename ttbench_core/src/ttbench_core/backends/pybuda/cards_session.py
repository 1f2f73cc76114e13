"""One image on every card: each runs its share of every input (`--parallel_tti`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from pybuda.tools import tti_data_parallel

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.generating import generation_of
from ttbench_core.backends.pybuda.images import compile_to
from ttbench_core.backends.pybuda.modules import narrowed
from ttbench_core.backends.pybuda.names import arch_of
from ttbench_core.backends.pybuda.placing import sample_inputs
from ttbench_core.backends.pybuda.sessions import Facts, PybudaSession
from ttbench_core.backends.pybuda.settings import engine_options
from ttbench_core.backends.pybuda.waiting import bounded
from ttbench_core.errors import SessionError, UnsupportedOptionError
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.counting import microbatch_of, samples_of_input

__all__ = ["CardsSession", "open_cards"]

_IMAGE: Final = "parallel_tti_run.tti"
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


class CardsSession(PybudaSession):
    """Every card runs its share of each input; a pass is one call of PyBuda's runner.

    Args:
        runner: PyBuda's, with the image loaded.
        model: what it runs.
        options: what will be run.
        facts: what the session says of itself.
        patience_s: seconds that the cards may take for a pass: they say nothing before its end.
    """

    def __init__(
        self,
        runner: Any,
        model: BenchmarkModel,
        options: CompileOptions,
        facts: Facts,
        patience_s: float,
    ) -> None:
        cards = len(options.devices)
        # every card generates for a row of its own
        rows = cards if model.generation else 1
        # inputs of a pass come back together: nothing is known of each
        told = replace(facts, effective={**facts.effective, "whole_passes": True})
        depth = 1 if model.generation else options.loop_count
        super().__init__(told, depth, lambda inputs: _repeated(narrowed(inputs), rows))
        self.samples_per_input: Final = samples_of_input(model) * rows
        self._runner: Final = runner
        self._generation: Final = generation_of(model) if model.generation else None
        self._patience_s: Final = patience_s
        self._waiting: list[Sequence[Any]] = []
        self._done: list[Sequence[Any]] = []
        self._expected = 0

    def expect(self, count: int) -> None:
        """Get ready for so many inputs."""
        self._expected = min(count, self.depth)

    def push(self, inputs: Sequence[Any]) -> None:
        """Hand over one input; the last that is expected makes the cards run all of them."""
        self._refuse_beyond_depth(len(self._waiting) + len(self._done))
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

    def _shut_down(self) -> bool:
        bounded(self._runner.shutdown, _SHUTDOWN_S, "letting go of the cards")
        return True

    def _run(self) -> None:
        inputs, self._waiting = self._waiting, []
        given = self._given([self._prepared(one) for one in inputs])
        with CALL_DEADLINE.within(self._patience_s, "running on the cards"):
            outputs = self._runner.run(all_inputs=given).outputs
        self._done = outputs if self._generation is None else [_tokens(outputs)]

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

"""One image on several cards: each card runs its share of every input (`--parallel_tti`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from pybuda.tools import tti_data_parallel

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.configuration import engine_options
from ttbench_core.backends.pybuda.enums import arch_of
from ttbench_core.backends.pybuda.generating import generation_settings
from ttbench_core.backends.pybuda.images import compile_image
from ttbench_core.backends.pybuda.loading import check_image_of_each_card
from ttbench_core.backends.pybuda.modules import narrow_integers, pushed_tensors
from ttbench_core.backends.pybuda.placing import sample_inputs
from ttbench_core.backends.pybuda.session_base import PybudaSession, SessionInfo
from ttbench_core.backends.pybuda.waiting import call_with_timeout
from ttbench_core.errors import SessionError, UnsupportedOptionError
from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.counting import microbatch_of, samples_per_input_of

__all__ = ["MulticardSession", "start_multicard_runner"]

_IMAGE_NAME: Final = "parallel_tti_run.tti"
#: Seconds that ending the cards' processes may take after a run that broke off, and beyond the
#: timeout of a pass otherwise.
_SHUTDOWN_TIMEOUT_S: Final = 10.0


def start_multicard_runner(model: BenchmarkModel, options: CompileOptions) -> Any:
    """Load an image on every card; gives PyBuda's runner.

    The image is that of `--load_tti`, or compiled for one card's share of an input.
    Raises `UnsupportedOptionError` for a model whose inputs cannot be split, and for an image that
    is not what was requested.
    """
    asked, card_count = engine_options(options), len(options.devices)
    _refuse_unsplittable(model, card_count)
    folder = Path(str(asked.parallel_tti))
    inputs = _inputs_for_cards(model, sample_inputs(model), card_count)
    share = tuple(tti_data_parallel.split_tensor_batch(inputs, card_count)[0])
    image = asked.load_tti
    if image is None:
        image = str(folder / _IMAGE_NAME)
        compile_image(Path(image), model, options, share)
    else:
        check_image_of_each_card(image, options, None if model.generation else share)
    mode = tti_data_parallel.RunMode
    return tti_data_parallel.initialize_multicard_runner(
        arch=arch_of(options.devices[0].arch),
        device_ids=[[device.index] for device in options.devices],
        run_mode=mode.GENERATIVE if model.generation else mode.FORWARD,
        compile_inputs=inputs,
        precompiled_tti_path=image,
        output_dir=str(folder),
        # true would add two seconds to every pass, to send the inputs to the cards untimed
        benchmark_perf=False,
    )


class MulticardSession(PybudaSession):
    """Every card runs its share of each input; a pass is one call of PyBuda's runner.

    Args:
        runner: PyBuda's, with the image loaded.
        model: what it runs.
        options: what will be run.
        info: what the session reports about itself.
        timeout_s: seconds that a pass may take: the cards give no output before its end.
    """

    def __init__(
        self,
        runner: Any,
        model: BenchmarkModel,
        options: CompileOptions,
        info: SessionInfo,
        timeout_s: float,
    ) -> None:
        # every card generates for a row of its own
        rows = len(options.devices) if model.generation else 1
        # all outputs of a pass arrive together: there are no times of single inputs
        multicard_info = replace(info, effective={**info.effective, "whole_passes": True})
        depth = 1 if model.generation else options.loop_count
        super().__init__(
            multicard_info,
            depth,
            lambda inputs: _repeat(narrow_integers(pushed_tensors(inputs)), rows),
        )
        self.samples_per_input: Final = samples_per_input_of(model) * rows
        self._runner: Final = runner
        self._generation: Final = generation_settings(model) if model.generation else None
        self._timeout_s: Final = timeout_s
        self._pending: list[Inputs] = []
        self._completed: list[Sequence[Any]] = []
        self._expected = 0
        #: True from the start of a pass to its end, and after one that broke off.
        self._is_running = False

    def expect(self, count: int) -> None:
        """Prepare for a pass of so many inputs."""
        self._expected = min(count, self.depth)

    def push(self, inputs: Inputs) -> None:
        """Take one input; the last expected one makes the cards run all of them."""
        self._refuse_beyond_depth(len(self._pending) + len(self._completed))
        self._pending.append(inputs)
        if len(self._pending) == self._expected:
            self._run()

    def pop(self) -> Sequence[Any]:
        """Give the oldest input's outputs; runs the pending inputs if none has completed."""
        if not self._completed and self._pending:
            self._run()
        if not self._completed:
            raise SessionError("nothing is in flight: push before popping")
        return self._completed.pop(0)

    def _shut_down(self) -> bool:
        # each card's process ends its own pipeline; one that still runs may never do so
        extra_s, healthy_s = _SHUTDOWN_TIMEOUT_S, max(self._timeout_s, _SHUTDOWN_TIMEOUT_S)
        timeout_s = extra_s if self._is_running else healthy_s
        action = "letting go of the cards"
        with CALL_DEADLINE.within(timeout_s + extra_s, action):
            call_with_timeout(self._runner.shutdown, timeout_s, action)
        return True

    def _run(self) -> None:
        inputs, self._pending = self._pending, []
        run_inputs = self._runner_inputs([self._prepared(one) for one in inputs])
        self._is_running = True
        with CALL_DEADLINE.within(self._timeout_s, "running on the cards"):
            outputs = self._runner.run(all_inputs=run_inputs).outputs
        self._is_running = False
        self._completed = outputs if self._generation is None else [_tokens(outputs)]

    def _runner_inputs(self, inputs: list[Any]) -> Any:
        if self._generation is None:
            return tti_data_parallel.ForwardInputs(run_inputs=inputs)
        return tti_data_parallel.GenerativeInputs(
            run_inputs=inputs[0],
            num_tokens_to_generate=self._generation.tokens,
            write_index=self._generation.write_index,
            first_current_index=self._generation.first_current_index,
            pad_token_id=self._generation.pad_token_id,
        )


def _inputs_for_cards(
    model: BenchmarkModel, inputs: Sequence[Any], card_count: int
) -> Sequence[Any]:
    """Repeat the row of a model that generates for every card; other inputs stay as they are."""
    return _repeat(inputs, card_count) if model.generation else list(inputs)


def _repeat(inputs: Any, times: int) -> Any:
    if isinstance(inputs, torch.Tensor):
        return torch.cat([inputs] * times)
    return [_repeat(one, times) for one in inputs]


def _tokens(outputs: Sequence[Any]) -> Sequence[Any]:
    """Give the tokens of each card as a row; nothing if a model's outputs are not tokens."""
    rows = [torch.stack(list(tokens)) for tokens in outputs if len(tokens)]
    return [torch.stack(rows)] if rows else []


def _refuse_unsplittable(model: BenchmarkModel, card_count: int) -> None:
    staged = [name for name in model.stages.present(training=False) if name != "device"]
    if staged:
        raise UnsupportedOptionError(
            f"--parallel_tti runs the device stage alone, and this model has {', '.join(staged)}"
        )
    samples = microbatch_of(model)
    if not model.generation and samples % card_count:
        raise UnsupportedOptionError(
            f"--parallel_tti shares each input out over {card_count} cards, and {samples} samples"
            f" cannot be: use -mb {card_count} or a multiple of it"
        )

"""One image on several cards, each with its part of the batch."""

from __future__ import annotations

import enum
import os
import shutil
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pybuda import standin
from pybuda.standin import contract, multicard, state
from pybuda.standin.environment import is_one
from pybuda.standin.values import BackendDevice

_PLACE = "pybuda.tools.tti_data_parallel"
RunMode = contract.enumeration(f"{_PLACE}.RunMode", __name__, enum.Enum)
RunnerState = contract.enumeration(f"{_PLACE}.RunnerState", __name__, enum.Enum)
Status = contract.enumeration(f"{_PLACE}.Status", __name__, enum.Enum)


def _split(data: Any, parts: int) -> list[Any]:
    if isinstance(data, torch.Tensor):
        assert data.shape[0] % parts == 0, "The number of cards must divide the batch evenly"
        return list(torch.tensor_split(data, parts))
    if not isinstance(data, list | tuple):
        raise TypeError("Input data should contain list, tuple or torch tensor only")
    split = [_split(each, parts) for each in data]
    return [[each[part] for each in split] for part in range(parts)]


split_tensor_batch = contract.function(f"{_PLACE}.split_tensor_batch")(_split)


@contract.recorded_class(f"{_PLACE}.ForwardInputs")
@dataclass
class ForwardInputs:
    """Groups of inputs: as many as the run has loops."""

    run_inputs: Any = None

    def __len__(self) -> int:
        return len(self.run_inputs)

    def __getitem__(self, index: int) -> Any:
        return self.run_inputs[index]

    @staticmethod
    def split_inputs_per_card(all_inputs: Any, num_cards: int) -> list[Any]:
        return _split(all_inputs.run_inputs, num_cards)


@contract.recorded_class(f"{_PLACE}.GenerativeInputs")
@dataclass
class GenerativeInputs:
    """The inputs of one generation, and how it goes on."""

    run_inputs: Any = None
    num_tokens_to_generate: int | None = None
    write_index: int = 0
    first_current_index: int | None = None
    pad_token_id: int | None = None

    def __post_init__(self) -> None:
        assert self.run_inputs
        assert self.num_tokens_to_generate

    def __len__(self) -> int:
        return len(self.run_inputs)

    def __getitem__(self, index: int) -> Any:
        return self.run_inputs[index]

    @staticmethod
    def split_inputs_per_card(all_inputs: Any, num_cards: int) -> list[Any]:
        rest = {key: value for key, value in vars(all_inputs).items() if key != "run_inputs"}
        return [GenerativeInputs(it, **rest) for it in _split(all_inputs.run_inputs, num_cards)]


@contract.recorded_class(f"{_PLACE}.RunResult")
@dataclass
class RunResult:
    """Outputs, and when each card began and ended (seconds of time.time())."""

    outputs: Any = None
    per_card_start_time: Any = None
    per_card_end_time: Any = None

    def __post_init__(self) -> None:
        assert self.per_card_start_time.keys() == self.per_card_end_time.keys()

    def get_per_card_runtime(self) -> dict[int, float]:
        start = self.per_card_start_time
        return {card: end - start[card] for card, end in self.per_card_end_time.items()}

    def get_earliest_start(self) -> float:
        return min(self.per_card_start_time.values())

    def get_latest_end(self) -> float:
        return max(self.per_card_end_time.values())

    def get_total_runtime(self) -> float:
        return max(self.per_card_end_time.values()) - min(self.per_card_start_time.values())


@contract.recorded_class(f"{_PLACE}.MultiCardRunner")
class MultiCardRunner:
    """Cards that were loaded, and what they are asked to do."""

    def __init__(self, run_mode: Any, device_ids: list[Any], output_dir: str, name: str) -> None:
        assert len(device_ids) > 0
        assert run_mode in list(RunMode)
        assert output_dir
        self.name = name
        self._mode = run_mode
        self._device_ids = device_ids
        self._cards: list[multicard.Card] = []
        self._state = RunnerState.UNINITIALIZED

    def initialize(self, compile_configs: list[tuple[str, list[int]]]) -> None:
        assert self._state == RunnerState.UNINITIALIZED, "Can't re-initialize a MultiCardRunner"
        kept = state.current.config  # in the real one each process has its own
        try:
            self._cards = [multicard.Card(path, chip_ids) for path, chip_ids in compile_configs]
        except Exception as error:
            self._abort(error)
        finally:
            state.current.config = kept
        self._state = RunnerState.INITIALIZED

    def run(self, all_inputs: Any) -> RunResult:
        assert self._state == RunnerState.INITIALIZED
        forward = self._mode == RunMode.FORWARD
        kind, job = (
            (ForwardInputs, multicard.forward)
            if forward
            else (GenerativeInputs, multicard.generate)
        )
        if not isinstance(all_inputs, kind):
            self._abort(TypeError(f"expected {kind.__name__}"))
        self._work(job, kind.split_inputs_per_card.behaviour(all_inputs, len(self._cards)))
        numbered = dict(enumerate(self._cards))
        outputs = [card.outputs for card in self._cards]
        return RunResult(
            _merged(outputs) if forward else outputs,
            {number: card.started for number, card in numbered.items()},
            {number: card.ended for number, card in numbered.items()},
        )

    def _work(self, job: Any, parts: list[Any]) -> None:
        released = threading.Event()
        threads = [
            threading.Thread(target=card.work, args=(job, part, released), daemon=True)
            for card, part in zip(self._cards, parts, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            self._wait(threads)
        finally:
            released.set()
            for thread in threads:
                thread.join()
        errors = [card.error for card in self._cards if card.error is not None]
        if errors:
            self._abort(errors[0])

    def _wait(self, threads: list[threading.Thread]) -> None:
        while any(thread.is_alive() for thread in threads):
            if any(card.hung.is_set() for card in self._cards):
                if standin.settings().stuck:
                    standin.wait_while_stuck()
                standin.refuse("MultiCardRunner.run() would wait for ever: a card hangs")
            threads[0].join(0.005)
            threads = [*threads[1:], threads[0]]

    def _abort(self, error: Exception) -> None:
        state.LOG.error("%s: %s", self.name, error)
        self._state = RunnerState.SHUTDOWN
        text = f"{self.name}: Aborted due to error raised on one or more processes."
        raise RuntimeError(text) from error

    def shutdown(self) -> None:
        self._state = RunnerState.SHUTDOWN
        time.sleep(standin.settings().ending_s)
        self._cards = []


def _merged(per_card: list[Any]) -> list[list[torch.Tensor]]:
    """Join what the cards computed: a list of whole tensors for each loop."""
    return [
        [torch.cat(parts) for parts in zip(*(_joined(loop) for loop in loops), strict=True)]
        for loops in zip(*per_card, strict=True)
    ]


def _joined(outputs: list[torch.Tensor]) -> list[torch.Tensor]:
    """Join the two halves of each output that n300 data parallel leaves."""
    if not is_one("PYBUDA_N300_DATA_PARALLEL"):
        return outputs
    halves = zip(outputs[::2], outputs[1::2], strict=True)
    return [torch.cat(both) for both in halves]


@contract.function(f"{_PLACE}.initialize_multicard_runner")
def initialize_multicard_runner(
    arch: Any,
    device_ids: list[list[int]],
    run_mode: Any,
    compile_inputs: Iterable[Any],
    precompiled_tti_path: str | None,
    output_dir: str,
    benchmark_perf: bool,
) -> Any:
    assert arch in (BackendDevice.Wormhole_B0, BackendDevice.Grayskull), "Unsupported architecture"
    assert precompiled_tti_path
    assert len(device_ids[0]) == 1 or is_one("PYBUDA_N300_DATA_PARALLEL"), (
        "Only support multi-device override in N300 data parallel mode"
    )
    if arch == BackendDevice.Wormhole_B0 and os.environ.get("PYBUDA_FORCE_THREADS", "0") != "1":
        state.LOG.warning("PYBUDA_FORCE_THREADS is not set, this may cause errors")
    if state.active() is not None:
        standin.refuse("the runner's cards are taken by a pipeline: pybuda_reset() comes first")
    folder = Path(output_dir).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    source = Path(precompiled_tti_path).resolve()
    image = folder / source.name
    if source != image:
        shutil.copy(source, image)
    _split(compile_inputs, len(device_ids))  # it must divide evenly
    runner = MultiCardRunner(run_mode, device_ids, str(folder))
    runner.initialize([(str(image), ids) for ids in device_ids])
    return runner

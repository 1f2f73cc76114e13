"""run_forward and its kin, sync, shutdown and reset."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pybuda import standin
from pybuda.standin import state, tracing
from pybuda.standin.compiling import is_sequential
from pybuda.standin.device import CPUDevice
from pybuda.standin.environment import has
from pybuda.standin.tensors import to_torch
from pybuda.standin.values import BackendType

TILE = 32


def pipeline_for(who: str, sequential: bool) -> state.Pipeline | None:
    """Give the pipeline to run on; None where the real library returns without a word."""
    if state.failed():
        return None
    if not state.current.devices:
        state.LOG.warning("Nothing to do")
        return None
    pipeline = state.active()
    if pipeline is None or not pipeline.compiled:
        if who == "run_forward()":
            raise RuntimeError("Trying to run forward without initializing the pipeline.")
        standin.refuse(f"{who} comes before initialize_pipeline()")
    if pipeline.compile_only:
        standin.refuse(f"{who} on a pipeline that was compiled only")
    if is_sequential(sequential) is not pipeline.sequential:
        standin.refuse(f"{who} and initialize_pipeline() differ in being sequential")
    return pipeline


def _must_have(pipeline: state.Pipeline, count: int, who: str) -> None:
    """Refuse what would wait for ever: a sequential run of more inputs than were pushed."""
    first, last = state.current.devices[0], state.current.devices[-1]
    kinds = [("inputs", first._inputs)] + [("targets", last._targets)] * pipeline.training
    for kind, pushed in kinds:
        have = pushed.qsize()
        if pipeline.sequential and have < count and not pipeline.hung.is_set():
            standin.refuse(f"{who} of {count} would wait for ever: {have} {kind} were pushed")


def forward(input_count: int, sequential: bool) -> None:
    """Ask for `input_count` outputs; they come to the queue."""
    pipeline = pipeline_for("run_forward()", sequential)
    if pipeline is None:
        return
    _must_have(pipeline, input_count, "run_forward()")
    pipeline.asked += input_count
    pipeline.waiting_backward += input_count
    if pipeline.training and pipeline.waiting_backward > pipeline.microbatch_count:
        standin.refuse(
            f"{pipeline.waiting_backward} inputs go forward before any goes backward: "
            f"there is room for microbatch_count={pipeline.microbatch_count}"
        )
    loops = has("PYBUDA_MICROBATCH_LOOPING") and not pipeline.sequential
    standin.programs.extend([input_count] if loops else [1] * input_count)
    for _ in range(input_count):
        pipeline.post(lambda: _one(pipeline))


def generate(
    input_count: int, write_index: int, tokens_per_iter: int, token_id: int, sequential: bool
) -> None:
    """Run the active subgraph; without inputs, once and with nothing read or written."""
    assert write_index >= 0 or (tokens_per_iter > 0 and token_id >= 0), (
        "set write_index, or tokens_per_iter and token_id"
    )
    pipeline = pipeline_for("run_generate()", sequential)
    if pipeline is None:
        return
    _must_have(pipeline, input_count, "run_generate()")
    if input_count == 0:
        pipeline.post(lambda: _rotate(pipeline))
    pipeline.asked += input_count
    for turn in range(input_count):
        index = write_index
        if tokens_per_iter != -1:
            index = (token_id + turn * tokens_per_iter) // TILE
        pipeline.post(lambda index=index: _one(pipeline, index))


def _rotate(pipeline: state.Pipeline) -> None:
    _no_host_stage()
    pipeline.stages[0].run(())


def _no_host_stage() -> None:
    if any(isinstance(device, CPUDevice) for device in state.current.devices):
        raise TypeError("generate() of a CPUDevice takes no tokens_per_iter")


def _one(pipeline: state.Pipeline, write_index: int | None = None) -> None:
    """Take one microbatch, compute it, and put the outputs or the loss on the queue."""
    settings = standin.settings()
    first, last = state.current.devices[0], state.current.devices[-1]
    values = pipeline.take(first._inputs, lambda: first._lost > 0)
    if pipeline.shapes is not None and [each.shape for each in values] != pipeline.shapes:
        raise RuntimeError(f"compiled for inputs of {pipeline.shapes}")
    targets = None
    if pipeline.training:
        targets = to_torch(pipeline.take(last._targets, lambda: False))
    if settings.delay_s and pipeline.stopping.wait(settings.delay_s):
        raise state.Stopped
    of_card = any(device.devtype == BackendType.Silicon for device in state.current.devices)
    if of_card and settings.delay_s > settings.tries_s:
        raise RuntimeError("Timeout while reading an output queue")
    if settings.hangs and pipeline.delivered >= settings.after:
        pipeline.hang()
    if settings.fail == "run" and pipeline.delivered >= settings.after:
        raise RuntimeError("the device does not answer (a fault that a test asked for)")
    if write_index is not None:
        _no_host_stage()
    if any(device.devtype == BackendType.Model for device in state.current.devices):
        raise RuntimeError("the Model backend has no input and output queues")
    with torch.set_grad_enabled(pipeline.training):
        for stage in pipeline.stages:
            is_last = stage is pipeline.stages[-1]
            values = stage.run(values, targets if is_last else None, write_index or 0)
    if pipeline.training:
        pipeline.losses.append(values)
    pipeline.output_queue.put(pipeline.stages[-1].item(values))
    pipeline.delivered += 1


def sync() -> None:
    """Wait until the devices are idle."""
    pipeline = state.active()
    if pipeline is None:
        return
    pipeline.wait_until_idle("sync()")
    if pipeline.hung.is_set() and not pipeline.error:
        if standin.settings().stuck:
            standin.wait_while_stuck()
        else:
            standin.refuse("sync() would wait for ever: the device hangs")


def queue_of(training: bool, kind: Callable[[state.Pipeline], Any]) -> queue.Queue[Any] | None:
    """Give a queue of the active context, or None with a warning."""
    pipeline = state.active()
    if pipeline is None or (training and not pipeline.training):
        state.LOG.warning("No active training run, no queue available.")
        return None
    return kind(pipeline)


def shutdown(*, at_exit: bool = False) -> None:
    """End the pipeline; afterwards error_raised() is False again."""
    pipeline = state.active()
    if pipeline is None:
        return
    threads = os.environ.get("PYBUDA_FORCE_THREADS", "0") != "0" and not pipeline.sequential
    if pipeline.error and threads and pipeline.compiled and not at_exit:
        raise AttributeError("'Thread' object has no attribute 'terminate'")
    try:
        if pipeline.compiled:
            pipeline.wait_until_idle(None if at_exit else "shutdown()")
        if pipeline.hung.is_set() and not pipeline.error and standin.settings().stuck:
            standin.wait_while_stuck()
    finally:
        pipeline.stop()
        _close(pipeline)


def _close(pipeline: state.Pipeline) -> None:
    for device in state.current.devices:
        for module in device.modules:
            # what the real library has generated, and removes by its bare name
            Path(f"{module.name}.py").unlink(missing_ok=True)
    failed = pipeline.error or pipeline.hung.is_set()
    if pipeline.compiled and not failed and not pipeline.compile_only:
        tracing.write(state.current.config)
    state.current.pipeline = None
    state.current.shut_down = True


def reset() -> None:
    """Forget everything but the environment."""
    pipeline = state.active()
    if pipeline is not None and not pipeline.sequential and not pipeline.error:
        standin.refuse("pybuda_reset() leaves processes behind: shutdown() comes first")
    state.forget()

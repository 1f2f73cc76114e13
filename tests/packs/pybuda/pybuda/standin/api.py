"""The functions of the top level, with their recorded signatures."""

from __future__ import annotations

import atexit
from typing import Any

from pybuda.standin import cards, compiling, contract, running, state, training
from pybuda.standin.device import Device
from pybuda.standin.ttdevice import TTDevice

__all__ = [
    "detect_available_devices",
    "error_raised",
    "get_intermediates_queue",
    "get_loss_queue",
    "get_parameter_checkpoint",
    "get_parameter_gradients",
    "get_tenstorrent_device",
    "initialize_pipeline",
    "pybuda_reset",
    "run_backward",
    "run_forward",
    "run_generate",
    "run_generative_inference",
    "run_optimizer",
    "run_schedulers",
    "run_training",
    "set_device_pipeline",
    "shutdown",
    "sync",
    "update_device_parameters",
]


@contract.function("pybuda.initialize_pipeline")
def initialize_pipeline(
    training: bool,
    output_queue: Any,
    checkpoint_queue: Any,
    sample_inputs: Any,
    sample_targets: Any,
    microbatch_count: int,
    d2d_fwd_queues: Any,
    d2d_bwd_queues: Any,
    _sequential: bool,
    _verify_cfg: Any,
    _device_mode: Any,
) -> Any:
    return compiling.initialize(
        compiling.Request(
            training=training,
            output_queue=output_queue,
            checkpoint_queue=checkpoint_queue,
            sample_inputs=sample_inputs,
            sample_targets=sample_targets,
            microbatch_count=microbatch_count,
            sequential=_sequential,
            verify_cfg=_verify_cfg,
            device_mode=_device_mode,
        )
    )


run_forward = contract.function("pybuda.run_forward")(running.forward)
run_backward = contract.function("pybuda.run_backward")(training.backward)
run_generate = contract.function("pybuda.run_generate")(running.generate)
run_optimizer = contract.function("pybuda.run_optimizer")(training.optimizer)
run_schedulers = contract.function("pybuda.run_schedulers")(training.schedulers)
sync = contract.function("pybuda.sync")(running.sync)
shutdown = contract.function("pybuda.shutdown")(running.shutdown)
error_raised = contract.function("pybuda.error_raised")(state.failed)
pybuda_reset = contract.function("pybuda.pybuda_reset")(running.reset)
detect_available_devices = contract.function("pybuda.detect_available_devices")(cards.detected)
update_device_parameters = contract.function("pybuda.update_device_parameters")(training.update)


@contract.function("pybuda.run_training")
def run_training(epochs: int, steps: int, accumulation_steps: int, *rest: Any) -> Any:
    if 0 in (epochs, steps, accumulation_steps, rest[0]):
        raise RuntimeError("Calling run_training with one of the loop indices at 0.")
    return contract.nothing("pybuda.run_training")()


@contract.function("pybuda.run_generative_inference")
def run_generative_inference(*_: Any) -> Any:
    raise NameError("name '_run_generative_inference' is not defined")


@contract.function("pybuda.get_loss_queue")
def get_loss_queue() -> Any:
    return running.queue_of(True, lambda pipeline: pipeline.output_queue)


@contract.function("pybuda.get_intermediates_queue")
def get_intermediates_queue() -> Any:
    return running.queue_of(False, lambda pipeline: pipeline.intermediates_queue)


@contract.function("pybuda.get_parameter_checkpoint")
def get_parameter_checkpoint(device: Any, _sequential: bool) -> Any:
    who = "get_parameter_checkpoint()"
    return training.parameters(who, "checkpoint", device, _sequential)


@contract.function("pybuda.get_parameter_gradients")
def get_parameter_gradients(device: Any, _sequential: bool) -> Any:
    return training.parameters("get_parameter_gradients()", "gradients", device, _sequential)


@contract.function("pybuda.set_device_pipeline")
def set_device_pipeline(devs: Any) -> None:
    for device in devs:
        if not isinstance(device, Device):
            raise RuntimeError(f"Only Device types are allowed. Got: {type(device)}")  # noqa: TRY004 - as recorded
    state.current.devices = list(devs)


@contract.function("pybuda.get_tenstorrent_device")
def get_tenstorrent_device() -> Any:
    return next((it for it in state.current.devices if isinstance(it, TTDevice)), None)


atexit.register(running.shutdown, at_exit=True)

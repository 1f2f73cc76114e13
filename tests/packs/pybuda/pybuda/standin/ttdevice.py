"""The device with the chips."""

from __future__ import annotations

from typing import Any

from pybuda import standin
from pybuda.standin import compiling, contract, images, state
from pybuda.standin.device import Device
from pybuda.standin.environment import has
from pybuda.standin.tensors import Tensor
from pybuda.standin.values import BackendDevice, BackendType, DeviceMode


@contract.recorded_class("pybuda.TTDevice")
class TTDevice(Device):
    """One or several Tenstorrent chips."""

    def __init__(
        self,
        name: str,
        num_chips: int | None,
        chip_ids: list[Any] | None,
        arch: Any,
        devtype: Any,
        device_mode: Any,
        optimizer: Any,
        scheduler: Any,
        fp32_fallback: Any,
        mp_context: Any,
        module: Any,
    ) -> None:
        self._register(name)
        self.devtype = devtype or _default_devtype()
        self.arch = arch or _default_arch(self.devtype)
        if chip_ids:
            assert num_chips in (None, len(chip_ids)), f"{num_chips=} does not match {chip_ids=}"
        self.chip_ids = list(chip_ids or range(1 if num_chips is None else num_chips))
        self.num_chips = len(self.chip_ids)
        self.device_mode = device_mode or DeviceMode.CompileAndRun
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.fp32_fallback = fp32_fallback
        self._stage: Any = None
        self._image: Any = None
        self._subgraph = 0
        if module is not None:
            self._place(module)

    def remove_modules(self) -> None:
        self.modules = []
        self._stage = None

    def shutdown_device(self) -> None:
        self.modules = []
        self._stage = None

    def set_active_subgraph(self, subgraph_index: int) -> None:
        pipeline = state.active()
        if self._stage is None or pipeline is None:
            standin.refuse("set_active_subgraph() comes before the pipeline is compiled")
        if not pipeline.sequential:
            standin.refuse(
                "set_active_subgraph() reaches the device in sequential mode only: "
                "set PYBUDA_FORCE_SEQUENTIAL=1"
            )
        self._subgraph = subgraph_index

    def get_active_subgraph(self) -> int:
        return self._subgraph

    def sync(self) -> None:
        self._compiled().wait_until_idle("TTDevice.sync()")

    def _compiled(self) -> state.Pipeline:
        pipeline = state.active()
        assert self._stage is not None, f"{self!r} is not compiled"
        assert pipeline is not None, f"{self!r} has no pipeline"
        return pipeline

    def get_parameter_checkpoint(self) -> dict[str, Any]:
        self._compiled()
        return {
            name: Tensor(value.detach().clone()) for name, value in self._stage.parameters().items()
        }

    def get_parameter_gradients(self) -> dict[str, Any]:
        self._compiled()
        return {
            name: Tensor(value.grad.clone())
            for name, value in self._stage.parameters().items()
            if value.grad is not None
        }

    def update_device_parameters(self, parameters: dict[str, Any]) -> None:
        self._compiled()
        self._stage.load(parameters)

    def compile_to_image(
        self,
        *,
        img_path: str | None,
        training: bool,
        sample_inputs: Any,
        sample_targets: Any,
        microbatch_count: int,
        verify_cfg: Any,
        cpueval_outputs: Any,
    ) -> Any:
        assert self.arch, "When compiling to image, TTDevice must be made with its arch"
        assert self.devtype, "When compiling to image, TTDevice must be made with its devtype"
        if self._stage is None:
            self.device_mode = DeviceMode.CompileOnly
            compiling.initialize(
                compiling.Request(
                    training=training,
                    sample_inputs=sample_inputs,
                    sample_targets=sample_targets,
                    microbatch_count=microbatch_count,
                    sequential=True,
                    verify_cfg=verify_cfg,
                    device_mode=DeviceMode.CompileOnly,
                )
            )
        made = images.of_device(self, training=training, microbatch_count=microbatch_count)
        images.save(made, img_path)
        return made

    @staticmethod
    def load_image(*, img: Any, img_path: str | None, device_id_overrides: Any) -> Any:
        return images.make_device(img or images.load(img_path, device_id_overrides))


def _default_devtype() -> Any:
    return BackendType.Golden if has("PYBUDA_DEVMODE") else BackendType.Silicon


def _default_arch(devtype: Any) -> Any:
    if devtype == BackendType.Silicon:
        return None
    if has("GOLDEN_WORMHOLE_B0"):
        return BackendDevice.Wormhole_B0
    return BackendDevice.Blackhole if has("PYBUDA_GOLDEN_BLACKHOLE") else BackendDevice.Grayskull


images.device_class = TTDevice

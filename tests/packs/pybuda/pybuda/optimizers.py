"""Optimizers that run on the device."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["LAMB", "LARS", "SGD", "Adam", "AdamW"]


class _Optimizer:
    def __init__(self, parameters: Any, *, device_params: bool, **settings: Any) -> None:
        if device_params:
            assert parameters is None, "device_params takes the parameters from the device"
        else:
            assert parameters is not None, "give the parameters, or device_params=True"
        self.device_params = device_params
        self.settings = settings

    def _stepper(self, parameters: list[torch.Tensor]) -> Any:
        raise NotImplementedError(f"the stand-in does not compute {type(self).__name__}")


class _Descent:
    """What torch.optim.SGD does, without the seconds that its first use takes to import."""

    def __init__(self, parameters: list[torch.Tensor], learning_rate: float) -> None:
        self._parameters = parameters
        self._learning_rate = learning_rate

    def step(self) -> None:
        with torch.no_grad():
            for parameter in self._parameters:
                if parameter.grad is not None:
                    parameter -= self._learning_rate * parameter.grad  # noqa: PLW2901 - in place


class SGD(_Optimizer):
    """Plain gradient descent."""

    def __init__(
        self, learning_rate: float, parameters: Any = None, device_params: bool = False
    ) -> None:
        super().__init__(parameters, device_params=device_params)
        self.learning_rate = learning_rate

    def _stepper(self, parameters: list[torch.Tensor]) -> Any:
        return _Descent(parameters, self.learning_rate)


class Adam(_Optimizer):
    """Adam."""

    _kind: type[torch.optim.Optimizer] = torch.optim.Adam

    def __init__(
        self,
        learning_rate: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        parameters: Any = None,
        device_params: bool = False,
        enable_adam_w: bool = False,
    ) -> None:
        super().__init__(parameters, device_params=device_params, bias_correction=bias_correction)
        self.learning_rate = learning_rate
        self._rest = {"betas": (beta1, beta2), "eps": epsilon, "weight_decay": weight_decay}
        if enable_adam_w:
            self._kind = torch.optim.AdamW

    def _stepper(self, parameters: list[torch.Tensor]) -> Any:
        return self._kind(parameters, lr=self.learning_rate, **self._rest)


class AdamW(Adam):
    """Adam with decoupled weight decay."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        bias_correction: bool = True,
        parameters: Any = None,
        device_params: bool = False,
    ) -> None:
        given = (learning_rate, beta1, beta2, eps, weight_decay, bias_correction)
        super().__init__(*given, parameters, device_params, enable_adam_w=True)


class LAMB(_Optimizer):
    """LAMB: made, not computed."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        correction: bool = False,
        clip_value: tuple[float, float] = (0.0, 10.0),
        parameters: Any = None,
        device_params: bool = False,
    ) -> None:
        super().__init__(parameters, device_params=device_params)


class LARS(_Optimizer):
    """LARS: made, not computed."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        momentum: float = 0.9,
        nesterov: bool = False,
        dampening: float = 0.0,
        weight_decay: float = 0.01,
        lars_coeff: float = 0.001,
        parameters: Any = None,
        device_params: bool = False,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameters, device_params=device_params)

"""Detectors with queries: 16 bits on the CPU, and what their training reaches."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.models.reference.outputs import as_tensors  # noqa: E402
from ttbench_models_vision.deformable import _by_places  # noqa: E402

CHOOSERS = [("rt_detr", "r18vd"), ("d_fine", "l")]


@pytest.mark.parametrize(("model", "config"), CHOOSERS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_outputs_are_near_to_float32_before_the_order_of_queries_matters(
    build, model, config, dtype
):
    built = build(model, config, image_size=128)
    network = built.stages.device.eval()
    # as a backend does: a copy is converted
    half = copy.deepcopy(network).to(dtype)
    sampled, exact = [], []
    for one, samples in (half, sampled), (network, exact):
        _first_attention(one).register_forward_hook(
            lambda m, i, outputs, samples=samples: samples.append(outputs[0])
        )
    _same_inputs(network, half)
    with torch.no_grad():
        network(*built.inputs)
        outputs = half(*(tensor.to(dtype) for tensor in built.inputs))
    assert all(bool(tensor.isfinite().all()) for tensor in as_tensors(outputs))
    pair = torch.stack([sampled[0].float().flatten(), exact[0].flatten()])
    assert float(torch.corrcoef(pair)[0, 1]) > 0.99


def _first_attention(network):
    wanted = "MultiscaleDeformableAttention"
    return next(m for m in network.modules() if type(m).__name__.endswith(wanted))


def _same_inputs(network, half):
    """Let the attention of the copy get what that of the network gets, rounded."""
    kept = []

    def keep(module, args, kwargs):
        kept.append(kwargs)

    def take(module, args, kwargs):
        return args, {
            name: value.to(kwargs[name].dtype) if torch.is_tensor(value) else value
            for name, value in kept[0].items()
        }

    _first_attention(network).register_forward_pre_hook(keep, with_kwargs=True)
    # before the hook that is tested, which has to lay these out
    _first_attention(half).register_forward_pre_hook(take, with_kwargs=True, prepend=True)


def test_values_of_float32_are_left_as_they_are():
    value = torch.rand(1, 4, 8)
    assert _by_places(value) is value
    half = value.half()
    assert torch.equal(_by_places(half), half)
    assert _by_places(half).stride() == (32, 1, 4)


@pytest.mark.parametrize(("model", "config"), [*CHOOSERS, ("detr", "resnet50")])
def test_training_reaches_every_parameter_but_those_of_denoising(build, model, config):
    built = build(model, config, training=True, image_size=128)
    network = built.stages.device.train()
    built.stages.loss(*as_tensors(network(*built.inputs)), *built.targets).backward()
    missed = [
        name
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and parameter.grad is None and "denoising" not in name
    ]
    assert missed == []


@pytest.mark.parametrize(("model", "config"), CHOOSERS)
def test_training_in_bfloat16_has_finite_gradients(build, model, config):
    built = build(model, config, training=True, image_size=128)
    network = built.stages.device.train().to(torch.bfloat16)
    outputs = network(*(tensor.to(torch.bfloat16) for tensor in built.inputs))
    built.stages.loss(*as_tensors(outputs), *built.targets).backward()
    assert all(
        bool(parameter.grad.isfinite().all())
        for parameter in network.parameters()
        if parameter.grad is not None
    )

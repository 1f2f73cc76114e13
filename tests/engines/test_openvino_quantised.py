"""Formats of OpenVINO whose weights are integers: what they multiply in, and what is refused."""

from __future__ import annotations

import importlib.util
import logging

import pytest
from engine_runs import compiled, run, sample

from ttbench_core import RunOptions, StagedModel, Stages
from ttbench_core.backends.loading import load_backend
from ttbench_core.backends.planning import plan
from ttbench_core.errors import UnsupportedOptionError

pytestmark = pytest.mark.torch
needs_nncf = pytest.mark.skipif(
    importlib.util.find_spec("nncf") is None, reason="NNCF is not installed"
)
NAMES = ["Int8", "Int8_dyn", "Int4_w"]


@pytest.fixture
def rounds_activations(openvino):
    from ttbench_core.backends.openvino import quantising
    from ttbench_core.backends.openvino.formats import INT8_DYN, quantisation_of

    try:
        quantising.require_activations(INT8_DYN, quantisation_of(INT8_DYN))
    except UnsupportedOptionError:
        pytest.skip("this processor multiplies no 8-bit integers")


def linear_model(*parts, size=(8, 128)):
    import torch

    network = torch.nn.Sequential(
        *(parts or (torch.nn.Linear(128, 256), torch.nn.ReLU(), torch.nn.Linear(256, 32)))
    )
    return StagedModel(Stages(device=network), [torch.rand(*size)])


def outputs_of(model, **options):
    with compiled("openvino", model, **options) as session:
        session.push(model.inputs)
        return session.pop()[0], session.effective, session.notes


@pytest.mark.parametrize("name", NAMES)
def test_a_format_without_nncf_is_refused_with_what_to_install(openvino, monkeypatch, name):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda one, *rest: None if one == "nncf" else found(one, *rest),
    )
    backend = load_backend(openvino).backend
    message = rf"-df {name} needs .* NNCF.* pip install 'ttbench-core\[openvino-int8\]'"
    with pytest.raises(UnsupportedOptionError, match=message):
        plan(RunOptions("m", dataformat=name), backend)


@needs_nncf
def test_int8_multiplies_weights_in_integers_by_activations_in_float32(openvino):
    _, effective, notes = outputs_of(linear_model(), dataformat="Int8")
    assert effective["dtype"] == "float32"
    assert effective["weight_types"] == {"i8": 2}
    assert (effective["quantised_weights"], effective["activation_group"]) == (2, 0)
    assert effective["nncf"]
    assert notes == ()


@needs_nncf
def test_int8_dyn_rounds_activations_and_int8_does_not(openvino, rounds_activations):
    import torch

    model = linear_model()
    weights, _, _ = outputs_of(model, dataformat="Int8")
    both, effective, _ = outputs_of(model, dataformat="Int8_dyn")
    assert effective["activation_group"] == 32
    assert not torch.equal(weights, both)


@needs_nncf
def test_activations_that_stay_in_float32_are_refused(openvino, monkeypatch):
    from ttbench_core.backends.openvino import quantising

    product = quantising._product
    monkeypatch.setattr(quantising, "_product", lambda _: product(0))
    with pytest.raises(UnsupportedOptionError, match="leaves activations in float32 on this"):
        outputs_of(linear_model(), dataformat="Int8_dyn")


@needs_nncf
def test_int4_w_keeps_the_last_layer_in_8_bits(openvino):
    _, effective, _ = outputs_of(linear_model(), dataformat="Int4_w")
    assert effective["weight_types"] == {"i4": 1, "u8": 1}


@needs_nncf
def test_outputs_of_integer_formats_are_near_fp32_and_the_users_weights_stay(openvino):
    from ttbench_core.models.reference.agreement import agreement

    model = linear_model()
    before = [one.detach().clone() for one in model.stages.device.parameters()]
    expected = model.stages.device(*model.inputs).detach()
    outputs, _, _ = outputs_of(model, dataformat="Int8")
    assert agreement([outputs], [expected]).passes(0.99)
    assert not outputs.equal(expected)
    after = model.stages.device.parameters()
    assert all(one.equal(other) for one, other in zip(before, after, strict=True))


@needs_nncf
def test_convolutions_stay_as_they_are_and_are_noted(openvino):
    import torch

    parts = torch.nn.Conv2d(3, 8, 3), torch.nn.Flatten(), torch.nn.Linear(8 * 36, 16)
    _, effective, notes = outputs_of(linear_model(*parts, size=(2, 3, 8, 8)), dataformat="Int8")
    assert effective["quantised_weights"] == 1
    assert notes == ("OpenVINO quantises linear layers; layers that stay in float32: 1",)


@needs_nncf
def test_a_format_that_quantises_nothing_is_noted(openvino):
    import torch

    model = linear_model(torch.nn.LayerNorm(128))
    _, effective, notes = outputs_of(model, dataformat="Int8")
    assert effective["quantised_weights"] == 0
    assert notes == ("Int8 changes nothing here: the device stage has no weights to quantise",)


@needs_nncf
def test_what_nncf_refuses_is_one_line_with_the_format(openvino, monkeypatch):
    from ttbench_core.backends.openvino import quantising

    def refuse(*_, **__):
        raise ValueError("channels\ncannot be divided")

    with quantising._quiet_nncf() as nncf:
        monkeypatch.setattr(nncf, "compress_weights", refuse)
    message = r"-df Int8 cannot run here: NNCF .* refuses .*: channels cannot be divided\)"
    with pytest.raises(UnsupportedOptionError, match=message):
        compiled(openvino, sample(), dataformat="Int8")


@needs_nncf
def test_nncf_prints_nothing_and_leaves_the_logging_of_others(openvino, capfd):
    compiled(openvino, linear_model(), dataformat="Int8").close()
    assert capfd.readouterr() == ("", "")
    assert logging.getLoggerClass() is logging.Logger


@needs_nncf
@pytest.mark.parametrize("name", NAMES)
def test_a_network_in_integers_is_verified_against_fp32(openvino, request, name):
    pytest.importorskip("ttbench_models_nlp")
    if name == "Int8_dyn":
        request.getfixturevalue("rounds_activations")
    result = run(openvino, "bert", "tiny", dataformat=name, microbatch=1)
    assert result.verification["passed"]
    assert result.verification["pcc"] < 1
    assert result.effective["quantised_weights"] > 10


def test_products_of_8_bit_integers_have_no_peak(openvino):
    backend = load_backend(openvino).backend
    (device,) = backend.devices()
    dynamic = next(one for one in backend.capabilities().data_formats if one.value == "Int8_dyn")
    with pytest.raises(UnsupportedOptionError, match="multiplies in 8 bits"):
        backend.peak(device, dynamic, 1)

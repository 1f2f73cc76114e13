"""What authors of backends build on: sessions, devices, stages on the host, seeds, copies."""

from __future__ import annotations

import platform

import pytest

from ttbench_core import StagedModel, Stages
from ttbench_core.backends import helpers
from ttbench_core.backends.protocol import Device
from ttbench_core.errors import SessionError
from ttbench_core.testing import check_session


def doubling(**more):
    return helpers.SyncSession(lambda inputs: [2 * one for one in inputs], effective={}, **more)


# ----- sessions --------------------------------------------------------------------------------


def test_a_sync_session_follows_the_contract_of_sessions():
    with doubling() as session:
        check_session(session, [1])


def test_a_sync_session_gives_what_its_function_gives_for_each_input():
    session = doubling()
    session.push([1, 2])
    assert session.pop() == [2, 4]
    session.push([3])
    assert session.pop() == [6]


def test_a_sync_session_reports_what_it_was_given():
    session = helpers.SyncSession(
        list, effective={"lanes": 4}, notes=["emulated"], is_reference=True, peak_bytes=lambda: 7
    )
    assert session.effective == {"lanes": 4}
    assert session.notes == ("emulated",)
    assert session.is_reference
    assert session.device_peak_bytes() == 7
    assert doubling().device_peak_bytes() is None


def test_a_sync_session_frees_once_and_can_be_closed_twice():
    freed = []
    session = doubling(on_close=lambda: freed.append("once"))
    session.push([1])
    session.close()
    session.close()
    assert freed == ["once"]
    with pytest.raises(SessionError, match="nothing is in flight"):
        session.pop()
    with pytest.raises(SessionError, match="closed"):
        session.push([1])


def test_a_sync_session_whose_function_fails_has_nothing_in_flight():
    def fail(inputs):
        raise RuntimeError("device lost")

    session = helpers.SyncSession(fail, effective={})
    with pytest.raises(RuntimeError, match="device lost"):
        session.push([1])
    with pytest.raises(SessionError):
        session.pop()


# ----- devices ---------------------------------------------------------------------------------


def test_the_processor_is_a_device_of_any_kind():
    device = helpers.cpu_device("toy", 3)
    assert device.spec == "toy:3"
    assert device.name == helpers.cpu_name()
    assert device.arch == platform.machine()
    assert device.memory_bytes > 0
    assert helpers.cpu_device().spec == "cpu:0"


def test_importing_the_helpers_imports_no_torch(python):
    done = python("-c", "import sys, ttbench_core.backends.helpers; print('torch' in sys.modules)")
    assert done.stdout == "False\n", done.stderr


# ----- PyTorch ---------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def staged(torch):
    from networks_parts import Embed, Split

    return StagedModel(
        Stages(cpu_pre=Embed(), device=torch.nn.Linear(6, 4), cpu_post=Split()),
        [torch.randint(10, (4, 5))],
    )


@pytest.fixture
def networks(monkeypatch):
    from pathlib import Path

    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "packs" / "networks")


@pytest.mark.torch
def test_random_numbers_repeat_for_a_seed_and_the_callers_go_on_as_before(torch):
    def draw(seed):
        with helpers.seeded(seed, [Device("toy", 0, "Toy", "toy_v1")]):
            return torch.rand(4).tolist()

    before = torch.get_rng_state()
    assert draw(1) == draw(1) != draw(2)
    assert torch.get_rng_state().equal(before)


@pytest.mark.torch
def test_a_private_copy_can_be_converted_and_the_original_stays(torch):
    layer = torch.nn.Linear(2, 2)
    copy = helpers.private_copy(layer).half()
    assert copy.weight.dtype is torch.float16
    assert layer.weight.dtype is torch.float32


@pytest.mark.torch
def test_outputs_are_flat_whatever_a_module_returns(torch):
    one, two = torch.zeros(1), torch.ones(1)
    assert helpers.flat_outputs({"a": one, "b": [None, (two,)]}) == (one, two)


@pytest.mark.torch
def test_a_staged_run_is_the_reference_around_the_engines_device_stage(torch, networks):
    from ttbench_core.models.reference.forward import reference_outputs

    model = staged(torch)
    run = helpers.staged_run(model, helpers.private_copy(model.stages.device))
    outputs, expected = run(model.inputs), reference_outputs(model)
    assert len(outputs) == len(expected) == 2
    assert all(map(torch.equal, outputs, expected))
    assert not any(output.requires_grad for output in outputs)


@pytest.mark.torch
def test_a_staged_run_takes_whatever_the_device_stage_returns(torch):
    model = StagedModel(Stages(device=torch.nn.Identity()), [torch.rand(2, 3)])
    (output,) = helpers.staged_run(model, lambda tensor: {"logits": tensor + 1})(model.inputs)
    assert output.equal(model.inputs[0] + 1)


@pytest.mark.torch
def test_a_staged_run_gives_the_host_floats_in_float32_and_leaves_the_model_in_its_mode(
    torch, networks
):
    model = staged(torch)
    run = helpers.staged_run(model, lambda tensor: model.stages.device(tensor).bfloat16())
    assert {output.dtype for output in run(model.inputs)} == {torch.float32}
    assert model.stages.cpu_pre.training

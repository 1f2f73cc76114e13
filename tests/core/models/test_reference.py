"""The reference: Fp32, eager, on the CPU, and nothing of the user's is changed by it."""

from __future__ import annotations

import pytest

from ttbench_core import RunOptions, StagedModel, Stages
from ttbench_core.backends.planning import plan
from ttbench_core.backends.protocol import Device
from ttbench_core.backends.replicas import ReplicatedSession
from ttbench_core.backends.torch.backend import TorchBackend
from ttbench_core.model import DeclaresAccuracy
from ttbench_core.testing import FakeClock, FakeSession

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.models.reference.agreement import agreement  # noqa: E402
from ttbench_core.models.reference.forward import reference_outputs  # noqa: E402
from ttbench_core.models.reference.stages import runs_in_torch  # noqa: E402

BACKEND = TorchBackend()


class Seeing(torch.nn.Module):
    """Calls a function when it runs, and gives its inputs on."""

    def __init__(self, look):
        super().__init__()
        self.look = look

    def __deepcopy__(self, memo):
        return self

    def forward(self, tensor):
        self.look(tensor)
        return tensor


def seen_in_reference(look, tensor=None):
    seen = []
    inputs = [torch.rand(2, 3) if tensor is None else tensor]
    reference_outputs(StagedModel(Stages(device=Seeing(lambda t: seen.append(look(t)))), inputs))
    return seen[0]


def network():
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5)
    )


def three_stages():
    stages = Stages(
        cpu_pre=torch.nn.LayerNorm(8),
        device=torch.nn.Linear(8, 8),
        cpu_post=torch.nn.Linear(8, 2),
        loss=torch.nn.MSELoss(),
    )
    return StagedModel(stages, [torch.rand(4, 8)], [torch.rand(4, 2)])


def session_of(model, **options):
    return BACKEND.compile(model, plan(RunOptions("m", device="cpu", **options), BACKEND))


def test_the_stages_run_in_order_without_the_loss():
    model = three_stages()
    stages = model.stages
    expected = stages.cpu_post(stages.device(stages.cpu_pre(*model.inputs)))
    (output,) = reference_outputs(model)
    torch.testing.assert_close(output, expected)


def test_modules_run_in_eval_mode_and_the_users_stay_in_training():
    module = network().train()
    model = StagedModel(Stages(device=module), [torch.rand(2, 3, 4, 4)])
    first, second = (reference_outputs(model)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert module.training
    assert int(module[1].num_batches_tracked) == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_modules_and_inputs_of_other_formats_are_brought_to_float32(dtype):
    module = torch.nn.Linear(4, 4).to(dtype)
    inputs = torch.rand(2, 4).to(dtype)
    (output,) = reference_outputs(StagedModel(Stages(device=module), [inputs]))
    assert output.dtype is torch.float32
    torch.testing.assert_close(output, torch.nn.Linear.forward(module.float(), inputs.float()))


def test_the_users_module_keeps_its_format():
    module = torch.nn.Linear(4, 4).to(torch.bfloat16)
    reference_outputs(StagedModel(Stages(device=module), [torch.rand(2, 4)]))
    assert module.weight.dtype is torch.bfloat16


def test_integers_stay_integers():
    assert seen_in_reference(lambda tensor: tensor.dtype, torch.arange(3)) is torch.int64


def test_a_stage_that_writes_into_its_input_leaves_the_models_inputs_alone():
    inputs = torch.tensor([[-1.0, 1.0]])
    model = StagedModel(Stages(device=torch.nn.ReLU(inplace=True)), [inputs])
    (output,) = reference_outputs(model)
    assert output.tolist() == [[0, 1]]
    assert inputs.tolist() == [[-1, 1]]


def test_products_are_in_full_float32_and_the_setting_is_restored():
    torch.set_float32_matmul_precision("medium")
    try:
        assert seen_in_reference(lambda _: torch.get_float32_matmul_precision()) == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_the_setting_is_restored_also_when_a_stage_raises():
    torch.set_float32_matmul_precision("high")
    try:
        with pytest.raises(RuntimeError, match="mat1 and mat2"):
            reference_outputs(StagedModel(Stages(device=torch.nn.Linear(3, 3)), [torch.rand(1, 2)]))
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_an_autocast_around_it_has_no_effect():
    model = StagedModel(Stages(device=torch.nn.Linear(4, 4)), [torch.rand(2, 4)])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (output,) = reference_outputs(model)
    assert output.dtype is torch.float32


def test_random_state_is_not_changed():
    before = torch.random.get_rng_state()
    seen_in_reference(lambda _: torch.rand(5), torch.ones(2))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_it_runs_in_inference_mode_also_inside_a_session():
    model = three_stages()
    with session_of(model) as session:
        session.push(model.inputs)
        outputs = session.pop()
        expected = reference_outputs(model)
    assert agreement(outputs, expected).relative_l2 == 0
    assert seen_in_reference(lambda _: torch.is_inference_mode_enabled())


def test_an_error_in_copying_names_the_module():
    module = torch.nn.Linear(4, 4)
    module.numbers = (number for number in range(3))
    with pytest.raises(TypeError, match="module Linear cannot be copied"):
        reference_outputs(StagedModel(Stages(device=module), [torch.rand(2, 4)]))


def test_models_of_torch_modules_run_in_torch():
    assert runs_in_torch(three_stages())
    assert runs_in_torch(three_stages(), training=True)


def test_a_function_and_a_generation_loop_do_not_run_in_torch():
    inputs = [torch.rand(1, 2)]
    assert not runs_in_torch(StagedModel(Stages(device=lambda tensor: tensor), inputs))
    looping = StagedModel(Stages(device=torch.nn.ReLU()), inputs, generation={"max_length": 3})
    assert not runs_in_torch(looping)


def test_a_function_as_loss_matters_in_training_alone():
    model = StagedModel(Stages(device=torch.nn.ReLU(), loss=torch.sum), [torch.rand(1, 2)])
    assert runs_in_torch(model)
    assert not runs_in_torch(model, training=True)


@pytest.mark.parametrize(
    ("options", "is_reference"),
    [
        ({}, True),
        ({"backend_opt_level": 0}, True),
        ({"math_fidelity": "HiFi4"}, True),
        ({"math_fidelity": "LoFi"}, False),
        ({"dataformat": "Fp16_b"}, False),
        ({"dataformat": "Bfp8"}, False),
        ({"training": True}, False),
    ],
)
def test_a_session_knows_whether_it_is_the_reference(options, is_reference):
    with session_of(three_stages(), **options) as session:
        assert session.is_reference is is_reference


@pytest.mark.slow
def test_a_compiled_session_is_not_the_reference():
    with session_of(three_stages(), backend_opt_level=2) as session:
        assert session.is_reference is False


def test_replicas_are_the_reference_where_all_are():
    sessions = [FakeSession(FakeClock(), is_reference=True), FakeSession(FakeClock())]
    assert ReplicatedSession(sessions[:1]).is_reference
    assert not ReplicatedSession(sessions).is_reference


def test_a_session_on_another_device_is_not_the_reference():
    from ttbench_core.backends.torch.facts import _is_reference

    options = plan(RunOptions("m", device="cpu"), BACKEND)
    assert _is_reference(options, torch.device("cpu"))
    assert not _is_reference(options, torch.device("cuda", 0))


def test_a_model_may_declare_its_minimum_pcc():
    model = StagedModel(Stages(device=torch.nn.ReLU()), [torch.rand(1)], pcc={"Bfp4": 0.9})
    assert isinstance(model, DeclaresAccuracy)
    assert model.pcc == {"Bfp4": 0.9}
    assert not isinstance(Device("cpu", 0, "", ""), DeclaresAccuracy)

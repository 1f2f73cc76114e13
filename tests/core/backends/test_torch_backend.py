"""The torch backend: what runs is what was asked, and the user's model stays as it is."""

from __future__ import annotations

import json

import pytest

import ttbench_core
from ttbench_core import (
    BenchmarkError,
    DataFormat,
    RequestError,
    RunOptions,
    StagedModel,
    Stages,
    benchmark_model,
)
from ttbench_core.backends.planning import plan
from ttbench_core.backends.protocol import Device
from ttbench_core.backends.torch.backend import TorchBackend
from ttbench_core.errors import SessionError, UnsupportedOptionError
from ttbench_core.testing import check_builder, check_session

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

BACKEND = TorchBackend()


class Spy(torch.nn.Module):
    """Records the dtype and the modes of each call."""

    def __init__(self, size=8):
        super().__init__()
        self.linear = torch.nn.Linear(size, size)
        self.seen = []

    def forward(self, inputs):
        self.seen.append((inputs.dtype, torch.is_inference_mode_enabled(), self.training))
        return self.linear(inputs)


def session_of(model, **options):
    return BACKEND.compile(model, plan(RunOptions("m", **options), BACKEND))


def one_stage(module=None, size=8):
    return StagedModel(Stages(device=module or Spy(size)), [torch.rand(4, size)])


def three_stages():
    stages = Stages(
        cpu_pre=torch.nn.LayerNorm(8),
        device=torch.nn.Linear(8, 8),
        cpu_post=torch.nn.Linear(8, 2),
        loss=torch.nn.MSELoss(),
    )
    return StagedModel(stages, [torch.rand(4, 8)], [torch.rand(4, 2)])


def outputs_of(model, **options):
    with session_of(model, **options) as session:
        session.push(model.inputs)
        return session.pop()


def test_a_single_stage_runs_without_a_queue():
    with session_of(one_stage()) as session:
        assert session.depth == 1
        check_session(session, one_stage().inputs)


def test_three_stages_overlap_and_give_the_outputs_of_a_sequential_run():
    model = three_stages()
    with session_of(model) as session:
        assert session.depth == 6
        check_session(session, model.inputs)
        session.push(model.inputs)
        (output,) = session.pop()
    stages = model.stages
    expected = stages.cpu_post(stages.device(stages.cpu_pre(*model.inputs)))
    torch.testing.assert_close(output, expected)


@pytest.mark.parametrize(
    ("data_format", "dtype"),
    [("Fp32", "float32"), ("Fp16_b", "bfloat16"), ("Fp16", "float16"), ("Bfp8_b", "float32")],
)
def test_a_format_is_computed_in_its_dtype_and_recorded(data_format, dtype):
    model = one_stage()
    with session_of(model, dataformat=data_format) as session:
        session.push(model.inputs)
        (output,) = session.pop()
        assert session.effective["dtype"] == dtype
        assert session.effective["emulated"] is data_format.startswith("Bfp")
    assert str(output.dtype) == f"torch.{dtype}"


def test_formats_with_more_bits_are_closer_to_fp32():
    model = one_stage(size=64)
    exact = outputs_of(model)[0]
    error = {
        name.value: (outputs_of(model, dataformat=name)[0].float() - exact).norm().item()
        for name in DataFormat
    }
    assert error["Fp32"] == 0
    assert 0 < error["Fp16"] < error["Fp16_b"] < error["Bfp4_b"]
    assert 0 < error["Bfp8_b"] < error["Bfp4_b"] / 5
    assert 0 < error["Bfp8"] < error["Bfp4"] / 5


def test_block_formats_change_weights_of_matmuls_and_nothing_else():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Flatten(), torch.nn.Linear(8, 4)
    )
    network[1].weight.data.uniform_(0.1, 0.2)
    model = StagedModel(Stages(device=network), [torch.rand(2, 3, 3, 3)])
    from ttbench_core.backends.torch.model_copies import copy_model

    options = plan(RunOptions("m", dataformat="Bfp4_b"), BACKEND)
    quantised = copy_model(model.stages, options, torch.device("cpu")).modules["device"]
    assert not torch.equal(quantised[0].weight, network[0].weight)
    assert not torch.equal(quantised[3].weight, network[3].weight)
    assert torch.equal(quantised[0].bias, network[0].bias)
    assert torch.equal(quantised[1].weight, network[1].weight)
    assert len(quantised[0].weight.unique()) < len(network[0].weight.unique())


@pytest.mark.parametrize(
    ("fidelity", "precision"),
    [("LoFi", "medium"), ("HiFi2", "high"), ("HiFi3", "highest"), ("HiFi4", "highest")],
)
def test_fidelity_sets_torchs_matmul_precision_until_the_session_is_closed(fidelity, precision):
    before = torch.get_float32_matmul_precision()
    with session_of(one_stage(), math_fidelity=fidelity) as session:
        assert torch.get_float32_matmul_precision() == precision
        assert session.effective["matmul_precision"] == precision
    assert torch.get_float32_matmul_precision() == before


def test_global_settings_are_restored_when_compiling_fails():
    before = torch.get_float32_matmul_precision()
    bad = one_stage(torch.nn.Linear(8, 8))
    bad.stages.device.register_buffer("lock", None)
    bad.stages.device.lock_holder = (number for number in range(3))  # cannot be copied
    with pytest.raises(TypeError, match="module Linear cannot be copied"):
        session_of(bad, math_fidelity="LoFi")
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"dataformat": "Bfp8"}, "Bfp8 is emulated: .* the speed is not the format's"),
        ({"dataformat": "Fp16"}, "float16 on a CPU can be hundreds of times slower"),
        ({"dataformat": "Fp16_b", "math_fidelity": "LoFi"}, "changes float32 products only"),
    ],
)
def test_what_a_reader_must_know_is_noted(options, note):
    import re

    with session_of(one_stage(), **options) as session:
        assert re.search(note, " ".join(session.notes))


def test_a_block_format_that_changes_nothing_is_noted():
    with session_of(one_stage(torch.nn.LayerNorm(8)), dataformat="Bfp4") as session:
        assert session.notes == (
            "Bfp4 changes nothing here: the device stage has no weights to quantise",
        )
        assert session.effective["quantised_weights"] == 0


def test_weights_that_a_block_format_cannot_quantise_are_noted():
    computed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(8, 8))
    network = torch.nn.Sequential(torch.nn.Linear(8, 8), computed)
    with session_of(one_stage(network), dataformat="Bfp4") as session:
        assert session.effective["quantised_weights"] == 1
        assert "layers that compute them at each call: 1" in session.notes[1]


@pytest.mark.parametrize("data_format", ["Fp32", "Fp16_b"])
def test_float64_inputs_are_converted_to_the_format(data_format):
    model = StagedModel(
        Stages(cpu_pre=torch.nn.Linear(8, 8).double(), device=Spy()),
        [torch.rand(4, 8, dtype=torch.float64)],
    )
    assert outputs_of(model, dataformat=data_format)[0].shape == (4, 8)


def test_fidelity_sets_the_precision_of_convolutions_too():
    before = torch.backends.cudnn.allow_tf32
    for fidelity, rounds in (("LoFi", True), ("HiFi4", False)):
        with session_of(one_stage(), math_fidelity=fidelity):
            assert torch.backends.cudnn.allow_tf32 is rounds
    assert torch.backends.cudnn.allow_tf32 is before


def test_plain_fp32_needs_no_note():
    with session_of(one_stage()) as session:
        assert session.notes == ()


def test_inference_runs_in_inference_mode_with_modules_in_eval():
    spy = Spy()
    spy.train()
    seen = spy.seen
    spy.__deepcopy__ = lambda memo: spy  # so that the copy's calls can be seen here
    outputs_of(one_stage(spy))
    assert seen == [(torch.float32, True, False)]


@pytest.mark.parametrize("model", [one_stage(), three_stages()])
def test_every_stage_runs_in_inference_mode_and_the_caller_leaves_it(model):
    with session_of(model) as session:
        session.push(model.inputs)
        (output,) = session.pop()
    assert output.is_inference()
    assert not torch.is_inference_mode_enabled()


def test_parameters_of_copies_are_not_inference_tensors():
    from ttbench_core.backends.torch.model_copies import copy_model

    options = plan(RunOptions("m"), BACKEND)
    copied = copy_model(one_stage().stages, options, torch.device("cpu"))
    assert not any(p.is_inference() for p in copied.modules["device"].parameters())


def test_the_users_module_is_left_as_it_was():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    module.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    model = StagedModel(
        Stages(device=module, loss=torch.nn.MSELoss()),
        [torch.rand(2, 3, 8, 8)],
        [torch.rand(2, 4, 8, 8)],
    )
    for options in ({"dataformat": "Bfp4"}, {"dataformat": "Fp16_b"}, {"training": True}):
        outputs_of(model, **options)
    assert module.training
    assert all(p.dtype is torch.float32 and p.grad is None for p in module.parameters())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert module[0].weight.is_contiguous()


def test_copies_share_memory_where_nothing_is_converted():
    from ttbench_core.models.reference.copies import private_copy

    module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    module[1].weight = module[0].weight
    copy = private_copy(module)
    assert copy[0].weight is copy[1].weight
    assert copy[0].weight is not module[0].weight
    assert copy[0].weight.data_ptr() == module[0].weight.data_ptr()


@pytest.mark.parametrize(("level", "channels_last"), [(0, False), (1, True)])
def test_level_1_converts_convolutions_to_channels_last(level, channels_last):
    from ttbench_core.backends.torch.model_copies import copy_model

    convolution = Stages(device=torch.nn.Conv2d(3, 8, 3))
    options = plan(RunOptions("m", backend_opt_level=level), BACKEND)
    weight = copy_model(convolution, options, torch.device("cpu")).modules["device"].weight
    assert weight.is_contiguous(memory_format=torch.channels_last) is channels_last


@pytest.mark.slow
def test_level_2_compiles_before_the_first_call_and_computes_the_same():
    model = three_stages()
    with session_of(model, backend_opt_level=2) as session:
        assert session.effective["compiled"] is True
        session.push(model.inputs)
        (output,) = session.pop()
    torch.testing.assert_close(output, outputs_of(model)[0])


@pytest.mark.slow
def test_level_2_compiles_again_in_every_run_of_a_process():
    from torch._dynamo.utils import counters

    compiled = []
    for size in range(4, 15):  # more runs than torch's limit of recompilations
        counters.clear()
        outputs_of(one_stage(torch.nn.Linear(size, size), size), backend_opt_level=2)
        compiled.append(counters["stats"]["unique_graphs"])
    assert compiled == [2] * len(compiled)  # cold and warm


def test_training_gives_the_loss_and_every_input_the_same():
    model = three_stages()
    with session_of(model, training=True) as session:
        assert session.depth == 1
        losses = []
        for _ in range(3):
            session.push(model.inputs)
            losses.append(session.pop()[0].item())
    stages = model.stages
    output = stages.cpu_post(stages.device(stages.cpu_pre(*model.inputs)))
    expected = stages.loss(output, *model.targets).item()
    assert losses == pytest.approx([expected] * 3)


def test_training_runs_backward_through_every_stage():
    gradients = []

    class Hooked(torch.nn.Linear):
        def forward(self, inputs):
            output = super().forward(inputs)
            output.register_hook(lambda grad: gradients.append(grad.shape))
            return output

    stages = Stages(cpu_pre=Hooked(8, 8), device=Hooked(8, 4), loss=torch.nn.MSELoss())
    model = StagedModel(stages, [torch.rand(2, 8)], [torch.rand(2, 4)])
    outputs_of(model, training=True)
    assert gradients == [torch.Size([2, 4]), torch.Size([2, 8])]


@pytest.mark.parametrize("data_format", ["Fp16_b", "Bfp8_b"])
def test_training_works_in_other_formats(data_format):
    (loss,) = outputs_of(three_stages(), training=True, dataformat=data_format)
    assert torch.isfinite(loss)


def test_several_devices_each_run_a_copy(monkeypatch):
    two = [Device("cpu", index, "half a CPU", "x86_64") for index in range(2)]
    monkeypatch.setattr(BACKEND.__class__, "devices", lambda self: two)
    model = one_stage()
    with session_of(model, chips=0, math_fidelity="LoFi") as session:
        assert session.depth == 2
        check_session(session, model.inputs)
    assert torch.get_float32_matmul_precision() == "highest"


def test_training_on_several_devices_is_refused(monkeypatch):
    with pytest.raises(UnsupportedOptionError, match="training on several chips"):
        plan(RunOptions("m", training=True, chips=2), BACKEND)


def test_all_chips_may_train_where_all_are_one():
    assert len(plan(RunOptions("m", training=True, chips=0), BACKEND).devices) == 1


def test_a_module_is_no_builder():
    with pytest.raises(RequestError, match="is a module, not a builder: give a function"):
        ttbench_core.run(torch.nn.Linear(4, 4))


def test_a_module_of_another_engine_is_refused_by_name():
    with pytest.raises(UnsupportedOptionError, match="stage device is a function of builtins"):
        session_of(one_stage(lambda tensor: tensor))


def test_a_generative_model_is_refused():
    model = StagedModel(Stages(device=Spy()), [torch.rand(1, 8)], generation={"max_length": 4})
    with pytest.raises(UnsupportedOptionError, match="this model's loop is another .max_length."):
        session_of(model)


def test_outputs_of_any_usual_shape_are_read():
    from ttbench_core.models.reference.outputs import as_tensors

    one, two = torch.zeros(1), torch.ones(1)
    assert as_tensors(one) == (one,)
    assert as_tensors({"a": one, "b": None, "c": [two]}) == (one, two)
    assert as_tensors(((one, [two]), None)) == (one, two)
    with pytest.raises(TypeError, match="returned dict without a tensor"):
        as_tensors({})


def test_an_error_of_a_stage_reaches_the_user_as_a_failed_record(tmp_path):
    def broken(training):
        return [torch.nn.Linear(3, 3)], [torch.rand(2, 5)]

    with pytest.raises(BenchmarkError, match="failed in first_call: RuntimeError: mat1 and mat2"):
        ttbench_core.run(broken, output=tmp_path / "perf.json")
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["samples_per_sec"] is None
    assert record["model"]["parameters"] == 12


def test_the_seed_makes_weights_and_inputs_repeat_and_leaves_torchs_own_alone():
    drawn = []

    @benchmark_model
    def model(training):
        module, inputs = torch.nn.Linear(4, 4), torch.rand(2, 4)
        drawn.append((module.weight.sum().item(), inputs.sum().item()))
        return [module], [inputs]

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    for seed in (1, 1, 2):
        ttbench_core.run(model, seed=seed, passes=1, loop_count=1)
    assert drawn[0] == drawn[1] != drawn[2]
    assert torch.equal(torch.rand(1), expected)


def test_dropout_in_training_repeats_for_a_seed():
    losses = []

    class Kept(torch.nn.MSELoss):
        def forward(self, output, target):
            loss = super().forward(output, target)
            losses.append(loss.item())
            return loss

    def model(training):
        network = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.5))
        stages = Stages(device=network, loss=Kept())
        return StagedModel(stages, [torch.rand(4, 8)], [torch.rand(4, 8)])

    Kept.__deepcopy__ = lambda self, memo: self
    state = torch.random.get_rng_state()
    for _ in range(2):
        ttbench_core.run(model, training=True, seed=3, passes=1, warmup=3, loop_count=2)
    half = len(losses) // 2
    assert losses[:half] == losses[half:]
    assert len(set(losses)) > 1
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_lazy_model_is_a_failed_run_that_says_what_to_do():
    def lazy(training):
        return [torch.nn.LazyLinear(4)], [torch.rand(2, 4)]

    with pytest.raises(BenchmarkError, match="uninitialized parameter.*dummy batch") as failed:
        ttbench_core.run(lazy)
    assert failed.value.result.model["parameters"] is None


def test_memory_is_recorded_before_a_trace_uses_any(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []

    def model(training):
        return [torch.nn.Linear(4, 4)], [torch.rand(2, 4)]

    from ttbench_core.running.recording import Recording

    for name in ("record_peak_memory", "add_trace"):
        real = getattr(Recording, name)
        monkeypatch.setattr(
            Recording, name, lambda self, *rest, n=name, r=real: (seen.append(n), r(self, *rest))
        )
    ttbench_core.run(model, trace="light", passes=1)
    assert seen == ["record_peak_memory", "add_trace"]


def test_a_trace_is_a_table_of_operators_and_a_timeline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def model(training):
        return [torch.nn.Linear(4, 4)], [torch.rand(2, 4)]

    light = ttbench_core.run(model, trace="light", passes=1)
    assert "aten::linear" in (tmp_path / light.trace["files"][0]).read_text()
    assert len(light.trace["files"]) == 1
    verbose = ttbench_core.run(model, trace="verbose", passes=1)
    timeline = json.loads((tmp_path / verbose.trace["files"][1]).read_text())
    assert timeline["traceEvents"]
    assert len(verbose.passes[0]["pop_ns"]) == 5


def test_a_session_refuses_misuse():
    model = one_stage()
    with session_of(model) as session:
        with pytest.raises(SessionError, match="nothing is in flight"):
            session.pop()
        session.push(model.inputs)
        with pytest.raises(SessionError, match="1 input is in flight already"):
            session.push(model.inputs)


def test_check_builder_refuses_a_model_that_a_run_refuses(fake_engine):
    @benchmark_model
    def generating(training):
        loop = {"max_length": 4, "prompt_length": 2}
        module = torch.nn.Linear(4, 4)
        return StagedModel(Stages(device=module), [torch.rand(2, 4)], generation=loop)

    with pytest.raises(UnsupportedOptionError, match="'fake' has no generation"):
        check_builder(generating, backend="fake")


def test_check_builder_runs_on_the_backend_that_has_the_device(fake_engine):
    from ttbench_fake_engine import plain

    with pytest.raises(UnsupportedOptionError, match="'fake' has no math fidelity LoFi"):
        check_builder(plain, device="fake", math_fidelity="LoFi")


def test_check_builder_accepts_a_good_builder_and_refuses_a_bad_one():
    @benchmark_model(configs=["a", "b"])
    def good(training, config, microbatch=3):
        return [torch.nn.Linear(4, 4)], [torch.rand(microbatch, 4)]

    @benchmark_model
    def bad(training):
        return [torch.nn.Linear(4, 4)], torch.rand(2, 4)

    assert set(check_builder(good, microbatch=2)) == {"a", "b"}
    assert set(check_builder(good, config="b")) == {"b"}
    with pytest.raises(RequestError, match="inputs are a Tensor, not a list"):
        check_builder(bad)

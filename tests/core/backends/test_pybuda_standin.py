"""The stand-in for PyBuda: it has the recorded contract, and behaves as recorded."""

from __future__ import annotations

import contextlib
import enum
import importlib
import importlib.metadata
import inspect
import json
import os
import queue
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

PACK = Path(__file__).parents[2] / "packs" / "pybuda"
CONTRACT = json.loads((PACK / "contract.json").read_text())
KINDS = {"p": 0, "pk": 1, "*": 2, "k": 3, "**": 4}


@contextlib.contextmanager
def refused(pybuda: Any, text: str) -> Iterator[None]:
    """Expect the stand-in to refuse."""
    with pytest.raises(AssertionError, match=text):
        yield
    assert pybuda.standin.violations
    pybuda.standin.violations.clear()


class Double(torch.nn.Module):
    def forward(self, *tensors):
        return tuple(2 * tensor for tensor in tensors)


class Describe(torch.nn.Module):
    def forward(self, tensor):
        return {"a": tensor, "b": [tensor + 1, None]}


class Encoder(torch.nn.Module):
    def forward(self, ids, mask):
        return torch.ones(ids.shape[0], 4, 8) * mask.sum()


class Decoder(torch.nn.Module):
    """Counts in its past tensor how often it was called."""

    def forward(self, ids, mask, state, state_mask, past):
        return torch.nn.functional.one_hot(ids.long(), 40).float() + past.sum(), past + 1


ROW = torch.arange(8.0).reshape(4, 2)


def start(pybuda, module=None, inputs=(ROW,), *, post=None, **options):
    """Make a TTDevice, perhaps with a CPUDevice after it, and compile."""
    device = pybuda.TTDevice("tt0", module=pybuda.PyTorchModule("m", module or Double()))
    if post is not None:
        pybuda.CPUDevice("cpu-post", module=pybuda.PyTorchModule("post", post))
    given = {"training": False, "sample_inputs": inputs, **options}
    return device, pybuda.initialize_pipeline(**given)


def start_training(pybuda, **options):
    """A pipeline of a linear layer on the device and the loss after it on the host."""
    sgd = pybuda.optimizers.SGD(0.5, device_params=True)
    model = pybuda.PyTorchModule("m", torch.nn.Linear(2, 1))
    device = pybuda.TTDevice("tt0", module=model, optimizer=sgd)
    post = pybuda.CPUDevice("post", module=pybuda.PyTorchModule("same", torch.nn.Identity()))
    post.place_loss_module(pybuda.PyTorchModule("loss", torch.nn.L1Loss()))
    pybuda.initialize_pipeline(
        training=True, sample_inputs=(ROW,), sample_targets=(torch.zeros(4, 1),), **options
    )
    return device, post


def push_step(device, post):
    device.push_to_inputs(ROW)
    post.push_to_target_inputs(torch.zeros(4, 1))


def until(condition):
    """Wait for what another thread does."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def value_of(pybuda, text):
    names = {"DataFormat": pybuda.DataFormat, "DeviceMode": pybuda._C.DeviceMode, "os": os}
    return eval(text, names)  # noqa: S307


def parameters_of(callable_):
    return [
        (it.name, int(it.kind), it.default)
        for it in inspect.signature(callable_).parameters.values()
    ]


def recorded(pybuda, params, *first):
    entries = [(name, 1, inspect.Parameter.empty) for name in first]
    for name, kind, default in params:
        required = default == "<required>" or "*" in kind
        value = inspect.Parameter.empty if required else value_of(pybuda, default)
        entries.append((name, KINDS[kind], value))
    return entries


def find(name):
    """Import what a dotted name of the contract means."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found = importlib.import_module(".".join(parts[:length]))
            for part in parts[length:]:
                found = getattr(found, part)
            return found
    raise AssertionError(name)


# ----- the contract ---------------------------------------------------------------------------


def test_the_contract_names_its_source_and_commit():
    assert CONTRACT["source"]["repository"] == "github.com/tenstorrent/tt-buda"
    assert len(CONTRACT["source"]["commit"]) == 40


def test_every_name_of_the_top_level_exists(fake_pybuda):
    for name in CONTRACT["top_level_names"]:
        assert hasattr(fake_pybuda, name.removeprefix("pybuda.")), name


def test_every_function_has_its_recorded_signature(fake_pybuda):
    for name, entry in CONTRACT["functions"].items():
        assert parameters_of(find(name)) == recorded(fake_pybuda, entry["params"]), name


@pytest.mark.parametrize("owner", CONTRACT["classes"])
def test_every_method_has_its_recorded_kind_and_signature(fake_pybuda, owner):
    kinds = {"classmethod": classmethod, "staticmethod": staticmethod, "property": property}
    for method, entry in CONTRACT["classes"][owner]["methods"].items():
        kind = entry["kind"]
        found = inspect.getattr_static(find(owner), method)
        if kind in kinds:
            assert type(found) is kinds[kind], method
        if kind != "property":
            first = {"staticmethod": [], "classmethod": ["cls"]}.get(kind, ["self"])
            bare = getattr(found, "__func__", found)
            wanted = recorded(fake_pybuda, entry["params"], *first)
            assert parameters_of(bare) == wanted, method


def test_every_class_has_its_recorded_bases(fake_pybuda):
    for name, entry in CONTRACT["classes"].items():
        bases = {base.__name__ for base in find(name).__mro__[1:]}
        assert set(entry["bases"]) - {"TensorBase"} <= bases, name


def test_every_enum_has_its_recorded_members_and_methods(fake_pybuda):
    for name, entry in CONTRACT["enums"].items():
        found = find(name)
        assert issubclass(found, enum.Enum)
        assert [member.name for member in found] == entry["members"]
        for text_of in entry.get("values", {}).items():
            assert found[text_of[0]].value == value_of(fake_pybuda, text_of[1])
        for method in [*entry.get("methods", []), *entry.get("static_methods", [])]:
            assert callable(getattr(found, method)), (name, method)


def test_every_dataclass_has_its_recorded_fields(fake_pybuda):
    for name, entries in CONTRACT["dataclass_fields"].items():
        wanted = [field for field, _, _ in entries if field != "TTI_VERSION"]
        assert list(find(name).__dataclass_fields__) == wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backend_opt_level", 4),
        ("balancer_policy", "default"),
        ("cpu_fallback_ops", {"embedding"}),
        ("enable_auto_transposing_placement", False),
        ("enable_tvm_cpu_fallback", True),
    ],
)
def test_the_compiler_configuration_has_the_recorded_defaults(fake_pybuda, name, value):
    assert getattr(fake_pybuda.CompilerConfig(), name) == value


def test_a_wrong_keyword_is_a_type_error(fake_pybuda):
    with pytest.raises(TypeError, match="pybuda.TTDevice.__init__.*'chips'"):
        fake_pybuda.TTDevice("tt0", chips=1)
    with pytest.raises(TypeError, match="pybuda.run_forward"):
        fake_pybuda.run_forward(count=1)


def test_a_wrong_name_is_an_attribute_error(fake_pybuda):
    owners = [fake_pybuda, fake_pybuda.config, fake_pybuda.DataFormat, fake_pybuda.op]
    for owner in owners:
        with pytest.raises(AttributeError):
            _ = owner.Bfp16
    with pytest.raises(AttributeError, match="no 'balancer'"):
        fake_pybuda.config._get_global_compiler_config().balancer = "Ribbon"


def test_a_function_that_is_not_implemented_raises_and_checks_its_arguments(fake_pybuda):
    with pytest.raises(NotImplementedError, match="pybuda.run_inference exists"):
        fake_pybuda.run_inference()
    with pytest.raises(TypeError, match="pybuda.run_inference"):
        fake_pybuda.run_inference(wrong=1)


def test_every_call_is_recorded_with_all_its_arguments(fake_pybuda):
    fake_pybuda.set_configuration_options(backend_opt_level=2)
    (call,) = fake_pybuda.standin.calls
    assert call.name == "pybuda.config.set_configuration_options"
    assert call.arguments["backend_opt_level"] == 2
    assert call.arguments["balancer_policy"] is None


def test_the_installed_version_names_the_family_of_the_wheel(fake_pybuda):
    assert importlib.metadata.version("pybuda") == "0.1.240909+dev.wh_b0.88bf527"


# ----- what comes out -------------------------------------------------------------------------


def test_a_ttdevice_at_the_end_yields_a_list_of_its_own_tensors(fake_pybuda):
    device, outputs = start(fake_pybuda)
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward()
    item = outputs.get(timeout=10)
    assert type(item) is list
    assert isinstance(item[0], fake_pybuda.Tensor)
    assert torch.equal(item[0].value(), 2 * ROW)
    assert torch.equal(item[0].to_pytorch(), 2 * ROW)


def test_a_cpudevice_at_the_end_yields_a_tuple_of_its_own_tensors(fake_pybuda):
    device, outputs = start(fake_pybuda, post=torch.nn.Identity())
    device.push_to_inputs((ROW,))
    fake_pybuda.run_forward()
    item = outputs.get(timeout=10)
    assert type(item) is tuple
    assert torch.equal(item[0].value(), 2 * ROW)


def test_one_item_comes_for_each_pushed_microbatch_in_order(fake_pybuda):
    device, outputs = start(fake_pybuda)
    for number in range(5):
        device.push_to_inputs(ROW + number)
    fake_pybuda.run_forward(input_count=5)
    for number in range(5):
        assert torch.equal(outputs.get(timeout=10)[0].value(), 2 * (ROW + number))


def test_outputs_come_after_run_forward_returned_and_inputs_may_too(fake_pybuda):
    device, outputs = start(fake_pybuda)
    fake_pybuda.standin.configure(delay_s=0.2)
    fake_pybuda.run_forward(input_count=1)
    device.push_to_inputs(ROW)
    with pytest.raises(queue.Empty):
        outputs.get_nowait()
    assert outputs.get(timeout=10)


@pytest.mark.parametrize("how", ["argument", "environment", "golden"])
def test_sequential_mode_has_the_outputs_when_run_forward_returns(fake_pybuda, how, monkeypatch):
    pybuda, asked = fake_pybuda, how == "argument"
    if how == "environment":
        os.environ["PYBUDA_FORCE_SEQUENTIAL"] = "0"  # present is enough
    golden = pybuda.BackendType.Golden if how == "golden" else None
    model = pybuda.PyTorchModule("m", Double())
    device = pybuda.TTDevice("tt0", module=model, devtype=golden)
    outputs = pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,), _sequential=asked)
    device.push_to_inputs(ROW)
    pybuda.run_forward(_sequential=asked)
    assert torch.equal(outputs.get_nowait()[0].value(), 2 * ROW)
    pybuda.shutdown()


def test_a_sequential_run_of_more_than_was_pushed_is_refused(fake_pybuda):
    device, _ = start(fake_pybuda, _sequential=True)
    device.push_to_inputs(ROW)
    with refused(fake_pybuda, "run_forward\\(\\) of 2 would wait for ever: 1 inputs"):
        fake_pybuda.run_forward(input_count=2, _sequential=True)


def test_structured_outputs_of_the_device_come_flat(fake_pybuda):
    device, outputs = start(fake_pybuda, Describe())
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward()
    first, second = outputs.get(timeout=10)
    assert torch.equal(first.value() + 1, second.value())


def test_a_module_on_the_host_must_return_a_tensor_or_a_tuple(fake_pybuda):
    with pytest.raises(AttributeError):
        start(fake_pybuda, torch.nn.Identity(), post=Describe())


def test_the_device_computes_in_float32_with_the_weights_of_compile_time(fake_pybuda):
    linear = torch.nn.Linear(2, 2).to(torch.bfloat16)
    wanted = linear.float()(ROW)
    device, outputs = start(fake_pybuda, linear)
    torch.nn.init.zeros_(linear.weight)
    device.push_to_inputs(ROW.to(torch.bfloat16))
    fake_pybuda.run_forward()
    assert torch.equal(outputs.get(timeout=10)[0].value(), wanted)


def test_a_dict_of_inputs_goes_by_name(fake_pybuda):
    device, outputs = start(fake_pybuda, torch.nn.Linear(2, 1), inputs={"input": ROW})
    device.push_to_inputs({"input": ROW})
    fake_pybuda.run_forward()
    assert outputs.get(timeout=10)[0].shape == (4, 1)


def test_n300_data_parallel_gives_all_outputs_of_one_chip_then_those_of_the_other(fake_pybuda):
    os.environ["PYBUDA_N300_DATA_PARALLEL"] = "1"
    device, outputs = start(fake_pybuda, Describe())
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward()
    halves = [tensor.value() for tensor in outputs.get(timeout=10)]
    expected = [ROW[:2], ROW[:2] + 1, ROW[2:], ROW[2:] + 1]
    assert all(torch.equal(mine, right) for mine, right in zip(halves, expected, strict=True))


def test_wrapping_rewrites_the_users_module_in_place(fake_pybuda):
    module = Double()
    wrapped = fake_pybuda.PyTorchModule("m", module)
    assert module.forward == wrapped.forward
    assert torch.equal(module.original_forward(ROW)[0], module(ROW)[0])
    fake_pybuda.PyTorchModule("again", module)
    with pytest.raises(RecursionError):
        module(ROW)


def test_wrapping_with_redirect_off_leaves_the_module_alone(fake_pybuda):
    module = Double()
    fake_pybuda.PyTorchModule("m", module, redirect_forward=False)
    assert not hasattr(module, "original_forward")


def test_what_is_no_torch_module_is_not_wrapped(fake_pybuda):
    with pytest.raises(RuntimeError, match="Pytorch module expected"):
        fake_pybuda.PyTorchModule("m", len)


# ----- the order of calls ---------------------------------------------------------------------


def test_running_before_initializing_is_a_runtime_error(fake_pybuda):
    fake_pybuda.TTDevice("tt0")
    with pytest.raises(RuntimeError, match="without initializing the pipeline"):
        fake_pybuda.run_forward()


def test_other_runs_before_initializing_are_refused(fake_pybuda):
    fake_pybuda.TTDevice("tt0")
    with refused(fake_pybuda, "run_backward\\(\\) comes before initialize_pipeline"):
        fake_pybuda.run_backward()


def test_without_devices_nothing_happens(fake_pybuda):
    assert fake_pybuda.initialize_pipeline(training=False) is None
    assert fake_pybuda.run_forward() is None
    assert fake_pybuda.get_loss_queue() is None


def test_the_batch_of_the_first_push_holds(fake_pybuda):
    device = fake_pybuda.TTDevice("tt0")
    device.push_to_inputs(ROW)
    with pytest.raises(RuntimeError, match="Batch size mismatch"):
        device.push_to_inputs(ROW[:2])


def test_inputs_must_share_their_batch_or_have_one_row(fake_pybuda):
    start(fake_pybuda, inputs=(ROW, ROW[:1]))
    fake_pybuda.shutdown()
    fake_pybuda.pybuda_reset()
    with pytest.raises(RuntimeError, match="Microbatch size"):
        start(fake_pybuda, inputs=(ROW, ROW[:2]))


def test_inputs_of_another_shape_than_compiled_end_in_the_error_flag(fake_pybuda):
    device, _ = start(fake_pybuda)
    device.push_to_inputs(torch.rand(4, 3))
    fake_pybuda.run_forward()
    until(fake_pybuda.error_raised)


def test_without_samples_the_first_push_is_compiled_for(fake_pybuda):
    device = fake_pybuda.TTDevice("tt0", module=fake_pybuda.PyTorchModule("m", Double()))
    with pytest.raises(RuntimeError, match="Inputs must be pushed"):
        fake_pybuda.initialize_pipeline(training=False)
    device.push_to_inputs(ROW)
    outputs = fake_pybuda.initialize_pipeline(training=False)
    fake_pybuda.run_forward()
    assert outputs.get(timeout=10)


def test_inputs_are_pushed_to_the_first_device_only(fake_pybuda):
    fake_pybuda.TTDevice("tt0")
    second = fake_pybuda.CPUDevice("post")
    with refused(fake_pybuda, "not the first device"):
        second.push_to_inputs(ROW)


def test_devices_work_in_the_order_they_were_made_or_set(fake_pybuda):
    add = fake_pybuda.PyTorchModule("add", torch.nn.LayerNorm(2))
    last = fake_pybuda.CPUDevice("post", module=add)
    first = fake_pybuda.TTDevice("tt0", module=fake_pybuda.PyTorchModule("m", Double()))
    fake_pybuda.set_device_pipeline([first, last])
    outputs = fake_pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,))
    first.push_to_inputs(ROW)
    fake_pybuda.run_forward()
    assert type(outputs.get(timeout=10)) is tuple


def test_configuring_after_compiling_is_refused(fake_pybuda):
    start(fake_pybuda)
    config = fake_pybuda.config._get_global_compiler_config()
    with refused(fake_pybuda, "set_configuration_options is called after"):
        fake_pybuda.set_configuration_options(backend_opt_level=1)
    with refused(fake_pybuda, "balancer_policy after the pipeline was compiled"):
        config.balancer_policy = "Ribbon"
    with refused(fake_pybuda, "after the pipeline was compiled"):
        config.enable_amp_light()


def test_initializing_a_running_pipeline_again_is_refused(fake_pybuda):
    start(fake_pybuda)
    with refused(fake_pybuda, "a pipeline is alive"):
        fake_pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,))


def test_shut_down_devices_are_not_initialized_again_without_a_reset(fake_pybuda):
    start(fake_pybuda)
    fake_pybuda.shutdown()
    with refused(fake_pybuda, "pybuda_reset\\(\\) and make new ones"):
        fake_pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,))
    fake_pybuda.pybuda_reset()
    start(fake_pybuda)


def test_a_reset_before_the_shutdown_is_refused(fake_pybuda):
    start(fake_pybuda)
    with refused(fake_pybuda, "leaves processes behind"):
        fake_pybuda.pybuda_reset()


def test_a_reset_forgets_devices_and_configuration(fake_pybuda):
    fake_pybuda.TTDevice("tt0")
    fake_pybuda.set_configuration_options(backend_opt_level=0)
    fake_pybuda.pybuda_reset()
    assert fake_pybuda.get_tenstorrent_device() is None
    assert fake_pybuda.config._get_global_compiler_config().backend_opt_level == 4


def test_shutting_down_with_more_asked_for_than_pushed_is_refused(fake_pybuda):
    fake_pybuda.standin.configure(grace_s=0.1)
    device, _ = start(fake_pybuda)
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward(input_count=2)
    with refused(
        fake_pybuda, "shutdown\\(\\) would wait for ever: 2 inputs were asked for, 1 came"
    ):
        fake_pybuda.shutdown()


def test_sync_waits_until_everything_pushed_is_done(fake_pybuda):
    device, outputs = start(fake_pybuda)
    fake_pybuda.standin.configure(delay_s=0.02)
    for _ in range(3):
        device.push_to_inputs(ROW)
    fake_pybuda.run_forward(input_count=3)
    fake_pybuda.sync()
    assert outputs.qsize() == 3


def test_a_refusal_that_the_caller_swallows_is_kept(fake_pybuda):
    fake_pybuda.TTDevice("tt0")
    with contextlib.suppress(AssertionError):
        fake_pybuda.run_schedulers()
    (kept,) = fake_pybuda.standin.violations
    assert kept == "run_schedulers() comes before initialize_pipeline()"
    fake_pybuda.standin.violations.clear()


def test_a_run_must_be_as_sequential_as_the_pipeline(fake_pybuda):
    start(fake_pybuda, _sequential=True)
    with refused(fake_pybuda, "differ in being sequential"):
        fake_pybuda.run_forward(input_count=0)


def test_the_suffix_of_graphs_goes_before_the_names_of_modules(fake_pybuda):
    os.environ["PYBUDA_GRAPH_NAME_SUFFIX"] = "v2"
    assert fake_pybuda.PyTorchModule("m", Double()).get_name() == "v2_m"


def test_wrappers_of_whole_runs_fail_as_recorded(fake_pybuda):
    with pytest.raises(RuntimeError, match="loop indices at 0"):
        fake_pybuda.run_training(steps=0)
    with pytest.raises(NameError):
        fake_pybuda.run_generative_inference()


def test_names_of_modules_are_unique_on_a_device(fake_pybuda):
    device = fake_pybuda.TTDevice("tt0", module=fake_pybuda.PyTorchModule("m", Double()))
    with pytest.raises(RuntimeError, match="unique"):
        device.place_module(fake_pybuda.PyTorchModule("m", Double()))


def test_only_modules_of_the_right_class_are_placed(fake_pybuda):
    with pytest.raises(RuntimeError, match="Only PyBuda modules"):
        fake_pybuda.TTDevice("tt0").place_module(Double())
    with pytest.raises(RuntimeError, match="Only PyTorch and TensorFlow"):
        fake_pybuda.CPUDevice("post").place_module(fake_pybuda.PyBudaModule("m"))


# ----- cards, devices, enums ------------------------------------------------------------------


def test_detected_cards_are_a_list_of_enums(fake_pybuda):
    fake_pybuda.standin.configure(cards=["Grayskull", "Grayskull"])
    assert fake_pybuda.detect_available_devices() == [fake_pybuda.BackendDevice.Grayskull] * 2
    fake_pybuda.standin.configure(cards=[])
    assert fake_pybuda.detect_available_devices() == []


def test_an_emulated_card_is_detected_and_cannot_run(fake_pybuda):
    fake_pybuda.standin.configure(cards=[])
    os.environ.update(PYBUDA_EMULATE_SILICON_DEVICE="1", GOLDEN_WORMHOLE_B0="1")
    assert fake_pybuda.detect_available_devices() == [fake_pybuda.BackendDevice.Wormhole_B0]
    with pytest.raises(RuntimeError, match="No Tenstorrent devices present."):
        start(fake_pybuda)


def test_a_declared_arch_must_be_the_detected_one(fake_pybuda):
    grayskull = fake_pybuda.BackendDevice.Grayskull
    model = fake_pybuda.PyTorchModule("m", Double())
    fake_pybuda.TTDevice("tt0", module=model, arch=grayskull)
    with pytest.raises(AssertionError, match="Grayskull"):
        fake_pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,))


def test_chips_and_their_ids_must_agree(fake_pybuda):
    assert fake_pybuda.TTDevice("a").chip_ids == [0]
    assert fake_pybuda.TTDevice("b", num_chips=2).chip_ids == [0, 1]
    assert fake_pybuda.TTDevice("c", chip_ids=[3, 5]).num_chips == 2
    with pytest.raises(AssertionError):
        fake_pybuda.TTDevice("d", num_chips=1, chip_ids=[3, 5])


def test_no_chips_mean_every_card_once_compiled(fake_pybuda):
    fake_pybuda.standin.configure(cards=["Wormhole_B0"] * 3)
    model = fake_pybuda.PyTorchModule("m", Double())
    device = fake_pybuda.TTDevice("tt0", num_chips=0, module=model)
    fake_pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,))
    assert device.chip_ids == [0, 1, 2]


def test_developers_get_golden_devices_by_default(fake_pybuda):
    os.environ.update(PYBUDA_DEVMODE="1", PYBUDA_GOLDEN_BLACKHOLE="1")
    device = fake_pybuda.TTDevice("tt0")
    assert device.devtype is fake_pybuda.BackendType.Golden
    assert device.arch is fake_pybuda.BackendDevice.Blackhole


def test_a_device_for_graphics_processors_is_one_of_the_host_here(fake_pybuda):
    device = fake_pybuda.GPUDevice("gpu", module=fake_pybuda.PyTorchModule("m", Double()))
    assert isinstance(device, fake_pybuda.CPUDevice)
    with pytest.raises(TypeError):
        fake_pybuda.GPUDevice("gpu", modules=[])


def test_kinds_of_devices_are_read_in_one_case_only(fake_pybuda):
    kinds = fake_pybuda.BackendType
    assert kinds.from_string("Silicon") is kinds.Silicon
    assert kinds.from_string("silicon") is kinds.NoBackend


def test_architectures_are_read_in_any_case_and_unknown_ones_raise(fake_pybuda):
    device = fake_pybuda.BackendDevice
    assert device.from_string("WORMHOLE_b0") is device.Wormhole_B0
    assert device.Wormhole_B0.to_string() == "wormhole_b0"
    assert str(device.Wormhole_B0) == "BackendDevice.Wormhole_B0"
    with pytest.raises(RuntimeError):
        device.from_string("wormhole")


def test_the_model_of_a_device_compiles_and_cannot_run(fake_pybuda):
    model = fake_pybuda.PyTorchModule("m", Double())
    kind = fake_pybuda.BackendType.Model
    device = fake_pybuda.TTDevice("tt0", module=model, devtype=kind)
    fake_pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,))
    device.push_to_inputs(ROW)
    assert fake_pybuda.run_forward() is None
    assert fake_pybuda.error_raised()


def test_a_wheel_for_another_family_does_not_compile(fake_pybuda):
    fake_pybuda.standin.configure(wheel_family="gs")
    assert importlib.metadata.version("pybuda") == "0.1.240909+dev.gs.88bf527"
    with pytest.raises(RuntimeError, match="Backend compile failed!"):
        start(fake_pybuda)


def test_another_wheel_can_be_installed_before_anything_is_imported(
    fake_pybuda, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(fake_pybuda.standin.write_wheel(tmp_path / "gs", "gs"))
    assert importlib.metadata.version("pybuda") == "0.1.240909+dev.gs.88bf527"


# ----- configuration --------------------------------------------------------------------------


def test_options_reach_the_recorded_attributes(fake_pybuda):
    fake_pybuda.set_configuration_options(
        accumulate_df=fake_pybuda.DataFormat.Float16_b,
        math_fidelity=fake_pybuda.MathFidelity.LoFi,
        harvested_rows=[1, 3],
        place_on_one_row=True,
    )
    config = fake_pybuda.config._get_global_compiler_config()
    assert config.default_accumulate_df is fake_pybuda.DataFormat.Float16_b
    assert config.default_math_fidelity is fake_pybuda.MathFidelity.LoFi
    assert config.harvesting_mask == 0b1010


def test_both_places_have_the_same_function(fake_pybuda):
    assert fake_pybuda.set_configuration_options is fake_pybuda.config.set_configuration_options


@pytest.mark.parametrize("level", [-1, 5])
def test_an_opt_level_out_of_range_is_an_assertion(fake_pybuda, level):
    with pytest.raises(AssertionError, match="0-4"):
        fake_pybuda.set_configuration_options(backend_opt_level=level)


def test_auto_transposing_cannot_be_switched_off_again(fake_pybuda):
    for value in (True, False):
        fake_pybuda.set_configuration_options(enable_auto_transposing_placement=value)
    assert fake_pybuda.config._get_global_compiler_config().enable_auto_transposing_placement


def test_a_board_sets_path_and_mask_and_an_unknown_one_raises(fake_pybuda):
    fake_pybuda.set_configuration_options(device_config="wh_n300")
    config = fake_pybuda.config._get_global_compiler_config()
    assert config.backend_runtime_params_path.endswith("wh_n300_syslevel.yaml")
    assert config.harvesting_mask == 2052
    with pytest.raises(RuntimeError, match="Unsupported backend device configuration: e75"):
        fake_pybuda.set_configuration_options(device_config="e75")


def test_mixed_precision_takes_keywords_and_at_least_one_selector(fake_pybuda):
    configure = fake_pybuda.config.configure_mixed_precision
    configure(op_type="add", output_df=fake_pybuda.DataFormat.Float16_b)
    (rule,) = fake_pybuda.config._get_global_compiler_config().amp_properties
    assert rule.op_type == "add"
    with pytest.raises(TypeError):
        configure("add")
    with pytest.raises(AssertionError):
        configure(math_fidelity=fake_pybuda.MathFidelity.HiFi2)


def test_op_overrides_are_collected_by_name(fake_pybuda):
    fake_pybuda.config.override_op_size("conv", (1, 2))
    fake_pybuda.config.override_t_stream_shape("conv", (3, 1))
    overrides = fake_pybuda.config._get_global_compiler_config().balancer_op_overrides
    assert overrides == {"conv": {"grid_shape": (1, 2), "t_stream_shape": (3, 1)}}


def test_fallback_ops_are_added_and_removed(fake_pybuda):
    fake_pybuda.config.add_cpu_fallback_ops(["gelu"])
    fake_pybuda.config.remove_cpu_fallback_ops("embedding")
    config = fake_pybuda.config._get_global_compiler_config()
    assert config.cpu_fallback_ops == {"gelu"}


def test_some_variables_are_read_when_the_library_is_imported(fake_pybuda, import_again):
    os.environ["PYBUDA_ENABLE_AUTO_TRANSPOSE"] = "1"
    fake_pybuda.pybuda_reset()
    assert not fake_pybuda.config._get_global_compiler_config().enable_auto_transposing_placement
    again = import_again()
    assert again.config._get_global_compiler_config().enable_auto_transposing_placement


def test_other_variables_are_read_when_a_configuration_is_made(fake_pybuda):
    os.environ.update(
        PYBUDA_AMP_LIGHT="2", PYBUDA_DEFAULT_DF="Bfp8_b", PYBUDA_DISABLE_STABLE_SOFTMAX="1"
    )
    assert not fake_pybuda.config._get_global_compiler_config().amp_properties
    fake_pybuda.pybuda_reset()
    config = fake_pybuda.config._get_global_compiler_config()
    assert config.amp_properties[0].math_fidelity is fake_pybuda.MathFidelity.HiFi2
    assert config.default_df_override is fake_pybuda.DataFormat.Bfp8_b
    assert config.enable_stable_softmax is False


def test_the_import_sets_the_homes_that_are_not_set(fake_pybuda, import_again):
    os.environ["BUDA_HOME"] = "mine"
    import_again()
    assert os.environ["BUDA_HOME"] == "mine"
    assert os.environ["PYBUDA_HOME"]


def test_verification_is_off_in_a_disabled_config(fake_pybuda):
    assert fake_pybuda.VerifyConfig().scale_loss == 50.0
    disabled = fake_pybuda.VerifyConfig.disabled()
    assert (disabled.enabled, disabled.scale_loss) == (False, 1.0)


def test_an_embedding_falls_back_to_the_host_unless_it_is_switched_off(fake_pybuda):
    ids = torch.zeros(2, 3, dtype=torch.int32)
    device, outputs = start(fake_pybuda, torch.nn.Embedding(4, 5), inputs=(ids,))
    device.push_to_inputs(ids)  # is led to the device that was put in front
    fake_pybuda.run_forward()
    assert outputs.get(timeout=10)[0].shape == (2, 3, 5)
    assert device.cpu_fallback_device_pre.name == "cpu0_fallback"
    fake_pybuda.shutdown()
    fake_pybuda.pybuda_reset()
    fake_pybuda.config._get_global_compiler_config().enable_tvm_cpu_fallback = False
    device, _ = start(fake_pybuda, torch.nn.Embedding(4, 5), inputs=(ids,))
    assert device.cpu_fallback_device_pre is None


def test_performance_traces_are_written_under_the_build_folder(fake_pybuda, tmp_path):
    os.environ["PYBUDA_BUILD_DIR"] = str(tmp_path)
    fake_pybuda.pybuda_reset()
    fake_pybuda.set_configuration_options(performance_trace=fake_pybuda.PerfTraceLevel.LIGHT)
    start(fake_pybuda)
    fake_pybuda.shutdown()
    names = {path.name for path in tmp_path.rglob("perf_results/**/*.json")}
    assert {"perf_postprocess.json", "runtime_table.json", "op_perf_table.json"} <= names


def test_op_estimates_are_written_to_the_working_folder(fake_pybuda, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.environ["PYBUDA_OP_PERF"] = "1"
    start(fake_pybuda)
    assert (tmp_path / "op_perf.csv").is_file()


# ----- training -------------------------------------------------------------------------------


def test_a_loss_on_the_host_comes_as_a_tuple_of_floats(fake_pybuda):
    device, post = start_training(fake_pybuda)
    push_step(device, post)
    fake_pybuda.run_forward()
    loss = fake_pybuda.get_loss_queue().get(timeout=10)
    assert type(loss) is tuple
    assert isinstance(loss[0], float)


def test_a_loss_on_the_device_comes_as_a_list_of_tensors(fake_pybuda):
    linear = fake_pybuda.PyTorchModule("m", torch.nn.Linear(2, 1))
    device = fake_pybuda.TTDevice("tt0", module=linear)
    device.place_loss_module(fake_pybuda.PyTorchModule("loss", torch.nn.L1Loss()))
    samples = {"sample_inputs": (ROW,), "sample_targets": (torch.zeros(4, 1),)}
    fake_pybuda.initialize_pipeline(training=True, **samples)
    push_step(device, device)
    fake_pybuda.run_forward()
    (loss,) = fake_pybuda.get_loss_queue().get(timeout=10)
    assert isinstance(loss, fake_pybuda.Tensor)


def test_a_training_step_moves_the_weights_on_the_device_alone(fake_pybuda):
    device, post = start_training(fake_pybuda)
    before = fake_pybuda.get_parameter_checkpoint(device)[0]
    host = {name: value.clone() for name, value in device.modules[0].module.named_parameters()}
    push_step(device, post)
    fake_pybuda.run_forward()
    fake_pybuda.run_backward(zero_grad=True)
    fake_pybuda.run_optimizer()
    fake_pybuda.sync()
    after = fake_pybuda.get_parameter_checkpoint(device)[0]
    gradients = fake_pybuda.get_parameter_gradients()
    for name, value in before.items():
        moved = value.value() - 0.5 * gradients[0][name].value()
        assert torch.allclose(after[name].value(), moved)
    assert gradients[1] == {}  # a host's gradients are not read
    for name, value in device.modules[0].module.named_parameters():
        assert torch.equal(value, host[name])


def test_gradients_add_up_until_they_are_zeroed(fake_pybuda):
    device, post = start_training(fake_pybuda, microbatch_count=2)
    for _ in range(2):
        push_step(device, post)
    fake_pybuda.run_forward(input_count=2)
    fake_pybuda.run_backward(zero_grad=True)
    once = fake_pybuda.get_parameter_gradients(device)[0]["weight"].value()
    fake_pybuda.run_backward()
    twice = fake_pybuda.get_parameter_gradients(device)[0]["weight"].value()
    assert torch.allclose(2 * once, twice)


def test_a_default_verification_scales_the_loss(fake_pybuda):
    losses = []
    for verify in (None, fake_pybuda.VerifyConfig()):
        torch.manual_seed(0)
        device, post = start_training(fake_pybuda, _verify_cfg=verify)
        push_step(device, post)
        fake_pybuda.run_forward()
        losses.append(fake_pybuda.get_loss_queue().get(timeout=10)[0])
        fake_pybuda.shutdown()
        fake_pybuda.pybuda_reset()
    assert losses[1] == pytest.approx(50 * losses[0])


def test_a_checkpoint_is_put_into_the_queue_of_checkpoints(fake_pybuda):
    sgd = fake_pybuda.optimizers.SGD(0.1, device_params=True)
    linear = fake_pybuda.PyTorchModule("m", torch.nn.Linear(2, 1))
    device = fake_pybuda.TTDevice("tt0", module=linear, optimizer=sgd)
    device.place_loss_module(fake_pybuda.PyTorchModule("loss", torch.nn.L1Loss()))
    samples = {"sample_inputs": (ROW,), "sample_targets": (torch.zeros(4, 1),)}
    checkpoints = fake_pybuda.initialize_pipeline(training=True, **samples)
    fake_pybuda.run_optimizer(checkpoint=True)
    assert set(checkpoints.get(timeout=10)[0]) == {"weight", "bias"}


def test_training_needs_a_loss_on_the_last_device_alone(fake_pybuda):
    with pytest.raises(RuntimeError, match="must have a loss module"):
        start(fake_pybuda, training=True, sample_targets=(ROW,))
    fake_pybuda.pybuda_reset()
    device = fake_pybuda.TTDevice("tt0", module=fake_pybuda.PyTorchModule("m", Double()))
    device.place_loss_module(fake_pybuda.PyTorchModule("loss", torch.nn.L1Loss()))
    fake_pybuda.CPUDevice("post", module=fake_pybuda.PyTorchModule("p", torch.nn.Identity()))
    with pytest.raises(RuntimeError, match="Only the last device"):
        fake_pybuda.initialize_pipeline(training=True, sample_inputs=(ROW,))


def test_a_loss_module_where_nothing_trains_is_refused(fake_pybuda):
    device = fake_pybuda.TTDevice("tt0")
    device.place_loss_module(fake_pybuda.PyTorchModule("loss", torch.nn.L1Loss()))
    with refused(fake_pybuda, "waits for targets for ever"):
        fake_pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,))


def test_targets_for_a_pipeline_that_does_not_train_are_refused(fake_pybuda):
    device, _ = start(fake_pybuda)
    with refused(fake_pybuda, "does not train"):
        device.push_to_target_inputs(ROW)


def test_no_more_goes_forward_than_microbatch_count_leaves_room_for(fake_pybuda):
    start_training(fake_pybuda, microbatch_count=2)
    with refused(fake_pybuda, "room for microbatch_count=2"):
        fake_pybuda.run_forward(input_count=3)


def test_an_optimizer_step_without_one_on_the_device_ends_in_the_error_flag(fake_pybuda):
    device, _ = start_training(fake_pybuda)
    device.optimizer = None
    fake_pybuda.run_optimizer()
    until(fake_pybuda.error_raised)


def test_parameters_can_be_put_on_the_device(fake_pybuda):
    device, _ = start(fake_pybuda, torch.nn.Linear(2, 1))
    fake_pybuda.update_device_parameters(device, [{"bias": torch.tensor([7.0])}])
    assert fake_pybuda.get_parameter_checkpoint(device)[0]["bias"].value() == 7


def test_targets_are_for_training_only(fake_pybuda):
    with pytest.raises(AssertionError, match="training"):
        start(fake_pybuda, sample_targets=(ROW,))


def test_a_checkpoint_outside_of_training_is_a_runtime_error(fake_pybuda):
    start(fake_pybuda)
    with pytest.raises(RuntimeError, match="hasn't been initialized for training"):
        fake_pybuda.run_optimizer(checkpoint=True)


def test_more_backward_than_forward_is_refused(fake_pybuda):
    start_training(fake_pybuda)
    with refused(fake_pybuda, "run_backward\\(\\) of 1 would wait for ever: 0 went forward"):
        fake_pybuda.run_backward()


# ----- generation -----------------------------------------------------------------------------

IDS, MASK = torch.zeros(1, 32, dtype=torch.int32), torch.ones(1, 64)
GROUPS = (
    (IDS, MASK),
    (IDS, MASK, torch.ones(1, 4, 8), torch.ones(1, 4), torch.zeros(1, 2, 3, 5)),
    (IDS, MASK, torch.ones(1, 4, 8), torch.ones(1, 4), torch.zeros(1, 2, 3, 5)),
)


def start_generating(pybuda):
    os.environ["PYBUDA_FORCE_SEQUENTIAL"] = "1"
    config = pybuda.config._get_global_compiler_config()
    config.compile_subgraphs = config.enable_link_past_cache_ios = True
    modules = [pybuda.PyTorchModule("encoder", Encoder())]
    modules += [pybuda.PyTorchModule(f"decoder{number}", Decoder()) for number in range(2)]
    device = pybuda.TTDevice("tt0", module=modules)
    return device, pybuda.initialize_pipeline(training=False, sample_inputs=GROUPS)


def test_subgraphs_generate_with_a_past_that_stays_on_the_device(fake_pybuda):
    device, outputs = start_generating(fake_pybuda)
    device.set_active_subgraph(0)
    device.push_to_inputs(IDS, MASK)
    fake_pybuda.run_forward()
    (state,) = outputs.get_nowait()
    device.set_active_subgraph(1)
    device.push_to_inputs(IDS, MASK, state.value(), torch.ones(1, 4))
    fake_pybuda.run_generate(input_count=1, write_index=0)
    first = outputs.get_nowait()
    device.set_active_subgraph(2)
    device.push_to_inputs(IDS, MASK, torch.ones(1, 4))
    fake_pybuda.run_generate(input_count=1, write_index=0)
    second = outputs.get_nowait()
    assert len(first) == len(second) == 1  # the past is not read by the host
    assert second[0].value().sum() > first[0].value().sum()  # and was there the second time
    assert device.get_active_subgraph() == 2


def test_the_rotation_exists_only_with_its_variable(fake_pybuda):
    device, _ = start_generating(fake_pybuda)
    os.environ["PYBUDA_ROTATE_PAST_CACHE_PARAMS"] = "1"
    device.set_active_subgraph(3)
    fake_pybuda.run_generate(input_count=0, write_index=0)
    assert not fake_pybuda.error_raised()
    del os.environ["PYBUDA_ROTATE_PAST_CACHE_PARAMS"]
    fake_pybuda.run_generate(input_count=0, write_index=0)
    assert fake_pybuda.error_raised()


def test_generating_needs_an_index_or_tokens(fake_pybuda):
    device, _ = start_generating(fake_pybuda)
    with pytest.raises(AssertionError, match="write_index"):
        fake_pybuda.run_generate()
    with pytest.raises(AssertionError, match="write_index"):
        fake_pybuda.run_generate(tokens_per_iter=1)
    device.push_to_inputs(IDS, MASK)
    fake_pybuda.run_generate(tokens_per_iter=1, token_id=0)


def test_generating_with_a_device_on_the_host_ends_in_the_error_flag(fake_pybuda):
    device, _ = start(fake_pybuda, post=torch.nn.Identity(), _sequential=True)
    device.push_to_inputs(ROW)
    assert fake_pybuda.run_generate(write_index=0, _sequential=True) is None
    assert fake_pybuda.error_raised()


def test_subgraphs_are_chosen_in_sequential_mode_only(fake_pybuda):
    device, _ = start(fake_pybuda)
    with refused(fake_pybuda, "PYBUDA_FORCE_SEQUENTIAL=1"):
        device.set_active_subgraph(0)


def test_subgraphs_need_as_many_groups_as_modules(fake_pybuda):
    fake_pybuda.config._get_global_compiler_config().compile_subgraphs = True
    with pytest.raises(AssertionError, match="must match number of modules"):
        start(fake_pybuda, inputs=GROUPS)


def test_subgraphs_of_a_single_module_are_an_assertion(fake_pybuda):
    fake_pybuda.config._get_global_compiler_config().compile_subgraphs = True
    with pytest.raises(AssertionError, match="only 1 module"):
        start(fake_pybuda, inputs=((ROW,),))


# ----- images and several cards ---------------------------------------------------------------


def make_image(pybuda, path, module=None, inputs=(ROW,)):
    """Compile to an image, as on a machine that then runs it."""
    arch, devtype = pybuda.BackendDevice.Wormhole_B0, pybuda.BackendType.Silicon
    modules = module or pybuda.PyTorchModule("m", Double())
    device = pybuda.TTDevice("tt0", module=modules, arch=arch, devtype=devtype)
    image = device.compile_to_image(img_path=str(path), sample_inputs=inputs)
    pybuda.pybuda_reset()
    return image


def test_an_image_is_not_saved_without_the_program_that_copies_its_binaries(
    fake_pybuda, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="rsync"):
        make_image(fake_pybuda, tmp_path / "m.tti")


def test_an_image_is_a_tar_file_that_unpacks_beside_itself(fake_pybuda, tmp_path):
    make_image(fake_pybuda, tmp_path / "m.tti")
    with tarfile.open(tmp_path / "m.tti") as archive:
        assert "unzipped_tti/device.json" in archive.getnames()
    image = fake_pybuda.TTDeviceImage.load_from_disk(str(tmp_path / "m.tti"))
    assert (tmp_path / "unzipped_tti" / "checksum.txt").is_file()
    assert image.get_input_shapes() == [[4, 2]]


def test_an_image_for_n300_data_parallel_has_the_inputs_of_both_chips(fake_pybuda, tmp_path):
    os.environ["PYBUDA_N300_DATA_PARALLEL"] = "1"
    assert make_image(fake_pybuda, tmp_path / "m.tti").get_input_shapes() == [[2, 2], [2, 2]]


def test_a_loaded_image_runs_after_initializing(fake_pybuda, tmp_path):
    make_image(fake_pybuda, tmp_path / "m.tti")
    device = fake_pybuda.TTDevice.load_image(img_path=str(tmp_path / "m.tti"))
    outputs = fake_pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,))
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward()
    assert torch.equal(outputs.get(timeout=10)[0].value(), 2 * ROW)


def test_a_loaded_image_does_not_run_where_its_binaries_are_missing(fake_pybuda, tmp_path):
    make_image(fake_pybuda, tmp_path / "m.tti")
    fake_pybuda.TTDevice.load_image(img_path=str(tmp_path / "m.tti"))
    fake_pybuda.set_configuration_options(backend_output_dir=str(tmp_path / "another"))
    with pytest.raises(RuntimeError, match="Pre-compiled build folder .* has no runtime_data.yaml"):
        fake_pybuda.initialize_pipeline(training=False, sample_inputs=(ROW,))


def test_a_loaded_image_for_another_card_has_a_copy_of_its_binaries(fake_pybuda, tmp_path):
    make_image(fake_pybuda, tmp_path / "m.tti")
    fake_pybuda.TTDeviceImage.load_from_disk(str(tmp_path / "m.tti"), [1])
    folder = Path(fake_pybuda.config._get_global_compiler_config().backend_output_dir)
    assert folder.name == "backend_build_binaries_override_device_1"
    assert (folder / "runtime_data.yaml").is_file()


def test_loading_an_image_replaces_the_global_configuration(fake_pybuda, tmp_path):
    fake_pybuda.set_configuration_options(backend_opt_level=1)
    make_image(fake_pybuda, tmp_path / "m.tti")
    fake_pybuda.TTDeviceImage.load_from_disk(str(tmp_path / "m.tti"))
    assert fake_pybuda.config._get_global_compiler_config().backend_opt_level == 1


def test_an_image_of_another_wheel_is_an_assertion(fake_pybuda, tmp_path):
    make_image(fake_pybuda, tmp_path / "m.tti")
    fake_pybuda.standin.configure(wheel_family="gs")
    with pytest.raises(AssertionError, match="does not match"):
        fake_pybuda.TTDevice.load_image(img_path=str(tmp_path / "m.tti"))


def test_an_image_of_another_format_is_a_value_error(fake_pybuda, tmp_path):
    make_image(fake_pybuda, tmp_path / "m.tti")
    image = fake_pybuda.TTDeviceImage.load_from_disk(str(tmp_path / "m.tti"))
    image.version = "1.0.0"
    with pytest.raises(ValueError, match="expected 1.1.0, got 1.0.0"):
        fake_pybuda.TTDevice.load_image(img=image)


def test_an_image_needs_arch_and_kind_of_its_device(fake_pybuda):
    device = fake_pybuda.TTDevice("tt0", module=fake_pybuda.PyTorchModule("m", Double()))
    with pytest.raises(AssertionError, match="arch"):
        device.compile_to_image(sample_inputs=(ROW,))


def test_an_image_for_wormhole_without_a_card_needs_a_board(fake_pybuda, tmp_path):
    fake_pybuda.standin.configure(cards=[])
    with pytest.raises(RuntimeError, match="Backend compile failed!"):
        make_image(fake_pybuda, tmp_path / "m.tti")
    fake_pybuda.pybuda_reset()
    fake_pybuda.set_configuration_options(device_config="wh_n150")
    make_image(fake_pybuda, tmp_path / "m.tti")
    assert (tmp_path / "m.tti").is_file()


def cards_runner(pybuda, tmp_path, mode="FORWARD", inputs=(ROW,), module=None):
    """Make an image for half the batch and load it on two cards."""
    pybuda.standin.configure(cards=["Wormhole_B0"] * 2)
    parallel = importlib.import_module("pybuda.tools.tti_data_parallel")
    halves = parallel.split_tensor_batch(inputs, 2)
    make_image(pybuda, tmp_path / "m.tti", module, halves[0])
    os.environ["PYBUDA_FORCE_THREADS"] = "1"
    runner = parallel.initialize_multicard_runner(
        pybuda.BackendDevice.Wormhole_B0,
        [[0], [1]],
        parallel.RunMode[mode],
        inputs,
        precompiled_tti_path=str(tmp_path / "m.tti"),
        output_dir=str(tmp_path / "images"),
    )
    return parallel, runner


def test_several_cards_share_a_batch(fake_pybuda, tmp_path):
    parallel, runner = cards_runner(fake_pybuda, tmp_path)
    result = runner.run(parallel.ForwardInputs(run_inputs=[(ROW,)] * 3))
    runner.shutdown()
    assert [len(loop) for loop in result.outputs] == [1, 1, 1]
    assert torch.equal(result.outputs[2][0], 2 * ROW)
    assert set(result.per_card_start_time) == {0, 1}
    assert result.get_total_runtime() >= max(result.get_per_card_runtime().values())


def test_several_cards_generate_each_their_own_tokens(fake_pybuda, tmp_path):
    fake_pybuda.config._get_global_compiler_config().compile_subgraphs = True
    fake_pybuda.config._get_global_compiler_config().enable_link_past_cache_ios = True
    modules = [fake_pybuda.PyTorchModule("encoder", Encoder())]
    modules += [fake_pybuda.PyTorchModule(f"decoder{it}", Decoder()) for it in range(2)]
    doubled = [[torch.cat([each, each]) for each in group] for group in GROUPS]
    parallel, runner = cards_runner(fake_pybuda, tmp_path, "GENERATIVE", doubled, modules)
    given = [IDS, torch.ones(1, 64), IDS, MASK]
    given[1] = torch.ones(1, 4)
    inputs = parallel.GenerativeInputs(
        run_inputs=[torch.cat([each, each]) for each in given],
        num_tokens_to_generate=3,
        first_current_index=32,
        pad_token_id=0,
    )
    result = runner.run(inputs)
    assert [len(tokens) for tokens in result.outputs] == [3, 3]


def test_a_batch_must_divide_evenly_over_the_cards(fake_pybuda):
    parallel = importlib.import_module("pybuda.tools.tti_data_parallel")
    with pytest.raises(AssertionError, match="evenly"):
        parallel.split_tensor_batch((ROW,), 3)


def test_a_run_over_several_cards_needs_an_image_and_a_known_architecture(fake_pybuda):
    parallel = importlib.import_module("pybuda.tools.tti_data_parallel")
    forward, known = parallel.RunMode.FORWARD, fake_pybuda.BackendDevice
    with pytest.raises(AssertionError, match="architecture"):
        parallel.initialize_multicard_runner(known.Blackhole, [[0]], forward, (ROW,), "m.tti")
    with pytest.raises(AssertionError):
        parallel.initialize_multicard_runner(known.Grayskull, [[0]], forward, (ROW,))


def test_a_card_that_is_not_there_ends_the_start_of_all(fake_pybuda, tmp_path):
    make_image(fake_pybuda, tmp_path / "m.tti", inputs=(ROW[:2],))
    parallel = importlib.import_module("pybuda.tools.tti_data_parallel")
    arch, mode = fake_pybuda.BackendDevice.Wormhole_B0, parallel.RunMode.FORWARD
    with pytest.raises(RuntimeError, match="Aborted due to error"):
        parallel.initialize_multicard_runner(
            arch, [[0], [1]], mode, (ROW,), str(tmp_path / "m.tti"), str(tmp_path)
        )


def test_an_error_on_one_card_ends_the_run_of_all(fake_pybuda, tmp_path):
    parallel, runner = cards_runner(fake_pybuda, tmp_path)
    fake_pybuda.standin.configure(fail="run", after=1)
    with pytest.raises(RuntimeError, match="Aborted due to error"):
        runner.run(parallel.ForwardInputs(run_inputs=[(ROW,)] * 3))
    with pytest.raises(AssertionError):
        runner.run(parallel.ForwardInputs(run_inputs=[(ROW,)]))


def test_a_card_that_hangs_is_refused_in_a_run_over_several(fake_pybuda, tmp_path):
    parallel, runner = cards_runner(fake_pybuda, tmp_path)
    fake_pybuda.standin.configure(hang=True)
    with refused(fake_pybuda, "a card hangs"):
        runner.run(parallel.ForwardInputs(run_inputs=[(ROW,)]))


# ----- faults ---------------------------------------------------------------------------------


def test_a_device_error_raises_the_flag_and_nothing_else(fake_pybuda):
    fake_pybuda.standin.configure(fail="run", after=2)
    device, outputs = start(fake_pybuda)
    for _ in range(4):
        device.push_to_inputs(ROW)
    assert fake_pybuda.run_forward(input_count=4) is None
    until(fake_pybuda.error_raised)
    assert outputs.qsize() == 2
    assert fake_pybuda.run_forward() is None  # returns without a word
    fake_pybuda.shutdown()
    assert not fake_pybuda.error_raised()


def test_an_output_that_takes_longer_than_the_tries_to_read_it_raises_the_flag(fake_pybuda):
    assert fake_pybuda.standin.settings().tries_s == 10
    fake_pybuda.standin.configure(delay_s=0.2, tries_s=0.1)
    device, outputs = start(fake_pybuda)
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward()
    until(fake_pybuda.error_raised)
    assert outputs.empty()


def test_a_failing_compilation_raises_and_leaves_a_pipeline_to_shut_down(fake_pybuda):
    fake_pybuda.standin.configure(fail="compile")
    with pytest.raises(RuntimeError, match="Backend compile failed!"):
        start(fake_pybuda)
    fake_pybuda.shutdown()
    fake_pybuda.pybuda_reset()
    fake_pybuda.standin.configure(fail=None)
    start(fake_pybuda)


def test_a_device_that_does_not_start_names_itself(fake_pybuda):
    fake_pybuda.standin.configure(fail="initialize")
    with pytest.raises(RuntimeError, match="Compile failed for TTDevice 'tt0'"):
        start(fake_pybuda)


def test_a_failing_push_raises_where_it_is_pushed(fake_pybuda):
    fake_pybuda.standin.configure(fail="push", after=1)
    device, _ = start(fake_pybuda)
    device.push_to_inputs(ROW)
    with pytest.raises(RuntimeError, match="shared memory"):
        device.push_to_inputs(ROW)


def test_a_hanging_device_gives_no_output_and_no_error(fake_pybuda):
    fake_pybuda.standin.configure(hang=True, after=1)
    device, outputs = start(fake_pybuda)
    for _ in range(2):
        device.push_to_inputs(ROW)
    fake_pybuda.run_forward(input_count=2)
    assert outputs.get(timeout=10)
    with pytest.raises(queue.Empty):
        outputs.get(timeout=0.1)
    assert not fake_pybuda.error_raised()
    with refused(fake_pybuda, "sync\\(\\) would wait for ever"):
        fake_pybuda.sync()


def test_a_stuck_device_blocks_its_caller_until_it_is_released(fake_pybuda):
    fake_pybuda.standin.configure(stuck=True)
    device, _ = start(fake_pybuda)
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward()
    waiting = threading.Thread(target=fake_pybuda.shutdown)
    waiting.start()
    waiting.join(timeout=0.2)
    assert waiting.is_alive()
    fake_pybuda.standin.release()
    waiting.join(timeout=10)
    assert not waiting.is_alive()


def test_a_sequential_run_on_a_starving_device_is_refused(fake_pybuda):
    fake_pybuda.standin.configure(starve=True)
    device, _ = start(fake_pybuda, _sequential=True)
    device.push_to_inputs(ROW)
    with refused(fake_pybuda, "0 inputs were pushed"):
        fake_pybuda.run_forward(_sequential=True)


def test_a_sequential_run_on_a_hanging_device_leaves_the_queue_empty(fake_pybuda):
    fake_pybuda.standin.configure(hang=True)
    device, outputs = start(fake_pybuda, _sequential=True)
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward(_sequential=True)
    assert outputs.empty()
    assert not fake_pybuda.error_raised()


def test_a_starving_device_never_sees_what_was_pushed(fake_pybuda):
    fake_pybuda.standin.configure(starve=True, after=1)
    device, outputs = start(fake_pybuda)
    for _ in range(2):
        device.push_to_inputs(ROW)
    fake_pybuda.run_forward(input_count=2)
    assert outputs.get(timeout=10)
    with pytest.raises(queue.Empty):
        outputs.get(timeout=0.1)
    assert not fake_pybuda.error_raised()


def test_distorted_outputs_differ_by_noise_of_the_given_size(fake_pybuda):
    fake_pybuda.standin.configure(distort=0.01)
    device, outputs = start(fake_pybuda)
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward()
    error = outputs.get(timeout=10)[0].value() - 2 * ROW
    assert 0 < error.abs().max() < 0.1


def test_modules_of_the_host_must_pickle_unless_threads_are_forced(fake_pybuda):
    class Local(torch.nn.Identity):
        pass

    with pytest.raises(RuntimeError, match="Compile failed for CPUDevice 'cpu-post'"):
        start(fake_pybuda, post=Local())
    fake_pybuda.shutdown()
    fake_pybuda.pybuda_reset()
    os.environ["PYBUDA_FORCE_THREADS"] = "1"
    start(fake_pybuda, post=Local())


def test_with_forced_threads_the_shutdown_after_an_error_fails_as_recorded(fake_pybuda):
    os.environ["PYBUDA_FORCE_THREADS"] = "1"
    fake_pybuda.standin.configure(fail="run")
    device, _ = start(fake_pybuda)
    device.push_to_inputs(ROW)
    fake_pybuda.run_forward()
    until(fake_pybuda.error_raised)
    with pytest.raises(AttributeError, match="terminate"):
        fake_pybuda.shutdown()
    fake_pybuda.pybuda_reset()


@pytest.mark.parametrize("wrong", [{"fial": "run"}, {"fail": "rnu"}, {"cards": ["Quasar"]}])
def test_a_mistake_in_the_settings_is_refused(fake_pybuda, wrong):
    with pytest.raises((TypeError, ValueError)):
        fake_pybuda.standin.configure(**wrong)


# ----- in a process of its own ----------------------------------------------------------------

SCRIPT = """
import torch, pybuda
model = pybuda.PyTorchModule("m", torch.nn.Identity())
device = pybuda.TTDevice("tt0", module=model)
outputs = pybuda.initialize_pipeline(training=False, sample_inputs=(torch.ones(2, 2),))
device.push_to_inputs(torch.ones(2, 2))
pybuda.run_forward()
print(len(pybuda.detect_available_devices()), flush=True)
"""


@pytest.fixture
def in_a_process(start_process):
    def run(**settings):
        added = {"PYTHONPATH": str(PACK), "PYBUDA_STANDIN": json.dumps(settings)}
        words = [sys.executable, "-c", SCRIPT]
        return start_process(words, env={**os.environ, **added}, stdout=subprocess.PIPE)

    return run


def test_a_process_takes_settings_from_the_environment_and_can_log_its_calls(
    in_a_process, tmp_path
):
    process = in_a_process(cards=["Wormhole_B0"] * 3, log=str(tmp_path / "calls"))
    assert process.communicate(timeout=60)[0] == b"3\n"
    calls = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    assert calls[-2] == {
        "name": "pybuda.run_forward",
        "arguments": {"input_count": 1, "_sequential": False},
    }
    assert process.returncode == 0


def test_a_process_with_a_stuck_device_does_not_end_by_itself(in_a_process):
    process = in_a_process(stuck=True)
    assert process.stdout.readline() == b"1\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)

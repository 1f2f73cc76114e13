"""A fingerprint names what changed in a model, and nothing where nothing did."""

from __future__ import annotations

import copy

import pytest

from ttbench_core import StagedModel, Stages

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.models.reference.checksum import checksum  # noqa: E402
from ttbench_core.models.reference.fingerprint import fingerprint, first_change  # noqa: E402
from ttbench_core.models.reference.forward import reference_outputs  # noqa: E402


def network():
    torch.manual_seed(0)
    layers = [torch.nn.Linear(8, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 8)]
    return torch.nn.Sequential(*layers)


def model_of(module=None, inputs=None, **stages):
    module = network() if module is None else module
    return StagedModel(
        Stages(device=module, **stages), [torch.randn(4, 8)] if inputs is None else inputs
    )


def change_by(action, model=None):
    """Give what a fingerprint says after an action on a model; None for no change."""
    model = model or model_of()
    before = fingerprint(model)
    action(model)
    found = first_change(before, fingerprint(model))
    return found and found[1]


def of_device(action):
    return lambda model: action(model.stages.device)


def swap_data(module):
    module[0].weight.data = module[0].weight.data.clone() + 1


def add_in_place(module):
    with torch.no_grad():
        module[2].bias[3] += 1e-6


def double(x):
    return 2 * x


@pytest.mark.parametrize(
    ("action", "change"),
    [
        (
            lambda module: module.to(torch.bfloat16),
            "device.0.weight is torch.bfloat16, it was torch.float32",
        ),
        (add_in_place, "device.2.bias has other values"),
        (swap_data, "device.0.weight has other values"),
        (
            lambda module: module[1].running_var.mul_(2),
            "device.1.running_var has other values",
        ),
        (
            lambda module: module.__setitem__(2, torch.nn.Identity()),
            "device.2 is a Identity, it was a Linear",
        ),
        (lambda module: module.append(torch.nn.ReLU()), "device.3 is new"),
        (lambda module: module.pop(2), "device.2 is gone"),
        (
            lambda module: setattr(module[0], "bias", None),
            "device.0.bias is None, it was torch.float32",
        ),
        (
            lambda module: setattr(module[0], "forward", double),
            "device.0 has other forward of its own",
        ),
        (
            lambda module: module[0].register_forward_hook(lambda *_: None),
            "device.0 has other forward hooks",
        ),
        (
            lambda module: module.register_forward_pre_hook(lambda *_: None),
            "device has other forward pre-hooks",
        ),
        (lambda module: module.compile(), "device has other compiled call"),
        (
            lambda module: torch.nn.utils.parametrizations.weight_norm(module[0]),
            "device.0 is a ParametrizedLinear, it was a Linear",
        ),
        (
            lambda module: module.to("meta"),
            "device.0.weight is on meta, it was on cpu",
        ),
    ],
)
def test_a_change_is_named(action, change):
    assert change_by(of_device(action)) == change


def test_a_class_whose_forward_was_replaced_is_named(monkeypatch):
    def patch(module):
        monkeypatch.setattr(torch.nn.Linear, "forward", lambda self, x: x)

    assert change_by(of_device(patch)) == "device.0 has other forward of its class"


def test_another_layout_in_memory_is_named():
    model = model_of(torch.nn.Conv2d(3, 4, 3), [torch.randn(1, 3, 8, 8)])
    change = change_by(of_device(lambda one: one.to(memory_format=torch.channels_last)), model)
    assert change.startswith("device.weight is torch.strided with strides [27, 1, 9, 3], it was")


@pytest.mark.parametrize("stage", ["cpu_pre", "cpu_post"])
def test_the_stages_of_the_host_are_read_too(stage):
    model = model_of(**{stage: torch.nn.Linear(8, 8)})
    change = change_by(lambda model: getattr(model.stages, stage).half(), model)
    assert change == f"{stage}.weight is torch.float16, it was torch.float32"


@pytest.mark.parametrize(
    ("inputs", "action", "change"),
    [
        ([torch.ones(2, 3)], lambda inputs: inputs[0].zero_(), "inputs[0] has other values"),
        (
            [torch.ones(2, 3), {"mask": torch.ones(2)}],
            lambda inputs: inputs[1]["mask"].neg_(),
            "inputs[1]['mask'] has other values",
        ),
        (
            [torch.ones(2, 3), (torch.ones(2), [torch.zeros(2)])],
            lambda inputs: inputs[1][1].__setitem__(0, torch.ones(2)),
            "inputs[1][1][0] has other values",
        ),
        (
            [torch.ones(2, 3), {"scale": 0.5}],
            lambda inputs: inputs[1].update(scale=1.5),
            "inputs[1]['scale'] is 1.5, it was 0.5",
        ),
        (
            [torch.ones(2, 3), {"a": 1}],
            lambda inputs: inputs[1].update(b=2),
            "inputs[1] has other keys",
        ),
        (
            [torch.ones(2, 3)],
            lambda inputs: inputs.append(torch.ones(2)),
            "inputs is of length 2, it was of length 1",
        ),
    ],
)
def test_a_change_of_the_inputs_is_named(inputs, action, change):
    model = model_of(inputs=copy.deepcopy(inputs))
    assert change_by(lambda model: action(model.inputs), model) == change


def test_equal_numbers_are_equal_whichever_objects_they_are():
    model = model_of(inputs=[torch.ones(2, 8), {"nan": float("nan"), "large": 10**20, "no": None}])

    def replace_numbers(model):
        model.inputs[1].update(nan=float("nan"), large=int("1" + "0" * 20))

    assert change_by(replace_numbers, model) is None


@pytest.mark.parametrize(
    "action",
    [
        lambda model: model.stages.device.eval(),
        reference_outputs,
        lambda model: model.stages.device.requires_grad_(False),
    ],
    ids=["eval mode", "the reference", "no gradients"],
)
def test_what_leaves_the_outputs_as_they_are_is_no_change(action):
    assert change_by(action, model_of(network().train())) is None


def test_reading_leaves_random_numbers_as_they_are():
    model = model_of()
    before = torch.random.get_rng_state()
    fingerprint(model)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_shared_weights_and_modules_are_read():
    shared = torch.nn.Linear(8, 8)
    twice = torch.nn.Sequential(shared, torch.nn.ReLU(), shared, torch.nn.Linear(8, 8))
    twice[3].weight = shared.weight

    def unshare(module):
        module[2] = torch.nn.Linear(8, 8)

    assert change_by(lambda model: None, model_of(twice)) is None
    assert change_by(of_device(unshare), model_of(twice)).startswith("device.2 ")


def test_weights_that_are_mapped_from_a_file_are_read(tmp_path):
    torch.save(network().state_dict(), tmp_path / "weights.pt")
    mapped = torch.load(tmp_path / "weights.pt", mmap=True, weights_only=True)
    module = network()
    module.load_state_dict(mapped, assign=True)
    assert change_by(of_device(add_in_place), model_of(module)) == "device.2.bias has other values"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "module",
    [
        torch.nn.Linear(4, 4, device="meta"),
        torch.nn.LazyLinear(4),
        torch.nn.ParameterList([torch.eye(3).to_sparse()]),
        torch.jit.script(torch.nn.Linear(4, 4)),
    ],
    ids=["meta", "lazy", "sparse", "script"],
)
def test_unusual_modules_are_read(module):
    model = model_of(module)
    assert change_by(lambda model: None, model) is None
    assert fingerprint(model).unread == 0


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested")
def test_tensors_that_do_not_show_their_values_are_counted():
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    model = model_of(inputs=[torch.ones(2, 8), nested])
    assert change_by(lambda model: None, model) is None
    assert fingerprint(model).unread == 1


# checksums

LARGE = 3 * 4093 * 4


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.int8])
@pytest.mark.parametrize("size", [0, 1, 7, 4093, LARGE + 5])
@pytest.mark.parametrize("offset", [0, 1, 3])
def test_one_changed_value_changes_the_checksum(dtype, size, offset):
    storage = torch.arange(size + offset).remainder(100).to(dtype)
    tensor = storage[offset:]
    before = checksum(tensor)
    assert checksum(tensor.clone()) == before
    for position in {0, size // 2, size - 1} if size else ():
        changed = tensor.clone()
        changed[position] = 101
        assert checksum(changed) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.neg_(),
        lambda x: x.abs_(),
        lambda x: x.copy_(x.t().clone()),
        lambda x: x.copy_(x.flip(0)),
        lambda x: x.copy_(x[torch.randperm(len(x))]),
        lambda x: x.mul_(2),
    ],
    ids=["sign", "absolute", "transposed", "flipped", "shuffled", "doubled"],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_values_that_change_together_change_the_checksum(change, dtype):
    tensor = torch.randn(256, 256).to(dtype)
    before = checksum(tensor)
    change(tensor)
    assert checksum(tensor) != before


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.randn(3, 4).t(),
        lambda: torch.randn(6, 8)[:, ::2],
        lambda: torch.randn(4, 1).expand(4, 9),
        lambda: torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        lambda: torch.randn(3, dtype=torch.complex64).conj(),
        lambda: torch.tensor(2.5),
        lambda: torch.tensor([True, False]),
        lambda: torch.eye(4).to_sparse_csr(),
    ],
    ids=["transposed", "gaps", "repeated", "channels last", "complex", "scalar", "bool", "csr"],
)
@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_tensors_of_any_layout_have_a_checksum(make):
    tensor = make()
    assert checksum(tensor) is not None
    assert checksum(tensor) == checksum(tensor)


@pytest.mark.parametrize("size", [1, 5, 4093])
def test_minus_one_is_not_minus_two(size):
    # as it is for hash(), by which Python compares integers in sets
    ones = torch.full((size,), -1, dtype=torch.int64)
    assert checksum(ones) != checksum(ones - 1)


def test_inputs_by_name_are_read_by_their_values():
    model = model_of(inputs={"x": torch.ones(4, 8), "scale": 2.0})
    assert change_by(lambda one: one.inputs["x"].add_(1), model) == "inputs['x'] has other values"

"""Inputs and outputs as models have them, on PyTorch: by name, nested, numbers, ModelOutput."""

from __future__ import annotations

import contextlib

import pytest

import ttbench_core
from ttbench_core import RunOptions, StagedModel, Stages
from ttbench_core.backends.planning import plan
from ttbench_core.backends.torch.backend import TorchBackend
from ttbench_core.models.describing import describe
from ttbench_core.testing import check_builder

torch = pytest.importorskip("torch")
modeling_outputs = pytest.importorskip("transformers.modeling_outputs")
pytestmark = pytest.mark.torch

from ttbench_core.models.inputs import tensor_mapper  # noqa: E402
from ttbench_core.models.reference.flops import count_flops  # noqa: E402
from ttbench_core.models.reference.forward import reference_outputs  # noqa: E402

BACKEND = TorchBackend()
QUICK = {"device": "cpu", "progress": False, "passes": 3, "warmup": 1, "roofline": False}
WORDS, WIDTH, ROWS, LENGTH = 20, 8, 4, 6


class Embed(torch.nn.Module):
    """Takes everything that inputs may be, by name alone."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(WORDS, WIDTH)

    def forward(self, *, input_ids, scale, past, repeats, token_type_ids=None, causal=False):
        assert input_ids.dtype == torch.int64
        assert scale.dim() == 0
        assert token_type_ids is None
        assert causal is True
        hidden = self.table(input_ids) * scale * repeats
        for key, value in past:
            hidden = hidden + key * value["gate"]
        return modeling_outputs.BaseModelOutput(last_hidden_state=hidden, hidden_states=(hidden,))


class Encode(torch.nn.Module):
    """Returns a ModelOutput, and gets the tensors of one by position."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden, skipped):
        hidden = self.linear(hidden) + skipped
        return modeling_outputs.BaseModelOutputWithPooling(
            last_hidden_state=hidden, pooler_output=hidden[:, 0]
        )


class Classify(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(WIDTH, 3)

    def forward(self, hidden, pooled):
        return {"logits": self.linear(pooled), "hidden": hidden}


class Whole(torch.nn.Module):
    """The three in one module."""

    def __init__(self):
        super().__init__()
        self.parts = torch.nn.ModuleList([Embed(), Encode(), Classify()])

    def forward(self, **inputs):
        embed, encode, classify = self.parts
        found = classify(*encode(*embed_both(embed(**inputs))).to_tuple())
        return modeling_outputs.BaseModelOutputWithPooling(
            last_hidden_state=found["hidden"], pooler_output=found["logits"]
        )


def embed_both(embedded):
    return embedded.last_hidden_state, embedded.hidden_states[0]


class Loss(torch.nn.Module):
    def forward(self, first, second, target):
        logits = first if first.shape[-1] == 3 else second
        return torch.nn.functional.cross_entropy(logits, target) + 0 * (first.sum() + second.sum())


def builder(*, staged):
    def build(training, microbatch=ROWS):
        stages = (
            Stages(cpu_pre=Embed(), device=Encode(), cpu_post=Classify(), loss=Loss())
            if staged
            else Stages(device=Whole(), loss=Loss())
        )
        shape = (microbatch, LENGTH)
        past = (torch.rand(*shape, WIDTH), {"gate": torch.rand(*shape, 1)})
        inputs = {
            "input_ids": torch.randint(WORDS, shape),
            "scale": torch.tensor(0.5),
            "past": [past],
            "repeats": 2,
            "token_type_ids": None,
            "causal": True,
        }
        return StagedModel(stages, inputs, [torch.randint(3, (microbatch,))])

    return build


def session_of(model, **options):
    return BACKEND.compile(model, plan(RunOptions("m", device="cpu", **options), BACKEND))


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("staged", [False, True])
def test_inputs_by_name_run_and_are_verified_at_every_level(level, staged):
    result = ttbench_core.run(
        builder(staged=staged), backend_opt_level=level, verify=True, microbatch=3, **QUICK
    )
    assert result.ok
    assert result.outputs_are_right
    assert result.verification["pcc"] == pytest.approx(1.0)
    assert len(result.verification["outputs"]) == 2
    assert result.total_samples == 3 * 5
    assert result.model["inputs"] == [
        {"name": "input_ids", "shape": [3, LENGTH], "dtype": "int64"},
        {"name": "scale", "shape": [], "dtype": "float32"},
        {"name": "past.0.0", "shape": [3, LENGTH, WIDTH], "dtype": "float32"},
        {"name": "past.0.1.gate", "shape": [3, LENGTH, 1], "dtype": "float32"},
        {"name": "repeats", "shape": [], "dtype": "int"},
        {"name": "token_type_ids", "shape": [], "dtype": "none"},
        {"name": "causal", "shape": [], "dtype": "bool"},
    ]


# torch's compiler looks at gradients of what the stage before has computed
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("staged", [False, True])
def test_inputs_by_name_train_at_every_level(level, staged):
    result = ttbench_core.run(
        builder(staged=staged), backend_opt_level=level, training=True, **QUICK
    )
    assert result.ok
    assert result.verification is None  # it would have failed where the loss is not finite
    assert result.cost["flops_by_stage"]["device"] > 0
    assert result.model["targets"] == [{"shape": [ROWS], "dtype": "int64"}]


@pytest.mark.parametrize("staged", [False, True])
def test_the_loss_of_a_step_is_that_of_plain_torch(staged):
    model = builder(staged=staged)(training=True)
    stages = model.stages
    with session_of(model, training=True) as session:
        session.push(model.inputs)
        (loss,) = session.pop()
    if staged:
        embedded = stages.cpu_pre(**model.inputs)
        outputs = stages.cpu_post(*stages.device(*embed_both(embedded)).to_tuple()).values()
    else:
        outputs = stages.device(**model.inputs).to_tuple()
    expected = stages.loss(*outputs, *model.targets)
    torch.testing.assert_close(loss, expected.detach())


@pytest.mark.parametrize("dataformat", ["Fp16_b", "Bfp8_b"])
def test_floats_are_converted_wherever_they_are_and_integers_are_not(dataformat):
    result = ttbench_core.run(builder(staged=False), dataformat=dataformat, **QUICK)
    assert result.outputs_are_right


def test_running_leaves_the_inputs_as_they_are():
    model = builder(staged=False)(training=False)
    before = dict(model.inputs)
    reference_outputs(model)
    with session_of(model, dataformat="Fp16_b") as session:
        session.push(model.inputs)
        session.pop()
    assert all(model.inputs[name] is value for name, value in before.items())
    assert model.inputs["past"][0][0].dtype == torch.float32


def test_a_nested_sequence_is_passed_by_position():
    class Nested(torch.nn.Module):
        def forward(self, pair, scale):
            return pair[0] * scale + pair[1]["bias"]

    pair = [torch.rand(2, 3), {"bias": torch.rand(2, 3)}]
    model = StagedModel(Stages(device=Nested()), [pair, 3])
    with session_of(model) as session:
        session.push(model.inputs)
        (output,) = session.pop()
    torch.testing.assert_close(output, pair[0] * 3 + pair[1]["bias"])


def test_a_declared_microbatch_counts_samples_that_are_not_in_the_first_dimension():
    def sequence_first(training, microbatch=5):
        module = torch.nn.GRU(4, 4)
        return StagedModel(
            Stages(device=module),
            [torch.rand(7, microbatch, 4), torch.rand(1, microbatch, 4)],
            microbatch=microbatch,
        )

    result = ttbench_core.run(sequence_first, microbatch=2, verify=True, **QUICK)
    assert result.args["microbatch"] == 2
    assert result.total_samples == 2 * 5
    assert result.outputs_are_right


def test_flops_are_counted_on_shapes_alone():
    for staged in (False, True):
        model = builder(staged=staged)(training=True)
        count = count_flops(model, training=False)
        assert count.method == "meta"
        assert count.total == 2 * ROWS * WIDTH * (LENGTH * WIDTH + 3)
        assert count_flops(model, training=True).total > 2 * count.total


def test_a_description_names_the_inputs(ttbench, fake_pack):
    found = describe(builder(staged=True), microbatch=2)
    assert [one["name"] for one in found.inputs][:3] == ["input_ids", "scale", "past.0.0"]
    fake_pack(
        "named-pack",
        "[ttbench.models]\nnamed = named_pack:named\n",
        named_pack=(
            "import torch\n"
            "def named(training):\n"
            "    return [torch.nn.Linear(3, 3)], {'input': torch.rand(2, 3)}\n"
        ),
    )
    assert "input input  [2, 3] float32" in ttbench("info", "named").out


def test_a_generator_gets_its_prompt_by_name():
    class Counting(torch.nn.Module):
        def prefill(self, *, prompt, start):
            return self._logits(prompt[:, -1:] + start), None

        def decode(self, token, past):
            return self._logits(token + 1), past

        def _logits(self, token):
            return torch.nn.functional.one_hot(token[:, 0] % 10, 10).float()

    def generate(training, generative=True):
        return StagedModel(
            Stages(device=Counting()),
            {"prompt": torch.full((2, 3), 7), "start": 1},
            generation={"max_length": 3, "prompt_length": 3},
        )

    result = ttbench_core.run(generate, verify=True, **QUICK)
    assert result.outputs_are_right
    assert result.generation["new_tokens"] == 3
    with session_of(generate(training=False)) as session:
        session.push(generate(training=False).inputs)
        _, tokens = session.pop()
    assert tokens.tolist() == [[8, 9, 0]] * 2


def test_inputs_are_pinned_in_their_structure(monkeypatch):
    from ttbench_core.backends.torch.sessions import AsyncSession, SessionInfo

    class Event:
        def record(self):
            pass

        synchronize = record

    monkeypatch.setattr(torch.cuda, "device", contextlib.nullcontext)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    inputs = {"a": torch.ones(2), "b": [torch.tensor(2.0), 3]}
    taken = []
    pin = tensor_mapper(lambda tensor: tensor + 1, inputs)
    info = SessionInfo({}, (), torch.device("cpu"))
    with AsyncSession(lambda one: taken.append(one) or [], pin, info, contextlib.ExitStack()) as it:
        it.push(inputs)
        it.pop()
    (pinned,) = taken
    assert pinned["a"].tolist() == [2, 2]
    assert pinned["b"][0].item() == 3
    assert pinned["b"][1] == 3


def test_check_builder_takes_inputs_of_every_kind():
    (model,) = check_builder(builder(staged=True), backend="torch", microbatch=2).values()
    assert len(model.inputs) == 6

"""bert and bert_stages: the networks, their inputs, their training."""

from __future__ import annotations

import pytest

import ttbench_core
from ttbench_core.errors import OptionError, UnknownNameError
from ttbench_core.testing import check_builder

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_models_nlp.bert import bert, bert_stages  # noqa: E402

# transformers 5.23.0 on torch 2.13.0, counted once for the project's facts
PARAMETERS = {"tiny": 4_385_920, "base": 109_482_240, "base_tc": 109_483_778}


@pytest.mark.parametrize(
    ("config", "shape"),
    [("tiny", (1, 128)), ("base", (1, 128)), ("base_tc", (1, 128)), ("large", (1, 384))],
)
def test_every_configuration_builds_and_runs(config, shape):
    layers = 1 if config == "large" else None
    model = check_builder(bert, config=config, microbatch=1, layers=layers)[config]
    assert [tuple(tensor.shape) for tensor in model.inputs] == [shape] * 3
    if config in PARAMETERS:
        counted = sum(p.numel() for p in model.stages.device.parameters())
        assert counted == PARAMETERS[config]


def test_large_has_the_published_shape():
    model = check_builder(bert, config="large_tc", microbatch=1, layers=1)["large_tc"]
    settings = model.stages.device.config
    assert (settings.hidden_size, settings.num_attention_heads) == (1024, 16)
    assert settings.intermediate_size == 4096


def test_layers_are_what_was_asked_for():
    model = check_builder(bert, config="tiny", microbatch=1, layers=3)["tiny"]
    assert len(model.stages.device.encoder.layer) == 3


def test_too_many_layers_are_refused_in_one_line():
    with pytest.raises(
        OptionError, match="--layers 5000: bert base has 12 layers, and takes 1 to 48"
    ):
        ttbench_core.run("bert", layers=5000)


@pytest.mark.parametrize("config", ["tiny", "base_tc", "large"])
def test_training_has_a_loss_with_gradients(config):
    result = ttbench_core.run(
        "bert",
        config=config,
        training=True,
        microbatch=2,
        layers=1,
        loop_count=1,
        passes=1,
        warmup=1,
        roofline=False,
        progress=False,
    )
    assert result.ok
    assert result.model["inputs"][0]["shape"] == [2, 128]


def test_three_stages_make_a_real_pipeline():
    result = ttbench_core.run(
        "bert_stages",
        config="tiny",
        microbatch=2,
        passes=2,
        warmup=1,
        roofline=False,
        progress=False,
    )
    assert result.model["stages"] == ["cpu_pre", "device", "cpu_post"]
    assert result.in_flight == 6
    # BERT as it is, and a classifier of two classes on 128 features
    assert result.model["parameters"] == PARAMETERS["tiny"] + 2 * 128 + 2


def test_the_split_network_computes_what_the_whole_one_does():
    split = check_builder(bert_stages, config="tiny", microbatch=2, seed=1)["tiny"]
    whole = check_builder(bert, config="tiny", microbatch=2, seed=1)["tiny"]
    assert torch.equal(split.inputs[0], whole.inputs[0])
    for module in (*split.stages.present().values(), whole.stages.device):
        module.eval()
    with torch.inference_mode():
        hidden = split.stages.device(split.stages.cpu_pre(*split.inputs))[0]
        expected = whole.stages.device(*whole.inputs)[0]
        logits = split.stages.cpu_post(hidden)
    torch.testing.assert_close(hidden, expected)
    assert logits.shape == (2, 2)


def test_the_split_network_trains():
    result = ttbench_core.run(
        "bert_stages",
        config="tiny",
        training=True,
        microbatch=1,
        passes=1,
        warmup=1,
        roofline=False,
        progress=False,
    )
    assert result.model["stages"] == ["cpu_pre", "device", "cpu_post", "loss"]
    assert result.in_flight == 1


def test_weights_and_inputs_repeat_for_a_seed():
    first, second = (check_builder(bert, config="tiny", seed=3)["tiny"] for _ in range(2))
    other = check_builder(bert, config="tiny", seed=4)["tiny"]
    assert torch.equal(first.inputs[0], second.inputs[0])
    assert not torch.equal(first.inputs[0], other.inputs[0])
    weights = [next(one.stages.device.parameters()) for one in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_an_unknown_configuration_says_which_there_are():
    with pytest.raises(UnknownNameError, match="one of tiny, base, large, base_tc, large_tc"):
        ttbench_core.run("bert", config="huge")


def test_the_pack_imports_no_torch_until_it_builds(python):
    modules = ("bert", "encoders", "encoder_decoders", "decoders", "speech")
    imports = "; ".join(f"import ttbench_models_nlp.{name}" for name in modules)
    done = python(
        "-c", f"import sys; {imports}; print({{'torch', 'transformers'}} & {{*sys.modules}})"
    )
    assert done.stdout == "set()\n"

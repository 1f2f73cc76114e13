"""Generating: the cache, its lengths, and where it cannot be."""

from __future__ import annotations

import sys

import pytest

import ttbench_core
from ttbench_core.errors import OptionError, UnsupportedOptionError
from ttbench_core.model import GeneratingModule

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

DECODERS = ("gpt2", "opt", "llama", "qwen", "phi", "gemma", "falcon", "mamba", "moe")
ENCODER_DECODERS = ("t5", "flan_t5", "bart", "whisper")
#: Configurations whose network is another class than that of the model's first.
OTHERS = (("qwen", "3-0.6b"), ("phi", "3-mini"))
CASES = [*((name, None) for name in (*DECODERS, *ENCODER_DECODERS)), *OTHERS]
STEPS = 6


def small(builder, config, **changes):
    """Build two layers of a network; narrow ones of those that are wide."""
    options = {"microbatch": 2, "force_num_layers": 2, "new_tokens": STEPS, **changes}
    if "seq_len" in builder.function.__code__.co_varnames:
        options.setdefault("seq_len", 7)
    return builder(training=False, config=config or builder.configs[0], **options)


@pytest.mark.parametrize(("name", "config"), CASES)
def test_a_cached_decode_gives_what_an_uncached_one_gives(
    builders, available, narrow, name, config
):
    available(name, config or builders[name].configs[0])
    torch.manual_seed(0)
    model = small(builders[name], config)
    module = model.stages.device.eval()
    assert isinstance(module, GeneratingModule)
    *source, text = model.inputs
    with torch.no_grad():
        logits, past = module.prefill(*model.inputs)
        for step in range(STEPS):
            uncached = module(*source, text)[:, -1]
            assert logits.shape == uncached.shape
            torch.testing.assert_close(logits, uncached, rtol=1e-3, atol=1e-4)
            token = logits.argmax(dim=-1, keepdim=True)
            assert torch.equal(token, uncached.argmax(dim=-1, keepdim=True))
            if step < STEPS - 1:
                text = torch.cat([text, token], dim=1)
                logits, past = module.decode(token, past)


def test_a_run_generates_the_tokens_that_were_asked_for(builders):
    result = ttbench_core.run(
        "gpt2",
        config="distil",
        layers=1,
        seq_len=5,
        new_tokens=3,
        loop_count=1,
        passes=1,
        warmup=1,
        roofline=False,
        progress=False,
    )
    assert result.ok
    assert result.total_samples == 3
    assert result.model["inputs"][0]["shape"] == [1, 5]


@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_prompt_and_tokens_are_as_long_as_was_asked_for(builders, name):
    model = small(builders[name], None, seq_len=9, new_tokens=4)
    assert model.generation == {"max_length": 4, "prompt_length": 9}
    assert model.inputs[0].shape == (2, 9)


def test_whisper_begins_with_the_tokens_that_say_what_to_write(builders):
    model = small(builders["whisper"], None)
    # what it reads first is sound, so it has no prompt of tokens
    assert model.generation == {"max_length": STEPS}
    assert [tuple(tensor.shape) for tensor in model.inputs] == [(2, 80, 3000), (2, 4)]


def test_layers_are_those_of_encoder_and_decoder(builders):
    network = small(builders["t5"], None, force_num_layers=3).stages.device.network
    assert len(network.encoder.block) == len(network.decoder.block) == 3


@pytest.mark.parametrize("name", ["gpt2", "bart", "whisper"])
def test_without_generation_the_model_runs_once_an_input(builders, name):
    model = small(builders[name], None, generative=False, new_tokens=None)
    assert model.generation == {}
    with torch.no_grad():
        assert model.stages.device(*model.inputs).ndim == 3


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("gpt2", {"seq_len": 1000}, "and 1031 were asked for: use fewer --new_tokens than 32, or"),
        ("gpt2", {"seq_len": 1025, "generative": False}, "use --seq_len 1024 or less"),
        ("gpt2", {"seq_len": 1, "training": True}, "--seq_len 1: gpt2 base is trained on the"),
        ("opt", {"layers": 1001}, "--layers 1001: opt 125m has 12 layers, and takes 1 to 48"),
        ("bart", {"new_tokens": 1025}, "bart base reads at most 1024 tokens"),
        (
            "whisper",
            {"new_tokens": 446},
            "448 tokens, and 449 were .*: use fewer --new_tokens than 446$",
        ),
        (
            "roberta",
            {"seq_len": 513},
            "roberta base reads at most 512 .*: use --seq_len 512 or less$",
        ),
    ],
)
def test_what_is_too_long_is_refused_in_one_line(name, options, complaint):
    with pytest.raises(OptionError, match=complaint) as raised:
        ttbench_core.run(name, progress=False, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("whisper", {"seq_len": 64}),
        ("wav2vec2", {"seq_len": 64}),
        ("roberta", {"new_tokens": 4}),
        ("gpt2", {"image_size": 64}),
        ("roberta", {"generative": True}),
    ],
)
def test_what_a_model_does_not_have_is_refused(name, options):
    with pytest.raises(UnsupportedOptionError):
        ttbench_core.run(name, layers=1, progress=False, **options)


def test_an_old_transformers_says_which_version_has_the_network(builders, monkeypatch):
    class Old:
        __version__ = "4.41.0"

    monkeypatch.setitem(sys.modules, "transformers", Old)
    with pytest.raises(OptionError, match=r"came with transformers 4\.48, and 4\.41\.0 is"):
        builders["modernbert"](training=False, config="base")

"""A declared cache gives the tokens of the model's own, and is what it was declared to be."""

from __future__ import annotations

import pytest

import ttbench_core
from ttbench_core.model import StaticCacheModule

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

DECLARED = (
    ("gpt2", "distil"),
    ("llama", "smollm2-135m"),
    ("qwen", "2.5-0.5b"),
    ("qwen", "3-0.6b"),
    ("t5", "small"),
    ("flan_t5", "small"),
)
NOT_DECLARED = ("opt", "phi", "gemma", "falcon", "mamba", "moe", "bart", "whisper")
TOKENS = 8


@pytest.fixture
def model_of(builders, available, few_words):
    """Build two layers of a model; its device stage is in eval mode."""

    def build(name, config, **changes):
        available(name, config)
        torch.manual_seed(0)
        sizes = {"microbatch": 2, "force_num_layers": 2, "seq_len": 7, "new_tokens": TOKENS}
        model = builders[name](training=False, config=config, **{**sizes, **changes})
        model.stages.device.eval()
        return model

    return build


@pytest.fixture
def declaring(model_of):
    """Build a model with a declared cache; skip where transformers is too old for it."""

    def build(name, config, **changes):
        model = model_of(name, config, **changes)
        if not isinstance(model.stages.device, StaticCacheModule):
            transformers = pytest.importorskip("transformers")
            assert int(transformers.__version__.split(".")[0]) < 5
            pytest.skip(f"transformers {transformers.__version__} is too old")
        return model

    return build


def zeros(declared, dtype=torch.float32):
    return {name: torch.zeros(one.shape, dtype=dtype) for name, one in declared.tensors.items()}


def tokens_of(model, cache):
    from ttbench_core.backends.shared.token_generator import TokenGenerator

    module, host = model.stages.device, torch.device("cpu")
    generator = TokenGenerator(module, host, torch.float32, TOKENS, static_cache=cache == "static")
    with torch.inference_mode():
        return generator(model.inputs)


@pytest.mark.parametrize(("name", "config"), DECLARED)
def test_both_caches_give_equal_tokens(declaring, name, config):
    model = declaring(name, config)
    expected, found = tokens_of(model, "dynamic"), tokens_of(model, "static")
    assert found[1].shape == (2, TOKENS)
    assert torch.equal(found[1], expected[1])
    torch.testing.assert_close(found[0], expected[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "config"), DECLARED)
def test_the_tensors_are_those_that_were_declared(declaring, name, config):
    model = declaring(name, config)
    module = model.stages.device.to(torch.bfloat16)
    declared = module.static_cache(model.inputs, TOKENS)
    begun = model.inputs[-1].shape[1]
    assert (declared.prompt_length, declared.length) == (begun, begun + TOKENS - 1)
    with torch.inference_mode():
        logits, cache = module.prefill_static(model.inputs, zeros(declared, torch.bfloat16))
        token, position = logits.argmax(-1, keepdim=True), torch.tensor([declared.prompt_length])
        _, later = module.decode_static(token, position, cache)
    for tensors in (cache, later):
        assert list(tensors) == list(declared.tensors)
        for key, one in declared.tensors.items():
            assert tuple(tensors[key].shape) == one.shape
            assert tensors[key].dtype == torch.bfloat16
            if one.length_dimension is not None:
                assert one.shape[one.length_dimension] == declared.length


@pytest.mark.parametrize(("name", "config"), [("gpt2", "distil"), ("t5", "small")])
def test_no_step_changes_the_tensors_that_it_gets(declaring, name, config):
    model = declaring(name, config)
    module = model.stages.device
    declared = module.static_cache(model.inputs, TOKENS)
    start = zeros(declared)
    with torch.inference_mode():
        _, cache = module.prefill_static(model.inputs, start)
        before = {key: tensor.clone() for key, tensor in cache.items()}
        token, position = torch.ones(2, 1, dtype=torch.int64), torch.tensor([declared.length - 1])
        module.decode_static(token, position, cache)
    assert all(not tensor.any() for tensor in start.values())
    assert all(torch.equal(cache[key], tensor) for key, tensor in before.items())


@pytest.mark.parametrize(("name", "config"), DECLARED)
def test_one_graph_that_is_exported_serves_every_step(declaring, name, config):
    class Decode(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.module = model.stages.device

        def forward(self, token, position, cache):
            return self.module.decode_static(token, position, cache)

    model = declaring(name, config)
    module = model.stages.device
    declared = module.static_cache(model.inputs, TOKENS)
    with torch.no_grad():
        logits, cache = module.prefill_static(model.inputs, zeros(declared))
        token = logits.argmax(-1, keepdim=True)
        first = (token, torch.tensor([declared.prompt_length]), cache)
        graph = torch.export.export(Decode(), first).module()
        for place in range(declared.prompt_length, declared.length):
            step = (token, torch.tensor([place]), cache)
            (found, _), (logits, cache) = graph(*step), module.decode_static(*step)
            torch.testing.assert_close(found, logits)
            token = logits.argmax(-1, keepdim=True)


@pytest.mark.parametrize("name", NOT_DECLARED)
def test_networks_with_another_cache_declare_none(model_of, builders, narrow, name):
    sizes = {} if name == "whisper" else {"seq_len": 7}
    torch.manual_seed(0)
    options = {"microbatch": 1, "force_num_layers": 1, "new_tokens": 2, **sizes}
    model = builders[name](training=False, config=builders[name].configs[0], **options)
    assert not isinstance(model.stages.device, StaticCacheModule)


def test_a_network_with_a_window_declares_none(model_of, monkeypatch):
    from ttbench_models_nlp import rotary_tables

    settings = rotary_tables.QWEN.variants["2.5-0.5b"].settings
    window = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 0}
    for name, value in window.items():
        monkeypatch.setitem(settings, name, value)
    assert not isinstance(model_of("qwen", "2.5-0.5b").stages.device, StaticCacheModule)


def test_an_older_transformers_has_no_declared_cache(model_of, monkeypatch):
    transformers = pytest.importorskip("transformers")
    monkeypatch.setattr(transformers, "__version__", "4.56.1")
    assert not isinstance(model_of("gpt2", "distil").stages.device, StaticCacheModule)


def test_a_run_without_a_choice_generates_with_the_models_own_cache(builders):
    sizes = {"layers": 1, "seq_len": 5, "new_tokens": 2, "loop_count": 1, "passes": 1}
    result = ttbench_core.run(
        "gpt2", config="distil", device="cpu", roofline=False, progress=False, **sizes
    )
    assert result.effective["cache"] == "dynamic"

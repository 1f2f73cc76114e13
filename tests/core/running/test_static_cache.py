"""Generating with a declared cache on PyTorch: equal tokens, and steps that can be compiled."""

from __future__ import annotations

import contextlib
import weakref

import pytest

from ttbench_core import StagedModel, Stages
from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import CacheTensor, GeneratingModule, StaticCache, StaticCacheModule
from ttbench_core.request.options import DataFormat, RunOptions

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.backends.shared.token_generator import TokenGenerator  # noqa: E402
from ttbench_core.backends.torch.compiling import compile_session  # noqa: E402

WORDS, WIDTH, TOKENS = 40, 16, 6
HOST = torch.device("cpu")


class Generator(torch.nn.Module):
    """One layer of attention to all tokens before; its cache is what it attends to."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(WORDS, WIDTH)
        self.places = torch.nn.Embedding(64, WIDTH)
        self.head = torch.nn.Linear(WIDTH, WORDS)

    def _logits(self, token, seen):
        weights = torch.softmax(token @ seen.transpose(1, 2), dim=-1)
        return self.head(weights @ seen)[:, -1]

    def prefill(self, ids):
        seen = self.words(ids) + self.places.weight[: ids.shape[1]]
        return self._logits(seen[:, -1:], seen), seen

    def decode(self, token, past):
        new = self.words(token) + self.places.weight[past.shape[1]]
        seen = torch.cat([past, new], dim=1)
        return self._logits(new, seen), seen


class Declaring(Generator):
    """The same with a declared cache, and the number of tokens in it as a whole number."""

    def static_cache(self, inputs, new_tokens):
        rows, prompt = inputs[0].shape
        length = prompt + new_tokens - 1
        seen = CacheTensor((rows, length, WIDTH), length_dimension=1)
        return StaticCache(
            {"seen": seen, "count": CacheTensor((1,), dtype="int64")}, length, prompt
        )

    def _static(self, new, position, cache):
        assert cache["count"].dtype == torch.int64
        seen = cache["seen"].index_copy(1, position, new)
        later = torch.arange(seen.shape[1], device=seen.device) > position[-1]
        scores = (new[:, -1:] @ seen.transpose(1, 2)).masked_fill(later, -torch.inf)
        logits = self.head(torch.softmax(scores, dim=-1) @ seen)[:, -1]
        return logits, {"seen": seen, "count": cache["count"] + len(position)}

    def prefill_static(self, inputs, cache):
        position = torch.arange(inputs[0].shape[1], device=inputs[0].device)
        return self._static(self.words(inputs[0]) + self.places(position), position, cache)

    def decode_static(self, token, position, cache):
        return self._static(self.words(token) + self.places(position), position, cache)


def model_of(module, generation=None):
    torch.manual_seed(3)
    ids = torch.randint(WORDS, (2, 5))
    loop = {"max_length": TOKENS, "prompt_length": 5} if generation is None else generation
    return StagedModel(Stages(device=module), [ids], generation=loop)


def session_of(model, level=0, data_format=DataFormat.FP32, cache="static"):
    backend = choose_backend("torch")
    asked = RunOptions(
        "m",
        device="cpu",
        backend_opt_level=level,
        dataformat=data_format,
        engine_options={"cache": cache},
    )
    return compile_session(model, plan(asked, backend))


def tokens_of(session, model):
    session.push(model.inputs)
    return session.pop()[1]


def test_a_module_may_declare_its_cache_beside_the_opaque_one():
    assert isinstance(Declaring(), GeneratingModule)
    assert isinstance(Declaring(), StaticCacheModule)
    assert not isinstance(Generator(), StaticCacheModule)


@pytest.mark.parametrize("data_format", [DataFormat.FP32, DataFormat.FP16_B])
def test_both_caches_give_equal_tokens(data_format):
    model = model_of(Declaring())
    found = {}
    for cache in ("dynamic", "static"):
        with session_of(model, data_format=data_format, cache=cache) as session:
            found[cache] = tokens_of(session, model)
            # a session starts every prompt anew
            assert torch.equal(tokens_of(session, model), found[cache])
            assert session.effective["cache"] == cache
            assert len(session.token_ns) == TOKENS
    assert found["static"].shape == (2, TOKENS)
    assert torch.equal(found["static"], found["dynamic"])


class Watched(Declaring):
    """Knows which of the caches that it made are alive."""

    def __init__(self, fails=False):
        super().__init__()
        self.fails = fails
        self.caches = weakref.WeakSet()

    def prefill(self, ids):
        logits, seen = super().prefill(ids)
        self.caches.add(seen)
        return logits, seen

    def decode(self, token, past):
        if self.fails:
            raise RuntimeError("no memory left")
        logits, seen = super().decode(token, past)
        self.caches.add(seen)
        return logits, seen

    def _static(self, new, position, cache):
        if self.fails and len(position) == 1:
            raise RuntimeError("no memory left")
        logits, made = super()._static(new, position, cache)
        self.caches.add(made["seen"])
        return logits, made


@pytest.mark.parametrize("cache", ["dynamic", "static"])
def test_no_cache_stays_in_memory_until_the_next_prompt(cache):
    module = Watched()
    generator = TokenGenerator(module, HOST, torch.float32, TOKENS, static_cache=cache == "static")
    with torch.inference_mode():
        generator(model_of(module).inputs)
    assert len(module.caches) == 0


@pytest.mark.parametrize("cache", ["dynamic", "static"])
def test_no_cache_stays_in_memory_after_a_step_that_failed(cache):
    module = Watched(fails=True)
    generator = TokenGenerator(module, HOST, torch.float32, TOKENS, static_cache=cache == "static")
    with torch.inference_mode(), contextlib.suppress(RuntimeError):
        generator(model_of(module).inputs)
    assert len(module.caches) == 0


def test_a_prompt_of_another_shape_gets_another_cache():
    model, other = model_of(Declaring()), torch.randint(WORDS, (3, 9))
    with torch.inference_mode():
        static = TokenGenerator(model.stages.device, HOST, torch.float32, TOKENS, static_cache=True)
        dynamic = TokenGenerator(model.stages.device, HOST, torch.float32, TOKENS)
        for ids in (model.inputs[0], other):
            assert torch.equal(static([ids])[1], dynamic([ids])[1])


def test_steps_with_a_static_cache_can_be_compiled():
    model = model_of(Declaring())
    with session_of(model, cache="dynamic") as session:
        expected = tokens_of(session, model)
    with session_of(model, level=2) as session:
        assert session.effective["compiled"] is True
        before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        assert torch.equal(tokens_of(session, model), expected)
        # compiling was part of making the session, and no step compiles again
        assert before > 0
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before


def test_its_outputs_are_verified_also_in_fp32_on_the_cpu():
    model = model_of(Declaring())
    with session_of(model) as session:
        assert not session.is_reference
    with session_of(model, cache="dynamic") as session:
        assert session.is_reference


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (model_of(Generator()), {}, "declares no static cache"),
        (model_of(torch.nn.Embedding(WORDS, 4), {}), {}, "this run generates none"),
        (model_of(Declaring()), {"level": 2, "cache": "dynamic"}, "a past grows with each token"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(model, options, message):
    with pytest.raises(UnsupportedOptionError, match=message) as refused:
        session_of(model, **options)
    assert "\n" not in str(refused.value)


def test_the_option_of_the_command_line_chooses_the_cache():
    import ttbench_core

    def speaker(training, generative=True):
        return model_of(Declaring())

    quick = {"passes": 1, "warmup": 0, "roofline": False, "progress": False, "backend": "torch"}
    result = ttbench_core.run(speaker, engine_options={"cache": "static"}, **quick)
    assert result.effective["cache"] == "static"
    assert result.outputs_are_right
    assert result.args["engine_options"] == {"cache": "static"}
    assert ttbench_core.run(speaker, **quick).effective["cache"] == "dynamic"

"""Generating tokens: the times of each, what is said of them, and what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttbench_core
from ttbench_core import RequestError, Result
from ttbench_core.measure.passes import Pass, drive
from ttbench_core.measure.tokens import token_times_of
from ttbench_core.record.deriving import derive
from ttbench_core.testing import FakeClock, FakeSession, example_result


def prompt(push_ns, *tokens_ns):
    return Pass((push_ns,), (tokens_ns[-1] + 5,), (tokens_ns,))


def test_the_times_are_those_of_the_definitions():
    found = token_times_of([prompt(0, 100, 130, 170), prompt(10, 60, 80, 120)])
    assert found.new_tokens == 3
    assert found.ttft_ns == (100, 50)
    assert found.tpot_ns == (35, 30)
    assert found.itl_ns == (30, 40, 20, 40)


def test_one_token_has_no_time_per_output_token():
    found = token_times_of([prompt(0, 100)])
    assert (found.ttft_ns, found.tpot_ns, found.itl_ns) == ((100,), (), ())


def test_passes_without_tokens_have_none_of_it():
    assert token_times_of([Pass((0,), (10,))]) is None


@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=50))
def test_the_gaps_add_up_to_what_is_left_after_the_first_token(gaps):
    times = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    found = token_times_of([prompt(0, *times)])
    assert sum(found.itl_ns) + found.ttft_ns[0] == times[-1]
    assert found.tpot_ns[0] == pytest.approx(sum(found.itl_ns) / len(found.itl_ns), abs=1)


class Speaking(FakeSession):
    """A session that says when its tokens came."""

    token_ns = (1_007, 1_009)


def test_a_pass_keeps_the_times_of_tokens_from_its_own_beginning():
    clock = FakeClock()
    clock.advance(1_000)
    one = drive(Speaking(clock, push_ns=3, pop_ns=4), [], 2, clock)
    assert one.token_ns == ((7, 9), (7, 9))


def test_what_is_said_of_a_generator_is_computed_from_its_record():
    raw = example_result(
        args={"model": "m", "config": None, "loop_count": 1, "microbatch": 2},
        model={"unit": "token", "samples_per_input": 6, "prompt_tokens": 50},
        passes=[
            {"e2e_ns": 200, "push_ns": [0], "pop_ns": [200], "token_ns": [[100, 130, 170]]},
        ]
        * 3,
        total_time=None,
    )
    result = derive(Result.from_record(json.loads(raw.to_json())))
    assert result.total_samples == 6
    assert result.generation["ttft"]["p50_ns"] is None  # three prompts are too few
    assert result.generation["itl"]["count"] == 6
    assert result.generation["prefill_tokens_per_s"] == pytest.approx(2 * 50 / 100e-9)
    assert result.generation["decode_tokens_per_s"] == pytest.approx(2 / 35e-9)
    labels = dict(result.summary())
    assert labels["generation"].startswith("prompts of 50 tokens, 3 new tokens, prefill")
    assert "tokens/s" in labels["throughput"]


# ----- on PyTorch ------------------------------------------------------------------------------


class Counting:
    """Made in the tests that need it: torch is imported there alone."""

    @staticmethod
    def make(torch):
        class Module(torch.nn.Module):
            """Its next token is one more than the last; its logits pass through a weight."""

            def __init__(self):
                super().__init__()
                self.scale = torch.nn.Linear(11, 11, bias=False)
                self.scale.weight.data = torch.eye(11)

            def _after(self, token):
                hot = torch.nn.functional.one_hot((token + 1) % 11, 11)
                return self.scale(hot.to(self.scale.weight.dtype))

            def prefill(self, ids):
                return self._after(ids[:, -1]), 1

            def decode(self, token, past):
                assert token.shape == (token.shape[0], 1)
                return self._after(token[:, 0]), past + 1

        return Module()


def counting(training, microbatch: int = 2, new_tokens: int = 4, generative=None):
    """A generator by habit, and a plain model when told so."""
    import torch

    from ttbench_core import StagedModel, Stages

    if generative is False:
        return [torch.nn.Linear(3, 3)], [torch.rand(microbatch, 3)]
    return StagedModel(
        stages=Stages(device=Counting.make(torch)),
        inputs=[torch.full((microbatch, 3), 4)],
        generation={"max_length": new_tokens, "prompt_length": 3},
    )


def run(**options):
    asked = {"backend": "torch", "device": "cpu", "passes": 3, "warmup": 1, "roofline": False}
    return ttbench_core.run(counting, **{**asked, **options})


@pytest.mark.torch
def test_a_generator_counts_tokens_and_times_each():
    pytest.importorskip("torch")
    result = run(loop_count=2)
    assert result.total_samples == 2 * 2 * 4
    assert result.model["unit"] == "token"
    assert result.generation["new_tokens"] == 4
    assert result.generation["prompt_tokens"] == 3
    assert result.generation["ttft"]["count"] == 3 * 2
    assert result.generation["itl"]["count"] == 3 * 2 * 3
    assert [len(tokens) for tokens in result.passes[0]["token_ns"]] == [4, 4]
    # prefill and every further token
    assert result.cost["flops_per_input"] == 4 * 2 * 2 * 11 * 11


@pytest.mark.torch
def test_its_tokens_are_the_greedy_ones():
    torch = pytest.importorskip("torch")
    from ttbench_core.backends.shared.token_generator import TokenGenerator

    generator = TokenGenerator(
        Counting.make(torch), torch.device("cpu"), torch.float32, token_count=5
    )
    logits, tokens = generator([torch.full((2, 3), 8)])
    assert tokens.tolist() == [[9, 10, 0, 1, 2]] * 2
    assert logits.argmax(-1).tolist() == [9, 9]
    assert len(generator.token_ns) == 5


@pytest.mark.torch
def test_the_logits_of_the_first_token_are_verified():
    pytest.importorskip("torch")
    result = run(dataformat="Fp16_b")
    assert result.verification["passed"]
    assert len(result.verification["outputs"]) == 1


@pytest.mark.torch
def test_new_tokens_and_the_plain_forward_are_as_asked():
    pytest.importorskip("torch")
    assert run(new_tokens=6).generation["new_tokens"] == 6
    plain = run(generative=False)
    assert plain.generation is None
    assert plain.model["unit"] == "sample"


@pytest.mark.torch
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend_opt_level": 2}, "a past grows with each token: use -opt 0 or 1"),
        ({"seq_len": 3}, "does not support --seq_len"),
        ({"new_tokens": 3, "generative": False}, "leave out --no-generative"),
        ({"new_tokens": 3, "training": True}, "--new_tokens is about inference"),
    ],
)
def test_what_a_generator_cannot_do_is_refused(options, message):
    pytest.importorskip("torch")
    with pytest.raises(RequestError, match=message):
        run(**options)


@pytest.mark.torch
def test_a_model_that_generates_nothing_refuses_to():
    torch = pytest.importorskip("torch")

    def plain(training):
        return [torch.nn.Linear(2, 2)], [torch.rand(1, 2)]

    with pytest.raises(RequestError, match="does not generate tokens: leave out --generative"):
        ttbench_core.run(plain, backend="torch", generative=True)

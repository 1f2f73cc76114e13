"""T5 as PyBuda generates with it: on the stand-in, and step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ttbench_core import RunOptions
from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.errors import OptionError
from ttbench_core.models.building import build_model
from ttbench_core.models.counting import new_tokens_of, parameter_count

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

SHORT = {"training": False, "config": "small", "microbatch": 1, "force_num_layers": 2}
#: Positions before the tile that is read.
PAST = 480


def uncached(network, ids, tokens):
    """Generate greedily without any cache; gives what follows the first token."""
    text = torch.zeros(1, 1, dtype=torch.long)
    with torch.inference_mode():
        for _ in range(tokens):
            logits = network(input_ids=ids, decoder_input_ids=text).logits
            text = torch.cat([text, logits[:, -1:].argmax(dim=-1)], dim=1)
    return text[0, 1:].tolist()


def test_the_shapes_are_those_of_the_original(builders):
    with torch.device("meta"):
        model = builders["t5"](training=False, config="base", devtype="silicon")
    assert [tuple(tensor.shape) for tensor in model.inputs] == [(1, 64), (1, 64), (1, 32), (1, 512)]
    assert model.generation["first_current_index"] == PAST
    assert new_tokens_of(model) == 64
    encoder, first, cached = model.generation["compile_inputs"]
    assert [tuple(tensor.shape) for tensor in encoder] == [(1, 64), (1, 64)]
    own, empty, whole = (1, 12, PAST, 64), (1, 1, 1, 1), (1, 12, 64, 64)
    assert [tuple(tensor.shape) for tensor in first[4:]] == [own, own, empty, empty] * 12
    assert [tuple(tensor.shape) for tensor in cached[4:]] == [own, own, whole, whole] * 12
    assert parameter_count(model) == builders["t5"].declared_of["base"].parameters


@pytest.mark.parametrize("name", ["t5", "flan_t5"])
def test_a_step_after_a_step_gives_what_the_whole_network_gives(builders, name):
    torch.manual_seed(0)
    model = builders[name](**SHORT, devtype="golden", seq_len=9)
    encoder, first, cached = model.stages.device
    ids, mask, text, text_mask = model.inputs
    _, (*_, empty_own, _, empty_read, _), _ = model.generation["compile_inputs"]
    assert empty_own.shape[2] == PAST
    assert empty_read.shape == (1, 1, 1, 1)
    with torch.inference_mode():
        states = encoder(ids, mask)
        begun = first(text, text_mask, states, mask, *model.generation["compile_inputs"][1][4:])
        text, text_mask = text.clone(), text_mask.clone()
        text[0, 1], text_mask[0, PAST + 1] = 77, 1
        # what was read of the states is kept, and the tile is read anew
        past = [
            begun[1 + place] if place % 4 >= 2 else empty
            for place, empty in enumerate(model.generation["compile_inputs"][2][4:])
        ]
        (logits, *_) = cached(text, text_mask, torch.zeros_like(states), mask, *past)
        expected = encoder.network(input_ids=ids, decoder_input_ids=text[:, :2]).logits
    torch.testing.assert_close(begun[0][:, :1], expected[:, :1], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(logits[:, :2], expected, rtol=1e-4, atol=1e-3)


def test_the_stand_in_generates_what_the_network_does(fake_pybuda, builders):
    backend = choose_backend("pybuda")
    asked = RunOptions("t5", backend="pybuda", layers=2, new_tokens=10, seq_len=9)
    planned = plan(asked, backend)
    request = replace(asked, config="small")
    model = build_model(builders["t5"], request, planned.for_builder(), "t5 small")
    with backend.compile(model, planned) as session:
        session.push(model.inputs)
        (tokens,) = session.pop()
    network = model.stages.device[0].network
    assert tokens[0].tolist() == uncached(network, model.inputs[0], 10)


def test_without_generation_a_card_runs_the_plain_network(builders):
    model = builders["t5"](**SHORT, devtype="silicon", generative=False, seq_len=9)
    assert model.generation == {}
    assert len(model.inputs) == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"new_tokens": 513}, "--new_tokens 513: on a card t5 small has 512 positions"),
        ({"seq_len": 1}, "--seq_len 1: on a card t5 small reads 2 tokens or more"),
    ],
)
def test_what_a_card_cannot_hold_is_refused(builders, options, complaint):
    with pytest.raises(OptionError, match=complaint):
        builders["t5"](**SHORT, devtype="silicon", **options)

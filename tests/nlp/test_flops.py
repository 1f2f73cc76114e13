"""FLOPs of BERT: the figures of a study, and the formula of a layer."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.models.reference.flops import _count, count_flops  # noqa: E402
from ttbench_models_nlp.bert import bert, bert_stages  # noqa: E402

# ttbench's own study of models, bert-base of 12 layers on 8 x 128 tokens
WITH_ATTENTION = 178.79e9
WITHOUT_ATTENTION = 173.96e9


def count(builder, training=False, **options):
    return count_flops(builder(training=training, **options), training=training)


def layer(samples, tokens, hidden):
    """Four projections, two products of the feed-forward part, scores and their sums."""
    products = 2 * samples * tokens * (4 * hidden**2 + 2 * 4 * hidden**2)
    return products + attention(samples, tokens, hidden)


def attention(samples, tokens, hidden):
    return 2 * 2 * samples * tokens**2 * hidden


def test_bert_base_has_the_flops_of_the_study():
    counted = count(bert, config="base", microbatch=8)
    assert counted.total == pytest.approx(WITH_ATTENTION, rel=1e-4)
    without = counted.total - 12 * attention(8, 128, 768)
    assert without == pytest.approx(WITHOUT_ATTENTION, rel=1e-4)


def test_a_layer_more_is_the_formula_more():
    one, two = (count(bert, config="tiny", microbatch=2, force_num_layers=n) for n in (1, 2))
    assert two.total - one.total == layer(samples=2, tokens=128, hidden=128)


def test_three_stages_are_counted_each():
    counted = count(bert_stages, config="tiny", microbatch=2)
    assert counted.stages["cpu_pre"] == 0
    assert counted.stages["device"] == 2 * layer(samples=2, tokens=128, hidden=128)
    assert counted.stages["cpu_post"] > 0


@pytest.mark.parametrize("training", [False, True])
def test_shapes_alone_and_a_real_run_count_the_same(training):
    model = bert_stages(training=training, config="tiny", microbatch=2)
    by_shapes, by_run = (
        _count(model, torch.device(place), training=training) for place in ("meta", "cpu")
    )
    assert by_shapes == by_run


def test_training_is_three_times_the_forward_of_the_encoder():
    forward, training = (count(bert_stages, t, config="tiny", microbatch=2) for t in (False, True))
    assert training.stages["device"] == 3 * forward.stages["device"]

"""Losses of the vision pack: what they compare, against their definitions."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_models_vision.losses import (  # noqa: E402
    ContrastiveLoss,
    FirstOutputsL1Loss,
    PixelBinaryCrossEntropyLoss,
    PixelCrossEntropyLoss,
)


def test_pixels_are_compared_at_the_size_of_their_classes():
    logits = torch.zeros(2, 3, 4, 4)
    logits[:, 1] = 20
    right, wrong = (torch.full((2, 16, 16), c) for c in (1, 2))
    assert float(PixelCrossEntropyLoss()(logits, right)) == pytest.approx(0, abs=1e-6)
    assert float(PixelCrossEntropyLoss()(logits, wrong)) == pytest.approx(20, abs=1e-4)


def test_probabilities_of_half_precision_are_compared_in_full():
    half = torch.full((1, 1, 2, 2), 0.5, dtype=torch.bfloat16)
    loss = PixelBinaryCrossEntropyLoss()(half, torch.ones(1, 1, 2, 2, dtype=torch.bfloat16))
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(0.6931, abs=1e-4)


def test_only_the_first_outputs_are_compared_each_with_its_target():
    outputs = torch.ones(2, 3), torch.zeros(2, 4), torch.full((7,), 100.0)
    targets = torch.zeros(2, 3), torch.full((2, 4), 0.5)
    assert float(FirstOutputsL1Loss(targets=2)(*outputs, *targets)) == 1.5


def test_every_row_of_an_output_is_compared_with_a_target_of_one():
    layers = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1).expand(2, 3, 4, 5)
    assert float(FirstOutputsL1Loss(targets=1)(layers, torch.zeros(2, 1, 4, 5))) == 2


def test_partners_that_are_most_alike_have_no_contrast_left():
    alike = 30 * torch.eye(3)
    partners = torch.arange(3)
    rest = (torch.rand(3, 5), torch.rand(3, 5))
    assert float(ContrastiveLoss()(alike, alike.T, *rest, partners)) == pytest.approx(0, abs=1e-6)
    swapped = partners.flip(0)
    assert float(ContrastiveLoss()(alike, alike.T, *rest, swapped)) == pytest.approx(20, abs=0.01)

"""Small models that an engine can be tried with: every output depends on every input.

Their classes are at the top of this module, so that an engine can send them to another process.
"""

from __future__ import annotations

from typing import Any, Final

import torch

from ttbench_core.model import Inputs, StagedModel, Stages
from ttbench_core.models.reference.forward import reference_outputs
from ttbench_core.models.reference.seeding import seeded

__all__ = ["draw_inputs", "loss_of", "sample_model"]

_ROWS: Final = 8
_FEATURES: Final = 32
_WORDS: Final = 64
_PROMPT: Final = 6
_NEW_TOKENS: Final = 4
#: What formats of few bits reach with these models; all others reach the default.
_PCC: Final = {"Bfp4": 0.95, "Bfp4_b": 0.95}


class TwoHeads(torch.nn.Module):
    """Two inputs and two outputs, with the operators that any engine has."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(_FEATURES, 2 * _FEATURES)
        self.second = torch.nn.Linear(_FEATURES, 2 * _FEATURES)
        self.activation = torch.nn.ReLU()
        self.left = torch.nn.Linear(2 * _FEATURES, 16)
        self.right = torch.nn.Linear(2 * _FEATURES, 24)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Run both heads: (rows, 32) twice to (rows, 16) and (rows, 24)."""
        hidden = self.activation(self.first(x) + self.second(y))
        return self.left(hidden), self.right(hidden)


class OtherInputs(TwoHeads):
    """The same with inputs of another kind."""

    def forward(
        self, x: Any, y: Any = None, scale: float = 1.0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take both inputs apart or together in `x`, and multiply the first by a number."""
        if y is None:
            x, y = x
        return super().forward(scale * x, y)


class Prepare(torch.nn.Module):
    """A stage before the device; without it the outputs are others."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """Exchange the inputs, and change the order of their features."""
        return [y.flip(-1), x.roll(1, -1)]


class Finish(torch.nn.Module):
    """A stage after the device; without it the outputs are others."""

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        """Exchange the outputs, and change the order of their features."""
        return {"right": right.flip(-1), "left": left.roll(1, -1)}


class Loss(torch.nn.Module):
    """A loss of both outputs and one target."""

    def forward(
        self, left: torch.Tensor, right: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:
        """Give a scalar."""
        return torch.nn.functional.mse_loss(left, target) + right.square().mean()


class Generator(torch.nn.Module):
    """A device stage that generates tokens; see `GeneratingModule`."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(_WORDS, _FEATURES)
        self.head = torch.nn.Linear(_FEATURES, _WORDS)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Give the logits of the first token."""
        return self.prefill(ids)[0]

    def prefill(self, ids: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """Read the prompt, (rows, tokens)."""
        past = self.embedding(ids).mean(dim=1)
        return self.head(past), past

    def decode(self, token: torch.Tensor, past: Any) -> tuple[torch.Tensor, Any]:
        """Process one more token, (rows, 1)."""
        past = (past + self.embedding(token[:, 0])) / 2
        return self.head(past), past


def sample_model(
    *,
    staged: bool = False,
    training: bool = False,
    generating: bool = False,
    input_kind: str = "tensors",
) -> StagedModel:
    """Make a model with random weights and inputs.

    Args:
        staged: with stages on the host before and after the device stage.
        training: with a loss and a target.
        generating: another model, which generates four tokens.
        input_kind: `named`, `nested`, `numbers` or `unbatched`, for inputs of that kind; see
            `models.inputs`.
    """
    if input_kind != "tensors":
        return _with_inputs(input_kind)
    if generating:
        return StagedModel(
            Stages(device=Generator()),
            [torch.randint(_WORDS, (_ROWS, _PROMPT))],
            generation={"max_length": _NEW_TOKENS, "prompt_length": _PROMPT},
        )
    return StagedModel(
        Stages(
            device=TwoHeads(),
            cpu_pre=Prepare() if staged else None,
            cpu_post=Finish() if staged else None,
            loss=Loss() if training else None,
        ),
        inputs=draw_inputs(0),
        targets=[torch.randn(_ROWS, 16)] if training else (),
        pcc=_PCC,
    )


def _with_inputs(kind: str) -> StagedModel:
    x, y = draw_inputs(0)
    inputs_of: dict[str, Inputs] = {
        "named": {"y": y, "x": x},
        "nested": [[x, y]],
        "numbers": [x, y, 2.0],
        "unbatched": [x, y],
    }
    # one sample of several rows
    microbatch = 1 if kind == "unbatched" else None
    return StagedModel(
        Stages(device=OtherInputs()), inputs_of[kind], pcc=_PCC, microbatch=microbatch
    )


def draw_inputs(seed: int) -> list[torch.Tensor]:
    """Give inputs of a sample model that does not generate; each seed gives others."""
    # a session may have set this thread to inference mode
    with torch.inference_mode(False), seeded(seed):
        return [torch.randn(_ROWS, _FEATURES) for _ in range(2)]


def loss_of(model: StagedModel) -> float:
    """Give the loss of a sample model that was made for training, in float32."""
    loss: Loss = model.stages.loss or Loss()
    with torch.inference_mode():
        return float(loss(*reference_outputs(model), *model.targets))

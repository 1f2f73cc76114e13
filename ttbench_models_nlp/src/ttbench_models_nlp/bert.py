"""BERT (Devlin et al., 2018, arXiv:1810.04805), whole and split over three stages.

Configurations are those of PyBuda's benchmark: `tiny` is prajjwal1/bert-tiny,
`base` and `large` the uncased originals, `_tc` a classifier of two classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model
from ttbench_core.errors import OptionError

if TYPE_CHECKING:
    import torch
    import transformers

__all__ = ["bert", "bert_stages"]

#: Token ids are drawn below this, as in the original; the vocabulary is a little larger.
_DRAWN_IDS = 25000
_CLASSES = 2
_MOST_LAYERS = 1000


@dataclass(frozen=True)
class _Shape:
    """A network and the inputs it is fed with by default."""

    layers: int
    hidden: int
    heads: int
    sequence: int
    #: Samples an input that a laptop bears.
    microbatch: int
    #: Sequence length in training, where the original's differs.
    training_sequence: int | None = None

    def config(self, layers: int | None) -> transformers.BertConfig:
        """Give transformers' configuration, with another number of layers if asked."""
        from transformers import BertConfig

        settings: dict[str, Any] = {
            "num_hidden_layers": self.layers if layers is None else layers,
            "hidden_size": self.hidden,
            "num_attention_heads": self.heads,
            "intermediate_size": 4 * self.hidden,
            "vocab_size": 30522,
            "num_labels": _CLASSES,
        }
        return BertConfig(**settings)

    def tokens(self, training: bool, microbatch: int | None) -> tuple[int, int]:
        """Give the shape of the token ids: samples, sequence length."""
        long = self.training_sequence if training and self.training_sequence else self.sequence
        return (microbatch or self.microbatch, long)


_TINY = _Shape(layers=2, hidden=128, heads=2, sequence=128, microbatch=32)
_BASE = _Shape(layers=12, hidden=768, heads=12, sequence=128, microbatch=4)
_LARGE = _Shape(24, 1024, 16, sequence=384, microbatch=1, training_sequence=128)
_LARGE_TC = _Shape(24, 1024, 16, sequence=384, microbatch=1)
_SHAPES = {
    "tiny": _TINY,
    "base": _BASE,
    "large": _LARGE,
    "base_tc": _BASE,
    "large_tc": _LARGE_TC,
}
#: Lowest correlation with Fp32 that counts as right where weights are rounded to four bits: a
#: little below the lowest of 2 to 12 random networks. A classifier of two classes has few values
#: to correlate, so its figures scatter. Those of `large` do not correlate with Fp32 at all: they
#: are wrong, and no threshold here says otherwise.
_PCC_OF_4_BITS = {"base": 0.95, "large": 0.87, "base_tc": 0.8}
_PCC_OF_4_BITS_IN_STAGES = {"base": 0.7}


@benchmark_model(configs=list(_SHAPES), default_config="base")
def bert(
    training: bool,
    config: str,
    microbatch: int | None = None,
    force_num_layers: int | None = None,
) -> BenchmarkModel:
    """Build BERT; its inputs are token ids, attention mask and token types (int64).

    Trains against random hidden states with an L1 loss, as the original does;
    a classifier against random classes with cross entropy.
    """
    import torch
    from transformers import BertForSequenceClassification, BertModel

    from ttbench_models_nlp.losses import FirstOutputL1Loss

    shape = _SHAPES[config]
    settings = shape.config(_checked(force_num_layers))
    samples, sequence = shape.tokens(training, microbatch)
    ids, types = _drawn_tokens(samples, sequence)
    network: Any
    if config.endswith("_tc"):
        network = BertForSequenceClassification(settings)
        targets = torch.randint(_CLASSES, (samples,))
        loss: torch.nn.Module = torch.nn.CrossEntropyLoss()
    else:
        network = BertModel(settings)
        targets = torch.rand(samples, sequence, shape.hidden)
        loss = FirstOutputL1Loss()
    return StagedModel(
        stages=Stages(device=network, loss=loss),
        inputs=[ids, torch.ones_like(ids), types],
        targets=[targets],
        pcc=_accuracy(_PCC_OF_4_BITS.get(config)),
    )


@benchmark_model(configs=["tiny", "base", "large"], default_config="base")
def bert_stages(
    training: bool,
    config: str,
    microbatch: int | None = None,
    force_num_layers: int | None = None,
) -> BenchmarkModel:
    """Build BERT in three stages: embeddings, encoder on the device, classifier.

    Its inputs are token ids and token types of full length, so the encoder
    needs no mask.
    """
    import torch
    from transformers import BertModel

    shape = _SHAPES[config]
    settings = shape.config(_checked(force_num_layers))
    samples, sequence = shape.tokens(training, microbatch)
    ids, types = _drawn_tokens(samples, sequence)
    network: Any = BertModel(settings)
    classifier = torch.nn.Sequential(network.pooler, torch.nn.Linear(shape.hidden, _CLASSES))
    return StagedModel(
        stages=Stages(
            cpu_pre=network.embeddings,
            device=network.encoder,
            cpu_post=classifier,
            loss=torch.nn.CrossEntropyLoss(),
        ),
        inputs=[ids, types],
        targets=[torch.randint(_CLASSES, (samples,))],
        pcc=_accuracy(_PCC_OF_4_BITS_IN_STAGES.get(config)),
    )


def _drawn_tokens(samples: int, sequence: int) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    ids = torch.randint(_DRAWN_IDS, (samples, sequence))
    return ids, torch.randint(2, (samples, sequence))


def _accuracy(lowest_of_4_bits: float | None) -> dict[str, float]:
    if lowest_of_4_bits is None:
        return {}
    return {"Bfp4": lowest_of_4_bits, "Bfp4_b": lowest_of_4_bits}


def _checked(layers: int | None) -> int | None:
    if layers is not None and layers > _MOST_LAYERS:
        raise OptionError(f"--layers {layers}: bert takes 1 to {_MOST_LAYERS}")
    return layers

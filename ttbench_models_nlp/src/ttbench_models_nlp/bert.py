"""BERT (Devlin et al., 2018, arXiv:1810.04805), whole and split over three stages.

Configurations are those of PyBuda's benchmark: `tiny` is prajjwal1/bert-tiny,
`base` and `large` the uncased originals, `_tc` a classifier of two classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ttbench_core import BenchmarkModel, StagedModel, Stages, benchmark_model
from ttbench_models_nlp.networks import check_positions, network_of, settings_of
from ttbench_models_nlp.tables import Architecture, Asked, Family, Variant

if TYPE_CHECKING:
    import torch

__all__ = ["bert", "bert_stages"]

#: Token ids are drawn below this, as in the original; the vocabulary is a little larger.
_DRAWN_IDS: Final = 25000
_CLASSES: Final = 2
_ENCODER: Final = Architecture("BertModel", "BertConfig")
_CLASSIFIER: Final = Architecture("BertForSequenceClassification", "BertConfig")
#: Sequence lengths in training, where the original's differs.
_TRAINING_SEQUENCE: Final = {"large": 128}


def _shape(layers: int, hidden: int, heads: int) -> dict[str, Any]:
    return {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "intermediate_size": 4 * hidden,
        "vocab_size": 30522,
        "num_labels": _CLASSES,
    }


_TINY: Final = _shape(2, 128, 2)
_BASE: Final = _shape(12, 768, 12)
_LARGE: Final = _shape(24, 1024, 16)
_BERT: Final = Family(
    "bert",
    "BERT",
    "text encoder, text classifier",
    {
        "tiny": Variant(_ENCODER, 4_385_920, "prajjwal1/bert-tiny", _TINY, microbatch=32),
        "base": Variant(
            _ENCODER, 109_482_240, "google-bert/bert-base-uncased", _BASE, microbatch=4
        ),
        "large": Variant(
            _ENCODER, 335_141_888, "google-bert/bert-large-uncased", _LARGE, sequence=384
        ),
        "base_tc": Variant(
            _CLASSIFIER, 109_483_778, "textattack/bert-base-uncased-SST-2", _BASE, microbatch=4
        ),
        "large_tc": Variant(
            _CLASSIFIER, 335_143_938, "assemblyai/bert-large-uncased-sst2", _LARGE, sequence=384
        ),
    },
)
_BERT_STAGES: Final = Family(
    "bert_stages",
    "BERT in stages",
    "text classifier",
    {
        "tiny": Variant(_ENCODER, 4_386_178, "prajjwal1/bert-tiny", _TINY, microbatch=32),
        "base": Variant(
            _ENCODER, 109_483_778, "google-bert/bert-base-uncased", _BASE, microbatch=4
        ),
        "large": Variant(
            _ENCODER, 335_143_938, "google-bert/bert-large-uncased", _LARGE, sequence=384
        ),
    },
)
#: Lowest correlation with Fp32 that counts as right where weights are rounded to four bits: a
#: little below the lowest of 2 to 12 random networks. A classifier of two classes has few values
#: to correlate, so its figures scatter. Those of `large` do not correlate with Fp32 at all: they
#: are wrong, and no threshold here says otherwise.
_PCC_OF_4_BITS: Final = {"base": 0.95, "large": 0.87, "base_tc": 0.8}
_PCC_OF_4_BITS_IN_STAGES: Final = {"base": 0.7}


@benchmark_model(configs=_BERT.declared, default_config="base", task=_BERT.task)
def bert(
    training: bool,
    config: str,
    *,
    microbatch: int | None = None,
    force_num_layers: int | None = None,
    seq_len: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build BERT; its inputs are token ids, attention mask and token types (int64).

    Trains against random hidden states with an L1 loss, as the original does;
    a classifier against random classes with cross entropy.
    """
    import torch

    from ttbench_models_nlp.losses import FirstOutputL1Loss

    asked = Asked(
        _BERT,
        config,
        training=training,
        microbatch=microbatch,
        layers=force_num_layers,
        seq_len=_sequence(training, config, seq_len),
        weights=weights,
    )
    settings, ids, types = _settings_and_texts(asked)
    network, notes = network_of(asked, settings)
    if config.endswith("_tc"):
        targets = torch.randint(_CLASSES, (asked.samples,))
        loss: torch.nn.Module = torch.nn.CrossEntropyLoss()
    else:
        targets = torch.rand(*ids.shape, settings.hidden_size)
        loss = FirstOutputL1Loss()
    return StagedModel(
        stages=Stages(device=network, loss=loss),
        inputs=[ids, torch.ones_like(ids), types],
        targets=[targets],
        pcc=_accuracy(_PCC_OF_4_BITS, config),
        notes=notes,
    )


@benchmark_model(configs=_BERT_STAGES.declared, default_config="base", task=_BERT_STAGES.task)
def bert_stages(
    training: bool,
    config: str,
    *,
    microbatch: int | None = None,
    force_num_layers: int | None = None,
    seq_len: int | None = None,
    weights: str | None = None,
) -> BenchmarkModel:
    """Build BERT in three stages: embeddings, encoder on the device, classifier.

    Its inputs are token ids and token types of full length, so the encoder
    needs no mask.
    """
    import torch

    asked = Asked(
        _BERT_STAGES,
        config,
        training=training,
        microbatch=microbatch,
        layers=force_num_layers,
        seq_len=_sequence(training, config, seq_len),
        weights=weights,
    )
    settings, ids, types = _settings_and_texts(asked)
    network, notes = network_of(asked, settings)
    if weights is not None:
        notes = (*notes, "the classifier behind the encoder is random: no weights have one")
    classifier = torch.nn.Sequential(
        network.pooler, torch.nn.Linear(settings.hidden_size, _CLASSES)
    )
    return StagedModel(
        stages=Stages(
            cpu_pre=network.embeddings,
            device=network.encoder,
            cpu_post=classifier,
            loss=torch.nn.CrossEntropyLoss(),
        ),
        inputs=[ids, types],
        targets=[torch.randint(_CLASSES, (asked.samples,))],
        pcc=_accuracy(_PCC_OF_4_BITS_IN_STAGES, config),
        notes=notes,
    )


def _sequence(training: bool, config: str, seq_len: int | None) -> int | None:
    return seq_len or (_TRAINING_SEQUENCE.get(config) if training else None)


def _settings_and_texts(asked: Asked) -> tuple[Any, torch.Tensor, torch.Tensor]:
    import torch

    settings = settings_of(asked)
    check_positions(asked, settings, asked.sequence)
    ids = torch.randint(_DRAWN_IDS, (asked.samples, asked.sequence))
    return settings, ids, torch.randint(2, ids.shape)


def _accuracy(lowest_of_4_bits: Mapping[str, float], config: str) -> dict[str, float]:
    if config not in lowest_of_4_bits:
        return {}
    return dict.fromkeys(("Bfp4", "Bfp4_b"), lowest_of_4_bits[config])

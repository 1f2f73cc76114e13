"""Inputs by name, two variants, layers and tokens."""

import torch

from ..base import (
    ForgeModel,
    Framework,
    ModelConfig,
    ModelGroup,
    ModelInfo,
    ModelSource,
    ModelTask,
    StrEnum,
)

# made when the module is imported
SCALE = torch.full((1,), 2.0)


class ModelVariant(StrEnum):
    SMALL = "Small_v1"
    LARGE = "acme/large"


class Network(torch.nn.Module):
    def __init__(self, width, layers):
        super().__init__()
        self.embedding = torch.nn.Embedding(64, width)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(width, width) for _ in range(layers))
        self.scale = SCALE.item()

    def forward(self, input_ids, attention_mask=None):
        hidden = self.embedding(input_ids) * attention_mask.unsqueeze(-1) * self.scale
        for layer in self.layers:
            hidden = layer(hidden)
        return {"logits": hidden, "cache": None}


class ModelLoader(ForgeModel):
    _VARIANTS = {
        ModelVariant.SMALL: ModelConfig("acme/small", 4),
        ModelVariant.LARGE: ModelConfig("acme/large", 16),
    }
    DEFAULT_VARIANT = ModelVariant.SMALL

    def __init__(self, variant=None, num_layers=None):
        super().__init__(variant)
        self.num_layers = num_layers or 2

    @classmethod
    def _get_model_info(cls, variant=None):
        return ModelInfo(
            model="named",
            variant=variant,
            group=ModelGroup.GENERALITY,
            task=ModelTask.NLP_QA,
            source=ModelSource.CUSTOM,
            framework=Framework.TORCH,
        )

    def load_model(self, *, dtype_override=None, **kwargs):
        print("loading", self._variant)
        self.model = Network(self._variant_config.width, self.num_layers)
        return self.model.to(dtype_override)

    def load_inputs(self, dtype_override=None, batch_size=1, seq_len=6):
        ids = torch.randint(0, 64, (1, seq_len)).repeat_interleave(batch_size, dim=0)
        return {"input_ids": ids, "attention_mask": torch.ones(batch_size, seq_len)}

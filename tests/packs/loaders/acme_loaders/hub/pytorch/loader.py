"""Weights by the name of a variant, which code of theirs may come with."""

import torch

from ...base import (
    ForgeModel,
    Framework,
    ModelConfig,
    ModelGroup,
    ModelInfo,
    ModelSource,
    ModelTask,
    StrEnum,
)


class ModelVariant(StrEnum):
    BASE = "base"


class Network(torch.nn.Linear):
    name_or_path = ""


class ModelLoader(ForgeModel):
    _VARIANTS = {ModelVariant.BASE: ModelConfig(pretrained_model_name="acme/base")}
    DEFAULT_VARIANT = ModelVariant.BASE

    @classmethod
    def _get_model_info(cls, variant=None):
        return ModelInfo(
            model="hub",
            variant=variant,
            group=ModelGroup.GENERALITY,
            task=ModelTask.CV_IMAGE_CLS,
            source=ModelSource.CUSTOM,
            framework=Framework.TORCH,
        )

    def load_model(self, *, dtype_override=None, **kwargs):
        self.from_hub(self._variant_config.pretrained_model_name, trust_remote_code=True)
        model = Network(3, 1)
        model.name_or_path = self._variant_config.pretrained_model_name
        return model

    def from_hub(self, name, trust_remote_code):
        if not name.startswith("/"):
            raise ConnectionError("Name or service not known")

    def load_inputs(self, dtype_override=None, batch_size=1):
        return torch.rand(batch_size, 3)

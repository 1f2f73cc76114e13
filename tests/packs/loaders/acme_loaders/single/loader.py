"""One tensor, and a constructor whose parameter has another name."""

import torch

from ..base import StrEnum


class ModelVariant(StrEnum):
    BASE = "base"
    WIDE = "wide"


class ModelLoader:
    _VARIANTS = dict.fromkeys(ModelVariant)
    DEFAULT_VARIANT = ModelVariant.BASE

    def __init__(self, variant_name=None):
        self.width = 8 if variant_name is ModelVariant.WIDE else 2

    def load_model(self, dtype_override=None):
        return torch.nn.Linear(self.width, 1).to(dtype_override or torch.bfloat16)

    def load_inputs(self, dtype_override=None):
        return torch.rand(1, self.width, dtype=dtype_override or torch.bfloat16)

"""What all loaders share: enumerations, and a base class in the form of tt-forge-models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum


class StrEnum(Enum):
    def __str__(self):
        return self.value


class ModelGroup(StrEnum):
    GENERALITY = "generality"


class ModelTask(StrEnum):
    CV_IMAGE_CLS = "cv_image_cls"
    NLP_QA = "nlp_qa"


class ModelSource(StrEnum):
    CUSTOM = "custom"


class Framework(StrEnum):
    TORCH = "pytorch"
    JAX = "jax"


@dataclass(frozen=True)
class ModelInfo:
    model: str
    variant: object
    group: object
    task: object
    source: object
    framework: object

    @property
    def name(self):
        return f"{self.framework}_{self.model}_{self.variant}"


@dataclass
class ModelConfig:
    pretrained_model_name: str
    width: int = 4


class ForgeModel(ABC):
    _VARIANTS = {}
    DEFAULT_VARIANT = None

    def __init__(self, variant=None):
        if variant is not None and not isinstance(variant, StrEnum):
            raise TypeError("variant must be a StrEnum")
        self._variant = variant or self.DEFAULT_VARIANT
        self._variant_config = self._VARIANTS.get(self._variant)

    @classmethod
    def query_available_variants(cls):
        return cls._VARIANTS

    @classmethod
    def get_model_info(cls, variant=None):
        return cls._get_model_info(variant or cls.DEFAULT_VARIANT)

    @classmethod
    @abstractmethod
    def _get_model_info(cls, variant=None): ...

    @abstractmethod
    def load_model(self, **kwargs): ...

    @abstractmethod
    def load_inputs(self, **kwargs): ...

    @classmethod
    def unpack_forward_output(cls, output):
        raise ValueError(f"no handler for {type(output).__name__}")

"""Another framework."""

import jax_that_is_not_here

from ..base import Framework, ModelInfo


class ModelLoader:
    @classmethod
    def get_model_info(cls, variant=None):
        return ModelInfo(None, None, None, None, None, framework=Framework.JAX)

    def load_model(self):
        return jax_that_is_not_here

    def load_inputs(self): ...

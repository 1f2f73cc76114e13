"""A stand-in for tt_torch on the real PyTorch/XLA: the backend `tt`, without the plugin's passes.

As in tenstorrent/tt-xla (python_package/tt_torch/backend/backend.py at 95c1c1ce7063) AOTAutograd
lifts the weights, and PyTorch/XLA's own bridge compiles the graph once and runs it by its hash.
"""

import torch_xla.core.dynamo_bridge as _bridge
from torch._dynamo import register_backend
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.aot_autograd import make_boxed_func


def _compiler(module, example_inputs):
    compiled = []

    def run(*args):
        if not compiled:
            compiled.append(_bridge.extract_compiled_graph(module, args))
        return compiled[0](*args)

    return make_boxed_func(run)


@register_backend(name="tt")
def _tt_backend(gm, example_inputs, options=None):
    return aot_autograd(fw_compiler=_compiler)(gm, example_inputs)

"""A stand-in for PyTorch/XLA as tt-xla requires it; see tt_xla_standin."""

import torch
import tt_xla_standin as _standin

from torch_xla import runtime as _runtime

_standin.fail_if_asked("import")

__version__ = "2.9.0+gited8a445"


def device(index=None):
    """Give the first device: the CPU, once the device type is TT."""
    _runtime._open()
    _standin.note("torch_xla.device", index)
    return torch.device("cpu")


if not _standin.settings().get("plain"):

    def set_custom_compile_options(options):
        for name, value in options.items():
            _standin.check_value(
                name, value, _standin.CONTRACT["pjrt_plugin_tt"]["compile_options"]
            )
        _standin.note("torch_xla.set_custom_compile_options", dict(options))


def sync(wait=False, reset_scope=True):
    """Start what was collected: nothing, as the stand-in computes at once."""
    _standin.note("torch_xla.sync", wait)

"""A stand-in for torch_xla.core.xla_model."""

import tt_xla_standin as _standin


def wait_device_ops(devices=()):
    _standin.note("torch_xla.core.xla_model.wait_device_ops")
